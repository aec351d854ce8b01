# SPDX-License-Identifier: MPL-2.0
"""relaxed.py ENDPOINT: sends a request; at the first line of input a second one, without waiting
for the reply; at the next line, prints the reply to the second, and where it came from."""
import sys

import zmq

context = zmq.Context()
socket = context.socket(zmq.REQ)
socket.linger = 0
socket.req_relaxed = socket.req_correlate = True
socket.connect(sys.argv[1])
for number in range(1, 3):
    socket.send_string("question %d" % number)
    print("asked", flush=True)
    sys.stdin.readline()
if socket.poll(10000):
    reply = socket.recv(copy=False)
    print(reply.bytes.decode(), "from", reply.get("Peer-Address"), flush=True)
else:
    print("no answer", flush=True)
