/* SPDX-License-Identifier: MPL-2.0 */

/*  Any history of connections: what a context remembers has happened, is not older
    than it may be, and is gone when it has to be; and candidates come in the order
    that zds_race.h promises.  Each byte is an event with its arguments.  */

#include "fuzz.h"
#include "zds_history.h"

enum
{
    ADDRESSES = 24, /* the first half is IPv6 */
    HOSTS = 90
};

typedef struct
{
    zds_history_t memory;
    uint64_t now;
    uint64_t network;
    /*  When an event last gave the address of the host this record.  */
    uint64_t told[HOSTS][ADDRESSES][ZDS_RECORD_WRONG + 1];
} world_t;

static zds_addr_t address (unsigned number_)
{
    zds_addr_t addr;

    zds_addr_any (&addr, number_ < ADDRESSES / 2 ? AF_INET6 : AF_INET);
    if (number_ < ADDRESSES / 2) {
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
        const zds_addr_t one = address (number);
        if (zds_addr_hash (&one) == zds_addr_hash (addr_))
            return number;
    }
    stop ("an address that nobody gave");
    return 0;
}

static const char *key_of (unsigned host_)
{
    static char key[40];

    snprintf (key, sizeof key, "%shost%u:5555|t%s",
              host_ % 7 == 0 ? "eth0:0;" : "", host_,
              host_ % 11 == 0 ? "eth1" : "");
    return key;
}

static const zds_about_t *about (world_t *w_, unsigned host_)
{
    static zds_about_t what;

    what = zds_history_about (&w_->memory, key_of (host_), w_->now);
    return &what;
}

/*  Begins a race with some of the addresses, up to its answers.  */
static void
ask (world_t *w_, unsigned host_, zds_race_t *race_, input_t *input_)
{
    static zds_answer_t answer;
    zds_race_config_t config;
    const unsigned set = byte_of (input_), bits = byte_of (input_);
    unsigned i;

    zds_race_config_default (&config);
    config.network = w_->network;
    zds_history_prepare (about (w_, host_), &config);
    MUST (zds_race_init (race_, &config, w_->now) == 0, "zds_race_init");
    MUST (zds_race_next (race_, w_->now).op == ZDS_RACE_ASK, "asks");
    memset (&answer, 0, sizeof answer);
    for (i = 0; i < 8; i++)
        if ((set >> i & 1) != 0)
            answer.addr[answer.count++] = address ((bits + i * 3) % ADDRESSES);
    if (bits >= 64)
        zds_race_answer (race_, ZDS_LOOK_WHOLE, &answer);
    else if (zds_race_next (race_, w_->now + 50).op == ZDS_RACE_ASK)
        zds_race_answer (race_, ZDS_LOOK_IPV4, &answer);
    zds_history_recall (about (w_, host_), race_);
}

static void
check_recall (const world_t *w_, unsigned host_, const zds_race_t *race_)
{
    size_t i;

    for (i = 0; i < race_->count; i++) {
        const zds_candidate_t *const c = &race_->candidate[i];
        const uint64_t told = w_->told[host_][number_of (&c->addr)][c->record];

        MUST (c->record == ZDS_RECORD_NONE || told != 0, "what never was");
        /*  The silence of a race that was cut short prolongs it.  */
        MUST (c->record == ZDS_RECORD_NONE || c->waited > 0
                || c->record_time <= told,
              "a record of a time at which nothing was told");
        MUST (c->record == ZDS_RECORD_NONE
                || w_->now - c->record_time < ZDS_HISTORY_SPAN,
              "a record that is too old");
        MUST (c->record != ZDS_RECORD_WON || c->waited == 0,
              "a winner and a silence");
        MUST (c->waited < 250
                || (c->waited == 250 && c->record >= ZDS_RECORD_FAILED),
              "a silence that is a failure");
    }
}

/*  Runs the race until it is over, or is cut short.  */
static void run_race (world_t *w_, zds_race_t *race_, input_t *input_)
{
    unsigned steps;

    for (steps = 0; steps < 200; steps++) {
        const zds_race_step_t step = zds_race_next (race_, w_->now);
        const unsigned choice = byte_of (input_);

        if (step.op == ZDS_RACE_WON || step.op == ZDS_RACE_FAILED
            || choice == 255)
            return;
        if (step.op == ZDS_RACE_START && choice % 4 == 0)
            zds_race_failed (race_, step.attempt, ECONNREFUSED);
        if (step.op != ZDS_RACE_WAIT)
            continue;
        if (choice % 5 == 0)
            zds_race_connected (race_, choice / 5 % 6, w_->now);
        else if (choice % 5 == 1)
            zds_race_failed (race_, choice / 5 % 6, ETIMEDOUT);
        else if (choice % 5 == 2)
            w_->now += choice / 5;
        else if (step.deadline == ZDS_NEVER)
            return;
        else
            w_->now = step.deadline;
    }
}

static void tell_all (world_t *w_, unsigned host_, const zds_race_t *race_)
{
    size_t i;

    for (i = 0; i < race_->count; i++) {
        uint64_t *const told =
          w_->told[host_][number_of (&race_->candidate[i].addr)];
        told[race_->candidate[i].fate == ZDS_FATE_WON ? ZDS_RECORD_WON
                                                      : ZDS_RECORD_FAILED] =
          w_->now;
    }
}

/*  A winner must not be remembered as one that failed.  */
static void check_learnt (world_t *w_, unsigned host_, const zds_race_t *race_)
{
    zds_race_t again = *race_;
    size_t i;

    again.ask.outstanding = 1;
    zds_history_recall (about (w_, host_), &again);
    for (i = 0; i < again.count; i++) {
        const zds_record_t record = again.candidate[i].record;
        if (race_->candidate[i].withdrawn || record == ZDS_RECORD_DIED
            || record == ZDS_RECORD_WRONG)
            continue;
        if (race_->candidate[i].fate == ZDS_FATE_WON)
            MUST (record != ZDS_RECORD_FAILED, "the winner has failed");
        if (race_->candidate[i].fate == ZDS_FATE_SILENT)
            MUST (record == ZDS_RECORD_FAILED, "a loser has not");
        MUST (!race_->failed || record == ZDS_RECORD_NONE,
              "a failed race says something");
    }
}

static void race (world_t *w_, unsigned host_, input_t *input_)
{
    static zds_race_t race;

    ask (w_, host_, &race, input_);
    check_recall (w_, host_, &race);
    run_race (w_, &race, input_);
    tell_all (w_, host_, &race);
    zds_history_learn (about (w_, host_), &race);
    check_learnt (w_, host_, &race);
}

static void handshake (world_t *w_, unsigned host_, input_t *input_)
{
    const unsigned bits = byte_of (input_), number = bits % ADDRESSES;
    uint64_t *const told = w_->told[host_][number];
    const zds_addr_t addr = address (number);

    if (bits < 100) {
        zds_history_mark (about (w_, host_), &addr, ZDS_RECORD_WRONG);
        told[ZDS_RECORD_WRONG] = w_->now;
    } else if (bits < 160) {
        zds_history_mark (about (w_, host_), &addr, ZDS_RECORD_DIED);
        told[ZDS_RECORD_DIED] = w_->now;
    } else {
        zds_history_right (about (w_, host_), &addr);
        told[ZDS_RECORD_WON] = w_->now;
    }
}

static void probe (world_t *w_, unsigned host_, input_t *input_)
{
    const unsigned bits = byte_of (input_);
    const zds_addr_t addr = address (bits % ADDRESSES);

    zds_history_probe_due (about (w_, host_));
    MUST (!zds_history_probe_due (about (w_, host_)), "a probe is due twice");
    zds_history_probed (about (w_, host_), &addr, bits > 99);
    if (bits <= 99)
        w_->told[host_][bits % ADDRESSES][ZDS_RECORD_FAILED] = w_->now;
}

static void change_network (world_t *w_)
{
    zds_race_config_t config;

    w_->network++;
    memset (w_->told, 0, sizeof w_->told);
    zds_race_config_default (&config);
    config.network = w_->network;
    zds_history_prepare (about (w_, 0), &config);
    MUST (!config.quick && !config.hurry, "knows the new network");
    MUST (w_->memory.count == 0, "knows hosts of the old one");
}

/*  The order.  */

static unsigned group_of (const zds_candidate_t *candidate_)
{
    switch (candidate_->record) {
        case ZDS_RECORD_FAILED:
            return 3;
        case ZDS_RECORD_DIED:
        case ZDS_RECORD_WRONG:
            return 4;
        default:
            return 1;
    }
}

/*  The candidate that belongs at this place, after the ones in 'placed_'.  */
static size_t belongs (const zds_candidate_t *list_,
                       size_t count_,
                       int first_family_,
                       const uint8_t *placed_,
                       size_t place_)
{
    bool used[64] = {false};
    int turn = first_family_;
    unsigned group = 5;
    size_t i, best = count_;

    for (i = 0; i < count_; i++)
        if (list_[i].record == ZDS_RECORD_WON) {
            turn = zds_addr_family (&list_[i].addr);
            break;
        }
    for (i = 0; i < place_; i++) {
        used[placed_[i]] = true;
        turn = zds_addr_family (&list_[placed_[i]].addr);
    }
    if (place_ > 0)
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
    const size_t count = byte_of (input_) % (COUNT (list) + 1);
    const unsigned bits = byte_of (input_);
    const int first = bits % 2 == 0 ? AF_INET6 : AF_INET;
    size_t i;

    memset (list, 0, sizeof list);
    for (i = 0; i < count; i++) {
        const unsigned marks = byte_of (input_);
        list[i].addr = address (marks % ADDRESSES);
        list[i].record =
          (zds_record_t) (marks & 128 ? (marks >> 4 & 7) % 5 : 0);
        list[i].record_time = marks >> 2 & 7;
    }
    zds_candidates_order (list, count, first, order);
    for (i = 0; i < count; i++)
        MUST (order[i] == belongs (list, count, first, order, i), "the order");
}

static void let_event_happen (world_t *w_, unsigned event_, input_t *input_)
{
    const unsigned host = (event_ / 16 + 5 * byte_of (input_)) % HOSTS;

    switch (event_ % 16) {
        case 4:
        case 5:
            handshake (w_, host, input_);
            break;
        case 6:
            probe (w_, host, input_);
            break;
        case 7:
            change_network (w_);
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
        default:
            race (w_, host % (event_ % 16 < 3 ? 3 : HOSTS), input_);
    }
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static world_t w;
    input_t input = {data, data + size};

    memset (&w, 0, sizeof w);
    w.now = 1000000;
    w.memory.network = w.network = 1;
    while (!is_at_end (&input))
        let_event_happen (&w, byte_of (&input), &input);
    return 0;
}
