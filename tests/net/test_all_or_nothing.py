# SPDX-License-Identifier: MPL-2.0
"""B-5: if one socket of a bind fails, none stays open."""
import pytest
from conftest import modes

BOTH = ["10.0.0.1", "2001:db8::1"]


def failures(events):
    return [event for event in events if event[0] == "BIND_FAILED"]


@pytest.mark.parametrize("taken", BOTH)
@modes("auto", "v6")
def test_b5_one_family_taken_fails_the_bind(host, mode, taken):
    """Catches: keeping the other family's socket, two BIND_FAILED or none, LISTENING
    before the second socket is known to work."""
    worker = host.worker()
    worker.occupy(taken)
    fds = worker.fds()
    sock = worker.socket("REP", mode=mode, monitor=True)
    assert sock.bind_rc("tcp://eth0:5555") == "EADDRINUSE"
    assert host.open_on(5555) == [taken]
    events = sock.close()
    assert failures(events) == [["BIND_FAILED", "eth0:5555", "EADDRINUSE"]]
    assert "LISTENING" not in [event[0] for event in events]
    worker.do("term")
    assert worker.fds() == fds


@modes("auto", "v6")
def test_b5_socket_is_usable_after_a_failed_bind(host, mode):
    """Catches: state of the failed bind that is kept (endpoint names, a listener half launched)."""
    worker = host.worker()
    worker.occupy("2001:db8::1")
    sock = worker.socket("REP", mode=mode)
    before = sock.last_endpoint()
    assert sock.bind_rc("tcp://eth0:5555") == "EADDRINUSE"
    assert sock.last_endpoint() == before
    assert sock.unbind_rc("tcp://eth0:5555") == "ENOENT"
    assert sock.unbind_rc("tcp://10.0.0.1:5555") == "ENOENT"
    worker.do("release", id="x")
    sock.bind("tcp://eth0:5555")
    assert host.open_on(5555) == BOTH


@pytest.mark.parametrize("rule,failure", [
    ("bind@1=EACCES", "EACCES"), ("bind@2=EACCES", "EACCES"),
    ("bind@2=ENOMEM", "ENOMEM"), ("listen@1=EADDRINUSE", "EADDRINUSE"),
    ("listen@2=EADDRINUSE", "EADDRINUSE"), ("socket4=EMFILE", "EMFILE"),
    ("socket6=EMFILE", "EMFILE"), ("socket6=ENOBUFS", "ENOBUFS"), ("socket4=ENOBUFS", "ENOBUFS"),
])
@modes("auto", "v6")
def test_b5_any_failing_call_fails_the_bind(host, shim, mode, rule, failure):
    """Catches: an error path that forgets a socket, or an errno overwritten by clean-up."""
    worker = host.worker(shim=shim(""))
    sock = worker.socket("REP", mode=mode, monitor=True)
    fds = worker.fds()
    worker.do("shim", rules=rule)
    assert sock.bind_rc("tcp://eth0:5555") == failure
    worker.do("shim", rules="")
    assert host.listeners() == []
    assert worker.fds() == fds
    # The same name works again at once.
    sock.bind("tcp://eth0:5555")
    assert host.open_on(5555) == BOTH
    events = sock.close()
    assert failures(events) == [["BIND_FAILED", "eth0:5555", failure]]
    assert [event[0] for event in events].count("LISTENING") == 1


@pytest.mark.parametrize("refusal", ["EAFNOSUPPORT", "EACCES", "EPERM"])
@modes("auto", "v6")
def test_b5_no_ipv6_sockets_at_all_is_not_a_failure(host, shim, mode, refusal):
    """B-7: a sandbox lists IPv6 addresses and refuses IPv6 sockets.  Stock binds there.
    Catches: failing what works with stock."""
    worker = host.worker(shim=shim("socket6=" + refusal))
    sock = worker.socket("REP", mode=mode, monitor=True)
    assert sock.bind("tcp://eth0:5555") == "tcp://10.0.0.1:5555"
    assert host.open_on(5555) == ["10.0.0.1"]
    sock.unbind("tcp://eth0:5555")
    assert host.listeners() == []
    assert [event[0] for event in sock.close()] == ["LISTENING", "CLOSED", "MONITOR_STOPPED"]


@pytest.mark.parametrize("rule", ["bind@2=ENOBUFS", "listen@1=EADDRINUSE", "listen@2=EADDRINUSE"])
def test_b5_wildcard_of_two_sockets(host, shim, rule):
    """Catches: the pair of sockets on a system without dual-stack sockets exempt from B-5."""
    worker = host.worker(shim=shim("v6only0=EINVAL;" + rule))
    sock = worker.socket("REP", monitor=True)
    fds = worker.fds()
    assert sock.bind_rc("tcp://*:5555") == rule.split("=")[1]
    assert host.listeners() == []
    assert worker.fds() == fds
    assert len(failures(sock.close())) == 1


def test_b5_privileged_port_on_one_family(host, shim):
    """Catches: trying another port although the application named one."""
    worker = host.worker(shim=shim("bind6=EACCES"))
    sock = worker.socket("REP")
    assert sock.bind_rc("tcp://eth0:80") == "EACCES"
    assert sock.bind_rc("tcp://eth0:*") == "EACCES"
    assert host.listeners() == []


def test_b5_interface_loses_its_address_meanwhile(host, shim):
    """The address that was chosen is gone by the time it is bound.  Catches: an assertion on an
    errno that a network can cause."""
    for failure in ("ENODEV", "ENETDOWN", "ENXIO"):
        worker = host.worker(shim=shim("bind6=" + failure))
        sock = worker.socket("REP")
        assert sock.bind_rc("tcp://eth0:5555") == failure
        assert host.listeners() == []
        worker.kill()


@pytest.mark.parametrize("failure", ["EADDRNOTAVAIL", "EPERM"])
@modes("auto", "v6")
def test_b5_second_family_has_no_such_address(host, shim, mode, failure):
    """U-1: stock binds the first family alone, and a second family's address that is gone, or that
    a sandbox forbids to bind, must not make that fail.  Without the first family's address the bind
    fails.  Catches: failing what works with stock; going on without what was asked for."""
    first, second = ("4", "6") if mode.name == "auto" else ("6", "4")
    worker = host.worker(shim=shim("bind" + second + "=" + failure))
    sock = worker.socket("REP", mode=mode)
    sock.bind("tcp://eth0:5555")
    assert host.open_on(5555) == [BOTH[0 if mode.name == "auto" else 1]]
    sock.unbind("tcp://eth0:5555")
    assert host.listeners() == []
    worker.do("shim", rules="bind" + first + "=" + failure)
    assert sock.bind_rc("tcp://eth0:5555") == failure
    assert host.listeners() == []
