"""Verification of addresses: the link in the verification mail, and the effect of opening it.

Whoever registers, or names another address, claims it; the mail carries a link for that claim. The first
link that is acted upon decides, and all other claims of the address end. Looking at the page behind it
decides nothing: programs that look at links for safety's sake do that.
"""

import hashlib
import struct
import time
import uuid
from collections.abc import Callable
from datetime import datetime

import structlog
from msgspec import Struct

from engine.base.config import Settings
from engine.base.errors import Conflict, NotFound, Remedy
from engine.base.mail_addresses import email_key
from engine.base.signing import Signer, token_secret
from engine.people.accounts import CLAIMS_SHOWN_MAX
from engine.stores.postgres import Postgres

log = structlog.get_logger(__name__)

_LIFE_S = 30 * 86_400
#: Person, end in seconds since 1970, the beginning of the digest of the address as it is compared. The
#: address itself stands in no URL.
_CONTENT = struct.Struct(">16sQ16s")


class AddressClaim(Struct, frozen=True, kw_only=True):
    """An account that claims an address. ``email`` is as that account wrote it."""

    person_id: str
    email_key: str
    email: str
    name: str
    created_at: datetime
    is_proven: bool


class Verification:
    def __init__(
        self, postgres: Postgres, settings: Settings, clock: Callable[[], float] = time.time
    ) -> None:
        self._pg = postgres
        self._settings = settings
        self._clock = clock
        self._signer: Signer | None = None

    def url(self, person_id: str, email: str) -> str:
        """The page where this person verifies that this address is theirs."""
        site = self._settings.public_url.rstrip("/")
        return f"{site}/verify/{self.token(person_id, email)}"

    def token(self, person_id: str, email: str) -> str:
        ends = int(self._clock()) + _LIFE_S
        return self._sign().sign(
            _CONTENT.pack(uuid.UUID(person_id).bytes, ends, _digest(email_key(email)))
        )

    async def claims(self, token: str, also: str | None = None) -> list[AddressClaim]:
        """The claims of the address that a link was sent to: first the one it was made for, then that of the
        person ``also`` if they claim it, however many others do.

        Raises NotFound for a foreign or expired link, or when its claim has ended; Unavailable.
        """
        content = self._sign().read(token)
        if content is None or len(content) != _CONTENT.size:
            raise _no_link()
        person, ends, digest = _CONTENT.unpack(content)
        if ends <= self._clock():
            raise _no_link()
        of = str(uuid.UUID(bytes=person))
        rows = await self._pg.fetch("people.claims", of, CLAIMS_SHOWN_MAX, also)
        if not rows or _digest(rows[0]["email_key"]) != digest:
            raise _no_link()
        return [AddressClaim(**dict(row)) for row in rows]

    async def redeem(self, token: str, person_id: str | None = None) -> AddressClaim:
        """Give the address to the link's person, or to ``person_id``, who claims it as well.

        Idempotent. Raises NotFound as ``claims`` does, Conflict (address-not-claimed: by that person;
        address-of-another: it was proven before), Unavailable.
        """
        claims = await self.claims(token, person_id)
        key = claims[0].email_key
        claim = claims[0]
        if person_id is not None:
            claim = next((c for c in claims if c.person_id == person_id), claim)
            if claim.person_id != person_id:
                raise Conflict(
                    "Your account has another address; change it first.",
                    code="address-not-claimed",
                    remedy=Remedy.CHANGE_ADDRESS,
                )
        async with self._pg.transaction() as transaction:
            await transaction.fetch("people.lock_email", key)
            owner = await transaction.fetchrow("people.proven_claim", key)
            if owner is not None and owner["person_id"] != claim.person_id:
                raise Conflict(
                    "This address belongs to another account already; log in to that one.",
                    code="address-of-another",
                )
            if not await transaction.fetchrow("people.prove_claim", claim.person_id, key):
                raise _no_link()
            await transaction.fetch("people.drop_claims", claim.person_id, key)
            await transaction.fetch("people.prove_address", key)
        log.info("address proven", person_id=claim.person_id)
        return claim

    def _sign(self) -> Signer:
        if self._signer is None:
            # Read when first needed: a process that sends no mail needs no secret.
            self._signer = Signer(token_secret(self._settings), "frontrow/verify-email/1")
        return self._signer


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()[:16]


def _no_link() -> NotFound:
    return NotFound(
        "That link is not one of ours, or it has expired; for a new one register again, or set the "
        "address again.",
        code="link-not-ours",
        remedy=Remedy.MAIL_NEW_PROOF,
    )
