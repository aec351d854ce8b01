# SPDX-License-Identifier: MPL-2.0
"""Bugs to be planted in the library, one at a time, each with the tests that have to find it.
scripts/check-planted does so.  `old` occurs exactly once in the file (of libzmq's src/, where
transport/ is too) and `new` takes its place.  Every test of test_faults_*.py is listed here."""
import collections
import os
import sys

Bug = collections.namedtuple("Bug", "name file old new tests variant")
BUGS = []


def bug(name, file, old, new, *tests, variant="patched"):
    """Planted in that build of libzmq; the tests are in tests/net."""
    BUGS.append(Bug(name, file, old, new, tests, variant))


def core_bug(name, file, old, new, test):
    """Planted in a copy of the core; the test is one of tests/unit, or a target of tests/fuzz,
    which starts from its corpus and has to find the bug within 90 s."""
    bug(name, file, old, new, test, variant="core")


# ------------------------------------------------------------------ system calls

bug("eventfd without memory aborts", "ip.cpp", "errno == EMFILE || errno == ENOMEM",
    "errno == EMFILE", "test_faults_calls.py::test_faults_eventfd_errno[ENOMEM]")
bug("a question that no thread takes is waited for", "zds_resolver.c",
    "return running (resolver_, look_, false) > 0;", "return true;",
    "test_process_threads.py::test_u7_no_thread_to_be_had[nproc-localhost]",
    "test_faults_calls.py::test_faults_no_thread_for_a_lookup[EAGAIN]")
bug("a context's end waits for look-ups", "zds_resolver.c",
    "    resolver_->is_released = true;\n", """\
    while (running (resolver_, ZDS_LOOK_WHOLE, false) > 0) {
        zds_mutex_unlock (&resolver_->mutex);
        zds_mutex_lock (&resolver_->mutex);
    }
    resolver_->is_released = true;
""", "test_faults_dns.py::test_faults_module_that_hangs",
    "test_faults_calls.py::test_faults_end_without_descriptors")
bug("nobody looks at the queue again", "zds_resolver.c",
    "    next = next_to_run (resolver, look);\n", "    next = NULL;\n",
    "test_faults_calls.py::test_faults_no_further_thread")
bug("a child looks nothing up", "zds_resolver.c",
    "    waits = ask (resolver_, host_, look_, waiter_);\n", """\
    static long process;
    if (process == 0)
        process = zds_process_id ();
    waits = process != zds_process_id () || ask (resolver_, host_, look_, waiter_);
""", "test_faults_process.py::test_faults_fork_in_a_race[new-context]")
bug("the settings file leaves an errno", "dualstack_ctx.cpp", "    errno = err;\n",
    "    (void) err;\n",
    "test_faults_calls.py::test_faults_eventfd[EMFILE]")
bug("a whole answer that fails is not helped", "zds_ask.c",
    "is_in (ask_->outstanding | ask_->lost, ZDS_LOOK_WHOLE)",
    "is_in (ask_->outstanding, ZDS_LOOK_WHOLE)",
    "test_faults_dns.py::test_faults_garbage_for_an_answer")
bug("libzmq's handler sees who has gone", "dualstack_connecter.cpp",
    "    if (!tune_socket (fd)) {\n",
    "    if (dualstack_connect_error (fd) != 0 || !tune_socket (fd)) {\n",
    "test_connect_greeting.py::test_c16_a_wrong_server_costs_nothing[greets-and-closes-auto]")
bug("no thread, and both families are asked for", "zds_resolver.c",
    "resolver_->lookup (host_, plain_, answer);",
    "resolver_->lookup (host_, ZDS_LOOK_WHOLE, answer);",
    "test_process_threads.py::test_u7_no_thread_and_no_aaaa")
bug("threads without a bound", "zds_thread.c", "if ((now & 255) >= ZDS_THREAD_MAX)", "if (false)",
    "test_process_threads.py::test_u7_abandoned_look_ups_are_bounded")
bug("a child looks up with its parent's sockets", "zds_thread.c",
    "    memset (&_res, 0, sizeof _res);\n", "",
    "test_process_threads.py::test_u7_children_look_up_for_themselves")
bug("stacks of the default size", "zds_thread.c", "rc = create_with (ZDS_THREAD_STACK, start_);",
    "rc = create_with (0, start_);", "test_process_threads.py::test_u7_locked_memory")
bug("one queue for all kinds of look-up", "zds_resolver.c",
    "query->state == RUNNING && query->look == look_", "query->state == RUNNING",
    "test_process_threads.py::test_c13_a_crowd_without_aaaa[100]")
bug("a shared answer is the same for all", "zds_ask.c",
    "addr[(ahead + turn_) % count]", "addr[k]",
    "test_process_threads.py::test_c13_shared_answers_in_turns")
bug("TOS without memory aborts", "ip.cpp", """    errno_assert (rc == 0
                  || (errno != EBADF && errno != ENOTSOCK && errno != EFAULT));
""", "    errno_assert (rc == 0 || errno == EINVAL || errno == EPERM);\n",
    "test_faults_calls.py::test_faults_calls_of_a_connect[numeric-option-ENOMEM]")
bug("a socket that cannot be prepared is kept", "dualstack_socket.cpp", """\
    if (set_address_reuse (fd) != 0) {
        errno = zmq::dualstack_errno ();
        zmq::dualstack_close (fd);
""", """    if (set_address_reuse (fd) != 0) {
        errno = zmq::dualstack_errno ();
""", "test_faults_calls.py::test_faults_calls_of_a_bind[tcp://*:5555-option-ENOMEM]")
bug("a socket that cannot be bound is kept", "dualstack_socket.cpp",
    "        const int rc = dualstack_errno ();\n        dualstack_close (*fd_);\n",
    "        const int rc = dualstack_errno ();\n",
    "test_faults_calls.py::test_faults_calls_of_a_bind[tcp://eth0:*-bind-ENOBUFS]")
bug("a socket that cannot connect is kept", "dualstack_socket.cpp",
    "if (rc != 0 && rc != EINPROGRESS)\n        dualstack_close (*fd_);",
    "if (rc == 12345)\n        dualstack_close (*fd_);",
    "test_connect_errors.py::test_c5_everything_fails_in_every_way")
bug("accept knows its errnos", "tcp_listener.cpp",
    "errno_assert (errno != EBADF && errno != ENOTSOCK && errno != EFAULT);",
    "errno_assert (errno == EAGAIN || errno == EINTR || errno == EMFILE);",
    "test_faults_calls.py::test_faults_accept")
bug("an accepted socket that cannot be tuned is kept", "tcp_listener.cpp",
    "        ::close (fd);\n#endif\n        return;\n    }\n\n    //  Create",
    "#endif\n        return;\n    }\n\n    //  Create",
    "test_faults_calls.py::test_faults_options_of_an_accepted_socket[ENOMEM]")
bug("without descriptors an address has no flags", "zds_host.c",
    "rc == 0 || rc == EMFILE || rc == ENFILE || rc == ENOMEM", "rc == 0",
    "test_faults_calls.py::test_faults_flags_of_addresses")
bug("no list of interfaces is fatal", "zds_host.c",
    "        return view;\n    view.has_ipv6 = false;\n",
    "        abort ();\n    view.has_ipv6 = false;\n",
    "test_faults_calls.py::test_faults_no_list_of_interfaces[tcp://dual.test:5555-EMFILE]")
bug("an answer without memory is read", "zds_ask.c", "answer_ == NULL || answer_->status",
    "answer_->status", "test_faults_calls.py::test_faults_no_memory_to_connect[malloc]")
bug("a list without memory is written to", "zds_host.c",
    "if (at == NULL)\n            return ENOMEM;", "",
    "test_faults_calls.py::test_faults_no_memory_to_bind")
bug("no descriptor for an attempt is fatal", "dualstack_socket.cpp",
    "    if (*fd_ == retired_fd)\n        return errno;\n\n",
    "    errno_assert (*fd_ != retired_fd);\n\n",
    "test_faults_calls.py::test_faults_few_descriptors_to_connect[tcp://10.0.0.1:5555]")
bug("half of a bind is kept", "dualstack_listener.cpp",
    "dualstack_close (release (step.slot));", "release (step.slot);",
    "test_faults_calls.py::test_faults_few_descriptors_to_bind[tcp://eth0:5555]")
bug("a listener that cannot accept is given up", "dualstack_listener.cpp",
    "if (dualstack_has_stopped (_s))", "if (true)",
    "test_faults_calls.py::test_faults_no_descriptors_to_accept")

# ------------------------------------------------------------------ look-ups

bug("a look-up that failed is not asked again", "zds_ask.c", "        ask_->lost |= bit;\n", "",
    "test_connect_lookup.py::test_c7_temporary_failure_beside_silence")
bug("a temporary failure is an answer", "zds_host.c", "rc_ == EAI_AGAIN || ", "",
    "test_connect_lookup.py::test_c2_temporary_failure_is_not_remembered")
bug("as many addresses as there are", "zds_host.c",
    "list_ != NULL && answer_->count < ZDS_MAX_ADDRS;",
    "list_ != NULL;", "test_faults_dns.py::test_faults_module_that_answers[many]",
    "test_faults_dns.py::test_faults_huge_answers")
bug("an answer of the system is kept", "zds_host.c",
    "    freeaddrinfo (list);\n", "",
    "test_faults_dns.py::test_faults_module_that_answers[many]")
bug("a failure of the resolver is fatal", "zds_host.c",
    "          is_temporary (rc) ?", "          (abort (), true) ?",
    "test_faults_dns.py::test_faults_garbage_for_an_answer",
    "test_faults_dns.py::test_faults_resolv_conf[any]")
bug("an answer is used for ever", "zds_resolver.c",
    "query_->resolver->clock () - query_->finished\n                < ", "0 < ",
    "test_faults_network.py::test_faults_server_moves_about")
# ------------------------------------------------------------------ listeners on changing networks

bug("the text of a bind is forgotten", "dualstack_binds.cpp",
    "if (parse (address_, &endpoint) && endpoint.port != 0)", "if (false)",
    "test_faults_network.py::test_faults_addresses_go_and_come_back[tcp://eth0:5600-auto]")
bug("a dual-stack socket is of IPv6 alone", "dualstack_socket.cpp",
    "listener_.v6only == ZDS_V6ONLY_ON)", "true)",
    "test_faults_network.py::test_faults_ipv6_is_switched_off_and_on[tcp://*:5600]")
bug("a question about addresses keeps its socket", "zds_host.c",
    "        if (fd != -1)\n            close (fd);\n", "",
    "test_faults_network.py::test_faults_interfaces_come_and_go_all_the_time")

# ------------------------------------------------------------------ races and their ends

bug("nothing is tried again", "stream_connecter_base.cpp",
    "if (options.reconnect_ivl > 0 && !_reconnect_timer_started) {", "if (false) {",
    "test_faults_dns.py::test_faults_module_without_an_answer[notfound]",
    "test_faults_dns.py::test_faults_module_that_is_not_there",
    "test_faults_network.py::test_faults_link_flaps_during_a_race[down]",
    "test_faults_network.py::test_faults_link_flaps_after_a_race[client]",
    "test_faults_network.py::test_faults_default_route_vanishes[-6]",
    "test_faults_network.py::test_faults_ipv6_is_switched_off_in_a_race")
bug("a failure is kept for ever", "zds_host.c",
    "    return getaddrinfo (host_, NULL, &hints, result_);\n", """\
    static int failed;
    const int rc =
      failed != 0 ? failed : getaddrinfo (host_, NULL, &hints, result_);
    failed = rc;
    return rc;
""", "test_faults_dns.py::test_faults_configuration_changes_under_a_connect")
bug("whether there is IPv6 is asked once", "dualstack_inbox.cpp",
    "|| now - _seen >= ZDS_RACE_MIN_GAP", "",
    "test_faults_network.py::test_faults_addresses_come_in_the_midst_of_a_race")
bug("a source once used is used for ever", "dualstack_socket.cpp", """\
    int rc = source_ == NULL ? 0 : bind_source (*fd_, *source_);
    if (rc == 0)
        rc = start_connect (*fd_, addr_);
""", """    static zds_addr_t kept;
    static zmq_socklen_t len;
    int rc = source_ == NULL ? 0 : bind_source (*fd_, *source_);
    if (len != 0 && zds_addr_family (&kept) == family)
        rc = bind_source (*fd_, kept);
    if (rc == 0)
        rc = start_connect (*fd_, addr_);
    if (len == 0 && (rc == 0 || rc == EINPROGRESS)) {
        len = sizeof kept;
        getsockname (*fd_, &kept.sa, &len);
        zds_addr_set_port (&kept, 0);
    }
""", "test_faults_network.py::test_faults_temporary_addresses_rotate")
bug("what connected meanwhile is not looked at", "dualstack_dial.cpp",
    "|| dualstack_is_connected (_attempt[i].fd ())))", "&& false))",
    "test_faults_process.py::test_faults_stopped_longer_than_an_attempt_may_take")
bug("a wait that a signal ends is fatal", "zmq.cpp",
    "poll (&pollfds[0], nitems_, timeout);\n            if (rc == -1 && errno == EINTR) {",
    "poll (&pollfds[0], nitems_, timeout);\n            if (rc == -1 && errno == EAGAIN) {",
    "test_faults_process.py::test_faults_signals_without_end")

bug("an attempt that fails at once is not told", "dualstack_dial.cpp",
    "            _last_fd = fd;\n        lost (attempt_, rc);\n", "            _last_fd = fd;\n",
    "test_faults_network.py::test_faults_no_link_at_first")
bug("a source that is not there ends it", "dualstack_dial.cpp",
    "        finish ();\n        _events->dial_failed (rc, retired_fd);\n", "        finish ();\n",
    "test_faults_network.py::test_faults_interface_deleted_during_a_race[source]")
bug("a start that is late is left out", "zds_race.c", "    return time_ <= now_;\n",
    "    return time_ <= now_ && (time_ == 0 || now_ - time_ < 100);\n",
    "test_faults_process.py::test_faults_stopped_across_the_attempt_delay[0.8]")
bug("losers are kept", "dualstack_dial.cpp", "            last = _attempt[i].close ();\n",
    "            last = _attempt[i].release ();\n",
    "test_faults_process.py::test_faults_many_holes_and_an_end")
# Found by what every test of faults counts when it ends.
bug("a cancelled attempt is kept", "dualstack_dial.cpp",
    "_last_fd = _attempt[step.attempt].close ();", "_last_fd = _attempt[step.attempt].release ();",
    "test_faults_process.py::test_faults_wall_clock_jumps")
bug("a bind knows descriptors that are closed", "dualstack_binds.cpp",
    "    _fds.erase (std::remove (_fds.begin (), _fds.end (), fd_), _fds.end ());",
    "    (void) fd_;",
    "test_unbind.py::test_b6_close_shuts_nothing_down")
bug("TCP decides", "dualstack_dial.cpp", "config.greets = is_for_tcp ()",
    "config.greets = false && is_for_tcp ()",
    "test_connect_greeting.py::test_c16_a_mute_peer_costs_one_delay[False-auto]")
bug("the signature is sent twice", "zmtp_engine.cpp",
    "    _outpos += _options.greeting_sent;\n    _outsize -= _options.greeting_sent;\n", "",
    "test_connect_greeting.py::test_c16_mechanisms[curve]",
    "test_connect_greeting.py::test_c17_the_monitor_hears_of_each_handshake[NULL-auto]")
bug("the endpoint of a dial is kept", "dualstack_dial.cpp", "    LIBZMQ_DELETE (_endpoint);\n", "",
    "test_faults_process.py::test_faults_end_at_any_time[close]")
bug("probes outlive their thread", "dualstack_inbox.cpp",
    "    while (!_probes.empty ())", "    while (false)",
    "test_faults_process.py::test_faults_end_while_probing[term]")
bug("a connecter ends before its race", "dualstack_connecter.hpp",
    "        closed (_dial.stop ());\n", "",
    "test_faults_process.py::test_faults_shutdown_from_another_thread[racing]")
bug("an answer is not cancelled", "dualstack_dial.cpp",
    "            zds_resolver_cancel (resolver (), &_lookup[i].waiter);\n", "            ;\n",
    "test_connect_end.py::test_c11_ends_at_every_stage[resolving]")
bug("time is the wall clock's", "dualstack_ctx.cpp",
    "    return zmq::clock_t::now_us () / 1000;",
    "    return static_cast<uint64_t> (time (NULL)) * 1000;",
    "test_faults_process.py::test_faults_wall_clock_jumps")
bug("an unbound interface goes on listening", "dualstack_binds.cpp",
    "        dualstack_stop_listening (_fds[i]);", "        (void) i;",
    "test_unbind.py::test_b6_port_can_be_bound_again_at_once")

# ------------------------------------------------------------------ the soak's books

LOSE = """    static int calls;
    if (++calls % 97 == 0) {
        msg_->close ();
        return msg_->init ();
    }
    while (_active > 0) {
        if (_pipes[_current]->write (msg_)) {
            if (pipe_)
"""
bug("a message is lost now and then", "lb.cpp", LOSE[LOSE.index("    while"):], LOSE,
    "test_soak.py")
bug("a message comes twice now and then", "pipe.cpp",
    "    const bool more = (msg_->flags () & msg_t::more) != 0;\n"
    "    const bool is_routing_id = msg_->is_routing_id ();\n    _out_pipe->write (*msg_, more);\n",
    "    const bool more = (msg_->flags () & msg_t::more) != 0;\n"
    "    const bool is_routing_id = msg_->is_routing_id ();\n    static int calls;\n"
    "    if (msg_->is_vsm () && !more && msg_->size () > 10 && ++calls % 97 == 0)\n"
    "        _out_pipe->write (*msg_, more);\n    _out_pipe->write (*msg_, more);\n",
    "test_soak.py")

# ------------------------------------------------------------------ sanitizers

bug("a query is read without the lock", "zds_resolver.c",
    "        zds_mutex_lock (&resolver->mutex);\n    } while (finish (query_, answer));",
    "    } while (finish (query_, answer));\n    zds_mutex_lock (&resolver->mutex);",
    "test_connect_lookup.py::test_c2_each_kind_is_asked_for_once", variant="tsan")
bug("a look-up is used after its end", "zds_resolver.c",
    "    query_->finished = now_;\n",
    "    query_->finished = now_;\n    free (query_);\n",
    "test_connect_lookup.py::test_c2_each_kind_is_asked_for_once", variant="asan")


# ------------------------------------------------------------------ the core

core_bug("a host one too long", "zds_addr.c", "len < ZDS_HOST_SIZE",
         "len <= ZDS_HOST_SIZE", "fuzz_bind")
core_bug("the first colon", "zds_addr.c", "strrchr (text_, ':')", "strchr (text_, ':')",
         "fuzz_bind")
core_bug("an empty zone", "zds_addr.c", "if (zone == end ||", "if (", "fuzz_bind")
core_bug("the first semicolon", "zds_addr.c", "strrchr (text_, ';')", "strchr (text_, ';')",
         "fuzz_bind")
core_bug("the same port again", "zds_bind.c", "    bind_->port = 0;", "    ;", "fuzz_bind")
core_bug("tries without end", "zds_bind.c", "bind_->tries + 1 < ZDS_BIND_MAX_TRIES", "true",
         "fuzz_bind")
core_bug("one stays open", "zds_bind.c", "bind_->closing = bind_->opened > 0;",
         "bind_->closing = false;", "fuzz_bind")
core_bug("all are optional", "zds_bind.c", "listener->optional = plan_->count > 1;",
         "listener->optional = true;", "fuzz_bind")
core_bug("temporary addresses as good", "zds_bind.c", "best + (best > 0 && passes)", "best",
         "fuzz_bind")
core_bug("duplicates are bound", "zds_bind.c", "|| (ifaddr->flags & ZDS_IFADDR_DUPLICATE) != 0", "",
         "fuzz_bind")
core_bug("two ports", "zds_bind.c", "zds_addr_set_port (&step.listener.addr, bind_->port);", "",
         "fuzz_bind")
core_bug("a byte that is not there", "zds_race.c", "if (count_ < 2)", "if (0)",
         "fuzz_greeting")
core_bug("half a signature is enough", "zds_race.c", "if (count_ < ZDS_SIGNATURE_SIZE)",
         "if (count_ < 9)", "fuzz_greeting")
core_bug("comments are names", "zds_host.c", "    line_[strcspn (line_, \"#\")] = '\\0';", "    ",
         "fuzz_hosts")
core_bug("upper case is another name", "zds_host.c", "zds_is_same_name (word, host_)",
         "strcmp (word, host_)", "fuzz_hosts")
core_bug("known for 1 ms longer", "zds_history.c", "now_ - time_ >= ZDS_HISTORY_SPAN",
         "now_ - time_ > ZDS_HISTORY_SPAN", "test_history")
core_bug("two winners", "zds_history.c", "    forget (about_, 1u << ZDS_RECORD_WON);", "    ;",
         "test_history")
core_bug("probes without a gap", "zds_history.c",
         "row->probe_at = about_->now + ZDS_HISTORY_PROBE_GAP", "row->probe_at = about_->now",
         "fuzz_history")
core_bug("other addresses, same memory", "zds_history.c",
         "    if (any->set != 0 && any->set != set)", "    if (false)", "test_history")
core_bug("the other family begins", "zds_race.c", "family_of (a_) == family_",
         "family_of (a_) != family_", "fuzz_history")
core_bug("the wrong wrong server first", "zds_race.c", "a_->record_time < b_->record_time",
         "a_->record_time > b_->record_time", "fuzz_history")
core_bug("a hash of nothing", "zds_addr.c", "hash_ = (hash_ ^ *at++) * 1099511628211u",
         "at++, hash_ = 0", "fuzz_history")
core_bug("no gap", "zds_race.c", "race_->last_start + ZDS_RACE_MIN_GAP", "race_->last_start",
         "fuzz_race")
core_bug("failures earn more than one start", "zds_race.c", "if (race_->owed > 0)", "if (false)",
         "fuzz_race")
core_bug("losers stay open", "zds_race.c", "slot->cancel_why = \"another one won\";", ";",
         "fuzz_race")
core_bug("more than there is room for", "zds_race.c", ">= ZDS_MAX_CANDIDATES;",
         ">= 2 * ZDS_MAX_CANDIDATES;", "fuzz_race")
core_bug("the wrong errno", "zds_race.c", "race_->last_error = error_;", ";", "fuzz_race")
core_bug("a look-up too many", "zds_resolver.c", "        >= ZDS_RESOLVER_CROWD",
         "        > ZDS_RESOLVER_CROWD", "fuzz_resolver")
core_bug("slow names hold up others", "zds_resolver.c",
         "running (resolver_, look_, true) < resolver_->threads", "true", "test_resolver")
core_bug("no turns", "zds_ask.c", "(ahead + turn_) % count", "k", "test_turns")
core_bug("a worker does one look-up", "zds_resolver.c", "        query = next_after (query);\n",
         "        next_after (query);\n        query = NULL;\n", "test_resolver")
core_bug("queued twice", "zds_resolver.c", "query->look == look_ && strcmp",
         "query->state != QUEUED && query->look == look_ && strcmp", "fuzz_resolver")
core_bug("an inbox is not woken", "zds_resolver.c", "        if (was_empty)", "        if (false)",
         "fuzz_resolver")
core_bug("stale answers", "zds_resolver.c", "? ZDS_RESOLVER_FRESH\n", "? 2 * ZDS_RESOLVER_FRESH\n",
         "fuzz_resolver")
core_bug("no address is an answer for a whole second", "zds_resolver.c",
         ": ZDS_RESOLVER_FRESH_NONE", ": ZDS_RESOLVER_FRESH", "test_resolver")
core_bug("freed, and still in the list", "zds_resolver.c",
         "    take_out (&query_->link);\n    free (query_->held);", "    free (query_->held);",
         "fuzz_resolver")
core_bug("memory is lost", "zds_resolver.c", "is_released) {\n        free_query (query_);",
         "is_released) {\n        take_out (&query_->link);", "fuzz_resolver")
core_bug("no upper bound", "zds_settings.c", " && value <= max_", "", "fuzz_settings")
core_bug("one byte too many", "zds_settings.c", "complaint_->size - used",
         "complaint_->size - used + 1", "fuzz_settings")
core_bug("offf is off", "zds_settings.c", "strcmp (word, \"off\") == 0",
         "strncmp (word, \"off\", 3) == 0", "fuzz_settings")
core_bug("DEL is written as it is", "zds_trace.c", "c < ' ' || c == 0x7f", "c < ' '", "fuzz_trace")
core_bug("a line is told once", "zds_trace.c", "<= TIMES", "< TIMES", "test_trace")
core_bug("nothing is summed up", "zds_trace.c", " >= PERIOD", " >= 0", "test_trace")
core_bug("one byte too many", "zds_trace.c", "ZDS_TRACE_LINE_SIZE - 1;", "ZDS_TRACE_LINE_SIZE;",
         "fuzz_trace")
core_bug("a list without memory is written to", "zds_host.c", "if (at == NULL)", "if (false)",
         "test_exhaustion")
core_bug("a list of interfaces is kept", "zds_host.c", "    freeifaddrs (all);", "    ;",
         "test_exhaustion")
core_bug("a list of addresses is kept", "zds_host.c", "    free (ifaddrs);\n    return view",
         "    return view", "test_system")
core_bug("a thread without memory is started", "zds_thread.c", "    if (start != NULL)",
         "    if (true)", "test_exhaustion")
core_bug("what a thread was to know is kept", "zds_thread.c", "        free (start);", "        ;",
         "test_exhaustion")
core_bug("a resolver without a lock is kept", "zds_resolver.c", "        free (resolver);",
         "        ;", "test_exhaustion")
core_bug("an answer without memory is read", "zds_resolver.c",
         "if (answer_ == NULL || answer_->status", "if (answer_->status", "test_exhaustion")
core_bug("a trace without memory is written to", "zds_trace.c",
         "    if (trace == NULL)\n        return ENOMEM;",
         "    if (false)\n        return ENOMEM;", "test_exhaustion")
core_bug("a trace that cannot be opened is kept", "zds_trace.c", "        free (trace);",
         "        ;", "test_exhaustion")


def do_not_apply(source):
    """The bugs whose `old` is not exactly once in its file in this folder, libzmq's src/."""
    found = []
    for one in BUGS:
        with open(os.path.join(source, one.file), encoding="utf-8") as text:
            if text.read().count(one.old) != 1:
                found.append("%s: %s" % (one.file, one.name))
    return found


if __name__ == "__main__":
    sys.exit("\n".join(do_not_apply(sys.argv[1])) or 0)
