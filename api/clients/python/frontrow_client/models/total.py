from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Total")


@_attrs_define
class Total:
    """The total result of a sale of several categories.

    Attributes:
        revenue_minor (int):
        sold (int):
        sell_through (float): Sold, as a share of the places.
    """

    revenue_minor: int
    sold: int
    sell_through: float
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        revenue_minor = self.revenue_minor

        sold = self.sold

        sell_through = self.sell_through

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "revenue_minor": revenue_minor,
                "sold": sold,
                "sell_through": sell_through,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        revenue_minor = d.pop("revenue_minor")

        sold = d.pop("sold")

        sell_through = d.pop("sell_through")

        total = cls(
            revenue_minor=revenue_minor,
            sold=sold,
            sell_through=sell_through,
        )

        total.additional_properties = d
        return total

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
