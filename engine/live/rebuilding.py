"""Loading an event's state from PostgreSQL when Redis has lost it, or when it is not trusted.

Redis may lose its data, whole or in part. The next touch of an event finds no state, or a script fails on
the rest, or the worker's check finds an inconsistency. Then the event's lock in PostgreSQL is taken, the
truth is read in one snapshot and loaded under a larger epoch, with all live holds whose places are free
by it; calls that touch the event meanwhile wait for that and then go on. Every fact carries PostgreSQL's
version of the row, so an older fact never overwrites a newer one, in whichever order they arrive.
"""

import asyncio
import time
import uuid
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import asyncpg
import structlog

from engine.base import deadline, metrics
from engine.base.errors import Contended
from engine.catalog.catalog import event_not_found
from engine.live.checking import Checking
from engine.live.keys import Part, base_key, distrusted, event_of_part, hold_key, part_key
from engine.live.pointers import point_to_event
from engine.live.scripts import Loaded, read_loaded
from engine.live.truth import load_arguments
from engine.live.waiting_line import renew_line
from engine.stores.pipeline import Argument
from engine.stores.postgres import Postgres, Transaction
from engine.stores.redis import RedisStore

log = structlog.get_logger(__name__)

#: Why a state is rebuilt: it is missing; it is not whole; PostgreSQL or Redis was replaced or restored;
#: an audit found a violation; an operator asked.
Cause: TypeAlias = Literal["missing", "damaged", "generation", "invariant", "asked"]
#: Least time between two rebuilds because of audits: an audit may be wrong, or a rebuild may not help.
_DISTRUST_S: Final = 60
_SCAN_PAGE: Final = 5000
#: The keys of an event that lead to its holds.
_PARTS: Final[tuple[Part, ...]] = ("meta", "seats", "owners", "areas", "buyers", "due", "line")


def being_rebuilt() -> Contended:
    """The refusal of a caller that would have to wait for too long."""
    return Contended("The event's state is being rebuilt; try again shortly.", retry_after_s=1)


class Rebuilding:
    """Rebuilds states, once per process and event however many callers ask. All methods raise Unavailable."""

    def __init__(self, postgres: Postgres, redis: RedisStore, checking: Checking) -> None:
        self._pg = postgres
        self._redis = redis
        self._checking = checking
        self._rebuilding: dict[str, asyncio.Task[Loaded]] = {}
        # A rebuild takes two connections at once: if all were taken as first ones, no rebuild could go on.
        self._slots = asyncio.Semaphore(max(1, postgres.size // 4))

    async def rebuild(self, event_id: str, *, cause: Cause = "damaged") -> Loaded:
        """Load the event's state from PostgreSQL. Live holds stay if their places are free.

        ``damaged``: only if it is missing or not whole. Raises NotFound, Contended.
        """
        task = self._rebuilding.get(event_id)
        if task is not None and cause != "damaged":
            # The running rebuild may be a conditional one, or may have begun too early.
            await asyncio.wait([task])
            return await self.rebuild(event_id, cause=cause)
        if task is None:
            task = asyncio.create_task(self._rebuild(event_id, cause), name=f"rebuild:{event_id}")
            self._rebuilding[event_id] = task
            task.add_done_callback(lambda done: self._rebuilt(event_id, done))
        return await deadline.within(asyncio.shield(task))

    async def heal(self, event_id: str) -> bool:
        """Rebuild the event's state if it is damaged or missing. Returns whether it was.

        Raises NotFound, Contended.
        """
        if await self._checking.check(event_id) is None:
            return False
        await self.rebuild(event_id)
        return True

    async def distrust(self, event_id: str, cause: Cause) -> bool:
        """Rebuild a state that looks whole but was found wrong. False: it was rebuilt for that a moment ago,
        and another rebuild would not help either.

        Raises NotFound, Contended.
        """
        lease = distrusted(event_id)
        if not await self._redis.call("SET", lease, cause, "NX", "EX", _DISTRUST_S):
            return False
        await self.rebuild(event_id, cause=cause)
        return True

    async def close(self, event_id: str) -> None:
        """Let the event's next touch rebuild its state, under a larger epoch than any map has seen.

        Raises NotFound.
        """
        known = await self._checking.known_epoch(event_id)
        row = await self._pg.fetchrow("inventory.raise_epoch", event_id, known, event_id=event_id)
        if row is None:
            raise event_not_found(event_id)
        await self._redis.call("DEL", part_key(event_id, "meta"))

    async def forget(self, event_id: str) -> None:
        """Remove all keys of an event that PostgreSQL does not know."""
        await self._find_holds(event_id)
        found = part_key(event_id, "found")
        ids = await self._redis.call("SMEMBERS", found)
        keys = [part_key(event_id, part) for part in (*_PARTS, "versions")]
        holds = (hold_key(event_id, hold_id.decode()) for hold_id in ids)
        await self._redis.call("DEL", *keys, found, *holds)

    async def known_events(self) -> set[str]:
        """Events with a state in Redis."""
        found: set[str] = set()
        cursor = b"0"
        while True:
            cursor, keys = await self._redis.call(
                "SCAN", cursor, "MATCH", part_key("*", "meta"), "COUNT", _SCAN_PAGE
            )
            found |= {event_of_part(key) for key in keys}
            if cursor == b"0":
                return {event_id for event_id in found if _is_id(event_id)}

    def _rebuilt(self, event_id: str, task: "asyncio.Task[Loaded]") -> None:
        del self._rebuilding[event_id]
        if not task.cancelled():
            # Waiting callers get the failure; when all have gone, nobody is left to get it.
            task.exception()

    async def _rebuild(self, event_id: str, cause: Cause) -> Loaded:
        deadline.forget()
        started = time.perf_counter()
        # The row lock of next_epoch is the lock among processes: it is held until the state is loaded,
        # and a process that waited for it finds the state loaded.
        async with (
            self._slots,
            self._pg.transaction(event_id=event_id, long=True) as lock,
        ):
            epoch = await self._next_epoch(lock, event_id)
            what = await self._checking.check(event_id)
            if what is None and cause == "damaged":
                return Loaded(0, 0)
            loaded = await self._load(lock, event_id, epoch)
        if cause == "damaged" and what == "missing":
            cause = "missing"
        metrics.REBUILDS.labels(cause).inc()
        metrics.REBUILD_SECONDS.observe(time.perf_counter() - started)
        if cause != "missing":
            log.warning(
                "state in Redis rebuilt",
                event_id=event_id,
                cause=cause,
                what=what,
                holds_kept=loaded.holds_kept,
                holds_lost=loaded.holds_lost,
            )
        return loaded

    async def _next_epoch(self, lock: Transaction, event_id: str) -> int:
        known = await self._checking.known_epoch(event_id)
        row = await lock.fetchrow("inventory.next_epoch", event_id, known)
        if row is None:
            raise event_not_found(event_id)
        return int(row["epoch"])

    async def _load(self, lock: Transaction, event_id: str, epoch: int) -> Loaded:
        await self._find_holds(event_id)
        async with self._pg.transaction("repeatable_read", long=True) as truth:
            # A round of the waitlist that claimed seats in the lost Redis commits first. Its lock is taken
            # once we have all connections that we need: otherwise a caller with the last connections could
            # wait for the next round, and that round for us.
            await lock.fetch("waitlist.share_line", event_id)
            # Later commits find no state; they are settled in the one that is loaded now.
            await self._redis.call("DEL", part_key(event_id, "meta"))
            pending = await truth.fetch("inventory.pending_truth", event_id)
            offers = await truth.fetch("waitlist.offer_truth", event_id)
            arguments = await load_arguments(truth, event_id, epoch, pending=pending, offers=offers)
        loaded = await self._run_load(event_id, arguments)
        await point_to_event(self._redis, _claim_ids(pending, offers), event_id)
        await renew_line(self._redis, event_id, lock)
        return loaded

    async def _run_load(self, event_id: str, arguments: Sequence[Argument]) -> Loaded:
        """Run ``load.lua``. Raises Contended when another process has loaded a larger epoch since: the state
        is then not the one read here.
        """
        loaded = read_loaded(await self._redis.run("load", base_key(event_id), *arguments))
        if loaded is None:
            raise being_rebuilt()
        return loaded

    async def _find_holds(self, event_id: str) -> None:
        """List all holds in Redis of an event whose other keys may not lead to them any more."""
        found = part_key(event_id, "found")
        await self._redis.call("DEL", found)
        if not await self._redis.call("EXISTS", *(part_key(event_id, part) for part in _PARTS)):
            return
        prefix, cursor = hold_key(event_id, ""), b"0"
        while True:
            cursor, keys = await self._redis.call(
                "SCAN", cursor, "MATCH", prefix + "*", "COUNT", _SCAN_PAGE
            )
            if keys:
                await self._redis.call("SADD", found, *(key[len(prefix) :] for key in keys))
            if cursor == b"0":
                return


def _claim_ids(pending: Sequence[asyncpg.Record], offers: Sequence[asyncpg.Record]) -> list[str]:
    return [b["hold_id"] for b in pending] + [offer["offer_id"] for offer in offers]


def _is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
