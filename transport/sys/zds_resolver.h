/* SPDX-License-Identifier: MPL-2.0 */

/*  Look-ups of names on threads of their own.

    Equal look-ups that are under way at the same time are one, an answer under a
    second old is given again, and the number of threads is bounded.  Each runs
    one look-up at a time, and ends when it has had nothing to do for
    ZDS_RESOLVER_IDLE ms.

    A look-up cannot be interrupted; one whose name servers are dead takes many
    seconds.  So that such ones do not hold up the others:
    - at most 'threads' look-ups run that are younger than ZDS_RESOLVER_SLOW ms;
      older ones do not count, up to three times 'threads' in all;
    - a name that was slow in the last minute runs on 'threads' of those at the
      most, and others overtake it in the queue.

    All functions but the look-up itself return without waiting for a look-up.
    Any thread may call them; an inbox and its waiters belong to one thread.  */

#ifndef ZDS_RESOLVER_H_INCLUDED
#define ZDS_RESOLVER_H_INCLUDED

#include "zds_candidate.h"

#ifdef __cplusplus
extern "C" {
#endif

enum
{
    ZDS_RESOLVER_THREADS = 8, /* the default */
    ZDS_RESOLVER_MAX_THREADS = 64,
    ZDS_RESOLVER_IDLE = 5000,  /* ms */
    ZDS_RESOLVER_SLOW = 1000,  /* ms */
    ZDS_RESOLVER_FRESH = 1000, /* ms for which an answer is given again */
    ZDS_RESOLVER_SUSPECT =
      60000,                 /* ms for which a slow name is known as such */
    ZDS_RESOLVER_RECENT = 64 /* answers kept */
};

/*  Looks a host up; 'answer_' is all zero before.  Runs on a thread of the
    resolver, several at a time.  */
typedef void (*zds_lookup_fn) (void *arg_,
                               const char *host_,
                               zds_look_t look_,
                               zds_answer_t *answer_);

typedef struct zds_resolver zds_resolver_t;
typedef struct zds_inbox zds_inbox_t;
typedef struct zds_query zds_query_t;

/*  One party that waits for one answer.  The caller owns it; it stays where it
    is until the answer is collected or the wait is cancelled.  All zero: not
    waiting.  */
typedef struct zds_waiter
{
    struct zds_waiter *prev, *next;
    zds_inbox_t *inbox;
    zds_query_t *query; /* waiting for it; NULL: in the inbox, or not waiting */
    zds_answer_t *answer; /* after it was collected, shared by all who asked and
                             constant; NULL: out of memory, or the thread could
                             not be started */
} zds_waiter_t;

/*  Where the answers for one thread come in.  */
struct zds_inbox
{
    zds_waiter_t *first, *last;
    /*  Called when the inbox was empty and is not any more, on another thread,
        with a lock held: it must not wait, nor call the resolver.  */
    void (*wake) (void *arg_);
    void *arg;
};

/*  NULL when there is no memory.  'threads_' is from 1 to
    ZDS_RESOLVER_MAX_THREADS; 'arg_' goes to 'lookup_' and has to stay for ever.
    No thread is started yet.  */
zds_resolver_t *
zds_resolver_new (unsigned threads_, zds_lookup_fn lookup_, void *arg_);

/*  Gives the resolver up; nobody may be waiting.  Idle threads have ended when it
    returns.  Those inside a look-up are left to end by themselves, and see to
    it that the library that holds this code stays loaded until the process
    ends.  */
void zds_resolver_release (zds_resolver_t *resolver_);

/*  Looks a host up.  Returns true when the answer
    is in 'waiter_->answer' at once (which is NULL when there is no memory, or no
    thread and none to be had); false when it will come into 'inbox_'.  */
bool zds_resolver_ask (zds_resolver_t *resolver_,
                       const char *host_,
                       zds_look_t look_,
                       zds_waiter_t *waiter_,
                       zds_inbox_t *inbox_);

/*  Takes the next waiter whose answer is there out of the inbox, with a reference
    to its answer; NULL when there is none.  */
zds_waiter_t *zds_resolver_collect (zds_resolver_t *resolver_,
                                    zds_inbox_t *inbox_);

/*  Ends the wait, wherever it stands; the look-up goes on for others, or for
    nobody.  No-op for a waiter that does not wait.  */
void zds_resolver_cancel (zds_resolver_t *resolver_, zds_waiter_t *waiter_);

/*  Gives a collected answer back.  NULL is allowed.  */
void zds_resolver_drop (zds_resolver_t *resolver_, zds_answer_t *answer_);

#ifdef __cplusplus
}
#endif

#endif
