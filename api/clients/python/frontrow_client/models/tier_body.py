from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.tier_body_tier import TierBodyTier

T = TypeVar("T", bound="TierBody")


@_attrs_define
class TierBody:
    """A person's tier and weight in waitlists.

    Attributes:
        tier (TierBodyTier):
    """

    tier: TierBodyTier

    def to_dict(self) -> dict[str, Any]:
        tier = self.tier.value

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "tier": tier,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        tier = TierBodyTier(d.pop("tier"))

        tier_body = cls(
            tier=tier,
        )

        return tier_body
