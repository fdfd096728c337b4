from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Seats")


@_attrs_define
class Seats:
    """One array per property, all of the same length; the index is the `seat_no`.

    Attributes:
        x (list[float | int]):
        y (list[float | int]):
        row (list[int]):
        number (list[str]):
        category (list[int]):
        flags (list[int]):
    """

    x: list[float | int]
    y: list[float | int]
    row: list[int]
    number: list[str]
    category: list[int]
    flags: list[int]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        x = []
        for x_item_data in self.x:
            x_item: float | int
            x_item = x_item_data
            x.append(x_item)

        y = []
        for y_item_data in self.y:
            y_item: float | int
            y_item = y_item_data
            y.append(y_item)

        row = self.row

        number = self.number

        category = self.category

        flags = self.flags

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "x": x,
                "y": y,
                "row": row,
                "number": number,
                "category": category,
                "flags": flags,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        x = []
        _x = d.pop("x")
        for x_item_data in _x:

            def _parse_x_item(data: object) -> float | int:
                return cast(float | int, data)

            x_item = _parse_x_item(x_item_data)

            x.append(x_item)

        y = []
        _y = d.pop("y")
        for y_item_data in _y:

            def _parse_y_item(data: object) -> float | int:
                return cast(float | int, data)

            y_item = _parse_y_item(y_item_data)

            y.append(y_item)

        row = cast(list[int], d.pop("row"))

        number = cast(list[str], d.pop("number"))

        category = cast(list[int], d.pop("category"))

        flags = cast(list[int], d.pop("flags"))

        seats = cls(
            x=x,
            y=y,
            row=row,
            number=number,
            category=category,
            flags=flags,
        )

        seats.additional_properties = d
        return seats

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
