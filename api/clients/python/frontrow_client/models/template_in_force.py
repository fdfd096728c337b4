from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.template_in_force_source import TemplateInForceSource

T = TypeVar("T", bound="TemplateInForce")


@_attrs_define
class TemplateInForce:
    """The template version in force.

    Attributes:
        kind (str): A kind of mail, or `layout`.
        language (str): `mul` for the layout.
        version (int): Grows with every change; the ETag.
        source (TemplateInForceSource):
        actor (str): Who chose it.
        chosen_at (datetime.datetime):
        note (str):
    """

    kind: str
    language: str
    version: int
    source: TemplateInForceSource
    actor: str
    chosen_at: datetime.datetime
    note: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        kind = self.kind

        language = self.language

        version = self.version

        source = self.source.value

        actor = self.actor

        chosen_at = self.chosen_at.isoformat()

        note = self.note

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "kind": kind,
                "language": language,
                "version": version,
                "source": source,
                "actor": actor,
                "chosen_at": chosen_at,
                "note": note,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        kind = d.pop("kind")

        language = d.pop("language")

        version = d.pop("version")

        source = TemplateInForceSource(d.pop("source"))

        actor = d.pop("actor")

        chosen_at = datetime.datetime.fromisoformat(d.pop("chosen_at"))

        note = d.pop("note")

        template_in_force = cls(
            kind=kind,
            language=language,
            version=version,
            source=source,
            actor=actor,
            chosen_at=chosen_at,
            note=note,
        )

        template_in_force.additional_properties = d
        return template_in_force

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
