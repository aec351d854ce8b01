/* SPDX-License-Identifier: MPL-2.0 */

//  A socket is closed after a SOCKS proxy has ended the connection, and before
//  the next attempt.

#include "testutil_tcp.hpp"
#include "testutil_monitoring.hpp"

#ifndef ZMQ_HAVE_WINDOWS
#include <sys/socket.h>
#include <unistd.h>
#endif

SETUP_TEARDOWN_TESTCONTEXT

void test_close_while_waiting ()
{
#ifdef ZMQ_HAVE_WINDOWS
    TEST_IGNORE_MESSAGE ("the proxy of this test is for POSIX");
#else
    char proxy[MAX_SOCKET_STRING];
    const fd_t listener = bind_socket_resolve_port ("127.0.0.1", "0", proxy);
    const char *const address = proxy + strlen ("tcp://");

    void *client = test_context_socket (ZMQ_DEALER);
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_setsockopt (client, ZMQ_SOCKS_PROXY, address, strlen (address)));
    set_int (client, ZMQ_RECONNECT_IVL, 60000);
    TEST_ASSERT_SUCCESS_ERRNO (zmq_socket_monitor (client, "inproc://monitor",
                                                   ZMQ_EVENT_CONNECT_RETRIED));
    void *monitor = test_context_socket (ZMQ_PAIR);
    TEST_ASSERT_SUCCESS_ERRNO (zmq_connect (monitor, "inproc://monitor"));
    TEST_ASSERT_SUCCESS_ERRNO (zmq_connect (client, "tcp://127.0.0.1:5555"));

    //  The proxy reads the greeting and leaves.
    char greeting[3];
    const fd_t fd = accept (listener, NULL, NULL);
    TEST_ASSERT_EQUAL_INT (3, recv (fd, greeting, 3, MSG_WAITALL));
    close (fd);
    expect_monitor_event (monitor, ZMQ_EVENT_CONNECT_RETRIED);
    test_context_socket_close (monitor);
    test_context_socket_close_zero_linger (client);
    close (listener);

    expect_io_thread_works ();
#endif
}

int main ()
{
    setup_test_environment ();

    UNITY_BEGIN ();
    RUN_TEST (test_close_while_waiting);
    return UNITY_END ();
}
