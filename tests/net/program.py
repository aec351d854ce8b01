# SPDX-License-Identifier: MPL-2.0
"""Programs that know nothing of the laboratory, run on a node, on a chosen libzmq."""
import importlib.util
import os
import select
import shutil
import subprocess
import time

import pytest
from lab import DEADLINE, PYTHON, LabError, libdir, wait_until
from test_run import cli

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
# So that no program stays behind when the test run is killed.
WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"]
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs")


class Program:
    """A process whose lines are read as they come.  On "patched" it is started by
    `zmq-dualstack run`; on "stock" it finds our build of stock libzmq by LD_LIBRARY_PATH."""

    def __init__(self, node, argv, lib="patched", env=None):
        full = {"PATH": PATH, "LC_ALL": "C.UTF-8",
                "HOME": node.lab.dir, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
        argv = list(argv)
        if lib == "patched":
            full["ZDS_LIBDIR"] = libdir(lib)
            argv = [cli(), "run", "--"] + argv
        else:
            full["LD_LIBRARY_PATH"] = libdir(lib)
        full.update(env or {})
        self.node, self.argv, self.buffer = node, argv, b""
        self.stderr_path = node.lab.path("stderr")
        with open(self.stderr_path, "wb") as stderr:
            self.process = subprocess.Popen(
                node.enter(WITH_PARENT + argv), env=full, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=stderr)
        self.pid = self.process.pid
        node.helpers.append(self)

    def line(self, timeout=DEADLINE):
        """The next line that it prints."""
        end = time.monotonic() + timeout
        while b"\n" not in self.buffer:
            left = max(0.0, end - time.monotonic())
            if not select.select([self.process.stdout], [], [], left)[0]:
                raise LabError("%r says nothing in %.0f s:\n%s"
                               % (self.argv, timeout, self.stderr()))
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            if not data:
                raise LabError("%r ended with %d:\n%s"
                               % (self.argv, self.process.wait(DEADLINE), self.stderr()))
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode()

    def until(self, wanted, timeout=DEADLINE):
        """Its lines, up to the first that `wanted` accepts."""
        end, lines = time.monotonic() + timeout, []
        while time.monotonic() < end:
            lines.append(self.line(timeout))
            if wanted(lines[-1]):
                return lines
        raise LabError("%r says only %r" % (self.argv, lines[-10:]))

    def tell(self, text):
        self.process.stdin.write((text + "\n").encode())
        self.process.stdin.flush()

    def end(self, timeout=DEADLINE):
        """Close its input and wait; returns its exit status."""
        self.process.stdin.close()
        return self.process.wait(timeout)

    def libzmq(self):
        """The files of libzmq that it has loaded."""
        with open("/proc/%d/maps" % self.pid) as maps:
            return {os.path.realpath(line.split()[5]) for line in maps
                    if "libzmq" in os.path.basename(line)}

    def stderr(self):
        with open(self.stderr_path, errors="replace") as text:
            return text.read()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def python(node, name, *args, **more):
    """A program of tests/net/programs, in Python."""
    return Program(node, [PYTHON, os.path.join(HERE, name)] + [str(arg) for arg in args], **more)


def needs(*names):
    """Marks tests that need these programs or Python modules: without them there is nothing to
    test."""
    missing = [name for name in names
               if not shutil.which(name, path=PATH) and not importlib.util.find_spec(name)]
    return pytest.mark.skipif(bool(missing), reason="not installed: " + ", ".join(missing))


def wait_open(node, port, wanted):
    """Wait until `port` listens on these addresses."""
    wait_until(lambda: node.open_on(port) == wanted, DEADLINE)
    assert node.open_on(port) == wanted
