"""A lease: one process does the work, for as long as it takes, and no other takes its lease away."""

import asyncio
from typing import Any

import pytest

from engine.base.errors import Contended
from engine.base.model import new_id
from engine.runtime import Runtime
from engine.stores import lease
from engine.stores.lease import alone
from engine.stores.redis import RedisStore

pytestmark = pytest.mark.integration

#: Longer than any delay of a slow machine.
LONG_S = 600.0


@pytest.fixture
def redis(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> RedisStore:
    monkeypatch.setattr(lease, "_LASTS_S", LONG_S)
    monkeypatch.setattr(lease, "_RENEWED_EVERY_S", LONG_S)
    return runtime.stores.redis


class Work:
    """Work that goes on until the test ends it."""

    def __init__(self) -> None:
        self.begun, self.end = asyncio.Event(), asyncio.Event()
        self.was_cut_off = False

    async def __call__(self) -> None:
        self.begun.set()
        try:
            await self.end.wait()
        except asyncio.CancelledError:
            self.was_cut_off = True
            raise


async def begun(redis: RedisStore, name: str, work: Work) -> "asyncio.Task[bool]":
    task = asyncio.create_task(alone(redis, name, work))
    async with asyncio.timeout(60):
        await work.begun.wait()
    return task


async def test_one_holder_works_and_the_next_one_afterwards(redis: RedisStore) -> None:
    name, first, second = new_id(), Work(), Work()
    working = await begun(redis, name, first)
    assert not await alone(redis, name, second)
    assert not second.begun.is_set()
    first.end.set()
    assert await working
    assert await redis.call("EXISTS", name) == 0
    second.end.set()
    assert await alone(redis, name, second)


async def test_failed_work_gives_its_lease_up(redis: RedisStore) -> None:
    name = new_id()

    async def fail() -> None:
        raise LookupError("as it happens")

    with pytest.raises(LookupError):
        await alone(redis, name, fail)
    assert await redis.call("EXISTS", name) == 0


async def test_a_lease_is_renewed_while_the_work_goes_on(
    redis: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "_RENEWED_EVERY_S", 0.01)
    name, work, renewed, shortened = new_id(), Work(), asyncio.Event(), asyncio.Event()
    run = redis.run

    async def and_say(script: str, base: str, *args: Any) -> Any:
        was_shortened = shortened.is_set()
        reply = await run(script, base, *args)
        if base == name and was_shortened:
            renewed.set()
        return reply

    monkeypatch.setattr(redis, "run", and_say)
    working = await begun(redis, name, work)
    await redis.call("PEXPIRE", name, int(LONG_S * 500))
    shortened.set()
    async with asyncio.timeout(60):
        await renewed.wait()
    assert await redis.call("PTTL", name) > LONG_S * 500
    work.end.set()
    assert await working


@pytest.mark.parametrize("to", ["another", "nobody"])
async def test_work_stops_when_its_lease_is_lost(
    redis: RedisStore, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    monkeypatch.setattr(lease, "_RENEWED_EVERY_S", 0.01)
    name, work = new_id(), Work()
    working = await begun(redis, name, work)
    if to == "another":
        await redis.call("SET", name, "another's")
    else:
        await redis.call("DEL", name)
    async with asyncio.timeout(60):
        with pytest.raises(Contended):
            await working
    assert work.was_cut_off
    assert await redis.call("GET", name) == (b"another's" if to == "another" else None)


async def test_a_late_end_leaves_the_lease_of_the_next_holder(redis: RedisStore) -> None:
    """It has not noticed yet that it lost the lease."""
    name, first, second = new_id(), Work(), Work()
    working = await begun(redis, name, first)
    await redis.call("DEL", name)
    next_one = await begun(redis, name, second)
    first.end.set()
    assert await working
    assert await redis.call("EXISTS", name) == 1
    assert not await alone(redis, name, Work())
    second.end.set()
    assert await next_one


async def test_cancelled_work_gives_its_lease_up(redis: RedisStore) -> None:
    name, work = new_id(), Work()
    working = await begun(redis, name, work)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert work.was_cut_off
    assert await redis.call("EXISTS", name) == 0
