"""One event's rows stay locked: only that event suffers, in bookings, cancellations and the worker's steps."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import msgspec
import pytest
import pytest_asyncio
from prometheus_client import REGISTRY

from engine.base.actor import ORGANISER
from engine.base.bulkhead import Bulkhead
from engine.base.config import Settings
from engine.base.errors import Contended, Unavailable
from engine.base.model import BookingStatus, new_id
from engine.base.store_urls import StoreUrls
from engine.live import healing
from engine.live.healing import rebuild_all
from engine.live.keys import base_key
from engine.live.scripts import Loaded
from engine.runtime import Runtime, open_runtime
from tests.conftest import House, make_event
from tests.support.worlds import make_world, with_one_login

pytestmark = pytest.mark.integration

_TABLES = ("events", "seats", "areas", "bookings", "waitlists", "pricing")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(settings: Settings, stores: StoreUrls) -> AsyncIterator[Settings]:
    """A world with a small pool and a short lock timeout."""
    own = await make_world(settings, stores, "stuck", redis_database=11)
    yield msgspec.structs.replace(with_one_login(own), postgres_pool_size=6, lock_timeout_s=0.3)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def runtime(world: Settings) -> AsyncIterator[Runtime]:
    async with open_runtime(world, role="test") as opened:
        await opened.stores.mongo.ensure_indexes()
        yield opened


@asynccontextmanager
async def locked(world: Settings, event_id: str) -> AsyncIterator[None]:
    """A person in psql who runs BEGIN; SELECT … FOR UPDATE; and leaves it open."""
    assert world.postgres_url is not None
    somebody = await asyncpg.connect(world.postgres_url)
    try:
        async with somebody.transaction():
            for table in _TABLES:
                await somebody.fetch(
                    f"SELECT FROM {table} WHERE event_id = $1 FOR UPDATE", event_id
                )
            yield
    finally:
        await somebody.close()


async def two_houses(runtime: Runtime) -> tuple[House, House]:
    return House(runtime, await make_event(runtime)), House(runtime, await make_event(runtime))


async def confirmed(house: House, seat: int) -> str:
    """A booking of one seat, by a buyer of its own. Returns its id."""
    buyer = new_id()
    answer = await house.book(buyer, await house.hold(buyer, seat))
    assert answer.outcome == "confirmed"
    return answer.booking.booking_id


async def test_a_locked_event_does_not_stop_bookings_of_others(
    runtime: Runtime, world: Settings
) -> None:
    stuck, healthy = await two_houses(runtime)
    buyer = new_id()
    hold = await stuck.hold(buyer, 0)
    async with locked(world, stuck.event_id):
        # Together, so that they share a batch: the batch must neither fail nor wait as a whole.
        refused = asyncio.create_task(stuck.book(buyer, hold))
        await asyncio.gather(*(confirmed(healthy, seat) for seat in range(20)))
        with pytest.raises(Contended):
            await refused
        assert REGISTRY.get_sample_value("frontrow_events_stuck") == 1
        # The event has a lane of its own now: later batches do not wait for it at all.
        again = asyncio.create_task(stuck.book(buyer, hold))
        await asyncio.gather(*(confirmed(healthy, seat) for seat in range(20, 40)))
        with pytest.raises(Contended):
            await again
        kept = await runtime.holds.read(hold.hold_id, buyer)
        assert kept.status == "held", "the buyer still has the hold"
    answer = await stuck.book(buyer, hold)
    assert answer.outcome == "confirmed"


async def test_a_payment_is_not_lost_to_a_lock(
    runtime: Runtime, world: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are locked between charge and confirm: the booking is pending, and the worker finishes it."""
    stuck, _ = await two_houses(runtime)
    buyer, key = new_id(), new_id()
    hold = await stuck.hold(buyer, 0)
    charge = runtime.sales.sandbox.charge
    charged, go_on = asyncio.Event(), asyncio.Event()

    async def and_wait(*args: object) -> object:
        result = await charge(*args)  # type: ignore[arg-type]  # passed on as it came
        charged.set()
        await go_on.wait()
        return result

    monkeypatch.setattr(runtime.sales.sandbox, "charge", and_wait)
    booking = asyncio.create_task(stuck.book(buyer, hold, key=key))
    await charged.wait()
    async with locked(world, stuck.event_id):
        go_on.set()
        answer = await booking
        assert answer.outcome == "pending"
        # The worker meets the same lock, and gives up for now.
        with pytest.raises(Contended):
            await runtime.sales.finishing.resolve(answer.booking.booking_id, due=False)
    status = await runtime.sales.finishing.resolve(answer.booking.booking_id, due=False)
    assert status == BookingStatus.CONFIRMED


async def test_cancellations_of_a_locked_event_do_not_exhaust_the_pool(
    runtime: Runtime, world: Settings
) -> None:
    stuck, healthy = await two_houses(runtime)
    bookings = [await confirmed(stuck, seat) for seat in range(12)]
    async with locked(world, stuck.event_id):
        cancels = [
            asyncio.create_task(runtime.sales.cancelling.cancel(booking_id, actor=ORGANISER))
            for booking_id in bookings
        ]
        await asyncio.gather(*(confirmed(healthy, seat) for seat in range(20)))
        answers = await asyncio.gather(*cancels, return_exceptions=True)
        assert {type(answer) for answer in answers} == {Contended}
        with pytest.raises(Contended):
            await runtime.events.publishing.pause(stuck.event_id)
        with pytest.raises(Contended):
            await runtime.events.blocks.block(stuck.event_id, [40], actor=ORGANISER)
    assert (
        await runtime.sales.cancelling.cancel(bookings[0], actor=ORGANISER)
    ).status == "cancelled"


async def test_the_worker_serves_the_other_events(runtime: Runtime, world: Settings) -> None:
    """A cancelled event whose bookings are locked does not delay the refunds of another one."""
    stuck, healthy = await two_houses(runtime)
    mine, theirs = await confirmed(stuck, 0), await confirmed(healthy, 0)
    for house in (stuck, healthy):
        await runtime.events.publishing.cancel(house.event_id)
    async with locked(world, stuck.event_id):
        async with asyncio.timeout(60):
            while (await runtime.sales.reading.read(theirs)).status != "cancelled":
                await runtime.events.closing.run_once()
        assert (await runtime.sales.reading.read(mine)).status == "confirmed"
        await runtime.live.upkeep.reconcile()
        await runtime.expiring.run_once()
    async with asyncio.timeout(60):
        while (await runtime.sales.reading.read(mine)).status != "cancelled":
            runtime.stores.view.bulkhead.close()  # as if its time were over
            await runtime.events.closing.run_once()


async def epoch_of(house: House) -> bytes | None:
    """None: the next access to the event rebuilds it."""
    key = base_key(house.event_id) + ":meta"
    epoch: bytes | None = await house.runtime.stores.redis.call("HGET", key, "epoch")
    return epoch


@pytest.mark.parametrize("sell", [True, False], ids=["selling", "not-selling"])
async def test_a_locked_event_does_not_delay_the_rebuild_of_others(
    runtime: Runtime, world: Settings, monkeypatch: pytest.MonkeyPatch, sell: bool
) -> None:
    stuck, healthy = await two_houses(runtime)
    both = sorted((stuck, healthy), key=lambda house: house is healthy)
    ids = [house.event_id for house in both]
    for house in both:
        await house.states()
    before = {house.event_id: await epoch_of(house) for house in both}

    async def open_events() -> list[str]:
        return ids if sell else []

    async def known_events() -> "set[str]":
        return set(ids)

    monkeypatch.setattr(runtime.live.reading, "open_events", open_events)
    monkeypatch.setattr(runtime.live.rebuilding, "known_events", known_events)
    monkeypatch.setattr(healing, "_AT_ONCE", 1)
    rests, go_on = asyncio.Event(), asyncio.Event()

    async def rest(_: float) -> None:
        rests.set()
        await go_on.wait()
        runtime.stores.view.bulkhead.close()  # as if its time were over

    async with asyncio.timeout(60):
        async with locked(world, stuck.event_id):
            rebuilding = asyncio.create_task(
                rebuild_all(runtime.live.reading, runtime.live.rebuilding, "asked", sleep=rest)
            )
            rebuilding.add_done_callback(lambda _: rests.set())
            await rests.wait()
            assert not rebuilding.done()
            assert await epoch_of(healthy) != before[healthy.event_id]
            assert await epoch_of(stuck) == before[stuck.event_id]
        go_on.set()
        assert await rebuilding == 2
    assert await epoch_of(stuck) != before[stuck.event_id]


async def test_an_event_that_stays_locked_is_reported_in_the_end(
    runtime: Runtime, world: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller must not record that all events were rebuilt."""
    stuck, healthy = await two_houses(runtime)
    await healthy.states()
    runtime.live.reading._open_events_read = float("-inf")
    rests: list[float] = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    rebuild, rebuilt = runtime.live.rebuilding.rebuild, []

    async def counted(event_id: str, **options: Any) -> Loaded:
        rebuilt.append(event_id)
        return await rebuild(event_id, **options)

    monkeypatch.setattr(runtime.live.rebuilding, "rebuild", counted)
    async with locked(world, stuck.event_id), asyncio.timeout(120):
        with pytest.raises(Contended):
            await rebuild_all(runtime.live.reading, runtime.live.rebuilding, "asked", sleep=rest)
    assert rests == [1.0] * 14
    assert rebuilt.count(stuck.event_id) == 15
    assert rebuilt.count(healthy.event_id) == 1


async def test_readiness_does_not_wait_for_the_pool(runtime: Runtime) -> None:
    async with asyncio.timeout(60):
        taken = [runtime.stores.view.connection() for _ in range(runtime.stores.view.size)]
        for connection in taken:
            await connection.__aenter__()
        try:
            assert await asyncio.gather(*(runtime.stores.view.ping() for _ in range(50)))
        finally:
            for connection in taken:
                await connection.__aexit__(None, None, None)


async def test_requests_for_a_stuck_event_are_refused_instead_of_queued() -> None:
    """At most this many try at once; requests that waited for a place do not wait for the lock as well."""
    bulkhead = Bulkhead(per_event=2, stuck_most=1)
    inside, release = asyncio.Semaphore(0), asyncio.Event()

    async def meet_a_lock() -> None:
        async with bulkhead.room("event", 60):
            inside.release()
            await release.wait()
            raise Contended("locked", by_lock=True)

    trying = [asyncio.create_task(meet_a_lock()) for _ in range(50)]
    for _ in range(2):
        await inside.acquire()
    async with bulkhead.room("another", 60):
        release.set()
        found = await asyncio.gather(*trying, return_exceptions=True)
    assert all(isinstance(answer, Contended) for answer in found)
    assert inside.locked(), "nobody else went in"
    assert list(bulkhead.stuck) == ["event"]
    async with bulkhead.room("event", 60):  # one request tests whether the lock is gone
        with pytest.raises(Unavailable):
            async with bulkhead.room("event", 60):
                pass
    bulkhead.close()
