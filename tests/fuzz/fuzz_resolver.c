/* SPDX-License-Identifier: MPL-2.0 */

/*  The resolver under any schedule: its threads are coroutines here, of which the
    input says which one goes on, how long a look-up takes, which allocation and
    which start of a thread fails.  Everybody who asks gets one answer, to the
    question that was asked; the bounds of zds_resolver.h hold; nothing is left over,
    and no thread waits while there is work.

    The first byte is the number of threads and how it all ends, each further one
    an event with its arguments.  */

#include "fuzz.h"

#include <ucontext.h>

#include "zds_resolver.h"
#include "zds_thread.h"

static int mutex_init (zds_mutex_t *mutex_);
static void mutex_destroy (zds_mutex_t *mutex_);
static void mutex_lock (zds_mutex_t *mutex_);
static void mutex_unlock (zds_mutex_t *mutex_);
static int
thread_start (const char *name_, void (*run_) (void *arg_), void *arg_);
static long process_id (void);
static uint64_t clock_ms (void);
static void *counted_malloc (size_t size_);
static void *counted_calloc (size_t count_, size_t size_);
static void counted_free (void *block_);

#define zds_resolver_new fiber_resolver_new
#define zds_resolver_release fiber_resolver_release
#define zds_resolver_ask fiber_resolver_ask
#define zds_resolver_collect fiber_resolver_collect
#define zds_resolver_cancel fiber_resolver_cancel
#define zds_resolver_runs fiber_resolver_runs
#define zds_inbox_init fiber_inbox_init
#undef zds_mutex_init
#undef zds_mutex_destroy
#undef zds_mutex_lock
#undef zds_mutex_unlock
#define zds_mutex_init mutex_init
#define zds_mutex_destroy mutex_destroy
#define zds_mutex_lock mutex_lock
#define zds_mutex_unlock mutex_unlock
#define zds_thread_start thread_start
#define zds_process_id process_id
/*  Less than the number of names, so that answers are forgotten.  */
#define ZDS_RESOLVER_RECENT 5
#define malloc counted_malloc
#define calloc counted_calloc
#define free counted_free
#include "zds_resolver.c"
#undef malloc
#undef calloc
#undef free

enum
{
    FIBERS = 48,
    STACK = 1 << 16,
    WAITERS = 24,
    INBOXES = 2,
    NAMES = 6,
    TEMPORARY = NAMES - 1, /* the one name that fails */
    MAX_THREADS = 3,
    PATIENCE = 20000
};

typedef enum
{
    FREE,
    READY,
    LOOKING_UP
} state_t;

typedef struct
{
    state_t state;
    ucontext_t context;
    void (*run) (void *arg_);
    void *arg;
    /*  LOOKING_UP  */
    unsigned name;
    zds_look_t look;
    uint64_t begun;
    bool has_looked_up;
} fiber_t;

/*  What somebody who asked is still to get.  */
typedef struct
{
    zds_waiter_t waiter;
    enum
    {
        IDLE,
        ASKED,
        ANSWERED
    } state;
    unsigned name, inbox;
    zds_look_t look;
} party_t;

static fiber_t fiber[FIBERS];
static char stack[FIBERS][STACK];
static ucontext_t scheduler;
static int current; /* -1: the one who asks */

static struct
{
    zds_resolver_t *resolver;
    unsigned threads;
    uint64_t now;
    bool is_locked;
    unsigned allocations_until_failure; /* 0: none fails */
    bool starts_fail;
    bool any_fault;
    bool is_made_here; /* a look-up by the one who asks */
    long blocks;
    party_t party[WAITERS];
    zds_inbox_t inbox[INBOXES];
    bool is_woken[INBOXES];
    unsigned serial;
    uint64_t last_end[NAMES][ZDS_LOOKS];
} w;

/*  Memory.  */

static bool is_allocation_to_fail (void)
{
    return w.allocations_until_failure > 0
           && --w.allocations_until_failure == 0;
}

static void *counted_calloc (size_t count_, size_t size_)
{
    void *const block =
      is_allocation_to_fail () ? NULL : calloc (count_, size_);

    w.any_fault = w.any_fault || block == NULL;
    w.blocks += block != NULL;
    return block;
}

static void *counted_malloc (size_t size_)
{
    return counted_calloc (1, size_);
}

static void counted_free (void *block_)
{
    w.blocks -= block_ != NULL;
    free (block_);
}

/*  Threads.  A coroutine stops where it takes the lock or looks up.  */

static void fiber_main (void)
{
    fiber_t *const self = &fiber[current];

    self->run (self->arg);
    MUST (!w.is_locked, "a thread ends with the lock");
    self->state = FREE;
    setcontext (&scheduler);
}

static void resume (unsigned index_)
{
    current = (int) index_;
    swapcontext (&scheduler, &fiber[index_].context);
    current = -1;
}

static void pause_as (state_t state_)
{
    fiber_t *const self = &fiber[current];

    MUST (!w.is_locked, "a thread stops with the lock");
    self->state = state_;
    swapcontext (&self->context, &scheduler);
    self->state = READY;
}

static bool can_go_on (const fiber_t *fiber_, bool for_no_reason_)
{
    return fiber_->state == READY
           || (fiber_->state == LOOKING_UP && for_no_reason_);
}

static void make_fiber (unsigned index_, void (*run_) (void *), void *arg_)
{
    fiber_t *const self = &fiber[index_];

    memset (self, 0, sizeof *self);
    self->run = run_;
    self->arg = arg_;
    self->state = READY;
    getcontext (&self->context);
    self->context.uc_stack.ss_sp = stack[index_];
    self->context.uc_stack.ss_size = STACK;
    makecontext (&self->context, fiber_main, 0);
}

static int
thread_start (const char *name_, void (*run_) (void *arg_), void *arg_)
{
    unsigned i = 0;

    MUST (strcmp (name_, "fuzz") == 0, "another name");
    if (w.starts_fail) {
        w.any_fault = true;
        return EAGAIN;
    }
    while (fiber[i].state != FREE)
        MUST (++i < FIBERS, "more threads than there may be");
    make_fiber (i, run_, arg_);
    return 0;
}

static long process_id (void)
{
    return 1;
}

static int mutex_init (zds_mutex_t *mutex_)
{
    (void) mutex_;
    return 0;
}

static void mutex_destroy (zds_mutex_t *mutex_)
{
    (void) mutex_;
    MUST (!w.is_locked, "a lock destroyed that is held");
}

/*  A look-up has ended when the resolver has its answer.  */
static void note_end (fiber_t *self_)
{
    if (self_->has_looked_up)
        w.last_end[self_->name][self_->look] = w.now;
    self_->has_looked_up = false;
}

static void mutex_lock (zds_mutex_t *mutex_)
{
    (void) mutex_;
    if (current >= 0) {
        pause_as (READY);
        note_end (&fiber[current]);
    }
    MUST (!w.is_locked, "the lock is taken twice");
    w.is_locked = true;
}

static void mutex_unlock (zds_mutex_t *mutex_)
{
    (void) mutex_;
    MUST (w.is_locked, "a lock is given back that nobody has");
    w.is_locked = false;
}

static uint64_t clock_ms (void)
{
    return w.now;
}

/*  Look-ups.  The answer holds the question, and a number.  */

static void check_bounds (const fiber_t *self_)
{
    unsigned all = 0, i;

    for (i = 0; i < FIBERS; i++) {
        const fiber_t *const one = &fiber[i];
        if ((one->state != LOOKING_UP && one != self_)
            || one->look != self_->look)
            continue;
        all++;
        MUST (one == self_ || one->name != self_->name,
              "the same look-up twice at a time");
    }
    MUST (all <= ZDS_RESOLVER_CROWD * w.threads, "too many look-ups");
}

/*  On a thread of the resolver.  */
static void wait_in_look_up (unsigned name_, zds_look_t look_)
{
    fiber_t *const self = &fiber[current];

    self->name = name_;
    self->look = look_;
    self->begun = w.now;
    check_bounds (self);
    pause_as (LOOKING_UP);
    self->has_looked_up = true;
}

static void look_up (const char *host_, zds_look_t look_, zds_answer_t *answer_)
{
    const unsigned name = (unsigned) (host_[1] - '0');
    uint8_t *bytes;
    size_t i;

    MUST (host_[0] == 'h' && name < NAMES, "the arguments of a look-up");
    if (current >= 0)
        wait_in_look_up (name, look_);
    else {
        MUST (!w.is_locked, "a look-up with the lock");
        MUST (w.any_fault, "a look-up by the one who asks");
        w.is_made_here = true;
    }
    answer_->count = w.serial % 4;
    for (i = 0; i < answer_->count; i++) {
        zds_addr_any (&answer_->addr[i], AF_INET6);
        bytes = answer_->addr[i].v6.sin6_addr.s6_addr;
        bytes[0] = (uint8_t) name;
        bytes[1] = (uint8_t) look_;
        bytes[2] = (uint8_t) ((i + w.serial / 4) % answer_->count);
    }
    w.serial++;
    answer_->status =
      name == TEMPORARY ? ZDS_LOOKUP_TEMPORARY : ZDS_LOOKUP_DONE;
}

/*  The addresses may be turned to any order, but each comes once.  */
static void check_answer (const party_t *party_, zds_look_t look_)
{
    const zds_answer_t *const answer = party_->waiter.answer;
    unsigned seen = 0;
    size_t i;

    MUST (answer != NULL || w.any_fault, "no answer");
    if (answer == NULL)
        return;
    MUST ((answer->status == ZDS_LOOKUP_TEMPORARY)
            == (party_->name == TEMPORARY),
          "another status");
    for (i = 0; i < answer->count; i++) {
        const uint8_t *const bytes = answer->addr[i].v6.sin6_addr.s6_addr;
        MUST (bytes[0] == party_->name && bytes[1] == look_,
              "the answer to another question");
        seen |= 1u << bytes[2];
    }
    MUST (seen == (1u << answer->count) - 1, "an address lost");
}

/*  Those who ask.  */

static void wake (void *arg_)
{
    const unsigned inbox = (unsigned) ((zds_inbox_t *) arg_ - w.inbox);

    MUST (!w.is_woken[inbox], "woken twice");
    w.is_woken[inbox] = true;
}

static void ask_as (party_t *party_, input_t *input_)
{
    char host[3] = "h0";
    const unsigned bits = byte_of (input_);

    if (party_->state != IDLE)
        return;
    party_->name = (bits & 63) % NAMES;
    party_->look = bits & 128 ? ZDS_LOOK_IPV4 : ZDS_LOOK_WHOLE;
    party_->inbox = bits >> 6 & 1;
    host[1] = (char) ('0' + party_->name);
    w.is_made_here = false;
    if (!zds_resolver_ask (w.resolver, host, party_->look, ZDS_LOOK_IPV4,
                           &party_->waiter, &w.inbox[party_->inbox])) {
        party_->state = ASKED;
        return;
    }
    party_->state = ANSWERED;
    check_answer (party_, w.is_made_here ? ZDS_LOOK_IPV4 : party_->look);
    MUST (party_->waiter.answer == NULL || w.is_made_here
            || w.now - w.last_end[party_->name][party_->look]
                 < ZDS_RESOLVER_FRESH,
          "an answer that is not fresh");
}

static void collect (unsigned inbox_)
{
    zds_waiter_t *const waiter =
      zds_resolver_collect (w.resolver, &w.inbox[inbox_]);
    party_t *const party = (party_t *) waiter;

    if (party == NULL) {
        w.is_woken[inbox_] = false;
        return;
    }
    /*  Once it was emptied, the next answer has to wake its owner.  */
    if (is_empty (&w.inbox[inbox_].waiters))
        w.is_woken[inbox_] = false;
    MUST (party->state == ASKED && party->inbox == inbox_,
          "an answer that nobody waits for");
    party->state = ANSWERED;
    check_answer (party, party->look);
}

static void cancel (party_t *party_)
{
    if (party_->state != ASKED)
        return;
    zds_resolver_cancel (w.resolver, &party_->waiter);
    if (is_empty (&w.inbox[party_->inbox].waiters))
        w.is_woken[party_->inbox] = false;
    MUST (party_->waiter.answer == NULL && party_->waiter.query == NULL
            && party_->waiter.inbox == NULL,
          "cancelled, and still waiting");
    party_->state = IDLE;
}

static void drop (party_t *party_)
{
    if (party_->state != ANSWERED)
        return;
    counted_free (party_->waiter.answer);
    party_->state = IDLE;
}

/*  Lets everybody do whatever there is to do, except end look-ups.  */
static void settle (void)
{
    unsigned turns = 0, i;
    bool any;

    do {
        any = false;
        MUST (turns++ < PATIENCE, "no end of work");
        for (i = 0; i < FIBERS; i++)
            if (can_go_on (&fiber[i], false)) {
                resume (i);
                any = true;
            }
    } while (any);
}

/*  When all threads wait, there must be no work.  The exception is a name that was
    slow a minute ago: it waits until the next look-up ends.  */
static void check_nobody_sleeps_on_work (void)
{
    const zds_query_t *query = NULL;
    unsigned i;

    for (i = 0; i < INBOXES; i++)
        MUST (is_empty (&w.inbox[i].waiters) || w.is_woken[i],
              "an answer lies there, and nobody was woken");
    for (i = 0; i < ZDS_LOOKS; i++) {
        const zds_query_t *const next =
          next_to_run (w.resolver, (zds_look_t) i);
        MUST (w.any_fault || next == NULL || next->suspect_until != 0,
              "a query could run, and everybody waits");
    }
    while ((query = next_query (w.resolver, query)) != NULL)
        MUST (query->state != QUEUED
                || running (w.resolver, query->look, false) > 0,
              "nobody is there for a query");
}

static void resume_one (unsigned which_)
{
    unsigned i;

    for (i = 0; i < FIBERS; i++) {
        const unsigned at = (which_ + i) % FIBERS;
        if (can_go_on (&fiber[at], true)) {
            resume (at);
            return;
        }
    }
}

static void let_look_ups_end (void)
{
    unsigned i;

    settle ();
    for (i = 0; i < FIBERS; i++)
        if (fiber[i].state == LOOKING_UP)
            resume (i);
    settle ();
}

static void let_event_happen (unsigned event_, input_t *input_)
{
    const unsigned which = event_ >> 4;

    switch (event_ & 15) {
        case 0:
        case 1:
        case 2:
            ask_as (&w.party[byte_of (input_) % WAITERS], input_);
            break;
        case 3:
            cancel (&w.party[byte_of (input_) % WAITERS]);
            break;
        case 4:
            collect (which % INBOXES);
            break;
        case 5:
            drop (&w.party[byte_of (input_) % WAITERS]);
            break;
        case 6:
            w.now += which * 10;
            break;
        case 7:
            w.now += word_of (input_);
            break;
        case 8:
            settle ();
            check_nobody_sleeps_on_work ();
            break;
        case 9:
            w.allocations_until_failure = which;
            break;
        case 10:
            w.starts_fail = which % 4 == 0;
            break;
        default:
            resume_one (which * 3 + (event_ & 3));
            break;
    }
}

/*  Once there are no more faults, everybody gets an answer within a bounded number of
    steps.  */
static void answer_everybody (void)
{
    unsigned turns, i, asked;

    for (turns = 0;; turns++) {
        MUST (turns < 1000, "somebody waits for ever");
        let_look_ups_end ();
        check_nobody_sleeps_on_work ();
        for (i = 0; i < INBOXES; i++)
            while (!is_empty (&w.inbox[i].waiters))
                collect (i);
        for (i = 0, asked = 0; i < WAITERS; i++)
            asked += w.party[i].state == ASKED;
        if (asked == 0)
            return;
        w.now += 100;
    }
}

static void end (void)
{
    unsigned i, turns = 0;
    bool any;

    for (i = 0; i < WAITERS; i++) {
        cancel (&w.party[i]);
        drop (&w.party[i]);
    }
    zds_resolver_release (w.resolver);
    do {
        any = false;
        MUST (turns++ < PATIENCE, "threads that do not end");
        for (i = 0; i < FIBERS; i++)
            if (can_go_on (&fiber[i], true)) {
                resume (i);
                any = true;
            }
    } while (any);
    for (i = 0; i < FIBERS; i++)
        MUST (fiber[i].state == FREE, "a thread is left over");
    MUST (w.blocks == 0, "memory is left over");
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, data + size};
    const unsigned bits = byte_of (&input);
    unsigned i;

    memset (&w, 0, sizeof w);
    current = -1;
    w.now = 100000;
    w.threads = 1 + bits % MAX_THREADS;
    for (i = 0; i < INBOXES; i++)
        zds_inbox_init (&w.inbox[i], wake, &w.inbox[i]);
    w.resolver = zds_resolver_new (w.threads, "fuzz", look_up, clock_ms);
    if (w.resolver == NULL)
        return 0;
    while (!is_at_end (&input))
        let_event_happen (byte_of (&input), &input);

    w.allocations_until_failure = 0;
    w.starts_fail = false;
    if ((bits & 128) == 0)
        answer_everybody ();
    end ();
    return 0;
}
