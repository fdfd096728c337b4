from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.money import Money


T = TypeVar("T", bound="Wanted")


@_attrs_define
class Wanted:
    """A waiting person's wish. The names are the layout's; empty lists accept any.

    Sections are sections of seats or names of areas. `together`: side by side in one row; places of
    an area are always together.

        Attributes:
            quantity (int):
            together (bool | Unset):  Default: True.
            categories (list[str] | Unset):
            sections (list[str] | Unset):
            max_price (int | Money | None | Unset): For one place; a number is minor units of the event's currency.
    """

    quantity: int
    together: bool | Unset = True
    categories: list[str] | Unset = UNSET
    sections: list[str] | Unset = UNSET
    max_price: int | Money | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.money import Money  # noqa: PLC0415

        quantity = self.quantity

        together = self.together

        categories: list[str] | Unset = UNSET
        if not isinstance(self.categories, Unset):
            categories = self.categories

        sections: list[str] | Unset = UNSET
        if not isinstance(self.sections, Unset):
            sections = self.sections

        max_price: dict[str, Any] | int | None | Unset
        if isinstance(self.max_price, Unset):
            max_price = UNSET
        elif isinstance(self.max_price, Money):
            max_price = self.max_price.to_dict()
        else:
            max_price = self.max_price

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "quantity": quantity,
            }
        )
        if together is not UNSET:
            field_dict["together"] = together
        if categories is not UNSET:
            field_dict["categories"] = categories
        if sections is not UNSET:
            field_dict["sections"] = sections
        if max_price is not UNSET:
            field_dict["max_price"] = max_price

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.money import Money  # noqa: PLC0415

        d = dict(src_dict)
        quantity = d.pop("quantity")

        together = d.pop("together", UNSET)

        categories = cast(list[str], d.pop("categories", UNSET))

        sections = cast(list[str], d.pop("sections", UNSET))

        def _parse_max_price(data: object) -> int | Money | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                max_price_type_1 = Money.from_dict(data)

                return max_price_type_1
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(int | Money | None | Unset, data)

        max_price = _parse_max_price(d.pop("max_price", UNSET))

        wanted = cls(
            quantity=quantity,
            together=together,
            categories=categories,
            sections=sections,
            max_price=max_price,
        )

        return wanted
