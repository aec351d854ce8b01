/* SPDX-License-Identifier: MPL-2.0 */

/*  Dialling: what is known before a race, and where its connections come from.

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

#ifdef __cplusplus
}
#endif

#endif
