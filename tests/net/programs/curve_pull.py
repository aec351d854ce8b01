# SPDX-License-Identifier: MPL-2.0
"""curve_pull.py ENDPOINT: a CURVE server that everybody who knows its key may send to.  Prints its
key, and then every message and where it came from."""
import sys

import zmq

public, secret = zmq.curve_keypair()
socket = zmq.Context().socket(zmq.PULL)
socket.curve_server = True
socket.curve_secretkey = secret
socket.bind(sys.argv[1])
print("key %s" % public.decode(), flush=True)
while True:
    message = socket.recv(copy=False)
    print("%s from %s" % (message.bytes.decode(), message.get("Peer-Address")), flush=True)
