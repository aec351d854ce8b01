/* SPDX-License-Identifier: MPL-2.0 */

//  ZMQ_TCP_ACCEPT_FILTER with ZMQ_IPV6: a prefix belongs to the family that it is
//  written in.

#include "testutil_tcp.hpp"

SETUP_TEARDOWN_TESTCONTEXT

static void expect_bad_filter (void *socket_, const char *filter_)
{
    TEST_ASSERT_FAILURE_ERRNO (EINVAL,
                               zmq_setsockopt (socket_, ZMQ_TCP_ACCEPT_FILTER,
                                               filter_, strlen (filter_)));
}

static void
expect_reception (void *server_, reception_t ipv4_, reception_t ipv6_)
{
    const int port = bind_to (server_, "tcp://*:*");
    TEST_ASSERT_EQUAL_INT (ipv4_, reception (AF_INET, port));
    TEST_ASSERT_EQUAL_INT (ipv6_, reception (AF_INET6, port));
    test_context_socket_close (server_);
}

//  10.0.0.0/8 used to be eight bits of ::ffff:10.0.0.0 here.
void test_filter_with_ipv6 ()
{
    IGNORE_WITHOUT_IPV6 ();
    static const struct
    {
        const char *filter;
        reception_t ipv4, ipv6;
    } cases[] = {{"10.0.0.0/8", turned_away, turned_away},
                 {"127.0.0.0/8", greeted, turned_away},
                 {"127.0.0.0/9", greeted, turned_away},
                 {"127.128.0.0/9", turned_away, turned_away},
                 {"127.0.0.1", greeted, turned_away},
                 {"127.0.0.1/128", greeted, turned_away},
                 {"127.0.0.0/104", greeted, turned_away},
                 {"126.0.0.0/104", turned_away, turned_away},
                 {"0.0.0.0/0", greeted, turned_away},
                 {"::ffff:127.0.0.1", greeted, turned_away},
                 {"::ffff:127.0.0.0/104", greeted, turned_away},
                 {"::ffff:127.0.0.0/80", greeted, greeted},
                 {"::1", turned_away, greeted},
                 {"::1/128", turned_away, greeted},
                 {"::/64", greeted, greeted},
                 {"::/0", greeted, greeted},
                 {"2001:db8::/32", turned_away, turned_away}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        void *server = test_context_socket (ZMQ_DEALER);
        set_int (server, ZMQ_IPV6, 1);
        add_filter (server, cases[i].filter);
        expect_reception (server, cases[i].ipv4, cases[i].ipv6);
    }
}

//  Set without ZMQ_IPV6 it used to be compared with IPv4 sockets only.
void test_filter_before_ipv6 ()
{
    IGNORE_WITHOUT_IPV6 ();
    void *server = test_context_socket (ZMQ_DEALER);
    add_filter (server, "127.0.0.1");
    set_int (server, ZMQ_IPV6, 1);
    expect_reception (server, greeted, turned_away);
}

void test_filter_without_ipv6 ()
{
    void *server = test_context_socket (ZMQ_DEALER);
    set_int (server, ZMQ_IPV6, 0);
    expect_bad_filter (server, "::1");
    expect_bad_filter (server, "127.0.0.0/104");
    add_filter (server, "127.0.0.0/8");
    const int port = bind_to (server, "tcp://*:*");
    TEST_ASSERT_EQUAL_INT (greeted, reception (AF_INET, port));
    test_context_socket_close (server);
}

void test_bad_filters ()
{
    void *server = test_context_socket (ZMQ_DEALER);
    for (int ipv6 = 0; ipv6 <= 1; ++ipv6) {
        set_int (server, ZMQ_IPV6, ipv6);
        expect_bad_filter (server, "10.0.0.0/33");
        expect_bad_filter (server, "10.0.0.0/95");
        expect_bad_filter (server, "10.0.0.0/129");
        expect_bad_filter (server, "10.0.0.0/");
        expect_bad_filter (server, "::1/129");
        expect_bad_filter (server, "::1/");
        expect_bad_filter (server, "lo/8");
    }
    test_context_socket_close (server);
}

int main ()
{
    setup_test_environment ();

    UNITY_BEGIN ();
    RUN_TEST (test_filter_with_ipv6);
    RUN_TEST (test_filter_before_ipv6);
    RUN_TEST (test_filter_without_ipv6);
    RUN_TEST (test_bad_filters);
    return UNITY_END ();
}
