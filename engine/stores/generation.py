"""Detects whether PostgreSQL or Redis was replaced or restored: a store may come back with another history.

PostgreSQL sets a mark in every second with a write (``sql/functions/beat_generation.sql``), and Redis
keeps the latest mark that a worker has seen. A database without that mark is another one, or was
restored to an earlier moment: Redis then shows a future that was lost. A Redis that was restarted or
replaced may have lost its last writes. In both cases the states of all events are rebuilt. A server promoted
without loss has the mark; losses after the mark are found by comparing versions
(``engine.live.reconciling``), and only the events concerned are rebuilt.

Every process checks each new connection to PostgreSQL: a server on an older timeline than the highest one
seen is a former primary that was replaced and does not know it.
"""

import asyncio
import time
import uuid
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import structlog
from msgspec import Struct

from engine.base import metrics
from engine.base.errors import Unavailable
from engine.stores.pipeline import CommandFailed
from engine.stores.postgres import Postgres
from engine.stores.redis import RedisStore

if TYPE_CHECKING:
    from engine.stores.postgres import Connection

log = structlog.get_logger(__name__)

_KEY: Final = "frontrow:generation"
#: How long a new connection waits for Redis's record; without it this process's own record decides.
_ASK_TIMEOUT_S: Final = 0.5
_TELL_INTERVAL_S: Final = 5.0
#: The most digits of a bigint; a longer number is damaged.
_DIGITS_MAX: Final = 19


class Verdict(StrEnum):
    SAME = "same"
    #: The same history on a server that was promoted or restarted: Redis must be compared.
    RESTARTED = "restarted"
    #: Another database, or this one restored to an earlier moment.
    ANOTHER_DATABASE = "another database"
    #: Redis was restarted, or is another server.
    ANOTHER_REDIS = "another Redis"


class Remembered(Struct, frozen=True, kw_only=True):
    """The record in Redis. ``compared``: the server with which all events were compared last."""

    system_id: str = ""
    timeline: int = 0
    counter: int = 0
    mark: str = ""
    compared: str = ""
    redis_run: str = ""


class Generation:
    def __init__(self, postgres: Postgres, redis: RedisStore) -> None:
        self._pg = postgres
        self._redis = redis
        self._seen = Remembered()
        #: Accept whichever server answers.
        self.trusts_any = False
        self._told_at = float("-inf")
        #: The findings of ``look``, which ``accept`` records.
        self._found = Remembered()

    # Each new connection

    async def refuse_older(self, connection: "Connection") -> None:
        """Raises Unavailable for a server that was replaced by another one."""
        if self.trusts_any:
            return
        try:
            row = await connection.fetchrow(self._pg.query("generation.sign"))
        except (asyncpg.UndefinedFunctionError, asyncpg.InsufficientPrivilegeError):
            return  # The schema is being migrated, or must be: the calls that need it report that.
        if row is None or row["timeline"] is None:
            return  # A standby: it refuses writes itself.
        seen = await self._highest()
        if row["system_id"] == seen.system_id and row["timeline"] < seen.timeline:
            self._refuse(row["timeline"], seen.timeline)
        if (row["system_id"], row["timeline"]) != (seen.system_id, seen.timeline):
            await self._note_timeline(row, seen)

    async def _highest(self) -> Remembered:
        try:
            async with asyncio.timeout(_ASK_TIMEOUT_S):
                known = await self._read()
        except (Unavailable, TimeoutError):
            return self._seen
        if known.system_id:
            self._seen = known
        return self._seen

    async def _note_timeline(self, row: Any, seen: Remembered) -> None:
        """Publish a system's highest timeline to all processes at once; another system is judged by a worker."""
        self._seen = Remembered(system_id=row["system_id"], timeline=row["timeline"])
        if row["system_id"] == seen.system_id:
            try:
                async with asyncio.timeout(_ASK_TIMEOUT_S):
                    await self._redis.call("HSET", _KEY, "timeline", row["timeline"])
            except (Unavailable, TimeoutError, CommandFailed):
                return

    def _refuse(self, timeline: int, highest: int) -> None:
        metrics.SERVERS_REFUSED.inc()
        now = time.monotonic()
        if now - self._told_at >= _TELL_INTERVAL_S:
            self._told_at = now
            log.error("PostgreSQL refused: it was replaced", timeline=timeline, highest=highest)
        raise Unavailable("PostgreSQL is not reachable; try again shortly.")

    # The worker's check

    async def look(self) -> Verdict:
        """Compare both stores with the record of them. Raises Unavailable.

        If they differ, the caller corrects the events and then calls ``accept``.
        """
        seen = await self._read()
        run = await self._redis_run()
        row = await self._pg.fetchrow("generation.beat", seen.counter or None, seen.mark or None)
        assert row is not None
        self._found = Remembered(
            system_id=row["system_id"],
            timeline=row["timeline"] or seen.timeline,
            counter=row["counter"],
            mark=row["mark"],
            compared=f"{row['timeline']} {row['started_at']}",
            redis_run=run,
        )
        verdict = _judge(seen, self._found, knows=row["knows"])
        if verdict == Verdict.SAME:
            await self.accept()
        return verdict

    async def accept(self) -> None:
        """Record both stores as ``look`` found them. Raises Unavailable."""
        found = self._found
        fields = {name: getattr(found, name) for name in found.__struct_fields__}
        await self._redis.call("HSET", _KEY, *(part for pair in fields.items() for part in pair))
        self._seen = found

    async def _read(self) -> Remembered:
        try:
            values = await self._redis.call("HMGET", _KEY, *Remembered.__struct_fields__)
        except CommandFailed:
            # The record is damaged: it counts as empty, and is replaced.
            await self._redis.call("DEL", _KEY)
            return Remembered()
        texts = [(value or b"").decode(errors="replace") for value in values]
        system_id, timeline, counter, mark, compared, run = texts
        return Remembered(
            system_id=system_id,
            timeline=_number(timeline),
            counter=_number(counter),
            mark=_mark(mark),
            compared=compared,
            redis_run=run,
        )

    async def _redis_run(self) -> str:
        info: bytes = await self._redis.call("INFO", "server")
        _, _, rest = info.partition(b"run_id:")
        return rest.split(b"\r\n", 1)[0].decode()


def _judge(seen: Remembered, found: Remembered, *, knows: bool | None) -> Verdict:
    if not seen.system_id:
        return Verdict.SAME  # Redis is empty, so there is nothing to correct.
    if found.system_id != seen.system_id or not knows:
        return Verdict.ANOTHER_DATABASE
    if found.redis_run != seen.redis_run:
        return Verdict.ANOTHER_REDIS
    return Verdict.SAME if found.compared == seen.compared else Verdict.RESTARTED


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < _DIGITS_MAX else 0


def _mark(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return ""
