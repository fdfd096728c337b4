"""All problems of a document, each with its path in the file.

Three kinds of problem: fatal ones; those that ``lenient`` repairs (a part is dropped or replaced), which
are repaired anyhow in the picture of a pretix plan; those that ``renumber`` repairs (a name that must be
unique is replaced). A repaired problem is a warning that says what was done.
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


class _Found:
    """What was found. ``alike``: where in ``warnings`` a repeated problem stands, and how often it was met."""

    def __init__(self) -> None:
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []
        self.warning_count = 0
        self.alike: dict[str, tuple[int, int]] = {}


class Report:
    """Collects problems while a document is read."""

    def __init__(
        self,
        *,
        lenient: bool,
        renumber: bool,
        found: _Found | None = None,
        is_of_drawing: bool = False,
    ) -> None:
        self.lenient = lenient
        self._renumber = renumber
        self._found = found or _Found()
        #: True where only the picture is read: whatever is wrong there, everything can be sold.
        self.is_of_drawing = is_of_drawing

    @property
    def clean(self) -> bool:
        return not self._found.errors

    def of_drawing(self) -> "Report":
        """The same report, in which what ``lenient`` repairs is repaired anyhow."""
        return Report(lenient=True, renumber=self._renumber, found=self._found, is_of_drawing=True)

    def fatal(self, path: str, problem: str) -> None:
        errors = self._found.errors
        errors.append(Problem(path, problem))
        if len(errors) == REPORTED_MAX:
            errors.append(Problem("$", "too many problems; the rest was not read"))
            self.reject()

    def warn(self, path: str, problem: str) -> None:
        self._found.warning_count += 1
        if self._found.warning_count <= REPORTED_MAX:
            self._found.warnings.append(Problem(path, problem))

    def warn_alike(self, path: str, problem: str) -> None:
        """One warning for a problem that is met at many places: the first one, and how many more."""
        at, count = self._found.alike.get(problem, (len(self._found.warnings), 0))
        self._found.alike[problem] = (at, count + 1)
        if count == 0:
            self.warn(path, problem)

    def droppable(self, path: str, problem: str, remedy: str) -> bool:
        """Report a problem that ``lenient`` repairs by ``remedy``; True when ``lenient`` was asked for."""
        return self._mend(self.lenient, path, problem, remedy)

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
        warnings = self._found.warnings[:]
        for problem, (at, count) in self._found.alike.items():
            if count > 1 and at < len(warnings):
                more = f"{problem}; likewise at {count - 1} more places"
                warnings[at] = Problem(warnings[at].path, more)
        rest = self._found.warning_count - len(warnings)
        return [*warnings, Problem("$", f"and {rest} more")] if rest else warnings

    def reject(self) -> NoReturn:
        """Raise LayoutRejected with everything found."""
        first = self._found.errors[0]
        count = len(self._found.errors)
        detail = (
            f"the layout has a problem: {first}"
            if count == 1
            else f"the layout has {count} problems; the first is {first}"
        )
        errors = [{"path": e.path, "problem": e.problem} for e in self._found.errors]
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
