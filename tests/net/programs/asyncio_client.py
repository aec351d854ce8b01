# SPDX-License-Identifier: MPL-2.0
"""asyncio_client.py ENDPOINT COUNT: that many tasks send a request at once, over a socket each.
Prints who answered them: each address and how often."""
import asyncio
import collections
import sys

import zmq
import zmq.asyncio

context = zmq.asyncio.Context()


async def ask(number):
    socket = context.socket(zmq.DEALER)
    socket.linger = 0
    socket.connect(sys.argv[1])
    await socket.send_multipart([b"", b"%d" % number])
    _, reply = await socket.recv_multipart(copy=False)
    socket.close()
    assert reply.bytes == b"%d" % number
    return reply.get("Peer-Address")


async def main():
    peers = await asyncio.wait_for(
        asyncio.gather(*[ask(number) for number in range(int(sys.argv[2]))]), 15)
    for peer, count in sorted(collections.Counter(peers).items()):
        print(peer, count, flush=True)


asyncio.run(main())
