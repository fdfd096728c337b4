"""Audits of open events, one event after the other, by one worker at a time."""

import random
import struct
import time
from collections import Counter
from typing import Final

import structlog

from engine.audit.auditor import Violation, audit
from engine.base import metrics
from engine.base.config import Settings
from engine.base.errors import NotFound
from engine.base.invariants import Invariant
from engine.base.step import Step
from engine.live import keys
from engine.live.live import Live
from engine.stores.postgres import Postgres
from engine.stores.redis import RedisStore

log = structlog.get_logger(__name__)

#: Audit at most this many live holds per round, a different part each time: reading 1,000 keeps Redis
#: for 25 ms.
AUDITED_HOLDS_MAX: Final = 2000
#: An audit is followed by a rest this many times as long.
_AUDIT_REST: Final = 50
#: One cause often breaks a thousand rows.
_VIOLATIONS_LOGGED_MAX: Final = 20


class Auditing:
    """What an audit reads, and which open events have not been audited in the present turn."""

    def __init__(
        self, postgres: Postgres, redis: RedisStore, live: Live, settings: Settings
    ) -> None:
        self.postgres = postgres
        self.live = live
        self.settings = settings
        self._redis = redis
        self._unaudited: list[str] = []
        #: Not at once: right after a start there is more urgent work.
        self._due = time.monotonic() + settings.audit_interval_s

    def steps(self) -> list[Step]:
        return [Step("audit", self.settings.audit_interval_s, self.run_once)]

    async def run_once(self) -> int:
        """Run ``audit_next`` when it is due and no other worker runs it. Returns 0."""
        if time.monotonic() < self._due:
            return 0
        lease_ms = max(1, int(self.settings.audit_interval_s * 900))
        # Two audits at once do no harm, so a plain key is enough; no lease is needed.
        if await self._redis.call("SET", keys.AUDITING, "1", "NX", "PX", lease_ms):
            started = time.monotonic()
            await self.audit_next()
            now = time.monotonic()
            self._due = now + _AUDIT_REST * (now - started)
        return 0

    async def audit_next(self) -> list[Violation]:
        """Audit one open event, a different one each time; count and log the violations."""
        open_events = set(await self.live.reading.open_events())
        self._unaudited = [e for e in self._unaudited if e in open_events] or list(open_events)
        if not self._unaudited:
            return []
        # In random order, so that several workers do not audit the same events.
        event_id = self._unaudited.pop(random.randrange(len(self._unaudited)))  # noqa: S311 - no secret
        holds = await self._redis.call("ZCARD", keys.part_key(event_id, "due"))
        part = _any_part(holds) if holds > AUDITED_HOLDS_MAX else None
        try:
            with metrics.AUDIT_SECONDS.time():
                # A buyer who exceeded the limit before it was lowered is not a violation.
                violations = await audit(self, event_id, limits_fixed=False, part=part)
        except NotFound:
            return []  # closed meanwhile
        except (ValueError, LookupError, struct.error):
            # The event's state could not be read.
            if not await self.live.rebuilding.heal(event_id):
                raise
            return []
        _report(event_id, violations, in_part=part is not None)
        if any(violation.invariant == Invariant.COUNTED_ONCE for violation in violations):
            await self.live.rebuilding.distrust(event_id, "invariant")
        return violations


def _any_part(holds: int) -> tuple[int, int]:
    """The first and the last rank of a random part: ``AUDITED_HOLDS_MAX`` of ``holds``."""
    first = random.randint(0, holds - AUDITED_HOLDS_MAX)  # noqa: S311 - no secret
    return first, first + AUDITED_HOLDS_MAX - 1


def _report(event_id: str, violations: list[Violation], *, in_part: bool) -> None:
    outcome = "clean-in-part" if in_part else "clean"
    metrics.AUDITS.labels("violated" if violations else outcome).inc()
    for invariant, count in Counter(v.invariant for v in violations).items():
        metrics.INVARIANT_VIOLATIONS.labels(str(invariant)).inc(count)
    for violation in violations[:_VIOLATIONS_LOGGED_MAX]:
        log.error(
            "invariant violated",
            event_id=event_id,
            invariant=violation.invariant,
            what=violation.what,
            facts=violation.facts,
        )
