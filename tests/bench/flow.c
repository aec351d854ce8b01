/* SPDX-License-Identifier: MPL-2.0 */

/*  flow WHAT BIND CONNECT SIZE COUNT: two sockets that are connected, each in a
    context of its own on a processor of its own.  WHAT is

    oneway   PUSH to PULL: prints "rate N", messages per second
    turns    REQ to REP: prints "turn US", of one round trip: the median over ten
             parts of the run

    A 6 after WHAT: both sockets
    with ZMQ_IPV6=1, a "s" after that: the listener only.  BIND ends with ":*".
    The port is added to CONNECT: "tcp://127.0.0.1".  */

#define _GNU_SOURCE /* sched.h */

#include "bench.h"

#include <pthread.h>
#include <sched.h>

enum
{
    PARTS = 10,
    WARM_UP = 2 /* parts more, at the beginning */
};

static size_t message_size;
static long part_length;  /* messages */
static cpu_set_t allowed; /* processors */

/*  Runs this thread on the first or the second (0, 1) processor that it may use; if
    there is only one, on that.  */
static void pin_to (int number_)
{
    cpu_set_t set;

    CPU_ZERO (&set);
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET (i, &allowed)
            && (number_-- == 0 || CPU_COUNT (&allowed) == 1)) {
            CPU_SET (i, &set);
            break;
        }
    if (sched_setaffinity (0, sizeof set, &set) != 0)
        perror ("flow: sched_setaffinity");
}

/*  The I/O thread is started by a pinned thread, and so is pinned, too.  */
static void *new_socket (int type_, bool ipv6_)
{
    void *const one = zmq_socket (zmq_ctx_new (), type_);

    if (one == NULL)
        die ("zmq_socket");
    if (ipv6_)
        set_int (one, ZMQ_IPV6, 1);
    return one;
}

static void must (int rc_, const char *what_)
{
    if (rc_ < 0)
        die (what_);
}

static void send_one (void *socket_, const char *data_)
{
    must (zmq_send (socket_, data_, message_size, 0), "zmq_send");
}

/*  With a zmq_msg_t, because large messages are not copied then.  */
static void receive_one (void *socket_, zmq_msg_t *message_)
{
    must (zmq_msg_recv (message_, socket_, 0), "zmq_msg_recv");
    if (zmq_msg_size (message_) != message_size) {
        fprintf (stderr, "flow: a message of another size\n");
        exit (1);
    }
}

static char *new_data (void)
{
    char *const data = calloc (1, message_size);

    if (data == NULL)
        die ("calloc");
    return data;
}

static int compare (const void *one_, const void *other_)
{
    const double one = *(const double *) one_, other = *(const double *) other_;

    return (one > other) - (one < other);
}

/*  The median time of a part, in ms.  */
static double median (double *times_)
{
    qsort (times_, PARTS, sizeof *times_, compare);
    return (times_[PARTS / 2 - 1] + times_[PARTS / 2]) / 2;
}

static void *push (void *socket_)
{
    char *const data = new_data ();

    pin_to (0);
    for (long i = 0; i < (PARTS + WARM_UP) * part_length; i++)
        send_one (socket_, data);
    free (data);
    return NULL;
}

static void receive_parts (void *socket_, int parts_)
{
    zmq_msg_t message;

    zmq_msg_init (&message);
    for (long i = 0; i < parts_ * part_length; i++)
        receive_one (socket_, &message);
    zmq_msg_close (&message);
}

/*  The time is taken over the whole run, because parts of it come in bursts out of
    the queue.  */
static void pull (void *socket_)
{
    receive_parts (socket_, WARM_UP);
    const double start = now_ms ();
    receive_parts (socket_, PARTS);
    say ("rate", (double) (PARTS * part_length) / (now_ms () - start) * 1e3);
}

static void *answer (void *socket_)
{
    zmq_msg_t message;

    pin_to (1);
    zmq_msg_init (&message);
    for (long i = 0; i < (PARTS + WARM_UP) * part_length; i++) {
        receive_one (socket_, &message);
        must (zmq_msg_send (&message, socket_, 0), "zmq_msg_send");
    }
    return NULL;
}

static void request (void *socket_)
{
    double times[WARM_UP + PARTS];
    char *const data = new_data ();
    zmq_msg_t message;

    zmq_msg_init (&message);
    for (int part = 0; part < WARM_UP + PARTS; part++) {
        const double start = now_ms ();
        for (long i = 0; i < part_length; i++) {
            send_one (socket_, data);
            receive_one (socket_, &message);
        }
        times[part] = now_ms () - start;
    }
    say ("turn", median (times + WARM_UP) / (double) part_length * 1e3);
}

int main (int argc, char **argv)
{
    if (argc != 6)
        return 2;
    const bool turns = strncmp (argv[1], "turns", 5) == 0;
    const char *const ipv6 = strchr (argv[1], '6');
    const bool listener_only = ipv6 != NULL && ipv6[1] == 's';
    char bound[256], endpoint[512];
    size_t size = sizeof bound;
    pthread_t thread;

    message_size = strtoul (argv[4], NULL, 0);
    part_length = atol (argv[5]) / (PARTS + WARM_UP);
    if (part_length < 1)
        return 2;

    if (sched_getaffinity (0, sizeof allowed, &allowed) != 0)
        die ("sched_getaffinity");

    /*  Each I/O thread runs on the processor of the thread that starts it.  */
    pin_to (1);
    void *const listener =
      new_socket (turns ? ZMQ_REP : ZMQ_PULL, ipv6 != NULL);
    bind_to (listener, argv[2]);
    pin_to (0);
    void *const client =
      new_socket (turns ? ZMQ_REQ : ZMQ_PUSH, ipv6 != NULL && !listener_only);
    zmq_getsockopt (listener, ZMQ_LAST_ENDPOINT, bound, &size);
    snprintf (endpoint, sizeof endpoint, "%s%s", argv[3], strrchr (bound, ':'));
    connect_to (client, endpoint);

    if (turns) {
        pthread_create (&thread, NULL, answer, listener);
        request (client);
    } else {
        pthread_create (&thread, NULL, push, client);
        pin_to (1);
        pull (listener);
    }
    pthread_join (thread, NULL);
    _exit (0);
}
