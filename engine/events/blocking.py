"""Places that the organiser keeps from sale: of an event on sale in PostgreSQL, of a draft in its document.

Publishing writes a draft's blocked places in the transaction that puts the event on sale, so there is no
moment in which they are free.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypeAlias

import structlog
from msgspec import Meta, Struct

from engine.base.actor import Actor
from engine.base.errors import Conflict, InvalidInput, Unavailable
from engine.base.model import EventStatus, Id, SeatNo, SeatState
from engine.catalog.catalog import Catalog
from engine.catalog.model import Event
from engine.live.codec import encode_facts
from engine.live.live import Live
from engine.live.scripts import Settlement
from engine.stores.postgres import Postgres

log = structlog.get_logger(__name__)
Command: TypeAlias = Literal["block", "unblock"]
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


class Blocking(Struct, frozen=True, omit_defaults=True):
    """The seats that are blocked (or given back) now, and those that were refused, with the reason."""

    event_id: Id
    seats: list[SeatNo]
    refused: list[RefusedSeat]
    areas: Annotated[
        dict[str, int],
        Meta(description="Places that are blocked (or given back) now, by area number."),
    ] = {}


class Blocks:
    def __init__(self, postgres: Postgres, live: Live, catalog: Catalog) -> None:
        self._pg = postgres
        self._live = live
        self._catalog = catalog

    async def block(
        self,
        event_id: str,
        seat_nos: Sequence[int] = (),
        *,
        areas: Mapping[int, int] | None = None,
        reason: str | None = None,
        actor: Actor,
    ) -> Blocking:
        """Keep seats from sale, except those that somebody has, and up to so many ``areas`` places as are free.

        Of an event on sale PostgreSQL decides. A hold that is placed between our reading of Redis and its
        decision loses the seat: its checkout is refused, and the map shows the seat not for sale. Raises
        InvalidInput (no-such-seat), Conflict (being published, cancelled), NotFound, Unavailable.
        """
        drafted = await self._change_draft("block", event_id, seat_nos, areas or {}, reason, actor)
        if drafted is not None:
            return drafted
        wanted = await self._sellable(event_id, seat_nos, areas or {})
        claimed = await self._live.reading.claimed(event_id, wanted) if wanted else set()
        free = [n for n in wanted if n not in claimed]
        rows = await self._move_seats("block", event_id, free, reason, actor)
        refused = [RefusedSeat(n, "held") for n in claimed]
        refused += [
            RefusedSeat(n, _NOT_BLOCKED[state]) for n, state, version in rows if version is None
        ]
        done = await self._settled(event_id, rows, SeatState.BLOCKED, refused)
        if not areas:
            return done
        left = (await self._live.reading.snapshot(event_id)).areas
        possible = {no: min(places, left.get(no, 0)) for no, places in areas.items()}
        return await self._with_areas("block", done, possible, reason, actor)

    async def unblock(
        self,
        event_id: str,
        seat_nos: Sequence[int] = (),
        *,
        areas: Mapping[int, int] | None = None,
        reason: str | None = None,
        actor: Actor,
    ) -> Blocking:
        """Give blocked places back: to the waitlist while anybody waits, else on sale. Raises as ``block``."""
        drafted = await self._change_draft(
            "unblock", event_id, seat_nos, areas or {}, reason, actor
        )
        if drafted is not None:
            return drafted
        wanted = await self._sellable(event_id, seat_nos, areas or {})
        rows = await self._move_seats("unblock", event_id, wanted, reason, actor)
        refused = [RefusedSeat(n, "not-blocked") for n, _, version in rows if version is None]
        done = await self._settled(event_id, rows, SeatState.FREE, refused)
        return await self._with_areas("unblock", done, areas or {}, reason, actor)

    # Drafts

    async def _change_draft(
        self,
        command: Command,
        event_id: str,
        seat_nos: Sequence[int],
        areas: Mapping[int, int],
        reason: str | None,
        actor: Actor,
    ) -> Blocking | None:
        """Change what a draft keeps from sale. None: the event is published."""
        if await self._pg.fetchrow("inventory.event_terms", event_id) is not None:
            return None
        while (event := await self._catalog.event(event_id)).status == EventStatus.DRAFT:
            layout = await self._catalog.layout_of(event)
            wanted = _known_seats(seat_nos, layout.seat_count)
            capacities = [area.capacity for area in layout.areas]
            _check_areas(areas, len(capacities))
            change = _drafted(command, event, wanted, areas, capacities)
            changed = await self._catalog.keep_from_sale(
                event, change.blocked_seats, change.blocked_areas
            )
            if changed:
                await self._note(f"{command}ed", change.made, reason, actor)
                return change.made
        if event.status == EventStatus.CANCELLED:
            raise Conflict("A cancelled event stays cancelled.", code="event-cancelled")
        if event.status == EventStatus.PUBLISHING:
            raise Conflict(
                "The event is being published; try again in a moment, or publish it again if that was "
                "interrupted.",
                code="event-not-published",
            )
        return None

    async def _note(self, action: str, made: Blocking, reason: str | None, actor: Actor) -> None:
        if not (made.seats or made.areas):
            return
        details: dict[str, Any] = {"seats": made.seats} if made.seats else {}
        details |= {"areas": made.areas} if made.areas else {}
        details |= {"reason": reason} if reason else {}
        async with self._pg.transaction(event_id=made.event_id) as transaction:
            await transaction.fetch(
                "inventory.audit_seats", made.event_id, f"seats-{action}", actor.label, details
            )

    # Events on sale

    async def _sellable(
        self, event_id: str, seat_nos: Sequence[int], areas: Mapping[int, int]
    ) -> list[int]:
        """The named seats, each once, after checking that the event has them and is on sale."""
        terms = await self._pg.fetchrow("inventory.event_terms", event_id)
        assert terms is not None, "published events stay"
        if terms["status"] == EventStatus.CANCELLED:
            raise Conflict("A cancelled event stays cancelled.", code="event-cancelled")
        if areas:
            _check_areas(areas, len(await self._pg.fetch("inventory.area_truth", event_id)))
        return _known_seats(seat_nos, terms["seat_count"])

    async def _move_seats(
        self,
        command: Command,
        event_id: str,
        seat_nos: list[int],
        reason: str | None,
        actor: Actor,
    ) -> list[tuple[int, str, int | None]]:
        """Block or unblock in PostgreSQL, with an audit entry: seat_no, state before, new version if moved."""
        if not seat_nos:
            return []
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

    async def _with_areas(
        self,
        command: Command,
        done: Blocking,
        areas: Mapping[int, int],
        reason: str | None,
        actor: Actor,
    ) -> Blocking:
        """``done`` and the places of areas that are moved now.

        An area's capacity is in force by a rebuild of the event's state: no script changes it, and
        organisers seldom do. A hold placed meanwhile keeps its places if they still fit.
        """
        wanted = {no: places for no, places in sorted(areas.items()) if places}
        if not wanted:
            return done
        event_id = done.event_id
        async with self._pg.transaction(event_id=event_id) as transaction:
            rows = await transaction.fetch(
                f"inventory.{command}_places", event_id, list(wanted), list(wanted.values())
            )
        moved = {str(row["area_no"]): row["places"] for row in rows}
        if moved:
            await self._note(f"{command}ed", Blocking(event_id, [], [], moved), reason, actor)
            try:
                await self._live.rebuilding.rebuild(event_id, cause="asked")
            except Unavailable as error:
                log.warning("live update deferred", event_id=event_id, reason=error.detail)
        return Blocking(event_id, done.seats, done.refused, moved)


class _Drafted(Struct, frozen=True):
    """What a draft keeps from sale after a command, and the command's answer."""

    blocked_seats: list[int]
    blocked_areas: dict[str, int]
    made: Blocking


def _drafted(
    command: Command,
    event: Event,
    wanted: list[int],
    areas: Mapping[int, int],
    capacities: list[int],
) -> _Drafted:
    seats, places = set(event.blocked_seats), dict(event.blocked_areas)
    is_block = command == "block"
    moved = [n for n in wanted if (n in seats) != is_block]
    why: _Reason = "already" if is_block else "not-blocked"
    refused = [RefusedSeat(n, why) for n in wanted if (n in seats) == is_block]
    changed = {}
    for no, asked in sorted(areas.items()):
        known = places.get(str(no), 0)
        count = min(asked, capacities[no] - known if is_block else known)
        if count:
            changed[str(no)] = count
            places[str(no)] = known + (count if is_block else -count)
    return _Drafted(
        sorted(seats.union(moved) if is_block else seats.difference(moved)),
        {no: count for no, count in places.items() if count},
        Blocking(event.event_id, moved, refused, changed),
    )


def _known_seats(seat_nos: Sequence[int], seat_count: int) -> list[int]:
    """The seats, each once and in order. Raises InvalidInput."""
    wanted = sorted(set(seat_nos))
    unknown = [n for n in wanted if not 0 <= n < seat_count]
    if unknown:
        raise InvalidInput(
            f"The event has no seat {unknown[0]}; it has {seat_count}, numbered from 0. "
            'Places of areas are named by area: {"areas": {"0": 20}}.',
            code="no-such-seat",
        )
    return wanted


def _check_areas(areas: Mapping[int, int], area_count: int) -> None:
    unknown = [no for no in areas if not 0 <= no < area_count]
    if unknown:
        raise InvalidInput(
            f"The event has no area {unknown[0]}; it has {area_count}, numbered from 0.",
            code="no-such-seat",
        )
