/* SPDX-License-Identifier: MPL-2.0 */

#include "precompiled.hpp"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dualstack_ctx.hpp"
#include "clock.hpp"
#include "ctx.hpp"
#include "endpoint.hpp"
#include "options.hpp"
#include "zds_host.h"
#include "zds_race.h"

#define ZDS_TEXT_OF(number) #number
#define ZDS_DOTTED(a, b, c)                                                    \
    ZDS_TEXT_OF (a) "." ZDS_TEXT_OF (b) "." ZDS_TEXT_OF (c)

//  Marks the library, so that it can be recognised from outside. Volatile, and read
//  below, so that no compiler or linker drops it.
static const volatile char marker[] =
  ZDS_MARKER ZDS_VERSION ZDS_MARKER_ON ZDS_DOTTED (
    ZMQ_VERSION_MAJOR, ZMQ_VERSION_MINOR, ZMQ_VERSION_PATCH);

enum
{
    //  How often in a row a session goes on without a pause. Without this bound it
    //  might never stop, because the history may not have room for all wrong servers.
    most_times = 8
};

uint64_t zds_clock_ms ()
{
    return zmq::clock_t::now_us () / 1000;
}

static zds_trace_t *open_trace (const char *file_)
{
    zds_trace_t *trace = NULL;
    const int rc = zds_trace_open (&trace, file_[0] == '\0' ? NULL : file_);

    if (rc != 0)
        fprintf (stderr, "libzmq: ZMQ_DUALSTACK: no trace: %s: %s\n", file_,
                 strerror (rc));
    return trace;
}

zmq::dualstack_ctx_t::dualstack_ctx_t () :
    _trace (NULL), _resolver (NULL), _history (NULL)
{
    //  This may be a context that could not be made, and then errno is zmq_ctx_new's.
    const int err = errno;

    static_cast<void> (marker[0]);
    _settings = zds_host_settings (ZDS_SETTINGS_FILE);
    if (_settings.trace)
        _trace = open_trace (_settings.trace_file);
    errno = err;
}

zmq::dualstack_ctx_t::~dualstack_ctx_t ()
{
    if (_resolver != NULL)
        zds_resolver_release (_resolver);
    free (_history);
    zds_trace_close (_trace);
}

//  The name as ctx_t::start_thread makes it for the I/O threads.
static std::string thread_name (zmq::ctx_t &ctx_)
{
    char prefix[17] = "";
    const size_t len = sizeof prefix - 1;

    ctx_.get (ZMQ_THREAD_NAME_PREFIX, prefix, &len);
    const std::string name = "ZMQbg/resolver";
    return prefix[0] == '\0' ? name : prefix + ("/" + name);
}

zds_resolver_t *zmq::dualstack_ctx_t::resolver (ctx_t &ctx_)
{
    scoped_lock_t locker (_sync);

    if (_resolver == NULL)
        _resolver = zds_resolver_new (_settings.resolver_threads,
                                      thread_name (ctx_).c_str (), zds_lookup,
                                      zds_clock_ms);
    return _resolver;
}

zmq::dualstack_history_t::dualstack_history_t (dualstack_ctx_t &ctx_,
                                               const std::string &key_,
                                               bool make_) :
    _locker (ctx_._sync), _about ()
{
    //  All zero is an empty one.
    if (ctx_._history == NULL && make_)
        ctx_._history =
          static_cast<zds_history_t *> (calloc (1, sizeof *ctx_._history));
    if (ctx_._history != NULL)
        _about =
          zds_history_about (ctx_._history, key_.c_str (), zds_clock_ms ());
}

zds_subject_t zmq::dualstack_subject (const options_t &options_,
                                      const char *action_,
                                      const char *scheme_,
                                      const char *address_)
{
    zds_subject_t subject;

    subject.trace = options_.trace;
    subject.socket = static_cast<unsigned> (options_.socket_id);
    subject.action = action_;
    subject.scheme = scheme_;
    subject.address = address_;
    return subject;
}

zds_mode_t zmq::dualstack_mode (const options_t &options_)
{
    if (options_.ipv6)
        return ZDS_MODE_V6;
    return options_.dual_stack ? ZDS_MODE_AUTO : ZDS_MODE_V4;
}

//  A monitor's event in words; empty for events that the trace leaves out.
static std::string words_of (uint64_t event_, int value_, bool accepted_)
{
    const char *const error = zds_errno_name (value_);
    char number[12];

    switch (event_) {
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
            return "handshake done";
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
            snprintf (number, sizeof number, "%d", value_);
            return (accepted_ ? "ZAP denies the peer, status "
                              : "the server's ZAP denies us, status ")
                   + std::string (number);
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
            snprintf (number, sizeof number, "%x",
                      static_cast<unsigned> (value_));
            return "no handshake: protocol error 0x" + std::string (number);
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
            return std::string ("no handshake: ")
                   + (error == NULL ? "the connection ends" : error);
        case ZMQ_EVENT_DISCONNECTED:
            return "connection ends";
        default:
            return "";
    }
}

void zmq::dualstack_trace_event (const options_t &options_,
                                 const endpoint_uri_pair_t &endpoint_,
                                 uint64_t value_,
                                 uint64_t event_)
{
    static const char scheme[] = "tcp://";
    const size_t prefix = sizeof scheme - 1;
    const bool accepted = endpoint_.local_type == endpoint_type_bind;
    const std::string &own = accepted ? endpoint_.local : endpoint_.remote;
    const std::string &peer = accepted ? endpoint_.remote : endpoint_.local;

    if (options_.trace == NULL || own.compare (0, prefix, scheme) != 0)
        return;
    const zds_subject_t subject = dualstack_subject (
      options_, accepted ? "accept" : "connect", "tcp", own.c_str () + prefix);
    const std::string words =
      words_of (event_, static_cast<int> (value_), accepted);
    if (!words.empty ())
        zds_trace_say (&subject, "%s, %s", words.c_str (), peer.c_str ());
}

zmq::dualstack_peer_t::~dualstack_peer_t ()
{
    if (ctx == NULL || since == 0)
        return;
    const uint64_t waited = zds_clock_ms () - since;
    const unsigned enough = ctx->dualstack ().settings ().attempt_delay;

    if (waited >= enough)
        zds_trace_address (&subject, "", &addr,
                           " was given up before the handshake was completed: "
                           "it goes last");
    const dualstack_history_t history (ctx->dualstack (), key, true);
    if (history)
        zds_history_given_up (history, &addr, waited, enough);
}

std::string zmq::dualstack_key (const zds_subject_t &subject_,
                                const options_t &options_)
{
    //  Where peers do not greet, TCP decides.
    const char kind = options_.raw_socket ? 'r' : subject_.scheme[0];
    const char mode = dualstack_mode (options_) == ZDS_MODE_V4 ? '4' : 'd';
    const char middle[] = {'|', kind, mode, '|'};

    return std::string (subject_.address)
      .append (middle, sizeof middle)
      .append (options_.bound_device);
}

//  The peer goes last from now on.
static void goes_last (const zmq::dualstack_peer_t &peer_,
                       zds_record_t record_,
                       const char *why_)
{
    zds_trace_address (&peer_.subject, "", &peer_.addr, why_);
    const zmq::dualstack_history_t history (peer_.ctx->dualstack (), peer_.key,
                                            true);
    if (history)
        zds_history_mark (history, &peer_.addr, record_);
}

void zmq::dualstack_peer_t::connected (const dualstack_peer_t &peer_,
                                       ctx_t *ctx_)
{
    const unsigned so_far = times;

    *this = peer_;
    times = so_far;
    ctx = ctx_;
}

void zmq::dualstack_handshaked (dualstack_peer_t *peer_)
{
    if (peer_ == NULL)
        return;
    peer_->handshaked = true;
    peer_->since = 0;
    peer_->times = 0;
    //  Only the history can have said so, so it exists.
    if (peer_->was_wrong)
        zds_history_right (
          dualstack_history_t (peer_->ctx->dualstack (), peer_->key),
          &peer_->addr);
}

bool zmq::dualstack_goes_on (const options_t &options_,
                             dualstack_peer_t *peer_,
                             i_engine::error_reason_t reason_)
{
    if (peer_ == NULL || peer_->key.empty ())
        return false;
    peer_->at_once = false;
    peer_->since = 0;
    if (peer_->handshaked) {
        if (reason_ == i_engine::timeout_error)
            goes_last (*peer_, ZDS_RECORD_DIED,
                       " let nothing through any more: it goes last");
        return false;
    }

    const bool has_interval = options_.reconnect_ivl > 0;
    const bool gives_up = reason_ == i_engine::protocol_error || !has_interval;
    const bool has_usual = (peer_->rest & ZDS_REST_USUAL) != 0;

    peer_->at_once = !peer_->was_wrong && (peer_->rest & ZDS_REST_FRESH) != 0
                     && peer_->times < most_times;
    peer_->times = peer_->at_once ? peer_->times + 1 : 0;

    const bool goes_on = peer_->at_once || (has_usual && has_interval);
    goes_last (*peer_, ZDS_RECORD_WRONG,
               goes_on ? " completed no handshake: it goes last; goes on to "
                         "the next address"
                       : " completed no handshake: it goes last");
    return goes_on && gives_up;
}

bool zmq::dualstack_is_at_once (const dualstack_peer_t *peer_)
{
    return peer_ != NULL && peer_->at_once;
}
