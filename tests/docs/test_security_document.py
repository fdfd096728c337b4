"""docs/security.md names tests as its proof: each of them exists."""

import re
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def test_every_named_test_exists() -> None:
    named = NAMED.findall((REPO / "docs" / "security.md").read_text())
    assert len(named) > 80
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not (REPO / file).is_file() or (test and f"def {test}(" not in (REPO / file).read_text())
    ]
    assert missing == []
