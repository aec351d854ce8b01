# SPDX-License-Identifier: MPL-2.0
"""What can happen to the process: forks, signals, stops, an end at any time, clocks that are
set."""
import os
import signal
import time

import pytest
from conftest import NEW_CONTEXT
from faults import LIFE, balanced
from lab import HERE, PYTHON, command, environment, wait_until
from street import DEAD, DUAL, FOUR, HOLE4, HOLE6, PROMPT, SERVER4, SERVER6, SIX, WAITING, \
    Street

HASTY = "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n"
SILENT = "tcp://silent.test:5555"


@pytest.fixture
def street(lab):
    return Street(lab, {"silent.test": {"A": [SERVER4], "AAAA": [SERVER6]}}, resolv=HASTY)


# ------------------------------------------------------------------ fork


@pytest.mark.parametrize("way", ["_exit", "exit", "close", "term", NEW_CONTEXT, "exec"])
def test_faults_fork_in_a_race(street, way):
    """The child ends in that way, or talks in a context of its own; the parent's race goes on, and
    is won.  Catches: a child's end that changes the parent's poller; a lock that is held, or a
    descriptor or a thread that is missing, in the child."""
    street.silent(4, 6)
    argv = [PYTHON, os.path.join(HERE, "programs", "fork.py"), SILENT, DUAL, way, "race"]
    client = street.client
    with client.background(command("patched", argv), stdin=-1, text=True,
                           env=environment("patched")) as process:
        assert process.stdout.readline() == "connected\n"
        assert wait_until(lambda: len(street.dialled()) == 2)
        street.serve_both()
        street.faults()
        process.stdin.write("go on\n")
        process.stdin.flush()
        assert process.stdout.readline() == "child 0\n"
        assert process.stdout.readline() == "parent True\n"
        assert process.stdout.readline() == "race True\n"
        assert process.stdout.readline() == "over\n"
        assert process.wait(10) == 0
    assert wait_until(lambda: street.dialled() == [])


# ------------------------------------------------------------------ ends


PHASES = {  # the endpoint, the words, the number of attempts in that phase
    "looking up": (DEAD, None, 0), "waiting for AAAA": ("tcp://half.test:5555", None, 0),
    "racing": ("tcp://holes.test:5555", "attempt-delay=10", 6),
    "retrying": ("tcp://dual.test:5999", None, 0), "handshaking": ("tcp://dual.test:5556", None, 1),
    "connected": (DUAL, None, 1)}


@pytest.mark.parametrize("phase", sorted(PHASES))
def test_faults_shutdown_from_another_thread(street, phase):
    """zmq_ctx_shutdown while the socket's owner waits in a call on it.  Catches: a wait for the
    resolver or the network; a socket that two threads use."""
    endpoint, words, attempts = PHASES[phase]
    street.dns.set(half_test={"A": [SERVER4], "drop": ["AAAA"]})
    street.serve_both()
    street.host.wrong_server(SERVER6, 5556, stays=True)
    worker = street.caller(words)

    def story():
        worker.context(name="x")
        sock = worker.socket("DEALER", ctx="x", LINGER=0, RECONNECT_IVL=10)
        sock.connect(endpoint)
        assert wait_until(lambda: len(street.dialled(int(endpoint[-4:]))) >= attempts)
        spent = worker.do("time", steps=[
            {"op": "shutdown_soon", "ctx": "x", "delay": 0.02},
            {"op": "outlast", "id": sock.name, "timeout": 10}, {"op": "quit", "ctx": "x"}])
        assert spent["results"][1] == "ETERM"
        assert spent["seconds"] < 1.8  # two would be a wait for the name server
        assert wait_until(lambda: not street.dialled(int(endpoint[-4:])))
    story()
    # A look-up at a dead server keeps a thread for two seconds.
    if phase not in ("looking up", "waiting for AAAA"):
        balanced(worker, story)


@pytest.mark.parametrize("way", ["disconnect", "close", "term"])
def test_faults_end_at_any_time(street, way):
    """After 0, 1, 2 ... milliseconds, so that every phase is hit, also those that are too short to
    wait for.  Catches: an attempt, a timer or an answer that outlives its connecter."""
    street.serve_both()
    street.dns.set(dual_test={"A": [SERVER4], "AAAA": [SERVER6], "delay": {"A": 0.005}})
    street.server.ip("route add prohibit 2001:db8::2/128")
    worker = street.caller("attempt-delay=10,resolution-delay=5")

    def story():
        worker.context(name="x")
        steps = []
        for number in range(25):
            name = "e%d" % number
            steps += [
                {"op": "socket", "id": name, "ctx": "x", "kind": "DEALER",
                 "opts": {"LINGER": 0, "RECONNECT_IVL": 1}},
                {"op": "connect", "id": name, "ep": (DUAL, "tcp://dual.test:5999", FOUR,
                                                     SIX)[number % 4]},
                {"op": "pause", "seconds": number * 0.0005}]
            if way == "disconnect":
                steps += [{"op": "disconnect", "id": name, "ep": steps[-2]["ep"]}]
            if way != "term":
                steps += [{"op": "close", "id": name}]
            elif number % 5 == 4:
                steps += [{"op": "quit", "ctx": "x"}, {"op": "ctx", "ctx": "x"}]
        spent = worker.do("time", steps=steps + [{"op": "quit", "ctx": "x"}])
        assert "disconnect" != way or set(spent["results"][3::5]) == {"ok"}
        assert spent["seconds"] < 8
    balanced(worker, story, times=4, spare=12000)
    assert wait_until(lambda: street.dialled() == [])


@pytest.mark.parametrize("way", ["disconnect", "close", "term"])
def test_faults_end_while_probing(street, way):
    """A probe of an address that failed is under way, and nothing answers it.  Catches: a probe
    that outlives the I/O thread; waiting for its end."""
    servant = street.serve(4)
    worker = street.caller("attempt-delay=2000")  # as long as a probe takes

    def story():
        worker.context(name="x")
        sock = worker.socket("DEALER", ctx="x", monitor=True, LINGER=0, RECONNECT_IVL=10)
        street.silent()
        assert sock.reach(DUAL).peer == SERVER4
        street.silent(6)
        events = sock.watch("DISCONNECTED", "HANDSHAKE_SUCCEEDED")
        servant.kick()
        events()
        assert wait_until(lambda: [one.state for one in street.dialled()
                                   if one.peer[0] == SERVER6] == ["SYN_SENT"])
        steps = {"disconnect": [{"op": "disconnect", "id": sock.name, "ep": DUAL}],
                 "close": [{"op": "close", "id": sock.name}], "term": []}[way]
        spent = worker.do("time", steps=steps + [{"op": "quit", "ctx": "x"}])
        assert spent["seconds"] < 1.8  # two would be a wait for the probe or for the name server
        assert wait_until(lambda: street.dialled() == [])
    balanced(worker, story)


# ------------------------------------------------------------------ signals


def test_faults_signals_without_end(street):
    """2000 a second, whose handler does not restart system calls.  Catches: EINTR taken for an
    answer."""
    street.serve_both()
    worker = street.caller()
    worker.do("alarms", interval=0.0005)
    for number in range(15):
        got = worker.do("life", ep=DUAL, opts=LIFE)
        assert got.get("peer") in (SERVER4, SERVER6), got
        assert worker.do("life", bind="tcp://eth0:*")["bind"] == "ok"
        assert worker.do("life", bind="tcp://*:*")["bind"] == "ok"
    sock = worker.socket("DEALER", RECONNECT_IVL=5)
    street.silent(6)
    assert sock.reach(DUAL).peer == SERVER4
    assert worker.do("alarms", interval=0) > 200


@pytest.mark.parametrize("seconds", [0.15, 0.8])
def test_faults_stopped_across_the_attempt_delay(street, seconds):
    """SIGSTOP while the first attempt is silent, SIGCONT when the delay is long over.  Catches:
    delays counted in wake-ups; losing the race because the clock went on."""
    street.serve(4)
    street.silent(6)
    worker = street.caller("attempt-delay=100")
    for _ in range(3):
        worker.context()
        sock = worker.socket("DEALER", LINGER=0)
        sock.connect(DUAL)
        assert wait_until(lambda: street.dialled())
        os.kill(worker.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(worker.pid, signal.SIGCONT)
        assert sock.reach().peer == SERVER4
        worker.do("quit")
        assert wait_until(lambda: street.dialled() == [])


def test_faults_stopped_longer_than_an_attempt_may_take(street):
    """The connection was made meanwhile, and is used.  Catches: checking the time limit before the
    connection."""
    street.serve_both()
    street.silent(4, 6)
    worker = street.caller("attempt-delay=100")
    sock = worker.socket("DEALER", CONNECT_TIMEOUT=300, RECONNECT_IVL=20)
    sock.connect(DUAL)
    assert wait_until(lambda: street.dialled())
    os.kill(worker.pid, signal.SIGSTOP)
    street.faults()
    # The kernel sends SYN once more.
    assert wait_until(lambda: "ESTABLISHED" in [one.state for one in street.dialled()])
    made = [one.local for one in street.dialled() if one.state == "ESTABLISHED"]
    os.kill(worker.pid, signal.SIGCONT)
    assert sock.reach().peer in (SERVER4, SERVER6)
    # If both connections were made, the other one may still be closing.
    assert wait_until(lambda: [one.local for one in street.dialled()] in [[one] for one in made])


def test_faults_wall_clock_jumps(street, shim):
    """By an hour, back and forth, each time it is read.  Catches: a delay, a memory's age or an
    idle time measured by the wall clock."""
    street.serve(4)
    street.silent(6)
    worker = street.caller(WAITING, shim=shim(""))
    worker.must("shim_jump", seconds=3600)
    worker.context()
    worker.socket("DEALER")
    idle = worker.threads()
    got = worker.socket("DEALER", RECONNECT_IVL=50).reach(DUAL)
    assert got.peer == SERVER4
    assert 1900 < got.ms < 6000
    got = worker.socket("DEALER", RECONNECT_IVL=50).reach(DUAL)
    assert (got.peer, got.ms < PROMPT) == (SERVER4, True)  # remembered
    assert worker.do("threads_at_most", limit=idle, timeout=8) <= idle
    street.dns.set(half_test={"A": [SERVER4], "drop": ["AAAA"]})
    got = street.caller(WAITING, shim=shim("")).socket("DEALER").reach("tcp://half.test:5555")
    assert got.ms > PROMPT


def test_faults_many_holes_and_an_end(street):
    """Sockets that race to black holes, in contexts that end at once, over and over.  Catches:
    anything that each of them leaves behind."""
    worker = street.caller("attempt-delay=10")
    street.dns.set(dark_test={"A": HOLE4[:3], "AAAA": HOLE6[:3]})

    def story():
        worker.context(name="x", threads=2)
        for _ in range(10):
            worker.socket("DEALER", ctx="x", LINGER=0).connect("tcp://dark.test:5555")
        assert wait_until(lambda: len(street.dialled()) >= 20)
        assert worker.do("quit", ctx="x") < 1.8
        assert wait_until(lambda: street.dialled() == [])
    balanced(worker, story)
