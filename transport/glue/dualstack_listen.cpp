/* SPDX-License-Identifier: MPL-2.0 */

#include "precompiled.hpp"

#include <string.h>

#include <string>

#include "dualstack_ctx.hpp"
#include "dualstack_listen.hpp"
#include "dualstack_socket.hpp"
#include "address.hpp"
#include "condition_variable.hpp"
#include "err.hpp"
#include "ip.hpp"
#include "mutex.hpp"
#include "options.hpp"
#include "tcp.hpp"
#include "zds_host.h"
#include "zds_resolver.h"
#include "zds_thread.h"

//  zmq_bind looks names up since libzmq 4.3.5.
#if ZMQ_VERSION >= ZMQ_MAKE_VERSION(4, 3, 5)
#define ZDS_NAMES_IN_BIND 1
#else
#define ZDS_NAMES_IN_BIND 0
#endif

static int fail (int error_)
{
    errno = error_;
    return -1;
}

//  A name is looked up while the caller of zmq_bind waits, in both families at once.
//  Where that takes longer than the resolution delay, the look-up that libzmq would
//  make without dual stack decides: an answer that never comes for the other family
//  costs no more than the delay.
class bind_lookup_t
{
  public:
    bind_lookup_t () :
        _resolver (zds_resolver_new (1, "ZMQbg/resolver", zds_lookup, NULL)),
        _woken (false)
    {
        memset (&_inbox, 0, sizeof _inbox);
        memset (&_whole, 0, sizeof _whole);
        memset (&_plain, 0, sizeof _plain);
        _inbox.wake = wake;
        _inbox.arg = this;
    }

    ~bind_lookup_t ()
    {
        if (_resolver == NULL)
            return;
        zds_resolver_cancel (_resolver, &_whole);
        zds_resolver_cancel (_resolver, &_plain);
        zds_resolver_release (_resolver);
        zds_resolver_drop (_whole.answer);
        zds_resolver_drop (_plain.answer);
    }

    //  NULL when there is no answer.
    const zds_answer_t *run (const char *host_, zds_look_t plain_)
    {
        if (_resolver == NULL)
            return NULL;
        ask (host_, ZDS_LOOK_WHOLE, plain_, &_whole);
        wait (&_whole, NULL, ZDS_RESOLUTION_DELAY);
        if (!has_said (_whole)) {
            ask (host_, plain_, plain_, &_plain);
            wait (&_whole, &_plain, -1);
        }
        //  Without an address for what stock asks, the other family may have one.
        if (!has_said (_whole) && !is_good (_plain))
            wait (&_whole, NULL, ZDS_RESOLUTION_DELAY);
        //  Stock goes on to mapped addresses then.
        if (plain_ == ZDS_LOOK_IPV6 && !has_said (_whole)
            && !is_good (_plain)) {
            zds_resolver_drop (_plain.answer);
            ask (host_, ZDS_LOOK_IPV4, ZDS_LOOK_IPV4, &_plain);
            wait (&_whole, &_plain, -1);
        }
        return is_good (_whole) ? _whole.answer : _plain.answer;
    }

  private:
    enum
    {
        ZDS_RESOLUTION_DELAY = 50 // ms, RFC 8305 section 8
    };

    static bool is_good (const zds_waiter_t &waiter_)
    {
        return waiter_.answer != NULL && waiter_.answer->count > 0;
    }

    //  Something final, which may be that there is no address.
    static bool has_said (const zds_waiter_t &waiter_)
    {
        return waiter_.answer != NULL
               && waiter_.answer->status == ZDS_LOOKUP_DONE;
    }

    static void wake (void *arg_)
    {
        bind_lookup_t *const self = static_cast<bind_lookup_t *> (arg_);
        zmq::scoped_lock_t locker (self->_sync);

        self->_woken = true;
        self->_bell.broadcast ();
    }

    void ask (const char *host_,
              zds_look_t look_,
              zds_look_t plain_,
              zds_waiter_t *waiter_)
    {
        zds_resolver_ask (_resolver, host_, look_, plain_, waiter_, &_inbox);
    }

    //  Until one of them (NULL: that is left out) has addresses, or none is
    //  waited for any more; for so many ms at the most, -1 for no limit.
    void wait (const zds_waiter_t *one_, const zds_waiter_t *other_, int ms_)
    {
        const uint64_t begin = zds_clock_ms ();

        for (;;) {
            while (zds_resolver_collect (_resolver, &_inbox) != NULL) {
            }
            const int passed = static_cast<int> (zds_clock_ms () - begin);
            //  The plain one decides, whatever it says.
            if (is_good (*one_) || (other_ == NULL && one_->inbox == NULL)
                || (other_ != NULL && other_->inbox == NULL)
                || (ms_ >= 0 && passed >= ms_))
                return;
            zmq::scoped_lock_t locker (_sync);
            if (!_woken)
                _bell.wait (&_sync, ms_ < 0 ? -1 : ms_ - passed);
            _woken = false;
        }
    }

    zds_resolver_t *const _resolver;
    zds_inbox_t _inbox;
    zds_waiter_t _whole, _plain;
    zmq::mutex_t _sync;
    zmq::condition_variable_t _bell;
    bool _woken;

    ZMQ_NON_COPYABLE_NOR_MOVABLE (bind_lookup_t)
};

static int plan_name (const zds_endpoint_t &endpoint_,
                      zds_mode_t mode_,
                      zds_bind_plan_t *plan_)
{
    if (!ZDS_NAMES_IN_BIND || endpoint_.host[0] == '\0')
        return ENODEV;
    if (mode_ == ZDS_MODE_V4) {
        zds_answer_t answer;
        memset (&answer, 0, sizeof answer);
        zds_lookup (NULL, endpoint_.host, ZDS_LOOK_IPV4, &answer);
        return zds_bind_plan_names (plan_, &endpoint_, mode_, answer.addr,
                                    answer.count);
    }
    bind_lookup_t lookup;
    const zds_answer_t *const answer = lookup.run (
      endpoint_.host, mode_ == ZDS_MODE_V6 ? ZDS_LOOK_IPV6 : ZDS_LOOK_IPV4);
    return zds_bind_plan_names (plan_, &endpoint_, mode_,
                                answer == NULL ? NULL : answer->addr,
                                answer == NULL ? 0 : answer->count);
}

//  From HOST:PORT to the sockets to open, or an errno.
static int plan_host (const std::string &text_,
                      zds_mode_t mode_,
                      bool names_,
                      bool any_,
                      zds_bind_plan_t *plan_,
                      zds_endpoint_t *endpoint_)
{
    zds_endpoint_t &endpoint = *endpoint_;
    uint32_t zone_index;
    zmq::dualstack_ifaddrs_t ifaddrs;
    int ifaddrs_rc = 0;

    int rc = zds_endpoint_parse (&endpoint, text_.c_str (), ZDS_PORT_BIND);
    if (rc == 0)
        rc = zds_host_zone (&endpoint, &zone_index);
    if (rc != 0)
        return rc;

    if (strcmp (endpoint.host, "*") != 0)
        ifaddrs_rc = zmq::dualstack_ifaddrs (endpoint, &ifaddrs);
    rc = zds_bind_plan_make (plan_, &endpoint, zone_index, mode_, any_,
                             ifaddrs.empty () ? NULL : &ifaddrs[0],
                             ifaddrs.size ());
    if (rc == ENODEV && names_)
        rc = plan_name (endpoint, mode_, plan_);
    //  Without the list of interfaces it is not known that there is no such
    //  interface.
    return rc == ENODEV && ifaddrs_rc != 0 ? ifaddrs_rc : rc;
}

static int set_v6only (zmq::fd_t fd_, const zds_listener_t &listener_)
{
    if (listener_.v6only == ZDS_V6ONLY_NONE)
        return 0;
#ifdef IPV6_V6ONLY
    if (zmq::dualstack_set_flag (fd_, IPPROTO_IPV6, IPV6_V6ONLY,
                                 listener_.v6only == ZDS_V6ONLY_ON)
        == 0)
        return 0;
    return zds_listener_needs_v6only (&listener_) ? -1 : 0;
#else
    return fail (ENOPROTOOPT);
#endif
}

static void set_freebind (zmq::fd_t fd_)
{
    //  Where there is no such thing, bind() says so with EADDRNOTAVAIL.
#ifdef IP_FREEBIND
    zmq::dualstack_set_flag (fd_, IPPROTO_IP, IP_FREEBIND, 1);
#else
    LIBZMQ_UNUSED (fd_);
#endif
}

//  A port that a former process left in TIME_WAIT is free to take; on Windows
//  that goes without saying, and the option of this name lets anybody share.
static int set_address_reuse (zmq::fd_t fd_)
{
#ifdef ZMQ_HAVE_WINDOWS
    return zmq::dualstack_set_flag (fd_, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, 1);
#else
    return zmq::dualstack_set_flag (fd_, SOL_SOCKET, SO_REUSEADDR, 1);
#endif
}

//  The socket calls in their order. 'stage_' says how far it came.
static zmq::fd_t open_socket_for (const zds_listener_t &listener_,
                                  const zmq::options_t &options_,
                                  zds_bind_stage_t *stage_)
{
    *stage_ = ZDS_AT_SOCKET;
    const zmq::fd_t fd = zmq::open_socket (zds_addr_family (&listener_.addr),
                                           SOCK_STREAM, IPPROTO_TCP);
    if (fd == zmq::retired_fd)
        return zmq::retired_fd;

    *stage_ = ZDS_AT_V6ONLY;
    if (set_v6only (fd, listener_) != 0) {
        errno = zmq::dualstack_errno ();
        zmq::dualstack_close (fd);
        return zmq::retired_fd;
    }

    *stage_ = ZDS_AT_OPTION;
    if (zmq::tcp_prepare_socket (fd, options_) == zmq::retired_fd)
        return zmq::retired_fd;
    zmq::make_socket_noninheritable (fd);
    if (set_address_reuse (fd) != 0) {
        errno = zmq::dualstack_errno ();
        zmq::dualstack_close (fd);
        return zmq::retired_fd;
    }
    if (listener_.freebind)
        set_freebind (fd);
    return fd;
}

//  0 where a sandbox does not let the system tell.
static uint16_t bound_port (zmq::fd_t fd_)
{
    sockaddr_storage ss;
    zds_addr_t bound;
    const zmq::zmq_socklen_t len =
      zmq::get_socket_address (fd_, zmq::socket_end_local, &ss);

    return len != 0
               && zds_addr_from_sockaddr (
                    &bound, reinterpret_cast<sockaddr *> (&ss), len)
                    == 0
             ? zds_addr_port (&bound)
             : 0;
}

int zmq::dualstack_open_listener (const zds_listener_t &listener_,
                                  const options_t &options_,
                                  zds_bind_stage_t *stage_,
                                  fd_t *fd_,
                                  uint16_t *port_)
{
    const zds_addr_t &addr = listener_.addr;

    *fd_ = open_socket_for (listener_, options_, stage_);
    if (*fd_ == retired_fd)
        return errno;
    *stage_ = ZDS_AT_BIND;
    if (::bind (*fd_, &addr.sa,
                static_cast<zmq_socklen_t> (zds_addr_len (&addr)))
          != 0
        || ::listen (*fd_, options_.backlog) != 0) {
        const int rc = dualstack_errno ();
        dualstack_close (*fd_);
        return rc;
    }
    *port_ =
      zds_addr_port (&addr) != 0 ? zds_addr_port (&addr) : bound_port (*fd_);
    return 0;
}

zmq::dualstack_listen_t::dualstack_listen_t () :
    count (0), as_ipv4 (false), follows (false), unbindable (retired_fd)
{
    memset (&_endpoint, 0, sizeof _endpoint);
    memset (&follow, 0, sizeof follow);
    for (unsigned i = 0; i < ZDS_MAX_LISTENERS; i++) {
        _fds[i] = retired_fd;
        family[i] = 0;
    }
}

zmq::dualstack_listen_t::~dualstack_listen_t ()
{
    for (unsigned i = 0; i < ZDS_MAX_LISTENERS; i++)
        if (_fds[i] != retired_fd)
            zmq::dualstack_close (_fds[i]);
}

zmq::fd_t zmq::dualstack_listen_t::release (unsigned slot_)
{
    const fd_t fd = _fds[slot_];
    _fds[slot_] = retired_fd;
    return fd;
}

int zmq::dualstack_listen_t::open (const char *scheme_,
                                   const char *addr_,
                                   const options_t &options_,
                                   bool any_)
{
    const zds_subject_t subject =
      dualstack_subject (options_, "bind", scheme_, addr_);
    zds_bind_plan_t plan;
    zds_bind_t bind;

    const int rc =
      make_plan (addr_, options_, strcmp (scheme_, "tcp") == 0, any_, &plan);
    if (rc != 0) {
        zds_trace_failure (&subject, rc,
                           rc == EINVAL ? "a bad endpoint or zone"
                           : rc == ENODEV
                             ? "no interface or address of this mode"
                             : "this host cannot be asked");
        return fail (rc);
    }
    zds_trace_plan (&subject, &plan, dualstack_mode (options_));
    zds_bind_start (&bind, &plan);
    return run (&bind, options_, subject);
}

int zmq::dualstack_listen_t::make_plan (const char *addr_,
                                        const options_t &options_,
                                        bool names_,
                                        bool any_,
                                        zds_bind_plan_t *plan_)
{
    const zds_mode_t mode = dualstack_mode (options_);
    const char *destination = zds_endpoint_destination (addr_);

    //  A source address means nothing to a listener, but it has to make sense.
    if (destination != addr_) {
        const std::string source (addr_, destination - 1 - addr_);
        const int rc =
          plan_host (source, mode, false, false, plan_, &_endpoint);
        if (rc != 0)
            return rc;
    }
    return plan_host (destination, mode, names_, any_, plan_, &_endpoint);
}

int zmq::dualstack_listen_t::run (zds_bind_t *bind_,
                                  const options_t &options_,
                                  const zds_subject_t &subject_)
{
    for (;;) {
        const zds_bind_step_t step = zds_bind_next (bind_);
        switch (step.op) {
            case ZDS_BIND_OPEN:
                open_listener (bind_, step, options_, subject_);
                break;
            case ZDS_BIND_CLOSE:
                zds_trace_say (&subject_, "closes socket %u: all or none",
                               step.slot + 1);
                zmq::dualstack_close (release (step.slot));
                zds_bind_closed (bind_);
                break;
            case ZDS_BIND_DONE:
                count = step.slot;
                follows = bind_->plan.follows && bind_->port != 0;
                if (follows)
                    zds_follow_start (&follow, &_endpoint, bind_);
                return 0;
            case ZDS_BIND_FAILED:
                zds_trace_failure (&subject_, step.error, "nothing is open");
                return fail (step.error);
        }
    }
}

void zmq::dualstack_listen_t::open_listener (zds_bind_t *bind_,
                                             const zds_bind_step_t &step_,
                                             const options_t &options_,
                                             const zds_subject_t &subject_)
{
    zds_bind_stage_t stage;
    uint16_t port = 0;
    fd_t fd;
    const int rc =
      dualstack_open_listener (step_.listener, options_, &stage, &fd, &port);

    zds_trace_listener (&subject_, &step_.listener, stage, rc, port);
    if (rc != 0) {
        if (fd != retired_fd)
            unbindable = fd;
        zds_bind_failed (bind_, stage, rc);
        return;
    }
    _fds[step_.slot] = fd;
    family[step_.slot] = zds_addr_family (&step_.listener.addr);
    if (step_.slot == 0)
        as_ipv4 = step_.listener.as_ipv4;
    zds_bind_opened (bind_, port);
}

void zmq::dualstack_as_ipv4 (sockaddr_storage *addr_, socklen_t *len_)
{
    *len_ = static_cast<socklen_t> (zds_sockaddr_as_ipv4 (
      reinterpret_cast<struct sockaddr *> (addr_), *len_));
}

void zmq::dualstack_refused (const options_t &options_,
                             const std::string &endpoint_,
                             const sockaddr_storage &peer_)
{
    const zds_subject_t subject =
      dualstack_subject (options_, "accept", "tcp",
                         endpoint_.c_str () + endpoint_.rfind ('/') + 1);
    zds_addr_t peer;

    if (zds_addr_from_sockaddr (
          &peer, reinterpret_cast<const sockaddr *> (&peer_), sizeof peer)
        == 0)
        zds_trace_address (&subject, "refuses ", &peer,
                           ": no accept filter matches");
}

void zmq::dualstack_stop_listening (fd_t fd_)
{
#ifdef __linux__
    ::shutdown (fd_, SHUT_RDWR);
#else
    LIBZMQ_UNUSED (fd_);
#endif
}

bool zmq::dualstack_has_stopped (fd_t fd_)
{
#ifdef __linux__
    int listening = 1;
    socklen_t len = sizeof listening;

    return getsockopt (fd_, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0
           && listening == 0;
#else
    LIBZMQ_UNUSED (fd_);
    return false;
#endif
}
