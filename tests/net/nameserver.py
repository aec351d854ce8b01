# SPDX-License-Identifier: MPL-2.0
"""A small DNS server for one namespace, with faults: `nameserver.py ADDRESS ZONE-AS-JSON`.

The zone has an entry for each name; what is not in it does not exist.  "*.corp.test" is every
name below corp.test that has no entry of its own.

    {"A": ["192.0.2.1"], "AAAA": [],   the answers; or
     "cname": "other.test",            another name, to which all of the following belongs, too
     "rotate": true,                   each answer begins one address later than the last
                                       and several kinds of trouble:
     "delay": {"AAAA": 0.2},           seconds before the answer
     "drop": ["A"],                    kinds of question that get no answer at all
     "rcode": {"AAAA": "SERVFAIL"},    or one word for both kinds; the records are left out
     "truncate": ["A"],                over UDP only the TC bit: ask again over TCP
     "more": {"A": 4000},              so many addresses more than those
     "garble": {"AAAA": "loop"}}       not an answer but (see garbled)

Prints "ready", then one line per question: "host.test AAAA udp 12.345", the last being the
time on the clock that all processes share.  Orders are lines of JSON on standard input:
{"set": {NAME: ENTRY or null}}; "done" is printed when one has taken effect.
"""
import collections
import ipaddress
import json
import os
import socket
import struct
import sys
import threading
import time

TYPES = {1: "A", 28: "AAAA"}
CODES = {"NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5}
UDP_SIZE = 512
LONGEST_CHAIN = 40
PRINTING = threading.Lock()


def say(text):
    with PRINTING:
        print(text, flush=True)


def parse_question(packet):
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1"))
        at += 1 + packet[at]
    kind = struct.unpack(">H", packet[at + 1:at + 3])[0]
    return ".".join(labels).lower(), kind, packet[12:at + 5]


def response_code(entry, kind):
    if entry is None:
        return CODES["NXDOMAIN"]
    code = entry.get("rcode", 0)
    if isinstance(code, dict):
        code = code.get(kind, 0)
    return CODES[code] if isinstance(code, str) else code


def wire_name(name):
    return b"".join(bytes([len(label)]) + label.encode("latin-1")
                    for label in name.split(".")) + b"\0"


def record(owner, text):
    data = ipaddress.ip_address(text).packed
    return owner + struct.pack(">HHIH", 28 if len(data) == 16 else 1, 1, 1, len(data)) + data


def alias(owner, target):
    data = wire_name(target)
    return owner + struct.pack(">HHIH", 5, 1, 1, len(data)) + data


def find(zone, name):
    """The entry of a name, or of the wildcard that covers it."""
    labels = name.split(".")
    covers = [name] + [".".join(["*"] + labels[at:]) for at in range(1, len(labels))]
    return next((zone[one] for one in covers if one in zone), None)


def follow(zone, name):
    """The names that this one leads to, and the last one's entry."""
    names, entry = [], find(zone, name)
    while (entry or {}).get("cname") and len(names) < LONGEST_CHAIN:
        names.append(entry["cname"])
        entry = find(zone, names[-1])
    return names, entry


def answer(packet, question, names, entry, kind, over_udp, turn=0):
    entry_records = (entry or {}).get(kind, [])
    if (entry or {}).get("rotate") and entry_records:
        turn %= len(entry_records)
        entry_records = entry_records[turn:] + entry_records[:turn]
    more = (entry or {}).get("more", {}).get(kind, 0)
    entry_records = entry_records + [OTHERS[kind] % (n // 250, n % 250) for n in range(more)]
    code = response_code(entry, kind)
    owners = [b"\xc0\x0c"] + [wire_name(one) for one in names]
    data = [alias(owner, target) for owner, target in zip(owners, names)]
    data += [record(owners[-1], text) for text in entry_records] if code == 0 else []
    cut = over_udp and (kind in (entry or {}).get("truncate", [])
                        or 12 + len(question) + sum(map(len, data)) > UDP_SIZE)
    if cut:
        data = []
    flags = 0x8580 | (0x0200 if cut else 0) | code
    return packet[:2] + struct.pack(">HHHHH", flags, 1, len(data), 0, 0) + question + b"".join(data)


OTHERS = {"A": "10.200.%d.%d", "AAAA": "2001:db8:200::%x:%x"}


def garbled(kind, packet, question, transport):
    """A malformed answer, or None to close the connection instead."""
    head = packet[:2] + struct.pack(">HHHHH", 0x8580, 1, 1, 0, 0)
    address = struct.pack(">HHIH", 1, 1, 1, 4) + bytes(4)
    if kind == "tc":  # says "ask over TCP", where nobody answers
        return None if transport == "tcp" else packet[:2] + struct.pack(
            ">HHHHH", 0x8780, 1, 0, 0, 0) + question
    return {
        "random": packet[:2] + os.urandom(200),
        "header": head,
        "nothing": b"\0",
        "id": bytes([packet[0] ^ 255]) + head[1:] + question + b"\xc0\x0c" + address,
        "question": head + b"\x05wrong" + question + b"\xc0\x0c" + address,
        # A compressed name that points at itself, and one that points forward.
        "loop": head + question + struct.pack(">H", 0xc000 + 12 + len(question)) + address,
        "forward": head + question + b"\xff\xff" + address,
        "count": packet[:2] + struct.pack(">HHHHH", 0x8580, 1, 65535, 9, 9) + question,
        "length": head + question + b"\xc0\x0c" + struct.pack(">HHIH", 28, 1, 1, 60000),
        # The name is another name for itself.
        "cname": head + question + b"\xc0\x0c" + struct.pack(">HHIH", 5, 1, 1, 2) + b"\xc0\x0c",
    }[kind]


def answer_stream(peer, data):
    if data is None:
        peer.shutdown(socket.SHUT_RDWR)
    else:
        peer.sendall(struct.pack(">H", len(data)) + data)


class Server:
    def __init__(self, address, zone):
        self.zone = zone
        self.turns = collections.Counter()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.udp = socket.socket(family, socket.SOCK_DGRAM)
        self.udp.bind((address, 53))
        self.tcp = socket.socket(family, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind((address, 53))
        self.tcp.listen(64)

    def take(self, packet, transport, reply):
        """Answers with `reply`, now or later or never."""
        try:
            name, number, question = parse_question(packet)
        except (IndexError, struct.error):
            return
        kind = TYPES.get(number, str(number))
        say("%s %s %s %.6f" % (name, kind, transport, time.monotonic()))
        names, entry = follow(self.zone, name)
        if kind in (entry or {}).get("drop", []):
            return
        garble = (entry or {}).get("garble", {}).get(kind)
        if garble:
            data = garbled(garble, packet, question, transport)
        else:
            data = answer(packet, question, names, entry, kind, transport == "udp",
                          self.turns[name, kind])
            self.turns[name, kind] += 1
        if data is None:
            reply(None)
            return
        delay = (entry or {}).get("delay", {}).get(kind, 0)
        if delay:
            timer = threading.Timer(delay, reply, (data,))
            timer.daemon = True
            timer.start()
        else:
            reply(data)

    def serve_udp(self):
        while True:
            packet, peer = self.udp.recvfrom(4096)
            self.take(packet, "udp", lambda data, peer=peer: self.udp.sendto(data, peer))

    def serve_tcp(self):
        while True:
            peer = self.tcp.accept()[0]
            threading.Thread(target=self.serve_stream, args=(peer,), daemon=True).start()

    def serve_stream(self, peer):
        stream = peer.makefile("rb")
        while True:
            head = stream.read(2)
            if len(head) < 2:
                return
            packet = stream.read(struct.unpack(">H", head)[0])
            self.take(packet, "tcp", lambda data: answer_stream(peer, data))

    def obey(self):
        """Takes orders; ends the process when the test run goes away."""
        for line in sys.stdin:
            for name, entry in json.loads(line)["set"].items():
                if entry is not None:
                    self.zone[name] = entry
                else:
                    self.zone.pop(name, None)
            say("done")
        os._exit(0)


def main():
    server = Server(sys.argv[1], json.loads(sys.argv[2]))
    for work in (server.serve_tcp, server.obey):
        threading.Thread(target=work, daemon=True).start()
    say("ready")
    server.serve_udp()


if __name__ == "__main__":
    main()
