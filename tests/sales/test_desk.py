"""Corrections, resent tickets and refunds on real stores; their races; and how searches find their rows."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from engine.audit.auditor import audit
from engine.base.actor import CLI, ORGANISER, Actor, ActorKind
from engine.base.config import Settings
from engine.base.errors import Conflict, Gone, PreconditionFailed
from engine.base.mail_addresses import email_key
from engine.base.model import Booking, BookingStatus, new_id
from engine.base.store_urls import StoreUrls
from engine.runtime import Runtime, open_runtime
from engine.sales.desk import Correction, read_reference
from tests.conftest import House
from tests.sales.test_races import assert_sound, outcome, until_waiting
from tests.support.worlds import make_world

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture(scope="module")
async def runtime(settings: Settings, stores: StoreUrls) -> AsyncIterator[Runtime]:
    """Databases of their own: no worker sends a mail here before the test looks at it."""
    world = await make_world(settings, stores, "desk", redis_database=6)
    async with open_runtime(world, role="test") as opened:
        await opened.stores.mongo.ensure_indexes()
        yield opened


async def sql(house: House, statement: str, *args: Any) -> list[Any]:
    async with house.runtime.stores.view.connection() as connection:
        return await connection.fetch(statement, *args)


async def bought(house: House, buyer: str, *seats: int, floor: int = 0) -> Booking:
    booking = (await house.book(buyer, await house.hold(buyer, *seats, floor=floor))).booking
    assert booking.status == BookingStatus.CONFIRMED
    return booking


async def correct(
    house: House, booking: Booking, version: int | None = None, **right: str
) -> Booking:
    return await house.runtime.sales.desk.correct(
        booking.booking_id, Correction(**right), version=version, actor=ORGANISER
    )


async def mails_of(house: House, booking: Booking) -> list[tuple[str, str, str]]:
    """Kind, address and status of its mails, in their order."""
    rows = await sql(
        house,
        "SELECT kind, email, status::text FROM notifications WHERE event_id = $1"
        " AND facts ->> 'booking_id' = $2 ORDER BY notification_id",
        house.event_id,
        booking.booking_id,
    )
    return [tuple(row) for row in rows]


@asynccontextmanager
async def locked(house: House, booking: Booking) -> AsyncIterator[None]:
    """The booking's row is locked by somebody else meanwhile."""
    async with (
        house.runtime.stores.view.connection() as connection,
        connection.transaction(),
    ):
        await connection.execute(
            "SELECT FROM bookings WHERE event_id = $1 AND booking_id = $2 FOR UPDATE",
            house.event_id,
            booking.booking_id,
        )
        yield


async def test_a_corrected_address_ends_the_links_of_the_wrong_one(
    house: House, buyer: str
) -> None:
    booking = await bought(house, buyer, 3, 4, floor=1)
    links = house.runtime.people.links

    async def token(email: str) -> str:
        return (await links.url("booking", booking.booking_id, email)).rpartition("/")[2]

    old = await token("ada@example.com")
    named = await correct(house, booking, name="Ada King")
    assert (await links.open("booking", old)).object_id == booking.booking_id
    capitals = await correct(house, named, email="Ada@Example.com")
    assert (await links.open("booking", old)).object_id == booking.booking_id
    moved = await correct(house, capitals, email="ada.king@straße.example")
    assert (moved.buyer.name, moved.buyer.email) == ("Ada King", "ada.king@straße.example")
    assert moved.version == booking.version + 3
    with pytest.raises(Gone):
        await links.open("booking", old)
    new = await token(moved.buyer.email)
    assert (await links.open("booking", new)).email == moved.buyer.email
    # Back at the first address the first link does not come back to life.
    back = await correct(house, moved, email="ada@example.com")
    with pytest.raises(Gone):
        await links.open("booking", old)
    assert await correct(house, back, email="ada@example.com", name="Ada King") == back

    rows = await sql(
        house,
        "SELECT actor, details FROM audit WHERE event_id = $1 AND action = 'corrected' ORDER BY audit_id",
        house.event_id,
    )
    assert [row["actor"] for row in rows] == ["organiser"] * 4
    assert rows[2]["details"] == {
        "before": {"email": "Ada@Example.com", "name": "Ada King"},
        "after": {"email": "ada.king@straße.example", "name": "Ada King"},
        "links_ended": True,
    }
    assert [row["details"]["links_ended"] for row in rows] == [False, False, True, True]
    await assert_sound(house)


async def test_a_mailbox_has_the_places_of_the_bookings_that_are_its_own(
    house: House, buyer: str
) -> None:
    """Corrections move the places that count for a mailbox's limit, and leave a cancelled booking's alone."""
    first, second = await bought(house, buyer, 3, floor=2), await bought(house, buyer, 5)
    await correct(house, first, email="eve@example.com")
    await correct(house, second, email="eve@example.com")
    counts = await sql(
        house, "SELECT places FROM mark_claims WHERE event_id = $1 ORDER BY places", house.event_id
    )
    assert [row["places"] for row in counts][:1] == [0]
    assert [row["places"] for row in counts].count(4) >= 1
    await assert_sound(house)
    await house.runtime.sales.desk.cancel(first.booking_id, actor=ORGANISER)
    await correct(house, first, email="ada@example.com")
    await assert_sound(house)


async def test_a_mail_that_waits_goes_to_the_right_address(house: House, buyer: str) -> None:
    booking = await bought(house, buyer, 3)
    assert await mails_of(house, booking) == [("booking-confirmed", "ada@example.com", "queued")]
    # A worker has it in its hands.
    async with house.runtime.stores.worker.transaction() as transaction:
        leased = await transaction.fetch("notifications.claim", new_id(), 1000, 600.0)
    (mine,) = [row for row in leased if row["facts"].get("booking_id") == booking.booking_id]
    await correct(house, booking, email="eve@example.com")
    assert await mails_of(house, booking) == [("booking-confirmed", "eve@example.com", "queued")]
    rows = await sql(
        house,
        "SELECT leased_by, due_at <= now() AS due FROM notifications WHERE notification_id = $1",
        mine["notification_id"],
    )
    assert [(row["leased_by"], row["due"]) for row in rows] == [(None, True)]


async def test_tickets_are_mailed_again_once_for_each_time_that_is_over(
    house: House, buyer: str
) -> None:
    booking = await bought(house, buyer, 3)
    desk = house.runtime.sales.desk
    waiting = await desk.resend(booking.booking_id, actor=CLI)
    assert len(await mails_of(house, booking)) == 1
    for count in (2, 3):
        await sql(
            house,
            "UPDATE notifications SET status = 'sent', ended_at = now() WHERE event_id = $1",
            house.event_id,
        )
        again = await asyncio.gather(
            *(desk.resend(booking.booking_id, actor=CLI) for _ in range(3))
        )
        assert len({resent.mail_id for resent in again}) == 1
        assert again[0].mail_id != waiting.mail_id
        assert len(await mails_of(house, booking)) == count
        # The mail that waits is corrected, too.
        mail = f"eve{count}@example.com"
        await correct(house, booking, email=mail)
        assert (await mails_of(house, booking))[-1] == ("booking-confirmed", mail, "queued")
    actions = await sql(
        house,
        "SELECT actor FROM audit WHERE event_id = $1 AND action = 'tickets-resent'",
        house.event_id,
    )
    assert [row["actor"] for row in actions] == ["cli", "cli"]
    await correct(house, booking, email="ada@example.invalid")
    await sql(
        house,
        "UPDATE notifications SET status = 'sent', ended_at = now() WHERE event_id = $1",
        house.event_id,
    )
    with pytest.raises(Conflict) as refused:
        await desk.resend(booking.booking_id, actor=CLI)
    assert refused.value.code == "no-address"


async def test_staff_and_buyer_cancel_at_once_and_the_money_goes_back_once(
    house: House, buyer: str
) -> None:
    booking = await bought(house, buyer, 3)
    desk, cancelling = house.runtime.sales.desk, house.runtime.sales.cancelling
    async with locked(house, booking):
        both = [
            asyncio.create_task(outcome(work))
            for work in (
                desk.cancel(booking.booking_id, actor=ORGANISER),
                cancelling.cancel(booking.booking_id, actor=Actor(ActorKind.BUYER), buyer_id=buyer),
            )
        ]
        await until_waiting(house)
    for result in await asyncio.gather(*both):
        assert isinstance(result, Booking)
        assert result.status == BookingStatus.CANCELLED
    actions = await sql(
        house,
        "SELECT action FROM audit WHERE booking_id = $1 AND action IN ('cancelled', 'refunded')"
        " ORDER BY action",
        booking.booking_id,
    )
    assert [row["action"] for row in actions] == ["cancelled", "refunded"]
    kinds = [kind for kind, _, _ in await mails_of(house, booking)]
    assert sorted(kinds) == ["booking-cancelled", "booking-confirmed", "booking-refunded"]
    await assert_sound(house)


async def test_a_correction_of_a_booking_that_changes_meanwhile_is_refused(
    house: House, buyer: str
) -> None:
    booking = await bought(house, buyer, 3)
    async with locked(house, booking):
        cancel = asyncio.create_task(
            outcome(house.runtime.sales.desk.cancel(booking.booking_id, actor=ORGANISER))
        )
        await until_waiting(house)
        late = asyncio.create_task(
            outcome(correct(house, booking, booking.version, email="eve@example.com"))
        )
        await until_waiting(house, 2)
    assert isinstance(await cancel, Booking)
    refused = await late
    assert isinstance(refused, PreconditionFailed)
    assert (await house.runtime.sales.desk.booking(booking.booking_id)).buyer == booking.buyer
    await assert_sound(house)


async def test_a_booking_corrected_before_it_is_confirmed_is_mailed_to_the_right_address(
    house: House, buyer: str
) -> None:
    """The confirmation waits for the correction, and reads the address behind it."""
    answer = await house.book(buyer, await house.hold(buyer, 3), "tok_3ds")
    booking = answer.booking
    assert booking.status == BookingStatus.PENDING
    sales = house.runtime.sales
    await sales.sandbox.complete_action(booking.booking_id, approve=True)
    async with locked(house, booking):
        correction = asyncio.create_task(correct(house, booking, email="eve@example.com"))
        await until_waiting(house)
        confirm = asyncio.create_task(sales.finishing.payment_arrived(booking.booking_id))
        await until_waiting(house, 2)
    await asyncio.gather(correction, confirm)
    found = await sales.desk.booking(booking.reference.lower())
    assert (found.status, found.buyer.email) == (BookingStatus.CONFIRMED, "eve@example.com")
    assert await mails_of(house, booking) == [("booking-confirmed", "eve@example.com", "queued")]
    await assert_sound(house)


async def test_an_owed_refund_is_made_when_staff_ask_for_it(house: House, buyer: str) -> None:
    booking = await bought(house, buyer, 3)
    sales = house.runtime.sales
    await sales.outcomes.cancel(booking, actor=ORGANISER, version=None)
    assert (await sales.desk.booking(booking.booking_id)).refunded is None
    twice = await asyncio.gather(*(sales.desk.refund(booking.booking_id) for _ in range(2)))
    assert [each.refunded for each in twice] == [booking.total] * 2
    await assert_sound(house)


async def test_an_event_that_has_begun_is_cancelled_by_staff_only(house: House, buyer: str) -> None:
    booking = await bought(house, buyer, 3)
    await sql(
        house,
        "INSERT INTO told_events (event_id, version, name, venue, starts_at)"
        " VALUES ($1, 1, '', '', now()) ON CONFLICT (event_id) DO UPDATE SET starts_at = now()",
        house.event_id,
    )
    sales = house.runtime.sales
    with pytest.raises(Conflict):
        await sales.cancelling.cancel(booking.booking_id, actor=Actor(ActorKind.BUYER))
    cancelled = await sales.desk.cancel(booking.booking_id, actor=ORGANISER)
    assert cancelled.status == BookingStatus.CANCELLED


def test_a_reference_is_read_as_people_say_it() -> None:
    assert read_reference(" 7k2m-9q4t xv ") == "7K2M9Q4TXV"
    assert read_reference("oil0123456") == "0110123456"
    for other in ("7K2M9Q4TX", "7K2M9Q4TXVA", "UUUUUUUUUU", "", "7K2M9Q4TX!"):
        assert read_reference(other) is None


# How rows are found


def scans_of(plan: dict[str, Any], table: str) -> Any:
    if plan.get("Relation Name") == table:
        yield plan
    for part in plan.get("Plans", []):
        yield from scans_of(part, table)


@pytest.mark.parametrize("rows", [50, 5_000])
@pytest.mark.parametrize(
    ("query", "index"),
    [("of_address", "bookings_address_idx"), ("of_references", "bookings_reference_idx")],
)
async def test_an_address_and_a_reference_are_looked_up_in_their_index(
    house: House, buyer: str, rows: int, query: str, index: str
) -> None:
    """Also in a small event, whose key looks as good to the planner."""
    booking = await correct(house, await bought(house, buyer, 3), email=f"{new_id()}@example.com")
    fill = (
        "INSERT INTO bookings (event_id, booking_id, hold_id, buyer_id, reference, status, live,"
        " amount_minor, currency, email, name, idempotency_key, request_id)"
        " SELECT $1, uuidv7(), uuidv7(), uuidv7(), 'other-' || n, 'cancelled', false, 0, 'EUR',"
        " 'p' || n || '@example.com', 'P', '', '' FROM generate_series(1, $2::integer) n"
    )
    await sql(house, fill, house.event_id, rows)
    await sql(house, "ANALYZE bookings")
    text = house.runtime.stores.view.text_of(f"desk.{query}")
    needle = {
        "of_address": f"'{email_key(booking.buyer.email)}'",
        "of_references": f"ARRAY['{booking.reference}']",
    }[query]
    values = [f"'{house.event_id}'", "NULL", "NULL", "20", "NULL", needle]
    for number, value in enumerate(values, 1):
        text = text.replace(f"${number}", value)
    async with house.runtime.stores.view.connection() as connection, connection.transaction():
        # What a table on few pages costs to read whole says nothing about one on many.
        await connection.execute("SET LOCAL enable_seqscan = off")
        (found,) = await connection.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}")
    (plan,) = json.loads(found[0])
    scans = list(scans_of(plan["Plan"], "bookings"))
    assert scans[0].get("Index Name") == index or any(
        part.get("Index Name") == index for part in _parts(plan["Plan"])
    )
    assert sum(scan["Actual Rows"] * scan["Actual Loops"] for scan in scans) <= 2
    await sql(
        house,
        "DELETE FROM bookings WHERE event_id = $1 AND reference LIKE 'other-%'",
        house.event_id,
    )
    assert await audit(house.runtime.audit, house.event_id) == []


def _parts(plan: dict[str, Any]) -> Any:
    yield plan
    for part in plan.get("Plans", []):
        yield from _parts(part)
