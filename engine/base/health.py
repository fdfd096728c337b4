"""A process's health and metrics over HTTP, in a thread of their own, independent of its event loop."""

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from engine.base.addresses import may_look_inside

log = structlog.get_logger(__name__)


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each connection, each of limited duration: a few slow clients stop nobody."""

    daemon_threads = True
    request_queue_size = 128
    connections_max = 32
    connection_timeout_s = 10.0

    def __init__(self, *args: Any, **options: Any) -> None:
        self._since: dict[Any, float] = {}
        super().__init__(*args, **options)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._since[request] = time.monotonic()
        while len(self._since) > self.connections_max:
            # Removed at once: its thread may take a while to end, and the next call must find another one.
            oldest = next(iter(self._since))
            self._since.pop(oldest, None)
            _hang_up(oldest)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._since.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Called twice a second."""
        too_old = time.monotonic() - self.connection_timeout_s
        for request, since in list(self._since.items()):
            if since < too_old:
                _hang_up(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if isinstance(sys.exc_info()[1], OSError):
            return  # the client hung up
        log.warning("metrics or health not answered", exc_info=True)


def _hang_up(request: socket.socket) -> None:
    # Its thread sees the end of the stream, in a read and in a write.
    with contextlib.suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        pass


def _may_ask(environ: WSGIEnvironment, networks: tuple[str, ...]) -> bool:
    named = (name[5:].replace("_", "-").lower() for name in environ if name.startswith("HTTP_"))
    return may_look_inside(environ["REMOTE_ADDR"], environ.get("HTTP_HOST", ""), named, networks)


def serve_health(
    host: str, port: int, is_ready: Callable[[], bool], networks: tuple[str, ...]
) -> WSGIServer:
    """A process's /health/live, /health/ready and /metrics, in a thread of their own.

    ``networks`` may ask, besides this machine.
    """

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        status, body, kind = HTTPStatus.OK, b"ok\n", "text/plain; charset=utf-8"
        match environ["PATH_INFO"] if _may_ask(environ, networks) else "":
            case "/metrics":
                body, kind = generate_latest(), CONTENT_TYPE_LATEST
            case "/health/live":
                pass
            case "/health/ready":
                if not is_ready():
                    status, body = HTTPStatus.SERVICE_UNAVAILABLE, b"not ready\n"
            case _:
                status, body = HTTPStatus.NOT_FOUND, b"not found\n"
        headers = [("Content-Type", kind), ("X-Content-Type-Options", "nosniff")]
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    server = make_server(host, port, app, server_class=_Server, handler_class=_Quiet)
    threading.Thread(target=server.serve_forever, daemon=True, name="health").start()
    return server
