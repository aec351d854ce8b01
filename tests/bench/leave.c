/* SPDX-License-Identifier: MPL-2.0 */

/*  leave WHAT ENDPOINT: measures how long a call takes while the endpoint's name is
    being looked up.  WHAT is

    term         zmq_ctx_term, the socket closed before
    disconnect   zmq_disconnect of the endpoint
    disconnect2  zmq_disconnect of the endpoint's name with another port, to
                 which nobody has connected: ENOENT
    unbind       zmq_unbind of that, to which nobody has bound: ENOENT

    Prints "ms MS".  */

#include "bench.h"

int main (int argc, char **argv)
{
    char elsewhere[256];

    if (argc != 3)
        return 2;
    const char *const what = argv[1];
    const char *const endpoint = argv[2];
    snprintf (elsewhere, sizeof elsewhere, "%.*s:9",
              (int) (strrchr (endpoint, ':') - endpoint), endpoint);
    void *const context = zmq_ctx_new ();
    void *const client = new_client (context, false);
    connect_to (client, endpoint);
    sleep_ms (300);

    if (strcmp (what, "term") == 0)
        zmq_close (client);
    const double start = now_ms ();
    if (strcmp (what, "term") == 0)
        zmq_ctx_term (context);
    else if (strcmp (what, "disconnect") == 0)
        zmq_disconnect (client, endpoint);
    else if (strcmp (what, "disconnect2") == 0)
        zmq_disconnect (client, elsewhere);
    else if (strcmp (what, "unbind") == 0)
        zmq_unbind (client, elsewhere);
    else
        return 2;
    say ("ms", now_ms () - start);
    _exit (0);
}
