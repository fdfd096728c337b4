"""The organiser's view and control of a waitlist: entries, offers, skips, and changes to them.

Everything here reads and writes PostgreSQL, which has the waitlist. Redis is updated afterwards, and again
when the request is repeated: repeating it corrects everything after a lost answer.
"""

from collections.abc import AsyncGenerator, Sequence
from uuid import UUID

import asyncpg

from engine.base.actor import Actor
from engine.base.config import Settings
from engine.base.errors import Conflict, Gone, NotFound, Unavailable, stale_version
from engine.catalog.catalog import Catalog, event_not_found
from engine.catalog.model import Facts
from engine.stores.postgres import Postgres
from engine.waitlist.candidates import LineIndexes
from engine.waitlist.entries import Entries
from engine.waitlist.matching import LineIndex
from engine.waitlist.model import (
    PROMOTED,
    EntryStatus,
    LineEntry,
    LineSummary,
    Offer,
    OfferStatus,
    Skip,
)
from engine.waitlist.offers import Offers, offer_from_row
from engine.waitlist.wishes import wanted_from_row

#: A place in the waitlist: weight, join_no. Ahead of all others:
_HEAD = (PROMOTED + 1, 0)
#: Behind everybody who ever joined.
_LATEST = 2**63 - 1
#: Entries read at a time, so that memory is bounded for a waitlist of any length.
_READ_AT_ONCE = 500
_DISMISSED_AT_ONCE = 2000
#: How often to retry a withdrawal whose seats the next round offered back to the same person.
_WITHDRAWALS_MAX = 20


class WaitlistAdmin:
    def __init__(
        self,
        *,
        postgres: Postgres,
        catalog: Catalog,
        indexes: LineIndexes,
        entries: Entries,
        offers: Offers,
        settings: Settings,
    ) -> None:
        self._pg = postgres
        self._catalog = catalog
        self._indexes = indexes
        self._entries = entries
        self._offers = offers
        self._offer_window_s = settings.offer_window_s

    # Reading

    async def summary(self, event_id: str) -> LineSummary:
        """The waitlist at a glance. An event without any entry has one, too: empty, at version 1.

        Raises NotFound for an event that was never published, as all methods here do.
        """
        row = await self._pg.fetchrow("waitlist_admin.summary", event_id, self._offer_window_s)
        if row is None:
            raise event_not_found(event_id)
        entries, offers = row["entries"] or {}, row["offers"] or {}
        return LineSummary(
            event_id=event_id,
            closed=row["closed"],
            offer_window_s=row["offer_window_s"],
            waiting=entries.get(EntryStatus.WAITING, 0),
            by_status={status.value: entries.get(status, 0) for status in EntryStatus},
            offers={status.value: offers.get(status, 0) for status in OfferStatus},
            places_wanted=row["places_wanted"],
            version=row["version"],
        )

    async def entries(
        self,
        event_id: str,
        *,
        status: EntryStatus | None = None,
        after: tuple[int, int] | None = None,
        limit: int,
    ) -> list[LineEntry]:
        """Waiting entries in the waitlist's order; entries of any other status, or all, the latest to join first.

        ``after`` is the place (weight, join_no) of the last entry on the page before.
        """
        facts, index = await self._names(event_id)
        if status == EntryStatus.WAITING:
            weight, join_no = after or _HEAD
            rows = await self._pg.fetch(
                "waitlist_admin.line_page", event_id, weight, join_no, limit
            )
        else:
            before = after[1] if after else _LATEST
            rows = await self._pg.fetch(
                "waitlist_admin.entries_page", event_id, status, before, limit
            )
        skipped = await self._pg.fetch("waitlist_admin.skipped", event_id, _ids(rows))
        return _line_entries(facts, index, rows, skipped)

    async def entry(self, event_id: str, entry_id: str) -> LineEntry:
        """One entry. Raises NotFound."""
        facts, index = await self._names(event_id)
        rows = await self._pg.fetch("waitlist_admin.entry", event_id, entry_id)
        if not rows:
            raise NotFound(f"The event has no waitlist entry {entry_id}.", code="entry-not-found")
        skipped = await self._pg.fetch("waitlist_admin.skipped", event_id, _ids(rows))
        return _line_entries(facts, index, rows, skipped)[0]

    async def export(self, event_id: str) -> AsyncGenerator[LineEntry]:
        """All entries at one instant: the waiting ones in the waitlist's order, then those that have left it.

        It occupies a connection until its end, so the caller must not wait in between.
        """
        facts, index = await self._names(event_id)
        async with self._pg.transaction("repeatable_read", long=True) as transaction:
            cursor = await transaction.cursor("waitlist_admin.export", event_id)
            while rows := await cursor.fetch(_READ_AT_ONCE):
                skipped = await transaction.fetch("waitlist_admin.skipped", event_id, _ids(rows))
                for entry in _line_entries(facts, index, rows, skipped):
                    yield entry

    async def offers(self, event_id: str, *, after: str | None = None, limit: int) -> list[Offer]:
        """Offers, the latest first; ``after`` is the offer_id of the last one on the page before."""
        facts = await self._catalog.facts(event_id)
        rows = await self._pg.fetch("waitlist_admin.offers_page", event_id, after, limit)
        return [offer_from_row(facts, row) for row in rows]

    async def skips(
        self, event_id: str, *, after: tuple[int, str] | None = None, limit: int
    ) -> list[Skip]:
        """Skipped entries, the latest round first; ``after`` is (round_no, entry_id)."""
        facts, index = await self._names(event_id)
        round_no, entry_id = after or (None, None)
        rows = await self._pg.fetch(
            "waitlist_admin.skips_page", event_id, round_no, entry_id, limit
        )
        return [_skip(facts, index, row) for row in rows]

    async def _names(self, event_id: str) -> tuple[Facts, LineIndex]:
        facts = await self._catalog.facts(event_id)
        return facts, await self._indexes.of(facts)

    # Changing

    async def promote(
        self, event_id: str, entry_id: str, *, reason: str, actor: Actor
    ) -> LineEntry:
        """Move a waiting entry to the front, behind entries that were moved there and joined earlier.

        An entry that is there already stays, with the first reason. Raises NotFound, Conflict (not
        waiting), Unavailable (it may be done: repeat the request).
        """
        async with self._pg.transaction(event_id=event_id) as transaction:
            # No round runs until the end of this, so the log has the right number of the first round to see it.
            ((round_no,),) = await transaction.fetch("waitlist.share_line", event_id)
            await transaction.fetch(
                "waitlist_admin.promote",
                event_id,
                entry_id,
                PROMOTED,
                reason,
                actor.label,
                round_no,
            )
        entry = await self.entry(event_id, entry_id)
        if entry.status != EntryStatus.WAITING:
            raise Conflict(
                f"Only a waiting entry can be moved to the front; this one is {entry.status}.",
                code="entry-not-waiting",
            )
        await self._entries.mark(event_id, [(entry_id, entry.weight, entry.join_no)])
        return entry

    async def set_terms(
        self,
        event_id: str,
        *,
        closed: bool | None = None,
        offer_window_s: int | None = None,
        version: int,
    ) -> LineSummary:
        """Open or close the waitlist, and set how long offers last (seconds; open offers keep theirs).

        Raises PreconditionFailed when the terms are no longer at ``version``.
        """
        await self._pg.fetch("waitlist_admin.make_line", event_id, self._offer_window_s)
        changed = await self._pg.fetchrow(
            "waitlist_admin.set_terms",
            event_id,
            version,
            closed,
            offer_window_s,
            event_id=event_id,
        )
        summary = await self.summary(event_id)
        if changed is None:
            raise stale_version(summary.version)
        return summary

    async def dismiss(self, event_id: str, *, reason: str, actor: Actor) -> int:
        """Dismiss the waitlist: close it, withdraw open offers, and end the entries of everyone waiting.

        Returns how many entries were ended. Idempotent; a repetition finishes the rest after a crash.
        """
        await self._pg.fetch("waitlist_admin.make_line", event_id, self._offer_window_s)
        dismissed = await self._dismiss_waiting(event_id, reason, actor)
        for _ in range(_WITHDRAWALS_MAX):
            rows = await self._pg.fetch("waitlist_admin.open_offers", event_id)
            if not rows:
                return dismissed
            for row in rows:
                dismissed += await self._withdraw(event_id, str(row["offer_id"]), reason, actor)
        raise Unavailable("The waitlist is changing; repeat the request to dismiss the rest.")

    async def _withdraw(self, event_id: str, offer_id: str, reason: str, actor: Actor) -> int:
        try:
            await self._offers.withdraw(offer_id, reason=reason, actor=actor)
        except Gone:
            return 0  # It was answered, or ended, meanwhile.
        # At once: otherwise an entry back in the waitlist would be offered the seats that it has just returned.
        return await self._dismiss_waiting(event_id, reason, actor)

    async def _dismiss_waiting(self, event_id: str, reason: str, actor: Actor) -> int:
        # In parts, so that a round that is due need not wait for a hundred thousand entries.
        dismissed = 0
        while some := await self._dismiss_some(event_id, reason, actor):
            await self._entries.forget(event_id, some)
            dismissed += len(some)
        return dismissed

    async def _dismiss_some(self, event_id: str, reason: str, actor: Actor) -> list[str]:
        async with self._pg.transaction(event_id=event_id) as transaction:
            # With the waitlist's lock: a concurrent join is either in it by now, or is refused.
            await transaction.fetch("waitlist.lock_line", event_id)
            line = await transaction.fetchrow("waitlist_admin.close_line", event_id)
            if line is None:
                raise event_not_found(event_id)
            rows = await transaction.fetch(
                "waitlist_admin.dismiss_waiting",
                event_id,
                actor.label,
                reason,
                line["round_no"],
                _DISMISSED_AT_ONCE,
            )
            return [str(row["entry_id"]) for row in rows]


def _ids(rows: Sequence[asyncpg.Record]) -> list[UUID]:
    return [row["entry_id"] for row in rows]


def _line_entries(
    facts: Facts,
    index: LineIndex,
    rows: Sequence[asyncpg.Record],
    skipped: Sequence[asyncpg.Record],
) -> list[LineEntry]:
    """``skipped``: the result of the query of that name."""
    times = {row["entry_id"]: row["skipped"] for row in skipped}
    return [
        LineEntry(
            entry_id=str(row["entry_id"]),
            person_id=str(row["person_id"]),
            status=EntryStatus(row["status"]),
            wanted=wanted_from_row(facts, index, row),
            tier=row["tier"],
            weight=row["weight"],
            join_no=row["join_no"],
            rank=row["rank"],
            email=row["email"],
            name=row["name"],
            joined_at=row["joined_at"],
            promoted=row["promoted"],
            skipped=times.get(row["entry_id"], 0),
            version=row["version"],
        )
        for row in rows
    ]


def _skip(facts: Facts, index: LineIndex, row: asyncpg.Record) -> Skip:
    return Skip(
        round_no=row["round_no"],
        at=row["at"],
        wanted=wanted_from_row(facts, index, row),
        reason=row["reason"],
        detail=row["detail"],
        passed=row["passed"],
        entry_id=str(row["entry_id"]),
    )
