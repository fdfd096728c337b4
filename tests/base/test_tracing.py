"""Traces, if switched on: what a collector receives for a hold and a booking."""

import asyncio
import http.server
import importlib.util
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from engine.base import tracing
from engine.base.config import ConfigError, Settings, load_settings
from engine.base.model import new_id
from engine.base.store_urls import StoreUrls
from tests.conftest import (
    REPO,
    House,
    end_process,
    role_command,
    role_environment,
    start_role,
    until_ready,
)
from tests.support.worlds import make_world

pytestmark = pytest.mark.integration


class Collector(http.server.ThreadingHTTPServer):
    """Takes OTLP over HTTP and keeps the spans."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[Any] = []
        self.services: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def named(self, name: str) -> list[Any]:
        return [span for span in self.spans if span.name == name]


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        assert self.path == "/v1/traces"
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            import gzip

            body = gzip.decompress(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            told = {a.key: a.value.string_value for a in resource.resource.attributes}
            self.server.services.add(told["service.name"])
            for scope in resource.scope_spans:
                self.server.spans += scope.spans
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


async def test_a_booking_is_followed_into_its_batches(
    settings: Settings, stores: StoreUrls, house: House, collector: Collector
) -> None:
    environment = role_environment(settings, stores, FRONTROW_OTLP_URL=collector.url)
    url = f"http://127.0.0.1:{environment['FRONTROW_API_PORT']}"
    process = subprocess.Popen(role_command("api", environment), env=environment, cwd=REPO)
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    try:
        await until_ready(url)
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            token = (await client.post("/v1/auth/guest")).json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            held = await client.post(
                f"/v1/events/{house.event_id}/holds",
                json={"seats": [1]},
                headers={"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"},
            )
            body = {
                "hold_id": held.json()["hold_id"],
                "buyer": {"email": "ada@example.com", "name": "Ada"},
                "payment": {"provider": "sandbox", "token": "tok_visa"},
            }
            names = {"X-Request-Id": "mine-44", "Idempotency-Key": "once"}
            booked = await client.post("/v1/bookings", json=body, headers=names)
            assert booked.status_code == 201, booked.text
    finally:
        # Remaining spans are sent before the process ends.
        end_process(process)
    assert collector.services == {"frontrow-api"}

    (hold_request,) = collector.named("POST /v1/events/{event_id}/holds")
    assert hold_request.trace_id.hex() == trace_id
    assert hold_request.parent_span_id.hex() == "b7ad6b7169203331"
    (hold,) = collector.named("hold")
    assert hold.parent_span_id == hold_request.span_id
    (script,) = collector.named("redis hold")
    assert script.parent_span_id == hold.span_id

    (book_request,) = collector.named("POST /v1/bookings")
    told = {a.key: a.value for a in book_request.attributes}
    assert told["http.response.status_code"].int_value == 201
    assert told["frontrow.request_id"].string_value == "mine-44"
    (book,) = collector.named("book")
    assert book.parent_span_id == book_request.span_id
    (batch,) = collector.named("batch reserve")
    assert batch.trace_id != book.trace_id
    assert [link.span_id for link in batch.links] == [book.span_id]
    (statement,) = collector.named("postgres bookings.reserve")
    assert (statement.trace_id, statement.parent_span_id) == (batch.trace_id, batch.span_id)
    text = str(collector.spans)
    assert "ada@example.com" not in text
    assert token not in text


async def test_a_worker_and_a_gateway_are_followed_too(
    settings: Settings, stores: StoreUrls, collector: Collector
) -> None:
    world = await make_world(settings, stores, "traced", redis_database=12)
    environment = role_environment(world, stores, FRONTROW_OTLP_URL=collector.url)
    processes = [start_role(role, environment) for role in ("worker", "live")]
    worker, live = (environment[f"FRONTROW_{role}_PORT"] for role in ("WORKER", "LIVE"))
    try:
        for port in (worker, live):
            await until_ready(f"http://127.0.0.1:{port}")
        target = f"ws://127.0.0.1:{live}/v1/live/{new_id()}"
        async with connect(target, subprotocols=[Subprotocol("frontrow.v1")]) as watcher:
            await watcher.wait_closed()
        assert watcher.close_code == 4404
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{worker}", timeout=60) as http:
            round_ = 'frontrow_worker_runs_total{result="ok",step="relay-outbox"} 0.0'
            async with asyncio.timeout(60):
                while round_ in (await http.get("/metrics")).text:
                    await asyncio.sleep(0.05)
    finally:
        for process in processes:
            end_process(process)
    assert collector.services == {"frontrow-worker", "frontrow-live"}

    rounds = {span.span_id: span for span in collector.named("step relay-outbox")}
    assert rounds
    assert not any(span.parent_span_id for span in rounds.values())
    due = collector.named("postgres outbox.due")
    assert due
    assert all(span.parent_span_id in rounds for span in due)
    # The gateway's queries for the map of an unknown event.
    assert collector.named("redis snapshot")


def test_without_the_setting_no_tracing_library_is_loaded() -> None:
    # Redis's client checks for the tracing API; the SDK and the exporter are not loaded.
    program = (
        "import sys, api.app, seatmap.server, engine.worker.__main__;"
        "sys.exit(any(n in sys.modules for n in ('opentelemetry.sdk.trace', 'opentelemetry.proto')))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=REPO, check=False).returncode == 0
    assert not tracing.is_on()
    assert tracing.span("a") is tracing.span("b")


def test_missing_packages_are_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings({"FRONTROW_OTLP_URL": "http://127.0.0.1:4318"})
    tracing.check_tracing(settings)
    monkeypatch.setattr(tracing, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="pip install opentelemetry-sdk"):
        tracing.check_tracing(settings)
    tracing.check_tracing(load_settings({}))
    assert importlib.util.find_spec("opentelemetry.sdk")


def test_an_invalid_collector_address_is_refused() -> None:
    with pytest.raises(ConfigError, match="FRONTROW_OTLP_URL: must start with http://"):
        load_settings({"FRONTROW_OTLP_URL": "collector:4317"})


async def test_a_failed_span_names_the_kind_of_error_and_not_its_text(collector: Collector) -> None:
    async with tracing.tracing(Settings(otlp_url=collector.url), "test"):
        with pytest.raises(ValueError, match="hush"), tracing.span("failing"):
            raise ValueError("redis://:hush@cache quotes a password")
    (failed,) = collector.named("failing")
    assert failed.status.code == failed.status.STATUS_CODE_ERROR
    assert {a.key: a.value.string_value for a in failed.attributes}["error.type"] == "ValueError"
    assert "hush" not in str(failed)
