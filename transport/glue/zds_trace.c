/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "zds_trace.h"
#include "zds_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifdef _WIN32
#include <io.h>
#include <process.h>
#define getpid _getpid
#define open _open
#define write _write
#define close _close
#else
#include <poll.h>
#include <time.h>
#include <unistd.h>
#endif

/*  So as not to wait for a FIFO's reader, neither now nor later; and without
    translation of newlines.  */
#ifdef _WIN32
#define OPEN_FLAGS (_O_WRONLY | _O_APPEND | _O_CREAT | _O_BINARY)
#define OPEN_MODE (_S_IREAD | _S_IWRITE)
#else
#define OPEN_FLAGS                                                             \
    (O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define OPEN_MODE 0666
#endif

enum
{
    STDERR = 2,
    PERIOD = 60, /* s: as often as that a line is told again */
    TIMES = 2,   /* in a period */
    LINES = 1024,
    SUBJECTS = 64
};

struct zds_trace
{
    int fd;
    struct stat file; /* that it was opened for */
    /*  Guards what is below.  Nobody waits for it: a child of fork could find it
        taken for ever.  */
    char busy;
    struct
    {
        uint64_t line;  /* a hash */
        uint64_t since; /* s */
        unsigned times;
    } seen[LINES];
    unsigned left_out[SUBJECTS];
};

/*  --- the line ---------------------------------------------------------------  */

size_t zds_trace_format (char *line_,
                         uint64_t time_,
                         unsigned long process_,
                         const zds_subject_t *subject_,
                         const char *text_)
{
    const size_t room = ZDS_TRACE_LINE_SIZE - 1;
    char raw[ZDS_TRACE_LINE_SIZE], number[24] = "", code[8];
    size_t i, used = 0;

    if (subject_->socket != 0)
        snprintf (number, sizeof number, "socket %u ", subject_->socket);
    snprintf (raw, sizeof raw, "%lu.%06u %lu %s%s %s://%s: %s",
              (unsigned long) (time_ / 1000000), (unsigned) (time_ % 1000000),
              process_, number, subject_->action, subject_->scheme,
              subject_->address, text_);
    /*  The endpoint is the application's text, and may have anything in it.  */
    for (i = 0; raw[i] != '\0' && used < room; i++) {
        const unsigned char c = (unsigned char) raw[i];
        size_t len = (size_t) snprintf (
          code, sizeof code, c < ' ' || c == 0x7f ? "\\x%02x" : "%c", c);
        if (len > room - used)
            len = room - used;
        memcpy (line_ + used, code, len);
        used += len;
    }
    if (used == room)
        memcpy (line_ + used - 3, "...", 3);
    line_[used++] = '\n';
    return used;
}

/*  --- what is told again and again --------------------------------------------  */

/*  Hashes a text without its times and the ports that a system chose, that is,
    without numbers of ms and numbers of five or more digits.  */
static uint64_t hash_text (uint64_t hash_, const char *text_)
{
    for (; *text_ != '\0'; text_++) {
        const size_t digits = strspn (text_, "0123456789");
        if (digits >= 5
            || (digits > 0 && strncmp (text_ + digits, " ms", 3) == 0))
            text_ += digits - 1;
        else
            hash_ = (hash_ ^ (unsigned char) *text_) * 1099511628211u;
    }
    return (hash_ ^ '\n') * 1099511628211u;
}

/*  Whether the line is to be written, and how many of its subject's were not since
    the last one that was.  If in doubt, it is.  */
static bool is_told (zds_trace_t *trace_,
                     const zds_subject_t *subject_,
                     const char *text_,
                     uint64_t now_,
                     unsigned *left_out_)
{
    const uint64_t subject = hash_text (
      hash_text (subject_->socket, subject_->action), subject_->address);
    const uint64_t line = hash_text (subject, text_);
    unsigned *const left_out = &trace_->left_out[subject % SUBJECTS];
    bool told = true;

#if defined __GNUC__ || defined __clang__
    if (__atomic_exchange_n (&trace_->busy, 1, __ATOMIC_ACQUIRE) == 0) {
        if (trace_->seen[line % LINES].line != line
            || now_ - trace_->seen[line % LINES].since >= PERIOD) {
            trace_->seen[line % LINES].line = line;
            trace_->seen[line % LINES].since = now_;
            trace_->seen[line % LINES].times = 0;
        }
        told = ++trace_->seen[line % LINES].times <= TIMES;
        *left_out_ = told ? *left_out : 0;
        *left_out = told ? 0 : *left_out + 1;
        __atomic_store_n (&trace_->busy, 0, __ATOMIC_RELEASE);
    }
#endif
    return told;
}

/*  --- where it goes ----------------------------------------------------------  */

/*  Microseconds since 1970.  */
static uint64_t time_now (void)
{
#ifdef _WIN32
    FILETIME time; /* since 1601, in units of 100 ns */

    GetSystemTimeAsFileTime (&time);
    return (((uint64_t) time.dwHighDateTime << 32) + time.dwLowDateTime) / 10
           - 11644473600000000u;
#else
    struct timespec now;

    clock_gettime (CLOCK_REALTIME, &now);
    return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
#endif
}

/*  Whether the descriptor is still the file.  Daemons close every descriptor they
    find, and the number may then belong to a connection of libzmq's. stderr may also
    be redirected at any time.  */
static bool is_same_file (const zds_trace_t *trace_)
{
    struct stat now;

    if (fstat (trace_->fd, &now) != 0)
        return false;
#ifdef S_IFSOCK
    if (trace_->fd == STDERR && (now.st_mode & S_IFMT) != S_IFSOCK)
        return true;
#endif
    return now.st_dev == trace_->file.st_dev
           && now.st_ino == trace_->file.st_ino;
}

/*  Whether a line can be written without waiting; stderr's flags are the
    application's and stay as they are.  A pipe that polls as writable has room for a
    line.  Writing to one whose reader is gone could end the application (SIGPIPE);
    for that, Linux gives POLLERR for a pipe and POLLHUP for a socket.  */
static bool is_ready (const zds_trace_t *trace_)
{
#ifdef _WIN32
    return trace_->fd >= 0;
#else
    struct pollfd ready = {trace_->fd, POLLOUT, 0};

    return poll (&ready, 1, 0) == 1 && ready.revents == POLLOUT;
#endif
}

int zds_trace_open (zds_trace_t **trace_, const char *path_)
{
    zds_trace_t *const trace = (zds_trace_t *) calloc (1, sizeof *trace);
    int rc = 0;

    if (trace == NULL)
        return ENOMEM;
    trace->fd = path_ == NULL ? STDERR : open (path_, OPEN_FLAGS, OPEN_MODE);
    if (trace->fd < 0) {
        rc = errno;
        free (trace);
        return rc;
    }
    rc =
      fstat (trace->fd, &trace->file); /* a closed stderr is never the same */
    (void) rc;
    *trace_ = trace;
    return 0;
}

void zds_trace_close (zds_trace_t *trace_)
{
    if (trace_ == NULL)
        return;
    if (trace_->fd != STDERR && is_same_file (trace_))
        close (trace_->fd);
    free (trace_);
}

void zds_trace_say (const zds_subject_t *subject_, const char *format_, ...)
{
    zds_trace_t *const trace = subject_->trace;
    char text[ZDS_TRACE_LINE_SIZE], line[ZDS_TRACE_LINE_SIZE];
    const int error = errno;
    const uint64_t now = time_now ();
    unsigned left_out = 0;
    size_t used;
    long written;
    va_list args;

    if (trace == NULL)
        return;
    va_start (args, format_);
    vsnprintf (text, sizeof text, format_, args);
    va_end (args);
    if (is_told (trace, subject_, text, now / 1000000, &left_out)
        && is_same_file (trace)) {
        used = strlen (text);
        if (left_out > 0)
            snprintf (text + used, sizeof text - used,
                      " (%u lines like earlier ones were left out)", left_out);
        used = zds_trace_format (line, now, (unsigned long) getpid (), subject_,
                                 text);
        /*  A reader that is too slow loses lines.  */
        written =
          is_ready (trace) ? write (trace->fd, line, (unsigned) used) : 0;
        (void) written;
    }
    errno = error;
}

/*  --- what is told -----------------------------------------------------------  */

const char *zds_mode_name (zds_mode_t mode_)
{
    return mode_ == ZDS_MODE_AUTO ? "auto" : mode_ == ZDS_MODE_V6 ? "v6" : "v4";
}

const char *zds_errno_name (int error_)
{
    static const struct
    {
        int error;
        const char *name;
    } names[] = {
#define NAME(error) {error, #error}
      NAME (EACCES),          NAME (EADDRINUSE),   NAME (EADDRNOTAVAIL),
      NAME (EAFNOSUPPORT),    NAME (EAGAIN),       NAME (EBADF),
      NAME (ECONNABORTED),    NAME (ECONNREFUSED), NAME (ECONNRESET),
      NAME (EHOSTUNREACH),    NAME (EINVAL),       NAME (EMFILE),
      NAME (ENETDOWN),        NAME (ENETRESET),    NAME (ENETUNREACH),
      NAME (ENFILE),          NAME (ENOBUFS),      NAME (ENODEV),
      NAME (ENOENT),          NAME (ENOMEM),       NAME (ENOPROTOOPT),
      NAME (ENOTSUP),         NAME (ENXIO),        NAME (EPERM),
      NAME (EPROTONOSUPPORT), NAME (ETIMEDOUT),
#ifdef EHOSTDOWN
      NAME (EHOSTDOWN),
#endif
#undef NAME
    };
    size_t i;

    for (i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].error == error_)
            return names[i].name;
    return NULL;
}

/*  An address or an errno in words, as long as the line is being written.  */
typedef struct
{
    char text[ZDS_ADDR_TEXT_SIZE];
} words_t;

static words_t words_of (const zds_addr_t *addr_)
{
    words_t words;

    words.text[0] = '\0';
    zds_host_format (addr_, words.text, sizeof words.text);
    return words;
}

static words_t words_of_error (int error_)
{
    const char *const name = zds_errno_name (error_);
    words_t words;

    snprintf (words.text, sizeof words.text, "errno %d", error_);
    if (name != NULL)
        strcpy (words.text, name);
    return words;
}

void zds_trace_address (const zds_subject_t *subject_,
                        const char *before_,
                        const zds_addr_t *addr_,
                        const char *after_)
{
    if (subject_->trace != NULL)
        zds_trace_say (subject_, "%s%s%s", before_, words_of (addr_).text,
                       after_);
}

void zds_trace_failure (const zds_subject_t *subject_,
                        int error_,
                        const char *why_)
{
    zds_trace_say (subject_, "fails, %s: %s", words_of_error (error_).text,
                   why_);
}

void zds_trace_listener (const zds_subject_t *subject_,
                         const zds_listener_t *listener_,
                         zds_bind_stage_t stage_,
                         int error_,
                         uint16_t port_)
{
    static const char *const stages[] = {"socket", "IPV6_V6ONLY",
                                         "a socket option", "bind or listen"};
    zds_addr_t addr = listener_->addr;

    if (subject_->trace == NULL)
        return;
    if (error_ == 0)
        zds_addr_set_port (&addr, port_);
    if (error_ != 0)
        zds_trace_say (subject_, "cannot listen on %s: %s at %s",
                       words_of (&addr).text, words_of_error (error_).text,
                       stages[stage_]);
    else
        zds_trace_say (subject_, "listens on %s%s%s", words_of (&addr).text,
                       listener_->v6only == ZDS_V6ONLY_OFF ? ", IPv4 too" : "",
                       listener_->freebind ? ", which is still tentative" : "");
}

static const char *const look_names[ZDS_LOOKS] = {"A and AAAA", "AAAA", "A"};

void zds_trace_answer (const zds_subject_t *subject_,
                       zds_look_t look_,
                       const zds_answer_t *answer_)
{
    char list[ZDS_TRACE_LINE_SIZE];
    const char *what = list;
    size_t i, used = 0;

    if (subject_->trace == NULL)
        return;
    list[0] = '\0';
    if (answer_ == NULL)
        what = "no look-up: no memory, descriptor or thread";
    else if (answer_->count == 0)
        what = answer_->status == ZDS_LOOKUP_TEMPORARY
                 ? "no answer now, a temporary failure"
                 : "no address";
    else
        for (i = 0; i < answer_->count && used < sizeof list; i++)
            used += (size_t) snprintf (list + used, sizeof list - used, "%s%s",
                                       i > 0 ? ", " : "",
                                       words_of (&answer_->addr[i]).text);
    zds_trace_say (subject_, "%s: %s", look_names[look_], what);
}

void zds_trace_attempt (const zds_subject_t *subject_,
                        const zds_race_t *race_,
                        unsigned attempt_,
                        int error_,
                        uint64_t now_)
{
    const zds_race_slot_t *const slot = &race_->slot[attempt_];

    if (subject_->trace != NULL && slot->candidate >= 0)
        zds_trace_say (subject_, "%s %s after %u ms",
                       words_of (&race_->candidate[slot->candidate].addr).text,
                       error_ == 0 ? "connects" : words_of_error (error_).text,
                       (unsigned) (now_ - slot->started));
}

void zds_trace_step (const zds_subject_t *subject_,
                     const zds_race_t *race_,
                     const zds_race_step_t *step_)
{
    const int candidate = race_->slot[step_->attempt].candidate;
    words_t address;
    unsigned i;

    if (subject_->trace == NULL)
        return;
    address = words_of (&step_->addr);
    if (step_->op == ZDS_RACE_ASK) {
        for (i = 0; i < ZDS_LOOKS; i++)
            if ((step_->looks & ZDS_LOOK_BIT (i)) != 0)
                zds_trace_say (subject_, "looks up %s: %s", look_names[i],
                               step_->why);
    } else if (step_->op == ZDS_RACE_START)
        zds_trace_say (subject_, "tries %s: %s; %s", address.text,
                       zds_race_why (race_, (size_t) candidate), step_->why);
    else if (step_->op == ZDS_RACE_CANCEL)
        zds_trace_say (subject_, "gives %s up: %s", address.text, step_->why);
    else if (step_->op == ZDS_RACE_RETRY)
        zds_trace_say (subject_,
                       "tries what failed again after the reconnect interval: "
                       "%s",
                       step_->why);
    else if (step_->op == ZDS_RACE_WON)
        zds_trace_say (subject_, "uses %s: %s", address.text, step_->why);
    else if (step_->op == ZDS_RACE_FAILED)
        zds_trace_failure (subject_, step_->error, step_->why);
}
