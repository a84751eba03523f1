"""The comparison as a picture: one panel of bars for each piece of work, on a logarithmic scale."""

import html
import math

from harness import report
from harness.peer_programs import OURS
from harness.results import quartiles
from harness.workloads import WORKLOADS

SHOWN = (
    "call",
    "in_flight",
    "argument_256MiB",
    "first_result",
    "memory_idle",
    "edit",
    "killed_object",
    "fan_out_1ms",
)
COLUMNS = 2
PANEL_WIDTH = 470
LABEL_WIDTH = 118
VALUE_WIDTH = 96
BAR_HEIGHT = 16
ROW_HEIGHT = 22
HEAD_HEIGHT = 44
GAP = 24
FOOT_HEIGHT = 12
QUIET_COLOUR = "#57534e"
OURS_COLOUR = "#c2410c"
FLOOR_COLOUR = "#a8a29e"
PEER_COLOUR = "#57759c"


def draw(found):
    """Return the picture as SVG text."""
    panels = []
    for workload in WORKLOADS:
        if workload.name in SHOWN:
            bars = _bars(found, workload)
            if bars:
                panels.append((workload, bars))
    rows = [panels[start : start + COLUMNS] for start in range(0, len(panels), COLUMNS)]
    shapes, y = [], GAP
    for row in rows:
        for column, (workload, bars) in enumerate(row):
            shapes += _panel(workload, bars, GAP + column * (PANEL_WIDTH + GAP), y)
        y += HEAD_HEIGHT + max(len(bars) for _, bars in row) * ROW_HEIGHT + FOOT_HEIGHT + GAP
    width = GAP + COLUMNS * (PANEL_WIDTH + GAP)
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" '
            f'viewBox="0 0 {width} {y}" font-family="DejaVu Sans, Helvetica, Arial, sans-serif">',
            f'<rect width="{width}" height="{y}" fill="white"/>',
            *shapes,
            "</svg>\n",
        )
    )


def _bars(found, workload):
    """Return (peer, summary) of those that have a value."""
    pairs = ((peer, found.summary(workload.name, peer.name)) for peer in found.peers)
    return [(peer, numbers) for peer, numbers in pairs if numbers and numbers.median > 0]


def _panel(workload, bars, x, y):
    better = "longer is better" if workload.better == "higher" else "shorter is better"
    yield _text(x, y + 14, workload.title, size=14, weight="bold")
    yield _text(
        x, y + 31, f"{workload.unit}, {better}, logarithmic scale", size=11, fill=QUIET_COLOUR
    )
    lowest = min(min(quartiles(numbers)[0], numbers.median) for _, numbers in bars)
    highest = max(quartiles(numbers)[1] for _, numbers in bars)
    begin = math.floor(math.log10(max(lowest, 1e-9))) if lowest > 0 else -1
    end = max(math.ceil(math.log10(highest)), begin + 1)
    scale = (PANEL_WIDTH - LABEL_WIDTH - VALUE_WIDTH) / (end - begin)
    left = x + LABEL_WIDTH

    def place(value):
        return left + max(0.0, math.log10(max(value, 1e-9)) - begin) * scale

    bottom = y + HEAD_HEIGHT + len(bars) * ROW_HEIGHT
    for power in range(begin, end + 1):
        at = left + (power - begin) * scale
        yield f'<path d="M{at:.1f} {y + HEAD_HEIGHT - 4}V{bottom}" stroke="#e7e5e4" stroke-width="1"/>'
        label = f"{10.0**power:,.9g}"
        yield _text(at, bottom + 10, label, size=9, anchor="middle", fill=QUIET_COLOUR)
    for number, (peer, numbers) in enumerate(bars):
        yield from _bar(peer, numbers, x, y + HEAD_HEIGHT + number * ROW_HEIGHT, place)


def _bar(peer, numbers, x, y, place):
    left, end = x + LABEL_WIDTH, place(numbers.median)
    low, high = (place(value) for value in quartiles(numbers))
    middle = y + BAR_HEIGHT / 2
    weight = "bold" if peer.name == OURS else "normal"
    yield _text(left - 6, y + 12, peer.title, size=11, weight=weight, anchor="end")
    yield (
        f'<rect x="{left}" y="{y}" width="{max(end - left, 1):.1f}" height="{BAR_HEIGHT}" '
        f'fill="{_colour(peer)}"/>'
    )
    yield (
        f'<path d="M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 4}v8M{high:.1f} {middle - 4}v8" '
        f'stroke="#1c1917" stroke-width="1.2" fill="none"/>'
    )
    yield _text(max(end, high) + 6, y + 12, report.number(numbers.median), size=11, weight=weight)


def _colour(peer):
    return {OURS: OURS_COLOUR, "floor": FLOOR_COLOUR}.get(peer.name, PEER_COLOUR)


def _text(x, y, text, size, weight="normal", anchor="start", fill="#1c1917"):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" '
        f'text-anchor="{anchor}" fill="{fill}">{html.escape(text)}</text>'
    )
