"""The page about performance says what the last run of the benchmarks has left."""

import json
from pathlib import Path
from typing import Any

import pytest

from loadtest.bench import BARS, MEASURES, table, write_table
from loadtest.stack import REPO


@pytest.fixture
def kept() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((REPO / "bench.json").read_text())
    return found


def test_the_table_is_that_of_the_last_run(kept: dict[str, Any]) -> None:
    assert table(kept) in (REPO / "docs" / "performance.md").read_text()


def test_every_figure_was_taken_and_every_bar_has_one(kept: dict[str, Any]) -> None:
    assert MEASURES.keys() <= kept.keys()
    assert BARS.keys() <= MEASURES.keys()


def test_a_table_is_put_in_the_place_of_the_one_before(
    kept: dict[str, Any], tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    page.write_text((REPO / "docs" / "performance.md").read_text())
    write_table(page, kept | {"hold_http_vs_noop": 123.0})
    assert "| 123 |" in page.read_text()
    write_table(page, kept)
    assert page.read_text() == (REPO / "docs" / "performance.md").read_text()


def test_a_page_without_a_place_for_it_is_left_alone(kept: dict[str, Any], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Performance")
    with pytest.raises(ValueError, match="no place"):
        write_table(page, kept)
    assert page.read_text() == "# Performance"
