"""Validation messages in words for people."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
import pytest
from msgspec import Meta, Struct

from engine.base.wording import sentence


class _Inner(Struct, forbid_unknown_fields=True):
    size: int


class _Body(Struct, forbid_unknown_fields=True, kw_only=True):
    inner: _Inner | None = None
    number: int = 0
    share: Annotated[float, Meta(gt=0, le=1)] = 1
    few: Annotated[list[int], Meta(min_length=1, max_length=2)] | None = None
    text: Annotated[str, Meta(min_length=2, max_length=3)] = "aa"
    choice: Literal["x", "y"] = "x"
    at: Annotated[datetime, Meta(tz=True)] | None = None
    id: UUID | None = None
    flag: bool = False
    either: int | str | None = None
    pair: tuple[int, int] = (0, 0)
    step: Annotated[int, Meta(multiple_of=5)] = 0
    code: Annotated[str, Meta(pattern="^[A-Z]$")] = "A"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"number": "x"}, "number: must be a whole number, not a text"),
        ({"number": 1.5}, "number: must be a whole number, not a number with a fraction"),
        ({"share": 0}, "share: must be more than 0"),
        ({"share": 1.5}, "share: must be at most 1"),
        ({"few": []}, "few: must have at least 1 element"),
        ({"few": [1, 2, 3]}, "few: must have at most 2 elements"),
        ({"few": [1, None]}, "few[1]: must be a whole number, not null"),
        ({"text": "a"}, "text: must have at least 2 characters"),
        ({"text": "aaaa"}, "text: must have at most 3 characters"),
        ({"choice": "z"}, "choice: 'z' is not one of the values that are allowed here"),
        (
            {"at": "2027-05-01T20:00:00"},
            "at: must be a time with its offset, like 2027-05-01T19:30:00+02:00 or 2027-05-01T17:30:00Z",
        ),
        ({"id": "x"}, "id: must be an id, like 01920000-0000-7000-8000-000000000001"),
        ({"flag": 1}, "flag: must be true or false, not a whole number"),
        ({"either": []}, "either: must be a whole number, a text or null, not a list"),
        ({"pair": [1]}, "pair: must have exactly 2 elements"),
        ({"step": 3}, "step: must be a multiple of 5"),
        ({"code": "a"}, "code: must match ^[A-Z]$"),
        ({"inner": {}}, "inner: the field `size` is missing"),
        ({"inner": {"size": 1, "sise": 1}}, "inner: there is no field `sise` here"),
        ({"size": 1}, "there is no field `size` here"),
        ([], "must be an object, not a list"),
    ],
    ids=str,
)
def test_a_message_is_a_sentence(body: object, expected: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(msgspec.json.encode(body), type=_Body)
    assert sentence(str(refused.value)) == expected


def test_an_unknown_message_stays_as_it_is() -> None:
    assert sentence("something new - at `$.a`") == "a: something new"
