"""The live gateway over real sockets and a real Redis: joining, doubts, limits, closing."""

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import Callable, Collection
from pathlib import Path

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame as WebSocketFrame
from websockets.frames import Opcode
from websockets.typing import Origin, Subprotocol

from engine.base.actor import ORGANISER
from engine.base.config import ConfigError, Settings
from engine.base.model import new_id
from engine.base.store_urls import StoreUrls
from engine.live.reading import Snapshot
from engine.local.embedded import EmbeddedRedis
from engine.stores.redis import RedisStore
from seatmap import hub as hub_module
from seatmap.fanout import Watcher, write_to_all
from seatmap.feed import RedisFeed
from seatmap.hub import Pace
from seatmap.protocol import DeltaFrame, MapState, MessageFrame, SnapshotFrame, apply, decode
from seatmap.server import GatewayLimits, LiveServer, return_delays_ms
from tests.conftest import House, end_process, role_environment, start_role, until_ready
from tests.support.live import (
    BINARY,
    CALM,
    JSON,
    WAIT_S,
    BoxOffice,
    Gateway,
    RedisSource,
    Viewer,
    break_feeds,
    gateway_of,
    now_ms,
    raw_client,
    running_gateway,
)

pytestmark = pytest.mark.integration

# Watching


@pytest.mark.parametrize("subprotocol", [BINARY, JSON, None])
async def test_a_watcher_gets_the_map_and_then_its_changes(
    gateway: Gateway, office: BoxOffice, subprotocol: Subprotocol | None
) -> None:
    await office.change({3: 1, 4: 2})
    async with gateway.viewer(office.event_id, subprotocol) as viewer:
        assert viewer.socket.subprotocol == subprotocol
        await viewer.greeted()
        assert viewer.kinds() == [SnapshotFrame] + [MessageFrame] * 4
        assert list(viewer.messages) == ["areas", "prices", "event", "presence"]
        assert viewer.messages["areas"]["areas"] == {"0": {"available": 412}}
        assert viewer.messages["prices"]["prices"][0]["price"] == {
            "amount": 15000,
            "currency": "EUR",
        }
        assert viewer.messages["event"]["status"] == "on_sale"
        assert viewer.map == await office.truth()

        await office.change({3: 5, 4: 0, 39: 4}, {0: 400})
        await viewer.shows(await office.truth())
        delta = viewer.frames[5]
        assert isinstance(delta, DeltaFrame)
        # Reserved and offered are both "held" to the public.
        assert delta.seats == ((4, 0), (39, 1))
        assert abs(delta.server_time_ms - now_ms()) < 10_000
        await viewer.until(lambda: viewer.messages["areas"]["areas"] == {"0": {"available": 400}})


async def test_changes_of_one_tick_are_one_frame_and_the_same_bytes(
    store: RedisStore, office: BoxOffice
) -> None:
    pace = Pace(tick_s=1.0, lead_s=1.0, presence_s=3600)
    async with (
        running_gateway(store, pace=pace) as gateway,
        gateway.viewer(office.event_id) as one,
        gateway.viewer(office.event_id) as two,
    ):
        await one.greeted()
        await two.greeted()
        for seat_no in range(10):
            await office.change({seat_no: 1})
        first, second = await one.socket.recv(), await two.socket.recv()
        assert first == second
        delta = decode(first) if isinstance(first, bytes) else None
        assert isinstance(delta, DeltaFrame)
        assert (delta.from_seq, delta.to_seq, len(delta.seats)) == (0, 10, 10)


async def test_a_quiet_event_has_a_beat_and_a_busy_one_none(
    store: RedisStore, office: BoxOffice
) -> None:
    pace = Pace(tick_s=0.02, presence_s=3600, audit_s=3600, beat_s=0.2)
    async with running_gateway(store, pace=pace) as gateway:
        async with gateway.viewer(office.event_id) as one, gateway.viewer(office.event_id) as two:
            await one.greeted()
            await two.greeted()
            first = await one.hears("beat")
            assert first == {"type": "beat", "every_ms": 200} == await two.hears("beat")
            await one.hears("beat")
            watch = gateway.hub.watch_of(office.event_id)
            assert watch is not None
            due = watch._beat_at()
            await office.change({3: 1})
            await one.shows(await office.truth())
            assert watch._beat_at() > due, "a change is a sign of life, too"
            # A map that the gateway cannot vouch for has none.
            watch.lost()
            assert watch._beat_at() == float("inf")
            watch.subscribed()
            await one.hears("beat")
        await gateway.hub.beat.until(lambda: watch._beat_at() == float("inf"))


async def test_messages_are_forwarded_and_replayed_to_later_watchers(
    gateway: Gateway, office: BoxOffice
) -> None:
    async with gateway.viewer(office.event_id) as viewer:
        await viewer.greeted()
        prices = {"type": "prices", "prices": []}
        for body in ({"type": "event", "status": "paused"}, prices, {"type": "notice", "x": 1}):
            await office.say(body)
        await viewer.until(lambda: "notice" in viewer.messages)
        assert viewer.messages["event"]["status"] == "paused"
        async with gateway.viewer(office.event_id, JSON) as later:
            await later.greeted()
            assert later.messages["event"]["status"] == "paused"
            assert later.messages["prices"] == prices


async def test_random_histories_converge_for_everyone(gateway: Gateway, office: BoxOffice) -> None:
    chance = random.Random(7)

    async def happen() -> None:
        for _ in range(150):
            chosen = chance.sample(range(office.seat_count), 3)
            await office.change(
                {seat_no: chance.randrange(6) for seat_no in chosen}, tell=chance.random() > 0.05
            )

    async with contextlib.AsyncExitStack() as stack:
        history = asyncio.create_task(happen())
        viewers = []
        # Watchers join meanwhile, so that snapshots and deltas interleave.
        for number in range(12):
            entered = gateway.viewer(office.event_id, JSON if number % 3 else BINARY)
            viewers.append(await stack.enter_async_context(entered))
            await viewers[-1].read()
        await history
        # The last change is published, because a lost one is noticed with the next.
        await office.change({0: 2})
        truth = await office.truth()
        await asyncio.gather(*(viewer.shows(truth) for viewer in viewers))
        assert all(DeltaFrame in viewer.kinds() for viewer in viewers)


async def test_resuming_sends_only_missed_changes(gateway: Gateway, office: BoxOffice) -> None:
    async with gateway.viewer(office.event_id) as before:
        await before.greeted()
        await office.change({1: 1})
        await before.shows(await office.truth())
    known = before.map
    assert known is not None
    async with gateway.viewer(office.event_id) as witness:
        await office.change({2: 1})
        await office.change({3: 1})
        await witness.shows(await office.truth())
        async with gateway.viewer(f"{office.event_id}?epoch=1&seq={known.seq}") as back:
            back.resumes(known)
            await back.greeted()
            assert back.kinds() == [DeltaFrame] + [MessageFrame] * 4
            assert back.frames[0].seats == ((2, 1), (3, 1))  # type: ignore[union-attr]
            assert back.map == await office.truth()
        async with gateway.viewer(f"{office.event_id}?epoch=1&seq={known.seq + 2}") as current:
            await current.greeted()
            assert current.kinds() == [MessageFrame] * 4
        for other in ("epoch=2&seq=1", "epoch=1&seq=999", "epoch=&seq=", "seq=1", ""):
            async with gateway.viewer(f"{office.event_id}?{other}") as anew:
                assert isinstance(await anew.read(), SnapshotFrame)


async def test_a_client_may_ask_for_the_map_again(gateway: Gateway, office: BoxOffice) -> None:
    async with gateway.viewer(office.event_id) as viewer:
        await viewer.greeted()
        await viewer.socket.send('{"type":"snapshot"}')
        assert isinstance(await viewer.read(), SnapshotFrame)
        await viewer.read()
        await office.change({5: 1})
        await viewer.shows(await office.truth())


# Doubt


async def test_a_lost_change_is_noticed_and_only_the_difference_sent(
    gateway: Gateway, office: BoxOffice
) -> None:
    async with gateway.viewer(office.event_id) as viewer:
        await viewer.greeted()
        await office.change({1: 1}, {0: 3}, tell=False)
        await office.change({2: 2})
        await viewer.shows(await office.truth())
        await viewer.until(lambda: viewer.messages["areas"]["areas"]["0"]["available"] == 3)
        assert viewer.kinds().count(SnapshotFrame) == 1


@pytest.mark.parametrize("is_told", [True, False], ids=["another state", "a lost change"])
async def test_a_wrong_map_is_detected_without_any_change(
    store: RedisStore, office: BoxOffice, is_told: bool
) -> None:
    def violations() -> float:
        found = REGISTRY.get_sample_value("frontrow_invariant_violations_total", {"invariant": "7"})
        assert found is not None
        return found

    before = violations()
    pace, source = msgspec.structs.replace(CALM, audit_s=0.02, arrival_s=0.2), RedisSource(store)
    async with (
        running_gateway(store, pace=pace, source=source, healer=source) as gateway,
        gateway.viewer(office.event_id) as viewer,
    ):
        await viewer.greeted()
        for seat_no in range(20):
            await office.change({seat_no: 1})
            await asyncio.sleep(0.01)
        await viewer.shows(await office.truth())
        assert violations() == before
        if is_told:
            await office.client.setrange(f"{office.base}:seats", 3, "2")
        else:
            await office.change({3: 2}, tell=False)
        await viewer.shows(await office.truth())
        assert violations() == before + 1
        assert source.distrusted == [(office.event_id, "invariant")]
        assert viewer.kinds().count(SnapshotFrame) == 1


async def test_watchers_are_let_in_once_the_feed_is_connected(store: RedisStore) -> None:
    feed = RedisFeed(store.client, patience_s=WAIT_S)
    async with feed.running():
        assert feed.connected


async def test_a_gateway_starts_without_redis(tmp_path: Path) -> None:
    away = RedisFeed(Redis.from_url(f"unix://{tmp_path}/nothing"), patience_s=0.01)
    async with away.running():
        assert not away.connected


async def test_the_gateway_recovers_from_a_broken_feed(
    gateway: Gateway, office: BoxOffice, redis_server: EmbeddedRedis
) -> None:
    async with gateway.viewer(office.event_id) as viewer:
        await viewer.greeted()
        await break_feeds(redis_server)
        await office.change({1: 1}, tell=False)
        await viewer.shows(await office.truth())
        await office.change({1: 0})
        await viewer.shows(await office.truth())
        assert viewer.kinds().count(SnapshotFrame) == 1


async def test_the_gateway_recovers_from_an_unexpected_feed_error(
    gateway: Gateway, office: BoxOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(message: object) -> None:
        monkeypatch.undo()
        raise RuntimeError(message)

    async with gateway.viewer(office.event_id) as viewer:
        await viewer.greeted()
        monkeypatch.setattr(gateway.feed, "_dispatch", fail)
        await office.change({3: 2})
        await viewer.shows(await office.truth())
        await office.change({4: 2})
        await viewer.shows(await office.truth())


async def test_a_malformed_payload_leaves_maps_correct(gateway: Gateway, office: BoxOffice) -> None:
    async with gateway.viewer(office.event_id) as viewer:
        await viewer.greeted()
        await office.client.publish(f"{office.base}:feed", b"c|garbage")
        await office.change({1: 1})
        await viewer.shows(await office.truth())


async def test_a_rebuilt_event_is_a_new_snapshot_for_all(
    gateway: Gateway, office: BoxOffice
) -> None:
    async with gateway.viewer(office.event_id) as viewer:
        await viewer.greeted()
        await office.change({1: 1})
        await office.lay(epoch=5)
        await viewer.shows(await office.truth())
        assert viewer.map is not None
        assert viewer.map.epoch == 5
        await office.change({1: 1})
        await viewer.shows(await office.truth())


async def test_redis_lost_with_its_data_keeps_watchers(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    await server.start()
    try:
        async with contextlib.AsyncExitStack() as ending:
            store = RedisStore(server.url)
            ending.push_async_callback(store.close)
            office = BoxOffice(store)
            await office.lay()
            async with (
                running_gateway(store) as gateway,
                gateway.viewer(office.event_id) as viewer,
            ):
                await viewer.greeted()
                await office.change({1: 1})
                before = await office.truth()
                await viewer.shows(before)
                server.kill()
                await gateway.hub.beat.until(lambda: not gateway.feed.connected)
                async with httpx.AsyncClient(timeout=60) as http:
                    url = f"http://127.0.0.1:{gateway.server.port}/health/ready"
                    assert (await http.get(url)).status_code == 503
                # A client that joins meanwhile gets the copy, if there is one.
                async with gateway.viewer(office.event_id) as late:
                    await late.greeted()
                    assert late.map == before
                assert await gateway.close_code(new_id()) == 1013
                target = f"{office.event_id}?ticket={'a' * 32}"
                assert await gateway.close_code(target) == 1013
                await server.start()
                await office.client.connection_pool.disconnect()
                await office.lay(epoch=2)
                await viewer.shows(await office.truth())
                assert viewer.map is not None
                assert viewer.map.epoch == 2
    finally:
        await server.stop()


async def test_an_event_without_watchers_is_dropped_from_memory(
    store: RedisStore, office: BoxOffice
) -> None:
    async with running_gateway(store, pace=Pace(tick_s=0.02, linger_s=0.05)) as gateway:
        async with gateway.viewer(office.event_id) as viewer:
            await viewer.greeted()
            await gateway.hub.settled(office.event_id)
            assert await _subscribers(office) == 1
        async with asyncio.timeout(WAIT_S):
            await gateway.hub.beat.until(lambda: gateway.hub.watch_of(office.event_id) is None)
            while await _subscribers(office):
                await asyncio.sleep(0.01)
        async with gateway.viewer(office.event_id) as again:
            await again.greeted()
            await office.change({1: 1})
            await again.shows(await office.truth())


async def _subscribers(office: BoxOffice) -> int:
    ((_, count),) = await office.client.pubsub_numsub(f"{office.base}:feed")
    return int(count)


# Errors, and their close codes


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("{event}?epoch=1&seq=garbage", 4400),
        ("{event}?epoch=garbage&seq=1", 4400),
        ("{event}?epoch=1&seq=-1", 4400),
        ("{event}?epoch=1&seq=1.5", 4400),
        ("{event}?epoch=1&seq=18446744073709551616", 4400),
        ("{event}?epoch=4294967296&seq=1", 4400),
        ("{event}?seq=%D9%A1", 4400),
        ("{event}?seq=1&seq=2", 4400),
        ("{event}?" + "&".join(f"a{n}=1" for n in range(40)), 4400),
        ("{event}?ticket=unknown", 4401),
        ("01920000-0000-7000-8000-00000000dead", 4404),
        ("not-an-event", 4404),
        ("", 4404),
        ("{event}/more", 4404),
    ],
)
async def test_each_wrong_path_has_its_close_code(
    gateway: Gateway, office: BoxOffice, target: str, code: int
) -> None:
    assert await gateway.close_code(target.format(event=office.event_id)) == code


async def test_an_unknown_subprotocol_is_malformed(gateway: Gateway, office: BoxOffice) -> None:
    code = await gateway.close_code(office.event_id, subprotocol=Subprotocol("frontrow.v99"))
    assert code == 4400


@pytest.mark.parametrize(
    "message",
    ["", "x", "{}", "[]", "null", '{"type":"delta"}', '{"type":"snapshot","a":1}', b"\1\2", b""],
)
async def test_unexpected_messages_are_malformed(
    gateway: Gateway, office: BoxOffice, message: str | bytes
) -> None:
    assert await gateway.close_code(office.event_id, message) == 4400


async def test_an_oversized_message_is_too_big(gateway: Gateway, office: BoxOffice) -> None:
    assert await gateway.close_code(office.event_id, "x" * 5_000) == 1009


async def test_too_many_messages_close_the_connection(gateway: Gateway, office: BoxOffice) -> None:
    asked = ['{"type":"snapshot"}'] * 30
    assert await gateway.close_code(office.event_id, *asked) == 4429


async def test_connections_per_address_are_limited(store: RedisStore, office: BoxOffice) -> None:
    limits = GatewayLimits(connections_per_address=2)
    async with running_gateway(store, limits=limits) as gateway:
        async with gateway.viewer(office.event_id) as one, gateway.viewer(office.event_id) as two:
            await one.greeted()
            await two.greeted()
            assert await gateway.close_code(office.event_id) == 4429
        async with asyncio.timeout(WAIT_S), gateway.viewer(office.event_id) as three:
            await three.greeted()


async def test_a_network_of_many_addresses_is_limited_too(
    store: RedisStore, office: BoxOffice
) -> None:
    """An IPv6 /48 has 65,536 /64 networks, each of which would be limited by itself."""
    limits = GatewayLimits(connections_per_address=1, addresses_per_network=3)
    async with (
        running_gateway(store, limits=limits) as gateway,
        contextlib.AsyncExitStack() as stack,
    ):
        for number in range(3):
            headers = {"X-Forwarded-For": f"2001:db8:1:{number}::1"}
            opening = gateway.viewer(office.event_id, additional_headers=headers)
            await (await stack.enter_async_context(opening)).greeted()
        headers = {"X-Forwarded-For": "2001:db8:1:9::1"}
        assert await gateway.close_code(office.event_id, additional_headers=headers) == 4429
        headers = {"X-Forwarded-For": "2001:db8:2:9::1"}
        async with gateway.viewer(office.event_id, additional_headers=headers) as viewer:
            await viewer.greeted()


async def test_connections_are_limited_except_from_unlimited_networks(
    store: RedisStore, office: BoxOffice
) -> None:
    limits = GatewayLimits(connections_per_address=1, connections_max=3)
    networks = ("127.0.0.0/8",)
    async with (
        running_gateway(store, limits=limits, unlimited_networks=networks) as gateway,
        contextlib.AsyncExitStack() as stack,
    ):
        for _ in range(3):
            viewer = await stack.enter_async_context(gateway.viewer(office.event_id))
            await viewer.greeted()
        assert await gateway.close_code(office.event_id) == 1013


async def test_incomplete_handshakes_make_room_and_time_out(
    store: RedisStore, office: BoxOffice
) -> None:
    limits = GatewayLimits(handshakes_max=5)
    writers: list[asyncio.StreamWriter] = []
    async with running_gateway(store, limits=limits) as gateway:

        async def half(sent: bytes) -> asyncio.StreamReader:
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.server.port)
            writers.append(writer)
            writer.write(sent)
            return reader

        begun = [await half(b"GET /v1/live/x HTTP/1.1\r\n") for _ in range(20)]
        async with gateway.viewer(office.event_id) as viewer, asyncio.timeout(WAIT_S):
            await viewer.greeted()
            for reader in begun[:14]:
                with contextlib.suppress(ConnectionError):
                    assert not await reader.read()
            long = await half(b"GET / HTTP/1.1\r\n" + (b"X-Y: " + b"z" * 8000 + b"\r\n") * 5)
            with contextlib.suppress(ConnectionError):
                assert not await long.read(), "before its ten seconds are over"
        for writer in writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def test_only_allowed_origins_may_connect(gateway: Gateway, office: BoxOffice) -> None:
    allowed = Origin("http://localhost:8000")
    async with gateway.viewer(office.event_id, origin=allowed) as viewer:
        await viewer.greeted()
    with pytest.raises(InvalidStatus) as refused:
        async with gateway.viewer(office.event_id, origin=Origin("https://evil.example")):
            pass
    assert refused.value.response.status_code == 403


async def test_an_unmasked_frame_is_a_protocol_error(gateway: Gateway, office: BoxOffice) -> None:
    async with raw_client(gateway, office.event_id) as raw:
        raw.send(WebSocketFrame(Opcode.TEXT, b'{"type":"snapshot"}').serialize(mask=False))
        assert await raw.close_code() == 1002


class CountingSource(RedisSource):
    """A source that counts its queries of the stores."""

    asked = 0

    async def snapshot(self, event_id: str) -> Snapshot:
        self.asked += 1
        return await super().snapshot(event_id)


async def test_repeated_requests_for_an_unknown_event_cost_one_lookup(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, office = CountingSource(store), BoxOffice(store)
    async with running_gateway(store, source=source) as gateway:
        assert {await gateway.close_code(office.event_id) for _ in range(10)} == {4404}
        assert source.asked == 1
        # The answer is cached for seconds only, because the event may be published at any moment.
        await office.lay()
        monkeypatch.setattr(hub_module, "_ABSENT_S", 0.0)
        gateway.hub.remember_absent(office.event_id)
        async with gateway.viewer(office.event_id) as viewer:
            await viewer.greeted()
        monkeypatch.setattr(hub_module, "_ABSENT_MAX", 100)
        for _ in range(300):
            gateway.hub.remember_absent(new_id())
        assert len(gateway.hub._absent) == 100


async def test_the_tick_widens_under_load_and_returns(
    gateway: Gateway, office: BoxOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with gateway.viewer(office.event_id) as viewer:
        await viewer.greeted()
        watch = gateway.hub.watch_of(office.event_id)
        assert watch is not None

        async def change(state: int) -> float:
            await office.change({1: state})
            await viewer.shows(await office.truth())
            await gateway.hub.settled(office.event_id)
            return watch.tick_s

        async def calms_down() -> None:
            """Wait until the tick is short again: a busy machine is late at times, but not every time."""
            state = 1
            async with asyncio.timeout(WAIT_S):
                while await change(state) != CALM.tick_s:
                    state = 1 - state

        await calms_down()

        async def slowly(watchers: Collection[Watcher], data: bytes) -> int:
            time.sleep(0.1)
            return await write_to_all(watchers, data)

        with monkeypatch.context() as patch:
            patch.setattr(hub_module, "write_to_all", slowly)
            assert await change(2) >= 0.2
            patch.setattr(watch, "_pace", Pace(tick_s=0.02, tick_max_s=0.15))
            assert await change(3) == 0.15, "never wider than this"
        await calms_down()

        # The broadcast is quick, but the event loop started it late.
        watch.received(f"c|1|{watch.replica.seq + 1}|0|1:2|".encode())  # type: ignore[union-attr]  # it is watched
        time.sleep(0.1)
        await viewer.until(lambda: viewer.map is not None and viewer.map.states[2:3] == b"1")
        await gateway.hub.settled(office.event_id)
        assert watch.tick_s > 0.05


@pytest.mark.parametrize("trusted", [("127.0.0.1",), ()])
async def test_the_limit_per_address_sees_through_trusted_proxies_only(
    store: RedisStore, office: BoxOffice, trusted: tuple[str, ...]
) -> None:
    limits = GatewayLimits(connections_per_address=1)
    async with (
        running_gateway(store, limits=limits, trusted_proxies=trusted) as gateway,
        gateway.viewer(
            office.event_id, additional_headers={"X-Forwarded-For": "203.0.113.7"}
        ) as viewer,
    ):
        await viewer.greeted()
        # An address that a client puts in front does not change who it is.
        for claimed in ("203.0.113.7", "198.51.100.1, 203.0.113.7"):
            headers = {"X-Forwarded-For": claimed}
            code = await gateway.close_code(office.event_id, additional_headers=headers)
            assert code == 4429
        headers = {"X-Forwarded-For": "198.51.100.1"}
        async with gateway.viewer(office.event_id, additional_headers=headers) as other:
            if trusted:
                await other.greeted()
            else:
                assert await other.closed() == 4429


async def test_a_stopping_gateway_closes_with_going_away(
    store: RedisStore, office: BoxOffice
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with running_gateway(store) as gateway:
            viewers = [
                await stack.enter_async_context(gateway.viewer(office.event_id)) for _ in range(5)
            ]
            for viewer in viewers:
                await viewer.greeted()
            was_ready = gateway.server.is_ready
        assert (was_ready, gateway.server.is_ready) == (True, False)
        delays_ms = set()
        for viewer in viewers:
            notice = await viewer.hears("notice", code="going-away")
            assert await viewer.closed() == 1001
            delays_ms.add(notice["reconnect_in_ms"])
            assert viewer.socket.close_reason == f"reconnect in {notice['reconnect_in_ms']} ms"
        # One client in each fifth of a second.
        assert sorted(delay_ms // 200 for delay_ms in delays_ms) == [0, 1, 2, 3, 4]
        assert await office.client.exists(f"{office.base}:watchers") == 0


@pytest.mark.parametrize(
    ("count", "window_ms"), [(1, 1_000), (500, 1_000), (2_000, 4_000), (60_000, 30_000)]
)
def test_returning_clients_are_spread_over_a_window_that_grows_with_their_number(
    count: int, window_ms: int
) -> None:
    delays_ms = return_delays_ms(count)
    assert len(delays_ms) == count
    for number, delay_ms in enumerate(delays_ms):
        assert number * window_ms // count <= delay_ms <= (number + 1) * window_ms / count


async def test_a_taken_port_is_refused_in_one_line_with_a_remedy(gateway: Gateway) -> None:
    taken = Settings(live_port=gateway.server.port)
    with pytest.raises(ConfigError, match="FRONTROW_LIVE_PORT"):
        async with LiveServer(gateway.hub, gateway.tickets, taken).running():
            pass


@given(st.lists(st.binary(max_size=80), min_size=1, max_size=4))
@examples(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_any_data_of_a_client_ends_in_a_close_code(
    gateway: Gateway, office: BoxOffice, chunks: list[bytes]
) -> None:
    async with raw_client(gateway, office.event_id) as raw:
        for chunk in chunks:
            raw.send(chunk)
        raw.socket.shutdown(socket.SHUT_WR)
        assert await raw.close_code() in (None, 1000, 1002, 1005, 1007, 1009, 4400, 4429)
    async with gateway.viewer(office.event_id) as viewer:
        await viewer.greeted()


# Slow and silent clients


SLOW = GatewayLimits(backlog_bytes_max=4_096, kernel_buffer_bytes=4_096, close_s=WAIT_S)


async def _overwhelm(office: BoxOffice, until: Callable[[], bool]) -> None:
    """Change most of the house, again and again."""
    chance = random.Random(1)
    async with asyncio.timeout(WAIT_S):
        while not until():
            await office.change({n: chance.randrange(3) for n in range(office.seat_count)})


async def test_the_headers_of_a_handshake_are_not_kept_in_memory(
    gateway: Gateway, office: BoxOffice
) -> None:
    async with gateway.viewer(office.event_id, None) as viewer:
        await viewer.greeted()
        (connection,) = gateway.server.connections
        assert connection.request is not None
        assert not connection.request.headers
        assert connection.response is None


async def test_a_slow_watcher_gets_one_fresh_snapshot_when_it_drains(
    store: RedisStore,
) -> None:
    office = BoxOffice(store, seat_count=2_000)
    await office.lay()
    async with (
        running_gateway(store, pace=Pace(tick_s=0.002, lead_s=0.001), limits=SLOW) as gateway,
        raw_client(gateway, office.event_id, buffer_bytes=4_096) as slow,
    ):
        await slow.read_frame()
        (connection,) = gateway.server.connections
        watcher = connection.watcher
        assert watcher is not None
        await _overwhelm(office, until=lambda: watcher.missed)
        await gateway.server._sweep()
        assert REGISTRY.get_sample_value("frontrow_live_behind") == 1
        waits = connection.transport.get_write_buffer_size()
        assert REGISTRY.get_sample_value("frontrow_live_buffered_bytes") == waits > 0
        most = 4_096 + 2 * office.seat_count
        for _ in range(50):
            await office.change({1: 1, 2: 2})
            assert connection.transport.get_write_buffer_size() <= most
        truth = await office.truth()
        state = apply(None, SnapshotFrame(1, 0, b"0" * office.seat_count))
        snapshots = 0
        while state != truth:
            frame = await slow.read_frame()
            assert frame is not None
            read = decode(frame[1])
            snapshots += isinstance(read, SnapshotFrame)
            state = apply(state, read)
        assert snapshots == 1
        await office.change({7: 1})
        while state != await office.truth():
            frame = await slow.read_frame()
            assert frame is not None
            state = apply(state, decode(frame[1]))


async def test_a_watcher_that_never_drains_is_closed(store: RedisStore) -> None:
    office = BoxOffice(store, seat_count=2_000)
    await office.lay()
    pace = Pace(tick_s=0.002, lead_s=0.001, drain_s=0.1)
    async with (
        running_gateway(store, pace=pace, limits=SLOW) as gateway,
        raw_client(gateway, office.event_id, buffer_bytes=4_096) as stuck,
        gateway.viewer(office.event_id) as quick,
    ):
        await quick.greeted()
        connection = next(c for c in gateway.server.connections if not c.subprotocol)
        watcher = connection.watcher
        assert watcher is not None
        peaks = [0]

        def is_closed() -> bool:
            peaks.append(connection.transport.get_write_buffer_size())
            return not watcher.open

        await _overwhelm(office, until=is_closed)
        await quick.shows(await office.truth())
        # Past the limit by one tick's frame at most, however much happened meanwhile.
        assert 0 < max(peaks) <= SLOW.backlog_bytes_max + 2 * office.seat_count
        assert await stuck.close_code() == 4408


async def test_a_client_that_answers_nothing_is_cut(store: RedisStore) -> None:
    office = BoxOffice(store, seat_count=2_000)
    await office.lay()
    limits = msgspec.structs.replace(SLOW, close_s=0.1)
    pace = Pace(tick_s=0.002, lead_s=0.001, drain_s=0.1)
    async with (
        running_gateway(store, pace=pace, limits=limits) as gateway,
        raw_client(gateway, office.event_id, buffer_bytes=4_096),
    ):
        await asyncio.sleep(0)
        await gateway.hub.beat.until(lambda: bool(gateway.server.connections))
        (connection,) = gateway.server.connections
        await _overwhelm(office, until=lambda: not gateway.server.connections)
        async with asyncio.timeout(WAIT_S):
            await connection.wait_closed()


@pytest.mark.parametrize(
    "breach",
    [
        b"\x88\x80\0\0\0\0",  # a close frame
        b"\x81\x01x",  # an unmasked frame
        b"\x89\x80\0\0\0\0" * 25,  # pings
    ],
)
async def test_a_closed_client_that_does_not_hang_up_is_cut(
    store: RedisStore, office: BoxOffice, breach: bytes
) -> None:
    limits = GatewayLimits(close_s=0.1, heartbeat_s=0.1)
    async with (
        running_gateway(store, limits=limits) as gateway,
        raw_client(gateway, office.event_id) as lingering,
    ):
        await gateway.hub.beat.until(lambda: bool(gateway.server.connections))
        (connection,) = gateway.server.connections
        lingering.send(breach)
        async with asyncio.timeout(WAIT_S):
            await connection.wait_closed()
            while gateway.server.connections:
                await asyncio.sleep(0.01)


async def test_a_silent_client_is_pinged_then_closed(store: RedisStore, office: BoxOffice) -> None:
    limits = GatewayLimits(heartbeat_s=0.3, close_s=1.0)
    async with (
        running_gateway(store, limits=limits) as gateway,
        gateway.viewer(office.event_id, ping_interval=None) as alive,
        raw_client(gateway, office.event_id) as silent,
    ):
        assert await silent.close_code() == 4408
        assert [opcode for opcode, _ in silent.frames].count(Opcode.PING) == 1
        # The client of the library answers pings by itself.
        await office.change({1: 1})
        await alive.shows(await office.truth())


# Health and metrics


async def test_the_gateway_serves_health_and_metrics(gateway: Gateway, office: BoxOffice) -> None:
    async with (
        gateway.viewer(office.event_id) as viewer,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.server.port}", timeout=60) as http,
    ):
        await viewer.greeted()
        for path in ("/health/live", "/health/ready"):
            response = await http.get(path)
            assert (response.status_code, response.json()) == (200, {"status": "ok"})
        metrics = await http.get("/metrics")
        assert metrics.headers["content-type"].startswith("text/plain")
        assert 'frontrow_live_connections{subprotocol="frontrow.v1"} 1.0' in metrics.text
        # Every series exists from the start, so that its rate can be computed.
        for series in (
            'frames_total{kind="message"}',
            "sent_bytes_total",
            "broadcast_seconds_count",
            'resyncs_total{reason="overflow"}',
            'closes_total{code="4408"}',
            'connections{subprotocol="frontrow.v1.json"}',
            "authenticated",
            'tickets_total{outcome="unknown"}',
            'personal_messages_total{outcome="cut"}',
            "drained_total",
        ):
            assert f"frontrow_live_{series} " in metrics.text
        assert (await http.get("/elsewhere")).status_code == 404
        assert (await http.get(f"/v1/live/{office.event_id}")).status_code == 426


# With the engine


async def test_watchers_see_what_buyers_do(house: House, buyer: str) -> None:
    async def truth() -> MapState:
        read = await house.runtime.live.reading.snapshot(house.event_id)
        return MapState(read.epoch, read.seq, read.states)

    async with (
        gateway_of(house.runtime) as gateway,
        gateway.viewer(house.event_id) as viewer,
        gateway.viewer(house.event_id, JSON) as reader,
    ):
        for watcher in (viewer, reader):
            await watcher.greeted()
        assert viewer.map == await truth()
        assert [line["category"] for line in viewer.messages["prices"]["prices"]] == [
            "Front",
            "Back",
        ]

        hold = await house.hold(buyer, 2, 3, floor=2)
        await viewer.shows(await truth())
        assert viewer.map is not None
        assert viewer.map.states.startswith(b"001100")
        await viewer.until(lambda: viewer.messages["areas"]["areas"] == {"0": {"available": 4}})

        await house.book(buyer, hold)
        for watcher in (viewer, reader):
            await watcher.shows(await truth())
            assert watcher.map is not None
            assert watcher.map.states.startswith(b"002200")

        await house.runtime.events.publishing.reprice(
            house.event_id, {"Front": 9000}, reason="demand", actor=ORGANISER
        )
        await viewer.until(
            lambda: viewer.messages["prices"]["prices"][0]["price"]["amount"] == 9000
        )
        assert viewer.kinds().count(SnapshotFrame) == 1


async def test_state_lost_in_redis_is_rebuilt_for_watchers(house: House, buyer: str) -> None:
    async with (
        gateway_of(house.runtime) as gateway,
        gateway.viewer(house.event_id) as viewer,
    ):
        await viewer.greeted()
        await house.book(buyer, await house.hold(buyer, 5))
        await viewer.until(lambda: viewer.map is not None and viewer.map.states[5:6] == b"2")
        assert viewer.map is not None
        before = viewer.map.epoch
        await house.runtime.stores.redis.client.delete(
            *[f"{{{house.event_id}}}:{part}" for part in ("meta", "seats", "versions", "owners")]
        )
        await house.hold(new_id(), 6)
        await viewer.until(lambda: viewer.map is not None and viewer.map.states[6:7] == b"1")
        assert viewer.map.states[5:7] == b"21"
        assert viewer.map.epoch > before


async def test_the_gateway_process_serves_and_closes_in_order(
    house: House, settings: Settings, stores: StoreUrls
) -> None:
    environment = role_environment(settings, stores)
    address = f"127.0.0.1:{environment['FRONTROW_LIVE_PORT']}"
    process = start_role("live", environment)
    try:
        await until_ready(f"http://{address}")
        url = f"ws://{address}/v1/live/{house.event_id}"
        async with connect(url, subprotocols=[BINARY]) as socket_:
            viewer = await Viewer(socket_).greeted()
            hold = await house.hold(new_id(), 9)
            await viewer.until(lambda: viewer.map is not None and viewer.map.states[9:10] == b"1")
            assert hold.seats[0].seat_no == 9
            process.terminate()
            assert await viewer.closed() == 1001
        assert await asyncio.to_thread(process.wait, WAIT_S) == 0
    finally:
        end_process(process)
