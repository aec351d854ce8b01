# SPDX-License-Identifier: MPL-2.0
"""The race engine without sockets: its speed, its size, and how it does on a million networks."""
import json
import os
import subprocess

from stats import Figure, finished, median, number, spread, table

NETWORKS, QUICK_NETWORKS = 1000000, 20000
CLIENTS = ("ours, first connect", "ours, reconnect", "one after the other", "stock, IPv4 only",
           "stock, ZMQ_IPV6=1")
QUANTILES = ("50", "75", "90", "95", "99", "99.9")
KINDS = [("good", "both families good"), ("refused", "IPv6 refused"), ("silent", "IPv6 silent"),
         ("32+32-refused", "64 addresses, all refuse")]


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout


def numbers_of(text):
    return {line.split()[0]: float(line.split()[1]) for line in text.splitlines()}


def engine(field, quick):
    rounds, ms = (2, 50) if quick else (9, 300)
    results = [numbers_of(run(os.path.join(field.programs, "engine"), str(ms)))
               for _ in range(rounds)]
    sizes = dict(results[0], **numbers_of(run(os.path.join(field.programs, "dial_size"))))
    rows = []
    for kind, title in KINDS:
        events = [one[kind + ".events"] for one in results]
        races = [one[kind + ".races"] for one in results]
        rows.append([title, spread(events), spread(races), "%.2f" % (1e6 / median(races))])
    table("The engine alone, on one processor: what it is told of (answers, ends of attempts,\n"
          "deadlines), with all that it says to do then.",
          ["", "events per second", "races per second", "us per race"], rows)
    slowest = [min(one[kind + ".events"] for kind, _ in KINDS) for one in results]
    figures = [
        Figure("Engine: events per second, the slowest of %d kinds of race" % len(KINDS), "/s",
               slowest, 100000, ">=", key="engine/events"),
        Figure("Engine: memory of a dial, its race included", "bytes", [sizes["dial.bytes"]], 8192,
               key="engine/dial", race=[sizes["race.bytes"]])]
    table("Memory.", ["", "bytes", "target", ""],
          [["a race (zds_race_t)", number(sizes["race.bytes"]), "", ""],
           ["a dial, its race included", number(sizes["dial.bytes"])] + finished(figures[1])])
    field.record("engine", {"kinds": [{"title": title,
                                       "events": [one[kind + ".events"] for one in results],
                                       "races": [one[kind + ".races"] for one in results]}
                                      for kind, title in KINDS],
                            "race_bytes": sizes["race.bytes"], "dial_bytes": sizes["dial.bytes"]})
    return figures


def time_text(ms):
    if ms is None:
        return "never"
    return "%s ms" % number(ms) if ms < 10000 else "%s s" % number(round(ms / 1000))


def simulator(field, quick):
    result = json.loads(run(os.path.join(field.programs, "simulate"),
                            str(QUICK_NETWORKS if quick else NETWORKS)))
    clients = result["clients"]
    table("Time to connect on %s networks drawn at random, in virtual time (see\n"
          "docs/BENCHMARKS.md for how they are drawn); %s more have no address that works."
          % (number(result["networks"] - result["unreachable"]), number(result["unreachable"])),
          ["of connects"] + ["%s %%" % one for one in QUANTILES] + ["never"],
          [[name] + [time_text(clients[name]["quantiles"][one]) for one in QUANTILES]
           + ["%.1f %%" % clients[name]["never_percent"]] for name in CLIENTS])
    field.record("simulation", result)
    ours, others = clients[CLIENTS[0]], [clients[name] for name in CLIENTS[2:]]
    again = clients[CLIENTS[1]]
    slower = [ours["quantiles"]["99"] / other["quantiles"]["99"] for other in others
              if other["quantiles"]["99"] is not None]
    return [Figure("Simulated networks: connects that never succeed though an address works", "%",
                   [ours["never_percent"]], 0, "<=", key="simulator/never",
                   **{name: [clients[name]["never_percent"]] for name in CLIENTS}),
            Figure("Simulated networks: the 99th percentile, of one address after the other's", "",
                   slower, 1, decimals=3, key="simulator/p99"),
            Figure("Simulated networks: the 95th percentile of a reconnect, of the first connect's",
                   "", [again["quantiles"]["95"] / ours["quantiles"]["95"]], 1, decimals=2,
                   key="simulator/again")]
