# SPDX-License-Identifier: MPL-2.0
"""System calls that fail: no abort, nothing left behind, and all is well when the fault is
gone.  (libzmq itself does not survive having no memory for an object of its own, a full epoll
table, or no thread for a new context.)"""
import pytest
from conftest import not_under
from faults import LIFE, balanced, counts, each_call
from lab import WorkerDied, wait_until
from street import DEAD, DUAL, SERVER4, SERVER6, Street, tcp

NO_FDS = ["EMFILE", "ENFILE"]
NO_ROOM = ["ENOBUFS", "ENOMEM"]
HASTY = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"


@pytest.fixture
def street(lab):
    street = Street(lab, resolv=HASTY)
    street.serve_both()
    return street


def life(worker, endpoint=DUAL, **more):
    return worker.do("life", ep=endpoint, opts=LIFE, **more)


def reaches(worker, endpoint=DUAL, peers=(SERVER6,)):
    got = life(worker, endpoint)
    assert got.get("peer") in peers, got


# ------------------------------------------------------------------ descriptors


@pytest.mark.parametrize("error", NO_FDS)
def test_faults_eventfd(street, shim, error):
    """Each call in turn fails as with stock.  Catches: an abort; an errno that stock would not
    give; a descriptor for look-ups."""
    def each(worker):
        return each_call(worker, "eventfd", error, lambda: life(worker))
    worker = street.caller(shim=shim(""))
    as_stock = each(street.client.worker("stock", shim=shim("")))
    assert as_stock and all("socket" in one for one in as_stock)
    balanced(worker, lambda: check(each(worker), as_stock))


def check(results, expected):
    assert results == expected


@pytest.mark.parametrize("error", ["ENOMEM", "ENODEV"])
def test_faults_eventfd_errno(street, shim, error):
    """Stock aborts on these."""
    worker = street.caller(shim=shim(""))
    results = each_call(worker, "eventfd", error, lambda: life(worker))
    assert results and all("socket" in one for one in results), results
    reaches(worker)


@not_under("asan", why="UBSan looks at objects through a pipe, for which there is no descriptor")
@pytest.mark.parametrize("endpoint", [DUAL, tcp(SERVER4), "tcp://eth0:0;dual.test:5555"])
def test_faults_few_descriptors_to_connect(street, endpoint):
    """With no descriptor left, then one, then two, until that is enough.  Catches: an abort, or a
    leaked descriptor, at whichever call finds none left."""
    worker = street.caller()
    sock = worker.socket("DEALER", monitor=True, RECONNECT_IVL=20)
    reached = []

    def leave():
        sock.disconnect(endpoint)
        # libzmq goes on with the disconnect when the program calls it again.
        assert wait_until(lambda: [sock.get("EVENTS"), street.dialled()][1] == [])

    def story():
        for free in range(8):
            worker.do("limit_fds", more=free)
            sock.connect(endpoint)
            got = worker.do("reach", id=sock.name, timeout=0.15 if free < 7 else 5.0)
            reached.append("peer" in got)
            worker.do("unlimit_fds")
            sock.reach()
            leave()
    sock.reach(endpoint)
    leave()
    fds = worker.fds()
    story()
    assert (reached[0], reached[-1]) == (False, True)
    assert worker.do("fds_at_most", limit=fds) <= fds


@pytest.mark.parametrize("endpoint", ["tcp://*:5555", "tcp://eth0:5555", tcp(SERVER6),
                                      "tcp://eth0:*"])
def test_faults_few_descriptors_to_bind(host, endpoint):
    """Catches: half of a bind that stays open; an errno from cleaning up."""
    worker = host.worker()
    sock = worker.socket("REP", IPV6=1)
    fds, results = worker.fds(), []
    endpoint = endpoint.replace(SERVER6, "2001:db8::1")
    for free in range(8):
        worker.do("limit_fds", more=free)
        results.append(sock.bind_rc(endpoint))
        worker.do("unlimit_fds")
        if results[-1] == "ok":
            sock.unbind(sock.last_endpoint())
        assert host.listeners() == []
        assert worker.do("fds_at_most", limit=fds) == fds
    assert results[0] == "EMFILE"
    assert results[-1] == "ok"
    assert sorted(set(results)) == ["EMFILE", "ok"]
    assert results.index("ok") == results.count("EMFILE")


def test_faults_no_descriptors_to_accept(street):
    """Clients wait, and are let in later.  Catches: an abort; giving the listener up."""
    server = street.server.worker()
    sock = server.socket("REP", IPV6=1)
    for endpoint in ("tcp://*:5600", "tcp://eth0:5601"):
        sock.bind(endpoint)
    server.do("limit_fds", more=0)
    client = street.caller()
    here = client.socket("REQ")
    here.connect("tcp://dual.test:5600")
    there = client.socket("REQ")
    there.connect("tcp://dual.test:5601")
    assert wait_until(lambda: street.client.connections(5600, "ESTABLISHED")
                      and street.client.connections(5601, "ESTABLISHED"))
    assert sock.recv(timeout=0.2) == {"timeout": True}
    server.do("unlimit_fds")
    for one in (here, there):
        one.send("question")
        assert sock.recv()["parts"] == ["question"]
        sock.send("answer")
        assert one.recv()["parts"] == ["answer"]


def test_faults_end_without_descriptors(lab):
    """zmq_ctx_term while a look-up hangs and nothing can be opened.  Catches: a wait for the
    look-up because the library cannot be pinned; an abort."""
    street = Street(lab, resolv=HASTY.replace("timeout:1", "timeout:4"))
    street.serve_both()
    worker = street.caller()
    worker.context()
    sock = worker.socket("DEALER", LINGER=0)
    sock.connect(DEAD)
    street.dns.wait_asked("dead.test", "AAAA", "A")
    worker.do("limit_fds", more=0)
    assert worker.do("time", steps=[{"op": "quit"}])["seconds"] < 2
    worker.do("unlimit_fds")
    reaches(worker)


# ------------------------------------------------------------------ sockets


DIALS = {"dual": DUAL, "numeric": tcp(SERVER4), "source": "tcp://eth0:0;dual.test:5555"}


@pytest.mark.parametrize("name,call,error", [
    ("dual", "socket6", "ENOBUFS"), ("source", "socket6", "ENOBUFS"),
    ("numeric", "socket4", "ENFILE"),
    *[(name, "option", error) for name in DIALS for error in NO_ROOM],
    *[(name, "name", "ENOBUFS") for name in DIALS]])
def test_faults_calls_of_a_connect(street, shim, call, error, name):
    """Each call in turn fails.  Catches: an abort; a leaked socket; giving the connect up."""
    worker = street.caller(shim=shim(""))

    def story():
        return worker.do("life", ep=DIALS[name], opts=dict(
            LIFE, TOS=8, PRIORITY=3, TCP_KEEPALIVE=1, SNDBUF=9999, TCP_MAXRT=9000))
    results = []
    balanced(worker, lambda: results.extend(each_call(worker, call, error, story)))
    assert results and all(one.get("peer") in (SERVER4, SERVER6) for one in results), results


ANY, NAMED = "tcp://*:5555", "tcp://eth0:*"


@pytest.mark.parametrize("endpoint,call,error", [
    *[(endpoint, call, error) for endpoint in (ANY, NAMED) for call, error in (
        ("option", "ENOBUFS"), ("option", "ENOMEM"), ("name", "ENOBUFS"), ("bind", "ENOBUFS"),
        ("bind", "ENOMEM"), ("listen", "ENOBUFS"), ("socket6", "ENFILE"))],
    (NAMED, "socket4", "ENOMEM"), (NAMED, "getifaddrs", "ENOBUFS"), (NAMED, "watch", "EMFILE"),
    (NAMED, "v6only1", "ENOBUFS")])
def test_faults_calls_of_a_bind(host, shim, call, error, endpoint):
    """Each call in turn fails: the bind fails with that errno, or does without the call.  Catches:
    an abort; half of a bind that stays."""
    worker = host.worker(shim=shim(""))

    def story():
        got = worker.do("life", bind=endpoint, opts={"TOS": 8, "PRIORITY": 3, "SNDBUF": 9999})
        assert host.listeners() == []
        return got["bind"]
    results = []
    balanced(worker, lambda: results.extend(each_call(worker, call, error, story)))
    assert results and set(results) <= {"ok", error}, results
    if call in ("bind", "listen"):
        assert set(results) == {error}
    assert worker.do("life", bind=endpoint)["bind"] == "ok"


ACCEPT = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "ECONNABORTED", "EPROTO", "EINTR", "EAGAIN",
          "EPERM", "ENETDOWN", "ENOPROTOOPT", "EHOSTDOWN", "ENONET", "EHOSTUNREACH", "EOPNOTSUPP",
          "ENETUNREACH", "ETIMEDOUT", "ECONNRESET", "EINVAL"]


def test_faults_accept(street, shim):
    """With the errnos that accept (2) names.  Catches: an abort; giving the listener up."""
    server = street.server.worker(shim=shim(""))
    sock = server.socket("REP", IPV6=1)
    sock.bind("tcp://*:5600")
    client = street.caller()
    for number, error in enumerate(ACCEPT):
        server.must("shim", rules="accept@1=" + error)
        here = client.socket("REQ", LINGER=0)
        here.connect("tcp://%s.test:5600" % ("four", "six")[number % 2])
        here.send(error)
        assert sock.recv()["parts"] == [error]
        sock.send("answer")
        assert here.recv()["parts"] == ["answer"]
        assert counts(server)["accept"] >= 2
        here.close()


@pytest.mark.parametrize("error", NO_ROOM)
def test_faults_options_of_an_accepted_socket(street, shim, error):
    """Catches: a descriptor that nobody closes."""
    server = street.server.worker(shim=shim(""))
    sock = server.socket("REP", monitor=True, TCP_KEEPALIVE=1, TOS=8)
    sock.bind("tcp://*:5600")
    fds = server.fds()
    for number in range(1, 4):
        server.must("shim", rules="option@%d=%s" % (number, error))
        here = street.caller()
        one = here.socket("REQ", RECONNECT_IVL=20)
        one.connect("tcp://four.test:5600")
        one.send("question")
        assert sock.recv()["parts"] == ["question"]
        sock.send("answer")
        assert one.recv()["parts"] == ["answer"]
        here.kill()
    server.must("shim", rules="")
    assert server.do("fds_at_most", limit=fds) == fds


# ------------------------------------------------------------------ threads, interfaces


@pytest.mark.parametrize("error", ["EAGAIN", "ENOMEM", "EPERM"])
def test_faults_no_thread_for_a_lookup(street, shim, error):
    """Catches: an abort; a look-up that nobody ever makes."""
    worker = street.caller("resolution-delay=10", shim=shim(""))
    # Now helpers are asked for, too.
    street.dns.set(dual_test={"A": [SERVER4], "AAAA": [SERVER6],
                              "delay": {"A": 0.05, "AAAA": 0.05}})

    def story():
        for rule in ("thread=", "thread@1=", "thread@2+="):
            worker.context(name="x")
            sock = worker.socket("DEALER", ctx="x", LINGER=0, RECONNECT_IVL=20)
            worker.must("shim", rules=rule + error)
            assert sock.reach(DUAL).peer in (SERVER4, SERVER6)
            assert counts(worker)["thread"] >= 1
            worker.must("shim", rules="")
            worker.do("quit", ctx="x")
    balanced(worker, story)


def test_faults_no_further_thread(street, shim):
    """One thread hangs in a look-up, and there is no second one: the good name waits for the first,
    and no longer.  Catches: a queue that nobody serves again; a zmq_ctx_term that waits."""
    worker = street.caller(shim=shim(""))
    worker.context(name="x")
    worker.socket("DEALER", ctx="x", LINGER=0).connect(DEAD)
    street.dns.wait_asked("dead.test", "AAAA")
    worker.must("shim", rules="thread=EAGAIN")
    sock = worker.socket("DEALER", ctx="x", LINGER=0, RECONNECT_IVL=20)
    assert sock.reach(DUAL).peer == SERVER6
    assert counts(worker)["thread"] >= 1
    assert worker.do("time", steps=[{"op": "quit", "ctx": "x"}])["seconds"] < 1
    worker.must("shim", rules="")
    reaches(worker)


@pytest.mark.parametrize("error", ["EMFILE", "ECONNREFUSED"])
@pytest.mark.parametrize("endpoint", [DUAL, "tcp://eth0:0;dual.test:5555"])
def test_faults_no_list_of_interfaces(street, shim, error, endpoint):
    """Catches: an abort; giving a source address up for good."""
    worker = street.caller(shim=shim(""))
    sock = worker.socket("DEALER", monitor=True, RECONNECT_IVL=20)
    worker.must("shim", rules="getifaddrs=" + error)
    if endpoint == DUAL:
        assert sock.reach(endpoint).peer in (SERVER4, SERVER6)
        return
    sock.connect(endpoint)
    sock.events("CONNECT_RETRIED", "CONNECT_RETRIED", timeout=15)
    worker.must("shim", rules="")
    assert sock.reach().peer == SERVER6


def test_faults_flags_of_addresses(host, shim):
    """Only rtnetlink tells the flags, and there is no descriptor for it: without flags another
    address than usual would be bound.  Catches: going on without them."""
    host.temporary("eth0", "2001:db8:1::/64")
    worker = host.worker(shim=shim(""))
    sock = worker.socket("REP")
    for error in NO_FDS + ["ENOMEM"]:
        worker.must("shim", rules="getifaddrs@1=" + error)
        assert sock.bind_rc("tcp://eth0:5555") == error
        assert host.listeners() == []
    worker.must("shim", rules="getifaddrs@1=EPERM")  # a sandbox
    sock.bind("tcp://eth0:5555")
    assert host.open_on(5555)[0] == "10.0.0.1"


# ------------------------------------------------------------------ memory


SEES_NO_MALLOC = not_under("asan", "tsan", why="its allocator comes before the shim's")


def stock_survives(worker):
    """Whether stock survives when there is no memory for its queue of commands.  It does where the
    queue takes its memory from posix_memalign, which the shim leaves alone."""
    sock = worker.socket("DEALER", LINGER=0)
    worker.must("shim_queue")
    worker.must("shim", rules="queue=ENOMEM")
    try:
        for port in range(1, 40):
            sock.connect(tcp(SERVER4, port))
        return counts(worker)["queue"] == 0
    except WorkerDied as death:
        assert "OUT OF MEMORY (src/yqueue.hpp" in str(death)
        return False


@SEES_NO_MALLOC
@pytest.mark.parametrize("call", ["malloc", "calloc"])
def test_faults_no_memory_to_connect(street, memshim, call):
    """Each allocation in turn fails: for the resolver, its threads, a look-up, an answer, the
    history.  Those that stock itself does not survive are left out.  Catches: a crash; a connect
    that waits for something that will not come."""
    street.silent(6)
    worker = street.caller("attempt-delay=20", shim=memshim(""))
    if not stock_survives(street.client.worker("stock", shim=memshim(""))):
        worker.must("shim_queue")
    results = []
    balanced(worker, lambda: results.extend(
        each_call(worker, call, "ENOMEM", lambda: life(worker))))
    assert results and all(one.get("peer") == SERVER4 for one in results), results
    worker.must("shim", rules=call + "=ENOMEM")
    got = worker.do("life", ep=DUAL, opts=LIFE, timeout=0.5)
    assert got == {"timeout": True}
    worker.must("shim", rules="")
    reaches(worker, peers=[SERVER4])


@SEES_NO_MALLOC
def test_faults_no_memory_to_bind(host, memshim):
    """Catches: a crash; taking an interface for missing."""
    worker = host.worker(shim=memshim(""))
    results = []
    balanced(worker, lambda: results.extend(each_call(
        worker, "realloc", "ENOMEM", lambda: worker.do("life", bind="tcp://eth0:5555")["bind"])))
    # The thread that follows the interface asks again later.
    assert "ENOMEM" in results and set(results) <= {"ENOMEM", "ok"}
