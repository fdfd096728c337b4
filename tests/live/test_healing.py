"""A Redis that has lost a part of an event, or has data of another one: it recovers by itself.

Each damage is done to a house with holds, sales, a payment under way and an area; then buyers come, and a
worker checks the states once. No seat may be sold twice, all live holds that can stay do, and free
seats can be sold.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from engine.audit.auditor import audit
from engine.base.config import Settings
from engine.base.errors import FrontrowError, Unavailable
from engine.base.model import Hold, new_id
from engine.base.store_urls import StoreUrls
from engine.live.keys import base_key
from engine.runtime import Runtime, open_runtime
from tests.conftest import House, make_event
from tests.support.worlds import make_world, run_step

pytestmark = pytest.mark.integration

KEYS = ("meta", "seats", "versions", "owners", "areas", "buyers", "due", "hold")
META_FIELDS = (
    "epoch", "seq", "status", "seat_count", "area_count", "buyer_limit", "hold_ttl_ms", "hold_max_ms",
    "payment_window_ms", "prices", "pricing", "terms", "waiting", "in_line", "stirred", "seal", "lasting", "owned",
    "buyers",
)  # fmt: skip


@pytest_asyncio.fixture(scope="module")
async def world(settings: Settings, stores: StoreUrls) -> AsyncIterator[Runtime]:
    settings = await make_world(settings, stores, "healing", redis_database=9)
    async with open_runtime(settings, role="test") as opened:
        await opened.stores.mongo.ensure_indexes()
        yield opened


@dataclass
class Scene(House):
    held: Hold | None = None
    in_area: Hold | None = None
    buyers: dict[str, str] = field(default_factory=dict)

    @property
    def base(self) -> str:
        return base_key(self.event_id)

    async def call(self, command: str, key: str, *args: Any) -> Any:
        return await self.runtime.stores.redis.call(command, f"{self.base}:{key}", *args)

    async def prepare(self) -> None:
        for buyer in ("ann", "bob", "eve", "kim", "new", "pay"):
            self.buyers[buyer] = new_id()
        await self.book(self.buyers["ann"], await self.hold(self.buyers["ann"], 0, 1, floor=1))
        self.held = await self.hold(self.buyers["bob"], 10, 11)
        self.in_area = await self.hold(self.buyers["kim"], floor=2)
        paying = await self.hold(self.buyers["pay"], 20)
        await self.runtime.holds.begin_payment(paying.hold_id, self.buyers["pay"])

    async def check(self) -> None:
        """One round of the worker's check, without pauses."""
        await self.runtime.stores.redis.client.delete("checking")
        self.runtime.live.upkeep._check_due = 0.0
        self.runtime.live.reading._open_events_read = float("-inf")
        await run_step(self.runtime, "check-states")

    async def is_whole(self) -> None:
        assert await self.runtime.live.checking.check(self.event_id) is None
        assert await audit(self.runtime.audit, self.event_id, lateness_max_s=None) == []
        assert (await self.runtime.live.reading.snapshot(self.event_id)).event_id == self.event_id


MakeScene = Callable[[], Awaitable[Scene]]


@pytest.fixture
def make_scene(world: Runtime) -> MakeScene:
    async def make() -> Scene:
        scene = Scene(world, await make_event(world))
        await scene.prepare()
        return scene

    return make


async def _delete(scene: Scene, key: str) -> None:
    await scene.call("DEL", key)


async def _another_type(scene: Scene, key: str) -> None:
    await scene.call("DEL", key)
    if key in ("seats", "versions"):
        await scene.call("RPUSH", key, "0")
    else:
        await scene.call("SET", key, "nonsense")


async def _truncate(scene: Scene, key: str) -> None:
    """Keep the first half only."""
    match await scene.runtime.stores.redis.client.type(f"{scene.base}:{key}"):
        case b"string":
            text = await scene.call("GET", key)
            await scene.call("SET", key, text[: len(text) // 2])
        case b"zset":
            await scene.call("ZREMRANGEBYRANK", key, 0, 0)
        case b"hash":
            fields = await scene.call("HKEYS", key)
            await scene.call("HDEL", key, *fields[: (len(fields) + 1) // 2])


async def _garble(scene: Scene, key: str) -> None:
    """Replace the value by nonsense of the same type and size."""
    match await scene.runtime.stores.redis.client.type(f"{scene.base}:{key}"):
        case b"string":
            text = await scene.call("GET", key)
            await scene.call("SET", key, b"\xff" * len(text))
        case b"zset":
            for member in await scene.call("ZRANGE", key, 0, -1):
                await scene.call("ZADD", key, 2**52, member)
        case b"hash":
            for name in await scene.call("HKEYS", key):
                await scene.call("HSET", key, name, "\N{SNOWMAN}")


async def _empty_house(scene: Scene, key: str) -> None:
    """The value of an event in which nothing was ever sold or held."""
    if key == "seats":
        await scene.call("SET", key, "0" * 50)
    elif key == "versions":
        await scene.call("SET", key, b"\0\0\0\1" * 50)
    else:
        await _delete(scene, key)


DAMAGES = (_delete, _another_type, _truncate, _garble, _empty_house)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("key", KEYS)
async def test_a_damaged_key_is_noticed_and_the_event_is_rebuilt(
    make_scene: MakeScene, key: str, damage: Callable[[Scene, str], Awaitable[None]]
) -> None:
    scene = await make_scene()
    assert scene.held
    assert scene.in_area
    epoch = (await scene.runtime.live.reading.snapshot(scene.event_id)).epoch
    await damage(scene, f"hold:{scene.held.hold_id}" if key == "hold" else key)
    await scene.check()
    await scene.is_whole()
    assert (await scene.runtime.live.reading.snapshot(scene.event_id)).epoch > epoch
    states = await scene.states()
    assert states[:2] == "22"
    assert states[20] == "1"
    assert states.count("0") == (47 if key == "hold" else 45)
    assert await scene.floor_free() == 3
    # Holds still belong to their buyers, who can pay for them; nobody else can.
    if key != "hold":
        with pytest.raises(FrontrowError):
            await scene.hold(scene.buyers["new"], 10)
        await scene.book(scene.buyers["bob"], scene.held)
    await scene.book(scene.buyers["kim"], scene.in_area)
    await scene.book(scene.buyers["new"], await scene.hold(scene.buyers["new"], 30, floor=3))
    assert await audit(scene.runtime.audit, scene.event_id, lateness_max_s=None) == []


@pytest.mark.parametrize("key", [key for key in KEYS if key != "hold"])
async def test_a_buyers_request_rebuilds_a_damaged_event(make_scene: MakeScene, key: str) -> None:
    """State that a script fails on is rebuilt in the same request."""
    scene = await make_scene()
    await _another_type(scene, key)
    hold = await scene.hold(scene.buyers["new"], 30, floor=1)
    assert [item.seat_no for item in hold.seats] == [30]
    await scene.book(scene.buyers["new"], hold)
    await scene.is_whole()


@pytest.mark.parametrize("name", META_FIELDS)
async def test_a_damaged_field_of_the_event_is_noticed(make_scene: MakeScene, name: str) -> None:
    scene = await make_scene()
    await scene.call("HDEL", "meta", name)
    await scene.check()
    await scene.is_whole()
    for nonsense in ("\N{SNOWMAN}", "-1", "1"):
        if await scene.call("HGET", "meta", name) == nonsense.encode():
            continue
        await scene.call("HSET", "meta", name, nonsense)
        if name == "stirred" or (name, nonsense) == ("seq", "-1"):
            continue  # a marker that only has to change
        if (name, nonsense) == ("waiting", "1"):
            await run_step(scene.runtime, "serve-waitlists")
            continue
        await scene.check()
        await scene.is_whole()
    hold = await scene.hold(scene.buyers["new"], 30, floor=1)
    await scene.book(scene.buyers["new"], hold)


async def test_a_rebuild_that_finds_a_newer_epoch_reports_a_rebuild_under_way(
    make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between reading from PostgreSQL and loading into Redis, another process loads a larger epoch."""
    scene = await make_scene()
    run = scene.runtime.stores.redis.run
    laid: list[int] = []

    async def overtaken(script: str, base: str, *args: Any) -> list[Any]:
        if script == "load" and base == scene.base and not laid:
            laid.append(args[0] + 5)
            assert (await run(script, base, laid[0], *args[1:]))[0] == b"loaded"
        return await run(script, base, *args)

    monkeypatch.setattr(scene.runtime.stores.redis, "run", overtaken)
    await scene.call("DEL", "meta")
    with pytest.raises(Unavailable, match="being rebuilt") as refusal:
        await scene.runtime.live.reading.snapshot(scene.event_id)
    assert refusal.value.extra["retry_after"] == 1
    assert await scene.call("HGET", "meta", "epoch") == str(laid[0]).encode()
    await scene.is_whole()
