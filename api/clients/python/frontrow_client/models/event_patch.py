from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
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
        metadata (EventPatchMetadataType0 | None | Unset):
    """

    name: None | str | Unset = UNSET
    description: None | str | Unset = UNSET
    category: None | str | Unset = UNSET
    starts_at: datetime.datetime | None | Unset = UNSET
    prices: EventPatchPricesType0 | None | Unset = UNSET
    buyer_limit: int | None | Unset = UNSET
    hold_ttl_s: int | None | Unset = UNSET
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
        if metadata is not UNSET:
            field_dict["metadata"] = metadata

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
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
            metadata=metadata,
        )

        return event_patch
