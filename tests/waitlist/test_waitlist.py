"""The waitlist on real stores: who gets returned seats, and that nobody else does.

The test runs each round itself, so that it can check every moment.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from engine.base.actor import ORGANISER, Actor, ActorKind
from engine.base.errors import (
    Conflict,
    FrontrowError,
    Gone,
    InvalidInput,
    LimitReached,
    NotFound,
    PreconditionFailed,
    SeatUnavailable,
)
from engine.base.model import Buyer, EventStatus, new_id
from engine.live import waiting_line
from engine.live.keys import base_key, person_channel
from engine.runtime import Runtime
from engine.sales.ledger import Reserve
from engine.waitlist.model import (
    Contact,
    Entry,
    EntryStatus,
    OfferStatus,
    Wanted,
    WantedPatch,
)
from tests.conftest import House, MakeHouse
from tests.support.worlds import keys_of

pytestmark = pytest.mark.integration

ADA = Contact(buyer=Buyer("ada@example.com", "Ada"))


@dataclass
class Line:
    """A sold-out house and its waiting people."""

    house: House
    runtime: Runtime

    @property
    def event_id(self) -> str:
        return self.house.event_id

    async def join(self, person: str | None = None, **wanted: Any) -> Entry:
        wanted.setdefault("quantity", 1)
        entry, _ = await self.runtime.waitlist.entries.join(
            self.event_id, person or new_id(), Wanted(**wanted), Contact()
        )
        return entry

    async def round(self) -> int:
        return await self.runtime.waitlist.rounds.run_round(self.event_id)

    async def until_quiet(self) -> None:
        while await self.round():
            pass

    async def entry(self, entry: Entry) -> Entry:
        return await self.runtime.waitlist.entries.read(entry.entry_id)

    async def offer_of(self, entry: Entry) -> Any:
        """(offer, its seat numbers)"""
        offer = (await self.entry(entry)).offer
        assert offer is not None
        return offer, [seat.seat_no for seat in offer.seats]

    async def owner_of(self, entry: Entry) -> str:
        row = await self.runtime.stores.view.fetchrow("waitlist.entry", entry.entry_id)
        assert row is not None
        return str(row["person_id"])

    async def states(self) -> str:
        """Every seat's digit as Redis has it, the private ones too."""
        digits = await self.runtime.stores.redis.call("GET", base_key(self.event_id) + ":seats")
        return str(digits.decode())

    async def lapse(self, offer_id: str) -> None:
        """Let the offer's time be over."""
        async with self.runtime.stores.view.connection() as connection:
            await connection.execute(
                "UPDATE offers SET expires_at = clock_timestamp() WHERE offer_id = $1", offer_id
            )
        await self.runtime.waitlist.offers.lapse()


@pytest_asyncio.fixture
async def line(make_house: MakeHouse, runtime: Runtime) -> Line:
    """Rows 1 to 5 of ten seats; each seat is a hold of its own."""
    house = await make_house(buyer_limit=10)
    return Line(house, runtime)


@asynccontextmanager
async def heard(runtime: Runtime, person: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """Messages to a person's open connections."""
    pubsub = runtime.stores.redis.client.pubsub()

    async def messages() -> AsyncIterator[dict[str, Any]]:
        async with asyncio.timeout(60):
            async for message in pubsub.listen():
                if message["type"] == "message":
                    yield json.loads(message["data"][2:])

    await pubsub.subscribe(person_channel(person))
    try:
        yield messages()
    finally:
        await pubsub.aclose()  # type: ignore[no-untyped-call]  # redis-py leaves it so


async def hold_each(line: Line, seats: range) -> dict[int, tuple[str, str]]:
    """One hold per seat: seat_no → (buyer, hold_id)."""
    buyers = {n: new_id() for n in seats}
    holds = await asyncio.gather(*(line.house.hold(buyers[n], n) for n in seats))
    return {n: (buyers[n], hold.hold_id) for n, hold in zip(seats, holds, strict=True)}


async def full(line: Line) -> dict[int, tuple[str, str]]:
    await line.house.hold(new_id(), floor=6)
    return await hold_each(line, range(50))


async def release(line: Line, holds: dict[int, tuple[str, str]], *seats: int) -> None:
    for n in seats:
        buyer, hold_id = holds[n]
        await line.runtime.holds.release(hold_id, buyer)


async def test_joining_is_refused_while_matching_seats_are_on_sale(line: Line) -> None:
    with pytest.raises(Conflict) as refusal:
        await line.join(quantity=2, categories=["Front"])
    assert refusal.value.code == "still-on-sale"
    assert len(refusal.value.extra["seats"]) == 2
    assert refusal.value.extra["url"].endswith(f"/events/{line.event_id}")
    # Only what one wants counts.
    await hold_each(line, range(20))
    entry = await line.join(quantity=2, categories=["Front"])
    assert (entry.status, entry.rank, entry.waiting) == (EntryStatus.WAITING, 1, 1)
    with pytest.raises(Conflict):
        await line.join(quantity=2, categories=["Back"])


async def test_a_person_has_one_entry_and_joining_again_returns_it(line: Line) -> None:
    await full(line)
    person = new_id()
    first = await line.join(person, quantity=2)
    again, made = await line.runtime.waitlist.entries.join(
        line.event_id, person, Wanted(quantity=2), Contact()
    )
    assert not made
    assert again.entry_id == first.entry_id
    with pytest.raises(Conflict) as refusal:
        await line.join(person, quantity=3)
    assert refusal.value.code == "already-waiting"
    assert refusal.value.extra["entry_id"] == first.entry_id


async def test_simultaneous_joins_of_one_person_make_one_entry(line: Line) -> None:
    await full(line)
    person = new_id()
    entries = await asyncio.gather(*(line.join(person, quantity=2) for _ in range(20)))
    assert len({entry.entry_id for entry in entries}) == 1
    assert (await line.entry(entries[0])).waiting == 1


async def test_an_invalid_wish_is_refused(line: Line) -> None:
    with pytest.raises(InvalidInput) as refusal:
        await line.join(categories=["Moon"])
    assert refusal.value.code == "no-such-category"
    with pytest.raises(InvalidInput) as refusal:
        await line.join(sections=["Moon"])
    assert refusal.value.code == "no-such-section"
    with pytest.raises(LimitReached):
        await line.join(quantity=11)


async def test_the_waitlist_is_ordered_by_tier_then_by_time(line: Line, runtime: Runtime) -> None:
    await full(line)
    first, second = await line.join(), await line.join()
    patron = new_id()
    async with runtime.stores.view.connection() as connection:
        await connection.execute("INSERT INTO people (person_id, tier) VALUES ($1, 'vip')", patron)
    vip = await line.join(patron)
    assert [(await line.entry(e)).rank for e in (vip, first, second)] == [1, 2, 3]
    assert vip.tier == "vip"
    await runtime.waitlist.entries.leave(first.entry_id, await line.owner_of(first))
    assert [(await line.entry(e)).rank for e in (vip, second)] == [1, 2]


async def test_a_returned_seat_is_offered_and_nobody_else_gets_it(line: Line) -> None:
    holds = await full(line)
    entry = await line.join()
    await release(line, holds, 7)
    # Before any round the seat is kept, and not on sale.
    assert (await line.states())[7] == "4"
    assert (await line.house.states())[7] == "1"
    with pytest.raises(SeatUnavailable):
        await line.house.hold(new_id(), 7)
    assert await line.round() == 1
    offer, seats = await line.offer_of(entry)
    assert seats == [7]
    assert offer.status == OfferStatus.OPEN
    with pytest.raises(SeatUnavailable):
        await line.house.hold(new_id(), 7)
    person = await line.owner_of(entry)
    hold = await line.runtime.waitlist.offers.accept(offer.offer_id, person)
    assert (hold.hold_id, hold.status) == (offer.offer_id, "held")
    assert [seat.seat_no for seat in hold.seats] == [7]
    answer = await line.house.book(person, hold)
    assert answer.outcome == "confirmed"
    assert (await line.entry(entry)).status == EntryStatus.ACCEPTED
    assert (await line.states())[7] == "2"


async def free_by_release(line: Line, holds: dict[int, tuple[str, str]]) -> None:
    await release(line, holds, 7)


async def free_by_expiry(line: Line, holds: dict[int, tuple[str, str]]) -> None:
    base = base_key(line.event_id)
    hold_id = holds[7][1]
    await line.runtime.stores.redis.call("HSET", f"{base}:hold:{hold_id}", "expires", 1)
    await line.runtime.stores.redis.call("ZADD", f"{base}:due", 1, hold_id)
    await line.runtime.holds.expire(line.event_id)


async def free_by_cancelling(line: Line, holds: dict[int, tuple[str, str]]) -> None:
    buyer, hold_id = holds[7]
    answer = await line.house.book(buyer, hold_id)
    await line.runtime.sales.cancelling.cancel(
        answer.booking.booking_id, actor=Actor(ActorKind.BUYER)
    )


async def free_by_late_settlement(line: Line, holds: dict[int, tuple[str, str]]) -> None:
    """Cancelled in PostgreSQL by a process that died before updating Redis; the relay does that."""
    buyer, hold_id = holds[7]
    answer = await line.house.book(buyer, hold_id)
    booking = answer.booking
    ended = await line.runtime.sales.ledger.end(
        line.event_id, booking.booking_id, to=booking.status.CANCELLED, actor=Actor(ActorKind.BUYER)
    )
    assert ended.settlement is not None
    await line.runtime.sales.late_settling.settle_booking(
        line.event_id, booking.booking_id, ended.settlement
    )


async def free_by_expired_payment(line: Line, holds: dict[int, tuple[str, str]]) -> None:
    buyer, hold_id = holds[7]
    answer = await line.house.book(buyer, hold_id, "tok_3ds")
    async with line.runtime.stores.view.connection() as connection:
        await connection.execute(
            "UPDATE bookings SET expires_at = now() WHERE booking_id = $1",
            answer.booking.booking_id,
        )
    await line.runtime.sales.finishing.resolve(answer.booking.booking_id, due=True)


async def free_by_reconciling(line: Line, holds: dict[int, tuple[str, str]]) -> None:
    """A hold that vanished without a trace, as from a half-restored Redis."""
    base = base_key(line.event_id)
    await line.runtime.stores.redis.call("DEL", f"{base}:hold:{holds[7][1]}")
    await line.runtime.live.reconciling.reconcile(line.event_id)


FREEING = [
    free_by_release,
    free_by_expiry,
    free_by_cancelling,
    free_by_late_settlement,
    free_by_expired_payment,
    free_by_reconciling,
]


@pytest.mark.parametrize("free", FREEING, ids=lambda free: free.__name__)
async def test_every_way_to_free_a_seat_keeps_it_for_the_waitlist(line: Line, free: Any) -> None:
    holds = await full(line)
    entry = await line.join()
    await free(line, holds)
    assert (await line.states())[7] == "4"
    with pytest.raises(SeatUnavailable):
        await line.house.hold(new_id(), 7)
    await line.until_quiet()
    assert (await line.offer_of(entry))[1] == [7]


async def test_places_of_an_area_are_kept_and_offered_too(line: Line) -> None:
    await hold_each(line, range(50))
    holder = new_id()
    hold = await line.house.hold(holder, floor=4)
    await line.house.hold(new_id(), floor=2)
    entry = await line.join(quantity=3, sections=["Floor"])
    await line.runtime.holds.release(hold.hold_id, holder)
    assert await line.house.floor_free() == 0
    assert await line.round() == 1
    offer, _ = await line.offer_of(entry)
    assert [(area.area_no, area.quantity) for area in offer.areas] == [(0, 3)]
    # The fourth place fits no waiting entry: it is on sale.
    assert await line.house.floor_free() == 1
    await line.runtime.waitlist.offers.decline(offer.offer_id, await line.owner_of(entry))
    await line.until_quiet()
    assert await line.house.floor_free() == 4


async def test_a_party_gets_its_seats_together_or_not_at_all(line: Line) -> None:
    holds = await full(line)
    party = await line.join(quantity=3)
    await release(line, holds, 3, 12, 41)
    await line.until_quiet()
    assert (await line.entry(party)).status == EntryStatus.WAITING
    # No entry could use them: they are on sale.
    assert [(await line.states())[n] for n in (3, 12, 41)] == ["0", "0", "0"]
    # Seats on sale and returned seats count together.
    await release(line, holds, 4, 5)
    await line.until_quiet()
    assert (await line.offer_of(party))[1] == [3, 4, 5]


async def test_a_large_party_is_skipped_and_the_skip_is_recorded(line: Line) -> None:
    holds = await full(line)
    party, single = await line.join(quantity=4), await line.join()
    await release(line, holds, 8)
    await line.until_quiet()
    assert (await line.entry(party)).status == EntryStatus.WAITING
    assert (await line.offer_of(single))[1] == [8]
    async with line.runtime.stores.view.connection() as connection:
        skips = await connection.fetch(
            "SELECT * FROM waitlist_skips WHERE event_id = $1", line.event_id
        )
    assert [(str(s["entry_id"]), s["passed"]) for s in skips] == [(party.entry_id, 1)]
    assert skips[0]["reason"] == "too-few"


async def test_declining_passes_the_seats_on_and_ends_the_entry(line: Line) -> None:
    holds = await full(line)
    first, second = await line.join(), await line.join()
    await release(line, holds, 8)
    await line.until_quiet()
    offer, _ = await line.offer_of(first)
    person = await line.owner_of(first)
    declined = await line.runtime.waitlist.offers.decline(offer.offer_id, person)
    assert declined.status == OfferStatus.DECLINED
    assert (await line.runtime.waitlist.offers.decline(offer.offer_id, person)).status == "declined"
    await line.until_quiet()
    assert (await line.offer_of(second))[1] == [8]
    assert (await line.entry(first)).status == EntryStatus.DECLINED
    with pytest.raises(Gone):
        await line.runtime.waitlist.offers.accept(offer.offer_id, person)


async def test_an_unanswered_offer_goes_to_the_next_entry(line: Line) -> None:
    holds = await full(line)
    first, second = await line.join(), await line.join()
    await release(line, holds, 8)
    await line.until_quiet()
    offer, _ = await line.offer_of(first)
    await line.lapse(offer.offer_id)
    with pytest.raises(Gone) as refusal:
        await line.runtime.waitlist.offers.accept(offer.offer_id, await line.owner_of(first))
    assert refusal.value.code == "offer-ended"
    await line.until_quiet()
    assert (await line.offer_of(second))[1] == [8]
    assert (await line.entry(first)).status == EntryStatus.LAPSED


async def test_seats_go_on_sale_when_nobody_is_waiting(line: Line) -> None:
    holds = await full(line)
    entry = await line.join()
    await release(line, holds, 8)
    await line.until_quiet()
    offer, _ = await line.offer_of(entry)
    await line.lapse(offer.offer_id)
    await line.until_quiet()
    await line.house.hold(new_id(), 8)
    # With nobody waiting, returned seats go on sale again, though only after a round, because somebody
    # began to join a moment ago.
    await release(line, holds, 9)
    await line.runtime.waitlist.rounds.serve(line.event_id)
    await line.house.hold(new_id(), 9)


async def test_leaving_with_an_open_offer_declines_it(line: Line) -> None:
    holds = await full(line)
    first, second = await line.join(), await line.join()
    await release(line, holds, 8)
    await line.until_quiet()
    offer, _ = await line.offer_of(first)
    person = await line.owner_of(first)
    with pytest.raises(NotFound):
        await line.runtime.waitlist.entries.leave(first.entry_id, new_id())
    await line.runtime.waitlist.entries.leave(first.entry_id, person)
    await line.runtime.waitlist.entries.leave(first.entry_id, person)
    assert (await line.runtime.waitlist.offers.read(offer.offer_id)).status == OfferStatus.DECLINED
    await line.until_quiet()
    assert (await line.offer_of(second))[1] == [8]


async def test_a_withdrawn_offer_returns_the_entry_to_its_position(line: Line) -> None:
    holds = await full(line)
    first, second = await line.join(), await line.join()
    await release(line, holds, 8)
    await line.until_quiet()
    offer, _ = await line.offer_of(first)
    withdrawn = await line.runtime.waitlist.offers.withdraw(
        offer.offer_id, reason="a mistake", actor=ORGANISER
    )
    assert (withdrawn.status, withdrawn.reason) == (OfferStatus.WITHDRAWN, "a mistake")
    assert [(await line.entry(e)).rank for e in (first, second)] == [1, 2]
    await line.until_quiet()
    assert (await line.offer_of(first))[1] == [8]


async def test_only_its_person_may_answer_an_offer(line: Line) -> None:
    holds = await full(line)
    entry = await line.join()
    await release(line, holds, 8)
    await line.until_quiet()
    offer, _ = await line.offer_of(entry)
    for act in (line.runtime.waitlist.offers.accept, line.runtime.waitlist.offers.decline):
        with pytest.raises(NotFound):
            await act(offer.offer_id, new_id())
    # Nor can the seat be held without the offer.
    person = await line.owner_of(entry)
    for touch in (line.runtime.holds.read, line.runtime.holds.extend, line.runtime.holds.release):
        with pytest.raises(FrontrowError) as refusal:
            await touch(offer.offer_id, person)
        assert refusal.value.code == "offer-not-accepted"
    with pytest.raises(Conflict):
        await line.house.book(person, offer.offer_id)


async def test_accepting_twice_makes_one_hold(line: Line) -> None:
    holds = await full(line)
    entry = await line.join(quantity=2)
    await release(line, holds, 8, 9)
    await line.until_quiet()
    offer, _ = await line.offer_of(entry)
    person = await line.owner_of(entry)
    first, again = await asyncio.gather(
        *(line.runtime.waitlist.offers.accept(offer.offer_id, person) for _ in range(2))
    )
    assert first == again


async def test_the_price_of_an_offer_is_fixed(line: Line) -> None:
    holds = await full(line)
    entry = await line.join()
    await release(line, holds, 8)
    await line.until_quiet()
    await line.runtime.events.publishing.reprice(
        line.event_id, {"Front": 9900}, reason="dearer", actor=ORGANISER
    )
    offer, _ = await line.offer_of(entry)
    hold = await line.runtime.waitlist.offers.accept(offer.offer_id, await line.owner_of(entry))
    assert offer.total.amount == hold.total.amount == 5000


async def test_a_price_that_falls_brings_an_offer(line: Line) -> None:
    await hold_each(line, range(20, 50))
    await line.house.hold(new_id(), floor=6)
    entry = await line.join(max_price=4000)
    await line.until_quiet()
    assert (await line.entry(entry)).status == EntryStatus.WAITING
    await line.runtime.events.publishing.reprice(
        line.event_id, {"Front": 3900}, reason="cheaper", actor=ORGANISER
    )
    assert await line.runtime.waitlist.rounds.serve(line.event_id) == 1
    assert (await line.offer_of(entry))[0].total.amount == 3900


async def test_a_person_at_the_limit_is_skipped(line: Line) -> None:
    holds = await full(line)
    greedy = new_id()
    entry = await line.join(greedy, quantity=9)
    assert entry.rank == 1
    await line.runtime.waitlist.entries.leave(entry.entry_id, greedy)
    await release(line, holds, 0, 1)
    await line.until_quiet()
    await line.house.hold(greedy, 0, 1)
    first = await line.join(greedy, quantity=9, together=False)
    second = await line.join()
    await release(line, holds, *range(20, 29))
    await line.until_quiet()
    # Two held and nine more are over the limit of ten.
    assert (await line.entry(first)).status == EntryStatus.WAITING
    assert (await line.entry(second)).status == EntryStatus.OFFERED


async def test_changing_the_wish_keeps_the_position(line: Line) -> None:
    holds = await full(line)
    first, second = await line.join(quantity=5), await line.join()
    person = await line.owner_of(first)
    with pytest.raises(PreconditionFailed):
        await line.runtime.waitlist.entries.change(
            first.entry_id, person, WantedPatch(quantity=1), version=9
        )
    changed = await line.runtime.waitlist.entries.change(
        first.entry_id, person, WantedPatch(quantity=1, contact=ADA), version=1
    )
    assert (changed.rank, changed.version, changed.contact) == (1, 2, ADA)
    await release(line, holds, 8)
    await line.until_quiet()
    assert (await line.offer_of(first))[1] == [8]
    assert (await line.entry(second)).rank == 1


async def test_offers_survive_the_loss_of_redis(line: Line) -> None:
    holds = await full(line)
    first, second = await line.join(quantity=2), await line.join()
    await release(line, holds, 8, 9)
    await line.until_quiet()
    offer, seats = await line.offer_of(first)
    for key in await keys_of(line.runtime.stores.redis, line.event_id):
        await line.runtime.stores.redis.call("DEL", key)
    # All holds are gone, and all seats go to the waitlist first; the offer stays.
    with pytest.raises(SeatUnavailable):
        await line.house.hold(new_id(), 0)
    with pytest.raises(SeatUnavailable):
        await line.house.hold(new_id(), *seats)
    await line.until_quiet()
    assert (await line.entry(second)).status == EntryStatus.OFFERED
    await line.house.hold(new_id(), 20)
    hold = await line.runtime.waitlist.offers.accept(offer.offer_id, await line.owner_of(first))
    assert [seat.seat_no for seat in hold.seats] == seats
    # And so does the hold that it became.
    for key in await keys_of(line.runtime.stores.redis, line.event_id):
        await line.runtime.stores.redis.call("DEL", key)
    person = await line.owner_of(first)
    assert (await line.runtime.holds.read(hold.hold_id, person)).status == "held"
    assert (await line.house.book(person, hold)).outcome == "confirmed"


async def test_ranks_survive_the_loss_of_redis(line: Line) -> None:
    await full(line)
    entries = [await line.join() for _ in range(5)]
    for key in await keys_of(line.runtime.stores.redis, line.event_id):
        await line.runtime.stores.redis.call("DEL", key)
    assert [(await line.entry(e)).rank for e in entries] == [1, 2, 3, 4, 5]
    # The reconciler repairs a waitlist that lost an entry in Redis.
    await line.runtime.stores.redis.call(
        "ZREM", base_key(line.event_id) + ":line", entries[0].entry_id
    )
    for _ in range(2):
        await line.runtime.live.reconciling.reconcile(line.event_id)
    assert [(await line.entry(e)).rank for e in entries] == [1, 2, 3, 4, 5]
    # It also repairs one that kept an entry that has left.
    stranger = {new_id(): 0}
    await line.runtime.stores.redis.client.zadd(base_key(line.event_id) + ":line", stranger)
    assert [(await line.entry(e)).rank for e in entries] == [2, 3, 4, 5, 6]
    for _ in range(2):
        await line.runtime.live.reconciling.reconcile(line.event_id)
    assert [(await line.entry(e)).rank for e in entries] == [1, 2, 3, 4, 5]


async def test_ranks_are_never_missing_while_the_waitlist_is_rebuilt(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    await full(line)
    first, second = [await line.join() for _ in range(2)]
    key = base_key(line.event_id) + ":line"
    await line.runtime.stores.redis.call("ZREM", key, second.entry_id)
    ranks = []
    load = waiting_line.load_line

    async def look(*args: Any) -> set[str]:
        ranks.append((await line.entry(first)).rank)
        return await load(*args)

    monkeypatch.setattr(waiting_line, "load_line", look)
    for _ in range(2):
        await line.runtime.live.reconciling.reconcile(line.event_id)
    assert ranks == [1]
    assert (await line.entry(second)).rank == 2


async def test_a_round_counts_waiting_entries_after_redis_lost_them(line: Line) -> None:
    holds = await full(line)
    for _ in range(3):
        await line.join()
    await line.runtime.stores.redis.call("DEL", base_key(line.event_id) + ":line")
    await release(line, holds, 8)
    assert await line.round() == 1
    async with line.runtime.stores.view.connection() as connection:
        waiting = await connection.fetchval(
            "SELECT waiting FROM waitlist_rounds WHERE event_id = $1", line.event_id
        )
    assert waiting == 3


async def test_an_unconfirmed_claim_returns_to_the_waitlist(line: Line) -> None:
    """A worker claimed seats and died before it could write the offer."""
    holds = await full(line)
    entry = await line.join()
    await release(line, holds, 8)
    person, offer_id = await line.owner_of(entry), new_id()
    reply = await line.runtime.live.running.run(
        "claim", line.event_id, "5000,3000", 0, offer_id, person, "8", "", 1, entry.entry_id
    )
    assert reply == [b"claimed"]
    assert await line.round() == 0
    await line.runtime.expiring.run_once()
    assert (await line.states())[8] == "4"
    await line.until_quiet()
    assert (await line.offer_of(entry))[1] == [8]


async def test_an_offer_that_never_reached_redis_is_loaded(
    line: Line, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker wrote the offer and died before it could publish it."""
    holds = await full(line)
    entry = await line.join()
    await release(line, holds, 8)
    async with heard(runtime, await line.owner_of(entry)) as messages:
        with monkeypatch.context() as dying:
            dying.setattr(runtime.live.offers, "load", None)
            with pytest.raises(TypeError):
                await line.round()
        offer, _ = await line.offer_of(entry)
        await runtime.waitlist.offers.settle(line.event_id, offer.offer_id)
        assert (await anext(messages))["change"] == "made"
    hold = await runtime.waitlist.offers.accept(offer.offer_id, await line.owner_of(entry))
    assert [seat.seat_no for seat in hold.seats] == [8]


async def test_rounds_of_two_workers_never_offer_one_seat_twice(line: Line) -> None:
    holds = await full(line)
    entries = [await line.join() for _ in range(30)]
    await asyncio.gather(
        *(release(line, holds, n) for n in range(20)), *(line.round() for _ in range(30))
    )
    await line.until_quiet()
    seats = [(await line.offer_of(e))[1][0] for e in entries[:20]]
    assert sorted(seats) == list(range(20))
    assert {(await line.entry(e)).status for e in entries[20:]} == {EntryStatus.WAITING}


async def test_a_paused_event_makes_no_offers_until_it_sells_again(line: Line) -> None:
    holds = await full(line)
    entry = await line.join()
    await line.runtime.events.publishing.pause(line.event_id)
    await release(line, holds, 8)
    assert await line.round() == 0
    await line.runtime.events.publishing.resume(line.event_id)
    assert await line.runtime.waitlist.rounds.serve(line.event_id) == 1
    assert (await line.offer_of(entry))[1] == [8]
    assert (await line.runtime.catalog.event(line.event_id)).status == EventStatus.ON_SALE


async def test_a_late_payment_does_not_take_offered_seats(line: Line) -> None:
    """The seats of an expired booking were offered to others; the late payment is refunded."""
    holds = await full(line)
    entry = await line.join()
    buyer, hold_id = holds[7]
    answer = await line.house.book(buyer, hold_id, "tok_3ds")
    booking_id = answer.booking.booking_id
    async with line.runtime.stores.view.connection() as connection:
        await connection.execute(
            "UPDATE bookings SET expires_at = now() WHERE booking_id = $1", booking_id
        )
    await line.runtime.sales.finishing.resolve(booking_id, due=True)
    await line.until_quiet()
    assert (await line.offer_of(entry))[1] == [7]
    async with line.runtime.stores.view.connection() as connection:
        await connection.execute(
            "UPDATE sandbox_charges SET status = 'captured' WHERE booking_id = $1", booking_id
        )
    late = await line.runtime.sales.finishing.payment_arrived(booking_id)
    assert late.outcome == "expired"
    offer, _ = await line.offer_of(entry)
    person = await line.owner_of(entry)
    hold = await line.runtime.waitlist.offers.accept(offer.offer_id, person)
    assert (await line.house.book(person, hold)).outcome == "confirmed"


async def test_a_stalled_checkout_does_not_take_offered_seats(line: Line) -> None:
    """Its hold was lost with Redis and the seat was offered to another; then it reaches PostgreSQL."""
    holds = await full(line)
    entry = await line.join(quantity=1)
    buyer, hold_id = holds[7]
    paying = await line.runtime.holds.begin_payment(hold_id, buyer)
    for key in await keys_of(line.runtime.stores.redis, line.event_id):
        await line.runtime.stores.redis.call("DEL", key)
    assert await line.round() == 0  # this access rebuilds the state
    await line.until_quiet()
    offer, seats = await line.offer_of(entry)
    paying.seats[:] = seats
    command = Reserve(
        booking_id=new_id(),
        buyer_id=buyer,
        key=new_id(),
        fingerprint=b"",
        reference="SLEPT",
        request_id="a-request",
        request=line.house.request(hold_id),
        hold=paying,
        amount=5000,
    )
    reserved = await line.runtime.sales.ledger.reserve(command)
    assert (reserved.outcome, reserved.seats) == ("seat-unavailable", seats)
    person = await line.owner_of(entry)
    hold = await line.runtime.waitlist.offers.accept(offer.offer_id, person)
    assert (await line.house.book(person, hold)).outcome == "confirmed"


async def test_a_person_is_warned_once_before_an_offer_ends(line: Line, runtime: Runtime) -> None:
    # Offers of other tests may be about to end by now, if this run takes long.
    while await runtime.waitlist.offers.warn():
        pass
    holds = await full(line)
    entry = await line.join()
    await release(line, holds, 8)
    await line.until_quiet()
    offer, _ = await line.offer_of(entry)
    assert await runtime.waitlist.offers.warn() == 0
    async with runtime.stores.view.connection() as connection:
        await connection.execute(
            "UPDATE offers SET expires_at = clock_timestamp() + interval '30 seconds', "
            "made_at = made_at - interval '14 minutes' WHERE offer_id = $1",
            offer.offer_id,
        )
    async with heard(runtime, await line.owner_of(entry)) as messages:
        assert await runtime.waitlist.offers.warn() == 1
        assert await runtime.waitlist.offers.warn() == 0
        assert (await anext(messages))["change"] == "ending"


@pytest.mark.parametrize("answer", ["decline", "accept", "leave"])
async def test_an_answer_that_never_reached_redis_is_carried_out(
    line: Line, runtime: Runtime, answer: str
) -> None:
    """The API wrote the answer and died before updating Redis: the reconciler does that."""
    holds = await full(line)
    entry, other = await line.join(), await line.join()
    await release(line, holds, 8)
    await line.until_quiet()
    offer, _ = await line.offer_of(entry)
    person = await line.owner_of(entry)
    if answer == "leave":
        await runtime.stores.view.fetchrow("waitlist.leave", entry.entry_id, person)
    else:
        to = {"decline": "declined", "accept": "used"}[answer]
        await runtime.stores.view.fetchrow(
            "waitlist.end_offer", offer.offer_id, person, to, "person", None
        )
    await runtime.live.reconciling.reconcile(line.event_id)
    await line.until_quiet()
    if answer == "accept":
        assert (await runtime.holds.read(offer.offer_id, person)).status == "held"
    else:
        assert (await line.offer_of(other))[1] == [8]
