"""All problems of a document, each with its path in the file.

Three kinds of problem: fatal ones; those that ``lenient`` repairs (a part is dropped or replaced);
those that ``renumber`` repairs (a name that must be unique is replaced). A repaired problem is a
warning that says what was done. Nothing else changes the imported layout.
"""

import json
from typing import NoReturn

from msgspec import Struct

from engine.base.errors import InvalidInput

#: Reading stops after this many errors, more than anyone reads; further warnings are only counted.
REPORTED_MAX = 10_000
_QUOTED_MAX = 60


class Problem(Struct, frozen=True):
    """``path`` is where in the document, as in ``zones[0].rows[3].seats[7].category``."""

    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class LayoutRejected(InvalidInput):
    """Nothing was imported. ``extra["errors"]`` lists every problem as ``{"path", "problem"}``."""

    code = "invalid-layout"


class Report:
    """Collects problems while a document is read."""

    def __init__(self, *, lenient: bool, renumber: bool) -> None:
        self._lenient = lenient
        self._renumber = renumber
        self._errors: list[Problem] = []
        self._warnings: list[Problem] = []
        self._warning_count = 0

    @property
    def clean(self) -> bool:
        return not self._errors

    def fatal(self, path: str, problem: str) -> None:
        self._errors.append(Problem(path, problem))
        if len(self._errors) == REPORTED_MAX:
            self._errors.append(Problem("$", "too many problems; the rest was not read"))
            self.reject()

    def warn(self, path: str, problem: str) -> None:
        self._warning_count += 1
        if self._warning_count <= REPORTED_MAX:
            self._warnings.append(Problem(path, problem))

    def droppable(self, path: str, problem: str, remedy: str) -> bool:
        """Report a problem that ``lenient`` repairs by ``remedy``; True when ``lenient`` was asked for."""
        return self._mend(self._lenient, path, problem, remedy)

    def ambiguous(self, path: str, problem: str, remedy: str) -> bool:
        """Report a problem that ``renumber`` repairs by ``remedy``; True when ``renumber`` was asked for."""
        return self._mend(self._renumber, path, problem, remedy)

    def _mend(self, allowed: bool, path: str, problem: str, remedy: str) -> bool:
        if allowed:
            self.warn(path, f"{problem}; {remedy}")
        else:
            self.fatal(path, problem)
        return allowed

    def warnings(self) -> list[Problem]:
        rest = self._warning_count - len(self._warnings)
        return [*self._warnings, Problem("$", f"and {rest} more")] if rest else self._warnings

    def reject(self) -> NoReturn:
        """Raise LayoutRejected with everything found."""
        first = self._errors[0]
        count = len(self._errors)
        detail = (
            f"the layout has a problem: {first}"
            if count == 1
            else f"the layout has {count} problems; the first is {first}"
        )
        errors = [{"path": e.path, "problem": e.problem} for e in self._errors]
        raise LayoutRejected(detail, errors=errors)


def quote(text: str) -> str:
    """``text`` in double quotes, shortened, and always safe to encode."""
    if len(text) > _QUOTED_MAX:
        text = text[: _QUOTED_MAX - 1] + "…"
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted.encode("utf-8", "backslashreplace").decode()


def quote_all(texts: list[str], shown_max: int = 12) -> str:
    shown = ", ".join(quote(text) for text in texts[:shown_max])
    return shown if len(texts) <= shown_max else f"{shown} and {len(texts) - shown_max} more"
