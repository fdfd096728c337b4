from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.outcome import Outcome
    from ..models.price_move import PriceMove
    from ..models.simulation_point import SimulationPoint


T = TypeVar("T", bound="Simulation")


@_attrs_define
class Simulation:
    """A rule against a fixed price on the same sale.

    Attributes:
        seats (int):
        days (float):
        currency (str):
        fixed_minor (int): The fixed price it is compared with.
        rule (Outcome): How a sale ended. Money is minor units.
        fixed (Outcome): How a sale ended. Money is minor units.
        points (list[SimulationPoint]):
        moves (list[PriceMove]):
    """

    seats: int
    days: float
    currency: str
    fixed_minor: int
    rule: Outcome
    fixed: Outcome
    points: list[SimulationPoint]
    moves: list[PriceMove]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        seats = self.seats

        days = self.days

        currency = self.currency

        fixed_minor = self.fixed_minor

        rule = self.rule.to_dict()

        fixed = self.fixed.to_dict()

        points = []
        for points_item_data in self.points:
            points_item = points_item_data.to_dict()
            points.append(points_item)

        moves = []
        for moves_item_data in self.moves:
            moves_item = moves_item_data.to_dict()
            moves.append(moves_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "seats": seats,
                "days": days,
                "currency": currency,
                "fixed_minor": fixed_minor,
                "rule": rule,
                "fixed": fixed,
                "points": points,
                "moves": moves,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.outcome import Outcome  # noqa: PLC0415
        from ..models.price_move import PriceMove  # noqa: PLC0415
        from ..models.simulation_point import SimulationPoint  # noqa: PLC0415

        d = dict(src_dict)
        seats = d.pop("seats")

        days = d.pop("days")

        currency = d.pop("currency")

        fixed_minor = d.pop("fixed_minor")

        rule = Outcome.from_dict(d.pop("rule"))

        fixed = Outcome.from_dict(d.pop("fixed"))

        points = []
        _points = d.pop("points")
        for points_item_data in _points:
            points_item = SimulationPoint.from_dict(points_item_data)

            points.append(points_item)

        moves = []
        _moves = d.pop("moves")
        for moves_item_data in _moves:
            moves_item = PriceMove.from_dict(moves_item_data)

            moves.append(moves_item)

        simulation = cls(
            seats=seats,
            days=days,
            currency=currency,
            fixed_minor=fixed_minor,
            rule=rule,
            fixed=fixed,
            points=points,
            moves=moves,
        )

        simulation.additional_properties = d
        return simulation

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
