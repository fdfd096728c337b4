"""The auditor finds violations: each invariant is broken on purpose, in one store, and must be named."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from engine.audit.auditor import Violation, audit
from engine.base.config import Settings
from engine.base.errors import NotFound
from engine.base.model import new_id
from engine.base.store_urls import StoreUrls
from engine.live.keys import base_key
from engine.runtime import Runtime, open_runtime
from tests.conftest import House, MakeHouse
from tests.support.worlds import make_world

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture(scope="module")
async def runtime(settings: Settings, stores: StoreUrls) -> AsyncIterator[Runtime]:
    """Databases of their own: wrong amounts made here would be found in every event's audit."""
    world = await make_world(settings, stores, "auditor", redis_database=3)
    async with open_runtime(world, role="test") as opened:
        await opened.stores.mongo.ensure_indexes()
        yield opened


@dataclass
class Scene:
    """Seats 1 and 2 and two places sold, 3 reserved and a place, 4 held and a place."""

    house: House
    sold: str
    pending: str
    holder: str
    hold_id: str
    buyer: str
    pending_hold_id: str

    async def audit(self, *, quiet: bool = False) -> list[Violation]:
        return await audit(self.house.runtime.audit, self.house.event_id, quiet=quiet)

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
async def scene(make_house: MakeHouse) -> AsyncIterator[Scene]:
    house = await make_house()
    buyer, holder = new_id(), new_id()
    sold = await house.book(buyer, await house.hold(buyer, 1, 2, floor=2))
    pending_hold = await house.hold(buyer, 3, floor=1)
    pending = await house.book(buyer, pending_hold, "tok_3ds")
    hold = await house.hold(holder, 4, floor=1)
    await house.runtime.sales.ledger.drain()
    scene = Scene(
        house=house,
        sold=sold.booking.booking_id,
        pending=pending.booking.booking_id,
        holder=holder,
        hold_id=hold.hold_id,
        buyer=buyer,
        pending_hold_id=pending_hold.hold_id,
    )
    await house.runtime.live.reconciling.reconcile(house.event_id)
    assert await scene.audit(quiet=True) == []
    yield scene
    await scene.execute("DELETE FROM payments")
    await scene.execute("DELETE FROM sandbox_charges")


@pytest.mark.parametrize(
    ("invariant", "sql"),
    [
        (1, "UPDATE seats SET state = 'available', booking_id = NULL WHERE booking_id = {sold}"),
        (1, "UPDATE seats SET booking_id = {pending} WHERE booking_id = {sold}"),
        (1, "UPDATE seats SET state = 'sold' WHERE booking_id = {pending}"),
        (1, "UPDATE booking_items SET live = false WHERE booking_id = {sold} AND item_no = 1"),
        (1, "UPDATE tickets SET void = true WHERE booking_id = {sold} AND place_no = 1"),
        (1, "DELETE FROM tickets WHERE booking_id = {sold}"),
        (2, "UPDATE bookings SET amount_minor = amount_minor + 1 WHERE booking_id = {sold}"),
        (2, "UPDATE payments SET amount_minor = amount_minor + 1 WHERE booking_id = {sold}"),
        (2, "UPDATE payments SET status = 'refunded' WHERE booking_id = {sold}"),
        (2, "UPDATE payments SET currency = 'USD' WHERE booking_id = {sold}"),
        (2, "DELETE FROM payments WHERE booking_id = {sold}"),
        (2, "DELETE FROM sandbox_charges WHERE booking_id = {sold}"),
        (2, "UPDATE sandbox_charges SET amount_minor = amount_minor + 1 WHERE booking_id = {sold}"),
        (2, "UPDATE sandbox_charges SET refunded_minor = amount_minor WHERE booking_id = {sold}"),
        (2, "UPDATE sandbox_charges SET status = 'declined' WHERE booking_id = {sold}"),
        (2, "UPDATE sandbox_charges SET booking_id = uuidv7() WHERE booking_id = {sold}"),
        (3, "UPDATE bookings SET created_at = expires_at WHERE booking_id = {pending}"),
        (3, "UPDATE bookings SET buyer_id = {holder} WHERE booking_id = {pending}"),
        (3, "UPDATE booking_items SET quantity = 2 WHERE booking_id = {pending} AND item_no = 2"),
        (
            4,
            "UPDATE bookings SET created_at = created_at - interval '1 hour',"
            " expires_at = now() - interval '1 minute' WHERE booking_id = {pending}",
        ),
        (5, "UPDATE events SET seat_count = seat_count + 1 WHERE event_id = {event}"),
        (5, "DELETE FROM seats WHERE event_id = {event} AND seat_no = 20"),
        (5, "UPDATE areas SET sold = sold + 1 WHERE event_id = {event}"),
        (5, "UPDATE areas SET reserved = 0 WHERE event_id = {event}"),
        (5, "UPDATE areas SET capacity = capacity + 1 WHERE event_id = {event}"),
        (5, "UPDATE seats SET state = 'blocked' WHERE event_id = {event} AND seat_no = 20"),
        (6, "DELETE FROM idempotency_keys WHERE booking_id = {sold}"),
        (6, "UPDATE idempotency_keys SET booking_id = {pending} WHERE booking_id = {sold}"),
        (6, "UPDATE idempotency_keys SET booking_id = uuidv7() WHERE booking_id = {sold}"),
        (6, "UPDATE idempotency_keys SET response = NULL WHERE booking_id = {sold}"),
        (9, "UPDATE payments SET status = 'refund_pending' WHERE booking_id = {sold}"),
        (10, "UPDATE buyer_claims SET sold = sold - 1 WHERE event_id = {event}"),
        (10, "UPDATE buyer_claims SET reserved = 0 WHERE event_id = {event}"),
        (10, "UPDATE events SET buyer_limit = 5 WHERE event_id = {event}"),
    ],
)
async def test_each_violation_in_postgresql_is_found(
    scene: Scene, invariant: int, sql: str
) -> None:
    await scene.execute(sql)
    assert invariant in {violation.invariant for violation in await scene.audit()}


@pytest.mark.parametrize(
    ("invariant", "command"),
    [
        (3, "HSET {E}:hold:{pending_hold_id} owner {holder}"),
        (3, "HSET {E}:hold:{pending_hold_id} seats 5"),
        (4, "HSET {E}:hold:{hold_id} expires 1000"),
        (4, "HSET {E}:hold:{hold_id} state released"),
        (4, "DEL {E}:hold:{hold_id}"),
        (4, "ZADD {E}:due 1000 {hold_id}"),
        (4, "ZREM {E}:due {hold_id}"),
        (5, "SETRANGE {E}:seats 1 0"),
        (5, "SETRANGE {E}:seats 4 0"),
        (5, "SETRANGE {E}:seats 20 1"),
        (5, "SETRANGE {E}:seats 20 2"),
        (5, "SETRANGE {E}:seats 20 x"),
        (5, "APPEND {E}:seats 0"),
        (5, "SETRANGE {E}:versions 80 ~"),
        (5, "HSET {E}:owners 20 {hold_id}"),
        (5, "HDEL {E}:owners 4"),
        (5, "HSET {E}:areas 0:held 9"),
        (5, "HSET {E}:areas 0:sold 9"),
        (5, "HSET {E}:areas 0:capacity 9"),
        (10, "HSET {E}:buyers h:{holder} 9"),
        (10, "HDEL {E}:buyers h:{holder}"),
        (10, "HSET {E}:buyers o:{buyer} 9:99"),
    ],
)
async def test_each_violation_in_redis_is_found(scene: Scene, invariant: int, command: str) -> None:
    await scene.redis(command)
    # A hold that is not in the list of deadlines is found by its places, which nobody accounts for.
    expected = {invariant} if "ZREM" not in command else {5, 10}
    assert expected <= {violation.invariant for violation in await scene.audit()}


@pytest.mark.parametrize(
    ("invariant", "sql", "command"),
    [
        (2, "UPDATE sandbox_charges SET status = 'captured' WHERE booking_id = {pending}", ""),
        (
            9,
            "INSERT INTO outbox (event_id, kind, booking_id) VALUES ({event}, 'settle', {sold})",
            "",
        ),
        (5, "", "SETRANGE {E}:seats 3 1"),
        (
            5,
            "UPDATE seats SET state = 'blocked', version = 9 WHERE event_id = {event} AND seat_no = 20",
            "",
        ),
        (10, "", "HDEL {E}:buyers o:{buyer}"),
    ],
)
async def test_unfinished_work_is_a_violation_only_when_all_is_quiet(
    scene: Scene, invariant: int, sql: str, command: str
) -> None:
    if sql:
        await scene.execute(sql)
    if command:
        await scene.redis(command)
    assert await scene.audit() == []
    assert {violation.invariant for violation in await scene.audit(quiet=True)} == {invariant}


async def test_an_unpublished_event_is_not_found(runtime: Runtime) -> None:
    with pytest.raises(NotFound):
        await audit(runtime.audit, new_id())
