"""Rate limits: how often one client may ask, counted in Redis so that all processes share the count."""

import asyncio
import time

from msgspec import Struct

from engine.errors import Unavailable
from engine.stores.redis import RedisStore

#: The Redis key that says how requests have lately been forwarded wrongly; `frontrow doctor` reads it.
PROXY_DOUBT = "doubt:proxy"
PROXY_DOUBT_TTL_S = 24 * 3600


class Limit(Struct, frozen=True):
    """``quota`` requests in every window of ``window_s`` seconds. ``name`` is public and stable."""

    name: str
    quota: int
    window_s: int = 60


class Standing(Struct, frozen=True):
    """Where a client is after a request: how many more it has until ``reset_s`` seconds from now."""

    limit: Limit
    remaining: int
    reset_s: int
    exceeded: bool = False


class Limits:
    def __init__(self, redis: RedisStore) -> None:
        self._redis = redis

    async def take(self, limit: Limit, client: str) -> Standing:
        """Count one request of ``client``. With Redis away everyone may pass: a limit protects the
        service from its clients, and refusing them all would be the greater harm.
        """
        window_no, elapsed_s = divmod(time.time(), limit.window_s)
        reset_s = limit.window_s - int(elapsed_s)
        name = f"limit:{limit.name}:{client}:{int(window_no)}"
        try:
            taken, _ = await asyncio.gather(
                self._redis.call("INCR", name),
                self._redis.call("EXPIRE", name, limit.window_s + 1),
            )
        except Unavailable:
            return untouched(limit)
        return Standing(limit, max(0, limit.quota - taken), reset_s, taken > limit.quota)

    async def look(self, limit: Limit, client: str) -> Standing:
        """Where ``client`` is, without counting a request."""
        window_no, elapsed_s = divmod(time.time(), limit.window_s)
        try:
            taken = await self._redis.call("GET", f"limit:{limit.name}:{client}:{int(window_no)}")
        except Unavailable:
            return untouched(limit)
        count = int(taken or 0)
        reset_s = limit.window_s - int(elapsed_s)
        return Standing(limit, max(0, limit.quota - count), reset_s, count > limit.quota)


def untouched(limit: Limit) -> Standing:
    """The standing of a client that is not counted."""
    return Standing(limit, limit.quota, limit.window_s)
