"""Replays the log of a waitlist from PostgreSQL and lists its faults, round by round.

It shares no code with the engine's matching: the rules of docs/waitlist.md are written here a second
time, in as few lines as possible. ``check`` is pure; ``read_log`` reads its input.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import combinations, pairwise
from statistics import median_low
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.layout import Layout

if TYPE_CHECKING:
    import asyncpg

    from engine.runtime import Runtime

#: Rounds with more possible seatings than this are not checked by brute force.
TRIES_MAX = 1_000
#: Limit of seatings tried in a whole log; after it no round is checked by brute force.
TRIES_IN_ALL = 200_000
#: Rounds with more seats are large in the sense of docs/waitlist.md, and not checked by brute force either.
LARGE = 50
#: Redis learns of an entry when the join is answered: a moment after PostgreSQL.
_HEARS = timedelta(seconds=3)
#: Flags of seats in the layout: wheelchair or companion; aisle.
_KEPT_APART, _AISLE = 1 | 2, 8


class Fault(NamedTuple):
    """A fault: a short name of the broken rule, the round (None: no particular one), the facts."""

    rule: str
    round_no: int | None
    what: str


@dataclass(frozen=True)
class Wish:
    quantity: int
    together: bool = True
    categories: frozenset[int] | None = None
    sections: frozenset[int] | None = None
    max_amount_minor: int | None = None


@dataclass(frozen=True)
class Change:
    change_no: int
    entry_id: str
    what: str
    wish_no: int
    weight: int
    join_no: int
    round_no: int
    at: datetime


@dataclass(frozen=True)
class Round:
    round_no: int
    at: datetime
    seats: frozenset[int]
    areas: dict[int, int]
    prices: tuple[int, ...]
    to_sale: frozenset[int]
    at_limit: frozenset[str]
    waiting: int


@dataclass(frozen=True)
class Offer:
    offer_id: str
    entry_id: str
    person_id: str
    round_no: int
    status: str
    seats: tuple[int, ...]
    areas: dict[int, int]
    quantity: int
    prices: tuple[int, ...]
    made_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None

    def open_during(self, since: datetime, until: datetime) -> bool:
        return self.made_at < until and (self.ended_at is None or since < self.ended_at)


@dataclass(frozen=True)
class Skip:
    round_no: int
    wish_no: int
    reason: str
    detail: str
    passed: int
    entry_id: str
    weight: int
    join_no: int


@dataclass(frozen=True)
class Hall:
    """The parts of a house that a wish can name. Sections are numbered, areas follow them."""

    categories: tuple[int, ...]
    sections: tuple[int, ...]
    #: For each seat, whether it is side by side with the seat of the next number.
    beside: tuple[bool, ...]
    area_categories: tuple[int, ...] = ()
    section_count: int = 1
    #: Wheelchair and companion places: never offered to the waitlist.
    kept_apart: frozenset[int] = frozenset()

    @classmethod
    def of(cls, layout: Layout) -> "Hall":
        return cls(
            layout.seats.category,
            tuple(layout.rows[row].section for row in layout.seats.row),
            _beside(layout),
            tuple(area.category for area in layout.areas),
            len(layout.sections),
            frozenset(n for n, flags in enumerate(layout.seats.flags) if flags & _KEPT_APART),
        )


@dataclass(frozen=True)
class Log:
    hall: Hall
    wishes: dict[int, Wish]
    #: entry_id → person_id.
    people: dict[str, str]
    changes: list[Change]
    rounds: list[Round]
    offers: list[Offer]
    skips: list[Skip]


class Standing(NamedTuple):
    """A waiting entry. Sorted, the entries are in waitlist order."""

    weight_down: int
    join_no: int
    entry_id: str
    wish_no: int


@dataclass
class Pool:
    """Seats and places that can be offered."""

    seats: set[int]
    areas: Counter[int] = field(default_factory=Counter)

    def plus(self, offers: Iterable[Offer]) -> "Pool":
        pool = Pool(set(self.seats), Counter(self.areas))
        for offer in offers:
            pool.seats.update(offer.seats)
            pool.areas.update(offer.areas)
        return pool


# The layout


def _beside(layout: Layout) -> tuple[bool, ...]:
    """docs/best-seats.md, "Side by side"."""
    beside = [False] * layout.seat_count
    for section in layout.sections:
        rows = layout.rows[section.first_row : section.first_row + section.row_count]
        steps = {
            n: _distance(layout, n)
            for row in rows
            for n in range(row.first_seat, row.first_seat + row.seat_count - 1)
        }
        usual = median_low(steps.values()) if steps else 0.0
        near = {n for n, distance in steps.items() if distance <= 1.5 * usual}
        for n in near:
            beside[n] = not _parted(layout, near, n)
    return tuple(beside)


def _distance(layout: Layout, n: int) -> float:
    seats = layout.seats
    return abs(complex(seats.x[n] - seats.x[n + 1], seats.y[n] - seats.y[n + 1]))


def _parted(layout: Layout, near: set[int], n: int) -> bool:
    flags = layout.seats.flags
    if (flags[n] | flags[n + 1]) & _KEPT_APART:
        return True
    both_aisle = bool(flags[n] & flags[n + 1] & _AISLE)
    block_of_two = n - 1 not in near and n + 1 not in near
    return both_aisle and not block_of_two


# What a wish accepts


def accepts_seat(hall: Hall, wish: Wish, seat_no: int, prices: Sequence[int]) -> bool:
    return seat_no not in hall.kept_apart and _accepts(
        wish, hall.categories[seat_no], hall.sections[seat_no], prices
    )


def accepts_area(hall: Hall, wish: Wish, area_no: int, prices: Sequence[int]) -> bool:
    section = hall.section_count + area_no
    return _accepts(wish, hall.area_categories[area_no], section, prices)


def _accepts(wish: Wish, category: int, section: int, prices: Sequence[int]) -> bool:
    return (
        (wish.categories is None or category in wish.categories)
        and (wish.sections is None or section in wish.sections)
        and (wish.max_amount_minor is None or prices[category] <= wish.max_amount_minor)
    )


def fits(hall: Hall, wish: Wish, pool: Pool, prices: Sequence[int]) -> bool:
    """Whether the pool could serve this wish alone."""
    return next(ways(hall, wish, pool, prices), None) is not None


def liked_seats(hall: Hall, wish: Wish, pool: Pool, prices: Sequence[int]) -> frozenset[int]:
    return frozenset(n for n in pool.seats if accepts_seat(hall, wish, n, prices))


def ways(
    hall: Hall,
    wish: Wish,
    pool: Pool,
    prices: Sequence[int],
    liked: frozenset[int] | None = None,
) -> Iterator[tuple[tuple[int, ...], Counter[int]]]:
    """Every way to serve a wish: with seats, or with places in one area. ``liked``: seats it accepts,
    of this pool or a larger one, if they are known already.
    """
    if liked is None:
        liked = liked_seats(hall, wish, pool, prices)
    good = sorted(pool.seats & liked)
    if wish.together and wish.quantity > 1:
        for run in _runs(hall, good):
            for first in range(len(run) - wish.quantity + 1):
                yield tuple(run[first : first + wish.quantity]), Counter()
    else:
        for seats in combinations(good, wish.quantity):
            yield seats, Counter()
    for no, places in sorted(pool.areas.items()):
        if places >= wish.quantity and accepts_area(hall, wish, no, prices):
            yield (), Counter({no: wish.quantity})


def _runs(hall: Hall, seats: Sequence[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for n in seats:
        if runs and runs[-1][-1] == n - 1 and hall.beside[n - 1]:
            runs[-1].append(n)
        else:
            runs.append([n])
    return runs


class _TooMany(Exception):
    """There are too many seatings for brute force in this round."""


def seatable(
    hall: Hall,
    wishes: Sequence[Wish],
    pool: Pool,
    prices: Sequence[int],
    counted: Counter[str] | None = None,
) -> bool | None:
    """Whether all of them can be served at once, by brute force. None: too many seatings.

    ``counted``: its ``all`` grows by the number of tried seatings.
    """
    tries = 0
    hopeless: set[tuple[int, frozenset[int], tuple[tuple[int, int], ...]]] = set()

    def serve(at: int, left: Pool) -> bool:
        nonlocal tries
        if at == len(wishes):
            return True
        key = (at, frozenset(left.seats), tuple(sorted(left.areas.items())))
        if key in hopeless:
            return False
        for seats, places in ways(hall, wishes[at], left, prices, liked[wishes[at]]):
            tries += 1
            if tries > TRIES_MAX:
                raise _TooMany
            if serve(at + 1, Pool(left.seats - set(seats), left.areas - places)):
                return True
        hopeless.add(key)
        return False

    # The choosiest wish first, as it fails first; the result does not depend on the order.
    wishes = sorted(wishes, key=lambda wish: (not wish.together, -wish.quantity))
    liked = {wish: liked_seats(hall, wish, pool, prices) for wish in wishes}
    try:
        return serve(0, pool)
    except _TooMany:
        return None
    finally:
        if counted is not None:
            counted["all"] += tries


# The waitlist


#: Allowed changes of an entry: from one status to the next.
_STEPS = {
    ("", "joined"): "waiting",
    ("waiting", "changed"): "waiting",
    ("waiting", "promoted"): "waiting",
    ("waiting", "offered"): "offered",
    ("waiting", "left"): "left",
    ("waiting", "dismissed"): "dismissed",
    ("offered", "accepted"): "accepted",
    ("offered", "declined"): "declined",
    ("offered", "lapsed"): "lapsed",
    ("offered", "withdrawn"): "waiting",
    ("offered", "left"): "left",
    ("offered", "dismissed"): "dismissed",
}


class Line:
    """The waitlist in order, updated by the changes."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.states: dict[str, str] = {}
        self.standing: dict[str, Standing] = {}
        self._by_person: dict[str, str] = {}

    def apply(self, change: Change) -> Iterator[Fault]:
        entry, before = change.entry_id, self.states.get(change.entry_id, "")
        after = _STEPS.get((before, change.what))
        if after is None:
            what = (
                f"change {change.change_no}: entry {entry} is {before or 'new'} and {change.what}"
            )
            yield Fault("step", change.round_no, what)
            return
        self.states[entry] = after
        yield from self._keeps_its_place(change)
        if after == "waiting":
            yield from self._is_the_only_one(change)
            self.standing[entry] = Standing(-change.weight, change.join_no, entry, change.wish_no)
        else:
            self.standing.pop(entry, None)

    def _keeps_its_place(self, change: Change) -> Iterator[Fault]:
        known = self.standing.get(change.entry_id)
        if known is None:
            return
        moved = change.join_no != known.join_no or (
            -change.weight != known.weight_down and change.what != "promoted"
        )
        if moved:
            what = f"change {change.change_no}: {change.what} moved entry {change.entry_id}"
            yield Fault("place", change.round_no, what)
        if change.wish_no != known.wish_no and change.what != "changed":
            what = f"change {change.change_no}: {change.what} changed the wish of {change.entry_id}"
            yield Fault("place", change.round_no, what)

    def _is_the_only_one(self, change: Change) -> Iterator[Fault]:
        person = self._log.people[change.entry_id]
        other = self._by_person.setdefault(person, change.entry_id)
        if other != change.entry_id:
            if self.states[other] in ("waiting", "offered"):
                what = f"person {person} waits twice: {other} and {change.entry_id}"
                yield Fault("once", change.round_no, what)
            self._by_person[person] = change.entry_id

    def ordered(self) -> list[Standing]:
        return sorted(self.standing.values())


# One round


class Verdict(NamedTuple):
    faults: list[Fault]
    #: Rounds in which brute force confirmed every refusal.
    proved: int
    #: Rounds with a refusal that brute force gave up on.
    unproved: int

    def __str__(self) -> str:
        shown = "\n".join(f"round {f.round_no}: {f.rule}: {f.what}" for f in self.faults[:20])
        return (
            f"{len(self.faults)} faults, {self.proved} rounds proved, {self.unproved} not\n{shown}"
        )


class _RoundCheck:
    def __init__(
        self,
        log: Log,
        the_round: Round,
        line: list[Standing],
        offers: list[Offer],
        skips: list[Skip],
        tries: Counter[str],
    ) -> None:
        self.tries = tries
        self.hall, self.wishes = log.hall, log.wishes
        self.round, self.offers, self.skips = the_round, offers, skips
        self.people, self.changes = log.people, log.changes
        self.line = line
        self.place = {standing.entry_id: standing for standing in line}
        self.offers_in_order = sorted(
            (offer for offer in offers if offer.entry_id in self.place),
            key=lambda offer: self.place[offer.entry_id],
        )
        self.served = {offer.entry_id for offer in offers}
        self.gave_up = False

    def fault(self, rule: str, what: str) -> Fault:
        return Fault(rule, self.round.round_no, what)

    def faults(self) -> Iterator[Fault]:
        yield from self._offers_are_of_the_pool()
        yield from self._offers_are_what_was_wished()
        yield from self._sale()
        yield from self._nobody_was_passed_over()
        yield from self._skips_are_told()
        if abs(self.round.waiting - len(self.line)) > self._moving():
            counted = f"{self.round.waiting} counted, {len(self.line)} waiting"
            yield self.fault("waiting", counted)

    def _moving(self) -> int:
        """Entries that joined or left just now: Redis counts them a moment later."""
        lately = self.round.at - _HEARS
        return sum(lately < change.at <= self.round.at for change in self.changes)

    def _offers_are_of_the_pool(self) -> Iterator[Fault]:
        given = Counter(seat for offer in self.offers for seat in offer.seats)
        for seat, times in given.items():
            if times > 1:
                yield self.fault("seat-twice", f"seat {seat} was offered {times} times")
            if seat not in self.round.seats:
                yield self.fault("foreign-seat", f"seat {seat} was not available")
        places: Counter[int] = Counter()
        for offer in self.offers:
            places.update(offer.areas)
        for no, count in places.items():
            if count > self.round.areas.get(no, 0):
                yield self.fault("foreign-seat", f"area {no}: {count} places were not available")

    def _offers_are_what_was_wished(self) -> Iterator[Fault]:
        for offer in self.offers:
            standing = self.place.get(offer.entry_id)
            if standing is None:
                yield self.fault(
                    "not-in-line", f"{offer.offer_id}: {offer.entry_id} was not waiting"
                )
                continue
            if offer.person_id != self.people[offer.entry_id]:
                yield self.fault("not-in-line", f"{offer.offer_id}: not that person's entry")
            if self._at_limit(standing):
                yield self.fault("at-limit", f"{offer.offer_id}: at the limit and served")
            if offer.prices != self.round.prices:
                yield self.fault("prices", f"{offer.offer_id}: {offer.prices}")
            exactly = Pool(set(offer.seats), Counter(offer.areas))
            wish = self.wishes[standing.wish_no]
            size = len(offer.seats) + sum(offer.areas.values())
            right = size == offer.quantity == wish.quantity
            if not right or not fits(self.hall, wish, exactly, self.round.prices):
                what = f"{offer.offer_id}: {offer.seats} {offer.areas} is not {wish}"
                yield self.fault("wish", what)

    def _sale(self) -> Iterator[Fault]:
        given = {seat for offer in self.offers for seat in offer.seats}
        for seat in self.round.to_sale & given:
            yield self.fault("sale", f"seat {seat} was offered and put on sale")
        for seat in self.round.to_sale - self.round.seats:
            yield self.fault("sale", f"seat {seat} had not been returned")

    @property
    def left(self) -> Pool:
        given: Counter[int] = Counter()
        for offer in self.offers:
            given.update(offer.areas)
        seats = set(self.round.seats).difference(*(offer.seats for offer in self.offers))
        return Pool(seats, Counter(self.round.areas) - given)

    def _at_limit(self, standing: Standing) -> bool:
        return bool(self.round.at_limit & {standing.entry_id, self.people[standing.entry_id]})

    def _first_unserved(self) -> dict[int, Standing]:
        """By wish, the first entry that got nothing."""
        first: dict[int, Standing] = {}
        for standing in self.line:
            if standing.entry_id not in self.served and not self._at_limit(standing):
                first.setdefault(standing.wish_no, standing)
        return first

    def _nobody_was_passed_over(self) -> Iterator[Fault]:
        left, prices = self.left, self.round.prices
        everything = left.plus(self.offers)
        for wish_no, standing in self._first_unserved().items():
            wish = self.wishes[wish_no]
            if not fits(self.hall, wish, everything, prices):
                continue
            ahead = [o for o in self.offers_in_order if self.place[o.entry_id] < standing]
            behind = [o for o in self.offers_in_order if self.place[o.entry_id] > standing]
            if fits(self.hall, wish, left, prices):
                what = f"{standing.entry_id} could have been served from the rest: {left}"
                yield self.fault("not-maximal", what)
            elif fits(self.hall, wish, left.plus(behind), prices):
                what = f"{standing.entry_id} could have taken places that entries behind got"
                yield self.fault("passed-over", what)
            else:
                of_ahead = [self.wishes[self.place[o.entry_id].wish_no] for o in ahead]
                better = self._seatable([*of_ahead, wish], everything)
                if better and not self._was_not_found(wish_no):
                    what = f"{standing.entry_id} could have been served beside all entries ahead"
                    yield self.fault("not-optimal", what)
                self.gave_up |= better is not False

    def _seatable(self, wishes: Sequence[Wish], pool: Pool) -> bool | None:
        if len(self.round.seats) > LARGE or self.tries["all"] > TRIES_IN_ALL:
            return None
        return seatable(self.hall, wishes, pool, self.round.prices, self.tries)

    def _was_not_found(self, wish_no: int) -> bool:
        """Whether the engine reports that its search was cut short."""
        return "not-found" in [skip.reason for skip in self.skips if skip.wish_no == wish_no]

    def _skips_are_told(self) -> Iterator[Fault]:
        expected = self.expected_skips()
        told = {skip.wish_no: skip for skip in self.skips}
        for wish_no in expected.keys() - told.keys():
            yield self.fault("skip-untold", f"wish {wish_no}: {expected[wish_no]}")
        for wish_no in told.keys() - expected.keys():
            yield self.fault("skip-untrue", f"{told[wish_no]}: nobody was skipped")
        for wish_no in told.keys() & expected.keys():
            skip = told[wish_no]
            if (skip.passed, skip.entry_id, skip.weight, skip.join_no) != expected[wish_no]:
                yield self.fault("skip-wrong", f"{skip}: it is {expected[wish_no]}")
            if not skip.detail or skip.reason not in self._reasons(wish_no):
                yield self.fault("skip-unexplained", f"{skip}")

    def _reasons(self, wish_no: int) -> tuple[str, ...]:
        """Possible reasons for not serving a wish."""
        wish, prices = self.wishes[wish_no], self.round.prices
        seats = sum(accepts_seat(self.hall, wish, n, prices) for n in self.round.seats)
        places = [
            n for no, n in self.round.areas.items() if accepts_area(self.hall, wish, no, prices)
        ]
        if fits(self.hall, wish, Pool(set(self.round.seats), Counter(self.round.areas)), prices):
            return ("needed-ahead", "not-found")
        if seats >= wish.quantity:
            return ("not-together",)
        return ("too-few", "not-together") if seats + sum(places) >= wish.quantity else ("too-few",)

    def expected_skips(self) -> dict[int, tuple[int, str, int, int]]:
        """By wish: how many entries were skipped, the first of them, and the last entry that got places
        that they would have accepted.
        """
        skips = {}
        for wish_no, first in self._first_unserved().items():
            last = next(
                (
                    self.place[offer.entry_id]
                    for offer in reversed(self.offers_in_order)
                    if self._would_take_some(self.wishes[wish_no], offer)
                ),
                None,
            )
            if last is None or last < first:
                continue
            passed = [
                standing
                for standing in self.line[: bisect_left(self.line, last)]
                if standing.wish_no == wish_no
                and standing.entry_id not in self.served
                and not self._at_limit(standing)
            ]
            skips[wish_no] = (len(passed), first.entry_id, -last.weight_down, last.join_no)
        return skips

    def _would_take_some(self, wish: Wish, offer: Offer) -> bool:
        prices = self.round.prices
        return any(accepts_seat(self.hall, wish, n, prices) for n in offer.seats) or any(
            accepts_area(self.hall, wish, no, prices) for no in offer.areas
        )


# All of it


def check(log: Log) -> Verdict:
    """Replay the whole log."""
    faults: list[Fault] = [*_numbering(log)]
    line, changes = Line(log), iter(sorted(log.changes, key=lambda change: change.change_no))
    offers, skips = _by_round(log.offers), _by_round(log.skips)
    offered: dict[int, set[str]] = defaultdict(set)
    for change in log.changes:
        if change.what == "offered":
            offered[change.round_no].add(change.entry_id)
    proved = unproved = 0
    tries: Counter[str] = Counter()
    upcoming = next(changes, None)
    for the_round in sorted(log.rounds, key=lambda r: r.round_no):
        while upcoming is not None and upcoming.round_no < the_round.round_no:
            faults += line.apply(upcoming)
            upcoming = next(changes, None)
        no = the_round.round_no
        one = _RoundCheck(log, the_round, line.ordered(), offers[no], skips[no], tries)
        faults += one.faults()
        if offered[no] != one.served:
            faults.append(one.fault("offers", f"{offered[no] ^ one.served} offered or not?"))
        proved += not one.gave_up
        unproved += one.gave_up
    while upcoming is not None:
        faults += line.apply(upcoming)
        upcoming = next(changes, None)
    faults += _ends(log, line)
    faults += _lost(log)
    faults += _one_at_a_time(log)
    return Verdict(faults, proved, unproved)


def _by_round(rows: Iterable[Any]) -> dict[int, list[Any]]:
    by_round: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        by_round[row.round_no].append(row)
    return by_round


def _numbering(log: Log) -> Iterator[Fault]:
    rounds = sorted(log.rounds, key=lambda r: r.round_no)
    for one, other in pairwise(rounds):
        if other.at < one.at:
            yield Fault("numbering", other.round_no, "is earlier than the round before")
    for one_change, other_change in pairwise(sorted(log.changes, key=lambda c: c.change_no)):
        if other_change.round_no < one_change.round_no:
            what = f"change {other_change.change_no} was written before a round that saw more"
            yield Fault("numbering", other_change.round_no, what)
    known = {r.round_no for r in rounds}
    for round_no in {row.round_no for row in log.offers} | {row.round_no for row in log.skips}:
        if round_no not in known:
            yield Fault("numbering", round_no, "no such round")


#: How an offer ended, and the change of its entry that goes with it.
_ENDS = {
    "used": {"accepted"},
    "declined": {"declined", "left"},
    "expired": {"lapsed"},
    "withdrawn": {"withdrawn", "dismissed"},
}


def _ends(log: Log, line: Line) -> Iterator[Fault]:
    """Each offer ended as its entry did, in time; an entry without an open offer is not in status offered."""
    stories: dict[str, list[Change]] = defaultdict(list)
    for change in sorted(log.changes, key=lambda c: c.change_no):
        stories[change.entry_id].append(change)
    open_entries = set()
    for offer in log.offers:
        story = stories[offer.entry_id]
        at = next(
            (
                i
                for i, c in enumerate(story)
                if c.what == "offered" and c.round_no == offer.round_no
            ),
            None,
        )
        after = story[at + 1].what if at is not None and at + 1 < len(story) else None
        if offer.status == "open":
            open_entries.add(offer.entry_id)
            wrong = after is not None
        else:
            wrong = after not in _ENDS[offer.status]
        if wrong:
            what = f"offer {offer.offer_id} is {offer.status}, its entry {after or 'unchanged'}"
            yield Fault("end", offer.round_no, what)
        yield from _in_time(offer)
    for entry_id, state in line.states.items():
        if (state == "offered") != (entry_id in open_entries):
            yield Fault(
                "end", None, f"entry {entry_id} is {state}, which contradicts its open offers"
            )


def _in_time(offer: Offer) -> Iterator[Fault]:
    ended = offer.ended_at
    if ended is None:
        return
    if offer.status == "used" and ended >= offer.expires_at:
        yield Fault("time", offer.round_no, f"offer {offer.offer_id} was accepted too late")
    if offer.status == "expired" and ended < offer.expires_at:
        yield Fault("time", offer.round_no, f"offer {offer.offer_id} expired before its time")
    if ended < offer.made_at:
        yield Fault("time", offer.round_no, f"offer {offer.offer_id} ended before it was made")


def _lost(log: Log) -> Iterator[Fault]:
    """Seats of an unused offer go to the next entry or on sale, once a round has processed them."""
    crowd, rounds = _Crowd(log), sorted(log.rounds, key=lambda r: r.at)
    given = {(offer.round_no, seat) for offer in log.offers for seat in offer.seats}
    for offer in log.offers:
        if offer.status not in ("declined", "expired", "withdrawn") or offer.ended_at is None:
            continue
        for seat in offer.seats:
            seen = next((r for r in rounds if r.at >= offer.ended_at and seat in r.seats), None)
            if seen is None or not crowd.waited(offer.ended_at, seen.at):
                continue
            if (seen.round_no, seat) not in given and seat not in seen.to_sale:
                yield Fault(
                    "lost",
                    seen.round_no,
                    f"seat {seat} of {offer.offer_id}: neither offered nor on sale",
                )


def _one_at_a_time(log: Log) -> Iterator[Fault]:
    """No person has two open offers at once, and no seat is in two."""
    by_person: dict[Any, list[Offer]] = defaultdict(list)
    by_seat: dict[Any, list[Offer]] = defaultdict(list)
    for offer in log.offers:
        by_person[offer.person_id].append(offer)
        for seat in offer.seats:
            by_seat[seat].append(offer)
    for rule, groups in (("two-offers", by_person), ("seat-in-two", by_seat)):
        for key, offers in groups.items():
            offers.sort(key=lambda offer: offer.made_at)
            for one, other in pairwise(offers):
                if one.ended_at is None or other.made_at < one.ended_at:
                    what = f"{key}: {one.offer_id} and {other.offer_id} at once"
                    yield Fault(rule, other.round_no, what)


# The history of seats


class Grip(NamedTuple):
    """Seats that a person had for a time, by Redis's clock: a hold, and the booking made from it.

    ``offer_id``: it was made from an offer. ``since`` is exact; it ended between ``ended_from`` and
    ``ended_to`` (None: it has not).
    """

    hold_id: str
    buyer_id: str
    seats: tuple[int, ...]
    since: datetime
    offer_id: str | None = None
    ended_from: datetime | None = None
    ended_to: datetime | None = None


class _History:
    """By seat: the earliest time of each return, the times it went on sale, and its offers."""

    def __init__(
        self, log: Log, grips: Iterable[Grip], freed: Iterable[tuple[int, datetime]]
    ) -> None:
        self.came_back: dict[int, list[datetime]] = defaultdict(list)
        self.sales: dict[int, list[datetime]] = defaultdict(list)
        self.offered: dict[int, list[Offer]] = defaultdict(list)
        for seat, moment in freed:
            self.came_back[seat].append(moment)
        for grip in grips:
            if grip.ended_from is not None:
                for seat in grip.seats:
                    self.came_back[seat].append(grip.ended_from)
        for the_round in log.rounds:
            for seat in the_round.to_sale:
                self.sales[seat].append(the_round.at)
        for offer in log.offers:
            for seat in offer.seats:
                self.offered[seat].append(offer)
                if offer.status in ("declined", "expired", "withdrawn"):
                    assert offer.ended_at is not None
                    self.came_back[seat].append(offer.ended_at)


def sniped(
    log: Log, grips: Sequence[Grip], freed: Iterable[tuple[int, datetime]] = ()
) -> list[Fault]:
    """Seats that a buyer got though they were returned while people waited, and no round had put them
    on sale; and seats that a person had while they were offered to another one.

    ``freed``: seats returned other than from a grip or an offer, with the earliest time.
    """
    history, crowd = _History(log, grips, freed), _Crowd(log)
    faults: list[Fault] = []
    for grip in grips:
        faults += _held_while_offered(history, grip)
        if grip.offer_id is None:
            faults += _past_the_line(history, crowd, grip)
    return faults


def _held_while_offered(history: _History, grip: Grip) -> Iterator[Fault]:
    until = grip.ended_from or grip.since
    for seat in grip.seats:
        for offer in history.offered[seat]:
            if offer.offer_id != grip.offer_id and offer.open_during(grip.since, until):
                what = f"seat {seat}: {grip} while it was offered: {offer}"
                yield Fault("held-offered", offer.round_no, what)


def _past_the_line(history: _History, crowd: "_Crowd", grip: Grip) -> Iterator[Fault]:
    for seat in grip.seats:
        back = max((m for m in history.came_back[seat] if m <= grip.since), default=None)
        if back is None or not crowd.waited(back, grip.since):
            continue
        if not any(back <= sale <= grip.since for sale in history.sales[seat]):
            what = f"seat {seat} was returned at {back.time()} and sniped: {grip}"
            yield Fault("sniped", None, what)


class _Crowd:
    """The times at which anybody waited."""

    def __init__(self, log: Log) -> None:
        line = Line(log)
        self._since: list[datetime] = []
        self._until: list[datetime] = []
        for change in sorted(log.changes, key=lambda c: (c.at, c.change_no)):
            before = len(line.standing)
            list(line.apply(change))
            if before == 0 and line.standing:
                self._since.append(change.at + _HEARS)
            if before and not line.standing:
                self._until.append(change.at)

    def waited(self, since: datetime, until: datetime) -> bool:
        """Whether somebody was waiting all the time, since a little before."""
        at = bisect_left(self._since, since) - 1
        return at >= 0 and (at >= len(self._until) or until < self._until[at])


class Move(NamedTuple):
    """How long the seats of an ended offer were left without a round, in seconds; None: they still are."""

    offer: Offer
    over: datetime
    after_s: float | None


def moves(log: Log) -> list[Move]:
    """For each unused offer while others waited: the time until a round processed its places again."""
    crowd, rounds = _Crowd(log), sorted(log.rounds, key=lambda r: r.at)
    found = []
    for offer in log.offers:
        if offer.status not in ("declined", "expired", "withdrawn") or offer.ended_at is None:
            continue
        over = min(offer.ended_at, offer.expires_at)
        last: datetime | None = offer.ended_at
        later = [r for r in rounds if r.at >= offer.ended_at]
        for seat in offer.seats:
            at = next((r.at for r in later if seat in r.seats), None)
            last = None if at is None or last is None else max(last, at)
        if offer.areas:
            # Rounds do not record places of an area that go on sale because nobody wants them.
            last = next((r.at for r in later if offer.areas.keys() <= r.areas.keys()), None)
            if last is None:
                continue
        if crowd.waited(over, last or offer.ended_at):
            found.append(Move(offer, over, None if last is None else (last - over).total_seconds()))
    return found


# Reading


async def read_log(runtime: "Runtime", event_id: str) -> Log:
    """The whole log of an event, in one snapshot."""
    facts = await runtime.catalog.facts(event_id)
    async with (
        runtime.stores.view.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):

        async def table(name: str) -> "list[asyncpg.Record]":
            # Table names are constants of this file.
            return await connection.fetch(f"SELECT * FROM {name} WHERE event_id = $1", event_id)  # noqa: S608

        wishes, entries, changes, rounds, offers, skips = [
            await table(name)
            for name in (
                "waitlist_wishes",
                "waitlist_entries",
                "waitlist_changes",
                "waitlist_rounds",
                "offers",
                "waitlist_skips",
            )
        ]
    return Log(
        Hall.of(facts.layout),
        {row["wish_no"]: _wish(row) for row in wishes},
        {str(row["entry_id"]): str(row["person_id"]) for row in entries},
        [_change(row) for row in changes],
        [_round(row) for row in rounds],
        [_offer(row) for row in offers],
        [_skip(row) for row in skips],
    )


def _wish(row: "asyncpg.Record") -> Wish:
    return Wish(
        row["quantity"],
        row["together"],
        None if row["categories"] is None else frozenset(row["categories"]),
        None if row["sections"] is None else frozenset(row["sections"]),
        row["max_amount_minor"],
    )


def _change(row: "asyncpg.Record") -> Change:
    return Change(
        row["change_no"],
        str(row["entry_id"]),
        row["what"],
        row["wish_no"],
        row["weight"],
        row["join_no"],
        row["round_no"],
        row["changed_at"],
    )


def _round(row: "asyncpg.Record") -> Round:
    return Round(
        row["round_no"],
        row["at"],
        frozenset(row["seats"]),
        {int(no): places for no, places in row["areas"].items()},
        tuple(row["prices"]),
        frozenset(row["to_sale"]),
        frozenset(map(str, row["at_limit"])),
        row["waiting"],
    )


def _offer(row: "asyncpg.Record") -> Offer:
    return Offer(
        str(row["offer_id"]),
        str(row["entry_id"]),
        str(row["person_id"]),
        row["round_no"],
        row["status"],
        tuple(row["seats"]),
        _pairs(row["areas"]),
        row["quantity"],
        tuple(int(amount) for amount in row["prices"].split(",")),
        row["made_at"],
        row["expires_at"],
        row["ended_at"],
    )


def _skip(row: "asyncpg.Record") -> Skip:
    return Skip(
        row["round_no"],
        row["wish_no"],
        row["reason"],
        row["detail"],
        row["passed"],
        str(row["entry_id"]),
        row["weight"],
        row["join_no"],
    )


def _pairs(text: str) -> dict[int, int]:
    return {int(no): int(n) for no, n in (part.split(":") for part in text.split(",") if part)}
