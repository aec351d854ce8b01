#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""client.py FRONTEND [PAUSE]: sends numbered requests one after the other, with PAUSE seconds
between them, and prints each reply, the address that it came from, and how long it took. A request
without a reply in a second is sent again over a new connection (the Lazy Pirate of the Guide).

    client.py tcp://broker.example:5559"""
import itertools
import sys
import time

import zmq

frontend = sys.argv[1]
pause = float(sys.argv[2]) if len(sys.argv) > 2 else 0.2
context = zmq.Context()


def connection():
    socket = context.socket(zmq.REQ)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVTIMEO, 1000)
    socket.connect(frontend)
    return socket


socket = connection()
for number in itertools.count(1):
    start = time.monotonic()
    reply = None
    while reply is None:
        try:
            socket.send_string(str(number))
            reply = socket.recv(copy=False)
        except zmq.Again:
            print("request %d: no reply, trying again" % number, flush=True)
            socket.close()
            socket = connection()
    print("%s from %s after %.1f ms" % (reply.bytes.decode(), reply.get("Peer-Address"),
                                        (time.monotonic() - start) * 1000), flush=True)
    time.sleep(pause)
