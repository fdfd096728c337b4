"""Events as buyers see them: the list, the page, the drawing, the state, the prices."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import FromPath, HeaderParameter, QueryParameter
from msgspec import Meta, Struct

from api.auth import is_organiser
from api.conventions import AnyRequest, accepts_gzip, etag, has_tag, large_json, runtime_of
from api.description import BINARY, STORES, Reply, described
from api.drafts import (
    PRIVATE,
    drafted_areas,
    drafted_prices,
    drafted_states,
    readable_draft,
    readable_event,
)
from api.networks import network
from api.paging import Cursor, Int32, Limit, Position, cut, decode_cursor
from api.parameters import moment_of, place_of
from engine.base.caching import Bounded
from engine.base.errors import NotAllowed, NotFound, Unavailable
from engine.base.model import CategoryName, EventStatus, Id, Moment, Money, Page, Uuid, Version
from engine.catalog.assigning import Assignments, Categories
from engine.catalog.model import Event, EventFilter, Facet, Facts
from engine.catalog.showing import ImageUrl, Language, Tagline
from engine.layout import Layout
from engine.live.prices import EventPricing, Price
from engine.live.public_reasons import for_buyers
from engine.live.reading import UNLIMITED
from engine.live.snapshot_frame import encode_snapshot
from engine.runtime import Runtime

#: How long after its start a cancelled event is in the list.
_CANCELLED_SHOWN = timedelta(days=1)
_STANDINGS_MAX = 50

StartsFrom = Annotated[
    datetime | None, QueryParameter(name="from", description="Starting then or later.")
]
StartsTo = Annotated[
    datetime | None, QueryParameter(name="to", description="Starting then or earlier.")
]


class Availability(Struct, frozen=True):
    """Places of the event, and how many are free right now (null: not known at this moment)."""

    seats: Annotated[int, Meta(examples=[1300])]
    available: Annotated[int | None, Meta(description="At most a second old.")]


class VenueRef(Struct, frozen=True):
    """Where an event takes place."""

    venue_id: Id
    name: str
    city: str
    timezone: Annotated[
        str | None, Meta(description="IANA name; show times in it.", examples=["Europe/Berlin"])
    ] = None


class EventItem(Struct, frozen=True, kw_only=True):
    """An event in a list."""

    event_id: Id
    name: str
    starts_at: Moment
    status: EventStatus
    category: str
    venue: VenueRef
    prices_from: Annotated[Money | None, Meta(description="The lowest price in force.")]
    availability: Availability
    tagline: Tagline
    image_url: ImageUrl | None
    language: Language | None
    metadata: Annotated[dict[str, Any], Meta(description="Chosen by the organiser.")]


class EventList(Page[EventItem], frozen=True):
    """Events by date."""


class EventFacets(Struct, frozen=True):
    """Values to filter by, the most common first."""

    categories: list[Facet]
    cities: list[Facet]


class EventStanding(Struct, frozen=True):
    """The changing facts of an event's card."""

    event_id: Id
    status: EventStatus
    prices_from: Money | None
    availability: Availability


class EventStandings(Struct, frozen=True):
    """Some events in their current state."""

    items: list[EventStanding]


class PricingTerms(Struct, frozen=True):
    """How the event's prices are made, and how much of it buyers see."""

    dynamic: Annotated[bool, Meta(description="At least one price follows a rule and may change.")]
    history_public: Annotated[bool, Meta(description="Everybody may read `/prices/history`.")]
    range_public: Annotated[
        bool, Meta(description="Prices that follow a rule show the rule's range.")
    ]


class EventPage(Struct, frozen=True, kw_only=True):
    """An event, without its drawing and the state of its seats."""

    event_id: Id
    name: str
    description: str
    category: str
    starts_at: Moment
    status: EventStatus
    venue: VenueRef
    currency: Annotated[str, Meta(description="ISO 4217.", examples=["EUR"])]
    seat_count: int
    prices: list[Price]
    pricing: PricingTerms
    prices_from: Money | None
    availability: Availability
    buyer_limit: Annotated[int, Meta(description="Places one buyer may hold and own together.")]
    hold_ttl_s: Annotated[int, Meta(description="Lifetime of a fresh hold, in seconds.")]
    layout_url: Annotated[str, Meta(description="The drawing.")]
    live_url: Annotated[str, Meta(description="The live map's WebSocket.")]
    tagline: Tagline
    image_url: ImageUrl | None
    language: Language | None
    categories: Annotated[Categories, Meta(description="Of a draft; later the layout has them.")]
    assignments: Annotated[Assignments, Meta(description="Of a draft; later the layout has them.")]
    metadata: Annotated[dict[str, Any], Meta(description="Chosen by the organiser.")]
    version: Version


class AreaState(Struct, frozen=True):
    """A general-admission area right now."""

    available: int


class SeatStates(Struct, frozen=True):
    """The content of a map at one instant. The live feed goes on from ``(epoch, seq)``."""

    epoch: Annotated[int, Meta(description="Changes when the state is rebuilt.")]
    seq: Annotated[int, Meta(description="Grows by one with every change set.")]
    seat_count: int
    states: Annotated[
        str,
        Meta(
            description="One digit per seat: 0 free, 1 held, 2 sold, 3 not for sale.",
            examples=["0012003"],
        ),
    ]
    areas: Annotated[dict[str, AreaState], Meta(description="By area number.")]


class PriceList(Struct, frozen=True):
    """Prices in force, in the order of the layout's categories."""

    prices: list[Price]


class PriceChange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who set which price, when and why."""

    category_no: int
    category: CategoryName
    old: Annotated[Money | None, Meta(description="Null for the first price.")]
    new: Money
    reason: Annotated[
        str, Meta(description="In words for buyers; with the organiser's key, in the rule's own.")
    ]
    actor: Annotated[
        str, Meta(description="`organiser`, or `pricing:` and the number of the rule.")
    ]
    changed_at: Moment
    inputs: Annotated[
        dict[str, Any] | None,
        Meta(description="What the rule measured and decided; with the organiser's key only."),
    ] = None


class PriceHistory(Page[PriceChange], frozen=True):
    """Price changes, newest first."""


#: Encoded layouts, plain and compressed: immutable, so made once.
_layouts: Bounded[str, tuple[bytes, bytes]] = Bounded(64)


def _encoded_layout(facts: Facts) -> tuple[bytes, bytes]:
    known = _layouts.get(facts.layout_id)
    if known is None:
        plain = facts.layout.to_json()
        known = _layouts[facts.layout_id] = (plain, gzip.compress(plain, 6))
    return known


async def _standing(runtime: Runtime, event: Event) -> tuple[Availability, Money | None]:
    """Free places, and the lowest price in force; of an event not on sale the price on its page."""
    places, prices_from = event.place_count, event.prices_from
    if event.status not in (EventStatus.ON_SALE, EventStatus.PAUSED):
        return Availability(places, 0), prices_from
    try:
        available, lowest = await runtime.live.reading.standing(event.event_id)
    except (Unavailable, NotFound):
        return Availability(places, None), prices_from
    in_force = prices_from if lowest is None else Money(lowest, event.currency)
    return Availability(places, available), in_force


def _venue(event: Event) -> VenueRef:
    venue = event.venue
    return VenueRef(venue.venue_id, venue.name, venue.city, venue.timezone)


async def event_item(runtime: Runtime, event: Event) -> EventItem:
    availability, prices_from = await _standing(runtime, event)
    return EventItem(
        event_id=event.event_id,
        name=event.name,
        starts_at=event.starts_at,
        status=event.status,
        category=event.category,
        venue=_venue(event),
        prices_from=prices_from,
        availability=availability,
        tagline=event.tagline,
        image_url=event.image_url,
        language=event.language,
        metadata=event.metadata,
    )


async def event_page(runtime: Runtime, event: Event) -> EventPage:
    prices = drafted_prices(event)
    pricing = EventPricing()
    if event.status in (EventStatus.ON_SALE, EventStatus.PAUSED):
        with suppress(Unavailable):
            snapshot = await runtime.live.reading.snapshot(event.event_id)
            prices, pricing = snapshot.prices, snapshot.pricing
    availability, prices_from = await _standing(runtime, event)
    live = runtime.settings.live_public_url.rstrip("/")
    return EventPage(
        event_id=event.event_id,
        name=event.name,
        description=event.description,
        category=event.category,
        starts_at=event.starts_at,
        status=event.status,
        venue=_venue(event),
        currency=event.currency,
        seat_count=event.seat_count,
        prices=prices,
        pricing=PricingTerms(pricing.dynamic, pricing.history_public, pricing.range_public),
        prices_from=prices_from,
        availability=availability,
        buyer_limit=event.buyer_limit,
        hold_ttl_s=event.hold_ttl_s,
        layout_url=f"/v1/events/{event.event_id}/layout",
        live_url=f"{live}/v1/live/{event.event_id}",
        tagline=event.tagline,
        image_url=event.image_url,
        language=event.language,
        categories=[] if event.is_public else event.categories,
        assignments=[] if event.is_public else event.assignments,
        metadata=event.metadata,
        version=event.version,
    )


@get(
    "/v1/events",
    tags=["Events"],
    summary="Events on sale, by date",
    description=(
        "On sale or paused; and cancelled ones, with that `status`, until a day after their start: "
        "people who look for them learn why they cannot find tickets."
    ),
    opt=described(gives={200: Reply("A page of events.", EventList)}, refuses=STORES),
)
async def list_events(
    request: AnyRequest,
    q: Annotated[
        str | None,
        QueryParameter(
            max_length=200,
            description="Words to find, all of them, at most 32: in names, cities, kinds, taglines, descriptions and `metadata.tags`. "
            "Case, accents, apostrophes and quotes make no difference.",
        ),
    ] = None,
    category: Annotated[
        str | None,
        QueryParameter(
            max_length=60,
            description="Only events of this kind; case and accents make no difference.",
        ),
    ] = None,
    city: Annotated[
        str | None,
        QueryParameter(
            max_length=100,
            description="Only events in this city; case and accents make no difference.",
        ),
    ] = None,
    near: Annotated[
        str | None,
        QueryParameter(max_length=100, description="Around `latitude,longitude`, in degrees."),
    ] = None,
    radius_km: Annotated[
        float, QueryParameter(gt=0, le=20_000, description="Distance from `near`, in kilometres.")
    ] = 50.0,
    starts_from: StartsFrom = None,
    starts_to: StartsTo = None,
    available: Annotated[
        bool | None, QueryParameter(description="`true`: only events with free places.")
    ] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response[bytes]:
    runtime = runtime_of(request)
    wanted = EventFilter(
        q=q,
        category=category,
        city=city,
        near=place_of("near", near),
        radius_km=radius_km,
        starts_from=moment_of("from", starts_from),
        starts_to=moment_of("to", starts_to),
        cancelled_from=datetime.now(UTC) - _CANCELLED_SHOWN,
    )
    items: list[EventItem] = []
    found = runtime.catalog.events(wanted, after=_events_after(cursor))
    async for events in _chunks(found, limit + 1):
        # Together, so that their commands to Redis leave in one write.
        some = await asyncio.gather(
            *(event_item(runtime, event) for event in events if event.is_public)
        )
        items += [item for item in some if item.availability.available or not available]
        if len(items) > limit:
            break
    page = cut(items, limit, lambda item: _EventsEnd(item.starts_at, item.event_id))
    return large_json(request, EventList(*page))


class _EventsEnd(Position, frozen=True):
    """Where a page of events ended."""

    starts_at: datetime
    event_id: Uuid


def _events_after(cursor: str | None) -> tuple[datetime, str] | None:
    end = decode_cursor(cursor, _EventsEnd)
    return None if end is None else (end.starts_at, end.event_id)


async def _chunks(events: AsyncIterator[Event], size: int) -> AsyncIterator[list[Event]]:
    chunk: list[Event] = []
    async for event in events:
        chunk.append(event)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


@get(
    "/v1/events/facets",
    tags=["Events"],
    summary="Kinds and cities of the events on sale",
    description="Values of `category` and `city` among coming events. At most some seconds old.",
    opt=described(
        gives={200: Reply("Kinds and cities.", EventFacets)}, refuses=("catalog-unavailable",)
    ),
)
async def read_facets(request: AnyRequest) -> EventFacets:
    return EventFacets(*await runtime_of(request).catalog.facets())


@get(
    "/v1/events/availability",
    tags=["Events"],
    summary="The current state of some events",
    description="For lists that people are looking at; includes cancelled events.",
    opt=described(
        gives={200: Reply("The events that exist among those asked for.", EventStandings)},
        refuses=STORES,
    ),
)
async def read_availability(
    request: AnyRequest,
    event_ids: Annotated[
        list[UUID],
        QueryParameter(
            name="id", min_items=1, max_items=_STANDINGS_MAX, description="An event, repeated."
        ),
    ],
) -> EventStandings:
    runtime = runtime_of(request)
    events = await runtime.catalog.events_by_id({str(event_id) for event_id in event_ids})
    items = await asyncio.gather(
        *(event_item(runtime, event) for event in events if event.is_public)
    )
    return EventStandings(
        [EventStanding(i.event_id, i.status, i.prices_from, i.availability) for i in items]
    )


@get(
    "/v1/events/{event_id:uuid}",
    tags=["Events"],
    summary="One event",
    description="With the organiser's key, drafts too.",
    opt=described(
        gives={200: Reply("The event.", EventPage, ("ETag",))}, refuses=("event-not-found", *STORES)
    ),
)
async def read_event(request: AnyRequest, event_id: FromPath[UUID]) -> Response[bytes]:
    event = await readable_event(request, event_id)
    page = await event_page(runtime_of(request), event)
    headers = {"ETag": etag(event.version)} | ({} if event.is_public else PRIVATE)
    return large_json(request, page, headers)


@get(
    "/v1/events/{event_id:uuid}/layout",
    tags=["Events"],
    summary="The drawing of the venue",
    description="Columnar arrays indexed by seat_no. Immutable: cache it for ever by its ETag. With the "
    "organiser's key a draft's, too, which changes.",
    opt=described(
        gives={
            200: Reply(
                "The drawing; compressed with gzip where you accept it.",
                Layout,
                ("ETag", "Cache-Control"),
            ),
            304: Reply("You already have it.", headers=("ETag", "Cache-Control")),
        },
        refuses=("event-not-found", "layout-not-found", "catalog-unavailable"),
    ),
)
async def read_layout(
    request: AnyRequest,
    event_id: FromPath[UUID],
    if_none_match: Annotated[
        str | None,
        HeaderParameter(name="If-None-Match", description="The ETag of the layout you have."),
    ] = None,
) -> Response[bytes]:
    catalog = runtime_of(request).catalog
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    try:
        facts = await catalog.facts(str(event_id))
    except NotFound:
        draft = await readable_draft(request, event_id)
        if draft is None:
            raise
        facts = await catalog.facts_of(draft)
        headers |= PRIVATE
    plain, compressed = _encoded_layout(facts)
    tag = headers["ETag"] = f'"{facts.layout_id}"'
    if has_tag(if_none_match, tag):
        return Response(b"", status_code=304, headers=headers)
    body = plain
    if accepts_gzip(request.headers.get("accept-encoding")):
        headers["Content-Encoding"], body = "gzip", compressed
    return Response(body, headers=headers, media_type="application/json")


@get(
    "/v1/events/{event_id:uuid}/seats",
    tags=["Events"],
    summary="The state of every seat right now",
    description="As JSON, or with `Accept: application/octet-stream` as the live protocol's SNAPSHOT. "
    "With the organiser's key a draft's, too: the map with which its sale begins.",
    opt=described(
        gives={
            200: Reply(
                "The state of every seat and area at one instant.",
                SeatStates,
                others={BINARY: bytes},
            )
        },
        refuses=("event-not-found", *STORES),
    ),
)
async def read_seats(request: AnyRequest, event_id: FromPath[UUID]) -> Response[Any]:
    epoch, seq, digits, areas = await _map(request, event_id)
    headers = {"Cache-Control": "no-store", "Vary": "Accept"}
    if "application/octet-stream" in request.headers.get("accept", ""):
        frame = encode_snapshot(epoch, seq, digits)
        return Response(frame, headers=headers, media_type="application/octet-stream")
    states = SeatStates(
        epoch=epoch,
        seq=seq,
        seat_count=len(digits),
        states=digits.decode(),
        areas={str(no): AreaState(free) for no, free in areas.items()},
    )
    return large_json(request, states, {**headers, "Vary": "Accept, Accept-Encoding"})


async def _map(request: AnyRequest, event_id: UUID) -> tuple[int, int, bytes, dict[int, int]]:
    """Epoch, position, public digits and free places of the event's map; of a draft the map it begins with."""
    runtime = runtime_of(request)
    try:
        shown = await runtime.live.reading.snapshot(
            str(event_id), seen_from=network(request) or UNLIMITED
        )
    except NotFound:
        draft = await readable_draft(request, event_id)
        if draft is None:
            raise
        return (
            0,
            0,
            drafted_states(draft),
            drafted_areas(draft, await runtime.catalog.facts_of(draft)),
        )
    return shown.epoch, shown.seq, shown.states, shown.areas


@get(
    "/v1/events/{event_id:uuid}/prices",
    tags=["Events"],
    summary="Prices in force",
    description="With the organiser's key a draft's, too.",
    opt=described(
        gives={200: Reply("The prices.", PriceList)}, refuses=("event-not-found", *STORES)
    ),
)
async def read_prices(request: AnyRequest, event_id: FromPath[UUID]) -> Response[PriceList]:
    try:
        snapshot = await runtime_of(request).live.reading.snapshot(str(event_id))
    except NotFound:
        draft = await readable_draft(request, event_id)
        if draft is None:
            raise
        return Response(PriceList(drafted_prices(draft)), headers=PRIVATE)
    return Response(PriceList(snapshot.prices))


@get(
    "/v1/events/{event_id:uuid}/prices/history",
    tags=["Events"],
    summary="Every price change, newest first",
    description="Public where the organiser shows it; with the organiser's key always.",
    opt=described(
        gives={200: Reply("A page of changes.", PriceHistory)},
        refuses=("event-not-found", "history-not-public", "unavailable", "catalog-unavailable"),
    ),
)
async def read_price_history(
    request: AnyRequest,
    event_id: FromPath[UUID],
    limit: Limit = 20,
    cursor: Cursor = None,
) -> PriceHistory:
    runtime = runtime_of(request)
    facts = await runtime.catalog.facts(str(event_id))
    organiser = await is_organiser(request)
    if not organiser and not await runtime.stores.view.fetchval(
        "pricing.history_public", str(event_id)
    ):
        raise NotAllowed(
            "The organiser does not publish this event's price history. The prices in force "
            f"are at /v1/events/{event_id}/prices.",
            code="history-not-public",
        )
    end = decode_cursor(cursor, _ChangesEnd)
    after = (None, None, None) if end is None else msgspec.structs.astuple(end)
    rows = await runtime.stores.view.fetch(
        "inventory.price_history", str(event_id), *after, limit + 1
    )
    rows, next_cursor = cut(
        rows, limit, lambda r: _ChangesEnd(r["changed_at"], r["category_no"], r["version"])
    )
    items = [
        PriceChange(
            category_no=row["category_no"],
            category=facts.layout.categories[row["category_no"]].name,
            old=None
            if row["old_amount_minor"] is None
            else Money(row["old_amount_minor"], facts.currency),
            new=Money(row["new_amount_minor"], facts.currency),
            reason=row["reason"] if organiser else for_buyers(row["reason"]),
            actor=row["actor"],
            changed_at=row["changed_at"],
            inputs=row["inputs"] if organiser else None,
        )
        for row in rows
    ]
    return PriceHistory(items, next_cursor)


class _ChangesEnd(Position, frozen=True):
    """Where a page of price changes ended."""

    changed_at: datetime
    category_no: Int32
    version: Int32


HANDLERS = [
    list_events,
    read_facets,
    read_availability,
    read_event,
    read_layout,
    read_seats,
    read_prices,
    read_price_history,
]
