from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.correction import Correction


T = TypeVar("T", bound="BookingCorrection")


@_attrs_define
class BookingCorrection:
    """What was wrong about the buyer; absent fields stay.

    Attributes:
        buyer (Correction): A buyer's right address and name; absent fields stay.
    """

    buyer: Correction

    def to_dict(self) -> dict[str, Any]:
        buyer = self.buyer.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "buyer": buyer,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.correction import Correction  # noqa: PLC0415

        d = dict(src_dict)
        buyer = Correction.from_dict(d.pop("buyer"))

        booking_correction = cls(
            buyer=buyer,
        )

        return booking_correction
