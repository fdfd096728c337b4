from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="Expected")


@_attrs_define
class Expected:
    """The share that should be sold at a time before the event.

    Attributes:
        days_left (float):
        share (float):
    """

    days_left: float
    share: float

    def to_dict(self) -> dict[str, Any]:
        days_left = self.days_left

        share = self.share

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "days_left": days_left,
                "share": share,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        days_left = d.pop("days_left")

        share = d.pop("share")

        expected = cls(
            days_left=days_left,
            share=share,
        )

        return expected
