# SPDX-License-Identifier: MPL-2.0
"""The call sequences of the differential test (U-1), as data.

A Case is a list of steps for one worker (see worker/) which runs under stock and under patched,
each in a namespace of the same make.  Every result has to be the same, except for the deliberate
differences that the case itself names:

    deliberate = {step number: (what patched answers, reason)}
    tolerate   = {step number: errnos that patched may have instead of stock's}
"""
import itertools
import random

from lab import MODES


class Case:
    def __init__(self, name, steps, deliberate=None, tolerate=None):
        self.name = name
        self.steps = steps
        self.deliberate = deliberate or {}
        self.tolerate = tolerate or {}


def step(op, **args):
    return dict(args, op=op)


def open_socket(name, kind, mode, monitor=True, ctx="c", **opts):
    return step("socket", id=name, kind=kind, ctx=ctx, ctx_opts=mode.ctx, monitor=monitor,
                opts=dict(mode.sock, **opts))


def look(name, keep):
    """Everything about the mode and the bind that an app can read."""
    return [step("get", id=name, opt="LAST_ENDPOINT", keep=keep),
            step("get", id=name, opt="IPV6"), step("get", id=name, opt="IPV4ONLY"),
            step("ctxget", opt="IPV6")]


def exchange(server, client):
    """One message each way, in the manner of the two socket types; steps for s and c."""
    if (server, client) == ("REP", "REQ") or (server, client) == ("ROUTER", "DEALER"):
        hide = server == "ROUTER"
        return [step("send", id="c", parts=["ping"]),
                step("poll", id="s"), step("get", id="s", opt="EVENTS"),
                step("recv", id="s", hide_first=hide),
                step("send", id="s", parts=["<id>", "pong"] if hide else ["pong"]),
                step("recv", id="c"), step("get", id="c", opt="EVENTS")]
    if (server, client) == ("PULL", "PUSH"):
        return [step("send", id="c", parts=["ping", "more"]), step("recv", id="s")]
    if (server, client) == ("PAIR", "PAIR"):
        return [step("send", id="c", parts=["ping"]), step("recv", id="s"),
                step("send", id="s", parts=["pong"]), step("recv", id="c")]
    if (server, client) == ("XPUB", "SUB"):
        return [step("set", id="c", opt="SUBSCRIBE", value="t"), step("recv", id="s"),
                step("send", id="s", parts=["topic", "x"]), step("recv", id="c")]
    if (server, client) == ("STREAM", "STREAM"):
        # Each side is told of the connection by an empty message with its routing id.
        return [step("recv", id="s", hide_first=True), step("recv", id="c", hide_first=True),
                step("send", id="c", parts=["<id>", "bytes"]),
                step("recv", id="s", hide_first=True)]
    raise ValueError((server, client))


PAIRS = [("REP", "REQ"), ("ROUTER", "DEALER"), ("PULL", "PUSH"), ("PAIR", "PAIR"),
         ("XPUB", "SUB"), ("STREAM", "STREAM")]


def life(server, client, mode, endpoint, dial="{L}", client_mode=None):
    """Bind, connect, talk, disconnect, unbind, and the same name again."""
    raw = server == "STREAM"
    up = ["ACCEPTED"] if raw else ["ACCEPTED", "HANDSHAKE_SUCCEEDED"]
    up_client = ["CONNECTED"] if raw else ["CONNECTED", "HANDSHAKE_SUCCEEDED"]
    zap = {} if raw else {"ZAP_DOMAIN": "global"}
    steps = [step("ctx", opts=mode.ctx), step("zap"), open_socket("s", server, mode, **zap),
             step("bind", id="s", ep=endpoint, vital=True)]
    steps += look("s", "L") + [step("get", id="s", opt="EVENTS")]
    steps += [open_socket("c", client, client_mode or mode),
              step("connect", id="c", ep=dial)]
    steps += look("c", "D")
    steps += [step("events", id="s", until=["LISTENING"] + up, vital=True),
              step("events", id="c", until=up_client, vital=True)]
    steps += exchange(server, client)
    steps += [step("disconnect", id="c", ep=dial),
              step("close", id="c"),
              step("events", id="s", until=["DISCONNECTED"]),
              step("unbind", id="s", ep="{L}"), step("events", id="s", until=["CLOSED"]),
              step("unbind", id="s", ep="{L}"),
              step("bind", id="s", ep=endpoint)] + look("s", "M") + [
              step("close", id="s"), step("zaplog")]
    return steps


def lives():
    """Socket types x modes x endpoints."""
    endpoints = ["tcp://*:5555", "tcp://127.0.0.1:5555", "tcp://0.0.0.0:*", "tcp://eth0:5555",
                 "tcp://lo:*"]
    for (server, client), mode, endpoint in itertools.product(PAIRS, MODES.values(), endpoints):
        if mode.env:
            continue  # the switch: see off_cases
        if (server, client) != ("REP", "REQ") and mode.name not in ("auto", "v6", "v4"):
            continue
        yield Case("life-%s-%s-%s" % (server, mode.name, endpoint),
                   life(server, client, mode, endpoint))


def crossings():
    """IPv4 peers of a listener in another mode, IPv6 peers of one in `v6`."""
    auto, v6, v4 = MODES["auto"], MODES["v6"], MODES["v4"]
    for mode, endpoint, dial, client_mode in [
            (auto, "tcp://*:5555", "tcp://127.0.0.1:5555", v4),
            (auto, "tcp://*:5555", "tcp://10.0.0.1:5555", auto),
            (auto, "tcp://*:5555", "tcp://127.0.0.1:5555", v6),
            (auto, "tcp://eth0:5555", "tcp://10.0.0.1:5555", v6),
            (v6, "tcp://*:5555", "tcp://127.0.0.1:5555", v4),
            (v6, "tcp://*:5555", "tcp://127.0.0.1:5555", auto),
            (v6, "tcp://*:5555", "tcp://10.0.0.1:5555", v6),
            (v6, "tcp://*:5555", "tcp://[::1]:5555", v6),
            (v6, "tcp://[::]:5555", "tcp://[2001:db8::1]:5555", v6),
            (v6, "tcp://[::]:5555", "tcp://10.0.0.1:5555", auto),
            (v6, "tcp://0.0.0.0:5555", "tcp://127.0.0.1:5555", auto),
            (v6, "tcp://127.0.0.1:5555", "tcp://127.0.0.1:5555", auto),
            (v6, "tcp://[::ffff:127.0.0.1]:5555", "tcp://127.0.0.1:5555", v4),
            (v6, "tcp://[2001:db8::1]:5555", "tcp://[2001:db8::1]:5555", v6),
            (v6, "tcp://[fe80::1%eth0]:5555", "tcp://[fe80::1%eth0]:5555", v6),
            (v6, "tcp://eth0:5555", "tcp://[2001:db8::1]:5555", v6),
            (auto, "tcp://127.0.0.1:5555", "tcp://127.0.0.2:0;127.0.0.1:5555", auto),
            (auto, "tcp://*:5555", "tcp://127.0.0.2:0;127.0.0.1:5555", auto),
            (v6, "tcp://*:5555", "tcp://[::ffff:127.0.0.2]:0;127.0.0.1:5555", v6),
            (v6, "tcp://*:5555", "tcp://[::]:0;127.0.0.1:5555", v6),
            (v6, "tcp://*:5555", "tcp://[::]:40404;127.0.0.1:5555", v6),
            (v6, "tcp://*:5555", "tcp://[::]:0;[::1]:5555", v6),
            (v6, "tcp://*:5555", "tcp://127.0.0.2:0;127.0.0.1:5555", v6),
            (auto, "tcp://*:5555", "tcp://eth0:0;10.0.0.1:5555", auto)]:
        for server, client in (("REP", "REQ"), ("ROUTER", "DEALER"), ("STREAM", "STREAM")):
            name = "cross-%s-%s-%s-%s-%s" % (server, mode.name, endpoint, client_mode.name, dial)
            yield Case(name, life(server, client, mode, endpoint, dial, client_mode))


# Every text that stock binds in some mode, and many that it binds in none.
HOSTS = ["*", "[*]", "*%lo", "0.0.0.0", "0", "00", "127.0.0.1", "[127.0.0.1]", "127.1", "127.0.1",
         "0x7f.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.0.0.1%lo", "127.0.0.1%1",
         "127.0.0.1%eth0", "10.0.0.1", "10.0.0.99", "256.1.1.1", "1.2.3.4.5", "127.0.0.1.",
         "[::]", "::", "[::0]", "[::1]", "::1", "[::1%lo]", "[::1%1]", "[2001:db8::1]",
         "2001:db8::1", "[2001:DB8:0:0::1]", "[2001:db8::1%eth0]", "[2001:db8::99]",
         "[fe80::1%eth0]", "fe80::1%eth0", "[fe80::1%lo]", "[fe80::1]", "[fe80::1%nosuch]",
         "[::ffff:127.0.0.1]", "::ffff:127.0.0.1", "[::ffff:0.0.0.0]", "[::ffff:10.0.0.99]",
         "[::127.0.0.1]", "[::FFFF:7F00:1]", "[1::2::3]", "[::g]", "[[::1]]", "[::1", "::1]",
         "eth0", "[eth0]", "eth0%lo", "eth0%nosuch", "eth0%", "lo", "[lo]", "eth0:1", "eth1",
         "eth9", "Eth0", "eth0 ", " eth0", "localhost", "host.test", "nosuch.test", "ip6-localhost",
         "", "[]", "%", "%lo", "[%lo]", ".", "-", "_", "/", "a/b", "127.0.0.1/8", "*.*", "**",
         "?", "10.0.0.1:0;127.0.0.1", "eth0:0;*", "eth0:*;127.0.0.1", "*:*;127.0.0.1",
         "nosuch:0;127.0.0.1", ";127.0.0.1", "127.0.0.1:0;", "127.0.0.1;127.0.0.1",
         "a:1;b:2;127.0.0.1", "10.0.0.1:0;127.0.0.1:0;127.0.0.1", "\u00e9", "x" * 300]
PORTS = ["5555", "*", "0", "05555", "5555abc", " 5555", "+5555", "5555.9", "5555 ", "65535",
         "65536", "65537", "70000", "-1", "-65535", "99999999999", "4294972851", "00", "", "abc",
         "**", "*0", "0x15b3", "80", "1e3", "\t5555", "0 "]


def texts():
    """Texts to bind in each mode: bind, read, bind again, unbind by text and by name."""
    endpoints = ["tcp://%s:5555" % host for host in HOSTS]
    endpoints += ["tcp://%s:%s" % (host, port) for host in ("127.0.0.1", "*", "eth0")
                  for port in PORTS]
    endpoints += ["tcp://127.0.0.1", "tcp://", "tcp:/127.0.0.1:5555", "tcp:127.0.0.1:5555",
                  "TCP://127.0.0.1:5555", "tcp://127.0.0.1:5555/", "tcp://127.0.0.1:5555/path",
                  "tcp://*:5555/path", "tcp://127.0.0.1/path:5555", "tcp://user@127.0.0.1:5555",
                  "tcp:// 127.0.0.1:5555", "tcp://127.0.0.1 :5555", "tcp://127.0.0.1:5555?q",
                  "tcp://tcp://127.0.0.1:5555", "tcp://:5555", "tcp://*", "tcp://:", "tcp://::",
                  "tcp://5555", "tcp://*:5555:5555"]
    for name, endpoint in itertools.product(("auto", "v6", "v4"), endpoints):
        mode = MODES[name]
        # Stock says ENODEV to every IPv6 text then, and one of these with ZMQ_IPV6=1.
        six = name == "auto" and endpoint.count(":") > 3
        steps = [open_socket("s", "REP", mode, monitor=False),
                 step("bind", id="s", ep=endpoint),
                 step("get", id="s", opt="LAST_ENDPOINT", keep="L"),
                 step("bind", id="s", ep="tcp://127.0.0.1:7777"),
                 step("unbind", id="s", ep="{L}"),
                 step("unbind", id="s", ep="{L}")]
        yield Case("text-%s-%s" % (name, endpoint[:60]), steps,
                   tolerate={1: ("EADDRNOTAVAIL", "EINVAL")} if six else None)


def orders():
    """Options that are set in every order, read back, and used."""
    sets = [("IPV6", 0), ("IPV6", 1), ("IPV4ONLY", 0), ("IPV4ONLY", 1)]
    invalid = [("IPV6", 2), ("IPV6", -1), ("IPV4ONLY", 2), ("IPV4ONLY", -1), ("IPV6", ""),
               ("IPV6", "x"), ("IPV6", "xxxxxxxx"), ("IPV4ONLY", "")]
    for number in (1, 2, 3):
        for chosen in itertools.product(sets, repeat=number):
            steps = [open_socket("s", "PULL", MODES["auto"])]
            for option, value in chosen:
                steps += [step("set", id="s", opt=option, value=value)] + look("s", "L")
            steps += [step("bind", id="s", ep="tcp://*:5555")] + look("s", "L")
            steps += [step("bind", id="s", ep="tcp://127.0.0.1:5556")] + look("s", "M")
            steps += [step("unbind", id="s", ep="{L}"), step("unbind", id="s", ep="{M}"),
                      step("close", id="s")]
            yield Case("order-" + "-".join("%s=%d" % one for one in chosen), steps)
    for before, (option, value) in itertools.product([None] + sets, invalid):
        steps = [open_socket("s", "PULL", MODES["auto"])]
        if before:
            steps.append(step("set", id="s", opt=before[0], value=before[1]))
        steps += [step("set", id="s", opt=option, value=value)] + look("s", "K")
        steps += [step("bind", id="s", ep="tcp://*:5555")] + look("s", "L")
        steps += [step("unbind", id="s", ep="{L}"), step("close", id="s")]
        yield Case("invalid-%s-%s=%r" % (before, option, value), steps)
    for first, second in itertools.product((None, 0, 1, 2, -1), repeat=2):
        steps = [step("ctx")]
        steps += [step("ctxset", opt="IPV6", value=first)] if first is not None else []
        steps += [open_socket("s", "PULL", MODES["auto"])]
        steps += [step("ctxset", opt="IPV6", value=second)] if second is not None else []
        steps += [open_socket("t", "PULL", MODES["auto"])]
        for name, port in (("s", 5555), ("t", 5556)):
            steps += [step("bind", id=name, ep="tcp://*:%d" % port)] + look(name, "L" + name)
        steps += [step("close", id="s"), step("close", id="t")]
        yield Case("ctx-%s-%s" % (first, second), steps)
    for first, then in itertools.product(sets, repeat=2):
        steps = [open_socket("s", "PULL", MODES["auto"]),
                 step("set", id="s", opt=first[0], value=first[1]),
                 step("bind", id="s", ep="tcp://*:5555")] + look("s", "L")
        steps += [step("set", id="s", opt=then[0], value=then[1]),
                  step("bind", id="s", ep="tcp://*:5556")] + look("s", "M")
        steps += [step("unbind", id="s", ep="{L}"), step("unbind", id="s", ep="{M}"),
                  step("close", id="s")]
        yield Case("between-%s=%d-%s=%d" % (first + then), steps)


def several():
    """More than one endpoint, and calls that apps confuse with each other."""
    for name in ("auto", "v6", "v4"):
        mode = MODES[name]
        start = [open_socket("s", "ROUTER", mode, monitor=False)]

        def bind(text, keep="L"):
            return [step("bind", id="s", ep=text),
                    step("get", id="s", opt="LAST_ENDPOINT", keep=keep)]
        yield Case("twice-" + name, start + bind("tcp://*:5555") + bind("tcp://*:5555")
                   + [step("unbind", id="s", ep="{L}"), step("unbind", id="s", ep="{L}")])
        yield Case("overlap-" + name, start + bind("tcp://*:5555")
                   + bind("tcp://127.0.0.1:5555") + bind("tcp://eth0:5555"))
        yield Case("overlap-back-" + name, start + bind("tcp://127.0.0.1:5555")
                   + bind("tcp://*:5555") + bind("tcp://0.0.0.0:5555"))
        yield Case("disconnect-a-bind-" + name, start + bind("tcp://*:5555")
                   + [step("disconnect", id="s", ep="{L}"), step("unbind", id="s", ep="{L}")])
        yield Case("unbind-a-connect-" + name, start
                   + [step("connect", id="s", ep="tcp://127.0.0.1:5999"),
                      step("get", id="s", opt="LAST_ENDPOINT", keep="L"),
                      step("unbind", id="s", ep="tcp://127.0.0.1:5999"),
                      step("disconnect", id="s", ep="tcp://127.0.0.1:5999")])
        yield Case("bind-and-connect-" + name, start + bind("tcp://127.0.0.1:5555")
                   + [step("connect", id="s", ep="tcp://127.0.0.1:5555"),
                      step("get", id="s", opt="LAST_ENDPOINT", keep="M"),
                      step("unbind", id="s", ep="tcp://127.0.0.1:5555"),
                      step("unbind", id="s", ep="tcp://127.0.0.1:5555")])
        yield Case("failed-keeps-last-" + name, start + bind("tcp://*:5555")
                   + bind("tcp://nosuch0:5556", "M") + bind("tcp://127.0.0.1:5555", "N"))
        yield Case("other-transports-" + name, start + bind("ipc://@zds-%s" % name)
                   + bind("inproc://x") + bind("tcp://*:5555")
                   + [step("unbind", id="s", ep="ipc://@zds-%s" % name),
                      step("unbind", id="s", ep="inproc://x"),
                      step("unbind", id="s", ep="{L}")])
        for spelling in ("tcp://localhost:5555", "tcp://127.1:5555", "tcp://[127.0.0.1]:5555",
                         "tcp://127.0.0.1:05555", "tcp://127.0.0.1:5555abc",
                         "tcp://[::ffff:127.0.0.1]:5555", "tcp://127.0.0.1%lo:5555",
                         "tcp://10.0.0.1:0;127.0.0.1:5555", "tcp://127.0.0.1:71091",
                         "tcp://127.0.0.1:5556", "tcp://127.0.0.2:5555", "tcp://0.0.0.0:5555",
                         "tcp://*:5555", "tcp://lo:5555", "tcp://[::1]:5555"):
            yield Case("spelling-%s-%s" % (name, spelling),
                       start + bind("tcp://127.0.0.1:5555") + [
                           step("unbind", id="s", ep=spelling)])
        for spelling in ("tcp://0.0.0.0:5555", "tcp://[::]:5555", "tcp://0:5555", "tcp://::5555",
                         "tcp://127.0.0.1:5555", "tcp://localhost:5555", "tcp://[::0]:5555"):
            yield Case("wild-spelling-%s-%s" % (name, spelling),
                       start + bind("tcp://*:5555") + [step("unbind", id="s", ep=spelling)])


def descriptors():
    """ZMQ_USE_FD: the app made the socket, so stock's strings follow from what it made."""
    for name, (held, v6only), server in itertools.product(
            ("auto", "v6", "v4"), [("0.0.0.0", False), ("::", False), ("::", True),
                                   ("::1", False), ("::ffff:127.0.0.1", False)],
            ("REP", "ROUTER")):
        mode = MODES[name]
        dial = "tcp://[::1]:5555" if (held, v6only) == ("::", True) or held == "::1" else \
            "tcp://127.0.0.1:5555"
        client_mode = MODES["v6"] if "[" in dial else MODES["v4"]
        steps = [step("ctx", opts=mode.ctx), step("zap"),
                 open_socket("s", server, mode, ZAP_DOMAIN="global"),
                 step("occupy", id="x", host=held, port=5555, v6only=v6only),
                 step("use_fd", id="s", held="x"), step("release", id="x"),
                 step("bind", id="s", ep="tcp://*:7777")] + look("s", "L")
        steps += [open_socket("c", "REQ" if server == "REP" else "DEALER", client_mode, ctx="d"),
                  step("connect", id="c", ep=dial)]
        steps += exchange(server, "REQ" if server == "REP" else "DEALER")
        steps += [step("events", id="s", until=["LISTENING", "ACCEPTED", "HANDSHAKE_SUCCEEDED"]),
                  step("close", id="c"), step("events", id="s", until=["DISCONNECTED"]),
                  step("unbind", id="s", ep="{L}"), step("close", id="s"), step("zaplog")]
        yield Case("fd-%s-%s-%s-%s" % (name, held, v6only, server), steps)


ADDED = "a bind in `auto` also listens on IPv6, where the other program or socket is"
ADDED_IN_V6 = "an interface bind in `v6` also listens on IPv4"
RELEASED = "stock forgets to release the endpoint of a name when it stops reconnecting"
NO_DNS = "zmq_unbind asks no DNS: a name that is not the text of the bind is not known"


def deliberate():
    """The deliberate exceptions of NOTES, and what follows from them.  Stock succeeds in all of
    these."""
    auto, v6, v4 = MODES["auto"], MODES["v6"], MODES["v4"]
    for endpoint in ("tcp://*:5555", "tcp://eth0:5555"):
        yield Case("taken-on-ipv6-" + endpoint,
                   [step("occupy", id="x", host="2001:db8::1", port=5555),
                    open_socket("s", "REP", auto), step("bind", id="s", ep=endpoint)],
                   {2: ("EADDRINUSE", ADDED)})
        yield Case("then-ipv6-" + endpoint,
                   [open_socket("s", "REP", auto), open_socket("t", "REP", v6),
                    step("bind", id="s", ep=endpoint),
                    step("bind", id="t", ep="tcp://[2001:db8::1]:5555")],
                   {3: ("EADDRINUSE", ADDED)})
    yield Case("interface-in-v6-then-in-v4",
               [open_socket("s", "REP", v6), open_socket("t", "REP", v4),
                step("bind", id="s", ep="tcp://eth0:5555"),
                step("bind", id="t", ep="tcp://eth0:5555")],
               {3: ("EADDRINUSE", ADDED_IN_V6)})
    yield Case("interface-in-v6-then-its-ipv4-address",
               [open_socket("s", "REP", v6), step("bind", id="s", ep="tcp://lo:5555"),
                step("bind", id="s", ep="tcp://127.0.0.1:5555")],
               {2: ("EADDRINUSE", ADDED_IN_V6)})
    yield Case("unbind-by-a-name",
               [open_socket("s", "REP", auto), step("bind", id="s", ep="tcp://127.0.0.1:5555"),
                step("unbind", id="s", ep="tcp://host.test:5555")],
               {2: ("ENOENT", NO_DNS)})
    for name in ("auto", "v4", "v6"):
        yield Case("stop-releases-a-name-" + name,
                   [open_socket("c", "DEALER", MODES[name], RECONNECT_IVL=20, RECONNECT_STOP=1),
                    step("connect", id="c", ep="tcp://four.test:5999"),
                    step("events", id="c", until=["CLOSED"]), step("settle", id="c"),
                    step("events", id="c"),
                    step("disconnect", id="c", ep="tcp://four.test:5999")],
                   {5: ("ENOENT", RELEASED)})
    yield Case("disconnect-by-a-name",
               [open_socket("s", "DEALER", auto),
                step("bind", id="s", ep="tcp://127.0.0.1:5555"),
                step("disconnect", id="s", ep="tcp://host.test:5555")],
               {2: ("ENOENT", NO_DNS)})


# ------------------------------------------------------------------ the connecting side

# The server, what the client dials, and the modes in which stock reaches it.
NAMED = [("tcp://10.0.0.1:5555", "tcp://four.test:5555", ("auto", "v4", "v6")),
         ("tcp://127.0.0.1:5555", "tcp://host.test:5555", ("auto", "v4", "v6")),
         ("tcp://127.0.0.1:5555", "tcp://localhost:5555", ("auto", "v4")),
         ("tcp://[2001:db8::1]:5555", "tcp://six.test:5555", ("v6",)),
         ("tcp://[::1]:5555", "tcp://localhost:5555", ("v6",)),
         ("tcp://[::1]:5555", "tcp://ip6-localhost:5555", ("v6",)),
         ("tcp://10.0.0.1:5555", "tcp://10.0.0.1:0;four.test:5555", ("auto", "v4")),
         ("tcp://127.0.0.1:5555", "tcp://127.0.0.2:0;localhost:5555", ("auto", "v4")),
         ("tcp://10.0.0.1:5555", "tcp://eth0:0;four.test:5555", ("auto", "v4")),
         ("tcp://[2001:db8::1]:5555", "tcp://[2001:db8::1]:0;six.test:5555", ("v6",))]
NUMERIC = [("tcp://127.0.0.1:5555", "tcp://127.0.0.1:5555", ("auto", "v4", "v6")),
           ("tcp://10.0.0.1:5555", "tcp://127.0.0.2:0;10.0.0.1:5555", ("auto", "v4")),
           ("tcp://[2001:db8::1]:5555", "tcp://[2001:db8::1]:5555", ("v6",)),
           ("tcp://[fe80::1%eth0]:5555", "tcp://[fe80::1%eth0]:5555", ("v6",))]


def names():
    """A whole life of a connection that was made by name."""
    for (server, client), (bound, dial, kinds) in itertools.product(PAIRS, NAMED):
        for mode in MODES.values():
            if mode.env or mode.kind not in kinds:
                continue
            if (server, client) != ("REP", "REQ") and mode.name not in ("auto", "v6", "v4"):
                continue
            yield Case("name-%s-%s-%s" % (server, mode.name, dial),
                       life(server, client, mode, bound, dial))


def comebacks():
    """The server cuts the connection, the client comes back; twice."""
    again = ["DISCONNECTED", "CONNECT_RETRIED", "CONNECT_DELAYED", "CONNECTED",
             "HANDSHAKE_SUCCEEDED"]
    for bound, dial, kinds in NAMED + NUMERIC:
        for name in kinds:
            mode = MODES[name]
            steps = [step("ctx", opts=mode.ctx), step("zap"),
                     open_socket("s", "ROUTER", mode, ZAP_DOMAIN="global"),
                     step("bind", id="s", ep=bound, vital=True),
                     open_socket("c", "DEALER", mode, RECONNECT_IVL=5),
                     step("connect", id="c", ep=dial),
                     step("events", id="c", until=["HANDSHAKE_SUCCEEDED"], vital=True),
                     step("events", id="s", until=["HANDSHAKE_SUCCEEDED"])]
            steps += exchange("ROUTER", "DEALER")
            for _ in range(2):
                steps += [step("cut", ports=[5555]),
                          step("events", id="c", until=again, vital=True),
                          step("events", id="s", until=["DISCONNECTED", "HANDSHAKE_SUCCEEDED"])]
                steps += look("c", "D") + exchange("ROUTER", "DEALER")
            steps += [step("unbind", id="c", ep=dial), step("disconnect", id="c", ep=dial),
                      step("disconnect", id="c", ep=dial), step("close", id="c"),
                      step("events", id="s", until=["DISCONNECTED"]),
                      step("close", id="s"), step("zaplog")]
            yield Case("comeback-%s-%s" % (name, dial), steps)


# What a program that is no ZeroMQ server may do, and which events that gives with stock.
RETRIED = ["CONNECTED", "HANDSHAKE_FAILED_NO_DETAIL", "DISCONNECTED", "CONNECT_RETRIED"]
WRONG_SERVERS = {
    "hangs-up": ({}, RETRIED),
    "hangs-up-later": ({"listens": True}, RETRIED),
    "http": ({"listens": True, "say": "HTTP/1.1 400 Bad Request\r\n\r\n"}, RETRIED),
    "ssh": ({"say": "SSH-2.0-x\r\n", "then": "Invalid SSH identification.\r\n"}, RETRIED),
    "http-stays": ({"listens": True, "stays": True, "say": "HTTP/1.1 400 Bad Request\r\n\r\n"},
                   ["CONNECTED"]),
    "smtp-stays": ({"say": "220 mail.test ESMTP\r\n", "stays": True}, ["CONNECTED"]),
    "zeros": ({"hex": "00" * 64, "stays": True}, ["CONNECTED", "DISCONNECTED"]),
    "silent": ({"stays": True}, RETRIED),
}


def wrong_servers():
    """Another program on the only address that there is; then the right server."""
    for name, host, kind in itertools.product(("auto", "v6", "v4"), ("127.0.0.1", "host.test"),
                                              WRONG_SERVERS):
        how, until = WRONG_SERVERS[kind]
        dial = "tcp://%s:5555" % host
        steps = [step("wrong_server", id="x", host="127.0.0.1", port=5555, **how),
                 open_socket("c", "DEALER", MODES[name], RECONNECT_IVL=10, HANDSHAKE_IVL=60),
                 step("connect", id="c", ep=dial),
                 step("story", id="c", until=["CONNECT_DELAYED"] + until, vital=True)]
        if until == RETRIED:
            steps += [step("end_wrong_server", id="x"), open_socket("s", "ROUTER", MODES["v4"]),
                      step("bind", id="s", ep="tcp://127.0.0.1:5555", vital=True),
                      step("await", id="c", until=["HANDSHAKE_SUCCEEDED"], vital=True)]
        steps += [step("disconnect", id="c", ep=dial)]
        yield Case("wrong-server-%s-%s-%s" % (name, host, kind), steps)


def failures():
    """Nobody listens, or there is no such name."""
    for name, host in itertools.product(
            ("auto", "v6", "v4"), ["127.0.0.1", "host.test", "four.test", "nosuch.test", "10.9.9.9",
                                   "nosuch0:0;four.test", "10.0.0.99:0;four.test",
                                   "10.0.0.99:0;127.0.0.1", "a..b"]):
        mode, dial = MODES[name], "tcp://%s:5999" % host
        start = [open_socket("c", "DEALER", mode, RECONNECT_IVL=60000),
                 step("connect", id="c", ep=dial)] + look("c", "D")
        end = [step("get", id="c", opt="EVENTS"), step("poll", id="c", flags=3, timeout=0),
               step("disconnect", id="c", ep="tcp://10.0.0.1:5999"),
               step("disconnect", id="c", ep=dial), step("disconnect", id="c", ep=dial),
               step("close", id="c")]
        yield Case("nobody-%s-%s" % (name, host),
                   start + [step("events", id="c", until=["CONNECT_RETRIED"])] + end)
        yield Case("nobody-not-monitored-%s-%s" % (name, host),
                   [open_socket("c", "DEALER", mode, monitor=False, RECONNECT_IVL=60000),
                    step("connect", id="c", ep=dial)] + end)
        if host in ("127.0.0.1", "host.test", "four.test"):  # the others never open a socket
            yield Case("nobody-once-%s-%s" % (name, host),
                       [open_socket("c", "DEALER", mode, RECONNECT_IVL=-1),
                        step("connect", id="c", ep=dial),
                        step("events", id="c", until=["CLOSED"]), step("settle", id="c"),
                        step("events", id="c"), step("disconnect", id="c", ep=dial)])
            yield Case("nobody-backoff-%s-%s" % (name, host),
                       [open_socket("c", "DEALER", mode, RECONNECT_IVL=20,
                                    RECONNECT_IVL_MAX=60000),
                        step("connect", id="c", ep=dial),
                        step("events", id="c", until=["CONNECT_RETRIED"]),
                        step("events", id="c", until=["CONNECT_RETRIED"]),
                        step("disconnect", id="c", ep=dial)])
        if host == "127.0.0.1":
            yield Case("nobody-stop-%s-%s" % (name, host),
                       [open_socket("c", "DEALER", mode, RECONNECT_IVL=20, RECONNECT_STOP=1),
                        step("connect", id="c", ep=dial),
                        step("events", id="c", until=["CLOSED"]), step("settle", id="c"),
                        step("events", id="c")]
                       + [step("disconnect", id="c", ep=dial)] * (name != "v6"))


def dials():
    """Texts to connect to in each mode, as texts() binds them: several, twice, and disconnected
    again."""
    endpoints = ["tcp://%s:5555" % host for host in HOSTS if host != "nosuch.test"]
    endpoints += ["tcp://127.0.0.1:%s" % port for port in PORTS]
    endpoints += ["tcp://four.test:%s" % port for port in PORTS]
    for name, endpoint in itertools.product(("auto", "v6", "v4"), endpoints):
        steps = [open_socket("c", "DEALER", MODES[name], monitor=False, RECONNECT_IVL=60000),
                 step("connect", id="c", ep=endpoint),
                 step("get", id="c", opt="LAST_ENDPOINT"), step("get", id="c", opt="IPV6"),
                 step("connect", id="c", ep=endpoint), step("connect", id="c", ep="tcp://a.b:1"),
                 step("get", id="c", opt="LAST_ENDPOINT"),
                 step("disconnect", id="c", ep=endpoint), step("disconnect", id="c", ep=endpoint),
                 step("disconnect", id="c", ep="tcp://a.b:1")]
        yield Case("dial-%s-%s" % (name, endpoint[:60]), steps)


def random_walks(count=150, length=14, seed=5):
    """Calls in random order on two sockets of one context; the seed is fixed."""
    dice = random.Random(seed)
    endpoints = ["tcp://*:5555", "tcp://127.0.0.1:5555", "tcp://0.0.0.0:5556", "tcp://*:*",
                 "tcp://10.0.0.1:5557", "tcp://127.0.0.1:*", "tcp://nosuch0:1", "tcp://*:x",
                 "tcp://127.0.0.1:5558"]
    unbinds = endpoints[1:3] + ["tcp://0.0.0.0:5555", "tcp://[::]:5555", "tcp://10.0.0.1:5557",
                                "tcp://[::ffff:127.0.0.1]:5555", "tcp://nosuch0:1", "tcp://x"]
    for number in range(count):
        steps = [step("ctx"), open_socket("a", "PULL", MODES["auto"]),
                 open_socket("b", "PUSH", MODES["auto"])]
        for turn in range(length):
            name = dice.choice("ab")
            kind = dice.randrange(10)
            if kind < 4:
                steps += [step("bind", id=name, ep=dice.choice(endpoints)),
                          step("get", id=name, opt="LAST_ENDPOINT", keep="W%d" % turn)]
            elif kind < 6:
                steps.append(step(dice.choice(["unbind", "disconnect"]), id=name,
                                  ep=dice.choice(unbinds)))
                # Stock closes in another thread, so the outcome of the next bind would be chance.
                steps.append(step("settle", id=name))
            elif kind < 8:
                steps.append(step("set", id=name, opt=dice.choice(["IPV6", "IPV4ONLY"]),
                                  value=dice.choice([0, 1, 1, 0, 2])))
            elif kind < 9:
                steps.append(step("ctxset", opt="IPV6", value=dice.choice([0, 1, -1])))
            else:
                steps += [step("get", id=name, opt="IPV6"), step("ctxget", opt="IPV6"),
                          step("get", id=name, opt="EVENTS")]
        yield Case("walk-%d" % number, steps)


def no_ipv6():
    """For hosts without IPv6: what works there over IPv4."""
    endpoints = ["tcp://*:5555", "tcp://127.0.0.1:5555", "tcp://0.0.0.0:*", "tcp://eth0:5555",
                 "tcp://lo:*"]
    for (server, client), name, endpoint in itertools.product(
            PAIRS[:2] + PAIRS[-1:], ("auto", "v6", "v4"), endpoints):
        dial = "tcp://%s:{L.port}" % ("10.0.0.1" if "eth0" in endpoint else "127.0.0.1")
        yield Case("no-ipv6-%s-%s-%s" % (server, name, endpoint),
                   life(server, client, MODES[name], endpoint, dial))
    for name, host in itertools.product(("auto", "v6", "v4"), HOSTS):
        six = name == "auto" and host.count(":") > 1
        yield Case("no-ipv6-text-%s-%s" % (name, host[:40]),
                   [open_socket("s", "REP", MODES[name], monitor=False),
                    step("bind", id="s", ep="tcp://%s:5555" % host),
                    step("get", id="s", opt="LAST_ENDPOINT", keep="L"),
                    step("unbind", id="s", ep="{L}")],
                   tolerate={1: ("EADDRNOTAVAIL", "EINVAL", "EAFNOSUPPORT")} if six else None)
