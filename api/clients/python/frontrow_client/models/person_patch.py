from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.preferences_patch import PreferencesPatch


T = TypeVar("T", bound="PersonPatch")


@_attrs_define
class PersonPatch:
    """The fields to change; absent ones stay. An account's address and password need the present password.

    Attributes:
        name (str | Unset):
        language (str | Unset): A supported language.
        email (str | Unset):
        preferences (PreferencesPatch | Unset): The preferences to change; absent fields stay.
        password (None | str | Unset): The present password, to change `email` or the password.
        new_password (None | str | Unset): A new password; ends every login, this one too.
    """

    name: str | Unset = UNSET
    language: str | Unset = UNSET
    email: str | Unset = UNSET
    preferences: PreferencesPatch | Unset = UNSET
    password: None | str | Unset = UNSET
    new_password: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        language = self.language

        email = self.email

        preferences: dict[str, Any] | Unset = UNSET
        if not isinstance(self.preferences, Unset):
            preferences = self.preferences.to_dict()

        password: None | str | Unset
        if isinstance(self.password, Unset):
            password = UNSET
        else:
            password = self.password

        new_password: None | str | Unset
        if isinstance(self.new_password, Unset):
            new_password = UNSET
        else:
            new_password = self.new_password

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if name is not UNSET:
            field_dict["name"] = name
        if language is not UNSET:
            field_dict["language"] = language
        if email is not UNSET:
            field_dict["email"] = email
        if preferences is not UNSET:
            field_dict["preferences"] = preferences
        if password is not UNSET:
            field_dict["password"] = password
        if new_password is not UNSET:
            field_dict["new_password"] = new_password

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.preferences_patch import PreferencesPatch  # noqa: PLC0415

        d = dict(src_dict)
        name = d.pop("name", UNSET)

        language = d.pop("language", UNSET)

        email = d.pop("email", UNSET)

        _preferences = d.pop("preferences", UNSET)
        preferences: PreferencesPatch | Unset
        if isinstance(_preferences, Unset):
            preferences = UNSET
        else:
            preferences = PreferencesPatch.from_dict(_preferences)

        def _parse_password(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        password = _parse_password(d.pop("password", UNSET))

        def _parse_new_password(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        new_password = _parse_new_password(d.pop("new_password", UNSET))

        person_patch = cls(
            name=name,
            language=language,
            email=email,
            preferences=preferences,
            password=password,
            new_password=new_password,
        )

        return person_patch
