from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.decision import Decision
    from ..models.money import Money
    from ..models.signals import Signals


T = TypeVar("T", bound="Preview")


@_attrs_define
class Preview:
    """The present price, the signals, and the rule's decision. Nothing is changed.

    Attributes:
        category_no (int):
        category (str): The price band.
        price (Money): An amount in minor units of its currency: 15000 EUR is 150 euros, 15000 JPY is 15,000 yen.
        signals (Signals): The measured signals of a category at one moment. Raises ValueError for impossible values.
        decision (Decision): A price, the reason in words for the organiser and for buyers, and the numbers.
    """

    category_no: int
    category: str
    price: Money
    signals: Signals
    decision: Decision
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        category_no = self.category_no

        category = self.category

        price = self.price.to_dict()

        signals = self.signals.to_dict()

        decision = self.decision.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "category_no": category_no,
                "category": category,
                "price": price,
                "signals": signals,
                "decision": decision,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.decision import Decision  # noqa: PLC0415
        from ..models.money import Money  # noqa: PLC0415
        from ..models.signals import Signals  # noqa: PLC0415

        d = dict(src_dict)
        category_no = d.pop("category_no")

        category = d.pop("category")

        price = Money.from_dict(d.pop("price"))

        signals = Signals.from_dict(d.pop("signals"))

        decision = Decision.from_dict(d.pop("decision"))

        preview = cls(
            category_no=category_no,
            category=category,
            price=price,
            signals=signals,
            decision=decision,
        )

        preview.additional_properties = d
        return preview

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
