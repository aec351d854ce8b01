# SPDX-License-Identifier: MPL-2.0
"""`make install` and `make install-system-library`, on a host that is thrown away."""
import os

import pytest
from conftest import INSIDE
from test_run import cli

from lab import PYTHON

OURS = "/opt/zmq-dualstack"
WHICH = ("import ctypes; ctypes.CDLL('libzmq.so.5')\n"
         "maps = open('/proc/self/maps')\n"
         "print({line.split()[-1] for line in maps if 'libzmq.so' in line}.pop())")
TOUCHED = ("/etc", "/opt", "/usr/local", "/var/cache/ldconfig")


class Host:
    """This host; whatever changes on it is kept in `new`, and is gone after the test."""

    def __init__(self, lab):
        self.node = lab.node()
        self.new = lab.path("new")
        os.makedirs(self.new)
        self.node.run(["mount", "-t", "tmpfs", "none", self.new])
        for path in filter(os.path.isdir, TOUCHED):
            name = path.strip("/").replace("/", "-")
            upper, work = (os.path.join(self.new, kind, name) for kind in ("upper", "work"))
            self.node.run(["mkdir", "-p", upper, work])
            self.node.run(["mount", "-t", "overlay", "overlay", "-o", "lowerdir=%s,upperdir=%s,"
                           "workdir=%s" % (path, upper, work), path])

    def run(self, *argv, check=True):
        return self.node.run(list(argv), check=check, timeout=300, env={
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"})

    def make(self, *what, check=True):
        return self.run("make", "-s", "-C", os.path.dirname(cli()), *what, check=check)

    def changes(self):
        """The files that are new or changed, but for the dynamic linker's cache."""
        listed = self.run("sh", "-c", 'cd "$0/upper" && find . ! -type d -printf "%P\\n"', self.new)
        return sorted(name for name in listed.stdout.split()
                      if name != "etc/ld.so.cache"
                      and not name.startswith("var-cache-ldconfig/"))

    def library(self, *before):
        return self.run(*before, PYTHON, "-c", WHICH).stdout.strip()


@pytest.fixture
def machine(lab):
    if INSIDE in os.environ:
        pytest.skip("only root may write to /opt, not the root of a user namespace")
    return Host(lab)


def test_make_install_by_a_careful_root(machine):
    """Catches: a library that only root may open."""
    machine.run("sh", "-c", 'umask 077 && exec make -s -C "$0" install', os.path.dirname(cli()))
    private = machine.library("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                              OURS + "/bin/zmq-dualstack", "run", "--")
    assert private.startswith(OURS + "/lib/")


def test_make_install(machine):
    """Install, one program, the whole host, and back. Catches: a library that becomes the host's at
    the next ldconfig of any package; switching the host without a warning; anything that cannot be
    undone."""
    stock = machine.library()
    early = machine.make("install-system-library", check=False)
    assert early.returncode != 0 and "not installed yet" in early.stdout
    assert machine.changes() == []

    machine.make("install")
    installed = machine.changes()
    assert installed and all(name.startswith("opt/zmq-dualstack/") for name in installed)
    machine.run("ldconfig")
    assert machine.library() == stock and not stock.startswith(OURS)
    private = machine.library(OURS + "/bin/zmq-dualstack", "run", "--")
    assert private.startswith(OURS + "/lib/")

    warned = machine.make("install-system-library").stdout
    assert "every program of this host" in warned and "Security updates" in warned
    assert [name for name in machine.changes() if name not in installed] == [
        "usr-local/lib/libzmq.so.5"]
    assert os.path.basename(machine.library()).startswith("libzmq.so.5")
    assert machine.library() == private

    machine.make("uninstall-system-library")
    assert machine.library() == stock and machine.changes() == installed
    assert machine.make("uninstall-system-library", check=False).returncode != 0
    machine.make("uninstall")
    assert machine.changes() == []
