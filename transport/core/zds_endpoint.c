/* SPDX-License-Identifier: MPL-2.0 */

#include "zds_endpoint.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*  A stretch of text that is not NUL-terminated.  */
typedef struct
{
    const char *at;
    size_t len;
} span_t;

static int parse_port (uint16_t *port_, const char *text_, bool wildcard_)
{
    *port_ = 0;
    if (strcmp (text_, "*") == 0)
        return wildcard_ ? 0 : EINVAL;
    if (strcmp (text_, "0") == 0)
        return 0;
    /*  atoi and the cut to 16 bits are libzmq's reading of a port.  */
    *port_ = (uint16_t) atoi (text_);
    return *port_ == 0 ? EINVAL : 0;
}

static const char *last_in (span_t span_, char c_)
{
    while (span_.len > 0)
        if (span_.at[--span_.len] == c_)
            return span_.at + span_.len;
    return NULL;
}

/*  Copies the span; false, and an empty string, where it does not fit.  */
static bool copy_span (char *to_, span_t from_)
{
    const bool fits = from_.len < ZDS_HOST_SIZE;

    if (fits)
        memcpy (to_, from_.at, from_.len);
    to_[fits ? from_.len : 0] = '\0';
    return fits;
}

int zds_endpoint_parse (zds_endpoint_t *endpoint_,
                        const char *text_,
                        zds_port_rule_t port_rule_)
{
    span_t host = {text_, strlen (text_)};
    const char *colon, *percent;

    endpoint_->port = 0;
    endpoint_->host[0] = endpoint_->zone[0] = '\0';
    endpoint_->host_too_long = false;

    /*  The last colon: an IPv6 address has others before it.  */
    colon = last_in (host, ':');
    if (colon == NULL
        || parse_port (&endpoint_->port, colon + 1, port_rule_ == ZDS_PORT_BIND)
             != 0)
        return EINVAL;
    host.len = (size_t) (colon - host.at);

    if (host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']') {
        host.at += 1;
        host.len -= 2;
    }

    /*  RFC 4007 section 11: what follows the % is the zone.  */
    percent = last_in (host, '%');
    if (percent != NULL) {
        span_t zone = {percent + 1,
                       (size_t) (host.at + host.len - (percent + 1))};
        if (zone.len == 0)
            return EINVAL;
        host.len = (size_t) (percent - host.at);
        if (!copy_span (endpoint_->zone, zone))
            return EINVAL;
    }

    endpoint_->host_too_long = !copy_span (endpoint_->host, host);
    return 0;
}

const char *zds_endpoint_destination (const char *text_)
{
    const char *semicolon = strrchr (text_, ';');
    return semicolon == NULL ? text_ : semicolon + 1;
}

int zds_endpoint_literal (const zds_endpoint_t *endpoint_,
                          uint32_t zone_index_,
                          zds_addr_t *addr_)
{
    int rc;

    if (endpoint_->host_too_long)
        return EINVAL;
    rc = zds_addr_parse (addr_, endpoint_->host, AF_INET);
    if (rc == EINVAL)
        rc = zds_addr_parse (addr_, endpoint_->host, AF_INET6);
    if (rc != 0)
        return rc;

    /*  How getaddrinfo reads ::ffff:a.b.c.d as IPv4 differs by platform.  */
    zds_addr_unmap (addr_);
    zds_addr_set_port (addr_, endpoint_->port);
    if (zds_addr_family (addr_) == AF_INET6)
        addr_->v6.sin6_scope_id = zone_index_;
    return 0;
}

bool zds_endpoint_is_localhost (const zds_endpoint_t *endpoint_)
{
    static const char name[] = "localhost";
    size_t i;

    for (i = 0; i < sizeof name; i++)
        if (tolower ((unsigned char) endpoint_->host[i]) != name[i])
            return false;
    return true;
}
