/* SPDX-License-Identifier: MPL-2.0 */

#include "precompiled.hpp"

#include <string.h>

#include <new>

#include "dualstack_dial.hpp"
#include "dualstack_inbox.hpp"
#include "dualstack_ctx.hpp"
#include "dualstack_peer.hpp"
#include "dualstack_socket.hpp"
#include "command.hpp"
#include "ctx.hpp"
#include "err.hpp"
#include "io_object.hpp"
#include "io_thread.hpp"
#include "options.hpp"
#include "zds_race.h"
#include "zds_thread.h"
#include "zds_host.h"

//  Tests whether an address that failed connects, and greets, again.
class zmq::dualstack_probe_t ZMQ_FINAL : public io_object_t
{
  public:
    dualstack_probe_t (dualstack_inbox_t *owner_,
                       io_thread_t *io_thread_,
                       fd_t fd_,
                       bool greets_,
                       const options_t &options_,
                       const std::string &key_,
                       const zds_addr_t &addr_) :
        io_object_t (io_thread_),
        _owner (owner_),
        _fd (fd_),
        _awaits_greeting (greets_),
        _connected (false),
        _key (key_),
        _addr (addr_),
        _subject (dualstack_subject (options_, "connect", "tcp", "")),
        _has_timer (true)
    {
        _handle = add_fd (fd_);
        set_pollout (_handle);
        add_timer (ZDS_RACE_PATIENCE, 1);
    }

    ~dualstack_probe_t ()
    {
        if (_has_timer)
            cancel_timer (1);
        rm_fd (_handle);
        dualstack_close (_fd);
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
        else {
            _connected = true;
            reset_pollout (_handle);
            set_pollin (_handle);
        }
    }

    void timer_event (int) ZMQ_OVERRIDE
    {
        _has_timer = false;
        end (false);
    }

  private:
    //  What has begun as a greeting is taken for one.
    bool has_greeted () const
    {
        uint8_t bytes[ZDS_SIGNATURE_SIZE];
        size_t count;

        if (dualstack_peek (_fd, bytes, sizeof bytes, &count) != 0
            || count == 0)
            return false;
        const zds_greeting_t greeting = zds_greeting_judge (bytes, count);
        return greeting == ZDS_GREETING_SIGNED || greeting == ZDS_GREETING_MORE;
    }

    void end (bool works_)
    {
        zds_history_probed (dualstack_history_t (_owner->context ()),
                            _key.c_str (), &_addr, works_, zds_clock_ms ());
        std::string address;
        dualstack_name_endpoint (&_subject, _key, &address);
        zds_trace_address (&_subject, "", &_addr,
                           works_ ? " works again" : " still does not work");
        _owner->_probes.erase (this);
        delete this;
    }

    dualstack_inbox_t *const _owner;
    const fd_t _fd;
    const bool _awaits_greeting;
    bool _connected;
    handle_t _handle;
    const std::string _key;
    const zds_addr_t _addr;
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
    _watch (io_thread_)
{
    memset (_racing, 0, sizeof _racing);
    memset (&_view, 0, sizeof _view);
    memset (&_inbox, 0, sizeof _inbox);
    _inbox.wake = wake;
    _inbox.arg = this;
}

zmq::dualstack_inbox_t::~dualstack_inbox_t ()
{
    zmq_assert (_inbox.waiters.first == NULL && _probes.empty ());
}

zmq::dualstack_ctx_t &zmq::dualstack_inbox_t::context () const
{
    return _io_thread->get_ctx ()->dualstack ();
}

zds_resolver_t *zmq::dualstack_inbox_t::resolver () const
{
    return context ().resolver (*_io_thread->get_ctx ());
}

void zmq::dualstack_inbox_t::wake (void *arg_)
{
    dualstack_inbox_t *const self = static_cast<dualstack_inbox_t *> (arg_);
    command_t command;

    memset (&command, 0, sizeof command);
    command.destination = self;
    command.type = command_t::activate_read;
    self->_io_thread->get_ctx ()->send_command (self->get_tid (), command);
}

bool zmq::dualstack_inbox_t::ask (const char *host_,
                                  dualstack_lookup_t *lookup_)
{
    zds_resolver_t *const from = resolver ();

    memset (&lookup_->waiter, 0, sizeof lookup_->waiter);
    lookup_->waiting =
      from != NULL
      && !zds_resolver_ask (from, host_, lookup_->look, lookup_->plain,
                            &lookup_->waiter, &_inbox);
    return !lookup_->waiting;
}

uint64_t
zmq::dualstack_inbox_t::runs_since (const dualstack_lookup_t &lookup_) const
{
    return lookup_.waiting ? zds_resolver_runs (resolver (), &lookup_.waiter)
                           : ZDS_NEVER;
}

void zmq::dualstack_inbox_t::drop (dualstack_lookup_t *lookup_)
{
    zds_resolver_drop (lookup_->waiter.answer);
    lookup_->waiter.answer = NULL;
}

void zmq::dualstack_inbox_t::cancel (dualstack_lookup_t *lookup_)
{
    if (lookup_->waiting)
        zds_resolver_cancel (resolver (), &lookup_->waiter);
    lookup_->waiting = false;
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
    zds_waiter_t *waiter;

    while ((waiter = zds_resolver_collect (resolver (), &_inbox)) != NULL) {
        dualstack_lookup_t *const lookup =
          reinterpret_cast<dualstack_lookup_t *> (waiter);
        lookup->waiting = false;
        lookup->dial->answered (lookup);
    }
}

void zmq::dualstack_inbox_t::probe (fd_t fd_,
                                    bool greets_,
                                    const options_t &options_,
                                    const std::string &key_,
                                    const zds_addr_t &addr_)
{
    dualstack_probe_t *const probe = new (std::nothrow)
      dualstack_probe_t (this, _io_thread, fd_, greets_, options_, key_, addr_);
    alloc_assert (probe);
    _probes.insert (probe);
}

void zmq::dualstack_inbox_t::stop ()
{
    while (!_probes.empty ()) {
        dualstack_probe_t *const probe = *_probes.begin ();
        _probes.erase (_probes.begin ());
        delete probe;
    }
}
