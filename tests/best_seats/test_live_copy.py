"""Best seats on the real stores: retries, refusals, changing prices, and many buyers at once."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from engine.base.actor import ORGANISER
from engine.base.caching import Bounded
from engine.base.config import Settings
from engine.base.errors import Conflict, FrontrowError, InvalidInput, LimitReached, SeatUnavailable
from engine.base.metrics import BEST_SEATS_ATTEMPTS
from engine.base.model import Hold, Money, new_id
from engine.base.store_urls import StoreUrls
from engine.best_seats.choice import BestSeatsWish
from engine.catalog.model import EventDraft
from engine.live.hold_scripts import OverLimit
from engine.live.keys import base_key
from engine.local.demo.venues import arena
from engine.runtime import Runtime, open_runtime
from tests.conftest import House, MakeHouse, small_house
from tests.support.worlds import make_world

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture(scope="module")
async def runtime(settings: Settings, stores: StoreUrls) -> AsyncIterator[Runtime]:
    """Databases of their own: no worker of another process frees or sells a seat here."""
    world = await make_world(settings, stores, "best_seats", redis_database=5)
    async with open_runtime(world, role="test") as opened:
        await opened.stores.mongo.ensure_indexes()
        yield opened


@pytest_asyncio.fixture
async def other(runtime: Runtime) -> AsyncIterator[Runtime]:
    """A second process on the same stores: it shares only Redis with the first."""
    async with open_runtime(runtime.settings, role="rival") as opened:
        yield opened


async def best(house: House, buyer: str, quantity: int, **wish: object) -> Hold:
    hold_id = wish.pop("hold_id", None)
    return await house.runtime.holds.place_best(
        house.event_id,
        buyer,
        BestSeatsWish(quantity=quantity, **wish),  # type: ignore[arg-type]  # the wish's own fields
        hold_id=hold_id,  # type: ignore[arg-type]  # a text or nothing
    )


def seats_of(hold: Hold) -> list[int]:
    return [seat.seat_no for seat in hold.seats]


async def refusal(work: Awaitable[object]) -> FrontrowError:
    with pytest.raises(FrontrowError) as refused:
        await work
    return refused.value


async def assert_sound(event_id: str, runtime: Runtime, holds: list[Hold]) -> None:
    """No seat is in two holds, and exactly these seats are held."""
    held = [seat_no for hold in holds for seat_no in seats_of(hold)]
    assert len(set(held)) == len(held)
    states = (await runtime.live.reading.snapshot(event_id)).states
    assert {n for n, digit in enumerate(states) if digit == ord("1")} == set(held)


async def test_the_nearest_seats_side_by_side_are_held(house: House, buyer: str) -> None:
    # The focal point is in the middle of the upper edge, above seat 5 of the first row.
    first = await best(house, buyer, 4)
    assert seats_of(first) == [3, 4, 5, 6]
    assert first.relaxed == []
    assert first.total.amount == 4 * 5000
    assert await house.runtime.holds.read(first.hold_id, buyer) == first
    # Three are left on each side of them: two of those would leave a single one.
    assert seats_of(await best(house, buyer, 2)) == [14, 15]
    # Straight behind, two rows back, is nearer than beside the first four.
    assert seats_of(await best(house, buyer, 3)) == [24, 25, 26]


async def test_a_hold_says_what_was_relaxed(house: House, buyer: str) -> None:
    # The first row keeps three side by side, in the middle; everything else goes.
    taken = [n for n in range(50) if n not in (4, 5, 6)]
    for at in range(0, len(taken), 10):
        await house.hold(new_id(), *taken[at : at + 10])
    hold = await best(house, buyer, 2)
    assert seats_of(hold) == [4, 5]
    assert hold.relaxed == ["single-seat-left"]
    assert (await house.runtime.holds.read(hold.hold_id, buyer)).relaxed == ["single-seat-left"]
    assert (await house.runtime.holds.extend(hold.hold_id, buyer)).relaxed == ["single-seat-left"]
    refused = await refusal(best(house, buyer, 2))
    assert isinstance(refused, SeatUnavailable)
    assert "ask for fewer" in refused.detail


async def test_without_relaxing_the_wish_is_met_or_refused(house: House, buyer: str) -> None:
    taken = [n for n in range(50) if n not in (4, 5, 6)]
    for at in range(0, len(taken), 10):
        await house.hold(new_id(), *taken[at : at + 10])
    refused = await refusal(best(house, buyer, 2, relax=False))
    assert isinstance(refused, SeatUnavailable)
    assert "relax" in refused.detail
    assert seats_of(await best(house, buyer, 3, relax=False)) == [4, 5, 6]


async def test_category_section_and_price_narrow_the_choice(house: House, buyer: str) -> None:
    assert seats_of(await best(house, buyer, 2, category="Back")) == [24, 25]
    assert seats_of(await best(house, buyer, 2, max_price=3000)) == [26, 27]
    assert seats_of(await best(house, buyer, 2, max_price=Money(5000, "EUR"))) == [4, 5]
    assert seats_of(await best(house, buyer, 2, section="Stalls")) == [14, 15]
    refused = await refusal(best(house, buyer, 2, max_price=2999))
    assert isinstance(refused, SeatUnavailable)
    assert "max_price" in refused.detail


async def test_a_retry_gives_the_same_hold(house: House, buyer: str) -> None:
    hold_id = new_id()
    first = await best(house, buyer, 4, hold_id=hold_id)
    # Better seats are free by now, and later none at all: the hold stays the same.
    await house.hold(new_id(), 7, 8, 9)
    assert await best(house, buyer, 4, hold_id=hold_id) == first
    for at in range(10, 50, 10):
        await house.hold(new_id(), *range(at, at + 10))
    await house.hold(new_id(), 0, 1, 2)
    assert await best(house, buyer, 4, hold_id=hold_id) == first
    assert (await refusal(best(house, buyer, 3, hold_id=hold_id))).code == "hold-id-taken"
    assert (await refusal(best(house, new_id(), 4, hold_id=hold_id))).code == "hold-id-taken"
    assert (await refusal(house.hold(buyer, *seats_of(first), hold_id=hold_id))).code == (
        "hold-id-taken"
    )


async def test_a_request_sent_twice_at_once_is_one_hold(house: House, buyer: str) -> None:
    hold_id = new_id()
    holds = await asyncio.gather(*(best(house, buyer, 3, hold_id=hold_id) for _ in range(5)))
    assert all(hold == holds[0] for hold in holds)
    await assert_sound(house.event_id, house.runtime, holds[:1])
    # Seats chosen for the losing requests are free to choose again.
    assert seats_of(await best(house, buyer, 3)) == [14, 15, 16]


@pytest.mark.parametrize(
    ("wish", "code", "said"),
    [
        ({"category": "Balcony"}, "no-such-category", "Front, Back"),
        ({"section": "Balcony"}, "no-such-section", "Stalls"),
        ({"max_price": Money(9000, "CHF")}, "invalid-request", "EUR"),
    ],
)
async def test_an_unknown_category_or_section_is_named(
    house: House, buyer: str, wish: dict[str, object], code: str, said: str
) -> None:
    refused = await refusal(best(house, buyer, 2, **wish))
    assert isinstance(refused, InvalidInput)
    assert refused.code == code
    assert said in refused.detail


async def test_an_event_of_areas_only_has_no_best_seats(make_house: MakeHouse, buyer: str) -> None:
    layout = small_house() | {"sections": []}
    house = await make_house(layout=layout)
    assert (await refusal(best(house, buyer, 2))).code == "no-seats"


async def test_limits_and_a_paused_event_refuse_best_seats_too(
    make_house: MakeHouse, buyer: str
) -> None:
    house = await make_house(buyer_limit=4)
    too_many = await refusal(best(house, buyer, 5))
    assert isinstance(too_many, LimitReached)
    assert too_many.extra["limit"] == 4
    await best(house, buyer, 3)
    refused = await refusal(best(house, buyer, 2))
    assert isinstance(refused, LimitReached)
    assert refused.extra == {"limit": 4, "owned": 3}
    # Seats chosen for a refused buyer go to the next one.
    assert seats_of(await best(house, new_id(), 3)) == [14, 15, 16]
    await house.runtime.events.publishing.pause(house.event_id)
    for quantity in (2, 4):
        closed = await refusal(best(house, new_id(), quantity))
        assert isinstance(closed, Conflict)
        assert closed.code == "event-not-on-sale"


async def test_a_price_above_the_wish_is_refused_even_from_a_stale_copy(
    house: House, other: Runtime, buyer: str
) -> None:
    copy = await house.runtime.holds._copies.of(await house.runtime.catalog.facts(house.event_id))
    await copy.look()
    event = await other.catalog.event(house.event_id)
    await other.events.publishing.reprice(
        house.event_id, {"Back": 4000}, reason="demand", actor=ORGANISER
    )
    # The copy counts as fresh, and has the old price.
    copy._read_at = time.monotonic() + 60
    assert event.prices["Back"] == 3000
    refused = await refusal(best(house, buyer, 2, max_price=3000))
    assert isinstance(refused, SeatUnavailable)
    assert "1" not in await house.states()
    assert (await best(house, buyer, 2, max_price=4000)).total.amount == 8000


async def test_seats_given_back_and_seats_that_ran_out_are_free_at_once(
    make_house: MakeHouse, buyer: str
) -> None:
    house = await make_house(layout=small_house(rows=1, seats_per_row=4))
    hold = await best(house, buyer, 4)
    assert isinstance(await refusal(best(house, new_id(), 4)), SeatUnavailable)
    await house.runtime.holds.release(hold.hold_id, buyer)
    second = await best(house, new_id(), 4)
    # No worker has freed it yet when its time is over.
    redis = house.runtime.stores.redis
    key = base_key(house.event_id)
    await redis.call("HSET", f"{key}:hold:{second.hold_id}", "expires", 1)
    await redis.call("ZADD", f"{key}:due", 1, second.hold_id)
    assert seats_of(await best(house, new_id(), 4)) == [0, 1, 2, 3]


async def test_seats_that_a_buyer_gave_back_are_in_their_next_choice(
    house: House, buyer: str
) -> None:
    copy = await house.runtime.holds._copies.of(await house.runtime.catalog.facts(house.event_id))
    first = await best(house, buyer, 4)
    # Even with a copy that counts as fresh for a minute.
    copy._read_at = time.monotonic() + 60
    await house.runtime.holds.release(first.hold_id, buyer)
    assert seats_of(await best(house, buyer, 4)) == seats_of(first)


async def test_a_stale_copy_costs_a_retry_and_not_the_seats(
    house: House, other: Runtime, buyer: str
) -> None:
    rival = House(other, house.event_id)
    copy = await house.runtime.holds._copies.of(await house.runtime.catalog.facts(house.event_id))
    await copy.look()
    theirs = await best(rival, new_id(), 4)
    copy._read_at = time.monotonic() + 60
    ours = await best(house, buyer, 4)
    assert set(seats_of(ours)).isdisjoint(seats_of(theirs))
    assert ours.relaxed == []


async def test_a_new_copy_leaves_out_seats_that_are_being_held(house: House) -> None:
    """Seats chosen but not yet held are free in Redis, but not for this process's next request."""
    copy = await house.runtime.holds._copies.of(await house.runtime.catalog.facts(house.event_id))
    first = await copy.pick(BestSeatsWish(quantity=4), 1)
    await copy.look(0)
    second = await copy.pick(BestSeatsWish(quantity=4), 1)
    assert first is not None
    assert second is not None
    assert set(first.seats).isdisjoint(second.seats)
    for choice in (first, second):
        copy.settle(choice, OverLimit(4, 4))
    assert await copy.pick(BestSeatsWish(quantity=4), 1) == first


async def test_a_request_that_comes_as_a_reading_ends_starts_its_own(house: House) -> None:
    """That reading is done but still registered: waiting for it would never end."""
    copy = await house.runtime.holds._copies.of(await house.runtime.catalog.facts(house.event_id))
    first = asyncio.create_task(copy.look(0))
    while copy._reading is None:
        await asyncio.sleep(0)
    reading = copy._reading
    while not reading.done():
        await asyncio.sleep(0)
    asked_at = time.monotonic()
    async with asyncio.timeout(60):
        await copy.look(0)
    assert copy._read_at >= asked_at
    await first


@pytest_asyncio.fixture(scope="module")
async def arena_venue(runtime: Runtime) -> str:
    venue, _ = await runtime.catalog.venues.import_plan(arena(), city="Erfurt")
    return venue.venue_id


async def make_arena(runtime: Runtime, venue_id: str) -> str:
    categories = {category["name"]: 5000 for category in arena()["categories"]}
    event = await runtime.catalog.create_event(
        EventDraft(
            name="A concert",
            venue_id=venue_id,
            starts_at=datetime.now(UTC) + timedelta(days=9),
            currency="EUR",
            prices=categories,
            buyer_limit=6,
        )
    )
    await runtime.events.publishing.publish(event.event_id)
    return event.event_id


def attempts_so_far() -> tuple[float, float]:
    """Choices made, and the requests that they were made for, by both processes."""
    samples = {s.name: s.value for s in next(iter(BEST_SEATS_ATTEMPTS.collect())).samples}
    return (
        samples["frontrow_best_seats_attempts_sum"],
        samples["frontrow_best_seats_attempts_count"],
    )


async def test_five_hundred_buyers_at_once_get_distinct_seats_in_the_arena(
    runtime: Runtime, other: Runtime, arena_venue: str
) -> None:
    """Two processes, each with its own copy of the seats, and the same best seats for everybody."""
    event_id = await make_arena(runtime, arena_venue)
    houses = [House(runtime, event_id), House(other, event_id)]
    for house in houses:
        await house.runtime.holds._copies.of(await house.runtime.catalog.facts(event_id))
    chance = random.Random(3)
    before = attempts_so_far()
    holds = await asyncio.gather(
        *(best(houses[n % 2], new_id(), chance.randint(2, 6)) for n in range(500))
    )
    choices, requests = (b - a for a, b in zip(before, attempts_so_far(), strict=True))
    assert all(hold.relaxed == [] for hold in holds)
    await assert_sound(event_id, runtime, list(holds))
    assert requests == 500
    # At worst each process loses its first choices to the other, reads again, and then knows all of them.
    assert choices <= 2 * requests


async def test_one_process_never_chooses_the_same_seats_twice(
    runtime: Runtime, arena_venue: str
) -> None:
    event_id = await make_arena(runtime, arena_venue)
    house = House(runtime, event_id)
    before = attempts_so_far()
    holds = await asyncio.gather(*(best(house, new_id(), 2 + n % 5) for n in range(300)))
    choices, requests = (b - a for a, b in zip(before, attempts_so_far(), strict=True))
    await assert_sound(event_id, runtime, list(holds))
    assert choices == requests == 300


async def test_an_event_in_demand_keeps_its_copy(
    make_house: MakeHouse, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = runtime.holds._copies
    monkeypatch.setattr(copies, "_copies", Bounded(2))
    wanted, second, third = [await make_house() for _ in range(3)]
    for house in (wanted, second, wanted, third):
        await best(house, new_id(), 2)
    assert copies.known(wanted.event_id) is not None
    assert copies.known(second.event_id) is None


async def test_a_refused_buyer_keeps_nobody_from_the_last_seats(
    make_house: MakeHouse, runtime: Runtime
) -> None:
    house = await make_house(layout=small_house(rows=1, floor=6))
    greedy = [new_id() for _ in range(6)]
    for buyer in greedy:
        await house.hold(buyer, floor=1)

    async def ask_for_too_much(buyer: str) -> None:
        while True:
            with contextlib.suppress(LimitReached, SeatUnavailable):
                await best(house, buyer, 10)

    asking = [asyncio.create_task(ask_for_too_much(buyer)) for buyer in greedy]
    try:
        for _ in range(20):
            buyer = new_id()
            hold = await best(house, buyer, 10)
            await runtime.holds.release(hold.hold_id, buyer)
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


async def test_when_demand_exceeds_supply_every_seat_is_held_once(
    make_house: MakeHouse, other: Runtime
) -> None:
    """60 seats, 60 parties of two from two processes: 30 get theirs, 30 are refused, nothing is left."""
    house = await make_house(layout=small_house(rows=6, seats_per_row=10))
    rival = House(other, house.event_id)

    async def want(number: int) -> Hold | FrontrowError:
        try:
            return await best(house if number % 2 else rival, new_id(), 2)
        except FrontrowError as refused:
            return refused

    outcomes = await asyncio.gather(*(want(number) for number in range(60)))
    holds = [outcome for outcome in outcomes if isinstance(outcome, Hold)]
    assert len(holds) == 30
    refusals = [outcome for outcome in outcomes if not isinstance(outcome, Hold)]
    assert all(isinstance(refused, SeatUnavailable) for refused in refusals)
    await assert_sound(house.event_id, house.runtime, holds)
    assert await house.states() == "1" * 60
