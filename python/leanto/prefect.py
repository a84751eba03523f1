"""Prefect 3: calls that are found again when a flow run goes on after a crash, and a block that says where a node is.

    from leanto.prefect import tracked

    @task(retries=2)
    def train(digits):
        return tracked(lt.function(digits_training.train).to(big))(digits)

A plain call in a task works without this. What `tracked` adds: the call is a run under a key that names the task run, so
who is started again finds it instead of starting another; what it prints stands in the task run's log; it ends with the
task. The guide: docs/prefect-and-dagster.md.
"""

from __future__ import annotations

import collections
import hashlib
import logging
import pickle
import threading
from typing import Optional

from prefect.blocks.core import Block
from prefect.context import FlowRunContext, TaskRunContext
from prefect.exceptions import MissingContextError
from prefect.logging import get_run_logger
from pydantic import Field, SecretStr

from leanto import _orchestrated
from leanto._cluster import Cluster
from leanto._compute import cluster
from leanto._runs import Run
from leanto.errors import InvalidRequestError

__all__ = ["LeantoNode", "Tracked", "tracked"]

MAX_COUNTED = 10_000  # kinds of calls that are counted
LOOK_AGAIN = 1  # seconds until a thread that waits for a task's end looks whether the run has ended

_counting = threading.Lock()
_counts: collections.OrderedDict = collections.OrderedDict()  # those that are alike → their numbers


def tracked(remote: object) -> Tracked:
    """Return `remote`, a function on a cluster or a method of an object there, as it's called in a task or a flow of Prefect.

    ``tracked(f)(x)`` waits and returns the value, ``await tracked(f).aio(x)`` does so in an async flow without blocking its loop.

    >>> tracked(lt.function(count_words).to(lt.here))
    tracked(<leanto function documented/story.count_words at ...>)
    """
    return Tracked(remote)


class Tracked:
    """What `tracked` returns. Its calls raise what plain calls do, and InvalidRequestError outside of a flow or task run.

    The run's key is made of the flow run's id, the task's source, the service and what it's called with: the task run's id
    alone is another one when a flow run is started again. Outside of flows it's the task run's id instead of the first two.
    """

    def __init__(self, remote: object) -> None:
        self._remote = remote

    def __call__(self, /, *args: object, **kwargs: object) -> object:
        logger = _logger()

        def begun(run: Run) -> None:
            _say(run, logger)
            _end_with_task(run, logger.warning)

        return _orchestrated.call(*self._call(args, kwargs, logger), begun)

    def aio(self, /, *args: object, **kwargs: object) -> object:
        """The same call for an event loop; cancelling what it returns cancels the run."""
        return _orchestrated.call_later(*self._call(args, kwargs, _logger()))

    def submit(self, /, *args: object, **kwargs: object) -> Run:
        """Submit the call under the same key and return its `Run`, which goes on when the task has ended."""
        run = _orchestrated.submit(self._remote, args, kwargs, _key(self._remote, args, kwargs))
        _say(run, _logger())
        return run

    def _call(self, args: tuple, kwargs: dict, logger: object) -> tuple:
        """What a call that is waited for passes on, whichever way it's waited for."""
        key = _key(self._remote, args, kwargs)
        return self._remote, args, kwargs, key, _writer(logger), logger.warning

    def __repr__(self) -> str:
        return f"tracked({self._remote!r})"


class LeantoNode(Block):
    """Where a node or a hub listens, and the token that lets in: saved once, loaded by name in flows.

    ``leanto token create --join`` on the node prints a join word, which is `address` alone; or give the three parts.

    >>> LeantoNode(address="leanto://box:7433", token="lt_...", fingerprint="...").save("box")  # doctest: +SKIP
    >>> lt.function(count_words).to(LeantoNode.load("box").cluster())("to be")  # doctest: +SKIP
    2
    """

    _block_type_name = "Leanto node"
    _block_type_slug = "leanto-node"
    _documentation_url = "https://github.com/leanto/leanto"

    address: SecretStr = Field(
        description="leanto://HOST:PORT, or a join word, which has the other two in it."
    )
    token: Optional[SecretStr] = Field(default=None, description="What lets in.")  # noqa: UP045
    fingerprint: Optional[str] = Field(  # noqa: UP045 - pydantic evaluates it on Python 3.9 too
        default=None, description="The fingerprint of the node's certificate."
    )
    cluster_name: Optional[str] = Field(  # noqa: UP045
        default=None, description="The name of the cluster; by default its address."
    )

    def cluster(self) -> Cluster:
        """Return the cluster that it is. Raises InvalidRequestError for words that make no sense, at its first use what a
        connection raises."""
        return cluster(
            self.cluster_name,
            url=self.address.get_secret_value(),
            token=self.token.get_secret_value() if self.token is not None else None,
            fingerprint=self.fingerprint,
        )


def _key(remote: object, args: tuple, kwargs: dict) -> str:
    """Return what is the same when the flow run is started again: as Prefect's own caching, the flow run, the task's source and
    what it's called with; and which one it is of those that are alike."""
    task, flow = TaskRunContext.get(), FlowRunContext.get()
    flow_run = flow.flow_run if flow is not None else None
    if task is not None and task.task_run.flow_run_id is not None:
        place = f"{task.task_run.flow_run_id}/{task.task_run.task_key}"
    elif task is not None:
        place = str(task.task_run.id)
    elif flow_run is not None:
        place = str(flow_run.id)
    else:
        raise InvalidRequestError(
            "tracked(...) names its run after a flow run or a task run, and this is in neither; call it in a @task or a @flow, "
            "or call the function itself"
        )
    alike = f"{place}/{getattr(remote, 'name', None) or repr(remote)}/{_digest(args, kwargs)}"
    who = task.task_run if task is not None else flow_run
    number = _number((alike, flow_run and flow_run.run_count), who.id, who.run_count)
    return f"prefect/{alike}/{number}"


def _digest(args: tuple, kwargs: dict) -> str:
    digest = hashlib.sha256()
    try:
        digest.update(
            pickle.dumps((args, kwargs), 5, buffer_callback=lambda part: digest.update(part.raw()))
        )
    except Exception:
        pass  # submitting says what's wrong with it
    return digest.hexdigest()[:16]


def _number(alike: tuple, who: object, attempt: int) -> int:
    """Return which of those calls of a flow run it is that are alike; a task's next attempt has the numbers of the last."""
    with _counting:
        numbers = _counts.pop(alike, None) or {"next": 0}
        _counts[alike] = numbers
        if len(_counts) > MAX_COUNTED:
            _counts.popitem(last=False)
        nth = numbers[who, attempt] = numbers.get((who, attempt), -1) + 1
        if (who, "number", nth) not in numbers:
            numbers[who, "number", nth] = numbers["next"]
            numbers["next"] += 1
        return numbers[who, "number", nth]


def _logger() -> object:
    try:
        return get_run_logger()
    except MissingContextError:
        return logging.getLogger("leanto")


def _say(run: Run, logger: object) -> None:
    logger.info("%s is the run %s of leanto (`leanto logs %s`)", run.service, run.id, run.id)


def _writer(logger: object) -> object:
    def write(line: object) -> None:
        logger.info("%s", line.text, extra={"leanto_offset": line.offset})

    return write


def _end_with_task(run: Run, warn: object) -> None:
    """Pass on the end of a task that runs in a thread of a task runner: signals are heard by the main thread only."""
    task, flow = TaskRunContext.get(), FlowRunContext.get()
    events = getattr(flow and flow.task_runner, "_cancel_events", {})
    event = events.get(task.task_run.id) if task is not None else None
    if event is None or threading.current_thread() is threading.main_thread():
        return

    def wait() -> None:
        while not run.done():
            if event.wait(LOOK_AGAIN):
                _orchestrated.end(run, warn, "its flow run ended")
                return

    threading.Thread(target=wait, name="leanto cancel", daemon=True).start()
