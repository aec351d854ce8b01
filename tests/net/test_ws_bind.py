# SPDX-License-Identifier: MPL-2.0
"""B-13: ws:// listens as tcp:// does."""
import pytest
from conftest import modes

BOUND = {
    # endpoint: what listens, and ZMQ_LAST_ENDPOINT, in auto
    "ws://*:5555/p": (["*"], "ws://0.0.0.0:5555/p"),
    "ws://*:5555": (["*"], "ws://0.0.0.0:5555/"),
    "ws://eth0:5555/p": (["10.0.0.1", "2001:db8::1"], "ws://10.0.0.1:5555/p"),
    "ws://lo:5555/p": (["127.0.0.1", "::1"], "ws://127.0.0.1:5555/p"),
    "ws://127.0.0.1:5555/p": (["127.0.0.1"], "ws://127.0.0.1:5555/p"),
    "ws://0.0.0.0:5555/p": (["0.0.0.0"], "ws://0.0.0.0:5555/p"),
    "ws://[::1]:5555/p": (["::1"], "ws://[::1]:5555/p"),
    "ws://[2001:db8::1]:5555": (["2001:db8::1"], "ws://[2001:db8::1]:5555/"),
}


@pytest.mark.parametrize("endpoint", sorted(BOUND))
def test_b13_what_listens(host, endpoint):
    """Catches: 0.0.0.0 alone; another LAST_ENDPOINT than stock's; a bind that cannot be undone by
    the text that was bound."""
    listening, last = BOUND[endpoint]
    sock = host.worker().socket("REP", monitor=True)
    for name in (endpoint, last):
        assert sock.bind(endpoint) == last
        assert host.open_on(5555) == listening
        sock.unbind(name)
        assert host.listeners() == []


@modes("auto", "v6", "v4", "off")
def test_b13_answers_as_stock(host, mode):
    """Catches: an errno, an endpoint or an event that stock does not have."""
    got = {}
    for lib in ("stock", "patched"):
        worker = host.worker(lib, env=mode.env)
        sock = worker.socket("REP", mode=mode, monitor=True)
        got[lib] = []
        for endpoint in ("ws://*:5555/p", "ws://127.0.0.1:5555/a/b", "ws://0.0.0.0:5555",
                         "ws://eth0:5555/", "ws://nosuch:5555/p", "ws://127.0.0.1/p",
                         "ws://127.0.0.1:x/p", "ws://192.0.2.77:5555/p"):
            rc = sock.bind_rc(endpoint)
            got[lib].append((endpoint, rc))
            if rc == "ok":
                last = sock.last_endpoint()
                got[lib].append((last, sock.unbind_rc(last),
                                 [event[0] for event in sock.events("CLOSED")]))
        worker.kill()
    for one, other in zip(got["stock"], got["patched"]):
        if one[1] != "EAGAIN":  # the monitor overwrote it
            assert other == one


@pytest.mark.parametrize("address", ["127.0.0.1", "[::1]"])
def test_b13_messages(host, address):
    """Catches: a second socket that does not know the path, or takes no connection."""
    worker = host.worker()
    server = worker.socket("DEALER")
    server.bind("ws://lo:5555/path")
    client = worker.socket("DEALER", ctx="client")
    client.connect("ws://%s:5555/path" % address)
    client.send("hello")
    assert server.recv()["parts"] == ["hello"]


@pytest.mark.parametrize("kind", ["tcp", "ws"])
def test_b13_port_star_is_one_port(host, kind):
    """B-4.  Catches: a port for each family."""
    sock = host.worker().socket("REP")
    port = int(sock.bind(kind + "://eth0:*").rsplit(":", 1)[1].rstrip("/"))
    assert host.open_on(port) == ["10.0.0.1", "2001:db8::1"]
