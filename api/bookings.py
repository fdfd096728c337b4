"""Bookings: pay for a hold, look, cancel; tickets; and the sandbox bank's 3-D Secure page."""

import asyncio
import html
from typing import Annotated, Any
from urllib.parse import parse_qs
from uuid import UUID

import msgspec
from litestar import MediaType, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta, Struct

from api.auth import buyer_id, owner_or_organiser
from api.conventions import (
    AnyRequest,
    IfMatch,
    Json,
    etag,
    optional_version,
    read_body,
    runtime_of,
    versioned,
)
from api.description import HOLD_ENDED, HOLD_GONE, STORES, Reply, described
from api.idempotency import REPLAYED, IdempotencyKey, required_key
from api.networks import network
from api.paging import Cursor, Limit, cut, decode_cursor
from api.problems import problem_response
from api.short_cuts import SHORT_CUT
from engine.base.actor import ORGANISER, Actor, ActorKind
from engine.base.errors import Gone, InvalidInput, PaymentDeclined
from engine.base.model import Booking, Buyer, Page, Ticket, Uuid
from engine.sales.ledger import Answer, BookingRequest, PaymentChoice
from engine.sales.qr import qr_svg

_SECURITY: list[dict[str, list[str]]] = [{"BearerToken": []}]
#: The organiser may see and cancel every buyer's.
_STAFF_TOO: list[dict[str, list[str]]] = [*_SECURITY, {"OrganiserKey": []}]


class BookingBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A hold, its buyer, and how it is paid."""

    hold_id: Uuid
    buyer: Buyer
    payment: Annotated[
        PaymentChoice | None,
        Meta(description="Not needed where the total is 0: nothing is charged."),
    ] = None


class CancelRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Empty, except for a pending booking whose buyer wants to pay in another way."""

    keep_hold: bool = False


_CANCEL_REQUEST = msgspec.json.Decoder(CancelRequest)
_BOOKING_BODY = msgspec.json.Decoder(BookingBody)


class BookingList(Page[Booking], frozen=True):
    """A buyer's bookings, newest first."""


class TicketList(Page[Ticket], frozen=True):
    """All tickets of a booking, on one page."""


@post(
    "/v1/bookings",
    tags=["Bookings"],
    security=_SECURITY,
    summary="Book and pay for a hold",
    description=(
        "Places that cost nothing need no `payment`. 201 confirmed; 202 pending, with what the buyer must do next; 402 declined (the hold stays). "
        "The same Idempotency-Key and body give the same response again."
    ),
    opt={
        **SHORT_CUT,
        **described(
            takes=BookingBody,
            gives={
                201: Reply(
                    "Confirmed: the seats are sold and the tickets exist.",
                    Booking,
                    ("ETag", "Location"),
                ),
                202: Reply(
                    "Pending: `next_action` says what the buyer must do next, or that the client "
                    "should read again later.",
                    Booking,
                    ("ETag", "Location"),
                ),
            },
            refuses=(
                "idempotency-key-required",
                "unknown-payment-provider",
                "unknown-payment-token",
                "payment-required",
                "payment-declined",
                *HOLD_GONE,
                "seat-unavailable",
                "limit-reached",
                "event-not-on-sale",
                "hold-in-payment",
                "hold-already-booked",
                *HOLD_ENDED,
                "payment-too-late",
                "too-many-payments",
                *STORES,
                "payments-unavailable",
                "outcome-unknown",
            ),
            replays=True,
            needs_key=True,
        ),
    },
)
async def book(request: AnyRequest, idempotency_key: IdempotencyKey = None) -> Response[Booking]:
    data = await read_body(request, _BOOKING_BODY)
    key = required_key(idempotency_key)
    answer, replayed = await runtime_of(request).sales.checkout.book(
        buyer_id(request),
        key,
        BookingRequest(data.hold_id.lower(), data.buyer, data.payment),
        network=network(request),
    )
    return _answer(request, answer, replayed=replayed)


def _answer(request: AnyRequest, answer: Answer, *, replayed: bool) -> Response[Any]:
    headers = dict(REPLAYED) if replayed else {}
    booking = answer.booking
    match answer.outcome:
        case "declined":
            error = PaymentDeclined(
                answer.detail,
                decline_code=answer.decline_code,
                booking_id=booking.booking_id,
                hold_id=booking.hold_id,
            )
            return problem_response(request, error, headers)
        case "expired":
            gone = Gone(answer.detail, code="payment-too-late", booking_id=booking.booking_id)
            return problem_response(request, gone, headers)
    status = 201 if answer.outcome == "confirmed" else 202
    headers |= {"ETag": etag(booking.version), "Location": f"/v1/bookings/{booking.booking_id}"}
    return Json(booking, status_code=status, headers=headers)


@get(
    "/v1/bookings",
    tags=["Bookings"],
    security=_SECURITY,
    summary="Your bookings, newest first",
    opt=described(
        gives={200: Reply("A page of bookings.", BookingList)},
        refuses=("unavailable", "catalog-unavailable"),
    ),
)
async def list_bookings(
    request: AnyRequest, limit: Limit = 20, cursor: Cursor = None
) -> BookingList:
    after = decode_cursor(cursor, Uuid)
    found = await runtime_of(request).sales.reading.of_buyer(
        buyer_id(request), after=after, limit=limit + 1
    )
    return BookingList(*cut(found, limit, lambda booking: booking.booking_id))


@get(
    "/v1/bookings/{booking_id:uuid}",
    tags=["Bookings"],
    security=_STAFF_TOO,
    summary="One booking",
    opt=described(
        gives={200: Reply("The booking.", Booking, ("ETag",))},
        refuses=("booking-not-found", "unavailable", "catalog-unavailable"),
    ),
)
async def read_booking(request: AnyRequest, booking_id: FromPath[UUID]) -> Response[Booking]:
    sales, owner = runtime_of(request).sales, await owner_or_organiser(request)
    if owner is None:
        # Without the next action, which is the buyer's.
        booking = await sales.desk.booking(str(booking_id))
    else:
        booking = await sales.reading.read(str(booking_id), buyer_id=owner)
    return versioned(booking, booking.version)


@get(
    "/v1/bookings/{booking_id:uuid}/tickets",
    tags=["Bookings"],
    security=_STAFF_TOO,
    summary="The tickets of a booking, with QR codes",
    opt=described(
        gives={
            200: Reply("One ticket per place; none before the booking is confirmed.", TicketList)
        },
        refuses=("booking-not-found", "unavailable", "catalog-unavailable"),
    ),
)
async def read_tickets(request: AnyRequest, booking_id: FromPath[UUID]) -> TicketList:
    owner = await owner_or_organiser(request)
    tickets = await runtime_of(request).sales.tickets.of_booking(str(booking_id), buyer_id=owner)
    return TicketList(await asyncio.to_thread(_with_qr, tickets))


def _with_qr(tickets: list[Ticket]) -> list[Ticket]:
    return [msgspec.structs.replace(ticket, qr_svg=qr_svg(ticket.code)) for ticket in tickets]


@post(
    "/v1/bookings/{booking_id:uuid}/cancel",
    tags=["Bookings"],
    security=_STAFF_TOO,
    status_code=200,
    summary="Cancel a booking",
    description=(
        "The seats go back on sale at once, and the money is refunded in full. Possible until the "
        "event begins; with the organiser's key at any time. A `pending` booking is withdrawn: nothing "
        "can be charged for it any more, it is `declined`, and its hold is given back, or goes on for "
        "another card (`keep_hold`). If the money came first, it is `cancelled` and refunded like any "
        "other."
    ),
    opt=described(
        takes=CancelRequest,
        takes_nothing_too=True,
        gives={200: Reply("The booking, which has ended.", Booking, ("ETag",))},
        refuses=(
            "booking-not-found",
            "booking-not-confirmed",
            "event-begun",
            "precondition-failed",
            "unavailable",
            "catalog-unavailable",
            "payments-unavailable",
            "outcome-unknown",
        ),
        replays=True,
    ),
)
async def cancel_booking(
    request: AnyRequest, booking_id: FromPath[UUID], if_match: IfMatch = None
) -> Response[Booking]:
    data = await read_body(request, _CANCEL_REQUEST, empty=b"{}")
    sales, owner = runtime_of(request).sales, await owner_or_organiser(request)
    version = optional_version(if_match)
    if owner is None:
        booking = await sales.desk.cancel(str(booking_id), actor=ORGANISER, version=version)
    else:
        booking = await sales.cancelling.cancel(
            str(booking_id),
            actor=Actor(ActorKind.BUYER),
            buyer_id=owner,
            version=version,
            keep_hold=data.keep_hold,
        )
    return versioned(booking, booking.version)


# The sandbox bank. Its page stands for another company's: the address alone gives access to it.


class BankAnswer(Struct, frozen=True):
    approve: bool


_BANK_ANSWER = msgspec.json.Decoder(BankAnswer)
_BANK_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}
_BANK_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Sandbox bank</title><link rel="icon" href="/web/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/web/bank.css"></head>
<body><main><h1>Sandbox bank</h1>
<p>Do you approve the payment of <strong>{total}</strong> for booking <strong>{reference}</strong>?</p>
<form method="post">
<button name="approve" value="true">Approve</button>
<button name="approve" value="false">Decline</button>
</form><p><small>No money moves: this page stands for your bank's.</small></p></main></body></html>
"""


@get("/sandbox/3ds/{token:str}", media_type=MediaType.HTML, include_in_schema=False)
async def bank_page(request: AnyRequest, token: FromPath[str]) -> Response[str]:
    runtime = runtime_of(request)
    booking = await runtime.sales.reading.read(runtime.sales.sandbox.read_approval(token))
    page = _BANK_PAGE.format(
        total=html.escape(str(booking.total)), reference=html.escape(booking.reference)
    )
    return Response(page, headers=_BANK_HEADERS, media_type=MediaType.HTML)


@post("/sandbox/3ds/{token:str}", include_in_schema=False, status_code=200)
async def bank_answer(request: AnyRequest, token: FromPath[str]) -> Response[Any]:
    runtime = runtime_of(request)
    booking_id = runtime.sales.sandbox.read_approval(token)
    is_form = "json" not in request.headers.get("content-type", "")
    approve = await _form_approval(request) if is_form else await _json_approval(request)
    await runtime.sales.sandbox.complete_action(booking_id, approve=approve)
    await runtime.sales.finishing.payment_arrived(booking_id)
    booking = await runtime.sales.reading.read(booking_id)
    if is_form:
        return Redirect(f"/events/{booking.event_id}?booking={booking_id}", status_code=303)
    return Response({"booking_id": booking.booking_id, "status": booking.status})


async def _json_approval(request: AnyRequest) -> bool:
    return (await read_body(request, _BANK_ANSWER)).approve


async def _form_approval(request: AnyRequest) -> bool:
    answers = parse_qs((await request.body()).decode("latin-1")).get("approve")
    if answers not in (["true"], ["false"]):
        raise InvalidInput("approve: send true or false.")
    return answers == ["true"]


HANDLERS = [
    book,
    list_bookings,
    read_booking,
    read_tickets,
    cancel_booking,
    bank_page,
    bank_answer,
]
