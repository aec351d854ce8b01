# SPDX-License-Identifier: MPL-2.0
"""B-4: all sockets of one bind share one port."""
import pytest
from conftest import modes
from lab import port_of

FIRST, LAST = 40000, 40015


@pytest.fixture
def narrow(host):
    """A host with sixteen ephemeral ports."""
    host.sysctl("net.ipv4.ip_local_port_range", "%d %d" % (FIRST, LAST))
    return host


@pytest.mark.parametrize("wildcard", ["*", "0"])
@modes("auto", "v6")
def test_b4_port_wildcard_is_one_port(host, mode, wildcard):
    """Catches: a port for each family; a LAST_ENDPOINT that names another port."""
    worker = host.worker()
    sock = worker.socket("REP", mode=mode)
    for name, addresses in [("eth0", ["10.0.0.1", "2001:db8::1"]), ("*", ["*"]),
                            ("lo", ["127.0.0.1", "::1"])]:
        port = port_of(sock.bind("tcp://%s:%s" % (name, wildcard)))
        assert host.open_on(port) == addresses
        before = len(host.listeners())
        sock.unbind(sock.last_endpoint())
        assert len(host.listeners()) == before - len(addresses)


@pytest.mark.parametrize("taken_host", ["10.0.0.1", "2001:db8::1"])
@modes("auto", "v6")
def test_b4_taken_on_one_family_is_retried(narrow, mode, taken_host):
    """Every second port is taken on one family; all forty binds find one that is free on both.
    Catches: EADDRINUSE at the first collision; a bind that keeps its first socket."""
    worker = narrow.worker()
    other = narrow.worker("stock")
    other.do("occupy_many", id="x", host=taken_host, ports=list(range(FIRST, LAST + 1, 2)))
    sock = worker.socket("REP", mode=mode, monitor=True)
    for _ in range(40):
        port = port_of(sock.bind("tcp://eth0:*"))
        assert port % 2 == 1
        assert narrow.open_on(port) == ["10.0.0.1", "2001:db8::1"]
        sock.unbind(sock.last_endpoint())
    # Retries do not show: the monitor sees forty binds, nothing else. (CLOSED comes from another
    # thread, so its place among the next binds is not fixed.)
    names = [event[0] for event in sock.close()]
    assert sorted(names) == ["CLOSED"] * 40 + ["LISTENING"] * 40 + ["MONITOR_STOPPED"]


@pytest.mark.parametrize("taken_host", ["10.0.0.1", "2001:db8::1"])
def test_b4_last_free_port_is_found(narrow, taken_host):
    """Fifteen of sixteen ports are taken on one family.
    Catches: giving up after a few retries that ask the kernel for the same port again."""
    worker = narrow.worker()
    other = narrow.worker("stock")
    ports = [port for port in range(FIRST, LAST + 1) if port != FIRST + 6]
    other.do("occupy_many", id="x", host=taken_host, ports=ports)
    sock = worker.socket("REP")
    assert sock.bind("tcp://eth0:*") == "tcp://10.0.0.1:%d" % (FIRST + 6)
    assert narrow.open_on(FIRST + 6) == ["10.0.0.1", "2001:db8::1"]


@pytest.mark.parametrize("taken_host", ["10.0.0.1", "2001:db8::1"])
@modes("auto", "v6")
def test_b4_no_port_free_on_both_is_eaddrinuse(narrow, mode, taken_host):
    """Catches: retrying for ever; half a bind left open; leaked sockets."""
    worker = narrow.worker()
    other = narrow.worker("stock")
    other.do("occupy_many", id="x", host=taken_host, ports=list(range(FIRST, LAST + 1)))
    sock = worker.socket("REP", mode=mode, monitor=True)
    sock.bind_rc("tcp://eth0:*")
    fds = worker.fds()
    assert sock.bind_rc("tcp://eth0:*") == "EADDRINUSE"
    assert worker.fds() == fds
    assert len(narrow.listeners()) == LAST - FIRST + 1
    failed = [event for event in sock.close() if event[0] != "CLOSED"]
    assert failed == [["BIND_FAILED", "eth0:*", "EADDRINUSE"]] * 2 + [
        ["MONITOR_STOPPED", "", None]]


def test_b4_hundred_sockets_at_once(host):
    """Catches: giving one port to two binds; slow retries."""
    worker = host.worker()
    sock = worker.socket("ROUTER")
    ports = [port_of(sock.bind("tcp://eth0:*")) for _ in range(100)]
    assert len(set(ports)) == 100
    shown = host.listeners()
    assert sorted((one.address, one.port) for one in shown) == sorted(
        (address, port) for port in ports for address in ("10.0.0.1", "2001:db8::1"))


def test_b4_ephemeral_range_is_respected(narrow):
    """Catches: choosing port numbers ourselves."""
    sock = narrow.worker().socket("REP")
    for _ in range(16):
        assert FIRST <= port_of(sock.bind("tcp://eth0:*")) <= LAST
    assert len(narrow.listeners()) == 32
