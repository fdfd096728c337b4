"""Finishing a booking that its process left behind, or whose buyer went away to the bank.

A pending booking is itself the note that something is unfinished: whoever finds it asks the gateway
and goes on. Nobody's word but the gateway's own confirms a booking.
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
        """Ask the gateway about a pending booking and bring it on: safe at any time.

        ``due``: its payment time is over. Returns the status after. Raises NotFound, Unavailable.
        """
        row = await self._reading.row(booking_id)
        booking = await self._reading.booking_of(row)
        if booking.status != BookingStatus.PENDING:
            return booking.status
        try:
            charge = await self._payments.status(row["provider"], booking_id)
            if charge is None or (due and charge.status == ChargeStatus.REQUIRES_ACTION):
                # Whoever was about to charge is too late from here on, or was in time: it says.
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
        """A booking expired while the gateway was silent: was it paid after all?

        If so the payment is confirmed on the same seats where they are still free, else refunded.
        Raises Unavailable while the gateway stays silent.
        """
        row = await self._reading.row(booking_id)
        charge = await self._payments.void(row["provider"], booking_id)
        if charge.status == ChargeStatus.CAPTURED:
            await self.payment_arrived(booking_id)

    async def payment_arrived(self, booking_id: str) -> Answer:
        """Somebody says that the gateway has the money, however late. One recorded, explained outcome.

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
