/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_BINDS_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_BINDS_HPP_INCLUDED__

#include <map>
#include <string>
#include <vector>

#include "fd.hpp"
#include "zds_mode.h"

namespace zmq
{
//  The tcp binds of a socket, under every name an application may use to undo
//  them. Used by the thread that owns the socket.
class dualstack_binds_t
{
  public:
    typedef std::vector<fd_t> fds_t;

    //  Remembers a bind of tcp://ADDRESS that the socket knows as ENDPOINT (its
    //  ZMQ_LAST_ENDPOINT). 'listening_' are the sockets opened for it; a socket
    //  that the application passed in is not among them.
    //
    //  A text that left the port to the system does not say which bind is
    //  meant, so it undoes none: stock's rule, and its tests insist on it.
    void add (const std::string &address_,
              const std::string &endpoint_,
              const fds_t &listening_);

    //  The endpoints that tcp://ADDRESS may mean besides itself, the likeliest
    //  first: the latest bind of that very text, then the same address spelt as
    //  ZMQ_LAST_ENDPOINT spells it. Looks nothing up: of names, only localhost
    //  is known, as what it was to stock in that mode first.
    std::vector<std::string> other_names (const std::string &address_,
                                          zds_mode_t mode_) const;

    //  Gives the port of a bind free at once, before the I/O thread closes its
    //  sockets, and forgets the bind. No-op for what is not a bind.
    void remove (const std::string &endpoint_);

  private:
    //  By endpoint, and the endpoint by the address that was bound.
    typedef std::map<std::string, fds_t> listening_t;
    typedef std::multimap<std::string, std::string> endpoints_t;
    listening_t _listening;
    endpoints_t _endpoints;
};
}

#endif
