# SPDX-License-Identifier: MPL-2.0
"""Runs inside a namespace and uses libzmq as ordered: JSON lines in, JSON lines out.

Calls whose result is compared go to libzmq through ctypes, so that return code and errno
are libzmq's own; messages, polling and monitors go through the distribution's pyzmq.
"""
import ctypes
import errno
import faulthandler
import gc
import json
import os
import queue
import resource
import signal
import socket
import struct
import sys
import threading
import time
import traceback

import zmq

faulthandler.enable()
LIB = ctypes.CDLL("libzmq.so.5", use_errno=True)
for function, arguments in {
        "zmq_bind": [ctypes.c_void_p, ctypes.c_char_p],
        "zmq_unbind": [ctypes.c_void_p, ctypes.c_char_p],
        "zmq_connect": [ctypes.c_void_p, ctypes.c_char_p],
        "zmq_disconnect": [ctypes.c_void_p, ctypes.c_char_p],
        "zmq_setsockopt": [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t],
        "zmq_getsockopt": [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p],
        "zmq_ctx_set": [ctypes.c_void_p, ctypes.c_int, ctypes.c_int],
        "zmq_ctx_get": [ctypes.c_void_p, ctypes.c_int],
}.items():
    getattr(LIB, function).argtypes = arguments

# Not in every pyzmq's list of constants.
OPTIONS = {"IPV4ONLY": 31, "IPV6": 42, "USE_FD": 89, "BINDTODEVICE": 92, "TOS": 57,
           "TCP_ACCEPT_FILTER": 38, "ZAP_DOMAIN": 55, "PRIORITY": 112, "RECONNECT_STOP": 109,
           "SOCKS_PROXY": 68, "TCP_MAXRT": 80, "CONNECT_TIMEOUT": 79, "HANDSHAKE_IVL": 66}
KINDS = {"RADIO": 14, "DISH": 15, "DGRAM": 18}
LONG_OPTIONS = {"AFFINITY", "MAXMSGSIZE"}
TEXT_OPTIONS = {"LAST_ENDPOINT", "BINDTODEVICE", "ZAP_DOMAIN"}
ZMQ_ERRNOS = {156384712 + number: name for number, name in [
    (1, "ENOTSUP"), (2, "EPROTONOSUPPORT"), (3, "ENOBUFS"), (4, "ENETDOWN"),
    (51, "EFSM"), (52, "ENOCOMPATPROTO"), (53, "ETERM"), (54, "EMTHREAD")]}
ERRNO_EVENTS = {"BIND_FAILED", "CLOSE_FAILED", "HANDSHAKE_FAILED_NO_DETAIL"}
CODE_EVENTS = {"HANDSHAKE_FAILED_PROTOCOL", "HANDSHAKE_FAILED_AUTH"}


def errno_name(number):
    return ZMQ_ERRNOS.get(number) or errno.errorcode.get(number) or str(number)


def outcome(rc):
    return "ok" if rc != -1 else errno_name(ctypes.get_errno())


def to_bytes(text):
    """JSON text to bytes; surrogates stand for bytes that are no UTF-8."""
    return text.encode("utf-8", "surrogateescape")


def to_text(data):
    return data.decode("utf-8", "backslashreplace")


def option_number(name):
    return OPTIONS.get(name) or int(getattr(zmq, name))


class Watch:
    """The monitor of one socket."""

    count = 0

    def __init__(self, sock):
        # The name that pyzmq would choose may still be taken by a socket just closed.
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
            # Whatever is there already belongs to this answer as well.
            event = self.read_one(end if missing else time.monotonic())
            if event is not None:
                self.seen.append(event)
                continue
            events, self.seen = self.seen, []
            return events + [["TIMEOUT", ",".join(missing), None]] if missing else events


class Zap(threading.Thread):
    """Lets everyone in and writes down what libzmq asked."""

    def __init__(self, context, status="200"):
        super().__init__(daemon=True)
        self.status = status
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
                status = self.status.encode()
                self.sock.send_multipart([frames[0], frames[1], status, b"", b"user", b""])
        except zmq.ZMQError:
            self.sock.close(0)


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
        self.strangers = {}
        self.pulses = {}
        self.filler = []


STATE = State()


def expand(text):
    for word, value in STATE.words.items():
        text = text.replace("{%s}" % word, value)
    return text


# ------------------------------------------------------------------ contexts and sockets


def op_ctx(ctx="c", opts=None, threads=1):
    context = zmq.Context(threads)
    STATE.contexts[ctx] = context
    for name, value in (opts or {}).items():
        result = op_ctxset(ctx, name, value)
        if result != "ok":
            return result
    return "ok"


def op_ctxset(ctx="c", opt=None, value=None):
    return outcome(LIB.zmq_ctx_set(STATE.contexts[ctx].underlying, option_number(opt), value))


def op_ctxget(ctx="c", opt=None):
    rc = LIB.zmq_ctx_get(STATE.contexts[ctx].underlying, option_number(opt))
    return rc if rc != -1 else outcome(rc)


def op_socket(id, kind, ctx="c", ctx_opts=None, opts=None, monitor=False):
    if ctx not in STATE.contexts:
        result = op_ctx(ctx, ctx_opts)
        if result != "ok":
            return result
    sock = STATE.contexts[ctx].socket(KINDS.get(kind) or getattr(zmq, kind))
    STATE.sockets[id] = sock
    if monitor:
        STATE.watches[id] = Watch(sock)
    for name, value in (opts or {}).items():
        result = op_set(id, name, value)
        if result != "ok":
            return "%s=%r: %s" % (name, value, result)
    return "ok"


def op_set(id, opt, value, size=None):
    """`value` is an int, or text for options that take bytes, or null for (NULL, 0)."""
    if isinstance(value, int):
        data = struct.pack("=q" if opt in LONG_OPTIONS else "=i", value)
    else:
        data = to_bytes(expand(value)) if value is not None else None
    length = size if size is not None else len(data or b"")
    return outcome(LIB.zmq_setsockopt(STATE.sockets[id].underlying, option_number(opt),
                                      data, length))


def op_get(id, opt, keep=None):
    size = ctypes.c_size_t(256 if opt in TEXT_OPTIONS else 4)
    space = ctypes.create_string_buffer(max(size.value, 8))
    rc = LIB.zmq_getsockopt(STATE.sockets[id].underlying, option_number(opt), space,
                            ctypes.byref(size))
    if rc == -1:
        return outcome(rc)
    if opt not in TEXT_OPTIONS:
        return struct.unpack("=i", space.raw[:4])[0]
    text = to_text(space.raw[:size.value].rstrip(b"\0"))
    if keep:
        STATE.words[keep] = text
        STATE.words[keep + ".port"] = text.rsplit(":", 1)[-1]
    return text


def endpoint_call(name, id, ep, raw_hex):
    data = bytes.fromhex(raw_hex) if raw_hex is not None else to_bytes(expand(ep))
    return outcome(getattr(LIB, name)(STATE.sockets[id].underlying, data))


def op_bind(id, ep="", raw_hex=None):
    return endpoint_call("zmq_bind", id, ep, raw_hex)


def op_unbind(id, ep="", raw_hex=None):
    return endpoint_call("zmq_unbind", id, ep, raw_hex)


def op_connect(id, ep="", raw_hex=None):
    return endpoint_call("zmq_connect", id, ep, raw_hex)


def op_disconnect(id, ep="", raw_hex=None):
    return endpoint_call("zmq_disconnect", id, ep, raw_hex)


def op_pybind(id, ep):
    """As a Python program does it."""
    try:
        STATE.sockets[id].bind(expand(ep))
    except zmq.ZMQError as error:
        return errno_name(error.errno)
    return "ok"


def op_rebind(id, ep, times):
    """Unbind and bind again at once, many times, without a retry."""
    sock = STATE.sockets[id].underlying
    data = to_bytes(expand(ep))
    results = {}
    for _ in range(times):
        first = outcome(LIB.zmq_unbind(sock, data))
        second = outcome(LIB.zmq_bind(sock, data)) if first == "ok" else "-"
        key = "%s/%s" % (first, second)
        results[key] = results.get(key, 0) + 1
        if key != "ok/ok":
            break
    return results


def op_settle(id):
    """Wait until what unbind left to the I/O thread is done there: the thread works through
    its orders one by one, so what we order now is done after it."""
    sock, watch = STATE.sockets[id].underlying, STATE.watches[id]
    # A name of its own: the last one's listener may not be closed yet.
    STATE.probes += 1
    probe = "ipc://@zds-settle-%d" % STATE.probes
    outcome(LIB.zmq_bind(sock, probe.encode()))
    outcome(LIB.zmq_unbind(sock, probe.encode()))
    end = time.monotonic() + 5
    while ["CLOSED", probe, None] not in watch.seen:
        event = watch.read_one(end)
        if event is None:
            return "the I/O thread is stuck"
        watch.seen.append(event)
    watch.seen = [event for event in watch.seen if event[1] != probe]
    return "ok"


def op_close(id):
    sock = STATE.sockets.pop(id)
    watch = STATE.watches.pop(id, None)
    sock.close(0)
    if watch is None:
        return []
    # The monitor says MONITOR_STOPPED when the last listener of the socket is gone.
    events = watch.until(["MONITOR_STOPPED"], 10)
    watch.pair.close(0)
    return events


def end_watch(sock, watch):
    """In this order: the I/O thread waits for ever to tell a monitor that has gone away."""
    sock.disable_monitor()
    watch.pair.close(0)


def end_context(context):
    """Returns the seconds of zmq_ctx_term.  No signal interrupts it: pyzmq forgets the context
    then, and never calls it again."""
    had = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    start = time.monotonic()
    context.term()
    seconds = time.monotonic() - start
    signal.pthread_sigmask(signal.SIG_SETMASK, had)
    return seconds


def op_term(ctx="c"):
    for name, watch in STATE.watches.items():
        end_watch(STATE.sockets[name], watch)
    for sock in STATE.sockets.values():
        sock.close(0)
    STATE.sockets.clear()
    STATE.watches.clear()
    return end_context(STATE.contexts.pop(ctx))


def op_leave(id):
    """Close with the linger period that the socket has."""
    STATE.sockets.pop(id).close()
    return "ok"


def op_quit(ctx="c"):
    """Close every socket of one context and end it; returns the seconds of zmq_ctx_term."""
    context = STATE.contexts.pop(ctx)
    for name, sock in list(STATE.sockets.items()):
        if sock.context is context:
            watch = STATE.watches.pop(name, None)
            if watch:
                end_watch(sock, watch)
            STATE.sockets.pop(name).close(0)
    return end_context(context)


def op_reset():
    """Everything away: the next case starts anew."""
    for name in list(STATE.servants):
        op_unserve(name)
    for stranger in STATE.strangers.values():
        stranger.end()
    for held in STATE.held.values():
        held.close()
    for name in list(STATE.contexts):
        op_term(name)
    STATE.clear()
    return "ok"


# ------------------------------------------------------------------ messages and events


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


def op_events(id, until=(), timeout=5.0):
    return STATE.watches[id].until(until, timeout)


def op_story(id, until=(), timeout=5.0):
    """Events up to the last of `until`; what is there besides is left for later."""
    return [event[:2] + [None] for event in op_timeline(id, until, timeout)]


def op_await(id, until=(), timeout=5.0):
    """Events that come after an unknown number of others."""
    return "ok" if op_story(id, until, timeout)[-1][0] != "TIMEOUT" else "timeout"


def op_zap(ctx="c", status="200"):
    STATE.zaps[ctx] = Zap(STATE.contexts[ctx], status)
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


# ------------------------------------------------------------------ clients and servers


class Servant(threading.Thread):
    """A ROUTER that answers each message with itself, its own name and the address it came
    from; its monitor is read here too."""

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


def own_sockets():
    """A copy of each socket that this process has, under the number of the original."""
    for name in os.listdir("/proc/self/fd"):
        copy = None
        try:
            copy = os.dup(int(name))
            sock = socket.socket(fileno=copy)
        except OSError:
            if copy is not None:
                os.close(copy)
            continue
        with sock:
            yield int(name), sock


def established():
    """Copies of this process's connected TCP sockets."""
    for _, sock in own_sockets():
        try:
            if sock.family in (socket.AF_INET, socket.AF_INET6):
                sock.getpeername()
                yield sock
        except OSError:
            continue


def op_cut(ports):
    """Cut the connections of this process's servers on `ports`: the peers see the end of the
    stream, and the ports go on listening."""
    cut = 0
    for sock in established():
        if sock.getsockname()[1] in ports:
            sock.shutdown(socket.SHUT_RDWR)
            cut += 1
    return cut


def op_kick(id):
    return op_cut(STATE.servants[id].ports)


def op_reach(id, ep=None, timeout=10.0):
    """Connect, unless that was done before, and wait for the answer of an op_serve."""
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


def op_timeline(id, until=(), timeout=10.0):
    """Events with the ms since the call at which they came."""
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


class Acceptor(threading.Thread):
    """A TCP server; each connection has a thread."""

    def __init__(self, host, port):
        super().__init__(daemon=True)
        family, address = plain_address(host, port)
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            self.listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.listener.bind(address)
        self.listener.listen(64)
        self.count = 0
        self.held = []
        self.over = False
        self.start()

    def run(self):
        while not self.over:
            try:
                peer = self.listener.accept()[0]
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self.quietly, args=(peer,), daemon=True).start()

    def end(self):
        """Frees the port."""
        self.over = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.join()
        self.listener.close()
        for peer in self.held:
            peer.close()

    def quietly(self, peer):
        try:
            self.talk(peer)
        except OSError:
            peer.close()


class Stranger(Acceptor):
    def __init__(self, host, port, say, then, listens, stays, reset):
        self.say, self.then = say, then
        self.listens, self.stays, self.reset = listens, stays, reset
        super().__init__(host, port)

    def talk(self, peer):
        if self.listens:
            peer.recv(4096)
        if self.say:
            peer.sendall(self.say)
        if self.then:
            peer.recv(4096)
            peer.sendall(self.then)
        if self.stays:
            self.held.append(peer)
            while peer.recv(4096):
                pass
        if self.reset:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()


def op_stranger(id, host, port, say="", hex="", then="", listens=False, stays=False, reset=False):
    """A TCP server that speaks no ZMTP: it may read first, may say something, may answer to
    what it reads next, and then stays silent, hangs up or resets."""
    words = bytes.fromhex(hex) if hex else to_bytes(say)
    STATE.strangers[id] = Stranger(host, port, words, to_bytes(then), listens, stays, reset)
    return "ok"


def op_unstranger(id):
    STATE.strangers.pop(id).end()
    return "ok"


def op_met(id):
    """How many connections a stranger or a proxy has had."""
    return STATE.strangers[id].count


class Socks(Acceptor):
    """A SOCKS5 proxy without authentication; `verdict` is what it answers to requests."""

    def __init__(self, host, port, verdict):
        self.verdict, self.requests = verdict, []
        super().__init__(host, port)

    def talk(self, peer):
        stream = peer.makefile("rb")
        stream.read(stream.read(2)[1])
        peer.sendall(b"\x05\x00")
        kind = stream.read(4)[3]
        if kind == 3:
            host = stream.read(stream.read(1)[0]).decode()
        else:
            size, family = (4, socket.AF_INET) if kind == 1 else (16, socket.AF_INET6)
            host = socket.inet_ntop(family, stream.read(size))
        port = struct.unpack(">H", stream.read(2))[0]
        self.requests.append("%s %d" % (host, port))
        peer.sendall(b"\x05" + bytes([self.verdict]) + b"\x00\x01" + bytes(6))
        if self.verdict:
            peer.close()
            return
        far = socket.create_connection((host, port), timeout=5)
        far.settimeout(None)
        for one, two in ((peer, far), (far, peer)):
            threading.Thread(target=self.pump, args=(one, two), daemon=True).start()

    def pump(self, one, two):
        try:
            while True:
                data = one.recv(65536)
                if not data:
                    break
                two.sendall(data)
        except OSError:
            pass
        for sock in (one, two):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def op_socks(id, host, port=1080, verdict=0):
    STATE.strangers[id] = Socks(host, port, verdict)
    return "ok"


def op_socks_log(id):
    return STATE.strangers[id].requests


# ------------------------------------------------------------------ plain sockets


def plain_address(host, port, zone=None):
    if ":" in host:
        return socket.AF_INET6, (host, port, 0, socket.if_nametoindex(zone) if zone else 0)
    return socket.AF_INET, (host, port)


def op_tcp(host, port, zone=None, src=None, timeout=5.0, hold=None):
    """Dial as any ZMTP peer would.  "greeting": a ZeroMQ socket answered; "closed": it let
    us in and hung up; else the errno."""
    family, address = plain_address(host, int(expand(str(port))), zone)
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.settimeout(timeout)
    try:
        if src:
            sock.bind(plain_address(src, 0, zone)[1])
        sock.connect(address)
        data = sock.recv(10)
    except socket.timeout:
        return "timeout"
    except ConnectionResetError:
        return "closed"
    except OSError as error:
        return errno_name(error.errno)
    finally:
        if hold:
            STATE.held[hold] = sock
        else:
            sock.close()
    return "greeting" if data[:1] == b"\xff" else "closed" if not data else "data"


def op_flood(host, port, seconds):
    """Connect and hang up without pause; returns how often somebody answered."""
    family, address = plain_address(host, port)
    end, reached = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.settimeout(1.0)
            try:
                sock.connect(address)
                reached += 1
            except OSError:
                pass
    return reached


def op_occupy(id, host, port=0, v6only=True, zone=None):
    """Take a port as another program would; returns the port."""
    family, address = plain_address(host, port, zone)
    sock = socket.socket(family, socket.SOCK_STREAM)
    # What a connection of an earlier test leaves behind (TIME_WAIT) must not keep the port from us;
    # who listens does.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(v6only))
    try:
        sock.bind(address)
        sock.listen(8)
    except OSError as error:
        sock.close()
        return errno_name(error.errno)
    STATE.held[id] = sock
    return sock.getsockname()[1]


def op_occupy_many(id, host, ports, v6only=True):
    return [op_occupy("%s-%d" % (id, port), host, port, v6only) for port in ports]


def op_release(id):
    STATE.held.pop(id).close()
    return "ok"


def op_use_fd(id, held):
    """Give a socket that we made ourselves to libzmq (ZMQ_USE_FD)."""
    return op_set(id, "USE_FD", os.dup(STATE.held[held].fileno()))


def op_tcpopts(port):
    """Options of this process's listening TCP sockets on `port`, as the kernel has them."""
    found = []
    for number, sock in own_sockets():
        try:
            if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                continue
            address = sock.getsockname()
        except OSError:
            continue
        if sock.family not in (socket.AF_INET, socket.AF_INET6) or address[1] != port:
            continue
        found.append(dict(
            common_options(sock), address=address[0],
            v6only=sock.getsockopt(41, 26) if sock.family == socket.AF_INET6 else None,
            reuseaddr=sock.getsockopt(1, 2), cloexec=not os.get_inheritable(number)))
    return sorted(found, key=lambda entry: (entry["family"], entry["address"]))


def op_fds():
    return len(os.listdir("/proc/self/fd"))


def op_threads():
    return len(os.listdir("/proc/self/task"))


def at_most(measure, limit, timeout):
    """The first value within the limit, or the last one before the deadline."""
    end = time.monotonic() + timeout
    while True:
        value = measure()
        if value <= limit or time.monotonic() >= end:
            return value
        time.sleep(0.02)


def op_fds_at_most(limit, timeout=5.0):
    return at_most(op_fds, limit, timeout)


def op_threads_at_most(limit, timeout=5.0):
    return at_most(op_threads, limit, timeout)


def op_census(fds, threads, timeout=15.0):
    """Ends all that there is; what this process has then, when that is not at most so much."""
    for name in list(STATE.servants):
        op_unserve(name)
    for name in list(STATE.pulses):
        op_pulse_end(name)
    for name in list(STATE.contexts):
        op_quit(name)
    for one in STATE.held.values():
        # Sockets and threads.
        getattr(one, "close", getattr(one, "join", None))()
    STATE.held.clear()
    return [op_fds_at_most(fds, timeout), op_threads_at_most(threads, timeout)]


def op_threads_max(seconds):
    """The largest number of threads within this time."""
    end, most = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        most = max(most, op_threads())
        time.sleep(0.01)
    return most


def op_limit_fds(more):
    """From now on only so many more descriptors can be opened."""
    used = max(int(name) for name in os.listdir("/proc/self/fd")) + 1
    filler = STATE.filler
    while len(filler) < 4096:  # every gap below
        number = os.dup(0)
        if number >= used:
            os.close(number)
            break
        filler.append(number)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + more, hard))
    return len(filler)


def op_unlimit_fds():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    while STATE.filler:
        os.close(STATE.filler.pop())
    return "ok"


def op_dialopts(port):
    """Options of this process's TCP sockets that are connecting, or connected, to `port`."""
    inodes = {}
    for table in ("tcp", "tcp6"):
        with open("/proc/self/net/" + table) as lines:
            for words in map(str.split, list(lines)[1:]):
                if int(words[2].split(":")[1], 16) == port:
                    inodes["socket:[%s]" % words[9]] = words[3]
    found = []
    for number, sock in own_sockets():
        state = inodes.get(os.readlink("/proc/self/fd/%d" % number))
        if state:
            found.append(dict(common_options(sock), state=state,
                              keepalive=sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                              nodelay=sock.getsockopt(6, socket.TCP_NODELAY) != 0,
                              maxrt=sock.getsockopt(6, socket.TCP_USER_TIMEOUT),
                              cloexec=not os.get_inheritable(number)))
    return sorted(found, key=lambda entry: (entry["family"], entry["state"]))


def common_options(sock):
    six = sock.family == socket.AF_INET6
    return {"family": 6 if six else 4,
            "tos": sock.getsockopt(0, 1), "tclass": sock.getsockopt(41, 67) if six else None,
            "priority": sock.getsockopt(1, 12), "sndbuf": sock.getsockopt(1, 7),
            "rcvbuf": sock.getsockopt(1, 8),
            "device": sock.getsockopt(1, 25, 16).rstrip(b"\0").decode()}


def op_shim(rules):
    """New rules for the preloaded shim; returns how often each watched call was made."""
    shim = ctypes.CDLL(None)
    shim.zds_shim_set(rules.encode())
    return "ok"


def op_shim_counts():
    shim = ctypes.CDLL(None)
    shim.zds_shim_counts.restype = ctypes.c_char_p
    return json.loads(shim.zds_shim_counts().decode())


def op_shim_jump(seconds):
    """From now on the wall clock jumps back and forth by so much."""
    ctypes.CDLL(None).zds_shim_jump(seconds)
    return "ok"


def op_dial_shim(rule):
    ctypes.CDLL(None).dial_shim_set(rule.encode())
    return "ok"


def op_dial_shim_hits():
    return ctypes.CDLL(None).dial_shim_hits()


class Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
        "fordblks", "keepcost")]


def op_memory():
    """Bytes that malloc has given out; Python's own garbage is not among them."""
    gc.collect()
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = Mallinfo
    info = mallinfo()
    return info.uordblks + info.hblkhd


def op_life(ep=None, bind=None, opts=None, timeout=10.0):
    """A whole life: a context, a socket, a bind or the first answer of a server, the end.
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


def op_shutdown_soon(ctx, delay):
    """zmq_ctx_shutdown from another thread."""
    context = STATE.contexts[ctx].underlying
    LIB.zmq_ctx_shutdown.argtypes = [ctypes.c_void_p]
    timer = threading.Timer(delay, LIB.zmq_ctx_shutdown, (context,))
    timer.daemon = True
    timer.start()
    STATE.held[ctx] = timer
    return "ok"


def op_outlast(id, timeout):
    """Wait for a message that does not come; the errno that ends it."""
    try:
        return "message" if STATE.sockets[id].poll(int(timeout * 1000)) else "timeout"
    except zmq.ZMQError as error:
        return errno_name(error.errno)


def op_pause(seconds):
    time.sleep(seconds)
    return "ok"


def op_alarms(interval):
    """A signal every so many seconds, whose handler does not restart system calls; 0: no
    more.  Returns how many there were."""
    count = getattr(STATE, "alarms", None)
    if interval:
        STATE.alarms = count = [0]

        def count_one(*_):
            count[0] += 1
        signal.signal(signal.SIGALRM, count_one)
        signal.siginterrupt(signal.SIGALRM, True)
    signal.setitimer(signal.ITIMER_REAL, interval, interval)
    return count[0]


def op_setenv(name, value):
    os.environ[name] = value
    return "ok"


def op_time(steps):
    """Run steps and say how long they took."""
    start = time.monotonic()
    results = [perform(step) for step in steps]
    return {"seconds": time.monotonic() - start, "results": results}


# ------------------------------------------------------------------ main


def perform(step):
    """A step marked `vital` that fails ends its case: what follows would only time out."""
    step = dict(step)
    op, vital = step.pop("op"), step.pop("vital", False)
    if op == "reset":
        STATE.over = False
    if STATE.over:
        return "skipped"
    result = globals()["op_" + op](**step)
    STATE.over = vital and (result != "ok" if isinstance(result, str) else timed_out(result))
    return result


def timed_out(result):
    return "TIMEOUT" in str(result) or "'timeout'" in str(result)


def loaded():
    with open("/proc/self/maps") as maps:
        return sorted({line.split()[5] for line in maps
                       if "/libzmq" in line and ".so" in line and "pyzmq" not in line})


def read_orders(orders):
    """Own thread: when the test run goes away we go too, whatever libzmq is doing."""
    for line in sys.stdin:
        orders.put(line)
    os._exit(0)


def main():
    # Libraries print on standard output now and then; ours goes elsewhere.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    orders = queue.Queue()
    threading.Thread(target=read_orders, args=(orders,), daemon=True).start()
    hello = {"libzmq": loaded(), "version": zmq.zmq_version_info(), "fds": op_fds(),
             "threads": op_threads()}
    print(json.dumps(hello), file=out, flush=True)
    while True:
        order = json.loads(orders.get())
        try:
            answer = {"n": order["n"], "results": [perform(step) for step in order["do"]]}
        except Exception:
            answer = {"n": order["n"], "trouble": traceback.format_exc()}
        print(json.dumps(answer), file=out, flush=True)


if __name__ == "__main__":
    main()
