/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "zds_trace.h"

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
#else
#include <poll.h>
#include <time.h>
#include <unistd.h>
#endif

struct zds_trace
{
    int fd;
    bool is_stderr;
    unsigned lost; /* lines, since the last one that was written */
#ifndef _WIN32
    char *path; /* absolute */
    /*  Which file it is, or which socket stderr is: daemons close every descriptor
        they find.  */
    dev_t device;
    ino_t inode;
#endif
};

/*  Counting what is lost is worth no lock.  */
#if defined __GNUC__ || defined __clang__
#define TAKE(counter) __atomic_exchange_n (&(counter), 0, __ATOMIC_RELAXED)
#define ADD(counter, n) __atomic_fetch_add (&(counter), n, __ATOMIC_RELAXED)
#else
static unsigned take (unsigned *counter_)
{
    const unsigned n = *counter_;
    *counter_ = 0;
    return n;
}
#define TAKE(counter) take (&(counter))
#define ADD(counter, n) ((counter) += (n))
#endif

/*  --- the line ---------------------------------------------------------------  */

typedef struct
{
    char *text;
    size_t used, size;
} line_t;

static void put_char (line_t *line_, char c_)
{
    if (line_->used < line_->size)
        line_->text[line_->used++] = c_;
}

/*  An endpoint is the application's text, and may hold anything.  */
static void put_text (line_t *line_, const char *text_)
{
    static const char digits[] = "0123456789abcdef";

    for (; *text_ != '\0'; text_++) {
        const unsigned char c = (unsigned char) *text_;
        if (c >= ' ' && c != 0x7f) {
            put_char (line_, *text_);
            continue;
        }
        put_char (line_, '\\');
        put_char (line_, 'x');
        put_char (line_, digits[c >> 4]);
        put_char (line_, digits[c & 15]);
    }
}

static void put_number (line_t *line_, uint64_t number_, unsigned width_)
{
    char text[24];
    unsigned n = 0;

    do {
        text[n++] = (char) ('0' + number_ % 10);
        number_ /= 10;
    } while (number_ > 0 || n < width_);
    while (n > 0)
        put_char (line_, text[--n]);
}

/*  The calendar, without gmtime: the C library locks its time zone for that, and
    a child of fork could wait for that lock for ever.  Years of 365.2425 days
    that begin with March, so that the leap day is the last.  */
static void put_date (line_t *line_, uint64_t days_)
{
    const uint64_t day = days_ + 719468; /* of 1 March of the year 0 */
    const uint64_t era = day / 146097, of_era = day % 146097;
    const uint64_t year_of_era =
      (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const uint64_t of_year =
      of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const uint64_t month = (5 * of_year + 2) / 153; /* 0 is March */
    const uint64_t year = era * 400 + year_of_era + (month >= 10 ? 1 : 0);

    put_number (line_, year, 4);
    put_char (line_, '-');
    put_number (line_, month < 10 ? month + 3 : month - 9, 2);
    put_char (line_, '-');
    put_number (line_, of_year - (153 * month + 2) / 5 + 1, 2);
}

static void put_time (line_t *line_, uint64_t time_)
{
    const uint64_t seconds = time_ / 1000000;

    put_date (line_, seconds / 86400);
    put_char (line_, 'T');
    put_number (line_, seconds / 3600 % 24, 2);
    put_char (line_, ':');
    put_number (line_, seconds / 60 % 60, 2);
    put_char (line_, ':');
    put_number (line_, seconds % 60, 2);
    put_char (line_, '.');
    put_number (line_, time_ % 1000000, 6);
    put_char (line_, 'Z');
}

size_t zds_trace_format (char *line_,
                         uint64_t time_,
                         unsigned long process_,
                         const zds_subject_t *subject_,
                         const char *text_)
{
    static const char cut[] = "...";
    line_t line = {line_, 0, ZDS_TRACE_LINE_SIZE - 1};

    put_time (&line, time_);
    put_char (&line, ' ');
    put_number (&line, process_, 1);
    if (subject_->socket != 0) {
        put_text (&line, " socket ");
        put_number (&line, subject_->socket, 1);
    }
    put_char (&line, ' ');
    put_text (&line, subject_->action);
    put_char (&line, ' ');
    put_text (&line, subject_->scheme);
    put_text (&line, "://");
    put_text (&line, subject_->address);
    put_text (&line, ": ");
    put_text (&line, text_);
    if (line.used == line.size)
        memcpy (line_ + line.used - strlen (cut), cut, strlen (cut));
    line_[line.used++] = '\n';
    return line.used;
}

/*  --- where it goes ----------------------------------------------------------  */

#ifdef _WIN32

static unsigned long process_number (void)
{
    return (unsigned long) _getpid ();
}

/*  Of 1601, in units of 100 ns.  */
static uint64_t time_now (void)
{
    FILETIME time;

    GetSystemTimeAsFileTime (&time);
    return (((uint64_t) time.dwHighDateTime << 32) + time.dwLowDateTime) / 10
           - 11644473600000000u;
}

static int open_file (zds_trace_t *trace_, const char *path_)
{
    trace_->fd = _open (path_, _O_WRONLY | _O_APPEND | _O_CREAT | _O_BINARY,
                        _S_IREAD | _S_IWRITE);
    return trace_->fd < 0 ? errno : 0;
}

static bool write_line (zds_trace_t *trace_, const char *line_, size_t size_)
{
    return _write (trace_->fd, line_, (unsigned) size_) == (int) size_;
}

static void open_stderr (zds_trace_t *trace_)
{
    (void) trace_;
}

static void close_file (zds_trace_t *trace_)
{
    if (!trace_->is_stderr)
        _close (trace_->fd);
}

enum
{
    STDERR = 2
};

#else

enum
{
    STDERR = STDERR_FILENO,
    /*  Not to wait for who reads a FIFO, neither at first nor later.  */
    OPEN_FLAGS =
      O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
};

static unsigned long process_number (void)
{
    return (unsigned long) getpid ();
}

static uint64_t time_now (void)
{
    struct timespec now;

    clock_gettime (CLOCK_REALTIME, &now);
    return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

static int open_file (zds_trace_t *trace_, const char *path_)
{
    struct stat about;
    int rc;

    trace_->fd = open (path_, OPEN_FLAGS, 0666);
    if (trace_->fd < 0)
        return errno;
    trace_->path = realpath (path_, NULL);
    if (trace_->path == NULL || fstat (trace_->fd, &about) != 0) {
        rc = errno;
        close (trace_->fd);
        free (trace_->path);
        return rc;
    }
    trace_->device = about.st_dev;
    trace_->inode = about.st_ino;
    return 0;
}

static void open_stderr (zds_trace_t *trace_)
{
    struct stat about;

    if (fstat (STDERR, &about) == 0 && S_ISSOCK (about.st_mode)) {
        trace_->device = about.st_dev;
        trace_->inode = about.st_ino;
    }
}

static bool is_same (const zds_trace_t *trace_, const struct stat *about_)
{
    return about_->st_dev == trace_->device && about_->st_ino == trace_->inode;
}

static bool is_still_open (const zds_trace_t *trace_)
{
    struct stat about;

    return fstat (trace_->fd, &about) == 0 && is_same (trace_, &about);
}

/*  Programs put stderr elsewhere at any time.  But who closed it has its number for
    something else, a connection or an eventfd of libzmq's own.  */
static bool is_stderr (const zds_trace_t *trace_)
{
    struct stat about;

    return fstat (STDERR, &about) == 0
           && (S_ISREG (about.st_mode) || S_ISCHR (about.st_mode)
               || S_ISFIFO (about.st_mode)
               || (S_ISSOCK (about.st_mode) && is_same (trace_, &about)));
}

/*  Without waiting: stderr is the application's, and its flags stay as they are.
    A pipe that polls as writable has room for a line.  One whose reader is gone
    polls as broken; to write to it could end the application (SIGPIPE).  On Linux
    a pipe says so by POLLERR, a socket pair by POLLHUP beside POLLOUT.  */
static bool write_to (int fd_, const char *line_, size_t size_)
{
    struct pollfd ready = {fd_, POLLOUT, 0};

    return poll (&ready, 1, 0) == 1 && (ready.revents & POLLOUT) != 0
           && (ready.revents & (POLLERR | POLLHUP | POLLNVAL)) == 0
           && write (fd_, line_, size_) == (ssize_t) size_;
}

static bool write_line (zds_trace_t *trace_, const char *line_, size_t size_)
{
    bool written;
    int fd;

    if (trace_->is_stderr)
        return is_stderr (trace_) && write_to (STDERR, line_, size_);
    if (is_still_open (trace_))
        return write_to (trace_->fd, line_, size_);
    /*  The application closed it, and the number may be another file's.  */
    fd = open (trace_->path, OPEN_FLAGS, 0666);
    if (fd < 0)
        return false;
    written = write_to (fd, line_, size_);
    close (fd);
    return written;
}

static void close_file (zds_trace_t *trace_)
{
    if (!trace_->is_stderr && is_still_open (trace_))
        close (trace_->fd);
    free (trace_->path);
}

#endif

int zds_trace_open (zds_trace_t **trace_, const char *path_)
{
    zds_trace_t *const trace = (zds_trace_t *) calloc (1, sizeof *trace);
    int rc = 0;

    if (trace == NULL)
        return ENOMEM;
    trace->is_stderr = path_ == NULL;
    trace->fd = STDERR;
    if (path_ != NULL)
        rc = open_file (trace, path_);
    else
        open_stderr (trace);
    if (rc != 0) {
        free (trace);
        return rc;
    }
    *trace_ = trace;
    return 0;
}

void zds_trace_close (zds_trace_t *trace_)
{
    if (trace_ == NULL)
        return;
    close_file (trace_);
    free (trace_);
}

static void write_out (const zds_subject_t *subject_, const char *text_)
{
    zds_trace_t *const trace = subject_->trace;
    char line[ZDS_TRACE_LINE_SIZE], lost_text[64];
    const int error = errno;
    const unsigned lost = TAKE (trace->lost);
    size_t size;

    if (lost > 0) {
        snprintf (lost_text, sizeof lost_text,
                  "%u lines before this one were lost", lost);
        size = zds_trace_format (line, time_now (), process_number (), subject_,
                                 lost_text);
        if (!write_line (trace, line, size))
            ADD (trace->lost, lost);
    }
    size =
      zds_trace_format (line, time_now (), process_number (), subject_, text_);
    if (!write_line (trace, line, size))
        ADD (trace->lost, 1);
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

enum
{
    ERROR_SIZE = 32
};

static const char *error_text (int error_, char *buffer_)
{
    const char *name = zds_errno_name (error_);

    if (name != NULL)
        return name;
    snprintf (buffer_, ERROR_SIZE, "errno %d", error_);
    return buffer_;
}

void zds_trace_say (const zds_subject_t *subject_, const char *format_, ...)
{
    char text[ZDS_TRACE_LINE_SIZE];
    va_list args;

    if (subject_->trace == NULL)
        return;
    va_start (args, format_);
    vsnprintf (text, sizeof text, format_, args);
    va_end (args);
    write_out (subject_, text);
}

void zds_trace_failure (const zds_subject_t *subject_,
                        int error_,
                        const char *why_)
{
    char error[ERROR_SIZE];

    zds_trace_say (subject_, "fails, %s: %s", error_text (error_, error), why_);
}

void zds_trace_plan (const zds_subject_t *subject_,
                     const zds_bind_plan_t *plan_,
                     zds_mode_t mode_)
{
    if (subject_->trace != NULL)
        zds_trace_say (subject_, "mode %s, %u %s: %s", zds_mode_name (mode_),
                       plan_->count, plan_->count == 1 ? "socket" : "sockets",
                       plan_->why);
}

static const char *stage_name (zds_bind_stage_t stage_)
{
    switch (stage_) {
        case ZDS_AT_SOCKET:
            return "socket";
        case ZDS_AT_V6ONLY:
            return "IPV6_V6ONLY";
        case ZDS_AT_OPTION:
            return "a socket option";
        default:
            return "bind or listen";
    }
}

void zds_trace_listener (const zds_subject_t *subject_,
                         const zds_listener_t *listener_,
                         zds_bind_stage_t stage_,
                         int error_,
                         uint16_t port_)
{
    char text[ZDS_ADDR_TEXT_SIZE], error[ERROR_SIZE];
    zds_addr_t addr = listener_->addr;

    if (subject_->trace == NULL)
        return;
    if (error_ == 0)
        zds_addr_set_port (&addr, port_);
    zds_addr_format (&addr, text, sizeof text);
    if (error_ != 0)
        zds_trace_say (subject_, "cannot listen on %s: %s at %s", text,
                       error_text (error_, error), stage_name (stage_));
    else
        zds_trace_say (subject_, "listens on %s%s%s", text,
                       listener_->v6only == ZDS_V6ONLY_OFF ? ", IPv4 too" : "",
                       listener_->freebind ? ", which is still tentative" : "");
}

/*  As many addresses as fit.  */
static void
list_addresses (char *list_, size_t size_, const zds_answer_t *answer_)
{
    char text[ZDS_ADDR_TEXT_SIZE];
    size_t i, used = 0;

    list_[0] = '\0';
    for (i = 0; i < answer_->count && used < size_; i++) {
        zds_addr_format (&answer_->addr[i], text, sizeof text);
        used += (size_t) snprintf (list_ + used, size_ - used, "%s%s",
                                   i > 0 ? ", " : "", text);
    }
}

void zds_trace_answer (const zds_subject_t *subject_,
                       int family_,
                       const zds_answer_t *answer_)
{
    const char *const kind = family_ == AF_INET6 ? "AAAA" : "A";
    char list[ZDS_TRACE_LINE_SIZE];

    if (subject_->trace == NULL)
        return;
    if (answer_ == NULL) {
        zds_trace_say (subject_,
                       "%s: no look-up: no memory, descriptor or thread", kind);
        return;
    }
    list_addresses (list, sizeof list, answer_);
    zds_trace_say (subject_, "%s: %s", kind,
                   answer_->count > 0 ? list
                   : answer_->status == ZDS_LOOKUP_TEMPORARY
                     ? "no answer now, a temporary failure"
                     : "no address");
}

static void format_attempt (const zds_race_t *race_,
                            unsigned attempt_,
                            char *text_,
                            size_t size_)
{
    const zds_race_slot_t *const slot = &race_->slot[attempt_];

    zds_addr_format (&race_->candidate[slot->candidate].addr, text_, size_);
}

void zds_trace_attempt (const zds_subject_t *subject_,
                        const zds_race_t *race_,
                        unsigned attempt_,
                        int error_,
                        uint64_t now_)
{
    char text[ZDS_ADDR_TEXT_SIZE], error[ERROR_SIZE];
    const zds_race_slot_t *const slot = &race_->slot[attempt_];

    if (subject_->trace == NULL || slot->candidate < 0)
        return;
    format_attempt (race_, attempt_, text, sizeof text);
    zds_trace_say (subject_, "%s %s after %u ms", text,
                   error_ == 0 ? "connects" : error_text (error_, error),
                   (unsigned) (now_ - slot->started));
}

void zds_trace_step (const zds_subject_t *subject_,
                     const zds_race_t *race_,
                     const zds_race_step_t *step_)
{
    char text[ZDS_ADDR_TEXT_SIZE];

    if (subject_->trace == NULL)
        return;
    switch (step_->op) {
        case ZDS_RACE_START:
            zds_addr_format (&step_->addr, text, sizeof text);
            zds_trace_say (subject_, "tries %s: %s; %s", text,
                           zds_race_why (race_, step_->attempt), step_->why);
            break;
        case ZDS_RACE_CANCEL:
            zds_addr_format (&step_->addr, text, sizeof text);
            zds_trace_say (subject_, "gives %s up: %s", text, step_->why);
            break;
        case ZDS_RACE_RETRY:
            zds_trace_say (
              subject_,
              "tries what failed again after the reconnect interval: "
              "%s",
              step_->why);
            break;
        case ZDS_RACE_WON:
            zds_addr_format (&step_->addr, text, sizeof text);
            zds_trace_say (subject_, "uses %s: %s", text, step_->why);
            break;
        case ZDS_RACE_FAILED:
            zds_trace_failure (subject_, step_->error, step_->why);
            break;
        case ZDS_RACE_WAIT:
            break;
    }
}
