# SPDX-License-Identifier: MPL-2.0
"""U-7, B-1 and B-11 for binds: sandboxes, many addresses, the administrator's 0.0.0.0."""
import pytest
from conftest import modes, not_under

REFUSALS = ["EPERM", "ENOSYS", "EACCES", "EINVAL", "ENOPROTOOPT"]


@pytest.mark.parametrize("error", REFUSALS)
@pytest.mark.parametrize("rules", ["v6only0={0};v6only1={0}", "socket6={0}", "bind6={0}"])
@modes("auto", "v6")
def test_b1_a_sandbox_that_refuses(host, shim, rules, error, mode):
    """What stock binds is bound.  Catches: relying on a list of errnos that sandboxes use."""
    worker = host.worker(shim=shim(rules.format(error)))
    sock = worker.socket("REP", mode=mode)
    assert sock.bind("tcp://*:5555") == "tcp://0.0.0.0:5555"
    assert host.open_on(5555) == ["0.0.0.0"]
    if mode.kind == "auto" and "bind" not in rules:
        sock.bind("tcp://eth0:5556")
        assert "10.0.0.1" in host.open_on(5556)


@pytest.mark.parametrize("error", ["EADDRINUSE", "EMFILE", "ENOBUFS"])
def test_b1_what_is_no_refusal(host, shim, error):
    """Catches: going on with IPv4 alone where another program has the port, or for lack of a
    descriptor."""
    sock = host.worker(shim=shim("bind6=" + error)).socket("REP")
    assert sock.bind_rc("tcp://*:5555") == error
    assert sock.bind_rc("tcp://eth0:5555") == error
    assert host.listeners() == []


def test_b1_a_sandbox_that_does_not_tell_the_port(host, shim):
    """Catches: failing where stock does not."""
    sock = host.worker(shim=shim("name=EPERM")).socket("REP")
    sock.bind_rc("tcp://*:5555")
    assert host.open_on(5555) == ["*"]


@pytest.mark.parametrize("bindv6only", [0, 1])
def test_b1_the_kernels_default_does_not_matter(host, bindv6only):
    """Catches: a wildcard that is IPv6 only."""
    host.sysctl("net.ipv6.bindv6only", bindv6only)
    host.worker().socket("REP").bind("tcp://*:5555")
    assert host.open_on(5555) == ["*"]


@pytest.mark.parametrize("endpoint,shown,listening", [
    ("tcp://0.0.0.0:5555", "tcp://0.0.0.0:5555", ["*"]),
    ("ws://0.0.0.0:5555/p", "ws://0.0.0.0:5555/p", ["*"]),
    ("tcp://127.0.0.1:5555", "tcp://127.0.0.1:5555", ["127.0.0.1"]),
    ("tcp://[::]:5555", "tcp://[::]:5555", ["::"])])
def test_b11_any(host, endpoint, shown, listening):
    """Catches: an `any` that affects more than 0.0.0.0; another LAST_ENDPOINT; a bind that cannot
    be undone."""
    sock = host.worker(env={"ZMQ_DUALSTACK": "any"}).socket("REP")
    assert sock.bind(endpoint) == shown
    assert host.open_on(5555) == listening
    sock.unbind(endpoint)
    assert host.listeners() == []


def test_b11_not_the_default(host):
    """Catches: opening an app's 0.0.0.0 to IPv6 unasked, or with `off`."""
    for env in ({}, {"ZMQ_DUALSTACK": "off,any"}):
        worker = host.worker(env=env)
        worker.socket("REP").bind("tcp://0.0.0.0:5555")
        assert host.open_on(5555) == ["0.0.0.0"]
        worker.kill()


@not_under("tsan", why="it measures time")
def test_b2_cost_of_two_thousand_addresses(lab):
    """About what stock takes.  Catches: searching the whole list for each address."""
    node = lab.node()
    node.nic("eth0", "10.0.0.1/24")
    node.addr("eth0", *["2001:db8:%x::1/64" % number for number in range(1, 2000)])
    took = {}
    for lib in ("stock", "patched"):
        sock = node.worker(lib).socket("REP")
        times = []
        for port in range(5560, 5575):
            times.append(sock.worker.do("time", steps=[
                {"op": "bind", "id": sock.name, "ep": "tcp://eth0:%d" % port}])["seconds"])
        took[lib] = min(times)
    assert took["patched"] < 4 * took["stock"] + 0.005, took
