/* SPDX-License-Identifier: MPL-2.0 */

#include "precompiled.hpp"

#include <stdlib.h>
#include <string.h>

#include <new>

#include "dualstack_dial.hpp"
#include "dualstack_inbox.hpp"
#include "dualstack_ctx.hpp"
#include "dualstack_socket.hpp"
#include "command.hpp"
#include "ctx.hpp"
#include "err.hpp"
#include "io_object.hpp"
#include "io_thread.hpp"
#include "zds_host.h"

//  Changes come in bursts, as when a link goes up or a router advertises itself.
//  Those within this time, in ms, count as one.
static const int settle_time = 20;

//  After how many ms to ask again if the host lacked descriptors or memory to answer.
static const int retry_time = 1000;

//  Tests whether an address that failed connects and greets again. It has to be as
//  quick as a race would wait for it, since a slower one would lose the next race,
//  too.
class zmq::dualstack_probe_t ZMQ_FINAL : public io_object_t
{
  public:
    dualstack_probe_t (dualstack_inbox_t *owner_,
                       io_thread_t *io_thread_,
                       fd_t fd_,
                       const zds_race_config_t &config_,
                       const dualstack_peer_t &peer_,
                       const zds_addr_t &addr_) :
        io_object_t (io_thread_),
        _owner (owner_),
        _fd (fd_),
        _awaits_greeting (config_.greets),
        _patience (static_cast<int> (config_.attempt_delay)),
        _connected (false),
        _key (peer_.key),
        _addr (addr_),
        _address (peer_.subject.address),
        _subject (peer_.subject),
        _has_timer (true)
    {
        _subject.address = _address.c_str ();
        _handle = add_fd (fd_);
        set_pollout (_handle);
        add_timer (_patience, 1);
        _owner->_probes.insert (this);
    }

    ~dualstack_probe_t ()
    {
        if (_has_timer)
            cancel_timer (1);
        rm_fd (_handle);
        dualstack_close (_fd);
        _owner->_probes.erase (this);
    }

    void in_event () ZMQ_OVERRIDE { out_event (); }

    void out_event () ZMQ_OVERRIDE
    {
        if (_connected) {
            end (has_greeted ());
            return;
        }
        const bool connects = dualstack_connect_error (_fd) == 0;
        if (!_awaits_greeting || !connects)
            end (connects);
        else
            listen ();
    }

    //  A busy I/O thread gets here late.
    void timer_event (int) ZMQ_OVERRIDE
    {
        _has_timer = false;
        if (!_connected && dualstack_is_connected (_fd))
            out_event ();
        else
            end (_connected && has_greeted ());
    }

  private:
    void listen ()
    {
        _connected = true;
        //  A part of a signature proves nothing.
        dualstack_report_from (_fd, ZDS_SIGNATURE_SIZE);
        reset_pollout (_handle);
        set_pollin (_handle);
        if (_has_timer)
            cancel_timer (1);
        _has_timer = true;
        add_timer (_patience, 1);
    }

    bool has_greeted () const
    {
        zds_greeting_t greeting;
        size_t count;

        return dualstack_hear (_fd, &greeting, &count) == 0
               && greeting == ZDS_GREETING_SIGNED;
    }

    void end (bool works_)
    {
        zds_history_probed (
          dualstack_history_t (_owner->get_ctx ()->dualstack (), _key), &_addr,
          works_);
        zds_trace_address (&_subject, "", &_addr,
                           works_ ? " works again" : " still does not work");
        delete this;
    }

    dualstack_inbox_t *const _owner;
    const fd_t _fd;
    const bool _awaits_greeting;
    const int _patience; // ms, to connect, and then to greet
    bool _connected;
    handle_t _handle;
    const std::string _key;
    const zds_addr_t _addr;
    const std::string _address;
    zds_subject_t _subject;
    bool _has_timer;

    ZMQ_NON_COPYABLE_NOR_MOVABLE (dualstack_probe_t)
};

zmq::dualstack_inbox_t::dualstack_inbox_t (io_thread_t *io_thread_,
                                           ctx_t *ctx_,
                                           uint32_t tid_) :
    object_t (ctx_, tid_),
    _io_thread (io_thread_),
    _seen (0),
    _begun (0),
    _watch_fd (-1),
    _watch_handle (),
    _has_timer (false)
{
    memset (_racing, 0, sizeof _racing);
    memset (&_view, 0, sizeof _view);
    zds_inbox_init (&_inbox, wake, this);
}

zmq::dualstack_inbox_t::~dualstack_inbox_t ()
{
    zmq_assert (_inbox.waiters.next == &_inbox.waiters && _probes.empty ()
                && _followers.empty () && _watch_fd == -1);
}

void zmq::dualstack_inbox_t::wake (void *arg_)
{
    dualstack_inbox_t *const self = static_cast<dualstack_inbox_t *> (arg_);
    command_t command;

    memset (&command, 0, sizeof command);
    command.destination = self;
    command.type = command_t::activate_read;
    self->get_ctx ()->send_command (self->get_tid (), command);
}

zds_host_view_t zmq::dualstack_inbox_t::view ()
{
    const uint64_t now = zds_clock_ms ();

    if (_seen == 0 || now - _seen >= ZDS_RACE_MIN_GAP) {
        _view = zds_host_view ();
        _seen = now;
    }
    return _view;
}

void zmq::dualstack_inbox_t::begins (dualstack_dial_t *dial_)
{
    for (unsigned i = 0; i < max_racing; i++)
        if (_racing[i] != NULL)
            _racing[i]->tell_silence (*dial_);
    _racing[_begun++ % max_racing] = dial_;
}

void zmq::dualstack_inbox_t::ended (const dualstack_dial_t *dial_)
{
    for (unsigned i = 0; i < max_racing; i++)
        if (_racing[i] == dial_)
            _racing[i] = NULL;
}

void zmq::dualstack_inbox_t::process_activate_read ()
{
    zds_resolver_t *const resolver =
      get_ctx ()->dualstack ().resolver (*get_ctx ());
    zds_waiter_t *waiter;

    while ((waiter = zds_resolver_collect (resolver, &_inbox)) != NULL) {
        dualstack_lookup_t *const lookup =
          reinterpret_cast<dualstack_lookup_t *> (waiter);
        lookup->dial->answered (lookup);
    }
}

void zmq::dualstack_inbox_t::probe (fd_t fd_,
                                    const zds_race_config_t &config_,
                                    const dualstack_peer_t &peer_,
                                    const zds_addr_t &addr_)
{
    dualstack_probe_t *const probe = new (std::nothrow)
      dualstack_probe_t (this, _io_thread, fd_, config_, peer_, addr_);
    alloc_assert (probe);
    static_cast<void> (probe);
}

void zmq::dualstack_inbox_t::stop ()
{
    while (!_probes.empty ())
        delete *_probes.begin ();
}

int zmq::dualstack_inbox_t::open_watch ()
{
    const int rc = zds_host_watch (&_watch_fd);

    if (rc == 0) {
        _watch_handle = _io_thread->get_poller ()->add_fd (_watch_fd, this);
        _io_thread->get_poller ()->set_pollin (_watch_handle);
    }
    return rc;
}

void zmq::dualstack_inbox_t::close_watch_if_unused ()
{
    if (_watch_fd == -1 || !_followers.empty ())
        return;
    if (_has_timer)
        _io_thread->get_poller ()->cancel_timer (this, 0);
    _has_timer = false;
    _io_thread->get_poller ()->rm_fd (_watch_handle);
    dualstack_close (_watch_fd);
    _watch_fd = -1;
}

int zmq::dualstack_inbox_t::follow (const std::string &interface_,
                                    i_dualstack_follower *listener_,
                                    uint64_t netns_)
{
    int rc = _watch_fd == -1 ? open_watch () : 0;

    if (rc == 0 && zds_host_netns (_watch_fd) != netns_)
        rc = EXDEV;
    if (rc != 0) {
        close_watch_if_unused ();
        return rc;
    }
    _followers.insert (std::make_pair (interface_, listener_));
    //  For changes between the bind and now.
    look_in (0);
    return 0;
}

void zmq::dualstack_inbox_t::unfollow (i_dualstack_follower *listener_)
{
    for (followers_t::iterator it = _followers.begin ();
         it != _followers.end (); ++it)
        if (it->second == listener_) {
            _followers.erase (it);
            break;
        }
    close_watch_if_unused ();
}

void zmq::dualstack_inbox_t::look_in (int ms_)
{
    if (_has_timer)
        return;
    _has_timer = true;
    _io_thread->get_poller ()->add_timer (ms_, this, 0);
}

void zmq::dualstack_inbox_t::in_event ()
{
    //  Pause, so that a thousand addresses are not a thousand wake-ups. Messages that
    //  do not fit into the socket's buffer meanwhile are lost, which does no harm: it
    //  only matters that something changed.
    _io_thread->get_poller ()->reset_pollin (_watch_handle);
    look_in (settle_time);
}

void zmq::dualstack_inbox_t::out_event ()
{
    zmq_assert (false);
}

void zmq::dualstack_inbox_t::timer_event (int)
{
    zds_ifaddr_t *ifaddrs = NULL;
    size_t count = 0;
    const std::string *name = NULL;
    int rc = 0;

    _has_timer = false;
    //  First, so that a change after this one is noticed.
    zds_host_drain (_watch_fd);
    _io_thread->get_poller ()->set_pollin (_watch_handle);
    for (followers_t::iterator it = _followers.begin ();
         it != _followers.end (); ++it) {
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
