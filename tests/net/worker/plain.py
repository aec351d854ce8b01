# SPDX-License-Identifier: MPL-2.0
"""The system's sockets, without libzmq, and the options that libzmq's own have."""
import os
import socket
import time

from .library import errno_name
from .state import STATE, expand


def plain_address(host, port, zone=None):
    if ":" in host:
        return socket.AF_INET6, (host, port, 0, socket.if_nametoindex(zone) if zone else 0)
    return socket.AF_INET, (host, port)


def op_tcp(host, port, zone=None, src=None, timeout=5.0, hold=None):
    """Dial as any ZMTP peer would.  Returns "greeting" if a ZeroMQ socket answered, "closed" if the
    peer let us in and hung up, else the errno."""
    family, address = plain_address(host, int(expand(str(port))), zone)
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.settimeout(timeout)
    try:
        if src:
            sock.bind(plain_address(src, 0, zone)[1])
        sock.connect(address)
        data = sock.recv(10)
    except socket.timeout:
        return "timeout"
    except ConnectionResetError:
        return "closed"
    except OSError as error:
        return errno_name(error.errno)
    finally:
        if hold:
            STATE.held[hold] = sock
        else:
            sock.close()
    return "greeting" if data[:1] == b"\xff" else "closed" if not data else "data"


def op_flood(host, port, seconds):
    """Connect and hang up without pause; returns how often somebody answered."""
    family, address = plain_address(host, port)
    end, reached = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.settimeout(1.0)
            try:
                sock.connect(address)
                reached += 1
            except OSError:
                pass
    return reached


def op_occupy(id, host, port=0, v6only=True, zone=None):
    """Take a port as another program would; returns the port."""
    family, address = plain_address(host, port, zone)
    sock = socket.socket(family, socket.SOCK_STREAM)
    # A connection of an earlier test in TIME_WAIT must not keep the port from us; a listener does.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(v6only))
    try:
        sock.bind(address)
        sock.listen(8)
    except OSError as error:
        sock.close()
        return errno_name(error.errno)
    STATE.held[id] = sock
    return sock.getsockname()[1]


def op_occupy_many(id, host, ports, v6only=True):
    return [op_occupy("%s-%d" % (id, port), host, port, v6only) for port in ports]


def op_release(id):
    STATE.held.pop(id).close()
    return "ok"


def own_sockets():
    """A copy of each socket that this process has, under the number of the original."""
    for name in os.listdir("/proc/self/fd"):
        copy = None
        try:
            copy = os.dup(int(name))
            sock = socket.socket(fileno=copy)
        except OSError:
            if copy is not None:
                os.close(copy)
            continue
        with sock:
            yield int(name), sock


def established():
    """Copies of this process's connected TCP sockets."""
    for _, sock in own_sockets():
        try:
            if sock.family in (socket.AF_INET, socket.AF_INET6):
                sock.getpeername()
                yield sock
        except OSError:
            continue


def op_cut(ports):
    """Cut the connections of this process's servers on `ports`: the peers see the end of the
    stream, and the servers go on listening."""
    cut = 0
    for sock in established():
        if sock.getsockname()[1] in ports:
            sock.shutdown(socket.SHUT_RDWR)
            cut += 1
    return cut


def op_tcpopts(port):
    """Options of this process's listening TCP sockets on `port`, as the kernel has them."""
    found = []
    for number, sock in own_sockets():
        try:
            if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                continue
            address = sock.getsockname()
        except OSError:
            continue
        if sock.family not in (socket.AF_INET, socket.AF_INET6) or address[1] != port:
            continue
        found.append(dict(
            common_options(sock), address=address[0],
            v6only=sock.getsockopt(41, 26) if sock.family == socket.AF_INET6 else None,
            reuseaddr=sock.getsockopt(1, 2), cloexec=not os.get_inheritable(number)))
    return sorted(found, key=lambda entry: (entry["family"], entry["address"]))


def op_dialopts(port):
    """Options of this process's TCP sockets that are connecting, or connected, to `port`."""
    inodes = {}
    for table in ("tcp", "tcp6"):
        with open("/proc/self/net/" + table) as lines:
            for words in map(str.split, list(lines)[1:]):
                if int(words[2].split(":")[1], 16) == port:
                    inodes["socket:[%s]" % words[9]] = words[3]
    found = []
    for number, sock in own_sockets():
        state = inodes.get(os.readlink("/proc/self/fd/%d" % number))
        if state:
            found.append(dict(common_options(sock), state=state,
                              keepalive=sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                              nodelay=sock.getsockopt(6, socket.TCP_NODELAY) != 0,
                              maxrt=sock.getsockopt(6, socket.TCP_USER_TIMEOUT),
                              cloexec=not os.get_inheritable(number)))
    return sorted(found, key=lambda entry: (entry["family"], entry["state"]))


def common_options(sock):
    six = sock.family == socket.AF_INET6
    return {"family": 6 if six else 4,
            "tos": sock.getsockopt(0, 1), "tclass": sock.getsockopt(41, 67) if six else None,
            "priority": sock.getsockopt(1, 12), "sndbuf": sock.getsockopt(1, 7),
            "rcvbuf": sock.getsockopt(1, 8),
            "device": sock.getsockopt(1, 25, 16).rstrip(b"\0").decode()}
