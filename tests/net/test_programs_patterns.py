# SPDX-License-Identifier: MPL-2.0
"""Programs as readers of pyzmq's documentation and of the Guide write them: each messaging pattern,
authentication, proxies, event loops, and what happens to messages when a family fails."""
import json
import os

import pytest
from lab import PYTHON, wait_until
from program import Program, needs, python
from street import CLIENT4, CLIENT6, DUAL, SERVER4, SERVER6, plain_street, tcp
from test_run import EXAMPLES

BOTH = {"by4": SERVER4, "by6": SERVER6}


@pytest.fixture
def street(lab):
    return plain_street(lab)


def example(node, name, *args):
    return Program(node, [PYTHON, os.path.join(EXAMPLES, "cluster", name)] + list(args))


# ------------------------------------------------------------------ CURVE and ZAP


def push(street, endpoint, key, text):
    """The names of the monitor's events, and the last endpoint that it named."""
    client = python(street.client, "curve_push.py", endpoint, key, text)
    lines = client.until(lambda line: line.startswith(("HANDSHAKE", "DISCONNECTED")))
    events = [line.split() for line in lines]
    assert client.end() == 0
    return [name for name, _ in events], events[-1][1]


@pytest.mark.parametrize("bound", ["tcp://*:5555", "tcp://eth0:5555"])
def test_curve_over_both_families(street, bound):
    """The right key is let in over either family, a wrong one over neither; and what the monitor
    reports.  Catches: a listener without the socket's security options; a fall-back that loses the
    keys, or that gets in where it should not."""
    server = python(street.server, "curve_pull.py", bound)
    key = server.line().split(" ", 1)[1]
    wrong = key[:-1] + ("a" if key[-1] != "a" else "b")
    for host, source in ((SERVER4, CLIENT4), (SERVER6, CLIENT6), ("dual.test", CLIENT6)):
        refused, _ = push(street, tcp(host), wrong, "wrong " + host)
        assert refused[-1] != "HANDSHAKE_SUCCEEDED"
        events, endpoint = push(street, tcp(host), key, "right " + host)
        assert events == ["CONNECT_DELAYED", "CONNECTED", "HANDSHAKE_SUCCEEDED"]
        assert endpoint == tcp(host)
        assert server.line() == "right %s from %s" % (host, source)
    street.silent(6)
    assert push(street, DUAL, wrong, "wrong")[0][-1] != "HANDSHAKE_SUCCEEDED"
    assert push(street, DUAL, key, "right")[0][-1] == "HANDSHAKE_SUCCEEDED"
    assert server.line() == "right from " + CLIENT4


@pytest.mark.parametrize("kind,verdict,address,let_in", [
    ("thread", "allow", CLIENT4, {"by4"}), ("thread", "allow", CLIENT6, {"by6"}),
    ("asyncio", "allow", CLIENT4, {"by4"}), ("asyncio", "deny", CLIENT4, {"by6"}),
    ("thread", "deny", CLIENT6, {"by4"})])
def test_pyzmq_authenticators(street, kind, verdict, address, let_in):
    """Lists of addresses.  A deny-list of IPv4 addresses does not match IPv6 clients, as README
    says.  Catches: an address that ZAP gets in another spelling; a family for which ZAP is not
    asked."""
    server = python(street.server, "auth_server.py", kind, verdict, address)
    port = int(server.line().split()[1])
    assert street.server.open_on(port) == ["*"]
    worker = street.client.worker()
    for way, host in BOTH.items():
        sock = worker.socket("REQ", monitor=True)
        sock.connect(tcp(host, port))
        good, bad = "HANDSHAKE_SUCCEEDED", "HANDSHAKE_FAILED_AUTH"
        if way not in let_in:
            good, bad = bad, good
        assert bad not in [event[0] for event in sock.events(good)]


# ------------------------------------------------------------------ proxies


def test_steered_proxy_by_name(street):
    """Workers and a client of examples/cluster around zmq_proxy_steerable.  Catches: a proxy
    that forgets a family when it resumes."""
    if street.host.version >= (4, 3, 5):
        pytest.skip("zmq_proxy_steerable obeys nobody since 4.3.5")
    proxy = python(street.server, "steered_proxy.py", "tcp://*:5555", "tcp://eth0:5556")
    assert proxy.line() == "ready"
    assert street.server.open_on(5555) == ["*"]
    assert street.server.open_on(5556) == [SERVER4, SERVER6]
    for name, host in BOTH.items():
        example(street.client, "worker.py", tcp(host, 5556), name).line()
    assert wait_until(lambda: len(street.client.connections(5556, "ESTABLISHED")) == 2)
    clients = [example(street.client, "client.py", tcp(host), "0.02")
               for host in (SERVER4, SERVER6, "dual.test")]

    def both_answer(client, peer):
        seen = set()

        def complete(line):
            if "no reply" not in line:
                worker, _, _, address = line.split()[:4]
                assert address == peer
                seen.add(worker.rstrip(":"))
            return seen == set(BOTH)
        client.until(complete)

    for client, peer in zip(clients, (SERVER4, SERVER6, SERVER6)):
        both_answer(client, peer)
    proxy.tell("PAUSE")
    assert proxy.line() == "telling"
    for client in clients:
        client.until(lambda line: "no reply" in line)
    proxy.tell("RESUME")
    assert proxy.line() == "telling"
    for client, peer in zip(clients, (SERVER4, SERVER6, SERVER6)):
        both_answer(client, peer)
    proxy.tell("TERMINATE")
    assert [proxy.line(), proxy.line()] == ["telling", "over"]


def test_forwarder_between_families(street):
    """Publishers and subscribers of each family at zmq.device: subscriptions go one way, messages
    the other.  Catches: a subscription that does not cross from one family to the other."""
    forwarder = python(street.server, "forwarder.py", "tcp://eth0:5555", "tcp://*:5556")
    assert forwarder.line() == "ready"
    worker = street.client.worker()
    pubs, subs = {}, {}
    for way, host in BOTH.items():
        pubs[way] = worker.socket("XPUB")
        pubs[way].connect(tcp(host))
        subs[way] = worker.socket("SUB")
        subs[way].connect(tcp(host, 5556))
        subs[way].set("SUBSCRIBE", "news for " + way)
    for pub in pubs.values():
        seen = {pub.recv()["parts"][0] for _ in subs}
        assert seen == {"\x01news for " + way for way in subs}
    for source, pub in pubs.items():
        for way, sub in subs.items():
            pub.send("news for %s from %s" % (way, source))
            assert sub.recv() == {"parts": ["news for %s from %s" % (way, source)],
                                  "peer": BOTH[way]}


# ------------------------------------------------------------------ event loops


@needs("tornado")
@pytest.mark.parametrize("fault,over", [
    ((), SERVER6), (("meta nfproto ipv6 tcp dport 5555 drop",), SERVER4),
    (("meta nfproto ipv6 tcp dport 5555 reject with tcp reset",), SERVER4)],
    ids=["well", "silent", "refused"])
def test_asyncio_and_tornado(street, fault, over):
    """Twenty tasks of asyncio and a ZMQStream.  Catches: a socket's file descriptor that never
    becomes ready in an event loop."""
    server = python(street.server, "stream_server.py", "tcp://*:5555")
    assert server.line() == "ready"
    street.faults(*fault)
    client = python(street.client, "asyncio_client.py", DUAL, 20)
    assert client.line() == "%s 20" % over
    assert client.end() == 0


# ------------------------------------------------------------------ nothing gets lost


def test_server_that_moves_between_families(street):
    """From IPv6 to IPv4 and back, while requests are repeated until acknowledged.  Catches: a
    client that stays where the server was; a message that is lost, changed or out of order."""
    server = python(street.server, "ledger.py")
    client = None
    digests, peers = {}, []
    moves = [SERVER6, SERVER4, SERVER6, SERVER4]
    for host in moves:
        server.tell(tcp(host))
        assert server.line() == "bound"
        if client is None:
            client = python(street.client, "deliver.py", DUAL, 5 * len(moves), 3, 1000)
        else:
            client.tell("")
        for turn in range(5):
            number, peer, digest = client.line().split()
            digests[int(number)] = digest
            peers.append(peer)
            if turn < 4:
                client.tell("")
    assert client.end() == 0
    assert peers == [host for host in moves for _ in range(5)]
    assert entries(server) == sorted(digests.items())


def entries(server):
    """What the server has recorded, each number once; repeated ones have to be the same."""
    server.process.stdin.close()
    written = [tuple(entry) for entry in json.loads(server.line())]
    assert written == sorted(written)
    return sorted(set(written))


def test_large_message_over_a_family_that_fails(street):
    """8 MB in four parts, of which IPv6 carries three before it falls silent.  Catches: a message
    that arrives incomplete, or mixed with its second copy; a client that waits for ever."""
    server = python(street.server, "ledger.py")
    server.tell("tcp://*:5555")
    assert server.line() == "bound"
    street.faults("meta nfproto ipv6 tcp dport 5555 quota over 3 mbytes drop")
    client = python(street.client, "deliver.py", DUAL, 2, 4, 2 << 20)
    digests = {}
    for _ in range(2):
        number, peer, digest = client.line().split()
        assert peer == SERVER4
        digests[int(number)] = digest
        client.tell("")
    assert client.end() == 0
    assert entries(server) == sorted(digests.items())


@needs("tornado")
def test_relaxed_request_through_a_fall_back(street):
    """The second request is sent while the first one still waits for a connection.  Catches: after
    a fall-back, the reply to the wrong request."""
    street.silent(6)
    server = python(street.server, "stream_server.py", "tcp://*:5555")
    assert server.line() == "ready"
    client = python(street.client, "relaxed.py", DUAL, env={"ZMQ_DUALSTACK": "attempt-delay=1000"})
    for _ in range(2):
        assert client.line() == "asked"
        client.tell("")
    assert client.line() == "question 2 from " + SERVER4
