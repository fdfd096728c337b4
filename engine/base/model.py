"""The data types of the engine: holds, bookings, tickets and events as everyone sees them.

These Structs are both the engine's results and the JSON the API sends. Money is in minor units of
its currency (cents, yen); times are aware datetimes in UTC; ids are UUIDv7 in canonical text.
A ``seat_no`` is the dense number 0…N-1 of a seat in its event; an ``area_no`` likewise for areas.
"""

from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Annotated, Generic, Literal, TypeVar

import uuid_utils
from msgspec import Meta, Struct

from engine.base.currencies import minor_digits
from engine.base.texts import VisibleName, described_pattern

T = TypeVar("T")

#: An id that we give out. Not validated, because we made it.
Id = Annotated[
    str,
    Meta(examples=["01920000-0000-7000-8000-000000000001"], extra_json_schema={"format": "uuid"}),
]
#: An id that a client sends; validated.
Uuid = Annotated[
    str,
    Meta(
        pattern=described_pattern(
            "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$(?!\\n)",
            "must be an id, like 01920000-0000-7000-8000-000000000001",
        ),
        extra_json_schema={"format": "uuid"},
        examples=["01920000-0000-7000-8000-000000000001"],
    ),
]


Moment = Annotated[datetime, Meta(tz=True, examples=["2027-05-01T20:00:00Z"])]
SeatNo = Annotated[int, Meta(description="The seat's dense number in its event.", examples=[17])]
AreaNo = Annotated[int, Meta(description="The area's number in its event.", examples=[0])]
CategoryName = Annotated[str, Meta(description="The price band.", examples=["Stalls"])]
Version = Annotated[int, Meta(description="Grows with every change; the ETag.", examples=[2])]


class SeatState(IntEnum):
    """The byte of a seat in Redis (an ASCII digit). PostgreSQL stores the lasting states."""

    FREE = 0
    HELD = 1
    SOLD = 2
    BLOCKED = 3
    OFFERED = 4
    RESERVED = 5


class EventStatus(StrEnum):
    """``draft → publishing → on_sale ⇄ paused``; all but ``publishing`` may end ``cancelled``."""

    DRAFT = "draft"
    PUBLISHING = "publishing"
    ON_SALE = "on_sale"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class BookingStatus(StrEnum):
    """``pending`` ends exactly once, as confirmed, declined or expired.

    ``confirmed`` may become ``cancelled``. An ``expired`` booking whose payment arrives late becomes
    ``confirmed`` if its seats are still free, else stays expired and is refunded.
    """

    PENDING = "pending"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Money(Struct, frozen=True):
    """An amount in minor units of its currency: 15000 EUR is 150 euros, 15000 JPY is 15,000 yen."""

    amount: Annotated[int, Meta(description="Minor units.", examples=[15000])]
    currency: Annotated[str, Meta(description="ISO 4217.", examples=["EUR"])]

    def __str__(self) -> str:
        """For people: ``150.00 EUR``, ``150 JPY``."""
        digits = minor_digits(self.currency)
        return f"{self.amount / 10**digits:.{digits}f} {self.currency}"


class SeatItem(Struct, frozen=True):
    """A seat with its quoted price."""

    seat_no: SeatNo
    label: Annotated[str, Meta(examples=["Stalls, row F, seat 12"])]
    category: CategoryName
    price: Money


class AreaItem(Struct, frozen=True):
    """Places in a general-admission area; ``price`` is for one place."""

    area_no: AreaNo
    label: Annotated[str, Meta(examples=["Floor"])]
    category: CategoryName
    quantity: Annotated[int, Meta(examples=[2])]
    price: Money


#: Compromises made in choosing best seats.
Relaxation = Literal["single-seat-left", "restricted-view", "neighbouring-rows", "split"]


class Hold(Struct, frozen=True, kw_only=True):
    """A temporary claim. ``held`` and ``paying`` are alive; it ends booked, released or expired."""

    hold_id: Id
    event_id: Id
    status: Literal["held", "paying", "booked", "released", "expired"]
    seats: list[SeatItem]
    areas: list[AreaItem]
    total: Money
    expires_at: Annotated[Moment, Meta(description="The latest moment at which it ends.")]
    relaxed: Annotated[
        list[Relaxation],
        Meta(description="Best seats only: compromises, because nothing better was free."),
    ] = []


EmailAddress = Annotated[
    str,
    Meta(
        pattern=described_pattern(
            r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+\.[^@\s\x00-\x1f]+$(?!\n)",
            "must be an e-mail address, like ada@example.com",
        ),
        max_length=254,
        examples=["ada@example.com"],
    ),
]
PersonName = Annotated[VisibleName, Meta(examples=["Ada Lovelace"])]


class Buyer(Struct, frozen=True):
    """The person whom the tickets are for."""

    email: EmailAddress
    name: PersonName


class NextAction(Struct, frozen=True):
    """The buyer's next step for a pending booking: open ``url``, or wait and ask again."""

    type: Literal["redirect", "wait"]
    url: str


class Booking(Struct, frozen=True, kw_only=True):
    """Seats and areas that are paid for or being paid."""

    booking_id: Id
    reference: Annotated[
        str, Meta(description="Short, for people to read out.", examples=["7K2M9Q4TXV"])
    ]
    event_id: Id
    hold_id: Id
    status: BookingStatus
    seats: list[SeatItem]
    areas: list[AreaItem]
    total: Money
    buyer: Buyer
    version: Version
    created_at: Moment
    expires_at: Annotated[
        Moment | None, Meta(description="When payment is due; only while pending.")
    ] = None
    next_action: NextAction | None = None
    note: Annotated[str | None, Meta(description="How it ended, where that needs explaining.")] = (
        None
    )
    refunded: Money | None = None


class Ticket(Struct, frozen=True, kw_only=True):
    """Admits one person; void once its booking is cancelled."""

    ticket_id: Id
    booking_id: Id
    event_id: Id
    label: Annotated[str, Meta(examples=["Stalls, row F, seat 12"])]
    category: CategoryName
    seat_no: SeatNo | None
    area_no: AreaNo | None
    code: Annotated[str, Meta(description="The code that the door scans; unguessable.")]
    status: Literal["valid", "void"]
    qr_svg: Annotated[str | None, Meta(description="`code` as a QR code in SVG.")] = None


class Page(Struct, Generic[T], frozen=True):
    """One page of a list."""

    items: list[T]
    next_cursor: Annotated[
        str | None, Meta(description="Send it as `cursor` for the next page; null on the last.")
    ] = None


def new_id() -> str:
    """A fresh UUIDv7 (RFC 9562): sorts by creation time, so inserts stay at the end of an index."""
    return str(uuid_utils.uuid7())


def utc_from_ms(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def ms_from_utc(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
