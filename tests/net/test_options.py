# SPDX-License-Identifier: MPL-2.0
"""B-10: options apply to every socket of a bind."""
import pytest
from conftest import modes

BOTH = ["10.0.0.1", "2001:db8::1"]


def bound(node, worker, endpoint, mode=None, **opts):
    """What the kernel says about each listening socket that a bind made."""
    sock = worker.socket("REP", mode=mode, **opts)
    sock.bind(endpoint)
    return sock, worker.do("tcpopts", port=5555)


@pytest.mark.parametrize("endpoint", ["tcp://*:5555", "tcp://eth0:5555", "tcp://lo:5555",
                                      "tcp://[::]:5555", "tcp://[2001:db8::1]:5555"])
@modes("auto", "v6")
def test_b10_options_reach_every_socket(host, mode, endpoint):
    """Catches: an option set on the first socket of a bind only."""
    worker = host.worker()
    opts = {"BACKLOG": 33, "TOS": 0x28, "SNDBUF": 20000, "RCVBUF": 30000}
    sock, found = bound(host, worker, endpoint, mode, **opts)
    assert len(found) == (2 if endpoint in ("tcp://eth0:5555", "tcp://lo:5555") else 1)
    for one in found:
        assert one["tos"] == 0x28
        assert one["tclass"] == (0x28 if one["family"] == 6 else None)
        # The kernel doubles what it is asked for.
        assert (one["sndbuf"], one["rcvbuf"]) == (40000, 60000)
        assert one["reuseaddr"] == 1 and one["cloexec"]
    assert {one.backlog for one in host.listeners(5555)} == {33}


def test_b10_options_on_the_pair_of_wildcards(host, shim):
    """A system without dual-stack sockets.  Catches: sockets of the fallback that miss the
    options."""
    worker = host.worker(shim=shim("v6only0=EINVAL"))
    opts = {"BACKLOG": 33, "TOS": 0x28, "SNDBUF": 20000, "RCVBUF": 30000,
            "BINDTODEVICE": "eth0"}
    sock, found = bound(host, worker, "tcp://*:5555", **opts)
    assert [(one["family"], one["address"], one["tos"], one["tclass"], one["sndbuf"],
             one["rcvbuf"], one["device"], one["v6only"], one["reuseaddr"], one["cloexec"])
            for one in found] == [
        (4, "0.0.0.0", 0x28, None, 40000, 60000, "eth0", None, 1, True),
        (6, "::", 0x28, 0x28, 40000, 60000, "eth0", 1, 1, True)]
    assert [one.backlog for one in host.listeners(5555)] == [33, 33]


@pytest.mark.parametrize("endpoint", ["tcp://*:5555", "tcp://eth0:5555"])
@modes("auto", "v6")
def test_b10_bindtodevice(host, mode, endpoint):
    """Catches: a socket of the bind that listens on every device."""
    worker = host.worker()
    sock, found = bound(host, worker, endpoint, mode, BINDTODEVICE="eth0")
    assert found and {one["device"] for one in found} == {"eth0"}
    for one in host.listeners(5555):
        assert one.zone == "eth0"


@pytest.mark.parametrize("endpoint", ["tcp://*:5555", "tcp://eth0:5555", "tcp://*:*",
                                      "tcp://10.0.0.1:5555", "tcp://[2001:db8::1]:5555"])
@modes("auto", "v6")
def test_b10_bindtodevice_that_does_not_exist(host, mode, endpoint):
    """ENODEV as in stock, and nothing open.  Catches: ignoring the failure; EINVAL from a retry."""
    worker = host.worker()
    fds = worker.fds()
    sock = worker.socket("REP", mode=mode, BINDTODEVICE="eth9")
    assert sock.bind_rc(endpoint) == "ENODEV"
    assert host.listeners() == []
    worker.do("term")
    assert worker.fds() == fds


@pytest.mark.parametrize("endpoint", ["tcp://*:5555", "tcp://eth0:5555"])
def test_b10_keepalive_and_buffers_reach_accepted_connections(host, endpoint):
    """Catches: tuning only the connections that the first listener accepts."""
    worker = host.worker()
    sock, found = bound(host, worker, endpoint, TCP_KEEPALIVE=1, TCP_KEEPALIVE_IDLE=77,
                        TCP_KEEPALIVE_INTVL=7, TCP_KEEPALIVE_CNT=3)
    for index, address in enumerate(BOTH):
        assert worker.do("tcp", host=address, port=5555, hold="k%d" % index) == "greeting"
    lines = host.run(["ss", "-Htnoe", "state", "established", "sport", "=", ":5555"]).stdout
    lines = [line for line in lines.splitlines() if line.strip()]
    assert len(lines) == 2
    for line in lines:
        assert "timer:(keepalive,1min" in line


@pytest.mark.parametrize("family,held,shown", [
    (4, "10.0.0.1", "tcp://10.0.0.1:5555"),
    (4, "0.0.0.0", "tcp://0.0.0.0:5555"),
    (6, "2001:db8::1", "tcp://[2001:db8::1]:5555"),
    (6, "::", "tcp://[::]:5555"),
])
@modes("auto", "v6", "v4")
def test_b10_use_fd_adopts_that_one_socket(host, mode, family, held, shown):
    """The endpoint's text does not matter then, as in stock.  Catches: opening sockets of our own
    next to it; two listeners for one descriptor; another LAST_ENDPOINT."""
    for lib in ("stock", "patched"):
        worker = host.worker(lib)
        worker.occupy(held, v6only=False)
        for endpoint in ("tcp://eth0:7777", "tcp://*:*", "tcp://10.0.0.1:7777"):
            sock = worker.socket("REP", mode=mode, monitor=True)
            worker.must("use_fd", id=sock.name, held="x")
            assert (lib, sock.bind(endpoint)) == (lib, shown)
            assert len(host.listeners()) == 1
            host_address = held if held not in ("0.0.0.0", "::") else (
                "127.0.0.1" if family == 4 else "::1")
            assert worker.do("tcp", host=host_address, port=5555) == "greeting"
            assert (lib, sock.unbind_rc(shown)) == (lib, "ok")
            events = sock.close()
            assert [event[0] for event in events].count("LISTENING") == 1
        worker.kill()


def test_b10_use_fd_is_unbound_by_its_string(host):
    """Catches: forgetting the text that was bound because the descriptor decides."""
    worker = host.worker()
    worker.occupy("10.0.0.1")
    sock = worker.socket("REP")
    worker.must("use_fd", id=sock.name, held="x")
    sock.bind("tcp://eth0:7777")
    sock.unbind("tcp://eth0:7777")
    assert sock.unbind_rc("tcp://10.0.0.1:5555") == "ENOENT"


def test_b10_options_changed_between_binds(host):
    """Each bind takes the options that are set when it is made.  Catches: options copied when the
    socket is made."""
    worker = host.worker()
    sock = worker.socket("REP")
    sock.set("BACKLOG", 11)
    sock.bind("tcp://eth0:5555")
    sock.set("BACKLOG", 22)
    sock.bind("tcp://eth0:5556")
    assert {one.backlog for one in host.listeners(5555)} == {11}
    assert {one.backlog for one in host.listeners(5556)} == {22}
