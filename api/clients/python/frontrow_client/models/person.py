from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.person_tier import PersonTier
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.preferences import Preferences


T = TypeVar("T", bound="Person")


@_attrs_define
class Person:
    """A person who holds, books and waits.

    Attributes:
        person_id (UUID):
        email (None | str | Unset): The address for mails.
        name (str | Unset):  Default: ''.
        language (str | Unset):  Default: 'en'.
        tier (PersonTier | Unset): Given by the organiser; decides the order in waitlists. Default: PersonTier.REGULAR.
        registered (bool | Unset): True: has an account; false: a guest. Default: False.
        email_proven (bool | Unset): Whether the link mailed to the account's address was opened. Default: False.
        preferences (Preferences | Unset): How a person wants to be notified.
        version (int | Unset): Grows with every change; the ETag. Default: 1.
        created_at (datetime.datetime | None | Unset):
    """

    person_id: UUID
    email: None | str | Unset = UNSET
    name: str | Unset = ""
    language: str | Unset = "en"
    tier: PersonTier | Unset = PersonTier.REGULAR
    registered: bool | Unset = False
    email_proven: bool | Unset = False
    preferences: Preferences | Unset = UNSET
    version: int | Unset = 1
    created_at: datetime.datetime | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        person_id = str(self.person_id)

        email: None | str | Unset
        if isinstance(self.email, Unset):
            email = UNSET
        else:
            email = self.email

        name = self.name

        language = self.language

        tier: str | Unset = UNSET
        if not isinstance(self.tier, Unset):
            tier = self.tier.value

        registered = self.registered

        email_proven = self.email_proven

        preferences: dict[str, Any] | Unset = UNSET
        if not isinstance(self.preferences, Unset):
            preferences = self.preferences.to_dict()

        version = self.version

        created_at: None | str | Unset
        if isinstance(self.created_at, Unset):
            created_at = UNSET
        elif isinstance(self.created_at, datetime.datetime):
            created_at = self.created_at.isoformat()
        else:
            created_at = self.created_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "person_id": person_id,
            }
        )
        if email is not UNSET:
            field_dict["email"] = email
        if name is not UNSET:
            field_dict["name"] = name
        if language is not UNSET:
            field_dict["language"] = language
        if tier is not UNSET:
            field_dict["tier"] = tier
        if registered is not UNSET:
            field_dict["registered"] = registered
        if email_proven is not UNSET:
            field_dict["email_proven"] = email_proven
        if preferences is not UNSET:
            field_dict["preferences"] = preferences
        if version is not UNSET:
            field_dict["version"] = version
        if created_at is not UNSET:
            field_dict["created_at"] = created_at

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.preferences import Preferences  # noqa: PLC0415

        d = dict(src_dict)
        person_id = UUID(d.pop("person_id"))

        def _parse_email(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        email = _parse_email(d.pop("email", UNSET))

        name = d.pop("name", UNSET)

        language = d.pop("language", UNSET)

        _tier = d.pop("tier", UNSET)
        tier: PersonTier | Unset
        if isinstance(_tier, Unset):
            tier = UNSET
        else:
            tier = PersonTier(_tier)

        registered = d.pop("registered", UNSET)

        email_proven = d.pop("email_proven", UNSET)

        _preferences = d.pop("preferences", UNSET)
        preferences: Preferences | Unset
        if isinstance(_preferences, Unset):
            preferences = UNSET
        else:
            preferences = Preferences.from_dict(_preferences)

        version = d.pop("version", UNSET)

        def _parse_created_at(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                created_at_type_0 = datetime.datetime.fromisoformat(data)

                return created_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        created_at = _parse_created_at(d.pop("created_at", UNSET))

        person = cls(
            person_id=person_id,
            email=email,
            name=name,
            language=language,
            tier=tier,
            registered=registered,
            email_proven=email_proven,
            preferences=preferences,
            version=version,
            created_at=created_at,
        )

        person.additional_properties = d
        return person

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
