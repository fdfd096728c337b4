from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.blocking_areas import BlockingAreas
    from ..models.refused_seat import RefusedSeat


T = TypeVar("T", bound="Blocking")


@_attrs_define
class Blocking:
    """The seats that are blocked (or given back) now, and those that were refused, with the reason.

    Attributes:
        event_id (UUID):
        seats (list[int]):
        refused (list[RefusedSeat]):
        areas (BlockingAreas | Unset): Places that are blocked (or given back) now, by area number.
    """

    event_id: UUID
    seats: list[int]
    refused: list[RefusedSeat]
    areas: BlockingAreas | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        event_id = str(self.event_id)

        seats = self.seats

        refused = []
        for refused_item_data in self.refused:
            refused_item = refused_item_data.to_dict()
            refused.append(refused_item)

        areas: dict[str, Any] | Unset = UNSET
        if not isinstance(self.areas, Unset):
            areas = self.areas.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "event_id": event_id,
                "seats": seats,
                "refused": refused,
            }
        )
        if areas is not UNSET:
            field_dict["areas"] = areas

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.blocking_areas import BlockingAreas  # noqa: PLC0415
        from ..models.refused_seat import RefusedSeat  # noqa: PLC0415

        d = dict(src_dict)
        event_id = UUID(d.pop("event_id"))

        seats = cast(list[int], d.pop("seats"))

        refused = []
        _refused = d.pop("refused")
        for refused_item_data in _refused:
            refused_item = RefusedSeat.from_dict(refused_item_data)

            refused.append(refused_item)

        _areas = d.pop("areas", UNSET)
        areas: BlockingAreas | Unset
        if isinstance(_areas, Unset):
            areas = UNSET
        else:
            areas = BlockingAreas.from_dict(_areas)

        blocking = cls(
            event_id=event_id,
            seats=seats,
            refused=refused,
            areas=areas,
        )

        blocking.additional_properties = d
        return blocking

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
