"""The worker: what must happen though nobody asks for it.

Each step has ``run_once``, does one round and returns how much it found to do; any number of workers
may run any step at the same time. Steps fail alone: one that raises is logged, counted, and tried
again at its next turn.
"""

import asyncio
import random
import struct
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from engine.audit.auditor import Violation, audit
from engine.base import metrics
from engine.base.config import Settings
from engine.base.each import each as _each
from engine.base.errors import Contended, FrontrowError, NotFound, Unavailable
from engine.base.invariants import Invariant
from engine.base.schedule import Visits
from engine.base.shutdown import FINISH_TIMEOUT_S
from engine.live import keys
from engine.live.healing import rebuild_all
from engine.live.live import Live
from engine.runtime import Runtime
from engine.stores.generation import Verdict
from engine.stores.lease import alone
from engine.stores.postgres import Postgres
from engine.worker.step import Step

log = structlog.get_logger(__name__)

#: Layouts kept at hand; one of 20,000 seats takes some megabytes.
LAYOUTS_KNOWN = 50
#: Of more live holds than these only so many are audited, others each time: reading 1,000 keeps Redis for 25 ms.
AUDITED_HOLDS_MAX = 2000
#: How often it is looked at how much one network holds.
_NETWORKS_WATCHED_S = 10.0
#: An audit is followed by a rest this many times as long.
_AUDIT_REST = 50
#: One worker's check of all open events is enough for a while, and takes Redis for some of its time only:
#: one event takes less of it in one go than an audit of ``AUDITED_HOLDS_MAX`` holds does.
_CHECK_LEASE_MS = 800
_CHECK_REST = 20
_CHECKED_AT_ONCE = 10
#: What is broken once is often broken a thousand times.
_VIOLATIONS_TOLD_MAX = 20


def _any_part(holds: int) -> tuple[int, int]:
    """The first and the last of ``AUDITED_HOLDS_MAX`` ranks among so many."""
    first = random.randint(0, holds - AUDITED_HOLDS_MAX)  # noqa: S311 - no secret
    return first, first + AUDITED_HOLDS_MAX - 1


@dataclass(frozen=True, kw_only=True)
class _Audited:
    """The rooms that an audit looks into."""

    live: Live
    postgres: Postgres
    settings: Settings


class Worker:
    def __init__(self, runtime: Runtime) -> None:
        settings = runtime.settings
        self._generation = runtime.generation
        self._offers = runtime.offers
        self._rounds = runtime.rounds
        self._desk = runtime.desk
        self._pg = runtime.worker_postgres
        self._redis = runtime.redis_store
        self._live = runtime.live
        self._holds = runtime.holds
        self._sales = runtime.sales
        self._catalog = runtime.catalog
        self._settings = settings
        self._deadlines = Visits()
        tick = settings.worker_tick_s
        #: Open events that this worker has not audited in this turn through all of them.
        self._unaudited: list[str] = []
        self._check_due = 0.0
        #: Not as the first thing: right after a start there is more urgent work.
        self._audit_due = time.monotonic() + settings.audit_interval_s
        self.steps = {
            step.name: step
            for step in (
                Step("expire-holds", tick, self.expire_holds),
                Step("warn-holds", 1.0, self.warn_holds),
                Step("serve-waitlists", tick, self.serve_waitlists),
                Step("lapse-offers", tick, self.lapse_offers),
                Step("warn-offers", 1.0, self.warn_offers),
                # More often than any event's turn comes: no turn waits long for its worker.
                Step("reprice", min(1.0, settings.reprice_interval_s), runtime.repricer.run_once),
                *(Step(*step) for step in runtime.sales.steps()),
                Step("reconcile", settings.reconcile_interval_s, self.reconcile),
                Step("check-states", 1.0, self.check_states),
                Step("watch-stores", 1.0, self.watch_stores),
                Step("audit", settings.audit_interval_s, self.audit_in_turn),
                Step("cancel-events", 1.0, self.cancel_events),
                Step("watch-networks", _NETWORKS_WATCHED_S, self.watch_networks),
                Step("know-layouts", 1.0, self.know_layouts),
                Step("forget-keys", 600.0, self.forget_keys),
                *(Step(*step) for step in runtime.notifications.steps()),
            )
        }

    async def run(self, stopping: asyncio.Event) -> None:
        """Run every step until ``stopping`` is set, then let the rounds under way end, in
        ``FINISH_TIMEOUT_S`` at most: what is cut off, another worker finishes."""
        try:
            async with asyncio.timeout(None) as patience:
                await self._run_steps(stopping, patience)
        except TimeoutError:
            log.warning("rounds under way are cut off", after_s=FINISH_TIMEOUT_S)

    async def _run_steps(self, stopping: asyncio.Event, patience: asyncio.Timeout) -> None:
        async with asyncio.TaskGroup() as group:
            for step in self.steps.values():
                group.create_task(step.loop(stopping), name=step.name)
            hearing = group.create_task(
                self._rounds.hear(self.steps["serve-waitlists"].wake.set, stopping), name="hear"
            )
            await stopping.wait()
            patience.reschedule(asyncio.get_running_loop().time() + FINISH_TIMEOUT_S)
            hearing.cancel()
            for step in self.steps.values():
                step.wake.set()

    async def expire_holds(self) -> int:
        """Free holds whose time is over, in the open events where it may be. Returns how many."""
        due = self._deadlines.due(await self._live.reading.open_events())
        return sum(await _each(due, self._expire_event))

    async def _expire_event(self, event_id: str) -> int:
        expired = await self._holds.expire(event_id)
        due: list[tuple[Callable[[str, str], Awaitable[None]], str]] = []
        due += [(self._sales.late_settling.settle_hold, hold_id) for hold_id in expired.paying]
        due += [(self._offers.settle, offer_id) for offer_id in expired.offered]
        for settle, hold_id in due:
            try:
                await settle(event_id, hold_id)
            except Unavailable:
                raise
            except Exception:
                # One hold that cannot be settled must not keep its neighbours.
                log.exception("hold not settled", event_id=event_id, hold_id=hold_id)
        self._deadlines.again(event_id, expired.next_s)
        return expired.freed

    async def serve_waitlists(self) -> int:
        """Offer what came back to those who wait. Returns how many offers were made."""
        return sum(await _each(await self._rounds.due(), self._rounds.serve))

    async def lapse_offers(self) -> int:
        """End offers whose time is over; what they kept goes to the next in line."""
        return await self._offers.lapse()

    async def warn_offers(self) -> int:
        """Tell people whose offers are about to end."""
        return await self._offers.warn()

    async def warn_holds(self) -> int:
        """Tell buyers whose holds are about to end. Returns in how many events there may be more."""
        return sum(await _each(await self._live.reading.open_events(), self._holds.warn))

    async def reconcile(self) -> int:
        """Compare Redis with PostgreSQL for every open event and correct Redis."""
        lease_ms = max(1, int(self._settings.reconcile_interval_s * 900))
        for event_id in await self._live.reading.open_events():
            # One worker per event and turn is enough; two would only be slower. So the key is no lease, and
            # need not last as long as the work: nor need those of check_states and audit_in_turn.
            if await self._redis.call("SET", keys.reconciling(event_id), "1", "NX", "PX", lease_ms):
                await self._reconcile_one(event_id)
        return 0

    async def _reconcile_one(self, event_id: str) -> None:
        try:
            corrected = await self._live.reconciling.reconcile(event_id)
        except Contended:
            log.info("event reconciled later: it is stuck", event_id=event_id)
            return
        if corrected:
            log.warning("reconciliation corrected Redis", event_id=event_id, facts=corrected)

    def _stuck_events(self) -> list[str]:
        return list(self._pg.bulkhead.stuck)

    async def check_states(self) -> int:
        """Rebuild what is damaged of the open events' states in Redis. Returns 0: there is no more."""
        if time.monotonic() < self._check_due:
            return 0
        if not await self._redis.call("SET", keys.CHECKING, "1", "NX", "PX", _CHECK_LEASE_MS):
            return 0
        started = time.monotonic()
        open_events = await self._live.reading.open_events()
        for at in range(0, len(open_events), _CHECKED_AT_ONCE):
            await _each(open_events[at : at + _CHECKED_AT_ONCE], self._check_state)
        now = time.monotonic()
        self._check_due = now + _CHECK_REST * (now - started)
        return 0

    async def watch_stores(self) -> int:
        """Put the events right where PostgreSQL or Redis came back as another one, or with another past."""
        if await self._generation.look() != Verdict.SAME:
            await alone(self._redis, keys.WATCHING, self._put_right)
        return 0

    async def _put_right(self) -> None:
        # Another worker may have done it between our look and our lease.
        verdict = await self._generation.look()
        if verdict == Verdict.SAME:
            return
        log.warning("a store is not what it was", verdict=verdict.value)
        if verdict == Verdict.RESTARTED:
            await self._compare_all()
        else:
            await rebuild_all(self._live, "generation")
        await self._generation.accept()

    async def _compare_all(self) -> None:
        for event_id in await self._live.reading.open_events():
            try:
                await self._reconcile_one(event_id)
            except (NotFound, Unavailable):
                raise
            except Exception:
                log.exception("state not compared", event_id=event_id)

    async def _check_state(self, event_id: str) -> None:
        try:
            await self._live.rebuilding.heal(event_id)
        except Contended:
            log.info("event checked later: it is stuck", event_id=event_id)
        except (NotFound, Unavailable):
            raise
        except Exception:
            # One event that cannot be checked must not keep its neighbours.
            log.exception("state not checked", event_id=event_id)

    async def audit_in_turn(self) -> int:
        """``audit_event``, at its time and where no other worker does it. Returns 0."""
        if time.monotonic() < self._audit_due:
            return 0
        lease_ms = max(1, int(self._settings.audit_interval_s * 900))
        if await self._redis.call("SET", keys.AUDITING, "1", "NX", "PX", lease_ms):
            started = time.monotonic()
            await self.audit_event()
            now = time.monotonic()
            self._audit_due = now + _AUDIT_REST * (now - started)
        return 0

    async def audit_event(self) -> list[Violation]:
        """Audit one open event, another one each time; count and log what is broken."""
        open_events = set(await self._live.reading.open_events())
        self._unaudited = [e for e in self._unaudited if e in open_events] or list(open_events)
        if not self._unaudited:
            return []
        # In no order: several workers do not walk in step.
        event_id = self._unaudited.pop(random.randrange(len(self._unaudited)))  # noqa: S311 - no secret
        holds = await self._redis.call("ZCARD", keys.part_key(event_id, "due"))
        part = _any_part(holds) if holds > AUDITED_HOLDS_MAX else None
        rooms = _Audited(live=self._live, postgres=self._pg, settings=self._settings)
        try:
            with metrics.AUDIT_SECONDS.time():
                # Who owned more than a limit before an organiser lowered it has broken nothing.
                violations = await audit(rooms, event_id, limits_fixed=False, part=part)
        except NotFound:
            return []  # closed meanwhile
        except (ValueError, LookupError, struct.error):
            # It could not even be read.
            if not await self._live.rebuilding.heal(event_id):
                raise
            return []
        outcome = "clean" if part is None else "clean-in-part"
        metrics.AUDITS.labels("violated" if violations else outcome).inc()
        for invariant, count in Counter(v.invariant for v in violations).items():
            metrics.INVARIANT_VIOLATIONS.labels(str(invariant)).inc(count)
        for violation in violations[:_VIOLATIONS_TOLD_MAX]:
            log.error(
                "invariant violated",
                event_id=event_id,
                invariant=violation.invariant.value,
                what=violation.what,
                facts=violation.facts,
            )
        # The one that a state of Redis's breaks.
        if any(violation.invariant == Invariant.COUNTED_ONCE for violation in violations):
            await self._live.rebuilding.distrust(event_id, "invariant")
        return violations

    async def cancel_events(self) -> int:
        """Cancel and refund what was sold of events that are cancelled, and send home who waits."""
        stuck = self._stuck_events()
        for row in await self._pg.fetch("waitlist.lines_of_cancelled_events", stuck):
            await self._dismiss_line(row["event_id"])
        stuck = self._stuck_events()
        rows = await self._pg.fetch("bookings.live_bookings_of_cancelled_events", 100, stuck)
        cancelled = 0
        for row in rows:
            if row["event_id"] in self._pg.bulkhead.stuck:
                continue  # It has just been found out; the others go on.
            try:
                await self._sales.cancelling.cancel(
                    row["booking_id"], actor="organiser", at_any_time=True
                )
                cancelled += 1
            except FrontrowError as error:
                log.warning(
                    "booking not cancelled yet", booking_id=row["booking_id"], reason=error.detail
                )
        return cancelled

    async def _dismiss_line(self, event_id: str) -> None:
        try:
            await self._desk.dismiss(event_id, reason="The event is cancelled.", actor="organiser")
        except Contended:
            log.info("line dismissed later: its event is stuck", event_id=event_id)

    async def watch_networks(self) -> int:
        """Export the largest share of a house that one network keeps without having paid."""
        shares = await _each(
            await self._live.reading.open_events(), self._live.reading.network_share
        )
        metrics.NETWORK_SHARE_MAX.set(max(shares, default=0))
        return 0

    async def know_layouts(self) -> int:
        """Have the layouts of what is on sale in memory: finishing a sale must not need MongoDB."""
        await _each((await self._live.reading.open_events())[:LAYOUTS_KNOWN], self._catalog.facts)
        return 0

    async def forget_keys(self) -> int:
        await self._pg.fetch("bookings.forget_old_keys")
        await self._pg.fetch("people.forget_sessions")
        return 0
