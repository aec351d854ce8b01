# SPDX-License-Identifier: MPL-2.0
"""D-4: the words of ZMQ_DUALSTACK in /etc/zmq-dualstack.conf."""
import os
import shutil
import subprocess

import pytest
from conftest import CONF, PLAIN_PROGRAM
from lab import PYTHON, libdir
from test_run import EXAMPLES, build, environment, running

DUAL, ONLY4 = ["*"], ["0.0.0.0"]


def open_with(node, env=None):
    worker = node.worker(env=env)
    worker.socket("REP").bind("tcp://*:5555")
    found, said = node.open_on(5555), worker.stderr()
    worker.kill()
    return found, said


@pytest.mark.parametrize("text,words,found", [
    ("", None, DUAL), ("# off\n", None, DUAL), ("off\n", None, ONLY4), ("off", None, ONLY4),
    ("off # for now\r\nattempt-delay=100\r\n", None, ONLY4),
    ("off", "on", DUAL), ("on", "off", ONLY4), ("off", "attempt-delay=100", ONLY4),
    ("[no-such-program]\noff\n", None, DUAL), ("off\n[no-such-program]\non\n", None, ONLY4)])
def test_d4_words_for_the_host(settled, text, words, found):
    """Catches: a file that is not read; one that wins over the environment."""
    settled.write(text)
    assert open_with(settled, words and {"ZMQ_DUALSTACK": words}) == (found, "")


@PLAIN_PROGRAM
def test_d4_words_for_a_program(settled, lab):
    """By the name of its file, or of the script.  Catches: taking another program's words."""
    program = build(lab.dir, os.path.join(EXAMPLES, "rep_server.c"), libdir("stock"))
    script = lab.path("a-script-with-a-long-name")
    with open(os.path.join(EXAMPLES, "rep_server.py")) as text, open(script, "w") as copy:
        copy.write("#!%s\n" % PYTHON + text.read())
    os.chmod(script, 0o755)
    env = environment(LD_LIBRARY_PATH=libdir("patched"))
    name = os.path.basename(script)
    for text, plain, scripted in (
            ("[rep_server]\noff\n", ONLY4, DUAL), ("[%s]\noff\n" % name, DUAL, ONLY4),
            ("off\n[other]\non\n[%s] # it may\non" % name, ONLY4, DUAL)):
        settled.write(text)
        with running(settled, [program, "tcp://*:5555"], env):
            assert settled.open_on(5555) == plain
        with running(settled, [script, "tcp://*:5555"], env):
            assert settled.open_on(5555) == scripted


def bad_files(node, kind):
    if kind == "symlink":
        os.symlink("hosts", node.conf)
    elif kind == "directory":
        os.mkdir(node.conf)
    elif kind == "fifo":
        os.mkfifo(node.conf)
    elif kind == "nul":
        node.write("off\0\n")
    elif kind == "huge":
        node.write("#" * 70000 + "\noff\n")
    elif kind == "group":
        node.write("off\n", 0o664)
    elif kind == "others":
        node.write("off\n", 0o646)
    elif kind == "owner":
        node.write("off\n")
        os.chown(node.conf, 1, 0)
    else:
        node.write("offf attempt-delay=5 \x1b[2J\n")


@pytest.mark.parametrize("kind,why", [
    ("symlink", "symbolic link"), ("directory", "no regular file"), ("fifo", "no regular file"),
    ("nul", "NUL"), ("huge", "too large"), ("group", "others"), ("others", "others"),
    ("owner", "root"),
    ("words", "offf (not known), attempt-delay=5 (out of bounds 10..2000), ?[2J (not known)")])
def test_d4_files_that_do_not_count(settled, kind, why):
    """They are reported, once in a process, and ignored.  Catches: words of a file that somebody
    else may write; waiting for a FIFO; a program that fails to start."""
    try:
        bad_files(settled, kind)
    except PermissionError:
        pytest.skip("root of a namespace only")
    worker = settled.worker()
    for port in (5555, 5556):
        worker.socket("REP").bind("tcp://*:%d" % port)
        assert settled.open_on(port) == DUAL
        worker.run([{"op": "reset"}])
    lines = worker.stderr().splitlines()
    assert len(lines) == 1 and lines[0].startswith("libzmq: %s: ignored: " % CONF)
    assert why in lines[0]


def test_d4_no_file(settled):
    """Catches: a complaint that the file is missing."""
    assert open_with(settled) == (DUAL, "")


@PLAIN_PROGRAM
@pytest.mark.parametrize("how", ["set-user-ID", "capability"])
def test_d4_privileged_programs(settled, lab, how):
    """They must not heed the environment.  Catches: a file that does not reach them; an environment
    that does."""
    own = os.path.join(lab.dir, "own")
    os.mkdir(own)
    shutil.copy(os.path.join(libdir("patched"), "libzmq.so.5"), own)
    program = build(lab.dir, os.path.join(EXAMPLES, "rep_server.c"), own, "libzmq.so.5",
                    "-Wl,-rpath," + own)
    if how == "set-user-ID":
        os.chmod(program, 0o4755)
    elif subprocess.run(["setcap", "cap_net_raw+ep", program],
                        stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no setcap, or not allowed")
    argv = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", program,
            "tcp://*:5555"]
    # A name that the user chose must not choose a section.
    link = os.path.join(lab.dir, "nickname")
    os.symlink(program, link)
    for text, found in (("", DUAL), ("off", ONLY4), ("[rep_server]\noff", ONLY4),
                        ("[nickname]\noff", DUAL)):
        settled.write(text)
        for path in (program, link):
            argv[-2] = path
            with running(settled, argv, environment(ZMQ_DUALSTACK="resolver-threads=2,off"
                                                    if found == DUAL else "on")):
                assert settled.open_on(5555) == found
