"""Commands that are registered by entry points."""

from importlib import metadata

import pytest
from click.testing import CliRunner

from engine.cli.main import cli
from engine.cli.shell import CommandRefused


def test_a_plugin_that_is_not_installed_breaks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = metadata.EntryPoint("gone", "nowhere.at_all:command", "frontrow.commands")
    found = metadata.EntryPoints([gone])
    monkeypatch.setattr(metadata, "entry_points", lambda **_: found)
    listed = CliRunner().invoke(cli, ["--help"])
    assert listed.exit_code == 0
    assert "Not installed here." in listed.output
    asked = CliRunner().invoke(cli, ["gone", "EVENT", "--buyers", "3"])
    assert isinstance(asked.exception, CommandRefused)
    assert "gone is not installed here" in str(asked.exception)
