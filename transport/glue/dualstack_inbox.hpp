/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_INBOX_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_INBOX_HPP_INCLUDED__

#include <map>
#include <set>
#include <string>

#include "dualstack_ctx.hpp"
#include "fd.hpp"
#include "i_poll_events.hpp"
#include "macros.hpp"
#include "object.hpp"
#include "poller.hpp"
#include "zds_host.h"
#include "zds_race.h"
#include "zds_resolver.h"

namespace zmq
{
class ctx_t;
class io_thread_t;
class dualstack_dial_t;
class dualstack_probe_t;

//  One look-up that a dial waits for.
struct dualstack_lookup_t
{
    zds_waiter_t waiter; //  first: what comes in is one of these
    dualstack_dial_t *dial;
};

//  In a bind to an interface, one listener follows that interface's IPv6 addresses
//  (B-12). It runs in the context's first I/O thread, which watches them, and may
//  have no socket at times. Connections belong to the listener, so they survive its
//  moves.
struct i_dualstack_follower
{
    virtual ~i_dualstack_follower () ZMQ_DEFAULT;

    //  The followed interface now has these addresses. Called in the I/O thread.
    virtual void look (const zds_ifaddr_t *ifaddrs_, size_t count_) = 0;
};

//  What the dials and listeners of one I/O thread share: the way in which answers
//  come from the resolver's threads, the probes, and the watch over interfaces. Only
//  that thread uses it. Answers are announced in the I/O thread's own mailbox, so
//  only the watch takes a descriptor, and only while there is something to watch.
class dualstack_inbox_t ZMQ_FINAL : private object_t, private i_poll_events
{
  public:
    dualstack_inbox_t (io_thread_t *io_thread_, ctx_t *ctx_, uint32_t tid_);
    //  stop() must have been called, or nothing ever begun.
    ~dualstack_inbox_t ();

    //  Where the answers for this thread come in. That of a dualstack_lookup_t is
    //  handed to its dial.
    zds_inbox_t *answers () { return &_inbox; }

    //  The host's addresses as they were at most ZDS_RACE_MIN_GAP ago, so that a
    //  thousand dials that begin at once do not ask a thousand times.
    zds_host_view_t view ();

    //  A dial that begins to race for a name learns from those that still race for
    //  it, because when a client closes its socket and opens another, the first dial
    //  ends after the second has begun. Only the latest dials are known.
    void begins (dualstack_dial_t *dial_);
    void ended (const dualstack_dial_t *dial_);

    //  Waits for the connect() that is under way on the socket, and for a greeting
    //  if the peer is to greet, for the attempt delay each; notes in the history
    //  whether that succeeded, and closes it. 'addr_' is another address of the host
    //  of 'peer_'.
    void probe (fd_t fd_,
                const zds_race_config_t &config_,
                const dualstack_peer_t &peer_,
                const zds_addr_t &addr_);

    //  The listener's look() will be called soon, and whenever an IPv6 address of the
    //  interface has changed. Returns 0; EXDEV if this thread is in another network
    //  namespace than 'netns_' (zds_host_netns); or what zds_host_watch returns.
    int follow (const std::string &interface_,
                i_dualstack_follower *listener_,
                uint64_t netns_);
    void unfollow (i_dualstack_follower *listener_);

    //  The I/O thread is about to end, and nothing may be left in its poller.
    void stop ();

  private:
    friend class dualstack_probe_t;

    //  A command from a resolver thread says that answers are there.
    void process_activate_read () ZMQ_OVERRIDE;

    //  i_poll_events implementation, of the watch.
    void in_event () ZMQ_OVERRIDE;
    void out_event () ZMQ_OVERRIDE;
    void timer_event (int id_) ZMQ_OVERRIDE;
    int open_watch ();
    void close_watch_if_unused ();
    void look_in (int ms_);

    static void wake (void *arg_);

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

    typedef std::set<dualstack_probe_t *> probes_t;
    probes_t _probes;

    //  By the name of the interface.
    typedef std::multimap<std::string, i_dualstack_follower *> followers_t;
    followers_t _followers;
    int _watch_fd; // -1: none
    poller_t::handle_t _watch_handle;
    bool _has_timer;

    ZMQ_NON_COPYABLE_NOR_MOVABLE (dualstack_inbox_t)
};
}

#endif
