/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __TESTUTIL_TCP_HPP_INCLUDED__
#define __TESTUTIL_TCP_HPP_INCLUDED__

//  What the tests of TCP endpoints share.  They use the loopback
//  addresses and ports that the system chooses, and nothing else.  A test case
//  that needs IPv6 is ignored on a host without it.

#include "testutil.hpp"
#include "testutil_unity.hpp"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef ZMQ_HAVE_WINDOWS
#include <netdb.h>
#include <sys/time.h>
#endif

#define IGNORE_WITHOUT_IPV6()                                                  \
    if (!is_ipv6_available ())                                                 \
    TEST_IGNORE_MESSAGE ("IPv6 is not available")

//  The administrator's settings. Contexts read them when they are made, so this
//  has no effect on existing ones.
inline void set_dualstack_settings (const char *settings_)
{
#ifdef ZMQ_HAVE_WINDOWS
    TEST_ASSERT_EQUAL_INT (
      0, _putenv_s ("ZMQ_DUALSTACK", settings_ ? settings_ : ""));
#else
    TEST_ASSERT_EQUAL_INT (0, settings_ != NULL
                                ? setenv ("ZMQ_DUALSTACK", settings_, 1)
                                : unsetenv ("ZMQ_DUALSTACK"));
#endif
}

//  Used in place of setup_test_environment, so that the machine's own settings
//  do not affect the tests.
inline void setup_dualstack_test_environment ()
{
    setup_test_environment ();
    set_dualstack_settings (NULL);
}

inline int port_of (const char *endpoint_)
{
    const char *const colon = strrchr (endpoint_, ':');
    TEST_ASSERT_NOT_NULL (colon);
    return atoi (colon + 1);
}

struct endpoint_t
{
    endpoint_t (const char *host_, int port_)
    {
        snprintf (text, sizeof text, "tcp://%s:%d", host_, port_);
    }

    char text[MAX_SOCKET_STRING];
};

//  Binds, and returns the port.
inline int bind_to (void *socket_, const char *endpoint_)
{
    char last_endpoint[MAX_SOCKET_STRING];
    test_bind (socket_, endpoint_, last_endpoint, sizeof last_endpoint);
    return port_of (last_endpoint);
}

inline void expect_last_endpoint (void *socket_, const char *host_, int port_)
{
    char last_endpoint[MAX_SOCKET_STRING];
    size_t size = sizeof last_endpoint;
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_getsockopt (socket_, ZMQ_LAST_ENDPOINT, last_endpoint, &size));
    TEST_ASSERT_EQUAL_STRING (endpoint_t (host_, port_).text, last_endpoint);
}

inline void set_int (void *socket_, int option_, int value_)
{
    TEST_ASSERT_SUCCESS_ERRNO (
      zmq_setsockopt (socket_, option_, &value_, sizeof value_));
}

inline void add_filter (void *socket_, const char *filter_)
{
    TEST_ASSERT_SUCCESS_ERRNO (zmq_setsockopt (socket_, ZMQ_TCP_ACCEPT_FILTER,
                                               filter_, strlen (filter_)));
}

//  What happens to a plain TCP client at a port of a family's loopback address.
enum reception_t
{
    refused,
    turned_away, //  accepted and closed without a word: an accept filter
    greeted      //  accepted, and ZMTP began
};

inline reception_t reception (int family_, int port_)
{
    struct sockaddr_storage addr;
    socklen_t size;
    memset (&addr, 0, sizeof addr);
    if (family_ == AF_INET6) {
        struct sockaddr_in6 *const ipv6 =
          reinterpret_cast<struct sockaddr_in6 *> (&addr);
        ipv6->sin6_family = AF_INET6;
        ipv6->sin6_port = htons (static_cast<uint16_t> (port_));
        ipv6->sin6_addr.s6_addr[15] = 1;
        size = sizeof *ipv6;
    } else {
        struct sockaddr_in *const ipv4 =
          reinterpret_cast<struct sockaddr_in *> (&addr);
        ipv4->sin_family = AF_INET;
        ipv4->sin_port = htons (static_cast<uint16_t> (port_));
        ipv4->sin_addr.s_addr = htonl (0x7f000001);
        size = sizeof *ipv4;
    }

    const fd_t fd = socket (family_, SOCK_STREAM, IPPROTO_TCP);
    TEST_ASSERT_TRUE (fd != static_cast<fd_t> (retired_fd));
    if (connect (fd, reinterpret_cast<struct sockaddr *> (&addr), size) != 0) {
        close (fd);
        return refused;
    }

    //  A filtered connection is closed, any other one gets libzmq's greeting. A listener
    //  that is closed just now may leave a connection of which its system knows nothing:
    //  that is ended once something is sent, here the first byte of a greeting.
    char byte = '\xff';
    send (fd, &byte, 1, 0);
    const int received = static_cast<int> (recv (fd, &byte, 1, 0));
    close (fd);
    return received == 1 ? greeted : turned_away;
}

inline void expect_dual_stack (int port_)
{
    TEST_ASSERT_EQUAL_INT (greeted, reception (AF_INET, port_));
    TEST_ASSERT_EQUAL_INT (greeted, reception (AF_INET6, port_));
}

//  Where a listening socket cannot be stopped from another thread, the I/O
//  thread closes it a moment after zmq_unbind has returned.
inline void expect_refusal (int family_, int port_)
{
    reception_t last = greeted;
    for (int i = 0; i < 100 && last != refused; ++i) {
        last = reception (family_, port_);
        if (last != refused)
            msleep (50);
    }
    TEST_ASSERT_EQUAL_INT (refused, last);
}

inline void expect_nothing (int port_)
{
    expect_refusal (AF_INET, port_);
    expect_refusal (AF_INET6, port_);
}

//  Binds to the loopback interface, port *. Returns its name, or NULL where it
//  has another name than the usual ones.
inline const char *bind_to_loopback_interface (void *socket_)
{
    static const char *const names[] = {"lo", "lo0"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i) {
        char endpoint[MAX_SOCKET_STRING];
        snprintf (endpoint, sizeof endpoint, "tcp://%s:*", names[i]);
        if (zmq_bind (socket_, endpoint) == 0)
            return names[i];
        TEST_ASSERT_EQUAL_INT (ENODEV, errno);
    }
    return NULL;
}

//  Whether the system takes "localhost" for ::1, too.
inline bool localhost_has_ipv6 ()
{
    if (!is_ipv6_available ())
        return false;

    struct addrinfo hints, *found;
    memset (&hints, 0, sizeof hints);
    hints.ai_family = AF_INET6;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo ("localhost", NULL, &hints, &found) != 0)
        return false;

    bool loopback = false;
    for (const struct addrinfo *ai = found; ai != NULL; ai = ai->ai_next) {
        struct sockaddr_in6 addr;
        memcpy (&addr, ai->ai_addr, sizeof addr);
        loopback = loopback || IN6_IS_ADDR_LOOPBACK (&addr.sin6_addr);
    }
    freeaddrinfo (found);
    return loopback;
}

//  Passes a message, and checks the address from which the receiver got it.
inline void
expect_peer_address (void *receiver_, void *sender_, const char *address_)
{
    send_string_expect_success (sender_, "knock", 0);

    zmq_msg_t msg;
    TEST_ASSERT_SUCCESS_ERRNO (zmq_msg_init (&msg));
    TEST_ASSERT_EQUAL_INT (
      5, TEST_ASSERT_SUCCESS_ERRNO (zmq_msg_recv (&msg, receiver_, 0)));
    TEST_ASSERT_EQUAL_STRING (address_, zmq_msg_gets (&msg, "Peer-Address"));
    TEST_ASSERT_SUCCESS_ERRNO (zmq_msg_close (&msg));
}

//  The I/O thread still works, and has done before this what it was told before.
inline void expect_io_thread_works ()
{
    void *server = test_context_socket (ZMQ_DEALER);
    void *client = test_context_socket (ZMQ_DEALER);
    const endpoint_t endpoint ("127.0.0.1",
                               bind_to (server, "tcp://127.0.0.1:*"));
    TEST_ASSERT_SUCCESS_ERRNO (zmq_connect (client, endpoint.text));
    bounce (server, client);
    test_context_socket_close (client);
    test_context_socket_close (server);
}

#endif
