"""Rules of an event that is not published yet: kept in its document, written to PostgreSQL with its first seats.

A rule that is activated before publishing is ``scheduled``: without ``valid_from`` it comes into force with
publishing, in the same transaction, so no price is ever without it.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import msgspec
import structlog

from engine.base.actor import Actor
from engine.base.errors import Conflict, InvalidInput, NotFound, stale_version
from engine.base.model import EventStatus, new_id
from engine.catalog.catalog import Catalog
from engine.catalog.model import Event
from engine.pricing.applying import note, put_in_force
from engine.pricing.model import RuleDraft, RuleStatus, RuleVersion
from engine.pricing.rule import complete
from engine.stores.postgres import Transaction

log = structlog.get_logger(__name__)
#: A document has up to 16 MiB, and a rule up to some KiB.
RULES_MAX: Final = 500
_Change: TypeAlias = Callable[[list[RuleVersion]], list[RuleVersion]]


def rules_of(event: Event) -> list[RuleVersion]:
    """The prepared rules of a draft, the oldest first."""
    return msgspec.convert(event.pricing_rules, list[RuleVersion])


class PreparedRules:
    """The organiser's changes of a draft's rules. Every method raises NotFound, Unavailable, and Conflict when
    the event is being published or is cancelled.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def draft(self, event_id: str) -> Event:
        """The event, which is a draft."""
        event = await self._catalog.event(event_id)
        if event.status == EventStatus.CANCELLED:
            raise Conflict("A cancelled event stays cancelled.", code="event-cancelled")
        if event.status != EventStatus.DRAFT:
            raise Conflict(
                "The event is being published; try again in a moment.", code="event-not-published"
            )
        return event

    async def make(self, event_id: str, wanted: RuleDraft, *, actor: Actor) -> RuleVersion:
        """Keep a new version of a category's rule. Raises InvalidInput for an unknown category."""
        event = await self.draft(event_id)
        numbers = await self._numbers(event)
        if wanted.category not in numbers:
            known = ", ".join(numbers)
            raise InvalidInput(
                f"There is no category {wanted.category!r}; there are {known}.",
                code="no-such-category",
            )
        rule_id = new_id()

        def add(rules: list[RuleVersion]) -> list[RuleVersion]:
            if len(rules) >= RULES_MAX:
                raise InvalidInput(f"A draft has at most {RULES_MAX} versions of rules.")
            made = RuleVersion(
                rule_id=rule_id,
                event_id=event_id,
                category_no=numbers[wanted.category],
                category=wanted.category,
                rule_no=1 + sum(rule.category == wanted.category for rule in rules),
                status=RuleStatus.DRAFT,
                rule=complete(wanted.rule, event.currency),
                note=wanted.note,
                made_by=actor.label,
                made_at=datetime.now(UTC),
                valid_from=None,
                activated_at=None,
                retired_at=None,
                version=1,
            )
            return [*rules, made]

        return await self._change(event_id, rule_id, add)

    async def rule(self, event_id: str, rule_id: str) -> RuleVersion:
        """One version. Raises NotFound."""
        return _named(rules_of(await self.draft(event_id)), rule_id)

    async def activate(
        self, event_id: str, rule_id: str, *, valid_from: datetime | None, version: int | None
    ) -> RuleVersion:
        """Let it come into force with publishing, or at a later ``valid_from``.

        A rule of the category that was to come into force with publishing is retired by another one.
        Raises Conflict (retired), PreconditionFailed.
        """
        if valid_from is not None and valid_from <= datetime.now(UTC):
            valid_from = None

        def schedule(rules: list[RuleVersion]) -> list[RuleVersion]:
            chosen = _checked(rules, rule_id, version)
            if chosen.status == RuleStatus.RETIRED:
                raise Conflict(
                    "A retired rule stays retired; make a new version of it.",
                    code="pricing-rule-retired",
                )
            if chosen.status == RuleStatus.SCHEDULED and chosen.valid_from == valid_from:
                return rules
            return [
                _next(rule, RuleStatus.SCHEDULED, valid_from=valid_from)
                if rule.rule_id == rule_id
                else _next(rule, RuleStatus.RETIRED, retired_at=datetime.now(UTC))
                if valid_from is None and _is_first(rule, chosen.category)
                else rule
                for rule in rules
            ]

        return await self._change(event_id, rule_id, schedule)

    async def retire(self, event_id: str, rule_id: str, *, version: int | None) -> RuleVersion:
        """Give a rule up. Idempotent. Raises PreconditionFailed."""

        def retire(rules: list[RuleVersion]) -> list[RuleVersion]:
            if _checked(rules, rule_id, version).status == RuleStatus.RETIRED:
                return rules
            return [
                _next(rule, RuleStatus.RETIRED, retired_at=datetime.now(UTC))
                if rule.rule_id == rule_id
                else rule
                for rule in rules
            ]

        return await self._change(event_id, rule_id, retire)

    async def check(self, event: Event) -> None:
        """Raises InvalidInput when a rule is for a category that the event does not have any more."""
        rules = rules_of(event)
        known = await self._numbers(event) if rules else {}
        if lost := sorted({rule.category for rule in rules} - set(known)):
            raise InvalidInput(
                f"There are rules for {', '.join(lost)}, which the event does not have; name the category so, "
                "or make the draft anew.",
                code="no-such-category",
            )

    async def _numbers(self, event: Event) -> dict[str, int]:
        layout = await self._catalog.layout_of(event)
        return {category.name: number for number, category in enumerate(layout.categories)}

    async def _change(self, event_id: str, rule_id: str, change: _Change) -> RuleVersion:
        while True:
            event = await self.draft(event_id)
            before = rules_of(event)
            after = change(before)
            if after == before or await self._catalog.prepare_rules(
                event, msgspec.to_builtins(after)
            ):
                return _named(after, rule_id)


async def write_rules(
    transaction: Transaction, event: Event, numbers: Mapping[str, int], *, actor: Actor
) -> None:
    """Write a draft's rules, in the transaction that puts the event on sale, and put those in force that are due."""
    rules = rules_of(event)
    if not rules:
        return
    await transaction.fetch("pricing.ensure", event.event_id)
    for rule in rules:
        if rule.category not in numbers:
            log.warning("rule of a lost category", event_id=event.event_id, rule_id=rule.rule_id)
            continue
        number = numbers[rule.category]
        await transaction.fetch(
            "pricing.add_rule",
            event.event_id,
            rule.rule_id,
            number,
            msgspec.to_builtins(rule.rule),
            rule.note,
            rule.made_by,
        )
        if rule.status == RuleStatus.RETIRED:
            await transaction.fetch("pricing.retire_rule", event.event_id, rule.rule_id)
        elif rule.status == RuleStatus.SCHEDULED:
            await _begin(transaction, rule, number, actor)


async def _begin(
    transaction: Transaction, rule: RuleVersion, category_no: int, actor: Actor
) -> None:
    event_id, valid_from = rule.event_id, rule.valid_from
    if valid_from is None:
        await put_in_force(transaction, event_id, rule.rule_id, category_no, actor=actor)
        return
    # One whose time has passed meanwhile is put in force by the worker, in the order of their times.
    await transaction.fetch("pricing.schedule_rule", event_id, rule.rule_id, valid_from)
    details: dict[str, Any] = {"rule_id": rule.rule_id, "valid_from": valid_from.isoformat()}
    await note(transaction, event_id, "rule-scheduled", actor, details)


def _is_first(rule: RuleVersion, category: str) -> bool:
    """Whether it is to come into force with publishing."""
    is_due = rule.status == RuleStatus.SCHEDULED and rule.valid_from is None
    return is_due and rule.category == category


def _named(rules: list[RuleVersion], rule_id: str) -> RuleVersion:
    for rule in rules:
        if rule.rule_id == rule_id:
            return rule
    raise NotFound(f"There is no rule {rule_id} of this event.", code="pricing-rule-not-found")


def _checked(rules: list[RuleVersion], rule_id: str, version: int | None) -> RuleVersion:
    rule = _named(rules, rule_id)
    if version is not None and version != rule.version:
        raise stale_version(rule.version)
    return rule


def _next(rule: RuleVersion, status: RuleStatus, **changes: datetime | None) -> RuleVersion:
    return msgspec.structs.replace(rule, status=status, version=rule.version + 1, **changes)
