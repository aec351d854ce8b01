/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "zds_resolver.h"
#include "zds_thread.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef enum
{
    ENDED, /* or never begun; kept for the next one who asks */
    QUEUED,
    RUNNING
} query_state_t;

/*  One question: what is known about it, and the look-up that is made for it.  */
struct zds_query
{
    zds_link_t link; /* among the resolver's, by when it got into its state */
    zds_resolver_t *resolver;
    zds_link_t waiters;
    zds_look_t look;
    query_state_t state;
    bool runs_as_suspect;
    uint64_t suspect_until; /* the name was slow not long ago */
    uint64_t started;
    zds_answer_t *held;        /* the last answer, if it is to be given again */
    bool moves[ZDS_MAX_ADDRS]; /* these addresses are dealt out in turns */
    unsigned turn;             /* that is next */
    uint64_t finished;         /* the look-up that gave it */
    unsigned looks;            /* in a row, ZDS_RESOLVER_LOOKS: enough */
    char host[];
};

struct zds_resolver
{
    /*  Constant.  */
    zds_lookup_fn lookup;
    zds_clock_fn clock;
    unsigned threads;
    long process;
    char name[ZDS_THREAD_NAME_SIZE];

    /*  Guards everything that follows, waiters, inboxes, and held answers.  */
    zds_mutex_t mutex;
    bool is_released;
    zds_link_t queries;
};

/*  Lists are rings: the list's own link is before its first element and after its
    last.  */

static void make_ring (zds_link_t *ring_)
{
    ring_->prev = ring_->next = ring_;
}

static bool is_empty (const zds_link_t *ring_)
{
    return ring_->next == ring_;
}

static void append (zds_link_t *ring_, zds_link_t *link_)
{
    link_->prev = ring_->prev;
    link_->next = ring_;
    ring_->prev->next = link_;
    ring_->prev = link_;
}

static void take_out (zds_link_t *link_)
{
    link_->prev->next = link_->next;
    link_->next->prev = link_->prev;
}

/*  Queries.  */

/*  The query after 'query_', the first one for NULL; NULL if there is none.  */
static zds_query_t *next_query (const zds_resolver_t *resolver_,
                                const zds_query_t *query_)
{
    zds_link_t *const next =
      query_ == NULL ? resolver_->queries.next : query_->link.next;

    return next == &resolver_->queries ? NULL : (zds_query_t *) next;
}

static void set_state (zds_query_t *query_, query_state_t state_)
{
    query_->state = state_;
    take_out (&query_->link);
    append (&query_->resolver->queries, &query_->link);
}

/*  The query for this question, which may be a new one; NULL when there is no
    memory.  */
static zds_query_t *
find (zds_resolver_t *resolver_, const char *host_, zds_look_t look_)
{
    zds_query_t *query = NULL;

    while ((query = next_query (resolver_, query)) != NULL)
        if (query->look == look_ && strcmp (query->host, host_) == 0)
            return query;
    query = (zds_query_t *) calloc (1, sizeof *query + strlen (host_) + 1);
    if (query == NULL)
        return NULL;
    query->resolver = resolver_;
    query->look = look_;
    strcpy (query->host, host_);
    make_ring (&query->waiters);
    append (&resolver_->queries, &query->link);
    return query;
}

static void free_query (zds_query_t *query_)
{
    take_out (&query_->link);
    free (query_->held);
    free (query_);
}

/*  A copy of the query's answer in its next turn, or of one that is not held, for a
    waiter, who frees it; NULL when there is no memory.  */
static zds_answer_t *deal (zds_query_t *query_, const zds_answer_t *answer_)
{
    zds_answer_t *answer = NULL;
    size_t size = 0;

    if (answer_ != NULL) {
        size = offsetof (zds_answer_t, addr)
               + answer_->count * sizeof answer_->addr[0];
        answer = (zds_answer_t *) malloc (size);
    }
    if (answer == NULL)
        return NULL;
    memcpy (answer, answer_, size);
    zds_turns_deal (answer, query_->moves, query_->turn++);
    return answer;
}

/*  Keeps a query that nobody waits for, so that the next one who asks finds it, if
    anything is known about it; but not too many of them.  */
static void keep (zds_query_t *query_)
{
    zds_resolver_t *const resolver = query_->resolver;
    zds_query_t *oldest = NULL, *query = NULL;
    unsigned ended = 0;

    set_state (query_, ENDED);
    if (query_->held == NULL && query_->suspect_until == 0) {
        free_query (query_);
        return;
    }
    while ((query = next_query (resolver, query)) != NULL)
        if (query->state == ENDED && ended++ == 0)
            oldest = query;
    if (ended > ZDS_RESOLVER_RECENT)
        free_query (oldest);
}

/*  Whether another look-up may show that the order of the answer rotates.  */
static bool may_rotate (const zds_query_t *query_)
{
    return query_->looks < ZDS_RESOLVER_LOOKS
           && zds_turns_possible (query_->held);
}

static bool is_fresh (const zds_query_t *query_)
{
    return query_->held != NULL
           && query_->resolver->clock () - query_->finished
                < (query_->held->count > 0 ? ZDS_RESOLVER_FRESH
                                           : ZDS_RESOLVER_FRESH_NONE);
}

/*  Running.  */

static void work (void *query_);

/*  How many look-ups of a kind run; with 'suspects_', only those of names that were
    slow.  */
static unsigned
running (const zds_resolver_t *resolver_, zds_look_t look_, bool suspects_)
{
    const zds_query_t *query = NULL;
    unsigned n = 0;

    while ((query = next_query (resolver_, query)) != NULL)
        n += query->state == RUNNING && query->look == look_
             && (query->runs_as_suspect || !suspects_);
    return n;
}

/*  The first query of a kind that may run now; NULL if there is none.  */
static zds_query_t *next_to_run (const zds_resolver_t *resolver_,
                                 zds_look_t look_)
{
    const uint64_t now = resolver_->clock ();
    const bool suspects_too =
      running (resolver_, look_, true) < resolver_->threads;
    zds_query_t *query = NULL;

    if (running (resolver_, look_, false)
        >= ZDS_RESOLVER_CROWD * resolver_->threads)
        return NULL;
    while ((query = next_query (resolver_, query)) != NULL)
        if (query->state == QUEUED && query->look == look_
            && (suspects_too || now >= query->suspect_until))
            break;
    return query;
}

static void begin (zds_query_t *query_)
{
    set_state (query_, RUNNING);
    query_->started = query_->resolver->clock ();
    query_->runs_as_suspect = query_->started < query_->suspect_until;
}

/*  Starts a thread for each query of a kind that may run.  False if a query has to
    wait, and there is no thread that would take it.  */
static bool start_all (zds_resolver_t *resolver_, zds_look_t look_)
{
    zds_query_t *query;

    while ((query = next_to_run (resolver_, look_)) != NULL) {
        if (zds_thread_start (resolver_->name, work, query) != 0)
            return running (resolver_, look_, false) > 0;
        /*  The thread waits for the lock, so this comes in time.  */
        begin (query);
    }
    return true;
}

/*  Gives the answer, which is NULL when there is no memory, to the first waiter or to
    all.  */
static void
deliver (zds_query_t *query_, const zds_answer_t *answer_, bool to_all_)
{
    while (!is_empty (&query_->waiters)) {
        zds_waiter_t *const waiter = (zds_waiter_t *) query_->waiters.next;
        zds_inbox_t *const inbox = waiter->inbox;
        const bool was_empty = is_empty (&inbox->waiters);
        take_out (&waiter->link);
        waiter->query = NULL;
        waiter->answer = deal (query_, answer_);
        append (&inbox->waiters, &waiter->link);
        if (was_empty)
            inbox->wake (inbox->arg);
        if (!to_all_)
            return;
    }
}

/*  Keeps the answer for later use, and notes whether its order has changed since the
    last look-up.  A temporary failure takes nothing back.  */
static void
take_answer (zds_query_t *query_, zds_answer_t *answer_, uint64_t now_)
{
    query_->looks++;
    if (answer_ == NULL || answer_->status != ZDS_LOOKUP_DONE) {
        query_->looks = ZDS_RESOLVER_LOOKS;
        return;
    }
    if (query_->held != NULL
        && zds_turns_find (query_->moves, query_->held, answer_))
        query_->looks = ZDS_RESOLVER_LOOKS;
    free (query_->held);
    query_->held = answer_;
    query_->turn = 0;
    query_->finished = now_;
}

/*  A look-up has ended.  True if it is to be repeated for those who still wait.  */
static bool finish (zds_query_t *query_, zds_answer_t *answer_)
{
    const uint64_t now = query_->resolver->clock ();
    const bool was_slow = now - query_->started >= ZDS_RESOLVER_SLOW;
    bool again;

    query_->started = now;
    query_->suspect_until = was_slow ? now + ZDS_RESOLVER_SUSPECT : 0;
    take_answer (query_, answer_, now);
    again = query_->held != NULL && may_rotate (query_);
    deliver (query_, query_->held != NULL ? query_->held : answer_, !again);
    if (query_->held != answer_)
        free (answer_);
    return again && !is_empty (&query_->waiters);
}

/*  Makes the look-up.  The lock is held before and after, but not meanwhile.  */
static void run (zds_query_t *query_)
{
    zds_resolver_t *const resolver = query_->resolver;
    zds_answer_t *answer;

    do {
        zds_mutex_unlock (&resolver->mutex);
        answer = (zds_answer_t *) malloc (sizeof *answer);
        if (answer != NULL) {
            memset (answer, 0, offsetof (zds_answer_t, addr));
            resolver->lookup (query_->host, query_->look, answer);
        }
        zds_mutex_lock (&resolver->mutex);
    } while (finish (query_, answer));
}

static void destroy (zds_resolver_t *resolver_)
{
    zds_mutex_destroy (&resolver_->mutex);
    free (resolver_);
}

/*  Puts away a query that has been run.  Returns the one to run next; NULL if there
    is none.  */
static zds_query_t *next_after (zds_query_t *query_)
{
    zds_resolver_t *const resolver = query_->resolver;
    const zds_look_t look = query_->look;
    zds_query_t *next;

    if (resolver->is_released) {
        free_query (query_);
        return NULL;
    }
    keep (query_);
    next = next_to_run (resolver, look);
    if (next != NULL)
        begin (next);
    return next;
}

/*  A thread: runs a query, and those that wait behind it.  */
static void work (void *query_)
{
    zds_query_t *query = (zds_query_t *) query_;
    zds_resolver_t *const resolver = query->resolver;
    bool is_last;

    zds_mutex_lock (&resolver->mutex);
    while (query != NULL) {
        run (query);
        query = next_after (query);
    }
    is_last = resolver->is_released && is_empty (&resolver->queries);
    zds_mutex_unlock (&resolver->mutex);
    if (is_last)
        destroy (resolver);
}

/*  The interface.  */

zds_resolver_t *zds_resolver_new (unsigned threads_,
                                  const char *name_,
                                  zds_lookup_fn lookup_,
                                  zds_clock_fn clock_)
{
    zds_resolver_t *resolver =
      (zds_resolver_t *) calloc (1, sizeof (zds_resolver_t));

    if (resolver == NULL)
        return NULL;
    resolver->lookup = lookup_;
    resolver->clock = clock_;
    resolver->threads = threads_;
    resolver->process = zds_process_id ();
    strncpy (resolver->name, name_, sizeof resolver->name - 1);
    make_ring (&resolver->queries);
    if (zds_mutex_init (&resolver->mutex) != 0) {
        free (resolver);
        return NULL;
    }
    return resolver;
}

void zds_resolver_release (zds_resolver_t *resolver_)
{
    zds_query_t *query, *next;
    bool is_last;

    if (resolver_->process != zds_process_id ())
        return;
    zds_mutex_lock (&resolver_->mutex);
    resolver_->is_released = true;
    for (query = next_query (resolver_, NULL); query != NULL; query = next) {
        next = next_query (resolver_, query);
        if (query->state != RUNNING)
            free_query (query);
    }
    is_last = is_empty (&resolver_->queries);
    zds_mutex_unlock (&resolver_->mutex);
    if (is_last)
        destroy (resolver_);
}

/*  The query to wait for, or one that has ended and whose answer can be used again;
    NULL when there is no memory.  */
static zds_query_t *
query_for (zds_resolver_t *resolver_, const char *host_, zds_look_t look_)
{
    zds_query_t *const query = find (resolver_, host_, look_);

    if (query == NULL || query->state != ENDED
        || (is_fresh (query) && !may_rotate (query)))
        return query;
    if (!is_fresh (query)) {
        free (query->held);
        query->held = NULL;
        memset (query->moves, 0, sizeof query->moves);
        query->looks = 0;
    }
    set_state (query, QUEUED);
    return query;
}

static void keep_if_unwanted (zds_query_t *query_)
{
    if (query_->state == QUEUED && is_empty (&query_->waiters))
        keep (query_);
}

/*  Asks.  Returns whether the waiter waits; if not, its answer may be there.  */
static bool ask (zds_resolver_t *resolver_,
                 const char *host_,
                 zds_look_t look_,
                 zds_waiter_t *waiter_)
{
    zds_query_t *const query = query_for (resolver_, host_, look_);

    if (query == NULL)
        return false;
    if (query->state == ENDED) {
        waiter_->answer = deal (query, query->held);
        return false;
    }
    waiter_->query = query;
    append (&query->waiters, &waiter_->link);
    if (query->state == RUNNING || start_all (resolver_, look_))
        return true;
    waiter_->query = NULL;
    take_out (&waiter_->link);
    keep_if_unwanted (query);
    return false;
}

/*  Looks the name up as libzmq without dual stack does, while everybody waits.  */
static zds_answer_t *look_up_here (const zds_resolver_t *resolver_,
                                   const char *host_,
                                   zds_look_t look_,
                                   zds_look_t plain_)
{
    zds_answer_t *const answer = (zds_answer_t *) calloc (1, sizeof *answer);

    if (answer == NULL)
        return NULL;
    if (look_ != ZDS_LOOK_WHOLE && look_ != plain_) {
        answer->status = ZDS_LOOKUP_TEMPORARY;
        return answer;
    }
    resolver_->lookup (host_, plain_, answer);
    if (look_ == ZDS_LOOK_WHOLE && plain_ == ZDS_LOOK_IPV6
        && answer->status == ZDS_LOOKUP_DONE && answer->count == 0)
        resolver_->lookup (host_, ZDS_LOOK_IPV4, answer);
    return answer;
}

bool zds_resolver_ask (zds_resolver_t *resolver_,
                       const char *host_,
                       zds_look_t look_,
                       zds_look_t plain_,
                       zds_waiter_t *waiter_,
                       zds_inbox_t *inbox_)
{
    bool waits;

    *waiter_ = (zds_waiter_t){.inbox = inbox_};
    zds_mutex_lock (&resolver_->mutex);
    waits = ask (resolver_, host_, look_, waiter_);
    zds_mutex_unlock (&resolver_->mutex);
    if (waits)
        return false;
    waiter_->inbox = NULL;
    if (waiter_->answer == NULL)
        waiter_->answer = look_up_here (resolver_, host_, look_, plain_);
    return true;
}

uint64_t zds_resolver_runs (zds_resolver_t *resolver_,
                            const zds_waiter_t *waiter_)
{
    const zds_query_t *query;
    uint64_t since = ZDS_NEVER;

    zds_mutex_lock (&resolver_->mutex);
    query = waiter_->query;
    if (query != NULL && query->state == RUNNING)
        since = query->started;
    zds_mutex_unlock (&resolver_->mutex);
    return since;
}

void zds_inbox_init (zds_inbox_t *inbox_,
                     void (*wake_) (void *arg_),
                     void *arg_)
{
    make_ring (&inbox_->waiters);
    inbox_->wake = wake_;
    inbox_->arg = arg_;
}

zds_waiter_t *zds_resolver_collect (zds_resolver_t *resolver_,
                                    zds_inbox_t *inbox_)
{
    zds_waiter_t *waiter = NULL;

    zds_mutex_lock (&resolver_->mutex);
    if (!is_empty (&inbox_->waiters)) {
        waiter = (zds_waiter_t *) inbox_->waiters.next;
        take_out (&waiter->link);
        waiter->inbox = NULL;
    }
    zds_mutex_unlock (&resolver_->mutex);
    return waiter;
}

void zds_resolver_cancel (zds_resolver_t *resolver_, zds_waiter_t *waiter_)
{
    zds_query_t *query;

    zds_mutex_lock (&resolver_->mutex);
    query = waiter_->query;
    if (waiter_->inbox != NULL) {
        take_out (&waiter_->link);
        free (waiter_->answer);
        memset (waiter_, 0, sizeof *waiter_);
    }
    if (query != NULL)
        keep_if_unwanted (query);
    zds_mutex_unlock (&resolver_->mutex);
}
