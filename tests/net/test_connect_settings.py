# SPDX-License-Identifier: MPL-2.0
"""C-12: the words of ZMQ_DUALSTACK that tune the connecting side."""
import pytest
from lab import wait_until
from street import DUAL, SERVER4, SERVER6, Street


@pytest.fixture
def street(lab):
    return Street(lab)


def said(worker):
    return [line for line in worker.stderr().splitlines() if line.strip()]


def test_c12_attempt_delay(street):
    """Catches: a word that is read and not used; a wrong unit."""
    street.serve(4)
    street.silent(6)
    times = {}
    for words in ("attempt-delay=1500", "attempt-delay=20"):
        sock = street.dial(words)
        times[words] = sock.reach(DUAL).ms
        assert said(sock.worker) == []
    assert times["attempt-delay=20"] < 1000 and 1400 < times["attempt-delay=1500"] < 4000


def test_c12_resolution_delay(street):
    """Catches: the same."""
    street.serve(4)
    street.dns.set(dual_test={"A": [SERVER4], "AAAA": [SERVER6], "drop": ["AAAA"]})
    times = {}
    for words in ("resolution-delay=1500", "resolution-delay=0"):
        sock = street.dial(words)
        times[words] = sock.reach(DUAL).ms
        assert said(sock.worker) == []
    assert times["resolution-delay=0"] < 1000 and 1400 < times["resolution-delay=1500"] < 4000


def test_c12_resolver_threads(street):
    """Three times as many threads as the word says look names up; the fourth name waits for one of
    three slow ones.  Catches: the same."""
    names = ["slow%d.test" % n for n in range(3)] + ["four.test"]
    street.dns.set(**{name.replace(".", "_"): {"A": [SERVER4], "delay": {"A": 0.9}}
                      for name in names[:3]})
    gaps = {}
    for words in ("resolver-threads=1", "resolver-threads=8"):
        worker, times = street.caller(words), []
        for name in names:
            before = len(street.dns.log(name))
            worker.socket("DEALER").connect("tcp://%s:5555" % name)
            assert wait_until(lambda: len(street.dns.log(name)) > before)
            times.append(street.dns.log(name)[before].time)
        gaps[words] = times[3] - times[0]
        assert said(worker) == []
        worker.kill()
    assert gaps["resolver-threads=1"] > 0.6 > gaps["resolver-threads=8"], gaps


@pytest.mark.parametrize("words", [
    "attempt-delay=1000,resolution-delay=10,resolver-threads=2",
    "resolver-threads=64 attempt-delay=2000", "attempt-delay=10", "resolution-delay=0", "on"])
def test_c12_words_within_bounds_are_silent(street, words):
    """Catches: refusing the bound itself; a separator that is not recognised."""
    street.serve_both()
    sock = street.dial(words)
    sock.reach(DUAL)
    assert said(sock.worker) == []


OUT_OF_BOUNDS = [
    "attempt-delay=9", "attempt-delay=2001", "attempt-delay=0", "attempt-delay=-250",
    "attempt-delay=", "attempt-delay", "attempt-delay=1e3", "attempt-delay=250ms",
    "attempt-delay=99999999999999999999", "attempt-delay=0x64", "attempt-delay= 100",
    "resolution-delay=2001", "resolution-delay=-1", "resolution-delay=x",
    "resolver-threads=0", "resolver-threads=65", "resolver-threads=-1", "resolver-threads=two",
    "attemptdelay=100", "Attempt-Delay=100", "delay=100", "onn"]


def test_c12_words_out_of_bounds(street):
    """They are reported on stderr, once, and ignored; the other words count.  Catches: a value that
    is silently clamped, or wraps round; a bad word that makes the ones after it ignored."""
    street.serve(4)
    street.silent(6)
    socks = [street.dial("attempt-delay=700 resolution-delay=2000 %s" % word)
             for word in OUT_OF_BOUNDS]
    for sock in socks:
        sock.worker.post([{"op": "reach", "id": sock.name, "ep": DUAL}])
    for word, sock in zip(OUT_OF_BOUNDS, socks):
        assert 600 < sock.worker.collect()[0]["ms"] < 4000, word
        sock.worker.context(name="other")
        sock.worker.socket("DEALER", ctx="other").connect(DUAL)
        assert len(said(sock.worker)) == 1, word
        assert word.split()[0] in said(sock.worker)[0], word


def test_c12_off_with_others(street):
    """Catches: tuning that turns `off` off, or the other way round."""
    street.serve_both()
    sock = street.dial("attempt-delay=100,off")
    assert sock.reach(DUAL).peer == SERVER4
    assert street.dns.kinds("dual.test") == ["A"]
    assert said(sock.worker) == []


def test_c12_each_context_reads_it(street):
    """Catches: reading once in a process."""
    street.serve(4)
    street.silent(6)
    worker = street.caller("attempt-delay=20")
    worker.context(name="one")
    assert worker.socket("DEALER", ctx="one").reach(DUAL).ms < 1000
    worker.must("setenv", name="ZMQ_DUALSTACK", value="attempt-delay=1500,resolution-delay=2000")
    worker.context(name="two")
    assert worker.socket("DEALER", ctx="two").reach(DUAL).ms > 1400
