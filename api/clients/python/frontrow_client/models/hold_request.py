from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.best_seats_wish import BestSeatsWish
    from ..models.hold_request_areas import HoldRequestAreas


T = TypeVar("T", bound="HoldRequest")


@_attrs_define
class HoldRequest:
    """Seats by seat_no, places of areas by area_no, or `best` alone: the engine chooses the seats.

    With a `hold_id` made by the client, retries are safe.

        Attributes:
            seats (list[int] | Unset): Seats by `seat_no`.
            areas (HoldRequestAreas | Unset): How many places, by `area_no`.
            best (BestSeatsWish | None | Unset): The best free seats, by the rule in docs/best-seats.md.
            hold_id (None | Unset | UUID): Made by you, new for each attempt: a retry gives the same hold.
    """

    seats: list[int] | Unset = UNSET
    areas: HoldRequestAreas | Unset = UNSET
    best: BestSeatsWish | None | Unset = UNSET
    hold_id: None | Unset | UUID = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.best_seats_wish import BestSeatsWish  # noqa: PLC0415

        seats: list[int] | Unset = UNSET
        if not isinstance(self.seats, Unset):
            seats = self.seats

        areas: dict[str, Any] | Unset = UNSET
        if not isinstance(self.areas, Unset):
            areas = self.areas.to_dict()

        best: dict[str, Any] | None | Unset
        if isinstance(self.best, Unset):
            best = UNSET
        elif isinstance(self.best, BestSeatsWish):
            best = self.best.to_dict()
        else:
            best = self.best

        hold_id: None | str | Unset
        if isinstance(self.hold_id, Unset):
            hold_id = UNSET
        elif isinstance(self.hold_id, UUID):
            hold_id = str(self.hold_id)
        else:
            hold_id = self.hold_id

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if seats is not UNSET:
            field_dict["seats"] = seats
        if areas is not UNSET:
            field_dict["areas"] = areas
        if best is not UNSET:
            field_dict["best"] = best
        if hold_id is not UNSET:
            field_dict["hold_id"] = hold_id

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.best_seats_wish import BestSeatsWish  # noqa: PLC0415
        from ..models.hold_request_areas import HoldRequestAreas  # noqa: PLC0415

        d = dict(src_dict)
        seats = cast(list[int], d.pop("seats", UNSET))

        _areas = d.pop("areas", UNSET)
        areas: HoldRequestAreas | Unset
        if isinstance(_areas, Unset):
            areas = UNSET
        else:
            areas = HoldRequestAreas.from_dict(_areas)

        def _parse_best(data: object) -> BestSeatsWish | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                best_type_0 = BestSeatsWish.from_dict(data)

                return best_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(BestSeatsWish | None | Unset, data)

        best = _parse_best(d.pop("best", UNSET))

        def _parse_hold_id(data: object) -> None | Unset | UUID:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                hold_id_type_0 = UUID(data)

                return hold_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Unset | UUID, data)

        hold_id = _parse_hold_id(d.pop("hold_id", UNSET))

        hold_request = cls(
            seats=seats,
            areas=areas,
            best=best,
            hold_id=hold_id,
        )

        return hold_request
