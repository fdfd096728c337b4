"""Writing the same bytes to many watchers, and to each at most as many as it reads.

The bytes of a broadcast are complete WebSocket frames, built once. A watcher's buffer is bounded: over the
limit the watcher is skipped, and gets one fresh snapshot when its buffer has drained.
"""

import asyncio
import os
from collections.abc import Collection, Iterable
from typing import Protocol

from websockets.frames import Frame as WebSocketFrame
from websockets.frames import Opcode

from seatmap.protocol import Encoding, Frame, encode, encode_json

#: Watchers written to before the loop gets a turn: about 1.5 ms.
SLICE_WATCHERS = 256


class Audience(Protocol):
    """The watchers of one event."""

    def ask(self, watcher: "Watcher") -> None:
        """``watcher`` wants a fresh snapshot."""

    def leave(self, watcher: "Watcher") -> None: ...

    def falls_behind(self, watcher: "Watcher") -> None: ...

    def catches_up(self, watcher: "Watcher") -> None: ...


class Sink(Protocol):
    """Where a watcher's bytes go. The library's connection on a transport, in practice."""

    @property
    def fileno(self) -> int:
        """The non-blocking socket, valid until ``Watcher.closed`` is called."""

    def write(self, data: bytes) -> None:
        """Send or buffer; calls ``Watcher.buffering`` when something had to be buffered."""

    def backlog_bytes(self) -> int:
        """Bytes that are buffered now."""

    def close(self, code: int, reason: str) -> None:
        """Start closing; must not block."""


class Watcher:
    """One connected client as its hub sees it.

    While nothing is buffered for it, broadcasts go straight to its socket: one system call each, and little
    more. Its owner reports when the transport begins to buffer (``buffering``), has sent all (``drained``)
    and has ended (``closed``). With more than ``backlog_bytes_max`` buffered the watcher is no longer
    ``ready``: it misses broadcasts, and gets one fresh snapshot later.
    """

    __slots__ = (
        "_buffering",
        "_fileno",
        "_sink",
        "backlog_bytes_max",
        "behind_since",
        "encoding",
        "fd",
        "missed",
        "open",
        "person",
        "ready",
        "watch",
    )

    def __init__(self, encoding: Encoding, sink: Sink, backlog_bytes_max: int) -> None:
        self.encoding = encoding
        self.backlog_bytes_max = backlog_bytes_max
        self.open = True
        self.ready = False
        #: Something was broadcast while it was not ready.
        self.missed = False
        #: Loop time at which its backlog exceeded the limit.
        self.behind_since: float | None = None
        self.watch: Audience | None = None
        #: The person, as its ticket says.
        self.person: str | None = None
        #: The socket while it may be written to past the transport, else -1.
        self.fd = -1
        self._sink = sink
        self._fileno = sink.fileno
        self._buffering = False

    def greet(self, data: bytes) -> None:
        """Write the frames that bring it up to date; from here on it gets broadcasts."""
        if self.open:
            self.missed = False
            self.set_ready(True)
            self.push(data)

    def push(self, data: bytes) -> None:
        """Write through the transport, behind what it has buffered."""
        try:
            self._sink.write(data)
        except RuntimeError:
            # The transport has ended its side; that must not stop the broadcast to the others.
            self.closed()
            return
        if self._buffering and self._sink.backlog_bytes() > self.backlog_bytes_max:
            self.set_ready(False)
            self.behind_since = asyncio.get_running_loop().time()
            if self.watch is not None:
                self.watch.falls_behind(self)

    def set_ready(self, ready: bool) -> None:
        self.ready = ready and self.open
        self.fd = self._fileno if self.ready and not self._buffering else -1

    def buffering(self) -> None:
        self._buffering = True
        self.fd = -1

    def drained(self) -> None:
        self._buffering = False
        was_behind, self.behind_since = self.behind_since is not None, None
        if self.watch is not None and was_behind:
            self.watch.catches_up(self)
        else:
            self.set_ready(self.ready)

    def closed(self) -> None:
        self.open = False
        self.set_ready(False)

    def close(self, code: int, reason: str) -> None:
        self._sink.close(code, reason)


def wire(frames: Iterable[Frame], encoding: Encoding) -> bytes:
    """Complete WebSocket frames, ready for any client's transport.

    A server does not mask, no extension is negotiated and no message is ever fragmented, so the
    bytes are the same for everyone.
    """
    if encoding is Encoding.JSON:
        return b"".join(_frame(Opcode.TEXT, encode_json(frame)) for frame in frames)
    return b"".join(_frame(Opcode.BINARY, encode(frame)) for frame in frames)


def _frame(opcode: Opcode, payload: bytes) -> bytes:
    return WebSocketFrame(opcode, payload).serialize(mask=False)


async def write_to_all(watchers: Collection[Watcher], data: bytes) -> int:
    """Write ``data`` to every watcher that is ready, in slices that yield to the loop."""
    written = 0
    watchers = tuple(watchers)
    for start in range(0, len(watchers), SLICE_WATCHERS):
        written += _write_slice(watchers[start : start + SLICE_WATCHERS], data)
        await asyncio.sleep(0)
    return written


def _write_slice(watchers: Iterable[Watcher], data: bytes) -> int:
    """Every step here costs time once per watcher and frame, in addition to the system call's 5 µs."""
    write, size = os.write, len(data)
    written = 0
    for watcher in watchers:
        if (fd := watcher.fd) >= 0:
            try:
                sent = write(fd, data)
            except OSError:
                # Full for now, or broken: the transport handles either case.
                sent = 0
            if sent != size:
                watcher.push(data[sent:])
        elif watcher.ready:
            watcher.push(data)
        else:
            watcher.missed = True
            continue
        written += 1
    return written
