"""How many people watch an event, counted by every gateway and added up in Redis."""

from engine.base.model import new_id
from engine.live.keys import base_key
from engine.stores.redis import RedisStore


class WatcherCounts:
    def __init__(self, redis: RedisStore) -> None:
        self._redis = redis
        #: This process's name among those that report.
        self.process = new_id()

    async def report(self, event_id: str, watching: int) -> int:
        """Say how many watch here; returns how many watch anywhere. Raises Unavailable.

        To be said again every second: who is not heard for some seconds is left out.
        """
        base = base_key(event_id)
        _, everywhere = await self._redis.run("watchers", base, self.process, watching)
        return int(everywhere)

    async def watching(self, event_id: str) -> int:
        """How many watch, for a process that serves no watchers itself. Raises Unavailable."""
        return await self.report(event_id, 0)
