# SPDX-License-Identifier: MPL-2.0
"""U-1 with random sequences: see fuzz_differential.py, which can also replay what fails here.

Would catch: what cases.py would, in states that no case there reaches.
"""
import os
import time

import pytest
from fuzz_differential import Pair, Story, case_number, difference, fuzz
from lab import VARIANT


def test_u1_random_sequences(lab):
    """The same sequences every time, so that a failure comes from the change under test; with
    --full, new ones for twenty minutes."""
    full = os.environ.get("ZDS_FULL")
    seed = int(os.environ.get("ZDS_FUZZ_SEED") or (time.time() if full else 1))
    seconds = 1200 if full and not VARIANT else 100
    count, found = fuzz(lab, seconds, seed)
    assert count
    if found:
        pytest.fail("\n\n".join(found), pytrace=False)


def test_u1_the_random_comparison_sees_differences(lab):
    """The test of the test: each kind of difference is found, in what stock really does."""
    steps = next(steps for steps in (case_number(1, number) for number in range(100))
                 if {"connect", "zaplog"} <= {one["op"] for one in steps})
    story = Pair(lab).run(steps)[0]
    assert difference(steps, story, story) is None

    def changed(answers=None, events=None):
        return Story(steps, answers or story.answers,
                     story.events if events is None else events)
    for at, one in enumerate(steps):
        # What failed in stock may end otherwise in patched.
        if one["op"] == "get" or story.answers[at] == "ok":
            other = list(story.answers)
            other[at] = "EBUSY"
            assert difference(steps, story, changed(other)), one
    at = next(at for at, event in enumerate(story.events) if event[2] == "LISTENING")
    event = story.events[at]
    for wrong in ([], [event] * 2, [event[:2] + ("CLOSED", event[3])],
                  [event[:3] + ("tcp://[::]:1",)]):
        assert difference(steps, story, changed(
            events=story.events[:at] + wrong + story.events[at + 1:])), wrong
    assert difference(steps, story, "worker (patched) ended")
