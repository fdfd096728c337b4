from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.event_status import EventStatus

if TYPE_CHECKING:
    from ..models.assignment import Assignment
    from ..models.availability import Availability
    from ..models.category_price import CategoryPrice
    from ..models.event_category import EventCategory
    from ..models.event_page_metadata import EventPageMetadata
    from ..models.money import Money
    from ..models.pricing_terms import PricingTerms
    from ..models.venue_ref import VenueRef


T = TypeVar("T", bound="EventPage")


@_attrs_define
class EventPage:
    """An event, without its drawing and the state of its seats.

    Attributes:
        event_id (UUID):
        name (str):
        description (str):
        category (str):
        starts_at (datetime.datetime):
        status (EventStatus): `draft → publishing → on_sale ⇄ paused`; all but `publishing` may end `cancelled`.
        venue (VenueRef): Where an event takes place.
        currency (str): ISO 4217.
        seat_count (int):
        prices (list[CategoryPrice]):
        pricing (PricingTerms): How the event's prices are made, and how much of it buyers see.
        prices_from (Money | None):
        availability (Availability): Places of the event, and how many are free right now (null: not known at this
            moment).
        buyer_limit (int): Places one buyer may hold and own together.
        hold_ttl_s (int): Lifetime of a fresh hold, in seconds.
        layout_url (str): The drawing.
        live_url (str): The live map's WebSocket.
        tagline (str): One line below the name, in the list and on the page.
        image_url (None | str):
        language (None | str):
        categories (list[EventCategory]): Of a draft; later the layout has them.
        assignments (list[Assignment]): Of a draft; later the layout has them.
        metadata (EventPageMetadata): Chosen by the organiser.
        version (int): Grows with every change; the ETag.
    """

    event_id: UUID
    name: str
    description: str
    category: str
    starts_at: datetime.datetime
    status: EventStatus
    venue: VenueRef
    currency: str
    seat_count: int
    prices: list[CategoryPrice]
    pricing: PricingTerms
    prices_from: Money | None
    availability: Availability
    buyer_limit: int
    hold_ttl_s: int
    layout_url: str
    live_url: str
    tagline: str
    image_url: None | str
    language: None | str
    categories: list[EventCategory]
    assignments: list[Assignment]
    metadata: EventPageMetadata
    version: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.money import Money  # noqa: PLC0415

        event_id = str(self.event_id)

        name = self.name

        description = self.description

        category = self.category

        starts_at = self.starts_at.isoformat()

        status = self.status.value

        venue = self.venue.to_dict()

        currency = self.currency

        seat_count = self.seat_count

        prices = []
        for prices_item_data in self.prices:
            prices_item = prices_item_data.to_dict()
            prices.append(prices_item)

        pricing = self.pricing.to_dict()

        prices_from: dict[str, Any] | None
        if isinstance(self.prices_from, Money):
            prices_from = self.prices_from.to_dict()
        else:
            prices_from = self.prices_from

        availability = self.availability.to_dict()

        buyer_limit = self.buyer_limit

        hold_ttl_s = self.hold_ttl_s

        layout_url = self.layout_url

        live_url = self.live_url

        tagline = self.tagline

        image_url: None | str
        image_url = self.image_url

        language: None | str
        language = self.language

        categories = []
        for categories_item_data in self.categories:
            categories_item = categories_item_data.to_dict()
            categories.append(categories_item)

        assignments = []
        for assignments_item_data in self.assignments:
            assignments_item = assignments_item_data.to_dict()
            assignments.append(assignments_item)

        metadata = self.metadata.to_dict()

        version = self.version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "event_id": event_id,
                "name": name,
                "description": description,
                "category": category,
                "starts_at": starts_at,
                "status": status,
                "venue": venue,
                "currency": currency,
                "seat_count": seat_count,
                "prices": prices,
                "pricing": pricing,
                "prices_from": prices_from,
                "availability": availability,
                "buyer_limit": buyer_limit,
                "hold_ttl_s": hold_ttl_s,
                "layout_url": layout_url,
                "live_url": live_url,
                "tagline": tagline,
                "image_url": image_url,
                "language": language,
                "categories": categories,
                "assignments": assignments,
                "metadata": metadata,
                "version": version,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.assignment import Assignment  # noqa: PLC0415
        from ..models.availability import Availability  # noqa: PLC0415
        from ..models.category_price import CategoryPrice  # noqa: PLC0415
        from ..models.event_category import EventCategory  # noqa: PLC0415
        from ..models.event_page_metadata import EventPageMetadata  # noqa: PLC0415
        from ..models.money import Money  # noqa: PLC0415
        from ..models.pricing_terms import PricingTerms  # noqa: PLC0415
        from ..models.venue_ref import VenueRef  # noqa: PLC0415

        d = dict(src_dict)
        event_id = UUID(d.pop("event_id"))

        name = d.pop("name")

        description = d.pop("description")

        category = d.pop("category")

        starts_at = datetime.datetime.fromisoformat(d.pop("starts_at"))

        status = EventStatus(d.pop("status"))

        venue = VenueRef.from_dict(d.pop("venue"))

        currency = d.pop("currency")

        seat_count = d.pop("seat_count")

        prices = []
        _prices = d.pop("prices")
        for prices_item_data in _prices:
            prices_item = CategoryPrice.from_dict(prices_item_data)

            prices.append(prices_item)

        pricing = PricingTerms.from_dict(d.pop("pricing"))

        def _parse_prices_from(data: object) -> Money | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                prices_from_type_0 = Money.from_dict(data)

                return prices_from_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Money | None, data)

        prices_from = _parse_prices_from(d.pop("prices_from"))

        availability = Availability.from_dict(d.pop("availability"))

        buyer_limit = d.pop("buyer_limit")

        hold_ttl_s = d.pop("hold_ttl_s")

        layout_url = d.pop("layout_url")

        live_url = d.pop("live_url")

        tagline = d.pop("tagline")

        def _parse_image_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        image_url = _parse_image_url(d.pop("image_url"))

        def _parse_language(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        language = _parse_language(d.pop("language"))

        categories = []
        _categories = d.pop("categories")
        for categories_item_data in _categories:
            categories_item = EventCategory.from_dict(categories_item_data)

            categories.append(categories_item)

        assignments = []
        _assignments = d.pop("assignments")
        for assignments_item_data in _assignments:
            assignments_item = Assignment.from_dict(assignments_item_data)

            assignments.append(assignments_item)

        metadata = EventPageMetadata.from_dict(d.pop("metadata"))

        version = d.pop("version")

        event_page = cls(
            event_id=event_id,
            name=name,
            description=description,
            category=category,
            starts_at=starts_at,
            status=status,
            venue=venue,
            currency=currency,
            seat_count=seat_count,
            prices=prices,
            pricing=pricing,
            prices_from=prices_from,
            availability=availability,
            buyer_limit=buyer_limit,
            hold_ttl_s=hold_ttl_s,
            layout_url=layout_url,
            live_url=live_url,
            tagline=tagline,
            image_url=image_url,
            language=language,
            categories=categories,
            assignments=assignments,
            metadata=metadata,
            version=version,
        )

        event_page.additional_properties = d
        return event_page

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
