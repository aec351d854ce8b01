# SPDX-License-Identifier: MPL-2.0
"""What the tests of faults share: after a fault nothing may be left behind, and everything has to
work again."""
import json

from lab import VARIANT

LIFE = {"RECONNECT_IVL": 20}


def balanced(worker, story, times=6, spare=4000, most=24):
    """Plays the story over and over: descriptors, threads and memory do not grow.  `spare` is
    in bytes for half of the times: Python's own ups and downs.  Python, the loader and malloc keep
    some memory for good, and it may take several stories until they have all of that, so memory has
    until `most` stories to stop growing; a leak never does."""
    for _ in range(3):
        story()
    before = worker.fds(), worker.threads()
    memory = []
    half = times // 2
    while len(memory) < most:
        story()
        memory.append(worker.do("memory"))
        last = memory[-times:]
        # Sanitizers keep what was freed.
        if len(last) == times and (VARIANT or min(last[half:]) - min(last[:half]) < spare):
            break
    else:
        raise AssertionError("memory grows: %s" % memory)
    fds = worker.do("fds_at_most", limit=before[0], timeout=15)
    threads = worker.do("threads_at_most", limit=before[1], timeout=15)
    assert fds <= before[0] and threads <= before[1], (before, fds, threads)


def counts(worker):
    return worker.do("shim_counts")


def each_call(worker, call, error, story, most=60):
    """Plays the story with its first `call` failing, then with the second, and so on, until the
    story makes no further one.  Returns what the stories did."""
    results = []
    for number in range(1, most):
        worker.must("shim", rules="%s@%d=%s" % (call, number, error))
        results.append(story())
        happened = counts(worker)[call]
        worker.must("shim", rules="")
        if happened < number:
            return results[:-1]
    raise AssertionError("%s is called without end: %s" % (call, json.dumps(results)))
