from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.layout_warning import LayoutWarning
    from ..models.venue import Venue


T = TypeVar("T", bound="ImportedVenue")


@_attrs_define
class ImportedVenue:
    """A venue with its new layout, and the importer's corrections.

    Attributes:
        venue (Venue): A house, and the layout that new events get.
        warnings (list[LayoutWarning]):
    """

    venue: Venue
    warnings: list[LayoutWarning]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        venue = self.venue.to_dict()

        warnings = []
        for warnings_item_data in self.warnings:
            warnings_item = warnings_item_data.to_dict()
            warnings.append(warnings_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "venue": venue,
                "warnings": warnings,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.layout_warning import LayoutWarning  # noqa: PLC0415
        from ..models.venue import Venue  # noqa: PLC0415

        d = dict(src_dict)
        venue = Venue.from_dict(d.pop("venue"))

        warnings = []
        _warnings = d.pop("warnings")
        for warnings_item_data in _warnings:
            warnings_item = LayoutWarning.from_dict(warnings_item_data)

            warnings.append(warnings_item)

        imported_venue = cls(
            venue=venue,
            warnings=warnings,
        )

        imported_venue.additional_properties = d
        return imported_venue

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
