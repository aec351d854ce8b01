/* SPDX-License-Identifier: MPL-2.0 */

/*  A plug-in that ends its context in a destructor, during dlclose(); with JOINS, it
    does so on a thread that the destructor joins.  */

#include <pthread.h>
#include <zmq.h>

static void *ctx, *socket_;

void plugin_start (const char *endpoint_);

void plugin_start (const char *endpoint_)
{
    const int linger = 0;

    ctx = zmq_ctx_new ();
    socket_ = zmq_socket (ctx, ZMQ_DEALER);
    zmq_setsockopt (socket_, ZMQ_LINGER, &linger, sizeof linger);
    zmq_connect (socket_, endpoint_);
}

static void *end (void *ignored_)
{
    zmq_close (socket_);
    zmq_ctx_term (ctx);
    return ignored_;
}

__attribute__ ((destructor)) static void leave (void)
{
#ifdef JOINS
    pthread_t thread;
    if (ctx != 0 && pthread_create (&thread, 0, end, 0) == 0)
        pthread_join (thread, 0);
#else
    if (ctx != 0)
        end (0);
#endif
}
