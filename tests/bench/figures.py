# SPDX-License-Identifier: MPL-2.0
"""The groups of figures: each function measures one, prints its table and returns the figures.

What is compared is measured in turns, so that it meets the same conditions."""
import collections
import os
import random
import re
import resource
import shutil
import statistics
import tempfile

from field import DEAD, PORT, SERVER4, SERVER6, SILENT4, at, tcp

# RFC 8305's values, which the library has as defaults.
ATTEMPT_DELAY, RESOLUTION_DELAY = 250, 50  # ms
HOPELESS = 3  # s that stock is given to come up with what it never will
LOOKUP = 30   # s that stock is given when it waits for a dead name server
CROWD = 1000  # sockets
GONE_AFTER = 10  # s in which the look-ups' threads have to end


# --- numbers as text ------------------------------------------------------------------------------

def number(value):
    if abs(value) < 100 and value != int(value):
        return "%.1f" % (round(value, 1) + 0.0)  # no "-0.0"
    return "{:,.0f}".format(value)


def spread(values):
    """Median and range."""
    if not values:
        return "none"
    middle, least, most = [number(one) for one in (statistics.median(values), min(values),
                                                   max(values))]
    return middle if least == most else "%s (%s..%s)" % (middle, least, most)


def missing_or(values, seconds):
    return spread(values) if values else "none in %d s" % seconds


class Figure:
    """One number with a target: the median of `values` is to be below `limit`."""

    def __init__(self, title, unit, values, limit, or_equal=False, **beside):
        self.title, self.unit, self.values = title, unit, list(values)
        self.limit, self.or_equal, self.beside = limit, or_equal, beside

    def met(self):
        if not self.values:
            return False
        value = statistics.median(self.values)
        return value <= self.limit if self.or_equal else value < self.limit

    def target(self):
        sign = "" if self.limit == 0 else "at most " if self.or_equal else "< "
        return (sign + number(self.limit) + " " + self.unit).strip()

    def median_text(self):
        return number(statistics.median(self.values)) if self.values else "none"

    def verdict(self):
        return "met" if self.met() else "MISSED"

    def as_json(self):
        return {"title": self.title, "unit": self.unit, "values": self.values,
                "median": statistics.median(self.values) if self.values else None,
                "target": self.target(), "met": self.met(), "beside": self.beside}


def table(title, heads, rows):
    print("\n" + title)
    rows = [heads] + rows
    widths = [max(len(row[at]) for row in rows) for at in range(len(heads))]
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def finished(figure):
    """The last two cells of a row."""
    return [figure.target(), figure.verdict()] if figure else ["", ""]


def column(results, key):
    return [one[key] for one in results if key in one]


# --- names whose IPv6 fails -----------------------------------------------------------------------

SCENES = collections.OrderedDict([
    ("both.test", "good"), ("refused.test", "refused"), ("no-route.test", "no route"),
    ("unreachable.test", "unreachable"), ("prohibited.test", "prohibited"),
    ("silent.test", "silent")])
LATE = collections.OrderedDict([("lost.test", "lost"), ("late.test", "2 s late")])


def start_stock_with_ipv6(field, names, patience):
    """What stock does when the program sets ZMQ_IPV6=1, once for each name; all at a time. Returns
    a function that waits for the outcome: {name: [ms]}."""
    running = {name: field.start(field.client, "stock", "reply", "-6", "-p", patience * 1000,
                                 at(name)) for name in names}
    return lambda: {name: column([field.end(program)], "first")
                    for name, program in running.items()}


def reply_times(field, rounds):
    """{(name, variant): [result of one run, ...]}, the runs of one name in pairs."""
    seen = collections.defaultdict(list)
    for turn in range(rounds + 1):
        for name in list(SCENES) + list(LATE):
            variants = [("ours", "ours", name), ("ours-4", "ours", "four.test"),
                        ("stock-4", "stock", "four.test")]
            random.shuffle(variants)
            for variant, library, host in variants:
                before = len(field.asked(name))
                result = field.run(library, "reply", "-r", at(host))
                if name in LATE and variant == "ours" and "at" in result:
                    result["after"] = result["at"] - answered(field, name, before)
                if turn > 0:  # in the first one neighbours are found and files are read
                    seen[name, variant].append(result)
    return seen


def answered(field, name, before):
    """When the name server answered for A, which it does at once."""
    return [when for kind, when in field.asked(name)[before:] if kind == "A"][0]


def differences(seen, name, key):
    return [one[key] - other[key] for one, other in zip(seen[name, "ours"], seen[name, "ours-4"])
            if key in one and key in other]


def answered_over(results):
    families = {"IPv6" if one.get("peer") == SERVER6 else
                "IPv4" if one.get("peer") == SERVER4 else "nobody" for one in results}
    return "/".join(sorted(families))


def connect(field, quick):
    rounds = 5 if quick else 20
    hopeless = start_stock_with_ipv6(field, SCENES, HOPELESS)()
    # These do nothing but wait.
    hopeless_late = start_stock_with_ipv6(field, ["stock-" + name for name in LATE], LOOKUP)
    seen = reply_times(field, rounds)
    for name, times in hopeless_late().items():
        hopeless[name[len("stock-"):]] = times
    return (first_figures(seen, hopeless, rounds) + again_figures(seen)
            + late_figures(seen, hopeless))


def beside(seen, name, key, hopeless=None):
    more = {"ours": column(seen[name, "ours"], key),
            "ours, A only": column(seen[name, "ours-4"], key),
            "stock, A only": column(seen[name, "stock-4"], key)}
    if hopeless is not None:
        more["stock, ZMQ_IPV6=1"] = hopeless[name]
    return more


def first_figures(seen, hopeless, rounds):
    figures, rows = [], []
    for name, title in SCENES.items():
        figure = None
        if name != "both.test":
            silent = name == "silent.test"
            figure = Figure("IPv6 %s: first reply, ours minus ours with A only" % title, "ms",
                            differences(seen, name, "first"), ATTEMPT_DELAY + 20 if silent else 5,
                            **beside(seen, name, "first", hopeless))
            figures.append(figure)
        rows.append([title, answered_over(seen[name, "ours"])]
                    + [spread(column(seen[name, variant], "first"))
                       for variant in ("ours", "ours-4", "stock-4")]
                    + [missing_or(hopeless[name], HOPELESS),
                       spread(differences(seen, name, "first"))] + finished(figure))
    table("From zmq_connect to the first reply, in ms: median and range of %d, each in a new\n"
          "process. The name has an IPv4 address that works; its IPv6 address is:" % rounds,
          ["", "reply by", "ours", "ours, A only", "stock, A only", "stock, ZMQ_IPV6=1",
           "ours - A only", "target", ""], rows)
    return figures


def again_figures(seen):
    figures, rows = [], []
    name = "silent.test"
    for key, title in (("second", "another socket of the context connects"),
                       ("reconnect", "the server cuts the connection")):
        figure = Figure("IPv6 silent, once known: %s, ours minus ours with A only" % title, "ms",
                        differences(seen, name, key), 5, **beside(seen, name, key))
        figures.append(figure)
        rows.append([title] + [spread(column(seen[name, variant], key))
                               for variant in ("ours", "ours-4", "stock-4")]
                    + [spread(figure.values)] + finished(figure))
    table("IPv6 silent, and the context knows it: until the reply, in ms. ZMQ_RECONNECT_IVL is 1.",
          ["", "ours", "ours, A only", "stock, A only", "ours - A only", "target", ""], rows)
    return figures


def late_figures(seen, hopeless):
    figures, rows = [], []
    for name, title in LATE.items():
        figure = Figure("AAAA answer %s: first reply after the A answer" % title, "ms",
                        column(seen[name, "ours"], "after"), RESOLUTION_DELAY + 20,
                        **beside(seen, name, "first", hopeless))
        figures.append(figure)
        rows.append([title, answered_over(seen[name, "ours"])]
                    + [spread(column(seen[name, variant], "first"))
                       for variant in ("ours", "ours-4", "stock-4")]
                    + [missing_or(hopeless[name], LOOKUP), spread(figure.values)]
                    + finished(figure))
    table("From zmq_connect to the first reply, in ms; both addresses work. The AAAA answer is:",
          ["", "reply by", "ours", "ours, A only", "stock, A only", "stock, ZMQ_IPV6=1",
           "ours, after the A answer", "target", ""], rows)
    return figures


# --- dead name servers ----------------------------------------------------------------------------

CALLS = [("term", "zmq_ctx_term"), ("disconnect", "zmq_disconnect, connected"),
         ("disconnect2", "zmq_disconnect, not connected"),
         ("unbind", "zmq_unbind, not bound")]


def dead_dns(field, quick):
    rounds, length = (2, 1000) if quick else (7, 2000)
    dead = [at(name) for name in DEAD]
    # Stock does nothing but wait meanwhile.
    waiting = {key: field.start(field.client, "stock", "leave", key, dead[0]) for key, _ in CALLS}
    waiting["stall"] = field.start(field.client, "stock", "stall", length, dead[0])
    gaps, times = collections.defaultdict(list), collections.defaultdict(list)
    for _ in range(rounds):
        for key, library, names in (("quiet", "ours", []), ("dead", "ours", dead),
                                    ("stock", "stock", [])):
            gaps[key] += column([field.run(library, "stall", length, *names)], "gap")
        for key, _ in CALLS:
            times[key] += column([field.run("ours", "leave", key, dead[0])], "ms")
    stock = {key: field.end(program) for key, program in waiting.items()}

    gap = Figure("DNS dead: longest gap of a live connection on the same I/O thread", "ms",
                 gaps["dead"], 5, **{"ours, no dead name": gaps["quiet"],
                                     "stock, no dead name": gaps["stock"],
                                     "stock, one dead name": column([stock["stall"]], "gap")})
    figures = [gap]
    rows = [["longest gap, nothing else happens", spread(gaps["quiet"]), spread(gaps["stock"]),
             "", ""],
            ["longest gap, dead names (%d, stock: 1)" % len(dead), spread(gap.values),
             missing_or(column([stock["stall"]], "gap"), LOOKUP)] + finished(gap)]
    for key, title in CALLS:
        figure = Figure("DNS dead: %s returns" % title, "ms", times[key], 50,
                        stock=column([stock[key]], "ms"))
        figures.append(figure)
        rows.append([title, spread(figure.values), missing_or(column([stock[key]], "ms"), LOOKUP)]
                    + finished(figure))
    table("No name server answers. In ms: median and range of %d.\n"
          "The gap: between two replies of a ping-pong of %d s on another socket of the context.\n"
          "The calls: while the name is being looked up." % (rounds, length // 1000),
          ["", "ours", "stock", "target", ""], rows)
    return figures


# --- a thousand sockets ---------------------------------------------------------------------------

def crowd(field, quick):
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 5 * CROWD:
        print("\nSkipped: %d sockets at once. The limit of open files is too low." % CROWD)
        return []
    rounds = 2 if quick else 7
    seen, asked = collections.defaultdict(list), collections.defaultdict(list)
    for turn in range(rounds):
        for library, name in (("ours", "crowd.test"), ("stock", "crowd4.test")):
            before = len(field.asked(name))
            # The threads are waited for once: it takes a while.
            wait = GONE_AFTER * 1000 if turn == 0 and library == "ours" else 0
            result = field.run(library, "crowd", CROWD, wait, at(name))
            if not wait:
                result.pop("left", None)
            seen[library].append(result)
            kinds = [kind for kind, _ in field.asked(name)[before:]]
            for kind in ("AAAA", "A"):
                asked[library, kind].append(kinds.count(kind))
    memory = crowd_memory(field, 1 if quick else 3)
    figures = [
        Figure("%d sockets at once, IPv6 silent: all have a reply" % CROWD, "ms",
               column(seen["ours"], "all"), 1000, stock=column(seen["stock"], "all")),
        Figure("%d sockets at once: AAAA queries" % CROWD, "", asked["ours", "AAAA"], 1, True,
               stock=asked["stock", "AAAA"]),
        Figure("%d sockets at once: A queries" % CROWD, "", asked["ours", "A"], 1, True,
               stock=asked["stock", "A"]),
        Figure("%d sockets at once: threads more, at the peak" % CROWD, "",
               column(seen["ours"], "peak"), 8, True, stock=column(seen["stock"], "peak")),
        Figure("%d sockets at once: threads more, %d s later" % (CROWD, GONE_AFTER), "",
               column(seen["ours"], "left"), 0, True)]
    rows = [["until all have a reply, ms"], ["AAAA queries"], ["A queries"],
            ["threads more, at the peak"], ["threads more, %d s later" % GONE_AFTER]]
    rows = [row + [spread(figure.values), spread(figure.beside.get("stock", [0]))]
            + finished(figure) for row, figure in zip(rows, figures)]
    for key, title in (("heap", "heap"), ("rss", "resident set")):
        more = [one - other for one, other in zip(memory["ours", key], memory["stock", key])]
        figure = Figure("Memory of a racing socket beyond stock's, %s" % title, "bytes", more, 8192,
                        ours=memory["ours", key], stock=memory["stock", key])
        figures.append(figure)
        rows += [["bytes per racing socket, %s" % title, spread(memory["ours", key]),
                  spread(memory["stock", key]), "", ""],
                 ["  beyond stock's", spread(more), ""] + finished(figure)]
    table("%d sockets of one context connect at once to one name whose IPv6 is silent (stock: to\n"
          "a name with an IPv4 address only). Memory: while nobody answers (stock: at one numeric\n"
          "address). Median and range of %d." % (CROWD, rounds),
          ["", "ours", "stock", "target", ""], rows)
    return figures


def crowd_memory(field, rounds):
    """{(library, "heap" or "rss"): [bytes per socket]}"""
    seen = collections.defaultdict(list)
    for _ in range(rounds):
        for library, endpoint, attempts in (("ours", at("nobody.test"), 2),
                                            ("stock", tcp(SILENT4, PORT), 1)):
            running = field.start(field.client, library, "crowd", "-m", CROWD, 1500, endpoint)
            result = running.read(2)
            dialling = field.dialling()
            field.kill(running)
            if dialling != attempts * CROWD:
                print("Memory: %d attempts of %s were under way, not %d"
                      % (dialling, library, attempts * CROWD))
            for key in ("heap", "rss"):
                seen[library, key].append(result[key] / CROWD)
    return seen


# --- instructions ---------------------------------------------------------------------------------

def read_record(path):
    """(instructions, {function: instructions of its own}) out of a record of callgrind's."""
    own, names, function, is_call = collections.Counter(), {}, None, False
    with open(path) as lines:
        for line in lines:
            if line.startswith("fn="):
                number, _, text = line[3:].strip().partition(" ")
                function = names.setdefault(number, text)
            elif line.startswith("cfn="):
                number, _, text = line[4:].strip().partition(" ")
                names.setdefault(number, text)
            elif line.startswith("calls="):
                is_call = True
            elif re.match(r"[0-9+*-]", line):
                if not is_call:
                    own[function] += int(line.split()[-1])
                is_call = False
    return sum(own.values()), own


class Counting:
    def __init__(self, field, directory):
        self.field, self.record = field, os.path.join(directory, "callgrind.out")

    def each(self, library, what, few, many, endpoint):
        """What one more of many takes: (instructions, {function: its own})."""
        counts = []
        for count in (few, many):
            self.field.count_instructions(library, what, count, endpoint, self.record)
            counts.append(read_record(self.record))
        own = {function: (counts[1][1][function] - counts[0][1][function]) / (many - few)
               for function in counts[1][1]}
        return (counts[1][0] - counts[0][0]) / (many - few), own


def instructions(field, quick):
    if shutil.which("valgrind") is None:
        print("\nSkipped: instructions. valgrind is not installed.")
        return []
    with tempfile.TemporaryDirectory() as directory:
        counting = Counting(field, directory)
        figures = connect_instructions(counting, 1 if quick else 3, 120 if quick else 220)
        return figures + message_instructions(counting, 3)


def connect_instructions(counting, rounds, many):
    figures, rows = [], []
    kinds = [("connects", "sockets of one context, localhost", at("localhost"), 20, many),
             ("connects", "sockets of one context, a name from DNS", at("own.test"), 20, many),
             ("contexts", "a new context each, localhost", at("localhost"), 5, many // 10 + 5),
             ("contexts", "a new context each, a name from DNS", at("own.test"), 5,
              many // 10 + 5)]
    for what, title, endpoint, few, most in kinds:
        seen = collections.defaultdict(list)
        for _ in range(rounds):
            for library, variant in (("stock", what + "6"), ("ours", what)):
                seen[library].append(counting.each(library, variant, few, most, endpoint)[0])
        more = [100 * (one / other - 1) for one, other in zip(seen["ours"], seen["stock"])]
        figure = None
        if what == "connects":
            figure = Figure("Both families good: instructions of a connect beyond stock's, %s"
                            % title, "%", more, 10, **seen)
            figures.append(figure)
        rows.append([title, spread(seen["ours"]), spread(seen["stock"]), spread(more) + " %"]
                    + finished(figure))
    table("Both families good. Instructions to connect, send, receive and close, by callgrind:\n"
          "median and range of %d. Stock has ZMQ_IPV6=1. With one context, an answer less than a\n"
          "second old is used again; a new context has two look-ups on two new threads, where\n"
          "stock has one on its I/O thread." % rounds,
          ["", "ours", "stock", "ours more", "target", ""], rows)
    return figures


def message_instructions(counting, rounds):
    totals, costs = collections.defaultdict(list), collections.defaultdict(list)
    for _ in range(rounds):
        for library in ("stock", "ours"):
            total, own = counting.each(library, "messages", 1000, 11000, tcp("127.0.0.1", PORT))
            totals[library].append(total)
            for function, cost in own.items():
                costs[library, function].append(cost)
    busy = [function for library, function in costs
            if library == "ours" and round(min(costs[library, function])) >= 1]
    slower = {function: (costs["ours", function], costs["stock", function]) for function in busy
              if min(costs["ours", function]) >= max(costs["stock", function] or [0]) + 1}
    figure = Figure("Connected socket: functions with one instruction more per message", "",
                    [len(slower)], 0, True, slower=slower, **totals)
    more = [one - other for one, other in zip(totals["ours"], totals["stock"])]
    rows = [["instructions", spread(totals["ours"]), spread(totals["stock"]), spread(more), "", ""],
            ["functions called", str(len(busy)), "", "", "", ""],
            ["  that take an instruction more", str(len(slower)), "", ""] + finished(figure)]
    rows += [["    " + function[:40], spread(ours), spread(stock), "", "", ""]
             for function, (ours, stock) in slower.items()]
    table("A request and its reply on a connected socket, main thread and I/O thread together.\n"
          "How often a thread wakes up varies, and with it the sum; so each function is looked\n"
          "at. One takes more when the least of %d is more than the most of stock's." % rounds,
          ["", "ours", "stock", "ours more", "target", ""], rows)
    return [figure]


GROUPS = collections.OrderedDict([("connect", connect), ("dead-dns", dead_dns), ("crowd", crowd),
                                  ("instructions", instructions)])
