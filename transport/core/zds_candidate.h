/* SPDX-License-Identifier: MPL-2.0 */

/*  What look-ups of a host say, and candidates: the addresses that a connection
    may use, and their order.

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
    ZDS_FAMILIES = 2,
    ZDS_MAX_ADDRS = ZDS_FAMILIES * ZDS_MAX_CANDIDATES, /* of one answer */
    /*  Of a name in the DNS, with its NUL; a longer one is not kept.  */
    ZDS_NAME_SIZE = 256
};

/*  What a look-up asks the libc for.  */
typedef enum
{
    ZDS_LOOK_WHOLE, /* AF_UNSPEC: both families, as any program asks */
    ZDS_LOOK_IPV6,  /* AF_INET6 alone */
    ZDS_LOOK_IPV4   /* AF_INET alone */
} zds_look_t;

enum
{
    ZDS_LOOKS = 3
};

/*  How a look-up ended.  */
typedef enum
{
    ZDS_LOOKUP_DONE,     /* an answer, which may be that there is no address */
    ZDS_LOOKUP_TEMPORARY /* none to be had now: EAI_AGAIN and the like, no
                            memory, no thread; not to be remembered */
} zds_lookup_status_t;

/*  The answer to a look-up.  */
typedef struct
{
    zds_lookup_status_t status;
    /*  The libc's canonical name, empty if it tells none.  */
    char canonical[ZDS_NAME_SIZE];
    /*  The libc tried the name as it stands ahead of any search list, and found
        these addresses so: every look-up of the name is about this host.  False
        where that cannot be told.  */
    bool is_exact;
    size_t count;
    zds_addr_t
      addr[ZDS_MAX_ADDRS]; /* in the libc's order, with scopes, port 0 */
} zds_answer_t;

/*  What earlier connections to the same host and port made of an address.  */
typedef enum
{
    ZDS_RECORD_NONE,
    ZDS_RECORD_WON,    /* the last connection was made to it */
    ZDS_RECORD_FAILED, /* it failed, or was silent while another one won */
    ZDS_RECORD_DIED, /* a connection to it ended because nothing came any more */
    ZDS_RECORD_WRONG /* TCP connected, but whoever answered spoke no ZMTP */
} zds_record_t;

/*  What became of a candidate.  */
typedef enum
{
    ZDS_FATE_UNTRIED,
    ZDS_FATE_RUNNING,
    ZDS_FATE_FAILED,
    ZDS_FATE_WON,
    ZDS_FATE_SILENT, /* said nothing for the attempt delay or longer, or nothing
                        that tells what it is, when another one won */
    ZDS_FATE_CUT     /* had not been silent that long */
} zds_fate_t;

typedef struct
{
    zds_addr_t addr;
    zds_record_t record;
    unsigned waited;      /* ms for which it was silent in races cut short */
    uint64_t record_time; /* of the record, in ms of any clock */
    /*  In this race.  */
    zds_fate_t fate;
    bool withdrawn;   /* by a later answer, or not proven yet */
    bool from_helper; /* and the whole answer is late */
} zds_candidate_t;

/*  Puts the indices of 'candidates_' into 'order_', first to be tried first.

    'candidates_' hold each family in the libc's order; how the families are mixed does
    not matter.  The families take turns (RFC 8305 section 4), beginning with the one
    that won the last time, or else with 'first_family_'.
    The winner itself has no precedence in its family, whose order may be DNS's
    rotation (C-13).  Then come those that failed the last time; then those whose
    connection died and wrong servers, longest ago first.  */
void zds_candidates_order (const zds_candidate_t *candidates_,
                           size_t count_,
                           int first_family_,
                           uint8_t *order_);

/*  Why the candidate at 'place_' of that order stands there: static text, for
    people, of the form "IPv6 comes first".  The other arguments are those that
    the order was made with.  */
const char *zds_candidates_why (const zds_candidate_t *candidates_,
                                size_t count_,
                                int first_family_,
                                const uint8_t *order_,
                                size_t place_);

/*  One look-up's answer for many who asked.  Each would have had a look-up of its
    own, and where name servers rotate the order of a name's addresses, another
    address first.  So a shared answer is dealt out in turns.  Which addresses
    rotate shows in two answers to the same question; what has the same place in
    both is where the hosts file, gai.conf or RFC 6724 wants it, and stays there.  */

/*  Whether there is an order that could rotate: two addresses of one family.  */
bool zds_turns_possible (const zds_answer_t *answer_);

/*  Marks the addresses of 'now_' whose place within their family is another one's
    in 'before_'.  'moves_' is an array of ZDS_MAX_ADDRS.  True if there are any.  */
bool zds_turns_find (bool *moves_,
                     const zds_answer_t *before_,
                     const zds_answer_t *now_);

/*  Turns the addresses that are marked, within their family, by 'turn_' places.  */
void zds_turns_deal (zds_answer_t *answer_, const bool *moves_, unsigned turn_);

#ifdef __cplusplus
}
#endif

#endif
