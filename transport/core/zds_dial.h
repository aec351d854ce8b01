/* SPDX-License-Identifier: MPL-2.0 */

/*  Dialling: what is known before a race, where its connections come from, and what
    the first bytes on one say.

    Pure functions of their arguments, safe in any thread.  */

#ifndef ZDS_DIAL_H_INCLUDED
#define ZDS_DIAL_H_INCLUDED

#include "zds_bind.h"
#include "zds_race.h"

#ifdef __cplusplus
extern "C" {
#endif

/*  A source address: *, an interface, or a literal.  */
typedef struct
{
    zds_addr_t addr[ZDS_FAMILIES]; /* for IPv6, IPv4; family 0: none */
    bool is_interface; /* then these are its best, and others may suit */
    char name[256];
} zds_source_t;

/*  Reads a source address on a host with these interface addresses.  'zone_index_' is
    the index of its zone, 0 if it has none.  In mode V6, :: is the source of both
    families, as it always was.  Returns 0, ENODEV when it is none of them, ENOMEM.  */
int zds_dial_source (zds_source_t *source_,
                     const zds_endpoint_t *endpoint_,
                     uint32_t zone_index_,
                     zds_mode_t mode_,
                     const zds_ifaddr_t *ifaddrs_,
                     size_t count_);

/*  Where a connection to 'to_' comes from: of an interface, the address that suits it,
    link-local for link-local, unique-local for unique-local (C-10).  The same
    'ifaddrs_' as above.  Family 0: there is none of this family.  */
zds_addr_t zds_dial_from (const zds_source_t *source_,
                          const zds_addr_t *to_,
                          const zds_ifaddr_t *ifaddrs_,
                          size_t count_);

/*  The families that may be used (ZDS_FOR_...): those of the mode, of the source
    (NULL: none given), and of the destination if that is a literal (else NULL).
    None: EAFNOSUPPORT.  */
unsigned zds_dial_families (zds_mode_t mode_,
                            const zds_source_t *source_,
                            const zds_addr_t *literal_);

/*  The look-up that says which addresses a name has, where these families may be used:
    IPv4 alone where libzmq without dual stack asks for that and nothing else could
    be used, which in mode AUTO is so on a host without IPv6.  */
zds_look_t zds_dial_look (zds_mode_t mode_, unsigned families_, bool has_ipv6_);

/*  The address as a socket of this mode has it: in mode V6 IPv4 goes through IPv6
    sockets, as it always did, so that applications see the addresses that they
    know.  On a kernel without IPv6 the address itself serves.  */
zds_addr_t zds_dial_through (zds_mode_t mode_, const zds_addr_t *addr_);

/*  Whether a host that is no literal may be a name, where transports check that
    ahead of the look-up (ws).  */
bool zds_dial_may_be_name (const char *host_);

/*  The first bytes of a ZMTP connection: what a client says before it has heard
    anything, and whether what a peer says first is ZMTP.

    ZMTP 2.0 and later open with a signature of ten bytes: 0xFF, eight bytes
    that only ZMTP 1.0 reads (as a length), 0x7F.  ZMTP 1.0 has no signature; its
    first frame holds the peer's identity.  */

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
