from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="SeatSelection")


@_attrs_define
class SeatSelection:
    """Seats of an event, and a reason, which is kept.

    Attributes:
        seats (list[int]):
        reason (None | str | Unset):
    """

    seats: list[int]
    reason: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        seats = self.seats

        reason: None | str | Unset
        if isinstance(self.reason, Unset):
            reason = UNSET
        else:
            reason = self.reason

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "seats": seats,
            }
        )
        if reason is not UNSET:
            field_dict["reason"] = reason

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        seats = cast(list[int], d.pop("seats"))

        def _parse_reason(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        reason = _parse_reason(d.pop("reason", UNSET))

        seat_selection = cls(
            seats=seats,
            reason=reason,
        )

        return seat_selection
