/* SPDX-License-Identifier: MPL-2.0 */

/*  Any history of connections: what a context remembers is what a plain list of
    facts says, and candidates come in the order that zds_candidate.h promises.

    The first byte says how much there is.  Few hosts and addresses: the memory
    has to know exactly what the list knows.  Many: it may have forgotten, but
    what it says has to be true.  Each further byte is an event with its
    arguments.  */

#include "fuzz.h"
#include "zds_memory.h"

enum
{
    PER_FAMILY = 12,
    FEW_PER_FAMILY = 4,
    ADDRESSES = 2 * PER_FAMILY,
    HOSTS = 90,
    FEW_HOSTS = 5
};

typedef struct
{
    zds_record_t record;
    uint64_t time;
} fact_t;

/*  What is true of one host.  */
typedef struct
{
    bool is_known;
    fact_t fact[ADDRESSES];
    unsigned set[ZDS_FAMILIES]; /* bits: addresses; 0: not known */
    uint64_t probe_at;
    unsigned resolves_to; /* bits */
} host_t;

typedef struct
{
    zds_memory_t memory;
    host_t host[HOSTS];
    unsigned hosts, per_family;
    bool is_exact;
    uint64_t now;
} world_t;

/*  Addresses have numbers: IPv6 first.  */

static int family_of (unsigned number_)
{
    return number_ < PER_FAMILY ? AF_INET6 : AF_INET;
}

static unsigned index_of_family (unsigned number_)
{
    return number_ < PER_FAMILY ? 0 : 1;
}

static zds_addr_t address (unsigned number_)
{
    zds_addr_t addr;

    zds_addr_any (&addr, family_of (number_));
    if (number_ < PER_FAMILY) {
        addr.v6.sin6_addr.s6_addr[0] = 0x20;
        addr.v6.sin6_addr.s6_addr[15] = (uint8_t) (number_ / 2);
        addr.v6.sin6_scope_id = number_ % 2;
    } else
        addr.v4.sin_addr.s_addr = htonl (0x0a000000 + number_);
    return addr;
}

static unsigned number_of (const zds_addr_t *addr_)
{
    unsigned number;

    for (number = 0; number < ADDRESSES; number++) {
        zds_addr_t one = address (number);
        zds_addr_set_port (&one, zds_addr_port (addr_));
        if (zds_addr_equal (&one, addr_))
            return number;
    }
    stop ("an address that nobody gave");
    return 0;
}

static unsigned number_from (const world_t *w_, input_t *input_)
{
    const unsigned n = byte_of (input_) % (2 * w_->per_family);

    return n < w_->per_family ? n : n - w_->per_family + PER_FAMILY;
}

static const char *key_of (unsigned host_)
{
    static char key[32];

    snprintf (key, sizeof key, "host%u:5555", host_);
    return key;
}

/*  The list of facts.  */

static void forget (host_t *host_)
{
    const unsigned resolves_to = host_->resolves_to;

    memset (host_, 0, sizeof *host_);
    host_->resolves_to = resolves_to;
}

static void forget_if_empty (host_t *host_)
{
    unsigned i;

    for (i = 0; i < ADDRESSES; i++)
        if (host_->fact[i].record != ZDS_RECORD_NONE)
            return;
    forget (host_);
}

static void expire (host_t *host_, uint64_t now_)
{
    unsigned i;

    for (i = 0; i < ADDRESSES; i++)
        if (now_ >= host_->fact[i].time + ZDS_MEMORY_SPAN)
            host_->fact[i].record = ZDS_RECORD_NONE;
    forget_if_empty (host_);
}

static void clear (host_t *host_, zds_record_t record_)
{
    unsigned i;

    for (i = 0; i < ADDRESSES; i++)
        if (host_->fact[i].record == record_)
            host_->fact[i].record = ZDS_RECORD_NONE;
}

static void
state (host_t *host_, unsigned number_, zds_record_t record_, uint64_t now_)
{
    host_->is_known = true;
    host_->fact[number_].record = record_;
    host_->fact[number_].time = now_;
}

/*  Candidates.  */

static size_t list_of (const world_t *w_,
                       const host_t *host_,
                       unsigned family_,
                       unsigned turn_,
                       zds_candidate_t *list_)
{
    size_t count = 0;
    unsigned i;

    for (i = 0; i < w_->per_family; i++) {
        const unsigned number =
          (i + turn_) % w_->per_family + family_ * PER_FAMILY;
        if ((host_->resolves_to >> number & 1) == 0)
            continue;
        memset (&list_[count], 0, sizeof list_[count]);
        list_[count].addr = address (number);
        list_[count].poor_source = number % 5 == 4;
        count++;
    }
    return count;
}

static unsigned set_of (const zds_candidate_t *list_, size_t count_)
{
    unsigned set = 0;
    size_t i;

    for (i = 0; i < count_; i++)
        set |= 1u << number_of (&list_[i].addr);
    return set;
}

static void
check_fact (const world_t *w_, const host_t *host_, const zds_candidate_t *c_)
{
    const fact_t *const fact = &host_->fact[number_of (&c_->addr)];

    if (c_->record == ZDS_RECORD_NONE && !w_->is_exact)
        return;
    MUST (c_->record == fact->record, "another record");
    MUST (c_->record_time == (fact->record == ZDS_RECORD_NONE ? 0 : fact->time),
          "a record of another time");
}

/*  What a race does first with an answer.  */
static size_t recall (world_t *w_,
                      unsigned host_,
                      unsigned family_,
                      unsigned turn_,
                      zds_candidate_t *list_)
{
    host_t *const host = &w_->host[host_];
    const size_t count = list_of (w_, host, family_, turn_, list_);
    const unsigned set = set_of (list_, count);
    size_t i;

    expire (host, w_->now);
    if (host->is_known && set != 0) {
        if (host->set[family_] != 0 && host->set[family_] != set)
            forget (host);
        else
            host->set[family_] = set;
    }
    zds_memory_recall (&w_->memory, key_of (host_),
                       family_ == 0 ? AF_INET6 : AF_INET, list_, count,
                       w_->now);
    for (i = 0; i < count; i++)
        check_fact (w_, host, &list_[i]);
    return count;
}

static void check_first_family (const world_t *w_, unsigned host_)
{
    const int family =
      zds_memory_first_family (&w_->memory, key_of (host_), w_->now);
    const host_t *const host = &w_->host[host_];
    int expected = AF_INET6;
    unsigned i;

    for (i = 0; i < ADDRESSES; i++)
        if (host->fact[i].record == ZDS_RECORD_WON
            && w_->now < host->fact[i].time + ZDS_MEMORY_SPAN)
            expected = family_of (i);
    MUST (family == expected || (!w_->is_exact && family == AF_INET6),
          "the first family");
}

/*  Races.  */

/*  Until it is over, or nothing happens any more.  */
static void run_race (world_t *w_, zds_race_t *race_, input_t *input_)
{
    unsigned steps;

    for (steps = 0; steps < 200; steps++) {
        const zds_race_step_t step = zds_race_next (race_, w_->now);
        const unsigned choice = byte_of (input_);

        switch (step.op) {
            case ZDS_RACE_START:
                if (choice % 4 == 0)
                    zds_race_failed (race_, step.attempt, ECONNREFUSED,
                                     w_->now);
                break;
            case ZDS_RACE_CANCEL:
                break;
            case ZDS_RACE_RETRY:
                return;
            case ZDS_RACE_WAIT:
                if (choice % 3 == 0)
                    zds_race_connected (race_, choice / 3 % 6, w_->now);
                else if (choice % 3 == 1)
                    zds_race_failed (race_, choice / 3 % 6, ETIMEDOUT, w_->now);
                else if (step.deadline != ZDS_NEVER)
                    w_->now = step.deadline;
                else
                    return;
                break;
            case ZDS_RACE_WON:
            case ZDS_RACE_FAILED:
                return;
        }
    }
}

/*  The first in the order when nothing is remembered.  */
static const zds_candidate_t *default_first (const zds_race_t *race_)
{
    unsigned poor, family;
    size_t i;

    for (poor = 0; poor < 2; poor++)
        for (family = 0; family < ZDS_FAMILIES; family++)
            for (i = 0; i < race_->count; i++) {
                const zds_candidate_t *const c = &race_->candidate[i];
                if (c->poor_source == (poor != 0) && !race_->withdrawn[i]
                    && index_of_family (number_of (&c->addr)) == family)
                    return c;
            }
    return NULL;
}

static bool has_lost (const zds_race_t *race_, size_t i_)
{
    return !race_->withdrawn[i_]
           && (race_->fate[i_] == ZDS_FATE_FAILED
               || race_->fate[i_] == ZDS_FATE_SILENT);
}

static void note_set (host_t *host_, const zds_race_t *race_)
{
    size_t i;

    for (i = 0; i < race_->count; i++)
        if (!race_->withdrawn[i]) {
            const unsigned number = number_of (&race_->candidate[i].addr);
            host_->set[index_of_family (number)] |= 1u << number;
        }
}

static void note_race (world_t *w_, host_t *host_, const zds_race_t *race_)
{
    const zds_candidate_t *winner = NULL;
    unsigned number;
    bool in_vain, as_ever, lost = false;
    size_t i;

    expire (host_, w_->now);
    for (i = 0; i < race_->count; i++) {
        if (race_->fate[i] == ZDS_FATE_WON)
            winner = &race_->candidate[i];
        lost = lost || has_lost (race_, i);
    }
    if (winner == NULL) {
        clear (host_, ZDS_RECORD_WON);
        clear (host_, ZDS_RECORD_FAILED);
        forget_if_empty (host_);
        MUST (!zds_memory_is_news (race_), "news of a race without a winner");
        return;
    }
    number = number_of (&winner->addr);
    in_vain =
      (race_->outstanding & ZDS_ASK_IPV6) != 0 && family_of (number) == AF_INET;
    as_ever = winner == default_first (race_) && !in_vain;
    MUST (zds_memory_is_news (race_) == (lost || !as_ever), "what is news");
    if (!host_->is_known && as_ever && !lost)
        return;
    if (!host_->is_known)
        note_set (host_, race_);
    if ((host_->is_known || !as_ever)
        && host_->fact[number].record != ZDS_RECORD_WRONG
        && !(in_vain && host_->fact[number].record == ZDS_RECORD_WON)) {
        clear (host_, ZDS_RECORD_WON);
        state (host_, number, ZDS_RECORD_WON, w_->now);
    }
    for (i = 0; i < race_->count; i++) {
        number = number_of (&race_->candidate[i].addr);
        if (has_lost (race_, i)
            && host_->fact[number].record != ZDS_RECORD_WRONG)
            state (host_, number, ZDS_RECORD_FAILED, w_->now);
    }
}

static void race (world_t *w_, unsigned host_, input_t *input_)
{
    zds_candidate_t list[PER_FAMILY];
    const unsigned bits = byte_of (input_);
    zds_race_config_t config;
    zds_race_t race;
    unsigned family;

    zds_race_config_default (&config);
    config.first_family =
      zds_memory_first_family (&w_->memory, key_of (host_), w_->now);
    MUST (zds_race_init (&race, &config, ZDS_ASK_IPV6 | ZDS_ASK_IPV4, w_->now)
            == 0,
          "zds_race_init");
    for (family = 0; family < ZDS_FAMILIES; family++) {
        const size_t count = recall (w_, host_, family, bits >> 4, list);
        if ((bits >> family & 1) == 0)
            zds_race_answer (&race, family == 0 ? AF_INET6 : AF_INET, list,
                             count, w_->now);
    }
    run_race (w_, &race, input_);
    note_race (w_, &w_->host[host_], &race);
    zds_memory_learn (&w_->memory, key_of (host_), &race, w_->now);
}

/*  Handshakes and probes.  */

static void handshake (world_t *w_, unsigned host_, input_t *input_)
{
    host_t *const host = &w_->host[host_];
    const unsigned bits = byte_of (input_);
    const unsigned number = number_from (w_, input_);
    zds_addr_t addr = address (number);

    expire (host, w_->now);
    zds_addr_set_port (&addr, 5555);
    if (bits % 2 == 0) {
        zds_memory_wrong (&w_->memory, key_of (host_), &addr, w_->now);
        state (host, number, ZDS_RECORD_WRONG, w_->now);
        return;
    }
    zds_memory_right (&w_->memory, key_of (host_), &addr, w_->now);
    if (host->fact[number].record == ZDS_RECORD_WRONG) {
        clear (host, ZDS_RECORD_WON);
        state (host, number, ZDS_RECORD_WON, w_->now);
    }
}

static void probe (world_t *w_, unsigned host_, input_t *input_)
{
    host_t *const host = &w_->host[host_];
    const unsigned bits = byte_of (input_);
    const unsigned number = number_from (w_, input_);
    const zds_addr_t addr = address (number);
    const bool is_failed = host->fact[number].record == ZDS_RECORD_FAILED;
    bool is_due;

    expire (host, w_->now);
    is_due = zds_memory_probe_due (&w_->memory, key_of (host_), w_->now);
    if (w_->is_exact)
        MUST (is_due == (host->is_known && w_->now >= host->probe_at),
              "when a probe is due");
    MUST (!zds_memory_probe_due (&w_->memory, key_of (host_), w_->now),
          "a probe is due twice");
    if (host->is_known && is_due)
        host->probe_at = w_->now + ZDS_MEMORY_PROBE_GAP;
    if (!host->is_known || bits % 4 == 0)
        return;
    zds_memory_probed (&w_->memory, key_of (host_), &addr, bits % 4 != 1,
                       w_->now);
    if (bits % 4 == 1) {
        if (host->fact[number].record == ZDS_RECORD_FAILED)
            host->fact[number].time = w_->now;
        return;
    }
    if (is_failed)
        host->fact[number].record = ZDS_RECORD_NONE;
    clear (host, ZDS_RECORD_WON);
    forget_if_empty (host);
}

/*  A memory that has less room than there are facts may have let go of the host
    or of the fact, so that a probe of it or a handshake finds nothing.  Then the
    list has to be asked what it may be.  */
static void catch_up (world_t *w_, unsigned host_)
{
    host_t *const host = &w_->host[host_];
    bool has[ADDRESSES] = {false};
    bool is_known = false;
    size_t i, j;

    if (w_->is_exact)
        return;
    for (i = 0; i < ZDS_MEMORY_HOSTS; i++) {
        const zds_memory_host_t *const known = &w_->memory.host[i];
        if (strcmp (known->key, key_of (host_)) != 0)
            continue;
        is_known = true;
        for (j = 0; j < ZDS_MEMORY_MARKS; j++)
            if (known->mark[j].record != ZDS_RECORD_NONE)
                has[number_of (&known->mark[j].addr)] = true;
    }
    for (i = 0; i < ADDRESSES; i++)
        if (!has[i])
            host->fact[i].record = ZDS_RECORD_NONE;
    if (!is_known)
        forget (host);
}

/*  The order.  */

static unsigned group_of (const zds_candidate_t *candidate_)
{
    switch (candidate_->record) {
        case ZDS_RECORD_WON:
            return 0;
        case ZDS_RECORD_FAILED:
            return 3;
        case ZDS_RECORD_WRONG:
            return 4;
        default:
            return candidate_->poor_source ? 2 : 1;
    }
}

/*  The candidate that belongs at this place, 'placed_' being those before it.  */
static size_t belongs (const zds_candidate_t *list_,
                       size_t count_,
                       const zds_race_config_t *config_,
                       const uint8_t *placed_,
                       size_t place_)
{
    bool used[64] = {false}, all_first = true;
    int turn = config_->first_family;
    unsigned group = 5;
    size_t i, best = count_;

    for (i = 0; i < place_; i++) {
        used[placed_[i]] = true;
        turn = zds_addr_family (&list_[placed_[i]].addr);
        all_first = all_first && turn == config_->first_family;
    }
    if (place_ > 0 && !(all_first && place_ < config_->first_count))
        turn = turn == AF_INET6 ? AF_INET : AF_INET6;
    for (i = 0; i < count_; i++)
        if (!used[i] && group_of (&list_[i]) < group)
            group = group_of (&list_[i]);
    for (i = 0; i < count_; i++) {
        if (used[i] || group_of (&list_[i]) != group)
            continue;
        if (best == count_
            || (group == 4 ? list_[i].record_time < list_[best].record_time
                           : zds_addr_family (&list_[best].addr) != turn
                               && zds_addr_family (&list_[i].addr) == turn))
            best = i;
    }
    return best;
}

static void check_order (input_t *input_)
{
    zds_candidate_t list[40];
    uint8_t order[40];
    zds_race_config_t config;
    const size_t count = byte_of (input_) % (COUNT (list) + 1);
    const unsigned bits = byte_of (input_);
    size_t i;

    zds_race_config_default (&config);
    config.first_family = bits % 2 == 0 ? AF_INET6 : AF_INET;
    config.first_count = 1 + bits / 2 % 4;
    for (i = 0; i < count; i++) {
        const unsigned marks = byte_of (input_);
        memset (&list[i], 0, sizeof list[i]);
        list[i].addr = address (marks % ADDRESSES);
        list[i].record = (zds_record_t) (marks & 128 ? marks >> 5 & 3 : 0);
        list[i].poor_source = (marks & 7) == 7;
        list[i].record_time = marks >> 2 & 7;
    }
    zds_candidates_order (list, count, config.first_family, config.first_count,
                          order);
    for (i = 0; i < count; i++)
        MUST (order[i] == belongs (list, count, &config, order, i),
              "the order");
}

static void check_fingerprint (input_t *input_)
{
    zds_candidate_t list[16], turned[16];
    const size_t count = byte_of (input_) % (COUNT (list) + 1);
    const size_t turn = byte_of (input_) % COUNT (list);
    uint32_t print;
    bool any = false;
    size_t i;

    for (i = 0; i < count; i++) {
        memset (&list[i], 0, sizeof list[i]);
        list[i].addr = addr_from (input_);
        any = any || zds_addr_family (&list[i].addr) == AF_INET6;
        turned[(i + turn) % count] = list[i];
        zds_addr_set_port (&turned[(i + turn) % count].addr, 5);
    }
    print = zds_candidates_fingerprint (list, count, AF_INET6);
    MUST ((print != 0) == any, "the fingerprint of nothing");
    MUST (zds_candidates_fingerprint (turned, count, AF_INET6) == print,
          "the fingerprint of another order");
}

static void let_event_happen (world_t *w_, unsigned event_, input_t *input_)
{
    const unsigned host =
      event_ / 16 % w_->hosts + (w_->is_exact ? 0 : byte_of (input_) % 75);

    catch_up (w_, host);
    switch (event_ % 16) {
        case 0:
        case 1:
        case 2:
        case 3:
            race (w_, host, input_);
            break;
        case 4:
            handshake (w_, host, input_);
            break;
        case 5:
        case 6:
            probe (w_, host, input_);
            break;
        case 7:
            w_->host[host].resolves_to ^= 1u << number_from (w_, input_);
            break;
        case 8:
            w_->now += word_of (input_);
            break;
        case 9:
            w_->now += 16u * word_of (input_);
            break;
        case 10:
            check_order (input_);
            break;
        case 11:
            check_fingerprint (input_);
            break;
        default:
            check_first_family (w_, host);
            break;
    }
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static world_t w;
    input_t input = {data, data + size};
    const unsigned bits = byte_of (&input);
    unsigned i;

    memset (&w, 0, sizeof w);
    w.is_exact = bits % 4 != 0;
    w.hosts = w.is_exact ? FEW_HOSTS : 15;
    w.per_family = w.is_exact ? FEW_PER_FAMILY : PER_FAMILY;
    w.now = 1000000;
    for (i = 0; i < HOSTS; i++)
        w.host[i].resolves_to = bits & 64 ? 0x7007u : 0x3003u;
    while (!is_at_end (&input))
        let_event_happen (&w, byte_of (&input), &input);
    return 0;
}
