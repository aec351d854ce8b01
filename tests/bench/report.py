# SPDX-License-Identifier: MPL-2.0
"""Turns the benchmark's JSON into Markdown: docs/BENCHMARKS.md, and the table in README.md between
BEGIN and END."""
import statistics

from stats import number, spread

BEGIN, END = "<!-- bench:begin, made by ./quickstart --bench --docs -->", "<!-- bench:end -->"


class ReportError(Exception):
    pass


def markdown_table(heads, rows):
    lines = ["| %s |" % " | ".join(heads), "|%s" % (" --- |" * len(heads))]
    return lines + ["| %s |" % " | ".join(row) for row in rows]


def ms(value):
    return "%s ms" % number(value) if value < 1000 else "%s s" % ("%.3g" % (value / 1000))


def paragraph(text):
    return [""] + text.strip("\n").split("\n") + [""]


class Result:
    """The JSON's figures by key. One that was not measured is None, and its rows are left out."""

    def __init__(self, result):
        self.about, self.data, self.figures = (result[name] for name in
                                               ("conditions", "data", "figures"))
        self.by_key = {one["key"]: one for one in self.figures}

    def worst(self, *keys):
        found = [self.by_key[key] for key in keys if key in self.by_key]
        if len(found) != len(keys):
            return None
        if found[0]["target"].startswith("at least"):
            return min(found, key=lambda one: one["median"] if one["median"] is not None
                       else float("-inf"))
        return max(found, key=lambda one: one["median"] if one["median"] is not None
                   else float("inf"))

    def missed(self):
        return [one for one in self.figures if not one["met"]]


def beside(figure, name):
    values = figure["beside"].get(name) or []
    return statistics.median(values) if values else None


# --- README ---------------------------------------------------------------------------------------

def stock_time(figure, name, otherwise="never"):
    value = beside(figure, name)
    return otherwise if value is None else ms(value)


# (what, keys, ours, stock): of several keys, the worst figure stands for all; `ours` and `stock`
# are functions of that figure.
STEADY = ["%s/%d" % (route, size) for route in ("ipv4", "ipv6", "dual")
          for size in (1, 100, 1024, 65536)]
ROWS = [
    ("throughput, once connected: mean of IPv4, IPv6 and a dual-stack listener, four sizes",
     ["steady/oneway"], lambda one: "%s of stock's" % one["median_text"], lambda one: ""),
    ("the same: the lowest of the twelve", ["steady/oneway/" + one for one in STEADY],
     lambda one: "%s of stock's" % one["spread_text"], lambda one: ""),
    ("latency, measured alike: round trips per second", ["steady/turns"],
     lambda one: "%s of stock's" % one["median_text"], lambda one: ""),
    ("the same: the lowest of the twelve", ["steady/turns/" + one for one in STEADY],
     lambda one: "%s of stock's" % one["spread_text"], lambda one: ""),
    ("instructions of a request and its reply, once connected: functions that take more",
     ["steady/instructions/turns/ipv4", "steady/instructions/turns/ipv6",
      "steady/instructions/turns/dual"],
     lambda one: "%s of %d" % (one["median_text"], one["beside"]["functions"]), lambda one: ""),
    ("first reply, IPv6 refused, without a route, unreachable or prohibited",
     ["first/refused", "first/no-route", "first/unreachable", "first/prohibited"],
     lambda one: "%s ms more than with a name that has IPv4 only" % one["median_text"],
     lambda one: stock_time(one, "stock, ZMQ_IPV6=1") + ", with `ZMQ_IPV6`"),
    ("first reply, IPv6 silent", ["first/silent"],
     lambda one: "%s ms more" % one["median_text"],
     lambda one: stock_time(one, "stock, ZMQ_IPV6=1") + ", with `ZMQ_IPV6`"),
    ("the same, once the context knows it, or at a reconnect",
     ["again/silent/second", "again/silent/reconnect"],
     lambda one: "%s ms more" % one["median_text"], lambda one: ""),
    ("first reply, IPv6 accepts and closes, or speaks HTTP or SSH",
     ["first/closes", "first/http", "first/ssh"],
     lambda one: "%s ms more" % one["median_text"],
     lambda one: stock_time(one, "stock, ZMQ_IPV6=1") + ", with `ZMQ_IPV6`"),
    ("first reply, IPv6 accepts and is mute", ["first/mute"],
     lambda one: "%s ms more" % one["median_text"],
     lambda one: stock_time(one, "stock, ZMQ_IPV6=1") + ", with `ZMQ_IPV6`"),
    ("the same, once the context knows it, or at a reconnect",
     ["again/mute/second", "again/mute/reconnect"],
     lambda one: "%s ms more" % one["median_text"], lambda one: ""),
    ("first reply, IPv6 silent for every name: the tenth name", ["names/tenth"],
     lambda one: ms(one["median"]), lambda one: stock_time(one, "stock") + " (IPv4 only)"),
    ("IPv6 silent, a client that waits 200 ms, closes and tries again: the try that gets its reply",
     ["names/patience"], lambda one: one["median_text"],
     lambda one: number(beside(one, "stock")) + " (IPv4 only)"),
    ("first reply, good network: both families, or one", ["names/good/both", "names/good/four",
                                                          "names/good/six"],
     lambda one: "%s ms more than stock's" % one["median_text"],
     lambda one: stock_time(one, "stock")),
    ("first reply, the AAAA answer lost or 2 s late", ["after-a/lost", "after-a/late"],
     lambda one: "%s ms after the A answer" % one["median_text"],
     lambda one: "%s, with `ZMQ_IPV6`" % stock_time(one, "stock, ZMQ_IPV6=1")),
    ("100 names at once, the AAAA answers lost: all have a reply", ["names/many"],
     lambda one: ms(one["median"]), lambda one: stock_time(one, "stock") + " (IPv4 only)"),
    ("a new name: DNS queries beyond those of one `getaddrinfo`", ["names/queries"],
     lambda one: one["median_text"], lambda one: ""),
    ("the same: threads, at the peak", ["names/threads"],
     lambda one: one["median_text"], lambda one: number(beside(one, "stock"))),
    ("name servers dead: longest pause of another socket on the same I/O thread", ["dead-dns/gap"],
     lambda one: "%s ms (%s ms without a dead name)" % (
         one["median_text"], number(beside(one, "ours, no dead name"))),
     lambda one: stock_time(one, "stock, one dead name")),
    ("the same: `zmq_ctx_term`", ["dead-dns/term"],
     lambda one: "%s ms" % one["median_text"], lambda one: stock_time(one, "stock")),
    ("the same: `zmq_disconnect`, `zmq_unbind` of an endpoint that is not there",
     ["dead-dns/disconnect2", "dead-dns/unbind"],
     lambda one: "%s ms" % one["median_text"], lambda one: stock_time(one, "stock")),
    ("1,000 sockets connect to one name, IPv6 silent", ["crowd/all"],
     lambda one: ms(one["median"]), lambda one: stock_time(one, "stock") + " (IPv4 only)"),
    ("the same: DNS queries for A", ["crowd/A"],
     lambda one: one["median_text"], lambda one: number(beside(one, "stock"))),
    ("the same: threads", ["crowd/threads"],
     lambda one: one["median_text"], lambda one: number(beside(one, "stock"))),
    ("1,000 sockets connect to a healthy dual-stack server: connections per socket",
     ["server/healthy"], lambda one: one["median_text"], lambda one: number(beside(one, "stock"))),
    ("the same, the server's I/O thread busy for 1 s", ["server/busy"],
     lambda one: one["median_text"], lambda one: number(beside(one, "stock"))),
    ("memory of each of 1,000 racing sockets", ["crowd/rss"],
     lambda one: "%.1f KiB more than stock's" % (one["median"] / 1024), lambda one: ""),
    ("10,000 sockets (where open files are limited, connections of 625 sockets): time beyond the "
     "attempt delay", ["storm/all"],
     lambda one: "%s times stock's" % one["median_text"],
     lambda one: stock_time(one, "stock") + " (IPv4 only)"),
    ("instructions of a connect, both families good",
     ["instructions/connects/localhost", "instructions/connects/a name from DNS"],
     lambda one: "%s %% more, at most" % one["median_text"], lambda one: ""),
    ("the same, each in a new context: with a look-up on a new thread",
     ["instructions/contexts/localhost", "instructions/contexts/a name from DNS"],
     lambda one: "%s %% more, at most" % one["median_text"], lambda one: ""),
    ("instructions that the greeting adds to a connect", ["instructions/greeting"],
     lambda one: "%s %% more" % one["median_text"], lambda one: ""),
]
RIVAL_SCENES = ("both", "refused", "silent", "closes", "mute", "dead-first4", "late")


def of_commit(about):
    return " of commit %s" % about["commit"] if about.get("commit") else ""


def readme_block(result):
    about = result.about
    lines = ["", "On %d processors of an %s, Linux %s, medians of one run%s:" % (
        about["processors"], about["processor"], about["kernel"].split("-")[0],
        of_commit(about)), ""]
    rows = []
    for what, keys, ours, stock in ROWS:
        figure = result.worst(*keys)
        if figure is not None and figure["median"] is not None:
            rows.append([what, ours(figure), stock(figure),
                         figure["target"] + ("" if figure["met"] else ", **missed**")])
    lines += markdown_table(["", "ours", "stock", "target"], rows)
    first = result.data.get("first_message")
    if first:
        lines += ["", "From the call to the first byte of a reply, compared with others on the "
                  "same networks:", ""] + rival_table(first, RIVAL_SCENES)
    lines += ["", how_many_are_met(result) + " [docs/BENCHMARKS.md](docs/BENCHMARKS.md) has all "
              "of them, how they are measured, and plots.", ""]
    return lines


def how_many_are_met(result):
    return "%d of %d targets are met." % (len(result.figures) - len(result.missed()),
                                          len(result.figures))


def rival_table(first, keys=None):
    rows = []
    for scene in first["scenes"]:
        if keys is not None and scene["key"] not in keys:
            continue
        times = [scene["times"][rival["key"]] for rival in first["rivals"]]
        rows.append([scene["title"]] + [ms(statistics.median(one)) if one
                                        else "none in %d s" % scene["patience"] for one in times])
    return markdown_table([""] + [rival["title"] for rival in first["rivals"]], rows)


def put_into(text, lines):
    """`text` with these lines between BEGIN and END, each of which must be in it once."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ReportError("there is no one place for the table: %r ... %r" % (BEGIN, END))
    head, tail = text.split(BEGIN)[0], text.split(END)[1]
    return head + "\n".join([BEGIN] + lines + [END]) + tail


# --- docs/BENCHMARKS.md ---------------------------------------------------------------------------

def image(name, text):
    return ["", "![%s](bench-%s.svg)" % (text, name), ""]


def figures_of(result, *groups):
    return markdown_table(["", "median (range)", "target", ""], [
        [one["title"], one["spread_text"] + (" " + one["unit"] if one["unit"] else ""),
         one["target"] or "0", "met" if one["met"] else "**MISSED**"]
        for one in result.figures if one["group"] in groups])


def head(result):
    about = result.about
    lines = ["# Benchmarks", "",
             "Made by `./quickstart --bench --docs`; do not edit. [bench.json](bench.json) has all "
             "values.", "",
             "One run%s, which took %d s, on %s, %d processors, Linux %s, %s." % (
                 of_commit(about), about["seconds"], about["processor"], about["processors"],
                 about["kernel"],
                 about["date"].replace("T", ", ")),
             "Stock is libzmq %s; ours is that with the series, built from the same source with "
             "the same options." % about["stock"].split()[-1]]
    if about["quick"]:
        lines += ["", "**This was a quick run, for development: do not trust its numbers.**"]
    if about["priority"] != "real-time":
        lines += ["", "The programs had no real-time priority, so whatever else the machine did "
                  "is measured with them."]
    lines += ["", "**%s**" % how_many_are_met(result)]
    lines += ["- Missed: %s: %s, target %s" % (one["title"], one["spread_text"], one["target"])
              for one in result.missed()]
    lines += ["- Note: %s." % one for one in about["notes"]]
    lines += ["- Left out: %s." % one for one in about["skipped"]]
    return lines


HOW = """
## How

Two hosts, the client's name server and the faults are network namespaces on one machine, joined
by a virtual wire. There is no distance, so only the software's own time is measured. What is
compared is measured in turns within one run, in random order or as A B B A. Each value comes from a
new process; a range is from the smallest value to the largest. The clocks run in the programs, so
that their start does not count. Where that is allowed, the programs have real-time priority, so
that others do not disturb them.
"""

STEADY = """
## Once connected

Two sockets in one process, each in a context of its own and pinned to a processor of its own;
over IPv4, over IPv6 (stock with `ZMQ_IPV6=1`), and from an IPv4 client to a dual-stack listener
(stock's with `ZMQ_IPV6=1`). Runs come in pairs, with ours first or stock first in turns. The figure
is the median of the pairs' ratios; the bars, and the brackets below, show the interval in which
that median is with 95 % probability (sign test). Pairs are added until that interval is within 1 %
to either side, up to 30.
"""

STEADY_NOISE = """
In %d of the %d, the machine's noise is larger than the 2 %% that the target allows; they are
marked, and say little by themselves. So callgrind, which noise does not disturb, also counts the
instructions that a message takes, in each setting and function by function.
"""

FIRST = """
## The first message

The time from the call that connects to the first byte of a reply: `zmq_connect` and a request
(ours, stock), nng's dial and a request, an HTTP GET (curl's `time_starttransfer`, Python's
`asyncio.open_connection`, Go's `net.Dialer`). All ask the same name server on the same networks.
ZeroMQ's and nng's times include a handshake of their own, and the start of their threads.

The target: ours is not behind the best of the others by more than 5 ms, after subtracting what the
other one waits less because its delays are shorter. curl's attempt delay is 200 ms, Python's 250 ms
(as set), Go's 300 ms, ours 250 ms; stock never tries IPv6, and so waits for nothing. What took
longer than a second, or never came, was measured once.
"""

CONNECT = """
## A name whose IPv6 fails

Ours with that name, minus ours with a name that has the IPv4 address only.
"""

NAMES = """
## New names

Each time in a new context: the queries to the name server, compared with those of one call of
`getaddrinfo (AF_UNSPEC)`; how many more threads there are; many names that share a fault; a client
without patience, which closes its socket and opens another at once; and good networks, with runs of
ours and of stock in pairs.
"""

DEAD = """
## Dead name servers

A connection plays ping-pong while another socket of the same I/O thread connects to names for which
no server answers: 20 of them with ours, one with stock. Then the calls that end a look-up.
"""

STORM = """
## Many sockets at once

Sockets of one context with one I/O thread connect to one name at once; each sends a message and
gets a reply from one server. Memory, files and threads are the peak beyond what there was when
the sockets had been made. Stock's name has an IPv4 address only. The dashed line is the greatest
number of threads that is allowed.

What a server sees is the number of connections that its system accepted, of either family, divided
by the number of sockets. The busy server is stopped when the first one connects, and goes on a
second later.
"""

INSTRUCTIONS = """
## Instructions of a connect

They are counted by callgrind. What the greeting adds is found like this: a ZMQ_STREAM socket speaks
no ZMTP, so its race does not wait for a greeting, and what ours takes for it beyond stock is the
race without the greeting. That, added to stock's instructions for a ZMQ_DEALER, is compared with
ours for a ZMQ_DEALER.
"""

ENGINE = """
## The engine alone

The part that decides, without sockets. An event is what the engine is told (an answer, the end of
an attempt, a deadline), together with all that it then says to do.
"""


def steady_section(result):
    data = result.data.get("steady")
    if not data:
        return []
    noisy = [one for one in data if one["noisy"]]
    lines = paragraph(STEADY) + image("steady", "Throughput and latency of ours beside stock's")
    lines += markdown_table(
        ["", "", "ours", "stock", "ours / stock", "pairs", "", ""],
        [["throughput" if one["kind"] == "oneway" else "latency",
          "%s, %s" % (one["title"], number_of_bytes(one["size"])),
          per_second(one, "ours"), per_second(one, "stock"),
          "%.3f (%.3f..%.3f)" % (one["ratio"], one["low"], one["high"]), str(one["pairs"]),
          "met" if one["ratio"] >= 0.98 else "**MISSED**", "noisy" if one["noisy"] else ""]
         for one in data])
    lines += paragraph(STEADY_NOISE % (len(noisy), len(data))) if noisy else [""]
    lines += figures_of(result, "messages")
    return lines


def number_of_bytes(size):
    return "%d KiB" % (size // 1024) if size >= 1024 else "%d B" % size


def rate(value):
    return "%.3g million/s" % (value / 1e6) if value >= 1e6 else number(value) + "/s"


def per_second(one, who):
    return rate(one[who]) if one["kind"] == "oneway" else "%.1f us" % (1e6 / one[who])


def first_section(result):
    first = result.data.get("first_message")
    if not first:
        return []
    lines = paragraph(FIRST) + image("first-message", "Time to the first message")
    lines += rival_table(first) + [""]
    lines += ["- %s: %s." % (one["title"], one["about"]) for one in first["rivals"] if one["about"]]
    return lines + [""] + figures_of(result, "peers")


def storm_section(result):
    data = result.data.get("storm")
    if not data:
        return []
    heads = ["sockets", "", "until all have a reply", "processor time", "memory", "files",
             "threads", "DNS queries"]
    units = [("all", " ms"), ("cpu", " ms"), ("rss", " MiB"), ("files", ""), ("threads", ""),
             ("queries", "")]
    rows = [[number(one["sockets"]), one["title"]]
            + [spread(one["values"][key]) + unit if one["values"][key] else "never"
               for key, unit in units]
            for one in sorted(data, key=lambda one: one["sockets"])]
    return (paragraph(STORM) + image("storm", "How it grows with the number of sockets")
            + markdown_table(heads, rows) + [""] + figures_of(result, "storm"))


def engine_section(result):
    data = result.data.get("engine")
    if not data:
        return []
    rows = [[one["title"], spread(one["events"]), spread(one["races"])] for one in data["kinds"]]
    return (paragraph(ENGINE)
            + markdown_table(["", "events per second", "races per second"], rows)
            + ["", "A race takes %s bytes, a dial %s with the race in it; both end with the "
               "connecter." % (number(data["race_bytes"]), number(data["dial_bytes"])), ""]
            + figures_of(result, "engine"))


MODEL = """
## A million networks

A simulation: the engine, and simpler clients, in virtual time on networks drawn at random
(tests/bench/simulate.c, the seed is fixed). The model's numbers are chosen, not measured, so that
each way in which a network fails happens often enough to show, IPv6 fails more often than IPv4, and
times are distributed as on real networks, with a long tail. Other numbers move the curves; their
order stays.
"""

CLIENTS = """
- *ours, first connect*: RFC 8305's delays; nothing is remembered of the host.
- *ours, reconnect*: the same network %(reconnect)s s later, with the memory of the first connect;
  losses and the resolver's times are drawn anew.
- *one after the other*: waits for both answers, then tries each address, IPv6 first, until the
  system gives up (%(kernel)s s).
- *stock*: one family, the resolver's first address, for ever.
"""


def model_section(model):
    paths = model["paths"]
    parts = [["the path %s" % name if name in ("works",) else name]
             + ["%.1f %%" % (share / 10) for share in shares] for name, shares in paths.items()]
    addresses = ", ".join("%s: %.0f %%" % (count + 1, share / 10)
                          for count, share in enumerate(model["addresses"]))
    return paragraph(MODEL) + markdown_table(["", "IPv6", "IPv4"], parts) + [
        "",
        "- Slow: %d times the round-trip time. Silent: no answer at all. Refused: after one round "
        "trip. No route: an error at once." % model["slow_factor"],
        "- Where the path works, %.1f %% of the addresses are silent. Addresses of a family: %s. "
        "%.0f %% of the names have IPv6 only, %.0f %% IPv4 only." % (
            model["dead_address"] / 10, addresses, model["one_family"][0] / 10,
            model["one_family"][1] / 10),
        "- Round-trip time: log-normal, median %g ms, sigma %g; IPv6's is that times a log-normal "
        "factor, median 1, sigma %g. A handshake takes one round trip; %g %% of the SYNs are lost, "
        "and sent again after 1, 2, 4 s." % (
            model["rtt_median"], model["rtt_sigma"], model["rtt_ratio_sigma"],
            100 * model["syn_loss"]),
        "- Each DNS answer: log-normal, median %g ms, sigma %g; %g %% of the AAAA answers and %g "
        "%% of the A answers are lost, and asked for again after %g s." % (
            model["dns_median"], model["dns_sigma"], 100 * model["dns_loss"][0],
            100 * model["dns_loss"][1], model["dns_retry"] / 1000)]


def simulation_section(result):
    data = result.data.get("simulation")
    if not data:
        return []
    model = data["model"]
    quantiles = ["50", "75", "90", "95", "99", "99.9"]
    rows = [[name] + ["never" if one["quantiles"][key] is None else ms(one["quantiles"][key])
                      for key in quantiles] + ["%.1f %%" % one["never_percent"]]
            for name, one in data["clients"].items()]
    lines = model_section(model)
    lines += paragraph(CLIENTS % {"reconnect": number(model["reconnect_after"] / 1000),
                                  "kernel": number(model["kernel_timeout"] / 1000)})
    lines += image("simulation", "Time to connect on a million networks")
    lines += ["%s networks; %s more had no address that works." % (
        number(data["networks"] - data["unreachable"]), number(data["unreachable"])), ""]
    lines += markdown_table(["of the connects"] + [key + " %" for key in quantiles] + ["never"],
                            rows)
    return lines + [""] + figures_of(result, "simulator") + delays_section(data)


def delays_section(data):
    lines = ["", "### What the delays trade", "",
             "First connects on the same networks (%s of them), with other delays. An attempt is "
             "needless if it starts while another one is under way that would connect anyway."
             % number(data["sweep_networks"])] + image("delays", "What the delays trade")
    lines += markdown_table(
        ["attempt delay", "75 %", "95 %", "99 %", "needless attempts per 100 connects"],
        [["%d ms" % one["ms"]] + [ms(one["quantiles"][key]) for key in ("75", "95", "99")]
         + ["%.1f" % one["needless_per_100"]] for one in data["attempt_delay"]])
    lines += [""] + markdown_table(
        ["resolution delay", "50 %", "75 %", "95 %", "connects over IPv4"],
        [["%d ms" % one["ms"]] + [ms(one["quantiles"][key]) for key in ("50", "75", "95")]
         + ["%.1f %%" % one["over_ipv4_percent"]] for one in data["resolution_delay"]])
    return lines + [""] + delays_words(data)


def at_delay(rows, delay):
    return next(one for one in rows if one["ms"] == delay)


def delays_words(data):
    attempts, answers = data["attempt_delay"], data["resolution_delay"]
    low, default, high = (at_delay(attempts, delay) for delay in (100, 250, 500))
    none, half, long = (at_delay(answers, delay) for delay in (0, 50, 200))
    return [
        "The attempt delay costs time only where an address is silent: here in the slowest tenth "
        "of the connects, whose time grows with it one to one. Below 250 ms the price of less "
        "delay rises steeply: at 100 ms, %.0f of 100 connects begin a needless attempt, at 250 ms "
        "%.0f, at 500 ms %.0f. So the default is about where less delay stops being cheap; at the "
        "95th percentile it gains %s over 500 ms, and loses %s against 100 ms." % (
            low["needless_per_100"], default["needless_per_100"], high["needless_per_100"],
            ms(high["quantiles"]["95"] - default["quantiles"]["95"]),
            ms(default["quantiles"]["95"] - low["quantiles"]["95"])),
        "",
        "The resolution delay decides which family is used rather than how long it takes: without "
        "it %.0f %% of the connects go over IPv4, with 50 ms %.0f %%, and with 200 ms still "
        "%.0f %%, which is about the share of names and paths on which IPv6 does not work. It "
        "costs %s at the median." % (
            none["over_ipv4_percent"], half["over_ipv4_percent"], long["over_ipv4_percent"],
            ms(half["quantiles"]["50"] - none["quantiles"]["50"]))]


def section(text, result, groups):
    if not any(one["group"] in groups for one in result.figures):
        return []
    return paragraph(text) + figures_of(result, *groups)


def benchmarks(result):
    lines = head(result) + paragraph(HOW) + steady_section(result) + first_section(result)
    lines += section(CONNECT, result, ("connect",)) + section(NAMES, result, ("names",))
    lines += section(DEAD, result, ("dead-dns",))
    lines += storm_section(result)
    lines += section(INSTRUCTIONS, result, ("instructions",))
    lines += engine_section(result) + simulation_section(result)
    return "\n".join(lines) + "\n"
