# SPDX-License-Identifier: MPL-2.0
"""auth_server.py thread|asyncio allow|deny ADDRESS...: answers requests at a port of its choice,
under pyzmq's own authenticator.  Prints the port."""
import asyncio
import sys

import zmq
import zmq.asyncio
from zmq.auth.asyncio import AsyncioAuthenticator
from zmq.auth.thread import ThreadAuthenticator

kind, verdict, *addresses = sys.argv[1:]


def set_up(authenticator, socket):
    authenticator.start()
    getattr(authenticator, verdict)(*addresses)
    socket.zap_domain = b"global"
    print("port %d" % socket.bind_to_random_port("tcp://*"), flush=True)


def serve():
    context = zmq.Context()
    socket = context.socket(zmq.REP)
    authenticator = ThreadAuthenticator(context)
    set_up(authenticator, socket)
    while True:
        socket.send(socket.recv())


async def serve_asyncio():
    context = zmq.asyncio.Context()
    socket = context.socket(zmq.REP)
    authenticator = AsyncioAuthenticator(context)
    set_up(authenticator, socket)
    while True:
        await socket.send(await socket.recv())


if kind == "thread":
    serve()
else:
    asyncio.run(serve_asyncio())
