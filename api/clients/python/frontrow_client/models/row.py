from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Row")


@_attrs_define
class Row:
    """`order` counts from the front of the section; `section` is an index.

    Attributes:
        label (str):
        section (int):
        first_seat (int):
        seat_count (int):
        order (float | int):
    """

    label: str
    section: int
    first_seat: int
    seat_count: int
    order: float | int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        label = self.label

        section = self.section

        first_seat = self.first_seat

        seat_count = self.seat_count

        order: float | int
        order = self.order

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "label": label,
                "section": section,
                "first_seat": first_seat,
                "seat_count": seat_count,
                "order": order,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        label = d.pop("label")

        section = d.pop("section")

        first_seat = d.pop("first_seat")

        seat_count = d.pop("seat_count")

        def _parse_order(data: object) -> float | int:
            return cast(float | int, data)

        order = _parse_order(d.pop("order"))

        row = cls(
            label=label,
            section=section,
            first_seat=first_seat,
            seat_count=seat_count,
            order=order,
        )

        row.additional_properties = d
        return row

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
