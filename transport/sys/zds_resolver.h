/* SPDX-License-Identifier: MPL-2.0 */

/*  Look-ups of names on threads of their own.

    Equal look-ups that are under way at the same time are one; an answer less than a
    second old is used again, dealt out in turns (see zds_turns_deal); and the number
    of threads is bounded.  A thread is started for a look-up, takes what is queued
    behind it, and ends.

    A look-up cannot be interrupted; one whose name servers are dead takes many
    seconds.  So that such ones do not hold up the others:
    - each kind of look-up has a queue and threads of its own, at most
      ZDS_RESOLVER_CROWD times 'threads' at a time;
    - a name that was slow in the last minute runs on 'threads' of those at the
      most, and others overtake it in the queue;
    - one that nobody waits for any more leaves the queue.

    Where no thread can be started, the caller makes the look-up itself, as libzmq
    without dual stack does; otherwise no function waits for one.  Any thread
    may call them; an inbox and its waiters belong to one thread.  */

#ifndef ZDS_RESOLVER_H_INCLUDED
#define ZDS_RESOLVER_H_INCLUDED

#include "zds_ask.h"
#include "zds_settings.h"

#ifdef __cplusplus
extern "C" {
#endif

enum
{
    ZDS_RESOLVER_CROWD = 3,
    ZDS_RESOLVER_SLOW = 1000,  /* ms */
    ZDS_RESOLVER_FRESH = 1000, /* ms for which an answer is given again */
    /*  The same, when there is no address.  A client often starts before its
        server's name is there, and libzmq asks at each reconnect.  */
    ZDS_RESOLVER_FRESH_NONE = 200,
    ZDS_RESOLVER_SUSPECT =
      60000,                   /* ms for which a slow name is known as such */
    ZDS_RESOLVER_RECENT = 256, /* names of which something is known */
    /*  Look-ups of one question until its order is taken for fixed.  With two
        addresses in random order, one in eight is taken for it wrongly, for a
        second.  */
    ZDS_RESOLVER_LOOKS = 4
};

/*  Makes a look-up.  Before the call, the answer is DONE and has no address.  Runs on
    threads of the resolver, several at a time.  */
typedef void (*zds_lookup_fn) (const char *host_,
                               zds_look_t look_,
                               zds_answer_t *answer_);

/*  Milliseconds of a clock that never goes back.  */
typedef uint64_t (*zds_clock_fn) (void);

typedef struct zds_resolver zds_resolver_t;
typedef struct zds_inbox zds_inbox_t;
typedef struct zds_query zds_query_t;

typedef struct zds_link zds_link_t;

/*  A place in a list, which is the first member of each element; also a list
    itself.  */
struct zds_link
{
    zds_link_t *prev, *next;
};

/*  One party that waits for one answer.  The caller owns it; it stays where it
    is until the answer is collected or the wait is cancelled.  All zero: not
    waiting.  */
typedef struct
{
    zds_link_t link;
    zds_inbox_t *inbox;
    zds_query_t *query; /* waiting for it; NULL: in the inbox, or not waiting */
    /*  In the inbox; after it was collected the caller's, to be freed.  NULL: out of
        memory.  */
    zds_answer_t *answer;
} zds_waiter_t;

/*  Where the answers for one thread come in, the oldest first.  */
struct zds_inbox
{
    zds_link_t waiters;
    void (*wake) (void *arg_);
    void *arg;
};

/*  'wake_' is called with 'arg_' when the inbox is no longer empty, on another thread
    and with a lock held: it must neither wait nor call the resolver.  */
void zds_inbox_init (zds_inbox_t *inbox_,
                     void (*wake_) (void *arg_),
                     void *arg_);

/*  NULL when there is no memory.  'threads_' is from 1 to
    ZDS_RESOLVER_MAX_THREADS, 'name_' what they are called (copied).  No thread is
    started yet.  */
zds_resolver_t *zds_resolver_new (unsigned threads_,
                                  const char *name_,
                                  zds_lookup_fn lookup_,
                                  zds_clock_fn clock_);

/*  Gives the resolver up; nobody may be waiting.  Threads inside a look-up are left
    to end by themselves; the process never has more than ZDS_THREAD_MAX threads of
    ours.  In a forked child it does nothing, because the lock may be held by a thread
    that does not exist there.  */
void zds_resolver_release (zds_resolver_t *resolver_);

/*  Asks for the addresses of a host.  Returns false when the answer will come into
    'inbox_'.  Returns true when it is in 'waiter_->answer' (NULL when there is no
    memory), for the caller to free: it was known, or no thread could be started.  In
    the latter case the look-up was made on the caller's thread, if it is the one that
    libzmq without dual stack would have made.  'plain_' is the kind of that look-up,
    ZDS_LOOK_IPV4 or ZDS_LOOK_IPV6 (in mode V6, where IPv4 addresses count if there
    are no others); it is also made for ZDS_LOOK_WHOLE.  The answer to any other kind
    is ZDS_LOOKUP_TEMPORARY then.  */
bool zds_resolver_ask (zds_resolver_t *resolver_,
                       const char *host_,
                       zds_look_t look_,
                       zds_look_t plain_,
                       zds_waiter_t *waiter_,
                       zds_inbox_t *inbox_);

/*  Since when the waiter's look-up has been running; ZDS_NEVER while it is queued, or
    when it has ended.  */
uint64_t zds_resolver_runs (zds_resolver_t *resolver_,
                            const zds_waiter_t *waiter_);

/*  Takes the next waiter whose answer is there out of the inbox; NULL when there is
    none.  The answer now belongs to the caller, who frees it.  */
zds_waiter_t *zds_resolver_collect (zds_resolver_t *resolver_,
                                    zds_inbox_t *inbox_);

/*  Ends the wait, whatever state it is in; the look-up goes on, for others or for
    nobody.  No-op for a waiter that does not wait.  */
void zds_resolver_cancel (zds_resolver_t *resolver_, zds_waiter_t *waiter_);

#ifdef __cplusplus
}
#endif

#endif
