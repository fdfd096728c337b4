"""The sandbox: a gateway for trials.

Its answers depend on the token only. It keeps its own record (``sandbox_charges``), which outlives our
processes, as a real company's would.
"""

import asyncio
import math
import re
import time
import uuid
from datetime import datetime
from functools import cached_property

from msgspec import Struct

from engine.base.batch import Batcher
from engine.base.config import Settings
from engine.base.errors import Gone, InvalidInput, NotFound
from engine.base.model import Money
from engine.base.signing import Signer, token_secret
from engine.sales.payments.gateway import Charge, ChargeStatus
from engine.stores.postgres import Postgres


class _Request(Struct, frozen=True):
    booking_id: str
    token: str
    amount: Money


#: The content of an approval page's address: the booking, and when the address ends, in seconds since 1970.
_BOOKING_BYTES = 16
_MOMENT_BYTES = 5

#: token → (status, decline code). ``tok_timeout`` captures and never answers.
SANDBOX_TOKENS: dict[str, tuple[ChargeStatus, str | None]] = {
    "tok_visa": (ChargeStatus.CAPTURED, None),
    "tok_declined": (ChargeStatus.DECLINED, "card_declined"),
    "tok_insufficient_funds": (ChargeStatus.DECLINED, "insufficient_funds"),
    "tok_3ds": (ChargeStatus.REQUIRES_ACTION, None),
    "tok_timeout": (ChargeStatus.CAPTURED, None),
}

#: Separates a sandbox token from the fingerprint of its card, if it has one: ``tok_visa_card_4242``.
_CARD = "_card_"
_FINGERPRINT = re.compile(r"[A-Za-z0-9]{1,64}")


class SandboxGateway:
    """A gateway for trials; no money moves."""

    def __init__(self, postgres: Postgres, settings: Settings) -> None:
        self._pg = postgres
        self._settings = settings
        self._charges: Batcher[_Request, Charge] = Batcher("sandbox-charge", self._charge_batch)

    def check_token(self, token: str) -> None:
        kind, has_card, card = token.partition(_CARD)
        if kind not in SANDBOX_TOKENS or (has_card and not _FINGERPRINT.fullmatch(card)):
            raise InvalidInput(
                f"Unknown sandbox token; use one of {', '.join(SANDBOX_TOKENS)}; add {_CARD} and letters "
                "or digits for the token of a certain card.",
                code="unknown-payment-token",
            )

    def needs_buyer(self, token: str) -> bool:
        return SANDBOX_TOKENS[_kind(token)][0] == ChargeStatus.REQUIRES_ACTION

    def card(self, token: str) -> str | None:
        return token.partition(_CARD)[2] or None

    def approval_url(self, booking_id: str, until: datetime) -> str:
        # The same page on each call, so that a retry gets the answer that it missed.
        ends_s = math.ceil(until.timestamp())
        content = uuid.UUID(booking_id).bytes + ends_s.to_bytes(_MOMENT_BYTES)
        return f"{self._settings.public_url.rstrip('/')}/sandbox/3ds/{self._signer.sign(content)}"

    def read_approval(self, token: str) -> str:
        """The booking of an approval page's address. Raises NotFound for a foreign one, Gone."""
        content = self._signer.read(token)
        if content is None or len(content) != _BOOKING_BYTES + _MOMENT_BYTES:
            raise NotFound("That link is not one of ours.", code="link-not-found")
        if int.from_bytes(content[_BOOKING_BYTES:]) < time.time():
            raise Gone("The time to approve this payment is over.", code="link-ended")
        return str(uuid.UUID(bytes=content[:_BOOKING_BYTES]))

    @cached_property
    def _signer(self) -> Signer:
        # Made when first needed: a process that makes no links needs no secret.
        return Signer(token_secret(self._settings), "frontrow/3ds/1")

    async def charge(self, booking_id: str, token: str, amount: Money) -> Charge:
        charge = await self._charges.submit(_Request(booking_id, token, amount))
        if _kind(token) == "tok_timeout" and charge.status == ChargeStatus.CAPTURED:
            await asyncio.Event().wait()
        return charge

    async def _charge_batch(self, requests: list[_Request]) -> list[Charge | Exception]:
        rows = await self._pg.fetch(
            "sandbox.charge",
            [r.booking_id for r in requests],
            [r.token for r in requests],
            [SANDBOX_TOKENS[_kind(r.token)][0].value for r in requests],
            [SANDBOX_TOKENS[_kind(r.token)][1] for r in requests],
            [r.amount.amount for r in requests],
            [r.amount.currency for r in requests],
        )
        charges = {row["booking_id"]: _charge(row["booking_id"], row) for row in rows}
        # A charge that another process is inserting at this moment is invisible to both halves of the
        # statement; the caller asks again.
        return [charges.get(r.booking_id, Charge(ChargeStatus.UNKNOWN)) for r in requests]

    async def status(self, booking_id: str) -> Charge | None:
        row = await self._pg.fetchrow("sandbox.status", booking_id)
        return None if row is None else _charge(booking_id, row)

    async def void(self, booking_id: str) -> Charge:
        row = await self._pg.fetchrow("sandbox.void", booking_id)
        return _charge(booking_id, row)

    async def refund(self, booking_id: str, amount: Money) -> None:
        del amount  # The sandbox refunds in full only; the engine needs no more.
        await self._pg.fetchrow("sandbox.refund", booking_id)

    async def complete_action(self, booking_id: str, *, approve: bool) -> bool:
        """Record the buyer's answer on the 3-D Secure page. False: no answer was expected (any more)."""
        row = await self._pg.fetchrow(
            "sandbox.complete",
            booking_id,
            (ChargeStatus.CAPTURED if approve else ChargeStatus.DECLINED).value,
            None if approve else "authentication_failed",
        )
        return row is not None


def _kind(token: str) -> str:
    return token.partition(_CARD)[0]


def _charge(booking_id: str, row: object) -> Charge:
    status, decline_code = row["status"], row["decline_code"]  # type: ignore[index]  # an asyncpg Record
    return Charge(ChargeStatus(status), f"sandbox_{booking_id}", decline_code)
