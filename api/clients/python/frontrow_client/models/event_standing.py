from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.event_status import EventStatus

if TYPE_CHECKING:
    from ..models.availability import Availability
    from ..models.money import Money


T = TypeVar("T", bound="EventStanding")


@_attrs_define
class EventStanding:
    """The changing facts of an event's card.

    Attributes:
        event_id (UUID):
        status (EventStatus): `draft → publishing → on_sale ⇄ paused`; all but `publishing` may end `cancelled`.
        prices_from (Money | None):
        availability (Availability): Places of the event, and how many are free right now (null: not known at this
            moment).
    """

    event_id: UUID
    status: EventStatus
    prices_from: Money | None
    availability: Availability
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.money import Money  # noqa: PLC0415

        event_id = str(self.event_id)

        status = self.status.value

        prices_from: dict[str, Any] | None
        if isinstance(self.prices_from, Money):
            prices_from = self.prices_from.to_dict()
        else:
            prices_from = self.prices_from

        availability = self.availability.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "event_id": event_id,
                "status": status,
                "prices_from": prices_from,
                "availability": availability,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.availability import Availability  # noqa: PLC0415
        from ..models.money import Money  # noqa: PLC0415

        d = dict(src_dict)
        event_id = UUID(d.pop("event_id"))

        status = EventStatus(d.pop("status"))

        def _parse_prices_from(data: object) -> Money | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                prices_from_type_0 = Money.from_dict(data)

                return prices_from_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Money | None, data)

        prices_from = _parse_prices_from(d.pop("prices_from"))

        availability = Availability.from_dict(d.pop("availability"))

        event_standing = cls(
            event_id=event_id,
            status=status,
            prices_from=prices_from,
            availability=availability,
        )

        event_standing.additional_properties = d
        return event_standing

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
