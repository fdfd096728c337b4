"""How a booking ends: PostgreSQL commits it, then Redis and the buyer's connections are updated.

The callers decide which end it is: the checkout, ``engine.sales.finishing``, or a cancellation.
"""

from functools import cache
from typing import Literal

import msgspec

from engine.base import metrics
from engine.base.actor import GATEWAY, WORKER, Actor
from engine.base.errors import Unavailable
from engine.base.model import Booking, BookingStatus
from engine.holds.holds import DECLINES_MAX
from engine.live.live import Live
from engine.live.messages import BookingMessage
from engine.sales.ledger import LATE_NOTE, Answer, Confirm, Ended, Ledger
from engine.sales.payments.gateway import Charge
from engine.sales.reading import BookingReader

#: The series by outcome: looking one up by its label costs more than counting.
counted = cache(metrics.BOOKINGS.labels)
_DECLINES = {
    "card_declined": "The card was declined.",
    "insufficient_funds": "The card has insufficient funds.",
    "authentication_failed": "The payment was not approved.",
    "withdrawn": "You withdrew the payment, and nothing was charged.",
}
_EXPIRED = "The payment was not completed in time; the seats were given back."


class Outcomes:
    """``booking`` is always the state before. Each method raises Unavailable; then it may not have been done."""

    def __init__(self, ledger: Ledger, live: Live, reading: BookingReader) -> None:
        self._ledger = ledger
        self._live = live
        self._reading = reading

    async def confirm(self, booking: Booking, charge: Charge) -> Answer:
        """Confirm a paid booking. ``expired`` when its seats were gone by then, and it is refunded."""
        answer = _ended(booking, "confirmed")
        ended = await self._ledger.confirm(
            Confirm(
                event_id=booking.event_id,
                booking_id=booking.booking_id,
                provider_ref=charge.provider_ref,
                answer=answer,
            )
        )
        counted("refund-due" if ended.outcome == "refund-due" else "confirmed").inc()
        if ended.outcome == "confirmed":
            await self._deliver(booking, BookingStatus.CONFIRMED, ended)
            return answer
        current = await self._reading.read(booking.booking_id)
        if ended.outcome == "already":
            return Answer(outcome="confirmed", booking=current)
        return Answer(outcome="expired", booking=current, detail=LATE_NOTE)

    async def decline(
        self, booking: Booking, decline_code: str | None, *, tries_left: int = 1
    ) -> Answer:
        """Decline: the gateway refused the payment. ``tries_left``: how many more payments the hold may try."""
        code = decline_code or "not_completed"
        goes_on = (
            ""
            if code == "withdrawn"
            else (
                " Your seats are still held; try another card."
                if tries_left > 0
                else f" It was the {DECLINES_MAX}th failed payment for this hold, so the seats are on sale again."
            )
        )
        note = _DECLINES.get(code, "The payment was not completed.") + goes_on
        answer = _ended(booking, "declined", note, decline_code=code)
        await self._end(booking, BookingStatus.DECLINED, actor=GATEWAY, answer=answer)
        return answer

    async def expire(self, booking: Booking, decline_code: str) -> None:
        """Expire: the time for its payment is over."""
        answer = _ended(booking, "expired", _EXPIRED, decline_code=decline_code)
        await self._end(booking, BookingStatus.EXPIRED, actor=WORKER, answer=answer)

    async def cancel(self, booking: Booking, *, actor: Actor, version: int | None) -> Ended:
        """Cancel: ``ended``, or why not: ``stale`` (it is not at this ``version``), ``refused``, ``unknown``."""
        return await self._end(booking, BookingStatus.CANCELLED, actor=actor, version=version)

    async def _end(
        self,
        booking: Booking,
        to: BookingStatus,
        *,
        actor: Actor,
        version: int | None = None,
        answer: Answer | None = None,
    ) -> Ended:
        ended = await self._ledger.end(
            booking.event_id,
            booking.booking_id,
            to=to,
            actor=actor,
            version=version,
            note=None if answer is None else answer.detail,
            decline_code=None if answer is None else answer.decline_code,
            answer=answer,
        )
        if ended.outcome == "ended":
            counted(to.value).inc()
            await self._deliver(booking, to, ended)
        return ended

    async def _deliver(self, booking: Booking, status: BookingStatus, ended: Ended) -> None:
        """Settle now; if Redis is away the outbox row stays and the relay does it."""
        assert ended.settlement is not None
        news = BookingMessage(booking.event_id, booking.booking_id, booking.reference, status)
        try:
            await self._live.settling.settle(booking.event_id, ended.settlement, news=news)
        except Unavailable:
            return
        self._ledger.delivered(booking.event_id, ended.outbox_id)


def _ended(
    booking: Booking,
    outcome: Literal["confirmed", "declined", "expired"],
    note: str | None = None,
    *,
    decline_code: str | None = None,
) -> Answer:
    """The answer for a booking that has just ended, with the booking's new state."""
    return Answer(
        outcome=outcome,
        booking=msgspec.structs.replace(
            booking,
            status=BookingStatus(outcome),
            version=booking.version + 1,
            expires_at=None,
            next_action=None,
            note=note or booking.note,
        ),
        detail=note or "",
        decline_code=decline_code,
    )
