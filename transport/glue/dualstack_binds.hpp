/* SPDX-License-Identifier: MPL-2.0 */

#ifndef __ZMQ_DUALSTACK_BINDS_HPP_INCLUDED__
#define __ZMQ_DUALSTACK_BINDS_HPP_INCLUDED__

#include <map>
#include <string>
#include <vector>

#include "atomic_counter.hpp"
#include "fd.hpp"
#include "macros.hpp"
#include "mutex.hpp"
#include "options.hpp"

namespace zmq
{
//  The listening sockets of one bind, whose port any thread can free. It ends
//  with its last user.
class dualstack_bind_t
{
  public:
    //  It has one user at first.
    dualstack_bind_t () : _stopped (false), _users (1) {}

    void use () { _users.add (1); }
    void release ();

    //  A socket is open. False if the bind was stopped: it must not listen.
    bool add (fd_t fd_);

    //  The socket is about to be closed.
    void remove (fd_t fd_);

    //  Frees the port at once, before the sockets are closed: those that are
    //  open, and those that are still to be opened.
    void stop ();

  private:
    mutex_t _sync;
    std::vector<fd_t> _fds;
    bool _stopped;
    atomic_counter_t _users;

    ZMQ_NON_COPYABLE_NOR_MOVABLE (dualstack_bind_t)
};

//  The tcp, ws and wss binds of a socket, under every name an application may use to undo
//  them. Used by the thread that owns the socket.
class dualstack_binds_t
{
  public:
    dualstack_binds_t ();
    ~dualstack_binds_t ();

    //  Remembers a bind of ADDRESS that the socket knows as ENDPOINT (its
    //  ZMQ_LAST_ENDPOINT). The bind gets another user; it is NULL for a socket
    //  that the application passed in.
    //
    //  A text that left the port to the system does not say which bind is
    //  meant, so it undoes none. That is stock's rule, and its tests insist on
    //  it.
    void add (const std::string &address_,
              const std::string &endpoint_,
              dualstack_bind_t *bind_);

    //  Which of a socket's endpoints ENDPOINT means; ENDPOINT itself if the socket
    //  has none by that name. ADDRESS is its part behind the scheme.
    template <typename T> std::string find (const T &endpoints_,
                                            const std::string &endpoint_,
                                            const std::string &address_,
                                            const options_t &options_) const
    {
        const names_t names = names_of (endpoint_, address_, options_);
        names_t::const_iterator name = names.begin ();
        while (name != names.end () && endpoints_.count (*name) == 0)
            ++name;
        return name != names.end () ? *name : endpoint_;
    }

    //  Frees the port of a bind at once, before the I/O thread closes its
    //  sockets, and forgets the bind. No-op if there is no such bind.
    void remove (const std::string &endpoint_);

  private:
    typedef std::vector<std::string> names_t;

    //  The endpoints that it may mean, the likeliest first: itself, the latest bind
    //  of exactly that text, then for tcp the same address as ZMQ_LAST_ENDPOINT
    //  spells it. No name is looked up; only localhost is known, as the address that
    //  stock would take first in that mode.
    names_t names_of (const std::string &endpoint_,
                      const std::string &address_,
                      const options_t &options_) const;

    //  The binds by endpoint, and the endpoints by the text that was bound. Two
    //  binds share an endpoint if only their devices differ; one unbind is for
    //  both.
    typedef std::multimap<std::string, dualstack_bind_t *> listening_t;
    typedef std::multimap<std::string, std::string> endpoints_t;
    listening_t _listening;
    endpoints_t _endpoints;

    ZMQ_NON_COPYABLE_NOR_MOVABLE (dualstack_binds_t)
};
}

#endif
