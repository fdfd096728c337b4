from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from attrs import define as _attrs_define

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
        payment (PaymentChoice): How to pay. The sandbox knows five cards; no money moves.
    """

    hold_id: UUID
    buyer: Buyer
    payment: PaymentChoice

    def to_dict(self) -> dict[str, Any]:
        hold_id = str(self.hold_id)

        buyer = self.buyer.to_dict()

        payment = self.payment.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "hold_id": hold_id,
                "buyer": buyer,
                "payment": payment,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.buyer import Buyer  # noqa: PLC0415
        from ..models.payment_choice import PaymentChoice  # noqa: PLC0415

        d = dict(src_dict)
        hold_id = UUID(d.pop("hold_id"))

        buyer = Buyer.from_dict(d.pop("buyer"))

        payment = PaymentChoice.from_dict(d.pop("payment"))

        booking_body = cls(
            hold_id=hold_id,
            buyer=buyer,
            payment=payment,
        )

        return booking_body
