"""A buyer's next action for a pending booking: approve the payment at the bank, or wait."""

from datetime import datetime
from typing import Literal

import asyncpg

from engine.base.model import BookingStatus, NextAction
from engine.sales.payments.payments import Payments

Kind = Literal["redirect", "wait"]


class NextActions:
    """``public_url`` is the buyers' address of this service."""

    def __init__(self, payments: Payments, public_url: str) -> None:
        self._payments = payments
        self._site = public_url.rstrip("/")

    def of(self, booking_id: str, kind: Kind, provider: str, until: datetime) -> NextAction:
        """The next action. ``until``: when the payment is due."""
        if kind == "redirect":
            url = self._payments.gateway(provider).approval_url(booking_id, until)
        else:
            url = f"{self._site}/v1/bookings/{booking_id}"
        return NextAction(kind, url)

    def of_row(self, row: asyncpg.Record) -> NextAction | None:
        """The next action for a row of ``bookings.booking``; None once the booking has ended."""
        if row["status"] != BookingStatus.PENDING:
            return None
        needs_buyer = self._payments.gateway(row["provider"]).needs_buyer(row["token"])
        kind: Kind = "redirect" if needs_buyer else "wait"
        return self.of(str(row["booking_id"]), kind, row["provider"], row["expires_at"])
