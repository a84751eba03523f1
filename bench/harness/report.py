"""The rows of the table: what was measured, against what, what was to be reached, and whether that
held."""

import json

from harness.measure import Summary, beyond, ratios


class Reach:
    """A target: for the value itself, for its ratio to the base, or for what it has more than so
    many times the base."""

    def __init__(self, sense, limit, unit="", bases=0):
        self.sense = sense  # "<=" or ">="
        self.limit = limit
        self.unit = unit  # empty: a ratio
        self.bases = bases

    @property
    def is_ratio(self):
        return not self.unit

    def holds(self, value):
        return value <= self.limit if self.sense == "<=" else value >= self.limit

    def __str__(self):
        sign = "≤" if self.sense == "<=" else "≥"
        allowed = f"{self.bases:g} × base + " if self.bases else ""
        return f"{sign} {allowed}{self.limit:g} {self.unit or '×'}"


class Row:
    """One line: `ours` and `base` are summaries in `unit`; `base` is None where there is nothing
    to compare with."""

    def __init__(self, what, unit, ours, base=None, base_name="", reach=None):
        self.what = what
        self.unit = unit
        self.ours = ours
        self.base = base
        self.base_name = base_name
        self.reach = reach
        self.ratio = ratios(ours, base) if base else None

    @property
    def held(self):
        """Whether the target was reached, None if there is none."""
        if self.reach is None:
            return None
        if self.reach.is_ratio:
            return self.reach.holds(self.ratio.median)
        if self.reach.bases:
            return self.reach.holds(beyond(self.ours, self.base, self.reach.bases).median)
        return self.reach.holds(self.ours.median)

    def to_json(self):
        return {
            "what": self.what,
            "unit": self.unit,
            "ours": self.ours.values,
            "base": self.base.values if self.base else None,
            "base_name": self.base_name,
            "reach": str(self.reach) if self.reach else None,
            "held": self.held,
        }

    def cells(self):
        return (
            self.what,
            _with_spread(self.ours, self.unit),
            f"{number(self.base.median)} {self.unit} ({self.base_name})" if self.base else "",
            f"{self.ratio.median:.2f} ×" if self.ratio else "",
            str(self.reach) if self.reach else "",
            {None: "", True: "yes", False: "NO"}[self.held],
        )


class Missing:
    """A row that could not be measured, and why."""

    held = reach = None

    def __init__(self, what, why):
        self.what = what
        self.why = why

    def to_json(self):
        return {"what": self.what, "missing": self.why}

    def cells(self):
        return (self.what, f"not measured: {self.why}", "", "", "", "")


HEADINGS = ("what", "leanto: median [min–max]", "base: median", "ratio", "reach", "held")


def number(value):
    """Return a number with three digits that matter, or all before the point."""
    if value == 0:
        return "0"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def _with_spread(summary: Summary, unit):
    return f"{number(summary.median)} {unit} [{number(summary.low)}–{number(summary.high)}]"


def table(rows):
    """Return the rows as a Markdown table."""
    return markdown(HEADINGS, [row.cells() for row in rows])


def markdown(headings, lines):
    """Return headings and lines of cells as a Markdown table, in columns that a terminal shows well."""
    lines = [headings, *lines]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    texts = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |"
        for line in lines
    ]
    texts.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(texts)


def drop_reaches(rows):
    """Judge none of the rows: what was measured is too small to say anything."""
    for row in rows:
        row.reach = None


def save(path, machine, rows):
    """Write what was measured as JSON: all values of all rounds, so that they can be summed up
    again."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump(
            {"machine": machine, "rows": [row.to_json() for row in rows]},
            file,
            indent=1,
            ensure_ascii=False,
        )
        file.write("\n")
