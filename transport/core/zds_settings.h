/* SPDX-License-Identifier: MPL-2.0 */

/*  The administrator's word: the environment variable ZMQ_DUALSTACK.

    Words are separated by commas or white space, in any order:

        off                  sockets of applications that said nothing about
                             IPv6 are IPv4-only, as with a libzmq without dual
                             stack
        attempt-delay=MS     how long an address may be silent before the next
                             one is tried too: 10 to 2000, 250 if not given
        resolution-delay=MS  how long an answer with IPv4 addresses waits for
                             the one with IPv6 addresses: 0 to 2000, 50
        resolver-threads=N   look-ups at a time: 1 to 64, 8
        trace, trace=FILE    tell each decision on stderr, or at the end of FILE
                             (see zds_trace.h)  */

#ifndef ZDS_SETTINGS_H_INCLUDED
#define ZDS_SETTINGS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "zds_mode.h"

#ifdef __cplusplus
extern "C" {
#endif

enum
{
    ZDS_TRACE_FILE_SIZE = 512 /* of the name; a longer one is not known */
};

typedef struct
{
    bool off;
    bool trace;
    char trace_file[ZDS_TRACE_FILE_SIZE]; /* empty: stderr */
    unsigned attempt_delay;               /* ms; RFC 8305 section 5 */
    unsigned resolution_delay;            /* ms; RFC 8305 section 3 */
    unsigned resolver_threads;
} zds_settings_t;

/*  Reads 'text_'; NULL is as good as empty.  What it does not know, a number out
    of bounds included, is left out of account and listed, separated by spaces and cut where it does not fit, in
    'unknown_', a buffer of 'size_' > 0 bytes: an empty string is a clean read.
    Pure function, safe in any thread.  */
void zds_settings_parse (zds_settings_t *settings_,
                         const char *text_,
                         char *unknown_,
                         size_t size_);

/*  The mode of a socket whose application said nothing.  */
zds_mode_t zds_settings_mode (const zds_settings_t *settings_);

#ifdef __cplusplus
}
#endif

#endif
