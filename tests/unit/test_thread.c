/* SPDX-License-Identifier: MPL-2.0 */

/*  zds_thread on a system that refuses its calls, which --wrap redirects to here
    (Makefile.am).  */

#include "text.h"

#include <netinet/in.h>
#include <pthread.h>
#include <resolv.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*  This test compiles a copy of the code under other names, to see inside.  */
#define zds_thread_start in_hand_thread_start
#define zds_process_id in_hand_process_id
#include "zds_thread.c"

static struct
{
    int create, attr_init, mutex_init; /* errno */
    int create_small;                  /* with a stack of our own */
    unsigned attrs;                    /* not destroyed */
    int place;                         /* what dladdr says */
    void *handle;
    int dlopen_flags;
} sys;

int __wrap_pthread_create (pthread_t *thread_,
                           const pthread_attr_t *attr_,
                           void *(*run_) (void *),
                           void *arg_);
int __real_pthread_create (pthread_t *thread_,
                           const pthread_attr_t *attr_,
                           void *(*run_) (void *),
                           void *arg_);
int __wrap_pthread_attr_init (pthread_attr_t *attr_);
int __real_pthread_attr_init (pthread_attr_t *attr_);
int __wrap_pthread_attr_destroy (pthread_attr_t *attr_);
int __real_pthread_attr_destroy (pthread_attr_t *attr_);
int __wrap_pthread_mutex_init (pthread_mutex_t *mutex_,
                               const pthread_mutexattr_t *attr_);
int __real_pthread_mutex_init (pthread_mutex_t *mutex_,
                               const pthread_mutexattr_t *attr_);

int __wrap_pthread_create (pthread_t *thread_,
                           const pthread_attr_t *attr_,
                           void *(*run_) (void *),
                           void *arg_)
{
    size_t stack = 0;
    int state = 0;

    pthread_attr_getstacksize (attr_, &stack);
    pthread_attr_getdetachstate (attr_, &state);
    assert_int_equal (state, PTHREAD_CREATE_DETACHED);
    if (stack < 4 * ZDS_THREAD_STACK && sys.create_small != 0)
        return sys.create_small;
    return sys.create != 0 ? sys.create
                           : __real_pthread_create (thread_, attr_, run_, arg_);
}

int __wrap_pthread_attr_init (pthread_attr_t *attr_)
{
    if (sys.attr_init != 0)
        return sys.attr_init;
    sys.attrs++;
    return __real_pthread_attr_init (attr_);
}

int __wrap_pthread_attr_destroy (pthread_attr_t *attr_)
{
    sys.attrs--;
    return __real_pthread_attr_destroy (attr_);
}

int __wrap_pthread_mutex_init (pthread_mutex_t *mutex_,
                               const pthread_mutexattr_t *attr_)
{
    return sys.mutex_init != 0 ? sys.mutex_init
                               : __real_pthread_mutex_init (mutex_, attr_);
}

int __wrap_dladdr (const void *address_, Dl_info *info_);
void *__wrap_dlopen (const char *name_, int flags_);

int __wrap_dladdr (const void *address_, Dl_info *info_)
{
    assert_non_null (address_);
    info_->dli_fname = "plugin.so";
    return sys.place;
}

void *__wrap_dlopen (const char *name_, int flags_)
{
    assert_string_equal (name_, "plugin.so");
    sys.dlopen_flags = flags_;
    return sys.handle;
}

static int reset (void **state_)
{
    (void) state_;
    memset (&sys, 0, sizeof sys);
    return 0;
}

/*  What a thread reports about itself, and how many have begun and may end.  */
static struct
{
    atomic_uint begun;
    atomic_bool may_end;
    sigset_t signals;
    char name[ZDS_THREAD_NAME_SIZE];
    size_t stack;
    bool has_sockets; /* of another thread's look-up */
} said;

static void say_so (void *arg_)
{
    pthread_attr_t attr;
    void *address;

    (void) arg_;
    pthread_sigmask (SIG_SETMASK, NULL, &said.signals);
    prctl (PR_GET_NAME, said.name);
    pthread_getattr_np (pthread_self (), &attr);
    pthread_attr_getstack (&attr, &address, &said.stack);
    __real_pthread_attr_destroy (&attr);
    said.has_sockets = _res.nscount != 0 || _res.options != 0;
    atomic_fetch_add (&said.begun, 1);
}

static void stay (void *arg_)
{
    (void) arg_;
    atomic_fetch_add (&said.begun, 1);
    while (!atomic_load (&said.may_end))
        sched_yield ();
    atomic_fetch_sub (&said.begun, 1);
}

static void wait_for_begun (unsigned count_)
{
    const time_t end = time (NULL) + 60;

    while (atomic_load (&said.begun) != count_)
        assert_true (time (NULL) < end);
}

static void start (void)
{
    atomic_store (&said.begun, 0);
    assert_int_equal (zds_thread_start ("a name of more than 15", say_so, NULL),
                      0);
    wait_for_begun (1);
}

static void let_signals_in (void)
{
    sigset_t none;

    sigemptyset (&none);
    pthread_sigmask (SIG_SETMASK, &none, NULL);
}

static void check_signals_get_in (void)
{
    sigset_t blocked;
    int signal;

    pthread_sigmask (SIG_SETMASK, NULL, &blocked);
    for (signal = 1; signal < 32; signal++)
        assert_int_equal (sigismember (&blocked, signal), 0);
}

static void test_a_thread_runs (void **state_)
{
    static const int open[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS};
    size_t i;
    (void) state_;

    let_signals_in ();
    start ();
    check_signals_get_in ();
    assert_string_equal (said.name, "a name of more ");
    assert_true (sigismember (&said.signals, SIGINT));
    assert_true (sigismember (&said.signals, SIGCHLD));
    assert_true (sigismember (&said.signals, SIGRTMAX));
    for (i = 0; i < COUNT (open); i++)
        assert_false (sigismember (&said.signals, open[i]));
    /*  Sanitizers make it larger.  */
    assert_true (said.stack >= ZDS_THREAD_STACK / 2
                 && said.stack <= 4 * ZDS_THREAD_STACK);
    assert_false (said.has_sockets);
    assert_int_equal (sys.attrs, 0);
}

/*  The libc demands more, for thread-local data of the program.  */
static void test_a_thread_with_a_larger_stack (void **state_)
{
    (void) state_;
    sys.create_small = EINVAL;
    start ();
    assert_true (said.stack > 4 * ZDS_THREAD_STACK);
    assert_int_equal (sys.attrs, 0);
}

/*  Afterwards the caller takes signals as before.  */
static void test_a_thread_cannot_be_started (void **state_)
{
    static const int errors[] = {EAGAIN, EPERM, ENOMEM, EINVAL};
    size_t i;
    (void) state_;

    let_signals_in ();
    atomic_store (&said.begun, 0);
    for (i = 0; i < COUNT (errors); i++) {
        sys.create = errors[i];
        assert_int_equal (zds_thread_start ("name", say_so, NULL), errors[i]);
        check_signals_get_in ();
    }
    sys.attr_init = ENOMEM;
    assert_int_equal (zds_thread_start ("name", say_so, NULL), ENOMEM);
    assert_int_equal (atomic_load (&said.begun), 0);
    assert_int_equal (sys.attrs, 0);
}

static bool start_one_more (void)
{
    return zds_thread_start ("name", stay, NULL) == 0;
}

/*  Threads that could not be started do not count, and a child does not count its
    parent's.  */
static void test_a_process_has_so_many (void **state_)
{
    unsigned count = 0;
    int status;
    pid_t child;
    (void) state_;

    sys.create = EAGAIN;
    assert_false (start_one_more ());
    sys.create = 0;
    atomic_store (&said.begun, 0);
    /*  Threads of earlier tests may still be about to end.  */
    while (count < ZDS_THREAD_MAX)
        count += start_one_more ();
    assert_false (start_one_more ());
    wait_for_begun (ZDS_THREAD_MAX);
    /*  It ends by a signal, since at an exit valgrind would take the stacks of the
        parent's threads for lost memory.  */
    child = fork ();
    if (child == 0)
        raise (start_one_more () ? SIGKILL : SIGTERM);
    assert_int_equal (waitpid (child, &status, 0), child);
    assert_true (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL);
    atomic_store (&said.may_end, true);
    wait_for_begun (0);
    start ();
}

/*  What is linked with -z nodelete stays; only a plug-in that libzmq.a is part of is
    kept by hand.  */
static void test_what_stays_in_memory (void **state_)
{
    static const ElfW (Dyn)
      program[] = {{DT_NEEDED, {1}}, {DT_DEBUG, {0}}, {DT_NULL, {0}}},
      kept[] = {{DT_FLAGS_1, {DF_1_NOW | DF_1_NODELETE}}, {DT_NULL, {0}}},
      other[] = {
        {DT_FLAGS_1, {DF_1_NOW}}, {DT_FLAGS, {DF_1_NODELETE}}, {DT_NULL, {0}}};
    (void) state_;

    assert_true (is_to_stay (NULL));
    assert_true (is_to_stay (program));
    assert_true (is_to_stay (kept));
    assert_false (is_to_stay (other));
    assert_true (was_linked_to_stay ());
    assert_true (zds_process_id () == getpid ());

    assert_false (pin_library ());
    sys.place = 1;
    assert_false (pin_library ());
    sys.handle = &sys;
    assert_true (pin_library ());
    assert_int_equal (sys.dlopen_flags & (RTLD_NODELETE | RTLD_NOLOAD),
                      RTLD_NODELETE | RTLD_NOLOAD);
}

static void test_a_lock_cannot_be_had (void **state_)
{
    zds_mutex_t mutex;
    (void) state_;

    sys.mutex_init = EAGAIN;
    assert_int_equal (zds_mutex_init (&mutex), EAGAIN);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup (test_a_thread_runs, reset),
      cmocka_unit_test_setup (test_a_thread_with_a_larger_stack, reset),
      cmocka_unit_test_setup (test_a_thread_cannot_be_started, reset),
      cmocka_unit_test_setup (test_a_process_has_so_many, reset),
      cmocka_unit_test_setup (test_what_stays_in_memory, reset),
      cmocka_unit_test_setup (test_a_lock_cannot_be_had, reset),
    };
    return cmocka_run_group_tests_name ("thread", tests, NULL, NULL);
}
