# SPDX-License-Identifier: MPL-2.0
"""Real clients on other machines, over IPv4 and over IPv6, reach every kind of listener."""
import pytest
from conftest import modes

SERVER4, SERVER6 = "10.0.0.1", "2001:db8::1"
CLIENT4, CLIENT6 = "10.0.0.2", "2001:db8::2"


@pytest.fixture
def two(lab):
    """Two machines on one wire."""
    server, client = lab.node("server"), lab.node("client")
    lab.wire(server, "eth0", client, "eth0")
    server.addr("eth0", SERVER4 + "/24", SERVER6 + "/64", "fe80::1/64")
    client.addr("eth0", CLIENT4 + "/24", CLIENT6 + "/64", "fe80::2/64")
    return server, client


def endpoint(address, port=5555):
    return "tcp://%s:%d" % ("[%s]" % address if ":" in address else address, port)


def dial(worker, kind, address, **opts):
    """Sets ZMQ_IPV6 for IPv6 addresses: dialling them without it is tested with the connect rules
    (C-1)."""
    if ":" in address:
        opts["IPV6"] = 1
    sock = worker.socket(kind, **opts)
    sock.connect(endpoint(address))
    return sock


BINDS = {
    "tcp://*:5555": [SERVER4, SERVER6, "fe80::1%eth0"],
    "tcp://eth0:5555": [SERVER4, SERVER6],
    "tcp://0.0.0.0:5555": [SERVER4],
    "tcp://[::]:5555": [SERVER6, "fe80::1%eth0"],
    "tcp://%s:5555" % SERVER4: [SERVER4],
    "tcp://[%s]:5555" % SERVER6: [SERVER6],
    "tcp://[fe80::1%eth0]:5555": ["fe80::1%eth0"],
}


@pytest.mark.parametrize("bound", sorted(BINDS))
@pytest.mark.parametrize("lib", ["stock", "patched"])
def test_clients_reach_every_listener(two, bound, lib):
    """Stock and patched clients, each way.  Catches: a listener that is open but not served;
    an IPv4 peer shown as `::ffff:`, an IPv6 peer shown as anything else."""
    server, client = two
    servant, caller = server.worker(), client.worker(lib)
    rep = servant.socket("REP", monitor=True)
    rep.bind(bound)
    for address in BINDS[bound]:
        req = dial(caller, "REQ", address)
        req.send("hello")
        peer = CLIENT4 if "." in address else CLIENT6 if address == SERVER6 else "fe80::2%eth0"
        assert rep.recv() == {"parts": ["hello"], "peer": peer}
        rep.send("there")
        assert req.recv()["parts"] == ["there"]
        accepted = rep.events("ACCEPTED", "HANDSHAKE_SUCCEEDED")
        assert [event[1] for event in accepted if event[0] == "ACCEPTED"] == [endpoint(address)]
        req.close()


@pytest.mark.parametrize("bound", ["tcp://*:5555", "tcp://eth0:5555"])
@modes("auto", "v6")
def test_clients_of_both_families_at_once(two, bound, mode):
    """ROUTER/DEALER with several peers of each family.  Catches: sessions of the second listener
    that belong to no socket; replies that go to the wrong peer."""
    server, client = two
    router = server.worker().socket("ROUTER", mode=mode)
    router.bind(bound)
    callers = [client.worker("stock"), client.worker("patched")]
    dealers = [dial(caller, "DEALER", address, ROUTING_ID="%s%s%d" % (caller.lib, address, n))
               for caller in callers for address in (SERVER4, SERVER6) for n in range(3)]
    for number, dealer in enumerate(dealers):
        dealer.send("from %d" % number)
    seen = {}
    for _ in dealers:
        got = router.recv()
        seen[got["parts"][1]] = (got["parts"][0], got["peer"])
    assert sorted(seen) == sorted("from %d" % number for number in range(len(dealers)))
    for number, dealer in enumerate(dealers):
        identity, peer = seen["from %d" % number]
        shown4 = CLIENT4 if mode.kind == "auto" or bound != "tcp://*:5555" else "::ffff:" + CLIENT4
        assert peer in (shown4 if SERVER4 in identity else CLIENT6, CLIENT4)
        router.send(identity, "to %d" % number)
        assert dealer.recv()["parts"] == ["to %d" % number]


@pytest.mark.parametrize("bound", ["tcp://*:5555", "tcp://eth0:5555"])
def test_clients_subscribe_over_both_families(two, bound):
    """PUB/SUB.  Catches: a second listener whose peers get no subscriptions through."""
    server, client = two
    pub = server.worker().socket("XPUB")
    pub.bind(bound)
    callers = [client.worker("stock"), client.worker("patched")]
    subs = [dial(caller, "SUB", address) for caller in callers for address in (SERVER4, SERVER6)]
    for number, sub in enumerate(subs):
        sub.set("SUBSCRIBE", "t%d" % number)
        assert pub.recv()["parts"] == ["\x01t%d" % number]
    for number, sub in enumerate(subs):
        pub.send("t%d" % number, "news")
        assert sub.recv()["parts"] == ["t%d" % number, "news"]


@pytest.mark.parametrize("bound", ["tcp://*:5555", "tcp://eth0:5555"])
def test_clients_pipeline_over_both_families(two, bound):
    """PUSH to PULL, thousands of messages.  Catches: a message that is lost or arrives twice."""
    server, client = two
    pull = server.worker().socket("PULL", RCVHWM=0)
    pull.bind(bound)
    caller = client.worker()
    total = 0
    for address in (SERVER4, SERVER6):
        push = dial(caller, "PUSH", address, SNDHWM=0)
        steps = [{"op": "send", "id": push.name, "parts": [str(n)]} for n in range(1000)]
        assert set(caller.run(steps)) == {"ok"}
        steps = [{"op": "recv", "id": pull.name} for _ in range(1000)]
        got = pull.worker.run(steps)
        assert [one["parts"][0] for one in got] == [str(n) for n in range(1000)]
        total += len(got)
    assert total == 2000


@pytest.mark.parametrize("bound", ["tcp://*:5555", "tcp://eth0:5555"])
def test_clients_with_curve_and_zap(two, bound):
    """CURVE over both families; ZAP is asked about the true address of each peer.
    Catches: an allow-list of IPv4 addresses that is asked about `::ffff:`."""
    server, client = two
    servant = server.worker()
    servant.context()
    servant.do("zap")
    rep = servant.socket("REP")
    rep.set("ZAP_DOMAIN", "global")
    key = servant.do("curve", id=rep.name, role="server")
    rep.bind(bound)
    for lib in ("stock", "patched"):
        caller = client.worker(lib)
        for address in (SERVER4, SERVER6):
            req = caller.socket("REQ", IPV6=int(":" in address))
            caller.do("curve", id=req.name, role="client", server_key=key)
            req.connect(endpoint(address))
            req.send("secret")
            assert rep.recv()["parts"] == ["secret"]
            rep.send("answer")
            assert req.recv()["parts"] == ["answer"]
    asked = [frames[2:6] for frames in servant.do("zaplog")]
    assert asked == [["global", CLIENT4, "", "CURVE"], ["global", CLIENT6, "", "CURVE"]] * 2


def test_clients_turned_away_by_zap(two):
    """Catches: ZAP not asked for peers of the second listener."""
    server, client = two
    servant = server.worker()
    servant.context()
    servant.do("zap", status="400")
    rep = servant.socket("REP", monitor=True)
    rep.set("ZAP_DOMAIN", "global")
    rep.bind("tcp://eth0:5555")
    caller = client.worker()
    for address in (SERVER4, SERVER6):
        req = dial(caller, "REQ", address)
        # The denial may come sooner, and then there is nobody to send to.
        assert caller.do("send", id=req.name, parts=["hello"]) in ("ok", "EAGAIN")
        events = rep.events("HANDSHAKE_FAILED_AUTH")
        assert ["HANDSHAKE_FAILED_AUTH", endpoint(address), 400] in events
        req.close()
    assert rep.recv(timeout=0.1) == {"timeout": True}
    assert [frames[3] for frames in servant.do("zaplog")] == [CLIENT4, CLIENT6]


def test_clients_filtered_on_the_wire(two):
    """B-9 between machines.  Catches: a filter that works on loopback only."""
    server, client = two
    servant, caller = server.worker(), client.worker()
    for filters, expected in [(["10.0.0.0/8"], ["greeting", "closed"]),
                              (["2001:db8::/32"], ["closed", "greeting"]),
                              (["10.0.0.3"], ["closed", "closed"])]:
        rep = servant.socket("REP")
        for text in filters:
            rep.set("TCP_ACCEPT_FILTER", text)
        rep.bind("tcp://*:5555")
        assert [caller.do("tcp", host=address, port=5555)
                for address in (SERVER4, SERVER6)] == expected
        rep.close()
        servant.do("term")


def test_clients_keep_their_connection_when_another_bind_ends(two):
    """Catches: an unbind that also ends connections of another bind."""
    server, client = two
    router = server.worker().socket("ROUTER")
    router.bind("tcp://eth0:5555")
    router.bind("tcp://*:5556")
    caller = client.worker()
    dealer = caller.socket("DEALER", ROUTING_ID="me", monitor=True, IPV6=1)
    dealer.connect(endpoint(SERVER6))
    dealer.send("one")
    assert router.recv()["parts"] == ["me", "one"]
    router.unbind("tcp://*:5556")
    dealer.send("two")
    assert router.recv()["parts"] == ["me", "two"]
    assert "DISCONNECTED" not in [event[0] for event in dealer.events()]
