"""Cells of a spreadsheet that no spreadsheet evaluates."""

import re
from collections.abc import Iterable
from typing import Any, Final

#: Characters that spreadsheets take for the beginning of a formula; a semicolon begins a cell in half of
#: Europe.
_FORMULA: Final = re.compile(r"(^|;)(?=[=+\-@\t\r\n＝＋－＠])")


def safe_cell(text: str) -> str:
    """Text that no spreadsheet evaluates: an apostrophe stands before text that looks like a formula."""
    return _FORMULA.sub(r"\1'", text)


def safe_cells(row: Iterable[Any]) -> list[Any]:
    """A row whose texts have gone through ``safe_cell``."""
    return [safe_cell(value) if isinstance(value, str) else value for value in row]
