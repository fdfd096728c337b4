"""People at the live gateway: tickets, messages to one person, and the number of watchers."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from prometheus_client import REGISTRY

from engine.base.actor import ORGANISER
from engine.base.model import ms_from_utc, new_id
from engine.holds.holds import Holds
from engine.live.keys import person_channel
from engine.live.live_tickets import TICKET_TTL_S
from engine.live.scripts import Settlement
from engine.live.watcher_counts import WatcherCounts
from engine.local.embedded import EmbeddedRedis
from engine.stores.redis import RedisStore
from seatmap.fanout import Watcher
from seatmap.hub import Pace
from seatmap.server import GatewayLimits
from tests.conftest import House, MakeHouse
from tests.support.live import (
    JSON,
    WAIT_S,
    BoxOffice,
    Gateway,
    Viewer,
    break_feeds,
    gateway_of,
    raw_client,
    running_gateway,
)
from tests.support.said import SENTINEL

pytestmark = pytest.mark.integration

QUICK = Pace(tick_s=0.02, presence_s=0.02)


def authenticate(ticket: str) -> str:
    return msgspec.json.encode({"type": "authenticate", "ticket": ticket}).decode()


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def say(store: RedisStore, person: str, **body: Any) -> None:
    """Publish something to a person, as the engine's scripts do."""
    await store.client.publish(person_channel(person), b"m|" + msgspec.json.encode(body))


async def hears_only(store: RedisStore, person: str, viewer: Viewer, *types: str) -> None:
    """Check that no message of these types is under way to ``viewer``."""
    await say(store, person, type=SENTINEL)
    while SENTINEL not in viewer.messages:
        await viewer.read()
    assert not {body["type"] for body in viewer.heard} & set(types)


# Tickets


async def test_a_ticket_is_good_once(gateway: Gateway, office: BoxOffice) -> None:
    ticket = await gateway.tickets.issue("ada")
    assert 0 < await office.client.ttl(f"live-ticket:{ticket}") <= TICKET_TTL_S
    async with gateway.viewer(f"{office.event_id}?ticket={ticket}") as viewer:
        await viewer.greeted()
        await viewer.hears("authenticated")
        assert sample("frontrow_live_authenticated") == 1
        assert await gateway.close_code(f"{office.event_id}?ticket={ticket}") == 4401
        # The losers of a race for a ticket are not authenticated either.
        ticket = await gateway.tickets.issue("ada")
        codes = await asyncio.gather(*(gateway.tickets.redeem(ticket) for _ in range(5)))
        assert sorted(codes, key=str) == [None] * 4 + ["ada"]
    async with asyncio.timeout(WAIT_S):
        while sample("frontrow_live_authenticated"):
            await asyncio.sleep(0.01)


async def test_an_open_connection_can_authenticate(gateway: Gateway, office: BoxOffice) -> None:
    async with gateway.viewer(office.event_id, JSON) as viewer:
        await viewer.greeted()
        for _ in range(2):  # a second ticket of the same person is accepted
            await viewer.socket.send(authenticate(await gateway.tickets.issue("ada")))
            await viewer.hears("authenticated")
        await say(office.store, "ada", type="hold")
        await viewer.hears("hold")
        await viewer.socket.send(authenticate(await gateway.tickets.issue("bob")))
        assert await viewer.closed() == 4401


async def test_a_client_that_left_before_its_ticket_was_checked_joins_nothing(
    gateway: Gateway, office: BoxOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def redeem(ticket: str) -> str:
        asked.set()
        await answer.wait()
        return "ada"

    monkeypatch.setattr(gateway.tickets, "redeem", redeem)
    async with raw_client(gateway, f"{office.event_id}?ticket=any") as client:
        await asked.wait()
        (connection,) = gateway.server.connections
        client.socket.close()
        await connection.wait_closed()
    answer.set()
    async with asyncio.timeout(WAIT_S):
        while gateway.server.connections:
            await asyncio.sleep(0)
    assert gateway.hub.watch_of(office.event_id) is None


@pytest.mark.parametrize("ticket", ["", "x", "a" * 32, "ä" * 32, "a" * 33])
async def test_an_unknown_ticket_is_unauthorised(
    gateway: Gateway, office: BoxOffice, ticket: str
) -> None:
    assert await gateway.close_code(office.event_id, authenticate(ticket)) == 4401
    assert await gateway.close_code(f"{office.event_id}?ticket={ticket}") == 4401


@pytest.mark.parametrize(
    "message",
    [
        '{"type":"authenticate"}',
        '{"type":"authenticate","ticket":7}',
        '{"type":"authenticate","ticket":"a","more":1}',
        authenticate("a" * 256),
    ],
)
async def test_an_incomplete_ticket_is_malformed(
    gateway: Gateway, office: BoxOffice, message: str
) -> None:
    assert await gateway.close_code(office.event_id, message) == 4400


# Messages to one person


async def test_personal_messages_reach_every_connection_of_the_person_only(
    store: RedisStore, office: BoxOffice
) -> None:
    elsewhere = BoxOffice(store)
    await elsewhere.lay()
    async with (
        running_gateway(store) as one,
        running_gateway(store) as two,
        one.known(office.event_id, "ada") as first,
        one.known(elsewhere.event_id, "ada", subprotocol=JSON) as second,
        two.known(office.event_id, "ada") as third,
        one.known(office.event_id, "bob") as bob,
        one.viewer(office.event_id) as stranger,
    ):
        await stranger.greeted()
        await say(store, "ada", type="hold", hold_id="h")
        for viewer in (first, second, third):
            assert await viewer.hears("hold") == {"type": "hold", "hold_id": "h"}
        await hears_only(store, "bob", bob, "hold")
        await office.say({"type": "sentinel"})
        while "sentinel" not in stranger.messages:
            await stranger.read()
        assert "hold" not in stranger.messages
        # One subscription per person and process, however many connections.
        assert await store.client.pubsub_numsub(person_channel("ada")) == [(b"person:ada", 2)]
        await first.socket.close()
        await say(store, "ada", type="booking")
        await second.hears("booking")
        await third.socket.close()
        async with asyncio.timeout(WAIT_S):
            while (await store.client.pubsub_numsub(person_channel("ada")))[0][1] != 1:
                await asyncio.sleep(0.01)


async def test_after_a_lost_feed_a_person_is_authenticated_again(
    gateway: Gateway, office: BoxOffice, redis_server: EmbeddedRedis
) -> None:
    async with gateway.known(office.event_id, "ada") as viewer:
        await break_feeds(redis_server)
        await viewer.hears("authenticated")
        await say(office.store, "ada", type="hold")
        await viewer.hears("hold")


async def test_a_feed_lost_during_a_join_closes_no_connection(
    gateway: Gateway,
    office: BoxOffice,
    redis_server: EmbeddedRedis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def trip(*_: Any, **__: Any) -> None:
        # What redis-py raises when the reader has closed the connection meanwhile.
        raise AttributeError("'NoneType' object has no attribute 'writelines'")

    ticket = await gateway.tickets.issue("ada")
    monkeypatch.setattr(gateway.feed._connection, "send_command", trip)
    async with gateway.viewer(f"{office.event_id}?ticket={ticket}") as viewer:
        async with asyncio.timeout(WAIT_S):
            while gateway.hub.watch_of(office.event_id) is None:
                await asyncio.sleep(0.01)
        await break_feeds(redis_server)
        await viewer.hears("authenticated")


async def test_an_unknown_message_is_not_forwarded(gateway: Gateway, office: BoxOffice) -> None:
    async with gateway.known(office.event_id, "ada") as viewer:
        for payload in (b"", b"m|{", b"m|[]", b"c|1|1|1||", b"\xff"):
            await office.client.publish(person_channel("ada"), payload)
        await say(office.store, "ada", type="hold")
        await viewer.until(lambda: "hold" in viewer.messages)
        assert set(viewer.messages) == {
            *("areas", "prices", "event", "presence"),
            *("authenticated", "hold"),
        }


async def behind(gateway: Gateway, office: BoxOffice, peak: Callable[[int], None]) -> Watcher:
    """Change seats until the gateway's only watcher no longer takes the changes."""
    (connection,) = gateway.server.connections
    watcher = connection.watcher
    assert watcher is not None
    number = 0
    async with asyncio.timeout(WAIT_S):
        while watcher.behind_since is None:
            number += 1
            await office.change(dict.fromkeys(range(office.seat_count), number % 3))
            peak(connection.transport.get_write_buffer_size())
    return watcher


async def test_a_slow_client_that_would_lose_a_personal_message_is_closed(
    store: RedisStore,
) -> None:
    office = BoxOffice(store, seat_count=2_000)
    await office.lay()
    limits = GatewayLimits(backlog_bytes_max=4_096, kernel_buffer_bytes=4_096, close_s=WAIT_S)
    pace = Pace(tick_s=0.002, lead_s=0.001, drain_s=3600)
    peaks = [0]
    before = sample("frontrow_live_personal_messages_total", outcome="cut")
    async with running_gateway(store, pace=pace, limits=limits) as gateway:
        ticket = await gateway.tickets.issue("ada")
        target = f"{office.event_id}?ticket={ticket}"
        async with raw_client(gateway, target, buffer_bytes=4_096) as slow:
            while b'"authenticated"' not in (await slow.read_frame() or (0, b""))[1]:
                pass
            watcher = await behind(gateway, office, peaks.append)
            assert watcher.open, "it may still drain: it has only missed map changes"
            (connection,) = gateway.server.connections
            for _ in range(20):
                await say(store, "ada", type="hold", filling="x" * 2_000)
            await gateway.hub.settled(office.event_id)
            peaks.append(connection.transport.get_write_buffer_size())
            assert await slow.close_code() == 4408
    # Over the limit by one tick's frame at most, whatever is published.
    assert max(peaks) <= limits.backlog_bytes_max + 2 * office.seat_count
    assert sample("frontrow_live_personal_messages_total", outcome="cut") == before + 1


# Holds and bookings, as the engine publishes them


@contextlib.asynccontextmanager
async def ada_watches(house: House, buyer: str) -> Any:
    async with gateway_of(house.runtime) as gateway, gateway.known(house.event_id, buyer) as viewer:
        yield viewer


async def set_deadline(house: House, hold_id: str, in_s: float) -> int:
    """Set a hold's deadline to ``in_s`` from now. Returns it in Unix milliseconds."""
    redis, base = house.runtime.stores.redis, f"{{{house.event_id}}}"
    seconds, micros = await redis.call("TIME")
    now = int(seconds) * 1000 + int(micros) // 1000
    await place_deadline(house, hold_id, now + int(in_s * 1000))
    await redis.call("HSET", f"{base}:hold:{hold_id}", "created", now - 1_000_000)
    return now + int(in_s * 1000)


async def place_deadline(house: House, hold_id: str, expires_ms: int) -> None:
    redis, base = house.runtime.stores.redis, f"{{{house.event_id}}}"
    await redis.call("HSET", f"{base}:hold:{hold_id}", "expires", expires_ms)
    await redis.call("ZADD", f"{base}:due", expires_ms, hold_id)


def holds_warning(house: House, hold_warning_s: int) -> Holds:
    """Holds with another warning time than that of the worker, which may run at the same time."""
    runtime = house.runtime
    settings = msgspec.structs.replace(runtime.settings, hold_warning_s=hold_warning_s)
    return Holds(runtime.live, runtime.stores.redis, runtime.catalog, settings)


async def test_every_change_of_a_hold_reaches_its_person(house: House, buyer: str) -> None:
    holds = house.runtime.holds
    async with ada_watches(house, buyer) as viewer:
        hold = await house.hold(buyer, 1)
        mine = {"event_id": house.event_id, "hold_id": hold.hold_id}
        await set_deadline(house, hold.hold_id, 100)
        extended = await holds.extend(hold.hold_id, buyer)
        told = await viewer.hears("hold", **mine, change="extended", status="held")
        assert told["expires_at_ms"] == ms_from_utc(extended.expires_at)
        await holds.release(hold.hold_id, buyer)
        ended = {"type": "hold", **mine, "change": "ended", "status": "released"}
        assert await viewer.hears("hold") == ended | {"expires_at_ms": told["expires_at_ms"]}

        late = await house.hold(buyer, 2)
        await set_deadline(house, late.hold_id, -1)
        await holds.expire(house.event_id)
        await viewer.hears("hold", hold_id=late.hold_id, change="ended", status="expired")

        answer = await house.book(buyer, await house.hold(buyer, 3))
        await viewer.hears("hold", hold_id=answer.booking.hold_id, change="ended", status="booked")
        assert await viewer.hears("booking") == {
            "type": "booking",
            "event_id": house.event_id,
            "booking_id": answer.booking.booking_id,
            "reference": answer.booking.reference,
            "status": "confirmed",
        }
        await hears_only(house.runtime.stores.redis, buyer, viewer, "hold", "booking")


async def test_every_change_of_a_booking_reaches_its_person(house: House, buyer: str) -> None:
    async with ada_watches(house, buyer) as viewer, ada_watches(house, new_id()) as other:
        hold = await house.hold(buyer, 1)
        declined = (await house.book(buyer, hold, "tok_declined")).booking
        await viewer.hears("booking", booking_id=declined.booking_id, status="declined")
        booking = (await house.book(buyer, hold)).booking
        await viewer.hears("booking", booking_id=booking.booking_id, status="confirmed")
        await house.runtime.sales.cancelling.cancel(booking.booking_id, actor=ORGANISER)
        await viewer.hears("booking", booking_id=booking.booking_id, status="cancelled")
        await viewer.hears("booking", booking_id=booking.booking_id, status="refunded")
        assert "booking" not in other.messages


async def test_the_relay_publishes_what_a_dead_process_left(house: House, buyer: str) -> None:
    booking = (await house.book(buyer, await house.hold(buyer, 1))).booking
    async with ada_watches(house, buyer) as viewer:
        payload = await house.runtime.stores.view.fetchval(
            "bookings.settlement", house.event_id, booking.booking_id
        )
        settlement = msgspec.convert(payload, Settlement)
        await house.runtime.sales.late_settling.settle_booking(
            house.event_id, booking.booking_id, settlement
        )
        await viewer.hears("booking", booking_id=booking.booking_id, status="confirmed")


async def test_a_hold_about_to_expire_is_warned_of_once_per_deadline(
    house: House, buyer: str
) -> None:
    hold = await house.hold(buyer, 1)
    async with ada_watches(house, buyer) as viewer:
        holds = holds_warning(house, 200)
        await holds.warn(house.event_id)  # 300 s to go: not yet
        deadline = await set_deadline(house, hold.hold_id, 250)
        await holds.warn(house.event_id)
        holds = holds_warning(house, 260)
        for _ in range(3):
            assert not await holds.warn(house.event_id)
        told = await viewer.hears("hold")
        assert told == {
            "type": "hold",
            "event_id": house.event_id,
            "hold_id": hold.hold_id,
            "change": "ending",
            "status": "held",
            "expires_at_ms": deadline,
        }
        # A later deadline gets its own warning.
        deadline = await set_deadline(house, hold.hold_id, 280)
        for _ in range(3):
            await holds_warning(house, 290).warn(house.event_id)
        await viewer.hears("hold", change="ending", expires_at_ms=deadline)
        await hears_only(house.runtime.stores.redis, buyer, viewer, "hold")


async def test_short_holds_and_holds_in_payment_are_not_warned_of(
    make_house: MakeHouse, buyer: str
) -> None:
    house = await make_house(hold_ttl_s=200)
    async with ada_watches(house, buyer) as viewer:
        await house.hold(buyer, 1)
        paying = await house.hold(buyer, 2)
        await house.runtime.holds.begin_payment(paying.hold_id, buyer)
        await holds_warning(house, 290).warn(house.event_id)
        await hears_only(house.runtime.stores.redis, buyer, viewer, "hold")


async def test_warnings_go_by_pages_and_skip_no_hold(house: House) -> None:
    holds = holds_warning(house, 290)
    buyers = [new_id() for _ in range(7)]
    placed = [await house.hold(buyer, n) for n, buyer in enumerate(buyers)]
    moments = [await set_deadline(house, hold.hold_id, 250) for hold in placed]
    for number, hold in enumerate(placed):
        # Three in one millisecond, across the end of a page.
        await place_deadline(house, hold.hold_id, moments[-1] + max(0, number - 2))
    async with contextlib.AsyncExitStack() as stack:
        viewers = [await stack.enter_async_context(ada_watches(house, b)) for b in buyers]
        rounds = 1
        while await holds.warn(house.event_id, count=2):
            rounds += 1
        assert rounds == 4  # 3 + 2 + 2 + none left
        for viewer, buyer in zip(viewers, buyers, strict=True):
            await viewer.hears("hold", change="ending")
            await hears_only(house.runtime.stores.redis, buyer, viewer, "hold")


# Numbers of watchers


async def test_watchers_are_counted_across_all_gateways(
    store: RedisStore, office: BoxOffice
) -> None:
    async with running_gateway(store, pace=QUICK) as one, one.viewer(office.event_id) as first:
        await first.greeted()
        assert first.messages["presence"]["watching"] == 1
        async with running_gateway(store, pace=QUICK) as two:
            async with two.viewer(office.event_id) as second:
                await second.greeted()
                # A new watcher is counted before it is greeted.
                assert second.messages["presence"]["watching"] == 2
                await first.hears("presence", watching=2)
                async with one.viewer(office.event_id):
                    await second.hears("presence", watching=3)
                await second.hears("presence", watching=2)
            await first.hears("presence", watching=1)
            async with two.viewer(office.event_id):
                await first.hears("presence", watching=2)
        # That gateway has stopped, and removed its count.
        await first.hears("presence", watching=1)


async def test_the_tabs_of_one_person_count_once(store: RedisStore, office: BoxOffice) -> None:
    async with (
        running_gateway(store, pace=QUICK) as gateway,
        gateway.viewer(office.event_id) as anonymous,
        gateway.known(office.event_id, "ada"),
        gateway.known(office.event_id, "ada"),
        gateway.known(office.event_id, "ada"),
    ):
        await anonymous.hears("presence", watching=2)
        watch = gateway.hub.watch_of(office.event_id)
        assert watch is not None
        assert (watch.watcher_count, watch.present) == (4, 2)
        await anonymous.socket.send(authenticate(await gateway.tickets.issue("ada")))
        await anonymous.hears("presence", watching=1)


async def test_a_silent_gateway_is_left_out_of_the_count(
    store: RedisStore, office: BoxOffice
) -> None:
    key, presence = f"{office.base}:watchers", WatcherCounts(store)
    assert await presence.report(office.event_id, 3) == 3
    seconds, _ = await store.call("TIME")
    await store.call("HSET", key, "dead", f"40:{int(seconds) * 1000 - 6_000}")
    await store.call("HSET", key, "alive", f"40:{int(seconds) * 1000 + 1_000}")
    assert await presence.report(office.event_id, 4) == 44
    assert set(await store.client.hkeys(key)) == {b"alive", presence.process.encode()}
    assert 0 < await store.client.pttl(key) <= 5_000
    assert await presence.report(office.event_id, 0) == 40
