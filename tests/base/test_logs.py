"""One request id through logs, batches, PostgreSQL and the gateway; and no secret or personal data in a log."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import structlog

from engine.base.actor import WORKER
from engine.base.batch import Batcher
from engine.base.config import Settings
from engine.base.logs import REQUEST_ID, add_request_id, request_id
from engine.base.redaction import redacted
from engine.base.store_urls import StoreUrls
from engine.runtime import Runtime
from tests.conftest import REPO, House, end_process, role_command, role_environment, until_ready

pytestmark = pytest.mark.integration

_EMAIL = "ada.lovelace@example.com"


@pytest.fixture
def served() -> Iterator[bytes]:
    token = REQUEST_ID.set(b"mine-7")
    yield b"mine-7"
    REQUEST_ID.reset(token)


@pytest.mark.parametrize(
    "given", [b"", b"two words", b"ada@example.com", b"a'; DROP", b"x" * 65, b"\xff", b"a\x1b[2J"]
)
def test_an_id_that_could_do_harm_is_replaced(given: bytes) -> None:
    made = request_id(given)
    assert made not in (given, b"")
    assert request_id(made) == made
    assert request_id() != made


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("Key (email)=(ada@example.com) already exists", "ada@example.com"),
        ("postgresql://frontrow:hush@db/x", "hush"),
        ("redis://:hush@cache:6379/0", "hush"),
        ("Authorization: Bearer abcdefgh.ijk", "abcdefgh"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "eyJzdWIiOiIxIn0"),
        ("GET /v1/live/x?epoch=1&ticket=s3cr3t HTTP/1.1", "s3cr3t"),
        ("GET /b/AaIsN6XpdtSS55GQCJUxGw_tfy HTTP/1.1", "AaIsN6XpdtSS"),
        ("http://a.example/w/AaIsN6XpdtSS55GQCJUxGw/accept", "AaIsN6XpdtSS"),
        ("/events/x#w=AaIsN6XpdtSS55GQCJUxGw-tfy", "AaIsN6XpdtSS"),
        ("/sandbox/3ds/AaIsN6XpdtSS55GQCJUxGw", "AaIsN6XpdtSS"),
    ],
)
def test_secrets_are_masked(line: str, secret: str) -> None:
    assert secret in line
    assert secret not in redacted(line)


def test_text_without_secrets_is_unchanged() -> None:
    line = '{"event": "held", "at": "2026-11-21T10:00:00Z", "url": "http://a.example/x?seq=1"}'
    assert redacted(line) == line


_SCRIPT = f"""
import asyncio, logging, structlog
from engine.base.config import load_settings
from engine.base.logs import REQUEST_ID, configure_logging
configure_logging(load_settings(), "api")
REQUEST_ID.set(b"mine-7")
log = structlog.get_logger("engine.sales.checkout")
log.warning("ours", booking_id="b1", address="{_EMAIL}")
try:
    raise ValueError("Key (email)=({_EMAIL}) is there")
except ValueError:
    log.exception("broken")
    logging.getLogger("uvicorn.error").exception("theirs %s", "postgresql://me:hush@db/x")
REQUEST_ID.set((b"a", b"b"))
log.warning("of two")
logging.getLogger("websockets").info("chatter")
"""


@pytest.mark.parametrize("form", ["json", "pretty"])
def test_libraries_log_in_the_same_format(form: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        cwd=REPO,
        env={"PATH": "/usr/bin:/bin", "FRONTROW_LOG_FORMAT": form},
        capture_output=True,
        text=True,
        check=True,
    )
    assert _EMAIL not in run.stderr
    assert "hush" not in run.stderr
    assert "chatter" not in run.stderr
    if form == "pretty":
        assert "Traceback" in run.stderr or "ValueError" in run.stderr
        assert run.stderr.count("mine-7") == 3
        return
    lines = [json.loads(line) for line in run.stderr.splitlines()]
    assert [line["event"] for line in lines[:2]] == ["ours", "broken"]
    assert lines[2]["event"].startswith("theirs postgresql://me:***@db")
    assert lines[2]["logger"] == "uvicorn.error"
    for line in lines:
        assert line["role"] == "api"
        assert line["level"] in ("warning", "error")
        assert line["timestamp"].endswith("Z")
    assert [line.get("request_id") for line in lines] == ["mine-7"] * 3 + [None]
    assert all("ValueError" in line["exception"] for line in lines[1:3])
    assert lines[3]["request_ids"] == ["a", "b"]


async def test_a_batch_is_not_logged_under_its_first_request(served: bytes) -> None:
    seen: list[bytes | tuple[bytes, ...]] = []

    async def flush(commands: list[int]) -> list[int]:
        seen.append(REQUEST_ID.get())
        await asyncio.sleep(0)
        return commands

    batcher: Batcher[int, int] = Batcher("named", flush)
    first = batcher.submit(1)
    await asyncio.sleep(0)
    rest = [batcher.submit(2)]
    REQUEST_ID.set(b"yours-8")
    rest.append(batcher.submit(3))
    assert await asyncio.gather(first, *rest) == [1, 2, 3]
    assert seen == [b"mine-7", (b"mine-7", b"yours-8")]
    assert REQUEST_ID.get() == b"yours-8"
    assert served == b"mine-7"


async def test_a_failing_batch_names_all_its_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    # A logger that has been used before ignores a new configuration.
    monkeypatch.setattr("engine.base.batch.log", structlog.get_logger())

    async def flush(commands: list[int]) -> list[int]:
        if 2 in commands:
            raise ValueError("two is not to be had")
        return commands

    batcher: Batcher[int, int] = Batcher("named", flush)
    with structlog.testing.capture_logs(processors=[add_request_id]) as lines:
        futures = []
        for number in (1, 2):
            REQUEST_ID.set(b"request-%d" % number)
            futures.append(batcher.submit(number))
        results = await asyncio.gather(*futures, return_exceptions=True)
    assert results[0] == 1
    assert isinstance(results[1], ValueError)
    (line,) = lines
    assert line["event"] == "batch failed, trying its members alone"
    assert line["request_ids"] == ["request-1", "request-2"]


async def test_postgresql_sees_the_query_and_the_request_id(
    runtime: Runtime, served: bytes
) -> None:
    activity = "SELECT application_name, query FROM pg_stat_activity WHERE pid = pg_backend_pid()"
    async with runtime.stores.view.transaction() as transaction:
        await transaction.fetch("inventory.open_events")
        during = await transaction.connection.fetchrow(activity)
        pid = await transaction.connection.fetchval("SELECT pg_backend_pid()")
    assert during is not None
    assert during["application_name"] == "frontrow-test mine-7"
    async with runtime.stores.view.connection() as connection:
        after = await connection.fetchrow(
            "SELECT application_name, query FROM pg_stat_activity WHERE pid = $1", pid
        )
    assert after is not None
    # A pooled connection does not keep the name.
    assert after["application_name"] == "frontrow-test"
    assert runtime.stores.view._queries["bookings.reserve"].startswith("/* bookings.reserve */ ")


async def test_a_slow_statement_is_logged(
    runtime: Runtime, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.stores.postgres._SLOW_S", 0.0)
    # A logger that has been used before ignores a new configuration.
    monkeypatch.setattr("engine.stores.postgres.log", structlog.get_logger())
    with structlog.testing.capture_logs() as lines:
        await runtime.stores.view.fetch("inventory.open_events")
    (line,) = lines
    assert (line["event"], line["query"]) == ("slow statement", "inventory.open_events")
    assert line["backend_pid"] > 0


async def test_a_workers_work_for_a_booking_is_logged_under_its_request_id(
    house: House, buyer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in ("chasing", "relay"):
        monkeypatch.setattr(f"engine.sales.{step}.log", structlog.get_logger())
    hold = await house.hold(buyer, 1)
    REQUEST_ID.set(b"mine-43")
    pending = (await house.book(buyer, hold, token="tok_3ds")).booking
    REQUEST_ID.set(b"a-step-of-the-worker")
    pg = house.runtime.stores.view
    async with pg.connection() as connection:
        await connection.execute(
            "INSERT INTO outbox (event_id, kind, booking_id, created_at)"
            " VALUES ($1, 'inquire', $2, now() - interval '1 minute')",
            house.event_id,
            pending.booking_id,
        )
        await connection.execute(
            "UPDATE bookings SET expires_at = now() WHERE booking_id = $1", pending.booking_id
        )
    with structlog.testing.capture_logs(processors=[add_request_id]) as lines:
        await house.runtime.sales.relay.run_once()
        await house.runtime.sales.chasing.run_once()
    told = {
        line["event"]: line["request_id"]
        for line in lines
        if line.get("booking_id") == pending.booking_id
    }
    assert told == {"delivered late": "mine-43", "pending booking resolved": "mine-43"}


async def test_only_a_refund_that_was_left_over_is_logged_as_delivered_late(
    house: House, buyer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.sales.relay.log", structlog.get_logger())
    sales = house.runtime.sales
    prompt, left = [
        (await house.book(buyer, await house.hold(buyer, seat))).booking for seat in (1, 2)
    ]
    cancelled = await sales.cancelling.cancel(prompt.booking_id, actor=WORKER)
    assert cancelled.refunded == prompt.total
    # A process that dies between the cancellation and the refund.
    await sales.outcomes.cancel(left, actor=WORKER, version=None)
    ids = [prompt.booking_id, left.booking_id]
    async with house.runtime.stores.view.connection() as connection:
        await connection.execute(
            "UPDATE outbox SET created_at = now() - interval '1 minute', due_at = now()"
            " WHERE booking_id = ANY($1::uuid[])",
            ids,
        )
        with structlog.testing.capture_logs() as lines:
            while await sales.relay.run_once():
                pass
        rest = await connection.fetchval(
            "SELECT count(*) FROM outbox WHERE booking_id = ANY($1::uuid[])", ids
        )
    late = [line for line in lines if line.get("booking_id") in ids and line["kind"] == "refund"]
    assert [(line["event"], line["booking_id"]) for line in late] == [
        ("delivered late", left.booking_id)
    ]
    assert rest == 0


async def test_a_request_is_found_in_the_log_and_its_buyer_is_not(
    settings: Settings, stores: StoreUrls, house: House
) -> None:
    environment = role_environment(settings, stores, FRONTROW_LOG_FORMAT="json")
    url = f"http://127.0.0.1:{environment['FRONTROW_API_PORT']}"
    process = subprocess.Popen(
        role_command("api", environment), env=environment, cwd=REPO, stderr=subprocess.PIPE
    )
    try:
        await until_ready(url)
        async with httpx.AsyncClient(base_url=url, timeout=60) as http:
            token = (await http.post("/v1/auth/guest")).json()["access_token"]
            http.headers["Authorization"] = f"Bearer {token}"
            held = await http.post(f"/v1/events/{house.event_id}/holds", json={"seats": [1]})
            body = {
                "hold_id": held.json()["hold_id"],
                "buyer": {"email": _EMAIL, "name": "Ada"},
                "payment": {"provider": "sandbox", "token": "tok_timeout"},
            }
            names = {"X-Request-Id": "mine-42", "Idempotency-Key": "once"}
            pending = await http.post("/v1/bookings", json=body, headers=names)
            assert pending.status_code == 202, pending.text
            assert pending.headers["x-request-id"] == "mine-42"
    finally:
        end_process(process)
    assert process.stderr is not None
    text = process.stderr.read().decode()
    process.stderr.close()
    lines: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    told = [line for line in lines if line["event"] == "payment gateway gave no answer"]
    assert [(line["request_id"], line["role"]) for line in told] == [("mine-42", "api")]
    assert pending.json()["booking_id"] == told[0]["booking_id"]
    [checkout] = [line for line in lines if line["event"] == "checkout"]
    assert (checkout["request_id"], checkout["outcome"]) == ("mine-42", "pending")
    assert checkout["booking_id"] == pending.json()["booking_id"]
    for secret in (_EMAIL, token, environment["FRONTROW_ORGANISER_KEY"]):
        assert secret not in text
