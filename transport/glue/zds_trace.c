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
#define getpid _getpid
#else
#include <poll.h>
#include <time.h>
#include <unistd.h>
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
#ifndef _WIN32
    dev_t device;
    ino_t inode;
#endif
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

/*  An endpoint is the application's text, and may hold anything.  */
static size_t escape (char *to_, size_t room_, const char *text_)
{
    static const char digits[] = "0123456789abcdef";
    size_t used = 0;

    for (; *text_ != '\0' && used < room_; text_++) {
        const unsigned char c = (unsigned char) *text_;
        const bool is_plain = c >= ' ' && c != 0x7f;
        const char code[4] = {'\\', 'x', digits[c >> 4], digits[c & 15]};
        size_t len = is_plain ? 1 : 4;
        if (len > room_ - used)
            len = room_ - used;
        memcpy (to_ + used, is_plain ? text_ : code, len);
        used += len;
    }
    return used;
}

size_t zds_trace_format (char *line_,
                         uint64_t time_,
                         unsigned long process_,
                         const zds_subject_t *subject_,
                         const char *text_)
{
    const char *const parts[] = {subject_->action,
                                 " ",
                                 subject_->scheme,
                                 "://",
                                 subject_->address,
                                 ": ",
                                 text_};
    const size_t room = ZDS_TRACE_LINE_SIZE - 1;
    size_t i, used;

    used = (size_t) snprintf (line_, room, "%lu.%06u %lu ",
                              (unsigned long) (time_ / 1000000),
                              (unsigned) (time_ % 1000000), process_);
    if (subject_->socket != 0)
        used += (size_t) snprintf (line_ + used, room - used, "socket %u ",
                                   subject_->socket);
    for (i = 0; i < sizeof parts / sizeof parts[0]; i++)
        used += escape (line_ + used, room - used, parts[i]);
    if (used == room)
        memcpy (line_ + used - 3, "...", 3);
    line_[used++] = '\n';
    return used;
}

/*  --- what is told again and again --------------------------------------------  */

static uint64_t hash_byte (uint64_t hash_, unsigned char byte_)
{
    return (hash_ ^ byte_) * 1099511628211u;
}

/*  Of a text but for its times and the ports that a system chose: how many ms, and
    numbers of five digits and more.  */
static uint64_t hash_text (uint64_t hash_, const char *text_)
{
    while (*text_ != '\0') {
        const size_t digits = strspn (text_, "0123456789");
        size_t i;
        if (digits == 0) {
            hash_ = hash_byte (hash_, (unsigned char) *text_++);
            continue;
        }
        if (digits < 5 && strncmp (text_ + digits, " ms", 3) != 0)
            for (i = 0; i < digits; i++)
                hash_ = hash_byte (hash_, (unsigned char) text_[i]);
        text_ += digits;
    }
    return hash_byte (hash_, '\n');
}

#if defined __GNUC__ || defined __clang__

/*  Whether the line is told, and how many of its subject were not since the last
    one that was.  In doubt it is.  */
static bool is_told (zds_trace_t *trace_,
                     const zds_subject_t *subject_,
                     const char *text_,
                     uint64_t now_,
                     unsigned *left_out_)
{
    const uint64_t subject =
      hash_text (hash_byte (hash_text (14695981039346656037u, subject_->action),
                            (unsigned char) (subject_->socket * 31u)),
                 subject_->address);
    const uint64_t line = hash_text (subject + subject_->socket, text_);
    unsigned *const left_out = &trace_->left_out[subject % SUBJECTS];
    bool told = true;

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
    return told;
}

#else

static bool is_told (zds_trace_t *trace_,
                     const zds_subject_t *subject_,
                     const char *text_,
                     uint64_t now_,
                     unsigned *left_out_)
{
    (void) trace_;
    (void) subject_;
    (void) text_;
    (void) now_;
    (void) left_out_;
    return true;
}

#endif

/*  --- where it goes ----------------------------------------------------------  */

#ifdef _WIN32

/*  Since 1970; a file time is of 1601, in units of 100 ns.  */
static uint64_t time_now (void)
{
    FILETIME time;

    GetSystemTimeAsFileTime (&time);
    return (((uint64_t) time.dwHighDateTime << 32) + time.dwLowDateTime) / 10
           - 11644473600000000u;
}

static int open_file (const char *path_)
{
    return _open (path_, _O_WRONLY | _O_APPEND | _O_CREAT | _O_BINARY,
                  _S_IREAD | _S_IWRITE);
}

static void know_file (zds_trace_t *trace_)
{
    (void) trace_;
}

static bool is_same_file (const zds_trace_t *trace_)
{
    (void) trace_;
    return true;
}

static void
write_line (const zds_trace_t *trace_, const char *line_, size_t size_)
{
    _write (trace_->fd, line_, (unsigned) size_);
}

#else

static uint64_t time_now (void)
{
    struct timespec now;

    clock_gettime (CLOCK_REALTIME, &now);
    return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

/*  Not to wait for who reads a FIFO, neither now nor later.  */
static int open_file (const char *path_)
{
    return open (
      path_, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
      0666);
}

static void know_file (zds_trace_t *trace_)
{
    struct stat about;

    if (fstat (trace_->fd, &about) == 0) {
        trace_->device = about.st_dev;
        trace_->inode = about.st_ino;
    }
}

/*  Daemons close every descriptor they find, and the number may then be a connection
    of libzmq's own.  stderr may also be put elsewhere at any time.  */
static bool is_same_file (const zds_trace_t *trace_)
{
    struct stat about;

    if (fstat (trace_->fd, &about) != 0)
        return false;
    return (about.st_dev == trace_->device && about.st_ino == trace_->inode)
           || (trace_->fd == STDERR
               && (S_ISREG (about.st_mode) || S_ISCHR (about.st_mode)
                   || S_ISFIFO (about.st_mode)));
}

/*  Without waiting: stderr's flags are the application's.  A pipe that polls as
    writable has room for a line.  To write to one whose reader is gone could end the
    application (SIGPIPE): Linux says POLLERR of a pipe, POLLHUP of a socket.  */
static void
write_line (const zds_trace_t *trace_, const char *line_, size_t size_)
{
    struct pollfd ready = {trace_->fd, POLLOUT, 0};
    ssize_t written = 0;

    if (poll (&ready, 1, 0) == 1 && ready.revents == POLLOUT)
        written = write (trace_->fd, line_, size_);
    (void) written; /* who does not read fast enough loses lines */
}

#endif

int zds_trace_open (zds_trace_t **trace_, const char *path_)
{
    zds_trace_t *const trace = (zds_trace_t *) calloc (1, sizeof *trace);
    int rc;

    if (trace == NULL)
        return ENOMEM;
    trace->fd = path_ == NULL ? STDERR : open_file (path_);
    if (trace->fd < 0) {
        rc = errno;
        free (trace);
        return rc;
    }
    know_file (trace);
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
        write_line (trace, line, used);
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

static const char *const look_names[ZDS_LOOKS] = {"A and AAAA", "AAAA", "A"};

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
                       zds_look_t look_,
                       const zds_answer_t *answer_)
{
    const char *const kind = look_names[look_];
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
    unsigned i;

    if (subject_->trace == NULL)
        return;
    switch (step_->op) {
        case ZDS_RACE_ASK:
            for (i = 0; i < ZDS_LOOKS; i++)
                if ((step_->looks & ZDS_LOOK_BIT (i)) != 0)
                    zds_trace_say (subject_, "looks up %s: %s", look_names[i],
                                   step_->why);
            break;
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
