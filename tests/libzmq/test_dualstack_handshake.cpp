/* SPDX-License-Identifier: MPL-2.0 */

//  One address of "localhost" leads to a server that has another security
//  mechanism, the other one to the server that is meant.

#include "testutil_tcp.hpp"

SETUP_TEARDOWN_TESTCONTEXT

static void expect_the_right_server (int reconnect_ivl_)
{
    if (!localhost_has_ipv6 ())
        TEST_IGNORE_MESSAGE ("localhost is not ::1 here");
    void *other = test_context_socket (ZMQ_DEALER);
    set_int (other, ZMQ_PLAIN_SERVER, 1);
    const int port = bind_to (other, "tcp://[::1]:*");
    void *server = test_context_socket (ZMQ_DEALER);
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_bind (server, endpoint_t ("127.0.0.1", port).text));
    set_int (server, ZMQ_RCVTIMEO, 10000);

    void *client = test_context_socket (ZMQ_DEALER);
    set_int (client, ZMQ_RECONNECT_IVL, reconnect_ivl_);
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_connect (client, endpoint_t ("localhost", port).text));
    expect_peer_address (server, client, "127.0.0.1");

    test_context_socket_close_zero_linger (client);
    test_context_socket_close (server);
    test_context_socket_close (other);
}

void test_goes_on ()
{
    expect_the_right_server (100);
}

//  To the application, this is still the first connection.
void test_goes_on_without_reconnects ()
{
    expect_the_right_server (-1);
}

void test_goes_on_at_once ()
{
    expect_the_right_server (60000);
}

int main ()
{
    setup_dualstack_test_environment ();

    UNITY_BEGIN ();
    RUN_TEST (test_goes_on);
    RUN_TEST (test_goes_on_without_reconnects);
    RUN_TEST (test_goes_on_at_once);
    return UNITY_END ();
}
