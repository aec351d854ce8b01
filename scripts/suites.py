# SPDX-License-Identifier: MPL-2.0
"""What the stages share that run somebody else's test suite with stock and with patched libzmq
and compare, test by test."""
import collections
import os
import sys

BUILD = os.environ.get("ZDS_BUILD_DIR") or os.getcwd()
SCRIPTS = os.path.dirname(os.path.abspath(__file__))
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


def compare(label, stock, patched, again):
    """A test that passes with stock has to pass with patched.

    stock, patched: dictionaries name -> PASS, FAIL, SKIP or another word. again(name) runs one
    test of the patched side alone and returns its outcome: some of these tests depend on timing,
    and a machine that is busy with another suite makes them fail. A test that failed counts as
    passed only when it then passes RERUNS times running, within MAX_RERUNS; the log says so. One
    that failed with stock too is skipped unless it passes then.
    """
    for name in sorted(set(stock) | set(patched)):
        before, after = stock.get(name, "missing"), patched.get(name, "missing")
        full = "%s: %s" % (label, name)
        if after == "PASS":
            result("PASS", full)
        elif after == "SKIP" and before == "SKIP":
            result("SKIP", full, "skips itself, with stock libzmq too")
        else:
            most = MAX_RERUNS if before == "PASS" else RERUNS
            tries = []
            while len(tries) < most and tries[-RERUNS:] != ["PASS"] * RERUNS:
                tries.append(again(name))
            print("%s was %s with patched, %s with stock; alone: %s"
                  % (full, after, before, " ".join(tries)))
            if tries[-RERUNS:] == ["PASS"] * RERUNS:
                result("PASS", full)
            elif before != "PASS":
                result("SKIP", full, "%s with stock libzmq too" % before.lower())
            else:
                result("FAIL", full, "%s, passes with stock" % after)
