/* SPDX-License-Identifier: MPL-2.0 */

/*  rep_server ENDPOINT: an ordinary ZeroMQ program.  It knows nothing of IPv6, and
    nothing of this project.  It answers every request with the same words, until it
    is killed.  */

#include <stdio.h>
#include <zmq.h>

int main (int argc, char **argv)
{
    static const char answer[] = "hello from C";
    char text[256];
    size_t size = sizeof text;
    void *context = zmq_ctx_new ();
    void *server = zmq_socket (context, ZMQ_REP);

    if (argc != 2 || zmq_bind (server, argv[1]) != 0) {
        printf ("failed %s\n", zmq_strerror (zmq_errno ()));
        return 1;
    }
    zmq_getsockopt (server, ZMQ_LAST_ENDPOINT, text, &size);
    printf ("bound %s\n", text);
    fflush (stdout);

    while (zmq_recv (server, text, sizeof text, 0) >= 0)
        zmq_send (server, answer, sizeof answer - 1, 0);
    return 0;
}
