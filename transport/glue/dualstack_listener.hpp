/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_LISTENER_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_LISTENER_HPP_INCLUDED__

#include <string>

#include "stream_listener_base.hpp"
#include "zds_bind.h"

namespace zmq
{
class dualstack_bind_t;
class dualstack_binds_t;
class dualstack_listen_t;

//  What the listeners over TCP share: the sockets of a bind, each with a listener of
//  its own, all of one bind children of the first. The monitor hears of the first.
//
//  Of a bind to an interface, one listener follows the interface's IPv6 addresses
//  (B-12). It is in the context's first I/O thread, which watches them, and may have
//  no socket at times. Connections belong to the listener, so they stay when it moves.
class dualstack_listener_t : public stream_listener_base_t
{
  public:
    //  Listens at 'address_', or passes on the socket of ZMQ_USE_FD, and adds the
    //  bind to the socket's. Returns 0, or -1 and sets errno.
    virtual int set_local_address (const char *address_,
                                   dualstack_binds_t *binds_);

    //  The interface that is followed has these addresses now. In the I/O thread.
    void look (const zds_ifaddr_t *ifaddrs_, size_t count_);

    //  Its name.
    const char *interface_name () const;

  protected:
    dualstack_listener_t (io_thread_t *io_thread_,
                          socket_base_t *socket_,
                          const options_t &options_);
    ~dualstack_listener_t () ZMQ_OVERRIDE;

    //  As set_local_address; 'host_' is the HOST:PORT in 'address_'.
    int listen_on (const std::string &host_,
                   const char *address_,
                   dualstack_binds_t *binds_);

    //  As in an endpoint; static text.
    virtual const char *scheme () const = 0;

    //  A listener of the same kind, with the same options.
    virtual dualstack_listener_t *another (io_thread_t *io_thread_) const = 0;

    //  True if accept() failed because the socket was stopped: unbound a moment ago,
    //  or shut down by somebody else who has it. It is no longer polled then.
    bool has_stopped ();

    void process_plug () ZMQ_OVERRIDE;
    void process_term (int linger_) ZMQ_OVERRIDE;
    int close () ZMQ_OVERRIDE;

  private:
    void launch_siblings (dualstack_listen_t *sockets_);
    dualstack_listener_t *sibling (io_thread_t *io_thread_, fd_t fd_) const;
    void start_following ();
    fd_t open_moved (const zds_follow_step_t &step_);
    void leave_address ();

    io_thread_t *const _io_thread;

    //  True iff another listener of the same bind tells the monitor of its
    //  beginning and end.
    bool _silent;

    //  Shared by the listeners of the bind; NULL: the socket is the application's.
    dualstack_bind_t *_bind;

    //  Of the one that follows: the interface, the socket of the bind's first
    //  listener as long as that is the IPv6 one, and the network namespace.
    bool _follows, _is_watching;
    zds_follow_t _follow;
    fd_t _first;
    uint64_t _netns;

    ZMQ_NON_COPYABLE_NOR_MOVABLE (dualstack_listener_t)
};
}

#endif
