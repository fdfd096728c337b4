"""Forced races: locks and barriers put the rivals where only the right answer survives."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import pytest_asyncio

from engine.audit.auditor import audit
from engine.base.actor import WORKER, Actor, ActorKind
from engine.base.config import Settings
from engine.base.errors import (
    Conflict,
    FrontrowError,
    Gone,
    InvalidInput,
    SeatUnavailable,
    Unavailable,
)
from engine.base.model import BookingStatus, EventStatus, Money, ms_from_utc, new_id
from engine.base.store_urls import StoreUrls
from engine.catalog.model import EventPatch
from engine.holds.building import PaymentHold, build_items
from engine.live.hold_scripts import Paying
from engine.live.keys import base_key
from engine.live.scripts import Settlement
from engine.runtime import Runtime, open_runtime
from engine.sales.ledger import Answer, Reserve
from engine.sales.payments.gateway import Charge, ChargeStatus
from tests.conftest import House, MakeHouse
from tests.support.worlds import make_world

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture(scope="module")
async def runtime(settings: Settings, stores: StoreUrls) -> AsyncIterator[Runtime]:
    """Databases of their own: no worker of another process decides a race here."""
    world = await make_world(settings, stores, "races", redis_database=2)
    async with open_runtime(world, role="test") as opened:
        await opened.stores.mongo.ensure_indexes()
        yield opened


@pytest_asyncio.fixture
async def other(runtime: Runtime) -> AsyncIterator[Runtime]:
    """A second process on the same stores."""
    async with open_runtime(runtime.settings, role="rival") as opened:
        yield opened


async def outcome(work: object) -> object:
    """The result, or the refusal."""
    try:
        return await work  # type: ignore[misc]  # any awaitable
    except FrontrowError as refusal:
        return refusal


async def assert_sound(house: House) -> None:
    """Everything owed is delivered, and then every invariant holds."""
    await house.runtime.sales.ledger.drain()
    await make_outbox_due(house)
    await house.runtime.sales.relay.run_once()
    violations = await audit(house.runtime.audit, house.event_id, quiet=True)
    assert violations == []


async def until_waiting(house: House, count: int = 1) -> None:
    """Wait until this many statements of other connections wait for a lock."""
    async with asyncio.timeout(60), house.runtime.stores.view.connection() as connection:
        while True:
            waiting = await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if waiting >= count:
                return
            await asyncio.sleep(0.005)


async def test_two_hundred_buyers_get_ten_seats_once_each(
    make_house: MakeHouse, other: Runtime
) -> None:
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
    expires_ms = ms_from_utc(deadline)
    paying = Paying([*seats], {}, [5000, 3000], expires_ms, state_before="held", declines=0)
    return Reserve(
        booking_id=new_id(),
        buyer_id=buyer,
        key=new_id(),
        fingerprint=b"",
        reference="R",
        request_id="a-request",
        request=house.request(hold_id),
        hold=PaymentHold(house.event_id, hold_id, facts, paying),
        amount=5000,
    )


async def test_a_hold_that_expires_between_checkout_and_reserve_loses(
    house: House, buyer: str
) -> None:
    """A process that slept through its deadline is refused by PostgreSQL's clock, checked after every lock."""
    async with house.runtime.stores.view.connection() as connection:
        async with connection.transaction():
            await connection.execute(
                "SELECT 1 FROM seats WHERE event_id = $1 AND seat_no = 4 FOR UPDATE", house.event_id
            )
            deadline = datetime.now(UTC) + timedelta(seconds=1.5)
            command = await reserve_command(house, buyer, 4, deadline=deadline)
            late = asyncio.ensure_future(house.runtime.sales.ledger.reserve(command))
            await until_waiting(house)
            # It passed every check before the lock in time; now its time runs out.
            await asyncio.sleep((deadline - datetime.now(UTC)).total_seconds() + 0.05)
        assert (await late).outcome == "hold-expired"
    fresh = await reserve_command(
        house, new_id(), 4, deadline=datetime.now(UTC) + timedelta(minutes=1)
    )
    assert (await house.runtime.sales.ledger.reserve(fresh)).outcome == "reserved"


async def test_of_two_processes_that_reserve_the_same_seats_one_wins(
    house: House, other: Runtime, buyer: str
) -> None:
    """Both batches wait for one lock and then continue: one wins completely, the other learns which seats it lost."""
    deadline = datetime.now(UTC) + timedelta(minutes=1)
    commands = [
        await reserve_command(house, new_id(), 7, 8, 9, deadline=deadline),
        await reserve_command(house, new_id(), 9, 8, 6, deadline=deadline),
    ]
    async with house.runtime.stores.view.connection() as connection, connection.transaction():
        await connection.execute(
            "SELECT 1 FROM seats WHERE event_id = $1 AND seat_no IN (6, 7, 8, 9) FOR UPDATE",
            house.event_id,
        )
        both = [
            asyncio.ensure_future(ledger.reserve(command))
            for ledger, command in zip(
                (house.runtime.sales.ledger, other.sales.ledger), commands, strict=True
            )
        ]
        await until_waiting(house, 2)
    results = await asyncio.gather(*both)
    assert sorted(result.outcome for result in results) == ["reserved", "seat-unavailable"]
    (loser,) = [result for result in results if result.outcome != "reserved"]
    assert loser.seats == [8, 9]
    del buyer


@pytest.mark.parametrize("first", ["confirm", "cancel"])
async def test_cancel_and_confirm_at_once_end_cancelled_and_refunded(
    house: House, other: Runtime, buyer: str, first: str
) -> None:
    """The money had come: whichever gets the booking's row first, it is paid once and refunded once."""
    sales = house.runtime.sales
    answer = await house.book(buyer, await house.hold(buyer, 2), "tok_3ds")
    booking_id = answer.booking.booking_id
    await house.runtime.sales.sandbox.complete_action(booking_id, approve=True)
    confirm = sales.finishing.payment_arrived(booking_id)
    cancel = other.sales.cancelling.cancel(booking_id, actor=Actor(ActorKind.BUYER), buyer_id=buyer)
    async with house.runtime.stores.view.connection() as connection, connection.transaction():
        await connection.execute(
            "SELECT 1 FROM bookings WHERE booking_id = $1 FOR UPDATE", booking_id
        )
        # The first waiter is served first.
        rivals = [confirm, cancel] if first == "confirm" else [cancel, confirm]
        tasks = []
        for rival in rivals:
            tasks.append(asyncio.ensure_future(outcome(rival)))
            await until_waiting(house, len(tasks))
    for result in await asyncio.gather(*tasks):
        assert not isinstance(result, FrontrowError)
    booking = await sales.reading.read(booking_id)
    assert (booking.status, booking.refunded) == (BookingStatus.CANCELLED, booking.total)
    assert (await house.states())[2] == "0"
    await assert_sound(house)


async def test_an_approval_after_the_withdrawal_charges_nothing(house: House, buyer: str) -> None:
    sales = house.runtime.sales
    answer = await house.book(buyer, await house.hold(buyer, 2), "tok_3ds")
    booking_id = answer.booking.booking_id
    ended = await sales.cancelling.cancel(booking_id, actor=Actor(ActorKind.BUYER))
    assert ended.status == BookingStatus.DECLINED
    assert not await sales.sandbox.complete_action(booking_id, approve=True)
    await sales.finishing.payment_arrived(booking_id)
    assert (await sales.reading.read(booking_id)).status == BookingStatus.DECLINED
    assert (await house.states())[2] == "0"
    await assert_sound(house)


async def test_a_charge_that_comes_after_the_withdrawal_is_refused(
    house: House, buyer: str
) -> None:
    """The booking is reserved, and its process has not yet asked the gateway."""
    sales = house.runtime.sales
    hold = await house.hold(buyer, 2)
    command = await begin(house, buyer, hold.hold_id)
    assert (await sales.ledger.reserve(command)).outcome == "reserved"
    ended = await sales.cancelling.cancel(command.booking_id, actor=Actor(ActorKind.BUYER))
    assert ended.status == BookingStatus.DECLINED
    charge = await sales.sandbox.charge(command.booking_id, "tok_visa", hold.total)
    assert charge.status == ChargeStatus.VOIDED
    await assert_sound(house)


async def test_money_that_a_gateway_takes_in_spite_of_the_withdrawal_is_refunded(
    house: House, buyer: str
) -> None:
    sales = house.runtime.sales
    answer = await house.book(buyer, await house.hold(buyer, 2), "tok_3ds")
    booking_id = answer.booking.booking_id
    await sales.cancelling.cancel(booking_id, actor=Actor(ActorKind.BUYER))
    async with house.runtime.stores.view.connection() as connection:
        await connection.execute(
            "UPDATE sandbox_charges SET status = 'captured' WHERE booking_id = $1", booking_id
        )
    await sales.finishing.payment_arrived(booking_id)
    await assert_sound(house)
    booking = await sales.reading.read(booking_id)
    assert (booking.status, booking.refunded) == (BookingStatus.DECLINED, booking.total)


async def test_a_silent_gateway_withdraws_nothing(
    house: House, buyer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not known whether the money has come, so the booking stays as it is."""
    sales = house.runtime.sales
    answer = await house.book(buyer, await house.hold(buyer, 2), "tok_3ds")

    async def silent(booking_id: str) -> Charge:
        raise Unavailable(f"no answer about {booking_id}")

    with monkeypatch.context() as patch:
        patch.setattr(sales.sandbox, "void", silent)
        with pytest.raises(Unavailable):
            await sales.cancelling.cancel(answer.booking.booking_id, actor=Actor(ActorKind.BUYER))
    booking = await sales.reading.read(answer.booking.booking_id)
    assert booking.status == BookingStatus.PENDING
    await assert_sound(house)


@pytest.mark.parametrize("first", ["confirm", "expire"])
async def test_confirm_and_expiry_at_once_end_confirmed_and_paid_once(
    house: House, other: Runtime, buyer: str, first: str
) -> None:
    """The money came at the last moment: the buyer gets the seats and pays once, whichever is first."""
    hold = await house.hold(buyer, 2, floor=1)
    command = await begin(house, buyer, hold.hold_id)
    assert (await house.runtime.sales.ledger.reserve(command)).outcome == "reserved"
    booking_id = command.booking_id
    await house.runtime.sales.sandbox.charge(booking_id, "tok_visa", hold.total)
    await make_overdue(house, booking_id)
    confirm = house.runtime.sales.finishing.payment_arrived(booking_id)
    expiry = other.sales.ledger.end(
        house.event_id,
        booking_id,
        to=BookingStatus.EXPIRED,
        actor=WORKER,
        decline_code="gateway-unanswered",
        answer=Answer(outcome="expired", booking=await other.sales.reading.read(booking_id)),
    )
    async with house.runtime.stores.view.connection() as connection, connection.transaction():
        await connection.execute(
            "SELECT 1 FROM bookings WHERE booking_id = $1 FOR UPDATE", booking_id
        )
        tasks = []
        for rival in (confirm, expiry) if first == "confirm" else (expiry, confirm):
            tasks.append(asyncio.ensure_future(outcome(rival)))
            await until_waiting(house, len(tasks))
    ended = (await asyncio.gather(*tasks))[1 if first == "confirm" else 0]
    assert getattr(ended, "outcome", None) == ("refused" if first == "confirm" else "ended")
    booking = await house.runtime.sales.reading.read(booking_id)
    assert (booking.status, booking.refunded) == (BookingStatus.CONFIRMED, None)
    assert len(await house.runtime.sales.tickets.of_booking(booking_id)) == 2
    await make_outbox_due(house)
    while await other.sales.relay.run_once():
        pass
    assert (await house.states())[2] == "2"
    assert await house.floor_free() == 5
    await assert_sound(house)


async def test_two_confirmations_of_one_booking_make_one_set_of_tickets(
    house: House, other: Runtime, buyer: str
) -> None:
    """The API and a worker both learn of the payment: one set of tickets, one payment."""
    answer = await house.book(buyer, await house.hold(buyer, 2, 3), "tok_3ds")
    booking_id = answer.booking.booking_id
    await house.runtime.sales.sandbox.complete_action(booking_id, approve=True)
    async with house.runtime.stores.view.connection() as connection, connection.transaction():
        await connection.execute(
            "SELECT 1 FROM bookings WHERE booking_id = $1 FOR UPDATE", booking_id
        )
        both = [
            asyncio.ensure_future(rooms.sales.finishing.payment_arrived(booking_id))
            for rooms in (house.runtime, other)
        ]
        await until_waiting(house, 2)
    answers = await asyncio.gather(*both)
    assert [a.outcome for a in answers] == ["confirmed", "confirmed"]
    assert {a.booking.version for a in answers} == {2}
    assert len(await house.runtime.sales.tickets.of_booking(booking_id)) == 2
    await assert_sound(house)


async def test_a_payment_under_way_when_the_event_is_cancelled_is_refunded(
    house: House, buyer: str
) -> None:
    """The payment is not left in between: it is refunded like all others."""
    hold = await house.hold(buyer, 2)
    command = await begin(house, buyer, hold.hold_id)
    assert (await house.runtime.sales.ledger.reserve(command)).outcome == "reserved"
    await house.runtime.sales.sandbox.charge(command.booking_id, "tok_visa", hold.total)
    await house.runtime.events.publishing.cancel(house.event_id)
    await house.runtime.sales.finishing.payment_arrived(command.booking_id)
    await house.runtime.events.closing.run_once()
    booking = await house.runtime.sales.reading.read(command.booking_id)
    assert (booking.status, booking.refunded) == (BookingStatus.CANCELLED, hold.total)
    await assert_sound(house)


async def test_the_key_of_a_process_that_died_gets_its_answer(house: House, buyer: str) -> None:
    hold = await house.hold(buyer, 2)
    command = await begin(house, buyer, hold.hold_id)
    assert (await house.runtime.sales.ledger.reserve(command)).outcome == "reserved"

    async def ask_again() -> tuple[Answer, bool]:
        return await house.runtime.sales.checkout.book(buyer, command.key, command.request)

    with pytest.raises(Conflict) as refused:
        await ask_again()
    assert refused.value.code == "request-in-flight"
    await make_overdue(house, command.booking_id)
    assert await house.runtime.sales.chasing.run_once() >= 1
    answer, replayed = await ask_again()
    assert (answer.outcome, answer.booking.status, replayed) == ("expired", "expired", True)
    await assert_sound(house)


async def test_the_limit_ignores_a_sale_cancelled_before_the_loss_of_redis(
    make_house: MakeHouse, buyer: str
) -> None:
    """Old messages of a sale reach a Redis that was rebuilt after the sale was cancelled."""
    house = await make_house(buyer_limit=1)
    command = await begin(house, buyer, (await house.hold(buyer, 2)).hold_id)
    assert (await house.runtime.sales.ledger.reserve(command)).outcome == "reserved"
    await confirm_silently(house, command)
    await house.runtime.sales.cancelling.cancel(command.booking_id, actor=Actor(ActorKind.BUYER))
    await forget(house)
    await house.states()
    await make_outbox_due(house)
    await house.runtime.sales.relay.run_once()
    await house.hold(buyer, 3)
    await assert_sound(house)


async def make_overdue(house: House, booking_id: str) -> None:
    """Let the time of a booking, and of its hold, be over."""
    async with house.runtime.stores.view.connection() as connection:
        await connection.execute(
            "UPDATE bookings SET created_at = created_at - interval '1 hour',"
            " expires_at = now() - interval '1 second' WHERE booking_id = $1",
            booking_id,
        )


async def test_two_cancels_refund_once(house: House, other: Runtime, buyer: str) -> None:
    booking = (await house.book(buyer, await house.hold(buyer, 2))).booking
    first, second = await asyncio.gather(
        *(
            outcome(
                rooms.sales.cancelling.cancel(
                    booking.booking_id, actor=Actor(ActorKind.BUYER), version=2
                )
            )
            for rooms in (house.runtime, other)
        )
    )
    assert BookingStatus.CANCELLED in {getattr(r, "status", None) for r in (first, second)}
    async with house.runtime.stores.view.connection() as connection:
        assert [
            tuple(row)
            for row in await connection.fetch(
                "SELECT amount_minor, refunded_minor FROM sandbox_charges WHERE booking_id = $1",
                booking.booking_id,
            )
        ] == [(5000, 5000)]
    await assert_sound(house)


async def test_two_workers_deliver_each_outbox_row_once(house: House, other: Runtime) -> None:
    """Undelivered rows are shared out: all of them, each once, and applied correctly."""
    for seat in range(6):
        buyer = new_id()
        hold = await house.hold(buyer, seat)
        command = await begin(house, buyer, hold.hold_id)
        assert (await house.runtime.sales.ledger.reserve(command)).outcome == "reserved"
        await confirm_silently(house, command)
    assert (await house.states())[:6] == "111111"
    await make_outbox_due(house)
    shares = await asyncio.gather(
        house.runtime.sales.relay.run_once(), other.sales.relay.run_once()
    )
    assert sum(shares) >= 6
    assert (await house.states())[:6] == "222222"
    await assert_sound(house)
    async with house.runtime.stores.view.connection() as connection:
        left = await connection.fetchval(
            "SELECT count(*) FROM outbox WHERE event_id = $1", house.event_id
        )
    assert left == 0


async def begin(house: House, buyer: str, hold_id: str) -> Reserve:
    """The command that a checkout sends to PostgreSQL for a real hold."""
    hold = await house.runtime.holds.begin_payment(hold_id, buyer)
    *_, total = build_items(hold.facts, hold.seats, hold.areas, hold.prices)
    return Reserve(
        booking_id=new_id(),
        buyer_id=buyer,
        key=new_id(),
        fingerprint=hashlib.sha256(msgspec.json.encode(house.request(hold_id))).digest(),
        reference="R",
        request_id="a-request",
        request=house.request(hold_id),
        hold=hold,
        amount=total.amount,
    )


async def confirm_silently(house: House, command: Reserve) -> None:
    """Pay and confirm in PostgreSQL, and die before updating Redis."""
    async with house.runtime.stores.view.connection() as connection:
        await connection.execute(
            "INSERT INTO sandbox_charges (booking_id, token, status, amount_minor, currency)"
            " SELECT booking_id, 'tok_visa', 'captured', amount_minor, currency FROM bookings"
            " WHERE booking_id = $1",
            command.booking_id,
        )
        await connection.execute(
            "SELECT * FROM confirm_bookings(ARRAY[$1::uuid], ARRAY[$2::uuid], ARRAY['r'],"
            " ARRAY[jsonb_build_object('booking', jsonb_build_object('booking_id', $2::uuid))], 'test', '')",
            house.event_id,
            command.booking_id,
        )


async def make_outbox_due(house: House) -> None:
    async with house.runtime.stores.view.connection() as connection:
        await connection.execute(
            "UPDATE outbox SET created_at = now() - interval '1 minute', due_at = now()"
            " WHERE event_id = $1",
            house.event_id,
        )


@pytest.mark.parametrize("processes", [1, 2])
async def test_one_key_sent_twice_at_once_makes_one_booking(
    house: House, other: Runtime, buyer: str, processes: int
) -> None:
    """The second comes while the first waits for the seat's lock; it is told to wait, or gets the answer."""
    hold = await house.hold(buyer, 2)
    rooms = [house.runtime, other if processes == 2 else house.runtime]
    async with seat_locked(house, 2):
        both = []
        for runtime in rooms:
            work = runtime.sales.checkout.book(buyer, "one-key", house.request(hold))
            both.append(asyncio.ensure_future(outcome(work)))
            # A single process already keeps the second request out of the first one's batch.
            await until_waiting(house, min(len(both), processes))
    first, second = await asyncio.gather(*both)
    assert isinstance(first, tuple)
    if isinstance(second, FrontrowError):
        assert second.code == "request-in-flight"
    else:
        assert second == (first[0], True)
    again, replayed = await house.runtime.sales.checkout.book(buyer, "one-key", house.request(hold))
    assert (again, replayed) == (first[0], True)
    assert len(await house.runtime.sales.reading.of_buyer(buyer, after=None, limit=10)) == 1
    await assert_sound(house)


@asynccontextmanager
async def seat_locked(house: House, seat_no: int) -> AsyncIterator[None]:
    """Lock this seat's row meanwhile."""
    async with house.runtime.stores.view.connection() as connection, connection.transaction():
        await connection.execute(
            "SELECT 1 FROM seats WHERE event_id = $1 AND seat_no = $2 FOR UPDATE",
            house.event_id,
            seat_no,
        )
        yield


async def test_two_checkouts_of_one_hold_make_one_booking(
    house: House, other: Runtime, buyer: str
) -> None:
    """With different keys: one books, the other learns which booking has the hold."""
    hold = await house.hold(buyer, 2, floor=1)
    async with seat_locked(house, 2):
        both = []
        for rooms in (house.runtime, other):
            work = rooms.sales.checkout.book(buyer, new_id(), house.request(hold))
            both.append(asyncio.ensure_future(outcome(work)))
            await until_waiting(house, len(both))
    first, second = await asyncio.gather(*both)
    assert isinstance(first, tuple)
    assert isinstance(second, Conflict)
    assert second.code == "hold-already-booked"
    assert second.extra["booking_id"] == first[0].booking.booking_id
    assert len(await house.runtime.sales.reading.of_buyer(buyer, after=None, limit=10)) == 1
    await assert_sound(house)


async def test_a_seat_promised_twice_after_a_loss_of_redis_is_sold_once(
    house: House, buyer: str
) -> None:
    """Redis loses a hold and promises its places to another buyer: PostgreSQL decides, the map follows."""
    rival = new_id()
    mine = await house.hold(buyer, 2, floor=5)
    command = await begin(house, buyer, mine.hold_id)
    await forget(house)
    theirs = await house.hold(rival, 2, floor=5)
    assert (await house.runtime.sales.ledger.reserve(command)).outcome == "reserved"
    with pytest.raises(SeatUnavailable) as refused:
        await house.book(rival, theirs)
    assert refused.value.extra["seats"] == [2]
    assert refused.value.extra["areas"] == [0]
    await confirm_silently(house, command)
    await make_outbox_due(house)
    await house.runtime.sales.relay.run_once()
    await house.runtime.holds.release(theirs.hold_id, rival)
    await house.runtime.live.reconciling.reconcile(house.event_id)
    assert (await house.states())[2] == "2"
    assert await house.floor_free() == 1
    await assert_sound(house)


async def forget(house: House) -> None:
    """Redis loses all state of the event."""
    redis = house.runtime.stores.redis.client
    async for key in redis.scan_iter(match=base_key(house.event_id) + ":*", count=1000):
        await redis.delete(key)


async def test_a_reservation_unknown_to_redis_is_restored_by_reconciling(
    house: House, buyer: str
) -> None:
    """Redis dies between the two halves of a checkout: reconciling restores its places and its hold."""
    command = await begin(house, buyer, (await house.hold(buyer, 2, floor=5)).hold_id)
    await forget(house)
    await house.states()
    assert (await house.runtime.sales.ledger.reserve(command)).outcome == "reserved"
    assert ((await house.states())[2], await house.floor_free()) == ("0", 6)
    await house.runtime.live.reconciling.reconcile(house.event_id)
    assert ((await house.states())[2], await house.floor_free()) == ("1", 1)
    await assert_sound(house)
    await house.runtime.sales.sandbox.charge(
        command.booking_id, "tok_declined", Money(20_000, "EUR")
    )
    await house.runtime.sales.finishing.payment_arrived(command.booking_id)
    hold = await house.runtime.holds.read(command.hold.hold_id, buyer)
    assert (hold.status, hold.total.amount) == ("held", 20_000)
    assert (await house.book(buyer, hold)).outcome == "confirmed"
    await assert_sound(house)


async def test_a_checkout_whose_hold_redis_lost_is_refused(house: House, buyer: str) -> None:
    hold = await house.hold(buyer, 2)
    await forget(house)
    with pytest.raises(FrontrowError) as refused:
        await house.book(buyer, hold)
    assert isinstance(refused.value, Gone) or refused.value.code == "hold-not-found"
    assert set(await house.states()) == {"0"}
    await assert_sound(house)


async def test_concurrent_requests_rebuild_a_lost_state_and_keep_every_hold(
    house: House, other: Runtime
) -> None:
    epoch = (await house.runtime.live.reading.snapshot(house.event_id)).epoch
    await forget(house)
    rival = House(other, house.event_id)
    await asyncio.gather(
        *((house if seat % 2 else rival).hold(new_id(), seat) for seat in range(40))
    )
    snapshot = await house.runtime.live.reading.snapshot(house.event_id)
    assert snapshot.states.count(b"1") == 40
    assert epoch < snapshot.epoch <= epoch + 2
    await assert_sound(house)


async def test_a_late_payment_wins_over_a_snipers_hold(house: House, buyer: str) -> None:
    """The sniper only holds, the late payment is made: it takes the seat, and the sniper is notified."""
    answer = await house.book(buyer, await house.hold(buyer, 2), "tok_3ds")
    booking_id = answer.booking.booking_id
    await expire(house, booking_id)
    sniper = new_id()
    theirs = await house.hold(sniper, 2)
    await house.runtime.sales.sandbox.complete_action(booking_id, approve=True)
    assert (await house.runtime.sales.finishing.payment_arrived(booking_id)).outcome == "confirmed"
    with pytest.raises(SeatUnavailable):
        await house.book(sniper, theirs)
    await house.runtime.holds.release(theirs.hold_id, sniper)
    assert (await house.states())[2] == "2"
    await assert_sound(house)


@pytest.mark.parametrize("refunded", [False, True])
async def test_a_late_payment_has_one_outcome_however_often_it_is_reported(
    house: House, buyer: str, refunded: bool
) -> None:
    """Refused because another buyer had the seat, even if the seat is free at the next report."""
    answer = await house.book(buyer, await house.hold(buyer, 2), "tok_3ds")
    booking_id = answer.booking.booking_id
    await expire(house, booking_id)
    rival = new_id()
    theirs = await house.book(rival, await house.hold(rival, 2))
    await house.runtime.sales.sandbox.complete_action(booking_id, approve=True)
    sales = house.runtime.sales
    assert (await sales.finishing.payment_arrived(booking_id)).outcome == "expired"
    if refunded:
        await sales.cancelling.refund(house.event_id, booking_id)
    await sales.cancelling.cancel(theirs.booking.booking_id, actor=Actor(ActorKind.BUYER))
    assert (await sales.finishing.payment_arrived(booking_id)).outcome == "expired"
    await make_outbox_due(house)
    while await house.runtime.sales.relay.run_once():
        pass
    ended = await sales.reading.read(booking_id)
    assert (ended.status, ended.refunded) == (BookingStatus.EXPIRED, answer.booking.total)
    assert (await house.states())[2] == "0"
    await assert_sound(house)


async def expire(house: House, booking_id: str) -> None:
    """Let the booking's time pass without an answer of the gateway."""
    async with house.runtime.stores.view.connection() as connection:
        await connection.execute(
            "UPDATE bookings SET expires_at = now() WHERE booking_id = $1", booking_id
        )
    sales = house.runtime.sales
    await sales.outcomes.expire(await sales.reading.read(booking_id), "gateway-unanswered")


async def test_a_hold_id_used_again_after_its_booking_does_not_lock_seats(
    house: House, buyer: str
) -> None:
    """Redis has lost the booked hold, PostgreSQL has not: the second hold under its id must end."""
    hold = await house.hold(buyer, 2)
    await house.book(buyer, hold)
    await house.runtime.stores.redis.client.delete(
        f"{base_key(house.event_id)}:hold:{hold.hold_id}"
    )
    again = await house.hold(buyer, 3, floor=1, hold_id=hold.hold_id)
    with pytest.raises(Conflict):
        await house.book(buyer, again)
    assert (await house.states())[2:4] == "20"
    assert await house.floor_free() == 6


async def test_a_late_decline_leaves_the_next_card_its_hold(house: House, buyer: str) -> None:
    """A decline whose process died is settled after the buyer has moved on to a card that is pending."""
    hold = await house.hold(buyer, 2)
    declined = (await house.book(buyer, hold, "tok_declined")).booking
    pending = (await house.book(buyer, hold, "tok_3ds")).booking
    await house.runtime.sales.late_settling.settle_booking(
        house.event_id,
        declined.booking_id,
        Settlement(hold_id=hold.hold_id, outcome="kept"),
    )
    with pytest.raises(Conflict) as refused:
        await house.runtime.holds.release(hold.hold_id, buyer)
    assert refused.value.code == "hold-in-payment"
    assert declined.status != pending.status


async def test_a_failed_second_checkout_leaves_the_hold_in_payment(
    house: House, buyer: str
) -> None:
    """The second one's process cannot reach PostgreSQL, so it cannot know that the first is pending."""
    hold = await house.hold(buyer, 2)
    await house.book(buyer, hold, "tok_3ds")
    cut_off = msgspec.structs.replace(
        house.runtime.settings, postgres_url="postgresql://nobody@127.0.0.1:1/nowhere"
    )
    async with open_runtime(cut_off, role="cut-off") as second:
        with pytest.raises(Unavailable):
            await second.sales.checkout.book(buyer, new_id(), house.request(hold))
    assert (await house.runtime.holds.read(hold.hold_id, buyer)).status == "paying"


async def test_a_refused_booking_in_an_area_fails_no_other_of_its_batch(house: House) -> None:
    """One batch, with stale holds of more places than there are: bookings that fit are made."""
    deadline = datetime.now(UTC) + timedelta(minutes=1)
    greedy = await reserve_command(house, new_id(), deadline=deadline)
    modest = await reserve_command(house, new_id(), deadline=deadline)
    greedy.hold.areas, modest.hold.areas = {0: 7}, {0: 2}
    results = await house.runtime.sales.ledger.reserve_batch([greedy, modest])
    assert [getattr(r, "outcome", r) for r in results] == ["seat-unavailable", "reserved"]
    assert getattr(results[0], "areas", None) == [0]


async def test_a_refused_hold_leaves_nothing_behind(house: House, buyer: str) -> None:
    await house.hold(new_id(), 2)
    redis = house.runtime.stores.redis.client
    before = {key async for key in redis.scan_iter(match="hold:*", count=1000)}
    with pytest.raises(SeatUnavailable):
        await house.hold(buyer, 2)
    await house.runtime.stores.redis.ping()
    assert {key async for key in redis.scan_iter(match="hold:*", count=1000)} == before


async def test_due_payments_do_not_delay_the_expiry_of_others(
    make_house: MakeHouse,
) -> None:
    house = await make_house()
    for seat in range(3):
        buyer = new_id()
        hold = await house.hold(buyer, seat)
        await house.runtime.holds.begin_payment(hold.hold_id, buyer)
        due = f"{base_key(house.event_id)}:due"
        await house.runtime.stores.redis.client.zadd(due, {hold.hold_id: 1})
    # Only now, because a payment needs a hold that is still valid, however long the three took.
    await house.set_terms(hold_ttl_s=1)
    await house.hold(new_id(), 5)
    await asyncio.sleep(1.05)
    expired = await house.runtime.holds.expire(house.event_id, count=2)
    assert (expired.freed, len(expired.paying)) == (1, 3)
    assert (await house.states())[5] == "0"


async def test_publishing_again_after_an_interruption_applies_later_edits(
    make_house: MakeHouse, buyer: str
) -> None:
    """Killed between PostgreSQL and MongoDB, edited, published again: event page and price agree."""
    house = await make_house(publish=False)
    rooms = house.runtime
    await rooms.catalog.set_status(
        house.event_id, EventStatus.PUBLISHING, only_from=(EventStatus.DRAFT,)
    )
    event = await rooms.catalog.event(house.event_id)
    await rooms.events.publishing._write_seats(event, await rooms.catalog.facts(house.event_id))
    await rooms.events.publishing.patch(
        house.event_id, EventPatch(prices={"Front": 9900}, buyer_limit=2), version=event.version
    )
    await rooms.events.publishing.publish(house.event_id)
    assert (await house.hold(buyer, 0)).total.amount == 9900
    with pytest.raises(FrontrowError):
        await house.hold(buyer, 1, 2)


async def test_a_draft_cancelled_while_it_is_published_does_not_go_on_sale(
    make_house: MakeHouse,
) -> None:
    house = await make_house(publish=False)
    results = await asyncio.gather(
        *(
            outcome(act(house.event_id))
            for act in (
                house.runtime.events.publishing.publish,
                house.runtime.events.publishing.cancel,
            )
        )
    )
    status = (await house.runtime.catalog.event(house.event_id)).status
    cancelled = results[1]
    assert (status == EventStatus.CANCELLED) == (not isinstance(cancelled, FrontrowError))


def test_errors_tell_whether_they_are_retryable() -> None:
    assert Unavailable("x").retryable
    assert not InvalidInput("x").retryable
