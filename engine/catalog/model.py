"""Venues and events as they are drafted, kept and shown."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from engine.base.model import EventStatus, Id, Moment, Money, Uuid, Version
from engine.base.texts import ONE_LINE, VisibleName
from engine.catalog.assigning import Assignment, Assignments, Categories, EventCategory
from engine.catalog.showing import ImageUrl, Language, Tagline
from engine.layout import Layout

Name = VisibleName
CurrencyCode = Annotated[
    str, Meta(pattern="^[A-Z]{3}$", description="A current code of ISO 4217.", examples=["EUR"])
]
TimeZone = Annotated[
    str,
    Meta(
        max_length=60,
        description="IANA name of a place (`Area/Location`), or `UTC`.",
        examples=["Europe/Berlin"],
    ),
]
AmountMinor = Annotated[int, Meta(ge=0, le=10**12)]


class Venue(Struct, frozen=True, kw_only=True):
    """A house, and the layout that new events get."""

    venue_id: Id
    name: str
    city: str = ""
    latitude: Annotated[float | None, Meta(description="Degrees, WGS 84.")] = None
    longitude: Annotated[float | None, Meta(description="Degrees, WGS 84.")] = None
    timezone: TimeZone | None = None
    layout_id: Id | None = None
    seat_count: int = 0
    version: Version = 1


_Limit = Annotated[
    int, Meta(ge=1, le=1000, description="Places one buyer may hold and own together.")
]
_HoldTtl = Annotated[
    int, Meta(ge=5, le=86_400, description="How long a fresh hold lives, in seconds.")
]
_Prices = Annotated[
    dict[str, AmountMinor],
    Meta(
        description="Minor units by category of the event: its own, or else the plan's.",
        examples=[{"Stalls": 4800, "Standing": 2200}],
    ),
]
_Kind = Annotated[str, Meta(max_length=60, pattern=ONE_LINE, examples=["theatre"])]
_Description = Annotated[str, Meta(max_length=20_000)]
_Metadata = Annotated[dict[str, Any], Meta(description="Your own; buyers see it.")]


class EventDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event as its organiser describes it."""

    name: Name
    venue_id: Uuid
    starts_at: Moment
    currency: CurrencyCode
    prices: _Prices
    description: _Description = ""
    category: _Kind = ""
    layout_id: Annotated[Uuid | None, Meta(description="Default: the venue's present layout.")] = (
        None
    )
    buyer_limit: _Limit | None = None
    hold_ttl_s: _HoldTtl | None = None
    tagline: Tagline = ""
    image_url: ImageUrl | None = None
    language: Language | None = None
    categories: Categories = []
    assignments: Assignments = []
    metadata: _Metadata = {}


class EventPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The fields to change; absent ones stay. ``prices`` may name some categories only."""

    name: Name | None = None
    description: _Description | None = None
    category: _Kind | None = None
    starts_at: Moment | None = None
    prices: _Prices | None = None
    buyer_limit: _Limit | None = None
    hold_ttl_s: _HoldTtl | None = None
    tagline: Tagline | None = None
    image_url: ImageUrl | None = None
    language: Language | None = None
    categories: Categories | None = None
    assignments: Assignments | None = None
    metadata: _Metadata | None = None


class Event(Struct, frozen=True, kw_only=True):
    """An event's page. ``version`` is its ETag."""

    event_id: str
    name: str
    description: str
    category: str
    starts_at: datetime
    status: EventStatus
    venue: Venue
    layout_id: str
    currency: str
    prices: dict[str, int]
    seat_count: int
    place_count: int
    buyer_limit: int
    hold_ttl_s: int
    metadata: dict[str, Any]
    version: int
    tagline: str = ""
    #: Checked: ``https`` only.
    image_url: str | None = None
    #: A BCP 47 tag.
    language: str | None = None
    #: Its own price categories; none: the plan's. Fixed by publishing.
    categories: list[EventCategory] = []
    assignments: list[Assignment] = []
    #: Kept from sale while it is a draft: seats, and places by area. PostgreSQL has them from publishing on.
    blocked_seats: list[int] = []
    blocked_areas: dict[str, int] = {}
    #: Rules of its prices while it is a draft (``engine.pricing.prepared``). PostgreSQL has them from publishing on.
    pricing_rules: list[dict[str, Any]] = []
    #: Cancelled before it was ever published: the public has never seen it.
    unlisted: bool = False

    @property
    def is_public(self) -> bool:
        """Whether everybody may read it."""
        hidden = self.status in (EventStatus.DRAFT, EventStatus.PUBLISHING)
        return not (hidden or self.unlisted)

    @property
    def prices_from(self) -> Money | None:
        return Money(min(self.prices.values()), self.currency) if self.prices else None


class Facts(Struct, frozen=True):
    """The immutable facts of a published event, which every request needs."""

    event_id: str
    currency: str
    layout: Layout
    layout_id: str
    #: Category number of every seat, one byte each.
    seat_categories: bytes


class Facet(Struct, frozen=True):
    """A value that events have, and the number of events that have it."""

    name: str
    events: int


class EventFilter(Struct, frozen=True, kw_only=True):
    q: str | None = None
    category: str | None = None
    city: str | None = None
    #: Latitude, longitude in degrees, and how far in kilometres.
    near: tuple[float, float] | None = None
    radius_km: float = 50.0
    starts_from: datetime | None = None
    starts_to: datetime | None = None
    statuses: tuple[EventStatus, ...] = (EventStatus.ON_SALE, EventStatus.PAUSED)
    #: Also cancelled events that start then or later, if they were ever on sale.
    cancelled_from: datetime | None = None
