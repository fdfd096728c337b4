"""A simulated on-sale: thousands of buyers, and thousands of people waiting for returned seats.

Buyers and waiting people are tasks in this process, on the engine and the real stores; some use
HTTP. Everything that anybody was given is recorded with its time, by the stores' clocks, and compared
with the log of the waitlist at the end (``tests.support.waitlist_checker``).
"""

import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from engine.audit.auditor import Violation, audit
from engine.base.actor import ORGANISER
from engine.base.errors import Conflict, FrontrowError, Gone, NotFound, Unavailable
from engine.base.model import Booking, BookingStatus, Hold, new_id
from engine.runtime import Runtime
from engine.waitlist.model import Entry, Offer, Wanted
from tests.support.doors import Door
from tests.support.waitlist_checker import Grip

SECTIONS = ("Stalls", "Circle", "Balcony", "Gallery")
ROWS, SEATS_PER_ROW, FLOOR = 25, 25, 250
#: With this few places left, people begin to wait.
SOLD_OUT = 40
#: "Later" is over within this time, in s.
_PATIENCE_S = 120


def hall(*, rows: int = ROWS, floor: int = FLOOR) -> dict[str, Any]:
    """Four sections of 25 seats a row, the first two in category Front; and a floor."""
    return {
        "format": "frontrow/1",
        "name": "Hall",
        "size": {"width": 1600, "height": 120 + 50 * rows + 200},
        "categories": [
            {"name": "Front", "color": "#0072b2"},
            {"name": "Back", "color": "#e69f00"},
        ],
        "sections": [
            {
                "name": name,
                "position": {"x": 760 * (at % 2), "y": (25 * rows + 60) * (at // 2)},
                "rows": [_row(row, "Front" if at < 2 else "Back") for row in range(rows)],
            }
            for at, name in enumerate(SECTIONS)
        ],
        "areas": [
            {
                "name": "Floor",
                "category": "Back",
                "capacity": floor,
                "shape": {
                    "type": "rectangle",
                    "x": 20,
                    "y": 120 + 50 * rows,
                    "width": 200,
                    "height": 100,
                },
            }
        ],
    }


def _row(row: int, category: str) -> dict[str, Any]:
    return {
        "label": f"R{row + 1}",
        "seats": [
            {"number": str(n + 1), "x": 20 + 25 * n, "y": 20 + 25 * row, "category": category}
            for n in range(SEATS_PER_ROW)
        ],
    }


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(eq=False)
class Held:
    """Seats that a person was given, and their outcome. See ``tests.support.waitlist_checker.Grip``."""

    person: str
    hold: Hold
    since: datetime
    offer_id: str | None = None
    ended_from: datetime | None = None
    #: In payment, or paid: a loss of Redis does not end it.
    bought: bool = False
    booking_id: str | None = None

    def grip(self) -> Grip:
        return Grip(
            self.hold.hold_id,
            self.person,
            tuple(seat.seat_no for seat in self.hold.seats),
            self.since,
            self.offer_id,
            self.ended_from,
        )


class Book:
    """Everything that anybody was given."""

    def __init__(self, hold_ttl_s: int) -> None:
        self._hold_ttl = timedelta(seconds=hold_ttl_s)
        self.held: list[Held] = []
        #: Seats that were returned in other ways, with the earliest time.
        self.freed: list[tuple[int, datetime]] = []
        #: Seats that were just returned, for snipers who try to be faster than the waitlist.
        self.fresh: list[int] = []

    def note(self, person: str, hold: Hold, offer_id: str | None = None) -> Held:
        # Redis counts in milliseconds: it was given within the millisecond that has begun then.
        since = hold.expires_at - self._hold_ttl + timedelta(milliseconds=1)
        held = Held(person, hold, since, offer_id, hold.expires_at)
        self.held.append(held)
        return held

    def comes_back(self, held: Held, at: datetime) -> None:
        held.ended_from = at
        self.fresh += [seat.seat_no for seat in held.hold.seats]
        del self.fresh[:-200]

    def redis_dies(self) -> None:
        """Seats that are only held are lost from now on."""
        at = now()
        for held in self.held:
            if not held.bought and held.ended_from is not None and held.ended_from > at:
                held.ended_from = at


class Stalls:
    """Stalls of this machine, as measured by a process that needs little time, often."""

    #: Ten milliseconds of work, four times a second; the excess is time that everybody has waited.
    _METRONOME = (
        "import time\n"
        "while True:\n"
        " at, until = time.time(), time.process_time() + 0.01\n"
        " while time.process_time() < until: pass\n"
        " took = time.time() - at\n"
        " time.sleep(max(0.0, 0.25 - took))\n"
        " if took > 0.02: print(at, (1 - 0.01 / took) * (time.time() - at), flush=True)\n"
    )

    def __init__(self) -> None:
        self.times: list[tuple[datetime, timedelta]] = []
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Stalls":
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", self._METRONOME, stdout=asyncio.subprocess.PIPE
        )
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._reading is not None
        self._process.kill()
        await self._process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            began, late_s = map(float, line.split())
            self.note(datetime.fromtimestamp(began, UTC), late_s)

    def note(self, began: datetime, seconds: float) -> None:
        self.times.append((began, timedelta(seconds=seconds)))

    @contextmanager
    def outage(self) -> Iterator[None]:
        """A process killed within the block excuses delays during that time."""
        began = now()
        yield
        self.note(began, (now() - began).total_seconds())

    def within(self, since: datetime, until: datetime) -> float:
        """Seconds of stall between two moments."""
        total = timedelta()
        for began, lasted in self.times:
            overlap = min(until, began + lasted) - max(since, began)
            total += max(timedelta(), overlap)
        return total.total_seconds()


class Sale:
    """One event's on-sale: state shared by all its people."""

    def __init__(
        self, runtime: Runtime, event_id: str, *, hold_ttl_s: int, offer_window_s: int, seed: int
    ) -> None:
        self.runtime = runtime
        self.event_id = event_id
        self.offer_window_s = offer_window_s
        self.book = Book(hold_ttl_s)
        self.random = random.Random(seed)
        #: Counts of answers, for the report.
        self.counts: Counter[str] = Counter()
        #: Answers that no person should ever get.
        self.surprises: list[str] = []
        #: Queues of waiting people, by person: offers are put there, and "" at the end.
        self.inboxes: dict[str, asyncio.Queue[str]] = {}
        #: People whose offers the organiser does not take back.
        self.spared: set[str] = set()
        self.began = time.monotonic()
        self.timeline: list[str] = []
        self._delivered: set[str] = set()
        self._closing = asyncio.Event()
        self.sold_out = asyncio.Event()
        self._map: tuple[bytearray, int] = (bytearray(), 0)
        self._map_read = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    def mark(self, what: str) -> None:
        self.timeline.append(f"{what} {time.monotonic() - self.began:.1f} s")

    def close(self) -> None:
        self._closing.set()
        for inbox in self.inboxes.values():
            inbox.put_nowait("")

    async def over_within(self, seconds: float) -> bool:
        """Wait this long. Returns whether the on-sale is over by then."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        return self._closing.is_set()

    async def insist(self, what: str, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Repeat a request until the answer is not "later". Refusals are returned, not raised."""
        patience = time.monotonic() + _PATIENCE_S
        while True:
            try:
                answer = await ask()
            except Unavailable as error:
                if time.monotonic() > patience:
                    raise
                self.counts[f"{what}: {error.code}"] += 1
                await asyncio.sleep(self.random.uniform(0.05, 0.3))
                continue
            except FrontrowError as error:
                self.counts[f"{what}: {error.code}"] += 1
                return error
            self.counts[what] += 1
            return answer

    async def shown(self) -> tuple[bytearray, int]:
        """The map and the places of the floor, on a page that is refreshed ten times a second. A person
        about to take a seat marks it there, so that not all choose the same one.
        """
        if time.monotonic() - self._map_read > 0.1:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read_map())
            await asyncio.shield(self._reading)
        return self._map

    async def _read_map(self) -> None:
        snapshot = await self.insist(
            "map", lambda: self.runtime.live.reading.snapshot(self.event_id)
        )
        self._map = bytearray(snapshot.states), snapshot.areas[0]
        self._map_read = time.monotonic()
        if snapshot.states.count(b"0") + snapshot.areas[0] <= SOLD_OUT:
            self.sold_out.set()

    async def post(self) -> None:
        """Delivers offers to people."""
        while not await self.over_within(0.05):
            rows = await self.insist("post", self._open_offers)
            for offer_id, person in rows:
                if offer_id not in self._delivered and person in self.inboxes:
                    self._delivered.add(offer_id)
                    self.inboxes[person].put_nowait(offer_id)

    async def _open_offers(self) -> list[tuple[str, str]]:
        async with self.runtime.stores.view.connection() as connection:
            rows = await connection.fetch(
                "SELECT offer_id::text, person_id::text FROM offers"
                " WHERE event_id = $1 AND status = 'open'",
                self.event_id,
            )
        return [(row["offer_id"], row["person_id"]) for row in rows]

    async def audited(self, found: list[Violation], stalls: Stalls) -> None:
        """Audits all the time. Lateness during a stall of the machine is not counted."""
        while not await self.over_within(1.0):
            began = now()
            try:
                seen = await audit(self.runtime.audit, self.event_id)
            except Unavailable:
                continue
            stalled_s = stalls.within(began - timedelta(seconds=5), now())
            self.counts["audits"] += 1
            found += [v for v in seen if "overdue" not in v.what or stalled_s < 0.5]


class Buyer:
    """Buys, or does not."""

    def __init__(self, sale: Sale, door: Door) -> None:
        self.sale = sale
        self.door = door
        self.random = sale.random

    async def come(self, arrives_s: float, *, tries: int = 4) -> None:
        """Comes, looks at the map, takes free seats, or comes again a few times."""
        if await self.sale.over_within(arrives_s):
            return
        person = await self.sale.insist("person", self.door.person)
        for _ in range(tries):
            held = await self._try(person)
            if held is not None:
                await self.use(held, buys=0.7)
                return
            if await self.sale.over_within(self.random.uniform(0.2, 3)):
                return

    async def snipe(self) -> None:
        """Does not look at maps: tries seats that were just returned, again and again."""
        while not await self.sale.over_within(self.random.uniform(0.01, 0.1)):
            if not self.sale.book.fresh:
                continue
            person = await self.sale.insist("person", self.door.person)
            held = await self.hold(person, [self.random.choice(self.sale.book.fresh)])
            if held is not None:
                self.sale.counts["sniper held"] += 1
                await self.use(held, buys=0.3)

    async def _try(self, person: str) -> Held | None:
        states, floor = await self.sale.shown()
        seats = self._pick(states)
        if seats:
            return await self.hold(person, seats)
        if floor:
            return await self.hold(person, [], floor=min(floor, self.random.randint(1, 3)))
        return None

    def _pick(self, states: bytearray) -> list[int]:
        """A few free seats beside each other, or any free ones."""
        start = self.random.randrange(len(states))
        for size in range(self.random.randint(1, 4), 0, -1):
            at = max(states.find(b"0" * size, start), states.find(b"0" * size))
            if at >= 0:
                states[at : at + size] = b"1" * size
                return list(range(at, at + size))
        return []

    async def hold(self, person: str, seats: Sequence[int], *, floor: int = 0) -> Held | None:
        hold_id, areas = new_id(), {0: floor} if floor else {}
        answer = await self.sale.insist(
            "hold", lambda: self.door.hold(person, hold_id, seats, areas)
        )
        if isinstance(answer, Hold):
            return self.sale.book.note(person, answer)
        if not isinstance(answer, Conflict):
            self.sale.surprises.append(f"hold of {seats}: {answer!r}")
        return None

    async def use(self, held: Held, *, buys: float) -> None:
        """What people do with their hold."""
        chance = self.random.random()
        if chance < buys:
            await asyncio.sleep(self.random.uniform(0, 0.5))
            regrets = await self.pay(held) and self.random.random() < 0.4
            if regrets and not await self.sale.over_within(self.random.uniform(0.5, 6)):
                await self.cancel(held)
        elif chance < buys + (1 - buys) / 2:
            await asyncio.sleep(self.random.uniform(0, 2))
            await self._release(held)
        else:
            self.sale.counts["forgot a hold"] += 1

    async def pay(self, held: Held) -> bool:
        """Pay. Returns whether there is a confirmed booking."""
        held.bought, held.ended_from = True, None
        key = new_id()
        answer = await self.sale.insist(
            "book", lambda: self.door.book(held.person, held.hold.hold_id, key)
        )
        if isinstance(answer, Booking):
            held.booking_id = answer.booking_id
            return answer.status == BookingStatus.CONFIRMED
        # It had expired, or was lost with Redis; the exact time is not known here.
        if not isinstance(answer, Gone | NotFound | Conflict):
            self.sale.surprises.append(f"book: {answer!r}")
        return False

    async def cancel(self, held: Held) -> None:
        booking_id, at = held.booking_id or "", now()
        answer = await self.sale.insist("cancel", lambda: self.door.cancel(held.person, booking_id))
        if isinstance(answer, Booking):
            self.sale.book.comes_back(held, at)
        else:
            self.sale.surprises.append(f"cancel: {answer!r}")

    async def _release(self, held: Held) -> None:
        at = now()
        answer = await self.sale.insist(
            "release", lambda: self.door.release(held.person, held.hold.hold_id)
        )
        if answer is None and held.ended_from is not None and at < held.ended_from:
            self.sale.book.comes_back(held, at)


class Waiter(Buyer):
    """Waits for seats to be returned."""

    async def come(self, arrives_s: float, *, tries: int = 3) -> None:
        """Joins, waits, answers an offer or not; may join again. ``arrives_s``: seconds after the house is
        sold out.
        """
        await self.sale.sold_out.wait()
        if await self.sale.over_within(arrives_s):
            return
        person = await self.sale.insist("person", self.door.person)
        inbox = self.sale.inboxes[person] = asyncio.Queue()
        for _ in range(tries):
            if await self.sale.over_within(0):
                return
            while (entry := await self._join(person)) is None:
                if await self.sale.over_within(self.random.uniform(0.5, 3)):
                    return
            offer_id = await self._until_offered(entry, person, inbox)
            if offer_id is None or not await self._answer(offer_id, person):
                return

    def _wish(self) -> Wanted:
        chance, choice = self.random.random, self.random.choice
        sections = self.random.sample([*SECTIONS, "Floor"], self.random.randint(1, 3))
        return Wanted(
            quantity=self.random.choices([1, 2, 3, 4], [4, 5, 1, 2])[0],
            together=chance() < 0.8,
            categories=choice([["Front"], ["Back"]]) if chance() < 0.4 else [],
            sections=sections if chance() < 0.3 else [],
            max_price=choice([3000, 4000, 5000]) if chance() < 0.4 else None,
        )

    async def _join(self, person: str) -> Entry | None:
        """Join. Returns the entry; None while there is nothing to wait for."""
        states, floor = await self.sale.shown()
        if states.count(b"0") + floor > SOLD_OUT:
            return None
        wanted = self._wish()
        answer = await self.sale.insist("join", lambda: self.door.join(person, wanted))
        if isinstance(answer, Entry):
            return answer
        if not isinstance(answer, Conflict):
            self.sale.surprises.append(f"join for {wanted}: {answer!r}")
        return None

    async def _until_offered(
        self, entry: Entry, person: str, inbox: "asyncio.Queue[str]"
    ) -> str | None:
        """The offer; None: left, or all is over. Some lose patience once, and leave or change their wish."""
        if self.random.random() < 0.2:
            if await self.sale.over_within(self.random.uniform(0.5, 15)):
                return None
            if inbox.empty() and self.random.random() < 0.5:
                await self.sale.insist("leave", lambda: self.door.leave(person, entry.entry_id))
                return None
            if inbox.empty():
                wanted = self._wish()
                await self.sale.insist("change", lambda: self.door.change(person, entry, wanted))
        return await inbox.get() or None

    async def _answer(self, offer_id: str, person: str) -> bool:
        """Answer an offer. Returns whether to join again."""
        chance = self.random.random()
        if chance < 0.3:
            self.sale.counts["did not answer"] += 1
            return await self._comes_again()
        # Some at the very last moment.
        share = self.random.choice([0.0, 0.1, 0.2, 0.5, 0.9, 0.95, 1.0])
        await asyncio.sleep(share * self.sale.offer_window_s)
        if chance < 0.5:
            answer = await self.sale.insist("decline", lambda: self.door.decline(person, offer_id))
            if not isinstance(answer, Offer | Gone):
                self.sale.surprises.append(f"decline: {answer!r}")
            return await self._comes_again()
        answer = await self.sale.insist("accept", lambda: self.door.accept(person, offer_id))
        if isinstance(answer, Hold):
            await self.use(self.sale.book.note(person, answer, offer_id), buys=0.6)
        elif not isinstance(answer, Gone | NotFound):
            # NotFound: the hold made of the offer was lost with Redis.
            self.sale.surprises.append(f"accept: {answer!r}")
        return False

    async def _comes_again(self) -> bool:
        # Wait until the offer is surely over, also without an answer.
        return self.random.random() < 0.3 and not await self.sale.over_within(
            self.sale.offer_window_s + 1
        )


class Undecided(Waiter):
    """A person with a long offer window who does not answer yet."""

    async def offered(self, seats: Sequence[int], *, window_s: int) -> str:
        """The offer's id, once it exists. ``seats``, of the first section, were blocked and are given
        back for it: a few, as other entries may have been promoted too.
        """
        sale, person = self.sale, await self.door.person()
        inbox = sale.inboxes[person] = asyncio.Queue()
        sale.spared.add(person)
        organiser = Organiser(sale)
        await organiser.set_window(window_s)
        while (entry := await self._join(person)) is None:
            await asyncio.sleep(0.1)
        await organiser.promote(entry.entry_id)
        await organiser.give_back(seats)
        offer_id = await inbox.get()
        await organiser.set_window(sale.offer_window_s)
        return offer_id

    def _wish(self) -> Wanted:
        return Wanted(quantity=1, sections=[SECTIONS[0]])


class Subscribers(Buyer):
    """People with six seats each before the on-sale begins; some give them back."""

    def __init__(self, sale: Sale, door: Door) -> None:
        super().__init__(sale, door)
        self._bookings: list[Held] = []

    async def buy(self, seats: Sequence[int]) -> None:
        parts = iter([seats[at : at + 6] for at in range(0, len(seats), 6)])
        await asyncio.gather(*(self._one_by_one(parts) for _ in range(20)))

    async def _one_by_one(self, parts: Iterator[Sequence[int]]) -> None:
        for part in parts:
            held = await self.hold(new_id(), part)
            assert held is not None
            assert await self.pay(held)
            self._bookings.append(held)

    async def cancel_some(self, lasts_s: float) -> None:
        """Every third booking is cancelled, one after the other."""
        regretted = self._bookings[::3]
        await self.sale.sold_out.wait()
        for held in regretted:
            if await self.sale.over_within(lasts_s / len(regretted)):
                return
            await self.cancel(held)


class Organiser:
    """Unblocks seats, and changes the waitlist."""

    def __init__(self, sale: Sale) -> None:
        self.sale = sale

    async def unblock(self, seats: Sequence[int]) -> None:
        """Unblocks seats, a few at a time."""
        for at in range(0, len(seats), 10):
            if await self.sale.over_within(1.0):
                return
            await self.give_back(seats[at : at + 10])

    async def give_back(self, seats: Sequence[int]) -> None:
        book = self.sale.book
        book.freed += [(n, now()) for n in seats]
        await self.sale.insist(
            "unblock",
            lambda: self.sale.runtime.events.blocks.unblock(
                self.sale.event_id, seats, actor=ORGANISER
            ),
        )
        book.fresh += seats

    async def meddle(self) -> None:
        """Promotes the last entry, and withdraws the latest offer, now and then."""
        offers = self.sale.runtime.waitlist.offers
        while not await self.sale.over_within(1.5):
            entry_id, offer_id = await self.sale.insist("look", self._last)
            if entry_id:
                await self.promote(entry_id)
            if offer_id:
                withdraw = partial(offers.withdraw, offer_id, reason="a mistake", actor=ORGANISER)
                await self.sale.insist("withdraw", withdraw)

    async def promote(self, entry_id: str) -> None:
        promote = self.sale.runtime.waitlist.admin.promote
        await self.sale.insist(
            "promote",
            lambda: promote(self.sale.event_id, entry_id, reason="an old friend", actor=ORGANISER),
        )

    async def set_window(self, offer_window_s: int) -> None:
        """Set the offer window for later offers."""
        desk, event_id = self.sale.runtime.waitlist.admin, self.sale.event_id
        version = (await desk.summary(event_id)).version
        await desk.set_terms(event_id, offer_window_s=offer_window_s, version=version)

    async def _last(self) -> tuple[str | None, str | None]:
        async with self.sale.runtime.stores.view.connection() as connection:
            entry_id = await connection.fetchval(
                "SELECT entry_id::text FROM waitlist_entries WHERE event_id = $1"
                " AND status = 'waiting' AND weight < 1023 ORDER BY join_no DESC LIMIT 1",
                self.sale.event_id,
            )
            offer_id = await connection.fetchval(
                "SELECT offer_id::text FROM offers WHERE event_id = $1 AND status = 'open'"
                " AND person_id <> ALL ($2::uuid[]) ORDER BY made_at DESC LIMIT 1",
                self.sale.event_id,
                list(self.sale.spared),
            )
        return entry_id, offer_id
