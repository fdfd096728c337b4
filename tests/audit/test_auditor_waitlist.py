"""The auditor on a waitlist: each invariant is broken on purpose, in one store, and must be named."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from engine.audit.auditor import Violation, audit
from engine.base.config import Settings
from engine.base.model import new_id
from engine.base.store_urls import StoreUrls
from engine.live.keys import base_key
from engine.runtime import Runtime, open_runtime
from engine.waitlist.model import Contact, Wanted
from tests.conftest import House, MakeHouse
from tests.support.worlds import make_world

pytestmark = pytest.mark.integration

SEATS = 50


@pytest_asyncio.fixture(scope="module")
async def runtime(settings: Settings, stores: StoreUrls) -> AsyncIterator[Runtime]:
    """Databases of their own, where no worker runs a round during a test."""
    world = await make_world(settings, stores, "auditor_line", redis_database=10)
    async with open_runtime(world, role="test") as opened:
        await opened.stores.mongo.ensure_indexes()
        yield opened


@dataclass
class Scene:
    """Seats 10 and 11 are offered to the first entry, the next has accepted seat 12; a third waits,
    seat 20 and a place of the floor were returned, and all other seats are held.
    """

    house: House
    keeper: str
    offered_person: str
    offered_entry: str
    offer: str
    used: str
    waiting_person: str
    waiting_entry: str
    kept_hold: str

    async def audit(self, *, quiet: bool = False) -> list[Violation]:
        return await audit(self.house.runtime.audit, self.house.event_id, quiet=quiet)

    async def names(self, *, quiet: bool = False) -> set[tuple[int, str]]:
        return {(v.invariant, v.what) for v in await self.audit(quiet=quiet)}

    async def execute(self, sql: str) -> None:
        """``sql`` with the scene's names in braces."""
        names = {name: f"'{value}'" for name, value in vars(self).items() if name != "house"}
        async with self.house.runtime.stores.view.connection() as connection:
            await connection.execute(sql.format(event=f"'{self.house.event_id}'", **names))

    async def redis(self, command: str) -> None:
        """``command`` with the scene's names in braces; ``{E}`` is the event's base key."""
        names = {name: value for name, value in vars(self).items() if name != "house"}
        base = base_key(self.house.event_id)
        words = (word.format(E=base, **names) for word in command.split())
        await self.house.runtime.stores.redis.call(*words)


@pytest_asyncio.fixture
async def scene(make_house: MakeHouse) -> Scene:
    house = await make_house(buyer_limit=SEATS + 6)
    runtime, event_id = house.runtime, house.event_id
    keeper, people = new_id(), [new_id() for _ in range(3)]
    held = {seats: (await house.hold(keeper, *seats)).hold_id for seats in ((10, 11), (12,), (20,))}
    floor = await house.hold(keeper, floor=6)
    last = await house.hold(keeper, *(n for n in range(SEATS) if n not in (10, 11, 12, 20)))
    await house.book(keeper, last)
    entries = [
        (await runtime.waitlist.entries.join(event_id, person, wanted, Contact()))[0].entry_id
        for person, wanted in zip(
            people,
            [Wanted(quantity=2), Wanted(quantity=1), Wanted(quantity=1)],
            strict=True,
        )
    ]
    await runtime.holds.release(held[10, 11], keeper)
    await runtime.holds.release(held[12,], keeper)
    assert await runtime.waitlist.rounds.run_round(event_id) == 2
    rows = await runtime.stores.view.fetch(
        "waitlist.latest_offers", [event_id] * 2, [entries[0], entries[1]]
    )
    offers = {str(row["entry_id"]): str(row["offer_id"]) for row in rows}
    await runtime.waitlist.offers.accept(offers[entries[1]], people[1])
    await runtime.holds.release(held[20,], keeper)
    await runtime.holds.release(floor.hold_id, keeper)
    await runtime.sales.ledger.drain()
    scene = Scene(
        house=house,
        keeper=keeper,
        offered_person=people[0],
        offered_entry=entries[0],
        offer=offers[entries[0]],
        used=offers[entries[1]],
        waiting_person=people[2],
        waiting_entry=entries[2],
        kept_hold=held[20,],
    )
    assert await scene.audit(quiet=True) == []
    return scene


async def test_a_sound_waitlist_has_no_violation(scene: Scene) -> None:
    digits = await scene.house.runtime.stores.redis.call(
        "GET", f"{base_key(scene.house.event_id)}:seats"
    )
    assert (digits[10:13], digits[20:21]) == (b"441", b"4")
    assert (await scene.house.states())[20] == "1"
    assert await scene.house.floor_free() == 0
    # An open offer counts against the limit like a hold.
    held = await scene.house.runtime.stores.redis.call(
        "HGET", f"{base_key(scene.house.event_id)}:buyers", f"h:{scene.offered_person}"
    )
    assert held == b"2"


@pytest.mark.parametrize(
    ("what", "sql"),
    [
        (
            "an entry and its open offer disagree",
            "UPDATE waitlist_entries SET status = 'waiting' WHERE entry_id = {offered_entry}",
        ),
        (
            "an entry and its open offer disagree",
            "UPDATE waitlist_entries SET status = 'offered' WHERE entry_id = {waiting_entry}",
        ),
        (
            "an entry and its open offer disagree",
            "UPDATE offers SET person_id = {waiting_person} WHERE offer_id = {offer}",
        ),
        (
            "an offer's seats are not kept for it alone",
            "DELETE FROM offer_seats WHERE offer_id = {offer} AND seat_no = 10",
        ),
        (
            "an offer's seats are not kept for it alone",
            "UPDATE offer_seats SET live = false WHERE offer_id = {offer}",
        ),
        (
            "an offer's seats are not kept for it alone",
            "UPDATE offer_seats SET live = true WHERE offer_id = {used}",
        ),
        (
            "an offer's seats are not kept for it alone",
            "UPDATE seats SET state = 'blocked' WHERE event_id = {event} AND seat_no = 10",
        ),
        (
            "a person had two open offers at once",
            "UPDATE offers SET person_id = {offered_person}, ended_at = made_at + interval '1 hour' WHERE offer_id = {used}",
        ),
        (
            "an entry is not what its log says",
            "UPDATE waitlist_entries SET join_no = join_no + 1000 WHERE entry_id = {waiting_entry}",
        ),
        (
            "an entry is not what its log says",
            "DELETE FROM waitlist_changes WHERE entry_id = {waiting_entry}",
        ),
        (
            "somebody was served before another with the same wish",
            "UPDATE waitlist_entries SET weight = 200 WHERE entry_id = {waiting_entry}",
        ),
        (
            "an entry was skipped without a recorded reason",
            "INSERT INTO waitlist_skips VALUES ({event}, 1, 1, '', 'x', 1, {waiting_entry}, 0, 1)",
        ),
        (
            "a round is missing",
            "UPDATE waitlists SET round_no = round_no + 1 WHERE event_id = {event}",
        ),
        (
            "an offer is overdue",
            "UPDATE offers SET expires_at = now() - interval '3 seconds' WHERE offer_id = {offer}",
        ),
    ],
)
async def test_each_violation_in_postgresql_is_found(scene: Scene, what: str, sql: str) -> None:
    await scene.execute(sql)
    assert (8, what) in await scene.names()


@pytest.mark.parametrize(
    ("invariant", "what", "command"),
    [
        (8, "no seats are kept for an open offer", "DEL {E}:hold:{offer}"),
        (8, "no seats are kept for an open offer", "HSET {E}:hold:{offer} state held"),
        (8, "the places kept are not those that were offered", "HSET {E}:hold:{offer} seats 10,20"),
        (8, "the places kept are not those that were offered", "HSET {E}:hold:{offer} areas 0:1"),
        (
            8,
            "the places kept are not those that were offered",
            "HSET {E}:hold:{offer} owner {keeper}",
        ),
        (8, "somebody else has the seats of an open offer", "HSET {E}:owners 10 {used}"),
        (5, "a claimed seat does not show it", "SETRANGE {E}:seats 10 1"),
        (5, "a claimed seat does not show it", "SETRANGE {E}:seats 12 4"),
        (5, "a seat is kept for an empty waitlist", "HSET {E}:meta waiting 0"),
        (5, "an area keeps places for an empty waitlist", "HSET {E}:meta waiting 0"),
        (
            5,
            "an area keeps places for an empty waitlist",
            "HSET {E}:areas 0:kept -1",
        ),
        (4, "a hold is not due at its deadline", "HSET {E}:hold:{offer} expires 1000"),
        (
            10,
            "a buyer's held places are not those of the buyer's holds",
            "HDEL {E}:buyers h:{offered_person}",
        ),
    ],
)
async def test_each_violation_in_redis_is_found(
    scene: Scene, invariant: int, what: str, command: str
) -> None:
    await scene.redis(command)
    assert (invariant, what) in await scene.names()


@pytest.mark.parametrize(
    ("what", "sql", "command"),
    [
        (
            "seats are kept for an offer that is not open, or with another deadline",
            "UPDATE offers SET expires_at = expires_at + interval '1 second' WHERE offer_id = {offer}",
            "",
        ),
        ("the waitlist in Redis is not PostgreSQL's", "", "ZREM {E}:line {waiting_entry}"),
        ("the waitlist in Redis is not PostgreSQL's", "", "ZADD {E}:line 1 {offered_entry}"),
    ],
)
async def test_unfinished_work_is_a_violation_only_when_all_is_quiet(
    scene: Scene, what: str, sql: str, command: str
) -> None:
    if sql:
        await scene.execute(sql)
    if command:
        await scene.redis(command)
    assert await scene.audit() == []
    assert await scene.names(quiet=True) == {(8, what)}
