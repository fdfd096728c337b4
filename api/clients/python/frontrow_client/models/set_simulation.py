from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.category_simulation import CategorySimulation
    from ..models.set_point import SetPoint
    from ..models.total import Total


T = TypeVar("T", bound="SetSimulation")


@_attrs_define
class SetSimulation:
    """A whole rule set against fixed prices on the same sale.

    Attributes:
        seats (int):
        days (float):
        currency (str):
        rule (Total): The total result of a sale of several categories.
        fixed (Total): The total result of a sale of several categories.
        points (list[SetPoint]):
        categories (list[CategorySimulation]):
    """

    seats: int
    days: float
    currency: str
    rule: Total
    fixed: Total
    points: list[SetPoint]
    categories: list[CategorySimulation]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        seats = self.seats

        days = self.days

        currency = self.currency

        rule = self.rule.to_dict()

        fixed = self.fixed.to_dict()

        points = []
        for points_item_data in self.points:
            points_item = points_item_data.to_dict()
            points.append(points_item)

        categories = []
        for categories_item_data in self.categories:
            categories_item = categories_item_data.to_dict()
            categories.append(categories_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "seats": seats,
                "days": days,
                "currency": currency,
                "rule": rule,
                "fixed": fixed,
                "points": points,
                "categories": categories,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.category_simulation import CategorySimulation  # noqa: PLC0415
        from ..models.set_point import SetPoint  # noqa: PLC0415
        from ..models.total import Total  # noqa: PLC0415

        d = dict(src_dict)
        seats = d.pop("seats")

        days = d.pop("days")

        currency = d.pop("currency")

        rule = Total.from_dict(d.pop("rule"))

        fixed = Total.from_dict(d.pop("fixed"))

        points = []
        _points = d.pop("points")
        for points_item_data in _points:
            points_item = SetPoint.from_dict(points_item_data)

            points.append(points_item)

        categories = []
        _categories = d.pop("categories")
        for categories_item_data in _categories:
            categories_item = CategorySimulation.from_dict(categories_item_data)

            categories.append(categories_item)

        set_simulation = cls(
            seats=seats,
            days=days,
            currency=currency,
            rule=rule,
            fixed=fixed,
            points=points,
            categories=categories,
        )

        set_simulation.additional_properties = d
        return set_simulation

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
