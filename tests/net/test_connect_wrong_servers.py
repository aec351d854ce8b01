# SPDX-License-Identifier: MPL-2.0
"""C-9 against U-1: how long a session goes on when handshakes fail, compared with a libzmq
that knows only the family that stock would use."""
import pytest
from lab import wait_until
from street import DUAL, PROMPT, SERVER4, SERVER6, WAITING, Street, tcp

CLOSE = {}
DENY = {"hex": "ff00000000000000007f0300504c41494e" + "00" * 15 + "00" * 32}  # speaks PLAIN


@pytest.fixture
def street(lab):
    return Street(lab)


def met(street, address):
    return street.host.do("met", id="%s-5555" % address)


@pytest.mark.parametrize("how", [CLOSE, DENY], ids=["closes", "other-mechanism"])
def test_c9_no_interval_no_second_try(street, how):
    """ZMQ_RECONNECT_IVL -1, IPv6 refused, a wrong server on IPv4: stock meets it once.  Catches: a
    loop without a pause."""
    street.host.wrong_server(SERVER4, **how)
    sock = street.dial(RECONNECT_IVL=-1)
    sock.connect(DUAL)
    sock.events("DISCONNECTED")
    assert not wait_until(lambda: met(street, SERVER4) > 1, timeout=1)


def test_c9_an_answer_that_never_comes_is_no_reason(street):
    """The same, while the AAAA question goes unanswered."""
    street.dns.set(dual_test={"A": [SERVER4], "drop": ["AAAA"]})
    street.host.wrong_server(SERVER4)
    sock = street.dial(RECONNECT_IVL=-1)
    sock.connect(DUAL)
    assert wait_until(lambda: met(street, SERVER4))
    assert not wait_until(lambda: met(street, SERVER4) > 1, timeout=1)


def test_c9_stop_after_a_failed_handshake(street):
    """ZMQ_RECONNECT_STOP_HANDSHAKE_FAILED, IPv6 refused: stock stops at the first.  Catches: the
    search for another address overriding the flag."""
    street.host.wrong_server(SERVER4)
    sock = street.dial(RECONNECT_IVL=10, RECONNECT_STOP=2)
    sock.connect(DUAL)
    sock.events("DISCONNECTED")
    assert not wait_until(lambda: met(street, SERVER4) > 1, timeout=1)


def test_c9_stop_goes_on_to_the_right_one(street):
    """The same flag, the wrong server on IPv6: stock never meets it.  Catches: stopping there."""
    street.serve(4)
    street.host.wrong_server(SERVER6)
    assert street.dial(RECONNECT_IVL=10, RECONNECT_STOP=2).reach(DUAL).who == "4"


def test_c9_a_denial_ends_it_as_with_stock(street):
    """A server that wants another mechanism, on stock's family, while the other family is refused:
    one try.  Catches: trying for ever a server that denies us."""
    street.host.wrong_server(SERVER4, **DENY)
    sock = street.dial(RECONNECT_IVL=10)
    sock.connect(DUAL)
    sock.events("DISCONNECTED")
    assert not wait_until(lambda: met(street, SERVER4) > 1, timeout=1)


def test_c9_a_wrong_server_until_the_server_comes(street):
    """Garbage on IPv6, nobody on IPv4 yet: stock waits for IPv4.  Catches: giving up because of
    the wrong server, or taking its garbage for ZMTP 1.0 in the meantime."""
    street.host.wrong_server(SERVER6, say="HTTP/1.1 400 Bad Request\r\n\r\n")
    sock = street.dial(RECONNECT_IVL=10)
    sock.connect(DUAL)
    assert wait_until(lambda: met(street, SERVER6) >= 12)
    street.serve(4)
    assert sock.reach().who == "4"


def test_c9_stream_knows_no_handshake(street):
    """A ZMQ_STREAM socket of the same context connects to another program.  Catches: taking its
    connection for a handshake, so that the next socket goes there first."""
    street.serve(4)
    street.host.wrong_server(SERVER6)
    worker = street.caller()
    assert worker.socket("DEALER", monitor=True, RECONNECT_IVL=10).reach(DUAL).who == "4"
    street.silent(4)
    stream = worker.socket("STREAM", monitor=True, RECONNECT_IVL=-1)
    stream.connect(DUAL)
    stream.events("CONNECTED")
    stream.close()
    street.silent()
    before = met(street, SERVER6)
    assert before == 2
    assert worker.socket("DEALER", monitor=True, RECONNECT_IVL=10).reach(DUAL).who == "4"
    # A probe is allowed.
    assert met(street, SERVER6) <= before + 1


def test_c9_zmtp_1_0_while_an_answer_is_missing(street):
    """A server of ZMTP 1.0 on IPv4, AAAA never answered: stock talks to it.  Catches: version
    1.0 refused where there is no better address."""
    street.dns.set(dual_test={"A": [SERVER4], "drop": ["AAAA"]})
    # An empty identity, and a message "hi".
    street.host.wrong_server(SERVER4, hex="0100" + "03006869", stays=True)
    sock = street.client.worker().socket("PULL", monitor=True, RECONNECT_IVL=10)
    sock.connect(DUAL)
    assert sock.recv(timeout=10)["parts"] == ["hi"]


def test_c9_after_the_handshake_it_is_no_wrong_server(street):
    """A message above ZMQ_MAXMSGSIZE ends the connection for good, as with stock.  Catches: a
    reconnect to the other address, where the next message is lost too."""
    street.host.must("socket", id="push", kind="PUSH", ctx="push", opts={"IPV6": 1})
    for address in (SERVER4, SERVER6):
        street.host.must("bind", id="push", ep=tcp(address))
    sock = street.client.worker().socket("PULL", monitor=True, RECONNECT_IVL=10, MAXMSGSIZE=200)
    sock.connect(DUAL)
    sock.events("HANDSHAKE_SUCCEEDED")
    street.host.must("send", id="push", parts=["x" * 1000])
    sock.events("DISCONNECTED")
    assert not wait_until(lambda: street.dialled(), timeout=1)


def test_c8_a_right_server_again(street):
    """IPv6 is silent; IPv4 is cut once before its handshake.  Catches: an address that stays marked
    as wrong for ten minutes although its handshakes succeed, so that each connect waits for the
    attempt delay."""
    street.silent(6)
    street.host.wrong_server(SERVER4)
    worker = street.caller(WAITING)
    sock = worker.socket("DEALER", monitor=True, RECONNECT_IVL=10)
    sock.connect(DUAL)
    assert wait_until(lambda: met(street, SERVER4) >= 1)
    street.host.must("end_wrong_server", id="%s-5555" % SERVER4)
    street.serve(4)
    assert sock.reach().who == "4"
    times = [worker.socket("DEALER", monitor=True).reach(DUAL).ms for _ in range(3)]
    assert min(times) < PROMPT, times


def test_c8_another_mode_learns_for_itself(street):
    """Catches: applying what an IPv4-only socket learnt to one that has both families."""
    street.dns.set(dual_test={"A": ["10.0.0.99", SERVER4], "AAAA": [SERVER6]})
    street.serve_both()
    worker = street.caller()
    four = worker.socket("DEALER", monitor=True, IPV6=0)
    assert four.reach(DUAL).who == "4"
    assert worker.socket("DEALER", monitor=True).reach(DUAL).who == "6"
