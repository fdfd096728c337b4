from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.rule_status import RuleStatus

if TYPE_CHECKING:
    from ..models.rule import Rule


T = TypeVar("T", bound="RuleVersion")


@_attrs_define
class RuleVersion:
    """A version of a category's rule. Its content never changes.

    Attributes:
        rule_id (UUID):
        event_id (UUID):
        category_no (int):
        category (str): The price band.
        rule_no (int): The version; 1 is the category's first.
        status (RuleStatus): `draft → scheduled → active → retired`; steps may be skipped, never reversed.
        rule (Rule): How a category's price moves. Amounts are minor units, times seconds, shares 0 to 1.

            Raises ValueError for a rule that contradicts itself.
        note (str):
        made_by (str):
        made_at (datetime.datetime):
        valid_from (datetime.datetime | None): When it comes or came into force.
        activated_at (datetime.datetime | None):
        retired_at (datetime.datetime | None):
        version (int): Grows with every change; the ETag.
    """

    rule_id: UUID
    event_id: UUID
    category_no: int
    category: str
    rule_no: int
    status: RuleStatus
    rule: Rule
    note: str
    made_by: str
    made_at: datetime.datetime
    valid_from: datetime.datetime | None
    activated_at: datetime.datetime | None
    retired_at: datetime.datetime | None
    version: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        rule_id = str(self.rule_id)

        event_id = str(self.event_id)

        category_no = self.category_no

        category = self.category

        rule_no = self.rule_no

        status = self.status.value

        rule = self.rule.to_dict()

        note = self.note

        made_by = self.made_by

        made_at = self.made_at.isoformat()

        valid_from: None | str
        if isinstance(self.valid_from, datetime.datetime):
            valid_from = self.valid_from.isoformat()
        else:
            valid_from = self.valid_from

        activated_at: None | str
        if isinstance(self.activated_at, datetime.datetime):
            activated_at = self.activated_at.isoformat()
        else:
            activated_at = self.activated_at

        retired_at: None | str
        if isinstance(self.retired_at, datetime.datetime):
            retired_at = self.retired_at.isoformat()
        else:
            retired_at = self.retired_at

        version = self.version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "rule_id": rule_id,
                "event_id": event_id,
                "category_no": category_no,
                "category": category,
                "rule_no": rule_no,
                "status": status,
                "rule": rule,
                "note": note,
                "made_by": made_by,
                "made_at": made_at,
                "valid_from": valid_from,
                "activated_at": activated_at,
                "retired_at": retired_at,
                "version": version,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.rule import Rule  # noqa: PLC0415

        d = dict(src_dict)
        rule_id = UUID(d.pop("rule_id"))

        event_id = UUID(d.pop("event_id"))

        category_no = d.pop("category_no")

        category = d.pop("category")

        rule_no = d.pop("rule_no")

        status = RuleStatus(d.pop("status"))

        rule = Rule.from_dict(d.pop("rule"))

        note = d.pop("note")

        made_by = d.pop("made_by")

        made_at = datetime.datetime.fromisoformat(d.pop("made_at"))

        def _parse_valid_from(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                valid_from_type_0 = datetime.datetime.fromisoformat(data)

                return valid_from_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        valid_from = _parse_valid_from(d.pop("valid_from"))

        def _parse_activated_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                activated_at_type_0 = datetime.datetime.fromisoformat(data)

                return activated_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        activated_at = _parse_activated_at(d.pop("activated_at"))

        def _parse_retired_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                retired_at_type_0 = datetime.datetime.fromisoformat(data)

                return retired_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        retired_at = _parse_retired_at(d.pop("retired_at"))

        version = d.pop("version")

        rule_version = cls(
            rule_id=rule_id,
            event_id=event_id,
            category_no=category_no,
            category=category,
            rule_no=rule_no,
            status=status,
            rule=rule,
            note=note,
            made_by=made_by,
            made_at=made_at,
            valid_from=valid_from,
            activated_at=activated_at,
            retired_at=retired_at,
            version=version,
        )

        rule_version.additional_properties = d
        return rule_version

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
