/* SPDX-License-Identifier: MPL-2.0 */

/*  Strangers: programs that have the server's port on some of its name's
    addresses.  How long a session goes on when one of them answered.

    Pure functions of their arguments, safe in any thread.  */

#ifndef ZDS_STRANGER_H_INCLUDED
#define ZDS_STRANGER_H_INCLUDED

#include "zds_race.h"

#ifdef __cplusplus
extern "C" {
#endif

/*  What a race that was won leaves to be known of the winner and of the name's
    other addresses.  "Usual" is the family that libzmq would use if it knew of no
    other (zds_race_single_family).  All false: no name, nothing to go on to.  */
typedef struct
{
    bool was_wrong;  /* the winner was known as a wrong server */
    bool is_unusual; /* the winner is not of the usual family */
    bool has_usual; /* there is another address of that family that is not known
                         as a wrong server, or may still be */
    bool has_untried; /* there is another one of which nothing bad is known */
} zds_prospects_t;

enum
{
    /*  How often in a row a session that would have given up goes on.  */
    ZDS_STRANGER_TIMES = 8
};

/*  After WON.  */
zds_prospects_t zds_stranger_prospects (const zds_race_t *race_,
                                        zds_mode_t mode_);

/*  The connection ended before its handshake was completed.  Whether the session
    goes on to the name's next address even if it gave up otherwise: for ever,
    interval by interval, while there is an address on which libzmq without dual
    stack would still wait for the server; else ZDS_STRANGER_TIMES times.
    'times_' counts these, from 0.  */
bool zds_stranger_go_on (const zds_prospects_t *prospects_,
                         bool has_interval_,
                         unsigned *times_);

/*  Whether the peer has to prove that it speaks ZMTP, which version 1.0 cannot:
    there is an address on which libzmq without dual stack would have waited in
    its place, or one that was not tried.  The latter is said once: the winner is
    known as a wrong server then.  */
bool zds_stranger_is_suspect (const zds_prospects_t *prospects_);

#ifdef __cplusplus
}
#endif

#endif
