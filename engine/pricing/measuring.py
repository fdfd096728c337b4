"""What is seen of an event's categories right now: PostgreSQL, Redis, the gateways' census, the line."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from msgspec import Struct

from engine.catalog import Catalog
from engine.errors import Unavailable
from engine.inventory import base_key
from engine.presence import Presence
from engine.pricing.decision import Signals
from engine.pricing.velocity import Velocity
from engine.stores.postgres import Postgres
from engine.stores.redis import RedisStore

#: The digit of ``SeatState.HELD``. Offered seats are not demand of the market, reserved ones are taken.
_HELD = re.compile(b"1")


class Seen(Struct, frozen=True, kw_only=True):
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
        self, postgres: Postgres, redis: RedisStore, catalog: Catalog, presence: Presence
    ) -> None:
        self._pg = postgres
        self._redis = redis
        self._catalog = catalog
        self._presence = presence
        self._starts_at: dict[str, datetime] = {}

    async def seen(self, event_id: str) -> dict[int, Seen]:
        """Every category by its number. Raises Unavailable: half of what is to be seen is no basis."""
        places = await self._pg.fetch("pricing.places", event_id)
        held = await self._held(event_id)
        watching = await self._presence.watching(event_id)
        wishes = await self._pg.fetch("pricing.waiting", event_id)
        waiting = waiting_by_category(
            [(row["categories"], row["places"]) for row in wishes],
            [row["category_no"] for row in places],
        )
        whole = sum(row["capacity"] for row in places)
        return {
            row["category_no"]: Seen(
                capacity=row["capacity"],
                taken=row["taken"],
                held=held[row["category_no"]],
                # Nobody says which category they look at: to each its part of the house.
                watchers=watching * row["capacity"] // whole if whole else 0,
                waiting=waiting[row["category_no"]],
            )
            for row in places
        }

    async def _held(self, event_id: str) -> Counter[int]:
        facts = await self._catalog.facts(event_id)
        areas = await self._pg.fetch("pricing.areas", event_id)
        digits = await self._redis.call("GET", base_key(event_id) + ":seats") or b""
        by_seat = facts.seat_categories
        held = Counter(by_seat[match.start()] for match in _HELD.finditer(digits))
        counts = (
            await self._redis.call(
                "HMGET", base_key(event_id) + ":areas", *(f"{a['area_no']}:held" for a in areas)
            )
            if areas
            else []
        )
        for area, count in zip(areas, counts, strict=True):
            # What is being paid for is taken already.
            held[area["category_no"]] += max(0, int(count or 0) - area["reserved"])
        return held

    async def left_s(self, event_id: str) -> float:
        """Seconds to the event; as last known while MongoDB is away. Raises Unavailable, NotFound."""
        try:
            self._starts_at[event_id] = (await self._catalog.event(event_id)).starts_at
        except Unavailable:
            if event_id not in self._starts_at:
                raise
        return (self._starts_at[event_id] - datetime.now(UTC)).total_seconds()


def waiting_by_category(
    wishes: Iterable[tuple[list[int] | None, int]], category_nos: list[int]
) -> Mapping[int, float]:
    """Places that are waited for, by category. A wish that several would do is split among them."""
    waiting: dict[int, float] = dict.fromkeys(category_nos, 0.0)
    for categories, places in wishes:
        accepted = [no for no in categories if no in waiting] if categories else category_nos
        for category_no in accepted:
            waiting[category_no] += places / len(accepted)
    return waiting
