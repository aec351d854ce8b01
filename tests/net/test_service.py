# SPDX-License-Identifier: MPL-2.0
"""`zmq-dualstack service`: a drop-in that makes one unit run on the dual-stack libzmq."""
import os
import re

import pytest
from test_run import EXAMPLES, build, loaded_by, run, running

from lab import libdir


@pytest.fixture
def root(lab):
    path = lab.path("root")
    os.makedirs(path)
    return path


def drop_in(root, unit="salt-master.service"):
    return os.path.join(root, "etc/systemd/system", unit + ".d", "zmq-dualstack.conf")


def variables(path):
    with open(path) as text:
        return dict(re.findall(r'^Environment="([A-Z_]+)=(.*)"$', text.read(), re.M))


def test_service_writes_shows_and_removes(root):
    """Catches: a file in another place; one that is not removed; words that get lost."""
    args = ["service", "salt-master", "--root", root]
    assert run(args + ["--show"]).returncode == 1 and os.listdir(root) == []
    assert run(args).returncode == 0
    assert sorted(variables(drop_in(root))) == ["LD_AUDIT", "ZDS_LIBDIR", "ZMQ_DUALSTACK_COMMAND"]
    assert run(args + ["--words", "off trace=/run/x"]).returncode == 0
    assert variables(drop_in(root))["ZMQ_DUALSTACK"] == "off trace=/run/x"
    shown = run(args + ["--show"])
    assert shown.returncode == 0 and "ZMQ_DUALSTACK=off" in shown.stdout
    assert run(args + ["--remove"]).returncode == 0
    assert not os.path.exists(os.path.dirname(drop_in(root)))
    gone = run(args + ["--remove"])
    assert gone.returncode == 1 and "No such file" in gone.stderr


def test_service_does_what_it_says(root, lab, host):
    """With the environment that systemd would give.  Catches: a drop-in that the dynamic linker or
    audit.so cannot use."""
    assert run(["service", "x.service", "--root", root]).returncode == 0
    program = build(lab.dir, os.path.join(EXAMPLES, "rep_server.c"), libdir("stock"))
    env = dict(variables(drop_in(root, "x.service")), PATH="/usr/bin:/bin",
               LD_LIBRARY_PATH=libdir("stock"))
    with running(host, [program, "tcp://*:5555"], env) as (process, _):
        assert host.open_on(5555) == ["*"]
        assert {os.path.realpath(path) for path in loaded_by(process)} == {
            os.path.realpath(os.path.join(libdir("patched"), "libzmq.so.5"))}


def test_service_overwrites_nothing(root):
    """Catches: losing an administrator's own file."""
    path = drop_in(root)
    os.makedirs(os.path.dirname(path))
    with open(path, "w") as own:
        own.write("[Service]\n")
    for more in ([], ["--remove"]):
        done = run(["service", "salt-master", "--root", root] + more)
        assert done.returncode == 1 and path in done.stderr
    with open(path) as own:
        assert own.read() == "[Service]\n"


@pytest.mark.parametrize("argv", [[], ["../x"], ["a/b"], [""], [".."], ["a b"], ["x", "y"],
                                  ["x", "--words", "off\nExecStart=x"], ["x", "--words", "%n"],
                                  ["x", "--words", "anny"], ["x", "--words", "attempt-delay=5"],
                                  ["x", "--nonsense"]])
def test_service_wrong_usage(root, argv):
    """Catches: a unit name that leads to another directory; words that add lines to the file."""
    done = run(["service", "--root", root] + argv)
    assert done.returncode == 2 and done.stdout == "" and "--help" in done.stderr
    assert os.listdir(root) == []
