"""Broken connections: between buyers and the API, and between the API and its stores."""

import asyncio
from collections.abc import Callable, Coroutine

import httpx
import pytest

from engine.base.errors import Unavailable
from engine.base.model import new_id
from engine.stores.redis import RedisStore
from tests.support.buyers import Crowd, Patron, ask_until
from tests.support.proxy import AnyProtocol, Proxy
from tests.support.site import Site
from tests.support.truth import check
from tests.support.watchers import Watcher

pytestmark = pytest.mark.adversity


@pytest.mark.rough
async def test_buyers_on_a_breaking_connection_get_consistent_answers(site: Site) -> None:
    """Every connection breaks several times a second, in the middle of a request or an answer."""
    house = await site.house(rows=30)
    line = Proxy(int(site.environments["api"]["FRONTROW_API_PORT"]), AnyProtocol)
    async with line.running(), Watcher(site.live_url(house.event_id)) as watcher:
        async with Crowd(line.stands_in(site.api_url), house.event_id) as crowd:
            while crowd.answered(0) < 40:
                await asyncio.sleep(0.1)
                line.drop_all()
            await crowd.until(lambda c: c.told("confirmed") >= 10)
        await check(site, house.event_id, watcher, crowd=crowd)


async def test_a_retry_after_a_lost_answer_gets_the_same_answer(
    site: Site, http: httpx.AsyncClient
) -> None:
    """The same key gives the same answer; a hold with the same id is the same hold."""
    house = await site.house(rows=1)
    patron = await Patron.come(http, house.event_id)
    line = Proxy(int(site.environments["api"]["FRONTROW_API_PORT"]), AnyProtocol)
    async with (
        line.running(),
        httpx.AsyncClient(
            base_url=line.stands_in(site.api_url), timeout=60, trust_env=False
        ) as bad,
    ):
        far_off = Patron(bad, house.event_id, patron.authorization.removeprefix("Bearer "))
        hold_id, key = new_id(), new_id()
        attempts: tuple[tuple[Callable[[], Coroutine[None, None, httpx.Response]], str], ...] = (
            (lambda: far_off.hold(1, hold_id=hold_id), "/holds"),
            (lambda: far_off.book(hold_id, key), "/v1/bookings"),
        )
        for attempt, needle in attempts:
            catch = line.catch(needle)
            lost = asyncio.create_task(attempt())
            (await catch.wait()).drop()
            [failure] = await asyncio.gather(lost, return_exceptions=True)
            assert isinstance(failure, httpx.TransportError)
            again = await attempt()
            assert again.status_code == 201, again.text
        assert again.headers["Idempotency-Replayed"] == "true"
    await check(site, house.event_id)


async def test_an_api_cut_off_from_redis_refuses_and_recovers(
    site: Site, http: httpx.AsyncClient
) -> None:
    house = await site.house(rows=1)
    patron = await Patron.come(http, house.event_id)
    async with Watcher(site.live_url(house.event_id)) as watcher:
        hold_id = await patron.held(0)
        link = site.link("api", "redis")
        link.cut()
        refused = await patron.hold(1)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
        assert (await patron.book(hold_id)).status_code == 503
        link.mend()
        assert (await patron.hold(1)).status_code == 201
        await patron.booked(hold_id)
        await check(site, house.event_id, watcher)


async def test_an_api_cut_off_from_postgresql_holds_and_recovers(
    site: Site, http: httpx.AsyncClient
) -> None:
    house = await site.house(rows=1)
    patron = await Patron.come(http, house.event_id)
    async with Watcher(site.live_url(house.event_id)) as watcher:
        link = site.link("api", "postgres")
        link.cut()
        hold_id = await patron.held(0)
        refused = await patron.book(hold_id)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
        assert (await patron.read_hold(hold_id)).json()["status"] == "held"
        link.mend()
        await patron.booked(hold_id)
        await check(site, house.event_id, watcher)


async def test_a_silent_connection_to_redis_stops_no_buyer_for_long(
    site: Site, http: httpx.AsyncClient
) -> None:
    """Nothing passes and nothing is closed: no buyer waits for ever, and the sale is kept."""
    house = await site.house(rows=1)
    patron, other = [await Patron.come(http, house.event_id) for _ in range(2)]
    hold_id, fresh = await patron.held(0), new_id()
    async with Watcher(site.live_url(house.event_id)) as watcher:
        confirmed = await site.catch("api", "bookings.confirm")
        booking = asyncio.create_task(patron.book(hold_id))
        await confirmed.wait()
        site.link("api", "redis").freeze()
        confirmed.deliver()
        holding = asyncio.create_task(other.hold(1, hold_id=fresh))
        # The relay settles; the API waits only a limited time for its own settlement.
        await watcher.until(lambda: watcher.map and watcher.map.states[:1] == b"2")
        answers = await asyncio.gather(booking, holding)
        assert [answer.status_code for answer in answers] == [201, 503]
        site.link("api", "redis").mend()
        # Refused at once, until the probe in the background is answered.
        again = await ask_until(
            lambda: other.hold(1, hold_id=fresh), lambda answer: answer.status_code != 503
        )
        assert again.status_code == 201
        await check(site, house.event_id, watcher)


async def test_a_silent_connection_to_postgresql_stops_no_buyer_for_long(
    site: Site, http: httpx.AsyncClient
) -> None:
    """Checkouts are refused, and their holds kept; looking and holding go on, and the API stays ready
    for both once it has noticed; then all is as before."""
    house = await site.house(rows=1)
    patron = await Patron.come(http, house.event_id)
    hold_id, other_id = await patron.held(0), await patron.held(1)
    link = site.link("api", "postgres")
    link.freeze()
    first = await patron.book(hold_id)
    assert (first.status_code, first.headers["Retry-After"]) == (503, "2")
    # From here on nobody waits: this many waits would take minutes.
    answers = await asyncio.gather(*(patron.book(other_id) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {503}
    assert (await patron.hold(2)).status_code == 201
    assert (await patron.read_hold(other_id)).json()["status"] == "held"
    link.mend()
    booked = await ask_until(lambda: patron.book(other_id), lambda a: a.status_code != 503)
    assert booked.status_code == 201
    await check(site, house.event_id)


async def test_a_redis_that_hangs_up_after_connecting_leaves_no_caller_waiting() -> None:
    """It accepts the connection and closes it, as when it dies at that moment: no queued caller is forgotten."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"+PONG\r\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        store = RedisStore(f"redis://127.0.0.1:{port}")
        for _ in range(2):
            async with asyncio.timeout(60):
                with pytest.raises(Unavailable):
                    await store.call("GET", "anything")
        await store.close()
