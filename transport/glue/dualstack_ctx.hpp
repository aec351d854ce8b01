/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_CTX_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_CTX_HPP_INCLUDED__

#include <string>

#include "i_engine.hpp"
#include "macros.hpp"
#include "mutex.hpp"
#include "zds_history.h"
#include "zds_resolver.h"
#include "zds_settings.h"
#include "zds_trace.h"

//  libzmq's clock, which never goes back, in ms.
extern "C" uint64_t zds_clock_ms ();

namespace zmq
{
class ctx_t;
struct endpoint_uri_pair_t;
struct options_t;

//  What the sockets of a context share: the administrator's settings, read once; the
//  resolver; and the history of which addresses worked. Any thread may use it.
class dualstack_ctx_t
{
  public:
    //  If the trace cannot be opened, that is reported on stderr, and there is none.
    dualstack_ctx_t ();
    //  When it ends, nobody may be waiting for an answer.
    ~dualstack_ctx_t ();

    const zds_settings_t &settings () const { return _settings; }

    //  Where decisions are written; NULL: nowhere.
    zds_trace_t *trace () const { return _trace; }

    //  Made when it is first used; NULL when there is no memory. The context is asked
    //  for the name of its threads.
    zds_resolver_t *resolver (ctx_t &ctx_);

  private:
    friend class dualstack_history_t;

    zds_settings_t _settings;
    zds_trace_t *_trace;

    //  Guards what follows.
    mutex_t _sync;
    zds_resolver_t *_resolver;
    zds_history_t *_history;

    ZMQ_NON_COPYABLE_NOR_MOVABLE (dualstack_ctx_t)
};

//  A context's history of one host, for the functions of zds_history.h: locked while
//  this object lives, which must not be long. NULL as long as there is nothing to
//  remember, or no memory for it.
class dualstack_history_t
{
  public:
    //  With 'make_' there is something to remember.
    dualstack_history_t (dualstack_ctx_t &ctx_,
                         const std::string &key_,
                         bool make_ = false);

    operator const zds_about_t * () const
    {
        return _about.history == NULL ? NULL : &_about;
    }

  private:
    scoped_lock_t _locker;
    zds_about_t _about;

    ZMQ_NON_COPYABLE_NOR_MOVABLE (dualstack_history_t)
};

//  The socket that has these options, for zds_trace.h. The texts stay the
//  caller's.
zds_subject_t dualstack_subject (const options_t &options_,
                                 const char *action_,
                                 const char *scheme_,
                                 const char *address_);

//  What a socket's application has said about IPv6.
zds_mode_t dualstack_mode (const options_t &options_);

//  The key of an endpoint in the history, which has everything that makes a
//  difference to the outcome: the address, which includes the source, and what the
//  connection is made for ("tcp", "ws" or "socks") are the subject's.
std::string dualstack_key (const zds_subject_t &subject_,
                           const options_t &options_);

//  Which of a name's addresses a connection was made to, and what became of it. A
//  session has one from its first connection on. All zero and empty at first:
//  dualstack_peer_t ().
struct dualstack_peer_t
{
    //  A session ends. If its handshake was under way, the application gave the
    //  connection up, and the history takes that in.
    ~dualstack_peer_t ();

    //  The next connection was made, to this peer.
    void connected (const dualstack_peer_t &peer_, ctx_t *ctx_);

    //  The key in the history; empty: not a name, or not connected yet.
    std::string key;
    zds_addr_t addr;
    bool was_wrong; //  it was known as a wrong server
    unsigned rest;  //  ZDS_REST_...
    uint64_t since; //  the handshake has been waited for, in ms; 0: is not
    zds_subject_t subject; //  its endpoint's text is the session's
    ctx_t *ctx;            //  NULL: not a session's

    bool handshaked; //  the handshake was completed
    bool at_once;    //  see dualstack_is_at_once()
    unsigned times;  //  how often in a row that was so
};

#ifndef ZMQ_HAVE_DUALSTACK
#define dualstack_delete(pointer) static_cast<void> (0)
#define dualstack_trace_event(options, endpoint, value, event)                 \
    static_cast<void> (0)
#define dualstack_handshaked(peer) static_cast<void> (0)
#define dualstack_goes_on(options, peer, reason) false
#define dualstack_is_at_once(peer) false
#else
#define dualstack_delete(pointer) LIBZMQ_DELETE (pointer)

//  Traces how a handshake or a connection ended, from the monitor's event.
void dualstack_trace_event (const options_t &options_,
                            const endpoint_uri_pair_t &endpoint_,
                            uint64_t value_,
                            uint64_t event_);

//  Below, 'peer_' may be NULL: nothing is done, and the answer is false.

//  The handshake was completed.
void dualstack_handshaked (dualstack_peer_t *peer_);

//  The connection ended, and the history takes that in. True if libzmq would give up
//  now, but the session is to go on to the name's next address: the handshake was not
//  completed, and there is an address that libzmq would have used in this one's
//  place, or one of which nothing bad is known.
bool dualstack_goes_on (const options_t &options_,
                        dualstack_peer_t *peer_,
                        i_engine::error_reason_t reason_);

//  After that: whether the next address may well work, so that the session does not
//  wait for the reconnect interval.
bool dualstack_is_at_once (const dualstack_peer_t *peer_);
#endif
}

#endif
