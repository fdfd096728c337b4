"""The waitlist when something fails at the wrong moment."""

import asyncio
from typing import Any

import msgspec
import pytest

from engine.base.config import Settings
from engine.base.errors import FrontrowError, SeatUnavailable, Unavailable
from engine.base.model import new_id
from engine.live.keys import base_key
from engine.live.scripts import Run, Settlement
from engine.runtime import Runtime, open_runtime
from engine.sales.ledger import Reserve
from engine.waitlist import scripts
from engine.waitlist.model import EntryStatus
from tests.conftest import MakeHouse
from tests.support.worlds import keys_of
from tests.waitlist.test_waitlist import Line, full, hold_each, line, release

pytestmark = pytest.mark.integration

__all__ = ["line"]


async def test_seats_that_could_not_be_put_on_sale_are_put_on_sale_later(
    line: Line, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    holds = await full(line)
    await line.join(quantity=2)
    await release(line, holds, 8)
    run = runtime.live.running.run

    async def away(script: str, *args: Any) -> Any:
        if script == "sell":
            raise Unavailable("Redis is away for a moment.")
        return await run(script, *args)

    with monkeypatch.context() as moment:
        moment.setattr(runtime.live.running, "run", away)
        with pytest.raises(Unavailable):
            await runtime.waitlist.rounds.serve(line.event_id)
    await runtime.waitlist.rounds.serve(line.event_id)
    await line.house.hold(new_id(), 8)


async def test_a_higher_limit_brings_an_offer(line: Line, runtime: Runtime) -> None:
    holds = await full(line)
    greedy = new_id()
    await release(line, holds, 0, 1)
    await line.house.hold(greedy, 0, 1)
    entry = await line.join(greedy, quantity=9, together=False)
    await release(line, holds, *range(20, 29))
    assert await runtime.waitlist.rounds.serve(line.event_id) == 0
    async with runtime.stores.view.connection() as connection:
        await connection.execute(
            "UPDATE events SET buyer_limit = 11, version = version + 1 WHERE event_id = $1",
            line.event_id,
        )
    await runtime.live.settling.refresh_terms(line.event_id)
    assert await runtime.waitlist.rounds.serve(line.event_id) == 1
    assert (await line.entry(entry)).status == EntryStatus.OFFERED


async def test_places_recovered_by_recounting_go_to_the_waitlist_first(
    line: Line, runtime: Runtime
) -> None:
    await hold_each(line, range(50))
    hold = await line.house.hold(new_id(), floor=6)
    await line.join(quantity=2, sections=["Floor"])
    await runtime.stores.redis.call("DEL", f"{base_key(line.event_id)}:hold:{hold.hold_id}")
    await runtime.live.reconciling.reconcile(line.event_id)
    assert await line.house.floor_free() == 0
    assert await line.round() == 1
    assert await line.house.floor_free() == 4


async def test_returned_places_are_kept_in_any_order_of_settlements(
    line: Line, runtime: Runtime
) -> None:
    """One booking of two places is confirmed, another of two is cancelled; Redis gets the settlements in
    reverse order."""
    await hold_each(line, range(50))
    one, other = new_id(), new_id()
    sold = await line.house.book(one, await line.house.hold(one, floor=2))
    held = await line.house.hold(other, floor=4)
    await line.join(quantity=1, sections=["Floor"])
    paying = await runtime.holds.begin_payment(held.hold_id, other)
    version = (await runtime.stores.view.fetch("inventory.area_truth", line.event_id))[0]["version"]
    assert sold.outcome == "confirmed"
    # In PostgreSQL: sold 2, then 6 (confirmed), then 4 (cancelled).
    await runtime.live.settling.settle(line.event_id, Settlement(areas=f"0:4:{version + 2}"))
    await runtime.live.settling.settle(
        line.event_id,
        Settlement(hold_id=paying.hold_id, outcome="booked", areas=f"0:6:{version + 1}"),
    )
    assert await line.house.floor_free() == 0


async def test_the_id_of_an_open_offer_cannot_be_used_for_a_hold(line: Line) -> None:
    holds = await full(line)
    entry = await line.join()
    await release(line, holds, 8)
    await line.until_quiet()
    offer, _ = await line.offer_of(entry)
    person = await line.owner_of(entry)
    with pytest.raises(FrontrowError) as refusal:
        await line.house.hold(person, 8, hold_id=offer.offer_id)
    assert refusal.value.code == "offer-not-accepted"


async def test_an_offer_that_redis_lost_is_restored_before_the_next_round(
    line: Line, runtime: Runtime
) -> None:
    """Redis restarts with its state of a second ago: the seat is kept without an offer."""
    holds = await full(line)
    first, second = await line.join(), await line.join()
    await release(line, holds, 8)
    await line.until_quiet()
    offer, _ = await line.offer_of(first)
    base = base_key(line.event_id)
    call = runtime.stores.redis.call
    await call("DEL", f"{base}:hold:{offer.offer_id}")
    await call("ZREM", f"{base}:due", offer.offer_id)
    await call("HDEL", f"{base}:owners", 8)
    await line.until_quiet()
    assert (await line.entry(second)).status == EntryStatus.WAITING
    hold = await runtime.waitlist.offers.accept(offer.offer_id, await line.owner_of(first))
    assert [seat.seat_no for seat in hold.seats] == [8]


async def test_a_stalled_worker_does_not_put_newly_returned_seats_on_sale(
    line: Line, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody wanted the seat then; meanwhile it was offered to a person, who declined it."""
    holds = await full(line)
    await line.join(quantity=2)
    await release(line, holds, 8)
    sleeping: list[Any] = []
    with monkeypatch.context() as moment:

        async def sleep(done: Any) -> None:
            sleeping.append(done)

        moment.setattr(runtime.waitlist.rounds, "_sell", sleep)
        await line.round()
    single = await line.join()
    await line.until_quiet()
    other = await line.join()
    offer, seats = await line.offer_of(single)
    assert seats == [8]
    await runtime.waitlist.offers.decline(offer.offer_id, await line.owner_of(single))
    await runtime.waitlist.rounds._sell(sleeping[0])
    with pytest.raises(SeatUnavailable):
        await line.house.hold(new_id(), 8)
    await line.until_quiet()
    assert (await line.offer_of(other))[1] == [8]


async def test_the_waitlist_is_rebuilt_while_all_connections_are_taken(
    line: Line, runtime: Runtime, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round waits for the rebuild, an answer for the bulkhead beside the rebuild, which has all connections
    that it needs."""
    holds = await full(line)
    first, second = await line.join(), await line.join()
    await release(line, holds, 8)
    await line.until_quiet()
    offer, _ = await line.offer_of(first)
    person = await line.owner_of(first)
    await runtime.stores.redis.call("DEL", f"{base_key(line.event_id)}:meta")
    little = msgspec.structs.replace(settings, postgres_pool_size=2)
    async with open_runtime(little, role="test") as small:
        waiting: list[asyncio.Task[Any]] = []
        run = small.stores.redis.run

        async def hold_round() -> None:
            async with runtime.stores.view.transaction() as transaction:
                await transaction.fetch("waitlist.lock_line", line.event_id)

        async def crowd(script: str, *args: Any) -> Any:
            if script == "load":
                waiting.append(asyncio.create_task(hold_round()))
                await locks_waited_for(runtime, 1)
                accept = small.waitlist.offers.accept(offer.offer_id, person)
                waiting.append(asyncio.create_task(accept))
                gates = small.live.rebuilding._pg.bulkhead._gates
                while line.event_id not in gates or gates[line.event_id].users < 2:
                    await asyncio.sleep(0.01)
            return await run(script, *args)

        monkeypatch.setattr(small.stores.redis, "run", crowd)
        rebuilding = asyncio.create_task(small.live.rebuilding.rebuild(line.event_id))
        try:
            async with asyncio.timeout(60):
                await rebuilding
        finally:
            _, hold = await asyncio.gather(*waiting)
    assert hold.status == "held"
    assert (await line.entry(second)).rank == 1


async def locks_waited_for(runtime: Runtime, count: int) -> None:
    async with asyncio.timeout(60), runtime.stores.view.connection() as connection:
        asked = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while await connection.fetchval(asked) < count:
            await asyncio.sleep(0.01)


async def lose_redis(line: Line) -> None:
    for key in await keys_of(line.runtime.stores.redis, line.event_id):
        await line.runtime.stores.redis.call("DEL", key)


async def test_a_stalled_checkout_does_not_take_offered_places(
    line: Line, runtime: Runtime
) -> None:
    """As with seats: its hold was lost with Redis, the places were offered to others, and then it reserves."""
    await hold_each(line, range(50))
    buyer = new_id()
    hold = await line.house.hold(buyer, floor=6)
    entry = await line.join(quantity=5, sections=["Floor"])
    paying = await runtime.holds.begin_payment(hold.hold_id, buyer)
    await lose_redis(line)
    assert await line.round() == 0  # this access rebuilds the state
    await line.until_quiet()
    offer, _ = await line.offer_of(entry)
    command = Reserve(
        booking_id=new_id(),
        buyer_id=buyer,
        key=new_id(),
        fingerprint=b"",
        reference="SLEPT",
        request_id="a-request",
        request=line.house.request(hold.hold_id),
        hold=paying,
        amount=18000,
    )
    reserved = await runtime.sales.ledger.reserve(command)
    assert (reserved.outcome, reserved.areas) == ("seat-unavailable", [0])
    person = await line.owner_of(entry)
    accepted = await runtime.waitlist.offers.accept(offer.offer_id, person)
    assert (await line.house.book(person, accepted)).outcome == "confirmed"


async def test_a_late_payment_does_not_take_offered_places(line: Line, runtime: Runtime) -> None:
    await hold_each(line, range(50))
    buyer = new_id()
    await line.house.hold(new_id(), floor=1)
    hold = await line.house.hold(buyer, floor=5)
    entry = await line.join(quantity=5, sections=["Floor"])
    answer = await line.house.book(buyer, hold, "tok_3ds")
    booking_id = answer.booking.booking_id
    async with runtime.stores.view.connection() as connection:
        await connection.execute(
            "UPDATE bookings SET expires_at = now() WHERE booking_id = $1", booking_id
        )
    await runtime.sales.finishing.resolve(booking_id, due=True)
    await line.until_quiet()
    offer, _ = await line.offer_of(entry)
    async with runtime.stores.view.connection() as connection:
        await connection.execute(
            "UPDATE sandbox_charges SET status = 'captured' WHERE booking_id = $1", booking_id
        )
    late = await runtime.sales.finishing.payment_arrived(booking_id)
    assert late.outcome == "expired"
    person = await line.owner_of(entry)
    accepted = await runtime.waitlist.offers.accept(offer.offer_id, person)
    assert (await line.house.book(person, accepted)).outcome == "confirmed"


async def test_a_round_offers_no_places_that_postgresql_has_given_away(
    line: Line, runtime: Runtime
) -> None:
    """A stalled checkout has reserved them; Redis was rebuilt before and does not know."""
    await hold_each(line, range(50))
    buyer = new_id()
    hold = await line.house.hold(buyer, floor=6)
    entry = await line.join(quantity=5, sections=["Floor"])
    paying = await runtime.holds.begin_payment(hold.hold_id, buyer)
    await lose_redis(line)
    assert await line.round() == 0  # this access rebuilds the state
    command = Reserve(
        booking_id=new_id(),
        buyer_id=buyer,
        key=new_id(),
        fingerprint=b"",
        reference="SLEPT2",
        request_id="a-request",
        request=line.house.request(hold.hold_id),
        hold=paying,
        amount=18000,
    )
    assert (await runtime.sales.ledger.reserve(command)).outcome == "reserved"
    await line.until_quiet()
    assert (await line.entry(entry)).status == EntryStatus.WAITING


@pytest.mark.parametrize("round_first", [False, True])
async def test_a_new_entry_comes_before_new_buyers_from_the_first_moment(
    line: Line, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, round_first: bool
) -> None:
    """The API wrote the entry to PostgreSQL and died before updating Redis; it is the first entry."""
    holds = await full(line)
    submit = runtime.waitlist.entries._joining.submit

    async def slow(join: Any) -> Any:
        if round_first:
            await line.round()
        return await submit(join)

    async def die(*_: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as moment:
        moment.setattr(runtime.waitlist.entries._joining, "submit", slow)
        moment.setattr(runtime.waitlist.entries, "mark", die)
        with pytest.raises(RuntimeError):
            await line.join()
    await release(line, holds, 8)
    assert (await line.states())[8] == "4"
    assert await runtime.waitlist.rounds.serve(line.event_id) == 1


async def test_a_round_waits_for_a_join_that_is_being_written(
    line: Line, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long that takes, seats returned meanwhile go to the new entry."""
    holds = await full(line)
    expect_join = scripts.expect_join
    rounds: list[asyncio.Task[int]] = []

    async def slow(run: Run, event_id: str) -> None:
        await expect_join(run, event_id)
        # Let this have been long ago.
        await runtime.stores.redis.call("HDEL", f"{base_key(event_id)}:meta", "soon")
        await release(line, holds, 8)
        rounds.append(asyncio.create_task(line.round()))
        async with runtime.stores.view.connection() as connection, asyncio.timeout(30):
            # Wait until it has reached the waitlist's lock, or passed it.
            while not rounds[0].done() and not await connection.fetchval(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"
            ):
                await asyncio.sleep(0.005)

    with monkeypatch.context() as moment:
        moment.setattr(scripts, "expect_join", slow)
        entry = await line.join()
    assert await rounds[0] == 1
    assert (await line.entry(entry)).status == EntryStatus.OFFERED


async def test_seats_are_on_sale_again_one_round_after_the_last_entry_left(
    line: Line, runtime: Runtime
) -> None:
    holds = await full(line)
    person = new_id()
    entry = await line.join(person)
    await runtime.waitlist.entries.leave(entry.entry_id, person)
    await line.round()
    await release(line, holds, 8)
    assert (await line.states())[8] == "0"


async def test_a_failed_join_keeps_no_seats_back(line: Line, runtime: Runtime) -> None:
    holds = await full(line)
    await scripts.expect_join(runtime.live.running.run, line.event_id)
    await release(line, holds, 8)
    assert (await line.states())[8] == "4"
    await line.round()
    assert (await line.states())[8] == "0"


async def test_seats_of_a_withdrawn_offer_stay_with_the_waitlist_if_redis_was_not_updated(
    line: Line, runtime: Runtime
) -> None:
    holds = await full(line)
    entry = await line.join()
    await release(line, holds, 8)
    await line.until_quiet()
    offer, _ = await line.offer_of(entry)
    await line.round()
    await runtime.stores.view.fetchrow(
        "waitlist.end_offer", offer.offer_id, None, "withdrawn", "organiser", "a mistake"
    )
    await runtime.live.reconciling.reconcile(line.event_id)
    assert (await line.states())[8] == "4"
    assert await runtime.waitlist.rounds.serve(line.event_id) == 1


async def test_an_accepted_offer_given_back_is_remembered_until_its_deadline(
    make_house: MakeHouse, runtime: Runtime
) -> None:
    """Otherwise a reconciliation would take it for a hold that Redis lost, and hold the seat again."""
    line = Line(await make_house(buyer_limit=10, hold_ttl_s=1800), runtime)
    holds = await full(line)
    entry = await line.join()
    await release(line, holds, 8)
    await line.until_quiet()
    offer, _ = await line.offer_of(entry)
    person = await line.owner_of(entry)
    await runtime.waitlist.offers.accept(offer.offer_id, person)
    await runtime.holds.release(offer.offer_id, person)
    key = f"{base_key(line.event_id)}:hold:{offer.offer_id}"
    assert await runtime.stores.redis.call("PTTL", key) > 1_700_000


# An offer that is accepted on several devices


async def offered(line: Line) -> tuple[str, str]:
    """An open offer of one seat: its id and its person."""
    holds = await full(line)
    entry = await line.join()
    await release(line, holds, 8)
    await line.until_quiet()
    offer, _ = await line.offer_of(entry)
    return offer.offer_id, await line.owner_of(entry)


async def holders(line: Line, offer_id: str) -> tuple[str, str]:
    """The owner of the accepted offer's hold, in PostgreSQL and in Redis."""
    key = f"{base_key(line.event_id)}:hold:{offer_id}"
    shown = await line.runtime.stores.redis.call("HGET", key, "owner")
    noted = await line.runtime.stores.view.fetchval("waitlist.holder_of_offer", offer_id)
    return noted, shown.decode()


async def test_a_hold_in_payment_is_not_transferred_to_another_device(
    line: Line, runtime: Runtime
) -> None:
    offer_id, person = await offered(line)
    phone, desk = new_id(), new_id()
    hold = await runtime.waitlist.offers.accept_for(offer_id, person, phone)
    await runtime.holds.begin_payment(offer_id, phone)
    with pytest.raises(FrontrowError) as refusal:
        await runtime.waitlist.offers.accept_for(offer_id, person, desk)
    assert refusal.value.code == "hold-in-payment"
    assert await holders(line, offer_id) == (phone, phone)
    # Nor does the refused device get it through a loss of Redis.
    for key in await keys_of(runtime.stores.redis, line.event_id):
        await runtime.stores.redis.call("DEL", key)
    assert (await runtime.holds.read(offer_id, phone)).status == "held"
    assert (await line.house.book(phone, hold)).outcome == "confirmed"


async def test_both_stores_agree_on_which_of_two_devices_has_the_hold(
    line: Line, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One device has its answer from Redis and has not written it to PostgreSQL when the other asks."""
    offer_id, person = await offered(line)
    await runtime.waitlist.offers.accept(offer_id, person)
    phone, desk = new_id(), new_id()
    attempt, answered, go_on = (
        runtime.live.running.run_without_rebuild,
        asyncio.Event(),
        asyncio.Event(),
    )

    async def and_wait(script: str, event_id: str, *args: Any) -> Any:
        reply = await attempt(script, event_id, *args)
        if script == "accept" and args[-1] == phone:
            answered.set()
            await go_on.wait()
        return reply

    monkeypatch.setattr(runtime.live.running, "run_without_rebuild", and_wait)
    async with asyncio.timeout(60):
        first = asyncio.create_task(runtime.waitlist.offers.accept_for(offer_id, person, phone))
        await answered.wait()
        second = asyncio.create_task(runtime.waitlist.offers.accept_for(offer_id, person, desk))
        await waiting_for_a_lock(runtime, second)
        assert (await holders(line, offer_id))[1] == phone, (
            "the second request has not reached Redis"
        )
        go_on.set()
        await asyncio.gather(first, second)
    assert await holders(line, offer_id) == (desk, desk)


async def waiting_for_a_lock(runtime: Runtime, task: "asyncio.Task[Any]") -> None:
    """Wait until a statement waits for the row of an offer, or the task has ended without that."""
    asks = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock' AND query LIKE '%end_offer(%'"
    )
    async with runtime.stores.view.connection() as connection:
        while not task.done() and not await connection.fetchval(asks):
            await asyncio.sleep(0.005)


async def test_a_transferred_hold_is_not_taken_back_by_an_earlier_reader(
    line: Line, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ways in which Redis is updated late about an accepted offer."""
    offer_id, person = await offered(line)
    desk, run = new_id(), runtime.live.running.run
    await runtime.stores.view.fetch("waitlist.end_offer", offer_id, person, "used", "person", None)

    async def overtaken(script: str, event_id: str, *args: Any) -> Any:
        if script == "accept":
            await runtime.waitlist.offers.accept_for(offer_id, person, desk)
        return await run(script, event_id, *args)

    monkeypatch.setattr(runtime.live.running, "run", overtaken)
    await runtime.waitlist.offers.settle(line.event_id, offer_id)
    assert await holders(line, offer_id) == (desk, desk)
    await runtime.live.offers.end(line.event_id, [offer_id])
    assert await holders(line, offer_id) == (desk, desk)


async def test_an_accepted_offer_that_redis_lost_can_be_transferred(
    line: Line, runtime: Runtime
) -> None:
    offer_id, person = await offered(line)
    phone, desk = new_id(), new_id()
    base = base_key(line.event_id)
    await runtime.stores.redis.call("DEL", f"{base}:hold:{offer_id}")
    assert (await runtime.waitlist.offers.accept_for(offer_id, person, phone)).status == "held"
    assert await holders(line, offer_id) == (phone, phone)
    await runtime.stores.redis.call("DEL", f"{base}:meta")
    assert (await runtime.waitlist.offers.accept_for(offer_id, person, desk)).status == "held"
    assert await holders(line, offer_id) == (desk, desk)
