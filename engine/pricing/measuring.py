"""Measures the signals of an event's categories: sales, holds, watcher counts, the waitlist."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import UTC, datetime
from functools import partial
from typing import Final

from msgspec import Struct

from engine.base.caching import SingleFlight
from engine.base.errors import Unavailable
from engine.base.model import SeatState
from engine.catalog.catalog import Catalog
from engine.layout import Layout
from engine.live.codec import seats_showing
from engine.live.keys import area_field, part_key
from engine.live.watcher_counts import WatcherCounts
from engine.pricing.decision import Signals
from engine.pricing.velocity import Velocity
from engine.stores.postgres import Postgres
from engine.stores.redis import RedisStore

_LAYOUTS_MAX: Final = 1000


class CategoryView(Struct, frozen=True, kw_only=True):
    """One category at one moment; the fields are those of ``Signals``."""

    capacity: int
    taken: int
    held: int
    watchers: int
    waiting: float

    def signals(self, velocity: Velocity, half_life_s: float, left_s: float) -> Signals:
        return Signals(
            capacity=self.capacity,
            taken=self.taken,
            held=self.held,
            watchers=self.watchers,
            waiting=round(self.waiting, 3),
            left_s=round(left_s, 1),
            velocity=velocity.per_day,
            confidence=velocity.confidence(half_life_s),
        )


class Measuring:
    def __init__(
        self, postgres: Postgres, redis: RedisStore, catalog: Catalog, presence: WatcherCounts
    ) -> None:
        self._pg = postgres
        self._redis = redis
        self._catalog = catalog
        self._presence = presence
        self._starts_at: dict[str, datetime] = {}
        #: The categories in each section, by layout.
        self._sections: SingleFlight[str, dict[int, set[int]]] = SingleFlight(_LAYOUTS_MAX)

    async def seen(self, event_id: str) -> dict[int, CategoryView]:
        """Every category by its number. Raises Unavailable, because partial signals are no basis for a decision."""
        places = await self._pg.fetch("pricing.places", event_id)
        held = await self._held(event_id)
        watching = await self._presence.watching(event_id)
        wishes = await self._pg.fetch("pricing.waiting", event_id)
        waiting = waiting_by_category(
            [(row["categories"], row["sections"], row["places"]) for row in wishes],
            [row["category_no"] for row in places],
            await self._categories_in(event_id) if any(r["sections"] for r in wishes) else {},
        )
        whole = sum(row["capacity"] for row in places)
        return {
            row["category_no"]: CategoryView(
                capacity=row["capacity"],
                taken=row["taken"],
                held=held[row["category_no"]],
                # It is unknown which category people look at: each gets its share of the house.
                watchers=watching * row["capacity"] // whole if whole else 0,
                waiting=waiting[row["category_no"]],
            )
            for row in places
        }

    async def _held(self, event_id: str) -> Counter[int]:
        facts = await self._catalog.facts(event_id)
        areas = await self._pg.fetch("pricing.areas", event_id)
        digits = await self._redis.call("GET", part_key(event_id, "seats")) or b""
        by_seat = facts.seat_categories
        # Offered seats are not market demand; reserved ones are taken.
        held = Counter(by_seat[seat_no] for seat_no in seats_showing(digits, SeatState.HELD))
        counts = (
            await self._redis.call(
                "HMGET",
                part_key(event_id, "areas"),
                *(area_field(a["area_no"], "held") for a in areas),
            )
            if areas
            else []
        )
        for area, count in zip(areas, counts, strict=True):
            # Places in payment count as taken already.
            held[area["category_no"]] += max(0, int(count or 0) - area["reserved"])
        return held

    async def _categories_in(self, event_id: str) -> dict[int, set[int]]:
        facts = await self._catalog.facts(event_id)
        find = partial(asyncio.to_thread, categories_in, facts.layout)
        return await self._sections.get(facts.layout_id, find)

    async def left_s(self, event_id: str) -> float:
        """Seconds to the event; as last known while MongoDB is away. Raises Unavailable, NotFound."""
        try:
            self._starts_at[event_id] = (await self._catalog.event(event_id)).starts_at
        except Unavailable:
            if event_id not in self._starts_at:
                raise
        return (self._starts_at[event_id] - datetime.now(UTC)).total_seconds()


def categories_in(layout: Layout) -> dict[int, set[int]]:
    """The categories with places in each section: sections by number, then areas, as in wishes."""
    found: dict[int, set[int]] = {}
    for row, category in zip(layout.seats.row, layout.seats.category, strict=True):
        found.setdefault(layout.rows[row].section, set()).add(category)
    for area_no, area in enumerate(layout.areas):
        found[len(layout.sections) + area_no] = {area.category}
    return found


def waiting_by_category(
    wishes: Iterable[tuple[list[int] | None, list[int] | None, int]],
    category_nos: Sequence[int],
    categories_in: Mapping[int, Set[int]],
) -> Mapping[int, float]:
    """Places wanted by the waitlist, by category. A wish for several categories is split among them.

    ``wishes``: categories, sections and places; None: any. ``categories_in``: of each section; a wish
    for sections is one for their categories.
    """
    waiting: dict[int, float] = dict.fromkeys(category_nos, 0.0)
    for categories, sections, places in wishes:
        there = (
            None if sections is None else {c for s in sections for c in categories_in.get(s, ())}
        )
        accepted = [
            no
            for no in category_nos
            if (not categories or no in categories) and (there is None or no in there)
        ]
        for category_no in accepted:
            waiting[category_no] += places / len(accepted)
    return waiting
