/* SPDX-License-Identifier: MPL-2.0 */

/*  The text of a tcp endpoint, taken apart.

    The grammar is libzmq's, with its tolerance: what it accepts is accepted
    with the same meaning, what it rejects is rejected with the same errno.
    Pure functions of their arguments, safe in any thread.  */

#ifndef ZDS_ENDPOINT_H_INCLUDED
#define ZDS_ENDPOINT_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#include "zds_addr.h"

#ifdef __cplusplus
extern "C" {
#endif

/*  The longest host part that can mean anything, with its final NUL: NI_MAXHOST
    of the systems that have one.  A longer one is no address, no interface and
    no name, and is handled as a host that does not exist.  */
#define ZDS_HOST_SIZE 1025

/*  HOST[%ZONE]:PORT with the brackets around HOST removed.  */
typedef struct
{
    char host[ZDS_HOST_SIZE];
    char zone[ZDS_HOST_SIZE]; /* empty: none given */
    uint16_t port;            /* host byte order; 0: the system's choice */
    bool host_too_long;       /* then 'host' is empty */
} zds_endpoint_t;

typedef enum
{
    ZDS_PORT_CONNECT, /* a number, or 0 */
    ZDS_PORT_BIND     /* a number, 0, or * */
} zds_port_rule_t;

/*  Takes 'text_' (without tcp:// and without the source address) apart.
    The port is read as atoi reads it, as libzmq does: " 80" and "80x" are 80,
    65537 is 1.  Returns 0, or EINVAL: no colon, no number or port 0 spelt
    otherwise than "0", an empty zone.  */
int zds_endpoint_parse (zds_endpoint_t *endpoint_,
                        const char *text_,
                        zds_port_rule_t port_rule_);

/*  Where the part after the last ';' of 'text_' begins, or 'text_' itself if
    there is no ';'.  tcp://SOURCE;DESTINATION  */
const char *zds_endpoint_destination (const char *text_);

/*  Reads the host of '*endpoint_' as an address literal, of IPv4 if it can be
    one, else of IPv6; sets the port and, for IPv6, 'zone_index_' as scope.
    Returns 0, EINVAL when it is no literal, ENOMEM.  */
int zds_endpoint_literal (const zds_endpoint_t *endpoint_,
                          uint32_t zone_index_,
                          zds_addr_t *addr_);

/*  Whether the host is "localhost", which means the loopback addresses without
    any look-up (RFC 6761 section 6.3).  */
bool zds_endpoint_is_localhost (const zds_endpoint_t *endpoint_);

#ifdef __cplusplus
}
#endif

#endif
