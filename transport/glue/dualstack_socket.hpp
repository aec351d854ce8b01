/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_SOCKET_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_SOCKET_HPP_INCLUDED__

#include <errno.h>

#include <string>
#include <vector>

#include "fd.hpp"
#include "zds_bind.h"
#include "zds_race.h"

//  What is asked of the system, the same on all: failures are errno values, and
//  nothing ends the process.

namespace zmq
{
struct options_t;

//  Keeps errno.
void dualstack_close (fd_t fd_);

//  The errno of the socket call that just failed.
int dualstack_errno ();

//  setsockopt with an int, or what the system has in its place. 0 or -1, for
//  dualstack_errno().
int dualstack_set_flag (fd_t fd_, int level_, int option_, int value_);

//  A non-blocking socket for a connection to 'addr_', from 'source_' unless that
//  is NULL, with the options of a connecter; connect() has been called. Returns 0
//  if that succeeded, EINPROGRESS if it is under way; the socket is in '*fd_'
//  then. Another errno if it failed at any point: '*fd_' is the number of the
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

//  ECONNREFUSED if the socket is connected to itself: a port that nobody listens on
//  may be the one that the system gives the socket, and what was dialled may be
//  0.0.0.0, which is this host. 0, or another errno.
int dualstack_check_peer (fd_t fd_);

//  Sets what libzmq sets on a connection that was made. 0 or an errno.
int dualstack_tune (fd_t fd_, const options_t &options_);

//  Has the system notice within two minutes that the connection is dead, unless the
//  application has said something about keepalives. Does what can be done.
void dualstack_keep_alive (fd_t fd_, const options_t &options_);

//  Sends what can be sent at once; '*sent_' is how many bytes that is. 0 or an
//  errno.
int dualstack_send (fd_t fd_, const void *data_, size_t size_, size_t *sent_);

//  What has come in of a greeting, '*count_' bytes, without taking it. 0, EAGAIN if
//  nothing has come in, or another errno: ECONNRESET at the end of the connection.
int dualstack_hear (fd_t fd_, zds_greeting_t *greeting_, size_t *count_);

//  Pollers are to report the socket only when this many bytes have come in, or the
//  connection ends. A hint: systems may ignore it.
void dualstack_report_from (fd_t fd_, int bytes_);

//  Whether the peer has ended the connection, though there are bytes left of it.
bool dualstack_has_hung_up (fd_t fd_);

//  Opens one socket as a listener asks for, bound and listening: 0 and '*fd_' and the
//  port (0 if the system does not tell), or an errno; 'stage_' says where. The number
//  of a socket that was opened and could not be bound is in '*fd_', else retired_fd.
int dualstack_open_listener (const zds_listener_t &listener_,
                             const options_t &options_,
                             zds_bind_stage_t *stage_,
                             fd_t *fd_,
                             uint16_t *port_);

//  Makes a listening socket give its port free at once, ahead of being closed
//  by the thread that polls it, whose accept() then fails with EINVAL. Acts on
//  every copy of the descriptor. Linux only; a no-op elsewhere, where the port
//  is free when the socket is closed.
void dualstack_stop_listening (fd_t fd_);

//  True iff that has been done to the socket.
bool dualstack_has_stopped (fd_t fd_);

//  What a bind, or the source address of a connection, names on this host.
struct dualstack_local_t
{
    zds_endpoint_t endpoint;

    //  Those that it can choose from. Where the system has no getifaddrs, libzmq's
    //  own resolver says.
    std::vector<zds_ifaddr_t> ifaddrs;

    dualstack_local_t () : endpoint (), unknown (0) {}

    //  Reads HOST:PORT. Safe in any thread. Returns 0 or an errno.
    int read (const std::string &text_);

    const zds_ifaddr_t *first () const
    {
        return ifaddrs.empty () ? NULL : &ifaddrs[0];
    }

    //  ENODEV only if it is known that there is no such interface.
    int verdict (int rc_) const
    {
        return rc_ == ENODEV && unknown != 0 ? unknown : rc_;
    }

  private:
    int unknown; //  why the system did not tell its interfaces
};
}

#endif
