"""The data types of the waitlist: wishes, entries, offers."""

from enum import StrEnum
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from engine.base.model import AreaItem, Buyer, CategoryName, Id, Moment, Money, SeatItem, Version

#: The weight of entries that an organiser moved to the front: above every tier.
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
    """A waiting person's wish. The names are the layout's; empty lists accept any.

    Sections are sections of seats or names of areas. ``together``: side by side in one row; places of
    an area are always together.
    """

    quantity: Annotated[int, Meta(ge=1, le=100, examples=[2])]
    together: bool = True
    categories: Annotated[list[CategoryName], Meta(max_length=100)] = []
    sections: Annotated[list[SectionName], Meta(max_length=300)] = []
    max_price: MaxPrice = None


class Contact(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to notify the person. Without ``buyer`` only the page and the live channel do."""

    buyer: Annotated[Buyer | None, Meta(description="The recipient of mails.")] = None
    language: Annotated[str, Meta(pattern="^[a-z]{2}(-[A-Z]{2})?$(?!\\n)", examples=["en"])] = "en"


class WantedPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of an entry to change; absent ones stay."""

    quantity: Annotated[int, Meta(ge=1, le=100)] | UnsetType = UNSET
    together: bool | UnsetType = UNSET
    categories: Annotated[list[CategoryName], Meta(max_length=100)] | UnsetType = UNSET
    sections: Annotated[list[SectionName], Meta(max_length=300)] | UnsetType = UNSET
    max_price: MaxPrice | UnsetType = UNSET
    contact: Contact | UnsetType = UNSET


class Estimate(Struct, frozen=True, kw_only=True):
    """The estimated wait, from the places returned recently."""

    low_s: Annotated[int | None, Meta(description="Null: there is no estimate.")]
    high_s: int | None
    basis: Annotated[
        str,
        Meta(
            examples=[
                "12 places came back to the waitlist in the last hour; 30 are wanted ahead of you."
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
    """One person's entry in an event's waitlist."""

    entry_id: Id
    event_id: Id
    status: EntryStatus
    wanted: Wanted
    tier: Tier
    rank: Annotated[
        int | None, Meta(description="1 is next; null when not waiting, or while it is unknown.")
    ]
    waiting: Annotated[int, Meta(description="The number of all waiting entries.")]
    estimate: Estimate | None
    offer_window_s: Annotated[
        int, Meta(description="How long a new offer lasts, in seconds.", examples=[900])
    ]
    contact: Contact
    joined_at: Moment
    version: Version
    offer: Annotated[Offer | None, Meta(description="The latest, open or not.")] = None


# The organiser's view


class LineEntry(Struct, frozen=True, kw_only=True):
    """An entry as the organiser sees it."""

    entry_id: Id
    person_id: Id
    status: EntryStatus
    wanted: Wanted
    tier: Tier
    weight: Annotated[
        int, Meta(description="Decides the order: larger weights first, then the lower join_no.")
    ]
    join_no: int
    rank: int | None
    email: str | None
    name: str
    joined_at: Moment
    promoted: Annotated[str | None, Meta(description="Why it was moved to the front.")] = None
    skipped: Annotated[int, Meta(description="The number of rounds that skipped it.")] = 0
    version: Version


class Skip(Struct, frozen=True, kw_only=True):
    """The entries skipped in one round, and why: all with this wish ahead of the last one served."""

    round_no: int
    at: Moment
    wanted: Wanted
    reason: str
    detail: str
    passed: Annotated[int, Meta(description="The number of skipped entries.")]
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
