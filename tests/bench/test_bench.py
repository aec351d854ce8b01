# SPDX-License-Identifier: MPL-2.0
"""Tests how the benchmark evaluates its numbers, and that it runs. No time is asserted."""
import json
import os
import subprocess
import sys
import xml.etree.ElementTree

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
SRC = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get("ZDS_BUILD_DIR") or os.path.join(SRC, "build")
sys.path.insert(0, HERE)

# The path must be set first.
import callgrind  # noqa: E402
import peers  # noqa: E402
import plots  # noqa: E402
import report  # noqa: E402
import steady  # noqa: E402
from stats import Figure, interval, number, spread  # noqa: E402


# --- numbers --------------------------------------------------------------------------------------

@pytest.mark.parametrize("value, text", [
    (0, "0"), (0.04, "0.0"), (-0.04, "0.0"), (3.14, "3.1"), (99.96, "100.0"), (100.4, "100"),
    (12345.6, "12,346"), (7.0, "7")])
def test_number(value, text):
    assert number(value) == text


def test_spread():
    assert spread([]) == "none"
    assert spread([2, 2, 2]) == "2"
    assert spread([3, 1, 2.5]) == "2.5 (1..3)"


def test_interval_is_the_sign_tests():
    # From tables of the sign test: with 95 %, the median of 12 values is between the 3rd and the
    # 10th, of 30 between the 10th and the 21st; of 5 there is no such interval, so it is the whole
    # range.
    assert interval(range(1, 13)) == (3, 10)
    assert interval(range(1, 31)) == (10, 21)
    assert interval(range(1, 6)) == (1, 5)
    assert interval([7]) == (7, 7)


@pytest.mark.parametrize("values, limit, rule, met", [
    ([1, 2, 9], 2, "<", False), ([1, 1.9, 9], 2, "<", True), ([1, 2, 9], 2, "<=", True),
    ([0.97, 0.98, 1], 0.98, ">=", True), ([0.9, 0.97, 1], 0.98, ">=", False), ([], 2, "<", False)])
def test_a_figure_is_met_by_its_median(values, limit, rule, met):
    assert Figure("", "ms", values, limit, rule).met() is met


def test_pairs_take_turns_and_stop_when_it_is_known_well_enough():
    class Field:
        def __init__(self, times):
            self.order, self.times = [], iter(times)

        def run(self, library, *_):
            self.order.append(library)
            return {"rate": next(self.times)}

    quiet = Field([100.0] * 1000)
    seen = steady.compare(quiet, "oneway", steady.ROUTES[0], 1, 10, False)
    assert len(seen["ours"]) == len(seen["stock"]) == steady.FEWEST_PAIRS
    assert quiet.order[:4] == ["ours", "stock", "stock", "ours"]
    loud = Field([100.0, 150.0, 90.0, 210.0] * 1000)
    assert len(steady.compare(loud, "oneway", steady.ROUTES[0], 1, 10, False)["ours"]) \
        == steady.MOST_PAIRS


def test_callgrinds_records_are_added_up(tmp_path):
    record = tmp_path / "out"
    record.write_text("events: Ir\nfn=(1) main\n5 10\ncfn=(2) work\ncalls=3 9\n6 700\n+1 4\n"
                      "fn=(2)\n9 600\n* 100\n")
    total, own = callgrind.read_record(record)
    assert (total, own["main"], own["work"]) == (714, 14, 700)


# --- others ---------------------------------------------------------------------------------------

def scene(key):
    return next(one for one in peers.SCENES if one.key == key)


def test_what_others_wait_less_is_taken_off():
    assert peers.head_start(scene("silent"), peers.CURL) == 50
    assert peers.head_start(scene("silent"), peers.STOCK4) == 250
    assert peers.head_start(scene("silent"), peers.GO) == 0
    assert peers.head_start(scene("dead-first"), peers.CURL) == 100
    assert peers.head_start(scene("refused"), peers.STOCK4) == 0
    assert peers.head_start(scene("late"), peers.STOCK4) == 50


def test_the_lag_is_behind_the_best_of_the_others():
    silent = scene("silent")
    rivals = [peers.OURS, peers.CURL, peers.GO, peers.STOCK6]
    seen = {(silent, peers.OURS): [251, 290], (silent, peers.CURL): [201],
            (silent, peers.GO): [301], (silent, peers.STOCK6): []}
    assert peers.lag(seen, silent, rivals) == [0, 39]
    assert peers.lag(seen, silent, [peers.OURS, peers.STOCK6]) == []


# --- README ---------------------------------------------------------------------------------------

def test_the_table_takes_the_place_of_the_last_one():
    text = "a\n%s\nold\n%s\nb\n" % (report.BEGIN, report.END)
    once = report.put_into(text, ["new"])
    assert once == "a\n%s\nnew\n%s\nb\n" % (report.BEGIN, report.END)
    assert report.put_into(once, ["new"]) == once


@pytest.mark.parametrize("text", ["", report.BEGIN, report.END + report.BEGIN,
                                  2 * (report.BEGIN + report.END)])
def test_without_one_place_for_the_table_nothing_is_written(text):
    with pytest.raises(report.ReportError):
        report.put_into(text, ["new"])


def test_the_readme_has_the_place():
    with open(os.path.join(SRC, "README.md")) as text:
        report.put_into(text.read(), [])


def figure(key, values, met=True, **beside):
    return {"key": key, "group": "connect", "title": key, "unit": "ms", "values": values,
            "median": values[0] if values else None, "median_text": "%s" % values[:1],
            "spread_text": "-", "target": "< 5 ms", "met": met, "beside": beside}


CONDITIONS = {"processors": 2, "processor": "one", "kernel": "6.1", "quick": False, "seconds": 1,
              "date": "2026-01-01T00:00:00", "stock": "libzmq 4.3.4", "ours": "libzmq 4.3.4",
              "priority": "normal", "notes": ["a note"], "skipped": ["something"]}


def test_of_several_figures_the_worst_is_shown_and_what_is_missed_is_said():
    worst = {"first/refused": 1, "first/no-route": 7, "first/unreachable": 2, "first/prohibited": 3}
    result = report.Result({"conditions": CONDITIONS, "data": {}, "figures": [
        figure(key, [value], value < 5, **{"stock, ZMQ_IPV6=1": []})
        for key, value in worst.items()]})
    block = "\n".join(report.readme_block(result))
    assert "[7] ms more" in block and "**missed**" in block and "3 of 4 targets" in block
    text = report.benchmarks(result)
    for said in ("Missed: first/no-route", "a note", "Left out: something", "**MISSED**"):
        assert said in text


# --- it runs --------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def program():
    """Where a compiled program of the benchmark is; the run below compiles them."""
    return lambda name: os.path.join(BUILD, "bench", name)


@pytest.fixture(scope="module")
def quick_run(tmp_path_factory):
    """The JSON of a short run of a few groups."""
    path = str(tmp_path_factory.mktemp("bench") / "bench.json")
    groups = ["peers", "names", "storm", "steady", "engine", "simulator"]
    command = [sys.executable, os.path.join(SRC, "scripts", "bench"), "--quick", "--json", path]
    done = subprocess.run(command + [word for name in groups for word in ("--only", name)],
                          capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    with open(path) as text:
        return json.load(text)


def test_a_quick_run_has_every_figure(quick_run):
    result = report.Result(quick_run)
    for key in ("peers/silent", "names/queries", "names/tenth", "crowd/all",
                "server/busy", "steady/oneway", "steady/turns/dual/1024",
                "engine/events", "simulator/p99"):
        assert key in result.by_key
    assert quick_run["conditions"]["quick"] is True
    for one in quick_run["figures"]:
        assert one["values"], one["title"] + ": no value"


def test_ours_gets_a_first_message_on_every_network(quick_run):
    for one in quick_run["data"]["first_message"]["scenes"]:
        assert one["times"]["ours"], one["title"]


def test_every_plot_is_drawn_and_the_same_again(quick_run, tmp_path):
    paths = plots.draw(quick_run, str(tmp_path / "one"))
    assert len(paths) == len(plots.PLOTS)
    for path in paths:
        root = xml.etree.ElementTree.parse(path).getroot()
        assert root.tag.endswith("svg")
        assert len(list(root.iter("{http://www.w3.org/2000/svg}text"))) > 5
    again = plots.draw(quick_run, str(tmp_path / "two"))
    for one, other in zip(paths, again):
        with open(one) as first, open(other) as second:
            assert first.read() == second.read()


def test_the_report_shows_every_plot_and_table(quick_run):
    text = report.benchmarks(report.Result(quick_run))
    for _, plot in plots.PLOTS:
        assert "(bench-%s.svg)" % plot.__name__.replace("_", "-") in text
    assert "quick run" in text
    rows = [line for line in text.splitlines() if line.startswith("| --- |")]
    assert len(rows) >= 10
    # Without an empty line before it, a table is not shown as one.
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if line.startswith("| --- |"):
            assert lines[at - 2] == "", lines[at - 1]


def simulate(program, *args):
    done = subprocess.run([program("simulate")] + list(args), capture_output=True, text=True)
    return done.returncode, done.stdout


def test_the_simulator_is_deterministic(quick_run, program):
    _, one = simulate(program, "5000", "7")
    _, again = simulate(program, "5000", "7")
    _, other = simulate(program, "5000", "8")
    assert one == again != other
    assert simulate(program, "1", "2", "3")[0] == 2


def test_what_the_simulator_says_hangs_together(quick_run):
    data = quick_run["data"]["simulation"]
    model = data["model"]
    for family in (0, 1):
        assert sum(shares[family] for shares in model["paths"].values()) == 1000
    assert sum(model["addresses"]) == 1000
    for client in data["clients"].values():
        shares = [share for _, share in client["cdf"]]
        assert shares == sorted(shares)
        assert abs(100 * (1 - shares[-1]) - client["never_percent"]) < 0.1
        times = [one for one in client["quantiles"].values() if one is not None]
        assert times == sorted(times)
    needless = [one["needless_per_100"] for one in data["attempt_delay"]]
    assert needless == sorted(needless, reverse=True)
    over_ipv4 = [one["over_ipv4_percent"] for one in data["resolution_delay"]]
    assert over_ipv4 == sorted(over_ipv4, reverse=True)
    assert data["clients"]["ours, first connect"]["never_percent"] == 0
