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

static void loopback_in_hosts_file (const char *host_, zds_answer_t *answer_)
{
    char line[1024];
    FILE *file = fopen ("/etc/hosts", "re");

    if (file == NULL)
        return;
    while (answer_->count < ZDS_MAX_ADDRS
           && fgets (line, sizeof line, file) != NULL) {
        zds_addr_t addr;
        if (zds_lookup_hosts_line (line, host_, &addr)
            && zds_addr_class (&addr) == ZDS_CLASS_LOOPBACK)
            answer_->addr[answer_->count++] = addr;
    }
    fclose (file);
}

static int ask (const char *host_, int family_, struct addrinfo **result_)
{
    struct addrinfo hints;

    memset (&hints, 0, sizeof hints);
    hints.ai_family = family_;
    /*  Not used, but avoids the same address three times.  */
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_CANONNAME;
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

static void take (const struct addrinfo *list_, zds_answer_t *answer_)
{
    const char *const name = list_->ai_canonname;

    if (name != NULL && strlen (name) < sizeof answer_->canonical)
        strcpy (answer_->canonical, name);
    for (; list_ != NULL && answer_->count < ZDS_MAX_ADDRS;
         list_ = list_->ai_next)
        if (zds_addr_from_sockaddr (&answer_->addr[answer_->count],
                                    list_->ai_addr, (size_t) list_->ai_addrlen)
            == 0)
            answer_->count++;
}

static bool lacks_scope (const zds_addr_t *addr_)
{
    return zds_addr_family (addr_) == AF_INET6
           && zds_addr_class (addr_) == ZDS_CLASS_LINK_LOCAL
           && addr_->v6.sin6_scope_id == 0;
}

/*  glibc loses the scope when it is asked for one family (its bug 14413), and a
    link-local address cannot be used without.  */
static void find_scopes (const char *host_, zds_answer_t *answer_)
{
    zds_addr_t *const out = answer_->addr;
    const size_t count = answer_->count;
    struct addrinfo *list, *one;
    size_t i;

    for (i = 0; i < count; i++)
        if (lacks_scope (&out[i]))
            break;
    if (i == count || ask (host_, AF_UNSPEC, &list) != 0)
        return;
    for (i = 0; i < count; i++)
        for (one = list; one != NULL && lacks_scope (&out[i]);
             one = one->ai_next) {
            zds_addr_t addr;
            if (zds_addr_from_sockaddr (&addr, one->ai_addr,
                                        (size_t) one->ai_addrlen)
                  == 0
                && zds_addr_family (&addr) == AF_INET6
                && memcmp (&addr.v6.sin6_addr, &out[i].v6.sin6_addr,
                           sizeof addr.v6.sin6_addr)
                     == 0)
                out[i].v6.sin6_scope_id = addr.v6.sin6_scope_id;
        }
    freeaddrinfo (list);
}

bool zds_lookup_asks (const char *host_, int family_)
{
    return family_ != AF_INET6 || strcasecmp (host_, "localhost") == 0
           || zds_host_has_ipv6 ();
}

void zds_lookup (void *arg_,
                 const char *host_,
                 zds_look_t look_,
                 zds_answer_t *answer_)
{
    static const int family[ZDS_LOOKS] = {AF_UNSPEC, AF_INET6, AF_INET};
    struct addrinfo *list;
    int rc;

    (void) arg_;
    if (!zds_lookup_asks (host_, family[look_])) {
        loopback_in_hosts_file (host_, answer_);
        return;
    }
    rc = ask (host_, family[look_], &list);
    if (rc != 0) {
        answer_->status = status_of (rc);
        return;
    }
    if (list != NULL)
        take (list, answer_);
    freeaddrinfo (list);
    if (look_ == ZDS_LOOK_IPV6)
        find_scopes (host_, answer_);
}
