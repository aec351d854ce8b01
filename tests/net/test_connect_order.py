# SPDX-License-Identifier: MPL-2.0
"""C-3 and C-10: which addresses of a name are tried, in which order, from which source."""
import pytest
from conftest import modes
from lab import MODES, wait_until
from street import CLIENT4, CLIENT6, DUAL, FAR4, FAR6, HOLE6, PROMPT, SERVER4, SERVER6, WAITING, \
    Street, tcp

ULA = "fd00::2/64"


@pytest.fixture
def street(lab):
    return Street(lab)


# ------------------------------------------------------------------ C-3


@modes("auto", "v6", "v6-ctx")
def test_c3_ipv6_first(street, mode):
    """Catches: IPv4 tried although IPv6 works."""
    street.serve_both()
    attempts = street.syns(6, 4)
    assert street.dial(mode=mode).reach(DUAL).peer == SERVER6
    assert attempts() == [1, 0]


@modes("v4", "off", "v4-over-ctx")
def test_c3_v4_tries_every_a(street, mode):
    """Stock takes the first record only.  Catches: v4 left out of the race."""
    street.serve_both()
    street.dns.set(dual_test={"AAAA": [SERVER6], "A": FAR4[:2] + [SERVER4] + FAR4[2:4]})
    street.faults("ip daddr %s tcp dport 5555 drop" % street.lookup("dual.test", 2)[0])
    attempts = street.syns(6)
    street.serve(4, address=FAR4[3])
    got = street.dial(mode=mode).reach(DUAL)
    assert got.ms < 3000 and got.peer in (SERVER4, FAR4[3])
    assert attempts() == [0]


def test_c3_families_alternate(street):
    """Three silent IPv6 addresses, one good IPv4 one.  Catches: trying all of IPv6 first."""
    street.serve(4)
    street.silent(6)
    street.dns.set(dual_test={"AAAA": FAR6[:3], "A": [SERVER4]})
    got = street.dial("attempt-delay=600").reach(DUAL)
    assert got.peer == SERVER4
    assert 500 < got.ms < 1700


@pytest.mark.parametrize("family", [4, 6])
def test_c3_order_of_the_resolver(street, family):
    """Catches: addresses sorted by number, or taken from the end."""
    near, far = (SERVER4, FAR4) if family == 4 else (SERVER6, FAR6)
    records = [far[2], far[0], near, far[1]]
    street.dns.set(dual_test={"A" if family == 4 else "AAAA": records})
    street.silent(family)
    street.dial("attempt-delay=1000").connect(DUAL)
    assert order_of_attempts(street, 4) == [near, far[2], far[0], far[1]]


def order_of_attempts(street, count):
    seen = []

    def look():
        seen.extend(one.peer[0] for one in street.dialled() if one.peer[0] not in seen)
        return len(seen) >= count
    wait_until(look)
    return seen


def test_c3_duplicates(street):
    """Catches: the same address tried twice, at the cost of a delay each."""
    street.silent(6)
    street.dns.set(dual_test={"AAAA": FAR6[:1] * 4 + FAR6[1:2] * 4})
    street.dial("attempt-delay=50").connect(DUAL)
    assert wait_until(lambda: len(street.dialled()) == 2)
    assert wait_until(lambda: len(street.dialled()) != 2, timeout=0.5) is False


@pytest.mark.parametrize("client,target", [
    ([CLIENT4 + "/24", ULA], SERVER6),           # a ULA-only host and a global destination
    ([CLIENT4 + "/24", CLIENT6 + "/64"], "2002:a00:1::1"),  # 6to4 from a native address
    ([CLIENT4 + "/24", CLIENT6 + "/64"], "2001:0:1::1"),    # Teredo
    ([CLIENT4 + "/24", CLIENT6 + "/64"], "fd00::1")])       # the other way round
def test_c3_source_of_another_label_goes_last(lab, client, target):
    """RFC 6724 rule 5.  Catches: IPv6 first in any case, which costs a delay on every connect where
    IPv6 leads nowhere; leaving the address out instead of putting it last."""
    street = Street(lab, client=client)
    street.server.addr("eth0", "fd00::1/64", "2002:a00:1::1/64", "2001:0:1::1/64")
    street.server.ip("route add ::/0 dev eth0")
    street.dns.set(dual_test={"AAAA": [target], "A": [SERVER4]})
    street.serve(4)
    street.serve(6, address=target)
    got = street.dial(WAITING).reach(DUAL)
    assert (got.peer, got.ms < PROMPT) == (SERVER4, True)
    street.silent(4)
    assert street.dial().reach(DUAL).peer == target


def test_c3_ula_to_ula_is_ipv6_first(lab):
    """Catches: putting unique-local addresses last even where the source is one, too."""
    street = Street(lab, client=[CLIENT4 + "/24", ULA])
    street.server.addr("eth0", "fd00::1/64")
    street.serve(4)
    street.serve(6, address="fd00::1")
    street.dns.set(dual_test={"AAAA": ["fd00::1"], "A": [SERVER4]})
    assert street.dial().reach(DUAL).peer == "fd00::1"


def test_c3_no_route(street):
    """No source address at all.  Catches: IPv6 first in any case."""
    street.client.ip("route del ::/0")
    street.serve(4)
    street.dns.set(dual_test={"AAAA": HOLE6[:2], "A": [SERVER4]})
    got = street.dial(WAITING).reach(DUAL)
    assert (got.peer, got.ms < PROMPT) == (SERVER4, True)


@modes("auto", "v6")
def test_c3_zone_after_a_name(lab, mode):
    """`link.test%eth0` leads to a link-local address.  Catches: a zone that is sent to DNS with the
    name, or lost."""
    street = Street(lab, client=[CLIENT4 + "/24", CLIENT6 + "/64", "fe80::2/64"])
    street.dns.set(link_test={"AAAA": ["fe80::1"]})
    server = street.host.serve("tcp://[fe80::1%eth0]:5555", name="local", IPV6=1)
    assert street.dial(mode=mode).reach("tcp://link.test%eth0:5555").peer == "fe80::1%eth0"
    assert server.log()["messages"] == 1


# ------------------------------------------------------------------ C-10

SECOND4, SECOND6 = "10.0.0.22", "2001:db8::22"


@pytest.fixture
def wide(lab):
    """A client with two addresses of each family; the system does not choose the second ones by
    itself."""
    street = Street(lab, client=[CLIENT4 + "/24", CLIENT6 + "/64"])
    street.client.addr("eth0", SECOND4 + "/24", SECOND6 + "/64 preferred_lft 0")
    street.serve_both()
    return street


@pytest.mark.parametrize("source,peer,shown", [
    (SECOND4 + ":0", SERVER4, SECOND4), ("[%s]:0" % SECOND6, SERVER6, SECOND6),
    (SECOND4 + ":40404", SERVER4, SECOND4), ("[%s]:40406" % SECOND6, SERVER6, SECOND6),
    ("eth0:0", SERVER6, CLIENT6)])
def test_c10_source(wide, source, peer, shown):
    """Catches: a source of one family that is bound for an attempt of the other, or not bound at
    all; a port that is lost."""
    sock = wide.dial(WAITING)
    got = sock.reach("tcp://%s;dual.test:5555" % source)
    assert (got.peer, got.source, got.ms < PROMPT) == (peer, shown, True)
    port = int(source.rsplit(":", 1)[1])
    assert not port or wide.dialled()[0].local[1] == port


@pytest.mark.parametrize("mode,source,peer,shown", [
    ("auto", SECOND4 + ":0", SERVER4, SECOND4), ("auto", "[%s]:0" % SECOND6, SERVER6, SECOND6),
    ("auto", "eth0:0", SERVER4, CLIENT4), ("auto", "eth0:0", SERVER6, CLIENT6),
    ("v6", SECOND4 + ":0", SERVER4, SECOND4), ("v6", "[%s]:0" % SECOND6, SERVER6, SECOND6),
    ("v6", "eth0:0", SERVER4, CLIENT4), ("v6", "eth0:0", SERVER6, CLIENT6),
    ("v4", SECOND4 + ":0", SERVER4, SECOND4), ("v4", "eth0:0", SERVER4, CLIENT4)])
def test_c10_numeric(wide, mode, source, peer, shown):
    """Catches: numeric sources for numeric destinations broken by the code for names; a source that
    is not mapped for the IPv6 sockets of mode v6."""
    sock = wide.dial(WAITING, MODES[mode])
    got = sock.reach("tcp://%s;%s" % (source, tcp(peer)[len("tcp://"):]))
    mapped = "::ffff:" if mode == "v6" and peer == SERVER4 else ""
    assert (got.peer, got.source) == (mapped + peer, shown)


def test_c10_source_of_one_family_has_no_fallback(wide):
    """Catches: trying the other family without the source that the application asked for."""
    wide.silent(4)
    attempts = wide.syns(6)
    assert wide.dial(RECONNECT_IVL=10).misses("tcp://%s:0;dual.test:5555" % SECOND4, timeout=0.7)
    assert attempts() == [0]


def test_c10_interface_of_both_families_falls_back(wide):
    """Catches: using only the first address of the interface."""
    wide.silent(6)
    got = wide.dial().reach("tcp://eth0:0;dual.test:5555")
    assert (got.peer, got.source) == (SERVER4, CLIENT4)


def test_c10_one_port_for_all_attempts(wide):
    """Catches: attempts that take the source port from each other."""
    near = "10.0.0.3"
    wide.server.addr("eth0", near + "/24")
    wide.faults("ip daddr %s tcp dport 5555 drop" % near)
    wide.dns.set(dual_test={"A": [near, SERVER4]})
    assert wide.lookup("dual.test", 2)[0] == near
    got = wide.dial("attempt-delay=50").reach("tcp://%s:40404;dual.test:5555" % SECOND4)
    assert (got.peer, got.source, got.ms < 3000) == (SERVER4, SECOND4, True)


def test_c10_interface_of_one_family(lab):
    """Catches: IPv6 candidates for an interface without IPv6, each costing a delay."""
    street = Street(lab)
    street.serve_both()
    street.client.nic("eth7", "10.7.0.1/24")
    street.server.ip("route add 10.7.0.0/24 dev eth0")
    street.client.sysctl("net.ipv4.conf.all.arp_ignore", 0)
    got = street.dial(WAITING).reach("tcp://eth7:0;dual.test:5555")
    assert (got.peer, got.source, got.ms < PROMPT) == (SERVER4, "10.7.0.1", True)


@pytest.mark.parametrize("source", ["nosuch0:0", "10.9.9.9:0", "[2001:db8:9::9]:0"])
def test_c10_bad_source(wide, source):
    """Catches: connecting without the source when that cannot be had; a hot loop; an abort."""
    attempts = wide.syns(4, 6)
    sock = wide.dial(RECONNECT_IVL=10)
    assert sock.misses("tcp://%s;dual.test:5555" % source, timeout=0.5)
    assert attempts() == [0, 0]
    assert len(sock.events()) < 400


def test_c10_source_that_comes_later(wide):
    """Catches: giving up for good."""
    sock = wide.dial(RECONNECT_IVL=50)
    sock.connect("tcp://10.0.0.33:0;dual.test:5555")
    sock.events("CONNECT_RETRIED")
    wide.client.addr("eth0", "10.0.0.33/24")
    assert sock.reach().source == "10.0.0.33"
