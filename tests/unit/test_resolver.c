/* SPDX-License-Identifier: MPL-2.0 */

#include "text.h"
#include "zds_thread.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*  This test compiles a copy of the resolver under other names, so that it can
    control the copy's clock, memory and threads.  */
static uint64_t clock_in_hand (void);
static void *malloc_in_hand (size_t size_);
static void *calloc_in_hand (size_t count_, size_t size_);
static int
start_in_hand (const char *name_, void (*run_) (void *arg_), void *arg_);
static long process_in_hand (void);
#define zds_resolver_new in_hand_new
#define zds_resolver_release in_hand_release
#define zds_resolver_ask in_hand_ask
#define zds_resolver_collect in_hand_collect
#define zds_resolver_cancel in_hand_cancel
#define zds_resolver_runs in_hand_runs
#define zds_inbox_init in_hand_inbox
#define zds_process_id process_in_hand
#define zds_thread_start start_in_hand
#define malloc malloc_in_hand
#define calloc calloc_in_hand
#include "zds_resolver.c"
#undef calloc
#undef malloc
#undef zds_thread_start
#undef zds_process_id

/*  How long anything may take before the test gives up.  */
enum
{
    PATIENCE = 30000
};

/*  0: the clock runs; else it stands still at this time.  */
static atomic_ullong clock_stands_at;
static atomic_int allocations_left = -1; /* until one fails; -1: none does */
static atomic_int starts_left = -1;      /* until all fail; -1: none does */
static atomic_bool is_child;

static uint64_t clock_in_hand (void)
{
    const uint64_t stands = atomic_load (&clock_stands_at);

    return stands != 0 ? stands : clock_ms ();
}

static void pass (unsigned ms_)
{
    atomic_fetch_add (&clock_stands_at, ms_);
}

static bool is_to_fail (void)
{
    return atomic_load (&allocations_left) >= 0
           && atomic_fetch_sub (&allocations_left, 1) == 0;
}

static void *malloc_in_hand (size_t size_)
{
    return is_to_fail () ? NULL : malloc (size_);
}

static void *calloc_in_hand (size_t count_, size_t size_)
{
    return is_to_fail () ? NULL : calloc (count_, size_);
}

static long process_in_hand (void)
{
    return atomic_load (&is_child) ? 2 : 1;
}

static int
start_in_hand (const char *name_, void (*run_) (void *arg_), void *arg_)
{
    if (atomic_load (&starts_left) == 0)
        return EAGAIN;
    if (atomic_load (&starts_left) > 0)
        atomic_fetch_sub (&starts_left, 1);
    return zds_thread_start (name_, run_, arg_);
}

/*  The look-ups, and what was seen of them.  Names that begin with "hang" wait until
    the gate is open.  */
static struct
{
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool is_open;
    unsigned begun, ended; /* look-ups */
    unsigned most;         /* at a time */
    unsigned woken;        /* calls of wake () */
    char log[4096];        /* "good/6 good/4" */
    char thread_name[16];
    sigset_t thread_signals;
} world = {.mutex = PTHREAD_MUTEX_INITIALIZER,
           .changed = PTHREAD_COND_INITIALIZER};

static void note_begin (const char *host_, zds_look_t look_)
{
    const size_t used = strlen (world.log);

    world.begun++;
    if (world.begun - world.ended > world.most)
        world.most = world.begun - world.ended;
    if (used + strlen (host_) + 4 < sizeof world.log)
        sprintf (world.log + used, "%s%s/%c", used > 0 ? " " : "", host_,
                 look_ == ZDS_LOOK_IPV6   ? '6'
                 : look_ == ZDS_LOOK_IPV4 ? '4'
                                          : '*');
    prctl (PR_GET_NAME, world.thread_name);
    pthread_sigmask (SIG_SETMASK, NULL, &world.thread_signals);
    pthread_cond_broadcast (&world.changed);
}

static zds_addr_t address (zds_look_t look_, unsigned n_)
{
    zds_addr_t addr =
      addr_of (look_ == ZDS_LOOK_IPV6 ? "2001:db8::" : "192.0.2.0");

    if (look_ == ZDS_LOOK_IPV6)
        ((uint8_t *) &addr.v6.sin6_addr)[15] = (uint8_t) n_;
    else
        ((uint8_t *) &addr.v4.sin_addr)[3] = (uint8_t) n_;
    return addr;
}

/*  Look-ups of names that begin with "turn".  */
static atomic_int turns;
static atomic_bool all_fail;

static void look_up (const char *host_, zds_look_t look_, zds_answer_t *answer_)
{
    size_t i;

    pthread_mutex_lock (&world.mutex);
    note_begin (host_, look_);
    while (strncmp (host_, "hang", 4) == 0 && !world.is_open)
        pthread_cond_wait (&world.changed, &world.mutex);
    world.ended++;
    pthread_cond_broadcast (&world.changed);
    pthread_mutex_unlock (&world.mutex);

    answer_->count = strcmp (host_, "none") == 0       ? 0
                     : strcmp (host_, "many") == 0     ? ZDS_MAX_ADDRS
                     : strncmp (host_, "turn", 4) == 0 ? 3
                     : strcmp (host_, "hang3") == 0    ? 3
                                                       : 1;
    for (i = 0; i < answer_->count; i++)
        answer_->addr[i] = address (look_, (unsigned) i);
    /*  "turn2" rotates from its second look-up on.  */
    if (strncmp (host_, "turn", 4) == 0 && turns++ >= host_[4] - '1')
        for (i = 0; i < 3; i++)
            answer_->addr[i] =
              address (look_, (unsigned) (i + 1 + turns % 2) % 3);
    answer_->status = !atomic_load (&all_fail) && strcmp (host_, "again") != 0
                        ? ZDS_LOOKUP_DONE
                        : ZDS_LOOKUP_TEMPORARY;
}

static void wake (void *arg_)
{
    (void) arg_;
    pthread_mutex_lock (&world.mutex);
    world.woken++;
    pthread_cond_broadcast (&world.changed);
    pthread_mutex_unlock (&world.mutex);
}

static unsigned read_world (const unsigned *value_)
{
    unsigned value;

    pthread_mutex_lock (&world.mutex);
    value = *value_;
    pthread_mutex_unlock (&world.mutex);
    return value;
}

static void wait_until_above (const unsigned *value_, unsigned limit_)
{
    struct timespec end;
    int rc = 0;
    bool is_above;

    clock_gettime (CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE / 1000;
    pthread_mutex_lock (&world.mutex);
    while (*value_ <= limit_ && rc == 0)
        rc = pthread_cond_timedwait (&world.changed, &world.mutex, &end);
    is_above = *value_ > limit_;
    pthread_mutex_unlock (&world.mutex);
    assert_true (is_above);
}

static void wait_for_begun (unsigned count_)
{
    wait_until_above (&world.begun, count_ - 1);
    assert_int_equal (read_world (&world.begun), count_);
}

static void set_gate (bool is_open_)
{
    pthread_mutex_lock (&world.mutex);
    world.is_open = is_open_;
    pthread_cond_broadcast (&world.changed);
    pthread_mutex_unlock (&world.mutex);
}

/*  Lets the look-ups pass that hang now, and waits until they have ended.  */
static void let_pass (void)
{
    const unsigned begun = read_world (&world.begun);

    assert_int_not_equal (begun, 0);
    set_gate (true);
    wait_until_above (&world.ended, begun - 1);
    set_gate (false);
}

/*  Threads of this process.  */
static unsigned count_threads (void)
{
    DIR *dir = opendir ("/proc/self/task");
    unsigned count = 0;

    assert_non_null (dir);
    while (readdir (dir) != NULL)
        count++;
    closedir (dir);
    return count - 2; /* "." and ".." */
}

static void pause_a_little (void)
{
    struct timespec ms = {0, 1000000};

    nanosleep (&ms, NULL);
}

/*  The end of a thread that is not joined is no event that one could wait for, and
    the thread stays in the list for a moment after it.  */
static void wait_for_threads (unsigned count_)
{
    const uint64_t begin = clock_ms ();

    while (count_threads () != count_ && clock_ms () - begin < PATIENCE)
        pause_a_little ();
    assert_int_equal (count_threads (), count_);
}

/*  What most tests use.  */
static zds_resolver_t *resolver;
static zds_inbox_t inbox;
static zds_waiter_t waiters[1000];
static unsigned threads_before;

static int set_up (void **state_)
{
    (void) state_;
    atomic_store (&clock_stands_at, 1000000);
    atomic_store (&allocations_left, -1);
    atomic_store (&starts_left, -1);
    atomic_store (&is_child, false);
    atomic_store (&turns, 0);
    atomic_store (&all_fail, false);
    pthread_mutex_lock (&world.mutex);
    world.is_open = false;
    world.begun = world.ended = world.most = world.woken = 0;
    world.log[0] = '\0';
    pthread_mutex_unlock (&world.mutex);
    zds_inbox_init (&inbox, wake, NULL);
    memset (waiters, 0, sizeof waiters);
    resolver = NULL;
    threads_before = count_threads ();
    return 0;
}

/*  No thread outlives its test.  */
static int tear_down (void **state_)
{
    size_t i;
    (void) state_;

    set_gate (true);
    if (resolver != NULL) {
        for (i = 0; i < COUNT (waiters); i++)
            zds_resolver_cancel (resolver, &waiters[i]);
        zds_resolver_release (resolver);
    }
    wait_for_threads (threads_before);
    return 0;
}

static void start (unsigned threads_)
{
    resolver =
      zds_resolver_new (threads_, "ZMQbg/resolver", look_up, clock_in_hand);
    assert_non_null (resolver);
}

/*  Asks for a name whose answer is not known yet.  */
static void ask_for (unsigned waiter_, const char *host_, zds_look_t look_)
{
    assert_false (zds_resolver_ask (resolver, host_, look_, ZDS_LOOK_IPV4,
                                    &waiters[waiter_], &inbox));
}

static zds_waiter_t *receive (void)
{
    for (;;) {
        const unsigned woken = read_world (&world.woken);
        zds_waiter_t *waiter = zds_resolver_collect (resolver, &inbox);
        if (waiter != NULL)
            return waiter;
        wait_until_above (&world.woken, woken);
    }
}

/*  The next answer is for this waiter, and is not an error.  */
static void receive_for (unsigned waiter_)
{
    zds_waiter_t *waiter = receive ();

    assert_int_equal (waiter - waiters, waiter_);
    assert_non_null (waiter->answer);
    free (waiter->answer);
}

static void ask_and_receive (const char *host_)
{
    ask_for (999, host_, ZDS_LOOK_IPV6);
    receive_for (999);
}

/*  Whether the resolver has the answer at hand.  If not, it may look it up.  */
static bool is_known (const char *host_, zds_look_t look_)
{
    zds_waiter_t waiter;

    if (!zds_resolver_ask (resolver, host_, look_, ZDS_LOOK_IPV4, &waiter,
                           &inbox)) {
        zds_resolver_cancel (resolver, &waiter);
        return false;
    }
    assert_non_null (waiter.answer);
    free (waiter.answer);
    return true;
}

/*  No queued look-up may run before something changes.  */
static void assert_all_wait (void)
{
    unsigned i;
    bool any = false;

    zds_mutex_lock (&resolver->mutex);
    for (i = 0; i < ZDS_LOOKS; i++)
        any = any || next_to_run (resolver, (zds_look_t) i) != NULL;
    zds_mutex_unlock (&resolver->mutex);
    assert_false (any);
}

static bool runs (unsigned waiter_)
{
    return zds_resolver_runs (resolver, &waiters[waiter_]) != ZDS_NEVER;
}

/*  Starts as many look-ups of this kind as may run at a time, all of which hang, for
    the waiters from 800 on.  */
static void fill (zds_look_t look_, unsigned threads_)
{
    const unsigned begun = read_world (&world.begun);
    char host[32];
    unsigned i;

    for (i = 0; i < ZDS_RESOLVER_CROWD * threads_; i++) {
        sprintf (host, "hang.%u", i);
        ask_for (800 + i, host, look_);
    }
    wait_for_begun (begun + i);
}

static void receive_all_of_fill (unsigned threads_)
{
    unsigned i;

    for (i = 0; i < ZDS_RESOLVER_CROWD * threads_; i++)
        free (receive ()->answer);
}

/*  The last byte of the first address.  */
static unsigned first_of (const zds_answer_t *answer_)
{
    return ntohl (answer_->addr[0].v4.sin_addr.s_addr) & 255;
}

/*  With one thread only; several begin their look-ups in any order.  */
static void assert_log (const char *expected_)
{
    char log[sizeof world.log];

    pthread_mutex_lock (&world.mutex);
    strcpy (log, world.log);
    pthread_mutex_unlock (&world.mutex);
    assert_string_equal (log, expected_);
}

static bool has_begun (const char *entry_)
{
    bool has;

    pthread_mutex_lock (&world.mutex);
    has = strstr (world.log, entry_) != NULL;
    pthread_mutex_unlock (&world.mutex);
    return has;
}

static void test_an_answer_comes (void **state_)
{
    static const zds_look_t looks[] = {ZDS_LOOK_WHOLE, ZDS_LOOK_IPV6,
                                       ZDS_LOOK_IPV4};
    static const struct
    {
        const char *host;
        zds_lookup_status_t status;
        size_t count;
    } rows[] = {{"good", ZDS_LOOKUP_DONE, 1},
                {"none", ZDS_LOOKUP_DONE, 0},
                {"many", ZDS_LOOKUP_DONE, ZDS_MAX_ADDRS},
                {"again", ZDS_LOOKUP_TEMPORARY, 1}};
    size_t i, k, look;
    (void) state_;

    start (ZDS_RESOLVER_THREADS);
    for (i = 0; i < COUNT (rows); i++)
        for (look = 0; look < COUNT (looks); look++) {
            const zds_answer_t *answer;
            ask_for (0, rows[i].host, looks[look]);
            assert_ptr_equal (receive (), &waiters[0]);
            assert_null (waiters[0].query);
            assert_null (waiters[0].inbox);
            answer = waiters[0].answer;
            assert_int_equal (answer->status, rows[i].status);
            assert_int_equal (answer->count, rows[i].count);
            for (k = 0; k < answer->count; k++) {
                const zds_addr_t expected = address (looks[look], (unsigned) k);
                assert_true (zds_addr_equal (&answer->addr[k], &expected));
            }
            free (waiters[0].answer);
        }
    assert_null (zds_resolver_collect (resolver, &inbox));
    free (NULL);
}

static void test_no_thread_without_a_question (void **state_)
{
    (void) state_;

    start (ZDS_RESOLVER_THREADS);
    assert_int_equal (count_threads (), threads_before);
}

static void test_a_thread_has_its_name_and_ends (void **state_)
{
    (void) state_;

    start (1);
    ask_and_receive ("good");
    assert_string_equal (world.thread_name, "ZMQbg/resolver");
    wait_for_threads (threads_before);
}

static void test_many_share_one_look_up (void **state_)
{
    unsigned i;
    (void) state_;

    start (ZDS_RESOLVER_THREADS);
    for (i = 0; i < 1000; i++)
        ask_for (i, "hang", i < 500 ? ZDS_LOOK_IPV6 : ZDS_LOOK_IPV4);
    wait_for_begun (2);
    let_pass ();
    for (i = 0; i < 1000; i++)
        free (receive ()->answer);
    assert_null (zds_resolver_collect (resolver, &inbox));
    assert_int_equal (read_world (&world.begun), 2);

    /*  The answers come in the order of the questions, and are announced once.  */
    pass (ZDS_RESOLVER_FRESH);
    pthread_mutex_lock (&world.mutex);
    world.woken = 0;
    pthread_mutex_unlock (&world.mutex);
    for (i = 0; i < 1000; i++)
        ask_for (i, "hang", ZDS_LOOK_IPV6);
    wait_for_begun (3);
    let_pass ();
    wait_until_above (&world.woken, 0);
    for (i = 0; i < 1000; i++)
        receive_for (i);
    assert_int_equal (read_world (&world.woken), 1);
    assert_int_equal (read_world (&world.begun), 3);
}

/*  Starts one thread, which hangs in a look-up of this kind for waiter 0.  */
static void start_one_that_hangs (zds_look_t look_)
{
    start (1);
    atomic_store (&starts_left, 1);
    ask_for (0, "hang", look_);
    wait_for_begun (1);
}

static void test_a_queued_look_up_is_shared (void **state_)
{
    (void) state_;

    start_one_that_hangs (ZDS_LOOK_IPV6);
    ask_for (1, "good", ZDS_LOOK_IPV6);
    ask_for (2, "good", ZDS_LOOK_IPV6);
    assert_true (runs (0));
    assert_false (runs (1));
    assert_false (runs (2));
    set_gate (true);
    receive_for (0);
    receive_for (1);
    receive_for (2);
    assert_false (runs (1));
    assert_log ("hang/6 good/6");
}

static void test_in_the_order_in_which_they_were_asked (void **state_)
{
    (void) state_;

    start_one_that_hangs (ZDS_LOOK_IPV6);
    ask_for (1, "good", ZDS_LOOK_IPV6);
    ask_for (2, "better", ZDS_LOOK_IPV6);
    ask_for (3, "best", ZDS_LOOK_IPV6);
    set_gate (true);
    receive_for (0);
    receive_for (1);
    receive_for (2);
    receive_for (3);
    assert_log ("hang/6 good/6 better/6 best/6");
}

/*  The look-up that stock would make does not wait for one that it would not
    make.  */
static void test_kinds_do_not_wait_for_each_other (void **state_)
{
    (void) state_;

    start (2);
    fill (ZDS_LOOK_WHOLE, 2);
    ask_for (0, "good", ZDS_LOOK_WHOLE);
    ask_for (1, "good", ZDS_LOOK_IPV4);
    receive_for (1);
    ask_for (2, "good", ZDS_LOOK_IPV6);
    receive_for (2);
    assert_false (runs (0));
    assert_all_wait ();
}

static void test_a_fresh_answer_is_given_again (void **state_)
{
    (void) state_;

    start (1);
    ask_and_receive ("good");
    assert_true (is_known ("good", ZDS_LOOK_IPV6));
    assert_false (is_known ("good", ZDS_LOOK_IPV4));
    assert_false (is_known ("goo", ZDS_LOOK_IPV6));
    pass (ZDS_RESOLVER_FRESH - 1);
    assert_true (is_known ("good", ZDS_LOOK_IPV6));
    pass (1);
    ask_and_receive ("good");
    assert_true (is_known ("good", ZDS_LOOK_IPV6));
    pass (ZDS_RESOLVER_FRESH);
    assert_false (is_known ("good", ZDS_LOOK_IPV6));
}

static void test_none_is_an_answer_for_a_moment_and_later_is_not (void **state_)
{
    (void) state_;

    start (1);
    ask_and_receive ("none");
    pass (ZDS_RESOLVER_FRESH_NONE - 1);
    assert_true (is_known ("none", ZDS_LOOK_IPV6));
    pass (1);
    assert_false (is_known ("none", ZDS_LOOK_IPV6));
    ask_and_receive ("again");
    assert_false (is_known ("again", ZDS_LOOK_IPV6));
}

static void test_a_slow_answer_is_fresh_when_it_comes (void **state_)
{
    (void) state_;

    start (1);
    ask_for (0, "hang", ZDS_LOOK_IPV6);
    wait_for_begun (1);
    pass (ZDS_RESOLVER_SLOW);
    let_pass ();
    receive_for (0);
    assert_true (is_known ("hang", ZDS_LOOK_IPV6));
    pass (ZDS_RESOLVER_FRESH - 1);
    assert_true (is_known ("hang", ZDS_LOOK_IPV6));
    pass (1);
    /*  The same the next time, when the name is not slow.  */
    ask_for (0, "hang", ZDS_LOOK_IPV6);
    wait_for_begun (2);
    let_pass ();
    receive_for (0);
    assert_true (is_known ("hang", ZDS_LOOK_IPV6));
}

static void test_a_bounded_number_of_answers_is_kept (void **state_)
{
    char host[32];
    unsigned i;
    (void) state_;

    start (1);
    for (i = 0; i <= ZDS_RESOLVER_RECENT; i++) {
        sprintf (host, "good%u", i);
        ask_and_receive (host);
    }
    assert_true (is_known ("good1", ZDS_LOOK_IPV6));
    assert_true (is_known (host, ZDS_LOOK_IPV6));
    assert_false (is_known ("good0", ZDS_LOOK_IPV6));
}

/*  With stock, each asker would have had a look-up of its own.  The second look-up
    shows that the order rotates.  */
static void test_a_shared_answer_is_dealt_out (void **state_)
{
    unsigned firsts[3] = {0, 0, 0};
    unsigned i;
    (void) state_;

    start (1);
    for (i = 0; i < 30; i++)
        if (!zds_resolver_ask (resolver, "turn1", ZDS_LOOK_IPV4, ZDS_LOOK_IPV4,
                               &waiters[i], &inbox))
            assert_non_null (receive ()->answer);
    for (i = 0; i < 30; i++) {
        assert_int_equal (waiters[i].answer->count, 3);
        firsts[first_of (waiters[i].answer)]++;
        free (waiters[i].answer);
    }
    assert_int_equal (read_world (&world.begun), 2);
    for (i = 0; i < 3; i++)
        assert_true (firsts[i] >= 9 && firsts[i] <= 11);
}

/*  All ask at once: the first one gets the first answer, and the others wait.  */
static void test_who_asked_together_is_dealt_out_too (void **state_)
{
    unsigned i;
    (void) state_;

    start_one_that_hangs (ZDS_LOOK_IPV4);
    for (i = 1; i < 30; i++)
        ask_for (i, "turn3", ZDS_LOOK_IPV4);
    set_gate (true);
    receive_for (0);
    for (i = 1; i < 30; i++) {
        assert_ptr_equal (receive (), &waiters[i]);
        assert_int_equal (waiters[i].answer->count, 3);
    }
    /*  Two orders were equal, the third was not.  */
    assert_log ("hang/4 turn3/4 turn3/4 turn3/4");
    assert_int_equal (first_of (waiters[1].answer), 0);
    assert_int_equal (first_of (waiters[2].answer), 0);
    for (i = 4; i < 30; i++)
        assert_int_equal (first_of (waiters[i].answer),
                          (first_of (waiters[i - 1].answer) + 1) % 3);
    for (i = 1; i < 30; i++)
        free (waiters[i].answer);
}

/*  DNS is asked no more often than with one look-up for each asker.  */
static void test_a_fixed_order_stays (void **state_)
{
    unsigned i;
    (void) state_;

    start (1);
    for (i = 1; i <= 30; i++) {
        if (!zds_resolver_ask (resolver, "turn9", ZDS_LOOK_IPV4, ZDS_LOOK_IPV4,
                               &waiters[0], &inbox))
            assert_ptr_equal (receive (), &waiters[0]);
        assert_int_equal (first_of (waiters[0].answer), 0);
        free (waiters[0].answer);
        assert_int_equal (read_world (&world.begun),
                          i < ZDS_RESOLVER_LOOKS ? i : ZDS_RESOLVER_LOOKS);
    }
    /*  A second later it is found out anew.  */
    pass (ZDS_RESOLVER_FRESH);
    ask_for (0, "turn9", ZDS_LOOK_IPV4);
    receive_for (0);
    ask_for (0, "turn9", ZDS_LOOK_IPV4);
    receive_for (0);
    assert_int_equal (read_world (&world.begun), ZDS_RESOLVER_LOOKS + 2);
}

/*  The second look-up has no answer for now: the first one's counts.  */
static void test_the_second_look_up_fails (void **state_)
{
    (void) state_;

    start (1);
    ask_for (0, "turn9", ZDS_LOOK_IPV4);
    receive_for (0);
    atomic_store (&all_fail, true);
    ask_for (0, "turn9", ZDS_LOOK_IPV4);
    assert_ptr_equal (receive (), &waiters[0]);
    assert_int_equal (waiters[0].answer->status, ZDS_LOOKUP_DONE);
    assert_int_equal (waiters[0].answer->count, 3);
    free (waiters[0].answer);
    assert_true (is_known ("turn9", ZDS_LOOK_IPV4));
}

static void test_cancelled_in_the_queue (void **state_)
{
    (void) state_;

    start (1);
    fill (ZDS_LOOK_IPV6, 1);
    ask_for (1, "one", ZDS_LOOK_IPV6);
    ask_for (2, "two", ZDS_LOOK_IPV6);
    ask_for (3, "two", ZDS_LOOK_IPV6);
    ask_for (4, "three", ZDS_LOOK_IPV6);
    zds_resolver_cancel (resolver, &waiters[1]);
    zds_resolver_cancel (resolver, &waiters[2]);
    assert_null (waiters[1].query);
    assert_null (waiters[1].inbox);
    set_gate (true);
    receive_all_of_fill (1);
    free (receive ()->answer);
    free (receive ()->answer);
    assert_null (zds_resolver_collect (resolver, &inbox));
    assert_false (has_begun ("one/6"));
    assert_true (has_begun ("two/6"));
    assert_true (has_begun ("three/6"));
}

static void test_cancelled_while_it_runs (void **state_)
{
    (void) state_;

    start (1);
    ask_for (0, "hang3", ZDS_LOOK_IPV6);
    ask_for (1, "hang3", ZDS_LOOK_IPV6);
    wait_for_begun (1);
    zds_resolver_cancel (resolver, &waiters[0]);
    zds_resolver_cancel (resolver, &waiters[1]);
    let_pass ();
    wait_for_threads (threads_before);
    assert_int_equal (read_world (&world.woken), 0);
    assert_null (zds_resolver_collect (resolver, &inbox));
    assert_null (waiters[0].answer);
    /*  The look-up was kept.  */
    assert_int_equal (next_query (resolver, NULL)->state, ENDED);
    assert_log ("hang3/6");
}

static void test_asked_again_while_nobody_waits (void **state_)
{
    (void) state_;

    start (1);
    ask_for (0, "hang", ZDS_LOOK_IPV6);
    wait_for_begun (1);
    zds_resolver_cancel (resolver, &waiters[0]);
    ask_for (0, "hang", ZDS_LOOK_IPV6);
    let_pass ();
    receive_for (0);
    assert_int_equal (read_world (&world.begun), 1);
}

static void test_cancelled_in_the_inbox (void **state_)
{
    unsigned i;
    (void) state_;

    start (1);
    for (i = 0; i < 4; i++)
        ask_for (i, "hang", ZDS_LOOK_IPV6);
    wait_for_begun (1);
    let_pass ();
    wait_until_above (&world.woken, 0);
    zds_resolver_cancel (resolver, &waiters[1]);
    assert_null (waiters[1].answer);
    zds_resolver_cancel (resolver, &waiters[0]);
    receive_for (2);
    zds_resolver_cancel (resolver, &waiters[3]);
    assert_null (zds_resolver_collect (resolver, &inbox));
    assert_int_equal (read_world (&world.woken), 1);
    /*  The inbox was empty, so the next answer is announced again.  */
    ask_and_receive ("good");
    assert_int_equal (read_world (&world.woken), 2);
}

static void test_cancelled_without_waiting (void **state_)
{
    (void) state_;

    start (1);
    zds_resolver_cancel (resolver, &waiters[0]);
    ask_for (0, "good", ZDS_LOOK_IPV6);
    assert_ptr_equal (receive (), &waiters[0]);
    zds_resolver_cancel (resolver, &waiters[0]);
    assert_int_equal (waiters[0].answer->count, 1);
    free (waiters[0].answer);
}

static void test_each_inbox_has_its_own (void **state_)
{
    zds_inbox_t other;
    zds_waiter_t waiter;
    (void) state_;

    start (1);
    zds_inbox_init (&other, wake, NULL);
    ask_for (0, "hang", ZDS_LOOK_IPV6);
    assert_false (zds_resolver_ask (resolver, "hang", ZDS_LOOK_IPV6,
                                    ZDS_LOOK_IPV4, &waiter, &other));
    wait_for_begun (1);
    let_pass ();
    wait_until_above (&world.woken, 1);
    receive_for (0);
    assert_null (zds_resolver_collect (resolver, &inbox));
    assert_ptr_equal (zds_resolver_collect (resolver, &other), &waiter);
    free (waiter.answer);
}

static void test_the_number_of_threads_is_bounded (void **state_)
{
    const unsigned most = 2 * ZDS_RESOLVER_CROWD;
    char host[32];
    unsigned i;
    (void) state_;

    start (2);
    for (i = 0; i < 20; i++) {
        sprintf (host, "hang%u", i);
        ask_for (i, host, ZDS_LOOK_IPV6);
    }
    wait_for_begun (most);
    assert_all_wait ();
    assert_int_equal (count_threads (), threads_before + most);
    set_gate (true);
    for (i = 0; i < 20; i++)
        free (receive ()->answer);
    assert_int_equal (world.most, most);
}

static void test_hung_look_ups_do_not_hold_up_others (void **state_)
{
    (void) state_;

    start (2);
    ask_for (0, "hang0", ZDS_LOOK_IPV6);
    ask_for (1, "hang1", ZDS_LOOK_IPV6);
    ask_for (2, "hang2", ZDS_LOOK_IPV6);
    ask_and_receive ("good");
    assert_int_equal (read_world (&world.ended), 1);
}

/*  Makes names known as slow: hang1, hang2 and so on.  */
static void make_slow (unsigned count_)
{
    char host[32];
    unsigned i;

    for (i = 1; i <= count_; i++) {
        const unsigned begun = read_world (&world.begun);
        sprintf (host, "hang%u", i);
        ask_for (i, host, ZDS_LOOK_IPV6);
        wait_until_above (&world.begun, begun);
        pass (ZDS_RESOLVER_SLOW);
        let_pass ();
        receive_for (i);
    }
    pass (ZDS_RESOLVER_FRESH);
    wait_for_threads (threads_before);
    world.begun = world.ended = 0;
    world.log[0] = '\0';
}

static void test_slow_names_are_kept_back (void **state_)
{
    (void) state_;

    start (2);
    make_slow (4);
    ask_for (1, "hang1", ZDS_LOOK_IPV6);
    ask_for (2, "hang2", ZDS_LOOK_IPV6);
    wait_for_begun (2);
    ask_for (3, "hang3", ZDS_LOOK_IPV6);
    assert_all_wait ();
    /*  Later ones overtake it.  */
    ask_and_receive ("good");
    ask_and_receive ("better");
    assert_false (has_begun ("hang3/6"));
    /*  Of the name's other family nothing is known.  */
    ask_for (4, "hang4", ZDS_LOOK_IPV4);
    wait_for_begun (5);
    assert_true (has_begun ("hang4/4"));
    assert_all_wait ();
    /*  When one of them ends, there is a place for another slow name.  */
    set_gate (true);
    wait_until_above (&world.begun, 5);
    assert_true (has_begun ("hang3/6"));
}

static void test_slow_names_are_forgiven (void **state_)
{
    unsigned i;
    (void) state_;

    start (2);
    make_slow (3);
    ask_for (1, "hang1", ZDS_LOOK_IPV6);
    ask_for (2, "hang2", ZDS_LOOK_IPV6);
    wait_for_begun (2);
    ask_for (3, "hang3", ZDS_LOOK_IPV6);
    /*  The name's minute began when its look-up ended, which is ZDS_RESOLVER_FRESH
        ago.  */
    pass (ZDS_RESOLVER_SUSPECT - ZDS_RESOLVER_FRESH - 1);
    assert_all_wait ();
    pass (1);
    ask_for (4, "good", ZDS_LOOK_IPV6);
    wait_until_above (&world.begun, 3);
    assert_true (has_begun ("hang3/6"));
    /*  A name whose minute is over, and which was fast, is no longer slow.  */
    set_gate (true);
    for (i = 0; i < 4; i++)
        free (receive ()->answer);
    wait_for_threads (threads_before);
    assert_int_equal (find (resolver, "hang3", ZDS_LOOK_IPV6)->suspect_until,
                      0);
}

static void test_release_waits_for_no_look_up (void **state_)
{
    uint64_t begin;
    unsigned i;
    (void) state_;

    start (1);
    ask_and_receive ("good");
    fill (ZDS_LOOK_IPV6, 1);
    ask_for (5, "queued", ZDS_LOOK_IPV6);
    ask_for (6, "hang6", ZDS_LOOK_IPV4);
    wait_for_begun (ZDS_RESOLVER_CROWD + 2);
    for (i = 0; i < COUNT (waiters); i++)
        zds_resolver_cancel (resolver, &waiters[i]);
    begin = clock_ms ();
    zds_resolver_release (resolver);
    resolver = NULL;
    assert_true (clock_ms () - begin <= 2000);
    assert_int_equal (read_world (&world.ended), 1);
    wait_for_threads (threads_before + ZDS_RESOLVER_CROWD + 1);
    /*  They end later, when nobody waits for them.  */
    let_pass ();
    wait_for_threads (threads_before);
    assert_false (has_begun ("queued/6"));
    /*  The same for a resolver that was never asked.  */
    start (4);
    zds_resolver_release (resolver);
    resolver = NULL;
}

/*  In the child, nothing waits for the parent's threads, and nothing of theirs is
    freed.  */
static void test_release_in_a_child_does_nothing (void **state_)
{
    (void) state_;

    start (1);
    zds_mutex_lock (&resolver->mutex);
    atomic_store (&is_child, true);
    zds_resolver_release (resolver);
    atomic_store (&is_child, false);
    assert_false (resolver->is_released);
    zds_mutex_unlock (&resolver->mutex);
}

/*  The caller looks the name up itself, as libzmq without the transport does.  */
static void test_no_thread_to_be_had (void **state_)
{
    static const struct
    {
        const char *host;
        zds_look_t look, plain;
        const char *log;
        zds_lookup_status_t status;
        size_t count;
    } rows[] = {
      {"good", ZDS_LOOK_WHOLE, ZDS_LOOK_IPV4, "good/4", ZDS_LOOKUP_DONE, 1},
      {"good", ZDS_LOOK_IPV4, ZDS_LOOK_IPV4, "good/4", ZDS_LOOKUP_DONE, 1},
      {"good", ZDS_LOOK_IPV6, ZDS_LOOK_IPV4, "", ZDS_LOOKUP_TEMPORARY, 0},
      {"none", ZDS_LOOK_WHOLE, ZDS_LOOK_IPV4, "none/4", ZDS_LOOKUP_DONE, 0},
      {"again", ZDS_LOOK_WHOLE, ZDS_LOOK_IPV4, "again/4", ZDS_LOOKUP_TEMPORARY,
       1},
      {"good", ZDS_LOOK_WHOLE, ZDS_LOOK_IPV6, "good/6", ZDS_LOOKUP_DONE, 1},
      {"none", ZDS_LOOK_WHOLE, ZDS_LOOK_IPV6, "none/6 none/4", ZDS_LOOKUP_DONE,
       0},
      {"again", ZDS_LOOK_WHOLE, ZDS_LOOK_IPV6, "again/6", ZDS_LOOKUP_TEMPORARY,
       1},
      {"good", ZDS_LOOK_IPV4, ZDS_LOOK_IPV6, "", ZDS_LOOKUP_TEMPORARY, 0},
    };
    size_t i;
    (void) state_;

    start (2);
    for (i = 0; i < COUNT (rows); i++) {
        atomic_store (&starts_left, 0);
        world.log[0] = '\0';
        assert_true (zds_resolver_ask (resolver, rows[i].host, rows[i].look,
                                       rows[i].plain, &waiters[0], &inbox));
        assert_null (waiters[0].query);
        assert_null (waiters[0].inbox);
        assert_log (rows[i].log);
        assert_int_equal (waiters[0].answer->status, rows[i].status);
        assert_int_equal (waiters[0].answer->count, rows[i].count);
        free (waiters[0].answer);
        assert_null (next_query (resolver, NULL));
    }
    assert_null (zds_resolver_collect (resolver, &inbox));
    /*  The next one can start a thread again.  */
    atomic_store (&starts_left, -1);
    ask_and_receive ("good");
}

/*  One thread does all look-ups of its kind; for the other kinds there is no
    thread.  */
static void test_one_thread_does_it_all (void **state_)
{
    (void) state_;

    start (4);
    atomic_store (&starts_left, 1);
    ask_for (0, "hang", ZDS_LOOK_IPV6);
    wait_for_begun (1);
    ask_for (1, "good", ZDS_LOOK_IPV6);
    ask_for (2, "better", ZDS_LOOK_IPV6);
    assert_true (zds_resolver_ask (resolver, "good", ZDS_LOOK_IPV4,
                                   ZDS_LOOK_IPV4, &waiters[3], &inbox));
    free (waiters[3].answer);
    assert_log ("hang/6 good/4");
    assert_int_equal (count_threads (), threads_before + 1);
    /*  A later question starts a thread for the earlier ones, too.  */
    atomic_store (&starts_left, 1);
    ask_for (4, "best", ZDS_LOOK_IPV6);
    free (receive ()->answer);
    free (receive ()->answer);
    free (receive ()->answer);
    assert_int_equal (read_world (&world.ended), 4);
    let_pass ();
    receive_for (0);
}

/*  Returns whether all went well.  */
static bool live_a_life (void)
{
    static const char *const names[] = {"good", "good", "turn1", "turn1",
                                        "turn1"};
    bool well = true;
    unsigned i, waiting = 0;

    resolver = zds_resolver_new (2, "test", look_up, clock_in_hand);
    if (resolver == NULL)
        return false;
    for (i = 0; i < COUNT (names); i++) {
        if (!zds_resolver_ask (resolver, names[i], ZDS_LOOK_IPV6, ZDS_LOOK_IPV6,
                               &waiters[i], &inbox)) {
            waiting++;
            continue;
        }
        well = well && waiters[i].answer != NULL;
        free (waiters[i].answer);
    }
    for (; waiting > 0; waiting--) {
        zds_waiter_t *waiter = receive ();
        well = well && waiter->answer != NULL;
        free (waiter->answer);
    }
    zds_resolver_release (resolver);
    resolver = NULL;
    wait_for_threads (threads_before);
    return well;
}

/*  Without memory for a query, the name is looked up at once.  */
static void test_out_of_memory (void **state_)
{
    unsigned n, failures = 0;
    (void) state_;

    for (n = 0; n < 100; n++) {
        atomic_store (&allocations_left, (int) n);
        failures += !live_a_life ();
        if (atomic_load (&allocations_left) >= 0)
            break;
    }
    atomic_store (&allocations_left, -1);
    assert_true (n >= 9 && n <= 99);
    assert_true (failures >= 3);
    assert_true (live_a_life ());
}

/*  There is no memory at all.  */
static void test_no_memory_for_an_answer (void **state_)
{
    (void) state_;

    start (1);
    atomic_store (&starts_left, 0);
    atomic_store (&allocations_left, 1);
    waiters[0].answer = (zds_answer_t *) &waiters[0];
    assert_true (zds_resolver_ask (resolver, "good", ZDS_LOOK_IPV6,
                                   ZDS_LOOK_IPV6, &waiters[0], &inbox));
    assert_null (waiters[0].answer);
}

/*  Each thread has an inbox of its own; no answer may be lost.  */
static void *ask_and_cancel (void *seed_)
{
    const unsigned seed = *(const unsigned *) seed_;
    zds_inbox_t mine;
    zds_waiter_t waiter[8];
    char host[32];
    unsigned i, n;

    zds_inbox_init (&mine, wake, NULL);
    memset (waiter, 0, sizeof waiter);
    for (i = 0; i < 300; i++) {
        n = (i * 7 + seed) % 8;
        zds_resolver_cancel (resolver, &waiter[n]);
        sprintf (host, "%s%u", i % 5 == 0 ? "turn" : "good", (i + seed) % 11);
        if (zds_resolver_ask (resolver, host, ZDS_LOOK_IPV6, ZDS_LOOK_IPV4,
                              &waiter[n], &mine))
            free (waiter[n].answer);
        if (i % 16 == 0)
            pass (300);
        while (i % 3 == 0) {
            zds_waiter_t *done = zds_resolver_collect (resolver, &mine);
            if (done == NULL)
                break;
            free (done->answer);
            done->answer = NULL;
        }
    }
    for (n = 0; n < 8; n++)
        while (waiter[n].inbox != NULL) {
            zds_waiter_t *done = zds_resolver_collect (resolver, &mine);
            if (done != NULL)
                free (done->answer);
            else
                pause_a_little ();
        }
    return NULL;
}

static void test_many_threads_ask_at_once (void **state_)
{
    pthread_t thread[4];
    unsigned seed[4], i;
    (void) state_;

    start (3);
    for (i = 0; i < 4; i++) {
        seed[i] = i;
        assert_int_equal (
          pthread_create (&thread[i], NULL, ask_and_cancel, &seed[i]), 0);
    }
    for (i = 0; i < 4; i++)
        pthread_join (thread[i], NULL);
    assert_true (world.most >= 1 && world.most <= 3 * ZDS_RESOLVER_CROWD);
}

#define TEST(function)                                                         \
    cmocka_unit_test_setup_teardown (function, set_up, tear_down)

static void *tell_id (void *id_)
{
    *(long *) id_ = syscall (SYS_gettid);
    return NULL;
}

/*  With the first thread of a program, sanitizers start one of their own, which
    is not to be counted.  */
static int set_up_all (void **state_)
{
    pthread_t thread;
    char path[64];
    long id;
    (void) state_;

    if (pthread_create (&thread, NULL, tell_id, &id) != 0)
        return -1;
    pthread_join (thread, NULL);
    sprintf (path, "/proc/self/task/%ld", id);
    while (access (path, F_OK) == 0)
        pause_a_little ();
    return 0;
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      TEST (test_an_answer_comes),
      TEST (test_no_thread_without_a_question),
      TEST (test_a_thread_has_its_name_and_ends),
      TEST (test_many_share_one_look_up),
      TEST (test_a_queued_look_up_is_shared),
      TEST (test_in_the_order_in_which_they_were_asked),
      TEST (test_kinds_do_not_wait_for_each_other),
      TEST (test_a_fresh_answer_is_given_again),
      TEST (test_none_is_an_answer_for_a_moment_and_later_is_not),
      TEST (test_a_slow_answer_is_fresh_when_it_comes),
      TEST (test_a_bounded_number_of_answers_is_kept),
      TEST (test_a_shared_answer_is_dealt_out),
      TEST (test_who_asked_together_is_dealt_out_too),
      TEST (test_a_fixed_order_stays),
      TEST (test_the_second_look_up_fails),
      TEST (test_cancelled_in_the_queue),
      TEST (test_cancelled_while_it_runs),
      TEST (test_asked_again_while_nobody_waits),
      TEST (test_cancelled_in_the_inbox),
      TEST (test_cancelled_without_waiting),
      TEST (test_each_inbox_has_its_own),
      TEST (test_the_number_of_threads_is_bounded),
      TEST (test_hung_look_ups_do_not_hold_up_others),
      TEST (test_slow_names_are_kept_back),
      TEST (test_slow_names_are_forgiven),
      TEST (test_release_waits_for_no_look_up),
      TEST (test_release_in_a_child_does_nothing),
      TEST (test_no_thread_to_be_had),
      TEST (test_one_thread_does_it_all),
      TEST (test_out_of_memory),
      TEST (test_no_memory_for_an_answer),
      TEST (test_many_threads_ask_at_once),
    };
    return cmocka_run_group_tests_name ("resolver", tests, set_up_all, NULL);
}
