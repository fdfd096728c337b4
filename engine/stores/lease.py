"""A lease: one process at a time does a thing, for as long as it takes.

Its key in Redis has a value that no other process has. It is renewed while the work goes on, and given up
by nobody but its owner; whoever finds it lost stops. After an owner that died it runs out.

What looks alike and is no lease:

- A turn, ``SET NX PX`` (reconciling, checking, auditing, distrusting): "not again within this time". It must
  outlive its work, which a lease must not, and two processes that overlap are only slower.
- A mark, ``SET NX EX`` (a proof of work, a hold's pointer): "seen before". It guards no work.
- ``FOR UPDATE SKIP LOCKED`` (outbox, mails, prices): rows are shared out among workers and are released with
  the transaction that wrote what became of them. ``pricing.take_turn`` is a turn of that kind: the time of
  the last look is a column, which is also where a lateness is read.
- An advisory lock (a waitlist's round): what it guards is a transaction, and it ends with that transaction.
  A lease could end before it.
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
#: Two renewals may fail before it is lost.
_RENEWED_EVERY_S = 3.0


async def alone(
    redis: RedisStore, name: str, work: Callable[[], Coroutine[Any, Any, None]]
) -> bool:
    """Do the work where no other process is at it. Returns whether it was ours to do.

    Raises what the work raises; Contended where the lease was lost, and the work cancelled.
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
    # The lock of redis-py would go round the store's pipeline, its time limits and its breaker.

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
        """Renew it until it is lost, or until whoever still hears Redis may have it."""
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
