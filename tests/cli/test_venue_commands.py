"""``frontrow venue …``: the command line sets all that the API can, by the same rules."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from engine.base.errors import FrontrowError
from engine.base.model import new_id
from engine.cli.main import cli
from engine.cli.shell import CommandRefused
from engine.runtime import Runtime
from tests.conftest import small_house

pytestmark = pytest.mark.integration

Command = Callable[..., Any]
_PLACE = (
    *("--city", "Sydney", "--timezone", "Australia/Sydney"),
    *("--latitude", "-33.86", "--longitude", "151.21"),
)


@pytest.fixture
def frontrow(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs ``frontrow venue …`` on the test's stores."""
    monkeypatch.setattr("engine.cli.venues.load_settings", lambda: runtime.settings)

    async def command(*words: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, cli, ["venue", *words])

    return command


@pytest.fixture
def plan(tmp_path: Path) -> str:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(small_house()))
    return str(file)


def told(result: Result) -> str:
    assert result.exit_code == 0, result.exception
    return result.stdout


async def _shown(frontrow: Command, venue_id: str) -> dict[str, Any]:
    venue: dict[str, Any] = json.loads(told(await frontrow("show", venue_id)))
    return venue


async def test_a_corrected_plan_keeps_the_venue(frontrow: Command, plan: str) -> None:
    made = told(await frontrow("import", plan, "--name", "City Theatre", *_PLACE))
    assert "City Theatre (Sydney, Australia/Sydney)" in made
    venue_id = made.split()[0]
    before = await _shown(frontrow, venue_id)
    assert (before["latitude"], before["longitude"]) == (-33.86, 151.21)
    again = told(await frontrow("import", plan, "--venue", venue_id))
    assert again.split()[0] == venue_id
    after = await _shown(frontrow, venue_id)
    assert after == before | {"layout_id": after["layout_id"], "version": 2}
    assert after["layout_id"] != before["layout_id"]


async def test_create_edit_and_list(frontrow: Command, plan: str) -> None:
    name = f"Hall {new_id()}"
    venue_id = told(await frontrow("create", "--name", name, *_PLACE)).split()[0]
    told(await frontrow("import", plan, "--venue", venue_id))
    assert (await _shown(frontrow, venue_id))["name"] == name
    assert f"{venue_id}  {name} (Sydney, Australia/Sydney)" in told(
        await frontrow("list", "--limit", "10000")
    )
    told(await frontrow("edit", venue_id, "--timezone", "Asia/Tokyo", "--city", "Tokyo"))
    told(await frontrow("edit", venue_id, "--no-coordinates"))
    shown = await _shown(frontrow, venue_id)
    assert (shown["name"], shown["city"], shown["timezone"]) == (name, "Tokyo", "Asia/Tokyo")
    assert shown["latitude"] is None
    told(await frontrow("edit", venue_id, "--city", "", "--timezone", "", "--name", f"{name} 2"))
    shown = await _shown(frontrow, venue_id)
    assert (shown["name"], shown["city"], shown["timezone"]) == (f"{name} 2", "", None)


@pytest.mark.parametrize("command", ["import", "edit", "show"])
@pytest.mark.parametrize("venue_id", ["not-a-venue", "01980000-0000-7000-8000-000000000000"])
async def test_an_unknown_venue_is_an_error_and_makes_nothing(
    frontrow: Command, runtime: Runtime, plan: str, command: str, venue_id: str
) -> None:
    words = {
        "import": ("import", plan, "--venue", venue_id),
        "edit": ("edit", venue_id, "--city", "Jena"),
        "show": ("show", venue_id),
    }[command]
    refused = await frontrow(*words)
    assert refused.exit_code == 1
    assert isinstance(refused.exception, FrontrowError)
    assert refused.exception.detail == f"There is no venue {venue_id}."
    assert await runtime.stores.mongo.get("venues", venue_id) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--timezone", "Berlin"], "did you mean Europe/Berlin?"),
        (["--timezone", "localtime"], "is not the IANA name of a place"),
        (["--latitude", "1"], "latitude and longitude: give both"),
        (["--latitude", "nan", "--longitude", "1"], "latitude"),
        (["--latitude", "1", "--longitude", "181"], "longitude"),
        (["--city", "x" * 101], "city"),
        (["--name", "x" * 201], "name"),
    ],
    ids=str,
)
@pytest.mark.parametrize("command", ["import", "create", "edit"])
async def test_bad_facts_are_refused_by_every_command(
    frontrow: Command, plan: str, command: str, words: list[str], said: str
) -> None:
    venue_id = told(await frontrow("create", "--name", "Hall")).split()[0]
    before = await _shown(frontrow, venue_id)
    start = {
        "import": ("import", plan, "--venue", venue_id),
        "create": ("create", "--name", "Hall"),
        "edit": ("edit", venue_id),
    }[command]
    refused = await frontrow(*start, *words)
    assert refused.exit_code == 1
    assert isinstance(refused.exception, FrontrowError | CommandRefused)
    assert said in str(refused.exception)
    assert await _shown(frontrow, venue_id) == before


async def test_an_edit_names_what_it_changes(frontrow: Command) -> None:
    venue_id = told(await frontrow("create", "--name", "Hall")).split()[0]
    refused = await frontrow("edit", venue_id)
    assert "nothing to change" in str(refused.exception)
    both = await frontrow("edit", venue_id, "--no-coordinates", "--latitude", "1")
    assert "--no-coordinates goes with neither" in str(both.exception)
