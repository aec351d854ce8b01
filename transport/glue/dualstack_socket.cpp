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
    //  So that one port can be the source of connections to several servers. If this
    //  cannot be set, bind() fails with the reason.
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
    //  Otherwise some systems refuse to connect the socket to a mapped address. For
    //  other addresses it does not matter.
    if (family == AF_INET6 && zds_addr_class (&addr_) == ZDS_CLASS_MAPPED_IPV4)
        dualstack_set_flag (*fd_, IPPROTO_IPV6, IPV6_V6ONLY, 0);
#endif
    //  On failure, this closes the socket.
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
    zmq_socklen_t len = sizeof error;

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

//  The socket's own address.
static bool own_address (zmq::fd_t fd_, zds_addr_t *addr_)
{
    zmq::zmq_socklen_t len = sizeof *addr_;

    return getsockname (fd_, &addr_->sa, &len) == 0;
}

bool zmq::dualstack_is_ipv6 (fd_t fd_)
{
    zds_addr_t local;

    return own_address (fd_, &local) && zds_addr_family (&local) == AF_INET6;
}

int zmq::dualstack_check_peer (fd_t fd_)
{
    zds_addr_t local, peer;
    zmq_socklen_t len = sizeof peer;

    if (!own_address (fd_, &local))
        return dualstack_errno ();
    return getpeername (fd_, &peer.sa, &len) == 0
               && zds_addr_equal (&peer, &local)
             ? ECONNREFUSED
             : 0;
}

void zmq::dualstack_keep_alive (fd_t fd_, const options_t &options_)
{
    const int idle = options_.tcp_keepalive_idle;
    const int interval = options_.tcp_keepalive_intvl;
    const int probes = options_.tcp_keepalive_cnt;

    //  These are in seconds, except the number of probes.
    if (options_.tcp_keepalive == -1)
        tune_tcp_keepalives (fd_, 1, probes == -1 ? 3 : probes,
                             idle == -1 ? 60 : idle,
                             interval == -1 ? 10 : interval);
}

//  The outcome of a call that returned 'rc_': 0, EAGAIN or another errno.
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

int zmq::dualstack_hear (fd_t fd_, zds_greeting_t *greeting_, size_t *count_)
{
    uint8_t bytes[ZDS_SIGNATURE_SIZE];
    const int rc = end_of (
      recv (fd_, reinterpret_cast<char *> (bytes), sizeof bytes, MSG_PEEK),
      count_);

    if (rc != 0)
        return rc;
    *greeting_ = zds_greeting_judge (bytes, *count_);
    return *count_ == 0 ? ECONNRESET : 0;
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

static int set_v6only (zmq::fd_t fd_, const zds_listener_t &listener_)
{
    if (listener_.v6only == ZDS_V6ONLY_NONE)
        return 0;
#ifdef IPV6_V6ONLY
    if (zmq::dualstack_set_flag (fd_, IPPROTO_IPV6, IPV6_V6ONLY,
                                 listener_.v6only == ZDS_V6ONLY_ON)
        == 0)
        return 0;
    return zds_listener_needs_v6only (&listener_) ? -1 : 0;
#else
    errno = ENOPROTOOPT;
    return -1;
#endif
}

static void set_freebind (zmq::fd_t fd_)
{
    //  Without this option, bind() fails with EADDRNOTAVAIL.
#ifdef IP_FREEBIND
    zmq::dualstack_set_flag (fd_, IPPROTO_IP, IP_FREEBIND, 1);
#else
    LIBZMQ_UNUSED (fd_);
#endif
}

//  Makes a port that can be bound although an earlier process left it in TIME_WAIT.
//  On Windows this is always so, and the option of this name would let any program
//  share the port.
static int set_address_reuse (zmq::fd_t fd_)
{
#ifdef ZMQ_HAVE_WINDOWS
    return zmq::dualstack_set_flag (fd_, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, 1);
#else
    return zmq::dualstack_set_flag (fd_, SOL_SOCKET, SO_REUSEADDR, 1);
#endif
}

//  Makes the socket calls in their order. 'stage_' says how far that came.
static zmq::fd_t open_socket_for (const zds_listener_t &listener_,
                                  const zmq::options_t &options_,
                                  zds_bind_stage_t *stage_)
{
    *stage_ = ZDS_AT_SOCKET;
    const zmq::fd_t fd = zmq::open_socket (zds_addr_family (&listener_.addr),
                                           SOCK_STREAM, IPPROTO_TCP);
    if (fd == zmq::retired_fd)
        return zmq::retired_fd;

    *stage_ = ZDS_AT_V6ONLY;
    if (set_v6only (fd, listener_) != 0) {
        errno = zmq::dualstack_errno ();
        zmq::dualstack_close (fd);
        return zmq::retired_fd;
    }

    *stage_ = ZDS_AT_OPTION;
    if (zmq::tcp_prepare_socket (fd, options_) == zmq::retired_fd)
        return zmq::retired_fd;
    zmq::make_socket_noninheritable (fd);
    if (set_address_reuse (fd) != 0) {
        errno = zmq::dualstack_errno ();
        zmq::dualstack_close (fd);
        return zmq::retired_fd;
    }
    if (listener_.freebind)
        set_freebind (fd);
    return fd;
}

int zmq::dualstack_open_listener (const zds_listener_t &listener_,
                                  const options_t &options_,
                                  zds_bind_stage_t *stage_,
                                  fd_t *fd_,
                                  uint16_t *port_)
{
    const zds_addr_t &addr = listener_.addr;
    zds_addr_t bound;

    *fd_ = open_socket_for (listener_, options_, stage_);
    if (*fd_ == retired_fd)
        return errno;
    *stage_ = ZDS_AT_BIND;
    if (::bind (*fd_, &addr.sa, len_of (addr)) != 0
        || ::listen (*fd_, options_.backlog) != 0) {
        const int rc = dualstack_errno ();
        dualstack_close (*fd_);
        return rc;
    }
    //  0 where a sandbox forbids getsockname.
    *port_ = zds_addr_port (&addr);
    if (*port_ == 0 && own_address (*fd_, &bound))
        *port_ = zds_addr_port (&bound);
    return 0;
}

void zmq::dualstack_stop_listening (fd_t fd_)
{
#ifdef __linux__
    ::shutdown (fd_, SHUT_RDWR);
#else
    LIBZMQ_UNUSED (fd_);
#endif
}

bool zmq::dualstack_has_stopped (fd_t fd_)
{
#ifdef __linux__
    int listening = 1;
    socklen_t len = sizeof listening;

    return getsockopt (fd_, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0
           && listening == 0;
#else
    LIBZMQ_UNUSED (fd_);
    return false;
#endif
}

//  Where the system has no getifaddrs, libzmq can still ask for one interface by
//  name. Literals are left out, because libzmq would take them, too.
static void ask_resolver (const zds_endpoint_t &endpoint_,
                          bool ipv6_,
                          std::vector<zds_ifaddr_t> *ifaddrs_)
{
    zmq::ip_resolver_options_t options;
    options.bindable (true).allow_nic_name (true).ipv6 (ipv6_);
    zmq::ip_resolver_t resolver (options);
    zmq::ip_addr_t addr;
    zds_ifaddr_t ifaddr;

    memset (&ifaddr, 0, sizeof ifaddr);
    if (strlen (endpoint_.host) >= sizeof ifaddr.name
        || zds_endpoint_literal (&endpoint_, &ifaddr.addr) == 0
        || resolver.resolve (&addr, endpoint_.host) != 0
        || zds_addr_from_sockaddr (&ifaddr.addr, addr.as_sockaddr (),
                                   addr.sockaddr_len ())
             != 0)
        return;
    //  The resolver drops the scope, without which a link-local address is useless.
    if (zds_addr_family (&ifaddr.addr) == AF_INET6
        && zds_addr_class (&ifaddr.addr) == ZDS_CLASS_LINK_LOCAL)
        return;
    strcpy (ifaddr.name, endpoint_.host);
    ifaddrs_->push_back (ifaddr);
}

//  Its base is all zero at first.
// cppcheck-suppress uninitDerivedMemberVar
zmq::dualstack_local_t::dualstack_local_t (zds_mode_t mode_) :
    zds_local_t (), _unknown (0)
{
    mode = mode_;
}

int zmq::dualstack_local_t::read (const std::string &text_)
{
    zds_ifaddr_t *found;

    int rc = zds_endpoint_parse (&endpoint, text_.c_str (), ZDS_PORT_BIND);
    if (rc == 0)
        rc = zds_host_zone (&endpoint);
    count = 0;
    _unknown = 0;
    if (rc != 0 || strcmp (endpoint.host, "*") == 0)
        return rc;
    _unknown = zds_host_ifaddrs (endpoint.host, &found, &count);
    _all.assign (found, found + count);
    free (found);
    if (_unknown == ENOTSUP) {
        ask_resolver (endpoint, false, &_all);
        ask_resolver (endpoint, true, &_all);
    }
    //  Windows Subsystem for Linux has no interfaces to show.
    if (_unknown == ENOTSUP || _unknown == EINVAL || _unknown == EOPNOTSUPP)
        _unknown = 0;
    count = _all.size ();
    ifaddrs = count == 0 ? NULL : &_all[0];
    return 0;
}
