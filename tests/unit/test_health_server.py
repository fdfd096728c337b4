"""The small server for health and metrics: slow clients stop nobody."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from engine.worker import _Server, serve_health

WAIT_S = 60


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(_Server, "connection_timeout_s", 0.5)
    server = serve_health("127.0.0.1", 0, lambda: True, ())
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_half_requests_end_and_take_few_threads(port: int) -> None:
    threads_before = threading.active_count()
    with contextlib.ExitStack() as stack:
        halves = []
        for _ in range(100):
            half = stack.enter_context(socket.create_connection(("127.0.0.1", port), WAIT_S))
            half.sendall(b"GET /health/live HTTP/1.1\r\nHost:")
            halves.append(half)
        answer = httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=WAIT_S)
        assert answer.status_code == 200
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert threading.active_count() - threads_before < 60
        for half in halves:
            with contextlib.suppress(ConnectionError):
                while half.recv(65536):
                    pass
