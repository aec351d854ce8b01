/* SPDX-License-Identifier: MPL-2.0 */

#include "zds_race.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define NONE ZDS_RACE_NONE

static int family_of (const zds_candidate_t *candidate_)
{
    return zds_addr_family (&candidate_->addr);
}

/*  Candidates are tried in groups: those of which nothing bad is known, those that
    failed, and those that go last.  */
static int group_of (const zds_candidate_t *candidate_)
{
    static const int groups[] = {0, 0, 1, 2, 2}; /* by zds_record_t */

    return groups[candidate_->record];
}

/*  Whether 'a_' is tried before 'b_', which is ahead of it in the libc's order, when
    it is the turn of 'family_'.  */
static bool
overtakes (const zds_candidate_t *a_, const zds_candidate_t *b_, int family_)
{
    if (group_of (a_) != group_of (b_))
        return group_of (a_) < group_of (b_);
    if (group_of (a_) == 2)
        return a_->record_time < b_->record_time;
    return family_of (a_) == family_ && family_of (b_) != family_;
}

/*  The family that won the last time; AF_UNSPEC if none has.  */
static int family_that_won (const zds_candidate_t *candidates_, size_t count_)
{
    size_t i;

    for (i = 0; i < count_; i++)
        if (candidates_[i].record == ZDS_RECORD_WON)
            return family_of (&candidates_[i]);
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
        turn = family_of (&candidates_[index]) == AF_INET6 ? AF_INET : AF_INET6;
    }
}

/*  Facts about the race.  None of them is stored: the next step is derived from what
    is known, so that late answers need no code of their own.  */

/*  A slot whose attempt is to be cancelled is not free: the caller still has the
    socket.  */
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
           && race_->slot[attempt_].cancel_why == NULL;
}

static unsigned running (const zds_race_t *race_)
{
    unsigned i, n = 0;

    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
        n += is_running (race_, i);
    return n;
}

bool zds_race_awaits_greeting (const zds_race_t *race_, unsigned attempt_)
{
    return is_running (race_, attempt_)
           && race_->slot[attempt_].progress != ZDS_PROGRESS_NONE;
}

static bool any_awaits_greeting (const zds_race_t *race_)
{
    unsigned i;

    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
        if (zds_race_awaits_greeting (race_, i))
            return true;
    return false;
}

/*  Whether the candidate has this fate, and is not withdrawn.  */
static bool is_now (const zds_candidate_t *candidate_, zds_fate_t fate_)
{
    return candidate_->fate == fate_ && !candidate_->withdrawn;
}

/*  The order is that of the complete list, so that an address that came late takes
    the place that it would have had from the start (RFC 8305 section 6).  */
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
        if (is_now (&race_->candidate[order[i]], ZDS_FATE_UNTRIED))
            return order[i];
    return NONE;
}

size_t zds_race_first (const zds_race_t *race_, int family_)
{
    size_t i, first = NONE;

    for (i = 0; i < race_->count; i++) {
        if (race_->candidate[i].withdrawn)
            continue;
        if (family_of (&race_->candidate[i]) == family_)
            return i;
        if (first == NONE)
            first = i;
    }
    return first;
}

static bool has_family (const zds_race_t *race_, int family_)
{
    const size_t first = zds_race_first (race_, family_);

    return first != NONE && family_of (&race_->candidate[first]) == family_;
}

int zds_race_usual_family (const zds_race_t *race_)
{
    return race_->config.mode == ZDS_MODE_V6
               && (has_family (race_, AF_INET6)
                   || zds_ask_may_bring (&race_->ask, AF_INET6))
             ? AF_INET6
             : AF_INET;
}

/*  Whether libzmq without dual stack would have no address, and would ask again.  */
static bool lacks_usual (const zds_race_t *race_)
{
    return !race_->is_literal && race_->config.mode != ZDS_MODE_V6
           && (race_->config.families & ZDS_FOR_IPV4) != 0
           && !has_family (race_, AF_INET)
           && !zds_ask_may_bring (&race_->ask, AF_INET);
}

static bool any_failed (const zds_race_t *race_)
{
    size_t i;

    for (i = 0; i < race_->count; i++)
        if (is_now (&race_->candidate[i], ZDS_FATE_FAILED))
            return true;
    return zds_ask_is_lost (&race_->ask) || lacks_usual (race_);
}

/*  The earliest time at which 'candidate_' may be started, if a slot is free, and why
    it may then.  */
static uint64_t start_time (const zds_race_t *race_,
                            const zds_candidate_t *candidate_,
                            const char **why_)
{
    if (!race_->begun) {
        *why_ = candidate_->record == ZDS_RECORD_WON ? "at once"
                : race_->ask.outstanding == 0        ? "the answer is there"
                : race_->config.hurry
                  ? "the whole answer was late the last time"
                : candidate_->record == ZDS_RECORD_NONE
                    && family_of (candidate_) == AF_INET6
                  ? "IPv6 does not wait for the whole answer"
                  : NULL;
        if (*why_ != NULL)
            return 0;
        *why_ = "the whole answer has not come within the resolution delay";
        return zds_ask_late_at (&race_->ask);
    }
    *why_ = race_->is_repeat       ? "once more, the reconnect interval is over"
            : running (race_) == 0 ? "the one before failed"
            : race_->owed > 0      ? "another one failed"
            : any_awaits_greeting (race_)
              ? "the one before connected and sent nothing for the attempt "
                "delay"
              : race_->delay_why;
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
    race_->candidate[0] = (zds_candidate_t){.addr = *addr_};
    race_->count = 1;
    race_->is_literal = true;
    race_->ask.asked = ZDS_LOOK_BIT (race_->config.look);
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

/*  Whether a slot still refers to the candidate, if only to be cancelled.  */
static bool in_a_slot (const zds_race_t *race_, size_t candidate_)
{
    size_t i;

    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
        if (race_->slot[i].candidate == (int) candidate_)
            return true;
    return false;
}

/*  Whether the candidate is withdrawn and its attempt is over, which is as if it had
    never been there.  One that only lacks proof waits for that.  */
static bool is_gone (const zds_race_t *race_, size_t candidate_)
{
    const zds_candidate_t *const one = &race_->candidate[candidate_];

    return one->withdrawn && !in_a_slot (race_, candidate_)
           && !(one->from_helper && one->fate == ZDS_FATE_UNTRIED);
}

/*  A new list of candidates.  */
typedef struct
{
    zds_candidate_t candidate[ZDS_RACE_MAX_CANDIDATES];
    size_t count;
} revision_t;

static bool is_in (const revision_t *revision_, const zds_addr_t *addr_)
{
    return find (revision_->candidate, revision_->count, addr_) != NONE;
}

static bool is_full (const revision_t *revision_, int family_)
{
    size_t i, n = 0;

    for (i = 0; i < revision_->count; i++)
        n += family_of (&revision_->candidate[i]) == family_;
    return n >= ZDS_MAX_CANDIDATES;
}

/*  Takes the addresses of these families from the answer.  A candidate that was there
    before keeps its fate, and one that the last word had does not become a helper's
    if a helper has it, too.  */
static void take_addrs (const zds_race_t *race_,
                        unsigned families_,
                        const zds_answer_t *answer_,
                        bool from_helper_,
                        revision_t *revision_)
{
    size_t i;

    revision_->count = 0;
    for (i = 0; i < answer_->count; i++) {
        const int family = zds_addr_family (&answer_->addr[i]);
        zds_addr_t addr = answer_->addr[i];
        const zds_candidate_t *old;
        zds_candidate_t *next;
        size_t was;
        zds_addr_set_port (&addr, race_->config.port);
        if (race_->config.zone != 0 && family == AF_INET6)
            addr.v6.sin6_scope_id = race_->config.zone;
        if ((families_ & zds_addr_for (&addr)) == 0 || is_in (revision_, &addr)
            || is_full (revision_, family))
            continue;
        next = &revision_->candidate[revision_->count++];
        *next = (zds_candidate_t){.addr = addr};
        was = find (race_->candidate, race_->count, &addr);
        old =
          was == NONE || is_gone (race_, was) ? NULL : &race_->candidate[was];
        next->fate = old == NULL ? ZDS_FATE_UNTRIED : old->fate;
        next->from_helper =
          from_helper_ && (old == NULL || old->from_helper || old->withdrawn);
    }
}

/*  Adds the candidates that were there before and stay: after the last word, only
    those with running attempts; after a helper's answer, whose addresses come first,
    as many as there is room for.  */
static void
take_rest (const zds_race_t *race_, bool from_helper_, revision_t *revision_)
{
    size_t i;

    for (i = 0; i < race_->count; i++) {
        const zds_candidate_t *const one = &race_->candidate[i];
        zds_candidate_t *next = &revision_->candidate[revision_->count];
        if (is_in (revision_, &one->addr)
            || (!in_a_slot (race_, i)
                && (!from_helper_ || is_gone (race_, i)
                    || is_full (revision_, family_of (one)))))
            continue;
        *next = *one;
        next->withdrawn |= !from_helper_;
        next->from_helper &= from_helper_;
        revision_->count++;
    }
}

static void take_over (zds_race_t *race_, const revision_t *revision_)
{
    size_t i;

    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++) {
        int *const at = &race_->slot[i].candidate;
        if (*at >= 0)
            *at = (int) find (revision_->candidate, revision_->count,
                              &race_->candidate[*at].addr);
    }
    race_->count = revision_->count;
    memcpy (race_->candidate, revision_->candidate,
            race_->count * sizeof race_->candidate[0]);
    for (i = 0; i < race_->count; i++)
        if (race_->candidate[i].from_helper)
            race_->candidate[i].withdrawn = !zds_ask_is_proven (
              &race_->ask, family_of (&race_->candidate[i]));
}

void zds_race_answer (zds_race_t *race_,
                      zds_look_t look_,
                      const zds_answer_t *answer_)
{
    unsigned families = race_->config.families;
    revision_t revision;
    zds_word_t word;

    if (race_->winner >= 0 || race_->failed)
        return;
    word = zds_ask_answer (&race_->ask, look_, answer_);
    if (word < ZDS_WORD_HELPER)
        return;
    if (word == ZDS_WORD_HELPER)
        families &= ZDS_LOOK_BIT (look_);
    take_addrs (race_, families, answer_, word == ZDS_WORD_HELPER, &revision);
    if (word == ZDS_WORD_LAST && revision.count > 0)
        race_->first_family = family_of (&revision.candidate[0]);
    take_rest (race_, word == ZDS_WORD_HELPER, &revision);
    take_over (race_, &revision);
}

/*  Counts an attempt that has failed, or is going to be cancelled as too slow.  */
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
    race_->slot[attempt_].cancel_error = ETIMEDOUT;
    race_->slot[attempt_].cancel_why = why_;
}

static unsigned silent_longest (const zds_race_t *race_)
{
    unsigned i, longest = 0;

    for (i = 1; i < ZDS_RACE_MAX_RUNNING; i++)
        if (is_running (race_, i)
            && (!is_running (race_, longest)
                || race_->slot[i].silent_since
                     < race_->slot[longest].silent_since))
            longest = i;
    return longest;
}

/*  When the process has no descriptor left for an address that libzmq might have
    used, an attempt that has been silent for its delay makes way.  */
static bool make_way (zds_race_t *race_, size_t candidate_, int error_)
{
    const unsigned longest = silent_longest (race_);
    const zds_race_slot_t *const slot = &race_->slot[longest];

    if ((error_ != EMFILE && error_ != ENFILE) || !is_running (race_, longest)
        || (race_->config.mode != ZDS_MODE_V6
            && family_of (&race_->candidate[candidate_]) != AF_INET)
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

/*  The attempt wins, and the others are to be cancelled.  */
static void
win (zds_race_t *race_, unsigned attempt_, const char *why_, uint64_t now_)
{
    unsigned i;

    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++) {
        zds_race_slot_t *const slot = &race_->slot[i];
        zds_candidate_t *candidate;
        if (i == attempt_ || !is_running (race_, i))
            continue;
        slot->cancel_error = 0;
        slot->cancel_why = "another one won";
        candidate = &race_->candidate[slot->candidate];
        candidate->fate = slot->progress == ZDS_PROGRESS_UNSIGNED
                              || now_ - slot->silent_since >= slot->delay
                            ? ZDS_FATE_SILENT
                            : ZDS_FATE_CUT;
        if (slot->progress == ZDS_PROGRESS_NONE
            && candidate->fate == ZDS_FATE_SILENT
            && family_of (candidate) == AF_INET6)
            race_->ipv6_silent = true;
    }
    race_->winner = (int) attempt_;
    race_->won_why = why_;
    race_->candidate[race_->slot[attempt_].candidate].fate = ZDS_FATE_WON;
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
    /*  Mostly this is no server, so it is as good a reason for another start as a
        failure.  */
    race_->owed++;
}

/*  A peer that waits for the whole greeting of its client says nothing, and one of
    ZMTP 1.0 nothing that tells what it is.  So the one connection that libzmq would
    have had without dual stack is handed over in the end, as libzmq would: at once
    if no other attempt and no answer could still win, else when every address has
    been tried and the attempt delay is over once more.  A connection that libzmq
    would not have had must greet.  Returns the time of that, ZDS_NEVER if time alone
    does not bring it about.  */
static uint64_t hand_over_time (const zds_race_t *race_, unsigned *attempt_)
{
    const int usual =
      (int) zds_race_first (race_, zds_race_usual_family (race_));
    unsigned i = 0;

    while (i < ZDS_RACE_MAX_RUNNING
           && (race_->slot[i].candidate != usual
               || !zds_race_awaits_greeting (race_, i)))
        i++;
    *attempt_ = i;
    if (i == ZDS_RACE_MAX_RUNNING || next_candidate (race_) != NONE)
        return ZDS_NEVER;
    return running (race_) == 1 && race_->ask.outstanding == 0
             ? 0
             : race_->quiet_since + race_->config.attempt_delay;
}

/*  Whether that time has come.  If not, brings the deadline forward to it.  */
static bool is_due (uint64_t time_, uint64_t now_, uint64_t *deadline_)
{
    if (time_ < *deadline_)
        *deadline_ = time_;
    return time_ <= now_;
}

/*  Hands over the connection whose time has come.  */
static void hand_over (zds_race_t *race_, uint64_t now_, uint64_t *deadline_)
{
    unsigned attempt;

    if (is_due (hand_over_time (race_, &attempt), now_, deadline_))
        win (race_, attempt,
             running (race_) == 1 ? "it connected, and nothing else could win"
                                  : "nobody has greeted, and a single family "
                                    "would have given this one",
             now_);
}

void zds_race_connected (zds_race_t *race_, unsigned attempt_, uint64_t now_)
{
    uint64_t deadline = ZDS_NEVER;

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
    hand_over (race_, now_, &deadline);
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
        if (is_now (&race_->candidate[i], ZDS_FATE_FAILED))
            race_->candidate[i].fate = ZDS_FATE_UNTRIED;
    ask_again (race_, "once more, the reconnect interval is over");
    race_->retry_said = false;
    race_->is_repeat = true;
    /*  Failures in the last round are no reason to hurry through this one; only its
        first start is due, because the reconnect interval is over.  */
    if (race_->owed > 1)
        race_->owed = 1;
}

/*  Until when the running attempt may be silent.  */
static uint64_t limit_of (const zds_race_t *race_, unsigned attempt_)
{
    const zds_race_slot_t *slot = &race_->slot[attempt_];
    const unsigned limit = slot->progress == ZDS_PROGRESS_NONE
                             ? race_->config.attempt_timeout
                             : race_->config.greeting_timeout;

    return limit > 0 ? slot->silent_since + limit : ZDS_NEVER;
}

static uint64_t later (uint64_t a_, uint64_t b_)
{
    return a_ > b_ ? a_ : b_;
}

/*  Until when the attempt that has been silent longest may keep its slot, while the
    candidate whose turn it is waits for one; ZDS_NEVER if a slot is free.  */
static uint64_t
patience_end (const zds_race_t *race_, size_t waiting_, unsigned *longest_)
{
    const char *why;

    if (waiting_ == NONE || running (race_) < ZDS_RACE_MAX_RUNNING)
        return ZDS_NEVER;
    *longest_ = silent_longest (race_);
    return later (start_time (race_, &race_->candidate[waiting_], &why),
                  race_->slot[*longest_].silent_since + ZDS_RACE_PATIENCE);
}

static zds_race_step_t step_of (zds_race_op_t op_, const char *why_)
{
    const zds_race_step_t step = {
      .op = op_, .deadline = ZDS_NEVER, .why = why_};

    return step;
}

static zds_race_step_t step_about (const zds_race_t *race_,
                                   zds_race_op_t op_,
                                   unsigned attempt_,
                                   const char *why_)
{
    zds_race_step_t step = step_of (op_, why_);

    step.attempt = attempt_;
    step.addr = race_->candidate[race_->slot[attempt_].candidate].addr;
    return step;
}

/*  Sets how long the next attempt waits for this one.  Silence that other races met
    counts.  */
static void set_delay (zds_race_t *race_, size_t candidate_)
{
    const zds_candidate_t *const candidate = &race_->candidate[candidate_];
    const unsigned waited = candidate->waited;

    race_->delay = race_->config.attempt_delay;
    race_->delay_why = "silence for the attempt delay";
    if (!race_->begun && race_->config.quick
        && race_->delay > ZDS_RACE_QUICK_DELAY
        && family_of (candidate) == AF_INET6) {
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

static zds_race_step_t start (zds_race_t *race_,
                              size_t candidate_,
                              unsigned attempt_,
                              const char *why_,
                              uint64_t now_)
{
    zds_race_slot_t *const slot = &race_->slot[attempt_];

    set_delay (race_, candidate_);
    memset (slot, 0, sizeof *slot);
    slot->candidate = (int) candidate_;
    slot->delay = race_->delay;
    slot->started = slot->silent_since = now_;
    race_->candidate[candidate_].fate = ZDS_FATE_RUNNING;
    race_->begun = true;
    race_->last_start = race_->quiet_since = now_;
    if (race_->owed > 0)
        race_->owed--;
    return step_about (race_, ZDS_RACE_START, attempt_, why_);
}

static bool cancel_one (zds_race_t *race_, zds_race_step_t *step_)
{
    unsigned i;

    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++) {
        zds_race_slot_t *const slot = &race_->slot[i];
        if (slot->candidate < 0 || slot->cancel_why == NULL)
            continue;
        *step_ = step_about (race_, ZDS_RACE_CANCEL, i, slot->cancel_why);
        step_->error = slot->cancel_error;
        slot->candidate = -1;
        return true;
    }
    return false;
}

/*  The step FAILED.  A lost look-up might have brought an address that does not
    refuse.  */
static zds_race_step_t failed (zds_race_t *race_)
{
    const bool is_lost = zds_ask_is_lost (&race_->ask);
    const bool refused = race_->begun && race_->all_refused && !is_lost;
    zds_race_step_t step = step_of (
      ZDS_RACE_FAILED, !race_->begun ? "there is no address to try"
                       : refused     ? "every attempt was refused"
                       : is_lost     ? "every attempt failed, and a look-up"
                                     : "every attempt failed");

    race_->failed = true;
    step.error = refused ? ECONNREFUSED : race_->last_error;
    return step;
}

/*  When candidates that failed are to be tried again; ZDS_NEVER: not yet, or not any
    more.  Not before the attempts that are left have been silent for a while, since
    mostly one of them wins in a moment.  */
static uint64_t retry_time (const zds_race_t *race_, size_t waiting_)
{
    return waiting_ == NONE && !race_->retry_said && any_failed (race_)
             ? race_->quiet_since + race_->config.attempt_delay
             : ZDS_NEVER;
}

/*  When the name is to be asked again because all its addresses are silent: a server
    that moved is found as soon as DNS knows.  */
static uint64_t ask_again_time (const zds_race_t *race_, size_t waiting_)
{
    if (race_->is_literal || waiting_ != NONE || race_->ask.outstanding != 0
        || running (race_) == 0)
        return ZDS_NEVER;
    return later (race_->last_start, race_->ask.since) + race_->ask_again;
}

static zds_race_step_t ask (zds_race_t *race_, uint64_t now_)
{
    zds_race_step_t step = step_of (ZDS_RACE_ASK, "");

    step.looks = zds_ask_take (&race_->ask, now_, &step.why);
    if (race_->round_why != NULL
        && (step.looks & ZDS_LOOK_BIT (race_->config.look)) != 0)
        step.why = race_->round_why;
    return step;
}

/*  Gives up what has taken too long, and hands over what need not wait any longer;
    returns the candidate to be tried next, NONE if there is none.  */
static size_t
bring_up_to_date (zds_race_t *race_, uint64_t now_, uint64_t *deadline_)
{
    const size_t candidate = next_candidate (race_);
    unsigned i;

    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
        if (is_running (race_, i)
            && is_due (limit_of (race_, i), now_, deadline_))
            give_up (race_, i, "silent for as long as an attempt may take");
    if (is_due (patience_end (race_, candidate, &i), now_, deadline_))
        give_up (race_, i, "silent for long, and the next one needs its place");
    hand_over (race_, now_, deadline_);
    if (is_due (ask_again_time (race_, candidate), now_, deadline_)) {
        ask_again (race_, "all is silent: the server may have moved");
        race_->ask_again = race_->ask_again * 2 < ZDS_RACE_MAX_ASK_AGAIN
                             ? race_->ask_again * 2
                             : ZDS_RACE_MAX_ASK_AGAIN;
    }
    return candidate;
}

zds_race_step_t zds_race_next (zds_race_t *race_, uint64_t now_)
{
    uint64_t deadline = ZDS_NEVER;
    const size_t candidate = bring_up_to_date (race_, now_, &deadline);
    const int slot = free_slot (race_);
    zds_race_step_t step;
    const char *why;

    if (cancel_one (race_, &step))
        return step;
    if (race_->winner >= 0)
        return step_about (race_, ZDS_RACE_WON, (unsigned) race_->winner,
                           race_->won_why);
    if (is_due (zds_ask_time (&race_->ask, now_), now_, &deadline))
        return ask (race_, now_);
    if (candidate == NONE && race_->ask.outstanding == 0
        && running (race_) == 0)
        return failed (race_);
    if (is_due (retry_time (race_, candidate), now_, &deadline)) {
        race_->retry_said = true;
        return step_of (ZDS_RACE_RETRY,
                        "something failed, and what is left is silent");
    }
    if (candidate != NONE && slot >= 0
        && is_due (start_time (race_, &race_->candidate[candidate], &why), now_,
                   &deadline))
        return start (race_, candidate, (unsigned) slot, why, now_);
    step = step_of (ZDS_RACE_WAIT, "");
    step.deadline = deadline;
    return step;
}

/*  When the candidate's turn would be if nothing were remembered; the families take
    turns.  */
static size_t plain_turn (const zds_race_t *race_, size_t candidate_)
{
    const int family = family_of (&race_->candidate[candidate_]);
    size_t turn = family != race_->first_family, i;

    for (i = 0; i < candidate_; i++)
        if (!race_->candidate[i].withdrawn
            && family_of (&race_->candidate[i]) == family)
            turn += 2;
    return turn;
}

const zds_candidate_t *zds_race_untested (const zds_race_t *race_)
{
    const zds_candidate_t *first = NULL;
    size_t before, i;

    if (race_->winner < 0)
        return NULL;
    before = plain_turn (race_, (size_t) race_->slot[race_->winner].candidate);
    for (i = 0; i < race_->count; i++) {
        const zds_candidate_t *const one = &race_->candidate[i];
        if (is_now (one, ZDS_FATE_UNTRIED) && one->record < ZDS_RECORD_DIED
            && plain_turn (race_, i) < before) {
            before = plain_turn (race_, i);
            first = one;
        }
    }
    return first;
}

const char *zds_race_why (const zds_race_t *race_, size_t candidate_)
{
    static const char *const remembered[] = {
      NULL, NULL, "it failed the last time: after the others",
      "its last connection died: last",
      "somebody else answered there: last"}; /* by zds_record_t */
    const zds_candidate_t *const one = &race_->candidate[candidate_];
    const int family = family_of (one);
    uint8_t order[ZDS_RACE_MAX_CANDIDATES] = {0};
    size_t place = 0;

    if (remembered[one->record] != NULL)
        return remembered[one->record];
    order_of (race_, order);
    while (order[place] != candidate_)
        place++;
    if (place > 0)
        return family_of (&race_->candidate[order[place - 1]]) != family
                 ? "the families take turns"
                 : "next of its family, as the system orders";
    if (one->record == ZDS_RECORD_WON)
        return "it won the last time";
    if (family == family_that_won (race_->candidate, race_->count))
        return "its family won the last time";
    if (family != race_->first_family)
        return family == AF_INET6 ? "there is no better IPv4 address"
                                  : "there is no better IPv6 address";
    return family == AF_INET6 ? "IPv6 comes first, as the system orders"
                              : "IPv4 comes first, as the system orders";
}

unsigned zds_race_rest (const zds_race_t *race_)
{
    const int usual = zds_race_usual_family (race_);
    unsigned rest = 0;
    size_t i;

    if (zds_ask_may_bring (&race_->ask, usual))
        rest |=
          ZDS_REST_USUAL | (has_family (race_, usual) ? 0u : ZDS_REST_FRESH);
    for (i = 0; i < race_->count; i++) {
        const zds_candidate_t *const one = &race_->candidate[i];
        if (one->fate == ZDS_FATE_WON || one->withdrawn
            || one->record == ZDS_RECORD_WRONG)
            continue;
        if (family_of (one) == usual)
            rest |= ZDS_REST_USUAL;
        if (one->record <= ZDS_RECORD_WON
            && (one->fate == ZDS_FATE_UNTRIED || one->fate == ZDS_FATE_CUT))
            rest |= ZDS_REST_FRESH;
    }
    return rest;
}

void zds_greeting_sign (uint8_t signature_[ZDS_SIGNATURE_SIZE],
                        size_t routing_id_size_)
{
    /*  For a ZMTP 1.0 peer this is the start of a frame: its length, which includes
        the byte of flags, and the flags.  */
    uint64_t length = (uint64_t) routing_id_size_ + 1;
    unsigned i;

    signature_[0] = 0xff;
    for (i = 8; i > 0; i--) {
        signature_[i] = (uint8_t) (length & 0xff);
        length >>= 8;
    }
    signature_[9] = 0x7f;
}

/*  A ZMTP 1.0 frame whose length fits into its first byte.  The length includes the
    flags, so it is not 0; and an identity is a single frame, which has no flag
    set.  */
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
    /*  libzmq takes any odd number here for a signature.  Other protocols have one
        here too, such as a telnet server's negotiation, and must not win by it.  */
    return bytes_[9] == 0x7f ? ZDS_GREETING_SIGNED : ZDS_GREETING_UNSIGNED;
}
