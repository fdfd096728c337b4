from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.entry_status import EntryStatus
from ..models.entry_tier import EntryTier
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.contact import Contact
    from ..models.estimate import Estimate
    from ..models.offer import Offer
    from ..models.wanted import Wanted


T = TypeVar("T", bound="Entry")


@_attrs_define
class Entry:
    """One person's entry in an event's waitlist.

    Attributes:
        entry_id (UUID):
        event_id (UUID):
        status (EntryStatus): `waiting → offered → accepted | declined | lapsed`; both may end `left` or `dismissed`.

            A withdrawn offer puts its entry back to `waiting`, at its old place.
        wanted (Wanted): A waiting person's wish. The names are the layout's; empty lists accept any.

            Sections are sections of seats or names of areas. `together`: side by side in one row; places of
            an area are always together.
        tier (EntryTier):
        rank (int | None): 1 is next; null when not waiting, or while it is unknown.
        waiting (int): The number of all waiting entries.
        estimate (Estimate | None):
        offer_window_s (int): How long a new offer lasts, in seconds.
        contact (Contact): How to notify the person. Without `buyer` only the page and the live channel do.
        joined_at (datetime.datetime):
        version (int): Grows with every change; the ETag.
        offer (None | Offer | Unset): The latest, open or not.
    """

    entry_id: UUID
    event_id: UUID
    status: EntryStatus
    wanted: Wanted
    tier: EntryTier
    rank: int | None
    waiting: int
    estimate: Estimate | None
    offer_window_s: int
    contact: Contact
    joined_at: datetime.datetime
    version: int
    offer: None | Offer | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.estimate import Estimate  # noqa: PLC0415
        from ..models.offer import Offer  # noqa: PLC0415

        entry_id = str(self.entry_id)

        event_id = str(self.event_id)

        status = self.status.value

        wanted = self.wanted.to_dict()

        tier = self.tier.value

        rank: int | None
        rank = self.rank

        waiting = self.waiting

        estimate: dict[str, Any] | None
        if isinstance(self.estimate, Estimate):
            estimate = self.estimate.to_dict()
        else:
            estimate = self.estimate

        offer_window_s = self.offer_window_s

        contact = self.contact.to_dict()

        joined_at = self.joined_at.isoformat()

        version = self.version

        offer: dict[str, Any] | None | Unset
        if isinstance(self.offer, Unset):
            offer = UNSET
        elif isinstance(self.offer, Offer):
            offer = self.offer.to_dict()
        else:
            offer = self.offer

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "entry_id": entry_id,
                "event_id": event_id,
                "status": status,
                "wanted": wanted,
                "tier": tier,
                "rank": rank,
                "waiting": waiting,
                "estimate": estimate,
                "offer_window_s": offer_window_s,
                "contact": contact,
                "joined_at": joined_at,
                "version": version,
            }
        )
        if offer is not UNSET:
            field_dict["offer"] = offer

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.contact import Contact  # noqa: PLC0415
        from ..models.estimate import Estimate  # noqa: PLC0415
        from ..models.offer import Offer  # noqa: PLC0415
        from ..models.wanted import Wanted  # noqa: PLC0415

        d = dict(src_dict)
        entry_id = UUID(d.pop("entry_id"))

        event_id = UUID(d.pop("event_id"))

        status = EntryStatus(d.pop("status"))

        wanted = Wanted.from_dict(d.pop("wanted"))

        tier = EntryTier(d.pop("tier"))

        def _parse_rank(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        rank = _parse_rank(d.pop("rank"))

        waiting = d.pop("waiting")

        def _parse_estimate(data: object) -> Estimate | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                estimate_type_0 = Estimate.from_dict(data)

                return estimate_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Estimate | None, data)

        estimate = _parse_estimate(d.pop("estimate"))

        offer_window_s = d.pop("offer_window_s")

        contact = Contact.from_dict(d.pop("contact"))

        joined_at = datetime.datetime.fromisoformat(d.pop("joined_at"))

        version = d.pop("version")

        def _parse_offer(data: object) -> None | Offer | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                offer_type_0 = Offer.from_dict(data)

                return offer_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Offer | Unset, data)

        offer = _parse_offer(d.pop("offer", UNSET))

        entry = cls(
            entry_id=entry_id,
            event_id=event_id,
            status=status,
            wanted=wanted,
            tier=tier,
            rank=rank,
            waiting=waiting,
            estimate=estimate,
            offer_window_s=offer_window_s,
            contact=contact,
            joined_at=joined_at,
            version=version,
            offer=offer,
        )

        entry.additional_properties = d
        return entry

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
