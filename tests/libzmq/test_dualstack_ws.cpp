/* SPDX-License-Identifier: MPL-2.0 */

//  ws connects and listens as tcp does.

#include "testutil_tcp.hpp"

SETUP_TEARDOWN_TESTCONTEXT

#ifdef ZMQ_HAVE_WS
struct ws_endpoint_t
{
    ws_endpoint_t (const char *host_, int port_)
    {
        snprintf (text, sizeof text, "ws://%s:%d", host_, port_);
    }

    char text[MAX_SOCKET_STRING];
};

static void expect_message (void *server_, const char *host_, int port_)
{
    set_int (server_, ZMQ_RCVTIMEO, 10000);
    void *client = test_context_socket (ZMQ_DEALER);
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_connect (client, ws_endpoint_t (host_, port_).text));
    send_string_expect_success (client, "knock", 0);
    recv_string_expect_success (server_, "knock", 0);
    test_context_socket_close_zero_linger (client);
}

//  Of the addresses of the name, only the IPv6 one is listened on.
void test_connect ()
{
    if (!localhost_has_ipv6 ())
        TEST_IGNORE_MESSAGE ("localhost is not ::1 here");
    void *server = test_context_socket (ZMQ_DEALER);
    set_int (server, ZMQ_IPV6, 1);
    expect_message (server, "localhost", bind_to (server, "ws://[::1]:*"));
    test_context_socket_close (server);
}

void test_listen ()
{
    IGNORE_WITHOUT_IPV6 ();
    void *server = test_context_socket (ZMQ_DEALER);
    const int port = bind_to (server, "ws://*:*");
    expect_message (server, "127.0.0.1", port);
    expect_message (server, "[::1]", port);

    char last_endpoint[MAX_SOCKET_STRING];
    size_t size = sizeof last_endpoint;
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_getsockopt (server, ZMQ_LAST_ENDPOINT, last_endpoint, &size));
    TEST_ASSERT_SUCCESS_ERRNO (zmq_unbind (server, last_endpoint));
    expect_nothing (port);

    const ws_endpoint_t wildcard ("*", port);
    TEST_ASSERT_SUCCESS_ERRNO (zmq_bind (server, wildcard.text));
    TEST_ASSERT_SUCCESS_ERRNO (zmq_unbind (server, wildcard.text));
    expect_nothing (port);
    test_context_socket_close (server);
}
#endif

int main ()
{
    setup_dualstack_test_environment ();

    UNITY_BEGIN ();
#ifdef ZMQ_HAVE_WS
    RUN_TEST (test_connect);
    RUN_TEST (test_listen);
#endif
    return UNITY_END ();
}
