from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.event_status import EventStatus

if TYPE_CHECKING:
    from ..models.availability import Availability
    from ..models.event_item_metadata import EventItemMetadata
    from ..models.money import Money
    from ..models.venue_ref import VenueRef


T = TypeVar("T", bound="EventItem")


@_attrs_define
class EventItem:
    """An event in a list.

    Attributes:
        event_id (UUID):
        name (str):
        starts_at (datetime.datetime):
        status (EventStatus): `draft → publishing → on_sale ⇄ paused`; all but `publishing` may end `cancelled`.
        category (str):
        venue (VenueRef): Where an event takes place.
        prices_from (Money | None): The lowest price in force.
        availability (Availability): Places of the event, and how many are free right now (null: not known at this
            moment).
        tagline (str): One line below the name, in the list and on the page.
        image_url (None | str):
        language (None | str):
        metadata (EventItemMetadata): Chosen by the organiser.
    """

    event_id: UUID
    name: str
    starts_at: datetime.datetime
    status: EventStatus
    category: str
    venue: VenueRef
    prices_from: Money | None
    availability: Availability
    tagline: str
    image_url: None | str
    language: None | str
    metadata: EventItemMetadata
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.money import Money  # noqa: PLC0415

        event_id = str(self.event_id)

        name = self.name

        starts_at = self.starts_at.isoformat()

        status = self.status.value

        category = self.category

        venue = self.venue.to_dict()

        prices_from: dict[str, Any] | None
        if isinstance(self.prices_from, Money):
            prices_from = self.prices_from.to_dict()
        else:
            prices_from = self.prices_from

        availability = self.availability.to_dict()

        tagline = self.tagline

        image_url: None | str
        image_url = self.image_url

        language: None | str
        language = self.language

        metadata = self.metadata.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "event_id": event_id,
                "name": name,
                "starts_at": starts_at,
                "status": status,
                "category": category,
                "venue": venue,
                "prices_from": prices_from,
                "availability": availability,
                "tagline": tagline,
                "image_url": image_url,
                "language": language,
                "metadata": metadata,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.availability import Availability  # noqa: PLC0415
        from ..models.event_item_metadata import EventItemMetadata  # noqa: PLC0415
        from ..models.money import Money  # noqa: PLC0415
        from ..models.venue_ref import VenueRef  # noqa: PLC0415

        d = dict(src_dict)
        event_id = UUID(d.pop("event_id"))

        name = d.pop("name")

        starts_at = datetime.datetime.fromisoformat(d.pop("starts_at"))

        status = EventStatus(d.pop("status"))

        category = d.pop("category")

        venue = VenueRef.from_dict(d.pop("venue"))

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

        metadata = EventItemMetadata.from_dict(d.pop("metadata"))

        event_item = cls(
            event_id=event_id,
            name=name,
            starts_at=starts_at,
            status=status,
            category=category,
            venue=venue,
            prices_from=prices_from,
            availability=availability,
            tagline=tagline,
            image_url=image_url,
            language=language,
            metadata=metadata,
        )

        event_item.additional_properties = d
        return event_item

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
