"""Caches: how much they keep, for how long, and how often a value is loaded."""

import asyncio

import pytest

from engine.base import deadline
from engine.base.caching import Bounded, SingleFlight
from engine.base.errors import Unavailable


def test_the_entry_written_longest_ago_is_dropped_first() -> None:
    kept: Bounded[str, int] = Bounded(2)
    kept["a"] = 1
    kept["b"] = 2
    kept["a"] = 3
    kept["c"] = 4
    assert dict(kept) == {"a": 3, "c": 4}


class _Source:
    """Loads that end when the test says so."""

    def __init__(self) -> None:
        self.loads = 0
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.failure: Exception | None = None

    async def load(self) -> int:
        self.loads += 1
        number = self.loads
        self.begun.set()
        await self.go_on.wait()
        if self.failure is not None:
            raise self.failure
        return number


async def test_simultaneous_callers_share_one_load() -> None:
    flights: SingleFlight[str, int] = SingleFlight(8)
    source = _Source()
    callers = [asyncio.create_task(flights.get("key", source.load)) for _ in range(3)]
    await source.begun.wait()
    source.go_on.set()
    assert await asyncio.gather(*callers) == [1, 1, 1]
    assert await flights.get("key", source.load) == 1
    assert await flights.get("other", source.load) == 2


async def test_a_failed_load_reaches_all_callers_and_is_not_kept() -> None:
    flights: SingleFlight[str, int] = SingleFlight(8)
    source = _Source()
    source.failure = Unavailable("away")
    callers = [asyncio.create_task(flights.get("key", source.load)) for _ in range(2)]
    await source.begun.wait()
    source.go_on.set()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable, Unavailable]
    source.failure = None
    assert await flights.get("key", source.load) == 2


async def test_a_load_outlives_its_cancelled_caller() -> None:
    flights: SingleFlight[str, int] = SingleFlight(8)
    source = _Source()
    caller = asyncio.create_task(flights.get("key", source.load))
    await source.begun.wait()
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    source.go_on.set()
    assert await flights.get("key", source.load) == 1
    assert source.loads == 1


async def test_a_load_has_no_callers_deadline() -> None:
    flights: SingleFlight[str, int] = SingleFlight(8)
    source = _Source()
    left: list[float] = []

    async def load() -> int:
        left.append(deadline.left_s())
        return await source.load()

    async def hurried() -> int:
        deadline.begin(0.01)
        return await flights.get("key", load)

    with pytest.raises(Unavailable):
        await asyncio.create_task(hurried())
    patient = asyncio.create_task(flights.get("key", load))
    source.go_on.set()
    assert await patient == 1
    assert left == [float("inf")]


async def test_a_value_is_loaded_again_once_it_is_stale() -> None:
    now_s = 100.0
    flights: SingleFlight[str, int] = SingleFlight(8, fresh_s=5.0, clock=lambda: now_s)
    source = _Source()
    source.go_on.set()
    assert await flights.get("key", source.load) == 1
    now_s = 105.0
    assert await flights.get("key", source.load) == 1
    now_s = 105.1
    assert await flights.get("key", source.load) == 2
    flights.forget("key")
    assert await flights.get("key", source.load) == 3


async def test_the_least_recently_used_value_is_dropped() -> None:
    flights: SingleFlight[str, int] = SingleFlight(2)
    source = _Source()
    source.go_on.set()
    for key in ("a", "b", "a", "c"):
        await flights.get(key, source.load)
    assert await flights.get("a", source.load) == 1
    assert await flights.get("b", source.load) == 4
