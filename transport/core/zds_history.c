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

/*  Of the addresses that there are to try; 0 is none.  */
static uint32_t fingerprint_of (const zds_race_t *race_)
{
    uint32_t sum = 0;
    size_t i;

    for (i = 0; i < race_->count; i++)
        if (!race_->candidate[i].withdrawn)
            sum += zds_addr_hash (&race_->candidate[i].addr);
    return sum;
}

/*  Marks.  */

/*  Threads read the clock before they take the lock, so what is remembered may be
    dated a little after 'now_'.  */
static bool is_expired (uint64_t time_, uint64_t now_)
{
    return now_ > time_ && now_ - time_ >= ZDS_HISTORY_SPAN;
}

static bool is_free (const zds_history_mark_t *mark_)
{
    return mark_->record == ZDS_RECORD_NONE && mark_->waited == 0;
}

/*  The address's mark; NULL if it has none.  */
static zds_history_mark_t *mark_of (zds_history_host_t *host_,
                                    const zds_addr_t *addr_)
{
    size_t i;

    for (i = 0; i < ZDS_HISTORY_MARKS; i++)
        if (!is_free (&host_->mark[i])
            && same_address (&host_->mark[i].addr, addr_))
            return &host_->mark[i];
    return NULL;
}

/*  Those with one of these records: bits by zds_record_t.  */
static void clear_marks (zds_history_host_t *host_, unsigned records_)
{
    size_t i;

    for (i = 0; i < ZDS_HISTORY_MARKS; i++)
        if ((records_ & (1u << host_->mark[i].record)) != 0)
            memset (&host_->mark[i], 0, sizeof host_->mark[i]);
}

/*  Whether 'a_', rather than 'b_', makes room for another mark.  */
static bool is_worth_less (const zds_history_mark_t *a_,
                           const zds_history_mark_t *b_)
{
    static const int worth[] = {1, 4, 2, 3, 3}; /* by zds_record_t */
    const int a = is_free (a_) ? 0 : worth[a_->record];
    const int b = is_free (b_) ? 0 : worth[b_->record];

    return a != b ? a < b : a_->time < b_->time;
}

static void set_mark (zds_history_host_t *host_,
                      const zds_addr_t *addr_,
                      zds_record_t record_,
                      unsigned waited_,
                      uint64_t now_)
{
    const zds_history_mark_t mark = {*addr_, record_, waited_, now_};
    zds_history_mark_t *place = mark_of (host_, addr_);
    size_t i;

    if (place == NULL) {
        place = &host_->mark[0];
        for (i = 1; i < ZDS_HISTORY_MARKS; i++)
            if (is_worth_less (&host_->mark[i], place))
                place = &host_->mark[i];
        /*  Every place holds something worth at least as much.  */
        if (!is_worth_less (place, &mark))
            return;
    }
    *place = mark;
}

static void
set_winner (zds_history_host_t *host_, const zds_addr_t *addr_, uint64_t now_)
{
    clear_marks (host_, 1u << ZDS_RECORD_WON);
    set_mark (host_, addr_, ZDS_RECORD_WON, 0, now_);
}

/*  Hosts.  */

static void forget (zds_history_host_t *host_)
{
    memset (host_, 0, sizeof *host_);
}

static void forget_if_empty (zds_history_host_t *host_)
{
    size_t i;

    if (host_->late_since != 0)
        return;
    for (i = 0; i < ZDS_HISTORY_MARKS; i++)
        if (!is_free (&host_->mark[i]))
            return;
    forget (host_);
}

static bool is_key (const char *key_)
{
    return key_[0] != '\0' && strlen (key_) < ZDS_HISTORY_KEY_SIZE;
}

/*  The host, without what has expired; NULL if nothing is known of it.  Counts as a use
    of it.  */
static zds_history_host_t *
find_host (zds_history_t *history_, const char *key_, uint64_t now_)
{
    zds_history_host_t *host = history_->host;
    size_t i;

    if (!is_key (key_))
        return NULL;
    while (strcmp (host->key, key_) != 0)
        if (++host == history_->host + ZDS_HISTORY_HOSTS)
            return NULL;
    for (i = 0; i < ZDS_HISTORY_MARKS; i++)
        if (is_expired (host->mark[i].time, now_))
            memset (&host->mark[i], 0, sizeof host->mark[i]);
    if (is_expired (host->late_since, now_))
        host->late_since = 0;
    forget_if_empty (host);
    if (host->key[0] == '\0')
        return NULL;
    host->used = now_;
    return host;
}

/*  A new host, in a free place or in that of the one used longest ago.  */
static zds_history_host_t *
add_host (zds_history_t *history_, const char *key_, uint64_t now_)
{
    zds_history_host_t *place = &history_->host[0];
    size_t i;

    if (!is_key (key_))
        return NULL;
    for (i = 1; i < ZDS_HISTORY_HOSTS && place->key[0] != '\0'; i++)
        if (history_->host[i].key[0] == '\0'
            || history_->host[i].used < place->used)
            place = &history_->host[i];
    forget (place);
    strcpy (place->key, key_);
    place->used = now_;
    return place;
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
    /*  Cut short: there is an order to be learnt if there is more than one.  */
    if (winner == ZDS_RACE_NONE)
        return !race_->failed && race_->begun && n > 1;
    return any_lost || waited_in_vain (race_)
           || winner != zds_race_first (race_, race_->first_family);
}

bool zds_history_is_silence (const zds_race_t *race_, uint64_t now_)
{
    const zds_race_slot_t *const first = &race_->slot[0];

    return first->candidate >= 0
           && now_ - first->silent_since >= ZDS_RACE_QUICK_DELAY;
}

/*  TCP connects to such an address every time: that does not clear the mark.  */
static bool goes_last (const zds_history_mark_t *mark_)
{
    return mark_ != NULL && mark_->record >= ZDS_RECORD_DIED;
}

static void
learn_losers (zds_history_host_t *host_, const zds_race_t *race_, uint64_t now_)
{
    size_t i;

    for (i = 0; i < race_->count; i++) {
        const zds_addr_t *addr = &race_->candidate[i].addr;
        if (lost (race_, i) && !goes_last (mark_of (host_, addr)))
            set_mark (host_, addr, ZDS_RECORD_FAILED, 0, now_);
    }
}

/*  Adds the silence of what still ran up; true if IPv6 is silent by that.  */
static bool learn_silence (zds_history_host_t *host_,
                           const zds_race_t *race_,
                           uint64_t now_)
{
    const unsigned enough = race_->config.attempt_delay;
    bool ipv6_silent = false;
    unsigned i;

    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++) {
        const zds_race_slot_t *slot = &race_->slot[i];
        const zds_candidate_t *candidate;
        uint64_t waited;
        if (slot->candidate < 0 || slot->cancel_why != NULL
            || race_->candidate[slot->candidate].withdrawn)
            continue;
        candidate = &race_->candidate[slot->candidate];
        if (candidate->record == ZDS_RECORD_FAILED
            || goes_last (mark_of (host_, &candidate->addr)))
            continue;
        waited = candidate->waited + (now_ - slot->silent_since);
        set_mark (host_, &candidate->addr,
                  waited >= enough ? ZDS_RECORD_FAILED : ZDS_RECORD_NONE,
                  waited >= enough ? 0 : (unsigned) waited, now_);
        if (waited >= enough && slot->progress == ZDS_PROGRESS_NONE
            && zds_addr_family (&candidate->addr) == AF_INET6)
            ipv6_silent = true;
    }
    return ipv6_silent;
}

/*  The network.  */

/*  The name in the key, and all that is beside name and port.  */
static void split_key (const char *key_, uint32_t *name_, uint32_t *scope_)
{
    const char *const bar = key_ + strcspn (key_, "|");
    const char *begin = bar, *end = bar;

    while (begin > key_ && begin[-1] != ';')
        begin--;
    while (end > begin && end[-1] != ':')
        end--;
    *name_ = zds_hash (ZDS_HASH, begin, (size_t) (end - begin));
    *scope_ = zds_hash (ZDS_HASH, key_, (size_t) (begin - key_));
    *scope_ = zds_hash (*scope_, bar, strlen (bar));
}

/*  IPv6 works, or it is silent for this name.  */
static void
learn_of_ipv6 (zds_history_t *history_, const char *key_, bool works_)
{
    uint32_t name, scope;

    split_key (key_, &name, &scope);
    if (works_ && history_->silent_scope == scope)
        history_->silent_names = 0;
    if (works_)
        return;
    if (history_->silent_scope != scope)
        history_->silent_names = 0;
    if (history_->silent_names > 0 && history_->silent_name == name)
        return;
    history_->silent_scope = scope;
    history_->silent_name = name;
    history_->silent_names++;
}

/*  The loopback address says nothing about the network.  */
static bool is_over_ipv6 (const zds_addr_t *addr_)
{
    return zds_addr_family (addr_) == AF_INET6
           && zds_addr_class (addr_) != ZDS_CLASS_LOOPBACK;
}

/*  The interface.  */

void zds_history_prepare (zds_history_t *history_,
                          const char *key_,
                          zds_race_config_t *config_,
                          uint64_t now_)
{
    const zds_history_host_t *host;
    uint32_t name, scope;

    if (config_->network != 0 && history_->network != config_->network) {
        if (history_->network != 0)
            memset (history_, 0, sizeof *history_);
        history_->network = config_->network;
    }
    host = find_host (history_, key_, now_);
    split_key (key_, &name, &scope);
    config_->hurry = host != NULL && host->late_since != 0;
    config_->quick = history_->silent_names >= ZDS_HISTORY_SILENT_NAMES
                     && history_->silent_scope == scope;
}

/*  Forgets a host that has other addresses now.  No address at all is no sign of a
    change: name servers fail.  */
static zds_history_host_t *compare_set (zds_history_host_t *host_,
                                        const zds_race_t *race_)
{
    const uint32_t fingerprint = fingerprint_of (race_);

    if (host_ == NULL || race_->ask.outstanding != 0 || fingerprint == 0)
        return host_;
    if (host_->fingerprint != 0 && host_->fingerprint != fingerprint) {
        forget (host_);
        return NULL;
    }
    host_->fingerprint = fingerprint;
    return host_;
}

void zds_history_recall (zds_history_t *history_,
                         const char *key_,
                         zds_race_t *race_,
                         uint64_t now_)
{
    zds_history_host_t *const host =
      compare_set (find_host (history_, key_, now_), race_);
    size_t i;

    for (i = 0; i < race_->count; i++) {
        zds_candidate_t *candidate = &race_->candidate[i];
        const zds_history_mark_t *mark =
          host == NULL ? NULL : mark_of (host, &candidate->addr);
        candidate->record = mark == NULL ? ZDS_RECORD_NONE : mark->record;
        candidate->record_time = mark == NULL ? 0 : mark->time;
        candidate->waited = mark == NULL ? 0 : mark->waited;
    }
}

/*  What a race that was won, or cut short, says of the host; true if IPv6 is silent by
    that.  */
static bool learn_of_host (zds_history_host_t *host_,
                           bool known_,
                           const zds_race_t *race_,
                           uint64_t now_)
{
    const size_t at = winner_of (race_);
    bool ipv6_silent = race_->ipv6_silent;

    if (at == ZDS_RACE_NONE)
        ipv6_silent = learn_silence (host_, race_, now_);
    else {
        const zds_addr_t *const winner = &race_->candidate[at].addr;
        if ((known_ || at != zds_race_first (race_, race_->first_family))
            && !goes_last (mark_of (host_, winner)))
            set_winner (host_, winner, now_);
        /*  A race in a hurry does not wait for the whole answer, so it cannot tell
            whether it would have come: it does not prolong what is remembered.  */
        if (!waited_in_vain (race_))
            host_->late_since = 0;
        else if (host_->late_since == 0)
            host_->late_since = now_;
    }
    learn_losers (host_, race_, now_);
    forget_if_empty (host_);
    return ipv6_silent;
}

void zds_history_learn (zds_history_t *history_,
                        const char *key_,
                        const zds_race_t *race_,
                        uint64_t now_)
{
    const uint32_t network = race_->config.network;
    const size_t winner = winner_of (race_);
    zds_history_host_t *host;
    bool known, ipv6_silent = race_->ipv6_silent;

    /*  It was another network's race.  */
    if (network != 0 && history_->network != 0 && network != history_->network)
        return;
    host = find_host (history_, key_, now_);
    known = host != NULL;
    if (race_->failed) {
        if (known) {
            clear_marks (host, 1u << ZDS_RECORD_NONE | 1u << ZDS_RECORD_WON
                                 | 1u << ZDS_RECORD_FAILED);
            host->late_since = 0;
            forget_if_empty (host);
        }
        return;
    }
    if (!known && zds_history_is_news (race_)) {
        host = add_host (history_, key_, now_);
        if (host != NULL && race_->ask.outstanding == 0)
            host->fingerprint = fingerprint_of (race_);
    }
    if (network != 0)
        history_->network = network;
    if (host != NULL)
        ipv6_silent = learn_of_host (host, known, race_, now_);
    if (winner != ZDS_RACE_NONE
        && is_over_ipv6 (&race_->candidate[winner].addr))
        learn_of_ipv6 (history_, key_, true);
    else if (ipv6_silent)
        learn_of_ipv6 (history_, key_, false);
}

void zds_history_mark (zds_history_t *history_,
                       const char *key_,
                       const zds_addr_t *addr_,
                       zds_record_t record_,
                       uint64_t now_)
{
    zds_history_host_t *host = find_host (history_, key_, now_);

    if (host == NULL)
        host = add_host (history_, key_, now_);
    if (host != NULL)
        set_mark (host, addr_, record_, 0, now_);
}

void zds_history_right (zds_history_t *history_,
                        const char *key_,
                        const zds_addr_t *addr_,
                        uint64_t now_)
{
    zds_history_host_t *host = find_host (history_, key_, now_);
    const zds_history_mark_t *old = host == NULL ? NULL : mark_of (host, addr_);

    if (old != NULL && old->record == ZDS_RECORD_WRONG)
        set_winner (host, addr_, now_);
}

bool zds_history_probe_due (zds_history_t *history_,
                            const char *key_,
                            uint64_t now_)
{
    zds_history_host_t *host = find_host (history_, key_, now_);

    if (host == NULL || now_ < host->probe_at)
        return false;
    host->probe_at = now_ + ZDS_HISTORY_PROBE_GAP;
    return true;
}

void zds_history_probed (zds_history_t *history_,
                         const char *key_,
                         const zds_addr_t *addr_,
                         bool works_,
                         uint64_t now_)
{
    zds_history_host_t *host = find_host (history_, key_, now_);
    zds_history_mark_t *mark;

    if (host == NULL)
        return;
    mark = mark_of (host, addr_);
    if (mark != NULL && mark->record == ZDS_RECORD_FAILED) {
        mark->time = now_;
        if (works_)
            memset (mark, 0, sizeof *mark);
    }
    if (!works_)
        return;
    if (is_over_ipv6 (addr_))
        learn_of_ipv6 (history_, key_, true);
    clear_marks (host, 1u << ZDS_RECORD_WON);
    host->late_since = 0;
    forget_if_empty (host);
}
