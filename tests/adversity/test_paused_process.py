"""A process that sleeps through its deadlines (SIGSTOP) must not win late when it wakes (SIGCONT)."""

import asyncio

import httpx

from engine.model import new_id
from tests.adversity.buyers import Patron
from tests.adversity.proxy import Catch
from tests.adversity.site import Site
from tests.adversity.truth import check
from tests.adversity.watchers import Watcher


async def test_an_api_that_slept_does_not_win_late(site: Site, http: httpx.AsyncClient) -> None:
    house = await site.house(rows=1, hold_ttl_s=2, payment_window_s=2)
    async with Watcher(site.live_url(house.event_id)) as watcher:
        patrons = [await Patron.come(http, house.event_id) for _ in range(3)]
        catches: list[Catch] = []
        under_way: list[asyncio.Task[httpx.Response]] = []
        # Who gets furthest goes first: each stays caught where it is.
        for patron, caught_at in zip(
            patrons, ("sandbox.charge", "bookings.reserve", "begin_payment"), strict=True
        ):
            hold_id = await patron.held(len(catches))
            catch = await site.catch("api", caught_at)
            under_way.append(asyncio.create_task(patron.book(hold_id)))
            catches.append(await catch.wait())

        async with site.paused("api"):
            # Their time passes, the worker gives them up, and somebody else is quicker.
            await watcher.until(lambda: watcher.map and watcher.map.states[:3] == b"200")
            rival = new_id()
            answer = await house.book(rival, await house.hold(rival, 1))
            assert answer.outcome == "confirmed"
            for catch in catches:
                catch.deliver()
        paid, given_up, slept = await asyncio.gather(*under_way)

        # Paid in time, and confirmed by the worker meanwhile.
        assert paid.status_code in (201, 202)
        assert await patrons[0].ended(paid.json()["booking_id"]) == "confirmed"
        # Given up meanwhile: the bank refuses to charge for it any more.
        assert given_up.status_code == 402, given_up.text
        # The seat is still free, but PostgreSQL goes by its own clock.
        assert (slept.status_code, slept.json()["type"]) == (410, "/problems/hold-expired")
        await check(site, house.event_id, watcher)
        assert watcher.map is not None
        assert watcher.map.states[:3] == b"220"
