"""Matches returned seats with people in the waitlist: a pure function, the rule of docs/waitlist.md.

    match(index, pool, line)         a round: the offers, and the skipped entries with the reasons
    acceptable(index, pool, wish)    the places of a pool that fit one wish
    fits(index, pool, wish)          the places that one wish would get if nobody else waited
    wanted(index, pool, line)        the places of a pool that fit any wish in the waitlist

To leave out a person (their limit is reached) or a seat (it was taken meanwhile), call again without
them in the arguments.
"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import heapify, heappop, heapreplace
from operator import attrgetter
from typing import Final

from msgspec import Struct, structs

from engine.best_seats.choice import Nearness
from engine.best_seats.index import Runs, SeatIndex
from engine.layout import Layout
from engine.layout.model import SeatFlag
from engine.waitlist.seating import Key, PartyKind, Place, Seating, lowest, starts

#: The most ways a round tries to reseat others for people who do not fit; then it gives up.
SEARCH_STEPS: Final = 3_000
_RESTRICTED: Final = int(SeatFlag.RESTRICTED_VIEW)
#: Translates the binary digits of a number, a 1 for each seat, to the bytes of a board.
_TO_BOARD: Final = bytes.maketrans(b"01", b"\1\0")


class Waiting(Struct, frozen=True):
    """A person in the waitlist."""

    entry_id: str
    person_id: str
    weight: int
    join_no: int

    @property
    def key(self) -> Key:
        """The sort key: smaller is further ahead."""
        return -self.weight, self.join_no


class WishLine(Struct, frozen=True, kw_only=True):
    """One wish, and the first people who wait with it.

    ``categories`` and ``sections`` are numbers (``LineIndex.section_no``); None: any will do.
    ``waiting`` is in the waitlist's order and has everybody or at least ``len(pool) // quantity + 1``,
    including places of areas; ``count`` is the number of all.
    """

    wish_no: int
    quantity: int
    together: bool = True
    categories: frozenset[int] | None = None
    sections: frozenset[int] | None = None
    max_amount_minor: int | None = None
    waiting: Sequence[Waiting] = ()
    count: int = 0


class Pool(Struct, frozen=True):
    """The places to give: seats by ``seat_no``, ``area_no`` → places, prices in force by category number."""

    seats: frozenset[int]
    areas: dict[int, int]
    prices: Sequence[int]


class Places(Struct, frozen=True):
    """Seats, ascending, and ``area_no`` → places."""

    seats: tuple[int, ...]
    areas: dict[int, int]


class Match(Struct, frozen=True):
    """One offer: seats, ascending, or ``{area_no: quantity}``; never both."""

    entry: Waiting
    wish_no: int
    seats: tuple[int, ...]
    areas: dict[int, int]


class Passed(Struct, frozen=True):
    """Skipped: all people with this wish who were not served and are ahead of ``before``, the place
    ``(weight, join_no)`` of the last person to get places that they would have taken.

    ``reason`` is a code of docs/waitlist.md; ``entry`` is the first of them.
    """

    wish_no: int
    reason: str
    detail: str
    before: tuple[int, int]
    entry: Waiting


class Matching(Struct, frozen=True):
    """``matches`` in the waitlist's order. ``wanted``: the places of the pool that fit any wish. ``left``:
    the places given to nobody. ``exact``: proved to be the best result under the waitlist's order.
    """

    matches: list[Match]
    passed: list[Passed]
    wanted: Places
    left: Places
    exact: bool


class LineIndex:
    """The data that matching needs from a layout, made once.

    A section's number is its index in the layout; areas follow: ``section_count + area_no``.
    """

    def __init__(self, layout: Layout, seats: SeatIndex | None = None) -> None:
        """``seats``: the layout's index for best seats, if it exists already."""
        self.seats = seats or SeatIndex(layout)
        self.section_count = len(layout.sections)
        self.names = [section.name for section in layout.sections]
        self.names += [area.name for area in layout.areas]
        self._numbers = {name: number for number, name in enumerate(self.names)}
        self.category_of = layout.seats.category
        self.section_of = [layout.rows[row].section for row in layout.seats.row]
        self.area_category = [area.category for area in layout.areas]
        self.restricted = {n for n, flags in enumerate(layout.seats.flags) if flags & _RESTRICTED}

    def section_no(self, name: str) -> int | None:
        """The number of a section or area; None when the layout has none of that name."""
        return self._numbers.get(name)

    def section_name(self, number: int) -> str:
        return self.names[number]


def match(
    index: LineIndex, pool: Pool, line: Sequence[WishLine], *, steps: int = SEARCH_STEPS
) -> Matching:
    """One round, deterministic. ``steps`` bounds the search; with 0 no person is moved to other places so
    that a person behind fits, too.
    """
    return _Round(index, pool, line, steps).play()


def acceptable(index: LineIndex, pool: Pool, wish: WishLine) -> Places:
    """The places of the pool that fit the wish's categories, sections and price, whether enough or not."""
    return wanted(index, pool, [wish])


def fits(index: LineIndex, pool: Pool, wish: WishLine) -> Places | None:
    """The places that the wish would get alone; None: there are not enough, or not together."""
    alone = structs.replace(wish, waiting=(Waiting("", "", 0, 0),), count=1)
    matches = match(index, pool, [alone]).matches
    return Places(matches[0].seats, matches[0].areas) if matches else None


def wanted(index: LineIndex, pool: Pool, line: Sequence[WishLine]) -> Places:
    """The places of the pool that fit at least one of these wishes, whether enough or not."""
    tastes = _Tastes(index, pool, line)
    seats = tuple(sorted(n for n in pool.seats if tastes.of_seat(n)))
    return Places(seats, {no: n for no, n in pool.areas.items() if n > 0 and tastes.of_area(no)})


class _Tastes:
    """The wishes that accept a place: bit n of a number is the n-th wish."""

    def __init__(self, index: LineIndex, pool: Pool, line: Sequence[WishLine]) -> None:
        self.index = index
        self.by_category = [0] * len(pool.prices)
        self.by_section = [0] * len(index.names)
        anywhere = 0
        for n, wish in enumerate(line):
            bit = 1 << n
            for category, price in enumerate(pool.prices):
                affordable = wish.max_amount_minor is None or price <= wish.max_amount_minor
                if affordable and (wish.categories is None or category in wish.categories):
                    self.by_category[category] |= bit
            if wish.sections is None:
                anywhere |= bit
            else:
                for section in wish.sections:
                    self.by_section[section] |= bit
        self.by_section = [wishes | anywhere for wishes in self.by_section]

    def of_seat(self, seat_no: int) -> int:
        """The wishes that accept a seat; none for a wheelchair or companion place, which is not on the board."""
        index = self.index
        if index.seats.position_of[seat_no] < 0:
            return 0
        section = self.by_section[index.section_of[seat_no]]
        return self.by_category[index.category_of[seat_no]] & section

    def of_area(self, area_no: int) -> int:
        index = self.index
        section = self.by_section[index.section_count + area_no]
        return self.by_category[index.area_category[area_no]] & section


class _Party(Struct):
    """A served party: the ``i``-th of a kind."""

    entry: Waiting
    wish: int
    kind: int
    i: int


class _Round:
    """A board of the seats that anybody wants, the kinds of parties on it, and their places. Wishes are
    numbered as in ``line``, areas as in ``area_nos``.
    """

    def __init__(self, index: LineIndex, pool: Pool, line: Sequence[WishLine], steps: int) -> None:
        self.index = index
        self.pool = pool
        # The same numbers for any order of the arguments, because ties are resolved by these numbers.
        self.line = sorted(line, key=attrgetter("wish_no"))
        tastes = _Tastes(index, pool, self.line)
        position_of = index.seats.position_of
        fans = {position_of[n]: wishes for n in pool.seats if (wishes := tastes.of_seat(n))}
        positions = sorted(fans)
        self.board = Runs(_side_by_side(index.seats, positions), index.seats.distances)
        self.area_nos = sorted(no for no, n in pool.areas.items() if n > 0 and tastes.of_area(no))
        self.areas = [pool.areas[no] for no in self.area_nos]
        classes, class_at = self._classes([fans[position] for position in positions])
        self.seats_wanted, self.areas_wanted = self._per_wish(classes, tastes)
        kinds: dict[PartyKind, int] = {}
        #: The kind by wish; None: the pool has no such places.
        self.kind_of = [
            None if kind is None else kinds.setdefault(kind, len(kinds))
            for kind in map(self._kind, range(len(line)))
        ]
        self.kinds = list(kinds)
        self.seating = Seating(
            self.board,
            self.kinds,
            self.areas,
            class_at=class_at,
            parcels=_least_wanted_first(classes),
            steps=steps,
        )
        #: How many people of each wish are served; always the first ones.
        self.served = [0] * len(line)
        self.parties: list[_Party] = []

    def _classes(self, fans: Sequence[int]) -> tuple[dict[int, int], list[int]]:
        """Group seats that the same wishes accept into classes: wishes → seats; and the class by position."""
        size, seat_of = self.board.size, self.board.seat_of
        numbers: dict[int, int] = {}
        class_at = [-1] * size
        digits: list[bytearray] = []
        at = iter(fans)
        for position in range(size):
            if seat_of[position] >= 0:
                number = class_at[position] = numbers.setdefault(next(at), len(numbers))
                if number == len(digits):
                    digits.append(bytearray(b"0") * size)
                digits[number][~position] = ord("1")
        return {wishes: int(digits[number], 2) for wishes, number in numbers.items()}, class_at

    def _per_wish(
        self, classes: dict[int, int], tastes: _Tastes
    ) -> tuple[list[int], list[tuple[int, ...]]]:
        """The seats of the board, and the areas, that each wish accepts."""
        seats = [0] * len(self.line)
        areas: list[tuple[int, ...]] = [()] * len(self.line)
        for wishes, of_class in classes.items():
            for n in _bits(wishes):
                seats[n] |= of_class
        for area, area_no in enumerate(self.area_nos):
            for n in _bits(tastes.of_area(area_no)):
                areas[n] += (area,)
        return seats, areas

    def _kind(self, n: int) -> PartyKind | None:
        size = self.line[n].quantity
        together = self.line[n].together and size > 1
        seats = self.seats_wanted[n]
        if together:
            seats = _in_blocks(seats, size)
        elif seats.bit_count() < size:
            seats = 0
        areas = tuple(area for area in self.areas_wanted[n] if self.areas[area] >= size)
        return PartyKind(size, together, seats, areas) if seats or areas else None

    def play(self) -> Matching:
        self._serve()
        exact = not self.seating.doubts
        if exact:
            _Polish(self.index, self.board, self.seating).all(self.parties)
        matches = [self._match(party) for party in self.parties]
        seats = {seat_no for match in matches for seat_no in match.seats}
        places = zip(self.area_nos, self.seating.areas, strict=True)
        areas_left = self.pool.areas | dict(places)
        return Matching(
            matches=matches,
            passed=list(self._passed()),
            wanted=Places(
                tuple(sorted(n for n in self.board.seat_of if n >= 0)),
                dict(zip(self.area_nos, self.areas, strict=True)),
            ),
            left=Places(
                tuple(sorted(self.pool.seats - seats)),
                {no: n for no, n in areas_left.items() if n > 0},
            ),
            exact=exact,
        )

    def _serve(self) -> None:
        """Serve people one after the other, in the waitlist's order; the first ones of all wishes are on a heap."""
        heads = [(w.waiting[0].key, n) for n, w in enumerate(self.line) if w.waiting]
        heapify(heads)
        refused: set[int | None] = {None}
        while heads:
            key, n = heads[0]
            kind = self.kind_of[n]
            if kind in refused or kind is None or not self.seating.take(kind, key):
                refused.add(kind)
                heappop(heads)
                continue
            waiting, i = self.line[n].waiting, self.served[n]
            self.parties.append(_Party(waiting[i], n, kind, len(self.seating.placed[kind]) - 1))
            self.served[n] = i + 1
            if i + 1 < len(waiting):
                heapreplace(heads, (waiting[i + 1].key, n))
            else:
                heappop(heads)

    def _place(self, party: _Party) -> Place:
        return self.seating.placed[party.kind][party.i]

    def _match(self, party: _Party) -> Match:
        seats, area = self._place(party)
        wish = self.line[party.wish]
        return Match(
            party.entry,
            wish.wish_no,
            tuple(sorted(self.board.seat_of[position] for position in _bits(seats))),
            {self.area_nos[area]: wish.quantity} if area >= 0 else {},
        )

    # Skipped entries

    def _passed(self) -> Iterator[Passed]:
        """The skipped by wish; the wish whose first person is furthest ahead comes first."""
        served = [(party.entry, *self._place(party)) for party in self.parties]
        free, areas = self.seating.everything, list(self.areas)
        doubtful = {doubt.kind_no for doubt in self.seating.doubts}
        heads = [
            (wish.waiting[i].key, n)
            for n, (wish, i) in enumerate(zip(self.line, self.served, strict=True))
            if i < len(wish.waiting)
        ]
        ahead = 0
        for key, n in sorted(heads):
            while ahead < len(served) and served[ahead][0].key < key:
                _, seats, area = served[ahead]
                free ^= seats
                if area >= 0:
                    areas[area] -= self.line[self.parties[ahead].wish].quantity
                ahead += 1
            last = self._last_served(n, served[ahead:])
            if last is not None:
                wish, before = self.line[n], (last.weight, last.join_no)
                reason, detail = self._reason(n, free, areas, in_doubt=self.kind_of[n] in doubtful)
                yield Passed(wish.wish_no, reason, detail, before, wish.waiting[self.served[n]])

    def _last_served(self, n: int, behind: Sequence[tuple[Waiting, int, int]]) -> Waiting | None:
        """The last of these people who got a place that the wish accepts."""
        for entry, seats, area in reversed(behind):
            if seats & self.seats_wanted[n] or area in self.areas_wanted[n]:
                return entry
        return None

    def _reason(
        self, n: int, free: int, areas: Sequence[int], *, in_doubt: bool
    ) -> tuple[str, str]:
        """A code of docs/waitlist.md, and words. ``free``, ``areas``: places that nobody ahead has."""
        size = self.line[n].quantity
        if self.kind_of[n] is None:
            room, widest = self._room(n, self.seating.everything, self.areas)
            if room < size:
                return "too-few", f"There were {room} such places; {size} are wanted."
            return (
                "not-together",
                f"There were {room} such places, but at most {widest} side by side; "
                f"{size} are wanted.",
            )
        room, widest = self._room(n, free, areas)
        left = f"{room} such places" if room < size else f"{widest} such places side by side"
        words = f"People ahead got places; {left} remained, and {size} are wanted."
        if in_doubt:
            return "not-found", f"{words} The search for another seating was cut short."
        return "needed-ahead", f"{words} No other seating had room for all."

    def _room(self, n: int, seats: int, areas: Sequence[int]) -> tuple[int, int]:
        """How many of these places fit the wish, seats or in one area; and how many together."""
        mine = seats & self.seats_wanted[n]
        largest = max((areas[area] for area in self.areas_wanted[n]), default=0)
        widest = 0
        while starts(mine, widest + 1):
            widest += 1
        return max(mine.bit_count(), largest), max(widest, largest)


class _Polish:
    """Improves the seats of served people; the set of served people does not change.

    Each, in the waitlist's order, moves to the best of their own and the free seats; of people with the same
    wish the first then has the nearest.
    """

    def __init__(self, index: LineIndex, board: Runs, seating: Seating) -> None:
        self.board = board
        self.seating = seating
        self.free = seating.free
        self.full_view = seating.everything
        for position, seat_no in enumerate(board.seat_of):
            if seat_no in index.restricted:
                self.full_view &= ~(1 << position)
        #: For kinds that need not sit together: the seats of parties that have not chosen yet, and their number.
        self.hands: dict[int, tuple[int, int]] = {}

    def all(self, parties: Iterable[_Party]) -> None:
        kinds, placed = self.seating.kinds, self.seating.placed
        apart = {no for no, kind in enumerate(kinds) if not (kind.together or kind.quantity == 1)}
        for no in apart:
            hand = [seats for seats, _ in placed[no] if seats]
            self.hands[no] = sum(hand), len(hand)
        for party in parties:
            seats, area = placed[party.kind][party.i]
            if area < 0:
                move = self._deal if party.kind in apart else self._move
                placed[party.kind][party.i] = move(party.kind, seats), -1
        for no in range(len(kinds)):
            if no not in apart:
                sitting = [i for i, (seats, _) in enumerate(placed[no]) if seats]
                nearest_first = sorted((placed[no][i] for i in sitting), key=self._merit)
                for i, place in zip(sitting, nearest_first, strict=True):
                    placed[no][i] = place

    def _merit(self, place: Place) -> tuple[bool, int, int]:
        start, size = lowest(place[0]), place[0].bit_count()
        distance = self.board.prefix[start + size] - self.board.prefix[start]
        return bool(place[0] & ~self.full_view), distance, self.board.seat_of[start]

    def _move(self, kind_no: int, own: int) -> int:
        kind = self.seating.kinds[kind_no]
        if not self.free & kind.seats:
            return own
        self.free |= own
        seats = self._best(self.free & kind.seats, kind.quantity, together=True)
        self.free ^= seats
        return seats

    def _deal(self, kind_no: int, _own: int) -> int:
        kind = self.seating.kinds[kind_no]
        hand, count = self.hands[kind_no]
        seats = self._best(hand | self.free & kind.seats, kind.quantity, together=False)
        self.free &= ~seats
        hand &= ~seats
        for position in [*_bits(hand)][(count - 1) * kind.quantity :]:
            hand ^= 1 << position
            self.free |= 1 << position
        self.hands[kind_no] = hand, count - 1
        return seats

    def _best(self, mine: int, size: int, *, together: bool) -> int:
        """The rule of best seats: a full view, no single seat left, near; or apart, in few groups."""
        for seats in (mine & self.full_view, mine):
            near = Nearness(self.board, self._bytes(self.free), self._bytes(seats))
            if together and starts(seats, size):
                position = near.nearest(size, tidy=True) or near.nearest(size)
                assert position is not None
                return ((1 << size) - 1) << position
            if not together and seats.bit_count() >= size:
                blocks = near.place(near.even_sizes(size))
                return sum(((1 << length) - 1) << position for position, length in blocks)
        raise AssertionError("a moving party has room: at least its own seats")

    def _bytes(self, seats: int) -> bytearray:
        digits = f"{seats:0{self.board.size}b}".encode()
        return bytearray(digits.translate(_TO_BOARD)[::-1])


def _side_by_side(seats: SeatIndex, positions: Sequence[int]) -> Iterator[list[int]]:
    """The seats at these positions, in order, split at gaps."""
    run: list[int] = []
    before = -1
    for position in positions:
        if run and position != before + 1:
            yield run
            run = []
        run.append(seats.seat_of[position])
        before = position
    if run:
        yield run


def _least_wanted_first(classes: dict[int, int]) -> list[int]:
    """Groups of seats that equally many wishes accept, the fewest wishes first."""
    parcels: dict[int, int] = {}
    for wishes, seats in classes.items():
        parcels[wishes.bit_count()] = parcels.get(wishes.bit_count(), 0) | seats
    return [parcels[count] for count in sorted(parcels)]


def _in_blocks(seats: int, size: int) -> int:
    """The seats that are in a block of at least this many side by side."""
    begins = starts(seats, size)
    blocks = 0
    for offset in range(size if begins else 0):
        blocks |= begins << offset
    return blocks


def _bits(number: int) -> Iterator[int]:
    """The indexes of the set bits, ascending."""
    while number:
        yield lowest(number)
        number &= number - 1
