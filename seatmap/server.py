"""WebSocket connections: admission, limits on messages, closing.

``/v1/live/{event_id}?epoch=&seq=``. A browser cannot read why a handshake was refused, so the handshake is
completed and the connection closed with a code that gives the reason:

==== ==========================================================================================
4400 malformed: bad query, unknown subprotocol, a message that is not of this protocol
4401 not authorised: the ticket is unknown, used or too old, or another person's
4404 no such event
4408 too slow: did not read, or did not answer pings
4429 too many connections from one address or network, or too many messages
1001 going away; the reason says when to reconnect
1013 try again later: the event's state or the ticket cannot be read at the moment, or this gateway is full
==== ==========================================================================================

Only a page from a foreign origin is refused over HTTP (403). Violations of RFC 6455 itself (an unmasked
frame, more than 4 KiB) make the ``websockets`` library close with the RFC's own codes.
"""

import asyncio
import contextlib
import http
import random
import re
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from functools import partial
from typing import Annotated, Any
from urllib.parse import parse_qsl

import msgspec
import structlog
from msgspec import Meta, Struct
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from websockets import Headers
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import CONNECTING, OPEN, Event
from websockets.typing import Origin, Subprotocol

from engine.base.addresses import (
    client_address,
    client_network,
    is_among,
    may_look_inside,
    wide_network,
)
from engine.base.config import ConfigError, Settings
from engine.base.errors import NotFound, Unavailable
from engine.base.logs import REQUEST_ID, request_id
from engine.live.live_tickets import LiveTickets
from engine.live.messages import NoticeMessage
from seatmap import metrics
from seatmap.fanout import Watcher, wire
from seatmap.hub import Hub
from seatmap.people import PersonalMessages
from seatmap.protocol import (
    CLOSE_GOING_AWAY,
    CLOSE_MALFORMED,
    CLOSE_NOT_AUTHORISED,
    CLOSE_NOT_FOUND,
    CLOSE_TOO_MANY,
    CLOSE_TOO_SLOW,
    CLOSE_TRY_LATER,
    Encoding,
    message,
)
from seatmap.replica import Position

log = structlog.get_logger(__name__)

_PATH = re.compile(r"/v1/live/([^/?#]*)")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NUMBER = re.compile(r"[0-9]{1,20}")
_U32_MAX, _U64_MAX = 2**32 - 1, 2**64 - 1
_QUERY_FIELDS_MAX = 16
#: A close frame's payload is 125 bytes, two of them the code.
_REASON_BYTES_MAX = 123
_ENCODINGS: dict[str, Encoding] = {encoding.value: encoding for encoding in Encoding}
_PING = b"\x89\x00"
_PINGS = (Opcode.PING, Opcode.PONG)
#: Pings and pongs a client may send at once, and per second in the long run.
_PING_BURST, _PINGS_PER_S = 20, 1.0
_SWEEP_SLICE = 512
#: At shutdown: the shortest and the longest window over which clients reconnect, in s; and reconnects per s.
_RETURN_MIN_S, _RETURN_MAX_S = 1.0, 30.0
_RETURNS_PER_S = 500


class GatewayLimits(Struct, frozen=True, kw_only=True):
    """Limits of what one client may cost. Durations are in seconds."""

    connections_per_address: int = 1000
    #: Limit of an IPv4 /24 or an IPv6 /48, as a multiple of an address's. A customer of the smallest provider
    #: has 65,536 IPv6 networks.
    addresses_per_network: int = 4
    #: Watchers of one gateway, some 15 KiB each.
    connections_max: int = 30_000
    #: Connections whose handshake is not complete; the oldest is closed for a new one.
    handshakes_max: int = 2048
    #: Bytes of a handshake; a browser's has two kilobytes, with cookies some more.
    handshake_bytes_max: int = 32 * 1024
    message_bytes_max: int = 4096
    #: Messages a client may send at once, and per second in the long run.
    message_burst: int = 10
    messages_per_s: float = 1.0
    #: A watcher with more than this unsent gets no more deltas until it has drained.
    backlog_bytes_max: int = 64 * 1024
    #: The kernel buffers this much more (it doubles the figure) before a backlog shows.
    kernel_buffer_bytes: int = 32 * 1024
    handshake_s: float = 10.0
    #: A silent client is pinged after this time, and closed after twice this time.
    heartbeat_s: float = 20.0
    #: How long a closing handshake may take before the connection is cut.
    close_s: float = 5.0


class HandshakeRefused(Exception):
    """An answer to the client, not a failure: the connection is closed with ``code``."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Target(Struct, frozen=True):
    """The event that a client asks to watch, and the position of its map if it has one."""

    event_id: str
    position: Position | None
    ticket: str | None


def parse_target(path: str) -> Target:
    """The target in a request's path and query. Raises HandshakeRefused."""
    path, _, query = path.partition("?")
    match = _PATH.fullmatch(path)
    if match is None or not _UUID.fullmatch(match[1]):
        raise HandshakeRefused(CLOSE_NOT_FOUND, "no such event")
    fields = _parse_query(query)
    epoch = _parse_number(fields, "epoch", _U32_MAX)
    seq = _parse_number(fields, "seq", _U64_MAX)
    known = epoch is not None and seq is not None
    position = Position(epoch, seq) if known else None  # type: ignore[arg-type]  # both are known
    return Target(match[1].lower(), position, fields.get("ticket"))


def _parse_query(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_QUERY_FIELDS_MAX)
    except ValueError as error:
        raise HandshakeRefused(CLOSE_MALFORMED, str(error)) from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise HandshakeRefused(CLOSE_MALFORMED, "a query field is repeated")
    return fields


def _parse_number(fields: dict[str, str], name: str, most: int) -> int | None:
    text = fields.get(name, "")
    if text == "":
        return None
    if not _NUMBER.fullmatch(text) or int(text) > most:
        raise HandshakeRefused(CLOSE_MALFORMED, f"{name} is not a number up to {most}")
    return int(text)


class Allowance:
    """A token bucket: ``burst`` at once, ``per_s`` in the long run."""

    __slots__ = ("_burst", "_left", "_per_s", "_then")

    def __init__(self, burst: int, per_s: float, now: float) -> None:
        self._burst = self._left = float(burst)
        self._per_s = per_s
        self._then = now

    def spend(self, now: float) -> bool:
        self._left = min(self._burst, self._left + (now - self._then) * self._per_s)
        self._then = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


#: Takes the place of a request that was answered.
_HANDSHAKE = Request("", Headers())


class Handshakes:
    """Connections whose handshake is not complete, the oldest first."""

    def __init__(self, limits: GatewayLimits) -> None:
        self._limits = limits
        self._waiting: dict[LiveConnection, None] = {}

    def begin(self, connection: "LiveConnection") -> None:
        """Add a connection; where too many wait, the one that has waited longest is cut."""
        self._waiting[connection] = None
        if len(self._waiting) > self._limits.handshakes_max:
            oldest = next(iter(self._waiting))
            self.end(oldest)
            oldest.transport.abort()

    def end(self, connection: "LiveConnection") -> None:
        """Remove a connection: its handshake is complete, or it has ended."""
        self._waiting.pop(connection, None)

    def is_too_long(self, size: int) -> bool:
        """Whether an incomplete handshake of ``size`` bytes is too large."""
        return size > self._limits.handshake_bytes_max


class LiveConnection(ServerConnection):
    """Passes on the transport's state: full, drained, alive, closing."""

    watcher: Watcher | None = None
    encoding = Encoding.BINARY
    #: Set when the client offered only subprotocols we do not speak.
    unknown_subprotocol = False
    #: When the connection is cut if the client has not closed it.
    cut: asyncio.TimerHandle | None = None
    heard_at = 0.0
    pinged = False
    closing = False
    pings: Allowance | None = None
    #: The last bytes of an incomplete handshake, and the number of all its bytes.
    head_end = b""
    head_size = 0

    def __init__(self, handshakes: Handshakes, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._handshakes = handshakes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.heard_at = self.loop.time()
        self._handshakes.begin(self)

    def data_received(self, data: bytes) -> None:
        if self._speaks_too_soon(data):
            self.transport.abort()
            return
        self.heard_at = self.loop.time()
        self.pinged = False
        super().data_received(data)
        self._end_unless_open()

    def eof_received(self) -> None:
        if self._speaks_too_soon(b""):
            self.transport.abort()
            return
        super().eof_received()
        self._end_unless_open()

    def _end_unless_open(self) -> None:
        """After a close frame or a violation of the protocol nothing may follow our answer to it, and a
        client that does not close then is cut: the library would wait for ever.
        """
        if self.protocol.state in (CONNECTING, OPEN):
            return
        if self.watcher is not None:
            self.watcher.closed()
        if self.cut is None and self.close_timeout is not None:
            self.cut = self.loop.call_later(self.close_timeout, self.transport.abort)

    def forget_handshake(self) -> None:
        """Release the headers of both sides: a browser's have some kilobytes, kept for every watcher."""
        self.request, self.response = _HANDSHAKE, None
        self._handshakes.end(self)

    def _speaks_too_soon(self, data: bytes) -> bool:
        """A client must wait for the answer to its handshake. If it does not, the library answers its pings
        before the handshake, and logs a traceback when it refuses the handshake. The library also accepts a
        megabyte of headers.
        """
        if self.protocol.state is not CONNECTING:
            return False
        if self.request is not None:
            return True
        self.head_size += len(data)
        if self._handshakes.is_too_long(self.head_size):
            return True
        seen = self.head_end + data
        ends_at = seen.find(b"\r\n\r\n")
        self.head_end = seen[-3:]
        return 0 <= ends_at < len(seen) - 4

    def process_event(self, event: Event) -> None:
        if isinstance(event, Frame) and event.opcode in _PINGS and not self._may_ping():
            self._end_flood()
            return
        is_message = isinstance(event, Frame) and event.opcode in DATA_OPCODES
        if not (self.closing and is_message):
            super().process_event(event)

    def _may_ping(self) -> bool:
        now = self.loop.time()
        if self.pings is None:
            self.pings = Allowance(_PING_BURST, _PINGS_PER_S, now)
        return self.pings.spend(now)

    def _end_flood(self) -> None:
        # Every ping is answered, and the answers wait for a client that may never read: from here on nothing
        # of it is read.
        if self.protocol.state is OPEN:
            metrics.CLOSES.labels(str(CLOSE_TOO_MANY)).inc()
            self.protocol.fail(CLOSE_TOO_MANY, "too many pings")
            self.send_data()

    def hear_only_the_close(self) -> None:
        """From now on drop messages: the client's answer to our close may be behind many of them, and the
        library stops reading while they are queued.
        """
        self.closing = True
        with contextlib.suppress(RuntimeError):
            self.transport.resume_reading()

    # The write limit is 0: paused as soon as anything is buffered, resumed when nothing is.

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.watcher is not None:
            self.watcher.buffering()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.watcher is not None:
            self.watcher.drained()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.watcher is not None:
            self.watcher.closed()
        if self.cut is not None:
            self.cut.cancel()
        self._handshakes.end(self)
        super().connection_lost(exc)


class _Sink:
    """A connection's transport and the server's way of closing it, for its watcher."""

    __slots__ = ("_close", "backlog_bytes", "fileno", "write")

    def __init__(self, connection: LiveConnection, close: Callable[[int, str], None]) -> None:
        transport = connection.transport
        self.fileno: int = transport.get_extra_info("socket").fileno()
        self.write: Callable[[bytes], None] = transport.write
        self.backlog_bytes: Callable[[], int] = transport.get_write_buffer_size
        self._close = close

    def close(self, code: int, reason: str) -> None:
        self._close(code, reason)


class _AskMap(Struct, tag="snapshot", forbid_unknown_fields=True):
    """Asks for the whole map again."""


class _Authenticate(Struct, tag="authenticate", forbid_unknown_fields=True):
    """Names the person of a watcher that was anonymous so far."""

    ticket: Annotated[str, Meta(max_length=255)]


_request_decoder: msgspec.json.Decoder[_AskMap | _Authenticate] = msgspec.json.Decoder(
    _AskMap | _Authenticate
)


class LiveServer:
    """Serves ``hub`` to WebSocket clients, and health and metrics to operators."""

    def __init__(
        self,
        hub: Hub,
        tickets: LiveTickets,
        settings: Settings,
        limits: GatewayLimits | None = None,
    ) -> None:
        self._hub = hub
        self._tickets = tickets
        self._people = PersonalMessages(hub.feed)
        self._host, self._port = settings.live_host, settings.live_port
        self._reuse_port = settings.live_reuse_port
        self._trusted_proxies = settings.trusted_proxies
        self._metrics_networks = settings.metrics_networks
        self._origins = _allowed_origins(settings)
        self._unlimited = settings.unlimited_networks
        self.limits = limits or GatewayLimits(
            connections_per_address=settings.live_connections_per_address,
            connections_max=settings.live_connections_max,
        )
        self._handshakes = Handshakes(self.limits)
        #: By address, and by network.
        self._counts: Counter[str] = Counter()
        self._connections: set[LiveConnection] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._stopping = False
        self.port = 0

    @property
    def connections(self) -> frozenset[LiveConnection]:
        """Connections whose handshake is complete."""
        return frozenset(self._connections)

    @property
    def is_ready(self) -> bool:
        """New clients are welcome. May be asked from any thread."""
        return not self._stopping and self._hub.feed.connected

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Accept connections until the block ends; then close all with 1001 and a time to reconnect.

        Raises ConfigError when the address cannot be bound.
        """
        server = await self._listen()
        self.port = server.sockets[0].getsockname()[1]
        sweeper = asyncio.create_task(self._sweep_forever(), name="heartbeat")
        try:
            yield
        finally:
            sweeper.cancel()
            await self._stop(server)

    async def _listen(self) -> Server:
        limits = self.limits
        server = serve(
            self._handle,  # type: ignore[arg-type]  # create_connection makes them ours
            self._host,
            self._port,
            create_connection=partial(LiveConnection, self._handshakes),  # type: ignore[arg-type]  # it is called, nothing else
            origins=self._origins,
            select_subprotocol=_select_subprotocol,
            process_request=self._answer_http,
            process_response=_name_request,
            # One stream of bytes for all: nothing may differ by connection.
            compression=None,
            # The library's own pings need a task per connection, and wait for a full buffer.
            ping_interval=None,
            open_timeout=limits.handshake_s,
            close_timeout=limits.close_s,
            max_size=limits.message_bytes_max,
            max_queue=4,
            write_limit=0,
            server_header=None,
            backlog=4096,
            reuse_port=self._reuse_port or None,
        )
        try:
            await server
        except OSError as error:
            raise ConfigError(
                f"FRONTROW_LIVE_PORT: cannot listen on {self._host}:{self._port} "
                f"({error.strerror}); set FRONTROW_LIVE_HOST and FRONTROW_LIVE_PORT to a free "
                "address, for example FRONTROW_LIVE_PORT=8011"
            ) from None
        for listener in server.sockets:
            # Accepted sockets inherit it. Without it the kernel keeps megabytes for a client that does not
            # read, and the backlog shows too late.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.kernel_buffer_bytes)
        return server

    # HTTP

    def _answer_http(
        self, connection: ServerConnection, request: Request
    ) -> Response | Awaitable[Response] | None:
        # A header that is given more than once is ignored; the connection's handler inherits the value set
        # here.
        given = request.headers.get_all("X-Request-Id")
        REQUEST_ID.set(request_id(given[0].encode() if len(given) == 1 else b""))
        path = request.path.partition("?")[0]
        match path if self._may_look_inside(connection, request) else "":
            case "/health/live":
                return _response(connection, http.HTTPStatus.OK, b'{"status":"ok"}')
            case "/health/ready":
                return self._answer_ready(connection)
            case "/metrics":
                return _answer_metrics(connection)
        if _PATH.fullmatch(path) or "Upgrade" in request.headers:
            return None
        return _response(connection, http.HTTPStatus.NOT_FOUND, b'{"status":"not found"}')

    def _may_look_inside(self, connection: ServerConnection, request: Request) -> bool:
        return may_look_inside(
            _address_of(connection),
            (request.headers.get_all("Host") or [""])[0],
            (name.lower() for name in request.headers),
            self._metrics_networks,
        )

    def _answer_ready(self, connection: ServerConnection) -> Response:
        if self._stopping:
            status, body = http.HTTPStatus.SERVICE_UNAVAILABLE, b'{"status":"stopping"}'
        elif not self.is_ready:
            status, body = http.HTTPStatus.SERVICE_UNAVAILABLE, b'{"status":"redis unavailable"}'
        else:
            status, body = http.HTTPStatus.OK, b'{"status":"ok"}'
        return _response(connection, status, body)

    # WebSockets

    async def _handle(self, connection: LiveConnection) -> None:
        try:
            with self._counted(connection):
                await self._serve(connection)
        except HandshakeRefused as refusal:
            await self._close(connection, refusal.code, refusal.reason)
        except ConnectionClosed:
            pass

    @contextlib.contextmanager
    def _counted(self, connection: LiveConnection) -> Iterator[None]:
        """Count the connection. Raises HandshakeRefused when a limit is reached."""
        quotas = self._quotas_of(connection)
        gauge = metrics.CONNECTIONS.labels(connection.encoding.value)
        self._counts.update(quotas.keys())
        self._connections.add(connection)
        self._handshakes.end(connection)
        gauge.inc()
        try:
            if any(self._counts[name] > quota for name, quota in quotas.items()):
                raise HandshakeRefused(CLOSE_TOO_MANY, "too many connections from this address")
            if len(self._connections) > self.limits.connections_max:
                raise HandshakeRefused(CLOSE_TRY_LATER, "too many watchers here")
            yield
        finally:
            gauge.dec()
            self._connections.discard(connection)
            self._counts.subtract(quotas.keys())
            for name in quotas:
                if not self._counts[name]:
                    del self._counts[name]

    def _quotas_of(self, connection: LiveConnection) -> dict[str, int]:
        """The keys that the connection counts under, and the limit of each."""
        assert connection.request is not None
        address = client_address(
            _address_of(connection),
            connection.request.headers.get_all("X-Forwarded-For"),
            self._trusted_proxies,
        )
        most = self.limits.connections_per_address
        if address is None:
            return {"": most}
        if is_among(address, self._unlimited):
            return {}
        of_network = most * self.limits.addresses_per_network
        return {client_network(address): most, f"in {wide_network(address)}": of_network}

    async def _serve(self, connection: LiveConnection) -> None:
        if self._stopping:
            (delay_ms,) = return_delays_ms(1)
            raise HandshakeRefused(CLOSE_GOING_AWAY, _return_reason(delay_ms))
        if connection.unknown_subprotocol:
            known = " or ".join(encoding.value for encoding in Encoding)
            raise HandshakeRefused(CLOSE_MALFORMED, f"the subprotocol must be {known}")
        assert connection.request is not None
        target = parse_target(connection.request.path)
        connection.forget_handshake()
        person = None if target.ticket is None else await self._redeem(target.ticket)
        if connection.protocol.state is not OPEN:
            # The connection has ended while its ticket was looked up; there may be no socket any more.
            return
        sink = _Sink(
            connection, lambda code, reason: self._spawn(self._close(connection, code, reason))
        )
        watcher = Watcher(connection.encoding, sink, self.limits.backlog_bytes_max)
        connection.watcher = watcher
        try:
            await self._join(target, watcher)
            if person is not None:
                await self._people.join(person, watcher)
            await self._listen_to(connection, watcher)
        finally:
            watcher.closed()
            self._hub.leave(watcher)
            await self._people.leave(watcher)

    async def _redeem(self, ticket: str) -> str:
        try:
            person = await self._tickets.redeem(ticket)
        except Unavailable as error:
            raise HandshakeRefused(CLOSE_TRY_LATER, error.detail) from None
        metrics.TICKETS.labels("unknown" if person is None else "known").inc()
        if person is None:
            raise HandshakeRefused(CLOSE_NOT_AUTHORISED, "the ticket is unknown, used or too old")
        return person

    async def _join(self, target: Target, watcher: Watcher) -> None:
        try:
            await self._hub.join(target.event_id, watcher, target.position)
        except NotFound:
            raise HandshakeRefused(CLOSE_NOT_FOUND, "no such event") from None
        except Unavailable as error:
            raise HandshakeRefused(CLOSE_TRY_LATER, error.detail) from None

    async def _listen_to(self, connection: LiveConnection, watcher: Watcher) -> None:
        loop = connection.loop
        allowance = Allowance(self.limits.message_burst, self.limits.messages_per_s, loop.time())
        while True:
            text = await connection.recv()
            if not allowance.spend(loop.time()):
                raise HandshakeRefused(CLOSE_TOO_MANY, "too many messages")
            if not isinstance(text, str):
                raise HandshakeRefused(CLOSE_MALFORMED, "messages are JSON text")
            try:
                request = _request_decoder.decode(text)
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                raise HandshakeRefused(CLOSE_MALFORMED, "not a message of this protocol") from None
            if isinstance(request, _Authenticate):
                await self._authenticate(watcher, request.ticket)
            elif watcher.watch is not None:
                watcher.watch.ask(watcher)

    async def _authenticate(self, watcher: Watcher, ticket: str) -> None:
        person = await self._redeem(ticket)
        if watcher.person not in (None, person):
            raise HandshakeRefused(CLOSE_NOT_AUTHORISED, "this connection is another person's")
        await self._people.join(person, watcher)

    # Closing

    async def _close(self, connection: LiveConnection, code: int, reason: str) -> None:
        """The closing handshake, or the end of the connection, within ``limits.close_s``."""
        if connection.watcher is not None:
            connection.watcher.closed()
        connection.hear_only_the_close()
        if connection.protocol.state is OPEN:
            metrics.CLOSES.labels(str(code)).inc()
        reason = reason.encode()[:_REASON_BYTES_MAX].decode(errors="ignore")
        try:
            # Closing would first wait for the buffer of a client that may never read.
            async with asyncio.timeout(self.limits.close_s):
                await connection.close(code, reason)
        except TimeoutError:
            connection.transport.abort()

    def _spawn(self, closing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(closing)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _stop(self, server: Server) -> None:
        self._stopping = True
        server.close(close_connections=False)
        connections = list(self._connections)
        delays_ms = return_delays_ms(len(connections))
        for number, connection in enumerate(connections):
            self._send_away(connection, delays_ms[number])
            if number % _SWEEP_SLICE == _SWEEP_SLICE - 1:
                await asyncio.sleep(0)
        if self._closing:
            await asyncio.wait(set(self._closing))
        for handler in list(server.handler_tasks):
            # The handler may still wait for an event's state, for a client that is gone by now.
            handler.cancel()
        await server.wait_closed()

    def _send_away(self, connection: LiveConnection, delay_ms: int) -> None:
        watcher = connection.watcher
        # A client that has not been greeted yet learns it from the close alone.
        if watcher is not None and watcher.open and watcher.watch is not None:
            notice = NoticeMessage("going-away", reconnect_in_ms=delay_ms)
            watcher.push(wire([message(0, notice)], watcher.encoding))
        metrics.DRAINED.inc()
        reason = _return_reason(delay_ms)
        self._spawn(self._close(connection, CLOSE_GOING_AWAY, reason))

    # Heartbeat

    async def _sweep_forever(self) -> None:
        while True:
            await asyncio.sleep(self.limits.heartbeat_s / 4)
            await self._sweep()

    async def _sweep(self) -> None:
        """Ping silent clients, close those that stay silent, and measure the backlog of slow ones."""
        buffered_bytes, behind = 0, 0
        for number, connection in enumerate(list(self._connections)):
            buffered_bytes += connection.transport.get_write_buffer_size()
            watcher = connection.watcher
            behind += watcher is not None and watcher.behind_since is not None
            silent_s = connection.loop.time() - connection.heard_at
            if connection.protocol.state is not OPEN:
                pass
            elif silent_s >= 2 * self.limits.heartbeat_s:
                self._spawn(self._close(connection, CLOSE_TOO_SLOW, "no answer to pings"))
            elif silent_s >= self.limits.heartbeat_s and not connection.pinged:
                connection.pinged = True
                connection.transport.write(_PING)
            if number % _SWEEP_SLICE == _SWEEP_SLICE - 1:
                await asyncio.sleep(0)
        metrics.BUFFERED_BYTES.set(buffered_bytes)
        metrics.BEHIND.set(behind)


def return_delays_ms(count: int) -> list[int]:
    """Delay before each of ``count`` clients reconnects: even over a window that grows with their number."""
    window_s = min(max(_RETURN_MIN_S, count / _RETURNS_PER_S), _RETURN_MAX_S)
    step_ms = 1000 * window_s / max(1, count)
    return [int((number + random.random()) * step_ms) for number in range(count)]  # noqa: S311 - jitter is no secret


def _return_reason(delay_ms: int) -> str:
    return f"reconnect in {delay_ms} ms"


def _select_subprotocol(
    connection: ServerConnection, offered: Sequence[Subprotocol]
) -> Subprotocol | None:
    assert isinstance(connection, LiveConnection)
    for name in offered:
        if encoding := _ENCODINGS.get(name):
            connection.encoding = encoding
            return name
    if not offered:
        return None
    # A browser fails the handshake unless a subprotocol that it offered is chosen, and then sees no close
    # code.
    connection.unknown_subprotocol = True
    return offered[0]


def _allowed_origins(settings: Settings) -> list[Origin | re.Pattern[str] | None] | None:
    """None allows any. A client that sends no Origin is not a page of a browser, so no page is at risk."""
    if "*" in settings.allowed_origins:
        return None
    return [None, *(Origin(origin.rstrip("/")) for origin in settings.allowed_origins)]


def _name_request(_: ServerConnection, __: Request, response: Response) -> None:
    response.headers["X-Content-Type-Options"] = "nosniff"
    ids = REQUEST_ID.get()
    if isinstance(ids, bytes):
        response.headers["X-Request-Id"] = ids.decode()


async def _answer_metrics(connection: ServerConnection) -> Response:
    # In a thread: a broadcast must not wait for it.
    text = await asyncio.to_thread(generate_latest)
    return _response(connection, http.HTTPStatus.OK, text, CONTENT_TYPE_LATEST)


def _address_of(connection: ServerConnection) -> str:
    """The address at the other end; empty where nobody is there any more."""
    try:
        peer = connection.remote_address
    except AttributeError:
        # uvloop's transport has no socket left: the client was gone before its request was looked at.
        return ""
    return str(peer[0]) if peer else ""


def _response(
    connection: ServerConnection,
    status: http.HTTPStatus,
    body: bytes,
    content_type: str = "application/json",
) -> Response:
    response = connection.respond(status, body.decode())
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = content_type
    response.headers["Cache-Control"] = "no-store"
    return response
