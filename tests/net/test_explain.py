# SPDX-License-Identifier: MPL-2.0
"""D-2: what `zmq-dualstack explain` plans is what the library then does, and what it shows with
--try is what the library reports."""
import json
import os
import re
import subprocess

import pytest
from conftest import SANITIZED, modes
from lab import DEADLINE, MODES, libdir, port_of, wait_until
from street import CLIENT4, CLIENT6, DUAL, FAR4, FAR6, PATIENT, SERVER4, SERVER6, WAITING, \
    Street, tcp
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
    """The output as JSON; the exit status has to agree with it."""
    done = command(node, ["explain", what, endpoint, "--json"] + list(more), **how)
    assert done.returncode in (0, 1), done.stderr
    answer = json.loads(done.stdout)
    assert done.stderr == ""
    assert answer["works"] == (done.returncode == 0) == (answer["error"] is None)
    return answer


def shown(listener):
    """The address as Node.open_on writes it."""
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
    """A host where somebody else on the wire has the address."""
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
    """What the library does, in the form of outcome()."""
    sock = worker.socket("REP", mode=mode)
    rc = sock.bind_rc(endpoint)
    found = (rc, None, [])
    if rc == "ok":
        last = sock.last_endpoint()
        found = (rc, last, node.open_on(port_of(last.split("/")[2])))
    sock.close()
    assert wait_until(lambda: node.listeners() == [])  # the I/O thread closes it later
    return found


@pytest.mark.parametrize("name", sorted(HOSTS))
def test_d2_bind_as_the_library_does(lab, name):
    """Every host of the tests of binding, every kind of endpoint, every mode.  Catches: a rule that
    only the command has, or that it lacks."""
    node = HOSTS[name](lab)
    wrong = []
    for mode in (MODES[one] for one in FOUR_MODES):
        worker = node.worker(env=mode.env)
        for number, host in enumerate(BINDS):
            endpoint = "tcp://%s:%d" % (host, 5600 + number)
            said = outcome(ask(node, "bind", endpoint, mode=mode))
            did = bound(node, worker, mode, endpoint)
            if said != did:
                wrong.append("%s %s: said %r, did %r" % (endpoint, mode.name, said, did))
    assert wrong == []


@modes("auto", "v6", "v4", "off")
def test_d2_bind_try_is_the_library(host, mode):
    """Catches: a socket that differs from an application's; an end that is not reported."""
    worker = host.worker(env=mode.env)
    for address in ("*", "eth0", "10.0.0.1", "[::]", "10.9.9.9", "nosuch0"):
        endpoint = "tcp://%s:5600" % address
        assert (outcome(ask(host, "bind", endpoint, "--try", mode=mode))
                == bound(host, worker, mode, endpoint)), endpoint


@modes("auto", "v6", "v4", "off")
def test_d2_bind_of_websockets(host, mode):
    """Catches: no plan; success where the library refuses; an endpoint without its path."""
    worker = host.worker(env=mode.env)
    for number, rest in enumerate(("*:%d/p", "eth0:%d", "[::1]:%d/a/b", "[2001:db8::1]:%d/",
                                   "0.0.0.0:%d/x:y", "nosuch0:%d", "localhost:%d/p", "*/p%d")):
        endpoint = "ws://" + rest % (5600 + number)
        did = bound(host, worker, mode, endpoint)
        assert outcome(ask(host, "bind", endpoint, mode=mode)) == did, endpoint
        assert outcome(ask(host, "bind", endpoint, "--try", mode=mode)) == did, endpoint


@pytest.mark.parametrize("address", ["*", "eth0", "lo"])
@modes("auto", "v6", "v4")
def test_d2_bind_when_the_port_is_taken(host, mode, address):
    """With --try.  Catches: a try that opens nothing; a socket left open."""
    worker = host.worker()
    sock = worker.socket("REP", IPV6=1)
    sock.bind("tcp://*:5555")
    answer = ask(host, "bind", "tcp://%s:5555" % address, "--try", mode=mode)
    assert answer["error"]["name"] == "EADDRINUSE"
    assert "EADDRINUSE" in answer["trace"][-1]["text"]
    assert ask(host, "bind", "tcp://%s:5555" % address, mode=mode)["works"]
    sock.close()
    worker.kill()
    assert ask(host, "bind", "tcp://%s:5555" % address, "--try", mode=mode)["works"]
    assert host.listeners() == []


def test_d2_bind_steps(host, shim):
    """The port that the system chose is taken in the other family, once.
    Catches: a line of the trace that gets lost; showing a listener that was closed again."""
    answer = ask(host, "bind", "tcp://eth0:*", "--try", shim=shim("bind@2=EADDRINUSE"))
    said = [one["text"] for one in answer["trace"]]
    assert [text.split()[0] for text in said] == ["mode", "listens", "cannot", "closes", "listens",
                                                  "listens"]
    assert [one["ms"] for one in answer["trace"]] == sorted(one["ms"] for one in answer["trace"])
    ports = {port_of(one["address"]) for one in answer["listeners"]}
    assert ports == {port_of(answer["last_endpoint"])} != {0}


def test_d2_bind_port_of_the_systems_choice(host):
    """Without --try no port is invented.  Catches: port 0 in a text that people copy."""
    answer = ask(host, "bind", "tcp://eth0:*")
    assert answer["last_endpoint"] == "tcp://10.0.0.1:*"
    assert [one["address"] for one in answer["listeners"]] == ["10.0.0.1:*", "[2001:db8::1]:*"]


def test_d2_bind_looks_without_leaving_a_trace(host):
    """The command and a server that starts meanwhile do not disturb each other.  Catches: a plan
    that binds the port."""
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
    """Catches: an address without a verdict, or with that of another address."""
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
    """Catches: flags that are not read from the system."""
    answer = ask(HOSTS[name](lab), "bind", "tcp://eth0:5555")
    flagged = [one for one in answer["addresses"] if flag in one["flags"]]
    assert len(flagged) == 1 and word in flagged[0]["why"]


# Names: the version of libzmq is taken from a text in the library.
def fake_library(lab, version, real):
    """A copy of the library that claims to be made of another version of libzmq."""
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
    """Catches: looking names up for a libzmq that does not, and the other way round."""
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
    """Whether it is TCP, or has no transport at all, and can be a command's argument."""
    return (b"\0" not in raw and len(raw) < 100000
            and raw.split(b"://")[0] not in (b"ws", b"wss", b"ipc", b"inproc", b"udp", b"norm",
                                             b"tipc", b"vmci", b"pgm", b"epgm"))


LISTED = [raw for raw in endpoints.tcp() if is_explained(raw)]


def library_says(node, mode, call, listed):
    """What the library says to each endpoint: the name of the errno."""
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
        return "ok"  # the error shows later, in the I/O thread
    return answer["error"]["name"] if answer["error"] else "ok"


@pytest.mark.parametrize("name", ["auto", "v6", "v4"])
@pytest.mark.parametrize("call", ["bind", "connect"])
def test_d2_bad_endpoints(lab, name, call, asan_cli):
    """Hundreds of them; in auto with sanitizers.  Catches: a text that the command reads
    differently from the library; a crash."""
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


def make_street(lab, client=STANDARD, zone=None, **how):
    street = Street(lab, client=client, **how)
    if zone is not None:
        street.dns.set(dual_test=zone)
    return street


def oracle(street, name, families=(6, 4)):
    """The addresses that any program gets, with the families taking turns."""
    code = ("import socket, sys\nfor one in socket.getaddrinfo(sys.argv[1], None, type=1):\n"
            " print(6 if one[0] == socket.AF_INET6 else 4, one[4][0])")
    text = street.client.run(["/usr/bin/python3", "-c", code, name]).stdout
    rows = [line.split() for line in text.splitlines()]
    lists = {}
    for family, address in rows:
        if int(family) in families and address not in lists.setdefault(family, []):
            lists[family].append(address)
    order, turns = [], list(lists.values())
    while any(turns):
        order += [one.pop(0) for one in turns if one]
    return ["[%s]:5555" % one if ":" in one else one + ":5555" for one in order]


@pytest.mark.parametrize("client,zone", [
    (STANDARD, None), (ULA, None), ((CLIENT4 + "/24",), None),
    (STANDARD, {"AAAA": FAR6[:3], "A": FAR4[:2]}), (STANDARD, {"AAAA": FAR6[:1], "A": FAR4[:3]})])
def test_d2_connect_order(lab, client, zone):
    """The libc's order, with the families taking turns, one attempt delay apart.  Catches: an order
    of the command's own; a family that the host cannot use."""
    street = make_street(lab, client, zone)
    answer = ask(street.client, "connect", DUAL, env={"ZMQ_DUALSTACK": "attempt-delay=400"})
    families = (6, 4) if any(":" in one for one in client) else (4,)
    assert [one["address"] for one in answer["attempts"]] == oracle(street, "dual.test", families)
    assert [one["start_ms"] for one in answer["attempts"]] == [
        400 * number for number in range(len(answer["attempts"]))]
    four = ask(street.client, "connect", DUAL, mode=MODES["v4"])
    assert [one["address"] for one in four["attempts"]] == oracle(street, "dual.test", (4,))


@pytest.mark.parametrize("endpoint,mode,error", [
    (tcp(SERVER6), "v4", "EAFNOSUPPORT"), (tcp(SERVER6), "off", "EAFNOSUPPORT"),
    ("tcp://%s:0;[%s]:5555" % (CLIENT4, SERVER6), "auto", "EAFNOSUPPORT"),
    ("tcp://nosuch0:0;dual.test:5555", "auto", "ENODEV"),
    ("tcp://none.test:5555", "auto", "EHOSTUNREACH"),
    ("tcp://localhost:99999", "auto", "EINVAL"), ("tcp://[fe80::1%nosuch]:1", "auto", "EINVAL"),
    ("tcp://%s:0;dual.test:5555" % CLIENT4, "auto", None), (tcp(SERVER6), "auto", None)])
def test_d2_connect_that_cannot_be(lab, endpoint, mode, error):
    """Catches: a plan for an endpoint that cannot work; another errno."""
    street = make_street(lab)
    answer = ask(street.client, "connect", endpoint, mode=MODES[mode])
    assert (answer["error"] or {"name": None})["name"] == error
    assert bool(answer["attempts"]) == (error is None)


@pytest.mark.parametrize("mode", ["auto", "v6", "v4"])
def test_d2_try_ends_as_the_library_does(lab, mode):
    """Catches: a socket of another mode."""
    street = make_street(lab)
    street.serve_both()
    answer = ask(street.client, "connect", DUAL, "--try", mode=MODES[mode])
    got = street.dial(mode=MODES[mode]).reach(DUAL)
    won = [one for one in answer["attempts"] if one["fate"] == "won"]
    assert [one["address"] for one in won] == [answer["winner"]]
    assert answer["winner"] == tcp(got.peer)[len("tcp://"):].replace("::ffff:", "").strip("[]") \
        or answer["winner"] == tcp(got.peer)[len("tcp://"):]
    assert any(one["text"].startswith("uses ") for one in answer["trace"])


def test_d2_try_tells_each_fate(lab):
    """Catches: attempts that are missing; times that are not measured."""
    street = make_street(lab, zone={"AAAA": [SERVER6, FAR6[0]], "A": [SERVER4, FAR4[0]]})
    street.serve(4, address=FAR4[0])
    street.faults("ip6 daddr %s tcp dport 5555 drop" % SERVER6)
    answer = ask(street.client, "connect", DUAL, "--try")
    fates = {one["address"]: one for one in answer["attempts"]}
    silent, won = fates["[%s]:5555" % SERVER6], fates[FAR4[0] + ":5555"]
    assert (won["fate"], answer["winner"]) == ("won", won["address"])
    assert (silent["fate"], silent["error"]) == ("cancelled", None) and silent["end_why"]
    assert 250 <= silent["end_ms"] - silent["start_ms"] < 5000
    refused = [one for one in answer["attempts"] if one["fate"] == "failed"]
    assert refused and {one["error"] for one in refused} == {"ECONNREFUSED"}


def test_d2_try_without_an_end(lab):
    """Catches: a try that never ends; success without a connection."""
    street = make_street(lab)
    nobody = ask(street.client, "connect", DUAL, "--try")
    assert nobody["error"]["name"] == "ECONNREFUSED" and nobody["winner"] is None
    none = ask(street.client, "connect", "tcp://none.test:5555", "--try")
    assert none["error"]["name"] == "EHOSTUNREACH" and none["attempts"] == []
    street.silent(4, 6)
    silent = ask(street.client, "connect", DUAL, "--try", "--timeout", "1")
    assert silent["error"]["name"] == "ETIMEDOUT"
    assert {one["fate"] for one in silent["attempts"]} == {"runs"}


@pytest.mark.parametrize("more", [[], ["--try"]])
def test_d2_dead_name_servers(lab, more):
    """Catches: waiting longer than was asked for; another result."""
    street = make_street(lab)
    answer = ask(street.client, "connect", "tcp://dead.test:5555", "--timeout", "0.5", *more)
    assert answer["error"]["name"] == "ETIMEDOUT"
    if not more:
        assert answer["lookup"]["status"] == "no answer" and "dead.test" in answer["error"]["why"]


@pytest.mark.parametrize("endpoint,status", [
    (DUAL, "answer"), ("tcp://none.test:5555", "no address"), (tcp(SERVER4), None)])
def test_d2_lookups(lab, endpoint, status):
    """Catches: a wrong status for an answer; a look-up of a literal."""
    street = make_street(lab)
    answer = ask(street.client, "connect", endpoint)
    assert (answer["lookup"] or {"status": None})["status"] == status
    assert bool(street.dns.log()) == (status is not None)


@pytest.mark.parametrize("words", ["", "off", "attempt-delay=100", "resolution-delay=0",
                                   "attempt-delay=2000,resolution-delay=7"])
def test_d2_settings(host, words):
    """Catches: settings that are read differently from the library, or that are not shown."""
    answer = ask(host, "connect", "tcp://localhost:5555", env={"ZMQ_DUALSTACK": words})
    assert answer["off"] == (words == "off")
    assert answer["mode"] == ("v4" if words == "off" else "auto")
    for name, default in (("attempt-delay", 250), ("resolution-delay", 50)):
        wanted = re.search(name + r"=(\d+)", words)
        told = answer[name.replace("-", "_") + "_ms"]
        assert told == (int(wanted.group(1)) if wanted else default)


@pytest.mark.parametrize("endpoint", ["tcp://%s:5555" % ("x" * 100000), "tcp://\x1b[2Jx:5555",
                                      "tcp://x:\x1b[2J"])
@pytest.mark.parametrize("what", ["bind", "connect"])
def test_d2_what_terminals_obey(host, what, endpoint):
    """Catches: a control sequence that reaches the terminal; an endpoint that fills the screen."""
    for more in ([], ["--try", "--timeout", "1"]):
        done = command(host, ["explain", what, endpoint] + more)
        assert done.returncode == 1
        assert "\x1b" not in done.stdout + done.stderr and len(done.stdout) < 4000


def test_d2_without_our_library(lab, host):
    """An update has replaced it with stock's.  Catches: a plan that no program on this host carries
    out."""
    directory = os.path.join(lab.dir, "updated")
    os.mkdir(directory)
    os.symlink(os.path.join(libdir("stock"), "libzmq.so.5"),
               os.path.join(directory, "libzmq.so.5"))
    for argv in (["explain", "bind", "tcp://*:5555"], ["explain", "connect", "tcp://[::1]:1"],
                 ["explain", "bind", "tcp://*:5555", "--try"], ["run", "true"],
                 ["service", "x", "--show"]):
        done = command(host, argv, env={"ZDS_LIBDIR": directory})
        assert done.returncode not in (0, 1) or argv[0] == "service", argv
        assert done.returncode != 0 and directory in done.stderr, argv
        assert "[::]" not in done.stdout


def test_d2_more_addresses_than_run_at_a_time(lab):
    """Catches: a seventh address that would start with six silent ones ahead of it (C-6)."""
    node = lab.node(etc={"nsswitch.conf": "hosts: files\n", "hosts": "".join(
        "10.0.0.%d many.test\n" % one for one in range(11, 19))})
    node.nic("eth0", "10.0.0.1/24")
    for words, expected in (("", [0, 250, 500, 750, 1000, 1250, 4000, 4250]),
                            ("attempt-delay=1000", [1000 * one for one in range(8)])):
        answer = ask(node, "connect", "tcp://many.test:5555", env={"ZMQ_DUALSTACK": words})
        assert [one["start_ms"] for one in answer["attempts"]] == expected
    text = command(node, ["explain", "connect", "tcp://many.test:5555"]).stdout
    assert text.count("or when one fails") == 5 and text.count("was silent for 4000 ms") == 2


# ------------------------------------------------------------------ other transports


@pytest.mark.parametrize("what,endpoint,error", [
    ("bind", "ipc:///run/x", None), ("connect", "ipc:///run/x", None),
    ("bind", "inproc://x", None), ("connect", "udp://10.0.0.1:5555", None),
    ("bind", "norm://10.0.0.1:5555", None),
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
    """Catches: a transport that is explained as if it were TCP; one that is not recognised; a
    try that was none."""
    answer = ask(host, what, endpoint)
    assert (answer["error"] or {"name": None})["name"] == error
    if "why" in answer:
        assert not ask(host, what, endpoint, "--try")["tried"]


def test_d2_a_source_needs_a_port(host):
    """Catches: an error that leaves open which part of the endpoint it is about."""
    for what in ("bind", "connect"):
        answer = ask(host, what, "tcp://eth0;10.0.0.1:5555")
        assert answer["error"]["name"] == "EINVAL" and '"eth0"' in answer["error"]["why"]


# ------------------------------------------------------------------ what it prints

HEAD = ["command", "endpoint", "mode", "off", "tried", "works"]
BIND_FIELDS = {
    False: HEAD + ["why", "interface", "addresses", "listeners", "last_endpoint", "error"],
    True: HEAD + ["why", "interface", "addresses", "listeners", "last_endpoint", "trace", "error"]}
CONNECT = HEAD + ["refused_by_zmq_connect", "attempt_delay_ms", "resolution_delay_ms", "numeric"]
CONNECT_FIELDS = {False: CONNECT + ["lookup", "attempts", "error"],
                  True: CONNECT + ["attempts", "winner", "trace", "error"]}
ATTEMPT = {False: ["address", "why", "start_ms"],
           True: ["address", "why", "start_ms", "fate", "end_ms", "error", "end_why"]}


def test_d2_json_has_the_documented_fields(lab):
    """Catches: a field that is sometimes missing, or that the manual does not name."""
    street = make_street(lab)
    street.serve(4)
    client = street.client
    for tried in (False, True):
        more = ["--try"] if tried else []
        for endpoint in ("tcp://*:5555", "tcp://eth0:5555", "tcp://eth9:5555", "tcp://x"):
            assert list(ask(client, "bind", endpoint, *more)) == BIND_FIELDS[tried]
        for endpoint in (DUAL, tcp(SERVER4), "tcp://none.test:1", "tcp://x", "tcp://eth9:0;x:1"):
            answer = ask(client, "connect", endpoint, *more)
            assert list(answer) == CONNECT_FIELDS[tried]
            for one in answer["attempts"]:
                assert list(one) == ATTEMPT[tried]


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
Looks up dual.test
  answer after N ms: 2001:db8::1, 10.0.0.1
Tries, until one works:
  1. [2001:db8::1]:5555 at once: WHY
  2. 10.0.0.1:5555 after 2000 ms of silence, or when one fails: the families
     take turns
"""

ERROR_TEXT = ("fails: ENODEV (No such device): eth9 is neither *, nor an interface of this host "
              "with an address, nor a numeric address, ")
UNTIL_4_3_4 = "and zmq_bind looks names up for tcp:// alone, since libzmq 4.3.5"
SINCE_4_3_5 = "nor a name that leads to an address the socket can have"


def test_d2_bind_text(lab):
    """Catches: any change of the text, so that we look at what people will read."""
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
    street = make_street(lab)
    done = command(street.client, ["explain", "connect", DUAL],
                   env={"ZMQ_DUALSTACK": "attempt-delay=2000,resolution-delay=2000"})
    text = re.sub(r"after [0-9.]+ ms:", "after N ms:", done.stdout)
    text = re.sub("at once: .*", "at once: WHY", text)
    assert text.startswith(CONNECT_TEXT)
    assert "later than 2000 ms" in text and max(map(len, text.splitlines())) <= 80


def test_d2_error_text(host):
    """Catches: the same for errors."""
    answer = command(host, ["explain", "bind", "tcp://eth9:5555"])
    assert answer.returncode == 1
    names = host.worker().version >= (4, 3, 5)
    first, *rest = answer.stdout.splitlines()
    assert first == "bind tcp://eth9:5555, mode auto" and max(map(len, rest)) <= 80
    assert " ".join(" ".join(rest).split()) == ERROR_TEXT + (SINCE_4_3_5 if names
                                                             else UNTIL_4_3_4)


def try_text(street, **env):
    env["ZMQ_DUALSTACK"] = WAITING
    done = command(street.client, ["explain", "connect", DUAL, "--try"], env=env)
    assert done.returncode == 0
    return done.stdout


@pytest.fixture
def slow(lab):
    """IPv6 is silent, IPv4 answers."""
    street = make_street(lab)
    street.silent(6)
    street.serve(4)
    return street


@pytest.mark.parametrize("width", [40, 80, 200])
def test_d2_timeline(slow, width):
    """Catches: lines that are too long; characters that not every terminal has; a bar that does not
    reach the attempt's end."""
    text = try_text(slow, COLUMNS=str(width))
    end = "*"
    assert text.isascii() and "\033" not in text
    assert max(len(line) for line in text.splitlines()) <= width
    drawing = text.split("What the library said:")[0]
    bars = [line for line in drawing.splitlines() if line.endswith(end) or end + " " in line]
    assert len(bars) == 1
    six = [line for line in text.splitlines() if "[%s]:5555" % SERVER6 in line][0]
    assert re.search(r"2\d* m?s, given up", six) or "2.0 s, given up" in six
    assert re.search(r"won: 10\.0\.0\.1:5555 after 2[0-9]+ ms\n", text)


def on_a_terminal(node, argv, **env):
    """What is written when stdout is a terminal of 100 columns."""
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


def test_d2_width_of_a_terminal(slow):
    """Catches: not asking for the terminal's width."""
    lines = on_a_terminal(slow.client, ["explain", "connect", DUAL, "--try"]).splitlines()
    assert 90 < max(len(line) for line in lines) <= 100


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
    (["nonsense"], "nonsense"), ([], "no command")])
def test_d2_wrong_usage(node, argv, words):
    """Catches: guessing what was meant; help on the wrong stream; another status."""
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
    """As the library reports them.  Catches: a misspelt word that goes unnoticed."""
    done = command(node, ["explain", "bind", "tcp://*:1"], env={"ZMQ_DUALSTACK": "offf"})
    assert done.returncode == 0 and "offf" in done.stderr


@pytest.mark.parametrize("argv", [["explain", "--help"], ["explain", "bind", "--help"],
                                  ["explain", "connect", "x", "-h"], ["status", "--help"],
                                  ["run", "--help"], ["--help"], ["help"], ["-h"]])
def test_d2_help(node, argv):
    """Catches: help that counts as an error."""
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
    ["status", "1"], ["status", "999999999"], ["status"], ["status", "--json"],
    ["service", "x", "--show", "--words", "off"]]


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
    tables = len(image) - 64 * 40  # roughly where the section headers are
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
        if done.returncode == 2:
            assert "no dual-stack libzmq" in done.stderr and done.stdout == ""
        else:
            assert json.loads(done.stdout)["error"]["name"] == "ENODEV" and done.stderr == ""
