"""People with an open map: they reconnect with backoff, resume where they were, and keep the map."""

import asyncio
import random
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from loadtest.clients.live_map import StrictMap
from seatmap.protocol import Encoding, MapState, MessageFrame, SnapshotFrame

_BACKOFF_FIRST_S, _BACKOFF_MAX_S = 0.05, 0.4


class Watcher:
    """``async with Watcher(url)``: one open map until the block ends.

    A frame that the protocol forbids is an error that ends the watching.
    """

    def __init__(self, url: str, encoding: Encoding = Encoding.BINARY) -> None:
        self._url = url
        self._encoding = encoding
        self._shown = StrictMap()
        self.areas: dict[str, int] = {}
        self.connections = 0
        self.snapshots = 0
        self.deltas = 0
        #: Greetings after a reconnect that continued the map without a snapshot.
        self.resumes = 0
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def map(self) -> MapState | None:
        return self._shown.state

    async def __aenter__(self) -> "Watcher":
        self._task = asyncio.create_task(self._watch())
        await self.until(lambda: self.map is not None)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()

    async def until(self, is_so: Any, *, timeout_s: float = 60) -> None:
        """Wait until the map meets a condition. Raises the error that ended the watching, or TimeoutError."""
        assert self._task is not None
        async with asyncio.timeout(timeout_s):
            while not is_so():
                if self._task.done():
                    self._task.result()
                self._changed.clear()
                waiter = asyncio.create_task(self._changed.wait())
                try:
                    await asyncio.wait([waiter, self._task], return_when="FIRST_COMPLETED")
                finally:
                    waiter.cancel()

    async def shows(self, states: bytes, areas: dict[int, int], *, timeout_s: float = 60) -> None:
        """Wait until the map equals this one."""
        wanted = {str(no): available for no, available in areas.items()}
        await self.until(
            lambda: self.map is not None and self.map.states == states and self.areas == wanted,
            timeout_s=timeout_s,
        )

    async def _watch(self) -> None:
        failures = 0
        while True:
            try:
                async with connect(
                    self._url + self._position(),
                    subprotocols=[Subprotocol(self._encoding)],
                    compression=None,
                    max_size=None,
                    proxy=None,
                    open_timeout=20,
                    close_timeout=0.2,
                ) as connection:
                    self.connections += 1
                    self._shown.reconnected()
                    failures = await self._read(connection, failures)
            except (OSError, TimeoutError, InvalidHandshake):
                pass
            wait_s = min(_BACKOFF_MAX_S, _BACKOFF_FIRST_S * 2.0**failures)
            failures += 1
            await asyncio.sleep(random.uniform(0.5, 1.0) * wait_s)

    def _position(self) -> str:
        return f"?epoch={self.map.epoch}&seq={self.map.seq}" if self.map else ""

    async def _read(self, connection: ClientConnection, failures: int) -> int:
        """Read until the connection ends. Returns the failures in a row: 0 once something was received."""
        greeted = False
        try:
            async for data in connection:
                known = self.map is not None
                frame = self._shown.read(data)
                if not greeted and known and not isinstance(frame, SnapshotFrame):
                    self.resumes += 1
                greeted, failures = True, 0
                if isinstance(frame, MessageFrame):
                    self._hear(msgspec.json.decode(frame.body))
                elif isinstance(frame, SnapshotFrame):
                    self.snapshots += 1
                else:
                    self.deltas += 1
                self._changed.set()
        except ConnectionClosed:
            pass
        return failures

    def _hear(self, body: dict[str, Any]) -> None:
        if body["type"] == "areas":
            self.areas |= {no: area["available"] for no, area in body["areas"].items()}
