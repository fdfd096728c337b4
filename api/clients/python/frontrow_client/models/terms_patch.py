from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="TermsPatch")


@_attrs_define
class TermsPatch:
    """Which facts buyers see. Absent fields stay.

    Attributes:
        history_public (bool | None | Unset): Show every change and its reason.
        range_public (bool | None | Unset): Show floor and ceiling.
    """

    history_public: bool | None | Unset = UNSET
    range_public: bool | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        history_public: bool | None | Unset
        if isinstance(self.history_public, Unset):
            history_public = UNSET
        else:
            history_public = self.history_public

        range_public: bool | None | Unset
        if isinstance(self.range_public, Unset):
            range_public = UNSET
        else:
            range_public = self.range_public

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if history_public is not UNSET:
            field_dict["history_public"] = history_public
        if range_public is not UNSET:
            field_dict["range_public"] = range_public

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_history_public(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        history_public = _parse_history_public(d.pop("history_public", UNSET))

        def _parse_range_public(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        range_public = _parse_range_public(d.pop("range_public", UNSET))

        terms_patch = cls(
            history_public=history_public,
            range_public=range_public,
        )

        return terms_patch
