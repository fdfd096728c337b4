"""Bookings and tickets."""

from datetime import timedelta

from litestar.handlers import HTTPRouteHandler

from api.bookings import (
    BookingBody,
    BookingList,
    CancelRequest,
    TicketList,
    book,
    cancel_booking,
    list_bookings,
    read_booking,
    read_tickets,
)
from api.examples.evening import (
    AREAS,
    BOOKING_ID,
    BOUGHT,
    BUYER,
    EVENT_ID,
    HOLD_ID,
    SEATS,
    TICKET_ID,
    euros,
)
from api.examples.shown import Shown
from api.links import LOOKED_UP, Lookup, look_up_bookings
from engine.base.model import Booking, BookingStatus, NextAction, Ticket
from engine.sales.ledger import PaymentChoice

BOOKING_BODY = BookingBody(HOLD_ID, BUYER, PaymentChoice("sandbox", "tok_visa"))
BOOKING = Booking(
    booking_id=BOOKING_ID,
    reference="7K2M9Q4TXV",
    event_id=EVENT_ID,
    hold_id=HOLD_ID,
    status=BookingStatus.CONFIRMED,
    seats=SEATS,
    areas=AREAS,
    total=euros(118),
    buyer=BUYER,
    version=2,
    created_at=BOUGHT,
)
PENDING_BOOKING = Booking(
    booking_id=BOOKING_ID,
    reference="7K2M9Q4TXV",
    event_id=EVENT_ID,
    hold_id=HOLD_ID,
    status=BookingStatus.PENDING,
    seats=SEATS,
    areas=AREAS,
    total=euros(118),
    buyer=BUYER,
    version=1,
    created_at=BOUGHT,
    expires_at=BOUGHT + timedelta(minutes=5),
    next_action=NextAction(
        "redirect", "http://localhost:8000/sandbox/3ds/AZgAAAAAcACAAAAAAAAA5ABp8ZDVq0yP8m3xTg"
    ),
)
CANCELLED_BOOKING = Booking(
    booking_id=BOOKING_ID,
    reference="7K2M9Q4TXV",
    event_id=EVENT_ID,
    hold_id=HOLD_ID,
    status=BookingStatus.CANCELLED,
    seats=SEATS,
    areas=AREAS,
    total=euros(118),
    buyer=BUYER,
    version=3,
    created_at=BOUGHT,
    refunded=euros(118),
)
BOOKING_LIST = BookingList([BOOKING])
LOOKUP = Lookup("ada@example.com")
LOOKUP_ANSWER = LOOKED_UP
TICKET_LIST = TicketList(
    [
        Ticket(
            ticket_id=TICKET_ID,
            booking_id=BOOKING_ID,
            event_id=EVENT_ID,
            label="Stalls, row F, seat 12",
            category="Stalls",
            seat_no=117,
            area_no=None,
            code="0d6f8f0e-7c57-4b7f-9d6e-0a1b2c3d4e5f",
            status="valid",
            qr_svg='<svg xmlns="http://www.w3.org/2000/svg" width="116" height="116">…</svg>',
        )
    ]
)

SHOWN: dict[HTTPRouteHandler, Shown] = {
    book: Shown(
        takes={"sandbox card": BOOKING_BODY},
        gives={201: {"confirmed": BOOKING}, 202: {"pending": PENDING_BOOKING}},
    ),
    list_bookings: Shown(gives={200: {"bookings": BOOKING_LIST}}),
    read_booking: Shown(gives={200: {"booking": BOOKING}}),
    read_tickets: Shown(gives={200: {"tickets": TICKET_LIST}}),
    cancel_booking: Shown(
        takes={"keep the hold of a pending booking": CancelRequest(keep_hold=True)},
        gives={200: {"cancelled": CANCELLED_BOOKING}},
    ),
    look_up_bookings: Shown(takes={"address": LOOKUP}, gives={202: {"answer": LOOKUP_ANSWER}}),
}
