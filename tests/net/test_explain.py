# SPDX-License-Identifier: MPL-2.0
"""D-2: what `zmq-dualstack explain` says is what the library then does."""
import ipaddress
import json
import os
import re
import subprocess

import pytest
from conftest import SANITIZED, modes
from lab import DEADLINE, MODES, port_of, wait_until
from street import CLIENT4, CLIENT6, DUAL, FAR4, FAR6, HOLE4, HOLE6, PATIENT, SERVER4, SERVER6, \
    WAITING, Street, tcp
from test_interface import CHOICES
from test_run import cli, environment

import endpoints

FOUR_MODES = ["auto", "v6", "v4", "off"]


def command(node, argv, mode=None, env=None, shim=None, program=None):
    """Runs the command; `mode` is one of lab.MODES."""
    env = environment(**dict(mode.env if mode else {}, **(env or {})))
    if shim is not None:
        env.update(LD_PRELOAD=shim.path, ZDS_SHIM=shim.rules)
    if mode is not None and mode.sock:
        argv = argv + ["--mode", mode.kind]
    return node.run([program or cli()] + argv, check=False, env=env, timeout=DEADLINE)


def ask(node, what, endpoint, *more, **how):
    """The answer as JSON; the exit status has to agree with it."""
    done = command(node, ["explain", what, endpoint, "--json"] + list(more), **how)
    assert done.returncode in (0, 1), done.stderr
    answer = json.loads(done.stdout)
    assert done.stderr == ""
    assert answer["works"] == (done.returncode == 0) == (answer["error"] is None)
    return answer


def shown(listener):
    """As Node.open_on has it."""
    host = listener["address"].rsplit(":", 1)[0].strip("[]")
    return "*" if listener["takes"] == "IPv6 and IPv4" and host == "::" else host


def outcome(answer):
    if not answer["works"]:
        return answer["error"]["name"], None, []
    return "ok", answer["last_endpoint"], sorted(shown(one) for one in answer["listeners"])


# ------------------------------------------------------------------ bind


def plain(lab):
    node = lab.node()
    node.nic("eth0", "10.0.0.1/24", "2001:db8::1/64")
    node.nic("eth1", "fe80::1/64")
    node.nic("eth2")
    node.addr("eth0", "10.0.0.7/24 label eth0:1")
    return node


def with_addresses(*addresses):
    def make(lab):
        node = lab.node()
        node.nic("eth0", *addresses)
        return node
    return make


def temporary(lab):
    node = plain(lab)
    node.temporary("eth0", "2001:db8:5::1/64")
    return node


def only_temporary(lab):
    node = with_addresses("10.0.0.1/24", "fd00::1/64")(lab)
    node.temporary("eth0", "2001:db8:5::1/64")
    node.ip("addr change 2001:db8:5::1/64 dev eth0 preferred_lft 0")
    return node


def tentative(lab):
    node = with_addresses("10.0.0.1/24")(lab)
    node.slow_dad("eth0", 30)
    node.addr("eth0", "2001:db8::1/64 dad")
    return node


def duplicate(lab):
    """Somebody else on the wire has the address."""
    node, other = lab.node(), lab.node()
    lab.wire(node, "eth0", other, "eth0")
    other.addr("eth0", "2001:db8::1/64")
    node.addr("eth0", "10.0.0.1/24", "2001:db8::1/64 dad", "fd00::1/64")
    node.wait_addr("eth0", lambda one: one.get("dadfailed"))
    return node


def without_ipv6(lab):
    node = lab.node()
    for scope in ("all", "default", "lo"):
        node.sysctl("net.ipv6.conf.%s.disable_ipv6" % scope, 1)
    node.nic("eth0", "10.0.0.1/24")
    return node


def crowded(lab):
    lots = ["2001:db8:0:%x::1/64 preferred_lft 0" % number for number in range(1, 60)]
    return with_addresses("10.0.0.1/24", "2001:db8::1/64", *lots)(lab)


HOSTS = {"plain": plain, "temporary": temporary, "only-temporary": only_temporary,
         "tentative": tentative, "duplicate": duplicate, "without-ipv6": without_ipv6,
         "crowded": crowded, "four": with_addresses("10.0.0.1/24"),
         "six": with_addresses("2001:db8::1/64"), "link-local": with_addresses("fe80::1/64")}
HOSTS.update(("choice-" + name, with_addresses("10.0.0.1/24", *CHOICES[name][0]))
             for name in CHOICES)

BINDS = ["*", "lo", "eth0", "eth1", "eth2", "eth9", "eth0:1", "0.0.0.0", "127.0.0.1", "10.0.0.1",
         "10.9.9.9", "[::]", "::", "[::1]", "[2001:db8::1]", "[2001:db8:9::9]", "[fe80::1%eth0]",
         "[fe80::1%eth1]", "[fe80::1%nosuch]", "[::ffff:10.0.0.1]", "[::ffff:0.0.0.0]", "localhost",
         "eth0:0;eth0", "nosuch:0;eth0", "10.0.0.1:0;[::1]"]


def bound(node, worker, mode, endpoint):
    """What the library does: as outcome() has it."""
    sock = worker.socket("REP", mode=mode)
    rc = sock.bind_rc(endpoint)
    found = (rc, None, [])
    if rc == "ok":
        last = sock.last_endpoint()
        found = (rc, last, node.open_on(port_of(last)))
    sock.close()
    assert wait_until(lambda: node.listeners() == [])  # it is closed in the I/O thread
    return found


@pytest.mark.parametrize("name", sorted(HOSTS))
def test_d2_bind_as_the_library_does(lab, name):
    """Every host of the tests of binding, every kind of endpoint, every mode.  Catches: any
    rule that the command has of its own, or does not have."""
    node = HOSTS[name](lab)
    wrong = []
    for mode in (MODES[one] for one in FOUR_MODES):
        worker = node.worker(env=mode.env)
        for number, host in enumerate(BINDS):
            endpoint = "tcp://%s:%d" % (host, 5600 + number)
            for more in ([], ["--try"]):
                said = outcome(ask(node, "bind", endpoint, *more, mode=mode))
                did = bound(node, worker, mode, endpoint)
                if said != did:
                    wrong.append("%s %s %s: said %r, did %r" % (endpoint, mode.name, more, said,
                                                                did))
    assert wrong == []


SHIMS = ["socket6=EAFNOSUPPORT", "socket6=EPERM", "v6only0=EINVAL", "v6only1=EINVAL",
         "bind6=EPERM", "bind6=EADDRNOTAVAIL", "bind6=EADDRINUSE", "bind4=EACCES", "listen=ENOMEM",
         "socket4=EMFILE", "socket6=EMFILE", "getifaddrs=ENOMEM", "getifaddrs=EINVAL",
         "v6only0=EINVAL;socket6=EAFNOSUPPORT", "bind@2=EADDRINUSE"]


@pytest.mark.parametrize("rules", SHIMS)
def test_d2_bind_on_systems_that_fail(host, shim, rules):
    """The command and the library meet the same system.  Catches: a failure that is not told
    apart as the library does it."""
    wrong = []
    for mode in (MODES[one] for one in FOUR_MODES):
        for address in ("*", "eth0", "lo", "10.0.0.1", "[2001:db8::1]", "[::]"):
            endpoint = "tcp://%s:5555" % address
            said = outcome(ask(host, "bind", endpoint, "--try", mode=mode, shim=shim(rules)))
            worker = host.worker(env=mode.env, shim=shim(rules))
            did = bound(host, worker, mode, endpoint)
            worker.kill()
            if said != did:
                wrong.append("%s %s: said %r, did %r" % (endpoint, mode.name, said, did))
    assert wrong == []


@pytest.mark.parametrize("address", ["*", "eth0", "lo"])
@modes("auto", "v6", "v4")
def test_d2_bind_when_the_port_is_taken(host, mode, address):
    """With --try.  Catches: a try that is none; a socket left open."""
    worker = host.worker()
    sock = worker.socket("REP", IPV6=1)
    sock.bind("tcp://*:5555")
    answer = ask(host, "bind", "tcp://%s:5555" % address, "--try", mode=mode)
    assert answer["error"]["name"] == "EADDRINUSE"
    assert answer["steps"][-1]["do"] in ("open", "close")
    assert ask(host, "bind", "tcp://%s:5555" % address, mode=mode)["works"]
    sock.close()
    worker.kill()
    assert ask(host, "bind", "tcp://%s:5555" % address, "--try", mode=mode)["works"]
    assert host.listeners() == []


def test_d2_bind_steps(host, shim):
    """The port that the system chose is taken in the other family, once.
    Catches: steps that are not told."""
    answer = ask(host, "bind", "tcp://eth0:*", "--try", shim=shim("bind@2=EADDRINUSE"))
    steps = [(one["do"], one["address"].startswith("["), one["error"]) for one in answer["steps"]]
    assert steps == [("open", False, None), ("open", True, "EADDRINUSE"), ("close", False, None),
                     ("open", True, None), ("open", False, None)]
    assert answer["steps"][1]["failed_at"] == "bind or listen"
    ports = {port_of(one["address"]) for one in answer["listeners"]}
    assert ports == {port_of(answer["last_endpoint"])} != {0}


def test_d2_bind_port_of_the_systems_choice(host):
    """Without --try no port is made up.  Catches: port 0 in a text that people copy."""
    answer = ask(host, "bind", "tcp://eth0:*")
    assert answer["last_endpoint"] == "tcp://10.0.0.1:*"
    assert [one["address"] for one in answer["listeners"]] == ["10.0.0.1:*", "[2001:db8::1]:*"]


def test_d2_bind_looks_without_leaving_a_trace(host):
    """A server that starts meanwhile is not in the way, nor is the command in its.
    Catches: a plan that binds the port."""
    worker = host.worker()
    sock = worker.socket("REP")
    sock.bind("tcp://*:5555")
    assert ask(host, "bind", "tcp://*:5555")["works"]
    assert ask(host, "bind", "tcp://eth0:5555")["works"]
    assert host.open_on(5555) == ["*"]


VERDICTS = {"2001:db8::1": (True, "that lasts"), "2001:db8::2": (False, "deprecated"),
            "fd00::1": (False, "a global address comes first"),
            "fe80::1%eth0": (False, "a global address comes first"),
            "10.0.0.1": (True, "first IPv4"), "10.0.0.2": (False, "another IPv4")}


def test_d2_bind_verdicts(lab):
    """Catches: an address without a verdict, or with another one's."""
    node = lab.node()
    node.nic("eth0", "10.0.0.1/24", "10.0.0.2/24", *CHOICES["all-kinds"][0])
    answer = ask(node, "bind", "tcp://eth0:5555")
    assert answer["interface"] == "eth0"
    found = {one["address"]: (one["chosen"], one["why"]) for one in answer["addresses"]}
    assert sorted(found) == sorted(VERDICTS)
    for address, (chosen, word) in VERDICTS.items():
        assert found[address][0] == chosen and word in found[address][1], address
    flags = {one["address"]: one["flags"] for one in answer["addresses"]}
    assert flags["2001:db8::2"] == ["deprecated"] and flags["2001:db8::1"] == []


@pytest.mark.parametrize("name,flag,word", [
    ("tentative", "tentative", "that lasts"), ("duplicate", "duplicate", "another host"),
    ("temporary", "temporary", "temporary")])
def test_d2_bind_flags(lab, name, flag, word):
    """Catches: flags that are not asked for."""
    answer = ask(HOSTS[name](lab), "bind", "tcp://eth0:5555")
    flagged = [one for one in answer["addresses"] if flag in one["flags"]]
    assert len(flagged) == 1 and word in flagged[0]["why"]


# Names: the version of libzmq is the one that is written in the library.
def fake_library(lab, version, real):
    """A copy of the library that says it was made of another libzmq."""
    directory = lab.path("lib")
    os.mkdir(directory)
    with open(os.path.join(real, "libzmq.so.5"), "rb") as library:
        image = library.read()
    ours = re.search(rb"@\(#\)libzmq-dualstack [0-9.]+ on libzmq ([0-9.]+)", image)
    assert ours and len(ours.group(1)) == len(version)
    with open(os.path.join(directory, "libzmq.so.5"), "wb") as copy:
        copy.write(image.replace(ours.group(0), ours.group(0)[:-len(version)] + version.encode()))
    return directory


@pytest.mark.parametrize("version,name,expected", [
    ("4.3.4", "both.test", "ENODEV"), ("4.3.5", "both.test", ["10.0.0.1", "2001:db8::1"]),
    ("4.3.6", "four.test", ["10.0.0.1"]), ("4.4.0", "six.test", ["2001:db8::1"]),
    ("4.2.9", "both.test", "ENODEV"), ("4.3.5", "none.test", "ENODEV")])
def test_d2_bind_names_depend_on_libzmq(lab, version, name, expected):
    """Catches: names that are looked up for a libzmq that does not, and the other way round."""
    node = lab.node(etc={"hosts": "10.0.0.1 both.test four.test\n2001:db8::1 both.test six.test\n",
                         "nsswitch.conf": "hosts: files\n"})
    node.nic("eth0", "10.0.0.1/24", "2001:db8::1/64")
    directory = fake_library(lab, version, environment()["ZDS_LIBDIR"])
    answer = ask(node, "bind", "tcp://%s:5555" % name, env={"ZDS_LIBDIR": directory})
    if answer["works"]:
        assert outcome(answer)[2] == expected
    else:
        assert answer["error"]["name"] == expected
        assert name in answer["error"]["why"]


# ------------------------------------------------------------------ bad endpoints


def is_explained(raw):
    """TCP, or no transport at all; and what an argument can be."""
    return (b"\0" not in raw and len(raw) < 100000
            and raw.split(b"://")[0] not in (b"ws", b"wss", b"ipc", b"inproc", b"udp", b"norm",
                                             b"tipc", b"vmci", b"pgm", b"epgm"))


LISTED = [raw for raw in endpoints.tcp() if is_explained(raw)]


def library_says(node, mode, call, listed):
    """The name of the errno, for each endpoint."""
    worker = node.worker(env=mode.env)
    said = []
    for at in range(0, len(listed), 60):
        steps = [step for raw in listed[at:at + 60] for step in (
            {"op": "socket", "id": "s", "kind": "PAIR", "ctx_opts": mode.ctx, "opts": mode.sock},
            {"op": call, "id": "s", "raw_hex": raw.hex()}, {"op": "reset"})]
        said += worker.run(steps, 120)[1::3]
    return said


def command_says(node, program, mode, call, raw):
    argv = [program, "explain", call, "--json", "--timeout", "5", "--mode", mode.kind, "--"]
    done = subprocess.run([one.encode() for one in node.enter(argv)] + [raw], capture_output=True,
                          env=environment(**SANITIZED), timeout=DEADLINE)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        return "no JSON: %r %r" % (done.stdout[:80], done.stderr[:800])
    if call == "connect" and not answer.get("refused_by_zmq_connect", True):
        return "ok"  # what is wrong shows later, in the I/O thread
    return answer["error"]["name"] if answer["error"] else "ok"


@pytest.mark.parametrize("name", ["auto", "v6", "v4"])
@pytest.mark.parametrize("call", ["bind", "connect"])
def test_d2_bad_endpoints(lab, name, call, asan_cli):
    """Hundreds; in auto with sanitizers.  Catches: a text that the command reads otherwise
    than the library does; a crash."""
    node = lab.node(etc={"hosts": "127.0.0.1 localhost\n", "nsswitch.conf": "hosts: files\n"})
    node.nic("eth0", "10.0.0.1/24", "2001:db8::1/64")
    mode = MODES[name]
    program, listed = (asan_cli, LISTED) if name == "auto" else (cli(), LISTED[::3])
    did = library_says(node, mode, call, listed)
    wrong = []
    for raw, rc in zip(listed, did):
        said = command_says(node, program, mode, call, raw)
        if said != rc:
            wrong.append("%r: said %s, did %s" % (raw[:60], said, rc))
    assert wrong == []


# ------------------------------------------------------------------ connect

STANDARD = (CLIENT4 + "/24", CLIENT6 + "/64")
ULA = (CLIENT4 + "/24", "fd00::2/64")
LINK = STANDARD + ("fe80::2/64",)

# name: (endpoint, mode, what the client's name server and the client itself have)
CONNECTS = {
    "dual": (DUAL, "auto", {}),
    "dual-v6": (DUAL, "v6", {}),
    "dual-v4": (DUAL, "v4", {}),
    "dual-off": (DUAL, "off", {}),
    "v6-in-spite-of-off": (DUAL, "v6-off", {}),
    "turns": (DUAL, "auto", {"zone": {"AAAA": FAR6[:3], "A": FAR4[:2]}}),
    "turns-v6": (DUAL, "v6", {"zone": {"AAAA": FAR6[:2], "A": FAR4[:3]}}),
    "every-a": (DUAL, "v4", {"zone": {"AAAA": FAR6[:3], "A": FAR4[:3]}}),
    "resolvers-order": (DUAL, "auto", {"zone": {"AAAA": [FAR6[2], FAR6[0], SERVER6, FAR6[1]]}}),
    "duplicates": (DUAL, "auto", {"zone": {"AAAA": FAR6[:1] * 4 + FAR6[1:2] * 4}}),
    "four": ("tcp://four.test:5555", "auto", {}),
    "six": ("tcp://six.test:5555", "auto", {}),
    "six-v4": ("tcp://six.test:5555", "v4", {}),
    "none": ("tcp://none.test:5555", "auto", {}),
    "ula": (DUAL, "auto", {"client": ULA}),
    "ula-v6": (DUAL, "v6", {"client": ULA}),
    "6to4": (DUAL, "auto", {"zone": {"AAAA": ["2002:a00:1::1"], "A": [SERVER4]}}),
    "teredo": (DUAL, "auto", {"zone": {"AAAA": ["2001:0:1::1"], "A": [SERVER4]}}),
    "poor-and-good": (DUAL, "auto", {"zone": {"AAAA": ["2002:a00:1::1", SERVER6],
                                              "A": [SERVER4, FAR4[0]]}}),
    "no-route": (DUAL, "auto", {"zone": {"AAAA": HOLE6[:2], "A": [SERVER4]},
                                "ip": ["route del ::/0"], "at-once": HOLE6}),
    "no-ipv6": (DUAL, "auto", {"client": (CLIENT4 + "/24",)}),
    "no-ipv6-six": ("tcp://six.test:5555", "auto", {"client": (CLIENT4 + "/24",)}),
    "zone": ("tcp://link.test%eth0:5555", "auto",
             {"client": LINK, "names": {"link_test": {"AAAA": ["fe80::1"], "A": [SERVER4]}}}),
    "servfail": (DUAL, "auto", {"zone": {"AAAA": [SERVER6], "A": [SERVER4],
                                         "rcode": {"AAAA": "SERVFAIL"}}}),
    "late-aaaa": (DUAL, "auto", {"zone": {"AAAA": [SERVER6], "A": [SERVER4],
                                          "delay": {"AAAA": 0.3}}}),
    "late-a": (DUAL, "auto", {"zone": {"AAAA": [SERVER6], "A": [SERVER4], "delay": {"A": 0.3}}}),
    "a-little-late-aaaa": (DUAL, "auto", {"words": "resolution-delay=2000", "zone": {
        "AAAA": [SERVER6], "A": [SERVER4], "delay": {"AAAA": 0.3}}}),
    "hosts-file": ("tcp://listed.test:5555", "auto",
                   {"hosts": "%s listed.test\n%s listed.test\n" % (SERVER4, SERVER6)}),
    "source-4": ("tcp://%s:0;dual.test:5555" % CLIENT4, "auto", {}),
    "source-6": ("tcp://[%s]:0;dual.test:5555" % CLIENT6, "auto", {}),
    "source-6-v6": ("tcp://[%s]:0;dual.test:5555" % CLIENT6, "v6", {}),
    "source-6-v4": ("tcp://[%s]:0;dual.test:5555" % CLIENT6, "v4", {}),
    "source-nic": ("tcp://eth0:0;dual.test:5555", "auto", {}),
    "source-any-v6": ("tcp://[::]:0;dual.test:5555", "v6", {}),
    "source-nic-v4": ("tcp://eth0:0;dual.test:5555", "v4", {}),
    "source-any": ("tcp://*:0;dual.test:5555", "auto", {}),
    "source-ula": ("tcp://eth0:0;dual.test:5555", "auto", {"client": ULA}),
    "source-unknown": ("tcp://nosuch:0;dual.test:5555", "auto", {}),
    "source-of-the-other-family": ("tcp://%s:0;[%s]:5555" % (CLIENT4, SERVER6), "auto", {}),
    "literal-4": (tcp(SERVER4), "auto", {}),
    "literal-4-v6": (tcp(SERVER4), "v6", {}),
    "literal-6": (tcp(SERVER6), "auto", {}),
    "literal-6-v4": (tcp(SERVER6), "v4", {}),
    "literal-6-off": (tcp(SERVER6), "off", {}),
    "literal-mapped": ("tcp://[::ffff:%s]:5555" % SERVER4, "auto", {}),
    "literal-zone": ("tcp://[fe80::1%eth0]:5555", "auto", {"client": LINK}),
    "literal-zone-unknown": ("tcp://[fe80::1%nosuch]:5555", "auto", {"client": LINK}),
}


def make_street(lab, how):
    street = Street(lab, hosts=how.get("hosts", ""), client=how.get("client", STANDARD))
    street.server.addr("eth0", "2002:a00:1::1/64", "2001:0:1::1/64")
    street.server.ip("route add ::/0 dev eth0")
    names = dict(how.get("names", {}))
    if "zone" in how:
        names["dual_test"] = how["zone"]
    if names:
        street.dns.set(**names)
    if "ip" in how:
        street.client.ip(*how["ip"])
    return street


def address_of(text):
    """The host of HOST:PORT, as parse_connection() has it: without brackets and zone."""
    return str(ipaddress.ip_address(text.rsplit(":", 1)[0].strip("[]").split("%")[0]))


def attempts_of(answer):
    """The addresses, as the sockets have them."""
    return [address_of(one["socket_address"]) for one in answer["attempts"]]


def is_order_of_attempts(street, said):
    """Whether the library starts its attempts so.  On a busy machine several are seen for the
    first time at once; then their own order is not known."""
    seen = []

    def look():
        new = sorted({one.peer[0] for one in street.dialled()} - set(seen))
        assert new == sorted(said[len(seen):len(seen) + len(new)])
        seen.extend(new)
        return len(seen) >= max(len(said), 1)
    wait_until(look, timeout=DEADLINE if said else 0.5)
    return len(seen) == len(said)


@pytest.mark.parametrize("name", list(CONNECTS))
def test_d2_connect_in_the_order_of_the_library(lab, name):
    """All addresses are silent, so that every one is tried.  Catches: another order, family,
    source or set of addresses than the library's; an address that is left out."""
    endpoint, mode, how = CONNECTS[name]
    mode, street = MODES[mode], make_street(lab, how)
    street.silent(4, 6)
    words = ",".join(["attempt-delay=400", how.get("words", "resolution-delay=50")]
                     + (["off"] if mode.env else []))
    answer = ask(street.client, "connect", endpoint, mode=mode._replace(env={}),
                 env={"ZMQ_DUALSTACK": words})
    # What fails within the call itself is not seen under way.
    said = [one for one in attempts_of(answer) if one not in how.get("at-once", [])]
    sock = street.caller(words).socket("DEALER", mode=mode)
    sock.connect_rc(endpoint)
    assert is_order_of_attempts(street, said)
    assert answer["works"] == bool(said)
    starts = [one["start_ms"] for one in answer["attempts"]]
    assert all(later - one >= 399 for one, later in zip(starts, starts[1:]))


# name: (endpoint, mode, how as above, families or addresses that are silent, who serves)
RACES = {
    "both": (DUAL, "auto", {}, [], [4, 6]),
    "both-v6": (DUAL, "v6", {}, [], [4, 6]),
    "both-v4": (DUAL, "v4", {}, [], [4, 6]),
    "six-silent": (DUAL, "auto", {}, [6], [4, 6]),
    "six-silent-v6": (DUAL, "v6", {}, [6], [4, 6]),
    "six-refused": (DUAL, "auto", {}, [], [4]),
    "four-refused": (DUAL, "auto", {}, [], [6]),
    "four-silent": (DUAL, "auto", {"client": ULA}, [4], [4, 6]),
    "ula": (DUAL, "auto", {"client": ULA}, [], [4, 6]),
    "no-route": (DUAL, "auto", {"ip": ["route del ::/0"],
                                "zone": {"AAAA": HOLE6[:2], "A": [SERVER4]}}, [], [4]),
    "holes": (DUAL, "auto", {"zone": {"AAAA": HOLE6[:2], "A": HOLE4[:2] + [SERVER4]}}, [], [4]),
    "first-dead": (DUAL, "auto", {"zone": {"AAAA": [SERVER6, FAR6[0]]}}, [SERVER6], [FAR6[0]]),
    "aaaa-lost": (DUAL, "auto", {"zone": {"A": [SERVER4], "AAAA": [SERVER6], "drop": ["AAAA"]}},
                  [], [4, 6]),
    "literal": (tcp(SERVER6), "auto", {}, [], [4, 6]),
    "literal-v6": (tcp(SERVER4), "v6", {}, [], [4, 6]),
    "source": ("tcp://%s:0;dual.test:5555" % CLIENT4, "auto", {}, [], [4, 6]),
    "source-v6": ("tcp://%s:0;dual.test:5555" % CLIENT4, "v6", {}, [], [4, 6]),
    "source-nic": ("tcp://eth0:0;dual.test:5555", "auto", {}, [6], [4, 6]),
    "source-any-v6": ("tcp://[::]:0;dual.test:5555", "v6", {}, [6], [4, 6]),
    "source-port": ("tcp://[%s]:40406;dual.test:5555" % CLIENT6, "auto", {}, [], [4, 6]),
    "zone": ("tcp://[fe80::1%eth0]:5555", "auto", {"client": LINK}, [], ["fe80::1%eth0"]),
    "nobody": (DUAL, "auto", {}, [], []),
    "no-name": ("tcp://none.test:5555", "auto", {}, [], [4, 6]),
    "wrong-family": ("tcp://six.test:5555", "v4", {}, [], [4, 6]),
    "bad-source": ("tcp://10.9.9.9:0;dual.test:5555", "auto", {}, [], [4, 6]),
    "silence": (DUAL, "auto", {}, [4, 6], [4, 6]),
    "one-silent-one-refused": (DUAL, "auto", {}, [6], []),
}


def silence(street, which):
    rules = ["meta nfproto ipv%d tcp dport 5555 drop" % one if isinstance(one, int)
             else "ip%s daddr %s tcp dport 5555 drop" % ("6" * (":" in one), one) for one in which]
    street.faults(*rules)


def serve(street, who):
    for one in who:
        if isinstance(one, int):
            street.serve(one)
        else:
            street.serve(6 if ":" in one else 4, address=one)


@pytest.mark.parametrize("name", list(RACES))
def test_d2_try_ends_as_the_library_does(lab, name):
    """Catches: a race that is run otherwise; a source address or zone that is lost; a loser
    that is left open; an end without a winner that is called a success."""
    endpoint, mode, how, silent, who = RACES[name]
    mode, street = MODES[mode], make_street(lab, how)
    silence(street, silent)
    serve(street, who)
    answer = ask(street.client, "connect", endpoint, "--try", "--timeout", "2", mode=mode)
    fates = [one["fate"] for one in answer["attempts"]]
    assert fates.count("won") == (1 if answer["works"] else 0)
    if not answer["works"]:
        assert street.dial(mode=mode).misses(endpoint, timeout=1.0)
        return
    won = [one for one in answer["attempts"] if one["fate"] == "won"][0]
    got = street.dial(mode=mode).reach(endpoint)
    assert won["socket_address"] == tcp(got.peer)[len("tcp://"):]
    source = won["from"].rsplit(":", 1)[0].strip("[]")
    assert source.replace("::ffff:", "") == got.source
    assert "runs" not in fates


def test_d2_try_tells_each_fate(lab):
    """Catches: attempts that are lost, times that are none."""
    street = make_street(lab, {"zone": {"AAAA": [SERVER6, FAR6[0]], "A": [SERVER4, FAR4[0]]}})
    street.serve(4, address=FAR4[0])
    silence(street, [SERVER6])
    answer = ask(street.client, "connect", DUAL, "--try")
    assert attempts_of(answer) == [SERVER6, SERVER4, FAR6[0], FAR4[0]]
    silent, *refused, won = answer["attempts"]
    assert [(one["fate"], one["error"]) for one in refused] == [("failed", "ECONNREFUSED")] * 2
    assert (won["fate"], answer["winner"]) == ("won", won["address"])
    assert (silent["fate"], silent["error"]) == ("cancelled", None)
    assert "another one won" in silent["cancelled_why"]
    assert 250 <= silent["end_ms"] - silent["start_ms"] < 5000


def test_d2_try_connect_timeout(lab):
    """Catches: --connect-timeout that bounds nothing, or all of it."""
    street = make_street(lab, {})
    street.silent(4, 6)
    answer = ask(street.client, "connect", DUAL, "--try", "--connect-timeout", "300")
    assert answer["error"]["name"] == "ETIMEDOUT"
    for one in answer["attempts"]:
        assert one["error"] == "ETIMEDOUT"
        assert 299 <= one["end_ms"] - one["start_ms"] < 2000


@pytest.mark.parametrize("more", [[], ["--try"]])
def test_d2_dead_name_servers(lab, more):
    """Catches: waiting longer than asked; another end than that."""
    street = make_street(lab, {})
    answer = ask(street.client, "connect", "tcp://dead.test:5555", "--timeout", "0.5", *more)
    assert [one["status"] for one in answer["lookups"]] == ["no answer", "no answer"]
    assert answer["error"]["name"] == "ETIMEDOUT" and "dead.test" in answer["error"]["why"]


@pytest.mark.parametrize("name,statuses", [
    ("dual", ["answer", "answer"]), ("four", ["no address", "answer"]),
    ("six-v4", ["not asked", "no address"]), ("none", ["no address", "no address"]),
    ("servfail", ["temporary failure", "answer"]), ("no-ipv6", ["no address", "answer"]),
    ("source-4", ["not asked", "answer"]), ("literal-4", [])])
def test_d2_lookups(lab, name, statuses):
    """Catches: an answer that is called another; a look-up that is told but not made."""
    endpoint, mode, how = CONNECTS[name]
    street = make_street(lab, how)
    answer = ask(street.client, "connect", endpoint, mode=MODES[mode])
    assert [one["status"] for one in answer["lookups"]] == statuses
    asked = {kind for _, kind, *_ in (line for line in street.dns.log())}
    for one in answer["lookups"]:
        assert one["asked"] == (one["why_not"] is None)
        if not one["asked"]:
            assert one["type"] not in asked


@pytest.mark.parametrize("words", ["", "off", "attempt-delay=100", "resolution-delay=0",
                                   "attempt-delay=2000,resolution-delay=7"])
def test_d2_settings(host, words):
    """Catches: settings read otherwise than by the library, or not shown."""
    answer = ask(host, "connect", "tcp://localhost:5555", env={"ZMQ_DUALSTACK": words})
    assert answer["off"] == (words == "off")
    assert answer["mode"] == ("v4" if words == "off" else "auto")
    for name, default in (("attempt-delay", 250), ("resolution-delay", 50)):
        wanted = re.search(name + r"=(\d+)", words)
        told = answer[name.replace("-", "_") + "_ms"]
        assert told == (int(wanted.group(1)) if wanted else default)


# ------------------------------------------------------------------ other transports


@pytest.mark.parametrize("what,endpoint,error", [
    ("bind", "ipc:///run/x", None), ("connect", "ipc:///run/x", None),
    ("bind", "inproc://x", None), ("connect", "udp://10.0.0.1:5555", None),
    ("bind", "norm://10.0.0.1:5555", None), ("bind", "ws://*:5555/p", None),
    ("bind", "pgm://eth0;239.0.0.1:5555", None), ("connect", "epgm://eth0;239.0.0.1:5555", None),
    ("bind", "epgm://[2001:db8::1];239.0.0.1:5555", "EAFNOSUPPORT"),
    ("connect", "pgm://eth0;[ff02::1]:5555", "EAFNOSUPPORT"),
    ("connect", "pgm://eth0;239.0.0.1;239.0.0.2;239.0.0.3:1", "EINVAL"),
    ("bind", "TCP://*:5555", "EPROTONOSUPPORT"), ("connect", "http://x:1", "EPROTONOSUPPORT"),
    ("bind", "x", "EINVAL"), ("connect", "tcp://", "EINVAL"), ("bind", "://x", "EINVAL"),
    ("bind", "tcp:x", "EINVAL"),
    ("connect", "ws://localhost:5555/p", None), ("connect", "wss://127.0.0.1:5555", None),
    ("connect", "ws://a b:5555/p", "EINVAL"), ("connect", "ws://127.0.0.1", "EINVAL")])
def test_d2_other_transports(host, what, endpoint, error):
    """Catches: a transport that is explained as if it were TCP; one that is not known."""
    answer = ask(host, what, endpoint)
    assert (answer["error"] or {"name": None})["name"] == error


# ------------------------------------------------------------------ what it prints

HEAD = ["command", "endpoint", "mode", "off", "tried", "works"]
BIND_FIELDS = HEAD + ["why", "listeners", "last_endpoint", "interface", "addresses", "steps",
                      "error"]
CONNECT_FIELDS = HEAD + ["refused_by_zmq_connect", "attempt_delay_ms", "resolution_delay_ms",
                         "numeric", "lookups", "source", "attempts", "winner", "error"]


PLANNED = ["address", "socket_address", "why", "start_ms", "start_why"]
TRIED = ["fate", "end_ms", "error", "cancelled_why", "from"]


def test_d2_json_has_the_documented_fields(lab):
    """Catches: a field that comes and goes, or that the manual does not name."""
    street = make_street(lab, {})
    street.serve(4)
    client = street.client
    for endpoint in ("tcp://*:5555", "tcp://eth0:5555", "tcp://eth9:5555", "tcp://x"):
        for more in ([], ["--try"]):
            assert list(ask(client, "bind", endpoint, *more)) == BIND_FIELDS
    for endpoint in (DUAL, tcp(SERVER4), "tcp://none.test:1", "tcp://x", "tcp://eth9:0;x:1"):
        for more in ([], ["--try"]):
            answer = ask(client, "connect", endpoint, *more)
            assert list(answer) == CONNECT_FIELDS
            for one in answer["attempts"]:
                assert list(one) == PLANNED + (TRIED if more else [])


BIND_TEXT = """\
bind tcp://eth0:5555, mode auto
  1. 10.0.0.1:5555 takes IPv4: the first IPv4 address.
  2. [2001:db8::1]:5555 takes IPv6: a global address that lasts. The bind goes
     on without it if this program cannot have the family or the address.
  ZMQ_LAST_ENDPOINT: tcp://10.0.0.1:5555

Addresses of eth0 (+ used, - not):
  + 10.0.0.1: the first IPv4 address
  - fe80::1%eth0: a global address comes first
  + 2001:db8::1: a global address that lasts
"""

CONNECT_TEXT = """\
connect tcp://dual.test:5555, mode auto
Look-ups of dual.test:
  AAAA  1 address after N ms: 2001:db8::1
  A     1 address after N ms: 10.0.0.1
Tried in this order, until one connects:
  1. [2001:db8::1]:5555 after N ms (WHY): IPv6 comes first.
  2. 10.0.0.1:5555 after N ms of silence, or at once when one fails: the
     families take turns.
Attempt delay 2000 ms, resolution delay 2000 ms (ZMQ_DUALSTACK). A context that
connected before remembers for ten minutes who won and who failed; here nothing
is remembered.
"""

ERROR_TEXT = """\
bind tcp://eth9:5555, mode auto
fails: ENODEV (No such device): eth9 is neither *, nor an interface of this
       host, nor a numeric address, and this libzmq looks no names up in
       zmq_bind (4.3.5 and later do)
"""
ERROR_TEXT_SINCE_4_3_5 = """\
bind tcp://eth9:5555, mode auto
fails: ENODEV (No such device): eth9 is neither *, nor an interface of this
       host, nor a numeric address, nor a name that leads to an address the
       socket can have
"""


def test_d2_bind_text(lab):
    """Catches: any change of the text, which is for people to read and so for us to see."""
    node = lab.node()
    node.nic("eth0", "10.0.0.1/24", "2001:db8::1/64", "fe80::1/64")
    order = [one["local"] for one in node.addresses("eth0")]
    done = command(node, ["explain", "bind", "tcp://eth0:5555"])
    expected = BIND_TEXT.splitlines()
    if order[1] == "2001:db8::1":
        expected[-2:] = reversed(expected[-2:])
    assert done.stdout.splitlines() == expected
    assert done.returncode == 0


def test_d2_connect_text(lab):
    """Catches: the same."""
    street = make_street(lab, {})
    done = command(street.client, ["explain", "connect", DUAL],
                   env={"ZMQ_DUALSTACK": "attempt-delay=2000,resolution-delay=2000"})
    text = re.sub(r"after [0-9.]+ ms", "after N ms", done.stdout)
    # As it is wrapped when the reason is the shortest.
    text = re.sub(r"\((every answer is there|its\s+family's\s+answer\s+is\s+there|at once)\):"
                  r"\s+IPv6\s+comes\s+first", "(WHY): IPv6 comes first", text)
    assert text == CONNECT_TEXT


def test_d2_error_text(host):
    """Catches: the same, of errors."""
    answer = command(host, ["explain", "bind", "tcp://eth9:5555"])
    assert answer.returncode == 1
    names = host.worker().version >= (4, 3, 5)
    assert answer.stdout == (ERROR_TEXT_SINCE_4_3_5 if names else ERROR_TEXT)


def try_text(street, **env):
    env["ZMQ_DUALSTACK"] = WAITING
    done = command(street.client, ["explain", "connect", DUAL, "--try"], env=env)
    assert done.returncode == 0
    return done.stdout


@pytest.fixture
def slow(lab):
    """IPv6 is silent, IPv4 answers."""
    street = make_street(lab, {})
    street.silent(6)
    street.serve(4)
    return street


@pytest.mark.parametrize("locale,end", [("C.UTF-8", "\u25cf"), ("C", "*")])
@pytest.mark.parametrize("width", [40, 80, 200])
def test_d2_timeline(slow, locale, end, width):
    """Catches: lines that are too long, letters that the terminal does not have, colours where
    there is no terminal, a bar that does not reach its end."""
    text = try_text(slow, COLUMNS=str(width), LC_ALL=locale)
    assert "\033" not in text
    assert max(len(line) for line in text.splitlines()) <= width
    assert text.isascii() == (locale == "C")
    bars = [line for line in text.splitlines() if line.endswith(end) or end + " " in line]
    assert len(bars) == 1
    six = [line for line in text.splitlines() if "[%s]:5555" % SERVER6 in line][-1]
    assert "silent for 2" in six
    assert re.search(r"won: 10\.0\.0\.1:5555 after 2[0-9]+ ms, from 10\.0\.0\.2:\d+\n", text) or \
        width == 40


def on_a_terminal(node, argv, **env):
    """What is written when stdout is a terminal, of 100 columns."""
    code = ("import fcntl,os,pty,struct,sys,termios\n"
            "pid, fd = pty.fork()\n"
            "if pid == 0:\n"
            " fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 100, 0, 0))\n"
            " os.execv(sys.argv[1], sys.argv[1:])\n"
            "while True:\n"
            " try: data = os.read(fd, 65536)\n"
            " except OSError: break\n"
            " if not data: break\n"
            " os.write(1, data)\n")
    return node.run(["/usr/bin/python3", "-c", code, cli()] + argv,
                    env=environment(ZMQ_DUALSTACK=PATIENT, **env)).stdout


def test_d2_colours(slow):
    """On a terminal only, and not when the user or the terminal does not want them.
    Catches: NO_COLOR ignored; the terminal's width not asked for."""
    argv = ["explain", "connect", DUAL, "--try"]
    text = on_a_terminal(slow.client, argv, TERM="xterm")
    assert "\033[32m" in text and "\033[33m" in text
    lines = re.sub("\033\\[[0-9]*m", "", text).splitlines()
    assert 90 < max(len(line) for line in lines) <= 100
    assert "\033" not in on_a_terminal(slow.client, argv, TERM="xterm", NO_COLOR="1")
    assert "\033[32m" in on_a_terminal(slow.client, argv, TERM="xterm", NO_COLOR="")
    assert "\033" not in on_a_terminal(slow.client, argv, TERM="dumb")


@pytest.mark.parametrize("argv,words", [
    (["explain"], "bind or connect"), (["explain", "bind"], "one endpoint"),
    (["explain", "listen", "tcp://*:1"], "listen"), (["explain", "bind", "a", "b"], "one endpoint"),
    (["explain", "bind", "tcp://*:1", "--mode", "v5"], "v5"),
    (["explain", "bind", "tcp://*:1", "--mode"], "mode"),
    (["explain", "bind", "tcp://*:1", "--nonsense"], "nonsense"),
    (["explain", "connect", "tcp://a:1", "--timeout", "soon"], "soon"),
    (["explain", "connect", "tcp://a:1", "--timeout", "0"], "0"),
    (["explain", "connect", "tcp://a:1", "--timeout", "-1"], "-1"),
    (["explain", "connect", "tcp://a:1", "--timeout", "nan"], "nan"),
    (["explain", "connect", "tcp://a:1", "--timeout", "1e99"], "1e99"),
    (["explain", "connect", "tcp://a:1", "--connect-timeout", "x"], "x"),
    (["nonsense"], "nonsense"), ([], "no command")])
def test_d2_wrong_usage(node, argv, words):
    """Catches: a guess; help on the wrong stream; another status."""
    done = command(node, argv)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr and "zmq-dualstack" in done.stderr and "--help" in done.stderr


@pytest.mark.parametrize("argv", [["explain", "bind", "tcp://*:5555"], ["--help"], ["--version"],
                                  ["explain", "bind", "tcp://*:5555", "--json"],
                                  ["explain", "--help"], ["explain", "connect", "tcp://[::1]:1"]])
def test_d2_output_that_is_lost(node, argv):
    """Catches: success although nobody got the answer."""
    with open("/dev/full", "w") as full:
        done = subprocess.run(node.enter([cli()] + argv), env=environment(), stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=DEADLINE)
    assert done.returncode == 2 and "stdout" in done.stderr


def test_d2_unknown_settings_are_named(node):
    """As the library does.  Catches: a misspelt word that goes unnoticed."""
    done = command(node, ["explain", "bind", "tcp://*:1"], env={"ZMQ_DUALSTACK": "offf"})
    assert done.returncode == 0 and "offf" in done.stderr


@pytest.mark.parametrize("argv", [["explain", "--help"], ["explain", "bind", "--help"],
                                  ["explain", "connect", "x", "-h"], ["status", "--help"],
                                  ["run", "--help"], ["--help"], ["help"], ["-h"]])
def test_d2_help(node, argv):
    """Catches: help that is an error."""
    done = command(node, argv)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: zmq-dualstack")
    assert max(len(line) for line in done.stdout.splitlines()) <= 80


# ------------------------------------------------------------------ with sanitizers

ASAN_COMMANDS = [
    ["explain", "bind", "tcp://eth0:5555"], ["explain", "bind", "tcp://*:*", "--try", "--json"],
    ["explain", "bind", "tcp://eth0:*", "--try"], ["explain", "bind", "tcp://none:1", "--json"],
    ["explain", "connect", DUAL], ["explain", "connect", DUAL, "--try"],
    ["explain", "connect", DUAL, "--json", "--try"], ["explain", "connect", "tcp://none.test:1"],
    ["explain", "connect", "tcp://holes.test:1"],
    ["explain", "connect", "tcp://holes.test:1", "--try", "--timeout", "2.5"],
    ["explain", "connect", "tcp://dead.test:1", "--timeout", "0.3"],
    ["explain", "connect", "tcp://eth0:0;dual.test:5555", "--try", "--mode", "v6"],
    ["explain", "connect", tcp(SERVER6), "--try"], ["explain", "bind", "pgm://eth0;[::1]:1"],
    ["status", "1"], ["status", "999999999"]]


def test_d2_with_sanitizers(slow, asan_cli):
    """Catches: memory errors, leaks, undefined behaviour."""
    for argv in ASAN_COMMANDS:
        done = command(slow.client, argv, env=SANITIZED, program=asan_cli)
        assert done.returncode in (0, 1), (argv, done.stderr)
        assert "anitizer" not in done.stderr and "runtime error" not in done.stderr, argv


@pytest.mark.parametrize("kind", ["cut", "flipped", "empty", "text"])
def test_d2_libraries_that_are_broken(lab, node, asan_cli, kind):
    """Catches: a header that is trusted."""
    with open(os.path.join(environment()["ZDS_LIBDIR"], "libzmq.so.5"), "rb") as library:
        image = library.read()
    tables = len(image) - 64 * 40  # where the headers of the sections are, more or less
    for number in range(30):
        directory = lab.path("broken")
        os.mkdir(directory)
        broken = bytearray(image)
        if kind == "cut":
            del broken[number * len(image) // 30 + number:]
        elif kind == "flipped":
            broken[40 + number % 24] ^= 0xff
            broken[tables + 7 * 64 * number // 8] ^= 0xff
        else:
            broken = bytearray(b"" if kind == "empty" else b"@(#)libzmq-dualstack ")
        with open(os.path.join(directory, "libzmq.so.5"), "wb") as copy:
            copy.write(broken)
        done = command(node, ["explain", "bind", "tcp://name.test:1", "--json"], program=asan_cli,
                       env=dict(SANITIZED, ZDS_LIBDIR=directory))
        os.unlink(os.path.join(directory, "libzmq.so.5"))
        assert done.returncode == 1 and json.loads(done.stdout)["error"]["name"] == "ENODEV"
        assert done.stderr == ""
