# SPDX-License-Identifier: MPL-2.0
"""What the host's resolver says of a name, and which addresses libzmq has dialled."""
import ctypes
import ipaddress
import socket
import time

ERRORS = {value: name for name, value in vars(socket).items() if name.startswith("EAI_")}


def op_dialled(port):
    """Every connect () to `port` so far, by dialshim.c: [[address, seconds], ...]."""
    shim = ctypes.CDLL(None)
    shim.dial_shim_calls.restype = ctypes.c_char_p
    calls = [line.split() for line in shim.dial_shim_calls().decode().splitlines()]
    return [[plain_text(host), float(when)] for host, number, when in calls if int(number) == port]


def plain_text(host):
    """As IPv4 where it is IPv4."""
    address = ipaddress.ip_address(host)
    return str(getattr(address, "ipv4_mapped", None) or address)


def op_getaddrinfo(name, family=0, mapped=False, canonical=False):
    """What any program on this host is told: the addresses in order, or the error; and how long
    that took."""
    flags = (socket.AI_V4MAPPED if mapped else 0) | (socket.AI_CANONNAME if canonical else 0)
    start = time.monotonic()
    try:
        found, problem = socket.getaddrinfo(name, None, family, socket.SOCK_STREAM, 0, flags), None
    except socket.gaierror as error:
        found, problem = [], ERRORS.get(error.errno, str(error.errno))
    except UnicodeError:
        found, problem = [], "EAI_NONAME"
    return {"addresses": [plain_text(one[4][0].partition("%")[0]) for one in found],
            "canonical": found[0][3] if found else "", "error": problem,
            "seconds": time.monotonic() - start}
