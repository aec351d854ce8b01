/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_CTX_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_CTX_HPP_INCLUDED__

#include <string>

#include "dualstack_env.hpp"
#include "macros.hpp"
#include "mutex.hpp"
#include "zds_history.h"
#include "zds_resolver.h"
#include "zds_settings.h"

namespace zmq
{
class ctx_t;

//  What the sockets of a context share: the administrator's settings, the
//  resolver, and the memory of which addresses work. Any thread may use it.
class dualstack_ctx_t
{
  public:
    dualstack_ctx_t ();
    //  Nobody may be waiting for an answer.
    ~dualstack_ctx_t ();

    const dualstack_env_t &env () const;

    //  Made at its first use; NULL when there is no memory. The context is asked
    //  for the name of its threads.
    zds_resolver_t *resolver (ctx_t &ctx_);

    //  The functions of zds_history.h, for one host at a time. Without memory
    //  for it, nothing is remembered.
    //  prepare() is without effect, and does not need to know the network, as long as
    //  nothing is remembered.
    bool remembers ();
    void prepare (const std::string &key_,
                  zds_race_config_t *config_,
                  uint64_t now_);
    void recall (const std::string &key_, zds_race_t *race_, uint64_t now_);
    void
    learn (const std::string &key_, const zds_race_t &race_, uint64_t now_);
    void
    wrong (const std::string &key_, const zds_addr_t &addr_, uint64_t now_);
    void died (const std::string &key_, const zds_addr_t &addr_, uint64_t now_);
    void
    right (const std::string &key_, const zds_addr_t &addr_, uint64_t now_);
    bool probe_due (const std::string &key_, uint64_t now_);
    void probed (const std::string &key_,
                 const zds_addr_t &addr_,
                 bool works_,
                 uint64_t now_);

  private:
    //  The memory, made when there is something to remember. NULL: there is
    //  none.
    zds_history_t *history (bool make_);

    const dualstack_env_t _env;

    //  Guards what follows.
    mutex_t _sync;
    zds_resolver_t *_resolver;
    zds_history_t *_history;

    ZMQ_NON_COPYABLE_NOR_MOVABLE (dualstack_ctx_t)
};
}

#endif
