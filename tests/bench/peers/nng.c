/* SPDX-License-Identifier: MPL-2.0 */

/*  nng -l URL...: answers requests on these.  Prints "ready".
    nng MS URL: prints "first MS", from dialling to the first reply; nothing when
    that takes longer than the MS given.  */

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void must (int error_, const char *what_)
{
    if (error_ == 0)
        return;
    fprintf (stderr, "nng: %s: %s\n", what_, nng_strerror (error_));
    exit (1);
}

static double now_ms (void)
{
    struct timespec now;

    clock_gettime (CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

static void serve (char **url_)
{
    nng_socket server;
    nng_msg *message;

    must (nng_rep0_open (&server), "nng_rep0_open");
    for (; *url_ != NULL; url_++)
        must (nng_listen (server, *url_, NULL, 0), *url_);
    puts ("ready");
    fflush (stdout);
    for (;;) {
        must (nng_recvmsg (server, &message, 0), "nng_recvmsg");
        must (nng_sendmsg (server, message, 0), "nng_sendmsg");
    }
}

static void ask (int patience_, const char *url_)
{
    nng_socket client;
    char reply[16], hello[] = "hello";
    size_t size = sizeof reply;

    must (nng_req0_open (&client), "nng_req0_open");
    must (nng_socket_set_ms (client, NNG_OPT_RECVTIMEO, patience_), "timeout");
    must (nng_socket_set_ms (client, NNG_OPT_SENDTIMEO, patience_), "timeout");
    const double start = now_ms ();
    must (nng_dial (client, url_, NULL, NNG_FLAG_NONBLOCK), url_);
    if (nng_send (client, hello, sizeof hello, 0) == 0
        && nng_recv (client, reply, &size, 0) == 0)
        printf ("first %.3f\n", now_ms () - start);
    fflush (stdout);
    _exit (0);
}

int main (int argc, char **argv)
{
    if (argc >= 3 && strcmp (argv[1], "-l") == 0)
        serve (argv + 2);
    if (argc != 3)
        return 2;
    ask (atoi (argv[1]), argv[2]);
    return 0;
}
