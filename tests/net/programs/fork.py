# SPDX-License-Identifier: MPL-2.0
"""Forks while a look-up or a race hangs.  The child ends in one of several ways, the parent goes
on: `fork.py HANGING-ENDPOINT GOOD-ENDPOINT WAY [race]`.  With the last word, the parent also waits
until the hanging one is reached."""
import os
import signal
import sys

import zmq


def answers(sock):
    sock.send(b"ping")
    return bool(sock.poll(8000))


def talk(context):
    sock = context.socket(zmq.DEALER)
    sock.linger = 0
    sock.connect(sys.argv[2])
    answered = answers(sock)
    sock.close()
    return answered


signal.alarm(60)  # in case it hangs
context = zmq.Context()
hanging = context.socket(zmq.DEALER)
hanging.linger = 0
hanging.connect(sys.argv[1])
print("connected", flush=True)
sys.stdin.readline()
child = os.fork()
if child == 0:
    signal.alarm(15)
    if sys.argv[3] == "_exit":
        os._exit(0)
    if sys.argv[3] == "exit":
        sys.exit(0)
    if sys.argv[3] == "close":
        hanging.close()
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
if sys.argv[4:] == ["race"]:
    print("race %s" % answers(hanging), flush=True)
hanging.close()
context.term()
print("over", flush=True)
