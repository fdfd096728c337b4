"""A closed-loop HTTP/1.1 client that costs little: it must not be what is measured.

Each connection sends a prepared request, waits for the whole response, and sends the next. No
pipelining: that is how browsers come. Responses are parsed just enough to find their end.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast

#: Makes the next request of the whole run; None ends this connection.
NextRequest = Callable[[], bytes | None]
OnResponse = Callable[[int, bytes], None]


@dataclass
class Result:
    """What a run saw: how long it took, the statuses, each response's time in seconds."""

    elapsed_s: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies_s: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return sum(self.statuses.values()) / self.elapsed_s if self.elapsed_s else 0.0


class _Connection(asyncio.Protocol):
    def __init__(
        self, next_request: NextRequest, result: Result, on_response: OnResponse | None
    ) -> None:
        self._next_request = next_request
        self._result = result
        self._on_response = on_response
        self._buffer = b""
        self._sent_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport is one by behaviour, not by class.
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        request = self._next_request()
        if request is None:
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        head_end = buffer.find(b"\r\n\r\n")
        if head_end < 0:
            self._buffer = buffer
            return
        at = buffer.find(b"content-length: ", 0, head_end)
        length = 0
        if at >= 0:
            length = int(buffer[at + 16 : buffer.find(b"\r", at, head_end + 2)])
        if len(buffer) < head_end + 4 + length:
            self._buffer = buffer
            return
        self._buffer = b""
        status = int(buffer[9:12])
        self._result.statuses[status] += 1
        self._result.latencies_s.append(time.perf_counter() - self._sent_at)
        if self._on_response is not None:
            self._on_response(status, buffer[head_end + 4 :])
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def run(
    host: str,
    port: int,
    next_request: NextRequest,
    *,
    connections: int,
    on_response: OnResponse | None = None,
) -> Result:
    """Drive ``connections`` connections until ``next_request`` gives None. Returns what was seen."""
    loop = asyncio.get_running_loop()
    result = Result()
    started = time.perf_counter()
    protocols = [
        (
            await loop.create_connection(
                lambda: _Connection(next_request, result, on_response), host, port
            )
        )[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(protocol.done for protocol in protocols))
    result.elapsed_s = time.perf_counter() - started
    return result


def post(path: str, body: bytes, token: str, **headers: str) -> bytes:
    """A prepared POST. Extra headers as keywords, underscores for hyphens."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: bench",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def counted(requests: Iterator[bytes]) -> NextRequest:
    """The requests one after another, then the end."""
    return lambda: next(requests, None)
