"""Races, forced: locks and barriers put the rivals where only the right answer survives."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from engine.auditor import audit
from engine.bookings import Bookings
from engine.config import Settings
from engine.embedded import StoreUrls
from engine.errors import (
    Conflict,
    FrontrowError,
    Gone,
    InvalidInput,
    SeatUnavailable,
    Unavailable,
)
from engine.holds import PaymentHold, build_items
from engine.inventory import base_key
from engine.ledger import Reserve
from engine.model import BookingStatus, ms_from_utc, new_id
from engine.runtime import Runtime, open_runtime
from tests.conftest import House, MakeHouse


@pytest_asyncio.fixture
async def other(settings: Settings, stores: StoreUrls) -> AsyncIterator[Runtime]:
    """A second process's rooms on the same stores."""
    async with open_runtime(settings, role="rival") as opened:
        yield opened


async def outcome(work: object) -> object:
    """The result, or the refusal."""
    try:
        return await work  # type: ignore[misc]  # any awaitable
    except FrontrowError as refusal:
        return refusal


async def assert_sound(house: House) -> None:
    """Everything owed is delivered, and then every invariant holds."""
    await house.runtime.ledger.drain()
    await make_outbox_due(house)
    await house.runtime.worker.relay_outbox()
    violations = await audit(house.runtime, house.event_id, quiet=True)
    assert violations == []


async def until_waiting(house: House, count: int = 1) -> None:
    """Wait until so many statements of other connections stand at a lock."""
    async with asyncio.timeout(5), house.runtime.postgres.connection() as connection:
        while True:
            waiting = await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            )
            if waiting >= count:
                return
            await asyncio.sleep(0.005)


async def test_two_hundred_buyers_and_ten_seats(make_house: MakeHouse, other: Runtime) -> None:
    house = await make_house(buyer_limit=2)
    rival = House(other, house.event_id)

    async def want(number: int) -> object:
        mine = house if number % 2 else rival
        buyer = new_id()
        held = await outcome(mine.hold(buyer, number % 10))
        if isinstance(held, FrontrowError):
            return held
        return await mine.book(buyer, held)  # type: ignore[arg-type]  # a Hold

    results = await asyncio.gather(*(want(number) for number in range(200)))
    kinds = Counter(type(result).__name__ for result in results)
    assert kinds == {"Answer": 10, "SeatUnavailable": 190}
    assert (await house.states())[:11] == "22222222220"
    await assert_sound(house)


async def reserve_command(house: House, buyer: str, *seats: int, deadline: datetime) -> Reserve:
    facts = await house.runtime.catalog.facts(house.event_id)
    hold_id = new_id()
    reply = [b"paying", ",".join(map(str, seats)).encode(), b"", b"1", b"5000,3000"]
    return Reserve(
        booking_id=new_id(),
        buyer_id=buyer,
        key=new_id(),
        fingerprint=b"",
        reference="R",
        request=house.request(hold_id),
        hold=PaymentHold(house.event_id, hold_id, facts, [*reply, ms_from_utc(deadline)]),
        amount=5000,
    )


async def test_a_hold_that_expires_between_checkout_and_reserve_loses(
    house: House, buyer: str
) -> None:
    """A process that slept through its deadline is refused by PostgreSQL's clock, after every lock."""
    async with house.runtime.postgres.connection() as connection:
        async with connection.transaction():
            await connection.execute(
                "SELECT 1 FROM seats WHERE event_id = $1 AND seat_no = 4 FOR UPDATE", house.event_id
            )
            deadline = datetime.now(UTC) + timedelta(seconds=0.3)
            command = await reserve_command(house, buyer, 4, deadline=deadline)
            late = asyncio.ensure_future(house.runtime.ledger.reserve(command))
            await until_waiting(house)
            # It passed every check but the lock in time; now its time runs out.
            await asyncio.sleep((deadline - datetime.now(UTC)).total_seconds() + 0.05)
        assert (await late).outcome == "hold-expired"
    fresh = await reserve_command(
        house, new_id(), 4, deadline=datetime.now(UTC) + timedelta(minutes=1)
    )
    assert (await house.runtime.ledger.reserve(fresh)).outcome == "reserved"


async def test_two_processes_reserve_the_same_seats_at_once(
    house: House, other: Runtime, buyer: str
) -> None:
    """Both batches wait for one lock and then go on: one wins whole, the other is told which seats."""
    deadline = datetime.now(UTC) + timedelta(minutes=1)
    commands = [
        await reserve_command(house, new_id(), 7, 8, 9, deadline=deadline),
        await reserve_command(house, new_id(), 9, 8, 6, deadline=deadline),
    ]
    async with house.runtime.postgres.connection() as connection, connection.transaction():
        await connection.execute(
            "SELECT 1 FROM seats WHERE event_id = $1 AND seat_no IN (6, 7, 8, 9) FOR UPDATE",
            house.event_id,
        )
        both = [
            asyncio.ensure_future(ledger.reserve(command))
            for ledger, command in zip((house.runtime.ledger, other.ledger), commands, strict=True)
        ]
        await until_waiting(house, 2)
    results = await asyncio.gather(*both)
    assert sorted(result.outcome for result in results) == ["reserved", "seat-unavailable"]
    (loser,) = [result for result in results if result.outcome != "reserved"]
    assert loser.seats == [8, 9]
    del buyer


async def test_cancel_and_confirm_at_once(house: House, buyer: str) -> None:
    """Whichever gets the booking's row first, the other is told what it has become."""
    bookings = house.runtime.bookings
    answer = await house.book(buyer, await house.hold(buyer, 2), "tok_3ds")
    booking_id = answer.booking.booking_id
    await house.runtime.sandbox.complete_action(booking_id, approve=True)
    async with house.runtime.postgres.connection() as connection, connection.transaction():
        await connection.execute(
            "SELECT 1 FROM bookings WHERE booking_id = $1 FOR UPDATE", booking_id
        )
        both = [
            asyncio.ensure_future(outcome(bookings.payment_arrived(booking_id))),
            asyncio.ensure_future(
                outcome(bookings.cancel(booking_id, actor="buyer", buyer_id=buyer))
            ),
        ]
        await until_waiting(house, 2)
    _, cancelled = await asyncio.gather(*both)
    status = (await bookings.read(booking_id)).status
    if isinstance(cancelled, Conflict):
        assert (cancelled.code, status) == ("booking-not-confirmed", BookingStatus.CONFIRMED)
        await bookings.cancel(booking_id, actor="buyer")
    else:
        assert status == BookingStatus.CANCELLED
    assert (await house.states())[2] == "0"
    await assert_sound(house)


async def test_two_cancels_refund_once(house: House, other: Runtime, buyer: str) -> None:
    booking = (await house.book(buyer, await house.hold(buyer, 2))).booking
    first, second = await asyncio.gather(
        *(
            outcome(rooms.bookings.cancel(booking.booking_id, actor="buyer", version=2))
            for rooms in (house.runtime, other)
        )
    )
    assert BookingStatus.CANCELLED in {getattr(r, "status", None) for r in (first, second)}
    async with house.runtime.postgres.connection() as connection:
        assert [
            tuple(row)
            for row in await connection.fetch(
                "SELECT amount_minor, refunded_minor FROM sandbox_charges WHERE booking_id = $1",
                booking.booking_id,
            )
        ] == [(5000, 5000)]
    await assert_sound(house)


async def test_two_workers_and_one_outbox(house: House, other: Runtime) -> None:
    """Rows nobody has delivered are shared out: each once, all of them, and applied rightly."""
    for seat in range(6):
        buyer = new_id()
        hold = await house.hold(buyer, seat)
        command = await begin(house, buyer, hold.hold_id)
        assert (await house.runtime.ledger.reserve(command)).outcome == "reserved"
        await confirm_silently(house, command)
    assert (await house.states())[:6] == "111111"
    await make_outbox_due(house)
    shares = await asyncio.gather(house.runtime.worker.relay_outbox(), other.worker.relay_outbox())
    assert sum(shares) >= 6
    assert (await house.states())[:6] == "222222"
    await assert_sound(house)
    async with house.runtime.postgres.connection() as connection:
        left = await connection.fetchval(
            "SELECT count(*) FROM outbox WHERE event_id = $1", house.event_id
        )
    assert left == 0


async def begin(house: House, buyer: str, hold_id: str) -> Reserve:
    """What a checkout sends to PostgreSQL for a real hold."""
    hold = await house.runtime.holds.begin_payment(hold_id, buyer)
    *_, total = build_items(hold.facts, hold.seats, hold.areas, hold.prices)
    return Reserve(
        booking_id=new_id(),
        buyer_id=buyer,
        key=new_id(),
        fingerprint=b"",
        reference="R",
        request=house.request(hold_id),
        hold=hold,
        amount=total.amount,
    )


async def confirm_silently(house: House, command: Reserve) -> None:
    """Pay and confirm in PostgreSQL, and die before telling Redis."""
    async with house.runtime.postgres.connection() as connection:
        await connection.execute(
            "INSERT INTO sandbox_charges (booking_id, token, status, amount_minor, currency)"
            " SELECT booking_id, 'tok_visa', 'captured', amount_minor, currency FROM bookings"
            " WHERE booking_id = $1",
            command.booking_id,
        )
        await connection.execute(
            "SELECT * FROM confirm_bookings(ARRAY[$1::uuid], ARRAY[$2::uuid], ARRAY['r'],"
            " ARRAY[jsonb_build_object('booking', jsonb_build_object('booking_id', $2::uuid))], 'test')",
            house.event_id,
            command.booking_id,
        )


async def make_outbox_due(house: House) -> None:
    async with house.runtime.postgres.connection() as connection:
        await connection.execute(
            "UPDATE outbox SET created_at = now() - interval '1 minute', due_at = now()"
            " WHERE event_id = $1",
            house.event_id,
        )


@pytest.mark.parametrize("processes", [1, 2])
async def test_the_same_key_twice_at_once(
    house: House, other: Runtime, buyer: str, processes: int
) -> None:
    hold = await house.hold(buyer, 2)
    rooms = [house.runtime.bookings, (other if processes == 2 else house.runtime).bookings]
    results = await asyncio.gather(
        *(outcome(b.book(buyer, "one-key", house.request(hold))) for b in rooms)
    )
    refused = [r for r in results if isinstance(r, FrontrowError)]
    assert all(r.code == "request-in-flight" for r in refused)
    assert len(refused) < 2
    again, replayed = await house.runtime.bookings.book(buyer, "one-key", house.request(hold))
    assert replayed
    assert again.outcome == "confirmed"
    assert len(await house.runtime.bookings.of_buyer(buyer, after=None, limit=10)) == 1
    await assert_sound(house)


async def test_two_checkouts_of_one_hold(house: House, other: Runtime, buyer: str) -> None:
    hold = await house.hold(buyer, 2, floor=1)
    results = await asyncio.gather(
        *(
            outcome(b.book(buyer, new_id(), house.request(hold)))
            for b in (house.runtime.bookings, other.bookings, house.runtime.bookings)
        )
    )
    refused = [r for r in results if isinstance(r, FrontrowError)]
    assert len(refused) == 2
    assert {r.code for r in refused} <= {"hold-already-booked", "hold-booked"}
    assert len(await house.runtime.bookings.of_buyer(buyer, after=None, limit=10)) == 1
    await assert_sound(house)


async def test_two_buyers_who_were_promised_the_same_by_a_redis_that_died(
    house: House, buyer: str
) -> None:
    """Redis forgets a hold and promises its places to another: PostgreSQL arbitrates, the map follows."""
    rival = new_id()
    mine = await house.hold(buyer, 2, floor=5)
    command = await begin(house, buyer, mine.hold_id)
    await forget(house)
    theirs = await house.hold(rival, 2, floor=5)
    assert (await house.runtime.ledger.reserve(command)).outcome == "reserved"
    with pytest.raises(SeatUnavailable) as refused:
        await house.book(rival, theirs)
    assert refused.value.extra["seats"] == [2]
    assert refused.value.extra["areas"] == [0]
    await confirm_silently(house, command)
    await make_outbox_due(house)
    await house.runtime.worker.relay_outbox()
    await house.runtime.holds.release(theirs.hold_id, rival)
    await house.runtime.inventory.reconcile(house.event_id)
    assert (await house.states())[2] == "2"
    assert await house.floor_free() == 1
    await assert_sound(house)


async def forget(house: House) -> None:
    """Redis loses all it knew of the event."""
    redis = house.runtime.redis
    async for key in redis.scan_iter(match=base_key(house.event_id) + ":*", count=1000):
        await redis.delete(key)


async def test_redis_lost_between_hold_and_checkout(house: House, buyer: str) -> None:
    hold = await house.hold(buyer, 2)
    await forget(house)
    with pytest.raises(FrontrowError) as refused:
        await house.book(buyer, hold)
    assert isinstance(refused.value, Gone) or refused.value.code == "hold-not-found"
    assert set(await house.states()) == {"0"}
    await assert_sound(house)


async def test_many_at_once_find_the_state_gone_and_one_lays_it(
    house: House, other: Runtime
) -> None:
    epoch = (await house.runtime.inventory.snapshot(house.event_id)).epoch
    await forget(house)
    rival = House(other, house.event_id)
    await asyncio.gather(
        *((house if seat % 2 else rival).hold(new_id(), seat) for seat in range(40))
    )
    snapshot = await house.runtime.inventory.snapshot(house.event_id)
    assert snapshot.states.count(b"1") == 40
    assert epoch < snapshot.epoch <= epoch + 2
    await assert_sound(house)


async def test_a_late_payment_against_a_sniper(house: House, buyer: str) -> None:
    """The sniper only holds; the payment has the money: it takes the seat, the sniper is told."""
    answer = await house.book(buyer, await house.hold(buyer, 2), "tok_3ds")
    booking_id = answer.booking.booking_id
    ended = await expire(house, booking_id)
    sniper = new_id()
    theirs = await house.hold(sniper, 2)
    await house.runtime.sandbox.complete_action(booking_id, approve=True)
    assert (await house.runtime.bookings.payment_arrived(booking_id)).outcome == "confirmed"
    with pytest.raises(SeatUnavailable):
        await house.book(sniper, theirs)
    await house.runtime.holds.release(theirs.hold_id, sniper)
    assert (await house.states())[2] == "2"
    await assert_sound(house)
    del ended


async def expire(house: House, booking_id: str) -> Bookings:
    async with house.runtime.postgres.connection() as connection:
        await connection.execute(
            "UPDATE bookings SET expires_at = now() WHERE booking_id = $1", booking_id
        )
    bookings = house.runtime.bookings
    await bookings._end(
        house.event_id,
        booking_id,
        to=BookingStatus.EXPIRED,
        actor="worker",
        decline_code="gateway-unanswered",
    )
    return bookings


def test_refusals_say_whether_to_retry() -> None:
    assert Unavailable("x").retryable
    assert not InvalidInput("x").retryable
