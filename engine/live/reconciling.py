"""Compares Redis with PostgreSQL, and corrects Redis."""

from collections.abc import Sequence

import asyncpg
import structlog
from msgspec import Struct

from engine.base import metrics
from engine.live import scripts
from engine.live.codec import any_larger, disagreements, encode_facts, seat_facts
from engine.live.keys import area_field
from engine.live.open_offers import OpenOffers
from engine.live.pointers import point_to_event
from engine.live.rebuilding import Rebuilding
from engine.live.running import Running
from engine.live.scripts import Settlement
from engine.live.settling import Settling
from engine.live.truth import pending_arguments
from engine.live.waiting_line import renew_line
from engine.stores.postgres import Postgres
from engine.stores.redis import RedisStore

log = structlog.get_logger(__name__)


class _Known(Struct, frozen=True):
    """The versions in Redis."""

    #: Packed, one per seat.
    seats: bytes
    #: As text, by area number.
    areas: list[bytes | None]

    def is_ahead(self, seats: bytes, areas: Sequence[asyncpg.Record]) -> bool:
        """Whether any of them is larger than PostgreSQL's, read later."""
        pairs = zip(self.areas, areas, strict=False)
        return any(int(version or 0) > row["version"] for version, row in pairs) or any_larger(
            self.seats, seats
        )


class Reconciling:
    """Makes one event in Redis equal to PostgreSQL."""

    def __init__(
        self,
        *,
        postgres: Postgres,
        redis: RedisStore,
        running: Running,
        rebuilding: Rebuilding,
        settling: Settling,
        offers: OpenOffers,
    ) -> None:
        self._pg = postgres
        self._redis = redis
        self._running = running
        self._rebuilding = rebuilding
        self._settling = settling
        self._offers = offers
        #: Events whose waitlist in Redis differed from PostgreSQL's at the last comparison.
        self._doubted: set[str] = set()

    async def reconcile(self, event_id: str) -> int:
        """Compare Redis with PostgreSQL, correct Redis, and return the number of corrections.

        Seats with a lasting state (sold, blocked, reserved) must show it; an available seat may be held
        for a moment. A fact that changed while we compared is newer than ours and wins by its version.
        A state that is damaged, or ahead of PostgreSQL, is rebuilt. Raises as ``Running.run``.
        """
        corrected = int(await self._rebuilding.heal(event_id))
        await self._settling.refresh_terms(event_id)
        # Before any seat is freed: if somebody waits, it goes to the waitlist.
        corrected += await self._check_line(event_id)
        recounted = await scripts.recount(self._running.run, event_id)
        corrected += recounted.corrected
        settled = await self._settle_places(event_id)
        if settled is None:
            log.error("Redis is ahead of PostgreSQL", event_id=event_id)
            return corrected + int(await self._rebuilding.distrust(event_id, "generation"))
        corrected += settled
        corrected += await self._adopt(event_id)
        corrected += await self._offers.adopt(event_id)
        corrected += await self._offers.end(event_id, recounted.offer_ids)
        metrics.REPAIRS.inc(corrected)
        return corrected

    async def _settle_places(self, event_id: str) -> int | None:
        """Correct seats and areas; returns how many. None: Redis is ahead of PostgreSQL."""
        # Read before PostgreSQL: a state that is then still ahead of PostgreSQL is of a future that was lost.
        known = await self._known_versions(event_id)
        async with self._pg.transaction("repeatable_read", long=True) as truth:
            seats = await truth.fetchrow("inventory.seat_truth", event_id)
            areas = await truth.fetch("inventory.area_truth", event_id)
        assert seats is not None
        if known.is_ahead(seats["versions"], areas):
            return None
        shown = await self._running.read(event_id, "GET", "seats") or b""
        wrong = disagreements(seats["digits"].encode(), shown)
        settlement = Settlement(
            seats=encode_facts(seat_facts(wrong, seats["digits"], seats["versions"])),
            areas=encode_facts((a["area_no"], a["sold"], a["version"]) for a in areas),
        )
        return await self._settling.settle(event_id, settlement, force=True)

    async def _known_versions(self, event_id: str) -> _Known:
        count = int(await self._running.read(event_id, "HGET", "meta", "area_count") or 0)
        fields = [area_field(no, "version") for no in range(count)]
        areas = await self._running.read(event_id, "HMGET", "areas", *fields) if fields else []
        return _Known(await self._running.read(event_id, "GET", "versions") or b"", areas)

    async def _check_line(self, event_id: str) -> int:
        """Renew the waitlist in Redis when Redis does not know that anybody waits, or when its count differs
        from PostgreSQL's twice in a row: while people join, the two never count at the same moment.
        """
        waiting = await self._pg.fetchval("waitlist.waiting", event_id)
        known = await scripts.rank(self._running.run, event_id)
        marked = await self._running.read(event_id, "HGET", "meta", "waiting")
        agrees, doubted = waiting == known.waiting, event_id in self._doubted
        self._doubted.discard(event_id)
        if marked == b"1" or not waiting:
            if agrees:
                return 0
            if not doubted:
                self._doubted.add(event_id)
                return 0
        await renew_line(self._redis, event_id, self._pg)
        return 1

    async def _adopt(self, event_id: str) -> int:
        """Load the holds of pending bookings that Redis has lost. Returns how many."""
        pending = await self._pg.fetch("inventory.pending_truth", event_id)
        if not pending:
            return 0
        prices = [row["amount_minor"] for row in await self._pg.fetch("inventory.prices", event_id)]
        arguments = pending_arguments(pending, prices)
        adopted = await scripts.adopt(self._running.run, event_id, arguments)
        if not adopted:
            return 0
        await point_to_event(self._redis, adopted, event_id)
        rows = await self._pg.fetch("inventory.pending_truth", event_id)
        # Bookings that ended between the two readings are settled already, and nobody will settle them again.
        for hold_id in set(adopted) - {row["hold_id"] for row in rows}:
            await self._settling.settle(event_id, Settlement(hold_id=hold_id, outcome="expired"))
        return len(adopted)
