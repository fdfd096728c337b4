"""Resolving pending bookings whose process has died, or whose time is over: a step of the worker."""

import time
from typing import Any

import structlog

from engine.base.logs import REQUEST_ID
from engine.base.model import BookingStatus
from engine.base.step import each
from engine.sales.finishing import Finishing
from engine.stores.postgres import Postgres

log = structlog.get_logger(__name__)

#: The most pending bookings read at once, and the most that one round asks the gateway about.
_READ_MAX = 1000
_ASKED_MAX = 100
#: The wait before a booking is asked about a second time, and the longest wait later.
_WAIT_FIRST_S = 1.0
_WAIT_MAX_S = 30.0


class Chasing:
    """``patience_s``: how long a pending booking is left to the process that made it."""

    def __init__(self, postgres: Postgres, finishing: Finishing, *, patience_s: float) -> None:
        self._pg = postgres
        self._finishing = finishing
        self._patience_s = patience_s
        #: Pending bookings that the gateway was asked about: when to ask again, and the wait before that.
        self._chased: dict[str, tuple[float, float]] = {}

    async def run_once(self) -> int:
        """Resolve the due ones. Returns how many ended. Raises Unavailable."""
        rows = await self._pg.fetch(
            "bookings.pending_to_chase", self._patience_s, _READ_MAX, list(self._pg.bulkhead.stuck)
        )
        return sum(await each(self._in_turn(rows), self._chase))

    def _in_turn(self, rows: list[Any]) -> list[Any]:
        # A buyer may take minutes on a 3-D Secure page, so the gateway is asked less and less often.
        now = time.monotonic()
        pending = {row["booking_id"] for row in rows}
        self._chased = {id_: wait for id_, wait in self._chased.items() if id_ in pending}
        turn = [row for row in rows if row["due"] or self._is_turn(row["booking_id"], now)]
        for row in turn[:_ASKED_MAX]:
            _, waited_s = self._chased.get(row["booking_id"], (0.0, _WAIT_FIRST_S / 2))
            wait_s = min(_WAIT_MAX_S, 2 * waited_s)
            self._chased[row["booking_id"]] = (now + wait_s, wait_s)
        return turn[:_ASKED_MAX]

    def _is_turn(self, booking_id: str, now: float) -> bool:
        wait = self._chased.get(booking_id)
        return wait is None or now >= wait[0]

    async def _chase(self, row: Any) -> int:
        # In this task only, so that it is logged under the request that made the booking.
        REQUEST_ID.set(row["request_id"].encode())
        status = await self._finishing.resolve(row["booking_id"], due=row["due"])
        if status == BookingStatus.PENDING:
            return 0
        log.info("pending booking resolved", status=status.value, booking_id=row["booking_id"])
        return 1
