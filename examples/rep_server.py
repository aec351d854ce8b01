#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""rep_server.py ENDPOINT: an ordinary ZeroMQ program. It knows nothing of IPv6, and nothing of this
project. It answers every request with the same words, until it is killed."""
import sys

import zmq

socket = zmq.Context().socket(zmq.REP)
try:
    socket.bind(sys.argv[1])
except zmq.ZMQError as error:
    print("failed %s" % error, flush=True)
    sys.exit(1)
print("bound %s" % socket.getsockopt_string(zmq.LAST_ENDPOINT), flush=True)
while True:
    socket.recv()
    socket.send(b"hello from Python")
