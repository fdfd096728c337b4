"""The present moment of every event: its state in Redis, laid from PostgreSQL's truth when it is missing.

Redis may vanish, whole or in part. The next touch of an event finds no state, or a script fails on what is
left, or the worker's check finds that it does not add up. Then the event's lock in PostgreSQL is taken,
the truth is read in one snapshot and laid under a larger epoch, with all live holds whose places are
free by it; whoever touched it meanwhile waits for that and then goes on. Every fact laid or settled
carries PostgreSQL's version of the row, so an older fact never overwrites a newer one, whichever way
they race.
"""

import asyncio
import struct
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Final, Literal

import asyncpg
import msgspec
import structlog
from msgspec import Meta, Struct
from redis.exceptions import ResponseError

from engine.base import deadline, metrics
from engine.base.errors import Contended, Unavailable
from engine.base.model import PUBLIC_DIGITS, EventStatus, Moment, Money, ms_from_utc
from engine.catalog.catalog import Catalog, event_not_found
from engine.stores.pipeline import Argument
from engine.stores.postgres import Postgres, Transaction
from engine.stores.redis import RedisStore, flat

log = structlog.get_logger(__name__)

#: Who looks at a map from a network that is not limited.
UNLIMITED = "-"

#: Why a state is rebuilt: it is not there; it is not whole; PostgreSQL or Redis is another one than it was,
#: or an older one; an audit found it to break a promise; somebody asked.
Cause = Literal["missing", "damaged", "generation", "invariant", "asked"]
#: An audit may be wrong, or find what a rebuild does not help against: so rarely is it believed.
_DISTRUST_S = 60
#: What made a script fail is looked for once within this, for this many events.
_SUSPICION_S = 0.5
_SUSPECTED_MAX = 1000
_POSITIONS_MAX = 20_000
#: Redis refuses us: no fault of the state's.
_REFUSED = ("NOPERM", "NOAUTH", "ACL failure")
_SCAN_PAGE = 5000
#: Keys of an event without which it has no holds.
_PARTS = ("meta", "seats", "owners", "areas", "buyers", "due", "line")
#: Of the waitlist: ``waitlist_entries.weight`` is not larger.
_WEIGHT_MAX = 1023
#: This many are laid into Redis's line at once: a script has no room for more arguments.
_LINE_PAGE = 2000
#: Within this a join that has begun is written down, or has failed.
_JOIN_MS_MAX = 10_000
#: How many times a script is tried again because somebody else was laying the state just then.
_REBUILD_ATTEMPTS = 3
#: A hold laid anew can be found by its id this long: a payment window, and some more.
_POINTER_LAID_S = 3600


class Price(Struct, frozen=True, omit_defaults=True):
    """A category's price in force and, where that ever changed, how it came to be."""

    category_no: int
    category: str
    price: Money
    was: Annotated[Money | None, Meta(description="Before the latest change.")] = None
    reason: Annotated[
        str | None,
        Meta(
            description="Why it changed.",
            examples=["82 % sold, 6 days left: the last places cost more"],
        ),
    ] = None
    changed_at: Moment | None = None
    floor: Annotated[
        Money | None,
        Meta(description="It never falls below; where the organiser shows the range."),
    ] = None
    ceiling: Annotated[Money | None, Meta(description="It never rises above; likewise.")] = None


class CategoryPricing(Struct, frozen=True):
    """What is told of one category's price. Amounts are minor units."""

    was_minor: int | None = None
    reason: str | None = None
    changed_at: datetime | None = None
    floor_minor: int | None = None
    ceiling_minor: int | None = None


class Pricing(Struct, frozen=True):
    """What buyers are told of an event's prices; the field ``pricing`` of Redis's ``meta``."""

    #: Some price follows a rule.
    dynamic: bool = False
    history_public: bool = True
    range_public: bool = False
    #: By category number.
    categories: tuple[CategoryPricing, ...] = ()


class Snapshot(Struct, frozen=True):
    """What a map shows at one instant: ``states`` are public digits, one per seat."""

    event_id: str
    epoch: int
    seq: int
    status: str
    states: bytes
    areas: dict[int, int]
    prices: list[Price]
    pricing: Pricing = Pricing()


class Settlement(Struct, frozen=True, kw_only=True):
    """What PostgreSQL says about a booking's places; the notation of ``settle.lua``."""

    hold_id: str = ""
    outcome: Literal["booked", "expired", "kept", ""] = ""
    seats: str = ""
    areas: str = ""
    buyer: str | None = None


def being_rebuilt() -> Contended:
    return Contended("The event's state is being rebuilt; try again shortly.", retry_after_s=1)


def _is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def base_key(event_id: str) -> str:
    """The braces make every key of an event hash to one slot of a cluster."""
    return "{" + event_id + "}"


def hold_pointer(hold_id: str) -> str:
    """The key that leads from a hold's id to its event."""
    return f"hold:{hold_id}"


def feed_channel(event_id: str) -> str:
    return base_key(event_id) + ":feed"


#: On a person's channel: connections that began with earlier tokens are to be closed.
SIGNED_OUT: Final = b"x|"


def person_channel(buyer_id: str) -> str:
    """Where a person's open connections hear of their own holds and bookings."""
    return f"person:{buyer_id}"


def line_score(weight: int, join_no: int) -> int:
    """Where somebody stands in Redis's line, as one number that a double holds exactly: less is ahead."""
    return (_WEIGHT_MAX - weight) * 2**42 + join_no


def encode_prices(amounts: Sequence[int]) -> str:
    """The price list as Redis keeps it: minor units by category number."""
    return ",".join(map(str, amounts))


def decode_prices(text: bytes) -> list[int]:
    return [int(part) for part in text.split(b",")] if text else []


def number_list(text: bytes) -> list[int]:
    return [int(part) for part in text.split(b",")] if text else []


class Inventory:
    def __init__(self, postgres: Postgres, redis: RedisStore, catalog: Catalog) -> None:
        self._pg = postgres
        self._redis = redis
        self._catalog = catalog
        self._rebuilding: dict[str, asyncio.Task[tuple[int, int]]] = {}
        # A rebuild takes two connections at once: were all taken as first ones, none would get on.
        self._rebuild_slots = asyncio.Semaphore(max(1, postgres.size // 4))
        self._standing: dict[str, tuple[float, tuple[int, int | None]]] = {}
        self._open_events: list[str] = []
        self._open_events_read = float("-inf")
        self._names: dict[str, tuple[str, tuple[str, ...]]] = {}
        #: (epoch, seq) of states that were whole when they were last checked.
        self._positions: dict[str, tuple[int, int]] = {}
        #: On which a script failed: when that was looked into, and whether they were damaged.
        self._suspected: dict[str, tuple[float, bool]] = {}
        #: Events whose line in Redis was another than PostgreSQL's when it was last compared.
        self._doubted: set[str] = set()

    async def run(self, script: str, event_id: str, *args: Argument) -> list[Any]:
        """Run a script on an event, laying the event's state first where it is missing or damaged.

        Raises NotFound for an event that was never published, Unavailable when a store is away.
        """
        for _ in range(_REBUILD_ATTEMPTS):
            reply = await self.attempt(script, event_id, *args)
            if reply[0] != b"rebuild":
                return reply
            await self.rebuild(event_id)
        raise being_rebuilt()

    async def attempt(self, script: str, event_id: str, *args: Argument) -> list[Any]:
        """Run a script once. ``[b"rebuild"]`` where the state is missing, or so damaged that the script fails.

        A script that fails on a state that is whole is a fault of ours and raises ResponseError.
        """
        try:
            return await self._redis.run(script, base_key(event_id), *args)
        except ResponseError as error:
            if not await self._is_damaged(event_id, error):
                raise
            return [b"rebuild"]

    async def _is_damaged(self, event_id: str, error: ResponseError) -> bool:
        """Whether the state explains a script's error. Whoever makes scripts fail may do so often: the
        state is looked at for all that fail within a moment.
        """
        known, now = self._suspected.get(event_id), time.monotonic()
        if known is not None and now - known[0] < _SUSPICION_S:
            return known[1]
        damaged = await self.check(event_id) is not None
        while len(self._suspected) >= _SUSPECTED_MAX:
            del self._suspected[next(iter(self._suspected))]
        self._suspected[event_id] = now, damaged
        if damaged:
            log.warning("a script failed on a damaged state", event_id=event_id, error=str(error))
        return damaged

    async def check(self, event_id: str) -> str | None:
        """What is wrong with the event's state in Redis by itself; None: it is whole.

        A state that went back since this process looked last is not whole either: it is one that Redis
        had in the past. Raises Unavailable.
        """
        try:
            reply = await self._redis.run("check", base_key(event_id))
        except ResponseError as error:
            if any(word in str(error) for word in _REFUSED):
                raise
            return str(error)
        if reply[0] == b"rebuild":
            return "missing"
        if reply[0] == b"damaged":
            return str(reply[1].decode(errors="replace"))
        position, known = (int(reply[1]), int(reply[2])), self._positions.get(event_id, (0, 0))
        self._note_position(event_id, max(position, known))
        return "went back" if position < known else None

    def _note_position(self, event_id: str, position: tuple[int, int]) -> None:
        self._positions[event_id] = position
        if len(self._positions) > _POSITIONS_MAX:
            del self._positions[next(iter(self._positions))]

    async def heal(self, event_id: str) -> bool:
        """Rebuild the event's state where it is damaged or missing. Returns whether it was.

        Raises NotFound, Unavailable.
        """
        what = await self.check(event_id)
        if what is None:
            return False
        await self.rebuild(event_id)
        return True

    async def distrust(self, event_id: str, cause: Cause) -> bool:
        """Rebuild a state that is not what it should be, though nothing shows in it. False: it was rebuilt
        for that a moment ago, and another rebuild would not help either.

        Raises NotFound, Unavailable.
        """
        lease = f"distrusted:{event_id}"
        if not await self._redis.call("SET", lease, cause, "NX", "EX", _DISTRUST_S):
            return False
        await self.rebuild(event_id, cause=cause)
        return True

    # Reading

    async def snapshot(self, event_id: str, *, seen_from: str = "") -> Snapshot:
        """Everything a map shows, as of one instant. Raises as ``run``.

        ``seen_from``: the network whose buyer looks, ``UNLIMITED`` for one without limits; empty: ours.
        """
        reply = await self.run("snapshot", event_id, seen_from)
        currency, names = await self._price_names(event_id)
        try:
            return _snapshot(event_id, reply, currency, names)
        except (ValueError, msgspec.DecodeError):
            if not await self.heal(event_id):
                raise
        return _snapshot(event_id, await self.run("snapshot", event_id, seen_from), currency, names)

    async def _price_names(self, event_id: str) -> tuple[str, tuple[str, ...]]:
        """The currency and the categories' names. They are fixed once an event is published, and
        maps open whichever of the two stores that know them is away.
        """
        known = self._names.get(event_id)
        if known is None:
            try:
                terms = await self._pg.fetchrow("inventory.event_terms", event_id)
                rows = await self._pg.fetch("inventory.prices", event_id)
                assert terms is not None
                known = terms["currency"], tuple(row["name"] for row in rows)
            except Unavailable:
                facts = await self._catalog.facts(event_id)
                known = facts.currency, tuple(c.name for c in facts.layout.categories)
            self._names[event_id] = known
        return known

    async def standing(self, event_id: str) -> tuple[int, int | None]:
        """Places free right now, seats and areas together, and the lowest price in force (minor
        units; None without categories), at most a second old.
        """
        known = self._standing.get(event_id)
        now = time.monotonic()
        if known is not None and now - known[0] < 1.0:
            return known[1]
        reply = await self.run("snapshot", event_id)
        free: int = reply[5].count(b"0") + sum(max(0, int(n)) for n in reply[7::2])
        standing = (free, min(decode_prices(reply[4]), default=None))
        self._standing[event_id] = (now, standing)
        return standing

    # Settling

    async def settle(
        self,
        event_id: str,
        settlement: Settlement,
        *,
        force: bool = False,
        news: dict[str, Any] | None = None,
    ) -> int:
        """Give Redis PostgreSQL's truth about some places. Harmless twice; returns what changed.

        ``news`` is told to the buyer's open connections in the same step.
        """
        reply = await self.run(
            "settle",
            event_id,
            settlement.hold_id,
            settlement.outcome,
            settlement.seats,
            settlement.areas,
            settlement.buyer or "",
            "1" if force else "",
            msgspec.json.encode(news) if news else "",
        )
        return int(reply[1])

    async def read(self, event_id: str, command: str, key: str, *args: Argument) -> Any:
        """One plain command that reads a key of the event. Raises as ``run``."""
        try:
            return await self._redis.call(command, f"{base_key(event_id)}:{key}", *args)
        except ResponseError:
            if not await self.heal(event_id):
                raise
        return await self._redis.call(command, f"{base_key(event_id)}:{key}", *args)

    async def claimed(self, event_id: str, seat_nos: Sequence[int]) -> set[int]:
        """Those of the seats that a hold or an open offer has right now. Raises Unavailable."""
        owners = await self.read(event_id, "HMGET", "owners", *seat_nos)
        return {n for n, owner in zip(seat_nos, owners, strict=True) if owner is not None}

    async def network_share(self, event_id: str) -> float:
        """The share of the house that the network with most unpaid places keeps. Raises as ``run``."""
        _, places, house = await self.run("networks", event_id)
        return float(places) / house if house else 0.0

    async def tell(self, buyer_id: str, news: dict[str, Any]) -> None:
        """Tell a person's open connections; who is not connected has missed nothing.

        With Redis away nobody hears it: what is told can always be read over HTTP.
        """
        with suppress(Unavailable):
            payload = b"m|" + msgspec.json.encode(news)
            await self._redis.call("PUBLISH", person_channel(buyer_id), payload)

    async def sign_out(self, person_id: str) -> None:
        """Close a person's open connections soon: the tokens they began with are no longer good.

        With Redis away they stay until they end by themselves.
        """
        with suppress(Unavailable):
            await self._redis.call("PUBLISH", person_channel(person_id), SIGNED_OUT)

    async def refresh_terms(self, event_id: str) -> list[Price]:
        """Give holds PostgreSQL's status, limits and prices, and tell open maps what changed.

        Returns the prices in force. Raises NotFound for an event that was never published.
        """
        terms = await self._pg.fetchrow("inventory.event_terms", event_id)
        if terms is None:
            raise event_not_found(event_id)
        facts = await self._catalog.facts(event_id)
        prices = _price_list(
            tuple(category.name for category in facts.layout.categories),
            facts.currency,
            terms["prices"].encode(),
            terms["pricing"].encode(),
        )
        await self.run(
            "configure",
            event_id,
            terms["version"],
            msgspec.json.encode(status_message(EventStatus(terms["status"]))),
            msgspec.json.encode(price_message(prices)),
            *(value for pair in _meta(terms) for value in pair),
        )
        return prices

    # The line (``engine.waitlist``)

    async def take_places(self, event_id: str, places: Sequence[tuple[str, int, int]]) -> None:
        """Let waitlist entries (entry_id, weight, join_no) take their places in the line.

        From here on nothing that comes free passes them by.
        """
        arguments = [(line_score(weight, no), entry_id) for entry_id, weight, no in places]
        await self.run("line", event_id, "in", *(v for pair in arguments for v in pair))

    async def expect_joins(self, event_id: str) -> bool:
        """Keep what comes free for the line, in which somebody is about to be. False: Redis has lost the
        event; its state cannot be laid anew here, by whoever shares the line's lock.
        """
        reply = await self.attempt("line", event_id, "soon", _JOIN_MS_MAX)
        return bool(reply[0] != b"rebuild")

    async def lay_offers(self, event_id: str, offer_ids: Sequence[str]) -> None:
        """Give open offers their seats and deadlines as PostgreSQL has them, and tell their people."""
        rows = await self._pg.fetch("waitlist.offers_to_lay", event_id, offer_ids)
        await self._lay_offers(event_id, rows)

    async def adopt_offers(self, event_id: str) -> int:
        """Take back offers that Redis has lost, or never heard of. Returns how many."""
        rows = await self._pg.fetch("waitlist.offer_truth", event_id)
        return await self._lay_offers(event_id, rows)

    async def _lay_offers(self, event_id: str, rows: Sequence[asyncpg.Record]) -> int:
        if not rows:
            return 0
        await self._point([row["offer_id"] for row in rows], event_id)
        reply = await self.run("lay_offers", event_id, *offer_arguments(rows))
        return int(reply[1])

    async def _end_offers(self, event_id: str, offered: str) -> int:
        """Tell Redis of offers that ended while nobody could; returns how many.

        Those that PostgreSQL does not know are left: a round may be about to write them down.
        """
        if not offered:
            return 0
        rows = await self._pg.fetch("waitlist.ended_offers", event_id, offered.split(","))
        for row in rows:
            if row["status"] == "used":
                # It may have been handed over since, and is not taken back.
                await self.run(
                    "accept",
                    event_id,
                    row["offer_id"],
                    row["person_id"],
                    _ms(row["hold_expires_at"]),
                    row["holder_id"],
                    "1",
                )
            else:
                await self.run("end_offer", event_id, row["offer_id"], row["status"])
        return len(rows)

    async def _lay_line(self, event_id: str, truth: Postgres | Transaction) -> set[str]:
        """Everybody's place in the line, in pages. What comes free meanwhile is kept already.

        Returns the entry_ids of all who wait.
        """
        laid: set[str] = set()
        weight, join_no = None, None
        while rows := await truth.fetch("waitlist.places", event_id, weight, join_no, _LINE_PAGE):
            scored = [(line_score(r["weight"], r["join_no"]), r["entry_id"]) for r in rows]
            await self._redis.run(
                "line", base_key(event_id), "in", *(v for pair in scored for v in pair)
            )
            laid.update(entry_id for _, entry_id in scored)
            weight, join_no = rows[-1]["weight"], rows[-1]["join_no"]
        return laid

    async def _check_line(self, event_id: str) -> int:
        """Lay the line anew where Redis does not know that anybody waits, or twice in a row counts others
        than PostgreSQL does: while people join, the two never count at the same moment.
        """
        waiting = await self._pg.fetchval("waitlist.waiting", event_id)
        known = await self.run("rank", event_id, "")
        marked = await self.read(event_id, "HGET", "meta", "waiting")
        agrees, doubted = waiting == known[2], event_id in self._doubted
        self._doubted.discard(event_id)
        if marked == b"1" or not waiting:
            if agrees:
                return 0
            if not doubted:
                self._doubted.add(event_id)
                return 0
        await self._renew_line(event_id, self._pg)
        return 1

    async def _renew_line(self, event_id: str, truth: Postgres | Transaction) -> None:
        """The line as PostgreSQL has it, and nobody else in it.

        Never empty for a moment: a round that looked then would count nobody, and ranks would vanish.
        """
        base = base_key(event_id)
        shown = await self._redis.call("ZRANGE", base + ":line", 0, -1)
        waiting = {entry_id.encode() for entry_id in await self._lay_line(event_id, truth)}
        gone = [entry_id for entry_id in shown if entry_id not in waiting]
        for at in range(0, len(gone), _LINE_PAGE):
            await self._redis.run("line", base, "out", *gone[at : at + _LINE_PAGE])

    # Rebuilding

    async def rebuild(self, event_id: str, *, cause: Cause = "damaged") -> tuple[int, int]:
        """Lay the event's state from PostgreSQL, once per process however many ask. Live holds stay, where
        their places are free; returns how many have stayed, and how many have not.

        ``damaged``: only where it is missing or not whole. Raises NotFound, Unavailable.
        """
        task = self._rebuilding.get(event_id)
        if task is not None and cause != "damaged":
            # It may have begun for less, or too early.
            await asyncio.wait([task])
            return await self.rebuild(event_id, cause=cause)
        if task is None:
            task = asyncio.create_task(self._rebuild(event_id, cause), name=f"rebuild:{event_id}")
            self._rebuilding[event_id] = task
            task.add_done_callback(lambda done: self._rebuilt(event_id, done))
        return await deadline.within(asyncio.shield(task))

    def _rebuilt(self, event_id: str, task: "asyncio.Task[tuple[int, int]]") -> None:
        del self._rebuilding[event_id]
        if not task.cancelled():
            # Whoever waits gets it; when all have gone, nobody is left to be told.
            task.exception()

    async def _rebuild(self, event_id: str, cause: Cause) -> tuple[int, int]:
        deadline.forget()
        async with self._rebuild_slots:
            return await self._lay(event_id, cause)

    async def _lay(self, event_id: str, cause: Cause) -> tuple[int, int]:
        started = time.perf_counter()
        # The row lock of next_epoch is the lock among processes: it is held until the state is laid,
        # and who waited for it finds the state there.
        async with self._pg.transaction(event_id=event_id, long=True) as lock:
            known_epoch = await self._known_epoch(event_id)
            row = await lock.fetchrow("inventory.next_epoch", event_id, known_epoch)
            if row is None:
                raise event_not_found(event_id)
            what = await self.check(event_id)
            if what is None and cause == "damaged":
                return 0, 0
            await self._find_holds(event_id)
            async with self._pg.transaction("repeatable_read", long=True) as truth:
                # A round of the waitlist that claimed seats in the Redis that was lost writes them down
                # first. Its lock is taken once we have all connections that we need: whoever has the last
                # ones may be waiting for the next round, and that for us.
                await lock.fetch("waitlist.share_line", event_id)
                # What is committed from here on finds no state, and is told to the one that is laid now.
                await self._redis.call("DEL", base_key(event_id) + ":meta")
                pending = await truth.fetch("inventory.pending_truth", event_id)
                offers = await truth.fetch("waitlist.offer_truth", event_id)
                arguments = await _load_arguments(
                    truth, event_id, row["epoch"], pending=pending, offers=offers
                )
            kept, lost = await self._load(event_id, arguments)
            claims = [b["hold_id"] for b in pending] + [offer["offer_id"] for offer in offers]
            await self._point(claims, event_id)
            await self._renew_line(event_id, lock)
        if cause == "damaged" and what == "missing":
            cause = "missing"
        metrics.REBUILDS.labels(cause).inc()
        metrics.REBUILD_SECONDS.observe(time.perf_counter() - started)
        if cause != "missing":
            holds = {"holds_kept": kept, "holds_lost": lost}
            log.warning(
                "state in Redis rebuilt", event_id=event_id, cause=cause, what=what, **holds
            )
        return kept, lost

    async def _load(self, event_id: str, arguments: Sequence[Argument]) -> tuple[int, int]:
        """How many live holds have stayed, and how many have not. Raises Contended where another process
        has laid a larger epoch since: what is there is not what was read here.
        """
        word, *counts = await self._redis.run("load", base_key(event_id), *arguments)
        if word == b"newer":
            raise being_rebuilt()
        kept, lost = counts
        return kept, lost

    async def _known_epoch(self, event_id: str) -> int:
        """The largest epoch that maps may have seen: a database restored to an earlier moment counts from
        a smaller one, and maps pass over what is of an older epoch than theirs.
        """
        await self.check(event_id)
        return self._positions.get(event_id, (0, 0))[0]

    async def close(self, event_id: str) -> None:
        """Let the event's next touch rebuild its state, under a larger epoch than any map has seen.

        Raises NotFound, Unavailable.
        """
        known = await self._known_epoch(event_id)
        row = await self._pg.fetchrow("inventory.raise_epoch", event_id, known, event_id=event_id)
        if row is None:
            raise event_not_found(event_id)
        await self._redis.call("DEL", base_key(event_id) + ":meta")

    async def forget(self, event_id: str) -> None:
        """Remove all that Redis has of an event that PostgreSQL does not know."""
        await self._find_holds(event_id)
        base = base_key(event_id)
        ids = await self.read(event_id, "SMEMBERS", "found")
        keys = [f"{base}:{part}" for part in (*_PARTS, "versions", "found")]
        await self._redis.call("DEL", *keys, *(f"{base}:hold:{i.decode()}" for i in ids))

    async def known_events(self) -> set[str]:
        """Events of which Redis has a state. Raises Unavailable."""
        found: set[str] = set()
        cursor = b"0"
        while True:
            cursor, keys = await self._redis.call(
                "SCAN", cursor, "MATCH", base_key("*") + ":meta", "COUNT", _SCAN_PAGE
            )
            found |= {key.decode(errors="replace")[1:].partition("}")[0] for key in keys}
            if cursor == b"0":
                return {event_id for event_id in found if _is_id(event_id)}

    async def _find_holds(self, event_id: str) -> None:
        """Note all holds that Redis has of an event whose other keys may not lead to them any more."""
        base = base_key(event_id)
        await self._redis.call("DEL", base + ":found")
        if not await self._redis.call("EXISTS", *(f"{base}:{part}" for part in _PARTS)):
            return
        prefix, cursor = f"{base}:hold:", b"0"
        while True:
            cursor, keys = await self._redis.call(
                "SCAN", cursor, "MATCH", prefix + "*", "COUNT", _SCAN_PAGE
            )
            if keys:
                ids = [key[len(prefix) :] for key in keys]
                await self._redis.call("SADD", base + ":found", *ids)
            if cursor == b"0":
                return

    async def _point(self, hold_ids: Sequence[str], event_id: str) -> None:
        # They may yet be declined, and then their buyers come back by the hold's id.
        keys = [hold_pointer(hold_id) for hold_id in hold_ids]
        await asyncio.gather(
            *(self._redis.call("SET", k, event_id, "EX", _POINTER_LAID_S, "NX") for k in keys)
        )

    # Reconciling

    async def reconcile(self, event_id: str) -> int:
        """Compare Redis with PostgreSQL, correct Redis, and return how much had to be corrected.

        Seats whose truth is lasting (sold, blocked, reserved) must show it; what is available may be
        held for a moment. A fact that changed while we compared is newer than ours and wins by its version.
        A state that is damaged, or knows what PostgreSQL does not, is rebuilt.
        """
        corrected = int(await self.heal(event_id))
        await self.refresh_terms(event_id)
        # Before anything is freed: if somebody waits, it is theirs.
        corrected += await self._check_line(event_id)
        _, recounted, offered = await self.run("recount", event_id)
        corrected += int(recounted)
        # Read before PostgreSQL's: a state that knows more than PostgreSQL then is of a future that was lost.
        known = await self._known_versions(event_id)
        async with self._pg.transaction("repeatable_read", long=True) as truth:
            seats = await truth.fetchrow("inventory.seat_truth", event_id)
            areas = await truth.fetch("inventory.area_truth", event_id)
        assert seats is not None
        if _is_ahead(known, (seats["versions"], areas)):
            log.error("Redis knows what PostgreSQL does not", event_id=event_id)
            return corrected + int(await self.distrust(event_id, "generation"))
        shown = await self.read(event_id, "GET", "seats") or b""
        wrong = disagreements(seats["digits"].encode(), shown)
        corrected += await self.settle(
            event_id,
            Settlement(
                seats=_versioned(wrong, seats["digits"], seats["versions"]),
                areas=",".join(f"{a['area_no']}:{a['sold']}:{a['version']}" for a in areas),
            ),
            force=True,
        )
        corrected += await self._adopt(event_id)
        corrected += await self.adopt_offers(event_id)
        corrected += await self._end_offers(event_id, offered.decode())
        metrics.REPAIRS.inc(corrected)
        return corrected

    async def _known_versions(self, event_id: str) -> tuple[bytes, list[bytes | None]]:
        """The versions that Redis knows, of the seats and of the areas."""
        fields = [
            f"{no}:version"
            for no in range(int(await self.read(event_id, "HGET", "meta", "area_count") or 0))
        ]
        areas = await self.read(event_id, "HMGET", "areas", *fields) if fields else []
        return await self.read(event_id, "GET", "versions") or b"", areas

    async def _adopt(self, event_id: str) -> int:
        """Take back the holds of pending bookings where Redis has lost them. Returns how many."""
        pending = await self._pg.fetch("inventory.pending_truth", event_id)
        if not pending:
            return 0
        prices = [row["amount_minor"] for row in await self._pg.fetch("inventory.prices", event_id)]
        reply = await self.run("adopt", event_id, *_pending_arguments(pending, prices))
        adopted: list[str] = reply[1].decode().split(",") if reply[1] else []
        if not adopted:
            return 0
        await self._point(adopted, event_id)
        rows = await self._pg.fetch("inventory.pending_truth", event_id)
        # What ended between the two readings has been settled already, and nobody will do it again.
        for hold_id in set(adopted) - {row["hold_id"] for row in rows}:
            await self.settle(event_id, Settlement(hold_id=hold_id, outcome="expired"))
        return len(adopted)

    async def open_events(self) -> list[str]:
        """Events that sell or are paused, at most a second old; the last known while PostgreSQL is away."""
        now = time.monotonic()
        if now - self._open_events_read >= 1.0:
            try:
                rows = await self._pg.fetch("inventory.open_events")
            except Unavailable:
                if not self._open_events:
                    raise
            else:
                self._open_events = [row["event_id"] for row in rows]
                self._open_events_read = now
        return self._open_events


def disagreements(truth: bytes, shown: bytes) -> list[int]:
    """Seat numbers where Redis's digit cannot stand beside PostgreSQL's (both one digit per seat)."""
    if truth == shown:
        return []
    if len(truth) != len(shown):
        return list(range(len(truth)))
    momentary = {ord("1"), ord("4"), ord("5")}
    return [
        seat_no
        for seat_no, (lasting, digit) in enumerate(zip(truth, shown, strict=True))
        if lasting != digit and not (lasting == ord("0") and digit in momentary)
    ]


def _is_ahead(
    known: tuple[bytes, Sequence[bytes | None]], truth: tuple[bytes, Sequence[asyncpg.Record]]
) -> bool:
    """Whether any version that Redis knew before is larger than PostgreSQL's."""
    areas = zip(known[1], truth[1], strict=False)
    if any(int(version or 0) > row["version"] for version, row in areas):
        return True
    if known[0] == truth[0]:
        return False
    seats = zip(_words(known[0]), _words(truth[0]), strict=False)
    return any(shown > true for (shown,), (true,) in seats)


def _words(packed: bytes) -> Iterator[tuple[int]]:
    return struct.iter_unpack(">I", packed[: len(packed) // 4 * 4])


def _versioned(seat_nos: Iterable[int], digits: str, versions: bytes) -> str:
    return ",".join(
        f"{n}:{digits[n]}:{int.from_bytes(versions[4 * n : 4 * n + 4], 'big')}" for n in seat_nos
    )


async def _load_arguments(
    truth: Transaction,
    event_id: str,
    epoch: int,
    *,
    pending: Sequence[asyncpg.Record],
    offers: Sequence[asyncpg.Record],
) -> list[Argument]:
    """The arguments of ``load.lua``: an event's whole state as PostgreSQL knows it."""
    terms = await truth.fetchrow("inventory.event_terms", event_id)
    seats = await truth.fetchrow("inventory.seat_truth", event_id)
    assert terms is not None
    assert seats is not None
    areas = await truth.fetch("inventory.area_truth", event_id)
    prices = decode_prices(terms["prices"].encode())
    buyers = await truth.fetch("inventory.buyer_truth", event_id)
    waits = (await truth.fetch("waitlist.waits", event_id))[0][0]
    # Which of the free seats were on sale, and which had come back, nobody knows any more: the line is
    # asked first, and what it does not want is on sale a moment later.
    digits = seats["digits"].replace("0", "4") if waits else seats["digits"]
    meta = [("terms", terms["version"]), ("waiting", int(waits)), *_meta(terms)]
    arguments: list[Argument] = [
        epoch,
        len(areas),
        digits,
        seats["versions"],
        ",".join(f"{a['area_no']}:{a['capacity']}:{a['sold']}:{a['version']}" for a in areas),
        *flat(meta),
        *flat([(row["buyer_id"], f"{row['sold']}:{row['version']}") for row in buyers]),
        len(pending),
    ]
    return arguments + _pending_arguments(pending, prices) + offer_arguments(offers)


def offer_arguments(offers: Sequence[asyncpg.Record]) -> list[Argument]:
    """What ``load.lua`` and ``lay_offers.lua`` take for each offer."""
    arguments: list[Argument] = []
    for row in offers:
        arguments += [
            row["offer_id"],
            row["person_id"],
            ",".join(map(str, row["seats"])),
            row["areas"],
            row["quantity"],
            row["prices"],
            _ms(row["made_at"]),
            _ms(row["expires_at"]),
            "held" if row["status"] == "used" else "offered",
            row["entry_id"],
        ]
    return arguments


def _pending_arguments(pending: Sequence[asyncpg.Record], prices: Sequence[int]) -> list[Argument]:
    """What ``load.lua`` and ``adopt.lua`` take for each pending booking."""
    arguments: list[Argument] = []
    for row in pending:
        arguments += [
            row["hold_id"],
            row["buyer_id"],
            row["seats"],
            row["areas"],
            row["quantity"],
            encode_prices(_frozen_prices(prices, row["amounts"])),
            _ms(row["created_at"]),
            _ms(row["expires_at"]),
        ]
    return arguments


def _frozen_prices(current: Sequence[int], amounts: str) -> list[int]:
    """Today's price list with what this booking was quoted put back in."""
    frozen = list(current)
    for pair in amounts.split(","):
        category_no, amount = pair.split(":")
        frozen[int(category_no)] = int(amount)
    return frozen


def _ms(moment: datetime) -> int:
    return ms_from_utc(moment)


def price_message(prices: Sequence[Price]) -> dict[str, Any]:
    return {"type": "prices", "prices": msgspec.to_builtins(prices)}


def status_message(status: EventStatus) -> dict[str, Any]:
    return {"type": "event", "status": status.value}


def _meta(terms: asyncpg.Record) -> list[tuple[Argument, Argument]]:
    """What holds obey, as the fields of the event's ``meta``."""
    return [
        ("status", terms["status"]),
        ("seat_count", terms["seat_count"]),
        ("buyer_limit", terms["buyer_limit"]),
        ("hold_ttl_ms", terms["hold_ttl_s"] * 1000),
        ("hold_max_ms", terms["hold_max_s"] * 1000),
        ("payment_window_ms", terms["payment_window_s"] * 1000),
        ("prices", terms["prices"]),
        ("pricing", terms["pricing"]),
    ]


def _snapshot(
    event_id: str, reply: Sequence[Any], currency: str, names: tuple[str, ...]
) -> Snapshot:
    """What ``snapshot.lua`` has answered. ValueError, msgspec.DecodeError: what it read is damaged."""
    _, epoch, seq, status, prices, digits, *areas, told = reply
    return Snapshot(
        event_id=event_id,
        epoch=int(epoch),
        seq=int(seq),
        status=EventStatus(status.decode()).value,
        states=digits.translate(PUBLIC_DIGITS),
        areas={int(no): int(free) for no, free in zip(areas[::2], areas[1::2], strict=True)},
        prices=_price_list(names, currency, prices, told),
        pricing=decode_pricing(told),
    )


_PRICING = msgspec.json.Decoder(Pricing)


@lru_cache(maxsize=256)
def decode_pricing(text: bytes) -> Pricing:
    """What is told of the prices; of a state laid by an older version, nothing."""
    return _PRICING.decode(text) if text else Pricing()


@lru_cache(maxsize=256)
def _price_list(names: tuple[str, ...], currency: str, prices: bytes, told: bytes) -> list[Price]:
    """The prices as they are told. Made once: many maps open between two changes of a price."""
    pricing = decode_pricing(told)
    lines = zip(names, decode_prices(prices), strict=True)
    if len(pricing.categories) != len(names):
        return [Price(no, name, Money(amount, currency)) for no, (name, amount) in enumerate(lines)]
    return [
        Price(
            no,
            name,
            Money(amount, currency),
            was=_money(told.was_minor, currency),
            reason=told.reason,
            changed_at=told.changed_at,
            floor=_money(told.floor_minor, currency),
            ceiling=_money(told.ceiling_minor, currency),
        )
        for no, ((name, amount), told) in enumerate(zip(lines, pricing.categories, strict=True))
    ]


def _money(amount_minor: int | None, currency: str) -> Money | None:
    return None if amount_minor is None else Money(amount_minor, currency)
