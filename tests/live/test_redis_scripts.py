"""The Redis scripts by themselves: what each changes, what it refuses, and what it publishes to maps.

There is no event in PostgreSQL; each test loads the state itself. After every test the auditor's
view of Redis alone must be sound.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from engine.audit.auditor import _claims, redis_alone
from engine.base.model import new_id
from engine.live.keys import base_key
from engine.runtime import Runtime
from engine.stores.pipeline import Argument
from engine.stores.redis import RedisStore, flat, read_scripts

pytestmark = pytest.mark.integration

SEATS = 10
GRACE_MS = 1000  # PAYMENT_GRACE_MS of common.lua
META: dict[str, Argument] = {
    "terms": 1,
    "status": "on_sale",
    "seat_count": SEATS,
    "buyer_limit": 6,
    "hold_ttl_ms": 60_000,
    "hold_max_ms": 90_000,
    "payment_window_ms": 120_000,
    "prices": "5000,3000",
}
#: Messages published to maps when terms change: of the event and of its prices.
_TOLD = ('{"type":"event","status":"paused"}', '{"type":"prices","prices":[]}')


@dataclass
class Stage:
    """One event in Redis: ten seats and a floor of five places, all at version 1."""

    store: RedisStore
    event_id: str = field(default_factory=new_id)

    @property
    def base(self) -> str:
        return base_key(self.event_id)

    async def run(self, script: str, *arguments: Argument) -> list[Any]:
        return await self.store.run(script, self.base, *arguments)

    async def load(self, epoch: int = 1, *, sold_at: int | None = None, pending: Any = ()) -> bytes:
        digits = "".join("2" if n == sold_at else "0" for n in range(SEATS))
        versions = b"\0\0\0\1" * SEATS
        arguments = [epoch, 1, digits, versions, "0:5:0:1", *flat(list(META.items())), 0]
        arguments.append(len(pending) // 8)
        reply: bytes = (await self.run("load", *arguments, *pending))[0]
        return reply

    async def hold(
        self, seats: str = "", areas: str = "", owner: str = "ada", hold_id: str | None = None
    ) -> list[Any]:
        """Run ``hold``. Returns its reply, with the hold's id in front."""
        hold_id = hold_id or new_id()
        quantity = len(seats.split(",")) if seats else 0
        quantity += sum(int(part.split(":")[1]) for part in areas.split(",") if part)
        return [hold_id, *await self.run("hold", hold_id, owner, seats, areas, quantity)]

    async def held(self, *places: str, **options: Any) -> str:
        hold_id, word, *_ = await self.hold(*places, **options)
        assert word == b"held"
        return str(hold_id)

    async def paying(self, *places: str) -> str:
        hold_id = await self.held(*places)
        assert (await self.run("begin_payment", hold_id, "ada"))[0] == b"paying"
        return hold_id

    async def settle(
        self,
        hold_id: str = "",
        outcome: str = "",
        seats: str = "",
        areas: str = "",
        buyer: str = "",
        *,
        force: bool = False,
    ) -> int:
        reply = await self.run(
            "settle", hold_id, outcome, seats, areas, buyer, "1" if force else ""
        )
        return int(reply[1])

    async def digits(self) -> str:
        return str((await self.run("snapshot"))[5].decode())

    async def floor(self) -> int:
        return int((await self.run("snapshot"))[7])

    async def state(self, hold_id: str) -> str:
        return str((await self.run("read_hold", hold_id))[2].decode())

    async def buyer(self, field_name: str) -> bytes | None:
        value: bytes | None = await self.store.call("HGET", f"{self.base}:buyers", field_name)
        return value

    async def make_due(self, hold_id: str, ago_ms: int = 0) -> None:
        """Set the hold's deadline to ``ago_ms`` before now."""
        seconds, micros = await self.store.call("TIME")
        expires = int(seconds) * 1000 + int(micros) // 1000 - ago_ms
        grace = GRACE_MS if await self.state(hold_id) == "paying" else 0
        await self.store.call("HSET", f"{self.base}:hold:{hold_id}", "expires", expires)
        await self.store.call("ZADD", f"{self.base}:due", expires + grace, hold_id)


@pytest_asyncio.fixture
async def stage(runtime: Runtime) -> AsyncIterator[Stage]:
    stage = Stage(runtime.stores.redis)
    await stage.load()
    yield stage
    assert redis_alone(_claims(await stage.run("claims"))) == []
    assert (await stage.run("check"))[0] == b"whole"
    redis = runtime.stores.redis.client
    keys = [key async for key in redis.scan_iter(match=f"{stage.base}*", count=1000)]
    await redis.delete(*keys)


@dataclass
class Feed:
    """The messages published to maps, in order."""

    pubsub: Any

    async def next(self) -> str:
        async with asyncio.timeout(60):
            while True:
                message = await self.pubsub.get_message(timeout=1)
                if message is not None and message["type"] == "message":
                    return str(message["data"].decode())

    async def change(self) -> tuple[int, str, str]:
        """(seq, seats, areas) of the next change set."""
        kind, _, seq, _, seats, areas = (await self.next()).split("|")
        assert kind == "c"
        return int(seq), seats, areas


@pytest_asyncio.fixture
async def feed(stage: Stage) -> AsyncIterator[Feed]:
    async with stage.store.client.pubsub() as pubsub:
        await pubsub.subscribe(f"{stage.base}:feed")
        await pubsub.get_message(timeout=1)
        yield Feed(pubsub)


# Without state


#: Scripts that are not about an event's seats, and the one that loads the seats.
_WITHOUT_STATE = {"load", "watchers", "claim_answer", "keep_answer", "lease"}


@pytest.mark.parametrize("script", sorted(read_scripts().keys() - _WITHOUT_STATE))
async def test_every_script_reports_a_missing_state(runtime: Runtime, script: str) -> None:
    arguments: list[Argument] = ["x", "ada", "1", "", 1, ""]
    reply = await runtime.stores.redis.run(script, base_key(new_id()), *arguments)
    assert reply == [b"rebuild"]


async def test_a_larger_epoch_replaces_the_state_and_a_smaller_one_does_not(
    stage: Stage, feed: Feed
) -> None:
    staying, paying = await stage.held("1,2", "0:2"), await stage.paying("5")
    in_the_way = await stage.held("3,4", "0:1", owner="bea")
    for _ in range(3):
        await feed.next()
    for epoch, word in ((1, b"newer"), (0, b"newer"), (2, b"loaded")):
        assert await stage.load(epoch, sold_at=3) == word
        assert await stage.digits() == ("0111150000" if word == b"newer" else "0112050000")
    kind, epoch_told, seq, *rest = (await feed.next()).split("|")
    assert (kind, epoch_told, seq, rest[1:]) == ("c", "2", "0", ["", ""])
    # A booking keeps all its places or none.
    states = [await stage.state(hold_id) for hold_id in (staying, paying, in_the_way)]
    assert states == ["held", "paying", "expired"]
    assert await stage.floor() == 3
    assert await stage.buyer("h:ada") == b"5"
    assert (await stage.run("check"))[0] == b"whole"


async def test_pending_bookings_are_loaded_as_holds_in_payment(stage: Stage) -> None:
    pending: list[Argument] = ["h-1", "ada", "4,5", "0:2", 4, "5000,3000", 10, 2**41]
    await stage.load(2, pending=pending)
    assert await stage.state("h-1") == "paying"
    assert await stage.buyer("h:ada") == b"4"
    assert await stage.floor() == 3
    # The digits come from PostgreSQL, which has these seats as reserved.
    assert await stage.settle(seats="4:5:2,5:5:2") == 2


# Holding


async def test_a_hold_is_all_or_nothing_and_published_once(stage: Stage, feed: Feed) -> None:
    await stage.held("3,4", "0:2")
    assert await feed.change() == (1, "1:3,4", "0:3")
    before = await stage.store.call("HGETALL", f"{stage.base}:areas")
    for places, refusal in (
        (("4,5", "0:1"), [b"taken", b"4", b""]),
        (("5", "0:4"), [b"taken", b"", b"0"]),
        (("3,4,5", "0:4"), [b"taken", b"3,4", b"0"]),
        (("5,10", ""), [b"no-such", b"10"]),
        (("5", "1:1"), [b"no-such", b"a1"]),
        (("5,6,7,8,9,0,1", ""), [b"limit", b"6", 0]),
    ):
        _, *reply = await stage.hold(*places, owner="bob")
        assert reply == refusal
    assert await stage.digits() == "0001100000"
    assert await stage.store.call("HGETALL", f"{stage.base}:areas") == before
    await stage.held("5", owner="bob")
    assert (await feed.change())[0] == 2, "refusals publish nothing to maps"


async def test_the_limit_counts_held_and_sold_places(stage: Stage) -> None:
    await stage.settle(buyer="ada:2:2")
    await stage.held("1,2", "0:1")
    _, *reply = await stage.hold("3,4")
    assert reply == [b"limit", b"6", 5]
    await stage.held("3")


async def test_a_retry_is_the_same_hold_and_changes_nothing(stage: Stage, feed: Feed) -> None:
    hold_id, _, prices, expires, _ = await stage.hold("1,2", "0:1")
    await feed.next()
    _, *again = await stage.hold("1,2", "0:1", hold_id=hold_id)
    assert again == [b"held", prices, b"%d" % expires, b"held"]
    for seats, owner in (("1,2", "bob"), ("1,3", "ada"), ("1", "ada")):
        assert (await stage.hold(seats, "0:1", owner=owner, hold_id=hold_id))[1:] == [b"foreign"]
    assert await stage.buyer("h:ada") == b"3"
    await stage.run("release", hold_id, "ada")
    assert (await feed.change()) == (2, "0:1,2", "0:5")
    # Also when the hold has ended: the answer says so, and nothing is held again.
    assert (await stage.hold("1,2", "0:1", hold_id=hold_id))[4] == b"released"
    assert await stage.digits() == "0" * SEATS


async def test_a_new_hold_frees_the_overdue_hold_on_its_seat(stage: Stage, feed: Feed) -> None:
    overdue, paying = await stage.held("1", "0:5", owner="eve"), await stage.paying("2")
    await stage.make_due(overdue)
    await stage.make_due(paying, GRACE_MS + 1)
    for _ in range(2):
        await feed.next()
    await stage.held("1", owner="bob")
    assert [await feed.change(), await feed.change()] == [(3, "0:1", "0:5"), (4, "1:1", "")]
    _, word, taken, _ = await stage.hold("2", owner="bob")
    assert (word, taken) == (b"taken", b"2"), "only PostgreSQL knows how a payment ends"
    assert await stage.state(overdue) == "expired"


async def test_a_closed_event_holds_nothing(stage: Stage) -> None:
    kept = await stage.held("1")
    fields = flat([("status", "paused")])[1:]
    assert (await stage.run("configure", 2, *_TOLD, *fields))[0] == b"configured"
    assert (await stage.hold("2"))[1:] == [b"closed", b"paused"]
    # Existing holds can still be extended, paid for and released.
    assert (await stage.run("extend", kept, "ada"))[0] == b"hold"
    assert (await stage.run("begin_payment", kept, "ada"))[0] == b"paying"


async def test_terms_take_effect_once_and_in_order(stage: Stage, feed: Feed) -> None:
    fields: list[Argument] = ["status", "paused", "prices", "9000,3000"]
    assert (await stage.run("configure", 3, *_TOLD, *fields))[1] == 1
    assert [await feed.next(), await feed.next()] == [f"m|{told}" for told in _TOLD]
    for stale in (2, 3):
        fields[1] = "on_sale"
        assert (await stage.run("configure", stale, *_TOLD, *fields))[1] == 0
    assert (await stage.run("snapshot"))[3:5] == [b"paused", b"9000,3000"]


# A hold's life


async def test_a_hold_belongs_to_its_buyer_only(stage: Stage) -> None:
    hold_id = await stage.held("1")
    for script in ("release", "extend", "begin_payment"):
        assert await stage.run(script, hold_id, "bob") == [b"foreign"]
        assert await stage.run(script, new_id(), "ada") == [b"unknown"]
    assert await stage.state(hold_id) == "held"


async def test_extending_stops_at_the_longest_hold(stage: Stage) -> None:
    hold_id = await stage.held("1")
    key = f"{stage.base}:hold:{hold_id}"
    created = int(await stage.store.call("HGET", key, "created"))
    expires = int((await stage.run("extend", hold_id, "ada"))[6])
    assert created + 60_000 <= expires < created + 90_000
    # Held for a long time already: the longest hold is nearly reached, and extending never shortens a hold.
    await stage.store.call("HSET", key, "created", created - 40_000)
    assert int((await stage.run("extend", hold_id, "ada"))[6]) == expires
    assert int(await stage.store.call("ZSCORE", f"{stage.base}:due", hold_id)) == expires


async def test_a_hold_in_payment_does_not_expire_while_the_payment_may_last(
    stage: Stage, feed: Feed
) -> None:
    hold_id = await stage.held("1,2", "0:1")
    await feed.next()
    created = int(await stage.store.call("HGET", f"{stage.base}:hold:{hold_id}", "created"))
    _, seats, areas, quantity, prices, expires, before = await stage.run(
        "begin_payment", hold_id, "ada"
    )
    assert before == b"held"
    assert (seats, areas, quantity, prices) == (b"1,2", b"0:1", b"3", b"5000,3000")
    assert int(expires) == created + 90_000, "the payment window, within the longest hold"
    assert await stage.digits() == "0550000000"
    assert await stage.run("release", hold_id, "ada") == [b"gone", b"paying"]
    assert await stage.run("extend", hold_id, "ada") == [b"gone", b"paying"]
    word, *_, before = await stage.run("begin_payment", hold_id, "ada")
    assert (word, before) == (b"paying", b"paying"), "another try"
    await stage.held("3")
    assert (await feed.change()) == (2, "1:3", ""), "nobody else can end the payment"


@pytest.mark.parametrize("script", ["extend", "begin_payment"])
async def test_an_overdue_hold_is_expired_before_any_worker_frees_it(
    stage: Stage, script: str
) -> None:
    hold_id = await stage.held("1")
    await stage.make_due(hold_id)
    assert await stage.run(script, hold_id, "ada") == [b"gone", b"expired"]
    assert await stage.state(hold_id) == "expired"


async def test_expiry_frees_due_holds_and_lists_those_in_payment(stage: Stage, feed: Feed) -> None:
    """With any page size, payments at the head of the list do not delay holds behind them."""
    paying = [await stage.paying(seat) for seat in "456"]
    first, second = await stage.held("1"), await stage.held("2", "0:1", owner="bob")
    later = await stage.held("3")
    for _ in range(6):
        await feed.next()
    for n, hold_id in enumerate(paying):
        await stage.make_due(hold_id, GRACE_MS + 900 + n)
    await stage.make_due(first, 300)
    await stage.make_due(second, 200)
    _, late, still_paying, _, next_ms = await stage.run("expire", 2)
    assert next_ms == 0, "holds in payment are due"
    assert [int(ms) >= least for ms, least in zip(late.split(b","), (300, 200), strict=True)]
    assert set(still_paying.decode().split(",")) == set(paying)
    assert await feed.change() == (7, "0:1,2", "0:5")
    assert await stage.digits() == "0001555000"
    assert await stage.state(later) == "held"
    assert (await stage.buyer("h:ada"), await stage.buyer("h:bob")) == (b"4", None)
    assert (await stage.run("expire", 2))[1] == b""


async def test_expiry_returns_the_time_of_the_next_deadline(stage: Stage) -> None:
    assert (await stage.run("expire", 2))[4] == b""
    first, second = await stage.held("1"), await stage.held("2")
    await stage.make_due(second, -60_000)
    await stage.make_due(first, 5)
    assert 50_000 < (await stage.run("expire", 2))[4] <= 60_000


async def test_an_unreserved_hold_in_payment_is_given_back_or_freed_after_its_time(
    stage: Stage,
) -> None:
    hold_id = await stage.paying("1", "0:1")
    await stage.run("abandon", hold_id, "")
    assert await stage.state(hold_id) == "paying", "its time is not over"
    await stage.run("abandon", hold_id, "1")
    assert (await stage.state(hold_id), await stage.digits()) == ("held", "0100000000")
    await stage.run("begin_payment", hold_id, "ada")
    await stage.make_due(hold_id, GRACE_MS // 2)
    await stage.run("abandon", hold_id, "")
    assert await stage.state(hold_id) == "paying", "PostgreSQL may be reserving it at this moment"
    await stage.make_due(hold_id, GRACE_MS + 1)
    await stage.run("abandon", hold_id, "")
    assert (await stage.state(hold_id), await stage.digits()) == ("expired", "0" * SEATS)
    assert await stage.floor() == 5


# Settling


async def test_a_sale_is_settled_once_however_often_it_is_delivered(
    stage: Stage, feed: Feed
) -> None:
    hold_id = await stage.paying("1,2", "0:2")
    await feed.next()
    told = (hold_id, "booked", "1:2:3,2:2:3", "0:2:3", "ada:4:3")
    assert await stage.settle(*told) == 3
    assert await feed.change() == (2, "2:1,2", "0:3")
    for force in (False, True):
        assert await stage.settle(*told, force=force) == 0
    assert (await stage.digits(), await stage.floor()) == ("0220000000", 3)
    assert await stage.state(hold_id) == "booked"
    assert (await stage.buyer("h:ada"), await stage.buyer("o:ada")) == (None, b"4:3")
    await stage.held("5")
    assert (await feed.change())[0] == 3


async def test_an_older_fact_never_overwrites_a_newer_one(stage: Stage) -> None:
    """Sale and cancellation arrive in the wrong order."""
    hold_id = await stage.paying("1", "0:1")
    await stage.settle(hold_id, "", "1:0:4", "0:0:4", "ada:0:4")
    assert (await stage.digits(), await stage.state(hold_id)) == ("0000000000", "paying")
    for force in (False, True):
        await stage.settle(hold_id, "booked", "1:2:3", "0:1:3", "ada:2:3", force=force)
    assert (await stage.digits(), await stage.floor()) == ("0" * SEATS, 5)
    assert await stage.buyer("o:ada") == b"0:4"
    assert await stage.state(hold_id) == "booked"


async def test_a_declined_card_leaves_the_hold_with_its_buyer(stage: Stage, feed: Feed) -> None:
    hold_id = await stage.paying("1,2", "0:1")
    await feed.next()
    await stage.settle(hold_id, "kept", "1:0:3,2:0:3", "0:0:2", "ada:0:2")
    assert (await stage.digits(), await stage.state(hold_id)) == ("0110000000", "held")
    assert await stage.floor() == 4
    await stage.settle(hold_id, "kept", "1:0:3,2:0:3", "0:0:2", "ada:0:2")
    await stage.run("release", hold_id, "ada")
    assert await feed.change() == (2, "0:1,2", "0:5"), "in between, nobody sees a change"
    await stage.settle(hold_id, "kept", "1:0:3", "", "")
    assert await stage.state(hold_id) == "released"


async def test_freeing_leaves_a_seat_to_its_new_holder(stage: Stage) -> None:
    theirs = await stage.held("1", owner="bob")
    await stage.settle("some-other-hold", "expired", "1:0:3")
    assert await stage.digits() == "0100000000"
    await stage.run("release", theirs, "bob")
    assert await stage.digits() == "0" * SEATS


async def test_a_sale_takes_its_seat_from_another_buyers_hold(stage: Stage) -> None:
    """After a loss of Redis two buyers were promised one seat; PostgreSQL has sold it to the other one."""
    theirs = await stage.held("1,2", owner="bob")
    await stage.settle("lost-hold", "booked", "1:2:3")
    assert await stage.digits() == "0210000000"
    for script in ("begin_payment", "release"):
        await stage.run(script, theirs, "bob")
    assert (await stage.digits())[1] == "2"
    await stage.settle(theirs, "expired")
    assert await stage.digits() == "0200000000"


async def test_reconciling_corrects_a_digit_of_a_known_version(stage: Stage, feed: Feed) -> None:
    await stage.settle(seats="1:2:3")
    await feed.next()
    await stage.store.call("SETRANGE", f"{stage.base}:seats", 1, "0")
    assert await stage.settle(seats="1:2:3") == 0
    assert await stage.settle(seats="1:2:3", force=True) == 1
    assert await feed.change() == (2, "2:1", "")
    assert await stage.settle(seats="1:0:2", force=True) == 0, "still older"


async def test_an_area_never_shows_less_than_nothing(stage: Stage, feed: Feed) -> None:
    """After a loss of Redis, places are held that PostgreSQL has sold to another buyer."""
    await stage.held("", "0:4")
    await feed.next()
    await stage.settle("lost-hold", "booked", "", "0:3:2")
    assert (await feed.change())[2] == "0:0"
    assert await stage.floor() == 0
    assert (await stage.hold("", "0:1", owner="bob"))[1:] == [b"taken", b"", b"0"]


# Repairing


async def test_recounting_repairs_a_half_restored_redis(stage: Stage) -> None:
    call, base = stage.store.call, stage.base
    kept, lost = await stage.held("1", "0:1"), await stage.held("2", "0:2", owner="bob")
    await call("DEL", f"{base}:hold:{lost}")
    await call("HSET", f"{base}:buyers", "h:eve", 3, "h:ada", 9)
    await call("SETRANGE", f"{base}:seats", 7, "1")
    await call("HSET", f"{base}:owners", 8, "nobody")
    assert redis_alone(_claims(await stage.run("claims"))) != []
    corrected = int((await stage.run("recount"))[1])
    assert corrected >= 6
    assert redis_alone(_claims(await stage.run("claims"))) == []
    assert (await stage.digits(), await stage.floor()) == ("0100000000", 4)
    assert (await stage.buyer("h:ada"), await stage.buyer("h:eve")) == (b"2", None)
    assert await stage.run("recount") == [b"recounted", 0, b""]
    assert await stage.state(kept) == "held"


async def listed(stage: Stage, owner: str) -> list[str]:
    _, *holds = await stage.run("holds_of", owner)
    return [hold[0].decode() for hold in holds]


async def test_a_buyers_holds_are_listed_while_they_live(stage: Stage) -> None:
    late, soon = await stage.held("1"), await stage.held("2", "0:1")
    other = await stage.held("3", owner="bob")
    await stage.make_due(soon, ago_ms=-20_000)
    assert (await listed(stage, "ada"), await listed(stage, "bob")) == ([soon, late], [other])
    await stage.make_due(soon)
    assert await listed(stage, "ada") == [late], "due, though no worker has freed it yet"
    await stage.run("expire", 10)
    await stage.run("release", late, "ada")
    assert await listed(stage, "ada") == []
    assert await stage.buyer("l:ada") is None
    assert await listed(stage, "bob") == [other]


async def test_the_list_only_leads_to_holds(stage: Stage) -> None:
    """What it names wrongly is not shown; recounting writes it again."""
    held, other = await stage.held("1"), await stage.held("2", owner="bob")
    key = f"{stage.base}:buyers"
    await stage.store.call("HSET", key, "l:ada", f"nothing {other}", "l:eve", held)
    assert (await listed(stage, "ada"), await listed(stage, "eve")) == ([], [])
    await stage.run("recount")
    assert (await listed(stage, "ada"), await stage.buyer("l:eve")) == ([held], None)


# Everywhere


async def test_every_key_and_channel_carries_the_events_hash_tag(stage: Stage) -> None:
    """On a Redis cluster a script may use one slot only."""
    await stage.settle(await stage.paying("1", "0:1"), "booked", "1:2:3", "0:1:2", "ada:2:2")
    await stage.held("2")
    redis = stage.store.client
    about_it = [key async for key in redis.scan_iter(match=f"*{stage.event_id}*", count=1000)]
    assert len(about_it) >= 7
    assert all(key.startswith(stage.base.encode()) for key in about_it)
    for name, text in read_scripts().items():
        assert "KEYS[2]" not in text, name


async def test_a_hold_of_the_largest_size_fits_one_script(stage: Stage) -> None:
    """Lua's unpack has a limit; a hold of a hundred seats is below it."""
    await stage.load(2)
    many = [str(n) for n in range(100)]
    meta = META | {"seat_count": 100, "buyer_limit": 100}
    await stage.run(
        "load", 3, 1, "0" * 100, b"\0\0\0\1" * 100, "0:5:0:1", *flat(list(meta.items())), 0, 0
    )
    hold_id = await stage.held(",".join(many))
    assert await stage.digits() == "1" * 100
    await stage.run("release", hold_id, "ada")
    assert await stage.digits() == "0" * 100
