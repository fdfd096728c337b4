from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.recorded import Recorded
    from ..models.set_simulation_request_rules import SetSimulationRequestRules
    from ..models.synthetic import Synthetic


T = TypeVar("T", bound="SetSimulationRequest")


@_attrs_define
class SetSimulationRequest:
    """A simulated sale for a whole rule set: every category of the event at once.

    Attributes:
        rules (SetSimulationRequestRules | Unset): Rules by category. The others follow the rule in force, or stay at
            their price.
        curve (Recorded | Synthetic | Unset): `seats` are those of all categories; `category` has no effect here.
            Without it: `{"type": "synthetic", "shape": "rush", "seats": null, "days": null, "demand": 1.2, "elasticity":
            1.2, "seed": 1}`.
    """

    rules: SetSimulationRequestRules | Unset = UNSET
    curve: Recorded | Synthetic | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.synthetic import Synthetic  # noqa: PLC0415

        rules: dict[str, Any] | Unset = UNSET
        if not isinstance(self.rules, Unset):
            rules = self.rules.to_dict()

        curve: dict[str, Any] | Unset
        if isinstance(self.curve, Unset):
            curve = UNSET
        elif isinstance(self.curve, Synthetic):
            curve = self.curve.to_dict()
        else:
            curve = self.curve.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if rules is not UNSET:
            field_dict["rules"] = rules
        if curve is not UNSET:
            field_dict["curve"] = curve

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.recorded import Recorded  # noqa: PLC0415
        from ..models.set_simulation_request_rules import SetSimulationRequestRules  # noqa: PLC0415
        from ..models.synthetic import Synthetic  # noqa: PLC0415

        d = dict(src_dict)
        _rules = d.pop("rules", UNSET)
        rules: SetSimulationRequestRules | Unset
        if isinstance(_rules, Unset):
            rules = UNSET
        else:
            rules = SetSimulationRequestRules.from_dict(_rules)

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

        set_simulation_request = cls(
            rules=rules,
            curve=curve,
        )

        return set_simulation_request
