/* SPDX-License-Identifier: MPL-2.0 */

#include "precompiled.hpp"

#include "dualstack_net.hpp"
#include "dualstack_peer.hpp"
#include "ctx.hpp"
#include "zds_thread.h"

zmq::dualstack_peer_t::dualstack_peer_t () :
    was_wrong (false),
    has_untried (false),
    has_usual (false),
    is_unusual (false)
{
    memset (&addr, 0, sizeof addr);
}

zmq::dualstack_strangers_t::dualstack_strangers_t () : _times (0)
{
}

bool zmq::dualstack_strangers_t::go_on (ctx_t *ctx_,
                                        const dualstack_peer_t &peer_,
                                        bool has_interval_)
{
    if (!peer_.key.empty ())
        ctx_->dualstack ().wrong (peer_.key, peer_.addr, zds_clock_ms ());
    if (peer_.has_usual && has_interval_)
        return true;
    if ((!peer_.has_usual && !peer_.has_untried) || _times == max_times)
        return false;
    _times++;
    return true;
}

void zmq::dualstack_strangers_t::met_server (ctx_t *ctx_,
                                             const dualstack_peer_t &peer_)
{
    _times = 0;
    if (peer_.was_wrong)
        ctx_->dualstack ().right (peer_.key, peer_.addr, zds_clock_ms ());
}

bool zmq::dualstack_strangers_t::is_suspect (const dualstack_peer_t &peer_)
{
    return (peer_.is_unusual && peer_.has_usual)
           || (peer_.has_untried && !peer_.was_wrong);
}
