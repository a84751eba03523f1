"""The lines that a run wrote, as `Run.logs` gives them."""

from __future__ import annotations


class Line:
    """A line that a run wrote.

    ``text`` is without its newline, ``stream`` is "stdout" or "stderr", ``time`` is in seconds since 1970 and ``offset`` is
    where the line begins in the run's log, in bytes. A line with ``gap`` stands for so many bytes that were left out.

    >>> run = lt.function(count_words).to(lt.here).submit("to be")
    >>> [(line.text, line.stream, line.offset) for line in run.logs(follow=True)]
    [('counting', 'stdout', 0)]
    """

    __slots__ = ("gap", "offset", "stream", "text", "time")

    def __init__(self, text: str, stream: str, offset: int, time: float, gap: int = 0) -> None:
        self.text = text
        self.stream = stream
        self.offset = offset
        self.time = time
        self.gap = gap

    def __repr__(self) -> str:
        return f"<line at {self.offset} of {self.stream}: {self.text!r}>"


def line_of(record: dict, offset: int) -> Line:
    time = record.get("time", 0) / 1000
    if "gap" in record:
        return gap_of(record["gap"], offset, time)
    text = record["text"]
    return Line(text[:-1] if text.endswith("\n") else text, record["stream"], offset, time)


def gap_of(size: int, offset: int, time: float) -> Line:
    return Line(f"[... {size} bytes were left out]", "stderr", offset, time, size)
