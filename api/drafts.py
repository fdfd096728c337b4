"""Drafts as their organiser reads them before they are published. To everybody else a draft does not exist."""

from typing import Final
from uuid import UUID

from api.auth import is_organiser
from api.conventions import AnyRequest, runtime_of
from engine.base.errors import NotFound
from engine.base.model import EventStatus, Money, SeatState
from engine.catalog.catalog import event_not_found
from engine.catalog.model import Event, Facts
from engine.live.prices import Price

#: A draft changes, and only some may read it: nothing keeps a copy.
PRIVATE: Final = {"Cache-Control": "no-store"}


async def may_read_draft(request: AnyRequest) -> bool:
    return await is_organiser(request)


async def readable_event(request: AnyRequest, event_id: UUID) -> Event:
    """The event, if the sender may know of it. Raises NotFound."""
    event = await runtime_of(request).catalog.event(str(event_id))
    if not event.is_public and not await may_read_draft(request):
        raise event_not_found(str(event_id))
    return event


async def readable_draft(request: AnyRequest, event_id: UUID) -> Event | None:
    """The draft (or the event that is just being published), if it is one and the sender may read it."""
    if not await may_read_draft(request):
        return None
    try:
        event = await runtime_of(request).catalog.event(str(event_id))
    except NotFound:
        return None
    return event if event.status in (EventStatus.DRAFT, EventStatus.PUBLISHING) else None


def drafted_states(event: Event) -> bytes:
    """The map with which the draft's sale would begin, a digit per seat."""
    states = bytearray(b"%d" % SeatState.FREE * event.seat_count)
    for seat_no in event.blocked_seats:
        states[seat_no] = ord(f"{SeatState.BLOCKED:d}")
    return bytes(states)


def drafted_areas(event: Event, facts: Facts) -> dict[int, int]:
    """Places of each area that would be for sale."""
    return {
        no: area.capacity - event.blocked_areas.get(str(no), 0)
        for no, area in enumerate(facts.layout.areas)
    }


def drafted_prices(event: Event) -> list[Price]:
    """The prices with which the sale would begin."""
    return [
        Price(no, name, Money(amount, event.currency))
        for no, (name, amount) in enumerate(event.prices.items())
    ]
