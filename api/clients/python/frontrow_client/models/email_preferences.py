from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="EmailPreferences")


@_attrs_define
class EmailPreferences:
    """The mails that a person wants.

    Attributes:
        waitlist (bool | Unset): Your place in a waitlist, and offers. Default: True.
        reminders (bool | Unset): Reminders that an offer is about to end; needs `waitlist`, too. Default: True.
        event (bool | Unset): Changes to events that you have tickets for. Default: True.
        booking (bool | Unset): Always true: bookings, cancellations and refunds are confirmed by mail. Default: True.
    """

    waitlist: bool | Unset = True
    reminders: bool | Unset = True
    event: bool | Unset = True
    booking: bool | Unset = True
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        waitlist = self.waitlist

        reminders = self.reminders

        event = self.event

        booking = self.booking

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if waitlist is not UNSET:
            field_dict["waitlist"] = waitlist
        if reminders is not UNSET:
            field_dict["reminders"] = reminders
        if event is not UNSET:
            field_dict["event"] = event
        if booking is not UNSET:
            field_dict["booking"] = booking

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        waitlist = d.pop("waitlist", UNSET)

        reminders = d.pop("reminders", UNSET)

        event = d.pop("event", UNSET)

        booking = d.pop("booking", UNSET)

        email_preferences = cls(
            waitlist=waitlist,
            reminders=reminders,
            event=event,
            booking=booking,
        )

        email_preferences.additional_properties = d
        return email_preferences

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
