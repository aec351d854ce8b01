# SPDX-License-Identifier: MPL-2.0
"""B-6: unbinding."""
import os

import pytest
from conftest import OWN_BUILD, modes
from lab import wait_until

# what is bound, and what then listens in `auto` on port 5555
BOUND = {
    "tcp://*:5555": ["*"],
    "tcp://eth0:5555": ["10.0.0.1", "2001:db8::1"],
    "tcp://lo:5555": ["127.0.0.1", "::1"],
    "tcp://0.0.0.0:5555": ["0.0.0.0"],
    "tcp://127.0.0.1:5555": ["127.0.0.1"],
    "tcp://[::]:5555": ["::"],
    "tcp://::1:5555": ["::1"],
    "tcp://[::1]:5555": ["::1"],
    "tcp://[2001:DB8::1]:5555": ["2001:db8::1"],
    "tcp://[::ffff:127.0.0.1]:5555": ["127.0.0.1"],
    "tcp://[fe80::1%eth0]:5555": ["fe80::1%eth0"],
    "tcp://[fe80::1%INDEX]:5555": ["fe80::1%eth0"],
    "tcp://127.1:5555": ["127.0.0.1"],
    "tcp://ula0:5555": ["fd00::1"],
    "tcp://[eth0]:5555": ["10.0.0.1", "2001:db8::1"],
    "tcp://eth0:05555": ["10.0.0.1", "2001:db8::1"],
    "tcp://*:5555abc": ["*"],
    "tcp://eth0%lo:5555": ["10.0.0.1", "2001:db8::1"],
    "tcp://10.0.0.1:0;eth0:5555": ["10.0.0.1", "2001:db8::1"],
    "tcp://eth0:71091": ["10.0.0.1", "2001:db8::1"],
}


@pytest.fixture
def host4(host):
    host.addr("eth0", "fe80::1/64")
    host.nic("ula0", "fd00::1/64")
    return host


def real(endpoint, node):
    if "INDEX" not in endpoint:
        return endpoint
    index = node.run(["ip", "-o", "link", "show", "eth0"]).stdout.split(":")[0]
    return endpoint.replace("INDEX", index)


@pytest.mark.parametrize("by", ["bound", "last_endpoint"])
def test_b6_unbind_in_auto(host4, by):
    """Catches: not knowing one of the two texts; leaving the second socket open; keeping a text, so
    that a second unbind touches a dead listener."""
    worker = host4.worker()
    for endpoint, addresses in BOUND.items():
        endpoint = real(endpoint, host4)
        sock = worker.socket("REP", monitor=True)
        last = sock.bind(endpoint)
        assert (endpoint, host4.open_on(5555)) == (endpoint, addresses)
        name = endpoint if by == "bound" else last
        assert (name, sock.unbind_rc(name)) == (name, "ok")
        assert host4.listeners() == []
        assert sock.unbind_rc(endpoint) == "ENOENT"
        assert sock.unbind_rc(last) == "ENOENT"
        assert sock.close() == [["LISTENING", last, None], ["CLOSED", last, None],
                                ["MONITOR_STOPPED", "", None]]


@pytest.mark.parametrize("by", ["bound", "last_endpoint"])
@modes("v6", "v4", "off")
def test_b6_unbind_in_other_modes(host4, by, mode):
    """Catches: remembering texts in `auto` only."""
    worker = host4.worker(env=mode.env)
    sock = worker.socket("REP", mode=mode)
    for endpoint in ("tcp://*:5555", "tcp://eth0:5555", "tcp://lo:5555",
                     "tcp://127.0.0.1:5555", "tcp://127.1:5555", "tcp://0.0.0.0:5555"):
        last = sock.bind(endpoint)
        name = endpoint if by == "bound" else last
        assert (name, sock.unbind_rc(name)) == (name, "ok")
        assert host4.listeners() == []
        assert sock.unbind_rc(endpoint) == "ENOENT"
        assert sock.unbind_rc(last) == "ENOENT"


@pytest.mark.parametrize("endpoint", ["tcp://*:*", "tcp://*:0", "tcp://eth0:*", "tcp://lo:0",
                                      "tcp://127.0.0.1:*", "tcp://[::1]:*"])
def test_b6_unbind_with_port_wildcard(host, endpoint):
    """LAST_ENDPOINT names the bind.  The text does not, since it may stand for many binds, so it
    gives ENOENT, as libzmq's own test_term_endpoint demands.  Catches: a text with `*` or `0` for
    its port that closes one bind or another."""
    sock = host.worker().socket("REP")
    first, second = sock.bind(endpoint), sock.bind(endpoint)
    listening = host.listeners()
    assert sock.unbind_rc(endpoint) == "ENOENT"
    assert host.listeners() == listening
    sock.unbind(first)
    assert len(host.listeners()) == len(listening) // 2
    sock.unbind(second)
    assert host.listeners() == []
    assert sock.unbind_rc(first) == "ENOENT"


@pytest.mark.parametrize("bound,other", [
    ("tcp://127.0.0.1:5555", "tcp://localhost:5555"),
    ("tcp://127.0.0.1:5555", "tcp://127.1:5555"),
    ("tcp://127.0.0.1:5555", "tcp://[127.0.0.1]:5555"),
    ("tcp://127.1:5555", "tcp://127.0.0.1:05555"),
    ("tcp://0.0.0.0:5555", "tcp://0:5555"),
    ("tcp://*:5555", "tcp://0.0.0.0:5555"),
    ("tcp://lo:5555", "tcp://127.0.0.1:5555"),
    ("tcp://lo:5555", "tcp://localhost:5555"),
    ("tcp://eth0:5555", "tcp://10.0.0.1:5555"),
])
@modes("auto", "v4")
def test_b6_unbind_by_other_spellings_that_stock_knows(host, mode, bound, other):
    """Stock resolves a text that it does not know.  Catches: losing these spellings together with
    DNS."""
    for lib in ("stock", "patched"):
        worker = host.worker(lib)
        sock = worker.socket("REP", mode=mode, monitor=True)
        sock.bind(bound)
        assert (lib, sock.unbind_rc(other)) == (lib, "ok")
        sock.events("CLOSED")
        assert host.listeners() == []
        worker.kill()


@pytest.mark.parametrize("by", ["bound", "last_endpoint"])
@modes("auto", "v6")
def test_b6_unbind_after_the_addresses_changed(host, by, mode):
    """Catches: asking for the interface's addresses again at unbind."""
    worker = host.worker()
    sock = worker.socket("REP", mode=mode)
    last = sock.bind("tcp://eth0:5555")
    name = "tcp://eth0:5555" if by == "bound" else last
    host.addr_del("eth0", "10.0.0.1/24", "2001:db8::1/64")
    host.addr("eth0", "10.0.0.77/24", "2001:db8::77/64")
    wait_until(lambda: host.open_on(5555) == ["10.0.0.1", "2001:db8::77"])
    sock.unbind(name)
    assert host.listeners() == []
    sock.bind("tcp://eth0:5555")
    assert host.open_on(5555) == ["10.0.0.77", "2001:db8::77"]


@pytest.mark.parametrize("by", ["bound", "last_endpoint"])
def test_b6_unbind_after_the_interface_vanished(host, by):
    """Catches: if_nametoindex or getifaddrs at unbind; a link-local address remembered by its
    zone's name."""
    host.nic("gone0", "10.9.0.1/24", "fe80::9/64")
    worker = host.worker()
    sock = worker.socket("REP")
    lasts = {endpoint: sock.bind(endpoint)
             for endpoint in ("tcp://gone0:5555", "tcp://[fe80::9%gone0]:5556")}
    host.ip("link del gone0")
    for endpoint, last in lasts.items():
        sock.unbind(endpoint if by == "bound" else last)
    assert host.listeners() == []


@pytest.mark.parametrize("endpoint", ["tcp://*:5555", "tcp://eth0:5555", "tcp://10.0.0.1:5555",
                                      "tcp://[2001:db8::1]:5555", "tcp://lo:5555"])
@modes("auto", "v6")
def test_b6_port_can_be_bound_again_at_once(host, mode, endpoint):
    """A hundred times without a retry.  Catches: closing the sockets, or one of the two, in the I/O
    thread after zmq_unbind has returned, as stock does."""
    worker = host.worker()
    sock = worker.socket("REP", mode=mode)
    if mode.kind == "v6" and "10.0.0.1" in endpoint:
        endpoint = endpoint.replace("10.0.0.1", "[::ffff:10.0.0.1]")
    sock.bind(endpoint)
    assert worker.do("rebind", id=sock.name, ep=endpoint, times=100) == {"ok/ok": 100}


@modes("auto", "v6")
def test_b6_port_is_free_for_others_at_once(host, mode):
    """Another program (with SO_REUSEADDR, as servers have) binds each family right after
    zmq_unbind.  Catches: as above."""
    worker = host.worker()
    sock = worker.socket("REP", mode=mode)
    for endpoint in ("tcp://*:5555", "tcp://eth0:5555") * 25:
        sock.bind(endpoint)
        results = worker.run([
            {"op": "unbind", "id": sock.name, "ep": endpoint},
            {"op": "occupy", "id": "a", "host": "10.0.0.1", "port": 5555},
            {"op": "occupy", "id": "b", "host": "2001:db8::1", "port": 5555},
            {"op": "release", "id": "a"}, {"op": "release", "id": "b"}])
        assert results == ["ok", 5555, 5555, "ok", "ok"]


@pytest.mark.parametrize("endpoint,hosts", [
    ("tcp://*:5555", ["127.0.0.1", "::1"]), ("tcp://eth0:5555", ["10.0.0.1", "2001:db8::1"])])
def test_b6_bind_again_with_established_connections(host, endpoint, hosts):
    """Catches: a family without SO_REUSEADDR."""
    server = host.worker()
    sock = server.socket("ROUTER", monitor=True)
    sock.bind(endpoint)
    client = host.worker("stock")
    peers = []
    for index, address in enumerate(hosts * 3):
        peer = client.socket("DEALER", monitor=True, IPV6=1, RECONNECT_IVL=-1)
        host_text = "[%s]" % address if ":" in address else address
        peer.connect("tcp://%s:5555" % host_text)
        peer.send("n%d" % index)
        assert sock.recv()["parts"][1] == "n%d" % index
        peers.append(peer)
    results = server.run([{"op": "unbind", "id": sock.name, "ep": endpoint},
                          {"op": "bind", "id": sock.name, "ep": endpoint}])
    assert results == ["ok", "ok"]
    for address in hosts:
        assert client.do("tcp", host=address, port=5555) == "greeting"
    assert server.do("rebind", id=sock.name, ep=endpoint, times=20) == {"ok/ok": 20}


def test_b6_one_text_bound_twice(host):
    """The interface's addresses changed in between, so both binds succeeded.  Catches: a table that
    holds one bind for each text."""
    worker = host.worker()
    sock = worker.socket("REP")
    sock.bind("tcp://eth0:5555")
    host.addr_del("eth0", "10.0.0.1/24", "2001:db8::1/64")
    wait_until(lambda: host.open_on(5555) == ["10.0.0.1"])
    host.addr("eth0", "10.0.0.77/24")
    sock.bind("tcp://eth0:5555")
    assert host.open_on(5555) == ["10.0.0.1", "10.0.0.77"]
    assert sock.unbind_rc("tcp://eth0:5555") == "ok"
    if host.listeners():
        assert sock.unbind_rc("tcp://eth0:5555") == "ok"
    assert host.listeners() == []
    assert sock.unbind_rc("tcp://eth0:5555") == "ENOENT"


@pytest.mark.parametrize("old,new", [("tcp://eth0:5555", "tcp://10.0.0.1:5555"),
                                     ("tcp://*:5555", "tcp://0.0.0.0:5555")])
def test_b6_text_of_a_bind_that_is_over(host, old, new):
    """Another bind has the address now.  Catches: keeping a text after its bind has ended."""
    sock = host.worker().socket("REP")
    for name in (old, new):  # by the text, by LAST_ENDPOINT
        sock.bind(old)
        sock.unbind(name)
        sock.bind(new)
        assert sock.unbind_rc(old) == "ENOENT"
        assert len(host.listeners()) == 1
        sock.unbind(new)
        assert host.listeners() == []


@pytest.mark.parametrize("lib", ["patched", "asan"])
@pytest.mark.parametrize("endpoint", ["tcp://*:5555", "tcp://eth0:5555"])
def test_b6_unbind_while_peers_arrive(host, endpoint, lib):
    """Two programs connect without pause while the bind comes and goes.
    Catches: treating as fatal that accept() fails on a socket which unbind has shut down; a
    listener used after its end (with sanitizers)."""
    if lib == "asan" and not os.environ.get("ZDS_ASAN_LIBDIR"):
        pytest.skip("ZDS_ASAN_LIBDIR is not set: no library built with sanitizers to run")
    server = host.worker(lib)
    server.context(threads=3)
    sock = server.socket("ROUTER")
    sock.bind(endpoint)
    floods = [host.worker("stock") for _ in range(2)]
    for flood, address in zip(floods, ("10.0.0.1", "2001:db8::1")):
        flood.post([{"op": "flood", "host": address, "port": 5555, "seconds": 1.5}])
    total = 0
    while total < 400:
        assert server.do("rebind", id=sock.name, ep=endpoint, times=50) == {"ok/ok": 50}
        total += 50
    reached = [flood.collect()[0] for flood in floods]
    assert all(count > 0 for count in reached), reached
    assert server.do("tcp", host="2001:db8::1", port=5555) == "greeting"
    sock.unbind(endpoint)
    assert host.listeners() == []
    server.do("term")


@pytest.mark.parametrize("lib", ["patched", "asan"])
@pytest.mark.parametrize("opts", [{}, {"AFFINITY": 4}])
def test_b6_several_io_threads(host, lib, opts):
    """The sockets of a bind may live in different I/O threads.
    Catches: a second listener closed or freed from the wrong one."""
    if lib == "asan" and not os.environ.get("ZDS_ASAN_LIBDIR"):
        pytest.skip("ZDS_ASAN_LIBDIR is not set: no library built with sanitizers to run")
    worker = host.worker(lib)
    for _ in range(10):
        worker.context(threads=4)
        sock = worker.socket("ROUTER", monitor=True, **opts)
        for port in range(5000, 5010):
            sock.bind("tcp://eth0:%d" % port)
        peers = [worker.socket("DEALER", IPV6=1) for _ in range(4)]
        for number, peer in enumerate(peers):
            peer.connect("tcp://[2001:db8::1]:%d" % (5000 + number))
            peer.connect("tcp://10.0.0.1:%d" % (5005 + number))
            peer.send("one")
            peer.send("two")
        for _ in range(8):
            assert "parts" in sock.recv()
        for port in range(5000, 5010, 2):
            sock.unbind("tcp://eth0:%d" % port)
        assert len(host.listeners()) == 10
        events = [event[0] for event in sock.close()]
        assert (events.count("LISTENING"), events.count("CLOSED")) == (10, 10)
        worker.do("term")
        assert host.listeners() == []


def test_b6_no_io_thread(host):
    """EMTHREAD as in stock.  Catches: opening sockets before there is a thread for them."""
    worker = host.worker()
    worker.context(threads=0)
    sock = worker.socket("REP")
    for endpoint in ("tcp://*:5555", "tcp://eth0:5555"):
        assert sock.bind_rc(endpoint) == "EMTHREAD"
    assert host.listeners() == []


@OWN_BUILD
@pytest.mark.parametrize("by", ["bound", "last_endpoint"])
def test_b6_under_sanitizers(host4, by):
    """Every bind of the table with ASan and UBSan.  Catches: what only they see."""
    if not os.environ.get("ZDS_ASAN_LIBDIR"):
        pytest.skip("ZDS_ASAN_LIBDIR is not set: no library built with sanitizers to run")
    worker = host4.worker("asan")
    for endpoint in BOUND:
        endpoint = real(endpoint, host4)
        sock = worker.socket("REP", monitor=True)
        last = sock.bind(endpoint)
        sock.unbind(endpoint if by == "bound" else last)
        assert host4.listeners() == []
        sock.bind(endpoint)
        sock.close()
        worker.do("term")


def test_b6_unbind_leaves_other_binds_alone(host):
    """Catches: two binds under one text; closing all binds of the interface."""
    sock = host.worker().socket("REP")
    sock.bind("tcp://eth0:5555")
    sock.bind("tcp://eth0:5556")
    sock.bind("tcp://lo:5555")
    sock.bind("tcp://*:5557")
    sock.unbind("tcp://eth0:5555")
    assert host.open_on(5555) == ["127.0.0.1", "::1"]
    assert host.open_on(5556) == ["10.0.0.1", "2001:db8::1"]
    assert sock.unbind_rc("tcp://eth0:5557") == "ENOENT"
    sock.unbind("tcp://10.0.0.1:5556")
    assert host.open_on(5556) == []
    assert host.open_on(5557) == ["*"]


def test_b6_another_sockets_bind_is_not_ours(host):
    """Catches: texts that are kept per context."""
    worker = host.worker()
    one, other = worker.socket("REP"), worker.socket("REP")
    one.bind("tcp://eth0:5555")
    assert other.unbind_rc("tcp://eth0:5555") == "ENOENT"
    assert other.unbind_rc("tcp://10.0.0.1:5555") == "ENOENT"
    assert host.open_on(5555) == ["10.0.0.1", "2001:db8::1"]


@pytest.mark.parametrize("call", ["unbind", "disconnect"])
@modes("auto", "v6", "v4")
def test_b6_unbinding_a_name_asks_no_dns(lab, shim, mode, call):
    """Stock makes up to two look-ups on the caller's thread.  Catches: any look-up."""
    node = lab.node(etc={"resolv.conf": "nameserver 127.0.0.1\noptions timeout:1\n"})
    dns = node.nameserver({"host.test": {"A": ["127.0.0.1"], "AAAA": ["::1"]}})
    worker = node.worker(env=mode.env, shim=shim(""))
    sock = worker.socket("DEALER", mode=mode)
    sock.bind("tcp://127.0.0.1:5555")
    for name in ("tcp://host.test:5555", "tcp://nosuch.test:5555", "tcp://lo:5555",
                 "tcp://eth9:5555", "tcp://*:5555"):
        assert worker.do(call, id=sock.name, ep=name) == "ENOENT"
    assert dns.queries() == []
    # To be sure of the test: this name server would have seen it.
    assert node.run(["getent", "ahosts", "host.test"]).returncode == 0
    assert dns.queries() != []


@modes("auto", "v6")
def test_b6_close_and_term_take_every_socket(host, mode):
    """Catches: a second listener that nobody closes."""
    worker = host.worker()
    fds = worker.fds()
    for _ in range(3):
        sock = worker.socket("REP", mode=mode, monitor=True)
        for endpoint in ("tcp://*:5555", "tcp://eth0:5556", "tcp://lo:*"):
            sock.bind(endpoint)
        events = sock.close()
        assert host.listeners() == []
        assert [event[0] for event in events].count("CLOSED") == 3
        worker.do("term")
        assert worker.fds() == fds


def test_b6_close_shuts_nothing_down(host, shim):
    """A socket connects to the text that it has bound, and is refused after zmq_close.  Catches: a
    connect that undoes the bind of the same text, whose descriptors may belong to somebody else by
    then."""
    endpoint = "tcp://127.0.0.1:5555"
    host.nft("table inet t { chain c { type filter hook input priority 0; "
             "tcp dport 5555 drop; }; }")
    worker = host.worker(shim=shim(""))
    worker.socket("PUSH")
    fds = worker.fds()
    sock = worker.socket("PUSH", RECONNECT_STOP=1, LINGER=4000)
    sock.bind(endpoint)
    sock.connect(endpoint)
    sock.send("a message")
    assert worker.do("leave", id=sock.name) == "ok"
    assert wait_until(lambda: host.listeners(5555) == [])
    assert [one.state for one in host.connections(5555)] == ["SYN_SENT"]
    host.nft("delete table inet t")  # the next SYN is refused
    assert worker.do("fds_at_most", limit=fds, timeout=15) <= fds
    counts = worker.do("shim_counts")
    assert counts["shutdown"] == 0 < counts["listen"]


def test_b6_term_with_live_listeners(host):
    """Catches: a listener that zmq_ctx_term waits for."""
    worker = host.worker()
    for _ in range(10):
        sock = worker.socket("REP")
        sock.bind("tcp://eth0:5555")
        sock.bind("tcp://*:5556")
        assert worker.do("term") < 2.0
        assert host.listeners() == []
