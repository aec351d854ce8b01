/* SPDX-License-Identifier: MPL-2.0 */

/*  czmq_server ENDPOINT: does with CZMQ what rep_server does.  CZMQ sets ZMQ_IPV6 on
    every socket: to 0, or to 1 if the environment has ZSYS_IPV6=1.  */

#include <czmq.h>

int main (int argc, char **argv)
{
    zsock_t *server = zsock_new (ZMQ_REP);
    char *question;

    if (argc != 2 || zsock_bind (server, "%s", argv[1]) == -1) {
        printf ("failed %s\n", zmq_strerror (zmq_errno ()));
        return 1;
    }
    /*  Not zsock_endpoint, which would be the text that was bound.  */
    question = zsock_last_endpoint (server);
    printf ("bound %s\n", question);
    fflush (stdout);
    free (question);

    while ((question = zstr_recv (server)) != NULL) {
        free (question);
        zstr_send (server, "hello from CZMQ");
    }
    zsock_destroy (&server);
    return 0;
}
