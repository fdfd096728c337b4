"""The small server for health and metrics: slow clients do not stop others."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from engine.base.health import _Server, serve_health

WAIT_S = 60
CONNECTIONS_MAX = 8


@contextlib.contextmanager
def serving(monkeypatch: pytest.MonkeyPatch, **limits: float) -> Iterator[int]:
    for name, limit in limits.items():
        monkeypatch.setattr(_Server, name, limit)
    server = serve_health("127.0.0.1", 0, lambda: True, ())
    yield server.server_port
    server.shutdown()
    server.server_close()


@contextlib.contextmanager
def half_requests(port: int, number: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        halves = []
        for _ in range(number):
            half = stack.enter_context(socket.create_connection(("127.0.0.1", port), WAIT_S))
            half.sendall(b"GET /health/live HTTP/1.1\r\nHost:")
            halves.append(half)
        yield halves


def test_incomplete_requests_take_few_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    threads_before = threading.active_count()
    with (
        # These are ended only to make room for others.
        serving(
            monkeypatch, connections_max=CONNECTIONS_MAX, connection_timeout_s=10 * WAIT_S
        ) as port,
        half_requests(port, 100),
    ):
        answer = httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=WAIT_S)
        assert answer.status_code == 200
        assert answer.headers["x-content-type-options"] == "nosniff"
        ends_at = time.monotonic() + WAIT_S
        # The server's own thread, and one per connection. Threads of closed connections end when they can.
        while threading.active_count() - threads_before > 1 + CONNECTIONS_MAX:
            assert time.monotonic() < ends_at, threading.enumerate()
            time.sleep(0.01)


def test_incomplete_requests_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(monkeypatch, connection_timeout_s=0.5) as port, half_requests(port, 3) as halves:
        for half in halves:
            with contextlib.suppress(ConnectionError):
                while half.recv(65536):
                    pass
