"""Redis dies, data and all, or refuses to work: holds are lost, sales are not."""

import asyncio
from typing import Any

import httpx
import pytest

from engine.base.errors import Unavailable
from engine.base.model import new_id
from seatmap.protocol import Encoding
from tests.support.buyers import Crowd, Patron
from tests.support.site import Site
from tests.support.truth import check, true_map
from tests.support.watchers import Watcher

pytestmark = pytest.mark.adversity


@pytest.mark.rough
async def test_holds_are_lost_and_sales_are_not(site: Site, http: httpx.AsyncClient) -> None:
    house = await site.house(rows=30)
    url = site.live_url(house.event_id)
    last = 25 * 30 - 1
    async with Watcher(url) as one, Watcher(url, Encoding.JSON) as other:
        async with Crowd(site.api_url, house.event_id, leaves=[last]) as crowd:
            await crowd.until(lambda c: c.told("confirmed") >= 10)
            patron = await Patron.come(http, house.event_id)
            pending = (await patron.book(await patron.held(last), token="tok_3ds")).json()
            before = await site.runtime.live.reading.snapshot(house.event_id)

            site.redis.kill()
            refused = await patron.hold(0)
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
            assert refused.json()["type"] == "/problems/redis-unavailable"
            # Reserved before, paid for now: none of this needs Redis.
            approved = await patron.approve(pending)
            assert approved.json()["status"] == "confirmed", approved.text
            crowd.expect_booking(patron, await patron.read(pending["booking_id"]))
            await crowd.until(lambda c: c.answered(503) >= 3)

            await site.redis.start()
            sold = crowd.told("confirmed")
            await crowd.until(lambda c: c.told("confirmed") >= sold + 10)
        after = await site.runtime.live.reading.snapshot(house.event_id)
        assert after.epoch > before.epoch
        assert after.states[last : last + 1] == b"2"
        await check(site, house.event_id, one, other, crowd=crowd)


async def test_a_hold_in_payment_survives_the_loss_of_redis(
    site: Site, http: httpx.AsyncClient
) -> None:
    """PostgreSQL knows the hold. So after a decline another card may be tried on it."""
    house = await site.house(rows=1)
    patron = await Patron.come(http, house.event_id)
    hold_id = await patron.held(1)
    pending = (await patron.book(hold_id, token="tok_3ds")).json()
    await site.runtime.stores.redis.client.flushall()
    assert (await house.states())[1] == "1"
    declined = await patron.approve(pending, approve=False)
    assert declined.json()["status"] == "declined"
    assert (await patron.read_hold(hold_id)).json()["status"] == "held"
    await patron.booked(hold_id)
    await check(site, house.event_id)


async def test_a_checkout_under_way_survives_the_loss_of_redis(
    site: Site, http: httpx.AsyncClient
) -> None:
    """Redis loses the hold before PostgreSQL knows it; the booking restores it."""
    house = await site.house(rows=1)
    patron = await Patron.come(http, house.event_id)
    hold_id = await patron.held(1, floor=2)
    begun = await site.catch("api", "begin_payment")
    booking = asyncio.create_task(patron.book(hold_id, token="tok_3ds"))
    await begun.wait()
    await site.runtime.stores.redis.client.flushall()
    assert (await house.states())[1] == "0"
    begun.deliver()
    pending = (await booking).json()
    await site.runtime.live.reconciling.reconcile(house.event_id)
    snapshot = await site.runtime.live.reading.snapshot(house.event_id)
    assert (snapshot.states, snapshot.areas) == await true_map(site, house.event_id)
    assert snapshot.areas == {0: 98}
    declined = await patron.approve(pending, approve=False)
    assert declined.json()["status"] == "declined"
    await patron.booked(hold_id)
    await check(site, house.event_id)


async def test_all_events_are_rebuilt_concurrently(site: Site) -> None:
    """More events than connections to PostgreSQL."""
    events = [(await site.house(rows=1)).event_id for _ in range(20)]
    await site.runtime.stores.redis.client.flushall()
    async with asyncio.timeout(60):
        await asyncio.gather(*map(site.runtime.live.reading.snapshot, events))


@pytest.mark.parametrize(
    ("refusing", "again"),
    [
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE")),
    ],
    ids=["full", "a replica"],
)
async def test_a_redis_that_takes_no_writes_counts_as_unavailable(
    site: Site, refusing: tuple[str, ...], again: tuple[str, ...]
) -> None:
    house = await site.house(rows=1)
    buyer = new_id()
    redis: Any = site.runtime.stores.redis.client
    await redis.execute_command(*refusing)
    try:
        with pytest.raises(Unavailable):
            await house.hold(buyer, 1)
    finally:
        await redis.execute_command(*again)
    await house.book(buyer, await house.hold(buyer, 1))
    await check(site, house.event_id)
