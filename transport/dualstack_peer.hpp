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
    dualstack_peer_t ();

    //  In the memory; empty: not looked up, or not connected yet.
    std::string key;
    zds_addr_t addr;
    //  It was known as a wrong server.
    bool was_wrong;
    //  The rest of the name (zds_race_rest): an address of which nothing bad is
    //  known, and one of the family that libzmq without dual stack would use.
    bool has_untried;
    bool has_usual;
    //  The connection is not of that family.
    bool is_unusual;
};

//  How a session deals with strangers: programs that have the server's port on
//  some of its name's addresses. Keeps the memory of who is one.
class dualstack_strangers_t
{
  public:
    dualstack_strangers_t ();

    //  The connection ended before its handshake was completed. True if the
    //  session is to go on to the name's next address even if it gave up
    //  otherwise: for ever, interval by interval, while there is an address on
    //  which libzmq without dual stack would still wait for the server; else for a
    //  limited number of times.
    bool go_on (ctx_t *ctx_, const dualstack_peer_t &peer_, bool has_interval_);

    //  The handshake was completed.
    void met_server (ctx_t *ctx_, const dualstack_peer_t &peer_);

    //  True iff the peer has to prove that it speaks ZMTP, which version 1.0
    //  cannot: there is an address on which libzmq without dual stack would have
    //  waited in its place, or one that was not tried. The latter is said once.
    static bool is_suspect (const dualstack_peer_t &peer_);

  private:
    enum
    {
        max_times = 8
    };

    unsigned _times;
};
}

#endif
