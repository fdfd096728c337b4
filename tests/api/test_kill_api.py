"""kill -9 of the API at chosen steps: another process finishes, and retries get true answers."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress

import httpx
import pytest

from engine.base.model import new_id
from tests.support.buyers import Patron, ask_until
from tests.support.site import Site
from tests.support.truth import check
from tests.support.watchers import Watcher

pytestmark = pytest.mark.adversity


async def _until_dead(request: "asyncio.Task[httpx.Response]") -> None:
    with suppress(httpx.TransportError):
        raise AssertionError(f"answered by a dead process: {(await request).text}")


async def test_a_checkout_survives_a_kill_of_the_api_between_any_two_steps(
    site: Site, http: httpx.AsyncClient
) -> None:
    """Six buyers, each one step further in the checkout than the one before; then one kill."""
    house = await site.house(rows=1)
    async with Watcher(site.live_url(house.event_id)) as watcher:
        patrons = [await Patron.come(http, house.event_id) for _ in range(6)]
        confirmed, charged, reserved, paying, held, cancelled = patrons
        bought = await cancelled.booked(await cancelled.held(5))
        holds = [await patron.held(seat) for seat, patron in enumerate(patrons[:4])]
        keys = [new_id() for _ in holds]
        fresh_hold = new_id()

        # Batches leave one after another and stay caught, so the buyer who gets furthest goes first.
        steps: tuple[tuple[Callable[[], Coroutine[None, None, httpx.Response]], str], ...] = (
            (lambda: cancelled.cancel(bought["booking_id"]), "bookings.end_bookings"),
            (lambda: confirmed.book(holds[0], keys[0]), "bookings.confirm"),
            (lambda: charged.book(holds[1], keys[1]), "sandbox.charge"),
            (lambda: reserved.book(holds[2], keys[2]), "bookings.reserve"),
            (lambda: paying.book(holds[3], keys[3]), "begin_payment"),
            (lambda: held.hold(4, hold_id=fresh_hold), fresh_hold),
        )
        under_way = []
        for step, caught_at in steps:
            catch = await site.catch("api", caught_at)
            under_way.append(asyncio.create_task(step()))
            await catch.wait()

        site.kill("api")
        await asyncio.gather(*map(_until_dead, under_way))

        # The sale is settled by the relay, with no API at all: the map shows it.
        await watcher.until(lambda: watcher.map and watcher.map.states[0:1] == b"2")
        await watcher.until(lambda: watcher.map and watcher.map.states[5:6] == b"0")
        await site.start("api")

        answer = await confirmed.answer_of(holds[0], keys[0])
        assert (answer.status_code, answer.headers["Idempotency-Replayed"]) == (201, "true")
        # Paid: the worker has asked the bank and confirmed.
        answer = await charged.answer_of(holds[1], keys[1])
        assert (answer.status_code, answer.headers["Idempotency-Replayed"]) == (201, "true")
        # Not paid: the payment was given up, and the buyer has the hold again.
        assert (await reserved.answer_of(holds[2], keys[2])).status_code == 402
        assert (await reserved.answer_of(holds[2], new_id())).status_code == 201
        # Only Redis knew of it: the retry is the first to reserve.
        answer = await paying.answer_of(holds[3], keys[3])
        assert (answer.status_code, "Idempotency-Replayed" in answer.headers) == (201, False)
        answer = await held.hold(4, hold_id=fresh_hold)
        assert (answer.status_code, answer.json()["hold_id"]) == (201, fresh_hold)
        again = await cancelled.cancel(bought["booking_id"])
        assert (again.status_code, again.json()["status"]) == (200, "cancelled")
        await check(site, house.event_id, watcher)
        await ask_until(
            lambda: cancelled.read(bought["booking_id"]),
            lambda answer: answer.json()["refunded"] == bought["total"],
        )
