from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.recorded import Recorded
    from ..models.rule import Rule
    from ..models.synthetic import Synthetic


T = TypeVar("T", bound="SimulationRequest")


@_attrs_define
class SimulationRequest:
    """A simulated sale for a rule: a sent one, a stored one, or the one in force.

    Attributes:
        category (str): The price band.
        rule (None | Rule | Unset):
        rule_id (None | Unset | UUID):
        curve (Recorded | Synthetic | Unset): Without it: `{"type": "synthetic", "shape": "rush", "seats": null, "days":
            null, "demand": 1.2, "elasticity": 1.2, "seed": 1}`.
        fixed_minor (int | None | Unset): The price to compare with. Default: the rule's base.
    """

    category: str
    rule: None | Rule | Unset = UNSET
    rule_id: None | Unset | UUID = UNSET
    curve: Recorded | Synthetic | Unset = UNSET
    fixed_minor: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.rule import Rule  # noqa: PLC0415
        from ..models.synthetic import Synthetic  # noqa: PLC0415

        category = self.category

        rule: dict[str, Any] | None | Unset
        if isinstance(self.rule, Unset):
            rule = UNSET
        elif isinstance(self.rule, Rule):
            rule = self.rule.to_dict()
        else:
            rule = self.rule

        rule_id: None | str | Unset
        if isinstance(self.rule_id, Unset):
            rule_id = UNSET
        elif isinstance(self.rule_id, UUID):
            rule_id = str(self.rule_id)
        else:
            rule_id = self.rule_id

        curve: dict[str, Any] | Unset
        if isinstance(self.curve, Unset):
            curve = UNSET
        elif isinstance(self.curve, Synthetic):
            curve = self.curve.to_dict()
        else:
            curve = self.curve.to_dict()

        fixed_minor: int | None | Unset
        if isinstance(self.fixed_minor, Unset):
            fixed_minor = UNSET
        else:
            fixed_minor = self.fixed_minor

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "category": category,
            }
        )
        if rule is not UNSET:
            field_dict["rule"] = rule
        if rule_id is not UNSET:
            field_dict["rule_id"] = rule_id
        if curve is not UNSET:
            field_dict["curve"] = curve
        if fixed_minor is not UNSET:
            field_dict["fixed_minor"] = fixed_minor

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.recorded import Recorded  # noqa: PLC0415
        from ..models.rule import Rule  # noqa: PLC0415
        from ..models.synthetic import Synthetic  # noqa: PLC0415

        d = dict(src_dict)
        category = d.pop("category")

        def _parse_rule(data: object) -> None | Rule | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                rule_type_0 = Rule.from_dict(data)

                return rule_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Rule | Unset, data)

        rule = _parse_rule(d.pop("rule", UNSET))

        def _parse_rule_id(data: object) -> None | Unset | UUID:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                rule_id_type_0 = UUID(data)

                return rule_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Unset | UUID, data)

        rule_id = _parse_rule_id(d.pop("rule_id", UNSET))

        def _parse_curve(data: object) -> Recorded | Synthetic | Unset:
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                curve_type_0 = Synthetic.from_dict(data)

                return curve_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            curve_type_1 = Recorded.from_dict(data)

            return curve_type_1

        curve = _parse_curve(d.pop("curve", UNSET))

        def _parse_fixed_minor(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        fixed_minor = _parse_fixed_minor(d.pop("fixed_minor", UNSET))

        simulation_request = cls(
            category=category,
            rule=rule,
            rule_id=rule_id,
            curve=curve,
            fixed_minor=fixed_minor,
        )

        return simulation_request
