/* SPDX-License-Identifier: MPL-2.0 */

/*  echo ENDPOINT...: sends every message back, until it is killed.  On the word
    "cut" it cuts all its connections instead, and goes on listening.  */

#include "bench.h"

#include <sys/socket.h>

static void cut (void)
{
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t size;

    for (int fd = 3; fd < 1 << 16; fd++) {
        size = sizeof peer;
        if (getpeername (fd, (struct sockaddr *) &peer, &size) == 0
            && (peer.ss_family == AF_INET || peer.ss_family == AF_INET6))
            shutdown (fd, SHUT_RDWR);
    }
}

int main (int argc, char **argv)
{
    char id[256], word[256];

    allow_many_files ();
    void *const context = zmq_ctx_new ();
    void *const server = zmq_socket (context, ZMQ_ROUTER);
    set_int (server, ZMQ_BACKLOG, 16384);
    set_int (server, ZMQ_SNDHWM, 0);
    set_int (server, ZMQ_RCVHWM, 0);
    for (int i = 1; i < argc; i++) {
        set_int (server, ZMQ_IPV6, strchr (argv[i], '[') != NULL);
        bind_to (server, argv[i]);
    }
    puts ("ready");
    fflush (stdout);

    for (;;) {
        const int id_size = zmq_recv (server, id, sizeof id, 0);
        const int size = zmq_recv (server, word, sizeof word, 0);

        if (size == 3 && memcmp (word, "cut", 3) == 0) {
            cut ();
            continue;
        }
        zmq_send (server, id, (size_t) id_size, ZMQ_SNDMORE);
        zmq_send (server, word, (size_t) size, 0);
    }
}
