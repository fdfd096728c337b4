"""The API's process: uvicorn, with a response's head and body in one write.

uvicorn writes the head when a response starts and the body when it comes, and uvloop sends each at
once: two system calls and two wake-ups of the client for every small response. Here the head waits
for what follows it in the same turn of the loop. Measured on a hold: a quarter of the process's time
was the first of the two writes.
"""

import asyncio
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from engine.config import Settings


class _HeadWaits:
    """A transport that joins a response's head to the write behind it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""

    def write(self, data: bytes) -> None:
        if self._head:
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
    """uvicorn's protocol on such a transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own does
        super().connection_made(cast("asyncio.Transport", _HeadWaits(transport)))


def serve(settings: Settings, factory: str = "api.app:create_app") -> None:
    """Run one API process until SIGTERM or SIGINT; requests under way finish first."""
    uvicorn.run(
        factory,
        factory=True,
        host=settings.api_host,
        port=settings.api_port,
        http=HttpProtocol,
        loop="uvloop",
        log_level="warning",
        access_log=False,
        server_header=False,
        # Whom a proxy speaks for is the engine's to judge (FRONTROW_TRUSTED_PROXIES): the library
        # would put what it believes in place of who is really at the other end.
        proxy_headers=False,
        # Less than a supervisor waits before it kills.
        timeout_graceful_shutdown=8,
    )
