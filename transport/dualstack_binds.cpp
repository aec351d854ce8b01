/* SPDX-License-Identifier: MPL-2.0 */

#include "precompiled.hpp"

#include "dualstack_binds.hpp"
#include "dualstack_listen.hpp"
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

//  An address as ZMQ_LAST_ENDPOINT shows it, in mode V6 mapped.
static void add_spellings (zds_addr_t addr_, names_t *names_)
{
    add_name (addr_, names_);
    if (zds_addr_family (&addr_) == AF_INET) {
        zds_addr_map (&addr_);
        add_name (addr_, names_);
    }
}

static void add_localhost (uint16_t port_, names_t *names_)
{
    static const char *const loopback[] = {"127.0.0.1", "::1"};
    static const int family[] = {AF_INET, AF_INET6};

    for (int i = 0; i < 2; i++) {
        zds_addr_t addr;
        if (zds_addr_parse (&addr, loopback[i], family[i]) != 0)
            continue;
        zds_addr_set_port (&addr, port_);
        add_spellings (addr, names_);
    }
}

void zmq::dualstack_binds_t::add (const std::string &bound_as_,
                                  const std::string &endpoint_,
                                  const fds_t &listening_)
{
    bind_t &bind = _binds[endpoint_];
    bind.bound_as = bound_as_;
    bind.listening = listening_;
    _endpoints.insert (std::make_pair (bound_as_, endpoint_));
}

std::vector<std::string>
zmq::dualstack_binds_t::other_names (const std::string &uri_,
                                     const char *address_) const
{
    names_t names;
    zds_endpoint_t endpoint;
    zds_addr_t addr;
    uint32_t zone_index;

    const std::pair<endpoints_t::const_iterator, endpoints_t::const_iterator>
      bound = _endpoints.equal_range (uri_);
    if (bound.first != bound.second) {
        endpoints_t::const_iterator latest = bound.second;
        names.push_back ((--latest)->second);
    }

    if (zds_endpoint_parse (&endpoint, zds_endpoint_destination (address_),
                            ZDS_PORT_BIND)
          != 0
        || zds_host_zone (&endpoint, &zone_index) != 0)
        return names;
    if (zds_endpoint_is_localhost (&endpoint))
        add_localhost (endpoint.port, &names);
    else if (zds_endpoint_literal (&endpoint, zone_index, &addr) == 0)
        add_spellings (addr, &names);
    return names;
}

void zmq::dualstack_binds_t::remove (const std::string &endpoint_)
{
    const binds_t::iterator bind = _binds.find (endpoint_);
    if (bind == _binds.end ())
        return;

    const fds_t &listening = bind->second.listening;
    for (fds_t::size_type i = 0; i < listening.size (); i++)
        dualstack_stop_listening (listening[i]);

    endpoints_t::iterator it = _endpoints.lower_bound (bind->second.bound_as);
    while (it->second != endpoint_)
        ++it;
    _endpoints.erase (it);
    _binds.erase (bind);
}
