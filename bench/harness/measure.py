"""Medians with their spread, and rounds in which both sides take turns."""

import statistics


class Summary:
    """Several measurements of one thing."""

    def __init__(self, values):
        self.values = list(values)
        self.median = statistics.median(self.values)
        self.low = min(self.values)
        self.high = max(self.values)

    def __eq__(self, other):
        return isinstance(other, Summary) and self.values == other.values

    def __repr__(self):
        return f"Summary({self.values!r})"


def ratios(ours, base):
    """Return the summary of ours/base round by round: what drifts between rounds hits both sides
    of each."""
    return Summary(a / b for a, b in zip(ours.values, base.values))


def beyond(ours, base, bases):
    """Return the summary of what ours has more than so many times the base, round by round."""
    return Summary(a - bases * b for a, b in zip(ours.values, base.values))


def interleave(rounds, *sides):
    """Call each side once a round, A B A B, and return a list of results for each side."""
    results = [[] for _ in sides]
    for _ in range(rounds):
        for side, found in zip(sides, results):
            found.append(side())
    return results
