# SPDX-License-Identifier: MPL-2.0
"""P-1: PGM stays IPv4-only and never aborts.  P-2: udp and the others are as stock."""
import itertools

import pytest
from lab import MODES, LabError, WorkerDied

# ip6-allnodes and the like are names that lead to IPv6.
HOSTS = ("127.0.0.1 localhost\n::1 localhost ip6-localhost\nff02::1 ip6-allnodes\n"
         "239.192.1.1 group.test\n")
LOCAL = {"hosts": HOSTS, "nsswitch.conf": "hosts: files\nnetworks: files\n"}


@pytest.fixture
def host(lab):
    return make_host(lab)


def make_host(lab, hosts=HOSTS):
    node = lab.node(etc=dict(LOCAL, hosts=hosts))
    node.nic("eth0", "10.0.0.1/24", "2001:db8::1/64", "fe80::1/64")
    node.nic("six0", "2001:db8:6::1/64")
    return node


def steps_for(call, kind, mode, endpoint):
    """One call, then wait until the I/O thread has done what the call started: that is where stock
    aborts."""
    return [{"op": "socket", "id": "w", "kind": "PAIR", "monitor": True},
            {"op": "socket", "id": "s", "kind": kind, "ctx_opts": mode.ctx, "opts": mode.sock},
            {"op": call, "id": "s", "ep": endpoint}, {"op": "settle", "id": "w"}]


class Runner:
    """Runs one call after the other; once a worker has died, each call has a worker of its own."""

    def __init__(self, node, lib):
        self.node, self.lib, self.worker = node, lib, None

    def one(self, call, kind, mode, endpoint):
        if self.worker is None:
            self.worker = self.node.worker(self.lib, env=mode.env)
        try:
            # The context stays, because ending one with such a socket can hang in stock.
            ctx = "c%d" % self.worker.counter
            steps = [dict(step, ctx=ctx) if step["op"] == "socket" else step
                     for step in steps_for(call, kind, mode, endpoint)]
            return self.worker.run(steps)[2:]
        except (WorkerDied, LabError) as trouble:
            self.worker.kill()
            self.worker = None
            return ["died: %s" % trouble, ""]

    def close(self):
        if self.worker:
            self.worker.kill()
            self.worker = None


IPV6 = ["eth0;[ff02::1]:5555", "eth0;ff02::1:5555", "eth0;[ff02::1%eth0]:5555",
        "[2001:db8::1];239.192.1.1:5555", "2001:db8::1;239.192.1.1:5555",
        "[fe80::1%eth0];[ff02::1]:5555", "fe80::1%eth0;ff02::1:5555", ";[ff02::1]:5555",
        "[ff02::1]:5555", "[2001:db8::1];[ff0e::1]:5555", "10.0.0.1;[ff02::1]:5555",
        "lo;[ff02::1]:5555", "[::1];[ff01::1]:5555", "[::];[ff02::1]:5555",
        "eth0;[ff02::1],[ff02::2];[ff02::3]:5555", "eth0;239.192.1.1;[ff02::1]:5555",
        "eth0;[ff02::1];239.192.1.1:5555", "eth0;239.192.1.1,[ff02::1]:5555",
        "six0;[ff02::1]:5555", "six0;239.192.1.1:5555", "[2001:db8::99];[ff02::1]:5555"]


@pytest.mark.parametrize("protocol", ["pgm", "epgm"])
@pytest.mark.parametrize("name", ["auto", "v6", "v4", "off"])
def test_p1_ipv6_is_eafnosupport(host, protocol, name):
    """An IPv6 group or interface, for senders and receivers, on both calls.
    Catches: a success that aborts in the I/O thread, as in stock; EINVAL; a mode that lets IPv6 in;
    one of the two calls that does not check."""
    runner, wrong = Runner(host, "patched"), []
    for endpoint, call, kind in itertools.product(IPV6, ("connect", "bind"), ("PUB", "SUB")):
        answer = runner.one(call, kind, MODES[name], "%s://%s" % (protocol, endpoint))
        if answer != ["EAFNOSUPPORT", "ok"]:
            wrong.append((call, kind, endpoint, answer))
    runner.close()
    assert wrong == []


@pytest.mark.parametrize("protocol", ["pgm", "epgm"])
def test_p1_names_that_lead_to_ipv6_never_abort(host, protocol):
    """Catches: an abort in the I/O thread on a name that zmq_connect took."""
    runner = Runner(host, "patched")
    for endpoint, call in itertools.product(
            ["eth0;ip6-allnodes:5555", "ip6-localhost;239.192.1.1:5555",
             "ip6-localhost;ip6-allnodes:5555", "ip6-allnodes:5555", ";ip6-allnodes:5555"],
            ("connect", "bind")):
        for kind in ("PUB", "SUB"):
            answer = runner.one(call, kind, MODES["auto"], "%s://%s" % (protocol, endpoint))
            assert (endpoint, answer[0] in ("EAFNOSUPPORT", "EINVAL", "ok"), answer[1]) == (
                endpoint, True, "ok"), answer
    runner.close()


IPV4 = ["eth0;239.192.1.1:5555", "10.0.0.1;239.192.1.1:5555", "127.0.0.1;239.192.1.1:5555",
        "lo;239.192.1.1:5555", ";239.192.1.1:5555", "239.192.1.1:5555", "group.test:5555",
        "eth0;group.test:5555", "localhost;239.192.1.1:5555",
        "eth0;239.192.1.1,239.192.1.2;239.192.1.3:5555", "eth0;239.192.1.1;239.192.1.3:5555",
        "eth0;239.192.1.1", "eth0;239.192.1.1:", "eth0;239.192.1.1:x", "eth0;239.192.1.1:0",
        "eth0;239.192.1.1:65536", "eth0;239.192.1.1:-1", "nosuch0;239.192.1.1:5555",
        "10.9.9.9;239.192.1.1:5555", "eth0;10.0.0.2:5555", "eth0;256.1.1.1:5555", "eth0;:5555",
        "eth0:5555", ";:5555", ";;:5555", ";;;:5555", ":5555", "a;b;c;d:5555", "*:5555",
        "*;239.192.1.1:5555", "eth0;*:5555", "0.0.0.0;239.192.1.1:5555", "eth0;nosuch.test:5555",
        "x" * 254 + ":5555", "x" * 255 + ":5555", "x" * 256 + ":5555", "x" * 5000 + ":5555",
        "[:5555", "];[:5555", "eth0;[239.192.1.1]:5555", "\u00e9;239.192.1.1:5555"]


@pytest.mark.parametrize("protocol,name,own_name", [
    ("epgm", "auto", False), ("epgm", "auto", True), ("pgm", "auto", False),
    ("pgm", "v6", True)])
def test_p1_ipv4_is_as_stock(lab, protocol, name, own_name):
    """Return code and errno, and no abort that stock does not have.  `own_name`: the host's name
    leads to its IPv4 address, from which PGM takes its default interface.  Catches: resolving in
    another way, so that an endpoint which stock refuses is taken and aborts later, or the other way
    round."""
    import socket
    hosts = HOSTS + ("10.0.0.1 %s\n" % socket.gethostname() if own_name else "")
    runners = [Runner(make_host(lab, hosts), lib) for lib in ("stock", "patched")]
    wrong = []
    for endpoint, call, kind in itertools.product(IPV4, ("connect", "bind"), ("PUB", "SUB")):
        theirs, ours = [runner.one(call, kind, MODES[name], "%s://%s" % (protocol, endpoint))
                        for runner in runners]
        if ours != theirs and not theirs[0].startswith("died"):
            wrong.append((call, kind, endpoint[:60], "stock", theirs, "patched",
                          [part[:160] for part in ours]))
    for runner in runners:
        runner.close()
    assert wrong == []


@pytest.mark.parametrize("lib", ["stock", "patched"])
@pytest.mark.parametrize("protocol", ["pgm", "epgm"])
def test_p1_messages_over_ipv4(lab, protocol, lib):
    """Messages arrive.  Catches: refusing every endpoint; losing the interface or the group on the
    way."""
    nodes = lab.node("sender", etc=LOCAL), lab.node("receiver", etc=LOCAL)
    lab.wire(nodes[0], "eth0", nodes[1], "eth0")
    nodes[0].addr("eth0", "10.0.0.1/24", "2001:db8::1/64")
    nodes[1].addr("eth0", "10.0.0.2/24", "2001:db8::2/64")
    sender, receiver = nodes[0].worker(lib), nodes[1].worker(lib)
    endpoint = protocol + "://eth0;239.192.1.1:5555"
    sub = receiver.socket("SUB", SUBSCRIBE="")
    sub.connect(endpoint)
    pub = sender.socket("PUB", RATE=10000)
    pub.connect(endpoint)
    for _ in range(50):
        pub.send("news")
        got = sub.recv(timeout=0.2)
        if "parts" in got:
            break
    assert got.get("parts") == ["news"]


# ------------------------------------------------------------------ P-2


UDP = ["*:5555", "127.0.0.1:5555", "0.0.0.0:5555", "eth0:5555", "lo:5555", "[::1]:5555",
       "[::]:5555", "::1:5555", "239.0.0.1:5555", "eth0;239.0.0.1:5555", "lo;239.0.0.1:5555",
       "127.0.0.1;239.0.0.1:5555", "eth0;127.0.0.1:5555", "[ff02::1]:5555", "eth0;[ff02::1]:5555",
       "six0;[ff02::1]:5555", "six0:5555", "nosuch0:5555", "localhost:5555", "127.0.0.1:*",
       "127.0.0.1:0", "127.0.0.1", "", ":5555", "10.0.0.1:65536", "[::ffff:127.0.0.1]:5555",
       "*;239.0.0.1:5555", "[fe80::1%eth0]:5555"]


@pytest.mark.parametrize("name", ["auto", "v6", "v4", "off"])
@pytest.mark.parametrize("kind", ["DGRAM", "RADIO", "DISH"])
def test_p2_udp_is_as_stock(lab, kind, name):
    """Catches: udp's resolver misreading our mode as its own flag."""
    runners = [Runner(make_host(lab), lib) for lib in ("stock", "patched")]
    wrong = []
    for number, (endpoint, call) in enumerate(itertools.product(UDP, ("bind", "connect"))):
        # Nothing is closed in between, so each call needs a port of its own.
        endpoint = "udp://" + endpoint.replace(":5555", ":%d" % (5000 + number))
        theirs, ours = [runner.one(call, kind, MODES[name], endpoint) for runner in runners]
        if ours != theirs and not theirs[0].startswith("died"):
            wrong.append((call, endpoint, theirs, ours))
    for runner in runners:
        runner.close()
    assert wrong == []


@pytest.mark.parametrize("lib", ["stock", "patched"])
def test_p2_datagrams_arrive(host, lib):
    """Catches: an IPv6 socket for udp://* in `auto`; an address that is shown differently."""
    worker = host.worker(lib)
    one, other = worker.socket("DGRAM"), worker.socket("DGRAM")
    one.bind("udp://*:5555")
    other.bind("udp://127.0.0.1:5556")
    other.send("127.0.0.1:5555", "hello")
    assert [part.strip("\0") for part in one.recv()["parts"]] == ["127.0.0.1:5556", "hello"]
    assert "0.0.0.0:5555" in host.run(["ss", "-Hlun"]).stdout


@pytest.mark.parametrize("name", ["auto", "v6"])
def test_p2_norm_and_tipc_are_as_stock(lab, name):
    """Catches: our parser reading another transport's endpoint."""
    listed = ["norm://127.0.0.1:5555", "norm://eth0;239.0.0.1:5555", "norm://239.0.0.1:5555",
              "norm://1,239.0.0.1:5555", "norm://1,eth0;239.0.0.1:5555", "norm://[::1]:5555",
              "norm://[ff02::1]:5555", "norm://nosuch0;239.0.0.1:5555", "norm://x", "norm://",
              "norm://127.0.0.1", "norm://*:5555", "tipc://{5555,0,0}", "tipc://{5555,0}@0.0.0",
              "tipc://<1.1.1:5>", "tipc://", "tipc://x"]
    answers = {}
    for lib in ("stock", "patched"):
        runner, answers[lib] = Runner(make_host(lab), lib), []
        for endpoint, call in itertools.product(listed, ("bind", "connect")):
            answer = runner.one(call, "PUB", MODES[name], endpoint)
            answers[lib].append((call, endpoint, [part[:5] for part in answer]))
            if not endpoint.startswith("tipc"):
                runner.close()
        runner.close()
    assert answers["patched"] == answers["stock"]
