/* SPDX-License-Identifier: MPL-2.0 */

#include "precompiled.hpp"

#include "dualstack_env.hpp"
#include "dualstack_net.hpp"
#include "dualstack_peer.hpp"
#include "ctx.hpp"
#include "options.hpp"
#include "zds_thread.h"

zmq::dualstack_peer_t::dualstack_peer_t ()
{
    memset (&addr, 0, sizeof addr);
    memset (&prospects, 0, sizeof prospects);
}

zmq::dualstack_strangers_t::dualstack_strangers_t () : _times (0)
{
}

const char *zmq::dualstack_scheme (char purpose_)
{
    switch (purpose_) {
        case dualstack_for_ws:
            return "ws";
        case dualstack_for_socks:
            return "socks";
        default:
            return "tcp";
    }
}

std::string zmq::dualstack_key (const std::string &address_,
                                dualstack_purpose_t purpose_,
                                const options_t &options_)
{
    const char mode = dualstack_mode (options_) == ZDS_MODE_V4 ? '4' : 'd';

    return address_ + '|' + static_cast<char> (purpose_) + mode + '|'
           + options_.bound_device;
}

void zmq::dualstack_name_endpoint (zds_subject_t *subject_,
                                   const std::string &key_,
                                   std::string *address_)
{
    const size_t end = key_.find ('|');

    *address_ = key_.substr (0, end);
    subject_->address = address_->c_str ();
    subject_->scheme = dualstack_scheme (key_[end + 1]);
}

static void tell_of_stranger (const zmq::options_t &options_,
                              const zmq::dualstack_peer_t &peer_,
                              bool goes_on_)
{
    char text[ZDS_ADDR_TEXT_SIZE];
    std::string address;
    zds_subject_t subject =
      zmq::dualstack_subject (options_, "connect", "tcp", "");

    zmq::dualstack_name_endpoint (&subject, peer_.key, &address);
    zds_addr_format (&peer_.addr, text, sizeof text);
    zds_trace_say (&subject, "no handshake with %s: it goes last%s", text,
                   goes_on_ ? "; goes on to the next address" : "");
}

bool zmq::dualstack_strangers_t::go_on (ctx_t *ctx_,
                                        const options_t &options_,
                                        const dualstack_peer_t *peer_)
{
    if (peer_ == NULL || peer_->key.empty ())
        return false;
    ctx_->dualstack ().wrong (peer_->key, peer_->addr, zds_clock_ms ());
    const bool goes_on = zds_stranger_go_on (
      &peer_->prospects, options_.reconnect_ivl > 0, &_times);
    if (options_.trace != NULL)
        tell_of_stranger (options_, *peer_, goes_on);
    return goes_on;
}

void zmq::dualstack_strangers_t::met_server (ctx_t *ctx_,
                                             const dualstack_peer_t *peer_)
{
    _times = 0;
    if (peer_ != NULL && peer_->prospects.was_wrong)
        ctx_->dualstack ().right (peer_->key, peer_->addr, zds_clock_ms ());
}

bool zmq::dualstack_strangers_t::is_suspect (const dualstack_peer_t *peer_)
{
    return peer_ != NULL && zds_stranger_is_suspect (&peer_->prospects);
}
