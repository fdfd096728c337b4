"""Finishing a booking that its process left behind, or whose buyer is at the bank's page.

A pending booking is itself the record of unfinished work: the process that finds it asks the gateway
and continues. Only the gateway's own answer confirms a booking.
"""

from engine.base.errors import Unavailable
from engine.base.model import Booking, BookingStatus
from engine.sales.ledger import Answer
from engine.sales.outcomes import Outcomes
from engine.sales.payments.gateway import Charge, ChargeStatus
from engine.sales.payments.payments import Payments
from engine.sales.reading import BookingReader


class Finishing:
    def __init__(self, payments: Payments, reading: BookingReader, outcomes: Outcomes) -> None:
        self._payments = payments
        self._reading = reading
        self._outcomes = outcomes

    async def resolve(self, booking_id: str, *, due: bool) -> BookingStatus:
        """Ask the gateway about a pending booking and finish it if possible: safe at any time.

        ``due``: its payment time is over. Returns the new status. Raises NotFound, Unavailable.
        """
        row = await self._reading.row(booking_id)
        booking = await self._reading.booking_of(row)
        if booking.status != BookingStatus.PENDING:
            return booking.status
        try:
            charge = await self._payments.status(row["provider"], booking_id)
            if charge is None or (due and charge.status == ChargeStatus.REQUIRES_ACTION):
                # A charge that was about to begin is too late from here on; one that was in time is reported.
                charge = await self._payments.void(row["provider"], booking_id)
        except Unavailable:
            if not due:
                return booking.status
            charge = Charge(ChargeStatus.UNKNOWN)
        await self._apply(booking, charge, due=due)
        return (await self._reading.read(booking_id)).status

    async def _apply(self, booking: Booking, charge: Charge, *, due: bool) -> None:
        match charge.status:
            case ChargeStatus.CAPTURED:
                await self._outcomes.confirm(booking, charge)
            case ChargeStatus.DECLINED:
                await self._outcomes.decline(booking, charge.decline_code)
            case ChargeStatus.VOIDED if not due:
                await self._outcomes.decline(booking, "not_completed")
            case ChargeStatus.VOIDED | ChargeStatus.UNKNOWN if due:
                unanswered = charge.status == ChargeStatus.UNKNOWN
                code = "gateway-unanswered" if unanswered else "not_completed"
                await self._outcomes.expire(booking, code)
            case _:
                pass

    async def inquire(self, booking_id: str) -> None:
        """Find out whether a booking that expired while the gateway was silent was paid after all.

        If so, it is confirmed on the same seats if they are still free, else refunded.
        Raises Unavailable while the gateway is silent.
        """
        row = await self._reading.row(booking_id)
        charge = await self._payments.void(row["provider"], booking_id)
        if charge.status == ChargeStatus.CAPTURED:
            await self.payment_arrived(booking_id)

    async def payment_arrived(self, booking_id: str) -> Answer:
        """Handle a report that the gateway has the money, however late, with one recorded, explained outcome.

        Asks the gateway first. Raises NotFound, Unavailable.
        """
        row = await self._reading.row(booking_id)
        booking = await self._reading.booking_of(row)
        charge = await self._payments.status(row["provider"], booking_id)
        if charge is None or charge.status != ChargeStatus.CAPTURED:
            if booking.status == BookingStatus.PENDING and charge is not None:
                await self._apply(booking, charge, due=False)
            current = await self._reading.read(booking_id)
            return Answer(outcome="pending", booking=current, detail=current.note or "")
        return await self._outcomes.confirm(booking, charge)
