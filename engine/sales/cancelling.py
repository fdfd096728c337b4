"""Cancelling and refunding a confirmed booking."""

import structlog

from engine.base.actor import Actor
from engine.base.errors import Conflict, PreconditionFailed, Unavailable
from engine.base.model import Booking, BookingStatus, Money
from engine.live.live import Live
from engine.live.messages import BookingMessage
from engine.sales.outcomes import Outcomes
from engine.sales.payments.payments import Payments
from engine.sales.reading import BookingReader
from engine.stores.postgres import Postgres

log = structlog.get_logger(__name__)


class Cancelling:
    def __init__(
        self,
        *,
        postgres: Postgres,
        live: Live,
        payments: Payments,
        reading: BookingReader,
        outcomes: Outcomes,
    ) -> None:
        self._pg = postgres
        self._live = live
        self._payments = payments
        self._reading = reading
        self._outcomes = outcomes

    async def cancel(
        self,
        booking_id: str,
        *,
        actor: Actor,
        buyer_id: str | None = None,
        version: int | None = None,
        at_any_time: bool = False,
    ) -> Booking:
        """Cancel a confirmed booking: its seats return to sale at once, the refund follows.

        ``buyer_id`` must own it (None: the caller was checked). ``version``: as seen by the caller.
        ``at_any_time``: also after the event has begun. Cancelling a cancelled booking returns it.
        Raises NotFound, PreconditionFailed, Conflict (booking-not-confirmed, event-begun).
        """
        booking = await self._reading.read(booking_id, buyer_id=buyer_id)
        if booking.status == BookingStatus.CONFIRMED and not at_any_time:
            await self._check_not_begun(booking.event_id)
        ended = await self._outcomes.cancel(booking, actor=actor, version=version)
        if ended.outcome == "stale":
            raise PreconditionFailed(
                f"The booking is at version {ended.version} now; read it again and repeat.",
                current_version=ended.version,
            )
        if ended.outcome == "refused" and ended.status != BookingStatus.CANCELLED:
            raise Conflict(
                f"Only a confirmed booking can be cancelled; this one is {ended.status}.",
                code="booking-not-confirmed",
            )
        if ended.outcome == "ended":
            try:
                await self.refund(booking.event_id, booking_id)
            except Unavailable:
                log.warning("refund deferred to outbox", booking_id=booking_id)
        return await self._reading.read(booking_id)

    async def _check_not_begun(self, event_id: str) -> None:
        # By PostgreSQL's clock and copy of the date, so that cancelling does not need the catalogue.
        if await self._pg.fetchval("bookings.event_has_begun", event_id, event_id=event_id):
            raise Conflict(
                "The event has begun, so its bookings can no longer be cancelled here; ask the organiser.",
                code="event-begun",
            )

    async def refund(self, event_id: str, booking_id: str) -> bool:
        """Refund through the gateway; idempotent. Returns whether a refund was still owed. Raises Unavailable."""
        row = await self._reading.row(booking_id)
        if row["payment_status"] != "refund_pending":
            return False
        paid = Money(row["paid_minor"], row["currency"])
        await self._payments.refund(row["provider"], booking_id, paid)
        await self._pg.fetch(
            "bookings.refunded", event_id, booking_id, "gateway", event_id=event_id
        )
        news = BookingMessage(event_id, booking_id, row["reference"], "refunded")
        await self._live.telling.tell(str(row["buyer_id"]), news)
        return True
