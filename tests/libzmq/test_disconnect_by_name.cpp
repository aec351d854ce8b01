/* SPDX-License-Identifier: MPL-2.0 */

//  Giving a connection up releases its endpoint, even if that was a name.

#include "testutil_tcp.hpp"
#include "testutil_monitoring.hpp"

SETUP_TEARDOWN_TESTCONTEXT

static void expect_released (const char *host_)
{
    void *server = test_context_socket (ZMQ_DEALER);
    const endpoint_t endpoint (host_, bind_to (server, "tcp://127.0.0.1:*"));

    void *client = test_context_socket (ZMQ_DEALER);
    set_int (client, ZMQ_RECONNECT_IVL, -1);
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_socket_monitor (client, "inproc://monitor", ZMQ_EVENT_DISCONNECTED));
    void *monitor = test_context_socket (ZMQ_PAIR);
    TEST_ASSERT_SUCCESS_ERRNO (zmq_connect (monitor, "inproc://monitor"));
    TEST_ASSERT_SUCCESS_ERRNO (zmq_connect (client, endpoint.text));
    bounce (server, client);

    test_context_socket_close_zero_linger (server);
    expect_monitor_event (monitor, ZMQ_EVENT_DISCONNECTED);
    msleep (SETTLE_TIME);
    TEST_ASSERT_FAILURE_ERRNO (ENOENT, zmq_disconnect (client, endpoint.text));

    test_context_socket_close (monitor);
    test_context_socket_close (client);
}

void test_address ()
{
    expect_released ("127.0.0.1");
}

void test_name ()
{
    expect_released ("localhost");
}

int main ()
{
    setup_test_environment ();

    UNITY_BEGIN ();
    RUN_TEST (test_address);
    RUN_TEST (test_name);
    return UNITY_END ();
}
