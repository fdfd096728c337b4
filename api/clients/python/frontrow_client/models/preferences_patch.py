from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.email_preferences_patch import EmailPreferencesPatch


T = TypeVar("T", bound="PreferencesPatch")


@_attrs_define
class PreferencesPatch:
    """The preferences to change; absent fields stay.

    Attributes:
        email (EmailPreferencesPatch | Unset):
        live (bool | Unset):
    """

    email: EmailPreferencesPatch | Unset = UNSET
    live: bool | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        email: dict[str, Any] | Unset = UNSET
        if not isinstance(self.email, Unset):
            email = self.email.to_dict()

        live = self.live

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if email is not UNSET:
            field_dict["email"] = email
        if live is not UNSET:
            field_dict["live"] = live

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.email_preferences_patch import EmailPreferencesPatch  # noqa: PLC0415

        d = dict(src_dict)
        _email = d.pop("email", UNSET)
        email: EmailPreferencesPatch | Unset
        if isinstance(_email, Unset):
            email = UNSET
        else:
            email = EmailPreferencesPatch.from_dict(_email)

        live = d.pop("live", UNSET)

        preferences_patch = cls(
            email=email,
            live=live,
        )

        return preferences_patch
