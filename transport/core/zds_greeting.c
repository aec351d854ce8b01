/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "zds_greeting.h"

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
