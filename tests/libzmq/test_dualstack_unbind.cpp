/* SPDX-License-Identifier: MPL-2.0 */

//  What zmq_unbind takes for the name of a bind, and when the port is free.

#include "testutil_tcp.hpp"

SETUP_TEARDOWN_TESTCONTEXT

void test_frees_both_families ()
{
    IGNORE_WITHOUT_IPV6 ();
    void *server = test_context_socket (ZMQ_DEALER);
    const int port = bind_to (server, "tcp://*:*");
    expect_dual_stack (port);

    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_unbind (server, endpoint_t ("0.0.0.0", port).text));
    expect_nothing (port);
    //  Nothing of the bind is in the way.
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_bind (server, endpoint_t ("127.0.0.1", port).text));
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_bind (server, endpoint_t ("[::1]", port).text));

    test_context_socket_close (server);
}

//  Possible if that has the port.
void test_by_the_text_that_was_bound ()
{
    void *server = test_context_socket (ZMQ_DEALER);
    const int port = bind_to (server, "tcp://127.0.0.1:*");
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_unbind (server, endpoint_t ("127.0.0.1", port).text));
    expect_refusal (AF_INET, port);

    static const char *const hosts[] = {"*", "lo", "lo0"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; ++i) {
        const endpoint_t endpoint (hosts[i], port);
        if (zmq_bind (server, endpoint.text) != 0) {
            //  One of the two names is not that of an interface.
            TEST_ASSERT_TRUE (i > 0 && errno == ENODEV);
            continue;
        }
        TEST_ASSERT_SUCCESS_ERRNO (zmq_unbind (server, endpoint.text));
        TEST_ASSERT_FAILURE_ERRNO (ENOENT, zmq_unbind (server, endpoint.text));
        expect_refusal (AF_INET, port);
    }
    test_context_socket_close (server);
}

void test_frees_the_port_at_once ()
{
#ifndef __linux__
    TEST_IGNORE_MESSAGE ("listening sockets cannot be shut down here");
#else
    void *server = test_context_socket (ZMQ_DEALER);
    const int port = bind_to (server, "tcp://127.0.0.1:*");
    const endpoint_t endpoint ("127.0.0.1", port);
    for (int i = 0; i < 100; ++i) {
        TEST_ASSERT_SUCCESS_ERRNO (zmq_unbind (server, endpoint.text));
        TEST_ASSERT_SUCCESS_ERRNO (zmq_bind (server, endpoint.text));
    }
    test_context_socket_close (server);
#endif
}

int main ()
{
    setup_dualstack_test_environment ();

    UNITY_BEGIN ();
    RUN_TEST (test_frees_both_families);
    RUN_TEST (test_by_the_text_that_was_bound);
    RUN_TEST (test_frees_the_port_at_once);
    return UNITY_END ();
}
