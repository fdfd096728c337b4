from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.refused_seat_reason import RefusedSeatReason

T = TypeVar("T", bound="RefusedSeat")


@_attrs_define
class RefusedSeat:
    """A seat that was not changed.

    Attributes:
        seat_no (int): The seat's dense number in its event.
        reason (RefusedSeatReason): `held`: a buyer holds it, pays for it, or has an offer of it; `already`: it was
            blocked before; `not-blocked`: it was not blocked.
    """

    seat_no: int
    reason: RefusedSeatReason
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        seat_no = self.seat_no

        reason = self.reason.value

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "seat_no": seat_no,
                "reason": reason,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        seat_no = d.pop("seat_no")

        reason = RefusedSeatReason(d.pop("reason"))

        refused_seat = cls(
            seat_no=seat_no,
            reason=reason,
        )

        refused_seat.additional_properties = d
        return refused_seat

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
