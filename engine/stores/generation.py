"""Whether PostgreSQL and Redis are those that they were: a store may come back with another past.

PostgreSQL sets a mark in every second in which anything is written (``sql/functions/beat_generation.sql``), and
Redis keeps the latest mark that a worker has seen. A database without it is another one, or was restored
to an earlier moment: what Redis shows is of a future that never came. A Redis that was restarted or
replaced may have lost its last writes. Either way the states of all events are rebuilt. A promotion that
lost nothing has the mark; what it may have lost since that is found by comparing versions
(``engine.live.reconciling``), and only where it is found is anything rebuilt.

Every process looks at each new connection to PostgreSQL: a server on an older timeline than the highest that
was seen is a primary that was replaced, and does not know it.
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
#: A new connection waits no longer for Redis's word: without it, this process's own memory counts.
_ASK_TIMEOUT_S: Final = 0.5
_TELL_INTERVAL_S: Final = 5.0
#: More than a bigint has of them is nobody's number.
_DIGITS_MAX: Final = 19


class Verdict(StrEnum):
    SAME = "same"
    #: The same history on a server that was promoted or started anew: what Redis knows is to be compared.
    RESTARTED = "restarted"
    #: Another database, or this one at an earlier moment.
    ANOTHER_DATABASE = "another database"
    #: Redis was started anew, or is another server.
    ANOTHER_REDIS = "another Redis"


class Remembered(Struct, frozen=True, kw_only=True):
    """What Redis remembers. ``compared``: the server with which all events were compared last."""

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
        #: Whatever server answers is meant.
        self.trusts_any = False
        self._told_at = float("-inf")
        #: What ``look`` has found, for ``accept`` to remember.
        self._found = Remembered()

    # Each new connection

    async def refuse_older(self, connection: "Connection") -> None:
        """Raises Unavailable for a server that another one has replaced."""
        if self.trusts_any:
            return
        try:
            row = await connection.fetchrow(self._pg.query("generation.sign"))
        except (asyncpg.UndefinedFunctionError, asyncpg.InsufficientPrivilegeError):
            return  # The schema is about to be brought up to date, or has to be: whoever needs it says so.
        if row is None or row["timeline"] is None:
            return  # A standby: it writes nothing, and says so.
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
        """The highest timeline of a system is known to all at once; another system is for a worker to judge."""
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

    # The worker's look

    async def look(self) -> Verdict:
        """Compare both stores with what was seen of them. Raises Unavailable.

        Where it is not the same, the caller puts the events right and then calls ``accept``.
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
        """Remember both stores as they were found. Raises Unavailable."""
        found = self._found
        fields = {name: getattr(found, name) for name in found.__struct_fields__}
        await self._redis.call("HSET", _KEY, *(part for pair in fields.items() for part in pair))
        self._seen = found

    async def _read(self) -> Remembered:
        try:
            values = await self._redis.call("HMGET", _KEY, *Remembered.__struct_fields__)
        except CommandFailed:
            # Something else stands there: nothing is known, and it must not stay so.
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
        return Verdict.SAME  # Redis is empty, and so is whatever it knew.
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
