# SPDX-License-Identifier: MPL-2.0
"""What bash offers on the command line of zmq-dualstack."""
import os
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(ROOT, "cli", "zmq-dualstack.bash-completion")
ASK = """
source "$1"; shift
COMP_LINE=$1 COMP_POINT=${#1}; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_zmq_dualstack
printf '%s\\n' "${COMPREPLY[@]}"
"""
NICS = sorted(os.listdir("/sys/class/net"))


def offered(line, words):
    done = subprocess.run(["bash", "-c", ASK, "bash", SCRIPT, line] + words, capture_output=True,
                          text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1] if done.stdout.strip() else []


def split(line):
    """As bash splits it, which ends words at colons."""
    words = []
    for word in line.split(" "):
        parts = word.replace(":", " : ").split()
        words += parts or [""]
    return words


@pytest.mark.parametrize("line,expected", [
    ("", ["run", "explain", "status", "service", "--help", "--version"]), ("st", ["status"]),
    ("explain ", ["bind", "connect", "--help"]), ("explain c", ["connect"]),
    ("explain bind t", ["tcp://"]), ("explain connect w", ["ws://", "wss://"]),
    ("explain bind tcp://*:1 --mode ", ["auto", "v6", "v4"]),
    ("explain bind tcp://*:1 --t", ["--try"]),
    ("explain connect tcp://a:1 --t", ["--try", "--timeout"]),
    ("explain connect tcp://a:1 --timeout ", []),
    ("status 1 --", ["--all", "--json", "--help"]),
    ("service x --", ["--words", "--show", "--remove", "--root", "--help"])])
def test_words(line, expected):
    """Catches: a command or an option that is not offered, or one that belongs to another
    command."""
    line = "zmq-dualstack " + line
    assert offered(line, split(line)) == expected


def test_interfaces():
    """Catches: interfaces not offered, with or without the colon as the end of a word."""
    line = "zmq-dualstack explain bind tcp://"
    wanted = ["*:"] + [name + ":" for name in NICS]
    assert sorted(offered(line, split(line))) == sorted("//" + one for one in wanted)
    whole = offered(line, line.split(" "))
    assert sorted(whole) == sorted("tcp://" + one for one in wanted)
    line += "lo"
    assert "//lo:" in offered(line, split(line))
    assert "//*:" not in offered(line, split(line))


def test_processes():
    """Catches: process IDs that are not offered."""
    line = "zmq-dualstack status %s" % os.getpid()
    assert str(os.getpid()) in offered(line, split(line))


def test_commands_to_run():
    """Catches: run's program not completed."""
    line = "zmq-dualstack run -- pytho"
    assert any(name.startswith("python3") for name in offered(line, split(line)))
