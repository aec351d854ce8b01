#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""worker.py BACKEND NAME: answers the requests that the broker passes to it, with its name.

    worker.py tcp://broker.example:5560 anna"""
import sys

import zmq

backend, name = sys.argv[1:3]
socket = zmq.Context().socket(zmq.REP)
# So that the worker notices when the broker falls silent, and connects anew.
socket.setsockopt(zmq.HEARTBEAT_IVL, 500)
socket.connect(backend)
print("worker %s: at work for %s" % (name, backend), flush=True)
while True:
    socket.send_string("%s: %s" % (name, socket.recv_string()))
