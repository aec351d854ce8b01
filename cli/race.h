/* SPDX-License-Identifier: MPL-2.0 */

/*  A dial, as libzmq does it, by the same core: look-ups through zds_resolver,
    attempts as zds_race asks for them.  Every look-up and attempt is recorded.  */

#ifndef RACE_H_INCLUDED
#define RACE_H_INCLUDED

#include "explain.h"
#include "zds_dial.h"
#include "zds_resolver.h"

/*  Times in microseconds since the beginning; -1: not yet.  */

typedef struct
{
    bool wanted; /* the family may be used, and the host is a name */
    bool asks;   /* the system's resolver is asked, not just the hosts file */
    zds_waiter_t waiter;
    bool waiting;
    long end;
    bool temporary; /* no answer to be had */
    size_t count;
    zds_candidate_t candidate[ZDS_MAX_CANDIDATES];
} lookup_t;

typedef enum
{
    ATTEMPT_RUNS,
    ATTEMPT_WON,
    ATTEMPT_FAILED,
    ATTEMPT_CANCELLED
} attempt_fate_t;

typedef struct
{
    zds_addr_t addr;
    zds_addr_t local; /* family 0: not known */
    long start, end;
    attempt_fate_t fate;
    bool silent; /* cancelled after a silence that counts as one */
    int error;
    const char *place;   /* why it stands at its place in the order */
    const char *why;     /* why it started when it did */
    const char *end_why; /* why it was cancelled, or NULL */
} attempt_t;

typedef struct
{
    const question_t *question;
    zds_endpoint_t endpoint;
    uint32_t zone;
    bool is_literal;
    zds_addr_t literal;
    bool has_source;
    zds_source_t source;
    unsigned families; /* ZDS_ASK_... */

    lookup_t lookup[ZDS_FAMILIES]; /* IPv6, IPv4 */
    zds_race_t race;
    /*  Once each: what failed is not tried again.  */
    attempt_t attempt[ZDS_RACE_MAX_CANDIDATES];
    size_t count;
    bool retries; /* the failed ones would be tried again meanwhile */
    bool is_over; /* won, or nothing is left to wait for */
    int winner;   /* -1: none */
    int error;    /* why nothing is left */
    const char *why;
    long end;

    zds_resolver_t *resolver;
    zds_inbox_t inbox;
    int pipe[2];
    int fd[ZDS_RACE_MAX_RUNNING];
    size_t running[ZDS_RACE_MAX_RUNNING]; /* index into 'attempt' */
    long begin;
} race_t;

/*  Takes the endpoint apart; 'text_' is [SOURCE;]HOST:PORT.  Returns 0 or an
    errno, put in words.  */
int race_prepare (race_t *race_,
                  const question_t *question_,
                  const char *text_,
                  trouble_t *trouble_);

/*  Looks the name up, and races if 'question_->really'; if not, works out what
    would start when if all addresses were silent.  Returns 0 or an errno of the
    machine it runs on.  */
int race_run (race_t *race_);

/*  The address as it is handed to the socket.  */
zds_addr_t race_through (const race_t *race_, const zds_addr_t *addr_);

#endif
