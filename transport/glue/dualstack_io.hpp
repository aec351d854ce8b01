/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_IO_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_IO_HPP_INCLUDED__

#include <set>
#include <string>

#include "fd.hpp"
#include "i_poll_events.hpp"
#include "macros.hpp"
#include "poller.hpp"
#include "signaler.hpp"
#include "zds_addr.h"
#include "zds_resolver.h"

namespace zmq
{
class io_thread_t;
struct options_t;
class dualstack_net_t;
class dualstack_dial_t;
class dualstack_probe_t;

//  One look-up that a dial waits for.
struct dualstack_lookup_t
{
    zds_waiter_t waiter; //  first: what comes in is one of these
    dualstack_dial_t *dial;
    zds_look_t look;
    bool waiting;
};

//  What the dials of one I/O thread share: the way by which answers come in from
//  the resolver's threads, and the probes. Used by that thread alone.
class dualstack_io_t ZMQ_FINAL : public i_poll_events
{
  public:
    explicit dualstack_io_t (io_thread_t *io_thread_);
    //  stop() was called, or nothing was ever begun.
    ~dualstack_io_t ();

    dualstack_net_t &net () const;

    //  Looks a host up. True when the answer is there at once, in
    //  'lookup_->waiter.answer'; else the dial's answered() is called later. The
    //  dial gives the answer back with drop().
    bool ask (const char *host_, dualstack_lookup_t *lookup_);
    void drop (dualstack_lookup_t *lookup_);

    //  Ends the wait at once.
    void cancel (dualstack_lookup_t *lookup_);

    //  Waits for the connect() that is under way on the socket, notes in the
    //  memory of 'key_' whether it succeeded, and closes it.
    void probe (fd_t fd_,
                const options_t &options_,
                const std::string &key_,
                const zds_addr_t &addr_);

    //  The I/O thread is about to end: nothing may be left in its poller.
    void stop ();

    //  i_poll_events implementation: answers are there.
    void in_event () ZMQ_OVERRIDE;
    void out_event () ZMQ_OVERRIDE;
    void timer_event (int id_) ZMQ_OVERRIDE;

  private:
    friend class dualstack_probe_t;

    static void wake (void *arg_);
    bool begin_waiting ();
    void end_waiting ();

    io_thread_t *const _io_thread;

    //  In the poller while somebody waits, so that an idle I/O thread has the
    //  load that it would have without us. An eventfd is made anew each time: an
    //  idle process has no more descriptors either.
    signaler_t *_signaler;
    poller_t::handle_t _handle;
    unsigned _waiting;
    zds_inbox_t _inbox;

    typedef std::set<dualstack_probe_t *> probes_t;
    probes_t _probes;

    ZMQ_NON_COPYABLE_NOR_MOVABLE (dualstack_io_t)
};
}

#endif
