/* SPDX-License-Identifier: MPL-2.0 */

/*  stall MS [ENDPOINT...]: measures the longest silence of a connection that plays
    ping-pong for MS milliseconds, while another socket of the same context, and so of
    the same I/O thread, connects to the endpoints.  The other end is in a context of
    its own.  Prints "gap MS" and "turns N".  */

#include "bench.h"

#include <pthread.h>

static void *echo (void *server_)
{
    char id[256], word[256];

    for (;;) {
        const int id_size = zmq_recv (server_, id, sizeof id, 0);
        const int size = zmq_recv (server_, word, sizeof word, 0);
        zmq_send (server_, id, (size_t) id_size, ZMQ_SNDMORE);
        zmq_send (server_, word, (size_t) size, 0);
    }
    return NULL;
}

static void turn (void *client_)
{
    send_word (client_, "ping");
    receive (client_);
}

int main (int argc, char **argv)
{
    if (argc < 2)
        return 2;
    const double length = atof (argv[1]);
    char endpoint[256];
    size_t size = sizeof endpoint;
    pthread_t thread;

    void *const far_server = zmq_socket (zmq_ctx_new (), ZMQ_ROUTER);
    bind_to (far_server, "tcp://127.0.0.1:*");
    zmq_getsockopt (far_server, ZMQ_LAST_ENDPOINT, endpoint, &size);
    pthread_create (&thread, NULL, echo, far_server);

    void *const context = zmq_ctx_new ();
    void *const client = new_client (context, false);
    connect_to (client, endpoint);
    for (int i = 0; i < 1000; i++)
        turn (client);

    void *const other = new_client (context, false);
    for (int i = 2; i < argc; i++)
        connect_to (other, argv[i]);
    const double start = now_ms ();
    double last = start, longest = 0;
    unsigned turns = 0;
    while (last - start < length) {
        turn (client);
        turns++;
        const double now = now_ms ();
        if (now - last > longest)
            longest = now - last;
        last = now;
        usleep (200);
    }
    say ("gap", longest);
    say ("turns", turns);
    _exit (0);
}
