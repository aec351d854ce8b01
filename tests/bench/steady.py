# SPDX-License-Identifier: MPL-2.0
"""Once connected: throughput and latency beside stock's, and the instructions of a message."""
import collections
import math
import shutil
import tempfile

from callgrind import Counting
from stats import Figure, finished, interval, median, spread, table

LEAST = 0.98  # of what stock does
ENOUGH = 0.01  # an interval that is this narrow to either side is enough
QUICK_PAIRS, FEWEST_PAIRS, MOST_PAIRS = 2, 12, 30

Route = collections.namedtuple("Route", "name title bind connect ours stock")
# Where stock needs ZMQ_IPV6 ("6": on both sockets, "6s": on the listener), an unmodified program on
# ours does without it.
ROUTES = [Route("ipv4", "IPv4", "tcp://127.0.0.1:*", "tcp://127.0.0.1", "", ""),
          Route("ipv6", "IPv6", "tcp://[::1]:*", "tcp://[::1]", "", "6"),
          Route("dual", "IPv4 client, dual-stack listener", "tcp://*:*", "tcp://127.0.0.1", "",
                "6s")]

# (bytes, messages of one run of throughput, round trips of one run of latency)
SIZES = [(1, 480000, 2400), (100, 480000, 2400), (1024, 240000, 2400), (65536, 12000, 1200)]

KINDS = collections.OrderedDict([("oneway", ("rate", "throughput")),
                                 ("turns", ("turn", "latency"))])


def size_text(size):
    return "%d KiB" % (size // 1024) if size >= 1024 else "%d B" % size


def run(field, library, kind, route, size, count):
    """Messages per second, or round trips per second: more is better."""
    what = kind + (route.ours if library == "ours" else route.stock)
    value = field.run(library, "flow", what, route.bind, route.connect, size, count)[KINDS[kind][0]]
    return value if kind == "oneway" else 1e6 / value


def is_narrow(ratios):
    low, high = interval(ratios)
    return max(high - median(ratios), median(ratios) - low) <= ENOUGH


def compare(field, kind, route, size, count, quick):
    """{"ours": [...], "stock": [...]}, in pairs: A B, B A, A B ... The number of pairs depends on
    how well the ratio is known, not on what it is."""
    seen = {"ours": [], "stock": []}
    for turn in range(QUICK_PAIRS if quick else MOST_PAIRS):
        for library in (("ours", "stock") if turn % 2 == 0 else ("stock", "ours")):
            seen[library].append(run(field, library, kind, route, size, count))
        if not quick and turn + 1 >= FEWEST_PAIRS and is_narrow(ratios_of(seen)):
            break
    return seen


def ratios_of(seen):
    return [ours / stock for ours, stock in zip(seen["ours"], seen["stock"])]


def steady(field, quick):
    figures, rows, record = [], [], []
    divide = 4 if quick else 1
    for kind, (_, word) in KINDS.items():
        every = []
        for route in ROUTES:
            for size, messages, turns in SIZES:
                count = (messages if kind == "oneway" else turns) // divide
                seen = compare(field, kind, route, size, count, quick)
                ratios = ratios_of(seen)
                low, high = interval(ratios)
                figure = Figure("Connected: %s, %s, %s messages, of stock's"
                                % (word, route.title, size_text(size)), "", ratios, LEAST, ">=",
                                key="steady/%s/%s/%d" % (kind, route.name, size), decimals=3,
                                **seen)
                figures.append(figure)
                every.append(ratios)
                noisy = max(high - median(ratios), median(ratios) - low) > 1 - LEAST
                record.append({"kind": kind, "route": route.name, "title": route.title,
                               "size": size, "pairs": len(ratios), "ratio": median(ratios),
                               "low": low, "high": high, "noisy": noisy,
                               "ours": median(seen["ours"]), "stock": median(seen["stock"])})
                rows.append([word, route.title, size_text(size),
                             value_text(kind, median(seen["ours"])),
                             value_text(kind, median(seen["stock"])),
                             "%.3f (%.3f..%.3f)" % (median(ratios), low, high), str(len(ratios))]
                            + finished(figure) + ["noise > 2 %" if noisy else ""])
        figures.append(Figure("Connected: %s of stock's, mean over routes and sizes" % word, "",
                              [geometric_mean([median(ratios) for ratios in every])], LEAST, ">=",
                              key="steady/" + kind, decimals=3))
    table("Two connected sockets, ours beside stock, in pairs of runs that take turns. The ratio\n"
          "is of messages, or round trips, per second: its median, and where that is with 95 %\n"
          "probability.", ["", "", "", "ours", "stock", "ours / stock", "pairs", "target", "", ""],
          rows)
    field.record("steady", record)
    return figures


def value_text(kind, value):
    return "%.3g/s" % value if kind == "oneway" else "%.1f us" % (1e6 / value)


def geometric_mean(values):
    return math.exp(sum(math.log(one) for one in values) / len(values))


# --- instructions ---------------------------------------------------------------------------------

def message_instructions(field, quick):
    if shutil.which("valgrind") is None:
        field.skip("instructions of a message: valgrind is not installed")
        return []
    figures, rows, record = [], [], []
    kinds = [("turns", route) for route in ROUTES] + [("oneway", ROUTES[0])]
    with tempfile.TemporaryDirectory() as directory:
        counting = Counting(field, directory)
        for kind, route in kinds[:1] if quick else kinds:
            figure, lines = count_one(counting, kind, route, 2 if quick else 3)
            figures.append(figure)
            rows += lines
            record.append({"kind": kind, "title": route.title, "slower": figure.beside["slower"],
                           "functions": figure.beside["functions"],
                           "ours": median(figure.beside["ours"]),
                           "stock": median(figure.beside["stock"])})
    table("Instructions of a message of one byte on a connected socket, all threads of both ends.\n"
          "How often a thread wakes up varies, and with it the sum; so each function is looked\n"
          "at. One takes more when its least is an instruction above the most of stock's.",
          ["", "ours", "stock", "ours more", "target", ""], rows)
    field.record("instructions", record)
    return figures


def count_one(counting, kind, route, rounds):
    totals, costs = {"ours": [], "stock": []}, collections.defaultdict(list)
    few, many = (600, 3000) if kind == "turns" else (6000, 30000)
    for _ in range(rounds):
        for library, suffix in (("stock", route.stock), ("ours", route.ours)):
            total, own = counting.each(library, few, many, "flow", kind + suffix, route.bind,
                                       route.connect, 1)
            totals[library].append(total)
            for function, cost in own.items():
                costs[library, function].append(cost)
    busy = [function for library, function in costs
            if library == "ours" and round(min(costs[library, function])) >= 1]
    slower = {function: [costs["ours", function], costs["stock", function]] for function in busy
              if min(costs["ours", function]) >= max(costs["stock", function] or [0]) + 1}
    what = "%s, %s" % ("a round trip" if kind == "turns" else "one way", route.title)
    figure = Figure("Connected: functions with an instruction more per message, " + what, "",
                    [len(slower)], 0, "<=", key="steady/instructions/%s/%s" % (kind, route.name),
                    slower=slower, functions=len(busy), **totals)
    more = [one - other for one, other in zip(totals["ours"], totals["stock"])]
    rows = [[what, spread(totals["ours"]), spread(totals["stock"]), spread(more), "", ""],
            ["  functions, and those that take more", str(len(busy)), "", str(len(slower))]
            + finished(figure)]
    rows += [["    " + function[:40], spread(ours), spread(stock), "", "", ""]
             for function, (ours, stock) in slower.items()]
    return figure, rows
