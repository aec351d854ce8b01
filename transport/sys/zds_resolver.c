/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "zds_resolver.h"
#include "zds_thread.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/*  An answer, to be dealt out.  */
typedef struct
{
    bool moves[ZDS_MAX_ADDRS]; /* these are dealt out in turns */
    unsigned turn;             /* that is next */
    zds_answer_t answer;
} held_t;

/*  What is known of one question, and the look-up that is made for it.  It is in one
    of the resolver's lists at a time.  */
struct zds_query
{
    zds_link_t link;
    zds_resolver_t *resolver;
    zds_list_t waiters;
    zds_look_t look;
    bool runs;
    bool runs_as_suspect;
    uint64_t suspect_until; /* the name was slow not long ago */
    uint64_t started;
    held_t *held;      /* the last answer, if it is to be given again */
    uint64_t finished; /* the look-up that gave it */
    unsigned looks;    /* in a row, ZDS_RESOLVER_LOOKS: enough */
    char host[];
};

struct zds_resolver
{
    /*  Constant.  */
    zds_lookup_fn lookup;
    void *arg;
    unsigned threads;
    long process;
    char name[ZDS_THREAD_NAME_SIZE];

    /*  Guards all that follows, waiters, inboxes, and what is held.  */
    zds_mutex_t mutex;
    bool is_released;
    zds_list_t queued[ZDS_LOOKS], running[ZDS_LOOKS];
    zds_list_t ended;
};

/*  Lists.  */

static void append (zds_list_t *list_, zds_link_t *link_)
{
    link_->prev = list_->last;
    link_->next = NULL;
    if (list_->last != NULL)
        list_->last->next = link_;
    else
        list_->first = link_;
    list_->last = link_;
    list_->count++;
}

static void take_out (zds_list_t *list_, zds_link_t *link_)
{
    if (link_->prev != NULL)
        link_->prev->next = link_->next;
    else
        list_->first = link_->next;
    if (link_->next != NULL)
        link_->next->prev = link_->prev;
    else
        list_->last = link_->prev;
    link_->prev = link_->next = NULL;
    list_->count--;
}

static zds_query_t *next_in (const zds_query_t *query_)
{
    return (zds_query_t *) query_->link.next;
}

static zds_query_t *first_in (const zds_list_t *list_)
{
    return (zds_query_t *) list_->first;
}

static zds_query_t *
find (const zds_list_t *list_, const char *host_, zds_look_t look_)
{
    zds_query_t *query;

    for (query = first_in (list_); query != NULL; query = next_in (query))
        if (query->look == look_ && strcmp (query->host, host_) == 0)
            return query;
    return NULL;
}

/*  Answers.  */

/*  All zero but for the room for addresses; NULL when there is no memory.  */
static held_t *new_held (void)
{
    held_t *held = (held_t *) malloc (sizeof (held_t));

    if (held != NULL)
        memset (held, 0, offsetof (held_t, answer.addr));
    return held;
}

/*  The next turn of an answer, for the one who asked to give back; NULL when there is no
    memory.  */
static zds_answer_t *deal (held_t *held_)
{
    zds_answer_t *answer = NULL;
    size_t size = 0;

    if (held_ != NULL) {
        size = offsetof (zds_answer_t, addr)
               + held_->answer.count * sizeof held_->answer.addr[0];
        answer = (zds_answer_t *) malloc (size);
    }
    if (answer == NULL)
        return NULL;
    memcpy (answer, &held_->answer, size);
    zds_turns_deal (answer, held_->moves, held_->turn++);
    return answer;
}

/*  Queries.  */

/*  NULL when there is no memory.  */
static zds_query_t *
query_new (zds_resolver_t *resolver_, const char *host_, zds_look_t look_)
{
    zds_query_t *query =
      (zds_query_t *) calloc (1, sizeof *query + strlen (host_) + 1);

    if (query == NULL)
        return NULL;
    query->resolver = resolver_;
    query->look = look_;
    strcpy (query->host, host_);
    return query;
}

static void query_free (zds_query_t *query_)
{
    free (query_->held);
    free (query_);
}

static void free_all (zds_list_t *list_)
{
    zds_query_t *query, *next;

    for (query = first_in (list_); query != NULL; query = next) {
        next = next_in (query);
        query_free (query);
    }
    memset (list_, 0, sizeof *list_);
}

/*  Puts a query that nobody waits for where the next one who asks will find it, if
    there is anything to be found.  */
static void keep (zds_resolver_t *resolver_, zds_query_t *query_)
{
    zds_list_t *const list = &resolver_->ended;

    if (query_->held == NULL && query_->suspect_until == 0) {
        query_free (query_);
        return;
    }
    append (list, &query_->link);
    if (list->count > ZDS_RESOLVER_RECENT) {
        zds_query_t *const oldest = first_in (list);
        take_out (list, &oldest->link);
        query_free (oldest);
    }
}

/*  Whether another look-up may show that the order of the answer rotates.  */
static bool may_rotate (const zds_query_t *query_)
{
    return query_->held != NULL && query_->looks < ZDS_RESOLVER_LOOKS
           && zds_turns_possible (&query_->held->answer);
}

static bool is_fresh (const zds_query_t *query_)
{
    return query_->held != NULL
           && zds_clock_ms () - query_->finished < ZDS_RESOLVER_FRESH;
}

/*  Running.  */

static void work (void *query_);

/*  The first query in a queue that may run now; NULL if there is none.  */
static zds_query_t *
next_query (const zds_resolver_t *resolver_, zds_look_t look_, uint64_t now_)
{
    const zds_list_t *const running = &resolver_->running[look_];
    unsigned suspects = 0;
    zds_query_t *query;

    if (running->count >= ZDS_RESOLVER_CROWD * resolver_->threads)
        return NULL;
    for (query = first_in (running); query != NULL; query = next_in (query))
        suspects += query->runs_as_suspect;
    for (query = first_in (&resolver_->queued[look_]); query != NULL;
         query = next_in (query))
        if (suspects < resolver_->threads || now_ >= query->suspect_until)
            return query;
    return NULL;
}

static void begin (zds_query_t *query_)
{
    zds_resolver_t *const resolver = query_->resolver;

    take_out (&resolver->queued[query_->look], &query_->link);
    append (&resolver->running[query_->look], &query_->link);
    query_->runs = true;
    query_->started = zds_clock_ms ();
    query_->runs_as_suspect = query_->started < query_->suspect_until;
}

/*  Starts a thread for each query of a queue that may run.  False if one has to
    wait and there is no thread that would take it.  */
static bool start_all (zds_resolver_t *resolver_, zds_look_t look_)
{
    zds_query_t *query;

    while ((query = next_query (resolver_, look_, zds_clock_ms ())) != NULL) {
        if (zds_thread_start (resolver_->name, work, query) != 0)
            return resolver_->running[look_].count > 0;
        /*  The thread waits for the lock.  */
        begin (query);
    }
    return true;
}

/*  Gives the first one who waits, or all of them, the answer, which is NULL when there
    is no memory.  */
static void deliver (zds_query_t *query_, held_t *held_, bool to_all_)
{
    zds_waiter_t *waiter;

    while ((waiter = (zds_waiter_t *) query_->waiters.first) != NULL) {
        zds_inbox_t *inbox = waiter->inbox;
        const bool was_empty = inbox->waiters.count == 0;
        take_out (&query_->waiters, &waiter->link);
        waiter->query = NULL;
        waiter->answer = deal (held_);
        append (&inbox->waiters, &waiter->link);
        if (was_empty)
            inbox->wake (inbox->arg);
        if (!to_all_)
            return;
    }
}

/*  Keeps the answer, to be given again, and notes whether its order has changed
    since the look-up before.  A temporary failure takes nothing back.  */
static void take_answer (zds_query_t *query_, held_t *held_, uint64_t now_)
{
    query_->looks++;
    if (held_ == NULL || held_->answer.status != ZDS_LOOKUP_DONE) {
        query_->looks = ZDS_RESOLVER_LOOKS;
        return;
    }
    if (query_->held != NULL
        && zds_turns_find (held_->moves, &query_->held->answer, &held_->answer))
        query_->looks = ZDS_RESOLVER_LOOKS;
    free (query_->held);
    query_->held = held_;
    query_->finished = now_;
}

/*  A look-up has ended.  True if it is to be made once more, for those who still
    wait.  */
static bool finish (zds_query_t *query_, held_t *held_)
{
    const uint64_t now = zds_clock_ms ();
    const bool was_slow = now - query_->started >= ZDS_RESOLVER_SLOW;
    bool again;

    query_->started = now;
    query_->suspect_until = was_slow ? now + ZDS_RESOLVER_SUSPECT : 0;
    take_answer (query_, held_, now);
    again = may_rotate (query_);
    deliver (query_, query_->held != NULL ? query_->held : held_, !again);
    if (query_->held != held_)
        free (held_);
    return again && query_->waiters.count > 0;
}

/*  The lock is held before and after, not meanwhile.  */
static void run (zds_query_t *query_)
{
    zds_resolver_t *const resolver = query_->resolver;
    held_t *held;

    do {
        zds_mutex_unlock (&resolver->mutex);
        held = new_held ();
        if (held != NULL)
            resolver->lookup (resolver->arg, query_->host, query_->look,
                              &held->answer);
        zds_mutex_lock (&resolver->mutex);
    } while (finish (query_, held));
    take_out (&resolver->running[query_->look], &query_->link);
    query_->runs = false;
}

static bool is_idle (const zds_resolver_t *resolver_)
{
    unsigned i;

    for (i = 0; i < ZDS_LOOKS; i++)
        if (resolver_->running[i].count > 0)
            return false;
    return true;
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
        query_free (query_);
        return NULL;
    }
    keep (resolver, query_);
    next = next_query (resolver, look, zds_clock_ms ());
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
    is_last = resolver->is_released && is_idle (resolver);
    zds_mutex_unlock (&resolver->mutex);
    if (is_last)
        destroy (resolver);
}

/*  The interface.  */

zds_resolver_t *zds_resolver_new (unsigned threads_,
                                  const char *name_,
                                  zds_lookup_fn lookup_,
                                  void *arg_)
{
    zds_resolver_t *resolver =
      (zds_resolver_t *) calloc (1, sizeof (zds_resolver_t));

    if (resolver == NULL)
        return NULL;
    resolver->lookup = lookup_;
    resolver->arg = arg_;
    resolver->threads = threads_;
    resolver->process = zds_process_id ();
    strncpy (resolver->name, name_, sizeof resolver->name - 1);
    if (zds_mutex_init (&resolver->mutex) != 0) {
        free (resolver);
        return NULL;
    }
    return resolver;
}

void zds_resolver_release (zds_resolver_t *resolver_)
{
    bool is_last;
    unsigned i;

    if (resolver_->process != zds_process_id ())
        return;
    zds_mutex_lock (&resolver_->mutex);
    resolver_->is_released = true;
    for (i = 0; i < ZDS_LOOKS; i++)
        free_all (&resolver_->queued[i]);
    free_all (&resolver_->ended);
    is_last = is_idle (resolver_);
    zds_mutex_unlock (&resolver_->mutex);
    if (is_last)
        destroy (resolver_);
}

/*  The query to wait for, or one that has just been answered and is in no queue; NULL when
    there is no memory.  */
static zds_query_t *
query_for (zds_resolver_t *resolver_, const char *host_, zds_look_t look_)
{
    zds_query_t *query = find (&resolver_->running[look_], host_, look_);

    if (query == NULL)
        query = find (&resolver_->queued[look_], host_, look_);
    if (query != NULL)
        return query;
    query = find (&resolver_->ended, host_, look_);
    if (query == NULL)
        query = query_new (resolver_, host_, look_);
    else if (is_fresh (query) && !may_rotate (query))
        return query;
    else
        take_out (&resolver_->ended, &query->link);
    if (query == NULL)
        return NULL;
    if (!is_fresh (query)) {
        free (query->held);
        query->held = NULL;
        query->looks = 0;
    }
    append (&resolver_->queued[look_], &query->link);
    return query;
}

static void drop_if_unwanted (zds_resolver_t *resolver_, zds_query_t *query_)
{
    if (!query_->runs && query_->waiters.count == 0) {
        take_out (&resolver_->queued[query_->look], &query_->link);
        keep (resolver_, query_);
    }
}

/*  Whether the waiter waits; if not, its answer may be there.  */
static bool ask (zds_resolver_t *resolver_,
                 const char *host_,
                 zds_look_t look_,
                 zds_waiter_t *waiter_)
{
    zds_query_t *const query = query_for (resolver_, host_, look_);

    if (query == NULL)
        return false;
    if (is_fresh (query) && !may_rotate (query)) {
        waiter_->answer = deal (query->held);
        return false;
    }
    waiter_->query = query;
    append (&query->waiters, &waiter_->link);
    if (query->runs || start_all (resolver_, look_))
        return true;
    waiter_->query = NULL;
    take_out (&query->waiters, &waiter_->link);
    drop_if_unwanted (resolver_, query);
    return false;
}

/*  As libzmq without dual stack looks names up: while everybody waits.  */
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
    resolver_->lookup (resolver_->arg, host_, plain_, answer);
    if (look_ == ZDS_LOOK_WHOLE && plain_ == ZDS_LOOK_IPV6
        && answer->status == ZDS_LOOKUP_DONE && answer->count == 0)
        resolver_->lookup (resolver_->arg, host_, ZDS_LOOK_IPV4, answer);
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

    memset (waiter_, 0, sizeof *waiter_);
    waiter_->inbox = inbox_;
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
    if (query != NULL && query->runs)
        since = query->started;
    zds_mutex_unlock (&resolver_->mutex);
    return since;
}

zds_waiter_t *zds_resolver_collect (zds_resolver_t *resolver_,
                                    zds_inbox_t *inbox_)
{
    zds_waiter_t *waiter;

    zds_mutex_lock (&resolver_->mutex);
    waiter = (zds_waiter_t *) inbox_->waiters.first;
    if (waiter != NULL) {
        take_out (&inbox_->waiters, &waiter->link);
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
        take_out (&query->waiters, &waiter_->link);
        drop_if_unwanted (resolver_, query);
    } else if (inbox != NULL) {
        take_out (&inbox->waiters, &waiter_->link);
        free (waiter_->answer);
        waiter_->answer = NULL;
    }
    waiter_->query = NULL;
    waiter_->inbox = NULL;
    zds_mutex_unlock (&resolver_->mutex);
}

void zds_resolver_drop (zds_answer_t *answer_)
{
    free (answer_);
}
