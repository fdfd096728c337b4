"""Everything at once: every server and every process, by kill -9, while buyers run."""

import asyncio

import pytest

from seatmap.protocol import Encoding
from tests.support.buyers import Crowd
from tests.support.site import ROLES, Site
from tests.support.truth import check
from tests.support.watchers import Watcher

pytestmark = pytest.mark.adversity


@pytest.mark.rough
async def test_a_kill_of_everything_at_once_loses_no_sale(site: Site) -> None:
    house = await site.house(rows=30)
    url = site.live_url(house.event_id)
    async with Watcher(url) as one, Watcher(url, Encoding.JSON) as other:
        async with Crowd(site.api_url, house.event_id) as crowd:
            await crowd.until(lambda c: c.told("confirmed") >= 10)
            # First the API alone: the worker begins to finish its half-done work.
            site.kill("api")
            await crowd.until(lambda c: c.answered(0) >= 6)
            site.kill("worker")
            site.kill("live")
            for server in site.servers.values():
                server.kill()
            # In any order: no process waits for another one.
            await asyncio.gather(
                site.start(*ROLES), *(server.start() for server in site.servers.values())
            )
            sold = crowd.told("confirmed")
            await crowd.until(lambda c: c.told("confirmed") >= sold + 10)
        await check(site, house.event_id, one, other, crowd=crowd)
