"""The idempotency keys of checkouts, and the earlier answer to a key.

They are in PostgreSQL with the money, written by the same functions that reserve and end a booking, so
no crash can separate a booking from its answer.
"""

import hashlib

import msgspec

from engine.base.errors import Conflict, InvalidInput, Remedy
from engine.sales.ledger import Answer, BookingRequest
from engine.stores.postgres import Postgres


def fingerprint_of(request: BookingRequest) -> bytes:
    """32 bytes that differ for different requests."""
    return hashlib.sha256(msgspec.json.encode(request)).digest()


class Idempotency:
    def __init__(self, postgres: Postgres) -> None:
        self._pg = postgres

    async def earlier_answer(
        self, buyer_id: str, key: str, fingerprint: bytes, hold_id: str, event_id: str | None = None
    ) -> Answer | None:
        """The earlier answer to this key in this event (None: only the hold could tell the event).

        None: the key is new. Raises InvalidInput (idempotency-key-reused) for another request, Conflict
        (request-in-flight), Unavailable.
        """
        row = await self._pg.fetchrow(
            "bookings.idempotency", buyer_id, key, fingerprint, hold_id, event_id
        )
        if row is None:
            return None
        if row["fingerprint"] != fingerprint:
            raise InvalidInput(
                "This key was used for another request; make a new key for a new one.",
                code="idempotency-key-reused",
                remedy=Remedy.USE_NEW_KEY,
            )
        if row["response"] is not None:
            return msgspec.convert(row["response"], Answer)
        raise Conflict(
            "The first request under this key is still under way; retry shortly.",
            code="request-in-flight",
            remedy=Remedy.RETRY_SAME_KEY,
            retry_after=1,
            booking_id=str(row["booking_id"]),
        )
