/* SPDX-License-Identifier: MPL-2.0 */

//  zmq_bind's errno says what failed, also when the socket is monitored.

#include "testutil_tcp.hpp"

SETUP_TEARDOWN_TESTCONTEXT

void test_errno_of_a_monitored_bind ()
{
    void *server = test_context_socket (ZMQ_DEALER);
    const endpoint_t taken ("127.0.0.1", bind_to (server, "tcp://127.0.0.1:*"));

    void *other = test_context_socket (ZMQ_DEALER);
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_socket_monitor (other, "inproc://monitor", ZMQ_EVENT_BIND_FAILED));
    void *monitor = test_context_socket (ZMQ_PAIR);
    TEST_ASSERT_SUCCESS_ERRNO (zmq_connect (monitor, "inproc://monitor"));
    TEST_ASSERT_FAILURE_ERRNO (EADDRINUSE, zmq_bind (other, taken.text));

    test_context_socket_close (monitor);
    test_context_socket_close (other);
    test_context_socket_close (server);
}

int main ()
{
    setup_test_environment ();

    UNITY_BEGIN ();
    RUN_TEST (test_errno_of_a_monitored_bind);
    return UNITY_END ();
}
