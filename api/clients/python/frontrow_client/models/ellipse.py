from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.ellipse_type import EllipseType
from ..types import UNSET, Unset

T = TypeVar("T", bound="Ellipse")


@_attrs_define
class Ellipse:
    """`x, y` is the centre; `rotation` is degrees clockwise around it.

    Attributes:
        type_ (EllipseType):
        x (float | int):
        y (float | int):
        rx (float | int):
        ry (float | int):
        rotation (float | int | Unset):  Default: 0.
    """

    type_: EllipseType
    x: float | int
    y: float | int
    rx: float | int
    ry: float | int
    rotation: float | int | Unset = 0
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        type_ = self.type_.value

        x: float | int
        x = self.x

        y: float | int
        y = self.y

        rx: float | int
        rx = self.rx

        ry: float | int
        ry = self.ry

        rotation: float | int | Unset
        if isinstance(self.rotation, Unset):
            rotation = UNSET
        else:
            rotation = self.rotation

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "type": type_,
                "x": x,
                "y": y,
                "rx": rx,
                "ry": ry,
            }
        )
        if rotation is not UNSET:
            field_dict["rotation"] = rotation

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        type_ = EllipseType(d.pop("type"))

        def _parse_x(data: object) -> float | int:
            return cast(float | int, data)

        x = _parse_x(d.pop("x"))

        def _parse_y(data: object) -> float | int:
            return cast(float | int, data)

        y = _parse_y(d.pop("y"))

        def _parse_rx(data: object) -> float | int:
            return cast(float | int, data)

        rx = _parse_rx(d.pop("rx"))

        def _parse_ry(data: object) -> float | int:
            return cast(float | int, data)

        ry = _parse_ry(d.pop("ry"))

        def _parse_rotation(data: object) -> float | int | Unset:
            if isinstance(data, Unset):
                return data
            return cast(float | int | Unset, data)

        rotation = _parse_rotation(d.pop("rotation", UNSET))

        ellipse = cls(
            type_=type_,
            x=x,
            y=y,
            rx=rx,
            ry=ry,
            rotation=rotation,
        )

        ellipse.additional_properties = d
        return ellipse

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
