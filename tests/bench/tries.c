/* SPDX-License-Identifier: MPL-2.0 */

/*  tries MS COUNT ENDPOINT: COUNT sockets of one context, one after the other: each
    connects, sends a request, waits MS milliseconds for the reply, and is closed.  A
    "#" in ENDPOINT stands for the number of the try, from 1 on.

    Prints "NUMBER MS", from zmq_connect to the reply, for each that got one.  */

#include "bench.h"

int main (int argc, char **argv)
{
    char name[16];

    if (argc != 4)
        return 2;
    void *const context = zmq_ctx_new ();
    for (int i = 1; i <= atoi (argv[2]); i++) {
        void *const client = new_client (context, false);
        set_int (client, ZMQ_RCVTIMEO, atoi (argv[1]));
        const double start = now_ms ();
        connect_to_nth (client, argv[3], (unsigned) i);
        send_word (client, "hello");
        if (receive (client)) {
            snprintf (name, sizeof name, "%d", i);
            say (name, now_ms () - start);
        }
        zmq_close (client);
    }
    _exit (0);
}
