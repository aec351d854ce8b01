/* SPDX-License-Identifier: MPL-2.0 */

/*  The resolver under any schedule: its threads are coroutines here, of which the
    input says which one goes on, how long a look-up takes, which allocation and
    which start of a thread fails.  Everybody who asks gets one answer, to the
    question that was asked; the bounds of zds_resolver.h hold; nothing is left
    over, and nobody waits although there is work.

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
static int cond_init (zds_cond_t *cond_);
static void cond_destroy (zds_cond_t *cond_);
static void cond_signal (zds_cond_t *cond_);
static void cond_broadcast (zds_cond_t *cond_);
static void cond_wait (zds_cond_t *cond_, zds_mutex_t *mutex_, unsigned ms_);
static int thread_start (zds_thread_t *thread_,
                         const char *name_,
                         void (*run_) (void *arg_),
                         void *arg_);
static void thread_join (zds_thread_t thread_);
static void thread_detach (zds_thread_t thread_);
static bool pin_library (void);
static uint64_t clock_ms (void);
static void *counted_malloc (size_t size_);
static void *counted_calloc (size_t count_, size_t size_);
static void counted_free (void *block_);

#define zds_resolver_new fiber_resolver_new
#define zds_resolver_release fiber_resolver_release
#define zds_resolver_ask fiber_resolver_ask
#define zds_resolver_collect fiber_resolver_collect
#define zds_resolver_cancel fiber_resolver_cancel
#define zds_resolver_drop fiber_resolver_drop
#define zds_mutex_init mutex_init
#define zds_mutex_destroy mutex_destroy
#define zds_mutex_lock mutex_lock
#define zds_mutex_unlock mutex_unlock
#define zds_cond_init cond_init
#define zds_cond_destroy cond_destroy
#define zds_cond_signal cond_signal
#define zds_cond_broadcast cond_broadcast
#define zds_cond_wait cond_wait
#define zds_thread_start thread_start
#define zds_thread_join thread_join
#define zds_thread_detach thread_detach
#define zds_thread_pin_library pin_library
#define zds_clock_ms clock_ms
/*  Fewer answers are kept than there are names.  */
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
    WAITING, /* for the condition */
    LOOKING_UP,
    JOINING,
    ENDED
} state_t;

typedef struct
{
    state_t state;
    ucontext_t context;
    void (*run) (void *arg_);
    void *arg;
    bool is_detached;
    /*  WAITING  */
    bool is_signalled;
    uint64_t deadline;
    /*  LOOKING_UP  */
    unsigned name;
    zds_look_t look;
    uint64_t begun;
    bool has_looked_up;
    /*  JOINING  */
    unsigned target;
} fiber_t;

/*  What somebody who asked is owed.  */
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
    bool pins;
    unsigned allocations_until_failure; /* 0: none fails */
    bool starts_fail;
    bool any_fault;
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

/*  Threads.  A coroutine stops where it takes the lock, waits, joins, or looks
    up.  */

static void fiber_main (void)
{
    fiber_t *const self = &fiber[current];

    self->run (self->arg);
    MUST (!w.is_locked, "a thread ends with the lock");
    self->state = self->is_detached ? FREE : ENDED;
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
    switch (fiber_->state) {
        case READY:
            return true;
        case WAITING:
            return for_no_reason_ || fiber_->is_signalled
                   || w.now >= fiber_->deadline;
        case JOINING:
            return fiber[fiber_->target].state == ENDED;
        case LOOKING_UP:
            return for_no_reason_;
        default:
            return false;
    }
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

static int thread_start (zds_thread_t *thread_,
                         const char *name_,
                         void (*run_) (void *arg_),
                         void *arg_)
{
    unsigned i = 0;

    (void) name_;
    if (w.starts_fail) {
        w.any_fault = true;
        return EAGAIN;
    }
    while (fiber[i].state != FREE)
        MUST (++i < FIBERS, "more threads than there may be");
    make_fiber (i, run_, arg_);
    *thread_ = i + 1;
    return 0;
}

static void thread_join (zds_thread_t thread_)
{
    fiber_t *const target = &fiber[thread_ - 1];
    unsigned turns = 0, i;

    MUST (!w.is_locked, "a join with the lock");
    MUST (target->state != FREE && !target->is_detached, "a join of nothing");
    if (current >= 0) {
        fiber[current].target = (unsigned) thread_ - 1;
        while (target->state != ENDED)
            pause_as (JOINING);
    }
    /*  The one who asks waits, while all others do what they want to; a look-up
        ends when nothing else happens.  */
    while (target->state != ENDED) {
        bool any = false;
        MUST (turns++ < PATIENCE, "no end of a join");
        for (i = 0; i < FIBERS; i++)
            if (can_go_on (&fiber[i], false)) {
                resume (i);
                any = true;
            }
        for (i = 0; !any && i < FIBERS; i++)
            if (fiber[i].state == LOOKING_UP) {
                MUST (!w.pins, "the end waits for a look-up");
                resume (i);
                any = true;
            }
        MUST (any, "a join of a thread that never ends");
    }
    target->state = FREE;
}

static void thread_detach (zds_thread_t thread_)
{
    fiber_t *const target = &fiber[thread_ - 1];

    MUST (target->state != FREE && !target->is_detached, "detached twice");
    target->is_detached = true;
    if (target->state == ENDED)
        target->state = FREE;
}

static bool pin_library (void)
{
    MUST (!w.is_locked, "the linker is asked with the lock");
    return w.pins;
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

/*  An answer is there when the resolver knows it.  */
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

static int cond_init (zds_cond_t *cond_)
{
    (void) cond_;
    return 0;
}

static void cond_destroy (zds_cond_t *cond_)
{
    (void) cond_;
}

static void cond_signal (zds_cond_t *cond_)
{
    unsigned i;

    (void) cond_;
    for (i = 0; i < FIBERS; i++)
        if (fiber[i].state == WAITING && !fiber[i].is_signalled) {
            fiber[i].is_signalled = true;
            return;
        }
}

static void cond_broadcast (zds_cond_t *cond_)
{
    unsigned i;

    (void) cond_;
    for (i = 0; i < FIBERS; i++)
        fiber[i].is_signalled = true;
}

static void cond_wait (zds_cond_t *cond_, zds_mutex_t *mutex_, unsigned ms_)
{
    fiber_t *const self = &fiber[current];

    (void) cond_;
    MUST (ms_ <= ZDS_RESOLVER_SUSPECT, "a wait for too long");
    self->is_signalled = false;
    self->deadline = w.now + ms_;
    mutex_unlock (mutex_);
    pause_as (WAITING);
    MUST (!w.is_locked, "woken, and somebody has the lock");
    w.is_locked = true;
}

static uint64_t clock_ms (void)
{
    return w.now;
}

/*  Look-ups.  The answer holds the question, and a number.  */

static void check_bounds (const fiber_t *self_)
{
    unsigned all = 0, young = 0, i;

    for (i = 0; i < FIBERS; i++) {
        const fiber_t *const one = &fiber[i];
        if (one->state != LOOKING_UP && one != self_)
            continue;
        all++;
        young += w.now - one->begun < ZDS_RESOLVER_SLOW;
        MUST (one == self_ || one->name != self_->name
                || one->look != self_->look,
              "the same look-up twice at a time");
    }
    MUST (all <= 3 * w.threads, "too many look-ups");
    MUST (young <= w.threads, "too many young look-ups");
}

static void
look_up (void *arg_, const char *host_, zds_look_t look_, zds_answer_t *answer_)
{
    fiber_t *const self = &fiber[current];
    const unsigned name = (unsigned) (host_[1] - '0');
    uint8_t *bytes;
    size_t i;

    MUST (arg_ == &w && host_[0] == 'h' && name < NAMES,
          "the arguments of a look-up");
    self->name = name;
    self->look = look_;
    self->begun = w.now;
    check_bounds (self);
    pause_as (LOOKING_UP);

    answer_->count = w.serial % 3;
    for (i = 0; i < answer_->count; i++) {
        zds_addr_any (&answer_->addr[i], AF_INET6);
        bytes = answer_->addr[i].v6.sin6_addr.s6_addr;
        bytes[0] = (uint8_t) name;
        bytes[1] = (uint8_t) look_;
        bytes[2] = (uint8_t) i;
    }
    w.serial++;
    self->has_looked_up = true;
    answer_->status =
      name == TEMPORARY ? ZDS_LOOKUP_TEMPORARY : ZDS_LOOKUP_DONE;
}

static void check_answer (const party_t *party_)
{
    const zds_answer_t *const answer = party_->waiter.answer;
    size_t i;

    MUST (answer != NULL || w.any_fault, "no answer");
    if (answer == NULL)
        return;
    MUST ((answer->status == ZDS_LOOKUP_TEMPORARY)
            == (party_->name == TEMPORARY),
          "another status");
    for (i = 0; i < answer->count; i++) {
        const uint8_t *const bytes = answer->addr[i].v6.sin6_addr.s6_addr;
        MUST (bytes[0] == party_->name && bytes[1] == party_->look
                && bytes[2] == i,
              "the answer to another question");
    }
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
    if (!zds_resolver_ask (w.resolver, host, party_->look, &party_->waiter,
                           &w.inbox[party_->inbox])) {
        party_->state = ASKED;
        return;
    }
    party_->state = ANSWERED;
    check_answer (party_);
    MUST (party_->waiter.answer == NULL
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
    /*  Who empties it has to be woken for the next one.  */
    if (w.inbox[inbox_].first == NULL)
        w.is_woken[inbox_] = false;
    MUST (party->state == ASKED && party->inbox == inbox_,
          "an answer that nobody waits for");
    party->state = ANSWERED;
    check_answer (party);
}

static void cancel (party_t *party_)
{
    if (party_->state != ASKED)
        return;
    zds_resolver_cancel (w.resolver, &party_->waiter);
    if (w.inbox[party_->inbox].first == NULL)
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
    zds_resolver_drop (w.resolver, party_->waiter.answer);
    party_->state = IDLE;
}

/*  Lets everybody do what there is to do, but for the end of look-ups.  */
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

/*  Everybody waits: is there work all the same?  */
static void check_nobody_sleeps_on_work (void)
{
    uint64_t wait = UINT64_MAX;
    unsigned i;

    for (i = 0; i < INBOXES; i++)
        MUST (w.inbox[i].first == NULL || w.is_woken[i],
              "an answer lies there, and nobody was woken");
    MUST (w.any_fault || next_query (w.resolver, w.now, &wait) == NULL,
          "a query could run, and everybody waits");
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

/*  With no more faults everybody gets an answer, and it does not take for
    ever.  */
static void answer_everybody (void)
{
    unsigned turns, i, asked;

    for (turns = 0;; turns++) {
        MUST (turns < 1000, "somebody waits for ever");
        let_look_ups_end ();
        check_nobody_sleeps_on_work ();
        for (i = 0; i < INBOXES; i++)
            while (w.inbox[i].first != NULL)
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
    w.pins = (bits & 64) == 0;
    for (i = 0; i < INBOXES; i++) {
        w.inbox[i].wake = wake;
        w.inbox[i].arg = &w.inbox[i];
    }
    w.resolver = zds_resolver_new (w.threads, look_up, &w);
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
