# SPDX-License-Identifier: MPL-2.0
"""The oracle of names: what one getaddrinfo (AF_UNSPEC) says, as every other program on the host
asks it, against what libzmq does.

A Situation is a host's configuration and a name. A Theatre is a client that can be given one
situation after the other, and a server whose every address refuses or is silent. judge () has stock
and patched dial the name there; a preloaded shim sees every connect (), so that those which never
reach a wire count too.
"""
import ipaddress

from lab import DEADLINE, MODES
from street import CLIENT4, CLIENT6, SERVER4, SERVER6

PORT = 5555
# Prefixes that the server answers for, besides its own addresses.
FOUR, SIX, ULA = "192.0.2.%d", "2001:db8:1::%x", "fd00:1::%x"
TEREDO = "2001:0:1::%x"
ON_LINK = ["10.0.0.9/24", "2001:db8::9/64", "2002:a00:2::9/64"]

# The addresses of the client, and whether it has a default route of each family.
HOSTS = {
    "dual": ([CLIENT4 + "/24", CLIENT6 + "/64"], (4, 6)),
    "dual-ula": ([CLIENT4 + "/24", CLIENT6 + "/64", "fd00::2/64"], (4, 6)),
    "ipv4": ([CLIENT4 + "/24"], (4,)),
    "ipv4-link-local": ([CLIENT4 + "/24", "fe80::2/64"], (4, 6)),
    "ipv6": ([CLIENT6 + "/64"], (6,)),
    "ula": ([CLIENT4 + "/24", "fd00::2/64"], (4, 6)),
    "6to4": ([CLIENT4 + "/24", "2002:a00:2::2/64"], (4, 6)),
    "no-ipv6-route": ([CLIENT4 + "/24", CLIENT6 + "/64"], (4,)),
    "deprecated": ([CLIENT4 + "/24", CLIENT6 + "/64 preferred_lft 0"], (4, 6)),
}
NOTHING = ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY")
LOCAL = "127.0.0.1 localhost\n::1 localhost\n"
NO_IPV6 = ("ipv4", "ipv4-link-local")


class Situation:
    """`late`: an answer is lost or late, so that the whole look-up may take longer than the
    resolution delay.  `order`: the libc's order is the same in each call."""

    def __init__(self, title, name, zone=None, hosts="", nss="files dns", resolv="", gai=None,
                 host="dual", late=False, order=True, local=LOCAL, modes=("auto", "v6", "v4")):
        self.title, self.name, self.zone, self.hosts = title, name, zone or {}, hosts
        self.nss, self.resolv, self.gai, self.host = nss, resolv, gai, host
        self.late, self.order, self.local, self.modes = late, order, local, modes

    def files(self):
        return {"hosts": self.local + self.hosts, "nsswitch.conf": "hosts: %s\n" % self.nss,
                "resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
                               + self.resolv,
                "gai.conf": "reload yes\n" + (self.gai or "")}

    def __repr__(self):
        return "%s (%s): %r" % (self.title, self.host, dict(self.files(), zone=self.zone,
                                                            name=self.name))


class Theatre:
    """A client that becomes one host after the other.  The workers stay, since glibc reads a file
    again when it has changed."""

    def __init__(self, lab, shim):
        self.shim = shim
        self.client, self.server = lab.node("client"), lab.node("server")
        self.files = {name: lab.write("etc", text)
                      for name, text in Situation("", "").files().items()}
        for name, path in self.files.items():
            self.client.run(["mount", "--bind", path, "/etc/" + name])
        self.workers = {}
        lab.wire(self.client, "eth0", self.server, "eth0")
        self.server.addr("eth0", SERVER4 + "/24", SERVER6 + "/64", "fd00::1/64", "fe80::1/64",
                         "2002:a00:2::1/64", *ON_LINK)
        for family, text in (("-4", FOUR % 0 + "/24"), ("-6", SIX % 0 + "/48"),
                             ("-6", ULA % 0 + "/48"), ("-6", TEREDO % 0 + "/48")):
            self.server.run(["ip", family, "route", "add", "local", text, "dev", "lo"])
        self.dns = self.client.nameserver({})
        self.zone, self.host = {}, None
        self.server.worker("stock").serve("tcp://[::]:%d" % (PORT + 1), name="server", IPV6=1)

    def set(self, situation):
        for name, text in situation.files().items():
            with open(self.files[name], "w") as file:  # written in place, because it is mounted
                file.write(text)
        gone = {name: None for name in self.zone if name not in situation.zone}
        self.dns.order(set=dict(situation.zone, **gone))
        self.zone = situation.zone
        if situation.host != self.host:
            self.move_in(situation.host)

    def move_in(self, host):
        addresses, routes = HOSTS[host]
        self.client.ip("addr flush dev eth0", "link set eth0 down", "link set eth0 up")
        self.client.addr("eth0", *addresses)
        for family, gateway in ((4, SERVER4), (6, SERVER6)):
            if family in routes:
                self.client.run(["ip", "-%d" % family, "route", "replace", "default", "via",
                                 gateway, "dev", "eth0", "onlink"])
        self.host = host

    def worker(self, lib, late):
        if (lib, late) not in self.workers:
            delay = "resolution-delay=50" if late else "resolution-delay=2000"
            self.workers[lib, late] = self.client.worker(
                lib, {"ZMQ_DUALSTACK": delay + ",attempt-delay=400"}, self.shim)
        return self.workers[lib, late]

    def only(self, address):
        """The server's second port is open on this address; on others it is silent."""
        family = "ip6" if ":" in address else "ip"
        self.server.nft(
            "add table inet only\ndelete table inet only\ntable inet only { chain c { type filter "
            "hook input priority 0; tcp dport %d %s daddr != %s drop; meta nfproto %s "
            "tcp dport %d drop; }; }" % (PORT + 1, family, address,
                                         "ipv4" if ":" in address else "ipv6", PORT + 1))


def unique(addresses):
    return list(dict.fromkeys(addresses))


def in_turns(addresses):
    """C-3: the first one's family first, then the families in turn."""
    addresses = unique(addresses)
    queues = [[one for one in addresses if (":" in one) is (":" in addresses[0])],
              [one for one in addresses if (":" in one) is not (":" in addresses[0])]]
    order = []
    for at in range(max(map(len, queues))) if addresses else ():
        order += [queue[at] for queue in queues if at < len(queue)]
    return order


class Oracle:
    """What the host's resolver says."""

    def __init__(self, worker, name):
        self.worker, self.name = worker, name
        self.whole = self.ask()
        self.four = self.ask(family=2)

    def ask(self, **how):
        return self.worker.run([dict(how, op="getaddrinfo", name=self.name)], 2 * DEADLINE)[0]

    def failed(self):
        """Whether there was no answer, not even that there is no such name."""
        return self.whole["error"] not in (None,) + NOTHING

    def own(self, mode):
        """What stock's own call says."""
        return self.ask(family=10, mapped=True) if mode == "v6" else self.four

    def proven(self):
        """The IPv6 addresses of which it can be proven that they are the same host's."""
        six = self.ask(family=10, canonical=True)
        four = self.ask(family=2, canonical=True)
        names = {four["canonical"].lower(), self.name.lower().rstrip(".")}
        same = four["error"] in NOTHING or six["canonical"].lower() in names
        return six["addresses"] if same else []


def loopback(address):
    return ipaddress.ip_address(address).is_loopback


def can_reach(host, address):
    """Whether the server answers such a host there."""
    families = (4,) if host in NO_IPV6 else HOSTS[host][1]
    return (6 if ":" in address else 4) in families and not loopback(address)


def expectations(situation, mode, oracle, own):
    """(addresses that may be dialled, those that have to be, their order or None)."""
    whole = oracle.whole["addresses"]
    if mode == "v4":
        return set(own), set(own), own
    if mode == "auto" and situation.host in NO_IPV6:
        local = [one for one in whole if loopback(one)]
        may = own + whole if local else own
        return set(may), set(own) & set(whole or own), own if not local else None
    if situation.late:
        may = set(whole) | set(own) | set(oracle.proven())
        # "No such name" is the last word, late or not (exception k).
        must = set(own[:1]) & (set(own) if oracle.failed() else set(whole))
        return may, must, None
    return set(whole), set(whole), in_turns(whole)


def dial(worker, mode, name, port, then):
    """Dials the name and, if zmq_connect succeeds, takes one step; returns the result of
    zmq_connect, that of the step, and every address that was dialled."""
    mode = MODES[mode]
    before = worker.do("dialled", port=port)
    socket, connect = worker.run([
        {"op": "socket", "id": "c", "kind": "DEALER", "ctx": "c", "ctx_opts": mode.ctx,
         "monitor": True, "opts": dict(mode.sock, RECONNECT_IVL=60000)},
        {"op": "connect", "id": "c", "ep": "tcp://%s:%d" % (name, port)}])
    assert socket == "ok", socket
    result = worker.run([dict(then, id="c")], 3 * DEADLINE)[0] if connect == "ok" else None
    calls, _ = worker.run([{"op": "dialled", "port": port}, {"op": "quit"}], 3 * DEADLINE)
    return connect, result, [one[0] for one in calls[len(before):]]


def refused(worker, mode, situation, patience):
    """With all addresses refusing: the result of zmq_connect, the addresses in the order in which
    they were dialled, and whether the dialling ended."""
    connect, events, calls = dial(worker, mode, situation.name, PORT, {
        "op": "story", "until": ["CONNECT_RETRIED"], "timeout": patience})
    return connect, calls, connect != "ok" or events[-1][0] != "TIMEOUT"


def complaints_about(situation, mode, oracle, stock, patched):
    """One mode, while all addresses refuse."""
    own = unique(oracle.own(mode)["addresses"])
    may, must, order = expectations(situation, mode, oracle, own)
    patience = DEADLINE if not situation.late else oracle.whole["seconds"] + 3
    theirs = refused(stock, mode, situation, patience)
    ours = refused(patched, mode, situation, patience)
    lines = []
    if ours[0] != theirs[0]:
        lines.append("zmq_connect: stock %s, patched %s" % (theirs[0], ours[0]))
    elif ours[0] != "ok":
        return [], []
    if not ours[2] and not situation.late:
        lines.append("the race does not end: %s" % ours[1])
    if set(ours[1]) - may:
        lines.append("dialled what it must not: %s" % sorted(set(ours[1]) - may))
    if must - set(ours[1]):
        lines.append("never dialled %s" % sorted(must - set(ours[1])))
    if order is not None and situation.order and not lines:
        if unique(ours[1]) != order or len(ours[1]) != len(order):
            lines.append("another order than the libc's")
    if set(theirs[1]) - set(own):
        lines.append("the oracle does not know what stock dials")
    facts = "AF_UNSPEC %s%s; stock's own %s, dialled %s; patched dialled %s" % (
        oracle.whole["addresses"], oracle.whole["error"] or "", own, theirs[1], ours[1])
    return ["%s: %s (%s)" % (mode, line, facts) for line in lines], theirs[1][:1]


def late_for(theatre, situation, mode, first, stock, patched):
    """Stock's address is the only one that answers, the others are silent.  Patched may make one
    attempt before that one, no more."""
    theatre.only(first)
    reach = {"op": "reach", "timeout": DEADLINE if situation.late else 3}
    theirs = dial(stock, mode, situation.name, PORT + 1, reach)[1]
    if "ms" not in theirs:
        return []
    reach["timeout"] = DEADLINE
    _, ours, dialled = dial(patched, mode, situation.name, PORT + 1, reach)
    if "ms" not in ours:
        return ["%s: stock reaches %s, patched nothing (dialled %s)" % (mode, first, dialled)]
    if first in dialled and dialled.index(first) > 1:
        return ["%s: %s comes after more than one other: %s" % (mode, first, dialled)]
    # One attempt delay, and seconds for a busy machine.
    if ours["ms"] > theirs["ms"] + 3000:
        return ["%s: stock needs %.0f ms, patched %.0f (dialled %s)"
                % (mode, theirs["ms"], ours["ms"], dialled)]
    return []


def judge(theatre, situation):
    """All complaints about one situation."""
    theatre.set(situation)
    stock, patched = (theatre.worker(lib, situation.late) for lib in ("stock", "patched"))
    oracle = Oracle(stock, situation.name)
    lines = []
    for mode in situation.modes:
        found, first = complaints_about(situation, mode, oracle, stock, patched)
        lines += found
        reachable = first and situation.order and can_reach(situation.host, first[0]) \
            and (first[0] in oracle.whole["addresses"] or oracle.failed())
        if reachable and mode != "v4":
            lines += late_for(theatre, situation, mode, first[0], stock, patched)
    return ["%s\n    in %r" % (line, situation) for line in lines]


def again(theatre, situation, times=3):
    """The complaints that come each time: a look-up that fell behind on a busy machine is no
    finding."""
    for _ in range(times):
        lines = judge(theatre, situation)
        if not lines:
            return []
    return lines
