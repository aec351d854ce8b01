# SPDX-License-Identifier: MPL-2.0
"""A wire between two namespaces that is slow or lossy: `bridge.py PID NIC PID NIC`.

Each end is a TAP device in the namespace of that process; the frames go through here.
Orders are lines of JSON on standard input: {"delay": {"6": 0.2}, "drop": ["4"]}, in seconds one
way, for each family; a family that an order does not name has no delay and no loss.  ARP and
neighbour discovery are never touched.  Prints "ready", and "done" for each order.
"""
import ctypes
import fcntl
import heapq
import json
import os
import select
import struct
import sys
import time

TUNSETIFF = 0x400454ca
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
CLONE_NEWNET = 0x40000000
NEIGHBOUR_DISCOVERY = range(133, 138)


def open_tap(pid, name):
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/%s/ns/net" % pid) as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return tap


def family(frame):
    """"4", "6", or None for what has to pass in any case."""
    kind = frame[12:14]
    if kind == b"\x08\x00":
        return "4"
    if kind != b"\x86\xdd":
        return None
    if frame[20] == 58 and frame[54] in NEIGHBOUR_DISCOVERY:
        return None
    return "6"


class Bridge:
    def __init__(self, one, other):
        self.far = {one: other, other: one}
        self.delay = {}
        self.drop = []
        self.waiting = []  # (time, serial, device, frame)
        self.serial = 0

    def take(self, tap):
        while True:
            try:
                frame = os.read(tap, 65536)
            except BlockingIOError:
                return
            kind = family(frame)
            if kind in self.drop:
                continue
            self.serial += 1
            due = time.monotonic() + self.delay.get(kind, 0)
            heapq.heappush(self.waiting, (due, self.serial, self.far[tap], frame))

    def deliver(self):
        """Frames whose time has come; the seconds until the next one, or None."""
        while self.waiting:
            left = self.waiting[0][0] - time.monotonic()
            if left > 0:
                return left
            try:
                os.write(self.waiting[0][2], self.waiting[0][3])
            except OSError:
                pass  # that end is down
            heapq.heappop(self.waiting)
        return None

    def obey(self):
        line = sys.stdin.readline()
        if not line:
            os._exit(0)
        order = json.loads(line)
        self.delay, self.drop = order.get("delay", {}), order.get("drop", [])
        print("done", flush=True)

    def run(self):
        while True:
            left = self.deliver()
            ready = select.select(list(self.far) + [sys.stdin], [], [], left)[0]
            for tap in self.far:
                if tap in ready:
                    self.take(tap)
            if sys.stdin in ready:
                self.obey()


def main():
    one, other = open_tap(*sys.argv[1:3]), open_tap(*sys.argv[3:5])
    print("ready", flush=True)
    Bridge(one, other).run()


if __name__ == "__main__":
    main()
