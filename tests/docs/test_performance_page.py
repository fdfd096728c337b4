"""The page about performance has the figures of the last run of the benchmarks."""

import json
from pathlib import Path
from typing import Any

import pytest

from loadtest.bench import (
    BARS,
    DESIGN_NOOP_PER_S,
    MEASURES,
    at_design_pace,
    table,
    write_table,
)
from loadtest.stack import REPO


@pytest.fixture
def kept() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((REPO / "bench.json").read_text())
    return found


def test_the_table_matches_the_last_run(kept: dict[str, Any]) -> None:
    assert table(kept) in (REPO / "docs" / "performance.md").read_text()


def test_every_figure_was_measured_and_every_target_has_one(kept: dict[str, Any]) -> None:
    assert MEASURES.keys() <= kept.keys()
    assert BARS.keys() <= MEASURES.keys()


def test_a_new_table_replaces_the_earlier_one(kept: dict[str, Any], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text((REPO / "docs" / "performance.md").read_text())
    write_table(page, kept | {"hold_http_vs_noop": 123.0})
    assert "| 123 |" in page.read_text()
    write_table(page, kept)
    assert page.read_text() == (REPO / "docs" / "performance.md").read_text()


def test_a_page_without_a_place_for_the_table_is_left_alone(
    kept: dict[str, Any], tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Performance")
    with pytest.raises(ValueError, match="no place"):
        write_table(page, kept)
    assert page.read_text() == "# Performance"


def test_times_are_translated_to_the_design_machine_and_ratios_are_not() -> None:
    raw = {"noop_per_s": DESIGN_NOOP_PER_S / 2}
    taken = {"hold_cpu_ms": 0.5, "details": {"hold_http_vs_noop": {"raw_medians": raw}}}
    assert at_design_pace("hold_cpu_ms", taken) == 0.25
    assert at_design_pace("hold_http_vs_noop", taken) is None
