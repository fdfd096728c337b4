"""Turns a decoded JSON document into Structs, reporting every mismatch instead of the first.

msgspec converts a sound document in one call. Only parts that do not convert are walked again, key by
key, so that each wrong value is named by its path; the Structs stay the one description of the
format. A field marked EXPENDABLE can be dropped by ``lenient`` without changing the places on sale; one
marked DRAWING is dropped without being asked, and its numbers may be written as text.
"""

import difflib
import math
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from engine.base.texts import ONE_LINE, VisibleName, complaint_of, described_pattern
from engine.layout.report import Report, quote, quote_all

EXPENDABLE: Final = Meta(extra={"expendable": True})
DRAWING: Final = Meta(extra={"drawing": True})
#: A number that may be written as text.
TEXTUAL: Final = Meta(extra={"textual": True})
_T = TypeVar("_T")
#: Stands for a value that could not be read.
NOTHING: Final = object()

#: A coordinate, in drawing units.
Number = Annotated[float, Meta(ge=-1_000_000, le=1_000_000)]
#: A width, height or radius, in drawing units.
Length = Annotated[float, Meta(gt=0, le=1_000_000)]

#: Characters that cannot be printed or stored: control characters and halves of surrogate pairs.
_PRINTABLE_LINES: Final = described_pattern(
    r"^[^\x00-\x09\x0b-\x1f\x7f\ud800-\udfff]*\Z", "must not have control characters"
)
_HEX: Final = r"^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})\Z"

Name = VisibleName
Label = Annotated[str, Meta(max_length=50, pattern=ONE_LINE)]
SeatId = Annotated[str, Meta(max_length=200, pattern=ONE_LINE)]
Lines = Annotated[str, Meta(max_length=500, pattern=_PRINTABLE_LINES)]
Color = Annotated[str, Meta(pattern=_HEX)]

#: Python's message for a text with half a surrogate pair.
_SURROGATE = "surrogates not allowed"
#: The highest number of a seat or row; a larger one is a mistake.
_TEXT_NUMBER_MAX: Final = 10**9
#: JSON types in msgspec's messages and in ours.
_WORDS = {
    "float": "a number",
    "int": "a whole number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,59}")


class Strict(Struct, forbid_unknown_fields=True):
    """Refuses unknown keys: a misspelt one would silently change the venue."""


class Container(Strict):
    """Holds lists that are read even when a key beside them is wrong.

    Missing values are then None, or an empty list; the document is refused anyway, but the problems
    further in are found in the same reading.
    """


def read_document(value: object, kind: type[_T], report: Report) -> _T | None:
    """A whole document as ``kind``; None when no part could be read."""
    found = read(value, kind, "$", report)
    return found if isinstance(found, kind) else None


def read(value: object, kind: Any, path: str, report: Report, *, expendable: bool = False) -> Any:
    """``value`` as ``kind``, or NOTHING after reporting why not."""
    original = kind
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        message = str(error)
    kind, marks = _unwrap(kind)
    if DRAWING in marks:
        report = report.of_drawing()
    expendable = expendable or EXPENDABLE in marks or DRAWING in marks
    options = _options(kind)
    structs = [o for o in options if isinstance(o, type) and issubclass(o, Struct)]
    if isinstance(value, dict) and structs:
        return _read_object(value, structs, path, report, expendable)
    inside = " - at `$" in message or _SURROGATE in message
    if isinstance(value, list) and get_origin(kind) is list and inside:
        least = max((mark.min_length or 0 for mark in marks), default=0)
        return _read_list(value, get_args(kind)[0], path, report, expendable, least)
    if isinstance(value, str) and float in options and (report.is_of_drawing or TEXTUAL in marks):
        number = _number_of(value, original)
        if number is not None:
            report.warn_alike(path, "expected a number, got text; read as a number")
            return number
    problem = _explain(message, value, options)
    if type(value) is int and str in options and abs(value) < _TEXT_NUMBER_MAX:
        return str(value) if report.droppable(path, problem, "read as text") else NOTHING
    inner = re.search(r" - at `\$(.+)`$", message)
    _refuse(path + inner[1] if inner else path, problem, report, expendable)
    return NOTHING


def is_complete(values: list[Any]) -> bool:
    return all(value is not NOTHING for value in values)


def numbered(values: list[_T]) -> Iterator[tuple[int, _T]]:
    """``values`` with their indices in the file, without those that could not be read."""
    return ((i, value) for i, value in enumerate(values) if value is not NOTHING)


def join(path: str, key: str) -> str:
    if not _PLAIN_KEY.fullmatch(key):
        return f"{'' if path == '$' else path}[{quote(key)}]"
    return key if path == "$" else f"{path}.{key}"


def _number_of(text: str, kind: Any) -> float | None:
    """The number that a text holds, if ``kind`` allows it."""
    try:
        return float(msgspec.convert(float(text.strip().replace(",", ".")), kind))
    except (ValueError, TypeError):
        return None


def _refuse(path: str, problem: str, report: Report, expendable: bool) -> None:
    if expendable:
        report.droppable(path, problem, "left out")
    else:
        report.fatal(path, problem)


def _read_list(
    values: list[object], kind: Any, path: str, report: Report, expendable: bool, least: int
) -> Any:
    """NOTHING stands in for an object that could not be read, so that indices stay the file's."""
    found = [
        read(value, kind, f"{path}[{i}]", report, expendable=expendable)
        for i, value in enumerate(values)
    ]
    if expendable:
        kept = [value for value in found if value is not NOTHING]
        if len(kept) < least:
            _refuse(path, f"fewer than {least} could be read", report, expendable)
            return NOTHING
        return kept
    of_objects = isinstance(kind, type) and issubclass(kind, Struct)
    return found if of_objects or is_complete(found) else NOTHING


def _read_object(
    value: dict[Any, object],
    options: list[type[Struct]],
    path: str,
    report: Report,
    expendable: bool,
) -> Any:
    if len(options) == 1:
        return _read_struct(value, options[0], path, report, expendable)
    tag_field = options[0].__struct_config__.tag_field or ""
    tagged = {str(option.__struct_config__.tag): option for option in options}
    tag = value.get(tag_field)
    if isinstance(tag, str) and tag in tagged:
        return _read_struct(value, tagged[tag], path, report, expendable)
    given = f"unknown type {quote(str(tag))}" if tag_field in value else "missing"
    known = quote_all(sorted(tagged))
    _refuse(join(path, tag_field), f"{given}; known are {known}", report, expendable)
    return NOTHING


def _read_struct(
    value: dict[Any, object], kind: type[Struct], path: str, report: Report, expendable: bool
) -> Any:
    fields = _fields(kind)
    tag_field = kind.__struct_config__.tag_field
    known = [*fields, tag_field] if tag_field else list(fields)
    for key in value:
        if key not in known:
            report.droppable(join(path, str(key)), _unknown_key(str(key), tuple(known)), "left out")
    found: dict[str, Any] = {}
    complete = True
    for key, field in fields.items():
        if key not in value:
            if field.required:
                complete = False
                _refuse(join(path, key), "missing", report, expendable)
            continue
        if value[key] is None and report.is_of_drawing and not field.required:
            continue
        read_value = read(value[key], field.type, join(path, key), report, expendable=expendable)
        if read_value is not NOTHING:
            found[field.name] = read_value
        elif field.required:
            complete = False
    if not complete and not issubclass(kind, Container):
        return NOTHING
    for field in fields.values():
        if field.required and field.name not in found:
            found[field.name] = [] if get_origin(field.type) is list else None
    return kind(**found)


@cache
def _fields(kind: type[Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(kind)}


@lru_cache(maxsize=256)
def _unknown_key(key: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(key, known, n=1) if len(key) < 50 else []
    return f"unknown key; did you mean {quote(close[0])}?" if close else "unknown key"


def _unwrap(kind: Any) -> tuple[Any, list[Meta]]:
    if get_origin(kind) is not Annotated:
        return kind, []
    inner, *notes = get_args(kind)
    return inner, [note for note in notes if isinstance(note, Meta)]


def _options(kind: Any) -> list[Any]:
    if get_origin(kind) not in (Union, UnionType):
        return [kind]
    return [_unwrap(option)[0] for option in get_args(kind) if option is not NoneType]


def _explain(message: str, value: object, options: list[Any]) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "not a finite number"
    if message.startswith("Invalid enum value") and get_origin(options[0]) is Literal:
        return f"unknown {quote(str(value))}; known are {quote_all(list(get_args(options[0])))}"
    if " matching regex " in message and "A-F" in message:
        return f'{quote(str(value))} is not a color such as "#1d3557"'
    if _SURROGATE in message:
        return f"{quote(str(value))} has half of a character"
    if " matching regex " in message:
        return f"{quote(str(value))} {complaint_of(message)}"
    message = message.partition(" - at ")[0]
    for word, plain in _WORDS.items():
        message = message.replace(f"`{word} | null`", plain).replace(f"`{word}`", plain)
    return message[0].lower() + message[1:].replace("`", "")
