/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "zds_thread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <process.h>
#else
#include <signal.h>
#include <time.h>
#endif

#ifdef __linux__
#include <sys/auxv.h>
#include <sys/prctl.h>
#endif

#ifdef __APPLE__
#include <mach/mach_time.h>
#endif

/*  Systems that tell which library holds an address.  */
#if defined __linux__ || defined __APPLE__ || defined __FreeBSD__              \
  || defined __NetBSD__ || defined __OpenBSD__ || defined __DragonFly__        \
  || defined __GNU__ || defined __sun
#define HAVE_DLADDR
#include <dlfcn.h>
#endif

/*  What a new thread needs to know.  */
typedef struct
{
    void (*run) (void *arg_);
    void *arg;
    char name[16]; /* with its NUL all that Linux keeps */
} start_t;

static start_t *start_new (const char *name_, void (*run_) (void *), void *arg_)
{
    start_t *start = (start_t *) calloc (1, sizeof *start);

    if (start == NULL)
        return NULL;
    start->run = run_;
    start->arg = arg_;
    strncpy (start->name, name_, sizeof start->name - 1);
    return start;
}

#ifdef _WIN32

int zds_mutex_init (zds_mutex_t *mutex_)
{
    InitializeSRWLock (mutex_);
    return 0;
}

void zds_mutex_destroy (zds_mutex_t *mutex_)
{
    (void) mutex_;
}

void zds_mutex_lock (zds_mutex_t *mutex_)
{
    AcquireSRWLockExclusive (mutex_);
}

void zds_mutex_unlock (zds_mutex_t *mutex_)
{
    ReleaseSRWLockExclusive (mutex_);
}

int zds_cond_init (zds_cond_t *cond_)
{
    InitializeConditionVariable (cond_);
    return 0;
}

void zds_cond_destroy (zds_cond_t *cond_)
{
    (void) cond_;
}

void zds_cond_signal (zds_cond_t *cond_)
{
    WakeConditionVariable (cond_);
}

void zds_cond_broadcast (zds_cond_t *cond_)
{
    WakeAllConditionVariable (cond_);
}

void zds_cond_wait (zds_cond_t *cond_, zds_mutex_t *mutex_, unsigned ms_)
{
    SleepConditionVariableSRW (cond_, mutex_, ms_, 0);
}

static unsigned __stdcall thread_main (void *start_)
{
    const start_t start = *(const start_t *) start_;

    free (start_);
    start.run (start.arg);
    return 0;
}

int zds_thread_start (zds_thread_t *thread_,
                      const char *name_,
                      void (*run_) (void *arg_),
                      void *arg_)
{
    start_t *start = start_new (name_, run_, arg_);

    if (start == NULL)
        return ENOMEM;
    *thread_ = (HANDLE) _beginthreadex (NULL, 0, thread_main, start, 0, NULL);
    if (*thread_ == NULL) {
        free (start);
        return EAGAIN;
    }
    return 0;
}

void zds_thread_join (zds_thread_t thread_)
{
    WaitForSingleObject (thread_, INFINITE);
    CloseHandle (thread_);
}

void zds_thread_detach (zds_thread_t thread_)
{
    CloseHandle (thread_);
}

bool zds_thread_pin_library (void)
{
    static const char here = 0;
    HMODULE module;

    return GetModuleHandleExA (GET_MODULE_HANDLE_EX_FLAG_PIN
                                 | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                               &here, &module)
           != 0;
}

uint64_t zds_clock_ms (void)
{
    LARGE_INTEGER ticks, per_second;
    uint64_t seconds, rest;

    QueryPerformanceFrequency (&per_second);
    QueryPerformanceCounter (&ticks);
    seconds = (uint64_t) (ticks.QuadPart / per_second.QuadPart);
    rest = (uint64_t) (ticks.QuadPart % per_second.QuadPart);
    return seconds * 1000 + rest * 1000 / (uint64_t) per_second.QuadPart;
}

#else

int zds_mutex_init (zds_mutex_t *mutex_)
{
    return pthread_mutex_init (mutex_, NULL);
}

void zds_mutex_destroy (zds_mutex_t *mutex_)
{
    pthread_mutex_destroy (mutex_);
}

void zds_mutex_lock (zds_mutex_t *mutex_)
{
    pthread_mutex_lock (mutex_);
}

void zds_mutex_unlock (zds_mutex_t *mutex_)
{
    pthread_mutex_unlock (mutex_);
}

/*  Waits end by the clock that is never set back, where there is a way to say
    so.  Elsewhere one may last too long, and an idle thread with it.  */
#if !defined __APPLE__ && !(defined __ANDROID_API__ && __ANDROID_API__ < 21)
#define HAVE_SETCLOCK
#endif

int zds_cond_init (zds_cond_t *cond_)
{
    pthread_condattr_t attr;
    int rc = pthread_condattr_init (&attr);

    if (rc != 0)
        return rc;
#ifdef HAVE_SETCLOCK
    rc = pthread_condattr_setclock (&attr, CLOCK_MONOTONIC);
#endif
    if (rc == 0)
        rc = pthread_cond_init (cond_, &attr);
    pthread_condattr_destroy (&attr);
    return rc;
}

void zds_cond_destroy (zds_cond_t *cond_)
{
    pthread_cond_destroy (cond_);
}

void zds_cond_signal (zds_cond_t *cond_)
{
    pthread_cond_signal (cond_);
}

void zds_cond_broadcast (zds_cond_t *cond_)
{
    pthread_cond_broadcast (cond_);
}

void zds_cond_wait (zds_cond_t *cond_, zds_mutex_t *mutex_, unsigned ms_)
{
    struct timespec time = {0, 0};

#if defined HAVE_SETCLOCK
    clock_gettime (CLOCK_MONOTONIC, &time);
#elif !defined __APPLE__
    clock_gettime (CLOCK_REALTIME, &time);
#endif
    time.tv_sec += (time_t) (ms_ / 1000);
    time.tv_nsec += (long) (ms_ % 1000) * 1000000L;
    if (time.tv_nsec >= 1000000000L) {
        time.tv_sec++;
        time.tv_nsec -= 1000000000L;
    }
#ifdef __APPLE__
    pthread_cond_timedwait_relative_np (cond_, mutex_, &time);
#else
    pthread_cond_timedwait (cond_, mutex_, &time);
#endif
}

/*  Signals are for the application's own threads.  Those that a thread brings
    upon itself stay open: the kernel kills a process that blocks them, instead
    of calling the handler of a sandbox (SIGSYS) or of a crash reporter.  */
static void block_signals (sigset_t *before_)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
    sigset_t blocked;
    size_t i;

    sigfillset (&blocked);
    for (i = 0; i < sizeof own / sizeof own[0]; i++)
        sigdelset (&blocked, own[i]);
    pthread_sigmask (SIG_SETMASK, &blocked, before_);
}

static void *thread_main (void *start_)
{
    const start_t start = *(const start_t *) start_;

    free (start_);
#ifdef __linux__
    prctl (PR_SET_NAME, start.name);
#endif
    start.run (start.arg);
    return NULL;
}

int zds_thread_start (zds_thread_t *thread_,
                      const char *name_,
                      void (*run_) (void *arg_),
                      void *arg_)
{
    start_t *start = start_new (name_, run_, arg_);
    sigset_t before;
    int rc;

    if (start == NULL)
        return ENOMEM;
    /*  The thread inherits the mask, so it never takes a signal.  */
    block_signals (&before);
    rc = pthread_create (thread_, NULL, thread_main, start);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    if (rc != 0)
        free (start);
    return rc;
}

void zds_thread_join (zds_thread_t thread_)
{
    pthread_join (thread_, NULL);
}

void zds_thread_detach (zds_thread_t thread_)
{
    pthread_detach (thread_);
}

#ifdef HAVE_DLADDR

/*  Missing on some of them.  A library that was opened without them and is
    never closed stays as well.  */
#ifndef RTLD_NODELETE
#define RTLD_NODELETE 0
#endif
#ifndef RTLD_NOLOAD
#define RTLD_NOLOAD 0
#endif

/*  The program cannot be opened by its name on Linux, and need not be.  */
static bool is_program (const Dl_info *own_)
{
#ifdef __linux__
    Dl_info program;
    return dladdr ((const void *) getauxval (AT_PHDR), &program) != 0
           && program.dli_fbase == own_->dli_fbase;
#else
    (void) own_;
    return false;
#endif
}

bool zds_thread_pin_library (void)
{
    static const char here = 0;
    Dl_info own;

    /*  Found nowhere: the program is static, and so stays.  */
    if (dladdr (&here, &own) == 0)
        return true;
    /*  The handle is kept on purpose.  */
    return is_program (&own)
           || dlopen (own.dli_fname, RTLD_LAZY | RTLD_NODELETE | RTLD_NOLOAD)
                != NULL;
}

#else

bool zds_thread_pin_library (void)
{
    return false;
}

#endif

#ifdef __APPLE__

/*  clock_gettime came with macOS 10.12.  */
uint64_t zds_clock_ms (void)
{
    mach_timebase_info_data_t base;

    mach_timebase_info (&base);
    return (uint64_t) ((double) mach_absolute_time () * base.numer / base.denom
                       / 1e6);
}

#else

uint64_t zds_clock_ms (void)
{
    struct timespec time;

    clock_gettime (CLOCK_MONOTONIC, &time);
    return (uint64_t) time.tv_sec * 1000 + (uint64_t) time.tv_nsec / 1000000;
}

#endif

#endif
