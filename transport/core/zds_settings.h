/* SPDX-License-Identifier: MPL-2.0 */

/*  The administrator's settings: the environment variable ZMQ_DUALSTACK, and the file
    /etc/zmq-dualstack.conf, which the variable overrides word by word.

    Words are separated by commas or white space, in any order; the last one wins:

        off                  sockets of applications that said nothing about
                             IPv6 are IPv4-only, as with a libzmq without dual
                             stack
        on                   they are not: undoes an earlier off
        any                  a bind to 0.0.0.0 means *: frameworks write it for
                             "everywhere", and in an IPv6-only pod nobody reaches
                             that
        attempt-delay=MS     how long an address may be silent before the next
                             one is tried too: 10 to 2000, 250 if not given
        resolution-delay=MS  how long an answer with IPv4 addresses waits for
                             the one with IPv6 addresses: 0 to 2000, 50
        resolver-threads=N   look-ups at a time: 1 to 64, 8
        trace, trace=FILE    tell each decision on stderr, or at the end of FILE
                             (see zds_trace.h)

    In the file, # at the beginning of a word starts a comment, and a line [NAME]
    says that the lines behind it are for programs of that name only.  */

#ifndef ZDS_SETTINGS_H_INCLUDED
#define ZDS_SETTINGS_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "zds_addr.h"

#ifdef __cplusplus
extern "C" {
#endif

/*  The one place of the version; "make check" compares configure.ac's with it.  */
#define ZDS_VERSION "0.2.0"

/*  A text in the patched library begins with this.  It goes on with the version,
    " on libzmq " and libzmq's version: what(1) shows it, and zmq-dualstack knows
    the library by it.  */
#define ZDS_MARKER "@(#)libzmq-dualstack "
#define ZDS_MARKER_ON " on libzmq "

#define ZDS_SETTINGS_FILE "/etc/zmq-dualstack.conf"

enum
{
    ZDS_TRACE_FILE_SIZE = 512, /* of the name; a longer one is not known */
    ZDS_TITLE_LENGTH = 15,     /* of a title on Linux, at most */
    ZDS_RESOLVER_THREADS = 8,  /* the default */
    ZDS_RESOLVER_MAX_THREADS = 64
};

typedef struct
{
    bool off; /* a socket whose application said nothing is of mode V4 */
    bool any;
    bool trace;
    char trace_file[ZDS_TRACE_FILE_SIZE]; /* empty: stderr */
    unsigned attempt_delay;               /* ms; RFC 8305 section 5 */
    unsigned resolution_delay;            /* ms; RFC 8305 section 3 */
    unsigned resolver_threads;
} zds_settings_t;

/*  The settings where nobody set anything.  */
void zds_settings_default (zds_settings_t *settings_);

/*  Applies the words of 'text_' on top of 'settings_'; NULL means the same as empty.
    A bad word is ignored, and added with the reason to the list in 'complaint_', a
    string in a buffer of 'size_' bytes, cut where it does not fit.  Pure function,
    safe in any thread.  */
void zds_settings_words (zds_settings_t *settings_,
                         const char *text_,
                         char *complaint_,
                         size_t size_);

/*  The same with the text of a settings file, which is used up, for the program of the
    file name 'file_', without directories, which has the title 'title_' (the first 15
    bytes of a script's name, on Linux); NULL where that is not known.  */
void zds_settings_file (zds_settings_t *settings_,
                        char *text_,
                        const char *file_,
                        const char *title_,
                        char *complaint_,
                        size_t size_);

#ifdef __cplusplus
}
#endif

#endif
