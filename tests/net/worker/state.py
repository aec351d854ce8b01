# SPDX-License-Identifier: MPL-2.0
"""What the worker has at the moment; all of it is closed at the end of a case."""


class State:
    def __init__(self):
        self.over = False
        self.probes = 0
        self.clear()

    def clear(self):
        self.contexts = {}
        self.sockets = {}
        self.watches = {}
        self.zaps = {}
        self.held = {}
        self.words = {}
        self.routing = {}
        self.servants = {}
        self.wrong_servers = {}
        self.pulses = {}
        self.filler = []


STATE = State()


def expand(text):
    for word, value in STATE.words.items():
        text = text.replace("{%s}" % word, value)
    return text
