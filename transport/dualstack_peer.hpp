/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_PEER_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_PEER_HPP_INCLUDED__

#include <string.h>

#include <string>

#include "zds_addr.h"

namespace zmq
{
class ctx_t;

//  Which of a name's addresses a connection was made to.
struct dualstack_peer_t
{
    dualstack_peer_t () : has_others (false), has_untried (false)
    {
        memset (&addr, 0, sizeof addr);
    }

    std::string
      key; //  in the memory; empty: not looked up, or not connected yet
    zds_addr_t addr;
    bool has_others;  //  besides it, that are not known as wrong servers
    bool has_untried; //  of which nothing bad is known at all
};

//  The connection ended before its handshake did: whoever has that port may not
//  be the server that was wanted. Remembers it. True if the name has another
//  address that may be the right one.
bool dualstack_wrong_server (ctx_t *ctx_, const dualstack_peer_t &peer_);
}

#endif
