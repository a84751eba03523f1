"""A task that is a call of a Leanto function: submitted, left to the triggerer, and ended when the run has ended."""

from __future__ import annotations

from airflow.sdk import BaseOperator
from airflow.sdk.bases.operator import TRIGGER_FAIL_REPR, TriggerFailureReason

from leanto.airflow import _keys

RUN = "leanto_run"  # in XCom: the reference of the run, as soon as there is one


class TaskKilledError(BaseException):
    """Airflow ends this task's process. Not an Exception, so that nobody on the way takes it for a failure of his own."""


class LeantoOperator(BaseOperator):
    """Call a function on a cluster, and leave a reference to what it returned in XCom.

    ``function`` is the function itself, an ``lt.function(f).options(...)``, or its place as text, "package.module:function",
    which is imported when the task runs, not when the DAG is parsed. ``service`` instead is the name of one that was saved.
    ``cluster`` is a name, "module:variable", or what `leanto.cluster` returns; ``leanto_conn_id`` instead names an Airflow
    connection; without either it's this machine. ``op_args`` and ``op_kwargs`` are its arguments, templated; references that
    other tasks of Leanto left in XCom arrive as their values. ``options`` is what `.options()` takes (``timeout``, ``memory``,
    ``retries``, ...).

    Deferrable (the default), the task holds no worker slot while the call runs. A retry, or a worker that was started again,
    finds the run that goes on or succeeded; a clear starts a new one and cancels the old one. What the function prints is
    shown in the task's log, and what it raises fails the task with its own traceback. Clearing, marking or killing the task
    cancels the run, and so does ``execution_timeout``.

    Raises LeantoError and its kinds for what the infrastructure did, as the plain call would.
    """

    template_fields = ("op_args", "op_kwargs")
    template_fields_renderers = {"op_args": "py", "op_kwargs": "py"}
    shallow_copy_attrs = ("function",)
    ui_color = "#dfe8d8"

    def __init__(
        self,
        *,
        function: object = None,
        service: str | None = None,
        cluster: object = None,
        leanto_conn_id: str | None = None,
        op_args: object = None,
        op_kwargs: object = None,
        options: dict | None = None,
        deferrable: bool = True,
        **kwargs: object,
    ) -> None:
        super().__init__(**kwargs)
        if (function is None) == (service is None):
            raise ValueError(
                f"the task {self.task_id} needs either function= (a function, or 'module:function') or service= "
                "(the name of a saved one)"
            )
        self.function = function
        self.service = service
        self.cluster = cluster
        self.leanto_conn_id = leanto_conn_id
        self.op_args = op_args if op_args is not None else []
        self.op_kwargs = op_kwargs if op_kwargs is not None else {}
        self.options = dict(options or {})
        self.deferrable = deferrable
        self._attending = False

    # What Airflow calls

    def execute(self, context: dict) -> object:
        """Submit the call, and leave the waiting to the triggerer unless it has ended already."""
        from leanto import _orchestrated
        from leanto.airflow._references import resolved

        key, earlier = _keys.keys_of(context)
        args, kwargs = resolved(self._arguments(context))
        remote = self._remote()
        self._cancel_earlier(earlier)
        run = _orchestrated.submit(remote, tuple(args), dict(kwargs), key)
        self.log.info(f"the run {run.id} of {run.service} has the key {run.key}")
        reference = self._reference(run)
        context["ti"].xcom_push(key=RUN, value=reference)
        if self.deferrable and not run._final:
            from leanto.airflow.trigger import LeantoTrigger

            self.defer(
                trigger=LeantoTrigger(reference),
                method_name="execute_complete",
                timeout=self.execution_timeout,
            )
        self._attend(run)
        return reference

    def execute_complete(self, context: dict, event: dict) -> dict:
        """Called when the run has ended: show the lines that are missing, and raise what it raised."""
        from leanto.airflow import _references

        self._attend(_references.run_of(event["reference"]), event["offset"])
        return event["reference"]

    def resume_execution(self, next_method: str, next_kwargs: dict | None, context: dict) -> object:
        """As Airflow's; a task that took too long, or whose waiting failed for the last time, ends its run, too."""
        if next_method == TRIGGER_FAIL_REPR:
            ti = context["ti"]
            is_late = (next_kwargs or {}).get("error") == TriggerFailureReason.TRIGGER_TIMEOUT
            if is_late or ti.try_number > ti.max_tries:  # else the retry finds it again
                self._cancel_pushed(context)
        return super().resume_execution(next_method, next_kwargs, context)

    def on_kill(self) -> None:
        """Called by a signal, in the middle of anything: what waits for the run cancels it on its way out."""
        if self._attending:
            raise TaskKilledError("Airflow ended this task")

    # What it does

    def _arguments(self, context: dict) -> tuple:
        return list(self.op_args), dict(self.op_kwargs)

    def _remote(self) -> object:
        """Return the remote function, sent if its code has changed."""
        import leanto as lt
        from leanto.airflow._clusters import imported

        cluster = self._open_cluster()
        if self.service is not None:
            cluster.resolve()
            return lt.function(name=self.service).options(**self.options)
        function = self.function
        if isinstance(function, str):
            function = imported(function)
        return lt.function(function).options(**self.options).to(cluster)

    def _attend(self, run: object, offset: int = 0) -> None:
        """Show the run's lines and wait for its end; raise what it raised."""
        from leanto import _orchestrated

        self._attending = True
        try:
            _orchestrated.follow(run, self._write, self.log.warning, offset)
            run._wait(None)
            if run._final != "succeeded":  # else the value stays where it is
                run.result()
        except BaseException as error:
            text = remote_traceback_of(error)
            if text:  # which Airflow's log leaves out
                self.log.error(text)
            _orchestrated.end(
                run, self.log.warning, f"its Airflow task ended: {type(error).__name__}"
            )
            raise
        finally:
            self._attending = False

    def _write(self, line: object) -> None:
        self.log.info(line.text, stream=line.stream, offset=line.offset)

    def _reference(self, run: object) -> dict:
        from leanto import _orchestrated

        name = None if self.leanto_conn_id else self._open_cluster().name
        words = {"cluster": name, "connection": self.leanto_conn_id}
        return {**_orchestrated.reference(run), **words}

    def _open_cluster(self) -> object:
        from leanto.airflow._clusters import open_cluster

        return open_cluster(self.cluster, self.leanto_conn_id)

    def _cancel_earlier(self, keys: list[str]) -> None:
        """Cancel what a try before the last clear left running: nobody did if the triggerer was down just then."""
        from leanto import _orchestrated

        for key in keys:
            for run in runs_under(key):
                _orchestrated.end(run, self.log.warning, "its Airflow task was cleared")

    def _cancel_pushed(self, context: dict) -> None:
        from leanto import _orchestrated
        from leanto.airflow import _references
        from leanto.errors import LeantoError

        reference = context["ti"].xcom_pull(
            key=RUN, task_ids=context["ti"].task_id, map_indexes=context["ti"].map_index
        )
        if not _references.is_reference(reference):
            return
        try:
            run = _references.run_of(reference)
        except LeantoError as error:
            self.log.warning(f"the run {reference[RUN]} could not be cancelled: {error}")
            return
        _orchestrated.end(
            run, self.log.warning, "its Airflow task took too long, or its trigger failed"
        )


def remote_traceback_of(error: BaseException) -> str:
    """Return the text of the remote traceback that an exception has among its causes, "" if there is none."""
    from leanto.errors import RemoteTraceback

    cause = error.__cause__
    while cause is not None and not isinstance(cause, RemoteTraceback):
        cause = cause.__cause__
    return str(cause).strip() if cause is not None else ""


def runs_under(key: str):
    """Yield the runs that have this key, or it with a number (see `leanto._orchestrated`)."""
    import leanto as lt

    try:
        yield lt.run(key)
        number = 2
        while True:
            yield lt.run(f"{key}#{number}")
            number += 1
    except lt.NotFoundError:
        return
