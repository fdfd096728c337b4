"""The waitlist's open offers in Redis, as PostgreSQL has them: each is a claim on its places."""

from collections.abc import Sequence

import asyncpg

from engine.base.model import ms_from_utc
from engine.live import hold_scripts, scripts
from engine.live.pointers import point_to_event
from engine.live.running import Running
from engine.live.truth import offer_arguments
from engine.stores.postgres import Postgres
from engine.stores.redis import RedisStore


class OpenOffers:
    """Loads offers into Redis and ends them there. All raise as ``Running.run``."""

    def __init__(self, postgres: Postgres, redis: RedisStore, running: Running) -> None:
        self._pg = postgres
        self._redis = redis
        self._running = running

    async def load(self, event_id: str, offer_ids: Sequence[str]) -> None:
        """Give open offers their seats and deadlines as PostgreSQL has them, and notify their people."""
        rows = await self._pg.fetch("waitlist.offers_to_lay", event_id, offer_ids)
        await self._load(event_id, rows)

    async def adopt(self, event_id: str) -> int:
        """Load offers that Redis has lost or never had. Returns how many."""
        rows = await self._pg.fetch("waitlist.offer_truth", event_id)
        return await self._load(event_id, rows)

    async def _load(self, event_id: str, rows: Sequence[asyncpg.Record]) -> int:
        if not rows:
            return 0
        await point_to_event(self._redis, (row["offer_id"] for row in rows), event_id)
        return await scripts.load_offers(self._running.run, event_id, offer_arguments(rows))

    async def end(self, event_id: str, offer_ids: Sequence[str]) -> int:
        """End offers in Redis that ended in PostgreSQL while Redis was away; returns how many.

        Offers that PostgreSQL does not know are left: a round may be about to commit them.
        """
        if not offer_ids:
            return 0
        rows = await self._pg.fetch("waitlist.ended_offers", event_id, offer_ids)
        for row in rows:
            await self._end(event_id, row)
        return len(rows)

    async def _end(self, event_id: str, row: asyncpg.Record) -> None:
        if row["status"] != "used":
            await scripts.end_offer(self._running.run, event_id, row["offer_id"], row["status"])
            return
        # It may have been accepted since, and is then not taken back.
        await hold_scripts.accept(
            self._running.run,
            event_id,
            hold_scripts.Acceptance(
                offer_id=row["offer_id"],
                person_id=row["person_id"],
                expires_ms=ms_from_utc(row["hold_expires_at"]),
                holder_id=row["holder_id"],
                only_first=True,
            ),
        )
