"""A lease: one process at a time does some work, for as long as it takes.

Its key in Redis has a value that no other process has. It is renewed while the work goes on, and released
only by its owner; an owner that finds it lost stops. When an owner dies, it expires.

Similar mechanisms that are not leases:

- A turn, ``SET NX PX`` (reconciling, checking, auditing, distrusting): "not again within this time". It must
  outlive its work, which a lease must not; two processes that overlap are only slower.
- A mark, ``SET NX EX`` (a proof of work, a hold's pointer): "seen before". It guards no work.
- ``FOR UPDATE SKIP LOCKED`` (outbox, mails, prices): rows are distributed among workers and released with
  the transaction that wrote the result. ``pricing.take_turn`` is a turn of that kind: the time of the last
  turn is a column, from which the lateness is read.
- An advisory lock (a waitlist's round): it guards a transaction, and ends with that transaction. A lease
  could end earlier.
"""

import asyncio
import time
import uuid
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from engine.base.errors import Contended, Unavailable
from engine.stores.redis import RedisStore

_LASTS_S = 10.0
#: Seconds between two renewals: two may fail before the lease is lost.
_RENEWED_EVERY_S = 3.0


async def alone(
    redis: RedisStore, name: str, work: Callable[[], Coroutine[Any, Any, None]]
) -> bool:
    """Do the work if no other process is doing it. Returns whether we did it.

    Raises what the work raises; Contended when the lease was lost and the work was cancelled.
    """
    lease = _Lease(redis, name)
    if not await lease.take():
        return False
    working, keeping = asyncio.create_task(work()), asyncio.create_task(lease.keep())
    try:
        await asyncio.wait((working, keeping), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Contended(f"The lease {name} was lost to another process.")
        working.result()
        return True
    finally:
        for task in (working, keeping):
            task.cancel()
        await asyncio.gather(working, keeping, return_exceptions=True)
        with suppress(Unavailable):
            await lease.give_up()


class _Lease:
    # The lock of redis-py would bypass the store's pipeline, its time limits and its breaker.

    def __init__(self, redis: RedisStore, name: str) -> None:
        self._redis = redis
        self._name = name
        self._value = uuid.uuid4().hex
        self._lasts_ms = int(_LASTS_S * 1000)
        self._known_at = 0.0

    async def take(self) -> bool:
        self._known_at = time.monotonic()
        command = ("SET", self._name, self._value, "NX", "PX", self._lasts_ms)
        return bool(await self._redis.call(*command))

    async def keep(self) -> None:
        """Renew it until it is lost, or until it may have expired because Redis does not answer."""
        while self._left_s > 0:
            await asyncio.sleep(min(_RENEWED_EVERY_S, self._left_s))
            asked_at = time.monotonic()
            try:
                async with asyncio.timeout(self._left_s):
                    reply = await self._redis.run("lease", self._name, self._value, self._lasts_ms)
            except (Unavailable, TimeoutError):
                continue
            if not reply[0]:
                return
            self._known_at = asked_at

    @property
    def _left_s(self) -> float:
        return self._known_at + self._lasts_ms / 1000 - time.monotonic()

    async def give_up(self) -> None:
        await self._redis.run("lease", self._name, self._value, 0)
