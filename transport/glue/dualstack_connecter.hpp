/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_CONNECTER_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_CONNECTER_HPP_INCLUDED__

#ifndef ZMQ_HAVE_DUALSTACK
//  Without the transport, libzmq's own.
#define dualstack_tcp_connecter_t tcp_connecter_t
#define dualstack_socks_connecter_t socks_connecter_t
#define dualstack_ws_connecter_t ws_connecter_t
#else
#include <new>
#include <string>

#include "dualstack_dial.hpp"
#include "address.hpp"
#include "err.hpp"
#include "session_base.hpp"
#include "socks_connecter.hpp"
#include "tcp_connecter.hpp"
#ifdef ZMQ_HAVE_WS
#include "ws_connecter.hpp"
#endif

namespace zmq
{
//  One of libzmq's connecters over TCP, with a race instead of the one connect():
//  between libzmq's timer, which begins a connection, and its engine, there is a dial.
//
//  A race tells the monitor what one connect() would have: CONNECT_DELAYED once, and
//  CLOSED once if it fails. What happens with a connection is left to libzmq's
//  classes.
template <class connecter_t> class dualstack_connecter_t ZMQ_FINAL
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
        _to (addr_),
        _done (false),
        _dial (io_thread_, "tcp", this->options, this)
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
        _to (proxy_addr_),
        _done (false),
        _dial (io_thread_, "socks", this->options, this)
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
        _to (addr_),
        _done (false),
        _dial (io_thread_, "ws", this->options, this)
    {
    }

  private:
    //  Called at first, and when the reconnect timer fires, which may run beside a
    //  dial that has ended meanwhile.
    void start_connecting () ZMQ_OVERRIDE
    {
        if (_done || this->_s != retired_fd)
            return;
        if (_dial.is_idle ())
            _dial.start (_to->address);
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
        _done = true;
        connecter_t::create_engine (fd_, local_address_);
    }

    //  Of socks.
    void in_event () ZMQ_OVERRIDE { connecter_t::in_event (); }
    void error ();

    //  'this->_s' is connected, and not in the poller.
    void hand_over ();

    //  Whether to end for good, instead of waiting for the reconnect timer. Only tcp
    //  has ever heeded this option.
    bool gives_up (int error_) const
    {
        return error_ == ECONNREFUSED && _dial.is_for_tcp ()
               && (this->options.reconnect_stop
                   & ZMQ_RECONNECT_STOP_CONN_REFUSED)
                    != 0;
    }

    void dial_delayed () ZMQ_OVERRIDE
    {
        this->_socket->event_connect_delayed (
          make_unconnected_connect_endpoint_pair (this->_endpoint),
          EINPROGRESS);
    }

    void dial_retry () ZMQ_OVERRIDE { this->add_reconnect_timer (); }

    //  Of socks.
    void dial_watched () ZMQ_OVERRIDE {}

    //  Tells the session, in its address, which peer the connection was made to.
    void dial_connected (fd_t fd_, size_t sent_) ZMQ_OVERRIDE
    {
        dualstack_peer_t *&peer = _to->peer.last;

        if (peer == NULL) {
            peer = new (std::nothrow) dualstack_peer_t ();
            alloc_assert (peer);
        }
        peer->connected (_dial.peer (), this->get_ctx ());
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

    //  [SOURCE;]HOST:PORT, of the proxy if there is one.
    address_t *const _to;
    //  Nothing more is to be started: there is an engine, or there will never be one.
    bool _done;
    dualstack_dial_t _dial;

    ZMQ_NON_COPYABLE_NOR_MOVABLE (dualstack_connecter_t)
};

typedef dualstack_connecter_t<tcp_connecter_t> dualstack_tcp_connecter_t;
template <> void dualstack_tcp_connecter_t::hand_over ();

typedef dualstack_connecter_t<socks_connecter_t> dualstack_socks_connecter_t;
template <> void dualstack_socks_connecter_t::hand_over ();
template <> void dualstack_socks_connecter_t::in_event ();
template <> void dualstack_socks_connecter_t::error ();
template <> void dualstack_socks_connecter_t::dial_watched ();

#ifdef ZMQ_HAVE_WS
typedef dualstack_connecter_t<ws_connecter_t> dualstack_ws_connecter_t;
template <> void dualstack_ws_connecter_t::hand_over ();
#endif
}
#endif

#endif
