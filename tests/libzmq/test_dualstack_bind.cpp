/* SPDX-License-Identifier: MPL-2.0 */

//  Which sockets zmq_bind opens for a tcp endpoint, on a socket whose
//  application said nothing about IPv6 unless the test case says otherwise.

#include "testutil_tcp.hpp"

SETUP_TEARDOWN_TESTCONTEXT

static void expect_ipv4_only (int port_)
{
    TEST_ASSERT_EQUAL_INT (greeted, reception (AF_INET, port_));
    if (is_ipv6_available ())
        TEST_ASSERT_EQUAL_INT (refused, reception (AF_INET6, port_));
}

void test_wildcard_is_reached_over_both_families ()
{
    IGNORE_WITHOUT_IPV6 ();
    void *server = test_context_socket (ZMQ_DEALER);
    const int port = bind_to (server, "tcp://*:*");

    expect_dual_stack (port);
    //  What the application reads has not changed.
    expect_last_endpoint (server, "0.0.0.0", port);

    test_context_socket_close (server);
}

void test_wildcard_without_ipv6 ()
{
    if (is_ipv6_available ())
        TEST_IGNORE_MESSAGE ("IPv6 is available");
    void *server = test_context_socket (ZMQ_DEALER);
    const int port = bind_to (server, "tcp://*:*");

    expect_ipv4_only (port);
    expect_last_endpoint (server, "0.0.0.0", port);

    test_context_socket_close (server);
}

void test_ipv6_option_reads_zero_until_set ()
{
    void *server = test_context_socket (ZMQ_DEALER);
    int value = -1;
    size_t size = sizeof value;
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_getsockopt (server, ZMQ_IPV6, &value, &size));
    TEST_ASSERT_EQUAL_INT (0, value);
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_getsockopt (server, ZMQ_IPV4ONLY, &value, &size));
    TEST_ASSERT_EQUAL_INT (1, value);
    TEST_ASSERT_EQUAL_INT (0, zmq_ctx_get (get_test_context (), ZMQ_IPV6));

    //  Looking did not set it.
    if (is_ipv6_available ())
        expect_dual_stack (bind_to (server, "tcp://*:*"));

    test_context_socket_close (server);
}

void test_interface_has_both_families_on_one_port ()
{
    IGNORE_WITHOUT_IPV6 ();
    void *server = test_context_socket (ZMQ_DEALER);
    if (bind_to_loopback_interface (server) == NULL) {
        test_context_socket_close (server);
        TEST_IGNORE_MESSAGE ("the loopback interface has another name");
    }

    char last_endpoint[MAX_SOCKET_STRING];
    size_t size = sizeof last_endpoint;
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_getsockopt (server, ZMQ_LAST_ENDPOINT, last_endpoint, &size));
    const int port = port_of (last_endpoint);
    expect_dual_stack (port);
    expect_last_endpoint (server, "127.0.0.1", port);

    TEST_ASSERT_SUCCESS_ERRNO (zmq_unbind (server, last_endpoint));
    expect_nothing (port);

    test_context_socket_close (server);
}

void test_numeric_ipv4_is_only_itself ()
{
    void *server = test_context_socket (ZMQ_DEALER);
    int port = bind_to (server, "tcp://127.0.0.1:*");
    expect_ipv4_only (port);
    expect_last_endpoint (server, "127.0.0.1", port);

    port = bind_to (server, "tcp://0.0.0.0:*");
    expect_ipv4_only (port);
    expect_last_endpoint (server, "0.0.0.0", port);

    test_context_socket_close (server);
}

void test_numeric_ipv6_is_only_itself ()
{
    IGNORE_WITHOUT_IPV6 ();
    void *server = test_context_socket (ZMQ_DEALER);
    int port = bind_to (server, "tcp://[::1]:*");
    TEST_ASSERT_EQUAL_INT (refused, reception (AF_INET, port));
    TEST_ASSERT_EQUAL_INT (greeted, reception (AF_INET6, port));
    expect_last_endpoint (server, "[::1]", port);

    port = bind_to (server, "tcp://[::]:*");
    TEST_ASSERT_EQUAL_INT (refused, reception (AF_INET, port));
    TEST_ASSERT_EQUAL_INT (greeted, reception (AF_INET6, port));

    test_context_socket_close (server);
}

void test_all_or_nothing ()
{
    IGNORE_WITHOUT_IPV6 ();
    char taken[MAX_SOCKET_STRING];
    const fd_t stranger =
      bind_socket_resolve_port ("::1", "0", taken, AF_INET6, IPPROTO_TCP);
    const int port = port_of (taken);
    static const char *const hosts[] = {"*", "lo", "lo0"};

    void *server = test_context_socket (ZMQ_DEALER);
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; ++i) {
        TEST_ASSERT_EQUAL_INT (
          -1, zmq_bind (server, endpoint_t (hosts[i], port).text));
        //  One of the two names is not that of an interface.
        TEST_ASSERT_TRUE (errno == EADDRINUSE || (i > 0 && errno == ENODEV));
        TEST_ASSERT_EQUAL_INT (refused, reception (AF_INET, port));
    }
    close (stranger);

    TEST_ASSERT_SUCCESS_ERRNO (zmq_bind (server, endpoint_t ("*", port).text));
    test_context_socket_close (server);
}

void test_ipv4_peers_keep_their_address ()
{
    IGNORE_WITHOUT_IPV6 ();
    void *server = test_context_socket (ZMQ_DEALER);
    const int port = bind_to (server, "tcp://*:*");

    void *client = test_context_socket (ZMQ_DEALER);
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_connect (client, endpoint_t ("127.0.0.1", port).text));
    expect_peer_address (server, client, "127.0.0.1");
    test_context_socket_close (client);

    client = test_context_socket (ZMQ_DEALER);
    set_int (client, ZMQ_IPV6, 1);
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_connect (client, endpoint_t ("[::1]", port).text));
    expect_peer_address (server, client, "::1");
    test_context_socket_close (client);

    test_context_socket_close (server);
}

static void expect_ipv4_only_binds (void *server_)
{
    const int port = bind_to (server_, "tcp://*:*");
    expect_ipv4_only (port);
    expect_last_endpoint (server_, "0.0.0.0", port);
    TEST_ASSERT_FAILURE_ERRNO (ENODEV, zmq_bind (server_, "tcp://[::1]:*"));
}

void test_ipv6_option_off_is_ipv4_only ()
{
    void *server = test_context_socket (ZMQ_DEALER);
    set_int (server, ZMQ_IPV6, 0);
    expect_ipv4_only_binds (server);
    test_context_socket_close (server);

    server = test_context_socket (ZMQ_DEALER);
    set_int (server, ZMQ_IPV4ONLY, 1);
    expect_ipv4_only_binds (server);
    test_context_socket_close (server);

    TEST_ASSERT_SUCCESS_ERRNO (zmq_ctx_set (get_test_context (), ZMQ_IPV6, 0));
    server = test_context_socket (ZMQ_DEALER);
    expect_ipv4_only_binds (server);
    test_context_socket_close (server);
}

void test_switched_off_is_ipv4_only ()
{
    set_dualstack_settings ("off");
    void *ctx = zmq_ctx_new ();
    TEST_ASSERT_NOT_NULL (ctx);
    set_dualstack_settings (NULL);

    void *server = zmq_socket (ctx, ZMQ_DEALER);
    TEST_ASSERT_NOT_NULL (server);
    expect_ipv4_only_binds (server);

    TEST_ASSERT_SUCCESS_ERRNO (zmq_close (server));
    TEST_ASSERT_SUCCESS_ERRNO (zmq_ctx_term (ctx));
}

//  As it was before applications that say nothing got dual stack.
void test_ipv6_option_on ()
{
    IGNORE_WITHOUT_IPV6 ();
    void *server = test_context_socket (ZMQ_DEALER);
    set_int (server, ZMQ_IPV6, 1);
    const int port = bind_to (server, "tcp://*:*");
    expect_dual_stack (port);
    expect_last_endpoint (server, "[::]", port);

    void *client = test_context_socket (ZMQ_DEALER);
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_connect (client, endpoint_t ("127.0.0.1", port).text));
    expect_peer_address (server, client, "::ffff:127.0.0.1");

    test_context_socket_close (client);
    test_context_socket_close (server);
}

void test_accept_filters_are_of_their_family ()
{
    IGNORE_WITHOUT_IPV6 ();
    static const struct
    {
        const char *filters[2];
        reception_t ipv4, ipv6;
    } cases[] = {{{"127.0.0.1", NULL}, greeted, turned_away},
                 {{"0.0.0.0/0", NULL}, greeted, turned_away},
                 {{"10.0.0.0/8", NULL}, turned_away, turned_away},
                 {{"::1", NULL}, turned_away, greeted},
                 {{"::/0", NULL}, turned_away, greeted},
                 {{"2001:db8::/32", NULL}, turned_away, turned_away},
                 {{"127.0.0.0/8", "::1"}, greeted, greeted}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        void *server = test_context_socket (ZMQ_DEALER);
        for (int j = 0; j < 2 && cases[i].filters[j] != NULL; ++j)
            add_filter (server, cases[i].filters[j]);
        const int port = bind_to (server, "tcp://*:*");
        TEST_ASSERT_EQUAL_INT (cases[i].ipv4, reception (AF_INET, port));
        TEST_ASSERT_EQUAL_INT (cases[i].ipv6, reception (AF_INET6, port));
        test_context_socket_close (server);
    }
}

int main ()
{
    setup_dualstack_test_environment ();

    UNITY_BEGIN ();
    RUN_TEST (test_wildcard_is_reached_over_both_families);
    RUN_TEST (test_wildcard_without_ipv6);
    RUN_TEST (test_ipv6_option_reads_zero_until_set);
    RUN_TEST (test_interface_has_both_families_on_one_port);
    RUN_TEST (test_numeric_ipv4_is_only_itself);
    RUN_TEST (test_numeric_ipv6_is_only_itself);
    RUN_TEST (test_all_or_nothing);
    RUN_TEST (test_ipv4_peers_keep_their_address);
    RUN_TEST (test_ipv6_option_off_is_ipv4_only);
    RUN_TEST (test_switched_off_is_ipv4_only);
    RUN_TEST (test_ipv6_option_on);
    RUN_TEST (test_accept_filters_are_of_their_family);
    return UNITY_END ();
}
