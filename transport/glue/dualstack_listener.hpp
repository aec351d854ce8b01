/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_LISTENER_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_LISTENER_HPP_INCLUDED__

#include <string>

#include "address.hpp"
#include "dualstack_binds.hpp"

#ifndef ZMQ_HAVE_DUALSTACK
#define dualstack_as_ipv4(addr, len) static_cast<void> (0)
#define dualstack_refused(options, endpoint, peer) static_cast<void> (0)
//  Without the transport, libzmq's own.
#define dualstack_tcp_listener(thread, socket, options, binds)                 \
    new (std::nothrow) tcp_listener_t (thread, socket, options)
#define dualstack_ws_listener(thread, socket, options, wss, binds)             \
    new (std::nothrow) ws_listener_t (thread, socket, options, wss)
#else
namespace zmq
{
class io_thread_t;
class socket_base_t;
class tcp_listener_t;
class ws_listener_t;
struct options_t;

//  libzmq's listeners over TCP, but with all the sockets of a bind instead of one.
//  Each socket has a listener of its own; the others are children of the first one,
//  and the monitor hears of that one only. set_local_address() adds the bind to the
//  socket's 'binds_'. Returns NULL when there is no memory.
tcp_listener_t *dualstack_tcp_listener (io_thread_t *io_thread_,
                                        socket_base_t *socket_,
                                        const options_t &options_,
                                        dualstack_binds_t *binds_);

#ifdef ZMQ_HAVE_WS
ws_listener_t *dualstack_ws_listener (io_thread_t *io_thread_,
                                      socket_base_t *socket_,
                                      const options_t &options_,
                                      bool wss_,
                                      dualstack_binds_t *binds_);
#endif

//  Turns the address of an IPv4 peer of a dual-stack socket into an IPv4 address.
void dualstack_as_ipv4 (sockaddr_storage *addr_, socklen_t *len_);

//  Traces, if there is a trace, that no accept filter matches the peer.
void dualstack_refused (const options_t &options_,
                        const std::string &endpoint_,
                        const sockaddr_storage &peer_);
}
#endif

#endif
