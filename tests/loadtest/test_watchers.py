"""The watcher sink counts faults; a sink that misses them would make every figure look good."""

import asyncio
import contextlib
import time
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from websockets.asyncio.server import ServerConnection, serve

from loadtest.clients.framing import Broken, split
from loadtest.watchers import Delta, Sink, divergences, propagation
from seatmap.fanout import wire
from seatmap.protocol import DeltaFrame, Encoding, Frame, MapState, SnapshotFrame, encode

START = SnapshotFrame(1, 0, b"0000")
WAIT_S = 60

Tell = Callable[[ServerConnection, int], Awaitable[None]]


def delta(from_seq: int, to_seq: int, *seats: tuple[int, int]) -> DeltaFrame:
    return DeltaFrame(1, from_seq, to_seq, 1_000, seats)


@contextlib.asynccontextmanager
async def watched(count: int, tell: Tell, *, sample: int = 0) -> AsyncIterator[Sink]:
    """``count`` watchers of a server that greets them and then runs ``tell`` for each."""
    numbers = iter(range(count))
    go, told = asyncio.Event(), asyncio.Semaphore(0)

    async def handle(connection: ServerConnection) -> None:
        number = next(numbers)
        await connection.send(encode(START))
        await go.wait()
        try:
            await tell(connection, number)
        finally:
            told.release()
        await connection.wait_closed()

    async with serve(handle, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        port = server.sockets[0].getsockname()[1]
        sink = Sink(f"ws://127.0.0.1:{port}/v1/live/x", sample=sample, sources=2)
        try:
            await asyncio.to_thread(sink.connect, count)
            assert sink.connected == count
            sink.begin()
            told_all: list[bool] = []
            # The sink answers pings while it reads, so it must read while they are sent.
            reading = asyncio.create_task(read(sink, lambda: bool(told_all)))
            go.set()
            for _ in range(count):
                await told.acquire()
            told_all.append(True)
            await reading
            yield sink
        finally:
            sink.close()


async def read(sink: Sink, is_so: Callable[[], bool]) -> None:
    assert await asyncio.to_thread(sink.run_until, is_so, time.monotonic() + WAIT_S)


async def tell_all(connection: ServerConnection, _: int) -> None:
    for frame in (delta(0, 2, (1, 1)), delta(2, 3, (1, 0), (3, 2))):
        await connection.send(encode(frame))


async def test_watchers_are_in_step_and_every_arrival_is_noted() -> None:
    async with watched(7, tell_all, sample=3) as sink:
        await read(sink, lambda: sink.frames == 14)
        assert {s.position for s in sink.streams} == {(1, 3)}
        assert [s.map.states for s in sink.streams if s.map] == [b"0002"] * 3
        assert not any(s.wrong for s in sink.streams)
        assert {key[1:3]: len(times) for key, times in sink.arrivals.items()} == {
            (0, 2): 7,
            (2, 3): 7,
        }


async def test_a_gap_counts_for_each_watcher_that_has_it() -> None:
    async def skip(connection: ServerConnection, number: int) -> None:
        if number % 2:
            await connection.send(encode(delta(0, 1, (0, 1))))
        await connection.send(encode(delta(1, 2, (0, 2))))

    async with watched(6, skip) as sink:
        await read(sink, lambda: all(s.position == (1, 2) for s in sink.streams))
        assert sum(s.wrong for s in sink.streams) == 3


async def test_a_gap_within_one_chunk_is_a_fault() -> None:
    async def skip(connection: ServerConnection, _: int) -> None:
        frames: list[Frame] = [delta(0, 1, (0, 1)), delta(5, 6, (0, 2))]
        connection.transport.write(wire(frames, Encoding.BINARY))

    async with watched(4, skip) as sink:
        await read(sink, lambda: all(s.position == (1, 6) for s in sink.streams))
        assert all(s.wrong for s in sink.streams)


async def test_maps_that_differ_from_the_truth_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtest.watchers._SETTLE_S", 0.2)

    async def lie(connection: ServerConnection, number: int) -> None:
        await connection.send(encode(delta(0, 1, (0, 1 if number else 2))))

    async with watched(5, lie, sample=5) as sink:
        await read(sink, lambda: all(s.position == (1, 1) for s in sink.streams))
        right = MapState(1, 1, b"1000")
        assert await asyncio.to_thread(divergences, sink, lambda: right) == 1
        further = MapState(1, 2, b"1000")
        assert await asyncio.to_thread(divergences, sink, lambda: further) == 5


async def test_pings_are_answered_and_closes_are_counted() -> None:
    answered = []

    async def ping(connection: ServerConnection, number: int) -> None:
        async with asyncio.timeout(WAIT_S):
            await (await connection.ping(b"are you there"))
        answered.append(number)
        if number == 0:
            await connection.close(4408, "too slow")

    async with watched(3, ping) as sink:
        await read(sink, lambda: bool(sink.closes))
        assert sink.closes == {"4408": 1}
        assert len(sink.streams) == 2
        assert sorted(answered) == [0, 1, 2]


async def test_an_invalid_frame_ends_the_connection_as_a_fault() -> None:
    async def break_it(connection: ServerConnection, _: int) -> None:
        connection.transport.write(b"\x01\x01x")

    async with watched(2, break_it) as sink:
        await read(sink, lambda: not sink.streams)
        assert sink.wrong == 2


def test_frames_are_reassembled_wherever_they_are_cut() -> None:
    payloads = [b"", b"x" * 125, b"y" * 126, b"z" * 70_000]
    data = b"".join(
        bytes((0x82,)) + size + payload
        for size, payload in zip(
            (b"\x00", b"\x7d", b"\x7e\x00\x7e", b"\x7f" + (70_000).to_bytes(8, "big")),
            payloads,
            strict=True,
        )
    )
    for cut in (*range(300), len(data) - 1, len(data)):
        first, rest = split(data[:cut])
        second, nothing = split(rest + data[cut:])
        assert [payload for _, payload in first + second] == payloads
        assert nothing == b""


@pytest.mark.parametrize("head", [b"\x02\x00", b"\xc2\x00", b"\x82\x80"])
def test_frames_that_a_server_must_not_send_are_refused(head: bytes) -> None:
    with pytest.raises(Broken):
        split(head)


def test_times_count_every_change_and_every_watcher() -> None:
    arrivals = {
        Delta(1, 0, 2, 1_010): array("d", [1.020, 1.030]),
        Delta(1, 2, 3, 1_100): array("d", [1.200]),
        Delta(1, 3, 4, 1_150): array("d", [1.151]),
    }
    times = propagation(arrivals, {(1, 1): 1_000, (1, 2): 1_008, (1, 3): 1_050})
    assert times["change"].counts == {20: 1, 12: 1, 30: 1, 22: 1, 150: 1}
    assert times["frame"].counts == {20: 1, 30: 1, 150: 1}
    assert times["broadcast"].counts == {10: 1, 20: 1, 100: 1, 1: 1}
    assert times["change"].report() == {"pairs": 5, "p50_ms": 22, "p99_ms": 150, "max_ms": 150}
    assert times["change"].quantile(0.8) == 30
