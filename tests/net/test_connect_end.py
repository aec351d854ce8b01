# SPDX-License-Identifier: MPL-2.0
"""C-11: whatever a connect is waiting for, ending it does not wait for that, and leaves nothing
behind."""
import os

import pytest
from conftest import NEW_CONTEXT, not_under
from lab import HERE, PYTHON, command, environment, libdir, wait_until
from street import DEAD, DUAL, FOUR, HOLE4, SERVER4, SERVER6, Street, tcp

LIMIT = 1.8  # seconds; a dead name server or a silent address costs ten and more

# Dead name servers are given up after few seconds, so that a test can wait for that.
HASTY = "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n"


@pytest.fixture
def street(lab):
    return Street(lab)


class Stage:
    """A stage in the life of a connect.  `zone` and `faults` make it last; `reached` waits until
    the connect is in it."""

    def __init__(self, endpoint=DUAL, words=None, event=None, asked=None, attempts=0,
                 prepare=None, **opts):
        self.endpoint, self.words, self.opts = endpoint, words, opts
        self.event, self.asked, self.attempts, self.prepare = event, asked, attempts, prepare

    def reached(self, street, sock):
        if self.asked:
            street.dns.wait_asked(self.asked, "A", "AAAA")
        if self.event:
            sock.events(self.event)
        if self.attempts:
            assert wait_until(lambda: len(street.dialled()) >= self.attempts)


STAGES = {
    "resolving": Stage(DEAD, asked="dead.test"),
    "resolution-delay": Stage("tcp://half.test:5555", "resolution-delay=2000", asked="half.test"),
    "first-attempt": Stage("tcp://holes.test:5555", "attempt-delay=2000", attempts=1),
    "racing": Stage("tcp://holes.test:5555", "attempt-delay=20", attempts=6),
    "racing-and-resolving": Stage("tcp://hole4.test:5555", attempts=1),
    "retrying": Stage("tcp://dual.test:5999", event="CONNECT_RETRIED", RECONNECT_IVL=60000),
    "retrying-fast": Stage("tcp://dual.test:5999", event="CONNECT_RETRIED", RECONNECT_IVL=1),
    "unknown-name": Stage("tcp://none.test:5555", event="CONNECT_RETRIED", RECONNECT_IVL=60000),
    "numeric": Stage(tcp(HOLE4[0]), attempts=1),
    "greeting": Stage("tcp://dual.test:5557", "attempt-delay=20", event="CONNECT_RETRIED",
                      RECONNECT_IVL=60000),
    "handshaking": Stage("tcp://dual.test:5556", event="CONNECTED"),
    "connected": Stage(DUAL, event="HANDSHAKE_SUCCEEDED"),
}

WAYS = ["disconnect", "close", "term"]


@pytest.mark.parametrize("name", sorted(STAGES))
def test_c11_ends_at_every_stage(lab, name):
    """zmq_disconnect, zmq_close and zmq_ctx_term.  Catches: a wait for the resolver or the
    kernel; an attempt, a timer or a descriptor that outlives its connecter, or an assertion
    about one."""
    stage = STAGES[name]
    street = Street(lab, {"half.test": {"A": [SERVER4], "drop": ["AAAA"]},
                          "hole4.test": {"A": HOLE4[:1], "drop": ["AAAA"]}}, resolv=HASTY)
    street.serve_both()
    street.host.wrong_server(SERVER6, 5556, hex="ff00000000000000017f", stays=True)
    street.host.wrong_server(SERVER6, 5557, stays=True)
    worker = street.caller(stage.words)
    worker.context(name="first")
    worker.do("quit", ctx="first")
    fds, threads = worker.fds(), worker.threads()
    for way in WAYS:
        worker.context(name=way)
        sock = worker.socket("DEALER", ctx=way, monitor=True, LINGER=0, **stage.opts)
        sock.connect(stage.endpoint)
        stage.reached(street, sock)
        steps = {"disconnect": [{"op": "disconnect", "id": sock.name, "ep": stage.endpoint}],
                 "close": [{"op": "close", "id": sock.name}], "term": []}[way]
        spent = worker.do("time", steps=steps)
        assert spent["seconds"] < LIMIT, way
        assert way != "disconnect" or spent["results"] == ["ok"]
        assert worker.do("time", steps=[{"op": "quit", "ctx": way}])["seconds"] < LIMIT, way
        assert wait_until(lambda: street.dialled() == [])
    assert worker.do("fds_at_most", limit=fds, timeout=15) <= fds
    assert worker.do("threads_at_most", limit=threads, timeout=15) <= threads


def test_c11_many_at_once(street):
    """100 sockets in every stage end together.  Catches: a wait for each."""
    street.serve(4)
    street.silent(6)
    worker = street.caller("attempt-delay=100")
    worker.context()
    endpoints = [DEAD, DUAL, "tcp://holes.test:5555", "tcp://dual.test:5999", FOUR]
    for number in range(100):
        sock = worker.socket("DEALER", LINGER=0, RECONNECT_IVL=10)
        sock.connect(endpoints[number % len(endpoints)])
    assert worker.do("time", steps=[{"op": "quit"}])["seconds"] < 2 * LIMIT


def test_c11_disconnect_and_connect_again(street):
    """Catches: an old look-up or attempt that answers to the new connect."""
    street.serve_both()
    sock = street.dial()
    for endpoint in [DEAD, "tcp://holes.test:5555"] * 10:
        sock.connect(endpoint)
        sock.disconnect(endpoint)
    assert sock.reach(DUAL).peer == SERVER6
    for _ in range(30):
        sock.disconnect(DUAL)
        sock.connect(DUAL)
    assert sock.reach().peer == SERVER6
    assert wait_until(lambda: len(street.dialled()) == 1)


def test_c11_linger_while_racing(street):
    """A message waits, and is given ZMQ_LINGER's time, no more.  Catches: a race that is cancelled
    although it could still deliver; one that goes on after the linger period."""
    street.silent(6)
    servant = street.serve(4)
    worker = street.caller("attempt-delay=1800")
    for linger, ends in ((300, (0.25, 1.7)), (-1, (1.7, 6.0))):
        worker.context()
        sock = worker.socket("DEALER", LINGER=linger)
        steps = [{"op": "connect", "id": sock.name, "ep": DUAL},
                 {"op": "send", "id": sock.name, "parts": ["a message"]},
                 {"op": "leave", "id": sock.name}, {"op": "quit"}]
        assert ends[0] < worker.do("time", steps=steps)["seconds"] < ends[1]
    assert wait_until(lambda: servant.log()["messages"] == 1)


@pytest.mark.parametrize("call", ["disconnect", "unbind"])
def test_c11_no_lookup_on_the_callers_thread(street, call):
    """Catches: stock's two look-ups in zmq_disconnect and zmq_unbind."""
    worker = street.caller()
    sock = worker.socket("DEALER")
    sock.bind("tcp://127.0.0.1:5555")
    spent = worker.do("time", steps=[{"op": call, "id": sock.name, "ep": DEAD}])
    assert spent["results"] == ["ENOENT"]
    assert spent["seconds"] < LIMIT
    assert street.dns.log() == []


@pytest.mark.parametrize("event,opts", [
    ("DISCONNECTED", {"RECONNECT_IVL": -1}),
    ("CLOSED", {"RECONNECT_IVL": 10, "RECONNECT_STOP": 1})], ids=["no-reconnects", "refused"])
def test_c11_a_lost_endpoint_is_released(street, event, opts):
    """The endpoint had a connection, and is still to be found by its name.  Catches: looking for it
    by its address."""
    servants = street.serve_both()
    sock = street.dial(**opts)
    sock.reach(DUAL)
    events = sock.watch(event)
    for servant in servants:
        servant.stop()
    events()
    sock.worker.must("settle", id=sock.name)
    assert sock.disconnect_rc(DUAL) == "ENOENT"


def start(street, program, *arguments):
    argv = [PYTHON, os.path.join(HERE, "programs", program)] + list(arguments)
    return street.client.background(command("patched", argv), stdin=-1, text=True,
                                    env=environment("patched"))


@not_under("tsan", why="it has a thread of its own, which is counted")
def test_c11_unload_while_a_lookup_hangs(lab):
    """dlclose with a thread in getaddrinfo.  Catches: a thread that returns to code which is no
    longer there; a zmq_ctx_term or dlclose that waits for it."""
    street = Street(lab, resolv=HASTY)
    library = os.path.join(libdir("patched"), "libzmq.so.5")
    with start(street, "unload.py", library, DEAD, "10") as process:
        assert process.stdout.readline() == "connected\n"
        street.dns.wait_asked("dead.test", "A", "AAAA")
        process.stdin.write("go on\n")
        process.stdin.flush()
        assert float(process.stdout.readline().split()[-1]) < LIMIT
        assert process.stdout.readline().startswith("unloaded with ")
        assert process.stdout.readline() == "alive with 0 threads\n"
        assert process.wait(10) == 0


def test_c11_exit_while_a_lookup_hangs(street):
    """Catches: a destructor of the library that waits for its threads."""
    code = ("import sys, zmq, time\ns = zmq.Context().socket(zmq.DEALER)\ns.linger = 0\n"
            "s.connect(%r)\nprint('connected', flush=True)\nsys.stdin.readline()\n" % DEAD)
    path = street.client.lab.write("leave.py", code)
    with start(street, path) as process:
        assert process.stdout.readline() == "connected\n"
        street.dns.wait_asked("dead.test", "A", "AAAA")
        process.stdin.write("go on\n")
        process.stdin.flush()
        assert process.wait(5) == 0


@pytest.mark.parametrize("way", ["_exit", "term", NEW_CONTEXT, "exec"])
def test_c11_fork_while_a_lookup_hangs(street, way):
    """Catches: a lock held by a thread that does not exist in the child; a descriptor of the
    parent's that the child closes or uses."""
    street.serve_both()
    with start(street, "fork.py", DEAD, DUAL, way) as process:
        assert process.stdout.readline() == "connected\n"
        street.dns.wait_asked("dead.test", "A", "AAAA")
        process.stdin.write("go on\n")
        process.stdin.flush()
        assert process.stdout.readline() == "child 0\n"
        assert process.stdout.readline() == "parent True\n"
        assert process.stdout.readline() == "over\n"
        assert process.wait(10) == 0
