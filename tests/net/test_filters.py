# SPDX-License-Identifier: MPL-2.0
"""B-9: ZMQ_TCP_ACCEPT_FILTER.

One namespace holds the listener and, on other addresses, all its peers: a peer is let in
when the listener greets it, and kept out when it hangs up at once.
"""
import pytest
from conftest import modes
from lab import OK

# peer -> address to dial from it; all are addresses of this host
PEERS = {
    "127.0.0.1": "127.0.0.1", "10.0.0.2": "10.0.0.1", "10.200.0.2": "10.0.0.1",
    "192.0.2.2": "192.0.2.1", "::1": "::1", "2001:db8::2": "2001:db8::1",
    "2001:db8:ffff::2": "2001:db8::1", "fd00::2": "fd00::1",
}
FOUR = {peer for peer in PEERS if ":" not in peer}
SIX = set(PEERS) - FOUR


@pytest.fixture
def crowd(lab):
    node = lab.node()
    node.nic("eth0", "10.0.0.1/24", "10.0.0.2/24", "10.200.0.2/24", "192.0.2.1/24",
             "192.0.2.2/24", "fd00::1/64", "fd00::2/64", "2001:db8::2/64",
             "2001:db8:ffff::2/64", "2001:db8::1/64")  # the last one is listed first
    return node


def admitted(worker, port, peers=PEERS):
    """The peers that the listener on `port` greets; it must hang up on the others."""
    steps = [{"op": "tcp", "host": PEERS[peer], "src": peer, "port": port} for peer in peers]
    results = dict(zip(peers, worker.run(steps)))
    assert set(results.values()) <= {"greeting", "closed"}, results
    return {peer for peer, result in results.items() if result == "greeting"}


def listener(worker, filters, mode=None, endpoint="tcp://*:5555", **opts):
    sock = worker.socket("REP", mode=mode, **opts)
    for text in filters:
        sock.set("TCP_ACCEPT_FILTER", text)
    sock.bind(endpoint)
    return sock


# the filters, and who gets in through a dual-stack wildcard in `auto`
AUTO = [
    ([], set(PEERS)),
    (["127.0.0.1"], {"127.0.0.1"}),
    (["127.0.0.0/8"], {"127.0.0.1"}),
    (["10.0.0.0/8"], {"10.0.0.2", "10.200.0.2"}),
    (["10.0.0.0/9"], {"10.0.0.2"}),
    (["10.0.0.0/24"], {"10.0.0.2"}),
    (["10.0.0.2/32"], {"10.0.0.2"}),
    (["10.0.0.3/32"], set()),
    (["0.0.0.0/0"], FOUR),
    (["0.0.0.0/1"], {"127.0.0.1", "10.0.0.2", "10.200.0.2"}),
    (["::1"], {"::1"}),
    (["::1/128"], {"::1"}),
    (["2001:db8::/32"], {"2001:db8::2", "2001:db8:ffff::2"}),
    (["2001:db8::/64"], {"2001:db8::2"}),
    (["2001:db8::/33"], {"2001:db8::2"}),
    (["fc00::/7"], {"fd00::2"}),
    (["::/0"], SIX),
    (["0.0.0.0/0", "::/0"], set(PEERS)),
    (["10.0.0.0/24", "::1", "192.0.2.0/24"], {"10.0.0.2", "::1", "192.0.2.2"}),
    (["2001:db8::/64", "127.0.0.1/32"], {"2001:db8::2", "127.0.0.1"}),
]


@pytest.mark.parametrize("filters,expected", AUTO, ids=lambda value: "+".join(value) or "-"
                         if isinstance(value, list) else "")
def test_b9_filters_on_a_dual_socket_in_auto(crowd, filters, expected):
    """Catches: an IPv4 prefix that is compared with `::ffff:` and fails; a prefix length that is
    not moved by 96; /0 of one family that matches the other; looking at the first filter only."""
    worker = crowd.worker()
    listener(worker, filters)
    assert crowd.open_on(5555) == ["*"]
    assert admitted(worker, 5555) == expected


@pytest.mark.parametrize("filters,expected", [
    (["10.0.0.0/8"], {"10.0.0.2", "10.200.0.2"}), (["::/0"], SIX),
    (["10.0.0.0/24", "fd00::/8"], {"10.0.0.2", "fd00::2"}), (["0.0.0.0/0"], FOUR)])
def test_b9_filters_apply_to_every_socket_of_a_bind(crowd, shim, filters, expected):
    """An interface has two listeners, and so has the wildcard on a system without dual-stack
    sockets.  Catches: filters on the first listener only (a door left open)."""
    worker = crowd.worker()
    listener(worker, filters, endpoint="tcp://eth0:5555")
    listening = set(crowd.open_on(5555))
    assert len(listening) == 2
    peers = [peer for peer in PEERS if PEERS[peer] in listening]
    assert {":" in peer for peer in peers} == {True, False}
    assert admitted(worker, 5555, peers) == expected & set(peers)
    worker.kill()
    worker = crowd.worker(shim=shim("v6only0=EINVAL"))
    listener(worker, filters)
    assert crowd.open_on(5555) == ["0.0.0.0", "::"]
    assert admitted(worker, 5555) == expected


@pytest.mark.parametrize("endpoint,peers", [
    ("tcp://10.0.0.1:5555", {"10.0.0.2", "10.200.0.2"}), ("tcp://0.0.0.0:5555", FOUR),
    ("tcp://[2001:db8::1]:5555", {"2001:db8::2", "2001:db8:ffff::2"}),
    ("tcp://[::]:5555", SIX)])
def test_b9_filters_on_numeric_sockets_in_auto(crowd, endpoint, peers):
    """Catches: matching that works for dual-stack sockets only."""
    worker = crowd.worker()
    for filters, expected in AUTO:
        listener(worker, filters, endpoint=endpoint)
        assert (filters, admitted(worker, 5555, sorted(peers))) == (filters, expected & peers)
        worker.do("reset")


# the filters, and who gets in through [::] in `v6`. Where stock differs, that is noted.
V6 = [
    ([], set(PEERS)),
    (["127.0.0.1"], {"127.0.0.1"}),
    (["10.0.0.0/8"], {"10.0.0.2", "10.200.0.2"}),  # stock: everybody with a zero first byte
    (["10.0.0.0/32"], set()),
    (["10.0.0.2/32"], {"10.0.0.2"}),
    (["0.0.0.0/0"], FOUR),  # stock: everybody
    (["10.0.0.0/104"], {"10.0.0.2", "10.200.0.2"}),
    (["10.0.0.0/105"], {"10.0.0.2"}),
    (["10.0.0.0/96"], FOUR),
    (["10.0.0.2/128"], {"10.0.0.2"}),
    (["::ffff:10.0.0.0/104"], {"10.0.0.2", "10.200.0.2"}),
    (["::ffff:0.0.0.0/96"], FOUR),
    (["::ffff:10.0.0.2"], {"10.0.0.2"}),
    (["::1"], {"::1"}),
    (["2001:db8::/32"], {"2001:db8::2", "2001:db8:ffff::2"}),
    (["::/0"], set(PEERS)),
    (["2001:db8::/64", "10.0.0.0/24"], {"2001:db8::2", "10.0.0.2"}),
]
STOCK_DIFFERS = {"10.0.0.0/8", "10.0.0.0/32", "10.0.0.2/32", "0.0.0.0/0",
                 "2001:db8::/64+10.0.0.0/24"}


@pytest.mark.parametrize("mode_name", ["v6", "v6-ctx", "v6-off"])
def test_b9_filters_in_v6(crowd, mode_name):
    """Exception (b) of NOTES: `10.0.0.0/8` admits neither 127.0.0.1 nor ::1; with stock it admits
    both.  Catches: that hole; IPv6 texts that no longer match mapped peers, as they do in stock;
    prefixes of 96 to 128 read as IPv4 lengths."""
    from lab import MODES
    mode = MODES[mode_name]
    for lib in ("stock", "patched"):
        worker = crowd.worker(lib, env=mode.env)
        for filters, expected in V6:
            if lib == "stock" and "+".join(filters) in STOCK_DIFFERS:
                continue
            listener(worker, filters, mode=mode)
            assert (lib, filters, admitted(worker, 5555)) == (lib, filters, expected)
            worker.do("reset")
        worker.kill()


@modes("v4", "off")
def test_b9_filters_in_v4(crowd, mode):
    """As stock, which knows IPv4 prefixes only.  Catches: IPv6 texts that are accepted although
    IPv6 is switched off."""
    for lib in ("stock", "patched"):
        worker = crowd.worker(lib, env=mode.env)
        for filters, expected in AUTO:
            if any(":" in text for text in filters):
                continue
            listener(worker, filters, mode=mode)
            assert (filters, admitted(worker, 5555, sorted(FOUR))) == (filters, expected & FOUR)
            worker.do("reset")
        sock = worker.socket("REP", mode=mode)
        for text in ("::1", "2001:db8::/32", "::/0"):
            assert (lib, sock.set_rc("TCP_ACCEPT_FILTER", text)) == (lib, "EINVAL")
        worker.kill()


def test_b9_filter_set_before_the_mode(crowd):
    """Stock then rejects every IPv4 peer.  Catches: a filter whose meaning depends on the mode at
    the time when it was set."""
    worker = crowd.worker()
    sock = worker.socket("REP")
    sock.set("TCP_ACCEPT_FILTER", "10.0.0.0/8")
    sock.set("IPV6", 1)
    sock.bind("tcp://*:5555")
    assert admitted(worker, 5555) == {"10.0.0.2", "10.200.0.2"}


def test_b9_ipv6_filter_and_a_later_mode(crowd):
    """Catches: an IPv6 filter that is lost, or lets IPv4 peers in, once the mode changes."""
    worker = crowd.worker()
    sock = worker.socket("REP")
    sock.set("TCP_ACCEPT_FILTER", "2001:db8::/64")
    sock.set("IPV6", 1)
    sock.bind("tcp://*:5555")
    assert admitted(worker, 5555) == {"2001:db8::2"}
    sock = worker.socket("REP")
    sock.set("TCP_ACCEPT_FILTER", "2001:db8::/64")
    sock.set("IPV6", 0)
    sock.bind("tcp://*:5556")
    assert admitted(worker, 5556, sorted(FOUR)) == set()


def test_b9_mapped_texts_in_auto(crowd):
    """`::ffff:` is the IPv4 address (as in B-3): n counts from 96.
    Catches: a mapped prefix that matches nobody, because peers are shown as IPv4."""
    worker = crowd.worker()
    for filters, expected in [(["::ffff:10.0.0.0/104"], {"10.0.0.2", "10.200.0.2"}),
                              (["::ffff:10.0.0.2"], {"10.0.0.2"}),
                              (["::ffff:0:0/96"], FOUR)]:
        listener(worker, filters)
        assert (filters, admitted(worker, 5555)) == (filters, expected)
        worker.do("reset")


def test_b9_filter_and_a_given_descriptor(crowd):
    """ZMQ_USE_FD with a dual-stack socket of the app's own: IPv4 peers match, however they come.
    Catches: matching by how the listener was made."""
    worker = crowd.worker()
    worker.occupy("::", v6only=False)
    sock = worker.socket("REP")
    worker.must("use_fd", id=sock.name, held="x")
    sock.set("TCP_ACCEPT_FILTER", "10.0.0.0/8")
    sock.set("TCP_ACCEPT_FILTER", "::1")
    sock.bind("tcp://*:5555")
    assert admitted(worker, 5555) == {"10.0.0.2", "10.200.0.2", "::1"}


def test_b9_clearing_filters(crowd):
    """An empty text clears the list, as in stock.  Catches: a second list left behind."""
    worker = crowd.worker()
    sock = worker.socket("REP")
    sock.set("TCP_ACCEPT_FILTER", "10.0.0.0/8")
    sock.set("TCP_ACCEPT_FILTER", "fd00::/8")
    sock.set("TCP_ACCEPT_FILTER", None)
    sock.bind("tcp://*:5555")
    assert admitted(worker, 5555) == set(PEERS)


def test_b9_rejected_peers_are_reported(crowd):
    """Catches: ACCEPT_FAILED missing or naming `::ffff:` or `[::]`."""
    worker = crowd.worker()
    sock = worker.socket("REP", monitor=True)
    sock.set("TCP_ACCEPT_FILTER", "192.0.2.0/24")
    sock.bind("tcp://*:5555")
    for peer in ("10.0.0.2", "::1"):
        assert worker.do("tcp", host=PEERS[peer], src=peer, port=5555) == "closed"
    events = sock.events("ACCEPT_FAILED", "ACCEPT_FAILED")
    assert [event[:2] for event in events] == [
        ["LISTENING", "tcp://0.0.0.0:5555"]] + [["ACCEPT_FAILED", "tcp://0.0.0.0:5555"]] * 2


BAD = ["/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/abc", "10.0.0.0/00",
       "10.0.0/x", "256.0.0.0/8", "host.test", "localhost", "*", "eth0", "lo", " ",
       "10.0.0.0/99999999999999999999", "10.0.0.0 /8", "10.0.0.0/8/8", "[", "[]", "]", "%",
       "::1%", "::1%nosuch", "::1/", "::1/129", "::1/-1", "::g", ":::", "1::2::3", "[::1",
       "::1]", "10.0.0.0%", "/", "//", "\u00e9", "x" * 255, "1" * 255, "x" * 256, "10.0.0.0/32x",
       "[::1]/12:8", "fe80::1%lo/x"]


def test_b9_bad_filters_fail_as_stock(crowd):
    """In every mode: stock's errno, and whatever stock accepts is accepted.  Catches: a parser that
    is stricter or looser; a bad filter that is kept all the same."""
    from lab import MODES
    for name in ("auto", "v6", "v4"):
        answers = {}
        for lib in ("stock", "patched"):
            worker = crowd.worker(lib)
            sock = worker.socket("REP", mode=MODES[name])
            answers[lib] = [(text, sock.set_rc("TCP_ACCEPT_FILTER", text)) for text in BAD]
            worker.kill()
        if name == "auto":  # IPv6 texts become valid there, and only those
            six = [(text, rc) for text, rc in answers["patched"] if ":" in text]
            assert all(rc in (OK, "EINVAL") for text, rc in six)
            answers = {lib: [pair for pair in answers[lib] if ":" not in pair[0]]
                       for lib in answers}
        if name == "v6":  # the prefix lengths of the test after the next
            answers = {lib: [pair for pair in answers[lib] if pair[0] != "10.0.0.0/33"]
                       for lib in answers}
        assert (name, answers["patched"]) == (name, answers["stock"])


def test_b9_bad_ipv6_filters_in_auto(crowd):
    """Catches: IPv6 texts accepted without a check of their prefix length."""
    worker = crowd.worker()
    sock = worker.socket("REP")
    for text in ("::1/129", "::1/-1", "::1/", "::1/x", "::g", "1::2::3", "::1%nosuch", ":::",
                 "::ffff:10.0.0.0/129", "10.0.0.0/33", "10.0.0.0/96", "10.0.0.0/104"):
        assert (text, sock.set_rc("TCP_ACCEPT_FILTER", text)) == (text, "EINVAL")
    sock.bind("tcp://*:5555")
    assert admitted(worker, 5555) == set(PEERS)


def test_b9_ipv4_lengths_between_33_and_95_in_v6(crowd):
    """Stock takes them, as prefixes of `::ffff:a.b.c.d` that cover all IPv4 and more.  Catches:
    accepting such a filter at all."""
    worker = crowd.worker()
    sock = worker.socket("REP", IPV6=1)
    for length in (33, 64, 80, 95, 129):
        assert (length, sock.set_rc("TCP_ACCEPT_FILTER", "10.0.0.0/%d" % length)) == (
            length, "EINVAL")
