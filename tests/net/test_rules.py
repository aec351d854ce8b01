# SPDX-License-Identifier: MPL-2.0
"""docs/RULES.md and the tests speak of the same rules."""
import glob
import os
import re

from lab import HERE

ROOT = os.path.dirname(os.path.dirname(HERE))
# Tested by other stages of the checks: abi, libzmq-suite, bench, series, portability.
ELSEWHERE = {"U-2", "U-3", "U-4", "U-5", "U-6", "E-2", "S-1", "S-2"}


def rules():
    with open(os.path.join(ROOT, "docs", "RULES.md")) as text:
        text = text.read()
    return text, set(re.findall(r"\*\*([A-Z]-[0-9]+)\*\*", text))


def named():
    """The rules that are in the names of tests."""
    found = set()
    for path in glob.glob(os.path.join(HERE, "test_*.py")):
        with open(path) as text:
            found |= {"%s-%s" % (letter.upper(), number) for letter, number
                      in re.findall(r"^def test_([a-z])([0-9]+)_", text.read(), re.M)}
    return found


def test_every_rule_has_a_test():
    assert rules()[1] - named() == ELSEWHERE


def test_every_test_has_a_rule():
    assert named() <= rules()[1]


def test_the_files_that_decide_are_there():
    text, _ = rules()
    missing = [path for path in re.findall(r"`((?:transport|cli|scripts|patches)/[^`]*)`", text)
               if not os.path.exists(os.path.join(ROOT, path))]
    assert missing == []


def read(*path):
    with open(os.path.join(ROOT, *path)) as text:
        return text.read()


def test_the_race_is_drawn_as_it_is():
    states = r"\bZDS_(?:FATE|PROGRESS)_[A-Z]+\b"
    assert set(re.findall(states, read("docs", "race.dot"))) \
        == set(re.findall(states, read("transport", "core", "zds_race.h")))


def test_the_ways_are_drawn_as_they_are():
    wrong = []
    for tail, head, name in re.findall(r'"(.*?)" -> "(.*?)" \[label = "(.*?)"\]',
                                       read("docs", "ways.dot")):
        word = r"\b%s\b" % name
        wrong += ["%s does not have %s" % (path, name) for path in (tail, head)
                  if not re.search(word, read("transport", path))]
    assert wrong == []
