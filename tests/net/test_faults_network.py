# SPDX-License-Identifier: MPL-2.0
"""Networks that change under a listener, under a race, and after it."""
import pytest
from conftest import modes
from faults import balanced
from lab import wait_until
from street import CLIENT4, CLIENT6, DUAL, FAR4, FAR6, HOLE4, SERVER4, SERVER6, Street, tcp

HEARTBEAT = {"HEARTBEAT_IVL": 100, "HEARTBEAT_TIMEOUT": 300, "RECONNECT_IVL": 20}


@pytest.fixture
def street(lab):
    return Street(lab)


@pytest.fixture
def plain(lab):
    """The server has one address of each family."""
    street = Street(lab)
    street.server.addr_del("eth0", *[one + "/24" for one in FAR4], *[one + "/64" for one in FAR6])
    return street


def reached_over(street, family, port=5600):
    address = {4: SERVER4, 6: SERVER6}[family]
    return street.client.worker("stock").do("tcp", host=address, port=port, timeout=1.0)


def link(street, state, node=None):
    (node or street.client).ip("link set eth0 " + state)


def give_addresses(street):
    """Restores the addresses and routes of IPv6 that were lost when the link went down."""
    street.client.addr("eth0", CLIENT6 + "/64")
    for family, gateway in (("-4", SERVER4), ("-6", SERVER6)):
        street.client.run(["ip", family, "route", "replace", "default", "via", gateway, "dev",
                           "eth0", "onlink"])


# ------------------------------------------------------------------ bound


@modes("auto", "v6")
@pytest.mark.parametrize("endpoint", ["tcp://*:5600", "tcp://eth0:5600"])
def test_faults_addresses_go_and_come_back(plain, endpoint, mode):
    """While they are bound.  Catches: giving the listener up; an unbind that asks the interface."""
    street = plain
    sock = street.server.worker().socket("REP", mode=mode)
    sock.bind(endpoint)
    for _ in range(2):
        assert [reached_over(street, one) for one in (4, 6)] == ["greeting"] * 2
        street.server.addr_del("eth0", SERVER4 + "/24", SERVER6 + "/64")
        street.server.addr("eth0", SERVER4 + "/24", SERVER6 + "/64")
    assert wait_until(lambda: reached_over(street, 6) == "greeting")
    street.server.addr_del("eth0", SERVER6 + "/64")
    sock.unbind(endpoint)
    assert street.server.listeners(5600) == []


@pytest.mark.parametrize("endpoint", ["tcp://*:5600", "tcp://eth0:5600"])
def test_faults_ipv6_is_switched_off_and_on(plain, endpoint):
    """Catches: IPv4 clients that suffer, too; a wildcard that never gets IPv6 clients again."""
    street = plain
    worker = street.server.worker()
    sock = worker.socket("REP")
    sock.bind(endpoint)
    street.server.sysctl("net.ipv6.conf.all.disable_ipv6", 1)
    assert reached_over(street, 4) == "greeting"
    other = worker.socket("REP")
    assert other.bind(endpoint.replace("5600", "5601")) == tcp(
        "0.0.0.0" if "*" in endpoint else SERVER4, 5601)
    assert reached_over(street, 4, 5601) == "greeting"
    street.server.sysctl("net.ipv6.conf.all.disable_ipv6", 0)
    street.server.addr("eth0", SERVER6 + "/64")
    assert wait_until(lambda: reached_over(street, 6) == "greeting")
    assert reached_over(street, 4) == "greeting"
    for one, port in ((sock, 5600), (other, 5601)):
        one.unbind(endpoint.replace("5600", str(port)))
        assert street.server.listeners(port) == []


def test_faults_interfaces_come_and_go_all_the_time(host):
    """While another program makes and removes them, a bind succeeds or says why not.  Catches:
    trusting a list of addresses that changes while it is read; leftovers of a failed bind."""
    worker = host.worker()
    churn = ("while :; do ip link add zz0 type veth peer name zz1 && "
             "ip addr add 10.9.0.1/24 dev zz0 && ip -6 addr add 2001:db8:9::1/64 dev zz0 nodad; "
             "ip link set zz0 up; ip link del zz0; done")
    seen, elsewhere = [], set()

    def story():
        seen.append(worker.do("life", bind="tcp://zz0:5600")["bind"])
        elsewhere.add(worker.do("life", bind="tcp://*:5601")["bind"])
        assert worker.do("life", bind="tcp://eth0:5602") == {"bind": "ok"}
        return len(seen) >= 60 and "ok" in seen and set(seen) != {"ok"}
    with host.background(["sh", "-c", churn], stderr=-3):
        assert wait_until(story)
    assert set(seen) <= {"ok", "ENODEV", "EADDRNOTAVAIL", "ECONNREFUSED"}
    assert elsewhere == {"ok"}
    balanced(worker, story)


# ------------------------------------------------------------------ racing


@pytest.mark.parametrize("how", ["down", "carrier"])
def test_faults_link_flaps_during_a_race(lab, how):
    """Two silent addresses, then no link, then a link and a server.  Catches: a race that goes on
    with dead sockets."""
    street = Street(lab)
    street.silent(4, 6)
    street.dns.set(dual_test={"AAAA": [SERVER6], "A": [SERVER4]})
    sock = street.dial("attempt-delay=20", CONNECT_TIMEOUT=400, RECONNECT_IVL=50)
    sock.connect(DUAL)
    assert wait_until(lambda: len(street.dialled()) == 2)
    node = street.client if how == "down" else street.server
    for _ in range(3):
        link(street, "down", node)
        link(street, "up", node)
        if how == "down":
            give_addresses(street)
        else:
            street.server.addr("eth0", SERVER6 + "/64")
    street.faults()
    street.serve_both()
    assert sock.reach().peer in (SERVER4, SERVER6)


@pytest.mark.parametrize("endpoint", [DUAL, "tcp://eth0:0;dual.test:5555"],
                         ids=["name", "source"])
def test_faults_interface_deleted_during_a_race(lab, endpoint):
    """Later there is another one of that name, with the same addresses.  Catches: a reconnect that
    goes on with the old interface; connecting without a source because the source is gone."""
    street = Street(lab)
    street.silent(4, 6)
    sock = street.dial("attempt-delay=20", CONNECT_TIMEOUT=400, RECONNECT_IVL=50)
    sock.connect(endpoint)
    assert wait_until(lambda: len(street.dialled()) == 2)
    street.client.ip("link del eth0")
    sock.events("CONNECT_RETRIED", "CONNECT_RETRIED")
    lab.wire(street.client, "eth0", street.server, "eth0")
    street.server.addr("eth0", SERVER4 + "/24", SERVER6 + "/64")
    street.client.addr("eth0", CLIENT4 + "/24")
    give_addresses(street)
    street.faults()
    street.serve_both()
    assert sock.reach().peer in (SERVER4, SERVER6)


@pytest.mark.parametrize("node", ["client", "server"])
def test_faults_link_flaps_after_a_race(street, node):
    """The link comes back after a reconnect that failed.  Catches: a reconnect that goes on with
    what was true before; no further reconnect."""
    street.serve_both()
    sock = street.dial("attempt-delay=50", CONNECT_TIMEOUT=500, **HEARTBEAT)
    assert sock.reach(DUAL).peer == SERVER6
    events = sock.watch("DISCONNECTED", "CONNECT_RETRIED", "CONNECT_RETRIED")
    node = getattr(street, node)
    link(street, "down", node)
    events()
    link(street, "up", node)
    if node is street.client:
        give_addresses(street)
    assert sock.reach().peer in (SERVER4, SERVER6)


def test_faults_no_link_at_first(street):
    """Catches: giving the connect up because at that moment there was no network."""
    street.serve_both()
    link(street, "down")
    sock = street.dial("attempt-delay=50", CONNECT_TIMEOUT=500, RECONNECT_IVL=20)
    sock.connect(DUAL)
    sock.events("CONNECT_RETRIED", "CONNECT_RETRIED")
    link(street, "up")
    give_addresses(street)
    assert sock.reach().peer in (SERVER4, SERVER6)


@pytest.mark.parametrize("family", ["-4", "-6"])
def test_faults_default_route_vanishes(street, family):
    """In the middle of a race to addresses beyond it.  Catches: a silent attempt without a route
    that holds up the others."""
    street.serve_both()
    beyond = {"-4": {"A": HOLE4[:2], "AAAA": [SERVER6]},
              "-6": {"A": [SERVER4], "AAAA": ["2001:db8:dead::1", "2001:db8:dead::2"]}}[family]
    street.faults("tcp dport 5555 ip6 daddr %s drop" % SERVER6,
                  "tcp dport 5555 ip daddr %s drop" % SERVER4)
    street.dns.set(dual_test=beyond)
    sock = street.dial("attempt-delay=30", CONNECT_TIMEOUT=600, RECONNECT_IVL=20)
    sock.connect(DUAL)
    assert wait_until(lambda: len(street.dialled()) >= 2)
    street.client.run(["ip", family, "route", "del", "default"])
    street.faults()
    assert sock.reach().peer == {"-4": SERVER6, "-6": SERVER4}[family]


def test_faults_ipv6_is_switched_off_in_a_race(street):
    """And on again later.  Catches: keeping the addresses' places in the order although there is no
    source for them; never using IPv6 again."""
    street.silent(4, 6)
    sock = street.dial("attempt-delay=50", CONNECT_TIMEOUT=500, **HEARTBEAT)
    sock.connect(DUAL)
    assert wait_until(lambda: len(street.dialled()) == 2)
    street.client.sysctl("net.ipv6.conf.all.disable_ipv6", 1)
    street.faults()
    four, six = street.serve_both()
    assert sock.reach().peer == SERVER4
    street.client.sysctl("net.ipv6.conf.all.disable_ipv6", 0)
    street.client.addr("eth0", CLIENT6 + "/64")
    four.stop()
    assert sock.reach(timeout=15).peer == SERVER6
    assert six.log()["messages"] >= 1


def test_faults_temporary_addresses_rotate(street):
    """The source of a connection is replaced by the next one and taken away.  Catches: a reconnect
    from an address that is gone."""
    street.serve(6)
    first = street.client.temporary("eth0", "2001:db8::a:2/64")
    sock = street.dial("attempt-delay=50", CONNECT_TIMEOUT=500, **HEARTBEAT)
    assert sock.reach(DUAL).source == first
    for _ in range(2):
        events = sock.watch("DISCONNECTED", "HANDSHAKE_SUCCEEDED")
        street.client.addr_del("eth0", first + "/64")
        events()
        gone, first = first, sock.reach().source
        assert first != gone
    assert street.client.worker().socket("DEALER").reach(DUAL).peer == SERVER6


def test_faults_addresses_come_in_the_midst_of_a_race(lab):
    """A client that begins with a link and nothing else.  Catches: trying the first list of
    candidates for ever."""
    street = Street(lab, client=["fe80::2/64"])
    street.serve_both()
    sock = street.dial("attempt-delay=50", RECONNECT_IVL=20)
    sock.connect(DUAL)
    sock.events("CONNECT_RETRIED")
    street.client.addr("eth0", CLIENT6 + "/64")
    assert sock.reach().peer == SERVER6


def test_faults_server_moves_about(street):
    """Its addresses change all the time, and the name's with them.  Catches: memories of old
    addresses that are in the way of the new ones."""
    servants = [street.serve(6, address=one) for one in FAR6[:3]] \
        + [street.serve(4, address=one) for one in FAR4[:3]]
    sock = street.dial("attempt-delay=50", CONNECT_TIMEOUT=500, RECONNECT_IVL=20)
    sock.connect(DUAL)
    for number in range(4):
        kind, where = ("AAAA", FAR6) if number % 2 else ("A", FAR4)
        address = where[number // 2]
        street.dns.set(dual_test={kind: [address]})

        def moved():
            """Waits, because an answer may be used for a second."""
            if sock.reach().peer == address:
                return True
            for servant in servants:
                servant.kick()
            return False
        assert wait_until(moved)
