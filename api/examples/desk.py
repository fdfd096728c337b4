"""The organiser's desk: bookings and attendees of an event."""

import csv
import io

import msgspec
from litestar.handlers import HTTPRouteHandler

from api.bookings import BookingList
from api.desk import (
    AttendeeList,
    BookingCorrection,
    correct_booking,
    find_event_booking,
    list_attendees,
    list_event_bookings,
    refund_booking,
    resend_tickets,
)
from api.examples.bookings import BOOKING, CANCELLED_BOOKING
from api.examples.evening import BOOKING_ID, BOUGHT, BUYER, MAIL_ID, SEATS
from api.examples.shown import Shown
from api.spreadsheets import CSV
from engine.base.model import BookingStatus, Buyer
from engine.sales.desk import ATTENDEE_COLUMNS, Attendee, Correction, Resent, attendee_cells

ATTENDEE = Attendee(
    booking_id=BOOKING_ID,
    reference=BOOKING.reference,
    status=BookingStatus.CONFIRMED,
    name=BUYER.name,
    email=BUYER.email,
    seat=SEATS[0].label,
    seat_no=SEATS[0].seat_no,
    area=None,
    area_no=None,
    category=SEATS[0].category,
    price=SEATS[0].price,
    ordered_at=BOUGHT,
    item_no=0,
    place_no=1,
)
CORRECTED = msgspec.structs.replace(
    BOOKING, buyer=Buyer("ada.lovelace@example.com", BUYER.name), version=3
)


def _table() -> str:
    text = io.StringIO()
    csv.writer(text).writerows([ATTENDEE_COLUMNS, attendee_cells(ATTENDEE)])
    return text.getvalue()


SHOWN: dict[HTTPRouteHandler, Shown] = {
    list_event_bookings: Shown(gives={200: {"bookings": BookingList([BOOKING])}}),
    find_event_booking: Shown(gives={200: {"booking": BOOKING}}),
    list_attendees: Shown(
        gives={200: {"attendees": AttendeeList([ATTENDEE])}},
        others={CSV: {"table": _table()}},
    ),
    correct_booking: Shown(
        takes={"address": BookingCorrection(Correction(email="ada.lovelace@example.com"))},
        gives={200: {"corrected": CORRECTED}},
    ),
    resend_tickets: Shown(
        gives={202: {"queued": Resent(mail_id=MAIL_ID, email="ada.lovelace@example.com")}}
    ),
    refund_booking: Shown(gives={200: {"refunded": CANCELLED_BOOKING}}),
}
