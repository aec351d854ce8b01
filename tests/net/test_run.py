# SPDX-License-Identifier: MPL-2.0
"""D-1: `zmq-dualstack run -- PROGRAM ARG...`."""
import contextlib
import os
import pathlib
import re
import select
import shutil
import signal
import struct
import subprocess

import pytest
from lab import DEADLINE, HERE, PYTHON, LabError, libdir

EXAMPLES = os.path.join(os.path.dirname(os.path.dirname(HERE)), "examples")


def cli():
    path = os.environ.get("ZDS_CLI")
    if not path or not os.access(path, os.X_OK):
        raise LabError("ZDS_CLI=%r is not the zmq-dualstack command" % path)
    return path


def environment(**more):
    """The command looks for the library where it is to be installed; the tests name the one that
    was built, since it may not be installed yet."""
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
           "ZDS_LIBDIR": libdir("patched")}
    env.update(more)
    return env


def include_dir():
    for lib in ("patched", "stock"):
        path = os.path.join(os.path.dirname(libdir(lib)), "include")
        if os.path.exists(os.path.join(path, "zmq.h")):
            return path
    if os.path.exists("/usr/include/zmq.h"):
        return "/usr/include"
    raise LabError("no zmq.h next to the libraries, nor in /usr/include")


def build(where, source, directory, library="libzmq.so.5", *flags):
    """An ordinary program, linked with a libzmq that is not ours."""
    program = os.path.join(where, os.path.basename(source)[:-2])
    subprocess.run(["cc", "-o", program, source, "-I" + include_dir(), "-L" + directory,
                    "-l:" + library, "-Wl,--allow-shlib-undefined"] + list(flags), check=True)
    return program


@contextlib.contextmanager
def running(node, argv, env):
    process = subprocess.Popen(node.enter(argv), env=env, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    try:
        ready = select.select([process.stdout], [], [], DEADLINE)[0]
        line = process.stdout.readline().strip() if ready else "nothing in time"
        if not line.startswith("bound "):
            process.kill()
            raise LabError("%r: %s %s" % (argv, line, process.stderr.read()))
        yield process, line[len("bound "):]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def loaded_by(process):
    with open("/proc/%d/maps" % process.pid) as maps:
        return {line.split()[5] for line in maps if "libzmq" in os.path.basename(line)}


def served(node, port=5555):
    """Whether a request gets its answer over each family."""
    worker = node.worker("stock")
    answers = {}
    for address in ("10.0.0.1", "[2001:db8::1]"):
        sock = worker.socket("REQ", IPV6=1)
        sock.connect("tcp://%s:%d" % (address, port))
        sock.send("hello")
        answers[address] = sock.recv().get("parts")
    worker.kill()
    return answers


def python_program():
    return [PYTHON, os.path.join(EXAMPLES, "rep_server.py")], "hello from Python"


@pytest.fixture
def c_program(lab):
    return build(lab.dir, os.path.join(EXAMPLES, "rep_server.c"), libdir("stock"))


@pytest.mark.parametrize("endpoint,listens,shown", [
    ("tcp://*:5555", ["*"], "tcp://0.0.0.0:5555"),
    ("tcp://eth0:5555", ["10.0.0.1", "2001:db8::1"], "tcp://10.0.0.1:5555")])
def test_d1_python_program(host, endpoint, listens, shown):
    """Catches: a library that the program does not load; one family only."""
    argv, words = python_program()
    with running(host, [cli(), "run", "--"] + argv + [endpoint], environment()) as (process, said):
        assert said == shown
        assert host.open_on(5555) == listens
        wanted = os.path.realpath(os.path.join(libdir("patched"), "libzmq.so.5"))
        assert wanted in {os.path.realpath(path) for path in loaded_by(process)}
        assert served(host) == {"10.0.0.1": [words], "[2001:db8::1]": [words]}


@pytest.mark.parametrize("endpoint,listens", [
    ("tcp://*:5555", ["*"]), ("tcp://eth0:5555", ["10.0.0.1", "2001:db8::1"])])
def test_d1_c_program(host, c_program, endpoint, listens):
    """The same program is IPv4-only without the command.  Catches: as above."""
    env = environment(LD_LIBRARY_PATH=libdir("stock"))
    with running(host, [c_program, endpoint], env):
        assert len(host.open_on(5555)) == 1 and ":" not in host.open_on(5555)[0]
    with running(host, [cli(), "run", "--", c_program, endpoint], env):
        assert host.open_on(5555) == listens
        assert served(host) == {"10.0.0.1": ["hello from C"], "[2001:db8::1]": ["hello from C"]}


@pytest.mark.parametrize("name", ["libzmq.so.5", "libzmq-3a5b7c9d.so.5.2.4"])
def test_d1_program_with_a_libzmq_of_its_own(lab, host, name):
    """Found by RPATH, under the usual name or, as wheels have it, under another.
    Catches: relying on LD_LIBRARY_PATH, which RPATH and other names get past."""
    own = os.path.join(lab.dir, "own")
    os.mkdir(own)
    with open(os.path.join(libdir("stock"), "libzmq.so.5"), "rb") as library:
        image = library.read()
    with open(os.path.join(own, name), "wb") as copy:
        copy.write(image if name == "libzmq.so.5" else drop_soname(image))
    program = build(lab.dir, os.path.join(EXAMPLES, "rep_server.c"), own, name,
                    "-Wl,--disable-new-dtags,-rpath," + own)
    with running(host, [program, "tcp://*:5555"], environment()) as (process, said):
        assert os.path.join(own, name) in loaded_by(process)
        assert host.open_on(5555) == ["0.0.0.0"]
    with running(host, [cli(), "run", "--", program, "tcp://*:5555"], environment()):
        assert host.open_on(5555) == ["*"]
        assert served(host) == {"10.0.0.1": ["hello from C"], "[2001:db8::1]": ["hello from C"]}


def drop_soname(image):
    """Without a SONAME the linker records the name of the file.  This turns the SONAME entry of an
    ELF64 image into one that means nothing."""
    start, size, count = struct.unpack_from("<Q", image, 32)[0], 56, \
        struct.unpack_from("<H", image, 56)[0]
    for number in range(count):
        kind, offset, length = (struct.unpack_from("<I", image, start + number * size)[0],
                                struct.unpack_from("<Q", image, start + number * size + 8)[0],
                                struct.unpack_from("<Q", image, start + number * size + 32)[0])
        if kind != 2:  # PT_DYNAMIC
            continue
        for at in range(offset, offset + length, 16):
            if struct.unpack_from("<q", image, at)[0] == 14:  # DT_SONAME -> DT_DEBUG
                return image[:at] + struct.pack("<q", 21) + image[at + 8:]
    raise LabError("no DT_SONAME")


def test_d1_programs_that_a_program_starts(host):
    """Catches: replacing the library in the first process only."""
    argv, words = python_program()
    text = 'setpriv --pdeathsig KILL "$@" tcp://*:5555; echo over'  # with the shell
    with running(host, [cli(), "run", "--", "sh", "-c", text, "sh"] + argv, environment()):
        assert host.open_on(5555) == ["*"]


CHANGES_ITS_ENVIRONMENT = """
import ctypes, os, sys
if sys.argv[1] == "clears it":
    os.environ.clear()
else:  # as setproctitle does
    at = ctypes.POINTER(ctypes.c_void_p).in_dll(ctypes.CDLL(None), "environ")
    texts = []
    while at[len(texts)]:
        texts.append(at[len(texts)])
    copies = [ctypes.create_string_buffer(ctypes.string_at(text)) for text in texts]
    table = (ctypes.c_void_p * (len(texts) + 1))(*map(ctypes.addressof, copies), None)
    ctypes.c_void_p.in_dll(ctypes.CDLL(None), "environ").value = ctypes.addressof(table)
    for text in texts:
        ctypes.memset(text, ord("x"), len(ctypes.string_at(text)))
import zmq
sys.exit("zmq-dualstack" not in open(next(line.split()[5] for line in open("/proc/self/maps")
                                          if "libzmq" in line), "rb").read().decode("latin-1"))
"""


@pytest.mark.parametrize("how", ["clears it", "writes over it"])
def test_d1_a_program_that_changes_its_environment(how):
    """Before it loads libzmq; a daemon that sets its title writes over the old environment.
    Catches: a library that is then missing, or libzmq's own."""
    result = subprocess.run([cli(), "run", "--", PYTHON, "-c", CHANGES_ITS_ENVIRONMENT, how],
                            env=environment(), stderr=subprocess.PIPE, text=True, timeout=DEADLINE)
    assert (result.returncode, result.stderr) == (0, "")


def test_d1_the_switch_reaches_the_program(host, c_program):
    """Catches: a command that cleans or sets ZMQ_DUALSTACK itself."""
    env = environment(ZMQ_DUALSTACK="off", LD_LIBRARY_PATH=libdir("stock"))
    with running(host, [cli(), "run", "--", c_program, "tcp://*:5555"], env):
        assert host.open_on(5555) == ["0.0.0.0"]


@pytest.fixture
def say(lab):
    program = os.path.join(lab.dir, "say")
    subprocess.run(["cc", "-std=gnu11", "-Wall", "-Wextra", "-o", program,
                    os.path.join(HERE, "programs", "say.c")], check=True)
    return program


def run(argv, stdin=None, **env):
    return subprocess.run([cli()] + argv, env=environment(**env), input=stdin,
                          capture_output=True, text=True, timeout=DEADLINE)


@pytest.mark.parametrize("status", [0, 1, 7, 125, 126, 127, 255])
def test_d1_exit_status(say, status):
    """Catches: a status of the command's own; a wait that maps the program's."""
    done = run(["run", "--", say, str(status)])
    assert done.returncode == status
    assert done.stderr == ""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL", "SIGINT", "SIGSEGV", "SIGUSR1"])
def test_d1_end_by_a_signal(say, name):
    """Catches: 128+n instead of the signal."""
    number = getattr(signal, name)
    done = run(["run", "--", say, str(-number)])
    assert done.returncode == -number


def test_d1_signals_reach_the_program(host):
    """The program replaces the command by exec.  Catches: a parent in between that dies alone."""
    argv, words = python_program()
    with running(host, [cli(), "run", "--"] + argv + ["tcp://*:5555"], environment()) as (
            process, said):
        process.terminate()
        assert process.wait(DEADLINE) == -signal.SIGTERM
        assert host.listeners() == []


def test_d1_arguments_are_passed_through(say):
    """Catches: an option parser that takes the program's options; a shell in between."""
    args = ["0", "", "a b", "--", "--help", "-v", "*", "$HOME", "'", '"', "\\", "\u00e9", "run",
            "x" * 100000, "tcp://*:5555"]
    done = run(["run", "--", say] + args)
    assert done.stdout.split("\n")[:-1] == ["[%s]" % arg for arg in [say] + args]


def test_d1_dashes_may_be_left_out(say):
    """The program's own dashes stay its own.  Catches: refusing `run PROGRAM`."""
    assert run(["run", say, "0"]).stdout == "[%s]\n[0]\n" % say
    assert run(["run", say, "0", "--", "-x"]).stdout == "[%s]\n[0]\n[--]\n[-x]\n" % say


def test_d1_standard_input_and_environment(say):
    """Catches: input that is swallowed; variables that are lost; another preload that is
    dropped."""
    done = run(["run", "--", "sh", "-c", 'cat; echo "$MINE"'], stdin="line\n", MINE="kept")
    assert done.stdout == "line\nkept\n"


def test_d1_an_existing_preload_is_kept(shim):
    """Catches: overwriting LD_PRELOAD; not setting LD_AUDIT, or losing another one's."""
    done = run(["run", "--", "sh", "-c", "cat /proc/self/maps; echo $LD_AUDIT"],
               LD_PRELOAD=shim.path, LD_AUDIT="/no/such.so")
    assert shim.path in done.stdout and "audit.so" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("audit.so:/no/such.so")
    build = os.path.realpath(os.path.join(libdir("patched"), "libzmq.so.5"))
    done = run(["run", "--preload", "--", "cat", "/proc/self/maps"], LD_PRELOAD=shim.path)
    assert shim.path in done.stdout and build in done.stdout


OTHER = """
    #include <stdio.h>
    void *zmq_ctx_new (void) { return 0; }
    void *zmq_socket (void *c, int t) { (void) c; (void) t; return 0; }
    int zmq_bind (void *s, const char *e) { (void) s; (void) e; return -1; }
    int zmq_getsockopt (void *s, int o, void *v, size_t *z) { (void) s; (void) o; (void) v; (void) z; return -1; }
    int zmq_recv (void *s, void *b, size_t z, int f) { (void) s; (void) b; (void) z; (void) f; return -1; }
    int zmq_send (void *s, const void *b, size_t z, int f) { (void) s; (void) b; (void) z; (void) f; return -1; }
    const char *zmq_strerror (int e) { (void) e; return "ANOTHER"; }
    int zmq_errno (void) { return 22; }
    void zmq_version (int *a, int *b, int *c) { *a = 4; *b = 3; *c = 9; }
    """  # noqa: E501


def bundled(lab, name="libzmq-0123abcd.so.5.2.9", more=""):
    """A program with a libzmq 4.3.9 of its own."""
    own = lab.path("own")
    os.mkdir(own)
    library = os.path.join(own, name)
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-o", library,
                    lab.write("other.c", OTHER + more)], check=True)
    program = build(own, os.path.join(EXAMPLES, "rep_server.c"), own, name,
                    "-Wl,--disable-new-dtags,-rpath," + own)
    return program, library


def builds(lab, version, drafts=True):
    """A folder of builds: the real one, and one that claims to be made of `version`."""
    folder = lab.path("builds")
    beside = os.path.join(folder, "zmq-dualstack", version)
    os.makedirs(beside)
    with open(os.path.join(libdir("patched"), "libzmq.so.5"), "rb") as library:
        image = library.read()
    marker = re.search(rb"@\(#\)libzmq-dualstack [0-9.]+ on libzmq [0-9.]+", image).group(0)
    os.symlink(os.path.realpath(os.path.join(libdir("patched"), "libzmq.so.5")),
               os.path.join(folder, "libzmq.so.5"))
    if not drafts:
        image = image.replace(b"\0zmq_join\0", b"\0zmq_JOIN\0")
    with open(os.path.join(beside, "libzmq.so.5"), "wb") as copy:
        copy.write(image.replace(marker, marker[:-5] + version.encode()))
    return folder, os.path.join(beside, "libzmq.so.5")


def test_d1_another_version(lab, host):
    """The bundled libzmq has a version of which there is no build; versions are never mixed.
    Catches: a program on two libraries, or on one of another version; saying nothing about it."""
    program, library = bundled(lab)
    done = run(["run", "--", program, "tcp://*:5555"])
    assert (done.returncode, done.stdout) == (125, "")
    assert library in done.stderr and "4.3.9" in done.stderr
    folder, wanted = builds(lab, "4.3.9")
    with running(host, [cli(), "run", "--", program, "tcp://*:5555"],
                 environment(ZDS_LIBDIR=folder)) as (process, _):
        assert {os.path.realpath(path) for path in loaded_by(process)} == {wanted}
        assert host.open_on(5555) == ["*"]


def test_d1_drafts(lab):
    """The bundled libzmq has the draft API, the build of that version does not.  Catches: calls
    that are missing, or that come from another library."""
    program, _ = bundled(lab, more="int zmq_join (void) { return 0; }")
    folder, _ = builds(lab, "4.3.9", drafts=False)
    done = run(["run", "--", program, "tcp://*:5555"], ZDS_LIBDIR=folder)
    assert done.returncode == 125 and "drafts" in done.stderr


BY_PATH = ("import ctypes, sys\n"
           "ctypes.CDLL(sys.argv[1])\n"
           "print(sorted({line.split()[5] for line in open('/proc/self/maps') if 'mq' in line}))\n")


def test_d1_a_library_opened_by_its_path(lab):
    """Catches: replacing a library only where it is searched for by name."""
    copy = os.path.join(lab.dir, "libzmq-copy.so.5")
    shutil.copy(os.path.join(libdir("stock"), "libzmq.so.5"), copy)
    done = run(["run", "--", PYTHON, "-c", BY_PATH, copy])
    assert os.path.realpath(os.path.join(libdir("patched"), "libzmq.so.5")) in done.stdout
    assert copy not in done.stdout and done.stderr == ""
    _, other = bundled(lab)
    done = run(["run", "--", PYTHON, "-c", BY_PATH, other])
    assert done.returncode == 1 and "OSError" in done.stderr  # Python itself goes on
    assert other in done.stderr and "4.3.9" in done.stderr


@pytest.mark.parametrize("how", ["", "trap '' CHLD", "exec >&-", "exec <&- >&-"])
def test_d1_wherever_it_is_started(lab, how):
    """From a folder that the program leaves; with SIGCHLD ignored; with closed standard
    streams.  Catches: losing what the audit library reports; builds that are found from one folder
    only."""
    copy = lab.path("libzmq-copy.so.5")
    shutil.copy(os.path.join(libdir("stock"), "libzmq.so.5"), copy)
    folder, name = os.path.split(libdir("patched"))
    program = "import os, sys; os.chdir('/'); sys.stdout = sys.stderr\n" + BY_PATH
    done = subprocess.run(["bash", "-c", how + '\nexec "$@"', "bash", cli(), "run", "--", PYTHON,
                           "-c", program, copy], cwd=folder, env=environment(ZDS_LIBDIR=name),
                          stderr=subprocess.PIPE, text=True, timeout=DEADLINE)
    assert done.returncode == 0 and "zmq-dualstack:" not in done.stderr
    assert os.path.realpath(os.path.join(libdir("patched"), "libzmq.so.5")) in done.stderr


def test_d1_a_blank_in_the_path(lab):
    """Catches: LD_AUDIT taken for LD_PRELOAD, in which blanks separate files."""
    folder = lab.path("a b")
    os.mkdir(folder)
    for path in (cli(), os.path.join(os.path.dirname(cli()), "audit.so")):
        shutil.copy(path, folder)
    argv = [os.path.join(folder, os.path.basename(cli())), "run", "--", PYTHON, "-c", BY_PATH,
            os.path.join(libdir("stock"), "libzmq.so.5")]
    done = subprocess.run(argv, env=environment(ZDS_LIBDIR=libdir("patched")),
                          stdout=subprocess.PIPE, text=True, timeout=DEADLINE)
    assert done.returncode == 0
    assert os.path.realpath(os.path.join(libdir("patched"), "libzmq.so.5")) in done.stdout


def test_d1_a_libzmq_in_an_add_on(lab):
    """As npm's zeromq has it.  Catches: an add-on that silently runs on its own libzmq."""
    _, addon = bundled(lab, "zeromq.node")
    done = run(["run", "--", PYTHON, "-c", BY_PATH, addon])
    assert done.returncode == 0 and addon in done.stdout
    assert addon in done.stderr and "--preload=4.3.9" in done.stderr
    assert run(["run", "--preload=4.3.9", "true"]).returncode == 125


def test_d1_static_programs(lab):
    """Catches: a program that silently runs on its own libzmq."""
    program = os.path.join(lab.dir, "static")
    source = lab.write("static.c", "int main (void) { return 0; }")
    if subprocess.run(["cc", "-static", "-x", "c", "-o", program, source]).returncode != 0:
        pytest.skip("no static C library")
    script = lab.write("script", "#!%s\n" % program)
    os.chmod(script, 0o755)
    for path in program, script:
        done = run(["run", "--", path])
        assert done.returncode == 125 and "statically linked" in done.stderr


def as_somebody(argv, caps="+dac_read_search"):
    """As a user who is not root, but may search the build's directory, which may be below /root."""
    return subprocess.run(
        ["setpriv", "--reuid", "65534", "--clear-groups", "--inh-caps", caps,
         "--ambient-caps", caps, cli()] + argv, env=environment(),
        capture_output=True, text=True)


def test_d1_privileged_programs(say):
    """Set-user-ID programs are refused, but not for a user who has that ID already.  Catches: a
    program that silently runs on its own libzmq."""
    os.chmod(say, 0o4755)
    assert run(["run", "--", say, "0"]).returncode == 0
    done = as_somebody(["run", "--", say, "0"])
    assert done.returncode == 125 and "set-user-ID" in done.stderr and done.stdout == ""
    os.chmod(say, 0o4711)
    if all(where.stat().st_mode & 1 for where in pathlib.Path(cli()).parents):  # not below /root
        os.chmod(os.path.dirname(say), 0o755)
        done = as_somebody(["run", "--", say, "0"], "-all")
        assert done.returncode == 125 and "set-user-ID" in done.stderr and done.stdout == ""
    os.chmod(say, 0o755)
    if subprocess.run(["setcap", "cap_net_raw+ep", say]).returncode == 0:
        done = as_somebody(["run", "--", say, "0"])
        assert done.returncode == 125 and "file capabilities" in done.stderr


def test_d1_program_is_found_in_path(say):
    """Catches: another search path."""
    done = run(["run", "--", "say", "3"], PATH=os.path.dirname(say) + ":/usr/bin:/bin")
    assert done.returncode == 3


@pytest.mark.parametrize("name", ["no-such-program", "/no/such/program", "./none"])
def test_d1_missing_program(name):
    """Catches: saying nothing; another status; a message that does not name the program."""
    done = run(["run", "--", name, "arg"])
    assert done.returncode == 127
    assert name in done.stderr and "zmq-dualstack" in done.stderr
    assert done.stdout == ""


def test_d1_program_that_cannot_be_run(lab):
    """Catches: the same status as for a missing file."""
    path = lab.write("data", "not a program")
    done = run(["run", "--", path])
    assert done.returncode == 126
    assert path in done.stderr


@pytest.mark.parametrize("argv", [[], ["run"], ["run", "--"], ["walk", "--", "true"], ["--nope"]])
def test_d1_wrong_usage(argv):
    """Catches: running something all the same."""
    done = run(argv)
    assert done.returncode not in (0, 127)
    assert "zmq-dualstack" in done.stderr
    assert done.stdout == ""


def test_d1_help_says_how():
    """Catches: a help text on the wrong stream, or none."""
    done = run(["--help"])
    assert done.returncode == 0 and done.stderr == ""
    assert "run" in done.stdout and "PROGRAM" in done.stdout


def test_d1_missing_library_is_an_error(lab, say):
    """The dynamic linker would only warn.  Catches: running on the system's library unnoticed."""
    done = run(["run", "--", say, "0"], ZDS_LIBDIR=os.path.join(lab.dir, "nowhere"))
    assert done.returncode not in (0, 127)
    assert "nowhere" in done.stderr
    assert done.stdout == ""
