# SPDX-License-Identifier: MPL-2.0
"""Where the benchmark takes place: two hosts in network namespaces and a name server, as the tests
have them (tests/net), and a host name for each way in which an IPv6 address can fail."""
import ctypes
import fcntl
import glob
import os
import resource
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "net"))

# The path must be set first.
from street import (CLIENT4, CLIENT6, FAR4, FAR6, HOLE6, SERVER4, SERVER6, Street,  # noqa: E402
                    tcp)

TESTS = os.path.dirname(HERE)
TRANSPORT = os.path.join(os.path.dirname(TESTS), "transport")
PROGRAMS = ["crowd", "echo", "flow", "leave", "reply", "stall", "tries", "work"]
ENGINE_PROGRAMS = ["engine", "simulate"]
PLAIN_PROGRAMS = ["answer"]
PORT, HTTP_PORT, NNG_PORT = 5555, 5655, 5656
MORE_PORTS = 16  # of the echo server, from PORT on
PORTS = "%d-%d" % (PORT, NNG_PORT)
MANY_FILES = 1 << 16
F_SETPIPE_SZ = 1031  # fcntl has it from Python 3.10 on

REFUSED, UNREACHABLE, PROHIBITED, SILENT = FAR6[:4]
NO_ROUTE = HOLE6[0]
SILENT4 = FAR4[0]
# For names with several addresses: these are equally near, so that the client's system leaves them
# in the name server's order.
DEAD4, REFUSED4, SECOND4 = FAR4[4:7]
DEAD6, REFUSED6, SECOND6 = FAR6[4:7]
# Addresses where something accepts that speaks no ZMTP, by the HOW of answer.c.
STRANGERS = {how: "2001:db8::e%d" % n for n, how in enumerate(["closes", "http", "ssh", "mute"])}


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
        "dead-first.test": {"AAAA": [DEAD6, SECOND6], "A": [DEAD4, SECOND4]},
        "dead-first4.test": {"A": [DEAD4, SECOND4]},
        "refused-first.test": {"AAAA": [REFUSED6, SECOND6], "A": [REFUSED4, SECOND4]},
        "crowd.test": both(SILENT),
        "crowd4.test": {"A": [SERVER4]},
        "nobody.test": {"AAAA": [SILENT], "A": [SILENT4]},
        "own.test": {"AAAA": [CLIENT6], "A": [CLIENT4]},
        "alias.test": {"cname": "both.test"},
        "unhurried.test": both(SERVER6, delay={"A": 0.02, "AAAA": 0.02}),
        "*.lost.test": both(SERVER6, drop=["AAAA"]),
        "*.silent.test": both(SILENT)}
ZONE.update({how + ".test": both(address) for how, address in STRANGERS.items()})
# The same under other names for stock, so that its queries are told apart.
ZONE.update({"stock-" + name: ZONE[name] for name in ("lost.test", "late.test")})
SERVERS = [SERVER4, SERVER6, SECOND4, SECOND6]
DEAD = ["dead%d.test" % n for n in range(20)]
ZONE.update({name: {"drop": ["A", "AAAA"]} for name in DEAD})


class BenchError(Exception):
    pass


def die_with_parent():
    """So that no program stays behind, however this one ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG


def hurry(process=0):
    """Gives a thread real-time priority, so that other programs on this machine do not disturb the
    measurement. False if that is not allowed."""
    try:
        os.sched_setscheduler(process, os.SCHED_RR, os.sched_param(10))
    except OSError:
        return False
    return True


def allow_many_files():
    """Raises the limit of open files for the programs, if that is allowed. Returns the limit."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard == resource.RLIM_INFINITY:
        return MANY_FILES
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 1024), max(hard, MANY_FILES)))
    except (OSError, ValueError):
        return hard
    return max(hard, MANY_FILES)


def hurry_all(pid):
    return all([hurry(int(thread)) for thread in os.listdir("/proc/%d/task" % pid)])


def processor():
    with open("/proc/cpuinfo") as lines:
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown processor"


def compile_programs(build, libdir):
    """The C programs of this directory. Those that use libzmq are linked with -lzmq; which libzmq
    they get is decided when they are started."""
    out = os.path.join(build, "bench")
    os.makedirs(out, exist_ok=True)
    core = sorted(glob.glob(os.path.join(TRANSPORT, "*", "zds_*.c")))
    includes = ["-I" + folder for folder in sorted(glob.glob(os.path.join(TRANSPORT, "*", "")))]
    libzmq = os.path.join(build, "libzmq-patched")
    for name in PROGRAMS:
        compile_one(out, name + ".c", ["-I" + os.path.join(os.path.dirname(libdir), "include"),
                                       "-L" + libdir, "-lzmq"])
    for name in ENGINE_PROGRAMS:
        compile_one(out, name + ".c", ["-D_GNU_SOURCE", "-I" + os.path.join(TESTS, "unit")]
                    + includes + core + ["-ldl", "-lm"])
    for name in PLAIN_PROGRAMS:
        compile_one(out, name + ".c", [])
    compile_one(out, "dial_size.cpp", ["-I" + os.path.join(libzmq, "src"),
                                       "-I" + os.path.join(libzmq, "include")] + includes)
    return out


def compile_one(out, source, more):
    name, ending = os.path.splitext(source)
    compiler = [os.environ.get("CXX", "c++"), "-std=gnu++98"] if ending == ".cpp" else [
        os.environ.get("CC", "cc"), "-std=gnu11"]
    command = compiler + ["-O2", "-o", os.path.join(out, name), os.path.join(HERE, source)] \
        + more + ["-pthread"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise BenchError("%s\n%s" % (" ".join(command), done.stderr))


class Program:
    """A running program of the benchmark."""

    def __init__(self, argv, env, prepare):
        self.process = subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True,
                                        stdin=subprocess.DEVNULL, preexec_fn=prepare)

    def read(self, count):
        """The next lines, as a dictionary."""
        return parse(self.process.stdout.readline() for _ in range(count))

    def result(self, timeout=60, may_fail=False):
        """All that it printed, after it has ended; {} if it takes too long."""
        try:
            text = self.process.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            self.kill()
            return {}
        if self.process.returncode != 0 and not may_fail:
            raise BenchError("%s: status %d" % (" ".join(self.process.args),
                                                self.process.returncode))
        return parse(text.splitlines())

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def parse(lines):
    """Lines "NAME VALUE" as a dictionary, with numbers as numbers."""
    found = {}
    for line in lines:
        name, _, value = line.strip().partition(" ")
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = value
    return found


class Field:
    """One for the whole benchmark; `libdirs` says where the libraries "stock" and "ours" are.
    `data` is what the groups record besides their figures; `notes` says what was not as it should
    be, and `skipped` what had to be left out."""

    def __init__(self, lab, programs, libdirs):
        self.programs, self.libdirs = programs, libdirs
        self.running, self.data, self.notes, self.skipped = [], {}, [], []
        self.most_files = allow_many_files()
        self.street = Street(lab, zone=ZONE)
        # The name server would block when nobody reads the log of its queries.
        fcntl.fcntl(self.street.dns.process.stdout, F_SETPIPE_SZ, 1 << 20)
        self.hurried = hurry_all(self.street.dns.process.pid)
        self.client, self.server = self.street.client, self.street.server
        self.client.run(["ip", "-6", "route", "del", "default"])
        self.client.ip("route add unreachable %s" % UNREACHABLE,
                       "route add prohibit %s" % PROHIBITED)
        self.street.faults("ip6 daddr { %s, %s } tcp dport %s drop" % (SILENT, DEAD6, PORTS),
                           "ip daddr { %s, %s } tcp dport %s drop" % (SILENT4, DEAD4, PORTS))
        self.make_room()
        self.serve(self.server, *SERVERS)
        self.serve_ports(SERVER4, SERVER6)
        self.serve(self.client, CLIENT4, CLIENT6, "127.0.0.1", "::1")
        self.server.addr("eth0", *[one + "/64" for one in STRANGERS.values()])
        for how, address in STRANGERS.items():
            for port in (PORT, HTTP_PORT, NNG_PORT):
                self.answer(self.server, how, port, address)
        self.answer(self.server, "http", HTTP_PORT, *SERVERS)
        self.answer(self.client, "http", HTTP_PORT, CLIENT4, CLIENT6)

    def make_room(self):
        """Makes room for ten thousand connections at once, and for as many a moment later."""
        self.client.sysctl("net.ipv4.ip_local_port_range", "10000 65535")
        self.client.sysctl("net.ipv4.tcp_max_tw_buckets", 64)
        self.server.sysctl("net.core.somaxconn", 16384)
        self.server.sysctl("net.ipv4.tcp_max_syn_backlog", 16384)

    def record(self, name, data):
        self.data[name] = data

    def note(self, what):
        self.notes.append(what)
        print("\nNote: %s." % what)

    def skip(self, what):
        self.skipped.append(what)
        print("\nSkipped: %s." % what)

    def serve(self, node, *addresses):
        self.wait_ready(self.start(node, "stock", "echo", *[tcp(one, PORT) for one in addresses]))

    def serve_ports(self, *addresses):
        """Serves the ports after PORT, for programs that connect to several."""
        self.wait_ready(self.start(self.server, "stock", "echo",
                                   *[tcp(one, port) for one in addresses
                                     for port in range(PORT + 1, PORT + MORE_PORTS)]))

    def answer(self, node, how, port, *addresses):
        """Starts a server that speaks no ZMTP."""
        self.wait_ready(self.start_on(node, [os.path.join(self.programs, "answer"), how, str(port)]
                                      + list(addresses)))

    def serve_other(self, argv):
        """Runs a program that is not of the benchmark on the server."""
        self.wait_ready(self.start_on(self.server, argv))

    @staticmethod
    def wait_ready(server):
        if server.process.stdout.readline() != "ready\n":
            raise BenchError("the server does not start")

    def environment(self, library=None):
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "HOME": "/nonexistent"}
        if library is not None:
            env["LD_LIBRARY_PATH"] = self.libdirs[library]
        return env

    def start(self, node, library, program, *args):
        argv = [os.path.join(self.programs, program)] + [str(one) for one in args]
        return self.start_on(node, argv, library)

    def start_other(self, argv):
        return self.start_on(self.client, argv)

    def start_on(self, node, argv, library=None):
        def prepare():
            die_with_parent()
            hurry()
        running = Program(node.enter(argv), self.environment(library), prepare)
        self.running.append(running)
        return running

    def end(self, running, timeout=60, may_fail=False):
        result = running.result(timeout, may_fail)
        self.running.remove(running)
        return result

    def run(self, library, program, *args):
        """Runs a program on the client until it ends."""
        return self.end(self.start(self.client, library, program, *args), timeout=120)

    def count_instructions(self, library, record, program, *args):
        """Runs the program under callgrind, which writes the file `record`."""
        self.client.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=" + record,
                         os.path.join(self.programs, program)] + [str(one) for one in args],
                        env=self.environment(library), timeout=300)

    def asked(self, name):
        """[(record type, ms on the clock that all processes share)] of the queries for this
        name."""
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
