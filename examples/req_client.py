#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""req_client.py ENDPOINT [TIMES]: an ordinary ZeroMQ program. It knows nothing of IPv6, and nothing
of this project. It connects, sends a request, and prints who answered and after how many
milliseconds; it does so TIMES times, each over a connection of its own. It waits two seconds for a
reply."""
import sys
import time

import zmq

context = zmq.Context()
for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 1):
    start = time.monotonic()
    socket = context.socket(zmq.REQ)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVTIMEO, 2000)
    socket.connect(sys.argv[1])
    try:
        socket.send(b"hello")
        reply = socket.recv(copy=False)
        print("reply %s %.1f" % (reply.get("Peer-Address"), (time.monotonic() - start) * 1000))
    except zmq.Again:
        print("no reply")
    sys.stdout.flush()
    socket.close()
context.term()
