"""A closed-loop HTTP/1.1 client that costs little: it must not be what is measured.

Each connection sends a prepared request, waits for the whole response, and sends the next. No
pipelining: that is how browsers come. Responses are parsed just enough to find their end.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

#: What one connection does: yields a request, is sent (status, body), yields the next.
Script = Generator[bytes, tuple[int, bytes], None]


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
    def __init__(self, script: Script, result: Result) -> None:
        self._script = script
        self._result = result
        self._buffer = b""
        self._sent_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport is one by behaviour, not by class.
        self._transport = cast("asyncio.Transport", transport)

    def start(self) -> None:
        self._send(None)

    def _send(self, answer: tuple[int, bytes] | None) -> None:
        try:
            request = next(self._script) if answer is None else self._script.send(answer)
        except StopIteration:
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
        self._send((status, buffer[head_end + 4 :]))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def run(host: str, port: int, scripts: Sequence[Script]) -> Result:
    """One connection per script, all open before the first request. Returns what was seen."""
    loop = asyncio.get_running_loop()
    result = Result()
    connections = [
        (await loop.create_connection(lambda s=script: _Connection(s, result), host, port))[1]  # type: ignore[misc]  # mypy infers no type for a lambda with a default
        for script in scripts
    ]
    started = time.perf_counter()
    for connection in connections:
        connection.start()
    await asyncio.gather(*(connection.done for connection in connections))
    result.elapsed_s = time.perf_counter() - started
    return result


def share(requests: Iterable[bytes], connections: int) -> list[Script]:
    """Scripts that take the requests from one queue, each the next when it has its answer."""
    queue = iter(requests)

    def script() -> Script:
        # A plain iterator could not be sent the answers.
        for request in queue:  # noqa: UP028
            yield request

    return [script() for _ in range(connections)]


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
