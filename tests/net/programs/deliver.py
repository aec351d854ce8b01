# SPDX-License-Identifier: MPL-2.0
"""deliver.py ENDPOINT COUNT PARTS BYTES: delivers numbered messages of so many parts of so many
bytes to ledger.py, and repeats each until it is acknowledged.  Prints for each its digest and the
address that acknowledged it, and then waits for a line.  Without an acknowledgement within a second
it starts over with a new connection."""
import hashlib
import sys

import zmq

endpoint, count, parts, size = sys.argv[1], *map(int, sys.argv[2:])
context = zmq.Context()


def connection():
    socket = context.socket(zmq.REQ)
    socket.linger = 0
    socket.rcvtimeo = 1000
    socket.connect(endpoint)
    return socket


socket = connection()
for number in range(1, count + 1):
    message = [b"%d-%d " % (number, part) * (size // 8) for part in range(parts)]
    while True:
        try:
            socket.send_multipart([b"%d" % number] + message)
            reply = socket.recv(copy=False)
            break
        except zmq.Again:
            socket.close()
            socket = connection()
    assert reply.bytes == b"%d" % number
    print(number, reply.get("Peer-Address"), hashlib.sha256(b"".join(message)).hexdigest(),
          flush=True)
    sys.stdin.readline()
