/* SPDX-License-Identifier: MPL-2.0 */

#include "precompiled.hpp"

#include <stdio.h>
#include <string.h>

#include "dualstack_env.hpp"
#include "options.hpp"
#include "zds_host.h"

zmq::dualstack_env_t::dualstack_env_t () :
    _settings (zds_host_settings ()), _trace (NULL)
{
    const char *const file = _settings.trace_file;

    if (!_settings.trace)
        return;
    const int rc = zds_trace_open (&_trace, file[0] == '\0' ? NULL : file);
    if (rc != 0)
        fprintf (stderr, "libzmq: ZMQ_DUALSTACK: no trace: %s: %s\n", file,
                 strerror (rc));
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
