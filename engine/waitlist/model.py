"""The nouns of the waitlist: what people ask for, where they stand, what they are offered."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from engine.base.model import AreaItem, Buyer, CategoryName, Id, Moment, Money, SeatItem, Version

#: The weight of who was moved to the head by hand: above every tier.
PROMOTED: Final = 1023
#: Tiers by name; their weights are settings (``waitlist_weight_regular`` …).
Tier = Literal["regular", "premium", "vip"]


class EntryStatus(StrEnum):
    """``waiting → offered → accepted | declined | lapsed``; both may end ``left`` or ``dismissed``.

    A withdrawn offer puts its entry back to ``waiting``, at its old place.
    """

    WAITING = "waiting"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    LAPSED = "lapsed"
    LEFT = "left"
    DISMISSED = "dismissed"


class OfferStatus(StrEnum):
    OPEN = "open"
    USED = "used"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


SectionName = Annotated[str, Meta(max_length=200, examples=["Block 226"])]
MaxPrice = Annotated[
    Money | Annotated[int, Meta(ge=0)] | None,
    Meta(description="For one place; a number is minor units of the event's currency."),
]


class Wanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody waits for. The names are the layout's; empty lists mean that any will do.

    Sections are sections of seats or names of areas. ``together``: side by side in one row; places of
    an area are always together.
    """

    quantity: Annotated[int, Meta(ge=1, le=100, examples=[2])]
    together: bool = True
    categories: Annotated[list[CategoryName], Meta(max_length=100)] = []
    sections: Annotated[list[SectionName], Meta(max_length=300)] = []
    max_price: MaxPrice = None


class Contact(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to tell somebody. Without ``buyer`` only the page does, and the live channel."""

    buyer: Annotated[Buyer | None, Meta(description="Whom to write to.")] = None
    language: Annotated[str, Meta(pattern="^[a-z]{2}(-[A-Z]{2})?$(?!\\n)", examples=["en"])] = "en"


class WantedPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change about an entry; what is not sent stays."""

    quantity: Annotated[int, Meta(ge=1, le=100)] | UnsetType = UNSET
    together: bool | UnsetType = UNSET
    categories: Annotated[list[CategoryName], Meta(max_length=100)] | UnsetType = UNSET
    sections: Annotated[list[SectionName], Meta(max_length=300)] | UnsetType = UNSET
    max_price: MaxPrice | UnsetType = UNSET
    contact: Contact | UnsetType = UNSET


class Estimate(Struct, frozen=True, kw_only=True):
    """How long it may take, as honestly as what came back lately allows."""

    low_s: Annotated[int | None, Meta(description="Null: nobody can say.")]
    high_s: int | None
    basis: Annotated[
        str,
        Meta(
            examples=[
                "12 places came back to the line in the last hour; 30 are wanted ahead of you."
            ]
        ),
    ]


class Offer(Struct, frozen=True, kw_only=True):
    """Seats kept for one person until ``expires_at``. Accepted, it is a hold of the same id."""

    offer_id: Id
    entry_id: Id
    event_id: Id
    status: OfferStatus
    seats: list[SeatItem]
    areas: list[AreaItem]
    total: Money
    made_at: Moment
    expires_at: Moment
    ended_at: Moment | None = None
    reason: Annotated[str | None, Meta(description="Why it was withdrawn.")] = None


class Entry(Struct, frozen=True, kw_only=True):
    """One person's place in an event's line."""

    entry_id: Id
    event_id: Id
    status: EntryStatus
    wanted: Wanted
    tier: Tier
    rank: Annotated[
        int | None, Meta(description="1 is next; null when not waiting, or while it is unknown.")
    ]
    waiting: Annotated[int, Meta(description="How many wait, everybody counted.")]
    estimate: Estimate | None
    offer_window_s: Annotated[
        int, Meta(description="How long an offer lasts that is made now.", examples=[900])
    ]
    contact: Contact
    joined_at: Moment
    version: Version
    offer: Annotated[Offer | None, Meta(description="The latest, open or not.")] = None


# What the organiser sees


class LineEntry(Struct, frozen=True, kw_only=True):
    """An entry as the organiser sees it."""

    entry_id: Id
    person_id: Id
    status: EntryStatus
    wanted: Wanted
    tier: Tier
    weight: Annotated[
        int, Meta(description="The line's order: the heavier first, then the lower join_no.")
    ]
    join_no: int
    rank: int | None
    email: str | None
    name: str
    joined_at: Moment
    promoted: Annotated[str | None, Meta(description="Why it was moved to the head.")] = None
    skipped: Annotated[int, Meta(description="In how many rounds it was passed over.")] = 0
    version: Version


class Skip(Struct, frozen=True, kw_only=True):
    """Who was passed over in one round, and why: all with this wish ahead of the last one served."""

    round_no: int
    at: Moment
    wanted: Wanted
    reason: str
    detail: str
    passed: Annotated[int, Meta(description="How many entries.")]
    entry_id: Annotated[Id, Meta(description="The first of them.")]


class LineSummary(Struct, frozen=True, kw_only=True):
    """An event's waitlist at a glance, and its terms."""

    event_id: Id
    closed: bool
    offer_window_s: int
    waiting: int
    by_status: dict[str, int]
    offers: dict[str, int]
    places_wanted: int
    version: Version
