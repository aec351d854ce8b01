/* SPDX-License-Identifier: MPL-2.0 */

//  What the trace tells of connections.

#include "testutil_tcp.hpp"

#ifndef ZMQ_HAVE_WINDOWS
#include <unistd.h>
#endif

void test_connections ()
{
#ifdef ZMQ_HAVE_WINDOWS
    TEST_IGNORE_MESSAGE ("the file of this test is for POSIX");
#else
    char settings[] = "trace=/tmp/test_dualstack_trace.XXXXXX";
    char *const path = strchr (settings, '/');
    const int fd = mkstemp (path);
    TEST_ASSERT_TRUE (fd != -1);
    set_dualstack_settings (settings);
    void *ctx = zmq_ctx_new ();
    TEST_ASSERT_NOT_NULL (ctx);
    set_dualstack_settings (NULL);

    void *server = zmq_socket (ctx, ZMQ_DEALER);
    void *client = zmq_socket (ctx, ZMQ_DEALER);
    const endpoint_t endpoint ("127.0.0.1",
                               bind_to (server, "tcp://127.0.0.1:*"));
    TEST_ASSERT_SUCCESS_ERRNO (zmq_connect (client, endpoint.text));
    bounce (server, client);
    add_filter (server, "10.0.0.0/8");
    const int port = bind_to (server, "tcp://127.0.0.1:*");
    TEST_ASSERT_EQUAL_INT (turned_away, reception (AF_INET, port));
    TEST_ASSERT_SUCCESS_ERRNO (zmq_close (client));
    TEST_ASSERT_SUCCESS_ERRNO (zmq_close (server));
    TEST_ASSERT_SUCCESS_ERRNO (zmq_ctx_term (ctx));

    static char trace[8192];
    TEST_ASSERT_GREATER_THAN (0, read (fd, trace, sizeof trace - 1));
    close (fd);
    unlink (path);
    TEST_ASSERT_NOT_NULL (strstr (trace, "handshake done"));
    TEST_ASSERT_NOT_NULL (strstr (trace, "no accept filter matches"));
#endif
}

void setUp ()
{
}

void tearDown ()
{
}

int main ()
{
    setup_dualstack_test_environment ();

    UNITY_BEGIN ();
    RUN_TEST (test_connections);
    return UNITY_END ();
}
