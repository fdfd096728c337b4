from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="PreviewWish")


@_attrs_define
class PreviewWish:
    """How long a preview opens the draft.

    Attributes:
        ttl_s (int | Unset): Seconds. Default: 3600.
    """

    ttl_s: int | Unset = 3600

    def to_dict(self) -> dict[str, Any]:
        ttl_s = self.ttl_s

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if ttl_s is not UNSET:
            field_dict["ttl_s"] = ttl_s

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        ttl_s = d.pop("ttl_s", UNSET)

        preview_wish = cls(
            ttl_s=ttl_s,
        )

        return preview_wish
