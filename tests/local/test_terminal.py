"""Progress as plain lines, where no bar can be drawn."""

import time

import pytest

from engine.local.terminal import progress_bar, progress_line


def test_a_progress_line_names_the_share_and_the_time() -> None:
    assert progress_line("tests", 130.9, "", 812, 3131) == "tests 812/3,131 (25 %), 2 min 10 s"
    assert progress_line("bench", 12, "hold", 0, 60) == "bench 0/60 (0 %), 12 s: hold"
    assert progress_line("rehearsal", 3, "auditing") == "rehearsal, 3 s: auditing"
    assert progress_line("demo", 3, "none", 0, 0) == "demo, 3 s: none"


def test_without_a_terminal_progress_is_plain_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = ""
    with progress_bar("demo", line_every_s=0.01) as on_progress:
        on_progress("selling", 3, 12)
        while "selling" not in said:
            time.sleep(0.01)
            said += capsys.readouterr().err
    assert "demo 3/12 (25 %), 0 s: selling\n" in said
    assert "\x1b" not in said


def test_short_work_prints_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("demo") as on_progress:
        on_progress("selling", 3, 12)
    assert capsys.readouterr().err == ""
