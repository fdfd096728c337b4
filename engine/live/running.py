"""Running scripts on an event whose state may be missing or damaged."""

from typing import Any, Final

from engine.live.checking import Checking
from engine.live.keys import Part, base_key, part_key
from engine.live.rebuilding import Rebuilding, being_rebuilt
from engine.stores.pipeline import Argument, CommandFailed
from engine.stores.redis import RedisStore

#: Retries of a script while another process loads the state.
_REBUILD_ATTEMPTS: Final = 3


class NeedsRebuild(Exception):
    """The event's state is missing or damaged, and the caller holds locks that a rebuild waits for."""


class Running:
    """Runs scripts and plain commands on events; a missing or damaged state is rebuilt first."""

    def __init__(self, redis: RedisStore, checking: Checking, rebuilding: Rebuilding) -> None:
        self._redis = redis
        self._checking = checking
        self._rebuilding = rebuilding

    async def run(self, script: str, event_id: str, /, *args: Argument) -> list[Any]:
        """Run a script on an event, after rebuilding the event's state if it is missing or damaged.

        Raises NotFound for an event that was never published, Contended while others rebuild it, Unavailable
        when a store is away, CommandFailed when the script fails on a whole state: a fault of ours.
        """
        for _ in range(_REBUILD_ATTEMPTS):
            try:
                return await self.run_without_rebuild(script, event_id, *args)
            except NeedsRebuild:
                await self._rebuilding.rebuild(event_id)
        raise being_rebuilt()

    async def run_without_rebuild(
        self, script: str, event_id: str, /, *args: Argument
    ) -> list[Any]:
        """As ``run``, for callers that hold the event's waitlist lock or a lock on a row of it in PostgreSQL: a
        rebuild would wait for these locks for ever. Raises NeedsRebuild: release the locks, rebuild, retry.
        """
        try:
            reply = await self._redis.run(script, base_key(event_id), *args)
        except CommandFailed as error:
            if not await self._checking.explains(event_id, error):
                raise
            raise NeedsRebuild from error
        if reply[0] == b"rebuild":
            raise NeedsRebuild
        return reply

    async def read(self, event_id: str, command: str, part: Part, *args: Argument) -> Any:
        """Run one plain command that reads a key of the event; if it fails, again after healing. Raises as ``run``."""
        key = part_key(event_id, part)
        try:
            return await self._redis.call(command, key, *args)
        except CommandFailed:
            if not await self._rebuilding.heal(event_id):
                raise
        return await self._redis.call(command, key, *args)
