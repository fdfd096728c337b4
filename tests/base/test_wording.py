"""Refused values are answered in sentences that name the place and all that the next attempt needs."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta, Struct

from engine.base.wording import did_you_mean, mistake, what_to_send
from engine.catalog.model import EventDraft, EventPatch
from engine.pricing.rule import Rule

#: The type checker's own words.
_CHECKERS_WORDS = re.compile(r"`|Expected|Invalid|Object |encoded|\$\.|\barray\b|\bstr\b|\bint\b")


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Inner(Struct, forbid_unknown_fields=True):
    seat: Annotated[int, Meta(ge=0)]
    colour: Colour = Colour.RED


class Card(Struct, tag="card", tag_field="by"):
    token: str


class Cash(Struct, tag="cash", tag_field="by"):
    paid: bool = False


class Order(Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=40)]
    seats: Annotated[list[Annotated[int, Meta(ge=0, le=99)]], Meta(max_length=3)] = []
    items: list[Inner] = []
    prices: dict[Annotated[str, Meta(min_length=1)], float] = {}
    code: Annotated[str, Meta(pattern="^[A-Z]{3}$", examples=["EUR"])] = "EUR"
    short: Annotated[str, Meta(pattern="^[a-z]+$")] = "a"
    at: Annotated[datetime, Meta(tz=True)] | None = None
    pay: Card | Cash | None = None
    how: Literal["post", "mail"] = "mail"
    pair: tuple[int, bool] = (1, True)
    share: Annotated[float, Meta(gt=0, le=1)] = 1.0
    few: Annotated[list[int], Meta(min_length=1)] | None = None


_NAMED = {"name": "Ada"}
_CASES: list[tuple[Any, str]] = [
    ([], "the document: send an object, not a list"),
    ({}, "name: it is missing; send text of 1 to 40 characters"),
    ({"name": 3}, "name: send text of 1 to 40 characters, not a whole number"),
    ({"name": ""}, "name: send text of 1 to 40 characters"),
    (_NAMED | {"seats": ["a"]}, "seats[0]: send a whole number from 0 to 99, not text"),
    (_NAMED | {"seats": [1, 100]}, "seats[1]: send a whole number from 0 to 99"),
    (_NAMED | {"seats": [1, 1.5]}, "seats[1]: send a whole number from 0 to 99, not a number"),
    (_NAMED | {"seats": [1] * 4}, "seats: send a list of at most 3 entries"),
    (_NAMED | {"few": []}, "few: send a list of at least 1 entry or null"),
    (_NAMED | {"items": [{"seat": -1}]}, "items[0].seat: send a whole number of at least 0"),
    (_NAMED | {"items": [{}]}, "items[0].seat: it is missing; send a whole number of at least 0"),
    (
        _NAMED | {"items": [{"seat": 1, "color": "red"}]},
        "items[0].color: it is not a field here; did you mean colour?",
    ),
    (
        _NAMED | {"items": [{"seat": 1, "x": 1}]},
        "items[0].x: it is not a field here; the fields are seat, colour",
    ),
    (
        _NAMED | {"items": [{"seat": 1, "colour": "green"}]},
        "items[0].colour: send one of red, blue",
    ),
    (_NAMED | {"prices": {"Stalls": "5"}}, "a value in prices: send a number, not text"),
    (
        _NAMED | {"prices": {"": 5}},
        "a name in prices: send text of at least 1 character",
    ),
    (_NAMED | {"code": "euro"}, "code: send text, like 'EUR'"),
    (_NAMED | {"short": "É"}, "short: send text that matches ^[a-z]+$"),
    (
        _NAMED | {"at": "tomorrow"},
        "at: send a date and time with its time zone, like 2027-05-01T20:00:00Z or null",
    ),
    (
        _NAMED | {"at": "2027-05-01T20:00:00"},
        "at: send a date and time with its time zone, like 2027-05-01T20:00:00Z or null",
    ),
    (_NAMED | {"pay": {"by": "shells"}}, "pay.by: send one of card, cash"),
    (_NAMED | {"pay": {"by": "card"}}, "pay.token: it is missing; send text"),
    (_NAMED | {"how": "fax"}, "how: send one of mail, post"),
    (_NAMED | {"pair": [1]}, "pair: send a list of 2 entries"),
    (_NAMED | {"pair": [1, 2]}, "pair[1]: send true or false, not a whole number"),
    (_NAMED | {"share": 0}, "share: send a number above 0 and of at most 1"),
    (_NAMED | {"share": None}, "share: send a number above 0 and of at most 1, not null"),
]


@pytest.mark.parametrize(("sent", "said"), _CASES)
def test_a_mistake_is_a_sentence(sent: object, said: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(msgspec.json.encode(sent), type=Order)
    assert str(mistake(refused.value, Order)) == said


@pytest.mark.parametrize("kind", [EventDraft, EventPatch, Rule])
@pytest.mark.parametrize("wrong", [None, True, -1, 1.5, "", "?", [], {}, [None], {"": None}])
def test_no_field_of_the_engine_is_refused_in_the_type_checkers_words(
    kind: Any, wrong: object
) -> None:
    said = []
    for field in msgspec.structs.fields(kind):
        try:
            msgspec.convert({field.encode_name: wrong}, field_only(kind, field.encode_name))
        except msgspec.ValidationError as error:
            said.append(str(mistake(error, kind)))
    assert said or wrong is None
    assert [sentence for sentence in said if _CHECKERS_WORDS.search(sentence)] == []
    assert [sentence for sentence in said if "another kind" in sentence] == []


def field_only(kind: Any, name: str) -> Any:
    field = next(f for f in msgspec.structs.fields(kind) if f.encode_name == name)
    return msgspec.defstruct("One", [(field.name, field.type)])


def test_an_unknown_name_is_repeated_in_part() -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(_NAMED | {"x" * 5000: 1}, Order)
    assert len(str(mistake(refused.value, Order))) < 250


def test_a_near_name_is_suggested() -> None:
    assert did_you_mean("seets", ["seats", "areas"]) == "; did you mean seats?"
    assert did_you_mean("colour", ["seats", "areas"]) == ""


def test_what_to_send_is_said_of_a_type_alone() -> None:
    assert what_to_send(Annotated[int, Meta(ge=1, le=100)]) == "a whole number from 1 to 100"
    assert what_to_send(bool | None) == "true or false or null"


class Range(Struct):
    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low <= high must hold")


def test_what_a_type_says_of_its_fields_together_is_kept() -> None:
    for kind, sent in ((Range, b'{"low": 2, "high": 1}'), (list[Range], b'[{"low":2,"high":1}]')):
        with pytest.raises(msgspec.ValidationError) as refused:
            msgspec.json.decode(sent, type=kind)
        assert mistake(refused.value, kind).advice == "low <= high must hold"
