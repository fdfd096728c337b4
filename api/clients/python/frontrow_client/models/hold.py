from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.hold_relaxed_item import HoldRelaxedItem
from ..models.hold_status import HoldStatus
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.area_item import AreaItem
    from ..models.money import Money
    from ..models.seat_item import SeatItem


T = TypeVar("T", bound="Hold")


@_attrs_define
class Hold:
    """A temporary claim. `held` and `paying` are alive; it ends booked, released or expired.

    Attributes:
        hold_id (UUID):
        event_id (UUID):
        status (HoldStatus):
        seats (list[SeatItem]):
        areas (list[AreaItem]):
        total (Money): An amount in minor units of its currency: 15000 EUR is 150 euros, 15000 JPY is 15,000 yen.
        expires_at (datetime.datetime): The latest moment at which it ends.
        relaxed (list[HoldRelaxedItem] | Unset): Best seats only: compromises, because nothing better was free.
    """

    hold_id: UUID
    event_id: UUID
    status: HoldStatus
    seats: list[SeatItem]
    areas: list[AreaItem]
    total: Money
    expires_at: datetime.datetime
    relaxed: list[HoldRelaxedItem] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        hold_id = str(self.hold_id)

        event_id = str(self.event_id)

        status = self.status.value

        seats = []
        for seats_item_data in self.seats:
            seats_item = seats_item_data.to_dict()
            seats.append(seats_item)

        areas = []
        for areas_item_data in self.areas:
            areas_item = areas_item_data.to_dict()
            areas.append(areas_item)

        total = self.total.to_dict()

        expires_at = self.expires_at.isoformat()

        relaxed: list[str] | Unset = UNSET
        if not isinstance(self.relaxed, Unset):
            relaxed = []
            for relaxed_item_data in self.relaxed:
                relaxed_item = relaxed_item_data.value
                relaxed.append(relaxed_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "hold_id": hold_id,
                "event_id": event_id,
                "status": status,
                "seats": seats,
                "areas": areas,
                "total": total,
                "expires_at": expires_at,
            }
        )
        if relaxed is not UNSET:
            field_dict["relaxed"] = relaxed

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.area_item import AreaItem  # noqa: PLC0415
        from ..models.money import Money  # noqa: PLC0415
        from ..models.seat_item import SeatItem  # noqa: PLC0415

        d = dict(src_dict)
        hold_id = UUID(d.pop("hold_id"))

        event_id = UUID(d.pop("event_id"))

        status = HoldStatus(d.pop("status"))

        seats = []
        _seats = d.pop("seats")
        for seats_item_data in _seats:
            seats_item = SeatItem.from_dict(seats_item_data)

            seats.append(seats_item)

        areas = []
        _areas = d.pop("areas")
        for areas_item_data in _areas:
            areas_item = AreaItem.from_dict(areas_item_data)

            areas.append(areas_item)

        total = Money.from_dict(d.pop("total"))

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        _relaxed = d.pop("relaxed", UNSET)
        relaxed: list[HoldRelaxedItem] | Unset = UNSET
        if _relaxed is not UNSET:
            relaxed = []
            for relaxed_item_data in _relaxed:
                relaxed_item = HoldRelaxedItem(relaxed_item_data)

                relaxed.append(relaxed_item)

        hold = cls(
            hold_id=hold_id,
            event_id=event_id,
            status=status,
            seats=seats,
            areas=areas,
            total=total,
            expires_at=expires_at,
            relaxed=relaxed,
        )

        hold.additional_properties = d
        return hold

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
