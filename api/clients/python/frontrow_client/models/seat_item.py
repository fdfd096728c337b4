from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.money import Money


T = TypeVar("T", bound="SeatItem")


@_attrs_define
class SeatItem:
    """A seat with its quoted price.

    Attributes:
        seat_no (int): The seat's dense number in its event.
        label (str):
        category (str): The price band.
        price (Money): An amount in minor units of its currency: 15000 EUR is 150 euros, 15000 JPY is 15,000 yen.
    """

    seat_no: int
    label: str
    category: str
    price: Money
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        seat_no = self.seat_no

        label = self.label

        category = self.category

        price = self.price.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "seat_no": seat_no,
                "label": label,
                "category": category,
                "price": price,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.money import Money  # noqa: PLC0415

        d = dict(src_dict)
        seat_no = d.pop("seat_no")

        label = d.pop("label")

        category = d.pop("category")

        price = Money.from_dict(d.pop("price"))

        seat_item = cls(
            seat_no=seat_no,
            label=label,
            category=category,
            price=price,
        )

        seat_item.additional_properties = d
        return seat_item

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
