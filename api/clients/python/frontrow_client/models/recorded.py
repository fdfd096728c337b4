from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define

from ..models.recorded_type import RecordedType
from ..types import UNSET, Unset

T = TypeVar("T", bound="Recorded")


@_attrs_define
class Recorded:
    """A recorded sale: this event's, or another one's.

    Attributes:
        type_ (RecordedType):
        event_id (None | Unset | UUID): Default: this event.
        category (None | str | Unset): A category of that event. Default: all.
        elasticity (float | Unset): Per cent of the buyers lost by a price 1 % higher. Default: 1.2.
    """

    type_: RecordedType
    event_id: None | Unset | UUID = UNSET
    category: None | str | Unset = UNSET
    elasticity: float | Unset = 1.2

    def to_dict(self) -> dict[str, Any]:
        type_ = self.type_.value

        event_id: None | str | Unset
        if isinstance(self.event_id, Unset):
            event_id = UNSET
        elif isinstance(self.event_id, UUID):
            event_id = str(self.event_id)
        else:
            event_id = self.event_id

        category: None | str | Unset
        if isinstance(self.category, Unset):
            category = UNSET
        else:
            category = self.category

        elasticity = self.elasticity

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "type": type_,
            }
        )
        if event_id is not UNSET:
            field_dict["event_id"] = event_id
        if category is not UNSET:
            field_dict["category"] = category
        if elasticity is not UNSET:
            field_dict["elasticity"] = elasticity

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        type_ = RecordedType(d.pop("type"))

        def _parse_event_id(data: object) -> None | Unset | UUID:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                event_id_type_0 = UUID(data)

                return event_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Unset | UUID, data)

        event_id = _parse_event_id(d.pop("event_id", UNSET))

        def _parse_category(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        category = _parse_category(d.pop("category", UNSET))

        elasticity = d.pop("elasticity", UNSET)

        recorded = cls(
            type_=type_,
            event_id=event_id,
            category=category,
            elasticity=elasticity,
        )

        return recorded
