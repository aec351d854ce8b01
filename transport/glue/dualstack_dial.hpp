/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_DIAL_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_DIAL_HPP_INCLUDED__

#include <string.h>

#include <string>

#include "dualstack_inbox.hpp"
#include "dualstack_ctx.hpp"
#include "dualstack_socket.hpp"
#include "fd.hpp"
#include "io_object.hpp"
#include "macros.hpp"
#include "zds_bind.h"
#include "zds_race.h"
#include "zds_trace.h"

#ifdef ZMQ_HAVE_DUALSTACK
namespace zmq
{
struct options_t;
union ip_addr_t;

//  A dial's reports. All are called on its I/O thread, from within start(), again()
//  or an event, and must not destroy it.
struct i_dualstack_dial_events
{
    virtual ~i_dualstack_dial_events () ZMQ_DEFAULT;

    //  The first attempt is under way.
    virtual void dial_delayed () = 0;

    //  When the reconnect interval is over, again() is to be called, so that what
    //  failed is tried again; meanwhile the dial goes on.
    virtual void dial_retry () = 0;

    //  The end: a connected and tuned socket, for the callee to keep. 'sent_' bytes
    //  of the signature of a ZMTP greeting have been sent on it; nothing was read.
    virtual void dial_connected (fd_t fd_, size_t sent_) = 0;

    //  The end: there is no connection. 'error_' is ECONNREFUSED only if every
    //  attempt was refused. 'fd_' is the number that the last socket had,
    //  retired_fd if there was none.
    virtual void dial_failed (int error_, fd_t fd_) = 0;

    //  See watch().
    virtual void dial_watched () = 0;
};

//  Makes one TCP connection to [SOURCE;]HOST:PORT: looks the host up, has its
//  addresses race, and records the outcome in the history. It decides nothing: see
//  zds_race.h and zds_history.h. It belongs to one I/O thread.
class dualstack_dial_t ZMQ_FINAL : public io_object_t
{
  public:
    dualstack_dial_t (io_thread_t *io_thread_,
                      const char *scheme_,
                      const options_t &options_,
                      i_dualstack_dial_events *events_);
    //  stop() was called, or the dial has ended.
    ~dualstack_dial_t ();

    //  Begins; the dial must be idle. If something is wrong with the address, or with
    //  this host, dial_failed() is called. The address must stay where it is until
    //  the dial is idle again.
    void start (const std::string &address_);

    //  See dial_retry().
    void again ();

    //  Gives up: no more reports come. Returns the number that one of the sockets
    //  had, retired_fd if there was none. Harmless when idle.
    fd_t stop ();

    bool is_idle () const { return _idle; }
    bool is_for_tcp () const { return strcmp (_subject.scheme, "tcp") == 0; }

    //  From dial_connected() on: says dial_watched() once the attempt delay is over,
    //  unless start() or stop() is called before.
    void watch ();

    //  After dial_connected(): the peer.
    const dualstack_peer_t &peer () const { return _peer; }

    //  For dualstack_inbox_t: an answer came in.
    void answered (const dualstack_lookup_t *lookup_);
    //  Likewise: another dial begins. Records what its race can learn from this one.
    void tell_silence (const dualstack_dial_t &other_);

    //  i_poll_events implementation.
    void timer_event (int id_) ZMQ_OVERRIDE;

  private:
    //  The poller's events do not name a descriptor, so each attempt receives its
    //  own.
    class attempt_t ZMQ_FINAL : public io_object_t
    {
      public:
        attempt_t ();
        void open (dualstack_dial_t *dial_, unsigned index_, fd_t fd_);
        //  Takes the socket out of the poller, and hands it over.
        fd_t release ();
        //  The same, and closes it; returns its former number.
        fd_t close ();
        fd_t fd () const { return _fd; }

        //  Called once TCP has connected. Sends what is left of our signature, since
        //  the peer may wait for it. 0 or an errno.
        int greet (size_t routing_id_size_);
        size_t sent () const { return _sent; }
        //  What the peer's bytes mean so far; MORE if that cannot be said yet. 0 or
        //  an errno.
        int listen (zds_greeting_t *greeting_);
        //  Whether the poller cannot be told to wait for more bytes, so that one has
        //  to look again soon.
        bool is_blind () const { return _blind; }

        //  Some pollers report errors by in_event().
        void in_event () ZMQ_OVERRIDE { _dial->happened (_index); }
        void out_event () ZMQ_OVERRIDE { _dial->happened (_index); }

      private:
        int wait_for_more (size_t count_, int report_from_);

        dualstack_dial_t *_dial;
        unsigned _index;
        fd_t _fd;
        handle_t _handle;
        bool _greets, _blind, _has_mark;
        size_t _sent, _seen;

        ZMQ_NON_COPYABLE_NOR_MOVABLE (attempt_t)
    };

    enum
    {
        race_timer_id = 1
    };

    int read (const std::string &address_);
    int prepare (const std::string &address_);
    void set_name (zds_race_config_t *config_);
    zds_race_config_t configure (unsigned families_);
    void ask (const zds_race_step_t &step_);
    void see_what_runs ();
    zds_resolver_t *resolver () const;
    void take_answer (unsigned look_);
    void tell (const zds_race_step_t &step_) const;
    void pump ();
    void set_timer (uint64_t deadline_);
    void cancel_timer_if_any ();
    void look_again_soon ();
    int open (const zds_addr_t &addr_, fd_t *fd_) const;
    void start_attempt (unsigned attempt_, const zds_addr_t &addr_);
    void happened (unsigned attempt_);
    void look (unsigned attempt_);
    void connected (unsigned attempt_);
    void listen (unsigned attempt_);
    void lost (unsigned attempt_, int error_);
    void tell_of (unsigned attempt_, const char *what_) const;
    bool probe_is_due () const;
    void look_again ();
    void finish ();
    void won (unsigned attempt_);
    void failed (int error_);
    void learn ();

    io_thread_t *const _io_thread;
    dualstack_ctx_t &_context;
    const options_t &_options;
    i_dualstack_dial_events *const _events;

    bool _idle;
    zds_subject_t _subject;
    std::string _key;
    zds_endpoint_t *_endpoint; //  while racing
    bool _is_literal;
    dualstack_local_t *_source; //  while racing; NULL: none given

    zds_race_t _race;
    dualstack_lookup_t _lookup[ZDS_LOOKS]; //  by zds_look_t
    attempt_t _attempt[ZDS_RACE_MAX_RUNNING];
    bool _delayed_said;
    fd_t _last_fd;
    uint64_t _timer_at; //  ZDS_NEVER: none
    dualstack_peer_t _peer;

    ZMQ_NON_COPYABLE_NOR_MOVABLE (dualstack_dial_t)
};

//  Reads HOST:PORT for transports that check it in zmq_connect already. For a name,
//  only the port is put into 'out_', since the name is looked up when it is dialled.
//  Returns 0, or -1 and sets errno: EINVAL when it can be neither a literal nor a
//  name, ENOMEM.
int dualstack_read_target (const char *target_, ip_addr_t *out_);
}
#endif

#endif
