# SPDX-License-Identifier: MPL-2.0
"""mongrel_handler.py SEND-SPEC RECV-SPEC NAME: answers the HTTP requests that Mongrel2 hands on
with its own name.  Mongrel2's manual describes the messages."""
import sys

import zmq

context = zmq.Context()
requests, responses = context.socket(zmq.PULL), context.socket(zmq.PUB)
requests.connect(sys.argv[1])
responses.connect(sys.argv[2])
body = sys.argv[3].encode()
print("ready", flush=True)
while True:
    message = requests.recv(copy=False)
    sender, connection, _ = message.bytes.split(b" ", 2)
    responses.send(b"%s %d:%s, HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
                   % (sender, len(connection), connection, len(body), body))
    print("answered", message.get("Peer-Address"), flush=True)
