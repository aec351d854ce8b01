# SPDX-License-Identifier: MPL-2.0
"""examples/cluster: a broker, workers and a client on several hosts, which lose a family."""
import os
import subprocess

from lab import HERE, PYTHON
from test_run import cli, environment

RUN = os.path.join(os.path.dirname(os.path.dirname(HERE)), "examples", "cluster", "run")


def run_example(build):
    return subprocess.run([PYTHON, RUN, build], env=environment(), capture_output=True, text=True,
                          timeout=150)


def test_cluster_works_while_one_family_does():
    """Catches: programs that stay on a family that is gone; a worker or a client that does not
    reconnect; a broker that an IPv6-only host cannot reach."""
    done = run_example(os.path.dirname(cli()))
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.split("longest wait\n")[1].splitlines()
    rows = [line[35:72].strip().split(None, 2) for line in lines[:10]]
    assert rows == [["stock", "IPv4", "hub, desk"], ["ours", "IPv6", "hub, desk"],
                    ["stock", "IPv4", "hub, desk"], ["ours", "IPv4", "hub, desk"],
                    ["stock", "-", "nobody"], ["ours", "IPv6", "hub, desk"],
                    ["stock", "IPv4", "hub, desk"], ["ours", "IPv6", "hub, desk"],
                    ["stock", "IPv4", "hub, desk"], ["ours", "IPv6", "hub, desk, six"]]
    assert "All 10 rows are as expected" in done.stdout


def test_cluster_without_a_build_says_so(tmp_path):
    """Catches: a traceback."""
    done = run_example(str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == "cluster: %s is not there: run make, or ./quickstart\n" % (
        tmp_path / "zmq-dualstack")
