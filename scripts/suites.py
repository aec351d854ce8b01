# SPDX-License-Identifier: MPL-2.0
"""What the stages share that run somebody else's test suite with stock and with patched libzmq
and compare, test by test."""
import collections
import os
import sys

BUILD = os.environ.get("ZDS_BUILD_DIR") or os.getcwd()
SCRIPTS = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(SCRIPTS)
LOGS = os.path.join(BUILD, "logs")
IN_NETNS = os.path.join(SCRIPTS, "in-netns")
RERUNS = 3
MAX_RERUNS = 9


def result(word, name, reason=""):
    """Appends one line to the stage's results; see run-checks."""
    print("%s: %s%s" % (word, name, reason and ": " + reason))
    sys.stdout.flush()
    path = os.environ.get("ZDS_RESULTS")
    if path:
        with open(path, "a") as results:
            results.write("%s\t%s\t%s\n" % (word, name, reason))


def totals(outcomes):
    """"96 PASS, 19 SKIP" of a dictionary name -> outcome."""
    counts = collections.Counter(outcomes.values())
    return ", ".join("%d %s" % (counts[word], word) for word in sorted(counts)) or "nothing"


def steady(again, name, most):
    """Whether a test passes RERUNS times running within `most` runs, and the runs as text."""
    tries = []
    while len(tries) < most and tries[-RERUNS:] != ["PASS"] * RERUNS:
        tries.append(again(name))
    return tries[-RERUNS:] == ["PASS"] * RERUNS, " ".join(tries)


def side_by_side(again, again_with_stock, name):
    """Runs a test with both in turn, so that the machine is as busy for one as for the other.
    Returns whether it ever failed with stock, and the runs as text."""
    tries = [(again(name), again_with_stock(name)) for _ in range(MAX_RERUNS)]
    return (any(before != "PASS" for _, before in tries),
            ", ".join("%s/%s" % pair for pair in tries))


def compare(label, stock, patched, again, again_with_stock, ours=()):
    """A test that passes with stock has to pass with patched, and so has a test in `ours`, which
    stock does not have.

    stock, patched: dictionaries name -> PASS, FAIL, SKIP or another word. again(name) runs one
    test of the patched side alone and returns its outcome, again_with_stock(name) one of
    stock's: some of these tests depend on timing, and a machine that is busy with another suite
    makes them fail. A test that failed counts as passed only when it then passes RERUNS times
    running, within MAX_RERUNS. If it does not, but fails with stock too when both run in turn, it
    is skipped: it says nothing about patched. The log has every run.
    """
    for name in sorted(set(stock) | set(patched) | set(ours)):
        before, after = stock.get(name, "missing"), patched.get(name, "missing")
        full = "%s: %s" % (label, name)
        if after == "PASS":
            result("PASS", full)
            continue
        if after == "SKIP" and before == "SKIP":
            result("SKIP", full, "skips itself, with stock libzmq too")
            continue
        passes, runs = steady(again, name, MAX_RERUNS if before == "PASS" else RERUNS)
        print("%s was %s with patched, %s with stock; alone: %s" % (full, after, before, runs))
        if passes:
            result("PASS", full)
        elif name in ours:
            result("FAIL", full, "%s, a test of the series" % after)
        elif before != "PASS":
            result("SKIP", full, "%s with stock libzmq too" % before.lower())
        else:
            stock_fails, runs = side_by_side(again, again_with_stock, name)
            print("%s: in turn, patched/stock: %s" % (full, runs))
            if stock_fails:
                result("SKIP", full, "not steady here with stock libzmq either")
            else:
                result("FAIL", full, "%s, passes with stock" % after)
