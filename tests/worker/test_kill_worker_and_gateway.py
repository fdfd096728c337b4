"""kill -9 of the worker and of the gateway: the next one finishes; maps come back by themselves."""

import asyncio

import httpx
import pytest

from seatmap.protocol import Encoding
from tests.support.buyers import Patron
from tests.support.site import Site
from tests.support.truth import check
from tests.support.watchers import Watcher

pytestmark = pytest.mark.adversity


async def test_work_of_a_killed_worker_is_finished_by_the_next(
    site: Site, http: httpx.AsyncClient
) -> None:
    """It has leased an outbox row without delivering it, and has voided a payment at the bank only."""
    house = await site.house(rows=1)
    async with Watcher(site.live_url(house.event_id)) as watcher:
        unsettled, unpaid, idle = [await Patron.come(http, house.event_id) for _ in range(3)]
        void = await site.catch("worker", "sandbox.void")
        forgotten = await unpaid.book(await unpaid.held(1), token="tok_3ds")
        assert forgotten.status_code == 202
        async with site.runtime.stores.view.connection() as connection:
            await connection.execute(
                "UPDATE bookings SET expires_at = now() WHERE event_id = $1", house.event_id
            )
        hold_id = await unsettled.held(0)
        await house.set_terms(hold_ttl_s=2)
        await idle.held(2)
        settling = site.link("worker", "redis").catch(hold_id, unsent=True)
        # The API confirms and cannot update Redis.
        confirmed = await site.catch("api", "bookings.confirm")
        booking = asyncio.create_task(unsettled.book(hold_id))
        await confirmed.wait()
        site.link("api", "redis").cut()
        confirmed.deliver()
        assert (await booking).status_code == 201
        await settling.wait()
        await void.wait()
        site.kill("worker")
        site.link("api", "redis").mend()
        assert await site.owed(house.event_id) == ["settle"]

        await site.start("worker")
        await watcher.until(lambda: watcher.map and watcher.map.states[:3] == b"200")
        assert await unpaid.ended(forgotten.json()["booking_id"]) == "expired"
        await check(site, house.event_id, watcher)


async def test_watchers_resume_after_a_kill_of_the_gateway(
    site: Site, http: httpx.AsyncClient
) -> None:
    house = await site.house(rows=1)
    patron = await Patron.come(http, house.event_id)
    url = site.live_url(house.event_id)
    async with Watcher(url) as one, Watcher(url, Encoding.JSON) as other:
        await patron.held(0)
        for watcher in (one, other):
            await watcher.until(lambda w=watcher: w.map and w.map.states[:1] == b"1")
        site.kill("live")
        await site.start("live")
        for watcher in (one, other):
            await watcher.until(lambda w=watcher: w.resumes == 1)
            assert watcher.snapshots == 1, "nothing had changed: there is nothing to send again"
        await patron.booked(await patron.held(1))
        await check(site, house.event_id, one, other)


async def test_a_gateway_cut_off_from_redis_catches_up(site: Site, http: httpx.AsyncClient) -> None:
    house = await site.house(rows=1)
    patron = await Patron.come(http, house.event_id)
    async with Watcher(site.live_url(house.event_id)) as watcher:
        link = site.link("live", "redis")
        link.cut()
        await patron.booked(await patron.held(0))
        await patron.held(3)
        link.mend()
        await check(site, house.event_id, watcher)
        assert (watcher.connections, watcher.snapshots) == (1, 1), "watchers notice nothing"
