from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.booking_status import BookingStatus
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.area_item import AreaItem
    from ..models.buyer import Buyer
    from ..models.money import Money
    from ..models.next_action import NextAction
    from ..models.seat_item import SeatItem


T = TypeVar("T", bound="Booking")


@_attrs_define
class Booking:
    """Seats and areas that are paid for or being paid.

    Attributes:
        booking_id (UUID):
        reference (str): Short, for people to read out.
        event_id (UUID):
        hold_id (UUID):
        status (BookingStatus): `pending` ends exactly once, as confirmed, declined or expired.

            `confirmed` may become `cancelled`. An `expired` booking whose payment arrives late becomes
            `confirmed` if its seats are still free, else stays expired and is refunded.
        seats (list[SeatItem]):
        areas (list[AreaItem]):
        total (Money): An amount in minor units of its currency: 15000 EUR is 150 euros, 15000 JPY is 15,000 yen.
        buyer (Buyer): The person whom the tickets are for.
        version (int): Grows with every change; the ETag.
        created_at (datetime.datetime):
        expires_at (datetime.datetime | None | Unset): When payment is due; only while pending.
        next_action (NextAction | None | Unset):
        note (None | str | Unset): How it ended, where that needs explaining.
        refunded (Money | None | Unset):
    """

    booking_id: UUID
    reference: str
    event_id: UUID
    hold_id: UUID
    status: BookingStatus
    seats: list[SeatItem]
    areas: list[AreaItem]
    total: Money
    buyer: Buyer
    version: int
    created_at: datetime.datetime
    expires_at: datetime.datetime | None | Unset = UNSET
    next_action: NextAction | None | Unset = UNSET
    note: None | str | Unset = UNSET
    refunded: Money | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.money import Money  # noqa: PLC0415
        from ..models.next_action import NextAction  # noqa: PLC0415

        booking_id = str(self.booking_id)

        reference = self.reference

        event_id = str(self.event_id)

        hold_id = str(self.hold_id)

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

        buyer = self.buyer.to_dict()

        version = self.version

        created_at = self.created_at.isoformat()

        expires_at: None | str | Unset
        if isinstance(self.expires_at, Unset):
            expires_at = UNSET
        elif isinstance(self.expires_at, datetime.datetime):
            expires_at = self.expires_at.isoformat()
        else:
            expires_at = self.expires_at

        next_action: dict[str, Any] | None | Unset
        if isinstance(self.next_action, Unset):
            next_action = UNSET
        elif isinstance(self.next_action, NextAction):
            next_action = self.next_action.to_dict()
        else:
            next_action = self.next_action

        note: None | str | Unset
        if isinstance(self.note, Unset):
            note = UNSET
        else:
            note = self.note

        refunded: dict[str, Any] | None | Unset
        if isinstance(self.refunded, Unset):
            refunded = UNSET
        elif isinstance(self.refunded, Money):
            refunded = self.refunded.to_dict()
        else:
            refunded = self.refunded

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "booking_id": booking_id,
                "reference": reference,
                "event_id": event_id,
                "hold_id": hold_id,
                "status": status,
                "seats": seats,
                "areas": areas,
                "total": total,
                "buyer": buyer,
                "version": version,
                "created_at": created_at,
            }
        )
        if expires_at is not UNSET:
            field_dict["expires_at"] = expires_at
        if next_action is not UNSET:
            field_dict["next_action"] = next_action
        if note is not UNSET:
            field_dict["note"] = note
        if refunded is not UNSET:
            field_dict["refunded"] = refunded

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.area_item import AreaItem  # noqa: PLC0415
        from ..models.buyer import Buyer  # noqa: PLC0415
        from ..models.money import Money  # noqa: PLC0415
        from ..models.next_action import NextAction  # noqa: PLC0415
        from ..models.seat_item import SeatItem  # noqa: PLC0415

        d = dict(src_dict)
        booking_id = UUID(d.pop("booking_id"))

        reference = d.pop("reference")

        event_id = UUID(d.pop("event_id"))

        hold_id = UUID(d.pop("hold_id"))

        status = BookingStatus(d.pop("status"))

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

        buyer = Buyer.from_dict(d.pop("buyer"))

        version = d.pop("version")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        def _parse_expires_at(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                expires_at_type_0 = datetime.datetime.fromisoformat(data)

                return expires_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        expires_at = _parse_expires_at(d.pop("expires_at", UNSET))

        def _parse_next_action(data: object) -> NextAction | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                next_action_type_0 = NextAction.from_dict(data)

                return next_action_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(NextAction | None | Unset, data)

        next_action = _parse_next_action(d.pop("next_action", UNSET))

        def _parse_note(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        note = _parse_note(d.pop("note", UNSET))

        def _parse_refunded(data: object) -> Money | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                refunded_type_0 = Money.from_dict(data)

                return refunded_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Money | None | Unset, data)

        refunded = _parse_refunded(d.pop("refunded", UNSET))

        booking = cls(
            booking_id=booking_id,
            reference=reference,
            event_id=event_id,
            hold_id=hold_id,
            status=status,
            seats=seats,
            areas=areas,
            total=total,
            buyer=buyer,
            version=version,
            created_at=created_at,
            expires_at=expires_at,
            next_action=next_action,
            note=note,
            refunded=refunded,
        )

        booking.additional_properties = d
        return booking

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
