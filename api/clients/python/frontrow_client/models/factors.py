from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Factors")


@_attrs_define
class Factors:
    """The numbers behind a decision, as shares of 1.

    Attributes:
        share (float): Sold.
        expected (float | None): The share that should be sold by now.
        progress (float):
        velocity (float): Places per day.
        needed (float): Places per day that would sell the house out.
        pace (float):
        demand (float):
        from_progress (float): Its addition to the base price, as a share of it.
        from_pace (float):
        from_demand (float):
        target_minor (int): The target price.
    """

    share: float
    expected: float | None
    progress: float
    velocity: float
    needed: float
    pace: float
    demand: float
    from_progress: float
    from_pace: float
    from_demand: float
    target_minor: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        share = self.share

        expected: float | None
        expected = self.expected

        progress = self.progress

        velocity = self.velocity

        needed = self.needed

        pace = self.pace

        demand = self.demand

        from_progress = self.from_progress

        from_pace = self.from_pace

        from_demand = self.from_demand

        target_minor = self.target_minor

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "share": share,
                "expected": expected,
                "progress": progress,
                "velocity": velocity,
                "needed": needed,
                "pace": pace,
                "demand": demand,
                "from_progress": from_progress,
                "from_pace": from_pace,
                "from_demand": from_demand,
                "target_minor": target_minor,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        share = d.pop("share")

        def _parse_expected(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        expected = _parse_expected(d.pop("expected"))

        progress = d.pop("progress")

        velocity = d.pop("velocity")

        needed = d.pop("needed")

        pace = d.pop("pace")

        demand = d.pop("demand")

        from_progress = d.pop("from_progress")

        from_pace = d.pop("from_pace")

        from_demand = d.pop("from_demand")

        target_minor = d.pop("target_minor")

        factors = cls(
            share=share,
            expected=expected,
            progress=progress,
            velocity=velocity,
            needed=needed,
            pace=pace,
            demand=demand,
            from_progress=from_progress,
            from_pace=from_pace,
            from_demand=from_demand,
            target_minor=target_minor,
        )

        factors.additional_properties = d
        return factors

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
