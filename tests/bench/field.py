# SPDX-License-Identifier: MPL-2.0
"""Where the benchmark takes place: two hosts in network namespaces and a name server, as the tests
have them (tests/net), and a host name for each way in which an IPv6 address can fail."""
import ctypes
import fcntl
import os
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "net"))

# The path must be set before.
from street import (CLIENT4, CLIENT6, FAR4, FAR6, HOLE6, SERVER4, SERVER6, Street,  # noqa: E402
                    tcp)

PROGRAMS = ["crowd", "echo", "leave", "reply", "stall", "work"]
PORT = 5555
F_SETPIPE_SZ = 1031  # fcntl has it from Python 3.10 on

REFUSED, UNREACHABLE, PROHIBITED, SILENT = FAR6[:4]
NO_ROUTE = HOLE6[0]
SILENT4 = FAR4[0]


def both(ipv6, **more):
    return dict({"AAAA": [ipv6], "A": [SERVER4]}, **more)


ZONE = {"both.test": both(SERVER6),
        "refused.test": both(REFUSED),
        "no-route.test": both(NO_ROUTE),
        "unreachable.test": both(UNREACHABLE),
        "prohibited.test": both(PROHIBITED),
        "silent.test": both(SILENT),
        "lost.test": both(SERVER6, drop=["AAAA"]),
        "late.test": both(SERVER6, delay={"AAAA": 2.0}),
        "crowd.test": both(SILENT),
        "crowd4.test": {"A": [SERVER4]},
        "nobody.test": {"AAAA": [SILENT], "A": [SILENT4]},
        "own.test": {"AAAA": [CLIENT6], "A": [CLIENT4]}}
# The same for stock, which asks at other times.
ZONE.update({"stock-" + name: ZONE[name] for name in ("lost.test", "late.test")})
DEAD = ["dead%d.test" % n for n in range(20)]
ZONE.update({name: {"drop": ["A", "AAAA"]} for name in DEAD})


class BenchError(Exception):
    pass


def die_with_parent():
    """No program stays behind, however this one ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG


def hurry(process=0):
    """A thread goes before all that has no real-time priority, so that what else this machine does
    is not measured. False when that is not allowed."""
    try:
        os.sched_setscheduler(process, os.SCHED_RR, os.sched_param(10))
    except OSError:
        return False
    return True


def hurry_all(pid):
    return all([hurry(int(thread)) for thread in os.listdir("/proc/%d/task" % pid)])


def processor():
    with open("/proc/cpuinfo") as lines:
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown processor"


def compile_programs(build, libdir):
    """Linked with -lzmq; which one they get is said when they are started."""
    out = os.path.join(build, "bench")
    os.makedirs(out, exist_ok=True)
    for name in PROGRAMS:
        command = [os.environ.get("CC", "cc"), "-std=gnu11", "-O2",
                   "-o", os.path.join(out, name), os.path.join(HERE, name + ".c"),
                   "-I" + os.path.join(os.path.dirname(libdir), "include"),
                   "-L" + libdir, "-lzmq", "-pthread"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise BenchError("%s\n%s" % (" ".join(command), done.stderr))
    return out


class Program:
    """A running program of the benchmark."""

    def __init__(self, argv, env, prepare):
        self.process = subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True,
                                        stdin=subprocess.DEVNULL, preexec_fn=prepare)

    def read(self, count):
        """The next lines, as a dictionary."""
        return parse(self.process.stdout.readline() for _ in range(count))

    def result(self, timeout=60):
        """All that it printed, after it has ended; {} when it takes too long."""
        try:
            text = self.process.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            self.kill()
            return {}
        if self.process.returncode != 0:
            raise BenchError("%s: status %d" % (" ".join(self.process.args),
                                                self.process.returncode))
        return parse(text.splitlines())

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def parse(lines):
    """"NAME VALUE" each; the values that are numbers as such."""
    found = {}
    for line in lines:
        name, _, value = line.strip().partition(" ")
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = value
    return found


class Field:
    """One for the whole benchmark; `libdirs` says where the libraries "stock" and "ours" are."""

    def __init__(self, lab, programs, libdirs):
        self.programs, self.libdirs = programs, libdirs
        self.running = []
        self.street = Street(lab, zone=ZONE)
        # It waits when nobody reads what it was asked.
        fcntl.fcntl(self.street.dns.process.stdout, F_SETPIPE_SZ, 1 << 20)
        self.hurried = hurry_all(self.street.dns.process.pid)
        self.client, self.server = self.street.client, self.street.server
        self.client.run(["ip", "-6", "route", "del", "default"])
        self.client.ip("route add unreachable %s" % UNREACHABLE,
                       "route add prohibit %s" % PROHIBITED)
        self.street.faults("ip6 daddr %s tcp dport %d drop" % (SILENT, PORT),
                           "ip daddr %s tcp dport %d drop" % (SILENT4, PORT))
        self.serve(self.server, SERVER4, SERVER6)
        self.serve(self.client, CLIENT4, CLIENT6, "127.0.0.1", "::1")

    def serve(self, node, *addresses):
        server = self.start(node, "stock", "echo", *[tcp(one, PORT) for one in addresses])
        if server.process.stdout.readline() != "ready\n":
            raise BenchError("the server does not start")

    def environment(self, library):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
                "LD_LIBRARY_PATH": self.libdirs[library]}

    def start(self, node, library, program, *args):
        def prepare():
            die_with_parent()
            hurry()
        argv = [os.path.join(self.programs, program)] + [str(one) for one in args]
        running = Program(node.enter(argv), self.environment(library), prepare)
        self.running.append(running)
        return running

    def end(self, running, timeout=60):
        result = running.result(timeout)
        self.running.remove(running)
        return result

    def run(self, library, program, *args):
        """On the client, until it ends."""
        return self.end(self.start(self.client, library, program, *args))

    def count_instructions(self, library, what, count, endpoint, record):
        """Runs "work" under callgrind; returns the path of its record."""
        self.client.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=" + record,
                         os.path.join(self.programs, "work"), what, str(count), endpoint],
                        env=dict(self.environment(library), HOME="/nonexistent"), timeout=300)

    def asked(self, name):
        """[(kind of question, ms on the clock that all processes share)]"""
        return [(one.kind, one.time * 1000) for one in self.street.dns.log(name)]

    def dialling(self):
        """How many attempts of the client have no answer yet."""
        return len(self.client.connections(PORT, "SYN_SENT"))

    def kill(self, running):
        running.kill()
        self.running.remove(running)

    def close(self):
        for running in list(self.running):
            self.kill(running)


def at(host):
    return "tcp://%s:%d" % (host, PORT)
