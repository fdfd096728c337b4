"""Failures in and around a round of the waitlist are forced, at the exact step.

One seat is returned to a waitlist; whatever dies, stalls or interferes, it belongs to one person at a
time, in waitlist order, and to nobody else before the waitlist has declined it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import pytest_asyncio

from engine.audit.auditor import audit
from engine.base.actor import ORGANISER
from engine.base.errors import Conflict, Gone, SeatUnavailable, Unavailable
from engine.base.model import Hold, new_id
from engine.live.keys import base_key
from engine.runtime import Runtime
from engine.waitlist.model import Contact, Entry, Offer, OfferStatus, Wanted
from tests.conftest import House
from tests.support.proxy import Catch
from tests.support.site import Site
from tests.support.waitlist_checker import check, read_log

pytestmark = pytest.mark.adversity

SEATS = 25
#: Time limit for each step, in s.
SOON_S = 60.0


@dataclass
class Line:
    """A house in which each seat is a hold of its own, and people who wait for one seat each."""

    site: Site
    house: House
    keeper: str
    holds: list[str]
    people: list[str]
    entries: list[Entry]

    @property
    def runtime(self) -> Runtime:
        return self.house.runtime

    @property
    def event_id(self) -> str:
        return self.house.event_id

    async def join(self, person: str, *, quantity: int = 1) -> Entry:
        wanted = Wanted(quantity=quantity, sections=["Stalls"])
        entry, _ = await self.runtime.waitlist.entries.join(
            self.event_id, person, wanted, Contact()
        )
        return entry

    async def free(self, *seats: int) -> None:
        for seat in seats:
            await self.runtime.holds.release(self.holds[seat], self.keeper)

    async def offers(self) -> list[Any]:
        """All offers so far, in order."""
        return await self.fetch(
            "SELECT *, offer_id::text, person_id::text FROM offers WHERE event_id = $1 ORDER BY made_at"
        )

    async def fetch(self, sql: str) -> list[Any]:
        async with self.runtime.stores.view.connection() as connection:
            rows: list[Any] = await connection.fetch(sql, self.event_id)
        return rows

    async def execute(self, sql: str, *more: object) -> None:
        async with self.runtime.stores.view.connection() as connection:
            await connection.execute(sql, self.event_id, *more)

    async def offered(self, number: int, *, ended: bool = False) -> str:
        """Wait until a person (by number) has an offer, open or ended. Returns its id."""
        person = self.people[number]
        while True:
            for offer in await self.offers():
                if offer["person_id"] == person and (ended or offer["status"] == "open"):
                    return str(offer["offer_id"])
            await asyncio.sleep(0.02)

    async def digit(self, seat: int) -> str:
        """A seat's digit in Redis, read without a script."""
        key = f"{base_key(self.event_id)}:seats"
        digit: bytes = await self.runtime.stores.redis.call("GETRANGE", key, seat, seat)
        return digit.decode()

    async def nobody_gets(self, seat: int) -> None:
        with pytest.raises(SeatUnavailable):
            await self.house.hold(new_id(), seat)

    async def judge(self) -> None:
        """Check at the end: the log, the auditor, and one person per seat."""
        end = time.monotonic() + SOON_S
        while violations := await audit(self.runtime.audit, self.event_id, quiet=True):
            assert time.monotonic() < end, violations
            await asyncio.sleep(0.1)
        verdict = check(await read_log(self.runtime, self.event_id))
        assert verdict.faults == [], str(verdict)


@asynccontextmanager
async def soon(seconds: float = SOON_S) -> AsyncIterator[None]:
    async with asyncio.timeout(seconds):
        yield


MakeLine = Callable[..., Awaitable[Line]]


@pytest_asyncio.fixture(loop_scope="session")
async def make_line(site: Site) -> AsyncIterator[MakeLine]:
    made: list[Line] = []

    async def make(*, people: int = 2, window_s: int = 600) -> Line:
        house = await site.house(rows=1, floor=1, buyer_limit=SEATS + 1)
        keeper = new_id()
        await house.hold(keeper, floor=1)
        holds = [(await house.hold(keeper, seat)).hold_id for seat in range(SEATS)]
        line = Line(site, house, keeper, holds, [new_id() for _ in range(people)], [])
        for person in line.people:
            line.entries.append(await line.join(person))
        await line.execute("UPDATE waitlists SET offer_window_s = $2 WHERE event_id = $1", window_s)
        made.append(line)
        return line

    yield make
    # A later test catches the next round: it must not be one of this event.
    for line in made:
        await line.execute("UPDATE events SET status = 'paused' WHERE event_id = $1")


async def test_a_returned_seat_is_offered_to_each_entry_in_turn(make_line: MakeLine) -> None:
    """Without any failure."""
    line = await make_line(people=3)
    await line.free(0)
    async with soon():
        await line.nobody_gets(0)
        first = await line.offered(0)
        assert await line.digit(0) == "4"
        await line.runtime.waitlist.offers.decline(first, line.people[0])
        await line.nobody_gets(0)
        hold = await line.runtime.waitlist.offers.accept(await line.offered(1), line.people[1])
        assert [seat.seat_no for seat in hold.seats] == [0]
        again = await line.runtime.waitlist.offers.accept(hold.hold_id, line.people[1])
        assert again == hold
        await line.house.book(line.people[1], hold)
    await line.judge()


# An interrupted round


async def test_a_seat_is_offered_once_after_a_kill_between_claim_and_commit(
    site: Site, make_line: MakeLine
) -> None:
    line = await make_line()
    writing = await site.catch("worker", "waitlist.write_round")
    await line.free(0)
    await writing.wait()
    assert await line.digit(0) == "4"
    site.kill("worker")
    writing.drop()
    assert await line.offers() == []
    await line.nobody_gets(0)
    await site.start("worker")
    async with soon():
        await line.offered(0)
    assert [o["person_id"] for o in await line.offers()] == line.people[:1]
    await line.judge()


async def test_an_offer_is_delivered_after_a_kill_between_commit_and_publication(
    site: Site, make_line: MakeLine
) -> None:
    line = await make_line()
    telling = await site.catch("worker", "lay_offers", unsent=True)
    await line.free(0)
    await telling.wait()
    site.kill("worker")
    telling.drop()
    (offer,) = await line.offers()
    assert offer["status"] == "open"
    await line.nobody_gets(0)
    await site.start("worker")
    wanted_ms = offer["expires_at"].timestamp() * 1000
    async with soon():
        # The claim was short-lived; now Redis has the offer's deadline.
        while abs(await _deadline_ms(line, offer["offer_id"]) - wanted_ms) > 1:
            await asyncio.sleep(0.05)
        await line.nobody_gets(0)
        await line.runtime.waitlist.offers.accept(offer["offer_id"], line.people[0])
    assert len(await line.offers()) == 1
    await line.judge()


async def _deadline_ms(line: Line, offer_id: str) -> int:
    """Until when Redis keeps the seats of an offer."""
    key = f"{base_key(line.event_id)}:hold:{offer_id}"
    return int(await line.runtime.stores.redis.call("HGET", key, "expires") or 0)


async def test_a_seat_is_offered_once_if_a_worker_stalls_between_claim_and_commit(
    site: Site, make_line: MakeLine
) -> None:
    """It stalls longer than the claim is valid, and another worker runs a round meanwhile."""
    line = await make_line()
    writing = await site.catch("worker", "waitlist.write_round")
    await line.free(0)
    await writing.wait()
    async with site.paused("worker"):
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            await _a_turn(line.runtime, line.event_id)
            await line.nobody_gets(0)
        writing.deliver()
    async with soon():
        offer_id = await line.offered(0)
        await line.nobody_gets(0)
        await line.runtime.waitlist.offers.accept(offer_id, line.people[0])
    assert len(await line.offers()) == 1
    await line.judge()


async def _a_turn(runtime: Runtime, event_id: str) -> None:
    """One pass of a worker's steps, in this process."""
    acts: list[Callable[[], Awaitable[int]]] = [
        partial(runtime.expiring.expire, event_id),
        runtime.waitlist.offers.lapse,
        partial(runtime.waitlist.rounds.serve, event_id),
    ]
    for act in acts:
        try:
            async with asyncio.timeout(1):
                await act()
        except (Unavailable, TimeoutError):
            continue


async def test_simultaneous_rounds_offer_each_seat_once(site: Site, make_line: MakeLine) -> None:
    line = await make_line(people=3)
    writing = await site.catch("worker", "waitlist.write_round")
    await line.free(0)
    await writing.wait()
    # The worker is in the middle of a round; nobody else begins another one, or waits.
    async with asyncio.timeout(30):
        assert await line.runtime.waitlist.rounds.run_round(line.event_id) == 0
    writing.deliver()
    async with soon():
        await line.offered(0)
    # And many at once, each with a seat more to give.
    await line.free(1)
    await asyncio.gather(*(line.runtime.waitlist.rounds.run_round(line.event_id) for _ in range(5)))
    async with soon():
        await line.offered(1)
    assert [o["person_id"] for o in await line.offers()] == line.people[:2]
    await line.judge()


async def test_a_join_during_a_round_is_part_of_the_next_one(
    site: Site, make_line: MakeLine
) -> None:
    line = await make_line(people=1)
    writing = await site.catch("worker", "waitlist.write_round")
    await line.free(0, 1)
    await writing.wait()
    late = new_id()
    joining = asyncio.create_task(line.join(late))
    await asyncio.sleep(0.2)
    assert not joining.done(), "the waitlist does not change during a round"
    writing.deliver()
    line.people.append(late)
    # Nobody got seat 1 in that round, and it is on sale or offered to the next entry by now.
    (answer,) = await asyncio.gather(joining, return_exceptions=True)
    if isinstance(answer, Conflict):
        await line.house.hold(late, 1)
    else:
        async with soon():
            await line.offered(1)
    await line.judge()


async def test_a_late_release_to_sale_releases_nothing(site: Site, make_line: MakeLine) -> None:
    """Nobody wanted the seat, and the worker stalls before putting it on sale; by then it is offered."""
    line = await make_line(people=0)
    await line.join(new_id(), quantity=2)
    selling = await site.catch("worker", "sell", unsent=True)
    await line.free(0)
    await selling.wait()
    for _ in range(2):
        line.people.append(new_id())
        await line.join(line.people[-1])
    assert await line.runtime.waitlist.rounds.run_round(line.event_id) == 1
    await line.runtime.waitlist.offers.decline(await line.offered(0), line.people[0])
    sniping = asyncio.create_task(_sniped(line, 0))
    selling.deliver()
    async with soon():
        await line.offered(1)
    sniping.cancel()
    await asyncio.wait([sniping])
    assert sniping.cancelled(), "a buyer got it past the waitlist"
    await line.judge()


async def _sniped(line: Line, seat: int) -> Hold:
    """Try to hold a seat until that succeeds."""
    while True:
        try:
            return await line.house.hold(new_id(), seat)
        except SeatUnavailable:
            await asyncio.sleep(0.002)


# Redis is lost, or rebuilt


async def test_a_seat_is_offered_once_if_redis_is_lost_between_claim_and_commit(
    site: Site, make_line: MakeLine
) -> None:
    line = await make_line()
    writing = await site.catch("worker", "waitlist.write_round")
    await line.free(0)
    await writing.wait()
    site.redis.kill()
    await site.redis.start()
    looking = asyncio.create_task(_looked(line))
    await asyncio.sleep(0.3)
    writing.deliver()
    async with soon():
        offer_id = await line.offered(0)
        assert (await looking)[0] == "1"
        await line.nobody_gets(0)
        await line.runtime.waitlist.offers.accept(offer_id, line.people[0])
    await line.judge()


async def _looked(line: Line) -> str:
    while True:
        try:
            return await line.house.states()
        except Unavailable:
            await asyncio.sleep(0.05)


async def test_a_rebuild_waits_for_the_round(site: Site, make_line: MakeLine) -> None:
    line = await make_line()
    writing = await site.catch("worker", "waitlist.write_round")
    await line.free(0)
    await writing.wait()
    await line.runtime.stores.redis.client.flushall()
    looking = asyncio.create_task(line.house.states())
    await asyncio.sleep(0.3)
    assert not looking.done(), "the state to load is being decided"
    writing.deliver()
    async with soon():
        assert (await looking)[0] == "1"
        await line.nobody_gets(0)
        await line.offered(0)
    await line.judge()


async def test_open_offers_survive_the_loss_of_redis(site: Site, make_line: MakeLine) -> None:
    line = await make_line(people=3)
    await line.free(0)
    async with soon():
        offer_id = await line.offered(0)
    before = await line.runtime.waitlist.offers.read(offer_id)
    site.redis.kill()
    await site.redis.start()
    await _looked(line)
    assert await line.digit(0) == "4"
    await line.nobody_gets(0)
    assert await line.runtime.waitlist.offers.read(offer_id) == before
    expires_ms = await _deadline_ms(line, offer_id)
    assert abs(expires_ms - before.expires_at.timestamp() * 1000) <= 1
    # All held seats were returned by the loss, and go to the waitlist before anybody gets them.
    async with soon():
        await line.offered(1)
        await line.offered(2)
        hold = await line.runtime.waitlist.offers.accept(offer_id, line.people[0])
    assert [seat.seat_no for seat in hold.seats] == [0]
    await line.judge()


async def test_a_released_seat_goes_to_the_next_entry_after_a_loss_of_redis_too(
    site: Site, make_line: MakeLine
) -> None:
    """A person who accepted and released has nothing any more, though PostgreSQL missed the release."""
    line = await make_line(people=3)
    await line.free(0)
    async with soon():
        hold = await line.runtime.waitlist.offers.accept(await line.offered(0), line.people[0])
        await line.runtime.holds.release(hold.hold_id, line.people[0])
        offer_id = await line.offered(1)
    await line.runtime.stores.redis.client.flushall()
    await _looked(line)
    owner = await line.runtime.stores.redis.call("HGET", f"{base_key(line.event_id)}:owners", "0")
    assert owner.decode() == offer_id
    await line.runtime.waitlist.offers.accept(offer_id, line.people[1])
    await line.judge()


# Two answers at once


async def test_an_accept_and_a_lapse_at_one_instant_have_one_outcome(make_line: MakeLine) -> None:
    """Twenty times around the deadline: the seat goes to the person or to the next one, never to both or neither."""
    line = await make_line(people=20, window_s=1)
    told: list[str] = []
    await line.free(*range(10))

    async def answer(number: int) -> None:
        async with asyncio.timeout(90):
            offer_id = await line.offered(number, ended=True)
        offer = await line.runtime.waitlist.offers.read(offer_id)
        # From a little before to a little after.
        at = offer.expires_at.timestamp() + (number - 10) / 1000
        await asyncio.sleep(max(0.0, at - time.time()))
        try:
            hold = await line.runtime.waitlist.offers.accept(offer_id, line.people[number])
        except Gone:
            told.append("late")
        else:
            told.append("held")
            assert (await line.runtime.holds.read(offer_id, line.people[number])) == hold

    await asyncio.gather(*(answer(n) for n in range(20)))
    ended = [o["status"] for o in await line.offers()]
    async with soon():
        while "open" in ended:
            await asyncio.sleep(0.1)
            ended = [o["status"] for o in await line.offers()]
    assert ended.count("used") == told.count("held")
    assert ended.count("expired") == told.count("late")
    await line.judge()


@pytest.mark.parametrize("first", ["accept", "decline", "lapse"])
async def test_the_first_end_of_an_offer_counts(
    site: Site, make_line: MakeLine, first: str
) -> None:
    """All end it at once, and the first is still under way when the others come."""
    line = await make_line(people=2)
    await line.free(0)
    async with soon():
        offer_id = await line.offered(0)
    api, person = line.runtime.waitlist.offers, line.people[0]
    if first == "lapse":
        lapsing = await _lapsed_unheard(site, line, offer_id)
        with pytest.raises(Gone):
            await api.accept(offer_id, person)
        with pytest.raises(Gone):
            await api.decline(offer_id, person)
        lapsing.deliver()
        expected = OfferStatus.EXPIRED
    else:
        answers = await asyncio.gather(
            getattr(api, first)(offer_id, person),
            api.decline(offer_id, person),
            api.withdraw(offer_id, reason="a mistake", actor=ORGANISER),
            api.accept(offer_id, person),
            return_exceptions=True,
        )
        good = [a for a in answers if isinstance(a, Hold | Offer)]
        assert good, answers
        assert all(isinstance(a, Hold | Offer | Gone) for a in answers), answers
        expected = (await api.read(offer_id)).status
    statuses = [o["status"] for o in await line.offers() if o["offer_id"] == offer_id]
    assert statuses == [expected]
    if expected in (OfferStatus.EXPIRED, OfferStatus.DECLINED):
        async with soon():
            await line.offered(1)
    await line.judge()


async def _lapsed_unheard(site: Site, line: Line, offer_id: str) -> Catch:
    """Let its time pass; the worker has ended the offer, and has not got the answer yet."""
    while True:
        lapsing = await site.catch("worker", "waitlist.end_offer")
        await line.execute(
            "UPDATE offers SET expires_at = clock_timestamp() WHERE event_id = $1 AND offer_id = $2",
            offer_id,
        )
        await lapsing.wait()
        if (await line.runtime.waitlist.offers.read(offer_id)).status == OfferStatus.EXPIRED:
            return lapsing
        # It belonged to another person.
        lapsing.deliver()


async def test_a_decline_that_never_reached_redis_passes_the_seat_on(
    site: Site, make_line: MakeLine
) -> None:
    """The process dies between the writes to PostgreSQL and Redis: the seat moves on all the same."""
    line = await make_line(people=2)
    await line.free(0)
    async with soon():
        offer_id = await line.offered(0)
    # The first half of the work, as of a process that dies there.
    rows = await line.runtime.stores.view.fetch(
        "waitlist.end_offer", offer_id, line.people[0], "declined", "person", None
    )
    assert rows[0]["outcome"] == "ended"
    async with soon():
        await line.offered(1)
    await line.judge()


async def test_an_accept_that_never_reached_redis_can_be_repeated(
    site: Site, make_line: MakeLine
) -> None:
    line = await make_line(people=2)
    await line.free(0)
    async with soon():
        offer_id = await line.offered(0)
    rows = await line.runtime.stores.view.fetch(
        "waitlist.end_offer", offer_id, line.people[0], "used", "person", None
    )
    await line.nobody_gets(0)
    hold = await line.runtime.waitlist.offers.accept(offer_id, line.people[0])
    assert abs((hold.expires_at - rows[0]["hold_expires_at"]).total_seconds()) < 0.01
    await line.house.book(line.people[0], hold)
    await line.judge()


# People at their limit


async def test_many_people_at_their_limit_do_not_block_the_next_entry(make_line: MakeLine) -> None:
    line = await make_line(people=60)
    # All but the last are at their limit.
    await line.execute(
        "UPDATE events SET buyer_limit = 1, version = version + 1 WHERE event_id = $1"
    )
    await line.runtime.live.settling.refresh_terms(line.event_id)
    base = base_key(line.event_id)
    # No worker recounts the held places that the test only pretends.
    call = line.runtime.stores.redis.call
    await call("SET", f"reconciling:{line.event_id}", "1", "EX", 600)
    await call("SET", "checking", "1", "EX", 600)
    for at, person in enumerate(line.people[:-1]):
        if at % 2:
            field, value = f"h:{person}", "1"
        else:
            field, value = f"o:{person}", "1:1"
            await line.execute("INSERT INTO buyer_claims VALUES ($1, $2, 0, 1)", person)
        await call("HSET", f"{base}:buyers", field, value)
    await line.free(0)
    try:
        async with soon():
            await line.offered(59)
    finally:
        await call("DEL", "checking")
    log = await read_log(line.runtime, line.event_id)
    verdict = check(log)
    assert verdict.faults == [], str(verdict)
