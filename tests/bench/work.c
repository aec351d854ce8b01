/* SPDX-License-Identifier: MPL-2.0 */

/*  work WHAT ENDPOINT COUNT: connects, so that the instructions can be counted.
    WHAT is

    connects   COUNT times one after the other: connect, send a request, close;
               with sockets of one context
    contexts   the same, each time with a new context
    streams    as "connects", with sockets that speak no ZMTP (ZMQ_STREAM)

    A 6 after WHAT ("connects6"): with ZMQ_IPV6=1.  */

#include "bench.h"

static void get (void *client_)
{
    if (!receive (client_))
        die ("no reply");
}

static void ask (void *client_)
{
    send_word (client_, "hello");
    get (client_);
}

/*  The socket names a connection by its identity, and first reports that there is
    one.  */
static void ask_stream (void *client_)
{
    char identity[256];
    const int size = zmq_recv (client_, identity, sizeof identity, 0);

    get (client_);
    if (zmq_send (client_, identity, (size_t) size, ZMQ_SNDMORE) < 0)
        die ("zmq_send");
    send_word (client_, "hello");
    get (client_);
    get (client_);
}

int main (int argc, char **argv)
{
    if (argc != 4)
        return 2;
    const bool ipv6 = strchr (argv[1], '6') != NULL;
    const bool new_contexts = strncmp (argv[1], "contexts", 8) == 0;
    const bool stream = strncmp (argv[1], "streams", 7) == 0;
    const int count = atoi (argv[3]);
    void *context = zmq_ctx_new ();

    for (int i = 0; i < count; i++) {
        void *const client =
          client_of_kind (context, stream ? ZMQ_STREAM : ZMQ_DEALER, ipv6);
        connect_to (client, argv[2]);
        (stream ? ask_stream : ask) (client);
        zmq_close (client);
        if (new_contexts) {
            zmq_ctx_term (context);
            context = zmq_ctx_new ();
        }
    }
    return 0;
}
