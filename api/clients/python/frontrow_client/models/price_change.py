from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.money import Money
    from ..models.price_change_inputs_type_0 import PriceChangeInputsType0


T = TypeVar("T", bound="PriceChange")


@_attrs_define
class PriceChange:
    """Who set which price, when and why.

    Attributes:
        category_no (int):
        category (str): The price band.
        old (Money | None): Null for the first price.
        new (Money): An amount in minor units of its currency: 15000 EUR is 150 euros, 15000 JPY is 15,000 yen.
        reason (str): In words for buyers; with the organiser's key, in the rule's own.
        actor (str): `organiser`, or `pricing:` and the number of the rule.
        changed_at (datetime.datetime):
        inputs (None | PriceChangeInputsType0 | Unset): What the rule measured and decided; with the organiser's key
            only.
    """

    category_no: int
    category: str
    old: Money | None
    new: Money
    reason: str
    actor: str
    changed_at: datetime.datetime
    inputs: None | PriceChangeInputsType0 | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.money import Money  # noqa: PLC0415
        from ..models.price_change_inputs_type_0 import PriceChangeInputsType0  # noqa: PLC0415

        category_no = self.category_no

        category = self.category

        old: dict[str, Any] | None
        if isinstance(self.old, Money):
            old = self.old.to_dict()
        else:
            old = self.old

        new = self.new.to_dict()

        reason = self.reason

        actor = self.actor

        changed_at = self.changed_at.isoformat()

        inputs: dict[str, Any] | None | Unset
        if isinstance(self.inputs, Unset):
            inputs = UNSET
        elif isinstance(self.inputs, PriceChangeInputsType0):
            inputs = self.inputs.to_dict()
        else:
            inputs = self.inputs

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "category_no": category_no,
                "category": category,
                "old": old,
                "new": new,
                "reason": reason,
                "actor": actor,
                "changed_at": changed_at,
            }
        )
        if inputs is not UNSET:
            field_dict["inputs"] = inputs

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.money import Money  # noqa: PLC0415
        from ..models.price_change_inputs_type_0 import PriceChangeInputsType0  # noqa: PLC0415

        d = dict(src_dict)
        category_no = d.pop("category_no")

        category = d.pop("category")

        def _parse_old(data: object) -> Money | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                old_type_0 = Money.from_dict(data)

                return old_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Money | None, data)

        old = _parse_old(d.pop("old"))

        new = Money.from_dict(d.pop("new"))

        reason = d.pop("reason")

        actor = d.pop("actor")

        changed_at = datetime.datetime.fromisoformat(d.pop("changed_at"))

        def _parse_inputs(data: object) -> None | PriceChangeInputsType0 | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                inputs_type_0 = PriceChangeInputsType0.from_dict(data)

                return inputs_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | PriceChangeInputsType0 | Unset, data)

        inputs = _parse_inputs(d.pop("inputs", UNSET))

        price_change = cls(
            category_no=category_no,
            category=category,
            old=old,
            new=new,
            reason=reason,
            actor=actor,
            changed_at=changed_at,
            inputs=inputs,
        )

        price_change.additional_properties = d
        return price_change

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
