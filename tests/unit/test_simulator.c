/* SPDX-License-Identifier: MPL-2.0 */

/*  A race against networks drawn at random, in virtual time: a million of them.
    The race is driven as its users do, one event at a time.

    ZDS_SIM_SEED and ZDS_SIM_RACES set the seed and the number of races;
    ZDS_SIM_ONLY runs the one with that number and shows what happens.  */

#include "text.h"
#include "race_model.h"
#include "random.h"

#if defined __SANITIZE_ADDRESS__
#define DEFAULT_RACES 50000
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define DEFAULT_RACES 50000
#endif
#endif
#ifndef DEFAULT_RACES
#define DEFAULT_RACES 1000000
#endif

enum
{
    MAX_ADDRESSES = 40, /* of one family, in the world; more than are taken */
    OTHER = 36,         /* from here on they are another host's */
    MAX_ROUNDS = 3,
    MAX_ASKS = 6, /* rounds of look-ups until we have seen enough silence */
    HORIZON = 3600000
};

/*  Mostly small numbers, up to 'most_'.  */
static unsigned draw_time (random_t *random_, unsigned most_)
{
    return draw (random_, 1 + (most_ >> (draw (random_, 4) * 3)));
}

typedef enum
{
    CONNECTS,         /* 'after' ms */
    CONNECTS_AT_ONCE, /* within connect () */
    SILENT,
    FAILS,         /* with 'error', 'after' ms */
    FAILS_AT_ONCE, /* within connect () */
} behaviour_t;

/*  What a peer does once TCP has connected.  */
typedef enum
{
    GREETS,  /* 'says' ms after that */
    MUTE,    /* or waits for the whole greeting of its client */
    CLOSES,  /* likewise, or says what is no ZMTP */
    UNSIGNED /* likewise: it may be ZMTP 1.0 */
} manners_t;

typedef struct
{
    behaviour_t behaviour;
    manners_t manners;
    unsigned after, says;
    int error;
    uint64_t heals; /* from then on it connects, 'after' ms */
    zds_record_t record;
    unsigned waited;
} host_addr_t;

/*  A look-up that is under way.  */
typedef struct
{
    uint64_t time; /* of its answer; ZDS_NEVER: was given, or is missing */
    bool is_lost;
    unsigned first, count; /* of the world's addresses of each family */
} answer_t;

typedef struct
{
    bool open;
    uint64_t started;
    uint64_t ends; /* ZDS_NEVER: silent */
    bool connects, connected, greets;
    manners_t manners;
    unsigned says;
    int error;
} connection_t;

/*  What has happened in all races: a law that was never put to the test proves nothing.  */
enum
{
    SAW_WON,
    SAW_WON_BY_IPV4,
    SAW_FAILED,
    SAW_FAILED_REFUSED,
    SAW_SILENCE_TO_THE_END,
    SAW_RETRY,
    SAW_WON_AFTER_RETRY,
    SAW_SIX,
    SAW_LOST_PATIENCE,
    SAW_DESCRIPTOR_GIVEN,
    SAW_ATTEMPT_TIME_OUT,
    SAW_HOLD,
    SAW_MIN_GAP,
    SAW_ANSWER_REPLACED,
    SAW_ALL_CANDIDATES,
    SAW_REACHED,
    SAW_GREETED,
    SAW_HANDED_OVER,
    SAW_HANDED_OVER_LATE,
    SAW_GREETED_AFTER_MUTE,
    SAW_HELPER_STARTS,
    SAW_PROOF_LACKING,
    SAW_ASKED_AGAIN,
    SAW_QUICK,
    SIGHTS
};

typedef struct
{
    random_t random;
    zds_race_config_t config;
    bool plain;      /* nothing is remembered */
    bool has_winner; /* of the last time */
    bool lacks_descriptor, gave_descriptor;
    bool ipv4_first; /* by the system's order */
    bool mixed;      /* it does not keep the families together */
    /*  The other family's helper leads to another host.  */
    bool other_host;
    bool late; /* wakes up after the deadline */
    unsigned interval;
    host_addr_t addr[ZDS_FAMILIES][MAX_ADDRESSES];
    unsigned count[ZDS_FAMILIES];
    answer_t answer[ZDS_LOOKS];
    uint64_t runs_at; /* the last word's look-up is queued till then */

    zds_race_t race;
    model_t model;
    connection_t connection[ZDS_RACE_MAX_RUNNING];
    uint64_t begun, now;
    uint64_t again; /* when the reconnect interval is over */
    unsigned rounds;

    /*  What the laws below look at.  */
    unsigned starts, open, failures_since;
    uint64_t first_start, last_start, last_connect;
    uint64_t last_answer;
    unsigned asks; /* rounds of look-ups */
    zds_answer_t last_word;
    bool has_last_word, usual_is_empty;
    bool replaced;
    bool started[ZDS_FAMILIES][MAX_ADDRESSES]; /* in this round */
    const char *wrong;
    bool trace;
    uint64_t saw[SIGHTS];
} world_t;

static zds_addr_t known_addr[ZDS_FAMILIES][MAX_ADDRESSES];

static void invent_addresses (void)
{
    unsigned i;

    for (i = 0; i < MAX_ADDRESSES; i++) {
        char text[40];
        snprintf (text, sizeof text, "2001:db8::%x", i + 1);
        known_addr[0][i] = addr_of (text);
        snprintf (text, sizeof text, "192.0.2.%u", i + 1);
        known_addr[1][i] = addr_of (text);
    }
}

static unsigned index_of (const zds_addr_t *addr_)
{
    if (addr_->sa.sa_family == AF_INET6)
        return addr_->v6.sin6_addr.s6_addr[15] - 1u;
    return (ntohl (addr_->v4.sin_addr.s_addr) & 255) - 1u;
}

static int family_of (const zds_addr_t *addr_)
{
    return addr_->sa.sa_family == AF_INET6 ? 0 : 1;
}

static void tell (const world_t *w_, const char *what_, const zds_addr_t *addr_)
{
    char text[80] = "";

    if (!w_->trace)
        return;
    if (addr_ != NULL)
        text_of (addr_, text, sizeof text);
    printf ("%8llu %s %s\n", (unsigned long long) w_->now, what_, text);
}

static void wrong (world_t *w_, const char *what_)
{
    if (w_->wrong == NULL)
        w_->wrong = what_;
    tell (w_, what_, NULL);
}

#define LAW(condition, text)                                                   \
    do {                                                                       \
        if (!(condition))                                                      \
            wrong (w_, text);                                                  \
    } while (0)

static void draw_config (world_t *w_)
{
    random_t *const r = &w_->random;
    zds_race_config_t *const c = &w_->config;

    zds_race_config_default (c);
    if (chance (r, 50)) {
        c->attempt_delay = ZDS_RACE_MIN_ATTEMPT_DELAY
                           + draw_time (r, ZDS_RACE_MAX_ATTEMPT_DELAY
                                             - ZDS_RACE_MIN_ATTEMPT_DELAY);
        c->resolution_delay = draw_time (r, ZDS_RACE_MAX_RESOLUTION_DELAY);
    }
    if (chance (r, 30))
        c->attempt_timeout = 1 + draw_time (r, 10000);
    c->greets = chance (r, 60);
    if (chance (r, 30))
        c->greeting_timeout = 1 + draw_time (r, 10000);
    c->mode = chance (r, 30) ? ZDS_MODE_V6 : ZDS_MODE_AUTO;
    if (chance (r, 10))
        c->look = ZDS_LOOK_IPV4;
    if (chance (r, 5))
        c->families = chance (r, 50) ? ZDS_FOR_IPV6 : ZDS_FOR_IPV4;
    c->hurry = !w_->plain && chance (r, 20);
    c->quick = !w_->plain && chance (r, 20);
}

static void draw_addr (world_t *w_, host_addr_t *addr_, unsigned mood_)
{
    static const int errors[] = {ECONNREFUSED, ECONNREFUSED, ECONNREFUSED,
                                 EHOSTUNREACH, ENETUNREACH,  EACCES,
                                 EMFILE,       ECONNRESET,   EADDRNOTAVAIL};
    random_t *const r = &w_->random;
    const unsigned lot = draw (r, 100);

    addr_->after = draw_time (r, 3000);
    addr_->error = errors[draw (r, COUNT (errors))];
    addr_->heals = ZDS_NEVER;
    if (lot < mood_)
        addr_->behaviour = chance (r, 10) ? CONNECTS_AT_ONCE : CONNECTS;
    else if (lot < mood_ + (100 - mood_) / 2)
        addr_->behaviour = SILENT;
    else
        addr_->behaviour = chance (r, 20) ? FAILS_AT_ONCE : FAILS;
    addr_->manners = chance (r, 60) ? GREETS : (manners_t) draw (r, 4);
    addr_->says = chance (r, 60) ? draw (r, 20) : draw_time (r, 3000);
    if (addr_->behaviour >= SILENT && chance (r, 10))
        addr_->heals = draw_time (r, 10000);

    addr_->record = ZDS_RECORD_NONE;
    addr_->waited = 0;
    if (!w_->plain && chance (r, 40))
        addr_->record = (zds_record_t) draw (r, 5);
    else if (!w_->plain && chance (r, 20))
        addr_->waited = draw_time (r, 300);
    /*  Only one can have won the last time.  */
    if (addr_->record == ZDS_RECORD_WON && w_->has_winner)
        addr_->record = ZDS_RECORD_NONE;
    w_->has_winner = w_->has_winner || addr_->record == ZDS_RECORD_WON;
}

/*  Whether the look-up leads to the other host.  */
static bool is_other (const world_t *w_, unsigned look_)
{
    return w_->other_host
           && look_
                == (unsigned) (w_->config.mode == ZDS_MODE_V6 ? ZDS_LOOK_IPV4
                                                              : ZDS_LOOK_IPV6);
}

static void draw_answer (world_t *w_, unsigned look_)
{
    random_t *const r = &w_->random;
    answer_t *const a = &w_->answer[look_];
    uint64_t from = w_->now;

    if (look_ == (unsigned) w_->config.look) {
        w_->runs_at = chance (r, 20) ? w_->now + draw_time (r, 2000) : w_->now;
        from = w_->runs_at;
    }
    a->time = chance (r, 3) ? ZDS_NEVER : from + draw_time (r, 3000);
    a->is_lost = chance (r, 8);
    a->first = is_other (w_, look_) ? OTHER : 0;
    a->count = is_other (w_, look_) ? MAX_ADDRESSES - OTHER
               : chance (r, 8)      ? 0
                                    : OTHER;
    if (a->count > 1 && chance (r, 5)) {
        a->first += draw (r, 2);
        a->count = 1 + draw (r, 3);
    }
}

static void draw_world (world_t *w_)
{
    random_t *const r = &w_->random;
    const unsigned mood = chance (r, 15) ? 0 : draw (r, 70);
    unsigned most, i;
    int f;

    w_->plain = chance (r, 70);
    w_->has_winner = w_->lacks_descriptor = w_->gave_descriptor = false;
    w_->late = chance (r, 10);
    w_->interval = 1 + draw_time (r, 2000);
    w_->ipv4_first = chance (r, 20);
    w_->mixed = chance (r, 20);
    w_->other_host = chance (r, 20);
    draw_config (w_);
    most = chance (r, 80) ? 3 : (chance (r, 85) ? 8 : OTHER);
    for (f = 0; f < ZDS_FAMILIES; f++) {
        w_->count[f] = draw (r, most + 1);
        for (i = 0; i < MAX_ADDRESSES; i++)
            draw_addr (w_, &w_->addr[f][i], mood);
    }
}

static void begin (world_t *w_)
{
    unsigned i;

    w_->now = w_->begun = chance (&w_->random, 10) ? 0 : 1000000;
    w_->again = ZDS_NEVER;
    w_->rounds = 0;
    w_->starts = w_->open = w_->failures_since = 0;
    w_->first_start = w_->last_start = w_->last_connect = 0;
    w_->last_answer = w_->now;
    w_->asks = 0;
    w_->has_last_word = w_->usual_is_empty = false;
    w_->runs_at = ZDS_NEVER;
    for (i = 0; i < ZDS_LOOKS; i++)
        w_->answer[i].time = ZDS_NEVER;
    w_->replaced = false;
    memset (w_->started, 0, sizeof w_->started);
    memset (w_->connection, 0, sizeof w_->connection);
    w_->wrong = NULL;
    if (zds_race_init (&w_->race, &w_->config, w_->now) != 0)
        wrong (w_, "zds_race_init");
    model_init (&w_->model, &w_->config, w_->now);
}

/*  Look-ups.  */

static void make_look_ups (world_t *w_, unsigned looks_)
{
    unsigned i;

    for (i = 0; i < ZDS_LOOKS; i++)
        if ((looks_ & ZDS_LOOK_BIT (i)) != 0) {
            tell (w_, i == 0 ? "ask" : i == 1 ? "ask AAAA" : "ask A", NULL);
            draw_answer (w_, i);
            if (i == (unsigned) w_->config.look)
                w_->saw[SAW_ASKED_AGAIN] += w_->asks++ > 0 && w_->rounds == 0;
        }
}

static void add_family (const world_t *w_,
                        const answer_t *a_,
                        unsigned f_,
                        zds_answer_t *answer_)
{
    const unsigned end = a_->first >= OTHER ? MAX_ADDRESSES : w_->count[f_];
    unsigned i;

    for (i = a_->first;
         i < a_->first + a_->count && i < end && answer_->count < ZDS_MAX_ADDRS;
         i++)
        answer_->addr[answer_->count++] = known_addr[f_][i];
}

/*  What the libc answers, now and then with duplicates.  */
static void compose (world_t *w_, unsigned look_, zds_answer_t *answer_)
{
    const answer_t *const a = &w_->answer[look_];
    const unsigned first = w_->ipv4_first ? 1 : 0;
    unsigned i;

    memset (answer_, 0, sizeof *answer_);
    answer_->status = a->is_lost ? ZDS_LOOKUP_TEMPORARY : ZDS_LOOKUP_DONE;
    answer_->host = is_other (w_, look_) ? 'o' : 'x';
    answer_->is_exact = look_ != ZDS_LOOK_WHOLE && !w_->other_host && w_->mixed;
    if (a->is_lost)
        return;
    if (look_ != ZDS_LOOK_IPV4 || w_->ipv4_first)
        add_family (w_, a, look_ == ZDS_LOOK_WHOLE ? first : look_ - 1,
                    answer_);
    else
        add_family (w_, a, 1, answer_);
    if (look_ == ZDS_LOOK_WHOLE)
        add_family (w_, a, 1 - first, answer_);
    for (i = 0; w_->mixed && i + 1 < answer_->count; i++)
        if (chance (&w_->random, 30)) {
            const zds_addr_t one = answer_->addr[i];
            answer_->addr[i] = answer_->addr[i + 1];
            answer_->addr[i + 1] = one;
        } else if (chance (&w_->random, 5))
            answer_->addr[i + 1] = answer_->addr[i];
}

/*  As zds_history_recall does.  */
static void recall (world_t *w_)
{
    size_t i;

    for (i = 0; i < w_->race.count; i++) {
        zds_candidate_t *const c = &w_->race.candidate[i];
        const int f = family_of (&c->addr);
        const unsigned at = index_of (&c->addr);
        c->record = w_->addr[f][at].record;
        c->record_time = at * 2u + (unsigned) f;
        c->waited = w_->addr[f][at].waited;
    }
}

static void give_answer (world_t *w_, unsigned look_)
{
    static zds_answer_t answer;
    const bool is_last = look_ == (unsigned) w_->config.look;
    const char *text;
    unsigned i;

    tell (w_, look_ == 0 ? "whole" : look_ == 1 ? "AAAA" : "A", NULL);
    compose (w_, look_, &answer);
    w_->answer[look_].time = ZDS_NEVER;
    for (i = 0; i < answer.count; i++)
        tell (w_, "    ", &answer.addr[i]);
    zds_race_answer (&w_->race, (zds_look_t) look_, &answer);
    recall (w_);
    text = model_answer (&w_->model, &w_->race, (zds_look_t) look_, &answer);
    LAW (text == NULL, text);
    w_->last_answer = w_->now;
    w_->saw[SAW_ALL_CANDIDATES] +=
      w_->race.count >= ZDS_FAMILIES * ZDS_MAX_CANDIDATES;
    if (answer.status != ZDS_LOOKUP_DONE)
        return;
    if (look_ == (unsigned) w_->model.ask.usual)
        w_->usual_is_empty = answer.count == 0;
    if (w_->has_last_word || (is_last && w_->starts > 0)) {
        w_->replaced = true;
        w_->saw[SAW_ANSWER_REPLACED]++;
    }
    if (is_last) {
        w_->has_last_word = true;
        w_->last_word = answer;
        w_->runs_at = ZDS_NEVER;
        for (i = 0; i < ZDS_LOOKS; i++)
            w_->answer[i].time = ZDS_NEVER;
    }
    /*  An address that one answer leaves out may come back with the next one.  */
    if (w_->replaced || w_->other_host)
        memset (w_->started, 0, sizeof w_->started);
}

/*  Laws of RFC 8305 that need no model.  */

/*  Section 4: the place of an address in the alternation follows from its number
    within its family.  */
static unsigned place_of (const world_t *w_, int family_, unsigned index_)
{
    return 2 * index_ + (model_family (family_) != w_->model.first_family);
}

static void check_alternation (world_t *w_, int family_, unsigned index_)
{
    const model_t *const m = &w_->model;
    const unsigned place = place_of (w_, family_, index_);
    size_t f, i;

    if (!w_->plain || w_->replaced || m->order_is_loose)
        return;
    for (f = 0; f < ZDS_FAMILIES; f++)
        for (i = 0; i < m->count[f]; i++)
            if (m->fate[f][i] == ZDS_FATE_UNTRIED)
                LAW (place_of (w_, (int) f, (unsigned) i) >= place,
                     "the families do not take turns");
}

static void check_first_start (world_t *w_, int family_)
{
    const model_t *const m = &w_->model;

    if (!w_->plain)
        return;
    if (m->ask.outstanding != 0) {
        w_->saw[SAW_HELPER_STARTS]++;
        LAW (family_ == 0 || w_->now - w_->begun >= w_->config.resolution_delay,
             "IPv4 did not wait for the resolution delay");
    } else if (w_->has_last_word)
        LAW (model_family (family_) == m->first_family,
             "the first attempt is not to the first family");
}

static bool is_in_last_word (const world_t *w_, const zds_addr_t *addr_)
{
    size_t i;

    for (i = 0; i < w_->last_word.count; i++)
        if (zds_addr_equal (&w_->last_word.addr[i], addr_))
            return true;
    return false;
}

/*  U-1: an address of the name, as the whole answer or libzmq's own look-up has it,
    or with proof that it is of the same host.  */
static void check_oracle (world_t *w_, const zds_addr_t *addr_)
{
    const bool is_usual =
      family_of (addr_) == (w_->config.mode == ZDS_MODE_V6 ? 0 : 1);

    LAW (!w_->has_last_word || w_->model.ask.outstanding != 0
           || (w_->model.ask.lost & ZDS_LOOK_BIT (w_->config.look)) != 0
           || is_in_last_word (w_, addr_),
         "an address that the last word does not have");
    if (w_->other_host)
        w_->saw[SAW_PROOF_LACKING]++;
    LAW (index_of (addr_) < OTHER || is_usual || w_->usual_is_empty
           || (w_->config.mode == ZDS_MODE_V6
               && (w_->model.ask.said & ZDS_LOOK_BIT (ZDS_LOOK_IPV6)) == 0),
         "another host");
}

static void check_start (world_t *w_, const zds_race_step_t *step_)
{
    const int f = family_of (&step_->addr);
    const unsigned index = index_of (&step_->addr);
    const uint64_t gap = w_->now - w_->last_start;

    w_->saw[SAW_SIX] += w_->open == ZDS_RACE_MAX_RUNNING - 1;
    w_->saw[SAW_MIN_GAP] +=
      w_->open > 0 && gap == ZDS_RACE_MIN_GAP && w_->config.attempt_delay > gap;
    w_->saw[SAW_HOLD] += w_->starts == 0 && w_->model.ask.outstanding != 0;
    check_oracle (w_, &step_->addr);
    LAW (w_->open < ZDS_RACE_MAX_RUNNING, "more than six attempts");
    LAW (!w_->connection[step_->attempt].open, "the number is in use");
    LAW (!w_->started[f][index], "one address twice");
    if (w_->starts == 0)
        check_first_start (w_, f);
    else if (w_->open > 0) {
        LAW (gap >= ZDS_RACE_MIN_GAP, "within 10 ms of the last start");
        LAW (gap >= w_->config.attempt_delay || w_->failures_since > 0
               || !w_->plain,
             "within the attempt delay, and nothing failed");
        LAW (w_->last_connect == 0 || w_->failures_since > 0
               || w_->now - w_->last_connect >= w_->config.attempt_delay
               || !w_->plain,
             "within the attempt delay after one connected");
        w_->saw[SAW_QUICK] += w_->config.quick && gap == ZDS_RACE_QUICK_DELAY;
    }
    w_->started[f][index] = true;
}

static void end_of (world_t *w_, unsigned attempt_)
{
    LAW (w_->connection[attempt_].open, "an attempt ends twice");
    w_->connection[attempt_].open = false;
    w_->open--;
}

static void fail_attempt (world_t *w_, unsigned attempt_, int error_)
{
    const zds_addr_t addr =
      w_->race.candidate[w_->race.slot[attempt_].candidate].addr;

    tell (w_, "  failed", NULL);
    end_of (w_, attempt_);
    w_->failures_since++;
    w_->lacks_descriptor = error_ == EMFILE;
    if (w_->lacks_descriptor)
        w_->started[family_of (&addr)][index_of (&addr)] = false;
    zds_race_failed (&w_->race, attempt_, error_);
    model_failed (&w_->model, attempt_, error_);
}

static void connect_attempt (world_t *w_, unsigned attempt_)
{
    connection_t *const c = &w_->connection[attempt_];

    tell (w_, "  connected", NULL);
    c->connected = true;
    c->ends = c->manners == MUTE ? ZDS_NEVER : w_->now + c->says;
    w_->last_connect = w_->now;
    zds_race_connected (&w_->race, attempt_, w_->now);
    model_connected (&w_->model, attempt_, w_->now);
}

/*  Lets the peer do what it does, unless TCP has decided the race.  */
static void hear_from (world_t *w_, unsigned attempt_)
{
    connection_t *const c = &w_->connection[attempt_];

    c->ends = ZDS_NEVER;
    if (!c->connected)
        connect_attempt (w_, attempt_);
    else if (c->manners == CLOSES)
        fail_attempt (w_, attempt_, ECONNRESET);
    else if (c->manners == UNSIGNED) {
        tell (w_, "  unsigned", NULL);
        w_->failures_since++;
        zds_race_unsigned (&w_->race, attempt_);
        model_unsigned (&w_->model, attempt_);
    } else {
        tell (w_, "  greeted", NULL);
        c->greets = true;
        w_->saw[SAW_GREETED_AFTER_MUTE] += w_->open > 1
                                           && w_->now - w_->last_start > 0
                                           && w_->last_start > w_->first_start;
        zds_race_greeted (&w_->race, attempt_, w_->now);
        model_greeted (&w_->model, attempt_, w_->now);
    }
}

static void start_attempt (world_t *w_, const zds_race_step_t *step_)
{
    const host_addr_t *const host =
      &w_->addr[family_of (&step_->addr)][index_of (&step_->addr)];
    connection_t *const c = &w_->connection[step_->attempt];
    const bool healed = w_->now - w_->begun >= host->heals;
    const behaviour_t behaviour = healed ? CONNECTS : host->behaviour;

    tell (w_, "start", &step_->addr);
    c->open = true;
    c->started = w_->now;
    c->connects = behaviour == CONNECTS || behaviour == CONNECTS_AT_ONCE;
    c->connected = c->greets = false;
    c->manners = healed ? GREETS : host->manners;
    c->says = host->says;
    c->error = host->error;
    c->ends = behaviour == SILENT ? ZDS_NEVER : w_->now + host->after;
    w_->open++;
    if (w_->starts++ == 0)
        w_->first_start = w_->now;
    w_->last_start = w_->now;
    if (w_->failures_since > 0)
        w_->failures_since--;
    if (behaviour == CONNECTS_AT_ONCE)
        connect_attempt (w_, step_->attempt);
    else if (behaviour == FAILS_AT_ONCE)
        fail_attempt (w_, step_->attempt, host->error);
}

static void cancel_attempt (world_t *w_, const zds_race_step_t *step_)
{
    const connection_t *const c = &w_->connection[step_->attempt];
    const uint64_t age = w_->now - c->started;
    const unsigned limit =
      c->connected ? w_->config.greeting_timeout : w_->config.attempt_timeout;

    tell (w_, step_->error == 0 ? "cancel" : "give up", NULL);
    if (step_->error != 0) {
        w_->saw[limit > 0 && age >= limit  ? SAW_ATTEMPT_TIME_OUT
                : age >= ZDS_RACE_PATIENCE ? SAW_LOST_PATIENCE
                                           : SAW_DESCRIPTOR_GIVEN]++;
        LAW (age >= ZDS_RACE_PATIENCE || (limit > 0 && age >= limit)
               || w_->lacks_descriptor,
             "given up too early");
        w_->gave_descriptor = w_->gave_descriptor || w_->lacks_descriptor;
        w_->failures_since++;
    }
    end_of (w_, step_->attempt);
}

/*  How long after the last answer an address may have to wait for its turn.  Only
    silence can hold it up, and that is bounded.  */
static uint64_t longest_wait (const world_t *w_, int family_, size_t index_)
{
    const model_t *const m = &w_->model;
    const unsigned place = place_of (w_, family_, (unsigned) index_);
    /*  The timer of an attempt starts anew when it connects.  */
    const uint64_t delay =
      w_->config.attempt_delay * (w_->config.greets ? 2 : 1);
    uint64_t ahead = 0;
    size_t f, i;

    for (f = 0; f < ZDS_FAMILIES; f++)
        for (i = 0; i < m->count[f]; i++)
            ahead += place_of (w_, (int) f, (unsigned) i) < place;
    /*  An attempt started before all was known.  */
    if (w_->first_start <= w_->last_answer)
        ahead++;
    if (m->count[0] + m->count[1] <= ZDS_RACE_MAX_RUNNING)
        return w_->config.resolution_delay + ahead * delay;
    return w_->config.resolution_delay
           + (ahead + 1) * (delay + ZDS_RACE_PATIENCE);
}

static bool is_reachable (const world_t *w_, const host_addr_t *host_)
{
    const unsigned limit = w_->config.attempt_timeout;

    const unsigned most = w_->config.greeting_timeout;

    if (w_->config.greets
        && (host_->manners != GREETS || host_->says >= ZDS_RACE_PATIENCE
            || (most > 0 && host_->says >= most)))
        return false;
    return host_->behaviour == CONNECTS_AT_ONCE
           || (host_->behaviour == CONNECTS && host_->after < ZDS_RACE_PATIENCE
               && (limit == 0 || host_->after < limit));
}

/*  Whether the peer speaks within the attempt delay: such a good peer must not be
    passed over for one that says nothing.  */
static bool is_prompt (const world_t *w_, const host_addr_t *host_)
{
    return is_reachable (w_, host_)
           && (host_->behaviour == CONNECTS_AT_ONCE
               || host_->after < w_->config.attempt_delay)
           && host_->says < w_->config.attempt_delay;
}

static void check_reached (world_t *w_, bool won_)
{
    const model_t *const m = &w_->model;
    size_t f, i;

    /*  In these races, an attempt that has no descriptor does not get that of another
        one either.  */
    if (w_->late || w_->replaced || w_->gave_descriptor)
        return;
    for (f = 0; f < ZDS_FAMILIES; f++)
        for (i = 0; i < m->count[f]; i++) {
            const host_addr_t *const host =
              &w_->addr[f][index_of (&m->list[f][i].addr)];

            if (!is_reachable (w_, host))
                continue;
            LAW (won_, "a host that answers is not reached");
            w_->saw[SAW_REACHED]++;
            if (!w_->plain)
                continue;
            LAW (w_->now <= w_->last_answer + longest_wait (w_, (int) f, i)
                              + host->after
                              + (w_->config.greets ? host->says : 0),
                 "a host that answers is reached too late");
        }
}

/*  If the winner has not greeted, no good peer was kept waiting for it.  */
static void check_winner (world_t *w_, const connection_t *winner_)
{
    const model_t *const m = &w_->model;
    size_t f, i;

    LAW (winner_->open && winner_->connects && winner_->connected,
         "WON by an attempt that did not connect");
    w_->saw[SAW_GREETED] += winner_->greets;
    w_->saw[SAW_HANDED_OVER] += w_->config.greets && !winner_->greets;
    w_->saw[SAW_HANDED_OVER_LATE] += w_->config.greets && !winner_->greets
                                     && winner_->manners == MUTE
                                     && w_->starts > 1;
    if (!w_->config.greets || winner_->greets)
        return;
    for (f = 0; f < ZDS_FAMILIES; f++)
        for (i = 0; i < m->count[f]; i++) {
            const host_addr_t *const host =
              &w_->addr[f][index_of (&m->list[f][i].addr)];
            LAW (m->fate[f][i] != ZDS_FATE_UNTRIED,
                 "WON without a greeting, and there is more to try");
            if (!w_->late && !w_->replaced && w_->race.count <= 6)
                LAW (winner_->manners == GREETS || !is_prompt (w_, host),
                     "WON without a greeting, and a good peer was there");
        }
}

static void check_outcome (world_t *w_, const zds_race_step_t *step_)
{
    const bool won = step_->op == ZDS_RACE_WON;
    static zds_answer_t late;
    zds_race_step_t more;
    const char *text;

    tell (w_, won ? "won" : "lost", won ? &step_->addr : NULL);
    w_->saw[won ? SAW_WON : SAW_FAILED]++;
    w_->saw[SAW_WON_BY_IPV4] += won && step_->addr.sa.sa_family == AF_INET;
    w_->saw[SAW_FAILED_REFUSED] += !won && step_->error == ECONNREFUSED;
    w_->saw[SAW_WON_AFTER_RETRY] += won && w_->rounds > 0;
    if (won) {
        check_winner (w_, &w_->connection[step_->attempt]);
        LAW (w_->open == 1, "WON, and others are open");
    } else {
        LAW (w_->open == 0, "FAILED, and an attempt runs");
        LAW (w_->model.ask.outstanding == 0, "FAILED, and an answer may come");
    }
    check_reached (w_, won);
    text = model_check_fates (&w_->model, &w_->race);
    LAW (text == NULL, text);

    /*  It is final.  */
    zds_race_failed (&w_->race, step_->attempt, EIO);
    zds_race_connected (&w_->race, 0, w_->now + 1);
    zds_race_greeted (&w_->race, 0, w_->now + 1);
    zds_race_unsigned (&w_->race, 0);
    zds_race_again (&w_->race);
    late.count = 1;
    late.addr[0] = known_addr[0][MAX_ADDRESSES - 1];
    zds_race_answer (&w_->race, ZDS_LOOK_WHOLE, &late);
    more = zds_race_next (&w_->race, w_->now + 1000000);
    LAW (more.op == step_->op && more.error == step_->error
           && (!won || zds_addr_equal (&more.addr, &step_->addr)),
         "the outcome changes");
}

/*  Does what the race says; the time until which it waits, 0 when it is over.  */
static uint64_t do_steps (world_t *w_)
{
    unsigned steps;

    for (steps = 0; steps < 1000 && w_->wrong == NULL; steps++) {
        const zds_race_step_t step = zds_race_next (&w_->race, w_->now);
        const char *const text = step.op == ZDS_RACE_START
                                   ? NULL
                                   : model_step (&w_->model, &step, w_->now);

        if (text != NULL) {
            tell (w_, model_text_of_op (step.op), NULL);
            wrong (w_, text);
            break;
        }
        switch (step.op) {
            case ZDS_RACE_WAIT:
                LAW (step.deadline > w_->now, "WAIT for the past");
                return step.deadline;
            case ZDS_RACE_ASK:
                make_look_ups (w_, step.looks);
                break;
            case ZDS_RACE_START: {
                const char *start;
                if (step.attempt >= ZDS_RACE_MAX_RUNNING) {
                    wrong (w_, "START with a number out of range");
                    break;
                }
                check_start (w_, &step);
                check_alternation (w_, family_of (&step.addr),
                                   (unsigned) model_find (
                                     w_->model.list[family_of (&step.addr)],
                                     w_->model.count[family_of (&step.addr)],
                                     &step.addr));
                start = model_step (&w_->model, &step, w_->now);
                if (start != NULL) {
                    tell (w_, "START", &step.addr);
                    wrong (w_, start);
                    break;
                }
                start_attempt (w_, &step);
                break;
            }
            case ZDS_RACE_CANCEL:
                cancel_attempt (w_, &step);
                break;
            case ZDS_RACE_RETRY:
                tell (w_, "retry", NULL);
                w_->saw[SAW_RETRY]++;
                LAW (w_->again == ZDS_NEVER, "RETRY twice");
                w_->again = w_->now + w_->interval;
                break;
            case ZDS_RACE_WON:
            case ZDS_RACE_FAILED:
                check_outcome (w_, &step);
                return 0;
        }
    }
    LAW (steps < 1000, "no end of steps");
    return 0;
}

static void call_again (world_t *w_)
{
    tell (w_, "again", NULL);
    w_->rounds++;
    w_->again = ZDS_NEVER;
    w_->replaced = true;
    memset (w_->started, 0, sizeof w_->started);
    zds_race_again (&w_->race);
    model_again (&w_->model);
}

/*  What happens next; of events at the same time, any may come first.  */
typedef enum
{
    TIMER,
    ANSWER,
    RUNS,
    CONNECTION,
    AGAIN
} happening_t;

static void
consider (world_t *w_, uint64_t time_, uint64_t *best_, bool *is_best_)
{
    *is_best_ =
      time_ < *best_
      || (time_ == *best_ && time_ != ZDS_NEVER && chance (&w_->random, 50));
    if (*is_best_)
        *best_ = time_;
}

/*  False when nothing will ever happen.  */
static bool let_happen (world_t *w_, uint64_t deadline_)
{
    uint64_t best = deadline_;
    happening_t what = TIMER;
    unsigned which = 0, i;
    bool is_best;

    for (i = 0; i < ZDS_LOOKS; i++) {
        consider (w_, w_->answer[i].time, &best, &is_best);
        if (is_best) {
            what = ANSWER;
            which = i;
        }
    }
    consider (w_, w_->runs_at, &best, &is_best);
    if (is_best)
        what = RUNS;
    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++) {
        if (!w_->connection[i].open)
            continue;
        consider (w_, w_->connection[i].ends, &best, &is_best);
        if (is_best) {
            what = CONNECTION;
            which = i;
        }
    }
    if (w_->rounds < MAX_ROUNDS) {
        consider (w_, w_->again, &best, &is_best);
        if (is_best)
            what = AGAIN;
    }
    if (best == ZDS_NEVER)
        return false;

    if (best > w_->now)
        w_->now = best;
    if (what == TIMER && w_->late)
        w_->now += draw (&w_->random, 40);
    switch (what) {
        case TIMER:
            break;
        case ANSWER:
            give_answer (w_, which);
            break;
        case RUNS:
            w_->runs_at = ZDS_NEVER;
            zds_ask_runs (&w_->race.ask, w_->now);
            zds_ask_runs (&w_->model.ask, w_->now);
            break;
        case CONNECTION:
            if (w_->connection[which].connects)
                hear_from (w_, which);
            else
                fail_attempt (w_, which, w_->connection[which].error);
            break;
        case AGAIN:
            call_again (w_);
            break;
    }
    return true;
}

/*  NULL, or the law that was broken.  */
static const char *run_race (world_t *w_, uint64_t seed_, uint64_t number_)
{
    uint64_t deadline;
    unsigned events;

    seed (&w_->random, seed_, number_);
    draw_world (w_);
    begin (w_);

    deadline = do_steps (w_);
    for (events = 0; deadline != 0 && w_->wrong == NULL; events++) {
        if (w_->asks > MAX_ASKS || !let_happen (w_, deadline)) {
            /*  Nothing but silence is left.  */
            LAW (w_->open > 0 || w_->model.ask.outstanding != 0,
                 "waits for nothing");
            check_reached (w_, false);
            w_->saw[SAW_SILENCE_TO_THE_END]++;
            break;
        }
        LAW (events < 10000, "no end of events");
        LAW (w_->now - w_->begun < HORIZON, "no end in an hour");
        deadline = do_steps (w_);
    }
    return w_->wrong;
}

static uint64_t number_from (const char *variable_, uint64_t default_)
{
    const char *const text = getenv (variable_);

    return text == NULL || *text == '\0' ? default_ : strtoull (text, NULL, 0);
}

static void test_a_million_races (void **state_)
{
    const uint64_t seed = number_from ("ZDS_SIM_SEED", 8305);
    const uint64_t only = number_from ("ZDS_SIM_ONLY", ZDS_NEVER);
    uint64_t first = 0, end = number_from ("ZDS_SIM_RACES", DEFAULT_RACES), i;
    static world_t world;
    (void) state_;

    invent_addresses ();
    if (only != ZDS_NEVER) {
        first = only;
        end = only + 1;
        world.trace = true;
    }
    for (i = first; i < end; i++) {
        const char *const text = run_race (&world, seed, i);
        if (text != NULL)
            fail_msg ("%s (ZDS_SIM_SEED=%llu ZDS_SIM_ONLY=%llu shows it)", text,
                      (unsigned long long) seed, (unsigned long long) i);
    }
    for (i = 0; end - first >= 10000 && i < SIGHTS; i++)
        if (world.saw[i] == 0)
            fail_msg ("sight %d was never seen", (int) i);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_million_races),
    };
    return cmocka_run_group_tests_name ("simulator", tests, NULL, NULL);
}
