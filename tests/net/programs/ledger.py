# SPDX-License-Identifier: MPL-2.0
"""ledger.py: a server that records what it is sent, and that moves: each line of its standard input
is the one endpoint that it listens on from then on.  In the end it prints for each message its
number and the digest of its parts."""
import hashlib
import json
import sys
import threading

import zmq

context = zmq.Context()
orders = context.socket(zmq.PULL)
orders.bind("inproc://orders")
entries = []


def order():
    sender = context.socket(zmq.PUSH)
    sender.connect("inproc://orders")
    for line in sys.stdin:
        sender.send_string(line.strip())
    sender.send_string("")


threading.Thread(target=order, daemon=True).start()
socket = context.socket(zmq.REP)
while True:
    poller = zmq.Poller()
    poller.register(orders, zmq.POLLIN)
    poller.register(socket, zmq.POLLIN)
    ready = dict(poller.poll())
    if socket in ready:
        number, *parts = socket.recv_multipart()
        entries.append([int(number), hashlib.sha256(b"".join(parts)).hexdigest()])
        socket.send(number)
    if orders in ready:
        endpoint = orders.recv_string()
        socket.close(0)
        if not endpoint:
            break
        socket = context.socket(zmq.REP)
        socket.bind(endpoint)
        print("bound", flush=True)
print(json.dumps(entries), flush=True)
