# SPDX-License-Identifier: MPL-2.0
"""C-5: an attempt that fails makes way for the next one at once, and no errno is fatal."""
import pytest
from conftest import modes
from lab import wait_until
from street import CLIENT4, DUAL, PROMPT, SERVER4, SERVER6, WAITING, Street, tcp

ROUTES = ["unreachable", "prohibit", "blackhole", "throw"]
ICMP6 = ["no-route", "admin-prohibited", "addr-unreachable", "port-unreachable"]
ICMP4 = ["net-unreachable", "host-unreachable", "port-unreachable", "admin-prohibited",
         "host-prohibited"]

# All that Linux, a firewall, a sandbox or another system could answer.
ERRNOS = ["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENETDOWN", "EHOSTDOWN", "EACCES", "EPERM",
          "EINVAL", "EADDRNOTAVAIL", "EADDRINUSE", "EAFNOSUPPORT", "ETIMEDOUT", "ECONNRESET",
          "ECONNABORTED", "ENETRESET", "ENOPROTOOPT", "EPROTO", "EPROTONOSUPPORT", "EOPNOTSUPP",
          "ENOBUFS", "ENOMEM", "EAGAIN", "EALREADY", "EISCONN", "ENOTCONN", "EPIPE", "EIO",
          "EBADF", "ENOTSOCK", "EMSGSIZE", "ENODEV", "ENONET", "EUNATCH", "ENOSYS", "EFAULT",
          "EDESTADDRREQ", "EPFNOSUPPORT", "ESHUTDOWN", "EREMOTEIO", "EKEYREJECTED"]


@pytest.fixture
def street(lab):
    return Street(lab)


@modes("auto", "v6")
def test_c5_refused(street, mode):
    """Nobody listens on IPv6.  Catches: waiting for the attempt delay, or no fall-back at all."""
    street.serve(4)
    got = street.dial(WAITING, mode).reach(DUAL)
    assert (got.source, got.ms < PROMPT) == (CLIENT4, True)


def test_c5_reset_by_a_firewall(street):
    """Catches: the same."""
    street.serve_both()
    street.faults("meta nfproto ipv6 tcp dport 5555 reject with tcp reset")
    got = street.dial(WAITING).reach(DUAL)
    assert (got.peer, got.ms < PROMPT) == (SERVER4, True)


@pytest.mark.parametrize("kind", ROUTES)
def test_c5_routes(street, kind):
    """Catches: EHOSTUNREACH, EACCES, EINVAL or ENETUNREACH from connect taken for fatal."""
    street.serve_both()
    street.client.ip("route add %s %s/128" % (kind, SERVER6))
    got = street.dial(WAITING).reach(DUAL)
    assert (got.peer, got.ms < PROMPT) == (SERVER4, True)


@pytest.mark.parametrize("kind", ROUTES[:3])
def test_c5_route_that_goes_away(street, kind):
    """The address was the best, and won; now connect fails at once.  Catches: the same for a
    candidate that the libc does not put last for lack of a source address."""
    _, six = street.serve_both()
    sock = street.dial(WAITING, RECONNECT_IVL=10)
    assert sock.reach(DUAL).peer == SERVER6
    events = sock.watch("DISCONNECTED", "HANDSHAKE_SUCCEEDED")
    # The route first, because the reconnect is quick.
    street.client.ip("route add %s %s/128" % (kind, SERVER6))
    six.kick()
    events()
    assert sock.reach().ms < 5000


@pytest.mark.parametrize("kind", ICMP6)
def test_c5_icmp_of_ipv6(lab, kind):
    """An error that comes back a moment later.  Catches: waiting for the attempt delay."""
    street = Street(lab, slow=True)
    street.serve(4)
    street.bridge.set(delay6=0.02)
    street.faults("ip6 daddr %s tcp dport 5555 reject with icmpv6 type %s" % (SERVER6, kind))
    got = street.dial(WAITING).reach(DUAL)
    assert (got.peer, got.ms < PROMPT) == (SERVER4, True)


def test_c5_icmp_of_ipv4(lab):
    """Catches: the same in mode v4, where every A record is tried.  Linux treats some of these as
    soft errors and reports nothing; there the Attempt Delay helps."""
    street = Street(lab, slow=True)
    street.bridge.set(delay4=0.02)
    street.serve(4)
    near = "10.0.0.3"
    street.server.addr("eth0", near + "/24")
    street.dns.set(dual_test={"A": [near, SERVER4]})
    assert street.lookup("dual.test", 2)[0] == near
    for kind in ICMP4:
        street.faults("ip daddr %s tcp dport 5555 reject with icmp type %s" % (near, kind))
        worker = street.caller("attempt-delay=1000")
        got = worker.socket("DEALER", IPV6=0).reach(DUAL)
        assert (got.peer, got.ms < 3000) == (SERVER4, True)
        worker.kill()


def test_c5_everything_fails_in_every_way(street):
    """Catches: an abort, a hot loop, or sockets that stay, when no candidate can be tried."""
    street.client.ip("route add prohibit %s/128" % SERVER6, "route add blackhole " + SERVER4)
    sock = street.dial(RECONNECT_IVL=20)
    fds = sock.worker.fds()
    assert sock.misses(DUAL, timeout=0.5)
    assert sock.worker.do("fds_at_most", limit=fds + 6) <= fds + 6
    street.client.ip("route del prohibit %s/128" % SERVER6, "route del blackhole " + SERVER4)
    street.serve(6)
    assert sock.reach().peer == SERVER6
    assert len(sock.events()) < 400


@pytest.mark.parametrize("when", ["connect", "late"])
def test_c5_no_errno_is_fatal(street, dialshim, when):
    """Each errno, from connect and from SO_ERROR.  Catches: an assertion on one of them; a
    loser whose error ends the race."""
    street.serve_both()
    worker = street.caller(WAITING, shim=dialshim)
    missed = []
    for error in ERRNOS:
        worker.must("dial_shim", rule="%s6=%s" % (when, error))
        got = worker.socket("DEALER").reach(DUAL)
        hits = worker.do("dial_shim_hits")
        if (got.peer, got.ms < PROMPT, hits) != (SERVER4, True, 1):
            missed.append((error, got, hits))
        worker.do("quit")
    assert missed == []


@pytest.mark.parametrize("when", ["connect", "late"])
def test_c5_no_errno_is_fatal_to_a_literal(street, dialshim, when):
    """There is no other candidate, so the reconnect timer has to run.  Catches: an assertion; a
    connect that is never tried again."""
    street.serve_both()
    worker = street.caller(shim=dialshim)
    for error in ERRNOS:
        worker.must("dial_shim", rule="%s4=%s" % (when, error))
        sock = worker.socket("DEALER", monitor=True, RECONNECT_IVL=5)
        sock.connect(tcp(SERVER4))
        sock.events("CONNECT_RETRIED", "CONNECT_RETRIED")
        worker.must("dial_shim", rule="")
        assert sock.reach().peer == SERVER4
        worker.do("quit")


@pytest.mark.parametrize("when", ["connect", "late"])
def test_c5_no_errno_is_fatal_to_a_proxy(street, dialshim, when):
    """The SOCKS connecter used to have its own list of errnos that it survives.  Catches: any such
    list."""
    street.serve(4)
    street.host.must("socks", id="p4", host=SERVER4)
    street.host.must("socks", id="p6", host=SERVER6)
    worker = street.caller(WAITING, shim=dialshim)
    for error in ERRNOS:
        worker.must("dial_shim", rule="%s6=%s" % (when, error))
        got = worker.socket("DEALER", SOCKS_PROXY="dual.test:1080").reach(tcp(SERVER4))
        assert (got.peer, got.ms < PROMPT) == (SERVER4, True)
        worker.do("quit")
    expected = 0 if when == "connect" else len(ERRNOS)
    assert wait_until(lambda: street.host.do("met", id="p6") == expected)


def test_c5_options_that_take_a_privilege(street, dialshim):
    """Or that a sandbox forbids.  Catches: EPERM treated as a bug in libzmq."""
    street.serve_both()
    worker = street.caller(shim=dialshim)
    worker.must("dial_shim", rule="option=EPERM")
    for address in (SERVER4, SERVER6, "dual.test"):
        got = worker.socket("DEALER", TOS=0x28).reach(tcp(address))
        assert got.peer == (address if address != "dual.test" else SERVER6)
    assert worker.do("dial_shim_hits") >= 6


@pytest.mark.parametrize("error", ["EACCES", "EMSGSIZE", "ENOMEM", "EOPNOTSUPP", "EPERM",
                                   "ENETDOWN", "EPIPE"])
def test_c5_no_errno_is_fatal_to_a_connection(street, dialshim, error):
    """From send, on an established connection; libzmq leaves the error to the next read.  Catches:
    an assertion."""
    street.serve_both()
    worker = street.caller(shim=dialshim)
    sock = worker.socket("DEALER")
    sock.reach(DUAL)
    worker.must("dial_shim", rule="send=" + error)
    sock.send("held up")
    assert wait_until(lambda: worker.do("dial_shim_hits"))
    worker.must("dial_shim", rule="")
    assert worker.socket("DEALER").reach(DUAL).peer == SERVER6


@pytest.mark.parametrize("error", ["ECONNRESET", "EACCES", "EPROTO", "EHOSTDOWN", "ENOPROTOOPT"])
def test_c5_connection_that_ends_before_it_is_tuned(street, dialshim, error):
    """Catches: an assertion on the errno that ended it; an engine for a connection that is over."""
    street.serve_both()
    worker = street.caller(shim=dialshim)
    worker.must("dial_shim", rule="tune=" + error)
    sock = worker.socket("DEALER", monitor=True, RECONNECT_IVL=10)
    sock.connect(DUAL)
    seen = [event[0] for event in sock.events("CONNECT_RETRIED", "CONNECT_RETRIED")]
    assert "CONNECTED" not in seen
    assert worker.do("dial_shim_hits") >= 2
    worker.must("dial_shim", rule="")
    assert sock.reach().peer == SERVER6
