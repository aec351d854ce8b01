/* SPDX-License-Identifier: MPL-2.0 */

/*  Accept filters: ADDRESS[/BITS], as ZMQ_TCP_ACCEPT_FILTER takes them.

    A prefix belongs to the family it is written in.  a.b.c.d/n speaks of IPv4
    peers, however they reach the socket, and of no others.  Pure functions of
    their arguments, safe in any thread.  */

#ifndef ZDS_FILTER_H_INCLUDED
#define ZDS_FILTER_H_INCLUDED

#include "zds_addr.h"
#include "zds_endpoint.h"
#include "zds_mode.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct
{
    zds_addr_t network;
    unsigned bits;
    /*  An IPv6 prefix set in mode V6 also sees IPv4 peers, as ::ffff:a.b.c.d:
        ::/0 always meant everybody there.  */
    bool sees_mapped;
} zds_filter_t;

/*  Takes ADDRESS[/BITS] apart.  '*bits_' points into 'text_', or is NULL where
    there is no slash.  The address may carry a zone, which means nothing to the
    filter.  Returns 0 or EINVAL.  */
int zds_filter_split (const char *text_,
                      zds_endpoint_t *address_,
                      const char **bits_);

/*  Makes the filter for a socket in 'mode_'.  Mode V4 takes IPv4 only.

    In mode V6 a.b.c.d/n with n from 96 to 128 is a.b.c.d/(n-96), the spelling
    that used to be needed there; n from 33 to 95, which admitted every IPv4
    peer and more, is EINVAL, as is everything that cannot be read.  ENOMEM.  */
int zds_filter_make (zds_filter_t *filter_,
                     const zds_endpoint_t *address_,
                     const char *bits_,
                     zds_mode_t mode_);

/*  Whether the peer at 'sa_' is inside.  Never fails; a peer of neither family
    is outside.  */
bool zds_filter_match (const zds_filter_t *filter_,
                       const struct sockaddr *sa_,
                       size_t len_);

#ifdef __cplusplus
}
#endif

#endif
