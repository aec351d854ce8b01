/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_SOCKET_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_SOCKET_HPP_INCLUDED__

#include <errno.h>

#include <string>
#include <vector>

#include "fd.hpp"
#include "macros.hpp"
#include "zds_bind.h"
#include "zds_race.h"

//  System calls, with the same interface on all systems: failures are errno values,
//  and nothing ends the process.

namespace zmq
{
struct options_t;

//  Keeps errno.
void dualstack_close (fd_t fd_);

//  The errno of the socket call that just failed.
int dualstack_errno ();

//  setsockopt with an int, or with the type that the system has in its place. 0, or
//  -1 with the errno in dualstack_errno().
int dualstack_set_flag (fd_t fd_, int level_, int option_, int value_);

//  A non-blocking socket for a connection to 'addr_', from 'source_' unless that
//  is NULL, with the options of a connecter; connect() has been called. Returns 0 if
//  that succeeded, EINPROGRESS if it is under way; then the socket is in '*fd_'.
//  Returns another errno if anything failed; then '*fd_' is the former number of the
//  socket, which is closed, or retired_fd if none could be prepared.
int dualstack_connect (const zds_addr_t &addr_,
                       const zds_addr_t *source_,
                       const options_t &options_,
                       fd_t *fd_);

//  Whether a connect() that was under way has succeeded.
bool dualstack_is_connected (fd_t fd_);

//  How a connect() that was under way ended: 0 or an errno.
int dualstack_connect_error (fd_t fd_);

//  Whether it is an IPv6 socket.
bool dualstack_is_ipv6 (fd_t fd_);

//  ECONNREFUSED if the socket is connected to itself: the port, on which nobody
//  listens, may be the one that the system gives the socket. It compares the socket's
//  own address with its peer's, since the address that was dialled may be 0.0.0.0,
//  which is this host. Else 0, or another errno.
int dualstack_check_peer (fd_t fd_);

//  Sets the options that libzmq sets on an established connection. 0 or an errno.
int dualstack_tune (fd_t fd_, const options_t &options_);

//  Makes the system notice within two minutes that the connection is dead, unless the
//  application has set keepalives itself. Failures are ignored.
void dualstack_keep_alive (fd_t fd_, const options_t &options_);

//  Sends as many bytes as can be sent at once, and puts their number into '*sent_'. 0
//  or an errno.
int dualstack_send (fd_t fd_, const void *data_, size_t size_, size_t *sent_);

//  Copies the bytes of a greeting that have come in, '*count_' of them, and leaves
//  them in the socket. 0; EAGAIN if nothing has come in; or another errno, ECONNRESET
//  at the end of the connection.
int dualstack_hear (fd_t fd_, zds_greeting_t *greeting_, size_t *count_);

//  Asks pollers to report the socket only when this many bytes have come in, or when
//  the connection ends. Systems may ignore that.
void dualstack_report_from (fd_t fd_, int bytes_);

//  Whether the peer has ended the connection, although there are still bytes to read.
bool dualstack_has_hung_up (fd_t fd_);

//  Opens the socket that a listener asks for, bound and listening. Returns 0, and
//  gives '*fd_' and the port (0 if the system does not tell it). Or returns an errno;
//  then 'stage_' says where it failed, and '*fd_' is the former number of a socket
//  that was opened but could not be bound, else retired_fd.
int dualstack_open_listener (const zds_listener_t &listener_,
                             const options_t &options_,
                             zds_bind_stage_t *stage_,
                             fd_t *fd_,
                             uint16_t *port_);

//  Frees the port of a listening socket at once, before it is closed by the thread
//  that polls it, whose accept() then fails with EINVAL. This acts on every copy of
//  the descriptor. Linux only; elsewhere it is a no-op, and the port is free when the
//  socket is closed.
void dualstack_stop_listening (fd_t fd_);

//  Whether that was done to the socket.
bool dualstack_has_stopped (fd_t fd_);

//  What the text of a bind, or of a connection's source address, means on this host.
struct dualstack_local_t : zds_local_t
{
    explicit dualstack_local_t (zds_mode_t mode_);

    //  Reads HOST:PORT. Safe in any thread. Returns 0 or an errno.
    int read (const std::string &text_);

    //  Turns ENODEV into another errno if it is not known that there is no such
    //  interface.
    int verdict (int rc_) const
    {
        return rc_ == ENODEV && _unknown != 0 ? _unknown : rc_;
    }

  private:
    //  The addresses to choose from. Where the system has no getifaddrs, they are
    //  from libzmq's own resolver.
    std::vector<zds_ifaddr_t> _all;
    int _unknown; //  why the system did not tell its interfaces

    ZMQ_NON_COPYABLE_NOR_MOVABLE (dualstack_local_t)
};
}

#endif
