"""The data that choosing needs from a layout, made once, and the board it chooses on.

A board is one byte per position: 0 free, 1 not. Positions follow runs (seats truly side by side), the
runs that see best first, with a 1 around each, so that one ``bytes.find`` skips a
sold-out front at the speed of memory and can never mistake two runs for one.
"""

import math
import struct
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from operator import sub
from statistics import median_low
from typing import Final

from engine.best_seats.sight import sight
from engine.layout import Layout
from engine.layout.model import Row, SeatFlag

#: Neighbours further apart than this many usual distances have a gap between them.
GAP: Final = 1.5
#: A seat of the next row is behind one when it is nearer than this many usual distances.
BEHIND: Final = 2.5
#: The most neighbouring rows in which one party is seated.
ROWS_MAX: Final = 3
_USUAL_PITCH: Final = 25.0
_USUAL_SIZES: Final = range(1, 7)
_SIZES_KEPT: Final = 16
_VIEWS_MAX: Final = 32
# Plain numbers: an IntFlag's operators cost ten times more, and there are thousands of seats.
_KEPT_APART: Final = int(SeatFlag.WHEELCHAIR | SeatFlag.COMPANION)
_RESTRICTED: Final = int(SeatFlag.RESTRICTED_VIEW)
_AISLE: Final = int(SeatFlag.AISLE)
#: Larger than any sum of distances.
FAR: Final = 1 << 62
_FREE_OR_NOT: Final = bytes(0 if digit == ord("0") else 1 for digit in range(256))


class Blocks:
    """Possible blocks of seats side by side, for one number of seats.

    By position: ``sums`` are the distances of the block that begins there; ``earlier`` and ``later``
    the least of these in its run up to there and from there on. By run: ``middle`` is the position of
    the nearest block, ``rest`` the least sum of this run and all behind it on the board.
    """

    __slots__ = ("earlier", "later", "middle", "needle", "rest", "sums")

    def __init__(self, index: "Runs", size: int) -> None:
        self.needle = bytes(size)
        self.sums = array("q", map(sub, index.prefix[size:], index.prefix))
        self.later = array("q", [FAR]) * index.size
        self.earlier = self.later[:]
        self.middle = []
        least = []
        for start, end in zip(index.run_start, index.run_end, strict=True):
            sums = self.sums[start : end - size + 1]
            self.earlier[start : start + len(sums)] = array("q", accumulate(sums, min))
            self.later[start : start + len(sums)] = array("q", suffix_minima(sums))
            least.append(min(sums, default=FAR))
            self.middle.append(start + sums.index(least[-1]) if sums else start)
        self.rest = suffix_minima(least)


class Runs:
    """Runs of seats on a board, one after the other. Position 0 and one after each run are no seats."""

    def __init__(self, runs: Iterable[Sequence[int]], distances: Sequence[int]) -> None:
        """``distances``: by ``seat_no``, as the seats seem (``engine.best_seats.sight``)."""
        self.seat_of: list[int] = [-1]
        self.run_of: list[int] = [-1]
        self.run_start: list[int] = []
        self.run_end: list[int] = []
        for number, run in enumerate(runs):
            self.run_start.append(len(self.seat_of))
            self.seat_of += [*run, -1]
            self.run_of += [number] * len(run) + [-1]
            self.run_end.append(len(self.seat_of) - 1)
        self.size = len(self.seat_of)
        self.prefix = [0, *accumulate(distances[n] if n >= 0 else 0 for n in self.seat_of)]
        # Per object, so that the cache is freed with it.
        self.blocks = lru_cache(maxsize=_SIZES_KEPT)(self._blocks)

    def _blocks(self, size: int) -> Blocks:
        return Blocks(self, size)


class SeatIndex(Runs):
    """A layout as best seats see it. Wheelchair and companion places are not on its boards."""

    def __init__(self, layout: Layout) -> None:
        self.categories = {c.name: no for no, c in enumerate(layout.categories)}
        self.sections = {s.name: no for no, s in enumerate(layout.sections)}
        self.distances = sight(layout)
        in_seat_order = list(runs_of(layout))
        nearness = [_nearness(self.distances[run.start : run.stop]) for run in in_seat_order]
        order = sorted(range(len(in_seat_order)), key=nearness.__getitem__)
        self._order = order
        self._slices = struct.Struct(_slices(in_seat_order, layout.seat_count))
        super().__init__((in_seat_order[i] for i in order), self.distances)
        self.position_of = [-1] * layout.seat_count
        for position, seat_no in enumerate(self.seat_of):
            if seat_no >= 0:
                self.position_of[seat_no] = position
        self._describe(layout)
        self.behind = self._seats_behind(layout)
        self._measure_rows(layout, self.distances)
        for size in _USUAL_SIZES:
            self.blocks(size)

    def _describe(self, layout: Layout) -> None:
        seats, rows = layout.seats, layout.rows
        self._category_at = bytes(seats.category[n] if n >= 0 else 0 for n in self.seat_of)
        self.restricted = bytes(
            int(n >= 0 and bool(seats.flags[n] & _RESTRICTED)) for n in self.seat_of
        )
        self._run_section = [
            rows[seats.row[self.seat_of[start]]].section for start in self.run_start
        ]

    def _measure_rows(self, layout: Layout, distances: Sequence[int]) -> None:
        """``row_nearest``: the distance of each row's nearest seat. ``reach``: no group that begins in
        this run and goes on in the next rows has a nearer seat. ``reach_rest``: nor any that begins
        behind this run on the board.
        """
        self.row_nearest = [min(distances[n] for n in _seats_of(row)) for row in layout.rows]
        self.row_nearest += [FAR] * ROWS_MAX
        self.run_row = [layout.seats.row[self.seat_of[start]] for start in self.run_start]
        self.reach = [min(self.row_nearest[row : row + ROWS_MAX]) for row in self.run_row]
        self.reach_rest = suffix_minima(self.reach)

    def _seats_behind(self, layout: Layout) -> list[int]:
        """For each position the one of the nearest seat in the next row of the section, -1 for none."""
        places = list(map(complex, layout.seats.x, layout.seats.y))
        behind = [-1] * self.size
        for (front, pitch), (back, _) in pairwise(_rows_with_pitch(layout)):
            candidates = [n for n in _seats_of(back) if self.position_of[n] >= 0]
            if front.section != back.section or not candidates:
                continue
            back_places = [places[n] for n in candidates]
            for seat_no in _seats_of(front):
                here = places[seat_no]
                distances = [abs(here - there) for there in back_places]
                nearest = min(distances)
                if self.position_of[seat_no] >= 0 and nearest <= BEHIND * pitch:
                    seat_behind = candidates[distances.index(nearest)]
                    behind[self.position_of[seat_no]] = self.position_of[seat_behind]
        return behind

    def lay(self, states: bytes) -> bytearray:
        """The bytes of a board, of seat-state digits by ``seat_no``."""
        runs = self._slices.unpack(states)
        text = b"1".join([b"", *map(runs.__getitem__, self._order), b""])
        return bytearray(text.translate(_FREE_OR_NOT))

    def closed(self, categories: Collection[int], section: int | None, *, restricted: bool) -> int:
        """The positions that are not eligible, as the integer of a board's bytes."""
        table = bytes(0 if category in categories else 1 for category in range(256))
        closed = int.from_bytes(self._category_at.translate(table), "little")
        if not restricted:
            closed |= int.from_bytes(self.restricted, "little")
        if section is not None:
            elsewhere = bytearray(b"\1" * self.size)
            runs = zip(self.run_start, self.run_end, self._run_section, strict=True)
            for start, end, in_section in runs:
                if in_section == section:
                    elsewhere[start:end] = bytes(end - start)
            closed |= int.from_bytes(elsewhere, "little")
        return closed


class Board:
    """The seats of one event at one moment, and the prices then in force (minor units by category)."""

    __slots__ = ("_views", "index", "prices", "taken")

    def __init__(self, index: SeatIndex, states: bytes, prices: Sequence[int]) -> None:
        self.index = index
        self.prices = prices
        #: By position: 1 where the seat is not free.
        self.taken = index.lay(states)
        self._views: dict[tuple[str | None, str | None, int | None, bool], bytearray] = {}

    def open(
        self, category: str | None, section: str | None, price_max: int | None, *, restricted: bool
    ) -> bytearray:
        """By position: 0 where a seat is free and matches. The names must be the layout's.

        The result is kept and updated by ``mark``, because most buyers have the same wish.
        """
        key = (category, section, price_max, restricted)
        view = self._views.get(key)
        if view is None:
            if len(self._views) >= _VIEWS_MAX:
                self._views.clear()
            index = self.index
            wanted = None if category is None else index.categories[category]
            matching = [
                no
                for no, price in enumerate(self.prices)
                if wanted in (None, no) and (price_max is None or price <= price_max)
            ]
            section_no = None if section is None else index.sections[section]
            closed = index.closed(matching, section_no, restricted=restricted)
            closed |= int.from_bytes(self.taken, "little")
            view = self._views[key] = bytearray(closed.to_bytes(index.size, "little"))
        return view

    def mark(self, seats: Iterable[int]) -> None:
        """These seats (by ``seat_no``) are not free."""
        for seat_no in seats:
            position = self.index.position_of[seat_no]
            if position >= 0:
                self.taken[position] = 1
                for view in self._views.values():
                    view[position] = 1


def suffix_minima(values: Sequence[int]) -> list[int]:
    """For each place the least value from there on."""
    return list(accumulate(reversed(values), min))[::-1]


def runs_of(layout: Layout) -> Iterator[range]:
    """Seats truly side by side, as ranges of ``seat_no``, in that order; most rows are one or two."""
    flags = layout.seats.flags
    for row, pitch in _rows_with_pitch(layout):
        breaks = _breaks(layout, row, pitch)
        first, end = row.first_seat, row.first_seat + row.seat_count
        for seat_no in _seats_of(row):
            apart = bool(flags[seat_no] & _KEPT_APART)
            if apart or seat_no in breaks:
                if first < seat_no:
                    yield range(first, seat_no)
                first = seat_no + apart
        if first < end:
            yield range(first, end)


def _seats_of(row: Row) -> range:
    return range(row.first_seat, row.first_seat + row.seat_count)


def _breaks(layout: Layout, row: Row, pitch: float) -> set[int]:
    """The seats of a row that do not sit beside the one before them.

    Two neighbours at an aisle are parted by it unless both have an aisle on their other side: a
    block of two between two aisles.
    """
    seats = _seats_of(row)
    gaps = {n for n in seats[1:] if _apart(layout, n - 1, n) > GAP * pitch}
    begins, ends = {seats[0], *gaps}, {seats[-1], *(n - 1 for n in gaps)}
    flags = layout.seats.flags
    aisles = {
        right
        for left, right in pairwise(seats)
        if flags[left] & flags[right] & _AISLE and not (left in begins and right in ends)
    }
    return gaps | aisles


def _rows_with_pitch(layout: Layout) -> Iterator[tuple[Row, float]]:
    """Each row with the usual distance between neighbours in its section, in drawing units."""
    for section in layout.sections:
        rows = layout.rows[section.first_row : section.first_row + section.row_count]
        distances = [_apart(layout, n, n + 1) for row in rows for n in _seats_of(row)[:-1]]
        pitch = median_low(distances) if distances else _USUAL_PITCH
        for row in rows:
            yield row, pitch


def _apart(layout: Layout, a: int, b: int) -> float:
    seats = layout.seats
    return math.hypot(seats.x[a] - seats.x[b], seats.y[a] - seats.y[b])


def _nearness(distances: Sequence[int]) -> float:
    """Of a run: the mean distance of its best block of four, about what people ask for."""
    size = min(4, len(distances))
    prefix = [0, *accumulate(distances)]
    best: int = min(map(sub, prefix[size:], prefix))
    return best / size


def _slices(runs: Iterable[range], seat_count: int) -> str:
    """How ``struct`` cuts a string of states into runs, passing over the places between them."""
    parts, at = [], 0
    for run in runs:
        parts.append(f"{run.start - at}x{len(run)}s")
        at = run.stop
    return "".join(parts) + f"{seat_count - at}x"
