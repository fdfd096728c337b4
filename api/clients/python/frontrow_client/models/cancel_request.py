from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="CancelRequest")


@_attrs_define
class CancelRequest:
    """Empty, except for a pending booking whose buyer wants to pay in another way.

    Attributes:
        keep_hold (bool | Unset):  Default: False.
    """

    keep_hold: bool | Unset = False

    def to_dict(self) -> dict[str, Any]:
        keep_hold = self.keep_hold

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if keep_hold is not UNSET:
            field_dict["keep_hold"] = keep_hold

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        keep_hold = d.pop("keep_hold", UNSET)

        cancel_request = cls(
            keep_hold=keep_hold,
        )

        return cancel_request
