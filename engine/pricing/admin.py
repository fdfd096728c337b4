"""The organiser's control of prices: rules and their life, the facts that buyers see, overrides.

::

    draft ──activate──▶ active ──▶ retired     manually, or when another rule comes into force
      └─────activate──▶ scheduled ─its time─▶ active

    a category's price:  fixed ── rule ⇄ override | frozen

An override or a freeze has precedence over a rule. An override ends when it is released, at its
``until``, or, without one, when another rule comes into force. A freeze ends when it is released. A price
set by ``PATCH /v1/events/{event_id}`` is an override without an end.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec

from engine.base.actor import Actor
from engine.base.errors import Conflict, InvalidInput, NotFound, stale_version
from engine.base.model import EventStatus, Money, new_id
from engine.catalog.catalog import Catalog
from engine.live.live import Live
from engine.pricing.applying import note, put_in_force, set_by_hand
from engine.pricing.decision import decide
from engine.pricing.market import (
    DAY_S,
    Curve,
    Market,
    Recorded,
    RecordedMarket,
    Sale,
    Synthetic,
    SyntheticMarket,
)
from engine.pricing.measuring import Measuring
from engine.pricing.model import (
    CategoryState,
    Override,
    Preview,
    PricingState,
    RuleDraft,
    RuleStatus,
    RuleVersion,
    SetSimulationRequest,
    SimulationRequest,
    TermsPatch,
)
from engine.pricing.prepared import PreparedRules, rules_of
from engine.pricing.repricer import current_of, velocity_of
from engine.pricing.rule import Rule, complete
from engine.pricing.simulation import (
    Part,
    SetSimulation,
    Simulation,
    simulate,
    simulate_set,
)
from engine.stores.postgres import Postgres, Transaction


class PricingAdmin:
    def __init__(
        self, postgres: Postgres, live: Live, catalog: Catalog, measuring: Measuring
    ) -> None:
        self._pg = postgres
        self._live = live
        self._catalog = catalog
        self._measuring = measuring
        self._prepared = PreparedRules(catalog)
        # One at a time: a simulation keeps a processor busy for some tenths of a second.
        self._simulating = asyncio.Semaphore(1)

    # Reading

    async def state(self, event_id: str) -> PricingState:
        """How an event's present prices are computed. Raises NotFound, Conflict (not published)."""
        terms = await self._terms(event_id)
        states = await self._pg.fetch("pricing.states", event_id)
        active = await self._pg.fetch("pricing.rules", event_id, None, "active", None, 255)
        names = {row["category_no"]: row["name"] for row in states}
        rules = {row["rule_id"]: _rule_version(event_id, names, row) for row in active}
        return PricingState(
            event_id=event_id,
            history_public=terms["history_public"],
            range_public=terms["range_public"],
            categories=[
                _category_state(row, terms["currency"], rules.get(row["rule_id"])) for row in states
            ],
            version=terms["version"],
        )

    async def _terms(self, event_id: str) -> Any:
        terms = await self._pg.fetchrow("pricing.terms", event_id)
        if terms is None:
            # Raises NotFound for an unknown event.
            event = await self._catalog.event(event_id)
            raise Conflict(
                f"The event is {event.status}; publish it first.", code="event-not-published"
            )
        return terms

    async def set_terms(self, event_id: str, patch: TermsPatch, *, version: int) -> PricingState:
        """Change which facts buyers see. Raises PreconditionFailed when the terms are not at ``version``."""
        async with self._locked(event_id) as (transaction, terms):
            _check_version(terms["version"], version)
            await transaction.fetch(
                "pricing.set_terms",
                event_id,
                _either(patch.history_public, terms["history_public"]),
                _either(patch.range_public, terms["range_public"]),
            )
            await transaction.fetch("pricing.touch_event", event_id)
        await self._live.settling.refresh_terms(event_id)
        return await self.state(event_id)

    @asynccontextmanager
    async def _locked(self, event_id: str) -> AsyncIterator[tuple[Transaction, Any]]:
        """A transaction with the event's pricing lock, and the event's terms.

        Raises NotFound, Conflict (not published, cancelled).
        """
        await self._terms(event_id)
        async with self._pg.transaction(event_id=event_id) as transaction:
            await transaction.fetch("pricing.ensure", event_id)
            terms = await transaction.fetchrow("pricing.lock", event_id)
            assert terms is not None
            if terms["status"] == EventStatus.CANCELLED:
                raise Conflict("A cancelled event stays cancelled.", code="event-cancelled")
            yield transaction, terms

    async def _category(self, event_id: str, name: str) -> Any:
        rows = await self._pg.fetch("inventory.prices", event_id)
        for row in rows:
            if row["name"] == name:
                return row
        known = ", ".join(row["name"] for row in rows)
        raise InvalidInput(
            f"There is no category {name!r}; there are {known}.", code="no-such-category"
        )

    async def _is_published(self, event_id: str) -> bool:
        return await self._pg.fetchrow("pricing.terms", event_id) is not None

    # Rules

    async def make_rule(self, event_id: str, draft: RuleDraft, *, actor: Actor) -> RuleVersion:
        """Store a new version of a category's rule, as a draft. Raises InvalidInput, NotFound, Conflict."""
        if not await self._is_published(event_id):
            return await self._prepared.make(event_id, draft, actor=actor)
        terms = await self._terms(event_id)
        category = await self._category(event_id, draft.category)
        rule = complete(draft.rule, terms["currency"])
        async with self._locked(event_id) as (transaction, _):
            row = await transaction.fetchrow(
                "pricing.add_rule",
                event_id,
                new_id(),
                category["category_no"],
                msgspec.to_builtins(rule),
                draft.note,
                actor.label,
            )
        return _rule_version(event_id, {category["category_no"]: draft.category}, row)

    async def rules(
        self,
        event_id: str,
        *,
        category: str | None = None,
        status: RuleStatus | None = None,
        after: str | None = None,
        limit: int = 20,
    ) -> list[RuleVersion]:
        """Versions of rules, newest first, beginning after ``after``."""
        if not await self._is_published(event_id):
            known = rules_of(await self._prepared.draft(event_id))
            return [
                rule
                for rule in reversed(known)
                if (category is None or rule.category == category)
                and (status is None or rule.status == status)
                and (after is None or rule.rule_id < after)
            ][:limit]
        category_no = (
            None if category is None else (await self._category(event_id, category))["category_no"]
        )
        names = await _names(self._pg, event_id)
        wanted = None if status is None else status.value
        rows = await self._pg.fetch("pricing.rules", event_id, category_no, wanted, after, limit)
        return [_rule_version(event_id, names, row) for row in rows]

    async def rule(self, event_id: str, rule_id: str) -> RuleVersion:
        """One version of a rule. Raises NotFound."""
        if not await self._is_published(event_id):
            return await self._prepared.rule(event_id, rule_id)
        return await _read_rule(self._pg, event_id, rule_id)

    async def activate(
        self,
        event_id: str,
        rule_id: str,
        *,
        valid_from: datetime | None = None,
        version: int | None = None,
        actor: Actor,
    ) -> RuleVersion:
        """Put a draft in force, now or at ``valid_from``; a scheduled one gets the new time.

        The rule that the category follows is retired when this one comes into force; of a draft of an
        event it comes into force with publishing. Activating an
        active rule has no effect. Raises NotFound, Conflict (retired), PreconditionFailed.
        """
        _check_moment("valid_from", valid_from)
        if not await self._is_published(event_id):
            return await self._prepared.activate(
                event_id, rule_id, valid_from=valid_from, version=version
            )
        async with self._locked(event_id) as (transaction, _):
            rule = await _read_rule(transaction, event_id, rule_id)
            _check_version(rule.version, version)
            if rule.status == RuleStatus.RETIRED:
                raise Conflict(
                    "A retired rule stays retired; make a new version of it.",
                    code="pricing-rule-retired",
                )
            if rule.status != RuleStatus.ACTIVE:
                await self._activate(transaction, rule, valid_from, actor)
        await self._live.settling.refresh_terms(event_id)
        return await self.rule(event_id, rule_id)

    async def _activate(
        self,
        transaction: Transaction,
        rule: RuleVersion,
        valid_from: datetime | None,
        actor: Actor,
    ) -> None:
        event_id, rule_id = rule.event_id, rule.rule_id
        if valid_from is None or valid_from <= datetime.now(UTC):
            await put_in_force(transaction, event_id, rule_id, rule.category_no, actor=actor)
            return
        await transaction.fetch("pricing.schedule_rule", event_id, rule_id, valid_from)
        details = {"rule_id": rule_id, "valid_from": valid_from.isoformat()}
        await note(transaction, event_id, "rule-scheduled", actor, details)

    async def retire(
        self, event_id: str, rule_id: str, *, version: int | None = None, actor: Actor
    ) -> RuleVersion:
        """Take a rule out of force, or give up a draft. The price stays where it is. Idempotent.

        Raises NotFound, PreconditionFailed.
        """
        if not await self._is_published(event_id):
            return await self._prepared.retire(event_id, rule_id, version=version)
        async with self._locked(event_id) as (transaction, _):
            rule = await _read_rule(transaction, event_id, rule_id)
            _check_version(rule.version, version)
            await transaction.fetch("pricing.lock_categories", event_id, [rule.category_no])
            await transaction.fetch("pricing.retire_rule", event_id, rule_id)
            await transaction.fetch("pricing.touch_event", event_id)
            if rule.status != RuleStatus.RETIRED:
                await note(transaction, event_id, "rule-retired", actor, {"rule_id": rule_id})
        await self._live.settling.refresh_terms(event_id)
        return await self.rule(event_id, rule_id)

    # Overrides

    async def override(
        self,
        event_id: str,
        category_no: int,
        wanted: Override,
        *,
        version: int | None = None,
        actor: Actor,
    ) -> CategoryState:
        """Override a price, so that it no longer follows its rule. Holds keep their quoted prices.

        Raises NotFound, Conflict, InvalidInput (``until`` is over), PreconditionFailed.
        """
        _check_moment("until", wanted.until)
        if wanted.until is not None and wanted.until <= datetime.now(UTC):
            raise InvalidInput("until: must be in the future.")
        details = {"amount_minor": wanted.amount_minor, "reason": wanted.reason}
        async with self._locked(event_id) as (transaction, _):
            await _check_control(transaction, event_id, category_no, version)
            await set_by_hand(
                transaction,
                event_id,
                {category_no: wanted.amount_minor},
                reason=wanted.reason,
                actor=actor,
            )
            await transaction.fetch(
                "pricing.set_control",
                event_id,
                category_no,
                "override",
                wanted.until,
                wanted.reason,
                actor.label,
            )
            await note(transaction, event_id, "price-overridden", actor, details)
        await self._live.settling.refresh_terms(event_id)
        return await self._category_state(event_id, category_no)

    async def freeze(
        self,
        event_id: str,
        category_no: int,
        reason: str,
        *,
        version: int | None = None,
        actor: Actor,
    ) -> CategoryState:
        """Keep a price where it is until it is released. Raises NotFound, Conflict, PreconditionFailed."""
        return await self._control(event_id, category_no, "frozen", reason, version, actor)

    async def release(
        self, event_id: str, category_no: int, *, version: int | None = None, actor: Actor
    ) -> CategoryState:
        """End an override or a freeze: the rule continues from the present price. Idempotent. Raises as ``freeze``."""
        return await self._control(event_id, category_no, None, "released", version, actor)

    async def _control(
        self,
        event_id: str,
        category_no: int,
        mode: str | None,
        reason: str,
        version: int | None,
        actor: Actor,
    ) -> CategoryState:
        async with self._locked(event_id) as (transaction, _):
            await _check_control(transaction, event_id, category_no, version)
            await transaction.fetch("pricing.lock_categories", event_id, [category_no])
            await transaction.fetch(
                "pricing.set_control", event_id, category_no, mode, None, reason, actor.label
            )
            action = "price-frozen" if mode else "price-released"
            details = {"category_no": category_no, "reason": reason}
            await note(transaction, event_id, action, actor, details)
        return await self._category_state(event_id, category_no)

    async def _category_state(self, event_id: str, category_no: int) -> CategoryState:
        return (await self.state(event_id)).categories[category_no]

    # Trying

    async def preview(
        self,
        event_id: str,
        category: str,
        *,
        rule: Rule | None = None,
        rule_id: str | None = None,
    ) -> Preview:
        """The decision of a rule now: the given one, a stored one, or the one in force.

        Raises InvalidInput, NotFound, Conflict (no rule at all), Unavailable.
        """
        terms = await self._terms(event_id)
        found = await self._category(event_id, category)
        rule = await self._rule_to_try(event_id, found, terms["currency"], rule, rule_id)
        seen = (await self._measuring.seen(event_id))[found["category_no"]]
        left_s = await self._measuring.left_s(event_id)
        (row,) = await self._pg.fetch("pricing.workload", event_id, found["category_no"])
        velocity = velocity_of(row, seen.taken, rule.half_life_s)
        signals = seen.signals(velocity, rule.half_life_s, left_s)
        return Preview(
            category_no=found["category_no"],
            category=category,
            price=Money(row["amount_minor"], terms["currency"]),
            signals=signals,
            decision=decide(rule, signals, current_of(row)),
        )

    async def _rule_to_try(
        self, event_id: str, category: Any, currency: str, rule: Rule | None, rule_id: str | None
    ) -> Rule:
        if rule is not None:
            return complete(rule, currency)
        if rule_id is not None:
            return (await self.rule(event_id, rule_id)).rule
        rows = await self._pg.fetch(
            "pricing.rules", event_id, category["category_no"], "active", None, 1
        )
        if not rows:
            raise Conflict(
                f"{category['name']} follows no rule; send a rule to try.", code="no-pricing-rule"
            )
        return msgspec.convert(rows[0]["rule"], Rule)

    async def simulate(self, event_id: str, request: SimulationRequest) -> Simulation:
        """Simulate a rule for this category on a synthetic or a recorded sale.

        Raises InvalidInput, NotFound, Conflict (no rule at all, nothing recorded), Unavailable.
        """
        terms = await self._terms(event_id)
        found = await self._category(event_id, request.category)
        rule = await self._rule_to_try(
            event_id, found, terms["currency"], request.rule, request.rule_id
        )
        market = await self.market(event_id, found["category_no"], request.curve, rule.base_minor)
        return await self.run(
            rule, market, currency=terms["currency"], fixed_minor=request.fixed_minor
        )

    async def simulate_set(self, event_id: str, request: SetSimulationRequest) -> SetSimulation:
        """Simulate a whole rule set for the event on a synthetic or a recorded sale.

        Raises InvalidInput, NotFound, Conflict (nothing recorded), Unavailable.
        """
        terms = await self._terms(event_id)
        for category in request.rules:
            await self._category(event_id, category)
        places = await self._pg.fetch("pricing.places", event_id)
        capacity = {row["category_no"]: row["capacity"] for row in places}
        in_force = await self._pg.fetch("pricing.rules", event_id, None, "active", None, 1000)
        rules = {row["category_no"]: msgspec.convert(row["rule"], Rule) for row in in_force}
        whole = request.curve
        if isinstance(whole, Synthetic) and whole.days is None:
            # The same length for each, to the millisecond.
            left_s = await self._measuring.left_s(event_id)
            whole = msgspec.structs.replace(whole, days=max(1.0, left_s / DAY_S))
        states = await self._pg.fetch("pricing.states", event_id)
        parts = []
        # Categories that have places.
        for row in [row for row in states if capacity[row["category_no"]]] or states:
            name, number = row["name"], row["category_no"]
            rule = rules.get(number)
            if name in request.rules:
                rule = complete(request.rules[name], terms["currency"])
            price = rule.base_minor if rule else row["amount_minor"]
            share = capacity[number] / max(1, sum(capacity.values()))
            curve = await self._curve_of(event_id, whole, name, number, share)
            market = await self.market(event_id, number, curve, price)
            parts.append(Part(category=name, rule=rule, market=market, fixed_minor=price))
        async with self._simulating:
            return await asyncio.to_thread(simulate_set, parts, currency=terms["currency"])

    async def _curve_of(
        self, event_id: str, curve: Curve, name: str, number: int, share: float
    ) -> Curve:
        """One category's part of a common curve: its places, its own random numbers, and its own sales if
        that event sold such a category.
        """
        match curve:
            case Synthetic():
                seats = None if curve.seats is None else max(1, round(curve.seats * share))
                return msgspec.structs.replace(curve, seats=seats, seed=curve.seed + number)
            case Recorded():
                source = (curve.event_id or event_id).lower()
                sold = {row["name"] for row in await self._pg.fetch("pricing.states", source)}
                return msgspec.structs.replace(curve, category=name if name in sold else None)

    async def run(
        self, rule: Rule, market: Market, *, currency: str, fixed_minor: int | None = None
    ) -> Simulation:
        """``simulate`` in a thread, one at a time, because it would block the loop."""
        async with self._simulating:
            return await asyncio.to_thread(
                simulate, rule, market, currency=currency, fixed_minor=fixed_minor
            )

    async def market(
        self, event_id: str, category_no: int, curve: Curve, base_minor: int
    ) -> Market:
        """The market of a simulation; ``base_minor`` is the price that its demand refers to.

        Raises NotFound, InvalidInput, Conflict (nothing recorded).
        """
        places = await self._pg.fetch("pricing.places", event_id)
        seats = next(row["capacity"] for row in places if row["category_no"] == category_no) or 1
        match curve:
            case Synthetic():
                left_s = await self._measuring.left_s(event_id)
                return SyntheticMarket(
                    curve,
                    seats=curve.seats or seats,
                    days=curve.days or max(1.0, left_s / DAY_S),
                    base_minor=base_minor,
                )
            case Recorded():
                return await self._recorded(event_id, curve, seats, base_minor)

    async def _recorded(
        self, event_id: str, curve: Recorded, seats: int, base_minor: int
    ) -> RecordedMarket:
        source = (curve.event_id or event_id).lower()
        await self._terms(source)
        category_no = (
            (await self._category(source, curve.category))["category_no"]
            if curve.category
            else None
        )
        rows = await self._pg.fetch("pricing.sales", source, category_no)
        if not rows and not await self._pg.fetch("pricing.sales", source, None):
            raise Conflict(
                "There are no recorded sales to replay; try a synthetic curve.",
                code="nothing-recorded",
            )
        published = await self._pg.fetchval("pricing.published_at", source)
        starts_at = (await self._catalog.event(source)).starts_at
        whole_s = max(3600.0, (starts_at - published).total_seconds())
        places = await self._pg.fetch("pricing.places", source)
        capacity = sum(
            row["capacity"] for row in places if category_no in (None, row["category_no"])
        )
        sales = [
            Sale(
                min(1.0, max(0.0, (row["at"] - published).total_seconds() / whole_s)),
                row["places"],
                round(base_minor * row["price_share"]),
            )
            for row in rows
        ]
        return RecordedMarket(
            sales,
            seats=seats,
            days=whole_s / DAY_S,
            scale=seats / max(1, capacity),
            elasticity=curve.elasticity,
        )


async def _names(reader: Postgres | Transaction, event_id: str) -> dict[int, str]:
    rows = await reader.fetch("inventory.prices", event_id)
    return {row["category_no"]: row["name"] for row in rows}


async def _read_rule(reader: Postgres | Transaction, event_id: str, rule_id: str) -> RuleVersion:
    row = await reader.fetchrow("pricing.rule", event_id, rule_id)
    if row is None:
        raise NotFound(f"There is no rule {rule_id} of this event.", code="pricing-rule-not-found")
    return _rule_version(event_id, await _names(reader, event_id), row)


async def _check_control(
    transaction: Transaction, event_id: str, category_no: int, version: int | None
) -> None:
    rows = await transaction.fetch("pricing.states", event_id)
    known = {row["category_no"]: row["version"] for row in rows}
    if category_no not in known:
        raise NotFound(
            f"The event has no category {category_no}; they are numbered from 0 to {len(rows) - 1}.",
            code="category-not-found",
        )
    _check_version(known[category_no], version)


def _check_moment(name: str, moment: datetime | None) -> None:
    # Near the first and last year a conversion between zones would overflow.
    if moment is not None and not 1970 < moment.year < 9999:
        raise InvalidInput(f"{name}: the year is out of range.")


def _check_version(current: int, wanted: int | None) -> None:
    if wanted is not None and wanted != current:
        raise stale_version(current)


def _either(wanted: bool | None, known: bool) -> bool:
    return known if wanted is None else wanted


def _rule_version(event_id: str, names: dict[int, str], row: Any) -> RuleVersion:
    return RuleVersion(
        rule_id=str(row["rule_id"]),
        event_id=event_id,
        category_no=row["category_no"],
        category=names[row["category_no"]],
        rule_no=row["rule_no"],
        status=RuleStatus(row["status"]),
        rule=msgspec.convert(row["rule"], Rule),
        note=row["note"],
        made_by=row["made_by"],
        made_at=row["made_at"],
        valid_from=row["valid_from"],
        activated_at=row["activated_at"],
        retired_at=row["retired_at"],
        version=row["version"],
    )


def _category_state(row: Any, currency: str, rule: RuleVersion | None) -> CategoryState:
    controlled = row["mode"] is not None
    return CategoryState(
        category_no=row["category_no"],
        category=row["name"],
        price=Money(row["amount_minor"], currency),
        mode=row["mode"] or ("rule" if rule else "fixed"),
        rule=rule,
        scheduled_for=row["scheduled_for"],
        until=row["until"] if controlled else None,
        reason=row["reason"] if controlled else None,
        actor=row["actor"] if controlled else None,
        version=row["version"],
    )
