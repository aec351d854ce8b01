# SPDX-License-Identifier: MPL-2.0
"""How long others take until the first message, on the same networks with the same name server:
stock libzmq, curl, Python's asyncio, Go, nng.

The clock runs in each program itself, from its call to the first byte of a reply, so that the
program's start is not measured. answer.c answers those that speak HTTP."""
import collections
import os
import random
import re
import shutil
import subprocess
import time

from field import HTTP_PORT, NNG_PORT, SERVERS, at, tcp
from stats import Figure, finished, median, number, table

PATIENCE, LONG_PATIENCE = 3, 30  # s; the longer one where a resolver waits for a lost answer
SLOW = 1000  # ms; whatever takes longer is measured once
ATTEMPT_DELAY, RESOLUTION_DELAY = 250, 50  # ms, ours
MARGIN = 5  # ms: ZMTP's greetings, a context and its thread

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers")
COMPILER = os.environ.get("CC", "cc")

# `attempts`: for how many attempt delays ours waits there; `resolution`: whether it waits for AAAA.
Scene = collections.namedtuple("Scene", "key title host attempts resolution")
SCENES = [Scene("both", "both families good", "both.test", 0, False),
          Scene("four", "IPv4 only", "four.test", 0, False),
          Scene("six", "IPv6 only", "six.test", 0, False),
          Scene("refused", "IPv6 refused", "refused.test", 0, False),
          Scene("no-route", "IPv6 has no route", "no-route.test", 0, False),
          Scene("unreachable", "IPv6 unreachable", "unreachable.test", 0, False),
          Scene("silent", "IPv6 silent", "silent.test", 1, False),
          Scene("closes", "IPv6 accepts and closes", "closes.test", 0, False),
          Scene("mute", "IPv6 accepts and is mute", "mute.test", 1, False),
          Scene("dead-first4", "IPv4 only, the first of two silent", "dead-first4.test", 1, False),
          Scene("dead-first", "both, the first of each two silent", "dead-first.test", 2, False),
          Scene("refused-first", "both, the first of each two refused", "refused-first.test", 0,
                False),
          Scene("late", "AAAA 2 s late", "late.test", 0, True),
          Scene("lost", "AAAA lost", "lost.test", 0, True)]

# `delay`: the rival's own attempt delay, ms; 0 if it tries one family, or has no fall-back.
Rival = collections.namedtuple("Rival", "key title delay command")


def zmq(library, *flags):
    return lambda field, host, ms: field.start(field.client, library, "reply", *flags, "-p", ms,
                                               at(host))


def curl(field, host, _):
    # -q: no .curlrc. No --max-time, because curl would divide it among the addresses.
    return field.start_other(["curl", "-q", "-s", "--noproxy", "*", "-o", "/dev/null",
                              "-w", "first %{time_starttransfer}\n",
                              "http://%s:%d/" % (host, HTTP_PORT)])


def python(field, host, ms):
    return field.start_other(["/usr/bin/python3", "-B", os.path.join(HERE, "dial.py"), str(ms),
                              host, str(HTTP_PORT)])


def go(field, host, ms):
    return field.start_other([os.path.join(field.programs, "dial"), str(ms),
                              "%s:%d" % (host, HTTP_PORT)])


def nng(field, host, ms):
    return field.start_other([os.path.join(field.programs, "nng"), str(ms),
                              "tcp://%s:%d" % (host, NNG_PORT)])


OURS = Rival("ours", "ours", ATTEMPT_DELAY, zmq("ours"))
STOCK4 = Rival("stock", "stock", 0, zmq("stock"))
STOCK6 = Rival("stock6", "stock, ZMQ_IPV6=1", 0, zmq("stock", "-6"))
CURL = Rival("curl", "curl", 200, curl)
PYTHON = Rival("python", "Python asyncio", 250, python)
GO = Rival("go", "Go", 300, go)
NNG = Rival("nng", "nng", 0, nng)


def first_line(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout.splitlines() or [""])[0]


def compile_go(field):
    """Needs no network, since the program uses the standard library only."""
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GO111MODULE": "off",
           "GOCACHE": os.path.join(field.programs, "go-cache"), "GOPROXY": "off",
           "GOFLAGS": "-buildvcs=false"}
    subprocess.run(["go", "build", "-o", os.path.join(field.programs, "dial"),
                    os.path.join(HERE, "dial.go")], env=env, check=True)


def compile_c(field, name, *libraries):
    subprocess.run([COMPILER, "-std=gnu11", "-O2", "-o", os.path.join(field.programs, name),
                    os.path.join(HERE, name + ".c")] + list(libraries), check=True)


def curl_version():
    """curl says with which libraries it was built; without c-ares among them, AsynchDNS means that
    it resolves on a thread."""
    done = subprocess.run(["curl", "-q", "--version"], capture_output=True, text=True).stdout
    way = ("c-ares" if "c-ares/" in done else
           "a thread with getaddrinfo" if "AsynchDNS" in done else "getaddrinfo")
    return "%s, resolves by %s" % (" ".join(done.split()[:2]), way)


def prepare(field):
    """The rivals that are installed, as {rival: what it is}. Starts the servers that they talk
    to."""
    found = collections.OrderedDict([(OURS, ""), (STOCK4, "says nothing about IPv6, so IPv4 only"),
                                     (STOCK6, "")])
    if shutil.which("curl"):
        found[CURL] = curl_version()
    found[PYTHON] = "%s, happy_eyeballs_delay=0.25" % first_line("/usr/bin/python3", "--version")
    if shutil.which("go"):
        compile_go(field)
        found[GO] = "%s, net.Dialer as it is (300 ms), Go's own resolver" % " ".join(
            first_line("go", "version").split()[2:3])
    if os.path.exists("/usr/include/nng/nng.h"):
        compile_c(field, "nng", "-lnng")
        field.serve_other([os.path.join(field.programs, "nng"), "-l"]
                          + [tcp(one, NNG_PORT) for one in SERVERS])
        found[NNG] = "nng %s" % nng_version()
    for rival, package in ((CURL, "curl"), (GO, "golang-go"), (NNG, "libnng-dev")):
        if rival not in found:
            field.skip("%s beside ours: %s is not installed" % (rival.title, package))
    return found


def nng_version():
    with open("/usr/include/nng/nng.h") as header:
        numbers = dict(re.findall(r"#define NNG_(\w+)_VERSION (\d+)", header.read()))
    return ".".join(numbers[part] for part in ("MAJOR", "MINOR", "PATCH"))


class Run:
    """One program on its way to a first message; the result is None when it takes too long."""

    def __init__(self, field, scene, rival):
        self.field, self.rival, self.patience = field, rival, patience_in(scene)
        self.deadline = time.monotonic() + self.patience + 1
        self.program = rival.command(field, scene.host, self.patience * 1000)

    def result(self):
        left = max(0.1, self.deadline - time.monotonic())
        value = self.field.end(self.program, left, may_fail=True).get("first", 0)
        if self.rival is CURL:
            value *= 1000
        # curl says 0 if nothing came.
        return value if 0 < value <= self.patience * 1000 else None


def patience_in(scene):
    return LONG_PATIENCE if scene.resolution else PATIENCE


def measure(field, rivals, rounds):
    """{(scene, rival): [ms, ...]}, empty if there was no answer."""
    pairs = [(scene, rival) for scene in SCENES for rival in rivals]
    # All at once: most of those that never get an answer only wait.
    running = {pair: Run(field, *pair) for pair in pairs}
    first = {pair: running[pair].result() for pair in pairs}
    seen = {pair: [] if value is None else [value] for pair, value in first.items()}
    again = [pair for pair, value in first.items() if value is not None and value < SLOW]
    for pair in again:
        seen[pair] = []  # not counted: many ran at once, and each for the first time
    for _ in range(rounds):
        random.shuffle(again)
        for scene, rival in again:
            value = Run(field, scene, rival).result()
            if value is not None:
                seen[scene, rival].append(value)
    return seen


def head_start(scene, rival):
    """By how many ms `rival` may be ahead of ours because it waits less for silent addresses."""
    more = scene.attempts * max(0, ATTEMPT_DELAY - rival.delay)
    return more + (RESOLUTION_DELAY if scene.resolution and rival.key != "ours" else 0)


def lag(seen, scene, rivals):
    """How far ours is behind the best of the others, in each round."""
    best = [median(seen[scene, rival]) + head_start(scene, rival) for rival in rivals
            if rival is not OURS and seen[scene, rival]]
    return [one - min(best) for one in seen[scene, OURS]] if best else []


def first_message(field, quick):
    rivals = prepare(field)
    rounds = 1 if quick else 12
    seen = measure(field, rivals, rounds)
    figures, rows, record = [], [], []
    for scene in SCENES:
        figure = None
        behind = lag(seen, scene, rivals)
        if behind:
            figure = Figure("First message, %s: behind the best of the others, the delays' "
                            "difference apart" % scene.title, "ms", behind, MARGIN,
                            key="peers/" + scene.key,
                            **{rival.title: seen[scene, rival] for rival in rivals})
        else:
            figure = Figure("First message, %s: never, where no other gets one" % scene.title, "",
                            [] if not seen[scene, OURS] else [0], 0, "<=",
                            key="peers/" + scene.key, ours=seen[scene, OURS])
        figures.append(figure)
        rows.append([scene.title] + [cell(seen[scene, rival], scene) for rival in rivals]
                    + [figure.median_text() if behind else "ahead of all"] + finished(figure))
        record.append({"key": scene.key, "title": scene.title, "patience": patience_in(scene),
                       "attempts": scene.attempts, "resolution": scene.resolution,
                       "times": {rival.key: seen[scene, rival] for rival in rivals}})
    table("From the call to the first byte of a reply, in ms: medians of %d. Behind: ours, after\n"
          "the best of the others; what that waits less by its own delays is taken off." % rounds,
          [""] + [rival.title for rival in rivals] + ["behind", "target", ""], rows)
    for rival, about in rivals.items():
        if about:
            print("  %s: %s" % (rival.title, about))
    field.record("first_message", {"scenes": record, "rivals": [
        {"key": rival.key, "title": rival.title, "delay": rival.delay, "about": about}
        for rival, about in rivals.items()]})
    return figures


def cell(values, scene):
    return number(median(values)) if values else "none in %d s" % patience_in(scene)
