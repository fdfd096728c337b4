from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="PricingTerms")


@_attrs_define
class PricingTerms:
    """How the event's prices are made, and how much of it buyers see.

    Attributes:
        dynamic (bool): At least one price follows a rule and may change.
        history_public (bool): Everybody may read `/prices/history`.
        range_public (bool): Prices that follow a rule show the rule's range.
    """

    dynamic: bool
    history_public: bool
    range_public: bool
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        dynamic = self.dynamic

        history_public = self.history_public

        range_public = self.range_public

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "dynamic": dynamic,
                "history_public": history_public,
                "range_public": range_public,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        dynamic = d.pop("dynamic")

        history_public = d.pop("history_public")

        range_public = d.pop("range_public")

        pricing_terms = cls(
            dynamic=dynamic,
            history_public=history_public,
            range_public=range_public,
        )

        pricing_terms.additional_properties = d
        return pricing_terms

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
