from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="Text")


@_attrs_define
class Text:
    """Words on the drawing, centred on `x, y`; `size` is the height of a line.

    Attributes:
        text (str):
        x (float | int):
        y (float | int):
        size (float | int | Unset):  Default: 16.
        color (None | str | Unset):
        rotation (float | int | Unset):  Default: 0.
    """

    text: str
    x: float | int
    y: float | int
    size: float | int | Unset = 16
    color: None | str | Unset = UNSET
    rotation: float | int | Unset = 0
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        text = self.text

        x: float | int
        x = self.x

        y: float | int
        y = self.y

        size: float | int | Unset
        if isinstance(self.size, Unset):
            size = UNSET
        else:
            size = self.size

        color: None | str | Unset
        if isinstance(self.color, Unset):
            color = UNSET
        else:
            color = self.color

        rotation: float | int | Unset
        if isinstance(self.rotation, Unset):
            rotation = UNSET
        else:
            rotation = self.rotation

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "text": text,
                "x": x,
                "y": y,
            }
        )
        if size is not UNSET:
            field_dict["size"] = size
        if color is not UNSET:
            field_dict["color"] = color
        if rotation is not UNSET:
            field_dict["rotation"] = rotation

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        text = d.pop("text")

        def _parse_x(data: object) -> float | int:
            return cast(float | int, data)

        x = _parse_x(d.pop("x"))

        def _parse_y(data: object) -> float | int:
            return cast(float | int, data)

        y = _parse_y(d.pop("y"))

        def _parse_size(data: object) -> float | int | Unset:
            if isinstance(data, Unset):
                return data
            return cast(float | int | Unset, data)

        size = _parse_size(d.pop("size", UNSET))

        def _parse_color(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        color = _parse_color(d.pop("color", UNSET))

        def _parse_rotation(data: object) -> float | int | Unset:
            if isinstance(data, Unset):
                return data
            return cast(float | int | Unset, data)

        rotation = _parse_rotation(d.pop("rotation", UNSET))

        text = cls(
            text=text,
            x=x,
            y=y,
            size=size,
            color=color,
            rotation=rotation,
        )

        text.additional_properties = d
        return text

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
