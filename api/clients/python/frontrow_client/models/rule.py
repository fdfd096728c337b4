from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.expected import Expected


T = TypeVar("T", bound="Rule")


@_attrs_define
class Rule:
    """How a category's price moves. Amounts are minor units, times seconds, shares 0 to 1.

    Raises ValueError for a rule that contradicts itself.

        Attributes:
            base_minor (int): The price while no signal changes it.
            floor_minor (int): Never below.
            ceiling_minor (int): Never above.
            sold_weight (float | Unset): Rise when all is sold, as a share of the base price. Default: 0.5.
            expected (list[Expected] | Unset): The planned sales, earliest first; linear between two points. Absent: every
                sold place makes the next one more expensive.
            velocity_weight (float | Unset): Rise or fall, as a share of the base price, when places sell much faster or
                slower than needed to sell out by the event. Default: 0.15.
            half_life_s (float | Unset): Age at which sales count half for the velocity, in seconds. Default: 86400.0.
            demand_weight (float | Unset): Rise, as a share of the base price, when many more people want places than are
                left. Default: 0.2.
            watcher_share (float | Unset): The share of people watching the map who count as wanting a place. Default: 0.05.
            max_step (float | Unset): The largest change at once, as a share of the price. Default: 0.1.
            min_interval_s (int | Unset): The shortest time between two changes, in seconds. Default: 900.
            dead_band (float | Unset): Differences up to this share of the price change nothing. Default: 0.03.
            reversal_s (int | Unset): The shortest time before a change in the opposite direction, in seconds. Default:
                86400.
            round_to_minor (int | None | Unset): Null: the usual rounding of the currency.
            ending_minor (int | Unset): The ending of prices: rounding 100 with ending 90 gives 8.90, 9.90, 10.90. Default:
                0.
    """

    base_minor: int
    floor_minor: int
    ceiling_minor: int
    sold_weight: float | Unset = 0.5
    expected: list[Expected] | Unset = UNSET
    velocity_weight: float | Unset = 0.15
    half_life_s: float | Unset = 86400.0
    demand_weight: float | Unset = 0.2
    watcher_share: float | Unset = 0.05
    max_step: float | Unset = 0.1
    min_interval_s: int | Unset = 900
    dead_band: float | Unset = 0.03
    reversal_s: int | Unset = 86400
    round_to_minor: int | None | Unset = UNSET
    ending_minor: int | Unset = 0

    def to_dict(self) -> dict[str, Any]:
        base_minor = self.base_minor

        floor_minor = self.floor_minor

        ceiling_minor = self.ceiling_minor

        sold_weight = self.sold_weight

        expected: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.expected, Unset):
            expected = []
            for expected_item_data in self.expected:
                expected_item = expected_item_data.to_dict()
                expected.append(expected_item)

        velocity_weight = self.velocity_weight

        half_life_s = self.half_life_s

        demand_weight = self.demand_weight

        watcher_share = self.watcher_share

        max_step = self.max_step

        min_interval_s = self.min_interval_s

        dead_band = self.dead_band

        reversal_s = self.reversal_s

        round_to_minor: int | None | Unset
        if isinstance(self.round_to_minor, Unset):
            round_to_minor = UNSET
        else:
            round_to_minor = self.round_to_minor

        ending_minor = self.ending_minor

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "base_minor": base_minor,
                "floor_minor": floor_minor,
                "ceiling_minor": ceiling_minor,
            }
        )
        if sold_weight is not UNSET:
            field_dict["sold_weight"] = sold_weight
        if expected is not UNSET:
            field_dict["expected"] = expected
        if velocity_weight is not UNSET:
            field_dict["velocity_weight"] = velocity_weight
        if half_life_s is not UNSET:
            field_dict["half_life_s"] = half_life_s
        if demand_weight is not UNSET:
            field_dict["demand_weight"] = demand_weight
        if watcher_share is not UNSET:
            field_dict["watcher_share"] = watcher_share
        if max_step is not UNSET:
            field_dict["max_step"] = max_step
        if min_interval_s is not UNSET:
            field_dict["min_interval_s"] = min_interval_s
        if dead_band is not UNSET:
            field_dict["dead_band"] = dead_band
        if reversal_s is not UNSET:
            field_dict["reversal_s"] = reversal_s
        if round_to_minor is not UNSET:
            field_dict["round_to_minor"] = round_to_minor
        if ending_minor is not UNSET:
            field_dict["ending_minor"] = ending_minor

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.expected import Expected  # noqa: PLC0415

        d = dict(src_dict)
        base_minor = d.pop("base_minor")

        floor_minor = d.pop("floor_minor")

        ceiling_minor = d.pop("ceiling_minor")

        sold_weight = d.pop("sold_weight", UNSET)

        _expected = d.pop("expected", UNSET)
        expected: list[Expected] | Unset = UNSET
        if _expected is not UNSET:
            expected = []
            for expected_item_data in _expected:
                expected_item = Expected.from_dict(expected_item_data)

                expected.append(expected_item)

        velocity_weight = d.pop("velocity_weight", UNSET)

        half_life_s = d.pop("half_life_s", UNSET)

        demand_weight = d.pop("demand_weight", UNSET)

        watcher_share = d.pop("watcher_share", UNSET)

        max_step = d.pop("max_step", UNSET)

        min_interval_s = d.pop("min_interval_s", UNSET)

        dead_band = d.pop("dead_band", UNSET)

        reversal_s = d.pop("reversal_s", UNSET)

        def _parse_round_to_minor(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        round_to_minor = _parse_round_to_minor(d.pop("round_to_minor", UNSET))

        ending_minor = d.pop("ending_minor", UNSET)

        rule = cls(
            base_minor=base_minor,
            floor_minor=floor_minor,
            ceiling_minor=ceiling_minor,
            sold_weight=sold_weight,
            expected=expected,
            velocity_weight=velocity_weight,
            half_life_s=half_life_s,
            demand_weight=demand_weight,
            watcher_share=watcher_share,
            max_step=max_step,
            min_interval_s=min_interval_s,
            dead_band=dead_band,
            reversal_s=reversal_s,
            round_to_minor=round_to_minor,
            ending_minor=ending_minor,
        )

        return rule
