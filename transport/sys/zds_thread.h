/* SPDX-License-Identifier: MPL-2.0 */

/*  Threads and a lock, for POSIX and Windows: only what zds_resolver needs. libzmq's
    own thread class would end the process when a thread cannot be started.  */

#ifndef ZDS_THREAD_H_INCLUDED
#define ZDS_THREAD_H_INCLUDED

#ifdef _WIN32
#include <winsock2.h>
#include <windows.h>
#else
#include <pthread.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum
{
    /*  The most threads of ours that a process has at a time, in all its contexts,
        and including those that nobody waits for any more.  */
    ZDS_THREAD_MAX = 128,
    /*  Bytes.  A look-up by the hosts file and DNS takes up to 76,000 with glibc 2.36
        (tests/net/programs/stack.c); the rest is for other modules.  What glibc needs
        of a stack besides, for the program's thread-local data, is added.  */
    ZDS_THREAD_STACK = 256 * 1024,
    ZDS_THREAD_NAME_SIZE = 16 /* with its NUL all that Linux keeps */
};

/*  A lock.  zds_mutex_init gives 0 or an errno (ENOMEM, EAGAIN).  */
#ifdef _WIN32
typedef SRWLOCK zds_mutex_t;
#define zds_mutex_init(mutex) (InitializeSRWLock (mutex), 0)
#define zds_mutex_destroy(mutex) ((void) (mutex))
#define zds_mutex_lock(mutex) AcquireSRWLockExclusive (mutex)
#define zds_mutex_unlock(mutex) ReleaseSRWLockExclusive (mutex)
#else
typedef pthread_mutex_t zds_mutex_t;
#define zds_mutex_init(mutex) pthread_mutex_init (mutex, NULL)
#define zds_mutex_destroy(mutex) pthread_mutex_destroy (mutex)
#define zds_mutex_lock(mutex) pthread_mutex_lock (mutex)
#define zds_mutex_unlock(mutex) pthread_mutex_unlock (mutex)
#endif

/*  Starts a thread that nobody joins, with ZDS_THREAD_STACK bytes of stack, besides
    what glibc needs for itself, or with the system's default where it refuses that
    size.  It takes no signals, inherits the scheduling and the processors of its
    creator where the system allows, and is called 'name_' (at most 15 characters)
    where the system shows such names.  On glibc its resolver state is that of a new
    process, because a forked child would otherwise go on with the sockets of its
    parent's look-ups.

    0 or an errno: EAGAIN above ZDS_THREAD_MAX or what the system allows; EBUSY if the
    library that holds this code could be unloaded while the thread runs.  */
int zds_thread_start (const char *name_, void (*run_) (void *arg_), void *arg_);

/*  A number that tells a process from the one it was forked from.  */
long zds_process_id (void);

#ifdef __cplusplus
}
#endif

#endif
