"""Dagster: calls that are found again, functions that report from where they run, and values that stay on the cluster.

    from leanto.dagster import LeantoIOManager, PipesLeantoClient, tracked

    @asset
    def model(context: AssetExecutionContext, digits):
        return tracked(lt.function(training.train).to(big), context)(digits)

A plain call in an asset works without this. The guide: docs/prefect-and-dagster.md.
"""

from __future__ import annotations

import collections
import contextlib
import json
import operator
import threading

import dagster
from dagster import PipesEnvContextInjector, PipesMessageReader, open_pipes_session
from dagster._core.definitions.resource_annotation import TreatAsResourceParam
from dagster._core.pipes.client import PipesClient, PipesClientCompletedInvocation

from leanto import _nodes, _orchestrated
from leanto._cluster import Cluster, here
from leanto._compute import cluster
from leanto._functions import function as leanto_function
from leanto._remote_values import RemoteValue
from leanto._runs import Run
from leanto.errors import InvalidRequestError

__all__ = ["KeptValue", "LeantoIOManager", "PipesLeantoClient", "tracked"]

MAX_COUNTED = 10_000  # steps whose calls are counted
MAX_ANCESTORS = 100  # runs that were executed again, one after the other
MAX_MESSAGE = 16 << 20  # bytes of a message that comes in several lines
PIPES_FIELD = '{"__dagster_pipes_version"'

_counting = threading.Lock()
_counts: collections.OrderedDict = collections.OrderedDict()


def tracked(remote: object, context: object) -> Tracked:
    """Return `remote`, a function on a cluster or a method of an object there, as it's called in a step of Dagster.

    ``tracked(f, context)(x)`` waits and returns the value; its lines appear in the run's log, and it ends with the step.
    A step that is retried, resumed, or executed again after its process died finds the run that goes on.

    >>> tracked(lt.function(count_words).to(lt.here), build_op_context())  # doctest: +SKIP
    tracked(<leanto function documented/story.count_words at ...>)
    """
    return Tracked(remote, context)


class Tracked:
    """What `tracked` returns. Its calls raise what plain calls do. The key is made of the run's id, the step and the service; the
    n-th call of a service in a step has the number n, so make the calls of a step in the same order each time."""

    def __init__(self, remote: object, context: object) -> None:
        self._remote = remote
        self._context = context

    def __call__(self, /, *args: object, **kwargs: object) -> object:
        log = self._context.log
        return _call(self._remote, args, kwargs, self._context, lambda line: log.info(line.text))[1]

    def __repr__(self) -> str:
        return f"tracked({self._remote!r})"


class PipesLeantoClient(PipesClient, TreatAsResourceParam):
    """Runs a function that reports by Dagster Pipes: what it logs, materialises and checks appears as of this step.

    The function takes the argument `pipes` and needs the package ``dagster-pipes``, and none of leanto or dagster:

        def train(images, pipes=None):
            loader = PipesMappingParamsLoader(pipes or {})
            with open_dagster_pipes(params_loader=loader) as report:
                report.report_asset_materialization(metadata={"rows": len(images)})

    Send it with ``options(fresh=True)``: a process of Python speaks with one step by Pipes.

    >>> client = PipesLeantoClient()
    >>> client.run(context=context, function=train, args=(images,)).get_materialize_result()  # doctest: +SKIP
    """

    def run(
        self,
        *,
        context: object,
        function: object,
        args: tuple = (),
        kwargs: dict | None = None,
        extras: dict | None = None,
    ) -> LeantoInvocation:
        """Call `function` with `args`, `kwargs` and ``pipes=``, and wait; what it returned is the ``value`` of the invocation.

        `extras` are for the function's ``report.extras``. Raises as a plain call, and InvalidRequestError without ``fresh=True``.
        """
        if getattr(function, "_sent", None) is not None and not function._options.get("fresh"):
            raise InvalidRequestError(
                f"{function!r} is called with Dagster Pipes, of which a process can have one session; send it with "
                "lt.function(f).options(fresh=True).to(cluster)"
            )
        reader = _LogReader()
        with open_pipes_session(context, PipesEnvContextInjector(), reader, extras) as session:
            words = {**(kwargs or {}), "pipes": dict(session.get_bootstrap_env_vars())}
            run, value = _call(function, args, words, context, reader.taker(context.log))
        return LeantoInvocation(session, run, value)


class LeantoInvocation(PipesClientCompletedInvocation):
    """What `PipesLeantoClient.run` returns: ``get_results()`` and its like are what was reported, ``value`` is what the function
    returned, ``run`` the `Run`."""

    def __init__(self, session: object, run: Run, value: object) -> None:
        super().__init__(session, metadata={"leanto run": run.id, "leanto service": run.service})
        self.run = run
        self.value = value


class _LogReader(PipesMessageReader):
    """Takes the messages out of what the function writes to stderr, which comes from wherever it runs, with offsets."""

    @contextlib.contextmanager
    def read_messages(self, handler: object):
        self._handler = handler
        self._begun = ""  # of a message that is longer than a line of a run's log
        yield {"stdio": "stderr"}

    def taker(self, log: object) -> object:
        def take(line: object) -> None:
            if line.stream != "stderr" or not self._take_message(line.text):
                log.info(line.text)

        return take

    def _take_message(self, text: str) -> bool:
        if not self._begun and not text.startswith(PIPES_FIELD):
            return False
        self._begun += text
        try:
            message = json.loads(self._begun)
        except ValueError:
            if len(self._begun) > MAX_MESSAGE:
                self._begun = ""
            return True
        self._begun = ""
        self._handler.handle_message(message)
        return True

    def no_messages_debug_text(self) -> str:
        return (
            "The function is told where to report by its argument pipes: "
            "open_dagster_pipes(params_loader=PipesMappingParamsLoader(pipes))."
        )


class KeptValue:
    """A value that is kept on a cluster under a name, as `LeantoIOManager` loads it. As an argument of a function on that cluster
    it arrives as the value, which doesn't move through here; `get` fetches it."""

    def __init__(self, where: Cluster, key: str) -> None:
        self.cluster = where
        self.key = key

    def get(self) -> object:
        """Return a copy of the value. Raises NotFoundError if it isn't kept any more, as after a restart of the node."""
        return self.cluster.get(self.key)

    def __reduce__(self) -> tuple:
        to = _nodes.packed_for()
        if to is not None and to is not self.cluster._node:
            return operator.getitem, ([self.get()], 0)  # the node there may not know this one
        is_there = to is not None or not self.cluster._node.is_far
        return operator.methodcaller("get", self.key), (here if is_there else self.cluster,)

    def __repr__(self) -> str:
        return f"<leanto value {self.key!r} on {self.cluster!r}>"


class LeantoIOManager(dagster.ConfigurableIOManager):
    """Keeps the values of assets and ops on a cluster, under names that say of what they are; the next one gets a `KeptValue`.

    An asset that returns what ``f.remote(x)`` gave has its value named there, and nothing moves. Others are put there.
    `cluster` is the name of one, "here" if nothing is said; `prefix` begins the names. Values are in memory: they go with the
    node, and using one that is gone raises NotFoundError.
    """

    cluster: str = "here"
    prefix: str = "dagster"

    def handle_output(self, context: dagster.OutputContext, obj: object) -> None:
        if obj is None and context.dagster_type.is_nothing:
            return
        where, key = cluster(self.cluster), self._key(context)
        if isinstance(obj, RemoteValue) and obj._node is where._node:
            # The worker there gets the value itself, and keeps it under the name.
            leanto_function(operator.call).to(where)(here.put, key, obj)
        else:
            where.put(key, obj.get() if isinstance(obj, (RemoteValue, KeptValue)) else obj)
        context.add_output_metadata({"leanto cluster": self.cluster, "leanto key": key})

    def load_input(self, context: dagster.InputContext) -> KeptValue:
        return KeptValue(cluster(self.cluster), self._key(context))

    def _key(self, context: object) -> str:
        parts = context.get_asset_identifier() if context.has_asset_key else None
        if parts is None:
            parts = (context.upstream_output or context).get_identifier()
        return "/".join([self.prefix, *parts])


def _call(remote: object, args: tuple, kwargs: dict, context: object, write: object) -> tuple:
    """Return (run, value) of the same call in the step that this one repeats, if that came to no end; else of a new one."""
    step = getattr(context, "op_execution_context", context).get_step_execution_context()
    service = getattr(remote, "name", None) or repr(remote)
    number = _number((context.run_id, step.step.key, step.previous_attempt_count, service))
    place = f"{step.step.key}/{service}/{number}"
    runs = []

    def begun(run: Run) -> None:
        runs.append(run)
        context.log.info(f"{run.service} is the run {run.id} of leanto (`leanto logs {run.id}`)")

    found = _find_earlier(place, step.step.key, context)
    if found is not None:
        return found, _orchestrated.attend(found, write, context.log.warning, begun)
    key = f"dagster/{context.run_id}/{place}"
    value = _orchestrated.call(remote, args, kwargs, key, write, context.log.warning, begun)
    return runs[0], value


def _find_earlier(place: str, step: str, context: object) -> Run | None:
    """Return the run that was begun in this place of a run of Dagster's that this one executes again, and which goes on, or
    succeeded without its step's hearing of it."""
    ancestor = context.run.parent_run_id
    for _ in range(MAX_ANCESTORS):
        if ancestor is None or _has_succeeded(context.instance, ancestor, step):
            break
        found = _orchestrated.find(f"dagster/{ancestor}/{place}")
        if found is not None:
            return found
        parent = context.instance.get_run_by_id(ancestor)
        ancestor = parent.parent_run_id if parent is not None else None
    return None


def _has_succeeded(instance: object, run_id: str, step: str) -> bool:
    events = instance.all_logs(run_id, of_type=dagster.DagsterEventType.STEP_SUCCESS)
    return any(event.step_key == step for event in events)


def _number(counted: tuple) -> int:
    with _counting:
        number = _counts.pop(counted, -1) + 1
        _counts[counted] = number
        if len(_counts) > MAX_COUNTED:
            _counts.popitem(last=False)
    return number
