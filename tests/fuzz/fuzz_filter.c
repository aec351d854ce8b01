/* SPDX-License-Identifier: MPL-2.0 */

/*  Any text as an accept filter, any peer: what is let in is what a second
    reading of the rules, bit by bit, lets in.

    The input: the text of the filter up to the end of the line, then bytes for
    peers.  */

#include "fuzz.h"

#include <arpa/inet.h>

#include "zds_filter.h"

enum
{
    MAX_PEERS = 8
};

/*  The rules once more.  Every address is 16 bytes here, IPv4 as ::ffff:a.b.c.d;
    a prefix counts from the first of them.  */
typedef struct
{
    int rc;
    uint8_t network[16];
    unsigned bits;
    bool sees_mapped; /* peers with IPv4 addresses may be inside */
    bool sees_others;
} oracle_t;

static void map (uint8_t *bytes_, const void *four_)
{
    memset (bytes_, 0, 10);
    bytes_[10] = bytes_[11] = 0xff;
    memcpy (bytes_ + 12, four_, 4);
}

static bool is_mapped (const uint8_t *bytes_)
{
    static const uint8_t prefix[12] = {[10] = 0xff, 0xff};

    return memcmp (bytes_, prefix, sizeof prefix) == 0;
}

/*  Whether 'host_' is a literal; inet_aton takes anything behind a blank, which
    getaddrinfo does not.  */
static bool read_address (uint8_t *bytes_, const char *host_)
{
    struct in_addr four;

    if (strpbrk (host_, " \t\r\n\v\f") == NULL && inet_aton (host_, &four)) {
        map (bytes_, &four);
        return true;
    }
    return inet_pton (AF_INET6, host_, bytes_) == 1;
}

static bool read_bits (const char *text_, long *bits_)
{
    char *end;

    *bits_ = strtol (text_, &end, 10);
    if (end == text_ || *bits_ < 0 || *bits_ > 128)
        return false;
    return *bits_ != 0 || strcmp (text_, "0") == 0;
}

static void understand (oracle_t *oracle_,
                        const char *host_,
                        const char *text_,
                        zds_mode_t mode_)
{
    const bool has_colon = strchr (host_, ':') != NULL;
    long bits = -1;

    oracle_->rc = EINVAL;
    if (!read_address (oracle_->network, host_)
        || (text_ != NULL && !read_bits (text_, &bits)))
        return;
    if (is_mapped (oracle_->network) && (!has_colon || mode_ != ZDS_MODE_V6)) {
        /*  From 96 on it counts as in IPv6, where that is understood.  */
        const bool takes_96 =
          mode_ == ZDS_MODE_V6 || (has_colon && mode_ == ZDS_MODE_AUTO);
        if (bits < 0)
            bits = 128;
        else if (bits <= 32)
            bits += 96;
        else if (bits < 96 || !takes_96)
            return;
        oracle_->sees_mapped = true;
        oracle_->sees_others = false;
    } else {
        if (mode_ == ZDS_MODE_V4)
            return;
        oracle_->sees_mapped = mode_ == ZDS_MODE_V6;
        oracle_->sees_others = true;
    }
    oracle_->bits = bits < 0 ? 128 : (unsigned) bits;
    oracle_->rc = 0;
}

static bool lets_in (const oracle_t *oracle_, const zds_addr_t *peer_)
{
    uint8_t bytes[16];
    unsigned i;

    if (peer_->sa.sa_family == AF_INET)
        map (bytes, &peer_->v4.sin_addr);
    else
        memcpy (bytes, &peer_->v6.sin6_addr, sizeof bytes);
    if (is_mapped (bytes) ? !oracle_->sees_mapped : !oracle_->sees_others)
        return false;
    for (i = 0; i < oracle_->bits; i++)
        if (((bytes[i / 8] ^ oracle_->network[i / 8]) >> (7 - i % 8) & 1) != 0)
            return false;
    return true;
}

/*  A peer near the edge of the prefix, or anywhere.  */
static zds_addr_t peer_from (input_t *input_, const oracle_t *oracle_)
{
    const unsigned kind = byte_of (input_);
    zds_addr_t peer;

    if (kind % 2 == 0)
        return addr_from (input_);
    memset (&peer, 0, sizeof peer);
    peer.v6.sin6_family = AF_INET6;
    memcpy (&peer.v6.sin6_addr, oracle_->network, 16);
    /*  One bit is different, unless it is the 129th.  */
    if (kind / 2 < 128)
        peer.v6.sin6_addr.s6_addr[kind / 16] ^= (uint8_t) (1u << kind / 2 % 8);
    if (byte_of (input_) % 2 == 1)
        zds_addr_unmap (&peer);
    return peer;
}

static void check_mode (const zds_endpoint_t *address_,
                        const char *bits_,
                        zds_mode_t mode_,
                        input_t input_)
{
    zds_filter_t filter;
    oracle_t oracle;
    unsigned i;
    const int rc = zds_filter_make (&filter, address_, bits_, mode_);

    memset (&oracle, 0, sizeof oracle);
    MUST (rc == 0 || rc == EINVAL, "another errno than EINVAL");
    /*  A second zone is left to getaddrinfo.  */
    if (strchr (address_->host, '%') != NULL)
        return;
    understand (&oracle, address_->host, bits_, mode_);
    MUST (rc == oracle.rc, "what is a filter");
    if (rc != 0)
        return;
    for (i = 0; i < MAX_PEERS; i++) {
        const zds_addr_t peer = peer_from (&input_, &oracle);
        MUST (zds_filter_match (&filter, &peer.sa, zds_addr_len (&peer))
                == lets_in (&oracle, &peer),
              "who is let in");
        MUST (!zds_filter_match (&filter, &peer.sa, 1), "half a peer");
    }
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, data + size};
    char *const text = line_of (&input);
    zds_endpoint_t address;
    const char *bits;

    if (zds_filter_split (text, &address, &bits) == 0) {
        MUST (bits == NULL || (bits > text && bits[-1] == '/'),
              "where the bits are");
        check_mode (&address, bits, ZDS_MODE_AUTO, input);
        check_mode (&address, bits, ZDS_MODE_V6, input);
        check_mode (&address, bits, ZDS_MODE_V4, input);
    }
    free (text);
    return 0;
}
