from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.template_version_source import TemplateVersionSource

T = TypeVar("T", bound="TemplateVersion")


@_attrs_define
class TemplateVersion:
    """One version of a template; its texts never change.

    Attributes:
        kind (str): A kind of mail, or `layout`.
        language (str): `mul` for the layout.
        version (int): Grows with every change; the ETag.
        source (TemplateVersionSource): Who wrote it: Frontrow, or the organiser.
        subject (str):
        html (str):
        text (str):
        note (str):
        created_at (datetime.datetime):
    """

    kind: str
    language: str
    version: int
    source: TemplateVersionSource
    subject: str
    html: str
    text: str
    note: str
    created_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        kind = self.kind

        language = self.language

        version = self.version

        source = self.source.value

        subject = self.subject

        html = self.html

        text = self.text

        note = self.note

        created_at = self.created_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "kind": kind,
                "language": language,
                "version": version,
                "source": source,
                "subject": subject,
                "html": html,
                "text": text,
                "note": note,
                "created_at": created_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        kind = d.pop("kind")

        language = d.pop("language")

        version = d.pop("version")

        source = TemplateVersionSource(d.pop("source"))

        subject = d.pop("subject")

        html = d.pop("html")

        text = d.pop("text")

        note = d.pop("note")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        template_version = cls(
            kind=kind,
            language=language,
            version=version,
            source=source,
            subject=subject,
            html=html,
            text=text,
            note=note,
            created_at=created_at,
        )

        template_version.additional_properties = d
        return template_version

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
