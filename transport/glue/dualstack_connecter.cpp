/* SPDX-License-Identifier: MPL-2.0 */

#include "precompiled.hpp"

#include "dualstack_connecter.hpp"

#include "dualstack_socket.hpp"
#include "tcp_address.hpp"

namespace zmq
{
//  Does what libzmq's out_event() does, except that this would take a connection
//  which its peer has ended meanwhile for one that was never made. Here the engine
//  finds that out, and the session goes on to the next address.
template <> void dualstack_tcp_connecter_t::hand_over ()
{
    const bool is_reconnect = _addr->resolved.tcp_addr != NULL;
    const fd_t fd = _s;
    zds_addr_t addr = _dial.peer ().addr;

    //  After a reconnect the peer is named by its address as the socket has it: in an
    //  IPv6 socket, IPv4 is mapped. The session reads it once it has the engine.
    if (dualstack_is_ipv6 (fd))
        zds_addr_map (&addr);
    LIBZMQ_DELETE (_addr->resolved.tcp_addr);
    _addr->resolved.tcp_addr = new (std::nothrow)
      tcp_address_t (&addr.sa, static_cast<socklen_t> (zds_addr_len (&addr)));
    alloc_assert (_addr->resolved.tcp_addr);
    if (is_reconnect)
        _addr->to_string (_endpoint);
    if (!tune_socket (fd)) {
        close ();
        add_reconnect_timer ();
        return;
    }
    _s = retired_fd;
    create_engine (fd, get_socket_name<tcp_address_t> (fd, socket_end_local));
}

//  TCP decides this race, so a proxy that is none, or is mute, has won where a better
//  address may be left.
template <> void dualstack_socks_connecter_t::hand_over ()
{
    _handle = add_fd (_s);
    set_pollout (_handle);
    _status = waiting_for_proxy_connection;
    if ((_dial.peer ().rest & ZDS_REST_FRESH) != 0)
        _dial.watch ();
    out_event ();
}

template <> void dualstack_socks_connecter_t::in_event ()
{
    const bool was_asked = _status == waiting_for_choice;

    socks_connecter_t::in_event ();
    if (was_asked
        && (_status == sending_basic_auth_request
            || _status == sending_request))
        dualstack_handshaked (_to->peer.last);
}

template <> void dualstack_socks_connecter_t::error ()
{
    const int interval = options.reconnect_ivl;

    //  Whoever does not answer the greeting is no SOCKS proxy.
    if (_status <= waiting_for_choice)
        dualstack_goes_on (options, _to->peer.last, i_engine::connection_error);
    const bool at_once = dualstack_is_at_once (_to->peer.last);
    //  No pause, and none announced.
    if (at_once)
        options.reconnect_ivl = 0;
    socks_connecter_t::error ();
    options.reconnect_ivl = interval;
    if (at_once)
        start_connecting ();
}

template <> void dualstack_socks_connecter_t::dial_watched ()
{
    if (_status == sending_greeting || _status == waiting_for_choice)
        error ();
}

#ifdef ZMQ_HAVE_WS
template <> void dualstack_ws_connecter_t::hand_over ()
{
    _handle = add_fd (_s);
    out_event ();
}
#endif
}
