/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Connects, talks, disconnects and closes at random, over names whose networks are good or
 * bad, from several threads: food for sanitizers and valgrind.
 *
 *     storm SEED ROUNDS ENDPOINT...
 *
 * Ends with "done", the number of replies, and status 0.  Servers echo what they get.
 */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum
{
    THREADS = 3,
    SOCKETS = 6
};

static char **endpoints;
static int endpoint_count, rounds;
static unsigned seed;
static void *shared;

struct worker
{
    pthread_t thread;
    unsigned random;
    int replies;
};

static unsigned next (struct worker *worker_, unsigned below_)
{
    worker_->random = worker_->random * 1103515245u + 12345u;
    return (worker_->random >> 16) % below_;
}

static void *open_socket (void *context_)
{
    static const int none = 0, interval = 20;
    void *sock = zmq_socket (context_, ZMQ_DEALER);

    assert (sock != NULL);
    zmq_setsockopt (sock, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt (sock, ZMQ_RECONNECT_IVL, &interval, sizeof interval);
    return sock;
}

static void one_round (struct worker *worker_, void *context_)
{
    void *socks[SOCKETS];
    const char *to[SOCKETS];
    char reply[16];
    int i;

    for (i = 0; i < SOCKETS; i++) {
        socks[i] = open_socket (context_);
        to[i] = endpoints[next (worker_, (unsigned) endpoint_count)];
        if (zmq_connect (socks[i], to[i]) != 0)
            abort ();
        zmq_send (socks[i], "hello", 5, ZMQ_DONTWAIT);
    }
    for (i = 0; i < SOCKETS; i++) {
        const int patience = (int) next (worker_, 80);
        zmq_setsockopt (socks[i], ZMQ_RCVTIMEO, &patience, sizeof patience);
        if (zmq_recv (socks[i], reply, sizeof reply, 0) == 5)
            worker_->replies++;
        if (next (worker_, 3) == 0)
            zmq_disconnect (socks[i], to[i]);
        if (next (worker_, 4) == 0)
            zmq_connect (socks[i], to[i]);
    }
    for (i = 0; i < SOCKETS; i++)
        zmq_close (socks[i]);
}

static void *run (void *arg_)
{
    struct worker *worker = arg_;
    int i;

    for (i = 0; i < rounds; i++) {
        void *own = next (worker, 2) == 0 ? zmq_ctx_new () : NULL;
        one_round (worker, own != NULL ? own : shared);
        if (own != NULL)
            zmq_ctx_term (own);
    }
    return NULL;
}

int main (int argc, char **argv)
{
    struct worker workers[THREADS];
    int i, replies = 0;

    if (argc < 4)
        return 2;
    seed = (unsigned) atoi (argv[1]);
    rounds = atoi (argv[2]);
    endpoints = argv + 3;
    endpoint_count = argc - 3;
    shared = zmq_ctx_new ();
    assert (shared != NULL);
    zmq_ctx_set (shared, ZMQ_IO_THREADS, 2);
    for (i = 0; i < THREADS; i++) {
        workers[i].random = seed + (unsigned) i;
        workers[i].replies = 0;
        if (pthread_create (&workers[i].thread, NULL, run, &workers[i]) != 0)
            return 1;
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join (workers[i].thread, NULL);
        replies += workers[i].replies;
    }
    zmq_ctx_term (shared);
    printf ("done %d\n", replies);
    return 0;
}
