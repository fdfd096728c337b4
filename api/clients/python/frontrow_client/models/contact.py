from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.buyer import Buyer


T = TypeVar("T", bound="Contact")


@_attrs_define
class Contact:
    """How to notify the person. Without `buyer` only the page and the live channel do.

    Attributes:
        buyer (Buyer | None | Unset): The recipient of mails.
        language (str | Unset):  Default: 'en'.
    """

    buyer: Buyer | None | Unset = UNSET
    language: str | Unset = "en"

    def to_dict(self) -> dict[str, Any]:
        from ..models.buyer import Buyer  # noqa: PLC0415

        buyer: dict[str, Any] | None | Unset
        if isinstance(self.buyer, Unset):
            buyer = UNSET
        elif isinstance(self.buyer, Buyer):
            buyer = self.buyer.to_dict()
        else:
            buyer = self.buyer

        language = self.language

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if buyer is not UNSET:
            field_dict["buyer"] = buyer
        if language is not UNSET:
            field_dict["language"] = language

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.buyer import Buyer  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_buyer(data: object) -> Buyer | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                buyer_type_0 = Buyer.from_dict(data)

                return buyer_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Buyer | None | Unset, data)

        buyer = _parse_buyer(d.pop("buyer", UNSET))

        language = d.pop("language", UNSET)

        contact = cls(
            buyer=buyer,
            language=language,
        )

        return contact
