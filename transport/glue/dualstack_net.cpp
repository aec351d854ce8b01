/* SPDX-License-Identifier: MPL-2.0 */

#include "precompiled.hpp"

#include <stdio.h>
#include <stdlib.h>

#include "dualstack_net.hpp"
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

zmq::dualstack_net_t::dualstack_net_t () : _resolver (NULL), _memory (NULL)
{
    static_cast<void> (marker[0]);
}

zmq::dualstack_net_t::~dualstack_net_t ()
{
    if (_resolver != NULL)
        zds_resolver_release (_resolver);
    free (_memory);
}

const zmq::dualstack_env_t &zmq::dualstack_net_t::env () const
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

zds_resolver_t *zmq::dualstack_net_t::resolver (ctx_t &ctx_)
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

zds_memory_t *zmq::dualstack_net_t::memory (bool make_)
{
    //  All zero is an empty one.
    if (_memory == NULL && make_)
        _memory = static_cast<zds_memory_t *> (calloc (1, sizeof *_memory));
    return _memory;
}

bool zmq::dualstack_net_t::remembers ()
{
    scoped_lock_t locker (_sync);

    return memory (false) != NULL;
}

void zmq::dualstack_net_t::prepare (const std::string &key_,
                                    zds_race_config_t *config_,
                                    uint64_t now_)
{
    scoped_lock_t locker (_sync);

    if (memory (false) != NULL)
        zds_memory_prepare (_memory, key_.c_str (), config_, now_);
}

void zmq::dualstack_net_t::recall (const std::string &key_,
                                   zds_race_t *race_,
                                   uint64_t now_)
{
    scoped_lock_t locker (_sync);

    if (memory (false) != NULL)
        zds_memory_recall (_memory, key_.c_str (), race_, now_);
}

void zmq::dualstack_net_t::learn (const std::string &key_,
                                  const zds_race_t &race_,
                                  uint64_t now_)
{
    scoped_lock_t locker (_sync);

    if (memory (zds_memory_is_news (&race_)) != NULL)
        zds_memory_learn (_memory, key_.c_str (), &race_, now_);
}

void zmq::dualstack_net_t::wrong (const std::string &key_,
                                  const zds_addr_t &addr_,
                                  uint64_t now_)
{
    scoped_lock_t locker (_sync);

    if (memory (true) != NULL)
        zds_memory_wrong (_memory, key_.c_str (), &addr_, now_);
}

void zmq::dualstack_net_t::died (const std::string &key_,
                                 const zds_addr_t &addr_,
                                 uint64_t now_)
{
    scoped_lock_t locker (_sync);

    if (memory (true) != NULL)
        zds_memory_died (_memory, key_.c_str (), &addr_, now_);
}

void zmq::dualstack_net_t::right (const std::string &key_,
                                  const zds_addr_t &addr_,
                                  uint64_t now_)
{
    scoped_lock_t locker (_sync);

    if (memory (false) != NULL)
        zds_memory_right (_memory, key_.c_str (), &addr_, now_);
}

bool zmq::dualstack_net_t::probe_due (const std::string &key_, uint64_t now_)
{
    scoped_lock_t locker (_sync);

    return memory (false) != NULL
           && zds_memory_probe_due (_memory, key_.c_str (), now_);
}

void zmq::dualstack_net_t::probed (const std::string &key_,
                                   const zds_addr_t &addr_,
                                   bool works_,
                                   uint64_t now_)
{
    scoped_lock_t locker (_sync);

    if (memory (false) != NULL)
        zds_memory_probed (_memory, key_.c_str (), &addr_, works_, now_);
}
