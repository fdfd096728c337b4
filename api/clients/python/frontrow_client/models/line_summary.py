from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.line_summary_by_status import LineSummaryByStatus
    from ..models.line_summary_offers import LineSummaryOffers


T = TypeVar("T", bound="LineSummary")


@_attrs_define
class LineSummary:
    """An event's waitlist at a glance, and its terms.

    Attributes:
        event_id (UUID):
        closed (bool):
        offer_window_s (int):
        waiting (int):
        by_status (LineSummaryByStatus):
        offers (LineSummaryOffers):
        places_wanted (int):
        version (int): Grows with every change; the ETag.
    """

    event_id: UUID
    closed: bool
    offer_window_s: int
    waiting: int
    by_status: LineSummaryByStatus
    offers: LineSummaryOffers
    places_wanted: int
    version: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        event_id = str(self.event_id)

        closed = self.closed

        offer_window_s = self.offer_window_s

        waiting = self.waiting

        by_status = self.by_status.to_dict()

        offers = self.offers.to_dict()

        places_wanted = self.places_wanted

        version = self.version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "event_id": event_id,
                "closed": closed,
                "offer_window_s": offer_window_s,
                "waiting": waiting,
                "by_status": by_status,
                "offers": offers,
                "places_wanted": places_wanted,
                "version": version,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.line_summary_by_status import LineSummaryByStatus  # noqa: PLC0415
        from ..models.line_summary_offers import LineSummaryOffers  # noqa: PLC0415

        d = dict(src_dict)
        event_id = UUID(d.pop("event_id"))

        closed = d.pop("closed")

        offer_window_s = d.pop("offer_window_s")

        waiting = d.pop("waiting")

        by_status = LineSummaryByStatus.from_dict(d.pop("by_status"))

        offers = LineSummaryOffers.from_dict(d.pop("offers"))

        places_wanted = d.pop("places_wanted")

        version = d.pop("version")

        line_summary = cls(
            event_id=event_id,
            closed=closed,
            offer_window_s=offer_window_s,
            waiting=waiting,
            by_status=by_status,
            offers=offers,
            places_wanted=places_wanted,
            version=version,
        )

        line_summary.additional_properties = d
        return line_summary

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
