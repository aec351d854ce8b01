#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Runs the stages of "make check", two at a time, and counts the tests.

stages.py [--full] [STAGE...]    without a name: all STAGES, with --full the FULL_STAGES too

A stage is a program in scripts/ that appends one line per test to the file named by ZDS_RESULTS:
PASS, FAIL or SKIP, a tab, the test's name, a tab, the reason; or it has pytest write JUnit's XML to
logs/STAGE.xml, and to logs/STAGE-again.xml for tests that were run again and have that result.
What it prints goes to its log. A failing stage does not stop the others. The last line is the
count; it also goes to logs/summary. Stages written in Python import the functions above Stage.
"""
import collections
import ctypes
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree

SRC = os.environ.get("ZDS_SRC_DIR") or os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("ZDS_BUILD_DIR") or os.getcwd()
LOGS = os.path.join(BUILD, "logs")
MAKE = os.environ.get("MAKE", "make")
TIME_LIMIT, FULL_TIME_LIMIT = 1800, 7200  # s, of a stage
TAIL = 30

# In the order in which they are started.
STAGES = collections.OrderedDict([
    ("lint", ["check-lint"]),
    ("unit", ["check-core", "unit"]),
    ("unit-asan", ["check-core", "unit-asan"]),
    ("fuzz", ["check-core", "fuzz"]),
    ("coverage", ["check-core", "coverage"]),
    ("analyze", ["check-analyze"]),
    ("abi", ["check-stock", "abi"]),
    ("libzmq-suite", ["check-stock", "libzmq-suite"]),
    ("series", ["check-series"]),
    ("portability", ["check-portability"]),
    ("net", ["check-pytest", "net"]),
    ("pyzmq-suite", ["check-stock", "pyzmq-suite"]),
])
# The slow ones. Stages above that could do more see by ZDS_FULL=1 that there is time.
FULL_STAGES = collections.OrderedDict([
    ("bench", ["check-pytest", "bench"]),
    ("planted", ["check-planted", "core"]),
    ("unit-valgrind", ["check-core", "unit-valgrind"]),
    ("deb", ["check-deb"]),
    ("soak", ["check-pytest", "soak"]),
    ("net-asan", ["check-pytest", "net-asan"]),
    ("net-tsan", ["check-pytest", "net-tsan"]),
    ("planted-net", ["check-planted", "net"]),
])


def result(word, name, reason=""):
    """Records that one test of the calling stage has ended: PASS, FAIL or SKIP."""
    print("%s: %s%s" % (word, name, reason and ": " + reason), flush=True)
    if os.environ.get("ZDS_RESULTS"):
        with open(os.environ["ZDS_RESULTS"], "a") as results:
            results.write("%s\t%s\t%s\n" % (word, name, " ".join(reason.split())[:200]))


def check_that(name, test, *args):
    """A test that is one call, which returns false if it failed."""
    print("== " + name, flush=True)
    result("PASS" if test(*args) else "FAIL", name)


def read_junit(path):
    """{name: (word, reason)} of the tests in a JUnit file, if it is there."""
    found = {}
    if not os.path.exists(path):
        return found
    try:
        tree = ElementTree.parse(path)
    except ElementTree.ParseError as error:
        return {path: ("FAIL", str(error))}
    for case in tree.iter("testcase"):
        word, reason = "PASS", ""
        for child in case:
            if child.tag in ("failure", "error", "skipped") and word != "FAIL":
                word = "SKIP" if child.tag == "skipped" else "FAIL"
                lines = (child.get("message") or child.text or "").split("\n")
                reason = "; ".join([line.strip() for line in lines if line.strip()][:3])[:200]
        found["%s.%s" % (case.get("classname"), case.get("name"))] = word, reason
    return found


class Stage:
    def __init__(self, name, full):
        self.name = name
        self.full = full
        self.time_limit = FULL_TIME_LIMIT if full or name in FULL_STAGES else TIME_LIMIT
        program, *args = STAGES.get(name) or FULL_STAGES[name]
        self.command = [os.path.join(SRC, "scripts", program)] + args
        with open(self.command[0]) as program:
            if "python3" in program.readline():
                self.command.insert(0, sys.executable)
        self.log = os.path.join(LOGS, name + ".log")
        self.results_file = os.path.join(LOGS, name + ".results")
        self.junit_files = [os.path.join(LOGS, name + end) for end in (".xml", "-again.xml")]
        self.process = None
        self.results = []
        self.seconds = 0.0

    def run(self):
        started = time.monotonic()
        for path in [self.results_file] + self.junit_files:
            if os.path.exists(path):
                os.remove(path)
        with open(self.log, "wb") as log:
            try:
                self.process = subprocess.Popen(
                    self.command, cwd=BUILD, env=environment(self), stdin=subprocess.DEVNULL,
                    stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
                problem = self.wait()
            except OSError as error:
                problem = str(error)
        self.seconds = time.monotonic() - started
        self.results = self.read_results()
        if not self.failed() and (problem or not self.results):
            self.results.append(("FAIL", self.name, problem or "it ran no test"))

    def wait(self):
        try:
            status = self.process.wait(self.time_limit)
        except subprocess.TimeoutExpired:
            self.kill(signal.SIGTERM)
            return "still running after %d minutes" % (self.time_limit // 60)
        return status and "ended with status %d" % status

    def read_results(self):
        found = []
        if os.path.exists(self.results_file):
            with open(self.results_file, errors="replace") as lines:
                found = [tuple((line.rstrip("\n").split("\t") + ["", ""])[:3]) for line in lines]
        junit = {}
        for path in self.junit_files:
            junit.update(read_junit(path))
        return found + [(word, name, reason) for name, (word, reason) in junit.items()]

    def kill(self, number):
        if self.process and self.process.poll() is None:
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                pass

    def failed(self):
        return [r for r in self.results if r[0] == "FAIL"]

    def count(self, word):
        return sum(1 for r in self.results if r[0] == word)

    def report(self):
        counts = count_text(*[self.count(word) for word in ("PASS", "FAIL", "SKIP")])
        print("  %-13s %-5s %-34s %6.1f s"
              % (self.name, "FAIL" if self.failed() else "ok", counts, self.seconds))
        if self.failed():
            for _, name, reason in self.failed()[:30]:
                print("      failed: %s%s" % (name, reason and ": " + reason))
            print("      from %s:" % self.log)
            for line in self.excerpt():
                print("      | " + line.rstrip())
        sys.stdout.flush()

    def excerpt(self):
        """The part of the log that a person wants to see: what follows "== NAME" of the tests that
        failed, or else the end."""
        with open(self.log, errors="replace") as log:
            lines = log.readlines()
        sections, name = collections.defaultdict(list), None
        for line in lines:
            name = line[3:].strip() if line.startswith("== ") else name
            sections[name].append(line)
        failed = [name for _, name, _ in self.failed() if name in sections]
        shown = [line for name in failed[:3] for line in sections[name][:TAIL]]
        return shown or lines[-TAIL:]


def environment(stage):
    env = dict(os.environ)
    # The stages run a make of their own, which is not part of the one that runs us; and the results
    # must not depend on how the caller has set up ZeroMQ.
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "DESTDIR",
                 "LD_AUDIT", "LD_PRELOAD", "LD_LIBRARY_PATH", "ZMQ_DUALSTACK", "ZDS_LIBDIR"):
        env.pop(name, None)
    env.update({
        "ZDS_SRC_DIR": SRC,
        "ZDS_BUILD_DIR": BUILD,
        "ZDS_STOCK_LIBDIR": os.path.join(BUILD, "stage/stock/lib"),
        "ZDS_PATCHED_LIBDIR": os.path.join(BUILD, "stage/patched/lib"),
        "ZDS_CLI": os.path.join(BUILD, "zmq-dualstack"),
        "ZDS_RESULTS": stage.results_file,
        "ZDS_FULL": "1" if stage.full else "",
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
    })
    return env


def count_text(passed, failed, skipped):
    text = "%d passed, %d failed" % (passed, failed)
    return text + (", %d skipped" % skipped if skipped else "")


def report_skips(stages):
    reasons = collections.Counter(
        (stage.name, reason or name)
        for stage in stages for word, name, reason in stage.results if word == "SKIP")
    if reasons:
        print("skipped:")
    for (stage, reason), number in sorted(reasons.items()):
        print("  %-13s %3d  %s" % (stage, number, reason))


def adopt_orphans():
    """Whatever a test leaves behind becomes our child, so that it can be ended with us."""
    try:
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    except (AttributeError, OSError):
        pass


def end_orphans():
    me = os.getpid()
    for _ in range(20):
        children = []
        for pid in filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc") else []):
            try:
                with open("/proc/%s/stat" % pid) as stat:
                    if int(stat.read().rpartition(")")[2].split()[1]) == me:
                        children.append(int(pid))
            except (OSError, ValueError):
                pass
        if not children:
            return
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except OSError:
                pass


def main(args):
    full = "--full" in args
    names = [arg for arg in args if arg != "--full"]
    known = list(STAGES) + list(FULL_STAGES)
    for name in names:
        if name not in known:
            sys.exit("no stage %r; there are: %s" % (name, " ".join(known)))
    chosen = names or (known if full else list(STAGES))
    stages = [Stage(name, full) for name in known if name in chosen]
    os.makedirs(LOGS, exist_ok=True)
    adopt_orphans()
    started = time.monotonic()
    waiting, done = queue.Queue(), queue.Queue()
    for stage in stages:
        waiting.put(stage)

    def work():
        while True:
            try:
                stage = waiting.get_nowait()
            except queue.Empty:
                return
            stage.run()
            done.put(stage)

    def stop(number, _frame):
        for stage in stages:
            stage.kill(signal.SIGTERM)
        for stage in stages:
            if stage.process:
                try:
                    stage.process.wait(5)
                except subprocess.TimeoutExpired:
                    stage.kill(signal.SIGKILL)
        end_orphans()
        print("\nstopped")
        sys.stdout.flush()
        os._exit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    for _ in range(2):
        threading.Thread(target=work, daemon=True).start()
    print("running two stages at a time; logs in %s" % os.path.relpath(LOGS, SRC))
    sys.stdout.flush()
    for _ in stages:
        while True:
            try:
                done.get(timeout=60).report()
                break
            except queue.Empty:
                running = [stage.name for stage in stages if stage.process and not stage.seconds]
                print("  ... after %d s, still running: %s"
                      % (time.monotonic() - started, ", ".join(running)))
                sys.stdout.flush()
    end_orphans()

    report_skips(stages)
    print("%d s in all" % (time.monotonic() - started))
    total = count_text(*[sum(stage.count(word) for stage in stages)
                         for word in ("PASS", "FAIL", "SKIP")])
    with open(os.path.join(LOGS, "summary"), "w") as summary:
        summary.write(total + "\n")
    # ./check prints the count itself, below make's message about a failure.
    if not os.environ.get("ZDS_QUIET_SUMMARY"):
        print(total)
    return any(stage.failed() for stage in stages)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
