# SPDX-License-Identifier: MPL-2.0
"""Loads libzmq, connects to a name whose look-up hangs, ends the context, unloads libzmq, and goes
on until the look-up has ended: `unload.py LIBZMQ ENDPOINT SECONDS`."""
import _ctypes
import ctypes
import os
import sys
import time


def pointer(function):
    function.restype = ctypes.c_void_p
    return function


def threads():
    return len(os.listdir("/proc/self/task"))


first = threads()
lib = ctypes.CDLL(sys.argv[1])
context = ctypes.c_void_p(pointer(lib.zmq_ctx_new)())
sock = ctypes.c_void_p(pointer(lib.zmq_socket)(context, 5))
linger = ctypes.c_int(0)
lib.zmq_setsockopt(sock, 17, ctypes.byref(linger), ctypes.c_size_t(4))
assert lib.zmq_connect(sock, sys.argv[2].encode()) == 0
print("connected", flush=True)
sys.stdin.readline()
start = time.monotonic()
assert lib.zmq_close(sock) == 0
assert lib.zmq_ctx_term(context) == 0
print("ended after %.3f" % (time.monotonic() - start), flush=True)
left = threads() - first
_ctypes.dlclose(lib._handle)
print("unloaded with %d threads" % left, flush=True)
end = time.monotonic() + float(sys.argv[3])
while threads() > first and time.monotonic() < end:
    time.sleep(0.05)
print("alive with %d threads" % (threads() - first), flush=True)
