"""Loads the demo into the stores by the public functions: import, publish, hold, book.

An interruption may follow every step; loading again continues where it stopped. Once everything is
loaded it only gives past events a new date.
"""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Protocol

from engine.base.actor import DEMO
from engine.base.errors import NotFound
from engine.base.model import Buyer, new_id
from engine.catalog.model import EventDraft, EventPatch, Facts
from engine.catalog.venues import VenueDraft
from engine.local.demo.events import DemoEvent, DemoPlace, demo_events, demo_places, sold_seats
from engine.local.demo.venues import demo_venues
from engine.pricing.model import RuleDraft, TermsPatch
from engine.runtime import Runtime
from engine.sales.ledger import BookingRequest, PaymentChoice

_PARTY_MAX = 4
_SALES_AT_ONCE = 128
#: Marks in the catalogue the events whose share was sold.
_DONE = "demo"


class OnProgress(Protocol):
    def __call__(self, what: str, done: int | None = None, total: int | None = None) -> None: ...


def _silent(what: str, done: int | None = None, total: int | None = None) -> None:
    del what, done, total


async def load_demo(runtime: Runtime, on_progress: OnProgress | None = None) -> None:
    """Load venues, events, and sales that make them look real. Raises Unavailable."""
    say = on_progress or _silent
    await runtime.stores.mongo.ensure_indexes()
    places = {place.key: place for place in demo_places()}
    documents = demo_venues()
    for key, place in places.items():
        say(f"venue {place.name}")
        await _load_venue(runtime, place, documents[key])
    for event in demo_events():
        if await _is_done(runtime, event):
            await keep_ahead(runtime, event)
        else:
            say(event.name)
            await _load_event(runtime, event, places[event.venue].venue_id)
            await _sell(runtime, event, say)
            await runtime.stores.mongo.put(_DONE, event.event_id, {"sold": True})
        await _set_rules(runtime, event)


async def _is_done(runtime: Runtime, event: DemoEvent) -> bool:
    return await runtime.stores.mongo.get(_DONE, event.event_id) is not None


async def keep_ahead(runtime: Runtime, event: DemoEvent) -> None:
    """Give past events a new date: without it the page would be empty."""
    page = await runtime.catalog.event(event.event_id)
    if page.starts_at < datetime.now(UTC):
        patch = EventPatch(starts_at=event.starts_at)
        await runtime.events.publishing.patch(event.event_id, patch, version=page.version)


async def _load_venue(runtime: Runtime, place: DemoPlace, document: object) -> None:
    venues = runtime.catalog.venues
    try:
        venue = await venues.venue(place.venue_id)
    except NotFound:
        draft = VenueDraft(
            name=place.name,
            city=place.city,
            latitude=place.latitude,
            longitude=place.longitude,
            timezone=place.timezone,
        )
        venue = await venues.create(draft, venue_id=place.venue_id)
    if venue.layout_id is None:
        await venues.import_plan(document, venue_id=venue.venue_id)


async def _load_event(runtime: Runtime, event: DemoEvent, venue_id: str) -> None:
    try:
        await runtime.catalog.event(event.event_id)
    except NotFound:
        draft = EventDraft(
            name=event.name,
            venue_id=venue_id,
            starts_at=event.starts_at,
            currency=event.currency,
            prices=event.prices,
            description=event.description,
            category=str(event.metadata.get("genre", "")),
            buyer_limit=event.buyer_limit,
            tagline=event.tagline,
            language="en",
            metadata=event.metadata,
        )
        await runtime.catalog.create_event(draft, event_id=event.event_id)
    await runtime.events.publishing.publish(event.event_id)


async def _set_rules(runtime: Runtime, event: DemoEvent) -> None:
    """Let prices follow their rules, unless an organiser has set them already."""
    if not event.rules or await runtime.pricing.admin.rules(event.event_id, limit=1):
        return
    for category, rule in event.rules.items():
        draft = RuleDraft(category=category, rule=rule, note="The demo's: moves within minutes.")
        made = await runtime.pricing.admin.make_rule(event.event_id, draft, actor=DEMO)
        await runtime.pricing.admin.activate(event.event_id, made.rule_id, actor=DEMO)
    state = await runtime.pricing.admin.state(event.event_id)
    await runtime.pricing.admin.set_terms(
        event.event_id, TermsPatch(range_public=True), version=state.version
    )


async def _sell(runtime: Runtime, event: DemoEvent, say: OnProgress) -> None:
    facts = await runtime.catalog.facts(event.event_id)
    snapshot = await runtime.live.reading.snapshot(event.event_id)
    states = snapshot.states
    wanted = [n for n in sold_seats(facts.layout, event.sold_share) if states[n : n + 1] == b"0"]
    party_max = min(_PARTY_MAX, event.buyer_limit)
    parties: list[tuple[list[int], dict[int, int]]] = [
        (seats, {}) for seats in _parties(wanted, party_max)
    ]
    parties += [([], areas) for areas in _standing(facts, event.sold_share, snapshot.areas)]
    done = 0
    room = asyncio.Semaphore(_SALES_AT_ONCE)

    async def sell(number: int, seats: list[int], areas: dict[int, int]) -> None:
        nonlocal done
        async with room:
            await _book(runtime, event, number, seats, areas)
        done += 1
        say(f"{event.name}: selling", done, len(parties))

    async with asyncio.TaskGroup() as group:
        for number, party in enumerate(parties):
            group.create_task(sell(number, *party))


def _parties(seats: list[int], size_max: int) -> Iterator[list[int]]:
    """Neighbouring seat numbers in groups of at most ``size_max``."""
    party: list[int] = []
    for seat_no in seats:
        if party and (seat_no != party[-1] + 1 or len(party) == size_max):
            yield party
            party = []
        party.append(seat_no)
    if party:
        yield party


def _standing(facts: Facts, share: float, free: Mapping[int, int]) -> Iterator[dict[int, int]]:
    for area_no, area in enumerate(facts.layout.areas):
        sold = area.capacity - free[area_no]
        for _ in range((int(area.capacity * share) - sold) // 2):
            yield {area_no: 2}


async def _book(
    runtime: Runtime, event: DemoEvent, number: int, seats: list[int], areas: dict[int, int]
) -> None:
    buyer_id = new_id()
    hold = await runtime.holds.place(event.event_id, buyer_id, seats=seats, areas=areas)
    request = BookingRequest(
        hold.hold_id,
        # A reserved domain (RFC 2606): the demo's eleven thousand bookings send no mails.
        Buyer(f"guest{number}@demo.invalid", f"Guest {number}"),
        PaymentChoice("sandbox", "tok_visa"),
    )
    await runtime.sales.checkout.book(buyer_id, new_id(), request)
