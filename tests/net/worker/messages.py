# SPDX-License-Identifier: MPL-2.0
"""Messages with their metadata, and who may send them (ZAP, CURVE)."""
import threading

import zmq

from .library import errno_name, to_bytes, to_text
from .state import STATE, expand


class Zap(threading.Thread):
    """Lets everyone in, or with `allow` only these addresses; records what libzmq asked."""

    def __init__(self, context, status="200", allow=None):
        super().__init__(daemon=True)
        self.status, self.allow = status, allow
        self.log = []
        self.sock = context.socket(zmq.REP)
        self.sock.linger = 0
        self.sock.bind("inproc://zeromq.zap.01")
        self.start()

    def run(self):
        try:
            while True:
                frames = self.sock.recv_multipart()
                self.log.append([to_text(frame) for frame in frames])
                known = self.allow is None or to_text(frames[3]) in self.allow
                status = self.status.encode() if known else b"400"
                self.sock.send_multipart([frames[0], frames[1], status, b"", b"user", b""])
        except zmq.ZMQError:
            self.sock.close(0)


def op_send(id, parts, timeout=5.0):
    sock = STATE.sockets[id]
    if not sock.poll(int(timeout * 1000), zmq.POLLOUT):
        return "EAGAIN"
    frames = [STATE.routing[id] if part == "<id>" else to_bytes(expand(part)) for part in parts]
    sock.send_multipart(frames, zmq.DONTWAIT)
    return "ok"


def op_recv(id, timeout=5.0, hide_first=False):
    sock = STATE.sockets[id]
    if not sock.poll(int(timeout * 1000), zmq.POLLIN):
        return {"timeout": True}
    frames = sock.recv_multipart(zmq.DONTWAIT, copy=False)
    try:
        peer = frames[-1].get("Peer-Address")
    except zmq.ZMQError as error:
        peer = errno_name(error.errno)
    parts = [to_text(frame.bytes) for frame in frames]
    if hide_first:  # a routing id made up by libzmq
        STATE.routing[id] = frames[0].bytes
        parts[0] = "<id>"
    return {"parts": parts, "peer": peer}


def op_reply(id, timeout=5.0):
    """Receive one message and send it back (ROUTER, STREAM, REP, PAIR)."""
    sock = STATE.sockets[id]
    if not sock.poll(int(timeout * 1000), zmq.POLLIN):
        return {"timeout": True}
    frames = sock.recv_multipart(zmq.DONTWAIT, copy=False)
    peer = frames[-1].get("Peer-Address")
    sock.send_multipart([frame.bytes for frame in frames], zmq.DONTWAIT)
    return {"peer": peer, "parts": [to_text(frame.bytes) for frame in frames][-1:]}


def op_poll(id, flags=1, timeout=5.0):
    return int(STATE.sockets[id].poll(int(timeout * 1000), flags))


def op_zap(ctx="c", status="200", allow=None):
    STATE.zaps[ctx] = Zap(STATE.contexts[ctx], status, allow)
    return "ok"


def op_zaplog(ctx="c"):
    return STATE.zaps[ctx].log


def op_curve(id, role, server_key=None):
    """Make a socket a CURVE server (returns its public key) or client."""
    sock = STATE.sockets[id]
    public, secret = zmq.curve_keypair()
    sock.curve_publickey, sock.curve_secretkey = public, secret
    if role == "server":
        sock.curve_server = 1
    else:
        sock.curve_serverkey = server_key.encode()
    return public.decode()
