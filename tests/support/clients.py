"""Generated clients, and the tools that generate and check them."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from api.clients import generate

PYTHON = generate.PYTHON_TOOLS / "python"
TSC = generate.NODE_TOOLS / "tsc"


def run(command: Sequence[str | Path], **environment: str) -> str:
    """What a program prints; if it fails, the test fails with its error output."""
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def type_check_python(*paths: Path, folder: Path) -> None:
    # A configuration of its own: generated code need not be as strict as the project.
    options = ["--config-file=", f"--cache-dir={folder}/mypy", f"--python-executable={PYTHON}"]
    run([sys.executable, "-m", "mypy", *options, *paths], MYPYPATH=str(generate.HERE / "python"))


@pytest.fixture(scope="session")
def client_tools() -> None:
    """What ``make clients-tools`` installs. Skips without it, except with CI=true."""
    missing = [str(tool) for tool in (PYTHON, TSC) if not tool.exists()]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"run `make clients-tools`: there is no {', '.join(missing)}")
