/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "try.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "library.h"
#include "process.h"
#include "timeline.h"

/*  What is called of libzmq, whose header may not be installed.  */
enum
{
    SOCKET_DEALER = 5,
    OPTION_LINGER = 17,
    OPTION_LAST_ENDPOINT = 32,
    OPTION_IPV6 = 42,
    OPTION_CONNECT_TIMEOUT = 79
};

typedef struct
{
    void *handle;
    void *(*ctx_new) (void);
    int (*ctx_term) (void *);
    void *(*socket) (void *, int);
    int (*close) (void *);
    int (*setsockopt) (void *, int, const void *, size_t);
    int (*getsockopt) (void *, int, void *, size_t *);
    int (*bind) (void *, const char *);
    int (*connect) (void *, const char *);
    int (*error) (void);
    void *context, *one;
} libzmq_t;

static int load (libzmq_t *zmq_, trouble_t *trouble_)
{
    const struct
    {
        const char *name;
        void *at;
    } calls[] = {
      {"zmq_ctx_new", &zmq_->ctx_new},
      {"zmq_ctx_term", &zmq_->ctx_term},
      {"zmq_socket", &zmq_->socket},
      {"zmq_close", &zmq_->close},
      {"zmq_setsockopt", &zmq_->setsockopt},
      {"zmq_getsockopt", &zmq_->getsockopt},
      {"zmq_bind", &zmq_->bind},
      {"zmq_connect", &zmq_->connect},
      {"zmq_errno", &zmq_->error},
    };
    char *const path = library_chosen (NULL);
    size_t i;

    zmq_->handle = path == NULL ? NULL : dlopen (path, RTLD_NOW | RTLD_LOCAL);
    free (path);
    if (zmq_->handle == NULL)
        return trouble_set (trouble_, ENOENT, "%.300s", dlerror ());
    for (i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        void *const symbol = dlsym (zmq_->handle, calls[i].name);
        if (symbol == NULL)
            return trouble_set (trouble_, ENOSYS, "the library has no %s",
                                calls[i].name);
        memcpy (calls[i].at, &symbol, sizeof symbol);
    }
    return 0;
}

/*  The administrator's words, and the trace to a pipe; the last one counts.  */
static int trace_to (int fd_)
{
    const char *const words = getenv ("ZMQ_DUALSTACK");
    char *text = NULL;
    int rc;

    if (asprintf (&text, "%s trace=/dev/fd/%d", words == NULL ? "" : words, fd_)
        < 0)
        return ENOMEM;
    rc = setenv ("ZMQ_DUALSTACK", text, 1) == 0 ? 0 : errno;
    free (text);
    return rc;
}

static long clock_us (void)
{
    struct timespec now;

    clock_gettime (CLOCK_REALTIME, &now);
    return (long) (now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

/*  --- the trace's lines --------------------------------------------------------  */

/*  Room for one more; NULL without memory.  */
static void *grow (void **at_, size_t *count_, size_t size_)
{
    void *more = *at_;

    if ((*count_ & (*count_ - 1)) == 0)
        more = realloc (*at_, (*count_ == 0 ? 1 : 2 * *count_) * size_);
    if (more == NULL)
        return NULL;
    *at_ = more;
    more = (char *) more + size_ * (*count_)++;
    memset (more, 0, size_);
    return more;
}

/*  Copies what stands between 'text_' and 'end_'.  */
static void
copy_until (char *to_, size_t size_, const char *text_, const char *end_)
{
    const size_t len = end_ == NULL ? strlen (text_) : (size_t) (end_ - text_);

    snprintf (to_, size_, "%.*s", (int) len, text_);
}

/*  Behind 'prefix_', if the text begins with it.  */
static const char *behind (const char *text_, const char *prefix_)
{
    const size_t len = strlen (prefix_);

    return strncmp (text_, prefix_, len) == 0 ? text_ + len : NULL;
}

/*  The last attempt at the address that a text begins with.  */
static attempt_t *attempt_at (tried_t *tried_, const char *text_)
{
    size_t i;

    for (i = tried_->attempt_count; i-- > 0;) {
        const char *const rest = behind (text_, tried_->attempt[i].addr);
        if (rest != NULL && (*rest == '\0' || *rest == ' ' || *rest == ':'))
            return &tried_->attempt[i];
    }
    return NULL;
}

static void take_start (tried_t *tried_, const char *text_, long time_)
{
    const char *const end = strstr (text_, ": ");
    attempt_t *one;

    if (end == NULL)
        return;
    one =
      grow ((void **) &tried_->attempt, &tried_->attempt_count, sizeof *one);
    if (one == NULL)
        return;
    copy_until (one->addr, sizeof one->addr, text_, end);
    copy_until (one->why, sizeof one->why, end + 2, NULL);
    one->start = time_;
    one->end = one->connected = -1;
}

static void
take_end (attempt_t *attempt_, fate_t fate_, const char *why_, long time_)
{
    const char *const after = strstr (why_, " after ");

    attempt_->fate = fate_;
    attempt_->end = time_;
    copy_until (attempt_->end_why, sizeof attempt_->end_why, why_, after);
}

/*  "10.0.0.1:5555, IPv4 too".  */
static void take_listener (tried_t *tried_, const char *text_)
{
    listening_t *const one = &tried_->listening[tried_->listening_count];

    if (tried_->listening_count + 1 >= 4)
        return;
    copy_until (one->addr, sizeof one->addr, text_, strchr (text_, ','));
    one->takes = strstr (text_, "IPv4 too") != NULL ? "IPv6 and IPv4"
                 : text_[0] == '['                  ? "IPv6"
                                                    : "IPv4";
    tried_->listening_count++;
}

/*  "ECONNREFUSED: WHY".  */
static void take_failure (trouble_t *trouble_, const char *text_)
{
    const char *const why = strstr (text_, ": ");
    int error;

    for (error = 1; error < 200; error++) {
        const char *const name = zds_errno_name (error);
        const char *const rest = name == NULL ? NULL : behind (text_, name);
        if (rest != NULL && *rest == ':')
            break;
    }
    trouble_set (trouble_, error < 200 ? error : EHOSTUNREACH, "%.300s",
                 why == NULL ? text_ : why + 2);
}

/*  Understands a line; true if it is the last one that is waited for.  */
static bool
take_text (tried_t *tried_, const char *text_, long time_, trouble_t *trouble_)
{
    attempt_t *one = attempt_at (tried_, text_);
    const char *rest;

    if ((rest = behind (text_, "tries ")) != NULL)
        take_start (tried_, rest, time_);
    else if ((rest = behind (text_, "listens on ")) != NULL)
        take_listener (tried_, rest);
    else if (behind (text_, "closes socket") != NULL)
        tried_->listening_count = 0;
    else if ((rest = behind (text_, "gives ")) != NULL
             && (one = attempt_at (tried_, rest)) != NULL) {
        rest = strstr (rest, " up: ");
        take_end (one, FATE_CANCELLED, rest == NULL ? "" : rest + 5, time_);
    } else if ((rest = behind (text_, "uses ")) != NULL
               && (one = attempt_at (tried_, rest)) != NULL) {
        rest = strstr (rest, ": ");
        take_end (one, FATE_WON, rest == NULL ? "" : rest + 2, time_);
        return true;
    } else if ((rest = behind (text_, "fails, ")) != NULL) {
        take_failure (trouble_, rest);
        return true;
    } else if (one != NULL && one->fate == FATE_RUNS) {
        rest = text_ + strlen (one->addr);
        if (behind (rest, " connects") != NULL)
            one->connected = time_;
        else if (behind (rest, " E") != NULL
                 || behind (rest, " errno ") != NULL)
            take_end (one, FATE_FAILED, rest + 1, time_);
    }
    return false;
}

/*  SECONDS.MICROSECONDS PROCESS socket N ACTION ENDPOINT: TEXT.  */
static bool take_line (tried_t *tried_,
                       const question_t *question_,
                       const char *line_,
                       long begin_,
                       trouble_t *trouble_)
{
    const char *const action = strstr (line_, question_->command);
    const char *text = action == NULL ? NULL : strstr (action, "://");
    said_t *said;
    long seconds, us;

    /*  The endpoint may hold anything, and control characters stand there as codes:
        the text begins behind as many bytes as it has in the plain case.  */
    if (text != NULL
        && strncmp (text + 3, question_->address, strlen (question_->address))
             == 0)
        text += 3 + strlen (question_->address);
    text = text == NULL ? NULL : strstr (text, ": ");
    if (text == NULL || sscanf (line_, "%ld.%ld ", &seconds, &us) != 2)
        return false;
    said = grow ((void **) &tried_->said, &tried_->said_count, sizeof *said);
    if (said == NULL)
        return false;
    said->time = seconds * 1000000 + us - begin_;
    copy_until (said->text, sizeof said->text, text + 2, NULL);
    return take_text (tried_, said->text, said->time, trouble_);
}

typedef struct
{
    int fd;
    size_t used;
    char text[8192];
} reader_t;

/*  Reads what there is; true if one of the lines was the last.  */
static bool read_lines (reader_t *reader_,
                        tried_t *tried_,
                        const question_t *question_,
                        long begin_,
                        trouble_t *trouble_)
{
    char *line = reader_->text, *end;
    bool last = false;
    size_t used = reader_->used;
    ssize_t got;

    /*  Longer than any line of the library's: it is dropped.  */
    if (used >= sizeof reader_->text - 1)
        used = 0;
    got =
      read (reader_->fd, reader_->text + used, sizeof reader_->text - 1 - used);
    if (got <= 0)
        return false;
    reader_->used = used + (size_t) got;
    reader_->text[reader_->used] = '\0';
    while ((end = strchr (line, '\n')) != NULL) {
        *end = '\0';
        last = take_line (tried_, question_, line, begin_, trouble_) || last;
        line = end + 1;
    }
    reader_->used -= (size_t) (line - reader_->text);
    memmove (reader_->text, line, reader_->used + 1);
    return last;
}

/*  Until a connect has an end.  What a call said it said ahead of its return.  */
static void wait_for_end (reader_t *reader_,
                          tried_t *tried_,
                          const question_t *question_,
                          long begin_,
                          trouble_t *trouble_)
{
    const bool connects = strcmp (question_->command, "connect") == 0;
    bool last = false;

    while (!last) {
        const long left = question_->limit - (clock_us () - begin_) / 1000;
        struct pollfd ready = {reader_->fd, POLLIN, 0};
        if (poll (&ready, 1,
                  connects && !tried_->refused && left > 0 ? (int) left : 0)
            != 1)
            break;
        last = read_lines (reader_, tried_, question_, begin_, trouble_);
    }
    tried_->end = clock_us () - begin_;
    if (connects && !last && !tried_->refused)
        trouble_set (trouble_, ETIMEDOUT,
                     "nobody answered within %u ms; libzmq goes on",
                     question_->limit);
}

/*  --- the call ----------------------------------------------------------------  */

static int make_socket (libzmq_t *zmq_, const question_t *question_)
{
    const int zero = 0, ipv6 = question_->wanted == ZDS_MODE_V6;
    const int timeout = (int) question_->connect_timeout;

    if (zmq_->ctx_new == NULL || zmq_->socket == NULL || zmq_->error == NULL
        || zmq_->setsockopt == NULL)
        return ENOSYS; /* load () saw to that */
    zmq_->context = zmq_->ctx_new ();
    zmq_->one = zmq_->context == NULL
                  ? NULL
                  : zmq_->socket (zmq_->context, SOCKET_DEALER);
    if (zmq_->one == NULL)
        return zmq_->error ();
    zmq_->setsockopt (zmq_->one, OPTION_LINGER, &zero, sizeof zero);
    if (question_->wanted != ZDS_MODE_AUTO)
        zmq_->setsockopt (zmq_->one, OPTION_IPV6, &ipv6, sizeof ipv6);
    if (timeout > 0)
        zmq_->setsockopt (zmq_->one, OPTION_CONNECT_TIMEOUT, &timeout,
                          sizeof timeout);
    return 0;
}

/*  The connection is one of this process's own sockets.  */
static void find_own_address (tried_t *tried_)
{
    process_t own;
    size_t i, k;

    memset (&own, 0, sizeof own);
    own.pid = (long) getpid ();
    if (process_read_sockets (&own) == 0)
        for (i = 0; i < own.socket_count; i++)
            for (k = 0; k < tried_->attempt_count; k++) {
                char peer[ZDS_ADDR_TEXT_SIZE];
                zds_addr_unmap (&own.socket[i].peer);
                zds_addr_unmap (&own.socket[i].local);
                zds_addr_format (&own.socket[i].peer, peer, sizeof peer);
                if (tried_->attempt[k].fate == FATE_WON
                    && strcmp (peer, tried_->attempt[k].addr) == 0)
                    zds_addr_format (&own.socket[i].local, tried_->from,
                                     sizeof tried_->from);
            }
    process_free (&own);
}

static void call (libzmq_t *zmq_,
                  reader_t *reader_,
                  tried_t *tried_,
                  const question_t *question_,
                  trouble_t *trouble_)
{
    const bool binds = strcmp (question_->command, "bind") == 0;
    const long begin = clock_us ();
    size_t size = sizeof tried_->last_endpoint;
    int error = 0;

    if ((binds ? zmq_->bind : zmq_->connect) (zmq_->one, question_->endpoint)
        != 0)
        error = zmq_->error ();
    tried_->refused = error != 0;
    wait_for_end (reader_, tried_, question_, begin, trouble_);
    if (error != 0 && trouble_->error == 0)
        trouble_set (trouble_, error, "zmq_%s does not take it",
                     question_->command);
    trouble_->error = error != 0 ? error : trouble_->error;
    zmq_->getsockopt (zmq_->one, OPTION_LAST_ENDPOINT, tried_->last_endpoint,
                      &size);
    if (!binds)
        find_own_address (tried_);
}

int try_it (tried_t *tried_, const question_t *question_, trouble_t *trouble_)
{
    reader_t *const reader = calloc (1, sizeof *reader);
    libzmq_t zmq;
    int fds[2] = {-1, -1}, rc = 0;

    memset (tried_, 0, sizeof *tried_);
    memset (&zmq, 0, sizeof zmq);
    if (reader == NULL)
        return trouble_set (trouble_, ENOMEM, "out of memory");
    if (pipe2 (fds, O_CLOEXEC) != 0)
        rc = trouble_set (trouble_, errno, "no pipe for the trace");
    if (rc == 0)
        rc = load (&zmq, trouble_);
    if (rc == 0 && (rc = trace_to (fds[1])) == 0
        && (rc = make_socket (&zmq, question_)) == 0) {
        reader->fd = fds[0];
        call (&zmq, reader, tried_, question_, trouble_);
    }
    if (zmq.one != NULL)
        zmq.close (zmq.one);
    if (zmq.context != NULL)
        zmq.ctx_term (zmq.context);
    if (fds[0] != -1) {
        close (fds[0]);
        close (fds[1]);
    }
    free (reader);
    return rc;
}

void try_free (tried_t *tried_)
{
    free (tried_->said);
    free (tried_->attempt);
}

/*  --- what it looked like --------------------------------------------------------  */

static void attempt_text (const attempt_t *attempt_, char *text_, size_t size_)
{
    char time[32];

    timeline_time (attempt_->end - attempt_->start, time, sizeof time);
    if (attempt_->fate == FATE_RUNS)
        snprintf (text_, size_, "%s so far",
                  attempt_->connected < 0 ? "silent" : "mute");
    else if (attempt_->fate == FATE_WON)
        snprintf (text_, size_, "won after %s", time);
    else if (attempt_->fate == FATE_CANCELLED)
        snprintf (text_, size_, "%s, given up", time);
    else if (strcmp (attempt_->end_why, "ECONNREFUSED") == 0)
        snprintf (text_, size_, "refused after %s", time);
    else
        snprintf (text_, size_, "%.30s after %s", attempt_->end_why, time);
}

static void print_timeline (const tried_t *tried_)
{
    static const timeline_kind_t kinds[] = {
      TIMELINE_RUNS, TIMELINE_WON, TIMELINE_FAILED, TIMELINE_CANCELLED};
    const timeline_style_t style = {cli_width (), cli_is_coloured (),
                                    cli_is_utf8 ()};
    timeline_row_t *const rows = calloc (tried_->attempt_count, sizeof *rows);
    size_t i;

    for (i = 0; rows != NULL && i < tried_->attempt_count; i++) {
        const attempt_t *const one = &tried_->attempt[i];
        snprintf (rows[i].label, sizeof rows[i].label, "%.*s",
                  (int) sizeof rows[i].label - 1, one->addr);
        attempt_text (one, rows[i].text, sizeof rows[i].text);
        rows[i].start = one->start;
        rows[i].end = one->end < 0 ? tried_->end : one->end;
        rows[i].kind = kinds[one->fate];
    }
    if (rows != NULL && tried_->attempt_count > 0) {
        putchar ('\n');
        timeline_draw (rows, tried_->attempt_count, tried_->end, &style);
    }
    free (rows);
}

static const attempt_t *winner_of (const tried_t *tried_)
{
    size_t i;

    for (i = 0; i < tried_->attempt_count; i++)
        if (tried_->attempt[i].fate == FATE_WON)
            return &tried_->attempt[i];
    return NULL;
}

void try_print (const tried_t *tried_, const question_t *question_)
{
    const attempt_t *const winner = winner_of (tried_);
    char first[40], text[2 * TRY_ADDR_SIZE + 80], time[32];
    size_t i;

    print_timeline (tried_);
    puts ("\nWhat the library said:");
    for (i = 0; i < tried_->said_count; i++) {
        timeline_time (tried_->said[i].time, time, sizeof time);
        snprintf (first, sizeof first, "  %8s  ", time);
        cli_wrap (first, tried_->said[i].text, cli_width ());
    }
    if (strcmp (question_->command, "bind") == 0) {
        if (!tried_->refused)
            printf ("ZMQ_LAST_ENDPOINT: %s\nAll closed again.\n",
                    tried_->last_endpoint);
    } else if (winner != NULL) {
        timeline_time (winner->end, time, sizeof time);
        snprintf (text, sizeof text, "%s after %s, from %s", winner->addr, time,
                  tried_->from[0] == '\0' ? "an unknown address"
                                          : tried_->from);
        cli_wrap ("won: ", text, cli_width ());
    }
}

static void json_attempts (json_t *json_, const tried_t *tried_)
{
    static const char *const fates[] = {"runs", "won", "failed", "cancelled"};
    size_t i;

    json_open (json_, "attempts", '[');
    for (i = 0; i < tried_->attempt_count; i++) {
        const attempt_t *const one = &tried_->attempt[i];
        json_open (json_, NULL, '{');
        json_string (json_, "address", one->addr);
        json_string (json_, "why", one->why);
        json_ms (json_, "start_ms", one->start);
        json_string (json_, "fate", fates[one->fate]);
        if (one->end < 0)
            json_null (json_, "end_ms");
        else
            json_ms (json_, "end_ms", one->end);
        json_string (json_, "error",
                     one->fate == FATE_FAILED ? one->end_why : NULL);
        json_string (json_, "end_why",
                     one->fate == FATE_RUNS ? NULL : one->end_why);
        json_close (json_, '}');
    }
    json_close (json_, ']');
    json_string (json_, "winner",
                 winner_of (tried_) == NULL ? NULL : winner_of (tried_)->addr);
    json_string (json_, "from", tried_->from[0] == '\0' ? NULL : tried_->from);
}

static void json_listeners (json_t *json_, const tried_t *tried_)
{
    unsigned i;

    json_open (json_, "listeners", '[');
    for (i = 0; !tried_->refused && i < tried_->listening_count; i++) {
        json_open (json_, NULL, '{');
        json_string (json_, "address", tried_->listening[i].addr);
        json_string (json_, "takes", tried_->listening[i].takes);
        json_close (json_, '}');
    }
    json_close (json_, ']');
    json_string (json_, "last_endpoint",
                 tried_->refused ? NULL : tried_->last_endpoint);
}

void try_json (const tried_t *tried_,
               const question_t *question_,
               json_t *json_)
{
    size_t i;

    if (strcmp (question_->command, "bind") == 0)
        json_listeners (json_, tried_);
    else
        json_attempts (json_, tried_);
    json_open (json_, "trace", '[');
    for (i = 0; i < tried_->said_count; i++) {
        json_open (json_, NULL, '{');
        json_ms (json_, "ms", tried_->said[i].time);
        json_string (json_, "text", tried_->said[i].text);
        json_close (json_, '}');
    }
    json_close (json_, ']');
}
