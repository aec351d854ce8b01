/* SPDX-License-Identifier: MPL-2.0 */

/*  The stub before PGM: pgm:// and epgm:// stay IPv4-only.

    OpenPGM reads an endpoint's network part itself.  What would lead it to
    IPv6, or off its own edge, is turned away here first.  */

#ifndef ZDS_PGM_H_INCLUDED
#define ZDS_PGM_H_INCLUDED

#include "zds_bind.h"

#ifdef __cplusplus
extern "C" {
#endif

/*  Checks INTERFACE;RECEIVE GROUPS;SEND GROUP without the port, on a host with
    these interface addresses.  A pure function, safe in any thread.

    Returns 0 when OpenPGM may have it; EAFNOSUPPORT when an interface or a
    group is an IPv6 address, or an interface has IPv6 addresses only; EINVAL
    when there are more parts than OpenPGM knows, which makes it abort.  */
int zds_pgm_check (const char *network_,
                   const zds_ifaddr_t *ifaddrs_,
                   size_t count_);

#ifdef __cplusplus
}
#endif

#endif
