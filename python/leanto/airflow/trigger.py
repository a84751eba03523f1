"""Waiting for a run in Airflow's triggerer, which holds no worker slot: its lines go to the task's log meanwhile.

All runs of a triggerer share a few threads, in which nothing waits: each run is asked once a second whether it has new lines.
"""

from __future__ import annotations

import asyncio
import concurrent.futures

from airflow.triggers.base import BaseTrigger, TriggerEvent

PAUSE = 1.0  # seconds between two looks for new lines: how late they may show
UNREACHED_PAUSE = 5.0  # seconds between two attempts to reach a node
SAVED = "leanto_log_offset"  # in XCom: where the log goes on after a restart of the triggerer
LINES_AT_ONCE = 500
FAILURES = 5  # in a row, after which only the end is waited for

_threads = concurrent.futures.ThreadPoolExecutor(8, thread_name_prefix="leanto")


class LeantoTrigger(BaseTrigger):
    """Fires when the run of a `reference` has ended, with it and the offset up to which its lines are in the log.

    A restart of the triggerer doesn't touch the run. When the task is cleared, or marked as failed or succeeded, the run is
    cancelled.
    """

    def __init__(self, reference: dict, offset: int = 0) -> None:
        super().__init__()
        self.reference = reference
        self.offset = offset

    def serialize(self) -> tuple[str, dict]:
        """Return what Airflow keeps in its database."""
        arguments = {"reference": self.reference, "offset": self.offset}
        return "leanto.airflow.trigger.LeantoTrigger", arguments

    async def run(self):
        """Yield one event, when the run has ended."""
        followed = _Followed(self)
        try:
            await followed.begin()
            ended = asyncio.ensure_future(followed.wait())
            try:
                while not ended.done():
                    await asyncio.wait([ended], timeout=PAUSE)
                    await followed.show_lines()
                await ended
            finally:
                ended.cancel()
        finally:
            await followed.save_offset()
        yield TriggerEvent({"reference": self.reference, "offset": followed.run.seen})

    async def on_kill(self) -> None:
        """Cancel the run: the task was cleared or marked. A trigger that only goes to another triggerer leaves it alone."""
        if await self._is_deferred():
            return
        await _in_thread(self._cancel)

    def _cancel(self) -> None:
        from leanto import _orchestrated
        from leanto.airflow import _references

        run = _references.run_of(self.reference)
        _orchestrated.end(run, self.log.warning, "its Airflow task was cleared or marked")

    async def _is_deferred(self) -> bool:
        """Whether Airflow still has the task deferred. If it can't be asked, it's taken not to be: who kills a task is heard."""
        from airflow.sdk.execution_time.comms import GetTaskStates
        from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

        ti = self.task_instance
        if ti is None:
            return False
        asked = GetTaskStates(dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id])
        try:
            answer = await SUPERVISOR_COMMS.asend(asked)
            is_mapped = ti.map_index is not None and ti.map_index >= 0
            name = f"{ti.task_id}_{ti.map_index}" if is_mapped else ti.task_id
            return answer.task_states.get(ti.run_id, {}).get(name) == "deferred"
        except Exception as error:
            await self.log.ainfo(f"the task's state can't be asked for ({error})")
            return False


class _Followed:
    """The lines of one run, shown as they come and once, as far as a triggerer that is killed can tell."""

    def __init__(self, trigger: LeantoTrigger) -> None:
        self.run: object = None
        self._trigger = trigger
        self._log = trigger.log
        self._failures = 0
        self._saved = trigger.offset

    async def begin(self) -> None:
        """Find the run; a node that can't be reached just now is asked again, as long as the task may take."""
        from leanto.airflow import _references
        from leanto.errors import NodeError, NodeLostError

        is_said = False
        while self.run is None:
            try:
                self.run = await _in_thread(_references.run_of, self._trigger.reference)
            except (NodeError, NodeLostError) as error:
                if not is_said:
                    self._log.warning(f"{error}; it's tried again every {UNREACHED_PAUSE:.0f} s")
                is_said = True
                await asyncio.sleep(UNREACHED_PAUSE)
        self.run.seen = self._saved = max(self._trigger.offset, await self._load_offset())

    async def wait(self) -> None:
        """Wait for the run's end; what it returned or raised is the task's business."""
        from leanto._run_watch import watch

        ended = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()

        def tell(_: object) -> None:
            try:
                loop.call_soon_threadsafe(lambda: ended.done() or ended.set_result(None))
            except RuntimeError:
                pass  # the loop has ended meanwhile

        self.run.add_done_callback(tell)
        watch(self.run)
        await ended

    async def show_lines(self) -> None:
        """Write what is new to the task's log. A broken stream is said once, and never fails the task."""
        while self._failures < FAILURES:
            try:
                lines = await _in_thread(self._read)
                for line in lines:
                    self._log.info(line.text, stream=line.stream, offset=line.offset)
                self._failures = 0
            except Exception as error:
                self._failures += 1
                if self._failures == FAILURES:
                    self._log.warning(
                        f"the log of {self.run.id} is shown no further: {error}; the run goes on"
                    )
                return
            if len(lines) < LINES_AT_ONCE:
                break
        await self.save_offset()

    def _read(self) -> list:
        lines = []
        for line in self.run.logs(offset=self.run.seen):
            lines.append(line)
            if len(lines) == LINES_AT_ONCE:
                break
        return lines

    async def _load_offset(self) -> int:
        try:
            return int(await self._ask_xcom() or 0)
        except Exception:
            return 0  # then lines may show twice, which is better than not at all

    async def save_offset(self) -> None:
        """Have the next triggerer go on here. One that is killed may show the lines of the last second again."""
        if self.run is None or self.run.seen == self._saved:
            return
        try:
            from airflow.sdk.execution_time.comms import SetXCom
            from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

            said = SetXCom(key=SAVED, value=self.run.seen, **self._place())
            await SUPERVISOR_COMMS.asend(said)
            self._saved = self.run.seen
        except Exception:
            pass

    async def _ask_xcom(self) -> object:
        from airflow.sdk.execution_time.comms import GetXCom
        from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

        answer = await SUPERVISOR_COMMS.asend(GetXCom(key=SAVED, **self._place()))
        return getattr(answer, "value", None)

    def _place(self) -> dict:
        ti = self._trigger.task_instance
        index = -1 if ti.map_index is None else ti.map_index
        return {
            "dag_id": ti.dag_id,
            "run_id": ti.run_id,
            "task_id": ti.task_id,
            "map_index": index,
        }


async def _in_thread(function: object, *arguments: object) -> object:
    return await asyncio.get_running_loop().run_in_executor(_threads, function, *arguments)
