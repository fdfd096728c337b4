"""Seats that the organiser blocks: nobody loses a seat they have, and nobody can buy a blocked one."""

import asyncio
from typing import Any

import pytest

from engine.audit.auditor import audit
from engine.base.actor import ORGANISER
from engine.base.errors import Conflict, InvalidInput, NotFound, SeatUnavailable, Unavailable
from engine.base.model import BookingStatus, new_id
from engine.events.blocking import Blocking
from engine.runtime import Runtime
from engine.waitlist.model import Contact, Entry, Wanted
from tests.conftest import House, MakeHouse, small_house
from tests.support.live import gateway_of
from tests.support.worlds import keys_of

pytestmark = pytest.mark.integration


async def block(house: House, *seats: int, reason: str | None = None) -> Blocking:
    return await house.runtime.events.blocks.block(
        house.event_id, seats, reason=reason, actor=ORGANISER
    )


async def unblock(house: House, *seats: int) -> Blocking:
    return await house.runtime.events.blocks.unblock(house.event_id, seats, actor=ORGANISER)


def refusals(blocking: Blocking) -> dict[int, str]:
    return {seat.seat_no: seat.reason for seat in blocking.refused}


async def fetch(house: House, statement: str) -> list[Any]:
    async with house.runtime.stores.view.connection() as connection:
        return list(await connection.fetch(statement, house.event_id))


async def quiet(house: House) -> bool:
    return await audit(house.runtime.audit, house.event_id, quiet=True) == []


async def test_a_blocked_seat_is_not_for_sale(house: House, buyer: str) -> None:
    answer = await block(house, 3, 1, 3, reason="A camera stands there.")
    assert (answer.seats, answer.refused) == ([1, 3], [])
    assert (await house.states()).startswith("03030")
    with pytest.raises(SeatUnavailable):
        await house.hold(buyer, 3)
    (row,) = await fetch(house, "SELECT action, actor, details FROM audit WHERE event_id = $1")
    assert (row["action"], row["actor"]) == ("seats-blocked", "organiser")
    assert row["details"] == {"seats": [1, 3], "reason": "A camera stands there."}

    answer = await unblock(house, 1, 2)
    assert (answer.seats, refusals(answer)) == ([1], {2: "not-blocked"})
    assert (await house.states()).startswith("00030")
    await house.hold(buyer, 1)
    assert await quiet(house)


async def test_sold_and_held_seats_are_not_blocked(house: House, buyer: str) -> None:
    await house.book(buyer, await house.hold(buyer, 0))
    held = await house.hold(buyer, 1)
    paying = await house.book(buyer, await house.hold(buyer, 2), token="tok_3ds")
    assert paying.booking.status == BookingStatus.PENDING
    await block(house, 3)
    before = await house.states()
    answer = await block(house, 0, 1, 2, 3, 4)
    assert answer.seats == [4]
    assert refusals(answer) == {0: "sold", 1: "held", 2: "held", 3: "already"}
    assert await house.states() == before[:4] + "3" + before[5:]
    assert (await house.book(buyer, held)).booking.status == BookingStatus.CONFIRMED


async def test_blocking_again_changes_nothing(house: House) -> None:
    await block(house, 1)
    again = await block(house, 1)
    assert (again.seats, refusals(again)) == ([], {1: "already"})
    await unblock(house, 1)
    await unblock(house, 1)
    assert len(await fetch(house, "SELECT FROM audit WHERE event_id = $1")) == 2


async def test_unknown_seats_and_unpublished_events_are_refused(
    runtime: Runtime, house: House
) -> None:
    for seats in ([50], [0, -1], [10**30]):
        with pytest.raises(InvalidInput) as unknown:
            await block(house, *seats)
        assert unknown.value.code == "no-such-seat"
    assert "3" not in await house.states()
    with pytest.raises(NotFound):
        await block(House(runtime, new_id()), 1)
    await runtime.events.publishing.pause(house.event_id)
    assert (await block(house, 1)).seats == [1]
    await runtime.events.publishing.cancel(house.event_id)
    with pytest.raises(Conflict) as refused:
        await unblock(house, 1)
    assert refused.value.code == "event-cancelled"


async def test_watchers_see_a_blocked_seat(house: House) -> None:
    async with (
        gateway_of(house.runtime) as gateway,
        gateway.viewer(house.event_id) as viewer,
    ):
        await viewer.greeted()
        await block(house, 7, 8)
        await viewer.until(lambda: viewer.map is not None and viewer.map.states[7:9] == b"33")
        await unblock(house, 7)
        await viewer.until(lambda: viewer.map is not None and viewer.map.states[7:9] == b"03")


async def test_a_hold_that_raced_with_blocking_buys_nothing(
    house: House, buyer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = house.runtime.live

    async def too_early(event_id: str, seat_nos: list[int]) -> set[int]:
        return set()

    monkeypatch.setattr(live.reading, "claimed", too_early)
    hold = await house.hold(buyer, 5, 6)
    assert (await block(house, 5)).seats == [5]
    monkeypatch.undo()
    assert (await house.states())[5:7] == "31"
    with pytest.raises(SeatUnavailable) as lost:
        await house.book(buyer, hold)
    assert lost.value.extra["seats"] == [5]
    # However the hold ends, the seat stays blocked and the other comes back.
    await house.runtime.holds.release(hold.hold_id, buyer)
    assert (await house.states())[5:7] == "30"
    assert await quiet(house)


async def one_waits(house: House) -> Entry:
    """A person waits for a front seat; all front seats are blocked."""
    await block(house, *range(20))
    wanted = Wanted(quantity=1, categories=["Front"])
    entry, _ = await house.runtime.waitlist.entries.join(
        house.event_id, new_id(), wanted, Contact()
    )
    return entry


async def offered_seats(house: House, entry: Entry) -> list[int]:
    await house.runtime.waitlist.rounds.run_round(house.event_id)
    offer = (await house.runtime.waitlist.entries.read(entry.entry_id)).offer
    return [seat.seat_no for seat in offer.seats] if offer else []


async def test_an_unblocked_seat_goes_to_the_waitlist_first(house: House, buyer: str) -> None:
    entry = await one_waits(house)
    await unblock(house, 9)
    assert (await house.states())[9] == "1"
    with pytest.raises(SeatUnavailable):
        await house.hold(buyer, 9)
    assert await offered_seats(house, entry) == [9]


async def test_an_offered_seat_stays_offered(house: House) -> None:
    entry = await one_waits(house)
    await unblock(house, 4, 5)
    (seat,) = await offered_seats(house, entry)
    assert refusals(await block(house, seat)) == {seat: "held"}
    # PostgreSQL knows the offer without Redis, which may have lost it.
    redis = house.runtime.stores.redis.client
    await redis.delete(*await keys_of(house.runtime.stores.redis, house.event_id))
    assert refusals(await block(house, seat)) == {seat: "held"}
    assert (await house.states())[seat] == "1"


async def test_blocking_waits_for_an_offer_that_is_being_made(house: House) -> None:
    """Blocking waits for the round that has claimed the seat, and sees its result."""
    entry = await one_waits(house)
    await unblock(house, 4)
    async with house.runtime.stores.view.connection() as connection:
        async with connection.transaction():
            await connection.execute(
                "SELECT FROM seats WHERE event_id = $1 AND seat_no = 4 FOR UPDATE", house.event_id
            )
            blocking = asyncio.create_task(block(house, 4))
            async with asyncio.timeout(60):
                while not await connection.fetchval(
                    "SELECT count(*) FROM pg_locks WHERE NOT granted"
                ):
                    await asyncio.sleep(0.01)
            await offer_by_hand(connection, house.event_id, entry, 4)
        answer = await blocking
    assert (answer.seats, refusals(answer)) == ([], {4: "held"})


async def offer_by_hand(connection: Any, event_id: str, entry: Entry, seat: int) -> None:
    offer = new_id()
    await connection.execute(
        "INSERT INTO waitlist_rounds (event_id, round_no, seats, prices, waiting)"
        " VALUES ($1, 9999, ARRAY[$2::integer], '{5000,3000}', 1)",
        event_id,
        seat,
    )
    await connection.execute(
        "INSERT INTO offers (event_id, offer_id, entry_id, person_id, round_no, seats, quantity,"
        " prices, expires_at) SELECT event_id, $2, entry_id, person_id, 9999, ARRAY[$4::integer], 1,"
        " '5000,3000', now() + interval '15 minutes' FROM waitlist_entries"
        " WHERE event_id = $1 AND entry_id = $3",
        event_id,
        offer,
        entry.entry_id,
        seat,
    )
    await connection.execute(
        "INSERT INTO offer_seats (event_id, offer_id, seat_no) VALUES ($1, $2, $3)",
        event_id,
        offer,
        seat,
    )


class Killed(BaseException):
    """As ``kill -9``: nothing after it runs."""


async def killed(*args: Any, **options: Any) -> int:
    raise Killed


async def test_after_a_kill_between_the_stores_reconciliation_finishes(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = house.runtime.live
    for act, before, after in ((block, "0", "3"), (unblock, "3", "0")):
        with monkeypatch.context() as patched:
            patched.setattr(live.settling, "settle", killed)
            with pytest.raises(Killed):
                await act(house, 2)
        assert (await house.states())[2] == before
        assert await live.reconciling.reconcile(house.event_id) >= 1
        assert (await house.states())[2] == after
    assert await quiet(house)


async def test_a_stale_map_sells_no_blocked_seat(
    house: House, buyer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(house.runtime.live.settling, "settle", killed)
        with pytest.raises(Killed):
            await block(house, 2)
    # Redis has missed the block and grants the hold; PostgreSQL decides and refuses the booking.
    hold = await house.hold(buyer, 2)
    with pytest.raises(SeatUnavailable):
        await house.book(buyer, hold)
    assert (await house.states())[2] == "3"
    await house.runtime.holds.release(hold.hold_id, buyer)
    assert (await house.states())[2] == "3"
    assert await quiet(house)


async def test_blocking_survives_a_redis_that_is_away_after_the_decision(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = house.runtime.live

    async def away(*args: Any, **options: Any) -> int:
        raise Unavailable("Redis is not reachable; try again shortly.", code="redis-unavailable")

    with monkeypatch.context() as patched:
        patched.setattr(live.settling, "settle", away)
        assert (await block(house, 2)).seats == [2]
    await live.reconciling.reconcile(house.event_id)
    assert (await house.states())[2] == "3"


async def test_many_seats_are_blocked_in_one_call(make_house: MakeHouse) -> None:
    house = await make_house(layout=small_house(rows=30, seats_per_row=50))
    answer = await block(house, *range(1500))
    assert len(answer.seats) == 1500
    assert await house.states() == "3" * 1500
    assert len((await unblock(house, *range(0, 1500, 2))).seats) == 750
    assert await house.states() == "03" * 750


async def test_no_seat_is_both_blocked_and_sold_in_a_race(make_house: MakeHouse) -> None:
    house = await make_house()
    bought: list[int] = []

    async def buy(seat: int) -> None:
        buyer = new_id()
        try:
            hold = await house.hold(buyer, seat)
            await house.book(buyer, hold)
            bought.append(seat)
        except SeatUnavailable:
            pass

    async def keep(seats: list[int]) -> list[int]:
        return (await block(house, *seats)).seats

    seats = list(range(50))
    buying = asyncio.gather(*(buy(seat) for seat in seats))
    kept = await asyncio.gather(*(keep(seats[at::5] + seats[(at + 1) % 5 :: 5]) for at in range(5)))
    await buying
    blocked = [seat for part in kept for seat in part]
    assert len(blocked) == len(set(blocked))
    assert not set(blocked) & set(bought)
    await house.runtime.live.reconciling.reconcile(house.event_id)
    states = await house.states()
    assert {n for n in seats if states[n] == "3"} == set(blocked)
    assert {n for n in seats if states[n] == "2"} == set(bought)
