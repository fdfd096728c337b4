from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.decision_why import DecisionWhy

if TYPE_CHECKING:
    from ..models.factors import Factors


T = TypeVar("T", bound="Decision")


@_attrs_define
class Decision:
    """A price, the reason in words for the organiser and for buyers, and the numbers.

    Attributes:
        price_minor (int):
        why (DecisionWhy): `moved`, or the cause that keeps the price where it is.
        reason (str):
        public_reason (str):
        factors (Factors): The numbers behind a decision, as shares of 1.
    """

    price_minor: int
    why: DecisionWhy
    reason: str
    public_reason: str
    factors: Factors
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        price_minor = self.price_minor

        why = self.why.value

        reason = self.reason

        public_reason = self.public_reason

        factors = self.factors.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "price_minor": price_minor,
                "why": why,
                "reason": reason,
                "public_reason": public_reason,
                "factors": factors,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.factors import Factors  # noqa: PLC0415

        d = dict(src_dict)
        price_minor = d.pop("price_minor")

        why = DecisionWhy(d.pop("why"))

        reason = d.pop("reason")

        public_reason = d.pop("public_reason")

        factors = Factors.from_dict(d.pop("factors"))

        decision = cls(
            price_minor=price_minor,
            why=why,
            reason=reason,
            public_reason=public_reason,
            factors=factors,
        )

        decision.additional_properties = d
        return decision

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
