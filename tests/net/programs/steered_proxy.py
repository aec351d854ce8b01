# SPDX-License-Identifier: MPL-2.0
"""steered_proxy.py FRONTEND BACKEND: a proxy that obeys the lines of its standard input, which are
the commands of zmq_proxy_steerable: PAUSE, RESUME and TERMINATE."""
import sys
import threading

import zmq

context = zmq.Context()
frontend, backend = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
frontend.bind(sys.argv[1])
backend.bind(sys.argv[2])
obeying, ordering = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
obeying.bind("inproc://orders")
ordering.connect("inproc://orders")


def order():
    for line in sys.stdin:
        print("telling", flush=True)
        ordering.send_string(line.strip())


print("ready", flush=True)
threading.Thread(target=order, daemon=True).start()
zmq.proxy_steerable(frontend, backend, None, obeying)
print("over", flush=True)
