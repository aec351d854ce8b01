# SPDX-License-Identifier: MPL-2.0
"""C-2, C-4, C-13: how names are looked up, and when the first attempt starts."""
import pytest
from conftest import modes
from lab import wait_until
from street import CLIENT4, CLIENT6, DEAD, DUAL, FAR4, FAR6, FOUR, HOLE4, HOLE6, PROMPT, \
    SERVER4, SERVER6, SIX, WAITING, Street

ON_LOOPBACK = "::1 six.local\n127.0.0.1 four.local\n::1 both.local\n127.0.0.1 both.local\n"


@pytest.fixture
def street(lab):
    return Street(lab)


def named(name):
    return "tcp://%s:5555" % name


# ------------------------------------------------------------------ C-2


@modes("auto", "v6")
def test_c2_each_kind_is_asked_for_once(street, mode):
    """Catches: a second look-up for the attempt; AAAA not asked for; A asked for only when AAAA has
    failed."""
    street.serve_both()
    assert street.dial(mode=mode).reach(DUAL).ms < 5000
    street.dns.wait_asked("dual.test", "A", "AAAA")
    assert sorted(street.dns.kinds("dual.test")) == ["A", "AAAA"]


@pytest.mark.parametrize("name", ["dual.test", "dual.test.", "alias.test", "both", "both.sub"])
def test_c2_the_canonical_name_costs_no_question(lab, name):
    """An alias of an alias, search lists, a single label.  Catches: AI_CANONNAME, if a libc makes a
    query of its own for that; a helper that nobody needs."""
    zone = {"alias.test": {"cname": "next.test"}, "next.test": {"cname": "dual.test"},
            "both.corp.test": {"A": [SERVER4], "AAAA": [SERVER6]},
            "both.sub.corp.test": {"cname": "dual.test"}}
    street = Street(lab, zone, resolv="nameserver 127.0.0.1\nsearch none.test corp.test\n")
    street.serve_both()
    assert street.lookup(name)
    without = street.dns.queries()
    assert street.dial().reach(named(name)).peer == SERVER6
    assert sorted(street.dns.queries()) == sorted(2 * without)


@modes("v4", "off")
def test_c2_v4_asks_for_no_aaaa(street, mode):
    """Catches: a query whose answer cannot be used."""
    street.serve_both()
    assert street.dial(mode=mode).reach(DUAL).peer == SERVER4
    assert street.dns.kinds("dual.test") == ["A"]


@pytest.mark.parametrize("addresses", [[], ["fe80::2/64"]])
def test_c2_host_without_ipv6_asks_for_no_aaaa(lab, addresses):
    """A host with loopback or link-local addresses only has no IPv6.  Catches: asking in any case
    (home routers that never answer AAAA cost seconds), or taking fe80:: for IPv6."""
    street = Street(lab, client=[CLIENT4 + "/24"] + addresses)
    street.serve_both()
    got = street.dial(WAITING).reach(DUAL)
    assert (got.peer, got.ms < PROMPT) == (SERVER4, True)
    assert street.dns.kinds("dual.test") == ["A"]


@pytest.mark.parametrize("addresses", [[CLIENT4 + "/24"], [CLIENT4 + "/24", CLIENT6 + "/64"]])
@pytest.mark.parametrize("name", ["localhost", "ip6-localhost", "six.local", "both.local"])
def test_c2_loopback_by_name(lab, name, addresses):
    """Names that lead to ::1 work whatever addresses the host has.  Catches: AI_ADDRCONFIG,
    which does not count loopback; asking whether the host has IPv6 before the hosts file is
    read."""
    street = Street(lab, client=addresses, hosts=ON_LOOPBACK)
    here = street.client.worker("stock").serve("tcp://[::1]:5555", IPV6=1)
    assert street.dial().reach(named(name)).peer == "::1"
    assert here.log()["messages"] == 1


@pytest.mark.parametrize("name", ["localhost", "four.local", "both.local"])
@modes("auto", "v6", "v4")
def test_c2_loopback_over_ipv4(lab, name, mode):
    """Catches: ::1 instead of, not before, 127.0.0.1."""
    street = Street(lab, hosts=ON_LOOPBACK)
    street.client.worker("stock").serve("tcp://127.0.0.1:5555")
    got = street.dial(mode=mode).reach(named(name))
    assert got.source == "127.0.0.1"


def test_c2_hosts_file(lab):
    """Catches: DNS asked about what the hosts file knows; one line of several taken."""
    street = Street(lab, hosts="%s file.test\n%s file.test\n" % (SERVER4, SERVER6))
    street.serve_both()
    assert street.dial().reach(named("file.test")).peer == SERVER6
    street.silent(6)
    assert street.dial().reach(named("file.test")).peer == SERVER4
    assert street.dns.log("file.test") == []


def test_c2_hosts_file_of_a_host_without_ipv6(lab):
    """It has a link-local address and a route.  Catches: a global address taken from the hosts
    file, where only loopback was to be looked for."""
    street = Street(lab, client=[CLIENT4 + "/24", "fe80::2/64"],
                    hosts="%s file.test\n%s file.test\n" % (SERVER4, SERVER6))
    street.client.ip("route add ::/0 dev eth0")
    street.serve_both()
    assert street.dial().reach(named("file.test")).peer == SERVER4


def test_c2_localhost_that_the_hosts_file_does_not_know(lab, monkeypatch):
    """Catches: asking whether the host has IPv6 even for localhost."""
    monkeypatch.setattr("street.HOSTS", "")
    street = Street(lab, {"localhost": {"AAAA": ["::1"], "A": ["127.0.0.1"]}},
                    client=[CLIENT4 + "/24"])
    street.client.worker("stock").serve("tcp://[::1]:5555", IPV6=1)
    assert street.dial().reach(named("localhost")).peer == "::1"


def test_c2_hosts_file_with_dead_dns(lab):
    """glibc asks DNS for the family that the hosts file does not have.  Catches: waiting for
    it."""
    zone = {"file.test": {"drop": ["AAAA", "A"]}, "file6.test": {"drop": ["AAAA", "A"]}}
    street = Street(lab, zone, hosts="%s file.test\n%s file6.test\n" % (SERVER4, SERVER6))
    street.serve_both()
    sock = street.dial()
    got = sock.reach(named("file.test"))
    assert (got.peer, got.ms < 3000) == (SERVER4, True)
    sock.disconnect(named("file.test"))
    got = sock.reach(named("file6.test"))
    assert (got.peer, got.ms < 3000) == (SERVER6, True)


def test_c2_ipv6_only_host(lab):
    """Catches: IPv4 candidates that are in the way on a host without IPv4."""
    street = Street(lab, client=[CLIENT6 + "/64"])
    street.serve_both()
    sock = street.dial(WAITING)
    got = sock.reach(DUAL)
    assert (got.peer, got.ms < PROMPT) == (SERVER6, True)
    assert street.dial().misses(FOUR, timeout=0.3)


def test_c2_ipv6_only_host_and_a_server_that_starts_later(lab):
    """Catches: an IPv4 address without a route that ends the reconnects, or the process."""
    street = Street(lab, client=[CLIENT6 + "/64"])
    sock = street.dial(RECONNECT_IVL=50)
    sock.connect(DUAL)
    sock.events("CLOSED", "CONNECT_RETRIED")
    street.serve(6)
    assert sock.reach().peer == SERVER6


def test_c2_name_with_one_family(street):
    """Catches: waiting for a family of which DNS has said that the name does not have it."""
    street.serve_both()
    for name, peer in ((SIX, SERVER6), (FOUR, SERVER4)):
        got = street.dial(WAITING).reach(name)
        assert (got.peer, got.ms < PROMPT) == (peer, True)


def test_c2_temporary_failure_is_not_remembered(street):
    """A second socket asks anew at once.  Catches: EAI_AGAIN kept like an answer."""
    street.serve_both()
    street.dns.set(dual_test={"rcode": "SERVFAIL"})
    worker = street.caller()
    first = worker.socket("DEALER", monitor=True, RECONNECT_IVL=60000)
    first.connect(DUAL)
    first.events("CONNECT_RETRIED")
    street.dns.set(dual_test={"A": [SERVER4], "AAAA": [SERVER6]})
    second = worker.socket("DEALER", RECONNECT_IVL=60000)
    assert second.reach(DUAL).peer == SERVER6


@pytest.mark.parametrize("others", [{"AAAA": [SERVER6]}, {"drop": ["AAAA"]}])
def test_c7_temporary_failure_beside_silence(street, others):
    """The family that stock would ask for fails for now; the other family's address is silent.
    Catches: waiting for the silence to end (127 s) before the question is asked again."""
    street.serve(4)
    street.silent(6)
    street.dns.set(dual_test=dict(others, rcode={"A": "SERVFAIL"}))
    sock = street.dial("attempt-delay=50", RECONNECT_IVL=50)
    sock.connect(DUAL)
    sock.events("CONNECT_RETRIED")
    street.dns.set(dual_test=dict(others, A=[SERVER4]))
    assert sock.reach().peer == SERVER4


def test_c13_temporary_failure_beside_silence(street):
    """The family that stock would not have asked for fails for now.  Catches: asking a home router
    again and again that cannot answer AAAA."""
    street.dns.set(dual_test={"A": HOLE4[:1], "rcode": {"AAAA": "SERVFAIL"}})
    assert street.dial("attempt-delay=50", RECONNECT_IVL=20).misses(DUAL, timeout=1)
    assert street.dns.kinds("dual.test").count("AAAA") <= 2


def test_c2_unknown_name_becomes_known(street):
    """Catches: giving a name up for good because it did not exist once."""
    street.serve_both()
    sock = street.dial(RECONNECT_IVL=100)
    sock.connect(named("new.test"))
    sock.events("CONNECT_RETRIED")
    street.dns.set(new_test={"AAAA": [SERVER6], "A": [SERVER4]})
    assert sock.reach().peer == SERVER6


def test_c2_truncated_and_long_answers(street):
    """TCP after the TC bit; 100 records.  Catches: writing past a fixed number of candidates."""
    street.serve_both()
    street.dns.set(dual_test={"A": [SERVER4], "AAAA": [SERVER6], "truncate": ["A", "AAAA"]},
                   many_test={"A": ["10.0.0.%d" % n for n in range(100, 200)] + [SERVER4],
                              "AAAA": ["2001:db8::1:%x" % n for n in range(100)] + [SERVER6]})
    assert street.dial(WAITING).reach(DUAL).ms < PROMPT
    assert {"tcp"} == {one.transport for one in street.dns.log("dual.test")} - {"udp"}
    got = street.dial(WAITING).reach(named("many.test"))
    assert got.peer == SERVER6  # the nearest by RFC 6724
    street.dns.set(more_test={"A": ["10.0.0.%d" % n for n in range(100, 200)],
                              "AAAA": ["2001:db8::1:%x" % n for n in range(100)]})
    sock = street.dial("attempt-delay=10", RECONNECT_IVL=10)
    assert sock.misses(named("more.test"), timeout=1)


def test_c2_zmq_connect_never_waits(street):
    """Catches: a look-up on the caller's thread."""
    worker = street.caller()
    sock = worker.socket("DEALER")
    spent = worker.do("time", steps=[{"op": "connect", "id": sock.name, "ep": DEAD},
                                     {"op": "disconnect", "id": sock.name, "ep": DEAD},
                                     {"op": "disconnect", "id": sock.name, "ep": DEAD}])
    assert spent["results"] == ["ok", "ok", "ENOENT"]
    assert spent["seconds"] < 1


def test_c2_dead_dns_beside_live_traffic(street):
    """The longest stall of a connection of the same I/O thread while dead names are connected,
    disconnected and closed.  Stock: 10 s and more."""
    worker = street.caller()
    worker.context()
    worker.must("pulse")
    socks = [worker.socket("DEALER", RECONNECT_IVL=10) for _ in range(8)]
    for number, sock in enumerate(socks):
        street.dns.set(**{"dead%d_test" % number: {"drop": ["A", "AAAA"]}})
        sock.connect(named("dead%d.test" % number))
    street.dns.wait_asked("dead0.test", "AAAA", "A")
    for number, sock in enumerate(socks[:4]):
        sock.disconnect(named("dead%d.test" % number))
    socks[4].close()
    assert socks[5].misses(timeout=1)
    stall = worker.do("pulse_end")
    assert stall["count"] > 50
    assert stall["ms"] < 1000


# ------------------------------------------------------------------ C-4


def test_c4_no_a_answer(street):
    """The whole answer fails after 10 s.  Catches: waiting for it when AAAA is there."""
    street.serve_both()
    street.dns.set(dual_test={"AAAA": [SERVER6], "A": [SERVER4], "drop": ["A"]})
    got = street.dial(None).reach(DUAL)
    assert got.peer == SERVER6
    assert 40 < got.ms < 2000


@pytest.mark.parametrize("trouble", [{"drop": ["AAAA"]}, {"delay": {"AAAA": 4}}])
def test_c4_no_aaaa_answer(street, trouble):
    """Catches: waiting for AAAA longer than the Resolution Delay, or not at all."""
    street.serve_both()
    street.dns.set(dual_test=dict(trouble, AAAA=[SERVER6], A=[SERVER4]))
    got = street.dial(None).reach(DUAL)
    assert got.peer == SERVER4
    assert 40 < got.ms < 2000


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "NXDOMAIN", "NOERROR"])
def test_c4_negative_aaaa(street, rcode):
    """NOERROR: an empty answer.  Catches: waiting for the Resolution Delay without a reason."""
    street.serve_both()
    street.dns.set(dual_test={"A": [SERVER4], "rcode": {"AAAA": rcode}, "delay": {"A": 0.05}})
    got = street.dial(WAITING).reach(DUAL)
    assert (got.peer, got.ms < PROMPT) == (SERVER4, True)


def test_c4_aaaa_within_the_delay(street):
    """Catches: IPv4 started as soon as A is there."""
    street.serve_both()
    street.dns.set(dual_test={"A": [SERVER4], "AAAA": [SERVER6], "delay": {"AAAA": 0.3}})
    got = street.dial(WAITING).reach(DUAL)
    assert (got.peer, got.ms < 1900) == (SERVER6, True)


def test_c4_late_aaaa_joins(street):
    """IPv4 is under way, and silent.  Catches: an answer that is ignored because it is late."""
    street.serve(6)
    street.silent(4)
    street.dns.set(dual_test={"A": [SERVER4], "AAAA": [SERVER6], "delay": {"AAAA": 0.5}})
    got = street.dial().reach(DUAL)
    assert got.peer == SERVER6
    assert 450 < got.ms < 3000


def test_c4_the_attempt_delay_ends_within_the_resolution_delay(street):
    """A, then AAAA, then silence.  Catches: waiting for the end of the Resolution Delay although
    the race has begun."""
    street.serve(4)
    street.silent(6)
    street.dns.set(dual_test={"A": [SERVER4], "AAAA": [SERVER6], "delay": {"AAAA": 0.2}})
    got = street.dial("attempt-delay=100,resolution-delay=2000").reach(DUAL)
    assert (got.peer, got.ms < 1700) == (SERVER4, True)


def test_c4_late_a_joins(street):
    """Catches: the same the other way round."""
    street.serve(4)
    street.silent(6)
    street.dns.set(dual_test={"A": [SERVER4], "AAAA": [SERVER6], "delay": {"A": 0.6}})
    got = street.dial().reach(DUAL)
    assert got.peer == SERVER4
    assert 550 < got.ms < 3000


@pytest.mark.parametrize("first", [4, 6])
def test_c4_one_refused_the_other_still_to_come(street, first):
    """Catches: giving the race up while an answer is outstanding, so that it begins anew after a
    long interval."""
    street.serve(10 - first)
    late = "AAAA" if first == 4 else "A"
    street.dns.set(dual_test={"A": [SERVER4], "AAAA": [SERVER6], "delay": {late: 0.5}})
    sock = street.dial(RECONNECT_IVL=30000)
    assert sock.reach(DUAL).ms < 3000


# ------------------------------------------------------------------ C-13


def test_c13_many_sockets_ask_once(street):
    """200 sockets, one name, IPv6 silent.  Catches: a look-up each, a thread each, threads
    that stay."""
    street.serve(4)
    street.silent(6)
    street.dns.set(dual_test={"A": [SERVER4], "AAAA": [SERVER6],
                              "delay": {"A": 0.3, "AAAA": 0.3}})
    worker = street.caller()
    worker.context()
    names = [worker.socket("DEALER", LINGER=0).name for _ in range(200)]
    before = worker.threads()
    result = worker.do("reach_all", ids=names, ep=DUAL, timeout=10)
    during = worker.threads()
    assert (result["missing"], result["peers"]) == (0, {SERVER4: 200})
    assert sorted(street.dns.kinds("dual.test")) == ["A", "AAAA"]
    assert during - before <= 8
    assert worker.do("threads_at_most", limit=before, timeout=10) == before
    assert wait_until(lambda: len(street.dialled()) == 200)


def test_c13_threads_are_bounded(street):
    """60 dead names; each kind of look-up may have three times as many threads as the setting
    says.  Catches: a thread for each."""
    worker = street.caller("resolver-threads=4")
    worker.context()
    socks = [worker.socket("DEALER", LINGER=0) for _ in range(60)]
    street.dns.set(**{"d%d_test" % n: {"drop": ["A", "AAAA"]} for n in range(60)})
    before = worker.threads()
    for number, sock in enumerate(socks):
        sock.connect(named("d%d.test" % number))
    most = worker.do("threads_max", seconds=2.5) - before
    assert 1 <= most <= 3 * 12


def test_c13_dead_names_do_not_hold_up_a_good_one(street):
    """More dead names than threads.  Catches: the good one queued behind them until the
    resolver gives up on each."""
    street.serve_both()
    worker = street.caller()
    street.dns.set(**{"d%d_test" % n: {"drop": ["A", "AAAA"]} for n in range(6)})
    for number in range(6):
        worker.socket("DEALER", LINGER=0).connect(named("d%d.test" % number))
    street.dns.wait_asked("d0.test", "AAAA")
    assert worker.socket("DEALER").reach(DUAL).ms < 4000


def test_c13_reconnecting_asks_once_a_second(street):
    """Catches: a query for each attempt of a reconnect loop; answers kept for ever."""
    attempts = street.syns(6, 4)
    assert street.caller().socket("DEALER", RECONNECT_IVL=1).misses(DUAL, timeout=3)
    for kind in ("A", "AAAA"):
        assert 2 <= street.dns.kinds("dual.test").count(kind) <= 5
    assert min(attempts()) > 20


def test_c13_unknown_name_is_asked_for_five_times_a_second(street):
    """Catches: "no such name" taken for a temporary failure."""
    assert street.caller().socket("DEALER", RECONNECT_IVL=1).misses(named("none.test"), timeout=3)
    for kind in ("A", "AAAA"):
        assert 2 <= street.dns.kinds("none.test").count(kind) <= 17


def test_u1_a_name_that_comes_later(street):
    """The best of five.  Catches: "no such name" that counts for a second, where stock asks at each
    reconnect."""
    street.serve(4)
    waited = []
    for number in range(5):
        sock = street.dial(RECONNECT_IVL=10)
        sock.connect(named("late%d.test" % number))
        street.dns.wait_asked("late%d.test" % number, "A")
        street.dns.set(**{"late%d_test" % number: {"A": [SERVER4]}})
        waited.append(sock.reach().ms)
    assert min(waited) < 600


def test_c13_each_context_is_by_itself(street):
    """Catches: an answer of one context given to another, whose settings may differ."""
    street.serve_both()
    worker = street.caller()
    for name in ("one", "two"):
        worker.context(name=name)
        assert worker.socket("DEALER", ctx=name).reach(DUAL).peer == SERVER6
    assert wait_until(lambda: sorted(street.dns.kinds("dual.test")) == [
        "A", "A", "AAAA", "AAAA"])


def test_c13_new_addresses_are_used_a_second_later(street):
    """Catches: the first answer used as long as the context lives."""
    street.serve(6, address=FAR6[0])
    street.serve(4, address=FAR4[0])
    street.dns.set(dual_test={"AAAA": HOLE6[:1], "A": HOLE4[:1]})
    sock = street.dial("attempt-delay=100", RECONNECT_IVL=100, CONNECT_TIMEOUT=300)
    sock.connect(DUAL)
    street.dns.wait_asked("dual.test", "AAAA", "A")
    street.dns.set(dual_test={"AAAA": FAR6[:1], "A": FAR4[:1]})
    assert sock.reach().peer == FAR6[0]
