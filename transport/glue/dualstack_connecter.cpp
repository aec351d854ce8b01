/* SPDX-License-Identifier: MPL-2.0 */

#include "precompiled.hpp"

#include "dualstack_connecter.hpp"
#include "address.hpp"
#include "err.hpp"
#include "session_base.hpp"

zmq::dualstack_connecter_t::dualstack_connecter_t (io_thread_t *io_thread_,
                                                   session_base_t *session_,
                                                   const options_t &options_,
                                                   address_t *addr_,
                                                   const std::string &target_,
                                                   dualstack_purpose_t purpose_,
                                                   bool delayed_start_) :
    stream_connecter_base_t (
      io_thread_, session_, options_, addr_, delayed_start_),
    _target (target_),
    //  Of the transports, only tcp has ever known this flag.
    _stop_when_refused (
      purpose_ == dualstack_for_tcp
      && (options_.reconnect_stop & ZMQ_RECONNECT_STOP_CONN_REFUSED) != 0),
    _waiting (false),
    _done (false),
    _dial (io_thread_, purpose_, options, this)
{
}

void zmq::dualstack_connecter_t::process_term (int linger_)
{
    const fd_t fd = _dial.stop ();

    if (fd != retired_fd)
        _socket->event_closed (
          make_unconnected_connect_endpoint_pair (_endpoint), fd);
    stream_connecter_base_t::process_term (linger_);
}

const zmq::dualstack_peer_t &zmq::dualstack_connecter_t::peer () const
{
    return _dial.peer ();
}

void zmq::dualstack_connecter_t::remember_peer ()
{
    if (_addr->peer == NULL) {
        _addr->peer = new (std::nothrow) dualstack_peer_t;
        alloc_assert (_addr->peer);
    }
    _addr->peer->connected (peer ());
}

zds_addr_t zmq::dualstack_connecter_t::address_of_peer () const
{
    return _dial.peer_address ();
}

//  Called at first, and when the reconnect timer fires.
void zmq::dualstack_connecter_t::start_connecting ()
{
    _waiting = false;
    //  The timer ran beside a dial that has ended since.
    if (_done)
        return;
    if (_dial.is_idle ())
        _dial.start (_target);
    else
        _dial.again ();
}

void zmq::dualstack_connecter_t::connect_later (bool goes_on_)
{
    _done = false;
    if (goes_on_ && options.reconnect_ivl <= 0)
        start_connecting ();
    else
        wait_to_reconnect ();
}

void zmq::dualstack_connecter_t::wait_to_reconnect ()
{
    if (_waiting)
        return;
    _waiting = options.reconnect_ivl > 0;
    add_reconnect_timer ();
}

void zmq::dualstack_connecter_t::dial_delayed ()
{
    _socket->event_connect_delayed (
      make_unconnected_connect_endpoint_pair (_endpoint), EINPROGRESS);
}

void zmq::dualstack_connecter_t::dial_retry ()
{
    wait_to_reconnect ();
}

void zmq::dualstack_connecter_t::dial_connected (fd_t fd_, size_t sent_)
{
    _done = true;
    //  The engine gets these options.
    options.greeting_sent = sent_;
    connected (fd_);
}

void zmq::dualstack_connecter_t::dial_failed (int error_, fd_t fd_)
{
    const bool stop = _stop_when_refused && error_ == ECONNREFUSED;

    if (stop)
        send_conn_failed (_session);
    if (fd_ != retired_fd)
        _socket->event_closed (
          make_unconnected_connect_endpoint_pair (_endpoint), fd_);
    _done = stop;
    if (stop)
        terminate ();
    else
        wait_to_reconnect ();
}
