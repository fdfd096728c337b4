"""The feed of an event's changes, as Redis publishes it.

Channel ``{<event_id>}:feed`` carries

* ``c|<epoch>|<seq>|<time_ms>|<seats>|<areas>``: one change set. ``seq`` is the number after the change;
  ``<seats>`` is ``<digit>:<seat_no>,<seat_no>…`` groups joined by ``;``, ``<areas>`` is
  ``<area_no>:<available>,…``. Either may be empty.
* ``m|<json>``: a message for the watchers, forwarded unchanged.

Publishing is fire and forget, so a subscriber must know when it may have missed something: ``RedisFeed``
reports each confirmation of a subscription, the first one and those after a reconnection.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any, Protocol

import msgspec
import structlog
from msgspec import Struct
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from engine.live.codec import PUBLIC_STATE
from seatmap import metrics

log = structlog.get_logger()

#: Always subscribed to, so that there is a connection to watch over from the start.
_PRESENCE_CHANNEL = "frontrow:live"
#: After this long without a byte Redis is pinged; after twice as long the connection counts as lost.
_SILENCE_S = 5.0
#: Messages dispatched before the loop gets a turn; a flood must not starve the watchers.
_DISPATCH_SLICE = 256


class BadPayloadError(ValueError):
    """A published payload that cannot be parsed."""


class ChangeSet(Struct, frozen=True):
    """One change set: the public seat states and the availability of areas after it."""

    epoch: int
    seq: int
    time_ms: int
    seats: list[tuple[int, int]]
    areas: list[tuple[int, int]]


class Note(Struct, frozen=True):
    """A message to forward. ``raw`` is ``body`` as it was published."""

    body: dict[str, Any]
    raw: bytes


class Listener(Protocol):
    """A listener of a channel. Called on the event loop; must not block."""

    def subscribed(self) -> None:
        """Redis has confirmed. Anything published before this moment may have been missed."""

    def lost(self) -> None:
        """The connection is lost; ``subscribed`` follows when it is back."""

    def received(self, payload: bytes) -> None: ...


class Feed(Protocol):
    @property
    def connected(self) -> bool: ...

    async def subscribe(self, channel: str, listener: Listener) -> None: ...

    async def unsubscribe(self, channel: str, listener: Listener) -> None: ...


def parse_payload(payload: bytes) -> ChangeSet | Note:
    """Raises BadPayloadError for anything but the two forms above."""
    try:
        if payload.startswith(b"m|"):
            return _parse_note(payload[2:])
        kind, epoch, seq, time_ms, seats, areas = payload.split(b"|")
        if kind != b"c":
            raise BadPayloadError(f"unknown kind {kind!r}")
        return ChangeSet(
            int(epoch), int(seq), int(time_ms), _parse_seats(seats), _parse_areas(areas)
        )
    except (ValueError, IndexError, msgspec.DecodeError) as error:
        raise BadPayloadError(str(error)) from None


def _parse_note(raw: bytes) -> Note:
    body = msgspec.json.decode(raw)
    if not isinstance(body, dict) or not isinstance(body.get("type"), str):
        raise BadPayloadError("a message needs a type")
    return Note(body, raw)


def _parse_seats(text: bytes) -> list[tuple[int, int]]:
    seats = []
    for group in text.split(b";") if text else ():
        digit, numbers = group.split(b":")
        state = PUBLIC_STATE[int(digit)]
        seats += [(int(number), state) for number in numbers.split(b",")]
    return seats


def _parse_areas(text: bytes) -> list[tuple[int, int]]:
    pairs = (pair.split(b":") for pair in text.split(b",")) if text else ()
    return [(int(area_no), int(available)) for area_no, available in pairs]


def backoff_s(attempt: int, *, first_s: float = 0.1, most_s: float = 2.0) -> float:
    """Doubling from ``first_s``, with jitter so that processes do not return in step."""
    spread = random.uniform(0.5, 1.0)  # noqa: S311 - jitter is no secret
    return spread * min(most_s, first_s * 2.0 ** min(attempt, 16))


class RedisFeed:
    """One connection in subscriber mode, for any number of channels.

    It uses the connection directly and not redis-py's ``PubSub``, which reconnects unseen by its caller, in
    the task that notices first.
    """

    def __init__(self, redis: Redis, patience_s: float = 2.0) -> None:
        self._patience_s = patience_s
        self._pool = redis.connection_pool
        self._listeners: dict[bytes, Listener] = {}
        self._connection: AbstractConnection | None = None
        self._connected = asyncio.Event()
        #: Keeps an UNSUBSCRIBE and a following SUBSCRIBE of one channel in order.
        self._sending = asyncio.Lock()

    @property
    def connected(self) -> bool:
        """Redis has confirmed a subscription on the present connection."""
        return self._connected.is_set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the connection alive, reconnecting with backoff, until the block ends.

        The block begins once it is connected, or after ``patience_s`` without Redis.
        """
        task = asyncio.create_task(self._run(), name="redis feed")
        try:
            # After a restart many watchers return at once; without the feed all would be refused.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._patience_s):
                    await self._connected.wait()
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def subscribe(self, channel: str, listener: Listener) -> None:
        """``listener`` gets the items of ``channel`` from its next ``subscribed`` call on. Never fails:
        without a connection the channel is subscribed to as soon as there is one.
        """
        self._listeners[channel.encode()] = listener
        await self._send("SUBSCRIBE", channel)

    async def unsubscribe(self, channel: str, listener: Listener) -> None:
        """Has no effect when another listener has the channel by now."""
        if self._listeners.get(channel.encode()) is listener:
            del self._listeners[channel.encode()]
            await self._send("UNSUBSCRIBE", channel)

    async def _send(self, *command: str | bytes) -> None:
        async with self._sending:
            if self._connection is not None:
                # A failure here is a failure of the connection, which the reader sees as well; when the
                # reader saw it first, redis-py finds the writer closed.
                with contextlib.suppress(RedisError, OSError, AttributeError):
                    await self._connection.send_command(*command, check_health=False)

    async def _run(self) -> None:
        attempt = 0
        while True:
            try:
                await self._read_until_lost()
            except Exception as error:
                # Any error: if this task ended, every map would stand still for good.
                attempt = 0 if self.connected else attempt + 1
                # Logged once when it happens and once when it lasts; after that, readiness shows it.
                say = log.warning if attempt in (0, 3) else log.debug
                expected = isinstance(error, RedisError | OSError | TimeoutError)
                say("redis feed lost", error=repr(error), attempt=attempt, exc_info=not expected)
            finally:
                self._announce_loss()
            await asyncio.sleep(backoff_s(attempt))

    async def _read_until_lost(self) -> None:
        connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        connection.retry = Retry(NoBackoff(), 0)
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
            async with self._sending:
                channels = [_PRESENCE_CHANNEL, *self._listeners]
                await connection.send_command("SUBSCRIBE", *channels, check_health=False)
                self._connection = connection
            await self._dispatch_forever(connection)
        finally:
            self._connection = None
            await connection.disconnect(nowait=True)

    async def _dispatch_forever(self, connection: AbstractConnection) -> None:
        asked = False
        dispatched = 0
        while True:
            message = await connection.read_response(
                timeout=_SILENCE_S, disconnect_on_error=False, push_request=True
            )
            if message is not None:
                asked = False
                self._dispatch(message)
            elif asked:
                raise ConnectionError("Redis does not answer")
            else:
                asked = True
                await self._send("PING")
            dispatched += 1
            if dispatched % _DISPATCH_SLICE == 0:
                await asyncio.sleep(0)

    def _dispatch(self, message: Any) -> None:
        match message:
            case [b"message", bytes(channel), bytes(payload)]:
                if listener := self._listeners.get(channel):
                    listener.received(payload)
            case [b"subscribe", bytes(channel), *_]:
                if listener := self._listeners.get(channel):
                    listener.subscribed()
                elif channel == _PRESENCE_CHANNEL.encode():
                    self._connected.set()
                    metrics.FEED_CONNECTED.set(1)
                    log.info("redis feed connected")

    def _announce_loss(self) -> None:
        self._connected.clear()
        metrics.FEED_CONNECTED.set(0)
        for listener in list(self._listeners.values()):
            listener.lost()
