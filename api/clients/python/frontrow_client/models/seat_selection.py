from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.seat_selection_areas import SeatSelectionAreas


T = TypeVar("T", bound="SeatSelection")


@_attrs_define
class SeatSelection:
    """Seats and places of areas of an event, at least one, and a reason, which is kept.

    Attributes:
        seats (list[int] | Unset):
        areas (SeatSelectionAreas | Unset): Places by area number.
        reason (None | str | Unset):
    """

    seats: list[int] | Unset = UNSET
    areas: SeatSelectionAreas | Unset = UNSET
    reason: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        seats: list[int] | Unset = UNSET
        if not isinstance(self.seats, Unset):
            seats = self.seats

        areas: dict[str, Any] | Unset = UNSET
        if not isinstance(self.areas, Unset):
            areas = self.areas.to_dict()

        reason: None | str | Unset
        if isinstance(self.reason, Unset):
            reason = UNSET
        else:
            reason = self.reason

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if seats is not UNSET:
            field_dict["seats"] = seats
        if areas is not UNSET:
            field_dict["areas"] = areas
        if reason is not UNSET:
            field_dict["reason"] = reason

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.seat_selection_areas import SeatSelectionAreas  # noqa: PLC0415

        d = dict(src_dict)
        seats = cast(list[int], d.pop("seats", UNSET))

        _areas = d.pop("areas", UNSET)
        areas: SeatSelectionAreas | Unset
        if isinstance(_areas, Unset):
            areas = UNSET
        else:
            areas = SeatSelectionAreas.from_dict(_areas)

        def _parse_reason(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        reason = _parse_reason(d.pop("reason", UNSET))

        seat_selection = cls(
            seats=seats,
            areas=areas,
            reason=reason,
        )

        return seat_selection
