"""The protocol of a payment gateway.

The booking id is the idempotency key of every request: two requests charge once, and in doubt the
gateway is asked for the outcome.
"""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from engine.base.model import Money


class ChargeStatus(StrEnum):
    CAPTURED = "captured"
    DECLINED = "declined"
    #: The buyer must act first (3-D Secure).
    REQUIRES_ACTION = "requires_action"
    #: Voided; nothing will ever be charged under this booking id.
    VOIDED = "voided"
    #: The gateway did not answer; it must be asked again.
    UNKNOWN = "unknown"


class Charge(Struct, frozen=True):
    status: ChargeStatus
    provider_ref: str | None = None
    decline_code: str | None = None


class Gateway(Protocol):
    """Each method may raise Unavailable; the outcome is then unknown, and the caller asks again later."""

    def check_token(self, token: str) -> None:
        """Raise InvalidInput for a token that can never work, before anything is reserved."""

    def needs_buyer(self, token: str) -> bool:
        """Whether a charge with this token waits for its buyer to approve it."""

    def card(self, token: str) -> str | None:
        """The fingerprint of the card behind a token: the same for every token of one card. None if it is
        not known before a charge."""

    def approval_url(self, booking_id: str, until: datetime) -> str:
        """The page where the buyer approves such a charge; valid for that charge only, and until then."""

    async def charge(self, booking_id: str, token: str, amount: Money) -> Charge: ...

    async def status(self, booking_id: str) -> Charge | None:
        """The outcome of a charge; None when the gateway does not know it."""

    async def void(self, booking_id: str) -> Charge:
        """Prevent any further charge; the answer says whether something was charged before."""

    async def refund(self, booking_id: str, amount: Money) -> None: ...
