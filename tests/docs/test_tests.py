"""What the tests promise of themselves."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import KINDS, REPO
from tests.mutants import MUTANTS, Mutant

#: Give another value each time: two processes of one run would not agree on what the tests are called.
_NEVER_TWICE = {"new_id", "uuid4", "uuid7", "random", "randrange", "token_urlsafe", "time", "now"}


def _calls_in_parameters(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        for decorator in getattr(node, "decorator_list", []):
            if "parametrize" not in ast.unparse(decorator):
                continue
            for call in (part for part in ast.walk(decorator) if isinstance(part, ast.Call)):
                name = ast.unparse(call.func).rsplit(".", 1)[-1]
                if name in _NEVER_TWICE:
                    yield f"{path.relative_to(REPO)}:{call.lineno} {name}"


def test_parameters_are_the_same_in_every_process() -> None:
    found = [call for path in (REPO / "tests").rglob("*.py") for call in _calls_in_parameters(path)]
    assert found == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.breaks for mutant in MUTANTS])
def test_each_fault_can_still_be_sown(mutant: Mutant) -> None:
    assert (REPO / mutant.file).read_text().count(mutant.old) == 1
    assert all((REPO / "tests" / subject).is_dir() for subject in mutant.subjects)


def test_a_folder_of_tests_is_about_a_package() -> None:
    packages = {
        path.name for path in (REPO / "engine").iterdir() if (path / "__init__.py").exists()
    }
    others = {"api", "seatmap", "loadtest", "deploy", "docs", "support"}
    folders = {path.name for path in (REPO / "tests").iterdir() if (path / "__init__.py").exists()}
    assert folders <= packages | others
    assert not [path.name for path in (REPO / "tests").glob("test_*.py")]


def test_each_file_of_tests_has_one_known_kind() -> None:
    for path in (REPO / "tests").rglob("test_*.py"):
        marks = re.findall(r"^pytestmark = (.*)$", path.read_text(), re.MULTILINE)
        assert len(marks) <= 1, path
        # conftest.py reads this line, and knows no other form of it.
        assert all(mark.removeprefix("pytest.mark.") in KINDS for mark in marks), path
