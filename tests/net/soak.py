#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Soaks the library: binds, connects, closes and talks at random, over a network that fails at
random, and keeps account of every message.

    soak.py [--seconds 600] [--seed N] [--lib patched|stock] [--four] [--round N]

The same seed makes the same schedule.  What is expected, of stock too:

  - no message comes twice, ever;
  - a connect of a socket that has lost no connection delivers in order and without a gap;
  - otherwise there is at most one gap for each connection that the socket has lost;
  - once the network is well again, every request is answered, and every subscriber gets
    messages;
  - when everything is closed, descriptors and threads are as at first, and memory does not grow.

--four: names have IPv4 addresses only, for a comparison with stock.
"""
import argparse
import json
import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as laboratory  # noqa: E402
from lab import wait_until  # noqa: E402
from street import CLIENT6, SERVER4, SERVER6, Street  # noqa: E402

HASTY = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
NAME = "soak.test"
PORTS = {"pull": 6001, "router": 6002, "rep": 6003, "pub": 6004}
SERVERS = {"pull": "receiver", "router": "answerer", "rep": "replier", "pub": "publisher"}
CLIENTS = {"push1": ("sender", "pull"), "push2": ("sender", "pull"),
           "dealer1": ("asker", "router"), "dealer2": ("asker", "router"),
           "req": ("requester", "rep"), "sub1": ("subscriber", "pub"),
           "sub2": ("subscriber", "pub")}
CONTEXTS = {"push1": "a", "dealer1": "a", "sub1": "a"}  # the others: "b"
RECOVERY = 40.0  # s; SYN is sent again after 1, 3, 7, 15 s
ROUND = 10.0  # s of faults before the account is closed

# How much may grow from the second round to the last; not zero for memory, as Python has caches.
LIMITS = {"fds": 0, "threads": 0, "maps": 12, "rss": 6000, "memory": 300000}


class Wrong(AssertionError):
    pass


def last_of(keys):
    """The last one of a sender's keys, "NAME SOCKET CONNECT"."""
    return max(keys, key=lambda one: [int(word) for word in one.split()[1:]])


class Network:
    """The faults that are in force now, each with the function that ends it."""

    def __init__(self, street, rng, four):
        self.street, self.rng = street, rng
        self.families = [4] if four else [4, 6]
        self.filters, self.active = {}, {}
        self.zone()

    def zone(self, **trouble):
        records = {"A": [SERVER4]}
        if 6 in self.families:
            records["AAAA"] = [SERVER6]
        self.street.dns.set(soak_test=dict(records, **trouble))

    def filter(self, name, *rules):
        self.filters[name] = rules
        self.street.faults(*[rule for one in self.filters.values() for rule in one])

    # Each begins a fault and returns the function that ends it.

    def drop(self):
        family = self.rng.choice(self.families)
        name = "drop%d" % family
        self.filter(name, "meta nfproto ipv%d tcp dport 6001-6004 drop" % family)
        return lambda: self.filter(name)

    def drop_all(self):
        self.filter("all", "tcp dport 6001-6004 drop")
        return lambda: self.filter("all")

    def reset(self):
        family = self.rng.choice(self.families)
        self.filter("reset", "meta nfproto ipv%d tcp dport 6001-6004 reject with tcp reset"
                    % family)
        return lambda: self.filter("reset")

    def refuse_one_port(self):
        port = self.rng.choice(sorted(PORTS.values()))
        self.filter("port", "tcp dport %d reject with tcp reset" % port)
        return lambda: self.filter("port")

    def slow(self):
        delays = {"delay%d" % one: self.rng.choice([0, 0.02, 0.3]) for one in self.families}
        self.street.bridge.set(**delays)
        return self.street.bridge.set

    def lose(self):
        self.street.bridge.set(drop=[self.rng.choice(self.families)])
        return self.street.bridge.set

    def dns(self):
        kind = self.rng.choice(["A", "AAAA"] if 6 in self.families else ["A"])
        self.zone(**self.rng.choice([
            {"drop": [kind]}, {"rcode": {kind: "SERVFAIL"}}, {"rcode": "REFUSED"},
            {"delay": {kind: 0.3}}, {"drop": ["A", "AAAA"]}, {"truncate": [kind]},
            {"garble": {kind: self.rng.choice(["random", "loop", "id", "count"])}}]))
        return self.zone

    def address(self):
        family = self.rng.choice(self.families)
        address = {4: SERVER4 + "/24", 6: SERVER6 + "/64"}[family]
        self.street.server.addr_del("eth0", address)
        return lambda: self.street.server.addr("eth0", address)

    def no_ipv6(self):
        self.street.client.sysctl("net.ipv6.conf.eth0.disable_ipv6", 1)

        def end():
            self.street.client.sysctl("net.ipv6.conf.eth0.disable_ipv6", 0)
            self.street.client.addr("eth0", CLIENT6 + "/64")
            self.street.client.run(["ip", "-6", "route", "replace", "default", "via", SERVER6,
                                    "dev", "eth0", "onlink"])
        return end

    def cut(self):
        """A fault of a moment: cuts the server's connections."""
        self.street.soak_server.do("cut", ports=sorted(PORTS.values()))
        return lambda: None

    def begin(self):
        kinds = ["drop", "drop_all", "reset", "refuse_one_port", "slow", "lose", "dns", "address",
                 "cut"] + ([] if len(self.families) == 1 else ["no_ipv6"])
        kind = self.rng.choice(kinds)
        # Each order to the bridge replaces the last one, so only one of these at a time.
        taken = {"slow", "lose"} if kind in ("slow", "lose") else {kind}
        if not taken & set(self.active):
            self.active[kind] = getattr(self, kind)()

    def end_one(self):
        if self.active:
            self.active.pop(self.rng.choice(sorted(self.active)))()

    def heal(self):
        while self.active:
            self.end_one()


class Soak:
    def __init__(self, lab, lib, seed, four, say):
        self.lib, self.seed, self.four, self.say = lib, seed, four, say
        self.street = Street(lab, resolv=HASTY, slow=True)
        self.client = self.street.client.worker(lib, program="programs/soak_peer.py")
        self.server = self.street.server.worker(lib, program="programs/soak_peer.py")
        self.street.soak_server = self.server
        self.street.serve_both()
        self.censuses = []
        self.totals = {"sent": 0, "received": 0, "missing": 0, "answered": 0, "cuts": 0}

    def act(self, worker, name, what, *args):
        result = worker.do("act", name=name, what=what, args=args)
        if result == "dead":
            raise Wrong("%s of %s is dead: %s" % (name, self.lib, worker.do("books")[name]))
        return result

    def bind(self, name):
        where = self.rng.choice(["*", "*" if self.four else "eth0"])
        self.act(self.server, name, "move", "tcp://%s:%d" % (where, PORTS[name]))
        # For a moment an address may be missing, or the port may still be held.
        return wait_until(lambda: self.act(self.server, name, "bind") == "ok", timeout=2)

    def begin(self):
        self.bound, self.connected = set(), set()
        for name, kind in SERVERS.items():
            self.server.must("actor", name=name, kind=kind, ctx="s",
                             where="tcp://*:%d" % PORTS[name])
            if self.bind(name):
                self.bound.add(name)
        for name, (kind, server) in CLIENTS.items():
            self.client.must("actor", name=name, kind=kind, ctx=CONTEXTS.get(name, "b"),
                             where="tcp://%s:%d" % (NAME, PORTS[server]))
            self.connect(name)

    def connect(self, name):
        if self.act(self.client, name, "connect") != "ok":
            raise Wrong("%s cannot connect" % name)
        self.connected.add(name)

    # -- what happens at random

    def server_step(self):
        name = self.rng.choice(sorted(SERVERS))
        if name not in self.bound:
            if self.bind(name):
                self.bound.add(name)
        elif self.rng.random() < 0.5:
            # Stock cannot unbind a wildcard by the text that was bound.
            by_text = self.lib != "stock" and self.rng.random() < 0.5
            if self.act(self.server, name, "unbind", by_text) != "ok":
                raise Wrong("%s cannot unbind" % name)
            self.bound.discard(name)
        else:
            self.act(self.server, name, "reopen")
            self.bound.discard(name)

    def client_step(self):
        name = self.rng.choice(sorted(CLIENTS))
        if name not in self.connected:
            self.connect(name)
        elif self.rng.random() < 0.5:
            # A requester may just have made a new socket and connected it.
            self.act(self.client, name, "disconnect")
            self.connected.discard(name)
            if CLIENTS[name][0] == "requester":
                self.act(self.client, name, "reopen")
        else:
            self.act(self.client, name, "reopen")
            self.connected.discard(name)

    def passer_by(self):
        """A context that lives for a moment."""
        self.client.do("life", ep="tcp://%s:5555" % NAME,
                       opts={"RECONNECT_IVL": 5}, timeout=self.rng.choice([0.0, 0.01, 0.1]))

    def step(self, network, number, step):
        # The choices of a step must not depend on the outcome of earlier ones.
        self.rng = network.rng = random.Random("%d %d %d" % (self.seed, number, step))
        self.rng.choice([self.server_step, self.client_step, self.client_step, self.passer_by,
                         network.begin, network.begin, network.end_one, network.end_one])()
        time.sleep(self.rng.choice([0, 0.02, 0.1, 0.3]))

    # -- the end of a round

    def recover(self, network):
        network.heal()
        for name in SERVERS:
            if name not in self.bound and not self.bind(name):
                raise Wrong("%s cannot be bound on a network that is well" % name)
        for name in CLIENTS:
            if name not in self.connected:
                self.connect(name)
        since = {"sub1": self.client.do("now"), "sub2": self.client.do("now")}
        for name, moment in since.items():
            if not wait_until(lambda: self.client.do("heard_since", name=name, moment=moment),
                              RECOVERY):
                raise Wrong("%s hears nothing; %r; %r" % (
                    name, self.street.dialled(PORTS["pub"]), self.street.dns.log()[-6:]))
        for name in CLIENTS:
            self.act(self.client, name, "finish")
        if not wait_until(lambda: self.client.do("quiet", names=list(CLIENTS)) == [], RECOVERY):
            raise Wrong("never answered: %r" % self.client.do("quiet", names=list(CLIENTS)))

    def drained(self):
        """Whether all that was sent last has come, and nothing twice (a second copy comes soon)."""
        wait_until(lambda: not self.under_way(), RECOVERY)
        return self.server.do("time", steps=[{"op": "pause", "seconds": 0.3}])

    def under_way(self):
        """The last connect of each sender that has lost no connection and not delivered all."""
        came = self.server.do("tallies")["pull"]["came"]
        found = []
        for name, one in self.client.do("tallies").items():
            if CLIENTS[name][0] == "sender" and one["sent"]:
                key = last_of(one["sent"])
                cuts = one["cuts"][key.split()[1]]
                if not cuts and came.get(key, 0) < one["sent"][key]:
                    found.append(key)
        return found

    def check(self):
        self.act(self.server, "pub", "finish")
        self.drained()
        there, here = self.server.do("books"), self.client.do("books")
        wrong = []
        for books in (there, here):
            for name, one in books.items():
                wrong += one["wrong"]
                self.totals["cuts"] += sum(one["cuts"].values())
                self.totals["answered"] += one.get("answered", 0)
                for key, track in one["tracks"].items():
                    if track["twice"]:
                        wrong.append("%s got %d of %s twice" % (name, track["twice"], key))
        for key, track in there["pull"]["tracks"].items():
            wrong += self.check_track(key, track, here)
        if wrong:
            raise Wrong("; ".join(wrong))

    def check_track(self, key, track, senders):
        name, sock, _ = key.split()
        sent = senders[name]["sent"].get(key, 0)
        cuts = senders[name]["cuts"][sock]
        self.totals["sent"] += sent
        self.totals["received"] += track["count"] - track["missing"]
        self.totals["missing"] += track["missing"]
        text = "%s: %r with %d cuts" % (key, track, cuts)
        if track["count"] > sent or track["runs"] > cuts or (track["back"] and not cuts):
            return [text]
        is_last = key == last_of(senders[name]["sent"])
        return [text + ", %d sent" % sent] if is_last and not cuts and track["count"] < sent else []

    def census(self):
        for worker, contexts in ((self.client, "ab"), (self.server, "s")):
            for ctx in contexts:
                if worker.do("quit", ctx=ctx) > 3:
                    raise Wrong("zmq_ctx_term takes long")
        one = {who: worker.do("census")
               for who, worker in (("client", self.client), ("server", self.server))}
        self.censuses.append(one)
        if len(self.censuses) < 3:
            return
        for who, counts in one.items():
            for what, limit in LIMITS.items():
                grown = counts[what] - self.censuses[1][who][what]
                if grown > limit and not laboratory.VARIANT:
                    course = [census[who][what] for census in self.censuses]
                    raise Wrong("the %s has more %s: %r" % (who, what, course))

    def round(self, number, seconds):
        self.rng = random.Random("%d %d" % (self.seed, number))
        network = Network(self.street, self.rng, self.four)
        self.begin()
        # Counted in steps, not in seconds, so that the schedule depends on the seed alone.
        for step in range(int(seconds * 6)):
            self.step(network, number, step)
        self.recover(network)
        self.check()
        self.census()

    def run(self, seconds, number=0):
        started, first = time.monotonic(), number
        end = started + seconds
        length = min(ROUND, seconds / 4)
        while number < first + 3 or time.monotonic() < end - length:
            self.round(number, length)
            number += 1
            last = self.censuses[-1]
            self.say("soak: %s, seed %d: %d s, round %d, %s; client, server: %d, %d bytes" % (
                self.lib, self.seed, time.monotonic() - started, number, json.dumps(self.totals),
                last["client"]["memory"], last["server"]["memory"]))
        return self.totals


def soak(lib="patched", seconds=20, seed=1, four=False, say=print, first=0):
    """Raises Wrong, with the seed; else the totals."""
    with laboratory.Lab() as lab:
        one = Soak(lab, lib, seed, four, say)
        try:
            return one.run(seconds, first)
        except AssertionError as error:
            raise Wrong("seed %d, %s: %s\n%s%s" % (seed, lib, error, one.client.stderr(),
                                                   one.server.stderr())) from error


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int,
                        default=int(os.environ.get("ZDS_SOAK_SECONDS") or 600))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("ZDS_SOAK_SEED")
                                                        or time.time()))
    parser.add_argument("--lib", default="patched")
    parser.add_argument("--four", action="store_true")
    parser.add_argument("--round", type=int, default=0, help="begin with this one")
    args = parser.parse_args()
    print("soak: ZDS_SOAK_SEED=%d ZDS_SOAK_SECONDS=%d" % (args.seed, args.seconds), flush=True)
    try:
        soak(args.lib, args.seconds, args.seed, args.four,
             say=lambda text: print(text, flush=True), first=args.round)
    except Wrong as error:
        sys.exit("soak: " + str(error))


if __name__ == "__main__":
    main()
