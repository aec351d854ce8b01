/* SPDX-License-Identifier: MPL-2.0 */

#include "precompiled.hpp"

#include <string.h>

#include <new>

#include "dualstack_binds.hpp"
#include "dualstack_inbox.hpp"
#include "dualstack_listen.hpp"
#include "dualstack_listener.hpp"
#include "dualstack_ctx.hpp"
#include "dualstack_socket.hpp"
#include "dualstack_watch.hpp"
#include "ctx.hpp"
#include "err.hpp"
#include "io_thread.hpp"
#include "socket_base.hpp"
#include "tcp_listener.hpp"
#ifdef ZMQ_HAVE_WS
#include "ws_listener.hpp"
#endif
#include "zds_host.h"

namespace zmq
{
//  The name of a socket, as an IPv4 socket in its place would have it: see
//  options_t::as_ipv4.
static std::string as_ipv4 (const std::string &name_)
{
    const size_t open = name_.find ('['), end = name_.find (']');
    if (open == std::string::npos || end == std::string::npos)
        return name_;

    std::string host = name_.substr (open + 1, end - open - 1);
    if (host == "::")
        host = "0.0.0.0";
    else if (host.compare (0, 7, "::ffff:") == 0)
        host.erase (0, 7);
    else
        return name_;
    return name_.substr (0, open) + host + name_.substr (end + 1);
}

template <class listener_t> class dualstack_listener_t ZMQ_FINAL
    : public listener_t,
      public i_dualstack_follower
{
  public:
    //  The arguments of tcp's and ws' listener.
    dualstack_listener_t (io_thread_t *io_thread_,
                          socket_base_t *socket_,
                          const options_t &options_,
                          dualstack_binds_t *binds_) :
        listener_t (io_thread_, socket_, options_),
        _io_thread (io_thread_),
        _scheme ("tcp"),
        _binds (binds_)
    {
        init ();
    }

    dualstack_listener_t (io_thread_t *io_thread_,
                          socket_base_t *socket_,
                          const options_t &options_,
                          bool wss_,
                          dualstack_binds_t *binds_) :
        listener_t (io_thread_, socket_, options_, wss_),
        _io_thread (io_thread_),
        _scheme (wss_ ? "wss" : "ws"),
        _binds (binds_)
    {
        init ();
    }

    ~dualstack_listener_t () ZMQ_OVERRIDE
    {
        if (_bind != NULL)
            _bind->release ();
    }

    //  Each kind of listener has its own.
    int set_local_address (const char *addr_) ZMQ_OVERRIDE;

    //  Stopped sockets are unbound, or were shut down by somebody else who has them.
    void in_event () ZMQ_OVERRIDE
    {
        if (!has_stopped ())
            listener_t::in_event ();
    }

    void look (const zds_ifaddr_t *ifaddrs_, size_t count_) ZMQ_OVERRIDE
    {
        const zds_follow_step_t step =
          zds_follow_next (&_follow, ifaddrs_, count_);
        fd_t fd = retired_fd;

        if (step.op == ZDS_FOLLOW_STAY)
            return;
        if (step.op == ZDS_FOLLOW_MOVE) {
            fd = open_moved (step);
            //  The next change of an address is the next try.
            if (fd == retired_fd)
                return;
        } else {
            const zds_subject_t subject =
              dualstack_subject (options, "bind", _scheme, _follow.name);
            zds_trace_say (&subject, "no IPv6 any more: %s", step.why);
        }
        leave_address ();
        if (fd == retired_fd)
            return;
        _s = fd;
        _follow.bound = step.listener.addr;
        _endpoint = this->get_socket_name (fd, socket_end_local);
        listener_t::process_plug ();
    }

    const char *interface_name () const ZMQ_OVERRIDE { return _follow.name; }

  protected:
    typedef typename listener_t::handle_t handle_t;
    using listener_t::_endpoint;
    using listener_t::_handle;
    using listener_t::_s;
    using listener_t::_socket;
    using listener_t::choose_io_thread;
    using listener_t::get_ctx;
    using listener_t::launch_child;
    using listener_t::options;
    using listener_t::rm_fd;

    std::string get_socket_name (fd_t fd_,
                                 socket_end_t socket_end_) const ZMQ_OVERRIDE
    {
        const std::string name = listener_t::get_socket_name (fd_, socket_end_);
        return options.as_ipv4 ? as_ipv4 (name) : name;
    }

    int listen_on (const std::string &host_, const char *address_)
    {
        dualstack_listen_t sockets;

        if (options.use_fd != -1) {
            //  The address is not used then.
            _s = options.use_fd;
        } else {
            if (sockets.open (_scheme, host_.c_str (), options,
                              get_ctx ()->dualstack ().settings ().any)
                == -1) {
                const int err = errno;
                if (sockets.unbindable != retired_fd)
                    _socket->event_closed (
                      make_unconnected_bind_endpoint_pair (_endpoint),
                      sockets.unbindable);
                errno = err;
                return -1;
            }
            _bind = new (std::nothrow) dualstack_bind_t;
            alloc_assert (_bind);
            _s = sockets.release (0);
            _bind->add (_s);
            options.as_ipv4 = sockets.as_ipv4;
        }

        _endpoint = this->get_socket_name (_s, socket_end_local);
        _socket->event_listening (
          make_unconnected_bind_endpoint_pair (_endpoint), _s);
        launch_siblings (&sockets);
        _binds->add (address_, _endpoint, _bind);
        return 0;
    }

    void process_plug () ZMQ_OVERRIDE
    {
        if (_s != retired_fd)
            listener_t::process_plug ();
        if (_follows)
            start_following ();
    }

    void process_term (int linger_) ZMQ_OVERRIDE
    {
        if (_is_watching)
            _io_thread->dualstack ().watch ().remove (this);
        if (_handle) {
            rm_fd (_handle);
            _handle = static_cast<handle_t> (NULL);
        }
        if (_s != retired_fd)
            close ();
        own_t::process_term (linger_);
    }

    int close () ZMQ_OVERRIDE
    {
        if (_bind != NULL)
            _bind->remove (_s);
        if (!_silent)
            return listener_t::close ();
        dualstack_close (_s);
        _s = retired_fd;
        return 0;
    }

  private:
    void init ()
    {
        _silent = false;
        _bind = NULL;
        _follows = false;
        _is_watching = false;
        _netns = 0;
        memset (&_follow, 0, sizeof _follow);
    }

    void launch_siblings (dualstack_listen_t *sockets_)
    {
        dualstack_listener_t *follower = NULL;

        if (sockets_->follows) {
            follower = sibling (choose_io_thread (1), retired_fd);
            follower->_follows = true;
            follower->_follow = sockets_->follow;
            follower->_netns = zds_host_netns (static_cast<int> (_s));
        }
        for (unsigned i = 1; i < sockets_->count; i++) {
            const bool is_followers =
              follower != NULL && sockets_->family[i] == AF_INET6;
            const fd_t fd = sockets_->release (i);
            _bind->add (fd);
            if (is_followers) {
                follower->_s = fd;
                follower->_endpoint =
                  follower->get_socket_name (fd, socket_end_local);
            } else
                launch_child (
                  sibling (choose_io_thread (options.affinity), fd));
        }
        //  As our children they are closed with us.
        if (follower != NULL)
            launch_child (follower);
    }

    //  A listener of the same kind, with the same options.
    dualstack_listener_t *another (io_thread_t *io_thread_) const;

    dualstack_listener_t *sibling (io_thread_t *io_thread_, fd_t fd_) const
    {
        dualstack_listener_t *const one = another (io_thread_);
        alloc_assert (one);

        one->_silent = true;
        one->_bind = _bind;
        _bind->use ();
        one->_s = fd_;
        if (fd_ != retired_fd)
            one->_endpoint = one->get_socket_name (fd_, socket_end_local);
        return one;
    }

    bool has_stopped ()
    {
        if (!dualstack_has_stopped (_s))
            return false;
        rm_fd (_handle);
        _handle = static_cast<handle_t> (NULL);
        return true;
    }

    void start_following ()
    {
        const zds_subject_t subject =
          dualstack_subject (options, "bind", _scheme, _follow.name);

        //  Another network namespace has other interfaces (setns (2)).
        const int rc = _io_thread->dualstack ().watch ().add (this, _netns);
        _is_watching = rc == 0;
        if (rc != 0)
            zds_trace_failure (
              &subject, rc,
              rc == EXDEV ? "the I/O thread is in another network namespace"
                          : "the interface cannot be followed");
    }

    //  A socket at the new address, or retired_fd.
    fd_t open_moved (const zds_follow_step_t &step_)
    {
        const zds_subject_t subject =
          dualstack_subject (options, "bind", _scheme, _follow.name);
        zds_bind_stage_t stage;
        uint16_t port = 0;
        fd_t fd;

        const int rc =
          dualstack_open_listener (step_.listener, options, &stage, &fd, &port);
        zds_trace_say (&subject, "the interface's addresses changed: %s",
                       step_.why);
        zds_trace_listener (&subject, &step_.listener, stage, rc, port);
        if (rc != 0)
            return retired_fd;
        //  Unbound meanwhile.
        if (!_bind->add (fd)) {
            dualstack_close (fd);
            return retired_fd;
        }
        return fd;
    }

    //  The socket that ZMQ_LAST_ENDPOINT names is never left, even if it is IPv6: who
    //  was told of that address goes on using it while, or when, the host has it.
    void leave_address ()
    {
        if (_handle) {
            rm_fd (_handle);
            _handle = static_cast<handle_t> (NULL);
        }
        if (_s != retired_fd)
            close ();
        memset (&_follow.bound, 0, sizeof _follow.bound);
    }

    io_thread_t *const _io_thread;
    const char *const _scheme;
    dualstack_binds_t *const _binds;

    //  True iff another listener of the same bind tells the monitor of its
    //  beginning and end.
    bool _silent;

    //  Shared by the listeners of the bind; NULL: the socket is the application's.
    dualstack_bind_t *_bind;

    //  Of the one that follows: the interface, and the network namespace.
    bool _follows, _is_watching;
    zds_follow_t _follow;
    uint64_t _netns;

    ZMQ_NON_COPYABLE_NOR_MOVABLE (dualstack_listener_t)
};

typedef dualstack_listener_t<tcp_listener_t> dualstack_tcp_listener_t;

template <> int dualstack_tcp_listener_t::set_local_address (const char *addr_)
{
    return listen_on (addr_, addr_);
}

template <> dualstack_tcp_listener_t *
dualstack_tcp_listener_t::another (io_thread_t *io_thread_) const
{
    return new (std::nothrow)
      dualstack_tcp_listener_t (io_thread_, _socket, options, _binds);
}

#ifdef ZMQ_HAVE_WS
typedef dualstack_listener_t<ws_listener_t> dualstack_ws_listener_t;

template <> int dualstack_ws_listener_t::set_local_address (const char *addr_)
{
    if (options.use_fd == -1
        && _address.resolve (addr_, true, options.ipv6) != 0)
        return -1;

    //  The path is not the socket's.
    const std::string address (addr_);
    return listen_on (address.substr (0, address.rfind ('/')), addr_);
}

template <> dualstack_ws_listener_t *
dualstack_ws_listener_t::another (io_thread_t *io_thread_) const
{
    dualstack_ws_listener_t *const listener = new (std::nothrow)
      dualstack_ws_listener_t (io_thread_, _socket, options, _wss, _binds);
    alloc_assert (listener);
    listener->_address = _address;
    return listener;
}
#endif
}

zmq::tcp_listener_t *zmq::dualstack_tcp_listener (io_thread_t *io_thread_,
                                                  socket_base_t *socket_,
                                                  const options_t &options_,
                                                  dualstack_binds_t *binds_)
{
    return new (std::nothrow)
      dualstack_tcp_listener_t (io_thread_, socket_, options_, binds_);
}

#ifdef ZMQ_HAVE_WS
zmq::ws_listener_t *zmq::dualstack_ws_listener (io_thread_t *io_thread_,
                                                socket_base_t *socket_,
                                                const options_t &options_,
                                                bool wss_,
                                                dualstack_binds_t *binds_)
{
    return new (std::nothrow)
      dualstack_ws_listener_t (io_thread_, socket_, options_, wss_, binds_);
}
#endif
