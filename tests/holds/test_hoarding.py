"""Hoarding: limits of places per network, resting seats, limits per mailbox and card.

Networks are plain names here; tests/holds/test_hoarding_api.py covers how addresses become names.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from engine.base.actor import ORGANISER
from engine.base.errors import Conflict, FrontrowError, LimitReached, TooManyRequests
from engine.base.model import Hold, new_id
from engine.best_seats.choice import BestSeatsWish
from engine.holds.building import PaymentHold
from engine.runtime import Runtime, open_runtime
from engine.sales.ledger import Answer, Reserve
from tests.conftest import House, MakeHouse, small_house
from tests.live.test_redis_scripts import Stage, stage  # noqa: F401 - a fixture

pytestmark = pytest.mark.integration

ATTACKER, SCHOOL, ELSEWHERE = "attacker", "school", "elsewhere"


@pytest_asyncio.fixture
async def other(runtime: Runtime) -> AsyncIterator[Runtime]:
    """A second API process beside the test's."""
    async with open_runtime(runtime.settings, role="second") as second:
        yield second


async def place(house: House, network: str, *seats: int, buyer: str = "", floor: int = 0) -> Hold:
    return await house.hold(buyer or new_id(), *seats, floor=floor, network=network)


async def code_of(work: Any) -> str:
    """The outcome of an attempt: "done", or the code of its refusal."""
    try:
        await work
    except FrontrowError as refusal:
        return refusal.code
    return "done"


async def grab(house: House, network: str, seats: range) -> list[Hold]:
    """Hold seat after seat with a new token each time, until one is refused."""
    held = []
    for seat in seats:
        try:
            held.append(await place(house, network, seat))
        except TooManyRequests as refusal:
            if refusal.code != "network-limit" or refusal.extra["retry_after"] < 1:
                raise
            break
    return held


async def age(house: House, hold: Hold, ms: int = 10_000_000) -> None:
    """Let the hold have been made, and be due, this much earlier."""
    base = "{" + house.event_id + "}"
    call = house.runtime.stores.redis.call
    for field in ("created", "expires"):
        await call("HINCRBY", f"{base}:hold:{hold.hold_id}", field, -ms)
    await call("ZINCRBY", f"{base}:due", -ms, hold.hold_id)


async def networks(house: House) -> dict[str, int]:
    found = await house.runtime.stores.redis.call("HGETALL", "{" + house.event_id + "}:networks")
    return {k.decode(): int(v) for k, v in zip(found[::2], found[1::2], strict=True)}


# Places per network


async def test_one_network_cannot_hold_the_house(make_house: MakeHouse) -> None:
    """With a new token for every seat, and best seats and areas beside them."""
    house = await make_house(layout=small_house(rows=10, seats_per_row=20))
    held = await grab(house, ATTACKER, range(200))
    assert len(held) == 50
    best = house.runtime.holds.place_best(
        house.event_id, new_id(), BestSeatsWish(quantity=1), network=ATTACKER
    )
    assert await code_of(best) == "network-limit"
    assert await code_of(place(house, ATTACKER, floor=1)) == "network-limit"
    # Other networks can still buy, and so can a network without limits.
    await place(house, ELSEWHERE, 199)
    await place(house, "", 198)
    assert await networks(house) == {f"h:{ATTACKER}": 50, f"h:{ELSEWHERE}": 1}
    assert await house.runtime.live.reading.network_share(house.event_id) == 50 / 206
    await house.runtime.live.upkeep.watch_networks()
    # Paid places and places in payment do not count; after a decline they count again.
    assert (await pay(house, held[0], "tok_visa", ATTACKER)).outcome == "confirmed"
    assert (await pay(house, held[1], "tok_3ds", ATTACKER)).outcome == "pending"
    assert (await pay(house, held[2], "tok_declined", ATTACKER)).outcome == "declined"
    assert len(await grab(house, ATTACKER, range(100, 110))) == 2
    await house.runtime.holds.release(held[3].hold_id, await owner(house, held[3]))
    assert len(await grab(house, ATTACKER, range(110, 120))) == 1


async def pay(house: House, hold: Hold, token: str, network: str) -> Answer:
    buyer = await owner(house, hold)
    request = house.request(hold, token, f"{buyer}@example.com")
    answer, _ = await house.runtime.sales.checkout.book(buyer, new_id(), request, network=network)
    return answer


async def owner(house: House, hold: Hold) -> str:
    key = "{" + house.event_id + "}:hold:" + hold.hold_id
    found: bytes = await house.runtime.stores.redis.call("HGET", key, "owner")
    return found.decode()


async def test_a_networks_share_grows_with_the_house(stage: Stage) -> None:  # noqa: F811 - the fixture
    """The share is 1.5 % of 10,000; places of areas count as part of the house."""
    areas = "0:5:0:1,1:9985:0:1"
    meta: list[Any] = ["status", "on_sale", "seat_count", 10, "buyer_limit", 10]
    meta += [
        "hold_ttl_ms",
        60000,
        "hold_max_ms",
        90000,
        "payment_window_ms",
        60000,
        "prices",
        "1,1",
    ]
    await stage.run("load", 2, 2, "0" * 10, b"\0\0\0\1" * 10, areas, len(meta) // 2, *meta, 0, 0)
    for number in range(16):
        hold = (new_id(), f"p{number}", "", "1:10", 10, "", "", "", "", ATTACKER, 50, 0.015)
        reply = await stage.run("hold", *hold)
    assert reply == [b"crowded", 150, 150]


async def test_no_network_holds_more_than_is_left_for_all(make_house: MakeHouse) -> None:
    """This limit applies once others ask, too; the places of one buyer always fit."""
    house = await make_house(layout=small_house(rows=8, seats_per_row=10, floor=1))
    await place(house, ELSEWHERE, 79)
    assert len(await grab(house, ATTACKER, range(79))) == 40
    for seats in (range(70, 78), range(62, 70), range(54, 62), range(47, 54)):
        await place(house, "", *seats)
    assert await networks(house) == {f"h:{ATTACKER}": 40, f"h:{ELSEWHERE}": 1}
    assert len(await grab(house, SCHOOL, range(40, 47))) == 7


async def test_pauses_grow_for_networks_whose_holds_lapse(make_house: MakeHouse) -> None:
    house = await make_house(layout=small_house(rows=10, seats_per_row=20), buyer_limit=60)
    waits = []
    for _ in range(3):
        held = [await place(house, ATTACKER, *range(at, at + 10)) for at in range(0, 50, 10)]
        for hold in held:
            await age(house, hold)
        await house.runtime.holds.expire(house.event_id)
        with pytest.raises(TooManyRequests) as refused:
            await place(house, ATTACKER, 199)
        assert refused.value.code == "network-paused"
        waits.append(refused.value.extra["retry_after"])
        await end_pause(house)
    assert waits[0] < waits[1] < waits[2] <= 300
    await place(house, ELSEWHERE, 100)


async def end_pause(house: House) -> None:
    """Let the last lapse be long ago; the number of lapses is kept. No seat rests any more."""
    base = "{" + house.event_id + "}"
    call = house.runtime.stores.redis.call
    conduct = await call("HGET", f"{base}:conduct", f"n:{ATTACKER}")
    lapsed, _, *rest = conduct.decode().split()
    await call("HSET", f"{base}:conduct", f"n:{ATTACKER}", " ".join([lapsed, "0", *rest]))
    await call("DEL", f"{base}:rests")


async def test_payments_forgive_lapsed_holds_of_the_same_network(make_house: MakeHouse) -> None:
    """A school: three of ten buyers lose interest, and the network gets no pause for that."""
    house = await make_house(layout=small_house(rows=10, seats_per_row=20))
    for at in range(0, 120, 10):
        holds = [await place(house, SCHOOL, seat) for seat in range(at, at + 10)]
        for hold in holds[:7]:
            await pay(house, hold, "tok_visa", SCHOOL)
        for hold in holds[7:]:
            await age(house, hold)
        await house.runtime.holds.expire(house.event_id)
    assert await code_of(place(house, SCHOOL, 150)) == "done"


# Seats that rest


async def test_seats_cannot_be_passed_from_token_to_token(make_house: MakeHouse) -> None:
    """One network passes four seats from token to token 40 times; five buyers elsewhere still get them."""
    house = await make_house()
    seats, won = (12, 13, 14, 15), Counter[str]()
    pollers = {new_id(): f"home-{n}" for n in range(5)}
    mine: Hold | None = await place(house, ATTACKER, *seats)
    for _ in range(40):
        for poller, home in pollers.items():
            if await code_of(place(house, home, *seats, buyer=poller)) == "done":
                won["pollers"] += 1
        if mine is None:
            break
        await house.runtime.holds.release(mine.hold_id, await owner(house, mine))
        mine = None
        with pytest.raises(Conflict) as refused:
            mine = await place(house, ATTACKER, *seats)
        assert refused.value.code == "seat-resting"
        assert refused.value.extra["seats"] == list(seats)
        assert 1 <= refused.value.extra["retry_after"] <= 15
    assert won == {"pollers": 1}


async def test_a_map_read_by_another_network_makes_a_seat_rest(house: House, buyer: str) -> None:
    hold = await place(house, ATTACKER, 3, buyer=buyer)
    await house.runtime.holds.release(hold.hold_id, buyer)
    # Nobody else has looked: releasing and holding again is allowed.
    hold = await place(house, ATTACKER, 3, 4, buyer=buyer)
    await house.runtime.live.reading.snapshot(house.event_id, seen_from=ATTACKER)
    await house.runtime.holds.release(hold.hold_id, buyer)
    hold = await place(house, ATTACKER, 3, buyer=buyer)
    await house.runtime.live.reading.snapshot(house.event_id, seen_from=ELSEWHERE)
    await house.runtime.holds.release(hold.hold_id, buyer)
    assert await code_of(place(house, ATTACKER, 3)) == "seat-resting"
    assert await code_of(place(house, "train", 3, buyer=buyer)) == "seat-resting"
    assert await code_of(place(house, ATTACKER, 4)) == "seat-resting", (
        "seat 4 rests because others read the map"
    )
    await place(house, ATTACKER, 5, buyer=buyer)
    await place(house, ELSEWHERE, 3)


async def test_best_seats_skip_resting_seats(house: House, buyer: str) -> None:
    holds = house.runtime.holds
    wish = BestSeatsWish(quantity=4)
    first = await holds.place_best(house.event_id, buyer, wish, network=ATTACKER)
    await house.runtime.live.reading.snapshot(house.event_id, seen_from=ELSEWHERE)
    await holds.release(first.hold_id, buyer)
    again = await holds.place_best(house.event_id, new_id(), wish, network=ATTACKER)
    others = await holds.place_best(house.event_id, new_id(), wish, network=ELSEWHERE)
    assert not {s.seat_no for s in again.seats} & {s.seat_no for s in first.seats}
    assert [s.seat_no for s in others.seats] == [s.seat_no for s in first.seats]


# More time


async def test_more_time_is_given_once_and_only_to_a_begun_checkout(
    house: House, buyer: str
) -> None:
    holds = house.runtime.holds
    hold = await place(house, SCHOOL, 1, buyer=buyer)
    await age_by(house, hold, 60_000)
    assert await code_of(holds.extend(hold.hold_id, buyer)) == "checkout-not-begun"
    extended = await holds.extend(hold.hold_id, buyer, begun=True)
    assert extended.expires_at > hold.expires_at
    await age_by(house, hold, 60_000)
    again = await holds.extend(hold.hold_id, buyer, begun=True)
    assert again.expires_at < extended.expires_at, "a second extension gives no more time"
    tried = await place(house, SCHOOL, 2, buyer=buyer)
    await pay(house, tried, "tok_declined", SCHOOL)
    assert await code_of(holds.extend(tried.hold_id, buyer)) == "done"


async def age_by(house: House, hold: Hold, ms: int) -> None:
    await age(house, hold, ms)


# Cards that are tried out


async def test_declines_end_the_hold_and_do_not_extend_it(house: House, buyer: str) -> None:
    hold = await place(house, ELSEWHERE, 1, buyer=buyer)
    deadlines = []
    for _ in range(4):
        answer = await pay(house, hold, "tok_declined", ELSEWHERE)
        assert "still held" in answer.detail
        await age_by(house, hold, 50_000)
        deadlines.append((await house.runtime.holds.read(hold.hold_id, buyer)).expires_at)
    # The payment window was granted once: ageing takes more than each attempt adds.
    key = "{" + house.event_id + "}:hold:" + hold.hold_id
    own, expires = await house.runtime.stores.redis.call("HMGET", key, "own", "expires")
    assert int(expires) <= int(own) + 300_000
    answer = await pay(house, hold, "tok_declined", ELSEWHERE)
    assert "5th" in answer.detail
    assert (await house.runtime.holds.read(hold.hold_id, buyer)).status == "expired"
    assert (await house.states())[1] == "0"
    assert await networks(house) == {}


async def test_card_testing_is_stopped_before_the_gateway(make_house: MakeHouse) -> None:
    """New tokens, new seats, one network: about thirty cards reach the payment gateway, not all."""
    house = await make_house(layout=small_house(rows=10, seats_per_row=20))
    outcomes = Counter[str]()

    async def try_a_card(seat: int) -> None:
        try:
            hold = await place(house, ATTACKER, seat)
            answer = await pay(house, hold, "tok_declined", ATTACKER)
            outcomes[answer.outcome] += 1
        except FrontrowError as refusal:
            outcomes[refusal.code] += 1

    for seat in range(100):
        await try_a_card(seat)
    assert 30 <= outcomes["declined"] <= 35
    assert outcomes["too-many-payments"] >= 10
    # Other networks are not affected.
    hold = await place(house, ELSEWHERE, 199)
    assert (await pay(house, hold, "tok_visa", ELSEWHERE)).outcome == "confirmed"


async def test_one_person_may_try_ten_cards(make_house: MakeHouse, buyer: str) -> None:
    house = await make_house()
    declined = refused = 0
    for seat in range(4):
        hold = await place(house, ELSEWHERE, seat, buyer=buyer)
        for _ in range(4):
            key = new_id()
            request = house.request(hold, "tok_declined")
            book = house.runtime.sales.checkout.book
            try:
                await book(buyer, key, request, network=f"network-{declined}")
                declined += 1
            except TooManyRequests:
                refused += 1
    assert refused == 6
    assert declined == 10
    # Another network makes no difference, and earlier answers are replayed.
    assert await code_of(book(buyer, key, request, network="another")) == "too-many-payments"


async def test_payments_under_way_at_once_are_bounded(stage: Stage) -> None:  # noqa: F811 - the fixture
    """A burst: all are sent before the first is declined."""
    await stage.store.call("HSET", f"{stage.base}:networks", f"b:{ATTACKER}", 100)
    hold_id = await stage.held("1")
    assert await stage.run("begin_payment", hold_id, "ada", ATTACKER) == [b"slow", b"network", 2000]
    assert (await stage.run("begin_payment", hold_id, "ada", ELSEWHERE))[0] == b"paying"
    assert (await stage.run("recount"))[1] == 1
    await stage.run("abandon", hold_id, "1")


# Mailboxes and cards


async def test_a_mailbox_is_limited_across_buyers(make_house: MakeHouse, other: Runtime) -> None:
    """Forty tokens on two processes at once, with many spellings of one mailbox, get ten places."""
    house = await make_house(layout=small_house(rows=10, seats_per_row=20))
    ways = ("ada.lovelace@gmail.com", "AdaLovelace+{}@googlemail.com", "a.da.lovelace+x@Gmail.com")

    async def buy(number: int) -> str:
        buyer = new_id()
        hold = await house.hold(buyer, 2 * number, 2 * number + 1)
        rooms = (house.runtime, other)[number % 2]
        request = house.request(hold, "tok_visa", ways[number % 3].format(number))
        return await code_of(rooms.sales.checkout.book(buyer, new_id(), request))

    outcomes = Counter(await asyncio.gather(*(buy(number) for number in range(40))))
    assert outcomes == {"done": 5, "limit-reached": 35}
    assert await claims(house) == [10]


async def claims(house: House) -> list[int]:
    async with house.runtime.stores.view.connection() as connection:
        rows = await connection.fetch(
            "SELECT places FROM mark_claims WHERE event_id = $1 AND places > 0", house.event_id
        )
    return sorted(row["places"] for row in rows)


async def test_a_card_is_limited_and_ended_bookings_are_given_back(make_house: MakeHouse) -> None:
    house = await make_house(buyer_limit=4)
    book = house.runtime.sales.checkout.book

    async def buy(token: str, email: str, *seats: int) -> Answer:
        buyer = new_id()
        hold = await house.hold(buyer, *seats)
        answer, _ = await book(buyer, new_id(), house.request(hold, token, email))
        return answer

    bought = await buy("tok_visa_card_4242", "a@example.com", 0, 1, 2)
    assert (await buy("tok_declined_card_4242", "b@example.com", 3)).outcome == "declined"
    with pytest.raises(LimitReached, match="card"):
        await buy("tok_visa_card_4242", "b@example.com", 4, 5)
    # A booking refused by its card does not count for the mailbox.
    await buy("tok_visa_card_1111", "b@example.com", 6, 7, 8, 9)
    assert await claims(house) == [3, 3, 4, 4]
    with pytest.raises(LimitReached, match="e-mail"):
        await buy("tok_visa", "b+more@EXAMPLE.com", 10)
    await house.runtime.sales.cancelling.cancel(bought.booking.booking_id, actor=ORGANISER)
    await buy("tok_visa_card_4242", "a@example.com", 20, 21, 22, 23)
    assert await claims(house) == [4, 4, 4, 4]


async def test_bookings_of_one_batch_are_judged_in_order(house: House) -> None:
    """Together too many, each alone not: bookings that fit are made, and no place is lost."""
    commands = []
    for seats in ((0, 1, 2, 3, 4, 5), (6, 7, 8, 9, 10), (11, 12, 13, 14)):
        buyer = new_id()
        hold = await house.hold(buyer, *seats)
        payment = await house.runtime.holds.begin_payment(hold.hold_id, buyer)
        commands.append(_reserve(house, buyer, hold, payment))
    results = await house.runtime.sales.ledger.reserve_batch(commands)
    outcomes = [getattr(result, "outcome", result) for result in results]
    assert outcomes == ["reserved", "email-limit-reached", "reserved"]
    assert await claims(house) == [10]


def _reserve(house: House, buyer: str, hold: Hold, payment: PaymentHold) -> Reserve:
    return Reserve(
        booking_id=new_id(),
        buyer_id=buyer,
        key=new_id(),
        fingerprint=msgspec.json.encode(buyer),
        reference="0" * 10,
        request_id="a-request",
        request=house.request(hold),
        hold=payment,
        amount=hold.total.amount,
    )


# The school beside the attack


async def test_a_school_buys_at_full_speed_beside_an_attack(make_house: MakeHouse) -> None:
    """60 honest buyers behind one address, while another network holds what it can and lets it lapse."""
    house = await make_house(layout=small_house(rows=15, seats_per_row=20))
    attack_ends = asyncio.Event()

    async def attack() -> int:
        most = 0
        while not attack_ends.is_set():
            for seat in range(299, 150, -1):
                await code_of(place(house, ATTACKER, seat))
                most = max(most, (await networks(house)).get(f"h:{ATTACKER}", 0))
                if attack_ends.is_set():
                    break
        return most

    async def buy(number: int) -> None:
        seats = (2 * number, 2 * number + 1)
        while True:
            try:
                hold = await place(house, SCHOOL, *seats)
                break
            except TooManyRequests:
                await asyncio.sleep(0.01)
        assert (await pay(house, hold, "tok_visa", SCHOOL)).outcome == "confirmed"

    attacking = asyncio.create_task(attack())
    await asyncio.gather(*(buy(number) for number in range(60)))
    attack_ends.set()
    assert await attacking <= 50
    assert (await house.states()).count("2") == 120
