/* SPDX-License-Identifier: MPL-2.0 */

/*  Candidates: the addresses that a connection may use, and their order.

    Pure functions of their arguments, safe in any thread.  */

#ifndef ZDS_CANDIDATE_H_INCLUDED
#define ZDS_CANDIDATE_H_INCLUDED

#include "zds_addr.h"

#ifdef __cplusplus
extern "C" {
#endif

enum
{
    /*  Of one family.  What a resolver has beyond that is left out: other
        addresses come first in its next answer.  */
    ZDS_MAX_CANDIDATES = 32,
    ZDS_FAMILIES = 2
};

/*  What earlier connections to the same host and port made of an address.  */
typedef enum
{
    ZDS_RECORD_NONE,
    ZDS_RECORD_WON,    /* the last connection was made to it */
    ZDS_RECORD_FAILED, /* it failed, or was silent while another one won */
    ZDS_RECORD_WRONG   /* TCP connected, but whoever answered spoke no ZMTP */
} zds_record_t;

typedef struct
{
    zds_addr_t addr;
    /*  This host has no source address for it, or only one with another label
        (RFC 6724 section 5, rules 1, 2 and 5 of section 6).  */
    bool poor_source;
    zds_record_t record;
    uint64_t record_time; /* of the record, in ms of any clock */
} zds_candidate_t;

/*  Puts the indices of 'candidates_' into 'order_', first to be tried first.

    'candidates_' hold each family in the resolver's order (RFC 6724); how the
    families are mixed does not matter.  The winner of the last time comes
    first, as its family's turn; the families take turns (RFC 8305 section 4),
    beginning with 'first_count_' (at least 1) of 'first_family_' if there is no
    such winner; then IPv6 addresses with a
    poor source; then those that failed the last time; then wrong servers, the
    one that was wrong longest ago first.  */
void zds_candidates_order (const zds_candidate_t *candidates_,
                           size_t count_,
                           int first_family_,
                           unsigned first_count_,
                           uint8_t *order_);

/*  Why the candidate at 'place_' of that order stands there: static text, for
    people, of the form "IPv6 comes first".  The other arguments are those that
    the order was made with.  */
const char *zds_candidates_why (const zds_candidate_t *candidates_,
                                int first_family_,
                                const uint8_t *order_,
                                size_t place_);

/*  The label of an address in the default policy table of RFC 6724 section
    2.1.  IPv4 addresses have that of ::ffff:0:0/96.  */
unsigned zds_addr_label (const zds_addr_t *addr_);

/*  A number for the set of addresses of one family among the candidates: the
    same for the same addresses in any order, never 0 for a set that is not
    empty.  Ports do not count.  */
uint32_t zds_candidates_fingerprint (const zds_candidate_t *candidates_,
                                     size_t count_,
                                     int family_);

#ifdef __cplusplus
}
#endif

#endif
