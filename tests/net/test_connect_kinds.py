# SPDX-License-Identifier: MPL-2.0
"""C-9 and C-16 for every kind of wrong server that we could think of: the wrong one is on the
name's IPv6 address, the right one on its IPv4 address, where stock goes at once.

Would catch: a wrong server that is taken for the right one by its first bytes, that costs a
reconnect interval or a handshake interval, or that is sent messages.
"""
import pytest
from conftest import modes
from street import CLIENT4, DUAL, FAR6, SERVER4, SERVER6, Street

ZMTP3 = "ff00000000000000017f"
NULL = ZMTP3 + "0300" + b"NULL".hex() + "00" * 16 + "00" + "00" * 31
READY = "04" + "26" + "05" + b"READY".hex() + "0b" + b"Socket-Type".hex() + "00000003" \
    + b"PUB".hex()
ERROR = "04" + "0a" + "05" + b"ERROR".hex() + "03" + b"bad".hex()
WRONG_SERVERS = {
    "closes": {},
    "closes when it has heard": {"listens": True},
    "resets": {"reset": True},
    "resets when it has heard": {"listens": True, "reset": True},
    "http": {"listens": True, "say": "HTTP/1.1 400 Bad Request\r\n\r\n"},
    "http that stays": {"listens": True, "stays": True, "say": "HTTP/1.1 400 Bad Request\r\n\r\n"},
    "ssh": {"say": "SSH-2.0-x\r\n", "stays": True},
    "smtp": {"say": "220 mail.test ESMTP\r\n", "stays": True},
    "memcached": {"listens": True, "say": "ERROR\r\n", "stays": True},
    "redis": {"listens": True, "say": "-ERR unknown command\r\n", "stays": True},
    "tls": {"listens": True, "hex": "15030300020246"},
    "mysql": {"hex": "4a0000000a352e372e33302d6c6f67" + "41" * 62, "stays": True},
    "amqp": {"listens": True, "hex": b"AMQP\x00\x00\x09\x01".hex()},
    "half a signature and closes": {"hex": "ff000000"},
    "a signature and closes": {"hex": ZMTP3},
    "a signature that does not end": {"hex": "ff0000000000000001ff" + "41" * 60},
    "a greeting and closes": {"hex": NULL},
    "another mechanism": {"hex": ZMTP3 + "0300" + b"CURVE".hex() + "00" * 47},
    "no mechanism known": {"hex": ZMTP3 + "0300" + b"KERBEROS".hex() + "00" * 44},
    "another socket type": {"hex": NULL, "then": "\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00"
                            "\x03PUB"},
    "garbage after the greeting": {"hex": NULL, "then": "garbage without end " * 20},
    "one byte and closes": {"say": "x"},
    "zeros": {"hex": "00" * 64},
    "all ones": {"hex": "ff" * 64},
}
MUTE = {"mute": {"stays": True}, "mute when it has heard": {"listens": True, "stays": True},
        "one byte": {"hex": "ff", "stays": True}, "half": {"hex": "ff00000000", "stays": True}}
SLOW = 5000  # ms, an interval that nobody may have to wait for


@pytest.fixture
def street(lab):
    street = Street(lab)
    street.serve(4)
    return street


@modes("auto", "v6")
def test_c16_wrong_servers(street, mode):
    """All kinds, one after the other, each for a socket of a new context, which remembers
    nothing."""
    worker = street.caller("attempt-delay=250")
    wrong = []
    for number, (kind, how) in enumerate(sorted(WRONG_SERVERS.items()) + sorted(MUTE.items())):
        street.host.must("wrong_server", id=kind, host=SERVER6, port=5555, **how)
        sock = worker.socket("DEALER", ctx="c%d" % number, mode=mode, RECONNECT_IVL=SLOW)
        answer = sock._do("reach", ep=DUAL, timeout=8)
        if answer.get("who") != "4" or answer["ms"] > 3500:
            wrong.append((kind, answer))
        sock.close()
        street.host.must("end_wrong_server", id=kind)
    assert not wrong


def test_c16_many_wrong_servers_in_front(street):
    """Five IPv6 addresses, each with another kind."""
    street.dns.set(dual_test={"A": [SERVER4], "AAAA": [SERVER6] + FAR6[:4]})
    for one, kind in zip([SERVER6] + FAR6, ("closes", "http", "ssh", "resets", "tls")):
        street.host.wrong_server(one, **WRONG_SERVERS[kind])
    got = street.dial("attempt-delay=250", RECONNECT_IVL=SLOW).reach(DUAL)
    assert got.who == "4" and got.ms < 3500


@pytest.mark.parametrize("kind", ["closes", "http", "mute", "a signature and closes"])
def test_c16_what_was_queued_arrives_once(street, kind):
    """Messages are sent before the race is over.  Catches: messages that are lost to a wrong
    server, or sent twice."""
    street.host.must("socket", id="pull", kind="PULL", ctx="p", opts={})
    street.host.must("bind", id="pull", ep="tcp://%s:5556" % SERVER4)
    street.host.wrong_server(SERVER6, 5556, **dict(WRONG_SERVERS, **MUTE)[kind])
    push = street.caller("attempt-delay=250").socket("PUSH", RECONNECT_IVL=SLOW)
    push.connect(DUAL.replace("5555", "5556"))
    for number in range(200):
        push.send("m%d" % number)
    for number in range(200):
        assert street.host.do("recv", id="pull", timeout=8)["parts"] == ["m%d" % number]
    assert "timeout" in street.host.do("recv", id="pull", timeout=0.3)


# ------------------------------------------------------------------ a server that admits by address

MECHANISMS = ("NULL", "PLAIN", "CURVE")


def secured(street, mechanism):
    """A server on both families that lets in clients by their IPv4 address only."""
    host = street.server.worker("stock")
    host.must("ctx", ctx="c")
    host.must("zap", ctx="c", allow=[CLIENT4, "::ffff:" + CLIENT4])
    sock = host.socket("ROUTER", IPV6=1, ZAP_DOMAIN="global",
                       **{"PLAIN_SERVER": 1} if mechanism == "PLAIN" else {})
    key = host.do("curve", id=sock.name, role="server") if mechanism == "CURVE" else None
    sock.bind("tcp://*:5557")
    return host, sock, key


def admitted(client, host, sock, endpoint, seconds):
    client.connect(endpoint)
    client.send("let me in")
    got = host.do("recv", id=sock.name, timeout=seconds)
    return got.get("peer", "").replace("::ffff:", "")


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_c9_an_ipv4_allow_list(lab, mechanism):
    """Stock gets in within milliseconds; so must patched, whatever interval the app has set."""
    street = Street(lab)
    host, sock, key = secured(street, mechanism)
    more = {"PLAIN_USERNAME": "me", "PLAIN_PASSWORD": "secret"} if mechanism == "PLAIN" else {}
    client = street.dial("attempt-delay=250", RECONNECT_IVL=100, **more)
    if key:
        client._do("curve", role="client", server_key=key)
    assert admitted(client, host, sock, "tcp://dual.test:5557", 5) == CLIENT4


def test_c9_an_allow_list_and_several_addresses(lab):
    """Catches: remembering only one address as bad, and trying the others of its family before IPv4
    for ever."""
    street = Street(lab, {"dual.test": {"A": [SERVER4], "AAAA": [SERVER6] + FAR6[:3]}})
    host, sock, _ = secured(street, "NULL")
    client = street.dial("attempt-delay=250", RECONNECT_IVL=20)
    assert admitted(client, host, sock, "tcp://dual.test:5557", 8) == CLIENT4
