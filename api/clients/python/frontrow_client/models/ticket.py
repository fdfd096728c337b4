from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.ticket_status import TicketStatus
from ..types import UNSET, Unset

T = TypeVar("T", bound="Ticket")


@_attrs_define
class Ticket:
    """Admits one person; void once its booking is cancelled.

    Attributes:
        ticket_id (UUID):
        booking_id (UUID):
        event_id (UUID):
        label (str):
        category (str): The price band.
        seat_no (int | None):
        area_no (int | None):
        code (str): The code that the door scans; unguessable.
        status (TicketStatus):
        qr_svg (None | str | Unset): `code` as a QR code in SVG.
    """

    ticket_id: UUID
    booking_id: UUID
    event_id: UUID
    label: str
    category: str
    seat_no: int | None
    area_no: int | None
    code: str
    status: TicketStatus
    qr_svg: None | str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        ticket_id = str(self.ticket_id)

        booking_id = str(self.booking_id)

        event_id = str(self.event_id)

        label = self.label

        category = self.category

        seat_no: int | None
        seat_no = self.seat_no

        area_no: int | None
        area_no = self.area_no

        code = self.code

        status = self.status.value

        qr_svg: None | str | Unset
        if isinstance(self.qr_svg, Unset):
            qr_svg = UNSET
        else:
            qr_svg = self.qr_svg

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "ticket_id": ticket_id,
                "booking_id": booking_id,
                "event_id": event_id,
                "label": label,
                "category": category,
                "seat_no": seat_no,
                "area_no": area_no,
                "code": code,
                "status": status,
            }
        )
        if qr_svg is not UNSET:
            field_dict["qr_svg"] = qr_svg

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        ticket_id = UUID(d.pop("ticket_id"))

        booking_id = UUID(d.pop("booking_id"))

        event_id = UUID(d.pop("event_id"))

        label = d.pop("label")

        category = d.pop("category")

        def _parse_seat_no(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        seat_no = _parse_seat_no(d.pop("seat_no"))

        def _parse_area_no(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        area_no = _parse_area_no(d.pop("area_no"))

        code = d.pop("code")

        status = TicketStatus(d.pop("status"))

        def _parse_qr_svg(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        qr_svg = _parse_qr_svg(d.pop("qr_svg", UNSET))

        ticket = cls(
            ticket_id=ticket_id,
            booking_id=booking_id,
            event_id=event_id,
            label=label,
            category=category,
            seat_no=seat_no,
            area_no=area_no,
            code=code,
            status=status,
            qr_svg=qr_svg,
        )

        ticket.additional_properties = d
        return ticket

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
