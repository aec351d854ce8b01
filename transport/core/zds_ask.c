/* SPDX-License-Identifier: MPL-2.0 */

#include "zds_ask.h"

#include <string.h>

zds_look_t zds_ask_look (zds_mode_t mode_, unsigned families_, bool has_ipv6_)
{
    const bool only_ipv4 = families_ == ZDS_FOR_IPV4
                           || (!has_ipv6_ && (families_ & ZDS_FOR_IPV4) != 0);

    return mode_ != ZDS_MODE_V6 && only_ipv4 ? ZDS_LOOK_IPV4 : ZDS_LOOK_WHOLE;
}

static zds_look_t helper_of (int family_)
{
    return family_ == AF_INET6 ? ZDS_LOOK_IPV6 : ZDS_LOOK_IPV4;
}

static bool is_in (unsigned set_, zds_look_t look_)
{
    return (set_ & ZDS_LOOK_BIT (look_)) != 0;
}

void zds_ask_init (zds_ask_t *ask_,
                   zds_look_t last_word_,
                   zds_mode_t mode_,
                   unsigned resolution_delay_,
                   bool hurry_)
{
    memset (ask_, 0, sizeof *ask_);
    ask_->last_word = last_word_;
    ask_->usual = mode_ == ZDS_MODE_V6 ? ZDS_LOOK_IPV6 : ZDS_LOOK_IPV4;
    ask_->delay = resolution_delay_;
    ask_->hurry = hurry_;
    ask_->runs_since = ZDS_NEVER;
}

void zds_ask_runs (zds_ask_t *ask_, uint64_t since_)
{
    if (since_ < ask_->runs_since)
        ask_->runs_since = since_;
}

uint64_t zds_ask_late_at (const zds_ask_t *ask_)
{
    const uint64_t since =
      ask_->runs_since < ask_->since ? ask_->runs_since : ask_->since;

    return since + ask_->delay;
}

/*  When a helper is to be asked: when the whole answer is late, or failed because the
    answer for one family failed.  A name that the hosts file pins is answered as soon
    as the whole look-up runs, so IPv6 is not asked for before that has run for a
    while: DNS may know another host by the name.  */
static uint64_t
helper_time (const zds_ask_t *ask_, zds_look_t look_, uint64_t now_)
{
    if (ask_->last_word != ZDS_LOOK_WHOLE || is_in (ask_->asked, look_)
        || !is_in (ask_->outstanding | ask_->lost, ZDS_LOOK_WHOLE))
        return ZDS_NEVER;
    if (is_in (ask_->lost, ZDS_LOOK_WHOLE)
        || (ask_->hurry && look_ == ask_->usual))
        return ask_->since;
    if (look_ == ask_->usual || ask_->usual == ZDS_LOOK_IPV6)
        return zds_ask_late_at (ask_);
    if (ask_->runs_since != ZDS_NEVER)
        return ask_->runs_since + ask_->delay;
    return now_ + ZDS_ASK_QUEUE_LOOK
           - (now_ - ask_->since) % ZDS_ASK_QUEUE_LOOK;
}

uint64_t zds_ask_time (const zds_ask_t *ask_, uint64_t now_)
{
    const uint64_t six = helper_time (ask_, ZDS_LOOK_IPV6, now_);
    const uint64_t four = helper_time (ask_, ZDS_LOOK_IPV4, now_);

    if (!is_in (ask_->asked, ask_->last_word))
        return now_;
    return six < four ? six : four;
}

unsigned zds_ask_take (zds_ask_t *ask_, uint64_t now_, const char **why_)
{
    unsigned looks = 0, look;

    *why_ = is_in (ask_->lost, ZDS_LOOK_WHOLE)
              ? "the whole answer could not be had now"
            : ask_->hurry ? "the whole answer was late the last time"
                          : "the whole answer is late";
    for (look = ZDS_LOOK_IPV6; look <= ZDS_LOOK_IPV4; look++)
        if (helper_time (ask_, look, now_) <= now_)
            looks |= ZDS_LOOK_BIT (look);
    if (!is_in (ask_->asked, ask_->last_word)) {
        looks = ZDS_LOOK_BIT (ask_->last_word);
        ask_->since = now_;
        ask_->runs_since = ZDS_NEVER;
        *why_ = ask_->last_word == ZDS_LOOK_WHOLE
                  ? "what every program on this host gets"
                  : "nothing else could be used";
    }
    ask_->asked |= looks;
    ask_->outstanding |= looks;
    return looks;
}

zds_word_t
zds_ask_answer (zds_ask_t *ask_, zds_look_t look_, const zds_answer_t *answer_)
{
    const unsigned bit = ZDS_LOOK_BIT (look_);

    if ((ask_->outstanding & bit) == 0)
        return ZDS_WORD_NONE;
    ask_->outstanding &= ~bit;
    if (answer_ == NULL || answer_->status != ZDS_LOOKUP_DONE) {
        ask_->done &= ~bit;
        ask_->lost |= bit;
        return ZDS_WORD_LOST;
    }
    ask_->done |= bit;
    ask_->lost &= ~bit;
    if (look_ == ask_->last_word) {
        ask_->outstanding = ask_->lost = 0;
        return ZDS_WORD_LAST;
    }
    ask_->said |= bit;
    ask_->is_exact[look_] = answer_->is_exact;
    if (look_ == ask_->usual)
        ask_->usual_is_empty = answer_->count == 0;
    ask_->host[look_] = answer_->host;
    return ZDS_WORD_HELPER;
}

void zds_ask_again (zds_ask_t *ask_)
{
    ask_->asked = ask_->outstanding;
    ask_->lost = 0;
    if (!is_in (ask_->outstanding, ask_->last_word))
        ask_->done = 0;
}

bool zds_ask_is_proven (const zds_ask_t *ask_, int family_)
{
    const zds_look_t look = helper_of (family_);
    const uint64_t host = ask_->host[ask_->usual];

    if (look == ask_->usual || ask_->is_exact[look])
        return true;
    /*  IPv4 does not wait for IPv6 for ever (C-4).  */
    if (!is_in (ask_->said, ask_->usual))
        return look == ZDS_LOOK_IPV4;
    return ask_->usual_is_empty || (host != 0 && host == ask_->host[look]);
}

bool zds_ask_is_lost (const zds_ask_t *ask_)
{
    return (is_in (ask_->lost, ask_->last_word)
            || is_in (ask_->lost, ask_->usual))
           && !is_in (ask_->done | ask_->outstanding, ask_->usual);
}

bool zds_ask_may_bring (const zds_ask_t *ask_, int family_)
{
    return is_in (ask_->outstanding, helper_of (family_))
           || is_in (ask_->outstanding, ZDS_LOOK_WHOLE);
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
        /*  In each round a different address is second, so that when the first is
            down, its share does not all go to one.  */
        for (k = 0; k < count; k++) {
            const size_t ahead =
              k == 0 ? 0 : 1 + (k - 1 + turn_ / count) % (count - 1);
            answer_->addr[place[k]] = addr[(ahead + turn_) % count];
        }
    }
}
