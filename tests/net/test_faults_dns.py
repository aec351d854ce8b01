# SPDX-License-Identifier: MPL-2.0
"""Name servers, resolver configurations and resolver modules that go wrong."""
import os
import shutil
import subprocess

import pytest
from faults import LIFE, balanced
from lab import HERE, environment
from street import DUAL, HOSTS, PROMPT, RESOLV, SERVER4, SERVER6, WAITING, Street, tcp

HASTY = RESOLV + "options timeout:1 attempts:1\n"


@pytest.fixture
def street(lab):
    street = Street(lab, resolv=HASTY)
    street.serve_both()
    return street


class Etc:
    """An /etc of the client's own, whose files can be changed and taken away."""

    def __init__(self, street):
        self.dir = street.client.lab.path("etc")
        os.mkdir(self.dir)
        for name in ("ld.so.cache", "localtime", "passwd", "group"):
            if os.path.exists("/etc/" + name):
                shutil.copy("/etc/" + name, self.dir)
        self.write("hosts", HOSTS)
        self.write("nsswitch.conf", "hosts: files dns\n")
        self.write("resolv.conf", RESOLV)
        street.client.run(["mount", "--bind", self.dir, "/etc"])

    def write(self, name, text):
        with open(os.path.join(self.dir, name + ".new"), "w") as out:
            out.write(text)
        os.rename(os.path.join(self.dir, name + ".new"), os.path.join(self.dir, name))

    def remove(self, name):
        os.unlink(os.path.join(self.dir, name))


# ------------------------------------------------------------------ resolv.conf


@pytest.mark.parametrize("text", [None, "", "nonsense \0\n\n;", "nameserver 192.0.2.1\n",
                                  "nameserver ::\n", "nameserver 127.0.0.1\n" * 50,
                                  "options timeout:0 attempts:1 ndots:99 rotate\n"
                                  "nameserver 127.0.0.9\nnameserver 127.0.0.1\n"],
                         ids=["missing", "empty", "nonsense", "nowhere", "any", "many", "odd"])
def test_faults_resolv_conf(street, text):
    """A bad resolv.conf is put right at run time.  Catches: giving the name up; reading the
    configuration only once."""
    etc = Etc(street)
    if text is None:
        etc.remove("resolv.conf")
    else:
        etc.write("resolv.conf", text)
    sock = street.dial(RECONNECT_IVL=50)
    assert sock.worker.socket("DEALER").reach(tcp(SERVER6)).peer == SERVER6
    if text not in ("nameserver 192.0.2.1\n", "nameserver ::\n"):
        # glibc asks 127.0.0.1 then, at once or in the end.
        assert sock.reach(DUAL, timeout=15).peer in (SERVER4, SERVER6)
        return
    sock.connect(DUAL)
    assert sock.misses(timeout=0.3)
    etc.write("resolv.conf", HASTY)
    # A look-up that has begun goes on with the old configuration for 10 s.
    other = street.dial(RECONNECT_IVL=50)
    assert other.reach(DUAL).peer in (SERVER4, SERVER6)


def test_faults_configuration_changes_under_a_connect(street):
    """Catches: keeping for ever a configuration that was wrong when the process began."""
    etc = Etc(street)
    etc.write("resolv.conf", "nameserver 192.0.2.1\noptions timeout:1 attempts:1\n")
    sock = street.dial(RECONNECT_IVL=50)
    assert sock.misses(DUAL, timeout=0.3)
    etc.write("resolv.conf", HASTY)
    assert sock.reach().peer in (SERVER4, SERVER6)
    sock.disconnect(DUAL)
    etc.write("nsswitch.conf", "hosts: files\n")
    etc.write("hosts", HOSTS + SERVER4 + " moved.test\n")
    assert sock.reach("tcp://moved.test:5555").peer == SERVER4
    etc.remove("nsswitch.conf")
    etc.remove("hosts")
    other = street.caller().socket("DEALER", RECONNECT_IVL=50)
    assert other.reach(DUAL).peer == SERVER6


# ------------------------------------------------------------------ answers


GARBAGE = ["random", "header", "nothing", "id", "question", "loop", "forward", "count", "length",
           "cname", "tc"]


def test_faults_garbage_for_an_answer(street):
    """For AAAA, while A is good, so that IPv4 is used; then for both, until it is put right.
    Catches: a crash; a family that holds up the other; giving the name up."""
    good = {"A": [SERVER4], "AAAA": [SERVER6]}
    street.dns.set(**{"one%s_test" % kind: dict(good, garble={"AAAA": kind}) for kind in GARBAGE},
                   **{"both%s_test" % kind: dict(good, garble={"AAAA": kind, "A": kind})
                      for kind in GARBAGE})
    worker = street.caller()
    socks = {}
    for name in ["one" + kind for kind in GARBAGE] + ["both" + kind for kind in GARBAGE]:
        socks[name] = worker.socket("DEALER", RECONNECT_IVL=50)
        socks[name].connect("tcp://%s.test:5555" % name)
    for kind in GARBAGE:
        assert socks["one" + kind].reach().peer == SERVER4, kind
    assert socks["both" + GARBAGE[0]].misses(timeout=0.3)
    assert len(street.dialled()) == len(GARBAGE)
    street.dns.set(**{"both%s_test" % kind: good for kind in GARBAGE})
    for kind in GARBAGE:
        assert socks["both" + kind].reach(timeout=15).peer in (SERVER4, SERVER6), kind


def test_faults_huge_answers(street):
    """64 KB over TCP: four thousand addresses.  Catches: writing past a fixed number of candidates;
    a race through all of them."""
    street.dns.set(
        dual_test={"A": [SERVER4], "AAAA": [SERVER6],
                   "more": {"A": 4000, "AAAA": 2300}},
        far_test={"A": [], "AAAA": [], "more": {"A": 4000, "AAAA": 2300}})
    worker = street.caller("attempt-delay=10")
    assert worker.socket("DEALER").reach(DUAL, timeout=20).peer in (SERVER4, SERVER6)
    sock = worker.socket("DEALER", RECONNECT_IVL=20)
    assert sock.misses("tcp://far.test:5555", timeout=1)
    assert {"tcp"} <= {one.transport for one in street.dns.log("far.test")}
    assert len(street.dialled()) <= 7


# ------------------------------------------------------------------ modules


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    """The directory of libnss_zdstest.so.2."""
    where = tmp_path_factory.mktemp("nss")
    where.chmod(0o755)
    subprocess.run(["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-fPIC", "-shared",
                    "-o", str(where / "libnss_zdstest.so.2"), os.path.join(HERE, "nss_zdstest.c")],
                   check=True)
    return str(where)


@pytest.fixture
def modular(lab, module):
    """A street whose client asks that module and nothing else."""
    street = Street(lab)
    Etc(street).write("nsswitch.conf", "hosts: zdstest\n")
    street.serve_both()
    street.path = environment("patched")["LD_LIBRARY_PATH"] + ":" + module
    return street


def caller(street, words=None):
    return street.caller(words, env={"LD_LIBRARY_PATH": street.path})


@pytest.mark.parametrize("kind", ["good", "slow", "many", "crash", "orphan", "short", "closes"])
def test_faults_module_that_answers(modular, kind):
    """Each kind of module answers in its own way.  Catches: a child's end, SIGCHLD or a leftover
    errno that confuses us; too many addresses."""
    worker = caller(modular, "attempt-delay=20")
    got = worker.socket("DEALER").reach("tcp://%s.nss:5555" % kind)
    assert got.peer == SERVER6
    worker.do("quit")
    if kind not in ("slow", "orphan"):
        balanced(worker, lambda: worker.do("life", ep="tcp://%s.nss:5555" % kind, opts=LIFE))


@pytest.mark.parametrize("kind", ["tryagain", "notfound", "unavail", "empty"])
def test_faults_module_without_an_answer(modular, kind):
    """Catches: a crash; a hot loop; a good name that suffers."""
    worker = caller(modular)
    sock = worker.socket("DEALER", monitor=True, RECONNECT_IVL=50)
    sock.connect("tcp://%s.nss:5555" % kind)
    sock.events("CONNECT_RETRIED", "CONNECT_RETRIED")
    got = worker.socket("DEALER").reach("tcp://good.nss:5555")
    assert got.peer == SERVER6
    assert len(sock.events()) < 100


def test_faults_module_that_hangs(modular):
    """Beside a good name; then everything is closed while the module hangs.  Catches: waiting for
    it."""
    worker = caller(modular, WAITING)
    threads = worker.do("threads")
    for number in range(3):
        worker.socket("DEALER", LINGER=0).connect("tcp://hang.nss%d:5555" % number)
    got = worker.socket("DEALER", LINGER=0).reach("tcp://good.nss:5555")
    assert (got.peer, got.ms < PROMPT) == (SERVER6, True)
    assert worker.do("time", steps=[{"op": "quit"}])["seconds"] < 1
    assert worker.do("threads") >= threads + 3
    assert worker.do("threads_at_most", limit=threads, timeout=15) <= threads
    assert worker.socket("DEALER").reach("tcp://good.nss:5555").peer == SERVER6


def test_faults_module_that_is_not_there(lab):
    """Catches: a crash; giving the name up although the module comes later."""
    street = Street(lab)
    etc = Etc(street)
    etc.write("nsswitch.conf", "hosts: zdsnone\n")
    street.serve_both()
    worker = street.caller()
    sock = worker.socket("DEALER", RECONNECT_IVL=50)
    assert sock.misses(DUAL, timeout=0.3)
    etc.write("nsswitch.conf", "hosts: files dns\n")
    assert sock.reach().peer in (SERVER4, SERVER6)
