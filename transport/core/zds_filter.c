/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "zds_filter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum
{
    BITS_V4 = 32,
    BITS_V6 = 128,
    BITS_MAPPED = BITS_V6 - BITS_V4
};

/*  The number after the slash, as libzmq reads it: strtol, and no zero but
    "0".  */
static int parse_bits (const char *text_, long *bits_)
{
    if (*text_ == '\0')
        return EINVAL;
    *bits_ = strtol (text_, NULL, 10);
    if (*bits_ == 0 && strcmp (text_, "0") != 0)
        return EINVAL;
    return *bits_ < 0 || *bits_ > BITS_V6 ? EINVAL : 0;
}

/*  Whether the address was spelt as IPv6, ::ffff:a.b.c.d included.  */
static bool spelt_ipv6 (const char *host_)
{
    return strchr (host_, ':') != NULL;
}

/*  An IPv4 prefix, or a mapped one where mapped addresses are IPv4.  */
static int finish_ipv4 (zds_filter_t *filter_, bool counts_from_96_, long bits_)
{
    if (bits_ < 0)
        bits_ = BITS_V4;
    if (counts_from_96_ && bits_ >= BITS_MAPPED)
        bits_ -= BITS_MAPPED;
    filter_->bits = (unsigned) bits_;
    return bits_ > BITS_V4 ? EINVAL : 0;
}

static int finish_ipv6 (zds_filter_t *filter_, zds_mode_t mode_, long bits_)
{
    filter_->bits = bits_ < 0 ? BITS_V6 : (unsigned) bits_;
    filter_->sees_mapped = mode_ == ZDS_MODE_V6;
    return mode_ == ZDS_MODE_V4 ? EINVAL : 0;
}

int zds_filter_split (const char *text_,
                      zds_endpoint_t *address_,
                      const char **bits_)
{
    const char *slash = strrchr (text_, '/');
    const size_t len = slash ? (size_t) (slash - text_) : strlen (text_);
    char address[ZDS_HOST_SIZE];

    if (len >= sizeof address)
        return EINVAL;
    memcpy (address, text_, len);
    address[len] = '\0';
    *bits_ = slash == NULL ? NULL : slash + 1;
    return zds_endpoint_parse (address_, address, ZDS_PORT_NONE);
}

int zds_filter_make (zds_filter_t *filter_,
                     const zds_endpoint_t *address_,
                     const char *bits_,
                     zds_mode_t mode_)
{
    const bool ipv6 = spelt_ipv6 (address_->host);
    long bits = -1;
    int rc;

    memset (filter_, 0, sizeof *filter_);
    rc = zds_endpoint_literal (address_, 0, &filter_->network);
    if (rc == 0 && bits_ != NULL)
        rc = parse_bits (bits_, &bits);
    if (rc != 0)
        return rc;

    /*  Mode V6 takes a mapped spelling at its word, as an IPv6 prefix; in the
        other modes it is a way to write an IPv4 one.  */
    if (ipv6 && mode_ == ZDS_MODE_V6)
        zds_addr_map (&filter_->network);
    if (zds_addr_family (&filter_->network) == AF_INET6)
        return finish_ipv6 (filter_, mode_, bits);
    return finish_ipv4 (
      filter_, mode_ == ZDS_MODE_V6 || (ipv6 && mode_ == ZDS_MODE_AUTO), bits);
}

static bool same_prefix (const uint8_t *a_, const uint8_t *b_, unsigned bits_)
{
    const unsigned whole = bits_ / 8;
    const unsigned rest = bits_ % 8;

    if (memcmp (a_, b_, whole) != 0)
        return false;
    return rest == 0 || ((a_[whole] ^ b_[whole]) >> (8 - rest)) == 0;
}

bool zds_filter_match (const zds_filter_t *filter_,
                       const struct sockaddr *sa_,
                       size_t len_)
{
    zds_addr_t peer;

    if (zds_addr_from_sockaddr (&peer, sa_, len_) != 0)
        return false;
    zds_addr_unmap (&peer);
    if (filter_->sees_mapped)
        zds_addr_map (&peer);

    if (zds_addr_family (&peer) != zds_addr_family (&filter_->network))
        return false;
    if (zds_addr_family (&peer) == AF_INET)
        return same_prefix ((const uint8_t *) &peer.v4.sin_addr,
                            (const uint8_t *) &filter_->network.v4.sin_addr,
                            filter_->bits);
    return same_prefix ((const uint8_t *) &peer.v6.sin6_addr,
                        (const uint8_t *) &filter_->network.v6.sin6_addr,
                        filter_->bits);
}
