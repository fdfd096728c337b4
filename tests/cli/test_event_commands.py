"""``frontrow event …``: the command line sets all that the API can, by the same rules."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from engine.cli.main import cli
from engine.cli.shell import CommandRefused
from engine.runtime import Runtime
from tests.conftest import make_event, small_house

pytestmark = pytest.mark.integration

Command = Callable[..., Any]


@pytest.fixture
def frontrow(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs ``frontrow event …`` on the test's stores."""
    monkeypatch.setattr("engine.cli.events.load_settings", lambda: runtime.settings)

    async def command(*words: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, cli, ["event", *words])

    return command


def told(result: Result) -> str:
    assert result.exit_code == 0, result.exception
    return result.stdout


async def test_create_and_edit_set_every_field(
    frontrow: Command, runtime: Runtime, tmp_path: Path
) -> None:
    venue, _ = await runtime.catalog.venues.import_plan(small_house())
    file = tmp_path / "metadata.json"
    file.write_text('{"age": "12+"}')
    made = await frontrow(
        *("create", "--name", "A play", "--venue", venue.venue_id),
        *("--starts-at", "2031-05-01T20:00:00Z", "--price", "Front=5000", "--price", "Back=3000"),
        *("--tagline", "Nur heute", "--image-url", "https://img.example/x.png"),
        *("--language", "de", "--buyer-limit", "4", "--hold-ttl", "90", "--metadata", str(file)),
    )
    event_id = told(made).split()[0]
    event = await runtime.catalog.event(event_id)
    assert (event.tagline, event.image_url) == ("Nur heute", "https://img.example/x.png")
    assert (event.language, event.buyer_limit, event.hold_ttl_s) == ("de", 4, 90)
    assert event.metadata == {"age": "12+"}

    told(
        await frontrow(
            *("edit", event_id, "--name", "Another play", "--starts-at", "2031-06-01T20:00:00Z"),
            *("--price", "Front=5500", "--image-url", "", "--language", "en-gb"),
            *("--description", "It is longer.", "--category", "theatre", "--buyer-limit", "5"),
        )
    )
    event = await runtime.catalog.event(event_id)
    assert (event.name, event.starts_at.month, event.description) == (
        "Another play",
        6,
        "It is longer.",
    )
    assert event.prices == {"Front": 5500, "Back": 3000}
    assert (event.tagline, event.image_url, event.language) == ("Nur heute", None, "en-GB")
    shown = json.loads(told(await frontrow("show", event_id)))
    assert shown["tagline"] == "Nur heute"


async def test_a_draft_gets_categories_of_its_own_from_a_file(
    frontrow: Command, runtime: Runtime, tmp_path: Path
) -> None:
    event_id = await make_event(runtime, publish=False)
    file = tmp_path / "categories.json"
    own = {
        "categories": [{"name": "All", "color": "#0072b2"}],
        "assignments": [
            {"category": "All", "section": "Stalls"},
            {"category": "All", "area": "Floor"},
        ],
    }
    file.write_text(json.dumps(own))
    told(await frontrow("edit", event_id, "--categories", str(file), "--price", "All=2000"))
    event = await runtime.catalog.event(event_id)
    assert event.prices == {"All": 2000}
    assert (await runtime.catalog.layout_of(event)).category_numbers() == bytes(50)
    file.write_text('{"bands": []}')
    refused = await frontrow("edit", event_id, "--categories", str(file))
    assert "is not an object like" in str(refused.exception)


async def test_an_edit_of_an_event_on_sale_takes_effect_at_once(
    frontrow: Command, runtime: Runtime
) -> None:
    event_id = await make_event(runtime)
    told(await frontrow("edit", event_id, "--price", "Back=3300"))
    snapshot = await runtime.live.reading.snapshot(event_id)
    assert [price.price.amount for price in snapshot.prices] == [5000, 3300]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name what to change"),
        (["--image-url", "http://x.example/"], "image_url: "),
        (["--language", "german"], "language: "),
        (["--starts-at", "2031-06-01T20:00"], "has no time zone"),
        (["--price", "Balcony=3"], "Unknown: Balcony"),
        (["--metadata", "/nothing/here"], "cannot read"),
        (["--buyer-limit", "0"], "from 1 to 1000"),
    ],
    ids=str,
)
async def test_a_bad_edit_is_refused_and_changes_nothing(
    frontrow: Command, runtime: Runtime, words: list[str], said: str
) -> None:
    event_id = await make_event(runtime, publish=False)
    refused = await frontrow("edit", event_id, *words)
    assert refused.exit_code != 0
    assert said in str(getattr(refused.exception, "detail", refused.exception))
    assert (await runtime.catalog.event(event_id)).version == 1


async def test_no_event_no_edit(frontrow: Command) -> None:
    refused = await frontrow("edit", "x", "--name", "y")
    assert isinstance(refused.exception, CommandRefused)
    assert "not an event's id" in str(refused.exception)


async def test_places_of_a_draft_are_blocked_by_the_names_that_people_use(
    frontrow: Command, runtime: Runtime
) -> None:
    event_id = await make_event(runtime, publish=False)
    blocked = await frontrow(
        *("block", event_id, "--row", "Stalls/R2", "--seats", "0,3-4", "--area", "Floor=2"),
        *("--reason", "The choir"),
    )
    assert told(blocked) == "blocked: 13 seats, 2 places of areas\n"
    back = await frontrow("unblock", event_id, "--seats", "4,5", "--area", "0=1")
    assert "unblocked: 1 seats, 1 places of areas" in told(back)
    assert "1 seats not changed: not-blocked" in back.output
    told(await frontrow("publish", event_id))
    snapshot = await runtime.live.reading.snapshot(event_id)
    assert snapshot.states[:21] == b"300300000033333333330"
    assert snapshot.areas == {0: 5}
    told(await frontrow("unblock", event_id, "--section", "Stalls"))
    assert b"3" not in (await runtime.live.reading.snapshot(event_id)).states


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name places"),
        (["--seats", "a"], "17,20-25"),
        (["--seats", "5-3"], "5-3 is not a range"),
        (["--seats", "50"], "no seat 50"),
        (["--section", "Balcony"], "there are Stalls"),
        (["--row", "Stalls/Z"], "it has R1, R2"),
        (["--row", "R1"], "no section ''"),
        (["--area", "Floor"], "AREA=PLACES"),
        (["--area", "Bar=2"], "there are Floor"),
    ],
    ids=str,
)
async def test_places_that_do_not_exist_are_refused_in_one_line(
    frontrow: Command, runtime: Runtime, words: list[str], said: str
) -> None:
    event_id = await make_event(runtime, publish=False)
    refused = await frontrow("block", event_id, *words)
    assert said in str(getattr(refused.exception, "detail", refused.exception))


async def test_a_preview_is_printed_as_a_link(frontrow: Command, runtime: Runtime) -> None:
    event_id = await make_event(runtime, publish=False)
    link = told(await frontrow("preview", event_id, "--minutes", "5")).strip()
    path, _, token = link.partition("#")
    assert path.endswith(f"/events/{event_id}/preview")
    assert runtime.events.previews.opens(token, event_id)
    told(await frontrow("publish", event_id))
    refused = await frontrow("preview", event_id)
    assert "only drafts have previews" in str(refused.exception)
