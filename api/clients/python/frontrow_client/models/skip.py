from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.wanted import Wanted


T = TypeVar("T", bound="Skip")


@_attrs_define
class Skip:
    """The entries skipped in one round, and why: all with this wish ahead of the last one served.

    Attributes:
        round_no (int):
        at (datetime.datetime):
        wanted (Wanted): A waiting person's wish. The names are the layout's; empty lists accept any.

            Sections are sections of seats or names of areas. `together`: side by side in one row; places of
            an area are always together.
        reason (str):
        detail (str):
        passed (int): The number of skipped entries.
        entry_id (UUID): The first of them.
    """

    round_no: int
    at: datetime.datetime
    wanted: Wanted
    reason: str
    detail: str
    passed: int
    entry_id: UUID
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        round_no = self.round_no

        at = self.at.isoformat()

        wanted = self.wanted.to_dict()

        reason = self.reason

        detail = self.detail

        passed = self.passed

        entry_id = str(self.entry_id)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "round_no": round_no,
                "at": at,
                "wanted": wanted,
                "reason": reason,
                "detail": detail,
                "passed": passed,
                "entry_id": entry_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.wanted import Wanted  # noqa: PLC0415

        d = dict(src_dict)
        round_no = d.pop("round_no")

        at = datetime.datetime.fromisoformat(d.pop("at"))

        wanted = Wanted.from_dict(d.pop("wanted"))

        reason = d.pop("reason")

        detail = d.pop("detail")

        passed = d.pop("passed")

        entry_id = UUID(d.pop("entry_id"))

        skip = cls(
            round_no=round_no,
            at=at,
            wanted=wanted,
            reason=reason,
            detail=detail,
            passed=passed,
            entry_id=entry_id,
        )

        skip.additional_properties = d
        return skip

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
