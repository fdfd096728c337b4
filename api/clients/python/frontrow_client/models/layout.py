from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.area import Area
    from ..models.category import Category
    from ..models.decoration import Decoration
    from ..models.point import Point
    from ..models.row import Row
    from ..models.seats import Seats
    from ..models.section import Section
    from ..models.size import Size


T = TypeVar("T", bound="Layout")


@_attrs_define
class Layout:
    """
    Attributes:
        name (str):
        size (Size):
        focal_point (Point):
        categories (list[Category]):
        sections (list[Section]):
        rows (list[Row]):
        seats (Seats): One array per property, all of the same length; the index is the `seat_no`.
        areas (list[Area]):
        decorations (list[Decoration]):
    """

    name: str
    size: Size
    focal_point: Point
    categories: list[Category]
    sections: list[Section]
    rows: list[Row]
    seats: Seats
    areas: list[Area]
    decorations: list[Decoration]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        size = self.size.to_dict()

        focal_point = self.focal_point.to_dict()

        categories = []
        for categories_item_data in self.categories:
            categories_item = categories_item_data.to_dict()
            categories.append(categories_item)

        sections = []
        for sections_item_data in self.sections:
            sections_item = sections_item_data.to_dict()
            sections.append(sections_item)

        rows = []
        for rows_item_data in self.rows:
            rows_item = rows_item_data.to_dict()
            rows.append(rows_item)

        seats = self.seats.to_dict()

        areas = []
        for areas_item_data in self.areas:
            areas_item = areas_item_data.to_dict()
            areas.append(areas_item)

        decorations = []
        for decorations_item_data in self.decorations:
            decorations_item = decorations_item_data.to_dict()
            decorations.append(decorations_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "name": name,
                "size": size,
                "focal_point": focal_point,
                "categories": categories,
                "sections": sections,
                "rows": rows,
                "seats": seats,
                "areas": areas,
                "decorations": decorations,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.area import Area  # noqa: PLC0415
        from ..models.category import Category  # noqa: PLC0415
        from ..models.decoration import Decoration  # noqa: PLC0415
        from ..models.point import Point  # noqa: PLC0415
        from ..models.row import Row  # noqa: PLC0415
        from ..models.seats import Seats  # noqa: PLC0415
        from ..models.section import Section  # noqa: PLC0415
        from ..models.size import Size  # noqa: PLC0415

        d = dict(src_dict)
        name = d.pop("name")

        size = Size.from_dict(d.pop("size"))

        focal_point = Point.from_dict(d.pop("focal_point"))

        categories = []
        _categories = d.pop("categories")
        for categories_item_data in _categories:
            categories_item = Category.from_dict(categories_item_data)

            categories.append(categories_item)

        sections = []
        _sections = d.pop("sections")
        for sections_item_data in _sections:
            sections_item = Section.from_dict(sections_item_data)

            sections.append(sections_item)

        rows = []
        _rows = d.pop("rows")
        for rows_item_data in _rows:
            rows_item = Row.from_dict(rows_item_data)

            rows.append(rows_item)

        seats = Seats.from_dict(d.pop("seats"))

        areas = []
        _areas = d.pop("areas")
        for areas_item_data in _areas:
            areas_item = Area.from_dict(areas_item_data)

            areas.append(areas_item)

        decorations = []
        _decorations = d.pop("decorations")
        for decorations_item_data in _decorations:
            decorations_item = Decoration.from_dict(decorations_item_data)

            decorations.append(decorations_item)

        layout = cls(
            name=name,
            size=size,
            focal_point=focal_point,
            categories=categories,
            sections=sections,
            rows=rows,
            seats=seats,
            areas=areas,
            decorations=decorations,
        )

        layout.additional_properties = d
        return layout

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
