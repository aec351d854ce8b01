/* SPDX-License-Identifier: MPL-2.0 */

/*  Look-ups through the system's resolver, so that the hosts file, nsswitch.conf,
    mDNS and gai.conf count.  */

#ifndef ZDS_LOOKUP_H_INCLUDED
#define ZDS_LOOKUP_H_INCLUDED

#include "zds_resolver.h"

#ifdef __cplusplus
extern "C" {
#endif

/*  Whether a look-up of this family of 'host_' asks the system's resolver; if not,
    it gives the loopback addresses of the hosts file.  Asks the system for its
    addresses.  */
bool zds_lookup_asks (const char *host_, int family_);

/*  The zds_lookup_fn of libzmq; 'arg_' is not used.  Waits for name servers.

    ZDS_LOOK_IPV6 asks only on a host that has an IPv6 address itself (not
    loopback, not link-local); elsewhere only for localhost, and loopback
    addresses that the hosts file has.

    The lack of descriptors or memory, and name servers that do not answer or
    fail for now (SERVFAIL), make a look-up ZDS_LOOKUP_TEMPORARY.  What the system
    calls final (REFUSED) is an answer without an address.  */
void zds_lookup (void *arg_,
                 const char *host_,
                 zds_look_t look_,
                 zds_answer_t *answer_);

/*  Reads a line of a hosts file; true, and the address, if it has 'host_' for an
    IPv6 address.  Pure.  */
bool zds_lookup_hosts_line (const char *line_,
                            const char *host_,
                            zds_addr_t *addr_);

#ifdef __cplusplus
}
#endif

#endif
