from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.seat_states_areas import SeatStatesAreas


T = TypeVar("T", bound="SeatStates")


@_attrs_define
class SeatStates:
    """The content of a map at one instant. The live feed goes on from `(epoch, seq)`.

    Attributes:
        epoch (int): Changes when the state is rebuilt.
        seq (int): Grows by one with every change set.
        seat_count (int):
        states (str): One digit per seat: 0 free, 1 held, 2 sold, 3 not for sale.
        areas (SeatStatesAreas): By area number.
    """

    epoch: int
    seq: int
    seat_count: int
    states: str
    areas: SeatStatesAreas
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        epoch = self.epoch

        seq = self.seq

        seat_count = self.seat_count

        states = self.states

        areas = self.areas.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "epoch": epoch,
                "seq": seq,
                "seat_count": seat_count,
                "states": states,
                "areas": areas,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.seat_states_areas import SeatStatesAreas  # noqa: PLC0415

        d = dict(src_dict)
        epoch = d.pop("epoch")

        seq = d.pop("seq")

        seat_count = d.pop("seat_count")

        states = d.pop("states")

        areas = SeatStatesAreas.from_dict(d.pop("areas"))

        seat_states = cls(
            epoch=epoch,
            seq=seq,
            seat_count=seat_count,
            states=states,
            areas=areas,
        )

        seat_states.additional_properties = d
        return seat_states

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
