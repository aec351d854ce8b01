/* SPDX-License-Identifier: MPL-2.0 */

#include "precompiled.hpp"

#include <stdio.h>
#include <stdlib.h>

#include "dualstack_ctx.hpp"
#include "ctx.hpp"
#include "zds_lookup.h"
#include "zds_version.h"

#define ZDS_TEXT_OF(number) #number
#define ZDS_DOTTED(a, b, c)                                                    \
    ZDS_TEXT_OF (a) "." ZDS_TEXT_OF (b) "." ZDS_TEXT_OF (c)

//  By this the library is known from outside. Volatile, and read below, so that no
//  compiler or linker takes it for superfluous.
static const volatile char marker[] =
  ZDS_MARKER ZDS_VERSION ZDS_MARKER_ON ZDS_DOTTED (
    ZMQ_VERSION_MAJOR, ZMQ_VERSION_MINOR, ZMQ_VERSION_PATCH);

zmq::dualstack_ctx_t::dualstack_ctx_t () : _resolver (NULL), _history (NULL)
{
    static_cast<void> (marker[0]);
}

zmq::dualstack_ctx_t::~dualstack_ctx_t ()
{
    if (_resolver != NULL)
        zds_resolver_release (_resolver);
    free (_history);
}

const zmq::dualstack_env_t &zmq::dualstack_ctx_t::env () const
{
    return _env;
}

//  As ctx_t::start_thread puts it together for the I/O threads.
static void name_threads (zmq::ctx_t &ctx_, char *name_, size_t size_)
{
    char prefix[17] = "";
    const size_t len = sizeof prefix - 1;

    ctx_.get (ZMQ_THREAD_NAME_PREFIX, prefix, &len);
    snprintf (name_, size_, "%s%sZMQbg/resolver", prefix,
              prefix[0] == '\0' ? "" : "/");
}

zds_resolver_t *zmq::dualstack_ctx_t::resolver (ctx_t &ctx_)
{
    scoped_lock_t locker (_sync);

    if (_resolver == NULL) {
        char name[64];
        name_threads (ctx_, name, sizeof name);
        _resolver = zds_resolver_new (_env.settings ().resolver_threads, name,
                                      zds_lookup, NULL);
    }
    return _resolver;
}

zds_history_t *zmq::dualstack_ctx_t::history (bool make_)
{
    //  All zero is an empty one.
    if (_history == NULL && make_)
        _history = static_cast<zds_history_t *> (calloc (1, sizeof *_history));
    return _history;
}

bool zmq::dualstack_ctx_t::remembers ()
{
    scoped_lock_t locker (_sync);

    return history (false) != NULL;
}

void zmq::dualstack_ctx_t::prepare (const std::string &key_,
                                    zds_race_config_t *config_,
                                    uint64_t now_)
{
    scoped_lock_t locker (_sync);

    if (history (false) != NULL)
        zds_history_prepare (_history, key_.c_str (), config_, now_);
}

void zmq::dualstack_ctx_t::recall (const std::string &key_,
                                   zds_race_t *race_,
                                   uint64_t now_)
{
    scoped_lock_t locker (_sync);

    if (history (false) != NULL)
        zds_history_recall (_history, key_.c_str (), race_, now_);
}

void zmq::dualstack_ctx_t::learn (const std::string &key_,
                                  const zds_race_t &race_,
                                  uint64_t now_)
{
    scoped_lock_t locker (_sync);

    if (history (zds_history_is_news (&race_)) != NULL)
        zds_history_learn (_history, key_.c_str (), &race_, now_);
}

void zmq::dualstack_ctx_t::wrong (const std::string &key_,
                                  const zds_addr_t &addr_,
                                  uint64_t now_)
{
    scoped_lock_t locker (_sync);

    if (history (true) != NULL)
        zds_history_wrong (_history, key_.c_str (), &addr_, now_);
}

void zmq::dualstack_ctx_t::died (const std::string &key_,
                                 const zds_addr_t &addr_,
                                 uint64_t now_)
{
    scoped_lock_t locker (_sync);

    if (history (true) != NULL)
        zds_history_died (_history, key_.c_str (), &addr_, now_);
}

void zmq::dualstack_ctx_t::right (const std::string &key_,
                                  const zds_addr_t &addr_,
                                  uint64_t now_)
{
    scoped_lock_t locker (_sync);

    if (history (false) != NULL)
        zds_history_right (_history, key_.c_str (), &addr_, now_);
}

bool zmq::dualstack_ctx_t::probe_due (const std::string &key_, uint64_t now_)
{
    scoped_lock_t locker (_sync);

    return history (false) != NULL
           && zds_history_probe_due (_history, key_.c_str (), now_);
}

void zmq::dualstack_ctx_t::probed (const std::string &key_,
                                   const zds_addr_t &addr_,
                                   bool works_,
                                   uint64_t now_)
{
    scoped_lock_t locker (_sync);

    if (history (false) != NULL)
        zds_history_probed (_history, key_.c_str (), &addr_, works_, now_);
}
