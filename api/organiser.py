"""The organiser's side: venues, events, putting them on sale. Guarded by the organiser's key."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, patch, post
from litestar.params import FromPath, QueryParameter
from msgspec import Meta, Struct

from api.auth import require_organiser
from api.bodies import PLAN_SIZE_MAX
from api.conventions import AnyRequest, IfMatch, etag, read_body, required_version, runtime_of
from api.description import STORES, Operation, Reply, described
from api.events import EventPage, event_page
from engine.base.actor import ORGANISER
from engine.base.model import SeatNo
from engine.catalog.model import Event, EventDraft, EventPatch, TimeZone, Venue
from engine.events.publishing import Blocking

_OPTIONS: dict[str, Any] = {
    "tags": ["Organisers"],
    "security": [{"OrganiserKey": []}],
    "guards": [require_organiser],
}


class VenueDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A venue without a layout; import one into it."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    city: Annotated[str, Meta(max_length=100)] = ""
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
    timezone: TimeZone | None = None


class SeatSelection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seats of an event, and a reason, which is kept."""

    seats: Annotated[list[SeatNo], Meta(min_length=1, max_length=5000)]
    reason: Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^[^\x00]*$")] | None = None


class LayoutWarning(Struct, frozen=True):
    """Something in a plan that was corrected or left out, and where it is."""

    path: Annotated[str, Meta(examples=["zones[0].rows[3].seats[7].category"])]
    problem: str


class ImportedVenue(Struct, frozen=True):
    """A venue with its new layout, and the importer's corrections."""

    venue: Venue
    warnings: list[LayoutWarning]


_VENUE_DRAFT = msgspec.json.Decoder(VenueDraft)
_PLAN = msgspec.json.Decoder(dict[str, Any])
_EVENT_DRAFT = msgspec.json.Decoder(EventDraft)
_EVENT_PATCH = msgspec.json.Decoder(EventPatch)
_SEAT_SELECTION = msgspec.json.Decoder(SeatSelection)


def _event_command(description: str, *refuses: str) -> dict[str, Operation]:
    return described(
        gives={200: Reply(description, EventPage, ("ETag", "Location"))},
        refuses=("event-not-found", *refuses, *STORES),
        replays=True,
    )


_SEAT_COMMAND = described(
    takes=SeatSelection,
    gives={200: Reply("The seats that were changed, and those that were not.", Blocking)},
    refuses=("no-such-seat", "event-not-found", "event-not-published", "event-cancelled", *STORES),
    replays=True,
)


async def _page(request: AnyRequest, event: Event, status: int = 200) -> Response[EventPage]:
    page = await event_page(runtime_of(request), event)
    return Response(
        page,
        status_code=status,
        headers={"ETag": etag(event.version), "Location": f"/v1/events/{event.event_id}"},
    )


@post(
    "/v1/venues",
    summary="Make a venue",
    description="Without a layout; `POST /v1/venues/import?venue_id=…` gives it one.",
    opt=described(
        takes=VenueDraft,
        gives={201: Reply("The venue.", Venue, ("Location",))},
        refuses=("catalog-unavailable",),
        replays=True,
    ),
    **_OPTIONS,
)
async def create_venue(request: AnyRequest) -> Response[Venue]:
    data = await read_body(request, _VENUE_DRAFT)
    venue = await runtime_of(request).catalog.create_venue(
        name=data.name,
        city=data.city,
        latitude=data.latitude,
        longitude=data.longitude,
        timezone=data.timezone,
    )
    return Response(venue, status_code=201, headers={"Location": f"/v1/venues/{venue.venue_id}"})


@post(
    "/v1/venues/import",
    summary="Import a seating plan",
    description="The body is a plan in the native or the pretix format; every problem is reported.",
    request_max_body_size=PLAN_SIZE_MAX,
    opt=described(
        takes=dict[str, Any],
        gives={
            201: Reply(
                "The venue, and the importer's corrections and omissions.",
                ImportedVenue,
                ("Location",),
            )
        },
        refuses=("venue-not-found", "invalid-layout", "catalog-unavailable"),
        replays=True,
    ),
    **_OPTIONS,
)
async def import_venue(
    request: AnyRequest,
    name: Annotated[
        str | None, QueryParameter(max_length=200, description="The venue's; else the plan's own.")
    ] = None,
    city: Annotated[str, QueryParameter(max_length=100, description="Where it is.")] = "",
    latitude: Annotated[float | None, QueryParameter(ge=-90, le=90, description="Degrees.")] = None,
    longitude: Annotated[
        float | None, QueryParameter(ge=-180, le=180, description="Degrees.")
    ] = None,
    timezone: Annotated[
        str | None,
        QueryParameter(
            max_length=60, description="IANA name; the times of its events are shown in this zone."
        ),
    ] = None,
    renumber: Annotated[
        bool, QueryParameter(description="Give fresh ids to items whose id occurs twice.")
    ] = False,
    lenient: Annotated[
        bool,
        QueryParameter(description="Leave out parts that cannot be understood, and report them."),
    ] = False,
    venue_id: Annotated[
        UUID | None, QueryParameter(description="Give this venue a new layout.")
    ] = None,
) -> Response[ImportedVenue]:
    runtime = runtime_of(request)
    plan = await read_body(request, _PLAN)
    if venue_id is not None:
        known = await runtime.catalog.venue(str(venue_id))
        name, city = name or known.name, city or known.city
        latitude = known.latitude if latitude is None else latitude
        longitude = known.longitude if longitude is None else longitude
        timezone = timezone or known.timezone
    venue, warnings = await runtime.catalog.import_venue(
        plan,
        name=name,
        city=city,
        latitude=latitude,
        longitude=longitude,
        timezone=timezone or None,
        renumber=renumber,
        lenient=lenient,
        venue_id=None if venue_id is None else str(venue_id),
    )
    return Response(
        ImportedVenue(venue, [LayoutWarning(w.path, w.problem) for w in warnings]),
        status_code=201,
        headers={"Location": f"/v1/venues/{venue.venue_id}"},
    )


@get(
    "/v1/venues/{venue_id:uuid}",
    summary="One venue",
    opt=described(
        gives={200: Reply("The venue.", Venue)}, refuses=("venue-not-found", "catalog-unavailable")
    ),
    **_OPTIONS,
)
async def read_venue(request: AnyRequest, venue_id: FromPath[UUID]) -> Venue:
    return await runtime_of(request).catalog.venue(str(venue_id))


@post(
    "/v1/events",
    summary="Draft an event",
    description="`prices` are minor units by category of the layout. Buyers see it once published.",
    opt=described(
        takes=EventDraft,
        gives={201: Reply("The draft.", EventPage, ("ETag", "Location"))},
        refuses=("prices-mismatch", "venue-not-found", "layout-not-found", "catalog-unavailable"),
        replays=True,
    ),
    **_OPTIONS,
)
async def create_event(request: AnyRequest) -> Response[EventPage]:
    data = await read_body(request, _EVENT_DRAFT)
    return await _page(request, await runtime_of(request).catalog.create_event(data), 201)


@patch(
    "/v1/events/{event_id:uuid}",
    summary="Change an event",
    description="Needs If-Match. Prices and limits of an event on sale take effect at once.",
    opt=described(
        takes=EventPatch,
        gives={200: Reply("The event as it is now.", EventPage, ("ETag", "Location"))},
        refuses=(
            "prices-mismatch",
            "event-not-found",
            "precondition-failed",
            "precondition-required",
            *STORES,
        ),
    ),
    **_OPTIONS,
)
async def patch_event(
    request: AnyRequest, event_id: FromPath[UUID], if_match: IfMatch = None
) -> Response[EventPage]:
    version = required_version(if_match)
    data = await read_body(request, _EVENT_PATCH)
    event = await runtime_of(request).events.publishing.patch(str(event_id), data, version=version)
    return await _page(request, event)


@post(
    "/v1/events/{event_id:uuid}/publish",
    status_code=200,
    summary="Put it on sale",
    description="Publishing twice is safe, and completes a publication that a crash interrupted.",
    opt=_event_command("The event, on sale.", "event-cancelled"),
    **_OPTIONS,
)
async def publish_event(request: AnyRequest, event_id: FromPath[UUID]) -> Response[EventPage]:
    return await _page(request, await runtime_of(request).events.publishing.publish(str(event_id)))


@post(
    "/v1/events/{event_id:uuid}/pause",
    status_code=200,
    summary="Stop new holds",
    description="Existing holds can still be booked.",
    opt=_event_command("The event, paused.", "event-not-published", "event-cancelled"),
    **_OPTIONS,
)
async def pause_event(request: AnyRequest, event_id: FromPath[UUID]) -> Response[EventPage]:
    return await _page(request, await runtime_of(request).events.publishing.pause(str(event_id)))


@post(
    "/v1/events/{event_id:uuid}/resume",
    status_code=200,
    summary="Sell again",
    opt=_event_command("The event, on sale.", "event-not-published", "event-cancelled"),
    **_OPTIONS,
)
async def resume_event(request: AnyRequest, event_id: FromPath[UUID]) -> Response[EventPage]:
    return await _page(request, await runtime_of(request).events.publishing.resume(str(event_id)))


@post(
    "/v1/events/{event_id:uuid}/cancel",
    status_code=200,
    summary="Cancel the event",
    description="Final. Every booking is cancelled and refunded.",
    opt=_event_command("The event, cancelled.", "event-not-published"),
    **_OPTIONS,
)
async def cancel_event(request: AnyRequest, event_id: FromPath[UUID]) -> Response[EventPage]:
    return await _page(request, await runtime_of(request).events.publishing.cancel(str(event_id)))


@post(
    "/v1/events/{event_id:uuid}/block",
    status_code=200,
    summary="Keep seats from sale",
    description=(
        "Blocks the seats that nobody has; the answer lists the others with the reason. Maps show "
        "blocked seats as not for sale. Areas cannot be blocked."
    ),
    opt=_SEAT_COMMAND,
    **_OPTIONS,
)
async def block_seats(request: AnyRequest, event_id: FromPath[UUID]) -> Blocking:
    data = await read_body(request, _SEAT_SELECTION)
    return await runtime_of(request).events.publishing.block(
        str(event_id), data.seats, reason=data.reason, actor=ORGANISER
    )


@post(
    "/v1/events/{event_id:uuid}/unblock",
    status_code=200,
    summary="Give blocked seats back",
    description="Offered to the waitlist first, if people wait for such seats; otherwise they are on sale.",
    opt=_SEAT_COMMAND,
    **_OPTIONS,
)
async def unblock_seats(request: AnyRequest, event_id: FromPath[UUID]) -> Blocking:
    data = await read_body(request, _SEAT_SELECTION)
    return await runtime_of(request).events.publishing.unblock(
        str(event_id), data.seats, reason=data.reason, actor=ORGANISER
    )


HANDLERS = [
    create_venue,
    import_venue,
    read_venue,
    create_event,
    patch_event,
    publish_event,
    pause_event,
    resume_event,
    cancel_event,
    block_seats,
    unblock_seats,
]
