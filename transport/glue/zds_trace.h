/* SPDX-License-Identifier: MPL-2.0 */

/*  Writes what is decided, and why: one line for each decision, on stderr or in a
    file (ZMQ_DUALSTACK=trace, see zds_settings.h).

        1796046223.123456 4711 socket 2 connect tcp://server:5555: tries
        [2001:db8::2]:5555: IPv6 comes first; its family's answer is there

    (one line).  The time is in seconds since 1970, the number behind it is the
    process's.  A line is one write, so that the lines of threads, and of processes
    that share a file, do not mix.  There is no lock, which a child of fork could
    find taken.  A slow reader loses lines rather than holding up an I/O
    thread.

    A line that a socket repeats, because a server refuses or will not shake hands, is
    written twice a minute, and the socket's next line says how many were left out, so
    that the trace can stay on.

    All functions may be called from any thread.  */

#ifndef ZDS_TRACE_H_INCLUDED
#define ZDS_TRACE_H_INCLUDED

#include "zds_bind.h"
#include "zds_race.h"
#include "zds_resolver.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct zds_trace zds_trace_t;

enum
{
    ZDS_TRACE_LINE_SIZE = 1024 /* a longer line is cut */
};

/*  Opens 'path_' to append to it, or stderr for NULL.  Returns 0, and the caller
    closes it with zds_trace_close; or an errno: ENOMEM, or that of open (ENXIO: a
    FIFO that nobody reads).  */
int zds_trace_open (zds_trace_t **trace_, const char *path_);

/*  NULL is allowed.  */
void zds_trace_close (zds_trace_t *trace_);

/*  What lines are about: a socket, and one of its endpoints.  The texts remain the
    caller's.  */
typedef struct
{
    /*  NULL: nothing is told, and all functions return at once.  */
    zds_trace_t *trace;
    unsigned socket;    /* its number in the process; 0: none */
    const char *action; /* "bind", "connect" */
    const char *scheme; /* "tcp" */
    const char *address;
} zds_subject_t;

/*  Writes a sentence of the caller's, given as to printf.  */
void zds_trace_say (const zds_subject_t *subject_, const char *format_, ...)
#if defined __GNUC__ || defined __clang__
  __attribute__ ((format (printf, 2, 3)))
#endif
  ;

/*  Writes a sentence with an address in it.  */
void zds_trace_address (const zds_subject_t *subject_,
                        const char *before_,
                        const zds_addr_t *addr_,
                        const char *after_);

/*  Writes that a bind or connect ended with an errno; 'why_' has the reason in
    words.  */
void zds_trace_failure (const zds_subject_t *subject_,
                        int error_,
                        const char *why_);

/*  Writes how a listener of a bind fared: it listens on 'port_' (host byte order) if
    'error_' is 0, else it failed with that errno at 'stage_'.  */
void zds_trace_listener (const zds_subject_t *subject_,
                         const zds_listener_t *listener_,
                         zds_bind_stage_t stage_,
                         int error_,
                         uint16_t port_);

/*  Writes an answer; 'answer_' is NULL if a look-up could not be made.  */
void zds_trace_answer (const zds_subject_t *subject_,
                       zds_look_t look_,
                       const zds_answer_t *answer_);

/*  Writes a step that zds_race_next has returned.  WAIT is not written, since it
    follows from the rest.  */
void zds_trace_step (const zds_subject_t *subject_,
                     const zds_race_t *race_,
                     const zds_race_step_t *step_);

/*  Writes how an attempt ended by itself, at 'now_' ms (zds_clock_ms); 'error_' is an
    errno, or 0 if it connected.  To be called before zds_race_failed or
    _connected.  */
void zds_trace_attempt (const zds_subject_t *subject_,
                        const zds_race_t *race_,
                        unsigned attempt_,
                        int error_,
                        uint64_t now_);

/*  "auto", "v6", "v4".  */
const char *zds_mode_name (zds_mode_t mode_);

/*  "ECONNREFUSED"; NULL for an errno that networks do not produce.  */
const char *zds_errno_name (int error_);

/*  A line of the trace, for a time in microseconds since 1970.  Pure.  Control
    characters become \xNN.  Returns its length, its final newline included;
    'line_' has ZDS_TRACE_LINE_SIZE bytes and gets no final NUL.  */
size_t zds_trace_format (char *line_,
                         uint64_t time_,
                         unsigned long process_,
                         const zds_subject_t *subject_,
                         const char *text_);

#ifdef __cplusplus
}
#endif

#endif
