/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack explain --try.  */

#include "explain.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "library.h"

enum
{
    TEXT_SIZE = 1024,
    ADDR_SIZE = 80
};

/*  A line of the trace.  */
typedef struct
{
    long time; /* us since the call */
    char text[TEXT_SIZE];
} said_t;

typedef enum
{
    FATE_RUNS,
    FATE_WON,
    FATE_FAILED,
    FATE_CANCELLED
} fate_t;

typedef struct
{
    char addr[ADDR_SIZE];
    char why[TEXT_SIZE];     /* it was started then and there */
    char end_why[TEXT_SIZE]; /* an errno, or a reason; may be empty */
    long start, end;         /* us; -1: not ended */
    bool connected;          /* by TCP */
    fate_t fate;
} attempt_t;

/*  What came of it.  */
static said_t *said;
static attempt_t *attempts;
static const attempt_t *winner;
static size_t said_count, attempt_count, listening;
static char listens_on[4][TEXT_SIZE];
static bool refused;
static long begin, ended; /* us since 1970, since the call */
static char last_endpoint[256];

/*  --- the library ---------------------------------------------------------------  */

/*  What is called of libzmq, whose header may not be installed.  */
enum
{
    SOCKET_DEALER = 5,
    OPTION_LINGER = 17,
    OPTION_LAST_ENDPOINT = 32,
    OPTION_IPV6 = 42
};

static struct
{
    void *(*ctx_new) (void);
    int (*ctx_term) (void *);
    void *(*socket) (void *, int);
    int (*close) (void *);
    int (*setsockopt) (void *, int, const void *, size_t);
    int (*getsockopt) (void *, int, void *, size_t *);
    int (*bind) (void *, const char *);
    int (*connect) (void *, const char *);
    int (*error) (void);
} zmq;

static int load (void)
{
    static const char *const names[] = {
      "zmq_ctx_new", "zmq_ctx_term",   "zmq_socket",
      "zmq_close",   "zmq_setsockopt", "zmq_getsockopt",
      "zmq_bind",    "zmq_connect",    "zmq_errno"};
    char *const path = library_build (NULL, false);
    void *const handle =
      path == NULL ? NULL : dlopen (path, RTLD_NOW | RTLD_LOCAL);
    size_t i;

    free (path);
    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        void *const symbol = handle == NULL ? NULL : dlsym (handle, names[i]);
        if (symbol == NULL)
            return trouble_set (ENOENT, "%.300s", dlerror ());
        memcpy ((char *) &zmq + i * sizeof symbol, &symbol, sizeof symbol);
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

/*  --- the trace's lines --------------------------------------------------------  */

/*  The last attempt at an address.  */
static attempt_t *attempt_at (const char *addr_)
{
    size_t i;

    for (i = attempt_count; i-- > 0;)
        if (strcmp (addr_, attempts[i].addr) == 0)
            return &attempts[i];
    return NULL;
}

static void take_start (const char *addr_, const char *why_, long time_)
{
    attempt_t *const one =
      winner != NULL ? NULL : cli_grow (&attempts, &attempt_count, sizeof *one);

    if (one == NULL)
        return;
    snprintf (one->addr, sizeof one->addr, "%s", addr_);
    snprintf (one->why, sizeof one->why, "%s", why_);
    one->start = time_;
    one->end = -1;
}

/*  'why_' may go on with " after N ms".  */
static void
take_end (attempt_t *attempt_, fate_t fate_, const char *why_, long time_)
{
    const char *const after = strstr (why_, " after ");
    const size_t len = after == NULL ? strlen (why_) : (size_t) (after - why_);

    if (attempt_ == NULL || attempt_->fate != FATE_RUNS)
        return;
    attempt_->fate = fate_;
    attempt_->end = time_;
    snprintf (attempt_->end_why, sizeof attempt_->end_why, "%.*s", (int) len,
              why_);
    if (fate_ == FATE_WON)
        winner = attempt_;
}

static void take_failure (const char *name_, const char *why_)
{
    int error = 200;

    while (--error > 0 && strcmp (cli_errno_name (error), name_) != 0)
        ;
    trouble_set (error > 0 ? error : EHOSTUNREACH, "%.300s", why_);
}

/*  Understands a line; true if it is the last one that is waited for.  */
static bool take_text (const char *text_, long time_)
{
    char verb[ADDR_SIZE] = "", what[ADDR_SIZE] = "";
    const char *rest;
    attempt_t *one;
    int at = 0;

    sscanf (text_, "%79s %79s %n", verb, what, &at);
    rest = text_ + at;
    if (what[0] != '\0' && what[strlen (what) - 1] == ':')
        what[strlen (what) - 1] = '\0';
    if (strcmp (verb, "tries") == 0 && strchr (what, ':') != NULL)
        take_start (what, rest, time_);
    else if (strcmp (verb, "listens") == 0 && listening < 4)
        snprintf (listens_on[listening++], TEXT_SIZE, "%s", rest);
    else if (strcmp (verb, "closes") == 0)
        listening = 0;
    else if (strcmp (verb, "gives") == 0)
        take_end (attempt_at (what), FATE_CANCELLED, rest + 4, time_);
    else if (strcmp (verb, "uses") == 0)
        take_end (attempt_at (what), FATE_WON, rest, time_);
    else if (strcmp (verb, "fails,") == 0)
        take_failure (what, rest);
    else if ((one = attempt_at (verb)) != NULL
             && strcmp (what, "connects") == 0)
        one->connected = true;
    else if (one != NULL && (what[0] == 'E' || strcmp (what, "errno") == 0))
        take_end (one, FATE_FAILED, text_ + strlen (verb) + 1, time_);
    return winner != NULL || strcmp (verb, "fails,") == 0;
}

/*  SECONDS.MICROSECONDS PROCESS socket N ACTION ENDPOINT: TEXT.  */
static bool take_line (const char *line_)
{
    const char *const action = strstr (line_, question.command);
    const size_t len = strlen (question.address);
    const char *text = action == NULL ? NULL : strstr (action, "://");
    said_t *one;
    long seconds, us;

    /*  The endpoint may hold anything, and control characters stand there as codes:
        the text begins behind as many bytes as it has in the plain case.  */
    if (text != NULL && strncmp (text + 3, question.address, len) == 0)
        text += 3 + len;
    text = text == NULL ? NULL : strstr (text, ": ");
    if (text == NULL || sscanf (line_, "%ld.%ld ", &seconds, &us) != 2)
        return false;
    one = cli_grow (&said, &said_count, sizeof *one);
    if (one == NULL)
        return false;
    one->time = seconds * 1000000 + us - begin;
    snprintf (one->text, sizeof one->text, "%s", text + 2);
    return take_text (one->text, one->time);
}

/*  Reads what there is; true if one of the lines was the last.  */
static bool read_lines (int fd_)
{
    static char text[8192];
    static size_t used;
    char *line = text, *end;
    bool last = false;
    ssize_t got;

    /*  Longer than any line of the library's: it is dropped.  */
    if (used >= sizeof text - 1)
        used = 0;
    got = read (fd_, text + used, sizeof text - 1 - used);
    if (got <= 0)
        return false;
    used += (size_t) got;
    text[used] = '\0';
    while ((end = strchr (line, '\n')) != NULL) {
        *end = '\0';
        last = take_line (line) || last;
        line = end + 1;
    }
    used -= (size_t) (line - text);
    memmove (text, line, used + 1);
    return last;
}

/*  Until a connect has an end.  What a call said it said ahead of its return.  */
static void wait_for_end (int fd_)
{
    const bool waits = !question.binds && !refused;
    bool last = false;

    while (!last) {
        const long left = question.limit - (explain_now () - begin) / 1000;
        struct pollfd ready = {fd_, POLLIN, 0};
        if (poll (&ready, 1, waits && left > 0 ? (int) left : 0) != 1)
            break;
        last = read_lines (fd_);
    }
    ended = explain_now () - begin;
    if (waits && !last)
        trouble_set (ETIMEDOUT, "nobody answered within %u ms; libzmq goes on",
                     question.limit);
}

/*  --- the call ----------------------------------------------------------------  */

static void set_options (void *socket_)
{
    const int zero = 0, ipv6 = question.wanted == ZDS_MODE_V6;

    zmq.setsockopt (socket_, OPTION_LINGER, &zero, sizeof zero);
    if (question.wanted != ZDS_MODE_AUTO)
        zmq.setsockopt (socket_, OPTION_IPV6, &ipv6, sizeof ipv6);
}

static void call (int fd_)
{
    void *const context = zmq.ctx_new ();
    void *const one =
      context == NULL ? NULL : zmq.socket (context, SOCKET_DEALER);
    size_t size = sizeof last_endpoint;
    int error = 0;

    if (one == NULL)
        error = zmq.error ();
    else {
        set_options (one);
        begin = explain_now ();
        if ((question.binds ? zmq.bind : zmq.connect) (one, question.endpoint)
            != 0)
            error = zmq.error ();
        refused = error != 0;
        wait_for_end (fd_);
        zmq.getsockopt (one, OPTION_LAST_ENDPOINT, last_endpoint, &size);
        zmq.close (one);
    }
    if (error != 0 && trouble.error == 0)
        trouble_set (error, "zmq_%s does not take it", question.command);
    trouble.error = error != 0 ? error : trouble.error;
    if (context != NULL)
        zmq.ctx_term (context);
}

bool try_it (void)
{
    int fds[2];

    if (pipe2 (fds, O_CLOEXEC) != 0) {
        trouble_set (errno, "no pipe for the trace");
        return false;
    }
    if (load () == 0) {
        if (trace_to (fds[1]) == 0)
            call (fds[0]);
        else
            trouble_set (ENOMEM, "out of memory");
    }
    close (fds[0]);
    close (fds[1]);
    return refused;
}

/*  --- the drawing ----------------------------------------------------------------  */

static void print_fate (const attempt_t *attempt_)
{
    char time[32];

    explain_time (attempt_->end - attempt_->start, time);
    printf ("  %s: ", attempt_->addr);
    if (attempt_->fate == FATE_RUNS)
        printf ("%s so far\n", attempt_->connected ? "mute" : "silent");
    else if (attempt_->fate == FATE_WON)
        printf ("won after %s\n", time);
    else if (attempt_->fate == FATE_CANCELLED)
        printf ("%s, given up\n", time);
    else
        printf ("%.30s after %s\n", attempt_->end_why, time);
}

/*  A bar from the attempt's start to its end.  */
static void draw_bar (const attempt_t *attempt_)
{
    const unsigned width = cli_width () > 20 ? cli_width () : 20;
    const long end = attempt_->end < 0 ? ended : attempt_->end;
    const double scale = (width - 3) / (ended > 0 ? (double) ended : 1);
    const unsigned to = (unsigned) ((double) end * scale);
    unsigned i = (unsigned) ((double) attempt_->start * scale);

    printf ("%*s", (int) (2 + i), "");
    for (; i < to; i++)
        putchar ('-');
    printf ("%c\n", ">*x|"[attempt_->fate]);
}

/*  --- the answer ------------------------------------------------------------------  */

static void show_listeners (void)
{
    size_t i;

    json ("listeners[");
    for (i = 0; !refused && i < listening; i++) {
        char *const more = strchr (listens_on[i], ',');
        if (more != NULL)
            *more = '\0';
        json ("{ address=s takes=s }", listens_on[i],
              more != NULL && strstr (more + 1, "IPv4 too") != NULL
                ? "IPv6 and IPv4"
              : listens_on[i][0] == '[' ? "IPv6"
                                        : "IPv4");
    }
    json ("] last_endpoint=s", refused ? NULL : last_endpoint);
}

static void show_attempts (void)
{
    static const char *const fates[] = {"runs", "won", "failed", "cancelled"};
    size_t i;

    json ("attempts[");
    for (i = 0; i < attempt_count; i++) {
        const attempt_t *const one = &attempts[i];
        json ("{ address=s why=s start_ms=m fate=s", one->addr, one->why,
              one->start, fates[one->fate]);
        if (one->end < 0)
            json ("end_ms=n");
        else
            json ("end_ms=m", one->end);
        json ("error=s end_why=s }",
              one->fate == FATE_FAILED ? one->end_why : NULL,
              one->fate == FATE_RUNS ? NULL : one->end_why);
    }
    json ("] winner=s", winner == NULL ? NULL : winner->addr);
}

void try_show (void)
{
    char first[40], time[32];
    size_t i;

    if (question.json) {
        (question.binds ? show_listeners : show_attempts) ();
        json ("trace[");
    } else {
        for (i = 0; i < attempt_count; i++) {
            print_fate (&attempts[i]);
            draw_bar (&attempts[i]);
        }
        puts ("\nWhat the library said:");
    }
    for (i = 0; i < said_count; i++) {
        snprintf (first, sizeof first, "  %8s  ",
                  explain_time (said[i].time, time));
        if (question.json)
            json ("{ ms=m text=s }", said[i].time, said[i].text);
        else
            cli_say (first, "%s", said[i].text);
    }
    if (question.json)
        json ("]");
    else if (winner != NULL)
        cli_say ("won: ", "%s after %s", winner->addr,
                 explain_time (winner->end, time));
    else if (question.binds && !refused)
        printf ("ZMQ_LAST_ENDPOINT: %s\nAll closed again.\n", last_endpoint);
}
