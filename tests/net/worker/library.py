# SPDX-License-Identifier: MPL-2.0
"""libzmq itself: its calls through ctypes, its numbers and its errors by name."""
import ctypes
import errno

import zmq

LIB = ctypes.CDLL("libzmq.so.5", use_errno=True)
for function, arguments in {
        "zmq_bind": [ctypes.c_void_p, ctypes.c_char_p],
        "zmq_unbind": [ctypes.c_void_p, ctypes.c_char_p],
        "zmq_connect": [ctypes.c_void_p, ctypes.c_char_p],
        "zmq_disconnect": [ctypes.c_void_p, ctypes.c_char_p],
        "zmq_setsockopt": [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t],
        "zmq_getsockopt": [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p],
        "zmq_ctx_set": [ctypes.c_void_p, ctypes.c_int, ctypes.c_int],
        "zmq_ctx_get": [ctypes.c_void_p, ctypes.c_int],
}.items():
    getattr(LIB, function).argtypes = arguments
# Not every pyzmq has all of these constants.
OPTIONS = {"IPV4ONLY": 31, "IPV6": 42, "USE_FD": 89, "BINDTODEVICE": 92, "TOS": 57,
           "TCP_ACCEPT_FILTER": 38, "ZAP_DOMAIN": 55, "PRIORITY": 112, "RECONNECT_STOP": 109,
           "SOCKS_PROXY": 68, "TCP_MAXRT": 80, "CONNECT_TIMEOUT": 79, "HANDSHAKE_IVL": 66}
KINDS = {"RADIO": 14, "DISH": 15, "DGRAM": 18}
LONG_OPTIONS = {"AFFINITY", "MAXMSGSIZE"}
TEXT_OPTIONS = {"LAST_ENDPOINT", "BINDTODEVICE", "ZAP_DOMAIN"}
ZMQ_ERRNOS = {156384712 + number: name for number, name in [
    (1, "ENOTSUP"), (2, "EPROTONOSUPPORT"), (3, "ENOBUFS"), (4, "ENETDOWN"),
    (51, "EFSM"), (52, "ENOCOMPATPROTO"), (53, "ETERM"), (54, "EMTHREAD")]}


def errno_name(number):
    return ZMQ_ERRNOS.get(number) or errno.errorcode.get(number) or str(number)


def outcome(rc):
    return "ok" if rc != -1 else errno_name(ctypes.get_errno())


def to_bytes(text):
    """JSON text to bytes; surrogates stand for bytes that are not UTF-8."""
    return text.encode("utf-8", "surrogateescape")


def to_text(data):
    return data.decode("utf-8", "backslashreplace")


def option_number(name):
    return OPTIONS.get(name) or int(getattr(zmq, name))
