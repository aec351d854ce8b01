/* SPDX-License-Identifier: MPL-2.0 */

#include "zds_dial.h"

#include <errno.h>
#include <string.h>

static const int family_at[ZDS_FAMILIES] = {AF_INET6, AF_INET};
static const unsigned for_at[ZDS_FAMILIES] = {ZDS_FOR_IPV6, ZDS_FOR_IPV4};

static unsigned index_of (int family_)
{
    return family_ == AF_INET6 ? 0 : 1;
}

static void source_of_any (zds_source_t *source_, uint16_t port_)
{
    unsigned i;

    for (i = 0; i < ZDS_FAMILIES; i++) {
        zds_addr_any (&source_->addr[i], family_at[i]);
        zds_addr_set_port (&source_->addr[i], port_);
    }
}

static bool source_of_interface (zds_source_t *source_,
                                 const zds_endpoint_t *endpoint_,
                                 const zds_ifaddr_t *ifaddrs_,
                                 size_t count_)
{
    unsigned i;

    if (endpoint_->host[0] == '\0'
        || strlen (endpoint_->host) >= sizeof source_->name)
        return false;
    for (i = 0; i < ZDS_FAMILIES; i++) {
        const zds_ifaddr_t *best = zds_ifaddr_choose (
          endpoint_->host, family_at[i], NULL, ifaddrs_, count_);
        if (best == NULL)
            continue;
        source_->addr[i] = best->addr;
        zds_addr_set_port (&source_->addr[i], endpoint_->port);
        source_->is_interface = true;
    }
    strcpy (source_->name, endpoint_->host);
    return source_->is_interface;
}

int zds_dial_source (zds_source_t *source_,
                     const zds_endpoint_t *endpoint_,
                     uint32_t zone_index_,
                     zds_mode_t mode_,
                     const zds_ifaddr_t *ifaddrs_,
                     size_t count_)
{
    zds_addr_t addr;
    int rc;

    memset (source_, 0, sizeof *source_);
    if (strcmp (endpoint_->host, "*") == 0) {
        source_of_any (source_, endpoint_->port);
        return 0;
    }
    if (source_of_interface (source_, endpoint_, ifaddrs_, count_))
        return 0;
    rc = zds_endpoint_literal (endpoint_, zone_index_, &addr);
    if (rc != 0)
        return rc == EINVAL ? ENODEV : rc;
    if (mode_ == ZDS_MODE_V6 && zds_addr_family (&addr) == AF_INET6
        && zds_addr_class (&addr) == ZDS_CLASS_UNSPECIFIED)
        source_of_any (source_, endpoint_->port);
    else
        source_->addr[index_of (zds_addr_family (&addr))] = addr;
    return 0;
}

zds_addr_t zds_dial_from (const zds_source_t *source_,
                          const zds_addr_t *to_,
                          const zds_ifaddr_t *ifaddrs_,
                          size_t count_)
{
    const int family = zds_addr_family (to_);
    zds_addr_t addr = source_->addr[index_of (family)];
    const zds_ifaddr_t *suits =
      source_->is_interface
        ? zds_ifaddr_choose (source_->name, family, to_, ifaddrs_, count_)
        : NULL;

    if (suits != NULL) {
        const uint16_t port = zds_addr_port (&addr);
        addr = suits->addr;
        zds_addr_set_port (&addr, port);
    }
    return addr;
}

unsigned zds_dial_families (zds_mode_t mode_,
                            const zds_source_t *source_,
                            const zds_addr_t *literal_)
{
    unsigned all = 0, i;

    for (i = 0; i < ZDS_FAMILIES; i++)
        if (source_ == NULL || zds_addr_family (&source_->addr[i]) != 0)
            all |= for_at[i];
    if (mode_ == ZDS_MODE_V4)
        all &= ~(unsigned) ZDS_FOR_IPV6;
    if (literal_ != NULL)
        all &= for_at[index_of (zds_addr_family (literal_))];
    return all;
}

zds_look_t zds_dial_look (zds_mode_t mode_, unsigned families_, bool has_ipv6_)
{
    const bool only_ipv4 = families_ == ZDS_FOR_IPV4
                           || (!has_ipv6_ && (families_ & ZDS_FOR_IPV4) != 0);

    return mode_ != ZDS_MODE_V6 && only_ipv4 ? ZDS_LOOK_IPV4 : ZDS_LOOK_WHOLE;
}

zds_addr_t zds_dial_through (zds_mode_t mode_, const zds_addr_t *addr_)
{
    zds_addr_t addr = *addr_;

    if (mode_ == ZDS_MODE_V6)
        zds_addr_map (&addr);
    return addr;
}

bool zds_dial_may_be_name (const char *host_)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";

    return host_[0] != '\0' && strspn (host_, allowed) == strlen (host_);
}

void zds_greeting_sign (uint8_t signature_[ZDS_SIGNATURE_SIZE],
                        size_t routing_id_size_)
{
    /*  To a peer of ZMTP 1.0 this is the start of a frame: its length, which
        counts the byte of flags, and the flags.  */
    uint64_t length = (uint64_t) routing_id_size_ + 1;
    unsigned i;

    signature_[0] = 0xff;
    for (i = 8; i > 0; i--) {
        signature_[i] = (uint8_t) (length & 0xff);
        length >>= 8;
    }
    signature_[9] = 0x7f;
}

/*  A frame of ZMTP 1.0 whose length fits into its first byte.  The length counts
    the flags, so it is not 0; and an identity is one frame, which has none set.  */
static zds_greeting_t judge_short_frame (const uint8_t *bytes_, size_t count_)
{
    if (bytes_[0] == 0)
        return ZDS_GREETING_FOREIGN;
    if (count_ < 2)
        return ZDS_GREETING_MORE;
    return bytes_[1] == 0 ? ZDS_GREETING_UNSIGNED : ZDS_GREETING_FOREIGN;
}

zds_greeting_t zds_greeting_judge (const uint8_t *bytes_, size_t count_)
{
    if (count_ == 0)
        return ZDS_GREETING_MORE;
    if (bytes_[0] != 0xff)
        return judge_short_frame (bytes_, count_);
    if (count_ < ZDS_SIGNATURE_SIZE)
        return ZDS_GREETING_MORE;
    /*  libzmq takes any odd number here for a signature; what it may be besides
        that, such as the negotiation of a telnet server, is not to win by it.  */
    return bytes_[9] == 0x7f ? ZDS_GREETING_SIGNED : ZDS_GREETING_UNSIGNED;
}
