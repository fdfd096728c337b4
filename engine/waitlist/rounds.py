"""A round: what came back is offered to the line, in steps that may each be the last.

Under the line's lock: look, match, claim the seats in Redis, write down who is offered what and who was
passed over; commit; then tell the people, and put on sale what nobody wants. A claim without PostgreSQL's
word comes due in a second and is looked at again (``Offers.settle``); what was to go on sale and did not
is kept still, and the next round finds it.
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from typing import Final

import asyncpg
import structlog
from msgspec import Struct
from redis.exceptions import RedisError

from engine.base import metrics
from engine.base.errors import Unavailable
from engine.base.model import EventStatus, new_id
from engine.base.schedule import QUIET_S, Visits
from engine.catalog.catalog import Catalog
from engine.live.inventory import Inventory, number_list
from engine.stores.postgres import Postgres, Transaction
from engine.stores.redis import RedisStore
from engine.waitlist.candidates import LineIndexes, Seen, read_seen
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

#: Where scripts publish the events whose lines may have something to get (``stir`` of common.lua).
_STIRRED: Final = "stirred"
#: Redis is listened to in turns of this length, and asked again so long after it went away.
_SILENCE_S: Final = 1.0
_RETRY_S: Final = 0.2

#: So long a claim stands without PostgreSQL's word.
_LAY_MS: Final = 1000
#: Matching a pool larger than this may take longer than others on the loop should wait.
_LARGE: Final = 200
#: So often a round matches anew, because a seat was taken or a person reached their limit meanwhile.
_MATCHINGS_MAX: Final = 20
#: So many more of the line are read at first where some may have no more places.
_MORE: Final = 50


class _Rebuild(Exception):
    """Redis has lost the event: the round is given up, so that its state can be laid anew."""


class _Mistaken(Exception):
    """Redis shows as free what PostgreSQL has sold or offered: the round is given up, so that it can be corrected."""


class _Round(Struct):
    """One round under way."""

    event_id: str
    #: Names it to Redis: only the last round to look puts on sale what nobody wants.
    look: str
    window_s: int
    seen: Seen
    matching: Matching
    offer_ids: list[str]
    at_limit: set[str]
    to_sale: list[int]
    anybody: bool


class Rounds:
    def __init__(
        self,
        *,
        postgres: Postgres,
        redis: RedisStore,
        inventory: Inventory,
        catalog: Catalog,
        indexes: LineIndexes,
    ) -> None:
        self._pg = postgres
        self._redis = redis
        self._inventory = inventory
        self._catalog = catalog
        self._indexes = indexes
        #: By event, the mark of ``watch_line.lua`` at which a round found nothing left to do.
        self._done: dict[str, str] = {}
        self._visits = Visits()
        #: Events where Redis says that there may be something for the line.
        self._stirred: set[str] = set()
        self._lines: list[str] = []
        self._lines_read = -math.inf

    async def hear(self, wake: Callable[[], object], stopping: asyncio.Event) -> None:
        """Note every event whose line has been stirred, and ``wake``. Ends when it is cancelled and
        ``stopping`` is set: the library may lose a cancellation that meets a message or its timeout.

        What is missed while Redis is away is found at the next visit.
        """
        while not stopping.is_set():
            try:
                async with self._redis.client.pubsub() as pubsub:
                    await pubsub.subscribe(_STIRRED)
                    while not stopping.is_set():
                        message = await pubsub.get_message(timeout=_SILENCE_S)
                        if message is not None and message["type"] == "message":
                            self._stirred.add(message["data"].decode())
                            wake()
            except (RedisError, OSError):
                await asyncio.sleep(_RETRY_S)

    async def due(self) -> list[str]:
        """Events whose line was stirred, or has not been looked at for a second."""
        if time.monotonic() - self._lines_read >= QUIET_S:
            self._lines = [row["event_id"] for row in await self._pg.fetch("waitlist.lines")]
            self._lines_read = time.monotonic()
        # Last, so that none is forgotten where PostgreSQL is away.
        stirred, self._stirred = self._stirred, set()
        return list({*stirred, *self._visits.due(self._lines)})

    async def serve(self, event_id: str) -> int:
        """Hold a round if there may be anything to have. Returns how many offers were made."""
        self._visits.again(event_id, 0.0)  # where this fails, it is tried again at once
        _, waiting, mark, _ = await self._inventory.run("watch_line", event_id)
        made = 0
        if waiting != b"0" and self._done.get(event_id) != mark.decode():
            made = await self.hold(event_id)
        self._visits.again(event_id, 0.0 if made else QUIET_S)
        return made

    async def hold(self, event_id: str) -> int:
        """A round, unless another worker holds one just now. Raises Unavailable, NotFound."""
        index = await self._indexes.of(await self._catalog.facts(event_id))
        try:
            async with self._pg.transaction(event_id=event_id, long=True) as transaction:
                if not (await transaction.fetch("waitlist.try_round", event_id))[0][0]:
                    return 0
                with metrics.WAITLIST_ROUND.time():
                    done = await self._decide(transaction, event_id, index)
        except _Rebuild:
            await self._inventory.rebuild(event_id)
            return 0
        except _Mistaken:
            await self._inventory.reconcile(event_id)
            return 0
        if done is None:
            return 0
        if done.offer_ids:
            await self._inventory.lay_offers(event_id, done.offer_ids)
            metrics.OFFERS.labels("made").inc(len(done.offer_ids))
        sold = await self._sell(done)
        if sold and done.anybody and not done.offer_ids:
            # With nobody in line, rounds go on until Redis says so, too: somebody may join just now.
            self._done[event_id] = done.seen.mark
        return len(done.offer_ids)

    async def _decide(
        self, transaction: Transaction, event_id: str, index: LineIndex
    ) -> _Round | None:
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
            # While nobody can join: from the next one on everything is kept again.
            await self._run("sell", event_id, "0", "", "", done.look)
        return done

    async def _sell_all(self, event_id: str) -> None:
        """Nobody has ever stood in line: whoever was about to could not be written down."""
        look_id = new_id()
        await self._run("pool", event_id, look_id)
        await self._run("sell", event_id, "0", "", "", look_id)

    async def _match(
        self,
        transaction: Transaction,
        event_id: str,
        index: LineIndex,
        terms: asyncpg.Record,
    ) -> _Round | None:
        """Match until the claims of all the matches have been taken. None: the event was paused."""
        limit, window_s = terms["buyer_limit"], terms["offer_window_s"]
        at_limit: set[str] = set()
        look_id = new_id()
        for _ in range(_MATCHINGS_MAX):
            seen = read_seen(await self._run("pool", event_id, look_id))
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
            if reply[0] == b"claimed":
                given = {n for found in matches for n in found.seats}
                to_sale = sorted(seen.kept() - given)
                return _Round(
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
            if reply[0] == b"limit":
                at_limit |= await self._limited(event_id, heads, limit)
            elif reply[0] == b"closed":
                return None
        raise Unavailable("Others were faster each time; the next round tries again.")

    async def _liked(
        self, transaction: Transaction, event_id: str, index: LineIndex, pool: Pool
    ) -> Pool:
        """What of the pool somebody in line would take: most of what is on sale may be nobody's wish."""
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
        """By wish, the first in line: enough of them who may have more places, or all.

        Notes in ``at_limit`` those who own as many already as the event allows.
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
        """Who of them holds and owns as many as the event allows, as Redis counts."""
        limited = set()
        for row in heads:
            fields = [f"{kind}:{person}" for person in row["person_ids"] for kind in "ho"]
            found = await self._inventory.read(event_id, "HMGET", "buyers", *fields)
            # h: places held; o: "sold:version".
            counts = [int((count or b"0").split(b":")[0]) for count in found]
            owned = [held + sold for held, sold in zip(counts[::2], counts[1::2], strict=True)]
            limited |= _over(row, owned, limit)
        return limited

    async def _still_there(
        self, transaction: Transaction, event_id: str, matching: Matching
    ) -> Sequence[Match]:
        """The matches, whose seats and areas are locked now. Raises _Mistaken."""
        wanted = _places_of(matching.matches)
        if wanted:
            areas = await transaction.fetch("waitlist.lock_areas", event_id, sorted(wanted))
            short = [row["area_no"] for row in areas if row["free"] < wanted[row["area_no"]]]
            if short:
                log.warning("offered what is sold", event_id=event_id, areas=short)
                raise _Mistaken
        seats = sorted(n for found in matching.matches for n in found.seats)
        if not seats:
            return matching.matches
        rows = await transaction.fetch("waitlist.lock_seats", event_id, seats)
        if len(rows) == len(seats):
            return matching.matches
        missing = sorted(set(seats) - {row["seat_no"] for row in rows})
        log.warning("offered what is sold", event_id=event_id, seats=missing)
        raise _Mistaken

    async def _claim(
        self, event_id: str, seen: Seen, matches: Sequence[Match], offer_ids: Sequence[str]
    ) -> list[bytes]:
        if not matches:
            return [b"claimed"]
        arguments: list[str | int | bytes] = []
        for found, offer_id in zip(matches, offer_ids, strict=True):
            arguments += [
                offer_id,
                found.entry.person_id,
                ",".join(map(str, found.seats)),
                _areas_text(found),
                len(found.seats) + sum(found.areas.values()),
                found.entry.entry_id,
            ]
        reply: list[bytes] = await self._run("claim", event_id, seen.prices, _LAY_MS, *arguments)
        return reply

    async def _run(self, script: str, event_id: str, *arguments: str | int | bytes) -> list[bytes]:
        """As Inventory.run, which must not lay the state anew here: that waits for the lock we have."""
        reply = await self._inventory.attempt(script, event_id, *arguments)
        if reply[0] == b"rebuild":
            raise _Rebuild
        return reply

    async def _write(self, transaction: Transaction, done: _Round) -> None:
        matches, passed, seen = done.matching.matches, done.matching.passed, done.seen
        liked = done.matching.wanted
        # Redis counts nobody where its line was lost and is not laid yet.
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
            done.offer_ids,
            [found.entry.entry_id for found in matches],
            [found.seats for found in matches],
            [_areas_text(found) for found in matches],
            [len(found.seats) + sum(found.areas.values()) for found in matches],
            seen.prices.decode(),
            done.window_s,
            [p.wish_no for p in passed],
            [p.reason for p in passed],
            [p.detail for p in passed],
            [p.before[0] for p in passed],
            [p.before[1] for p in passed],
            [p.entry.entry_id for p in passed],
        )
        assert len(rows) == max(1, len(matches))

    async def _sell(self, done: _Round) -> bool:
        """What came back and nobody in line would take goes on sale. False: another round has looked
        since, and decides.
        """
        given = _places_of(done.matching.matches)
        spare = ",".join(
            f"{no}:{kept - given.get(no, 0)}"
            for no, (_, kept) in done.seen.areas.items()
            if kept > given.get(no, 0)
        )
        if not done.anybody or not (done.to_sale or spare):
            return True
        seats = ",".join(map(str, done.to_sale))
        reply = await self._inventory.run("sell", done.event_id, "1", seats, spare, done.look)
        return bool(reply[0] == b"sold")


def _places_of(matches: Sequence[Match]) -> dict[int, int]:
    """Places of areas that these give away."""
    given: dict[int, int] = {}
    for found in matches:
        for no, places in found.areas.items():
            given[no] = given.get(no, 0) + places
    return given


def _over(row: asyncpg.Record, owned: Sequence[int], limit: int) -> set[str]:
    """Who could not have this wish's places besides what they own."""
    people = zip(row["person_ids"], owned, strict=True)
    return {person for person, count in people if count + row["quantity"] > limit}


def _are_enough(row: asyncpg.Record, room: int, more: int, at_limit: set[str]) -> bool:
    """Whether the line has no more of this wish, or room for no more."""
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


def _areas_text(found: Match) -> str:
    return ",".join(f"{no}:{places}" for no, places in sorted(found.areas.items()))
