"""Cursors: our own are read back, everything else is refused."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.paging import Int32, Position, cut, decode_cursor, encode_cursor
from engine.base.errors import InvalidInput
from engine.base.model import Uuid, new_id

CHANGED_AT = datetime(2026, 11, 30, 12, 0, 0, 123456, tzinfo=UTC)


class End(Position, frozen=True):
    at: datetime
    number: Int32


def written(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_position_is_read_back_exactly() -> None:
    end = End(CHANGED_AT, 7)
    assert decode_cursor(encode_cursor(end), End) == end
    book = new_id()
    assert decode_cursor(encode_cursor(book), Uuid) == book
    assert decode_cursor(None, Uuid) is None


@pytest.mark.parametrize(
    "cursor",
    [
        # Cursors of the time before versions, and forged ones.
        "WyIyMDI2LTAxLTAxVDAwOjAwOjAwWiIsOTk5OTk5OTk5OTksMV0",
        "WyIwMDAxLTAxLTAxVDAwOjAwOjAwIiwieCJd",
        written([1, ["2026-11-30T12:00:00Z", 2**31]]),
        written([1, ["2026-11-30T12:00:00Z", -1]]),
        written([1, ["2026-11-30T12:00:00Z", 1.0]]),
        written([1, ["2026-11-30T12:00:00Z", 1, 1]]),
        written([1, ["2026-11-30T12:00:00Z"]]),
        written([2, ["2026-11-30T12:00:00Z", 1]]),
        written([1, ["0001-01-01T00:00:00+14:00", 1]]),
        written([1, ["9999-12-31T23:59:59-14:00", 1]]),
        written([1, ["1969-12-31T23:59:59Z", 1]]),
        written([1, ["2026-11-30T12:00:00", 1]]),
        written([1, [1, 1]]),
        "[" * 400,
        written(None),
        "",
        "=",
        "é",
        "\x00",
        "A" * 500,
    ],
)
def test_an_invalid_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput, match="cursor: not valid"):
        decode_cursor(cursor, End)


def test_each_position_has_exactly_one_cursor_text() -> None:
    cursor = encode_cursor(End(CHANGED_AT, 7))
    for other in (cursor + "=", cursor + "!", " " + cursor, cursor[:9] + "\n" + cursor[9:]):
        with pytest.raises(InvalidInput):
            decode_cursor(other, End)


@given(st.text(max_size=500))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    for kind in (End, Uuid):
        try:
            position = decode_cursor(text, kind)
        except InvalidInput:
            continue
        assert encode_cursor(position) == text


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists))
def test_any_json_is_a_cursor_or_refused(value: Any) -> None:
    test_one = written([1, value])
    try:
        position = decode_cursor(test_one, End)
    except InvalidInput:
        return
    assert position is not None
    assert datetime(1970, 1, 1, tzinfo=UTC) <= position.at
    assert 0 <= position.number < 2**31


def test_a_page_knows_whether_more_follows() -> None:
    ids = [new_id() for _ in range(3)]
    assert cut(ids, 3, str) == (ids, None)
    items, cursor = cut(ids, 2, str)
    assert items == ids[:2]
    assert decode_cursor(cursor, Uuid) == ids[1]
