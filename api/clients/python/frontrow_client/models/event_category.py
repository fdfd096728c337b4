from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="EventCategory")


@_attrs_define
class EventCategory:
    """A price band of one event; its price stands in `prices`.

    Attributes:
        name (str):
        color (str): On the map.
    """

    name: str
    color: str

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        color = self.color

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
                "color": color,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        color = d.pop("color")

        event_category = cls(
            name=name,
            color=color,
        )

        return event_category
