# SPDX-License-Identifier: MPL-2.0
"""Many sockets connect to one name at once: how the cost grows with their number."""
import collections
import os
import signal
import time

from field import MORE_PORTS, PORT, SILENT4, at, tcp
from lab import wait_until
from stats import Figure, column, finished, median, number, spread, table

CROWD = 1000  # sockets
SIZES = (1, 10, 100, CROWD, 10000)
# A socket has a mailbox, and for a moment two attempts under way.
FILES_PER_SOCKET, FILES_PER_CONNECTION, MORE_FILES = 3, 2, 100
GONE_AFTER = 10  # s within which the look-ups' threads have to end
STORM_PORT, BUSY = 5700, 1  # s for which its server's I/O thread does nothing

Variant = collections.namedtuple("Variant", "key title library name")
VARIANTS = [Variant("silent", "ours, IPv6 silent", "ours", "crowd.test"),
            Variant("good", "ours, both good", "ours", "both.test"),
            Variant("stock", "stock, IPv4 only", "stock", "crowd4.test")]

# What is measured: key, name, unit.
MEASURES = [("all", "until all have a reply", "ms"), ("cpu", "processor time", "ms"),
            ("rss", "memory", "MiB"), ("files", "open files", ""), ("threads", "threads", ""),
            ("queries", "DNS queries", "")]


def sizes_for(field, quick):
    """[(how many, flags for crowd)]: where the limit of open files is too low for that many
    sockets, that many connections of fewer sockets."""
    chosen = []
    for size in SIZES:
        if quick and size > CROWD:
            continue
        if FILES_PER_SOCKET * size + MORE_FILES <= field.most_files:
            chosen.append((size, []))
        elif FILES_PER_CONNECTION * size <= field.most_files:
            chosen.append((size, ["-c", MORE_PORTS]))
            field.note("storm: the limit of open files is %s and cannot be raised; the %s are "
                       "connections of %s sockets, to %d ports"
                       % (number(field.most_files), number(size),
                          number(size // MORE_PORTS), MORE_PORTS))
        else:
            field.skip("%s sockets at once: the limit of open files is %d, and cannot be raised"
                       % (number(size), field.most_files))
    return chosen


def run_once(field, variant, size, flags, wait):
    before = len(field.asked(variant.name))
    result = field.run(variant.library, "crowd", *flags, size, wait, at(variant.name))
    kinds = [kind for kind, _ in field.asked(variant.name)[before:]]
    result["AAAA"], result["A"] = kinds.count("AAAA"), kinds.count("A")
    result["queries"] = len(kinds)
    if "rss" in result:
        result["rss"] /= 1 << 20
    if not wait:
        result.pop("left", None)
    return result


def storm(field, quick):
    chosen, rounds = sizes_for(field, quick), 1 if quick else 5
    seen = collections.defaultdict(list)
    for size, flags in chosen:
        for turn in range(max(1, rounds - 2) if size > CROWD else rounds):
            for variant in VARIANTS:
                # Wait for the threads only once, because it takes a while.
                last = turn == 0 and size == CROWD and variant.key == "silent"
                seen[variant.key, size].append(
                    run_once(field, variant, size, flags, GONE_AFTER * 1000 if last else 0))
    sizes = [size for size, _ in chosen]
    field.record("storm", [
        {"variant": variant.key, "title": variant.title, "sockets": size,
         "values": {key: column(seen[variant.key, size], key) for key, _, _ in MEASURES}}
        for variant in VARIANTS for size in sizes])
    show_growth(seen, sizes)
    figures = growth_figures(seen, sizes)
    if CROWD in sizes:
        figures += crowd_figures(field, seen, quick) + server_figures(field, rounds)
    return figures


def show_growth(seen, sizes):
    rows = []
    for size in sizes:
        for variant in VARIANTS:
            results = seen[variant.key, size]
            rows.append([number(size), variant.title]
                        + [number(median(column(results, key))) if column(results, key) else "never"
                           for key, _, _ in MEASURES])
    table("So many sockets of one context connect at once to one name, and each gets a reply.\n"
          "What their process took, beyond what it had before: medians.",
          ["sockets", ""] + ["%s%s" % (name, unit and ", " + unit) for _, name, unit in MEASURES],
          rows)


def growth_figures(seen, sizes):
    """Figures of the largest number of sockets, beside stock, which tries one family, and asks DNS
    each time."""
    most = sizes[-1]
    if most <= CROWD:
        return []
    figures = []
    for key, title, delay in (("all", "time beyond the attempt delay", 250),
                              ("cpu", "processor time", 0)):
        ours, stock = [column(seen[variant, most], key) for variant in ("silent", "stock")]
        figures.append(Figure("%s sockets at once, IPv6 silent: %s, of stock's"
                              % (number(most), title), "",
                              [(one - delay) / other for one, other in zip(ours, stock)], 1.25,
                              decimals=2, key="storm/" + key, ours=ours, stock=stock))
    figures.append(Figure("%s sockets at once, IPv6 silent: threads more, at the peak"
                          % number(most), "", column(seen["silent", most], "threads"), 8, "<=",
                          key="storm/threads", stock=column(seen["stock", most], "threads")))
    return figures


def crowd_figures(field, seen, quick):
    ours, stock = seen["silent", CROWD], seen["stock", CROWD]
    figures = [
        Figure("%d sockets at once, IPv6 silent: all have a reply" % CROWD, "ms",
               column(ours, "all"), 1000, key="crowd/all", stock=column(stock, "all")),
        Figure("%d sockets at once: AAAA queries" % CROWD, "", column(ours, "AAAA"), 1, "<=",
               key="crowd/AAAA", stock=column(stock, "AAAA")),
        Figure("%d sockets at once: A queries" % CROWD, "", column(ours, "A"), 1, "<=",
               key="crowd/A", stock=column(stock, "A")),
        Figure("%d sockets at once: threads more, at the peak" % CROWD, "",
               column(ours, "threads"), 8, "<=", key="crowd/threads",
               stock=column(stock, "threads")),
        Figure("%d sockets at once: threads more, %d s later" % (CROWD, GONE_AFTER), "",
               column(ours, "left"), 0, "<=", key="crowd/left")]
    rows = [["until all have a reply, ms"], ["AAAA queries"], ["A queries"],
            ["threads more, at the peak"], ["threads more, %d s later" % GONE_AFTER]]
    rows = [row + [spread(figure.values), spread(figure.beside.get("stock", [0]))]
            + finished(figure) for row, figure in zip(rows, figures)]
    memory = crowd_memory(field, 1 if quick else 3)
    for key, title in (("heap", "heap"), ("rss", "resident set")):
        more = [one - other for one, other in zip(memory["ours", key], memory["stock", key])]
        figure = Figure("Memory of a racing socket beyond stock's, %s" % title, "bytes", more, 8192,
                        key="crowd/" + key, ours=memory["ours", key], stock=memory["stock", key])
        figures.append(figure)
        rows += [["bytes per racing socket, %s" % title, spread(memory["ours", key]),
                  spread(memory["stock", key]), "", ""],
                 ["  beyond stock's", spread(more), ""] + finished(figure)]
    table("%d sockets, IPv6 silent (stock: a name with an IPv4 address only). Memory of a racing\n"
          "socket: while nobody answers (stock: at one numeric address)." % CROWD,
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


# --- what a server sees ---------------------------------------------------------------------------

def accepted(node):
    """How many connections this node's system has accepted for its programs, of either family."""
    lines = [line.split() for line in node.run(["cat", "/proc/net/snmp"]).stdout.splitlines()
             if line.startswith("Tcp:")]
    return int(dict(zip(*lines))["PassiveOpens"])


def storm_at_server(field, library, busy):
    """(connections for each client, whether all had their reply) at a dual-stack server of its own,
    which is stopped at the first connection if it is to be busy."""
    server = field.start(field.server, "stock", "echo", tcp("::", STORM_PORT))
    field.wait_ready(server)
    before = accepted(field.server)
    if busy:
        os.kill(server.process.pid, signal.SIGSTOP)
    crowd = field.start(field.client, library, "crowd", CROWD, 0, tcp("both.test", STORM_PORT))
    if busy:
        wait_until(lambda: accepted(field.server) > before)
        time.sleep(BUSY)
        os.kill(server.process.pid, signal.SIGCONT)
    result = field.end(crowd, timeout=120)
    opened = accepted(field.server) - before
    field.kill(server)
    return opened / CROWD, "all" in result


def server_figures(field, rounds):
    figures, rows = [], []
    for key, title, most in (("healthy", "a healthy dual-stack server", 1.05),
                             ("busy", "a server that is busy for %d s" % BUSY, 2)):
        seen = {library: [storm_at_server(field, library, key == "busy") for _ in range(rounds)]
                for library in ("ours", "stock")}
        opened = {library: [one for one, _ in results] for library, results in seen.items()}
        late = {library: sum(not all_ for _, all_ in results) for library, results in seen.items()}
        more = [Figure("%d sockets connect to %s: connections for each" % (CROWD, title), "",
                       opened["ours"], most, "<=", decimals=3, key="server/" + key,
                       stock=opened["stock"]),
                Figure("%d sockets connect to %s: runs in which not all had a reply"
                       % (CROWD, title), "", [late["ours"]], 0, "<=",
                       key="server/%s/left" % key, stock=[late["stock"]])]
        figures += more
        rows += [[figure.title, figure.spread_text(), spread(figure.beside["stock"])]
                 + finished(figure) for figure in more]
    table("What the server's system accepted; both families work (stock: IPv4 only).",
          ["", "ours", "stock", "target", ""], rows)
    return figures
