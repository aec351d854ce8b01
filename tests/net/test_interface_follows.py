# SPDX-License-Identifier: MPL-2.0
"""B-12: a bind to an interface follows the interface's IPv6 addresses."""
import pytest
from conftest import modes
from lab import DEADLINE, wait_until

OLD, NEW = "2001:db8::1", "2001:db8:1::1"


@pytest.fixture
def node(lab):
    """eth0 has IPv4 and a link-local address, as before the router's advertisement."""
    one = lab.node("host")
    one.nic("eth0", "10.0.0.1/24", "fe80::1/64")
    return one


def becomes(node, *wanted, port=5555):
    wait_until(lambda: node.open_on(port) == sorted(wanted), DEADLINE)
    assert node.open_on(port) == sorted(wanted)


def kept(mode, address):
    """In mode v6 the IPv6 socket that ZMQ_LAST_ENDPOINT names stays open."""
    return [address] if mode.name == "v6" else []


def greets(worker, *hosts):
    for host in hosts:
        zone = "eth0" if host.startswith("fe80") else None
        assert worker.do("tcp", host=host, port=5555, zone=zone) == "greeting", host


@pytest.mark.parametrize("kind", ["tcp", "ws"])
@modes("auto", "v6")
def test_b12_bound_before_the_advertisement(node, mode, kind):
    """Catches: staying on the link-local address; another LAST_ENDPOINT; an event for the move."""
    worker = node.worker()
    sock = worker.socket("REP", mode=mode, monitor=True)
    sock.bind(kind + "://eth0:5555")
    last = sock.last_endpoint()
    assert node.open_on(5555) == ["10.0.0.1", "fe80::1%eth0"]
    node.addr("eth0", OLD + "/64")
    becomes(node, "10.0.0.1", OLD, *kept(mode, "fe80::1%eth0"))
    assert sock.last_endpoint() == last
    if kind == "tcp":
        greets(worker, "10.0.0.1", OLD)
        assert worker.do("tcp", host="fe80::1", port=5555, zone="eth0") \
            == ("greeting" if kept(mode, "fe80::1") else "ECONNREFUSED")
    names = [event[0] for event in sock.events("LISTENING")]
    assert names.count("LISTENING") == 1 and "CLOSED" not in names
    sock.unbind(last)
    assert node.listeners() == []


@modes("auto", "v6")
def test_b12_ipv6_comes_to_an_interface_that_has_ipv4_only(lab, mode):
    """Catches: moving an IPv6 socket, but never adding one."""
    node = lab.node()
    node.nic("eth0", "10.0.0.1/24")
    worker = node.worker()
    sock = worker.socket("REP", mode=mode)
    assert sock.bind("tcp://eth0:5555") == "tcp://10.0.0.1:5555"
    node.addr("eth0", OLD + "/64")
    becomes(node, "10.0.0.1", OLD)
    greets(worker, "10.0.0.1", OLD)
    sock.unbind("tcp://eth0:5555")
    assert node.listeners() == []


def test_b12_v4_does_not_follow(node):
    """Catches: IPv6 for a socket that does not want it; a descriptor without use."""
    worker = node.worker()
    sock = worker.socket("REP", IPV6=0)
    before = worker.do("fds")
    sock.bind("tcp://eth0:5555")
    node.addr("eth0", OLD + "/64")
    other = worker.socket("REP")
    other.bind("tcp://eth0:5556")
    becomes(node, "10.0.0.1", OLD, port=5556)
    assert node.open_on(5555) == ["10.0.0.1"]
    other.close()
    assert worker.do("fds_at_most", limit=before + 1) == before + 1


def test_b12_waits_for_duplicate_address_detection(node):
    """Catches: leaving an address that works for one that does not yet."""
    node.slow_dad("eth0", 1)
    worker = node.worker()
    sock = worker.socket("REP")
    sock.bind("tcp://eth0:5555")
    node.addr("eth0", OLD + "/64 dad")
    greets(worker, "fe80::1")
    becomes(node, "10.0.0.1", OLD)
    assert not [a for a in node.addresses("eth0") if a["local"] == OLD and a.get("tentative")]
    greets(worker, OLD)


@modes("auto", "v6")
def test_b12_renumbering(host, mode):
    """The old prefix is deprecated, then removed.  Catches: staying on an address that is about to
    go; ending its connections."""
    worker = host.worker()
    sock = worker.socket("REP", mode=mode)
    sock.bind("tcp://eth0:5555")
    client = worker.socket("REQ", ctx="client", IPV6=1)
    client.connect("tcp://[%s]:5555" % OLD)
    client.send("1")
    assert sock.recv()["parts"] == ["1"]
    host.addr("eth0", NEW + "/64")
    host.ip("addr change %s/64 dev eth0 preferred_lft 0" % OLD)
    becomes(host, "10.0.0.1", NEW, *kept(mode, OLD))
    greets(worker, *kept(mode, OLD))
    sock.send("2")
    assert client.recv()["parts"] == ["2"]
    host.addr_del("eth0", OLD + "/64")
    greets(worker, "10.0.0.1", NEW)
    assert host.open_on(5555) == sorted(["10.0.0.1", NEW] + kept(mode, OLD))


@modes("auto", "v6")
def test_b12_link_down_and_up(host, mode):
    """When the link goes down, the kernel removes IPv6 addresses.  Catches: a socket on an address
    that is gone; one that never comes back."""
    worker = host.worker()
    sock = worker.socket("REP", mode=mode)
    sock.bind("tcp://eth0:5555")
    for _ in range(3):
        host.ip("link set eth0 down")
        becomes(host, "10.0.0.1", *kept(mode, OLD))
        host.ip("link set eth0 up")
        host.addr("eth0", OLD + "/64")
        becomes(host, "10.0.0.1", OLD)
        greets(worker, "10.0.0.1", OLD)
    sock.unbind("tcp://eth0:5555")
    assert host.listeners() == []
    sock.bind("tcp://eth0:5555")
    assert host.open_on(5555) == ["10.0.0.1", OLD]


def test_b12_no_move_between_equals(host):
    """Catches: following the kernel's order, which puts the newest first."""
    sock = host.worker().socket("REP")
    sock.bind("tcp://eth0:5555")
    host.addr("eth0", NEW + "/64")
    other = host.worker().socket("REP")
    other.bind("tcp://eth0:5556")  # among equals, the kernel's first
    host.addr_del("eth0", OLD + "/64")
    becomes(host, "10.0.0.1", NEW)
    host.addr("eth0", OLD + "/64")
    host.addr_del("eth0", "10.0.0.1/24")
    host.addr("eth0", "fd00::7/64")
    assert host.open_on(5555) == ["10.0.0.1", NEW]


def test_b12_port_is_taken_on_the_new_address(node):
    """Catches: an abort; giving up the old address; never trying again."""
    worker, squatter = node.worker(), node.worker()
    sock = worker.socket("REP")
    sock.bind("tcp://eth0:5555")
    node.nic("eth1", OLD + "/64")
    squatter.do("occupy", id="x", host=OLD, port=5555)
    other = worker.socket("REP")
    other.bind("tcp://eth0:5556")
    node.addr("eth0", OLD + "/64")
    becomes(node, "10.0.0.1", OLD, port=5556)
    greets(worker, "fe80::1")
    squatter.do("release", id="x")
    node.addr("eth0", "2001:db8::2/64")
    wait_until(lambda: "fe80::1%eth0" not in node.open_on(5555), DEADLINE)
    assert node.open_on(5555) in (["10.0.0.1", OLD], ["10.0.0.1", "2001:db8::2"])


def test_b12_one_descriptor_for_a_context_and_none_without_an_interface(host):
    """Catches: a descriptor for each bind, or one that stays."""
    worker = host.worker()
    sock = worker.socket("REP")
    sock.bind("tcp://*:5555")
    sock.bind("tcp://127.0.0.1:5556")
    before = worker.do("fds")
    binds = ["tcp://eth0:%d" % port for port in range(5560, 5570)]
    for endpoint in binds:
        sock.bind(endpoint)
    # A socket for each family, and the one that watches.
    host.addr("eth0", NEW + "/64")
    host.addr_del("eth0", OLD + "/64")
    for number in range(10):
        becomes(host, "10.0.0.1", NEW, port=5560 + number)
    most = before + 2 * len(binds) + 1
    assert worker.do("fds_at_most", limit=most) == most
    for endpoint in binds:
        sock.unbind(endpoint)
    assert worker.do("fds_at_most", limit=before) == before
    host.addr_del("eth0", NEW + "/64")
    assert host.open_on(5555) == ["*"]


def test_b12_a_thousand_addresses(node):
    """More than the socket's buffer holds, so that messages are lost.  Catches: relying on every
    message; a wake-up or a list for each."""
    worker = node.worker()
    sock = worker.socket("REP")
    sock.bind("tcp://eth0:5555")
    node.addr("eth0", *["fd00::%x/64" % number for number in range(1, 1000)], OLD + "/64")
    becomes(node, "10.0.0.1", OLD)
    node.ip("addr flush dev eth0 scope global")
    becomes(node, "10.0.0.1", "fe80::1%eth0")
    node.addr("eth0", NEW + "/64")
    becomes(node, "10.0.0.1", NEW)


@pytest.mark.parametrize("end", ["unbind", "close", "term"])
def test_b12_ends_while_addresses_change(host, end):
    """Catches: a socket that outlives its bind; a port that is not free at once."""
    worker = host.worker()
    fds = worker.do("fds")
    for number in range(12):
        sock = worker.socket("REP")
        sock.bind("tcp://eth0:5555")
        host.addr_del("eth0", (NEW if number % 2 else OLD) + "/64")
        host.addr("eth0", (OLD if number % 2 else NEW) + "/64")
        if end == "unbind":
            sock.unbind("tcp://eth0:5555")
            assert host.listeners() == []
        sock.close()
        if end == "term":
            worker.do("term")
        wait_until(lambda: host.listeners() == [], DEADLINE)
    if end != "term":
        worker.do("term")
    assert host.listeners() == []
    assert worker.do("fds_at_most", limit=fds) <= fds


def test_b12_no_netlink(node, shim):
    """A sandbox that has no netlink.  Catches: a bind that fails; an abort."""
    worker = node.worker(shim=shim("watch=EPERM"))
    sock = worker.socket("REP")
    sock.bind("tcp://eth0:5555")
    node.addr("eth0", OLD + "/64")
    greets(worker, "10.0.0.1", "fe80::1")


@pytest.mark.parametrize("spare", [1, 2])
def test_b12_with_few_descriptors(node, spare):
    """Catches: addresses that seem to be gone because there was no descriptor to ask for their
    interface's name."""
    worker = node.worker()
    worker.socket("REP").bind("tcp://eth0:5555")
    becomes(node, "10.0.0.1", "fe80::1%eth0")
    worker.do("limit_fds", more=spare)
    node.addr("eth0", OLD + "/64")
    becomes(node, "10.0.0.1", OLD)
