# SPDX-License-Identifier: MPL-2.0
"""The harness itself: it leaves nothing behind, and reports what is wrong."""
import os
import select
import signal
import subprocess
import sys
import tempfile

import pytest
from conftest import OWN_BUILD
from lab import DEADLINE, HERE, PREFIX, Lab, LabError, Listener, WorkerDied, describe, \
    parse_listener, sweep

CHILD = """
import sys
sys.path.insert(0, %r)
import lab
one = lab.Lab()
node = one.node()
node.nic("eth0", "10.0.0.1/24")
worker = node.worker("stock")
worker.socket("REP").bind("tcp://*:5555")
print(node.pid, worker.pid, one.dir, flush=True)
if "close" in sys.argv:
    one.close()
    print("closed", flush=True)
sys.stdin.read()
"""


def wait_gone(pid):
    """Wait until a process that is not our child has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], DEADLINE)[0])
    finally:
        os.close(handle)


@pytest.mark.parametrize("end", ["SIGKILL", "SIGTERM", "SIGINT", "close"])
def test_lab_leaves_nothing_behind(end):
    """However the test run ends, namespaces and workers go with it."""
    child = subprocess.Popen([sys.executable, "-c", CHILD % HERE] + [end], text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
    holder, worker, directory = child.stdout.readline().split()
    if end != "close":
        child.send_signal(getattr(signal, end))
        child.wait(DEADLINE)
    assert wait_gone(int(holder)) and wait_gone(int(worker))
    if end == "close":
        assert child.stdout.readline() == "closed\n"
        assert not os.path.exists(directory)
        child.stdin.close()
        child.wait(DEADLINE)
    child.stdout.close()
    sweep()
    assert not os.path.exists(directory)


def test_lab_sweep_spares_the_living(lab):
    """Another test run at the same time keeps its files."""
    with tempfile.TemporaryDirectory(prefix="%s%d-" % (PREFIX, os.getppid())) as other:
        sweep()
        assert os.path.exists(other) and os.path.exists(lab.dir)


def test_lab_nodes_do_not_meet():
    """The same names and ports in two laboratories at once."""
    with Lab() as one, Lab() as two:
        nodes = []
        for lab in (one, two):
            node = lab.node()
            node.nic("eth0", "10.0.0.1/24", "2001:db8::1/64")
            node.worker("stock").occupy("10.0.0.1")
            nodes.append(node)
        assert [node.open_on(5555) for node in nodes] == [["10.0.0.1"]] * 2


@OWN_BUILD
def test_lab_worker_uses_the_library_asked_for(node):
    """The worker reads its own memory map; another libzmq is an error."""
    for lib in ("stock", "patched"):
        worker = node.worker(lib)
        with open("/proc/%d/maps" % worker.pid) as maps:
            assert os.path.realpath(os.environ["ZDS_%s_LIBDIR" % lib.upper()]) in maps.read()
    with pytest.raises(LabError, match="loaded"):
        node.worker("stock", env={"LD_LIBRARY_PATH": "/nonexistent"})


def test_lab_says_how_a_worker_died(node):
    worker = node.worker("stock")
    worker.process.send_signal(signal.SIGSEGV)
    with pytest.raises(WorkerDied) as death:
        worker.do("fds")
    assert death.value.signal == signal.SIGSEGV


def test_lab_a_step_that_hangs_is_cut_short(node):
    worker = node.worker("stock")
    sock = worker.socket("PULL")
    with pytest.raises(LabError, match="did not answer"):
        worker.run([{"op": "recv", "id": sock.name, "timeout": 60}], timeout=0.2)


def test_lab_own_files_under_etc(lab):
    node = lab.node(etc={"hosts": "192.0.2.7 here.test\n", "nsswitch.conf": "hosts: files\n"})
    other = lab.node()
    assert "192.0.2.7" in node.run(["getent", "hosts", "here.test"]).stdout
    assert other.run(["getent", "hosts", "here.test"], check=False).returncode != 0


def test_lab_name_server(lab):
    node = lab.node(etc={"resolv.conf": "nameserver 127.0.0.1\n",
                         "nsswitch.conf": "hosts: dns\n"})
    node.nic("eth0", "10.0.0.1/24", "2001:db8::1/64")  # getent asks for what the host has
    dns = node.nameserver({"a.test": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::5"]},
                           "slow.test": {"A": ["192.0.2.2"], "delay": {"A": 0.2}}})
    assert "2001:db8::5" in node.run(["getent", "ahostsv6", "a.test"]).stdout
    assert "192.0.2.1" in node.run(["getent", "ahostsv4", "a.test"]).stdout
    assert "192.0.2.2" in node.run(["getent", "ahostsv4", "slow.test"]).stdout
    assert node.run(["getent", "ahosts", "none.test"], check=False).returncode != 0
    assert {"a.test AAAA", "a.test A", "slow.test A"} <= set(dns.queries())


def test_lab_two_machines_and_a_firewall(lab):
    one, two = lab.node(), lab.node()
    lab.wire(one, "eth0", two, "eth0")
    one.addr("eth0", "10.0.0.1/24", "2001:db8::1/64")
    two.addr("eth0", "10.0.0.2/24", "2001:db8::2/64")
    server, client = one.worker("stock"), two.worker("stock")
    server.occupy("10.0.0.1")
    server.occupy("2001:db8::1", name="y")
    one.nft("table inet t { chain c { type filter hook input priority 0; "
            "ip6 saddr 2001:db8::2 tcp dport 5555 reject with tcp reset; }; }")
    assert client.do("tcp", host="10.0.0.1", port=5555, timeout=0.2) == "timeout"  # it was accepted
    assert client.do("tcp", host="2001:db8::1", port=5555) == "ECONNREFUSED"


@pytest.mark.parametrize("line,shown,backlog", [
    ("LISTEN 0 100 0.0.0.0:5555 0.0.0.0:* ino:1 sk:1 <->", "0.0.0.0", 100),
    ("LISTEN 0 7 *:5555 *:* ino:1 sk:1 v6only:0 <->", "*", 7),
    ("LISTEN 0 7 [::]:5555 [::]:* ino:1 sk:1 v6only:1 <->", "::", 7),
    ("LISTEN 0 7 [::1]:5555 [::]:* ino:1 sk:1 v6only:1 <->", "::1", 7),
    ("LISTEN 0 7 10.0.0.1%eth0:5555 0.0.0.0:* ino:1", "10.0.0.1%eth0", 7),
    ("LISTEN 0 7 [fe80::1]%eth0:5555 [::]:* ino:1 v6only:1 <->", "fe80::1%eth0", 7),
    ("LISTEN 0 7 [::ffff:127.0.0.1]:5555 *:* v6only:0", "::ffff:127.0.0.1", 7)])
def test_lab_reads_ss(line, shown, backlog):
    one = parse_listener(line)
    assert isinstance(one, Listener)
    assert (describe(one), one.port, one.backlog) == (shown, 5555, backlog)


def test_lab_shim_does_what_its_rules_say(node, shim):
    worker = node.worker("stock", shim=shim("bind@2=EADDRINUSE;socket6=EAFNOSUPPORT"))
    assert worker.do("occupy", id="a", host="127.0.0.1", port=5555) == 5555
    assert worker.do("occupy", id="b", host="127.0.0.1", port=5556) == "EADDRINUSE"
    assert worker.do("occupy", id="c", host="127.0.0.1", port=5557) == 5557
    worker.do("shim", rules="v6only0=EINVAL;listen=EACCES")
    assert worker.do("occupy", id="e", host="127.0.0.1", port=5559) == "EACCES"
    assert worker.do("shim_counts")["listen"] == 1
