#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Random sequences of calls, stock and patched side by side (U-1).

    fuzz_differential.py [--seconds 120] [--seed N] [--only CASE] [--replay FILE]

The same seed and number make the same case.  --replay runs steps from a file of JSON lines, as a
failure prints them.

After each call both sides are given time to become quiet, and then everything that the app can read
is compared: return codes, errno, ZMQ_LAST_ENDPOINT, options, events, messages with their metadata,
ZAP requests.  A busy machine must not be taken for a difference, so each side runs four times, the
later runs slower, and a difference counts only if no run of stock is like any run of patched, while
the runs of each side are like each other.  What is found is made as short as it can be.

Where patched succeeds and stock does not, there is no model any more, and the comparison ends.  It
also ends at the deliberate exceptions of NOTES, which the_end recognises by rules.
"""
import argparse
import json
import os
import random
import re
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import MODES, Lab, LabError, WorkerDied  # noqa: E402

HOSTS_FILE = ("127.0.0.1 localhost\n::1 localhost ip6-localhost\n127.0.0.1 host.test\n"
              "10.0.0.1 four.test\n2001:db8::1 six.test\n10.0.0.1 dual.test\n"
              "2001:db8::1 dual.test\n")
# For the names above, either address will do (exception h).
SAME = {"2001:db8::1": "10.0.0.1", "::1": "127.0.0.1"}
# Stock's client comes over IPv4, which a server in mode v6 sees as a mapped address.
MAPPED = {"::ffff:" + four: four for four in SAME.values()}
DUAL_NAMES = ("localhost", "dual.test")
PEERS = {"DEALER": ["ROUTER", "DEALER"], "ROUTER": ["DEALER", "REQ"], "REQ": ["REP"],
         "REP": ["REQ"], "PUSH": ["PULL"], "PULL": ["PUSH"], "PUB": ["SUB"], "SUB": ["PUB"],
         "PAIR": ["PAIR"]}
SLOW, FAST = 60000, 30  # ms, between attempts to connect
# Delays so long that there is no second attempt, even on a busy machine.
ENVIRONMENT = {"ZMQ_DUALSTACK": "attempt-delay=2000,resolution-delay=2000"}
PORTS = {"auto": (5555, 5556), "v4": (5555, 5557), "v6": (5655, 5656)}
OPTIONS = [("IPV6", (0, 1, 2)), ("IPV4ONLY", (0, 1)), ("TOS", (0, 8)), ("BACKLOG", (1, 100)),
           ("SNDBUF", (4096, 65536)), ("RCVBUF", (4096, 65536)), ("TCP_KEEPALIVE", (-1, 0, 1)),
           ("TCP_KEEPALIVE_IDLE", (-1, 60)), ("TCP_KEEPALIVE_INTVL", (-1, 10)),
           ("TCP_KEEPALIVE_CNT", (-1, 3)), ("IMMEDIATE", (0, 1)), ("LINGER", (0, 100)),
           ("SNDHWM", (1, 1000)), ("RCVHWM", (1, 1000)), ("MAXMSGSIZE", (-1, 100000)),
           ("CONNECT_TIMEOUT", (0, 5000)), ("HANDSHAKE_IVL", (30000, 10000)),
           ("RECONNECT_IVL", (SLOW, FAST, -1)), ("RECONNECT_IVL_MAX", (0, SLOW)),
           ("TCP_MAXRT", (0, 10000)), ("HEARTBEAT_IVL", (0, 20000)), ("TYPE", ()), ("EVENTS", ()),
           ("LAST_ENDPOINT", ()), ("MECHANISM", ()), ("RATE", (100,)), ("IPV6", ())]


# ------------------------------------------------------------------ what is done


class Author:
    """Writes one sequence."""

    def __init__(self, dice):
        self.dice = dice
        self.steps, self.sockets, self.bound, self.dialled = [], {}, [], []
        self.context = dice.choice(["auto"] * 6 + ["v6-ctx", "v4-ctx"])
        self.zap = dice.random() < 0.3
        self.count = 0

    def write(self):
        self.step("ctx", opts=MODES[self.context].ctx)
        if self.zap:
            self.step("zap")
        self.open()
        for _ in range(self.dice.randrange(5, 18)):
            action = self.dice.choice(["open"] * 3 + ["bind"] * 5 + ["connect"] * 6 + ["talk"] * 4
                                      + ["unbind"] * 2 + ["disconnect"] * 2 + ["option"] * 3
                                      + ["close", "cut", "look"])
            getattr(self, action)()
        self.talk()
        if self.zap:
            self.step("zaplog")
        return self.steps

    def step(self, op, **args):
        self.steps.append(dict(args, op=op))

    def any_socket(self):
        return self.dice.choice(sorted(self.sockets))

    def open(self):
        if len(self.sockets) >= 5:
            return
        self.count += 1
        name = "s%d" % self.count
        # Half of the time, a type that fits a socket which is there.
        kinds = [peer for kind, _ in self.sockets.values() for peer in PEERS[kind]]
        kind = self.dice.choice(kinds if kinds and self.dice.random() < 0.8 else sorted(PEERS))
        mode = self.dice.choice(["auto"] * 5 + ["v6"] * 2 + ["v4", "v6-ipv4only", "v4-ipv4only"])
        opts = dict(MODES[mode].sock, RECONNECT_IVL=self.dice.choice([SLOW, SLOW, FAST]), LINGER=0)
        if kind == "SUB":
            opts["SUBSCRIBE"] = ""
        if self.zap and self.dice.random() < 0.7:
            opts["ZAP_DOMAIN"] = "global"
        if kind in ("DEALER", "REQ") and self.dice.random() < 0.3:
            opts["ROUTING_ID"] = "id-" + name
        effective = self.context if mode == "auto" else mode
        self.sockets[name] = kind, MODES[effective].kind
        self.step("socket", id=name, kind=kind, monitor=True, opts=opts)

    def bind(self):
        name = self.any_socket()
        mode = self.sockets[name][1]
        port = self.dice.choice([str(one) for one in PORTS[mode]] + ["*", "*"])
        hosts = ["*", "*", "127.0.0.1", "10.0.0.1", "0.0.0.0", "eth0", "lo", "eth1", "127.1",
                 "nosuch0", "10.9.9.9", "host.test"]
        if mode == "v6":
            hosts += ["[::1]", "[::]", "[2001:db8::1]", "[fe80::1%eth0]", "[::ffff:127.0.0.1]"]
        elif self.dice.random() < 0.05:
            hosts = ["[::1]", "[2001:db8::1]"]
        text = "tcp://%s:%s" % (self.dice.choice(hosts), port)
        other = self.dice.random()
        if other < 0.12:
            self.count += 1
            text = self.dice.choice(["ipc://@zds-fuzz-%d", "inproc://fuzz-%d"]) % (self.count % 3)
        elif other < 0.15:
            text = self.dice.choice(["tcp://*:x", "tcp://:1", "tcp://", "tcp://127.0.0.1:70000"])
        self.count += 1
        keep = "L%d" % self.count
        self.step("bind", id=name, ep=text)
        self.step("get", id=name, opt="LAST_ENDPOINT", keep=keep)
        self.bound.append((name, text, keep))

    def target(self, mode):
        """An endpoint where somebody may listen, or nobody."""
        near = [one for one in self.bound
                if self.sockets.get(one[0], ("", mode))[1] == mode or self.dice.random() < 0.3]
        if not near or self.dice.random() < 0.15:
            return "tcp://%s:5999" % self.dice.choice(["127.0.0.1", "host.test", "four.test",
                                                       "localhost", "nosuch.test"])
        _, text, keep = self.dice.choice(near)
        if not text.startswith("tcp://"):
            return text
        host = text[len("tcp://"):].rpartition(":")[0]
        hosts = {"*": ["127.0.0.1", "10.0.0.1", "localhost", "host.test", "four.test", "dual.test"],
                 "127.0.0.1": ["127.0.0.1", "host.test", "localhost"], "lo": ["127.0.0.1"],
                 "10.0.0.1": ["10.0.0.1", "four.test"], "eth0": ["10.0.0.1", "four.test"],
                 "eth1": ["10.1.0.1"], "0.0.0.0": ["10.1.0.1", "127.0.0.1", "host.test"],
                 "[::1]": ["[::1]"], "[::]": ["[::1]", "six.test", "[2001:db8::1]"],
                 "[2001:db8::1]": ["[2001:db8::1]", "six.test"],
                 "[fe80::1%eth0]": ["[fe80::1%eth0]"]}.get(host, ["127.0.0.1"])
        if mode == "v6" and host in ("*", "lo", "eth0"):
            hosts = {"*": hosts + ["[::1]"], "lo": ["[::1]"], "eth0": ["[2001:db8::1]"]}[host]
        source = "127.0.0.2:0;" if self.dice.random() < 0.08 and mode != "v6" else ""
        return "tcp://%s%s:{%s.port}" % (source, self.dice.choice(hosts), keep)

    def connect(self):
        name = self.any_socket()
        text = self.target(self.sockets[name][1])
        self.step("connect", id=name, ep=text)
        self.step("get", id=name, opt="LAST_ENDPOINT")
        self.dialled.append((name, text))

    def unbind(self):
        if self.bound:
            name, text, keep = self.dice.choice(self.bound)
            if name in self.sockets:
                self.step("unbind", id=name, ep=self.dice.choice([text, "{%s}" % keep]))

    def disconnect(self):
        if self.dialled:
            name, text = self.dice.choice(self.dialled)
            if name in self.sockets:
                self.step("disconnect", id=name, ep=text)

    def option(self):
        name = self.any_socket()
        option, values = self.dice.choice(OPTIONS)
        if values:
            self.step("set", id=name, opt=option, value=self.dice.choice(values))
        if option not in ("MAXMSGSIZE",):
            self.step("get", id=name, opt=option)

    def look(self):
        name = self.any_socket()
        for option in ("IPV6", "IPV4ONLY", "EVENTS", "LAST_ENDPOINT", "TCP_KEEPALIVE"):
            self.step("get", id=name, opt=option)
        self.step("ctxget", opt="IPV6")

    def talk(self):
        self.count += 1
        self.step("talk", word="w%d" % self.count)

    def close(self):
        if len(self.sockets) > 1:
            name = self.any_socket()
            del self.sockets[name]
            self.step("close", id=name)

    def cut(self):
        self.step("cut", ports=sorted({one for two in PORTS.values() for one in two}))


def case_number(seed, number):
    return Author(random.Random("%d/%d" % (seed, number))).write()


# ------------------------------------------------------------------ how it goes


def with_quiet(steps, pace):
    """Adds, after each call that may start something, a step that waits until all is quiet."""
    script = []
    for one in steps:
        script.append(dict(one, quiet=0.04 * pace) if one["op"] == "talk" else one)
        if one["op"] in ("bind", "connect", "unbind", "disconnect", "close", "cut", "talk"):
            script.append({"op": "quiet", "quiet": 0.03 * pace, "limit": 0.3 * pace})
    return script


class Side:
    """One library in a namespace of its own."""

    def __init__(self, lab, lib):
        self.node = lab.node(etc={"hosts": HOSTS_FILE, "nsswitch.conf": "hosts: files\n"})
        self.node.nic("eth0", "10.0.0.1/24", "fe80::1/64", "2001:db8::1/64")
        self.node.nic("eth1", "10.1.0.1/24")
        self.lib, self.worker = lib, None

    def post(self, steps, pace, fresh):
        if fresh:
            self.end()
        if self.worker is None:
            self.worker = self.node.worker(self.lib, ENVIRONMENT)
        self.worker.post(with_quiet(steps, pace) + [{"op": "reset"}])

    def collect(self, steps, pace):
        """One result for each step, with the events after the call that they followed; or a
        text."""
        try:
            results = self.worker.collect(90)
        except (WorkerDied, LabError) as death:
            self.end()
            return str(death)
        return gather(steps, [one["op"] for one in with_quiet(steps, pace)], results)

    def end(self):
        if self.worker is not None:
            self.worker.kill()
            self.node.workers.remove(self.worker)
            self.worker = None


def gather(steps, ops, results):
    answers, events, at = [], [], -1
    for op, result in zip(ops, results):
        if op == "quiet":
            for name in sorted(result):
                events += [(at, name, one[0], one[1]) for one in result[name]]
            continue
        at += 1
        if op == "close":
            events += [(at, steps[at]["id"], one[0], one[1]) for one in result]
            result = "ok"
        answers.append(result)
    return Story(steps, answers, events)


class Story:
    """What one side reported, in words that do not depend on what the kernel chose."""

    def __init__(self, steps, answers, events):
        names = " ".join(one["ep"] for one in steps if one["op"] == "connect")
        self.same = SAME if any(name in names for name in DUAL_NAMES) else {}
        setting = [one for one in steps if one["op"] not in ("get", "ctxget")]
        if self.same and re.search("IPV6|IPV4ONLY", json.dumps(setting)):
            self.same = dict(SAME, **MAPPED)
        self.answers = json.loads(self.neutral(json.dumps(answers)))
        self.events = [(at, name, kind, self.neutral(endpoint))
                       for at, name, kind, endpoint in events]
        for at, one in enumerate(steps):
            if one["op"] == "zaplog" and isinstance(self.answers[at], list):
                # Leave out the request number, and the order of several connections among
                # themselves.
                self.answers[at] = sorted(request[:1] + request[2:] for request in self.answers[at])

    def neutral(self, text):
        text = re.sub(EPHEMERAL, ":<port>", text)
        text = re.sub(r"localhost:\d+:\d+:\d+", "localhost:<who>", text)  # a peer of ipc://
        for six, four in self.same.items():
            text = text.replace("[%s]" % six, four)
            text = text.replace("Peer-Address=" + six + '"', "Peer-Address=" + four + '"')
            text = text.replace('"%s"' % six, '"%s"' % four)
        return text

    def connections(self):
        """The steps in which a socket was connected to an endpoint."""
        steps = {}
        for at, name, kind, endpoint in self.events:
            if kind == "CONNECTED":
                steps.setdefault((name, endpoint), []).append(at)
        return steps


EPHEMERAL = r":(3276[89]|327[789]\d|32[89]\d\d|3[3-9]\d{3}|[456]\d{4})\b"  # 32768 and above
CALLS = ("bind", "connect", "unbind", "disconnect", "set", "ctxset", "socket")
NOISE = ("CONNECT_DELAYED", "CONNECT_RETRIED", "CLOSED")


def port_of(step):
    return step["ep"].rpartition(":")[2]


def taken_on_ipv6(steps, at, ours):
    """Exception (a): the port is taken in the family that stock does not look at."""
    before = [port_of(one) for one in steps[:at] if one["op"] == "bind"]
    return steps[at]["op"] == "bind" and ours == "EADDRINUSE" and port_of(steps[at]) in before


def meant_by_name(steps, at, ours, patched):
    """Exception (d): a DNS name in the place of another text of this socket."""
    if steps[at]["op"] not in ("unbind", "disconnect") or ours != "ENOENT":
        return False
    kept = {one["keep"]: answer for one, answer in zip(steps[:at], patched.answers)
            if one.get("keep")}
    texts = [kept.get(one.get("ep", "").strip("{}"), one.get("ep")) for one in steps[:at + 1]]
    same = [one["op"] for one, text, answer in zip(steps[:at], texts, patched.answers)
            if text == texts[at] and one.get("id") == steps[at]["id"] and answer == "ok"]
    return ".test:" in texts[at] and same[-1:] not in (["connect"], ["bind"])


def the_end(steps, stock, patched):
    """The number of the first step that cannot be compared: there the model ends."""
    end = len(steps)
    for at, one in enumerate(steps):
        theirs, ours = stock.answers[at], patched.answers[at]
        if one["op"] not in CALLS or theirs == ours:
            continue
        if ours == "ok":
            end = at  # a success where stock fails
            break
        if taken_on_ipv6(steps, at, ours) or meant_by_name(steps, at, ours, patched):
            end = at
            break
    # A connection where stock has none.
    had, extra = stock.connections(), []
    for key, times in patched.connections().items():
        before = len(had.get(key, ()))
        new = times[before:before + 1]
        extra += new if not before or any(adds(one) for one in steps[:(new + [0])[0] + 1]) else []
    # Exception (l): an IPv6 literal that stock does not dial, and where nobody listens.
    dialled = {event[1::2] for event in stock.events if event[2] == "CONNECT_DELAYED"}
    extra += [event[0] for event in patched.events
              if event[2] == "CONNECT_DELAYED" and event[1::2] not in dialled
              and "[" in steps[event[0]].get("ep", "")]
    return min([end] + extra)


def adds(step):
    """A bind that may listen where stock does not."""
    return step["op"] == "bind" and bool(re.match(r"tcp://(\*|lo|eth\d):", step["ep"]))


def restless(steps):
    """Sockets that retry at such short intervals that the number of tries is chance."""
    names = {one["id"] for one in steps if one["op"] == "socket"
             and one["opts"].get("RECONNECT_IVL") != SLOW}
    return names | {one["id"] for one in steps if one["op"] == "set"
                    and one["opt"] in ("RECONNECT_IVL", "RECONNECT_IVL_MAX")}


def by_endpoint(events, end, loud):
    """The events of each socket and endpoint in order, up to the end."""
    told = {}
    for at, name, kind, endpoint in events:
        if at < end and not (name in loud and kind in NOISE):
            told.setdefault((name, endpoint), []).append(kind)
    return told


def difference(steps, stock, patched):
    """None, or a line."""
    if isinstance(patched, str):
        return None if isinstance(stock, str) else "patched: " + patched
    if isinstance(stock, str):
        return None
    end = the_end(steps, stock, patched)
    for at, one in enumerate(steps[:end]):
        theirs, ours = stock.answers[at], patched.answers[at]
        # In stock, zmq_bind with a monitor gives EAGAIN, whatever went wrong.
        if theirs == ours or (one["op"] in CALLS and "ok" not in (theirs, ours)
                              and "EAGAIN" in (theirs, ours)):
            continue
        return "step %d %s:\n    stock   %s\n    patched %s" % (
            at, json.dumps(one), json.dumps(theirs), json.dumps(ours))
    loud = restless(steps)
    theirs, ours = by_endpoint(stock.events, end, loud), by_endpoint(patched.events, end, loud)
    for key in sorted(set(theirs) | set(ours)):
        if theirs.get(key) != ours.get(key):
            return "events of %s on %s:\n    stock   %s\n    patched %s" % (
                key + (theirs.get(key), ours.get(key)))
    return None


def agree(steps, stories):
    """Whether two of the stories are alike."""
    return any(difference(steps, one, two) is None
               for at, one in enumerate(stories) for two in stories[:at])


class Pair:
    def __init__(self, lab):
        self.sides = [Side(lab, "stock"), Side(lab, "patched")]

    def run(self, steps, pace=1, fresh=False):
        for side in self.sides:
            side.post(steps, pace, fresh)
        return [side.collect(steps, pace) for side in self.sides]

    def judge(self, steps, paces=(2, 4, 8) + (1,) * 8):
        """A difference that is there however often one looks, or None.  Which end of a connection
        first sees that the two do not fit is chance, and the odds are not the same in stock and in
        ours."""
        first = self.run(steps)
        line = difference(steps, *first)
        stock, patched = [first[0]], [first[1]]
        for pace in paces if line else ():
            theirs, ours = self.run(steps, pace, fresh=True)
            stock.append(theirs)
            patched.append(ours)
            lines = [difference(steps, one, two) for one in stock for two in patched]
            if None in lines:
                return None
            line = lines[-1]
        if line and not (agree(steps, stock) and agree(steps, patched)):
            return None  # chance decides what happens there
        return line

    def shorten(self, steps, seconds=60):
        """Leaves out the steps that are not needed for the difference."""
        end = time.monotonic() + seconds
        size = max(1, len(steps) // 2)
        while size and time.monotonic() < end:
            at = len(steps) - size
            while at > 0 and time.monotonic() < end:  # the context stays
                shorter = steps[:at] + steps[at + size:]
                if possible(shorter) and self.judge(shorter, (2, 4)):
                    steps = shorter
                at -= size
            size //= 2
        return steps


def possible(steps):
    """Whether sockets are used only between their opening and their end."""
    there, words = set(), {""}
    for one in steps:
        if one["op"] == "socket":
            there.add(one["id"])
        elif "id" in one and one["id"] not in there:
            return False
        words.add(one.get("keep", ""))
        used = re.findall(r"\{(\w+)", one.get("ep", ""))
        if any(word not in words for word in used):
            return False
        if one["op"] == "close":
            there.remove(one["id"])
    return bool(steps) and steps[0]["op"] == "ctx"


def report(pair, steps, name):
    """The text of a finding; None when it does not happen again."""
    for steps in (pair.shorten(steps), steps):
        line = pair.judge(steps)
        if line:
            return "%s: %s\n  fuzz_differential.py --replay FILE, with these lines in it:\n%s" % (
                name, line, "\n".join(json.dumps(one) for one in steps))
    return None


def fuzz(lab, seconds, seed, pairs=3, most=3):
    """(how many cases there were, the findings)"""
    end, found, lock = time.monotonic() + seconds, [], threading.Lock()
    numbers = iter(range(10 ** 9))
    done = []

    def work(pair):
        while time.monotonic() < end and len(found) < most:
            with lock:
                number = next(numbers)
            steps = case_number(seed, number)
            done.append(number)
            if pair.judge(steps):
                text = report(pair, steps, "--seed %d --only %d" % (seed, number))
                found.extend([text] * bool(text))
    threads = [threading.Thread(target=work, args=(Pair(lab),)) for _ in range(pairs)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return len(done), found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--only", type=int)
    parser.add_argument("--replay")
    args = parser.parse_args()
    with Lab() as lab:
        if args.only is None and not args.replay:
            count, found = fuzz(lab, args.seconds, args.seed)
            print("\n\n".join(found) + "\nseed %d: %d cases, %d findings"
                  % (args.seed, count, len(found)))
            return bool(found)
        if args.replay:
            with open(args.replay) as file:
                steps = [json.loads(line) for line in file if line.strip()]
        else:
            steps = case_number(args.seed, args.only)
        pair = Pair(lab)
        for side, story in zip(pair.sides, pair.run(steps, 2)):
            print("== " + side.lib)
            if isinstance(story, str):
                print(story)
                continue
            for at, one in enumerate(steps):
                print("%s -> %s" % (json.dumps(one), json.dumps(story.answers[at])))
                for event in story.events:
                    if event[0] == at:
                        print("      %s" % " ".join(event[1:]))
        line = pair.judge(steps)
        print(line or "no difference")
        return bool(line)


if __name__ == "__main__":
    sys.exit(main())
