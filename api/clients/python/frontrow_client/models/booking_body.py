from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.buyer import Buyer
    from ..models.payment_choice import PaymentChoice


T = TypeVar("T", bound="BookingBody")


@_attrs_define
class BookingBody:
    """A hold, its buyer, and how it is paid.

    Attributes:
        hold_id (UUID):
        buyer (Buyer): The person whom the tickets are for.
        payment (None | PaymentChoice | Unset): Not needed where the total is 0: nothing is charged.
    """

    hold_id: UUID
    buyer: Buyer
    payment: None | PaymentChoice | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.payment_choice import PaymentChoice  # noqa: PLC0415

        hold_id = str(self.hold_id)

        buyer = self.buyer.to_dict()

        payment: dict[str, Any] | None | Unset
        if isinstance(self.payment, Unset):
            payment = UNSET
        elif isinstance(self.payment, PaymentChoice):
            payment = self.payment.to_dict()
        else:
            payment = self.payment

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "hold_id": hold_id,
                "buyer": buyer,
            }
        )
        if payment is not UNSET:
            field_dict["payment"] = payment

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.buyer import Buyer  # noqa: PLC0415
        from ..models.payment_choice import PaymentChoice  # noqa: PLC0415

        d = dict(src_dict)
        hold_id = UUID(d.pop("hold_id"))

        buyer = Buyer.from_dict(d.pop("buyer"))

        def _parse_payment(data: object) -> None | PaymentChoice | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                payment_type_0 = PaymentChoice.from_dict(data)

                return payment_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | PaymentChoice | Unset, data)

        payment = _parse_payment(d.pop("payment", UNSET))

        booking_body = cls(
            hold_id=hold_id,
            buyer=buyer,
            payment=payment,
        )

        return booking_body
