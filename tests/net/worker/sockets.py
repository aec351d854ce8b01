# SPDX-License-Identifier: MPL-2.0
"""Contexts and sockets: options, binds, connects, and the end."""
import ctypes
import os
import signal
import struct
import threading
import time

import zmq

from .library import (KINDS, LIB, LONG_OPTIONS, TEXT_OPTIONS, errno_name, option_number, outcome,
                      to_bytes, to_text)
from .monitor import Watch, end_watch
from .state import STATE, expand


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
    """Bind as a Python program does."""
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
    """Wait until the I/O thread has done what unbind left to it: the thread works through its
    commands one by one, so it does what we ask for now after that."""
    sock, watch = STATE.sockets[id].underlying, STATE.watches[id]
    # A new name each time: the listener of the last one may not be closed yet.
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


def end_context(context):
    """Returns the seconds that zmq_ctx_term took.  Signals are blocked, because pyzmq forgets a
    context whose zmq_ctx_term was interrupted, and never calls it again."""
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


def op_use_fd(id, held):
    """Give a socket that we made ourselves to libzmq (ZMQ_USE_FD)."""
    return op_set(id, "USE_FD", os.dup(STATE.held[held].fileno()))


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
    """Wait for a message that does not come; returns the errno that ends the wait."""
    try:
        return "message" if STATE.sockets[id].poll(int(timeout * 1000)) else "timeout"
    except zmq.ZMQError as error:
        return errno_name(error.errno)
