# SPDX-License-Identifier: MPL-2.0
"""Fixtures of the network suite; lab.py is the harness itself."""
import os
import signal
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as laboratory  # noqa: E402

INSIDE = "ZDS_NET_UNSHARED"


def pytest_configure(config):
    """Namespaces need root.  A plain user becomes root of a namespace of his own: the run
    starts again inside `unshare -rnm`.  Without either there is nothing to test: fail."""
    if os.geteuid() == 0:
        probe = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True)
        if probe.returncode != 0:
            pytest.exit("tests/net: cannot make network namespaces, not even as root: %s"
                        % probe.stderr.decode().strip(), returncode=1)
        return
    probe = subprocess.run(["unshare", "-rnm", "true"], capture_output=True)
    if probe.returncode != 0 or INSIDE in os.environ:
        pytest.exit("tests/net needs root, or user namespaces (unshare -rn): %s"
                    % probe.stderr.decode().strip(), returncode=1)
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture:
        capture.stop_global_capturing()
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "-rnm", sys.executable, "-m", "pytest"] + sys.argv[1:])


def pytest_sessionstart(session):
    laboratory.sweep()
    # SIGTERM ends the run as Ctrl-C does: fixtures are torn down.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture
def lab():
    with laboratory.Lab() as one:
        yield one


@pytest.fixture
def node(lab):
    """A namespace with nothing but loopback, which has both families."""
    return lab.node()


@pytest.fixture
def host(lab):
    """An ordinary dual-stack host: eth0 with one address of each family."""
    node = lab.node("host")
    node.nic("eth0", "10.0.0.1/24", "2001:db8::1/64")
    return node


@pytest.fixture(scope="session")
def shim():
    """The preloadable library of shim.c; call it with rules."""
    here = os.path.dirname(os.path.abspath(__file__))
    with tempfile.TemporaryDirectory(prefix="%s%d-shim-" % (laboratory.PREFIX, os.getpid()),
                                     ignore_cleanup_errors=True) as where:
        os.chmod(where, 0o755)
        path = os.path.join(where, "shim.so")
        subprocess.run(["cc", "-std=c11", "-Wall", "-Wextra", "-O1", "-fPIC", "-shared", "-o",
                        path, os.path.join(here, "shim.c"), "-ldl", "-lpthread"], check=True)
        yield laboratory.Shim(path)


@pytest.fixture(scope="session")
def dialshim(tmp_path_factory):
    """The preloadable library of dialshim.c."""
    path = str(tmp_path_factory.mktemp("dialshim") / "dialshim.so")
    subprocess.run(["cc", "-std=c11", "-Wall", "-Wextra", "-O1", "-fPIC", "-shared", "-o", path,
                    os.path.join(laboratory.HERE, "dialshim.c"), "-ldl", "-lpthread"], check=True)
    return laboratory.Shim(path)


def modes(*names):
    """Parametrize over modes by name."""
    chosen = [laboratory.MODES[name] for name in names]
    return pytest.mark.parametrize("mode", chosen, ids=lambda mode: mode.name)


def every_way(*kinds):
    """Parametrize over every way to reach these kinds of mode."""
    chosen = [mode for mode in laboratory.MODES.values() if mode.kind in kinds]
    return pytest.mark.parametrize("mode", chosen, ids=lambda mode: mode.name)
