"""How many people watch an event, counted by every gateway and added up in Redis."""

from engine.base.model import new_id
from engine.live.keys import base_key
from engine.stores.redis import RedisStore


class WatcherCounts:
    def __init__(self, redis: RedisStore) -> None:
        self._redis = redis
        #: This process's name among the reporting ones.
        self.process = new_id()

    async def report(self, event_id: str, watching: int) -> int:
        """Report the number of watchers here; returns the number of all watchers. Raises Unavailable.

        Must be repeated every second: a process that has not reported for some seconds is left out.
        """
        base = base_key(event_id)
        _, everywhere = await self._redis.run("watchers", base, self.process, watching)
        return int(everywhere)

    async def watching(self, event_id: str) -> int:
        """The number of all watchers, for a process that serves none itself. Raises Unavailable."""
        return await self.report(event_id, 0)
