"""What everybody with tickets must be told of an event: it is off, or its page says something else.

The page is a document in MongoDB and the bookings are rows in PostgreSQL, so no transaction holds both.
PostgreSQL keeps what was told last; whoever compares the two finds what is still to be told, and it does
not matter who: the request that edited the page does it at once, a worker does it after a crash.
"""

from datetime import UTC, datetime

import structlog

from engine.base.model import EventStatus
from engine.catalog.catalog import Catalog
from engine.catalog.model import Event
from engine.live.live import Live
from engine.notifications.model import MailKind
from engine.stores.postgres import Postgres, Transaction

log = structlog.get_logger(__name__)

_PAGES_AT_ONCE = 500


def _venue(event: Event) -> str:
    return ", ".join(part for part in (event.venue.name, event.venue.city) if part)


async def tell_changes(postgres: Postgres, event: Event) -> int:
    """Queue ``event-changed`` for whoever has tickets or waits, if name, venue or start are not what they
    were told. Returns how many are told. Raises Unavailable.

    What is told of an event for the first time is told to nobody: that is what they bought.
    """
    if event.status not in (EventStatus.ON_SALE, EventStatus.PAUSED):
        return 0
    venue = _venue(event)
    async with postgres.transaction(event_id=event.event_id, long=True) as transaction:
        told = await transaction.fetchrow("notifications.told_event", event.event_id)
        if told is not None and told["version"] >= event.version:
            return 0
        await transaction.fetch(
            "notifications.note_told_event",
            event.event_id,
            event.version,
            event.name,
            venue,
            event.starts_at,
        )
        if told is None:
            return 0
        changes = [
            {"what": what, "old": old, "new": new}
            for what, old, new in (
                ("starts_at", told["starts_at"].isoformat(), event.starts_at.isoformat()),
                ("venue", told["venue"], venue),
                ("name", told["name"], event.name),
            )
            if old != new
        ]
        # Of what is over, nobody need hear.
        if not changes or max(told["starts_at"], event.starts_at) < datetime.now(UTC):
            return 0
        row = await transaction.fetchrow(
            "notifications.announce",
            event.event_id,
            MailKind.EVENT_CHANGED.value,
            f"{event.event_id}:{event.version}",
            {"changes": changes},
        )
    return int(row[0]) if row else 0


async def announce_cancelled(transaction: Transaction, event_id: str) -> None:
    """Queue ``event-cancelled`` for whoever has tickets or waits, in the transaction that cancels."""
    await transaction.fetch(
        "notifications.announce", event_id, MailKind.EVENT_CANCELLED.value, event_id, {}
    )


class Announcing:
    """The worker's round over all events on sale, for edits whose process died before it told them."""

    def __init__(self, postgres: Postgres, live: Live, catalog: Catalog) -> None:
        self._pg = postgres
        self._live = live
        self._catalog = catalog

    async def run_once(self) -> int:
        event_ids = await self._live.reading.open_events()
        told = 0
        for start in range(0, len(event_ids), _PAGES_AT_ONCE):
            pages = await self._catalog.events_by_id(event_ids[start : start + _PAGES_AT_ONCE])
            for page in pages:
                told += await tell_changes(self._pg, page)
        if told:
            log.info("changed events told", mails=told)
        return 0
