/* SPDX-License-Identifier: MPL-2.0 */

#include "precompiled.hpp"

#include <stdlib.h>

#include "dualstack_listener.hpp"
#include "dualstack_socket.hpp"
#include "dualstack_watch.hpp"
#include "err.hpp"
#include "io_thread.hpp"
#include "zds_host.h"

//  Changes come in bursts: a link that goes up, a router's advertisement. All that
//  come within this time are one. In ms.
static const int settle_time = 20;

//  When the host could not be asked for lack of something. In ms.
static const int retry_time = 1000;

zmq::dualstack_watch_t::dualstack_watch_t (io_thread_t *io_thread_) :
    _io_thread (io_thread_),
    _fd (-1),
    _handle (static_cast<poller_t::handle_t> (NULL)),
    _has_timer (false)
{
}

zmq::dualstack_watch_t::~dualstack_watch_t ()
{
    zmq_assert (_listeners.empty () && _fd == -1);
}

int zmq::dualstack_watch_t::open ()
{
    const int rc = _fd == -1 ? zds_host_watch (&_fd) : 0;

    if (rc == 0 && !_handle) {
        _handle = _io_thread->get_poller ()->add_fd (_fd, this);
        _io_thread->get_poller ()->set_pollin (_handle);
    }
    return rc;
}

void zmq::dualstack_watch_t::close ()
{
    if (_has_timer)
        _io_thread->get_poller ()->cancel_timer (this, 0);
    _has_timer = false;
    _io_thread->get_poller ()->rm_fd (_handle);
    _handle = static_cast<poller_t::handle_t> (NULL);
    dualstack_close (_fd);
    _fd = -1;
}

int zmq::dualstack_watch_t::add (i_dualstack_follower *listener_,
                                 uint64_t netns_)
{
    int rc = open ();

    if (rc == 0 && zds_host_netns (_fd) != netns_) {
        rc = EXDEV;
        if (_listeners.empty ())
            close ();
    }
    if (rc != 0)
        return rc;
    _listeners.insert (
      std::make_pair (std::string (listener_->interface_name ()), listener_));
    //  What changed between the bind and now.
    look_in (0);
    return 0;
}

void zmq::dualstack_watch_t::remove (i_dualstack_follower *listener_)
{
    for (listeners_t::iterator it = _listeners.begin ();
         it != _listeners.end (); ++it)
        if (it->second == listener_) {
            _listeners.erase (it);
            break;
        }
    if (_listeners.empty ())
        close ();
}

void zmq::dualstack_watch_t::look_in (int ms_)
{
    if (_has_timer)
        return;
    _has_timer = true;
    _io_thread->get_poller ()->add_timer (ms_, this, 0);
}

void zmq::dualstack_watch_t::in_event ()
{
    //  Not one wake-up for each of a thousand addresses. What does not fit into the
    //  socket's buffer meanwhile is lost, which does not matter: only the fact that
    //  something changed does.
    _io_thread->get_poller ()->reset_pollin (_handle);
    look_in (settle_time);
}

void zmq::dualstack_watch_t::out_event ()
{
    zmq_assert (false);
}

void zmq::dualstack_watch_t::timer_event (int)
{
    zds_ifaddr_t *ifaddrs = NULL;
    size_t count = 0;
    const std::string *name = NULL;
    int rc = 0;

    _has_timer = false;
    //  First, so that a change behind this one is seen.
    zds_host_drain (_fd);
    _io_thread->get_poller ()->set_pollin (_handle);
    for (listeners_t::iterator it = _listeners.begin ();
         it != _listeners.end (); ++it) {
        if (name == NULL || *name != it->first) {
            free (ifaddrs);
            name = &it->first;
            rc = zds_host_ifaddrs (name->c_str (), &ifaddrs, &count);
            if (rc != 0)
                look_in (retry_time);
        }
        if (rc == 0)
            it->second->look (ifaddrs, count);
    }
    free (ifaddrs);
}
