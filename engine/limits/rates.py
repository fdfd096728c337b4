"""Rate limits of one client's requests, counted in Redis so that all processes share the count.

While Redis is away or full each process counts for itself, so that no limit is ever off: otherwise
an attacker who can fill or stop Redis could try passwords without end.
"""

import asyncio
import time

from msgspec import Struct

from engine.base.caching import Bounded
from engine.base.errors import Unavailable
from engine.stores.pipeline import CommandFailed
from engine.stores.redis import RedisStore

#: The Redis key with the latest doubt about forwarded requests; `frontrow doctor` reads it.
PROXY_DOUBT = "doubt:proxy"
PROXY_DOUBT_TTL_S = 24 * 3600


class RateLimit(Struct, frozen=True):
    """``quota`` requests in every window of ``window_s`` seconds. ``name`` is public and stable."""

    name: str
    quota: int
    window_s: int = 60


class Standing(Struct, frozen=True):
    """A client's remaining requests until the window resets, ``reset_s`` seconds from now."""

    limit: RateLimit
    remaining: int
    reset_s: int
    exceeded: bool = False


class LocalCount:
    """Counts of this process alone, of at most ``names_max`` names; the least recently used is dropped first."""

    def __init__(self, names_max: int = 50_000) -> None:
        self._counts: Bounded[str, int] = Bounded(names_max)

    def add(self, name: str) -> int:
        """Count one more. Returns the count."""
        count = self._counts[name] = self.read(name) + 1
        return count

    def read(self, name: str) -> int:
        """The count so far."""
        return self._counts.get(name, 0)


class RateLimits:
    def __init__(self, redis: RedisStore) -> None:
        self._redis = redis
        self._local = LocalCount()

    async def take(self, limit: RateLimit, client: str) -> Standing:
        """Count one request of ``client``: in Redis, or in this process while Redis accepts no counts."""
        window_no, elapsed_s = divmod(time.time(), limit.window_s)
        reset_s = limit.window_s - int(elapsed_s)
        name = f"limit:{limit.name}:{client}:{int(window_no)}"
        try:
            taken, _ = await asyncio.gather(
                self._redis.call("INCR", name),
                self._redis.call("EXPIRE", name, limit.window_s + 1),
            )
        except (Unavailable, CommandFailed):
            taken = self._local.add(name)
        return Standing(limit, max(0, limit.quota - taken), reset_s, taken > limit.quota)

    async def look(self, limit: RateLimit, client: str) -> Standing:
        """The standing of ``client``, without counting a request."""
        window_no, elapsed_s = divmod(time.time(), limit.window_s)
        name = f"limit:{limit.name}:{client}:{int(window_no)}"
        try:
            count = int(await self._redis.call("GET", name) or 0)
        except (Unavailable, CommandFailed):
            count = self._local.read(name)
        reset_s = limit.window_s - int(elapsed_s)
        return Standing(limit, max(0, limit.quota - count), reset_s, count > limit.quota)


def untouched(limit: RateLimit) -> Standing:
    """The standing of a client without limits."""
    return Standing(limit, limit.quota, limit.window_s)
