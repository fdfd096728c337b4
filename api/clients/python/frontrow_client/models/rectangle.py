from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.rectangle_type import RectangleType

T = TypeVar("T", bound="Rectangle")


@_attrs_define
class Rectangle:
    """`x, y` is the upper left corner.

    Attributes:
        type_ (RectangleType):
        x (float | int):
        y (float | int):
        width (float | int):
        height (float | int):
    """

    type_: RectangleType
    x: float | int
    y: float | int
    width: float | int
    height: float | int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        type_ = self.type_.value

        x: float | int
        x = self.x

        y: float | int
        y = self.y

        width: float | int
        width = self.width

        height: float | int
        height = self.height

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "type": type_,
                "x": x,
                "y": y,
                "width": width,
                "height": height,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        type_ = RectangleType(d.pop("type"))

        def _parse_x(data: object) -> float | int:
            return cast(float | int, data)

        x = _parse_x(d.pop("x"))

        def _parse_y(data: object) -> float | int:
            return cast(float | int, data)

        y = _parse_y(d.pop("y"))

        def _parse_width(data: object) -> float | int:
            return cast(float | int, data)

        width = _parse_width(d.pop("width"))

        def _parse_height(data: object) -> float | int:
            return cast(float | int, data)

        height = _parse_height(d.pop("height"))

        rectangle = cls(
            type_=type_,
            x=x,
            y=y,
            width=width,
            height=height,
        )

        rectangle.additional_properties = d
        return rectangle

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
