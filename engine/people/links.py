"""Signed links in mails: each opens one booking, or one waitlist entry, on any device.

A link is made only to be mailed, so a person who acts by it can read mails to that address. It carries
the id of its object, the generation of its links, and a digest of the address; each kind is signed for a
purpose of its own. A link ends thirty days after the event; when the address of its object changes; and
when its person ends all links made so far.
"""

import hashlib
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final, Literal

from msgspec import Struct

from engine.base.config import Settings
from engine.base.errors import Gone, NotFound, Remedy
from engine.base.mail_addresses import checked, email_key
from engine.base.signing import Signer, token_secret
from engine.catalog.catalog import Catalog
from engine.catalog.model import Event
from engine.stores.postgres import Postgres

LinkKind = Literal["booking", "entry"]
#: By kind: the purpose of the signature, and the folder of the pages.
_PURPOSES: Final[dict[LinkKind, tuple[str, str]]] = {
    "booking": ("frontrow/booking-link/1", "b"),
    "entry": ("frontrow/waitlist-link/1", "w"),
}
_ID_BYTES: Final = 16
_GENERATION_BYTES: Final = 2
_DIGEST_BYTES: Final = 8
_CONTENT_BYTES: Final = _ID_BYTES + _GENERATION_BYTES + _DIGEST_BYTES
#: How long an event is assumed to last.
EVENT_LENGTH: Final = timedelta(hours=6)
#: How long links stay valid after that.
_AFTERWARDS: Final = timedelta(days=30)
#: Least time between two mails with the links of an address.
_LOOKUP_S: Final = 6 * 3600
#: The most bookings in one such mail, and the most searched for it.
LISTED_MAX: Final = 50
_LOOKED_THROUGH_MAX: Final = 500


class Opened(Struct, frozen=True, kw_only=True):
    """The object of a link, its event, and the address that the link was mailed to."""

    object_id: str
    event: Event
    person_id: str
    email: str


class Links:
    def __init__(self, postgres: Postgres, catalog: Catalog, settings: Settings) -> None:
        self._pg = postgres
        self._catalog = catalog
        self._settings = settings
        # Made when first needed: a process without links needs no secret.
        self._signer = cache(self._make_signer)

    def _make_signer(self, kind: LinkKind) -> Signer:
        return Signer(token_secret(self._settings), _PURPOSES[kind][0])

    # For mails

    async def url(self, kind: LinkKind, object_id: str, email: str) -> str:
        """The link to a booking or an entry, in a mail to ``email``. Raises NotFound, Unavailable."""
        row = await self._pg.fetchrow(f"links.{kind}", object_id)
        if row is None:
            raise _unknown()
        content = (
            uuid.UUID(object_id).bytes
            + row["link_generation"].to_bytes(_GENERATION_BYTES)
            + _digest(email)
        )
        token = self._signer(kind).sign(content)
        return f"{self._settings.public_url.rstrip('/')}/{_PURPOSES[kind][1]}/{token}"

    async def url_of_event(self, event_id: str, person_id: str, email: str) -> str | None:
        """The link to a person's booking or entry of an event under an address; None if there is none."""
        row = await self._pg.fetchrow("links.of_event", event_id, person_id, email)
        return None if row is None else await self.url(row["kind"], row["id"], email)

    async def of_address(self, email: str) -> Sequence[tuple[str, Event]]:
        """The booking_ids under an address whose links are valid, with their events, the latest first."""
        rows = await self._pg.fetch("links.of_address", email_key(email), _LOOKED_THROUGH_MAX)
        pages = await self._catalog.events_by_id({row["event_id"] for row in rows})
        events = {event.event_id: event for event in pages if not _is_past(event)}
        found = [(r["booking_id"], events[r["event_id"]]) for r in rows if r["event_id"] in events]
        return found[:LISTED_MAX]

    async def look_up(self, email: str, language: str | None = None) -> None:
        """Mail the links of an address to it, at most once in some hours.

        The same happens for every address, known or not: a worker finds out when it writes the mail. Raises InvalidInput.
        """
        email = checked(email)
        key = email_key(email)
        turn = int(time.time() // _LOOKUP_S)
        cause = f"lookup:{hashlib.sha256(key.encode()).hexdigest()[:32]}:{turn}"
        await self._pg.fetch("links.enqueue_lookup", cause, email, language)

    # For people with a link

    async def open(self, kind: LinkKind, token: str) -> Opened:
        """The object of a link. Raises NotFound (not ours), Gone (ended), Unavailable."""
        content = self._signer(kind).read(token)
        if content is None or len(content) != _CONTENT_BYTES:
            raise _unknown()
        object_id = str(uuid.UUID(bytes=content[:_ID_BYTES]))
        row = await self._pg.fetchrow(f"links.{kind}", object_id)
        if row is None:
            raise _unknown()
        generation = row["link_generation"].to_bytes(_GENERATION_BYTES)
        if content[_ID_BYTES:] != generation + _digest(row["email"] or ""):
            raise _ended()
        event = await self._catalog.event(row["event_id"])
        if _is_past(event):
            raise _ended()
        return Opened(
            object_id=object_id, event=event, person_id=row["person_id"], email=row["email"]
        )

    async def prove(self, opened: Opened) -> None:
        """Record that somebody has acted by the link, so they can read mails to that address."""
        await self._pg.fetch("people.prove_address", email_key(opened.email))

    async def end(self, kind: LinkKind, object_id: str, person_id: str) -> None:
        """End all links made so far to an object of ``person_id``. Raises NotFound, Unavailable."""
        if not await self._pg.fetch(f"links.end_of_{kind}", object_id, person_id):
            raise NotFound(f"There is no {kind} {object_id}.", code=f"{kind}-not-found")


def _digest(email: str) -> bytes:
    return hashlib.sha256(email_key(email).encode()).digest()[:_DIGEST_BYTES]


def _is_past(event: Event) -> bool:
    return event.starts_at + EVENT_LENGTH + _AFTERWARDS < datetime.now(UTC)


def _unknown() -> NotFound:
    return NotFound("That link is not one of ours.", code="link-not-found")


def _ended() -> Gone:
    return Gone(
        "That link has ended; have new ones mailed to you.",
        code="link-ended",
        remedy=Remedy.MAIL_NEW_LINKS,
    )
