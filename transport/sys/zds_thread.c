/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "zds_thread.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <process.h>
#else
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>
#endif

#ifdef __linux__
#include <sys/prctl.h>
#endif

#ifdef __GLIBC__
#include <netinet/in.h>
#include <resolv.h>
#endif

/*  What a new thread needs to know.  */
typedef struct
{
    void (*run) (void *arg_);
    void *arg;
    char name[ZDS_THREAD_NAME_SIZE];
} start_t;

#ifdef _WIN32

static volatile LONG threads;

static bool take_place (void)
{
    if (InterlockedIncrement (&threads) <= ZDS_THREAD_MAX)
        return true;
    InterlockedDecrement (&threads);
    return false;
}

static void give_place (void)
{
    InterlockedDecrement (&threads);
}

/*  Keeps the library loaded until the process ends.  */
static bool library_stays (void)
{
    static const char here = 0;
    HMODULE module;

    return GetModuleHandleExA (GET_MODULE_HANDLE_EX_FLAG_PIN
                                 | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                               &here, &module)
           != 0;
}

static unsigned __stdcall thread_main (void *start_)
{
    const start_t start = *(const start_t *) start_;

    free (start_);
    start.run (start.arg);
    give_place ();
    return 0;
}

static int create (start_t *start_)
{
    const HANDLE thread =
      (HANDLE) _beginthreadex (NULL, ZDS_THREAD_STACK, thread_main, start_,
                               STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);

    if (thread == NULL)
        return EAGAIN;
    CloseHandle (thread);
    return 0;
}

long zds_process_id (void)
{
    return (long) GetCurrentProcessId ();
}

#else

/*  The number of threads, in the low bits, and above it the process's number, since a
    forked child has none of its parent's threads.  There is no lock, because a fork
    could find it taken.  */
static atomic_uint threads;

static unsigned count_in (unsigned threads_)
{
    const unsigned process = (unsigned) getpid () << 8;

    return (threads_ & ~255u) == process ? threads_ : process;
}

static bool take_place (void)
{
    unsigned before = atomic_load (&threads), now;

    do {
        now = count_in (before);
        if ((now & 255) >= ZDS_THREAD_MAX)
            return false;
    } while (!atomic_compare_exchange_weak (&threads, &before, now + 1));
    return true;
}

static void give_place (void)
{
    atomic_fetch_sub (&threads, 1);
}

/*  ELF: whether the library may be unloaded can be read there without the loader's
    lock.  An application may be inside dlclose() with that lock, and wait for this
    thread.  */
#if defined __ELF__ && !defined __ANDROID__
#include <link.h>
#ifdef DF_1_NODELETE
#define HAVE_DYNAMIC

/*  The dynamic section of the program or library that holds this code; a static
    program has none.  */
extern ElfW (Dyn) _DYNAMIC[] __attribute__ ((weak, visibility ("hidden")));

static bool is_to_stay (const ElfW (Dyn) * dynamic_)
{
    if (dynamic_ == NULL)
        return true;
    for (; dynamic_->d_tag != DT_NULL; dynamic_++)
        /*  DT_DEBUG: a program.  */
        if (dynamic_->d_tag == DT_DEBUG
            || (dynamic_->d_tag == DT_FLAGS_1
                && (dynamic_->d_un.d_val & DF_1_NODELETE) != 0))
            return true;
    return false;
}

#define was_linked_to_stay() is_to_stay (_DYNAMIC)
#endif
#endif

#ifndef HAVE_DYNAMIC
#define was_linked_to_stay() false
#endif

#if defined HAVE_DYNAMIC || defined __APPLE__ || defined __ANDROID__
#include <dlfcn.h>

static bool pin_library (void)
{
    static const char here = 0;
    Dl_info own;

    /*  The handle is not closed, on purpose.  */
    return dladdr (&here, &own) != 0
           && dlopen (own.dli_fname, RTLD_LAZY | RTLD_NODELETE | RTLD_NOLOAD)
                != NULL;
}
#else
#define pin_library() false
#endif

/*  A library that was linked without -z nodelete, such as a plug-in that libzmq.a is
    part of, is kept loaded from now on.  */
static bool library_stays (void)
{
    static atomic_bool stays;

    if (!atomic_load (&stays))
        atomic_store (&stays, was_linked_to_stay () || pin_library ());
    return atomic_load (&stays);
}

/*  Signals are for the application's own threads.  Signals that a thread causes
    itself are not blocked: the kernel kills a process that blocks them, instead of
    calling the handler of a sandbox (SIGSYS) or of a crash reporter.  */
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
#ifdef __GLIBC__
    /*  In a forked child this may be the memory of a parent's thread that was
        inside a look-up.  Its sockets stay open, as those of an I/O thread do
        with stock libzmq: closing them could hit what the child has opened
        under their numbers.  */
    memset (&_res, 0, sizeof _res);
#endif
#ifdef __linux__
    prctl (PR_SET_NAME, start.name);
#endif
    start.run (start.arg);
    give_place ();
    return NULL;
}

/*  How much of a stack the libc needs for itself, above all for the program's
    thread-local data.  Only glibc has this function, and one has to look it up by
    name.  */
static size_t stack_of_the_libc (const pthread_attr_t *attr_)
{
#if defined __GLIBC__ && defined RTLD_DEFAULT
    static atomic_size_t size; /* the same for the whole process */
    size_t (*minstack) (const pthread_attr_t *) = NULL;

    if (atomic_load (&size) == 0) {
        void *const found = dlsym (RTLD_DEFAULT, "__pthread_get_minstack");
        memcpy (&minstack, &found, sizeof found);
        if (minstack != NULL)
            atomic_store (&size, minstack (attr_));
    }
    return atomic_load (&size);
#else
    (void) attr_;
    return 0;
#endif
}

/*  'stack_': in bytes, 0 for the system's default.  */
static int create_with (size_t stack_, start_t *start_)
{
    pthread_attr_t attr;
    pthread_t thread;
    int rc = pthread_attr_init (&attr);

    if (rc != 0)
        return rc;
    rc = pthread_attr_setdetachstate (&attr, PTHREAD_CREATE_DETACHED);
    if (rc == 0 && stack_ > 0)
        rc =
          pthread_attr_setstacksize (&attr, stack_ + stack_of_the_libc (&attr));
    if (rc == 0)
        rc = pthread_create (&thread, &attr, thread_main, start_);
    pthread_attr_destroy (&attr);
    return rc;
}

static int create (start_t *start_)
{
    sigset_t before;
    int rc;

    /*  The thread inherits the mask, so it never takes a signal.  */
    block_signals (&before);
    rc = create_with (ZDS_THREAD_STACK, start_);
    /*  The libc demands more, for thread-local data, and does not say how much.  */
    if (rc == EINVAL)
        rc = create_with (0, start_);
    pthread_sigmask (SIG_SETMASK, &before, NULL);
    return rc;
}

long zds_process_id (void)
{
    return (long) getpid ();
}

#endif

int zds_thread_start (const char *name_, void (*run_) (void *arg_), void *arg_)
{
    start_t *start;
    int rc = ENOMEM;

    if (!library_stays ())
        return EBUSY;
    if (!take_place ())
        return EAGAIN;
    start = (start_t *) calloc (1, sizeof *start);
    if (start != NULL) {
        start->run = run_;
        start->arg = arg_;
        strncpy (start->name, name_, sizeof start->name - 1);
        rc = create (start);
    }
    if (rc != 0) {
        free (start);
        give_place ();
    }
    return rc;
}
