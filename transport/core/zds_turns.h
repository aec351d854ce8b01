/* SPDX-License-Identifier: MPL-2.0 */

/*  One look-up's answer for many who asked.  Each would have had a look-up of its
    own, and where name servers rotate the order of a name's addresses, another
    address first.  So a shared answer is dealt out in turns.  Which addresses
    rotate shows in two answers to the same question; what has the same place in
    both is where the hosts file, gai.conf or RFC 6724 wants it, and stays there.

    Pure functions of their arguments, safe in any thread.  */

#ifndef ZDS_TURNS_H_INCLUDED
#define ZDS_TURNS_H_INCLUDED

#include "zds_candidate.h"

#ifdef __cplusplus
extern "C" {
#endif

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
