# SPDX-License-Identifier: MPL-2.0
"""A small DNS server for one namespace: `nameserver.py ADDRESS ZONE-AS-JSON`.

Prints "ready", then one line per question: "host.test AAAA".  See lab.Nameserver.
"""
import ipaddress
import json
import os
import socket
import struct
import sys
import threading

TYPES = {1: "A", 28: "AAAA"}


def parse_question(packet):
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1"))
        at += 1 + packet[at]
    kind = struct.unpack(">H", packet[at + 1:at + 3])[0]
    return ".".join(labels).lower(), kind, packet[12:at + 5]


def answer(packet, question, entry, kind):
    records = (entry or {}).get(kind, [])
    code = (entry or {}).get("rcode", 0 if entry is not None else 3)
    reply = packet[:2] + struct.pack(">HHHHH", 0x8580 | code, 1, len(records), 0, 0) + question
    for text in records:
        data = ipaddress.ip_address(text).packed
        reply += struct.pack(">HHHIH", 0xc00c, 28 if len(data) == 16 else 1, 1, 1, len(data))
        reply += data
    return reply


def end_with_stdin():
    sys.stdin.read()
    os._exit(0)


def main():
    address, zone = sys.argv[1], json.loads(sys.argv[2])
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.bind((address, 53))
    threading.Thread(target=end_with_stdin, daemon=True).start()
    print("ready", flush=True)
    while True:
        packet, peer = sock.recvfrom(4096)
        try:
            name, number, question = parse_question(packet)
        except (IndexError, struct.error):
            continue
        kind = TYPES.get(number, str(number))
        print(name, kind, flush=True)
        entry = zone.get(name)
        if kind in (entry or {}).get("drop", []):
            continue
        reply = answer(packet, question, entry, kind)
        delay = (entry or {}).get("delay", {}).get(kind, 0)
        threading.Timer(delay, sock.sendto, (reply, peer)).start()


if __name__ == "__main__":
    main()
