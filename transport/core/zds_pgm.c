/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "zds_pgm.h"

#include <errno.h>
#include <string.h>

enum
{
    MAX_PARTS = 3 /* interface, receive groups, send group */
};

/*  Reads 'text_' up to 'len_' as an address: without a prefix length
    (10.0.0.0/8 names an interface by its network), brackets or zone.  */
static bool is_ipv6_literal (const char *text_, size_t len_)
{
    char host[ZDS_HOST_SIZE];
    zds_endpoint_t endpoint;
    zds_addr_t addr;
    char *slash;

    if (len_ >= sizeof host)
        return false;
    memcpy (host, text_, len_);
    host[len_] = '\0';
    slash = strrchr (host, '/');
    if (slash != NULL)
        *slash = '\0';
    /*  An IPv4-mapped address is one of IPv6 to OpenPGM, so not
        zds_endpoint_literal, to which it is one of IPv4.  */
    return zds_endpoint_parse (&endpoint, host, ZDS_PORT_NONE) == 0
           && !endpoint.host_too_long && strchr (endpoint.host, ':') != NULL
           && zds_addr_parse (&addr, endpoint.host, AF_INET6) == 0;
}

static bool is_ipv6_interface (const char *text_,
                               size_t len_,
                               const zds_ifaddr_t *ifaddrs_,
                               size_t count_)
{
    bool ipv6 = false;
    size_t i;

    for (i = 0; i < count_; i++) {
        if (strlen (ifaddrs_[i].name) != len_
            || memcmp (ifaddrs_[i].name, text_, len_) != 0)
            continue;
        if (zds_addr_family (&ifaddrs_[i].addr) == AF_INET)
            return false;
        ipv6 = true;
    }
    return ipv6;
}

int zds_pgm_check (const char *network_,
                   const zds_ifaddr_t *ifaddrs_,
                   size_t count_)
{
    const char *at = network_;
    unsigned parts = 1;

    for (;;) {
        const size_t len = strcspn (at, ";,");

        if (is_ipv6_literal (at, len)
            || is_ipv6_interface (at, len, ifaddrs_, count_))
            return EAFNOSUPPORT;
        at += len;
        if (*at == '\0')
            return 0;
        /*  A fourth part is not in OpenPGM's grammar, except an empty last
            one.  */
        if (*at == ';' && ++parts > MAX_PARTS && at[1] != '\0')
            return EINVAL;
        at++;
    }
}
