from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="Assignment")


@_attrs_define
class Assignment:
    """Places and the category that they get. Exactly one of `plan_category`, `section`, `area` and
    `seats` names the places; `row` narrows a section, `numbers` a row.

        Attributes:
            category (str): Of the event.
            plan_category (None | str | Unset): All places that the plan has in this category.
            section (None | str | Unset):
            row (None | str | Unset): Of the section.
            numbers (list[str] | None | Unset):
            area (None | str | Unset): An area's name.
            seats (list[int] | None | Unset):
    """

    category: str
    plan_category: None | str | Unset = UNSET
    section: None | str | Unset = UNSET
    row: None | str | Unset = UNSET
    numbers: list[str] | None | Unset = UNSET
    area: None | str | Unset = UNSET
    seats: list[int] | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        category = self.category

        plan_category: None | str | Unset
        if isinstance(self.plan_category, Unset):
            plan_category = UNSET
        else:
            plan_category = self.plan_category

        section: None | str | Unset
        if isinstance(self.section, Unset):
            section = UNSET
        else:
            section = self.section

        row: None | str | Unset
        if isinstance(self.row, Unset):
            row = UNSET
        else:
            row = self.row

        numbers: list[str] | None | Unset
        if isinstance(self.numbers, Unset):
            numbers = UNSET
        elif isinstance(self.numbers, list):
            numbers = self.numbers

        else:
            numbers = self.numbers

        area: None | str | Unset
        if isinstance(self.area, Unset):
            area = UNSET
        else:
            area = self.area

        seats: list[int] | None | Unset
        if isinstance(self.seats, Unset):
            seats = UNSET
        elif isinstance(self.seats, list):
            seats = self.seats

        else:
            seats = self.seats

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "category": category,
            }
        )
        if plan_category is not UNSET:
            field_dict["plan_category"] = plan_category
        if section is not UNSET:
            field_dict["section"] = section
        if row is not UNSET:
            field_dict["row"] = row
        if numbers is not UNSET:
            field_dict["numbers"] = numbers
        if area is not UNSET:
            field_dict["area"] = area
        if seats is not UNSET:
            field_dict["seats"] = seats

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        category = d.pop("category")

        def _parse_plan_category(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        plan_category = _parse_plan_category(d.pop("plan_category", UNSET))

        def _parse_section(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        section = _parse_section(d.pop("section", UNSET))

        def _parse_row(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        row = _parse_row(d.pop("row", UNSET))

        def _parse_numbers(data: object) -> list[str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                numbers_type_0 = cast(list[str], data)

                return numbers_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | Unset, data)

        numbers = _parse_numbers(d.pop("numbers", UNSET))

        def _parse_area(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        area = _parse_area(d.pop("area", UNSET))

        def _parse_seats(data: object) -> list[int] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                seats_type_0 = cast(list[int], data)

                return seats_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[int] | None | Unset, data)

        seats = _parse_seats(d.pop("seats", UNSET))

        assignment = cls(
            category=category,
            plan_category=plan_category,
            section=section,
            row=row,
            numbers=numbers,
            area=area,
            seats=seats,
        )

        return assignment
