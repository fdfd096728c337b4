"""Wherever the product fails, and in whatever format it logs: its output contains no secret."""

import asyncio
import sys
from urllib.parse import urlsplit

import pytest
import structlog

from engine.base.config import Settings
from engine.base.logs import Tracebacks
from engine.base.redaction import hide, redacted
from engine.base.store_urls import StoreUrls
from tests.conftest import ORGANISER_KEY, REPO, TOKEN_SECRET, role_environment
from tests.support.leaking import BEARER, PASSWORD

pytestmark = pytest.mark.integration

PLACES = ("handler", "batch", "step", "gateway", "task", "command", "thread", "line")


async def _run(place: str, environment: dict[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.leaking", place),
        cwd=REPO,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    written, _ = await process.communicate()
    return written.decode()


@pytest.mark.parametrize("form", ["pretty", "json"])
async def test_no_failure_shows_a_secret(form: str, settings: Settings, stores: StoreUrls) -> None:
    environment = role_environment(settings, stores, FRONTROW_LOG_FORMAT=form)
    outputs = dict(
        zip(PLACES, await asyncio.gather(*(_run(p, environment) for p in PLACES)), strict=True)
    )
    secrets = [ORGANISER_KEY, TOKEN_SECRET, BEARER, PASSWORD]
    secrets += filter(
        None, (urlsplit(url).password for url in (stores.postgres_url, stores.redis_url))
    )
    for place, written in outputs.items():
        assert "LEAK" in written or place == "handler", written
        assert "Leak" in written or place == "line", written
        for secret in (*secrets, "eyJ"):
            assert secret not in written, f"{place} shows {secret[:4]}…:\n{written}"


def _failing(depth: int, message: str) -> None:
    hidden_local = f"{message} is only in a variable"
    if depth:
        _failing(depth - 1, hidden_local[:10])
    raise ValueError(message)


def _traceback(tracebacks: Tracebacks, depth: int = 0, message: str = "broken") -> str:
    try:
        _failing(depth, message)
    except ValueError as error:
        return tracebacks((ValueError, error, error.__traceback__))
    raise AssertionError


def test_a_traceback_shows_no_variables_and_is_bounded() -> None:
    written = _traceback(Tracebacks(), depth=500)
    assert "hidden_local" in written  # the line of code
    assert "is only in a variable" not in written.replace('f"{message} is only in a variable"', "")
    assert written.count("\n") < 100
    assert len(_traceback(Tracebacks(), message="x" * 10_000_000)) < 20_000


def test_one_place_writes_few_tracebacks_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("engine.base.logs.time.monotonic", lambda: now)
    tracebacks = Tracebacks(per_second=2)
    written = [_traceback(tracebacks) for _ in range(5)]
    assert ["Traceback" in text for text in written] == [True, True, False, False, False]
    assert written[-1] == "ValueError: broken (traceback not repeated)"
    now = 1001.0
    assert "Traceback" in _traceback(tracebacks)


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("redis://user:pa@ss:wo%2Frd@cache:6379/0", "pa@ss"),
        ("https://token-as-user@host/", "token-as-user"),
        ("postgresql://h/d?user=u&password=hunter2&x=1", "hunter2"),
        ("AUTHORIZATION: BEARER abcdefgh12345", "abcdefgh12345"),
        ("[(b'authorization', b'Basic YWRhOnNlY3JldA==')]", "YWRhOnNlY3JldA"),
        ("Login(access_token='abc', refresh_token=\"def-ghi\")", "def-ghi"),
        ('{"new_password": "hunter2"}', "hunter2"),
        ("eyJhbGciOiJIUzI1NiIsInR5", "eyJhbGciOiJIUzI1NiIsInR5"),
        ("at /b/Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmF6QUJDRDEyMzQ", "Zm9vYmFyYmF6"),
        ("-Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmF6QUJDRDEyMzQ", "Zm9vYmFyYmF6"),
    ],
)
def test_secrets_are_known_by_their_shape(line: str, secret: str) -> None:
    assert secret in line
    assert secret not in redacted(line)


def test_a_known_secret_is_masked_in_every_form() -> None:
    secret = 'ordinary wörds/with "quotes"'
    hide(secret)
    for text in (
        secret,
        repr(secret),
        f"{secret.encode()!r}",
        "ordinary%20w%C3%B6rds%2Fwith%20%22quotes%22",
    ):
        assert "ordinary" not in redacted(text)


@pytest.mark.parametrize(
    "line",
    [
        "test_what_a_worker_does_for_a_booking_is_logged_under_its_request_id_2",
        "GET /v1/events/01980000-0000-7000-8000-0000000000e4/seats 200",
        "engine/stores/postgres.py:120 in translated",
        "request-id frontrow-worker-0123456789abcdef-1f",
    ],
)
def test_text_without_secrets_is_unchanged(line: str) -> None:
    assert redacted(line) == line


def test_no_value_can_write_log_lines_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    from engine.base.logs import _shorten

    event: structlog.typing.EventDict = {
        "event": "x",
        "name": "a\n2026 [error] forged\x1b[2J",
        "n": 1,
    }
    shown = _shorten(None, "", event)
    assert shown == {"event": "x", "name": "a\\n2026 [error] forged\\x1b[2J", "n": 1}
    assert len(str(_shorten(None, "", {"event": "y" * 5000})["event"])) < 2100
