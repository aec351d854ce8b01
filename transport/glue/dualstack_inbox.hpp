/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_INBOX_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_INBOX_HPP_INCLUDED__

#include <set>
#include <string>

#include "fd.hpp"
#include "macros.hpp"
#include "dualstack_watch.hpp"
#include "object.hpp"
#include "zds_addr.h"
#include "zds_host.h"
#include "zds_resolver.h"

namespace zmq
{
class ctx_t;
class io_thread_t;
struct options_t;
class dualstack_ctx_t;
class dualstack_dial_t;
class dualstack_probe_t;

//  One look-up that a dial waits for.
struct dualstack_lookup_t
{
    zds_waiter_t waiter; //  first: what comes in is one of these
    dualstack_dial_t *dial;
    zds_look_t look;
    zds_look_t plain; //  what libzmq would ask for without dual stack
    bool waiting;
};

//  What the dials of one I/O thread share: the way by which answers come in from
//  the resolver's threads, and the probes. Used by that thread alone. Answers are
//  announced in the I/O thread's own mailbox: it takes no descriptor.
class dualstack_inbox_t ZMQ_FINAL : private object_t
{
  public:
    dualstack_inbox_t (io_thread_t *io_thread_, ctx_t *ctx_, uint32_t tid_);
    //  stop() was called, or nothing was ever begun.
    ~dualstack_inbox_t ();

    dualstack_ctx_t &context () const;

    //  Looks a host up. True when the answer is there at once, in
    //  'lookup_->waiter.answer'; else the dial's answered() is called later. The
    //  dial gives the answer back with drop(). Where no thread is to be had, this
    //  waits for the look-up.
    bool ask (const char *host_, dualstack_lookup_t *lookup_);
    //  Since when the look-up runs; ZDS_NEVER while it is queued, or when it is not
    //  waited for.
    uint64_t runs_since (const dualstack_lookup_t &lookup_) const;
    void drop (dualstack_lookup_t *lookup_);

    //  The host's addresses: as they were at most ZDS_RACE_MIN_GAP ago, so that a
    //  thousand dials that begin at once do not ask a thousand times.
    zds_host_view_t view ();

    //  Ends the wait at once.
    void cancel (dualstack_lookup_t *lookup_);

    //  A dial that begins to race for a name learns from those that still do: a
    //  client that closes its socket and opens another ends the first dial after
    //  the second has begun. Only the latest are known.
    void begins (dualstack_dial_t *dial_);
    void ended (const dualstack_dial_t *dial_);

    //  Waits for the connect() that is under way on the socket, and for a greeting
    //  if the peer is to greet; notes in the history of 'key_' whether that
    //  succeeded, and closes it.
    void probe (fd_t fd_,
                bool greets_,
                const options_t &options_,
                const std::string &key_,
                const zds_addr_t &addr_);

    //  What the listeners that follow interfaces share.
    dualstack_watch_t &watch () { return _watch; }

    //  The I/O thread is about to end: nothing may be left in its poller.
    void stop ();

  private:
    friend class dualstack_probe_t;

    static void wake (void *arg_);
    zds_resolver_t *resolver () const;

    //  A command from a thread of the resolver: answers are there.
    void process_activate_read () ZMQ_OVERRIDE;

    io_thread_t *const _io_thread;
    zds_inbox_t _inbox;

    zds_host_view_t _view;
    uint64_t _seen; //  when '_view' was

    enum
    {
        max_racing = 16
    };
    dualstack_dial_t *_racing[max_racing];
    unsigned _begun;

    dualstack_watch_t _watch;

    typedef std::set<dualstack_probe_t *> probes_t;
    probes_t _probes;

    ZMQ_NON_COPYABLE_NOR_MOVABLE (dualstack_inbox_t)
};
}

#endif
