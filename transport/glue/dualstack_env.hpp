/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_ENV_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_ENV_HPP_INCLUDED__

#include "macros.hpp"
#include "zds_settings.h"
#include "zds_trace.h"

namespace zmq
{
struct options_t;
struct endpoint_uri_pair_t;

//  What the administrator wants of a context: the environment variable
//  ZMQ_DUALSTACK, read once.
class dualstack_env_t
{
  public:
    //  A trace that cannot be opened is named on stderr, and done without.
    dualstack_env_t ();
    ~dualstack_env_t ();

    const zds_settings_t &settings () const;

    //  False where the administrator wants sockets whose application said
    //  nothing to be IPv4 only.
    bool is_on () const;

    //  Where decisions are told; NULL: nowhere.
    zds_trace_t *trace () const;

  private:
    zds_settings_t _settings;
    zds_trace_t *_trace;

    ZMQ_NON_COPYABLE_NOR_MOVABLE (dualstack_env_t)
};

//  The socket that has these options, for zds_trace.h. The texts stay the
//  caller's.
zds_subject_t dualstack_subject (const options_t &options_,
                                 const char *action_,
                                 const char *scheme_,
                                 const char *address_);

//  What a socket's application made of IPv6.
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
