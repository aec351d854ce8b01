# SPDX-License-Identifier: MPL-2.0
"""Numbers: medians, how certain they are, and their text."""
import math
import statistics

median = statistics.median


def number(value):
    if abs(value) < 100 and value != int(value):
        return "%.1f" % (round(value, 1) + 0.0)  # no "-0.0"
    return "{:,.0f}".format(value)


def spread(values):
    """Median and range."""
    if not values:
        return "none"
    middle, least, most = [number(one) for one in (median(values), min(values), max(values))]
    return middle if least == most else "%s (%s..%s)" % (middle, least, most)


def missing_or(values, seconds):
    return spread(values) if values else "none in %d s" % seconds


def interval(values, coverage=0.95):
    """The interval in which the true median lies with at least this probability, whatever the
    distribution: between two of the sorted values (sign test). With too few values for that, the
    whole range."""
    values = sorted(values)
    count, below, rank = len(values), 0.0, 0
    # The probability that at most `rank` of the values are below the true median.
    while rank < count // 2:
        below += math.comb(count, rank) / 2.0 ** count
        if 2 * below > 1 - coverage:
            break
        rank += 1
    rank = max(rank, 1)
    return values[rank - 1], values[count - rank]


class Figure:
    """One number with a target: the median of `values` is to be below `limit`, or otherwise related
    to it by `rule`: "<", "<=", ">=". `key` names it for the report; `decimals` is for ratios."""

    def __init__(self, title, unit, values, limit, rule="<", key=None, decimals=None, **beside):
        self.title, self.unit, self.values = title, unit, list(values)
        self.limit, self.rule, self.key, self.beside = limit, rule, key, beside
        self.decimals = decimals

    def met(self):
        if not self.values:
            return False
        value = median(self.values)
        return {"<": value < self.limit, "<=": value <= self.limit,
                ">=": value >= self.limit}[self.rule]

    def text(self, value):
        return number(value) if self.decimals is None else "%.*f" % (self.decimals, value)

    def target(self):
        sign = {"<": "< ", "<=": "at most ", ">=": "at least "}[self.rule]
        if self.limit == 0 and self.rule == "<=":
            sign = ""
        return (sign + self.text(self.limit) + " " + self.unit).strip()

    def median_text(self):
        return self.text(median(self.values)) if self.values else "none"

    def spread_text(self):
        """Median and range, or for many values the interval in which the median lies."""
        if not self.values:
            return "none"
        least, most = min(self.values), max(self.values)
        if least == most:
            return self.median_text()
        return "%s (%s..%s)" % (self.median_text(), self.text(least), self.text(most))

    def verdict(self):
        return "met" if self.met() else "MISSED"

    def as_json(self):
        return {"key": self.key, "title": self.title, "unit": self.unit, "values": self.values,
                "median": median(self.values) if self.values else None,
                "median_text": self.median_text(), "spread_text": self.spread_text(),
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
