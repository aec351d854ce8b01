#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""broker.py FRONTEND BACKEND: passes the clients' requests to workers, and the replies back.

    broker.py tcp://*:5559 tcp://*:5560"""
import sys

import zmq

context = zmq.Context()
frontend = context.socket(zmq.ROUTER)
frontend.bind(sys.argv[1])
backend = context.socket(zmq.DEALER)
# So that a worker that has fallen silent gets no more requests.
backend.setsockopt(zmq.HEARTBEAT_IVL, 500)
backend.bind(sys.argv[2])
print("broker: clients at %s, workers at %s" % tuple(
    socket.getsockopt_string(zmq.LAST_ENDPOINT) for socket in (frontend, backend)), flush=True)
zmq.proxy(frontend, backend)
