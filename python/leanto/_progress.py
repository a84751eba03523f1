"""A line on standard error that counts what is done, for people who wait."""

from __future__ import annotations

import sys
import time

AFTER = 0.5  # seconds; who waits for less needs no line
EVERY = 0.1


class Progress:
    """Counts up to `total`, if that is known, and shows how fast that goes."""

    def __init__(self, what: str, total: int | None, out=None, clock=time.monotonic) -> None:
        self._what = what
        self._total = total
        self._out = sys.stderr if out is None else out
        self._clock = clock
        self._begun = clock()
        self._next = self._begun + AFTER
        self._done = 0
        self._shown = 0  # how wide the line is that stands there

    def count(self) -> None:
        """One more is done."""
        self._done += 1
        now = self._clock()
        if now >= self._next:
            self._next = now + EVERY
            self._show(self.line(now))

    def line(self, now: float) -> str:
        """Return what is shown at a moment."""
        rate = self._done / max(now - self._begun, 1e-9)
        shown_rate = f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"
        if self._total is None:
            return f"{self._what}: {self._done:,}, {shown_rate}"
        left = max(self._total - self._done, 0) / rate if rate else 0.0
        share = 100 * self._done // self._total if self._total else 100
        return (
            f"{self._what}: {self._done:,} of {self._total:,} ({share}%), "
            f"{shown_rate}, {_duration(left)} left"
        )

    def clear(self) -> None:
        """Take the line away, so that something else can be written."""
        if self._shown:
            self._write("\r" + " " * self._shown + "\r")
            self._shown = 0

    def close(self) -> None:
        """Take the line away for good."""
        self.clear()
        self._next = float("inf")

    def _show(self, text: str) -> None:
        import shutil

        text = text[: shutil.get_terminal_size().columns - 1]
        self._write("\r" + text + " " * (self._shown - len(text)))
        self._shown = len(text)

    def _write(self, text: str) -> None:
        try:
            self._out.write(text)
            self._out.flush()
        except (OSError, ValueError):
            pass  # nobody sees it


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
