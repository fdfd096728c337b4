"""Whatever is done to a valid document: it is imported soundly or refused with reasons."""

import copy
import json
import math
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, example, given, settings

from engine.layout import LayoutRejected, import_layout
from tests.support.layouts import Document, check_invariants, native, pretix

SCALARS: list[Any] = [
    None,
    True,
    0,
    -1,
    3,
    10**30,
    1.5,
    math.nan,
    math.inf,
    -1e300,
    "",
    " ",
    "A",
    "1",
    "Front",
    "I",
    "wheelchair",
    "polygon",
    "\ud800",
    "a\x00b",
    "x" * 300,
    "#123",
    [],
    {},
    [[]],
    {"x": 1, "y": 1},
    [0, 0],
    b"bytes",
]


def check_import(document: object, *, renumber: bool = False, lenient: bool = False) -> None:
    """Imports soundly, or is refused with reasons that can be sent."""
    errors: list[dict[str, str]] = []
    try:
        imported = import_layout(document, renumber=renumber, lenient=lenient)
    except LayoutRejected as refusal:
        errors = refusal.extra["errors"]
    else:
        check_invariants(imported)
        imported.layout.to_json().decode()
        return
    assert errors
    assert all(error["path"] and error["problem"] for error in errors)
    json.dumps(errors, ensure_ascii=False).encode()


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in ``value``."""
    if isinstance(value, dict):
        own: list[tuple[Any, Any]] = [(value, key) for key in value]
    elif isinstance(value, list):
        own = [(value, index) for index in range(len(value))]
    else:
        return []
    return own + [place for holder, key in own for place in places(holder[key])]


def mutate(document: Document, data: st.DataObject) -> None:
    """One change somewhere: replace, remove, repeat, add a key, or copy from elsewhere."""
    holder, key = data.draw(st.sampled_from(places(document)))
    deed = data.draw(st.sampled_from(["replace", "remove", "repeat", "add", "copy"]))
    if deed == "replace":
        holder[key] = copy.deepcopy(data.draw(st.sampled_from(SCALARS)))
    elif deed == "remove":
        del holder[key]
    elif deed == "repeat" and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    elif deed == "add" and isinstance(holder, dict):
        holder[data.draw(st.sampled_from(["x", "seats", "position", "\ud800", "", "kind"]))] = 1
    else:
        other, other_key = data.draw(st.sampled_from(places(document)))
        holder[key] = copy.deepcopy(other[other_key])


@given(st.data(), st.sampled_from([native, pretix]), st.booleans(), st.booleans())
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_mutated_documents_are_imported_or_refused(
    data: st.DataObject, make: Any, renumber: bool, lenient: bool
) -> None:
    document = make()
    for _ in range(data.draw(st.integers(1, 6))):
        if not places(document):
            break
        mutate(document, data)
    check_import(document, renumber=renumber, lenient=lenient)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
@example({"zones": None})
@example({"format": ["frontrow/1"]})
@settings(max_examples=100, deadline=None)
def test_any_json_is_imported_or_refused(document: object) -> None:
    check_import(document)


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_imported_or_refused(data: bytes) -> None:
    check_import(data)
