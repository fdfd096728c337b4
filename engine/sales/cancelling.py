"""Cancelling: a confirmed booking is refunded, a pending one withdrawn before it is paid."""

from contextlib import suppress

import structlog

from engine.base.actor import Actor
from engine.base.errors import Conflict, FrontrowError, PreconditionFailed, Unavailable
from engine.base.model import Booking, BookingStatus, Money
from engine.holds.holds import Holds
from engine.live.live import Live
from engine.live.messages import BookingMessage
from engine.sales.outcomes import Outcomes
from engine.sales.payments.gateway import ChargeStatus
from engine.sales.payments.payments import Payments, payments_unavailable
from engine.sales.reading import BookingReader
from engine.stores.postgres import Postgres

log = structlog.get_logger(__name__)


class Cancelling:
    def __init__(
        self,
        *,
        postgres: Postgres,
        live: Live,
        holds: Holds,
        payments: Payments,
        reading: BookingReader,
        outcomes: Outcomes,
    ) -> None:
        self._pg = postgres
        self._live = live
        self._holds = holds
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
        keep_hold: bool = False,
    ) -> Booking:
        """Cancel a booking: its seats return to sale at once. A confirmed one is refunded; a pending one is
        ``declined``, and nothing can be charged for it any more. If its money came first, it is confirmed, and
        cancelled like every other.

        ``keep_hold``: the hold of a pending one goes on, for another card.
        ``buyer_id`` must own it (None: the caller was checked). ``version``: as seen by the caller.
        ``at_any_time``: also after the event has begun. Cancelling a cancelled booking returns it.
        Raises NotFound, PreconditionFailed, Conflict (booking-not-confirmed, event-begun), Unavailable (the
        gateway does not answer, so it is not known whether the money has come: nothing is changed).
        """
        booking = await self._reading.read(booking_id, buyer_id=buyer_id)
        if booking.status == BookingStatus.PENDING:
            _check_version(booking.version, version)
            booking = await self._withdraw(booking, keep_hold=keep_hold)
            if booking.status != BookingStatus.CONFIRMED:
                return booking
            # Its money has come since; the buyer did not want that any more, whatever the hour.
            at_any_time, version = True, None
        if booking.status == BookingStatus.CONFIRMED and not at_any_time:
            await self._check_not_begun(booking.event_id)
        ended = await self._outcomes.cancel(booking, actor=actor, version=version)
        if ended.outcome == "stale":
            raise _stale(ended.version)
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

    async def _withdraw(self, booking: Booking, *, keep_hold: bool) -> Booking:
        """Prevent the payment of a pending booking, and end it. Returns it as it is then: still ``confirmed``
        if the payment was faster. Raises Unavailable.
        """
        row = await self._reading.row(booking.booking_id)
        charge = await self._payments.void(row["provider"], booking.booking_id)
        match charge.status:
            case ChargeStatus.CAPTURED:
                await self._outcomes.confirm(booking, charge)
            case ChargeStatus.VOIDED | ChargeStatus.DECLINED:
                await self._outcomes.decline(booking, "withdrawn")
                if not keep_hold:
                    # A hold that has ended, or is not given back yet, ends by itself.
                    with suppress(FrontrowError):
                        await self._holds.release(booking.hold_id, str(row["buyer_id"]))
            case _:
                raise payments_unavailable()
        return await self._reading.read(booking.booking_id)

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
        if paid.amount == 0:
            # Nobody is told of nothing.
            return True
        news = BookingMessage(event_id, booking_id, row["reference"], "refunded")
        await self._live.telling.tell(str(row["buyer_id"]), news)
        return True


def _check_version(current: int, seen: int | None) -> None:
    if seen is not None and seen != current:
        raise _stale(current)


def _stale(current: int | None) -> PreconditionFailed:
    return PreconditionFailed(
        f"The booking is at version {current} now; read it again and repeat.",
        current_version=current,
    )
