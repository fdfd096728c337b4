"""External programs that tests run: without them a test is skipped, except in CI."""

import os
import shutil

import pytest


def need(name: str) -> str:
    """The program's path. Skips the test without it."""
    path = shutil.which(name)
    if path is None:
        reason = f"{name} is not installed; `make prometheus` does it where it may"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path
