"""A round: returned seats are offered to the waitlist, in steps; a crash may follow each of them.

Under the waitlist's lock: read, match, claim the seats in Redis, write the offers and skips; commit; then
notify the people, and put unwanted seats on sale. A claim that PostgreSQL has not confirmed becomes due in
a second and is settled (``Offers.settle``); seats that should be on sale and are not are still kept, and
the next round finds them.
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import asyncpg
import structlog
from msgspec import Struct

from engine.base import metrics
from engine.base.errors import Unavailable
from engine.base.model import EventStatus, new_id
from engine.base.schedule import QUIET_S, Visits
from engine.catalog.catalog import Catalog
from engine.live.codec import encode_areas, encode_numbers, number_list
from engine.live.keys import STIRRED, held_field, owned_field
from engine.live.live import Live
from engine.live.running import NeedsRebuild
from engine.stores.postgres import Postgres, Transaction
from engine.stores.redis import RedisStore
from engine.waitlist import scripts
from engine.waitlist.candidates import LineIndexes
from engine.waitlist.matching import (
    LineIndex,
    Match,
    Matching,
    Pool,
    Waiting,
    WishLine,
    match,
    wanted,
)

log = structlog.get_logger(__name__)

#: How long Redis keeps a claim that PostgreSQL has not confirmed, in ms.
_STANDS_MS: Final = 1000
#: A larger pool is matched in a thread, because it may block the loop for too long.
_LARGE: Final = 200
#: Retries of a matching when a seat was taken or a person reached their limit meanwhile.
_MATCHINGS_MAX: Final = 20
#: Extra entries read at first, because some people may already be at their limit.
_MORE: Final = 50


class _Mistaken(Exception):
    """Redis shows sold or offered places as free: the round is aborted, and Redis corrected."""


class _EventRound(Struct):
    """One round under way."""

    event_id: str
    #: The round's id in Redis: only the last round that has read puts unwanted seats on sale.
    look: str
    window_s: int
    seen: scripts.EventView
    matching: Matching
    offer_ids: list[str]
    at_limit: set[str]
    to_sale: list[int]
    anybody: bool


class RoundOffer(NamedTuple):
    """PostgreSQL's type ``round_offer``, field by field."""

    offer_id: str
    entry_id: str
    seats: list[int]
    areas: str
    quantity: int


class RoundSkip(NamedTuple):
    """PostgreSQL's type ``round_skip``: skipped entries of one wish, and the place that they are ahead of."""

    wish_no: int
    reason: str
    detail: str
    weight: int
    join_no: int
    entry_id: str


class Rounds:
    def __init__(
        self,
        *,
        postgres: Postgres,
        redis: RedisStore,
        live: Live,
        catalog: Catalog,
        indexes: LineIndexes,
    ) -> None:
        self._pg = postgres
        self._redis = redis
        self._live = live
        #: Without a rebuild: a round holds the waitlist's lock, for which a rebuild would wait.
        self._run = live.running.run_without_rebuild
        self._catalog = catalog
        self._indexes = indexes
        #: By event, the mark of ``watch_line.lua`` at which a round found no more work.
        self._done: dict[str, str] = {}
        self._visits = Visits()
        #: Events for which Redis has published that there may be seats for the waitlist.
        self._stirred: set[str] = set()
        self._lines: list[str] = []
        self._lines_read = -math.inf

    async def hear(self, wake: Callable[[], object], stopping: asyncio.Event) -> None:
        """Collect the events published on ``stirred``, and call ``wake``. Ends when it is cancelled and
        ``stopping`` is set. Messages missed while Redis is away are made up for at the next check.
        """

        def heard(event_id: bytes) -> None:
            self._stirred.add(event_id.decode())
            wake()

        await self._redis.listen(STIRRED, heard, stopping)

    async def due(self) -> list[str]:
        """Events with a notification, or not checked for a second."""
        if time.monotonic() - self._lines_read >= QUIET_S:
            self._lines = [row["event_id"] for row in await self._pg.fetch("waitlist.lines")]
            self._lines_read = time.monotonic()
        # Last, so that none is forgotten when PostgreSQL is away.
        stirred, self._stirred = self._stirred, set()
        return list({*stirred, *self._visits.due(self._lines)})

    async def serve(self, event_id: str) -> int:
        """Run a round if there may be seats to offer. Returns how many offers were made."""
        self._visits.again(event_id, 0.0)  # if this fails, it is tried again at once
        watched = await scripts.watch(self._live.running.run, event_id)
        made = 0
        if watched.waiting and self._done.get(event_id) != watched.mark:
            made = await self.run_round(event_id)
        self._visits.again(event_id, 0.0 if made else QUIET_S)
        return made

    async def run_round(self, event_id: str) -> int:
        """Run a round, unless another worker is running one. Raises Unavailable, NotFound."""
        index = await self._indexes.of(await self._catalog.facts(event_id))
        try:
            async with self._pg.transaction(event_id=event_id, long=True) as transaction:
                if not (await transaction.fetch("waitlist.try_round", event_id))[0][0]:
                    return 0
                with metrics.WAITLIST_ROUND.time():
                    done = await self._decide(transaction, event_id, index)
        except NeedsRebuild:
            await self._live.rebuilding.rebuild(event_id)
            return 0
        except _Mistaken:
            await self._live.reconciling.reconcile(event_id)
            return 0
        if done is None:
            return 0
        if done.offer_ids:
            await self._live.offers.load(event_id, done.offer_ids)
            metrics.OFFERS.labels("made").inc(len(done.offer_ids))
        sold = await self._sell(done)
        if sold and done.anybody and not done.offer_ids:
            # With an empty waitlist, rounds go on until Redis agrees: somebody may be joining.
            self._done[event_id] = done.seen.mark
        return len(done.offer_ids)

    async def _decide(
        self, transaction: Transaction, event_id: str, index: LineIndex
    ) -> _EventRound | None:
        await transaction.fetch("waitlist.lock_line", event_id)
        terms = await transaction.fetchrow("waitlist.line", event_id)
        if terms is None:
            await self._sell_all(event_id)
        if terms is None or terms["status"] != EventStatus.ON_SALE:
            return None
        done = await self._match(transaction, event_id, index, terms)
        if done is None:
            return None
        if done.offer_ids or done.to_sale:
            await self._write(transaction, done)
        if not done.anybody:
            # While nobody can join: from the next join on returned seats are kept again.
            await scripts.sell_all(self._run, event_id, done.look)
        return done

    async def _sell_all(self, event_id: str) -> None:
        """Put all kept seats on sale: nobody has ever joined, because the expected join failed."""
        look_id = new_id()
        await scripts.look(self._run, event_id, look_id)
        await scripts.sell_all(self._run, event_id, look_id)

    async def _match(
        self,
        transaction: Transaction,
        event_id: str,
        index: LineIndex,
        terms: asyncpg.Record,
    ) -> _EventRound | None:
        """Match until the claims of all matches have succeeded. None: the event was paused."""
        limit, window_s = terms["buyer_limit"], terms["offer_window_s"]
        at_limit: set[str] = set()
        look_id = new_id()
        for _ in range(_MATCHINGS_MAX):
            seen = await scripts.look(self._run, event_id, look_id)
            pool = await self._liked(transaction, event_id, index, seen.for_line())
            room = len(pool.seats) + sum(pool.areas.values())
            heads = await self._heads(transaction, event_id, room, limit, at_limit)
            line = [_wish_line(row, at_limit) for row in heads]
            if room > _LARGE:
                matching = await asyncio.to_thread(match, index, pool, line)
            else:
                matching = match(index, pool, line)
            matches = await self._still_there(transaction, event_id, matching)
            offer_ids = [new_id() for _ in matches]
            reply = await self._claim(event_id, seen, matches, offer_ids)
            if isinstance(reply, scripts.Claimed):
                given = {n for found in matches for n in found.seats}
                to_sale = sorted(seen.kept() - given)
                return _EventRound(
                    event_id,
                    look_id,
                    window_s,
                    seen,
                    matching,
                    offer_ids,
                    at_limit,
                    to_sale,
                    bool(heads),
                )
            if isinstance(reply, scripts.AtLimit):
                at_limit |= await self._limited(event_id, heads, limit)
            elif isinstance(reply, scripts.WaitlistClosed):
                return None
        raise Unavailable("Others were faster each time; the next round tries again.")

    async def _liked(
        self, transaction: Transaction, event_id: str, index: LineIndex, pool: Pool
    ) -> Pool:
        """The places of the pool that fit a wish in the waitlist: most places on sale may fit none."""
        wishes = await transaction.fetch("waitlist.heads", event_id, 0, 0)
        liked = wanted(index, pool, [_wish_line(row, set()) for row in wishes])
        return Pool(frozenset(liked.seats), liked.areas, pool.prices)

    async def _heads(
        self,
        transaction: Transaction,
        event_id: str,
        room: int,
        limit: int,
        at_limit: set[str],
    ) -> list[asyncpg.Record]:
        """By wish, the first people waiting: enough of them below their limit, or all.

        Adds those who own as many places as the event allows to ``at_limit``.
        """
        more = len(at_limit)
        while True:
            heads = await transaction.fetch("waitlist.heads", event_id, room, more)
            for row in heads:
                at_limit |= _over(row, row["owned"], limit)
            if all(_are_enough(row, room, more, at_limit) for row in heads):
                return heads
            more = max(_MORE, 4 * more)

    async def _limited(
        self, event_id: str, heads: Sequence[asyncpg.Record], limit: int
    ) -> set[str]:
        """Those of them who hold and own as many places as the event allows, as Redis counts."""
        limited = set()
        for row in heads:
            people = row["person_ids"]
            fields = [field(person) for person in people for field in (held_field, owned_field)]
            found = await self._live.running.read(event_id, "HMGET", "buyers", *fields)
            counts = [int((count or b"0").split(b":")[0]) for count in found]
            owned = [held + sold for held, sold in zip(counts[::2], counts[1::2], strict=True)]
            limited |= _over(row, owned, limit)
        return limited

    async def _still_there(
        self, transaction: Transaction, event_id: str, matching: Matching
    ) -> Sequence[Match]:
        """The matches, with their seats and areas locked. Raises _Mistaken."""
        wanted = _places_of(matching.matches)
        if wanted:
            areas = await transaction.fetch("waitlist.lock_areas", event_id, sorted(wanted))
            short = [row["area_no"] for row in areas if row["free"] < wanted[row["area_no"]]]
            if short:
                log.warning(
                    "round aborted: Redis offered sold places", event_id=event_id, areas=short
                )
                raise _Mistaken
        seats = sorted(n for found in matching.matches for n in found.seats)
        if not seats:
            return matching.matches
        rows = await transaction.fetch("waitlist.lock_seats", event_id, seats)
        if len(rows) == len(seats):
            return matching.matches
        missing = sorted(set(seats) - {row["seat_no"] for row in rows})
        log.warning("round aborted: Redis offered sold places", event_id=event_id, seats=missing)
        raise _Mistaken

    async def _claim(
        self,
        event_id: str,
        seen: scripts.EventView,
        matches: Sequence[Match],
        offer_ids: Sequence[str],
    ) -> scripts.ClaimReply:
        if not matches:
            return scripts.Claimed()
        offers = list(zip(offer_ids, matches, strict=True))
        return await scripts.claim(self._run, event_id, seen.prices, _STANDS_MS, offers)

    async def _write(self, transaction: Transaction, done: _EventRound) -> None:
        matches, passed, seen = done.matching.matches, done.matching.passed, done.seen
        liked = done.matching.wanted
        # Redis counts nobody while its waitlist is lost and not reloaded yet.
        waiting = seen.waiting or (await transaction.fetch("waitlist.waiting", done.event_id))[0][0]
        rows = await transaction.fetch(
            "waitlist.write_round",
            done.event_id,
            sorted(set(liked.seats) | seen.kept()),
            {str(no): places for no, places in liked.areas.items()},
            number_list(seen.prices),
            done.to_sale,
            sorted(done.at_limit),
            waiting,
            [_offered(*offer) for offer in zip(done.offer_ids, matches, strict=True)],
            [RoundSkip(p.wish_no, p.reason, p.detail, *p.before, p.entry.entry_id) for p in passed],
            seen.prices.decode(),
            done.window_s,
        )
        assert len(rows) == max(1, len(matches))

    async def _sell(self, done: _EventRound) -> bool:
        """Put returned seats on sale that fit no wish in the waitlist. False: another round has read since,
        and decides.
        """
        given = _places_of(done.matching.matches)
        spare = ",".join(
            f"{no}:{kept - given.get(no, 0)}"
            for no, (_, kept) in done.seen.areas.items()
            if kept > given.get(no, 0)
        )
        if not done.anybody or not (done.to_sale or spare):
            return True
        seats = encode_numbers(done.to_sale)
        return await scripts.sell(self._live.running.run, done.event_id, seats, spare, done.look)


def _offered(offer_id: str, found: Match) -> RoundOffer:
    return RoundOffer(
        offer_id=offer_id,
        entry_id=found.entry.entry_id,
        seats=list(found.seats),
        areas=encode_areas(found.areas),
        quantity=len(found.seats) + sum(found.areas.values()),
    )


def _places_of(matches: Sequence[Match]) -> dict[int, int]:
    """Places of areas that these matches use."""
    given: dict[int, int] = {}
    for found in matches:
        for no, places in found.areas.items():
            given[no] = given.get(no, 0) + places
    return given


def _over(row: asyncpg.Record, owned: Sequence[int], limit: int) -> set[str]:
    """People who would exceed the limit with this wish's places."""
    people = zip(row["person_ids"], owned, strict=True)
    return {person for person, count in people if count + row["quantity"] > limit}


def _are_enough(row: asyncpg.Record, room: int, more: int, at_limit: set[str]) -> bool:
    """Whether the waitlist has no more entries of this wish, or the pool no room for more."""
    enough: int = room // row["quantity"] + 1
    people: list[str] = row["person_ids"]
    return len(people) < enough + more or sum(p not in at_limit for p in people) >= enough


def _wish_line(row: asyncpg.Record, without: set[str]) -> WishLine:
    people = zip(row["entry_ids"], row["person_ids"], row["weights"], row["join_nos"], strict=True)
    waiting = [Waiting(*person) for person in people if person[1] not in without]
    return WishLine(
        wish_no=row["wish_no"],
        quantity=row["quantity"],
        together=row["together"],
        categories=_numbers(row["categories"]),
        sections=_numbers(row["sections"]),
        max_amount_minor=row["max_amount_minor"],
        waiting=waiting,
        count=len(waiting),
    )


def _numbers(numbers: Sequence[int] | None) -> frozenset[int] | None:
    return None if numbers is None else frozenset(numbers)
