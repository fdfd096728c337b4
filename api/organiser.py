"""The organiser's side: events, putting them on sale. Guarded by the organiser's key."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, patch, post
from litestar.params import FromPath
from msgspec import Meta, Struct

from api.auth import require_organiser
from api.conventions import AnyRequest, IfMatch, etag, read_body, required_version, runtime_of
from api.description import STORES, Operation, Reply, described
from api.events import EventPage, event_page
from engine.base.actor import ORGANISER
from engine.base.errors import InvalidInput
from engine.base.model import SeatNo
from engine.catalog.model import Event, EventDraft, EventPatch
from engine.events.blocking import Blocking

_OPTIONS: dict[str, Any] = {
    "tags": ["Organisers"],
    "security": [{"OrganiserKey": []}],
    "guards": [require_organiser],
}


_Places = Annotated[int, Meta(ge=1, le=1_000_000)]


class SeatSelection(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Seats and places of areas of an event, at least one, and a reason, which is kept."""

    seats: Annotated[list[SeatNo], Meta(max_length=5000)] = []
    areas: Annotated[
        dict[Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,3})$(?!\n)")], _Places],
        Meta(description="Places by area number.", examples=[{"0": 20}], max_length=1000),
    ] = {}
    reason: Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^[^\x00]*$")] | None = None


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


async def _selection(request: AnyRequest) -> SeatSelection:
    data = await read_body(request, _SEAT_SELECTION)
    if not (data.seats or data.areas):
        raise InvalidInput(
            'Name at least one seat or place: {"seats": [17]}, {"areas": {"0": 20}}.'
        )
    return data


def _by_number(data: SeatSelection) -> dict[int, int]:
    return {int(no): places for no, places in data.areas.items()}


async def _page(request: AnyRequest, event: Event, status: int = 200) -> Response[EventPage]:
    page = await event_page(runtime_of(request), event)
    return Response(
        page,
        status_code=status,
        headers={"ETag": etag(event.version), "Location": f"/v1/events/{event.event_id}"},
    )


@post(
    "/v1/events",
    summary="Draft an event",
    description="`prices` are minor units by category. Buyers see it once published.",
    opt=described(
        takes=EventDraft,
        gives={201: Reply("The draft.", EventPage, ("ETag", "Location"))},
        refuses=(
            "prices-mismatch",
            "categories-mismatch",
            "venue-not-found",
            "layout-not-found",
            "catalog-unavailable",
        ),
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
            "categories-mismatch",
            "event-published",
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
        "Blocks the seats that nobody has, and so many places of areas as are free; the answer lists "
        "what was blocked, and the other seats with the reason. Maps show blocked seats as not for "
        "sale. A draft's are blocked when it is published: they are never free."
    ),
    opt=_SEAT_COMMAND,
    **_OPTIONS,
)
async def block_seats(request: AnyRequest, event_id: FromPath[UUID]) -> Blocking:
    data = await _selection(request)
    return await runtime_of(request).events.blocks.block(
        str(event_id),
        data.seats,
        areas=_by_number(data),
        reason=data.reason,
        actor=ORGANISER,
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
    data = await _selection(request)
    return await runtime_of(request).events.blocks.unblock(
        str(event_id),
        data.seats,
        areas=_by_number(data),
        reason=data.reason,
        actor=ORGANISER,
    )


HANDLERS = [
    create_event,
    patch_event,
    publish_event,
    pause_event,
    resume_event,
    cancel_event,
    block_seats,
    unblock_seats,
]
