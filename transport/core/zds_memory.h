/* SPDX-License-Identifier: MPL-2.0 */

/*  What a context remembers of the addresses it connected to (RFC 8305 section 4,
    "history"), so that a reconnect does not wait for an address again that was
    silent a moment ago.

    Only what departs from the order of zds_candidates_order is remembered: where
    the first address of a name is the one that connects, there is nothing.  The
    table has a fixed size and forgets the host that was used longest ago.

    Pure data: no clock, no heap, no lock.  Times are ms of a clock that never
    goes back.  */

#ifndef ZDS_MEMORY_H_INCLUDED
#define ZDS_MEMORY_H_INCLUDED

#include "zds_race.h"

#ifdef __cplusplus
extern "C" {
#endif

enum
{
    ZDS_MEMORY_HOSTS = 64,
    /*  As many as an answer for each family can have: where all of one are
        wrong servers, none may be taken for new.  */
    ZDS_MEMORY_MARKS = ZDS_FAMILIES * ZDS_MAX_CANDIDATES,
    /*  A longer key is not remembered.  */
    ZDS_MEMORY_KEY_SIZE = 256,
    ZDS_MEMORY_SPAN = 600000, /* 10 minutes */
    /*  At least so long between two looks at the addresses of one host.  */
    ZDS_MEMORY_PROBE_GAP = 5000
};

typedef struct
{
    zds_addr_t addr;
    zds_record_t record; /* NONE: a free place */
    uint64_t time;
} zds_memory_mark_t;

typedef struct
{
    char key[ZDS_MEMORY_KEY_SIZE]; /* empty: a free place */
    uint64_t used;
    uint64_t probe_at;                  /* not before */
    uint32_t fingerprint[ZDS_FAMILIES]; /* 0: not known */
    zds_memory_mark_t mark[ZDS_MEMORY_MARKS];
} zds_memory_host_t;

/*  About 180 KiB, of which only what is used is touched; all zero is an empty
    memory.  */
typedef struct
{
    zds_memory_host_t host[ZDS_MEMORY_HOSTS];
} zds_memory_t;

/*  'key_' says what is not shared with others: host and port, source address,
    device, proxy.  */

/*  The family of the address that won the last time; AF_INET6 if none is
    known.  */
int zds_memory_first_family (const zds_memory_t *memory_,
                             const char *key_,
                             uint64_t now_);

/*  Fills in 'record' and 'record_time' of the candidates, which are the
    resolver's answer for 'family_'.  Where they are not the addresses that they
    were, everything about the host is forgotten.  */
void zds_memory_recall (zds_memory_t *memory_,
                        const char *key_,
                        int family_,
                        zds_candidate_t *candidates_,
                        size_t count_,
                        uint64_t now_);

/*  Whether zds_memory_learn would change anything, and so a memory is needed.  */
bool zds_memory_is_news (const zds_race_t *race_);

/*  Takes in how a race ended.  A race that was won: who won and who failed, and
    that the answer for IPv6 was waited for in vain.  One that failed altogether says nothing about the addresses: all are forgotten,
    but for wrong servers.  */
void zds_memory_learn (zds_memory_t *memory_,
                       const char *key_,
                       const zds_race_t *race_,
                       uint64_t now_);

/*  The server at this address spoke no ZMTP: the address goes last.  */
void zds_memory_wrong (zds_memory_t *memory_,
                       const char *key_,
                       const zds_addr_t *addr_,
                       uint64_t now_);

/*  A handshake with the server at this address was completed: if it was known as
    a wrong one, it is the winner now.  */
void zds_memory_right (zds_memory_t *memory_,
                       const char *key_,
                       const zds_addr_t *addr_,
                       uint64_t now_);

/*  A connection to this address, once made, ended because nothing came through any
    more: the address goes last.  */
void zds_memory_died (zds_memory_t *memory_,
                      const char *key_,
                      const zds_addr_t *addr_,
                      uint64_t now_);

/*  Whether a look at an address that failed is due; if so, the next one is not
    before ZDS_MEMORY_PROBE_GAP.  */
bool zds_memory_probe_due (zds_memory_t *memory_,
                           const char *key_,
                           uint64_t now_);

/*  How such a look ended.  An address that works again takes its place in the
    order back.  */
void zds_memory_probed (zds_memory_t *memory_,
                        const char *key_,
                        const zds_addr_t *addr_,
                        bool works_,
                        uint64_t now_);

#ifdef __cplusplus
}
#endif

#endif
