"""The worker's side: categories with a rule are measured, decided, written and published.

Any number of workers may run it. One worker takes an event per turn. A category's row decides between a
rule and an organiser's override, by its version and its lock: the later writer gives up and reads again
next time.
"""

from typing import Any

import msgspec
import structlog

from engine.base import metrics
from engine.base.actor import SCHEDULE
from engine.base.errors import Contended, Unavailable
from engine.base.step import Step
from engine.live.live import Live
from engine.pricing.applying import put_in_force
from engine.pricing.decision import Current, Decision, Signals, decide
from engine.pricing.measuring import CategoryView, Measuring
from engine.pricing.rule import Rule
from engine.pricing.velocity import Velocity
from engine.stores.postgres import Postgres

log = structlog.get_logger(__name__)


class Repricer:
    def __init__(
        self, postgres: Postgres, live: Live, measuring: Measuring, *, interval_s: float
    ) -> None:
        self._pg = postgres
        self._live = live
        self._measuring = measuring
        self._interval_s = interval_s

    def steps(self) -> list[Step]:
        # More often than any event is due, so that no event waits long for a worker.
        return [Step("reprice", min(1.0, self._interval_s), self.run_once)]

    async def run_once(self) -> int:
        """Put due rules in force, and apply the rules in force.

        Returns how many prices changed. Raises Unavailable.
        """
        await self._bring_into_force()
        await self._pg.fetch("pricing.end_overrides")
        changed = 0
        for turn in await self._pg.fetch("pricing.take_turn", self._interval_s):
            metrics.REPRICE_LATENESS.observe(max(0.0, turn["late_s"]))
            try:
                changed += await self.reprice(turn["event_id"])
            except Contended:
                log.info("event repriced later: it is stuck", event_id=turn["event_id"])
            except Unavailable:
                raise
            except Exception:
                # One event that cannot be priced must not stop the others.
                log.exception("event not repriced", event_id=turn["event_id"])
        return changed

    async def _bring_into_force(self) -> None:
        for due in await self._pg.fetch("pricing.due_rules"):
            try:
                await self._bring_one_into_force(
                    due["event_id"], due["rule_id"], due["category_no"]
                )
            except Contended:
                log.info("rule in force later: its event is stuck", event_id=due["event_id"])

    async def _bring_one_into_force(self, event_id: str, rule_id: str, category_no: int) -> None:
        async with self._pg.transaction(event_id=event_id) as transaction:
            await transaction.fetch("pricing.lock", event_id)
            row = await transaction.fetchrow("pricing.still_due", event_id, rule_id)
            if row is None or not row[0]:
                return
            await put_in_force(transaction, event_id, rule_id, category_no, actor=SCHEDULE)
        await self._live.settling.refresh_terms(event_id)

    async def reprice(self, event_id: str) -> int:
        """Reprice every category of the event that follows a rule. Returns how many prices changed.

        Raises NotFound, Unavailable.
        """
        seen = await self._measuring.seen(event_id)
        left_s = await self._measuring.left_s(event_id)
        changed = 0
        for row in await self._pg.fetch("pricing.workload", event_id, None):
            changed += await self._reprice_category(event_id, row, seen[row["category_no"]], left_s)
        if changed:
            await self._live.settling.refresh_terms(event_id)
        return changed

    async def _reprice_category(
        self, event_id: str, row: Any, seen: CategoryView, left_s: float
    ) -> int:
        rule = msgspec.convert(row["rule"], Rule)
        velocity = velocity_of(row, seen.taken, rule.half_life_s)
        counted = await self._pg.fetchval(
            "pricing.note_velocity",
            event_id,
            row["category_no"],
            seen.taken,
            velocity.places,
            velocity.days,
            row["now"],
            row["measured_at"],
            event_id=event_id,
        )
        if not counted:
            # Another worker has counted these sales already, and decides.
            return 0
        if row["mode"] is not None:
            metrics.PRICE_DECISIONS.labels("controlled").inc()
            return 0
        signals = seen.signals(velocity, rule.half_life_s, left_s)
        decision = decide(rule, signals, current_of(row))
        metrics.PRICE_DECISIONS.labels(decision.why).inc()
        if decision.price_minor == row["amount_minor"]:
            return 0
        return int(await self._apply(event_id, row, signals, decision))

    async def _apply(self, event_id: str, row: Any, signals: Signals, decision: Decision) -> bool:
        """Write a decision, unless the price, the rule or an override changed meanwhile."""
        category_no = row["category_no"]
        inputs = {
            "rule_id": row["rule_id"],
            "rule_no": row["rule_no"],
            "why": decision.why,
            "signals": msgspec.to_builtins(signals),
            "factors": msgspec.to_builtins(decision.factors),
        }
        async with self._pg.transaction(event_id=event_id) as transaction:
            await transaction.fetch("pricing.lock_categories", event_id, [category_no])
            allowed = await transaction.fetchrow(
                "pricing.may_follow", event_id, category_no, row["rule_id"]
            )
            written = (
                await transaction.fetchrow(
                    "inventory.set_price",
                    event_id,
                    category_no,
                    row["version"],
                    decision.price_minor,
                    decision.reason,
                    f"pricing:{row['rule_no']}",
                    inputs,
                )
                if allowed is not None and allowed[0]
                else None
            )
        if written is None:
            return False
        metrics.PRICE_CHANGES.labels("rule").inc()
        log.info(
            "price changed",
            event_id=event_id,
            category=row["name"],
            old_minor=row["amount_minor"],
            new_minor=decision.price_minor,
            reason=decision.reason,
        )
        return True


def velocity_of(row: Any, taken: int, half_life_s: float) -> Velocity:
    """A category's velocity, brought up to now. ``row``: of ``pricing.workload``."""
    if row["measured_at"] is None:
        return Velocity()
    known = Velocity(places=row["places"], days=row["days"])
    elapsed_s = (row["now"] - row["measured_at"]).total_seconds()
    return known.after(taken - row["known_taken"], elapsed_s, half_life_s)


def current_of(row: Any) -> Current:
    """A category's present price. ``row``: of ``pricing.workload``."""
    return Current(
        price_minor=row["amount_minor"], changed_s=row["changed_s"], direction=row["direction"]
    )
