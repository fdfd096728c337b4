"""Mails and notices: queued with their cause, written from the present state, sent once."""

import asyncio
import re
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from engine.base import metrics
from engine.base.actor import CLI, ORGANISER, Actor, ActorKind
from engine.base.config import Settings
from engine.base.errors import Conflict, InvalidInput, NotFound
from engine.base.mail_addresses import email_key
from engine.base.model import Buyer, new_id
from engine.base.store_urls import StoreUrls
from engine.base.zones import zone
from engine.catalog.model import EventPatch
from engine.catalog.venues import VenuePatch
from engine.live.keys import person_channel
from engine.notifications.model import MailKind, Status, Texts
from engine.runtime import Runtime, open_runtime
from engine.sales.qr import qr_png
from engine.waitlist.model import Contact, Wanted
from tests.conftest import House, make_event
from tests.support.mail import Deed, Mailbox, Stage, mailbox
from tests.support.post import MAIL_FROM, cloned_database, post_settings, statuses

pytestmark = pytest.mark.integration

OpenPost = Callable[..., Awaitable[Runtime]]


@pytest_asyncio.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as opened:
        yield opened


@pytest_asyncio.fixture
async def post_url(stores: StoreUrls) -> AsyncIterator[str]:
    async with cloned_database(stores) as url:
        yield url


@pytest_asyncio.fixture
async def post(
    settings: Settings, stores: StoreUrls, post_url: str, box: Mailbox
) -> AsyncIterator[Runtime]:
    """The engine, with ``box`` as its mail server."""
    wanted = post_settings(settings, stores, post_url, smtp_url=box.url)
    async with open_runtime(wanted, role="test") as runtime:
        yield runtime


@pytest_asyncio.fixture
async def house(post: Runtime) -> House:
    return House(post, await make_event(post, name="The Tempest", buyer_limit=100))


async def send(runtime: Runtime) -> None:
    """Send until nothing is due."""
    while await runtime.notifications.sender.run_once():
        pass


async def settle(runtime: Runtime, *, timeout_s: float = 60) -> None:
    """Send until nothing waits any more, retries included."""
    async with asyncio.timeout(timeout_s):
        while any(status in ("queued", "sending") for _, status in await statuses(runtime)):
            await runtime.notifications.sender.run_once()
            await runtime.notifications.watch.run_once()
            await asyncio.sleep(0.01)


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert isinstance(body, EmailMessage)
    return str(body.get_content())


async def test_a_booking_is_confirmed_by_mail_with_its_tickets(
    house: House, post: Runtime, box: Mailbox, buyer: str
) -> None:
    answer = await house.book(buyer, await house.hold(buyer, 3, 4, floor=2))
    await send(post)
    [mail] = box.accepted
    assert mail["From"] == MAIL_FROM
    assert mail["To"] == "Ada <ada@example.com>"
    assert mail["Subject"] == "Your tickets for The Tempest"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "List-Unsubscribe" not in mail
    tickets = await post.sales.tickets.of_booking(answer.booking.booking_id)
    text, html = part(mail, "plain"), part(mail, "html")
    for said in (answer.booking.reference, "€160.00", "2 × Floor", "Stalls, row R1, seat 4"):
        assert said in text
        assert said in html
    pictures = [p for p in mail.walk() if p.get_content_type() == "image/png"]
    assert [p.get_payload(decode=True) for p in pictures] == [qr_png(t.code) for t in tickets]
    assert len(tickets) == 4
    shown = re.findall(r'src="cid:([\w-]+)"', html)
    assert [f"<{name}>" for name in shown] == [p["Content-ID"] for p in pictures]
    assert all(p.get_content_disposition() == "inline" for p in pictures)
    assert all(ticket.code in text for ticket in tickets)
    assert f"/events/{house.event_id}" in text
    [row] = await post.notifications.deliveries.mails(limit=10)
    assert (row.status, row.attempts, row.event_id) == (Status.SENT, 1, house.event_id)
    assert str(mail["Message-ID"]) == f"<{row.mail_id}@theatre.example>"
    [attempt] = (await post.notifications.deliveries.mail(row.mail_id)).log
    assert (attempt.outcome, attempt.reply) == ("accepted", "250 2.0.0 Ok: queued")


async def test_tickets_are_drawn_without_blocking_the_loop(
    house: House, post: Runtime, box: Mailbox, buyer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred of them take a second, in which holds must still expire."""
    drawn_by: list[int] = []

    def draw(code: str) -> bytes:
        drawn_by.append(threading.get_ident())
        return qr_png(code)

    monkeypatch.setattr("engine.notifications.facts.qr_png", draw)
    await house.book(buyer, await house.hold(buyer, 3, 4))
    await send(post)
    assert len(box.accepted) == 1
    assert len(drawn_by) == 2
    assert threading.get_ident() not in drawn_by


async def test_cancellation_and_refund_are_each_announced_once(
    house: House, post: Runtime, box: Mailbox, buyer: str
) -> None:
    answer = await house.book(buyer, await house.hold(buyer, 3))
    await send(post)
    await post.sales.cancelling.cancel(
        answer.booking.booking_id, actor=Actor(ActorKind.BUYER), buyer_id=buyer
    )
    await post.sales.cancelling.cancel(
        answer.booking.booking_id, actor=Actor(ActorKind.BUYER), buyer_id=buyer
    )
    await post.sales.cancelling.refund(house.event_id, answer.booking.booking_id)
    await send(post)
    assert [str(mail["X-Frontrow-Kind"]) for mail in box.accepted] == [
        "booking-confirmed",
        "booking-cancelled",
        "booking-refunded",
    ]
    assert "€50.00" in part(box.accepted[2], "plain")


async def test_a_mail_is_written_from_the_state_when_it_leaves(
    house: House, post: Runtime, box: Mailbox, buyer: str
) -> None:
    answer = await house.book(buyer, await house.hold(buyer, 3))
    await post.sales.cancelling.cancel(
        answer.booking.booking_id, actor=Actor(ActorKind.BUYER), buyer_id=buyer
    )
    await send(post)
    # Its tickets are void by now and are not sent.
    assert [str(mail["X-Frontrow-Kind"]) for mail in box.accepted] == [
        "booking-cancelled",
        "booking-refunded",
    ]
    [skipped] = await post.notifications.deliveries.mails(statuses=[Status.SKIPPED], limit=10)
    assert (skipped.kind, skipped.reason) == (MailKind.BOOKING_CONFIRMED, "booking-cancelled")


async def test_each_address_gets_one_mail_about_a_cancelled_event(
    house: House, post: Runtime, box: Mailbox
) -> None:
    ada, ada_again, ben, guest = (new_id() for _ in range(4))
    await house.book(ada, await house.hold(ada, 0))
    await house.book(ada, await house.hold(ada, 1))
    # The same address on another device.
    await house.book(ada_again, await house.hold(ada_again, 2))
    await fill(house, keep=0)
    who = Contact(buyer=Buyer("ben@example.com", "Ben"), language="de")
    await post.waitlist.entries.join(house.event_id, ben, Wanted(quantity=1), who)
    await post.waitlist.entries.join(house.event_id, guest, Wanted(quantity=1), Contact())
    await settle(post)
    box.accepted.clear()
    await post.events.publishing.cancel(house.event_id)
    await post.events.publishing.cancel(house.event_id)
    while await post.events.closing.run_once():
        pass
    await settle(post)
    told = [(str(m["To"]), m["X-Frontrow-Kind"]) for m in box.accepted]
    assert told.count(("Ada <ada@example.com>", "event-cancelled")) == 1
    assert told.count(("Ben <ben@example.com>", "event-cancelled")) == 1
    assert not [kind for _, kind in told if kind == "booking-cancelled"]
    # Three bookings of Ada's, and the one that filled the house.
    assert len([kind for _, kind in told if kind == "booking-refunded"]) == 4
    refund = next(m for m in box.accepted if m["X-Frontrow-Kind"] == "booking-refunded")
    assert "The event is cancelled." in part(refund, "plain")
    ben_mail = next(m for m in box.accepted if m["To"] == "Ben <ben@example.com>")
    assert ben_mail["Subject"] == "Abgesagt: The Tempest"


async def fill(house: House, *, keep: int) -> str:
    """Sell all but the last ``keep`` seats to one person with another address."""
    person = new_id()
    states = await house.states()
    free = [no for no, state in enumerate(states) if state == "0"]
    seats = free[: len(free) - keep]
    hold = await house.hold(person, *seats, floor=await house.floor_free())
    request = msgspec.structs.replace(
        house.request(hold), buyer=Buyer("everybody@example.com", "Everybody")
    )
    await house.runtime.sales.checkout.book(person, new_id(), request)
    return person


async def test_an_edit_is_announced_once_and_live(
    house: House, post: Runtime, box: Mailbox, buyer: str
) -> None:
    await house.book(buyer, await house.hold(buyer, 3))
    await settle(post)
    box.accepted.clear()
    event = await post.catalog.event(house.event_id)
    later = event.starts_at + timedelta(hours=1)
    async with post.stores.redis.client.pubsub() as ear:
        await ear.subscribe(person_channel(buyer))
        edited = await post.events.publishing.patch(
            house.event_id, EventPatch(starts_at=later, description="New"), version=event.version
        )
        # A changed description is not announced.
        await post.events.publishing.patch(
            house.event_id, EventPatch(description="Newer"), version=edited.version
        )
        assert await post.notifications.announcing.run_once() == 0
        await settle(post)
        assert await post.notifications.watch.tell() == 1
        assert await post.notifications.watch.tell() == 0
        heard = await heard_by(ear, 1)
    [mail] = box.accepted
    assert mail["Subject"] == "Changed: The Tempest"
    assert f"{later:%H:%M} UTC" in part(mail, "plain")
    assert f"{event.starts_at:%H:%M} UTC" in part(mail, "plain")
    assert heard[0]["type"] == "notice"
    assert (heard[0]["code"], heard[0]["event_id"]) == ("event-changed", house.event_id)
    assert heard[0]["changes"][0]["what"] == "starts_at"


async def heard_by(ear: Any, count: int) -> list[Any]:
    heard: list[Any] = []
    async with asyncio.timeout(60):
        while len(heard) < count:
            message = await ear.get_message(ignore_subscribe_messages=True, timeout=1)
            if message is not None:
                news = msgspec.json.decode(message["data"].removeprefix(b"m|"))
                heard += [news] if news["type"] == "notice" else []
    return heard


async def test_a_corrected_zone_is_announced_where_people_have_read_another_time(
    house: House, post: Runtime, box: Mailbox, buyer: str
) -> None:
    await house.book(buyer, await house.hold(buyer, 3))
    venue_id = (await post.catalog.event(house.event_id)).venue.venue_id
    venues = post.catalog.venues

    async def correct(timezone: str, version: int) -> list[str]:
        await settle(post)
        box.accepted.clear()
        await venues.patch(venue_id, VenuePatch(timezone=timezone), version=version)
        await post.notifications.announcing.run_once()
        await settle(post)
        return [part(mail, "plain") for mail in box.accepted]

    # They read "18:00 UTC", which is true in every zone.
    assert await correct("America/New_York", 1) == []
    # The same clock, under another name.
    assert await correct("America/Toronto", 2) == []
    [text] = await correct("Asia/Tokyo", 3)
    starts_at = (await post.catalog.event(house.event_id)).starts_at
    there = starts_at.astimezone(zone("Asia/Tokyo"))
    assert f"Starts: {there:%A, %-d %B %Y, %H:%M}\r\n" in text
    assert f"(was: {starts_at.astimezone(zone('America/Toronto')):%A, %-d %B %Y, %H:%M})" in text


async def test_a_worker_announces_an_edit_whose_process_died(
    house: House, post: Runtime, box: Mailbox, buyer: str
) -> None:
    await house.book(buyer, await house.hold(buyer, 3))
    await settle(post)
    event = await post.catalog.event(house.event_id)
    # The state left by a process that dies right after MongoDB's answer.
    await post.catalog.patch_event(
        house.event_id, EventPatch(name="The Storm"), version=event.version
    )
    await post.notifications.announcing.run_once()
    await post.notifications.announcing.run_once()
    await settle(post)
    assert [str(m["Subject"]) for m in box.accepted[1:]] == ["Changed: The Storm"]


async def test_a_waitlist_entry_is_confirmed_in_the_persons_language(
    house: House, post: Runtime, box: Mailbox, buyer: str
) -> None:
    await fill(house, keep=0)
    await settle(post)
    box.accepted.clear()
    who = Contact(buyer=Buyer("carl@example.com", "Carl"), language="de")
    wanted = Wanted(quantity=2, categories=["Front"])
    await post.waitlist.entries.join(house.event_id, buyer, wanted, who)
    await settle(post)
    [mail] = box.accepted
    assert mail["Subject"] == "Sie stehen auf der Warteliste für The Tempest"
    assert "2 Plätze nebeneinander, Front" in part(mail, "plain")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = str(mail["List-Unsubscribe"]).strip("<>")
    assert await post.notifications.unsubscribe.redeem(url.rpartition("/")[2]) == "waitlist"
    person = await post.people.accounts.person(buyer)
    assert person.preferences.email.waitlist is False
    assert person.preferences.email.event is True


async def test_an_offer_is_mailed_unless_such_mails_are_switched_off(
    house: House, post: Runtime, box: Mailbox
) -> None:
    seller = await fill(house, keep=0)
    dora, emil = new_id(), new_id()
    for person, name in ((dora, "dora"), (emil, "emil")):
        who = Contact(buyer=Buyer(f"{name}@example.com", name))
        await post.waitlist.entries.join(house.event_id, person, Wanted(quantity=1), who)
    await post.notifications.unsubscribe.redeem(
        post.notifications.unsubscribe.token(emil, "waitlist")
    )
    await settle(post)
    box.accepted.clear()
    [booking] = await post.sales.reading.of_buyer(seller, after=None, limit=1)
    await post.sales.cancelling.cancel(
        booking.booking_id, actor=Actor(ActorKind.BUYER), buyer_id=seller
    )
    async with asyncio.timeout(60):
        while ("offer-made", "queued") not in await statuses(post):
            await post.waitlist.serve()
    await settle(post)
    offers = [m for m in box.accepted if m["X-Frontrow-Kind"] == "offer-made"]
    assert [str(m["To"]) for m in offers] == ["dora <dora@example.com>"]
    assert "kept for you until" in str(offers[0]["Subject"])
    off = await post.notifications.deliveries.mails(email="emil@example.com", limit=10)
    assert {(mail.status, mail.reason) for mail in off} == {(Status.SKIPPED, "switched-off")}


# Enqueueing


async def test_a_batch_of_bookings_costs_one_statement_however_many_they_are(
    post: Runtime, house: House
) -> None:
    """Statements inside the booking functions, counted by PostgreSQL itself."""

    async def inserts(count: int) -> int:
        buyers = [new_id() for _ in range(count)]
        holds = [
            await house.hold(person, no)
            for person, no in zip(buyers, free_seats(await house.states()), strict=False)
        ]
        async with post.stores.view.connection() as connection:
            await connection.execute(
                "CREATE TABLE IF NOT EXISTS counted (n integer);"
                "CREATE OR REPLACE FUNCTION count_statement() RETURNS trigger LANGUAGE plpgsql AS "
                "'BEGIN INSERT INTO counted VALUES (1); RETURN NULL; END';"
                "CREATE OR REPLACE TRIGGER counting AFTER INSERT ON notifications "
                "FOR EACH STATEMENT EXECUTE FUNCTION count_statement(); TRUNCATE counted"
            )
        confirm_batch = post.sales.ledger.confirm_batch
        batches = 0

        async def counting(members: Any) -> Any:
            nonlocal batches
            batches += 1
            return await confirm_batch(members)

        post.sales.ledger._confirming._flush = counting
        await asyncio.gather(*(house.book(b, h) for b, h in zip(buyers, holds, strict=True)))
        async with post.stores.view.connection() as connection:
            statements: int = await connection.fetchval("SELECT count(*) FROM counted")
        assert statements == batches
        return batches

    assert await inserts(20) < 20
    assert (await statuses(post))["booking-confirmed", "queued"] == 20


def free_seats(states: str) -> list[int]:
    return [no for no, state in enumerate(states) if state == "0"]


async def enqueue(runtime: Runtime, kind: str, cause: str, **who: Any) -> int:
    async with runtime.stores.view.connection() as connection:
        made: int = await connection.fetchval(
            "SELECT enqueue_notifications(ARRAY[ROW("
            "  $1::text, $2::text, $3::uuid, $4::uuid, $5::text, $6::text, $7::text, '{}')::notification_command])",
            kind,
            cause,
            who.get("event_id"),
            who["person_id"],
            who.get("email"),
            who.get("name"),
            who.get("language"),
        )
    return made


async def test_a_cause_is_queued_once_and_only_with_an_address(post: Runtime, buyer: str) -> None:
    assert await enqueue(post, "welcome", buyer, person_id=buyer) == 0
    assert await enqueue(post, "welcome", buyer, person_id=buyer, email="") == 0
    assert await enqueue(post, "welcome", buyer, person_id=buyer, email="a@demo.invalid") == 0
    async with post.stores.view.connection() as connection:
        await connection.execute(
            "INSERT INTO people (person_id, email, name, language) VALUES ($1, 'f@example.com', 'F', 'de')",
            buyer,
        )
    made = await asyncio.gather(
        *(enqueue(post, "welcome", buyer, person_id=buyer) for _ in range(5))
    )
    assert sum(made) == 1
    [mail] = await post.notifications.deliveries.mails(limit=10)
    assert (mail.email, mail.name, mail.language, mail.event_id) == (
        "f@example.com",
        "F",
        "de",
        None,
    )


async def test_without_an_address_only_the_live_message_is_queued(
    post: Runtime, buyer: str
) -> None:
    event_id = await make_event(post)
    asked = {"person_id": buyer, "event_id": event_id}
    assert await enqueue(post, "event-cancelled", event_id, **asked) == 1
    assert await enqueue(post, "event-cancelled", event_id, **asked) == 0
    [mail] = await post.notifications.deliveries.mails(limit=10)
    assert (mail.status, mail.reason, mail.email) == (Status.SKIPPED, "no-address", None)
    assert await post.notifications.watch.tell() == 1


# When the server says no


def whim(stage: Stage, deed: Deed, times: int = 10**6) -> Callable[[Stage, str], Deed | None]:
    left = times

    def choose(at: Stage, _: str) -> Deed | None:
        nonlocal left
        if at != stage or left == 0:
            return None
        left -= 1
        return deed

    return choose


async def prove(runtime: Runtime, email: str) -> None:
    await runtime.stores.view.fetch("people.prove_address", email_key(email))


async def welcome(runtime: Runtime, email: str = "gina@example.com") -> str:
    person = new_id()
    assert (
        await enqueue(runtime, "welcome", person, person_id=person, email=email, name="Gina") == 1
    )
    [mail] = await runtime.notifications.deliveries.mails(email=email, limit=1)
    return mail.mail_id


@pytest.mark.parametrize(
    ("stage", "deed", "outcome"),
    [
        ("EHLO", "421", "unreachable"),
        ("EHLO", "drop", "unreachable"),
        ("MAIL", "4xx", "deferred"),
        ("MAIL", "5xx", "deferred"),
        ("MAIL", "421", "deferred"),
        ("MAIL", "drop", "unreachable"),
        ("RCPT", "4xx", "deferred"),
        ("RCPT", "drop", "unreachable"),
        ("DATA", "4xx", "deferred"),
        ("DATA", "drop", "unreachable"),
        ("content", "drop", "unreachable"),
        ("dot", "4xx", "deferred"),
        ("dot", "421", "deferred"),
    ],
)
async def test_a_temporary_failure_is_retried(
    post: Runtime, box: Mailbox, stage: Stage, deed: Deed, outcome: str
) -> None:
    box.choose = whim(stage, deed, 2)
    mail_id = await welcome(post)
    await settle(post)
    assert len(box.accepted) == 1
    log = (await post.notifications.deliveries.mail(mail_id)).log
    assert [a.outcome for a in log][-1] == "accepted"
    assert {a.outcome for a in log[:-1]} == {outcome}, log
    assert all(a.ended_at is not None and a.reply for a in log)


@pytest.mark.parametrize("stage", ["RCPT", "DATA", "dot"])
async def test_a_refused_mail_is_dead_with_the_servers_words_and_can_be_resent(
    post: Runtime, box: Mailbox, stage: Stage
) -> None:
    box.choose = whim(stage, "5xx")
    mail_id = await welcome(post)
    await settle(post)
    dead = await post.notifications.deliveries.mail(mail_id)
    assert (dead.status, dead.reason, dead.attempts) == (Status.DEAD, "550 5.1.1 Never", 1)
    box.choose = whim(stage, "5xx", 0)
    again = await post.notifications.deliveries.resend(mail_id, actor=ORGANISER)
    assert again.status == Status.QUEUED
    await settle(post)
    assert box.counts() == {f"<{mail_id}@theatre.example>": 1}
    with pytest.raises(Conflict) as refused:
        await post.notifications.deliveries.resend(mail_id, actor=ORGANISER)
    assert refused.value.code == "mail-not-resendable"


@pytest.mark.parametrize("deed", ["drop", "drop-kept", "hang"])
async def test_a_lost_answer_is_never_followed_by_a_second_mail(
    settings: Settings,
    stores: StoreUrls,
    post_url: str,
    box: Mailbox,
    deed: Deed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if deed == "hang":
        # Only the server's silence at the dot reaches its time limit.
        monkeypatch.setattr("engine.notifications.smtp.PATIENCE", 0.1)
    wanted = post_settings(settings, stores, post_url, smtp_url=box.url)
    async with open_runtime(wanted, role="test") as post:
        box.choose = whim("dot", deed)
        mail_id = await welcome(post)
        await settle(post)
        mail = await post.notifications.deliveries.mail(mail_id)
        assert mail.status == Status.UNKNOWN
        assert [a.outcome for a in mail.log] == ["unknown"]
        box.choose = whim("dot", deed, 0)
        monkeypatch.undo()
        await settle(post)
        assert len(box.accepted) == (1 if deed == "drop-kept" else 0)
        # Resent manually, by a person who has asked the recipient.
        assert await post.notifications.deliveries.resend_failed([Status.UNKNOWN], actor=CLI) == 1
        await settle(post)
        assert len(box.accepted) == (2 if deed == "drop-kept" else 1)


async def test_one_deferred_mail_does_not_hold_back_others(post: Runtime, box: Mailbox) -> None:
    box.choose = lambda stage, to: "4xx" if stage == "RCPT" and to.startswith("hal") else None
    for name in ("hal", "ida", "jim"):
        await welcome(post, f"{name}@example.com")
    await post.notifications.sender.run_once()
    assert {str(m["To"]) for m in box.accepted} == {
        "Gina <ida@example.com>",
        "Gina <jim@example.com>",
    }


async def test_many_mails_share_a_connection_and_a_lost_one_is_reopened(
    settings: Settings, stores: StoreUrls, post_url: str, box: Mailbox
) -> None:
    wanted = post_settings(settings, stores, post_url, smtp_url=box.url, mail_concurrency=1)
    async with open_runtime(wanted, role="test") as post:
        for round_no in range(3):
            for no in range(4):
                await welcome(post, f"k{round_no}{no}@example.com")
            await send(post)
            if round_no == 1:
                await box.close()
                await box.open()
    assert len(box.accepted) == 12
    assert box.connections == 2


async def test_several_mails_are_under_way_at_once(post: Runtime, box: Mailbox) -> None:
    # A sender that sends one mail after the other would wait here for ever.
    box.gate = asyncio.Barrier(4).wait
    for no in range(8):
        await welcome(post, f"k{no}@example.com")
    async with asyncio.timeout(60):
        await send(post)
    assert len(box.accepted) == len(box.counts()) == 8


async def test_mails_to_one_address_follow_each_other(post: Runtime, box: Mailbox) -> None:
    await prove(post, "kim@example.com")
    mail_ids = [await welcome(post, email) for email in ("Kim@example.com", "kim@example.com") * 4]
    await send(post)
    assert [str(m["Message-ID"]).partition("@")[0][1:] for m in box.accepted] == mail_ids
    assert box.connections == 1


async def test_a_server_that_allows_few_sessions_gets_its_mails_over_these(
    post: Runtime, box: Mailbox
) -> None:
    box.choose = lambda stage, _: "421" if stage == "EHLO" and box.sessions > 2 else None
    box.delay_s = 0.01
    for no in range(40):
        await welcome(post, f"k{no}@example.com")
    await settle(post)
    assert len(box.accepted) == len(box.counts()) == 40
    # Each session was requested once, not for every mail.
    assert box.connections <= post.settings.mail_concurrency


async def test_all_sessions_share_one_pace(
    settings: Settings, stores: StoreUrls, post_url: str, box: Mailbox
) -> None:
    wanted = post_settings(settings, stores, post_url, smtp_url=box.url, mail_per_second=3.0)
    async with open_runtime(wanted, role="test") as post:
        for no in range(6):
            await welcome(post, f"k{no}@example.com")
        started = time.monotonic()
        await send(post)
        assert time.monotonic() - started >= 5 / 3
    assert len(box.accepted) == 6


async def test_a_slow_answer_for_one_mail_does_not_hold_back_others(
    post: Runtime, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.notifications.lanes.ROUND_S", 0.2)
    box.choose = lambda stage, to: "hang" if stage == "dot" and to.startswith("hal") else None
    for names in (("hal", "ida"), ("jim",)):
        for name in names:
            await welcome(post, f"{name}@example.com")
        async with asyncio.timeout(60):
            while ("welcome", "queued") in await statuses(post):
                await post.notifications.sender.run_once()
    assert await statuses(post) == {("welcome", "sending"): 1, ("welcome", "sent"): 2}


async def test_only_one_mail_is_tried_while_the_server_is_away(post: Runtime, box: Mailbox) -> None:
    await box.close()
    for no in range(5):
        await welcome(post, f"k{no}@example.com")
    assert await post.notifications.sender.run_once() == 0
    mails = await post.notifications.deliveries.mails(limit=10)
    assert sorted(mail.attempts for mail in mails) == [0, 0, 0, 0, 1]


async def test_an_unreachable_server_costs_no_mail_an_attempt(
    settings: Settings, stores: StoreUrls, post_url: str, box: Mailbox
) -> None:
    wanted = post_settings(settings, stores, post_url, smtp_url=box.url, mail_attempts_max=2)
    async with open_runtime(wanted, role="test") as post:
        await box.close()
        mail_id = await welcome(post)
        async with asyncio.timeout(60):
            while (await post.notifications.deliveries.mail(mail_id)).attempts < 5:
                await post.notifications.sender.run_once()
                await asyncio.sleep(0.01)
        await box.open()
        await settle(post)
        assert len(box.accepted) == 1


async def test_a_mail_deferred_too_often_or_too_long_is_dead(
    settings: Settings, stores: StoreUrls, post_url: str, box: Mailbox
) -> None:
    wanted = post_settings(settings, stores, post_url, smtp_url=box.url, mail_attempts_max=3)
    async with open_runtime(wanted, role="test") as post:
        box.choose = whim("RCPT", "4xx")
        often = await welcome(post)
        await settle(post)
        mail = await post.notifications.deliveries.mail(often)
        assert (mail.status, len(mail.log)) == (Status.DEAD, 3)
        assert mail.reason == "Deferred too often: 451 4.3.0 Not now"
        long = await welcome(post, "old@example.com")
        async with post.stores.view.connection() as connection:
            await connection.execute(
                "UPDATE notifications SET queued_at = now() - interval '3 days' WHERE notification_id = $1",
                long,
            )
        await settle(post)
        mail = await post.notifications.deliveries.mail(long)
        assert mail.status == Status.DEAD
        assert (mail.reason or "").startswith("Tried for too long")


async def test_a_mail_to_an_invalid_address_is_dead_without_asking_a_server(
    post: Runtime, box: Mailbox
) -> None:
    mail_id = await welcome(post, "a>b@example.com")
    await settle(post)
    mail = await post.notifications.deliveries.mail(mail_id)
    assert (mail.status, mail.log[0].outcome) == (Status.DEAD, "unwritable")
    assert box.connections == 0


# Who the server is, and who we are


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A key and a self-signed certificate for 127.0.0.1."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificate")
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-keyout", str(key), "-out", str(certificate), "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return key, certificate


@pytest.mark.parametrize(
    ("password", "knows_ca", "says"),
    [("right", True, "sent"), ("wrong", True, "535"), ("right", False, "certificate")],
)
async def test_encryption_and_login_errors_are_reported_and_the_mail_waits(
    settings: Settings,
    stores: StoreUrls,
    post_url: str,
    box: Mailbox,
    certificate: tuple[Path, Path],
    password: str,
    knows_ca: bool,
    says: str,
) -> None:
    key, signed = certificate
    box.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    box.tls.load_cert_chain(signed, key)
    box.login = ("frontrow", "right")
    url = box.url.replace("//", f"//frontrow:{password}@") + (f"?ca={signed}" if knows_ca else "")
    wanted = post_settings(settings, stores, post_url, smtp_url=url)
    async with open_runtime(wanted, role="test") as post:
        mail_id = await welcome(post)
        await post.notifications.sender.run_once()
        mail = await post.notifications.deliveries.mail(mail_id)
        if says == "sent":
            assert mail.status == Status.SENT
        else:
            # The operator must correct the setting: the mail waits until then.
            assert mail.status == Status.QUEUED
            assert [a.outcome for a in mail.log] == ["unreachable"]
            assert says in (mail.reason or "")
            assert not box.accepted


# Two workers


async def test_a_worker_that_lost_the_lease_does_not_finish_the_mail(
    settings: Settings, stores: StoreUrls, post_url: str, box: Mailbox
) -> None:
    """A worker that stalled in the middle of a mail while another one sent it."""
    wanted = post_settings(settings, stores, post_url, smtp_url=box.url)
    async with (
        open_runtime(wanted, role="test") as sleepy,
        open_runtime(wanted, role="test") as awake,
    ):
        await welcome(sleepy)
        reached, go_on = asyncio.Event(), asyncio.Event()
        postgres = sleepy.notifications.sender._pg
        fetchval = postgres.fetchval

        async def slow(name: str, *args: Any, event_id: str | None = None) -> Any:
            if name == "notifications.hand_over":
                reached.set()
                await go_on.wait()
            return await fetchval(name, *args, event_id=event_id)

        postgres.fetchval = slow  # type: ignore[method-assign]
        asleep = asyncio.create_task(sleepy.notifications.sender.run_once())
        await reached.wait()
        async with awake.stores.view.connection() as connection:
            await connection.execute("UPDATE notifications SET due_at = now()")
        await settle(awake)
        assert len(box.accepted) == 1
        go_on.set()
        await asleep
        assert len(box.accepted) == 1
        assert await statuses(awake) == {("welcome", "sent"): 1}


async def test_an_unfinished_delivery_is_unknown(post: Runtime, box: Mailbox) -> None:
    mail_id = await welcome(post)
    sender = post.notifications.sender
    async with post.stores.view.connection() as connection:
        # The state left by a worker that is killed between the dot and its record.
        await post.stores.view.fetch("notifications.claim", sender._me, 1, 60.0)
        attempt = await post.stores.view.fetchval(
            "notifications.hand_over",
            "00000000-0000-0000-0000-000000000000",
            mail_id,
            sender._me,
            60.0,
            datetime.now(UTC),
        )
        assert attempt == 1
        await post.notifications.watch.run_once()
        assert await statuses(post) == {("welcome", "sending"): 1}
        await connection.execute("UPDATE notifications SET due_at = now()")
    await settle(post)
    mail = await post.notifications.deliveries.mail(mail_id)
    assert (mail.status, mail.log[0].outcome) == (Status.UNKNOWN, "unknown")
    assert not box.accepted


# Templates


async def test_an_organisers_template_is_versioned_previewed_activated_and_rolled_back(
    post: Runtime, box: Mailbox
) -> None:
    templates = post.notifications.templates
    await send(post)
    assert await templates.bring_in_product_texts() == 0
    [first] = await templates.versions("welcome", "en")
    assert (first.version, first.source) == (1, "product")
    texts = Texts(
        subject="Hi {{ person.name }}", html="<p>{{ person.name }}</p>", text="{{ site.url }}"
    )
    second = await templates.add(
        "welcome", "en", texts, note="shorter", activate=True, actor=ORGANISER
    )
    assert second.version == 2
    await welcome(post, "lena@example.com")
    await send(post)
    assert box.accepted[-1]["Subject"] == "Hi Gina"
    assert (await templates.roll_back("welcome", "en", actor=ORGANISER)).version == 1
    await welcome(post, "mia@example.com")
    await send(post)
    assert box.accepted[-1]["Subject"] == "Is this address yours?"
    with pytest.raises(Conflict) as refused:
        await templates.roll_back("welcome", "en", actor=ORGANISER)
    assert refused.value.code == "nothing-to-roll-back"
    assert (await templates.activate("welcome", "en", 2, actor=ORGANISER)).version == 2


@pytest.mark.parametrize(
    ("broken", "place"),
    [
        ({"subject": "{{ person.nam }}"}, "subject"),
        ({"subject": ""}, "subject"),
        ({"html": "<p>{% if %}</p>"}, "html"),
        ({"html": "{{ person.__class__ }}"}, "html"),
        ({"text": "{{ [].append.__globals__ }}"}, "text"),
        ({"text": "{{ 'a' * 10**9 }}"}, "text"),
        (
            {
                "text": "{% for a in range(9999) %}{% for b in range(9999) %}aaaaaaaaa{% endfor %}{% endfor %}"
            },
            "text",
        ),
        ({"text": "{% include 'other' %}"}, "text"),
        ({"text": "{{ 1 / 0 }}"}, "text"),
    ],
)
async def test_a_broken_template_is_refused_when_it_is_saved(
    post: Runtime, broken: dict[str, str], place: str
) -> None:
    texts = {"subject": "Hi", "html": "<p>Hi</p>", "text": "Hi", **broken}
    with pytest.raises(InvalidInput) as refused:
        await post.notifications.templates.add(
            "welcome", "en", Texts(**texts), note="", activate=True, actor=ORGANISER
        )
    assert refused.value.code == "template-broken"
    assert refused.value.extra["errors"][0]["key"] == place
    with pytest.raises(NotFound):
        await post.notifications.templates.version("welcome", "en", 2)


async def test_a_template_that_breaks_on_real_facts_loses_no_mail(
    post: Runtime, box: Mailbox
) -> None:
    texts = Texts(
        subject="Hi",
        # The samples are all of one domain.
        html="{% if 'gina' in person.email %}{{ missing }}{% endif %}<p>Hi</p>",
        text="Hi",
    )
    await post.notifications.templates.add(
        "welcome", "en", texts, note="", activate=True, actor=ORGANISER
    )
    await welcome(post)
    await send(post)
    assert [str(m["Subject"]) for m in box.accepted] == ["Is this address yours?"]


async def test_a_template_that_stalls_on_real_facts_is_set_aside(
    post: Runtime, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.notifications.template_versions._MAIL_CPU_S", 0.2)
    stalls = "{% for a in range(99999) %}" * 3 + "{% endfor %}" * 3
    texts = Texts(
        subject="Ours", html=f"{{% if 'gina' in person.email %}}{stalls}{{% endif %}}Hi", text="Hi"
    )
    templates = post.notifications.templates
    await templates.add("welcome", "en", texts, note="", activate=True, actor=ORGANISER)
    for email in ("gina@example.com", "lena@example.com"):
        await welcome(post, email)
        await send(post)
    # Nor does the second mail take that long; the template would not even stall on it.
    assert [str(m["Subject"]) for m in box.accepted] == ["Is this address yours?"] * 2
    await templates.add("welcome", "en", texts, note="", activate=True, actor=ORGANISER)
    await welcome(post, "mia@example.com")
    await send(post)
    assert box.accepted[-1]["Subject"] == "Ours"


async def test_a_distorted_mail_is_dead(
    post: Runtime, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "engine.notifications.headers._encoded", lambda _, text: f"x\r\nBcc: {text}"
    )
    person = new_id()
    await enqueue(post, "welcome", person, person_id=person, email="zoe@example.com", name="Zoë")
    before = metrics.MAILS_DISTORTED._value.get()
    await send(post)
    [mail] = await post.notifications.deliveries.mails(limit=1)
    assert (mail.status, box.accepted) == (Status.DEAD, [])
    assert mail.reason == "The message's header fields are not those that were set."
    assert metrics.MAILS_DISTORTED._value.get() == before + 1


async def test_a_template_that_no_longer_fits_its_layout_loses_no_mail(
    post: Runtime, box: Mailbox
) -> None:
    await send(post)
    async with post.stores.view.connection() as connection:
        await connection.execute(
            "UPDATE mail_templates SET html = '{% bad %}' WHERE kind = 'welcome'"
        )
    await welcome(post)
    await send(post)
    assert "Is this address yours?" in part(box.accepted[0], "html")


async def test_an_organisers_layout_frames_every_mail(post: Runtime, box: Mailbox) -> None:
    layout = Texts(
        html="<html>{% block title %}{% endblock %}{% block content %}{% endblock %}<i>Ours</i></html>",
        text="{% block content %}{% endblock %}Ours",
    )
    await post.notifications.templates.add(
        "layout", "mul", layout, note="", activate=True, actor=ORGANISER
    )
    await welcome(post)
    await send(post)
    assert "<i>Ours</i>" in part(box.accepted[0], "html")
    with pytest.raises(InvalidInput):
        await post.notifications.templates.add(
            "layout",
            "mul",
            Texts(html="{{ no.such }}", text=""),
            note="",
            activate=True,
            actor=ORGANISER,
        )


async def test_the_organiser_may_add_a_language(post: Runtime, box: Mailbox) -> None:
    texts = Texts(subject="Bienvenue", html="<p>Bonjour</p>", text="Bonjour")
    await post.notifications.templates.add(
        "welcome", "fr", texts, note="", activate=True, actor=ORGANISER
    )
    for language, subject in (("fr-CA", "Bienvenue"), ("it", "Is this address yours?")):
        person = new_id()
        who = {"email": f"{language}@example.com", "language": language}
        await enqueue(post, "welcome", person, person_id=person, **who)
        await send(post)
        assert box.accepted[-1]["Subject"] == subject


# Without a server


async def test_without_a_server_mails_are_kept(
    settings: Settings, stores: StoreUrls, post_url: str
) -> None:
    wanted = post_settings(settings, stores, post_url)
    async with open_runtime(wanted, role="test") as post:
        mail_id = await welcome(post)
        await send(post)
        mail = await post.notifications.deliveries.mail(mail_id)
        assert mail.status == Status.SENT
        assert [a.outcome for a in mail.log] == ["accepted"]
        [kept] = await post.notifications.deliveries.kept(10)
        assert kept["notification_id"] == mail_id
        assert b"Is this address yours?" in await post.notifications.deliveries.kept_mail(mail_id)
        await post.notifications.watch.forget()
        assert len(await post.notifications.deliveries.kept(10)) == 1


# The log


async def test_the_log_deletes_old_mails_of_past_events(
    house: House, post: Runtime, box: Mailbox, buyer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.notifications.watch._FORGOTTEN_AT_ONCE", 2)
    answer = await house.book(buyer, await house.hold(buyer, 3))
    box.choose = lambda stage, to: "5xx" if stage == "RCPT" and to.startswith("hal") else None
    sent = [await welcome(post, f"{name}@example.com") for name in ("ida", "jim", "kim")]
    dead = await welcome(post, "hal@example.com")
    await send(post)
    await post.notifications.announcing.run_once()
    watch = post.notifications.watch

    async def later(days: int) -> None:
        """Age the mails by this many days."""
        async with post.stores.view.connection() as connection:
            await connection.execute(
                "UPDATE notifications SET queued_at = now() - make_interval(days => $1), "
                "ended_at = now() - make_interval(days => $1)",
                days,
            )

    await later(89)
    assert await watch.forget() == 0
    await later(91)
    assert [await watch.forget() for _ in range(3)] == [2, 1, 0]
    for mail_id in sent:
        with pytest.raises(NotFound):
            await post.notifications.deliveries.mail(mail_id)
    assert (await post.notifications.deliveries.mail(dead)).log
    # Mails of an upcoming event are not deleted, because their causes may occur again.
    [confirmed] = await post.notifications.deliveries.mails(event_id=house.event_id, limit=10)
    assert (confirmed.kind, confirmed.cause) == (
        MailKind.BOOKING_CONFIRMED,
        answer.booking.booking_id,
    )
    async with post.stores.view.connection() as connection:
        await connection.execute("UPDATE told_events SET starts_at = now() - interval '91 days'")
    assert await watch.forget() == 1
    assert [m.mail_id for m in await post.notifications.deliveries.mails(limit=10)] == [dead]
