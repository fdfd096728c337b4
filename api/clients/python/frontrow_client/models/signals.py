from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="Signals")


@_attrs_define
class Signals:
    """The measured signals of a category at one moment. Raises ValueError for impossible values.

    Attributes:
        capacity (int): Places that are or were for sale.
        taken (int): Places sold, or being paid for.
        left_s (float): Seconds to the event; negative when it has begun.
        held (int | Unset): Places in somebody's hold. Default: 0.
        watchers (int | Unset): This category's part of the people watching the map. Default: 0.
        waiting (float | Unset): Places of this category that the waitlist wants. Default: 0.0.
        velocity (float | Unset): Places sold per day, recently. Default: 0.0.
        confidence (float | Unset): 0 to 1: how much of its memory the velocity has seen. Default: 0.0.
    """

    capacity: int
    taken: int
    left_s: float
    held: int | Unset = 0
    watchers: int | Unset = 0
    waiting: float | Unset = 0.0
    velocity: float | Unset = 0.0
    confidence: float | Unset = 0.0
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        capacity = self.capacity

        taken = self.taken

        left_s = self.left_s

        held = self.held

        watchers = self.watchers

        waiting = self.waiting

        velocity = self.velocity

        confidence = self.confidence

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "capacity": capacity,
                "taken": taken,
                "left_s": left_s,
            }
        )
        if held is not UNSET:
            field_dict["held"] = held
        if watchers is not UNSET:
            field_dict["watchers"] = watchers
        if waiting is not UNSET:
            field_dict["waiting"] = waiting
        if velocity is not UNSET:
            field_dict["velocity"] = velocity
        if confidence is not UNSET:
            field_dict["confidence"] = confidence

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        capacity = d.pop("capacity")

        taken = d.pop("taken")

        left_s = d.pop("left_s")

        held = d.pop("held", UNSET)

        watchers = d.pop("watchers", UNSET)

        waiting = d.pop("waiting", UNSET)

        velocity = d.pop("velocity", UNSET)

        confidence = d.pop("confidence", UNSET)

        signals = cls(
            capacity=capacity,
            taken=taken,
            left_s=left_s,
            held=held,
            watchers=watchers,
            waiting=waiting,
            velocity=velocity,
            confidence=confidence,
        )

        signals.additional_properties = d
        return signals

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
