/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "zds_memory.h"

#include <string.h>

#define NONE ((size_t) -1)

/*  Addresses.  Ports do not count: the key names the port.  */

static bool same_address (const zds_addr_t *a_, const zds_addr_t *b_)
{
    zds_addr_t a = *a_, b = *b_;

    zds_addr_set_port (&a, 0);
    zds_addr_set_port (&b, 0);
    return zds_addr_equal (&a, &b);
}

static bool holds (const zds_candidate_t *candidates_,
                   size_t count_,
                   const zds_addr_t *addr_)
{
    size_t i;

    for (i = 0; i < count_; i++)
        if (same_address (&candidates_[i].addr, addr_))
            return true;
    return false;
}

/*  Of the addresses of one family, each counted once, so that an answer of the
    resolver and the race that it went into have the same.  'withdrawn_' may be
    NULL.  0: there are none.  */
static uint32_t fingerprint_of (const zds_candidate_t *candidates_,
                                const bool *withdrawn_,
                                size_t count_,
                                int family_)
{
    zds_candidate_t once[ZDS_MAX_CANDIDATES];
    size_t i, n = 0;

    for (i = 0; i < count_ && n < ZDS_MAX_CANDIDATES; i++)
        if (zds_addr_family (&candidates_[i].addr) == family_
            && (withdrawn_ == NULL || !withdrawn_[i])
            && !holds (once, n, &candidates_[i].addr))
            once[n++] = candidates_[i];
    return zds_candidates_fingerprint (once, n, family_);
}

static unsigned family_index (int family_)
{
    return family_ == AF_INET6 ? 0 : 1;
}

/*  Marks.  */

/*  Threads read the clock before they take the lock, so that a mark may be a
    little younger than now.  */
static bool is_expired (const zds_memory_mark_t *mark_, uint64_t now_)
{
    return now_ > mark_->time && now_ - mark_->time >= ZDS_MEMORY_SPAN;
}

static void clear_mark (zds_memory_mark_t *mark_)
{
    memset (mark_, 0, sizeof *mark_);
}

/*  The address's mark; NULL if it has none.  */
static zds_memory_mark_t *mark_of (zds_memory_host_t *host_,
                                   const zds_addr_t *addr_)
{
    size_t i;

    for (i = 0; i < ZDS_MEMORY_MARKS; i++)
        if (host_->mark[i].record != ZDS_RECORD_NONE
            && same_address (&host_->mark[i].addr, addr_))
            return &host_->mark[i];
    return NULL;
}

static void clear_all (zds_memory_host_t *host_, zds_record_t record_)
{
    size_t i;

    for (i = 0; i < ZDS_MEMORY_MARKS; i++)
        if (host_->mark[i].record == record_)
            clear_mark (&host_->mark[i]);
}

/*  Whether 'a_' is to make place for another one rather than 'b_'.  */
static bool is_worth_less (const zds_memory_mark_t *a_,
                           const zds_memory_mark_t *b_)
{
    static const int worth[] = {0, 3, 1, 2}; /* by zds_record_t */

    if (a_->record != b_->record)
        return worth[a_->record] < worth[b_->record];
    return a_->time < b_->time;
}

static void set_mark (zds_memory_host_t *host_,
                      const zds_addr_t *addr_,
                      zds_record_t record_,
                      uint64_t now_)
{
    zds_memory_mark_t *place = mark_of (host_, addr_);
    zds_memory_mark_t mark;
    size_t i;

    memset (&mark, 0, sizeof mark);
    mark.addr = *addr_;
    mark.record = record_;
    mark.time = now_;
    if (place == NULL) {
        place = &host_->mark[0];
        for (i = 1; i < ZDS_MEMORY_MARKS; i++)
            if (is_worth_less (&host_->mark[i], place))
                place = &host_->mark[i];
        /*  All places hold what is worth as much or more.  */
        if (!is_worth_less (place, &mark))
            return;
    }
    *place = mark;
}

/*  Hosts.  */

static void forget (zds_memory_host_t *host_)
{
    memset (host_, 0, sizeof *host_);
}

static void forget_if_empty (zds_memory_host_t *host_)
{
    size_t i;

    for (i = 0; i < ZDS_MEMORY_MARKS; i++)
        if (host_->mark[i].record != ZDS_RECORD_NONE)
            return;
    forget (host_);
}

static bool is_key (const char *key_)
{
    return key_[0] != '\0' && strlen (key_) < ZDS_MEMORY_KEY_SIZE;
}

static size_t index_of (const zds_memory_t *memory_, const char *key_)
{
    size_t i;

    if (!is_key (key_))
        return NONE;
    for (i = 0; i < ZDS_MEMORY_HOSTS; i++)
        if (strcmp (memory_->host[i].key, key_) == 0)
            return i;
    return NONE;
}

/*  The host, without what has expired, as used now; NULL if nothing is known
    of it.  */
static zds_memory_host_t *
find_host (zds_memory_t *memory_, const char *key_, uint64_t now_)
{
    const size_t index = index_of (memory_, key_);
    zds_memory_host_t *host;
    size_t i;

    if (index == NONE)
        return NULL;
    host = &memory_->host[index];
    for (i = 0; i < ZDS_MEMORY_MARKS; i++)
        if (is_expired (&host->mark[i], now_))
            clear_mark (&host->mark[i]);
    forget_if_empty (host);
    if (host->key[0] == '\0')
        return NULL;
    host->used = now_;
    return host;
}

/*  A new host, in a free place or in that of the one used longest ago.  */
static zds_memory_host_t *
add_host (zds_memory_t *memory_, const char *key_, uint64_t now_)
{
    zds_memory_host_t *place = &memory_->host[0];
    size_t i;

    if (!is_key (key_))
        return NULL;
    for (i = 1; i < ZDS_MEMORY_HOSTS && place->key[0] != '\0'; i++)
        if (memory_->host[i].key[0] == '\0'
            || memory_->host[i].used < place->used)
            place = &memory_->host[i];
    forget (place);
    strcpy (place->key, key_);
    place->used = now_;
    return place;
}

/*  Races.  */

/*  The candidate that won; NONE when the race failed.  */
static size_t winner_of (const zds_race_t *race_)
{
    size_t i;

    for (i = 0; i < race_->count; i++)
        if (race_->fate[i] == ZDS_FATE_WON)
            return i;
    return NONE;
}

static bool lost (const zds_race_t *race_, size_t candidate_)
{
    return !race_->withdrawn[candidate_]
           && (race_->fate[candidate_] == ZDS_FATE_FAILED
               || race_->fate[candidate_] == ZDS_FATE_SILENT);
}

/*  The candidate to be tried first when nothing is remembered.  */
static size_t first_by_default (const zds_race_t *race_)
{
    zds_candidate_t plain[ZDS_RACE_MAX_CANDIDATES];
    size_t index[ZDS_RACE_MAX_CANDIDATES];
    uint8_t order[ZDS_RACE_MAX_CANDIDATES];
    size_t i, n = 0;

    /*  Withdrawn ones would take the turn of another one of their family.  */
    for (i = 0; i < race_->count; i++)
        if (!race_->withdrawn[i]) {
            plain[n] = race_->candidate[i];
            plain[n].record = ZDS_RECORD_NONE;
            index[n++] = i;
        }
    if (n == 0)
        return NONE;
    zds_candidates_order (plain, n, AF_INET6, 1, order);
    return index[order[0]];
}

/*  The answer with IPv6 addresses, which come first, had not come when IPv4 won:
    the race waited for it in vain.  */
static bool waited_in_vain (const zds_race_t *race_)
{
    return (race_->outstanding & ZDS_ASK_IPV6) != 0
           && zds_addr_family (&race_->candidate[winner_of (race_)].addr)
                == AF_INET;
}

static bool is_first (const zds_race_t *race_, size_t winner_)
{
    return winner_ == first_by_default (race_) && !waited_in_vain (race_);
}

bool zds_memory_is_news (const zds_race_t *race_)
{
    const size_t winner = winner_of (race_);
    size_t i;

    if (winner == NONE)
        return false;
    for (i = 0; i < race_->count; i++)
        if (lost (race_, i))
            return true;
    return !is_first (race_, winner);
}

static void
learn_winner (zds_memory_host_t *host_, const zds_race_t *race_, uint64_t now_)
{
    const zds_addr_t *winner = &race_->candidate[winner_of (race_)].addr;
    const zds_memory_mark_t *old = mark_of (host_, winner);

    /*  A wrong server connects every time.  */
    if (old != NULL && old->record == ZDS_RECORD_WRONG)
        return;
    /*  Who does not wait for an answer does not see that it would come; so that
        is not remembered for longer because of it.  */
    if (old != NULL && old->record == ZDS_RECORD_WON && waited_in_vain (race_))
        return;
    clear_all (host_, ZDS_RECORD_WON);
    set_mark (host_, winner, ZDS_RECORD_WON, now_);
}

static void
learn_losers (zds_memory_host_t *host_, const zds_race_t *race_, uint64_t now_)
{
    size_t i;

    for (i = 0; i < race_->count; i++) {
        const zds_addr_t *addr = &race_->candidate[i].addr;
        const zds_memory_mark_t *old = mark_of (host_, addr);
        if (lost (race_, i) && (old == NULL || old->record != ZDS_RECORD_WRONG))
            set_mark (host_, addr, ZDS_RECORD_FAILED, now_);
    }
}

static void learn_set (zds_memory_host_t *host_, const zds_race_t *race_)
{
    static const int families[ZDS_FAMILIES] = {AF_INET6, AF_INET};
    size_t i;

    for (i = 0; i < ZDS_FAMILIES; i++)
        host_->fingerprint[family_index (families[i])] = fingerprint_of (
          race_->candidate, race_->withdrawn, race_->count, families[i]);
}

/*  The interface.  */

int zds_memory_first_family (const zds_memory_t *memory_,
                             const char *key_,
                             uint64_t now_)
{
    const size_t index = index_of (memory_, key_);
    size_t i;

    if (index == NONE)
        return AF_INET6;
    for (i = 0; i < ZDS_MEMORY_MARKS; i++) {
        const zds_memory_mark_t *mark = &memory_->host[index].mark[i];
        if (mark->record == ZDS_RECORD_WON && !is_expired (mark, now_))
            return zds_addr_family (&mark->addr);
    }
    return AF_INET6;
}

void zds_memory_recall (zds_memory_t *memory_,
                        const char *key_,
                        int family_,
                        zds_candidate_t *candidates_,
                        size_t count_,
                        uint64_t now_)
{
    const uint32_t fingerprint =
      fingerprint_of (candidates_, NULL, count_, family_);
    zds_memory_host_t *host = find_host (memory_, key_, now_);
    size_t i;

    /*  No answer at all is no sign of a change: name servers fail.  */
    if (host != NULL && fingerprint != 0) {
        uint32_t *known = &host->fingerprint[family_index (family_)];
        if (*known != 0 && *known != fingerprint) {
            forget (host);
            host = NULL;
        } else
            *known = fingerprint;
    }

    for (i = 0; i < count_; i++) {
        const zds_memory_mark_t *mark =
          host == NULL ? NULL : mark_of (host, &candidates_[i].addr);
        candidates_[i].record = mark == NULL ? ZDS_RECORD_NONE : mark->record;
        candidates_[i].record_time = mark == NULL ? 0 : mark->time;
    }
}

void zds_memory_learn (zds_memory_t *memory_,
                       const char *key_,
                       const zds_race_t *race_,
                       uint64_t now_)
{
    const size_t winner = winner_of (race_);
    zds_memory_host_t *host = find_host (memory_, key_, now_);
    const bool known = host != NULL;

    if (winner == NONE) {
        if (known) {
            clear_all (host, ZDS_RECORD_WON);
            clear_all (host, ZDS_RECORD_FAILED);
            forget_if_empty (host);
        }
        return;
    }
    if (!known && zds_memory_is_news (race_)) {
        host = add_host (memory_, key_, now_);
        if (host != NULL)
            learn_set (host, race_);
    }
    if (host == NULL)
        return;
    if (known || !is_first (race_, winner))
        learn_winner (host, race_, now_);
    learn_losers (host, race_, now_);
}

static void mark (zds_memory_t *memory_,
                  const char *key_,
                  const zds_addr_t *addr_,
                  zds_record_t record_,
                  uint64_t now_)
{
    zds_memory_host_t *host = find_host (memory_, key_, now_);

    if (host == NULL)
        host = add_host (memory_, key_, now_);
    if (host != NULL)
        set_mark (host, addr_, record_, now_);
}

void zds_memory_wrong (zds_memory_t *memory_,
                       const char *key_,
                       const zds_addr_t *addr_,
                       uint64_t now_)
{
    mark (memory_, key_, addr_, ZDS_RECORD_WRONG, now_);
}

void zds_memory_died (zds_memory_t *memory_,
                      const char *key_,
                      const zds_addr_t *addr_,
                      uint64_t now_)
{
    mark (memory_, key_, addr_, ZDS_RECORD_FAILED, now_);
}

void zds_memory_right (zds_memory_t *memory_,
                       const char *key_,
                       const zds_addr_t *addr_,
                       uint64_t now_)
{
    zds_memory_host_t *host = find_host (memory_, key_, now_);
    const zds_memory_mark_t *mark = host == NULL ? NULL : mark_of (host, addr_);

    if (mark == NULL || mark->record != ZDS_RECORD_WRONG)
        return;
    clear_all (host, ZDS_RECORD_WON);
    set_mark (host, addr_, ZDS_RECORD_WON, now_);
}

bool zds_memory_probe_due (zds_memory_t *memory_,
                           const char *key_,
                           uint64_t now_)
{
    zds_memory_host_t *host = find_host (memory_, key_, now_);

    if (host == NULL || now_ < host->probe_at)
        return false;
    host->probe_at = now_ + ZDS_MEMORY_PROBE_GAP;
    return true;
}

void zds_memory_probed (zds_memory_t *memory_,
                        const char *key_,
                        const zds_addr_t *addr_,
                        bool works_,
                        uint64_t now_)
{
    zds_memory_host_t *host = find_host (memory_, key_, now_);
    zds_memory_mark_t *mark;

    if (host == NULL)
        return;
    mark = mark_of (host, addr_);
    if (mark != NULL && mark->record != ZDS_RECORD_FAILED)
        mark = NULL;
    if (!works_) {
        if (mark != NULL)
            mark->time = now_;
        return;
    }
    if (mark != NULL)
        clear_mark (mark);
    clear_all (host, ZDS_RECORD_WON);
    forget_if_empty (host);
}
