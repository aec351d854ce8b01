# SPDX-License-Identifier: MPL-2.0
"""C-6 and C-7: addresses that never answer, and what happens when nothing is left to try."""
import os
import signal
import time

import pytest
from conftest import modes
from lab import LabError, wait_until
from street import DUAL, FAR4, FAR6, PATIENT, PROMPT, SERVER4, SERVER6, SIX, WAITING, Street

REFUSED_STOP = 1  # ZMQ_RECONNECT_STOP_CONN_REFUSED


@pytest.fixture
def street(lab):
    return Street(lab)


# ------------------------------------------------------------------ C-6


@modes("auto", "v6")
def test_c6_silent_ipv6(street, mode):
    """Catches: no fall-back, or one without the delay; a losing attempt that stays open; two peers
    at the server."""
    servant = street.serve(4)
    street.silent(6)
    # The attempt delay is the default.
    sock = street.caller(None, env={"ZMQ_DUALSTACK": PATIENT}).socket("DEALER", mode=mode)
    got = sock.reach(DUAL)
    assert got.peer in (SERVER4, "::ffff:" + SERVER4)
    assert 200 < got.ms < 2000
    assert wait_until(lambda: len(street.dialled()) == 1)
    assert street.dialled()[0].state == "ESTABLISHED"
    assert wait_until(lambda: "ACCEPTED" in servant.log()["events"])
    log = servant.log()
    assert len(log["peers"]) == 1 and log["events"].count("ACCEPTED") == 1


def test_c6_slow_ipv6_wins(lab):
    """An answer within the Attempt Delay.  Catches: IPv4 started beside it."""
    street = Street(lab, slow=True)
    street.serve_both()
    street.bridge.set(delay6=0.15)
    attempts = street.syns(4)
    assert street.dial("attempt-delay=2000").reach(DUAL).peer == SERVER6
    assert attempts() == [0]


def test_c6_late_thread(lab):
    """IPv6 connects in time, but the I/O thread sees it after the delay is over: here the process
    is stopped meanwhile.  Catches: starting IPv4 although there is a connection."""
    street = Street(lab, slow=True)
    street.serve_both()
    street.bridge.set(delay6=0.1)
    attempts = street.syns(4)
    worker = street.caller("attempt-delay=1000")
    sock = worker.socket("DEALER")
    sock.connect(DUAL)
    started = time.monotonic()
    assert wait_until(street.dialled)
    os.kill(worker.pid, signal.SIGSTOP)
    assert wait_until(lambda: [one.state for one in street.dialled()] == ["ESTABLISHED"])
    time.sleep(max(0, started + 1.1 - time.monotonic()))  # until the delay is over
    os.kill(worker.pid, signal.SIGCONT)
    assert sock.reach().peer == SERVER6
    assert attempts() == [0]


def test_c6_slower_ipv6_loses(lab):
    """Both would connect in the end.  Catches: a losing attempt that stays open, or gets an engine,
    so that the server meets the client twice."""
    street = Street(lab, slow=True)
    four, six = street.serve_both()
    street.bridge.set(delay6=0.4)
    worker = street.caller("attempt-delay=100")
    got = worker.socket("DEALER").reach(DUAL)
    assert got.peer in (SERVER4, "::ffff:" + SERVER4)
    assert got.ms < 2000
    # When this one is answered, everything sent earlier over the slow wire has arrived.
    assert worker.socket("DEALER").reach(SIX).peer == SERVER6
    assert [len(one.log()["peers"]) for one in (four, six)] == [1, 1]
    assert wait_until(lambda: len(street.dialled()) == 2)


def test_c6_half_the_addresses_dead(street):
    """Five of ten.  Catches: only the first, or only one of each family, tried."""
    worker_addresses = [(6, FAR6[2]), (4, FAR4[1]), (4, FAR4[3])]
    for family, address in worker_addresses:
        street.serve(family, address=address)
    street.faults("ip6 daddr { %s, %s, %s } tcp dport 5555 drop" % tuple(FAR6[:2] + FAR6[3:4]),
                  "ip daddr { %s, %s } tcp dport 5555 drop" % (FAR4[0], FAR4[2]))
    street.dns.set(dual_test={"AAAA": FAR6[:5], "A": FAR4[:5]})
    got = street.dial("attempt-delay=250").reach(DUAL)
    assert got.peer in [address for _, address in worker_addresses]
    assert got.ms < 4000


def test_c6_six_at_a_time(street):
    """Seven silent addresses before the good one.  Catches: no limit; a seventh that is never
    tried; a good one that is not reached before the kernel gives up on a silent one (127 s)."""
    street.serve(4, address=FAR4[3])
    street.faults("meta nfproto ipv6 tcp dport 5555 drop",
                  "ip daddr { %s } tcp dport 5555 drop" % ", ".join(FAR4[:3]))
    street.dns.set(dual_test={"AAAA": FAR6[:4], "A": FAR4[:4]})
    sock = street.dial("attempt-delay=50")
    sock.connect(DUAL)

    def running():
        # Read twice: one reading is of two tables, one after the other, and between them an attempt
        # may end in one and the next begin in the other.
        return min(len(street.client.connections(5555, "SYN_SENT")) for _ in range(2))
    most, end = 0, time.monotonic() + 15
    connected = sock.watch("CONNECTED", timeout=20)
    while time.monotonic() < end and not street.client.connections(5555, "ESTABLISHED"):
        most = max(most, running())
        time.sleep(0.005)
    assert connected()[-1].name == "CONNECTED"
    assert most == 6
    assert sock.reach().peer == FAR4[3]


def test_c6_attempt_that_cannot_open_a_socket(street, shim):
    """Catches: EMFILE taken for the end of the race, or of the process."""
    street.serve(4)
    for error in ("EMFILE", "ENFILE", "ENOBUFS", "EAFNOSUPPORT", "EACCES", "EPERM"):
        worker = street.caller(WAITING, shim=shim("socket6=" + error))
        got = worker.socket("DEALER").reach(DUAL)
        assert (got.peer, got.ms < PROMPT) == (SERVER4, True)
        worker.kill()


def test_c6_no_descriptors_left(street):
    """Nothing can be opened for a while, neither for the look-up nor for the libc to see which
    address this host reaches, so the order may be any.  Catches: an abort, or a connect that is
    never tried again."""
    street.serve_both()
    worker = street.caller()
    sock = worker.socket("DEALER", RECONNECT_IVL=20)
    other = worker.socket("DEALER", RECONNECT_IVL=20)
    for free in (0, 1, 2):
        worker.do("limit_fds", more=free)
        assert sock.connect_rc(DUAL) == "ok"
        assert other.connect_rc(DUAL) == "ok"
        time.sleep(0.2)
        worker.do("unlimit_fds")
        assert sock.reach().peer in (SERVER4, SERVER6)
        assert other.reach().peer in (SERVER4, SERVER6)
        sock.disconnect(DUAL)
        other.disconnect(DUAL)


# ------------------------------------------------------------------ C-7


def test_c7_server_that_starts_while_ipv6_is_silent(street):
    """Catches: a silent attempt that holds up the refused one until the kernel gives up on
    it, after 127 s."""
    street.silent(6)
    sock = street.dial(RECONNECT_IVL=100)
    assert sock.misses(DUAL, timeout=1)
    street.serve(4)
    got = sock.reach()
    assert (got.peer, got.ms < 3000) == (SERVER4, True)


def test_c7_server_that_starts_while_a_name_server_is_silent(street):
    """Catches: asking again, with each retry, for the look-up that hangs; no retry before it has
    ended."""
    street.dns.set(dual_test={"A": [SERVER4], "AAAA": [SERVER6], "drop": ["AAAA"]})
    sock = street.dial(RECONNECT_IVL=50)
    assert sock.misses(DUAL, timeout=1)
    assert street.dns.kinds("dual.test").count("AAAA") == 1
    street.serve(4)
    assert sock.reach().ms < 3000
    assert sock.worker.do("time", steps=[{"op": "quit"}])["seconds"] < 1


def test_c7_slow_ipv6_is_not_cut_short(lab):
    """A round trip of 1 s, IPv4 refused, an interval of 20 ms.  Catches: a silent attempt that is
    begun anew with every retry, so that it never connects."""
    street = Street(lab, slow=True)
    street.serve(6)
    street.bridge.set(delay6=0.5)
    sock = street.dial(RECONNECT_IVL=20)
    sock.connect(DUAL)
    assert sock.timeline("CONNECTED", timeout=8)[-1].ms < 6000


def test_c7_no_reconnect_tries_everything_once(street):
    """ZMQ_RECONNECT_IVL -1.  Catches: candidates left out; a second round; none of the
    events that stock has."""
    street.dns.set(dual_test={"AAAA": [FAR6[0]], "A": [FAR4[0]]})
    attempts = street.syns(6, 4)
    sock = street.dial(RECONNECT_IVL=-1)
    sock.connect(DUAL)
    sock.events("CLOSED")
    assert attempts() == [1, 1]
    with pytest.raises(LabError, match="waited for"):
        sock.timeline("CONNECT_RETRIED", timeout=0.5)
    assert attempts() == [1, 1]


def test_c7_no_reconnect_reaches_the_last_candidate(street):
    """Catches: giving up at the first failure."""
    street.serve(4, address=FAR4[3])
    street.faults("ip6 daddr %s tcp dport 5555 drop" % FAR6[0])
    street.dns.set(dual_test={"AAAA": FAR6[:2], "A": FAR4[:4]})
    assert street.dial(RECONNECT_IVL=-1).reach(DUAL).peer == FAR4[3]


def test_c7_stop_when_all_refused(street):
    """ZMQ_RECONNECT_STOP_CONN_REFUSED.  Catches: not stopping for a name; an endpoint that
    stays, as in stock."""
    sock = street.dial(RECONNECT_IVL=50, RECONNECT_STOP=REFUSED_STOP)
    attempts = street.syns(6, 4)
    sock.connect(DUAL)
    sock.events("CLOSED")
    sock.worker.must("settle", id=sock.name)
    assert sock.disconnect_rc(DUAL) == "ENOENT"
    assert attempts() == [1, 1]


@pytest.mark.parametrize("family", [4, 6])
def test_c7_no_stop_when_one_is_silent(street, family):
    """Catches: stopping because of one refusal of several."""
    street.silent(family)
    sock = street.dial(RECONNECT_IVL=50, RECONNECT_STOP=REFUSED_STOP)
    assert sock.misses(DUAL, timeout=1)
    street.serve(10 - family)
    assert sock.reach().ms < 3000


def test_c7_no_stop_when_one_failed_otherwise(street):
    """Catches: judging all attempts by the last one's error."""
    street.client.ip("route add prohibit %s" % SERVER4)
    sock = street.dial(RECONNECT_IVL=50, RECONNECT_STOP=REFUSED_STOP)
    sock.connect(DUAL)
    assert sock.misses(timeout=0.5)
    street.serve(4)
    street.client.ip("route del prohibit %s" % SERVER4)
    assert sock.reach().peer == SERVER4


def test_c7_reconnect_interval(street):
    """All refuse, so the application's interval applies.  Catches: a hot loop; waiting for the
    interval at each candidate."""
    sock = street.dial(RECONNECT_IVL=200)
    attempts = street.syns(6, 4)
    sock.connect(DUAL)
    assert sock.misses(timeout=2.5)
    six, four = attempts()
    assert 3 <= six <= 14 and abs(six - four) <= 1
