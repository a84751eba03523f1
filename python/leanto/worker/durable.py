"""The durable runs of a worker: what it has to say of them again if its daemon is killed."""

from __future__ import annotations

import _thread
import os


class DurableRuns:
    """The runs whose outcome isn't on record yet; true while there are any. `lifeline` is the worker's, or None."""

    def __init__(self, lifeline: object) -> None:
        self.lifeline = lifeline
        self._streams: set = set()
        self._outcomes: dict = {}  # stream → the frame that was sent
        self._changing = _thread.allocate_lock()

    def __bool__(self) -> bool:
        return bool(self._streams)

    def begin(self, call: object) -> None:
        """From now on the worker lives on if its daemon is killed."""
        with self._changing:
            self._streams.add(call.number)
            self._count()

    def keep(self, call: object, type_: int, head: bytes, body: bytes, buffers) -> None:
        """A run has ended: its outcome is kept until the node has it on record."""
        for end in getattr(call, "pipe_ends", ()):
            os.close(end)
        if self.lifeline is not None:
            # A copy: what the buffers lie in may be changed by the code that goes on.
            kept = [memoryview(bytes(part)) for part in buffers]
            self._outcomes[call.number] = (type_, call.number, head, bytes(body), kept)

    def outcome(self, stream: int) -> tuple | None:
        """Return the arguments of `Worker.send` for a run that has ended."""
        return self._outcomes.get(stream)

    def forget(self, stream: int) -> None:
        """Its outcome is on record, or not wanted any more."""
        with self._changing:
            self._outcomes.pop(stream, None)
            self._streams.discard(stream)
            self._count()

    def streams(self) -> list:
        with self._changing:
            return sorted(self._streams)

    def others(self, known: set) -> list:
        """Return the streams that are not among `known`."""
        return [stream for stream in self.streams() if stream not in known]

    def _count(self) -> None:
        if self.lifeline is not None:
            self.lifeline.count(len(self._streams))
