# SPDX-License-Identifier: MPL-2.0
"""The mode of a socket: auto, v6, v4, and the administrator's switch ZMQ_DUALSTACK."""
import pytest
from conftest import every_way
from lab import OK

LISTENS = {"auto": ["*"], "v6": ["*"], "v4": ["0.0.0.0"]}
SHOWN = {"auto": "tcp://0.0.0.0:5555", "v6": "tcp://[::]:5555", "v4": "tcp://0.0.0.0:5555"}


def kind_of(node, sock, port=5555):
    """A socket's mode, as seen in what a wildcard bind does."""
    shown = sock.bind("tcp://*:%d" % port)
    listens = node.open_on(port)
    sock.unbind(shown)
    assert node.open_on(port) == []
    return {("0.0.0.0", "*"): "auto", ("[::]", "*"): "v6", ("0.0.0.0", "0.0.0.0"): "v4"}[
        shown[len("tcp://"):].rsplit(":", 1)[0], listens[0]]


@every_way("auto", "v6", "v4")
def test_modes_every_way_to_set_one(node, mode):
    """Catches: a way to choose that has no effect; losing the context's choice; taking 0 on the
    context for "never set"; a switch that overrides apps that chose."""
    worker = node.worker(env=mode.env)
    sock = worker.socket("REP", mode=mode)
    assert kind_of(node, sock) == mode.kind
    assert sock.get("IPV6") == (1 if mode.kind == "v6" else 0)
    assert sock.get("IPV4ONLY") == (0 if mode.kind == "v6" else 1)


def test_modes_context_option_reads_as_stock(node):
    """Catches: a third value from zmq_ctx_get."""
    worker = node.worker()
    worker.context()
    assert worker.do("ctxget", opt="IPV6") == 0
    for value in (1, 0, 1):
        worker.must("ctxset", opt="IPV6", value=value)
        assert worker.do("ctxget", opt="IPV6") == value


def test_modes_sockets_inherit_at_creation(node):
    """Catches: inheriting only when the socket binds; a setting that reaches other contexts."""
    worker = node.worker()
    worker.context()
    first = worker.socket("REP")
    worker.must("ctxset", opt="IPV6", value=1)
    second = worker.socket("REP")
    worker.must("ctxset", opt="IPV6", value=0)
    third = worker.socket("REP")
    worker.context(name="other")
    fourth = worker.socket("REP", ctx="other")
    assert [kind_of(node, sock) for sock in (first, second, third, fourth)] == [
        "auto", "v6", "v4", "auto"]


@pytest.mark.parametrize("option", ["IPV6", "IPV4ONLY"])
@pytest.mark.parametrize("value", [2, -1, 255, "", "x", "xxx", "xxxxxxxx", None])
def test_modes_invalid_values_change_nothing(node, option, value):
    """Catches: marking an option as set before its value is checked."""
    for before, kind in (({}, "auto"), ({"IPV6": 1}, "v6"), ({"IPV6": 0}, "v4")):
        worker = node.worker()
        sock = worker.socket("REP", **before)
        assert sock.set_rc(option, value) == "EINVAL"
        assert kind_of(node, sock) == kind
        worker.kill()


def test_modes_invalid_context_values_change_nothing(node):
    """Catches: the same on the context.  (There, 2 means the same as 1, as in stock.)"""
    worker = node.worker()
    worker.context()
    assert worker.do("ctxset", opt="IPV6", value=-1) == "EINVAL"
    assert kind_of(node, worker.socket("REP")) == "auto"
    worker.must("ctxset", opt="IPV6", value=2)
    assert worker.do("ctxget", opt="IPV6") == 1
    assert kind_of(node, worker.socket("REP")) == "v6"
    assert worker.do("ctxset", opt="IPV6", value=-1) == "EINVAL"
    assert kind_of(node, worker.socket("REP")) == "v6"


def test_modes_the_last_choice_counts(node):
    """Catches: an option that ignores the other one; a way back to auto."""
    worker = node.worker()
    sock = worker.socket("REP")
    kinds = []
    for option, value in [("IPV6", 1), ("IPV4ONLY", 1), ("IPV6", 1), ("IPV6", 0),
                          ("IPV4ONLY", 0), ("IPV4ONLY", 1)]:
        sock.set(option, value)
        kinds.append(kind_of(node, sock))
    assert kinds == ["v6", "v4", "v6", "v4", "v6", "v4"]


def test_modes_a_bind_keeps_the_mode_it_was_made_in(node):
    """Catches: unbinding by the socket's present mode."""
    worker = node.worker()
    sock = worker.socket("REP")
    sock.bind("tcp://*:5555")
    sock.set("IPV6", 0)
    sock.bind("tcp://*:5556")
    sock.set("IPV6", 1)
    sock.bind("tcp://*:5557")
    assert [node.open_on(port)[0] for port in (5555, 5556, 5557)] == ["*", "0.0.0.0", "*"]
    for text in ("tcp://*:5555", "tcp://0.0.0.0:5556", "tcp://[::]:5557"):
        sock.unbind(text)
    assert node.listeners() == []


# ------------------------------------------------------------------ the switch


def warnings(worker):
    """What libzmq wrote on stderr."""
    return [line for line in worker.stderr().splitlines() if line.strip()]


@pytest.mark.parametrize("value", ["off", "off,", ",off", "off off", "  off\t"])
def test_modes_switch_off(node, value):
    """Catches: a switch that knows one spelling only, or that prints something."""
    worker = node.worker(env={"ZMQ_DUALSTACK": value})
    assert kind_of(node, worker.socket("REP")) == "v4"
    assert kind_of(node, worker.socket("REP", IPV6=1)) == "v6"
    assert warnings(worker) == []


@pytest.mark.parametrize("value", ["", " ", ",", "on"])
def test_modes_switch_empty(node, value):
    """Catches: taking an empty value, or `on`, for `off` or for an unknown word."""
    worker = node.worker(env={"ZMQ_DUALSTACK": value})
    assert kind_of(node, worker.socket("REP")) == "auto"
    assert warnings(worker) == []


@pytest.mark.parametrize("value", ["nonsense", "OFF", "onn", "offf", "of", "0", "off=1",
                                   "x" * 5000, "%s%n%d", "\u00e9\u00fc"])
def test_modes_unknown_word_is_reported_once(node, value):
    """Many contexts, one line that names the word.  Catches: a line per context or socket; an
    unknown word that switches off; using a text of the environment as a format string."""
    worker = node.worker(env={"ZMQ_DUALSTACK": value})
    for number in range(20):
        name = "c%d" % number
        sock = worker.socket("REP", ctx=name)
        if number in (0, 19):
            assert kind_of(node, sock) == "auto"
    lines = warnings(worker)
    assert len(lines) == 1, lines
    assert "ZMQ_DUALSTACK" in lines[0]
    assert value[:20] in lines[0]
    assert len(lines[0]) < 1000


def test_modes_known_word_next_to_an_unknown_one(node):
    """Catches: giving up at the first unknown word."""
    for value in ("nonsense,off", "off,nonsense", "off nonsense"):
        worker = node.worker(env={"ZMQ_DUALSTACK": value})
        assert kind_of(node, worker.socket("REP")) == "v4"
        lines = warnings(worker)
        assert len(lines) == 1 and "nonsense" in lines[0]
        worker.kill()


def test_modes_switch_is_read_once_per_context(node):
    """Catches: reading it at each bind, or once per process."""
    worker = node.worker()
    one = worker.socket("REP", ctx="one")
    assert kind_of(node, one) == "auto"
    worker.do("setenv", name="ZMQ_DUALSTACK", value="off")
    assert kind_of(node, one) == "auto"
    assert kind_of(node, worker.socket("REP", ctx="one")) == "auto"
    two = worker.socket("REP", ctx="two")
    assert kind_of(node, two) == "v4"
    worker.do("setenv", name="ZMQ_DUALSTACK", value="")
    assert kind_of(node, worker.socket("REP", ctx="two")) == "v4"
    assert kind_of(node, worker.socket("REP", ctx="three")) == "auto"


def test_modes_many_contexts_with_the_switch(node):
    """Catches: a leak per context."""
    worker = node.worker(env={"ZMQ_DUALSTACK": "off"})
    counts = set()
    for number in range(50):
        name = "c%d" % number
        sock = worker.socket("REP", ctx=name)
        sock.bind("tcp://*:5555")
        assert node.open_on(5555) == ["0.0.0.0"]
        worker.do("term", ctx=name)
        counts.add(worker.fds())
    assert len(counts) == 1


def test_modes_udp_and_others_do_not_care(node):
    """ZMQ_DUALSTACK is about TCP.  Catches: an `off` that stops other transports."""
    worker = node.worker(env={"ZMQ_DUALSTACK": "off"})
    sock = worker.socket("PUB")
    for endpoint in ("ipc://@zds-test", "inproc://here"):
        assert sock.bind_rc(endpoint) == OK
