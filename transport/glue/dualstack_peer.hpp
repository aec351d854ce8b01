/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_PEER_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_PEER_HPP_INCLUDED__

#include <string.h>

#include <string>

#include "zds_addr.h"
#include "zds_stranger.h"
#include "zds_trace.h"

namespace zmq
{
class ctx_t;
struct options_t;

//  What a connection is made for. The memory keeps them apart, by this letter.
enum dualstack_purpose_t
{
    dualstack_for_tcp = 't',
    dualstack_for_ws = 'w',
    dualstack_for_socks = 's'
};

//  As in an endpoint; static text.
const char *dualstack_scheme (char purpose_);

//  The key of an endpoint in the memory. Outcomes are not shared between what
//  makes a difference to them. 'address_' has the source in it.
std::string dualstack_key (const std::string &address_,
                           dualstack_purpose_t purpose_,
                           const options_t &options_);

//  Which of a name's addresses a connection was made to.
struct dualstack_peer_t
{
    dualstack_peer_t ();

    //  In the memory; empty: not looked up, or not connected yet.
    std::string key;
    zds_addr_t addr;
    zds_prospects_t prospects;
};

//  Names the endpoint of which 'key_' is the key. The text of its
//  address is kept in 'address_', which has to outlive the subject's use.
void dualstack_name_endpoint (zds_subject_t *subject_,
                              const std::string &key_,
                              std::string *address_);

//  How a session deals with strangers (zds_stranger.h). Keeps the memory of who
//  is one.
class dualstack_strangers_t
{
  public:
    dualstack_strangers_t ();

    //  The connection ended before its handshake was completed. True if the
    //  session is to go on to the name's next address even if it gave up
    //  otherwise.
    bool go_on (ctx_t *ctx_,
                const options_t &options_,
                const dualstack_peer_t *peer_);

    //  The handshake was completed.
    void met_server (ctx_t *ctx_, const dualstack_peer_t *peer_);

    //  True iff the peer has to prove that it speaks ZMTP.
    static bool is_suspect (const dualstack_peer_t *peer_);

  private:
    unsigned _times;
};
}

#endif
