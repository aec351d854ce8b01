/* SPDX-License-Identifier: MPL-2.0 */

#include "precompiled.hpp"

#include <stdlib.h>
#include <string.h>

#include <new>

#include "dualstack_binds.hpp"
#include "dualstack_ctx.hpp"
#include "dualstack_inbox.hpp"
#include "dualstack_listener.hpp"
#include "dualstack_socket.hpp"
#include "condition_variable.hpp"
#include "ctx.hpp"
#include "err.hpp"
#include "io_thread.hpp"
#include "mutex.hpp"
#include "socket_base.hpp"
#include "tcp_listener.hpp"
#ifdef ZMQ_HAVE_WS
#include "ws_listener.hpp"
#endif
#include "zds_host.h"
#include "zds_resolver.h"

//  zmq_bind looks names up since libzmq 4.3.5.
#if ZMQ_VERSION >= ZMQ_MAKE_VERSION(4, 3, 5)
#define ZDS_NAMES_IN_BIND 1
#else
#define ZDS_NAMES_IN_BIND 0
#endif

namespace zmq
{
//  As in libzmq, a name is looked up on the thread of zmq_bind's caller, who waits.
//  At the same time another thread asks for both families, so that an answer for the
//  other family that never comes costs no more than the resolution delay.
class bind_lookup_t
{
  public:
    //  Waits no longer than 'delay_' ms for what libzmq would not ask for.
    explicit bind_lookup_t (unsigned delay_) :
        _delay (delay_),
        _resolver (
          zds_resolver_new (1, "ZMQbg/resolver", zds_lookup, zds_clock_ms)),
        _woken (false)
    {
        zds_inbox_init (&_inbox, wake, this);
        memset (&_whole, 0, sizeof _whole);
    }

    ~bind_lookup_t ()
    {
        if (_resolver == NULL)
            return;
        zds_resolver_cancel (_resolver, &_whole);
        zds_resolver_release (_resolver);
        free (_whole.answer);
    }

    const zds_answer_t &run (const char *host_, zds_mode_t mode_)
    {
        const zds_look_t plain =
          mode_ == ZDS_MODE_V6 ? ZDS_LOOK_IPV6 : ZDS_LOOK_IPV4;

        if (mode_ != ZDS_MODE_V4 && _resolver != NULL)
            zds_resolver_ask (_resolver, host_, ZDS_LOOK_WHOLE, plain, &_whole,
                              &_inbox);
        wait (_delay);
        //  No address is an answer, too.
        if (_whole.answer != NULL && _whole.answer->status == ZDS_LOOKUP_DONE)
            return *_whole.answer;
        look_up (host_, plain);
        wait (_plain.count == 0 ? _delay : 0);
        if (_whole.answer != NULL && _whole.answer->count > 0)
            return *_whole.answer;
        //  Then stock goes on to mapped addresses.
        if (_plain.count == 0 && plain == ZDS_LOOK_IPV6)
            look_up (host_, ZDS_LOOK_IPV4);
        return _plain;
    }

  private:
    void look_up (const char *host_, zds_look_t look_)
    {
        memset (&_plain, 0, sizeof _plain);
        zds_lookup (host_, look_, &_plain);
    }

    static void wake (void *arg_)
    {
        bind_lookup_t *const self = static_cast<bind_lookup_t *> (arg_);
        scoped_lock_t locker (self->_sync);

        self->_woken = true;
        self->_bell.broadcast ();
    }

    //  Waits for the other thread's answer, if that is still to come.
    void wait (unsigned ms_)
    {
        const uint64_t end = zds_clock_ms () + ms_;
        uint64_t now;

        if (_whole.inbox == NULL)
            return;
        {
            scoped_lock_t locker (_sync);
            while (!_woken && (now = zds_clock_ms ()) < end)
                _bell.wait (&_sync, static_cast<int> (end - now));
        }
        zds_resolver_collect (_resolver, &_inbox);
    }

    const unsigned _delay;
    zds_resolver_t *const _resolver;
    zds_inbox_t _inbox;
    zds_waiter_t _whole;
    zds_answer_t _plain;
    mutex_t _sync;
    condition_variable_t _bell;
    bool _woken;

    ZMQ_NON_COPYABLE_NOR_MOVABLE (bind_lookup_t)
};

//  The listening sockets of one bind to ADDRESS:PORT, in the thread that binds: does
//  what zds_bind decides. Sockets that are not released are closed with the object.
class bind_sockets_t
{
  public:
    //  The texts stay the caller's.
    bind_sockets_t (const options_t &options_,
                    const zds_settings_t &settings_,
                    const char *scheme_,
                    const char *address_) :
        unbindable (retired_fd),
        _options (options_),
        _settings (settings_),
        _subject (dualstack_subject (options_, "bind", scheme_, address_)),
        _local (dualstack_mode (options_))
    {
        memset (&_bind, 0, sizeof _bind);
        for (unsigned i = 0; i < ZDS_MAX_LISTENERS; i++)
            _fds[i] = retired_fd;
    }

    ~bind_sockets_t ()
    {
        for (unsigned i = 0; i < ZDS_MAX_LISTENERS; i++)
            if (_fds[i] != retired_fd)
                dualstack_close (_fds[i]);
    }

    //  Opens all of them, with the options of a listener, or none. A name that
    //  is neither an interface nor a literal is looked up, for tcp alone, where this
    //  version of libzmq does so. Returns 0 or an errno.
    int open ()
    {
        const int rc = make_plan ();
        if (rc != 0) {
            zds_trace_failure (&_subject, rc,
                               rc == EINVAL ? "a bad endpoint or zone"
                               : rc == ENODEV
                                 ? "no interface or address of this mode"
                                 : "this host cannot be asked");
            return rc;
        }
        const zds_bind_plan_t plan = _bind.plan;
        zds_trace_say (&_subject, "mode %s, %u %s: %s",
                       zds_mode_name (_local.mode), plan.count,
                       plan.count == 1 ? "socket" : "sockets", plan.why);
        zds_bind_start (&_bind, &plan);
        for (;;) {
            const zds_bind_step_t step = zds_bind_next (&_bind);
            if (step.op == ZDS_BIND_OPEN)
                open_one (step);
            else if (step.op == ZDS_BIND_CLOSE) {
                zds_trace_say (&_subject, "closes socket %u: all or none",
                               step.slot + 1);
                dualstack_close (release (step.slot));
                zds_bind_closed (&_bind);
            } else {
                if (step.op == ZDS_BIND_FAILED)
                    zds_trace_failure (&_subject, step.error,
                                       "nothing is open");
                return step.error;
            }
        }
    }

    //  Hands over a socket, or retired_fd if there are fewer; slot 0 is the socket
    //  that names the endpoint.
    fd_t release (unsigned slot_)
    {
        const fd_t fd = _fds[slot_];
        _fds[slot_] = retired_fd;
        return fd;
    }

    //  What the socket was opened for.
    const zds_listener_t &listener (unsigned slot_) const
    {
        return _bind.plan.listener[slot_];
    }

    //  Whether the bind follows an interface, and what it begins with.
    bool follows (zds_follow_t *follow_) const
    {
        if (!_bind.plan.follows || _bind.port == 0)
            return false;
        zds_follow_start (follow_, &_local.endpoint, &_bind);
        return true;
    }

    //  After open() failed: the former descriptor of the socket that could not be
    //  bound; retired_fd if there was none.
    fd_t unbindable;

  private:
    int plan_name ()
    {
        const char *const host = _local.endpoint.host;

        if (host[0] == '\0' || !ZDS_NAMES_IN_BIND
            || strcmp (_subject.scheme, "tcp") != 0)
            return ENODEV;
        bind_lookup_t lookup (_settings.resolution_delay);
        const zds_answer_t &answer = lookup.run (host, _local.mode);
        return zds_bind_plan_names (&_bind.plan, &_local, answer.addr,
                                    answer.count);
    }

    //  Makes the plan of sockets to open from HOST:PORT, to listen on or, as a source,
    //  to look at only. 0 or an errno.
    int plan_host (const std::string &text_, bool listens_)
    {
        int rc = _local.read (text_);

        if (rc == 0)
            rc = zds_bind_plan_make (&_bind.plan, &_local,
                                     listens_ && _settings.any);
        if (rc == ENODEV && listens_)
            rc = plan_name ();
        return _local.verdict (rc);
    }

    //  A source address has no meaning for a listener, but it has to be valid.
    int make_plan ()
    {
        const char *const text = _subject.address;
        const char *const destination = zds_endpoint_destination (text);
        int rc = 0;

        if (destination != text)
            rc = plan_host (std::string (text, destination - 1 - text), false);
        return rc == 0 ? plan_host (destination, true) : rc;
    }

    void open_one (const zds_bind_step_t &step_)
    {
        zds_bind_stage_t stage;
        uint16_t port = 0;
        fd_t fd;
        const int rc = dualstack_open_listener (step_.listener, _options,
                                                &stage, &fd, &port);

        zds_trace_listener (&_subject, &step_.listener, stage, rc, port);
        if (rc != 0) {
            if (fd != retired_fd)
                unbindable = fd;
            zds_bind_failed (&_bind, stage, rc);
            return;
        }
        _fds[step_.slot] = fd;
        zds_bind_opened (&_bind, port);
    }

    const options_t &_options;
    const zds_settings_t &_settings;
    const zds_subject_t _subject;
    dualstack_local_t _local;
    zds_bind_t _bind;
    fd_t _fds[ZDS_MAX_LISTENERS];

    ZMQ_NON_COPYABLE_NOR_MOVABLE (bind_sockets_t)
};

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
      private i_dualstack_follower
{
  public:
    //  The arguments of tcp's and ws' listener; 'binds_' is NULL for a sibling.
    dualstack_listener_t (io_thread_t *io_thread_,
                          socket_base_t *socket_,
                          const options_t &options_,
                          dualstack_binds_t *binds_) :
        listener_t (io_thread_, socket_, options_),
        _io_thread (io_thread_),
        _scheme ("tcp"),
        _binds (binds_),
        _bind (NULL),
        _netns (0)
    {
        memset (&_follow, 0, sizeof _follow);
    }

    dualstack_listener_t (io_thread_t *io_thread_,
                          socket_base_t *socket_,
                          const options_t &options_,
                          bool wss_,
                          dualstack_binds_t *binds_) :
        listener_t (io_thread_, socket_, options_, wss_),
        _io_thread (io_thread_),
        _scheme (wss_ ? "wss" : "ws"),
        _binds (binds_),
        _bind (NULL),
        _netns (0)
    {
        memset (&_follow, 0, sizeof _follow);
    }

    ~dualstack_listener_t () ZMQ_OVERRIDE
    {
        if (_bind != NULL)
            _bind->release ();
    }

    //  Each kind of listener has its own.
    int set_local_address (const char *addr_) ZMQ_OVERRIDE;

  private:
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

    //  A stopped socket was unbound, or shut down by another process that shares it.
    void in_event () ZMQ_OVERRIDE
    {
        if (dualstack_has_stopped (_s))
            stop_polling ();
        else
            listener_t::in_event ();
    }

    void look (const zds_ifaddr_t *ifaddrs_, size_t count_) ZMQ_OVERRIDE
    {
        const zds_follow_step_t step =
          zds_follow_next (&_follow, ifaddrs_, count_);
        const zds_subject_t me = subject ();
        fd_t fd = retired_fd;

        if (step.why == NULL)
            return;
        if (zds_addr_family (&step.listener.addr) == 0)
            zds_trace_say (&me, "no IPv6 any more: %s", step.why);
        else if ((fd = open_moved (step)) == retired_fd)
            //  The next change of an address brings the next try.
            return;
        //  The socket that ZMQ_LAST_ENDPOINT names is never closed, even if it is
        //  IPv6: whoever was told that address uses it as long as the host has it, or
        //  when it has it again.
        leave_address ();
        _follow.bound = step.listener.addr;
        if (fd == retired_fd)
            return;
        take (fd);
        listener_t::process_plug ();
    }

    std::string get_socket_name (fd_t fd_,
                                 socket_end_t socket_end_) const ZMQ_OVERRIDE
    {
        const std::string name = listener_t::get_socket_name (fd_, socket_end_);
        return options.as_ipv4 ? as_ipv4 (name) : name;
    }

    int listen_on (const std::string &host_, const char *address_)
    {
        bind_sockets_t sockets (options, get_ctx ()->dualstack ().settings (),
                                _scheme, host_.c_str ());
        fd_t fd = options.use_fd;

        //  With the application's own socket, the address is not used.
        if (options.use_fd == -1) {
            const int rc = sockets.open ();
            if (rc != 0) {
                if (sockets.unbindable != retired_fd)
                    _socket->event_closed (
                      make_unconnected_bind_endpoint_pair (_endpoint),
                      sockets.unbindable);
                errno = rc;
                return -1;
            }
            _bind = new (std::nothrow) dualstack_bind_t;
            alloc_assert (_bind);
            fd = sockets.release (0);
            _bind->add (fd);
            options.as_ipv4 = sockets.listener (0).as_ipv4;
        }
        take (fd);
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
        if (!is_follower ())
            return;
        //  Another network namespace has other interfaces (setns (2)).
        const zds_subject_t me = subject ();
        const int rc =
          _io_thread->dualstack ().follow (_follow.name, this, _netns);
        if (rc != 0)
            zds_trace_failure (
              &me, rc,
              rc == EXDEV ? "the I/O thread is in another network namespace"
                          : "the interface cannot be followed");
    }

    void process_term (int linger_) ZMQ_OVERRIDE
    {
        if (is_follower ())
            _io_thread->dualstack ().unfollow (this);
        leave_address ();
        own_t::process_term (linger_);
    }

    //  The monitor hears of the opening and closing of one socket of a bind only.
    int close () ZMQ_OVERRIDE
    {
        if (_bind != NULL)
            _bind->remove (_s);
        if (_binds != NULL)
            return listener_t::close ();
        dualstack_close (_s);
        _s = retired_fd;
        return 0;
    }

    void take (fd_t fd_)
    {
        _s = fd_;
        _endpoint = this->get_socket_name (fd_, socket_end_local);
    }

    void stop_polling ()
    {
        rm_fd (_handle);
        _handle = static_cast<handle_t> (NULL);
    }

    void leave_address ()
    {
        if (_handle)
            stop_polling ();
        if (_s != retired_fd)
            close ();
    }

    bool is_follower () const { return _follow.name[0] != '\0'; }

    zds_subject_t subject () const
    {
        return dualstack_subject (options, "bind", _scheme, _follow.name);
    }

    //  As our children they are closed with us. The listener that follows has the
    //  IPv6 socket if that is not ours, or no socket yet.
    void launch_siblings (bind_sockets_t *sockets_)
    {
        zds_follow_t follow;
        bool follows = sockets_->follows (&follow);

        for (unsigned i = 1; i < ZDS_MAX_LISTENERS; i++) {
            const fd_t fd = sockets_->release (i);
            if (fd == retired_fd)
                break;
            _bind->add (fd);
            const bool is_followers =
              follows
              && zds_addr_family (&sockets_->listener (i).addr) == AF_INET6;
            launch_sibling (fd, is_followers ? &follow : NULL);
            follows = follows && !is_followers;
        }
        if (follows)
            launch_sibling (retired_fd, &follow);
    }

    //  A listener of the same kind, with the same options.
    dualstack_listener_t *another (io_thread_t *io_thread_) const;

    void launch_sibling (fd_t fd_, const zds_follow_t *follow_)
    {
        dualstack_listener_t *const one =
          another (choose_io_thread (follow_ == NULL ? options.affinity : 1));
        alloc_assert (one);

        one->_bind = _bind;
        _bind->use ();
        if (fd_ != retired_fd)
            one->take (fd_);
        if (follow_ != NULL) {
            one->_follow = *follow_;
            one->_netns = zds_host_netns (static_cast<int> (_s));
        }
        launch_child (one);
    }

    //  A socket at the new address, or retired_fd.
    fd_t open_moved (const zds_follow_step_t &step_)
    {
        const zds_subject_t me = subject ();
        zds_bind_stage_t stage;
        uint16_t port = 0;
        fd_t fd;

        const int rc =
          dualstack_open_listener (step_.listener, options, &stage, &fd, &port);
        zds_trace_say (&me, "the interface's addresses changed: %s", step_.why);
        zds_trace_listener (&me, &step_.listener, stage, rc, port);
        if (rc != 0)
            return retired_fd;
        //  It was unbound meanwhile.
        if (!_bind->add (fd)) {
            dualstack_close (fd);
            return retired_fd;
        }
        return fd;
    }

    io_thread_t *const _io_thread;
    const char *const _scheme;
    //  Set for the first listener of a bind.
    dualstack_binds_t *const _binds;

    //  Shared by the listeners of the bind; NULL if the socket is the application's.
    dualstack_bind_t *_bind;

    //  For the listener that follows: the interface (the name is empty in others),
    //  and the network namespace.
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
      dualstack_tcp_listener_t (io_thread_, _socket, options, NULL);
}

#ifdef ZMQ_HAVE_WS
typedef dualstack_listener_t<ws_listener_t> dualstack_ws_listener_t;

template <> int dualstack_ws_listener_t::set_local_address (const char *addr_)
{
    if (options.use_fd == -1
        && _address.resolve (addr_, true, options.ipv6) != 0)
        return -1;

    //  The path does not concern the socket.
    const std::string address (addr_);
    return listen_on (address.substr (0, address.rfind ('/')), addr_);
}

template <> dualstack_ws_listener_t *
dualstack_ws_listener_t::another (io_thread_t *io_thread_) const
{
    dualstack_ws_listener_t *const listener = new (std::nothrow)
      dualstack_ws_listener_t (io_thread_, _socket, options, _wss, NULL);
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

void zmq::dualstack_as_ipv4 (sockaddr_storage *addr_, socklen_t *len_)
{
    *len_ = static_cast<socklen_t> (zds_sockaddr_as_ipv4 (
      reinterpret_cast<struct sockaddr *> (addr_), *len_));
}

void zmq::dualstack_refused (const options_t &options_,
                             const std::string &endpoint_,
                             const sockaddr_storage &peer_)
{
    const zds_subject_t subject =
      dualstack_subject (options_, "accept", "tcp",
                         endpoint_.c_str () + endpoint_.rfind ('/') + 1);
    zds_addr_t peer;

    if (zds_addr_from_sockaddr (
          &peer, reinterpret_cast<const sockaddr *> (&peer_), sizeof peer)
        == 0)
        zds_trace_address (&subject, "refuses ", &peer,
                           ": no accept filter matches");
}
