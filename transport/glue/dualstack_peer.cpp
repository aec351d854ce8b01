/* SPDX-License-Identifier: MPL-2.0 */

#include "precompiled.hpp"

#include "dualstack_ctx.hpp"
#include "dualstack_peer.hpp"
#include "ctx.hpp"
#include "options.hpp"
#include "zds_race.h"
#include "zds_thread.h"
#include "zds_host.h"

enum
{
    //  How often in a row a session goes on without a pause. Without this bound it
    //  might never stop, as the history may have no room for all wrong servers.
    most_times = 8
};

zmq::dualstack_peer_t::dualstack_peer_t () :
    was_wrong (false), rest (0), handshaked (false), at_once (false), times (0)
{
    memset (&addr, 0, sizeof addr);
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
    //  Where peers do not greet, TCP decides.
    const char kind = options_.raw_socket ? 'r' : static_cast<char> (purpose_);
    const char mode = dualstack_mode (options_) == ZDS_MODE_V4 ? '4' : 'd';

    const char middle[] = {'|', kind, mode, '|'};
    std::string key;

    key.reserve (address_.size () + sizeof middle
                 + options_.bound_device.size ());
    key.append (address_).append (middle, sizeof middle);
    return key.append (options_.bound_device);
}

void zmq::dualstack_tell_of (zds_subject_t subject_,
                             const std::string &key_,
                             const zds_addr_t &addr_,
                             const char *what_)
{
    const size_t end = key_.find ('|');
    const std::string address = key_.substr (0, end);

    subject_.address = address.c_str ();
    subject_.scheme = dualstack_scheme (key_[end + 1]);
    zds_trace_address (&subject_, "", &addr_, what_);
}

//  Of a peer that goes last.
static void tell_of_wrong (const zmq::options_t &options_,
                           const zmq::dualstack_peer_t &peer_,
                           const char *what_)
{
    zmq::dualstack_tell_of (
      zmq::dualstack_subject (options_, "connect", "tcp", ""), peer_.key,
      peer_.addr, what_);
}

void zmq::dualstack_peer_t::connected (const dualstack_peer_t &peer_)
{
    const unsigned so_far = times;

    *this = peer_;
    times = so_far;
}

void zmq::dualstack_handshaked (ctx_t *ctx_, dualstack_peer_t *peer_)
{
    if (peer_ == NULL)
        return;
    peer_->handshaked = true;
    peer_->times = 0;
    //  By the history, which exists then.
    if (peer_->was_wrong)
        zds_history_right (dualstack_history_t (ctx_->dualstack ()),
                           peer_->key.c_str (), &peer_->addr, zds_clock_ms ());
}

//  Of a connection whose handshake was completed.
static void take_death (zmq::ctx_t *ctx_,
                        const zmq::options_t &options_,
                        const zmq::dualstack_peer_t &peer_)
{
    tell_of_wrong (options_, peer_,
                   " let nothing through any more: it goes last");
    const zmq::dualstack_history_t history (ctx_->dualstack (), true);
    if (history)
        zds_history_mark (history, peer_.key.c_str (), &peer_.addr,
                          ZDS_RECORD_DIED, zds_clock_ms ());
}

bool zmq::dualstack_goes_on (ctx_t *ctx_,
                             const options_t &options_,
                             dualstack_peer_t *peer_,
                             i_engine::error_reason_t reason_)
{
    if (peer_ == NULL || peer_->key.empty ())
        return false;
    peer_->at_once = false;
    if (peer_->handshaked) {
        if (reason_ == i_engine::timeout_error)
            take_death (ctx_, options_, *peer_);
        return false;
    }

    const bool has_interval = options_.reconnect_ivl > 0;
    const bool gives_up = reason_ == i_engine::protocol_error || !has_interval;
    const bool has_usual = (peer_->rest & ZDS_REST_USUAL) != 0;

    {
        const dualstack_history_t history (ctx_->dualstack (), true);
        if (history)
            zds_history_mark (history, peer_->key.c_str (), &peer_->addr,
                              ZDS_RECORD_WRONG, zds_clock_ms ());
    }
    peer_->at_once = !peer_->was_wrong && (peer_->rest & ZDS_REST_FRESH) != 0
                     && peer_->times < most_times;
    peer_->times = peer_->at_once ? peer_->times + 1 : 0;

    const bool goes_on = peer_->at_once || (has_usual && has_interval);
    tell_of_wrong (options_, *peer_,
                   goes_on
                     ? " completed no handshake: it goes last; goes on to "
                       "the next address"
                     : " completed no handshake: it goes last");
    return goes_on && gives_up;
}

bool zmq::dualstack_is_at_once (const dualstack_peer_t *peer_)
{
    return peer_ != NULL && peer_->at_once;
}
