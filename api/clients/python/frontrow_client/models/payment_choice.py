from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="PaymentChoice")


@_attrs_define
class PaymentChoice:
    """How to pay. The sandbox knows five cards; no money moves.

    Attributes:
        provider (str):
        token (str): `tok_visa` pays; `tok_declined` and `tok_insufficient_funds` are declined; `tok_3ds` waits for the
            buyer's approval; `tok_timeout` gets no answer for a while. `tok_visa_card_4242` is a token of the card 4242;
            each token may have such an ending.
    """

    provider: str
    token: str

    def to_dict(self) -> dict[str, Any]:
        provider = self.provider

        token = self.token

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "provider": provider,
                "token": token,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        provider = d.pop("provider")

        token = d.pop("token")

        payment_choice = cls(
            provider=provider,
            token=token,
        )

        return payment_choice
