"""The nouns of pricing: what an organiser says, and sees."""

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

from engine.base.model import CategoryName, Id, Moment, Money, Uuid, Version
from engine.pricing.decision import Decision, Signals
from engine.pricing.market import Curve, Synthetic
from engine.pricing.rule import Amount, Rule

Reason = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f]*$(?!\n)",
        description="Buyers read it.",
        examples=["Early birds"],
    ),
]


class RuleStatus(StrEnum):
    """``draft → scheduled → active → retired``; any step may be left out, none goes back."""

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
        Meta(max_length=1000, pattern=r"^[^\x00-\x1f]*$(?!\n)", description="For yourself."),
    ] = ""


class RuleVersion(Struct, frozen=True, kw_only=True):
    """A version of a category's rule. What it says never changes."""

    rule_id: Id
    event_id: Id
    category_no: int
    category: CategoryName
    rule_no: Annotated[int, Meta(description="1 is the category's first.")]
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
    """From when on a rule shall be in force."""

    valid_from: Annotated[Moment | None, Meta(description="Else, or in the past: now.")] = None


class TermsPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What buyers shall see. What is absent stays."""

    history_public: Annotated[bool | None, Meta(description="Every change and its reason.")] = None
    range_public: Annotated[bool | None, Meta(description="Floor and ceiling.")] = None


class Override(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price by hand."""

    amount_minor: Amount
    reason: Reason
    until: Annotated[
        Moment | None,
        Meta(description="Else until it is released, or another rule comes into force."),
    ] = None


class Freeze(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The price stays as it is until it is released."""

    reason: Reason


class CategoryState(Struct, frozen=True, kw_only=True):
    """How a category's price comes about right now."""

    category_no: int
    category: CategoryName
    price: Money
    mode: Annotated[
        Literal["fixed", "rule", "override", "frozen"],
        Meta(description="`fixed`: nothing but the event's own price."),
    ]
    rule: Annotated[RuleVersion | None, Meta(description="In force, also while a hand is on it.")]
    scheduled_for: Annotated[
        Moment | None, Meta(description="When the next rule comes into force.")
    ]
    until: Annotated[Moment | None, Meta(description="When an override ends by itself.")]
    reason: Annotated[str | None, Meta(description="Of the override or freeze.")]
    actor: str | None
    version: Annotated[int, Meta(description="Of the override or freeze; 0: never any.")]


class PricingState(Struct, frozen=True, kw_only=True):
    """An event's pricing at a glance. ``version`` is that of what buyers see."""

    event_id: Id
    history_public: bool
    range_public: bool
    categories: list[CategoryState]
    version: Version


class PreviewRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What would a rule do now? One that is sent, one that was made, or the one in force."""

    category: CategoryName
    rule: Rule | None = None
    rule_id: Uuid | None = None


class Preview(Struct, frozen=True, kw_only=True):
    """The price now, what is seen, and what the rule makes of it. Nothing is changed."""

    category_no: int
    category: CategoryName
    price: Money
    signals: Signals
    decision: Decision


class SimulationRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sale to try a rule on: one that is sent, one that was made, or the one in force."""

    category: CategoryName
    rule: Rule | None = None
    rule_id: Uuid | None = None
    curve: Curve = Synthetic()
    fixed_minor: Annotated[
        Amount | None, Meta(description="The price to compare with; else the rule's base.")
    ] = None


class SetSimulationRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sale to try a whole rule set on: every category of the event at once."""

    rules: Annotated[
        dict[CategoryName, Rule],
        Meta(
            max_length=200,
            description="By category. The others follow the rule in force, or stay at their price.",
        ),
    ] = {}
    curve: Annotated[
        Curve,
        Meta(description="`seats` are those of all categories; `category` is of no use here."),
    ] = Synthetic()
