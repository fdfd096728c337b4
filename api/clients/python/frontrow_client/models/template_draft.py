from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="TemplateDraft")


@_attrs_define
class TemplateDraft:
    """The texts of the next version, in Jinja2; docs/notifications.md lists the names they can use.

    Attributes:
        html (str):
        text (str):
        subject (str | Unset): Empty for a layout. Default: ''.
        note (str | Unset): The changes in this version. Default: ''.
        activate (bool | Unset): Write mails with it from now on. Default: False.
    """

    html: str
    text: str
    subject: str | Unset = ""
    note: str | Unset = ""
    activate: bool | Unset = False

    def to_dict(self) -> dict[str, Any]:
        html = self.html

        text = self.text

        subject = self.subject

        note = self.note

        activate = self.activate

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "html": html,
                "text": text,
            }
        )
        if subject is not UNSET:
            field_dict["subject"] = subject
        if note is not UNSET:
            field_dict["note"] = note
        if activate is not UNSET:
            field_dict["activate"] = activate

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        html = d.pop("html")

        text = d.pop("text")

        subject = d.pop("subject", UNSET)

        note = d.pop("note", UNSET)

        activate = d.pop("activate", UNSET)

        template_draft = cls(
            html=html,
            text=text,
            subject=subject,
            note=note,
            activate=activate,
        )

        return template_draft
