"""The API's process: uvicorn, with a response's head and body in one write, and an end in order.

uvicorn writes the head when a response starts and the body when it comes, and uvloop sends each at
once: two system calls and two wake-ups of the client for every small response. Here the head waits
for what follows it in the same turn of the loop. Measured on a hold: a quarter of the process's time
was the first of the two writes.

Asked to end, it is not ready any more but goes on answering for ``api_linger_s``, each answer being
the last on its connection. Then it takes no new connections, closes those that wait for a request,
finishes the requests under way, and exits with 0.
"""

import asyncio
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from engine.config import Settings
from engine.ending import FINISH_TIMEOUT_S, on_signal
from engine.logs import configure_logging
from engine.tracing import check_tracing


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


class _Server(uvicorn.Server):
    """uvicorn's server, ended as all our processes are; uvicorn's own end is that of a kill."""

    def __init__(self, config: uvicorn.Config, linger_s: float) -> None:
        super().__init__(config)
        self._linger_s = linger_s

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        on_signal(self._stop)
        yield

    def _stop(self) -> None:
        self.should_exit = True
        last = (b"connection", b"close")
        # Now, and when the headers of all answers are next put together.
        self.server_state.default_headers = [*self.server_state.default_headers, last]
        self.config.encoded_headers.append(last)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.sleep(self._linger_s)
        await super().shutdown(sockets)


def serve(settings: Settings, factory: str = "api.app:create_app") -> None:
    """Run one API process until SIGTERM or SIGINT; requests under way finish first."""
    check_tracing(settings)
    configure_logging(settings, "api")
    config = uvicorn.Config(
        factory,
        factory=True,
        host=settings.api_host,
        port=settings.api_port,
        http=HttpProtocol,
        loop="uvloop",
        log_level="warning",
        log_config=None,
        access_log=False,
        server_header=False,
        # Whom a proxy speaks for is the engine's to judge (FRONTROW_TRUSTED_PROXIES): the library
        # would put what it believes in place of who is really at the other end.
        proxy_headers=False,
        timeout_graceful_shutdown=FINISH_TIMEOUT_S,
    )
    server = _Server(config, settings.api_linger_s)
    server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)
