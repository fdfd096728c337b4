from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.money import Money


T = TypeVar("T", bound="BestSeatsWish")


@_attrs_define
class BestSeatsWish:
    """A wish for best seats. The names are the layout's.

    Attributes:
        quantity (int):
        category (None | str | Unset):
        section (None | str | Unset):
        together (bool | Unset): Seats side by side; else simply the nearest. Default: True.
        max_price (int | Money | None | Unset): For one seat; a number is minor units of the event's currency.
        relax (bool | Unset): Take the next best when the best is gone. Default: True.
    """

    quantity: int
    category: None | str | Unset = UNSET
    section: None | str | Unset = UNSET
    together: bool | Unset = True
    max_price: int | Money | None | Unset = UNSET
    relax: bool | Unset = True

    def to_dict(self) -> dict[str, Any]:
        from ..models.money import Money  # noqa: PLC0415

        quantity = self.quantity

        category: None | str | Unset
        if isinstance(self.category, Unset):
            category = UNSET
        else:
            category = self.category

        section: None | str | Unset
        if isinstance(self.section, Unset):
            section = UNSET
        else:
            section = self.section

        together = self.together

        max_price: dict[str, Any] | int | None | Unset
        if isinstance(self.max_price, Unset):
            max_price = UNSET
        elif isinstance(self.max_price, Money):
            max_price = self.max_price.to_dict()
        else:
            max_price = self.max_price

        relax = self.relax

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "quantity": quantity,
            }
        )
        if category is not UNSET:
            field_dict["category"] = category
        if section is not UNSET:
            field_dict["section"] = section
        if together is not UNSET:
            field_dict["together"] = together
        if max_price is not UNSET:
            field_dict["max_price"] = max_price
        if relax is not UNSET:
            field_dict["relax"] = relax

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.money import Money  # noqa: PLC0415

        d = dict(src_dict)
        quantity = d.pop("quantity")

        def _parse_category(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        category = _parse_category(d.pop("category", UNSET))

        def _parse_section(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        section = _parse_section(d.pop("section", UNSET))

        together = d.pop("together", UNSET)

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

        relax = d.pop("relax", UNSET)

        best_seats_wish = cls(
            quantity=quantity,
            category=category,
            section=section,
            together=together,
            max_price=max_price,
            relax=relax,
        )

        return best_seats_wish
