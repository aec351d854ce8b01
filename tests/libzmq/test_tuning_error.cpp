/* SPDX-License-Identifier: MPL-2.0 */

//  A connection whose options cannot be set is closed, so that the peer does not
//  wait for a greeting.

#include "testutil_tcp.hpp"

#ifndef ZMQ_HAVE_WINDOWS
#include <sys/socket.h>
#include <unistd.h>
#endif

SETUP_TEARDOWN_TESTCONTEXT

#ifdef __linux__
//  Linux sends at most 127 of them.
static void *socket_with_too_many_keepalives ()
{
    void *socket = test_context_socket (ZMQ_DEALER);
    set_int (socket, ZMQ_TCP_KEEPALIVE, 1);
    set_int (socket, ZMQ_TCP_KEEPALIVE_CNT, 128);
    return socket;
}

static void expect_end (fd_t fd_)
{
    struct timeval patience = {5, 0};
    char byte;
    TEST_ASSERT_EQUAL_INT (
      0, setsockopt (fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
    TEST_ASSERT_EQUAL_INT (0, recv (fd_, &byte, 1, 0));
    close (fd_);
}

void test_listener ()
{
    void *server = socket_with_too_many_keepalives ();
    const int port = bind_to (server, "tcp://127.0.0.1:*");

    expect_end (connect_socket (endpoint_t ("127.0.0.1", port).text));

    test_context_socket_close (server);
}

void test_connecter ()
{
    char endpoint[MAX_SOCKET_STRING];
    const fd_t listener = bind_socket_resolve_port ("127.0.0.1", "0", endpoint);
    void *client = socket_with_too_many_keepalives ();
    TEST_ASSERT_SUCCESS_ERRNO (zmq_connect (client, endpoint));

    expect_end (accept (listener, NULL, NULL));

    test_context_socket_close_zero_linger (client);
    close (listener);
}
#endif

int main ()
{
    setup_test_environment ();

    UNITY_BEGIN ();
#ifdef __linux__
    RUN_TEST (test_listener);
    RUN_TEST (test_connecter);
#endif
    return UNITY_END ();
}
