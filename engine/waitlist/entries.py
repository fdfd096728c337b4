"""Waitlist entries: joining, reading, changing, leaving.

PostgreSQL keeps the entries, their order and wishes; Redis keeps how many are ahead of each, and whether
anybody waits: while somebody does, returned seats are offered to the waitlist before they are on sale
(``common.lua``). Joins that arrive together are written together (``engine.base.batch``).
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

import asyncpg
import msgspec
from msgspec import UNSET

from engine.base import metrics
from engine.base.batch import Batcher
from engine.base.caching import SingleFlight
from engine.base.config import Settings
from engine.base.errors import (
    Conflict,
    LimitReached,
    NotFound,
    PreconditionFailed,
    Unavailable,
)
from engine.base.mail_addresses import checked_buyer
from engine.base.model import EventStatus, new_id
from engine.catalog.catalog import Catalog, event_not_found
from engine.catalog.model import Facts
from engine.live.live import Live
from engine.live.running import NeedsRebuild
from engine.live.scripts import end_offer, leave_line, rank
from engine.stores.postgres import Postgres, Transaction
from engine.waitlist import scripts
from engine.waitlist.candidates import LineIndexes
from engine.waitlist.estimate import CameBack, estimate
from engine.waitlist.matching import LineIndex, Places
from engine.waitlist.model import (
    Contact,
    Entry,
    EntryStatus,
    Estimate,
    Offer,
    Wanted,
    WantedPatch,
)
from engine.waitlist.offers import offer_from_row
from engine.waitlist.possible import Possible
from engine.waitlist.wishes import (
    Join,
    Wish,
    contact_from_row,
    find_on_sale,
    join_command,
    read_wish,
    wanted_from_row,
)

#: Places on sale are looked up once for all joins with the same wish within this time.
_ON_SALE_FRESH_S: Final = 0.1
_ON_SALE_MAX: Final = 1000
_REBUILDS_MAX: Final = 5
_NAMED_MAX: Final = 5
#: How old the data of an estimate may be.
_STATISTICS_FRESH_S: Final = 5.0
_STATISTICS_MAX: Final = 1000


class Entries:
    def __init__(
        self,
        *,
        postgres: Postgres,
        live: Live,
        catalog: Catalog,
        indexes: LineIndexes,
        settings: Settings,
    ) -> None:
        self._pg = postgres
        self._live = live
        self._catalog = catalog
        self._indexes = indexes
        self._settings = settings
        self._weights = {
            "regular": settings.waitlist_weight_regular,
            "premium": settings.waitlist_weight_premium,
            "vip": settings.waitlist_weight_vip,
        }
        self._joining: Batcher[Join, asyncpg.Record] = Batcher(
            "join",
            self._join_batch,
            conflicts=lambda join: ((join.event_id, join.person_id),),
            bulkhead=postgres.bulkhead,
            event_of=lambda join: join.event_id,
        )
        self._on_sale: SingleFlight[tuple[str, Wish], Places | None] = SingleFlight(
            _ON_SALE_MAX, fresh_s=_ON_SALE_FRESH_S
        )
        self._statistics: SingleFlight[str, asyncpg.Record | None] = SingleFlight(
            _STATISTICS_MAX, fresh_s=_STATISTICS_FRESH_S
        )
        self._possible = Possible()

    async def drain(self) -> None:
        """Wait for all joins under way."""
        await self._joining.drain()

    async def join(
        self, event_id: str, person_id: str, wanted: Wanted, contact: Contact
    ) -> tuple[Entry, bool]:
        """Join the waitlist. True: made now; a repetition with the same wish returns the same entry.

        Raises Conflict (the wish can be bought, naming the seats; no place of the house could ever serve
        it; the person waits with another wish already; the waitlist is closed; the event is not on sale),
        LimitReached, InvalidInput, NotFound, Unavailable.
        """
        contact = _checked(contact)
        facts = await self._catalog.facts(event_id)
        index = await self._indexes.of(facts)
        wish = read_wish(facts, index, wanted)
        there = await self._entry_of(event_id, person_id)
        if there is None:
            await self._check_need(facts, index, wish)
        row = await self._joining.submit(Join(event_id, new_id(), person_id, wish, contact))
        if row["outcome"] == "unknown":
            raise event_not_found(event_id)
        if row["outcome"] == "closed":
            raise Conflict("Nobody can join this waitlist any more.", code="waitlist-closed")
        if row["outcome"] == "there" and not row["same"]:
            raise Conflict(
                "You are in this waitlist already; change your entry, or leave and join again.",
                code="already-waiting",
                entry_id=str(row["entry_id"]),
            )
        made = row["outcome"] == "joined"
        entry_id = str(row["entry_id"])
        place = (entry_id, row["weight"], row["join_no"])
        if made:
            metrics.WAITLIST_JOINED.inc()
            await self.mark(event_id, [place])
        entry = await self.read(entry_id)
        if entry.status == EntryStatus.WAITING and entry.rank is None:
            # The process that made the entry may have died before Redis had it.
            await self.mark(event_id, [place])
            entry = await self.read(entry_id)
        if entry.status != EntryStatus.WAITING:
            # A round was faster than we were, and the entry is no longer waiting.
            await self.forget(event_id, [entry_id])
        return entry, made

    async def _entry_of(self, event_id: str, person_id: str) -> asyncpg.Record | None:
        rows = await self._pg.fetch("waitlist.entries_of_person", person_id, event_id)
        return next((r for r in rows if r["status"] in ("waiting", "offered")), None)

    async def _join_batch(self, joins: list[Join]) -> list[asyncpg.Record]:
        event_ids = sorted({join.event_id for join in joins})
        for _ in range(_REBUILDS_MAX):
            async with self._pg.transaction() as transaction:
                for event_id in event_ids:
                    await transaction.fetch("waitlist.share_line", event_id)
                # PostgreSQL has the entries first, and from then on no returned seat may bypass them. No round
                # can find the waitlist empty before this is committed, because it would need the lock.
                known = await asyncio.gather(*map(self._expect_join, event_ids))
                if all(known):
                    return await self._write_joins(transaction, joins)
            for event_id, is_known in zip(event_ids, known, strict=True):
                if not is_known:
                    await self._live.rebuilding.rebuild(event_id)
        raise Unavailable("The event's state is being rebuilt; try again shortly.", retry_after_s=1)

    async def _expect_join(self, event_id: str) -> bool:
        """Let Redis keep returned seats for the entries about to join. False: Redis has lost the event."""
        try:
            await scripts.expect_join(self._live.running.run_without_rebuild, event_id)
        except NeedsRebuild:
            return False
        return True

    async def _write_joins(
        self, transaction: Transaction, joins: list[Join]
    ) -> list[asyncpg.Record]:
        rows = await transaction.fetch(
            "waitlist.join",
            [join_command(join) for join in joins],
            self._settings.offer_window_s,
            self._weights,
        )
        return sorted(rows, key=lambda row: int(row["ord"]))

    async def _check_need(self, facts: Facts, index: LineIndex, wish: Wish) -> None:
        """Refuse a wish that can be bought at once, or that the buyer's limit forbids."""
        terms = await self._pg.fetchrow("inventory.event_terms", facts.event_id)
        if terms is None:
            raise event_not_found(facts.event_id)
        if terms["status"] == EventStatus.CANCELLED:
            raise Conflict("The event is cancelled.", code="event-not-on-sale")
        if wish.quantity > terms["buyer_limit"]:
            raise LimitReached(
                f"One buyer may have {terms['buyer_limit']} places of this event; "
                f"you asked for {wish.quantity}.",
                limit=terms["buyer_limit"],
            )
        await self._check_possible(facts, index, wish)
        match = await self._simply_on_sale(facts, index, wish)
        if match is None:
            return
        names = [facts.layout.seat_label(n) for n in match.seats[:_NAMED_MAX]]
        names += [facts.layout.area_label(n) for n in match.areas]
        raise Conflict(
            f"Your wish is on sale: {'; '.join(names)}. You do not have to wait for it.",
            code="still-on-sale",
            url=f"{self._settings.public_url.rstrip('/')}/events/{facts.event_id}",
            seats=list(match.seats),
            areas=list(match.areas),
        )

    async def _check_possible(self, facts: Facts, index: LineIndex, wish: Wish) -> None:
        floors = [0] * len(facts.layout.categories)
        if wish.max_amount_minor is not None:
            for row in await self._pg.fetch("waitlist.price_floors", facts.event_id):
                floors[row["category_no"]] = row["floor_minor"]
        areas = {no: area.capacity for no, area in enumerate(facts.layout.areas)}
        await asyncio.to_thread(
            self._possible.check, facts.layout_id, index, areas, floors, wish.alone()
        )

    async def _simply_on_sale(self, facts: Facts, index: LineIndex, wish: Wish) -> Places | None:
        key = (facts.event_id, wish)
        look = partial(self._look_for, facts.event_id, index, wish)
        found = await self._on_sale.get(key, look)
        if found is not None:
            # It may be sold the next moment; then the person has to wait.
            self._on_sale.forget(key)
        return found

    async def _look_for(self, event_id: str, index: LineIndex, wish: Wish) -> Places | None:
        seen = await scripts.look(self._live.running.run, event_id)
        if seen.status != EventStatus.ON_SALE:
            return None
        return await asyncio.to_thread(find_on_sale, index, seen, wish.alone())

    async def read(self, entry_id: str, *, person_id: str | None = None) -> Entry:
        """One entry. With ``person_id`` only its owner's. Raises NotFound."""
        row = await self._pg.fetchrow("waitlist.entry", entry_id)
        if row is None:
            raise _unknown_entry(entry_id)
        if person_id is not None and str(row["person_id"]) != person_id:
            raise _unknown_entry(entry_id)
        return (await self._from_rows([row]))[0]

    async def of_person(self, person_id: str, *, event_id: str | None = None) -> list[Entry]:
        """A person's entries, newest first, at most a hundred."""
        return await self._from_rows(
            await self._pg.fetch("waitlist.entries_of_person", person_id, event_id)
        )

    async def change(
        self, entry_id: str, person_id: str, patch: WantedPatch, *, version: int
    ) -> Entry:
        """Change the wish or the contact of an entry, at the same place in the waitlist.

        Raises as ``join``, and PreconditionFailed when the entry is no longer at ``version``.
        """
        row = await self._pg.fetchrow("waitlist.entry", entry_id)
        if row is None:
            raise _unknown_entry(entry_id)
        if str(row["person_id"]) != person_id:
            raise _unknown_entry(entry_id)
        event_id = str(row["event_id"])
        facts = await self._catalog.facts(event_id)
        index = await self._indexes.of(facts)
        before = wanted_from_row(facts, index, row)
        fields = {
            name: value
            for name in ("quantity", "together", "categories", "sections", "max_price")
            if (value := getattr(patch, name)) is not UNSET
        }
        wish = read_wish(facts, index, msgspec.structs.replace(before, **fields))
        if wish != read_wish(facts, index, before):
            await self._check_need(facts, index, wish)
        contact = contact_from_row(row) if patch.contact is UNSET else _checked(patch.contact)
        changed = await self._pg.fetchrow(
            "waitlist.change",
            entry_id,
            person_id,
            version,
            wish.quantity,
            wish.together,
            wish.categories or (),
            wish.sections or (),
            wish.max_amount_minor,
            contact.buyer.email if contact.buyer else None,
            contact.buyer.name if contact.buyer else "",
            contact.language,
            event_id=event_id,
        )
        assert changed is not None
        if changed["outcome"] == "stale":
            raise PreconditionFailed(
                f"The entry is at version {changed['version']} now; read it again and repeat.",
                current_version=changed["version"],
            )
        if changed["outcome"] != "changed":
            raise Conflict(
                "Only a waiting entry can be changed; this one has an offer or has ended.",
                code="entry-ended",
            )
        await self.mark(event_id, [(entry_id, changed["weight"], changed["join_no"])])
        entry = await self.read(entry_id)
        if entry.status != EntryStatus.WAITING:
            await self.forget(event_id, [entry_id])
        return entry

    async def leave(self, entry_id: str, person_id: str) -> None:
        """Leave the waitlist; an open offer is declined with it. Idempotent."""
        known = await self._pg.fetchrow("waitlist.entry", entry_id)
        if known is None:
            raise _unknown_entry(entry_id)
        row = await self._pg.fetchrow(
            "waitlist.leave", entry_id, person_id, event_id=known["event_id"]
        )
        assert row is not None
        if row["outcome"] == "unknown":
            raise _unknown_entry(entry_id)
        if row["outcome"] == "foreign":
            raise _unknown_entry(entry_id)
        event_id = str(row["event_id"])
        if row["offer_id"] is not None:
            offer_id = str(row["offer_id"])
            await end_offer(self._live.running.run, event_id, offer_id, "declined")
        await self.forget(event_id, [entry_id])

    async def rank(self, event_id: str, entry_id: str) -> tuple[int | None, int]:
        """An entry's place in the waitlist (1 is next; None when it is not in it), and how many wait."""
        found = await rank(self._live.running.run, event_id, entry_id)
        return (None if found.ahead is None else found.ahead + 1), found.waiting

    async def mark(self, event_id: str, places: Sequence[tuple[str, int, int]]) -> None:
        """Put entries (entry_id, weight, join_no) into Redis's waitlist; a round is due.

        From here on no returned seat bypasses them.
        """
        await scripts.take_places(self._live.running.run, event_id, places)

    async def forget(self, event_id: str, entry_ids: Sequence[str]) -> None:
        """Take entries out of Redis's waitlist."""
        await leave_line(self._live.running.run, event_id, entry_ids)

    async def _from_rows(self, rows: Sequence[asyncpg.Record]) -> list[Entry]:
        found = await self._pg.fetch(
            "waitlist.latest_offers",
            [row["event_id"] for row in rows],
            [row["entry_id"] for row in rows],
        )
        offers = {row["entry_id"]: row for row in found}
        return [await self._entry(row, offers.get(row["entry_id"])) for row in rows]

    async def _entry(self, row: asyncpg.Record, offered: asyncpg.Record | None) -> Entry:
        event_id = str(row["event_id"])
        facts = await self._catalog.facts(event_id)
        index = await self._indexes.of(facts)
        offer: Offer | None = None if offered is None else offer_from_row(facts, offered)
        rank, waiting = None, 0
        likely: Estimate | None = None
        if row["status"] in ("waiting", "offered"):
            rank, waiting = await self.rank(event_id, str(row["entry_id"]))
        if row["status"] == "waiting" and rank is not None:
            likely = await self._estimate(event_id, rank, row["quantity"])
        return Entry(
            entry_id=str(row["entry_id"]),
            event_id=event_id,
            status=EntryStatus(row["status"]),
            wanted=wanted_from_row(facts, index, row),
            tier=row["tier"],
            rank=rank if row["status"] == "waiting" else None,
            waiting=waiting,
            estimate=likely,
            offer_window_s=row["offer_window_s"],
            contact=contact_from_row(row),
            joined_at=row["joined_at"],
            version=row["version"],
            offer=offer,
        )

    async def _estimate(self, event_id: str, rank: int, quantity: int) -> Estimate:
        read = partial(self._pg.fetchrow, "waitlist.statistics", event_id)
        row = await self._statistics.get(event_id, read)
        assert row is not None
        windows = [
            CameBack(
                min(window_s, row["age_s"]), row[f"{name}_offers"] or 0, row[f"{name}_places"] or 0
            )
            for name, window_s in (("hour", 3600.0), ("day", 86400.0), ("ever", float("inf")))
        ]
        # By the average wish: the sum of all wishes ahead would cost more the further back an entry is.
        return estimate(round((rank - 1) * row["quantity"]), windows, quantity=quantity)


def _checked(contact: Contact) -> Contact:
    """The contact with its address in its stored form. Raises InvalidInput."""
    if contact.buyer is None:
        return contact
    buyer = checked_buyer(contact.buyer, key="contact.buyer.email")
    return msgspec.structs.replace(contact, buyer=buyer)


def _unknown_entry(entry_id: str) -> NotFound:
    return NotFound(f"There is no waitlist entry {entry_id}.", code="entry-not-found")
