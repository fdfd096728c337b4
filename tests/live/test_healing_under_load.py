"""Any key of an event is deleted, cut, emptied, garbled or replaced while buyers buy and a worker runs.

The buyers never stop. After each damage the event must be whole within seconds. At the end everything
that was not sold must be on sale, no seat may have been sold twice, and a map that was open all the time
must show the true states.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from engine.audit.auditor import audit
from engine.base import metrics
from engine.base.config import Settings
from engine.base.errors import FrontrowError
from engine.base.model import new_id
from engine.base.store_urls import StoreUrls
from engine.live.keys import feed_channel
from engine.runtime import Runtime, open_runtime
from engine.worker.worker import Worker
from seatmap.feed import parse_payload
from seatmap.replica import Replica
from tests.conftest import let_it_be_over, make_event, small_house
from tests.live.test_healing import DAMAGES, KEYS, Scene
from tests.support.worlds import as_redis_owner, make_world

pytestmark = pytest.mark.property

ROWS, PER_ROW, FLOOR = 16, 25, 60
BUYERS = 6


class Buyer:
    """Holds two places, and pays, releases or abandons them."""

    def __init__(self, scene: Scene, dice: random.Random, outcomes: Counter[str]) -> None:
        self._scene, self._dice, self._outcomes = scene, dice, outcomes

    async def buy(self) -> None:
        scene, dice, buyer = self._scene, self._dice, new_id()
        seats = dice.sample(range(ROWS * PER_ROW), 1 if dice.random() < 0.5 else 2)
        hold = await scene.hold(buyer, *seats, floor=int(dice.random() < 0.1))
        match dice.randrange(25):
            case 0:
                self._outcomes["forgotten"] += 1
            case 1 | 2:
                answer = await scene.book(buyer, hold)
                self._outcomes[answer.booking.status.value] += 1
            case _:
                await scene.runtime.holds.release(hold.hold_id, buyer)
                self._outcomes["released"] += 1

    async def run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                await self.buy()
            except FrontrowError as refusal:
                self._outcomes[refusal.code] += 1
            await asyncio.sleep(0)


@asynccontextmanager
async def busy(scene: Scene, dice: random.Random) -> AsyncIterator[Counter[str]]:
    """Buyers, and a worker that checks as it does in production."""
    outcomes: Counter[str] = Counter()
    stopping = asyncio.Event()
    # As in production, only without the pauses.
    steps = [
        replace(step, interval_s=0.05) if step.name == "check-states" else step
        for step in scene.runtime.steps()
    ]
    worker = asyncio.create_task(Worker(steps).run(stopping))
    buyers = [
        asyncio.create_task(Buyer(scene, random.Random(dice.random()), outcomes).run(stopping))
        for _ in range(BUYERS)
    ]
    try:
        yield outcomes
    finally:
        stopping.set()
        await asyncio.gather(worker, *buyers)


def rebuilds() -> float:
    """Rebuilds so far of the only event of this world."""
    causes = ("missing", "damaged", "invariant", "generation")
    return float(sum(metrics.REBUILDS.labels(cause)._value.get() for cause in causes))


def checks() -> float:
    return float(metrics.WORKER_RUNS.labels("check-states", "ok")._value.get())


async def _until_whole(scene: Scene, outcomes: Counter[str]) -> None:
    """Wait until the worker has checked the event and buyers have continued after that."""
    async with asyncio.timeout(60):
        looked = checks()
        while checks() < looked + 2 or await scene.runtime.live.checking.check(scene.event_id):
            await asyncio.sleep(0.02)
        bought = outcomes.total()
        while outcomes.total() < bought + 10:
            await asyncio.sleep(0.02)


@asynccontextmanager
async def watching(scene: Scene) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """A map as the gateway keeps it. Yields a function that returns its states once all changes have arrived."""
    live, loop = scene.runtime.live, asyncio.get_running_loop()
    async with scene.runtime.stores.redis.client.pubsub() as pubsub:
        await pubsub.subscribe(feed_channel(scene.event_id))
        replica = Replica(await live.reading.snapshot(scene.event_id))

        async def settled() -> str:
            quiet_at = loop.time() + 0.5
            while loop.time() < quiet_at:
                message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=0.1)
                if message is None:
                    continue
                if replica.take(parse_payload(message["data"])):
                    replica.adopt(await live.reading.snapshot(scene.event_id), 0)
                replica.commit(0)
                quiet_at = loop.time() + 0.5
            return replica.states.decode()

        yield settled


@pytest.mark.parametrize("seed", [1, 2])
async def test_an_event_heals_from_any_damage_while_buyers_buy(
    settings: Settings, stores: StoreUrls, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(seed)
    monkeypatch.setattr("engine.live.upkeep._CHECK_LEASE_MS", 20)
    world = await make_world(settings, stores, "healing_load", redis_database=11)
    async with open_runtime(world, role="test") as runtime:
        await as_redis_owner(runtime, "FLUSHDB")
        await runtime.stores.mongo.ensure_indexes()
        await let_it_be_over(runtime)
        layout = small_house(rows=ROWS, seats_per_row=PER_ROW, floor=FLOOR)
        event_id = await make_event(runtime, layout=layout, hold_ttl_s=600)
        scene = Scene(runtime, event_id)
        await scene.prepare()
        damages = [(key, damage) for key in KEYS if key != "hold" for damage in DAMAGES]
        dice.shuffle(damages)
        async with watching(scene) as shown:
            before = rebuilds()
            async with busy(scene, dice) as outcomes:
                for key, damage in damages[: len(damages) // 2]:
                    with suppress(Exception):
                        # Buyers and worker may have been faster than the steps of the damage.
                        await damage(scene, key)
                    await _until_whole(scene, outcomes)
            await _finish(runtime, scene)
            assert outcomes["confirmed"] > 0
            # Some damages concern keys that buyers give up at the same moment.
            assert rebuilds() - before > len(damages) / 4
            assert await shown() == await scene.states()
        await let_it_be_over(runtime)


async def _finish(runtime: Runtime, scene: Scene) -> None:
    """No seat is sold twice, and all unsold seats can be bought, to the last place."""
    await runtime.live.rebuilding.heal(scene.event_id)
    await runtime.live.reconciling.reconcile(scene.event_id)
    assert await audit(runtime.audit, scene.event_id, lateness_max_s=None) == []
    states = await scene.states()
    for seat_no in [n for n, digit in enumerate(states) if digit == "0"][:20]:
        buyer = new_id()
        await scene.book(buyer, await scene.hold(buyer, seat_no))
    for _ in range(await scene.floor_free()):
        buyer = new_id()
        await scene.book(buyer, await scene.hold(buyer, floor=1))
    assert await scene.floor_free() == 0
    assert await audit(runtime.audit, scene.event_id, lateness_max_s=None) == []
