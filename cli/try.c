/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack explain --try.  */

#include "explain.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>


/*  A line of the trace.  */
typedef struct
{
    long time; /* us since the call */
    char *text;
} said_t;

/*  As the drawing has it.  */
typedef enum
{
    FATE_RUNS = '>',
    FATE_WON = '*',
    FATE_FAILED = 'x',
    FATE_CANCELLED = '|'
} fate_t;

typedef struct
{
    char *addr;
    char *why;       /* it was started then and there */
    char *end_why;   /* an errno, or a reason; may be empty; NULL: it runs */
    long start, end; /* us; -1: not ended */
    bool connected;  /* by TCP */
    fate_t fate;
} attempt_t;

/*  What came of it.  */
static said_t *said;
static attempt_t *attempts;
static const attempt_t *winner;
static size_t said_count, attempt_count, listening;
static char *listens_on[4];
static bool refused;
static long begin, ended; /* us since 1970, since the call */
static char last_endpoint[256];

/*  --- the library ---------------------------------------------------------------  */

/*  The parts of libzmq's interface that are used here, because its header may not be
    installed.  */
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

/*  Puts the trace to a pipe after the administrator's words; the last trace
    counts.  */
static int trace_to (int fd_)
{
    const char *const words = getenv ("ZMQ_DUALSTACK");
    char *const text =
      cli_text ("%s trace=/dev/fd/%d", words == NULL ? "" : words, fd_);
    const int rc = setenv ("ZMQ_DUALSTACK", text, 1) == 0 ? 0 : errno;

    free (text);
    return rc == 0 ? 0 : trouble_set (rc, "out of memory");
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
    attempt_t *one;

    if (winner != NULL)
        return;
    one = cli_grow (&attempts, &attempt_count, sizeof *one);
    one->addr = cli_text ("%s", addr_);
    one->why = cli_text ("%s", why_);
    one->start = time_;
    one->end = -1;
    one->fate = FATE_RUNS;
}

/*  'why_' may go on with " after N ms".  */
static void
take_end (attempt_t *attempt_, fate_t fate_, const char *why_, long time_)
{
    const char *const after = strstr (why_, " after ");

    if (attempt_ == NULL || attempt_->fate != FATE_RUNS)
        return;
    attempt_->fate = fate_;
    attempt_->end = time_;
    attempt_->end_why =
      cli_copy (why_, after == NULL ? SIZE_MAX : (size_t) (after - why_));
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

/*  VERB ADDRESS: REST.  */
static void
take_verb (const char *verb_, const char *what_, const char *rest_, long time_)
{
    if (strcmp (verb_, "tries") == 0 && strchr (what_, ':') != NULL)
        take_start (what_, rest_, time_);
    else if (strcmp (verb_, "listens") == 0 && listening < 4)
        listens_on[listening++] = cli_text ("%s", rest_);
    else if (strcmp (verb_, "closes") == 0)
        listening = 0;
    else if (strcmp (verb_, "gives") == 0)
        take_end (attempt_at (what_), FATE_CANCELLED, rest_ + 4, time_);
    else if (strcmp (verb_, "uses") == 0)
        take_end (attempt_at (what_), FATE_WON, rest_, time_);
    else if (strcmp (verb_, "fails,") == 0)
        take_failure (what_, rest_);
}

/*  Reads the text of a line; true if it is the last one to wait for.  */
static bool take_text (const char *text_, long time_)
{
    char verb[80] = "", what[80] = "";
    attempt_t *one;
    int at = 0;

    sscanf (text_, "%79s %79s %n", verb, what, &at);
    if (what[0] != '\0' && what[strlen (what) - 1] == ':')
        what[strlen (what) - 1] = '\0';
    one = attempt_at (verb);
    if (one == NULL)
        take_verb (verb, what, text_ + at, time_);
    else if (strcmp (what, "connects") == 0)
        one->connected = true;
    else if (what[0] == 'E' || strcmp (what, "errno") == 0)
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

    /*  The endpoint may hold anything, even what looks like the text's beginning, and
        its control characters are escaped.  So in the plain case it is skipped by its
        length.  */
    if (text != NULL && strncmp (text + 3, question.address, len) == 0)
        text += 3 + len;
    text = text == NULL ? NULL : strstr (text, ": ");
    if (text == NULL || sscanf (line_, "%ld.%ld ", &seconds, &us) != 2)
        return false;
    one = cli_grow (&said, &said_count, sizeof *one);
    one->time = seconds * 1000000 + us - begin;
    one->text = cli_text ("%s", text + 2);
    return take_text (one->text, one->time);
}

/*  Reads the lines that are there; true if one of them was the last one to wait for.
    The library writes only whole lines.  */
static bool read_lines (FILE *pipe_)
{
    static char *line;
    static size_t size;
    bool last = false;
    ssize_t len;

    while ((len = getline (&line, &size, pipe_)) > 0) {
        line[len - 1] = '\0';
        last = take_line (line) || last;
    }
    clearerr (pipe_);
    return last;
}

/*  Waits until a connect has ended.  A call that is refused has written its lines
    before it returns.  */
static void wait_for_end (FILE *pipe_)
{
    const bool waits = !question.binds && !refused;
    bool last = false;

    while (!last) {
        const long left = question.limit - (explain_now () - begin) / 1000;
        struct pollfd ready = {fileno (pipe_), POLLIN, 0};
        if (poll (&ready, 1, waits && left > 0 ? (int) left : 0) != 1)
            break;
        last = read_lines (pipe_);
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

/*  zmq_bind or zmq_connect, until its end.  */
static int use (void *socket_, FILE *pipe_)
{
    size_t size = sizeof last_endpoint;
    int error;

    set_options (socket_);
    begin = explain_now ();
    error =
      (question.binds ? zmq.bind : zmq.connect) (socket_, question.endpoint)
          == 0
        ? 0
        : zmq.error ();
    refused = error != 0;
    wait_for_end (pipe_);
    zmq.getsockopt (socket_, OPTION_LAST_ENDPOINT, last_endpoint, &size);
    zmq.close (socket_);
    return error;
}

static void call (FILE *pipe_)
{
    void *const context = zmq.ctx_new ();
    void *const one =
      context == NULL ? NULL : zmq.socket (context, SOCKET_DEALER);
    const int error = one == NULL ? zmq.error () : use (one, pipe_);

    if (error != 0 && trouble.error == 0)
        trouble_set (error, "zmq_%s does not take it", question.command);
    trouble.error = error != 0 ? error : trouble.error;
    if (context != NULL)
        zmq.ctx_term (context);
}

bool try_it (void)
{
    int fds[2];
    const bool piped = pipe2 (fds, O_CLOEXEC | O_NONBLOCK) == 0;
    FILE *const file = piped ? fdopen (fds[0], "r") : NULL;

    if (file == NULL)
        trouble_set (errno, "no pipe for the trace");
    else if (load () == 0 && trace_to (fds[1]) == 0)
        call (file);
    if (file != NULL)
        fclose (file);
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
    printf ("%c\n", attempt_->fate);
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
    const attempt_t *one;

    json ("attempts[");
    for (one = attempts; one < attempts + attempt_count; one++)
        json (
          "{ address=s why=s start_ms=m fate=s end_ms=m error=s end_why=s }",
          one->addr, one->why, one->start,
          one->fate == FATE_RUNS     ? "runs"
          : one->fate == FATE_WON    ? "won"
          : one->fate == FATE_FAILED ? "failed"
                                     : "cancelled",
          one->end, one->fate == FATE_FAILED ? one->end_why : NULL,
          one->end_why);
    json ("] winner=s", winner == NULL ? NULL : winner->addr);
}

static void show_json (void)
{
    size_t i;

    (question.binds ? show_listeners : show_attempts) ();
    json ("trace[");
    for (i = 0; i < said_count; i++)
        json ("{ ms=m text=s }", said[i].time, said[i].text);
    json ("]");
}

static void show_text (void)
{
    char first[40], time[32];
    size_t i;

    for (i = 0; i < attempt_count; i++) {
        print_fate (&attempts[i]);
        draw_bar (&attempts[i]);
    }
    puts ("\nWhat the library said:");
    for (i = 0; i < said_count; i++) {
        snprintf (first, sizeof first, "  %8s  ",
                  explain_time (said[i].time, time));
        cli_say (first, "%s", said[i].text);
    }
    if (winner != NULL)
        cli_say ("won: ", "%s after %s", winner->addr,
                 explain_time (winner->end, time));
    else if (question.binds && !refused) {
        cli_say ("ZMQ_LAST_ENDPOINT: ", "%s", last_endpoint);
        puts ("All closed again.");
    }
}

void try_show (void)
{
    (question.json ? show_json : show_text) ();
}
