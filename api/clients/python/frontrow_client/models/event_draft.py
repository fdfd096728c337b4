from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.assignment import Assignment
    from ..models.event_category import EventCategory
    from ..models.event_draft_metadata import EventDraftMetadata
    from ..models.event_draft_prices import EventDraftPrices


T = TypeVar("T", bound="EventDraft")


@_attrs_define
class EventDraft:
    """An event as its organiser describes it.

    Attributes:
        name (str):
        venue_id (UUID):
        starts_at (datetime.datetime):
        currency (str): A current code of ISO 4217.
        prices (EventDraftPrices): Minor units by category of the event: its own, or else the plan's.
        description (str | Unset):  Default: ''.
        category (str | Unset):  Default: ''.
        layout_id (None | Unset | UUID): Default: the venue's present layout.
        buyer_limit (int | None | Unset):
        hold_ttl_s (int | None | Unset):
        tagline (str | Unset): One line below the name, in the list and on the page. Default: ''.
        image_url (None | str | Unset):
        language (None | str | Unset):
        categories (list[EventCategory] | Unset): The event's own price categories, in order. Empty: the plan's. Fixed
            by publishing.
        assignments (list[Assignment] | Unset): Which places are in which category; later ones win. Places that no
            assignment names keep the plan's category, if the event has one of that name. Fixed by publishing.
        metadata (EventDraftMetadata | Unset): Your own; buyers see it.
    """

    name: str
    venue_id: UUID
    starts_at: datetime.datetime
    currency: str
    prices: EventDraftPrices
    description: str | Unset = ""
    category: str | Unset = ""
    layout_id: None | Unset | UUID = UNSET
    buyer_limit: int | None | Unset = UNSET
    hold_ttl_s: int | None | Unset = UNSET
    tagline: str | Unset = ""
    image_url: None | str | Unset = UNSET
    language: None | str | Unset = UNSET
    categories: list[EventCategory] | Unset = UNSET
    assignments: list[Assignment] | Unset = UNSET
    metadata: EventDraftMetadata | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        venue_id = str(self.venue_id)

        starts_at = self.starts_at.isoformat()

        currency = self.currency

        prices = self.prices.to_dict()

        description = self.description

        category = self.category

        layout_id: None | str | Unset
        if isinstance(self.layout_id, Unset):
            layout_id = UNSET
        elif isinstance(self.layout_id, UUID):
            layout_id = str(self.layout_id)
        else:
            layout_id = self.layout_id

        buyer_limit: int | None | Unset
        if isinstance(self.buyer_limit, Unset):
            buyer_limit = UNSET
        else:
            buyer_limit = self.buyer_limit

        hold_ttl_s: int | None | Unset
        if isinstance(self.hold_ttl_s, Unset):
            hold_ttl_s = UNSET
        else:
            hold_ttl_s = self.hold_ttl_s

        tagline = self.tagline

        image_url: None | str | Unset
        if isinstance(self.image_url, Unset):
            image_url = UNSET
        else:
            image_url = self.image_url

        language: None | str | Unset
        if isinstance(self.language, Unset):
            language = UNSET
        else:
            language = self.language

        categories: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.categories, Unset):
            categories = []
            for categories_item_data in self.categories:
                categories_item = categories_item_data.to_dict()
                categories.append(categories_item)

        assignments: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.assignments, Unset):
            assignments = []
            for assignments_item_data in self.assignments:
                assignments_item = assignments_item_data.to_dict()
                assignments.append(assignments_item)

        metadata: dict[str, Any] | Unset = UNSET
        if not isinstance(self.metadata, Unset):
            metadata = self.metadata.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
                "venue_id": venue_id,
                "starts_at": starts_at,
                "currency": currency,
                "prices": prices,
            }
        )
        if description is not UNSET:
            field_dict["description"] = description
        if category is not UNSET:
            field_dict["category"] = category
        if layout_id is not UNSET:
            field_dict["layout_id"] = layout_id
        if buyer_limit is not UNSET:
            field_dict["buyer_limit"] = buyer_limit
        if hold_ttl_s is not UNSET:
            field_dict["hold_ttl_s"] = hold_ttl_s
        if tagline is not UNSET:
            field_dict["tagline"] = tagline
        if image_url is not UNSET:
            field_dict["image_url"] = image_url
        if language is not UNSET:
            field_dict["language"] = language
        if categories is not UNSET:
            field_dict["categories"] = categories
        if assignments is not UNSET:
            field_dict["assignments"] = assignments
        if metadata is not UNSET:
            field_dict["metadata"] = metadata

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.assignment import Assignment  # noqa: PLC0415
        from ..models.event_category import EventCategory  # noqa: PLC0415
        from ..models.event_draft_metadata import EventDraftMetadata  # noqa: PLC0415
        from ..models.event_draft_prices import EventDraftPrices  # noqa: PLC0415

        d = dict(src_dict)
        name = d.pop("name")

        venue_id = UUID(d.pop("venue_id"))

        starts_at = datetime.datetime.fromisoformat(d.pop("starts_at"))

        currency = d.pop("currency")

        prices = EventDraftPrices.from_dict(d.pop("prices"))

        description = d.pop("description", UNSET)

        category = d.pop("category", UNSET)

        def _parse_layout_id(data: object) -> None | Unset | UUID:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                layout_id_type_0 = UUID(data)

                return layout_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Unset | UUID, data)

        layout_id = _parse_layout_id(d.pop("layout_id", UNSET))

        def _parse_buyer_limit(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        buyer_limit = _parse_buyer_limit(d.pop("buyer_limit", UNSET))

        def _parse_hold_ttl_s(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        hold_ttl_s = _parse_hold_ttl_s(d.pop("hold_ttl_s", UNSET))

        tagline = d.pop("tagline", UNSET)

        def _parse_image_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        image_url = _parse_image_url(d.pop("image_url", UNSET))

        def _parse_language(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        language = _parse_language(d.pop("language", UNSET))

        _categories = d.pop("categories", UNSET)
        categories: list[EventCategory] | Unset = UNSET
        if _categories is not UNSET:
            categories = []
            for categories_item_data in _categories:
                categories_item = EventCategory.from_dict(categories_item_data)

                categories.append(categories_item)

        _assignments = d.pop("assignments", UNSET)
        assignments: list[Assignment] | Unset = UNSET
        if _assignments is not UNSET:
            assignments = []
            for assignments_item_data in _assignments:
                assignments_item = Assignment.from_dict(assignments_item_data)

                assignments.append(assignments_item)

        _metadata = d.pop("metadata", UNSET)
        metadata: EventDraftMetadata | Unset
        if isinstance(_metadata, Unset):
            metadata = UNSET
        else:
            metadata = EventDraftMetadata.from_dict(_metadata)

        event_draft = cls(
            name=name,
            venue_id=venue_id,
            starts_at=starts_at,
            currency=currency,
            prices=prices,
            description=description,
            category=category,
            layout_id=layout_id,
            buyer_limit=buyer_limit,
            hold_ttl_s=hold_ttl_s,
            tagline=tagline,
            image_url=image_url,
            language=language,
            categories=categories,
            assignments=assignments,
            metadata=metadata,
        )

        return event_draft
