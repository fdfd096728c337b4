"""Putting events on sale, and an organiser's changes to an event on sale.

Publishing spans three stores, so it is a saga: a crash may follow each step, and all steps may be
run again::

    draft ─▶ MongoDB: publishing ─▶ PostgreSQL: event, categories, areas, seats (one transaction)
          ─▶ Redis: state loaded ─▶ MongoDB: on_sale

PostgreSQL's row decides: before it exists nothing can be sold; once it does, the other steps follow.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Annotated, Final, Literal

import structlog
from msgspec import Meta, Struct

from engine.base.actor import ORGANISER, Actor
from engine.base.config import Settings
from engine.base.errors import Conflict, InvalidInput, Unavailable
from engine.base.model import EventStatus, Id, SeatNo, SeatState
from engine.catalog.catalog import Catalog, event_not_found, stale_version
from engine.catalog.model import Event, EventPatch, Facts
from engine.layout import Layout
from engine.live.codec import encode_facts
from engine.live.live import Live
from engine.live.prices import Price
from engine.live.scripts import Settlement
from engine.notifications.announcing import announce_cancelled, tell_changes
from engine.pricing.applying import set_by_hand
from engine.stores.postgres import Postgres, Transaction

log = structlog.get_logger(__name__)
Progress = Callable[[str], None]
_UNPUBLISHED = (EventStatus.DRAFT, EventStatus.PUBLISHING)
#: Seats per script call: a script that runs longer blocks everybody.
_SETTLED_AT_ONCE: Final = 500
_Reason = Literal["sold", "held", "already", "not-blocked"]
#: Why PostgreSQL left a seat unchanged, by its state there; an available one belongs to an open offer.
_NOT_BLOCKED: Final[dict[str, _Reason]] = {
    "available": "held",
    "reserved": "held",
    "sold": "sold",
    "blocked": "already",
}


class RefusedSeat(Struct, frozen=True):
    """A seat that was not changed."""

    seat_no: SeatNo
    reason: Annotated[
        _Reason,
        Meta(
            description=(
                "`held`: a buyer holds it, pays for it, or has an offer of it; "
                "`already`: it was blocked before; `not-blocked`: it was not blocked."
            )
        ),
    ]


class Blocking(Struct, frozen=True):
    """The seats that are blocked (or given back) now, and those that were refused, with the reason."""

    event_id: Id
    seats: list[SeatNo]
    refused: list[RefusedSeat]


class Publishing:
    def __init__(
        self, postgres: Postgres, live: Live, catalog: Catalog, settings: Settings
    ) -> None:
        self._pg = postgres
        self._live = live
        self._catalog = catalog
        self._settings = settings

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
            raise _not_published(event.status)
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

    async def block(
        self, event_id: str, seat_nos: Sequence[int], *, reason: str | None = None, actor: Actor
    ) -> Blocking:
        """Keep seats from sale, except those that somebody has.

        PostgreSQL decides. A hold that is placed between our reading of Redis and its decision loses the
        seat: its checkout is refused, and the map shows the seat not for sale. Raises InvalidInput
        (no-such-seat), Conflict (not published, cancelled), NotFound, Unavailable.
        """
        wanted = await self._sellable(event_id, seat_nos)
        claimed = await self._live.reading.claimed(event_id, wanted)
        free = [n for n in wanted if n not in claimed]
        rows = await self._move_seats("block", event_id, free, reason, actor)
        refused = [RefusedSeat(n, "held") for n in claimed]
        refused += [
            RefusedSeat(n, _NOT_BLOCKED[state]) for n, state, version in rows if version is None
        ]
        return await self._settled(event_id, rows, SeatState.BLOCKED, refused)

    async def unblock(
        self, event_id: str, seat_nos: Sequence[int], *, reason: str | None = None, actor: Actor
    ) -> Blocking:
        """Give blocked seats back: to the waitlist while anybody waits, else on sale. Raises as ``block``."""
        wanted = await self._sellable(event_id, seat_nos)
        rows = await self._move_seats("unblock", event_id, wanted, reason, actor)
        refused = [RefusedSeat(n, "not-blocked") for n, _, version in rows if version is None]
        return await self._settled(event_id, rows, SeatState.FREE, refused)

    async def _sellable(self, event_id: str, seat_nos: Sequence[int]) -> list[int]:
        """The named seats, each once, after checking that the event has them and is on sale."""
        terms = await self._pg.fetchrow("inventory.event_terms", event_id)
        if terms is None:
            event = await self._catalog.event(event_id)
            raise _not_published(event.status)
        if terms["status"] == EventStatus.CANCELLED:
            raise Conflict("A cancelled event stays cancelled.", code="event-cancelled")
        wanted = sorted(set(seat_nos))
        unknown = [n for n in wanted if not 0 <= n < terms["seat_count"]]
        if unknown:
            raise InvalidInput(
                f"The event has no seat {unknown[0]}; it has {terms['seat_count']}, numbered from 0. "
                "Areas have no seats and cannot be blocked.",
                code="no-such-seat",
            )
        return wanted

    async def _move_seats(
        self, command: str, event_id: str, seat_nos: list[int], reason: str | None, actor: Actor
    ) -> list[tuple[int, str, int | None]]:
        """Block or unblock in PostgreSQL, with an audit entry: seat_no, state before, new version if moved."""
        async with self._pg.transaction(event_id=event_id, long=True) as transaction:
            found = await transaction.fetch("inventory.lock_seats", event_id, seat_nos)
            changed = await transaction.fetch(f"inventory.{command}_seats", event_id, seat_nos)
            moved = dict(sorted((row["seat_no"], row["version"]) for row in changed))
            if moved:
                details = {"seats": list(moved)} | ({"reason": reason} if reason else {})
                await transaction.fetch(
                    "inventory.audit_seats", event_id, f"seats-{command}ed", actor.label, details
                )
        return [(row["seat_no"], row["state"], moved.get(row["seat_no"])) for row in found]

    async def _settled(
        self,
        event_id: str,
        rows: list[tuple[int, str, int | None]],
        state: SeatState,
        refused: list[RefusedSeat],
    ) -> Blocking:
        """Update Redis and every open map. If that fails now, the worker's reconciliation does it."""
        moved = [(n, version) for n, _, version in rows if version is not None]
        try:
            for at in range(0, len(moved), _SETTLED_AT_ONCE):
                part = moved[at : at + _SETTLED_AT_ONCE]
                seats = encode_facts((n, state, version) for n, version in part)
                await self._live.settling.settle(event_id, Settlement(seats=seats))
        except Unavailable as error:
            log.warning("live update deferred", event_id=event_id, reason=error.detail)
        refused.sort(key=lambda seat: seat.seat_no)
        return Blocking(event_id, [n for n, _ in moved], refused)

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


def _not_published(status: EventStatus) -> Conflict:
    return Conflict(f"The event is {status}; publish it first.", code="event-not-published")


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
    # COPY is the fastest way to write 20,000 rows.
    await transaction.connection.copy_records_to_table(
        "seats",
        columns=["event_id", "seat_no", "category_no"],
        records=(
            (event.event_id, seat_no, category_no)
            for seat_no, category_no in enumerate(seat_categories)
        ),
    )
