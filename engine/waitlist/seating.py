"""Seats parties of several kinds, one after the other; a seated party is never dropped.

Seats are bits of a whole number, bit n being position n of a board (``engine.best_seats.index.Runs``);
areas are numbers of places. One more party:

    fits without moving others                      → gets the tightest place
    cannot fit, by counting                         → refused: proved
    fits when others within reach are moved         → they are moved
    does not fit in any way                         → refused: proved
    might fit, but there are too many ways to try   → refused: in doubt

A party refused in doubt is not treated unfairly later: from then on nobody is moved in a way that would
leave room for that party on places that nobody ahead of it has.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from engine.best_seats.index import Runs

#: ``(-weight, join_no)``: the smallest is the first in the waitlist.
Key = tuple[int, int]
#: A party's places: ``(seats, -1)`` or ``(0, area)``.
Place = tuple[int, int]
#: (kind, index within the kind).
Party = tuple[int, int]

_NOWHERE: Final = (0, -1)
#: With more parties than this, the search first moves only those of one run of seats.
_FEW: Final = 16
#: The most parties moved at once: the search is as deep as their number.
_MANY: Final = 200
#: The most runs tried, and the steps for each; and the steps for moving all at once.
_RUNS_TRIED: Final = 12
_RUN_STEPS: Final = 40
_SEARCH_STEPS: Final = 1000


class PartyKind(Struct, frozen=True):
    """Parties of the same size that accept the same places.

    ``together``: side by side; ``seats`` are then only those in blocks. A party is never split between an
    area and seats.
    """

    quantity: int
    together: bool
    seats: int
    areas: tuple[int, ...]


class Reach(Struct):
    """The places that seating one more can affect, and the kinds of parties that accept only these places."""

    seats: int
    areas: set[int]
    kinds: set[int]


class Unproven(Struct):
    """A party refused in doubt, and the seats and places that nobody ahead of it has."""

    kind_no: int
    key: Key
    free: int
    areas: list[int]


class OutOfStepsError(Exception):
    """The search was cut short: it is unknown whether there is a way."""


class Seating:
    """``placed`` and ``keys``, by kind: its parties' places and keys, in the waitlist's order."""

    def __init__(
        self,
        board: Runs,
        kinds: Sequence[PartyKind],
        areas: Sequence[int],
        *,
        class_at: Sequence[int],
        parcels: Sequence[int],
        steps: int,
    ) -> None:
        """``areas``: places in each. ``class_at``: a number by position, equal where the same kinds accept
        the seat. ``parcels``: all seats, the least wanted first. ``steps``: of the search, in all.
        """
        self.kinds = kinds
        self.areas = list(areas)
        self.capacities = tuple(areas)
        self.class_at = class_at
        self.parcels = parcels
        self.steps = steps
        self.runs: list[int] = []
        self.run_of = board.run_of
        self._lengths: list[int] = []
        #: Seats of runs that have only one class.
        self.plain = 0
        for start, end in zip(board.run_start, board.run_end, strict=True):
            self.runs.append((1 << end) - (1 << start))
            self._lengths.append(end - start)
            if len(set(class_at[start:end])) == 1:
                self.plain |= self.runs[-1]
        self.everything = sum(self.runs)
        self.free = self.everything
        self.placed: list[list[Place]] = [[] for _ in kinds]
        self.keys: list[list[Key]] = [[] for _ in kinds]
        self._held = [0] * len(kinds)
        #: By kind, how many of its parties are in each area, and in each run. By run, the parties in it.
        self._areas_held: list[Counter[int]] = [Counter() for _ in kinds]
        self._runs_held: list[Counter[int]] = [Counter() for _ in kinds]
        self._in_run: list[set[Party]] = [set() for _ in self.runs]
        self._runs_usable: dict[int, set[int]] = {}
        self._sizes = sorted({kind.quantity for kind in kinds if kind.together})
        self.doubts: list[Unproven] = []

    # Seating one more

    def take(self, kind_no: int, key: Key) -> bool:
        """Seat one more. False: refused; all others of its kind will be refused, too."""
        place = self.find(kind_no, self.free, self.areas)
        if place is not None:
            self._add(kind_no, key)
            self._move([((kind_no, len(self.placed[kind_no]) - 1), place)])
            return True
        reach = self._reach(kind_no)
        if self._counted_out(kind_no, reach):
            return False
        seated = self._seat_anew(kind_no, key, reach)
        if seated is None:
            self.doubts.append(Unproven(kind_no, key, self.free, list(self.areas)))
        return bool(seated)

    def find(self, kind_no: int, free: int, areas: Sequence[int]) -> Place | None:
        """The tightest place for a party of a kind among these free places; seats before areas."""
        kind, size = self.kinds[kind_no], self.kinds[kind_no].quantity
        seats = free & kind.seats
        if kind.together:
            found = self._tightest(seats, size)
            if found is not None:
                start, over = found
                if free >> (start - 1) & 1 and not free >> (start + size + over) & 1:
                    start += over  # the remaining free seats are then in one piece
                return ((1 << size) - 1) << start, -1
        elif seats.bit_count() >= size:
            return self._smallest_gaps(seats, size), -1
        roomy = [(areas[area], area) for area in kind.areas if areas[area] >= size]
        return (0, min(roomy)[1]) if roomy else None

    def _tightest(self, seats: int, size: int) -> tuple[int, int] | None:
        """The start of the shortest stretch that is long enough, and the number of surplus seats in it.

        Among equal ones the least wanted, then the first on the board.
        """
        begins = starts(seats, size) & ~(seats << 1)
        over = 0
        while begins:
            longer = begins & (seats >> (size + over))
            exact = begins & ~longer
            if exact:
                return lowest(next(exact & seats for seats in self.parcels if exact & seats)), over
            begins = longer
            over += 1
        return None

    def _smallest_gaps(self, seats: int, size: int) -> int:
        chosen = 0
        while size:
            found = self._tightest(seats, 1)
            assert found is not None
            start, over = found
            count = min(1 + over, size)
            chosen |= ((1 << count) - 1) << start
            seats &= ~chosen
            size -= count
        return chosen

    # Proofs by counting

    def _reach(self, kind_no: int) -> Reach:
        """The closure of this kind's places: the parties there, all places of their kinds, and so on."""
        kind = self.kinds[kind_no]
        reach = Reach(kind.seats, set(kind.areas), set())
        others = {no for no, placed in enumerate(self.placed) if placed}
        grown = True
        while grown:
            grown = False
            for no in list(others):
                if self._held[no] & reach.seats or self._areas_held[no].keys() & reach.areas:
                    others.remove(no)
                    reach.kinds.add(no)
                    reach.seats |= self.kinds[no].seats
                    reach.areas.update(self.kinds[no].areas)
                    grown = True
        return reach

    def _counted_out(self, kind_no: int, reach: Reach) -> bool:
        """Whether too few places are free within reach; the parties there accept no other places.

        For a party that sits together, the same with blocks instead of places: a run has room for a
        number of blocks of one size, and each party takes up some of them.
        """
        kind = self.kinds[kind_no]
        free = (reach.seats & self.free).bit_count() + sum(self.areas[n] for n in reach.areas)
        if free < kind.quantity:
            return True
        sizes = [size for size in self._sizes if 1 < size <= kind.quantity] if kind.together else []
        return any(self._blocks_left(kind_no, size) < kind.quantity // size for size in sizes)

    def _blocks_left(self, kind_no: int, size: int) -> int:
        runs, areas = set(self._runs_of(kind_no)), set(self.kinds[kind_no].areas)
        others = {
            no
            for no, placed in enumerate(self.placed)
            if placed and self.kinds[no].together and self.kinds[no].quantity >= size
        }
        needed = 0
        grown = True
        while grown:
            grown = False
            for no in list(others):
                if self._runs_held[no].keys() & runs or self._areas_held[no].keys() & areas:
                    others.remove(no)
                    runs |= self._runs_of(no)
                    areas.update(self.kinds[no].areas)
                    needed += len(self.placed[no]) * (self.kinds[no].quantity // size)
                    grown = True
        room = sum(self._lengths[run] // size for run in runs)
        return room + sum(self.capacities[area] // size for area in areas) - needed

    def _runs_of(self, kind_no: int) -> set[int]:
        """The runs with seats that the kind accepts."""
        runs = self._runs_usable.get(kind_no)
        if runs is None:
            seats = self.kinds[kind_no].seats
            runs = {number for number, run in enumerate(self.runs) if run & seats}
            self._runs_usable[kind_no] = runs
        return runs

    # Moving others

    def _seat_anew(self, kind_no: int, key: Key, reach: Reach) -> bool | None:
        """Seat one more by moving others. True: done. False: there is no way. None: unknown."""
        count = sum(len(self.placed[no]) for no in reach.kinds)
        if count > _FEW:
            for neighbours in self._neighbours(kind_no):
                some = [party for party in neighbours if party[0] in reach.kinds]
                if self._seat_with(kind_no, key, reach, some, _RUN_STEPS):
                    return True
        if count > _MANY:
            return None
        everybody = [(no, i) for no in reach.kinds for i in range(len(self.placed[no]))]
        return self._seat_with(kind_no, key, reach, everybody, _SEARCH_STEPS)

    def _neighbours(self, kind_no: int) -> Iterator[set[Party]]:
        """The parties in one run that the kind accepts; the runs with most room first."""
        usable = self.kinds[kind_no].seats & self.free
        runs = sorted(self._runs_of(kind_no))
        runs.sort(key=lambda run: -(self.runs[run] & usable).bit_count())
        for run in runs[:_RUNS_TRIED]:
            yield self._in_run[run]

    def _seat_with(
        self, kind_no: int, key: Key, reach: Reach, others: Collection[Party], steps: int
    ) -> bool | None:
        """Seat one more, and these others again, in the room that all other parties leave."""
        free, areas = self._without(others)
        newcomer = (kind_no, len(self.placed[kind_no]))
        parties = sorted([*others, newcomer], key=self._hardest_first)
        search = _Search(self, [no for no, _ in parties], min(steps, self.steps))
        self.steps -= search.steps
        try:
            places = search.seat(free & reach.seats, tuple(areas))
        except OutOfStepsError:
            return None
        finally:
            self.steps += search.steps
        if places is None:
            return False
        moves = list(zip(parties, places, strict=True))
        if not self._bears(moves, newcomer):
            return None
        self._add(kind_no, key)
        self._move(moves)
        return True

    def _hardest_first(self, party: Party) -> tuple[int, int, int, Party]:
        """Parties together first, then those apart that accept an area, then those apart; the largest first."""
        kind = self.kinds[party[0]]
        how = 0 if kind.together else 1 if kind.areas else 2
        return how, -kind.quantity, kind.seats.bit_count(), party

    def _bears(self, moves: Sequence[tuple[Party, Place]], newcomer: Party) -> bool:
        """Whether no party refused in doubt could then sit on places that nobody ahead of it has. If so, the
        doubts are updated.
        """
        after = []
        for doubt in self.doubts:
            ahead = [
                ((no, i), place)
                for (no, i), place in moves
                if (no, i) != newcomer and self.keys[no][i] < doubt.key
            ]
            free, areas = self._moved(doubt.free, doubt.areas, ahead)
            if self.find(doubt.kind_no, free, areas) is not None:
                return False
            after.append((free, areas))
        for doubt, (free, areas) in zip(self.doubts, after, strict=True):
            doubt.free, doubt.areas = free, areas
        return True

    # Places of parties

    def _without(self, parties: Iterable[Party]) -> tuple[int, list[int]]:
        """The free seats and places without these parties."""
        return self._moved(self.free, self.areas, [(party, _NOWHERE) for party in parties])

    def _moved(
        self, free: int, areas: Sequence[int], moves: Iterable[tuple[Party, Place]]
    ) -> tuple[int, list[int]]:
        """The free seats and places after these moves, with all old places freed first."""
        areas, taken = list(areas), 0
        for (no, i), (seats, area) in moves:
            old_seats, old_area = self.placed[no][i]
            free |= old_seats
            taken |= seats
            if old_area >= 0:
                areas[old_area] += self.kinds[no].quantity
            if area >= 0:
                areas[area] -= self.kinds[no].quantity
        return free & ~taken, areas

    def _add(self, kind_no: int, key: Key) -> None:
        self.placed[kind_no].append(_NOWHERE)
        self.keys[kind_no].append(key)

    def _move(self, moves: Sequence[tuple[Party, Place]]) -> None:
        self.free, self.areas = self._moved(self.free, self.areas, moves)
        for (no, i), place in moves:
            self._note(no, i, -1)
            self.placed[no][i] = place
            self._note(no, i, 1)

    def _note(self, no: int, i: int, count: int) -> None:
        """Count a party's places, or (-1) stop counting them."""
        seats, area = self.placed[no][i]
        self._held[no] += seats * count
        if area >= 0:
            _count(self._areas_held[no], area, count)
        while seats:
            run = self.run_of[lowest(seats)]
            seats &= ~self.runs[run]
            _count(self._runs_held[no], run, count)
            if count > 0:
                self._in_run[run].add((no, i))
            else:
                self._in_run[run].remove((no, i))


class _Search:
    """Finds places for parties, all or none: those that sit together first, the largest first."""

    def __init__(self, seating: Seating, kind_nos: Sequence[int], steps: int) -> None:
        """``kind_nos``: the kinds of the parties, the hardest first, equal ones adjacent."""
        self.steps = steps
        self._plain = seating.plain
        self._class_at = seating.class_at
        kinds = seating.kinds
        self._blocks = [kinds[no] for no in kind_nos if kinds[no].together]
        counts = Counter(no for no in kind_nos if not kinds[no].together)
        self._others = [(kinds[no], count) for no, count in counts.items()]
        #: The number of first parties that may also sit in areas.
        self._choosy = sum(bool(kind.areas) for kind, _ in self._others)
        #: From each party on: the remaining kinds that sit together, and the number of each.
        self._ahead: list[list[tuple[PartyKind, int]]] = [[] for _ in self._blocks]
        for i in range(len(self._blocks)):
            counted = Counter(no for no in kind_nos[i : len(self._blocks)])
            self._ahead[i] = [(kinds[no], count) for no, count in counted.items()]
        self._dead: set[tuple[object, ...]] = set()

    def seat(self, free: int, areas: tuple[int, ...]) -> list[Place] | None:
        """A place for each; None: there is no way. Raises OutOfStepsError."""
        return self._seat_blocks(0, free, areas)

    def _step(self) -> None:
        if self.steps <= 0:
            raise OutOfStepsError
        self.steps -= 1

    def _seat_blocks(self, i: int, free: int, areas: tuple[int, ...]) -> list[Place] | None:
        """Places for the parties from the i-th on."""
        if i == len(self._blocks):
            return self._seat_others(free, areas, [])
        state = (i, free, areas)
        if state in self._dead:
            return None
        self._step()
        if self._has_room(i, free, areas):
            kind = self._blocks[i]
            for seats in self._ways(kind, free):
                rest = self._seat_blocks(i + 1, free ^ seats, areas)
                if rest is not None:
                    return [(seats, -1), *rest]
            for area in kind.areas:
                if areas[area] >= kind.quantity:
                    rest = self._seat_blocks(i + 1, free, _less(areas, area, kind.quantity))
                    if rest is not None:
                        return [(0, area), *rest]
        self._dead.add(state)
        return None

    def _has_room(self, i: int, free: int, areas: tuple[int, ...]) -> bool:
        """Whether each kind alone would find enough places."""
        for kind, count in self._ahead[i]:
            size = kind.quantity
            missing = count - sum(areas[area] // size for area in kind.areas)
            begins = starts(free & kind.seats, size)
            # Each taken block removes at most as many starts as its length.
            if begins.bit_count() >= missing * size:
                continue
            while begins and missing > 0:
                begins &= -((begins & -begins) << size)
                missing -= 1
            if missing > 0:
                return False
        for kind, count in self._others:
            missing = count * kind.quantity - sum(areas[area] for area in kind.areas)
            if (free & kind.seats).bit_count() < missing:
                return False
        return True

    def _ways(self, kind: PartyKind, free: int) -> list[int]:
        """The possible places of a party of the kind, the tightest first.

        In a run of one class only at the left end of a stretch, and only in one of several equal
        stretches: this loses no solution.
        """
        seats = free & kind.seats
        begins = starts(seats, kind.quantity) & (~self._plain | ~(seats << 1))
        ways: list[tuple[int, int]] = []
        alike: set[tuple[int, int]] = set()
        while begins:
            start = lowest(begins)
            begins &= begins - 1
            length = _length(seats >> start)
            if self._plain >> start & 1:
                stretch = (self._class_at[start], length)
                if stretch in alike:
                    continue
                alike.add(stretch)
            ways.append((length, start))
        ways.sort()
        block = (1 << kind.quantity) - 1
        return [block << start for _, start in ways]

    def _seat_others(
        self, free: int, areas: tuple[int, ...], in_areas: list[tuple[int, ...]]
    ) -> list[Place] | None:
        """``in_areas``: for kinds that need not sit together, how many parties are in each area; the further
        kinds are still open.
        """
        if len(in_areas) == self._choosy:
            self._step()
            nowhere = [()] * (len(self._others) - self._choosy)
            return self._deal(free, [*in_areas, *nowhere])
        kind, count = self._others[len(in_areas)]
        state = (free, areas, *map(sum, in_areas))
        if state in self._dead:
            return None
        for split in _splits(count, [areas[area] // kind.quantity for area in kind.areas]):
            left = list(areas)
            for area, parties in zip(kind.areas, split, strict=True):
                left[area] -= parties * kind.quantity
            found = self._seat_others(free, tuple(left), [*in_areas, split])
            if found is not None:
                return found
        self._dead.add(state)
        return None

    def _deal(self, free: int, in_areas: list[tuple[int, ...]]) -> list[Place] | None:
        """Seats for the parties that are in no area: a flow, by augmenting paths."""
        hands = [0] * len(self._others)

        def draw(no: int, asked: set[int]) -> int:
            """A free seat, or one of another kind that draws again instead; 0: there is none."""
            nonlocal free
            home = self._others[no][0].seats
            seats = free & home
            if seats:
                free ^= seats & -seats
                return seats & -seats
            asked.add(no)
            for other, hand in enumerate(hands):
                seats = hand & home
                if seats and other not in asked and (new := draw(other, asked)):
                    hands[other] ^= seats & -seats | new
                    return seats & -seats
            return 0

        for no, ((kind, count), split) in enumerate(zip(self._others, in_areas, strict=True)):
            wanted = (count - sum(split)) * kind.quantity
            hands[no] = _first(free & kind.seats, wanted)
            free ^= hands[no]
            for _ in range(wanted - hands[no].bit_count()):
                seat = draw(no, set())
                if not seat:
                    return None
                hands[no] |= seat
        places: list[Place] = []
        for (kind, _), split, hand in zip(self._others, in_areas, hands, strict=True):
            for area, parties in zip(kind.areas, split, strict=True):
                places += [(0, area)] * parties
            left = hand
            while left:
                seats = _first(left, kind.quantity)
                left ^= seats
                places.append((seats, -1))
        return places


def starts(seats: int, size: int) -> int:
    """The starts of blocks of this many of these seats side by side."""
    done = 1
    while 2 * done <= size:
        seats &= seats >> done
        done *= 2
    return seats & seats >> (size - done)


def lowest(seats: int) -> int:
    """The position of the first of these seats."""
    return (seats & -seats).bit_length() - 1


def _length(seats: int) -> int:
    """The number of seats side by side from position 0 on."""
    return (seats ^ (seats + 1)).bit_length() - 1


def _count(counter: Counter[int], what: int, count: int) -> None:
    """Add to a count; zeros are deleted, so that the keys are those with a count."""
    counter[what] += count
    if not counter[what]:
        del counter[what]


def _less(areas: tuple[int, ...], area: int, quantity: int) -> tuple[int, ...]:
    return (*areas[:area], areas[area] - quantity, *areas[area + 1 :])


def _first(seats: int, count: int) -> int:
    """The first ``count`` of these seats, or all."""
    low, high = 0, seats.bit_length()
    while low < high:
        middle = (low + high) // 2
        if (seats & ((1 << middle) - 1)).bit_count() < count:
            low = middle + 1
        else:
            high = middle
    return seats & ((1 << low) - 1)


def _splits(count: int, rooms: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """The possible distributions of parties over areas with this much room; the fewest first."""
    if not rooms:
        yield ()
        return
    for parties in range(min(count, rooms[0]) + 1):
        for rest in _splits(count - parties, rooms[1:]):
            yield (parties, *rest)
