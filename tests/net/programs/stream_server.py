# SPDX-License-Identifier: MPL-2.0
"""stream_server.py ENDPOINT: an echo server on Tornado's event loop."""
import sys

import zmq
from tornado.ioloop import IOLoop
from zmq.eventloop.zmqstream import ZMQStream

socket = zmq.Context().socket(zmq.ROUTER)
socket.bind(sys.argv[1])
stream = ZMQStream(socket)
stream.on_recv(stream.send_multipart)
print("ready", flush=True)
IOLoop.current().start()
