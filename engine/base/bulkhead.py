"""A stuck event hurts only itself.

All work that locks rows of one event goes through ``room``: a few connections at once for each event,
so that an event whose rows stay locked cannot take the whole pool. Work that meets such a lock gives
up after the lock timeout, and the event counts as stuck for a while: then nobody queues for it any
more, and its bookings have a lane of their own (``engine.base.batch``).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from engine.base import metrics
from engine.base.errors import Contended

log = structlog.get_logger(__name__)

#: An event that met a lock counts as stuck until it has met none for this many seconds.
STUCK_FOR_S: Final = 10.0


class _Gate(asyncio.Semaphore):
    """One event's places, and how many callers are inside or waiting."""

    users = 0


class Bulkhead:
    """At most ``per_event`` callers work on one event at once, ``stuck_most`` on all stuck ones together."""

    def __init__(self, *, per_event: int, stuck_most: int) -> None:
        self._per_event = per_event
        self._gates: dict[str, _Gate] = {}
        self._trials = asyncio.Semaphore(stuck_most)
        #: Stuck events, and the timer that ends it. Empty nearly always: the hot path pays one look-up.
        self.stuck: dict[str, asyncio.TimerHandle] = {}

    def mark(self, event_id: str) -> None:
        """Count this event as stuck: its rows stay locked for longer than a caller may wait."""
        loop = asyncio.get_running_loop()
        timer = self.stuck.pop(event_id, None)
        if timer is None:
            metrics.EVENTS_STUCK.inc()
            log.warning("event is stuck: its rows are locked", event_id=event_id)
        else:
            timer.cancel()
        self.stuck[event_id] = loop.call_later(STUCK_FOR_S, self._unmark, event_id)

    def _unmark(self, event_id: str) -> None:
        del self.stuck[event_id]
        metrics.EVENTS_STUCK.dec()
        log.info("event is not stuck any more", event_id=event_id)

    @asynccontextmanager
    async def room(self, event_id: str, limit_s: float) -> AsyncIterator[None]:
        """Take one of the event's places. Raises Contended when none is free in time.

        A failure inside because of a lock marks the event as stuck.
        """
        gate = self._gates.get(event_id)
        if gate is None:
            gate = self._gates[event_id] = _Gate(self._per_event)
        gate.users += 1
        try:
            await self._enter(gate, event_id, limit_s)
            try:
                async with self._trial(event_id):
                    yield
            except Contended as error:
                if error.by_lock:
                    self.mark(event_id)
                raise
            finally:
                gate.release()
        finally:
            gate.users -= 1
            if not gate.users:
                del self._gates[event_id]

    async def _enter(self, gate: _Gate, event_id: str, limit_s: float) -> None:
        if not gate.locked():
            await gate.acquire()  # at once
            return
        if event_id in self.stuck:
            raise busy()
        try:
            async with asyncio.timeout(limit_s):
                await gate.acquire()
        except TimeoutError:
            raise busy() from None
        if event_id in self.stuck:
            # Marked while we waited: one caller after another would wait for the same lock.
            gate.release()
            raise busy()

    @asynccontextmanager
    async def _trial(self, event_id: str) -> AsyncIterator[None]:
        if event_id not in self.stuck:
            yield
            return
        if self._trials.locked():
            raise busy()
        async with self._trials:
            yield

    def close(self) -> None:
        for event_id, timer in list(self.stuck.items()):
            timer.cancel()
            self._unmark(event_id)


def busy() -> Contended:
    return Contended("This event is busy at the moment; try again shortly.")
