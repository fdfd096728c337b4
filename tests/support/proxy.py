"""TCP proxies that cut, freeze and catch, so that races are forced.

A proxy is on one link, for example from the API to PostgreSQL. ``cut`` is a pulled plug, ``freeze`` a
dead cable: nothing passes and nothing is closed. ``catch`` waits for one particular request and
holds back its answer: then the server has done the work and the client does not know
it. The test decides what happens next, and to which process.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

_LOOPBACK = "127.0.0.1"


class Dialect(Protocol):
    """The part of a protocol that a proxy needs to recognise a request and its whole answer."""

    def asked(self, data: bytes) -> bytes:
        """The text of the requests in ``data``."""

    def is_whole(self, answer: bytes) -> bool: ...


class AnyProtocol:
    """Redis, HTTP: a request is searched as text, and its answer comes in one piece."""

    def asked(self, data: bytes) -> bytes:
        return data

    def is_whole(self, answer: bytes) -> bool:
        return bool(answer)


class PostgresProtocol:
    """Knows the text of a prepared statement when it is executed by its name."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._started = False
        self._statements: dict[bytes, bytes] = {}

    def asked(self, data: bytes) -> bytes:
        self._buffer += data
        asked = b""
        while frame := self._next_frame():
            kind, body = frame[:1], frame[5:]
            if kind == b"P":
                name, query, _ = body.split(b"\0", 2)
                self._statements[name] = query
            elif kind == b"B":
                _, name, _ = body.split(b"\0", 2)
                asked += self._statements.get(name, b"")
            elif kind == b"Q":
                asked += body
        return asked

    def is_whole(self, answer: bytes) -> bool:
        # ReadyForQuery: kind, length, and one byte of transaction status.
        return answer[-6:-1] == b"Z\x00\x00\x00\x05"

    def _next_frame(self) -> bytes:
        # The very first message has a length and no kind.
        kind_bytes = 1 if self._started else 0
        head = kind_bytes + 4
        if len(self._buffer) < head:
            return b""
        size = kind_bytes + int.from_bytes(self._buffer[kind_bytes:head])
        if len(self._buffer) < size:
            return b""
        frame = bytes(self._buffer[:size])
        del self._buffer[:size]
        if not self._started:
            self._started = True
            return b"\0" * 5 + frame
        return frame


class Catch:
    """One awaited request; ``unsent``: the request itself is held back, not its answer."""

    def __init__(self, needle: bytes, *, unsent: bool) -> None:
        self.needle = needle
        self.unsent = unsent
        self.reached = asyncio.Event()
        self.connection: Connection | None = None

    async def wait(self, timeout_s: float = 60) -> "Catch":
        async with asyncio.timeout(timeout_s):
            await self.reached.wait()
        return self

    def deliver(self) -> None:
        """Let it pass; on a shared connection together with the last request caught there."""
        assert self.connection is not None, "not reached"
        self.connection.release(self)

    def drop(self) -> None:
        """Break the connection: the client never gets the answer."""
        assert self.connection is not None, "not reached"
        self.connection.abort()


class Connection:
    """A client's connection, and ours to the server on its behalf."""

    def __init__(self, proxy: "Proxy", client: asyncio.Transport) -> None:
        self._proxy = proxy
        self._dialect = proxy.dialect()
        self._client = client
        self._server: asyncio.Transport | None = None
        self._requests = bytearray()
        self._answers = bytearray()
        #: By catch: how many bytes of answers there were when its request came.
        self._caught: dict[Catch, int] = {}
        self._ended = False
        self._connecting = asyncio.create_task(self._connect())

    async def _connect(self) -> None:
        try:
            loop, target = asyncio.get_running_loop(), self._proxy.target
            if isinstance(target, Path):
                opened = await loop.create_unix_connection(lambda: _ServerSide(self), str(target))
            else:
                opened = await loop.create_connection(lambda: _ServerSide(self), _LOOPBACK, target)
            self._server = opened[0]
        except OSError:
            self.abort()
        else:
            self.flow()

    def asked(self, data: bytes) -> None:
        text = self._dialect.asked(data)
        if text and (catch := self._proxy.claim(text, self)):
            self._caught[catch] = len(self._answers)
        self._requests += data
        self.flow()

    def answered(self, data: bytes) -> None:
        self._answers += data
        self.flow()

    def ended(self) -> None:
        """One of the two sides has closed the connection."""
        self._ended = True
        self.flow()

    def flow(self) -> None:
        """Forward all data that may pass."""
        if self._server is None or self._proxy.frozen:
            return
        unsent = [catch for catch in self._caught if catch.unsent]
        for catch in unsent:
            catch.reached.set()
        if self._requests and not unsent:
            self._server.write(bytes(self._requests))
            self._requests.clear()
        if not self._caught:
            self._client.write(bytes(self._answers))
            self._answers.clear()
        for catch, before in self._caught.items():
            if self._dialect.is_whole(bytes(self._answers[before:])):
                catch.reached.set()
        if self._ended:
            self._client.close()
            self._server.close()
            self._proxy.connections.discard(self)

    def release(self, catch: Catch) -> None:
        self._caught.pop(catch, None)
        self.flow()

    @property
    def holds_back(self) -> bool:
        return bool(self._caught)

    def abort(self) -> None:
        self._connecting.cancel()
        for transport in (self._client, self._server):
            if transport is not None:
                transport.abort()
        self._proxy.connections.discard(self)


class _ClientSide(asyncio.Protocol):
    def __init__(self, proxy: "Proxy") -> None:
        self._proxy = proxy
        self._connection: Connection | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if self._proxy.is_cut:
            transport.abort()
            return
        self._connection = Connection(self._proxy, transport)
        self._proxy.connections.add(self._connection)

    def data_received(self, data: bytes) -> None:
        if self._connection is not None:
            self._connection.asked(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is not None:
            self._connection.ended()


class _ServerSide(asyncio.Protocol):
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def data_received(self, data: bytes) -> None:
        self._connection.answered(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.ended()


class Proxy:
    """Listens on a port of its own and forwards everything to ``target``: a local port, or a socket."""

    def __init__(self, target: int | Path, dialect: type[Dialect]) -> None:
        self.target = target
        self.dialect = dialect
        self.port = 0
        self.is_cut = False
        self.frozen = False
        self.connections: set[Connection] = set()
        self._catches: list[Catch] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Proxy"]:
        server = await asyncio.get_running_loop().create_server(
            lambda: _ClientSide(self), _LOOPBACK, 0
        )
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.drop_all()

    def stands_in(self, url: str) -> str:
        """``url`` with this proxy in place of the server."""
        parts = urlsplit(url)
        login, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{login}{at}{_LOOPBACK}:{self.port}"))

    def drop_all(self) -> None:
        """Break every open connection; new ones are accepted."""
        for connection in list(self.connections):
            connection.abort()

    def cut(self) -> None:
        """Break every connection, and each new one immediately."""
        self.is_cut = True
        self.drop_all()

    def freeze(self) -> None:
        """Nothing passes any more in either direction."""
        self.frozen = True

    def mend(self) -> None:
        """Undo ``cut`` and ``freeze``, and release all catches."""
        self.is_cut = self.frozen = False
        self._catches.clear()
        for connection in list(self.connections):
            if connection.holds_back:
                connection.abort()
            else:
                connection.flow()

    def catch(self, needle: str, *, unsent: bool = False) -> Catch:
        """Catch the next request with ``needle`` in it."""
        catch = Catch(needle.encode(), unsent=unsent)
        self._catches.append(catch)
        return catch

    def claim(self, text: bytes, connection: Connection) -> Catch | None:
        """The catch that waits for this request."""
        for catch in self._catches:
            if catch.needle in text:
                self._catches.remove(catch)
                catch.connection = connection
                return catch
        return None


__all__ = ["AnyProtocol", "Catch", "PostgresProtocol", "Proxy"]
