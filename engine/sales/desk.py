"""What staff see and do about an event's bookings: find, list the attendees, correct, mail again, refund.

Reads and writes PostgreSQL as the organiser's login, so that long lists take no connection from the sale.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from engine.base.actor import Actor
from engine.base.errors import Conflict, InvalidInput, PreconditionFailed
from engine.base.mail_addresses import checked_buyer, email_key, sendable
from engine.base.model import (
    AreaNo,
    Booking,
    BookingStatus,
    Buyer,
    CategoryName,
    EmailAddress,
    Id,
    Moment,
    Money,
    PersonName,
    SeatNo,
)
from engine.catalog.catalog import Catalog
from engine.catalog.model import Facts
from engine.layout.model import Layout
from engine.sales.cancelling import Cancelling
from engine.sales.marks import email_mark
from engine.sales.reading import BookingReader, bookings_of_rows, unknown_booking
from engine.stores.postgres import Postgres

#: Rows read at a time, so that memory is bounded for an event of any size.
_READ_AT_ONCE: Final = 500
_REFERENCE_LENGTH: Final = 10
_REFERENCE: Final = re.compile(rf"[0-9A-HJKMNP-TV-Z]{{{_REFERENCE_LENGTH}}}")
#: How people read letters that a reference does not have (Crockford's base 32), and what they write between.
_MISREAD: Final = str.maketrans("OIL", "011", " -")
_WORDS: Final = re.compile(r"\w+")
#: Ahead of all places of an event.
_START: Final = ("00000000-0000-0000-0000-000000000000", 0, 0)


class Attendee(Struct, frozen=True, kw_only=True):
    """One place of a booking, and the person it was sold to."""

    booking_id: Id
    reference: Annotated[str, Meta(examples=["7K2M9Q4TXV"])]
    status: Annotated[BookingStatus, Meta(description="Of the booking.")]
    name: Annotated[str, Meta(examples=["Ada Lovelace"])]
    email: Annotated[str, Meta(examples=["ada@example.com"])]
    seat: Annotated[
        str | None,
        Meta(
            description="The seat; null for a place in an area.",
            examples=["Stalls, row F, seat 12"],
        ),
    ]
    seat_no: SeatNo | None
    area: Annotated[str | None, Meta(description="The area; null for a seat.")]
    area_no: AreaNo | None
    category: CategoryName
    price: Money
    ordered_at: Moment
    item_no: Annotated[int, Meta(description="The line of the booking.")]
    place_no: Annotated[int, Meta(description="From 1: which place of that line.")]


#: The columns of an attendee in a spreadsheet.
ATTENDEE_COLUMNS: Final = (
    "reference",
    "status",
    "name",
    "email",
    "seat",
    "area",
    "category",
    "price_minor",
    "currency",
    "ordered_at",
    "booking_id",
)


def attendee_cells(attendee: Attendee) -> tuple[Any, ...]:
    """The cells of ``ATTENDEE_COLUMNS``."""
    return (
        attendee.reference,
        attendee.status.value,
        attendee.name,
        attendee.email,
        attendee.seat,
        attendee.area,
        attendee.category,
        attendee.price.amount,
        attendee.price.currency,
        attendee.ordered_at.isoformat(timespec="seconds"),
        attendee.booking_id,
    )


class Correction(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A buyer's right address and name; absent fields stay."""

    email: EmailAddress | UnsetType = UNSET
    name: PersonName | UnsetType = UNSET


class Resent(Struct, frozen=True, kw_only=True):
    """A mail with the tickets that is queued."""

    mail_id: Id
    email: Annotated[str, Meta(examples=["ada@example.com"])]


class Desk:
    def __init__(
        self,
        postgres: Postgres,
        catalog: Catalog,
        reading: BookingReader,
        cancelling: Cancelling,
    ) -> None:
        self._pg = postgres
        self._catalog = catalog
        self._reading = reading
        self._cancelling = cancelling

    # Finding

    async def bookings(
        self,
        event_id: str,
        *,
        q: str | None = None,
        seat: str | None = None,
        status: BookingStatus | None = None,
        after: str | None = None,
        limit: int,
    ) -> list[Booking]:
        """An event's bookings, newest first, following the booking ``after``.

        ``q``: a reference, a whole address, or words that name, address or reference contain. ``seat``: a
        seat number, or words of a seat's label; bookings that have or had it. A draft has none. Raises
        NotFound, InvalidInput, Unavailable.
        """
        facts = await self._facts(event_id)
        if facts is None:
            return []
        seats = None if seat is None else await asyncio.to_thread(_seats_named, facts.layout, seat)
        rows = await self._found((event_id, after, status, limit), (q or "").strip(), seats)
        return await bookings_of_rows(self._pg, self._catalog, rows)

    async def _found(
        self,
        page: tuple[str, str | None, BookingStatus | None, int],
        q: str,
        seats: list[int] | None,
    ) -> Sequence[asyncpg.Record]:
        event_id = page[0]
        if not q:
            if seats is None:
                return await self._pg.fetch("desk.page", *page)
            return await self._pg.fetch("desk.of_seats", *page, seats)
        reference = read_reference(q)
        if reference is not None and await self._pg.fetch("desk.of_reference", reference, event_id):
            return await self._pg.fetch("desk.of_references", *page, seats, [reference])
        # The beginning of an address may look like a whole one.
        if _is_address(q) and await self._pg.fetch(
            "desk.of_address", event_id, None, None, 1, None, email_key(q)
        ):
            return await self._pg.fetch("desk.of_address", *page, seats, email_key(q))
        return await self._pg.fetch("desk.of_words", *page, seats, q)

    async def booking(self, id_or_reference: str, *, event_id: str | None = None) -> Booking:
        """One booking by its id or reference, of any buyer; with ``event_id`` only that event's. Raises NotFound."""
        booking_id, reference = _id(id_or_reference), read_reference(id_or_reference)
        if booking_id is not None:
            row = await self._pg.fetchrow("desk.of_id", booking_id)
        elif reference is not None:
            row = await self._pg.fetchrow("desk.of_reference", reference, event_id)
        else:
            row = None
        if row is None or (event_id is not None and str(row["event_id"]) != event_id):
            raise unknown_booking(id_or_reference)
        return (await bookings_of_rows(self._pg, self._catalog, [row]))[0]

    # Attendees

    async def attendees(
        self,
        event_id: str,
        *,
        status: BookingStatus | None,
        after: tuple[str, int, int] | None = None,
        limit: int,
    ) -> list[Attendee]:
        """The places of bookings of one state, or all, in the order of sale.

        ``after``: booking_id, item_no and place_no of the last one on the page before. Raises NotFound,
        Unavailable.
        """
        facts = await self._facts(event_id)
        if facts is None:
            return []
        rows = await self._pg.fetch("desk.attendees", event_id, status, *(after or _START), limit)
        return [_attendee(facts, row) for row in rows]

    async def all_attendees(
        self, event_id: str, *, status: BookingStatus | None
    ) -> AsyncGenerator[Attendee]:
        """The same, all at one instant.

        It occupies a connection until its end, so the caller must not wait in between.
        """
        facts = await self._facts(event_id)
        if facts is None:
            return
        async with self._pg.transaction("repeatable_read", long=True) as transaction:
            cursor = await transaction.cursor("desk.attendees", event_id, status, *_START, None)
            while rows := await cursor.fetch(_READ_AT_ONCE):
                for row in rows:
                    yield _attendee(facts, row)

    async def _facts(self, event_id: str) -> Facts | None:
        """None: a draft, which has sold nothing. Raises NotFound."""
        event = await self._catalog.event(event_id)
        return None if event.status == "draft" else await self._catalog.facts(event_id)

    # Changing

    async def correct(
        self, booking_id: str, correction: Correction, *, version: int | None, actor: Actor
    ) -> Booking:
        """Correct the buyer's address or name. Links mailed to another address end; mails that nobody has sent yet
        go to the new one.

        ``version``: as seen by the caller. Raises NotFound, InvalidInput, PreconditionFailed, Unavailable.
        """
        if correction == Correction():
            raise InvalidInput("Nothing to correct: give the buyer's email or name.")
        was = await self.booking(booking_id)
        buyer = _corrected(was.buyer, correction)
        row = await self._pg.fetchrow(
            "desk.correct",
            was.event_id,
            was.booking_id,
            was.version if version is None else version,
            buyer.email,
            buyer.name,
            email_mark(buyer.email),
            email_key(buyer.email) != email_key(was.buyer.email),
            actor.label,
            event_id=was.event_id,
        )
        assert row is not None
        if row["outcome"] == "stale":
            raise PreconditionFailed(
                f"The booking is at version {row['version']} now; read it again and repeat.",
                current_version=row["version"],
            )
        return await self.booking(booking_id)

    async def resend(self, booking_id: str, *, actor: Actor) -> Resent:
        """Mail the tickets to the buyer once more. A mail that still waits to be sent is not doubled.

        Raises NotFound, Conflict (booking-not-confirmed, no-address), Unavailable.
        """
        was = await self.booking(booking_id)
        row = await self._pg.fetchrow(
            "desk.resend", was.event_id, was.booking_id, actor.label, event_id=was.event_id
        )
        assert row is not None
        match row["outcome"]:
            case "refused":
                raise Conflict(
                    f"Only a confirmed booking has tickets to send; this one is {row['status']}.",
                    code="booking-not-confirmed",
                )
            case "no-address":
                raise Conflict(
                    f"No mail reaches {row['email']}; correct the buyer's address first.",
                    code="no-address",
                )
        return Resent(mail_id=str(row["mail_id"]), email=row["email"])

    async def cancel(self, booking_id: str, *, actor: Actor, version: int | None = None) -> Booking:
        """Cancel and refund in full, at any time. Raises as ``Cancelling.cancel``."""
        cancelled = await self._cancelling.cancel(
            booking_id, actor=actor, version=version, at_any_time=True
        )
        return msgspec.structs.replace(cancelled, next_action=None)

    async def refund(self, booking_id: str) -> Booking:
        """Make the refund that is owed for a booking now. One that is made already is not repeated.

        Raises NotFound, Conflict (no-refund-due), Unavailable.
        """
        row = await self._reading.row(booking_id)
        if row["payment_status"] not in ("refund_pending", "refunded"):
            raise Conflict(
                f"Nothing is owed for this booking, which is {row['status']}; cancelling a confirmed "
                "booking refunds it in full.",
                code="no-refund-due",
            )
        await self._cancelling.refund(str(row["event_id"]), booking_id)
        return await self.booking(booking_id)


def read_reference(text: str) -> str | None:
    """A reference as somebody typed or heard it; None if it cannot be one."""
    read = text.strip().upper().translate(_MISREAD)
    return read if _REFERENCE.fullmatch(read) else None


def _id(text: str) -> str | None:
    try:
        return str(UUID(text.strip()))
    except ValueError:
        return None


def _is_address(text: str) -> bool:
    try:
        sendable(text)
    except ValueError:
        return False
    return True


def _corrected(buyer: Buyer, correction: Correction) -> Buyer:
    """The buyer, checked where something changes: what was stored long ago may not be valid today."""
    email = buyer.email if correction.email is UNSET else correction.email
    name = buyer.name if correction.name is UNSET else correction.name
    if email == buyer.email:
        return Buyer(email, name)
    return checked_buyer(Buyer(email, name), key="email")


def _seats_named(layout: Layout, text: str) -> list[int]:
    """Seats by number, or by words of their label: "F 12" is row F, seat 12 of every section. Raises InvalidInput."""
    words = set(_WORDS.findall(text.casefold()))
    if text.strip().isdecimal() and len(text) < 10:
        found = [int(text)] if int(text) < layout.seat_count else []
    else:
        found = [
            seat_no
            for seat_no in range(layout.seat_count if words else 0)
            if words <= set(_WORDS.findall(layout.seat_label(seat_no).casefold()))
        ]
    if not found:
        raise InvalidInput(f"seat: {text!r} names no seat of this event.")
    return found


def _attendee(facts: Facts, row: asyncpg.Record) -> Attendee:
    layout, seat_no, area_no = facts.layout, row["seat_no"], row["area_no"]
    ordered_at: datetime = row["created_at"]
    return Attendee(
        booking_id=str(row["booking_id"]),
        reference=row["reference"],
        status=BookingStatus(row["status"]),
        name=row["name"],
        email=row["email"],
        seat=None if seat_no is None else layout.seat_label(seat_no),
        seat_no=seat_no,
        area=None if area_no is None else layout.area_label(area_no),
        area_no=area_no,
        category=layout.categories[row["category_no"]].name,
        price=Money(row["amount_minor"], row["currency"]),
        ordered_at=ordered_at,
        item_no=row["item_no"],
        place_no=row["place_no"],
    )
