"""The checker of the waitlist's log must find each kind of fault: here each kind is planted."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.layout import import_layout
from tests.conftest import small_house
from tests.support.waitlist_checker import (
    Change,
    Grip,
    Hall,
    Log,
    Offer,
    Pool,
    Round,
    Skip,
    Wish,
    check,
    fits,
    moves,
    seatable,
    sniped,
)

_NOON = datetime(2027, 5, 1, 12, tzinfo=UTC)
#: Two rows of four seats, categories 0 and 1, and a floor of category 1.
_HALL = Hall(
    categories=(0, 0, 0, 0, 1, 1, 1, 1),
    sections=(0,) * 8,
    beside=(True, True, True, False, True, True, True, False),
    area_categories=(1,),
)
_PRICES = (5000, 3000)
_WISHES = {
    0: Wish(2, sections=frozenset({0})),
    1: Wish(4, categories=frozenset({0})),
    2: Wish(1, categories=frozenset({1}), sections=frozenset({0}), max_amount_minor=3000),
    3: Wish(3, sections=frozenset({1})),
}


def _at(second: float) -> datetime:
    return _NOON + timedelta(seconds=second)


def _change(no: int, entry: str, what: str, round_no: int, second: float) -> Change:
    """The entries, their persons and wishes: see the story."""
    wish_no, weight, join_no = {
        "party": (1, 0, 1),
        "pair": (0, 0, 2),
        "couple": (0, 0, 3),
        "vip": (2, 200, 4),
        "couple again": (0, 0, 5),
        "dancers": (3, 0, 6),
    }[entry]
    return Change(no, entry, what, wish_no, weight, join_no, round_no, _at(second))


def _offer(name: str, entry: str, round_no: int, status: str, *seats: int, **more: Any) -> Offer:
    times = more.pop("times")
    made, expires, *ended = map(_at, times)
    areas = more.pop("areas", {})
    return Offer(
        name,
        entry,
        _PEOPLE[entry],
        round_no,
        status,
        seats,
        areas,
        len(seats) + sum(areas.values()),
        _PRICES,
        made,
        expires,
        ended[0] if ended else None,
    )


_PEOPLE = {
    "party": "P",
    "pair": "A",
    "couple": "C",
    "vip": "V",
    "couple again": "C",
    "dancers": "D",
}


def _story() -> Log:
    """In round 1 three entries are served and the party of four is skipped; the VIP declines, the couple does
    not answer. In round 2 nobody wants their seats. In round 3 the party and the dancers are served.
    """
    return Log(
        hall=_HALL,
        wishes=_WISHES,
        people=_PEOPLE,
        changes=[
            _change(1, "party", "joined", 0, 1),
            _change(2, "pair", "joined", 0, 2),
            _change(3, "couple", "joined", 0, 3),
            _change(4, "vip", "joined", 0, 4),
            _change(5, "vip", "offered", 1, 10),
            _change(6, "pair", "offered", 1, 10),
            _change(7, "couple", "offered", 1, 10),
            _change(8, "vip", "declined", 1, 11),
            _change(9, "pair", "accepted", 1, 12),
            _change(10, "couple", "lapsed", 1, 20),
            _change(11, "couple again", "joined", 2, 22),
            _change(12, "dancers", "joined", 2, 23),
            _change(13, "couple again", "changed", 2, 24),
            _change(14, "party", "offered", 3, 30),
            _change(15, "dancers", "offered", 3, 30),
        ],
        rounds=[
            Round(1, _at(10), frozenset({0, 1, 4, 5, 6}), {}, _PRICES, frozenset(), frozenset(), 4),
            Round(
                2,
                _at(21),
                frozenset({4, 5, 6}),
                {0: 2},
                _PRICES,
                frozenset({4, 5, 6}),
                frozenset(),
                1,
            ),
            Round(
                3, _at(30), frozenset({0, 1, 2, 3, 7}), {0: 3}, _PRICES, frozenset(), frozenset(), 3
            ),
        ],
        offers=[
            _offer("o1", "vip", 1, "declined", 4, times=(10, 20, 11)),
            _offer("o2", "pair", 1, "used", 0, 1, times=(10, 20, 12)),
            _offer("o3", "couple", 1, "expired", 5, 6, times=(10, 20, 20)),
            _offer("o4", "party", 3, "open", 0, 1, 2, 3, times=(30, 40)),
            _offer("o5", "dancers", 3, "open", areas={0: 3}, times=(30, 40)),
        ],
        skips=[
            Skip(1, 1, "too-few", "four seats side by side are not there", 1, "party", 0, 2),
        ],
    )


def test_a_correct_log_has_no_fault() -> None:
    verdict = check(_story())
    assert verdict.faults == []
    assert (verdict.proved, verdict.unproved) == (3, 0)


Plant = Callable[[Log], None]


def _in(name: str, key: str, **changes: Any) -> Plant:
    """Change the row of a table whose id (its first field) is ``key``."""

    def plant(log: Log) -> None:
        rows: list[Any] = getattr(log, name)
        at = next(i for i, row in enumerate(rows) if str(row.__match_args__ and _key(row)) == key)
        rows[at] = replace(rows[at], **changes)

    return plant


def _key(row: Any) -> Any:
    return getattr(row, row.__match_args__[0])


def _without(name: str, key: str) -> Plant:
    def plant(log: Log) -> None:
        rows: list[Any] = getattr(log, name)
        rows[:] = [row for row in rows if str(_key(row)) != key]

    return plant


def _and(*plants: Plant) -> Plant:
    def plant(log: Log) -> None:
        for each in plants:
            each(log)

    return plant


def _added(name: str, row: Any) -> Plant:
    def plant(log: Log) -> None:
        getattr(log, name).append(row)

    return plant


@pytest.mark.parametrize(
    ("rule", "plant"),
    [
        # What a round gave
        ("seat-twice", _in("offers", "o2", seats=(4, 5))),
        ("seat-in-two", _in("offers", "o4", seats=(0, 1, 2, 3), made_at=_at(11))),
        ("foreign-seat", _in("offers", "o3", seats=(6, 7))),
        ("foreign-seat", _in("rounds", "3", areas={0: 2})),
        ("not-in-line", _in("changes", "4", round_no=1)),
        ("not-in-line", _in("offers", "o1", person_id="A")),
        ("at-limit", _in("rounds", "1", at_limit=frozenset({"V"}))),
        ("prices", _in("offers", "o1", prices=(5000, 2900))),
        ("wish", _in("offers", "o1", seats=(0,))),
        ("wish", _in("offers", "o1", seats=(), quantity=0)),
        ("wish", _in("offers", "o4", seats=(0, 1, 2, 7))),
        ("wish", _in("offers", "o3", seats=(1, 4))),
        ("wish", _in("rounds", "1", prices=(5000, 3100))),
        ("wish", _in("offers", "o5", areas={0: 2}, quantity=2)),
        ("offers", _without("changes", "6")),
        ("offers", _without("offers", "o2")),
        # Entries that were not served
        ("not-maximal", _without("offers", "o3")),
        ("passed-over", _in("rounds", "1", seats=frozenset({0, 1, 2, 3, 4, 5, 6}))),
        ("not-maximal", _in("rounds", "2", seats=frozenset({0, 1, 2, 3}))),
        (
            "passed-over",
            _and(
                _without("offers", "o2"),
                _without("changes", "6"),
                _in("rounds", "1", seats=frozenset({4, 5, 6})),
            ),
        ),
        (
            "not-optimal",
            _and(_in("offers", "o1", seats=(5,)), _without("offers", "o3")),
        ),
        ("waiting", _in("rounds", "3", waiting=6)),
        # Seats put on sale
        ("sale", _in("rounds", "1", to_sale=frozenset({4}))),
        ("sale", _in("rounds", "2", to_sale=frozenset({7}))),
        ("lost", _in("rounds", "2", to_sale=frozenset({4, 5}))),
        # Skips
        ("skip-untold", _without("skips", "1")),
        ("skip-wrong", _in("skips", "1", passed=2)),
        ("skip-wrong", _in("skips", "1", entry_id="pair")),
        ("skip-wrong", _in("skips", "1", join_no=3)),
        ("skip-unexplained", _in("skips", "1", detail="")),
        ("skip-unexplained", _in("skips", "1", reason="needed-ahead")),
        ("skip-untrue", _added("skips", Skip(2, 0, "r", "d", 1, "couple", 0, 3))),
        # The waitlist
        ("step", _in("changes", "8", what="withdrawn", entry_id="party")),
        ("step", _without("changes", "1")),
        ("step", _in("changes", "13", what="lapsed")),
        ("place", _in("changes", "13", join_no=1)),
        ("place", _in("changes", "13", weight=1023)),
        ("place", _in("changes", "13", what="promoted", wish_no=1)),
        ("once", _in("changes", "10", entry_id="vip", what="withdrawn")),
        # How offers ended
        ("end", _in("changes", "8", what="accepted")),
        ("end", _without("changes", "8")),
        ("end", _in("offers", "o1", status="open", ended_at=None)),
        ("end", _added("changes", _change(16, "party", "lapsed", 3, 41))),
        ("time", _in("offers", "o2", ended_at=_at(20))),
        ("time", _in("offers", "o3", ended_at=_at(19))),
        ("time", _in("offers", "o1", ended_at=_at(9))),
        # One at a time
        ("two-offers", _in("offers", "o1", person_id="A")),
        # The log itself
        ("numbering", _in("rounds", "2", at=_at(9))),
        ("numbering", _in("changes", "9", round_no=0)),
        ("numbering", _in("offers", "o1", round_no=7)),
    ],
)
def test_each_kind_of_fault_is_found(rule: str, plant: Plant) -> None:
    log = _story()
    plant(log)
    assert rule in {fault.rule for fault in check(log).faults}


def test_a_person_at_the_limit_does_not_count_as_skipped() -> None:
    log = _story()
    _and(
        _without("offers", "o1"),
        _without("changes", "5"),
        _without("changes", "8"),
        _in("rounds", "1", at_limit=frozenset({"V"})),
        _in("rounds", "2", to_sale=frozenset(), seats=frozenset(), waiting=2),
        _in("rounds", "3", seats=frozenset({0, 1, 2, 3}), waiting=4),
    )(log)
    assert check(log).faults == []


def test_a_withdrawn_offer_returns_the_entry_to_its_position() -> None:
    log = _story()
    _and(
        _in("changes", "10", what="withdrawn"),
        _in("offers", "o3", status="withdrawn", ended_at=_at(15)),
        _without("changes", "11"),
        _without("changes", "13"),
        _in("rounds", "2", to_sale=frozenset({4}), seats=frozenset({4}), waiting=2),
    )(log)
    assert check(log).faults == []


# The history of seats


_STRANGER = Grip("h1", "S", (4,), _at(25))


def test_a_seat_that_a_round_has_put_on_sale_may_be_held() -> None:
    assert sniped(_story(), [_STRANGER]) == []
    assert sniped(_story(), [_STRANGER._replace(ended_from=_at(26))]) == []


@pytest.mark.parametrize(
    ("rule", "grips"),
    [
        # The VIP declined it at 11, and round 2 has not run yet.
        ("sniped", [_STRANGER._replace(since=_at(12))]),
        # A buyer has had it since it was on sale, and gave it back at 26.
        ("sniped", [_STRANGER._replace(ended_from=_at(26)), _STRANGER._replace(since=_at(27))]),
        ("held-offered", [_STRANGER._replace(since=_at(10.5))]),
        ("held-offered", [_STRANGER._replace(since=_at(9), ended_from=_at(10.5))]),
        ("held-offered", [Grip("o2", "A", (0, 1), _at(12), "o2", _at(31))]),
    ],
)
def test_seats_obtained_past_the_waitlist_are_found(rule: str, grips: list[Grip]) -> None:
    assert [fault.rule for fault in sniped(_story(), grips)][:1] == [rule]


def test_a_sniped_seat_returned_in_another_way_is_found_too() -> None:
    log, early = _story(), Grip("h1", "S", (7,), _at(6))
    assert sniped(log, [early]) == []
    assert [fault.rule for fault in sniped(log, [early], [(7, _at(5))])] == ["sniped"]
    # Before anybody waited it was on sale to all.
    assert sniped(log, [early], [(7, _at(0.5))]) == []


def test_the_time_until_the_next_round_of_an_ended_offers_seats_is_measured() -> None:
    found = {move.offer.offer_id: move.after_s for move in moves(_story())}
    # The pair used their seats; those of the VIP and the couple were processed in round 2.
    assert found == {"o1": 10.0, "o3": 1.0}
    log = _story()
    _in("rounds", "2", seats=frozenset({4, 5}), to_sale=frozenset({4, 5}))(log)
    assert {move.offer.offer_id: move.after_s for move in moves(log)} == {"o1": 10.0, "o3": None}


def test_brute_force_is_correct_and_respects_its_limits() -> None:
    pair, single, apart = Wish(2), Wish(1), Wish(3, together=False)
    row = Pool({0, 1, 2, 3})
    assert seatable(_HALL, [single, single, pair], row, _PRICES)
    assert seatable(_HALL, [single, apart], row, _PRICES)
    assert not seatable(_HALL, [pair, apart], row, _PRICES)
    hall = replace(_HALL, categories=(0,) * 60, sections=(0,) * 60, beside=(False,) * 60)
    everywhere, twenty = Pool(set(range(60))), Wish(20, together=False)
    assert seatable(hall, [twenty] * 3, everywhere, _PRICES)
    assert seatable(hall, [twenty, twenty, apart, twenty], everywhere, _PRICES) is None


def test_side_by_side_is_read_from_the_layout() -> None:
    document = small_house(rows=1, seats_per_row=8, floor=5)
    seats = document["sections"][0]["rows"][0]["seats"]
    for seat in seats[4:]:
        seat["x"] += 25
    seats[1]["properties"] = seats[2]["properties"] = ["aisle"]
    seats[6]["properties"] = ["wheelchair"]
    hall = Hall.of(import_layout(document).layout)
    # The aisle separates 1 and 2, a gap 3 and 4; seat 6 is a special place and never offered.
    assert hall.beside == (True, False, True, False, True, False, False, False)
    assert (hall.area_categories, hall.section_count) == ((1,), 1)
    assert not fits(hall, Wish(1), Pool({6}), _PRICES)
    assert fits(hall, Wish(1), Pool({7}), _PRICES)
