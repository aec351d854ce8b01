/* SPDX-License-Identifier: MPL-2.0 */

//  ZMQ_TCP_ACCEPT_FILTER on listeners of both families: a prefix belongs to the
//  family that it is written in.

#include "testutil_dualstack.hpp"

SETUP_TEARDOWN_TESTCONTEXT

static void add_filter (void *socket_, const char *filter_)
{
    TEST_ASSERT_SUCCESS_ERRNO (zmq_setsockopt (socket_, ZMQ_TCP_ACCEPT_FILTER,
                                               filter_, strlen (filter_)));
}

static void expect_bad_filter (void *socket_, const char *filter_)
{
    TEST_ASSERT_FAILURE_ERRNO (EINVAL,
                               zmq_setsockopt (socket_, ZMQ_TCP_ACCEPT_FILTER,
                                               filter_, strlen (filter_)));
}

static void *server_with (const char *filter_)
{
    void *server = test_context_socket (ZMQ_DEALER);
    add_filter (server, filter_);
    return server;
}

static void
expect_reception (void *server_, reception_t ipv4_, reception_t ipv6_)
{
    const int port = bind_to (server_, "tcp://*:*");
    TEST_ASSERT_EQUAL_INT (ipv4_, reception (AF_INET, port));
    TEST_ASSERT_EQUAL_INT (ipv6_, reception (AF_INET6, port));
    test_context_socket_close (server_);
}

void test_ipv4_filter ()
{
    IGNORE_WITHOUT_IPV6 ();
    expect_reception (server_with ("127.0.0.1"), greeted, turned_away);
    expect_reception (server_with ("127.0.0.0/8"), greeted, turned_away);
    expect_reception (server_with ("0.0.0.0/0"), greeted, turned_away);
    expect_reception (server_with ("10.0.0.0/8"), turned_away, turned_away);
}

void test_ipv6_filter ()
{
    IGNORE_WITHOUT_IPV6 ();
    expect_reception (server_with ("::1"), turned_away, greeted);
    expect_reception (server_with ("::/64"), turned_away, greeted);
    expect_reception (server_with ("2001:db8::/32"), turned_away, turned_away);
}

void test_filters_of_both_families ()
{
    IGNORE_WITHOUT_IPV6 ();
    void *server = server_with ("127.0.0.0/8");
    add_filter (server, "::1");
    expect_reception (server, greeted, greeted);
}

//  10.0.0.0/8 used to be eight bits of ::ffff:10.0.0.0 here.
void test_ipv4_filter_with_ipv6_option ()
{
    IGNORE_WITHOUT_IPV6 ();
    static const struct
    {
        const char *filter;
        reception_t ipv4, ipv6;
    } cases[] = {{"10.0.0.0/8", turned_away, turned_away},
                 {"127.0.0.0/8", greeted, turned_away},
                 {"127.0.0.1", greeted, turned_away},
                 {"127.0.0.1/128", greeted, turned_away},
                 {"::1/128", turned_away, greeted},
                 {"::/0", greeted, greeted}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        void *server = test_context_socket (ZMQ_DEALER);
        set_int (server, ZMQ_IPV6, 1);
        add_filter (server, cases[i].filter);
        expect_reception (server, cases[i].ipv4, cases[i].ipv6);
    }
}

void test_ipv4_filter_before_ipv6_option ()
{
    IGNORE_WITHOUT_IPV6 ();
    void *server = server_with ("127.0.0.1");
    set_int (server, ZMQ_IPV6, 1);
    expect_reception (server, greeted, turned_away);
}

void test_ipv6_filter_with_ipv6_option_off ()
{
    void *server = test_context_socket (ZMQ_DEALER);
    set_int (server, ZMQ_IPV6, 0);
    expect_bad_filter (server, "::1");
    add_filter (server, "127.0.0.1");
    test_context_socket_close (server);
}

void test_bad_filters ()
{
    void *server = test_context_socket (ZMQ_DEALER);
    expect_bad_filter (server, "10.0.0.0/33");
    expect_bad_filter (server, "::1/129");
    expect_bad_filter (server, "::1/");
    expect_bad_filter (server, "lo/8");
    set_int (server, ZMQ_IPV6, 1);
    expect_bad_filter (server, "10.0.0.0/33");
    expect_bad_filter (server, "10.0.0.0/95");
    test_context_socket_close (server);
}

int main ()
{
    setup_dualstack_test_environment ();

    UNITY_BEGIN ();
    RUN_TEST (test_ipv4_filter);
    RUN_TEST (test_ipv6_filter);
    RUN_TEST (test_filters_of_both_families);
    RUN_TEST (test_ipv4_filter_with_ipv6_option);
    RUN_TEST (test_ipv4_filter_before_ipv6_option);
    RUN_TEST (test_ipv6_filter_with_ipv6_option_off);
    RUN_TEST (test_bad_filters);
    return UNITY_END ();
}
