# SPDX-License-Identifier: MPL-2.0
"""C-8 and C-9: what a context remembers of addresses, and wrong servers."""
import re
import time

import pytest
from conftest import modes
from lab import wait_until
from street import DUAL, FAR6, PROMPT, SERVER4, SERVER6, Street, plain_street, tcp

# The delay is long, so that waiting for it cannot be mistaken for a busy machine.
DELAY = "attempt-delay=2000"


@pytest.fixture
def street(lab):
    return Street(lab)


def paid(got):
    return got.ms > 1800


def back(sock, servant):
    """ms from the loss of the connection to the next handshake."""
    events = sock.watch("DISCONNECTED", "HANDSHAKE_SUCCEEDED")
    assert servant.kick() > 0
    seen = {event.name: event.ms for event in events()}
    return seen["HANDSHAKE_SUCCEEDED"] - seen["DISCONNECTED"]


# ------------------------------------------------------------------ C-8


@modes("auto", "v6")
def test_c8_reconnect_pays_no_second_time(street, mode):
    """Catches: remembering nothing, or only until the next reconnect."""
    four = street.serve(4)
    street.silent(6)
    sock = street.dial(DELAY, mode, RECONNECT_IVL=10)
    assert paid(sock.reach(DUAL))
    assert back(sock, four) < PROMPT
    assert back(sock, four) < PROMPT
    assert sock.reach().peer in (SERVER4, "::ffff:" + SERVER4)


def test_c8_reconnect_pays_nothing_for_errors_either(street):
    """Catches: a reconnect that begins with the address that was refused."""
    four = street.serve(4)
    sock = street.dial(RECONNECT_IVL=10)
    assert sock.reach(DUAL).peer == SERVER4
    assert back(sock, four) < PROMPT
    assert sock.reach().peer == SERVER4


def test_c8_reconnect_waits_for_no_answer_either(street):
    """The AAAA answer is lost.  Catches: the Resolution Delay paid at each reconnect."""
    four = street.serve(4)
    street.dns.set(dual_test={"A": [SERVER4], "drop": ["AAAA"]})
    sock = street.dial("resolution-delay=2000", RECONNECT_IVL=10)
    assert paid(sock.reach(DUAL))
    assert back(sock, four) < PROMPT
    assert sock.reach().peer == SERVER4


def test_c8_whom_it_is_shared_with(street):
    """With sockets of the same context, but not with other contexts, ports or source addresses.
    Catches: what is remembered kept by the socket, or by the process, or by the host alone."""
    street.serve(4)
    street.serve(4, port=5556)
    street.silent(6)
    worker = street.caller(DELAY)
    worker.context(name="other")
    assert paid(worker.socket("DEALER").reach(DUAL))
    assert not paid(worker.socket("DEALER").reach(DUAL))
    assert paid(worker.socket("DEALER", ctx="other").reach(DUAL))
    assert paid(worker.socket("DEALER").reach("tcp://dual.test:5556"))
    assert paid(worker.socket("DEALER").reach("tcp://eth0:0;dual.test:5555"))
    assert paid(worker.socket("DEALER", BINDTODEVICE="eth0").reach(DUAL))
    assert not paid(worker.socket("DEALER").reach(DUAL))


def test_c8_shared_with_no_proxy(street):
    """What was learnt of an address as a proxy holds for proxies only.  Catches: a key without the
    purpose."""
    street.host.must("socks", id="p4", host=SERVER4, port=5557)
    street.serve(4)
    street.silent(6)
    worker = street.caller(DELAY)
    for pays in (True, False):
        sock = worker.socket("DEALER", SOCKS_PROXY="dual.test:5557")
        assert paid(sock.reach(tcp(SERVER4))) is pays
    sock = worker.socket("DEALER", monitor=True)
    sock.connect("tcp://dual.test:5557")
    assert sock.timeline("CONNECTED")[-1].ms > 1300  # of 2000


def test_c8_forgotten_when_all_fail(street):
    """The server restarts on both families.  Catches: an old failure of one address that still
    counts after a failure of all, which says nothing about the addresses."""
    four = street.serve(4)
    street.silent(6)
    worker = street.caller()
    sock = worker.socket("DEALER", monitor=True, RECONNECT_IVL=10)
    assert sock.reach(DUAL).peer == SERVER4
    street.silent()
    events = sock.watch("DISCONNECTED", "CLOSED")
    four.stop()
    events()
    sock.disconnect(DUAL)
    street.serve_both()
    assert worker.socket("DEALER").reach(DUAL).peer == SERVER6


@pytest.mark.parametrize("when", ["connect", "late"])
def test_c8_a_look_that_fails_changes_nothing(street, dialshim, when):
    """IPv6 fails in another way, and is silent again.  Catches: a probe that takes any end for a
    success."""
    four = street.serve(4)
    street.silent(6)
    # If IPv4 connected before the AAAA answer was there, nothing would be left to probe.
    street.dns.set(dual_test={"A": [SERVER4], "AAAA": [SERVER6], "delay": {"A": 0.05}})
    worker = street.caller(DELAY, shim=dialshim)
    sock = worker.socket("DEALER", monitor=True, RECONNECT_IVL=10)
    assert paid(sock.reach(DUAL))
    street.silent()
    worker.must("dial_shim", rule="%s6=ENETDOWN" % when)
    assert back(sock, four) < PROMPT
    assert wait_until(lambda: worker.do("dial_shim_hits") == 1)
    assert wait_until(lambda: len(street.dialled()) == 1)
    street.silent(6)
    worker.must("dial_shim", rule="")
    assert back(sock, four) < PROMPT


def test_c8_ipv6_heals(street):
    """Catches: IPv4 for ever, or for ten minutes, because of one bad moment; a probe of IPv6 that
    stays open."""
    servants = street.serve_both()
    street.silent(6)
    sock = street.dial(RECONNECT_IVL=10)
    assert sock.reach(DUAL).peer == SERVER4
    street.silent()
    end = time.monotonic() + 20
    peer = SERVER4
    while peer != SERVER6 and time.monotonic() < end:
        with_four = street.client.connections(5555, "ESTABLISHED")
        back(sock, servants[0] if with_four[0].peer[0] == SERVER4 else servants[1])
        peer = sock.reach().peer
        time.sleep(0.3)
    assert peer == SERVER6
    assert wait_until(lambda: len(street.dialled()) == 1)


def test_c8_a_silent_address_is_not_asked_without_end(street):
    """Catches: a probe with each reconnect; one that lasts as long as the kernel's patience."""
    four = street.serve(4)
    street.silent(6)
    # If IPv4 connected before the AAAA answer was there, nothing would be left to probe.
    street.dns.set(dual_test={"A": [SERVER4], "AAAA": [SERVER6], "delay": {"A": 0.05}})
    sock = street.dial("attempt-delay=100", RECONNECT_IVL=10)
    sock.reach(DUAL)
    attempts = street.syns(6)
    for _ in range(10):
        back(sock, four)
    assert 1 <= attempts()[0] <= 4
    assert wait_until(lambda: len(street.dialled()) == 1, timeout=15)


@pytest.mark.parametrize("kind", ["slow", "half-a-signature"])
def test_c8_a_look_wants_what_a_race_wants(lab, kind):
    """IPv6 connects and greets, but later than a race waits; or it begins to greet, and no more.
    Catches: an address that is well for the look and loses the race, and so is paid for with every
    second connection."""
    street = plain_street(lab, slow=True)
    street.serve(4)
    if kind == "slow":
        street.serve(6)
        street.bridge.set(delay6=0.7)
    else:
        street.host.wrong_server(SERVER6, hex="ff00000000", stays=True)
    path = lab.path("trace")
    worker = street.caller("attempt-delay=1000,trace=%s" % path)
    assert worker.socket("DEALER").reach(DUAL).ms > 900
    assert worker.socket("DEALER").reach(DUAL).ms < 900

    def looked():
        with open(path) as trace:
            return re.search(r": \[\S+ (works again|still does not work)$", trace.read(), re.M)
    assert wait_until(lambda: looked())
    assert worker.socket("DEALER").reach(DUAL).ms < 900


@pytest.mark.parametrize("way", ["close", "disconnect"])
@pytest.mark.parametrize("patience", [0.7, 1.5])
def test_c8_a_client_that_gives_up_before_the_handshake(lab, way, patience):
    """IPv6 connects after 0.6 s, greets after 1.2 and completes the handshake after 1.8, and the
    client waits for less; IPv4 is quick.  Catches: a race that IPv6 wins each time, for nothing."""
    street = plain_street(lab, slow=True)
    street.serve_both()
    street.bridge.set(delay6=0.3)
    worker = street.caller("attempt-delay=1000")
    sock = worker.socket("DEALER", LINGER=0)
    for _ in range(4):
        if not sock.misses(DUAL, timeout=patience):
            break
        if way == "close":
            sock.close()
            sock = worker.socket("DEALER", LINGER=0)
        else:
            sock.disconnect(DUAL)
    else:
        raise AssertionError("never")


def test_c8_a_client_that_gives_up_where_the_other_was_wrong(lab):
    """The same, when IPv4 has been a proxy whose server was away.  Catches: IPv6 that goes on
    winning because nothing else is remembered as good."""
    street = plain_street(lab, slow=True)
    street.host.wrong_server(SERVER4)
    worker = street.caller("attempt-delay=1000")
    sock = worker.socket("DEALER", LINGER=0)
    assert sock.misses(DUAL, timeout=0.7)
    street.serve(6)
    street.bridge.set(delay6=0.3)
    street.host.must("end_wrong_server", id="%s-5555" % SERVER4)
    street.serve(4)
    for _ in range(5):
        sock.close()
        sock = worker.socket("DEALER", LINGER=0)
        if not sock.misses(DUAL, timeout=1.5):
            break
    else:
        raise AssertionError("never")


def test_c8_a_client_that_gives_up_on_bad_and_worse(street):
    """IPv6 is silent, and on IPv4 is a proxy whose server is away, and comes back; the client waits
    for less than the attempt delay.  Catches: the full delay before IPv4 again and again, for ten
    minutes."""
    street.silent(6)
    street.host.wrong_server(SERVER4)
    worker = street.caller("attempt-delay=1000")
    for turn in range(12):
        if turn == 6:
            street.host.must("end_wrong_server", id="%s-5555" % SERVER4)
            street.serve(4)
        sock = worker.socket("DEALER", LINGER=0)
        if not sock.misses(DUAL, timeout=0.6):
            break
        sock.close()
    assert 6 <= turn < 10


def test_c8_other_addresses_of_the_name(street):
    """Catches: applying to the new addresses what was learnt of the old ones."""
    four = street.serve(4)
    street.serve(6, address=FAR6[0])
    street.faults("ip6 daddr %s tcp dport 5555 drop" % SERVER6)
    sock = street.dial(RECONNECT_IVL=10)
    assert sock.reach(DUAL).peer == SERVER4
    street.dns.set(dual_test={"A": [SERVER4], "AAAA": [FAR6[0]]})
    time.sleep(1.1)  # until the answer is not used again
    for _ in range(3):  # an attempt to the old winner may start before the new answer is there
        if sock.reach().peer == SERVER4:
            back(sock, four)
    assert sock.reach().peer == FAR6[0]


# ------------------------------------------------------------------ C-9

WRONG_SERVERS = {
    "hangs-up": {},
    "resets": {"reset": True},
    "http": {"listens": True, "say": "HTTP/1.1 400 Bad Request\r\n\r\n"},
    "http-long": {"listens": True, "say": "HTTP/1.1 400 Bad Request\r\n\r\n" + "<p>" * 500},
    "http-stays": {"listens": True, "stays": True, "say": "HTTP/1.1 400 Bad Request\r\n\r\n"},
    "ssh": {"say": "SSH-2.0-OpenSSH_9.2\r\n", "then": "Invalid SSH identification string.\r\n"},
    "smtp": {"say": "220 mail.test ESMTP\r\n", "stays": True},
    "tls-alert": {"listens": True, "hex": "15030100020246"},
    "half-a-greeting": {"hex": "ff00000000000000017f"},
    "other-mechanism": {"hex": "ff00000000000000017f0300504c41494e" + "00" * 47, "stays": True},
    "zeros": {"hex": "00" * 64, "stays": True},
    "silent": {"stays": True},
}


@pytest.mark.parametrize("kind", sorted(WRONG_SERVERS))
@modes("auto", "v6")
def test_c9_another_server_on_the_port(street, kind, mode):
    """IPv6 leads to a program that speaks no ZMTP; stock, which asks IPv4 only, reaches the
    right one.  Catches: a reconnect that returns to the wrong server; giving the connection up
    after a protocol error."""
    street.serve(4)
    street.host.wrong_server(SERVER6, **WRONG_SERVERS[kind])
    # The A answer is there before IPv6 is tried: without it, mode v6 gives up as stock does.
    street.dns.set(dual_test={"A": [SERVER4], "AAAA": [SERVER6], "delay": {"AAAA": 0.1}})
    sock = street.dial("resolution-delay=2000", mode=mode, RECONNECT_IVL=10, HANDSHAKE_IVL=300)
    got = reach_again(sock, DUAL)
    assert got.peer in (SERVER4, "::ffff:" + SERVER4)
    assert got.ms < 5000
    assert street.host.do("met", id="%s-5555" % SERVER6) >= 1


@pytest.mark.parametrize("kind", ["other-mechanism", "zeros", "hangs-up"])
def test_c9_the_other_answer_still_to_come(street, kind):
    """Catches: giving up because no other address is known yet."""
    street.serve(4)
    street.host.wrong_server(SERVER6, **WRONG_SERVERS[kind])
    street.dns.set(dual_test={"A": [SERVER4], "AAAA": [SERVER6], "delay": {"A": 0.3}})
    assert reach_again(street.dial(RECONNECT_IVL=10), DUAL).peer == SERVER4


def test_c9_without_reconnects(street):
    """ZMQ_RECONNECT_IVL -1.  Catches: giving up at the wrong server; reconnecting after the right
    server, which stock does not."""
    four = street.serve(4)
    street.host.wrong_server(SERVER6)
    sock = street.dial(RECONNECT_IVL=-1)
    assert reach_again(sock, DUAL).peer == SERVER4
    events = sock.watch("DISCONNECTED")
    four.kick()
    events()
    sock.worker.must("settle", id=sock.name)
    assert sock.disconnect_rc(DUAL) == "ENOENT"


@pytest.mark.parametrize("name,families", [("four.test", [4]), ("dual.test", [6, 4])])
def test_c9_all_are_wrong(street, name, families):
    """A protocol error ends it, as with stock, when there is no other address.  Catches: connecting
    to wrong servers over and over."""
    addresses = [{4: SERVER4, 6: SERVER6}[one] for one in families]
    for address in addresses:
        street.host.wrong_server(address, **WRONG_SERVERS["other-mechanism"])
    sock = street.dial(RECONNECT_IVL=10)
    sock.connect("tcp://%s:5555" % name)

    def met():
        return [street.host.do("met", id="%s-5555" % address) for address in addresses]
    assert wait_until(lambda: met() == [1] * len(families))
    assert not wait_until(lambda: max(met()) > 1, timeout=0.5)


def reach_again(sock, endpoint):
    """Reaches the server with a second message, since a wrong server may have taken the first."""
    start = time.monotonic()
    sock.connect(endpoint)
    while sock.misses(timeout=0.4) and time.monotonic() < start + 10:
        pass
    return sock.reach(timeout=1)._replace(ms=(time.monotonic() - start) * 1000)


@modes("auto", "v6")
def test_c9_localhost(lab, mode):
    """The commonest case: another program on ::1.  Catches: the same on loopback."""
    street = Street(lab)
    here = street.client.worker("stock")
    here.serve("tcp://127.0.0.1:5555")
    here.wrong_server("::1")
    sock = street.dial(mode=mode, RECONNECT_IVL=10)
    assert reach_again(sock, "tcp://localhost:5555").source == "127.0.0.1"
    assert here.do("met", id="::1-5555") >= 1


@pytest.mark.parametrize("opts", [{"PLAIN_SERVER": 1}, {"CURVE_SERVER": 1}])
def test_c9_zeromq_server_of_another_kind(street, opts):
    """A ZeroMQ server that wants another mechanism.  Catches: the same where the greeting is right
    and the handshake fails."""
    street.serve(4)
    if "CURVE_SERVER" in opts:
        other = street.host.socket("ROUTER", monitor=True, IPV6=1)
        street.host.do("curve", id=other.name, role="server")
    else:
        other = street.host.socket("ROUTER", monitor=True, IPV6=1, **opts)
    other.bind(tcp(SERVER6))
    sock = street.dial(RECONNECT_IVL=10)
    assert reach_again(sock, DUAL).peer == SERVER4
    assert "ACCEPTED" in [event[0] for event in other.events()]


def test_c9_stays_with_the_right_server(street):
    """Catches: trying the wrong server first again on the next reconnect."""
    four = street.serve(4)
    street.host.wrong_server(SERVER6)
    sock = street.dial(RECONNECT_IVL=10)
    reach_again(sock, DUAL)
    met = street.host.do("met", id="%s-5555" % SERVER6)
    back(sock, four)
    assert sock.reach().peer == SERVER4
    # A probe is allowed.
    assert street.host.do("met", id="%s-5555" % SERVER6) <= met + 1


def test_c9_the_only_server_is_wrong(street):
    """Catches: an address that is never tried again; a hot loop."""
    street.host.wrong_server(SERVER6, say="SSH-2.0-x\r\n")
    sock = street.dial(RECONNECT_IVL=100)
    sock.connect("tcp://six.test:5555")
    wait_until(lambda: street.host.do("met", id="%s-5555" % SERVER6) >= 3)
    assert 3 <= street.host.do("met", id="%s-5555" % SERVER6) < 60
