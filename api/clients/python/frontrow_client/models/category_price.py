from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.money import Money


T = TypeVar("T", bound="CategoryPrice")


@_attrs_define
class CategoryPrice:
    """A category's price in force and, if it ever changed, its latest change.

    Attributes:
        category_no (int):
        category (str):
        price (Money): An amount in minor units of its currency: 15000 EUR is 150 euros, 15000 JPY is 15,000 yen.
        was (Money | None | Unset): The price before the latest change.
        reason (None | str | Unset): The reason of the latest change, for buyers.
        changed_at (datetime.datetime | None | Unset):
        floor (Money | None | Unset): The lower limit; present if the organiser shows the range.
        ceiling (Money | None | Unset): The upper limit; likewise.
    """

    category_no: int
    category: str
    price: Money
    was: Money | None | Unset = UNSET
    reason: None | str | Unset = UNSET
    changed_at: datetime.datetime | None | Unset = UNSET
    floor: Money | None | Unset = UNSET
    ceiling: Money | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.money import Money  # noqa: PLC0415

        category_no = self.category_no

        category = self.category

        price = self.price.to_dict()

        was: dict[str, Any] | None | Unset
        if isinstance(self.was, Unset):
            was = UNSET
        elif isinstance(self.was, Money):
            was = self.was.to_dict()
        else:
            was = self.was

        reason: None | str | Unset
        if isinstance(self.reason, Unset):
            reason = UNSET
        else:
            reason = self.reason

        changed_at: None | str | Unset
        if isinstance(self.changed_at, Unset):
            changed_at = UNSET
        elif isinstance(self.changed_at, datetime.datetime):
            changed_at = self.changed_at.isoformat()
        else:
            changed_at = self.changed_at

        floor: dict[str, Any] | None | Unset
        if isinstance(self.floor, Unset):
            floor = UNSET
        elif isinstance(self.floor, Money):
            floor = self.floor.to_dict()
        else:
            floor = self.floor

        ceiling: dict[str, Any] | None | Unset
        if isinstance(self.ceiling, Unset):
            ceiling = UNSET
        elif isinstance(self.ceiling, Money):
            ceiling = self.ceiling.to_dict()
        else:
            ceiling = self.ceiling

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "category_no": category_no,
                "category": category,
                "price": price,
            }
        )
        if was is not UNSET:
            field_dict["was"] = was
        if reason is not UNSET:
            field_dict["reason"] = reason
        if changed_at is not UNSET:
            field_dict["changed_at"] = changed_at
        if floor is not UNSET:
            field_dict["floor"] = floor
        if ceiling is not UNSET:
            field_dict["ceiling"] = ceiling

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.money import Money  # noqa: PLC0415

        d = dict(src_dict)
        category_no = d.pop("category_no")

        category = d.pop("category")

        price = Money.from_dict(d.pop("price"))

        def _parse_was(data: object) -> Money | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                was_type_0 = Money.from_dict(data)

                return was_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Money | None | Unset, data)

        was = _parse_was(d.pop("was", UNSET))

        def _parse_reason(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        reason = _parse_reason(d.pop("reason", UNSET))

        def _parse_changed_at(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                changed_at_type_0 = datetime.datetime.fromisoformat(data)

                return changed_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        changed_at = _parse_changed_at(d.pop("changed_at", UNSET))

        def _parse_floor(data: object) -> Money | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                floor_type_0 = Money.from_dict(data)

                return floor_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Money | None | Unset, data)

        floor = _parse_floor(d.pop("floor", UNSET))

        def _parse_ceiling(data: object) -> Money | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                ceiling_type_0 = Money.from_dict(data)

                return ceiling_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Money | None | Unset, data)

        ceiling = _parse_ceiling(d.pop("ceiling", UNSET))

        category_price = cls(
            category_no=category_no,
            category=category,
            price=price,
            was=was,
            reason=reason,
            changed_at=changed_at,
            floor=floor,
            ceiling=ceiling,
        )

        category_price.additional_properties = d
        return category_price

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
