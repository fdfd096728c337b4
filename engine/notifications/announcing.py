"""Announcements to everybody with tickets of an event: it was cancelled, or its page has changed.

The page is a document in MongoDB and the bookings are rows in PostgreSQL, so no transaction holds both.
PostgreSQL keeps the last announced page; a comparison of the two shows the changes still to announce. The
request that edited the page compares them at once; after a crash a worker does.
"""

from datetime import UTC, datetime
from typing import Final

import asyncpg
import structlog

from engine.base.model import EventStatus
from engine.base.zones import UTC_NAME, zone
from engine.catalog.catalog import Catalog
from engine.catalog.model import Event
from engine.live.live import Live
from engine.notifications.model import MailKind
from engine.stores.postgres import Postgres, Transaction

log = structlog.get_logger(__name__)

_PAGES_AT_ONCE = 500
#: Of a queued change: the zone in which the old start was told; None where it is not known.
OLD_TIMEZONE: Final = "old_timezone"


def _venue(event: Event) -> str:
    return ", ".join(part for part in (event.venue.name, event.venue.city) if part)


def _start_change(told: asyncpg.Record, starts_at: datetime, timezone: str) -> list[dict[str, str]]:
    """The change of the start that people read: another moment, or the same on another clock.

    A start that was told in UTC stays true, because the zone stood beside it.
    """
    was = told["timezone"]
    moved = told["starts_at"] != starts_at
    corrected = was not in (None, UTC_NAME, timezone) and (
        starts_at.astimezone(zone(was)).utcoffset()
        != starts_at.astimezone(zone(timezone)).utcoffset()
    )
    if not (moved or corrected):
        return []
    old, new = told["starts_at"].isoformat(), starts_at.isoformat()
    return [{"what": "starts_at", "old": old, "new": new}]


async def tell_changes(postgres: Postgres, event: Event) -> int:
    """Queue ``event-changed`` for everybody with tickets or in the waitlist, if name, venue or start,
    as people read it, differ from the last announced ones. Returns the number of queued mails. Raises Unavailable.

    The first version of a page is recorded without mails: it is what people bought.
    """
    if event.status not in (EventStatus.ON_SALE, EventStatus.PAUSED):
        return 0
    venue, timezone = _venue(event), event.venue.timezone or UTC_NAME
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
            timezone,
        )
        if told is None:
            return 0
        changes = [
            {"what": what, "old": old, "new": new}
            for what, old, new in (
                ("venue", told["venue"], venue),
                ("name", told["name"], event.name),
            )
            if old != new
        ]
        changes = _start_change(told, event.starts_at, timezone) + changes
        # Past events need no announcement.
        if not changes or max(told["starts_at"], event.starts_at) < datetime.now(UTC):
            return 0
        row = await transaction.fetchrow(
            "notifications.announce",
            event.event_id,
            MailKind.EVENT_CHANGED.value,
            f"{event.event_id}:{event.version}",
            {"changes": changes, OLD_TIMEZONE: told["timezone"]},
        )
    return int(row[0]) if row else 0


async def announce_cancelled(transaction: Transaction, event_id: str) -> None:
    """Queue ``event-cancelled`` for everybody with tickets or in the waitlist, in the cancelling transaction."""
    await transaction.fetch(
        "notifications.announce", event_id, MailKind.EVENT_CANCELLED.value, event_id, {}
    )


class Announcing:
    """The worker's round over all events on sale, for edits whose process died before announcing them."""

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
            log.info("event-change mails queued", mails=told)
        return 0
