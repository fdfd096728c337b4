"""An HTTP/1.1 client that costs little, so that the server is measured and not the client.

Each connection sends a prepared request, waits for the whole response, and sends the next: a closed
loop with ``run``; with ``run_paced`` buyers come whether earlier ones have been served or not. No
pipelining, as browsers do not use it. Responses are parsed just enough to find their end.
"""

import asyncio
import json
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

#: The script of one connection: yields a request, is sent (status, body), yields the next.
Script = Generator[bytes, tuple[int, bytes], None]


@dataclass
class Result:
    """The result of a run: its duration, the statuses, and each response's time, in s."""

    elapsed_s: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies_s: list[float] = field(default_factory=list)
    #: How late each script of an open loop began, in s.
    lateness_s: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return sum(self.statuses.values()) / self.elapsed_s if self.elapsed_s else 0.0

    def add(self, other: "Result") -> None:
        """Count another run, made after this one, as part of it."""
        self.elapsed_s += other.elapsed_s
        self.statuses += other.statuses
        self.latencies_s += other.latencies_s
        self.lateness_s += other.lateness_s


def _cut_response(buffer: bytes) -> tuple[int, bytes] | None:
    """Status and body of the one response in ``buffer``; None while it is incomplete."""
    head_end = buffer.find(b"\r\n\r\n")
    if head_end < 0:
        return None
    at = buffer.find(b"content-length: ", 0, head_end)
    length = int(buffer[at + 16 : buffer.find(b"\r", at, head_end + 2)]) if at >= 0 else 0
    if len(buffer) < head_end + 4 + length:
        return None
    return int(buffer[9:12]), buffer[head_end + 4 :]


class Responses(asyncio.Protocol):
    """The receiving side of a connection: one response at a time, to ``on_response``."""

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport is one by behaviour, not by class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        response = _cut_response(buffer)
        self._buffer = b"" if response else buffer
        if response is not None:
            self.on_response(*response)

    def on_response(self, status: int, body: bytes) -> None:
        raise NotImplementedError


class _Connection(Responses):
    """Runs one script after another; ``on_idle`` is called at the end of each."""

    def __init__(self, result: Result, on_idle: Callable[["_Connection"], None]) -> None:
        super().__init__()
        self._result = result
        self._on_idle = on_idle
        self._sent_at = 0.0
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def start(self, script: Script) -> None:
        self._script = script
        self._send(None)

    def close(self) -> None:
        self._transport.close()

    def _send(self, answer: tuple[int, bytes] | None) -> None:
        try:
            request = next(self._script) if answer is None else self._script.send(answer)
        except StopIteration:
            self._on_idle(self)
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def on_response(self, status: int, body: bytes) -> None:
        self._result.statuses[status] += 1
        self._result.latencies_s.append(time.perf_counter() - self._sent_at)
        self._send((status, body))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


async def _connect(
    host: str, port: int, count: int, result: Result, on_idle: Callable[[_Connection], None]
) -> list[_Connection]:
    loop = asyncio.get_running_loop()
    return [
        (await loop.create_connection(lambda: _Connection(result, on_idle), host, port))[1]
        for _ in range(count)
    ]


async def run(host: str, port: int, scripts: Sequence[Script]) -> Result:
    """One connection per script, all open before the first request."""
    result = Result()
    connections = await _connect(host, port, len(scripts), result, _Connection.close)
    started = time.perf_counter()
    for connection, script in zip(connections, scripts, strict=True):
        connection.start(script)
    await asyncio.gather(*(connection.closed for connection in connections))
    result.elapsed_s = time.perf_counter() - started
    return result


async def run_paced(
    host: str, port: int, scripts: Iterable[Script], *, per_second: float, connections: int
) -> Result:
    """Open loop: scripts begin at random moments, at this average rate per second, however long earlier
    ones take. A script that finds no idle connection waits, which counts as lateness."""
    result = Result()
    # The longest idle first, because a server closes connections that are silent for some seconds.
    idle: deque[_Connection] = deque()
    waiting: deque[tuple[float, Script]] = deque()

    def pair_up() -> None:
        while idle and waiting:
            due, script = waiting.popleft()
            result.lateness_s.append(time.perf_counter() - due)
            idle.popleft().start(script)

    def take_back(connection: _Connection) -> None:
        idle.append(connection)
        pair_up()

    everyone = await _connect(host, port, connections, result, take_back)
    idle += everyone
    chance = random.Random(1)
    started = due = time.perf_counter()
    for script in scripts:
        due += chance.expovariate(per_second)
        if (early_s := due - time.perf_counter()) > 0:
            await asyncio.sleep(early_s)
        waiting.append((due, script))
        pair_up()
    while len(idle) < len(everyone):
        if any(connection.closed.done() for connection in everyone):
            raise ConnectionError("the server closed a connection")
        await asyncio.sleep(0.01)
    result.elapsed_s = time.perf_counter() - started
    for connection in everyone:
        connection.close()
    await asyncio.gather(*(connection.closed for connection in everyone))
    return result


def share(requests: Iterable[bytes], connections: int) -> list[Script]:
    """Scripts that share one queue: each takes the next request once it has its answer."""
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


def hold(event_id: str, seats: list[int], token: str, hold_id: str | None = None) -> bytes:
    """A prepared hold of these seats."""
    body: dict[str, Any] = {"seats": seats}
    if hold_id is not None:
        body["hold_id"] = hold_id
    return post(f"/v1/events/{event_id}/holds", json.dumps(body).encode(), token)


def book(hold_id: str, token: str) -> bytes:
    """A prepared booking of a hold, paid with a valid card."""
    body = {
        "hold_id": hold_id,
        "buyer": {"email": f"{hold_id}@example.com", "name": "Ada Lovelace"},
        "payment": {"provider": "sandbox", "token": "tok_visa"},
    }
    return post("/v1/bookings", json.dumps(body).encode(), token, Idempotency_Key=hold_id)
