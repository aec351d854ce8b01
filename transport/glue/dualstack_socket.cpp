/* SPDX-License-Identifier: MPL-2.0 */

#include "precompiled.hpp"

#include <stdlib.h>
#include <string.h>

#include "dualstack_socket.hpp"
#include "address.hpp"
#include "err.hpp"
#include "ip.hpp"
#include "ip_resolver.hpp"
#include "options.hpp"
#include "tcp.hpp"
#include "zds_host.h"

#ifndef ZMQ_HAVE_WINDOWS
#include <poll.h>
#include <unistd.h>
#endif

void zmq::dualstack_close (fd_t fd_)
{
    const int saved_errno = errno;
#ifdef ZMQ_HAVE_WINDOWS
    closesocket (fd_);
#else
    ::close (fd_);
#endif
    errno = saved_errno;
}

int zmq::dualstack_errno ()
{
#ifdef ZMQ_HAVE_WINDOWS
    return wsa_error_to_errno (WSAGetLastError ());
#else
    return errno;
#endif
}

int zmq::dualstack_set_flag (fd_t fd_, int level_, int option_, int value_)
{
#ifdef ZMQ_HAVE_WINDOWS
    const DWORD flag = value_;
#else
    const int flag = value_;
#endif
    return setsockopt (fd_, level_, option_,
                       reinterpret_cast<const char *> (&flag), sizeof flag);
}

//  An address as an argument of a socket call.
static zmq::zmq_socklen_t len_of (const zds_addr_t &addr_)
{
    return static_cast<zmq::zmq_socklen_t> (zds_addr_len (&addr_));
}

static int start_connect (zmq::fd_t fd_, const zds_addr_t &addr_)
{
    if (::connect (fd_, &addr_.sa, len_of (addr_)) == 0)
        return 0;
#ifdef ZMQ_HAVE_WINDOWS
    const int error = WSAGetLastError ();
    return error == WSAEINPROGRESS || error == WSAEWOULDBLOCK
             ? EINPROGRESS
             : zmq::wsa_error_to_errno (error);
#else
    return errno == EINTR ? EINPROGRESS : errno;
#endif
}

static int bind_source (zmq::fd_t fd_, const zds_addr_t &source_)
{
    //  So that one port may serve for connections to several servers. Where it
    //  cannot be set, bind() says what is amiss.
    zmq::dualstack_set_flag (fd_, SOL_SOCKET, SO_REUSEADDR, 1);
    return ::bind (fd_, &source_.sa, len_of (source_)) == 0
             ? 0
             : zmq::dualstack_errno ();
}

int zmq::dualstack_connect (const zds_addr_t &addr_,
                            const zds_addr_t *source_,
                            const options_t &options_,
                            fd_t *fd_)
{
    const int family = zds_addr_family (&addr_);

    *fd_ = open_socket (family, SOCK_STREAM, IPPROTO_TCP);
    if (*fd_ == retired_fd)
        return errno;

#ifdef IPV6_V6ONLY
    //  Else some systems refuse to connect it to a mapped address. For any other
    //  it does not matter.
    if (family == AF_INET6 && zds_addr_class (&addr_) == ZDS_CLASS_MAPPED_IPV4)
        dualstack_set_flag (*fd_, IPPROTO_IPV6, IPV6_V6ONLY, 0);
#endif
    //  It closes what it cannot prepare.
    if (tcp_prepare_socket (*fd_, options_) == retired_fd) {
        *fd_ = retired_fd;
        return errno;
    }
    unblock_socket (*fd_);

    int rc = source_ == NULL ? 0 : bind_source (*fd_, *source_);
    if (rc == 0)
        rc = start_connect (*fd_, addr_);
    if (rc != 0 && rc != EINPROGRESS)
        dualstack_close (*fd_);
    return rc;
}

bool zmq::dualstack_is_connected (fd_t fd_)
{
    zds_addr_t peer;
    zmq_socklen_t len = sizeof peer;

    return getpeername (fd_, &peer.sa, &len) == 0;
}

int zmq::dualstack_connect_error (fd_t fd_)
{
    int error = 0;
#if defined ZMQ_HAVE_HPUX || defined ZMQ_HAVE_VXWORKS
    int len = sizeof error;
#else
    socklen_t len = sizeof error;
#endif

    //  Solaris returns the error of the connection itself.
    if (getsockopt (fd_, SOL_SOCKET, SO_ERROR,
                    reinterpret_cast<char *> (&error), &len)
        != 0)
        return dualstack_errno ();
#ifdef ZMQ_HAVE_WINDOWS
    return error == 0 ? 0 : wsa_error_to_errno (error);
#else
    return error;
#endif
}

int zmq::dualstack_tune (fd_t fd_, const options_t &options_)
{
    const int rc = tune_tcp_socket (fd_)
                   | tune_tcp_keepalives (
                     fd_, options_.tcp_keepalive, options_.tcp_keepalive_cnt,
                     options_.tcp_keepalive_idle, options_.tcp_keepalive_intvl)
                   | tune_tcp_maxrt (fd_, options_.tcp_maxrt);
    return rc == 0 ? 0 : ECONNRESET;
}

int zmq::dualstack_local_address (fd_t fd_, zds_addr_t *addr_)
{
    zmq_socklen_t len = sizeof *addr_;

    return getsockname (fd_, &addr_->sa, &len) == 0 ? 0 : dualstack_errno ();
}

bool zmq::dualstack_is_own_peer (fd_t fd_, const zds_addr_t &local_)
{
    zds_addr_t peer;
    zmq_socklen_t len = sizeof peer;

    return getpeername (fd_, &peer.sa, &len) == 0
           && zds_addr_equal (&peer, &local_);
}

void zmq::dualstack_keep_alive (fd_t fd_, const options_t &options_)
{
    const int idle = options_.tcp_keepalive_idle;
    const int interval = options_.tcp_keepalive_intvl;
    const int probes = options_.tcp_keepalive_cnt;

    //  In seconds, but for the number of probes.
    if (options_.tcp_keepalive == -1)
        tune_tcp_keepalives (fd_, 1, probes == -1 ? 3 : probes,
                             idle == -1 ? 60 : idle,
                             interval == -1 ? 10 : interval);
}

//  Of a call that gave 'rc_' bytes: 0, EAGAIN or another errno.
static int end_of (long rc_, size_t *count_)
{
    *count_ = rc_ > 0 ? static_cast<size_t> (rc_) : 0;
    if (rc_ >= 0)
        return 0;
#ifdef ZMQ_HAVE_WINDOWS
    return WSAGetLastError () == WSAEWOULDBLOCK ? EAGAIN
                                                : zmq::dualstack_errno ();
#else
    return errno == EWOULDBLOCK || errno == EINTR ? EAGAIN : errno;
#endif
}

int zmq::dualstack_send (fd_t fd_,
                         const void *data_,
                         size_t size_,
                         size_t *sent_)
{
#ifdef MSG_NOSIGNAL
    const int flags = MSG_NOSIGNAL;
#else
    const int flags = 0;
#endif
    const int rc = end_of (
      send (fd_, static_cast<const char *> (data_), size_, flags), sent_);

    return rc == EAGAIN ? 0 : rc;
}

int zmq::dualstack_peek (fd_t fd_, void *data_, size_t size_, size_t *count_)
{
    return end_of (recv (fd_, static_cast<char *> (data_), size_, MSG_PEEK),
                   count_);
}

void zmq::dualstack_report_from (fd_t fd_, int bytes_)
{
#ifdef SO_RCVLOWAT
    dualstack_set_flag (fd_, SOL_SOCKET, SO_RCVLOWAT, bytes_);
#else
    static_cast<void> (fd_);
    static_cast<void> (bytes_);
#endif
}

bool zmq::dualstack_has_hung_up (fd_t fd_)
{
#ifdef POLLRDHUP
    struct pollfd pollfd = {fd_, POLLRDHUP, 0};

    return poll (&pollfd, 1, 0) > 0;
#else
    return dualstack_connect_error (fd_) != 0;
#endif
}

//  Where the system has no getifaddrs, libzmq still knows how to ask for one
//  interface by name. Literals are left alone: it would take them too.
static void ask_resolver (const zds_endpoint_t &endpoint_,
                          bool ipv6_,
                          zmq::dualstack_ifaddrs_t *ifaddrs_)
{
    zmq::ip_resolver_options_t options;
    options.bindable (true).allow_nic_name (true).ipv6 (ipv6_);
    zmq::ip_resolver_t resolver (options);
    zmq::ip_addr_t addr;
    zds_ifaddr_t ifaddr;

    memset (&ifaddr, 0, sizeof ifaddr);
    if (strlen (endpoint_.host) >= sizeof ifaddr.name
        || zds_endpoint_literal (&endpoint_, 0, &ifaddr.addr) == 0
        || resolver.resolve (&addr, endpoint_.host) != 0
        || zds_addr_from_sockaddr (&ifaddr.addr, addr.as_sockaddr (),
                                   addr.sockaddr_len ())
             != 0)
        return;
    //  The resolver loses the scope that a link-local address cannot do without.
    if (zds_addr_family (&ifaddr.addr) == AF_INET6
        && zds_addr_class (&ifaddr.addr) == ZDS_CLASS_LINK_LOCAL)
        return;
    strcpy (ifaddr.name, endpoint_.host);
    ifaddrs_->push_back (ifaddr);
}

int zmq::dualstack_ifaddrs (const zds_endpoint_t &endpoint_,
                            dualstack_ifaddrs_t *ifaddrs_)
{
    zds_ifaddr_t *all;
    size_t count;
    const int rc = zds_host_ifaddrs (endpoint_.host, &all, &count);

    if (rc == ENOTSUP) {
        ask_resolver (endpoint_, false, ifaddrs_);
        ask_resolver (endpoint_, true, ifaddrs_);
        return 0;
    }
    if (rc == 0)
        ifaddrs_->assign (all, all + count);
    free (all);
    //  Windows Subsystem for Linux has no interfaces to show.
    return rc == EINVAL || rc == EOPNOTSUPP ? 0 : rc;
}
