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

#ifdef __GLIBC__
#include <netinet/in.h>
#include <resolv.h>
#endif

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

static bool is_loopback_in_hosts_file (const char *host_)
{
    char line[1024];
    zds_addr_t addr;
    bool found = false;
    FILE *file = fopen ("/etc/hosts", "re");

    if (file == NULL)
        return false;
    while (!found && fgets (line, sizeof line, file) != NULL)
        found = zds_lookup_hosts_line (line, host_, &addr)
                && zds_addr_class (&addr) == ZDS_CLASS_LOOPBACK;
    fclose (file);
    return found;
}

/*  RFC 6761 section 6.3.  */
static bool is_localhost (const char *host_)
{
    static const char name[] = "localhost";
    const size_t len = strlen (host_), name_len = sizeof name - 1;
    const char *const end = host_ + len - name_len;

    return len >= name_len && strcasecmp (end, name) == 0
           && (len == name_len || end[-1] == '.');
}

bool zds_lookup_asks (const char *host_, int family_)
{
    return family_ != AF_INET6 || is_localhost (host_) || zds_host_has_ipv6 ()
           || is_loopback_in_hosts_file (host_);
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

/*  Names with a trailing dot, and with as many dots as resolv.conf asks for, are tried
    as they stand ahead of the search list.  */
static bool is_exact (const char *host_, const char *canonical_)
{
    const size_t len = strlen (host_);
    bool tried = len > 0 && host_[len - 1] == '.';

#ifdef __GLIBC__
    unsigned dots = 0, i;
    for (i = 0; i < len; i++)
        dots += host_[i] == '.';
    if ((_res.options & RES_INIT) != 0 && dots >= _res.ndots
        && strcasecmp (host_, canonical_) == 0)
        tried = true;
#else
    (void) canonical_;
#endif
    return tried;
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

void zds_lookup (void *arg_,
                 const char *host_,
                 zds_look_t look_,
                 zds_answer_t *answer_)
{
    static const int family[ZDS_LOOKS] = {AF_UNSPEC, AF_INET6, AF_INET};
    struct addrinfo *list;
    const int rc = ask (host_, family[look_], &list);

    (void) arg_;
    if (rc != 0) {
        answer_->status = status_of (rc);
        return;
    }
    if (list != NULL)
        take (list, answer_);
    freeaddrinfo (list);
    answer_->is_exact = is_exact (host_, answer_->canonical);
}
