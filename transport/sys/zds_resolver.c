/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "zds_resolver.h"
#include "zds_thread.h"

#include <stdlib.h>
#include <string.h>

/*  One look-up, from the first one who asks until its end is of no interest any
    more.  It is in one of the resolver's lists at a time.  */
struct zds_query
{
    zds_query_t *prev, *next;
    zds_waiter_t *first_waiter, *last_waiter;
    zds_look_t look;
    uint64_t suspect_until; /* the name was slow not long ago */
    bool is_queued;
    bool runs_as_suspect;
    uint64_t started;
    uint64_t finished;
    zds_answer_t *answer; /* after the end, if it is to be given again */
    char *host;           /* behind the struct */
};

/*  The oldest first.  */
typedef struct
{
    zds_query_t *first, *last;
    unsigned count;
} queries_t;

/*  One thread.  */
typedef struct worker
{
    struct worker *next;
    zds_resolver_t *resolver;
    zds_thread_t thread;
    bool is_running;  /* inside a look-up */
    bool is_detached; /* and nobody waits for it */
} worker_t;

struct zds_resolver
{
    /*  Constant.  */
    zds_lookup_fn lookup;
    void *arg;
    unsigned threads;

    /*  Guards all that follows, waiters, inboxes and the refs of answers.  */
    zds_mutex_t mutex;
    zds_cond_t work; /* something is queued, or the end */
    bool is_released;
    unsigned refs; /* of the owner and of detached workers */
    queries_t queued, running;
    queries_t recent; /* ended a moment ago */
    queries_t slow;   /* ended in the last minute, and took long */
    worker_t *workers;
    unsigned workers_count;
    worker_t *ended; /* to be joined */
};

/*  Lists.  */

static void append (queries_t *list_, zds_query_t *query_)
{
    query_->prev = list_->last;
    query_->next = NULL;
    if (list_->last != NULL)
        list_->last->next = query_;
    else
        list_->first = query_;
    list_->last = query_;
    list_->count++;
}

static void take_out (queries_t *list_, zds_query_t *query_)
{
    if (query_->prev != NULL)
        query_->prev->next = query_->next;
    else
        list_->first = query_->next;
    if (query_->next != NULL)
        query_->next->prev = query_->prev;
    else
        list_->last = query_->prev;
    list_->count--;
}

static zds_query_t *
find (const queries_t *list_, const char *host_, zds_look_t look_)
{
    zds_query_t *query;

    for (query = list_->first; query != NULL; query = query->next)
        if (query->look == look_ && strcmp (query->host, host_) == 0)
            return query;
    return NULL;
}

static void append_waiter (zds_waiter_t **first_,
                           zds_waiter_t **last_,
                           zds_waiter_t *waiter_)
{
    waiter_->prev = *last_;
    waiter_->next = NULL;
    if (*last_ != NULL)
        (*last_)->next = waiter_;
    else
        *first_ = waiter_;
    *last_ = waiter_;
}

static void take_waiter_out (zds_waiter_t **first_,
                             zds_waiter_t **last_,
                             zds_waiter_t *waiter_)
{
    if (waiter_->prev != NULL)
        waiter_->prev->next = waiter_->next;
    else
        *first_ = waiter_->next;
    if (waiter_->next != NULL)
        waiter_->next->prev = waiter_->prev;
    else
        *last_ = waiter_->prev;
    waiter_->prev = waiter_->next = NULL;
}

/*  Answers.  */

/*  An answer, and how many have it; guarded by the resolver.  */
typedef struct
{
    zds_answer_t answer; /* first: what is given out points to it */
    unsigned refs;
} held_t;

/*  NULL when there is no memory.  Nobody has a reference yet.  */
static zds_answer_t *answer_new (const zds_answer_t *answer_)
{
    held_t *held = (held_t *) calloc (1, sizeof *held);

    if (held == NULL)
        return NULL;
    held->answer = *answer_;
    return &held->answer;
}

static zds_answer_t *hold (zds_answer_t *answer_)
{
    if (answer_ != NULL)
        ((held_t *) answer_)->refs++;
    return answer_;
}

static void let_go (zds_answer_t *answer_)
{
    if (answer_ != NULL && --((held_t *) answer_)->refs == 0)
        free (answer_);
}

/*  Queries.  */

/*  NULL when there is no memory.  */
static zds_query_t *query_new (const char *host_, zds_look_t look_)
{
    const size_t size = strlen (host_) + 1;
    zds_query_t *query = (zds_query_t *) calloc (1, sizeof *query + size);

    if (query == NULL)
        return NULL;
    query->look = look_;
    query->host = (char *) (query + 1);
    memcpy (query->host, host_, size);
    return query;
}

static void query_free (zds_query_t *query_)
{
    let_go (query_->answer);
    free (query_);
}

static void free_all (queries_t *list_)
{
    zds_query_t *query, *next;

    for (query = list_->first; query != NULL; query = next) {
        next = query->next;
        query_free (query);
    }
    memset (list_, 0, sizeof *list_);
}

/*  Puts an ended query where the next one who asks will find it.  */
static void keep (queries_t *list_, zds_query_t *query_)
{
    append (list_, query_);
    if (list_->count > ZDS_RESOLVER_RECENT) {
        zds_query_t *oldest = list_->first;
        take_out (list_, oldest);
        query_free (oldest);
    }
}

static void forget (queries_t *list_, const char *host_, zds_look_t look_)
{
    zds_query_t *query = find (list_, host_, look_);

    if (query != NULL) {
        take_out (list_, query);
        query_free (query);
    }
}

/*  The answer that was given to the same question less than ZDS_RESOLVER_FRESH
    ms ago; NULL if there is none.  */
static zds_answer_t *fresh_answer (const zds_resolver_t *resolver_,
                                   const char *host_,
                                   zds_look_t look_)
{
    const uint64_t now = zds_clock_ms ();
    const zds_query_t *query = find (&resolver_->recent, host_, look_);

    if (query == NULL)
        query = find (&resolver_->slow, host_, look_);
    if (query == NULL || now - query->finished >= ZDS_RESOLVER_FRESH)
        return NULL;
    return query->answer;
}

/*  Which query is next.  */

static bool is_young (const zds_query_t *query_, uint64_t now_)
{
    return now_ - query_->started < ZDS_RESOLVER_SLOW;
}

static unsigned max_running (const zds_resolver_t *resolver_)
{
    return 3 * resolver_->threads;
}

/*  The queued query that may run now, NULL if there is none.  Then '*wait_' is
    lowered to the time in ms after which there may be one although nothing
    ended.  */
static zds_query_t *
next_query (const zds_resolver_t *resolver_, uint64_t now_, uint64_t *wait_)
{
    const zds_query_t *oldest_young = NULL;
    unsigned young = 0, suspects = 0;
    zds_query_t *query;

    for (query = resolver_->running.first; query != NULL; query = query->next) {
        suspects += query->runs_as_suspect;
        if (!is_young (query, now_))
            continue;
        if (young++ == 0)
            oldest_young = query;
    }
    if (resolver_->running.count >= max_running (resolver_))
        return NULL;
    if (young >= resolver_->threads) {
        const uint64_t left = oldest_young->started + ZDS_RESOLVER_SLOW - now_;
        if (left < *wait_)
            *wait_ = left;
        return NULL;
    }

    for (query = resolver_->queued.first; query != NULL; query = query->next) {
        if (suspects < resolver_->threads || now_ >= query->suspect_until)
            return query;
        if (query->suspect_until - now_ < *wait_)
            *wait_ = query->suspect_until - now_;
    }
    return NULL;
}

/*  Workers.  */

static void work (void *worker_);

/*  False when there is no memory or no thread to be had.  */
static bool start_worker (zds_resolver_t *resolver_)
{
    worker_t *worker = (worker_t *) calloc (1, sizeof *worker);

    if (worker == NULL)
        return false;
    worker->resolver = resolver_;
    if (zds_thread_start (&worker->thread, "ZMQbg/resolver", work, worker)
        != 0) {
        free (worker);
        return false;
    }
    worker->next = resolver_->workers;
    resolver_->workers = worker;
    resolver_->workers_count++;
    return true;
}

/*  Sees to it that somebody looks at the queue: at once if a query may run, at
    the right time if not.  One worker at a time is woken or started; it does
    the same when it has taken a query.  Where no thread can be started, the
    queue waits for the workers that there are.  */
static void call_worker (zds_resolver_t *resolver_)
{
    if (resolver_->queued.count == 0
        || resolver_->running.count >= max_running (resolver_))
        return;
    if (resolver_->workers_count > resolver_->running.count)
        zds_cond_signal (&resolver_->work);
    else
        start_worker (resolver_);
}

static void join_all (worker_t *list_)
{
    while (list_ != NULL) {
        worker_t *next = list_->next;
        zds_thread_join (list_->thread);
        free (list_);
        list_ = next;
    }
}

/*  What a worker does first, so that no one else has to wait for the last
    instructions of those before it.  */
static void join_ended (zds_resolver_t *resolver_)
{
    worker_t *ended = resolver_->ended;

    if (ended == NULL)
        return;
    resolver_->ended = NULL;
    zds_mutex_unlock (&resolver_->mutex);
    join_all (ended);
    zds_mutex_lock (&resolver_->mutex);
}

/*  Gives the answer, or NULL, to all who wait for it.  */
static void deliver (zds_query_t *query_, zds_answer_t *answer_)
{
    zds_waiter_t *waiter;

    while ((waiter = query_->first_waiter) != NULL) {
        zds_inbox_t *inbox = waiter->inbox;
        const bool was_empty = inbox->first == NULL;
        take_waiter_out (&query_->first_waiter, &query_->last_waiter, waiter);
        waiter->query = NULL;
        waiter->answer = hold (answer_);
        append_waiter (&inbox->first, &inbox->last, waiter);
        if (was_empty)
            inbox->wake (inbox->arg);
    }
}

/*  Takes an ended query out of the running ones.  */
static void
finish (zds_resolver_t *resolver_, zds_query_t *query_, zds_answer_t *answer_)
{
    bool was_slow;

    take_out (&resolver_->running, query_);
    query_->finished = zds_clock_ms ();
    was_slow = !is_young (query_, query_->finished);

    hold (answer_);
    deliver (query_, answer_);
    if (answer_ != NULL && answer_->status == ZDS_LOOKUP_DONE)
        query_->answer = hold (answer_);
    let_go (answer_);

    if (resolver_->is_released || (!was_slow && query_->answer == NULL)) {
        query_free (query_);
        return;
    }
    forget (&resolver_->recent, query_->host, query_->look);
    if (was_slow)
        forget (&resolver_->slow, query_->host, query_->look);
    keep (was_slow ? &resolver_->slow : &resolver_->recent, query_);
}

static void run (worker_t *worker_, zds_query_t *query_, uint64_t now_)
{
    zds_resolver_t *resolver = worker_->resolver;
    zds_answer_t found, *answer;

    take_out (&resolver->queued, query_);
    append (&resolver->running, query_);
    query_->is_queued = false;
    query_->started = now_;
    query_->runs_as_suspect = now_ < query_->suspect_until;
    worker_->is_running = true;
    call_worker (resolver);
    zds_mutex_unlock (&resolver->mutex);

    memset (&found, 0, sizeof found);
    resolver->lookup (resolver->arg, query_->host, query_->look, &found);
    answer = answer_new (&found);

    zds_mutex_lock (&resolver->mutex);
    worker_->is_running = false;
    finish (resolver, query_, answer);
}

/*  Runs queries until the end of the resolver, or of its own idle time.  */
static void serve (worker_t *worker_)
{
    zds_resolver_t *resolver = worker_->resolver;
    uint64_t idle_since = zds_clock_ms ();

    while (!resolver->is_released) {
        const uint64_t now = zds_clock_ms ();
        uint64_t wait = ZDS_RESOLVER_IDLE;
        zds_query_t *query = next_query (resolver, now, &wait);

        if (query != NULL) {
            run (worker_, query, now);
            idle_since = zds_clock_ms ();
            continue;
        }
        if (resolver->queued.count == 0) {
            if (now - idle_since >= ZDS_RESOLVER_IDLE)
                return;
            wait = ZDS_RESOLVER_IDLE - (now - idle_since);
        }
        zds_cond_wait (&resolver->work, &resolver->mutex, (unsigned) wait);
    }
}

/*  For the last one who has a reference.  */
static void destroy (zds_resolver_t *resolver_)
{
    zds_cond_destroy (&resolver_->work);
    zds_mutex_destroy (&resolver_->mutex);
    free (resolver_);
}

/*  Gives a reference and the lock back.  */
static void unref_unlock (zds_resolver_t *resolver_)
{
    const bool is_last = --resolver_->refs == 0;

    zds_mutex_unlock (&resolver_->mutex);
    if (is_last)
        destroy (resolver_);
}

static void leave (worker_t *worker_)
{
    zds_resolver_t *resolver = worker_->resolver;
    worker_t **at = &resolver->workers;

    while (*at != worker_)
        at = &(*at)->next;
    *at = worker_->next;
    resolver->workers_count--;
    worker_->next = resolver->ended;
    resolver->ended = worker_;
}

static void work (void *worker_)
{
    worker_t *worker = (worker_t *) worker_;
    zds_resolver_t *resolver = worker->resolver;

    zds_mutex_lock (&resolver->mutex);
    join_ended (resolver);
    serve (worker);
    if (worker->is_detached) {
        free (worker);
        unref_unlock (resolver);
        return;
    }
    /*  At the end of the resolver the lists of workers are not ours.  */
    if (!resolver->is_released)
        leave (worker);
    zds_mutex_unlock (&resolver->mutex);
}

/*  The interface.  */

zds_resolver_t *
zds_resolver_new (unsigned threads_, zds_lookup_fn lookup_, void *arg_)
{
    zds_resolver_t *resolver =
      (zds_resolver_t *) calloc (1, sizeof (zds_resolver_t));

    if (resolver == NULL)
        return NULL;
    resolver->lookup = lookup_;
    resolver->arg = arg_;
    resolver->threads = threads_;
    resolver->refs = 1;
    if (zds_mutex_init (&resolver->mutex) != 0) {
        free (resolver);
        return NULL;
    }
    if (zds_cond_init (&resolver->work) != 0) {
        zds_mutex_destroy (&resolver->mutex);
        free (resolver);
        return NULL;
    }
    return resolver;
}

/*  Detaches those inside a look-up, and returns the others.  */
static worker_t *detach_running (zds_resolver_t *resolver_)
{
    worker_t *worker, *next, *others = NULL;

    for (worker = resolver_->workers; worker != NULL; worker = next) {
        next = worker->next;
        if (worker->is_running) {
            worker->is_detached = true;
            resolver_->refs++;
            zds_thread_detach (worker->thread);
        } else {
            worker->next = others;
            others = worker;
        }
    }
    resolver_->workers = NULL;
    return others;
}

void zds_resolver_release (zds_resolver_t *resolver_)
{
    worker_t *others;
    bool any_running, is_pinned;

    zds_mutex_lock (&resolver_->mutex);
    resolver_->is_released = true;
    free_all (&resolver_->queued);
    free_all (&resolver_->recent);
    free_all (&resolver_->slow);
    any_running = resolver_->running.count > 0;
    zds_cond_broadcast (&resolver_->work);
    zds_mutex_unlock (&resolver_->mutex);

    /*  Not with the lock held: this takes the lock of the dynamic linker.  */
    is_pinned = any_running && zds_thread_pin_library ();

    zds_mutex_lock (&resolver_->mutex);
    if (is_pinned)
        others = detach_running (resolver_);
    else {
        others = resolver_->workers;
        resolver_->workers = NULL;
    }
    zds_mutex_unlock (&resolver_->mutex);
    join_all (others);
    join_all (resolver_->ended);

    zds_mutex_lock (&resolver_->mutex);
    unref_unlock (resolver_);
}

/*  The query to wait for: one that is under way, or a new one.  NULL when there
    is no memory.  */
static zds_query_t *
query_for (zds_resolver_t *resolver_, const char *host_, zds_look_t look_)
{
    const zds_query_t *slow = find (&resolver_->slow, host_, look_);
    zds_query_t *query = find (&resolver_->running, host_, look_);

    if (query == NULL)
        query = find (&resolver_->queued, host_, look_);
    if (query != NULL)
        return query;
    query = query_new (host_, look_);
    if (query == NULL)
        return NULL;
    if (slow != NULL)
        query->suspect_until = slow->finished + ZDS_RESOLVER_SUSPECT;
    query->is_queued = true;
    append (&resolver_->queued, query);
    return query;
}

static void drop_if_unwanted (zds_resolver_t *resolver_, zds_query_t *query_)
{
    if (query_->is_queued && query_->first_waiter == NULL) {
        take_out (&resolver_->queued, query_);
        query_free (query_);
    }
}

/*  Whether the waiter waits; its answer may be there else.  */
static bool ask (zds_resolver_t *resolver_,
                 const char *host_,
                 zds_look_t look_,
                 zds_waiter_t *waiter_,
                 zds_inbox_t *inbox_)
{
    zds_query_t *query;

    waiter_->answer = hold (fresh_answer (resolver_, host_, look_));
    if (waiter_->answer != NULL)
        return false;
    query = query_for (resolver_, host_, look_);
    if (query == NULL)
        return false;
    call_worker (resolver_);
    if (resolver_->workers_count == 0) {
        /*  The first worker could not be started.  */
        drop_if_unwanted (resolver_, query);
        return false;
    }
    waiter_->query = query;
    waiter_->inbox = inbox_;
    append_waiter (&query->first_waiter, &query->last_waiter, waiter_);
    return true;
}

bool zds_resolver_ask (zds_resolver_t *resolver_,
                       const char *host_,
                       zds_look_t look_,
                       zds_waiter_t *waiter_,
                       zds_inbox_t *inbox_)
{
    bool waits;

    memset (waiter_, 0, sizeof *waiter_);
    zds_mutex_lock (&resolver_->mutex);
    waits = ask (resolver_, host_, look_, waiter_, inbox_);
    zds_mutex_unlock (&resolver_->mutex);
    return !waits;
}

zds_waiter_t *zds_resolver_collect (zds_resolver_t *resolver_,
                                    zds_inbox_t *inbox_)
{
    zds_waiter_t *waiter;

    zds_mutex_lock (&resolver_->mutex);
    waiter = inbox_->first;
    if (waiter != NULL) {
        take_waiter_out (&inbox_->first, &inbox_->last, waiter);
        waiter->inbox = NULL;
    }
    zds_mutex_unlock (&resolver_->mutex);
    return waiter;
}

void zds_resolver_cancel (zds_resolver_t *resolver_, zds_waiter_t *waiter_)
{
    zds_query_t *query;
    zds_inbox_t *inbox;

    zds_mutex_lock (&resolver_->mutex);
    query = waiter_->query;
    inbox = waiter_->inbox;
    if (query != NULL) {
        take_waiter_out (&query->first_waiter, &query->last_waiter, waiter_);
        drop_if_unwanted (resolver_, query);
    } else if (inbox != NULL) {
        take_waiter_out (&inbox->first, &inbox->last, waiter_);
        let_go (waiter_->answer);
        waiter_->answer = NULL;
    }
    waiter_->query = NULL;
    waiter_->inbox = NULL;
    zds_mutex_unlock (&resolver_->mutex);
}

void zds_resolver_drop (zds_resolver_t *resolver_, zds_answer_t *answer_)
{
    zds_mutex_lock (&resolver_->mutex);
    let_go (answer_);
    zds_mutex_unlock (&resolver_->mutex);
}
