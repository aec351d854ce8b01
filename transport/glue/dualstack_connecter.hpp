/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_CONNECTER_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_CONNECTER_HPP_INCLUDED__

#include <string>

#ifndef ZMQ_HAVE_DUALSTACK
//  Without the transport, libzmq's own.
#define dualstack_tcp_connecter new (std::nothrow) tcp_connecter_t
#define dualstack_socks_connecter new (std::nothrow) socks_connecter_t
#define dualstack_ws_connecter new (std::nothrow) ws_connecter_t
#else
namespace zmq
{
class io_thread_t;
class own_t;
class session_base_t;
class socks_connecter_t;
struct address_t;
struct options_t;

//  libzmq's connecters over TCP, with a race instead of the one connect().
//  The arguments are those of libzmq's own; NULL: there is no memory.
//
//  A race tells the monitor what one connect() would have: CONNECT_DELAYED once, and
//  CLOSED once if it fails. What happens with a connection is left to libzmq's
//  classes.
own_t *dualstack_tcp_connecter (io_thread_t *io_thread_,
                                session_base_t *session_,
                                const options_t &options_,
                                address_t *addr_,
                                bool delayed_start_);

socks_connecter_t *dualstack_socks_connecter (io_thread_t *io_thread_,
                                              session_base_t *session_,
                                              const options_t &options_,
                                              address_t *addr_,
                                              address_t *proxy_addr_,
                                              bool delayed_start_);

#ifdef ZMQ_HAVE_WS
own_t *dualstack_ws_connecter (io_thread_t *io_thread_,
                               session_base_t *session_,
                               const options_t &options_,
                               address_t *addr_,
                               bool delayed_start_,
                               bool wss_,
                               const std::string &tls_hostname_);
#endif
}
#endif

#endif
