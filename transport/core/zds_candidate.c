/* SPDX-License-Identifier: MPL-2.0 */

#include "zds_candidate.h"

#include <string.h>

/*  Candidates are tried in groups: those of which nothing bad is known, those that
    failed, and those that go last.  */
static int group_of (const zds_candidate_t *candidate_)
{
    static const int groups[] = {0, 0, 1, 2, 2}; /* by zds_record_t */

    return groups[candidate_->record];
}

/*  Whether 'a_' is tried ahead of 'b_', which stands before it in the libc's order,
    when it is the turn of 'family_'.  */
static bool
overtakes (const zds_candidate_t *a_, const zds_candidate_t *b_, int family_)
{
    if (group_of (a_) != group_of (b_))
        return group_of (a_) < group_of (b_);
    if (group_of (a_) == 2)
        return a_->record_time < b_->record_time;
    return zds_addr_family (&a_->addr) == family_
           && zds_addr_family (&b_->addr) != family_;
}

/*  The family that won the last time; AF_UNSPEC if none has.  */
static int family_that_won (const zds_candidate_t *candidates_, size_t count_)
{
    size_t i;

    for (i = 0; i < count_; i++)
        if (candidates_[i].record == ZDS_RECORD_WON)
            return zds_addr_family (&candidates_[i].addr);
    return AF_UNSPEC;
}

void zds_candidates_order (const zds_candidate_t *candidates_,
                           size_t count_,
                           int first_family_,
                           uint8_t *order_)
{
    const int won = family_that_won (candidates_, count_);
    int turn = won != AF_UNSPEC ? won : first_family_;
    size_t place, i;

    for (i = 0; i < count_; i++)
        order_[i] = (uint8_t) i;
    for (place = 0; place < count_; place++) {
        size_t best = place;
        uint8_t index;
        for (i = place + 1; i < count_; i++)
            if (overtakes (&candidates_[order_[i]], &candidates_[order_[best]],
                           turn))
                best = i;
        index = order_[best];
        memmove (&order_[place + 1], &order_[place], best - place);
        order_[place] = index;
        turn = zds_addr_family (&candidates_[index].addr) == AF_INET6
                 ? AF_INET
                 : AF_INET6;
    }
}

const char *zds_candidates_why (const zds_candidate_t *candidates_,
                                size_t count_,
                                int first_family_,
                                const uint8_t *order_,
                                size_t place_)
{
    const zds_candidate_t *const one = &candidates_[order_[place_]];
    const zds_candidate_t *const before =
      place_ > 0 ? &candidates_[order_[place_ - 1]] : NULL;
    const int family = zds_addr_family (&one->addr);

    switch (one->record) {
        case ZDS_RECORD_FAILED:
            return "it failed the last time: after the others";
        case ZDS_RECORD_DIED:
            return "its last connection died: last";
        case ZDS_RECORD_WRONG:
            return "somebody else answered there: last";
        case ZDS_RECORD_NONE:
        case ZDS_RECORD_WON:
            break;
    }
    if (before == NULL && one->record == ZDS_RECORD_WON)
        return "it won the last time";
    if (before == NULL && family == family_that_won (candidates_, count_))
        return "its family won the last time";
    if (before == NULL && family != first_family_)
        return family == AF_INET6 ? "there is no better IPv4 address"
                                  : "there is no better IPv6 address";
    if (before == NULL)
        return family == AF_INET6 ? "IPv6 comes first, as the system orders"
                                  : "IPv4 comes first, as the system orders";
    return zds_addr_family (&before->addr) != family
             ? "the families take turns"
             : "next of its family, as the system orders";
}

/*  The next index of this family from 'from_' on; 'count' if none.  */
static size_t next_addr (const zds_answer_t *answer_, int family_, size_t from_)
{
    while (from_ < answer_->count
           && zds_addr_family (&answer_->addr[from_]) != family_)
        from_++;
    return from_;
}

bool zds_turns_possible (const zds_answer_t *answer_)
{
    size_t i;

    for (i = 0; i < answer_->count; i++)
        if (next_addr (answer_, zds_addr_family (&answer_->addr[i]), i + 1)
            < answer_->count)
            return true;
    return false;
}

bool zds_turns_find (bool *moves_,
                     const zds_answer_t *before_,
                     const zds_answer_t *now_)
{
    size_t next[ZDS_FAMILIES] = {0, 0}; /* in 'before_' */
    bool any = false;
    size_t i;

    memset (moves_, 0, ZDS_MAX_ADDRS * sizeof *moves_);
    for (i = 0; i < now_->count; i++) {
        const int family = zds_addr_family (&now_->addr[i]);
        size_t *const at = &next[family == AF_INET];
        *at = next_addr (before_, family, *at);
        if (*at < before_->count
            && !zds_addr_equal (&before_->addr[(*at)++], &now_->addr[i]))
            moves_[i] = any = true;
    }
    return any;
}

void zds_turns_deal (zds_answer_t *answer_, const bool *moves_, unsigned turn_)
{
    static const int families[ZDS_FAMILIES] = {AF_INET6, AF_INET};
    zds_addr_t addr[ZDS_MAX_ADDRS];
    size_t place[ZDS_MAX_ADDRS];
    size_t i, k;

    for (i = 0; i < ZDS_FAMILIES; i++) {
        size_t count = 0;
        for (k = 0; k < answer_->count; k++)
            if (moves_[k]
                && zds_addr_family (&answer_->addr[k]) == families[i]) {
                addr[count] = answer_->addr[k];
                place[count++] = k;
            }
        for (k = 0; k < count; k++)
            answer_->addr[place[k]] = addr[(k + turn_) % count];
    }
}
