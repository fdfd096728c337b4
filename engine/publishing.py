"""Putting events on sale, and everything an organiser does to one that is.

Publishing spans three stores, so it is a saga of steps that each may be the last before a crash and
that all may be run again::

    draft ─▶ MongoDB: publishing ─▶ PostgreSQL: event, categories, areas, seats (one transaction)
          ─▶ Redis: state laid ─▶ MongoDB: on_sale

PostgreSQL's row decides: before it there is nothing to sell, from then on the rest follows.
"""

from collections.abc import Callable

import structlog

from engine.catalog import (
    Catalog,
    Event,
    EventPatch,
    Facts,
    event_not_found,
    stale_version,
)
from engine.config import Settings
from engine.errors import Conflict, InvalidInput
from engine.inventory import Inventory, Price
from engine.layout import Layout
from engine.model import EventStatus
from engine.stores.postgres import Postgres, Transaction

log = structlog.get_logger(__name__)
Progress = Callable[[str], None]
_UNPUBLISHED = (EventStatus.DRAFT, EventStatus.PUBLISHING)


class Publishing:
    def __init__(
        self, postgres: Postgres, inventory: Inventory, catalog: Catalog, settings: Settings
    ) -> None:
        self._pg = postgres
        self._inventory = inventory
        self._catalog = catalog
        self._settings = settings

    async def publish(self, event_id: str, on_progress: Progress | None = None) -> Event:
        """Put a draft on sale; finishing a half-published one and repeating are both fine.

        Raises NotFound, Conflict (cancelled).
        """
        say = on_progress or (lambda _: None)
        event = await self._catalog.event(event_id)
        if event.status not in (EventStatus.DRAFT, EventStatus.PUBLISHING):
            if event.status == EventStatus.CANCELLED:
                raise Conflict("A cancelled event cannot be published.", code="event-cancelled")
            return event
        event = await self._catalog.set_status(
            event_id, EventStatus.PUBLISHING, only_from=_UNPUBLISHED
        )
        say("seats")
        facts = await self._catalog.facts(event_id)
        await self._write_seats(event, facts)
        say("map")
        await self._inventory.snapshot(event_id)
        event = await self._note_status(event_id)
        # Whoever edited the page before it was on sale relied on this to put the edit in force.
        await self._enforce(event)
        return event

    async def _note_status(self, event_id: str) -> Event:
        """Bring the page to the status that PostgreSQL has, also when that changes meanwhile."""
        while True:
            terms = await self._pg.fetchrow("inventory.event_terms", event_id)
            if terms is None:
                raise event_not_found(event_id)
            status = EventStatus(terms["status"])
            event = await self._catalog.set_status(event_id, status, only_from=tuple(EventStatus))
            again = await self._pg.fetchrow("inventory.event_terms", event_id)
            if again is not None and again["status"] == status:
                return event

    async def _enforce(self, event: Event) -> None:
        """Put the page's prices and limits in force."""
        await self.reprice(event.event_id, event.prices, reason="set by hand", actor="organiser")
        await self._pg.fetch(
            "inventory.set_event_terms", event.event_id, event.buyer_limit, event.hold_ttl_s
        )
        await self._inventory.refresh_terms(event.event_id)

    async def _write_seats(self, event: Event, facts: Facts) -> None:
        async with self._pg.transaction() as transaction:
            made = await transaction.fetchrow(
                "inventory.publish_event",
                event.event_id,
                event.currency,
                event.seat_count,
                event.buyer_limit,
                event.hold_ttl_s,
                self._settings.hold_max_s,
                self._settings.payment_window_s,
            )
            if made is not None:
                await _write_inventory(transaction, event, facts.layout, facts.seat_categories)

    async def pause(self, event_id: str) -> Event:
        """No new holds; what is held may still be booked."""
        return await self._change_status(event_id, EventStatus.PAUSED)

    async def resume(self, event_id: str) -> Event:
        return await self._change_status(event_id, EventStatus.ON_SALE)

    async def cancel(self, event_id: str) -> Event:
        """Final. The worker cancels and refunds every booking."""
        event = await self._catalog.event(event_id)
        if event.status == EventStatus.DRAFT:
            return await self._catalog.set_status(
                event_id, EventStatus.CANCELLED, only_from=(EventStatus.DRAFT,)
            )
        return await self._change_status(event_id, EventStatus.CANCELLED)

    async def _change_status(self, event_id: str, status: EventStatus) -> Event:
        event = await self._catalog.event(event_id)
        if event.status in (EventStatus.DRAFT, EventStatus.PUBLISHING):
            raise Conflict(
                f"The event is {event.status}; publish it first.", code="event-not-published"
            )
        decided = await self._pg.fetchval("inventory.set_event_status", event_id, status.value)
        if decided != status:
            raise Conflict("A cancelled event stays cancelled.", code="event-cancelled")
        await self._inventory.refresh_terms(event_id)
        return await self._note_status(event_id)

    async def patch(self, event_id: str, patch: EventPatch, *, version: int) -> Event:
        """Change an event's page and, once it is published, the prices and limits in force.

        Raises PreconditionFailed when the page is no longer at ``version``.
        """
        before = await self._catalog.event(event_id)
        if before.version != version:
            raise stale_version(before.version)
        event = await self._catalog.patch_event(event_id, patch, version=version)
        if event.status not in (EventStatus.ON_SALE, EventStatus.PAUSED):
            return event
        if patch.prices or patch.buyer_limit is not None or patch.hold_ttl_s is not None:
            # As the page stands now: of two edits the later one is in force, whichever comes here last.
            await self._enforce(await self._catalog.event(event_id))
        return event

    async def reprice(
        self, event_id: str, amounts: dict[str, int], *, reason: str, actor: str
    ) -> list[Price]:
        """Set prices (minor units by category name), record why, and tell every open map.

        Holds keep what they were quoted. Raises InvalidInput for an unknown category, Conflict when
        somebody else changed the same price meanwhile.
        """
        rows = await self._pg.fetch("inventory.prices", event_id)
        unknown = set(amounts) - {row["name"] for row in rows}
        if unknown:
            raise InvalidInput(f"Unknown category: {', '.join(sorted(unknown))}.")
        for row in rows:
            amount = amounts.get(row["name"], row["amount_minor"])
            if amount == row["amount_minor"]:
                continue
            changed = await self._pg.fetchval(
                "inventory.set_price",
                event_id,
                row["category_no"],
                row["version"],
                amount,
                reason,
                actor,
            )
            if changed is None:
                raise Conflict("Somebody else changed the same price; read and repeat.")
        return await self._inventory.refresh_terms(event_id)


async def _write_inventory(
    transaction: Transaction, event: Event, layout: Layout, seat_categories: bytes
) -> None:
    """Categories, areas and seats of a new event, in the transaction that makes it."""
    names = [category.name for category in layout.categories]
    await transaction.fetch(
        "inventory.publish_categories",
        event.event_id,
        list(range(len(names))),
        names,
        [event.prices[name] for name in names],
    )
    await transaction.fetch("inventory.publish_price_history", event.event_id)
    await transaction.fetch(
        "inventory.publish_areas",
        event.event_id,
        list(range(len(layout.areas))),
        [area.category for area in layout.areas],
        [area.capacity for area in layout.areas],
    )
    # COPY: the one way to write 20,000 rows that is faster than describing them.
    await transaction.connection.copy_records_to_table(
        "seats",
        columns=["event_id", "seat_no", "category_no"],
        records=(
            (event.event_id, seat_no, category_no)
            for seat_no, category_no in enumerate(seat_categories)
        ),
    )
