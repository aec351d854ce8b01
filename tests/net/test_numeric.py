# SPDX-License-Identifier: MPL-2.0
"""B-3: address literals."""
import pytest
from conftest import every_way
from lab import MODES

# the endpoint's host, what listens in `auto`, and LAST_ENDPOINT's host in `auto`
LITERALS = [
    ("0.0.0.0", "0.0.0.0", "0.0.0.0"),
    ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
    ("10.0.0.1", "10.0.0.1", "10.0.0.1"),
    ("[127.0.0.1]", "127.0.0.1", "127.0.0.1"),
    ("127.1", "127.0.0.1", "127.0.0.1"),
    ("0x7f.0.0.1", "127.0.0.1", "127.0.0.1"),
    ("[::]", "::", "[::]"),
    ("::", "::", "[::]"),
    ("[0:0:0:0:0:0:0:0]", "::", "[::]"),
    ("[::1]", "::1", "[::1]"),
    ("::1", "::1", "[::1]"),
    ("0:0:0:0:0:0:0:1", "::1", "[::1]"),
    ("[2001:DB8::1]", "2001:db8::1", "[2001:db8::1]"),
    ("2001:db8::1", "2001:db8::1", "[2001:db8::1]"),
    ("[::ffff:127.0.0.1]", "127.0.0.1", "127.0.0.1"),
    ("::ffff:127.0.0.1", "127.0.0.1", "127.0.0.1"),
    ("[::FFFF:7f00:1]", "127.0.0.1", "127.0.0.1"),
    ("[::ffff:0.0.0.0]", "0.0.0.0", "0.0.0.0"),
    ("[fe80::1%eth0]", "fe80::1%eth0", "[fe80::1%eth0]"),
    ("fe80::1%eth0", "fe80::1%eth0", "[fe80::1%eth0]"),
]


@pytest.fixture
def host3(host):
    host.addr("eth0", "fe80::1/64")
    return host


def test_b3_literals_in_auto(host3):
    """Catches: the wildcard instead of the address; `[::]` that takes IPv4 as well; refusing a bare
    IPv6 literal; opening `::ffff:` as IPv6; another LAST_ENDPOINT."""
    worker = host3.worker()
    sock = worker.socket("REP")
    for literal, listens, shown in LITERALS:
        endpoint = "tcp://%s:5555" % literal
        assert (endpoint, sock.bind(endpoint)) == (endpoint, "tcp://%s:5555" % shown)
        assert (endpoint, host3.open_on(5555)) == (endpoint, [listens])
        sock.unbind(endpoint)
        assert host3.listeners() == []


def test_b3_zone_by_index(host3):
    """Catches: zones that are lost, or that are read as names only."""
    index = index_of(host3, "eth0")
    worker = host3.worker()
    sock = worker.socket("REP")
    for literal in ("[fe80::1%%%s]", "fe80::1%%%s"):
        assert sock.bind("tcp://%s:5555" % (literal % index)) == "tcp://[fe80::1%eth0]:5555"
        assert host3.open_on(5555) == ["fe80::1%eth0"]
        assert worker.do("tcp", host="fe80::1", zone="eth0", port=5555) == "greeting"
        sock.unbind("tcp://[fe80::1%eth0]:5555")


def index_of(node, nic):
    return node.run(["ip", "-o", "link", "show", nic]).stdout.split(":")[0]


@pytest.mark.parametrize("first,second", [("0.0.0.0", "[::]"), ("[::]", "0.0.0.0")])
@pytest.mark.parametrize("same_socket", [True, False])
def test_b3_both_numeric_wildcards_on_one_port(host, first, second, same_socket):
    """Catches: `[::]` without IPV6_V6ONLY in `auto` (EADDRINUSE on the second bind)."""
    worker = host.worker()
    one = worker.socket("REP")
    other = one if same_socket else worker.socket("REP")
    one.bind("tcp://%s:5555" % first)
    other.bind("tcp://%s:5555" % second)
    assert host.open_on(5555) == ["0.0.0.0", "::"]
    assert worker.do("tcp", host="127.0.0.1", port=5555) == "greeting"
    assert worker.do("tcp", host="::1", port=5555) == "greeting"
    one.unbind("tcp://%s:5555" % first)
    assert host.open_on(5555) == ["::" if first == "0.0.0.0" else "0.0.0.0"]
    other.unbind("tcp://%s:5555" % second)
    assert host.open_on(5555) == []


def test_b3_numeric_ipv6_wildcard_is_ipv6_only_in_auto(host):
    """Catches: clearing IPV6_V6ONLY on numeric binds, as stock does."""
    worker = host.worker()
    worker.socket("REP").bind("tcp://[::]:5555")
    assert worker.do("tcp", host="2001:db8::1", port=5555) == "greeting"
    assert worker.do("tcp", host="10.0.0.1", port=5555) == "ECONNREFUSED"


@every_way("v6")
def test_b3_numeric_ipv6_wildcard_is_dual_in_v6(host, mode):
    """As stock.  Catches: applying `auto`'s rule to an app that set ZMQ_IPV6=1."""
    worker = host.worker(env=mode.env)
    sock = worker.socket("REP", mode=mode)
    assert sock.bind("tcp://[::]:5555") == "tcp://[::]:5555"
    assert host.open_on(5555) == ["*"]
    assert worker.do("tcp", host="10.0.0.1", port=5555) == "greeting"
    assert sock.bind("tcp://127.0.0.1:5556") == "tcp://[::ffff:127.0.0.1]:5556"
    assert sock.bind("tcp://[::ffff:127.0.0.1]:5557") == "tcp://[::ffff:127.0.0.1]:5557"
    assert sock.bind("tcp://0.0.0.0:5558") == "tcp://[::ffff:0.0.0.0]:5558"


@every_way("v4")
def test_b3_ipv6_literals_in_v4_fail_as_stock(host, mode):
    """Catches: IPv6 for an app that switched it off."""
    sock = host.worker(env=mode.env).socket("REP", mode=mode)
    for literal in ("[::]", "::", "[::1]", "::1", "[2001:db8::1]"):
        assert (literal, sock.bind_rc("tcp://%s:5555" % literal)) == (literal, "ENODEV")
    assert host.listeners() == []
    # The C library reads this one as an IPv4 address.
    assert sock.bind("tcp://[::ffff:127.0.0.1]:5555") == "tcp://127.0.0.1:5555"
    assert host.open_on(5555) == ["127.0.0.1"]


def test_b3_numeric_reaches_only_that_address(host):
    """Catches: a numeric bind that opens a wildcard or the interface."""
    host.addr("eth0", "10.0.0.2/24", "2001:db8::2/64")
    worker = host.worker()
    sock = worker.socket("REP")
    sock.bind("tcp://10.0.0.1:5555")
    sock.bind("tcp://[2001:db8::1]:5555")
    answers = {address: worker.do("tcp", host=address, port=5555)
               for address in ("10.0.0.1", "10.0.0.2", "127.0.0.1", "2001:db8::1",
                               "2001:db8::2", "::1")}
    assert answers == {"10.0.0.1": "greeting", "10.0.0.2": "ECONNREFUSED",
                       "127.0.0.1": "ECONNREFUSED", "2001:db8::1": "greeting",
                       "2001:db8::2": "ECONNREFUSED", "::1": "ECONNREFUSED"}


@pytest.mark.parametrize("literal,failure", [
    ("10.0.0.99", "EADDRNOTAVAIL"), ("[2001:db8::99]", "EADDRNOTAVAIL"),
    ("[fe80::99%eth0]", "EADDRNOTAVAIL"), ("[fe80::1%lo]", "EADDRNOTAVAIL"),
    ("[fe80::1]", "EINVAL"), ("[fe80::1%nosuch]", "EINVAL"), ("[fe80::1%]", "EINVAL"),
    ("[2001:db8::g]", "ENODEV"), ("[1::2::3]", "ENODEV"), ("[::ffff:1.2.3.4.5]", "ENODEV"),
    ("256.0.0.1", "ENODEV"), ("[::ffff:10.0.0.99]", "EADDRNOTAVAIL"),
])
def test_b3_what_cannot_be_bound(host3, literal, failure):
    """The errno that stock gives in `v6` for the same text; `auto` may keep the one that stock
    gives in `auto` (ENODEV for all IPv6).  Catches: IPV6_FREEBIND for addresses that the host does
    not have; another errno."""
    for name, wanted in (("auto", {failure, "ENODEV"}), ("v6", {failure})):
        worker = host3.worker()
        sock = worker.socket("REP", mode=MODES[name])
        result = sock.bind_rc("tcp://%s:5555" % literal)
        assert (name, result in wanted, result) == (name, True, result)
        assert host3.listeners() == []
        worker.kill()
