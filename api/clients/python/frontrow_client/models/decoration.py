from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.decoration_kind import DecorationKind
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.ellipse import Ellipse
    from ..models.polygon import Polygon
    from ..models.rectangle import Rectangle
    from ..models.text import Text


T = TypeVar("T", bound="Decoration")


@_attrs_define
class Decoration:
    """A drawn object that nobody can buy. `kind` says how to draw one without a colour.

    Attributes:
        kind (DecorationKind | Unset):  Default: DecorationKind.OTHER.
        shape (Ellipse | None | Polygon | Rectangle | Unset):
        text (None | Text | Unset):
        color (None | str | Unset):
        border_color (None | str | Unset):
    """

    kind: DecorationKind | Unset = DecorationKind.OTHER
    shape: Ellipse | None | Polygon | Rectangle | Unset = UNSET
    text: None | Text | Unset = UNSET
    color: None | str | Unset = UNSET
    border_color: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.ellipse import Ellipse  # noqa: PLC0415
        from ..models.polygon import Polygon  # noqa: PLC0415
        from ..models.rectangle import Rectangle  # noqa: PLC0415
        from ..models.text import Text  # noqa: PLC0415

        kind: str | Unset = UNSET
        if not isinstance(self.kind, Unset):
            kind = self.kind.value

        shape: dict[str, Any] | None | Unset
        if isinstance(self.shape, Unset):
            shape = UNSET
        elif isinstance(self.shape, Polygon):
            shape = self.shape.to_dict()
        elif isinstance(self.shape, Rectangle):
            shape = self.shape.to_dict()
        elif isinstance(self.shape, Ellipse):
            shape = self.shape.to_dict()
        else:
            shape = self.shape

        text: dict[str, Any] | None | Unset
        if isinstance(self.text, Unset):
            text = UNSET
        elif isinstance(self.text, Text):
            text = self.text.to_dict()
        else:
            text = self.text

        color: None | str | Unset
        if isinstance(self.color, Unset):
            color = UNSET
        else:
            color = self.color

        border_color: None | str | Unset
        if isinstance(self.border_color, Unset):
            border_color = UNSET
        else:
            border_color = self.border_color

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if kind is not UNSET:
            field_dict["kind"] = kind
        if shape is not UNSET:
            field_dict["shape"] = shape
        if text is not UNSET:
            field_dict["text"] = text
        if color is not UNSET:
            field_dict["color"] = color
        if border_color is not UNSET:
            field_dict["border_color"] = border_color

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.ellipse import Ellipse  # noqa: PLC0415
        from ..models.polygon import Polygon  # noqa: PLC0415
        from ..models.rectangle import Rectangle  # noqa: PLC0415
        from ..models.text import Text  # noqa: PLC0415

        d = dict(src_dict)
        _kind = d.pop("kind", UNSET)
        kind: DecorationKind | Unset
        if isinstance(_kind, Unset):
            kind = UNSET
        else:
            kind = DecorationKind(_kind)

        def _parse_shape(data: object) -> Ellipse | None | Polygon | Rectangle | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                shape_type_0_type_0 = Polygon.from_dict(data)

                return shape_type_0_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                shape_type_0_type_1 = Rectangle.from_dict(data)

                return shape_type_0_type_1
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                shape_type_0_type_2 = Ellipse.from_dict(data)

                return shape_type_0_type_2
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Ellipse | None | Polygon | Rectangle | Unset, data)

        shape = _parse_shape(d.pop("shape", UNSET))

        def _parse_text(data: object) -> None | Text | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                text_type_0 = Text.from_dict(data)

                return text_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Text | Unset, data)

        text = _parse_text(d.pop("text", UNSET))

        def _parse_color(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        color = _parse_color(d.pop("color", UNSET))

        def _parse_border_color(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        border_color = _parse_border_color(d.pop("border_color", UNSET))

        decoration = cls(
            kind=kind,
            shape=shape,
            text=text,
            color=color,
            border_color=border_color,
        )

        decoration.additional_properties = d
        return decoration

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
