# SPDX-License-Identifier: MPL-2.0
"""A laboratory of throw-away network namespaces for the tests.

A Lab makes Nodes (network namespaces) and wires them; a Node starts Workers, which are
Python processes that use a chosen libzmq.  Nothing here outlives the test run: every
namespace is held open by one process that ends when its standard input closes, so the kernel
removes namespaces, links and listeners even when pytest is killed.
"""
import collections
import contextlib
import ipaddress
import json
import os
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = os.environ.get("ZDS_PYTHON", "/usr/bin/python3")
PREFIX = "zds-net-"
# nft is in sbin, which users of Debian do not have in their PATH.
os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
DEADLINE = 20.0  # seconds; no step of a test takes a tenth of it

OK = "ok"


class LabError(AssertionError):
    """Something that the laboratory itself was asked to do has failed."""


class WorkerDied(LabError):
    """A worker process ended by itself; `signal` is the signal that killed it, or None."""

    def __init__(self, text, sig):
        super().__init__(text)
        self.signal = sig


class ZmqFailed(AssertionError):
    """A libzmq call returned -1; `errno` is the name of its errno."""

    def __init__(self, call, errno_name):
        super().__init__("%s: %s" % (call, errno_name))
        self.errno = errno_name


# ------------------------------------------------------------------ libraries


# "asan" or "tsan": the build that stands in for "patched" wherever a test says so.
VARIANT = os.environ.get("ZDS_VARIANT", "")
SANITIZERS = {"asan": ["libasan.so", "libubsan.so"], "tsan": ["libtsan.so"]}


def build_of(lib):
    return VARIANT if VARIANT and lib == "patched" else lib


def libdir(lib):
    """Directory of the libzmq.so.5 that `lib` (stock, patched, asan, tsan, ws) stands for."""
    variable = {"stock": "ZDS_STOCK_LIBDIR", "patched": "ZDS_PATCHED_LIBDIR",
                "asan": "ZDS_ASAN_LIBDIR", "tsan": "ZDS_TSAN_LIBDIR",
                "ws": "ZDS_WS_LIBDIR"}[build_of(lib)]
    path = os.environ.get(variable)
    if not path:
        raise LabError("%s is not set: it must name the directory of libzmq.so.5" % variable)
    if not os.path.exists(os.path.join(path, "libzmq.so.5")):
        raise LabError("%s=%s holds no libzmq.so.5" % (variable, path))
    return path


def runtimes(build):
    """The sanitizer runtimes that a process must load before anything else."""
    paths = []
    for name in SANITIZERS.get(build, []):
        done = subprocess.run(["cc", "-print-file-name=" + name], capture_output=True, text=True)
        if not os.path.isabs(done.stdout.strip()):
            raise LabError("no %s: cc -print-file-name does not know it" % name)
        paths.append(os.path.realpath(done.stdout.strip()))
    return paths


def environment(lib, preload=()):
    """What a program needs in its environment to use that library.  The first report of a sanitizer
    ends the program."""
    preload = runtimes(build_of(lib)) + list(preload)
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LD_LIBRARY_PATH": libdir(lib),
           "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
           "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:handle_segv=1:"
                           "allocator_may_return_null=1",
           "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:abort_on_error=1",
           "TSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:allocator_may_return_null=1:"
                           "suppressions=" + os.path.join(HERE, "tsan.supp")}
    if preload:
        env["LD_PRELOAD"] = " ".join(preload)
    return env


def command(lib, argv):
    """The command that runs a program on that library.  ThreadSanitizer needs fixed places in the
    address space, which randomization may give to something else."""
    return (["setarch", "-R"] if build_of(lib) == "tsan" else []) + list(argv)


# ------------------------------------------------------------------ modes

# How an application can put a socket in a mode.  `kind` is the behaviour that README's table
# of modes asks for; `off` is v4 reached through the administrator's switch.
Mode = collections.namedtuple("Mode", "name kind env ctx sock")

MODES = {mode.name: mode for mode in [
    Mode("auto", "auto", {}, {}, {}),
    Mode("v6", "v6", {}, {}, {"IPV6": 1}),
    Mode("v6-ipv4only", "v6", {}, {}, {"IPV4ONLY": 0}),
    Mode("v6-ctx", "v6", {}, {"IPV6": 1}, {}),
    Mode("v6-off", "v6", {"ZMQ_DUALSTACK": "off"}, {}, {"IPV6": 1}),
    Mode("v4", "v4", {}, {}, {"IPV6": 0}),
    Mode("v4-ipv4only", "v4", {}, {}, {"IPV4ONLY": 1}),
    Mode("v4-ctx", "v4", {}, {"IPV6": 0}, {}),
    Mode("v4-over-ctx", "v4", {}, {"IPV6": 1}, {"IPV6": 0}),
    Mode("v6-over-ctx", "v6", {}, {"IPV6": 0}, {"IPV6": 1}),
    Mode("off", "v4", {"ZMQ_DUALSTACK": "off"}, {}, {}),
]}


# ------------------------------------------------------------------ laboratory


def sweep():
    """Remove the directories of test runs whose process is gone."""
    root = tempfile.gettempdir()
    for name in os.listdir(root):
        if not name.startswith(PREFIX):
            continue
        pid = name[len(PREFIX):].split("-")[0]
        if pid.isdigit() and not os.path.exists("/proc/" + pid):
            shutil.rmtree(os.path.join(root, name), ignore_errors=True)


class Lab:
    """Owns nodes, workers and files; close() takes all of it away."""

    count = 0

    def __init__(self):
        Lab.count += 1
        self.tag = "%s%d-%d" % (PREFIX, os.getpid(), Lab.count)
        self.dir = tempfile.mkdtemp(prefix=self.tag + "-")
        os.chmod(self.dir, 0o755)
        self.nodes = []
        self.serial = 0

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def node(self, name=None, etc=None):
        """A new namespace, with loopback up.  `etc` maps file names under /etc to their text, seen
        only inside this node (resolv.conf, hosts, nsswitch.conf, gai.conf)."""
        node = Node(self, name or "n%d" % len(self.nodes), etc or {})
        self.nodes.append(node)
        return node

    def wire(self, node_a, nic_a, node_b, nic_b):
        """Join two nodes by a veth pair; both ends up, without addresses of their own."""
        node_a.ip("link add %s type veth peer name %s netns %d" % (nic_a, nic_b, node_b.pid))
        for node, nic in ((node_a, nic_a), (node_b, nic_b)):
            node.quiet_up(nic)

    def slow_wire(self, node_a, nic_a, node_b, nic_b):
        """Join two nodes by a Bridge; both ends up, without addresses of their own."""
        bridge = Bridge(node_a, nic_a, node_b, nic_b)
        node_a.helpers.append(bridge)
        for node, nic in ((node_a, nic_a), (node_b, nic_b)):
            node.quiet_up(nic)
        return bridge

    def path(self, stem):
        self.serial += 1
        return os.path.join(self.dir, "%s-%d" % (stem, self.serial))

    def write(self, stem, text):
        path = self.path(stem)
        with open(path, "w") as out:
            out.write(text)
        return path

    def close(self):
        for node in reversed(self.nodes):
            node.close()
        self.nodes = []
        shutil.rmtree(self.dir, ignore_errors=True)


Connection = collections.namedtuple("Connection", "state local peer")

STATES = {"01": "ESTABLISHED", "02": "SYN_SENT", "03": "SYN_RECV", "04": "FIN_WAIT1",
          "05": "FIN_WAIT2", "06": "TIME_WAIT", "07": "CLOSE", "08": "CLOSE_WAIT",
          "09": "LAST_ACK", "0A": "LISTEN", "0B": "CLOSING"}
GONE = ("TIME_WAIT", "CLOSE", "LISTEN")  # no socket of a program that talks to anybody

Listener = collections.namedtuple("Listener", "family address port v6only zone backlog")


class Node:
    """One network namespace (with its own mounts, so that it can have its own /etc)."""

    def __init__(self, lab, name, etc):
        self.lab = lab
        self.name = name
        self.workers = []
        self.helpers = []
        # The last argument only names the process: `ps` shows whose namespace it holds.
        self.holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c",
             "ip link set lo up && echo up && exec cat", "%s-%s" % (lab.tag, name)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self.holder.stdout.readline() != b"up\n":
            raise LabError("cannot make a network namespace: "
                           + self.holder.stderr.read().decode())
        self.pid = self.holder.pid
        self.sysctl("net.ipv6.conf.default.accept_ra", 0)
        for filename, text in etc.items():
            self.run(["mount", "--bind", lab.write("etc", text), "/etc/" + filename])

    # -- commands

    def enter(self, argv):
        return ["nsenter", "-t", str(self.pid), "-n", "-m", "--"] + list(argv)

    def run(self, argv, check=True, stdin=None, timeout=DEADLINE, env=None):
        done = subprocess.run(self.enter(argv), input=stdin, capture_output=True, text=True,
                              timeout=timeout, env=env)
        if check and done.returncode != 0:
            raise LabError("%s: exit %d\n%s%s" % (" ".join(argv), done.returncode,
                                                  done.stdout, done.stderr))
        return done

    def ip(self, *lines):
        """Run `ip` commands in one go."""
        self.run(["ip", "-batch", "-"], stdin="\n".join(lines) + "\n")

    def nft(self, rules):
        self.run(["nft", "-f", "-"], stdin=rules)

    def sysctl(self, name, value):
        path = "/proc/sys/" + name.replace(".", "/")
        self.run(["sh", "-c", 'echo "$1" > "$2"', "sh", str(value), path])

    # -- interfaces and addresses

    def quiet_up(self, nic):
        """Bring it up without a link-local address, which the test did not ask for."""
        self.ip("link set %s addrgenmode none" % nic, "link set %s up" % nic)

    def nic(self, name, *addresses, up=True):
        """An Ethernet-like interface of this node (a veth whose far end is here too)."""
        self.ip("link add %s type veth peer name %s-far" % (name, name))
        self.quiet_up(name + "-far")
        if up:
            self.quiet_up(name)
        self.addr(name, *addresses)

    def addr(self, nic, *addresses):
        """Add addresses in this order.  Each is text for `ip addr add`: "10.0.0.1/24",
        "2001:db8::1/64 preferred_lft 0".  IPv6 ones skip duplicate address detection
        unless their text says "dad"."""
        lines = []
        for text in addresses:
            words = text.split()
            if "dad" in words:
                words.remove("dad")
            elif ":" in words[0]:
                words.append("nodad")
            lines.append("addr add %s dev %s %s" % (words[0], nic, " ".join(words[1:])))
        if lines:
            self.ip(*lines)

    def addr_del(self, nic, *addresses):
        self.ip(*["addr del %s dev %s" % (address, nic) for address in addresses])

    def slow_dad(self, nic, seconds):
        """Duplicate address detection on `nic` takes about this long from now on."""
        self.sysctl("net.ipv6.conf.%s.dad_transmits" % nic, 1)
        self.sysctl("net.ipv6.neigh.%s.retrans_time_ms" % nic, int(seconds * 1000))

    def temporary(self, nic, prefix):
        """A temporary (privacy) address, made by the kernel out of a managed one."""
        self.sysctl("net.ipv6.conf.%s.dad_transmits" % nic, 0)
        self.sysctl("net.ipv6.conf.%s.use_tempaddr" % nic, 2)
        self.ip("addr add %s dev %s nodad mngtmpaddr" % (prefix, nic))
        return self.wait_addr(nic, lambda a: a.get("temporary")
                              and not a.get("tentative"))["local"]

    def addresses(self, nic):
        """What `ip -j addr` says about the addresses of `nic`, in the kernel's order."""
        text = self.run(["ip", "-j", "addr", "show", "dev", nic]).stdout
        return [entry for entry in json.loads(text)[0].get("addr_info", []) if entry]

    def wait_addr(self, nic, wanted, timeout=DEADLINE):
        """Wait, on the kernel's own notices, for an address that `wanted` accepts."""
        end = time.monotonic() + timeout
        with self.background(["ip", "monitor", "address"]) as notices:
            while True:
                for entry in self.addresses(nic):
                    if wanted(entry):
                        return entry
                left = end - time.monotonic()
                if left <= 0:
                    raise LabError("no such address on %s: %r" % (nic, self.addresses(nic)))
                # A notice from before the monitor listened never comes, so look now and then.
                if select.select([notices.stdout], [], [], min(left, 1.0))[0]:
                    os.read(notices.stdout.fileno(), 65536)

    @contextlib.contextmanager
    def background(self, argv, **more):
        process = subprocess.Popen(self.enter(argv), stdout=subprocess.PIPE, **more)
        os.set_blocking(process.stdout.fileno(), True)
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            process.stdout.close()

    # -- what the kernel shows

    def listeners(self, port=None):
        """The listening TCP sockets that the kernel shows, sorted."""
        text = self.run(["ss", "-Hltne"]).stdout
        found = sorted((parse_listener(line) for line in text.splitlines() if line), key=str)
        return [one for one in found if port is None or one.port == port]

    def open_on(self, port):
        """The addresses on which `port` listens: "10.0.0.1", "fe80::1%eth0"; "::" is a
        v6-only wildcard, "*" a dual-stack one."""
        return sorted(describe(one) for one in self.listeners(port))

    def connections(self, port, *states):
        """TCP connections and attempts from this node to `port`, on any host, as the side that
        dialled sees them; those in these states, or all that are not over."""
        found = []
        for table in ("tcp", "tcp6"):
            with open("/proc/%d/net/%s" % (self.pid, table)) as lines:
                found += [parse_connection(line) for line in list(lines)[1:]]
        return sorted(one for one in found if one.peer[1] == port
                      and (one.state in states if states else one.state not in GONE))

    # -- processes

    def worker(self, lib="patched", env=None, shim=None, **more):
        worker = Worker(self, lib, env or {}, shim, **more)
        self.workers.append(worker)
        return worker

    def nameserver(self, zone, address="127.0.0.1"):
        server = Nameserver(self, zone, address)
        self.helpers.append(server)
        return server

    def close(self):
        for process in self.workers + self.helpers:
            process.kill()
        self.workers, self.helpers = [], []
        for stream in (self.holder.stdin, self.holder.stdout, self.holder.stderr):
            with contextlib.suppress(OSError):
                stream.close()
        self.holder.kill()
        self.holder.wait()


def parse_connection(line):
    """A line of /proc/net/tcp or tcp6."""
    words = line.split()
    return Connection(STATES[words[3]], parse_hex(words[1]), parse_hex(words[2]))


def parse_hex(text):
    """"0100007F:15B3" is 127.0.0.1:5555: words of 32 bits in the order of the machine."""
    host, port = text.split(":")
    data = b"".join(struct.pack("=I", int(host[at:at + 8], 16)) for at in range(0, len(host), 8))
    return str(ipaddress.ip_address(data)), int(port, 16)


def describe(one):
    if one.address == "::" and not one.v6only:
        return "*"
    return one.address + ("%" + one.zone if one.zone else "")


def parse_listener(line):
    words = line.split()
    host, port = words[3].rsplit(":", 1)
    host, _, zone = host.partition("%")
    if "]" in zone:  # no ss that we know prints it so, but it does no harm
        zone = zone.replace("]", "")
    v6only = None
    for word in words:
        if word.startswith("v6only:"):
            v6only = word == "v6only:1"
    if host == "*":  # this is how ss writes a dual-stack [::]
        host = "[::]"
    family = 6 if host.startswith("[") else 4
    return Listener(family, host.strip("[]"), int(port), v6only, zone or None, int(words[2]))


# ------------------------------------------------------------------ workers


class Worker:
    """A process that uses libzmq on our orders, one JSON line each way.  `program` is the package
    `worker`, or a program that takes more orders."""

    def __init__(self, node, lib, env, shim, program="worker"):
        self.node = node
        self.lib, self.shim = lib, shim
        directory = libdir(lib)
        full = environment(lib, [shim.path] if shim else [])
        if shim is not None:
            full["ZDS_SHIM"] = shim.rules
        full.update(env)
        self.stderr_path = node.lab.path("stderr")
        self.counter = 0
        self.buffer = b""
        with open(self.stderr_path, "wb") as stderr:
            self.process = subprocess.Popen(
                node.enter(command(lib, [PYTHON, os.path.join(HERE, program)])), env=full,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr)
        hello = self.read(DEADLINE)
        wanted = os.path.realpath(os.path.join(directory, "libzmq.so.5"))
        if hello["libzmq"] != [wanted]:
            raise LabError("worker loaded %r, not %s" % (hello["libzmq"], wanted))
        self.version = tuple(hello["version"])
        self.at_first = hello["fds"], hello["threads"]
        self.pid = self.process.pid

    # -- transport

    def read(self, timeout):
        end = time.monotonic() + timeout
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            ready = select.select([self.process.stdout], [], [], max(0, left))[0]
            if not ready:
                self.process.send_signal(signal.SIGABRT)
                self.process.wait()
                raise LabError("worker (%s) did not answer in %.0f s:\n%s"
                               % (self.lib, timeout, self.stderr()))
            data = os.read(self.process.stdout.fileno(), 1 << 20)
            if not data:
                code = self.process.wait()
                raise WorkerDied("worker (%s) ended with %d:\n%s"
                                 % (self.lib, code, self.stderr()), -code if code < 0 else None)
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def post(self, steps):
        """Send steps without waiting, for tests that need two workers to act at once."""
        self.counter += 1
        line = json.dumps({"n": self.counter, "do": steps}) + "\n"
        try:
            self.process.stdin.write(line.encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            self.read(DEADLINE)  # says how it died

    def collect(self, timeout=DEADLINE):
        """Results of the steps posted before."""
        answer = self.read(timeout)
        if "trouble" in answer:
            raise LabError("worker: " + answer["trouble"])
        return answer["results"]

    def run(self, steps, timeout=DEADLINE):
        self.post(steps)
        return self.collect(timeout)

    def do(self, op, **args):
        """One step.  A `timeout` is the step's own; ours is longer."""
        return self.run([dict(args, op=op)], DEADLINE + args.get("timeout", 0))[0]

    def must(self, op, **args):
        result = self.do(op, **args)
        if result != OK:
            raise ZmqFailed("%s %r" % (op, args), result)

    # -- libzmq

    def context(self, opts=None, name="c", threads=1):
        self.must("ctx", ctx=name, opts=opts or {}, threads=threads)
        return name

    def socket(self, kind, ctx="c", monitor=False, mode=None, **opts):
        """A new socket.  The context called `ctx` is made when it is not there yet."""
        ctx_opts = mode.ctx if mode else {}
        opts = dict(mode.sock if mode else {}, **opts)
        self.counter += 1
        name = "s%d" % self.counter
        self.must("socket", id=name, ctx=ctx, ctx_opts=ctx_opts, kind=kind, monitor=monitor,
                  opts=opts)
        return Sock(self, name)

    def fds(self):
        return self.do("fds")

    def threads(self):
        return self.do("threads")

    def occupy(self, host, port=5555, name="x", **how):
        """Take a port as another program would (see op_occupy); returns the port."""
        port = self.do("occupy", id=name, host=host, port=port, **how)
        if not isinstance(port, int):
            raise ZmqFailed("occupy %s" % host, port)
        return port

    def serve(self, *endpoints, name="s", **opts):
        """A server in a thread of the worker: it echoes what it gets (see op_serve)."""
        self.must("serve", id=name, eps=list(endpoints), opts=opts)
        return Servant(self, name)

    def wrong_server(self, host, port=5555, **how):
        """A TCP server that speaks no ZMTP (see op_wrong_server)."""
        self.must("wrong_server", id="%s-%d" % (host, port), host=host, port=port, **how)

    def stderr(self):
        with open(self.stderr_path, errors="replace") as text:
            return text.read()

    def kill(self):
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                stream.close()
        self.process.kill()
        self.process.wait()


class Sock:
    """One socket of a worker.  Calls raise ZmqFailed; those whose names end in _rc return "ok" or
    the name of the errno."""

    def __init__(self, worker, name):
        self.worker = worker
        self.name = name

    def _do(self, op, **args):
        return self.worker.do(op, id=self.name, **args)

    def _must(self, op, **args):
        self.worker.must(op, id=self.name, **args)

    def bind_rc(self, endpoint):
        return self._do("bind", ep=endpoint)

    def bind(self, endpoint):
        """Bind; returns ZMQ_LAST_ENDPOINT."""
        self._must("bind", ep=endpoint)
        return self.last_endpoint()

    def unbind_rc(self, endpoint):
        return self._do("unbind", ep=endpoint)

    def unbind(self, endpoint):
        self._must("unbind", ep=endpoint)

    def connect_rc(self, endpoint):
        return self._do("connect", ep=endpoint)

    def connect(self, endpoint):
        self._must("connect", ep=endpoint)

    def disconnect_rc(self, endpoint):
        return self._do("disconnect", ep=endpoint)

    def disconnect(self, endpoint):
        self._must("disconnect", ep=endpoint)

    def set_rc(self, option, value):
        return self._do("set", opt=option, value=value)

    def set(self, option, value):
        self._must("set", opt=option, value=value)

    def get(self, option):
        return self._do("get", opt=option)

    def last_endpoint(self):
        return self.get("LAST_ENDPOINT")

    def send(self, *parts):
        self._must("send", parts=list(parts))

    def recv(self, timeout=5.0):
        """{"parts": [...], "peer": Peer-Address}, or {"timeout": true}."""
        return self._do("recv", timeout=timeout)

    def events(self, *until, timeout=5.0):
        """The monitor events that were not read before, as soon as all of `until` are among
        them."""
        events = self._do("events", until=list(until), timeout=timeout)
        if events and events[-1][0] == "TIMEOUT":
            raise LabError("waited for %s, saw %r" % (events[-1][1], events[:-1]))
        return events

    def close(self):
        """Close; returns the monitor's remaining events."""
        return self._do("close")

    # For sockets that face a server made by Worker.serve

    def reach(self, endpoint=None, timeout=10.0):
        """Connect, unless that was done before, and wait for the first round trip."""
        got = self._do("reach", ep=endpoint, timeout=timeout)
        if "ms" not in got:
            raise LabError("%s: %s" % (endpoint or "no server", got))
        return Reached(got["ms"], got["peer"], got["who"], got["source"])

    def misses(self, endpoint=None, timeout=1.0):
        """The same where nobody should answer."""
        return self._do("reach", ep=endpoint, timeout=timeout) == {"timeout": True}

    def timeline(self, *until, timeout=10.0):
        """Events in the order in which they come, with ms since the call: [(name, endpoint, ms),
        ...]."""
        return timeline_of(self._do("timeline", until=list(until), timeout=timeout))

    def watch(self, *until, timeout=10.0):
        """The same for events from now on, without waiting: the test goes on, and gets the events
        when it calls the function that this returns."""
        self.events()
        self.worker.post([{"op": "timeline", "id": self.name, "until": list(until),
                           "timeout": timeout}])
        return lambda: timeline_of(self.worker.collect(DEADLINE + timeout)[0])


# How a client fared: ms until the first answer, the address that answered, the name of the server,
# and the address that the client came from.
Reached = collections.namedtuple("Reached", "ms peer who source")
Moment = collections.namedtuple("Moment", "name endpoint ms")


def timeline_of(entries):
    events = [Moment(*entry) for entry in entries]
    if events and events[-1].name == "TIMEOUT":
        raise LabError("waited for %s, saw %r" % (events[-1].endpoint, events[:-1]))
    return events


class Servant:
    """A server made by Worker.serve."""

    def __init__(self, worker, name):
        self.worker = worker
        self.name = name

    def log(self):
        """{"events": names of monitor events, "peers": identities, "messages": how many}."""
        return self.worker.do("served", id=self.name)

    def kick(self):
        """Cut all its connections; it goes on listening.  Returns how many there were."""
        return self.worker.do("kick", id=self.name)

    def stop(self):
        """Stops the server; when this returns, nothing listens any more."""
        self.worker.must("unserve", id=self.name)


def port_of(endpoint):
    return int(endpoint.rsplit(":", 1)[1])


# ------------------------------------------------------------------ fakes


class Shim:
    """The preloaded library of shim.c, with the rules that it starts with."""

    def __init__(self, path, rules=""):
        self.path = path
        self.rules = rules

    def __call__(self, rules):
        return Shim(self.path, rules)


class Helper:
    """A program of this directory that runs beside the workers.  It prints "ready" first, takes
    orders as lines of JSON on its standard input, and prints "done" after each."""

    def __init__(self, argv):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.partial = b""
        self.lines = []
        if self.process.stdout.readline() != b"ready\n":
            raise LabError("%s did not start" % " ".join(argv))
        os.set_blocking(self.process.stdout.fileno(), False)

    def read(self, timeout=0):
        """What it has printed by now, or within `timeout`."""
        if select.select([self.process.stdout], [], [], timeout)[0]:
            self.partial += os.read(self.process.stdout.fileno(), 1 << 20)
        lines = self.partial.split(b"\n")
        self.partial = lines.pop()
        self.lines += [line.decode() for line in lines]

    def order(self, **what):
        self.process.stdin.write((json.dumps(what) + "\n").encode())
        self.process.stdin.flush()
        end = time.monotonic() + DEADLINE
        while "done" not in self.lines:
            if time.monotonic() > end:
                raise LabError("%s does not obey" % self.process.args)
            self.read(0.1)
        self.lines.remove("done")

    def kill(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.kill()
        self.process.wait()


Question = collections.namedtuple("Question", "name kind transport time")


class Nameserver(Helper):
    """A name server inside a node; it answers from `zone` (see nameserver.py), which can be
    changed while it runs, and writes down what it is asked."""

    def __init__(self, node, zone, address):
        super().__init__(node.enter([PYTHON, os.path.join(HERE, "nameserver.py"), address,
                                     json.dumps(zone)]))

    def log(self, name=None):
        """The queries so far, oldest first; `time` is that of time.monotonic."""
        self.read()
        words = [line.split() for line in self.lines]
        questions = [Question(one[0], one[1], one[2], float(one[3])) for one in words]
        return [one for one in questions if name is None or one.name == name]

    def queries(self):
        """The queries so far, as ["host.test AAAA", ...]."""
        return ["%s %s" % (one.name, one.kind) for one in self.log()]

    def kinds(self, name):
        """The record types that were asked for, in the order of the queries."""
        return [one.kind for one in self.log(name)]

    def wait_asked(self, name, *kinds):
        """Wait until these record types have been asked for."""
        if not wait_until(lambda: set(kinds) <= set(self.kinds(name))):
            raise LabError("asked about %s for %r only" % (name, self.kinds(name)))

    def set(self, **entries):
        """New entries for names; None takes a name out.  "." is written "_" here."""
        self.order(set={name.replace("_", "."): entry for name, entry in entries.items()})


class Bridge(Helper):
    """A slow or lossy wire between two nodes: see bridge.py."""

    def __init__(self, node_a, nic_a, node_b, nic_b):
        super().__init__([PYTHON, os.path.join(HERE, "bridge.py"), str(node_a.pid), nic_a,
                          str(node_b.pid), nic_b])

    def set(self, delay4=0, delay6=0, drop=()):
        """Delays in seconds for one way."""
        self.order(delay={"4": delay4, "6": delay6}, drop=[str(family) for family in drop])


def wait_until(check, timeout=DEADLINE / 4):
    """Polls, for what the kernel shows but sends no notice of.  Returns what `check` returned
    last."""
    end = time.monotonic() + timeout
    while True:
        result = check()
        if result or time.monotonic() > end:
            return result
        time.sleep(0.01)
