/* SPDX-License-Identifier: MPL-2.0 */

#include "precompiled.hpp"

#include <string.h>

#include <algorithm>

#include "dualstack_binds.hpp"
#include "dualstack_ctx.hpp"
#include "dualstack_socket.hpp"
#include "tcp_address.hpp"
#include "zds_host.h"

typedef std::vector<std::string> names_t;

static void add_name (const zds_addr_t &addr_, names_t *names_)
{
    const zmq::tcp_address_t address (
      &addr_.sa, static_cast<socklen_t> (zds_addr_len (&addr_)));
    std::string name;

    if (address.to_string (name) == 0)
        names_->push_back (name);
}

//  An address as ZMQ_LAST_ENDPOINT shows it: in mode V6 mapped, except for interfaces
//  that have no IPv6.
static void add_spellings (zds_addr_t addr_, zds_mode_t mode_, names_t *names_)
{
    zds_addr_t mapped = addr_;

    zds_addr_map (&mapped);
    if (mode_ == ZDS_MODE_V6)
        add_name (mapped, names_);
    add_name (addr_, names_);
    add_name (mapped, names_);
}

//  False where the text is no endpoint at all.
static bool parse (const std::string &address_, zds_endpoint_t *endpoint_)
{
    return zds_endpoint_parse (endpoint_,
                               zds_endpoint_destination (address_.c_str ()),
                               ZDS_PORT_BIND)
           == 0;
}

void zmq::dualstack_bind_t::release ()
{
    if (!_users.sub (1))
        delete this;
}

bool zmq::dualstack_bind_t::add (fd_t fd_)
{
    scoped_lock_t locker (_sync);
    if (!_stopped)
        _fds.push_back (fd_);
    return !_stopped;
}

void zmq::dualstack_bind_t::remove (fd_t fd_)
{
    scoped_lock_t locker (_sync);
    _fds.erase (std::remove (_fds.begin (), _fds.end (), fd_), _fds.end ());
}

void zmq::dualstack_bind_t::stop ()
{
    scoped_lock_t locker (_sync);
    for (std::vector<fd_t>::size_type i = 0; i < _fds.size (); i++)
        dualstack_stop_listening (_fds[i]);
    _stopped = true;
}

zmq::dualstack_binds_t::dualstack_binds_t ()
{
}

zmq::dualstack_binds_t::~dualstack_binds_t ()
{
    for (listening_t::iterator it = _listening.begin ();
         it != _listening.end (); ++it)
        it->second->release ();
}

//  "tcp://" of an endpoint.
static std::string scheme_of (const std::string &endpoint_)
{
    return endpoint_.substr (0, endpoint_.find ("://") + 3);
}

void zmq::dualstack_binds_t::add (const std::string &address_,
                                  const std::string &endpoint_,
                                  dualstack_bind_t *bind_)
{
    zds_endpoint_t endpoint;

    if (bind_ != NULL) {
        bind_->use ();
        _listening.insert (std::make_pair (endpoint_, bind_));
    }
    if (parse (address_, &endpoint) && endpoint.port != 0)
        _endpoints.insert (
          std::make_pair (scheme_of (endpoint_) + address_, endpoint_));
}

std::vector<std::string>
zmq::dualstack_binds_t::names_of (const std::string &endpoint_,
                                  const std::string &address_,
                                  const options_t &options_) const
{
    const zds_mode_t mode = dualstack_mode (options_);
    names_t names (1, endpoint_);
    zds_endpoint_t endpoint;
    zds_addr_t addr;

    endpoints_t::const_iterator bound = _endpoints.upper_bound (endpoint_);
    if (bound != _endpoints.begin () && (--bound)->first == endpoint_)
        names.push_back (bound->second);

    if (scheme_of (endpoint_) != "tcp://")
        return names;
    if (!parse (address_, &endpoint) || zds_host_zone (&endpoint) != 0)
        return names;
    const bool is_localhost = zds_endpoint_is_localhost (&endpoint);
    for (int i = 0; i <= (is_localhost ? 1 : 0); i++) {
        if (is_localhost) {
            const bool is_ipv6 = (mode == ZDS_MODE_V6) == (i == 0);
            strcpy (endpoint.host, is_ipv6 ? "::1" : "127.0.0.1");
            endpoint.scope = 0;
        }
        if (zds_endpoint_literal (&endpoint, &addr) == 0)
            add_spellings (addr, mode, &names);
    }
    return names;
}

void zmq::dualstack_binds_t::remove (const std::string &endpoint_)
{
    const std::pair<listening_t::iterator, listening_t::iterator> range =
      _listening.equal_range (endpoint_);
    for (listening_t::iterator it = range.first; it != range.second; ++it) {
        it->second->stop ();
        it->second->release ();
    }
    _listening.erase (range.first, range.second);

    //  The binds of one ZeroMQ socket are few.
    endpoints_t::iterator it = _endpoints.begin ();
    while (it != _endpoints.end ())
        if (it->second == endpoint_)
            _endpoints.erase (it++);
        else
            ++it;
}
