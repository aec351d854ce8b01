/* SPDX-License-Identifier: MPL-2.0 */

/*  Look-ups through the system's resolver, so that the hosts file, nsswitch.conf,
    mDNS and gai.conf count.  */

#ifndef ZDS_LOOKUP_H_INCLUDED
#define ZDS_LOOKUP_H_INCLUDED

#include "zds_resolver.h"

#ifdef __cplusplus
extern "C" {
#endif

/*  Whether addresses of this family of 'host_' are of use to one who said nothing about
    families.  IPv6 is on a host that has an IPv6 address itself (not loopback, not
    link-local), and for names that lead to its loopback address: localhost, those
    below it, and those of the hosts file.  Asks the system for its addresses, and
    reads the hosts file where there are no others.  */
bool zds_lookup_asks (const char *host_, int family_);

/*  The zds_lookup_fn of libzmq; 'arg_' is not used.  Waits for name servers.

    One call of getaddrinfo, for the canonical name too: with both families that
    costs no further question, and with one it is asked for once.  The order and the
    scopes are the libc's.

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
