"""Runs: calls with a durable record on the node, which outlive whoever made them.

A `Run` is a future of the standard library, so `concurrent.futures.wait`, `as_completed` and `asyncio.gather` take it. One
thread of this process hears of runs that end; what they returned is fetched when somebody asks for it.
"""

from __future__ import annotations

import concurrent.futures
import threading

from leanto import _connection, _finding, _node, _nodes, _values
from leanto._run_lines import gap_of, line_of
from leanto._run_watch import wait_while_reached, watch
from leanto.errors import (
    LeantoError,
    NodeError,
    NodeLostError,
    NotFoundError,
    TimeoutError,  # noqa: A004
)

STATUSES = ("queued", "running", "succeeded", "failed", "cancelled", "unknown", "lost")
ENDED = ("succeeded", "failed", "cancelled", "lost")

WAIT = 30  # seconds that the node keeps a question


class Run(concurrent.futures.Future):
    """A call that was submitted, from any process: ``f.submit(x)``, or `run` with its id or key.

    ``run.result()`` waits for its value, ``await run`` does so in an event loop. It goes on when this program ends. It's a
    ``concurrent.futures.Future``, so ``wait``, ``as_completed`` and ``add_done_callback`` take it.

    ``id`` and ``key`` name it (``key`` is None if none was given), ``service`` is what it calls, ``seen`` is the offset at which
    `logs` goes on after the line that it gave last.

    >>> run = lt.function(count_words).to(lt.here).submit("to be or not")
    >>> run.result(), run.status, run.service
    (4, 'succeeded', 'documented/story.count_words')
    """

    def __init__(
        self,
        id: str,
        key: str | None,
        service: str,
        value_of: object = None,
        node: _nodes.Node = _nodes.here,
    ) -> None:
        super().__init__()
        self.id = id
        self.key = key
        self.service = service
        self.node = node
        self.seen = 0  # the offset at which `logs` goes on after the line that it gave last
        self._value_of = value_of
        self._log_wait = WAIT  # seconds that the node keeps a question for lines
        self._final = ""  # its status, once it has ended
        self._fetching = threading.Lock()
        self._fetched: tuple | None = None  # (value, None) or (None, exception)

    # What is known of it

    @property
    def status(self) -> str:
        """One of queued, running, succeeded, failed, cancelled, lost; unknown while the node can't be reached.

        Lost means that the node ended while it ran: whether its work was done isn't known, and it's not run again.

        >>> lt.function(count_words).to(lt.here).submit("to be").status in ("queued", "running", "succeeded")
        True
        """
        if self._final:
            return self._final
        try:
            return self.record()["status"]
        except (NodeError, NodeLostError):
            return "unknown"

    def record(self) -> dict:
        """Return what the node has on record: who, what version, when, how it ended, what it took (docs/guide/09-runs.md has
        the list). Times are milliseconds since 1970, durations seconds, sizes bytes; ``cost`` is None without a price.

        While it waits for a worker, ``queue_position`` is how many are served before it and ``waits_for`` says what must happen
        first; both are None otherwise.

        Raises NotFoundError if it isn't kept any more (``[runs] keep`` in ``node.toml``; a week).

        >>> run = lt.function(count_words).to(lt.here).submit("to be")
        >>> run.record()["service"]
        'documented/story.count_words'
        """
        return self.node.ask_again("run_record", id=self.id)[0]["run"]

    def running(self) -> bool:
        """Whether a worker runs it now.

        >>> run = lt.function(count_words).to(lt.here).submit("to be")
        >>> run.result(), run.running()
        (2, False)
        """
        return self.status == "running"

    def cancelled(self) -> bool:
        """Whether it ended by being cancelled, as far as this program has heard.

        >>> run = lt.function(count_words).to(lt.here).submit("to be")
        >>> run.result(), run.cancelled()
        (2, False)
        """
        return self._final == "cancelled"

    # Its outcome

    def result(self, timeout: float | None = None) -> object:
        """Wait for the run and return its value, or raise what it raised, as a plain call would.

        Raises TimeoutError if it has not ended after `timeout` seconds; it goes on. Raises CancelledError if it was
        cancelled, NodeLostError if its node ended while it ran, NotFoundError if it isn't kept any more. Without a `timeout`
        it also raises NodeLostError when another machine has not been reached for two minutes; the run may go on there, and
        its result can be asked for again.

        >>> lt.function(count_words).to(lt.here).submit("to be").result(timeout=60)
        2
        """
        self._wait(timeout)
        value, error = self._fetch()
        if error is not None:
            raise error
        return value

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the run and return what `result` would raise, or None. Raises TimeoutError as `result` does.

        >>> lt.function(halve).to(lt.here).submit(3).exception()
        ValueError('3 is odd')
        """
        self._wait(timeout)
        return self._fetch()[1]

    def __await__(self):
        return self._result_later().__await__()

    async def _result_later(self) -> object:
        """Not asyncio.wrap_future(self), which would cancel the run with the task that waits for it."""
        import asyncio

        ended: concurrent.futures.Future = concurrent.futures.Future()
        self.add_done_callback(lambda _: ended.cancelled() or ended.set_result(None))
        watch(self)
        await asyncio.wrap_future(ended)
        if self._fetched is None:
            await asyncio.get_running_loop().run_in_executor(None, self._fetch)
        return self.result()

    def _wait(self, timeout: float | None) -> None:
        watcher = watch(self)
        try:
            if timeout is None and watcher is not None and self.node.is_far:
                wait_while_reached(self, watcher)
            else:
                super().result(timeout)
        except concurrent.futures.TimeoutError:
            raise TimeoutError(
                f"the run {self.id} of {self.service} has not ended after {timeout} s; it goes on"
                f"{self._why()}"
            ) from None

    def _why(self) -> str:
        """What the node says about a run that hasn't ended, in brackets."""
        try:
            reason = self.record()["reason"]
        except LeantoError:
            return ""
        return f" ({reason})" if reason else ""

    def _fetch(self) -> tuple:
        with self._fetching:
            if self._fetched is None:
                self._fetched = self._fetch_now()
            return self._fetched

    def _fetch_now(self) -> tuple:
        try:
            said, body = self.node.ask_again("run_result", id=self.id)
        except NotFoundError as error:
            return None, error
        if "error" in said:
            if said["status"] == "lost":
                return None, NodeLostError(said["error"].get("message", ""))
            return None, _connection.to_exception(said["error"], body)
        try:
            return self._value(said, body), None
        except LeantoError as error:  # it can't be rebuilt here
            return None, error

    def _value(self, said: dict, body: bytes) -> object:
        inner = said.get("said", {})
        if self._value_of is not None:
            return self._value_of(inner, body)
        if inner.get("self"):
            if "o" not in said:
                raise NotFoundError(
                    f"the run {self.id} returned its object, which is gone; make it again"
                )
            from leanto._objects import rebuild_object

            return rebuild_object(
                self.node, said["o"], said["name"], said["cls"], said["describe"], {}
            )
        if inner.get("data") == "json":
            import json

            return json.loads(bytes(body))
        return _values.load_result(body, inner)

    def _settle(self, status: str) -> None:
        """Called once, when the node has said that it ended."""
        self._final = status
        if not self.done():
            self.set_result(None)

    # Its output

    def logs(self, follow: bool = False, offset: int = 0):
        """Yield the lines that it wrote, from `offset` on; with `follow` also those to come, until it ends.

        ``run.seen`` is the offset after the line given last: ``run.logs(offset=run.seen)`` goes on there, also in
        another process and after the connection broke. Each is a `Line`. Raises NotFoundError if the run isn't kept any more.

        >>> run = lt.function(count_words).to(lt.here).submit("to be")
        >>> [line.text for line in run.logs(follow=True)]
        ['counting']
        """
        import json

        lost = 0
        while True:
            try:
                said, body = self.node.ask_again(
                    "run_logs", id=self.id, offset=offset, wait=self._log_wait if follow else 0
                )
                lost = 0
            except (NodeError, NodeLostError):
                lost += 1
                if not follow or lost > 3:
                    raise
                _node.pause(0.1 * lost)  # it was restarted; what it wrote is still there
                continue
            if said["gap"]:
                self.seen = said["offset"]
                yield gap_of(said["gap"], offset, 0.0)
            offset = said["offset"]
            for record in bytes(body).split(b"\n")[:-1]:
                line = line_of(json.loads(record), offset)
                self.seen = offset = offset + len(record) + 1
                yield line
            if said["ended"] or not (body or follow or said["gap"]):
                return

    def cancel(self, reason: str = "") -> bool:
        """Have it end: interrupted at once, after its grace (10 s) terminated, 5 s later killed.

        Returns at once: True if it will end, False if it had ended. Its status is "cancelled" when its call or its
        process is gone. A live object whose only call can't be interrupted ends with it. `reason` goes on record.

        >>> run = lt.function(count_words).to(lt.here).submit("to be")
        >>> run.result(), run.cancel("too late")
        (2, False)
        """
        said, _ = self.node.ask_again("run_cancel", id=self.id, reason=reason)
        return said["accepted"]

    def replay(self, *, to: object = None) -> Run:
        """Submit its call again, as a new run: the same version of the code, arguments and policy; all but its key.

        It runs where it ran, or on the cluster `to` (of several nodes the first), as ``lt.here`` to look into a run of another
        machine: its code and its arguments travel there. No name stands for that code there because of it.

        The arguments of a run that has ended are there if its service or its call said ``options(keep_args=True)``. The
        record of the new run names this one as ``replays``. ``leanto replay ID --debug`` runs it in a terminal, with a debugger.

        Raises NotFoundError if the run, its arguments, its version or the object whose method it called aren't there any more,
        SnapshotError if its code isn't. With `to`, InvalidRequestError for a method of a live object, and for a service that
        has secrets: neither leaves its machine.

        >>> run = lt.function(count_words).options(keep_args=True).to(lt.here).submit("to be")
        >>> run.result()
        2
        >>> again = lt.run(run.id).replay()
        >>> again.result(), again.record()["replays"] == run.id
        (2, True)
        """
        from leanto._replay import replay

        return replay(self, to)

    def __reduce__(self) -> tuple:
        return _rebuild, (self.id, self.key, self.service, self.node)

    def __repr__(self) -> str:
        return (
            f"<leanto run {self.id} of {self.service}{', ' + self._final if self._final else ''}>"
        )


def _rebuild(id: str, key: str | None, service: str, node: _nodes.Node) -> Run:
    run = Run(id, key, service, node=node)
    watch(run)
    return run


# Finding runs


def run(id_or_key: str, /) -> Run:
    """Return the run with this id or key, wherever it was submitted. Raises NotFoundError if there is none (any more).

    >>> submitted = lt.function(count_words).options(key="macbeth").to(lt.here).submit("to be")
    >>> lt.run("macbeth").result()
    2
    """
    node, said = _finding.find(lambda node: node.ask_again("run_record", id=id_or_key)[0]["run"])
    found = Run(said["id"], said["key"], said["service"], node=node)
    if said["status"] in ENDED:
        found._settle(said["status"])
    else:
        watch(found)
    return found


def runs(
    *,
    service: str | None = None,
    status: str | list[str] | None = None,
    since: float | None = None,
    limit: int = 100,
) -> list[dict]:
    """Return the records of runs, the newest first: of a service, in a status, created since a time (seconds since 1970).

    At most `limit` of them; `status` is one or a list. A record is what `Run.record` returns. Raises InvalidRequestError for
    a status that doesn't exist.

    >>> run = lt.function(halve).to(lt.here).submit(3)
    >>> run.exception()
    ValueError('3 is odd')
    >>> [record["id"] for record in lt.runs(service=run.service, status="failed", limit=1)] == [run.id]
    True
    """
    import json

    asked: dict = {"limit": limit}
    if service is not None:
        asked["service"] = service
    if status is not None:
        asked["status"] = [status] if isinstance(status, str) else list(status)
    if since is not None:
        asked["since"] = int(since * 1000)
    try:
        return json.loads(bytes(_nodes.here.ask_again("runs", **asked)[1]))
    except NodeError:
        nodes = _finding.direct_nodes()
        if not nodes:
            raise
    found = [row for node in nodes for row in json.loads(bytes(node.ask_again("runs", **asked)[1]))]
    return sorted(found, key=lambda row: row["created_at"], reverse=True)[:limit]
