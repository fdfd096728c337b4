"""The choice of best seats: a pure function of a board and a wish, the rule of docs/best-seats.md.

Sums of distances are whole numbers and ties go to the lower ``seat_no``, so there is one right answer.
"""

from bisect import insort
from collections.abc import Iterator
from functools import cached_property
from itertools import groupby, product
from operator import gt, mul
from typing import Annotated, Final

from msgspec import Meta, Struct

from engine.base.model import CategoryName, Money, Relaxation
from engine.best_seats.index import FAR, ROWS_MAX, Blocks, Board, Runs, SeatIndex

#: Turns the seats that are not open into white space between words.
_WORDS: Final = bytes.maketrans(b"\0\1", b"x ")

#: A block: the position of its first seat on the board, and the number of seats.
Block = tuple[int, int]


class BestSeatsWish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wish for best seats. The names are the layout's."""

    quantity: Annotated[int, Meta(ge=1, le=100, examples=[4])]
    category: CategoryName | None = None
    section: Annotated[str | None, Meta(examples=["Block 226"])] = None
    together: Annotated[bool, Meta(description="Seats side by side; else simply the nearest.")] = (
        True
    )
    max_price: Annotated[
        Money | Annotated[int, Meta(ge=0)] | None,
        Meta(description="For one seat; a number is minor units of the event's currency."),
    ] = None
    relax: Annotated[bool, Meta(description="Take the next best when the best is gone.")] = True

    @property
    def price_max(self) -> int | None:
        """Minor units."""
        return self.max_price.amount if isinstance(self.max_price, Money) else self.max_price


class Choice(Struct, frozen=True):
    """Seats by ``seat_no``, ascending, and the compromises made."""

    seats: tuple[int, ...]
    relaxed: tuple[Relaxation, ...]


def choose(board: Board, wish: BestSeatsWish, spread: int = 0) -> Choice | None:
    """The best free seats for a wish, or None when the rule finds none.

    ``spread`` skips the best block of that many runs, for callers that race others for the very best:
    0 is the published order. Seats found with it are free, match and are together all the same.
    """
    for restricted in (False, True) if wish.relax else (False,):
        view = board.open(wish.category, wish.section, wish.price_max, restricted=restricted)
        found = _Search(board, view, spread).find(wish)
        if found is not None:
            return _describe(board, wish, *found)
    return None


class Nearness:
    """The nearest seats of a board: ``open`` has a 0 for each eligible seat, ``taken`` a 1 for each
    that is not free. ``spread``: see ``choose``.
    """

    def __init__(self, index: Runs, taken: bytearray, view: bytearray, spread: int = 0) -> None:
        self.index = index
        self.taken = taken
        self.open = view
        self.spread = spread

    @property
    def free(self) -> int:
        return self.open.count(0)

    @cached_property
    def holes(self) -> list[int]:
        """The lengths of the groups of open seats side by side, the longest first."""
        return sorted(map(len, self.open.translate(_WORDS).split()), reverse=True)

    # Side by side

    def nearest(self, size: int, *, tidy: bool = False) -> int | None:
        """The position of the nearest open block; with ``tidy`` only among the tidy ones."""
        blocks = self.index.blocks(size)
        find, needle, sums = self.open.find, blocks.needle, blocks.sums
        run_of, run_end, seat_of = self.index.run_of, self.index.run_end, self.index.seat_of
        rest, later = blocks.rest, blocks.later
        best: list[tuple[int, int, int]] = []
        sum_max = FAR
        at = find(needle)
        while at >= 0:
            run = run_of[at]
            if rest[run] > sum_max:
                break
            if later[at] <= sum_max:
                position = self._nearest_in(run, blocks, sum_max, tidy=tidy)
                if position is not None:
                    insort(best, (sums[position], seat_of[position], position))
                    del best[self.spread + 1 :]
                    if len(best) > self.spread:
                        sum_max = best[-1][0]
            at = find(needle, run_end[run])
        return best[-1][2] if best else None

    def _nearest_in(self, run: int, blocks: Blocks, sum_max: int, *, tidy: bool) -> int | None:
        """The same within one run: from its nearest place outwards, to the right and then to the left."""
        needle, sums, taken, size = blocks.needle, blocks.sums, self.taken, len(blocks.needle)
        start, end, middle = self.index.run_start[run], self.index.run_end[run], blocks.middle[run]
        best = None
        at = self.open.find(needle, middle, end)
        while at >= 0 and blocks.later[at] <= sum_max:
            if sums[at] <= sum_max and not (tidy and _leaves_single(taken, at, at + size)):
                best, sum_max = at, sums[at] - 1
            at = self.open.find(needle, at + 1, end)
        if best is not None:
            sum_max += 1  # on the left a tie is the lower seat number
        at = self.open.rfind(needle, start, middle + size - 1)
        while at >= 0 and blocks.earlier[at] <= sum_max:
            if sums[at] <= sum_max and not (tidy and _leaves_single(taken, at, at + size)):
                best, sum_max = at, sums[at]
            at = self.open.rfind(needle, start, at + size - 1)
        return best

    # Anywhere

    def even_sizes(self, quantity: int) -> list[int]:
        """The fewest groups that the free places allow, as even in size as those places allow."""
        rooms: list[int] = []
        while sum(rooms) < quantity:
            rooms.append(self.holes[len(rooms)])
        sizes = []
        for left in range(len(rooms), 0, -1):
            # From the smallest place on: each gets its even share, or is filled.
            sizes.append(min(rooms[left - 1], quantity // left))
            quantity -= sizes[-1]
        return sizes[::-1]

    def place(self, sizes: list[int]) -> list[Block]:
        """Groups of these sizes, largest first, each as near as it can be. There must be room."""
        open_ = self.open
        self.open = bytearray(open_)
        blocks = []
        for size in sizes:
            position = self.nearest(size)
            assert position is not None
            self.open[position : position + size] = b"\1" * size
            blocks.append((position, size))
        self.open = open_
        return blocks


class _Search(Nearness):
    """One search over the seats that match a wish."""

    index: SeatIndex

    def __init__(self, board: Board, view: bytearray, spread: int) -> None:
        super().__init__(board.index, board.taken, view, spread)

    def find(self, wish: BestSeatsWish) -> tuple[list[Block], list[Relaxation]] | None:
        quantity = wish.quantity
        if not wish.together:
            singles = self.place([1] * quantity) if self.free >= quantity else None
            return None if singles is None else (singles, [])
        position = self.nearest(quantity, tidy=True)
        if position is None and wish.relax:
            position = self.nearest(quantity)
        if position is not None:
            return [(position, quantity)], []
        if not wish.relax or self.free < quantity:
            return None
        rows = self.neighbouring_rows(quantity)
        if rows is not None:
            return rows, ["neighbouring-rows"]
        return self.place(self.even_sizes(quantity)), ["split"]

    @cached_property
    def widest(self) -> list[int]:
        """By row: the most open seats side by side; 0 after the last row."""
        words, widest = self.open.translate(_WORDS), [0] * len(self.index.row_nearest)
        for row, start, end in zip(
            self.index.run_row, self.index.run_start, self.index.run_end, strict=True
        ):
            widest[row] = max(widest[row], *map(len, words[start:end].split()), 0)
        return widest

    # In neighbouring rows

    def neighbouring_rows(self, quantity: int) -> list[Block] | None:
        for row_count in range(2, ROWS_MAX + 1):
            for _, alike in groupby(_divisions(quantity, row_count), key=_unevenness):
                best: tuple[int, list[int]] | None = None
                sizes: tuple[int, ...] = ()
                for division in alike:
                    found = self._nearest_rows(division, best)
                    if found is not None:
                        best, sizes = found, division
                if best is not None:
                    positions = [self.index.position_of[seat_no] for seat_no in best[1]]
                    return list(zip(positions, sizes, strict=True))
        return None

    def _nearest_rows(
        self, sizes: tuple[int, ...], best: tuple[int, list[int]] | None
    ) -> tuple[int, list[int]] | None:
        """The nearest groups of these sizes behind each other, if better than ``best``: their sum of
        distances and their first seats.
        """
        if any(map(gt, sorted(sizes, reverse=True), self.holes)) or len(self.holes) < len(sizes):
            return None
        index, quantity = self.index, sum(sizes)
        find, needle = self.open.find, bytes(sizes[0])
        found = None
        at = find(needle)
        while at >= 0:
            run = index.run_of[at]
            sum_max = best[0] if best is not None else FAR
            if quantity * index.reach_rest[run] > sum_max:
                break
            row = index.run_row[run]
            room = self.widest[row : row + len(sizes)]
            if quantity * index.reach[run] > sum_max or any(map(gt, sizes, room)):
                at = find(needle, index.run_end[run])
                continue
            for rows in self._rows_from(at, row, sizes, sum_max):
                if best is None or rows < best:
                    best = found = rows
            at = find(needle, at + 1)
        return found

    def _rows_from(
        self, position: int, row: int, sizes: tuple[int, ...], sum_max: int
    ) -> Iterator[tuple[int, list[int]]]:
        """Every way to continue from a group at ``position`` into the rows behind, up to ``sum_max``."""
        index = self.index
        distance = index.blocks(sizes[0]).sums[position]
        least = distance + sum(map(mul, sizes[1:], index.row_nearest[row + 1 :]))
        if least > sum_max:
            return
        if len(sizes) == 1:
            yield distance, [index.seat_of[position]]
            return
        for back in self._close_behind(position, sizes[0], sizes[1]):
            for further, seats in self._rows_from(back, row + 1, sizes[1:], sum_max - distance):
                yield distance + further, [index.seat_of[position], *seats]

    def _close_behind(self, position: int, size: int, back_size: int) -> Iterator[int]:
        """Open blocks of the next row that have at least half of the smaller group's seats behind a
        seat of the group in front.
        """
        index = self.index
        behind = [back for back in index.behind[position : position + size] if back >= 0]
        if not behind:
            return
        needle, end = bytes(back_size), max(behind) + back_size
        back = self.open.find(needle, max(0, min(behind) - back_size + 1), end)
        while back >= 0:
            overlap = sum(back <= seat < back + back_size for seat in behind)
            if 2 * overlap >= min(size, back_size):
                yield back
            back = self.open.find(needle, back + 1, end)


def _describe(
    board: Board, wish: BestSeatsWish, blocks: list[Block], how: list[Relaxation]
) -> Choice:
    index, taken = board.index, bytearray(board.taken)
    for start, size in blocks:
        taken[start : start + size] = b"\1" * size
    relaxed: list[Relaxation] = []
    ends = [n for start, size in blocks for n in (start - 1, start + size)]
    if wish.together and any(_is_alone(taken, n) for n in ends):
        relaxed.append("single-seat-left")
    if any(any(index.restricted[start : start + size]) for start, size in blocks):
        relaxed.append("restricted-view")
    seats = sorted(index.seat_of[n] for start, size in blocks for n in range(start, start + size))
    return Choice(tuple(seats), tuple(relaxed + how))


def _is_alone(taken: bytearray, position: int) -> bool:
    """A free seat with a taken seat, or none, on both sides; beside one of ours it was not alone before."""
    return not taken[position] and bool(taken[position - 1] and taken[position + 1])


def _leaves_single(taken: bytearray, start: int, end: int) -> bool:
    return bool((not taken[start - 1] and taken[start - 2]) or (not taken[end] and taken[end + 1]))


def _divisions(quantity: int, row_count: int) -> list[tuple[int, ...]]:
    """Ways to seat a party in this many rows, front to back, the most even first.

    The smallest group is at least half as large as the largest. One person alone in a row is allowed only
    for a party of at most three in two rows.
    """
    least = 1 if row_count == 2 and quantity <= 3 else 2
    most = 2 * quantity // (row_count + 1)
    sizes = range(least, max(most, least) + 1)
    found = []
    for front in product(sizes, repeat=row_count - 1):
        division = (*front, quantity - sum(front))
        if division[-1] >= least and max(division) <= 2 * min(division):
            found.append(division)
    return sorted(found, key=_unevenness)


def _unevenness(division: tuple[int, ...]) -> int:
    return sum(size * size for size in division)
