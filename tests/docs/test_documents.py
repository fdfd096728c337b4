"""Links in the documents have targets, and their examples work."""

import re
from pathlib import Path

import pytest

from engine.base.invariants import Invariant
from engine.layout import import_layout
from loadtest.judgement import INVARIANTS
from tests.conftest import REPO

DOCUMENTS = [
    path for path in (*REPO.glob("*.md"), *REPO.glob("docs/**/*.md")) if path.name != "CHANGELOG.md"
]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(REPO)))
def test_every_link_has_a_target(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        file, _, anchor = target.partition("#")
        if "://" in target or target.startswith("mailto:"):
            continue
        document = (path.parent / file).resolve() if file else path
        assert document.exists(), target
        if anchor and document.suffix == ".md":
            assert anchor in _anchors(document), target


def _anchors(document: Path) -> set[str]:
    """Anchors as GitHub derives them from headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    "path", sorted((REPO / "docs" / "examples").glob("*.json")), ids=lambda path: path.name
)
def test_example_plans_are_imported_without_a_warning(path: Path) -> None:
    assert import_layout(path.read_bytes()).warnings == []


def test_the_index_names_every_document() -> None:
    named = re.findall(r"\]\(([\w-]+\.md)\)", (REPO / "docs" / "README.md").read_text())
    there = {path.name for path in (REPO / "docs").glob("*.md")} - {"README.md"}
    assert set(named) == there


def test_every_decision_is_in_the_index() -> None:
    folder = REPO / "docs" / "decisions"
    named = re.findall(r"\]\((\d[\w-]+\.md)\)", (folder / "README.md").read_text())
    assert named == sorted(path.name for path in folder.glob("0*.md"))


def test_architecture_lists_every_step_of_the_worker() -> None:
    rooms = [path.read_text() for path in (REPO / "engine").rglob("*.py")]
    steps = [name for text in rooms for name in re.findall(r'\bStep\("([\w-]+)"', text)]
    listed = re.findall(
        r"^\| ([a-z]+-[a-z]+|audit|reconcile|reprice) \| ",
        (REPO / "docs" / "architecture.md").read_text(),
        re.MULTILINE,
    )
    assert sorted(listed) == sorted(steps)


def test_architecture_numbers_every_invariant() -> None:
    text = (REPO / "docs" / "architecture.md").read_text()
    _, _, promises = text.partition("## Invariants")
    promises, _, _ = promises.partition("\n## ")
    numbers = re.findall(r"^(\d+)\. ", promises, re.MULTILINE)
    assert numbers == [str(invariant) for invariant in Invariant] == list(map(str, INVARIANTS))
