# SPDX-License-Identifier: MPL-2.0
"""Orders that concern all sockets of the worker at once, for random sequences."""
import time

import zmq

from .library import errno_name, to_text
from .state import STATE

TALKERS = {zmq.DEALER: "talk", zmq.PUSH: "talk", zmq.PAIR: "talk", zmq.PUB: "talk",
           zmq.REQ: "talk", zmq.ROUTER: "answer", zmq.REP: "answer", zmq.PULL: "hear",
           zmq.SUB: "hear"}
METADATA = ("Peer-Address", "Socket-Type", "Identity", "User-Id")


def until_quiet(poller, act, quiet, limit):
    """Acts on whatever is ready, until nothing has been ready for `quiet` seconds, or `limit`
    seconds have passed."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        ready = poller.poll(int(quiet * 1000))
        if not ready:
            return
        for sock, _ in ready:
            act(sock)


def op_quiet(quiet=0.04, limit=0.3):
    """The events of all monitors until they are quiet: {socket: [[name, endpoint, value]]}."""
    poller, events, owners = zmq.Poller(), {}, {}
    for name, watch in STATE.watches.items():
        poller.register(watch.pair, zmq.POLLIN)
        owners[watch.pair] = name, watch
        events[name], watch.seen = watch.seen, []

    def act(pair):
        name, watch = owners[pair]
        event = watch.read_one(0)
        if event is not None:
            events[name].append(event)
    until_quiet(poller, act, quiet, limit)
    return {name: seen for name, seen in events.items() if seen}


def op_talk(word, quiet=0.04, limit=2.0):
    """Every socket that may send sends `word`, and answers what it hears; returns who heard what
    from whom."""
    sent, heard, poller = {}, {}, zmq.Poller()
    names = {sock: name for name, sock in STATE.sockets.items() if sock.type in TALKERS}
    for sock, name in sorted(names.items(), key=lambda one: one[1]):
        if TALKERS[sock.type] == "talk":
            sent[name] = quietly(sock, [("%s from %s" % (word, name)).encode()])
        if sock.type != zmq.PUSH and sock.type != zmq.PUB:
            poller.register(sock, zmq.POLLIN)

    def act(sock):
        try:
            frames = sock.recv_multipart(zmq.DONTWAIT, copy=False)
        except zmq.ZMQError:
            return
        data = [frame.bytes for frame in frames]
        heard.setdefault(names[sock], []).append(describe(sock, frames))
        if TALKERS[sock.type] == "answer" and not data[-1].startswith(b"answer"):
            quietly(sock, data[:-1] + [b"answer to " + data[-1]])
    until_quiet(poller, act, quiet, limit)
    return {"sent": sent, "heard": {name: sorted(all_) for name, all_ in heard.items()}}


def describe(sock, frames):
    parts = [to_text(frame.bytes) for frame in frames]
    if sock.type == zmq.ROUTER:
        parts[0] = "<id>" if parts[0].startswith("\0") else parts[0]
    return parts + [metadata(frames[-1], one) for one in METADATA]


def metadata(frame, name):
    try:
        return "%s=%s" % (name, frame.get(name))
    except zmq.ZMQError as error:
        return "%s: %s" % (name, errno_name(error.errno))


def quietly(sock, frames):
    try:
        sock.send_multipart(frames, zmq.DONTWAIT)
    except zmq.ZMQError as error:
        return errno_name(error.errno)
    return "ok"
