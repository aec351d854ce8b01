/* SPDX-License-Identifier: MPL-2.0 */

//  Which address of "localhost" zmq_connect leads to.  The server is told apart
//  by the families that it listens on.

#include "testutil_tcp.hpp"

SETUP_TEARDOWN_TESTCONTEXT

#define IGNORE_WITHOUT_LOCALHOST_IPV6()                                        \
    if (!localhost_has_ipv6 ())                                                \
    TEST_IGNORE_MESSAGE ("localhost is not ::1 here")

static void *connected_to_localhost (int port_)
{
    void *client = test_context_socket (ZMQ_DEALER);
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_connect (client, endpoint_t ("localhost", port_).text));
    return client;
}

void test_name_prefers_ipv6 ()
{
    IGNORE_WITHOUT_LOCALHOST_IPV6 ();
    void *server = test_context_socket (ZMQ_DEALER);
    const int port = bind_to (server, "tcp://*:*");
    void *client = connected_to_localhost (port);

    expect_peer_address (server, client, "::1");
    bounce (server, client);

    test_context_socket_close (client);
    test_context_socket_close (server);
}

void test_name_falls_back_to_ipv4 ()
{
    void *server = test_context_socket (ZMQ_DEALER);
    const int port = bind_to (server, "tcp://127.0.0.1:*");
    void *client = connected_to_localhost (port);

    expect_peer_address (server, client, "127.0.0.1");
    bounce (server, client);

    test_context_socket_close (client);
    test_context_socket_close (server);
}

void test_name_of_an_ipv6_only_server ()
{
    IGNORE_WITHOUT_LOCALHOST_IPV6 ();
    void *server = test_context_socket (ZMQ_DEALER);
    const int port = bind_to (server, "tcp://[::1]:*");
    void *client = connected_to_localhost (port);

    expect_peer_address (server, client, "::1");

    test_context_socket_close (client);
    test_context_socket_close (server);
}

void test_reconnect_takes_the_other_family ()
{
    IGNORE_WITHOUT_LOCALHOST_IPV6 ();
    void *server = test_context_socket (ZMQ_DEALER);
    const int port = bind_to (server, "tcp://[::1]:*");
    void *client = connected_to_localhost (port);
    expect_peer_address (server, client, "::1");
    test_context_socket_close (server);

    server = test_context_socket (ZMQ_DEALER);
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_bind (server, endpoint_t ("127.0.0.1", port).text));
    //  The new server speaks first, because what the client sends before it
    //  notices that the old one is gone gets lost.
    expect_peer_address (client, server, "127.0.0.1");

    test_context_socket_close (client);
    test_context_socket_close (server);
}

//  The option's family is preferred for a name, as ever; but if nobody answers
//  there, the other family is tried.
void test_name_with_ipv6_option_falls_back ()
{
    IGNORE_WITHOUT_IPV6 ();
    void *server = test_context_socket (ZMQ_DEALER);
    const int port = bind_to (server, "tcp://127.0.0.1:*");
    void *client = test_context_socket (ZMQ_DEALER);
    set_int (client, ZMQ_IPV6, 1);
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_connect (client, endpoint_t ("localhost", port).text));

    expect_peer_address (server, client, "127.0.0.1");

    test_context_socket_close (client);
    test_context_socket_close (server);
}

static void connect_with_ipv6_option_off (void *client_, int port_)
{
    set_int (client_, ZMQ_IPV6, 0);
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_connect (client_, endpoint_t ("localhost", port_).text));
}

void test_name_with_ipv6_option_off_is_ipv4 ()
{
    void *server = test_context_socket (ZMQ_DEALER);
    const int port = bind_to (server, "tcp://*:*");
    void *client = test_context_socket (ZMQ_DEALER);
    connect_with_ipv6_option_off (client, port);

    expect_peer_address (server, client, "127.0.0.1");

    test_context_socket_close (client);
    test_context_socket_close (server);
}

void test_name_with_ipv6_option_off_never_is_ipv6 ()
{
    IGNORE_WITHOUT_IPV6 ();
    void *server = test_context_socket (ZMQ_DEALER);
    const int port = bind_to (server, "tcp://[::1]:*");
    void *client = test_context_socket (ZMQ_DEALER);
    connect_with_ipv6_option_off (client, port);

    expect_bounce_fail (server, client);

    test_context_socket_close_zero_linger (client);
    test_context_socket_close_zero_linger (server);
}

void test_numeric_has_no_fallback ()
{
    IGNORE_WITHOUT_IPV6 ();
    void *server = test_context_socket (ZMQ_DEALER);
    const int port = bind_to (server, "tcp://127.0.0.1:*");
    void *client = test_context_socket (ZMQ_DEALER);
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_connect (client, endpoint_t ("[::1]", port).text));

    expect_bounce_fail (server, client);

    test_context_socket_close_zero_linger (client);
    test_context_socket_close_zero_linger (server);
}

void test_numeric_ipv6_without_the_option ()
{
    IGNORE_WITHOUT_IPV6 ();
    void *server = test_context_socket (ZMQ_DEALER);
    const int port = bind_to (server, "tcp://[::1]:*");
    void *client = test_context_socket (ZMQ_DEALER);
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_connect (client, endpoint_t ("[::1]", port).text));

    expect_peer_address (server, client, "::1");

    test_context_socket_close (client);
    test_context_socket_close (server);
}

void test_source_address_chooses_the_family ()
{
    void *server = test_context_socket (ZMQ_DEALER);
    const int port = bind_to (server, "tcp://*:*");
    void *client = test_context_socket (ZMQ_DEALER);
    char endpoint[MAX_SOCKET_STRING];
    snprintf (endpoint, sizeof endpoint, "tcp://127.0.0.1:0;localhost:%d",
              port);
    TEST_ASSERT_SUCCESS_ERRNO (zmq_connect (client, endpoint));

    expect_peer_address (server, client, "127.0.0.1");

    test_context_socket_close (client);
    test_context_socket_close (server);
}

void test_source_interface ()
{
    void *server = test_context_socket (ZMQ_DEALER);
    const char *const interface_name = bind_to_loopback_interface (server);
    if (interface_name == NULL) {
        test_context_socket_close (server);
        TEST_IGNORE_MESSAGE ("the loopback interface has another name");
    }
    char endpoint[MAX_SOCKET_STRING];
    size_t size = sizeof endpoint;
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_getsockopt (server, ZMQ_LAST_ENDPOINT, endpoint, &size));
    const int port = port_of (endpoint);

    void *client = test_context_socket (ZMQ_DEALER);
    snprintf (endpoint, sizeof endpoint, "tcp://%s:0;127.0.0.1:%d",
              interface_name, port);
    TEST_ASSERT_SUCCESS_ERRNO (zmq_connect (client, endpoint));

    expect_peer_address (server, client, "127.0.0.1");

    test_context_socket_close (client);
    test_context_socket_close (server);
}

//  With the option set, [::] as a source means both families.
void test_source_any_with_ipv6_option ()
{
    IGNORE_WITHOUT_IPV6 ();
    void *server = test_context_socket (ZMQ_DEALER);
    const int port = bind_to (server, "tcp://127.0.0.1:*");
    void *client = test_context_socket (ZMQ_DEALER);
    set_int (client, ZMQ_IPV6, 1);
    char endpoint[MAX_SOCKET_STRING];
    snprintf (endpoint, sizeof endpoint, "tcp://[::]:0;127.0.0.1:%d", port);
    TEST_ASSERT_SUCCESS_ERRNO (zmq_connect (client, endpoint));

    expect_peer_address (server, client, "127.0.0.1");

    test_context_socket_close (client);
    test_context_socket_close (server);
}

//  A disconnect while addresses are tried one after the other, and when none is
//  left.
void test_disconnect_is_prompt ()
{
    void *server = test_context_socket (ZMQ_DEALER);
    const int port = bind_to (server, "tcp://127.0.0.1:*");
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_unbind (server, endpoint_t ("127.0.0.1", port).text));

    void *client = test_context_socket (ZMQ_DEALER);
    const endpoint_t endpoint ("localhost", port);
    void *watch = zmq_stopwatch_start ();
    for (int i = 0; i < 20; ++i) {
        TEST_ASSERT_SUCCESS_ERRNO (zmq_connect (client, endpoint.text));
        TEST_ASSERT_SUCCESS_ERRNO (zmq_disconnect (client, endpoint.text));
        TEST_ASSERT_FAILURE_ERRNO (ENOENT,
                                   zmq_disconnect (client, endpoint.text));
    }
    test_context_socket_close_zero_linger (client);
    test_context_socket_close (server);
    //  Far more than this takes, and far less than a name server's time-out.
    TEST_ASSERT_LESS_THAN (4000000, zmq_stopwatch_stop (watch));
}

int main ()
{
    setup_dualstack_test_environment ();

    UNITY_BEGIN ();
    RUN_TEST (test_name_prefers_ipv6);
    RUN_TEST (test_name_falls_back_to_ipv4);
    RUN_TEST (test_name_of_an_ipv6_only_server);
    RUN_TEST (test_reconnect_takes_the_other_family);
    RUN_TEST (test_name_with_ipv6_option_falls_back);
    RUN_TEST (test_name_with_ipv6_option_off_is_ipv4);
    RUN_TEST (test_name_with_ipv6_option_off_never_is_ipv6);
    RUN_TEST (test_numeric_has_no_fallback);
    RUN_TEST (test_numeric_ipv6_without_the_option);
    RUN_TEST (test_source_address_chooses_the_family);
    RUN_TEST (test_source_interface);
    RUN_TEST (test_source_any_with_ipv6_option);
    RUN_TEST (test_disconnect_is_prompt);
    return UNITY_END ();
}
