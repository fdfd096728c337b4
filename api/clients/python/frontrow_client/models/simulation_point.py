from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="SimulationPoint")


@_attrs_define
class SimulationPoint:
    """The sale at one moment; `fixed_…` is the same sale at the fixed price.

    Attributes:
        days_left (float):
        price_minor (int):
        sold (int):
        revenue_minor (int):
        fixed_sold (int):
        fixed_revenue_minor (int):
    """

    days_left: float
    price_minor: int
    sold: int
    revenue_minor: int
    fixed_sold: int
    fixed_revenue_minor: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        days_left = self.days_left

        price_minor = self.price_minor

        sold = self.sold

        revenue_minor = self.revenue_minor

        fixed_sold = self.fixed_sold

        fixed_revenue_minor = self.fixed_revenue_minor

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "days_left": days_left,
                "price_minor": price_minor,
                "sold": sold,
                "revenue_minor": revenue_minor,
                "fixed_sold": fixed_sold,
                "fixed_revenue_minor": fixed_revenue_minor,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        days_left = d.pop("days_left")

        price_minor = d.pop("price_minor")

        sold = d.pop("sold")

        revenue_minor = d.pop("revenue_minor")

        fixed_sold = d.pop("fixed_sold")

        fixed_revenue_minor = d.pop("fixed_revenue_minor")

        simulation_point = cls(
            days_left=days_left,
            price_minor=price_minor,
            sold=sold,
            revenue_minor=revenue_minor,
            fixed_sold=fixed_sold,
            fixed_revenue_minor=fixed_revenue_minor,
        )

        simulation_point.additional_properties = d
        return simulation_point

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
