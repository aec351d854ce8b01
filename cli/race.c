/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "race.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sockets.h"
#include "zds_host.h"
#include "zds_lookup.h"
#include "zds_thread.h"

static const int family_at[ZDS_FAMILIES] = {AF_INET6, AF_INET};
static const unsigned ask_at[ZDS_FAMILIES] = {ZDS_FOR_IPV6, ZDS_FOR_IPV4};
static const zds_look_t look_at[ZDS_FAMILIES] = {ZDS_LOOK_IPV6, ZDS_LOOK_IPV4};

static long clock_us (void)
{
    struct timespec now;

    clock_gettime (CLOCK_MONOTONIC, &now);
    return (long) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static long elapsed (const race_t *race_)
{
    return clock_us () - race_->begin;
}

/*  What the endpoint says.  */

static int
set_source (race_t *race_, const char *text_, size_t len_, trouble_t *trouble_)
{
    char *text = strndup (text_, len_);
    zds_ifaddr_t *ifaddrs = NULL;
    zds_endpoint_t endpoint;
    size_t count = 0;
    uint32_t zone;
    int rc, ifaddrs_rc = 0;

    if (text == NULL)
        return trouble_set (trouble_, ENOMEM, "out of memory");
    rc = explain_parse (&endpoint, &zone, text, ZDS_PORT_BIND, trouble_);
    free (text);
    if (rc != 0)
        return rc;
    if (strcmp (endpoint.host, "*") != 0)
        ifaddrs_rc = zds_host_ifaddrs (endpoint.host, &ifaddrs, &count);
    rc = zds_dial_source (&race_->source, &endpoint, zone,
                          race_->question->mode, ifaddrs, count);
    free (ifaddrs);
    if (rc == ENODEV && ifaddrs_rc != 0)
        return trouble_set (trouble_, ifaddrs_rc,
                            "the system does not tell its interfaces");
    return rc == 0 ? 0
                   : trouble_set (trouble_, rc,
                                  "the source %.100s is neither an interface "
                                  "of this host nor a numeric address",
                                  endpoint.host);
}

static int no_family (const race_t *race_, trouble_t *trouble_)
{
    if (race_->question->mode == ZDS_MODE_V4
        && (!race_->is_literal
            || zds_addr_family (&race_->literal) == AF_INET6))
        return trouble_set (trouble_, EAFNOSUPPORT,
                            "the socket is IPv4-only, and the %s is IPv6",
                            race_->is_literal ? "address" : "source");
    return trouble_set (trouble_, EAFNOSUPPORT,
                        "the source and the destination are of different "
                        "families");
}

int race_prepare (race_t *race_,
                  const question_t *question_,
                  const char *text_,
                  trouble_t *trouble_)
{
    const char *const destination = zds_endpoint_destination (text_);
    int rc;

    race_->question = question_;
    race_->winner = -1;
    rc = explain_parse (&race_->endpoint, &race_->zone, destination,
                        ZDS_PORT_CONNECT, trouble_);
    if (rc != 0)
        return rc;
    race_->has_source = destination != text_;
    if (race_->has_source)
        rc = set_source (race_, text_, (size_t) (destination - 1 - text_),
                         trouble_);
    if (rc != 0)
        return rc;

    rc = zds_endpoint_literal (&race_->endpoint, race_->zone, &race_->literal);
    race_->is_literal = rc == 0;
    if (rc == ENOMEM)
        return trouble_set (trouble_, rc, "out of memory");
    race_->families = zds_dial_families (
      question_->mode, race_->has_source ? &race_->source : NULL,
      race_->is_literal ? &race_->literal : NULL);
    return race_->families == 0 ? no_family (race_, trouble_) : 0;
}

static int start_race (race_t *race_, uint64_t now_)
{
    zds_race_config_t config;
    int rc;

    zds_race_config_default (&config);
    config.attempt_delay = race_->question->settings.attempt_delay;
    config.resolution_delay = race_->question->settings.resolution_delay;
    config.attempt_timeout = race_->question->connect_timeout;
    config.mode = race_->question->mode;
    config.families = race_->families;
    config.port = race_->endpoint.port;
    config.zone = race_->zone;
    rc = zds_race_init (&race_->race, &config, now_);
    if (rc == 0 && race_->is_literal)
        zds_race_literal (&race_->race, &race_->literal);
    return rc;
}

/*  Look-ups.  */

/*  On a thread of the resolver.  A full pipe wakes as well.  */
static void wake (void *arg_)
{
    race_t *race = arg_;
    const ssize_t ignored = write (race->pipe[1], "", 1);

    (void) ignored;
}

/*  The race is told of an answer, which may be that there is none now.  */
static void hand_over (race_t *race_, unsigned i_, uint64_t now_)
{
    static zds_answer_t answer;
    unsigned f;
    size_t i;

    /*  libzmq asks for both at once.  */
    answer.count = 0;
    for (f = 0; f < ZDS_FAMILIES; f++) {
        const lookup_t *lookup = &race_->lookup[f];
        if (lookup->wanted
            && (lookup->end < 0
                || (f > i_ && lookup->end > race_->lookup[i_].end)))
            return;
        for (i = 0; i < lookup->count; i++)
            answer.addr[answer.count++] = lookup->candidate[i].addr;
    }
    zds_race_answer (&race_->race, ZDS_LOOK_WHOLE, &answer, now_);
}

static void take_answer (race_t *race_, lookup_t *lookup_)
{
    zds_answer_t *const answer = lookup_->waiter.answer;
    size_t i;

    lookup_->waiting = false;
    lookup_->end = elapsed (race_);
    lookup_->temporary =
      answer == NULL || answer->status == ZDS_LOOKUP_TEMPORARY;
    lookup_->count = answer == NULL ? 0 : answer->count;
    if (lookup_->count > ZDS_MAX_CANDIDATES)
        lookup_->count = ZDS_MAX_CANDIDATES;
    memset (lookup_->candidate, 0, sizeof lookup_->candidate);
    for (i = 0; i < lookup_->count; i++)
        lookup_->candidate[i].addr = answer->addr[i];
    zds_resolver_drop (answer);
    lookup_->waiter.answer = NULL;
    for (i = 0; i < lookup_->count; i++)
        zds_addr_set_port (&lookup_->candidate[i].addr, race_->endpoint.port);
    if (race_->question->really)
        hand_over (race_, (unsigned) (lookup_ - race_->lookup),
                   zds_clock_ms ());
}

static void ask (race_t *race_)
{
    unsigned i;

    for (i = 0; i < ZDS_FAMILIES; i++) {
        lookup_t *lookup = &race_->lookup[i];
        lookup->end = -1;
        lookup->wanted =
          !race_->is_literal && (race_->families & ask_at[i]) != 0;
        if (!lookup->wanted)
            continue;
        lookup->waiting = true;
        if (zds_resolver_ask (race_->resolver, race_->endpoint.host, look_at[i],
                              ZDS_LOOK_IPV4, &lookup->waiter, &race_->inbox))
            take_answer (race_, lookup);
    }
}

static void collect (race_t *race_)
{
    zds_waiter_t *waiter;
    char drained[64];
    unsigned i;

    while (read (race_->pipe[0], drained, sizeof drained) > 0)
        ;
    while ((waiter = zds_resolver_collect (race_->resolver, &race_->inbox))
           != NULL)
        for (i = 0; i < ZDS_FAMILIES; i++)
            if (waiter == &race_->lookup[i].waiter)
                take_answer (race_, &race_->lookup[i]);
}

static bool looks_up (const race_t *race_)
{
    return race_->lookup[0].waiting || race_->lookup[1].waiting;
}

/*  Attempts.  */

zds_addr_t race_through (const race_t *race_, const zds_addr_t *addr_)
{
    return zds_dial_through (race_->question->mode, addr_);
}

static int open_socket (const race_t *race_, const zds_addr_t *addr_, int *fd_)
{
    const zds_addr_t *const source =
      race_->has_source
        ? &race_->source.addr[zds_addr_family (addr_) == AF_INET6 ? 0 : 1]
        : NULL;
    const zds_addr_t through = race_through (race_, addr_);
    zds_addr_t from;
    int rc;

    if (source != NULL)
        from = race_through (race_, source);
    rc = sockets_connect (&through, source == NULL ? NULL : &from, fd_);
    if (rc != EAFNOSUPPORT
        || zds_addr_family (&through) == zds_addr_family (addr_))
        return rc;
    /*  The kernel has no IPv6.  */
    return sockets_connect (addr_, source, fd_);
}

static attempt_t *
record (race_t *race_, const zds_race_step_t *step_, long now_)
{
    attempt_t *attempt = &race_->attempt[race_->count];

    race_->running[step_->attempt] = race_->count++;
    memset (attempt, 0, sizeof *attempt);
    attempt->addr = step_->addr;
    attempt->start = now_;
    attempt->end = -1;
    attempt->place = zds_race_why (&race_->race, step_->attempt);
    attempt->why = step_->why;
    return attempt;
}

static void end_attempt (
  race_t *race_, unsigned slot_, attempt_fate_t fate_, int error_, long now_)
{
    attempt_t *attempt = &race_->attempt[race_->running[slot_]];

    attempt->end = now_;
    attempt->fate = fate_;
    attempt->error = error_;
    if (fate_ == ATTEMPT_WON)
        race_->winner = (int) race_->running[slot_];
}

/*  The attempt in a slot has ended by itself.  */
static void ended (race_t *race_, unsigned slot_, int error_)
{
    const long now = elapsed (race_);

    if (error_ == 0) {
        sockets_local (race_->fd[slot_],
                       &race_->attempt[race_->running[slot_]].local);
        end_attempt (race_, slot_, ATTEMPT_WON, 0, now);
        zds_race_connected (&race_->race, slot_, zds_clock_ms ());
    } else {
        end_attempt (race_, slot_, ATTEMPT_FAILED, error_, now);
        zds_race_failed (&race_->race, slot_, error_, zds_clock_ms ());
    }
    if (race_->fd[slot_] != -1)
        close (race_->fd[slot_]);
    race_->fd[slot_] = -1;
}

static void start_attempt (race_t *race_, const zds_race_step_t *step_)
{
    attempt_t *attempt = record (race_, step_, elapsed (race_));
    const int rc =
      open_socket (race_, &attempt->addr, &race_->fd[step_->attempt]);

    if (rc != EINPROGRESS)
        ended (race_, step_->attempt, rc);
    else
        sockets_local (race_->fd[step_->attempt], &attempt->local);
}

static bool was_silent (const race_t *race_, const zds_addr_t *addr_)
{
    size_t i;

    for (i = 0; i < race_->race.count; i++)
        if (zds_addr_equal (&race_->race.candidate[i].addr, addr_))
            return race_->race.fate[i] != ZDS_FATE_CUT;
    return true;
}

static void cancel_attempt (race_t *race_, const zds_race_step_t *step_)
{
    attempt_t *attempt = &race_->attempt[race_->running[step_->attempt]];

    end_attempt (race_, step_->attempt, ATTEMPT_CANCELLED, step_->error,
                 elapsed (race_));
    attempt->silent = was_silent (race_, &attempt->addr);
    attempt->end_why = step_->why;
    close (race_->fd[step_->attempt]);
    race_->fd[step_->attempt] = -1;
}

/*  Does what the race says; when to look again.  */
static uint64_t pump (race_t *race_)
{
    for (;;) {
        const zds_race_step_t step =
          zds_race_next (&race_->race, zds_clock_ms ());
        switch (step.op) {
            case ZDS_RACE_START:
                start_attempt (race_, &step);
                break;
            case ZDS_RACE_CANCEL:
                cancel_attempt (race_, &step);
                break;
            case ZDS_RACE_ASK:
                break;
            case ZDS_RACE_RETRY:
                race_->retries = true;
                break;
            case ZDS_RACE_WAIT:
                return step.deadline;
            case ZDS_RACE_FAILED:
                race_->error = step.error;
                race_->why = step.why;
                race_->is_over = true;
                return 0;
            case ZDS_RACE_WON:
                race_->is_over = true;
                return 0;
        }
    }
}

/*  Waits for answers, attempts and the time.  */
static void wait_for_events (race_t *race_, uint64_t deadline_)
{
    struct pollfd polled[1 + ZDS_RACE_MAX_RUNNING];
    const uint64_t now = zds_clock_ms ();
    const uint64_t left = deadline_ > now ? deadline_ - now : 0;
    unsigned i;

    polled[0].fd = race_->pipe[0];
    polled[0].events = POLLIN;
    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++) {
        polled[1 + i].fd = race_->fd[i]; /* -1 is passed over */
        polled[1 + i].events = POLLOUT;
        polled[1 + i].revents = 0;
    }
    if (poll (polled, 1 + ZDS_RACE_MAX_RUNNING,
              left > 60000 ? 60000 : (int) left)
        <= 0)
        return;
    /*  The first to connect has won, whatever the others did meanwhile.  */
    for (i = 0; i < ZDS_RACE_MAX_RUNNING && race_->winner < 0; i++)
        if (race_->fd[i] != -1 && polled[1 + i].revents != 0)
            ended (race_, i, sockets_outcome (race_->fd[i]));
    collect (race_);
}

/*  Until it is over, or time is.  */
static void race_for_real (race_t *race_, uint64_t limit_)
{
    for (;;) {
        uint64_t deadline = pump (race_);
        if (race_->is_over || zds_clock_ms () >= limit_)
            break;
        if (deadline > limit_)
            deadline = limit_;
        wait_for_events (race_, deadline);
    }
    race_->end = elapsed (race_);
}

/*  The race in time that is made up: answers come when they came, and all
    addresses are silent.  */

/*  Not before the answer was there.  */
static uint64_t ms_of (const lookup_t *lookup_)
{
    return ((uint64_t) lookup_->end + 999) / 1000;
}

static uint64_t next_answer (const race_t *race_, uint64_t after_)
{
    uint64_t next = ZDS_NEVER;
    unsigned i;

    for (i = 0; i < ZDS_FAMILIES; i++) {
        const lookup_t *lookup = &race_->lookup[i];
        const uint64_t time = ms_of (lookup);
        if (lookup->end >= 0 && time > after_ && time < next)
            next = time;
    }
    return next;
}

static void give_answers (race_t *race_, bool *given_, uint64_t now_)
{
    unsigned i;

    for (i = 0; i < ZDS_FAMILIES; i++) {
        const lookup_t *lookup = &race_->lookup[i];
        if (given_[i] || lookup->end < 0 || ms_of (lookup) > now_)
            continue;
        given_[i] = true;
        hand_over (race_, i, now_);
    }
}

static bool suppose_step (race_t *race_, uint64_t *now_)
{
    const zds_race_step_t step = zds_race_next (&race_->race, *now_);
    uint64_t next;

    switch (step.op) {
        case ZDS_RACE_START:
            record (race_, &step, (long) *now_ * 1000);
            return true;
        case ZDS_RACE_WAIT:
            next = next_answer (race_, *now_);
            *now_ = step.deadline < next ? step.deadline : next;
            return *now_ != ZDS_NEVER
                   && !(race_->count >= race_->race.count
                        && race_->race.ask.outstanding == 0);
        case ZDS_RACE_FAILED:
            race_->error = step.error;
            race_->why = step.why;
            return false;
        case ZDS_RACE_ASK:
        case ZDS_RACE_CANCEL:
        case ZDS_RACE_RETRY:
            return true;
        default:
            return false;
    }
}

static void suppose_silence (race_t *race_)
{
    bool given[ZDS_FAMILIES] = {false, false};
    uint64_t now = 0;

    do
        give_answers (race_, given, now);
    while (suppose_step (race_, &now)
           && race_->count < ZDS_RACE_MAX_CANDIDATES);
}

static void wait_for_answers (race_t *race_, uint64_t limit_)
{
    while (looks_up (race_) && zds_clock_ms () < limit_)
        wait_for_events (race_, limit_);
    race_->end = elapsed (race_);
}

/*  Both.  */

static int set_up (race_t *race_)
{
    unsigned i;

    race_->inbox.wake = wake;
    race_->inbox.arg = race_;
    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
        race_->fd[i] = -1;
    for (i = 0; i < ZDS_FAMILIES; i++)
        race_->lookup[i].asks =
          zds_lookup_asks (race_->endpoint.host, family_at[i]);
    if (pipe (race_->pipe) != 0)
        return errno;
    for (i = 0; i < 2; i++)
        fcntl (race_->pipe[i], F_SETFL, O_NONBLOCK);
    race_->resolver = zds_resolver_new (
      race_->question->settings.resolver_threads, "resolver", zds_lookup, NULL);
    return race_->resolver == NULL ? ENOMEM : 0;
}

/*  Nobody waits any more, so nobody is woken: a look-up that hangs ends alone.  */
static void tear_down (race_t *race_)
{
    unsigned i;

    for (i = 0; i < ZDS_FAMILIES; i++)
        zds_resolver_cancel (race_->resolver, &race_->lookup[i].waiter);
    zds_resolver_release (race_->resolver);
    for (i = 0; i < 2; i++)
        close (race_->pipe[i]);
    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
        if (race_->fd[i] != -1)
            close (race_->fd[i]);
}

int race_run (race_t *race_)
{
    uint64_t limit;
    int rc = set_up (race_);

    if (rc != 0)
        return rc;
    race_->begin = clock_us ();
    limit = zds_clock_ms () + race_->question->limit;
    rc = start_race (race_, race_->question->really ? zds_clock_ms () : 0);
    if (rc == 0) {
        ask (race_);
        if (race_->question->really)
            race_for_real (race_, limit);
        else {
            wait_for_answers (race_, limit);
            suppose_silence (race_);
        }
    }
    tear_down (race_);
    return rc;
}
