"""Validation messages of msgspec in words for the person who sent the value.

``Expected `int`, got `str`` - at `$.seats[0]``` becomes ``must be a whole number, not a text``, at ``seats[0]``.
"""

import re
from collections.abc import Callable
from typing import Final

from engine.base.texts import COMPLAINTS

_PLACE: Final = re.compile(r" - at `(?:(?:key|value) in )?\$\.?(?P<key>.*?)`$")
_KINDS: Final = {
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
    "datetime": "a time",
    "date": "a date",
    "uuid": "an id",
    "bytes": "Base64",
}
_UNITS: Final = {"str": "character", "array": "element", "object": "field"}
_BOUNDS: Final = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}
_TIME: Final = (
    "must be a time with its offset, like 2027-05-01T19:30:00+02:00 or 2027-05-01T17:30:00Z"
)


def split(message: str) -> tuple[str, str]:
    """A message's sentence without its subject, and the path of the value (empty: the whole).

    An unknown message stays as it is.
    """
    found = _PLACE.search(message)
    said, key = (message[: found.start()], found["key"]) if found else (message, "")
    for pattern, write in _WORDINGS:
        if match := pattern.fullmatch(said):
            return write(match), key
    return said, key


def sentence(message: str) -> str:
    """``seats[0]: must be a whole number, not a text``."""
    words, key = split(message)
    return f"{key}: {words}" if key else words


def _kind(names: str) -> str:
    *first, last = (_KINDS.get(name, name) for name in names.split(" | "))
    return f"{', '.join(first)} or {last}" if first else last


def _got(match: re.Match[str]) -> str:
    got = "a number with a fraction" if match["got"] == "float" else _kind(match["got"])
    return f"must be {_kind(match['want'])}, not {got}"


def _length(match: re.Match[str]) -> str:
    number, unit = match["number"], _UNITS.get(match["kind"].partition(" | ")[0], "element")
    bound = {"": "exactly", **_BOUNDS}[match["sign"] or ""]
    return f"must have {bound} {number} {unit}{'' if number == '1' else 's'}"


def _regex(match: re.Match[str]) -> str:
    pattern = match["pattern"].encode("latin-1", "backslashreplace").decode("unicode_escape")
    return COMPLAINTS.get(match["pattern"], COMPLAINTS.get(pattern, f"must match {pattern}"))


def _as(words: str) -> Callable[[re.Match[str]], str]:
    return lambda match: match.expand(words)


_WORDINGS: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...]] = tuple(
    (re.compile(pattern, re.DOTALL), write)
    for pattern, write in (
        (r"Expected `(?P<want>[^`]+)`, got `(?P<got>[^`]+)`", _got),
        (
            r"Expected `(?P<kind>[^`]+)` of length (?P<sign>>=|<=)? ?(?P<number>\d+)(?:, got .*)?",
            _length,
        ),
        (
            r"Expected `[^`]+` (?P<sign>>=|<=|>|<) (?P<number>\S+)",
            lambda match: f"must be {_BOUNDS[match['sign']]} {float(match['number']):.17g}",
        ),
        (r"Expected `[^`]+` that's a multiple of (\S+)", _as(r"must be a multiple of \1")),
        (r"Expected `str` matching regex '(?P<pattern>.*)'", _regex),
        (r"Expected `[^`]*datetime[^`]*` with a timezone component", _as(_TIME)),
        (r"Invalid RFC3339 encoded datetime", _as(_TIME)),
        (r"Invalid UUID", _as("must be an id, like 01920000-0000-7000-8000-000000000001")),
        (r"Invalid enum value (.*)", _as(r"\1 is not one of the values that are allowed here")),
        (r"Object missing required field `(.*)`", _as(r"the field `\1` is missing")),
        (r"Object contains unknown field `(.*)`", _as(r"there is no field `\1` here")),
        (r"(?:Integer|Number) (?:value )?out of range", _as("must be a smaller number")),
    )
)
