# SPDX-License-Identifier: MPL-2.0
"""curve_push.py ENDPOINT SERVER-KEY TEXT: sends a text under CURVE.  Prints what the socket's
monitor says of the connection until it knows how the handshake ended."""
import sys

import zmq
from zmq.utils.monitor import recv_monitor_message

context = zmq.Context()
socket = context.socket(zmq.PUSH)
socket.linger = 2000
socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
socket.curve_serverkey = sys.argv[2].encode()
monitor = socket.get_monitor_socket()
socket.connect(sys.argv[1])
socket.send_string(sys.argv[3])
while True:
    event = recv_monitor_message(monitor)
    name = event["event"].name
    print(name, event["endpoint"].decode(), flush=True)
    if name == "HANDSHAKE_SUCCEEDED":
        break
    if name.startswith("HANDSHAKE_FAILED") or name == "DISCONNECTED":
        socket.linger = 0
        break
socket.disable_monitor()
monitor.close()
socket.close()
context.term()
