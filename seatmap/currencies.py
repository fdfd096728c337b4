"""The page's table of currencies: ``python -m seatmap.currencies`` writes web/currencies.js.

It has the currencies of ``engine.base.currencies`` whose minor unit is not a hundredth. A test compares both.
"""

from pathlib import Path

from engine.base.currencies import DIGITS, USUAL_DIGITS

FILE = Path(__file__).parent / "web" / "currencies.js"

_HEAD = """\
// @ts-check
// Written by `python -m seatmap.currencies`: currencies whose minor unit is not a hundredth (ISO 4217).
/** @type {Record<string, number>} */
export const DIGITS = """


def table() -> str:
    """The whole file."""
    unusual = (f"{code}: {digits}" for code, digits in DIGITS.items() if digits != USUAL_DIGITS)
    return f"{_HEAD}{{ {', '.join(unusual)} }};\n"


if __name__ == "__main__":
    FILE.write_text(table())
