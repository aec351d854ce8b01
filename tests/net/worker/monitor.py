# SPDX-License-Identifier: MPL-2.0
"""The monitor of a socket, and what it has told."""
import struct
import time

import zmq

from .library import errno_name, to_text
from .state import STATE

ERRNO_EVENTS = {"BIND_FAILED", "CLOSE_FAILED", "HANDSHAKE_FAILED_NO_DETAIL"}
CODE_EVENTS = {"HANDSHAKE_FAILED_PROTOCOL", "HANDSHAKE_FAILED_AUTH"}


class Watch:
    """The monitor of one socket."""

    count = 0

    def __init__(self, sock):
        # The name that pyzmq would choose may still belong to a socket that was just closed.
        Watch.count += 1
        self.pair = sock.get_monitor_socket(addr="inproc://zds-monitor-%d" % Watch.count)
        self.seen = []

    def read_one(self, end):
        left = max(0, int((end - time.monotonic()) * 1000))
        if not self.pair.poll(left):
            return None
        head, endpoint = self.pair.recv_multipart()
        number, value = struct.unpack("=Hi", head)
        try:
            name = zmq.Event(number).name
        except ValueError:
            name = "EVENT_%d" % number
        if name in ERRNO_EVENTS:
            value = errno_name(value)
        elif name not in CODE_EVENTS:
            value = None  # a file descriptor, a random interval, or nothing
        return [name, to_text(endpoint), value]

    def until(self, names, timeout):
        """All events so far, once every one of `names` has come (as often as named)."""
        end = time.monotonic() + timeout
        while True:
            missing = list(names)
            for event in self.seen:
                if event[0] in missing:
                    missing.remove(event[0])
            # Events that are there already belong to this answer as well.
            event = self.read_one(end if missing else time.monotonic())
            if event is not None:
                self.seen.append(event)
                continue
            events, self.seen = self.seen, []
            return events + [["TIMEOUT", ",".join(missing), None]] if missing else events


def end_watch(sock, watch):
    """In this order, because the I/O thread would wait for ever to tell a monitor that has gone
    away."""
    sock.disable_monitor()
    watch.pair.close(0)


def op_events(id, until=(), timeout=5.0):
    return STATE.watches[id].until(until, timeout)


def op_timeline(id, until=(), timeout=10.0):
    """Events, each with the ms from the call until it came."""
    watch, start = STATE.watches[id], time.monotonic()
    missing, events = list(until), []
    while missing:
        event = watch.seen.pop(0) if watch.seen else watch.read_one(start + timeout)
        if event is None:
            return events + [["TIMEOUT", ",".join(missing), 0]]
        events.append(event[:2] + [(time.monotonic() - start) * 1000])
        if event[0] in missing:
            missing.remove(event[0])
    return events


def op_story(id, until=(), timeout=5.0):
    """Events up to the last of `until`; later ones are left for the next call."""
    return [event[:2] + [None] for event in op_timeline(id, until, timeout)]


def op_await(id, until=(), timeout=5.0):
    """Events that come after an unknown number of others."""
    return "ok" if op_story(id, until, timeout)[-1][0] != "TIMEOUT" else "timeout"
