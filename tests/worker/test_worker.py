"""How a worker divides its time among the events."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from engine.base.config import Settings
from engine.base.errors import Unavailable
from engine.base.model import Buyer, new_id
from engine.base.store_urls import StoreUrls
from engine.runtime import Runtime, open_runtime
from engine.waitlist.model import Contact, EntryStatus, Wanted
from engine.worker.worker import Worker
from tests.conftest import House, MakeHouse, let_it_be_over
from tests.support.worlds import as_redis_owner, make_world

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture(scope="module")
async def runtime(settings: Settings, stores: StoreUrls) -> AsyncIterator[Runtime]:
    """Databases of their own: the worker here is the only one."""
    world = await make_world(settings, stores, "worker", redis_database=8)
    async with open_runtime(world, role="test") as opened:
        await opened.stores.mongo.ensure_indexes()
        yield opened


@asynccontextmanager
async def at_work(runtime: Runtime) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    working = asyncio.create_task(Worker(runtime.steps()).run(stopping))
    try:
        yield
    finally:
        stopping.set()
        async with asyncio.timeout(60):
            await working


def counted(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[str, str]]:
    """How often each script has run for each event."""
    runs: Counter[tuple[str, str]] = Counter()
    run = runtime.live.running.run

    async def count(script: str, event_id: str, *args: Any) -> Any:
        runs[script, event_id] += 1
        return await run(script, event_id, *args)

    monkeypatch.setattr(runtime.live.running, "run", count)
    return runs


async def test_a_quiet_event_is_left_alone(
    runtime: Runtime, make_house: MakeHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tick is 50 ms; if nothing is due, one visit a second is enough."""
    quiet, busy = await make_house(), await make_house(hold_ttl_s=1)
    await quiet.hold(new_id(), 1)
    runs = counted(runtime, monkeypatch)
    began = time.monotonic()
    async with at_work(runtime):
        for _ in range(2):
            await busy.hold(new_id(), 5)
            async with asyncio.timeout(60):
                while (await busy.states())[5] != "0":
                    await asyncio.sleep(0.01)
    looked = runs["expire", quiet.event_id]
    assert 2 <= looked <= 2 + 2 * runs["expire", busy.event_id]
    assert looked <= time.monotonic() - began + 3, runs


async def test_events_that_began_days_ago_are_left_alone(
    runtime: Runtime, make_house: MakeHouse
) -> None:
    """A site of many years has more past events than it can check every second."""
    over, coming = await make_house(), await make_house()
    for house in (over, coming):
        wanted = Wanted(quantity=6, categories=["Front"])
        await house.hold(new_id(), *range(9))
        await house.hold(new_id(), *range(9, 18))
        await runtime.waitlist.entries.join(house.event_id, new_id(), wanted, Contact(buyer=None))
    await let_it_be_over(runtime, [over.event_id])
    for query in ("inventory.open_events", "waitlist.lines"):
        open_events = {row["event_id"] for row in await runtime.stores.view.fetch(query)}
        assert coming.event_id in open_events
        assert over.event_id not in open_events


async def test_the_next_visit_is_due_at_the_next_deadline(
    runtime: Runtime, make_house: MakeHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = await make_house(hold_ttl_s=60)
    visits: list[float] = []

    def note(event_id: str, in_s: float) -> None:
        if event_id == house.event_id:
            visits.append(in_s)

    monkeypatch.setattr(runtime.expiring._deadlines, "again", note)
    await runtime.expiring.expire(house.event_id)
    hold = await house.hold(new_id(), 5)
    await runtime.expiring.expire(house.event_id)
    left_s = (hold.expires_at - datetime.now(UTC)).total_seconds()
    assert visits[0] == math.inf
    assert visits[1] == pytest.approx(left_s, abs=10)


async def test_a_waitlist_that_was_notified_is_served_at_once(
    runtime: Runtime, make_house: MakeHouse
) -> None:
    """By the notification alone: the worker's own schedule never comes round here."""
    house = await make_house()
    sellers = [new_id() for _ in range(4)]
    holds = [await house.hold(s, *range(5 * n, 5 * n + 5)) for n, s in enumerate(sellers)]
    entries = []
    for _ in range(3):
        contact = Contact(buyer=Buyer("ada@example.com", "Ada"))
        wanted = Wanted(quantity=5, categories=["Front"])
        entries.append(
            (await runtime.waitlist.entries.join(house.event_id, new_id(), wanted, contact))[0]
        )
    world = msgspec.structs.replace(runtime.settings, worker_tick_s=600.0)
    async with open_runtime(world, role="slow") as slow, at_work(slow), asyncio.timeout(60):
        while (await runtime.stores.redis.client.pubsub_numsub("stirred"))[0][1] == 0:
            await asyncio.sleep(0.01)
        for entry, hold, seller in zip(entries, holds, sellers, strict=False):
            await runtime.holds.release(hold.hold_id, seller)
            while (
                await runtime.waitlist.entries.read(entry.entry_id)
            ).status != EntryStatus.OFFERED:
                await asyncio.sleep(0.01)


async def test_the_worker_receives_notifications_again_after_redis_was_away(
    runtime: Runtime, house: House
) -> None:
    async with at_work(runtime), asyncio.timeout(60):
        for _ in range(2):
            while (await runtime.stores.redis.client.pubsub_numsub("stirred"))[0][1] == 0:
                await asyncio.sleep(0.01)
            await as_redis_owner(runtime, "CLIENT", "KILL", "TYPE", "pubsub")
        while (await runtime.stores.redis.client.pubsub_numsub("stirred"))[0][1] == 0:
            await asyncio.sleep(0.01)


async def test_notified_waitlists_are_not_forgotten_while_postgresql_is_away(
    runtime: Runtime, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> Any:
        raise Unavailable("PostgreSQL is away for a moment.")

    runtime.waitlist.rounds._stirred.add(house.event_id)
    runtime.waitlist.rounds._lines_read = -math.inf
    with monkeypatch.context() as moment:
        moment.setattr(runtime.waitlist.rounds._pg, "fetch", away)
        with pytest.raises(Unavailable):
            await runtime.waitlist.rounds.due()
    assert house.event_id in await runtime.waitlist.rounds.due()
    assert house.event_id not in await runtime.waitlist.rounds.due()
