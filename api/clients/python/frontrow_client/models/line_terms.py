from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="LineTerms")


@_attrs_define
class LineTerms:
    """Changes of a waitlist's terms; absent fields stay.

    Attributes:
        closed (bool | Unset): No new entries; existing entries are still served.
        offer_window_s (int | Unset): Lifetime of offers made from now on, in seconds.
    """

    closed: bool | Unset = UNSET
    offer_window_s: int | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        closed = self.closed

        offer_window_s = self.offer_window_s

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if closed is not UNSET:
            field_dict["closed"] = closed
        if offer_window_s is not UNSET:
            field_dict["offer_window_s"] = offer_window_s

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        closed = d.pop("closed", UNSET)

        offer_window_s = d.pop("offer_window_s", UNSET)

        line_terms = cls(
            closed=closed,
            offer_window_s=offer_window_s,
        )

        return line_terms
