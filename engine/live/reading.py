"""Reads the present state: maps, free places, claimed seats, and which events are open."""

import time
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from engine.base.errors import Unavailable
from engine.base.model import EventStatus, SeatState
from engine.catalog.catalog import Catalog
from engine.live import scripts
from engine.live.codec import PUBLIC_DIGITS, decode_prices
from engine.live.prices import EventPricing, Price, decode_pricing, price_list
from engine.live.rebuilding import Rebuilding
from engine.live.running import Running
from engine.stores.postgres import Postgres

#: ``seen_from`` of a network without limits.
UNLIMITED: Final = "-"
#: How long answers that many clients ask for are cached.
_FRESH_S: Final = 1.0


class Snapshot(Struct, frozen=True):
    """The data of a map at one instant: ``states`` are public digits, one per seat."""

    event_id: str
    epoch: int
    seq: int
    status: str
    states: bytes
    areas: dict[int, int]
    prices: list[Price]
    pricing: EventPricing = EventPricing()


class Reading:
    """Reads only, except that a missing or damaged state is rebuilt first."""

    def __init__(
        self, postgres: Postgres, catalog: Catalog, running: Running, rebuilding: Rebuilding
    ) -> None:
        self._pg = postgres
        self._catalog = catalog
        self._running = running
        self._rebuilding = rebuilding
        self._standing: dict[str, tuple[float, tuple[int, int | None]]] = {}
        self._open_events: list[str] = []
        self._open_events_read = float("-inf")
        self._names: dict[str, tuple[str, tuple[str, ...]]] = {}

    async def snapshot(self, event_id: str, *, seen_from: str = "") -> Snapshot:
        """Everything a map shows, as of one instant. Raises as ``Running.run``.

        ``seen_from``: the network of the buyer, ``UNLIMITED`` for one without limits; empty: our own reading.
        """
        try:
            return await self._snapshot(event_id, seen_from)
        except (ValueError, msgspec.DecodeError):
            if not await self._rebuilding.heal(event_id):
                raise
        return await self._snapshot(event_id, seen_from)

    async def _snapshot(self, event_id: str, seen_from: str) -> Snapshot:
        shown = await scripts.snapshot(self._running.run, event_id, seen_from)
        currency, names = await self._price_names(event_id)
        return Snapshot(
            event_id=event_id,
            epoch=shown.epoch,
            seq=shown.seq,
            status=EventStatus(shown.status).value,
            states=shown.digits.translate(PUBLIC_DIGITS),
            areas=shown.areas,
            prices=price_list(names, currency, shown.prices, shown.pricing),
            pricing=decode_pricing(shown.pricing),
        )

    async def _price_names(self, event_id: str) -> tuple[str, tuple[str, ...]]:
        """The currency and the categories' names. They are fixed once an event is published; two stores
        have them, and maps open when either is away.
        """
        known = self._names.get(event_id)
        if known is None:
            try:
                terms = await self._pg.fetchrow("inventory.event_terms", event_id)
                rows = await self._pg.fetch("inventory.prices", event_id)
                assert terms is not None
                known = terms["currency"], tuple(row["name"] for row in rows)
            except Unavailable:
                facts = await self._catalog.facts(event_id)
                known = facts.currency, tuple(c.name for c in facts.layout.categories)
            self._names[event_id] = known
        return known

    async def standing(self, event_id: str) -> tuple[int, int | None]:
        """Places free right now, seats and areas together, and the lowest price in force (minor
        units; None without categories), at most a second old. Raises as ``Running.run``.
        """
        known = self._standing.get(event_id)
        now = time.monotonic()
        if known is not None and now - known[0] < _FRESH_S:
            return known[1]
        shown = await scripts.snapshot(self._running.run, event_id)
        free = shown.digits.count(b"%d" % SeatState.FREE)
        free += sum(max(0, places) for places in shown.areas.values())
        standing = (free, min(decode_prices(shown.prices), default=None))
        self._standing[event_id] = (now, standing)
        return standing

    async def claimed(self, event_id: str, seat_nos: Sequence[int]) -> set[int]:
        """Those of the seats that a hold or an open offer claims now. Raises as ``Running.run``."""
        owners = await self._running.read(event_id, "HMGET", "owners", *seat_nos)
        return {n for n, owner in zip(seat_nos, owners, strict=True) if owner is not None}

    async def network_share(self, event_id: str) -> float:
        """The share of the house held by the network with most unpaid places. Raises as ``Running.run``."""
        share = await scripts.networks(self._running.run, event_id)
        return share.places / share.house if share.house else 0.0

    async def open_events(self) -> list[str]:
        """Events on sale or paused, at most a second old; the last known ones while PostgreSQL is away.

        Raises Unavailable when none are known.
        """
        now = time.monotonic()
        if now - self._open_events_read >= _FRESH_S:
            try:
                rows = await self._pg.fetch("inventory.open_events")
            except Unavailable:
                if not self._open_events:
                    raise
            else:
                self._open_events = [row["event_id"] for row in rows]
                self._open_events_read = now
        return self._open_events
