# SPDX-License-Identifier: MPL-2.0
"""One end of the soak test (soak.py): a worker that also has actors.

An actor is a thread with a socket.  It sends or receives numbered messages without pause, and takes
orders: bind, unbind, connect, disconnect, reopen.  It keeps an account of them, which `op_books`
hands over when all is quiet.
"""
import os
import queue
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import worker  # noqa: E402
import zmq  # noqa: E402
from worker import library, monitor, process, sockets  # noqa: E402

OPTIONS = {"LINGER": 0, "RECONNECT_IVL": 20, "CONNECT_TIMEOUT": 2000, "HEARTBEAT_IVL": 200,
           "HEARTBEAT_TIMEOUT": 600, "SNDHWM": 200, "RCVHWM": 200}
PATIENCE = 1000  # ms that an asker waits before it asks again
PAUSE = 0.004  # s between two messages
ACTORS = {}


class Track:
    """What arrived of one connect of one sender.  `seen` has a byte for each number."""

    def __init__(self):
        self.seen = bytearray()
        self.last, self.back, self.twice = -1, 0, 0

    def note(self, number):
        if number >= len(self.seen):
            self.seen.extend(bytes(number + 1 - len(self.seen)))
        self.twice += self.seen[number]
        self.seen[number] = 1
        self.back += number < self.last
        self.last = number

    def summary(self):
        """Numbers up to the last one; runs that are missing; messages missing; and so on."""
        runs = sum(1 for at, one in enumerate(self.seen)
                   if not one and (at == 0 or self.seen[at - 1]))
        return {"count": len(self.seen), "runs": runs, "missing": self.seen.count(0),
                "back": self.back, "twice": self.twice}


class Actor(threading.Thread):
    kind = None

    def __init__(self, name, context, where):
        super().__init__(daemon=True)
        self.name, self.context, self.where = name, context, where
        self.orders, self.done = queue.Queue(), queue.Queue()
        self.socks = 0  # how often the socket was made anew
        self.epoch = 0  # and how often this socket was connected
        self.cuts = {}  # by the number of the socket: connections that ended
        self.number = 0
        self.finishing = self.over = False
        self.books = {"sent": {}, "tracks": {}, "wrong": [], "last": 0}
        self.sock = self.shown = None
        self.open()
        self.start()

    def open(self):
        self.socks += 1
        self.cuts[self.socks] = 0
        self.sock = self.context.socket(getattr(zmq, self.kind))
        for name, value in OPTIONS.items():
            self.sock.setsockopt(library.option_number(name), value)
        self.prepare()
        monitor.Watch.count += 1
        self.monitor = self.sock.get_monitor_socket(
            zmq.EVENT_DISCONNECTED, addr="inproc://soak-%d" % monitor.Watch.count)

    def prepare(self):
        pass

    def close(self):
        self.read_monitor()
        # Otherwise libzmq's I/O thread would wait for ever to tell a monitor that has gone away.
        self.sock.disable_monitor()
        self.monitor.close(0)
        self.sock.close(0)

    def read_monitor(self):
        while self.monitor.poll(0):
            self.monitor.recv_multipart()
            self.cuts[self.socks] += 1

    # Orders; each returns "ok" or an errno.

    def do_bind(self):
        self.sock.bind(self.where)
        self.shown = self.sock.getsockopt(zmq.LAST_ENDPOINT)

    def do_unbind(self, by_text):
        self.sock.unbind(self.where if by_text else self.shown)

    def do_connect(self):
        self.epoch += 1
        self.number = 0
        self.sock.connect(self.where)

    def do_disconnect(self):
        self.sock.disconnect(self.where)

    def do_reopen(self):
        self.close()
        self.epoch = self.number = 0
        self.open()

    def do_move(self, where):
        self.where = where

    def do_finish(self):
        self.finishing = True

    def do_end(self):
        self.close()
        self.over = True

    def obey(self):
        try:
            what, *args = self.orders.get_nowait()
        except queue.Empty:
            return
        try:
            getattr(self, "do_" + what)(*args)
            self.done.put("ok")
        except zmq.ZMQError as error:
            self.done.put(library.errno_name(error.errno))

    def run(self):
        try:
            while not self.over:
                self.obey()
                if not self.over:
                    self.read_monitor()
                    self.act()
        except Exception as error:
            self.books["wrong"].append("%s ended: %r" % (self.name, error))
            self.done.put("dead")

    def track(self, key, number):
        self.books["last"] = time.monotonic()
        self.books["tracks"].setdefault(key, Track()).note(number)

    def quiet(self):
        """Whether nothing is under way any more."""
        return True


class Sender(Actor):
    """PUSH, PUB: numbers its messages for each connect."""
    kind = "PUSH"

    def act(self):
        if self.finishing or not self.sock.poll(10, zmq.POLLOUT):
            time.sleep(PAUSE)
            return
        key = "%s %d %d" % (self.name, self.socks, self.epoch)
        try:
            self.sock.send(("%s %d" % (key, self.number)).encode(), zmq.DONTWAIT)
        except zmq.Again:
            return
        self.number += 1
        self.books["sent"][key] = self.number
        time.sleep(PAUSE)


class Publisher(Sender):
    kind = "PUB"


class Receiver(Actor):
    """PULL, SUB."""
    kind = "PULL"

    def act(self):
        if self.sock.poll(10):
            key, number = self.sock.recv().decode().rsplit(" ", 1)
            self.track(key, int(number))


class Subscriber(Receiver):
    kind = "SUB"

    def prepare(self):
        self.sock.subscribe(b"")


class Answerer(Actor):
    """ROUTER, REP: sends back what it gets."""
    kind = "ROUTER"

    def act(self):
        if not self.sock.poll(10):
            return
        frames = self.sock.recv_multipart()
        key, number = frames[-1].decode().rsplit(" ", 1)
        self.track(key, int(number))
        try:
            self.sock.send_multipart(frames, zmq.DONTWAIT)
        except zmq.Again:
            pass  # it asks again


class Replier(Answerer):
    kind = "REP"


class Asker(Actor):
    """DEALER, REQ: asks until it is answered.  A question that is repeated gets a new number; an
    answer to any of them will do."""
    kind = "DEALER"
    reopens = False

    def prepare(self):
        self.asked, self.deadline = [], 0
        self.answered = self.books.setdefault("answered", 0)

    def act(self):
        if not self.asked and self.finishing:
            time.sleep(PAUSE)
            return
        if not self.asked or time.monotonic() > self.deadline:
            self.ask()
        if self.sock.poll(10):
            self.take(self.sock.recv_multipart()[-1].decode())
            time.sleep(PAUSE)

    def ask(self):
        if self.asked and self.reopens:
            had = self.epoch
            self.do_reopen()
            if had:
                self.do_connect()
        if not self.sock.poll(10, zmq.POLLOUT):
            return
        question = "%s %d %d %d" % (self.name, self.socks, self.epoch, self.number)
        self.sock.send(question.encode(), zmq.DONTWAIT)
        self.number += 1
        self.asked.append(question)
        self.deadline = time.monotonic() + PATIENCE / 1000

    def take(self, answer):
        key, number = answer.rsplit(" ", 1)
        self.track(key, int(number))
        if answer in self.asked:
            self.asked = []
            self.books["answered"] += 1
        elif not answer.startswith(self.name + " "):
            self.books["wrong"].append("%s got %s" % (self.name, answer))

    def do_connect(self):
        # A question on the old connection may be lost, so do not wait for its answer any longer.
        super().do_connect()
        self.deadline = 0

    def quiet(self):
        return not self.asked


class Requester(Asker):
    kind = "REQ"
    reopens = True


KINDS = {one.__name__.lower(): one for one in (
    Sender, Publisher, Receiver, Subscriber, Answerer, Replier, Asker, Requester)}


def op_actor(name, kind, ctx, where):
    if ctx not in worker.STATE.contexts:
        sockets.op_ctx(ctx)
    ACTORS[name] = KINDS[kind](name, worker.STATE.contexts[ctx], where)
    return "ok"


def op_act(name, what, args=(), timeout=5.0):
    actor = ACTORS[name]
    actor.orders.put([what, *args])
    return actor.done.get(timeout=timeout + 15)


def op_quiet(names):
    """The actors that still wait for something."""
    return [name for name in names if not ACTORS[name].quiet()]


def op_heard_since(name, moment):
    return ACTORS[name].books["last"] > moment


def op_now():
    return time.monotonic()


def op_tallies():
    """For each connect, how many messages were sent and have arrived so far; and the connections
    that each socket has lost."""
    return {name: {"sent": dict(actor.books["sent"]), "cuts": dict(actor.cuts),
                   "came": {key: len(track.seen)
                            for key, track in list(actor.books["tracks"].items())}}
            for name, actor in ACTORS.items()}


def op_books():
    """Ends all actors, and returns their accounts."""
    books = {}
    for name in list(ACTORS):
        if ACTORS[name].is_alive():
            op_act(name, "end")
        actor = ACTORS.pop(name)
        actor.join(10)
        books[name] = dict(actor.books, cuts=actor.cuts, tracks={
            key: track.summary() for key, track in actor.books["tracks"].items()})
    return books


def op_census():
    """What this process has when nothing is going on; abandoned look-ups at a dead name server end
    by and by."""
    process.op_threads_at_most(2, 15)
    with open("/proc/self/status") as status:
        rss = [int(line.split()[1]) for line in status if line.startswith("VmRSS")][0]
    with open("/proc/self/maps") as maps:
        areas = len(list(maps))
    return {"fds": process.op_fds(), "threads": process.op_threads(), "maps": areas, "rss": rss,
            "memory": process.op_memory()}


worker.offer(globals())

if __name__ == "__main__":
    worker.main()
