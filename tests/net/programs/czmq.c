/* SPDX-License-Identifier: MPL-2.0 */
/*
 * What CZMQ programs do, one at a time:
 *
 *     czmq serve ENDPOINT [ALLOWED-ADDRESS...]    answers with the address of who asks
 *     czmq proxy FRONTEND BACKEND
 *     czmq work ENDPOINT NAME                     answers with its name
 *     czmq ask ENDPOINT MS                        asks once, waits so long
 *
 * An endpoint with "INTERFACE" in it gets the interface that zsys knows.  All end with their input.
 */
#include <czmq.h>

static char *with_interface (const char *endpoint_)
{
    const char *word = strstr (endpoint_, "INTERFACE");

    if (!word)
        return strdup (endpoint_);
    return zsys_sprintf ("%.*s%s%s", (int) (word - endpoint_), endpoint_,
                         zsys_interface (), word + strlen ("INTERFACE"));
}

/* Answers until the standard input ends. */
static void answer (zsock_t *sock_, const char *name_)
{
    zmq_pollitem_t items[] = {{zsock_resolve (sock_), 0, ZMQ_POLLIN, 0},
                              {NULL, STDIN_FILENO, ZMQ_POLLIN, 0}};

    while (zmq_poll (items, 2, -1) > 0 && !items[1].revents) {
        zframe_t *frame = zframe_recv (sock_);
        const char *peer = zframe_meta (frame, "Peer-Address");
        zstr_send (sock_, name_ ? name_ : peer);
        zframe_destroy (&frame);
    }
}

static int serve (int argc_, char **argv_)
{
    zactor_t *auth = NULL;
    zsock_t *sock = zsock_new (ZMQ_REP);
    char *endpoint = with_interface (argv_[0]);
    int port;

    if (argc_ > 1) {
        auth = zactor_new (zauth, NULL);
        for (int i = 1; i < argc_; i++) {
            zstr_sendx (auth, "ALLOW", argv_[i], NULL);
            zsock_wait (auth);
        }
        zsock_set_zap_domain (sock, "global");
    }
    port = zsock_bind (sock, "%s", endpoint);
    printf ("bound %d %s %s\n", port, port > 0 ? zsock_endpoint (sock) : "-",
            port > 0 ? zsock_last_endpoint (sock) : "-");
    answer (sock, NULL);
    zsock_destroy (&sock);
    zactor_destroy (&auth);
    zstr_free (&endpoint);
    return 0;
}

static int proxy (char **argv_)
{
    zactor_t *actor = zactor_new (zproxy, NULL);

    zstr_sendx (actor, "FRONTEND", "ROUTER", argv_[0], NULL);
    zsock_wait (actor);
    zstr_sendx (actor, "BACKEND", "DEALER", argv_[1], NULL);
    zsock_wait (actor);
    printf ("ready\n");
    while (getchar () != EOF)
        ;
    zactor_destroy (&actor);
    return 0;
}

static int work (char **argv_)
{
    zsock_t *sock = zsock_new (ZMQ_REP);

    if (zsock_connect (sock, "%s", argv_[0]) != 0)
        return 1;
    printf ("ready\n");
    answer (sock, argv_[1]);
    zsock_destroy (&sock);
    return 0;
}

static int ask (char **argv_)
{
    zsock_t *sock = zsock_new_req (argv_[0]);
    zframe_t *reply;

    zsock_set_rcvtimeo (sock, atoi (argv_[1]));
    zsock_set_linger (sock, 0);
    zstr_send (sock, "hello");
    reply = zframe_recv (sock);
    if (reply)
        printf ("%.*s from %s\n", (int) zframe_size (reply),
                (const char *) zframe_data (reply),
                zframe_meta (reply, "Peer-Address"));
    else
        printf ("no reply\n");
    zframe_destroy (&reply);
    zsock_destroy (&sock);
    return 0;
}

int main (int argc, char **argv)
{
    setvbuf (stdout, NULL, _IOLBF, 0);
    if (argc > 2 && streq (argv[1], "serve"))
        return serve (argc - 2, argv + 2);
    if (argc > 3 && streq (argv[1], "proxy"))
        return proxy (argv + 2);
    if (argc > 3 && streq (argv[1], "work"))
        return work (argv + 2);
    if (argc > 3 && streq (argv[1], "ask"))
        return ask (argv + 2);
    return 2;
}
