/* SPDX-License-Identifier: MPL-2.0 */

#include "precompiled.hpp"

#include <string.h>

#include <new>

#include "dualstack_dial.hpp"
#include "dualstack_env.hpp"
#include "dualstack_io.hpp"
#include "dualstack_net.hpp"
#include "dualstack_peer.hpp"
#include "dualstack_socket.hpp"
#include "ctx.hpp"
#include "err.hpp"
#include "io_object.hpp"
#include "io_thread.hpp"
#include "options.hpp"
#include "zds_thread.h"

//  A look at an address that failed: does it connect again?
class zmq::dualstack_probe_t ZMQ_FINAL : public io_object_t
{
  public:
    dualstack_probe_t (dualstack_io_t *owner_,
                       io_thread_t *io_thread_,
                       fd_t fd_,
                       const options_t &options_,
                       const std::string &key_,
                       const zds_addr_t &addr_) :
        io_object_t (io_thread_),
        _owner (owner_),
        _fd (fd_),
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

    void in_event () ZMQ_OVERRIDE { end (dualstack_connect_error (_fd) == 0); }

    void out_event () ZMQ_OVERRIDE { in_event (); }

    void timer_event (int) ZMQ_OVERRIDE
    {
        _has_timer = false;
        end (false);
    }

  private:
    void end (bool works_)
    {
        _owner->net ().probed (_key, _addr, works_, zds_clock_ms ());
        if (_subject.trace != NULL)
            tell (works_);
        _owner->_probes.erase (this);
        delete this;
    }

    void tell (bool works_)
    {
        char text[ZDS_ADDR_TEXT_SIZE];
        std::string address;

        dualstack_name_endpoint (&_subject, _key, &address);
        zds_addr_format (&_addr, text, sizeof text);
        zds_trace_say (&_subject, "%s %s", text,
                       works_ ? "works again" : "still does not work");
    }

    dualstack_io_t *const _owner;
    const fd_t _fd;
    handle_t _handle;
    const std::string _key;
    const zds_addr_t _addr;
    zds_subject_t _subject;
    bool _has_timer;

    ZMQ_NON_COPYABLE_NOR_MOVABLE (dualstack_probe_t)
};

zmq::dualstack_io_t::dualstack_io_t (io_thread_t *io_thread_) :
    _io_thread (io_thread_),
    _signaler (NULL),
    _handle (static_cast<poller_t::handle_t> (NULL)),
    _waiting (0)
{
    memset (&_inbox, 0, sizeof _inbox);
    _inbox.wake = wake;
    _inbox.arg = this;
}

zmq::dualstack_io_t::~dualstack_io_t ()
{
    zmq_assert (_waiting == 0 && _probes.empty ());
    LIBZMQ_DELETE (_signaler);
}

zmq::dualstack_net_t &zmq::dualstack_io_t::net () const
{
    return _io_thread->get_ctx ()->dualstack ();
}

void zmq::dualstack_io_t::wake (void *arg_)
{
    static_cast<dualstack_io_t *> (arg_)->_signaler->send ();
}

bool zmq::dualstack_io_t::begin_waiting ()
{
    if (_signaler == NULL) {
        _signaler = new (std::nothrow) signaler_t ();
        if (_signaler == NULL || !_signaler->valid ()) {
            //  Out of memory or descriptors.
            LIBZMQ_DELETE (_signaler);
            return false;
        }
    }
    if (_waiting++ == 0) {
        _handle =
          _io_thread->get_poller ()->add_fd (_signaler->get_fd (), this);
        _io_thread->get_poller ()->set_pollin (_handle);
    }
    return true;
}

void zmq::dualstack_io_t::end_waiting ()
{
    if (--_waiting > 0)
        return;
    //  The inbox is empty, and nobody is left who could wake us.
    _io_thread->get_poller ()->rm_fd (_handle);
    _handle = static_cast<poller_t::handle_t> (NULL);
#ifdef ZMQ_HAVE_EVENTFD
    LIBZMQ_DELETE (_signaler);
#endif
}

bool zmq::dualstack_io_t::ask (const char *host_, dualstack_lookup_t *lookup_)
{
    zds_resolver_t *const resolver = net ().resolver ();

    memset (&lookup_->waiter, 0, sizeof lookup_->waiter);
    lookup_->waiting = false;
    if (resolver == NULL || !begin_waiting ())
        return true;
    if (zds_resolver_ask (resolver, host_, lookup_->look, &lookup_->waiter,
                          &_inbox)) {
        end_waiting ();
        return true;
    }
    lookup_->waiting = true;
    return false;
}

void zmq::dualstack_io_t::drop (dualstack_lookup_t *lookup_)
{
    if (lookup_->waiter.answer == NULL)
        return;
    zds_resolver_drop (net ().resolver (), lookup_->waiter.answer);
    lookup_->waiter.answer = NULL;
}

void zmq::dualstack_io_t::cancel (dualstack_lookup_t *lookup_)
{
    if (!lookup_->waiting)
        return;
    zds_resolver_cancel (net ().resolver (), &lookup_->waiter);
    lookup_->waiting = false;
    end_waiting ();
}

void zmq::dualstack_io_t::in_event ()
{
    zds_resolver_t *const resolver = net ().resolver ();

    _signaler->recv ();
    //  The last one who waited may take the signaler away.
    while (_waiting > 0) {
        dualstack_lookup_t *const lookup =
          reinterpret_cast<dualstack_lookup_t *> (
            zds_resolver_collect (resolver, &_inbox));
        if (lookup == NULL)
            return;
        lookup->waiting = false;
        end_waiting ();
        lookup->dial->answered (lookup);
    }
}

void zmq::dualstack_io_t::out_event ()
{
    zmq_assert (false);
}

void zmq::dualstack_io_t::timer_event (int)
{
    zmq_assert (false);
}

void zmq::dualstack_io_t::probe (fd_t fd_,
                                 const options_t &options_,
                                 const std::string &key_,
                                 const zds_addr_t &addr_)
{
    dualstack_probe_t *const probe = new (std::nothrow)
      dualstack_probe_t (this, _io_thread, fd_, options_, key_, addr_);
    alloc_assert (probe);
    _probes.insert (probe);
}

void zmq::dualstack_io_t::stop ()
{
    while (!_probes.empty ()) {
        dualstack_probe_t *const probe = *_probes.begin ();
        _probes.erase (_probes.begin ());
        delete probe;
    }
}
