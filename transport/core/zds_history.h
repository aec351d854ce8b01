/* SPDX-License-Identifier: MPL-2.0 */

/*  What a context remembers of the addresses that it connected to (RFC 8305 section
    4, "history"), so that a reconnect does not wait again for an address that was
    silent a moment ago.

    Only what departs from the order of zds_candidates_order is remembered: if the
    first address of a name is the one that connects, there is nothing to remember.
    All is in one table of a fixed size, which forgets what is oldest.

    Pure data: no clock, no heap, no lock.  Times are ms of a clock that never
    goes back.  */

#ifndef ZDS_HISTORY_H_INCLUDED
#define ZDS_HISTORY_H_INCLUDED

#include "zds_race.h"

#ifdef __cplusplus
extern "C" {
#endif

enum
{
    ZDS_HISTORY_ROWS = 1024,
    ZDS_HISTORY_SPAN = 600000, /* 10 minutes */
    /*  The shortest time, in ms, between two probes of one host's addresses.  */
    ZDS_HISTORY_PROBE_GAP = 5000,
    /*  After so many names in a row with silent IPv6, it is taken to be silent for
        others.  */
    ZDS_HISTORY_SILENT_NAMES = 2,
    /*  A record besides those of zds_record_t, in a row without an address (family
        0): the whole answer was waited for in vain.  */
    ZDS_HISTORY_LATE = ZDS_RECORD_WRONG + 1
};

/*  One thing that is remembered.  The rows of a host agree in 'probe_at' and 'set'.  */
typedef struct
{
    uint64_t host; /* zds_hash of its key */
    uint64_t time;
    uint64_t probe_at; /* not before */
    uint64_t set;      /* of the host's addresses; 0: not known */
    zds_addr_t addr;
    unsigned record; /* zds_record_t, or ZDS_HISTORY_LATE */
    unsigned waited; /* ms of silence in races cut short */
} zds_history_row_t;

/*  About 72 KiB, of which only what is used is touched; all zero is an empty
    memory.  */
typedef struct
{
    uint64_t network; /* the set of this host's own addresses; 0: not known */
    /*  Names in a row for which IPv6 was silent, by hash; and for which source
        address, device and proxy.  */
    uint64_t silent_name, silent_scope;
    unsigned silent_names;
    size_t count; /* of rows, in no order */
    zds_history_row_t row[ZDS_HISTORY_ROWS];
} zds_history_t;

/*  The host that a call is about, and the time of the call.  */
typedef struct
{
    zds_history_t *history;
    uint64_t host; /* as in its rows; 0: there is no key */
    /*  Hashes of the name in the key, and of everything but name and port.  */
    uint64_t name, scope;
    uint64_t now;
} zds_about_t;

/*  'key_' is all that the outcome of a connection depends on:
    "[SOURCE;]HOST:PORT|..." with device and proxy after the bar.  For an empty one
    nothing is remembered.  What has expired is dropped.  */
zds_about_t
zds_history_about (zds_history_t *history_, const char *key_, uint64_t now_);

/*  To be called before a race: sets 'hurry' and 'quick' in its configuration.  If
    this host's own addresses ('network') have changed, everything is forgotten.  */
void zds_history_prepare (const zds_about_t *about_,
                          zds_race_config_t *config_);

/*  To be called after each answer: fills in what is remembered of the race's
    candidates.  If the whole answer has other addresses than before, everything about
    the host is forgotten.  */
void zds_history_recall (const zds_about_t *about_, zds_race_t *race_);

/*  Whether zds_history_learn would change anything, so that there has to be a
    history.  */
bool zds_history_is_news (const zds_race_t *race_);

/*  Whether a race for the same host that begins now is to learn from this one, which
    still runs (C-8): its first attempt has been silent for at least the shortest
    delay.  */
bool zds_history_is_silence (const zds_race_t *race_, uint64_t now_);

/*  Takes in how a race ended, or was cut short.  Of a race that was won: who won, who
    failed, and whether the whole answer was waited for in vain.  Of one that was cut
    short: who failed, and for how long the others were silent; an address whose
    silence adds up to the attempt delay has failed.  A race that failed altogether
    says nothing about the addresses: all are forgotten, except those that go
    last.  */
void zds_history_learn (const zds_about_t *about_, const zds_race_t *race_);

/*  This address goes last.  ZDS_RECORD_WRONG: the server there spoke no ZMTP.
    ZDS_RECORD_DIED: a connection to it ended because nothing came through any more
    (by a heartbeat, keepalives or ETIMEDOUT).  */
void zds_history_mark (const zds_about_t *about_,
                       const zds_addr_t *addr_,
                       zds_record_t record_);

/*  The application gave up a connection to this address before its handshake was
    completed.  'waited_' is the number of ms since its attempt began, plus what was
    remembered of races cut short: both add up.  If it is 'enough_' or more, the
    address goes last, like one whose connection died: it connects and greets, so a
    probe would say nothing.  */
void zds_history_given_up (const zds_about_t *about_,
                           const zds_addr_t *addr_,
                           uint64_t waited_,
                           unsigned enough_);

/*  A handshake with the server at this address was completed: if it was remembered as
    a wrong server, it is the winner now.  */
void zds_history_right (const zds_about_t *about_, const zds_addr_t *addr_);

/*  Whether an address that failed is to be probed now; if so, the next probe is due
    after ZDS_HISTORY_PROBE_GAP.  */
bool zds_history_probe_due (const zds_about_t *about_);

/*  How such a probe ended.  An address that works again gets back its place in the
    order.  */
void zds_history_probed (const zds_about_t *about_,
                         const zds_addr_t *addr_,
                         bool works_);

#ifdef __cplusplus
}
#endif

#endif
