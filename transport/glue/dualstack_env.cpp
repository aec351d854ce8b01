/* SPDX-License-Identifier: MPL-2.0 */

#include "precompiled.hpp"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dualstack_env.hpp"
#include "endpoint.hpp"
#include "options.hpp"
#include "zds_host.h"

static zds_trace_t *open_trace (const char *file_)
{
    zds_trace_t *trace = NULL;
    const int rc = zds_trace_open (&trace, file_[0] == '\0' ? NULL : file_);

    if (rc != 0)
        fprintf (stderr, "libzmq: ZMQ_DUALSTACK: no trace: %s: %s\n", file_,
                 strerror (rc));
    return trace;
}

zmq::dualstack_env_t::dualstack_env_t () : _trace (NULL)
{
    //  It may be that of a context that could not be made: zmq_ctx_new's.
    const int err = errno;

    _settings = zds_host_settings (ZDS_SETTINGS_FILE);
    if (_settings.trace)
        _trace = open_trace (_settings.trace_file);
    errno = err;
}

zmq::dualstack_env_t::~dualstack_env_t ()
{
    zds_trace_close (_trace);
}

const zds_settings_t &zmq::dualstack_env_t::settings () const
{
    return _settings;
}

bool zmq::dualstack_env_t::is_on () const
{
    return zds_settings_mode (&_settings) == ZDS_MODE_AUTO;
}

zds_trace_t *zmq::dualstack_env_t::trace () const
{
    return _trace;
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

void zmq::dualstack_trace_event (const options_t &options_,
                                 const endpoint_uri_pair_t &endpoint_,
                                 uint64_t value_,
                                 uint64_t event_)
{
    static const char scheme[] = "tcp://";
    const size_t prefix = sizeof scheme - 1;
    const bool accepted = endpoint_.local_type == endpoint_type_bind;
    const char *const own =
      accepted ? endpoint_.local.c_str () : endpoint_.remote.c_str ();
    const char *const peer =
      accepted ? endpoint_.remote.c_str () : endpoint_.local.c_str ();
    if (options_.trace == NULL || strncmp (own, scheme, prefix) != 0)
        return;
    const zds_subject_t subject = dualstack_subject (
      options_, accepted ? "accept" : "connect", "tcp", own + prefix);
    const int value = static_cast<int> (value_);
    const char *const name = zds_errno_name (value);

    switch (event_) {
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
            zds_trace_say (&subject, "handshake done, %s", peer);
            break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
            zds_trace_say (&subject, "%s, status %d, %s",
                           accepted ? "ZAP denies the peer"
                                    : "the server's ZAP denies us",
                           value, peer);
            break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
            zds_trace_say (&subject, "no handshake: protocol error 0x%x, %s",
                           static_cast<unsigned> (value), peer);
            break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
            zds_trace_say (&subject, "no handshake: %s, %s",
                           name == NULL ? "the connection ends" : name, peer);
            break;
        case ZMQ_EVENT_DISCONNECTED:
            zds_trace_say (&subject, "connection ends, %s", peer);
            break;
        default:
            break;
    }
}
