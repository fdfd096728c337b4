"""Matching against brute force: on small houses the result is the one that the published rule names.

The brute force shares nothing with the engine but the layout: it knows which seats are side by side
because the test drew them so, and it tries every seating.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from engine.best_seats.choice import BestSeatsWish, choose
from engine.best_seats.index import Board
from engine.layout.model import (
    Area,
    Category,
    Layout,
    Point,
    Rectangle,
    Row,
    SeatFlag,
    Seats,
    Section,
    Size,
)
from engine.waitlist import seating
from engine.waitlist.matching import (
    LineIndex,
    Match,
    Matching,
    Passed,
    Places,
    Pool,
    Waiting,
    WishLine,
    acceptable,
    fits,
    match,
    wanted,
)
from tests.best_seats.test_choice import House, houses

pytestmark = pytest.mark.property

PRICES = (5000, 3000)
_SEATS_MAX = 9
#: Enough for any of these houses.
_PLENTY = 1_000_000


@dataclass
class Evening:
    house: House
    index: LineIndex
    pool: Pool
    line: list[WishLine]

    @property
    def layout(self) -> Layout:
        return self.house.layout

    @property
    def order(self) -> list[tuple[Waiting, WishLine]]:
        everybody = [(entry, wish) for wish in self.line for entry in wish.waiting]
        return sorted(everybody, key=lambda who: (-who[0].weight, who[0].join_no))

    def play(self, steps: int = _PLENTY) -> Matching:
        return match(self.index, self.pool, self.line, steps=steps)


@st.composite
def wish_lines(draw: st.DrawFn, wish_no: int, section_count: int) -> WishLine:
    categories = st.sampled_from([None, frozenset([0]), frozenset([1])])
    sections = st.frozensets(st.integers(0, section_count - 1), min_size=1, max_size=2)
    return WishLine(
        wish_no=wish_no,
        quantity=draw(st.sampled_from([2, 1, 2, 3, 4])),
        together=draw(st.sampled_from([True, True, False])),
        categories=draw(categories),
        sections=draw(
            st.sampled_from([False, False, False, True]).flatmap(
                lambda some: sections if some else st.none()
            )
        ),
        max_amount_minor=draw(st.sampled_from([None] * 6 + [5000, 3000, 2999])),
    )


@st.composite
def evenings(draw: st.DrawFn) -> Evening:
    house = draw(houses())
    areas = draw(st.lists(st.integers(0, 5), max_size=2))
    categories = list(house.layout.seats.category)
    for run in house.runs if draw(st.booleans()) else []:
        of_run = draw(st.integers(0, 1))
        for seat_no in run:
            categories[seat_no] = of_run
    house.layout = structs.replace(
        house.layout,
        seats=structs.replace(house.layout.seats, category=tuple(categories)),
        areas=tuple(
            Area(f"Area {n}", n % 2, 10, Rectangle(0, 0, 10, 10)) for n in range(len(areas))
        ),
    )
    # Whole blocks are returned rather than single seats.
    stretches = st.tuples(
        st.integers(0, house.layout.seat_count - 1), st.sampled_from([3, 2, 4, 5, 1])
    )
    seats: set[int] = set()
    for first, length in draw(st.lists(stretches, min_size=3, max_size=6)):
        seats.update(range(first, min(first + length, house.layout.seat_count)))
    seats = set(sorted(seats)[:_SEATS_MAX])
    index = LineIndex(house.layout)
    wishes = [
        draw(wish_lines(n, len(house.layout.sections) + len(areas)))
        for n in range(draw(st.integers(3, 5)))
    ]
    people: dict[int, list[Waiting]] = {wish.wish_no: [] for wish in wishes}
    for join_no, wish in enumerate(draw(st.lists(st.sampled_from(wishes), min_size=4, max_size=8))):
        weight = draw(st.sampled_from([0, 0, 0, 100]))
        people[wish.wish_no].append(Waiting(f"e{join_no}", f"p{join_no}", weight, join_no))
    line = [
        structs.replace(
            wish,
            waiting=sorted(people[wish.wish_no], key=lambda w: (-w.weight, w.join_no)),
            count=len(people[wish.wish_no]),
        )
        for wish in wishes
    ]
    pool = Pool(frozenset(seats), dict(enumerate(areas)), PRICES)
    return Evening(house, index, pool, line)


def rows_of(*rows: tuple[str, int, int]) -> Layout:
    """Sections of one row each, front to back: name, category, seats."""
    count = sum(seats for _, _, seats in rows)
    firsts = [sum(seats for _, _, seats in rows[:n]) for n in range(len(rows))]
    numbered = [(n, i) for n, (_, _, seats) in enumerate(rows) for i in range(seats)]
    return Layout(
        name="Rows",
        size=Size(300, 300),
        focal_point=Point(0, 0),
        categories=(Category("Near", "#000000"), Category("Far", "#000000")),
        sections=tuple(Section(name, n, 1) for n, (name, _, _) in enumerate(rows)),
        rows=tuple(Row("F", n, firsts[n], seats, 0) for n, (_, _, seats) in enumerate(rows)),
        seats=Seats(
            tuple(10 * i for _, i in numbered),
            tuple(10 + 10 * n for n, _ in numbered),
            tuple(n for n, _ in numbered),
            tuple(map(str, range(count))),
            tuple(rows[n][1] for n, _ in numbered),
            (0,) * count,
        ),
        areas=(),
        decorations=(),
    )


_MENU = [
    WishLine(
        wish_no=0,
        quantity=quantity,
        together=together,
        categories=None if category is None else frozenset([category]),
    )
    for quantity, together in ((2, True), (3, True), (1, False), (2, False), (4, True))
    for category in (None, 0, 1)
]


@st.composite
def crowds(draw: st.DrawFn) -> Evening:
    """Short rows that are all free, and more people than seats: the seating decides who is served."""
    rows: list[tuple[str, int, int]] = []
    for n in range(draw(st.sampled_from([3, 2, 4]))):
        left = _SEATS_MAX - sum(seats for _, _, seats in rows)
        seats = min(left, draw(st.sampled_from([3, 2, 4, 5])))
        if seats:
            rows.append((f"Row {n}", draw(st.sampled_from([0, 1])), seats))
    layout = rows_of(*rows)
    categories = list(layout.seats.category)
    for seat_no in draw(st.sets(st.integers(0, layout.seat_count - 1), max_size=2)):
        categories[seat_no] ^= 1
    areas = draw(st.sampled_from([[], [], [2], [3]]))
    layout = structs.replace(
        layout,
        seats=structs.replace(layout.seats, category=tuple(categories)),
        areas=tuple(Area("Area", 1, 10, Rectangle(0, 0, 10, 10)) for _ in areas),
    )
    runs = [list(range(r.first_seat, r.first_seat + r.seat_count)) for r in layout.rows]
    wanted_by = draw(st.lists(st.integers(0, len(_MENU) - 1), min_size=5, max_size=8))
    line = [
        structs.replace(
            _MENU[number],
            wish_no=number,
            waiting=tuple(
                Waiting(f"e{n}", f"p{n}", 0, n)
                for n, wish in enumerate(wanted_by)
                if wish == number
            ),
            count=wanted_by.count(number),
        )
        for number in sorted(set(wanted_by))
    ]
    pool = Pool(frozenset(range(layout.seat_count)), dict(enumerate(areas)), PRICES)
    return Evening(House(layout, runs, [[run] for run in runs]), LineIndex(layout), pool, line)


# The published rule, by trying everything


def fits_wish(evening: Evening, wish: WishLine, category: int, section: int) -> bool:
    return (
        (wish.categories is None or category in wish.categories)
        and (wish.sections is None or section in wish.sections)
        and (wish.max_amount_minor is None or PRICES[category] <= wish.max_amount_minor)
    )


def seats_for(evening: Evening, wish: WishLine, seats: frozenset[int]) -> frozenset[int]:
    layout = evening.layout
    return frozenset(
        n
        for n in seats
        if not evening.house.has(n, SeatFlag.WHEELCHAIR)
        and fits_wish(
            evening, wish, layout.seats.category[n], layout.rows[layout.seats.row[n]].section
        )
    )


def areas_for(evening: Evening, wish: WishLine, areas: Sequence[int]) -> list[int]:
    layout = evening.layout
    return [
        no
        for no, places in enumerate(areas)
        if places > 0
        and fits_wish(evening, wish, layout.areas[no].category, len(layout.sections) + no)
    ]


Ways = Iterator[tuple[frozenset[int], tuple[int, ...]]]


def ways(evening: Evening, wish: WishLine, seats: frozenset[int], areas: tuple[int, ...]) -> Ways:
    """The places left after each way to serve the wish."""
    mine = seats_for(evening, wish, seats)
    groups: Iterator[tuple[int, ...]] = (
        evening.house.blocks(wish.quantity, set(mine))
        if wish.together
        else itertools.combinations(sorted(mine), wish.quantity)
    )
    for group in groups:
        yield seats.difference(group), areas
    for no in areas_for(evening, wish, areas):
        if areas[no] >= wish.quantity:
            yield seats, (*areas[:no], areas[no] - wish.quantity, *areas[no + 1 :])


def has_way(
    evening: Evening, wish: WishLine, seats: frozenset[int], areas: tuple[int, ...]
) -> bool:
    return next(ways(evening, wish, seats, areas), None) is not None


def all_places(evening: Evening) -> tuple[frozenset[int], tuple[int, ...]]:
    return evening.pool.seats, tuple(evening.pool.areas.values())


def best_under_the_order(evening: Evening) -> list[str]:
    """An entry is served if any seating serves it together with all entries served before."""
    wishes = {wish.wish_no: wish for wish in evening.line}

    @cache
    def can_seat(nos: tuple[int, ...], seats: frozenset[int], areas: tuple[int, ...]) -> bool:
        return not nos or any(
            can_seat(nos[1:], *left) for left in ways(evening, wishes[nos[0]], seats, areas)
        )

    served: list[tuple[str, int]] = []
    for entry, wish in evening.order:
        nos = tuple(sorted([*(no for _, no in served), wish.wish_no], reverse=True))
        if can_seat(nos, *all_places(evening)):
            served.append((entry.entry_id, wish.wish_no))
    return [entry_id for entry_id, _ in served]


def left_without(
    evening: Evening, matches: Sequence[Match]
) -> tuple[frozenset[int], tuple[int, ...]]:
    """The places that none of these matches uses."""
    seats, areas = set(evening.pool.seats), dict(evening.pool.areas)
    for given_ in matches:
        seats -= set(given_.seats)
        for no, places in given_.areas.items():
            areas[no] -= places
    return frozenset(seats), tuple(areas.values())


# Invariants of every result


def assert_valid(evening: Evening, answer: Matching) -> None:
    """Each entry gets exactly its wish, no place is given twice, and the first entries of a wish are served."""
    wishes = {wish.wish_no: wish for wish in evening.line}
    order = [entry.entry_id for entry, _ in evening.order]
    assert [m.entry.entry_id for m in answer.matches] == [
        entry_id
        for entry_id in order
        if entry_id in {match.entry.entry_id for match in answer.matches}
    ]
    seats, areas = all_places(evening)
    for given_ in answer.matches:
        wish = wishes[given_.wish_no]
        assert given_.entry in wish.waiting
        left_seats = seats.difference(given_.seats)
        left_areas = tuple(n - given_.areas.get(no, 0) for no, n in enumerate(areas))
        assert list(given_.seats) == sorted(given_.seats)
        assert (left_seats, left_areas) in ways(evening, wish, seats, areas)
        seats, areas = left_seats, left_areas
    assert answer.left == Places(
        tuple(sorted(seats)), {no: n for no, n in enumerate(areas) if n > 0}
    )
    for wish in evening.line:
        given_to = [m.entry for m in answer.matches if m.wish_no == wish.wish_no]
        assert given_to == list(wish.waiting[: len(given_to)])


def assert_fair(evening: Evening, answer: Matching) -> None:
    """No skipped entry could have used places that nobody ahead uses: so no entry could take the rest
    either, and no entry behind has places that a skipped one could have taken as they stood.
    """
    served = {m.entry.entry_id for m in answer.matches}
    for n, (entry, wish) in enumerate(evening.order):
        if entry.entry_id not in served:
            ahead = {e.entry_id for e, _ in evening.order[:n]}
            given_ = [m for m in answer.matches if m.entry.entry_id in ahead]
            assert not has_way(evening, wish, *left_without(evening, given_))


def assert_skips_told(evening: Evening, answer: Matching) -> None:
    """One skip for each wish with a skipped entry, with the right reason, and no others."""
    told = {passed.wish_no: passed for passed in answer.passed}
    assert len(told) == len(answer.passed)
    served = {m.entry.entry_id for m in answer.matches}
    for wish in evening.line:
        unserved = [entry for entry in wish.waiting if entry.entry_id not in served]
        last = None
        for given_ in answer.matches:
            later = unserved and (-given_.entry.weight, given_.entry.join_no) > (
                -unserved[0].weight,
                unserved[0].join_no,
            )
            if later and (
                seats_for(evening, wish, frozenset(given_.seats))
                or set(given_.areas) & set(areas_for(evening, wish, all_places(evening)[1]))
            ):
                last = given_.entry
        passed = told.get(wish.wish_no)
        if last is None:
            assert passed is None
        else:
            assert passed is not None
            assert passed.entry == unserved[0]
            assert passed.before == (last.weight, last.join_no)
            assert_reason(evening, wish, answer, passed)


def assert_reason(evening: Evening, wish: WishLine, answer: Matching, passed: Passed) -> None:
    seats, areas = all_places(evening)
    rooms = [areas[no] for no in areas_for(evening, wish, areas)]
    room = max([len(seats_for(evening, wish, seats)), *rooms])
    if room < wish.quantity:
        assert passed.reason == "too-few"
    elif not has_way(evening, wish, seats, areas):
        assert passed.reason == "not-together"
    elif answer.exact:
        assert passed.reason == "needed-ahead"
    else:
        assert passed.reason in ("needed-ahead", "not-found")
    assert f"{wish.quantity} are wanted" in passed.detail


@given(evening=crowds() | evenings(), few=st.sampled_from([0, 16]))
@settings(max_examples=150, deadline=None)
def test_nobody_is_skipped_whom_any_seating_could_serve(evening: Evening, few: int) -> None:
    """``few``: 0 moves the neighbours of one run first, as in large houses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seating, "_FEW", few)
        answer = evening.play()
    assert answer.exact
    assert_valid(evening, answer)
    assert [m.entry.entry_id for m in answer.matches] == best_under_the_order(evening)
    assert_fair(evening, answer)
    assert_skips_told(evening, answer)


@given(
    evening=crowds() | evenings(),
    steps=st.integers(0, 6),
    each=st.integers(1, 4),
    many=st.integers(0, 4),
)
@settings(max_examples=150, deadline=None)
def test_a_search_cut_short_is_fair_and_says_so(
    evening: Evening, steps: int, each: int, many: int
) -> None:
    """Cut short by the steps of all searches (up to 4 of them), by those of each one, by the parties."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seating, "_SEARCH_STEPS", each)
        patch.setattr(seating, "_RUN_STEPS", each)
        patch.setattr(seating, "_FEW", many // 2)
        patch.setattr(seating, "_MANY", many)
        answer = evening.play(steps if steps < 5 else _PLENTY)
    assert_valid(evening, answer)
    assert_fair(evening, answer)
    assert_skips_told(evening, answer)
    if answer.exact:
        assert [m.entry.entry_id for m in answer.matches] == best_under_the_order(evening)


@given(evening=crowds() | evenings(), data=st.data())
@settings(max_examples=100, deadline=None)
def test_matching_does_not_depend_on_the_order_of_its_input(
    evening: Evening, data: st.DataObject
) -> None:
    answer = evening.play()
    shuffled = Pool(
        frozenset(sorted(evening.pool.seats, reverse=True)),
        dict(reversed(evening.pool.areas.items())),
        PRICES,
    )
    line = data.draw(st.permutations(evening.line))
    assert match(LineIndex(evening.layout), shuffled, line, steps=_PLENTY) == answer


@given(evening=evenings())
@settings(max_examples=60, deadline=None)
def test_acceptable_places_match_brute_force(evening: Evening) -> None:
    seats, areas = all_places(evening)
    for wish in evening.line:
        found = acceptable(evening.index, evening.pool, wish)
        assert set(found.seats) == seats_for(evening, wish, seats)
        assert sorted(found.areas) == areas_for(evening, wish, areas)
        alone = fits(evening.index, evening.pool, structs.replace(wish, waiting=(), count=0))
        assert (alone is not None) == has_way(evening, wish, seats, areas)
        if alone is not None:
            left = tuple(n - alone.areas.get(no, 0) for no, n in enumerate(areas))
            assert (seats.difference(alone.seats), left) in ways(evening, wish, seats, areas)
    together = wanted(evening.index, evening.pool, evening.line)
    assert together == evening.play().wanted
    each = [acceptable(evening.index, evening.pool, wish) for wish in evening.line]
    assert set(together.seats) == set().union(*(found.seats for found in each))
    assert set(together.areas) == set().union(*(found.areas for found in each))


# Good seats


@given(house=houses(), quantity=st.integers(1, 4), data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_lone_entry_gets_the_best_seats(house: House, quantity: int, data: st.DataObject) -> None:
    count = house.layout.seat_count
    pool = data.draw(st.frozensets(st.integers(0, count - 1), min_size=count // 2))
    index = LineIndex(house.layout)
    wish = WishLine(wish_no=0, quantity=quantity)
    states = bytes(ord("0") if n in pool else ord("2") for n in range(count))
    best = choose(Board(index.seats, states, PRICES), BestSeatsWish(quantity=quantity))
    found = fits(index, Pool(pool, {}, PRICES), wish)
    if best is None or {"neighbouring-rows", "split"} & set(best.relaxed):
        # Best seats prefer a split party with a full view; waiting people want to sit together.
        restricted = [n for n in pool if house.has(n, SeatFlag.RESTRICTED_VIEW)]
        assert found is None or set(found.seats) & set(restricted)
    else:
        assert found is not None
        assert found.seats == best.seats


@given(house=houses(plain=True), quantity=st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_of_equal_wishes_the_first_gets_the_nearest_seats(house: House, quantity: int) -> None:
    count = house.layout.seat_count
    waiting = [Waiting(f"e{n}", f"p{n}", 0, n) for n in range(count // quantity + 1)]
    wish = WishLine(wish_no=0, quantity=quantity, waiting=waiting, count=len(waiting))
    answer = match(LineIndex(house.layout), Pool(frozenset(range(count)), {}, PRICES), [wish])
    totals = [house.total(found.seats) for found in answer.matches]
    assert totals == sorted(totals)


# The examples of docs/waitlist.md


def people(*wishes: WishLine) -> list[WishLine]:
    """One entry per wish, in this order."""
    return [
        structs.replace(wish, wish_no=n, waiting=(Waiting(f"e{n}", f"p{n}", 0, n),), count=1)
        for n, wish in enumerate(wishes)
    ]


def test_the_first_entry_is_moved_so_that_both_are_served() -> None:
    """The stalls, category 1, are in front of the balcony."""
    layout = rows_of(("Stalls", 1, 2), ("Balcony", 0, 2))
    pool = Pool(frozenset(range(4)), {}, PRICES)
    ana = WishLine(wish_no=0, quantity=2)
    answer = match(LineIndex(layout), pool, people(ana))
    assert [found.seats for found in answer.matches] == [(0, 1)]
    bo = WishLine(wish_no=0, quantity=2, categories=frozenset([1]))
    answer = match(LineIndex(layout), pool, people(ana, bo))
    assert [found.seats for found in answer.matches] == [(2, 3), (0, 1)]


@pytest.mark.parametrize(
    ("row_f", "sizes", "skip"),
    [
        ((11, 12, 14), [2, 1], "too-few: There were 3 such places; 4 are wanted."),
        (
            (11, 12, 14, 15),
            [2, 1],
            "not-together: There were 4 such places, but at most 2 side by side; 4 are wanted.",
        ),
        ((11, 12, 13, 14), [4], None),
    ],
)
def test_seats_do_not_wait_for_a_large_party(
    row_f: tuple[int, ...], sizes: list[int], skip: str | None
) -> None:
    pool = Pool(frozenset(row_f), {}, PRICES)
    line = people(*(WishLine(wish_no=0, quantity=quantity) for quantity in (4, 2, 1)))
    answer = match(LineIndex(rows_of(("F", 0, 20))), pool, line)
    assert [len(found.seats) for found in answer.matches] == sizes
    told = [f"{passed.reason}: {passed.detail}" for passed in answer.passed]
    assert told == ([skip] if skip else [])


def test_an_entry_that_fits_alone_but_not_with_those_ahead_is_skipped() -> None:
    """Three side by side: the first takes two, and one is left for the entry behind the second."""
    pool = Pool(frozenset(range(3)), {}, PRICES)
    line = people(*(WishLine(wish_no=0, quantity=quantity) for quantity in (2, 2, 1)))
    answer = match(LineIndex(rows_of(("F", 0, 3))), pool, line)
    assert [found.wish_no for found in answer.matches] == [0, 2]
    assert [(p.wish_no, p.reason, p.before) for p in answer.passed] == [(1, "needed-ahead", (0, 2))]


def test_a_person_refused_by_a_cut_search_is_not_overtaken_later() -> None:
    """B sits in Y and A in X, U wants all of X or Y. The search is cut short before it finds that A may move to Z.
    V wants two of X, and for that A could move: but then U could have had X.
    """
    layout = rows_of(("X", 0, 3), ("Y", 0, 3), ("Z", 0, 3))
    x, y, z = (frozenset([n]) for n in range(3))
    b, a, u, v = people(
        WishLine(wish_no=0, quantity=2, sections=y),
        WishLine(wish_no=0, quantity=2, sections=x | z),
        WishLine(wish_no=0, quantity=3, sections=x | y),
        WishLine(wish_no=0, quantity=2, sections=x),
    )
    # Z is wanted most, so that A does not start there.
    others = [WishLine(wish_no=10 + n, quantity=n, sections=z) for n in (1, 2, 3)]
    pool = Pool(frozenset(range(9)), {}, PRICES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seating, "_MANY", 1)
        answer = match(LineIndex(layout), pool, [b, a, u, v, *others])
        without = match(LineIndex(layout), pool, [b, a, v, *others])
    assert not answer.exact
    assert [found.wish_no for found in answer.matches] == [0, 1]
    assert [found.wish_no for found in without.matches] == [0, 1, 3]
    served = match(LineIndex(layout), pool, [b, a, u, v, *others])
    assert served.exact
    assert [found.wish_no for found in served.matches] == [0, 1, 2]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (WishLine(wish_no=0, quantity=3), WishLine(wish_no=0, quantity=2)),
        (WishLine(wish_no=0, quantity=4, together=False), WishLine(wish_no=0, quantity=1)),
    ],
)
def test_an_entry_is_moved_from_seats_that_others_need(first: WishLine, second: WishLine) -> None:
    """Y is wanted more, so the first entry gets seats in X, the only place for the second."""
    layout = rows_of(("X", 0, 3), ("Y", 1, 4 if first.quantity == 4 else 3))
    line = people(first, structs.replace(second, categories=frozenset([0])))
    line += [WishLine(wish_no=9 + n, quantity=1, categories=frozenset([1])) for n in range(3)]
    pool = Pool(frozenset(range(layout.seat_count)), {}, PRICES)
    assert [m.wish_no for m in match(LineIndex(layout), pool, line, steps=0).matches] == [0]
    answer = match(LineIndex(layout), pool, line)
    assert [m.wish_no for m in answer.matches] == [0, 1]


def test_of_equal_areas_the_lower_number_is_chosen_in_any_order() -> None:
    areas = [Area(name, 0, 10, Rectangle(0, 0, 10, 10)) for name in ("Left", "Right")]
    layout = structs.replace(rows_of(("F", 0, 1)), areas=tuple(areas))
    line = people(WishLine(wish_no=0, quantity=2))
    for places in ({0: 2, 1: 2}, {1: 2, 0: 2}):
        answer = match(LineIndex(layout), Pool(frozenset(), places, PRICES), line)
        assert [found.areas for found in answer.matches] == [{0: 2}]
