/* SPDX-License-Identifier: MPL-2.0 */

/*  Asking for a name: which look-ups to make, when, and what an answer is worth.

    The whole answer (AF_UNSPEC) is what every program on the host gets, and has the
    last word.  It waits for the slowest name server of both families, so when it is
    not there within the Resolution Delay (RFC 8305 section 3), or fails for now
    because one family does, single families are asked for too.  These helpers may
    lead to another host than the whole answer: the hosts file may pin one family
    only, and a search list may find the two in two domains.  So the answer for the
    family that libzmq itself would have asked for (the usual family) counts as it is,
    and the one for the other family only with proof that it is about the same host.

    Pure data: no clock, no heap, no lock.  Times are ms of a clock that never goes
    back.  */

#ifndef ZDS_ASK_H_INCLUDED
#define ZDS_ASK_H_INCLUDED

#include "zds_addr.h"

#ifdef __cplusplus
extern "C" {
#endif

enum
{
    /*  Of one family.  What a resolver has beyond that is left out: other
        addresses come first in its next answer.  */
    ZDS_MAX_CANDIDATES = 32,
    ZDS_MAX_ADDRS = ZDS_FAMILIES * ZDS_MAX_CANDIDATES, /* of one answer */
    /*  ms: how often it is looked whether a queued look-up runs by now.  */
    ZDS_ASK_QUEUE_LOOK = 250
};

/*  What a look-up asks the libc for.  */
typedef enum
{
    ZDS_LOOK_WHOLE, /* AF_UNSPEC: both families, as any program asks */
    ZDS_LOOK_IPV6,  /* AF_INET6 alone */
    ZDS_LOOK_IPV4   /* AF_INET alone */
} zds_look_t;

enum
{
    ZDS_LOOKS = 3
};

/*  How a look-up ended.  */
typedef enum
{
    ZDS_LOOKUP_DONE,     /* an answer, which may be that there is no address */
    ZDS_LOOKUP_TEMPORARY /* none to be had now: EAI_AGAIN and the like, no
                            memory, no thread; not to be remembered */
} zds_lookup_status_t;

/*  The answer to a look-up.  */
typedef struct
{
    zds_lookup_status_t status;
    /*  A number for the libc's canonical name (zds_hash_name), 0 if it tells none.  */
    uint64_t host;
    /*  The libc tried the name as it stands ahead of any search list, and found
        these addresses so: every look-up of the name is about this host.  False
        where that cannot be told.  */
    bool is_exact;
    size_t count;
    /*  In the libc's order, with scopes, port 0.  */
    zds_addr_t addr[ZDS_MAX_ADDRS];
} zds_answer_t;

#define ZDS_NEVER ((uint64_t) -1)

/*  The bit of a look-up in a set of them.  */
#define ZDS_LOOK_BIT(look) (1u << (look))

/*  The look-up that says which addresses a name has, where these families may be
    used.  It is IPv4 alone where libzmq without dual stack asks for that and nothing
    else could be used, as in mode AUTO on a host without IPv6.  */
zds_look_t zds_ask_look (zds_mode_t mode_, unsigned families_, bool has_ipv6_);

/*  What an answer means.  */
typedef enum
{
    ZDS_WORD_NONE,   /* to nothing that is still asked */
    ZDS_WORD_LOST,   /* a failure that may be over the next time */
    ZDS_WORD_HELPER, /* adds addresses */
    ZDS_WORD_LAST    /* says what there is to try, and nothing else is */
} zds_word_t;

/*  Of these fields only 'outstanding' is for readers outside zds_ask.c.  */
typedef struct
{
    zds_look_t last_word;
    zds_look_t usual;     /* what libzmq without dual stack asks for */
    unsigned delay;       /* the Resolution Delay */
    bool hurry;           /* the whole answer was late the last time */
    unsigned asked;       /* in this round: ZDS_LOOK_BIT */
    unsigned outstanding; /* asked and not answered */
    unsigned done, lost;  /* how those that were answered ended */
    uint64_t since;       /* when 'last_word' was asked */
    uint64_t runs_since;  /* when it began to run; ZDS_NEVER: queued */
    /*  Of the helpers' answers of all rounds, by zds_look_t.  */
    unsigned said; /* which have answered */
    bool is_exact[ZDS_LOOKS];
    uint64_t host[ZDS_LOOKS];
    bool usual_is_empty;
} zds_ask_t;

/*  Begins.  'last_word_' is ZDS_LOOK_WHOLE, or the only look-up to be made.  'hurry_':
    the helper of the usual family is asked at once.  */
void zds_ask_init (zds_ask_t *ask_,
                   zds_look_t last_word_,
                   zds_mode_t mode_,
                   unsigned resolution_delay_,
                   bool hurry_);

/*  To be told since when the look-up with the last word runs; ZDS_NEVER while it is
    queued.  */
void zds_ask_runs (zds_ask_t *ask_, uint64_t since_);

/*  When the whole answer counts as late: the resolution delay after the race asked
    for it, or after the look-up began for another race that asked before.  */
uint64_t zds_ask_late_at (const zds_ask_t *ask_);

/*  When to look again whether there is something to ask; not after 'now_' if there is
    now, ZDS_NEVER if only an answer or another round can change that.  */
uint64_t zds_ask_time (const zds_ask_t *ask_, uint64_t now_);

/*  The look-ups to make now (ZDS_LOOK_BIT), which count as made.  '*why_' says why:
    static text, for people.  */
unsigned zds_ask_take (zds_ask_t *ask_, uint64_t now_, const char **why_);

/*  The answer to a look-up; NULL: none to be had.  */
zds_word_t
zds_ask_answer (zds_ask_t *ask_, zds_look_t look_, const zds_answer_t *answer_);

/*  Another round: everything is asked again that is not under way.  */
void zds_ask_again (zds_ask_t *ask_);

/*  Whether the helper's answer for 'family_' may be used.  */
bool zds_ask_is_proven (const zds_ask_t *ask_, int family_);

/*  Whether the look-up that libzmq without dual stack would have made has failed for
    now, so that it may succeed the next time.  */
bool zds_ask_is_lost (const zds_ask_t *ask_);

/*  Whether an address of the family may still come with an answer.  */
bool zds_ask_may_bring (const zds_ask_t *ask_, int family_);

/*  One look-up's answer for many who asked.  With libzmq, each would have had a
    look-up of its own and, where name servers rotate the order of a name's addresses,
    another address first.  So a shared answer is dealt out in turns.  Two answers to
    the same question show which addresses rotate; an address that has the same place
    in both is where the hosts file, gai.conf or RFC 6724 wants it, and stays
    there.  */

/*  Whether the answer has an order that could rotate: two addresses of one
    family.  */
bool zds_turns_possible (const zds_answer_t *answer_);

/*  Marks the addresses of 'now_' in whose place within the family 'before_' had
    another one.  'moves_' is an array of ZDS_MAX_ADDRS.  True if there are any.  */
bool zds_turns_find (bool *moves_,
                     const zds_answer_t *before_,
                     const zds_answer_t *now_);

/*  Turns the marked addresses, within their family, by 'turn_' places.  In as many
    turns as there are pairs of them, each pair is in front once.  */
void zds_turns_deal (zds_answer_t *answer_, const bool *moves_, unsigned turn_);

#ifdef __cplusplus
}
#endif

#endif
