/* SPDX-License-Identifier: MPL-2.0 */

//  PGM is for IPv4 only. Any other address is an error, and never aborts.

#include "testutil_tcp.hpp"

SETUP_TEARDOWN_TESTCONTEXT

static void expect_error (const char *network_, int error_)
{
    static const char *const protocols[] = {"pgm", "epgm"};
    static const int types[] = {ZMQ_PUB, ZMQ_SUB};
    for (int i = 0; i < 2; ++i)
        for (int j = 0; j < 2; ++j) {
            char endpoint[MAX_SOCKET_STRING];
            snprintf (endpoint, sizeof endpoint, "%s://%s:5555", protocols[i],
                      network_);
            void *socket = test_context_socket (types[j]);
            TEST_ASSERT_FAILURE_ERRNO (error_, zmq_connect (socket, endpoint));
            TEST_ASSERT_FAILURE_ERRNO (error_, zmq_bind (socket, endpoint));
            test_context_socket_close (socket);
        }
}

void test_ipv6 ()
{
    expect_error ("[::1];239.192.1.1", EAFNOSUPPORT);
    expect_error ("::1;239.192.1.1", EAFNOSUPPORT);
    expect_error ("[::1];[ff02::1]", EAFNOSUPPORT);
    expect_error ("127.0.0.1;[ff02::1]", EAFNOSUPPORT);
    expect_error ("127.0.0.1;239.192.1.1,[ff02::1]", EAFNOSUPPORT);
    expect_error ("127.0.0.1;239.192.1.1;[ff02::1]", EAFNOSUPPORT);
    expect_error (";[ff02::1%lo]", EAFNOSUPPORT);
}

void test_what_is_no_address ()
{
    expect_error ("127.0.0.1;239.192.1.1;239.192.1.2;x", EINVAL);
    expect_error (";;;x", EINVAL);
    expect_error (";;;;", EINVAL);
    expect_error ("*;239.192.1.1", EINVAL);
}

int main ()
{
    setup_test_environment ();

    UNITY_BEGIN ();
    if (zmq_has ("pgm")) {
        RUN_TEST (test_ipv6);
        RUN_TEST (test_what_is_no_address);
    }
    return UNITY_END ();
}
