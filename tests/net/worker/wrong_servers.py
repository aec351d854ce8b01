# SPDX-License-Identifier: MPL-2.0
"""Programs that have the port and are not the server: they speak something else, or SOCKS."""
import socket
import struct
import threading
import time

from .library import to_bytes
from .plain import plain_address
from .state import STATE


class Acceptor(threading.Thread):
    """A TCP server; each connection has a thread."""

    def __init__(self, host, port):
        super().__init__(daemon=True)
        family, address = plain_address(host, port)
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            self.listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.listener.bind(address)
        self.listener.listen(64)
        self.count = 0
        self.held = []
        self.over = False
        self.start()

    def run(self):
        while not self.over:
            try:
                peer = self.listener.accept()[0]
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self.quietly, args=(peer,), daemon=True).start()

    def end(self):
        """Frees the port."""
        self.over = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.join()
        self.listener.close()
        for peer in self.held:
            peer.close()

    def quietly(self, peer):
        try:
            self.talk(peer)
        except OSError:
            peer.close()


class WrongServer(Acceptor):
    def __init__(self, host, port, say, then, listens, stays, reset, pieces):
        self.say, self.then, self.pieces = say, then, pieces
        self.listens, self.stays, self.reset = listens, stays, reset
        super().__init__(host, port)

    def talk(self, peer):
        if self.listens:
            peer.recv(4096)
        if self.say:
            peer.sendall(self.say)
        for piece in self.pieces:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer.sendall(piece)
            time.sleep(0.05)
        if self.then:
            peer.recv(4096)
            peer.sendall(self.then)
        if self.stays:
            self.held.append(peer)
            while peer.recv(4096):
                pass
        if self.reset:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()


def op_wrong_server(id, host, port, say="", hex="", then="", listens=False, stays=False,
                    reset=False, pieces=()):
    """A TCP server that speaks no ZMTP.  It may read first, may say something, at once or in pieces
    of hex with pauses, may answer what it reads next, and then stays silent, hangs up or resets."""
    words = bytes.fromhex(hex) if hex else to_bytes(say)
    STATE.wrong_servers[id] = WrongServer(host, port, words, to_bytes(then), listens, stays, reset,
                                          [bytes.fromhex(piece) for piece in pieces])
    return "ok"


def op_end_wrong_server(id):
    STATE.wrong_servers.pop(id).end()
    return "ok"


def op_met(id):
    """How many connections a wrong server or a proxy has had."""
    return STATE.wrong_servers[id].count


class Socks(Acceptor):
    """A SOCKS5 proxy without authentication; `verdict` is what it answers to requests."""

    def __init__(self, host, port, verdict):
        self.verdict, self.requests = verdict, []
        super().__init__(host, port)

    def talk(self, peer):
        stream = peer.makefile("rb")
        stream.read(stream.read(2)[1])
        peer.sendall(b"\x05\x00")
        kind = stream.read(4)[3]
        if kind == 3:
            host = stream.read(stream.read(1)[0]).decode()
        else:
            size, family = (4, socket.AF_INET) if kind == 1 else (16, socket.AF_INET6)
            host = socket.inet_ntop(family, stream.read(size))
        port = struct.unpack(">H", stream.read(2))[0]
        self.requests.append("%s %d" % (host, port))
        peer.sendall(b"\x05" + bytes([self.verdict]) + b"\x00\x01" + bytes(6))
        if self.verdict:
            peer.close()
            return
        far = socket.create_connection((host, port), timeout=5)
        far.settimeout(None)
        for one, two in ((peer, far), (far, peer)):
            threading.Thread(target=self.pump, args=(one, two), daemon=True).start()

    def pump(self, one, two):
        try:
            while True:
                data = one.recv(65536)
                if not data:
                    break
                two.sendall(data)
        except OSError:
            pass
        for sock in (one, two):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def op_socks(id, host, port=1080, verdict=0):
    STATE.wrong_servers[id] = Socks(host, port, verdict)
    return "ok"


def op_socks_log(id):
    return STATE.wrong_servers[id].requests
