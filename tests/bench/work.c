/* SPDX-License-Identifier: MPL-2.0 */

/*  work WHAT COUNT ENDPOINT: something to count the instructions of.  WHAT is

    connects   so many times one after the other: connect, ask, close; with
               sockets of one context
    contexts   the same, each time with a new context
    messages   so many requests and replies over one connection

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
    const char what = argv[1][3]; /* "con_n_ects", "con_t_exts", "mes_s_ages" */
    const int count = atoi (argv[2]);
    void *context = zmq_ctx_new ();

    if (what == 's') {
        void *const client = new_client (context, ipv6);
        connect_to (client, argv[3]);
        for (int i = 0; i < count; i++)
            ask (client);
        return 0;
    }
    for (int i = 0; i < count; i++) {
        void *const client = new_client (context, ipv6);
        connect_to (client, argv[3]);
        ask (client);
        zmq_close (client);
        if (what == 't') {
            zmq_ctx_term (context);
            context = zmq_ctx_new ();
        }
    }
    return 0;
}
