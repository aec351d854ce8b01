# SPDX-License-Identifier: MPL-2.0
"""Servers that answer from a thread, and clients that wait for the answer."""
import threading
import time

import zmq

from .library import errno_name, to_bytes, to_text
from .monitor import Watch
from .plain import op_cut
from .sockets import op_bind, op_connect, op_ctx, op_quit, op_set, op_socket
from .state import STATE


class Servant(threading.Thread):
    """A ROUTER that answers each message with the message itself, the server's name, and the
    address that the message came from; its monitor is read here too."""

    def __init__(self, name, sock, watch, ports):
        super().__init__(daemon=True)
        self.name, self.sock, self.watch, self.ports = name, sock, watch, ports
        self.over = threading.Event()
        self.events, self.peers, self.sources = [], [], []
        self.messages = 0
        self.start()

    def run(self):
        poller = zmq.Poller()
        poller.register(self.sock, zmq.POLLIN)
        poller.register(self.watch.pair, zmq.POLLIN)
        while not self.over.is_set():
            ready = dict(poller.poll(20))
            if self.sock in ready:
                self.answer()
            if self.watch.pair in ready:
                self.events.append(self.watch.read_one(0)[0])

    def answer(self):
        frames = self.sock.recv_multipart(copy=False)
        peer = frames[-1].get("Peer-Address")
        identity = to_text(frames[0].bytes)
        self.messages += 1
        if identity not in self.peers:
            self.peers.append(identity)
        self.sock.send_multipart([frame.bytes for frame in frames]
                                 + [to_bytes(self.name), to_bytes(peer)], zmq.DONTWAIT)


def op_serve(id, eps, opts=None, ctx="servants"):
    if ctx not in STATE.contexts:
        op_ctx(ctx)
    sock = STATE.contexts[ctx].socket(zmq.ROUTER)
    watch = Watch(sock)
    STATE.sockets[id] = sock
    for result in [op_set(id, name, value) for name, value in (opts or {}).items()] \
            + [op_bind(id, ep) for ep in eps]:
        if result != "ok":
            return result
    ports = [int(ep.rsplit(":", 1)[1].split("/")[0]) for ep in eps]
    STATE.servants[id] = Servant(id, STATE.sockets.pop(id), watch, ports)
    return "ok"


def op_served(id):
    servant = STATE.servants[id]
    return {"events": list(servant.events), "peers": list(servant.peers),
            "messages": servant.messages}


def op_unserve(id):
    servant = STATE.servants.pop(id)
    servant.over.set()
    servant.join()
    servant.sock.close(0)
    events = servant.watch.until(["MONITOR_STOPPED"], 10)
    servant.watch.pair.close(0)
    return "ok" if events[-1][0] != "TIMEOUT" else "the server does not end"


def op_kick(id):
    return op_cut(STATE.servants[id].ports)


def op_reach(id, ep=None, timeout=10.0):
    """Connect, unless that was done before, and wait for the answer of a server made by
    op_serve."""
    sock = STATE.sockets[id]
    STATE.probes += 1
    word = b"ping-%d" % STATE.probes
    start = time.monotonic()
    if ep is not None:
        result = op_connect(id, ep)
        if result != "ok":
            return {"connect": result}
    end = start + timeout
    if not sock.poll(int(timeout * 1000), zmq.POLLOUT):
        return {"timeout": True}
    sock.send(word, zmq.DONTWAIT)
    while sock.poll(max(0, int((end - time.monotonic()) * 1000))):
        frames = sock.recv_multipart(copy=False)
        if frames[0].bytes == word:
            return {"ms": (time.monotonic() - start) * 1000,
                    "peer": frames[-1].get("Peer-Address"), "who": to_text(frames[1].bytes),
                    "source": to_text(frames[2].bytes)}
    return {"timeout": True}


def op_reach_all(ids, ep, timeout=10.0):
    """Connect many sockets and wait for an answer on each; ms for the last one, and how
    many got none."""
    start = time.monotonic()
    poller = zmq.Poller()
    for name in ids:
        if op_connect(name, ep) != "ok":
            return {"connect": name}
        STATE.sockets[name].send(b"ping", zmq.DONTWAIT)
        poller.register(STATE.sockets[name], zmq.POLLIN)
    missing, peers = len(ids), {}
    while missing:
        ready = poller.poll(max(0, int((start + timeout - time.monotonic()) * 1000)))
        if not ready:
            break
        for sock, _ in ready:
            peer = sock.recv_multipart(copy=False)[-1].get("Peer-Address")
            peers[peer] = peers.get(peer, 0) + 1
            poller.unregister(sock)
            missing -= 1
    return {"ms": (time.monotonic() - start) * 1000, "missing": missing, "peers": peers}


class Pulse(threading.Thread):
    """Two sockets that play ping-pong through the I/O thread of a context."""

    def __init__(self, context):
        super().__init__(daemon=True)
        self.one, self.two = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        self.one.linger = self.two.linger = 0
        port = self.one.bind_to_random_port("tcp://127.0.0.1")
        self.two.connect("tcp://127.0.0.1:%d" % port)
        self.over = threading.Event()
        self.longest, self.count = 0, 0
        self.turn(20000)
        self.start()

    def turn(self, patience=30000):
        self.one.send(b"ping")
        if self.two.poll(patience):
            self.two.send(self.two.recv())
        if self.one.poll(patience):
            self.one.recv()

    def run(self):
        while not self.over.wait(0.001):
            start = time.monotonic()
            self.turn()
            self.longest = max(self.longest, time.monotonic() - start)
            self.count += 1
        self.one.close(0)
        self.two.close(0)


def op_pulse(ctx="c"):
    STATE.pulses[ctx] = Pulse(STATE.contexts[ctx])
    return "ok"


def op_pulse_end(ctx="c"):
    """{"ms": the longest turn, "count": turns}"""
    pulse = STATE.pulses.pop(ctx)
    pulse.over.set()
    pulse.join()
    return {"ms": pulse.longest * 1000, "count": pulse.count}


def op_life(ep=None, bind=None, opts=None, timeout=10.0):
    """Runs a whole life: a context, a socket, a bind or the first answer of a server, the end.
    {"socket": errno}, {"bind": errno}, or what reach says."""
    try:
        op_socket("life", "DEALER", ctx="life", opts=dict({"LINGER": 0}, **(opts or {})))
    except zmq.ZMQError as error:
        if "life" in STATE.contexts:
            op_quit("life")
        return {"socket": errno_name(error.errno)}
    result = {"bind": op_bind("life", bind)} if bind else op_reach("life", ep, timeout)
    op_quit("life")
    return result
