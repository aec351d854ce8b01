/* SPDX-License-Identifier: MPL-2.0 */

/*  What a race has to do, written a second time from the text of zds_race.h and RFC
    8305, with other data structures, and no shared code but zds_candidates_order and
    zds_ask, which have tests of their own.

    A test tells the model of every event that it tells the race of, and shows it
    every step that the race takes; the model says what is wrong with the step.  */

#ifndef RACE_MODEL_H_INCLUDED
#define RACE_MODEL_H_INCLUDED

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "zds_race.h"

typedef struct
{
    bool used;
    zds_addr_t addr;
    int family;
    int entry;    /* in the list of its family; -1: withdrawn */
    uint8_t fate; /* of the address, once it is withdrawn */
    int progress; /* 1: TCP is connected; 2: the peer may speak ZMTP 1.0 */
    uint64_t silent_since, delay;
    bool ended; /* the race must cancel it, with this error */
    int error;
} model_attempt_t;

enum
{
    MODEL_MAX = ZDS_MAX_CANDIDATES + ZDS_RACE_MAX_RUNNING
};

typedef struct
{
    zds_race_config_t config;
    zds_ask_t ask;
    unsigned ask_again;
    int first_family;
    /*  IPv6, IPv4: what there is to try.  */
    zds_candidate_t list[ZDS_FAMILIES][MODEL_MAX];
    uint8_t fate[ZDS_FAMILIES][MODEL_MAX];
    size_t count[ZDS_FAMILIES];
    uint8_t order[ZDS_FAMILIES * MODEL_MAX];
    /*  The race has more candidates than the lists, so the turns of the families may
        be shifted where one group of the order follows another.  */
    bool order_is_loose;

    model_attempt_t attempt[ZDS_RACE_MAX_RUNNING];
    bool begun;
    uint64_t delay;
    uint64_t last_start, quiet_since;
    unsigned owed;
    bool retry_said;
    bool all_refused;
    int last_error;
    int winner;
    bool failed;
} model_t;

static inline int model_family (int index_)
{
    return index_ == 0 ? AF_INET6 : AF_INET;
}

static inline unsigned model_bit (int index_)
{
    return index_ == 0 ? ZDS_FOR_IPV6 : ZDS_FOR_IPV4;
}

static inline bool model_is_over (const model_t *m_)
{
    return m_->winner >= 0 || m_->failed;
}

static inline void
model_init (model_t *m_, const zds_race_config_t *config_, uint64_t now_)
{
    m_->config = *config_;
    zds_ask_init (&m_->ask, config_->look, config_->mode,
                  config_->resolution_delay, config_->hurry);
    m_->ask_again = ZDS_RACE_ASK_AGAIN;
    m_->first_family = AF_INET6;
    m_->count[0] = m_->count[1] = 0;
    m_->order_is_loose = false;
    memset (m_->attempt, 0, sizeof m_->attempt);
    m_->begun = m_->retry_said = m_->failed = false;
    m_->delay = config_->attempt_delay;
    m_->last_start = m_->quiet_since = now_;
    m_->owed = 0;
    m_->all_refused = true;
    m_->last_error = EHOSTUNREACH;
    m_->winner = -1;
}

static inline int model_find (const zds_candidate_t *list_,
                              size_t count_,
                              const zds_addr_t *addr_)
{
    size_t i;

    for (i = 0; i < count_; i++)
        if (zds_addr_equal (&list_[i].addr, addr_))
            return (int) i;
    return -1;
}

static inline void model_sort (model_t *m_)
{
    zds_candidate_t flat[ZDS_FAMILIES * MODEL_MAX];

    memcpy (flat, m_->list[0], m_->count[0] * sizeof flat[0]);
    memcpy (flat + m_->count[0], m_->list[1], m_->count[1] * sizeof flat[0]);
    zds_candidates_order (flat, m_->count[0] + m_->count[1], m_->first_family,
                          m_->order);
}

/*  The fate of an address in the lists of 'was_', or of an attempt that is not over;
    UNTRIED if it is not known.  */
static inline uint8_t model_fate_of (const model_t *was_,
                                     const zds_addr_t *addr_)
{
    const int f = zds_addr_family (addr_) == AF_INET6 ? 0 : 1;
    const int at = model_find (was_->list[f], was_->count[f], addr_);
    unsigned j;

    if (at >= 0)
        return was_->fate[f][at];
    for (j = 0; j < ZDS_RACE_MAX_RUNNING; j++)
        if (was_->attempt[j].used
            && zds_addr_equal (&was_->attempt[j].addr, addr_))
            return was_->attempt[j].fate;
    return ZDS_FATE_UNTRIED;
}

/*  Takes over the candidates that the race has, and checks that it forgot none.  */
static inline const char *model_sync (model_t *m_, const zds_race_t *race_)
{
    static model_t was;
    size_t i;
    unsigned j;

    if (model_is_over (m_))
        return NULL;
    was = *m_;
    m_->count[0] = m_->count[1] = 0;
    m_->order_is_loose = false;
    if (race_->count > ZDS_RACE_MAX_CANDIDATES)
        return "more candidates than there is room for";
    for (i = 0; i < race_->count; i++) {
        const zds_addr_t *const addr = &race_->candidate[i].addr;
        const int f = zds_addr_family (addr) == AF_INET6 ? 0 : 1;
        if (race_->candidate[i].withdrawn) {
            m_->order_is_loose = true;
            continue;
        }
        if (model_find (m_->list[f], m_->count[f], addr) >= 0)
            return "a duplicate";
        m_->list[f][m_->count[f]] = race_->candidate[i];
        m_->fate[f][m_->count[f]] = model_fate_of (&was, addr);
        if (race_->candidate[i].fate != m_->fate[f][m_->count[f]++])
            return "an answer changes a fate";
    }
    for (j = 0; j < ZDS_RACE_MAX_RUNNING; j++) {
        model_attempt_t *const a = &m_->attempt[j];
        if (!a->used)
            continue;
        if (a->entry >= 0)
            a->fate = was.fate[a->family][a->entry];
        a->entry =
          model_find (m_->list[a->family], m_->count[a->family], &a->addr);
    }
    model_sort (m_);
    return NULL;
}

/*  The last word: its addresses of the families that may be used, and no others.  */
static inline const char *model_check_last_word (model_t *m_,
                                                 const zds_answer_t *answer_)
{
    zds_candidate_t list[ZDS_FAMILIES][ZDS_MAX_CANDIDATES];
    size_t count[ZDS_FAMILIES] = {0, 0}, i, f;

    for (i = 0; i < answer_->count; i++) {
        const zds_addr_t *const addr = &answer_->addr[i];
        f = zds_addr_family (addr) == AF_INET6 ? 0 : 1;
        if ((m_->config.families & model_bit ((int) f)) == 0
            || model_find (list[f], count[f], addr) >= 0
            || count[f] == ZDS_MAX_CANDIDATES)
            continue;
        list[f][count[f]++].addr = *addr;
    }
    for (f = 0; f < ZDS_FAMILIES; f++) {
        if (count[f] != m_->count[f])
            return "the last word is not what there is to try";
        for (i = 0; i < count[f]; i++)
            if (!zds_addr_equal (&list[f][i].addr, &m_->list[f][i].addr))
                return "not in the order of the last word";
    }
    return NULL;
}

/*  A helper: nothing that the last word had is removed while there is room, and the
    helper's addresses join if they may.  */
static inline const char *model_check_help (const model_t *was_,
                                            const model_t *m_,
                                            int f_,
                                            const zds_answer_t *answer_)
{
    const bool proven = zds_ask_is_proven (&m_->ask, model_family (f_));
    size_t i;

    for (i = 0;
         i < was_->count[f_] && m_->count[f_] < ZDS_MAX_CANDIDATES && proven;
         i++)
        if (model_find (m_->list[f_], m_->count[f_], &was_->list[f_][i].addr)
            < 0)
            return "a helper takes something back";
    for (i = 0; i < answer_->count && i < ZDS_MAX_CANDIDATES / 2; i++) {
        const zds_addr_t *const addr = &answer_->addr[i];
        if (zds_addr_family (addr) != model_family (f_)
            || (m_->config.families & model_bit (f_)) == 0)
            continue;
        if (proven && model_find (m_->list[f_], m_->count[f_], addr) < 0)
            return "a proven address is not there";
        if (!proven && model_find (m_->list[f_], m_->count[f_], addr) >= 0
            && model_find (was_->list[f_], was_->count[f_], addr) < 0)
            return "an address without proof";
    }
    return NULL;
}

/*  To be called after the race has been told, and its records filled in.  */
static inline const char *model_answer (model_t *m_,
                                        const zds_race_t *race_,
                                        zds_look_t look_,
                                        const zds_answer_t *answer_)
{
    static model_t was;
    const zds_word_t word = model_is_over (m_)
                              ? ZDS_WORD_NONE
                              : zds_ask_answer (&m_->ask, look_, answer_);
    const char *text;
    size_t i;

    was = *m_;
    if (word == ZDS_WORD_LAST)
        for (i = answer_->count; i-- > 0;)
            if ((m_->config.families
                 & (zds_addr_family (&answer_->addr[i]) == AF_INET6
                      ? ZDS_FOR_IPV6
                      : ZDS_FOR_IPV4))
                != 0)
                m_->first_family = zds_addr_family (&answer_->addr[i]);
    text = model_sync (m_, race_);
    if (text != NULL || word == ZDS_WORD_NONE || word == ZDS_WORD_LOST)
        return text;
    return word == ZDS_WORD_LAST
             ? model_check_last_word (m_, answer_)
             : model_check_help (&was, m_, look_ == ZDS_LOOK_IPV6 ? 0 : 1,
                                 answer_);
}

static inline bool model_runs (const model_t *m_, unsigned attempt_)
{
    return attempt_ < ZDS_RACE_MAX_RUNNING && !model_is_over (m_)
           && m_->attempt[attempt_].used && !m_->attempt[attempt_].ended;
}

static inline unsigned model_running (const model_t *m_)
{
    unsigned i, n = 0;

    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
        n += model_runs (m_, i);
    return n;
}

static inline void model_set_fate (model_t *m_, unsigned attempt_, int fate_)
{
    model_attempt_t *const a = &m_->attempt[attempt_];

    a->fate = (uint8_t) fate_;
    if (a->entry >= 0)
        m_->fate[a->family][a->entry] = (uint8_t) fate_;
}

static inline void model_win (model_t *m_, unsigned attempt_, uint64_t now_)
{
    unsigned i;

    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++) {
        model_attempt_t *const a = &m_->attempt[i];
        if (i == attempt_ || !a->used || a->ended)
            continue;
        a->ended = true;
        a->error = 0;
        model_set_fate (m_, i,
                        a->progress == 2 || now_ - a->silent_since >= a->delay
                          ? ZDS_FATE_SILENT
                          : ZDS_FATE_CUT);
    }
    model_set_fate (m_, attempt_, ZDS_FATE_WON);
    m_->winner = (int) attempt_;
}

static inline void
model_count_failure (model_t *m_, unsigned attempt_, int error_)
{
    model_set_fate (m_, attempt_, ZDS_FATE_FAILED);
    m_->owed++;
    if (error_ != ECONNREFUSED) {
        m_->all_refused = false;
        m_->last_error = error_;
    }
}

static inline void model_again (model_t *m_)
{
    size_t f, i;

    if (model_is_over (m_))
        return;
    for (f = 0; f < ZDS_FAMILIES; f++)
        for (i = 0; i < m_->count[f]; i++)
            if (m_->fate[f][i] == ZDS_FATE_FAILED)
                m_->fate[f][i] = ZDS_FATE_UNTRIED;
    zds_ask_again (&m_->ask);
    m_->retry_said = false;
    /*  In the new round, failures allow one start at once, not more.  */
    if (m_->owed > 1)
        m_->owed = 1;
}

/*  The candidate whose turn it is, NULL if there is none; of one family (0, 1)
    or of any (-1).  */
static inline const zds_candidate_t *
model_turn (const model_t *m_, int family_, int *f_, size_t *index_)
{
    const size_t all = m_->count[0] + m_->count[1];
    size_t i;

    for (i = 0; i < all; i++) {
        const int f = m_->order[i] < m_->count[0] ? 0 : 1;
        const size_t at = m_->order[i] - (f == 0 ? 0 : m_->count[0]);
        if (m_->fate[f][at] != ZDS_FATE_UNTRIED
            || (family_ >= 0 && family_ != f))
            continue;
        *f_ = f;
        *index_ = at;
        return &m_->list[f][at];
    }
    return NULL;
}

static inline bool model_any_failed (const model_t *m_)
{
    size_t f, i;

    /*  Without dual stack there would be no address, and the name would be asked
        again.  */
    if (m_->config.mode != ZDS_MODE_V6 && m_->count[1] == 0
        && (m_->config.families & ZDS_FOR_IPV4) != 0
        && (m_->ask.outstanding & 5) == 0)
        return true;
    for (f = 0; f < ZDS_FAMILIES; f++)
        for (i = 0; i < m_->count[f]; i++)
            if (m_->fate[f][i] == ZDS_FATE_FAILED)
                return true;
    return false;
}

/*  When 'next_' may start, if a slot is free.  */
static inline uint64_t model_due (const model_t *m_,
                                  const zds_candidate_t *next_)
{
    if (!m_->begun) {
        const bool nothing_better =
          next_->record == ZDS_RECORD_WON
          || (next_->record == ZDS_RECORD_NONE
              && next_->addr.sa.sa_family == AF_INET6);
        if (m_->ask.outstanding == 0 || m_->config.hurry || nothing_better)
            return 0;
        return zds_ask_late_at (&m_->ask);
    }
    if (model_running (m_) == 0)
        return 0;
    return m_->owed > 0 ? m_->last_start + ZDS_RACE_MIN_GAP
                        : m_->quiet_since + m_->delay;
}

/*  The attempt to the address that a socket of one family would use; -1 if it does
    not run, or there is no such address.  */
static inline int model_usual (const model_t *m_)
{
    int f = 1;
    unsigned i;

    if (m_->config.mode == ZDS_MODE_V6
        && (m_->count[0] > 0 || (m_->ask.outstanding & 3) != 0))
        f = 0;
    if (m_->count[f] == 0)
        f = 1 - f;
    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
        if (m_->count[f] > 0 && model_runs (m_, i) && m_->attempt[i].family == f
            && m_->attempt[i].entry == 0)
            return (int) i;
    return -1;
}

/*  When that attempt is to be handed over although its peer has not greeted.  */
static inline uint64_t model_hand_over (const model_t *m_)
{
    const int usual = model_usual (m_);
    size_t f, i;

    if (model_is_over (m_) || usual < 0 || m_->attempt[usual].progress == 0)
        return ZDS_NEVER;
    for (f = 0; f < ZDS_FAMILIES; f++)
        for (i = 0; i < m_->count[f]; i++)
            if (m_->fate[f][i] == ZDS_FATE_UNTRIED)
                return ZDS_NEVER;
    if (m_->ask.outstanding == 0 && model_running (m_) == 1)
        return 0;
    return m_->quiet_since + m_->config.attempt_delay;
}

static inline void
model_connected (model_t *m_, unsigned attempt_, uint64_t now_)
{
    if (!model_runs (m_, attempt_) || m_->attempt[attempt_].progress != 0)
        return;
    m_->attempt[attempt_].progress = 1;
    m_->attempt[attempt_].silent_since = m_->quiet_since = now_;
    if (!m_->config.greets)
        model_win (m_, attempt_, now_);
    else if (model_hand_over (m_) <= now_)
        model_win (m_, (unsigned) model_usual (m_), now_);
}

static inline void model_greeted (model_t *m_, unsigned attempt_, uint64_t now_)
{
    if (model_runs (m_, attempt_))
        model_win (m_, attempt_, now_);
}

static inline void model_unsigned (model_t *m_, unsigned attempt_)
{
    if (!model_runs (m_, attempt_) || m_->attempt[attempt_].progress != 1)
        return;
    m_->attempt[attempt_].progress = 2;
    m_->owed++;
}

/*  The running attempt that is silent for longest, NULL if none runs.  */
static inline model_attempt_t *model_oldest (model_t *m_, unsigned *at_)
{
    model_attempt_t *found = NULL;
    unsigned i;

    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
        if (model_runs (m_, i)
            && (found == NULL
                || m_->attempt[i].silent_since < found->silent_since)) {
            found = &m_->attempt[i];
            *at_ = i;
        }
    return found;
}

static inline void model_give_up (model_t *m_, unsigned attempt_)
{
    model_count_failure (m_, attempt_, ETIMEDOUT);
    m_->attempt[attempt_].ended = true;
    m_->attempt[attempt_].error = ETIMEDOUT;
}

/*  Whether the oldest attempt is to give up its descriptor, since there is none
    left.  */
static inline bool
model_makes_way (model_t *m_, unsigned attempt_, int error_, unsigned *oldest_)
{
    const model_attempt_t *oldest;

    m_->attempt[attempt_].used = false;
    oldest = model_oldest (m_, oldest_);
    m_->attempt[attempt_].used = true;
    return (error_ == EMFILE || error_ == ENFILE) && oldest != NULL
           && (m_->config.mode == ZDS_MODE_V6
               || m_->attempt[attempt_].family == 1)
           && oldest->silent_since + oldest->delay <= m_->last_start;
}

static inline void model_failed (model_t *m_, unsigned attempt_, int error_)
{
    unsigned oldest = 0;

    if (!model_runs (m_, attempt_))
        return;
    if (model_makes_way (m_, attempt_, error_, &oldest)) {
        model_set_fate (m_, attempt_, ZDS_FATE_UNTRIED);
        model_give_up (m_, oldest);
    } else
        model_count_failure (m_, attempt_, error_);
    m_->attempt[attempt_].used = false;
}

static inline const char *
model_take_start (model_t *m_, const zds_race_step_t *step_, uint64_t now_)
{
    const int family = step_->addr.sa.sa_family == AF_INET6 ? 0 : 1;
    const zds_candidate_t *next;
    model_attempt_t *a;
    size_t index = 0;
    int f = 0;

    if (step_->attempt >= ZDS_RACE_MAX_RUNNING)
        return "START with a number out of range";
    a = &m_->attempt[step_->attempt];
    if (a->used)
        return "START with a number that is in use";
    next = model_turn (m_, m_->order_is_loose ? family : -1, &f, &index);
    if (next == NULL || !zds_addr_equal (&next->addr, &step_->addr))
        return "START of an address whose turn it is not";
    a->used = true;
    a->addr = step_->addr;
    a->family = f;
    a->entry = (int) index;
    a->progress = 0;
    a->silent_since = now_;
    m_->delay = m_->config.attempt_delay;
    if (!m_->begun && m_->config.quick && f == 0 && m_->delay > 100)
        m_->delay = 100;
    if (next->waited > 0)
        m_->delay =
          m_->delay > next->waited + 10 ? m_->delay - next->waited : 10;
    a->delay = m_->delay;
    a->ended = false;
    a->error = 0;
    m_->fate[f][index] = ZDS_FATE_RUNNING;
    m_->begun = true;
    m_->last_start = m_->quiet_since = now_;
    if (m_->owed > 0)
        m_->owed--;
    return NULL;
}

static inline const char *model_take_cancel (model_t *m_,
                                             const zds_race_step_t *step_)
{
    model_attempt_t *a;

    if (step_->attempt >= ZDS_RACE_MAX_RUNNING)
        return "CANCEL with a number out of range";
    a = &m_->attempt[step_->attempt];
    if (!a->used || !a->ended)
        return "CANCEL of an attempt that must not be cancelled";
    if (step_->error != a->error)
        return "CANCEL with the wrong error";
    a->used = false;
    return NULL;
}

static inline bool model_must_cancel (const model_t *m_)
{
    unsigned i;

    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
        if (m_->attempt[i].used && m_->attempt[i].ended)
            return true;
    return false;
}

static inline const char *model_check_end (const model_t *m_,
                                           const zds_race_step_t *step_)
{
    if (m_->winner >= 0) {
        if (step_->op != ZDS_RACE_WON)
            return "WON is due";
        if (step_->attempt != (unsigned) m_->winner
            || !zds_addr_equal (&step_->addr, &m_->attempt[m_->winner].addr))
            return "WON for another attempt than that which connected";
        return NULL;
    }
    if (step_->op != ZDS_RACE_FAILED)
        return "FAILED is due";
    if (step_->error
        != (m_->begun && m_->all_refused && !zds_ask_is_lost (&m_->ask)
              ? ECONNREFUSED
              : m_->last_error))
        return "FAILED with the wrong error";
    return NULL;
}

/*  Until when the attempt may be silent.  */
static inline uint64_t model_limit (const model_t *m_, unsigned attempt_)
{
    const model_attempt_t *const a = &m_->attempt[attempt_];
    const unsigned limit = a->progress > 0 ? m_->config.greeting_timeout
                                           : m_->config.attempt_timeout;

    return limit == 0 ? ZDS_NEVER : a->silent_since + limit;
}

/*  When the name is to be asked again, because all is silent.  */
static inline uint64_t model_ask_again (const model_t *m_,
                                        const zds_candidate_t *next_)
{
    const uint64_t last =
      m_->last_start > m_->ask.since ? m_->last_start : m_->ask.since;

    return next_ != NULL || m_->ask.outstanding != 0 || model_running (m_) == 0
               || model_is_over (m_)
             ? ZDS_NEVER
             : last + m_->ask_again;
}

static inline const char *
model_take_ask (model_t *m_, const zds_race_step_t *step_, uint64_t now_)
{
    const char *why;

    if (step_->op != ZDS_RACE_ASK)
        return "ASK is due";
    return step_->looks == zds_ask_take (&m_->ask, now_, &why)
             ? NULL
             : "ASK for the wrong look-ups";
}

/*  What is wrong with this step; NULL if nothing is.  */
static inline const char *
model_step (model_t *m_, const zds_race_step_t *step_, uint64_t now_)
{
    const zds_candidate_t *next;
    const model_attempt_t *oldest;
    uint64_t due = ZDS_NEVER, deadline = ZDS_NEVER;
    size_t index;
    unsigned i, first = 0;
    int f;

    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
        if (model_runs (m_, i) && now_ >= model_limit (m_, i))
            model_give_up (m_, i);
    next = model_is_over (m_) ? NULL : model_turn (m_, -1, &f, &index);
    if (next != NULL)
        due = model_due (m_, next);
    oldest = model_oldest (m_, &first);
    if (next != NULL && model_running (m_) == ZDS_RACE_MAX_RUNNING
        && now_ >= due && now_ - oldest->silent_since >= ZDS_RACE_PATIENCE)
        model_give_up (m_, first);
    if (model_hand_over (m_) <= now_)
        model_win (m_, (unsigned) model_usual (m_), now_);
    if (model_ask_again (m_, next) <= now_) {
        zds_ask_again (&m_->ask);
        m_->ask_again = m_->ask_again < 30000 ? 2 * m_->ask_again : 60000;
    }

    if (model_must_cancel (m_))
        return step_->op == ZDS_RACE_CANCEL ? model_take_cancel (m_, step_)
                                            : "CANCEL is due";
    if (model_is_over (m_))
        return model_check_end (m_, step_);
    if (zds_ask_time (&m_->ask, now_) <= now_)
        return model_take_ask (m_, step_, now_);
    if (next == NULL && m_->ask.outstanding == 0 && oldest == NULL) {
        m_->failed = true;
        return model_check_end (m_, step_);
    }
    if (next == NULL && !m_->retry_said
        && (zds_ask_is_lost (&m_->ask) || model_any_failed (m_))) {
        deadline = m_->quiet_since + m_->config.attempt_delay;
        if (now_ >= deadline) {
            m_->retry_said = true;
            return step_->op == ZDS_RACE_RETRY ? NULL : "RETRY is due";
        }
    }
    if (next != NULL && model_running (m_) < ZDS_RACE_MAX_RUNNING) {
        if (due <= now_)
            return step_->op == ZDS_RACE_START
                     ? model_take_start (m_, step_, now_)
                     : "START is due";
        deadline = due;
    } else if (next != NULL) {
        deadline = oldest->silent_since + ZDS_RACE_PATIENCE;
        if (deadline < due)
            deadline = due;
    }
    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
        if (model_runs (m_, i) && model_limit (m_, i) < deadline)
            deadline = model_limit (m_, i);
    if (model_hand_over (m_) < deadline)
        deadline = model_hand_over (m_);
    if (zds_ask_time (&m_->ask, now_) < deadline)
        deadline = zds_ask_time (&m_->ask, now_);
    if (model_ask_again (m_, next) < deadline)
        deadline = model_ask_again (m_, next);
    if (step_->op != ZDS_RACE_WAIT)
        return "nothing is due but WAIT";
    if (step_->deadline <= now_)
        return "WAIT for the past";
    return step_->deadline == deadline ? NULL : "WAIT for the wrong time";
}

/*  Whether the race shows its readers the fates that the model expects.  */
static inline const char *model_check_fates (const model_t *m_,
                                             const zds_race_t *race_)
{
    size_t i, n = 0;

    if (race_->count > ZDS_RACE_MAX_CANDIDATES)
        return "more candidates than there is room for";
    for (i = 0; i < race_->count; i++) {
        const zds_addr_t *const addr = &race_->candidate[i].addr;
        const int f = zds_addr_family (addr) == AF_INET6 ? 0 : 1;
        const int at = model_find (m_->list[f], m_->count[f], addr);
        if (at < 0)
            continue;
        n++;
        if (race_->candidate[i].fate != m_->fate[f][at])
            return "the fate of a candidate";
    }
    return n == m_->count[0] + m_->count[1] ? NULL : "the number of candidates";
}

static inline const char *model_text_of_op (zds_race_op_t op_)
{
    static const char *const names[] = {"WAIT",  "ASK", "START", "CANCEL",
                                        "RETRY", "WON", "FAILED"};
    return (size_t) op_ < sizeof names / sizeof names[0] ? names[op_] : "?";
}

#endif
