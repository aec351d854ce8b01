/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_LISTENER_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_LISTENER_HPP_INCLUDED__

#include <string>

#include "macros.hpp"
#include "zds_bind.h"

#ifndef ZMQ_HAVE_DUALSTACK
//  Without the transport, libzmq's own.
#define dualstack_tcp_listener(thread, socket, options, binds)                 \
    new (std::nothrow) tcp_listener_t (thread, socket, options)
#define dualstack_ws_listener(thread, socket, options, wss, binds)             \
    new (std::nothrow) ws_listener_t (thread, socket, options, wss)
#else
namespace zmq
{
class dualstack_binds_t;
class io_thread_t;
class socket_base_t;
class tcp_listener_t;
class ws_listener_t;
struct options_t;

//  One listener of a bind to an interface follows that interface's IPv6 addresses
//  (B-12). It runs in the context's first I/O thread, which watches them, and has no
//  socket at times. Connections belong to the listener, so they survive its moves.
struct i_dualstack_follower
{
    virtual ~i_dualstack_follower () ZMQ_DEFAULT;

    //  The interface that is followed has these addresses now. In the I/O thread.
    virtual void look (const zds_ifaddr_t *ifaddrs_, size_t count_) = 0;

    //  Its name.
    virtual const char *interface_name () const = 0;
};

//  libzmq's listeners over TCP, but with all the sockets of a bind instead of one. Each
//  socket has a listener of its own; the others are children of the first, and the
//  monitor hears of the first only. set_local_address() adds the bind to the socket's
//  'binds_'. NULL: there is no memory.
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
}
#endif

#endif
