"""Thousands of open maps in one process, cheap enough not to disturb the measurement.

    python -m loadtest.watchers ws://localhost:8001/v1/live/EVENT --count 5000 --seconds 60

Prints one JSON line when all watchers are connected and, after ``--seconds``, Ctrl-C or SIGTERM, one with
the results. With ``--redis`` it listens to the event's change feed too, and times every change from
the moment Redis made it; without, from the gateway's time of its broadcast (the clocks of the
two machines must then agree). With ``--api`` the maps are compared with the API's at the end.

A broadcast is the same bytes for everyone, so a chunk of bytes is parsed once and looked up for all
others who receive it. Every watcher's deltas are checked to join up without a gap; ``--sample`` of
them also keep the whole map. An arrival is noted when this process has read the bytes, not when the
kernel had them: if this process is late, the figures include that.
"""

import argparse
import contextlib
import functools
import gc
import json
import resource
import select
import signal
import socket
import sys
import time
import urllib.request
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from redis import Redis

from engine.live.keys import feed_channel
from loadtest.clients import framing
from seatmap.feed import ChangeSet, parse_payload
from seatmap.protocol import (
    DeltaFrame,
    Frame,
    MapState,
    MessageFrame,
    OutOfStep,
    ProtocolError,
    SnapshotFrame,
    apply,
    decode,
)

_READ_BYTES = 65_536
#: Handshakes under way at once: enough to keep a gateway busy, few enough to outrun its time limit.
_CONNECTING_MAX = 200
#: Limit of different chunks remembered: more than are under way between a gateway and its watchers.
_MEMO_MAX = 1_024
_CONNECT_S, _SETTLE_S, _TRUTH_S = 120.0, 10.0, 0.5
#: Since Linux 4.2; with it binding an address takes no port before the peer is known.
_IP_BIND_ADDRESS_NO_PORT = 24

#: ``(epoch, seq)``: the position of a map.
Position = tuple[int, int]


class Delta(NamedTuple):
    """One DELTA, shared by all watchers that received it."""

    epoch: int
    from_seq: int
    to_seq: int
    server_time_ms: int


@dataclass(slots=True)
class Heard:
    """The decoded content of a chunk of bytes, computed once."""

    frames: list[Frame] = field(default_factory=list)
    control: list[tuple[int, bytes]] = field(default_factory=list)
    #: The position that a map must have before; None if a snapshot comes first, or nothing.
    starts: Position | None = None
    #: Its position afterwards; None if there is no map in it.
    ends: Position | None = None
    in_step: bool = True
    #: The list for the arrivals of its deltas.
    arrivals: list["array[float]"] = field(default_factory=list)


@dataclass(slots=True)
class Stream:
    """One connection."""

    socket: socket.socket
    recv: Callable[[int], bytes]
    #: Whether the map is kept, not only its position.
    sampled: bool
    rest: bytes = b""
    open: bool = False
    position: Position | None = None
    map: MapState | None = None
    #: A delta did not continue the map, or a frame was invalid.
    wrong: bool = False


class Sink:
    """Watches one event with many connections; everything happens in ``run_until``."""

    def __init__(self, url: str, *, sample: int, sources: int) -> None:
        parts = urlsplit(url)
        host, port = parts.hostname or "localhost", parts.port or 80
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        self._family: int = found[0]
        self._address: Any = found[4]
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        self._request, self._accept = framing.handshake(f"{host}:{port}", path)
        self._sources = sources if str(self._address[0]).startswith("127.") else 0
        self._sample = sample
        self._epoll = select.epoll()
        self._streams: dict[int, Stream] = {}
        self._memo: dict[bytes, Heard] = {}
        self.arrivals: dict[Delta, array[float]] = {}
        self.connected = self.connecting = 0
        self.frames = self.bytes = self.snapshots = self.wrong = 0
        self.closes: Counter[str] = Counter()
        self.messages: Counter[str] = Counter()

    @property
    def streams(self) -> list[Stream]:
        """The connections that are open."""
        return [stream for stream in self._streams.values() if stream.open]

    # Connecting

    def connect(self, count: int) -> None:
        """Open ``count`` connections, each until its map is there."""
        deadline = time.monotonic() + _CONNECT_S
        for number in range(count):
            self._dial(number)
            while self.connecting >= _CONNECTING_MAX and time.monotonic() < deadline:
                self._turn(0.05)
        self.run_until(lambda: not self.connecting, deadline)
        self.run_until(lambda: all(s.position for s in self.streams), deadline)

    def _dial(self, number: int) -> None:
        sock = socket.socket(self._family, socket.SOCK_STREAM)
        sock.setblocking(False)
        if self._sources:
            # One address has about 28,000 ports to one server, and used ones are blocked for a minute.
            sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            sock.bind((f"127.0.0.{1 + number % self._sources}", 0))
        sock.connect_ex(self._address)
        stream = Stream(sock, sock.recv, sampled=number < self._sample)
        self._streams[sock.fileno()] = stream
        self._epoll.register(sock.fileno(), select.EPOLLOUT)
        self.connecting += 1

    def _ask(self, fd: int, stream: Stream) -> None:
        """The connection is made, or refused: send the handshake."""
        try:
            stream.socket.sendall(self._request)
        except OSError as error:
            self._drop(fd, type(error).__name__)
            return
        self._epoll.modify(fd, select.EPOLLIN)

    def _enter(self, fd: int, stream: Stream, data: bytes) -> bytes:
        """Take the answer to the handshake off ``data``; empty while it is incomplete."""
        head, ended, rest = data.partition(b"\r\n\r\n")
        if not ended:
            stream.rest = data
            return b""
        stream.rest = b""
        if not head.startswith(b"HTTP/1.1 101 ") or self._accept not in head:
            self._drop(fd, head.partition(b"\r\n")[0].decode(errors="replace"))
            return b""
        stream.open = True
        self.connecting -= 1
        self.connected += 1
        return rest

    # Listening

    def begin(self) -> None:
        """Count from here on: frames that came while watchers were still connecting do not count."""
        self.frames = self.bytes = self.snapshots = 0
        self.messages.clear()
        self.arrivals.clear()
        # It refers to arrivals that have been dropped.
        self._memo.clear()

    def run_until(self, is_so: Callable[[], bool], deadline: float) -> bool:
        """Read until a condition holds. False when ``deadline`` (monotonic seconds) came first."""
        while not is_so():
            if time.monotonic() > deadline:
                return False
            self._turn(0.05)
        return True

    def _turn(self, timeout_s: float) -> None:
        # Paid once per watcher and broadcast.
        streams, known, now = self._streams, self._memo.get, time.time
        for fd, events in self._epoll.poll(timeout_s):
            stream = streams[fd]
            if events & select.EPOLLOUT:
                self._ask(fd, stream)
                continue
            try:
                data = stream.recv(_READ_BYTES)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            arrived = now()
            self.bytes += len(data)
            if stream.rest or not stream.open or (heard := known(data)) is None:
                self._read(fd, stream, data, arrived)
            else:
                self._take(stream, heard, arrived)

    def _read(self, fd: int, stream: Stream, data: bytes, arrived: float) -> None:
        """Cases outside the shortcut: ends, handshakes, incomplete frames, bytes seen for the first time."""
        if not data:
            self._drop(fd, "cut")
            return
        data = stream.rest + data
        if not stream.open and not (data := self._enter(fd, stream, data)):
            return
        try:
            frames, stream.rest = framing.split(data)
            heard = self._work_out(frames)
        except (framing.Broken, ProtocolError) as error:
            stream.wrong = True
            self._drop(fd, str(error))
            return
        if not stream.rest and not heard.control:
            if len(self._memo) >= _MEMO_MAX:
                self._memo.clear()
            self._memo[data] = heard
        self._take(stream, heard, arrived)
        self._answer(fd, stream, heard)

    def _take(self, stream: Stream, heard: Heard, arrived: float) -> None:
        self.frames += len(heard.frames)
        if heard.ends is not None:
            if not heard.in_step or heard.starts not in (None, stream.position):
                stream.wrong = True
            stream.position = heard.ends
            for arrivals in heard.arrivals:
                arrivals.append(arrived)
        if stream.sampled:
            self._follow(stream, heard)

    def _work_out(self, frames: Iterable[tuple[int, bytes]]) -> Heard:
        heard = Heard()
        for opcode, payload in frames:
            if opcode != framing.BINARY:
                heard.control.append((opcode, payload))
                continue
            frame = decode(payload)
            heard.frames.append(frame)
            match frame:
                case SnapshotFrame(epoch, seq):
                    heard.ends = (epoch, seq)
                case DeltaFrame(epoch, from_seq, to_seq, server_time_ms):
                    before = (epoch, from_seq)
                    heard.in_step &= heard.ends in (None, before)
                    if heard.ends is None:
                        heard.starts = before
                    heard.ends = (epoch, to_seq)
                    delta = Delta(epoch, from_seq, to_seq, server_time_ms)
                    heard.arrivals.append(self.arrivals.setdefault(delta, array("d")))
        return heard

    def _follow(self, stream: Stream, heard: Heard) -> None:
        for frame in heard.frames:
            if isinstance(frame, SnapshotFrame):
                self.snapshots += 1
            elif isinstance(frame, MessageFrame):
                self.messages[json.loads(frame.body)["type"]] += 1
            try:
                stream.map = apply(stream.map, frame)
            except OutOfStep:
                stream.wrong = True

    def _answer(self, fd: int, stream: Stream, heard: Heard) -> None:
        for opcode, payload in heard.control:
            if opcode == framing.PING:
                stream.socket.send(framing.masked(framing.PONG, payload))
            elif opcode == framing.CLOSE:
                self._drop(fd, str(int.from_bytes(payload[:2], "big") or 1005))
                return

    def _drop(self, fd: int, why: str) -> None:
        stream = self._streams.pop(fd)
        self._epoll.unregister(fd)
        stream.socket.close()
        self.closes[why] += 1
        self.wrong += stream.wrong
        if not stream.open:
            self.connecting -= 1

    def close(self) -> None:
        for stream in self._streams.values():
            with contextlib.suppress(OSError):
                stream.socket.send(framing.masked(framing.CLOSE, b"\x03\xe8"))
            stream.socket.close()
        self._epoll.close()


class Feed:
    """When each change was made, by Redis's own clock, from the event's channel."""

    def __init__(self, redis_url: str, event_id: str) -> None:
        #: ``(epoch, seq)`` → Unix time in ms.
        self.made_at_ms: dict[Position, int] = {}
        redis = Redis.from_url(redis_url)
        self._subscription = redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._subscription.subscribe(feed_channel(event_id))

    def read(self) -> None:
        """Read published changes; does not wait."""
        while (message := self._subscription.get_message(timeout=0)) is not None:
            item = parse_payload(message["data"])
            if isinstance(item, ChangeSet):
                self.made_at_ms[item.epoch, item.seq] = item.time_ms


class Times:
    """A distribution in whole milliseconds."""

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()

    def quantile(self, share: float) -> int | None:
        """The smallest time that this share did not exceed; None when there are none."""
        wanted, seen = share * self.counts.total(), 0
        for ms in sorted(self.counts):
            seen += self.counts[ms]
            if seen >= wanted:
                return ms
        return None

    def report(self) -> dict[str, int | None]:
        return {
            "pairs": self.counts.total(),
            "p50_ms": self.quantile(0.5),
            "p99_ms": self.quantile(0.99),
            "max_ms": max(self.counts, default=None),
        }


def propagation(
    arrivals: dict[Delta, "array[float]"], made_at_ms: dict[Position, int]
) -> dict[str, Times]:
    """The delay, in three ways: ``change``, every change to every watcher; ``frame``, the
    oldest change of every DELTA to every watcher; ``broadcast``, from the gateway's timestamp in a
    DELTA to every watcher. The first two count only changes that are in ``made_at_ms``."""
    times = {"change": Times(), "frame": Times(), "broadcast": Times()}
    for delta, arrived in arrivals.items():
        by_ms = Counter(int(1000 * moment) for moment in arrived)
        made = [
            made_at_ms[delta.epoch, seq]
            for seq in range(delta.from_seq + 1, delta.to_seq + 1)
            if (delta.epoch, seq) in made_at_ms
        ]
        _add(times["broadcast"], by_ms, [delta.server_time_ms])
        _add(times["change"], by_ms, made)
        _add(times["frame"], by_ms, [min(made)] if made else [])
    return times


def _add(times: Times, arrived_ms: Counter[int], since_ms: list[int]) -> None:
    for since, changes in Counter(since_ms).items():
        for moment, watchers in arrived_ms.items():
            times.counts[max(0, moment - since)] += changes * watchers


def read_truth(api_url: str, event_id: str) -> MapState:
    """The event's map as the API has it."""
    request = urllib.request.Request(  # noqa: S310  # an operator's own address
        f"{api_url}/v1/events/{event_id}/seats", headers={"Accept": "application/octet-stream"}
    )
    with urllib.request.urlopen(request, timeout=_SETTLE_S) as response:  # noqa: S310
        frame = decode(response.read())
    assert isinstance(frame, SnapshotFrame)
    return MapState(frame.epoch, frame.seq, frame.states)


def divergences(sink: Sink, read: Callable[[], MapState]) -> int:
    """Watchers whose map differs from the truth, which was read a few seconds before."""
    deadline = time.monotonic() + _SETTLE_S
    while True:
        truth = read()
        position = (truth.epoch, truth.seq)
        sink.run_until(
            lambda at=position: all(s.position == at for s in sink.streams),  # type: ignore[misc]  # mypy infers no type for a lambda with a default
            min(deadline, time.monotonic() + _TRUTH_S),
        )
        off = sum(
            s.position != position or (s.map is not None and s.map.states != truth.states)
            for s in sink.streams
        )
        if not off or time.monotonic() > deadline:
            return off


def watch(options: argparse.Namespace, is_over: Callable[[], bool]) -> Iterator[dict[str, Any]]:
    """Two reports: when all are connected, and at the end."""
    event_id = urlsplit(options.url).path.rpartition("/")[2]
    sink = Sink(options.url, sample=options.sample, sources=options.sources)
    started = time.monotonic()
    sink.connect(options.count)
    connect_s = time.monotonic() - started
    feed = Feed(options.redis, event_id) if options.redis else None
    # Objects made so far stay alive; a garbage collection of them would take 50 ms.
    gc.freeze()
    gc.disable()
    yield {
        "connected": sink.connected,
        "refused": dict(sink.closes),
        "connect_s": round(connect_s, 2),
    }
    sink.begin()
    cpu_s, started = time.process_time(), time.monotonic()
    deadline = started + options.seconds if options.seconds else float("inf")

    def over() -> bool:
        if feed is not None:
            feed.read()
        return is_over()

    sink.run_until(over, deadline)
    elapsed_s, cpu_s = time.monotonic() - started, time.process_time() - cpu_s
    report: dict[str, Any] = {
        "connected": sink.connected,
        "open": len(sink.streams),
        "closes": dict(sink.closes),
        "seconds": round(elapsed_s, 2),
        "frames": sink.frames,
        "bytes": sink.bytes,
        "deltas": len(sink.arrivals),
        "messages": dict(sink.messages),
        "snapshots": sink.snapshots,
        "cpu_share": round(cpu_s / elapsed_s, 3),
    }
    if options.api:
        report["divergences"] = divergences(
            sink, functools.partial(read_truth, options.api, event_id)
        )
    if feed is not None:
        feed.read()
    report["out_of_step"] = sink.wrong + sum(stream.wrong for stream in sink.streams)
    times = propagation(sink.arrivals, feed.made_at_ms if feed is not None else {})
    report["propagation"] = {name: each.report() for name, each in times.items()}
    sink.close()
    yield report


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.watchers", description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("url", help="an event's live_url, ws://…")
    parser.add_argument("--count", type=int, default=1000, help="connections")
    parser.add_argument("--sample", type=int, default=20, help="of them keep the whole map")
    parser.add_argument("--seconds", type=float, default=0, help="0: until Ctrl-C")
    parser.add_argument("--api", default="", help="http://…, to compare the maps with at the end")
    parser.add_argument(
        "--redis", default="", help="redis://…, to time each change from the moment it was made"
    )
    parser.add_argument(
        "--sources",
        type=int,
        default=4,
        help="loopback addresses to connect from, if the gateway is local",
    )
    return parser.parse_args(arguments)


def main() -> int:
    options = parse_options()
    stopped: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda signum, _: stopped.append(signum))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    last: dict[str, Any] = {}
    for last in watch(options, lambda: bool(stopped)):
        print(json.dumps(last), flush=True)
    return 1 if last["out_of_step"] or last.get("divergences") else 0


if __name__ == "__main__":
    sys.exit(main())
