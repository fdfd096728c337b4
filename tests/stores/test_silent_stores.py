"""A silent store or payment gateway: the first callers wait for one time limit, later ones not at all."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import msgspec
import pytest
import pytest_asyncio
from prometheus_client import REGISTRY

from api.app import build
from engine.base import deadline
from engine.base.actor import Actor, ActorKind
from engine.base.config import Settings
from engine.base.errors import FrontrowError, Unavailable
from engine.base.model import Booking, BookingStatus, new_id
from engine.base.store_urls import StoreUrls
from engine.runtime import Runtime, open_runtime
from engine.sales.payments.gateway import Charge
from engine.sales.payments.payments import NOBODY
from engine.stores.breaker import Breaker
from tests.conftest import House, make_event
from tests.support.proxy import AnyProtocol, PostgresProtocol, Proxy
from tests.support.worlds import make_world, with_one_login

pytestmark = pytest.mark.integration

#: Small, so that no test waits long for a timeout. A stalled machine also counts as a silent store, so
#: calls that must succeed are repeated until they do.
_LIMIT_S = 0.5


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(settings: Settings, stores: StoreUrls) -> Settings:
    return with_one_login(await make_world(settings, stores, "silent", redis_database=12))


@pytest_asyncio.fixture
async def proxies(world: Settings) -> AsyncIterator[dict[str, Proxy]]:
    """Proxies in front of each store: they freeze, and close nothing."""
    links = {}
    for store in ("postgres", "redis", "mongo"):
        parts = urlsplit(getattr(world, f"{store}_url"))
        target = parts.port or Path(unquote(parts.netloc))
        links[store] = Proxy(target, PostgresProtocol if store == "postgres" else AnyProtocol)
    async with links["postgres"].running(), links["redis"].running(), links["mongo"].running():
        yield links


@pytest_asyncio.fixture
async def runtime(world: Settings, proxies: dict[str, Proxy]) -> AsyncIterator[Runtime]:
    urls = {
        f"{name}_url": proxies[name].stands_in(getattr(world, f"{name}_url")) for name in proxies
    }
    limits = {"store_timeout_s": _LIMIT_S, "gateway_timeout_s": _LIMIT_S}
    async with open_runtime(msgspec.structs.replace(world, **urls, **limits), role="api") as opened:
        yield opened
        for proxy in proxies.values():
            proxy.mend()


def timeouts(store: str) -> float:
    return REGISTRY.get_sample_value("frontrow_store_timeouts_total", {"store": store}) or 0.0


async def answered(ask: Callable[[], Awaitable[Any]]) -> Any:
    """The answer, once no breaker is open."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await ask()
            except Unavailable:
                await asyncio.sleep(0.01)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not is_so():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("store", ["postgres", "redis", "mongo"])
async def test_after_one_timeout_calls_are_refused_until_the_store_answers(
    store: str, runtime: Runtime, proxies: dict[str, Proxy]
) -> None:
    """Without a clock: while the store is frozen a thousand calls are refused without being sent."""
    asks: dict[str, tuple[Callable[[], Awaitable[Any]], Breaker]] = {
        "postgres": (
            lambda: runtime.stores.view.fetchval("outbox.age_s"),
            runtime.stores.view.breaker,
        ),
        "redis": (lambda: runtime.stores.redis.call("PING"), runtime.stores.redis.breaker),
        "mongo": (lambda: runtime.stores.mongo.get("events", "none"), runtime.stores.mongo.breaker),
    }
    ask, breaker = asks[store]
    await answered(ask)
    proxies[store].freeze()
    async with asyncio.timeout(60):
        met = await asyncio.gather(*(ask() for _ in range(5)), return_exceptions=True)
        assert all(isinstance(answer, Unavailable) for answer in met), met
        assert breaker.is_open
        counted = timeouts(store)
        for _ in range(1000):
            with pytest.raises(Unavailable):
                await ask()
    assert timeouts(store) == counted
    proxies[store].mend()
    await answered(ask)
    assert REGISTRY.get_sample_value("frontrow_breaker_open", {"store": store}) == 0


async def test_connections_that_died_unnoticed_are_not_used_again(
    runtime: Runtime, proxies: dict[str, Proxy]
) -> None:
    """Half-open connections: the store is reachable again, but those connections never carry anything again."""
    async with runtime.stores.view.connection(), runtime.stores.view.connection():
        pass  # so that there are some
    link = proxies["postgres"]
    link.freeze()
    dead = set(link.connections)
    assert dead
    with pytest.raises(Unavailable):
        await runtime.stores.view.fetchval("outbox.age_s")
    await until(lambda: runtime.stores.view.breaker.is_open)
    # Those stay frozen for good, while new connections to the server work again.
    grave = Proxy(link.target, PostgresProtocol)
    grave.freeze()
    for connection in dead:
        connection._proxy = grave
    asked = [connection._requests.count(b"outbox.age_s") for connection in dead]
    link.mend()
    for _ in range(2):
        asks = (
            runtime.stores.view.fetchval("outbox.age_s") for _ in range(runtime.stores.view.size)
        )
        await answered(lambda: runtime.stores.view.fetchval("outbox.age_s"))
        await asyncio.gather(*asks, return_exceptions=True)
    assert [connection._requests.count(b"outbox.age_s") for connection in dead] == asked
    for connection in dead:
        connection.abort()


async def house_in(runtime: Runtime) -> House:
    return House(runtime, await answered(lambda: make_event(runtime)))


async def test_a_checkout_that_runs_out_of_time_after_reserve_is_pending(
    runtime: Runtime, proxies: dict[str, Proxy], monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL falls silent after the card was charged or declined: 202, and never 503."""
    house = await house_in(runtime)
    charge = runtime.sales.sandbox.charge

    async def and_silence(*args: Any) -> Charge:
        made = await charge(*args)
        proxies["postgres"].freeze()
        return made

    monkeypatch.setattr(runtime.sales.sandbox, "charge", and_silence)
    ended = []
    for seat, token in enumerate(("tok_visa", "tok_declined")):
        buyer = new_id()
        hold = await answered(partial(house.hold, buyer, seat))
        answer = await answered(partial(house.book, buyer, hold, token))
        assert answer.outcome == "pending", answer
        proxies["postgres"].mend()
        resolve = partial(runtime.sales.finishing.resolve, answer.booking.booking_id, due=False)
        ended.append(await answered(resolve))
    assert ended == [BookingStatus.CONFIRMED, BookingStatus.DECLINED]


async def test_a_request_without_time_left_calls_no_store(runtime: Runtime) -> None:
    house = await house_in(runtime)
    counted = timeouts("postgres"), timeouts("redis"), timeouts("mongo")

    async def late(ask: Callable[[], Awaitable[Any]]) -> None:
        deadline.begin(0)
        with pytest.raises(Unavailable):
            await ask()

    hold_id = new_id()
    for ask in (
        lambda: house.hold(new_id(), 7, hold_id=hold_id),
        lambda: runtime.stores.view.fetchval("outbox.age_s"),
        lambda: runtime.stores.mongo.get("events", "none"),
        lambda: runtime.sales.payments.status("sandbox", NOBODY),
    ):
        await asyncio.create_task(late(ask))
    assert (await house.states())[7] == "0"
    assert (timeouts("postgres"), timeouts("redis"), timeouts("mongo")) == counted


# Gateways


@pytest.mark.parametrize("verb", ["charge", "status", "void", "refund"])
async def test_waiting_for_a_silent_payment_gateway_is_limited(
    verb: str, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every verb has the limit, and so has all code that uses one, also the bank's report of a payment."""
    house = await house_in(runtime)
    buyer, key = new_id(), new_id()
    hold = await answered(lambda: house.hold(buyer, 0))
    token = "tok_3ds" if verb in ("status", "void") else "tok_visa"
    if verb != "charge":
        booked = (await answered(lambda: house.book(buyer, hold, token, key))).booking.booking_id
        await answered(lambda: runtime.sales.reading.read(booked))

    silence, real = asyncio.Event(), runtime.sales.sandbox.status

    async def say_nothing(*_: Any) -> Any:
        await silence.wait()
        return await real(NOBODY)

    for name in ("charge", "status", "void", "refund"):
        monkeypatch.setattr(runtime.sales.sandbox, name, say_nothing)
    monkeypatch.setattr(runtime.sales.payments._breakers["sandbox"], "_probe", say_nothing)
    async with asyncio.timeout(60):
        if verb == "charge":
            answer = await answered(lambda: house.book(buyer, hold, key=key))
            assert answer.outcome == "pending", "it may have been charged"
        elif verb == "status":
            with pytest.raises(Unavailable, match="gateway"):
                await runtime.sales.finishing.payment_arrived(booked)
        elif verb == "void":
            with pytest.raises(Unavailable, match="gateway"):
                await runtime.sales.finishing.inquire(booked)
        else:
            cancelled = await answered(
                lambda: runtime.sales.cancelling.cancel(booked, actor=Actor(ActorKind.BUYER))
            )
            assert cancelled.status == "cancelled", "and the refund follows"
        await until(lambda: runtime.sales.payments.is_silent("sandbox"))
        # From here on nothing is reserved, the hold stays, and earlier answers are replayed.
        other = new_id()
        kept = await answered(lambda: house.hold(other, 1))
        with pytest.raises(Unavailable) as refused:
            await house.book(other, kept)
        assert refused.value.code == "payments-unavailable"
        assert (await runtime.holds.read(kept.hold_id, other)).status == "held"
        if verb != "charge":
            again = await answered(lambda: house.book(buyer, hold, token, key))
            assert again.booking.booking_id == booked
        silence.set()
        await until(lambda: not runtime.sales.payments.is_silent("sandbox"))
    monkeypatch.undo()
    assert (await answered(lambda: house.book(other, kept))).outcome == "confirmed"


@pytest.mark.parametrize("who", ["the bank's page", "relay", "chasing"])
async def test_a_silent_payment_gateway_blocks_neither_requests_nor_the_worker(
    who: str, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, buyer, asked = await house_in(runtime), new_id(), []
    hold = await answered(lambda: house.hold(buyer, 0))
    booking = (await answered(lambda: house.book(buyer, hold, "tok_3ds"))).booking

    async def say_nothing(*_: Any) -> Any:
        asked.append(who)
        await asyncio.Event().wait()

    for name in ("charge", "status", "void", "refund"):
        monkeypatch.setattr(runtime.sales.sandbox, name, say_nothing)
    monkeypatch.setattr(runtime.sales.payments._breakers["sandbox"], "_probe", say_nothing)
    async with asyncio.timeout(60):
        # Repeated if the machine stalls, as then a store seems silent too.
        while not asked:
            await answered(lambda: _leave_behind(runtime, booking))
            match who:
                case "relay":
                    await answered(runtime.sales.relay.run_once)
                case "chasing":
                    await answered(runtime.sales.chasing.run_once)
                case _:
                    response = await _approve(runtime, urlsplit(booking.next_action.url).path)
                    assert response.status_code == 503
        found = await answered(lambda: runtime.sales.reading.read(booking.booking_id))
    assert found.status == BookingStatus.PENDING
    assert await answered(lambda: _owed(runtime, booking)) == 1


async def _leave_behind(runtime: Runtime, booking: Booking) -> None:
    """The state left by a dead process: pending for a minute, with an inquiry to the gateway owed."""
    async with runtime.stores.view.connection() as connection, connection.transaction():
        await connection.execute("DELETE FROM outbox WHERE booking_id = $1", booking.booking_id)
        await connection.execute(
            "INSERT INTO outbox (event_id, kind, booking_id, created_at)"
            " VALUES ($1, 'inquire', $2, now() - interval '1 minute')",
            booking.event_id,
            booking.booking_id,
        )
        await connection.execute(
            "UPDATE bookings SET created_at = now() - interval '1 minute' WHERE booking_id = $1",
            booking.booking_id,
        )


async def _owed(runtime: Runtime, booking: Booking) -> Any:
    async with runtime.stores.view.connection() as connection:
        return await connection.fetchval(
            "SELECT count(*) FROM outbox WHERE booking_id = $1", booking.booking_id
        )


async def _approve(runtime: Runtime, page: str) -> httpx.Response:
    """The buyer's answer to the bank."""
    app: Any = build(runtime.settings)
    app.state["runtime"] = runtime
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        return await http.post(page, json={"approve": True})


# The breaker itself


async def test_timeouts_that_are_not_the_stores_do_not_open_a_breaker() -> None:
    probed = asyncio.Event()

    async def probe() -> None:
        probed.set()

    breaker = Breaker("test", probe, limit_s=10)
    now = time.monotonic()
    breaker.heard()
    others_were_answered, we_stood_still, hardly_any_time = (now - 10, 10), (now - 30, 10), (now, 0)
    breaker.timed_out(*others_were_answered)
    breaker._heard_at = 0
    breaker.timed_out(*we_stood_still)
    breaker.timed_out(*hardly_any_time)
    await asyncio.sleep(0)
    assert not probed.is_set()
    breaker.timed_out(now - 10, 10)
    await probed.wait()
    await until(lambda: not breaker.is_open)
    await breaker.close()


async def test_an_open_breaker_sends_one_probe_at_a_time() -> None:
    asked, answers = asyncio.Semaphore(0), asyncio.Queue[Exception | None]()

    async def probe() -> None:
        asked.release()
        if (failure := await answers.get()) is not None:
            raise failure

    breaker = Breaker("test", probe, limit_s=60)
    for _ in range(100):
        breaker.silent()
    for failure in (OSError("away"), FrontrowError("still"), None):
        await asked.acquire()
        assert breaker.is_open
        assert asked.locked(), "one at a time"
        answers.put_nowait(failure)
    await until(lambda: not breaker.is_open)
    await breaker.close()
