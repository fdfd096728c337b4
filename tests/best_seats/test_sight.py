"""How well seats see: in front before beside, near before far, and the picture of it is current."""

import cmath
import math

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from docs import best_seats
from engine.best_seats.choice import BestSeatsWish, choose
from engine.best_seats.index import Board, SeatIndex
from engine.best_seats.sight import angle_deg, front, sight
from engine.layout import Layout, import_layout
from engine.layout.model import Category, Point, Row, Seats, Section, Size
from engine.local.demo.venues import demo_venues


def house(places: list[complex], focus: complex = 0j) -> Layout:
    """Seats in one row each, so that nothing but their places counts."""
    count = len(places)
    return Layout(
        name="House",
        size=Size(1000, 1000),
        focal_point=Point(focus.real, focus.imag),
        categories=(Category("Any", "#000000"),),
        sections=(Section("All", 0, count),),
        rows=tuple(Row(str(n), 0, n, 1, n) for n in range(count)),
        seats=Seats(
            tuple(place.real for place in places),
            tuple(place.imag for place in places),
            tuple(range(count)),
            ("1",) * count,
            (0,) * count,
            (0,) * count,
        ),
        areas=(),
        decorations=(),
    )


def ways(layout: Layout) -> list[complex]:
    focus = complex(layout.focal_point.x, layout.focal_point.y)
    return [complex(x, y) - focus for x, y in zip(layout.seats.x, layout.seats.y, strict=True)]


def angles(layout: Layout, seats: list[int]) -> list[float]:
    """From the focal point itself, without the rule's setback."""
    found = ways(layout)
    axis, _ = front(found)
    return [angle_deg(found[seat_no], axis) for seat_no in seats]


@pytest.mark.parametrize(("name", "widest"), [("arena", 37), ("theatre", 33), ("club", 42)])
def test_the_first_seats_of_the_demo_houses_are_in_front(name: str, widest: float) -> None:
    layout = import_layout(demo_venues()[name]).layout
    assert max(angles(layout, best_seats.order(layout)[:20])) <= widest
    board = Board(SeatIndex(layout), b"0" * layout.seat_count, [1] * len(layout.categories))
    for quantity in (1, 2, 4, 6):
        choice = choose(board, BestSeatsWish(quantity=quantity))
        assert choice is not None
        assert max(angles(layout, list(choice.seats))) <= widest


def test_no_seat_beside_the_stage_is_among_the_better_half_of_the_arena() -> None:
    layout = import_layout(demo_venues()["arena"]).layout
    ranked = best_seats.order(layout)
    assert max(angles(layout, ranked[: len(ranked) // 2])) < 60
    assert max(angles(layout, ranked[:100])) < 40


def test_a_theatre_begins_in_the_middle_of_its_first_rows() -> None:
    layout = import_layout(demo_venues()["theatre"]).layout
    rows = {layout.rows[layout.seats.row[n]].label for n in best_seats.order(layout)[:20]}
    assert rows <= {"A", "B", "C"}
    # The ends of the first row are no better than the middle of one far behind it.
    ranked = best_seats.order(layout)
    stalls = [n for n in ranked if layout.seat_label(n).startswith("Stalls, row A,")]
    middle = next(n for n in ranked if layout.seat_label(n).startswith("Stalls, row H,"))
    assert ranked.index(middle) < ranked.index(stalls[-1])


def test_a_house_all_around_the_stage_has_no_front() -> None:
    ring = [cmath.rect(100 + n % 7, 2 * math.pi * n / 48) for n in range(48)]
    assert front(ring)[1] == 0
    assert sight(house(ring)) == [round(100 * abs(place)) for place in ring]
    three_sides = [cmath.rect(100, math.radians(1.5 * n)) for n in range(180)]
    assert front(three_sides)[1] == 0


def test_the_angle_weighs_as_published() -> None:
    fan = [cmath.rect(1000, math.radians(turn)) for turn in range(-60, 61, 20)]
    assert front(fan) == (0, 1)
    factors = [round(seems / 100_000, 2) for seems in sight(house(fan))]
    assert factors == [6.06, 2, 1.06, 1, 1.06, 2, 6.06]


def test_places_at_the_focal_point_and_far_away_are_no_trouble() -> None:
    layout = house([0j, 1e12 + 0j, -1e12 + 0j, 10 + 0j])
    assert sight(layout)[0] == 0
    assert max(sight(layout)) * 100 < 1 << 62
    assert sight(house([])) == []


@given(
    places=st.lists(
        st.builds(cmath.rect, st.floats(10, 900), st.floats(-2.5, 2.5)), min_size=2, max_size=30
    ),
    turn=st.integers(0, 3599),
    focus=st.complex_numbers(max_magnitude=1000),
)
@settings(max_examples=200, deadline=None)
def test_turning_and_moving_a_house_changes_nothing(
    places: list[complex], turn: int, focus: complex
) -> None:
    turned = [focus + place * cmath.rect(1, math.radians(turn / 10)) for place in places]
    before, after = sight(house(places)), sight(house(turned, focus))
    for was, now in zip(before, after, strict=True):
        # The axis is rounded to a tenth of a degree, which moves an angle by as much.
        assert math.isclose(was, now, rel_tol=0.03, abs_tol=2)


@given(st.lists(st.tuples(st.floats(1, 900), st.floats(0, 3.1)), min_size=1, max_size=20))
def test_mirrored_seats_tie(half: list[tuple[float, float]]) -> None:
    places = [cmath.rect(far, turn) for far, turn in half]
    seems = sight(house([*places, *(place.conjugate() for place in places)]))
    assert seems[: len(places)] == seems[len(places) :]


def test_the_picture_of_the_demo_houses_matches_the_rule() -> None:
    assert best_seats.PICTURE.read_text() == best_seats.drawing(), "run: python -m docs.best_seats"
