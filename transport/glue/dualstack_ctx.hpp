/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_CTX_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_CTX_HPP_INCLUDED__

#include "macros.hpp"
#include "mutex.hpp"
#include "zds_history.h"
#include "zds_resolver.h"
#include "zds_settings.h"
#include "zds_trace.h"

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
    //  A trace that cannot be opened is reported on stderr, and there is none.
    dualstack_ctx_t ();
    //  Nobody may be waiting for an answer.
    ~dualstack_ctx_t ();

    const zds_settings_t &settings () const { return _settings; }

    //  False if the administrator wants a socket to be IPv4 only as long as its
    //  application has said nothing about IPv6.
    bool is_on () const;

    //  Where decisions are told; NULL: nowhere.
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

//  A context's history, for the functions of zds_history.h: locked while this object
//  lives, which must not be long. NULL as long as there is nothing to remember, or
//  no memory for it.
class dualstack_history_t
{
  public:
    //  With 'make_' there is something to remember.
    explicit dualstack_history_t (dualstack_ctx_t &ctx_, bool make_ = false);

    operator zds_history_t * () const { return _history; }

  private:
    scoped_lock_t _locker;
    zds_history_t *_history;

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

//  Tells how a handshake or a connection ended, from the monitor's event of it.
#ifndef ZMQ_HAVE_DUALSTACK
#define dualstack_trace_event(options, endpoint, value, event)                 \
    static_cast<void> (0)
#else
void dualstack_trace_event (const options_t &options_,
                            const endpoint_uri_pair_t &endpoint_,
                            uint64_t value_,
                            uint64_t event_);
#endif
}

#endif
