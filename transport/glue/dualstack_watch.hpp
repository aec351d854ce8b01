/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_WATCH_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_WATCH_HPP_INCLUDED__

#include <map>
#include <string>

#include "i_poll_events.hpp"
#include "macros.hpp"
#include "poller.hpp"
#include "stdint.hpp"

namespace zmq
{
struct i_dualstack_follower;
class io_thread_t;

//  Looks at interfaces when their IPv6 addresses change, for the listeners of one
//  I/O thread that follow one. Has a descriptor while there are any.
class dualstack_watch_t ZMQ_FINAL : public i_poll_events
{
  public:
    explicit dualstack_watch_t (io_thread_t *io_thread_);
    ~dualstack_watch_t ();

    //  The listener's look() is called soon, and after every change. Returns 0; EXDEV
    //  if this thread is in another network namespace than 'netns_'
    //  (zds_host_netns), or what zds_host_watch says.
    int add (i_dualstack_follower *listener_, uint64_t netns_);
    void remove (i_dualstack_follower *listener_);

    //  i_poll_events implementation.
    void in_event () ZMQ_OVERRIDE;
    void out_event () ZMQ_OVERRIDE;
    void timer_event (int id_) ZMQ_OVERRIDE;

  private:
    int open ();
    void close ();
    void look_in (int ms_);

    io_thread_t *const _io_thread;
    //  By the name of the interface.
    typedef std::multimap<std::string, i_dualstack_follower *> listeners_t;
    listeners_t _listeners;
    int _fd; // -1: none
    poller_t::handle_t _handle;
    bool _has_timer;

    ZMQ_NON_COPYABLE_NOR_MOVABLE (dualstack_watch_t)
};
}

#endif
