from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.entry_status import EntryStatus
from ..models.line_entry_tier import LineEntryTier
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.wanted import Wanted


T = TypeVar("T", bound="LineEntry")


@_attrs_define
class LineEntry:
    """An entry as the organiser sees it.

    Attributes:
        entry_id (UUID):
        person_id (UUID):
        status (EntryStatus): `waiting → offered → accepted | declined | lapsed`; both may end `left` or `dismissed`.

            A withdrawn offer puts its entry back to `waiting`, at its old place.
        wanted (Wanted): A waiting person's wish. The names are the layout's; empty lists accept any.

            Sections are sections of seats or names of areas. `together`: side by side in one row; places of
            an area are always together.
        tier (LineEntryTier):
        weight (int): Decides the order: larger weights first, then the lower join_no.
        join_no (int):
        rank (int | None):
        email (None | str):
        name (str):
        joined_at (datetime.datetime):
        version (int): Grows with every change; the ETag.
        promoted (None | str | Unset): Why it was moved to the front.
        skipped (int | Unset): The number of rounds that skipped it. Default: 0.
    """

    entry_id: UUID
    person_id: UUID
    status: EntryStatus
    wanted: Wanted
    tier: LineEntryTier
    weight: int
    join_no: int
    rank: int | None
    email: None | str
    name: str
    joined_at: datetime.datetime
    version: int
    promoted: None | str | Unset = UNSET
    skipped: int | Unset = 0
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        entry_id = str(self.entry_id)

        person_id = str(self.person_id)

        status = self.status.value

        wanted = self.wanted.to_dict()

        tier = self.tier.value

        weight = self.weight

        join_no = self.join_no

        rank: int | None
        rank = self.rank

        email: None | str
        email = self.email

        name = self.name

        joined_at = self.joined_at.isoformat()

        version = self.version

        promoted: None | str | Unset
        if isinstance(self.promoted, Unset):
            promoted = UNSET
        else:
            promoted = self.promoted

        skipped = self.skipped

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "entry_id": entry_id,
                "person_id": person_id,
                "status": status,
                "wanted": wanted,
                "tier": tier,
                "weight": weight,
                "join_no": join_no,
                "rank": rank,
                "email": email,
                "name": name,
                "joined_at": joined_at,
                "version": version,
            }
        )
        if promoted is not UNSET:
            field_dict["promoted"] = promoted
        if skipped is not UNSET:
            field_dict["skipped"] = skipped

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.wanted import Wanted  # noqa: PLC0415

        d = dict(src_dict)
        entry_id = UUID(d.pop("entry_id"))

        person_id = UUID(d.pop("person_id"))

        status = EntryStatus(d.pop("status"))

        wanted = Wanted.from_dict(d.pop("wanted"))

        tier = LineEntryTier(d.pop("tier"))

        weight = d.pop("weight")

        join_no = d.pop("join_no")

        def _parse_rank(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        rank = _parse_rank(d.pop("rank"))

        def _parse_email(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        email = _parse_email(d.pop("email"))

        name = d.pop("name")

        joined_at = datetime.datetime.fromisoformat(d.pop("joined_at"))

        version = d.pop("version")

        def _parse_promoted(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        promoted = _parse_promoted(d.pop("promoted", UNSET))

        skipped = d.pop("skipped", UNSET)

        line_entry = cls(
            entry_id=entry_id,
            person_id=person_id,
            status=status,
            wanted=wanted,
            tier=tier,
            weight=weight,
            join_no=join_no,
            rank=rank,
            email=email,
            name=name,
            joined_at=joined_at,
            version=version,
            promoted=promoted,
            skipped=skipped,
        )

        line_entry.additional_properties = d
        return line_entry

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
