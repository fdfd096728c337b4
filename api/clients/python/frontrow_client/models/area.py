from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.ellipse import Ellipse
    from ..models.polygon import Polygon
    from ..models.rectangle import Rectangle


T = TypeVar("T", bound="Area")


@_attrs_define
class Area:
    """General admission: `capacity` places without numbers. Its index is the `area_no`.

    Attributes:
        name (str):
        category (int):
        capacity (int):
        shape (Ellipse | Polygon | Rectangle):
    """

    name: str
    category: int
    capacity: int
    shape: Ellipse | Polygon | Rectangle
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.polygon import Polygon  # noqa: PLC0415
        from ..models.rectangle import Rectangle  # noqa: PLC0415

        name = self.name

        category = self.category

        capacity = self.capacity

        shape: dict[str, Any]
        if isinstance(self.shape, Polygon):
            shape = self.shape.to_dict()
        elif isinstance(self.shape, Rectangle):
            shape = self.shape.to_dict()
        else:
            shape = self.shape.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "name": name,
                "category": category,
                "capacity": capacity,
                "shape": shape,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.ellipse import Ellipse  # noqa: PLC0415
        from ..models.polygon import Polygon  # noqa: PLC0415
        from ..models.rectangle import Rectangle  # noqa: PLC0415

        d = dict(src_dict)
        name = d.pop("name")

        category = d.pop("category")

        capacity = d.pop("capacity")

        def _parse_shape(data: object) -> Ellipse | Polygon | Rectangle:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                shape_type_0 = Polygon.from_dict(data)

                return shape_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                shape_type_1 = Rectangle.from_dict(data)

                return shape_type_1
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            shape_type_2 = Ellipse.from_dict(data)

            return shape_type_2

        shape = _parse_shape(d.pop("shape"))

        area = cls(
            name=name,
            category=category,
            capacity=capacity,
            shape=shape,
        )

        area.additional_properties = d
        return area

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
