"""Measurements are right: audits by the worker, waits for connections, lag of the event loop."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from prometheus_client import REGISTRY

from engine.base import metrics
from engine.base.config import Settings
from engine.base.errors import Unavailable
from engine.base.model import new_id
from engine.base.store_urls import StoreUrls
from engine.live.keys import base_key
from engine.stores.mongo import Mongo
from engine.stores.postgres import Postgres
from engine.stores.redis import RedisStore
from tests.conftest import House

pytestmark = pytest.mark.integration

Grown = Callable[[], float]


def growth(name: str, **labels: str) -> Grown:
    """How much a sample has grown since this call."""

    def read() -> float:
        value = REGISTRY.get_sample_value(name, labels)
        assert value is not None, (name, labels)
        return value

    before = read()
    return lambda: read() - before


@pytest.fixture
def turn(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only this house is due to be audited."""
    runtime = house.runtime
    monkeypatch.setattr(runtime.audit, "_unaudited", [house.event_id] * 9)
    monkeypatch.setattr(runtime.live.reading, "_open_events_read", -math.inf)


async def sell(house: House, buyer: str, *seats: int) -> None:
    answer = await house.book(buyer, await house.hold(buyer, *seats))
    assert answer.outcome == "confirmed"
    await house.runtime.sales.ledger.drain()


async def execute(house: House, sql: str) -> None:
    async with house.runtime.stores.view.connection() as connection:
        await connection.execute(sql, house.event_id)


@pytest.mark.usefixtures("turn")
async def test_the_worker_counts_violations(house: House, buyer: str) -> None:
    await sell(house, buyer, 1, 2)
    auditing = house.runtime.audit
    clean = growth("frontrow_audits_total", outcome="clean")
    assert await auditing.audit_next() == []
    assert clean() == 1
    broken = growth("frontrow_invariant_violations_total", invariant="1")
    violated = growth("frontrow_audits_total", outcome="violated")
    await execute(house, "UPDATE tickets SET void = true WHERE event_id = $1 AND place_no = 1")
    found = await auditing.audit_next()
    assert {violation.invariant for violation in found} == {1}
    assert (broken(), violated()) == (len(found), 1)


@pytest.mark.usefixtures("turn")
async def test_a_buyer_who_exceeded_the_limit_before_it_was_lowered_is_no_violation(
    house: House, buyer: str
) -> None:
    await sell(house, buyer, 1, 2, 3)
    await execute(house, "UPDATE events SET buyer_limit = 2 WHERE event_id = $1")
    assert await house.runtime.audit.audit_next() == []
    # The count itself is still audited.
    await execute(house, "UPDATE buyer_claims SET sold = sold - 1 WHERE event_id = $1")
    found = await house.runtime.audit.audit_next()
    assert {violation.invariant for violation in found} == {10}


@pytest.mark.usefixtures("turn")
async def test_a_part_of_very_many_holds_is_audited_per_round(
    house: House, buyer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    auditing = house.runtime.audit
    monkeypatch.setattr("engine.audit.auditing.AUDITED_HOLDS_MAX", 1)
    in_part = growth("frontrow_audits_total", outcome="clean-in-part")
    call, base = house.runtime.stores.redis.call, base_key(house.event_id)
    await sell(house, buyer, 5)
    await house.hold(buyer, 1)
    # A free seat that shows as held by nobody.
    await call("SETRANGE", f"{base}:seats", 7, "1")
    assert {violation.invariant for violation in await auditing.audit_next()} == {5}
    assert in_part() == 0
    await call("SETRANGE", f"{base}:seats", 7, "0")
    await house.hold(new_id(), 2)
    assert await auditing.audit_next() == []
    assert in_part() == 1
    # A fault of one of them is found when that hold is audited.
    (next_due,) = await call("ZRANGE", f"{base}:due", 0, 0)
    await call("ZINCRBY", f"{base}:due", -1, next_due)
    monkeypatch.setattr("engine.audit.auditing.random.randint", lambda first, _: first)
    assert {violation.invariant for violation in await auditing.audit_next()} == {4}
    monkeypatch.setattr("engine.audit.auditing.random.randint", lambda _, last: last)
    assert await auditing.audit_next() == []
    await execute(house, "UPDATE tickets SET void = true WHERE event_id = $1")
    assert {violation.invariant for violation in await auditing.audit_next()} == {1}
    assert in_part() == 2


@pytest.mark.usefixtures("turn")
async def test_one_worker_audits_at_a_time_and_pauses_in_between(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    auditing = house.runtime.audit
    monkeypatch.setattr(auditing, "_due", time.monotonic() + 60)
    audits = growth("frontrow_audits_total", outcome="clean")
    await auditing.run_once()
    assert audits() == 0  # its time has not come
    monkeypatch.setattr(auditing, "_due", 0.0)
    await auditing.run_once()
    assert audits() == 1
    monkeypatch.setattr(auditing, "_due", 0.0)
    await auditing.run_once()
    assert audits() == 1  # another worker has just done it
    await house.runtime.stores.redis.call("DEL", "auditing")
    monkeypatch.setattr(auditing, "_due", time.monotonic() + 60)
    await auditing.run_once()
    assert audits() == 1


async def test_waiting_for_a_connection_is_measured(settings: Settings, stores: StoreUrls) -> None:
    postgres = Postgres(stores.postgres_owner_url, size=2)
    await postgres.open()
    try:
        waits = growth("frontrow_postgres_pool_wait_seconds_count")
        waited_s = growth("frontrow_postgres_pool_wait_seconds_sum")
        held = growth("frontrow_postgres_connection_held_seconds_count")
        taken, done = asyncio.Event(), asyncio.Event()

        async def keep() -> None:
            async with postgres.connection(), postgres.connection():
                taken.set()
                await done.wait()

        keeping = asyncio.create_task(keep())
        await taken.wait()
        used = REGISTRY.get_sample_value("frontrow_postgres_pool_connections", {"state": "used"})
        assert used == 2
        before_s = waited_s()
        asking = asyncio.create_task(postgres.fetchval("outbox.age_s"))
        await asyncio.sleep(0)
        asked = time.perf_counter()
        await asyncio.sleep(0.1)
        at_least_s = time.perf_counter() - asked
        done.set()
        await asyncio.gather(keeping, asking)
        assert (waits(), held()) == (3, 3)
        assert waited_s() - before_s >= at_least_s
    finally:
        await postgres.close()


async def test_calls_to_a_store_that_is_away_are_counted() -> None:
    postgres = Postgres("postgresql://a:b@127.0.0.1:1/none", size=2)
    redis, mongo = (
        RedisStore("redis://127.0.0.1:1"),
        Mongo("mongodb://127.0.0.1:1", "none", call_timeout_s=0.5),
    )
    await postgres.open()
    asked: dict[str, Callable[[], Awaitable[Any]]] = {
        "postgres": postgres.ping,
        "redis": redis.ping,
        "mongo": lambda: mongo.get("events", "1"),
    }
    for store, ask in asked.items():
        failures = growth("frontrow_store_failures_total", store=store)
        with pytest.raises(Unavailable):
            await ask()
        assert failures() == 1, store
    await postgres.close()
    await redis.close()
    await mongo.close()


async def test_a_blocked_loop_is_measured() -> None:
    late_s = growth("frontrow_event_loop_lag_seconds_sum")
    measuring = asyncio.create_task(metrics.measure_loop_lag())
    await asyncio.sleep(metrics.LAG_INTERVAL_S / 2)
    # Wherever in its interval it is now, it is late by more than half of one.
    time.sleep(2 * metrics.LAG_INTERVAL_S)
    await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    measuring.cancel()
    assert late_s() >= metrics.LAG_INTERVAL_S / 3
