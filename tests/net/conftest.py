# SPDX-License-Identifier: MPL-2.0
"""Fixtures of the network suite; lab.py is the harness itself."""
import collections
import contextlib
import glob
import os
import signal
import subprocess
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as laboratory  # noqa: E402

INSIDE = "ZDS_NET_UNSHARED"
CONF = "/etc/zmq-dualstack.conf"
SANITIZED = {"ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
LEFT_OUT = collections.Counter()  # tests that make no sense on this build, by reason


def not_under(*builds, why):
    """Skips a test where one of these builds (asan, tsan) stands in for the patched one."""
    return pytest.mark.not_under(*builds, why=why)


NEW_CONTEXT = pytest.param("new-context", marks=not_under(
    "tsan", why="it cannot start threads in a forked child"))
OWN_BUILD = not_under("asan", "tsan", why="it chooses the builds itself")


# These test programs that are not built with sanitizers.
PRELOADED = ("test_run", "test_service", "test_explain", "test_programs_")
PLAIN_PROGRAM = not_under("asan", "tsan", why="a program of its own loads the library, ahead of "
                          "which no sanitizer can be put")


def pytest_collection_modifyitems(config, items):
    chosen, dropped = [], []
    for item in items:
        if item.module.__name__.startswith(PRELOADED):
            item.add_marker(PLAIN_PROGRAM)
        marks = [mark for mark in item.iter_markers("not_under")
                 if laboratory.VARIANT in mark.args]
        (dropped if marks else chosen).append(item)
        for mark in marks[:1]:
            LEFT_OUT[mark.kwargs["why"]] += 1
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = chosen


def pytest_terminal_summary(terminalreporter):
    for why, number in sorted(LEFT_OUT.items()):
        terminalreporter.write_line("not under %s: %d tests: %s"
                                    % (laboratory.VARIANT, number, why))


def pytest_configure(config):
    """Namespaces need root.  For a plain user the run starts again inside `unshare -rnm`, as root
    of a user namespace.  If that is not possible either, nothing can be tested: fail."""
    config.addinivalue_line("markers", "not_under(build, ..., why): see conftest.py")
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
    # SIGTERM ends the run as Ctrl-C does, so that fixtures are torn down.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture
def lab():
    with laboratory.Lab() as one:
        yield one


@pytest.fixture(scope="module")
def etc(tmp_path_factory):
    """A copy of /etc, in which a settings file can be placed."""
    path = str(tmp_path_factory.mktemp("settings") / "etc")
    # Root of a user namespace cannot read every file; the tests do not need those.
    subprocess.run(["cp", "-r", "--preserve=mode,links", "/etc", path], stderr=subprocess.DEVNULL)
    return path


@pytest.fixture
def settled(lab, etc):
    """A node with that /etc, and no settings yet."""
    node = lab.node()
    node.nic("eth0", "10.0.0.1/24", "2001:db8::1/64")
    node.run(["mount", "--bind", etc, "/etc"])
    node.conf = os.path.join(etc, os.path.basename(CONF))
    subprocess.run(["rm", "-rf", node.conf], check=True)

    def write(text, mode=0o644):
        with open(node.conf, "w") as conf:
            conf.write(text)
        os.chmod(node.conf, mode)
    node.write = write
    return node


@pytest.fixture(autouse=True)
def nothing_left(request):
    """After a test of faults that passed: each worker that still runs closes everything, and then
    has as many descriptors and threads as at first."""
    if not request.module.__name__.startswith("test_faults_") or "lab" not in request.fixturenames:
        yield
        return
    lab = request.getfixturevalue("lab")
    yield
    if getattr(request.node, "failed", False):
        return
    for worker in [one for node in lab.nodes for one in node.workers]:
        if worker.lib == "patched" and worker.process.poll() is None:
            if worker.shim is not None:
                worker.must("shim", rules="")
            fds, threads = worker.at_first
            left = worker.do("census", fds=fds, threads=threads, timeout=15)
            assert left[0] <= fds and left[1] <= threads, (worker.at_first, left)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        item.failed = True


@pytest.fixture
def node(lab):
    """A namespace with nothing but loopback, on both families."""
    return lab.node()


@pytest.fixture
def host(lab):
    """An ordinary dual-stack host: eth0 with one address of each family."""
    node = lab.node("host")
    node.nic("eth0", "10.0.0.1/24", "2001:db8::1/64")
    return node


@contextlib.contextmanager
def built_shim(*flags):
    with tempfile.TemporaryDirectory(prefix="%s%d-shim-" % (laboratory.PREFIX, os.getpid()),
                                     ignore_cleanup_errors=True) as where:
        os.chmod(where, 0o755)
        path = os.path.join(where, "shim.so")
        subprocess.run(["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-fPIC", "-shared",
                        *flags,
                        "-o", path, os.path.join(laboratory.HERE, "shim.c"), "-ldl",
                        "-lpthread"], check=True)
        yield laboratory.Shim(path)


@pytest.fixture(scope="session")
def shim():
    """The preloadable library of shim.c; call it with rules."""
    with built_shim() as one:
        yield one


@pytest.fixture(scope="session")
def memshim():
    """The same with rules for memory."""
    with built_shim("-DZDS_HISTORY") as one:
        yield one


@pytest.fixture(scope="session")
def dialshim(tmp_path_factory):
    """The preloadable library of dialshim.c."""
    path = str(tmp_path_factory.mktemp("dialshim") / "dialshim.so")
    subprocess.run(["cc", "-std=c11", "-Wall", "-Wextra", "-O1", "-fPIC", "-shared", "-o", path,
                    os.path.join(laboratory.HERE, "dialshim.c"), "-ldl", "-lpthread"], check=True)
    return laboratory.Shim(path)


@pytest.fixture(scope="session")
def asan_cli(tmp_path_factory):
    """zmq-dualstack, built with sanitizers; to be run with SANITIZED in its environment."""
    program = str(tmp_path_factory.mktemp("asan") / "zmq-dualstack")
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    sources = sorted(glob.glob(os.path.join(root, "cli", "*.c"))
                     + glob.glob(os.path.join(root, "transport", "*", "*.c")))
    subprocess.run(["cc", "-std=c11", "-g", "-O1", "-fsanitize=address,undefined",
                    "-fno-sanitize-recover=all", "-I" + os.path.join(root, "transport", "core"),
                    "-I" + os.path.join(root, "transport", "sys"),
                    "-I" + os.path.join(root, "transport", "glue"),
                    '-DZDS_LIBDIR="%s"' % laboratory.libdir("patched"), "-o", program]
                   + sources + ["-lpthread"], check=True)
    return program


def modes(*names):
    """Parametrize over modes by name."""
    chosen = [laboratory.MODES[name] for name in names]
    return pytest.mark.parametrize("mode", chosen, ids=lambda mode: mode.name)


def every_way(*kinds):
    """Parametrize over every way to reach these kinds of mode."""
    chosen = [mode for mode in laboratory.MODES.values() if mode.kind in kinds]
    return pytest.mark.parametrize("mode", chosen, ids=lambda mode: mode.name)
