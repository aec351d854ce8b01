# SPDX-License-Identifier: MPL-2.0
"""Forks while a look-up hangs.  The child ends in one of several ways, the parent goes on:
`fork.py HANGING-ENDPOINT GOOD-ENDPOINT WAY`."""
import os
import sys

import zmq


def talk(context):
    sock = context.socket(zmq.DEALER)
    sock.linger = 0
    sock.connect(sys.argv[2])
    sock.send(b"ping")
    answered = sock.poll(8000)
    sock.close()
    return bool(answered)


context = zmq.Context()
hanging = context.socket(zmq.DEALER)
hanging.linger = 0
hanging.connect(sys.argv[1])
print("connected", flush=True)
sys.stdin.readline()
child = os.fork()
if child == 0:
    if sys.argv[3] == "_exit":
        os._exit(0)
    if sys.argv[3] == "term":
        hanging.close()
        context.term()
        os._exit(0)
    if sys.argv[3] == "new-context":
        fresh = zmq.Context()
        well = talk(fresh)
        fresh.term()
        os._exit(0 if well else 3)
    if sys.argv[3] == "exec":
        os.execv("/bin/true", ["true"])
    raise SystemExit(4)
status = os.waitpid(child, 0)[1]
print("child %d" % status, flush=True)
print("parent %s" % talk(context), flush=True)
hanging.close()
context.term()
print("over", flush=True)
