/* SPDX-License-Identifier: MPL-2.0 */

/*  zds_thread on a system that refuses: --wrap leads its calls here
    (Makefile.am).  */

#include "text.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/auxv.h>
#include <time.h>

#include "zds_thread.h"

static struct
{
    int create, mutex_init, attr_init, setclock, cond_init; /* errno */
    unsigned attrs;                                         /* not destroyed */
    bool has_time;
    struct timespec time, deadline;
    enum
    {
        TRUE_DLADDR,
        NOWHERE,
        IN_THE_PROGRAM,
        IN_A_LIBRARY
    } place;
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
int __wrap_pthread_mutex_init (pthread_mutex_t *mutex_,
                               const pthread_mutexattr_t *attr_);
int __real_pthread_mutex_init (pthread_mutex_t *mutex_,
                               const pthread_mutexattr_t *attr_);
int __wrap_pthread_condattr_init (pthread_condattr_t *attr_);
int __real_pthread_condattr_init (pthread_condattr_t *attr_);
int __wrap_pthread_condattr_destroy (pthread_condattr_t *attr_);
int __real_pthread_condattr_destroy (pthread_condattr_t *attr_);
int __wrap_pthread_condattr_setclock (pthread_condattr_t *attr_,
                                      clockid_t clock_);
int __real_pthread_condattr_setclock (pthread_condattr_t *attr_,
                                      clockid_t clock_);
int __wrap_pthread_cond_init (pthread_cond_t *cond_,
                              const pthread_condattr_t *attr_);
int __real_pthread_cond_init (pthread_cond_t *cond_,
                              const pthread_condattr_t *attr_);
int __wrap_pthread_cond_timedwait (pthread_cond_t *cond_,
                                   pthread_mutex_t *mutex_,
                                   const struct timespec *deadline_);
int __wrap_clock_gettime (clockid_t clock_, struct timespec *time_);
int __real_clock_gettime (clockid_t clock_, struct timespec *time_);
int __wrap_dladdr (const void *address_, Dl_info *info_);
int __real_dladdr (const void *address_, Dl_info *info_);
void *__wrap_dlopen (const char *name_, int flags_);

int __wrap_pthread_create (pthread_t *thread_,
                           const pthread_attr_t *attr_,
                           void *(*run_) (void *),
                           void *arg_)
{
    return sys.create != 0 ? sys.create
                           : __real_pthread_create (thread_, attr_, run_, arg_);
}

int __wrap_pthread_mutex_init (pthread_mutex_t *mutex_,
                               const pthread_mutexattr_t *attr_)
{
    return sys.mutex_init != 0 ? sys.mutex_init
                               : __real_pthread_mutex_init (mutex_, attr_);
}

int __wrap_pthread_condattr_init (pthread_condattr_t *attr_)
{
    if (sys.attr_init != 0)
        return sys.attr_init;
    sys.attrs++;
    return __real_pthread_condattr_init (attr_);
}

int __wrap_pthread_condattr_destroy (pthread_condattr_t *attr_)
{
    sys.attrs--;
    return __real_pthread_condattr_destroy (attr_);
}

int __wrap_pthread_condattr_setclock (pthread_condattr_t *attr_,
                                      clockid_t clock_)
{
    assert_int_equal (clock_, CLOCK_MONOTONIC);
    return sys.setclock != 0 ? sys.setclock
                             : __real_pthread_condattr_setclock (attr_, clock_);
}

int __wrap_pthread_cond_init (pthread_cond_t *cond_,
                              const pthread_condattr_t *attr_)
{
    assert_non_null (attr_);
    return sys.cond_init != 0 ? sys.cond_init
                              : __real_pthread_cond_init (cond_, attr_);
}

int __wrap_pthread_cond_timedwait (pthread_cond_t *cond_,
                                   pthread_mutex_t *mutex_,
                                   const struct timespec *deadline_)
{
    (void) cond_;
    (void) mutex_;
    sys.deadline = *deadline_;
    return ETIMEDOUT;
}

int __wrap_clock_gettime (clockid_t clock_, struct timespec *time_)
{
    assert_int_equal (clock_, CLOCK_MONOTONIC);
    if (!sys.has_time)
        return __real_clock_gettime (clock_, time_);
    *time_ = sys.time;
    return 0;
}

int __wrap_dladdr (const void *address_, Dl_info *info_)
{
    static char program, library;
    const bool is_program = address_ == (const void *) getauxval (AT_PHDR);

    if (sys.place == TRUE_DLADDR)
        return __real_dladdr (address_, info_);
    if (sys.place == NOWHERE)
        return 0;
    memset (info_, 0, sizeof *info_);
    info_->dli_fname = "libzmq.so.5";
    info_->dli_fbase =
      is_program || sys.place == IN_THE_PROGRAM ? &program : &library;
    return 1;
}

void *__wrap_dlopen (const char *name_, int flags_)
{
    assert_string_equal (name_, "libzmq.so.5");
    sys.dlopen_flags = flags_;
    return sys.handle;
}

static int reset (void **state_)
{
    (void) state_;
    memset (&sys, 0, sizeof sys);
    return 0;
}

static void say_so (void *arg_)
{
    *(bool *) arg_ = true;
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
    zds_thread_t thread;
    bool has_run = false;
    (void) state_;

    let_signals_in ();
    assert_int_equal (
      zds_thread_start (&thread, "a name of more than 15", say_so, &has_run),
      0);
    check_signals_get_in ();
    zds_thread_join (thread);
    assert_true (has_run);
}

/*  And the caller takes signals as before.  */
static void test_a_thread_cannot_be_started (void **state_)
{
    static const int errors[] = {EAGAIN, EPERM, ENOMEM};
    zds_thread_t thread;
    bool has_run = false;
    size_t i;
    (void) state_;

    let_signals_in ();
    for (i = 0; i < COUNT (errors); i++) {
        sys.create = errors[i];
        assert_int_equal (zds_thread_start (&thread, "name", say_so, &has_run),
                          errors[i]);
        check_signals_get_in ();
    }
    assert_false (has_run);
}

static void test_locks_cannot_be_had (void **state_)
{
    zds_mutex_t mutex;
    zds_cond_t cond;
    (void) state_;

    sys.mutex_init = EAGAIN;
    assert_int_equal (zds_mutex_init (&mutex), EAGAIN);
    sys.cond_init = ENOMEM;
    assert_int_equal (zds_cond_init (&cond), ENOMEM);
    sys.setclock = EINVAL;
    assert_int_equal (zds_cond_init (&cond), EINVAL);
    sys.attr_init = EAGAIN;
    assert_int_equal (zds_cond_init (&cond), EAGAIN);
    assert_int_equal (sys.attrs, 0);
}

static void test_a_wait_ends_on_time (void **state_)
{
    static const struct
    {
        struct timespec now;
        unsigned ms;
        struct timespec then;
    } rows[] = {
      {{5, 0}, 0, {5, 0}},
      {{5, 1}, 999, {5, 999000001}},
      {{5, 1000000}, 999, {6, 0}},
      {{5, 999999999}, 1, {6, 999999}},
      {{5, 999999999}, 5999, {11, 998999999}},
    };
    zds_mutex_t mutex;
    zds_cond_t cond;
    size_t i;
    (void) state_;

    assert_int_equal (zds_mutex_init (&mutex), 0);
    assert_int_equal (zds_cond_init (&cond), 0);
    zds_mutex_lock (&mutex);
    sys.has_time = true;
    for (i = 0; i < COUNT (rows); i++) {
        sys.time = rows[i].now;
        zds_cond_wait (&cond, &mutex, rows[i].ms);
        assert_int_equal (sys.deadline.tv_sec, rows[i].then.tv_sec);
        assert_int_equal (sys.deadline.tv_nsec, rows[i].then.tv_nsec);
    }
    zds_mutex_unlock (&mutex);
    zds_cond_destroy (&cond);
    zds_mutex_destroy (&mutex);
}

static void test_the_clock (void **state_)
{
    (void) state_;
    sys.has_time = true;
    sys.time.tv_sec = 5000000;
    sys.time.tv_nsec = 7999999;
    assert_true (zds_clock_ms () == 5000000007u);
}

static void test_what_holds_this_code_is_kept (void **state_)
{
    static char library;
    (void) state_;

    assert_true (zds_thread_pin_library ());
    sys.place = NOWHERE;
    assert_true (zds_thread_pin_library ());
    sys.place = IN_THE_PROGRAM;
    assert_true (zds_thread_pin_library ());
    assert_int_equal (sys.dlopen_flags, 0);
    sys.place = IN_A_LIBRARY;
    assert_false (zds_thread_pin_library ());
    sys.handle = &library;
    assert_true (zds_thread_pin_library ());
    assert_int_equal (sys.dlopen_flags & (RTLD_NODELETE | RTLD_NOLOAD),
                      RTLD_NODELETE | RTLD_NOLOAD);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup (test_a_thread_runs, reset),
      cmocka_unit_test_setup (test_a_thread_cannot_be_started, reset),
      cmocka_unit_test_setup (test_locks_cannot_be_had, reset),
      cmocka_unit_test_setup (test_a_wait_ends_on_time, reset),
      cmocka_unit_test_setup (test_the_clock, reset),
      cmocka_unit_test_setup (test_what_holds_this_code_is_kept, reset),
    };
    return cmocka_run_group_tests_name ("thread", tests, NULL, NULL);
}
