/* SPDX-License-Identifier: MPL-2.0 */

/*  work WHAT ENDPOINT COUNT: something to count the instructions of.  WHAT is

    connects   so many times one after the other: connect, ask, close; with
               sockets of one context
    contexts   the same, each time with a new context

    A 6 after WHAT ("connects6"): with ZMQ_IPV6=1.  */

#include "bench.h"

static void ask (void *client_)
{
    send_word (client_, "hello");
    if (!receive (client_))
        die ("no reply");
}

int main (int argc, char **argv)
{
    if (argc != 4)
        return 2;
    const bool ipv6 = strchr (argv[1], '6') != NULL;
    const bool new_contexts = strncmp (argv[1], "contexts", 8) == 0;
    const int count = atoi (argv[3]);
    void *context = zmq_ctx_new ();

    for (int i = 0; i < count; i++) {
        void *const client = new_client (context, ipv6);
        connect_to (client, argv[2]);
        ask (client);
        zmq_close (client);
        if (new_contexts) {
            zmq_ctx_term (context);
            context = zmq_ctx_new ();
        }
    }
    return 0;
}
