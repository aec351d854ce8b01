/* SPDX-License-Identifier: MPL-2.0 */

//  Nothing that a network or an administrator can do to a socket is a reason to
//  end the process.

#include "testutil_tcp.hpp"

#ifndef ZMQ_HAVE_WINDOWS
#include <sys/socket.h>
#include <unistd.h>
#endif

SETUP_TEARDOWN_TESTCONTEXT

//  libzmq used to abort on EINVAL from accept(), which Linux gives for a
//  listening socket that somebody has shut down.
void test_accept_fails ()
{
#if defined ZMQ_HAVE_WINDOWS || !defined __linux__
    TEST_IGNORE_MESSAGE ("listening sockets cannot be shut down here");
#else
    char endpoint[MAX_SOCKET_STRING];
    const fd_t fd = bind_socket_resolve_port ("127.0.0.1", "0", endpoint);
    void *server = test_context_socket (ZMQ_DEALER);
    set_int (server, ZMQ_USE_FD, fd);
    TEST_ASSERT_SUCCESS_ERRNO (zmq_bind (server, "tcp://127.0.0.1:*"));
    TEST_ASSERT_EQUAL_INT (0, shutdown (fd, SHUT_RDWR));

    expect_io_thread_works ();
    test_context_socket_close (server);
#endif
}

int main ()
{
    setup_test_environment ();

    UNITY_BEGIN ();
    RUN_TEST (test_accept_fails);
    return UNITY_END ();
}
