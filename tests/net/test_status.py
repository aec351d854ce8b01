# SPDX-License-Identifier: MPL-2.0
"""`zmq-dualstack status`: which libzmq a process uses, and where it listens."""
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from conftest import PLAIN_PROGRAM, SANITIZED
from lab import DEADLINE, PYTHON, libdir
from test_explain import command
from test_run import EXAMPLES, build, cli, drop_soname, environment, python_program, running

FIELDS = ["command", "pid", "program", "dual_stack", "libraries", "settings", "off", "in_force",
          "privileged", "sockets_known", "listeners", "only_over_ipv6"]
OURS = re.compile(r"^\d+\.\d+\.\d+$")


def status(node, pid, *more, **how):
    done = command(node, ["status", str(pid), "--json"] + list(more), **how)
    assert done.stderr == ""
    answer = json.loads(done.stdout)
    assert done.returncode == (0 if answer["libraries"] else 1)
    return answer


def listeners(answer):
    return sorted((one["address"], one["families"]) for one in answer["listeners"])


def test_status_of_stock(host):
    """Catches: taking stock's library for ours."""
    worker = host.worker("stock")
    worker.socket("REP").bind("tcp://*:5555")
    answer = status(host, worker.pid)
    assert list(answer) == FIELDS
    assert answer["dual_stack"] is False
    assert [(one["ours"], one["version"], one["in_use"]) for one in answer["libraries"]] == [
        (False, None, True)]
    assert os.path.samefile(answer["libraries"][0]["path"],
                            os.path.join(libdir("stock"), "libzmq.so.5"))
    assert listeners(answer) == [("0.0.0.0:5555", "IPv4")]


def test_status_of_ours(host):
    """Catches: a marker that got lost in the build; wrong families."""
    worker = host.worker("patched")
    worker.socket("REP").bind("tcp://*:5555")
    worker.socket("REP").bind("tcp://eth0:5556")
    worker.socket("REP").bind("tcp://[::]:5557")
    worker.socket("REP", IPV6=1).bind("tcp://10.0.0.1:5558")
    answer = status(host, worker.pid)
    assert answer["dual_stack"] is True and answer["settings"] is None
    assert [(one["ours"], one["in_use"]) for one in answer["libraries"]] == [(True, True)]
    one = answer["libraries"][0]
    assert OURS.match(one["version"])
    assert one["libzmq_version"] == ".".join(map(str, worker.version))
    assert listeners(answer) == [
        ("10.0.0.1:5556", "IPv4"), ("[2001:db8::1]:5556", "IPv6"), ("[::]:5555", "IPv6 and IPv4"),
        ("[::]:5557", "IPv6"), ("[::ffff:10.0.0.1]:5558", "IPv4")]


def test_status_of_ours_switched_off(host):
    """Catches: not reading the setting."""
    worker = host.worker("patched", env={"ZMQ_DUALSTACK": "attempt-delay=100,off"})
    answer = status(host, worker.pid)
    assert (answer["dual_stack"], answer["off"], answer["settings"]) == (
        False, True, "attempt-delay=100,off")
    assert answer["libraries"][0]["ours"] is True


def test_status_of_what_terminals_obey(host):
    """Catches: a process that sends control sequences to the terminal of whoever looks at it."""
    said = "off,\x1b]0;title\x07\x9b2Jé"
    worker = host.worker("patched", env={"ZMQ_DUALSTACK": said})
    text = command(host, ["status", str(worker.pid)]).stdout
    assert "ZMQ_DUALSTACK: off,\\x1b]0;title\\x07\\xc2\\x9b2Jé\n" in text
    assert "settings: off (ZMQ_DUALSTACK)\n" in text
    done = command(host, ["status", str(worker.pid), "--json"])
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.stdout)
    assert json.loads(done.stdout)["settings"] == said


def test_status_of_connections(host):
    """Shown with --all only.  Catches: taking a connection for a listener."""
    worker = host.worker("patched")
    server, client = worker.socket("REP"), worker.socket("REQ")
    server.bind("tcp://*:5555")
    client.connect("tcp://10.0.0.1:5555")
    client.send("x")
    assert server.recv()["parts"] == ["x"]
    assert list(status(host, worker.pid)) == FIELDS
    answer = status(host, worker.pid, "--all")
    assert list(answer) == FIELDS + ["connections"]
    assert listeners(answer) == [("[::]:5555", "IPv6 and IPv4")]
    ends = [(one["address"], one["peer"]) for one in answer["connections"]]
    assert len(ends) == 2 and "10.0.0.1:5555" in [peer for _, peer in ends]


@pytest.fixture
def bundle(lab):
    """A program with a libzmq of its own, under another name, without a SONAME."""
    own = os.path.join(lab.dir, "own")
    os.mkdir(own)
    name = "libzmq-3a5b7c9d.so.5.2.4"
    with open(os.path.join(libdir("stock"), "libzmq.so.5"), "rb") as library:
        image = library.read()
    with open(os.path.join(own, name), "wb") as copy:
        copy.write(drop_soname(image))
    program = build(lab.dir, os.path.join(EXAMPLES, "rep_server.c"), own, name,
                    "-Wl,--disable-new-dtags,-rpath," + own)
    return program, os.path.join(own, name)


@PLAIN_PROGRAM
def test_status_of_a_bundled_copy(host, bundle):
    """Alone, and behind the preloaded one.  Catches: recognising libraries by their name; not
    knowing which of two is in use."""
    program, path = bundle
    with running(host, [program, "tcp://*:5555"], environment()) as (process, _):
        answer = status(host, process.pid)
        assert [(one["path"], one["ours"], one["in_use"]) for one in answer["libraries"]] == [
            (path, False, True)]
        assert listeners(answer) == [("0.0.0.0:5555", "IPv4")]
    with running(host, [cli(), "run", "--", program, "tcp://*:5555"], environment()) as (
            process, _):
        answer = status(host, process.pid)
        assert answer["dual_stack"] is True
        assert [(one["ours"], one["in_use"]) for one in answer["libraries"]] == [(True, True)]
        assert listeners(answer) == [("[::]:5555", "IPv6 and IPv4")]
    env = environment(LD_PRELOAD=os.path.join(libdir("patched"), "libzmq.so.5"))
    with running(host, [program, "tcp://*:5555"], env) as (process, _):
        answer = status(host, process.pid)
        found = {one["path"]: (one["ours"], one["preloaded"], one["in_use"])
                 for one in answer["libraries"]}
        assert found.pop(path) == (False, False, False)
        assert list(found.values()) == [(True, True, True)]
        text = command(host, ["status", str(process.pid)]).stdout
        assert "preloaded" in text and "IPv6 and IPv4" in text and path in " ".join(text.split())


@PLAIN_PROGRAM
def test_status_of_libzmq_under_any_name(lab, host):
    """Catches: not looking into a file because it is not called libzmq."""
    own = os.path.join(lab.dir, "other")
    os.mkdir(own)
    shutil.copy(os.path.join(libdir("patched"), "libzmq.so.5"), os.path.join(own, "libzmq.so.5"))
    os.rename(os.path.join(own, "libzmq.so.5"), os.path.join(own, "messages.so"))
    with open(os.path.join(own, "messages.so"), "rb") as library:
        image = library.read()
    with open(os.path.join(own, "messages.so"), "wb") as library:
        library.write(drop_soname(image))
    program = build(lab.dir, os.path.join(EXAMPLES, "rep_server.c"), own, "messages.so",
                    "-Wl,-rpath," + own)
    with running(host, [program, "tcp://*:5555"], environment()) as (process, _):
        answer = status(host, process.pid)
        assert [(os.path.basename(one["path"]), one["ours"]) for one in answer["libraries"]] == [
            ("messages.so", True)]


@PLAIN_PROGRAM
def test_status_of_a_deleted_library(lab, host):
    """An upgrade has replaced the file.  Catches: reading the new file in place of the old one; a
    crash."""
    own = os.path.join(lab.dir, "gone")
    os.mkdir(own)
    path = os.path.join(own, "libzmq.so.5")
    shutil.copy(os.path.join(libdir("patched"), "libzmq.so.5"), path)
    program = build(lab.dir, os.path.join(EXAMPLES, "rep_server.c"), own, "libzmq.so.5",
                    "-Wl,--disable-new-dtags,-rpath," + own)
    with running(host, [program, "tcp://*:5555"], environment()) as (process, _):
        os.unlink(path)
        shutil.copy(os.path.join(libdir("stock"), "libzmq.so.5"), path)
        answer = status(host, process.pid)
        assert len(answer["libraries"]) == 1
        assert answer["libraries"][0]["path"] == path + " (deleted)"
        assert answer["libraries"][0]["ours"] in (True, None)


def test_status_of_a_program_of_another_word_size(lab, host):
    """A 32-bit program on a 64-bit host.  Catches: saying that it has no libzmq."""
    path = os.path.join(lab.dir, "libzmq.so.5.2.5")
    with open(path, "wb") as file:
        file.write(b"\x7fELF" + bytes([1 if sys.maxsize > 2**32 else 2, 1, 1]) + bytes(4096))
    maps = ("import mmap, time; file = open(%r); "
            "kept = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ | mmap.PROT_EXEC, "
            "flags=mmap.MAP_PRIVATE); print(flush=True); time.sleep(60)" % path)
    with host.background([PYTHON, "-c", maps]) as process:
        process.stdout.readline()
        assert [(one["path"], one["ours"]) for one in status(host, process.pid)["libraries"]] == [
            (path, None)]


def test_status_of_a_program_without_libzmq(host):
    """Catches: reporting a libzmq where there is none; success."""
    with host.background(["sleep", "60"]) as process:
        done = command(host, ["status", str(process.pid)])
        assert done.returncode == 1 and "no libzmq" in done.stdout
        assert status(host, process.pid)["libraries"] == []


def test_status_without_sockets(lab, host):
    """A kernel, or a sandbox, that does not let descriptors be copied.  Catches: saying nothing
    about it; claiming that nothing listens."""
    library = os.path.join(lab.dir, "nocopy.so")
    source = lab.write("nocopy.c", """
        #include <errno.h>
        #include <sys/types.h>
        long syscall (long number, ...) { (void) number; errno = EPERM; return -1; }
        """)
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-o", library, source], check=True)
    worker = host.worker("patched")
    worker.socket("REP").bind("tcp://*:5555")
    answer = status(host, worker.pid, env={"LD_PRELOAD": library})
    assert answer["sockets_known"] is False and answer["dual_stack"] is True
    text = command(host, ["status", str(worker.pid)], env={"LD_PRELOAD": library}).stdout
    assert "sockets: cannot be seen" in text and "listens on" not in text


def test_status_of_a_thread(host):
    """Descriptors cannot be copied by a thread's ID.  Catches: claiming that the process listens
    nowhere."""
    worker = host.worker("patched")
    worker.socket("REP").bind("tcp://*:5555")
    threads = os.listdir("/proc/%d/task" % worker.pid)
    thread = next(one for one in threads if int(one) != worker.pid)
    assert status(host, thread)["sockets_known"] is False
    assert "sockets: cannot be seen" in command(host, ["status", thread]).stdout


# Process 2 of the outer namespace has a libzmq, process 2 of the inner one has other sockets.
NAMESAKES = """
import os, signal, socket, subprocess, sys
if len(sys.argv) > 2:
    server = [sys.executable, sys.argv[2], "tcp://*:5555"]
    subprocess.Popen(server, stdout=subprocess.PIPE).stdout.readline()
    os.execvp("unshare", ["unshare", "--pid", "--fork", sys.executable] + sys.argv[:2])
many = [socket.create_server(("127.0.0.1", 0)) for _ in range(60)]
if os.fork() == 0:
    signal.pause()
os.execv(sys.argv[1], [sys.argv[1], "status", "2", "--json"])
"""


def test_status_in_another_pid_namespace(lab, host):
    """Its /proc is that of the outer one.  Catches: showing the sockets of the process that has
    the number in the inner one."""
    done = host.run(["unshare", "--pid", "--fork", "--mount-proc", PYTHON,
                     lab.write("namesakes.py", NAMESAKES), cli(), python_program()[0][1]],
                    env=environment(LD_LIBRARY_PATH=libdir("patched")))
    answer = json.loads(done.stdout)
    assert (answer["pid"], answer["dual_stack"]) == (2, True)
    assert (answer["sockets_known"], answer["listeners"]) == (False, [])


@pytest.mark.parametrize("pid,code,words", [
    ("999999999", 1, "no such process"), ("0", 2, "not a process id"), ("-1", 2, ""),
    ("1x", 2, "not a process id"), ("", 2, "not a process id"), ("99999999999999999999", 2, ""),
    (" 1", 2, "not a process id"), ("self", 2, "not a process id")])
def test_status_of_nobody(host, pid, code, words):
    """Catches: a crash; showing another process; another status."""
    done = command(host, ["status", pid])
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr and "zmq-dualstack" in done.stderr


@pytest.mark.parametrize("argv,code", [(["status"], 2), (["status", "1"], 2),
                                       (["run", "--", "true"], 125)])
def test_status_without_proc(host, argv, code):
    """As in a chroot.  Catches: claiming that no process uses libzmq where none can be seen."""
    done = host.run(["unshare", "-m", "sh", "-c", 'umount -l /proc && exec "$@"', "sh", cli()]
                    + argv, check=False, env=environment())
    assert (done.returncode, done.stdout) == (code, "")
    assert "/proc: it is needed" in done.stderr


@pytest.mark.parametrize("argv", [["status", "1", "2"], ["status", "--nonsense", "1"]])
def test_status_wrong_usage(host, argv):
    """Catches: guessing what was meant."""
    done = command(host, argv)
    assert (done.returncode, done.stdout) == (2, "") and "--help" in done.stderr


SECRETIVE = ("import ctypes, time\n"
             "ctypes.CDLL(None).prctl(4, 0)\n"  # PR_SET_DUMPABLE
             "print('ready', flush=True)\n"
             "time.sleep(60)\n")


def test_status_without_permission(host):
    """Only privileged users may look at the process.  Catches: half an answer."""
    powerless = ["setpriv", "--inh-caps=-all", "--bounding-set=-all", "--"]
    with host.background([PYTHON, "-c", SECRETIVE]) as process:
        assert process.stdout.readline() == b"ready\n"
        done = host.run(powerless + [cli(), "status", str(process.pid)], check=False,
                        env=environment())
        assert (done.returncode, done.stdout) == (1, "")
        assert "no permission" in done.stderr
        assert command(host, ["status", str(process.pid)]).stderr == ""


def test_status_of_a_zombie(host):
    """Catches: waiting, or a crash."""
    with contextlib.ExitStack() as stack:
        process = subprocess.Popen(["true"])
        stack.callback(process.wait)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        done = command(host, ["status", str(process.pid)])
        assert done.returncode == 1 and done.stdout == ""


@PLAIN_PROGRAM
def test_status_with_sanitizers(host, bundle, asan_cli):
    """Catches: memory errors and leaks."""
    program, _ = bundle
    for argv in ([program], [cli(), "run", "--", program]):
        with running(host, argv + ["tcp://*:5555"], environment()) as (process, _):
            for more in ([], ["--json", "--all"], ["--all"]):
                done = command(host, ["status", str(process.pid)] + more, env=SANITIZED,
                               program=asan_cli)
                assert (done.returncode, done.stderr) == (0, "")


def test_status_output_that_is_lost(host):
    """Catches: success although nobody got the answer."""
    worker = host.worker("patched")
    with open("/dev/full", "w") as full:
        done = subprocess.run(host.enter([cli(), "status", str(worker.pid)]), env=environment(),
                              stdout=full, stderr=subprocess.PIPE, text=True, timeout=DEADLINE)
    assert done.returncode == 2 and "stdout" in done.stderr


@PLAIN_PROGRAM
def test_status_python(host):
    """The example of the README.  Catches: libraries that an interpreter loads by itself."""
    argv, _ = python_program()
    with running(host, [cli(), "run", "--"] + argv + ["tcp://*:5555"], environment()) as (
            process, _):
        assert status(host, process.pid)["dual_stack"] is True


def table(node, *more):
    done = command(node, ["status", "--json"] + list(more))
    assert done.stderr == ""
    answer = json.loads(done.stdout)
    assert list(answer) == ["command", "processes", "not_seen"]
    return {one["pid"]: one for one in answer["processes"]}


def test_status_of_all(host):
    """Catches: a process that is missing, or shown differently than by its PID; one without libzmq;
    lines that are too long."""
    ours = host.worker("patched", env={"ZMQ_DUALSTACK": "attempt-delay=100"})
    stock = host.worker("stock")
    ours.socket("REP").bind("tcp://*:5555")
    ours.socket("REP").bind("tcp://[::]:5556")
    ours.socket("REP").bind("tcp://[::1]:5557")
    stock.socket("REP").bind("tcp://*:5558")
    with host.background(["sleep", "60"]) as other:
        found = table(host)
        assert other.pid not in found
    for worker in ours, stock:
        alone = status(host, worker.pid)
        del alone["command"]
        assert found[worker.pid] == alone
    assert found[ours.pid]["only_over_ipv6"] == [5556] and not found[stock.pid]["only_over_ipv6"]
    text = command(host, ["status"]).stdout
    assert max(map(len, text.splitlines())) <= 80
    rows = {line.split()[0]: line for line in text.splitlines()[2:] if line.split()[0].isdigit()}
    assert "dual stack" in rows[str(ours.pid)] and "stock" in rows[str(stock.pid)]
    assert re.search(r" 1 +2 +0 +0 +0$", rows[str(ours.pid)])
    assert re.search(r" 0 +0 +1 +0 +0$", rows[str(stock.pid)])
    assert "settings: attempt-delay=100 (ZMQ_DUALSTACK)" in text
    assert "only over IPv6: port 5556" in text


def test_status_of_settings_in_the_file(settled):
    """Of each process, as it sees the file.  Catches: an `off` that is not shown; showing the
    environment of a program that does not read it."""
    settled.write("attempt-delay=100\noff\n")
    plain = settled.worker("patched")
    wins = settled.worker("patched", env={"ZMQ_DUALSTACK": "on"})
    assert status(settled, plain.pid)["off"] is True
    assert status(settled, plain.pid)["in_force"].startswith(
        "off attempt-delay=100 (/etc/zmq-dualstack.conf")
    answer = status(settled, wins.pid)
    assert answer["off"] is False and answer["dual_stack"] is True
    assert not answer["privileged"]
    assert "attempt-delay=100 (/etc/zmq-dualstack.conf, ZMQ_DUALSTACK)" == answer["in_force"]


@PLAIN_PROGRAM
def test_status_of_settings_of_a_replaced_program(settled, lab):
    """Catches: another name than the one by which the library reads the file."""
    program = lab.path("program")
    shutil.copy(os.path.realpath(PYTHON), program)
    settled.write("[%s]\nattempt-delay=100\n" % os.path.basename(program))
    code = ("import zmq, time; open('/proc/self/comm', 'w').write('x')\n"
            "print('bound x', flush=True); time.sleep(99)")
    with running(settled, [program, "-c", code],
                 environment(LD_LIBRARY_PATH=libdir("patched"))) as (process, _):
        os.unlink(program)
        assert status(settled, process.pid)["in_force"].startswith("attempt-delay=100 ")


def test_status_of_a_file_that_does_not_count(settled):
    """Catches: settings that somebody believes to be in force."""
    settled.write("off\n", 0o666)
    worker = settled.worker("patched")
    answer = status(settled, worker.pid)
    assert answer["off"] is False
    assert "/etc/zmq-dualstack.conf is ignored, others than root" in answer["in_force"]
    assert "is ignored" in command(settled, ["status", str(worker.pid)]).stdout


@PLAIN_PROGRAM
def test_status_of_a_privileged_program(settled, lab):
    """Catches: showing "off" beside a listener on [::]."""
    own = os.path.join(lab.dir, "own")
    os.mkdir(own)
    shutil.copy(os.path.join(libdir("patched"), "libzmq.so.5"), own)
    program = build(lab.dir, os.path.join(EXAMPLES, "rep_server.c"), own, "libzmq.so.5",
                    "-Wl,-rpath," + own)
    os.chmod(program, 0o4755)
    argv = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", program,
            "tcp://*:5555"]
    with running(settled, argv, environment(ZMQ_DUALSTACK="off")) as (process, _):
        answer = status(settled, process.pid)
        assert (answer["privileged"], answer["off"], answer["dual_stack"]) == (True, False, True)
        assert listeners(answer) == [("[::]:5555", "IPv6 and IPv4")]
        assert "privileged" in command(settled, ["status", str(process.pid)]).stdout


@PLAIN_PROGRAM
def test_status_says_restart(lab, host):
    """Catches: an update that nobody notices."""
    own = os.path.join(lab.dir, "old")
    os.mkdir(own)
    path = os.path.join(own, "libzmq.so.5")
    shutil.copy(os.path.join(libdir("patched"), "libzmq.so.5"), path)
    program = build(lab.dir, os.path.join(EXAMPLES, "rep_server.c"), own, "libzmq.so.5",
                    "-Wl,--disable-new-dtags,-rpath," + own)
    with running(host, [program, "tcp://*:5555"], environment()):
        os.unlink(path)
        assert "(deleted): restart it" in command(host, ["status"]).stdout
