from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.rule import Rule


T = TypeVar("T", bound="RuleDraft")


@_attrs_define
class RuleDraft:
    """A new version of a category's rule. It changes nothing before it is activated.

    Attributes:
        category (str): The price band.
        rule (Rule): How a category's price moves. Amounts are minor units, times seconds, shares 0 to 1.

            Raises ValueError for a rule that contradicts itself.
        note (str | Unset): For yourself. Default: ''.
    """

    category: str
    rule: Rule
    note: str | Unset = ""

    def to_dict(self) -> dict[str, Any]:
        category = self.category

        rule = self.rule.to_dict()

        note = self.note

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "category": category,
                "rule": rule,
            }
        )
        if note is not UNSET:
            field_dict["note"] = note

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.rule import Rule  # noqa: PLC0415

        d = dict(src_dict)
        category = d.pop("category")

        rule = Rule.from_dict(d.pop("rule"))

        note = d.pop("note", UNSET)

        rule_draft = cls(
            category=category,
            rule=rule,
            note=note,
        )

        return rule_draft
