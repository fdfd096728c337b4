"""Best seats against brute force: on small houses the choice is the one that the published rule names.

The brute force shares nothing with the engine but the layout: it knows which seats
are side by side because the test drew them so, and it tries every possibility.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.best_seats.choice import BestSeatsWish, Choice, choose
from engine.best_seats.index import Board, SeatIndex
from engine.layout import Layout
from engine.layout.model import Category, Point, Row, SeatFlag, Seats, Section, Size

pytestmark = pytest.mark.property

PITCH = 10
CATEGORIES = ("Near", "Far")
SECTIONS = ("Left", "Right")
_FLAGS = [SeatFlag(0)] * 7 + [SeatFlag.WHEELCHAIR, SeatFlag.RESTRICTED_VIEW]


@dataclass
class House:
    """A layout as it was drawn: ``runs`` are the seats side by side, ``rows`` those of each section."""

    layout: Layout
    runs: list[list[int]]
    rows: list[list[list[int]]]

    @cached_property
    def front(self) -> tuple[float, float]:
        """The direction (degrees) that the seats are in, and how much of one they have, 0 to 1."""
        count = along = across = 0.0
        for seat_no in range(self.layout.seat_count):
            x, y = self.way(seat_no)
            if x or y:
                along += x / math.hypot(x, y)
                across += y / math.hypot(x, y)
                count += 1
        mean = math.hypot(along, across) / max(1, count)
        weight = 0 if mean <= 1 / 3 else 1 if mean >= 0.6 else (mean - 1 / 3) / (0.6 - 1 / 3)
        return round(math.degrees(math.atan2(across, along)), 1), weight

    def way(self, seat_no: int) -> tuple[float, float]:
        focus, seats = self.layout.focal_point, self.layout.seats
        return seats.x[seat_no] - focus.x, seats.y[seat_no] - focus.y

    def distance(self, seat_no: int) -> int:
        """As docs/best-seats.md says: how far the seat seems."""
        x, y = self.way(seat_no)
        axis, weight = self.front
        rows = [row for section in self.rows for row in section]
        gaps = sorted(self.apart(a, b) for row in rows for a, b in itertools.pairwise(row))
        setback = 2 * gaps[(len(gaps) - 1) // 2]
        from_x = x + setback * math.cos(math.radians(axis))
        from_y = y + setback * math.sin(math.radians(axis))
        angle = abs(math.degrees(math.atan2(from_y, from_x)) - axis)
        angle = min(angle, abs(360 - angle))
        return round(100 * math.hypot(x, y) * (1 + weight * (angle / 40) ** 4))

    def total(self, seats: tuple[int, ...]) -> int:
        return sum(map(self.distance, seats))

    def has(self, seat_no: int, flag: SeatFlag) -> bool:
        return bool(self.layout.seats.flags[seat_no] & flag)

    def apart(self, a: int, b: int) -> float:
        seats = self.layout.seats
        return math.hypot(seats.x[a] - seats.x[b], seats.y[a] - seats.y[b])

    def blocks(self, size: int, among: set[int]) -> Iterator[tuple[int, ...]]:
        """Every block of this many seats side by side."""
        for run in self.runs:
            for i in range(len(run) - size + 1):
                block = tuple(run[i : i + size])
                if among.issuperset(block):
                    yield block

    def leaves_single(self, chosen: tuple[int, ...], free: set[int]) -> bool:
        """Whether a free seat that had a free neighbour has none now."""

        def neighbours(seat_no: int) -> set[int]:
            run = next(run for run in self.runs if seat_no in run)
            at = run.index(seat_no)
            return set(run[max(0, at - 1) : at] + run[at + 1 : at + 2])

        seated = set().union(*self.runs)
        left = (free & seated) - set(chosen)
        return any(neighbours(n) & free and not neighbours(n) & left for n in left)


@st.composite
def houses(draw: st.DrawFn, *, plain: bool = False) -> House:
    """``plain``: seats alike, aligned rows, and a focal point that makes many of them equally near."""
    x: list[int] = []
    y: list[int] = []
    row_of: list[int] = []
    category: list[int] = []
    flags: list[int] = []
    sections: list[Section] = []
    rows: list[Row] = []
    runs: list[list[int]] = []
    drawn: list[list[list[int]]] = []
    middle = 0
    for section_no in range(draw(st.integers(1, 2))):
        left = section_no * 120
        top = draw(st.integers(0, 60))
        row_count = draw(st.integers(2, 4) if plain else st.integers(1, 3))
        sections.append(Section(SECTIONS[section_no], len(rows), row_count))
        section_rows = []
        for order in range(row_count):
            lengths = [draw(st.integers(2, 4)), *draw(st.lists(st.integers(2, 4), max_size=1))]
            has_gap, first = draw(st.booleans()), len(x)
            at = left + draw(st.just(0) if plain else st.integers(-8, 8))
            if not rows:
                middle = at + PITCH * lengths[0] + (0 if has_gap else -PITCH // 2)
            for part, length in enumerate(lengths):
                at += PITCH if part and has_gap else 0
                run: list[int] = []
                for i in range(length):
                    at_aisle = len(lengths) > 1 and i == (0 if part else length - 1)
                    flag = SeatFlag.AISLE if at_aisle else SeatFlag(0)
                    if not plain:
                        flag |= draw(st.sampled_from(_FLAGS))
                    if flag & SeatFlag.WHEELCHAIR:
                        runs.append(run)
                        run = []
                    else:
                        run.append(len(x))
                    x.append(at)
                    y.append(top)
                    row_of.append(len(rows))
                    category.append(0 if plain else draw(st.sampled_from([0, 0, 0, 1])))
                    flags.append(int(flag))
                    at += PITCH
                runs.append(run)
            rows.append(Row(str(order), section_no, first, len(x) - first, order))
            section_rows.append(list(range(first, len(x))))
            top += draw(st.sampled_from([9, 12, 22, 30]))
        drawn.append(section_rows)
    layout = Layout(
        name="House",
        size=Size(300, 300),
        focal_point=Point(
            middle if plain else draw(st.integers(0, 200)), draw(st.integers(-40, 80))
        ),
        categories=tuple(Category(name, "#000000") for name in CATEGORIES),
        sections=tuple(sections),
        rows=tuple(rows),
        seats=Seats(
            tuple(x),
            tuple(y),
            tuple(row_of),
            tuple(map(str, range(len(x)))),
            tuple(category),
            tuple(flags),
        ),
        areas=(),
        decorations=(),
    )
    return House(layout, [run for run in runs if run], drawn)


@st.composite
def wishes(draw: st.DrawFn) -> BestSeatsWish:
    return BestSeatsWish(
        quantity=draw(st.integers(1, 6)),
        category=draw(st.sampled_from([None, None, None, *CATEGORIES])),
        section=draw(st.sampled_from([None, None, None, "Left"])),
        together=draw(st.sampled_from([True, True, True, False])),
        max_price=draw(st.sampled_from([None, None, 3000])),
        relax=draw(st.sampled_from([True, True, True, False])),
    )


@st.composite
def states_of(draw: st.DrawFn, house: House) -> bytes:
    """States of a house from empty to nearly sold out."""
    fullness = draw(st.integers(0, 9))
    count = house.layout.seat_count
    tenths = draw(st.lists(st.integers(0, 9), min_size=count, max_size=count))
    return bytes(ord("2") if tenth < fullness else ord("0") for tenth in tenths)


PRICES = [5000, 3000]


@st.composite
def evenings(draw: st.DrawFn) -> tuple[House, bytes]:
    house = draw(houses())
    return house, draw(states_of(house))


#: With more of them, brute force takes too long.
_FREE_MAX = 13


@st.composite
def ragged_evenings(draw: st.DrawFn) -> tuple[House, bytes, BestSeatsWish]:
    """A party, and a house in which no row has room for it."""
    house = draw(houses(plain=True))
    wish = BestSeatsWish(quantity=draw(st.integers(2, 6)))
    digits = bytearray(draw(states_of(house)))
    free = [n for n, digit in enumerate(digits) if digit == ord("0")]
    for seat_no in draw(st.permutations(free))[_FREE_MAX:]:
        digits[seat_no] = ord("2")
    for run in house.runs:
        for i in range(len(run) - wish.quantity + 1):
            block = run[i : i + wish.quantity]
            if all(digits[n] == ord("0") for n in block):
                digits[draw(st.sampled_from(block))] = ord("2")
    return house, bytes(digits), wish


# The published rule, by trying everything


def rule(house: House, states: bytes, wish: BestSeatsWish) -> tuple[int, ...] | None:
    free = {n for n, digit in enumerate(states) if digit == ord("0")}
    for restricted in (False, True) if wish.relax else (False,):
        matching = {n for n in free if matches(house, n, wish, restricted=restricted)}
        if len(matching) < wish.quantity:
            continue
        if not wish.together:
            nearest = sorted(matching, key=lambda n: (house.distance(n), n))
            return tuple(nearest[: wish.quantity])
        blocks = sorted(house.blocks(wish.quantity, matching), key=lambda b: (house.total(b), b[0]))
        tidy = [block for block in blocks if not house.leaves_single(block, free)]
        if tidy:
            return tidy[0]
        if not wish.relax:
            return None
        if blocks:
            return blocks[0]
        return neighbouring(house, wish.quantity, matching) or split(house, wish, matching)
    return None


def matches(house: House, seat_no: int, wish: BestSeatsWish, *, restricted: bool) -> bool:
    layout = house.layout
    category = layout.seats.category[seat_no]
    section = layout.rows[layout.seats.row[seat_no]].section
    return (
        not house.has(seat_no, SeatFlag.WHEELCHAIR)
        and (restricted or not house.has(seat_no, SeatFlag.RESTRICTED_VIEW))
        and wish.category in (None, CATEGORIES[category])
        and wish.section in (None, layout.sections[section].name)
        and (wish.price_max is None or PRICES[category] <= wish.price_max)
    )


def neighbouring(house: House, quantity: int, matching: set[int]) -> tuple[int, ...] | None:
    """Fewest rows, most even, nearest."""
    found = []
    for row_count in (2, 3):
        for section in house.rows:
            for first in range(len(section) - row_count + 1):
                rows = [set(row) for row in section[first : first + row_count]]
                for sizes in itertools.product(range(1, quantity), repeat=row_count):
                    if sum(sizes) != quantity or max(sizes) > 2 * min(sizes):
                        continue
                    if min(sizes) == 1 and (quantity > 3 or row_count > 2):
                        continue
                    choices = [
                        list(house.blocks(size, matching & row))
                        for size, row in zip(sizes, rows, strict=True)
                    ]
                    for groups in itertools.product(*choices):
                        pairs = itertools.pairwise(groups)
                        rows_behind = section[first + 1 : first + row_count]
                        if all(
                            close(house, *pair, row)
                            for pair, row in zip(pairs, rows_behind, strict=True)
                        ):
                            seats = sum(groups, ())
                            firsts = [group[0] for group in groups]
                            evenness = sum(size * size for size in sizes)
                            key = (row_count, evenness, house.total(seats), firsts, sizes)
                            found.append((key, seats))
    return min(found)[1] if found else None


def close(house: House, front: tuple[int, ...], back: tuple[int, ...], back_row: list[int]) -> bool:
    candidates = [n for n in back_row if not house.has(n, SeatFlag.WHEELCHAIR)]
    behind = []
    for seat_no in front:
        nearest = min(candidates, key=lambda n, seat_no=seat_no: house.apart(seat_no, n))  # type: ignore[misc]  # mypy infers no type for a lambda with a default
        if house.apart(seat_no, nearest) <= 2.5 * PITCH:
            behind.append(nearest)
    return 2 * sum(n in back for n in behind) >= min(len(front), len(back))


def split(house: House, wish: BestSeatsWish, matching: set[int]) -> tuple[int, ...]:
    """Fewest groups, most even; then the largest group nearest, and the next, and the next."""
    run_of = {n: (i, at) for i, run in enumerate(house.runs) for at, n in enumerate(run)}

    def key(seats: tuple[int, ...]) -> tuple[int, int, list[tuple[int, int, int]]]:
        groups: list[list[int]] = []
        for seat_no in seats:
            run, at = run_of[seat_no]
            if groups and run_of[groups[-1][-1]] == (run, at - 1):
                groups[-1].append(seat_no)
            else:
                groups.append([seat_no])
        order = sorted((-len(g), house.total(tuple(g)), g[0]) for g in groups)
        return len(groups), sum(len(g) ** 2 for g in groups), order

    return min(itertools.combinations(sorted(matching), wish.quantity), key=key)


# The comparison


@given(evening=evenings(), wish=wishes())
@settings(max_examples=300, deadline=None)
def test_the_choice_follows_the_published_rule(
    evening: tuple[House, bytes], wish: BestSeatsWish
) -> None:
    house, states = evening
    assert_published(house, states, wish)


@given(evening=ragged_evenings())
@settings(max_examples=300, deadline=None)
def test_a_party_that_fits_no_row_is_split_by_the_published_rule(
    evening: tuple[House, bytes, BestSeatsWish],
) -> None:
    assert_published(*evening)


@given(house=houses(plain=True), quantity=st.integers(1, 4), data=st.data())
@settings(max_examples=120, deadline=None)
def test_of_equally_near_seats_the_lower_numbers_are_chosen(
    house: House, quantity: int, data: st.DataObject
) -> None:
    states = data.draw(states_of(house))
    assert_published(house, states, BestSeatsWish(quantity=quantity, relax=False))


def assert_published(house: House, states: bytes, wish: BestSeatsWish) -> None:
    expected = rule(house, states, wish)
    choice = choose(Board(SeatIndex(house.layout), states, PRICES), wish)
    assert (choice and choice.seats) == (expected and tuple(sorted(expected)))
    if choice is not None:
        assert_honest(house, states, wish, choice)


def assert_honest(house: House, states: bytes, wish: BestSeatsWish, choice: Choice) -> None:
    """The seats are free, matching, distinct and as many as wanted; ``relaxed`` names exactly what was relaxed."""
    seats = choice.seats
    free = {n for n, digit in enumerate(states) if digit == ord("0")}
    assert len(set(seats)) == wish.quantity == len(seats)
    assert free.issuperset(seats)
    assert all(matches(house, n, wish, restricted=True) for n in seats)
    relaxed = choice.relaxed
    single_left = wish.together and house.leaves_single(seats, free)
    assert ("single-seat-left" in relaxed) == single_left
    restricted = any(house.has(n, SeatFlag.RESTRICTED_VIEW) for n in seats)
    assert ("restricted-view" in relaxed) == restricted
    together = any(set(seats).issubset(run) for run in house.runs) and seats == tuple(
        range(seats[0], seats[0] + len(seats))
    )
    apart = {"neighbouring-rows", "split"} & set(relaxed)
    if wish.together:
        assert len(apart) == (0 if together else 1)
    if not wish.relax:
        assert relaxed == ()


@given(evening=evenings(), wish=wishes(), spread=st.integers(1, 6))
@settings(max_examples=120, deadline=None)
def test_spread_changes_nearness_only(
    evening: tuple[House, bytes], wish: BestSeatsWish, spread: int
) -> None:
    house, states = evening
    board = Board(SeatIndex(house.layout), states, PRICES)
    best, other = choose(board, wish), choose(board, wish, spread)
    assert (best is None) == (other is None)
    if best is not None and other is not None:
        assert_honest(house, states, wish, other)
        assert {"neighbouring-rows", "split"} & set(best.relaxed) == {
            "neighbouring-rows",
            "split",
        } & set(other.relaxed)


@given(evening=evenings(), data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_marked_board_equals_a_new_board_of_the_same_states(
    evening: tuple[House, bytes], data: st.DataObject
) -> None:
    house, states = evening
    index = SeatIndex(house.layout)
    board = Board(index, states, PRICES)
    wish = data.draw(wishes())
    choose(board, wish)
    taken = data.draw(st.sets(st.integers(0, house.layout.seat_count - 1)))
    board.mark(taken)
    digits = bytearray(states)
    for seat_no in taken:
        digits[seat_no] = ord("1")
    assert choose(board, wish) == choose(Board(index, bytes(digits), PRICES), wish)
