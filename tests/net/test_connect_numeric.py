# SPDX-License-Identifier: MPL-2.0
"""C-1: a numeric address is that address; there is no fallback and no look-up."""
import pytest
from conftest import modes
from lab import MODES
from street import CLIENT4, CLIENT6, PROMPT, SERVER4, SERVER6, WAITING, Street, tcp


@pytest.fixture
def street(lab):
    return Street(lab, client=(CLIENT4 + "/24", CLIENT6 + "/64", "fe80::2/64"))


@modes("auto", "v6")
def test_c1_each_family(street, mode):
    """Catches: an IPv6 literal that needs ZMQ_IPV6; an IPv4 literal that goes elsewhere; a
    look-up, or a delay, for a literal."""
    street.serve_both()
    sock = street.dial(WAITING, mode)
    shown4 = SERVER4 if mode.kind == "auto" else "::ffff:" + SERVER4
    for address, shown in ((SERVER6, SERVER6), (SERVER4, shown4)):
        got = sock.reach(tcp(address))
        assert (got.peer, got.ms < PROMPT) == (shown, True)
        sock.disconnect(tcp(address))
    assert street.dns.log() == []


@modes("auto", "v6")
@pytest.mark.parametrize("family", [4, 6])
def test_c1_no_fallback(street, mode, family):
    """Catches: trying the other address of the same machine for a literal."""
    street.serve(10 - family)
    sock = street.dial(mode=mode, RECONNECT_IVL=10)
    attempts = street.syns(10 - family)
    assert sock.misses(tcp(SERVER4 if family == 4 else SERVER6), timeout=0.5)
    assert attempts() == [0]
    assert street.dns.log() == []


@modes("v4", "off")
def test_c1_v4_refuses_ipv6(street, mode):
    """Catches: a literal that overrides the application's or the administrator's choice."""
    street.serve_both()
    attempts = street.syns(6)
    sock = street.dial(mode=mode, RECONNECT_IVL=10)
    assert sock.misses(tcp(SERVER6), timeout=0.5)
    assert sock.worker.socket("DEALER", mode=mode).reach(tcp(SERVER4)).peer == SERVER4
    assert attempts() == [0]


def test_c1_v4_in_brackets_of_ipv6(street):
    """Catches: an IPv6 socket for `[::ffff:a.b.c.d]` in auto, which the application would
    notice."""
    street.serve_both()
    assert street.dial().reach("tcp://[::ffff:%s]:5555" % SERVER4).peer == SERVER4


@pytest.mark.parametrize("by", ["name", "index"])
def test_c1_zones(street, by):
    """Catches: a zone that is lost, or that is not recognised by its number."""
    server = street.host.serve("tcp://[fe80::1%eth0]:5555", name="local", IPV6=1)
    index = street.client.run(["ip", "-o", "link", "show", "eth0"]).stdout.split(":")[0]
    zone = {"name": "eth0", "index": index}[by]
    got = street.dial().reach("tcp://[fe80::1%%%s]:5555" % zone)
    assert got.peer == "fe80::1%eth0"
    assert server.log()["messages"] == 1


def test_c1_server_that_starts_later(street):
    """Catches: a numeric race that ends for good."""
    sock = street.dial(RECONNECT_IVL=50)
    sock.connect(tcp(SERVER6))
    sock.events("CLOSED", "CONNECT_RETRIED")
    street.serve(6)
    assert sock.reach().peer == SERVER6


TEXTS = ["tcp://%s:5555" % host for host in [
    SERVER4, "[%s]" % SERVER4, "10.0.0.256", "10.0.0", "10.1", "0.0.0.0", "0", "*", "[*]",
    "[2001:db8::1]", "2001:db8::1", "[2001:db8::g]", "[1::2::3]", "[::]", "::", "[::1",
    "::1]", "[[::1]]", "[::1%lo]", "[fe80::1]", "[fe80::1%nosuch]", "[fe80::1%]", "[fe80::1%0]",
    "eth0", "nosuch0", "a b", "a_b", "-", "", "[]", "a..b", "\u00e9", "x" * 300, "a/b",
    "a,b", "a@b", "a%eth0", "a%nosuch",
    "10.0.0.2:0;10.0.0.1", "[2001:db8::2]:0;[2001:db8::1]", "eth0:0;10.0.0.1", "10.0.0.2;10.0.0.1",
    ";10.0.0.1", "10.0.0.2:0;", "10.0.0.2:x;10.0.0.1", "[::ffff:10.0.0.1]"]]
TEXTS += ["tcp://10.0.0.1:%s" % port for port in
          ["0", "*", "", "x", "65535", "65536", "70000", "-1", "5555x", " 5555", "99999999999"]]
TEXTS += ["tcp://10.0.0.1", "tcp://", "tcp://:5555", "tcp:10.0.0.1:5555", "TCP://10.0.0.1:5555",
          "tcp://[2001:db8::1]", "tcp://2001:db8::1", "tcp://10.0.0.1:5555/path", "10.0.0.1:5555"]


@pytest.mark.parametrize("name", ["auto", "v6", "v4"])
def test_c1_bad_texts_are_refused_as_by_stock(street, name):
    """Catches: a text that zmq_connect takes and stock refuses, or the other way round; another
    errno than stock's; a later abort on a text that it takes."""
    results = {}
    for lib in ("stock", "patched"):
        worker = street.client.worker(lib)
        results[lib] = []
        for text in TEXTS:
            sock = worker.socket("DEALER", mode=MODES[name], RECONNECT_IVL=1)
            results[lib].append((text, sock.connect_rc(text)))
        assert worker.do("time", steps=[{"op": "quit"}])["seconds"] < 10
    different = [pair for pair in zip(results["stock"], results["patched"])
                 if pair[0] != pair[1] and pair[1][1] != "ok"]
    assert different == []
    assert dict(results["patched"])["tcp://10.0.0.1:x"] == "EINVAL"
