"""The organiser's desk: an event's bookings and attendees, corrections, mails, refunds."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, patch, post
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream
from msgspec import Meta, Struct

from api.auth import require_organiser
from api.bookings import BookingList
from api.conventions import (
    AnyRequest,
    IfMatch,
    large_json,
    preferred_type,
    read_body,
    required_version,
    runtime_of,
    versioned,
)
from api.description import JSON, Reply, described
from api.paging import Cursor, Int32, Limit, Position, cut, decode_cursor
from api.spreadsheets import CSV, csv_response
from engine.base.actor import ORGANISER
from engine.base.model import Booking, BookingStatus, Page, Uuid
from engine.runtime import Runtime
from engine.sales.desk import (
    ATTENDEE_COLUMNS,
    Attendee,
    Correction,
    Resent,
    attendee_cells,
)

_OPTIONS: Final[dict[str, Any]] = {
    "tags": ["Organisers"],
    "security": [{"OrganiserKey": []}],
    "guards": [require_organiser],
}
_READS: Final = ("unavailable", "catalog-unavailable")


class _Place(Position, frozen=True):
    """Where a page of attendees ended."""

    booking_id: Uuid
    item_no: Int32
    place_no: Int32


class AttendeeList(Page[Attendee], frozen=True):
    """One item for each place, in the order of sale."""


class BookingCorrection(Struct, frozen=True, forbid_unknown_fields=True):
    """What was wrong about the buyer; absent fields stay."""

    buyer: Annotated[Correction, Meta(description="The right address, the right name, or both.")]


_CORRECTION = msgspec.json.Decoder(BookingCorrection)
Status = Annotated[
    BookingStatus | None, QueryParameter(description="Only bookings with this status.")
]
AttendeeStatus = Annotated[
    Literal["confirmed", "cancelled", "pending", "declined", "expired", "all"],
    QueryParameter(description="Places of bookings with this status; `all` for every one."),
]


@get(
    "/v1/events/{event_id:uuid}/bookings",
    summary="The bookings of an event, newest first",
    description=(
        "Of every buyer and state. `q` is a reference, an address, or words of name, address or "
        "reference, without regard to case and accents."
    ),
    opt=described(
        gives={200: Reply("A page of bookings.", BookingList)},
        refuses=("event-not-found", *_READS),
    ),
    **_OPTIONS,
)
async def list_event_bookings(
    request: AnyRequest,
    event_id: FromPath[UUID],
    q: Annotated[
        str | None, QueryParameter(max_length=254, description="What to look for.")
    ] = None,
    seat: Annotated[
        str | None,
        QueryParameter(
            max_length=200,
            description="Only bookings that have or had this seat: its `seat_no`, or words of its label.",
        ),
    ] = None,
    status: Status = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response[bytes]:
    found = await runtime_of(request).sales.desk.bookings(
        str(event_id),
        q=q,
        seat=seat,
        status=status,
        after=decode_cursor(cursor, Uuid),
        limit=limit + 1,
    )
    return large_json(request, BookingList(*cut(found, limit, lambda booking: booking.booking_id)))


@get(
    "/v1/events/{event_id:uuid}/bookings/{booking:str}",
    summary="One booking of an event, by id or reference",
    description="A reference is read as people type it: case, blanks and hyphens make no difference.",
    opt=described(
        gives={200: Reply("The booking.", Booking, ("ETag", "Location"))},
        refuses=("booking-not-found", *_READS),
    ),
    **_OPTIONS,
)
async def find_event_booking(
    request: AnyRequest, event_id: FromPath[UUID], booking: FromPath[str]
) -> Response[Booking]:
    return _booking(await runtime_of(request).sales.desk.booking(booking, event_id=str(event_id)))


def _booking(booking: Booking) -> Response[Booking]:
    location = f"/v1/bookings/{booking.booking_id}"
    return versioned(booking, booking.version, location=location)


@get(
    "/v1/events/{event_id:uuid}/attendees",
    summary="Who comes: one row for each place",
    description=(
        "As pages of JSON; with `Accept: text/csv` as one complete table at one instant, in UTF-8, with "
        "a header. Text that a spreadsheet would take for a formula begins with an apostrophe."
    ),
    opt=described(
        gives={
            200: Reply(
                "A page of places, or the complete table.",
                AttendeeList,
                headers=("Content-Disposition",),
                others={CSV: str},
            )
        },
        refuses=("event-not-found", *_READS),
    ),
    **_OPTIONS,
)
async def list_attendees(
    request: AnyRequest,
    event_id: FromPath[UUID],
    status: AttendeeStatus = "confirmed",
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response[bytes] | Stream:
    wanted = None if status == "all" else BookingStatus(status)
    runtime = runtime_of(request)
    if preferred_type(request.headers.get("accept"), JSON, CSV) == CSV:
        async with aclosing(_rows(runtime, str(event_id), wanted)) as rows:
            name = f"attendees-{event_id}.csv"
            return await csv_response(ATTENDEE_COLUMNS, rows, filename=name)
    after = decode_cursor(cursor, _Place)
    found = await runtime.sales.desk.attendees(
        str(event_id),
        status=wanted,
        after=None if after is None else (after.booking_id, after.item_no, after.place_no),
        limit=limit + 1,
    )
    page = cut(found, limit, lambda each: _Place(each.booking_id, each.item_no, each.place_no))
    return large_json(request, AttendeeList(*page), {"Vary": "Accept, Accept-Encoding"})


async def _rows(
    runtime: Runtime, event_id: str, status: BookingStatus | None
) -> AsyncGenerator[tuple[Any, ...]]:
    async with aclosing(runtime.sales.desk.all_attendees(event_id, status=status)) as attendees:
        async for attendee in attendees:
            yield attendee_cells(attendee)


@patch(
    "/v1/bookings/{booking_id:uuid}",
    summary="Correct a buyer's address or name",
    description=(
        "Needs If-Match. Links that were mailed to another address end; mails about the booking that "
        "wait to be sent go to the new one. The tickets are not mailed again: see `resend`."
    ),
    opt=described(
        takes=BookingCorrection,
        gives={200: Reply("The booking as it is now.", Booking, ("ETag", "Location"))},
        refuses=(
            "booking-not-found",
            "precondition-failed",
            "precondition-required",
            *_READS,
            "outcome-unknown",
        ),
    ),
    **_OPTIONS,
)
async def correct_booking(
    request: AnyRequest, booking_id: FromPath[UUID], if_match: IfMatch = None
) -> Response[Booking]:
    version = required_version(if_match)
    data = await read_body(request, _CORRECTION)
    return _booking(
        await runtime_of(request).sales.desk.correct(
            str(booking_id), data.buyer, version=version, actor=ORGANISER
        )
    )


@post(
    "/v1/bookings/{booking_id:uuid}/resend",
    status_code=202,
    summary="Mail the tickets again",
    description="To the buyer's address as it is now. A mail that still waits to be sent is not doubled.",
    opt=described(
        gives={
            202: Reply("The mail that is queued; `GET /v1/mails/{mail_id}` follows it.", Resent)
        },
        refuses=(
            "booking-not-found",
            "booking-not-confirmed",
            "no-address",
            *_READS,
            "outcome-unknown",
        ),
        replays=True,
    ),
    **_OPTIONS,
)
async def resend_tickets(request: AnyRequest, booking_id: FromPath[UUID]) -> Resent:
    return await runtime_of(request).sales.desk.resend(str(booking_id), actor=ORGANISER)


@post(
    "/v1/bookings/{booking_id:uuid}/refunds",
    status_code=200,
    summary="Make an owed refund now",
    description=(
        "Cancelling refunds by itself, and retries while the gateway is away; this asks the gateway at "
        "once. A refund that was made is not repeated."
    ),
    opt=described(
        gives={200: Reply("The booking; `refunded` says how much.", Booking, ("ETag", "Location"))},
        refuses=(
            "booking-not-found",
            "no-refund-due",
            "payments-unavailable",
            *_READS,
            "outcome-unknown",
        ),
        replays=True,
    ),
    **_OPTIONS,
)
async def refund_booking(request: AnyRequest, booking_id: FromPath[UUID]) -> Response[Booking]:
    return _booking(await runtime_of(request).sales.desk.refund(str(booking_id)))


HANDLERS = [
    list_event_bookings,
    find_event_booking,
    list_attendees,
    correct_booking,
    resend_tickets,
    refund_booking,
]
