/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "zds_turns.h"

static const int family_at[ZDS_FAMILIES] = {AF_INET6, AF_INET};

/*  The next index of this family from 'from_' on; 'count' if none.  */
static size_t next_of (const zds_answer_t *answer_, int family_, size_t from_)
{
    while (from_ < answer_->count
           && zds_addr_family (&answer_->addr[from_]) != family_)
        from_++;
    return from_;
}

bool zds_turns_possible (const zds_answer_t *answer_)
{
    size_t i;

    for (i = 0; i < ZDS_FAMILIES; i++) {
        const size_t first = next_of (answer_, family_at[i], 0);
        if (next_of (answer_, family_at[i], first + 1) < answer_->count)
            return true;
    }
    return false;
}

bool zds_turns_find (bool *moves_,
                     const zds_answer_t *before_,
                     const zds_answer_t *now_)
{
    bool any = false;
    size_t i;

    for (i = 0; i < ZDS_MAX_ADDRS; i++)
        moves_[i] = false;
    for (i = 0; i < ZDS_FAMILIES; i++) {
        size_t then = next_of (before_, family_at[i], 0);
        size_t now = next_of (now_, family_at[i], 0);
        while (then < before_->count && now < now_->count) {
            moves_[now] =
              !zds_addr_equal (&before_->addr[then], &now_->addr[now]);
            any = any || moves_[now];
            then = next_of (before_, family_at[i], then + 1);
            now = next_of (now_, family_at[i], now + 1);
        }
    }
    return any;
}

void zds_turns_deal (zds_answer_t *answer_, const bool *moves_, unsigned turn_)
{
    zds_addr_t addr[ZDS_MAX_ADDRS];
    size_t place[ZDS_MAX_ADDRS];
    size_t i, k;

    for (i = 0; i < ZDS_FAMILIES; i++) {
        size_t count = 0;
        for (k = next_of (answer_, family_at[i], 0); k < answer_->count;
             k = next_of (answer_, family_at[i], k + 1))
            if (moves_[k]) {
                addr[count] = answer_->addr[k];
                place[count++] = k;
            }
        for (k = 0; k < count; k++)
            answer_->addr[place[k]] = addr[(k + turn_) % count];
    }
}
