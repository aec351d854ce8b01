/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_CONNECTER_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_CONNECTER_HPP_INCLUDED__

#include <string>

#include "dualstack_dial.hpp"
#include "stream_connecter_base.hpp"

namespace zmq
{
//  What the connecters over TCP share: a dial, what the monitor hears of it, and
//  the reconnect timer. A race tells the monitor what one connect() would have:
//  CONNECT_DELAYED once, and CLOSED once if it fails.
class dualstack_connecter_t : public stream_connecter_base_t,
                              private i_dualstack_dial_events
{
  protected:
    //  'target_' is what is dialled: [SOURCE;]HOST:PORT.
    dualstack_connecter_t (io_thread_t *io_thread_,
                           session_base_t *session_,
                           const options_t &options_,
                           address_t *addr_,
                           const std::string &target_,
                           dualstack_purpose_t purpose_,
                           bool delayed_start_);

    void process_term (int linger_) ZMQ_OVERRIDE;

    //  TCP is connected; the callee keeps the socket.
    virtual void connected (fd_t fd_) = 0;

    //  What was connected is no good, and closed: everything begins anew after
    //  the reconnect interval. Without one, at once if 'goes_on_', or never.
    void connect_later (bool goes_on_);

    //  The peer that connected() was called for, as the application sees it:
    //  through an IPv6 socket, IPv4 is mapped.
    zds_addr_t address_of_peer () const;

    //  Who that is in the memory.
    const dualstack_peer_t &peer () const;

    //  Leaves that to the session, in its address.
    void remember_peer ();

  private:
    void start_connecting () ZMQ_OVERRIDE;

    void dial_delayed () ZMQ_OVERRIDE;
    void dial_retry () ZMQ_OVERRIDE;
    void dial_connected (fd_t fd_, size_t sent_) ZMQ_OVERRIDE;
    void dial_failed (int error_, fd_t fd_) ZMQ_OVERRIDE;

    void wait_to_reconnect ();

    const std::string _target;
    const bool _stop_when_refused;
    //  The reconnect timer runs, perhaps beside the dial.
    bool _waiting;
    //  Nothing is to be begun any more.
    bool _done;
    dualstack_dial_t _dial;

    ZMQ_NON_COPYABLE_NOR_MOVABLE (dualstack_connecter_t)
};
}

#endif
