/* SPDX-License-Identifier: MPL-2.0 */

/*  Any sequence of events, sensible or not: the race must do what the model says, and
    must never crash.

    The first bytes are the configuration, each further one an event with its
    arguments.  Nothing here keeps to the order that zds_race.h asks for: steps
    are not always carried out before the next event, attempts end that never
    began, answers come unasked and again and again.  */

#include "fuzz.h"
#include "race_model.h"

typedef struct
{
    zds_race_t race;
    model_t model;
    uint64_t now, deadline;
    unsigned open; /* bits: attempts of which the caller has the socket */
} fuzz_t;

/*  Takes the next step; false when that is to wait, or the race is over.  */
static bool take_step (fuzz_t *f_)
{
    const zds_race_step_t step = zds_race_next (&f_->race, f_->now);

    check (model_step (&f_->model, &step, f_->now));
    switch (step.op) {
        case ZDS_RACE_START:
            f_->open |= 1u << step.attempt;
            return true;
        case ZDS_RACE_CANCEL:
            f_->open &= ~(1u << step.attempt);
            return true;
        case ZDS_RACE_ASK:
        case ZDS_RACE_RETRY:
            return true;
        case ZDS_RACE_WAIT:
            f_->deadline = step.deadline;
            return false;
        case ZDS_RACE_WON:
            if (f_->open != 1u << step.attempt)
                stop ("WON, and others are open");
            return false;
        case ZDS_RACE_FAILED:
            if (f_->open != 0)
                stop ("FAILED, and an attempt is open");
            return false;
    }
    stop ("an operation that is not known");
    return false;
}

static void take_steps (fuzz_t *f_)
{
    unsigned steps;

    for (steps = 0; take_step (f_); steps++)
        if (steps > 1000)
            stop ("no end of steps");
}

static void fill_in (zds_addr_t *addr_, int family_, unsigned number_)
{
    zds_addr_any (addr_, family_);
    if (family_ == AF_INET6) {
        addr_->v6.sin6_addr.s6_addr[0] = 0x20;
        addr_->v6.sin6_addr.s6_addr[15] = (uint8_t) number_;
    } else
        addr_->v4.sin_addr.s_addr = htonl (0x0a000000u + number_);
}

/*  Sets records, as zds_history_recall does: any record for each address, but only
    one has won.  */
static void recall (fuzz_t *f_, unsigned marks_)
{
    bool has_winner = false;
    size_t i;

    for (i = 0; i < f_->race.count; i++) {
        zds_candidate_t *const c = &f_->race.candidate[i];
        const unsigned number = (unsigned) zds_addr_hash (&c->addr) >> 3;
        c->record = (zds_record_t) (marks_ >= 128 ? number % 5 : 0);
        if (c->record == ZDS_RECORD_WON && has_winner)
            c->record = ZDS_RECORD_NONE;
        has_winner = has_winner || c->record == ZDS_RECORD_WON;
        c->record_time = number;
        c->waited = (marks_ & 64) != 0 ? number % 300 : 0;
    }
}

static void give_answer (fuzz_t *f_, input_t *input_, unsigned kind_)
{
    static zds_answer_t answer;
    const zds_look_t look = (zds_look_t) (kind_ % ZDS_LOOKS);
    const unsigned count = byte_of (input_) % (ZDS_MAX_ADDRS + 2);
    unsigned number = byte_of (input_), marks = byte_of (input_), i;
    const unsigned stride = number % 8 == 0 ? 0 : number % 3 + 1;

    memset (&answer, 0, sizeof answer);
    answer.status =
      count > ZDS_MAX_ADDRS ? ZDS_LOOKUP_TEMPORARY : ZDS_LOOKUP_DONE;
    answer.host = (uint64_t) (kind_ / ZDS_LOOKS % 3);
    answer.is_exact = kind_ == 15;
    answer.count = count > ZDS_MAX_ADDRS ? 0 : count;
    for (i = 0; i < answer.count; i++) {
        fill_in (&answer.addr[i],
                 look == ZDS_LOOK_IPV6   ? AF_INET6
                 : look == ZDS_LOOK_IPV4 ? AF_INET
                 : (marks & 3) == 3      ? (i % 2 ? AF_INET : AF_INET6)
                 : (i < answer.count / 2) == ((marks & 1) != 0) ? AF_INET6
                                                                : AF_INET,
                 number);
        number = (number + stride) % 256;
    }
    zds_race_answer (&f_->race, look, &answer);
    recall (f_, marks);
    check (model_answer (&f_->model, &f_->race, look, &answer));
}

static void let_event_happen (fuzz_t *f_, input_t *input_, unsigned event_)
{
    static const int errors[] = {ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, EMFILE};
    const unsigned kind = event_ >> 4;
    const unsigned attempt = kind == 15 ? event_ * 7919u : event_ & 7;

    switch (event_ & 15) {
        case 0:
        case 1:
            give_answer (f_, input_, kind);
            break;
        case 2:
        case 3:
            zds_race_failed (&f_->race, kind % 8, errors[kind % 4]);
            if (model_runs (&f_->model, kind % 8))
                f_->open &= ~(1u << kind % 8);
            model_failed (&f_->model, kind % 8, errors[kind % 4]);
            break;
        case 4:
            /*  Seldom, because it ends the race.  */
            if (kind > 11) {
                const unsigned winner = byte_of (input_) % 8;
                zds_race_connected (&f_->race, winner, f_->now);
                model_connected (&f_->model, winner, f_->now);
            } else if (kind == 11) {
                zds_race_greeted (&f_->race, event_ & 7, f_->now);
                model_greeted (&f_->model, event_ & 7, f_->now);
            } else if (kind > 7) {
                zds_race_unsigned (&f_->race, kind - 8);
                model_unsigned (&f_->model, kind - 8);
            }
            break;
        case 5:
            if (kind % 2 == 0) {
                zds_race_again (&f_->race);
                model_again (&f_->model);
            } else {
                zds_ask_runs (&f_->race.ask, f_->now);
                zds_ask_runs (&f_->model.ask, f_->now);
            }
            break;
        case 6:
            f_->now += kind;
            break;
        case 7:
            f_->now += word_of (input_);
            break;
        case 8:
        case 9:
        case 10:
        case 11:
            take_steps (f_);
            if (f_->deadline != ZDS_NEVER && f_->deadline > f_->now)
                f_->now = f_->deadline;
            break;
        case 12:
            take_step (f_);
            break;
        case 13:
            zds_race_connected (&f_->race, attempt | 8u, f_->now);
            zds_race_failed (&f_->race, attempt | 8u, EIO);
            break;
        case 14:
            (void) zds_race_untested (&f_->race);
            break;
        default:
            break;
    }
}

static void choose_config (zds_race_config_t *config_, input_t *input_)
{
    const unsigned bits = byte_of (input_);

    zds_race_config_default (config_);
    if (bits & 1)
        config_->attempt_delay = word_of (input_) % 2100;
    if (bits & 2)
        config_->resolution_delay = word_of (input_) % 2100;
    if (bits & 4)
        (void) byte_of (input_); /* so that the corpus keeps its meaning */
    if (bits & 8)
        config_->look = ZDS_LOOK_IPV4;
    if (bits & 16)
        config_->attempt_timeout = word_of (input_);
    config_->greets = (bits & 32) != 0;
    if (bits & 64)
        config_->greeting_timeout = word_of (input_);
    if (bits & 128)
        config_->mode = ZDS_MODE_V6;
}

static bool is_within_bounds (const zds_race_config_t *c_)
{
    return c_->attempt_delay >= 10 && c_->attempt_delay <= 2000
           && c_->resolution_delay <= 2000 && c_->families != 0
           && (c_->families & ~6u) == 0;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static fuzz_t fuzz;
    input_t input = {data, data + size};
    zds_race_config_t config;
    unsigned bits;
    int rc;

    choose_config (&config, &input);
    bits = byte_of (&input);
    fuzz.now = bits & 128 ? 0 : 86400000;
    config.hurry = (bits & 16) != 0;
    config.quick = (bits & 32) != 0;
    if ((bits & 15) == 0)
        config.families = bits >> 4 << 1;
    fuzz.open = 0;
    fuzz.deadline = 0;

    rc = zds_race_init (&fuzz.race, &config, fuzz.now);
    if (rc != (is_within_bounds (&config) ? 0 : EINVAL))
        stop ("zds_race_init");
    if (rc != 0)
        return 0;
    model_init (&fuzz.model, &config, fuzz.now);

    while (input.at < input.end) {
        const unsigned event = byte_of (&input);
        let_event_happen (&fuzz, &input, event);
    }
    take_steps (&fuzz);
    check (model_check_fates (&fuzz.model, &fuzz.race));
    return 0;
}
