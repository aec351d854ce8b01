/* SPDX-License-Identifier: MPL-2.0 */

#include "precompiled.hpp"

#include <string.h>

#include "dualstack_binds.hpp"
#include "dualstack_env.hpp"
#include "dualstack_io.hpp"
#include "dualstack_listen.hpp"
#include "dualstack_listener.hpp"
#include "dualstack_net.hpp"
#include "dualstack_socket.hpp"
#include "dualstack_watch.hpp"
#include "ctx.hpp"
#include "err.hpp"
#include "io_thread.hpp"
#include "socket_base.hpp"
#include "zds_host.h"

zmq::dualstack_listener_t::dualstack_listener_t (io_thread_t *io_thread_,
                                                 socket_base_t *socket_,
                                                 const options_t &options_) :
    stream_listener_base_t (io_thread_, socket_, options_),
    _io_thread (io_thread_),
    _silent (false),
    _bind (NULL),
    _follows (false),
    _is_watching (false),
    _first (retired_fd),
    _netns (0)
{
    memset (&_follow, 0, sizeof _follow);
}

zmq::dualstack_listener_t::~dualstack_listener_t ()
{
    if (_bind != NULL)
        _bind->release ();
}

int zmq::dualstack_listener_t::set_local_address (const char *address_,
                                                  dualstack_binds_t *binds_)
{
    return listen_on (address_, address_, binds_);
}

int zmq::dualstack_listener_t::listen_on (const std::string &host_,
                                          const char *address_,
                                          dualstack_binds_t *binds_)
{
    dualstack_listen_t sockets;

    if (options.use_fd != -1) {
        //  The address is not used then.
        _s = options.use_fd;
    } else {
        if (sockets.open (scheme (), host_.c_str (), options,
                          get_ctx ()->dualstack ().env ().settings ().any)
            == -1) {
            const int err = errno;
            if (sockets.unbindable () != retired_fd)
                _socket->event_closed (
                  make_unconnected_bind_endpoint_pair (_endpoint),
                  sockets.unbindable ());
            errno = err;
            return -1;
        }
        _bind = new (std::nothrow) dualstack_bind_t;
        alloc_assert (_bind);
        _s = sockets.release (0);
        _bind->add (_s);
        options.as_ipv4 = sockets.as_ipv4 ();
    }

    _endpoint = get_socket_name (_s, socket_end_local);
    _socket->event_listening (make_unconnected_bind_endpoint_pair (_endpoint),
                              _s);
    launch_siblings (&sockets);
    binds_->add (address_, _endpoint, _bind);
    return 0;
}

void zmq::dualstack_listener_t::launch_siblings (dualstack_listen_t *sockets_)
{
    dualstack_listener_t *follower = NULL;

    if (sockets_->follows ()) {
        follower = sibling (choose_io_thread (1), retired_fd);
        follower->_follows = true;
        follower->_follow = sockets_->follow ();
        follower->_netns = zds_host_netns (static_cast<int> (_s));
        if (sockets_->is_ipv6 (0))
            follower->_first = _s;
    }
    for (unsigned i = 1; i < sockets_->count (); i++) {
        const bool is_followers = follower != NULL && sockets_->is_ipv6 (i);
        const fd_t fd = sockets_->release (i);
        _bind->add (fd);
        if (is_followers) {
            follower->_s = fd;
            follower->_endpoint =
              follower->get_socket_name (fd, socket_end_local);
        } else
            launch_child (sibling (choose_io_thread (options.affinity), fd));
    }
    //  As our children they are closed with us.
    if (follower != NULL)
        launch_child (follower);
}

zmq::dualstack_listener_t *
zmq::dualstack_listener_t::sibling (io_thread_t *io_thread_, fd_t fd_) const
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

void zmq::dualstack_listener_t::process_plug ()
{
    if (_s != retired_fd)
        stream_listener_base_t::process_plug ();
    if (_follows)
        start_following ();
}

void zmq::dualstack_listener_t::process_term (int linger_)
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

int zmq::dualstack_listener_t::close ()
{
    if (_bind != NULL)
        _bind->remove (_s);
    if (!_silent)
        return stream_listener_base_t::close ();
    dualstack_close (_s);
    _s = retired_fd;
    return 0;
}

bool zmq::dualstack_listener_t::has_stopped ()
{
    if (!dualstack_has_stopped (_s))
        return false;
    rm_fd (_handle);
    _handle = static_cast<handle_t> (NULL);
    return true;
}

const char *zmq::dualstack_listener_t::interface_name () const
{
    return _follow.name;
}

void zmq::dualstack_listener_t::start_following ()
{
    const zds_subject_t subject =
      dualstack_subject (options, "bind", scheme (), _follow.name);

    //  Another network namespace has other interfaces (setns (2)).
    const int rc = _io_thread->dualstack ().watch ().add (this, _netns);
    _is_watching = rc == 0;
    if (rc != 0)
        zds_trace_failure (&subject, rc,
                           rc == EXDEV
                             ? "the I/O thread is in another network namespace"
                             : "the interface cannot be followed");
}

//  A socket at the new address, or retired_fd.
zmq::fd_t zmq::dualstack_listener_t::open_moved (const zds_follow_step_t &step_)
{
    const zds_subject_t subject =
      dualstack_subject (options, "bind", scheme (), _follow.name);
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

void zmq::dualstack_listener_t::leave_address ()
{
    if (_first != retired_fd)
        _bind->stop (_first);
    _first = retired_fd;
    if (_handle) {
        rm_fd (_handle);
        _handle = static_cast<handle_t> (NULL);
    }
    if (_s != retired_fd)
        close ();
    memset (&_follow.bound, 0, sizeof _follow.bound);
}

void zmq::dualstack_listener_t::look (const zds_ifaddr_t *ifaddrs_,
                                      size_t count_)
{
    const zds_follow_step_t step = zds_follow_next (&_follow, ifaddrs_, count_);
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
          dualstack_subject (options, "bind", scheme (), _follow.name);
        zds_trace_say (&subject, "no IPv6 any more: %s", step.why);
    }
    leave_address ();
    if (fd == retired_fd)
        return;
    _s = fd;
    _follow.bound = step.listener.addr;
    _endpoint = get_socket_name (fd, socket_end_local);
    stream_listener_base_t::process_plug ();
}
