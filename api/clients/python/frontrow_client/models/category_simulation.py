from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.simulation import Simulation


T = TypeVar("T", bound="CategorySimulation")


@_attrs_define
class CategorySimulation:
    """A category's part in a rule set's simulation.

    Attributes:
        category (str):
        follows_rule (bool): False: its price stays as it is.
        simulation (Simulation): A rule against a fixed price on the same sale.
    """

    category: str
    follows_rule: bool
    simulation: Simulation
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        category = self.category

        follows_rule = self.follows_rule

        simulation = self.simulation.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "category": category,
                "follows_rule": follows_rule,
                "simulation": simulation,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.simulation import Simulation  # noqa: PLC0415

        d = dict(src_dict)
        category = d.pop("category")

        follows_rule = d.pop("follows_rule")

        simulation = Simulation.from_dict(d.pop("simulation"))

        category_simulation = cls(
            category=category,
            follows_rule=follows_rule,
            simulation=simulation,
        )

        category_simulation.additional_properties = d
        return category_simulation

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
