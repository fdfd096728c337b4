from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast
from uuid import UUID

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

T = TypeVar("T", bound="Venue")


@_attrs_define
class Venue:
    """A house, and the layout that new events get.

    Attributes:
        venue_id (UUID):
        name (str):
        city (str | Unset):  Default: ''.
        latitude (float | None | Unset): Degrees, WGS 84.
        longitude (float | None | Unset): Degrees, WGS 84.
        timezone (None | str | Unset):
        layout_id (None | Unset | UUID):
        seat_count (int | Unset):  Default: 0.
        version (int | Unset): Grows with every change; the ETag. Default: 1.
    """

    venue_id: UUID
    name: str
    city: str | Unset = ""
    latitude: float | None | Unset = UNSET
    longitude: float | None | Unset = UNSET
    timezone: None | str | Unset = UNSET
    layout_id: None | Unset | UUID = UNSET
    seat_count: int | Unset = 0
    version: int | Unset = 1
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        venue_id = str(self.venue_id)

        name = self.name

        city = self.city

        latitude: float | None | Unset
        if isinstance(self.latitude, Unset):
            latitude = UNSET
        else:
            latitude = self.latitude

        longitude: float | None | Unset
        if isinstance(self.longitude, Unset):
            longitude = UNSET
        else:
            longitude = self.longitude

        timezone: None | str | Unset
        if isinstance(self.timezone, Unset):
            timezone = UNSET
        else:
            timezone = self.timezone

        layout_id: None | str | Unset
        if isinstance(self.layout_id, Unset):
            layout_id = UNSET
        elif isinstance(self.layout_id, UUID):
            layout_id = str(self.layout_id)
        else:
            layout_id = self.layout_id

        seat_count = self.seat_count

        version = self.version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "venue_id": venue_id,
                "name": name,
            }
        )
        if city is not UNSET:
            field_dict["city"] = city
        if latitude is not UNSET:
            field_dict["latitude"] = latitude
        if longitude is not UNSET:
            field_dict["longitude"] = longitude
        if timezone is not UNSET:
            field_dict["timezone"] = timezone
        if layout_id is not UNSET:
            field_dict["layout_id"] = layout_id
        if seat_count is not UNSET:
            field_dict["seat_count"] = seat_count
        if version is not UNSET:
            field_dict["version"] = version

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        venue_id = UUID(d.pop("venue_id"))

        name = d.pop("name")

        city = d.pop("city", UNSET)

        def _parse_latitude(data: object) -> float | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(float | None | Unset, data)

        latitude = _parse_latitude(d.pop("latitude", UNSET))

        def _parse_longitude(data: object) -> float | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(float | None | Unset, data)

        longitude = _parse_longitude(d.pop("longitude", UNSET))

        def _parse_timezone(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        timezone = _parse_timezone(d.pop("timezone", UNSET))

        def _parse_layout_id(data: object) -> None | Unset | UUID:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                layout_id_type_0 = UUID(data)

                return layout_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Unset | UUID, data)

        layout_id = _parse_layout_id(d.pop("layout_id", UNSET))

        seat_count = d.pop("seat_count", UNSET)

        version = d.pop("version", UNSET)

        venue = cls(
            venue_id=venue_id,
            name=name,
            city=city,
            latitude=latitude,
            longitude=longitude,
            timezone=timezone,
            layout_id=layout_id,
            seat_count=seat_count,
            version=version,
        )

        venue.additional_properties = d
        return venue

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
