/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "zds_candidate.h"

#include <string.h>

/*  The groups in which candidates are tried, one after the other.  */
typedef enum
{
    GROUP_WON,
    GROUP_GOOD,
    GROUP_POOR,
    GROUP_FAILED,
    GROUP_WRONG
} group_t;

static group_t group_of (const zds_candidate_t *candidate_)
{
    switch (candidate_->record) {
        case ZDS_RECORD_WON:
            return GROUP_WON;
        case ZDS_RECORD_FAILED:
            return GROUP_FAILED;
        case ZDS_RECORD_WRONG:
            return GROUP_WRONG;
        case ZDS_RECORD_NONE:
            break;
    }
    return candidate_->poor_source ? GROUP_POOR : GROUP_GOOD;
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

void zds_candidates_order (const zds_candidate_t *candidates_,
                           size_t count_,
                           int first_family_,
                           unsigned first_count_,
                           uint8_t *order_)
{
    ordering_t o = {candidates_, count_,        order_,
                    0,           first_family_, first_count_};
    int group;

    /*  Each is of one group, and few groups have any.  */
    for (group = GROUP_WON; o.placed < count_; group++)
        if (group == GROUP_WRONG)
            place_longest_ago_first (&o, GROUP_WRONG);
        else
            place_in_turns (&o, (group_t) group);
}

/*  Of the first of those of which nothing special is known.  */
static const char *why_first (int family_, int first_family_)
{
    if (family_ == AF_INET6)
        return "IPv6 comes first";
    return first_family_ == AF_INET ? "IPv4 won the last time"
                                    : "there is no better IPv6 address";
}

const char *zds_candidates_why (const zds_candidate_t *candidates_,
                                int first_family_,
                                const uint8_t *order_,
                                size_t place_)
{
    const zds_candidate_t *const one = &candidates_[order_[place_]];
    const zds_candidate_t *const before =
      place_ > 0 ? &candidates_[order_[place_ - 1]] : NULL;
    const int family = zds_addr_family (&one->addr);

    switch (group_of (one)) {
        case GROUP_WON:
            return "it won the last time";
        case GROUP_POOR:
            return "no good source address for it here: after IPv4";
        case GROUP_FAILED:
            return "it failed the last time: after the others";
        case GROUP_WRONG:
            return "somebody else answered there: last";
        default:
            break;
    }
    if (before == NULL)
        return why_first (family, first_family_);
    return zds_addr_family (&before->addr) != family
             ? "the families take turns"
             : "next of its family, in the resolver's order";
}

/*  RFC 6724 section 2.1, the longest prefixes first.  */
unsigned zds_addr_label (const zds_addr_t *addr_)
{
    static const struct
    {
        uint8_t prefix[16];
        unsigned bits;
        unsigned label;
    } policy[] = {
      {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, 0},
      {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, 4},
      {{0}, 96, 3},                /* ::/96, IPv4-compatible */
      {{0x20, 0x01, 0, 0}, 32, 5}, /* Teredo */
      {{0x20, 0x02}, 16, 2},       /* 6to4 */
      {{0x3f, 0xfe}, 16, 12},      /* 6bone */
      {{0xfe, 0xc0}, 10, 11},      /* site-local */
      {{0xfc}, 7, 13},             /* unique local */
    };
    const uint8_t *bytes;
    size_t i;

    if (zds_addr_family (addr_) != AF_INET6)
        return 4;
    bytes = (const uint8_t *) &addr_->v6.sin6_addr;
    for (i = 0; i < sizeof policy / sizeof policy[0]; i++) {
        const unsigned whole = policy[i].bits / 8;
        const unsigned rest = policy[i].bits % 8;
        const uint8_t mask = (uint8_t) (0xff00u >> rest);
        if (memcmp (bytes, policy[i].prefix, whole) == 0
            && (rest == 0
                || ((bytes[whole] ^ policy[i].prefix[whole]) & mask) == 0))
            return policy[i].label;
    }
    return 1;
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

uint32_t zds_candidates_fingerprint (const zds_candidate_t *candidates_,
                                     size_t count_,
                                     int family_)
{
    uint32_t sum = 0;
    bool any = false;
    size_t i;

    for (i = 0; i < count_; i++) {
        const zds_addr_t *addr = &candidates_[i].addr;
        if (zds_addr_family (addr) != family_)
            continue;
        any = true;
        /*  A sum, so that the order does not matter: name servers rotate it.  */
        if (family_ == AF_INET6)
            sum += hash_of (&addr->v6.sin6_addr, sizeof addr->v6.sin6_addr)
                   + addr->v6.sin6_scope_id * 2654435761u;
        else
            sum += hash_of (&addr->v4.sin_addr, sizeof addr->v4.sin_addr);
    }
    return any && sum == 0 ? 1 : sum;
}
