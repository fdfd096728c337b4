from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.synthetic_shape import SyntheticShape
from ..models.synthetic_type import SyntheticType
from ..types import UNSET, Unset

T = TypeVar("T", bound="Synthetic")


@_attrs_define
class Synthetic:
    """A synthetic sale. The same parameters and seed give the same sale.

    Attributes:
        type_ (SyntheticType):
        shape (SyntheticShape | Unset): `rush`: on-sale rush, slow middle, last week; `steady`; `late`. Default:
            SyntheticShape.RUSH.
        seats (int | None | Unset): Default: the category's.
        days (float | None | Unset): Days from on-sale to the event. Default: the time left to it.
        demand (float | Unset): Buyers at the base price, as a share of the seats. Default: 1.2.
        elasticity (float | Unset): Per cent of the buyers lost by a price 1 % higher. Default: 1.2.
        seed (int | Unset):  Default: 1.
    """

    type_: SyntheticType
    shape: SyntheticShape | Unset = SyntheticShape.RUSH
    seats: int | None | Unset = UNSET
    days: float | None | Unset = UNSET
    demand: float | Unset = 1.2
    elasticity: float | Unset = 1.2
    seed: int | Unset = 1

    def to_dict(self) -> dict[str, Any]:
        type_ = self.type_.value

        shape: str | Unset = UNSET
        if not isinstance(self.shape, Unset):
            shape = self.shape.value

        seats: int | None | Unset
        if isinstance(self.seats, Unset):
            seats = UNSET
        else:
            seats = self.seats

        days: float | None | Unset
        if isinstance(self.days, Unset):
            days = UNSET
        else:
            days = self.days

        demand = self.demand

        elasticity = self.elasticity

        seed = self.seed

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "type": type_,
            }
        )
        if shape is not UNSET:
            field_dict["shape"] = shape
        if seats is not UNSET:
            field_dict["seats"] = seats
        if days is not UNSET:
            field_dict["days"] = days
        if demand is not UNSET:
            field_dict["demand"] = demand
        if elasticity is not UNSET:
            field_dict["elasticity"] = elasticity
        if seed is not UNSET:
            field_dict["seed"] = seed

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        type_ = SyntheticType(d.pop("type"))

        _shape = d.pop("shape", UNSET)
        shape: SyntheticShape | Unset
        if isinstance(_shape, Unset):
            shape = UNSET
        else:
            shape = SyntheticShape(_shape)

        def _parse_seats(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        seats = _parse_seats(d.pop("seats", UNSET))

        def _parse_days(data: object) -> float | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(float | None | Unset, data)

        days = _parse_days(d.pop("days", UNSET))

        demand = d.pop("demand", UNSET)

        elasticity = d.pop("elasticity", UNSET)

        seed = d.pop("seed", UNSET)

        synthetic = cls(
            type_=type_,
            shape=shape,
            seats=seats,
            days=days,
            demand=demand,
            elasticity=elasticity,
            seed=seed,
        )

        return synthetic
