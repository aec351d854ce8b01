/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_PEER_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_PEER_HPP_INCLUDED__

#include <string.h>

#include <string>

#include "i_engine.hpp"
#include "zds_addr.h"
#include "zds_trace.h"

#ifndef ZMQ_HAVE_DUALSTACK
//  Without the transport, a peer has one address.
namespace zmq
{
struct dualstack_peer_t
{
};
}
#define dualstack_handshaked(ctx, peer) static_cast<void> (0)
#define dualstack_goes_on(ctx, options, peer, reason) false
#define dualstack_is_at_once(peer) false
#else
namespace zmq
{
class ctx_t;
struct options_t;

//  What a connection is made for. The history keeps them apart, by this letter.
enum dualstack_purpose_t
{
    dualstack_for_tcp = 't',
    dualstack_for_ws = 'w',
    dualstack_for_socks = 's'
};

//  As in an endpoint; static text.
const char *dualstack_scheme (char purpose_);

//  The key of an endpoint in the history. Outcomes are not shared between what
//  makes a difference to them. 'address_' has the source in it.
std::string dualstack_key (const std::string &address_,
                           dualstack_purpose_t purpose_,
                           const options_t &options_);

//  Which of a name's addresses a connection was made to, and what became of it. A
//  socket's session has one from its first connection on.
struct dualstack_peer_t
{
    dualstack_peer_t ();

    //  The next connection was made, to this one.
    void connected (const dualstack_peer_t &peer_);

    //  In the history; empty: not looked up, or not connected yet.
    std::string key;
    zds_addr_t addr;
    bool was_wrong; //  it was known as a wrong server
    unsigned rest;  //  ZDS_REST_...

    bool handshaked; //  the handshake was completed
    bool at_once;    //  see dualstack_is_at_once()
    unsigned times;  //  how often in a row that was so
};

//  Below, 'peer_' may be NULL: nothing is done, and the answer is false.

//  The handshake was completed.
void dualstack_handshaked (ctx_t *ctx_, dualstack_peer_t *peer_);

//  The connection ended, and the history takes it in. True if libzmq would give up
//  now, and the session is to go on to the name's next address all the same: the
//  handshake was not completed, and there is an address that libzmq would have used
//  in this one's place, or one of which nothing bad is known.
bool dualstack_goes_on (ctx_t *ctx_,
                        const options_t &options_,
                        dualstack_peer_t *peer_,
                        i_engine::error_reason_t reason_);

//  After that: whether the next address is one that may well work, so that the
//  reconnect interval is not to be waited for.
bool dualstack_is_at_once (const dualstack_peer_t *peer_);

//  Tells of one address of the endpoint of which 'key_' is the key, for a subject that
//  does not name it yet.
void dualstack_tell_of (zds_subject_t subject_,
                        const std::string &key_,
                        const zds_addr_t &addr_,
                        const char *what_);
}
#endif

#endif
