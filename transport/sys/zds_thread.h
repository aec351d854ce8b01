/* SPDX-License-Identifier: MPL-2.0 */

/*  Threads, locks and the clock, of POSIX and of Windows: just what
    zds_resolver needs.  libzmq's own thread class ends the process when a thread
    cannot be started.  */

#ifndef ZDS_THREAD_H_INCLUDED
#define ZDS_THREAD_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#ifdef _WIN32
#include <winsock2.h>
#include <windows.h>
typedef SRWLOCK zds_mutex_t;
typedef CONDITION_VARIABLE zds_cond_t;
typedef HANDLE zds_thread_t;
#else
#include <pthread.h>
typedef pthread_mutex_t zds_mutex_t;
typedef pthread_cond_t zds_cond_t;
typedef pthread_t zds_thread_t;
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*  0 or an errno (ENOMEM, EAGAIN).  */
int zds_mutex_init (zds_mutex_t *mutex_);
void zds_mutex_destroy (zds_mutex_t *mutex_);
void zds_mutex_lock (zds_mutex_t *mutex_);
void zds_mutex_unlock (zds_mutex_t *mutex_);

int zds_cond_init (zds_cond_t *cond_);
void zds_cond_destroy (zds_cond_t *cond_);
void zds_cond_signal (zds_cond_t *cond_);
void zds_cond_broadcast (zds_cond_t *cond_);

/*  Waits for a signal for at most this long; may return before both.  */
void zds_cond_wait (zds_cond_t *cond_, zds_mutex_t *mutex_, unsigned ms_);

/*  Starts a thread that takes no signals, named 'name_' (at most 15 characters)
    where the system shows such names.  0 or an errno.  */
int zds_thread_start (zds_thread_t *thread_,
                      const char *name_,
                      void (*run_) (void *arg_),
                      void *arg_);

/*  Each thread that was started is joined or detached, once.  */
void zds_thread_join (zds_thread_t thread_);
void zds_thread_detach (zds_thread_t thread_);

/*  Keeps the library (or program) that holds this code loaded until the process
    ends.  False where the system cannot.  */
bool zds_thread_pin_library (void);

/*  Milliseconds of a clock that never goes back.  */
uint64_t zds_clock_ms (void);

#ifdef __cplusplus
}
#endif

#endif
