/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "zds_lookup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef _WIN32
#include <netdb.h>
#include <strings.h>
#include <unistd.h>
#endif

#include "zds_host.h"

#ifdef _WIN32
#define strcasecmp _stricmp
#define strtok_r strtok_s
#endif

/*  Any port does: nothing is sent.  */
#define PROBE_PORT 9

bool zds_lookup_hosts_line (const char *line_,
                            const char *host_,
                            zds_addr_t *addr_)
{
    static const char blank[] = " \t\r\n";
    char line[1024];
    char *rest, *word;

    if (strlen (line_) >= sizeof line)
        return false;
    strcpy (line, line_);
    line[strcspn (line, "#")] = '\0';
    word = strtok_r (line, blank, &rest);
    if (word == NULL || zds_addr_parse (addr_, word, AF_INET6) != 0)
        return false;
    while ((word = strtok_r (NULL, blank, &rest)) != NULL)
        if (strcasecmp (word, host_) == 0)
            return true;
    return false;
}

static size_t
loopback_in_hosts_file (const char *host_, zds_candidate_t *out_, size_t max_)
{
    char line[1024];
    size_t count = 0;
    FILE *file = fopen ("/etc/hosts", "re");

    if (file == NULL)
        return 0;
    while (count < max_ && fgets (line, sizeof line, file) != NULL) {
        zds_addr_t addr;
        if (!zds_lookup_hosts_line (line, host_, &addr)
            || zds_addr_class (&addr) != ZDS_CLASS_LOOPBACK)
            continue;
        memset (&out_[count], 0, sizeof out_[count]);
        out_[count++].addr = addr;
    }
    fclose (file);
    return count;
}

static int ask (const char *host_, int family_, struct addrinfo **result_)
{
    struct addrinfo hints;

    memset (&hints, 0, sizeof hints);
    hints.ai_family = family_;
    /*  Not used, but avoids the same address three times.  */
    hints.ai_socktype = SOCK_STREAM;
    *result_ = NULL;
    return getaddrinfo (host_, NULL, &hints, result_);
}

static zds_lookup_status_t status_of (int rc_)
{
    switch (rc_) {
        case EAI_AGAIN:
        case EAI_MEMORY:
#ifdef EAI_SYSTEM
        case EAI_SYSTEM:
#endif
            return ZDS_LOOKUP_TEMPORARY;
        default:
            return ZDS_LOOKUP_DONE;
    }
}

static size_t take_family (const struct addrinfo *list_,
                           int family_,
                           zds_candidate_t *out_,
                           size_t max_)
{
    size_t count = 0;

    for (; list_ != NULL && count < max_; list_ = list_->ai_next) {
        zds_addr_t addr;
        if (list_->ai_family != family_
            || zds_addr_from_sockaddr (&addr, list_->ai_addr,
                                       (size_t) list_->ai_addrlen)
                 != 0)
            continue;
        memset (&out_[count], 0, sizeof out_[count]);
        out_[count++].addr = addr;
    }
    return count;
}

static bool lacks_scope (const zds_addr_t *addr_)
{
    return zds_addr_family (addr_) == AF_INET6
           && zds_addr_class (addr_) == ZDS_CLASS_LINK_LOCAL
           && addr_->v6.sin6_scope_id == 0;
}

/*  glibc loses the scope when it is asked for one family (its bug 14413), and a
    link-local address cannot be used without.  */
static void
find_scopes (const char *host_, zds_candidate_t *out_, size_t count_)
{
    struct addrinfo *list, *one;
    size_t i;

    for (i = 0; i < count_; i++)
        if (lacks_scope (&out_[i].addr))
            break;
    if (i == count_ || ask (host_, AF_UNSPEC, &list) != 0)
        return;
    for (i = 0; i < count_; i++)
        for (one = list; one != NULL && lacks_scope (&out_[i].addr);
             one = one->ai_next) {
            zds_addr_t addr;
            if (zds_addr_from_sockaddr (&addr, one->ai_addr,
                                        (size_t) one->ai_addrlen)
                  == 0
                && zds_addr_family (&addr) == AF_INET6
                && memcmp (&addr.v6.sin6_addr, &out_[i].addr.v6.sin6_addr,
                           sizeof addr.v6.sin6_addr)
                     == 0)
                out_[i].addr.v6.sin6_scope_id = addr.v6.sin6_scope_id;
        }
    freeaddrinfo (list);
}

#ifndef _WIN32

/*  The kernel chooses a source address when a UDP socket is connected.  */
static bool has_poor_source (const zds_addr_t *addr_)
{
    zds_addr_t to = *addr_, from;
    socklen_t len = sizeof from;
    bool poor = true;
#ifdef SOCK_CLOEXEC
    const int type = SOCK_DGRAM | SOCK_CLOEXEC;
#else
    const int type = SOCK_DGRAM;
#endif
    const int fd = socket (AF_INET6, type, IPPROTO_UDP);

    /*  Out of descriptors: nothing is known against the address.  */
    if (fd == -1)
        return errno == EAFNOSUPPORT;
    zds_addr_set_port (&to, PROBE_PORT);
    if (connect (fd, &to.sa, (socklen_t) zds_addr_len (&to)) == 0
        && getsockname (fd, &from.sa, &len) == 0
        && zds_addr_family (&from) == AF_INET6)
        poor = zds_addr_label (&from) != zds_addr_label (&to);
    close (fd);
    return poor;
}

#else

static bool has_poor_source (const zds_addr_t *addr_)
{
    (void) addr_;
    return false;
}

#endif

bool zds_lookup_asks (const char *host_, int family_)
{
    return family_ != AF_INET6 || strcasecmp (host_, "localhost") == 0
           || zds_host_has_ipv6 ();
}

zds_lookup_status_t zds_lookup (void *arg_,
                                const char *host_,
                                int family_,
                                zds_candidate_t *out_,
                                size_t max_,
                                size_t *count_)
{
    struct addrinfo *list;
    size_t i;
    int rc;

    (void) arg_;
    *count_ = 0;
    if (!zds_lookup_asks (host_, family_)) {
        *count_ = loopback_in_hosts_file (host_, out_, max_);
        return ZDS_LOOKUP_DONE;
    }

    rc = ask (host_, family_, &list);
    if (rc != 0)
        return status_of (rc);
    *count_ = take_family (list, family_, out_, max_);
    freeaddrinfo (list);
    if (family_ == AF_INET6) {
        find_scopes (host_, out_, *count_);
        for (i = 0; i < *count_; i++)
            out_[i].poor_source = has_poor_source (&out_[i].addr);
    }
    return ZDS_LOOKUP_DONE;
}
