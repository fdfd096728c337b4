"""What a value that was refused should have been, in a sentence: "seats[0]: send a whole number of at least 0,
not text", instead of the type checker's own words.

The sentence is made from the type that was expected at the place of the mistake, with all its bounds, so that
one answer tells everything that the next attempt needs.
"""

import difflib
import re
from collections.abc import Callable, Iterable
from enum import Enum
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import inspect

from engine.base.texts import COMPLAINTS

#: Values or fields that a sentence lists; of more it names the first.
_LISTED_MAX = 20
#: Characters of a pattern that a sentence repeats.
_PATTERN_SHOWN_MAX = 60
#: Characters of a name that somebody sent; a longer one is repeated in part, and nothing is near it.
_NAME_SHOWN_MAX = 60

_PLACE = re.compile(r"^(?P<what>.*?)(?: - at (?P<key>`key` in )?`\$\.?(?P<path>.*?)`)?$", re.DOTALL)
_STEP = re.compile(r"\[(?P<index>\.\.\.|\d+)\]|(?P<field>[^.\[\]]+)")
_GOT = re.compile(r"Expected `.*`, got `(?P<kind>[^`]*)`")
_FIELD = re.compile(
    r"Object (?P<how>missing required|contains unknown) field `(?P<name>.*)`", re.DOTALL
)
_KINDS: Final = {
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "bool": "true or false",
    "null": "null",
    "array": "a list",
    "object": "an object",
}
_LISTS = inspect.ListType | inspect.VarTupleType | inspect.SetType | inspect.FrozenSetType
_PLAIN: Final[dict[type[inspect.Type], str]] = {
    inspect.NoneType: "null",
    inspect.BoolType: "true or false",
    inspect.DateTimeType: "a date and time with its time zone, like 2027-05-01T20:00:00Z",
    inspect.DateType: "a date, like 2027-05-01",
    inspect.UUIDType: "a UUID, like 018f6f2e-5c8a-7cc0-a1b2-3c4d5e6f7a8b",
    inspect.StructType: "an object",
}


class Mistake(NamedTuple):
    """``place``: the field's path, like ``seats[0]``, or empty; ``advice``: what to send there."""

    place: str
    advice: str
    of_a_key: bool = False

    def __str__(self) -> str:
        name = self.place or "the document"
        if self.of_a_key:
            name = f"a name in {name}"
        elif name.endswith("[...]"):
            name = f"a value in {name.removesuffix('[...]')}"
        return f"{name}: {self.advice}"


def mistake(error: msgspec.ValidationError, kind: Any) -> Mistake:
    """What msgspec found wrong in a value that had to be of the type ``kind``."""
    found = _PLACE.match(str(error))
    what, path = (found["what"], found["path"] or "") if found else (str(error), "")
    of_a_key = bool(found and found["key"])
    expected = _at(_type_info(kind), path)
    if of_a_key:
        expected = _key_of(expected)
    if field := _FIELD.match(what):
        return _wrong_field(path, field["name"], expected, field["how"] == "missing required")
    return Mistake(path, _advice(what, expected), of_a_key)


def what_to_send(kind: Any, *, nullable: bool = True) -> str:
    """A value of the type ``kind`` in words: "a whole number from 1 to 100". Not ``nullable``: null cannot be
    written where the value stands, as in an address.
    """
    words = _described(_type_info(kind))
    return words if nullable else words.removesuffix(" or null")


def did_you_mean(name: str, known: Iterable[str], prefix: str = "", at_least: float = 0.6) -> str:
    """``; did you mean x?``, or nothing where no known name is near. ``prefix``: of an environment variable,
    which has capitals; it makes no two names alike. ``at_least``: how alike the names must be, 0 to 1.
    """
    near = (
        difflib.get_close_matches(name, known, 1, at_least) if len(name) <= _NAME_SHOWN_MAX else []
    )
    if not near:
        return ""
    return f"; did you mean {prefix + near[0].upper() if prefix else near[0]}?"


@lru_cache(maxsize=512)
def _type_info(kind: Any) -> inspect.Type:
    return inspect.type_info(kind)


def _wrong_field(path: str, name: str, of: inspect.Type | None, is_missing: bool) -> Mistake:
    where = _joined(path, name)
    fields = {field.encode_name: field for field in _fields(of)}
    if is_missing:
        sent = f"; send {_described(fields[name].type)}" if name in fields else ""
        return Mistake(where, f"it is missing{sent}")
    shown = _joined(path, name[:_NAME_SHOWN_MAX])
    advice = did_you_mean(name, fields) or f"; the fields are {_listed(fields)}"
    return Mistake(shown, f"it is not a field here{advice if fields else ''}")


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _advice(what: str, expected: inspect.Type | None) -> str:
    if expected is None:
        return f"it was not understood ({what.replace('`', '')})"
    if _is_object(expected) and not what.startswith(("Expected ", "Invalid ")):
        # What a type's own check says of its fields together.
        return what
    sent = _described(expected)
    got = _GOT.match(what)
    kind = _KINDS.get(got["kind"], "") if got else ""
    return f"send {sent}, not {kind}" if kind and kind not in sent else f"send {sent}"


def _is_object(info: inspect.Type) -> bool:
    return any(isinstance(part, inspect.StructType) for part in _parts(info))


def _at(info: inspect.Type | None, path: str) -> inspect.Type | None:
    """The type at ``path``; None where the path leaves what is known."""
    for step in _STEP.finditer(path):
        if info is None:
            break
        info = (
            _field_type(info, step["field"]) if step["field"] else _entry_type(info, step["index"])
        )
    return info


def _field_type(info: inspect.Type, name: str) -> inspect.Type | None:
    for field in _fields(info):
        if field.encode_name == name:
            return field.type
    tags = [
        part.tag
        for part in _parts(info)
        if isinstance(part, inspect.StructType) and part.tag_field == name
    ]
    return inspect.LiteralType(tuple(tags)) if tags else None


def _entry_type(info: inspect.Type, index: str) -> inspect.Type | None:
    for part in _parts(info):
        if isinstance(part, inspect.TupleType) and index.isdecimal():
            return part.item_types[int(index)] if int(index) < len(part.item_types) else None
        if isinstance(part, _LISTS):
            return part.item_type
        if isinstance(part, inspect.DictType):
            return part.value_type
    return None


def _key_of(info: inspect.Type | None) -> inspect.Type | None:
    return next((p.key_type for p in _parts(info) if isinstance(p, inspect.DictType)), None)


def _parts(info: inspect.Type | None) -> list[inspect.Type]:
    """The members of a union, without what is written about them."""
    if isinstance(info, inspect.Metadata):
        return _parts(info.type)
    if isinstance(info, inspect.UnionType):
        return [part for member in info.types for part in _parts(member)]
    return [] if info is None else [info]


def _fields(info: inspect.Type | None) -> list[inspect.Field]:
    return [
        field
        for part in _parts(info)
        if isinstance(part, inspect.StructType | inspect.TypedDictType | inspect.DataclassType)
        for field in part.fields
    ]


def _described(info: inspect.Type, example: str = "") -> str:
    if isinstance(info, inspect.Metadata):
        return _described(info.type, _example(info) or example)
    if isinstance(info, inspect.UnionType):
        return _either([_described(part, example) for part in info.types])
    if isinstance(info, inspect.StrType):
        return _text(info, example)
    maker = next((make for kinds, make in _MAKERS if isinstance(info, kinds)), None)
    return maker(info) if maker else _PLAIN.get(type(info), "a value of another kind")


def _example(info: inspect.Metadata) -> str:
    examples = (info.extra_json_schema or {}).get("examples") or []
    return f", like {examples[0]!r}" if examples and isinstance(examples[0], str) else ""


def _number(info: inspect.IntType | inspect.FloatType) -> str:
    name = "a whole number" if isinstance(info, inspect.IntType) else "a number"
    if info.ge is not None and info.le is not None:
        return f"{name} from {_plain(info.ge)} to {_plain(info.le)}"
    bounds = [
        f"{words} {_plain(bound)}"
        for words, bound in (
            ("of at least", info.ge),
            ("above", info.gt),
            ("of at most", info.le),
            ("below", info.lt),
        )
        if bound is not None
    ]
    return " ".join((name, " and ".join(bounds))) if bounds else name


def _plain(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) else str(bound)


def _text(info: inspect.StrType, example: str) -> str:
    length = _of_length(info.min_length, info.max_length, "characters")
    if info.pattern in COMPLAINTS:
        return f"text{length}{example}; it {COMPLAINTS[info.pattern]}"
    if info.pattern and not example and len(info.pattern) <= _PATTERN_SHOWN_MAX:
        return f"text{length} that matches {info.pattern}"
    return f"text{length}{example}"


def _of_length(least: int | None, most: int | None, unit: str) -> str:
    """``unit`` is a plural in -s or -ies."""
    if most is None and not least:
        return ""
    if (most or least) == 1:
        unit = f"{unit[:-3]}y" if unit.endswith("ies") else unit[:-1]
    if most is None:
        return f" of at least {least} {unit}"
    if least:
        return f" of {most} {unit}" if least == most else f" of {least} to {most} {unit}"
    return f" of at most {most} {unit}"


def _entries(info: Any) -> str:
    name = "an object" if isinstance(info, inspect.DictType) else "a list"
    return name + _of_length(info.min_length, info.max_length, "entries")


def _one_of(values: Iterable[Any]) -> str:
    known = [value.value if isinstance(value, Enum) else value for value in values]
    names = ["null" if value is None else str(value) for value in known]
    return names[0] if len(names) == 1 else f"one of {_listed(names)}"


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    more = ", …" if len(known) > _LISTED_MAX else ""
    return ", ".join(known[:_LISTED_MAX]) + more


def _either(ways: list[str]) -> str:
    # Null last: it is the exception.
    known = list(dict.fromkeys(sorted(ways, key=lambda way: way == "null")))
    return " or ".join(known)


_MAKERS: Final[tuple[tuple[Any, Callable[[Any], str]], ...]] = (
    (inspect.IntType | inspect.FloatType, _number),
    (_LISTS | inspect.DictType, _entries),
    (inspect.EnumType, lambda info: _one_of(info.cls)),
    (inspect.LiteralType, lambda info: _one_of(info.values)),
    (inspect.TupleType, lambda info: f"a list of {len(info.item_types)} entries"),
)
