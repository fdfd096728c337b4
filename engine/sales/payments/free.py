"""What stands where a gateway would, for bookings that cost nothing: no money moves, and nobody is asked."""

from datetime import datetime
from typing import Final

from engine.base.model import Money
from engine.sales.payments.gateway import Charge, ChargeStatus

#: The provider in the ledger of a booking with the total 0; no request can choose it.
FREE: Final = "free"
#: Nothing, captured at once.
NOTHING_CHARGED: Final = Charge(ChargeStatus.CAPTURED)


class FreeGateway:
    """A booking that its process left pending counts as paid, so it is confirmed by whoever finds it."""

    def check_token(self, token: str) -> None:
        """There is no token."""

    def needs_buyer(self, token: str) -> bool:
        return False

    def card(self, token: str) -> str | None:
        return None

    def approval_url(self, booking_id: str, until: datetime) -> str:
        raise AssertionError("Nothing to pay needs no approval.")

    async def charge(self, booking_id: str, token: str, amount: Money) -> Charge:
        return NOTHING_CHARGED

    async def status(self, booking_id: str) -> Charge | None:
        return NOTHING_CHARGED

    async def void(self, booking_id: str) -> Charge:
        return NOTHING_CHARGED

    async def refund(self, booking_id: str, amount: Money) -> None:
        """Nothing to give back."""
