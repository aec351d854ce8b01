# SPDX-License-Identifier: MPL-2.0
"""B-8: host names in bind follow what that version of libzmq allows: 4.3.4 takes none, and from
4.3.5 on a name is a socket for each family that it leads to."""
import time

import pytest
from conftest import modes

HOSTS = ("127.0.0.1 localhost both.test\n::1 localhost both.test\n127.0.0.1 four.test\n"
         "2001:db8::1 six.test\n192.0.2.9 foreign.test\nfe80::77 link.test\n")


@pytest.fixture
def named(lab):
    node = lab.node(etc={"hosts": HOSTS, "nsswitch.conf": "hosts: files dns\n",
                         "resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"})
    node.nic("eth0", "10.0.0.1/24", "2001:db8::1/64")
    return node


def allowed(worker):
    """Whether this version of libzmq looks names up in zmq_bind."""
    return worker.version >= (4, 3, 5)


# the name, and what listens in each mode where names are allowed
NAMES = {
    "both.test": {"auto": ["127.0.0.1", "::1"], "v6": ["::1"], "v4": ["127.0.0.1"],
                  "off": ["127.0.0.1"]},
    "four.test": {"auto": ["127.0.0.1"], "v6": ["::ffff:127.0.0.1"], "v4": ["127.0.0.1"],
                  "off": ["127.0.0.1"]},
    "six.test": {"auto": ["2001:db8::1"], "v6": ["2001:db8::1"], "v4": None, "off": None},
}


@pytest.mark.parametrize("name", sorted(NAMES))
@modes("auto", "v6", "v4", "off")
def test_b8_names_in_bind(named, mode, name):
    """Catches: a look-up in a version that makes none (an app would block in zmq_bind); an errno
    other than stock's; one family only where names are allowed."""
    worker = named.worker(env=mode.env)
    sock = worker.socket("REP", mode=mode)
    result = sock.bind_rc("tcp://%s:5555" % name)
    wanted = NAMES[name][mode.name] if allowed(worker) else None
    if wanted is None:
        assert result == "ENODEV"
        assert named.listeners() == []
    else:
        assert result == "ok"
        assert set(wanted) <= set(named.open_on(5555))
        sock.unbind("tcp://%s:5555" % name)
        assert named.listeners() == []


@modes("auto", "v6", "v4")
def test_b8_as_stock_of_the_same_version(named, mode):
    """Catches: taking a name that stock refuses, or refusing one that it takes."""
    for name in ("both.test", "four.test", "localhost", "foreign.test", "none.test", "a..b"):
        results = {}
        for lib in ("stock", "patched"):
            worker = named.worker(lib)
            results[lib] = worker.socket("REP", mode=mode).bind_rc("tcp://%s:5555" % name)
            worker.kill()
        assert results["patched"] in (results["stock"], "ok"), name
        if not allowed(named.worker()):
            assert results["patched"] == results["stock"], name


@modes("auto", "v6", "v4")
def test_b8_no_dns_where_names_are_not_allowed(named, shim, mode):
    """Catches: a look-up without AI_NUMERICHOST."""
    dns = named.nameserver({"dns.test": {"A": ["127.0.0.1"], "AAAA": ["::1"]}})
    worker = named.worker(shim=shim(""))
    sock = worker.socket("REP", mode=mode)
    result = sock.bind_rc("tcp://dns.test:5555")
    assert (result, dns.queries() == []) == (
        ("ok", False) if allowed(worker) else ("ENODEV", True))
    if not allowed(worker):
        assert worker.do("shim_counts")["lookup"] == 0


@pytest.mark.parametrize("entry, least, most", [
    ({"A": ["10.0.0.1"], "drop": ["AAAA"]}, 0, 700),
    ({"drop": ["A", "AAAA"]}, 700, 1900),
])
def test_b8_answers_that_never_come(named, entry, least, most):
    """A look-up gives up after a second, by resolv.conf.  Catches: waiting for AAAA where stock
    does not ask for it; one look-up after the other."""
    named.nameserver({"lost.test": entry})
    worker = named.worker()
    if not allowed(worker):
        least, most = 0, 700
    begin = time.monotonic()
    result = worker.socket("REP").bind_rc("tcp://lost.test:5555")
    assert least <= (time.monotonic() - begin) * 1000 < most
    assert result == ("ok" if allowed(worker) and "A" in entry else "ENODEV")


def test_b8_a_name_in_a_zone(named):
    """Catches: a link-local address that loses the zone of the endpoint."""
    named.addr("eth0", "fe80::77/64")
    for mode in ({"IPV6": 1}, {}):
        worker = named.worker()
        sock = worker.socket("REP", **mode)
        assert sock.bind_rc("tcp://link.test%eth0:5555") == (
            "ok" if allowed(worker) else "ENODEV")
        assert named.open_on(5555) == (["fe80::77%eth0"] if allowed(worker) else [])
        worker.kill()


def test_b8_mode_v6_with_aaaa_that_never_comes(named):
    """Catches: a bind that fails where stock goes on to IPv4."""
    named.nameserver({"lost.test": {"A": ["10.0.0.1"], "drop": ["AAAA"]}})
    results = {}
    for lib in ("stock", "patched"):
        worker = named.worker(lib)
        sock = worker.socket("REP", IPV6=1)
        results[lib] = sock.bind_rc("tcp://lost.test:5555"), sock.last_endpoint()
        worker.kill()
    assert results["patched"] == results["stock"]


@pytest.mark.parametrize("words, families", [
    ("", {"10.0.0.1"}), ("resolution-delay=2000", {"10.0.0.1", "2001:db8::1"})])
def test_b8_waits_as_the_settings_say(named, words, families):
    """Catches: a delay of the bind's own."""
    named.nameserver({"late.test": {"A": ["10.0.0.1"], "AAAA": ["2001:db8::1"],
                                    "delay": {"AAAA": 0.6}}})
    worker = named.worker(env={"ZMQ_DUALSTACK": words})
    result = worker.socket("REP").bind_rc("tcp://late.test:5555")
    assert result == ("ok" if allowed(worker) else "ENODEV")
    assert set(named.open_on(5555)) == (families if allowed(worker) else set())
