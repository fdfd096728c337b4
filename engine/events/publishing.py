"""Putting events on sale, and an organiser's changes to an event on sale.

Publishing spans three stores, so it is a saga: a crash may follow each step, and all steps may be
run again::

    draft ─▶ MongoDB: publishing ─▶ PostgreSQL: event, categories, areas, seats (one transaction)
          ─▶ Redis: state loaded ─▶ MongoDB: on_sale

PostgreSQL's row decides: before it exists nothing can be sold; once it does, the other steps follow. The
places that the draft kept from sale are written in the same transaction: they are never free.
"""

from collections.abc import Callable, Collection

import structlog

from engine.base.actor import ORGANISER, Actor
from engine.base.config import Settings
from engine.base.errors import Conflict, InvalidInput, Unavailable, stale_version
from engine.base.model import EventStatus
from engine.catalog.catalog import Catalog, event_not_found
from engine.catalog.model import Event, EventPatch, Facts
from engine.layout import Layout
from engine.live.live import Live
from engine.live.prices import Price
from engine.notifications.announcing import announce_cancelled, tell_changes
from engine.pricing.applying import set_by_hand
from engine.pricing.prepared import PreparedRules, write_rules
from engine.stores.postgres import Postgres, Transaction

log = structlog.get_logger(__name__)
Progress = Callable[[str], None]
_UNPUBLISHED = (EventStatus.DRAFT, EventStatus.PUBLISHING)


class Publishing:
    def __init__(
        self, postgres: Postgres, live: Live, catalog: Catalog, settings: Settings
    ) -> None:
        self._pg = postgres
        self._live = live
        self._catalog = catalog
        self._settings = settings
        self._prepared = PreparedRules(catalog)

    async def publish(self, event_id: str, on_progress: Progress | None = None) -> Event:
        """Put a draft on sale. Also finishes a half-published event; repeating it has no effect.

        Raises NotFound, Conflict (cancelled).
        """
        say = on_progress or (lambda _: None)
        event = await self._catalog.event(event_id)
        if event.status not in (EventStatus.DRAFT, EventStatus.PUBLISHING):
            if event.status == EventStatus.CANCELLED:
                raise Conflict("A cancelled event cannot be published.", code="event-cancelled")
            return event
        await self._prepared.check(event)
        event = await self._catalog.set_status(
            event_id, EventStatus.PUBLISHING, only_from=_UNPUBLISHED
        )
        say("seats")
        facts = await self._catalog.facts(event_id)
        await self._write_seats(event, facts)
        say("map")
        await self._live.reading.snapshot(event_id)
        event = await self._note_status(event_id)
        # An edit of the page before it was on sale relies on this to be put in force.
        await self._enforce(event)
        await self._tell_changes(event)
        return event

    async def _note_status(self, event_id: str) -> Event:
        """Set the page's status to PostgreSQL's, also when that changes meanwhile."""
        while True:
            terms = await self._pg.fetchrow("inventory.event_terms", event_id)
            if terms is None:
                raise event_not_found(event_id)
            status = EventStatus(terms["status"])
            event = await self._catalog.set_status(event_id, status, only_from=tuple(EventStatus))
            again = await self._pg.fetchrow("inventory.event_terms", event_id)
            if again is not None and again["status"] == status:
                return event

    async def _enforce(self, event: Event, named: Collection[str] = ()) -> None:
        """Put the page's prices and limits in force.

        A price that follows a rule, or was overridden elsewhere, is left alone unless it is ``named``;
        then it is pinned.
        """
        governed = await self._pg.fetch("pricing.governed", event.event_id)
        elsewhere = {row["name"] for row in governed} - set(named)
        amounts = {name: n for name, n in event.prices.items() if name not in elsewhere}
        await self.reprice(
            event.event_id, amounts, reason="set by hand", actor=ORGANISER, pin=named
        )
        await self._pg.fetch(
            "inventory.set_event_terms",
            event.event_id,
            event.buyer_limit,
            event.hold_ttl_s,
            event_id=event.event_id,
        )
        await self._live.settling.refresh_terms(event.event_id)

    async def _write_seats(self, event: Event, facts: Facts) -> None:
        async with self._pg.transaction(event_id=event.event_id, long=True) as transaction:
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
        """Stop new holds; existing holds may still be booked."""
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
            raise not_published(event.status)
        async with self._pg.transaction(event_id=event_id, long=True) as transaction:
            row = await transaction.fetchrow("inventory.set_event_status", event_id, status.value)
            decided = row and row["status"]
            if decided == EventStatus.CANCELLED:
                await announce_cancelled(transaction, event_id)
        if decided != status:
            raise Conflict("A cancelled event stays cancelled.", code="event-cancelled")
        await self._live.settling.refresh_terms(event_id)
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
            # From the page's present state: of two edits the later one is in force, whichever comes here last.
            await self._enforce(await self._catalog.event(event_id), patch.prices or ())
        await self._tell_changes(event)
        return event

    async def _tell_changes(self, event: Event) -> None:
        try:
            await tell_changes(self._pg, event)
        except Unavailable as error:
            log.warning("change notice deferred", event_id=event.event_id, reason=error.detail)

    async def reprice(
        self,
        event_id: str,
        amounts: dict[str, int],
        *,
        reason: str,
        actor: Actor,
        pin: Collection[str] = (),
    ) -> list[Price]:
        """Set prices (minor units by category name), record why, and notify every open map.

        Holds keep their quoted prices. Categories of ``pin`` that follow a rule stay at these prices
        until they are released or another rule comes into force; the others' rules continue from them.
        Raises InvalidInput for an unknown category.
        """
        rows = await self._pg.fetch("inventory.prices", event_id)
        numbers = {row["name"]: row["category_no"] for row in rows}
        unknown = set(amounts) - set(numbers)
        if unknown:
            raise InvalidInput(f"Unknown category: {', '.join(sorted(unknown))}.")
        wanted = {numbers[name]: amount for name, amount in amounts.items()}
        async with self._pg.transaction(event_id=event_id) as transaction:
            await set_by_hand(transaction, event_id, wanted, reason=reason, actor=actor)
            if pinned := [numbers[name] for name in pin if name in amounts]:
                await transaction.fetch(
                    "pricing.hold_followers", event_id, pinned, reason, actor.label
                )
        return await self._live.settling.refresh_terms(event_id)


def not_published(status: EventStatus) -> Conflict:
    return Conflict(f"The event is {status}; publish it first.", code="event-not-published")


async def _write_inventory(
    transaction: Transaction, event: Event, layout: Layout, seat_categories: bytes
) -> None:
    """Categories with their rules, areas and seats of a new event, in the transaction that makes it."""
    names = [category.name for category in layout.categories]
    await transaction.fetch(
        "inventory.publish_categories",
        event.event_id,
        list(range(len(names))),
        names,
        [event.prices[name] for name in names],
    )
    await transaction.fetch("inventory.publish_price_history", event.event_id)
    await write_rules(
        transaction, event, {name: no for no, name in enumerate(names)}, actor=ORGANISER
    )
    await transaction.fetch(
        "inventory.publish_areas",
        event.event_id,
        list(range(len(layout.areas))),
        [area.category for area in layout.areas],
        [
            area.capacity - event.blocked_areas.get(str(no), 0)
            for no, area in enumerate(layout.areas)
        ],
        [event.blocked_areas.get(str(no), 0) for no in range(len(layout.areas))],
    )
    blocked = frozenset(event.blocked_seats)
    # COPY is the fastest way to write 20,000 rows.
    await transaction.connection.copy_records_to_table(
        "seats",
        columns=["event_id", "seat_no", "category_no", "state"],
        records=(
            (
                event.event_id,
                seat_no,
                category_no,
                "blocked" if seat_no in blocked else "available",
            )
            for seat_no, category_no in enumerate(seat_categories)
        ),
    )
