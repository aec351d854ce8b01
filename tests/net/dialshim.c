/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Preloaded by tests: connections to chosen addresses fail with a chosen errno, as they
 * do on networks and kernels that this machine does not have.
 *
 * dial_shim_set ("connect6=ENETDOWN") or "late4=EPROTO" or "" sets the one rule:
 *   connectN   connect () over IPvN fails at once, for stream sockets
 *   lateN      it is under way, and in the end SO_ERROR has the errno
 *   option     setsockopt () of the type of service, the traffic class and the priority fails
 *   send       send () on stream sockets fails
 *   tune       setsockopt () of TCP's own options fails, and SO_ERROR says why
 *   lowat      setsockopt () of SO_RCVLOWAT fails
 *   dribble    send () on stream sockets takes one byte, and fails every other time
 *   peekN      recv () with MSG_PEEK fails over IPvN
 *
 * Whatever the rule, dial_shim_calls () lists every connect () of a stream socket over IP so far.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum
{
    MAX_FD = 4096,
    MAX_CALLS = 1 << 16 /* bytes of text */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int error, option_error, send_error, tune_error, lowat_error,
  dribble_error, peek_error, family, late, hits;
static unsigned char marked[MAX_FD];
static char calls[MAX_CALLS];
static size_t calls_size;

static int errno_by_name (const char *name)
{
    for (int number = 1; number < 200; number++) {
        const char *known = strerrorname_np (number);
        if (known && !strcmp (known, name))
            return number;
    }
    abort ();
}

void dial_shim_set (const char *rule)
{
    pthread_mutex_lock (&lock);
    error = option_error = send_error = tune_error = hits = 0;
    lowat_error = dribble_error = peek_error = 0;
    const char *equals = strchr (rule, '=');
    if (equals && !strncmp (rule, "option", 6))
        option_error = errno_by_name (equals + 1);
    else if (equals && !strncmp (rule, "send", 4))
        send_error = errno_by_name (equals + 1);
    else if (equals && !strncmp (rule, "tune", 4))
        tune_error = errno_by_name (equals + 1);
    else if (equals && !strncmp (rule, "lowat", 5))
        lowat_error = errno_by_name (equals + 1);
    else if (equals && !strncmp (rule, "dribble", 7))
        dribble_error = errno_by_name (equals + 1);
    else if (equals && !strncmp (rule, "peek", 4)) {
        peek_error = errno_by_name (equals + 1);
        family = equals[-1] == '6' ? AF_INET6 : AF_INET;
    } else if (equals) {
        error = errno_by_name (equals + 1);
        family = equals[-1] == '6' ? AF_INET6 : AF_INET;
        late = !strncmp (rule, "late", 4);
    }
    pthread_mutex_unlock (&lock);
}

int dial_shim_hits (void)
{
    pthread_mutex_lock (&lock);
    int number = hits;
    pthread_mutex_unlock (&lock);
    return number;
}

/* One line for each call: address, port, and the time on CLOCK_MONOTONIC in seconds. */
const char *dial_shim_calls (void)
{
    static char copy[MAX_CALLS];
    pthread_mutex_lock (&lock);
    memcpy (copy, calls, calls_size + 1);
    pthread_mutex_unlock (&lock);
    return copy;
}

static void write_down (const struct sockaddr *address)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *) address;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *) address;
    const int is_six = address->sa_family == AF_INET6;
    char text[INET6_ADDRSTRLEN];
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    if (!inet_ntop (address->sa_family,
                    is_six ? (const void *) &six->sin6_addr
                           : (const void *) &four->sin_addr,
                    text, sizeof text))
        abort ();
    const int size = snprintf (calls + calls_size, MAX_CALLS - calls_size,
                               "%s %d %lld.%06ld\n", text,
                               ntohs (is_six ? six->sin6_port : four->sin_port),
                               (long long) now.tv_sec, now.tv_nsec / 1000);
    if (size > 0 && (size_t) size < MAX_CALLS - calls_size)
        calls_size += (size_t) size;
    else
        calls[calls_size] = '\0';
}

static int is_stream (int fd)
{
    int type = 0;
    socklen_t size = sizeof type;
    return getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0
           && type == SOCK_STREAM;
}

int connect (int fd, const struct sockaddr *address, socklen_t length)
{
    int (*real) (int, const struct sockaddr *, socklen_t) =
      (int (*) (int, const struct sockaddr *, socklen_t)) dlsym (RTLD_NEXT,
                                                                 "connect");
    if ((address->sa_family != AF_INET && address->sa_family != AF_INET6)
        || !is_stream (fd) || fd >= MAX_FD)
        return real (fd, address, length);

    pthread_mutex_lock (&lock);
    write_down (address);
    int now = error && address->sa_family == family ? error : 0;
    int is_late = late;
    hits += now != 0;
    marked[fd] = (unsigned char) (is_late ? now : 0);
    pthread_mutex_unlock (&lock);
    if (now && !is_late) {
        errno = now;
        return -1;
    }
    return real (fd, address, length);
}

int getsockopt (
  int fd, int level, int name, void *restrict value, socklen_t *restrict size)
{
    int (*real) (int, int, int, void *, socklen_t *) =
      (int (*) (int, int, int, void *, socklen_t *)) dlsym (RTLD_NEXT,
                                                            "getsockopt");
    int rc = real (fd, level, name, value, size);
    if (rc == 0 && level == SOL_SOCKET && name == SO_ERROR && fd < MAX_FD) {
        pthread_mutex_lock (&lock);
        if (marked[fd])
            *(int *) value = marked[fd];
        marked[fd] = 0;
        pthread_mutex_unlock (&lock);
    }
    return rc;
}

static int counted (const int *chosen)
{
    pthread_mutex_lock (&lock);
    int now = *chosen;
    hits += now != 0;
    pthread_mutex_unlock (&lock);
    return now;
}

int setsockopt (int fd, int level, int name, const void *value, socklen_t size)
{
    int (*real) (int, int, int, const void *, socklen_t) =
      (int (*) (int, int, int, const void *, socklen_t)) dlsym (RTLD_NEXT,
                                                                "setsockopt");
    int is_chosen = (level == IPPROTO_IP && name == IP_TOS)
                    || (level == IPPROTO_IPV6 && name == IPV6_TCLASS)
                    || (level == SOL_SOCKET && name == SO_PRIORITY);
    int now = is_chosen ? counted (&option_error) : 0;
    if (!now && level == SOL_SOCKET && name == SO_RCVLOWAT)
        now = counted (&lowat_error);
    if (now) {
        errno = now;
        return -1;
    }
    now = level == IPPROTO_TCP && fd < MAX_FD ? counted (&tune_error) : 0;
    if (now) {
        pthread_mutex_lock (&lock);
        marked[fd] = (unsigned char) now;
        pthread_mutex_unlock (&lock);
        errno = EINVAL;
        return -1;
    }
    return real (fd, level, name, value, size);
}

ssize_t send (int fd, const void *data, size_t size, int flags)
{
    ssize_t (*real) (int, const void *, size_t, int) =
      (ssize_t (*) (int, const void *, size_t, int)) dlsym (RTLD_NEXT, "send");
    static int turn;
    int now = is_stream (fd) ? counted (&send_error) : 0;
    if (!now && is_stream (fd) && counted (&dribble_error)) {
        now =
          __atomic_fetch_xor (&turn, 1, __ATOMIC_RELAXED) ? dribble_error : 0;
        size = size > 1 ? 1 : size;
    }
    if (now) {
        errno = now;
        return -1;
    }
    return real (fd, data, size, flags);
}

ssize_t recv (int fd, void *data, size_t size, int flags)
{
    ssize_t (*real) (int, void *, size_t, int) =
      (ssize_t (*) (int, void *, size_t, int)) dlsym (RTLD_NEXT, "recv");
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof peer;
    int now = 0;
    if (flags & MSG_PEEK
        && getpeername (fd, (struct sockaddr *) &peer, &length) == 0
        && peer.ss_family == family)
        now = counted (&peek_error);
    if (now) {
        errno = now;
        return -1;
    }
    return real (fd, data, size, flags);
}
