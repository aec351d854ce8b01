/* SPDX-License-Identifier: MPL-2.0 */

/*  reply [-6] [-p MS] [-r] ENDPOINT: measures the time from zmq_connect to the first
    reply.

    -6      with ZMQ_IPV6=1
    -p MS   the patience: no reply after that is none
    -r      with ZMQ_RECONNECT_IVL=1; then the same for a second socket of the
            context, and then for the first one after the server has cut its
            connection

    Prints "peer ADDRESS", "first MS", "at MS" (when the reply came, on the clock
    that all processes share), "second MS", "reconnect MS".  What is missing took
    too long.  */

#include "bench.h"

static int patience = 5000;
static bool ipv6, reconnect;

static double reply_from (void *client_, bool name_it_)
{
    zmq_msg_t message;
    double at = 0;

    zmq_msg_init (&message);
    if (zmq_msg_recv (&message, client_, 0) >= 0) {
        at = now_ms ();
        if (name_it_)
            printf ("peer %s\n", zmq_msg_gets (&message, "Peer-Address"));
    } else if (zmq_errno () != EAGAIN)
        die ("zmq_msg_recv");
    zmq_msg_close (&message);
    return at;
}

static void *new_patient_client (void *context_)
{
    void *const client = new_client (context_, ipv6);

    set_int (client, ZMQ_RCVTIMEO, patience);
    if (reconnect)
        set_int (client, ZMQ_RECONNECT_IVL, 1);
    return client;
}

static void wait_for_end_of_connection (void *monitor_)
{
    char part[256];
    unsigned event = 0;

    while (event != ZMQ_EVENT_DISCONNECTED) {
        if (zmq_recv (monitor_, part, sizeof part, 0) < 0)
            die ("monitor");
        event = *(unsigned short *) part;
        zmq_recv (monitor_, part, sizeof part, 0);
    }
}

int main (int argc, char **argv)
{
    int letter;

    while ((letter = getopt (argc, argv, "6p:r")) != -1) {
        if (letter == '6')
            ipv6 = true;
        else if (letter == 'p')
            patience = atoi (optarg);
        else if (letter == 'r')
            reconnect = true;
        else
            return 2;
    }
    const char *const endpoint = argv[optind];
    void *const context = zmq_ctx_new ();
    void *const client = new_patient_client (context);
    void *const monitor = zmq_socket (context, ZMQ_PAIR);
    zmq_socket_monitor (client, "inproc://monitor", ZMQ_EVENT_DISCONNECTED);
    connect_to (monitor, "inproc://monitor");

    double start = now_ms ();
    connect_to (client, endpoint);
    send_word (client, "hello");
    double end = reply_from (client, true);
    if (end != 0) {
        say ("first", end - start);
        say ("at", end);
    }
    if (end != 0 && reconnect) {
        void *const second = new_patient_client (context);
        start = now_ms ();
        connect_to (second, endpoint);
        send_word (second, "hello");
        end = reply_from (second, false);
        if (end != 0)
            say ("second", end - start);
        zmq_close (second);

        send_word (client, "cut");
        wait_for_end_of_connection (monitor);
        start = now_ms ();
        send_word (client, "hello");
        end = reply_from (client, false);
        if (end != 0)
            say ("reconnect", end - start);
    }
    /*  Exits without cleaning up, because stock's zmq_ctx_term might wait for a
        look-up.  */
    fflush (stdout);
    _exit (0);
}
