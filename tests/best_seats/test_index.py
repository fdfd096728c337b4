"""Which seats are side by side for a party."""

import itertools
import time
from typing import Any

import pytest

from engine.best_seats.choice import BestSeatsWish, choose
from engine.best_seats.index import Board, SeatIndex, runs_of
from engine.layout import Layout, import_layout
from engine.local.demo.venues import arena, demo_venues


def house(*seats: tuple[float, str], y: float = 40) -> Layout:
    """One row: where each seat is, and its one-letter property."""
    names = {"a": ["aisle"], "w": ["wheelchair"], "c": ["companion"], "r": ["restricted_view"]}
    row: dict[str, Any] = {
        "label": "A",
        "seats": [
            {
                "number": str(n),
                "x": 20 + x,
                "y": y,
                "category": "Any",
                "properties": names.get(letter, []),
            }
            for n, (x, letter) in enumerate(seats)
        ],
    }
    document = {
        "format": "frontrow/1",
        "name": "One row",
        "size": {"width": 600, "height": 100},
        "categories": [{"name": "Any", "color": "#0072b2"}],
        "sections": [{"name": "Stalls", "rows": [row]}],
    }
    return import_layout(document).layout


def drawn(text: str, pitch: float = 20) -> Layout:
    """A row as text: ``.`` a seat, a letter a seat with a property, a space a gap of one seat."""
    return house(*((pitch * i, letter) for i, letter in enumerate(text) if letter != " "))


@pytest.mark.parametrize(
    ("row", "sizes"),
    [
        ("......", [6]),
        ("... ...", [3, 3]),
        # Aisle flags alone split a row that is drawn without a gap …
        ("..aa..", [3, 3]),
        ("..a ..", [3, 2]),
        # … but a single flag does not say which side the aisle is on,
        ("...a..", [6]),
        ("a....a", [6]),
        # and a block of two between two aisles is a block of two.
        ("..a aa a..", [3, 2, 3]),
        ("aa", [2]),
        # Wheelchair places and their companion seats are not for other people.
        ("..wc..", [2, 2]),
        ("w..", [2]),
        ("wc", []),
        ("..rr..", [6]),
    ],
)
def test_aisles_and_gaps_split_a_row(row: str, sizes: list[int]) -> None:
    assert [len(run) for run in runs_of(drawn(row))] == sizes


def test_the_usual_seat_distance_is_taken_per_section() -> None:
    # Wide chairs are neighbours at a distance that would be a gap between narrow ones.
    assert [len(run) for run in runs_of(drawn("....", pitch=60))] == [4]
    assert [len(run) for run in runs_of(house((0, "."), (20, "."), (40, "."), (71, ".")))] == [3, 1]
    assert [len(run) for run in runs_of(house((0, "."), (20, "."), (40, "."), (69, ".")))] == [4]


def test_a_tie_goes_to_the_lower_number_whichever_run_is_looked_at_first() -> None:
    # Mirrored about the focal point, at x = 300; the short run is the nearer one as a whole.
    layout = house(*((x, ".") for x in (200, 220, 240, 260, 300, 320)))
    assert [len(run) for run in runs_of(layout)] == [4, 2]
    choice = choose(Board(SeatIndex(layout), b"000000", [5000]), BestSeatsWish(quantity=2))
    assert choice is not None
    assert choice.seats == (2, 3)


@pytest.mark.parametrize("name", ["arena", "theatre", "club"])
def test_the_demo_houses_are_covered_without_overlap(name: str) -> None:
    layout = import_layout(demo_venues()[name]).layout
    index = SeatIndex(layout)
    seats = [n for run in runs_of(layout) for n in run]
    assert seats == sorted(set(seats))
    assert sorted(n for n in index.seat_of if n >= 0) == seats
    board = index.lay(b"0" * layout.seat_count)
    assert board.count(0) == len(seats)
    for seat_no in seats[:: len(seats) // 50]:
        states = bytearray(b"0" * layout.seat_count)
        states[seat_no] = ord("2")
        taken = index.lay(bytes(states))
        assert taken[index.position_of[seat_no]] == 1
        assert sum(taken) == sum(board) + 1


def test_selling_the_arena_by_best_seats_leaves_hardly_a_single_seat() -> None:
    """Parties of two to six, one after another, until nothing is left."""
    layout = import_layout(arena()).layout
    board = Board(SeatIndex(layout), b"0" * layout.seat_count, [5000] * len(layout.categories))
    less_than_ideal = 0
    for quantity in itertools.cycle((2, 3, 4, 5, 6)):
        choice = choose(board, BestSeatsWish(quantity=quantity))
        if choice is None:
            break
        board.mark(choice.seats)
        less_than_ideal += bool(set(choice.relaxed) - {"restricted-view"})
    assert board.taken.count(0) < 6
    # Only the last few seats with a good view, and the last few of all, are sold as leftovers.
    assert less_than_ideal <= 20


def test_a_party_that_fits_no_neighbouring_rows_is_answered_quickly() -> None:
    """Every other row is sold, and every nineteenth seat of the rest: long blocks without neighbouring rows."""
    layout = import_layout(arena()).layout
    states = bytearray(b"0" * layout.seat_count)
    for number, row in enumerate(layout.rows):
        for n in range(row.seat_count):
            if number % 2 or n % 19 == 18:
                states[row.first_seat + n] = ord("2")
    board = Board(SeatIndex(layout), bytes(states), [5000] * len(layout.categories))
    started = time.process_time()
    choice = choose(board, BestSeatsWish(quantity=20))
    assert time.process_time() - started < 1.0
    assert choice is not None
    assert "split" in choice.relaxed
