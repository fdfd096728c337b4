"""The live gateway over real sockets and a real Redis: joining, doubt, limits, goodbyes."""

import asyncio
import base64
import contextlib
import os
import random
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import redis.asyncio as aioredis
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from redis.exceptions import RedisError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame as WebSocketFrame
from websockets.frames import Opcode
from websockets.typing import Origin, Subprotocol

from engine.config import ConfigError, Settings
from engine.embedded import EmbeddedRedis, StoreUrls
from engine.errors import NotFound, Unavailable
from engine.inventory import Price, Snapshot
from engine.model import PUBLIC_DIGITS, Money, new_id
from engine.runtime import Runtime
from seatmap.feed import RedisFeed
from seatmap.hub import Hub, Pace
from seatmap.protocol import (
    DeltaFrame,
    Frame,
    MapState,
    MessageFrame,
    SnapshotFrame,
    apply,
    decode,
    decode_json,
)
from seatmap.server import Limits, LiveServer
from tests.conftest import House, end_process, role_environment, start_role, until_ready

WAIT_S = 10
BINARY, JSON = Subprotocol("frontrow.v1"), Subprotocol("frontrow.v1.json")


class BoxOffice:
    """One event's state in Redis, written and published the way the engine's scripts do."""

    def __init__(self, client: aioredis.Redis, seat_count: int = 40) -> None:
        self.client = client
        self.event_id = new_id()
        self.seat_count = seat_count
        self.base = f"{{{self.event_id}}}"

    async def lay(self, epoch: int = 1) -> None:
        """An empty house under ``epoch``, announced as a rebuild is."""
        fields: dict[Any, Any] = {"epoch": epoch, "seq": 0, "status": "on_sale", "area:0": 412}
        async with self.client.pipeline(transaction=True) as pipe:
            pipe.hset(f"{self.base}:meta", mapping=fields)
            pipe.set(f"{self.base}:seats", b"0" * self.seat_count)
            pipe.publish(f"{self.base}:feed", f"c|{epoch}|0|{_now_ms()}||")
            await pipe.execute()

    async def change(
        self, seats: dict[int, int], areas: dict[int, int] | None = None, *, tell: bool = True
    ) -> None:
        """One change set; with ``tell`` false the feed loses it."""
        stored = await self.client.hmget(f"{self.base}:meta", ["epoch", "seq"])
        epoch, number = int(stored[0] or 0), int(stored[1] or 0) + 1
        groups = ";".join(f"{state}:{seat_no}" for seat_no, state in seats.items())
        counts = ",".join(f"{no}:{left}" for no, left in (areas or {}).items())
        payload = f"c|{epoch}|{number}|{_now_ms()}|{groups}|{counts}"
        async with self.client.pipeline(transaction=True) as pipe:
            pipe.hset(f"{self.base}:meta", "seq", number)
            for no, left in (areas or {}).items():
                pipe.hset(f"{self.base}:meta", f"area:{no}", left)
            if len(seats) == self.seat_count:
                pipe.set(f"{self.base}:seats", "".join(str(seats[n]) for n in sorted(seats)))
            else:
                for seat_no, state in seats.items():
                    pipe.setrange(f"{self.base}:seats", seat_no, str(state))
            if tell:
                pipe.publish(f"{self.base}:feed", payload)
            await pipe.execute()

    async def say(self, body: dict[str, Any]) -> None:
        await self.client.publish(f"{self.base}:feed", b"m|" + msgspec.json.encode(body))

    async def truth(self) -> MapState:
        read = await RedisSource(self.client).snapshot(self.event_id)
        return MapState(read.epoch, read.seq, read.states)


class RedisSource:
    """Reads an event the way ``engine.inventory`` does, from Redis alone."""

    def __init__(self, client: aioredis.Redis) -> None:
        self._client = client

    async def snapshot(self, event_id: str) -> Snapshot:
        base = f"{{{event_id}}}"
        try:
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.hgetall(f"{base}:meta")
                pipe.get(f"{base}:seats")
                meta, seats = await pipe.execute()
        except (RedisError, OSError) as error:
            raise Unavailable("Redis is away") from error
        if not meta:
            raise NotFound("no such event")
        areas = {int(k[5:]): int(v) for k, v in meta.items() if k.startswith(b"area:")}
        return Snapshot(
            event_id=event_id,
            epoch=int(meta[b"epoch"]),
            seq=int(meta[b"seq"]),
            status=meta[b"status"].decode(),
            states=seats.translate(PUBLIC_DIGITS),
            areas=areas,
            prices=[Price(0, "Stalls", Money(15000, "EUR"))],
        )


class Gateway:
    """A running gateway and the means to be its client."""

    def __init__(self, feed: RedisFeed, hub: Hub, server: LiveServer) -> None:
        self.feed, self.hub, self.server = feed, hub, server

    def url(self, target: str) -> str:
        return f"ws://127.0.0.1:{self.server.port}/v1/live/{target}"

    @contextlib.asynccontextmanager
    async def viewer(
        self, target: str, subprotocol: Subprotocol | None = BINARY, **options: Any
    ) -> AsyncIterator["Viewer"]:
        offered = None if subprotocol is None else [subprotocol]
        async with connect(
            self.url(target), subprotocols=offered, compression=None, max_size=None, **options
        ) as socket_:
            yield Viewer(socket_)

    async def close_code(self, target: str, *messages: str | bytes, **options: Any) -> int:
        """The code the gateway closes with, after whatever it sent before."""
        async with self.viewer(target, **options) as viewer:
            for message in messages:
                await viewer.socket.send(message)
            return await viewer.closed()


class Viewer:
    """A client that keeps a map from the frames it gets, and refuses to be out of step."""

    def __init__(self, socket_: ClientConnection) -> None:
        self.socket = socket_
        self.map: MapState | None = None
        self.frames: list[Frame] = []
        self.messages: dict[str, dict[str, Any]] = {}

    async def read(self) -> Frame:
        async with asyncio.timeout(WAIT_S):
            data = await self.socket.recv()
        frame = decode(data) if isinstance(data, bytes) else decode_json(data)
        self.frames.append(frame)
        self.map = apply(self.map, frame)
        if isinstance(frame, MessageFrame):
            body = msgspec.json.decode(frame.body)
            self.messages[body["type"]] = body
        return frame

    async def greeted(self) -> "Viewer":
        return await self.until(lambda: "event" in self.messages)

    async def until(self, predicate: Callable[[], bool]) -> "Viewer":
        while not predicate():
            await self.read()
        return self

    async def shows(self, truth: MapState) -> None:
        await self.until(lambda: self.map == truth)

    async def closed(self) -> int:
        """The close code, 1006 when the connection was cut."""
        async with asyncio.timeout(WAIT_S):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await self.socket.recv()
        assert self.socket.close_code is not None
        return self.socket.close_code

    def kinds(self) -> list[type[Frame]]:
        return [type(frame) for frame in self.frames]


@pytest.fixture(scope="module")
async def redis_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedRedis]:
    server = EmbeddedRedis(Path(tmp_path_factory.mktemp("live")))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def client(redis_server: EmbeddedRedis) -> AsyncIterator[aioredis.Redis]:
    async with aioredis.Redis.from_url(redis_server.url) as client:
        yield client


@pytest.fixture
async def office(client: aioredis.Redis) -> BoxOffice:
    office = BoxOffice(client)
    await office.lay()
    return office


@contextlib.asynccontextmanager
async def running_gateway(
    client: aioredis.Redis, *, pace: Pace | None = None, limits: Limits | None = None
) -> AsyncIterator[Gateway]:
    feed = RedisFeed(client)
    hub = Hub(feed, RedisSource(client), pace or Pace(tick_s=0.02))
    server = LiveServer(hub, Settings(live_port=0), limits)
    async with feed.running(), hub.running(), server.running():
        async with asyncio.timeout(WAIT_S):
            await feed.wait_connected()
        yield Gateway(feed, hub, server)


@pytest.fixture
async def gateway(client: aioredis.Redis) -> AsyncIterator[Gateway]:
    async with running_gateway(client) as gateway:
        yield gateway


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


# Watching


@pytest.mark.parametrize("subprotocol", [BINARY, JSON, None])
async def test_a_watcher_gets_the_map_and_then_its_changes(
    gateway: Gateway, office: BoxOffice, subprotocol: Subprotocol | None
) -> None:
    await office.change({3: 1, 4: 2})
    async with gateway.viewer(office.event_id, subprotocol) as viewer:
        assert viewer.socket.subprotocol == subprotocol
        await viewer.greeted()
        assert viewer.kinds() == [SnapshotFrame] + [MessageFrame] * 3
        assert list(viewer.messages) == ["areas", "prices", "event"]
        assert viewer.messages["areas"]["areas"] == {"0": {"available": 412}}
        assert viewer.messages["prices"]["prices"][0]["price"] == {
            "amount": 15000,
            "currency": "EUR",
        }
        assert viewer.messages["event"]["status"] == "on_sale"
        assert viewer.map == await office.truth()

        await office.change({3: 5, 4: 0, 39: 4}, {0: 400})
        await viewer.shows(await office.truth())
        delta = viewer.frames[4]
        assert isinstance(delta, DeltaFrame)
        # Reserved and offered are both "held" to the public.
        assert delta.seats == ((4, 0), (39, 1))
        assert abs(delta.server_time_ms - _now_ms()) < 10_000
        await viewer.until(lambda: viewer.messages["areas"]["areas"] == {"0": {"available": 400}})


async def test_changes_of_one_tick_are_one_frame_and_the_same_bytes(
    client: aioredis.Redis, office: BoxOffice
) -> None:
    pace = Pace(tick_s=0.2, lead_s=0.2)
    async with (
        running_gateway(client, pace=pace) as gateway,
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


async def test_messages_are_forwarded_and_remembered_for_who_comes_later(
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
            assert later.messages["prices"] == {"kind": "message"} | prices or prices


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
        # They come while it happens, so that snapshots and deltas interleave.
        for number in range(12):
            entered = gateway.viewer(office.event_id, JSON if number % 3 else BINARY)
            viewers.append(await stack.enter_async_context(entered))
            await viewers[-1].read()
        await history
        # The last change is told: a lost one is noticed with the next.
        await office.change({0: 2})
        truth = await office.truth()
        await asyncio.gather(*(viewer.shows(truth) for viewer in viewers))
        assert all(DeltaFrame in viewer.kinds() for viewer in viewers)


async def test_resuming_sends_only_what_was_missed(gateway: Gateway, office: BoxOffice) -> None:
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
            back.map = known
            await back.greeted()
            assert back.kinds() == [DeltaFrame] + [MessageFrame] * 3
            assert back.frames[0].seats == ((2, 1), (3, 1))  # type: ignore[union-attr]
            assert back.map == await office.truth()
        async with gateway.viewer(f"{office.event_id}?epoch=1&seq={known.seq + 2}") as current:
            await current.greeted()
            assert current.kinds() == [MessageFrame] * 3
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


async def test_a_broken_feed_connection_is_made_good(
    gateway: Gateway, office: BoxOffice, client: aioredis.Redis
) -> None:
    async with gateway.viewer(office.event_id) as viewer:
        await viewer.greeted()
        await client.client_kill_filter(_type="pubsub")
        await office.change({1: 1}, tell=False)
        await viewer.shows(await office.truth())
        await office.change({1: 0})
        await viewer.shows(await office.truth())
        assert viewer.kinds().count(SnapshotFrame) == 1


async def test_a_malformed_payload_costs_nobody_the_truth(
    gateway: Gateway, office: BoxOffice
) -> None:
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
        async with aioredis.Redis.from_url(server.url) as client:
            office = BoxOffice(client)
            await office.lay()
            async with (
                running_gateway(client) as gateway,
                gateway.viewer(office.event_id) as viewer,
            ):
                await viewer.greeted()
                await office.change({1: 1})
                before = await office.truth()
                await viewer.shows(before)
                server.kill()
                await gateway.hub.beat.until(lambda: not gateway.feed.connected)
                async with httpx.AsyncClient() as http:
                    url = f"http://127.0.0.1:{gateway.server.port}/health/ready"
                    assert (await http.get(url)).status_code == 503
                # Who comes meanwhile gets the copy, where there is one.
                async with gateway.viewer(office.event_id) as late:
                    await late.greeted()
                    assert late.map == before
                assert await gateway.close_code(new_id()) == 1013
                await server.start()
                await client.connection_pool.disconnect()
                await office.lay(epoch=2)
                await viewer.shows(await office.truth())
                assert viewer.map is not None
                assert viewer.map.epoch == 2
    finally:
        await server.stop()


async def test_an_event_nobody_watches_is_let_go(client: aioredis.Redis, office: BoxOffice) -> None:
    async with running_gateway(client, pace=Pace(tick_s=0.02, linger_s=0.05)) as gateway:
        async with gateway.viewer(office.event_id) as viewer:
            await viewer.greeted()
            await gateway.hub.settled(office.event_id)
            assert await _subscribers(client, office) == 1
        async with asyncio.timeout(WAIT_S):
            await gateway.hub.beat.until(lambda: gateway.hub.watch_of(office.event_id) is None)
            while await _subscribers(client, office):
                await asyncio.sleep(0.01)
        async with gateway.viewer(office.event_id) as again:
            await again.greeted()
            await office.change({1: 1})
            await again.shows(await office.truth())


async def _subscribers(client: aioredis.Redis, office: BoxOffice) -> int:
    ((_, count),) = await client.pubsub_numsub(f"{office.base}:feed")
    return int(count)


# What is wrong, and how the connection ends


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
async def test_wrong_targets(gateway: Gateway, office: BoxOffice, target: str, code: int) -> None:
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


async def test_too_many_messages(gateway: Gateway, office: BoxOffice) -> None:
    asked = ['{"type":"snapshot"}'] * 30
    assert await gateway.close_code(office.event_id, *asked) == 4429


async def test_too_many_connections_from_one_address(
    client: aioredis.Redis, office: BoxOffice
) -> None:
    limits = Limits(connections_per_address=2)
    async with running_gateway(client, limits=limits) as gateway:
        async with gateway.viewer(office.event_id) as one, gateway.viewer(office.event_id) as two:
            await one.greeted()
            await two.greeted()
            assert await gateway.close_code(office.event_id) == 4429
        async with asyncio.timeout(WAIT_S), gateway.viewer(office.event_id) as three:
            await three.greeted()


async def test_origins(gateway: Gateway, office: BoxOffice) -> None:
    allowed = Origin("http://localhost:8000")
    async with gateway.viewer(office.event_id, origin=allowed) as viewer:
        await viewer.greeted()
    with pytest.raises(InvalidStatus) as refused:
        async with gateway.viewer(office.event_id, origin=Origin("https://evil.example")):
            pass
    assert refused.value.response.status_code == 403


async def test_an_unmasked_frame_is_a_protocol_error(gateway: Gateway, office: BoxOffice) -> None:
    async with raw_client(gateway, office) as raw:
        raw.send(WebSocketFrame(Opcode.TEXT, b'{"type":"snapshot"}').serialize(mask=False))
        assert await raw.close_code() == 1002


async def test_stopping_says_going_away(client: aioredis.Redis, office: BoxOffice) -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with running_gateway(client) as gateway:
            viewers = [
                await stack.enter_async_context(gateway.viewer(office.event_id)) for _ in range(5)
            ]
            for viewer in viewers:
                await viewer.greeted()
        assert [await viewer.closed() for viewer in viewers] == [1001] * 5


async def test_a_taken_port_is_one_line_that_says_what_to_do(gateway: Gateway) -> None:
    taken = Settings(live_port=gateway.server.port)
    with pytest.raises(ConfigError, match="FRONTROW_LIVE_PORT"):
        async with LiveServer(gateway.hub, taken).running():
            pass


@given(st.lists(st.binary(max_size=80), min_size=1, max_size=4))
@examples(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_whatever_a_client_sends_ends_in_a_close_code(
    gateway: Gateway, office: BoxOffice, chunks: list[bytes]
) -> None:
    async with raw_client(gateway, office) as raw:
        for chunk in chunks:
            raw.send(chunk)
        raw.socket.shutdown(socket.SHUT_WR)
        assert await raw.close_code() in (None, 1000, 1002, 1005, 1007, 1009, 4400, 4429)
    async with gateway.viewer(office.event_id) as viewer:
        await viewer.greeted()


# Slow and silent clients


class RawClient:
    """A client on a bare socket: it reads when it wants to and answers nothing by itself."""

    def __init__(self, socket_: socket.socket) -> None:
        self.socket = socket_
        self.frames: list[tuple[int, bytes]] = []
        self._buffer = b""

    def send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self.socket.sendall(data)

    async def read_frame(self) -> tuple[int, bytes] | None:
        """The next frame as (opcode, payload); None at the end of the stream."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(WAIT_S):
            while (frame := self._parse()) is None:
                try:
                    data = await loop.sock_recv(self.socket, 65_536)
                except ConnectionError:
                    return None
                if not data:
                    return None
                self._buffer += data
        self.frames.append(frame)
        return frame

    def _parse(self) -> tuple[int, bytes] | None:
        head = self._buffer
        if len(head) < 2:
            return None
        length, start = head[1], 2
        if length == 126 and len(head) >= 4:
            length, start = struct.unpack_from("!H", head, 2)[0], 4
        elif length == 127 and len(head) >= 10:
            length, start = struct.unpack_from("!Q", head, 2)[0], 10
        elif length > 125:
            return None
        if len(head) < start + length:
            return None
        self._buffer = head[start + length :]
        return head[0] & 15, head[start : start + length]

    async def close_code(self) -> int | None:
        """Read until the close frame and return its code; None when the stream ends without."""
        while (frame := await self.read_frame()) is not None:
            if frame[0] == Opcode.CLOSE:
                return int.from_bytes(frame[1][:2], "big") if frame[1] else 1005
        return None


@contextlib.asynccontextmanager
async def raw_client(
    gateway: Gateway, office: BoxOffice, *, buffer_bytes: int | None = None
) -> AsyncIterator[RawClient]:
    loop = asyncio.get_running_loop()
    with socket.socket() as raw:
        if buffer_bytes is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        raw.setblocking(False)
        await loop.sock_connect(raw, ("127.0.0.1", gateway.server.port))
        key = base64.b64encode(os.urandom(16)).decode()
        lines = (
            f"GET /v1/live/{office.event_id} HTTP/1.1",
            "Host: localhost",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        )
        await loop.sock_sendall(raw, "\r\n".join((*lines, "", "")).encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += await loop.sock_recv(raw, 1)
        assert answer.startswith(b"HTTP/1.1 101")
        yield RawClient(raw)


SLOW = Limits(backlog_bytes_max=4_096, kernel_buffer_bytes=4_096, close_s=WAIT_S)


async def _overwhelm(office: BoxOffice, until: Callable[[], bool]) -> None:
    """Change most of the house, again and again."""
    chance = random.Random(1)
    async with asyncio.timeout(WAIT_S):
        while not until():
            await office.change({n: chance.randrange(3) for n in range(office.seat_count)})


async def test_a_slow_watcher_gets_one_fresh_snapshot_when_it_drains(
    client: aioredis.Redis,
) -> None:
    office = BoxOffice(client, seat_count=2_000)
    await office.lay()
    async with (
        running_gateway(client, pace=Pace(tick_s=0.002, lead_s=0.001), limits=SLOW) as gateway,
        raw_client(gateway, office, buffer_bytes=4_096) as slow,
    ):
        await slow.read_frame()
        (connection,) = gateway.server.connections
        watcher = connection.watcher
        assert watcher is not None
        await _overwhelm(office, until=lambda: watcher.missed)
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


async def test_a_watcher_that_never_drains_is_closed(client: aioredis.Redis) -> None:
    office = BoxOffice(client, seat_count=2_000)
    await office.lay()
    pace = Pace(tick_s=0.002, lead_s=0.001, drain_s=0.1)
    async with (
        running_gateway(client, pace=pace, limits=SLOW) as gateway,
        raw_client(gateway, office, buffer_bytes=4_096) as stuck,
        gateway.viewer(office.event_id) as quick,
    ):
        await quick.greeted()
        connection = next(c for c in gateway.server.connections if not c.subprotocol)
        watcher = connection.watcher
        assert watcher is not None
        await _overwhelm(office, until=lambda: not watcher.open)
        await quick.shows(await office.truth())
        assert await stuck.close_code() == 4408


async def test_a_client_that_answers_nothing_is_cut(client: aioredis.Redis) -> None:
    office = BoxOffice(client, seat_count=2_000)
    await office.lay()
    limits = msgspec.structs.replace(SLOW, close_s=0.1)
    pace = Pace(tick_s=0.002, lead_s=0.001, drain_s=0.1)
    async with (
        running_gateway(client, pace=pace, limits=limits) as gateway,
        raw_client(gateway, office, buffer_bytes=4_096),
    ):
        await asyncio.sleep(0)
        await gateway.hub.beat.until(lambda: bool(gateway.server.connections))
        (connection,) = gateway.server.connections
        await _overwhelm(office, until=lambda: not gateway.server.connections)
        async with asyncio.timeout(WAIT_S):
            await connection.wait_closed()


async def test_a_silent_client_is_pinged_then_closed(
    client: aioredis.Redis, office: BoxOffice
) -> None:
    limits = Limits(heartbeat_s=0.1, close_s=0.2)
    async with (
        running_gateway(client, limits=limits) as gateway,
        gateway.viewer(office.event_id, ping_interval=None) as alive,
        raw_client(gateway, office) as silent,
    ):
        assert await silent.close_code() == 4408
        assert [opcode for opcode, _ in silent.frames].count(Opcode.PING) == 1
        # The library's client answers pings by itself.
        await office.change({1: 1})
        await alive.shows(await office.truth())


# Health and metrics


async def test_health_and_metrics(gateway: Gateway, office: BoxOffice) -> None:
    async with (
        gateway.viewer(office.event_id) as viewer,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.server.port}") as http,
    ):
        await viewer.greeted()
        for path in ("/health/live", "/health/ready"):
            response = await http.get(path)
            assert (response.status_code, response.json()) == (200, {"status": "ok"})
        metrics = await http.get("/metrics")
        assert metrics.headers["content-type"].startswith("text/plain")
        assert 'frontrow_live_connections{subprotocol="frontrow.v1"} 1.0' in metrics.text
        for name in ("frames_total", "sent_bytes_total", "broadcast_seconds", "resyncs_total"):
            assert f"frontrow_live_{name}" in metrics.text
        assert (await http.get("/elsewhere")).status_code == 404
        assert (await http.get(f"/v1/live/{office.event_id}")).status_code == 426


# With the engine


@contextlib.asynccontextmanager
async def gateway_of(runtime: Runtime) -> AsyncIterator[Gateway]:
    feed = RedisFeed(runtime.redis)
    hub = Hub(feed, runtime.inventory, Pace(tick_s=0.02))
    server = LiveServer(hub, Settings(live_port=0))
    async with feed.running(), hub.running(), server.running():
        async with asyncio.timeout(WAIT_S):
            await feed.wait_connected()
        yield Gateway(feed, hub, server)


async def test_what_buyers_do_is_what_watchers_see(house: House, buyer: str) -> None:
    async def truth() -> MapState:
        read = await house.runtime.inventory.snapshot(house.event_id)
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

        await house.runtime.publishing.reprice(
            house.event_id, {"Front": 9000}, reason="demand", actor="test"
        )
        await viewer.until(
            lambda: viewer.messages["prices"]["prices"][0]["price"]["amount"] == 9000
        )
        assert viewer.kinds().count(SnapshotFrame) == 1


async def test_state_lost_in_redis_is_laid_anew_for_watchers(house: House, buyer: str) -> None:
    async with (
        gateway_of(house.runtime) as gateway,
        gateway.viewer(house.event_id) as viewer,
    ):
        await viewer.greeted()
        await house.book(buyer, await house.hold(buyer, 5))
        await viewer.until(lambda: viewer.map is not None and viewer.map.states[5:6] == b"2")
        assert viewer.map is not None
        before = viewer.map.epoch
        await house.runtime.redis.delete(
            *[f"{{{house.event_id}}}:{part}" for part in ("meta", "seats", "versions", "owners")]
        )
        await house.hold(new_id(), 6)
        await viewer.until(lambda: viewer.map is not None and viewer.map.states[6:7] == b"1")
        assert viewer.map.states[5:7] == b"21"
        assert viewer.map.epoch > before


async def test_the_process_serves_and_says_goodbye(
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
