# SPDX-License-Identifier: MPL-2.0
"""B-2: binding to an interface by name."""
import pytest
from conftest import every_way, modes
from lab import port_of


def zoned(address, nic):
    return "%s%%%s" % (address, nic) if address.startswith("fe80") else address


@every_way("auto", "v6", "v4")
def test_b2_interface_gets_one_socket_per_family(host, mode):
    """Catches: one family only; the wildcard instead of the address; LAST_ENDPOINT of the
    wrong family; `v6` without its IPv4 socket; `v4` or `off` with an IPv6 one."""
    host.nic("eth1", "10.1.0.1/24", "2001:db8:1::1/64")
    worker = host.worker(env=mode.env)
    sock = worker.socket("REP", mode=mode)
    shown = sock.bind("tcp://eth0:5555")
    assert shown == ("tcp://[2001:db8::1]:5555" if mode.kind == "v6" else "tcp://10.0.0.1:5555")
    both = ["10.0.0.1", "2001:db8::1"]
    assert host.open_on(5555) == (both[:1] if mode.kind == "v4" else both)
    for address in host.open_on(5555):
        assert worker.do("tcp", host=address, port=5555) == "greeting"
    for address in ("10.1.0.1", "2001:db8:1::1", "127.0.0.1", "::1"):
        assert worker.do("tcp", host=address, port=5555) == "ECONNREFUSED"


@modes("auto", "v6", "v4", "off")
def test_b2_loopback_interface(host, mode):
    """Catches: ::1 not counted as an address of `lo` because it is neither global, ULA nor
    link-local."""
    worker = host.worker(env=mode.env)
    sock = worker.socket("REP", mode=mode)
    shown = sock.bind("tcp://lo:5555")
    assert shown == ("tcp://[::1]:5555" if mode.kind == "v6" else "tcp://127.0.0.1:5555")
    assert host.open_on(5555) == (["127.0.0.1"] if mode.kind == "v4" else ["127.0.0.1", "::1"])


# The addresses of eth0, in the order in which they are added (the kernel lists the newest IPv6
# address first), and the IPv6 address that the bind must choose.
CHOICES = {
    "one-global": (["2001:db8::1/64"], "2001:db8::1"),
    "deprecated-is-newer": (["2001:db8::1/64", "2001:db8::2/64 preferred_lft 0"],
                            "2001:db8::1"),
    "deprecated-is-older": (["2001:db8::2/64 preferred_lft 0", "2001:db8::1/64"],
                            "2001:db8::1"),
    "deprecated-global-before-ula": (["2001:db8::1/64 preferred_lft 0", "fd00::1/64"],
                                     "2001:db8::1"),
    "ula-is-newer": (["2001:db8::1/64", "fd00::1/64"], "2001:db8::1"),
    "ula-is-older": (["fd00::1/64", "2001:db8::1/64"], "2001:db8::1"),
    "ula-fc": (["fe80::1/64", "fc00::1/64"], "fc00::1"),
    "ula-before-link-local": (["fd00::1/64", "fe80::1/64"], "fd00::1"),
    "global-before-link-local": (["2001:db8::1/64", "fe80::1/64"], "2001:db8::1"),
    "link-local-only": (["fe80::1/64"], "fe80::1"),
    "all-kinds": (["2001:db8::1/64", "2001:db8::2/64 preferred_lft 0", "fd00::1/64",
                   "fe80::1/64"], "2001:db8::1"),
    "deprecated-only": (["2001:db8::1/64 preferred_lft 0"], "2001:db8::1"),
}


@pytest.mark.parametrize("case", sorted(CHOICES))
@modes("auto", "v6")
def test_b2_choice_of_the_ipv6_address(lab, case, mode):
    """Catches: any change in the order of preference; a link-local bound without its scope
    id (EINVAL in stock); trusting the kernel's order."""
    addresses, chosen = CHOICES[case]
    node = lab.node()
    node.nic("eth0", "10.0.0.1/24", *addresses)
    worker = node.worker()
    sock = worker.socket("REP", mode=mode)
    shown = sock.bind("tcp://eth0:5555")
    expected = zoned(chosen, "eth0")
    assert node.open_on(5555) == ["10.0.0.1", expected]
    assert shown == ("tcp://10.0.0.1:5555" if mode.kind == "auto"
                     else "tcp://[%s]:5555" % expected)
    zone = "eth0" if chosen.startswith("fe80") else None
    assert worker.do("tcp", host=chosen, port=5555, zone=zone) == "greeting"


def test_b2_temporary_address_is_not_chosen(host):
    """Catches: taking the first address of the interface, which is the privacy one."""
    temporary = host.temporary("eth0", "2001:db8:5::1/64")
    order = [entry["local"] for entry in host.addresses("eth0")]
    assert order.index(temporary) < order.index("2001:db8:5::1")
    worker = host.worker()
    for opts in ({}, {"IPV6": 1}):
        sock = worker.socket("REP", **opts)
        sock.bind("tcp://eth0:5555")
        assert host.open_on(5555) == ["10.0.0.1", "2001:db8:5::1"]
        sock.close()
        worker.do("term")


def test_b2_temporary_is_better_than_unique_local(lab):
    """"Any global" comes before unique-local.  Catches: never using temporary ones."""
    node = lab.node()
    node.nic("eth0", "10.0.0.1/24", "fd00::1/64")
    temporary = node.temporary("eth0", "2001:db8:5::1/64")
    node.ip("addr change 2001:db8:5::1/64 dev eth0 preferred_lft 0")
    worker = node.worker()
    sock = worker.socket("REP")
    sock.bind("tcp://eth0:5555")
    first = [entry["local"] for entry in node.addresses("eth0")
             if entry["local"] in (temporary, "2001:db8:5::1")][0]
    assert node.open_on(5555) == ["10.0.0.1", first]


def test_b2_several_equals_take_the_kernels_first(lab):
    """As stock.  Catches: taking the last of equally good addresses."""
    node = lab.node()
    node.nic("eth0", "10.0.0.1/24", "10.0.0.2/24", "10.9.0.1/24", "2001:db8::1/64",
             "2001:db8::2/64", "2001:db8::3/64")
    listed = [entry["local"] for entry in node.addresses("eth0")]
    first4 = [one for one in listed if ":" not in one][0]
    first6 = [one for one in listed if ":" in one][0]
    worker = node.worker()
    for opts in ({}, {"IPV6": 1}):
        sock = worker.socket("REP", **opts)
        sock.bind("tcp://eth0:5555")
        assert node.open_on(5555) == [first4, first6]
        sock.close()
        worker.do("term")


@modes("auto", "v6", "v4", "off")
def test_b2_interface_with_ipv4_only(lab, mode):
    """In `v6` stock gives ENODEV.  Catches: insisting on IPv6."""
    node = lab.node()
    node.nic("eth0", "10.0.0.1/24")
    sock = node.worker(env=mode.env).socket("REP", mode=mode)
    assert sock.bind("tcp://eth0:5555") == "tcp://10.0.0.1:5555"
    assert node.open_on(5555) == ["10.0.0.1"]


@modes("auto", "v6", "v4", "off")
def test_b2_interface_with_ipv6_only(lab, mode):
    """In `auto` stock gives ENODEV.  Catches: insisting on IPv4; `v4` using IPv6."""
    node = lab.node()
    node.nic("eth0", "2001:db8::1/64")
    sock = node.worker(env=mode.env).socket("REP", mode=mode)
    if mode.kind == "v4":
        assert sock.bind_rc("tcp://eth0:5555") == "ENODEV"
        assert node.listeners() == []
        return
    assert sock.bind("tcp://eth0:5555") == "tcp://[2001:db8::1]:5555"
    assert node.open_on(5555) == ["2001:db8::1"]


@modes("auto", "v6")
def test_b2_interface_with_link_local_only(lab, mode):
    """Catches: a scope id that is lost (stock: EINVAL); a LAST_ENDPOINT that cannot be bound
    again."""
    node = lab.node()
    node.nic("eth0", "fe80::1/64")
    node.nic("eth1", "fe80::1/64")
    worker = node.worker(env=mode.env)
    first, second = worker.socket("REP", mode=mode), worker.socket("REP", mode=mode)
    assert first.bind("tcp://eth0:5555") == "tcp://[fe80::1%eth0]:5555"
    assert second.bind("tcp://eth1:5555") == "tcp://[fe80::1%eth1]:5555"
    assert node.open_on(5555) == ["fe80::1%eth0", "fe80::1%eth1"]
    assert worker.do("tcp", host="fe80::1", zone="eth0", port=5555) == "greeting"
    first.unbind("tcp://[fe80::1%eth0]:5555")
    first.bind("tcp://[fe80::1%eth0]:5555")
    assert node.open_on(5555) == ["fe80::1%eth0", "fe80::1%eth1"]


@modes("auto", "v6", "v4", "off")
def test_b2_no_address_or_no_interface_is_enodev(lab, mode):
    """Catches: binding the wildcard instead, another errno, an empty success."""
    node = lab.node()
    node.nic("eth0")
    sock = node.worker(env=mode.env).socket("REP", mode=mode, monitor=True)
    for name in ("eth0", "eth9", "no-such-interface-name-at-all"):
        assert sock.bind_rc("tcp://%s:5555" % name) == "ENODEV"
        assert sock.events("BIND_FAILED")[-1] == ["BIND_FAILED", name + ":5555", "ENODEV"]
    assert node.listeners() == []


@pytest.mark.parametrize("address", ["2001:db8::1/64 dad", "fe80::1/64 dad"])
@modes("auto", "v6")
def test_b2_tentative_address_answers_when_detection_ends(lab, address, mode):
    """Duplicate address detection still runs when the bind is made.
    Catches: EADDRNOTAVAIL; leaving the address out; a listener that never answers."""
    node = lab.node()
    node.nic("eth0", "10.0.0.1/24")
    node.slow_dad("eth0", 1.0)
    node.addr("eth0", address)
    plain = address.split("/")[0]
    worker = node.worker(env=mode.env)
    sock = worker.socket("REP", mode=mode)
    # To be sure of the test: detection runs before and after the bind.
    assert is_tentative(node, plain)
    shown = sock.bind("tcp://eth0:5555")
    assert is_tentative(node, plain)
    assert node.open_on(5555) == ["10.0.0.1", zoned(plain, "eth0")]
    assert shown == ("tcp://10.0.0.1:5555" if mode.kind == "auto"
                     else "tcp://[%s]:5555" % zoned(plain, "eth0"))
    assert worker.do("tcp", host="10.0.0.1", port=5555) == "greeting"
    node.wait_addr("eth0", lambda one: one["local"] == plain and not one.get("tentative"))
    zone = "eth0" if plain.startswith("fe80") else None
    assert worker.do("tcp", host=plain, port=5555, zone=zone) == "greeting"
    sock.unbind("tcp://eth0:5555")
    assert node.listeners() == []


def is_tentative(node, address):
    return any(one["local"] == address and one.get("tentative")
               for one in node.addresses("eth0"))


def test_b2_tentative_address_with_port_wildcard(lab):
    """Catches: the retries of B-4 mistaking a tentative address for a taken port."""
    node = lab.node()
    node.nic("eth0", "10.0.0.1/24")
    node.slow_dad("eth0", 30)
    node.addr("eth0", "2001:db8::1/64 dad")
    port = port_of(node.worker().socket("REP").bind("tcp://eth0:*"))
    assert node.open_on(port) == ["10.0.0.1", "2001:db8::1"]


@modes("auto", "v4", "off")
def test_b2_alias_label_is_its_own_ipv4_address(host, mode):
    """`eth0:1` names one labelled IPv4 address.  Catches: cutting the name at its colon; adding
    eth0's IPv6 address; choosing the alias for `eth0`."""
    host.addr("eth0", "10.0.0.7/24 label eth0:1")
    worker = host.worker(env=mode.env)
    sock = worker.socket("REP", mode=mode)
    assert sock.bind("tcp://eth0:1:5555") == "tcp://10.0.0.7:5555"
    assert host.open_on(5555) == ["10.0.0.7"]
    assert sock.bind("tcp://eth0:5556") == "tcp://10.0.0.1:5556"
    sock.unbind("tcp://eth0:1:5555")
    assert host.open_on(5555) == []


@modes("auto", "v4", "off")
def test_b2_labels_only(lab, mode):
    """Every IPv4 address has a label of its own, so that none goes by the name `eth0` (ENODEV with
    stock).  Catches: using an IPv4 address that does not have the name."""
    node = lab.node()
    node.nic("eth0", "10.0.0.7/24 label eth0:1")
    sock = node.worker(env=mode.env).socket("REP", mode=mode)
    assert sock.bind_rc("tcp://eth0:5555") == "ENODEV"
    node.addr("eth0", "2001:db8::1/64")
    if mode.kind == "auto":
        assert sock.bind("tcp://eth0:5555") == "tcp://[2001:db8::1]:5555"
        assert node.open_on(5555) == ["2001:db8::1"]


def test_b2_interface_that_is_down_behaves_as_stock(lab):
    """Catches: an errno that stock does not give; half a bind left open."""
    node = lab.node()
    node.nic("eth0", "10.0.0.1/24", "2001:db8::1/64")
    node.ip("link set eth0 down")
    results = []
    for lib in ("stock", "patched"):
        worker = node.worker(lib)
        sock = worker.socket("REP")
        results.append(sock.bind_rc("tcp://eth0:5555"))
        if results[-1] != "ok":
            assert node.listeners() == []
        worker.kill()
    assert results[0] == results[1] or results[1] == "ok"


@pytest.mark.parametrize("name", ["eth0.100", "wan-1_a", "10", "127.0.0.1", "localhost",
                                  "ABCDEFGHIJKLMNO", "n\u00e4t", "e@x"])
def test_b2_odd_interface_names(lab, name):
    """Names come first, then literals, as with stock.  Catches: a parser that is stricter than the
    kernel's."""
    node = lab.node()
    node.nic("eth0", "10.0.0.1/24", "2001:db8::1/64")
    node.ip("link set eth0 down", "link set eth0 name %s" % name)
    node.quiet_up(name)
    node.addr(name, "2001:db8::1/64")
    sock = node.worker().socket("REP")
    assert sock.bind("tcp://%s:5555" % name) == "tcp://10.0.0.1:5555"
    assert node.open_on(5555) == ["10.0.0.1", "2001:db8::1"]
    sock.unbind("tcp://%s:5555" % name)
    assert node.listeners() == []


def test_b2_many_addresses(lab):
    """Catches: a fixed table of interface addresses that is too short."""
    node = lab.node()
    lots = ["2001:db8:0:%x::1/64 preferred_lft 0" % number for number in range(1, 150)]
    node.nic("eth0", "10.0.0.1/24", "2001:db8::1/64", *lots)
    for number in range(40):
        node.nic("more%d" % number, "10.1.%d.1/24" % number, "fd00:%x::1/64" % number)
    node.nic("last", "10.2.0.1/24", "2001:db8:ffff::1/64")
    sock = node.worker().socket("REP")
    sock.bind("tcp://eth0:5555")
    assert node.open_on(5555) == ["10.0.0.1", "2001:db8::1"]
    sock.bind("tcp://last:5556")
    assert node.open_on(5556) == ["10.2.0.1", "2001:db8:ffff::1"]


@pytest.mark.parametrize("failure", ["EINVAL", "EOPNOTSUPP"])
def test_b2_no_list_of_interfaces(host, shim, failure):
    """getifaddrs fails in the ways that stock takes for "no interface of that name".
    Catches: an abort; an errno other than ENODEV; numeric binds that need the list."""
    worker = host.worker(shim=shim("getifaddrs=" + failure))
    sock = worker.socket("REP")
    assert sock.bind_rc("tcp://eth0:5555") == "ENODEV"
    assert sock.bind("tcp://10.0.0.1:5555") == "tcp://10.0.0.1:5555"
    assert sock.bind("tcp://*:5556") == "tcp://0.0.0.0:5556"
    assert host.open_on(5556) == ["*"]


def test_b2_list_of_interfaces_that_fails_once(host, shim):
    """Stock tries again after ECONNREFUSED.  Catches: giving up at once."""
    worker = host.worker(shim=shim("getifaddrs@1=ECONNREFUSED"))
    sock = worker.socket("REP")
    assert sock.bind("tcp://eth0:5555") == "tcp://10.0.0.1:5555"
    assert host.open_on(5555) == ["10.0.0.1", "2001:db8::1"]


@pytest.mark.parametrize("failure", ["ENOMEM", "EMFILE", "ENOBUFS", "ECONNREFUSED"])
def test_b2_list_of_interfaces_that_fails_never_aborts(host, shim, failure):
    """Stock aborts the process (errno_assert).  Catches: keeping that assertion."""
    worker = host.worker(shim=shim("getifaddrs=" + failure))
    sock = worker.socket("REP")
    assert sock.bind_rc("tcp://eth0:5555") not in ("ok",)
    assert host.listeners() == []
    assert sock.bind("tcp://*:5555") == "tcp://0.0.0.0:5555"
