from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="Outcome")


@_attrs_define
class Outcome:
    """How a sale ended. Money is minor units.

    Attributes:
        revenue_minor (int):
        sold (int):
        sell_through (float): Sold, as a share of the places.
        average_minor (int): The average price of sold places.
        final_minor (int): The price at the end.
        changes (int): How often the price moved.
        sold_out_days_left (float | None | Unset): Days before the event; null: never.
    """

    revenue_minor: int
    sold: int
    sell_through: float
    average_minor: int
    final_minor: int
    changes: int
    sold_out_days_left: float | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        revenue_minor = self.revenue_minor

        sold = self.sold

        sell_through = self.sell_through

        average_minor = self.average_minor

        final_minor = self.final_minor

        changes = self.changes

        sold_out_days_left: float | None | Unset
        if isinstance(self.sold_out_days_left, Unset):
            sold_out_days_left = UNSET
        else:
            sold_out_days_left = self.sold_out_days_left

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "revenue_minor": revenue_minor,
                "sold": sold,
                "sell_through": sell_through,
                "average_minor": average_minor,
                "final_minor": final_minor,
                "changes": changes,
            }
        )
        if sold_out_days_left is not UNSET:
            field_dict["sold_out_days_left"] = sold_out_days_left

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        revenue_minor = d.pop("revenue_minor")

        sold = d.pop("sold")

        sell_through = d.pop("sell_through")

        average_minor = d.pop("average_minor")

        final_minor = d.pop("final_minor")

        changes = d.pop("changes")

        def _parse_sold_out_days_left(data: object) -> float | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(float | None | Unset, data)

        sold_out_days_left = _parse_sold_out_days_left(d.pop("sold_out_days_left", UNSET))

        outcome = cls(
            revenue_minor=revenue_minor,
            sold=sold,
            sell_through=sell_through,
            average_minor=average_minor,
            final_minor=final_minor,
            changes=changes,
            sold_out_days_left=sold_out_days_left,
        )

        outcome.additional_properties = d
        return outcome

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
