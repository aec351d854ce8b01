# SPDX-License-Identifier: MPL-2.0
"""C-7, C-8, C-10 and C-15 in cases from operation: a client whose patience is shorter than the
delay, a network without IPv6, servers that move, sources of several scopes."""
import pytest
from conftest import modes
from lab import MODES, wait_until
from street import CLIENT4, CLIENT6, DUAL, HOLE4, HOLE6, PROMPT, SERVER4, SERVER6, Street

ULA_CLIENT, ULA_SERVER = "fd00::2", "fd00::1"


def named(name):
    return "tcp://%s:5555" % name


@pytest.fixture
def street(lab):
    return Street(lab)


# ------------------------------------------------------------------ C-8


@pytest.mark.parametrize("closes", [True, False])
def test_c8_patience_shorter_than_the_delay(street, closes):
    """A client that gives up before the delay is over, and tries again with a new socket, which may
    begin before the end of the first one is known.  Catches: forgetting a race that was cut short,
    or one that still runs; then no try gets through, or only the third."""
    street.serve(4)
    street.silent(6)
    worker = street.caller("attempt-delay=2000")
    first = worker.socket("DEALER")
    assert first.misses(DUAL, timeout=1.5)
    if closes:
        first.close()
    second = worker.socket("DEALER")
    assert second.reach(DUAL, timeout=1.9).peer == SERVER4


def test_c8_another_network_is_another_matter(street):
    """Catches: avoiding an address because it was a black hole on the last network."""
    street.serve_both()
    street.silent(6)
    worker = street.caller("attempt-delay=1000")
    assert worker.socket("DEALER").reach(DUAL).peer == SERVER4
    street.silent()
    street.client.addr("eth0", "10.77.0.1/24")
    assert worker.socket("DEALER").reach(DUAL).peer == SERVER6


# ------------------------------------------------------------------ C-15


def test_c15_many_names_on_a_network_without_ipv6(street):
    """Two names wait for the whole delay, the others for 100 ms, until the host's addresses
    change.  Catches: each name waiting for the whole delay."""
    street.serve_both()
    street.silent(6)
    for n in range(6):
        street.dns.set(**{"n%d_test" % n: {"A": [SERVER4], "AAAA": [SERVER6]}})
    worker = street.caller("attempt-delay=2000")
    took = [worker.socket("DEALER").reach(named("n%d.test" % n)).ms for n in range(4)]
    assert [ms > 1900 for ms in took] == [True, True, False, False]
    assert all(80 < ms < PROMPT for ms in took[2:])
    street.client.addr("eth0", "10.77.0.1/24")
    assert worker.socket("DEALER").reach(named("n4.test")).ms > 1900


def test_c15_ends_when_ipv6_connects(street):
    """Catches: the shorter delay staying in force although IPv6 works again."""
    street.serve_both()
    street.silent(6)
    for n in range(4):
        street.dns.set(**{"n%d_test" % n: {"A": [SERVER4], "AAAA": [SERVER6]}})
    worker = street.caller("attempt-delay=1000")
    for n in range(2):
        assert worker.socket("DEALER").reach(named("n%d.test" % n)).peer == SERVER4
    street.silent()
    assert worker.socket("DEALER").reach(named("n2.test")).peer == SERVER6
    street.silent(6)
    assert worker.socket("DEALER").reach(named("n3.test")).ms > 900


# ------------------------------------------------------------------ C-7


@pytest.mark.parametrize("records", [{"A": HOLE4[:1]}, {"A": HOLE4[:1], "AAAA": HOLE6[:1]}])
def test_c7_a_server_that_moved(street, records):
    """Its old addresses are silent.  Catches: the name not asked again before the kernel gives up,
    after 127 s."""
    street.serve(4)
    street.dns.set(dual_test=records)
    sock = street.dial("attempt-delay=100")
    sock.connect(DUAL)
    assert wait_until(lambda: len(street.dialled()) == sum(len(one) for one in records.values()))
    street.dns.set(dual_test={"A": [SERVER4]})
    assert sock.reach(timeout=30).peer == SERVER4


# ------------------------------------------------------------------ C-10


@pytest.mark.parametrize("mode", ["auto", "v6"])
@pytest.mark.parametrize("to,source", [
    (ULA_SERVER, ULA_CLIENT), ("fe80::1%eth0", "fe80::2%eth0"), (SERVER6, CLIENT6),
    (SERVER4, CLIENT4)])
def test_c10_source_of_the_same_scope(lab, mode, to, source):
    """The interface has a global, a unique-local and a link-local address.  Catches: the same
    source for every destination."""
    street = Street(lab, client=[CLIENT4 + "/24", CLIENT6 + "/64", ULA_CLIENT + "/64",
                                 "fe80::2/64"])
    street.server.addr("eth0", ULA_SERVER + "/64")
    street.serve(6 if ":" in to else 4, address=to)
    got = street.dial(mode=MODES[mode]).reach(
        "tcp://eth0:0;[%s]:5555" % to if ":" in to else "tcp://eth0:0;%s:5555" % to)
    assert got.source.replace("::ffff:", "") == source


# ------------------------------------------------------------------ C-2


def test_c2_local_name_without_ipv6_and_dead_dns(lab):
    """A name of this host that has no line with ::1.  Catches: DNS asked for the other family."""
    street = Street(lab, hosts="127.0.0.1 here.local\n",
                    zone={"here.local": {"drop": ["A", "AAAA"]}})
    street.client.worker("stock").serve("tcp://127.0.0.1:5555")
    assert street.dial().reach(named("here.local")).ms < PROMPT
    assert street.dns.log("here.local") == []


@modes("v6")
def test_c2_host_with_link_local_addresses_only(lab, mode):
    """A server on the link, named in the hosts file.  Catches: IPv6 not asked for where stock
    would."""
    street = Street(lab, client=["fe80::2/64"], hosts="fe80::1 near.test\n")
    street.host.serve("tcp://[fe80::1%eth0]:5555", name="near", IPV6=1)
    assert street.dial(mode=mode).reach("tcp://near.test%eth0:5555").who == "near"


@modes("auto", "v6")
def test_c2_hosts_file_with_a_mapped_address(lab, mode):
    """It is an IPv4 address.  Catches: ::ffff:10.0.0.1 as the peer's address where stock shows
    10.0.0.1."""
    street = Street(lab, hosts="::ffff:%s mapped.test\n" % SERVER4)
    street.serve(4)
    shown = street.dial(mode=mode).reach(named("mapped.test")).peer
    assert shown == ("::ffff:" * (mode.name == "v6")) + SERVER4
