# SPDX-License-Identifier: MPL-2.0
"""C-14: the other connecters that dial TCP: SOCKS5, and WebSockets where the build has them."""
import pytest
from lab import wait_until
from street import CLIENT4, PROMPT, RESOLV, SERVER4, SERVER6, WAITING, Street, tcp

PROXY = {"proxy.test": {"A": [SERVER4], "AAAA": [SERVER6]}}
NAME = "proxy.test:1080"


@pytest.fixture
def street(lab):
    # A look-up that hangs keeps its descriptors until the resolver gives up, so that is to be soon.
    street = Street(lab, PROXY, resolv=RESOLV + "options timeout:2 attempts:1\n")
    street.serve_both()
    return street


def proxy(street, *families, **more):
    for family in families:
        street.host.must("socks", id="p%d" % family, host={4: SERVER4, 6: SERVER6}[family], **more)


def met(street, family):
    return street.host.do("met", id="p%d" % family)


def through(street, words=None, at=NAME, **opts):
    return street.dial(words, SOCKS_PROXY=at, RECONNECT_IVL=20, **opts)


def test_c14_proxy_by_name_ipv6_first(street):
    """Catches: the proxy dialled over IPv4 only, or over IPv6 only."""
    proxy(street, 4, 6)
    assert through(street).reach(tcp(SERVER4)).source == SERVER4
    assert (met(street, 6), met(street, 4)) == (1, 0)


def test_c14_proxy_refused_over_ipv6(street):
    """Catches: a proxy connecter without fall-back."""
    proxy(street, 4)
    assert through(street, WAITING).reach(tcp(SERVER4)).ms < PROMPT
    assert met(street, 4) == 1


def test_c14_proxy_silent_over_ipv6(street):
    """Catches: the same; a losing attempt that speaks SOCKS as well."""
    proxy(street, 4)
    street.silent(6)
    got = through(street).reach(tcp(SERVER4))
    assert 200 < got.ms < 2000
    assert wait_until(lambda: len(street.dialled(1080)) == 1)


@pytest.mark.parametrize("how", [{}, {"listens": True, "say": "HTTP/1.1 400 Bad\r\n\r\n"},
                                 {"hex": "0400"}])
def test_c14_no_proxy_over_ipv6(street, how):
    """C-9 for the proxy: another program has its port on the other family.  Catches: going
    back to it for ever."""
    proxy(street, 4)
    street.host.wrong_server(SERVER6, 1080, **how)
    assert through(street).reach(tcp(SERVER4)).ms < 5000
    assert street.host.do("met", id="%s-1080" % SERVER6) >= 1


@pytest.mark.parametrize("how", [{}, {"reset": True}, {"stays": True}])
def test_c14_no_proxy_costs_no_pause(street, how):
    """ZMQ_RECONNECT_IVL 20 s.  Catches: a pause before the next address, where stock, which asks
    IPv4 only, has none; waiting for ever for a program that says nothing."""
    proxy(street, 4)
    street.host.wrong_server(SERVER6, 1080, **how)
    got = street.dial("attempt-delay=250", SOCKS_PROXY=NAME, RECONNECT_IVL=20000).reach(
        tcp(SERVER4), timeout=15)
    assert got.ms < 5000
    assert street.host.do("met", id="%s-1080" % SERVER6) == 1


@pytest.mark.parametrize("address", [SERVER4, SERVER6])
def test_c14_proxy_by_number(street, address):
    """Catches: an IPv6 literal that needs ZMQ_IPV6; a fall-back for a literal."""
    proxy(street, 6 if ":" in address else 4)
    got = through(street, at=tcp(address, 1080)[len("tcp://"):]).reach(tcp(SERVER4))
    assert got.source == SERVER4


@pytest.mark.parametrize("source", ["eth0:0", "*:0"])
def test_c14_proxy_from_a_source(street, source):
    """zmq_connect takes no wildcard for a source, but nothing checks the source for a proxy.
    Catches: a wildcard that stands for one family only."""
    proxy(street, 4)
    street.silent(6)
    assert through(street, at="%s;%s" % (source, NAME)).reach(tcp(SERVER4)).ms < 3000
    assert street.dialled(1080)[0].local[0] == CLIENT4


def test_c14_destination_is_the_proxys_to_resolve(street):
    """Catches: looking up the destination's name here, which is for the proxy to do."""
    proxy(street, 6)
    sock = through(street)
    sock.connect("tcp://only-there.test:5555")
    sock.events("CONNECT_DELAYED")
    assert sock.misses(timeout=0.3)
    assert street.host.do("socks_log", id="p6")[0] == "only-there.test 5555"
    assert street.dns.kinds("only-there.test") == []


def test_c14_proxy_that_starts_later(street):
    """Catches: a proxy connecter that does not come back after all have failed."""
    street.silent(6)
    sock = through(street)
    assert sock.misses(tcp(SERVER4), timeout=0.7)
    proxy(street, 4)
    assert sock.reach().ms < 3000


def test_c14_refused_proxy_is_not_given_up(street):
    """ZMQ_RECONNECT_STOP_CONN_REFUSED has never applied to proxies.  Catches: stopping."""
    sock = through(street, RECONNECT_STOP=1)
    assert sock.misses(tcp(SERVER4), timeout=0.5)
    proxy(street, 4)
    assert sock.reach().ms < 3000


def test_c14_a_turn_that_comes_too_late(lab):
    """One address of the proxy is refused; the other one connects before the interval is over, and
    answers late.  Catches: dialling the proxy a second time."""
    street = Street(lab, PROXY, slow=True)
    street.host.wrong_server(SERVER6, 1080, stays=True)
    street.bridge.set(delay6=0.25)
    sock = street.dial("attempt-delay=20", SOCKS_PROXY=NAME, RECONNECT_IVL=800)
    sock.connect(tcp(SERVER4))
    seen = [event[0] for event in sock.events("CONNECT_RETRIED")]
    assert seen == ["CONNECT_DELAYED", "CONNECT_RETRIED"]
    assert wait_until(lambda: street.host.do("met", id="%s-1080" % SERVER6) == 1)
    assert not wait_until(lambda: street.host.do("met", id="%s-1080" % SERVER6) > 1, timeout=3)
    sock.worker.do("quit")


def test_c14_proxy_that_refuses(street):
    """Catches: state left behind by an attempt that got as far as the proxy."""
    proxy(street, 6, verdict=5)
    sock = through(street)
    assert sock.misses(tcp(SERVER4), timeout=0.7)
    assert met(street, 6) > 2


def test_c14_reconnects_through_the_proxy(street):
    """Catches: a reconnect whose race begins with state of the first one."""
    proxy(street, 4)
    sock = through(street)
    sock.reach(tcp(SERVER4))
    events = sock.watch("DISCONNECTED", "HANDSHAKE_SUCCEEDED")
    street.host.do("kick", id="4")
    events()
    assert sock.reach().source == SERVER4
    assert met(street, 4) >= 2


@pytest.mark.parametrize("stage", ["resolving", "racing", "retrying", "connected"])
def test_c14_proxy_connecter_ends(street, stage):
    """C-11 for this one.  Catches: a look-up or an attempt that outlives its connecter."""
    if stage == "resolving":
        street.dns.set(proxy_test={"drop": ["A", "AAAA"]})
    elif stage == "racing":
        street.silent(4, 6)
    elif stage == "connected":
        proxy(street, 6)
    worker = street.caller()
    worker.context()
    fds = worker.fds()
    sock = worker.socket("DEALER", monitor=True, SOCKS_PROXY=NAME, RECONNECT_IVL=60000)
    sock.connect(tcp(SERVER4))
    if stage == "resolving":
        street.dns.wait_asked("proxy.test", "A", "AAAA")
    else:
        sock.events({"racing": "CONNECT_DELAYED", "retrying": "CONNECT_RETRIED",
                     "connected": "CONNECTED"}[stage])
    spent = worker.do("time", steps=[
        {"op": "disconnect", "id": sock.name, "ep": tcp(SERVER4)}, {"op": "quit"}])
    assert spent["results"][0] == "ok"
    assert spent["seconds"] < 1
    worker.context()
    assert worker.do("fds_at_most", limit=fds) <= fds


@pytest.mark.parametrize("silent", [(), (6,), (4,)], ids=["good", "no6", "no4"])
def test_c14_websockets(street, silent):
    """Catches: ws:// that dials one family or one address only; a path taken for a part of the
    port."""
    host = street.server.worker("ws")
    for family, address in ((4, SERVER4), (6, SERVER6)):
        host.serve(tcp(address, 5600).replace("tcp:", "ws:") + "/path", name=str(family),
                   **({"IPV6": 1} if family == 6 else {}))
    street.silent(*silent)
    sock = street.client.worker("ws").socket("DEALER", monitor=True)
    assert sock.reach("ws://proxy.test:5600/path").who == ("4" if 6 in silent else "6")


def test_c14_websockets_pass_a_wrong_server(street):
    """C-9 for ws://.  Catches: going back for ever to another program on the port."""
    street.server.worker("ws").serve("ws://%s:5600/path" % SERVER4, name="4")
    street.host.wrong_server(SERVER6, 5600)
    sock = street.client.worker("ws").socket("DEALER", monitor=True, RECONNECT_IVL=10)
    assert sock.reach("ws://proxy.test:5600/path").who == "4"


def test_c14_websockets_look_nothing_up_in_zmq_connect(street):
    """Catches: a look-up on the caller's thread; taking a text that cannot be an address."""
    street.dns.set(proxy_test={"drop": ["A", "AAAA"]})
    worker = street.client.worker("ws")
    sock = worker.socket("DEALER", monitor=True)
    spent = worker.do("time", steps=[
        {"op": "connect", "id": sock.name, "ep": "ws://proxy.test:5600/"},
        {"op": "disconnect", "id": sock.name, "ep": "ws://proxy.test:5600/"}])
    assert spent["results"] == ["ok", "ok"]
    assert spent["seconds"] < 1
    for text in ("ws://pro xy.test:5600/", "ws://proxy.test/", "ws://:5600/", "ws://[::1:5600/"):
        assert sock.connect_rc(text) == "EINVAL", text


def test_c14_wrong_server_at_the_proxy_without_reconnects(street):
    """ZMQ_RECONNECT_IVL -1.  Catches: giving up at the wrong server, where stock, which asks IPv4
    only, finds the proxy."""
    proxy(street, 4)
    street.host.wrong_server(SERVER6, 1080)
    assert street.dial(SOCKS_PROXY=NAME, RECONNECT_IVL=-1).reach(tcp(SERVER4)).who == "4"
