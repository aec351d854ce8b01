/* SPDX-License-Identifier: MPL-2.0 */

#include "precompiled.hpp"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <new>

#include "dualstack_dial.hpp"
#include "dualstack_ctx.hpp"
#include "ctx.hpp"
#include "err.hpp"
#include "io_thread.hpp"
#include "ip_resolver.hpp"
#include "options.hpp"
#include "zds_host.h"

zmq::dualstack_dial_t::attempt_t::attempt_t () :
    _dial (NULL),
    _index (0),
    _fd (retired_fd),
    _handle (static_cast<handle_t> (NULL)),
    _greets (false),
    _blind (false),
    _has_mark (false),
    _sent (0),
    _seen (0)
{
}

void zmq::dualstack_dial_t::attempt_t::open (dualstack_dial_t *dial_,
                                             unsigned index_,
                                             fd_t fd_)
{
    if (_dial == NULL)
        plug (dial_->_io_thread);
    _dial = dial_;
    _index = index_;
    _fd = fd_;
    _greets = _blind = _has_mark = false;
    _sent = _seen = 0;
    _handle = add_fd (fd_);
    set_pollout (_handle);
}

zmq::fd_t zmq::dualstack_dial_t::attempt_t::release ()
{
    const fd_t fd = _fd;

    if (_has_mark)
        dualstack_report_from (fd, 1);
    //  Before close(), because the poller needs a live descriptor.
    rm_fd (_handle);
    _fd = retired_fd;
    return fd;
}

zmq::fd_t zmq::dualstack_dial_t::attempt_t::close ()
{
    const fd_t fd = release ();

    dualstack_close (fd);
    return fd;
}

int zmq::dualstack_dial_t::attempt_t::greet (size_t routing_id_size_)
{
    uint8_t signature[ZDS_SIGNATURE_SIZE];
    size_t sent;

    if (!_greets) {
        _greets = true;
        set_pollin (_handle);
    } else if (_sent == sizeof signature)
        return 0;
    zds_greeting_sign (signature, routing_id_size_);
    const int rc =
      dualstack_send (_fd, signature + _sent, sizeof signature - _sent, &sent);
    _sent += sent;
    if (_sent == sizeof signature)
        reset_pollout (_handle);
    return rc;
}

int zmq::dualstack_dial_t::attempt_t::listen (zds_greeting_t *greeting_)
{
    size_t count;

    *greeting_ = ZDS_GREETING_MORE;
    const int rc = dualstack_hear (_fd, greeting_, &count);
    if (rc != 0)
        return rc == EAGAIN ? 0 : rc;
    if (*greeting_ == ZDS_GREETING_MORE)
        return wait_for_more (count, static_cast<int> (count) + 1);
    //  Nothing more is of interest but its end.
    if (*greeting_ == ZDS_GREETING_UNSIGNED)
        return wait_for_more (count, INT_MAX);
    return 0;
}

//  The bytes are not taken, so pollers would go on reporting them.
int zmq::dualstack_dial_t::attempt_t::wait_for_more (size_t count_,
                                                     int report_from_)
{
    if (count_ > _seen) {
        _seen = count_;
        _has_mark = true;
        dualstack_report_from (_fd, report_from_);
        return 0;
    }
    if (dualstack_has_hung_up (_fd))
        return ECONNRESET;
    if (!_blind)
        reset_pollin (_handle);
    _blind = true;
    return 0;
}

//  Each dial initialises _race before it reads it.
// cppcheck-suppress uninitMemberVar
zmq::dualstack_dial_t::dualstack_dial_t (io_thread_t *io_thread_,
                                         const char *scheme_,
                                         const options_t &options_,
                                         i_dualstack_dial_events *events_) :
    io_object_t (io_thread_),
    _io_thread (io_thread_),
    _context (io_thread_->get_ctx ()->dualstack ()),
    _options (options_),
    _events (events_),
    _idle (true),
    _subject (dualstack_subject (options_, "connect", scheme_, "")),
    _endpoint (NULL),
    _is_literal (false),
    _source (NULL),
    _delayed_said (false),
    _last_fd (retired_fd),
    _timer_at (ZDS_NEVER),
    _peer ()
{
    memset (_lookup, 0, sizeof _lookup);
    for (unsigned i = 0; i < ZDS_LOOKS; i++)
        _lookup[i].dial = this;
}

zmq::dualstack_dial_t::~dualstack_dial_t ()
{
    zmq_assert (_idle);
}

//  Sets what is known of the name before it is looked up.
void zmq::dualstack_dial_t::set_name (zds_race_config_t *config_)
{
    const bool asks_host = dualstack_mode (_options) == ZDS_MODE_AUTO
                           && config_->families != ZDS_FOR_IPV4;
    dualstack_inbox_t &inbox = _io_thread->dualstack ();

    config_->look = zds_ask_look (
      dualstack_mode (_options), config_->families,
      !asks_host
        || zds_lookup_asks_ipv6 (_endpoint->host, inbox.view ().has_ipv6));
    config_->port = _endpoint->port;
    config_->zone = _endpoint->scope;
    //  As long as nothing is remembered, the network does not matter.
    if (!dualstack_history_t (_context, _key))
        return;
    config_->network = inbox.view ().network;
    zds_history_prepare (dualstack_history_t (_context, _key), config_);
}

//  The configuration of a race by the options and the administrator's settings, for
//  these families.
zds_race_config_t zmq::dualstack_dial_t::configure (unsigned families_)
{
    zds_race_config_t config;

    zds_race_config_default (&config);
    config.attempt_delay = _context.settings ().attempt_delay;
    config.resolution_delay = _context.settings ().resolution_delay;
    config.families = families_;
    if (!_is_literal)
        set_name (&config);
    if (_options.connect_timeout > 0)
        config.attempt_timeout = _options.connect_timeout;
    config.mode = dualstack_mode (_options);
    //  A proxy, or a WebSocket server, waits for the client to speak.
    config.greets = is_for_tcp () && !_options.raw_socket;
    if (_options.handshake_ivl > 0)
        config.greeting_timeout = _options.handshake_ivl;
    return config;
}

//  [SOURCE;]HOST:PORT: fills '_endpoint' and the source. Returns 0 or an errno.
int zmq::dualstack_dial_t::read (const std::string &address_)
{
    const char *const destination =
      zds_endpoint_destination (address_.c_str ());
    const size_t source_len = destination - address_.c_str ();

    int rc = zds_endpoint_parse (_endpoint, destination, ZDS_PORT_CONNECT);
    if (rc == 0)
        rc = zds_host_zone (_endpoint);
    if (rc != 0 || source_len == 0)
        return rc;
    //  A literal, *, or an interface, as for a bind.
    _source = new (std::nothrow) dualstack_local_t (dualstack_mode (_options));
    alloc_assert (_source);
    return _source->read (address_.substr (0, source_len - 1));
}

//  Takes the address apart and begins the race. Returns 0 or an errno.
int zmq::dualstack_dial_t::prepare (const std::string &address_)
{
    zds_addr_t literal;
    unsigned families;

    int rc = read (address_);
    if (rc != 0)
        return rc;
    rc = zds_endpoint_literal (_endpoint, &literal);
    _is_literal = rc == 0;
    if (rc == ENOMEM)
        return rc;
    rc = zds_families (dualstack_mode (_options), _source,
                       _is_literal ? &literal : NULL, &families);
    if (rc != 0)
        return _source == NULL ? rc : _source->verdict (rc);

    _key = dualstack_key (_subject, _options);
    if (!_is_literal)
        _io_thread->dualstack ().begins (this);
    const zds_race_config_t config = configure (families);
    rc = zds_race_init (&_race, &config, zds_clock_ms ());
    if (rc == 0 && _is_literal)
        zds_race_literal (&_race, &literal);
    return rc;
}

void zmq::dualstack_dial_t::start (const std::string &address_)
{
    zmq_assert (_idle);
    cancel_timer_if_any ();
    _delayed_said = false;
    _last_fd = retired_fd;
    _subject.address = address_.c_str ();

    _endpoint = new (std::nothrow) zds_endpoint_t;
    alloc_assert (_endpoint);
    const int rc = prepare (address_);
    if (rc != 0) {
        zds_trace_failure (&_subject, rc,
                           rc == EAFNOSUPPORT
                             ? "the mode, the source and the address have no "
                               "family in common"
                             : "a bad endpoint, or not on this host");
        finish ();
        _events->dial_failed (rc, retired_fd);
        return;
    }
    _idle = false;
    zds_trace_say (&_subject,
                   _is_literal ? "mode %s, numeric: only this address"
                               : "mode %s, a name",
                   zds_mode_name (dualstack_mode (_options)));
    pump ();
}

void zmq::dualstack_dial_t::again ()
{
    zds_race_again (&_race);
    pump ();
}

//  The context's resolver; NULL when there is no memory.
zds_resolver_t *zmq::dualstack_dial_t::resolver () const
{
    return _context.resolver (*_io_thread->get_ctx ());
}

void zmq::dualstack_dial_t::ask (const zds_race_step_t &step_)
{
    const zds_look_t plain =
      dualstack_mode (_options) == ZDS_MODE_V6 ? ZDS_LOOK_IPV6 : ZDS_LOOK_IPV4;

    for (unsigned i = 0; i < ZDS_LOOKS; i++)
        if ((step_.looks & ZDS_LOOK_BIT (i)) != 0
            && (resolver () == NULL
                || zds_resolver_ask (resolver (), _endpoint->host,
                                     static_cast<zds_look_t> (i), plain,
                                     &_lookup[i].waiter,
                                     _io_thread->dualstack ().answers ())))
            take_answer (i);
}

void zmq::dualstack_dial_t::answered (const dualstack_lookup_t *lookup_)
{
    take_answer (static_cast<unsigned> (lookup_ - _lookup));
    pump ();
}

void zmq::dualstack_dial_t::take_answer (unsigned look_)
{
    zds_answer_t *const answer = _lookup[look_].waiter.answer;
    const zds_look_t look = static_cast<zds_look_t> (look_);

    zds_trace_answer (&_subject, look, answer);
    zds_race_answer (&_race, look, answer);
    free (answer);
    _lookup[look_].waiter.answer = NULL;
    const dualstack_history_t history (_context, _key);
    if (history)
        zds_history_recall (history, &_race);
}

//  Tells the race when look-ups began to run, because how late an answer is counts
//  from then.
void zmq::dualstack_dial_t::see_what_runs ()
{
    const zds_waiter_t &waiter = _lookup[_race.config.look].waiter;

    if (waiter.inbox != NULL)
        zds_ask_runs (&_race.ask, zds_resolver_runs (resolver (), &waiter));
}

void zmq::dualstack_dial_t::tell (const zds_race_step_t &step_) const
{
    //  With a single address there is no order to explain.
    if (_is_literal && step_.op == ZDS_RACE_START)
        zds_trace_address (&_subject, "tries ", &step_.addr,
                           ": a numeric address is only that address");
    else
        zds_trace_step (&_subject, &_race, &step_);
}

//  Does what the race says until there is nothing to do.
void zmq::dualstack_dial_t::pump ()
{
    for (;;) {
        see_what_runs ();
        const zds_race_step_t step = zds_race_next (&_race, zds_clock_ms ());
        tell (step);
        switch (step.op) {
            case ZDS_RACE_ASK:
                ask (step);
                break;
            case ZDS_RACE_START:
                start_attempt (step.attempt, step.addr);
                break;
            case ZDS_RACE_CANCEL:
                _last_fd = _attempt[step.attempt].close ();
                break;
            case ZDS_RACE_RETRY:
                _events->dial_retry ();
                break;
            case ZDS_RACE_WAIT:
                set_timer (step.deadline);
                look_again_soon ();
                return;
            case ZDS_RACE_WON:
                won (step.attempt);
                return;
            case ZDS_RACE_FAILED:
                failed (step.error);
                return;
        }
    }
}

//  A timer that fires too early does no harm, while cancelling one searches all of
//  the poller's timers.
void zmq::dualstack_dial_t::set_timer (uint64_t deadline_)
{
    if (deadline_ >= _timer_at)
        return;
    cancel_timer_if_any ();
    const uint64_t now = zds_clock_ms ();
    add_timer (deadline_ > now ? static_cast<int> (deadline_ - now) : 0,
               race_timer_id);
    _timer_at = deadline_;
}

void zmq::dualstack_dial_t::cancel_timer_if_any ()
{
    if (_timer_at != ZDS_NEVER)
        cancel_timer (race_timer_id);
    _timer_at = ZDS_NEVER;
}

//  For attempts where the poller cannot tell that more of a greeting has come.
void zmq::dualstack_dial_t::look_again_soon ()
{
    for (unsigned i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
        if (_attempt[i].fd () != retired_fd && _attempt[i].is_blind ())
            set_timer (zds_clock_ms () + ZDS_RACE_MIN_GAP);
}

//  A busy I/O thread gets here late, and an event that waits behind this one may mean
//  that no other attempt is needed.
void zmq::dualstack_dial_t::timer_event (int)
{
    _timer_at = ZDS_NEVER;
    if (_idle) {
        _events->dial_watched ();
        return;
    }
    for (unsigned i = 0; i < ZDS_RACE_MAX_RUNNING && _race.winner < 0; i++)
        if (_attempt[i].fd () != retired_fd
            && (zds_race_awaits_greeting (&_race, i)
                || dualstack_is_connected (_attempt[i].fd ())))
            look (i);
    pump ();
}

int zmq::dualstack_dial_t::open (const zds_addr_t &addr_, fd_t *fd_) const
{
    const zds_mode_t mode = dualstack_mode (_options);
    const zds_addr_t through = zds_addr_through (mode, &addr_);
    zds_addr_t source = addr_;

    int rc = _source == NULL ? 0 : zds_source_for (_source, &addr_, &source);
    *fd_ = retired_fd;
    if (rc != 0)
        return rc;
    const zds_addr_t from = zds_addr_through (mode, &source);
    rc = dualstack_connect (through, _source == NULL ? NULL : &from, _options,
                            fd_);
    if (rc != EAFNOSUPPORT || *fd_ != retired_fd
        || zds_addr_family (&through) == zds_addr_family (&addr_))
        return rc;
    //  The kernel has no IPv6.
    return dualstack_connect (addr_, _source == NULL ? NULL : &source, _options,
                              fd_);
}

void zmq::dualstack_dial_t::start_attempt (unsigned attempt_,
                                           const zds_addr_t &addr_)
{
    fd_t fd;
    const int rc = open (addr_, &fd);

    if (rc != 0 && rc != EINPROGRESS) {
        if (fd != retired_fd)
            _last_fd = fd;
        lost (attempt_, rc);
        return;
    }
    _attempt[attempt_].open (this, attempt_, fd);
    if (rc == 0)
        connected (attempt_);
    else if (!_delayed_said) {
        _delayed_said = true;
        _events->dial_delayed ();
    }
}

void zmq::dualstack_dial_t::happened (unsigned attempt_)
{
    look (attempt_);
    pump ();
}

void zmq::dualstack_dial_t::look (unsigned attempt_)
{
    if (zds_race_awaits_greeting (&_race, attempt_)) {
        listen (attempt_);
        return;
    }
    const int error = dualstack_connect_error (_attempt[attempt_].fd ());
    if (error == 0)
        connected (attempt_);
    else
        lost (attempt_, error);
}

void zmq::dualstack_dial_t::connected (unsigned attempt_)
{
    const fd_t fd = _attempt[attempt_].fd ();

    int error = dualstack_check_peer (fd);
    if (error == 0)
        error = dualstack_tune (fd, _options);
    if (error != 0) {
        lost (attempt_, error);
        return;
    }
    const uint64_t now = zds_clock_ms ();
    zds_trace_attempt (&_subject, &_race, attempt_, 0, now);
    zds_race_connected (&_race, attempt_, now);
    if (!zds_race_awaits_greeting (&_race, attempt_))
        return;
    tell_of (attempt_, " connected, waits for a greeting");
    const int rc = _attempt[attempt_].greet (_options.routing_id_size);
    if (rc != 0)
        lost (attempt_, rc);
}

void zmq::dualstack_dial_t::listen (unsigned attempt_)
{
    zds_greeting_t greeting = ZDS_GREETING_MORE;

    int rc = _attempt[attempt_].greet (_options.routing_id_size);
    if (rc == 0)
        rc = _attempt[attempt_].listen (&greeting);
    if (rc != 0)
        lost (attempt_, rc);
    else if (greeting == ZDS_GREETING_SIGNED) {
        tell_of (attempt_, " greeted");
        zds_race_greeted (&_race, attempt_, zds_clock_ms ());
    } else if (greeting == ZDS_GREETING_FOREIGN) {
        tell_of (attempt_, " is no ZeroMQ peer");
        lost (attempt_, EPROTO);
    } else if (greeting == ZDS_GREETING_UNSIGNED)
        zds_race_unsigned (&_race, attempt_);
}

void zmq::dualstack_dial_t::tell_of (unsigned attempt_, const char *what_) const
{
    zds_trace_address (&_subject, "",
                       &_race.candidate[_race.slot[attempt_].candidate].addr,
                       what_);
}

//  An attempt has failed; it may have no socket.
void zmq::dualstack_dial_t::lost (unsigned attempt_, int error_)
{
    const uint64_t now = zds_clock_ms ();

    if (_attempt[attempt_].fd () != retired_fd)
        _last_fd = _attempt[attempt_].close ();
    zds_trace_attempt (&_subject, &_race, attempt_, error_, now);
    zds_race_failed (&_race, attempt_, error_);
}

void zmq::dualstack_dial_t::won (unsigned attempt_)
{
    const size_t sent = _attempt[attempt_].sent ();
    const fd_t fd = _attempt[attempt_].release ();
    const zds_candidate_t &winner =
      _race.candidate[_race.slot[attempt_].candidate];

    _peer = dualstack_peer_t ();
    _peer.addr = winner.addr;
    if (!_is_literal) {
        _peer.key = _key;
        _peer.was_wrong = winner.record == ZDS_RECORD_WRONG;
        _peer.rest = zds_race_rest (&_race);
        _peer.subject = _subject;
        const bool is_usual =
          zds_addr_family (&winner.addr) == zds_race_usual_family (&_race);
        //  libzmq would have stayed with the only address of its own that is left.
        if (!is_usual || (_peer.rest & ZDS_REST_FRESH) != 0)
            _peer.since = _race.slot[attempt_].started - winner.waited;
        //  The application has not planned for the death of a path that libzmq would
        //  not have taken.
        if (!is_usual)
            dualstack_keep_alive (fd, _options);
        learn ();
        look_again ();
    }
    finish ();
    _events->dial_connected (fd, sent);
}

bool zmq::dualstack_dial_t::probe_is_due () const
{
    const dualstack_history_t history (_context, _key);

    return history && zds_history_probe_due (history);
}

//  Probes an address that was passed over because it failed.
void zmq::dualstack_dial_t::look_again ()
{
    const zds_candidate_t *const candidate = zds_race_untested (&_race);
    fd_t fd;

    if (candidate == NULL || !probe_is_due ())
        return;
    const int rc = open (candidate->addr, &fd);
    zds_trace_address (&_subject, "looks whether ", &candidate->addr,
                       " works again");
    if (rc == 0 || rc == EINPROGRESS)
        _io_thread->dualstack ().probe (fd, _race.config, _peer,
                                        candidate->addr);
    else
        zds_history_probed (dualstack_history_t (_context, _key),
                            &candidate->addr, false);
}

//  Lets the history learn from the race, however it ended.
void zmq::dualstack_dial_t::learn ()
{
    if (_is_literal)
        return;
    const bool is_news = zds_history_is_news (&_race);
    if (_race.config.network == 0 && is_news)
        _race.config.network = _io_thread->dualstack ().view ().network;
    const dualstack_history_t history (_context, _key, is_news);
    if (history)
        zds_history_learn (history, &_race);
}

void zmq::dualstack_dial_t::failed (int error_)
{
    const fd_t fd = _last_fd;

    learn ();
    finish ();
    _events->dial_failed (error_, fd);
}

//  Sockets that begin at the same time can learn nothing from each other.
void zmq::dualstack_dial_t::tell_silence (const dualstack_dial_t &other_)
{
    if (_key == other_._key && zds_history_is_silence (&_race, zds_clock_ms ()))
        learn ();
}

//  Takes everything of ours from the poller and the resolver.
void zmq::dualstack_dial_t::finish ()
{
    _io_thread->dualstack ().ended (this);
    for (unsigned i = 0; i < ZDS_LOOKS; i++)
        if (_lookup[i].waiter.inbox != NULL)
            zds_resolver_cancel (resolver (), &_lookup[i].waiter);
    cancel_timer_if_any ();
    LIBZMQ_DELETE (_endpoint);
    LIBZMQ_DELETE (_source);
    _idle = true;
}

void zmq::dualstack_dial_t::watch ()
{
    set_timer (zds_clock_ms () + _context.settings ().attempt_delay);
}

zmq::fd_t zmq::dualstack_dial_t::stop ()
{
    fd_t last = retired_fd;

    if (_idle) {
        cancel_timer_if_any ();
        return retired_fd;
    }
    learn ();
    finish ();
    for (unsigned i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
        if (_attempt[i].fd () != retired_fd)
            last = _attempt[i].close ();
    return last;
}

int zmq::dualstack_read_target (const char *target_, ip_addr_t *out_)
{
    zds_endpoint_t endpoint;
    zds_addr_t addr;

    int rc = zds_endpoint_parse (&endpoint, target_, ZDS_PORT_CONNECT);
    if (rc == 0)
        rc = zds_host_zone (&endpoint);
    if (rc == 0)
        rc = zds_endpoint_literal (&endpoint, &addr);
    if (rc == EINVAL && zds_endpoint_may_be_name (endpoint.host)) {
        zds_addr_any (&addr, AF_INET);
        zds_addr_set_port (&addr, endpoint.port);
        rc = 0;
    }
    if (rc != 0) {
        errno = rc;
        return -1;
    }
    memcpy (out_, &addr, zds_addr_len (&addr));
    return 0;
}
