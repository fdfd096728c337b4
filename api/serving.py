"""The API's process: uvicorn, with a response's head and body in one write, limits on what a
connection may cost (api.connections), and an end in order.

uvicorn writes the head when a response starts and the body when it comes, and uvloop sends each at
once: two system calls and two wake-ups of the client for every small response. Here the head waits for the
bytes that follow it in the same turn of the loop. Measured on a hold: the first of the two writes took a
quarter of the process's time.

When asked to end, it reports that it is not ready, but goes on answering for ``api_linger_s``; each answer is
the last on its connection. Then it takes no new connections, closes those that wait for a request, finishes
the requests under way, and exits with 0.
"""

import asyncio
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import uvicorn
from uvicorn.config import STARTUP_FAILURE

from api.connections import Connections, HttpProtocol, limit_kernel_buffers
from engine.base.config import Settings
from engine.base.files import raise_file_limit
from engine.base.logs import configure_logging
from engine.base.shutdown import FINISH_TIMEOUT_S, on_signal
from engine.base.tracing import check_tracing


class _Server(uvicorn.Server):
    """uvicorn's server, with the same shutdown as all our processes; uvicorn's own exits like a killed
    process.
    """

    def __init__(self, config: uvicorn.Config, linger_s: float, connections: Connections) -> None:
        super().__init__(config)
        self._linger_s = linger_s
        self._connections = connections
        self._sweeping: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for server in self.servers:
            limit_kernel_buffers(server.sockets)
        self._sweeping = asyncio.create_task(self._connections.sweep_forever(), name="sweep")

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        on_signal(self._stop)
        yield

    def _stop(self) -> None:
        self.should_exit = True
        last = (b"connection", b"close")
        # Now, and when the default headers are next rebuilt.
        self.server_state.default_headers = [*self.server_state.default_headers, last]
        self.config.encoded_headers.append(last)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.sleep(self._linger_s)
        await super().shutdown(sockets)


def serve(settings: Settings, factory: str = "api.app:create_app") -> None:
    """Run one API process until SIGTERM or SIGINT; requests under way finish first."""
    check_tracing(settings)
    configure_logging(settings, "api")
    connections = Connections.of(settings, raise_file_limit())
    config = uvicorn.Config(
        factory,
        factory=True,
        host=settings.api_host,
        port=settings.api_port,
        http=partial(HttpProtocol, connections),  # type: ignore[arg-type]  # it is called, nothing else
        ws="none",
        loop="uvloop",
        log_level="warning",
        log_config=None,
        access_log=False,
        server_header=False,
        # The engine decides for whom a proxy forwards (FRONTROW_TRUSTED_PROXIES): the library would replace
        # the real peer's address with the forwarded one.
        proxy_headers=False,
        timeout_graceful_shutdown=FINISH_TIMEOUT_S,
    )
    server = _Server(config, settings.api_linger_s, connections)
    server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)
