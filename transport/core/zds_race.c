/* SPDX-License-Identifier: MPL-2.0 */

#include "zds_race.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define NONE ZDS_RACE_NONE

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

/*  Facts about the race.  Nothing below is kept: what to do next is derived from
    what is known, so an answer that comes late costs no code.  */

static unsigned family_bit (int family_)
{
    return family_ == AF_INET6 ? ZDS_FOR_IPV6 : ZDS_FOR_IPV4;
}

static unsigned running (const zds_race_t *race_)
{
    unsigned i, n = 0;

    for (i = 0; i < race_->slots; i++)
        n += race_->slot[i].candidate >= 0 && !race_->slot[i].to_cancel;
    return n;
}

/*  A slot that is in use though its attempt is to be cancelled counts as taken:
    the caller still has the socket.  */
static int free_slot (const zds_race_t *race_)
{
    int i;

    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
        if (race_->slot[i].candidate < 0)
            return i;
    return -1;
}

static bool is_running (const zds_race_t *race_, unsigned attempt_)
{
    return attempt_ < ZDS_RACE_MAX_RUNNING && race_->winner < 0
           && race_->slot[attempt_].candidate >= 0
           && !race_->slot[attempt_].to_cancel;
}

static bool is_untried (const zds_race_t *race_, size_t candidate_)
{
    return race_->candidate[candidate_].fate == ZDS_FATE_UNTRIED
           && !race_->candidate[candidate_].withdrawn;
}

/*  Of the complete list: an address that came late takes the place that it would have
    had from the start (RFC 8305 section 6).  */
static void order_of (const zds_race_t *race_, uint8_t *order_)
{
    zds_candidates_order (race_->candidate, race_->count, race_->first_family,
                          order_);
}

/*  The candidate to be tried next; NONE if there is none.  */
static size_t next_candidate (const zds_race_t *race_)
{
    uint8_t order[ZDS_RACE_MAX_CANDIDATES];
    size_t i;

    order_of (race_, order);
    for (i = 0; i < race_->count; i++)
        if (is_untried (race_, order[i]))
            return order[i];
    return NONE;
}

static size_t count_of_family (const zds_race_t *race_, int family_)
{
    size_t i, n = 0;

    for (i = 0; i < race_->count; i++)
        n += zds_addr_family (&race_->candidate[i].addr) == family_;
    return n;
}

/*  Whether libzmq without dual stack would have no address, and would ask again.  */
static bool lacks_usual (const zds_race_t *race_)
{
    size_t i;

    if (race_->is_literal || race_->config.mode == ZDS_MODE_V6
        || (race_->config.families & ZDS_FOR_IPV4) == 0
        || zds_ask_may_bring (&race_->ask, AF_INET))
        return false;
    for (i = 0; i < race_->count; i++)
        if (!race_->candidate[i].withdrawn
            && zds_addr_family (&race_->candidate[i].addr) == AF_INET)
            return false;
    return true;
}

static bool any_failed (const zds_race_t *race_)
{
    size_t i;

    if (zds_ask_is_lost (&race_->ask) || lacks_usual (race_))
        return true;
    for (i = 0; i < race_->count; i++)
        if (race_->candidate[i].fate == ZDS_FATE_FAILED
            && !race_->candidate[i].withdrawn)
            return true;
    return false;
}

/*  Whether it is tried without waiting for an answer that may bring a better one.  */
static bool is_unbeatable (const zds_candidate_t *candidate_)
{
    return candidate_->record == ZDS_RECORD_WON
           || (candidate_->record == ZDS_RECORD_NONE
               && zds_addr_family (&candidate_->addr) == AF_INET6);
}

/*  The earliest time at which 'candidate_' may be started, a free slot given.  */
static uint64_t start_time (const zds_race_t *race_, size_t candidate_)
{
    if (!race_->begun) {
        if (race_->ask.outstanding == 0 || race_->config.hurry
            || is_unbeatable (&race_->candidate[candidate_]))
            return 0;
        return zds_ask_late_at (&race_->ask);
    }
    if (running (race_) == 0)
        return 0;
    /*  Each failure brings one start forward, but never into the minimum gap.  */
    return race_->owed > 0 ? race_->last_start + ZDS_RACE_MIN_GAP
                           : race_->quiet_since + race_->delay;
}

void zds_race_config_default (zds_race_config_t *config_)
{
    memset (config_, 0, sizeof *config_);
    config_->attempt_delay = 250;
    config_->resolution_delay = 50;
    config_->mode = ZDS_MODE_AUTO;
    config_->look = ZDS_LOOK_WHOLE;
    config_->families = ZDS_FOR_IPV6 | ZDS_FOR_IPV4;
}

int zds_race_init (zds_race_t *race_,
                   const zds_race_config_t *config_,
                   uint64_t now_)
{
    unsigned i;

    if (config_->attempt_delay < ZDS_RACE_MIN_ATTEMPT_DELAY
        || config_->attempt_delay > ZDS_RACE_MAX_ATTEMPT_DELAY
        || config_->resolution_delay > ZDS_RACE_MAX_RESOLUTION_DELAY
        || config_->families == 0
        || (config_->families & ~(unsigned) (ZDS_FOR_IPV6 | ZDS_FOR_IPV4)) != 0)
        return EINVAL;

    memset (race_, 0, offsetof (zds_race_t, candidate));
    race_->config = *config_;
    zds_ask_init (&race_->ask, config_->look, config_->mode,
                  config_->resolution_delay, config_->hurry);
    race_->ask_again = ZDS_RACE_ASK_AGAIN;
    race_->first_family = AF_INET6;
    race_->last_start = race_->quiet_since = now_;
    race_->delay = config_->attempt_delay;
    race_->delay_why = "";
    race_->all_refused = true;
    race_->last_error = EHOSTUNREACH;
    race_->winner = -1;
    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
        race_->slot[i].candidate = -1;
    return 0;
}

void zds_race_literal (zds_race_t *race_, const zds_addr_t *addr_)
{
    memset (&race_->candidate[0], 0, sizeof race_->candidate[0]);
    race_->candidate[0].addr = *addr_;
    race_->count = 1;
    race_->is_literal = true;
}

static size_t find (const zds_candidate_t *candidates_,
                    size_t count_,
                    const zds_addr_t *addr_)
{
    size_t i;

    for (i = 0; i < count_; i++)
        if (zds_addr_equal (&candidates_[i].addr, addr_))
            return i;
    return NONE;
}

/*  The candidates anew.  */
typedef struct
{
    zds_candidate_t candidate[ZDS_RACE_MAX_CANDIDATES];
    size_t count;
} revision_t;

static void take_over (zds_race_t *race_, const revision_t *revision_)
{
    unsigned i;

    for (i = 0; i < race_->slots; i++) {
        int *const at = &race_->slot[i].candidate;
        if (*at >= 0)
            *at = (int) find (revision_->candidate, revision_->count,
                              &race_->candidate[*at].addr);
    }
    race_->count = revision_->count;
    memcpy (race_->candidate, revision_->candidate,
            race_->count * sizeof race_->candidate[0]);
}

/*  Whether a slot still refers to the candidate, if only to be cancelled.  */
static bool in_a_slot (const zds_race_t *race_, size_t candidate_)
{
    size_t i;

    for (i = 0; i < race_->slots; i++)
        if (race_->slot[i].candidate == (int) candidate_)
            return true;
    return false;
}

/*  Withdrawn, and its attempt is over: as if it had never been there.  One that only
    lacks proof waits for it.  */
static bool is_gone (const zds_race_t *race_, size_t candidate_)
{
    return race_->candidate[candidate_].withdrawn
           && !in_a_slot (race_, candidate_)
           && !(race_->candidate[candidate_].from_helper
                && race_->candidate[candidate_].fate == ZDS_FATE_UNTRIED);
}

/*  An address of an answer as a candidate; false if it cannot be one.  */
static bool adopt (const zds_race_t *race_,
                   unsigned families_,
                   const zds_addr_t *addr_,
                   zds_candidate_t *candidate_)
{
    if ((families_ & family_bit (zds_addr_family (addr_))) == 0)
        return false;
    memset (candidate_, 0, sizeof *candidate_);
    candidate_->addr = *addr_;
    zds_addr_set_port (&candidate_->addr, race_->config.port);
    if (race_->config.zone != 0 && zds_addr_family (addr_) == AF_INET6)
        candidate_->addr.v6.sin6_scope_id = race_->config.zone;
    return true;
}

static size_t count_in (const revision_t *revision_, int family_)
{
    size_t i, n = 0;

    for (i = 0; i < revision_->count; i++)
        n += zds_addr_family (&revision_->candidate[i].addr) == family_;
    return n;
}

/*  What is kept of a candidate that an answer has again.  What the last word had
    stays its, if a helper says it too.  */
static void inherit (zds_candidate_t *candidate_,
                     const zds_race_t *race_,
                     bool from_helper_)
{
    const size_t was = find (race_->candidate, race_->count, &candidate_->addr);
    const zds_candidate_t *old;

    candidate_->from_helper = candidate_->withdrawn = from_helper_;
    if (was == NONE || is_gone (race_, was))
        return;
    old = &race_->candidate[was];
    candidate_->fate = old->fate;
    candidate_->from_helper =
      from_helper_ && (old->from_helper || old->withdrawn);
    candidate_->withdrawn = candidate_->from_helper && old->withdrawn;
}

/*  Takes the addresses of these families out of the answer.  */
static void take_addrs (const zds_race_t *race_,
                        unsigned families_,
                        const zds_answer_t *answer_,
                        bool from_helper_,
                        revision_t *revision_)
{
    zds_candidate_t *next;
    size_t i;

    revision_->count = 0;
    for (i = 0; i < answer_->count; i++) {
        next = &revision_->candidate[revision_->count];
        if (!adopt (race_, families_, &answer_->addr[i], next)
            || find (revision_->candidate, revision_->count, &next->addr)
                 != NONE
            || count_in (revision_, zds_addr_family (&next->addr))
                 == ZDS_MAX_CANDIDATES)
            continue;
        inherit (next, race_, from_helper_);
        revision_->count++;
    }
}

static bool is_in (const revision_t *revision_, const zds_candidate_t *one_)
{
    return find (revision_->candidate, revision_->count, &one_->addr) != NONE;
}

/*  The last word withdraws what it does not have; only attempts go on.  */
static void take_last_word (zds_race_t *race_, const zds_answer_t *answer_)
{
    revision_t revision;
    size_t i;

    take_addrs (race_, race_->config.families, answer_, false, &revision);
    if (revision.count > 0)
        race_->first_family = zds_addr_family (&revision.candidate[0].addr);
    for (i = 0; i < race_->count; i++)
        if (in_a_slot (race_, i) && !is_in (&revision, &race_->candidate[i])) {
            zds_candidate_t *const one = &revision.candidate[revision.count++];
            *one = race_->candidate[i];
            one->withdrawn = true;
            one->from_helper = false;
        }
    take_over (race_, &revision);
}

/*  A helper's addresses come ahead of what is known of their family.  */
static void
take_help (zds_race_t *race_, int family_, const zds_answer_t *answer_)
{
    revision_t revision;
    size_t i;

    take_addrs (race_, race_->config.families & family_bit (family_), answer_,
                true, &revision);
    for (i = 0; i < race_->count; i++) {
        const zds_candidate_t *const one = &race_->candidate[i];
        if (!is_gone (race_, i) && !is_in (&revision, one)
            && (in_a_slot (race_, i)
                || count_in (&revision, zds_addr_family (&one->addr))
                     < ZDS_MAX_CANDIDATES))
            revision.candidate[revision.count++] = *one;
    }
    take_over (race_, &revision);
    for (i = 0; i < race_->count; i++) {
        zds_candidate_t *const one = &race_->candidate[i];
        if (!one->from_helper)
            continue;
        if (zds_ask_is_proven (&race_->ask, zds_addr_family (&one->addr)))
            one->withdrawn = false;
        else if (race_->ask.is_compared)
            one->withdrawn = true;
    }
}

void zds_race_answer (zds_race_t *race_,
                      zds_look_t look_,
                      const zds_answer_t *answer_)
{
    if (race_->winner >= 0 || race_->failed)
        return;
    switch (zds_ask_answer (&race_->ask, look_, answer_)) {
        case ZDS_WORD_LAST:
            take_last_word (race_, answer_);
            break;
        case ZDS_WORD_HELPER:
            take_help (race_, look_ == ZDS_LOOK_IPV6 ? AF_INET6 : AF_INET,
                       answer_);
            break;
        case ZDS_WORD_LOST:
        case ZDS_WORD_NONE:
            break;
    }
}

void zds_race_look_runs (zds_race_t *race_, uint64_t since_)
{
    zds_ask_runs (&race_->ask, since_);
}

/*  The attempt has ended by itself, or is going to be cancelled.  */
static void count_failure (zds_race_t *race_, int candidate_, int error_)
{
    race_->candidate[candidate_].fate = ZDS_FATE_FAILED;
    race_->owed++;
    if (error_ != ECONNREFUSED) {
        race_->all_refused = false;
        race_->last_error = error_;
    }
}

/*  An attempt that took too long ends like one that failed, but its socket is
    still there.  */
static void give_up (zds_race_t *race_, unsigned attempt_, const char *why_)
{
    count_failure (race_, race_->slot[attempt_].candidate, ETIMEDOUT);
    race_->slot[attempt_].to_cancel = true;
    race_->slot[attempt_].cancel_error = ETIMEDOUT;
    race_->slot[attempt_].cancel_why = why_;
}

static unsigned silent_longest (const zds_race_t *race_)
{
    unsigned i, longest = 0;

    for (i = 1; i < race_->slots; i++)
        if (is_running (race_, i)
            && (!is_running (race_, longest)
                || race_->slot[i].silent_since
                     < race_->slot[longest].silent_since))
            longest = i;
    return longest;
}

/*  Where the process has no descriptor left for an address that libzmq might have used,
    an attempt that has been silent for its delay makes way.  */
static bool make_way (zds_race_t *race_, size_t candidate_, int error_)
{
    const unsigned longest = silent_longest (race_);
    const zds_race_slot_t *const slot = &race_->slot[longest];

    if ((error_ != EMFILE && error_ != ENFILE) || !is_running (race_, longest)
        || (race_->config.mode != ZDS_MODE_V6
            && zds_addr_family (&race_->candidate[candidate_].addr) != AF_INET)
        || race_->last_start < slot->silent_since + slot->delay)
        return false;
    race_->candidate[candidate_].fate = ZDS_FATE_UNTRIED;
    give_up (race_, longest, "silent, and the next one needs its descriptor");
    return true;
}

void zds_race_failed (zds_race_t *race_, unsigned attempt_, int error_)
{
    int candidate;

    if (!is_running (race_, attempt_))
        return;
    candidate = race_->slot[attempt_].candidate;
    race_->slot[attempt_].candidate = -1;
    if (make_way (race_, (size_t) candidate, error_))
        return;
    count_failure (race_, candidate, error_);
}

/*  The attempt wins, and those beside it are to be cancelled.  */
static void
win (zds_race_t *race_, unsigned attempt_, const char *why_, uint64_t now_)
{
    unsigned i;

    race_->winner = (int) attempt_;
    race_->won_why = why_;
    race_->candidate[race_->slot[attempt_].candidate].fate = ZDS_FATE_WON;
    for (i = 0; i < race_->slots; i++) {
        zds_race_slot_t *slot = &race_->slot[i];
        if (i == attempt_ || slot->candidate < 0 || slot->to_cancel)
            continue;
        slot->to_cancel = true;
        slot->cancel_error = 0;
        slot->cancel_why = "another one won";
        race_->candidate[slot->candidate].fate =
          slot->progress == ZDS_PROGRESS_UNSIGNED
              || now_ - slot->silent_since >= slot->delay
            ? ZDS_FATE_SILENT
            : ZDS_FATE_CUT;
        if (slot->progress == ZDS_PROGRESS_NONE
            && race_->candidate[slot->candidate].fate == ZDS_FATE_SILENT
            && zds_addr_family (&race_->candidate[slot->candidate].addr)
                 == AF_INET6)
            race_->ipv6_silent = true;
    }
}

void zds_race_greeted (zds_race_t *race_, unsigned attempt_, uint64_t now_)
{
    if (is_running (race_, attempt_))
        win (race_, attempt_, "it greeted first", now_);
}

void zds_race_unsigned (zds_race_t *race_, unsigned attempt_)
{
    if (!zds_race_awaits_greeting (race_, attempt_)
        || race_->slot[attempt_].progress == ZDS_PROGRESS_UNSIGNED)
        return;
    race_->slot[attempt_].progress = ZDS_PROGRESS_UNSIGNED;
    /*  Mostly it is no server: as good a reason for another start as a failure.  */
    race_->owed++;
}

static bool awaits_greeting (const zds_race_t *race_, unsigned attempt_)
{
    return race_->slot[attempt_].progress != ZDS_PROGRESS_NONE
           && is_running (race_, attempt_);
}

bool zds_race_awaits_greeting (const zds_race_t *race_, unsigned attempt_)
{
    return attempt_ < ZDS_RACE_MAX_RUNNING && awaits_greeting (race_, attempt_);
}

size_t zds_race_first (const zds_race_t *race_, int family_)
{
    size_t i, first = ZDS_RACE_NONE;

    for (i = 0; i < race_->count; i++) {
        if (race_->candidate[i].withdrawn)
            continue;
        if (zds_addr_family (&race_->candidate[i].addr) == family_)
            return i;
        if (first == ZDS_RACE_NONE)
            first = i;
    }
    return first;
}

static bool any_awaits_greeting (const zds_race_t *race_)
{
    unsigned i;

    for (i = 0; i < race_->slots; i++)
        if (awaits_greeting (race_, i))
            return true;
    return false;
}

/*  A peer that waits for the whole greeting of its client says nothing, and one of
    ZMTP 1.0 nothing that tells what it is.  So the one connection that libzmq would
    have had without dual stack is handed over in the end, as libzmq would: at once
    if no other attempt and no answer could still win, else when every address has
    been tried and the attempt delay is over once more.  One that libzmq would not
    have had has to greet.  The time of that, ZDS_NEVER if not by time alone.  */
static uint64_t hand_over_time (const zds_race_t *race_, int *attempt_)
{
    size_t usual;
    unsigned i;

    *attempt_ = -1;
    if (!any_awaits_greeting (race_))
        return ZDS_NEVER;
    usual = zds_race_first (race_, zds_race_usual_family (race_));
    for (i = 0; i < race_->slots; i++)
        if (usual != NONE && race_->slot[i].candidate == (int) usual
            && awaits_greeting (race_, i))
            *attempt_ = (int) i;
    if (*attempt_ < 0 || next_candidate (race_) != NONE)
        return ZDS_NEVER;
    return running (race_) == 1 && race_->ask.outstanding == 0
             ? 0
             : race_->quiet_since + race_->config.attempt_delay;
}

/*  Hands over the connection whose time has come.  */
static void hand_over (zds_race_t *race_, uint64_t now_)
{
    int attempt;

    if (hand_over_time (race_, &attempt) > now_)
        return;
    win (race_, (unsigned) attempt,
         running (race_) == 1 ? "it connected, and nothing else could win"
                              : "nobody has greeted, and a single family would "
                                "have given this one",
         now_);
}

void zds_race_connected (zds_race_t *race_, unsigned attempt_, uint64_t now_)
{
    if (!is_running (race_, attempt_)
        || race_->slot[attempt_].progress != ZDS_PROGRESS_NONE)
        return;
    if (!race_->config.greets) {
        win (race_, attempt_, "it connected first", now_);
        return;
    }
    race_->slot[attempt_].progress = ZDS_PROGRESS_CONNECTED;
    race_->slot[attempt_].silent_since = now_;
    race_->quiet_since = now_;
    hand_over (race_, now_);
}

static void ask_again (zds_race_t *race_, const char *why_)
{
    if (race_->is_literal)
        return;
    zds_ask_again (&race_->ask);
    race_->round_why = why_;
}

void zds_race_again (zds_race_t *race_)
{
    size_t i;

    if (race_->winner >= 0 || race_->failed)
        return;
    for (i = 0; i < race_->count; i++)
        if (race_->candidate[i].fate == ZDS_FATE_FAILED
            && !race_->candidate[i].withdrawn)
            race_->candidate[i].fate = ZDS_FATE_UNTRIED;
    ask_again (race_, "once more, the reconnect interval is over");
    race_->retry_said = false;
    race_->is_repeat = true;
    /*  What failed in the round before is no reason to hurry through this one;
        its first start is due by the reconnect interval.  */
    if (race_->owed > 1)
        race_->owed = 1;
}

/*  Until when the attempt may be silent; ZDS_NEVER if it does not run.  */
static uint64_t limit_of (const zds_race_t *race_, unsigned attempt_)
{
    const zds_race_slot_t *slot = &race_->slot[attempt_];
    const unsigned limit = slot->progress == ZDS_PROGRESS_NONE
                             ? race_->config.attempt_timeout
                             : race_->config.greeting_timeout;

    return limit > 0 && is_running (race_, attempt_)
             ? slot->silent_since + limit
             : ZDS_NEVER;
}

static uint64_t later (uint64_t a_, uint64_t b_)
{
    return a_ > b_ ? a_ : b_;
}

/*  Until when the attempt that has been silent longest may keep its place, because the
    candidate whose turn it is waits for one; ZDS_NEVER if there are others.  */
static uint64_t
patience_end (const zds_race_t *race_, size_t waiting_, unsigned *longest_)
{
    if (waiting_ == NONE || running (race_) < ZDS_RACE_MAX_RUNNING)
        return ZDS_NEVER;
    *longest_ = silent_longest (race_);
    return later (start_time (race_, waiting_),
                  race_->slot[*longest_].silent_since + ZDS_RACE_PATIENCE);
}

/*  Gives up on what has run longer than it may.  */
static void check_times (zds_race_t *race_, size_t waiting_, uint64_t now_)
{
    unsigned i;

    for (i = 0; i < race_->slots; i++)
        if (now_ >= limit_of (race_, i))
            give_up (race_, i, "silent for as long as an attempt may take");
    if (now_ >= patience_end (race_, waiting_, &i))
        give_up (race_, i, "silent for long, and the next one needs its place");
}

static zds_race_step_t step_of (zds_race_op_t op_)
{
    zds_race_step_t step;

    memset (&step, 0, sizeof step);
    step.op = op_;
    step.deadline = ZDS_NEVER;
    step.why = "";
    return step;
}

/*  Why the next attempt may start: the reasons of start_time, told.  */
static const char *why_now (const zds_race_t *race_, size_t candidate_)
{
    if (!race_->begun) {
        if (race_->candidate[candidate_].record == ZDS_RECORD_WON)
            return "at once";
        if (race_->ask.outstanding == 0)
            return "the answer is there";
        if (race_->config.hurry)
            return "the whole answer was late the last time";
        return is_unbeatable (&race_->candidate[candidate_])
                 ? "IPv6 does not wait for the whole answer"
                 : "the whole answer has not come within the resolution delay";
    }
    if (race_->is_repeat)
        return "once more, the reconnect interval is over";
    if (running (race_) == 0)
        return "the one before failed";
    return race_->owed > 0 ? "another one failed"
           : any_awaits_greeting (race_)
             ? "the one before connected and sent nothing for the attempt delay"
             : race_->delay_why;
}

/*  How long the next attempt waits for this one.  What other races saw of its silence
    counts.  */
static void set_delay (zds_race_t *race_, size_t candidate_)
{
    const zds_candidate_t *const candidate = &race_->candidate[candidate_];
    const unsigned waited = candidate->waited;

    race_->delay = race_->config.attempt_delay;
    race_->delay_why = "silence for the attempt delay";
    if (!race_->begun && race_->config.quick
        && race_->delay > ZDS_RACE_QUICK_DELAY
        && zds_addr_family (&candidate->addr) == AF_INET6) {
        race_->delay = ZDS_RACE_QUICK_DELAY;
        race_->delay_why =
          "silence for 100 ms; IPv6 is silent for other names too";
    }
    if (waited == 0)
        return;
    race_->delay = waited + ZDS_RACE_MIN_GAP < race_->delay
                     ? race_->delay - waited
                     : ZDS_RACE_MIN_GAP;
    race_->delay_why =
      "silence for the attempt delay, the races before included";
}

static zds_race_step_t
start (zds_race_t *race_, size_t candidate_, unsigned attempt_, uint64_t now_)
{
    zds_race_step_t step = step_of (ZDS_RACE_START);
    zds_race_slot_t *slot = &race_->slot[attempt_];

    step.why = why_now (race_, candidate_);
    set_delay (race_, candidate_);
    if (attempt_ >= race_->slots)
        race_->slots = attempt_ + 1;
    slot->delay = race_->delay;
    slot->candidate = (int) candidate_;
    slot->started = slot->silent_since = now_;
    slot->progress = ZDS_PROGRESS_NONE;
    slot->to_cancel = false;
    race_->candidate[candidate_].fate = ZDS_FATE_RUNNING;
    race_->begun = true;
    race_->last_start = race_->quiet_since = now_;
    if (race_->owed > 0)
        race_->owed--;

    step.attempt = attempt_;
    step.addr = race_->candidate[candidate_].addr;
    return step;
}

static bool cancel_one (zds_race_t *race_, zds_race_step_t *step_)
{
    unsigned i;

    for (i = 0; i < race_->slots; i++) {
        zds_race_slot_t *slot = &race_->slot[i];
        if (slot->candidate < 0 || !slot->to_cancel)
            continue;
        *step_ = step_of (ZDS_RACE_CANCEL);
        step_->attempt = i;
        step_->addr = race_->candidate[slot->candidate].addr;
        step_->error = slot->cancel_error;
        step_->why = slot->cancel_why;
        slot->candidate = -1;
        return true;
    }
    return false;
}

static zds_race_step_t won (const zds_race_t *race_)
{
    zds_race_step_t step = step_of (ZDS_RACE_WON);

    step.attempt = (unsigned) race_->winner;
    step.addr = race_->candidate[race_->slot[race_->winner].candidate].addr;
    step.why = race_->won_why;
    return step;
}

/*  A look-up that is lost might have told of an address that does not refuse.  */
static zds_race_step_t failed (zds_race_t *race_)
{
    const bool is_lost = zds_ask_is_lost (&race_->ask);
    const bool refused = race_->begun && race_->all_refused && !is_lost;
    zds_race_step_t step = step_of (ZDS_RACE_FAILED);

    race_->failed = true;
    step.error = refused ? ECONNREFUSED : race_->last_error;
    step.why = !race_->begun ? "there is no address to try"
               : refused     ? "every attempt was refused"
               : is_lost     ? "every attempt failed, and a look-up"
                             : "every attempt failed";
    return step;
}

/*  When what failed is to be tried again; ZDS_NEVER: not yet, or not any more.  Not
    before what is left has been silent for a while: mostly it ends the race in a
    moment.  */
static uint64_t retry_time (const zds_race_t *race_, size_t waiting_)
{
    return waiting_ == NONE && !race_->retry_said && any_failed (race_)
             ? race_->quiet_since + race_->config.attempt_delay
             : ZDS_NEVER;
}

/*  When the name is to be asked again because all of it is silent: a server that moved
    is found when DNS says so.  */
static uint64_t ask_again_time (const zds_race_t *race_, size_t waiting_)
{
    if (race_->is_literal || waiting_ != NONE || race_->ask.outstanding != 0
        || running (race_) == 0)
        return ZDS_NEVER;
    return later (race_->last_start, race_->ask.since) + race_->ask_again;
}

static uint64_t ask_time (const zds_race_t *race_, uint64_t now_)
{
    return race_->is_literal ? ZDS_NEVER : zds_ask_time (&race_->ask, now_);
}

static zds_race_step_t ask (zds_race_t *race_, uint64_t now_)
{
    zds_race_step_t step = step_of (ZDS_RACE_ASK);

    step.looks = zds_ask_take (&race_->ask, now_, &step.why);
    if (race_->round_why != NULL
        && (step.looks & ZDS_LOOK_BIT (race_->config.look)) != 0)
        step.why = race_->round_why;
    return step;
}

static void at_most (uint64_t *time_, uint64_t limit_)
{
    if (limit_ < *time_)
        *time_ = limit_;
}

/*  What to wait for when nothing can be started, and until when.  */
static zds_race_step_t
wait_for (const zds_race_t *race_, size_t waiting_, uint64_t now_)
{
    zds_race_step_t step = step_of (ZDS_RACE_WAIT);
    unsigned i;
    int attempt;

    step.deadline = hand_over_time (race_, &attempt);
    for (i = 0; i < race_->slots; i++)
        at_most (&step.deadline, limit_of (race_, i));
    at_most (&step.deadline, patience_end (race_, waiting_, &i));
    at_most (&step.deadline, retry_time (race_, waiting_));
    at_most (&step.deadline, ask_time (race_, now_));
    at_most (&step.deadline, ask_again_time (race_, waiting_));
    step.why = race_->ask.outstanding != 0   ? "for an answer"
               : any_awaits_greeting (race_) ? "for a greeting"
                                             : "for an attempt to end";
    if (waiting_ == NONE)
        return step;
    step.why = "for an attempt's place";
    if (free_slot (race_) >= 0) {
        at_most (&step.deadline, start_time (race_, waiting_));
        step.why = !race_->begun ? "for the whole answer"
                                 : "for the next attempt's turn";
    }
    return step;
}

/*  Gives up what has taken too long, and hands over what need not wait any longer;
    returns the candidate to be tried next, NONE if there is none.  */
static size_t bring_up_to_date (zds_race_t *race_, uint64_t now_)
{
    size_t candidate;

    if (race_->winner >= 0 || race_->failed)
        return NONE;
    candidate = next_candidate (race_);
    check_times (race_, candidate, now_);
    hand_over (race_, now_);
    if (race_->winner < 0 && ask_again_time (race_, candidate) <= now_) {
        ask_again (race_, "all is silent: the server may have moved");
        race_->ask_again = race_->ask_again * 2 < ZDS_RACE_MAX_ASK_AGAIN
                             ? race_->ask_again * 2
                             : ZDS_RACE_MAX_ASK_AGAIN;
    }
    return candidate;
}

zds_race_step_t zds_race_next (zds_race_t *race_, uint64_t now_)
{
    const size_t candidate = bring_up_to_date (race_, now_);
    zds_race_step_t step;
    int slot;

    if (cancel_one (race_, &step))
        return step;
    if (race_->winner >= 0)
        return won (race_);
    if (ask_time (race_, now_) <= now_)
        return ask (race_, now_);
    if (candidate == NONE && race_->ask.outstanding == 0
        && running (race_) == 0)
        return failed (race_);
    if (retry_time (race_, candidate) <= now_) {
        race_->retry_said = true;
        step = step_of (ZDS_RACE_RETRY);
        step.why = "something failed, and what is left is silent";
        return step;
    }
    slot = candidate == NONE ? -1 : free_slot (race_);
    if (slot >= 0 && start_time (race_, candidate) <= now_)
        return start (race_, candidate, (unsigned) slot, now_);
    return wait_for (race_, candidate, now_);
}

/*  What the order would be if nothing were remembered, up to the winner.  */
const zds_candidate_t *zds_race_untested (const zds_race_t *race_)
{
    zds_candidate_t plain[ZDS_RACE_MAX_CANDIDATES];
    uint8_t order[ZDS_RACE_MAX_CANDIDATES];
    size_t i;

    if (race_->winner < 0
        || race_->slot[race_->winner].candidate
             == (int) zds_race_first (race_, race_->first_family))
        return NULL;
    memcpy (plain, race_->candidate, race_->count * sizeof plain[0]);
    for (i = 0; i < race_->count; i++)
        plain[i].record = ZDS_RECORD_NONE;
    zds_candidates_order (plain, race_->count, race_->first_family, order);

    for (i = 0; i < race_->count; i++) {
        const size_t at = order[i];
        if (race_->candidate[at].fate == ZDS_FATE_WON)
            return NULL;
        if (race_->candidate[at].fate == ZDS_FATE_UNTRIED
            && !race_->candidate[at].withdrawn
            && race_->candidate[at].record != ZDS_RECORD_WRONG)
            return &race_->candidate[at];
    }
    return NULL;
}

const char *zds_race_why (const zds_race_t *race_, unsigned attempt_)
{
    uint8_t order[ZDS_RACE_MAX_CANDIDATES];
    size_t place = 0;

    if (attempt_ >= ZDS_RACE_MAX_RUNNING || race_->slot[attempt_].candidate < 0)
        return "";
    order_of (race_, order);
    while (order[place] != race_->slot[attempt_].candidate)
        place++;
    return zds_candidates_why (race_->candidate, race_->count,
                               race_->first_family, order, place);
}

int zds_race_usual_family (const zds_race_t *race_)
{
    if (race_->config.mode != ZDS_MODE_V6)
        return AF_INET;
    return count_of_family (race_, AF_INET6) > 0
               || zds_ask_may_bring (&race_->ask, AF_INET6)
             ? AF_INET6
             : AF_INET;
}

unsigned zds_race_rest (const zds_race_t *race_)
{
    const int usual = zds_race_usual_family (race_);
    unsigned rest = 0;
    size_t i;

    if (zds_ask_may_bring (&race_->ask, usual))
        rest |= ZDS_REST_USUAL
                | (count_of_family (race_, usual) == 0 ? ZDS_REST_FRESH : 0u);
    for (i = 0; i < race_->count; i++) {
        if (race_->candidate[i].fate == ZDS_FATE_WON
            || race_->candidate[i].withdrawn
            || race_->candidate[i].record == ZDS_RECORD_WRONG)
            continue;
        if (zds_addr_family (&race_->candidate[i].addr) == usual)
            rest |= ZDS_REST_USUAL;
        if (race_->candidate[i].record <= ZDS_RECORD_WON
            && (race_->candidate[i].fate == ZDS_FATE_UNTRIED
                || race_->candidate[i].fate == ZDS_FATE_CUT))
            rest |= ZDS_REST_FRESH;
    }
    return rest;
}

void zds_greeting_sign (uint8_t signature_[ZDS_SIGNATURE_SIZE],
                        size_t routing_id_size_)
{
    /*  To a peer of ZMTP 1.0 this is the start of a frame: its length, which
        counts the byte of flags, and the flags.  */
    uint64_t length = (uint64_t) routing_id_size_ + 1;
    unsigned i;

    signature_[0] = 0xff;
    for (i = 8; i > 0; i--) {
        signature_[i] = (uint8_t) (length & 0xff);
        length >>= 8;
    }
    signature_[9] = 0x7f;
}

/*  A frame of ZMTP 1.0 whose length fits into its first byte.  The length counts
    the flags, so it is not 0; and an identity is one frame, which has none set.  */
static zds_greeting_t judge_short_frame (const uint8_t *bytes_, size_t count_)
{
    if (bytes_[0] == 0)
        return ZDS_GREETING_FOREIGN;
    if (count_ < 2)
        return ZDS_GREETING_MORE;
    return bytes_[1] == 0 ? ZDS_GREETING_UNSIGNED : ZDS_GREETING_FOREIGN;
}

zds_greeting_t zds_greeting_judge (const uint8_t *bytes_, size_t count_)
{
    if (count_ == 0)
        return ZDS_GREETING_MORE;
    if (bytes_[0] != 0xff)
        return judge_short_frame (bytes_, count_);
    if (count_ < ZDS_SIGNATURE_SIZE)
        return ZDS_GREETING_MORE;
    /*  libzmq takes any odd number here for a signature; what it may be besides
        that, such as the negotiation of a telnet server, is not to win by it.  */
    return bytes_[9] == 0x7f ? ZDS_GREETING_SIGNED : ZDS_GREETING_UNSIGNED;
}
