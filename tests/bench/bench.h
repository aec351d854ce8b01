/* SPDX-License-Identifier: MPL-2.0 */

/*  What the programs of the benchmark share.  They print lines "NAME VALUE" and use
    libzmq as any program does; LD_LIBRARY_PATH says which libzmq.  */

#ifndef BENCH_H_INCLUDED
#define BENCH_H_INCLUDED

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

static inline void die (const char *what_)
{
    fprintf (stderr, "%s: %s\n", what_, zmq_strerror (zmq_errno ()));
    exit (1);
}

/*  ms on the clock that all processes share.  */
static inline double now_ms (void)
{
    struct timespec now;

    clock_gettime (CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

static inline void sleep_ms (unsigned ms_)
{
    usleep (ms_ * 1000);
}

static inline void say (const char *name_, double value_)
{
    printf ("%s %.3f\n", name_, value_);
    fflush (stdout);
}

static inline void set_int (void *socket_, int option_, int value_)
{
    if (zmq_setsockopt (socket_, option_, &value_, sizeof value_) != 0)
        die ("zmq_setsockopt");
}

/*  A client that has said nothing about IPv6, unless 'ipv6_'.  */
static inline void *client_of_kind (void *context_, int kind_, bool ipv6_)
{
    void *const client = zmq_socket (context_, kind_);

    if (client == NULL)
        die ("zmq_socket");
    set_int (client, ZMQ_LINGER, 0);
    if (ipv6_)
        set_int (client, ZMQ_IPV6, 1);
    return client;
}

static inline void *new_client (void *context_, bool ipv6_)
{
    return client_of_kind (context_, ZMQ_DEALER, ipv6_);
}

static inline void connect_to (void *socket_, const char *endpoint_)
{
    if (zmq_connect (socket_, endpoint_) != 0)
        die (endpoint_);
}

/*  A "#" in the endpoint stands for the number.  */
static inline void
connect_to_nth (void *socket_, const char *endpoint_, unsigned number_)
{
    const size_t before = strcspn (endpoint_, "#");
    char text[256];

    if (endpoint_[before] == '\0') {
        connect_to (socket_, endpoint_);
        return;
    }
    snprintf (text, sizeof text, "%.*s%u%s", (int) before, endpoint_, number_,
              endpoint_ + before + 1);
    connect_to (socket_, text);
}

static inline void bind_to (void *socket_, const char *endpoint_)
{
    if (zmq_bind (socket_, endpoint_) != 0)
        die (endpoint_);
}

static inline void send_word (void *socket_, const char *word_)
{
    if (zmq_send (socket_, word_, strlen (word_), 0) < 0)
        die ("zmq_send");
}

/*  False when no message comes in time (ZMQ_RCVTIMEO).  */
static inline bool receive (void *socket_)
{
    char buffer[256];

    if (zmq_recv (socket_, buffer, sizeof buffer, 0) >= 0)
        return true;
    if (zmq_errno () != EAGAIN)
        die ("zmq_recv");
    return false;
}

static inline void allow_many_files (void)
{
    struct rlimit limit;

    getrlimit (RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit (RLIMIT_NOFILE, &limit);
}

#endif
