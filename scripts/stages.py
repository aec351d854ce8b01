#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""stages.py NAME: runs a stage of "make check", and tells Automake's TAP driver of its tests.

A stage is a program in scripts/ that appends one line per test to the file named by ZDS_RESULTS:
PASS, FAIL or SKIP, a tab, the test's name, a tab, the reason; or it has pytest write JUnit's XML to
logs/NAME.xml, and to logs/NAME-again.xml for tests that were run again and have that result. What
it prints goes to NAME.log. Stages written in Python import the functions above PROGRAMS.
"""
import collections
import contextlib
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

SRC = os.environ.get("ZDS_SRC_DIR") or os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("ZDS_BUILD_DIR") or os.getcwd()
LOGS = os.path.join(BUILD, "logs")
MAKE = os.environ.get("MAKE", "make")


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


# Those of the other stages are called check-NAME.
PROGRAMS = {stage: "check-" + kind for kind, stages in (
    ("core", "unit unit-asan unit-valgrind fuzz coverage"),
    ("stock", "abi libzmq-suite pyzmq-suite"),
    ("pytest", "net net-asan net-tsan bench soak"),
    ("planted", "planted planted-net"),
) for stage in stages.split()}
TIME_LIMIT = float(os.environ.get("ZDS_TIME_LIMIT") or 1800)  # s
TAIL = 30


def environment(name):
    env = dict(os.environ)
    # The stages run a make of their own, which is not part of the one that runs us; and the results
    # must not depend on how the caller has set up ZeroMQ.
    for variable in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "DESTDIR",
                     "LD_AUDIT", "LD_PRELOAD", "LD_LIBRARY_PATH", "ZMQ_DUALSTACK", "ZDS_LIBDIR"):
        env.pop(variable, None)
    env.update({
        "ZDS_SRC_DIR": SRC,
        "ZDS_BUILD_DIR": BUILD,
        "ZDS_STOCK_LIBDIR": os.path.join(BUILD, "stage/stock/lib"),
        "ZDS_PATCHED_LIBDIR": os.path.join(BUILD, "stage/patched/lib"),
        "ZDS_CLI": os.path.join(BUILD, "zmq-dualstack"),
        "ZDS_RESULTS": os.path.join(LOGS, name + ".results"),
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
    })
    return env


def program_of(name):
    return os.path.join(SRC, "scripts", PROGRAMS.get(name, "check-" + name))


def kill(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def run(name):
    """Runs the program; returns what went wrong with it as a whole, or None."""
    with open(program_of(name)) as script:
        interpreter = [sys.executable] if "python3" in script.readline() else []
    # A group of its own, so that it can be ended with all that it has started.
    process = subprocess.Popen(
        interpreter + [program_of(name), name], cwd=BUILD, env=environment(name),
        stdin=subprocess.DEVNULL, stdout=sys.stderr, start_new_session=True)
    try:
        status = process.wait(TIME_LIMIT)
        return status and "ended with status %d" % status
    except subprocess.TimeoutExpired:
        return "still running after %d minutes" % (TIME_LIMIT // 60)
    finally:
        kill(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        kill(process, signal.SIGKILL)


def read_results(results_file, junit_files):
    """A list of (PASS, FAIL or SKIP, name, reason)."""
    found, junit = [], {}
    if os.path.exists(results_file):
        with open(results_file, errors="replace") as lines:
            found = [tuple((line.rstrip("\n").split("\t") + ["", ""])[:3]) for line in lines]
    for path in junit_files:
        junit.update(read_junit(path))
    return found + [(word, name, reason) for name, (word, reason) in junit.items()]


def excerpt(log, names):
    """The part of the log that a person wants to see: what follows "== NAME" of the tests that
    failed, or else the end."""
    with open(log, errors="replace") as lines:
        lines = lines.read().split("\n")
    sections, name = collections.defaultdict(list), None
    for line in lines:
        name = line[3:].strip() if line.startswith("== ") else name
        sections[name].append(line)
    shown = [line for name in names if name in sections for line in sections[name][:TAIL]]
    return shown[:3 * TAIL] or lines[-TAIL:]


def tell(name, results, seconds):
    """Writes TAP; what begins with # is for people."""
    count = collections.Counter(word for word, _, _ in results)
    failed = [test for word, test, _ in results if word == "FAIL"]
    # Before the driver adds the results to the log.
    for line in excerpt(os.path.join(BUILD, name + ".log"), failed) if failed else ():
        print("# | " + line)
    for number, (word, test, reason) in enumerate(results, 1):
        reason = reason and (" # SKIP " if word == "SKIP" else ": ") + reason.replace("#", "_")
        print("%sok %d - %s%s" % ("not " if word == "FAIL" else "", number, test.replace("#", "_"),
                                  reason or (word == "SKIP" and " # SKIP") or ""))
    print("# %d passed, %d failed, %d skipped, %d s"
          % (count["PASS"], count["FAIL"], count["SKIP"], seconds))
    for why, number in sorted(collections.Counter(
            reason or test for word, test, reason in results if word == "SKIP").items()):
        print("# skipped %d: %s" % (number, why))
    print("1..%d" % len(results))


def main(name):
    if not os.path.exists(program_of(name)):
        return print("Bail out! no such stage; ./check --help names them")
    results_file = os.path.join(LOGS, name + ".results")
    junit_files = [os.path.join(LOGS, name + end) for end in (".xml", "-again.xml")]
    for path in [results_file] + junit_files:
        if os.path.exists(path):
            os.remove(path)
    started = time.monotonic()
    problem = run(name)
    results = read_results(results_file, junit_files)
    if not results or (problem and not any(word == "FAIL" for word, _, _ in results)):
        results.append(("FAIL", name, problem or "it ran no test"))
    tell(name, results, time.monotonic() - started)


if __name__ == "__main__":
    # A shell starts programs in the background with SIGINT ignored, which tests would inherit.
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        sys.exit("stopped")
