#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""plots.py JSON DIRECTORY: draws the benchmark's results, one SVG for each plot.

There is no background, and all lines and letters have a middle tone, so that the same file can be
read on a white page and on a dark one. The same JSON gives the same bytes."""
import json
import os
import statistics
import sys

import matplotlib
matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402
from matplotlib.ticker import FuncFormatter  # noqa: E402

INK = "#76808c"  # more than 3.9 to 1 both on white and on GitHub's dark page
COLOURS = {"ours": "#2f81f7", "again": "#1a9e4b", "stock": "#d1730f", "stock6": "#b35fd1",
           "curl": "#1a9e4b", "python": "#a8860b", "go": "#1199aa", "nng": "#d6568f",
           "plain": INK}
STYLE = {"svg.hashsalt": "bench", "svg.fonttype": "none", "font.family": "sans-serif",
         "font.size": 11, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK,
         "axes.titlecolor": INK, "axes.titlesize": 12, "xtick.color": INK, "ytick.color": INK,
         "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
         "grid.color": INK, "grid.alpha": 0.3, "grid.linewidth": 0.6, "legend.frameon": False,
         "lines.linewidth": 2, "savefig.transparent": True, "figure.constrained_layout.use": True}


def plain(value, _=None):
    return "{:,g}".format(value)


def finish(figure, directory, name):
    path = os.path.join(directory, name + ".svg")
    figure.savefig(path, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return path


def spread_of(values):
    """Median, and how far the range goes to either side."""
    middle = statistics.median(values)
    return middle, middle - min(values), max(values) - middle


def first_message(data, directory):
    """A row for each network, a mark for each program; at the right those that never got a
    message."""
    scenes, rivals = data["scenes"], data["rivals"]
    figure, axes = pyplot.subplots(figsize=(10, 7))
    never, step = 60000, 0.8 / len(rivals)
    for place, rival in enumerate(rivals):
        for row, scene in enumerate(scenes):
            values = scene["times"][rival["key"]]
            y = row - 0.4 + step * (place + 0.5)
            if values:
                middle, below, above = spread_of(values)
                axes.errorbar(middle, y, xerr=[[below], [above]], fmt="o", markersize=5,
                              color=COLOURS[rival["key"]], linewidth=1.2)
            else:
                axes.plot(never, y, "x", markersize=6, color=COLOURS[rival["key"]])
        axes.plot([], [], "o", color=COLOURS[rival["key"]], label=rival["title"])
    axes.set_xscale("log")
    axes.set_xlim(0.3, never * 2)
    ticks = [1, 10, 100, 1000, 10000]
    axes.set_xticks(ticks + [never], ["1", "10", "100", "1,000", "10,000", "never"])
    axes.set_xticks([], minor=True)
    axes.set_yticks(range(len(scenes)), [scene["title"] for scene in scenes])
    axes.set_ylim(len(scenes) - 0.5, -0.5)
    for row in range(1, len(scenes)):
        axes.axhline(row - 0.5, color=INK, linewidth=0.5, alpha=0.5)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("time from the call to the first byte of a reply, ms (median and range)")
    axes.legend(loc="lower center", bbox_to_anchor=(0.4, 1), ncol=len(rivals), columnspacing=1.2,
                handletextpad=0.2)
    return finish(figure, directory, "bench-first-message")


def storm(data, directory):
    panels = [("all", "until all have a reply, ms"), ("cpu", "processor time, ms"),
              ("rss", "memory, MiB"), ("files", "open files"), ("threads", "threads"),
              ("queries", "DNS queries")]
    colours = {"silent": "ours", "good": "again", "stock": "stock"}
    figure, grid = pyplot.subplots(2, 3, figsize=(10, 6))
    for axes, (key, title) in zip(grid.flat, panels):
        for variant in dict.fromkeys(one["variant"] for one in data):
            rows = [one for one in data if one["variant"] == variant and one["values"][key]]
            axes.errorbar([one["sockets"] for one in rows],
                          [statistics.median(one["values"][key]) for one in rows],
                          yerr=list(zip(*[spread_of(one["values"][key])[1:] for one in rows]))
                          or None,
                          fmt="o-", markersize=4, color=COLOURS[colours[variant]],
                          label=rows[0]["title"] if rows else None)
        axes.set_xscale("log")
        if key in ("threads",):
            axes.set_ylim(-0.3, 8.5)
            axes.axhline(8, color=INK, linewidth=1, linestyle="--")
        else:
            axes.set_yscale("symlog" if key in ("files", "queries") else "log")
            if key in ("files", "queries"):
                axes.set_ylim(0, 1.5 * axes.get_ylim()[1])
        axes.yaxis.set_major_formatter(FuncFormatter(plain))
        axes.xaxis.set_major_formatter(FuncFormatter(plain))
        axes.set_title(title)
    for axes in grid[1]:
        axes.set_xlabel("sockets that connect at once")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.suptitle(" ", fontsize=18)  # makes room for elements that the layout does not count
    figure.legend(handles, labels, loc="upper center", ncol=3)
    return finish(figure, directory, "bench-storm")


def size_text(size):
    return "%d KiB" % (size // 1024) if size >= 1024 else "%d B" % size


def steady(data, directory):
    kinds = [("oneway", "throughput, PUSH to PULL"), ("turns", "latency, REQ and REP")]
    figure, grid = pyplot.subplots(1, 2, figsize=(10, 4.6), sharey=True)
    for axes, (kind, title) in zip(grid, kinds):
        rows = [one for one in data if one["kind"] == kind]
        for row, one in enumerate(rows):
            axes.errorbar(one["ratio"], row, fmt="o", markersize=5, color=COLOURS["ours"],
                          xerr=[[one["ratio"] - one["low"]], [one["high"] - one["ratio"]]])
        axes.axvline(1, color=INK, linewidth=1)
        axes.axvline(0.98, color=COLOURS["stock"], linewidth=1.2, linestyle="--")
        axes.set_yticks(range(len(rows)), ["%s, %s" % (one["title"], size_text(one["size"]))
                                           for one in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_title(title)
        axes.set_xlabel("per second, ours / stock (dashed: the target)")
    return finish(figure, directory, "bench-steady")


def time_text(value, _=None):
    return "%g ms" % value if value < 1000 else "%g s" % (value / 1000)


def simulation(data, directory):
    colours = {"ours, first connect": "ours", "ours, reconnect": "again",
               "one after the other": "python", "stock, IPv4 only": "stock",
               "stock, ZMQ_IPV6=1": "stock6"}
    figure, axes = pyplot.subplots(figsize=(10, 5))
    for name, client in data["clients"].items():
        times, shares = zip(*client["cdf"])
        axes.plot(times, [100 * one for one in shares], color=COLOURS[colours[name]], label=name)
    axes.set_xscale("log")
    axes.set_xlim(5, times[-1])
    axes.xaxis.set_major_formatter(FuncFormatter(time_text))
    axes.set_ylim(0, 101)
    axes.set_xlabel("time since the call")
    axes.set_ylabel("connected by then, % of networks")
    axes.legend(loc="lower right")
    return finish(figure, directory, "bench-simulation")


def delays(data, directory):
    """What a delay costs in time, and what it saves."""
    figure, grid = pyplot.subplots(1, 2, figsize=(10, 4.6))
    panels = [("attempt_delay", "attempt delay, ms", "needless_per_100",
               "needless attempts per 100 connects", 250),
              ("resolution_delay", "resolution delay, ms", "over_ipv4_percent",
               "connects made over IPv4, %", 50)]
    for axes, (key, xlabel, cost, ylabel, default) in zip(grid, panels):
        delays_ms = [one["ms"] for one in data[key]]
        for quantile, line in (("95", "-"), ("75", "--")):
            axes.plot(delays_ms, [one["quantiles"][quantile] for one in data[key]], "o" + line,
                      markersize=4, color=COLOURS["ours"],
                      label="%s %% within" % quantile)
        axes.set_ylim(bottom=0)
        axes.set_xlabel(xlabel)
        axes.set_ylabel("time to connect, ms", color=COLOURS["ours"])
        axes.axvline(default, color=INK, linewidth=1, linestyle=":")
        axes.text(default, 0, " default", rotation=90, va="bottom", ha="right")
        other = axes.twinx()
        other.plot(delays_ms, [one[cost] for one in data[key]], "s-", markersize=4,
                   color=COLOURS["stock"])
        other.set_ylim(bottom=0)
        other.set_ylabel(ylabel, color=COLOURS["stock"])
        other.grid(visible=False)
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncol=2)
    return finish(figure, directory, "bench-delays")


PLOTS = [("first_message", first_message), ("storm", storm), ("steady", steady),
         ("simulation", simulation), ("simulation", delays)]


def draw(result, directory):
    """Writes a file for each plot that there is data for; returns their names."""
    os.makedirs(directory, exist_ok=True)
    with matplotlib.rc_context(STYLE):
        return [plot(result["data"][name], directory) for name, plot in PLOTS
                if result["data"].get(name)]


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: plots.py JSON DIRECTORY")
    with open(sys.argv[1]) as text:
        print("\n".join(draw(json.load(text), sys.argv[2])))


if __name__ == "__main__":
    main()
