# SPDX-License-Identifier: MPL-2.0
"""forwarder.py FOR-PUBLISHERS FOR-SUBSCRIBERS: forwards what is published, with zmq.device."""
import sys

import zmq

context = zmq.Context()
publishers, subscribers = context.socket(zmq.XSUB), context.socket(zmq.XPUB)
publishers.bind(sys.argv[1])
subscribers.bind(sys.argv[2])
print("ready", flush=True)
zmq.device(zmq.FORWARDER, publishers, subscribers)
