/* SPDX-License-Identifier: MPL-2.0 */

/*  Dialling: what is known before a race, and what makes an address of the
    resolver one that a socket can be connected to.

    Pure functions of their arguments, safe in any thread.  */

#ifndef ZDS_DIAL_H_INCLUDED
#define ZDS_DIAL_H_INCLUDED

#include "zds_bind.h"
#include "zds_race.h"

#ifdef __cplusplus
extern "C" {
#endif

/*  A source is an array of ZDS_FAMILIES addresses, of IPv6 and of IPv4, in which
    family 0 stands for none.  This is the index of a family's address.  */
unsigned zds_dial_index (int family_);

/*  Reads a source address: *, an interface, or a literal, on a host with these
    interface addresses.  'zone_index_' is the index of its zone, 0 if it has none.
    In mode V6, :: is the source of both families, as it always was.
    Returns 0, ENODEV when it is none of them, ENOMEM.  */
int zds_dial_source (zds_addr_t *source_,
                     const zds_endpoint_t *endpoint_,
                     uint32_t zone_index_,
                     zds_mode_t mode_,
                     const zds_ifaddr_t *ifaddrs_,
                     size_t count_);

/*  The families that may be used (ZDS_ASK_...): those of the mode, of the source
    (NULL: none given), and of the destination if that is a literal (else NULL).
    None: EAFNOSUPPORT.  */
unsigned zds_dial_families (zds_mode_t mode_,
                            const zds_addr_t *source_,
                            const zds_addr_t *literal_);

/*  Turns what the resolver gave into candidates: sets the port (host byte order)
    and the zone (0: none).  'from_known_' says that the source address or the device is given, so
    that what the system would choose does not count.  */
void zds_dial_adopt (zds_candidate_t *candidates_,
                     size_t count_,
                     uint16_t port_,
                     uint32_t zone_index_,
                     bool from_known_);

/*  The address as a socket of this mode has it: in mode V6 IPv4 goes through IPv6
    sockets, as it always did, so that applications see the addresses that they
    know.  On a kernel without IPv6 the address itself serves.  */
zds_addr_t zds_dial_through (zds_mode_t mode_, const zds_addr_t *addr_);

/*  Whether a look-up of this family that failed for now counts as a failure of the
    race (zds_race_lost): libzmq without dual stack, which knows but one family,
    would ask again.  For the other one nobody is to ask more than that.  */
bool zds_dial_is_lost (zds_mode_t mode_, int family_);

/*  Whether a host that is no literal may be a name, where transports check that
    ahead of the look-up (ws).  */
bool zds_dial_may_be_name (const char *host_);

#ifdef __cplusplus
}
#endif

#endif
