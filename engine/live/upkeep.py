"""A worker's steps that keep every open event's state in Redis true, whatever happened to the stores."""

import time
from typing import Final

import structlog

from engine.base import metrics
from engine.base.errors import Contended, NotFound, Unavailable
from engine.base.step import Step, each
from engine.catalog.catalog import Catalog
from engine.live import keys
from engine.live.healing import rebuild_all
from engine.live.reading import Reading
from engine.live.rebuilding import Rebuilding
from engine.live.reconciling import Reconciling
from engine.stores.generation import Generation, Verdict
from engine.stores.lease import alone
from engine.stores.redis import RedisStore

log = structlog.get_logger(__name__)

#: Layouts kept in memory; one of 20,000 seats takes some megabytes.
LAYOUTS_KNOWN: Final = 50
_NETWORKS_WATCHED_S: Final = 10.0
#: How long one worker's check of all open events counts for all workers.
_CHECK_LEASE_MS: Final = 800
#: A check is followed by a pause this many times as long, so that Redis is free for most of the time.
_CHECK_REST: Final = 20
_CHECKED_AT_ONCE: Final = 10


class Upkeep:
    """``reconcile_interval_s``: how often each open event is compared with PostgreSQL."""

    def __init__(
        self,
        *,
        redis: RedisStore,
        generation: Generation,
        catalog: Catalog,
        reading: Reading,
        rebuilding: Rebuilding,
        reconciling: Reconciling,
        reconcile_interval_s: float,
    ) -> None:
        self._catalog = catalog
        self._reading = reading
        self._rebuilding = rebuilding
        self._reconciling = reconciling
        self._redis = redis
        self._generation = generation
        self._reconcile_interval_s = reconcile_interval_s
        self._check_due = 0.0

    def steps(self) -> list[Step]:
        return [
            Step("reconcile", self._reconcile_interval_s, self.reconcile),
            Step("check-states", 1.0, self.check_states),
            Step("watch-stores", 1.0, self.watch_stores),
            Step("watch-networks", _NETWORKS_WATCHED_S, self.watch_networks),
            Step("know-layouts", 1.0, self.know_layouts),
        ]

    async def reconcile(self) -> int:
        """Compare Redis with PostgreSQL for every open event and correct Redis. Returns 0."""
        lease_ms = max(1, int(self._reconcile_interval_s * 900))
        for event_id in await self._reading.open_events():
            # One worker per event and turn is enough; two would only be slower. So the key is not a lease, and
            # need not last as long as the work. The same holds for check_states.
            if await self._redis.call("SET", keys.reconciling(event_id), "1", "NX", "PX", lease_ms):
                await self._reconcile_one(event_id)
        return 0

    async def _reconcile_one(self, event_id: str) -> None:
        try:
            corrected = await self._reconciling.reconcile(event_id)
        except Contended:
            log.info("event reconciled later: it is stuck", event_id=event_id)
            return
        if corrected:
            log.warning("reconciliation corrected Redis", event_id=event_id, facts=corrected)

    async def check_states(self) -> int:
        """Rebuild damaged states of open events in Redis. Returns 0: there is no more."""
        if time.monotonic() < self._check_due:
            return 0
        if not await self._redis.call("SET", keys.CHECKING, "1", "NX", "PX", _CHECK_LEASE_MS):
            return 0
        started = time.monotonic()
        open_events = await self._reading.open_events()
        for at in range(0, len(open_events), _CHECKED_AT_ONCE):
            await each(open_events[at : at + _CHECKED_AT_ONCE], self._check_state)
        now = time.monotonic()
        self._check_due = now + _CHECK_REST * (now - started)
        return 0

    async def _check_state(self, event_id: str) -> None:
        try:
            await self._rebuilding.heal(event_id)
        except Contended:
            log.info("event checked later: it is stuck", event_id=event_id)
        except (NotFound, Unavailable):
            raise
        except Exception:
            # One event that cannot be checked must not stop the others.
            log.exception("state not checked", event_id=event_id)

    async def watch_stores(self) -> int:
        """Correct the events when PostgreSQL or Redis was replaced, or came back with another history."""
        if await self._generation.look() != Verdict.SAME:
            await alone(self._redis, keys.WATCHING, self._put_right)
        return 0

    async def _put_right(self) -> None:
        # Another worker may have done it between our check and our lease.
        verdict = await self._generation.look()
        if verdict == Verdict.SAME:
            return
        log.warning("a store was replaced or restored", verdict=verdict.value)
        if verdict == Verdict.RESTARTED:
            await self._compare_all()
        else:
            await rebuild_all(self._reading, self._rebuilding, "generation")
        await self._generation.accept()

    async def _compare_all(self) -> None:
        for event_id in await self._reading.open_events():
            try:
                await self._reconcile_one(event_id)
            except (NotFound, Unavailable):
                raise
            except Exception:
                log.exception("state not compared", event_id=event_id)

    async def watch_networks(self) -> int:
        """Export the largest share of a house that one network holds unpaid. Returns 0."""
        shares = await each(await self._reading.open_events(), self._reading.network_share)
        metrics.NETWORK_SHARE_MAX.set(max(shares, default=0))
        return 0

    async def know_layouts(self) -> int:
        """Keep the layouts of events on sale in memory: finishing a sale must not need MongoDB."""
        open_events = await self._reading.open_events()
        await each(open_events[:LAYOUTS_KNOWN], self._catalog.facts)
        return 0
