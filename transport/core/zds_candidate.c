/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "zds_candidate.h"

#include <string.h>

/*  The groups in which candidates are tried, one after the other.  */
typedef enum
{
    GROUP_GOOD,
    GROUP_FAILED,
    GROUP_LAST
} group_t;

static group_t group_of (const zds_candidate_t *candidate_)
{
    static const group_t groups[] = {GROUP_GOOD, GROUP_GOOD, GROUP_FAILED,
                                     GROUP_LAST, GROUP_LAST};

    return groups[candidate_->record];
}

/*  What is left of one group, by family, and where the order has come to.  */
typedef struct
{
    const zds_candidate_t *candidates;
    size_t count;
    uint8_t *order;
    size_t placed;
    int turn;            /* the family that is next */
    unsigned first_left; /* of the first family, before turns are taken */
} ordering_t;

static int other_family (int family_)
{
    return family_ == AF_INET6 ? AF_INET : AF_INET6;
}

/*  The next index of this group and family from 'from_' on; 'count' if none.  */
static size_t
next_of (const ordering_t *o_, group_t group_, int family_, size_t from_)
{
    while (from_ < o_->count
           && (group_of (&o_->candidates[from_]) != group_
               || zds_addr_family (&o_->candidates[from_].addr) != family_))
        from_++;
    return from_;
}

static void place (ordering_t *o_, size_t index_)
{
    const int family = zds_addr_family (&o_->candidates[index_].addr);

    o_->order[o_->placed++] = (uint8_t) index_;
    if (family == o_->turn && o_->first_left > 1)
        o_->first_left--;
    else {
        o_->first_left = 1;
        o_->turn = other_family (family);
    }
}

static void place_in_turns (ordering_t *o_, group_t group_)
{
    size_t next6 = next_of (o_, group_, AF_INET6, 0);
    size_t next4 = next_of (o_, group_, AF_INET, 0);

    while (next6 < o_->count || next4 < o_->count) {
        const bool is6 =
          next4 >= o_->count || (next6 < o_->count && o_->turn == AF_INET6);
        if (is6) {
            place (o_, next6);
            next6 = next_of (o_, group_, AF_INET6, next6 + 1);
        } else {
            place (o_, next4);
            next4 = next_of (o_, group_, AF_INET, next4 + 1);
        }
    }
}

/*  Insertion: there are a few of them.  */
static void place_longest_ago_first (ordering_t *o_, group_t group_)
{
    const size_t begin = o_->placed;
    size_t i;

    for (i = 0; i < o_->count; i++) {
        size_t at = o_->placed;
        if (group_of (&o_->candidates[i]) != group_)
            continue;
        while (at > begin
               && o_->candidates[o_->order[at - 1]].record_time
                    > o_->candidates[i].record_time) {
            o_->order[at] = o_->order[at - 1];
            at--;
        }
        o_->order[at] = (uint8_t) i;
        o_->placed++;
    }
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
                           unsigned first_count_,
                           uint8_t *order_)
{
    const int won = family_that_won (candidates_, count_);
    ordering_t o = {candidates_, count_,        order_,
                    0,           first_family_, first_count_};
    int group;

    if (won != AF_UNSPEC) {
        o.turn = won;
        o.first_left = 1;
    }
    /*  Each is of one group, and few groups have any.  */
    for (group = GROUP_GOOD; o.placed < count_; group++)
        if (group == GROUP_LAST)
            place_longest_ago_first (&o, GROUP_LAST);
        else
            place_in_turns (&o, (group_t) group);
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

/*  FNV-1a.  */
static uint32_t hash_of (const void *data_, size_t size_)
{
    const uint8_t *at = data_;
    uint32_t hash = 2166136261u;

    while (size_-- > 0)
        hash = (hash ^ *at++) * 16777619u;
    return hash;
}

uint32_t zds_addr_hash (const zds_addr_t *addr_)
{
    if (zds_addr_family (addr_) == AF_INET6)
        return hash_of (&addr_->v6.sin6_addr, sizeof addr_->v6.sin6_addr)
               + addr_->v6.sin6_scope_id * 2654435761u;
    return hash_of (&addr_->v4.sin_addr, sizeof addr_->v4.sin_addr);
}
