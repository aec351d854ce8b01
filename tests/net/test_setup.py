# SPDX-License-Identifier: MPL-2.0
"""E-1: what ./quickstart and ./check do first, on invented machines: which source is the
distribution's own, what has to be installed, and that nothing outside build/ changes."""
import hashlib
import os
import re
import select
import shutil
import subprocess
import time

import pytest
from test_run import cli

from lab import HERE, PYTHON

TOP = os.path.dirname(os.path.dirname(HERE))
MAINTAINER = "Nobody <nobody@example.org>"
DEBIAN_13 = 'ID=debian\nVERSION_ID="13"\nPRETTY_NAME="Debian 13"\nVERSION_CODENAME=trixie\n'


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as out:
        out.write(text)


def sha256(path):
    with open(path, "rb") as data:
        return hashlib.sha256(data.read()).hexdigest()


def source_package(where, version):
    """A source package zeromq3 whose only file says which version it is."""
    upstream = version.rpartition("-")[0]
    tree = os.path.join(where, "zeromq3-" + upstream)
    orig = os.path.join(where, "zeromq3_%s.orig.tar.gz" % upstream)
    write(tree + "/upstream", upstream + "\n")
    if not os.path.exists(orig):
        subprocess.run(["tar", "-C", where, "-czf", orig, os.path.basename(tree)], check=True)
    write(tree + "/debian/source/format", "3.0 (quilt)\n")
    write(tree + "/debian/version", version)
    write(tree + "/debian/control",
          "Source: zeromq3\nMaintainer: %s\nStandards-Version: 4.6.0\n\n"
          "Package: libzmq5\nArchitecture: any\nDescription: none\n none\n" % MAINTAINER)
    write(tree + "/debian/changelog",
          "zeromq3 (%s) unstable; urgency=low\n\n  * None.\n\n"
          " -- %s  Sat, 28 Nov 2026 12:00:00 +0000\n" % (version, MAINTAINER))
    subprocess.run(["dpkg-source", "-b", tree], cwd=where, check=True, capture_output=True)
    shutil.rmtree(tree)


class Machine:
    """A clone of this project, and an apt that knows one repository only, which is a folder."""

    def __init__(self, lab, form="list"):
        self.node = lab.node()
        self.top = lab.path("clone")
        self.repository = lab.path("repository")
        self.root = lab.path("machine")
        self.build = os.path.join(self.top, "build")
        shutil.copytree(os.path.join(TOP, "scripts"), os.path.join(self.top, "scripts"))
        shutil.copytree(os.path.join(TOP, "packaging"), os.path.join(self.top, "packaging"))
        for name in ("quickstart", "check"):
            shutil.copy(os.path.join(TOP, name), self.top)
        self.sums = os.path.join(self.top, "packaging/debian/SHA256SUMS")
        write(self.sums, "")
        os.makedirs(self.repository)
        for name in ("etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d",
                     "var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/log/apt"):
            os.makedirs(os.path.join(self.root, name))
        write(self.root + "/var/lib/dpkg/status", "")
        write(self.root + "/apt.conf", 'Dir "%s/";\nDir::State::status "%s";\n'
              'Acquire::AllowInsecureRepositories "true";\nAPT::Sandbox::User "root";\n'
              % (self.root, self.root + "/var/lib/dpkg/status"))
        if form == "list":
            write(self.root + "/etc/apt/sources.list",
                  "deb [trusted=yes] file:%s ./\n" % self.repository)
        else:
            write(self.root + "/etc/apt/sources.list.d/one.sources",
                  "Types: deb\nURIs: file:%s\nSuites: ./\nTrusted: yes\n" % self.repository)

    def offer(self, sources=(), **packages):
        """Puts source packages, and binary ones by name, into the repository."""
        for version in sources:
            source_package(self.repository, version)
        listed = subprocess.run(["dpkg-scansources", "."], cwd=self.repository, check=True,
                                capture_output=True, text=True).stdout
        write(self.repository + "/Sources", listed)
        write(self.repository + "/Packages", "".join(
            "Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: %s\nFilename: ./none.deb\n"
            "Size: 1\nSHA256: %064d\nDescription: none\n\n"
            % (name.replace("_", "-"), version, MAINTAINER, 0)
            for name, version in packages.items()))
        self.node.run(["apt-get", "update"], env=self.environment())

    def installed(self, name, version):
        write(self.root + "/var/lib/dpkg/status",
              "Package: %s\nStatus: install ok installed\nVersion: %s\nArchitecture: all\n"
              "Maintainer: %s\nDescription: none\n\n" % (name, version, MAINTAINER))

    def environment(self, **more):
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": self.root,
               "APT_CONFIG": self.root + "/apt.conf", "DPKG_ADMINDIR": self.root + "/var/lib/dpkg"}
        env.update(more)
        return env

    def set_up(self, script, system=DEBIAN_13, **env):
        """Runs this script as ./quickstart would on that system."""
        release = os.path.join(self.root, "os-release")
        write(release, system)
        return self.node.run(
            ["unshare", "--mount", "sh", "-c", 'mount --bind "$1" /etc/os-release && '
             'exec bash -euc ". $2/scripts/setup.sh\n$3" quickstart', "sh",
             release, self.top, script],
            env=self.environment(**env), check=False, timeout=120)

    def unpacked(self):
        """The versions whose source has been unpacked."""
        found = []
        for folder in sorted(os.listdir(self.build + "/apt")):
            path = os.path.join(self.build, "apt", folder, "debian/version")
            if os.path.exists(path):
                with open(path) as version:
                    found.append(version.read())
        return found


SOURCES = ["4.3.4-6", "4.3.5-1", "4.3.5-1build2", "4.3.5-2", "4.4.0-1"]


@pytest.mark.parametrize("form", ["list", "deb822"])
@pytest.mark.parametrize("has, source", [
    ("4.3.4-6", "4.3.4-6"), ("4.3.5-1+b3", "4.3.5-1"), ("4.3.5-1build2", "4.3.5-1build2"),
    ("4.4.0-1+b1", "4.4.0-1")])
def test_e1_the_source_of_the_systems_own(lab, form, has, source):
    """Catches: the source of another release, or of the newest version; none for a package that was
    only rebuilt."""
    machine = Machine(lab, form)
    machine.offer(SOURCES, libzmq5=has)
    done = machine.set_up('get_source; echo "$ZMQ_SOURCE"')
    assert done.returncode == 0, done.stdout + done.stderr
    assert "source: zeromq3 %s, which libzmq5 %s is made of" % (source, has) in done.stdout
    assert machine.unpacked() == [source]
    with open(done.stdout.splitlines()[-1] + "/debian/version") as version:
        assert version.read() == source
    assert machine.set_up("get_source").stdout.count("\n") == 1  # the source is there already


@pytest.mark.parametrize("ours", ["4.3.5-1+b3+0dualstack1", "4.3.5-1+b2+0dualstack1"])
def test_e1_ours_is_installed(lab, ours):
    """Catches: packages made from packages of ours; keeping the old source after an update."""
    machine = Machine(lab)
    machine.installed("libzmq5", ours)
    machine.offer(SOURCES, libzmq5="4.3.5-1+b3")
    done = machine.set_up('get_source; echo "$HOST_VERSION"')
    assert done.stdout.splitlines()[-1] == "4.3.5-1+b3", done.stdout + done.stderr
    assert machine.unpacked() == ["4.3.5-1"]


def test_e1_an_update_of_the_distributions(lab):
    """Catches: keeping the old source."""
    machine = Machine(lab)
    machine.offer(["4.3.5-1"], libzmq5="4.3.5-1+b3")
    assert machine.set_up("get_source").returncode == 0
    machine.offer(["4.3.5-1+deb13u1"], libzmq5="4.3.5-1+deb13u1")
    assert machine.set_up("get_source").returncode == 0
    assert machine.unpacked() == ["4.3.5-1+deb13u1"]


def test_e1_checksums(lab):
    """Catches: building a source whose checksum is wrong; using an unknown one without a word."""
    machine = Machine(lab)
    machine.offer(["4.3.5-1"], libzmq5="4.3.5-1+b3")
    # This project knows Debian's 4.3.5-1, and this is not it.
    shutil.copy(os.path.join(TOP, "packaging/debian/SHA256SUMS"), machine.sums)
    done = machine.set_up("get_source")
    assert done.returncode == 1 and machine.unpacked() == []
    assert "not built" in done.stderr and "SHA-256" in done.stderr
    assert "found    " + sha256(machine.repository + "/zeromq3_4.3.5-1.dsc") in done.stderr
    # The only way past that is a change that git shows.
    assert "packaging/debian/SHA256SUMS" in done.stderr
    write(machine.sums, "".join(
        "%s  %s\n" % (found, name) for name, found in re.findall(
            r"^  (\S+)\n    expected .*\n    found    (.*)", done.stderr, re.M)))
    assert machine.set_up("get_source").returncode == 0 and machine.unpacked() == ["4.3.5-1"]


@pytest.fixture
def known(lab):
    """A machine whose repository has a version that this project does not know, and one that it
    does."""
    machine = Machine(lab)
    machine.offer(["4.3.9-1", "4.3.8-1"], libzmq5="4.3.9-1")
    write(machine.sums, "".join(
        "%s  %s\n" % (sha256(os.path.join(machine.repository, name)), name)
        for name in sorted(os.listdir(machine.repository)) if name.startswith("zeromq3_4.3.9")))
    return machine


def test_e1_known_checksums(known):
    """Catches: taking a known version for an unknown one."""
    done = known.set_up("get_source")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SHA-256 is right" in done.stdout and "not known" not in done.stdout
    known.offer(libzmq5="4.3.8-1")
    done = known.set_up("get_source")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "this version is not known here; apt's signature check has to do" in done.stdout


def test_e1_a_file_that_changed(known):
    """Catches: using, unchecked, a file that is in build/apt already."""
    assert known.set_up("get_source").returncode == 0
    orig = known.build + "/apt/zeromq3_4.3.9.orig.tar.gz"
    os.remove(orig)  # apt made a link to the repository's file
    write(orig, "something else")
    done = known.set_up("get_source")
    assert done.returncode == 0 and "which libzmq5 4.3.9-1 is made of" in done.stdout
    assert sha256(orig) == sha256(known.repository + "/zeromq3_4.3.9.orig.tar.gz")
    # And one that was changed on the mirror: apt refuses it.
    os.remove(orig)
    with open(known.repository + "/zeromq3_4.3.9.orig.tar.gz", "ab") as out:
        out.write(b"\0")
    done = known.set_up("get_source")
    assert done.returncode == 1 and "cannot get the source package zeromq3 4.3.9-1" in done.stderr


def test_e1_a_source_that_cannot_be_had(lab):
    """Catches: taking the nearest version in its place; an error that does not say what to do."""
    machine = Machine(lab)
    machine.offer(["4.3.4-6"], libzmq5="4.3.5-1+b3")
    done = machine.set_up("get_source")
    assert done.returncode == 1 and machine.unpacked() == []
    assert "cannot get the source package zeromq3 4.3.5-1." in done.stderr
    assert "LIBZMQ_SOURCE=... quickstart" in done.stderr
    done = machine.set_up('get_source; echo "$ZMQ_SOURCE"', LIBZMQ_SOURCE=machine.repository)
    assert done.stdout.splitlines()[-1] == machine.repository


def test_e1_nothing_of_apts_is_changed(lab):
    """Catches: changing the system's apt sources or package lists to get a source package."""
    machine = Machine(lab)
    machine.offer(["4.3.9-1"], libzmq5="4.3.9-1")
    before = files_in(machine.root)
    assert machine.set_up("get_source").returncode == 0
    assert changed(before, files_in(machine.root)) == ["os-release"]


@pytest.mark.parametrize("identity, version, like, nearest", [
    ("debian", "12", "", None), ("debian", "13", "", None),
    ("ubuntu", "24.04", "debian", None), ("ubuntu", "26.04", "debian", None),
    ("debian", "14", "", "Debian 13"), ("debian", "", "", "Debian 13"),
    ("ubuntu", "26.10", "debian", "Ubuntu 26.04"),
    ("linuxmint", "22", "ubuntu debian", "Ubuntu 26.04"), ("devuan", "6", "debian", "Debian 13")])
def test_e1_an_unknown_distribution(lab, identity, version, like, nearest):
    """Catches: not naming an unknown distribution, or not trying it."""
    machine = Machine(lab)
    machine.offer(["4.3.9-1"], libzmq5="4.3.9-1")
    done = machine.set_up(
        "require_debian; get_source", system='ID=%s\nVERSION_ID="%s"\nID_LIKE="%s"\n'
        'PRETTY_NAME="The System"\n' % (identity, version, like))
    assert done.returncode == 0 and machine.unpacked() == ["4.3.9-1"]
    note = "note: The System was never tried; taken like %s\n" % nearest
    assert done.stdout.count("note:") == (nearest is not None)
    assert nearest is None or note in done.stdout


def test_e1_no_apt(lab):
    """Catches: going on, on a system without apt, after it was recognised."""
    machine = Machine(lab)
    done = machine.set_up("PATH=/nowhere require_debian",
                          system='ID=fedora\nPRETTY_NAME="Fedora 43"\n')
    assert done.returncode == 1
    assert "this needs apt-get, and the system is Fedora 43" in done.stderr


def test_e1_packages_by_suite(lab):
    """Catches: a package name that only one release knows, and that stops the others."""
    machine = Machine(lab)
    machine.installed("make", "4")
    machine.offer(clang="19", ccache="4", mandoc="1")
    script = ('choose_packages make "clang-14|clang" "mongrel2-core?" "mandoc|groff" ccache %s\n'
              'echo "${missing[*]} / ${without[*]}"')
    done = machine.set_up(script % "")
    assert done.stdout == "clang mandoc ccache / mongrel2-core\n", done.stderr
    # A package that no release has is left to apt, which names it.
    done = machine.set_up(script % "nosuch")
    assert done.stdout == "clang mandoc ccache nosuch / mongrel2-core\n"
    machine.offer(clang_14="14", clang="19", ccache="4", mandoc="1", mongrel2_core="1")
    assert machine.set_up(script % "").stdout == "clang-14 mongrel2-core mandoc ccache / \n"


def function(script, name):
    """The text of one function of a program in scripts/."""
    with open(os.path.join(TOP, "scripts", script)) as text:
        return re.search(r"^%s \(\)\n\{.*?^\}\n" % name, text.read(), re.M | re.S).group()


@pytest.mark.parametrize("has, source, base", [
    ("4.3.4-6", "4.3.4-6", "4.3.4-6"), ("4.3.5-1+b3", "4.3.5-1", "4.3.5-1+b3"),
    ("4.3.5-1+b3+0dualstack1", "4.3.5-1", "4.3.5-1+b3"),
    ("4.3.5-1build2", "4.3.5-1build2", "4.3.5-1build2"),
    ("4.3.5-2", "4.3.5-1", "4.3.5-1")])
def test_e1_version_of_the_packages(lab, has, source, base):
    """Ours sorts after what is installed and before what the distribution brings next. Catches: a
    downgrade; a package that keeps a security update out."""
    machine = Machine(lab)
    machine.offer(libzmq5=has)
    find_base = function("build-deb", "find_base")
    with open(os.path.join(TOP, "packaging/debian/changelog")) as changelog:
        form = re.match(r"zeromq3 \((.*?)\)", changelog.readline()).group(1)
    done = machine.set_up("version=%s\n%s\nfind_base; echo $base $suite" % (source, find_base))
    assert done.stdout == base + " trixie\n", done.stderr
    ours = form.replace("@BASE@", base)
    later = [base + "+b9" if "+b" not in base else "4.3.5-1+b4", source + "+deb99u1"]
    for first, second in [(base, ours)] + [(ours, one) for one in later]:
        assert subprocess.run(["dpkg", "--compare-versions", first, "lt", second]).returncode == 0


# --- what stays as it is --------------------------------------------------------------------------

def files_in(top, without=()):
    found = {}
    for folder, folders, files in os.walk(top):
        folders[:] = [name for name in folders
                      if os.path.relpath(os.path.join(folder, name), top) not in without]
        for path in [os.path.join(folder, name) for name in folders + files]:
            found[os.path.relpath(path, top)] = (
                os.readlink(path) if os.path.islink(path) else
                sha256(path) if os.path.isfile(path) else "a folder")
    return found


def changed(before, after):
    return sorted(name for name in before.keys() | after.keys()
                  if before.get(name) != after.get(name))


def clone(where):
    """This project's files, as git lists them, or in a release tarball its MANIFEST."""
    command = ["cat", os.path.join(TOP, "MANIFEST")]
    if os.path.exists(os.path.join(TOP, ".git")):
        command = ["git", "-C", TOP, "-c", "safe.directory=" + TOP, "ls-files", "--cached",
                   "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for name in listed.splitlines():
        path = os.path.join(where, name)
        if os.path.lexists(os.path.join(TOP, name)):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copy2(os.path.join(TOP, name), path, follow_symlinks=False)


def test_nothing_outside_build_is_changed(lab):
    """Runs configure and the compiler, with a HOME that cannot be written. Catches: configure,
    aclocal.m4 or autom4te.cache in the source; ccache in ~/.cache."""
    machine = Machine(lab)
    shutil.rmtree(machine.top)
    clone(machine.top)
    before = files_in(machine.top)
    home = lab.path("home")
    os.makedirs(home)
    machine.offer()
    done = machine.set_up(
        'mount -t tmpfs -o ro none "$PLACE"; get_source; configure_build plain; build libzds.a; '
        'cd "$BUILD/src/transport/core"; ccache cc -c -o "$BUILD/one.o" zds_ask.c',
        HOME=home, PLACE=home,
        LIBZMQ_SOURCE=os.path.join(os.path.dirname(cli()), "libzmq-pristine"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert os.path.getsize(machine.build + "/libzds.a") > 0
    assert os.listdir(machine.build + "/ccache") != []
    assert changed(before, files_in(machine.top, without=["build"])) == []


@pytest.mark.parametrize("program, name", [
    ("quickstart", "a b"), ("quickstart", "it's"), ("check", "a b")])
def test_a_path_that_libtool_cannot_do_with(lab, program, name):
    """Catches: finding that out only after installing and building."""
    machine = Machine(lab)
    top = os.path.join(os.path.dirname(machine.top), name)
    os.rename(machine.top, top)
    done = subprocess.run(["./" + program], cwd=top, env=machine.environment(),
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stdout == ""
    assert "blank or a quote" in done.stderr and top in done.stderr
    assert not os.path.exists(os.path.join(top, "build"))


@pytest.mark.parametrize("argv, status, words", [
    (["sh", "quickstart", "--deb"], 1, "source package only"),
    (["./quickstart", "--deb", "x"], 2, "--help"), (["./quickstart", ""], 2, "--help")])
def test_how_it_is_called(lab, argv, status, words):
    """Catches: errors from a shell other than bash; arguments that are ignored."""
    machine = Machine(lab)
    done = subprocess.run(argv, cwd=machine.top, env=machine.environment(LIBZMQ_SOURCE="/x"),
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == status and words in done.stderr


def test_in_a_shell_that_looks_for_folders(lab):
    """Catches: taking the path that cd prints when CDPATH is set."""
    machine = Machine(lab)
    where, name = os.path.split(machine.top)
    script = '. "%s/scripts/setup.sh"; echo "$TOP"' % name
    done = subprocess.run(["bash", "-euc", script, "quickstart"], cwd=where, text=True,
                          env=dict(machine.environment(), CDPATH=where), capture_output=True)
    assert (done.stdout, done.stderr) == (machine.top + "\n", "")


def test_a_sign_of_life(lab):
    """Written into a pipe. Catches: minutes without a line; lines that come only at the end; lines
    that are too long for a terminal."""
    machine = Machine(lab)
    script = ('. "$0/scripts/setup.sh"; sleep () { command sleep 0.2; };'
              'logged step sh -c "printf %0200d 7; echo; command sleep 60"')
    with machine.node.background(["bash", "-euc", script, machine.top], text=True,
                                 env=machine.environment(), start_new_session=True) as process:
        begin = time.monotonic()
        line = process.stdout.readline()
        assert time.monotonic() - begin < 30
        assert "still running: 0000" in line and len(line) <= 80
    done = machine.set_up("logged step sh -c 'seq 99; exit 3'")
    assert done.returncode != 0 and "The end of build/logs/step.log:\n" in done.stderr
    assert done.stderr.splitlines()[-1].strip() == "99"


def test_progress_in_a_pipe():
    """Compilers write to a pipe, and so does the program that counts their lines. Catches: progress
    that shows only when all is compiled, as with mawk, which reads a pipe in blocks."""
    script = "".join(function("build-libzmq", name) for name in ("progress", "count_files"))
    with subprocess.Popen(["sh", "-euc", script + "variant=x todo= log=x; count_files"], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          env={"PATH": "/usr/bin:/bin", "ZDS_BUILD_DIR": "/x"}) as counting:
        counting.stdin.write("  CXX      file.o\n")
        counting.stdin.flush()
        ready = select.select([counting.stdout], [], [], 30)[0]
        counting.stdin.close()
        assert ready and "compiling" in counting.stdout.read()


@pytest.mark.parametrize("program", ["scripts/demo", "examples/cluster/run"])
def test_a_path_without_sbin(program):
    """As Debian's users have it. Catches: "nft is not installed", after five minutes."""
    found = subprocess.run(
        [PYTHON, "-c", "import runpy, shutil, sys\nrunpy.run_path(sys.argv[1])\n"
         "print(shutil.which('nft'))", os.path.join(TOP, program)],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin"}, capture_output=True, text=True)
    assert found.stdout.rstrip().endswith("/nft"), found.stderr


def test_a_demonstration_of_another_version(tmp_path):
    """The libzmq that was built has another version than the system's. Catches: starting this
    system's programs on it, which `run` refuses."""
    write(str(tmp_path / "zmq-dualstack"), "")
    write(str(tmp_path / "stage/patched/lib/pkgconfig/libzmq.pc"), "Name: x\nVersion: 3.0.0\n")
    shown = subprocess.run([PYTHON, os.path.join(TOP, "scripts/demo"), str(tmp_path)],
                           capture_output=True, text=True)
    assert shown.returncode == 0 and shown.stdout.startswith("Nothing is shown"), shown
    assert "libzmq 3.0.0" in shown.stdout and shown.stderr == ""


STAGE_ENDS = {
    "printf 'PASS\\ta\\t\\nSKIP\\tb\\tno tool\\nFAIL\\tc\\t1 # 2\\n' >$ZDS_RESULTS; exit 3":
        ["ok 1 - a", "ok 2 - b # SKIP no tool", "not ok 3 - c: 1 _ 2", "1..3"],
    "printf 'PASS\\ta\\t\\n' >$ZDS_RESULTS; exit 3":
        ["ok 1 - a", "not ok 2 - demo: ended with status 3", "1..2"],
    "echo ok 1 - nothing": ["not ok 1 - demo: it ran no test", "1..1"],
    "sleep 600 & wait": ["not ok 1 - demo: still running after 0 minutes", "1..1"],
}


@pytest.mark.parametrize("script", STAGE_ENDS)
def test_how_a_stage_ends(tmp_path, script):
    """Catches: a stage that fails, hangs or tests nothing, and counts as passed; what a stage
    prints taken for a result; processes that a hanging stage leaves behind."""
    write(str(tmp_path / "scripts/check-demo"), "#!/bin/sh\n" + script)
    os.chmod(tmp_path / "scripts/check-demo", 0o755)
    write(str(tmp_path / "demo.log"), "")
    (tmp_path / "logs").mkdir()
    done = subprocess.run(
        [PYTHON, os.path.join(TOP, "scripts/stages.py"), "demo"], capture_output=True, text=True,
        env={"PATH": os.environ["PATH"], "ZDS_SRC_DIR": str(tmp_path),
             "ZDS_BUILD_DIR": str(tmp_path), "ZDS_TIME_LIMIT": "2"}, timeout=60)
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    assert told == STAGE_ENDS[script]
