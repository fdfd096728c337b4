"""The data types of pricing: an organiser's requests, and the answers."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

from engine.base.model import CategoryName, Id, Moment, Money, Uuid, Version
from engine.base.texts import ONE_LINE, VISIBLE_LINE
from engine.pricing.decision import Decision, Signals
from engine.pricing.market import Curve, Synthetic
from engine.pricing.rule import Amount, Rule

Reason = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=VISIBLE_LINE,
        description="Shown to buyers.",
        examples=["Early birds"],
    ),
]


class RuleStatus(StrEnum):
    """``draft → scheduled → active → retired``; steps may be skipped, never reversed."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    ACTIVE = "active"
    RETIRED = "retired"


class RuleDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new version of a category's rule. It changes nothing before it is activated."""

    category: CategoryName
    rule: Rule
    note: Annotated[
        str,
        Meta(max_length=1000, pattern=ONE_LINE, description="For yourself."),
    ] = ""


class RuleVersion(Struct, frozen=True, kw_only=True):
    """A version of a category's rule. Its content never changes."""

    rule_id: Id
    event_id: Id
    category_no: int
    category: CategoryName
    rule_no: Annotated[int, Meta(description="The version; 1 is the category's first.")]
    status: RuleStatus
    rule: Rule
    note: str
    made_by: str
    made_at: Moment
    valid_from: Annotated[Moment | None, Meta(description="When it comes or came into force.")]
    activated_at: Moment | None
    retired_at: Moment | None
    version: Version


class Activation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a rule comes into force."""

    valid_from: Annotated[Moment | None, Meta(description="Absent or in the past: now.")] = None


class TermsPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which facts buyers see. Absent fields stay."""

    history_public: Annotated[
        bool | None, Meta(description="Show every change and its reason.")
    ] = None
    range_public: Annotated[bool | None, Meta(description="Show floor and ceiling.")] = None


class Override(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A manual price."""

    amount_minor: Amount
    reason: Reason
    until: Annotated[
        Moment | None,
        Meta(description="Absent: until it is released, or another rule comes into force."),
    ] = None


class Freeze(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The price stays as it is until it is released."""

    reason: Reason


class CategoryState(Struct, frozen=True, kw_only=True):
    """How a category's present price is computed."""

    category_no: int
    category: CategoryName
    price: Money
    mode: Annotated[
        Literal["fixed", "rule", "override", "frozen"],
        Meta(description="`fixed`: only the event's own price."),
    ]
    rule: Annotated[
        RuleVersion | None,
        Meta(description="The rule in force, also during an override or freeze."),
    ]
    scheduled_for: Annotated[
        Moment | None, Meta(description="When the next rule comes into force.")
    ]
    until: Annotated[Moment | None, Meta(description="When an override ends by itself.")]
    reason: Annotated[str | None, Meta(description="The reason of the override or freeze.")]
    actor: str | None
    version: Annotated[
        int, Meta(description="The version of the override or freeze; 0: there was none.")
    ]


class PricingState(Struct, frozen=True, kw_only=True):
    """An event's pricing at a glance. ``version`` is that of the terms (what buyers see)."""

    event_id: Id
    history_public: bool
    range_public: bool
    categories: list[CategoryState]
    version: Version


class PreviewRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule to preview: a sent one, a stored one, or the one in force."""

    category: CategoryName
    rule: Rule | None = None
    rule_id: Uuid | None = None


class Preview(Struct, frozen=True, kw_only=True):
    """The present price, the signals, and the rule's decision. Nothing is changed."""

    category_no: int
    category: CategoryName
    price: Money
    signals: Signals
    decision: Decision


class SimulationRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A simulated sale for a rule: a sent one, a stored one, or the one in force."""

    category: CategoryName
    rule: Rule | None = None
    rule_id: Uuid | None = None
    curve: Curve = Synthetic()
    fixed_minor: Annotated[
        Amount | None, Meta(description="The price to compare with. Default: the rule's base.")
    ] = None


class SetSimulationRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A simulated sale for a whole rule set: every category of the event at once."""

    rules: Annotated[
        dict[CategoryName, Rule],
        Meta(
            max_length=200,
            description="Rules by category. The others follow the rule in force, or stay at their price.",
        ),
    ] = {}
    curve: Annotated[
        Curve,
        Meta(description="`seats` are those of all categories; `category` has no effect here."),
    ] = Synthetic()
