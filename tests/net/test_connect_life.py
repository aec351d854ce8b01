# SPDX-License-Identifier: MPL-2.0
"""The connecting side over time: modes, monitor events, options, servers and families that come
and go."""
import pytest
from conftest import every_way, modes
from lab import MODES, wait_until
from street import CLIENT4, CLIENT6, DUAL, FAR4, FAR6, FOUR, SERVER4, SERVER6, SIX, Street, tcp


@pytest.fixture
def street(lab):
    return Street(lab)


def names(events):
    return [event[0] for event in events]


# ------------------------------------------------------------------ modes


@every_way("auto", "v6", "v4")
def test_modes_connect_in_every_one(street, mode):
    """Catches: a way to choose a mode that the connecting side does not look at."""
    street.serve_both()
    sock = street.dial(mode=mode)
    got = sock.reach(DUAL)
    assert got.source == (CLIENT4 if mode.kind == "v4" else CLIENT6)
    assert sock.get("IPV6") == (1 if mode.kind == "v6" else 0)
    assert sock.last_endpoint() == DUAL
    sock.disconnect(DUAL)
    shown4 = "::ffff:" + SERVER4 if mode.kind == "v6" else SERVER4
    assert sock.reach(FOUR).peer == shown4


@modes("auto", "v6", "v4")
@pytest.mark.parametrize("kinds", ["REQ-REP", "PUSH-PULL", "SUB-XPUB", "PAIR-PAIR",
                                   "DEALER-ROUTER", "STREAM-STREAM"])
def test_life_socket_types(street, mode, kinds):
    """By name, IPv6 refused.  Catches: an engine that is attached to a session before that is
    ready, or twice, which shows in the types that keep state for a peer."""
    client, server = kinds.split("-")
    there = street.host.socket(server)
    there.bind(tcp(SERVER4))
    here = street.dial(mode=mode).worker.socket(client)
    here.connect(DUAL)
    if client == "SUB":
        here.set("SUBSCRIBE", "t")
        assert there.recv()["parts"] == ["\x01t"]
        there.send("t", "news")
        assert here.recv()["parts"] == ["t", "news"]
    elif client == "STREAM":
        assert here.recv()["parts"][1:] == [""]
        assert there.recv()["parts"][1:] == [""]
    else:
        here.send("hello")
        assert there.recv()["parts"][-1] == "hello"


def test_modes_v6_where_sockets_are_v6_only(street):
    """By the sysctl that makes all new sockets so.  Catches: an IPv4 address that no socket of mode
    v6 can be connected to."""
    street.client.sysctl("net.ipv6.bindv6only", 1)
    street.serve(4)
    assert street.dial(mode=MODES["v6"]).reach(FOUR).peer == "::ffff:" + SERVER4


# ------------------------------------------------------------------ monitor


@modes("auto", "v6")
def test_monitor_one_story_for_a_race(street, mode):
    """Losers are silent.  Catches: an event for each attempt, which tools count; the end of a
    losing attempt shown as the end of the connection."""
    street.serve(4)
    street.faults("ip6 daddr %s tcp dport 5555 drop" % FAR6[0])
    street.dns.set(dual_test={"AAAA": FAR6[:2], "A": [FAR4[0], SERVER4]})
    sock = street.dial("attempt-delay=100", mode)
    sock.connect(DUAL)
    events = sock.events("HANDSHAKE_SUCCEEDED")
    assert [event[:2] for event in events] == [["CONNECT_DELAYED", DUAL], ["CONNECTED", DUAL],
                                               ["HANDSHAKE_SUCCEEDED", DUAL]]
    sock.reach()
    assert sock.events() == []


def test_monitor_a_race_that_fails(street):
    """Catches: CLOSED for each candidate, or for none."""
    sock = street.dial(RECONNECT_IVL=100)
    street.dns.set(dual_test={"AAAA": FAR6[:3], "A": FAR4[:3]})
    sock.connect(DUAL)
    events = sock.events("CONNECT_RETRIED", "CONNECT_RETRIED")
    assert names(events)[:6] == ["CONNECT_DELAYED", "CLOSED", "CONNECT_RETRIED"] * 2


@pytest.mark.parametrize("name", [DUAL, tcp(SERVER4)])
def test_monitor_disconnect_while_racing(street, name):
    """As stock, which has one attempt.  Catches: CLOSED for each attempt, or for none."""
    street.silent(4, 6)
    stories = []
    for lib in ("stock", "patched"):
        worker = street.client.worker(lib, env={"ZMQ_DUALSTACK": "attempt-delay=20"})
        sock = worker.socket("DEALER", monitor=True)
        sock.connect(name)
        begun = sock.events("CONNECT_DELAYED")
        assert wait_until(lambda: len(street.dialled()) == (
            2 if (lib, name) == ("patched", DUAL) else 1))
        sock.disconnect(name)
        # libzmq goes on with the disconnect when the program calls it again.
        assert wait_until(lambda: [sock.get("EVENTS"), street.dialled()][1] == [])
        stories.append(names(begun + sock.events("CLOSED") + sock.close()))
    assert stories[1] == stories[0]


def test_monitor_an_attempt_that_fails_at_once(street):
    """As stock.  Catches: CLOSED only for attempts that were under way."""
    street.client.ip("route add prohibit " + SERVER4)
    stories = []
    for lib in ("stock", "patched"):
        sock = street.client.worker(lib).socket("DEALER", monitor=True, RECONNECT_IVL=60000)
        sock.connect(tcp(SERVER4))
        stories.append(names(sock.events("CONNECT_RETRIED")))
    assert stories[1] == stories[0] == ["CLOSED", "CONNECT_RETRIED"]


def test_monitor_the_interval_begins_once(street):
    """One address is refused, and the other is silent until it is given up, all within one
    interval.  Catches: a second timer beside the first."""
    street.silent(6)
    sock = street.dial("attempt-delay=50", CONNECT_TIMEOUT=500, RECONNECT_IVL=60000)
    sock.connect(DUAL)
    seen = names(sock.events("CLOSED"))
    seen += names(sock.close())
    assert seen == ["CONNECT_DELAYED", "CONNECT_RETRIED", "CLOSED", "MONITOR_STOPPED"]


def test_monitor_unknown_name(street):
    """As stock: there was nothing to close.  Catches: an event of an attempt that never was."""
    stories = []
    for lib in ("stock", "patched"):
        sock = street.client.worker(lib).socket("DEALER", monitor=True, RECONNECT_IVL=60000)
        sock.connect("tcp://none.test:5555")
        stories.append([event[:2] for event in sock.events("CONNECT_RETRIED")])
    assert stories[1] == stories[0] == [["CONNECT_RETRIED", "tcp://none.test:5555"]]


@pytest.mark.parametrize("mode,name,shown", [
    ("auto", FOUR, SERVER4), ("v4", FOUR, SERVER4), ("v4", DUAL, SERVER4), ("v6", SIX, SERVER6),
    ("v6", FOUR, "::ffff:" + SERVER4),
    ("auto", SIX, SERVER6), ("auto", DUAL, SERVER6), ("v6", DUAL, SERVER6)])
def test_monitor_endpoint_after_a_reconnect(street, mode, name, shown):
    """At first the name, later the address that answered, as stock.  Catches: the address of a
    losing attempt; the name, or the address, everywhere."""
    servants = street.serve_both()
    sock = street.dial(mode=MODES[mode], RECONNECT_IVL=10)
    sock.reach(name)
    assert {event[1] for event in sock.events()} == {name}
    events = sock.watch("DISCONNECTED", "HANDSHAKE_SUCCEEDED")
    for servant in servants:
        servant.kick()
    for event in events():
        assert event.endpoint == (name if event.name == "DISCONNECTED" else tcp(shown))


def test_monitor_numeric(street):
    """Catches: numeric connects whose events differ from stock's."""
    stories = []
    street.serve(4)
    for lib in ("stock", "patched"):
        sock = street.client.worker(lib).socket("DEALER", monitor=True, RECONNECT_IVL=60000)
        sock.connect(tcp(SERVER4))
        sock.connect(tcp(SERVER4, 5999))
        events = sock.events("HANDSHAKE_SUCCEEDED", "CONNECT_RETRIED")
        stories.append(sorted(event[:2] for event in events))
    assert stories[0] == stories[1]


# ------------------------------------------------------------------ options


def test_options_on_every_attempt(street):
    """Catches: an option that only the first attempt, or only one family, gets."""
    street.silent(4, 6)
    street.dns.set(dual_test={"AAAA": FAR6[:2], "A": FAR4[:2]})
    sock = street.dial("attempt-delay=20", TOS=0x28, SNDBUF=50000, RCVBUF=60000,
                       BINDTODEVICE="eth0")
    sock.connect(DUAL)
    assert wait_until(lambda: len(street.dialled()) == 4)
    for attempt in sock.worker.do("dialopts", port=5555):
        assert attempt["cloexec"] and attempt["device"] == "eth0"
        assert (attempt["sndbuf"], attempt["rcvbuf"]) == (100000, 120000)
        assert attempt["tos" if attempt["family"] == 4 else "tclass"] == 0x28


def test_options_on_the_winner(street):
    """Catches: keepalives and the like that are set on no socket because that comes after connect;
    TCP_NODELAY not set."""
    street.serve(4)
    got = street.dial(TCP_KEEPALIVE=1, TCP_MAXRT=7000, TOS=0x28)
    got.reach(DUAL)
    assert wait_until(lambda: len(street.dialled()) == 1)
    options = got.worker.do("dialopts", port=5555)[0]
    assert [options[one] for one in ("keepalive", "maxrt", "nodelay", "tos")] == [
        1, 7000, True, 0x28]


def test_options_device_that_is_not_there(street):
    """Catches: an abort, or an attempt without the device."""
    street.serve_both()
    attempts = street.syns(6, 4)
    sock = street.dial(BINDTODEVICE="nosuch0", RECONNECT_IVL=20)
    assert sock.misses(DUAL, timeout=0.5)
    assert attempts() == [0, 0]


def test_options_immediate(street):
    """ZMQ_IMMEDIATE: no pipe before there is a connection.  Catches: a pipe for a race that
    still runs."""
    street.silent(6)
    sock = street.dial(IMMEDIATE=1, RECONNECT_IVL=50)
    sock.connect(DUAL)
    assert sock.worker.do("poll", id=sock.name, flags=2, timeout=0.5) == 0
    street.serve(4)
    assert sock.reach().peer == SERVER4


def test_options_connect_timeout(street):
    """ZMQ_CONNECT_TIMEOUT bounds each attempt.  Catches: bounding none, or only the last."""
    street.silent(4, 6)
    sock = street.dial("attempt-delay=100", CONNECT_TIMEOUT=2000, RECONNECT_IVL=100)
    sock.connect(DUAL)
    events = sock.timeline("CLOSED", "CONNECT_RETRIED", "CONNECT_DELAYED", timeout=8)
    closed = [event.ms for event in events if event.name == "CLOSED"]
    assert 1300 < closed[0] < 5000
    street.serve(4)
    street.silent(6)
    assert sock.reach().peer == SERVER4


# ------------------------------------------------------------------ servers that come and go


@pytest.mark.parametrize("first", [4, 6])
def test_life_server_restarts_on_the_other_family(street, first):
    """Catches: reconnecting for ever to where the server was; events that name that address."""
    one = street.serve(first)
    sock = street.dial(RECONNECT_IVL=20)
    assert sock.reach(DUAL).who == str(first)
    events = sock.watch("DISCONNECTED")
    one.stop()
    events()
    events = sock.watch("HANDSHAKE_SUCCEEDED")
    street.serve(10 - first)
    assert events()[-1].endpoint == tcp({4: SERVER6, 6: SERVER4}[first])
    assert sock.reach().who == str(10 - first)


@pytest.mark.parametrize("first", [4, 6])
def test_life_subscriptions_move_with_the_connection(street, first):
    """SUB.  Catches: a reconnect that does not tell the new server what the client wants."""
    def publish(family):
        pub = street.host.socket("XPUB", IPV6=1)
        pub.bind(tcp(SERVER4 if family == 4 else SERVER6))
        return pub
    one = publish(first)
    sub = street.caller().socket("SUB", RECONNECT_IVL=20)
    sub.set("SUBSCRIBE", "t")
    sub.connect(DUAL)
    assert one.recv()["parts"] == ["\x01t"]
    # libzmq subscribes anew when the program calls it again.
    sub.worker.post([{"op": "recv", "id": sub.name, "timeout": 10}])
    one.close()
    other = publish(10 - first)
    assert other.recv()["parts"] == ["\x01t"]
    other.send("t", "news")
    assert sub.worker.collect()[0]["parts"] == ["t", "news"]


def test_life_curve(street):
    """Catches: a handshake on an attempt that lost; keys that a second attempt does not have."""
    there = street.host.socket("REP")
    key = street.host.do("curve", id=there.name, role="server")
    there.bind(tcp(SERVER4))
    street.silent(6)
    caller = street.caller()
    here = caller.socket("REQ")
    caller.do("curve", id=here.name, role="client", server_key=key)
    here.connect(DUAL)
    here.send("secret")
    assert there.recv()["parts"] == ["secret"]
    there.send("answer")
    assert here.recv()["parts"] == ["answer"]


def test_life_ipv6_dies(street):
    """The IPv6 path is lost, then the server closes.  Catches: a reconnect that tries only the
    address where it was."""
    _, six = street.serve_both()
    sock = street.dial(RECONNECT_IVL=20, HEARTBEAT_IVL=200, HEARTBEAT_TIMEOUT=400)
    assert sock.reach(DUAL).peer == SERVER6
    events = sock.watch("DISCONNECTED", "HANDSHAKE_SUCCEEDED")
    street.faults("meta nfproto ipv6 meta l4proto tcp drop")
    events()
    assert sock.reach().peer == SERVER4


def test_life_many_endpoints_of_one_socket(street):
    """Catches: races that share what they should not."""
    street.serve_both()
    street.serve(4, port=5556)
    worker = street.caller()
    sock = worker.socket("DEALER", monitor=True, RECONNECT_IVL=50)
    for name in (DUAL, FOUR, SIX, "tcp://dual.test:5556", tcp(SERVER6), "tcp://dead.test:1"):
        sock.connect(name)
    sock.events(*["HANDSHAKE_SUCCEEDED"] * 5)
    for name in (DUAL, FOUR, SIX, "tcp://dual.test:5556", tcp(SERVER6), "tcp://dead.test:1"):
        assert sock.disconnect_rc(name) == "ok"
        assert sock.disconnect_rc(name) == "ENOENT"


def test_life_several_io_threads(street):
    """Connecters and sessions run in different threads.  Catches: state that they share without a
    lock."""
    street.serve(4)
    street.silent(6)
    worker = street.caller("attempt-delay=50")
    worker.context(threads=4)
    socks = [worker.socket("DEALER").name for _ in range(40)]
    result = worker.do("reach_all", ids=socks, ep=DUAL)
    assert result["missing"] == 0
    assert worker.do("time", steps=[{"op": "quit"}])["seconds"] < 5


def test_life_ipv6_of_the_client_comes_and_goes(lab):
    """Catches: asking only once which addresses the host has."""
    street = Street(lab, client=[CLIENT4 + "/24"])
    street.serve_both()
    worker = street.caller()
    assert worker.socket("DEALER").reach(DUAL).peer == SERVER4
    street.client.addr("eth0", CLIENT6 + "/64")
    worker.do("quit")
    assert worker.socket("DEALER").reach(DUAL).peer == SERVER6
