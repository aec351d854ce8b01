/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "zds_addr.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifndef _WIN32
#include <netdb.h>
#endif

/*  The 96 bits that stand before the IPv4 address in ::ffff:a.b.c.d.  */
static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0,    0,
                                          0, 0, 0, 0, 0xff, 0xff};

void zds_addr_any (zds_addr_t *addr_, int family_)
{
    /*  All-zero is the wildcard in both families.  */
    memset (addr_, 0, sizeof *addr_);
    /*  The member is 8 bits wide on some systems, 16 on others.  */
    addr_->sa.sa_family = (unsigned char) family_;
#ifdef SIN6_LEN
    addr_->sa.sa_len = (unsigned char) zds_addr_len (addr_);
#endif
}

int zds_addr_from_sockaddr (zds_addr_t *addr_,
                            const struct sockaddr *sa_,
                            size_t len_)
{
    size_t wanted;

    if (sa_ == NULL || len_ < sizeof (struct sockaddr))
        return EINVAL;
    if (sa_->sa_family == AF_INET)
        wanted = sizeof addr_->v4;
    else if (sa_->sa_family == AF_INET6)
        wanted = sizeof addr_->v6;
    else
        return EAFNOSUPPORT;
    if (len_ < wanted)
        return EINVAL;

    memset (addr_, 0, sizeof *addr_);
    memcpy (addr_, sa_, wanted);
    return 0;
}

size_t zds_addr_len (const zds_addr_t *addr_)
{
    return addr_->sa.sa_family == AF_INET6 ? sizeof addr_->v6
                                           : sizeof addr_->v4;
}

int zds_addr_family (const zds_addr_t *addr_)
{
    return addr_->sa.sa_family;
}

unsigned zds_addr_for (const zds_addr_t *addr_)
{
    return addr_->sa.sa_family == AF_INET6 ? ZDS_FOR_IPV6 : ZDS_FOR_IPV4;
}

uint16_t zds_addr_port (const zds_addr_t *addr_)
{
    return ntohs (addr_->sa.sa_family == AF_INET6 ? addr_->v6.sin6_port
                                                  : addr_->v4.sin_port);
}

void zds_addr_set_port (zds_addr_t *addr_, uint16_t port_)
{
    if (addr_->sa.sa_family == AF_INET6)
        addr_->v6.sin6_port = htons (port_);
    else
        addr_->v4.sin_port = htons (port_);
}

/*  Whether the text may be a literal: false for most names, at the first letter that
    no literal can have.  */
static bool may_be_literal (const char *text_)
{
    while (isxdigit ((unsigned char) *text_) || *text_ == ':' || *text_ == '.'
           || *text_ == 'x' || *text_ == 'X')
        text_++;
    return *text_ == '\0' || *text_ == '%';
}

int zds_addr_parse (zds_addr_t *addr_, const char *text_, int family_)
{
    const struct addrinfo hints = {.ai_family = family_,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST};
    struct addrinfo *result = NULL;
    int rc;

    if (!may_be_literal (text_))
        return EINVAL;
    rc = getaddrinfo (text_, NULL, &hints, &result);
    if (rc == EAI_MEMORY)
        return ENOMEM;
    if (rc != 0)
        return EINVAL;

    rc = zds_addr_from_sockaddr (addr_, result->ai_addr,
                                 (size_t) result->ai_addrlen);
    freeaddrinfo (result);
    return rc == 0 ? 0 : EINVAL;
}

bool zds_addr_equal (const zds_addr_t *a_, const zds_addr_t *b_)
{
    if (a_->sa.sa_family != b_->sa.sa_family)
        return false;
    if (a_->sa.sa_family == AF_INET6)
        return a_->v6.sin6_port == b_->v6.sin6_port
               && a_->v6.sin6_scope_id == b_->v6.sin6_scope_id
               && memcmp (&a_->v6.sin6_addr, &b_->v6.sin6_addr,
                          sizeof a_->v6.sin6_addr)
                    == 0;
    return a_->v4.sin_port == b_->v4.sin_port
           && a_->v4.sin_addr.s_addr == b_->v4.sin_addr.s_addr;
}

uint64_t zds_hash (uint64_t hash_, const void *data_, size_t size_)
{
    const uint8_t *at = (const uint8_t *) data_;

    while (size_-- > 0)
        hash_ = (hash_ ^ *at++) * 1099511628211u;
    return hash_;
}

uint64_t zds_addr_hash (const zds_addr_t *addr_)
{
    if (zds_addr_family (addr_) == AF_INET)
        return zds_hash (ZDS_HASH, &addr_->v4.sin_addr, 4);
    return zds_hash (ZDS_HASH, &addr_->v6.sin6_addr, 16)
           + addr_->v6.sin6_scope_id * 2654435761u;
}

zds_class_t zds_addr_class (const zds_addr_t *addr_)
{
    static const uint8_t zeros[15];
    const uint8_t *b = (const uint8_t *) &addr_->v6.sin6_addr;

    if (memcmp (b, mapped_prefix, sizeof mapped_prefix) == 0)
        return ZDS_CLASS_MAPPED_IPV4;
    if (memcmp (b, zeros, sizeof zeros) == 0 && b[15] <= 1)
        return b[15] == 0 ? ZDS_CLASS_UNSPECIFIED : ZDS_CLASS_LOOPBACK;
    if (b[0] == 0xfe && (b[1] & 0xc0) == 0x80)
        return ZDS_CLASS_LINK_LOCAL;
    /*  fc00::/7, and the site-local fec0::/10 that it replaced (RFC 3879).  */
    if ((b[0] & 0xfe) == 0xfc || (b[0] == 0xfe && (b[1] & 0xc0) == 0xc0))
        return ZDS_CLASS_UNIQUE_LOCAL;
    return ZDS_CLASS_GLOBAL;
}

/*  Makes '*addr_' the IPv4 address in the last four bytes of an IPv6 one.  */
static void take_last_four (zds_addr_t *addr_)
{
    const struct sockaddr_in6 from = addr_->v6;

    zds_addr_any (addr_, AF_INET);
    addr_->v4.sin_port = from.sin6_port;
    memcpy (&addr_->v4.sin_addr, (const uint8_t *) &from.sin6_addr + 12, 4);
}

void zds_addr_unmap (zds_addr_t *addr_)
{
    if (addr_->sa.sa_family == AF_INET6
        && zds_addr_class (addr_) == ZDS_CLASS_MAPPED_IPV4)
        take_last_four (addr_);
}

void zds_addr_map (zds_addr_t *addr_)
{
    struct sockaddr_in from;

    if (addr_->sa.sa_family != AF_INET)
        return;
    from = addr_->v4;
    zds_addr_any (addr_, AF_INET6);
    addr_->v6.sin6_port = from.sin_port;
    memcpy (&addr_->v6.sin6_addr, mapped_prefix, sizeof mapped_prefix);
    memcpy ((uint8_t *) &addr_->v6.sin6_addr + 12, &from.sin_addr, 4);
}

void zds_addr_as_ipv4 (zds_addr_t *addr_)
{
    if (addr_->sa.sa_family == AF_INET6
        && zds_addr_class (addr_) == ZDS_CLASS_UNSPECIFIED)
        take_last_four (addr_);
    else
        zds_addr_unmap (addr_);
}

size_t zds_sockaddr_as_ipv4 (struct sockaddr *sa_, size_t len_)
{
    zds_addr_t addr;

    if (zds_addr_from_sockaddr (&addr, sa_, len_) != 0)
        return len_;
    zds_addr_as_ipv4 (&addr);
    memcpy (sa_, &addr, zds_addr_len (&addr));
    return zds_addr_len (&addr);
}

zds_addr_t zds_addr_through (zds_mode_t mode_, const zds_addr_t *addr_)
{
    zds_addr_t addr = *addr_;

    if (mode_ == ZDS_MODE_V6)
        zds_addr_map (&addr);
    return addr;
}

static int parse_port (uint16_t *port_, const char *text_, bool wildcard_)
{
    *port_ = 0;
    if (strcmp (text_, "*") == 0)
        return wildcard_ ? 0 : EINVAL;
    if (strcmp (text_, "0") == 0)
        return 0;
    /*  libzmq, too, reads a port with atoi and cuts it to 16 bits.  */
    *port_ = (uint16_t) atoi (text_);
    return *port_ == 0 ? EINVAL : 0;
}

/*  Copies a stretch of text; false, and an empty string, where it does not fit.  */
static bool copy_part (char *to_, const char *begin_, const char *end_)
{
    const size_t len = (size_t) (end_ - begin_);
    const bool fits = len < ZDS_HOST_SIZE;

    if (fits)
        memcpy (to_, begin_, len);
    to_[fits ? len : 0] = '\0';
    return fits;
}

int zds_endpoint_parse (zds_endpoint_t *endpoint_,
                        const char *text_,
                        zds_port_rule_t port_rule_)
{
    /*  The last colon, because an IPv6 address has others before it.  */
    const char *end = strrchr (text_, ':'), *zone;

    endpoint_->port = 0;
    endpoint_->scope = 0;
    endpoint_->host[0] = endpoint_->zone[0] = '\0';
    endpoint_->host_too_long = false;
    if (end == NULL
        || parse_port (&endpoint_->port, end + 1, port_rule_ == ZDS_PORT_BIND)
             != 0)
        return EINVAL;
    if (end - text_ >= 2 && text_[0] == '[' && end[-1] == ']') {
        text_++;
        end--;
    }
    /*  RFC 4007 section 11: what follows the last % is the zone.  */
    for (zone = end; zone > text_ && zone[-1] != '%';)
        zone--;
    if (zone > text_) {
        if (zone == end || !copy_part (endpoint_->zone, zone, end))
            return EINVAL;
        end = zone - 1;
    }
    endpoint_->host_too_long = !copy_part (endpoint_->host, text_, end);
    return 0;
}

const char *zds_endpoint_destination (const char *text_)
{
    const char *semicolon = strrchr (text_, ';');
    return semicolon == NULL ? text_ : semicolon + 1;
}

int zds_endpoint_literal (const zds_endpoint_t *endpoint_, zds_addr_t *addr_)
{
    int rc;

    if (endpoint_->host_too_long)
        return EINVAL;
    rc = zds_addr_parse (addr_, endpoint_->host, AF_INET);
    if (rc == EINVAL)
        rc = zds_addr_parse (addr_, endpoint_->host, AF_INET6);
    if (rc != 0)
        return rc;

    /*  Whether getaddrinfo reads ::ffff:a.b.c.d as IPv4 differs by platform.  */
    zds_addr_unmap (addr_);
    zds_addr_set_port (addr_, endpoint_->port);
    if (zds_addr_family (addr_) == AF_INET6)
        addr_->v6.sin6_scope_id = endpoint_->scope;
    return 0;
}

static char lower (char c_)
{
    return c_ >= 'A' && c_ <= 'Z' ? (char) (c_ - 'A' + 'a') : c_;
}

bool zds_is_same_name (const char *a_, const char *b_)
{
    while (*a_ != '\0' && lower (*a_) == lower (*b_)) {
        a_++;
        b_++;
    }
    return *a_ == *b_;
}

uint64_t zds_hash_name (const char *name_)
{
    uint64_t hash = ZDS_HASH;

    if (name_ == NULL || *name_ == '\0')
        return 0;
    for (; *name_ != '\0'; name_++) {
        const char c = lower (*name_);
        hash = zds_hash (hash, &c, 1);
    }
    return hash;
}

bool zds_endpoint_is_localhost (const zds_endpoint_t *endpoint_)
{
    return zds_is_same_name (endpoint_->host, "localhost");
}

bool zds_endpoint_may_be_name (const char *host_)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";

    return host_[0] != '\0' && strspn (host_, allowed) == strlen (host_);
}
