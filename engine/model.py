"""The nouns of the engine: what holds, bookings, tickets and events look like to everyone.

These Structs are both the engine's results and the JSON the API sends. Money is in minor units of
its currency (cents, yen); times are aware datetimes in UTC; ids are UUIDv7 in canonical text.
A ``seat_no`` is the dense number 0…N-1 of a seat in its event; an ``area_no`` likewise for areas.
"""

from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Annotated, Any, Literal

import uuid_utils
from msgspec import Meta, Struct

Uuid = Annotated[
    str,
    Meta(
        pattern="^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
        examples=["01920000-0000-7000-8000-000000000001"],
    ),
]


class SeatState(IntEnum):
    """The byte of a seat in Redis (as an ASCII digit). PostgreSQL stores the lasting ones."""

    FREE = 0
    HELD = 1
    SOLD = 2
    BLOCKED = 3
    OFFERED = 4
    RESERVED = 5


#: Public two-bit state by seat state: 0 free, 1 held, 2 sold, 3 not for sale.
PUBLIC_STATE = (0, 1, 2, 3, 1, 1)
#: Translates a string of seat-state digits into one of public digits (``bytes.translate``).
PUBLIC_DIGITS = bytes.maketrans(b"012345", bytes(48 + s for s in PUBLIC_STATE))


class EventStatus(StrEnum):
    """``draft → publishing → on_sale ⇄ paused``; any of the last three ``→ cancelled``."""

    DRAFT = "draft"
    PUBLISHING = "publishing"
    ON_SALE = "on_sale"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class BookingStatus(StrEnum):
    """``pending`` resolves exactly once, into confirmed, declined or expired.

    ``confirmed`` may become ``cancelled``. An ``expired`` booking whose payment arrives late becomes
    ``confirmed`` if its seats are still free, else stays expired and is refunded.
    """

    PENDING = "pending"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Money(Struct, frozen=True):
    amount: int
    currency: str


class SeatItem(Struct, frozen=True):
    seat_no: int
    label: str
    category: str
    price: Money


class AreaItem(Struct, frozen=True):
    """Places in a general-admission area; ``price`` is for one place."""

    area_no: int
    label: str
    category: str
    quantity: int
    price: Money


class Hold(Struct, frozen=True, kw_only=True):
    """A temporary claim. ``held`` and ``paying`` are alive; it ends booked, released or expired."""

    hold_id: str
    event_id: str
    status: Literal["held", "paying", "booked", "released", "expired"]
    seats: list[SeatItem]
    areas: list[AreaItem]
    total: Money
    expires_at: datetime


class Buyer(Struct, frozen=True):
    email: Annotated[
        str,
        Meta(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254, examples=["ada@example.com"]),
    ]
    name: Annotated[str, Meta(min_length=1, max_length=200, examples=["Ada Lovelace"])]


class NextAction(Struct, frozen=True):
    """What the buyer must do for a pending booking: open ``url``, or wait and ask again."""

    type: Literal["redirect", "wait"]
    url: str


class Booking(Struct, frozen=True, kw_only=True):
    booking_id: str
    reference: str
    event_id: str
    hold_id: str
    status: BookingStatus
    seats: list[SeatItem]
    areas: list[AreaItem]
    total: Money
    buyer: Buyer
    version: int
    created_at: datetime
    #: Payment is due by then; only while pending.
    expires_at: datetime | None = None
    next_action: NextAction | None = None
    #: One sentence on how it ended, where that needs explaining.
    note: str | None = None
    refunded: Money | None = None


class Ticket(Struct, frozen=True, kw_only=True):
    ticket_id: str
    booking_id: str
    event_id: str
    label: str
    category: str
    seat_no: int | None
    area_no: int | None
    #: What the door scans; unguessable. ``qr_svg`` is the same as a drawing.
    code: str
    status: Literal["valid", "void"]
    qr_svg: str | None = None


class Page(Struct, frozen=True):
    """One page of a list; ``next_cursor`` is None on the last."""

    items: list[Any]
    next_cursor: str | None = None


def new_id() -> str:
    """A fresh UUIDv7 (RFC 9562): sorts by creation time, so indexes stay warm at their end."""
    return str(uuid_utils.uuid7())


def utc_from_ms(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def ms_from_utc(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
