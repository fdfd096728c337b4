from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.category_state_mode import CategoryStateMode

if TYPE_CHECKING:
    from ..models.money import Money
    from ..models.rule_version import RuleVersion


T = TypeVar("T", bound="CategoryState")


@_attrs_define
class CategoryState:
    """How a category's present price is computed.

    Attributes:
        category_no (int):
        category (str): The price band.
        price (Money): An amount in minor units of its currency: 15000 EUR is 150 euros, 15000 JPY is 15,000 yen.
        mode (CategoryStateMode): `fixed`: only the event's own price.
        rule (None | RuleVersion): The rule in force, also during an override or freeze.
        scheduled_for (datetime.datetime | None): When the next rule comes into force.
        until (datetime.datetime | None): When an override ends by itself.
        reason (None | str): The reason of the override or freeze.
        actor (None | str):
        version (int): The version of the override or freeze; 0: there was none.
    """

    category_no: int
    category: str
    price: Money
    mode: CategoryStateMode
    rule: None | RuleVersion
    scheduled_for: datetime.datetime | None
    until: datetime.datetime | None
    reason: None | str
    actor: None | str
    version: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.rule_version import RuleVersion  # noqa: PLC0415

        category_no = self.category_no

        category = self.category

        price = self.price.to_dict()

        mode = self.mode.value

        rule: dict[str, Any] | None
        if isinstance(self.rule, RuleVersion):
            rule = self.rule.to_dict()
        else:
            rule = self.rule

        scheduled_for: None | str
        if isinstance(self.scheduled_for, datetime.datetime):
            scheduled_for = self.scheduled_for.isoformat()
        else:
            scheduled_for = self.scheduled_for

        until: None | str
        if isinstance(self.until, datetime.datetime):
            until = self.until.isoformat()
        else:
            until = self.until

        reason: None | str
        reason = self.reason

        actor: None | str
        actor = self.actor

        version = self.version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "category_no": category_no,
                "category": category,
                "price": price,
                "mode": mode,
                "rule": rule,
                "scheduled_for": scheduled_for,
                "until": until,
                "reason": reason,
                "actor": actor,
                "version": version,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.money import Money  # noqa: PLC0415
        from ..models.rule_version import RuleVersion  # noqa: PLC0415

        d = dict(src_dict)
        category_no = d.pop("category_no")

        category = d.pop("category")

        price = Money.from_dict(d.pop("price"))

        mode = CategoryStateMode(d.pop("mode"))

        def _parse_rule(data: object) -> None | RuleVersion:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                rule_type_0 = RuleVersion.from_dict(data)

                return rule_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | RuleVersion, data)

        rule = _parse_rule(d.pop("rule"))

        def _parse_scheduled_for(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                scheduled_for_type_0 = datetime.datetime.fromisoformat(data)

                return scheduled_for_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        scheduled_for = _parse_scheduled_for(d.pop("scheduled_for"))

        def _parse_until(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                until_type_0 = datetime.datetime.fromisoformat(data)

                return until_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        until = _parse_until(d.pop("until"))

        def _parse_reason(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        reason = _parse_reason(d.pop("reason"))

        def _parse_actor(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        actor = _parse_actor(d.pop("actor"))

        version = d.pop("version")

        category_state = cls(
            category_no=category_no,
            category=category,
            price=price,
            mode=mode,
            rule=rule,
            scheduled_for=scheduled_for,
            until=until,
            reason=reason,
            actor=actor,
            version=version,
        )

        category_state.additional_properties = d
        return category_state

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
