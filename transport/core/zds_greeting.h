/* SPDX-License-Identifier: MPL-2.0 */

/*  The first bytes of a ZMTP connection: what a client says before it has heard
    anything, and whether what a peer says first is ZMTP.

    ZMTP 2.0 and later open with a signature of ten bytes: 0xFF, eight bytes
    that only ZMTP 1.0 reads (as a length), 0x7F.  ZMTP 1.0 has no signature; its
    first frame holds the peer's identity.

    Pure functions of their arguments, safe in any thread.  */

#ifndef ZDS_GREETING_H_INCLUDED
#define ZDS_GREETING_H_INCLUDED

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum
{
    ZDS_SIGNATURE_SIZE = 10
};

typedef enum
{
    ZDS_GREETING_MORE,     /* not enough bytes yet */
    ZDS_GREETING_SIGNED,   /* the signature of ZMTP 2.0 or later */
    ZDS_GREETING_UNSIGNED, /* may be ZMTP 1.0, or anything else */
    ZDS_GREETING_FOREIGN   /* no ZMTP */
} zds_greeting_t;

/*  The signature that libzmq's engine opens with, for a socket whose routing id has
    this many bytes.  */
void zds_greeting_sign (uint8_t signature_[ZDS_SIGNATURE_SIZE],
                        size_t routing_id_size_);

/*  What a connection is on which the peer has sent these bytes so far.  Final
    unless it is MORE.  At most ZDS_SIGNATURE_SIZE bytes are looked at.  */
zds_greeting_t zds_greeting_judge (const uint8_t *bytes_, size_t count_);

#ifdef __cplusplus
}
#endif

#endif
