"""The one flow on real stores: hold, book, settle, cancel, and every way it can end."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from engine.base.actor import ORGANISER, WORKER, Actor, ActorKind
from engine.base.config import Settings
from engine.base.errors import (
    Conflict,
    Gone,
    InvalidInput,
    LimitReached,
    NotFound,
    PreconditionFailed,
    SeatUnavailable,
)
from engine.base.model import BookingStatus, new_id
from engine.base.store_urls import StoreUrls
from engine.runtime import Runtime, open_runtime
from tests.conftest import House, MakeHouse, let_it_be_over
from tests.support.worlds import make_world

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture(scope="module")
async def runtime(settings: Settings, stores: StoreUrls) -> AsyncIterator[Runtime]:
    """Databases of their own: no worker of another process finishes here what a test leaves open."""
    world = await make_world(settings, stores, "booking", redis_database=4)
    async with open_runtime(world, role="test") as opened:
        await opened.stores.mongo.ensure_indexes()
        yield opened


async def test_a_hold_shows_on_the_map_and_freezes_its_price(house: House, buyer: str) -> None:
    hold = await house.hold(buyer, 3, 2, floor=2)
    assert [item.seat_no for item in hold.seats] == [2, 3]
    assert hold.seats[0].label == "Stalls, row R1, seat 3"
    assert hold.total.amount == 2 * 5000 + 2 * 3000
    assert (await house.states()).startswith("001100")
    assert await house.floor_free() == 4

    await house.runtime.events.publishing.reprice(
        house.event_id, {"Front": 9000}, reason="demand", actor=ORGANISER
    )
    assert (await house.runtime.holds.read(hold.hold_id, buyer)).total == hold.total
    assert (await house.book(buyer, hold)).booking.total == hold.total
    assert (await house.hold(buyer, 4)).total.amount == 9000


async def test_a_taken_seat_is_named_and_nothing_else_is_held(house: House, buyer: str) -> None:
    await house.hold(buyer, 7)
    with pytest.raises(SeatUnavailable) as refused:
        await house.hold(new_id(), 6, 7, 8)
    assert refused.value.extra["seats"] == [7]
    assert (await house.states())[6:9] == "010"


async def test_an_area_never_gives_more_than_it_has(house: House, buyer: str) -> None:
    await house.hold(buyer, floor=4)
    with pytest.raises(SeatUnavailable) as refused:
        await house.hold(new_id(), floor=3)
    assert refused.value.extra["areas"] == [0]
    await house.hold(new_id(), floor=2)
    assert await house.floor_free() == 0


@pytest.mark.parametrize(
    ("seats", "floor", "code"),
    [
        ((), 0, "empty-hold"),
        ((1, 1), 0, "duplicate-seat"),
        ((-1,), 0, "no-such-seat"),
        ((50,), 0, "no-such-seat"),
        ((10**12,), 0, "no-such-seat"),
        (tuple(range(101)), 0, "too-many-seats"),
        ((), 101, "invalid-quantity"),
    ],
)
async def test_an_invalid_hold_is_refused_and_holds_nothing(
    house: House, buyer: str, seats: tuple[int, ...], floor: int, code: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await house.hold(buyer, *seats, floor=floor)
    assert refused.value.code == code
    assert set(await house.states()) == {"0"}


async def test_the_limit_counts_holds_and_bookings(make_house: MakeHouse, buyer: str) -> None:
    house = await make_house(buyer_limit=4)
    await house.book(buyer, await house.hold(buyer, 0, 1))
    await house.hold(buyer, 2)
    with pytest.raises(LimitReached):
        await house.hold(buyer, 3, 4)
    hold = await house.hold(buyer, 3)
    await house.runtime.holds.release(hold.hold_id, buyer)
    await house.hold(buyer, 4)


async def test_a_retry_with_the_same_hold_id_is_the_same_hold(house: House, buyer: str) -> None:
    hold_id = new_id()
    first = await house.hold(buyer, 5, hold_id=hold_id)
    assert await house.hold(buyer, 5, hold_id=hold_id) == first
    for who, seat in ((buyer, 6), (new_id(), 5)):
        with pytest.raises(Conflict) as refused:
            await house.hold(who, seat, hold_id=hold_id)
        assert refused.value.code == "hold-id-taken"
    assert (await house.states()).count("1") == 1


async def test_only_its_buyer_may_touch_a_hold(house: House, buyer: str) -> None:
    hold = await house.hold(buyer, 5)
    stranger = new_id()
    holds = house.runtime.holds
    for attempt in (
        holds.read(hold.hold_id, stranger),
        holds.extend(hold.hold_id, stranger),
        holds.release(hold.hold_id, stranger),
        house.book(stranger, hold),
    ):
        with pytest.raises(NotFound):
            await attempt
    with pytest.raises(NotFound):
        await holds.read(new_id(), buyer)


async def test_releasing_frees_at_once_and_may_be_repeated(house: House, buyer: str) -> None:
    hold = await house.hold(buyer, 5, floor=1)
    await house.runtime.holds.release(hold.hold_id, buyer)
    await house.runtime.holds.release(hold.hold_id, buyer)
    assert set(await house.states()) == {"0"}
    assert await house.floor_free() == 6
    with pytest.raises(Gone):
        await house.book(buyer, hold)


async def test_an_expired_hold_can_no_longer_be_used(make_house: MakeHouse, buyer: str) -> None:
    house = await make_house(hold_ttl_s=1)
    hold = await house.hold(buyer, 5)
    # The hold's own deadline is the signal; nothing else announces it.
    await asyncio.sleep(1.05)
    with pytest.raises(Gone):
        await house.book(buyer, hold)
    with pytest.raises(Gone):
        await house.runtime.holds.extend(hold.hold_id, buyer)
    # No worker runs here: the next buyer's request frees the overdue hold.
    await house.hold(new_id(), 5)
    assert (await house.runtime.holds.read(hold.hold_id, buyer)).status == "expired"


async def test_the_worker_frees_due_holds(make_house: MakeHouse, buyer: str) -> None:
    house = await make_house(hold_ttl_s=1)
    await house.hold(buyer, 5, floor=2)
    await asyncio.sleep(1.05)
    assert await house.runtime.expiring.run_once() >= 1
    assert set(await house.states()) == {"0"}
    assert await house.floor_free() == 6


async def test_extending_moves_the_deadline(house: House, buyer: str) -> None:
    hold = await house.hold(buyer, 5)
    # Deadlines are whole milliseconds.
    await asyncio.sleep(0.01)
    extended = await house.runtime.holds.extend(hold.hold_id, buyer)
    assert extended.expires_at > hold.expires_at


async def test_a_booking_has_its_tickets_and_the_map_shows_it_sold(
    house: House, buyer: str
) -> None:
    answer = await house.book(buyer, await house.hold(buyer, 2, 3, floor=2))
    booking = answer.booking
    assert (answer.outcome, booking.status, booking.version) == ("confirmed", "confirmed", 2)
    assert (await house.states())[2:4] == "22"
    assert await house.floor_free() == 4
    tickets = await house.runtime.sales.tickets.of_booking(booking.booking_id, buyer_id=buyer)
    assert [t.label for t in tickets] == [
        "Stalls, row R1, seat 3",
        "Stalls, row R1, seat 4",
        "Floor",
        "Floor",
    ]
    assert len({t.code for t in tickets}) == 4
    read = await house.runtime.sales.reading.read(booking.booking_id, buyer_id=buyer)
    assert read == booking


async def test_a_declined_card_leaves_the_hold_for_another(house: House, buyer: str) -> None:
    hold = await house.hold(buyer, 2)
    for token, words in (
        ("tok_declined", "The card was declined."),
        ("tok_insufficient_funds", "insufficient funds"),
    ):
        answer = await house.book(buyer, hold, token)
        assert answer.outcome == "declined"
        assert words in answer.detail
        assert (await house.runtime.holds.read(hold.hold_id, buyer)).status == "held"
        assert (await house.states())[2] == "1"
    assert (await house.book(buyer, hold)).outcome == "confirmed"


@pytest.mark.parametrize("approve", [True, False])
async def test_three_d_secure_waits_for_the_buyer(house: House, buyer: str, approve: bool) -> None:
    hold = await house.hold(buyer, 2)
    answer = await house.book(buyer, hold, "tok_3ds")
    booking_id = answer.booking.booking_id
    assert answer.booking.next_action is not None
    page, _, token = answer.booking.next_action.url.rpartition("/")
    assert page.endswith("/sandbox/3ds")
    assert house.runtime.sales.sandbox.read_approval(token) == booking_id
    await house.runtime.sales.sandbox.complete_action(booking_id, approve=approve)
    await house.runtime.sales.finishing.payment_arrived(booking_id)
    status = (await house.runtime.sales.reading.read(booking_id)).status
    assert status == (BookingStatus.CONFIRMED if approve else BookingStatus.DECLINED)
    assert (await house.states())[2] == ("2" if approve else "1")


async def test_a_silent_gateway_is_asked_again(
    house: House, buyer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house.runtime.sales.payments, "_timeout_s", 0.1)
    answer = await house.book(buyer, await house.hold(buyer, 2), "tok_timeout")
    assert answer.outcome == "pending"
    assert answer.booking.next_action is not None
    assert answer.booking.next_action.type == "wait"
    booking_id = answer.booking.booking_id
    # The gateway has charged by then; otherwise it would be asked to void the payment.
    await house.runtime.sales.sandbox._charges.drain()
    assert (
        await house.runtime.sales.finishing.resolve(booking_id, due=False)
        == BookingStatus.CONFIRMED
    )
    assert (await house.states())[2] == "2"


async def test_cancelling_returns_seats_and_money_once(house: House, buyer: str) -> None:
    booking = (await house.book(buyer, await house.hold(buyer, 2, floor=1))).booking
    sales = house.runtime.sales
    with pytest.raises(PreconditionFailed):
        await sales.cancelling.cancel(
            booking.booking_id, actor=Actor(ActorKind.BUYER), buyer_id=buyer, version=1
        )
    with pytest.raises(NotFound):
        await sales.cancelling.cancel(
            booking.booking_id, actor=Actor(ActorKind.BUYER), buyer_id=new_id()
        )
    cancelled = await sales.cancelling.cancel(
        booking.booking_id, actor=Actor(ActorKind.BUYER), buyer_id=buyer, version=booking.version
    )
    assert cancelled.status == BookingStatus.CANCELLED
    assert cancelled.refunded == booking.total
    assert (await house.states())[2] == "0"
    assert await house.floor_free() == 6
    again = await sales.cancelling.cancel(
        booking.booking_id, actor=Actor(ActorKind.BUYER), buyer_id=buyer
    )
    assert again == cancelled
    assert {t.status for t in await sales.tickets.of_booking(booking.booking_id)} == {"void"}
    await house.hold(new_id(), 2)


async def test_bookings_of_a_begun_event_can_be_cancelled_by_the_organiser_only(
    house: House, buyer: str
) -> None:
    sales = house.runtime.sales
    first, second = [
        (await house.book(buyer, await house.hold(buyer, seat))).booking for seat in (1, 2)
    ]
    await sales.cancelling.cancel(second.booking_id, actor=Actor(ActorKind.BUYER), buyer_id=buyer)
    await let_it_be_over(house.runtime, [house.event_id])
    with pytest.raises(Conflict) as refused:
        await sales.cancelling.cancel(
            first.booking_id, actor=Actor(ActorKind.BUYER), buyer_id=buyer
        )
    assert refused.value.code == "event-begun"
    # An earlier cancellation is still returned.
    again = await sales.cancelling.cancel(
        second.booking_id, actor=Actor(ActorKind.BUYER), buyer_id=buyer
    )
    assert again.status == BookingStatus.CANCELLED
    ended = await sales.cancelling.cancel(first.booking_id, actor=ORGANISER, at_any_time=True)
    assert ended.status == BookingStatus.CANCELLED


async def test_one_idempotency_key_has_one_answer(house: House, buyer: str) -> None:
    hold = await house.hold(buyer, 2)
    sales = house.runtime.sales
    first, replayed = await sales.checkout.book(buyer, "key-1", house.request(hold))
    assert not replayed
    second, replayed = await sales.checkout.book(buyer, "key-1", house.request(hold))
    assert replayed
    assert second == first
    await sales.cancelling.cancel(first.booking.booking_id, actor=Actor(ActorKind.BUYER))
    third, _ = await sales.checkout.book(buyer, "key-1", house.request(hold))
    assert third == first, "the first answer is returned, whatever happened since"
    with pytest.raises(InvalidInput) as refused:
        await sales.checkout.book(buyer, "key-1", house.request(hold, "tok_declined"))
    assert refused.value.code == "idempotency-key-reused"


async def test_a_paused_event_takes_no_holds_but_books_those_it_has(
    house: House, buyer: str
) -> None:
    hold = await house.hold(buyer, 2)
    await house.runtime.events.publishing.pause(house.event_id)
    with pytest.raises(Conflict) as refused:
        await house.hold(buyer, 3)
    assert refused.value.code == "event-not-on-sale"
    assert (await house.book(buyer, hold)).outcome == "confirmed"
    await house.runtime.events.publishing.resume(house.event_id)
    await house.hold(buyer, 3)


async def test_a_cancelled_event_refunds_everyone(house: House, buyer: str) -> None:
    booking = (await house.book(buyer, await house.hold(buyer, 2))).booking
    late = await house.hold(buyer, 3)
    await house.runtime.events.publishing.cancel(house.event_id)
    with pytest.raises(Conflict):
        await house.book(buyer, late)
    await house.runtime.events.closing.run_once()
    refunded = await house.runtime.sales.reading.read(booking.booking_id)
    assert (refunded.status, refunded.refunded) == (BookingStatus.CANCELLED, booking.total)


async def test_holds_of_a_cancelled_event_still_expire(make_house: MakeHouse, buyer: str) -> None:
    house = await make_house(hold_ttl_s=1)
    await house.hold(buyer, 2)
    await house.runtime.events.publishing.cancel(house.event_id)
    await asyncio.sleep(1.05)
    # The list of open events is read once a second, so it must contain the cancelled one by now.
    await house.runtime.expiring.run_once()
    assert set(await house.states()) == {"0"}


async def test_a_hold_id_cannot_be_used_in_two_events(make_house: MakeHouse, buyer: str) -> None:
    here, there = await make_house(), await make_house()
    hold = await here.hold(buyer, 2, hold_id=new_id())
    with pytest.raises(Conflict) as refused:
        await there.hold(buyer, 2, hold_id=hold.hold_id)
    assert refused.value.code == "hold-id-taken"
    assert set(await there.states()) == {"0"}
    assert (await here.book(buyer, hold)).outcome == "confirmed"


async def test_reading_a_pending_booking_gives_the_next_action_again(
    house: House, buyer: str
) -> None:
    answer = await house.book(buyer, await house.hold(buyer, 2), "tok_3ds")
    read = await house.runtime.sales.reading.read(answer.booking.booking_id, buyer_id=buyer)
    assert read.next_action == answer.booking.next_action


async def test_reconciliation_loads_terms_that_never_reached_redis(
    house: House, buyer: str
) -> None:
    async with house.runtime.stores.view.connection() as connection:
        await connection.execute(
            "UPDATE events SET status = 'paused', version = version + 1 WHERE event_id = $1",
            house.event_id,
        )
    await house.hold(buyer, 2)
    await house.runtime.live.reconciling.reconcile(house.event_id)
    with pytest.raises(Conflict) as refused:
        await house.hold(buyer, 3)
    assert refused.value.code == "event-not-on-sale"


async def test_the_worker_asks_ever_less_often_about_an_unanswered_payment(
    house: House, buyer: str
) -> None:
    answer = await house.book(buyer, await house.hold(buyer, 2), "tok_3ds")
    booking_id = answer.booking.booking_id
    async with house.runtime.stores.view.connection() as connection:
        await connection.execute(
            "UPDATE bookings SET created_at = now() - interval '1 minute' WHERE booking_id = $1",
            booking_id,
        )
    chasing = house.runtime.sales.chasing
    await chasing.run_once()
    first = chasing._chased[booking_id]
    await chasing.run_once()
    assert chasing._chased[booking_id] == first, "asked again before its turn"


async def test_a_late_payment_takes_its_seats_again_or_is_refunded(
    house: House, buyer: str
) -> None:
    sales = house.runtime.sales
    outcomes = []
    for seat, sniped in ((2, False), (3, True)):
        answer = await house.book(buyer, await house.hold(buyer, seat), "tok_3ds")
        booking_id = answer.booking.booking_id
        await _expire_behind_the_gateways_back(house, booking_id)
        if sniped:
            rival = new_id()
            await house.book(rival, await house.hold(rival, seat))
        await sales.sandbox.complete_action(booking_id, approve=True)
        late = await sales.finishing.payment_arrived(booking_id)
        await house.runtime.sales.relay.run_once()
        outcomes.append(late.outcome)
        await _settle_outbox(house)
    assert outcomes == ["confirmed", "expired"]
    assert (await house.states())[2:4] == "22"
    refunded = await sales.reading.read(booking_id)
    assert refunded.refunded == answer.booking.total
    assert "refunded" in (refunded.note or "")


async def _expire_behind_the_gateways_back(house: House, booking_id: str) -> None:
    """Let the booking's time pass while the gateway cannot be reached."""
    async with house.runtime.stores.view.connection() as connection:
        await connection.execute(
            "UPDATE bookings SET expires_at = now() - interval '1 second' WHERE booking_id = $1",
            booking_id,
        )
    ended = await house.runtime.sales.ledger.end(
        house.event_id,
        booking_id,
        to=BookingStatus.EXPIRED,
        actor=WORKER,
        note="late",
        decline_code="gateway-unanswered",
    )
    assert ended.settlement is not None
    await house.runtime.live.settling.settle(house.event_id, ended.settlement)


async def _settle_outbox(house: House) -> None:
    async with house.runtime.stores.view.connection() as connection:
        await connection.execute(
            "UPDATE outbox SET created_at = now() - interval '1 minute', due_at = now()"
        )
    while await house.runtime.sales.relay.run_once():
        pass
