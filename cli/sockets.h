/* SPDX-License-Identifier: MPL-2.0 */

/*  The socket calls of libzmq's bind and connect, without libzmq.  */

#ifndef SOCKETS_H_INCLUDED
#define SOCKETS_H_INCLUDED

#include "zds_bind.h"

/*  Opens a listening socket as '*listener_' says.  Where it failed is left in
    '*stage_'; returns 0 or an errno, and the socket.  'really_' false: everything
    but the port and listen(), so that nobody notices.  */
int sockets_listen (const zds_listener_t *listener_,
                    bool really_,
                    int *fd_,
                    zds_bind_stage_t *stage_);

/*  Begins to connect, from 'source_' unless that is NULL.  Returns 0 (connected),
    EINPROGRESS, or an errno and no socket.  */
int sockets_connect (const zds_addr_t *addr_,
                     const zds_addr_t *source_,
                     int *fd_);

/*  How the attempt on a socket that poll() reports has ended: 0 or an errno.  */
int sockets_outcome (int fd_);

/*  The socket's own address; false if it has none.  */
bool sockets_local (int fd_, zds_addr_t *addr_);

#endif
