# SPDX-License-Identifier: MPL-2.0
"""U-7: the process is the application's: its threads, its memory and its forks."""
import os
import socket
import subprocess

import pytest
from conftest import PLAIN_PROGRAM
from lab import environment, libdir
from street import DEAD, DUAL, FAR4, SERVER4, SERVER6, Street
from test_run import build

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = os.path.join(HERE, "programs")
HASTY = "nameserver 127.0.0.1\noptions timeout:3 attempts:1\n"
# How many contexts are abandoned, and how many threads one has besides those of look-ups.
LOOP, OWN_THREADS = 250, 4
# Names below dead.test get no answer at all.
NOTHING = {"*_dead_test": {"drop": ["A", "AAAA"]}}
GLIBC = tuple(map(int, os.confstr("CS_GNU_LIBC_VERSION").split()[1].split(".")[:2]))
# zds_thread.h
MOST_THREADS = 128

pytestmark = PLAIN_PROGRAM


class Citizen:
    """programs/citizen.c on the client of a street."""

    def __init__(self, street, lib="patched"):
        self.street, self.lib = street, lib
        self.program = build(street.client.lab.dir, os.path.join(PROGRAMS, "citizen.c"),
                             libdir(lib))

    def __call__(self, *arguments, timeout=60, **env):
        done = self.street.client.run([self.program] + [str(one) for one in arguments],
                                      timeout=timeout, env=dict(environment(self.lib), **env))
        return done.stdout.splitlines()


@pytest.fixture
def street(lab):
    street = Street(lab, resolv=HASTY)
    street.serve_both()
    return street


@pytest.mark.parametrize("host", ["dual.test", "localhost"])
@pytest.mark.parametrize("what", ["nproc", "memlock", "as"])
def test_u7_no_thread_to_be_had(street, what, host):
    """Stock looks the name up on its I/O thread.  Catches: a name that is never looked up, or only
    after the reconnect interval."""
    street.client.worker("stock").serve("tcp://127.0.0.1:5555")
    line, = Citizen(street)("poor", what, "tcp://%s:5555" % host)
    assert 0 <= int(line.split()[-1]) < 5000


def test_u7_no_thread_and_no_aaaa(street):
    """Catches: a look-up of both families on the I/O thread, where stock does not wait for AAAA."""
    street.dns.set(dual_test={"A": [SERVER4], "drop": ["AAAA"]})
    line, = Citizen(street)("poor", "nproc", DUAL)
    assert 0 <= int(line.split()[-1]) < 1500


def test_u7_locked_memory(street):
    """mlockall locks the stacks of future threads, and counts the 64 MB of address space that glibc
    reserves for a thread's malloc; stock's own threads have that too.  Catches: stacks of the
    default size, a thread for each of many look-ups."""
    def locked(lib="patched", **env):
        words = Citizen(street, lib)("locked", DUAL, **env)[0].split()
        assert 0 <= int(words[2]) < 5000
        assert int(words[4]) < 6000
        return int(words[7])
    assert locked() - locked("stock") < 4 * 66000
    assert locked(MALLOC_ARENA_MAX="1") < 6000


def test_u7_the_stack_is_large_enough(lab):
    """glibc keeps the addresses that it sorts on the stack, up to a quarter of it and 64 KiB, which
    is some 1,160 addresses.  Catches: a look-up that takes more than half of the stack; the rest is
    for other modules."""
    many = (10, 580, 590, 1150, 1180, 2000)
    chain = [".".join([letter * 60] * 4) for letter in "abcdefghijklm"]
    zone = {"m%d" % n: {"more": {"A": n, "AAAA": n}} for n in many}
    zone.update(zip(chain, [{"cname": one} for one in chain[1:]] + [zone["m10"]]))
    zone["short.s5.test"] = zone["m580"]
    suffixes = " ".join(["s%d.%s.test" % (n, "x" * 50) for n in range(5)] + ["s5.test"])
    street = Street(lab, zone, resolv="nameserver 127.0.0.1\nsearch %s\n" % suffixes,
                    hosts="".join("10.1.%d.%d wide.test %s\n" % (n // 250, n % 250 + 1,
                                                                 "alias%d " % n * 30)
                                  for n in range(580)))
    program = lab.path("stack")
    subprocess.run(["cc", "-pthread", "-I" + os.path.join(HERE, "../../transport/sys"), "-o",
                    program, os.path.join(PROGRAMS, "stack.c")], check=True)
    most = 0
    for name in ["localhost", "wide.test", "none", "short", chain[0]] + ["m%d." % n for n in many]:
        for family in (socket.AF_UNSPEC, socket.AF_INET, socket.AF_INET6):
            used, size = street.client.run([program, name, str(int(family))]).stdout.split()
            assert int(used) <= int(size) // 2, (name, family)
            most = max(most, int(used))
        street.dns.log()  # empties the pipe
    # The longest list that goes on the stack was among them. Debian 12 has glibc 2.36; 2.41 keeps
    # the list elsewhere.
    assert most > 70000 or GLIBC > (2, 36)


def test_u7_abandoned_look_ups_are_bounded(street):
    """Contexts that connect by name, in a loop, with dead DNS.  Catches: a bound for each context
    only."""
    street.dns.set(**NOTHING)
    line, = Citizen(street)("loop", LOOP, "dead.test:5555", timeout=120)
    threads, descriptors = int(line.split()[0]), int(line.split()[2])
    assert threads <= MOST_THREADS + OWN_THREADS
    assert descriptors <= MOST_THREADS + 40


def test_u7_children_look_up_for_themselves(street):
    """glibc gives threads of a child the stacks of its parent's, with the sockets of a look-up in
    them.  Catches: answers that go to the other process."""
    street.dns.set(**NOTHING)
    took = [int(line) for line in
            Citizen(street)("children", 30, "dead.test:5555", DUAL, timeout=180)]
    assert len(took) == 30
    assert [ms for ms in took if not 0 <= ms < 2500] == []


def test_u7_threads_are_the_contexts(street):
    """Catches: threads of ours to which ZMQ_THREAD_NAME_PREFIX and the other thread options do not
    apply."""
    lines = Citizen(street)("names", 42, DEAD)
    ours = [line for line in lines if line.startswith("42/ZMQbg/resolv")]
    assert ours and len(ours) <= 3
    for line in ours:
        assert line.split()[-4:] == ["Cpus_allowed_list:", "0", "policy", "3"]


@pytest.mark.parametrize("joins", [False, True])
def test_u7_context_ended_in_a_destructor(lab, joins):
    """During dlclose, with the loader's lock held.  Catches: a dlopen there, on which glibc aborts;
    a thread that waits for that lock."""
    street = Street(lab, resolv=HASTY)
    flags = ["-shared", "-fPIC"] + ["-DJOINS"] * joins
    plugin = build(lab.dir, os.path.join(PROGRAMS, "plugin.c"), libdir("patched"), "libzmq.so.5",
                   *flags)
    host = lab.path("host")
    subprocess.run(["cc", "-o", host, os.path.join(PROGRAMS, "plugin_host.c"), "-ldl"],
                   check=True)
    with street.client.background([host, plugin, DEAD], stdin=-1, text=True,
                                  env=environment("patched")) as process:
        assert process.stdout.readline() == "connected\n"
        street.dns.wait_asked("dead.test", "A", "AAAA")
        process.stdin.write("close\n")
        process.stdin.flush()
        assert process.stdout.readline() == "closed\n"
        # Meanwhile the look-up ends, in a library that must still be there.
        assert street.client.run(["sleep", "4"]).returncode == 0
        process.stdin.write("end\n")
        process.stdin.flush()
        assert process.wait(10) == 0


def test_u7_hosts_only(lab):
    """40 names of the hosts file, with dead DNS.  Catches: look-ups that go on from the hosts file
    to DNS for the other family."""
    names = ["h%d.dead.test" % n for n in range(40)]
    street = Street(lab, resolv=HASTY, hosts="".join("%s %s\n" % (SERVER4, n) for n in names))
    street.dns.set(**NOTHING)
    street.serve(4)
    worker = street.caller()
    worker.context()
    socks = [worker.socket("DEALER", LINGER=0) for _ in names]
    for sock, name in zip(socks, names):
        assert sock.reach("tcp://%s:5555" % name).ms < 1000


@pytest.mark.parametrize("count", [100])
def test_c13_a_crowd_without_aaaa(lab, count):
    """That many new names at once, and no AAAA is ever answered.  Catches: the look-up that stock
    would have made queued behind one that it would not."""
    street = Street(lab, {"*.crowd.test": {"A": [SERVER4], "drop": ["AAAA"]}})
    street.serve(4)
    line, = Citizen(street)("crowd", count, "crowd.test:5555")
    assert 0 <= int(line) < 3000


def test_c13_shared_answers_in_turns(lab):
    """Forty sockets, four rotating addresses.  Catches: the same order for all of them."""
    street = Street(lab, {"turn.test": {"A": FAR4[:4], "rotate": True}})
    for address in FAR4[:4]:
        street.serve(4, address=address)
    worker = street.caller()
    worker.context()
    names = [worker.socket("DEALER", LINGER=0).name for _ in range(40)]
    result = worker.do("reach_all", ids=names, ep="tcp://turn.test:5555", timeout=10)
    assert result["missing"] == 0
    assert sorted(result["peers"]) == sorted(FAR4[:4])
    assert min(result["peers"].values()) >= 7
    assert street.dns.kinds("turn.test").count("A") <= 5


@pytest.mark.parametrize("dead", ["refused", "silent", "IPv4"])
def test_c13_turns_go_on_with_what_is_known(lab, dead):
    """One address is dead, and known to be.  Catches: putting the last winner before its equals, so
    that all clients of a process go to one server."""
    six, alive = [[], FAR4[1:4]] if dead == "IPv4" else [[SERVER6], FAR4[:4]]
    street = Street(lab, {"turn.test": {"A": FAR4[:4], "AAAA": six, "rotate": True}})
    if dead != "refused":
        street.faults("ip%s daddr %s tcp dport 5555 drop"
                      % (("", FAR4[0]) if dead == "IPv4" else ("6", SERVER6)))
    for address in alive:
        street.serve(4, address=address)
    worker = street.caller()
    worker.context()
    peers = [worker.socket("DEALER", LINGER=0).reach("tcp://turn.test:5555").peer
             for _ in range(24)]
    assert sorted(set(peers)) == sorted(alive)
    assert min(map(peers.count, alive)) >= 3
