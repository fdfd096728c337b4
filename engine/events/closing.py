"""A worker's step after an event was cancelled: cancel and refund its bookings, close its waitlist."""

import structlog

from engine.base.actor import ORGANISER
from engine.base.errors import Contended, FrontrowError
from engine.base.step import Step
from engine.sales.cancelling import Cancelling
from engine.stores.postgres import Postgres
from engine.waitlist.admin import WaitlistAdmin

log = structlog.get_logger(__name__)


class Closing:
    def __init__(self, postgres: Postgres, cancelling: Cancelling, waitlist: WaitlistAdmin) -> None:
        self._pg = postgres
        self._cancelling = cancelling
        self._waitlist = waitlist

    def steps(self) -> list[Step]:
        return [Step("cancel-events", 1.0, self.run_once)]

    async def run_once(self) -> int:
        """Cancel and refund the bookings of cancelled events, and close their waitlists.

        Returns how many bookings were cancelled.
        """
        stuck = list(self._pg.bulkhead.stuck)
        for row in await self._pg.fetch("waitlist.lines_of_cancelled_events", stuck):
            await self._close_waitlist(row["event_id"])
        stuck = list(self._pg.bulkhead.stuck)
        rows = await self._pg.fetch("bookings.live_bookings_of_cancelled_events", 100, stuck)
        cancelled = 0
        for row in rows:
            if row["event_id"] in self._pg.bulkhead.stuck:
                continue  # Found stuck in this round; the other events go on.
            try:
                await self._cancelling.cancel(row["booking_id"], actor=ORGANISER, at_any_time=True)
                cancelled += 1
            except FrontrowError as error:
                log.warning(
                    "booking not cancelled yet", booking_id=row["booking_id"], reason=error.detail
                )
        return cancelled

    async def _close_waitlist(self, event_id: str) -> None:
        try:
            await self._waitlist.dismiss(
                event_id, reason="The event is cancelled.", actor=ORGANISER
            )
        except Contended:
            log.info("waitlist closed later: its event is stuck", event_id=event_id)
