/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_SOCKET_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_SOCKET_HPP_INCLUDED__

#include <vector>

#include "fd.hpp"
#include "zds_bind.h"

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

//  The address that the socket has on this host. 0 or an errno.
int dualstack_local_address (fd_t fd_, zds_addr_t *addr_);

//  Whether the socket, which has this address on this host, is connected to itself.
bool dualstack_is_own_peer (fd_t fd_, const zds_addr_t &local_);

//  Sets what libzmq sets on a connection that was made. 0 or an errno.
int dualstack_tune (fd_t fd_, const options_t &options_);

//  Has the system notice within two minutes that the connection is dead, unless the
//  application has said something about keepalives. Does what can be done.
void dualstack_keep_alive (fd_t fd_, const options_t &options_);

//  Sends what can be sent at once; '*sent_' is how many bytes that is. 0 or an
//  errno.
int dualstack_send (fd_t fd_, const void *data_, size_t size_, size_t *sent_);

//  What has come in, without taking it: '*count_' bytes, 0 at the end of the
//  connection. 0, EAGAIN if nothing has come in, or another errno.
int dualstack_peek (fd_t fd_, void *data_, size_t size_, size_t *count_);

//  Pollers are to report the socket only when this many bytes have come in, or the
//  connection ends. A hint: systems may ignore it.
void dualstack_report_from (fd_t fd_, int bytes_);

//  Whether the peer has ended the connection, though there are bytes left of it.
bool dualstack_has_hung_up (fd_t fd_);

typedef std::vector<zds_ifaddr_t> dualstack_ifaddrs_t;

//  The addresses that a bind to the endpoint, or a source, can choose from.
//  Appends; safe in any thread. Where the system has no getifaddrs, libzmq's own
//  resolver says. Returns 0 or an errno: what the system said when it did not tell
//  its interfaces, ENOMEM among it.
int dualstack_ifaddrs (const zds_endpoint_t &endpoint_,
                       dualstack_ifaddrs_t *ifaddrs_);
}

#endif
