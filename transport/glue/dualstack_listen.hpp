/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_LISTEN_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_LISTEN_HPP_INCLUDED__

#include <string>

#include "fd.hpp"
#include "macros.hpp"
#include "zds_bind.h"
#include "zds_trace.h"

#ifndef ZMQ_HAVE_DUALSTACK
#define dualstack_as_ipv4(addr, len) static_cast<void> (0)
#define dualstack_refused(options, endpoint, peer) static_cast<void> (0)
#else
namespace zmq
{
struct options_t;

//  The listening sockets of one bind: does what zds_bind decides.
//
//  Used by the thread that binds, which takes the sockets out one by one.
//  What it does not take is closed with the object.
class dualstack_listen_t
{
  public:
    dualstack_listen_t ();
    ~dualstack_listen_t ();

    //  Opens every socket that ADDRESS:PORT asks for, with the options of a
    //  listener, bound and listening, or none. 'scheme_' is a static text, for
    //  the trace, and names are for "tcp" alone; with 'any_', 0.0.0.0 means * (B-11). A name that is neither an
    //  interface nor a literal is looked up where this version of libzmq does
    //  so, on the calling thread. Returns 0, or -1 and sets errno.
    int open (const char *scheme_,
              const char *addr_,
              const options_t &options_,
              bool any_);

    //  Hands over a socket; slot 0 is the one that names the endpoint.
    fd_t release (unsigned slot_);

    //  After open(): the number of sockets, at most ZDS_MAX_LISTENERS; the family of
    //  each; whether they stand in for IPv4 ones (see options_t::as_ipv4); whether the
    //  bind follows an interface, and from where.
    unsigned count;
    int family[ZDS_MAX_LISTENERS];
    bool as_ipv4;
    bool follows;
    zds_follow_t follow;

    //  After open() failed: the former descriptor of the socket that could not
    //  be bound; retired_fd if it did not come to that.
    fd_t unbindable;

  private:
    int make_plan (const char *addr_,
                   const options_t &options_,
                   bool names_,
                   bool any_,
                   zds_bind_plan_t *plan_);
    int run (zds_bind_t *bind_,
             const options_t &options_,
             const zds_subject_t &subject_);
    void open_listener (zds_bind_t *bind_,
                        const zds_bind_step_t &step_,
                        const options_t &options_,
                        const zds_subject_t &subject_);

    fd_t _fds[ZDS_MAX_LISTENERS];
    zds_endpoint_t _endpoint;

    ZMQ_NON_COPYABLE_NOR_MOVABLE (dualstack_listen_t)
};

//  Opens one socket as a listener asks for, bound and listening: 0 and '*fd_' and the
//  port (0 if the system does not tell), or an errno; 'stage_' says where. The number
//  of a socket that was opened and could not be bound is in '*fd_', else retired_fd.
int dualstack_open_listener (const zds_listener_t &listener_,
                             const options_t &options_,
                             zds_bind_stage_t *stage_,
                             fd_t *fd_,
                             uint16_t *port_);

//  Turns the address of an IPv4 peer of a dual-stack socket into an IPv4 address.
void dualstack_as_ipv4 (sockaddr_storage *addr_, socklen_t *len_);

//  Tells, if anybody wants to know, that no accept filter matches the peer.
void dualstack_refused (const options_t &options_,
                        const std::string &endpoint_,
                        const sockaddr_storage &peer_);

//  Makes a listening socket give its port free at once, ahead of being closed
//  by the thread that polls it, whose accept() then fails with EINVAL. Acts on
//  every copy of the descriptor. Linux only; a no-op elsewhere, where the port
//  is free when the socket is closed.
void dualstack_stop_listening (fd_t fd_);

//  True iff that has been done to the socket.
bool dualstack_has_stopped (fd_t fd_);
}
#endif

#endif
