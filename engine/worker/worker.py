"""The worker: runs all background steps.

Any number of workers may run any step (``engine.base.step``) at the same time. A step's failure does not
affect others: it is logged, counted, and the step is tried again at its next turn.
"""

import asyncio
from collections.abc import Iterable

import structlog

from engine.base import metrics, tracing
from engine.base.errors import Unavailable
from engine.base.logs import REQUEST_ID, request_id
from engine.base.shutdown import FINISH_TIMEOUT_S
from engine.base.step import Step

log = structlog.get_logger(__name__)

#: The pause after a round with work, in seconds: there may be more, but other steps must run, too.
_BUSY_S = 0.005


class Worker:
    def __init__(self, steps: Iterable[Step]) -> None:
        self._turns = [_Turns(step) for step in steps]

    @property
    def steps(self) -> dict[str, Step]:
        """The steps by name."""
        return {turns.step.name: turns.step for turns in self._turns}

    async def run(self, stopping: asyncio.Event) -> None:
        """Run every step until ``stopping`` is set, then let the rounds under way end within
        ``FINISH_TIMEOUT_S``. Another worker finishes rounds that are cancelled then."""
        try:
            async with asyncio.timeout(None) as patience:
                await self._run_steps(stopping, patience)
        except TimeoutError:
            log.warning("steps still running at shutdown were cancelled", after_s=FINISH_TIMEOUT_S)

    async def _run_steps(self, stopping: asyncio.Event, patience: asyncio.Timeout) -> None:
        async with asyncio.TaskGroup() as group:
            for turns in self._turns:
                group.create_task(turns.loop(stopping), name=turns.step.name)
            hearing = [
                group.create_task(
                    turns.step.hear(turns.wake.set, stopping), name=f"hear for {turns.step.name}"
                )
                for turns in self._turns
                if turns.step.hear is not None
            ]
            await stopping.wait()
            patience.reschedule(asyncio.get_running_loop().time() + FINISH_TIMEOUT_S)
            for task in hearing:
                task.cancel()
            for turns in self._turns:
                turns.wake.set()


class _Turns:
    """Runs one step's rounds, one after the other."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.wake = asyncio.Event()
        self._ok = metrics.WORKER_RUNS.labels(step.name, "ok")
        self._failed = metrics.WORKER_RUNS.labels(step.name, "failed")
        self._took = metrics.WORKER_RUN_SECONDS.labels(step.name)

    async def loop(self, stopping: asyncio.Event) -> None:
        deferred = False
        while not stopping.is_set():
            REQUEST_ID.set(request_id())
            busy = False
            try:
                with self._took.time(), tracing.span(f"step {self.step.name}"):
                    busy = await self.step.run_once() > 0
                self._ok.inc()
                deferred = False
            except Unavailable as error:
                self._failed.inc()
                # Logged once per absence, because a step runs several times a second.
                say = log.debug if deferred else log.warning
                say("worker step deferred", step=self.step.name, reason=error.detail)
                deferred = True
            except Exception:
                self._failed.inc()
                log.exception("worker step failed", step=self.step.name)
            await self._pause(_BUSY_S if busy else self.step.interval_s)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.wake.wait()
        except TimeoutError:
            return
        self.wake.clear()
