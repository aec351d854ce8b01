# SPDX-License-Identifier: MPL-2.0
"""dial.py MS HOST PORT: prints "first MS", from asyncio's open_connection to the first byte of a
reply; nothing when that takes longer than the MS given, or fails."""
import asyncio
import os
import sys
import time


async def first_byte(host, port):
    reader, writer = await asyncio.open_connection(host, port, happy_eyeballs_delay=0.25)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    return await reader.read(1)


async def main():
    start = time.monotonic()
    try:
        if await asyncio.wait_for(first_byte(sys.argv[2], int(sys.argv[3])),
                                  int(sys.argv[1]) / 1000):
            print("first %.3f" % ((time.monotonic() - start) * 1000), flush=True)
    except (OSError, asyncio.TimeoutError):
        pass
    os._exit(0)  # a look-up may still run


asyncio.run(main())
