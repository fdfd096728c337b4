from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Estimate")


@_attrs_define
class Estimate:
    """The estimated wait, from the places returned recently.

    Attributes:
        low_s (int | None): Null: there is no estimate.
        high_s (int | None):
        basis (str):
    """

    low_s: int | None
    high_s: int | None
    basis: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        low_s: int | None
        low_s = self.low_s

        high_s: int | None
        high_s = self.high_s

        basis = self.basis

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "low_s": low_s,
                "high_s": high_s,
                "basis": basis,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_low_s(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        low_s = _parse_low_s(d.pop("low_s"))

        def _parse_high_s(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        high_s = _parse_high_s(d.pop("high_s"))

        basis = d.pop("basis")

        estimate = cls(
            low_s=low_s,
            high_s=high_s,
            basis=basis,
        )

        estimate.additional_properties = d
        return estimate

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
