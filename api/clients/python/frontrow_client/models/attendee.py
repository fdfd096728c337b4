from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.booking_status import BookingStatus

if TYPE_CHECKING:
    from ..models.money import Money


T = TypeVar("T", bound="Attendee")


@_attrs_define
class Attendee:
    """One place of a booking, and the person it was sold to.

    Attributes:
        booking_id (UUID):
        reference (str):
        status (BookingStatus): `pending` ends exactly once, as confirmed, declined or expired.

            `confirmed` may become `cancelled`. An `expired` booking whose payment arrives late becomes
            `confirmed` if its seats are still free, else stays expired and is refunded.
        name (str):
        email (str):
        seat (None | str): The seat; null for a place in an area.
        seat_no (int | None):
        area (None | str): The area; null for a seat.
        area_no (int | None):
        category (str): The price band.
        price (Money): An amount in minor units of its currency: 15000 EUR is 150 euros, 15000 JPY is 15,000 yen.
        ordered_at (datetime.datetime):
        item_no (int): The line of the booking.
        place_no (int): From 1: which place of that line.
    """

    booking_id: UUID
    reference: str
    status: BookingStatus
    name: str
    email: str
    seat: None | str
    seat_no: int | None
    area: None | str
    area_no: int | None
    category: str
    price: Money
    ordered_at: datetime.datetime
    item_no: int
    place_no: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        booking_id = str(self.booking_id)

        reference = self.reference

        status = self.status.value

        name = self.name

        email = self.email

        seat: None | str
        seat = self.seat

        seat_no: int | None
        seat_no = self.seat_no

        area: None | str
        area = self.area

        area_no: int | None
        area_no = self.area_no

        category = self.category

        price = self.price.to_dict()

        ordered_at = self.ordered_at.isoformat()

        item_no = self.item_no

        place_no = self.place_no

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "booking_id": booking_id,
                "reference": reference,
                "status": status,
                "name": name,
                "email": email,
                "seat": seat,
                "seat_no": seat_no,
                "area": area,
                "area_no": area_no,
                "category": category,
                "price": price,
                "ordered_at": ordered_at,
                "item_no": item_no,
                "place_no": place_no,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.money import Money  # noqa: PLC0415

        d = dict(src_dict)
        booking_id = UUID(d.pop("booking_id"))

        reference = d.pop("reference")

        status = BookingStatus(d.pop("status"))

        name = d.pop("name")

        email = d.pop("email")

        def _parse_seat(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        seat = _parse_seat(d.pop("seat"))

        def _parse_seat_no(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        seat_no = _parse_seat_no(d.pop("seat_no"))

        def _parse_area(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        area = _parse_area(d.pop("area"))

        def _parse_area_no(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        area_no = _parse_area_no(d.pop("area_no"))

        category = d.pop("category")

        price = Money.from_dict(d.pop("price"))

        ordered_at = datetime.datetime.fromisoformat(d.pop("ordered_at"))

        item_no = d.pop("item_no")

        place_no = d.pop("place_no")

        attendee = cls(
            booking_id=booking_id,
            reference=reference,
            status=status,
            name=name,
            email=email,
            seat=seat,
            seat_no=seat_no,
            area=area,
            area_no=area_no,
            category=category,
            price=price,
            ordered_at=ordered_at,
            item_no=item_no,
            place_no=place_no,
        )

        attendee.additional_properties = d
        return attendee

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
