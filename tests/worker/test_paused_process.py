"""A process that sleeps through its deadlines (SIGSTOP) must not win late when it wakes (SIGCONT)."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from engine.base.model import new_id
from tests.support.buyers import Patron
from tests.support.proxy import Catch
from tests.support.site import Site
from tests.support.truth import check
from tests.support.watchers import Watcher

pytestmark = pytest.mark.adversity


async def test_an_api_that_was_paused_does_not_win_late(
    site: Site, http: httpx.AsyncClient
) -> None:
    house = await site.house(rows=1, hold_ttl_s=2, payment_window_s=2)
    async with Watcher(site.live_url(house.event_id)) as watcher:
        patrons = [await Patron.come(http, house.event_id) for _ in range(3)]
        seats: list[int] = []
        catches: list[Catch] = []
        under_way: list[asyncio.Task[httpx.Response]] = []
        fresh = iter(range(25))
        # The request that gets furthest goes first: each stays caught where it is.
        for patron, caught_at in zip(
            patrons, ("sandbox.charge", "bookings.reserve", "begin_payment"), strict=True
        ):
            catch = await site.catch("api", caught_at)
            seat, booking = await _on_the_way(patron, fresh, catch)
            seats.append(seat)
            catches.append(catch)
            under_way.append(booking)

        def shown() -> bytes:
            assert watcher.map is not None
            return b"".join(watcher.map.states[seat : seat + 1] for seat in seats)

        async with site.paused("api"):
            # Their time passes, the worker gives them up, and another buyer is faster.
            await watcher.until(lambda: shown() == b"200")
            await house.set_terms(hold_ttl_s=300)
            rival = new_id()
            answer = await house.book(rival, await house.hold(rival, seats[1]))
            assert answer.outcome == "confirmed"
            for catch in catches:
                catch.deliver()
        paid, given_up, slept = await asyncio.gather(*under_way)

        # Paid in time, and confirmed by the worker meanwhile.
        assert paid.status_code in (201, 202)
        assert await patrons[0].ended(paid.json()["booking_id"]) == "confirmed"
        # Given up meanwhile: the bank refuses the charge.
        assert given_up.status_code == 402, given_up.text
        # The seat is still free, but PostgreSQL goes by its own clock.
        assert (slept.status_code, slept.json()["type"]) == (410, "/problems/hold-expired")
        await check(site, house.event_id, watcher)
        assert shown() == b"220"


async def _on_the_way(
    patron: Patron, seats: Iterator[int], catch: Catch
) -> tuple[int, "asyncio.Task[httpx.Response]"]:
    """A seat and its caught checkout. If the hold expires first on a busy machine, another seat is used."""
    waiting = asyncio.create_task(catch.wait())
    for seat in seats:
        hold_id = await patron.held(seat)
        booking = asyncio.create_task(patron.book(hold_id))
        await asyncio.wait([waiting, booking], return_when="FIRST_COMPLETED")
        if waiting.done():
            await waiting
            return seat, booking
        assert (await booking).status_code == 410, booking.result().text
    raise AssertionError("every hold was over before its checkout")
