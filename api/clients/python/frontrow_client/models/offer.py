from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.offer_status import OfferStatus
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.area_item import AreaItem
    from ..models.money import Money
    from ..models.seat_item import SeatItem


T = TypeVar("T", bound="Offer")


@_attrs_define
class Offer:
    """Seats kept for one person until `expires_at`. Accepted, it is a hold of the same id.

    Attributes:
        offer_id (UUID):
        entry_id (UUID):
        event_id (UUID):
        status (OfferStatus):
        seats (list[SeatItem]):
        areas (list[AreaItem]):
        total (Money): An amount in minor units of its currency: 15000 EUR is 150 euros, 15000 JPY is 15,000 yen.
        made_at (datetime.datetime):
        expires_at (datetime.datetime):
        ended_at (datetime.datetime | None | Unset):
        reason (None | str | Unset): Why it was withdrawn.
    """

    offer_id: UUID
    entry_id: UUID
    event_id: UUID
    status: OfferStatus
    seats: list[SeatItem]
    areas: list[AreaItem]
    total: Money
    made_at: datetime.datetime
    expires_at: datetime.datetime
    ended_at: datetime.datetime | None | Unset = UNSET
    reason: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        offer_id = str(self.offer_id)

        entry_id = str(self.entry_id)

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

        made_at = self.made_at.isoformat()

        expires_at = self.expires_at.isoformat()

        ended_at: None | str | Unset
        if isinstance(self.ended_at, Unset):
            ended_at = UNSET
        elif isinstance(self.ended_at, datetime.datetime):
            ended_at = self.ended_at.isoformat()
        else:
            ended_at = self.ended_at

        reason: None | str | Unset
        if isinstance(self.reason, Unset):
            reason = UNSET
        else:
            reason = self.reason

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "offer_id": offer_id,
                "entry_id": entry_id,
                "event_id": event_id,
                "status": status,
                "seats": seats,
                "areas": areas,
                "total": total,
                "made_at": made_at,
                "expires_at": expires_at,
            }
        )
        if ended_at is not UNSET:
            field_dict["ended_at"] = ended_at
        if reason is not UNSET:
            field_dict["reason"] = reason

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.area_item import AreaItem  # noqa: PLC0415
        from ..models.money import Money  # noqa: PLC0415
        from ..models.seat_item import SeatItem  # noqa: PLC0415

        d = dict(src_dict)
        offer_id = UUID(d.pop("offer_id"))

        entry_id = UUID(d.pop("entry_id"))

        event_id = UUID(d.pop("event_id"))

        status = OfferStatus(d.pop("status"))

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

        made_at = datetime.datetime.fromisoformat(d.pop("made_at"))

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        def _parse_ended_at(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                ended_at_type_0 = datetime.datetime.fromisoformat(data)

                return ended_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        ended_at = _parse_ended_at(d.pop("ended_at", UNSET))

        def _parse_reason(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        reason = _parse_reason(d.pop("reason", UNSET))

        offer = cls(
            offer_id=offer_id,
            entry_id=entry_id,
            event_id=event_id,
            status=status,
            seats=seats,
            areas=areas,
            total=total,
            made_at=made_at,
            expires_at=expires_at,
            ended_at=ended_at,
            reason=reason,
        )

        offer.additional_properties = d
        return offer

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
