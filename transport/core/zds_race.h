/* SPDX-License-Identifier: MPL-2.0 */

/*  A race decides when to try which address of a host, until one wins.

    RFC 8305 ("Happy Eyeballs version 2"), sections 3 to 6.  The race is won by
    the first peer that greets: TCP connects to much that is no server
    (draft-ietf-happy-happyeyeballs-v3, "Determining successful connection
    establishment").  The race is told of the resolver's answers, of how attempts
    went, and of the time; it says what to do next.  It never touches a socket, a
    clock, a thread or the heap, so that a test can drive it through years of network
    trouble.

    The caller owns the struct and every socket.  Not safe to share between
    threads without a lock; nothing is global.  All times are milliseconds of a
    clock that never goes back.

        zds_race_init (...)
        for each event: zds_race_answer / _connected / _greeted / _failed / ... (...)
            then: do what zds_race_next (...) says until it says WAIT, WON or
            FAILED.  */

#ifndef ZDS_RACE_H_INCLUDED
#define ZDS_RACE_H_INCLUDED

#include "zds_ask.h"
#include "zds_addr.h"

#ifdef __cplusplus
extern "C" {
#endif

enum
{
    ZDS_RACE_MAX_RUNNING = 6,
    /*  Both families, and withdrawn ones to which attempts still run.  */
    ZDS_RACE_MAX_CANDIDATES =
      ZDS_FAMILIES * ZDS_MAX_CANDIDATES + ZDS_RACE_MAX_RUNNING,
    /*  RFC 8305 section 5: attempts MUST NOT start within 10 ms of each other.  */
    ZDS_RACE_MIN_GAP = 10,
    ZDS_RACE_MIN_ATTEMPT_DELAY = ZDS_RACE_MIN_GAP,
    ZDS_RACE_MAX_ATTEMPT_DELAY = 2000, /* section 8 */
    ZDS_RACE_MAX_RESOLUTION_DELAY = 2000,
    /*  For how long an attempt may be silent while others wait for its place.
        Three transmissions of SYN (at 0, 1 and 3 s) have gone unanswered then.  */
    ZDS_RACE_PATIENCE = 4000,
    /*  The attempt delay where IPv6 is silent for other names too: the least that
        section 5 recommends.  */
    ZDS_RACE_QUICK_DELAY = 100,
    /*  When all is silent, the name is asked again after 4 s, then after 8, 16, 32
        and 60 more, and every 60 from then on.  */
    ZDS_RACE_ASK_AGAIN = 4000,
    ZDS_RACE_MAX_ASK_AGAIN = 60000
};

/*  What earlier connections to the same host and port made of an address.  */
typedef enum
{
    ZDS_RECORD_NONE,
    ZDS_RECORD_WON,    /* the last connection was made to it */
    ZDS_RECORD_FAILED, /* it failed, or was silent while another one won */
    ZDS_RECORD_DIED, /* a connection to it ended because nothing came any more */
    ZDS_RECORD_WRONG /* TCP connected, but whoever answered spoke no ZMTP */
} zds_record_t;

/*  What became of a candidate.  */
typedef enum
{
    ZDS_FATE_UNTRIED,
    ZDS_FATE_RUNNING,
    ZDS_FATE_FAILED,
    ZDS_FATE_WON,
    ZDS_FATE_SILENT, /* said nothing for the attempt delay or longer, or nothing
                        that tells what it is, when another one won */
    ZDS_FATE_CUT     /* had not been silent that long */
} zds_fate_t;

typedef struct
{
    zds_addr_t addr;
    zds_record_t record;
    unsigned waited;      /* ms for which it was silent in races cut short */
    uint64_t record_time; /* of the record, in ms of any clock */
    /*  In this race.  */
    zds_fate_t fate;
    bool withdrawn;   /* by a later answer, or not proven yet */
    bool from_helper; /* and the whole answer is late */
} zds_candidate_t;

/*  Values in ms.  */
typedef struct
{
    unsigned attempt_delay;    /* of section 5; 250 is recommended */
    unsigned resolution_delay; /* of section 3; 50 is recommended */
    /*  How long one attempt may take to connect; 0: the system's own limit.  */
    unsigned attempt_timeout;
    bool greets; /* peers greet: TCP alone decides only where nothing else could
                    win; false: TCP decides */
    unsigned greeting_timeout; /* how long a peer may take to greet once it has
                                  connected; 0: for ever */
    zds_mode_t mode; /* of the socket: says which family it would use if it knew
                        of no other */
    /*  The name.  */
    zds_look_t look;   /* ZDS_LOOK_WHOLE, or the only look-up to make */
    unsigned families; /* ZDS_FOR_...: those that may be used */
    uint16_t port;     /* of its addresses, in host byte order */
    uint32_t zone;     /* of its IPv6 addresses; 0: their own */
    /*  What is remembered (zds_history_prepare).  */
    bool hurry;       /* the whole answer was late the last time */
    bool quick;       /* IPv6 is silent for other names too */
    uint64_t network; /* the set of this host's addresses; 0: not known */
} zds_race_config_t;

typedef enum
{
    ZDS_RACE_WAIT,  /* nothing to do before 'deadline' or the next event */
    ZDS_RACE_ASK,   /* make the look-ups in 'looks' and tell the race of each */
    ZDS_RACE_START, /* connect to 'addr'; from now on it is 'attempt' */
    ZDS_RACE_CANCEL, /* close 'attempt', without telling the race */
    ZDS_RACE_RETRY,  /* what is left is silent, but something has failed: call
                        zds_race_again when the reconnect interval is over; said
                        once, the attempt delay after the last start, and the
                        race goes on */
    ZDS_RACE_WON,    /* the connection is 'attempt'; final */
    ZDS_RACE_FAILED /* nothing is left to wait for; 'error' is an errno; final */
} zds_race_op_t;

typedef struct
{
    zds_race_op_t op;
    unsigned looks;   /* ASK: ZDS_LOOK_BIT of each */
    unsigned attempt; /* below ZDS_RACE_MAX_RUNNING; used again after its end */
    zds_addr_t addr;  /* START, CANCEL, WON */
    uint64_t deadline; /* WAIT: absolute, ZDS_NEVER if only an event can help */
    int error;         /* FAILED: ECONNREFUSED only if every attempt of the race
                          was refused and no look-up is lost, else the last other
                          error; EHOSTUNREACH if there is none.  CANCEL: ETIMEDOUT
                          if the attempt took too long, 0 if it is not needed any
                          more */
    /*  Static text, for people.  START: why now; WAIT: empty, since that follows
        from the rest.  Never NULL.  */
    const char *why;
} zds_race_step_t;

/*  How far an attempt has come.  */
typedef enum
{
    ZDS_PROGRESS_NONE,      /* TCP is not connected yet */
    ZDS_PROGRESS_CONNECTED, /* and the peer has not greeted yet */
    ZDS_PROGRESS_UNSIGNED   /* the peer may speak ZMTP 1.0, or anything else */
} zds_progress_t;

typedef struct
{
    int candidate; /* -1: the slot is free */
    zds_progress_t progress;
    uint64_t started;
    uint64_t silent_since; /* its start, or when it connected */
    unsigned delay;        /* after which it counts as silent */
    int cancel_error;
    /*  It does not run any more, and the caller has not been told yet; else NULL.  */
    const char *cancel_why;
} zds_race_slot_t;

/*  Only 'config', 'candidate', 'count', 'slot', 'ask', 'first_family' and 'ipv6_silent' are
    for readers outside zds_race.c: what there was to try and what became of it.  */
typedef struct
{
    zds_race_config_t config;
    size_t count;
    zds_race_slot_t slot[ZDS_RACE_MAX_RUNNING];
    zds_ask_t ask;
    bool is_literal;       /* nothing is asked */
    unsigned ask_again;    /* the next interval of ZDS_RACE_ASK_AGAIN, in ms */
    const char *round_why; /* why it is asked again; NULL in the first round */
    int first_family;      /* the one that the libc puts first */
    bool begun;            /* the first attempt has started */
    uint64_t last_start;
    unsigned delay;        /* after it, till the next one */
    const char *delay_why; /* why it is what it is */
    bool ipv6_silent; /* when the race was won, IPv6 had no TCP connection */
    uint64_t quiet_since; /* the last start, or the last attempt that connected
                             since: from then on the attempt delay counts */
    unsigned owed; /* starts that failures have earned ahead of the delay */
    bool retry_said;
    bool is_repeat; /* zds_race_again was called */
    bool all_refused;
    int last_error; /* of an attempt that failed otherwise */
    int winner;     /* slot, -1: none */
    const char *won_why;
    bool failed;
    zds_candidate_t candidate[ZDS_RACE_MAX_CANDIDATES]; /* 'count' are set */
} zds_race_t;

/*  The values that RFC 8305 recommends.  */
void zds_race_config_default (zds_race_config_t *config_);

/*  Begins a race for a name.  Returns 0, or EINVAL when a value is out of the bounds
    above, or no family may be used.  */
int zds_race_init (zds_race_t *race_,
                   const zds_race_config_t *config_,
                   uint64_t now_);

/*  After zds_race_init: the endpoint is this one address, not a name, and nothing is
    looked up.  */
void zds_race_literal (zds_race_t *race_, const zds_addr_t *addr_);

/*  The answer to a look-up that ASK wanted; NULL: none to be had.  Duplicates, families
    that may not be used and what is beyond ZDS_MAX_CANDIDATES are left out.

    The whole answer says which family is first, and withdraws what it does not have;
    an answer to a single family adds to what is known.  New addresses take the places
    in the order that they would have had from the start; running attempts are left
    alone (section 6).  A failed look-up takes nothing back; it is a reason to call
    zds_race_again although something silent is left.  An answer that was not asked
    for is ignored.

    Afterwards the caller fills in the records of the candidates
    (zds_history_recall).  */
void zds_race_answer (zds_race_t *race_,
                      zds_look_t look_,
                      const zds_answer_t *answer_);

/*  TCP connected.  Here and below, an attempt that does not run is ignored.  The
    attempt goes on until its peer greets; where peers do not greet ('greets' is
    false), it has won.  */
void zds_race_connected (zds_race_t *race_, unsigned attempt_, uint64_t now_);

/*  The peer has sent the signature of a greeting: it has won.  */
void zds_race_greeted (zds_race_t *race_, unsigned attempt_, uint64_t now_);

/*  What the peer has sent may be ZMTP 1.0 or anything else: it wins only if nobody
    greets.  */
void zds_race_unsigned (zds_race_t *race_, unsigned attempt_);

/*  The attempt failed with this errno, at once or later, before or after it had
    connected; its socket is closed.  */
void zds_race_failed (zds_race_t *race_, unsigned attempt_, int error_);

/*  The reconnect interval that ZDS_RACE_RETRY asked for is over: what failed may be
    tried again, and the name is looked up again.  */
void zds_race_again (zds_race_t *race_);

/*  What to do now.  The caller does it, reports the outcome if that is known at once,
    and calls this again.  WAIT, WON and FAILED repeat; each other step is said
    once.  */
zds_race_step_t zds_race_next (zds_race_t *race_, uint64_t now_);

/*  Why the candidate stands where it does in the order: static text, for people, of
    the form "IPv6 comes first".  */
const char *zds_race_why (const zds_race_t *race_, size_t candidate_);

/*  Whether the attempt has connected and its peer is still to greet.  */
bool zds_race_awaits_greeting (const zds_race_t *race_, unsigned attempt_);

#define ZDS_RACE_NONE ((size_t) -1)

/*  The first of the candidates of this family that are not withdrawn, or of all where
    the family has none; ZDS_RACE_NONE if there is none.  */
size_t zds_race_first (const zds_race_t *race_, int family_);

/*  The one family of the host that libzmq without dual stack would use: IPv4, but in
    mode V6 IPv6, if the host has that or may have it.  */
int zds_race_usual_family (const zds_race_t *race_);

/*  What the host has besides the winner and wrong servers.  */
enum
{
    /*  An address of which nothing bad is known, or the usual family's answer is
        still to come.  */
    ZDS_REST_FRESH = 1,
    /*  One of the usual family, whatever became of it, or that family's answer is
        still to come.  */
    ZDS_REST_USUAL = 2
};

/*  After WON: ZDS_REST_...  */
unsigned zds_race_rest (const zds_race_t *race_);

/*  After WON: an address that was not tried in this race, and that would have been
    tried before the winner if nothing were remembered of either.  Probing it shows
    whether it works again.  Never one that goes last, since it connected before, too;
    NULL if there is none.  */
const zds_candidate_t *zds_race_untested (const zds_race_t *race_);

/*  Puts the indices of 'candidates_' into 'order_', first to be tried first.

    'candidates_' have each family in the libc's order; how the families are mixed
    does not matter.  The families take turns (RFC 8305 section 4), beginning with the
    one that won the last time, or else with 'first_family_'.  The winner itself has
    no precedence in its family, whose order may be DNS's rotation (C-13).  Then come
    those that failed the last time; then those whose connection died and wrong
    servers, longest ago first.  */
void zds_candidates_order (const zds_candidate_t *candidates_,
                           size_t count_,
                           int first_family_,
                           uint8_t *order_);

/*  The first bytes of a ZMTP connection: what a client says before it has heard
    anything, and whether what a peer says first is ZMTP.

    ZMTP 2.0 and later open with a signature of ten bytes: 0xFF, eight bytes
    that only ZMTP 1.0 reads (as a length), 0x7F.  ZMTP 1.0 has no signature; its
    first frame holds the peer's identity.  */

enum
{
    ZDS_SIGNATURE_SIZE = 10
};

typedef enum
{
    ZDS_GREETING_MORE,     /* not enough bytes yet */
    ZDS_GREETING_SIGNED,   /* the signature of ZMTP 2.0 or later */
    ZDS_GREETING_UNSIGNED, /* may be ZMTP 1.0, or anything else */
    ZDS_GREETING_FOREIGN   /* no ZMTP */
} zds_greeting_t;

/*  The signature that libzmq's engine opens with, for a socket whose routing id has
    this many bytes.  */
void zds_greeting_sign (uint8_t signature_[ZDS_SIGNATURE_SIZE],
                        size_t routing_id_size_);

/*  What kind of connection it is on which the peer has sent these bytes so far.  The
    verdict is final unless it is MORE.  At most ZDS_SIGNATURE_SIZE bytes are looked
    at.  */
zds_greeting_t zds_greeting_judge (const uint8_t *bytes_, size_t count_);

#ifdef __cplusplus
}
#endif

#endif
