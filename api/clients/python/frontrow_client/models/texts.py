from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="Texts")


@_attrs_define
class Texts:
    """The texts of a mail, in Jinja2.

    Attributes:
        html (str):
        text (str):
        subject (str | Unset): Empty for a layout. Default: ''.
    """

    html: str
    text: str
    subject: str | Unset = ""

    def to_dict(self) -> dict[str, Any]:
        html = self.html

        text = self.text

        subject = self.subject

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "html": html,
                "text": text,
            }
        )
        if subject is not UNSET:
            field_dict["subject"] = subject

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        html = d.pop("html")

        text = d.pop("text")

        subject = d.pop("subject", UNSET)

        texts = cls(
            html=html,
            text=text,
            subject=subject,
        )

        return texts
