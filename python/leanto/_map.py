"""Mapping: one call for each item, many at once over one connection, the results in order or as they come.

The calls of a map share a connection and leave in batches; results are read in the thread that iterates, so there is no other
thread, and who doesn't iterate on gets no further calls started.
"""

from __future__ import annotations

import sys

from leanto import _calls, _connection, _frames, _nodes, _options, _values
from leanto._frames import CALL, CANCEL, ERROR, LOG, RESULT, YIELD
from leanto.errors import InvalidRequestError, ProtocolError

CONCURRENCY = 64
MAX_CONCURRENCY = 10_000
SEND_EARLY = 50  # calls; so that the other side works while this program says more

_loads = _values.loads
_header = _frames.HEADER.pack
_prefix = (_frames.MAGIC, _frames.VERSION, CALL, 0)


class Mapper:
    """The `map` of a remote function or method: ``f.map(items)``."""

    __slots__ = ("_callable",)

    def __init__(self, callable_: object) -> None:
        self._callable = callable_

    def __call__(
        self,
        /,
        *iterables: object,
        ordered: bool = True,
        concurrency: int = CONCURRENCY,
        exceptions: str = "raise",
        progress: bool | None = None,
    ) -> object:
        """Call the function once for each item and return an iterator over the results.

        ``f.map(xs)`` calls ``f(x)`` for each ``x``; with several iterables, ``f(x, y)`` for each pair, until the shortest ends.
        The first call is made when the first result is asked for.

        ordered: results in the order of the items (True), or each as soon as it's there (False).
        concurrency: how many calls may be under way at once, from 1 to 10,000. In order, as many results again may wait here
        for one that takes long. How many run at once is the service's: ``f.options(workers=4, concurrency=1)`` has four processes
        that run one call each.
        exceptions: ``"raise"`` ends the map with the first exception, and the other calls are cancelled; ``"return"`` has it
        take the place of the result.
        progress: a line on standard error that counts; None shows it if that is a terminal.

        Leaving early (``close()``, a ``break``) cancels the calls that are under way. Raises TypeError for items that aren't
        iterable, InvalidRequestError for settings that make no sense and for a generator.

        >>> halve_there = lt.function(halve).to(lt.here)
        >>> list(halve_there.map([2, 3, 4], exceptions="return"))
        [1, ValueError('3 is odd'), 2]
        >>> list(lt.function(join).to(lt.here).map(["to", "or"], ["be", "not"]))
        ['to be', 'or not']
        """
        if not iterables:
            raise TypeError("map takes at least one iterable: f.map(items)")
        settings = Settings(ordered, concurrency, exceptions, progress)
        arguments = zip(*map(iter, iterables))
        return _run(self._callable, arguments, _count(iterables), settings)

    def star(
        self,
        arguments: object,
        /,
        *,
        ordered: bool = True,
        concurrency: int = CONCURRENCY,
        exceptions: str = "raise",
        progress: bool | None = None,
    ) -> object:
        """Call the function as ``f(*args)`` for each ``args`` of an iterable; the rest as for ``f.map``.

        >>> list(lt.function(join).to(lt.here).starmap([("to", "be"), ("or", "not")], ordered=True))
        ['to be', 'or not']
        """
        settings = Settings(ordered, concurrency, exceptions, progress)
        return _run(self._callable, map(tuple, iter(arguments)), _count((arguments,)), settings)


class Settings:
    """How to map, checked."""

    __slots__ = ("concurrency", "ordered", "progress", "returns_exceptions")

    def __init__(self, ordered: bool, concurrency: int, exceptions: str, progress: bool | None):
        if type(concurrency) is not int or not 1 <= concurrency <= MAX_CONCURRENCY:
            raise InvalidRequestError(
                f"concurrency={concurrency!r} makes no sense; give a whole number from 1 to {MAX_CONCURRENCY:,}"
            )
        if exceptions not in ("raise", "return"):
            raise InvalidRequestError(
                f"exceptions={exceptions!r} makes no sense; give 'raise' or 'return'"
            )
        self.ordered = bool(ordered)
        self.concurrency = concurrency
        self.returns_exceptions = exceptions == "return"
        self.progress = progress


def _count(iterables: tuple) -> int | None:
    """How many items there will be, as far as all of them say so."""
    from operator import length_hint

    counts = [length_hint(iterable, -1) for iterable in iterables]
    return None if -1 in counts else min(counts)


def _run(callable_: object, arguments: object, total: int | None, settings: Settings) -> object:
    kind = callable_._kind
    if _options.is_retrying(callable_._options):
        raise InvalidRequestError(
            "the calls of a map are not tried again: retries= and on_oom= are for .submit(...) and plain calls; "
            "submit one run for each item"
        )
    if kind in ("generator", "async_generator"):
        raise InvalidRequestError(
            f"{callable_!r} is a generator, and map wants one result for each item; "
            "map a function that returns a list of its items"
        )
    shown = settings.progress
    if shown is None:
        shown = sys.stderr is not None and sys.stderr.isatty()
    if not shown:
        return _Map(callable_, arguments, settings).results()
    from leanto._progress import Progress

    return _Map(callable_, arguments, settings, Progress(repr(callable_), total)).results()


class _Lane:
    """A connection to one node, and the calls on it by stream."""

    __slots__ = ("connection", "head", "pending", "pieces")

    def __init__(self, callable_: object) -> None:
        self.connection = _connection.Connection(callable_._node)
        self.head = callable_._head
        self.pending: dict = {}  # stream → the item's place
        self.pieces: list = []  # frames to be sent together

    def queue(self, place: int, head: bytes, data: bytes) -> None:
        """Call for the item at `place`; the frame leaves with the next `send`."""
        connection = self.connection
        connection._stream = stream = connection._stream + 1
        self.pieces.append(_header(*_prefix, stream, len(head), len(data)) + head + data)
        self.pending[stream] = place

    def send_one(self, place: int, head: bytes, data: bytes, buffers: list | tuple) -> None:
        """Call for the item at `place` with what lies beside its pickle."""
        self.send()
        connection = self.connection
        connection.send(CALL, _values.head_with(head, data, buffers), data, buffers)
        self.pending[connection._stream] = place

    def send(self) -> None:
        if self.pieces:
            self.connection._sock.sendall(b"".join(self.pieces))
            self.pieces.clear()

    def leave(self, is_lost: bool) -> None:
        """Cancel what is under way; keep the connection if nothing is."""
        connection = self.connection
        if not self.pending and not is_lost:
            connection.node.give_back(connection)
            return
        try:
            words = _frames.encode_head({"reason": "the map was left"})
            frames = [_frames.frame(CANCEL, stream, words) for stream in self.pending]
            connection._sock.sendall(b"".join(frames))
        except OSError:
            pass
        connection.close()


class _Map:
    """One map that is under way, over a connection to each node that the function is on."""

    def __init__(self, callable_: object, arguments: object, settings: Settings, progress=None):
        self._callable = callable_
        self._arguments = arguments
        self._settings = settings
        self._progress = progress
        self._lanes: list[_Lane] = []
        self._under_way = 0
        self._begun = 0
        self._ended = False  # there is no further item
        self._done: dict = {}  # place → (is it an exception, value); in order, waiting for an earlier one

    def results(self) -> object:
        """Yield the results."""
        callable_ = self._callable
        try:
            for member in getattr(callable_, "_members", None) or (callable_,):
                self._lanes.append(_Lane(member))
            yield from self._in_order() if self._settings.ordered else self._as_they_come()
        except (OSError, EOFError, ProtocolError) as error:
            if error is not self._lost or self._lost_node is None:
                raise
            raise self._lost_node.broken("a map", error) from None
        finally:
            self._leave()

    _lost: BaseException | None = None  # what a connection raised; user code may raise the same
    _lost_node: object = None

    def _in_order(self) -> object:
        at = 0
        done = self._done
        while True:
            self._fill(at)
            if not self._under_way and not done:
                return
            if at not in done:
                for place, outcome in self._receive():
                    done[place] = outcome
            while at in done:
                yield self._value(done.pop(at))
                at += 1

    def _as_they_come(self) -> object:
        while True:
            self._fill(self._begun)
            if not self._under_way:
                return
            for _, outcome in self._receive():
                yield self._value(outcome)

    def _value(self, outcome: tuple) -> object:
        failed, value = outcome
        if self._progress is not None:
            self._progress.count()
        if failed and not self._settings.returns_exceptions:
            raise value
        return value

    def _fill(self, yielded: int) -> None:
        """Begin as many calls as there is room for."""
        lanes, arguments = self._lanes, self._arguments
        heads = [_calls.complete(lane.head) for lane in lanes]
        pack, how = self._callable._node.pack, _values.pack_call
        room = self._settings.concurrency
        window = yielded + 2 * room
        at = 0
        while not self._ended and self._under_way < room and self._begun < window:
            try:
                args = next(arguments)
            except StopIteration:
                self._ended = True
                break
            if len(lanes) > 1:
                at = min(range(len(lanes)), key=lambda place: len(lanes[place].pending))
                pack = lanes[at].connection.node.pack
            data, buffers = pack(args, {}, how)
            lane = lanes[at]
            if buffers or len(data) >= _frames.CHUNK or _values.is_lent(buffers):
                self._on(lane, lane.send_one, self._begun, heads[at], data, buffers)
            else:
                lane.queue(self._begun, heads[at], data)
                if len(lane.pieces) >= SEND_EARLY:
                    self._on(lane, lane.send)
            self._begun += 1
            self._under_way += 1
        for lane in lanes:
            self._on(lane, lane.send)

    def _on(self, lane: _Lane, use: object, *args: object) -> object:
        """Return ``use(*args)``, and remember if the lane's connection breaks in it."""
        try:
            return use(*args)
        except (OSError, EOFError, ProtocolError) as error:
            if isinstance(error, _nodes.UNHEARD):
                _nodes.raise_refusal(lane.connection)
            self._lost, self._lost_node = error, lane.connection.node
            raise

    def _receive(self) -> list:
        """Wait for at least one answer; return (place, outcome) of all that are here."""
        found: list = []
        while not found:
            for lane in self._ready():
                self._read(lane, found)
        return found

    def _ready(self) -> list[_Lane]:
        """Return the lanes with something to read; one may be waited for in the reading itself."""
        waiting = [lane for lane in self._lanes if lane.pending]
        if len(waiting) == 1:
            return waiting
        import select

        poll = select.poll()
        by_descriptor = {lane.connection._sock.fileno(): lane for lane in waiting}
        for descriptor in by_descriptor:
            poll.register(descriptor, select.POLLIN)
        return [by_descriptor[descriptor] for descriptor, _ in poll.poll()]

    def _read(self, lane: _Lane, found: list) -> None:
        reader, pending = lane.connection._reader, lane.pending
        next_buffered = reader.next_buffered
        frame = self._on(lane, reader.read)
        while frame is not None:
            type_, stream, head, body = frame
            if type_ == RESULT and not head and stream in pending:
                try:
                    outcome = (False, _loads(body))
                except Exception as error:
                    outcome = (True, _values.not_rebuilt(_values.RESULT, "here", error))
                found.append((pending.pop(stream), outcome))
                self._under_way -= 1
            else:
                self._take(lane, type_, stream, head, body, found)
            frame = next_buffered()

    def _take(
        self, lane: _Lane, type_: int, stream: int, head: bytes, body: bytes, found: list
    ) -> None:
        if type_ == LOG:
            if self._progress is not None:
                self._progress.clear()
            _connection.show_log(head, body)
            return
        if type_ == ERROR and stream == 0:  # the node can't be reached
            self._lost = _connection.to_exception(_frames.decode_head(head), body)
            raise self._lost
        place = lane.pending.get(stream)
        if place is None or type_ not in (RESULT, ERROR, YIELD):
            return
        if type_ == YIELD:  # a function that returned a generator
            lane.connection._sock.sendall(_frames.frame(CANCEL, stream))
            outcome = (
                True,
                InvalidRequestError("the function returned a generator; map wants one result"),
            )
        else:
            outcome = self._outcome(type_, head, body)
        del lane.pending[stream]
        self._under_way -= 1
        found.append((place, outcome))

    def _outcome(self, type_: int, head: bytes, body: bytes) -> tuple:
        said = _frames.decode_head(head)
        if type_ == ERROR:
            return True, _connection.to_exception(said, body)
        try:
            return False, self._callable._value_of(said, body)
        except Exception as error:
            return True, error

    def _leave(self) -> None:
        if self._progress is not None:
            self._progress.close()
        for lane in self._lanes:
            lane.leave(self._lost is not None)
