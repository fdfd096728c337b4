from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.category_state import CategoryState


T = TypeVar("T", bound="PricingState")


@_attrs_define
class PricingState:
    """An event's pricing at a glance. `version` is that of the terms (what buyers see).

    Attributes:
        event_id (UUID):
        history_public (bool):
        range_public (bool):
        categories (list[CategoryState]):
        version (int): Grows with every change; the ETag.
    """

    event_id: UUID
    history_public: bool
    range_public: bool
    categories: list[CategoryState]
    version: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        event_id = str(self.event_id)

        history_public = self.history_public

        range_public = self.range_public

        categories = []
        for categories_item_data in self.categories:
            categories_item = categories_item_data.to_dict()
            categories.append(categories_item)

        version = self.version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "event_id": event_id,
                "history_public": history_public,
                "range_public": range_public,
                "categories": categories,
                "version": version,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.category_state import CategoryState  # noqa: PLC0415

        d = dict(src_dict)
        event_id = UUID(d.pop("event_id"))

        history_public = d.pop("history_public")

        range_public = d.pop("range_public")

        categories = []
        _categories = d.pop("categories")
        for categories_item_data in _categories:
            categories_item = CategoryState.from_dict(categories_item_data)

            categories.append(categories_item)

        version = d.pop("version")

        pricing_state = cls(
            event_id=event_id,
            history_public=history_public,
            range_public=range_public,
            categories=categories,
            version=version,
        )

        pricing_state.additional_properties = d
        return pricing_state

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
