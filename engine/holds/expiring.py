"""A worker's steps for holds that have expired or are about to."""

from collections.abc import Awaitable, Callable

import structlog

from engine.base.errors import Unavailable
from engine.base.schedule import Visits
from engine.base.step import Step, each
from engine.holds.holds import Holds
from engine.live.live import Live

log = structlog.get_logger(__name__)

#: Settles an expired hold of an event that is in payment, or an expired offer.
Settle = Callable[[str, str], Awaitable[None]]


class Expiring:
    """``settle_paying`` and ``settle_offered`` come from the packages above, which know payments and offers."""

    def __init__(
        self,
        holds: Holds,
        live: Live,
        *,
        settle_paying: Settle,
        settle_offered: Settle,
        tick_s: float,
    ) -> None:
        self._holds = holds
        self._live = live
        self._settle_paying = settle_paying
        self._settle_offered = settle_offered
        self._tick_s = tick_s
        self._deadlines = Visits()

    def steps(self) -> list[Step]:
        return [
            Step("expire-holds", self._tick_s, self.run_once),
            Step("warn-holds", 1.0, self.warn),
        ]

    async def run_once(self) -> int:
        """Free expired holds in the open events that may have some. Returns how many."""
        due = self._deadlines.due(await self._live.reading.open_events())
        return sum(await each(due, self.expire))

    async def expire(self, event_id: str) -> int:
        """Free expired holds of one event, now."""
        expired = await self._holds.expire(event_id)
        due = [(self._settle_paying, hold_id) for hold_id in expired.paying]
        due += [(self._settle_offered, offer_id) for offer_id in expired.offered]
        for settle, hold_id in due:
            try:
                await settle(event_id, hold_id)
            except Unavailable:
                raise
            except Exception:
                # One hold that cannot be settled must not stop the others.
                log.exception("hold not settled", event_id=event_id, hold_id=hold_id)
        self._deadlines.again(event_id, expired.next_s)
        return expired.freed

    async def warn(self) -> int:
        """Warn buyers whose holds are about to end. Returns the number of events that may have more."""
        return sum(await each(await self._live.reading.open_events(), self._holds.warn))
