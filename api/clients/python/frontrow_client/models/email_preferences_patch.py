from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="EmailPreferencesPatch")


@_attrs_define
class EmailPreferencesPatch:
    """
    Attributes:
        waitlist (bool | Unset):
        reminders (bool | Unset):
        event (bool | Unset):
        booking (bool | Unset):
    """

    waitlist: bool | Unset = UNSET
    reminders: bool | Unset = UNSET
    event: bool | Unset = UNSET
    booking: bool | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        waitlist = self.waitlist

        reminders = self.reminders

        event = self.event

        booking = self.booking

        field_dict: dict[str, Any] = {}

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

        email_preferences_patch = cls(
            waitlist=waitlist,
            reminders=reminders,
            event=event,
            booking=booking,
        )

        return email_preferences_patch
