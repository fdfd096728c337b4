"""Measurements of the live gateway: the cost of a frame and of a watcher, and the delay of a change.

The readers are in another process (``loadtest.watchers``), so that buffers drain and their cost is
not counted; on two cores they still compete with the gateway.
"""

import asyncio
import contextlib
import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psutil
from websockets.asyncio.server import ServerConnection, broadcast, serve

from engine.base.model import new_id
from loadtest.clients import http_client
from loadtest.stack import REPO, Bench, Figure, Gateway, cpu_s
from seatmap.fanout import Watcher, wire, write_to_all
from seatmap.protocol import DeltaFrame, Encoding, SnapshotFrame, encode

_FANOUT_SOCKETS = 2_000
_FANOUT_ROUNDS = 12
#: Long enough for the readers to have read a broadcast before the next.
_DRAIN_S = 0.06
_IDLE_WATCHERS = 5_000
_SEATS = 20_000
_BOOKINGS_PER_S = 300
_DRIVE_S = 10


# Readers


@dataclass
class Readers:
    """A process of watchers that are all connected."""

    process: asyncio.subprocess.Process
    #: Its report when they were connected.
    ready: dict[str, Any]

    async def end(self) -> dict[str, Any]:
        """End it. Returns its report. Raises RuntimeError when a map was wrong, or a watcher was lost."""
        self.process.terminate()
        report = await _line(self.process)
        lost = report["connected"] - report["open"]
        if lost or report["out_of_step"] or report.get("divergences"):
            raise RuntimeError(f"not every watcher saw everything: {report}")
        return report


@contextlib.asynccontextmanager
async def readers(url: str, count: int, *more: str) -> AsyncIterator[Readers]:
    """``count`` watchers of ``url`` in a process of their own, connected."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "loadtest.watchers", url, "--count", str(count), *more),
        stdout=asyncio.subprocess.PIPE,
        cwd=REPO,
    )
    try:
        ready = await _line(process)
        if ready["connected"] != count:
            raise RuntimeError(f"not every watcher connected: {ready}")
        yield Readers(process, ready)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


async def _line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise RuntimeError("the watchers' process ended")
    report: dict[str, Any] = json.loads(line)
    return report


# The cost of a frame


class _Accepted(ServerConnection):
    """The library's connection, which passes the transport's state to its watcher."""

    watcher: Watcher | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.watcher is not None:
            self.watcher.buffering()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.watcher is not None:
            self.watcher.drained()


class _Sink:
    def __init__(self, connection: ServerConnection) -> None:
        self.fileno: int = connection.transport.get_extra_info("socket").fileno()
        self.write = connection.transport.write
        self.backlog_bytes = connection.transport.get_write_buffer_size

    def close(self, code: int, reason: str) -> None:
        raise RuntimeError(f"a reader was to be closed: {code} {reason}")


class _House:
    """Accepted connections that stand for the watchers of one event, and the event's next frame."""

    def __init__(self) -> None:
        self.connections: list[ServerConnection] = []
        self._seq = 0

    async def accept(self, connection: ServerConnection) -> None:
        await connection.send(encode(SnapshotFrame(1, 0, b"0" * _SEATS)))
        self.connections.append(connection)
        await connection.wait_closed()

    def next_frame(self) -> DeltaFrame:
        """A frame of a busy on-sale: thirty seats in blocks of two, all over the house."""
        self._seq += 1
        places = range(self._seq % 100, _SEATS, _SEATS // 15)
        seats = tuple((place + n, 1 + self._seq % 2) for place in places[:15] for n in range(2))
        return DeltaFrame(1, self._seq - 1, self._seq, time.time_ns() // 1_000_000, seats)


@contextlib.asynccontextmanager
async def _house(count: int, **options: Any) -> AsyncIterator[_House]:
    house = _House()
    async with serve(
        house.accept, "127.0.0.1", 0, compression=None, ping_interval=None, **options
    ) as server:
        port = server.sockets[0].getsockname()[1]
        async with readers(f"ws://127.0.0.1:{port}/", count, "--sample", "1") as sink:
            yield house
            await sink.end()


_Way = Callable[[], Awaitable[None]]


async def _in_turns(ways: dict[str, _Way], sockets: int) -> dict[str, float]:
    """Median CPU per socket of each way of writing a frame to all of them, in µs."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(_FANOUT_ROUNDS):
        # The first one finds the readers asleep, so the order alternates.
        for name in sorted(ways, reverse=bool(turn % 2)):
            await asyncio.sleep(_DRAIN_S)
            before = time.process_time()
            await ways[name]()
            taken[name].append(1e6 * (time.process_time() - before) / sockets)
    return {name: statistics.median(times[2:]) for name, times in taken.items()}


def _ours(house: _House) -> _Way:
    """The gateway's code, on watchers that are up to date."""
    watchers = []
    for connection in house.connections:
        assert isinstance(connection, _Accepted)
        watcher = connection.watcher = Watcher(Encoding.BINARY, _Sink(connection), 64 * 1024)
        watcher.set_ready(True)
        watchers.append(watcher)

    async def deliver() -> None:
        data = wire([house.next_frame()], Encoding.BINARY)
        if await write_to_all(watchers, data) != len(watchers):
            raise RuntimeError("a watcher was not written to")

    return deliver


def _bare(house: _House) -> _Way:
    """The system calls, and nothing else."""
    sockets = [
        connection.transport.get_extra_info("socket").fileno() for connection in house.connections
    ]

    async def deliver() -> None:
        data = wire([house.next_frame()], Encoding.BINARY)
        write = os.write
        for fd in sockets:
            write(fd, data)

    return deliver


def _library(house: _House) -> _Way:
    """``websockets.broadcast``, until the transports have sent it."""

    async def deliver() -> None:
        broadcast(house.connections, encode(house.next_frame()))
        # uvloop writes at the end of the loop's turn.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if any(one.transport.get_write_buffer_size() for one in house.connections[::50]):
            raise RuntimeError("the library has not sent everything")

    return deliver


async def fanout_cpu_vs_write(_: Bench, sockets: int = _FANOUT_SOCKETS) -> Figure:
    """CPU of delivering a frame to one watcher, against a bare ``os.write`` to the same sockets."""
    async with _house(sockets, create_connection=_Accepted, write_limit=0) as house:
        us = await _in_turns({"ours": _ours(house), "write": _bare(house)}, sockets)
    return Figure(us["ours"] / us["write"], {f"{name}_us": cost for name, cost in us.items()})


async def fanout_cpu_vs_broadcast(_: Bench, sockets: int = _FANOUT_SOCKETS) -> Figure:
    """CPU of delivering a frame to one watcher, against ``websockets.broadcast`` on as many
    connections of the library's own, with its own settings."""
    async with (
        _house(sockets, create_connection=_Accepted, write_limit=0) as house,
        _house(sockets) as librarys,
    ):
        us = await _in_turns({"ours": _ours(house), "broadcast": _library(librarys)}, sockets)
    return Figure(us["ours"] / us["broadcast"], {f"{name}_us": cost for name, cost in us.items()})


# The cost of a watcher


async def watcher_kib(bench: Bench, count: int = _IDLE_WATCHERS) -> Figure:
    """Growth of the gateway's resident memory per watcher that has its map and is idle.

    A hundred others watch before, so that the event's copy and the code are not counted.
    """
    event_id = await bench.event(_SEATS)
    async with bench.gateway() as gateway:
        url = gateway.url(event_id)
        async with readers(url, 100) as first:
            before = await _resident_bytes(gateway)
            async with readers(url, count) as rest:
                after = await _resident_bytes(gateway)
                await rest.end()
            await first.end()
    return Figure(
        (after - before) / count / 1024,
        {
            "before_mib": before / 2**20,
            "after_mib": after / 2**20,
            "connected_per_s": count / rest.ready["connect_s"],
        },
    )


async def _resident_bytes(gateway: Gateway) -> int:
    # Memory of a handshake is freed a moment later.
    await asyncio.sleep(1)
    resident: int = psutil.Process(gateway.pid).memory_info().rss
    return resident


# The delay of a change


async def propagation_p99_ms(bench: Bench) -> Figure:
    """From the moment Redis made a change to its arrival at a watcher, over all changes and
    watchers, while 300 buyers a second hold and pay."""
    return await propagation(bench, 5_000)


async def propagation_10k_p99_ms(bench: Bench) -> Figure:
    """The same with 10,000 watchers."""
    return await propagation(bench, 10_000)


async def propagation(
    bench: Bench,
    watchers: int,
    bookings_per_s: float = _BOOKINGS_PER_S,
    seconds: float = _DRIVE_S,
) -> Figure:
    """Buyers come at random moments however long the earlier ones take (an open loop). A change is
    timed by Redis's clock from the start of the script that made it, and has arrived when the
    watchers' process has read it. ``oldest_p99_ms`` counts each frame once, by its oldest change."""
    event_id = await bench.event(_SEATS)
    bookings = int(bookings_per_s * seconds)
    options = ("--redis", bench.urls.redis_url, "--api", f"http://127.0.0.1:{bench.api_port}")
    async with (
        bench.gateway() as gateway,
        readers(gateway.url(event_id), watchers, *options) as sink,
    ):
        before = cpu_s(gateway.pid), bench.server_cpu_s(), time.process_time()
        sold = await http_client.run_paced(
            "127.0.0.1",
            bench.api_port,
            _buyers(bench, event_id, bookings),
            per_second=bookings_per_s,
            connections=256,
        )
        after = cpu_s(gateway.pid), bench.server_cpu_s(), time.process_time()
        report = await sink.end()
    shares = [(b - a) / sold.elapsed_s for a, b in zip(before, after, strict=True)]
    if set(sold.statuses) != {201}:
        raise RuntimeError(f"not every booking succeeded: {dict(sold.statuses)}")
    times = report["propagation"]
    return Figure(
        times["change"]["p99_ms"],
        {
            "p50_ms": times["change"]["p50_ms"],
            "max_ms": times["change"]["max_ms"],
            "oldest_p99_ms": times["frame"]["p99_ms"],
            "after_broadcast_p99_ms": times["broadcast"]["p99_ms"],
            "pairs": times["change"]["pairs"],
            "frames_per_s": report["deltas"] / sold.elapsed_s,
            "bookings_per_s": sold.statuses[201] / 2 / sold.elapsed_s,
            "buyers_late_p99_ms": 1000 * statistics.quantiles(sold.lateness_s, n=100)[98],
            "gateway_cpu_share": shares[0],
            "servers_cpu_share": shares[1],
            "buyers_cpu_share": shares[2],
            "watchers_cpu_share": report["cpu_share"],
            "connect_s": sink.ready["connect_s"],
        },
    )


def _buyers(bench: Bench, event_id: str, count: int) -> Iterator[http_client.Script]:
    """Each holds two seats and pays for them."""
    tokens = itertools.cycle(bench.tokens)

    def buy(number: int, token: str) -> http_client.Script:
        hold_id = new_id()
        status, _ = yield http_client.hold(event_id, [2 * number, 2 * number + 1], token, hold_id)
        if status == 201:
            yield http_client.book(hold_id, token)

    return (buy(number, next(tokens)) for number in range(count))
