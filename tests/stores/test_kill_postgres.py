"""PostgreSQL dies during a batch, or its answer is lost: promises are kept, unknown outcomes are looked up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest

from engine.base.errors import OutcomeUnknown, Unavailable
from engine.base.model import new_id
from engine.stores.postgres import translated
from seatmap.protocol import Encoding
from tests.conftest import House
from tests.support.buyers import Crowd, Patron
from tests.support.site import Site
from tests.support.truth import check
from tests.support.watchers import Watcher

pytestmark = pytest.mark.adversity


@pytest.mark.parametrize(
    "silence",
    [TimeoutError(), asyncpg.ConnectionDoesNotExistError(), asyncpg.CrashShutdownError()],
)
def test_a_lost_answer_is_not_taken_for_a_refusal(silence: Exception) -> None:
    """A statement under way may have been carried out; one that was still connecting cannot have been."""
    with pytest.raises(OutcomeUnknown), translated():
        raise silence
    with pytest.raises(Unavailable) as refused, translated(under_way=False):
        raise silence
    assert not isinstance(refused.value, OutcomeUnknown)


@asynccontextmanager
async def locked_seat(site: Site, house: House, seat_no: int) -> AsyncIterator[asyncpg.Connection]:
    """Within the block a batch that needs the seat waits inside PostgreSQL."""
    connection = await asyncpg.connect(site.postgres.url)
    try:
        await connection.execute("BEGIN")
        await connection.execute(
            "SELECT FROM seats WHERE event_id = $1 AND seat_no = $2 FOR UPDATE",
            house.event_id,
            seat_no,
        )
        yield connection
    finally:
        connection.terminate()


async def batch_waits(connection: asyncpg.Connection) -> None:
    """Wait until a reservation waits for a lock."""
    async with asyncio.timeout(60):
        while not await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND query LIKE '%reserve_bookings%'"
        ):
            await asyncio.sleep(0.02)
            # A transaction sees one snapshot of the activity view, unless it clears it.
            await connection.execute("SELECT pg_stat_clear_snapshot()")


@pytest.mark.rough
async def test_checkouts_survive_a_kill_of_postgresql_during_a_batch(
    site: Site, http: httpx.AsyncClient
) -> None:
    house = await site.house(rows=30)
    url = site.live_url(house.event_id)
    last = 25 * 30 - 1
    async with Watcher(url) as one, Watcher(url, Encoding.JSON) as other:
        async with Crowd(site.api_url, house.event_id, leaves=(last - 1, last)) as crowd:
            await crowd.until(lambda c: c.told("confirmed") >= 10)
            caught, onlooker = [await Patron.come(http, house.event_id) for _ in range(2)]
            hold_id, key = await caught.held(last), new_id()
            async with locked_seat(site, house, last) as connection:
                booking = asyncio.create_task(caught.book(hold_id, key))
                await batch_waits(connection)
                site.postgres.kill()

            # Holding still works; reserving answers "later" and keeps the hold.
            kept = await onlooker.held(last - 1)
            refused = await onlooker.book(kept)
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
            assert (await onlooker.read_hold(kept)).json()["status"] == "held"
            await crowd.until(lambda c: c.answered(503) >= 3)
            held = crowd.answers["hold", 201]

            await site.postgres.start()
            assert (await booking).status_code == 503
            booked = await caught.answer_of(hold_id, key)
            assert booked.status_code == 201, booked.text
            crowd.expect_booking(caught, booked)
            crowd.expect_booking(onlooker, await onlooker.answer_of(kept, new_id()))
            sold = crowd.told("confirmed")
            await crowd.until(lambda c: c.told("confirmed") >= sold + 10)
            assert crowd.answers["hold", 201] > held
        await check(site, house.event_id, one, other, crowd=crowd)


@pytest.mark.parametrize(
    ("lost", "token", "first", "last"),
    [
        # The commit was made: the booking is found by its id, and all continues normally.
        ("bookings.reserve", "tok_visa", 201, "confirmed"),
        # Whether it was paid is unknown: the bank is asked again.
        ("sandbox.charge", "tok_visa", 202, "confirmed"),
        # Paid and confirmed, though nobody knows yet: it is not reported before it is known.
        ("bookings.confirm", "tok_visa", 202, "confirmed"),
        # Declined, and nobody knows whether that was recorded: the booking is reserved, so never 503.
        ("bookings.end_bookings", "tok_declined", 202, "declined"),
    ],
)
async def test_a_reservation_whose_commit_answer_is_lost_is_found(
    site: Site, http: httpx.AsyncClient, lost: str, token: str, first: int, last: str
) -> None:
    house = await site.house(rows=1)
    patron = await Patron.come(http, house.event_id)
    await patron.booked(await patron.held(0))
    hold_id, key = await patron.held(1), new_id()
    catch = await site.catch("api", lost)
    booking = asyncio.create_task(patron.book(hold_id, key, token))
    (await catch.wait()).drop()
    answer = await booking
    assert answer.status_code == first, answer.text

    again = await patron.answer_of(hold_id, key, token)
    if last == "declined":
        assert again.status_code == 402
        assert (await patron.answer_of(hold_id, new_id())).status_code == 201
    else:
        assert again.status_code in (201, first)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert await patron.ended(answer.json()["booking_id"]) == last
        assert again.json()["booking_id"] == answer.json()["booking_id"]
    await check(site, house.event_id)


async def test_a_reservation_that_never_arrived_leaves_the_hold(
    site: Site, http: httpx.AsyncClient
) -> None:
    house = await site.house(rows=1)
    patron = await Patron.come(http, house.event_id)
    await patron.booked(await patron.held(0))
    hold_id, key = await patron.held(1), new_id()
    catch = await site.catch("api", "bookings.reserve", unsent=True)
    booking = asyncio.create_task(patron.book(hold_id, key))
    (await catch.wait()).drop()
    answer = await booking
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/outcome-unknown")
    assert (await patron.read_hold(hold_id)).json()["status"] == "held"
    assert (await patron.answer_of(hold_id, key)).status_code == 201
    await check(site, house.event_id)


async def test_a_reservation_that_commits_after_the_lookup_is_given_up(
    site: Site, http: httpx.AsyncClient
) -> None:
    """The connection breaks, the lookup finds nothing, and only then the reservation commits."""
    house = await site.house(rows=1)
    patron = await Patron.come(http, house.event_id)
    await patron.booked(await patron.held(0))
    hold_id, key = await patron.held(1), new_id()
    async with locked_seat(site, house, 1) as connection:
        booking = asyncio.create_task(patron.book(hold_id, key))
        await batch_waits(connection)
        site.link("api", "postgres").drop_all()
        assert (await booking).status_code == 503
        await connection.execute("COMMIT")
    # It was not charged, so it is given up, and the buyer has the hold as before.
    assert (await patron.answer_of(hold_id, key)).status_code == 402
    assert (await patron.answer_of(hold_id, new_id())).status_code == 201
    await check(site, house.event_id)


async def test_an_answer_that_could_not_be_stored_is_still_given(
    site: Site, http: httpx.AsyncClient
) -> None:
    """The buyer's next step matters more than storing the answer for a replay."""
    house = await site.house(rows=1)
    patron = await Patron.come(http, house.event_id)
    hold_id, key = await patron.held(1), new_id()
    catch = await site.catch("api", "bookings.answer_keys", unsent=True)
    booking = asyncio.create_task(patron.book(hold_id, key, "tok_3ds"))
    (await catch.wait()).drop()
    answer = await booking
    assert (answer.status_code, answer.json()["next_action"]["type"]) == (202, "redirect")
    await patron.approve(answer.json())
    again = await patron.answer_of(hold_id, key, "tok_3ds")
    assert (again.status_code, again.json()["booking_id"]) == (201, answer.json()["booking_id"])
    await check(site, house.event_id)


async def test_a_cancellation_whose_answer_is_lost_refunds_once(
    site: Site, http: httpx.AsyncClient
) -> None:
    house = await site.house(rows=1)
    patron = await Patron.come(http, house.event_id)
    booking = await patron.booked(await patron.held(1))
    catch = await site.catch("api", "bookings.end_bookings")
    cancelling = asyncio.create_task(patron.cancel(booking["booking_id"]))
    (await catch.wait()).drop()
    assert (await cancelling).status_code == 503
    again = await patron.cancel(booking["booking_id"])
    assert (again.status_code, again.json()["status"]) == (200, "cancelled")
    await check(site, house.event_id)
    # Only the outbox made the refund.
    assert (await patron.read(booking["booking_id"])).json()["refunded"] == booking["total"]
