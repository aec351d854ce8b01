# SPDX-License-Identifier: MPL-2.0
"""D-3: ZMQ_DUALSTACK=trace writes what is decided, and why, and nothing else changes."""
import os
import re

import pytest
from lab import wait_until
from street import DUAL, HOLE6, SERVER4, SERVER6, Street, tcp

# The time, the process, the socket, then the text that the tests compare.
LINE = re.compile(r"^\d{10}\.\d{6} (\d+) (?:socket (\d+) )?(.*)$")


@pytest.fixture
def street(lab):
    return Street(lab)


@pytest.fixture
def path(lab):
    return lab.path("trace")


def told(path, pid=None):
    """The lines of the trace, without time and process; each must have the right form."""
    if not os.path.exists(path):
        return []
    with open(path) as lines:
        found = [LINE.match(line) for line in lines]
    assert all(found)
    return [one.group(3) for one in found if pid is None or int(one.group(1)) == pid]


def after(prefix, lines):
    return [line[len(prefix):] for line in lines if line.startswith(prefix)]


def connect_lines(path, endpoint=DUAL):
    return after("connect %s: " % endpoint, told(path))


def without_times(lines):
    return [re.sub(r"after \d+ ms", "after N ms", line) for line in lines]


def test_d3_a_race(street, path):
    """IPv6 is silent, IPv4 wins.  Catches: a step that is not traced, or that has another step's
    reason."""
    street.serve(4)
    street.silent(6)
    assert street.dial("trace=%s" % path).reach(DUAL).who == "4"
    four, six = "%s:5555" % SERVER4, "[%s]:5555" % SERVER6
    lines = without_times(connect_lines(path))
    assert lines[:4] == [
        "mode auto, a name",
        "looks up A and AAAA: what every program on this host gets",
        "A and AAAA: %s, %s" % (SERVER6, SERVER4),
        "tries %s: IPv6 comes first, as the system orders; the answer is there" % six]
    assert lines[4:10] == [
        "tries %s: the families take turns; silence for the attempt delay" % four,
        "%s connects after N ms" % four,
        "%s connected, waits for a greeting" % four,
        "%s greeted" % four,
        "gives %s up: another one won" % six,
        "uses %s: it greeted first" % four]


def test_d3_a_whole_answer_that_is_late(street, path):
    """Catches: a helper that is not traced, or has no reason."""
    street.serve(4)
    street.dns.set(dual_test={"A": [SERVER4], "drop": ["AAAA"]})
    assert street.dial("resolution-delay=50,trace=%s" % path).reach(DUAL).who == "4"
    lines = connect_lines(path)
    assert "looks up A: the whole answer is late" in lines
    assert "looks up AAAA: the whole answer is late" in lines
    assert "A: %s" % SERVER4 in lines
    assert ("tries %s:5555: there is no better IPv6 address; the whole answer has not come within "
            "the resolution delay" % SERVER4) in lines


def test_d3_a_hard_error_and_what_is_remembered(street, path):
    """IPv6 is refused; a second socket starts with the winner.  Catches: not tracing what is
    remembered, or a probe."""
    street.serve(4)
    worker = street.caller("trace=%s" % path)
    assert worker.socket("DEALER", monitor=True).reach(DUAL).who == "4"
    assert worker.socket("DEALER", monitor=True).reach(DUAL).who == "4"
    lines = without_times(connect_lines(path))
    assert "[%s]:5555 ECONNREFUSED after N ms" % SERVER6 in lines
    assert any(line.startswith("tries %s:5555: the families take turns; the one before failed"
                               % SERVER4) for line in lines)
    assert "tries %s:5555: it won the last time; at once" % SERVER4 in lines
    assert "looks whether [%s]:5555 works again" % SERVER6 in lines
    assert wait_until(lambda: any("still does not work" in one for one in connect_lines(path)))


def test_d3_numeric_and_bad_ones(street, path):
    """Catches: endpoints that never get to a race, and leave no line; a numeric one that is traced
    as if there had been others."""
    sock = street.dial("trace=%s" % path)
    for host in HOLE6[0], SERVER4:
        sock.connect(tcp(host))
        assert wait_until(lambda: len(connect_lines(path, tcp(host))) >= 2)
        assert connect_lines(path, tcp(host))[:2] == [
            "mode auto, numeric: only this address",
            "tries %s: a numeric address is only that address" % tcp(host)[len("tcp://"):]]
    endpoint = "tcp://nosuch0:0;%s:5555" % SERVER4
    sock.connect(endpoint)
    assert wait_until(lambda: connect_lines(path, endpoint))
    assert connect_lines(path, endpoint)[0].startswith("fails, ENODEV: ")


def test_d3_binds(street, path):
    """One socket, two, and one that cannot be opened.  Catches: a listener that is not traced."""
    worker = street.caller("trace=%s" % path)
    sock = worker.socket("REP")
    sock.bind("tcp://*:5601")
    sock.bind("tcp://eth0:5602")
    assert sock.bind_rc("tcp://eth0:5601") == "EADDRINUSE"
    assert sock.bind_rc("tcp://nosuch0:5603") == "ENODEV"
    lines = after("bind ", told(path))
    assert lines[:2] == [
        "tcp://*:5601: mode auto, 1 socket: * is one socket for both families",
        "tcp://*:5601: listens on [::]:5601, IPv4 too"]
    assert lines[2:5] == [
        "tcp://eth0:5602: mode auto, 2 sockets: an interface is a socket per family it has",
        "tcp://eth0:5602: listens on 10.0.0.2:5602",
        "tcp://eth0:5602: listens on [2001:db8::2]:5602"]
    assert "tcp://eth0:5601: cannot listen on 10.0.0.2:5601: EADDRINUSE at bind or listen" in lines
    assert "tcp://eth0:5601: fails, EADDRINUSE: nothing is open" in lines
    assert lines[-1] == "tcp://nosuch0:5603: fails, ENODEV: no interface or address of this mode"


def test_d3_who_is_kept_out(street, path):
    """Catches: not tracing that a filter refused a peer, which operators ask first."""
    worker = street.caller("trace=%s" % path)
    sock = worker.socket("REP", TCP_ACCEPT_FILTER="192.0.2.0/24")
    sock.bind("tcp://*:5604")
    caller = street.host.socket("REQ", IPV6=1)
    caller.connect(tcp("2001:db8::2", 5604))
    assert wait_until(lambda: after("accept ", told(path)))
    assert re.match(r"tcp://0\.0\.0\.0:5604: refuses \[2001:db8::f?\d\]:\d+: "
                    "no accept filter matches$", after("accept ", told(path))[0])


def test_d3_no_peer_of_ours(street, path):
    """Catches: not tracing why a peer is passed over."""
    street.serve(4)
    street.host.wrong_server(SERVER6, say="SSH-2.0-x\r\n", stays=True)
    assert street.dial("trace=%s" % path).reach(DUAL).who == "4"
    lines = connect_lines(path)
    assert "[%s]:5555 connected, waits for a greeting" % SERVER6 in lines
    assert "[%s]:5555 is no ZeroMQ peer" % SERVER6 in lines


def test_d3_a_mute_peer(street, path):
    """Catches: the same for one that says nothing."""
    street.serve(4)
    street.host.wrong_server(SERVER6, stays=True)
    assert street.dial("trace=%s" % path).reach(DUAL).who == "4"
    assert any(one.endswith("the one before connected and sent nothing for the attempt delay")
               for one in connect_lines(path))


def test_d3_a_handshake_that_is_not_completed(street, path):
    """Catches: not tracing the one decision that is made outside a race."""
    street.serve(4)
    street.host.wrong_server(SERVER6, hex="ff00000000000000007f0300504c41494e" + "00" * 47)
    assert street.dial("trace=%s" % path, RECONNECT_IVL=10).reach(DUAL).who == "4"
    assert ("[%s]:5555 completed no handshake: it goes last; goes on to the next address" % SERVER6
            in connect_lines(path))


def test_d3_stderr_and_other_words(street):
    """Catches: not recognising the word alone; losing other words beside it."""
    street.serve(4)
    sock = street.dial("off,trace")
    assert sock.reach(DUAL).who == "4"
    lines = [LINE.match(line) for line in sock.worker.stderr().splitlines()]
    assert lines and all(lines)
    assert [one.group(3) for one in lines[:2]] == [
        "connect %s: %s" % (DUAL, what)
        for what in ("mode v4, a name", "looks up A: nothing else could be used")]


def test_d3_a_file_that_cannot_be_written(street, lab):
    """It is reported on stderr, and the program runs.  Catches: a failure that ends the program, or
    goes unseen."""
    street.serve(6)
    sock = street.dial("trace=%s/no/such" % os.path.dirname(lab.path("x")))
    assert sock.reach(DUAL).who == "6"
    assert re.match(r"libzmq: ZMQ_DUALSTACK: no trace: /.*/no/such: No such file or directory$",
                    sock.worker.stderr().strip())


def test_d3_handshakes(street, path):
    """How they end.  Catches: a connection that dies without a line."""
    street.serve(6)
    sock = street.dial("trace=%s" % path)
    sock.reach(DUAL)
    assert wait_until(lambda: any(one.startswith("handshake done, ")
                                  for one in connect_lines(path)))
    street.host.kill()
    assert wait_until(lambda: any(one.startswith("connection ends, ")
                                  for one in connect_lines(path)))


def test_d3_a_zap_denial(street, path):
    """On both sides.  Catches: a client that is turned away without a line that says by whom."""
    server, client = street.caller("trace=%s" % path), street.caller("trace=%s" % path)
    server.context()
    server.do("zap", status="400")
    sock = server.socket("REP", ZAP_DOMAIN="global")
    sock.bind("tcp://*:5605")
    client.socket("REQ").connect(tcp("10.0.0.2", 5605))
    wanted = [("accept tcp://10.0.0.2:5605: ", "ZAP denies the peer, status 400, tcp://10.0.0.2:"),
              ("connect tcp://10.0.0.2:5605: ", "the server's ZAP denies us, status 400, ")]
    for prefix, text in wanted:
        assert wait_until(lambda: any(one.startswith(text) for one in after(prefix, told(path))))


def test_d3_sockets_have_numbers(street, path):
    """Two sockets, one endpoint.  Catches: lines that cannot be told apart."""
    street.serve(6)
    worker = street.caller("trace=%s" % path)
    for _ in range(2):
        worker.socket("DEALER", monitor=True).reach(DUAL)
    with open(path) as lines:
        numbers = {LINE.match(line).group(2) for line in lines}
    assert len(numbers) == 2 and None not in numbers


def test_d3_a_server_that_refuses(street, path):
    """For seconds, with short intervals.  Catches: a trace that fills the disk; one that does not
    say when it is over; rounds that are not counted."""
    sock = street.dial("trace=%s" % path, RECONNECT_IVL=10)
    sock.connect(DUAL)
    refused = "10.0.0.1:5555 ECONNREFUSED"
    # DNS is asked once a second at the most.
    assert wait_until(lambda: len(street.dns.log("dual.test")) >= 8)
    before = connect_lines(path)
    assert len([one for one in before if refused in one]) == 2
    assert len(before) < 30
    street.serve(4)
    assert wait_until(lambda: any(one.startswith("uses ") for one in connect_lines(path)))
    assert any("lines like earlier ones were left out" in one for one in connect_lines(path))
