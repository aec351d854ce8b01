/* SPDX-License-Identifier: MPL-2.0 */

#include "precompiled.hpp"

#include <new>

#include "dualstack_connecter.hpp"
#include "dualstack_dial.hpp"
#include "address.hpp"
#include "err.hpp"
#include "session_base.hpp"
#include "socks_connecter.hpp"
#include "tcp_address.hpp"
#include "tcp_connecter.hpp"
#ifdef ZMQ_HAVE_WS
#include "ws_connecter.hpp"
#endif

namespace zmq
{
//  A connecter of libzmq's that is given connected sockets. A dial stands between
//  libzmq's timer, which begins a connection, and its out_event(), which takes one.
template <class connecter_t> class dualstack_connecter_t
    : public connecter_t,
      private i_dualstack_dial_events
{
  public:
    //  The arguments of tcp's, socks' and ws' connecter.
    dualstack_connecter_t (io_thread_t *io_thread_,
                           session_base_t *session_,
                           const options_t &options_,
                           address_t *addr_,
                           bool delayed_start_) :
        connecter_t (io_thread_, session_, options_, addr_, delayed_start_),
        _target (addr_->address),
        _done (false),
        _has_engine (false),
        _dial (io_thread_, dualstack_for_tcp, this->options, this)
    {
    }

    dualstack_connecter_t (io_thread_t *io_thread_,
                           session_base_t *session_,
                           const options_t &options_,
                           address_t *addr_,
                           address_t *proxy_addr_,
                           bool delayed_start_) :
        connecter_t (
          io_thread_, session_, options_, addr_, proxy_addr_, delayed_start_),
        _target (proxy_addr_->address),
        _done (false),
        _has_engine (false),
        _dial (io_thread_, dualstack_for_socks, this->options, this)
    {
    }

    dualstack_connecter_t (io_thread_t *io_thread_,
                           session_base_t *session_,
                           const options_t &options_,
                           address_t *addr_,
                           bool delayed_start_,
                           bool wss_,
                           const std::string &tls_hostname_) :
        connecter_t (io_thread_,
                     session_,
                     options_,
                     addr_,
                     delayed_start_,
                     wss_,
                     tls_hostname_),
        _target (addr_->address),
        _done (false),
        _has_engine (false),
        _dial (io_thread_, dualstack_for_ws, this->options, this)
    {
    }

  protected:
    //  Called at first, and when the reconnect timer fires, which may run beside a
    //  dial that has ended since.
    void start_connecting () ZMQ_OVERRIDE
    {
        if (_done)
            return;
        if (_dial.is_idle ())
            _dial.start (_target);
        else
            _dial.again ();
    }

    void process_term (int linger_) ZMQ_OVERRIDE
    {
        closed (_dial.stop ());
        connecter_t::process_term (linger_);
    }

    void create_engine (fd_t fd_,
                        const std::string &local_address_) ZMQ_OVERRIDE
    {
        _has_engine = true;
        connecter_t::create_engine (fd_, local_address_);
    }

    //  'this->_s' is connected, and not in the poller.
    virtual void hand_over () = 0;

    //  Ends for good, instead of waiting for the reconnect timer.
    virtual bool gives_up (int /* error_ */) const { return false; }

    //  Lets libzmq's handler take the connection.
    void take () { static_cast<i_poll_events *> (this)->out_event (); }

    //  ... which it has not done, so that the reconnect timer begins anew.
    void begin_anew () { _done = false; }
    bool has_engine () const { return _has_engine; }

    //  Leaves to the session, in its address, whom the connection was made to.
    void remember_peer ()
    {
        dualstack_peer_t *&peer = this->_addr->peer.last;

        if (peer == NULL) {
            peer = new (std::nothrow) dualstack_peer_t;
            alloc_assert (peer);
        }
        peer->connected (_dial.peer ());
    }

    const dualstack_dial_t &dial () const { return _dial; }

  private:
    void dial_delayed () ZMQ_OVERRIDE
    {
        this->_socket->event_connect_delayed (
          make_unconnected_connect_endpoint_pair (this->_endpoint),
          EINPROGRESS);
    }

    void dial_retry () ZMQ_OVERRIDE { this->add_reconnect_timer (); }

    void dial_connected (fd_t fd_, size_t sent_) ZMQ_OVERRIDE
    {
        _done = true;
        this->options.greeting_sent = sent_;
        this->_s = fd_;
        hand_over ();
    }

    void dial_failed (int error_, fd_t fd_) ZMQ_OVERRIDE
    {
        _done = gives_up (error_);
        if (_done)
            this->send_conn_failed (this->_session);
        closed (fd_);
        if (_done)
            this->terminate ();
        else
            this->add_reconnect_timer ();
    }

    void closed (fd_t fd_)
    {
        if (fd_ != retired_fd)
            this->_socket->event_closed (
              make_unconnected_connect_endpoint_pair (this->_endpoint), fd_);
    }

    const std::string _target; //  [SOURCE;]HOST:PORT
    //  Nothing more is to be started: there is a connection, or there never will be.
    bool _done, _has_engine;
    dualstack_dial_t _dial;

    ZMQ_NON_COPYABLE_NOR_MOVABLE (dualstack_connecter_t)
};

class dualstack_tcp_connecter_t ZMQ_FINAL
    : public dualstack_connecter_t<tcp_connecter_t>
{
  public:
    dualstack_tcp_connecter_t (io_thread_t *io_thread_,
                               session_base_t *session_,
                               const options_t &options_,
                               address_t *addr_,
                               bool delayed_start_) :
        dualstack_connecter_t<tcp_connecter_t> (
          io_thread_, session_, options_, addr_, delayed_start_)
    {
    }

  private:
    void hand_over () ZMQ_OVERRIDE
    {
        const zds_addr_t addr = dial ().peer_address ();
        const bool is_reconnect = _addr->resolved.tcp_addr != NULL;

        //  A reconnect calls the peer by its address. The session reads it once
        //  it has the engine.
        LIBZMQ_DELETE (_addr->resolved.tcp_addr);
        _addr->resolved.tcp_addr = new (std::nothrow) tcp_address_t (
          &addr.sa, static_cast<socklen_t> (zds_addr_len (&addr)));
        alloc_assert (_addr->resolved.tcp_addr);
        if (is_reconnect)
            _addr->to_string (_endpoint);
        remember_peer ();
        become_engine ();
    }

    //  As libzmq's out_event(), which would take a connection that its peer has ended
    //  since for one that was never made: the engine finds out, and the session goes
    //  on to the next address.
    void become_engine ()
    {
        const fd_t fd = _s;

        if (!tune_socket (fd)) {
            begin_anew ();
            close ();
            add_reconnect_timer ();
            return;
        }
        _s = retired_fd;
        create_engine (fd,
                       get_socket_name<tcp_address_t> (fd, socket_end_local));
    }

    //  Of the transports, only tcp has ever known this flag.
    bool gives_up (int error_) const ZMQ_OVERRIDE
    {
        return error_ == ECONNREFUSED
               && (options.reconnect_stop & ZMQ_RECONNECT_STOP_CONN_REFUSED)
                    != 0;
    }
};

class dualstack_socks_connecter_t ZMQ_FINAL
    : public dualstack_connecter_t<socks_connecter_t>
{
  public:
    dualstack_socks_connecter_t (io_thread_t *io_thread_,
                                 session_base_t *session_,
                                 const options_t &options_,
                                 address_t *addr_,
                                 address_t *proxy_addr_,
                                 bool delayed_start_) :
        dualstack_connecter_t<socks_connecter_t> (
          io_thread_, session_, options_, addr_, proxy_addr_, delayed_start_)
    {
    }

    void in_event () ZMQ_OVERRIDE
    {
        const bool was_asked = _status == waiting_for_choice;

        socks_connecter_t::in_event ();
        if (was_asked && _status != waiting_for_choice && _status != unplugged)
            dualstack_handshaked (get_ctx (), &_proxy);
    }

  private:
    void hand_over () ZMQ_OVERRIDE
    {
        _proxy.connected (dial ().peer ());
        _handle = add_fd (_s);
        set_pollout (_handle);
        _status = waiting_for_proxy_connection;
        take ();
    }

    void error () ZMQ_OVERRIDE
    {
        //  Whoever does not answer the greeting is no SOCKS proxy.
        if (_status == sending_greeting || _status == waiting_for_choice)
            dualstack_goes_on (get_ctx (), options, &_proxy,
                               i_engine::connection_error);
        begin_anew ();
        socks_connecter_t::error ();
        if (options.reconnect_ivl <= 0 && dualstack_is_at_once (&_proxy))
            start_connecting ();
    }

    //  Which of the proxy's addresses answered.
    dualstack_peer_t _proxy;
};

#ifdef ZMQ_HAVE_WS
class dualstack_ws_connecter_t ZMQ_FINAL
    : public dualstack_connecter_t<ws_connecter_t>
{
  public:
    dualstack_ws_connecter_t (io_thread_t *io_thread_,
                              session_base_t *session_,
                              const options_t &options_,
                              address_t *addr_,
                              bool delayed_start_,
                              bool wss_,
                              const std::string &tls_hostname_) :
        dualstack_connecter_t<ws_connecter_t> (io_thread_,
                                               session_,
                                               options_,
                                               addr_,
                                               delayed_start_,
                                               wss_,
                                               tls_hostname_)
    {
    }

  private:
    void hand_over () ZMQ_OVERRIDE
    {
        remember_peer ();
        _handle = add_fd (_s);
        take ();
        if (!has_engine ())
            begin_anew ();
    }
};
#endif
}

zmq::own_t *zmq::dualstack_tcp_connecter (io_thread_t *io_thread_,
                                          session_base_t *session_,
                                          const options_t &options_,
                                          address_t *addr_,
                                          bool delayed_start_)
{
    return new (std::nothrow) dualstack_tcp_connecter_t (
      io_thread_, session_, options_, addr_, delayed_start_);
}

zmq::socks_connecter_t *
zmq::dualstack_socks_connecter (io_thread_t *io_thread_,
                                session_base_t *session_,
                                const options_t &options_,
                                address_t *addr_,
                                address_t *proxy_addr_,
                                bool delayed_start_)
{
    return new (std::nothrow) dualstack_socks_connecter_t (
      io_thread_, session_, options_, addr_, proxy_addr_, delayed_start_);
}

#ifdef ZMQ_HAVE_WS
zmq::own_t *zmq::dualstack_ws_connecter (io_thread_t *io_thread_,
                                         session_base_t *session_,
                                         const options_t &options_,
                                         address_t *addr_,
                                         bool delayed_start_,
                                         bool wss_,
                                         const std::string &tls_hostname_)
{
    return new (std::nothrow)
      dualstack_ws_connecter_t (io_thread_, session_, options_, addr_,
                                delayed_start_, wss_, tls_hostname_);
}
#endif
