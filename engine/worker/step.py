"""One kind of background work, repeated."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from engine.base import metrics, tracing
from engine.base.errors import Unavailable
from engine.base.logs import REQUEST_ID, request_id

log = structlog.get_logger(__name__)


class Step:
    """One kind of background work: ``run_once``, repeated every ``interval_s``, or at once when ``wake`` is set."""

    def __init__(
        self, name: str, interval_s: float, run_once: Callable[[], Awaitable[int]]
    ) -> None:
        self.name = name
        self.interval_s = interval_s
        self.wake = asyncio.Event()
        self._run_once = run_once
        self._ok = metrics.WORKER_RUNS.labels(name, "ok")
        self._failed = metrics.WORKER_RUNS.labels(name, "failed")
        self._took = metrics.WORKER_RUN_SECONDS.labels(name)

    async def run_once(self) -> int:
        return await self._run_once()

    async def loop(self, stopping: asyncio.Event) -> None:
        waits = False
        while not stopping.is_set():
            REQUEST_ID.set(request_id())
            try:
                with self._took.time(), tracing.span(f"step {self.name}"):
                    busy = await self._run_once() > 0
                self._ok.inc()
                waits = False
            except Unavailable as error:
                busy = False
                self._failed.inc()
                # Once per absence: a step comes round several times a second.
                say = log.debug if waits else log.warning
                say("worker step must wait", step=self.name, reason=error.detail)
                waits = True
            except Exception:
                busy = False
                self._failed.inc()
                log.exception("worker step failed", step=self.name)
            # Where there was work there may be more: come back at once, but let others run.
            await self._pause(0.005 if busy else self.interval_s)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.wake.wait()
        except TimeoutError:
            return
        self.wake.clear()
