"""Support for live tests: an event to watch, a gateway to watch it through, and clients that watch."""

import asyncio
import contextlib
import socket
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode
from websockets.typing import Subprotocol

from engine.base.config import Settings
from engine.base.errors import NotFound, Unavailable
from engine.base.model import Money, new_id
from engine.live.codec import PUBLIC_DIGITS
from engine.live.live_tickets import LiveTickets
from engine.live.prices import Price
from engine.live.reading import Snapshot
from engine.live.watcher_counts import WatcherCounts
from engine.local.embedded import EmbeddedRedis
from engine.runtime import Runtime
from engine.stores.redis import RedisStore
from loadtest.clients.framing import handshake, split
from loadtest.clients.live_map import StrictMap
from seatmap.feed import RedisFeed
from seatmap.hub import Healer, Hub, Pace, SnapshotSource
from seatmap.protocol import Frame, MapState, MessageFrame
from seatmap.server import GatewayLimits, LiveServer

#: Nothing takes this long if all is well.
WAIT_S = 60
BINARY, JSON = Subprotocol("frontrow.v1"), Subprotocol("frontrow.v1.json")
#: Presence, audits and beats run only when a test asks for them.
CALM = Pace(tick_s=0.02, presence_s=3600, audit_s=3600, beat_s=3600)


async def break_feeds(server: EmbeddedRedis) -> None:
    """Close every connection that subscribes to Redis."""
    async with Redis.from_url(server.owner_url) as owner:
        await owner.client_kill_filter(_type="pubsub")


class BoxOffice:
    """One event's state in Redis, written and published as the engine's scripts do."""

    def __init__(self, store: RedisStore, seat_count: int = 40) -> None:
        self.store = store
        self.client = store.client
        self.event_id = new_id()
        self.seat_count = seat_count
        self.base = f"{{{self.event_id}}}"

    async def lay(self, epoch: int = 1) -> None:
        """Load an empty house under ``epoch``, announced as a rebuild is."""
        fields: dict[Any, Any] = {"epoch": epoch, "seq": 0, "status": "on_sale", "area:0": 412}
        async with self.client.pipeline(transaction=True) as pipe:
            pipe.hset(f"{self.base}:meta", mapping=fields)
            pipe.set(f"{self.base}:seats", b"0" * self.seat_count)
            pipe.publish(f"{self.base}:feed", f"c|{epoch}|0|{now_ms()}||")
            await pipe.execute()

    async def change(
        self, seats: dict[int, int], areas: dict[int, int] | None = None, *, tell: bool = True
    ) -> None:
        """Make one change set; with ``tell`` false the feed loses it."""
        stored = await self.client.hmget(f"{self.base}:meta", ["epoch", "seq"])
        epoch, number = int(stored[0] or 0), int(stored[1] or 0) + 1
        groups = ";".join(f"{state}:{seat_no}" for seat_no, state in seats.items())
        counts = ",".join(f"{no}:{left}" for no, left in (areas or {}).items())
        payload = f"c|{epoch}|{number}|{now_ms()}|{groups}|{counts}"
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
        read = await RedisSource(self.store).snapshot(self.event_id)
        return MapState(read.epoch, read.seq, read.states)


class RedisSource:
    """Reads an event the way ``engine.live.reading`` does, from Redis alone."""

    def __init__(self, store: RedisStore) -> None:
        self._client = store.client
        self._known: set[str] = set()
        self.distrusted: list[tuple[str, str]] = []

    async def snapshot(self, event_id: str) -> Snapshot:
        base = f"{{{event_id}}}"
        try:
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.hgetall(f"{base}:meta")
                pipe.get(f"{base}:seats")
                meta, seats = await pipe.execute()
        except (RedisError, OSError) as error:
            raise Unavailable("Redis is away") from error
        if not meta and event_id in self._known:
            # As in the engine: PostgreSQL knows the event, though Redis has lost it.
            raise Unavailable("The event's state is being rebuilt.")
        if not meta:
            raise NotFound("no such event")
        self._known.add(event_id)
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

    async def distrust(self, event_id: str, cause: str) -> bool:
        """Does nothing: there is no PostgreSQL to rebuild from."""
        self.distrusted.append((event_id, cause))
        return False


class Gateway:
    """A running gateway and the means to be its client."""

    def __init__(self, feed: RedisFeed, hub: Hub, server: LiveServer, tickets: LiveTickets) -> None:
        self.feed, self.hub, self.server, self.tickets = feed, hub, server, tickets

    def url(self, target: str) -> str:
        return f"ws://127.0.0.1:{self.server.port}/v1/live/{target}"

    @contextlib.asynccontextmanager
    async def known(self, target: str, person: str, **options: Any) -> AsyncIterator["Viewer"]:
        """A viewer whose ticket says that it is ``person``."""
        ticket = await self.tickets.issue(person)
        async with self.viewer(f"{target}?ticket={ticket}", **options) as viewer:
            await viewer.hears("authenticated")
            yield viewer

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
        """The gateway's close code, after skipping other frames."""
        async with self.viewer(target, **options) as viewer:
            for message in messages:
                await viewer.socket.send(message)
            return await viewer.closed()


class Viewer:
    """A client that builds a map from its frames, and fails when it is out of step."""

    def __init__(self, socket_: ClientConnection) -> None:
        self.socket = socket_
        self._shown = StrictMap(any_change=True)
        self.frames: list[Frame] = []
        #: Every message in order, and the last one of each type.
        self.heard: list[dict[str, Any]] = []
        self.messages: dict[str, dict[str, Any]] = {}

    @property
    def map(self) -> MapState | None:
        return self._shown.state

    def resumes(self, known: MapState) -> None:
        """This connection was opened with the position of a map from an earlier one."""
        self._shown.state, self._shown.lost = known, False
        self._shown.reconnected()

    async def read(self) -> Frame:
        async with asyncio.timeout(WAIT_S):
            data = await self.socket.recv()
        frame = self._shown.read(data)
        self.frames.append(frame)
        if isinstance(frame, MessageFrame):
            body = msgspec.json.decode(frame.body)
            body.pop("kind", None)
            self.heard.append(body)
            self.messages[body["type"]] = body
        return frame

    async def greeted(self) -> "Viewer":
        return await self.until(lambda: "presence" in self.messages)

    async def until(self, predicate: Callable[[], bool]) -> "Viewer":
        while not predicate():
            await self.read()
        return self

    async def hears(self, type_: str, **fields: Any) -> dict[str, Any]:
        """The next message of ``type_`` with these fields; earlier messages are dropped."""
        while True:
            while self.heard:
                body = self.heard.pop(0)
                if body["type"] == type_ and fields.items() <= body.items():
                    return body
            await self.read()

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


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@contextlib.asynccontextmanager
async def running_gateway(
    store: RedisStore,
    *,
    pace: Pace = CALM,
    limits: GatewayLimits | None = None,
    source: SnapshotSource | None = None,
    healer: Healer | None = None,
    **settings: Any,
) -> AsyncIterator[Gateway]:
    feed, fallback = RedisFeed(store.client, patience_s=WAIT_S), RedisSource(store)
    hub = Hub(feed, source or fallback, healer or fallback, WatcherCounts(store), pace)
    tickets = LiveTickets(store)
    server = LiveServer(hub, tickets, Settings(live_port=0, **settings), limits)
    async with feed.running(), hub.running(), server.running():
        yield Gateway(feed, hub, server, tickets)


def gateway_of(runtime: Runtime, **options: Any) -> contextlib.AbstractAsyncContextManager[Gateway]:
    """A gateway for the engine's own events."""
    return running_gateway(
        runtime.stores.redis, source=runtime.live.reading, healer=runtime.live.rebuilding, **options
    )


class RawClient:
    """A client on a bare socket: it reads on request and answers nothing by itself."""

    def __init__(self, socket_: socket.socket) -> None:
        self.socket = socket_
        self.frames: list[tuple[int, bytes]] = []
        self._parsed: deque[tuple[int, bytes]] = deque()
        self._buffer = b""

    def send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self.socket.sendall(data)

    async def read_frame(self) -> tuple[int, bytes] | None:
        """The next frame as (opcode, payload); None at the end of the stream."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(WAIT_S):
            while not self._parsed:
                try:
                    data = await loop.sock_recv(self.socket, 65_536)
                except ConnectionError:
                    return None
                if not data:
                    return None
                found, self._buffer = split(self._buffer + data)
                self._parsed += found
        frame = self._parsed.popleft()
        self.frames.append(frame)
        return frame

    async def close_code(self) -> int | None:
        """Read until the close frame and return its code; None when the stream ends without."""
        while (frame := await self.read_frame()) is not None:
            if frame[0] == Opcode.CLOSE:
                return int.from_bytes(frame[1][:2], "big") if frame[1] else 1005
        return None


@contextlib.asynccontextmanager
async def raw_client(
    gateway: Gateway, target: str, *, buffer_bytes: int | None = None
) -> AsyncIterator[RawClient]:
    loop = asyncio.get_running_loop()
    with socket.socket() as raw:
        if buffer_bytes is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        raw.setblocking(False)
        await loop.sock_connect(raw, ("127.0.0.1", gateway.server.port))
        request, accept = handshake("localhost", f"/v1/live/{target}", subprotocol=None)
        await loop.sock_sendall(raw, request)
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += await loop.sock_recv(raw, 1)
        assert answer.startswith(b"HTTP/1.1 101")
        assert accept in answer
        yield RawClient(raw)


# Fixtures: a Redis without PostgreSQL behind it, one event, a gateway.


@pytest.fixture(scope="session")
async def redis_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedRedis]:
    server = EmbeddedRedis(tmp_path_factory.mktemp("live"))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def store(redis_server: EmbeddedRedis) -> AsyncIterator[RedisStore]:
    store = RedisStore(redis_server.url)
    yield store
    await store.close()


@pytest.fixture
async def office(store: RedisStore) -> BoxOffice:
    office = BoxOffice(store)
    await office.lay()
    return office


@pytest.fixture
async def gateway(store: RedisStore) -> AsyncIterator[Gateway]:
    async with running_gateway(store) as gateway:
        yield gateway
