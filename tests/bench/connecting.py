# SPDX-License-Identifier: MPL-2.0
"""What it takes to connect: names whose IPv6 fails, dead name servers, instructions.

Each group measures, prints its table and returns its figures. What is compared is measured in
turns, so that it meets the same conditions."""
import collections
import itertools
import random
import shutil
import tempfile

from callgrind import Counting
from field import DEAD, HTTP_PORT, SERVER4, SERVER6, at, tcp
from stats import Figure, column, finished, missing_or, spread, table

# RFC 8305's values, which the library has as defaults.
ATTEMPT_DELAY, RESOLUTION_DELAY = 250, 50  # ms
HOPELESS = 3  # s after which we take it that stock never connects
LOOKUP = 30   # s that stock may wait for a dead name server


# --- names whose IPv6 fails -----------------------------------------------------------------------

SCENES = collections.OrderedDict([
    ("both.test", "good"), ("refused.test", "refused"), ("no-route.test", "no route"),
    ("unreachable.test", "unreachable"), ("prohibited.test", "prohibited"),
    ("closes.test", "accepts and closes"), ("http.test", "speaks HTTP"),
    ("ssh.test", "speaks SSH"), ("silent.test", "silent"), ("mute.test", "accepts and is mute")])
QUIET = ("silent.test", "mute.test")
LATE = collections.OrderedDict([("lost.test", "lost"), ("late.test", "2 s late")])


def start_stock_with_ipv6(field, names, patience):
    """Runs stock with ZMQ_IPV6=1 once for each name, all at the same time. Returns a function that
    waits for the outcome: {name: [ms]}."""
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
                if turn > 0:  # the first one also finds neighbours and reads files
                    seen[name, variant].append(result)
    return seen


def answered(field, name, before):
    """When the name server answered the A query, which it does at once."""
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
    # These only wait, and so do not disturb the measurement.
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
            figure = Figure("IPv6 %s: first reply, ours minus ours with A only" % title, "ms",
                            differences(seen, name, "first"),
                            ATTEMPT_DELAY + 20 if name in QUIET else 5,
                            key="first/" + name.partition(".")[0],
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
    titles = {"second": "another socket of the context connects",
              "reconnect": "the server cuts the connection"}
    for name, key in itertools.product(QUIET, titles):
        figure = Figure("IPv6 %s, once known: %s, ours minus ours with A only"
                        % (SCENES[name], titles[key]), "ms", differences(seen, name, key), 5,
                        key="again/%s/%s" % (name.partition(".")[0], key),
                        **beside(seen, name, key))
        figures.append(figure)
        rows.append([SCENES[name], titles[key]]
                    + [spread(column(seen[name, variant], key))
                       for variant in ("ours", "ours-4", "stock-4")]
                    + [spread(figure.values)] + finished(figure))
    table("The context knows what IPv6 is like: until the reply, in ms. ZMQ_RECONNECT_IVL is 1.",
          ["", "", "ours", "ours, A only", "stock, A only", "ours - A only", "target", ""], rows)
    return figures


def late_figures(seen, hopeless):
    figures, rows = [], []
    for name, title in LATE.items():
        figure = Figure("AAAA answer %s: first reply after the A answer" % title, "ms",
                        column(seen[name, "ours"], "after"), RESOLUTION_DELAY + 20,
                        key="after-a/" + name.partition(".")[0],
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
    # Meanwhile stock only waits.
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
                 gaps["dead"], 5, key="dead-dns/gap",
                 **{"ours, no dead name": gaps["quiet"], "stock, no dead name": gaps["stock"],
                    "stock, one dead name": column([stock["stall"]], "gap")})
    figures = [gap]
    rows = [["longest gap, nothing else happens", spread(gaps["quiet"]), spread(gaps["stock"]),
             "", ""],
            ["longest gap, dead names (%d, stock: 1)" % len(dead), spread(gap.values),
             missing_or(column([stock["stall"]], "gap"), LOOKUP)] + finished(gap)]
    for key, title in CALLS:
        figure = Figure("DNS dead: %s returns" % title, "ms", times[key], 50,
                        key="dead-dns/" + key, stock=column([stock[key]], "ms"))
        figures.append(figure)
        rows.append([title, spread(figure.values), missing_or(column([stock[key]], "ms"), LOOKUP)]
                    + finished(figure))
    table("No name server answers. In ms: median and range of %d.\n"
          "The gap: between two replies of a ping-pong of %d s on another socket of the context.\n"
          "The calls: while the name is being looked up." % (rounds, length // 1000),
          ["", "ours", "stock", "target", ""], rows)
    return figures


# --- instructions ---------------------------------------------------------------------------------

def instructions(field, quick):
    if shutil.which("valgrind") is None:
        field.skip("instructions of a connect: valgrind is not installed")
        return []
    with tempfile.TemporaryDirectory() as directory:
        counting = Counting(field, directory)
        rounds, many = (1, 120) if quick else (3, 220)
        figures = connect_instructions(counting, rounds, many)
        return figures + [greeting_instructions(counting, rounds, many, figures[1].beside)]


def count_connects(counting, rounds, what, endpoint, few, many):
    """{"ours": [instructions of one], "stock": the same with ZMQ_IPV6=1}"""
    seen = collections.defaultdict(list)
    for _ in range(rounds):
        for library, variant in (("stock", what + "6"), ("ours", what)):
            total, _ = counting.each(library, few, many, "work", variant, endpoint)
            seen[library].append(total)
    return seen


def connect_instructions(counting, rounds, many):
    figures, rows = [], []
    kinds = [("connects", "sockets of one context, localhost", at("localhost"), 20, many),
             ("connects", "sockets of one context, a name from DNS", at("own.test"), 20, many),
             ("contexts", "a new context each, localhost", at("localhost"), 5, many // 10 + 5),
             ("contexts", "a new context each, a name from DNS", at("own.test"), 5,
              many // 10 + 5)]
    for what, title, endpoint, few, most in kinds:
        seen = count_connects(counting, rounds, what, endpoint, few, most)
        more = [100 * (one / other - 1) for one, other in zip(seen["ours"], seen["stock"])]
        figure = Figure("Both families good: instructions of a connect beyond stock's, %s" % title,
                        "%", more, 10,
                        key="instructions/%s/%s" % (what, title.rpartition(", ")[2]), **seen)
        figures.append(figure)
        rows.append([title, spread(seen["ours"]), spread(seen["stock"]), spread(more) + " %"]
                    + finished(figure))
    table("Both families good. Instructions to connect, send, receive and close, by callgrind:\n"
          "median and range of %d. Stock has ZMQ_IPV6=1. With one context, an answer less than a\n"
          "second old is used again; a new context has its look-up on a new thread, where stock\n"
          "has it on its I/O thread." % rounds,
          ["", "ours", "stock", "ours more", "target", ""], rows)
    return figures


def greeting_instructions(counting, rounds, many, dealers):
    """What the greeting adds to a connect of a DEALER. Without it, ours would take stock's
    instructions for a DEALER plus what ours takes beyond stock for a ZMQ_STREAM, for which TCP
    decides the race."""
    streams = count_connects(counting, rounds, "streams", tcp("own.test", HTTP_PORT), 20, many)
    before = [dealer + ours - stock for dealer, ours, stock in
              zip(dealers["stock"], streams["ours"], streams["stock"])]
    figure = Figure("Both families good: instructions of a connect that the greeting adds", "%",
                    [100 * (one / other - 1) for one, other in zip(dealers["ours"], before)], 3,
                    "<=", key="instructions/greeting",
                    **{"ours": dealers["ours"], "stock": dealers["stock"],
                       "ours, ZMQ_STREAM": streams["ours"], "stock, ZMQ_STREAM": streams["stock"]})
    table("The same by a name from DNS, sockets of one context. With ZMQ_STREAM nobody waits for\n"
          "a greeting: what ours takes there beyond stock, it takes without one.",
          ["", "ours", "stock"],
          [[kind, spread(seen["ours"]), spread(seen["stock"])]
           for kind, seen in (("ZMQ_DEALER", dealers), ("ZMQ_STREAM", streams))])
    table("What the greeting adds:", ["", "target", ""], [[spread(figure.values) + " %"]
                                                          + finished(figure)])
    return figure
