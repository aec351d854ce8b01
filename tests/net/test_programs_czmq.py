# SPDX-License-Identifier: MPL-2.0
"""Programs in C on Debian's CZMQ, which is linked to Debian's libzmq and knows nothing of ours."""
import os
import subprocess

import pytest
from lab import libdir, wait_until
from program import HERE, Program
from street import CLIENT4, CLIENT6, SERVER4, SERVER6, plain_street, tcp

HOSTS = "%s server.hosts\n%s server.hosts\n" % (SERVER4, SERVER6)


@pytest.fixture(scope="module")
def czmq(tmp_path_factory):
    """Built as anybody builds it, with the system's headers."""
    if subprocess.run(["pkg-config", "--exists", "libczmq", "libzmq"]).returncode != 0:
        pytest.skip("not installed: libczmq-dev")
    path = str(tmp_path_factory.mktemp("czmq") / "czmq")
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libczmq", "libzmq"], check=True,
                           capture_output=True, text=True).stdout.split()
    subprocess.run(["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-o", path,
                    os.path.join(HERE, "czmq.c")] + flags, check=True)
    return path


@pytest.fixture
def street(lab):
    return plain_street(lab, hosts=HOSTS)


def serve(street, czmq, *args, lib="patched", **env):
    """A server; returns the program, its port, and the two texts by which CZMQ names its
    endpoint."""
    server = Program(street.server, [czmq, "serve"] + list(args), lib=lib,
                     env=dict(env, ZSYS_INTERFACE="eth0"))
    word, port, *names = server.line().split()
    assert word == "bound"
    return server, int(port), [name.replace(":" + port, ":PORT") for name in names]


def ask(street, czmq, endpoint, lib="patched", **env):
    client = Program(street.client, [czmq, "ask", endpoint, "10000"], lib=lib, env=env)
    answer = client.line()
    assert client.end() == 0
    return answer


WILDCARD, RANGE, INTERFACE = "tcp://*:*", "tcp://*:![50000-50100]", "tcp://INTERFACE:*"


@pytest.mark.parametrize("endpoint,ipv6,stock,patched,shown", [
    (WILDCARD, "", ["0.0.0.0"], ["0.0.0.0"], "tcp://0.0.0.0:PORT"),
    (INTERFACE, "", [SERVER4], [SERVER4], "tcp://%s:PORT" % SERVER4),
    (WILDCARD, "1", ["*"], ["*"], "tcp://[::]:PORT"),
    (RANGE, "1", ["*"], ["*"], "tcp://[::]:PORT"),
    (INTERFACE, "1", [SERVER6], [SERVER4, SERVER6], "tcp://[%s]:PORT" % SERVER6)])
def test_czmq_server(street, czmq, endpoint, ipv6, stock, patched, shown):
    """zsock_bind with ports of its own choice, and zsys_interface.  CZMQ sets ZMQ_IPV6 on every
    socket, to 0 unless ZSYS_IPV6 is 1, and that is respected.  The program reads back what it does
    with stock.  Catches: ignoring an explicit 0; an interface on one family only; a port that only
    one family has."""
    names = []
    for lib, listens in (("stock", stock), ("patched", patched)):
        server, port, seen = serve(street, czmq, endpoint, lib=lib, ZSYS_IPV6=ipv6)
        names.append(seen)
        assert street.server.open_on(port) == listens
        if lib == "stock":
            server.end()
    assert server.libzmq() == {os.path.realpath(os.path.join(libdir("patched"), "libzmq.so.5"))}
    assert names[0] == names[1] == [endpoint.replace("INTERFACE", "eth0").rpartition(":")[0]
                                    + ":PORT", shown]
    mapped = "::ffff:" if patched == ["*"] else ""
    for lib in ("stock", "patched"):
        assert ask(street, czmq, tcp(SERVER4, port), lib=lib) == (
            "%s%s from %s" % (mapped, CLIENT4, SERVER4))
    if ipv6:
        for lib in ("stock", "patched"):
            assert ask(street, czmq, tcp(SERVER6, port), lib=lib, ZSYS_IPV6="1") == (
                "%s from %s" % (CLIENT6, SERVER6))
    assert server.end() == 0


def test_czmq_client(street, czmq):
    """ZSYS_IPV6=1, and a name: what CZMQ's users do about IPv6 today.  Catches: trying only a
    name's IPv6 address; IPv6 for a program that set 0."""
    server, port, _ = serve(street, czmq, WILDCARD, ZSYS_IPV6="1")
    over6 = "%s from %s" % (CLIENT6, SERVER6)
    over4 = "::ffff:%s from ::ffff:%s" % (CLIENT4, SERVER4)
    assert ask(street, czmq, tcp("server.hosts", port), ZSYS_IPV6="1") == over6
    assert ask(street, czmq, tcp("dual.test", port)) == "::ffff:%s from %s" % (CLIENT4, SERVER4)
    street.silent(6)
    assert ask(street, czmq, tcp("server.hosts", port), ZSYS_IPV6="1") == over4
    street.faults("meta nfproto ipv6 tcp dport %d reject with tcp reset" % port)
    assert ask(street, czmq, tcp("dual.test", port), ZSYS_IPV6="1") == over4
    assert server.end() == 0


@pytest.mark.parametrize("endpoint,allowed,let_in", [
    (INTERFACE, CLIENT4, CLIENT4), (INTERFACE, CLIENT6, CLIENT6),
    (WILDCARD, CLIENT6, CLIENT6), (WILDCARD, "::ffff:" + CLIENT4, CLIENT4)])
def test_czmq_zauth(street, czmq, endpoint, allowed, let_in):
    """zauth's allow-list.  Catches: an IPv6 client that an IPv4 list lets in; an address that ZAP
    gets in another spelling than the list's."""
    server, port, _ = serve(street, czmq, endpoint, allowed, ZSYS_IPV6="1")
    for source, address in ((CLIENT4, SERVER4), (CLIENT6, SERVER6)):
        patience = "10000" if source == let_in else "500"
        client = Program(street.client, [czmq, "ask", tcp(address, port), patience],
                         env={"ZSYS_IPV6": "1"})
        assert (client.line() != "no reply") == (source == let_in)
    assert server.end() == 0


def test_czmq_zproxy(street, czmq):
    """A zproxy between workers and clients that come by name and over each family.  Catches: a
    proxy that has only one family on one side; replies that go to the wrong client."""
    both = {"ZSYS_IPV6": "1"}
    proxy = Program(street.server, [czmq, "proxy", "tcp://*:5555", "tcp://eth0:5556"], env=both)
    assert proxy.line() == "ready"
    assert street.server.open_on(5555) == ["*"]
    assert street.server.open_on(5556) == [SERVER4, SERVER6]
    workers = [Program(street.client, [czmq, "work", tcp(host, 5556), name], env=both)
               for host, name in ((SERVER4, "by-four"), (SERVER6, "by-six"),
                                  ("server.hosts", "by-name"))]
    assert [worker.line() for worker in workers] == ["ready"] * 3
    assert wait_until(lambda: len(street.client.connections(5556, "ESTABLISHED")) == 3)
    answers, peers = set(), set()
    for host in (SERVER4, SERVER6, "dual.test") * 5:
        answer, _, peer = ask(street, czmq, tcp(host, 5555), **both).split()
        answers.add(answer)
        peers.add((host, peer))
        if len(answers) == 3 and len(peers) == 3:
            break
    assert answers == {"by-four", "by-six", "by-name"}
    assert peers == {(SERVER4, "::ffff:" + SERVER4), (SERVER6, SERVER6), ("dual.test", SERVER6)}
    assert proxy.end() == 0
