"""The layers of packages (contracts in pyproject.toml) match their picture, and modules stay short."""

import re
from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

from docs import floors
from tests.conftest import REPO

LINES_MAX = 450
#: Modules that are longer, with the reason.
LONG = {
    "audit/auditor.py": "one invariant after the other, each a few lines",
    "local/demo/events.py": "a table",
    "local/demo/venues.py": "a table",
    "pricing/admin.py": "one class: what an organiser does about prices, act by act",
    "stores/postgres.py": "one class: pool, breaker, bulkhead and deadlines guard the same call",
    "waitlist/matching.py": "one algorithm",
    "waitlist/seating.py": "one algorithm",
}


def test_long_modules_are_few_and_have_a_reason() -> None:
    lengths = {
        str(path.relative_to(REPO / "engine")): len(path.read_text().splitlines())
        for path in (REPO / "engine").rglob("*.py")
    }
    assert {name for name, lines in lengths.items() if lines > LINES_MAX} == LONG.keys()
    assert len(LONG) <= 8


def test_the_picture_of_floors_matches_the_imports() -> None:
    assert floors.PICTURE.read_text() == floors.drawing(), "run: python -m docs.floors"


def test_architecture_describes_every_package() -> None:
    text = (REPO / "docs" / "architecture.md").read_text()
    rooms = [room for floor in floors.floors() for room in floor]
    assert re.findall(r"^\| `(\w+)` \| ", text.partition("floors.svg")[2], re.MULTILINE) == rooms


def test_packages_of_the_engine_form_no_cycle() -> None:
    graph = grimp.build_graph("engine")
    rooms = {
        room: {
            ".".join(imported.split(".")[:2])
            for inner in {room, *graph.find_descendants(room)}
            for imported in graph.find_modules_directly_imported_by(inner)
        }
        - {room, "engine"}
        for room in graph.find_children("engine")
    }
    try:
        order = list(TopologicalSorter(rooms).static_order())
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))
    assert order[0] == "engine.base"
