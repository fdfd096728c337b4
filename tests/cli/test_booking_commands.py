"""``frontrow booking …`` and ``frontrow event attendees``: the desk on the command line."""

import asyncio
import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from engine.base.errors import NotFound
from engine.cli.main import cli
from engine.cli.shell import CommandRefused
from tests.conftest import House

pytestmark = pytest.mark.integration

Command = Callable[..., Any]


@pytest.fixture
def frontrow(house: House, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs ``frontrow …`` on the test's stores."""
    monkeypatch.setattr("engine.cli.bookings.load_settings", lambda: house.runtime.settings)

    async def command(*words: str, **options: Any) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, cli, [*words], **options)

    return command


def told(result: Result) -> str:
    assert result.exit_code == 0, result.exception
    return result.stdout


async def test_staff_serve_a_buyer_on_the_command_line(
    house: House, buyer: str, frontrow: Command
) -> None:
    hold = await house.hold(buyer, 17, floor=1)
    booked = (await house.book(buyer, hold)).booking
    reference = booked.reference.lower()
    event_id = house.event_id
    listed = told(await frontrow("booking", "list", event_id, "--query", "ADA@", "--seat", "R2 8"))
    assert listed.startswith(booked.reference)
    assert "Ada <ada@example.com>  Stalls, row R2, seat 8; 1 × Floor" in listed
    assert told(await frontrow("booking", "list", event_id, "--status", "cancelled")) == ""
    shown = json.loads(told(await frontrow("booking", "show", reference)))
    assert shown["booking_id"] == booked.booking_id

    corrected = told(
        await frontrow(
            *("booking", "correct", reference, "--email", "eve@example.com"),
            *("--name", "=Eve", "--resend"),
        )
    )
    assert "=Eve <eve@example.com>" in corrected
    assert "to eve@example.com" in corrected
    table = told(await frontrow("event", "attendees", event_id, "--csv"))
    rows = list(csv.DictReader(io.StringIO(table, newline="")))
    assert [(row["name"], row["seat"], row["area"]) for row in rows] == [
        ("'=Eve", "Stalls, row R2, seat 8", ""),
        ("'=Eve", "", "Floor"),
    ]
    assert "eve@example.com" in told(await frontrow("booking", "resend", booked.booking_id))

    kept = await frontrow("booking", "cancel", reference, input="n\n")
    assert kept.exit_code == 1
    assert "cancelled" in told(await frontrow("booking", "cancel", reference, "--yes"))
    assert told(await frontrow("event", "attendees", event_id)) == ""
    everybody = told(await frontrow("event", "attendees", event_id, "--status", "all"))
    assert everybody.count(booked.reference) == 2


async def test_what_cannot_be_done_is_refused_in_one_line(frontrow: Command) -> None:
    nothing = await frontrow("booking", "correct", "7K2M9Q4TXV")
    assert isinstance(nothing.exception, CommandRefused)
    unknown = await frontrow("booking", "show", "7K2M9Q4TXV")
    assert isinstance(unknown.exception, NotFound)
    assert "7K2M9Q4TXV" in str(unknown.exception)
    no_event = await frontrow("booking", "list", "the-play")
    assert isinstance(no_event.exception, CommandRefused)
