"""A circuit breaker, the same for all stores and gateways that do not answer.

::

    closed ──no answer for a call's whole time──▶ open ──the probe is answered──▶ closed

While it is open every call is refused at once, and one probe in the background is repeated. So only the
first callers wait for their time limit, all others not at all; and a store that comes back gets one
probe, not a crowd of calls.

A store that refuses (away, starting, full) answers at once, so it does not open the breaker. Nor does one
slow call beside others that are answered, nor a stall of this process.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context
from typing import Final

import structlog

from engine.base import metrics

log = structlog.get_logger(__name__)

#: A timeout noticed this much too late, in seconds, shows that this process stalled, not the store.
_STOOD_STILL_S: Final = 1.0
_PAUSE_FIRST_S: Final = 0.05
_PAUSE_MOST_S: Final = 1.0


class Breaker:
    """``probe``: a harmless query to ``store`` on a separate connection; ``on_open`` drops dead connections."""

    def __init__(
        self,
        store: str,
        probe: Callable[[], Awaitable[object]],
        *,
        limit_s: float,
        on_open: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        #: Read before each call; the breaker's only cost on the hot path.
        self.is_open = False
        self._store = store
        self._probe = probe
        self._limit_s = limit_s
        self._on_open = on_open
        self._heard_at = 0.0
        self._probing: asyncio.Task[None] | None = None
        self._shown = metrics.BREAKER_OPEN.labels(store)
        self._opened = metrics.BREAKER_OPENINGS.labels(store)
        self._timeouts = metrics.STORE_TIMEOUTS.labels(store)
        self._shown.set(0)

    def heard(self) -> None:
        """Record that the store has answered."""
        self._heard_at = time.monotonic()

    def timed_out(self, since: float, limit_s: float) -> None:
        """Record that a call begun at ``since`` (monotonic) was not answered within ``limit_s``.

        Opens, unless other calls were answered meanwhile, the call had hardly any time, or we stalled.
        """
        self._timeouts.inc()
        now = time.monotonic()
        silent_s = now - max(since, self._heard_at)
        if silent_s < self._limit_s / 2 or now - since > limit_s + _STOOD_STILL_S:
            return
        self.open()

    def silent(self) -> None:
        """Record that there was no answer at all for the time of a call."""
        self._timeouts.inc()
        self.open()

    def open(self) -> None:
        """Refuse all calls until the probe is answered."""
        if self.is_open:
            return
        self.is_open = True
        self._shown.set(1)
        self._opened.inc()
        log.warning("store does not answer; calls are refused until it does", store=self._store)
        # In a context of its own: it does not belong to the request that met the timeout.
        self._probing = asyncio.create_task(
            self._ask(), name=f"probe:{self._store}", context=Context()
        )

    async def _ask(self) -> None:
        began, pause_s = time.monotonic(), _PAUSE_FIRST_S
        if self._on_open is not None:
            await self._on_open()
        while not await self._is_answered():
            await asyncio.sleep(pause_s)
            pause_s = min(_PAUSE_MOST_S, 2 * pause_s)
        self.heard()
        self.is_open = False
        self._shown.set(0)
        log.info("answers again", store=self._store, after_s=round(time.monotonic() - began, 2))

    async def _is_answered(self) -> bool:
        try:
            async with asyncio.timeout(self._limit_s):
                await self._probe()
        except Exception:
            # Any exception means that there was no answer; the next probe tries again.
            return False
        return True

    async def close(self) -> None:
        """Stop probing."""
        if self._probing is not None:
            self._probing.cancel()
            with suppress(asyncio.CancelledError):
                await self._probing
