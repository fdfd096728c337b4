"""Drafts as their organiser reads them before they are published, and their previews. To everybody else a
draft does not exist.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Request, Response, post, route
from litestar.params import FromPath
from msgspec import Meta, Struct

from api.auth import is_organiser, require_organiser
from api.conventions import AnyRequest, read_body, runtime_of
from api.description import Reply, described
from api.static import METHODS, PAGE_HEADERS, page_file, respond
from engine.base.errors import Conflict, NotFound
from engine.base.model import EventStatus, Moment, Money, SeatState
from engine.catalog.catalog import event_not_found
from engine.catalog.model import Event, Facts
from engine.events.previews import PREVIEW_MAX_S, PREVIEW_S
from engine.live.prices import Price

#: A draft changes, and only some may read it: nothing keeps a copy.
PRIVATE: Final = {"Cache-Control": "no-store"}
#: A page that opens a draft is neither kept nor indexed, and its address goes nowhere.
_PREVIEW_HEADERS: Final = {
    **PAGE_HEADERS,
    **PRIVATE,
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",
}
#: The request header with a preview's token.
PREVIEW: Final = "Frontrow-Preview"


class PreviewWish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a preview opens the draft."""

    ttl_s: Annotated[int, Meta(ge=60, le=PREVIEW_MAX_S, description="Seconds.")] = PREVIEW_S


class EventPreview(Struct, frozen=True, kw_only=True):
    """A link that shows a draft as buyers will see it, to whoever has it."""

    url: Annotated[
        str,
        Meta(
            description="The page. The token stands behind `#`, so no server and no other page gets it."
        ),
    ]
    token: Annotated[
        str, Meta(description=f"For programs: `{PREVIEW}` with it reads the draft's routes.")
    ]
    expires_at: Annotated[Moment, Meta(description="Or when the event is published, if earlier.")]


_WISH: Final = msgspec.json.Decoder(PreviewWish)


async def may_read_draft(request: AnyRequest, event_id: UUID) -> bool:
    """Whether the sender has the organiser's key, or a preview of this draft."""
    token = request.headers.get(PREVIEW)
    if token is not None and runtime_of(request).events.previews.opens(token, str(event_id)):
        return True
    return await is_organiser(request)


async def readable_event(request: AnyRequest, event_id: UUID) -> Event:
    """The event, if the sender may know of it. Raises NotFound."""
    event = await runtime_of(request).catalog.event(str(event_id))
    if event.is_public or await is_organiser(request):
        return event
    if event.status == EventStatus.DRAFT and await may_read_draft(request, event_id):
        return event
    raise event_not_found(str(event_id))


async def readable_draft(request: AnyRequest, event_id: UUID) -> Event | None:
    """The draft (or the event that is just being published), if it is one and the sender may read it."""
    if not await may_read_draft(request, event_id):
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


@post(
    "/v1/events/{event_id:uuid}/preview",
    tags=["Organisers"],
    security=[{"OrganiserKey": []}],
    guards=[require_organiser],
    summary="A link that shows a draft as buyers will see it",
    description="Whoever has the link sees the draft, and can hold nothing. It ends after `ttl_s`, and when "
    "the event is published.",
    opt=described(
        takes=PreviewWish,
        takes_nothing_too=True,
        gives={201: Reply("The link.", EventPreview)},
        refuses=("event-not-found", "event-published", "event-cancelled", "catalog-unavailable"),
    ),
)
async def preview_event(request: AnyRequest, event_id: FromPath[UUID]) -> Response[EventPreview]:
    runtime = runtime_of(request)
    wish = await read_body(request, _WISH, empty=b"{}")
    event = await runtime.catalog.event(str(event_id))
    if event.status == EventStatus.CANCELLED:
        raise Conflict("A cancelled event stays cancelled.", code="event-cancelled")
    if event.status != EventStatus.DRAFT:
        raise Conflict(
            "The event is published: its page is what buyers see.", code="event-published"
        )
    token, ends = runtime.events.previews.make(event.event_id, ttl_s=wish.ttl_s)
    site = runtime.settings.public_url.rstrip("/")
    made = EventPreview(
        url=f"{site}/events/{event.event_id}/preview#{token}",
        token=token,
        expires_at=datetime.fromtimestamp(ends, UTC),
    )
    return Response(made, status_code=201, headers=PRIVATE)


@route("/events/{event_id:uuid}/preview", http_method=METHODS, include_in_schema=False)
async def preview_page(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The same for every draft, also for none: what it shows it reads with the token."""
    return await respond(request, await page_file("event.html"), _PREVIEW_HEADERS)


HANDLERS = [preview_event, preview_page]
