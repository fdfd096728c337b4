"""The API's connections: how long each may take, how many there may be, and which ones make room.

A connection costs its sender nothing until a request is complete. So a connection that waits (for the first
byte of a request, for the rest of its headers) is kept only while there is room: when there is none, the
connections that have waited longest are closed, and new ones are served. No request pays for this: one sweep
a second looks at all connections.

==================== ======================================================== ======================
waits for            until                                                    then
==================== ======================================================== ======================
headers              ``header_timeout_s`` after their first byte               408, closed
a body               nothing came for ``progress_timeout_s``; or slower over   408, closed
                     six times that than 10 KB/s
the next request     ``idle_timeout_s`` after the answer before                closed
its reader           nothing was read of the answer for ``progress_timeout_s`` cut
==================== ======================================================== ======================
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, cast

import httptools
import prometheus_client
from msgspec import Struct
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.problems import PROBLEM_JSON, encode_problem
from engine.base.addresses import is_among, wide_network
from engine.base.config import Settings
from engine.base.errors import FrontrowError, InvalidInput, TooManyRequests, Unavailable

#: Bytes of a request's line and headers, and of anything else that comes before the body.
HEAD_SIZE_MAX = 32 * 1024
HEADERS_MAX = 100
#: Requests that a client may send before the first is answered.
PIPELINE_MAX = 16
#: Bytes of answers that wait in this process for clients that do not read them.
UNREAD_MAX = 64 * 1024 * 1024
#: Bytes that the kernel buffers for one slow reader (it doubles the figure).
KERNEL_BUFFER_SIZE = 128 * 1024
_SWEEP_SLICE = 512
_BODY_BYTES_PER_S_MIN = 10_000
#: The share of waiting connections that is closed at once: finding them costs a walk through all.
_ROOM_SHARE = 16

_OPEN = prometheus_client.Gauge("frontrow_http_connections", "Open connections of clients.")
_ENDED = prometheus_client.Counter(
    "frontrow_http_connections_ended", "Connections that were ended, by what they did.", ["why"]
)
for _why in ("headers", "body", "idle", "unread", "room", "network", "full", "malformed"):
    _ENDED.labels(_why)


class _HeadWaits:
    """A transport that joins a response's head to the write behind it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""

    def write(self, data: bytes) -> None:
        if self._head and len(data) > HEAD_SIZE_MAX:
            # Not copied: many clients may be given the very same bytes.
            self._flush()
            self._transport.write(data)
        elif self._head:
            data, self._head = self._head + data, b""
            self._transport.write(data)
        elif data.endswith(b"\r\n\r\n"):
            self._head = data
            # Nothing may follow soon: a stream's first piece, an answer to HEAD.
            asyncio.get_running_loop().call_soon(self._flush)
        else:
            self._transport.write(data)

    def _flush(self) -> None:
        if self._head:
            data, self._head = self._head, b""
            self._transport.write(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol on such a transport, known to the ``Connections`` of its process."""

    def __init__(self, connections_of_all: "Connections", *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._of_all = connections_of_all
        #: The keys that it is counted under; None: it is not counted.
        self.network: str | None = None
        #: When its present wait began, or last made progress.
        self.since = 0.0
        #: Bytes since the last request, or byte of a body.
        self.fed = 0
        self.in_body = False
        self.body_began = 0.0
        self.body_size = 0
        #: How many bytes were unsent at the last sweep, and since when there have been as many.
        self.unread = 0
        self.unread_since = 0.0
        self._problem: FrontrowError | None = None
        self._is_refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own does
        super().connection_made(cast("asyncio.Transport", _HeadWaits(transport)))
        self.since = self.loop.time()
        self._of_all.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._of_all.forget(self)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        if self.fed == 0 and not self.in_body:
            self.since = self.loop.time()
        self.fed += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # Only HTTP is spoken here: the upgrade is ignored, and this is the connection's last request.
            if self.cycle is not None:
                self.cycle.keep_alive = False
        except httptools.HttpParserError:
            self.refuse("malformed", self._problem or InvalidInput("This is not an HTTP request."))
        else:
            if self.fed > HEAD_SIZE_MAX:
                self.refuse("malformed", _headers_too_large())

    def on_headers_complete(self) -> None:
        if self._is_head_too_large():
            self._problem = _headers_too_large()
        elif len(self.pipeline) >= PIPELINE_MAX:
            self._problem = TooManyRequests(
                "Wait for answers before you send more requests on one connection.",
                retry_after_s=1,
            )
        if self._problem is not None:
            raise self._problem
        self.in_body = True
        self.body_began = self.since = self.loop.time()
        self.body_size = 0
        super().on_headers_complete()

    def _is_head_too_large(self) -> bool:
        if len(self.headers) > HEADERS_MAX:
            return True
        if self.fed <= HEAD_SIZE_MAX:
            return False
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        return size > HEAD_SIZE_MAX

    def on_body(self, body: bytes) -> None:
        self.fed = 0
        self.body_size += len(body)
        if not self.cycle.response_complete:
            # Bytes after the answer are discarded, for a short time.
            self.since = self.loop.time()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.fed = 0
        self.in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """As uvicorn's own, without a timer for each request, and without reading on while requests
        that were sent ahead wait."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.since = self.loop.time()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        else:
            self.flow.resume_reading()

    def _unsupported_upgrade_warning(self) -> None:
        """Too frequent for a line in the log each."""

    @property
    def is_busy(self) -> bool:
        """A request of this connection is under way."""
        return self.cycle is not None and (bool(self.pipeline) or not self.cycle.response_complete)

    @property
    def is_waiting(self) -> bool:
        """It has no complete request that is still to be answered."""
        return self.in_body or not self.is_busy

    def refuse(self, why: str, problem: FrontrowError) -> None:
        """Answer an incomplete request with ``problem``, and end the connection."""
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        _ENDED.labels(why).inc()
        cycle = self.cycle
        # This request has no answer yet, and all requests before it have one.
        is_first = not cycle.response_started if self.is_busy else not self.in_body
        if is_first and not self.pipeline:
            self.transport.write(_raw(problem))
        self.transport.close()
        if self.is_busy:
            cycle.disconnected = True
            cycle.message_event.set()

    def end(self, why: str) -> None:
        """End the connection without an answer."""
        _ENDED.labels(why).inc()
        self._is_refused = True
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()


def _headers_too_large() -> FrontrowError:
    return InvalidInput(
        f"Send at most {HEADERS_MAX} headers, and {HEAD_SIZE_MAX} bytes with the address.",
        code="headers-too-large",
    )


def _raw(problem: FrontrowError) -> bytes:
    status, headers, body = encode_problem(problem, "")
    lines = {
        **headers,
        "Content-Type": PROBLEM_JSON,
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Connection": "close",
    }
    head = "".join(f"{name.lower()}: {text}\r\n" for name, text in lines.items())
    return STATUS_LINE[HTTPStatus(status)] + head.encode() + b"\r\n" + body


class ConnectionLimits(Struct, frozen=True, kw_only=True):
    """What unknown clients may cost. Durations are in seconds."""

    header_timeout_s: float = 10.0
    progress_timeout_s: float = 20.0
    idle_timeout_s: float = 75.0
    connections_max: int = 8192
    connections_per_network: int = 1024
    unread_max: int = UNREAD_MAX

    @property
    def sweep_s(self) -> float:
        shortest = min(self.header_timeout_s, self.progress_timeout_s, self.idle_timeout_s)
        return min(1.0, shortest / 4)


class Connections:
    """All connections of one process."""

    def __init__(self, limits: ConnectionLimits, exempt: tuple[str, ...] = ()) -> None:
        self._limits = limits
        #: Proxies, which forward for many clients, and networks without limits.
        self._exempt = exempt
        self._all: dict[HttpProtocol, None] = {}
        self._per_network: Counter[str] = Counter()

    @classmethod
    def of(cls, settings: Settings, files_max: int) -> "Connections":
        """From ``settings``; at most as many as there are open files, with some left for other uses."""
        limits = ConnectionLimits(
            header_timeout_s=settings.api_header_timeout_s,
            progress_timeout_s=settings.api_progress_timeout_s,
            idle_timeout_s=settings.api_idle_timeout_s,
            connections_max=max(1, min(settings.api_connections_max, files_max - 256)),
            connections_per_network=settings.api_connections_per_network,
        )
        return cls(limits, (*settings.trusted_proxies, *settings.unlimited_networks))

    def admit(self, connection: HttpProtocol) -> None:
        """Register a new connection, and close waiting ones where there are too many."""
        self._all[connection] = None
        _OPEN.set(len(self._all))
        connection.network = network = self._network_of(connection)
        if network is not None:
            self._per_network[network] += 1
            if self._per_network[network] > self._limits.connections_per_network:
                mine = [other for other in self._all if other.network == network]
                if not self._make_room(mine, connection, "network"):
                    connection.refuse(
                        "network",
                        TooManyRequests(
                            "Too many connections from your network; keep one open, it carries "
                            "many requests.",
                            retry_after_s=5,
                            code="too-many-connections",
                        ),
                    )
                    return
        if len(self._all) > self._limits.connections_max and not self._make_room(
            list(self._all), connection, "room"
        ):
            problem = Unavailable("Too many connections; try again shortly.", code="overloaded")
            connection.refuse("full", problem)

    def forget(self, connection: HttpProtocol) -> None:
        """The connection has ended."""
        if connection not in self._all:
            return
        del self._all[connection]
        _OPEN.set(len(self._all))
        network = connection.network
        if network is not None:
            self._per_network[network] -= 1
            if not self._per_network[network]:
                del self._per_network[network]

    def _make_room(self, among: Iterable[HttpProtocol], newest: HttpProtocol, why: str) -> bool:
        waiting = sorted(
            (other for other in among if other is not newest and other.is_waiting),
            key=lambda other: other.since,
        )
        for other in waiting[: max(1, len(waiting) // _ROOM_SHARE)]:
            other.end(why)
            self.forget(other)
        return bool(waiting)

    def _network_of(self, connection: HttpProtocol) -> str | None:
        if connection.client is None:
            return None
        return _network(connection.client[0], self._exempt)

    async def sweep_forever(self) -> None:
        """End what takes too long, until cancelled."""
        while True:
            await asyncio.sleep(self._limits.sweep_s)
            await self.sweep()

    async def sweep(self) -> None:
        """Look at every connection once."""
        slow_readers: list[HttpProtocol] = []
        for number, connection in enumerate(list(self._all)):
            if connection.transport.get_write_buffer_size():
                slow_readers.append(connection)
            self._look_at(connection, connection.loop.time())
            if number % _SWEEP_SLICE == _SWEEP_SLICE - 1:
                await asyncio.sleep(0)
        self._end_worst_readers(slow_readers)

    def _look_at(self, connection: HttpProtocol, now: float) -> None:
        limits = self._limits
        if self._is_unread(connection, now):
            return
        waited_s = now - connection.since
        if connection.transport.is_closing():
            pass
        elif connection.in_body:
            if self._is_body_too_slow(connection, now):
                connection.refuse("body", _too_slow("The rest of the body did not come."))
        elif connection.is_busy:
            pass
        elif connection.fed == 0 and connection.cycle is not None:
            if waited_s > limits.idle_timeout_s:
                connection.end("idle")
        elif waited_s > limits.header_timeout_s:
            connection.refuse("headers", _too_slow("The request's headers did not come in time."))

    def _is_unread(self, connection: HttpProtocol, now: float) -> bool:
        """Whether its client still has bytes to read; it is cut when it has read nothing for too long."""
        unread = connection.transport.get_write_buffer_size()
        if unread == 0 or unread != connection.unread:
            connection.unread, connection.unread_since = unread, now
        elif now - connection.unread_since > self._limits.progress_timeout_s:
            _ENDED.labels("unread").inc()
            connection.transport.abort()
        return bool(unread)

    def _is_body_too_slow(self, connection: HttpProtocol, now: float) -> bool:
        if connection.flow.read_paused:
            # The server itself does not read at the moment.
            return False
        patience_s = self._limits.progress_timeout_s
        longest_s = 6 * patience_s + connection.body_size / _BODY_BYTES_PER_S_MIN
        return now - connection.since > patience_s or now - connection.body_began > longest_s

    def _end_worst_readers(self, slow: list[HttpProtocol]) -> None:
        """Bound the bytes that wait for clients that do not read: the longest-waiting are cut first."""
        unread = sum(connection.unread for connection in slow)
        for connection in sorted(slow, key=lambda one: one.unread_since):
            if unread <= self._limits.unread_max:
                return
            unread -= connection.unread
            _ENDED.labels("unread").inc()
            connection.transport.abort()


def _too_slow(detail: str) -> FrontrowError:
    return InvalidInput(f"{detail} Send the request again.", code="request-timeout")


@lru_cache(maxsize=4096)
def _network(host: str, exempt: tuple[str, ...]) -> str | None:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    address = getattr(address, "ipv4_mapped", None) or address
    return None if is_among(address, exempt) else wide_network(address)


def limit_kernel_buffers(sockets: Iterable[socket.socket]) -> None:
    """Accepted sockets inherit it. Without it the kernel keeps megabytes for a client that does not read."""
    for listener in sockets:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_SIZE)
