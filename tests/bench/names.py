# SPDX-License-Identifier: MPL-2.0
"""Names: what a look-up asks for, and how soon there is a reply where many names share a fault."""
import collections
import random

from field import at
from stats import Figure, column, finished, median, spread, table

MANY = 100    # names at once
TENTH = "10"  # the last of the names that a program connects to one after the other
PATIENCE, TRIES = 200, 10  # ms that a client waits before it closes its socket; how often it tries
# Kinds of names, and the flags with which stock reaches them.
GOOD = [("both.test", "both families", []), ("four.test", "IPv4 only", []),
        ("six.test", "IPv6 only", ["-6"])]
ASKED = ["both.test", "four.test", "six.test", "alias.test", "unhurried.test"]


def names(field, quick):
    rounds = 2 if quick else 7
    figures = question_figures(field) + [many_figure(field, rounds), tenth_figure(field, rounds),
                                         patience_figure(field, rounds)]
    rows = [[figure.title, "%s %s" % (figure.spread_text(), figure.unit),
             "; ".join("%s: %s" % (who, spread(values)) for who, values in figure.beside.items())]
            + finished(figure) for figure in figures]
    table("A new name in a new context, and many names:", ["", "ours", "beside", "target", ""],
          rows)
    return figures + good_figures(field, 10 if quick else 100)


# --- what is asked --------------------------------------------------------------------------------

def questions(field, name, call):
    """How often each record type was asked for during this call."""
    before = len(field.asked(name))
    call()
    return collections.Counter(kind for kind, _ in field.asked(name)[before:])


def question_figures(field):
    wrong, beside = 0, collections.defaultdict(list)
    for name in ASKED:
        system = questions(field, name, lambda: field.street.lookup(name))
        asked = questions(field, name, lambda: field.run("ours", "reply", at(name)))
        wrong += sum(((asked - system) + (system - asked)).values())
        beside["ours"].append(sum(asked.values()))
        beside["one getaddrinfo"].append(sum(system.values()))
    # The answers take so long that every thread is seen.
    threads = {library: field.run(library, "crowd", 1, 0, at("unhurried.test"))["threads"]
               for library in ("ours", "stock")}
    return [Figure("A connect by a new name: DNS queries other than those of one getaddrinfo "
                   "(AF_UNSPEC), over %d kinds of names" % len(ASKED), "", [wrong], 0, "<=",
                   key="names/queries", **beside),
            Figure("A connect by a new name: threads more, at the peak", "", [threads["ours"]], 1,
                   "<=", key="names/threads", stock=[threads["stock"]])]


# --- many names -----------------------------------------------------------------------------------

def many_figure(field, rounds):
    ours, stock = [column([field.run(library, "crowd", MANY, 0, at("#.lost.test"))
                           for _ in range(rounds)], "all") for library in ("ours", "stock")]
    return Figure("%d names at once, AAAA lost: all have a reply" % MANY, "ms", ours, 1000,
                  key="names/many", stock=stock)


def tries(field, library, rounds, *args):
    return [field.run(library, "tries", *args) for _ in range(rounds)]


def tenth_figure(field, rounds):
    ours, stock = [tries(field, library, rounds, 5000, TENTH, at("#.silent.test"))
                   for library in ("ours", "stock")]
    return Figure("IPv6 silent for every name: first reply of the tenth", "ms",
                  column(ours, TENTH), 120, key="names/tenth", stock=column(stock, TENTH),
                  **{"ours, the first": column(ours, "1")})


def first_success(result):
    """The number of the try that succeeded; one more than there were if none got a reply."""
    return min([int(number) for number in result] + [TRIES + 1])


def patience_figure(field, rounds):
    ours, stock = [[first_success(one) for one in
                    tries(field, library, rounds, PATIENCE, TRIES, at("silent.test"))]
                   for library in ("ours", "stock")]
    return Figure("IPv6 silent, a client that waits %d ms and tries again: the try that gets its "
                  "reply" % PATIENCE, "", ours, 2, "<=", key="names/patience", stock=stock)


# --- good networks --------------------------------------------------------------------------------

def good_figures(field, rounds):
    seen = collections.defaultdict(list)
    for _ in range(rounds):
        for name, _, flags in GOOD:
            pair = [("ours", []), ("stock", flags)]
            random.shuffle(pair)
            for library, more in pair:
                seen[name, library].append(field.run(library, "reply", *more, at(name)))
    figures, rows = [], []
    for name, title, flags in GOOD:
        ours, stock = [column(seen[name, library], "first") for library in ("ours", "stock")]
        figure = Figure("Good network, %s: first reply, ours minus stock" % title, "ms",
                        [one - other for one, other in zip(ours, stock)], 0.1, "<=", decimals=2,
                        key="names/good/" + name.partition(".")[0], ours=ours, stock=stock)
        figures.append(figure)
        rows.append([title + (", stock with ZMQ_IPV6=1" if flags else ""), "%.3f" % median(ours),
                     "%.3f" % median(stock), figure.median_text()] + finished(figure))
    table("Good networks: from zmq_connect to the first reply, in ms: medians of %d pairs."
          % rounds, ["", "ours", "stock", "ours - stock", "target", ""], rows)
    return figures
