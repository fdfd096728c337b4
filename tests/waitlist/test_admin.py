"""The organiser's side on waitlists written by the test: order, skips, promotions."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from engine.base.actor import ORGANISER
from engine.base.errors import Conflict, NotFound, PreconditionFailed
from engine.base.model import new_id
from engine.runtime import Runtime
from engine.waitlist.admin import _DISMISSED_AT_ONCE, _READ_AT_ONCE, WaitlistAdmin
from engine.waitlist.model import PROMOTED, EntryStatus, LineEntry
from tests.conftest import House

pytestmark = pytest.mark.integration


@dataclass
class Line:
    """An event's waitlist in PostgreSQL, as rounds and people would have written it."""

    house: House
    round_no: int = 0

    @property
    def desk(self) -> WaitlistAdmin:
        return self.house.runtime.waitlist.admin

    @property
    def event_id(self) -> str:
        return self.house.event_id

    async def sql(self, statement: str, *args: Any) -> list[Any]:
        async with self.house.runtime.stores.view.connection() as connection:
            return await connection.fetch(statement, *args)

    async def wish(self, quantity: int = 2) -> int:
        rows = await self.sql(
            "SELECT wish_of($1, $2, true, '{1}', '{0,1}', 4000)", self.event_id, quantity
        )
        number: int = rows[0][0]
        return number

    async def stand(
        self, weight: int = 0, *, status: str = "waiting", quantity: int = 2, name: str = "Ada"
    ) -> str:
        """Add an entry that joined after the latest round."""
        entry_id = new_id()
        await self.sql(
            "INSERT INTO waitlist_entries (event_id, entry_id, person_id, wish_no, weight, tier,"
            " status, email, name) VALUES ($1, $2, $3, $4, $5, 'regular', $6, 'a@b.example', $7)",
            self.event_id,
            entry_id,
            new_id(),
            await self.wish(quantity),
            weight,
            status,
            name,
        )
        await self.note(entry_id, "joined")
        return entry_id

    async def note(self, entry_id: str, what: str) -> None:
        """Record a change of an entry after the latest round; ``offered`` within that round."""
        await self.sql(
            "INSERT INTO waitlist_changes (event_id, entry_id, what, wish_no, weight, join_no, actor,"
            " round_no) SELECT event_id, entry_id, $3, wish_no, weight, join_no, 'test', $4"
            " FROM waitlist_entries WHERE event_id = $1 AND entry_id = $2",
            self.event_id,
            entry_id,
            what,
            self.round_no,
        )

    async def round(self) -> None:
        self.round_no += 1
        await self.sql(
            "INSERT INTO waitlist_rounds (event_id, round_no, seats, prices, waiting)"
            " VALUES ($1, $2, '{}', '{}', 0)",
            self.event_id,
            self.round_no,
        )
        await self.sql(
            "UPDATE waitlists SET round_no = $2 WHERE event_id = $1", self.event_id, self.round_no
        )

    async def skip(self, first: str, served: str) -> None:
        """Record that the latest round skipped all entries with the wish of ``first`` ahead of ``served``."""
        await self.sql(
            "INSERT INTO waitlist_skips (event_id, round_no, wish_no, reason, detail, passed, entry_id,"
            " weight, join_no) SELECT f.event_id, $4, f.wish_no, 'too-few', 'Too few.', 1, f.entry_id,"
            " s.weight, s.join_no FROM waitlist_entries f JOIN waitlist_entries s USING (event_id)"
            " WHERE event_id = $1 AND f.entry_id = $2 AND s.entry_id = $3",
            self.event_id,
            first,
            served,
            self.round_no,
        )

    async def waiting(self, limit: int = 100) -> list[LineEntry]:
        return await self.desk.entries(
            self.event_id, status=EntryStatus.WAITING, after=None, limit=limit
        )


@pytest_asyncio.fixture
async def line(house: House) -> Line:
    await house.runtime.stores.view.fetch("waitlist_admin.make_line", house.event_id, 900)
    # So that a worker, if one runs, makes no offers: the waitlist stays as written.
    await house.runtime.events.publishing.pause(house.event_id)
    return Line(house)


def ids(entries: list[LineEntry]) -> list[str]:
    return [entry.entry_id for entry in entries]


# Terms


async def test_an_empty_waitlist_has_default_terms_and_no_entries(house: House) -> None:
    desk = house.runtime.waitlist.admin
    empty = await desk.summary(house.event_id)
    assert (empty.waiting, empty.places_wanted, empty.closed) == (0, 0, False)
    assert empty.offer_window_s == house.runtime.settings.offer_window_s
    assert set(empty.by_status.values()) == set(empty.offers.values()) == {0}
    assert await desk.entries(house.event_id, limit=10) == []
    assert [entry async for entry in desk.export(house.event_id)] == []
    # The first join creates the row, which is no change of terms.
    await house.runtime.stores.view.fetch(
        "waitlist_admin.make_line", house.event_id, empty.offer_window_s
    )
    assert await desk.summary(house.event_id) == empty


async def test_terms_change_only_with_the_current_version(house: House) -> None:
    desk = house.runtime.waitlist.admin
    version = (await desk.summary(house.event_id)).version
    closed = await desk.set_terms(house.event_id, closed=True, version=version)
    assert (closed.closed, closed.version) == (True, version + 1)
    with pytest.raises(PreconditionFailed) as stale:
        await desk.set_terms(house.event_id, closed=False, version=version)
    assert stale.value.extra["current_version"] == closed.version
    longer = await desk.set_terms(house.event_id, offer_window_s=60, version=closed.version)
    assert (longer.closed, longer.offer_window_s) == (True, 60)


async def test_of_two_first_changes_of_terms_one_wins(house: House) -> None:
    answers = await asyncio.gather(
        *(
            house.runtime.waitlist.admin.set_terms(house.event_id, offer_window_s=n, version=1)
            for n in range(1, 7)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, PreconditionFailed) for answer in answers) == 5


async def test_unknown_events_are_refused(runtime: Runtime) -> None:
    desk, nowhere = runtime.waitlist.admin, new_id()
    for asking in (
        desk.summary(nowhere),
        desk.entries(nowhere, limit=1),
        desk.offers(nowhere, limit=1),
        desk.skips(nowhere, limit=1),
        desk.promote(nowhere, new_id(), reason="x", actor=ORGANISER),
        desk.set_terms(nowhere, closed=True, version=1),
        desk.dismiss(nowhere, reason="x", actor=ORGANISER),
        anext(desk.export(nowhere)),
    ):
        with pytest.raises(NotFound) as refused:
            await asking
        assert refused.value.code == "event-not-found"


# The order


async def test_waiting_entries_are_paged_in_order_of_rank(line: Line) -> None:
    regular = [await line.stand(), await line.stand(), await line.stand()]
    premium = [await line.stand(100), await line.stand(100)]
    for status in ("offered", "accepted", "left"):
        await line.stand(200, status=status)
    regular.append(await line.stand())
    wanted = premium + regular
    for limit in (1, 2, 3, 6, 7):
        found: list[LineEntry] = []
        after = None
        while page := await line.desk.entries(
            line.event_id, status=EntryStatus.WAITING, after=after, limit=limit
        ):
            found += page
            after = (page[-1].weight, page[-1].join_no)
        assert ids(found) == wanted, limit
        assert [entry.rank for entry in found] == list(range(1, 7))
    first = (await line.waiting())[0]
    assert first.wanted.quantity == 2
    assert first.wanted.categories == ["Back"]
    assert first.wanted.sections == ["Stalls", "Floor"]
    assert str(first.wanted.max_price) == "40.00 EUR"


async def test_entries_are_listed_latest_first_in_all_or_by_status(line: Line) -> None:
    made = [
        await line.stand(weight, status=status)
        for weight, status in [(0, "waiting"), (100, "left"), (0, "left"), (100, "waiting")]
    ]
    everybody = await line.desk.entries(line.event_id, limit=3)
    assert ids(everybody) == made[:0:-1]
    assert [entry.rank for entry in everybody] == [1, None, None]
    after = (everybody[-1].weight, everybody[-1].join_no)
    (last,) = await line.desk.entries(line.event_id, after=after, limit=3)
    assert (last.entry_id, last.rank) == (made[0], 2)
    left = await line.desk.entries(line.event_id, status=EntryStatus.LEFT, limit=3)
    assert ids(left) == [made[2], made[1]]


async def test_the_summary_counts_entries_and_places(line: Line) -> None:
    for quantity, status in [(2, "waiting"), (4, "waiting"), (4, "offered"), (1, "lapsed")]:
        await line.stand(status=status, quantity=quantity)
    summary = await line.desk.summary(line.event_id)
    assert (summary.waiting, summary.places_wanted) == (2, 6)
    assert summary.by_status["waiting"] == 2
    assert summary.by_status["offered"] == summary.by_status["lapsed"] == 1
    assert sum(summary.by_status.values()) == 4


async def test_a_deep_page_reads_only_its_own_entries(line: Line) -> None:
    """Entries ahead of a page are counted in the index, and its own are found by it."""
    await line.sql(
        "INSERT INTO waitlist_entries (event_id, entry_id, person_id, wish_no, weight, tier)"
        " SELECT $1, gen_random_uuid(), gen_random_uuid(), $2, n % 2 * 100, 'regular'"
        " FROM generate_series(1, 20000) n",
        line.event_id,
        await line.wish(),
    )
    await line.sql("ANALYZE waitlist_entries")
    ((middle,),) = await line.sql(
        "SELECT join_no FROM waitlist_entries WHERE event_id = $1 AND weight = 0"
        " ORDER BY join_no OFFSET 5000 LIMIT 1",
        line.event_id,
    )
    (entry,) = await line.desk.entries(
        line.event_id, status=EntryStatus.WAITING, after=(0, middle), limit=1
    )
    assert entry.rank == 15_002
    query = line.house.runtime.stores.view._queries["waitlist_admin.line_page"]
    rows = await line.sql(
        f"EXPLAIN (ANALYZE, FORMAT JSON) {query}".replace("$1", f"'{line.event_id}'")
        .replace("$2", "0")
        .replace("$3", str(middle))
        .replace("$4", "20")
    )
    (plan,) = json.loads(rows[0][0])
    scans = list(scans_of(plan["Plan"], "waitlist_entries"))
    assert {scan["Node Type"] for scan in scans} <= {"Index Scan", "Index Only Scan"}
    fetched = [s for s in scans if s["Node Type"] == "Index Scan"]
    assert sum(scan["Actual Rows"] for scan in fetched) <= 40


def scans_of(plan: dict[str, Any], table: str) -> Any:
    if plan.get("Relation Name") == table:
        yield plan
    for part in plan.get("Plans", []):
        yield from scans_of(part, table)


# Skips


async def skipped(line: Line, entry_id: str) -> int:
    return (await line.desk.entry(line.event_id, entry_id)).skipped


async def test_skips_of_an_entry_are_counted(line: Line) -> None:
    four = await line.stand(quantity=4)
    served = await line.stand()
    behind = await line.stand(quantity=4)
    await line.round()
    await line.skip(four, served)
    assert await skipped(line, four) == 1
    # Entries behind the served one, or with another wish, were not skipped.
    assert await skipped(line, behind) == await skipped(line, served) == 0

    # An entry that joined after the round was not skipped, whatever its weight.
    late = await line.stand(100, quantity=4)
    assert await skipped(line, late) == 0
    await line.round()
    await line.skip(late, behind)
    assert [await skipped(line, e) for e in (four, behind, late)] == [2, 0, 1]


async def test_skips_of_a_promoted_entry_count_from_its_position_at_the_time(line: Line) -> None:
    served = await line.stand(100)
    moved, other = await line.stand(quantity=4), await line.stand(quantity=4)
    await line.round()
    await line.skip(await line.stand(200, quantity=4), served)
    assert await skipped(line, moved) == 0
    await line.desk.promote(line.event_id, moved, reason="x", actor=ORGANISER)
    assert await skipped(line, moved) == 0
    await line.round()
    await line.skip(moved, served)
    assert [await skipped(line, moved), await skipped(line, other)] == [1, 0]


async def test_an_entry_with_an_offer_was_not_skipped(line: Line) -> None:
    four, served = await line.stand(quantity=4), await line.stand()
    await line.round()
    await line.note(four, "offered")
    await line.skip(four, served)
    await line.round()
    await line.skip(four, served)
    assert await skipped(line, four) == 0
    await line.note(four, "withdrawn")
    await line.round()
    await line.skip(four, served)
    assert await skipped(line, four) == 1
    # A person at the limit of places is held back for that and not skipped.
    await line.round()
    await line.skip(four, served)
    await line.sql(
        "UPDATE waitlist_rounds SET at_limit = ARRAY[(SELECT person_id FROM waitlist_entries"
        " WHERE entry_id = $3)] WHERE event_id = $1 AND round_no = $2",
        line.event_id,
        line.round_no,
        four,
    )
    assert await skipped(line, four) == 1


async def test_skips_are_listed_latest_round_first(line: Line) -> None:
    four, six, served = [await line.stand(quantity=n) for n in (4, 6, 2)]
    for _ in range(3):
        await line.round()
        await line.skip(four, served)
        await line.skip(six, served)
    found = []
    after = None
    while page := await line.desk.skips(line.event_id, after=after, limit=2):
        found += page
        after = (page[-1].round_no, page[-1].entry_id)
    assert [skip.round_no for skip in found] == [3, 3, 2, 2, 1, 1]
    assert {(skip.entry_id, skip.wanted.quantity) for skip in found} == {(four, 4), (six, 6)}
    assert found[0].reason == "too-few"


# Promotions


async def changes(line: Line, entry_id: str, what: str) -> list[Any]:
    return await line.sql(
        "SELECT weight, actor, reason, round_no FROM waitlist_changes"
        " WHERE event_id = $1 AND entry_id = $2 AND what = $3",
        line.event_id,
        entry_id,
        what,
    )


async def test_an_entry_is_promoted_to_the_front_with_a_reason(line: Line) -> None:
    entries = [await line.stand(200), await line.stand(), await line.stand()]
    await line.house.runtime.waitlist.entries.mark(
        line.event_id, [(e.entry_id, e.weight, e.join_no) for e in await line.waiting()]
    )
    await line.round()
    moved = await line.desk.promote(
        line.event_id, entries[2], reason="Broken seat", actor=ORGANISER
    )
    assert (moved.weight, moved.rank, moved.tier) == (PROMOTED, 1, "regular")
    assert (moved.promoted, moved.version) == ("Broken seat", 2)
    assert await line.house.runtime.waitlist.entries.rank(line.event_id, entries[2]) == (1, 3)
    assert [tuple(row) for row in await changes(line, entries[2], "promoted")] == [
        (PROMOTED, "organiser", "Broken seat", line.round_no)
    ]
    # Of promoted entries the earlier join stays ahead, whichever was promoted first.
    await line.desk.promote(line.event_id, entries[1], reason="Another", actor=ORGANISER)
    assert ids(await line.waiting()) == [entries[1], entries[2], entries[0]]
    again = await line.desk.promote(line.event_id, entries[2], reason="Twice", actor=ORGANISER)
    assert again.promoted == "Broken seat"
    assert len(await changes(line, entries[2], "promoted")) == 1


async def test_only_a_waiting_entry_can_be_promoted(line: Line, house: House) -> None:
    offered = await line.stand(status="offered")
    with pytest.raises(Conflict) as refused:
        await line.desk.promote(line.event_id, offered, reason="x", actor=ORGANISER)
    assert refused.value.code == "entry-not-waiting"
    assert "offered" in refused.value.detail
    for entry_id in (new_id(), line.event_id):
        with pytest.raises(NotFound) as missing:
            await line.desk.promote(line.event_id, entry_id, reason="x", actor=ORGANISER)
        assert missing.value.code == "entry-not-found"
    assert await changes(line, offered, "promoted") == []


async def test_a_promotion_waits_for_the_round_under_way(line: Line) -> None:
    """A round that has begun does not see the promotion, and the log says so."""
    entry_id = await line.stand()
    async with line.house.runtime.stores.view.transaction() as under_way:
        await under_way.fetch("waitlist.lock_line", line.event_id)
        moving = asyncio.create_task(
            line.desk.promote(line.event_id, entry_id, reason="x", actor=ORGANISER)
        )
        while not await line.sql(
            "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        ):
            assert not moving.done()
        await under_way.connection.execute(
            "UPDATE waitlists SET round_no = 7 WHERE event_id = $1", line.event_id
        )
    assert (await moving).weight == PROMOTED
    assert [row["round_no"] for row in await changes(line, entry_id, "promoted")] == [7]


# Dismissal


async def test_dismissing_the_waitlist_closes_it_and_ends_every_waiting_entry(line: Line) -> None:
    waiting = [await line.stand() for _ in range(3)]
    left = await line.stand(status="left")
    await line.house.runtime.waitlist.entries.mark(
        line.event_id, [(e.entry_id, e.weight, e.join_no) for e in await line.waiting()]
    )
    before = (await line.desk.summary(line.event_id)).version
    assert await line.desk.dismiss(line.event_id, reason="Over", actor=ORGANISER) == 3
    summary = await line.desk.summary(line.event_id)
    assert (summary.closed, summary.waiting, summary.version) == (True, 0, before + 1)
    assert summary.by_status["dismissed"] == 3
    for entry_id in waiting:
        assert [row["reason"] for row in await changes(line, entry_id, "dismissed")] == ["Over"]
    assert await changes(line, left, "dismissed") == []
    assert await line.house.runtime.waitlist.entries.rank(line.event_id, waiting[0]) == (None, 0)
    assert await line.desk.dismiss(line.event_id, reason="Again", actor=ORGANISER) == 0
    assert (await line.desk.summary(line.event_id)).version == before + 1


async def test_a_long_waitlist_is_dismissed_in_parts(line: Line) -> None:
    count = _DISMISSED_AT_ONCE + 1
    await line.sql(
        "INSERT INTO waitlist_entries (event_id, entry_id, person_id, wish_no, weight, tier)"
        " SELECT $1, gen_random_uuid(), gen_random_uuid(), $2, 0, 'regular'"
        " FROM generate_series(1, $3::integer)",
        line.event_id,
        await line.wish(),
        count,
    )
    assert await line.desk.dismiss(line.event_id, reason="Over", actor=ORGANISER) == count
    ((noted,),) = await line.sql(
        "SELECT count(*) FROM waitlist_changes WHERE event_id = $1 AND what = 'dismissed'",
        line.event_id,
    )
    assert noted == count


async def test_an_empty_waitlist_can_be_dismissed_too(house: House) -> None:
    assert (
        await house.runtime.waitlist.admin.dismiss(house.event_id, reason="Over", actor=ORGANISER)
        == 0
    )
    assert (await house.runtime.waitlist.admin.summary(house.event_id)).closed


# The export


async def test_the_export_has_each_entry_once_while_the_waitlist_changes(line: Line) -> None:
    """More entries than are read at a time; meanwhile entries join, leave and are promoted."""
    count = 2 * _READ_AT_ONCE + 7
    await line.sql(
        "INSERT INTO waitlist_entries (event_id, entry_id, person_id, wish_no, weight, tier, status)"
        " SELECT $1, gen_random_uuid(), gen_random_uuid(), $2, n % 3 * 100, 'regular',"
        " CASE WHEN n % 10 = 0 THEN 'left' ELSE 'waiting' END::entry_status"
        " FROM generate_series(1, $3::integer) n",
        line.event_id,
        await line.wish(),
        count,
    )
    found: list[LineEntry] = []
    async for entry in line.desk.export(line.event_id):
        if not found:
            await line.stand(200)
            await line.sql(
                "UPDATE waitlist_entries SET status = 'left' WHERE event_id = $1 AND weight = 0",
                line.event_id,
            )
            await line.sql(
                "UPDATE waitlist_entries SET weight = 1023 WHERE event_id = $1 AND weight = 100",
                line.event_id,
            )
        found.append(entry)
    assert len(set(ids(found))) == len(found) == count
    waiting = [entry for entry in found if entry.status == EntryStatus.WAITING]
    assert found[: len(waiting)] == waiting
    assert [entry.rank for entry in waiting] == list(range(1, len(waiting) + 1))
    order = [(-entry.weight, entry.join_no) for entry in waiting]
    assert order == sorted(order)
    assert len(waiting) == count - count // 10
    assert {entry.rank for entry in found[len(waiting) :]} == {None}
