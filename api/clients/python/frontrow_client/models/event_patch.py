from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.assignment import Assignment
    from ..models.event_category import EventCategory
    from ..models.event_patch_metadata_type_0 import EventPatchMetadataType0
    from ..models.event_patch_prices_type_0 import EventPatchPricesType0


T = TypeVar("T", bound="EventPatch")


@_attrs_define
class EventPatch:
    """The fields to change; absent ones stay. `prices` may name some categories only.

    Attributes:
        name (None | str | Unset):
        description (None | str | Unset):
        category (None | str | Unset):
        starts_at (datetime.datetime | None | Unset):
        prices (EventPatchPricesType0 | None | Unset):
        buyer_limit (int | None | Unset):
        hold_ttl_s (int | None | Unset):
        tagline (None | str | Unset):
        image_url (None | str | Unset):
        language (None | str | Unset):
        categories (list[EventCategory] | None | Unset):
        assignments (list[Assignment] | None | Unset):
        metadata (EventPatchMetadataType0 | None | Unset):
    """

    name: None | str | Unset = UNSET
    description: None | str | Unset = UNSET
    category: None | str | Unset = UNSET
    starts_at: datetime.datetime | None | Unset = UNSET
    prices: EventPatchPricesType0 | None | Unset = UNSET
    buyer_limit: int | None | Unset = UNSET
    hold_ttl_s: int | None | Unset = UNSET
    tagline: None | str | Unset = UNSET
    image_url: None | str | Unset = UNSET
    language: None | str | Unset = UNSET
    categories: list[EventCategory] | None | Unset = UNSET
    assignments: list[Assignment] | None | Unset = UNSET
    metadata: EventPatchMetadataType0 | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.event_patch_metadata_type_0 import EventPatchMetadataType0  # noqa: PLC0415
        from ..models.event_patch_prices_type_0 import EventPatchPricesType0  # noqa: PLC0415

        name: None | str | Unset
        if isinstance(self.name, Unset):
            name = UNSET
        else:
            name = self.name

        description: None | str | Unset
        if isinstance(self.description, Unset):
            description = UNSET
        else:
            description = self.description

        category: None | str | Unset
        if isinstance(self.category, Unset):
            category = UNSET
        else:
            category = self.category

        starts_at: None | str | Unset
        if isinstance(self.starts_at, Unset):
            starts_at = UNSET
        elif isinstance(self.starts_at, datetime.datetime):
            starts_at = self.starts_at.isoformat()
        else:
            starts_at = self.starts_at

        prices: dict[str, Any] | None | Unset
        if isinstance(self.prices, Unset):
            prices = UNSET
        elif isinstance(self.prices, EventPatchPricesType0):
            prices = self.prices.to_dict()
        else:
            prices = self.prices

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

        tagline: None | str | Unset
        if isinstance(self.tagline, Unset):
            tagline = UNSET
        else:
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

        categories: list[dict[str, Any]] | None | Unset
        if isinstance(self.categories, Unset):
            categories = UNSET
        elif isinstance(self.categories, list):
            categories = []
            for categories_type_0_item_data in self.categories:
                categories_type_0_item = categories_type_0_item_data.to_dict()
                categories.append(categories_type_0_item)

        else:
            categories = self.categories

        assignments: list[dict[str, Any]] | None | Unset
        if isinstance(self.assignments, Unset):
            assignments = UNSET
        elif isinstance(self.assignments, list):
            assignments = []
            for assignments_type_0_item_data in self.assignments:
                assignments_type_0_item = assignments_type_0_item_data.to_dict()
                assignments.append(assignments_type_0_item)

        else:
            assignments = self.assignments

        metadata: dict[str, Any] | None | Unset
        if isinstance(self.metadata, Unset):
            metadata = UNSET
        elif isinstance(self.metadata, EventPatchMetadataType0):
            metadata = self.metadata.to_dict()
        else:
            metadata = self.metadata

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if name is not UNSET:
            field_dict["name"] = name
        if description is not UNSET:
            field_dict["description"] = description
        if category is not UNSET:
            field_dict["category"] = category
        if starts_at is not UNSET:
            field_dict["starts_at"] = starts_at
        if prices is not UNSET:
            field_dict["prices"] = prices
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
        from ..models.event_patch_metadata_type_0 import EventPatchMetadataType0  # noqa: PLC0415
        from ..models.event_patch_prices_type_0 import EventPatchPricesType0  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_name(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        name = _parse_name(d.pop("name", UNSET))

        def _parse_description(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        description = _parse_description(d.pop("description", UNSET))

        def _parse_category(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        category = _parse_category(d.pop("category", UNSET))

        def _parse_starts_at(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                starts_at_type_0 = datetime.datetime.fromisoformat(data)

                return starts_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        starts_at = _parse_starts_at(d.pop("starts_at", UNSET))

        def _parse_prices(data: object) -> EventPatchPricesType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                prices_type_0 = EventPatchPricesType0.from_dict(data)

                return prices_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(EventPatchPricesType0 | None | Unset, data)

        prices = _parse_prices(d.pop("prices", UNSET))

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

        def _parse_tagline(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        tagline = _parse_tagline(d.pop("tagline", UNSET))

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

        def _parse_categories(data: object) -> list[EventCategory] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                categories_type_0 = []
                _categories_type_0 = data
                for categories_type_0_item_data in _categories_type_0:
                    categories_type_0_item = EventCategory.from_dict(categories_type_0_item_data)

                    categories_type_0.append(categories_type_0_item)

                return categories_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[EventCategory] | None | Unset, data)

        categories = _parse_categories(d.pop("categories", UNSET))

        def _parse_assignments(data: object) -> list[Assignment] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                assignments_type_0 = []
                _assignments_type_0 = data
                for assignments_type_0_item_data in _assignments_type_0:
                    assignments_type_0_item = Assignment.from_dict(assignments_type_0_item_data)

                    assignments_type_0.append(assignments_type_0_item)

                return assignments_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[Assignment] | None | Unset, data)

        assignments = _parse_assignments(d.pop("assignments", UNSET))

        def _parse_metadata(data: object) -> EventPatchMetadataType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                metadata_type_0 = EventPatchMetadataType0.from_dict(data)

                return metadata_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(EventPatchMetadataType0 | None | Unset, data)

        metadata = _parse_metadata(d.pop("metadata", UNSET))

        event_patch = cls(
            name=name,
            description=description,
            category=category,
            starts_at=starts_at,
            prices=prices,
            buyer_limit=buyer_limit,
            hold_ttl_s=hold_ttl_s,
            tagline=tagline,
            image_url=image_url,
            language=language,
            categories=categories,
            assignments=assignments,
            metadata=metadata,
        )

        return event_patch
