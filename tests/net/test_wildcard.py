# SPDX-License-Identifier: MPL-2.0
"""B-1 (wildcard), and B-7 (hosts without IPv6) as far as it concerns the wildcard."""
import pytest
from conftest import every_way, modes
from lab import port_of

EVERYWHERE = ["127.0.0.1", "::1", "10.0.0.1", "2001:db8::1"]


def reach(worker, port, addresses):
    return {address: worker.do("tcp", host=address, port=port) for address in addresses}


def all_greet(addresses):
    return {address: "greeting" for address in addresses}


@every_way("auto")
def test_b1_wildcard_is_one_dual_socket(host, mode):
    """Catches: opening AF_INET as stock does; two sockets where one will do; IPV6_V6ONLY left
    on."""
    worker = host.worker(env=mode.env)
    sock = worker.socket("REP", mode=mode)
    assert sock.bind("tcp://*:5555") == "tcp://0.0.0.0:5555"
    assert host.open_on(5555) == ["*"]
    assert reach(worker, 5555, EVERYWHERE) == all_greet(EVERYWHERE)


@every_way("v6")
def test_b1_wildcard_in_v6_is_stocks_dual_socket(host, mode):
    """Catches: showing 0.0.0.0 to an app that asked for IPv6; an `off` that affects `v6`
    sockets."""
    worker = host.worker(env=mode.env)
    sock = worker.socket("REP", mode=mode)
    assert sock.bind("tcp://*:5555") == "tcp://[::]:5555"
    assert host.open_on(5555) == ["*"]
    assert reach(worker, 5555, EVERYWHERE) == all_greet(EVERYWHERE)


@every_way("v4")
def test_b1_wildcard_in_v4_is_ipv4_only(host, mode):
    """Catches: treating an explicit 0 as unset; losing the context's choice; ignoring `off`."""
    worker = host.worker(env=mode.env)
    sock = worker.socket("REP", mode=mode)
    assert sock.bind("tcp://*:5555") == "tcp://0.0.0.0:5555"
    assert host.open_on(5555) == ["0.0.0.0"]
    assert worker.do("tcp", host="::1", port=5555) == "ECONNREFUSED"


@modes("auto", "v6", "v6-ctx")
def test_b1_kernel_without_ipv6_gets_an_ipv4_socket(host, shim, mode):
    """Catches: failing with EAFNOSUPPORT instead of falling back to AF_INET."""
    worker = host.worker(env=mode.env, shim=shim("socket6=EAFNOSUPPORT"))
    sock = worker.socket("REP", mode=mode)
    assert sock.bind("tcp://*:5555") == "tcp://0.0.0.0:5555"
    assert host.open_on(5555) == ["0.0.0.0"]
    assert worker.do("tcp", host="10.0.0.1", port=5555) == "greeting"
    assert sock.bind("tcp://*:*").startswith("tcp://0.0.0.0:")


@pytest.mark.parametrize("refusal", ["EINVAL", "ENOPROTOOPT", "EPERM"])
@modes("auto", "v6")
def test_b1_system_without_dual_sockets_gets_two(host, shim, mode, refusal):
    """Catches: stock's errno_assert on IPV6_V6ONLY (an abort); one family only; a port for each
    family; a LAST_ENDPOINT that names the wrong one of the two."""
    worker = host.worker(shim=shim("v6only0=" + refusal))
    sock = worker.socket("REP", mode=mode, monitor=True)
    shown = "tcp://0.0.0.0:%s" if mode.kind == "auto" else "tcp://[::]:%s"
    assert sock.bind("tcp://*:5555") == shown % 5555
    assert host.open_on(5555) == ["0.0.0.0", "::"]
    assert reach(worker, 5555, EVERYWHERE) == all_greet(EVERYWHERE)
    port = port_of(sock.bind("tcp://*:*"))
    assert host.open_on(port) == ["0.0.0.0", "::"]
    assert len(host.listeners()) == 4
    sock.unbind("tcp://*:5555")
    assert host.open_on(5555) == []
    listening = [event for event in sock.close() if event[0] == "LISTENING"]
    assert [event[1] for event in listening] == [shown % 5555, shown % port]


def test_b1_two_sockets_share_a_free_port(host, shim):
    """Without dual-stack sockets, port `*` must be free on both families (B-4).  Catches: giving
    up, or keeping the first socket, when the port is taken in the second family."""
    host.sysctl("net.ipv4.ip_local_port_range", "40000 40015")
    other = host.worker("stock")
    other.do("occupy_many", id="x", host="0.0.0.0", ports=list(range(40000, 40016, 2)))
    worker = host.worker(shim=shim("v6only0=EINVAL"))
    for _ in range(20):
        sock = worker.socket("REP")
        port = port_of(sock.bind("tcp://*:*"))
        assert port % 2 == 1
        assert host.open_on(port) == ["0.0.0.0", "::"]
        sock.close()
        worker.do("term")


@pytest.mark.parametrize("taken", ["0.0.0.0", "::", "127.0.0.1", "::1"])
def test_b1_taken_port_is_eaddrinuse(host, taken):
    """Exception (a) of NOTES: also when only the IPv6 side is taken.  Catches: binding the other
    family alone; SO_REUSEPORT; a listener left behind."""
    worker = host.worker()
    worker.occupy(taken)
    sock = worker.socket("REP", monitor=True)
    assert sock.bind_rc("tcp://*:5555") == "EADDRINUSE"
    assert len(host.listeners(5555)) == 1
    assert [e for e in sock.close() if e[0] == "BIND_FAILED"] == [
        ["BIND_FAILED", "*:5555", "EADDRINUSE"]]


# ------------------------------------------------------------------ B-7


def no_ipv6_by_sysctl(lab):
    node = lab.node()
    for scope in ("all", "default", "lo"):
        node.sysctl("net.ipv6.conf.%s.disable_ipv6" % scope, 1)
    node.nic("eth0", "10.0.0.1/24")
    return node, ""


def no_ipv6_address(lab):
    node = lab.node()
    node.nic("eth0", "10.0.0.1/24")
    node.addr_del("lo", "::1/128")
    return node, ""


def no_ipv6_module(lab):
    node = no_ipv6_by_sysctl(lab)[0]
    return node, "socket6=EAFNOSUPPORT"


def no_ipv6_bind(lab):
    """Sandboxes that have AF_INET6 sockets, but no IPv6 address to bind them to."""
    node = no_ipv6_by_sysctl(lab)[0]
    return node, "bind6=EADDRNOTAVAIL"


@pytest.mark.parametrize("make", [no_ipv6_by_sysctl, no_ipv6_address, no_ipv6_module,
                                  no_ipv6_bind])
@modes("auto", "v4", "off")
def test_b7_host_without_ipv6_works_over_ipv4(lab, shim, make, mode):
    """Catches: a bind that insists on its IPv6 socket; an unbind that does not know the
    fallback."""
    node, rules = make(lab)
    worker = node.worker(env=mode.env, shim=shim(rules))
    sock = worker.socket("REP", mode=mode)
    for endpoint, shown, hosts in [
            ("tcp://*:5555", "tcp://0.0.0.0:5555", ["127.0.0.1", "10.0.0.1"]),
            ("tcp://eth0:5555", "tcp://10.0.0.1:5555", ["10.0.0.1"]),
            ("tcp://lo:5555", "tcp://127.0.0.1:5555", ["127.0.0.1"]),
            ("tcp://127.0.0.1:5555", "tcp://127.0.0.1:5555", ["127.0.0.1"]),
            ("tcp://0.0.0.0:5555", "tcp://0.0.0.0:5555", ["127.0.0.1", "10.0.0.1"])]:
        assert sock.bind(endpoint) == shown
        assert reach(worker, 5555, hosts) == all_greet(hosts)
        client = worker.socket("REQ", mode=mode)
        client.connect("tcp://%s:5555" % hosts[-1])
        client.send("hello")
        assert sock.recv() == {"parts": ["hello"], "peer": hosts[-1]}
        sock.send("there")
        assert client.recv()["parts"] == ["there"]
        client.close()
        sock.unbind(shown)
        assert node.open_on(5555) == []
    for endpoint in ("tcp://*:*", "tcp://eth0:*", "tcp://lo:0"):
        port = port_of(sock.bind(endpoint))
        assert worker.do("tcp", host=hosts_of(endpoint), port=port) == "greeting"


def hosts_of(endpoint):
    return "10.0.0.1" if "eth0" in endpoint else "127.0.0.1"


@pytest.mark.parametrize("make", [no_ipv6_by_sysctl, no_ipv6_address, no_ipv6_module,
                                  no_ipv6_bind])
def test_b7_numeric_ipv6_fails_cleanly_without_ipv6(lab, shim, make):
    """Catches: an abort; success without a socket; a listener left behind."""
    node, rules = make(lab)
    worker = node.worker(shim=shim(rules))
    sock = worker.socket("REP")
    # Stock gives ENODEV: the text cannot be an address of this host.
    result = sock.bind_rc("tcp://[2001:db8::1]:5555")
    assert result in ("ENODEV", "EADDRNOTAVAIL", "EAFNOSUPPORT")
    assert node.listeners() == []


@every_way("auto")
def test_b7_ipv6_switched_off_while_bound(host, mode):
    """Catches: a listener that ends when the addresses go; an unbind that needs them."""
    worker = host.worker()
    sock = worker.socket("REP", mode=mode)
    sock.bind("tcp://*:5555")
    sock.bind("tcp://eth0:5556")
    host.sysctl("net.ipv6.conf.all.disable_ipv6", 1)
    assert worker.do("tcp", host="10.0.0.1", port=5555) == "greeting"
    assert worker.do("tcp", host="10.0.0.1", port=5556) == "greeting"
    sock.unbind("tcp://*:5555")
    sock.unbind("tcp://eth0:5556")
    assert host.listeners() == []
    sock.bind("tcp://*:5555")
    assert worker.do("tcp", host="10.0.0.1", port=5555) == "greeting"
