/* SPDX-License-Identifier: MPL-2.0 */

#include "zds_history.h"

#include <string.h>

/*  Addresses.  Ports do not count: the key names the port.  */

static bool same_address (const zds_addr_t *a_, const zds_addr_t *b_)
{
    zds_addr_t a = *a_, b = *b_;

    zds_addr_set_port (&a, 0);
    zds_addr_set_port (&b, 0);
    return zds_addr_equal (&a, &b);
}

/*  A number for the addresses that there are to try; 0 if there are none.  */
static uint64_t set_of (const zds_race_t *race_)
{
    uint64_t sum = 0;
    size_t i;

    for (i = 0; i < race_->count; i++)
        if (!race_->candidate[i].withdrawn)
            sum += zds_addr_hash (&race_->candidate[i].addr);
    return sum;
}

/*  Rows.  */

/*  The address of rows that are about the host as a whole.  */
static const zds_addr_t none;

/*  What is dated after 'now_' has not expired.  */
static bool is_expired (uint64_t time_, uint64_t now_)
{
    return now_ > time_ && now_ - time_ >= ZDS_HISTORY_SPAN;
}

/*  Drops a row.  The last row takes its place, so loops that drop rows run
    backwards.  */
static void drop (zds_history_t *history_, zds_history_row_t *row_)
{
    *row_ = history_->row[--history_->count];
}

/*  The host's row for this address, or any row of the host for NULL; NULL if there is
    none.  */
static zds_history_row_t *find (const zds_about_t *about_,
                                const zds_addr_t *addr_)
{
    zds_history_row_t *row = about_->history->row;
    zds_history_row_t *const end = row + about_->history->count;

    for (; row < end; row++)
        if (row->host == about_->host
            && (addr_ == NULL || same_address (&row->addr, addr_)))
            return row;
    return NULL;
}

/*  Drops the rows with one of these records: bits by 'record'.  */
static void forget (const zds_about_t *about_, unsigned records_)
{
    zds_history_t *const history = about_->history;
    size_t i;

    for (i = history->count; i-- > 0;)
        if (history->row[i].host == about_->host
            && (records_ & (1u << history->row[i].record)) != 0)
            drop (history, &history->row[i]);
}

/*  A new row, in the place of the oldest one if need be.  */
static zds_history_row_t *add (zds_history_t *history_)
{
    zds_history_row_t *oldest = &history_->row[0];
    size_t i;

    if (history_->count < ZDS_HISTORY_ROWS)
        return &history_->row[history_->count++];
    for (i = 1; i < ZDS_HISTORY_ROWS; i++)
        if (history_->row[i].time < oldest->time)
            oldest = &history_->row[i];
    return oldest;
}

static void note (const zds_about_t *about_,
                  const zds_addr_t *addr_,
                  unsigned record_,
                  unsigned waited_)
{
    const zds_history_row_t *const other = find (about_, NULL);
    zds_history_row_t *place = find (about_, addr_);
    zds_history_row_t row = {about_->host, about_->now, 0,      0,
                             *addr_,       record_,     waited_};

    if (about_->host == 0)
        return;
    if (other != NULL) {
        row.probe_at = other->probe_at;
        row.set = other->set;
    }
    if (place == NULL)
        place = add (about_->history);
    *place = row;
}

static void note_winner (const zds_about_t *about_, const zds_addr_t *addr_)
{
    forget (about_, 1u << ZDS_RECORD_WON);
    note (about_, addr_, ZDS_RECORD_WON, 0);
}

/*  Forgets a host that has other addresses now.  If there is no address at all, that
    is no sign of a change, since name servers fail.  */
static void compare_set (const zds_about_t *about_, const zds_race_t *race_)
{
    const zds_history_row_t *const any = find (about_, NULL);
    const uint64_t set = set_of (race_);
    zds_history_row_t *row = about_->history->row;

    if (any == NULL || race_->ask.outstanding != 0 || set == 0)
        return;
    if (any->set != 0 && any->set != set)
        forget (about_, ~0u);
    for (; row < about_->history->row + about_->history->count; row++)
        if (row->host == about_->host)
            row->set = set;
}

/*  Races.  */

/*  The candidate that won; ZDS_RACE_NONE when the race failed.  */
static size_t winner_of (const zds_race_t *race_)
{
    size_t i;

    for (i = 0; i < race_->count; i++)
        if (race_->candidate[i].fate == ZDS_FATE_WON)
            return i;
    return ZDS_RACE_NONE;
}

static bool lost (const zds_race_t *race_, size_t candidate_)
{
    return !race_->candidate[candidate_].withdrawn
           && (race_->candidate[candidate_].fate == ZDS_FATE_FAILED
               || race_->candidate[candidate_].fate == ZDS_FATE_SILENT);
}

/*  The whole answer had not come when the race was won.  */
static bool waited_in_vain (const zds_race_t *race_)
{
    return (race_->ask.outstanding & ZDS_LOOK_BIT (ZDS_LOOK_WHOLE)) != 0;
}

bool zds_history_is_news (const zds_race_t *race_)
{
    const size_t winner = winner_of (race_);
    bool any_lost = false;
    size_t i, n = 0;

    for (i = 0; i < race_->count; i++) {
        n += !race_->candidate[i].withdrawn;
        any_lost |= lost (race_, i);
    }
    /*  It was cut short: there is an order to learn if there is more than one
        candidate.  */
    if (winner == ZDS_RACE_NONE)
        return !race_->failed && race_->begun && n > 1;
    return any_lost || waited_in_vain (race_)
           || winner != zds_race_first (race_, race_->first_family);
}

bool zds_history_is_silence (const zds_race_t *race_, uint64_t now_)
{
    const zds_race_slot_t *const first = &race_->slot[0];

    return first->candidate >= 0
           && now_ - first->started >= ZDS_RACE_QUICK_DELAY;
}

static unsigned record_of (const zds_about_t *about_, const zds_addr_t *addr_)
{
    const zds_history_row_t *const row = find (about_, addr_);

    return row == NULL ? (unsigned) ZDS_RECORD_NONE : row->record;
}

/*  Whether the address goes last.  TCP connects to such an address every time, so
    that does not clear the record.  */
static bool goes_last (const zds_about_t *about_, const zds_addr_t *addr_)
{
    return record_of (about_, addr_) >= ZDS_RECORD_DIED;
}

/*  One that was silent is not waited for again where the others are worse.  */
static void learn_losers (const zds_about_t *about_, const zds_race_t *race_)
{
    size_t i;

    for (i = 0; i < race_->count; i++) {
        const zds_candidate_t *const one = &race_->candidate[i];
        if (lost (race_, i) && !goes_last (about_, &one->addr))
            note (about_, &one->addr, ZDS_RECORD_FAILED,
                  one->fate == ZDS_FATE_SILENT ? race_->config.attempt_delay
                                               : 0);
    }
}

/*  From 'enough_' on, silence is what 'record_' says, unless the address is known for
    something worse.  A bad one is waited for less the next time.  */
static void note_silence (const zds_about_t *about_,
                          const zds_addr_t *addr_,
                          uint64_t waited_,
                          unsigned enough_,
                          zds_record_t record_)
{
    const unsigned so_far = record_of (about_, addr_);
    unsigned record = so_far < ZDS_RECORD_FAILED ? ZDS_RECORD_NONE : so_far;

    if (waited_ >= enough_ && so_far < record_)
        record = record_;
    note (about_, addr_, record,
          waited_ >= enough_ ? enough_ : (unsigned) waited_);
}

/*  Adds up the silence of attempts that still ran; true if by that IPv6 counts as
    silent.  It counts from the attempt's start: a connection without a greeting was of
    no use to a client that gave up.  */
static bool learn_silence (const zds_about_t *about_, const zds_race_t *race_)
{
    const unsigned enough = race_->config.attempt_delay;
    bool ipv6_silent = false;
    unsigned i;

    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++) {
        const zds_race_slot_t *slot = &race_->slot[i];
        const zds_candidate_t *candidate;
        unsigned record;
        uint64_t waited;
        if (slot->candidate < 0 || slot->cancel_why != NULL
            || race_->candidate[slot->candidate].withdrawn)
            continue;
        candidate = &race_->candidate[slot->candidate];
        record = record_of (about_, &candidate->addr);
        waited = candidate->waited + (about_->now - slot->started);
        if (waited == 0)
            continue;
        ipv6_silent |= waited >= enough && record < ZDS_RECORD_FAILED
                       && slot->progress == ZDS_PROGRESS_NONE
                       && zds_addr_family (&candidate->addr) == AF_INET6;
        note_silence (about_, &candidate->addr, waited, enough,
                      ZDS_RECORD_FAILED);
    }
    return ipv6_silent;
}

/*  The network.  */

/*  Notes that IPv6 works, or that it is silent for this name.  */
static void learn_of_ipv6 (const zds_about_t *about_, bool works_)
{
    zds_history_t *const history = about_->history;

    /*  IPv6 works there, or the last silence was elsewhere.  */
    if (works_ == (history->silent_scope == about_->scope))
        history->silent_names = 0;
    if (works_
        || (history->silent_names > 0 && history->silent_name == about_->name))
        return;
    history->silent_scope = about_->scope;
    history->silent_name = about_->name;
    history->silent_names++;
}

/*  The loopback address says nothing about the network.  */
static bool is_over_ipv6 (const zds_addr_t *addr_)
{
    return zds_addr_family (addr_) == AF_INET6
           && zds_addr_class (addr_) != ZDS_CLASS_LOOPBACK;
}

/*  The interface.  */

zds_about_t
zds_history_about (zds_history_t *history_, const char *key_, uint64_t now_)
{
    const char *const bar = key_ + strcspn (key_, "|");
    const char *name = bar, *end = bar;
    zds_about_t about = {history_, 0, 0, 0, now_};
    size_t i;

    for (i = history_->count; i-- > 0;)
        if (is_expired (history_->row[i].time, now_))
            drop (history_, &history_->row[i]);
    if (key_[0] != '\0')
        about.host = zds_hash (ZDS_HASH, key_, strlen (key_));
    while (name > key_ && name[-1] != ';')
        name--;
    while (end > name && end[-1] != ':')
        end--;
    about.name = zds_hash (ZDS_HASH, name, (size_t) (end - name));
    about.scope = zds_hash (ZDS_HASH, key_, (size_t) (name - key_));
    about.scope = zds_hash (about.scope, bar, strlen (bar));
    return about;
}

void zds_history_prepare (const zds_about_t *about_, zds_race_config_t *config_)
{
    zds_history_t *const history = about_->history;

    if (config_->network != 0 && history->network != config_->network) {
        if (history->network != 0)
            memset (history, 0, sizeof *history);
        history->network = config_->network;
    }
    config_->hurry = find (about_, &none) != NULL;
    config_->quick = history->silent_names >= ZDS_HISTORY_SILENT_NAMES
                     && history->silent_scope == about_->scope;
}

void zds_history_recall (const zds_about_t *about_, zds_race_t *race_)
{
    size_t i;

    compare_set (about_, race_);
    for (i = 0; i < race_->count; i++) {
        zds_candidate_t *const candidate = &race_->candidate[i];
        const zds_history_row_t *const row = find (about_, &candidate->addr);
        candidate->record =
          row == NULL ? ZDS_RECORD_NONE : (zds_record_t) row->record;
        candidate->record_time = row == NULL ? 0 : row->time;
        candidate->waited = row == NULL ? 0 : row->waited;
    }
}

/*  Learns about the host from a race that was won, or cut short; true if by that IPv6
    counts as silent.  */
static bool learn_of_host (const zds_about_t *about_, const zds_race_t *race_)
{
    const bool known = find (about_, NULL) != NULL;
    const size_t at = winner_of (race_);
    bool ipv6_silent = race_->ipv6_silent;

    if (at == ZDS_RACE_NONE)
        ipv6_silent = learn_silence (about_, race_);
    else {
        const zds_addr_t *const winner = &race_->candidate[at].addr;
        if ((known || at != zds_race_first (race_, race_->first_family))
            && !goes_last (about_, winner))
            note_winner (about_, winner);
        /*  A race in a hurry does not wait for the whole answer, so it cannot tell
            whether that would have come in time, and does not prolong what is
            remembered.  */
        if (!waited_in_vain (race_))
            forget (about_, 1u << ZDS_HISTORY_LATE);
        else if (find (about_, &none) == NULL)
            note (about_, &none, ZDS_HISTORY_LATE, 0);
    }
    learn_losers (about_, race_);
    if (!known)
        compare_set (about_, race_);
    return ipv6_silent;
}

void zds_history_learn (const zds_about_t *about_, const zds_race_t *race_)
{
    zds_history_t *const history = about_->history;
    const uint64_t network = race_->config.network;
    const size_t winner = winner_of (race_);
    bool ipv6_silent = race_->ipv6_silent;

    /*  The race was on another network.  */
    if (network != 0 && history->network != 0 && network != history->network)
        return;
    if (race_->failed) {
        forget (about_, ~(1u << ZDS_RECORD_DIED | 1u << ZDS_RECORD_WRONG));
        return;
    }
    if (network != 0)
        history->network = network;
    if (find (about_, NULL) != NULL || zds_history_is_news (race_))
        ipv6_silent = learn_of_host (about_, race_);
    if (winner != ZDS_RACE_NONE
        && is_over_ipv6 (&race_->candidate[winner].addr))
        learn_of_ipv6 (about_, true);
    else if (ipv6_silent)
        learn_of_ipv6 (about_, false);
}

void zds_history_mark (const zds_about_t *about_,
                       const zds_addr_t *addr_,
                       zds_record_t record_)
{
    note (about_, addr_, record_, 0);
}

void zds_history_given_up (const zds_about_t *about_,
                           const zds_addr_t *addr_,
                           uint64_t waited_,
                           unsigned enough_)
{
    note_silence (about_, addr_, waited_, enough_, ZDS_RECORD_DIED);
}

void zds_history_right (const zds_about_t *about_, const zds_addr_t *addr_)
{
    if (record_of (about_, addr_) == ZDS_RECORD_WRONG)
        note_winner (about_, addr_);
}

bool zds_history_probe_due (const zds_about_t *about_)
{
    zds_history_row_t *row = about_->history->row;
    zds_history_row_t *const end = row + about_->history->count;
    bool is_due = false;

    for (; row < end; row++) {
        if (row->host != about_->host || about_->now < row->probe_at)
            continue;
        row->probe_at = about_->now + ZDS_HISTORY_PROBE_GAP;
        is_due = true;
    }
    return is_due;
}

void zds_history_probed (const zds_about_t *about_,
                         const zds_addr_t *addr_,
                         bool works_)
{
    zds_history_row_t *const row = find (about_, addr_);

    if (row != NULL && row->record == ZDS_RECORD_FAILED) {
        row->time = about_->now;
        if (works_) {
            row->record = ZDS_RECORD_NONE;
            row->waited = 0;
        }
        /*  Otherwise the row says that no other probe is due.  */
        if (works_ && about_->now >= row->probe_at)
            drop (about_->history, row);
    }
    if (!works_)
        return;
    if (is_over_ipv6 (addr_))
        learn_of_ipv6 (about_, true);
    forget (about_, 1u << ZDS_RECORD_WON | 1u << ZDS_HISTORY_LATE);
}
