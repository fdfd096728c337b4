"""Delivers the outbox of committed changes: a step of the worker.

A row asks to settle in Redis, to refund at the gateway, or to inquire there about a late payment.
"""

from typing import Any

import structlog

from engine.base import metrics
from engine.base.errors import Unavailable
from engine.base.logs import REQUEST_ID
from engine.base.step import each
from engine.live.scripts import Settlement
from engine.sales.cancelling import Cancelling
from engine.sales.finishing import Finishing
from engine.sales.late_settling import LateSettling
from engine.stores.postgres import Postgres

log = structlog.get_logger(__name__)

#: The most rows that one round takes.
_TAKEN_MAX = 200


class Relay:
    """``grace_s``: how long a row is left to the process that wrote it."""

    def __init__(
        self,
        postgres: Postgres,
        *,
        cancelling: Cancelling,
        finishing: Finishing,
        late_settling: LateSettling,
        grace_s: float,
    ) -> None:
        self._pg = postgres
        self._cancelling = cancelling
        self._finishing = finishing
        self._late_settling = late_settling
        self._grace_s = grace_s

    async def run_once(self) -> int:
        """Deliver due rows. Returns how many were delivered. Raises Unavailable."""
        metrics.OUTBOX_AGE.set(await self._pg.fetchval("outbox.age_s"))
        rows = await self._pg.fetch("outbox.due", self._grace_s, _TAKEN_MAX)
        delivered = await each(rows, self._deliver)
        done = [row for row, ok in zip(rows, delivered, strict=True) if ok]
        if done:
            await self._pg.fetch(
                "outbox.delivered", [r["event_id"] for r in done], [r["outbox_id"] for r in done]
            )
        return len(done)

    async def _deliver(self, row: Any) -> bool:
        # In this task only, so that it is logged under the request that made the booking.
        REQUEST_ID.set(row["request_id"].encode())
        kind, booking_id = row["kind"], row["booking_id"]
        try:
            was_owed = await self._pay(kind, row["event_id"], booking_id, row["payload"])
        except Unavailable as error:
            log.warning(
                "outbox delivery deferred", kind=kind, booking_id=booking_id, reason=str(error)
            )
            return False
        except Exception:
            # One row that cannot be delivered must not stop the others; it is tried again.
            log.exception("outbox delivery failed", kind=kind, booking_id=booking_id)
            return False
        if was_owed:
            metrics.OUTBOX_DELIVERED.labels(kind).inc()
            log.info("delivered late", kind=kind, booking_id=booking_id)
        return True

    async def _pay(
        self, kind: str, event_id: str, booking_id: str, payload: dict[str, Any]
    ) -> bool:
        """Returns False where nothing was left to do: a refund is made when a booking is cancelled, and only
        the worker may delete its row.
        """
        match kind:
            case "settle":
                settlement = Settlement(**payload)
                await self._late_settling.settle_booking(event_id, booking_id, settlement)
            case "refund":
                return await self._cancelling.refund(event_id, booking_id)
            case "inquire":
                await self._finishing.inquire(booking_id)
        return True
